/* fsck, item by item: the record, its name, its text in every version, and what hangs on it. */
#include "fsck_int.h"

#include <stdio.h>

#include "backfill.h"

#define CHUNK    256
#define JOBS_MAX 64 /* backfills that are looked at; there is one for each version that had one */

/* ---- Items ---- */

struct looking {
    struct fsck *f;
    struct job_row jobs[JOBS_MAX];
    size_t n_jobs;
    struct lens lens;
    struct item_row row;
    char what[KEY_MAX + 160]; /* "item 17 (Dog "rex")" */
};

static const char *type_name(const struct catalog *c, uint32_t coll)
{
    for (size_t i = c->n_entries; i-- > 0;)
        for (size_t k = 0; k < c->entries[i].v->n_shapes; k++)
            if (c->entries[i].v->shapes[k]->kind == SHAPE_ITEM &&
                c->entries[i].v->shapes[k]->coll == coll)
                return c->entries[i].v->shapes[k]->name;
    return "item";
}

static void name_it(struct looking *l, uint64_t id, struct span key)
{
    snprintf(l->what, sizeof l->what, "item %llu (%.100s \"%.*s\")",
             (unsigned long long)id_number(id), type_name(l->f->cat, id_coll(id)),
             (int)(key.n < KEY_MAX ? key.n : KEY_MAX), key.n ? key.p : "");
}

static bool entry_is_known(const struct catalog *c, const struct entry *en)
{
    if (en->slot == SLOT_KEY) /* own keys that change_key hid */
        return en->kind == ENTRY_MEMORY;
    if (en->kind >= ENTRY_RAW)
        return en->slot >> RAW_SHAPE_BITS < c->next.number;
    return en->slot == SLOT_EXTRA || (en->slot >= SLOT_FIRST && en->slot < c->next.slot);
}

static void look_at_record(struct looking *l)
{
    const struct catalog *c = l->f->cat;
    const struct record *rec = &l->row.rec;
    struct err why = ERR_INIT;
    if (rec->gen >= c->next.step)
        fsck_finding(l->f, "its content may be damaged", "%s is from step %u, which was never made",
                     l->what, (unsigned)rec->gen);
    for (size_t i = 0; i < rec->n; i++)
        if (!entry_is_known(c, &rec->e[i]))
            fsck_finding(l->f, "its content may be damaged", "%s holds a value of unknown slot %u",
                         l->what, (unsigned)rec->e[i].slot);
    if (key_check(buf_span(&l->row.key), &why))
        fsck_finding(l->f, "its content is there and can't be opened", "%s: %s", l->what, why.text);
}

/* A backfill that has passed an item has rewritten it. */
static void look_at_jobs(struct looking *l)
{
    for (size_t i = 0; i < l->n_jobs; i++)
        if (l->row.id <= l->jobs[i].cursor && l->row.rec.gen < l->jobs[i].step)
            fsck_finding(l->f, "nothing is lost yet, finalize could drop what it holds",
                         "the backfill of version %u is past %s and has not rewritten it",
                         (unsigned)l->jobs[i].version, l->what);
}

static int look_at_name(struct looking *l, uint32_t space, struct span key, struct err *e)
{
    uint64_t id = 0;
    bool found;
    if (item_find_id(l->f->c, space, key, &id, &found, e))
        return -1;
    if (!found)
        fsck_finding(l->f, "its content is there, it is listed and can't be opened by name",
                     "%s has no name", l->what);
    else if (id != l->row.id)
        fsck_finding(l->f, "its content is there and can't be opened by name",
                     "%s: its name \"%.*s\" stands for item %llu", l->what, (int)key.n, key.p,
                     (unsigned long long)id_number(id));
    return 0;
}

static int look_in_set(struct looking *l, uint32_t set, struct err *e)
{
    const struct shape s = {.set = set};
    uint64_t id;
    bool found;
    if (!set)
        return 0;
    if (item_shown_id(l->f->c, &s, id_number(l->row.id), &id, &found, e))
        return -1;
    if (!found || id != l->row.id)
        fsck_finding(l->f, "its content is there and can't be opened in its part",
                     "%s is not noted in its part", l->what);
    return 0;
}

static int look_at_part(struct looking *l, const struct naming *n, struct err *e)
{
    uint32_t set = names_set(n, &l->row.rec);
    if (!set && derive_is_done(l->f->tx->store, l->f->tx, n->step))
        fsck_finding(l->f, "its content is there and can't be opened there",
                     "%s is in no part of step %u", l->what, (unsigned)n->step);
    return look_in_set(l, set, e) || look_in_set(l, names_misfit(n, &l->row.rec), e) ? -1 : 0;
}

static int look_at_names(struct looking *l, struct err *e)
{
    const struct catalog *c = l->f->cat;
    if (look_at_name(l, id_coll(l->row.id), buf_span(&l->row.key), e))
        return -1;
    for (size_t i = 0; i < c->n_namings; i++) {
        const struct naming *n = c->namings[i];
        struct buf hold BUF_CLEANUP = BUF_INIT;
        struct span key;
        if (n->coll != id_coll(l->row.id))
            continue;
        if (!n->space) {
            if (look_at_part(l, n, e))
                return -1;
            continue;
        }
        if (names_key(&l->row.rec, n->slot, &hold, &key, e) ||
            (key.p && look_at_name(l, n->space, key, e)))
            return -1;
        if (!key.p && derive_is_done(l->f->tx->store, l->f->tx, n->step))
            fsck_finding(l->f, "its content is there and can't be opened there",
                         "%s has no key of step %u", l->what, (unsigned)n->step);
    }
    return 0;
}

static int look_through(struct looking *l, const struct version *v, const struct shape *s,
                        struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct json_node *object;
    struct err why = ERR_INIT;
    if (lens_text(&l->lens, v, s, &l->row.rec, buf_span(&l->row.key), false, &text, &why) ||
        json_parse_object(text.p, text.n, &l->lens.arena, &object, &why)) {
        if (why.code == ERR_NO_MEMORY)
            return err_nomem(e);
        fsck_finding(l->f, "it can't be read there", "%s through %s: %s", l->what, v->name,
                     why.text);
    }
    lens_reset(&l->lens);
    return 0;
}

static int look_where_shown(struct looking *l, const struct version *v, const struct shape *s,
                            struct err *e)
{
    bool shown;
    if (lens_shows(&l->lens, v, s, &l->row.rec, buf_span(&l->row.key), &shown, e))
        return -1;
    return shown ? look_through(l, v, s, e) : 0;
}

static int look_through_all(struct looking *l, struct err *e)
{
    struct shape hold;
    const struct catalog *c = l->f->cat;
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct version *v = c->entries[i].v;
        for (size_t k = 0; k < v->n_shapes && c->entries[i].state == VERSION_LIVE; k++)
            if (v->shapes[k]->kind == SHAPE_ITEM &&
                shape_has_coll(v->shapes[k], id_coll(l->row.id)) &&
                look_where_shown(l, v, shape_of_coll(v->shapes[k], id_coll(l->row.id), &hold), e))
                return -1;
    }
    return 0;
}

/* What the writing code would have to add, change or refuse. */
static int look_refs(struct looking *l, struct err *e)
{
    struct id_list lost ID_LIST_CLEANUP = {0};
    return refs_follow(l->f->tx, l->row.id, NULL, &l->row.rec, &lost, e);
}

static int look_uniques(struct looking *l, struct err *e)
{
    return unique_follow(l->f->tx, l->row.id, buf_span(&l->row.key), &l->row.rec, e);
}

static int look_extracted(struct looking *l, struct err *e)
{
    return derive_follow(l->f->tx, l->row.id, buf_span(&l->row.key), &l->row.rec, e);
}

static const struct {
    int (*fn)(struct looking *l, struct err *e);
    const char *what, *lost;
} follows[] = {
    {look_refs, "refers to items that don't know it",
     "nothing is lost yet, what it refers to could be deleted unseen"},
    {look_uniques, "has unique keys that are not noted as they are",
     "nothing is lost, a duplicate could be accepted"},
    {look_extracted, "has values that are not noted as they are",
     "nothing is lost, a second record of these values could be made"},
};

static int look_follows(struct looking *l, struct err *e)
{
    for (size_t i = 0; i < sizeof follows / sizeof follows[0]; i++) {
        struct err why = ERR_INIT;
        int before = sqlite3_total_changes(l->f->c->db);
        if (follows[i].fn(l, &why)) {
            if (why.code == ERR_NO_MEMORY)
                return err_nomem(e);
            fsck_finding(l->f, follows[i].lost, "%s: %s", l->what, why.text);
        } else if (sqlite3_total_changes(l->f->c->db) != before) {
            fsck_finding(l->f, follows[i].lost, "%s %s", l->what, follows[i].what);
        }
        derive_uses_begin(l->f->tx);
    }
    return 0;
}

static int look_at(struct looking *l, uint64_t id, struct err *e)
{
    struct err why = ERR_INIT;
    bool found;
    name_it(l, id, (struct span){0});
    if (item_row_get(l->f->c, id, &l->row, &found, &why)) {
        if (why.code == ERR_NO_MEMORY)
            return err_nomem(e);
        fsck_finding(l->f, "its content is lost in every version", "%s: %s", l->what, why.text);
        return 0;
    }
    if (!found)
        return 0;
    name_it(l, id, buf_span(&l->row.key));
    look_at_record(l);
    look_at_jobs(l);
    if (look_at_names(l, &why) || look_through_all(l, &why) ||
        (!l->f->tx->store->bare && look_follows(l, &why)))
        return fsck_troubled(l->f, l->what, &why, e);
    return 0;
}

static int next_ids(struct fsck *f, uint64_t after, uint64_t *ids, size_t *ret_n, struct err *e)
{
    sqlite3_stmt *st;
    bool row = true;
    int rc = 0;
    *ret_n = 0;
    if (conn_prepare(f->c, "SELECT id FROM item WHERE id > ?1 ORDER BY id", &st, e))
        return -1;
    bind_id(st, 1, after);
    while (!rc && row && *ret_n < CHUNK) {
        rc = conn_step(f->c, st, &row, e);
        if (!rc && row && !(rc = item_follows(column_id(st, 0), &after, e)))
            ids[(*ret_n)++] = after;
    }
    sqlite3_finalize(st);
    return rc;
}

int fsck_items(struct fsck *f, struct err *e)
{
    struct looking l = {.f = f};
    uint64_t ids[CHUNK], after = 0;
    size_t n = 0;
    int rc = 0;
    struct err jobs = ERR_INIT;
    if (job_list(f->c, l.jobs, JOBS_MAX, &l.n_jobs, &jobs) &&
        fsck_troubled(f, "the backfills", &jobs, e))
        return -1;
    tx_sub_lens(f->tx, &l.lens);
    do {
        struct err why = ERR_INIT;
        if (next_ids(f, after, ids, &n, &why))
            rc = fsck_troubled(f, "the list of items", &why, e);
        for (size_t i = 0; i < n && !rc; i++)
            rc = look_at(&l, ids[i], e);
        after = n ? ids[n - 1] : 0;
    } while (!rc && n == CHUNK);
    lens_deinit(&l.lens);
    item_row_free(&l.row);
    return rc;
}
