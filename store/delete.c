/* Deleting an item: what refers to it decides (on_delete), each reference by the newest live
 * version that shows it. Dormant versions enforce nothing: their references are unset. */
#include "internal.h"

#include <stdio.h>

/* ---- Policies ---- */

struct policy {
    bool known;
    enum on_delete on_delete;
    const struct shape *s;
    const struct field *f;
};

/* What a field says of references to items of `coll`; inside an object, the strictest one. */
static void policy_of_field(const struct version *v, const struct shape *s, const struct field *f,
                            uint32_t coll, unsigned depth, struct policy *ret)
{
    const struct type_ref *t = f->type;
    const struct shape *of;

    while (t->elem)
        t = t->elem;
    of = t->base == T_REF || t->base == T_OBJECT ? version_shape(v, t->shape) : NULL;
    if (!of || depth > JSON_MAX_DEPTH)
        return;
    if (t->base == T_REF && shape_has_coll(of, coll) && (!ret->known || f->on_delete < ret->on_delete))
        *ret = (struct policy){true, f->on_delete, s, f};
    for (size_t i = 0; t->base == T_OBJECT && i < of->n_fields; i++)
        policy_of_field(v, of, &of->fields[i], coll, depth + 1, ret);
}

static struct policy policy_in(const struct version *v, slot_no slot, uint32_t coll)
{
    struct policy p = {0};

    for (size_t i = 0; i < v->n_shapes; i++) {
        const struct field *f = shape_field_by_slot(v->shapes[i], slot);
        if (v->shapes[i]->kind == SHAPE_ITEM && f)
            policy_of_field(v, v->shapes[i], f, coll, 0, &p);
    }
    return p;
}

static struct policy policy_of(const struct catalog *c, slot_no slot, uint32_t coll)
{
    struct policy p = {.on_delete = ON_DELETE_UNSET};

    for (size_t i = c->n_entries; i-- > 0;) {
        if (c->entries[i].state != VERSION_LIVE)
            continue;
        struct policy here = policy_in(c->entries[i].v, slot, coll);
        if (here.known)
            return here;
    }
    return p;
}

static int refuse(struct store_tx *tx, const struct policy *p, uint64_t target, uint64_t holder,
                  struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0}, item ITEM_ROW_CLEANUP = {0};
    char field[128];
    bool found;

    if (item_row_get(tx->c, holder, &row, &found, e) ||
        item_row_get(tx->c, target, &item, &found, e))
        return -1;
    snprintf(field, sizeof field, "%s.%s", p->s->name, p->f->name);
    err_set(e, ERR_BUSY, "\"%.*s\" is referred to by %s of \"%.*s\"", (int)item.key.n,
            item.key.p ? item.key.p : "", field, (int)row.key.n, row.key.p ? row.key.p : "");
    return err_field(e, field);
}

/* ---- The items that go ---- */

/* Items from before a step that refer to the item by the values they hold get real references: for
 * a refusal one is enough. */
static int settle(struct store_tx *tx, uint64_t id, struct err *e)
{
    const struct link *l = derive_link_of(tx->cat, id_coll(id));
    int64_t holders = 0;
    struct policy p;

    if (!l)
        return 0;
    if (derive_origin_holders(tx->c, id, &holders, e))
        return -1;
    if (holders <= 0)
        return 0;
    p = policy_of(tx->cat, l->ref, id_coll(id));
    return derive_settle(tx, l, id, p.known && p.on_delete == ON_DELETE_RESTRICT, e);
}

/* The item and all that cascades from it, in order of their finding. */
static int closure(struct store_tx *tx, uint64_t id, struct id_list *ret, struct err *e)
{
    if (id_list_add(ret, id, e))
        return -1;
    for (size_t i = 0; i < ret->n; i++) {
        struct id_list holders ID_LIST_CLEANUP = {0}, slots ID_LIST_CLEANUP = {0};
        if (derive_given_to(tx, ret->ids[i], e) || settle(tx, ret->ids[i], e) ||
            refs_of(tx, ret->ids[i], SLOT_NONE, SIZE_MAX, &holders, &slots, e))
            return -1;
        for (size_t k = 0; k < holders.n; k++) {
            struct policy p = policy_of(tx->cat, (slot_no)slots.ids[k], id_coll(ret->ids[i]));
            if (p.on_delete == ON_DELETE_CASCADE && !id_list_has(ret, holders.ids[k]) &&
                id_list_add(ret, holders.ids[k], e))
                return -1;
        }
    }
    return 0;
}

/* A reference to an item that goes becomes unset. */
static int unset_ref(struct store_tx *tx, uint64_t holder, slot_no slot, uint64_t target,
                     struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    struct record now RECORD_CLEANUP = RECORD_INIT;
    struct lens_change change;
    struct lens lens;
    bool found;
    int rc;

    if (item_row_get(tx->c, holder, &row, &found, e))
        return -1;
    if (!found)
        return 0;
    tx_sub_lens(tx, &lens);
    derive_uses_begin(tx);
    rc = lens_drop_ref(&lens, id_coll(holder), buf_span(&row.key), slot, target, &row.rec, &now,
                       &change, e);
    if (rc == 0 && change.fields)
        rc = history_keep(tx, &row, e);
    if (rc == 0)
        rc = item_store(tx, &row, &now, tx->now_ns, e);
    if (rc == 0)
        rc = item_note(tx, holder, &change, e);
    lens_deinit(&lens);
    return rc;
}

static int unset_refs(struct store_tx *tx, uint64_t target, const struct id_list *going,
                      struct err *e)
{
    struct id_list holders ID_LIST_CLEANUP = {0}, slots ID_LIST_CLEANUP = {0};

    if (refs_of(tx, target, SLOT_NONE, SIZE_MAX, &holders, &slots, e))
        return -1;
    for (size_t i = 0; i < holders.n; i++) {
        slot_no slot = (slot_no)slots.ids[i];
        struct policy p = policy_of(tx->cat, slot, id_coll(target));
        if (id_list_has(going, holders.ids[i]))
            continue;
        if (p.on_delete == ON_DELETE_RESTRICT)
            return refuse(tx, &p, target, holders.ids[i], e);
        if (unset_ref(tx, holders.ids[i], slot, target, e))
            return -1;
    }
    return 0;
}

static int must_be_there(struct store_tx *tx, uint64_t id, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    bool found;

    if (item_row_get(tx->c, id, &row, &found, e))
        return -1;
    return found ? 0 : err_set(e, ERR_NOT_FOUND, "the item is gone");
}

/* A record that was only made by extraction goes by itself with the last reference that becomes unset. */
int item_delete(struct store_tx *tx, uint64_t id, struct err *e)
{
    struct id_list going ID_LIST_CLEANUP = {0};

    history_begin(tx);
    if (derive_coll_tx(tx, id_coll(id), e) || must_be_there(tx, id, e) || closure(tx, id, &going, e))
        return -1;
    for (size_t i = 0; i < going.n; i++)
        if (unset_refs(tx, going.ids[i], &going, e))
            return -1;
    for (size_t i = 0; i < going.n; i++) {
        struct item_row row ITEM_ROW_CLEANUP = {0};
        bool found;
        if (item_row_get(tx->c, going.ids[i], &row, &found, e))
            return -1;
        if (found && item_remove(tx, &row, e))
            return -1;
    }
    return 0;
}

/* ---- Removing one item ---- */

/* An item from before a step counted as a holder of the record of its values. */
static int leave_origins(struct store_tx *tx, const struct item_row *row, struct id_list *lost,
                         struct err *e)
{
    const struct group *g = catalog_group(tx->cat, id_coll(row->id));
    struct record now RECORD_CLEANUP = RECORD_INIT;
    struct lens lens;
    bool changed, counted = false;
    int rc;

    for (size_t i = 0; i < g->n_links; i++)
        counted |= g->links[i]->kind == LINK_EXTRACT && row->rec.gen < g->links[i]->step &&
                   derive_is_done(tx->store, tx, g->links[i]->step);
    if (!counted)
        return 0;
    tx_sub_lens(tx, &lens);
    derive_uses_begin(tx);
    rc = lens_materialize(&lens, id_coll(row->id), buf_span(&row->key), &row->rec,
                          tx->cat->last_step, &now, &changed, e);
    lens_deinit(&lens);
    return rc ? -1 : derive_uses_apply(tx, lost, e);
}

int item_forget_attr(struct store_tx *tx, uint64_t id, struct err *e)
{
    return tx_run_id(tx, STMT_ATTR_FORGET, id_number(id), e);
}

/* They hold for its revisions, as long as there are some. */
static int forget_attr(struct store_tx *tx, uint64_t id, struct err *e)
{
    uint64_t next;
    bool has;

    if (!atomic_load(&tx->store->has_attrs))
        return 0;
    if (history_next_id(tx->c, id - 1, id, &next, &has, e))
        return -1;
    return has ? 0 : item_forget_attr(tx, id, e);
}

static int remove_rows(struct store_tx *tx, const struct item_row *row, struct err *e)
{
    struct named now = {buf_span(&row->key), &row->rec}, nothing = {.rec = NULL};

    if (names_follow(tx, row->id, now, nothing, e) || tx_run_id(tx, STMT_ITEM_DELETE, row->id, e) ||
        unique_forget(tx, row->id, e) || derive_forget(tx, row->id, e))
        return -1;
    if (history_keep_gone(tx, row, e) || forget_attr(tx, row->id, e))
        return -1;
    return tx_count(tx, id_coll(row->id), -1, e);
}

static int remove_now(struct store_tx *tx, const struct item_row *row, struct err *e)
{
    struct id_list lost ID_LIST_CLEANUP = {0};

    if (leave_origins(tx, row, &lost, e) || refs_follow(tx, row->id, &row->rec, NULL, &lost, e) ||
        remove_rows(tx, row, e))
        return -1;
    return refs_release_all(tx, &lost, e);
}

/* What it holds has moved away by a step that it is older than. */
static bool gives_first(struct store_tx *tx, const struct item_row *row)
{
    const struct group *g = catalog_group(tx->cat, id_coll(row->id));

    for (size_t i = 0; i < g->n_links; i++)
        if (g->links[i]->kind == LINK_MOVE && row->rec.gen < g->links[i]->step)
            return true;
    return false;
}

int item_remove(struct store_tx *tx, const struct item_row *row, struct err *e)
{
    struct item_row now ITEM_ROW_CLEANUP = {0};
    bool found, changed;

    if (!gives_first(tx, row))
        return remove_now(tx, row, e);
    if (item_materialize(tx, row, tx->cat->last_step, &changed, e) ||
        item_row_get(tx->c, row->id, &now, &found, e))
        return -1;
    return found ? remove_now(tx, &now, e) : 0;
}
