/* What a transaction notes for its commit: which items changed, how many there are. */
#include "internal.h"

/* ---- Changes ---- */

void change_list_reset(struct change_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free((char *)l->list[i].key);
    free(l->list);
    *l = (struct change_list){0};
}

void tx_note_many(struct store_tx *tx)
{
    if (tx->quiet)
        return;
    tx->changes.many = true; /* what was listed stays: it is known exactly, and told first */
}

static bool noted(const struct change_list *l, enum store_change_kind kind, uint64_t id)
{
    for (size_t i = l->n > 8 ? l->n - 8 : 0; i < l->n; i++)
        if (l->list[i].id == id && l->list[i].kind == kind && kind == STORE_CHANGE_ITEM)
            return true;
    return false;
}

void tx_note(struct store_tx *tx, enum store_change_kind kind, uint64_t id, struct span key)
{
    struct change_list *l = &tx->changes;
    struct store_change *grown;
    char *copy = NULL;

    if (tx->deriving || tx->quiet || noted(l, kind, id))
        return;
    if (l->n == CHANGES_MAX) {
        tx_note_many(tx);
        return;
    }
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 4;
        grown = reallocarray(l->list, cap, sizeof *grown);
        if (!grown) {
            tx_note_many(tx);
            return;
        }
        l->list = grown;
        l->cap = cap;
    }
    if (kind != STORE_CHANGE_ITEM && !(copy = strndup(key.p, key.n))) {
        tx_note_many(tx);
        return;
    }
    l->list[l->n++] = (struct store_change){kind, id, copy};
}

/* ---- Counts ---- */

int tx_counts_add(struct count **counts, size_t *n, uint32_t coll, int64_t delta,
                  int64_t mtime_ns, struct err *e)
{
    struct count *grown;

    for (size_t i = 0; i < *n; i++)
        if ((*counts)[i].coll == coll) {
            (*counts)[i].n += delta;
            (*counts)[i].mtime_ns = mtime_ns;
            return 0;
        }
    grown = reallocarray(*counts, *n + 1, sizeof *grown);
    if (!grown)
        return err_nomem(e);
    *counts = grown;
    grown[(*n)++] = (struct count){.coll = coll, .n = delta, .mtime_ns = mtime_ns};
    return 0;
}

int tx_count(struct store_tx *tx, uint32_t coll, int64_t delta, struct err *e)
{
    return tx_counts_add(&tx->counts, &tx->n_counts, coll, delta, 0, e);
}

int tx_names_mtime(struct store_tx *tx, uint32_t coll, int64_t mtime_ns, struct err *e)
{
    return tx_counts_add(&tx->counts, &tx->n_counts, coll, 0, mtime_ns, e);
}
