/* fsck: what points to items and holds for none of them: references, names; and old revisions. */
#include "fsck_int.h"

/* ---- Revisions ---- */

static int look_back_through(struct fsck *f, const struct version *v, const struct shape *s,
                             uint64_t revision, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct err why = ERR_INIT;
    int rc = history_text(f->c, v, s, revision, &text, &why);

    lens_reset(&f->c->lens);
    if (rc && why.code == ERR_NO_MEMORY)
        return err_nomem(e);
    if (rc)
        fsck_finding(f, "it can't be read there", "revision %llu of a %s through %s: %s",
                     (unsigned long long)revision, s->name, v->name, why.text);
    return 0;
}

static int look_back(struct fsck *f, uint64_t revision, uint32_t coll, struct err *e)
{
    const struct catalog *c = f->cat;
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct version *v = c->entries[i].v;
        for (size_t k = 0; k < v->n_shapes && c->entries[i].state == VERSION_LIVE; k++)
            if (v->shapes[k]->kind == SHAPE_ITEM && v->shapes[k]->coll == coll &&
                look_back_through(f, v, v->shapes[k], revision, e))
                return -1;
    }
    return 0;
}

int fsck_history(struct fsck *f, struct err *e)
{
    struct err why = ERR_INIT;
    sqlite3_stmt *st = NULL;
    bool row = true;
    int rc = conn_prepare(f->c, "SELECT rev, id FROM history ORDER BY rev", &st, &why);

    while (!rc && !(rc = conn_step(f->c, st, &row, &why)) && row)
        if (look_back(f, column_id(st, 0), id_coll(column_id(st, 1)), &why))
            rc = -1;
    sqlite3_finalize(st);
    return rc ? fsck_troubled(f, "the history", &why, e) : 0;
}

/* ---- References that no record holds ---- */

struct pointer {
    slot_no slot;
    uint64_t target;
    bool held;
};

static int is_pointer(void *arg, slot_no slot, uint64_t target)
{
    struct pointer *p = arg;
    p->held |= slot == p->slot && target == p->target;
    return 0;
}

/* Slots of versions that are gone stay in records, unread: their references don't count. */
static int check_ref(struct fsck *f, struct lens *lens, struct item_row *row, sqlite3_stmt *st,
                     struct err *e)
{
    const struct catalog *c = f->cat;
    struct pointer p = {(slot_no)column_id(st, 2), column_id(st, 0), false};
    bool found;
    if (p.slot < c->n_slots && !c->slots[p.slot].type)
        return 0;
    if (item_row_get(f->c, column_id(st, 1), row, &found, e))
        return e->code == ERR_NO_MEMORY ? -1 : 0; /* damaged: look_at tells */
    if (!found)
        return 0;
    if (lens_refs(lens, &row->rec, is_pointer, &p, e))
        return -1;
    lens_reset(lens);
    if (!p.held)
        fsck_finding(f, "nothing is lost, that item can't be deleted",
                     "item %llu is noted to be referred to by item %llu, which does not",
                     (unsigned long long)id_number(p.target),
                     (unsigned long long)id_number(row->id));
    return 0;
}

int fsck_refs(struct fsck *f, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    struct err why = ERR_INIT;
    struct lens lens;
    sqlite3_stmt *st;
    bool more;
    int rc = conn_prepare(f->c, "SELECT target, holder, slot FROM ref", &st, &why);
    if (rc)
        return fsck_troubled(f, "the references", &why, e);
    tx_sub_lens(f->tx, &lens);
    while (!(rc = conn_step(f->c, st, &more, &why)) && more) {
        struct err one = ERR_INIT;
        if (check_ref(f, &lens, &row, st, &one) && fsck_troubled(f, "a reference", &one, &why)) {
            rc = -1;
            break;
        }
    }
    sqlite3_finalize(st);
    lens_deinit(&lens);
    return rc ? fsck_troubled(f, "the references", &why, e) : 0;
}

/* ---- Names that a step gave, of nothing ---- */

static int check_name(struct fsck *f, const struct naming *n, sqlite3_stmt *st,
                      struct item_row *row, struct err *e)
{
    struct buf hold BUF_CLEANUP = BUF_INIT;
    struct span name = column_span(st, 0), key = {0};
    bool found;
    if (id_coll(column_id(st, 1)) != n->coll) /* a merged type's: another naming's */
        return 0;
    if (item_row_get(f->c, column_id(st, 1), row, &found, e))
        return e->code == ERR_NO_MEMORY ? -1 : 0; /* damaged: look_at tells */
    if (found && names_key(&row->rec, n->slot, &hold, &key, e))
        return -1;
    if (!key.p || !span_eq(key, name))
        fsck_finding(f, "nothing is lost, the name can't be given to another item",
                     "name \"%.*s\" of step %u stands for item %llu, which %s", (int)name.n, name.p,
                     (unsigned)n->step, (unsigned long long)id_number(column_id(st, 1)),
                     found ? "is not called so" : "is missing");
    return 0;
}

static int check_naming(struct fsck *f, const struct naming *n, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    sqlite3_stmt *st;
    bool more;
    int rc = conn_prepare(f->c, "SELECT key, id FROM name WHERE coll = ?1", &st, e);
    if (rc)
        return -1;
    sqlite3_bind_int64(st, 1, n->space);
    while (!(rc = conn_step(f->c, st, &more, e)) && more && !(rc = check_name(f, n, st, &row, e)))
        ;
    sqlite3_finalize(st);
    return rc;
}

static int check_member(struct fsck *f, const struct naming *n, uint32_t set, sqlite3_stmt *st,
                        struct item_row *row, struct err *e)
{
    bool found;
    if (id_coll(column_id(st, 0)) != n->coll) /* a merged type's: another naming's */
        return 0;
    if (item_row_get(f->c, column_id(st, 0), row, &found, e))
        return e->code == ERR_NO_MEMORY ? -1 : 0; /* damaged: fsck_items tells */
    if (!found || (names_set(n, &row->rec) != set && names_misfit(n, &row->rec) != set))
        fsck_finding(f, "nothing is lost", "item %llu is noted in a part of step %u where it is not",
                     (unsigned long long)id_number(column_id(st, 0)), (unsigned)n->step);
    return 0;
}

static int check_set(struct fsck *f, const struct naming *n, uint32_t set, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    sqlite3_stmt *st;
    bool more;
    int rc = conn_prepare(f->c, "SELECT id FROM member WHERE set_id = ?1", &st, e);
    if (rc)
        return -1;
    sqlite3_bind_int64(st, 1, set);
    while (!(rc = conn_step(f->c, st, &more, e)) && more &&
           !(rc = check_member(f, n, set, st, &row, e)))
        ;
    sqlite3_finalize(st);
    return rc;
}

static int check_parts(struct fsck *f, const struct naming *n, struct err *e)
{
    for (size_t i = 0; i < n->n; i++)
        if (check_set(f, n, n->sets[i], e))
            return -1;
    return check_set(f, n, n->misfits, e);
}

int fsck_namings(struct fsck *f, struct err *e)
{
    for (size_t i = 0; i < f->cat->n_namings; i++) {
        struct err why = ERR_INIT;
        const struct naming *n = f->cat->namings[i];
        if ((n->space ? check_naming(f, n, &why) : check_parts(f, n, &why)) &&
            fsck_troubled(f, "the names that a step gave", &why, e))
            return -1;
    }
    return 0;
}
