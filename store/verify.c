/* verify: on the live data, that a version and its predecessor agree.
 *
 * For every item of every type that either shows, through both: its text is read, checked, and
 * written back, which must change no text (GetPut) in either; what it refers to is there; checks
 * and unique sets hold. A check that other versions may write past is no proof of damage
 * (verify_except.h): what fails it is counted apart. The writing back happens in transactions that are undone, a few items at a
 * time, so that other writers get their turn and nothing is kept. */
#include "query.h"

#include <stdio.h>

#include "difference.h"
#include "verify_except.h"

#define CHUNK 256

struct verifying {
    struct store *s;
    struct catalog *cat;
    const struct version *versions[2]; /* v, its predecessor or NULL */
    const struct verb_caller *by;
    uint32_t coll;
    uint64_t after; /* the item before the next one */
    bool end;       /* of the collection */
    uint64_t items, bad, refs;
    struct err first;          /* what was found first */
    uint64_t excepted;         /* items that fail a check without being damaged */
    bool item_excepted;        /* the one at hand is one */
    struct err first_excepted; /* what the first of them fails */
    /* the chunk's */
    struct store_tx *tx;
    struct lens lens;
};

/* One item through one version. */
struct through {
    struct verifying *vf;
    const struct version *v;
    const struct shape *s;
    const struct item_row *row;
    struct span key;
};

/* ---- Checks ---- */

/* What fails a check is no damage where it may be written without it: it stands in the item, and is
 * shown as it is. */
static void note_exception(const struct through *t, const struct err *why)
{
    struct verifying *vf = t->vf;

    if (!vf->excepted)
        err_set(&vf->first_excepted, ERR_INVALID, "%s \"%.*s\" through %s: %s", t->s->name,
                (int)(t->key.n < 100 ? t->key.n : 100), t->key.p, t->v->name, why->text);
    vf->item_excepted = true;
}

static int checks_hold(const struct through *t, const struct record *rec, struct err *e)
{
    size_t at = 0;
    struct err why = ERR_INIT;

    while (lens_checks_from(&t->vf->lens, t->v, t->s, t->key, rec, NULL, &at, &why)) {
        if (why.code != ERR_INVALID || !verify_excepts(t->vf->cat, t->s, at)) {
            *e = why;
            return -1;
        }
        note_exception(t, &why);
        why = (struct err)ERR_INIT;
        at++;
    }
    return 0;
}

/* ---- References ---- */

struct missing {
    struct verifying *vf;
    struct err *e;
};

static int target_is_there(void *arg, slot_no slot, uint64_t target)
{
    struct missing *m = arg;
    struct conn *c = m->vf->tx->c;
    sqlite3_stmt *st = conn_stmt(c, STMT_ITEM_KEY, m->e);
    bool row;
    if (!st)
        return -1;
    bind_id(st, 1, target);
    if (conn_step(c, st, &row, m->e))
        return -1;
    stmt_done(st);
    m->vf->refs++;
    if (row)
        return 0;
    return err_set(m->e, ERR_INVALID, "it refers to an item that is not there (%llu, slot %u)",
                   (unsigned long long)id_number(target), (unsigned)slot);
}

static int refs_resolve(const struct through *t, const struct record *rec, struct err *e)
{
    struct missing m = {t->vf, e};
    return lens_refs(&t->vf->lens, rec, target_is_there, &m, e);
}

/* ---- Writing back ---- */

struct parting {
    const char *version;
    struct err *e;
};

static int part(void *arg, struct span field, struct span before, struct span after)
{
    struct parting *p = arg;
    char name[128];
    snprintf(name, sizeof name, "%.*s", (int)(field.n < 100 ? field.n : 100), field.p);
    err_set(p->e, ERR_INVALID, "written back as it reads, field %s of %s changes from %.*s to %.*s",
            name, p->version, before.p ? (int)(before.n < 80 ? before.n : 80) : 5,
            before.p ? before.p : "unset", after.p ? (int)(after.n < 80 ? after.n : 80) : 5,
            after.p ? after.p : "unset");
    err_field(p->e, name);
    return 1;
}

/* Does version w show the same of both records? */
static int same_text(const struct through *t, const struct version *w, const struct shape *s,
                     const struct record *now, struct err *e)
{
    struct buf before BUF_CLEANUP = BUF_INIT, after BUF_CLEANUP = BUF_INIT;
    struct lens *l = &t->vf->lens;
    struct parting p = {w->name, e};
    if (lens_text(l, w, s, &t->row->rec, t->key, true, &before, e) ||
        lens_text(l, w, s, now, t->key, true, &after, e))
        return -1;
    if (span_eq(buf_span(&before), buf_span(&after)))
        return 0;
    if (differences(buf_span(&before), buf_span(&after), part, &p, e))
        return -1;
    return e->code == ERR_NONE ? 0 : -1;
}

static int same_texts(const struct through *t, const struct record *now, struct err *e)
{
    for (size_t i = 0; i < 2 && t->vf->versions[i]; i++) {
        const struct version *w = t->vf->versions[i];
        struct shape hold;
        for (size_t k = 0; k < w->n_shapes; k++)
            if (w->shapes[k]->kind == SHAPE_ITEM && shape_has_coll(w->shapes[k], t->vf->coll) &&
                same_text(t, w, shape_of_coll(w->shapes[k], t->vf->coll, &hold), now, e))
                return -1;
    }
    return 0;
}

static int write_back(const struct through *t, struct err *e)
{
    struct verifying *vf = t->vf;
    struct record base RECORD_CLEANUP = RECORD_INIT, now RECORD_CLEANUP = RECORD_INIT;
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct lens_change change;
    const struct record *rec = &t->row->rec;

    if (lens_text(&vf->lens, t->v, t->s, rec, t->key, false, &text, e) ||
        lens_snapshot(&vf->lens, t->v, t->s, rec, t->key, &base, e) ||
        lens_check(&vf->lens, t->v, t->s, buf_span(&text), &base, e) ||
        lens_put(&vf->lens, t->v, t->s, t->key, buf_span(&text), false, &base, rec, &now, &change,
                 e))
        return -1;
    if (change.any && same_texts(t, &now, e))
        return -1;
    if (checks_hold(t, rec, e) || refs_resolve(t, &now, e))
        return -1;
    return unique_follow(vf->tx, t->row->id, t->key, &now, e);
}

/* ---- Items ---- */

/* Found in the item, or a trouble of the store's own? */
static bool is_finding(const struct err *why)
{
    return why->code == ERR_INVALID || why->code == ERR_EXISTS || why->code == ERR_NOT_FOUND ||
           why->code == ERR_BUSY || why->code == ERR_TOO_BIG;
}

static int found(const struct through *t, const struct err *why, struct err *e)
{
    if (!is_finding(why)) {
        *e = *why;
        return -1;
    }
    err_set(&t->vf->first, ERR_INVALID, "%s \"%.*s\" through %s: %s", t->s->name,
            (int)(t->key.n < 100 ? t->key.n : 100), t->key.p, t->v->name, why->text);
    err_field(&t->vf->first, why->field);
    return 0;
}

static int item_through(struct verifying *vf, const struct version *v, const struct item_row *row,
                        bool *bad, struct err *e)
{
    for (size_t i = 0; i < v->n_shapes; i++) {
        struct shape hold;
        struct through t = {vf, v, shape_of_coll(v->shapes[i], vf->coll, &hold), row,
                            buf_span(&row->key)};
        struct err why = ERR_INIT;
        bool shown;
        if (v->shapes[i]->kind != SHAPE_ITEM || !shape_has_coll(v->shapes[i], vf->coll))
            continue;
        if (lens_shows(&vf->lens, v, t.s, &row->rec, t.key, &shown, e))
            return -1;
        if (!shown)
            continue;
        derive_uses_begin(vf->tx);
        int rc = write_back(&t, &why);
        derive_uses_begin(vf->tx);
        lens_reset(&vf->lens);
        *bad |= rc != 0;
        if (rc && found(&t, &why, e))
            return -1;
    }
    return 0;
}

static int verify_item(struct verifying *vf, uint64_t id, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    bool there, bad = false;
    vf->item_excepted = false;
    if (item_row_get(vf->tx->c, id, &row, &there, e))
        return -1;
    if (!there)
        return 0;
    for (size_t i = 0; i < 2 && vf->versions[i]; i++)
        if (item_through(vf, vf->versions[i], &row, &bad, e))
            return -1;
    vf->items++;
    vf->bad += bad;
    vf->excepted += vf->item_excepted && !bad;
    return 0;
}

static int chunk_ids(struct verifying *vf, uint64_t *ids, size_t *ret_n, struct err *e)
{
    sqlite3_stmt *st;
    uint64_t after = vf->after;
    bool row = true;
    int rc = conn_prepare(vf->tx->c, "SELECT id FROM item WHERE id > ?1 AND id <= ?2 ORDER BY id",
                          &st, e);
    *ret_n = 0;
    if (rc)
        return -1;
    bind_id(st, 1, vf->after);
    bind_id(st, 2, id_make(vf->coll, ITEM_NUMBER_MASK));
    while (!rc && row && *ret_n < CHUNK) {
        rc = conn_step(vf->tx->c, st, &row, e);
        if (!rc && row && !(rc = item_follows(column_id(st, 0), &after, e)))
            ids[(*ret_n)++] = after;
    }
    sqlite3_finalize(st);
    return rc;
}

static int still_live(const struct verifying *vf, struct err *e)
{
    for (size_t i = 0; i < 2 && vf->versions[i]; i++)
        if (catalog_live(vf->tx->cat, vf->versions[i]->number) != vf->versions[i])
            return err_set(e, ERR_STALE, "%s is not live any more", vf->versions[i]->name);
    return 0;
}

static int chunk_tx(struct store_tx *tx, void *arg, struct err *e)
{
    struct verifying *vf = arg;
    uint64_t ids[CHUNK];
    size_t n;
    vf->tx = tx;
    if (still_live(vf, e) || chunk_ids(vf, ids, &n, e))
        return -1;
    tx_sub_lens(tx, &vf->lens);
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++)
        rc = verify_item(vf, ids[i], e);
    lens_deinit(&vf->lens);
    vf->end = n < CHUNK;
    if (n)
        vf->after = ids[n - 1];
    return rc ? -1 : TX_ROLLBACK;
}

/* ---- Collections ---- */

static int verify_coll(struct verifying *vf, uint32_t coll, struct err *e)
{
    vf->coll = coll;
    vf->after = id_make(coll, 0);
    for (vf->end = false; !vf->end;) {
        if (vf->by && vf->by->interrupted && vf->by->interrupted(vf->by->arg))
            return err_set(e, ERR_INTERRUPTED, "interrupted");
        if (store_write(vf->s, TX_ALONE | TX_READ_ONLY_TOO, chunk_tx, vf, e) < 0)
            return -1;
    }
    return 0;
}

static bool shows(const struct version *v, size_t n, uint32_t coll)
{
    for (size_t i = 0; v && i < n; i++)
        if (v->shapes[i]->kind == SHAPE_ITEM && shape_has_coll(v->shapes[i], coll))
            return true;
    return false;
}

/* For good, before what would derive them in every transaction that is undone. */
static int derive_all(struct verifying *vf, struct err *e)
{
    for (size_t i = 0; i < 2 && vf->versions[i]; i++)
        for (size_t k = 0; k < vf->versions[i]->n_shapes; k++)
            if (vf->versions[i]->shapes[k]->kind == SHAPE_ITEM &&
                derive_for_view(vf->s, vf->versions[i],
                                vf->versions[i]->shapes[k]->coll, e))
                return -1;
    return 0;
}

/* Each collection once. */
static int verify_all(struct verifying *vf, struct err *e)
{
    const struct version *v = vf->versions[0], *p = vf->versions[1];
    for (size_t i = 0; i < v->n_shapes; i++)
        for (size_t k = 0; k < (v->shapes[i]->n_colls ? v->shapes[i]->n_colls : 1); k++) {
            const struct shape *s = v->shapes[i];
            uint32_t coll = s->n_colls ? s->colls[k] : s->coll;
            if (s->kind == SHAPE_ITEM && !shows(v, i, coll) && verify_coll(vf, coll, e))
                return -1;
        }
    for (size_t i = 0; p && i < p->n_shapes; i++)
        if (p->shapes[i]->kind == SHAPE_ITEM && !shows(p, i, p->shapes[i]->coll) &&
            !shows(v, v->n_shapes, p->shapes[i]->coll) && verify_coll(vf, p->shapes[i]->coll, e))
            return -1;
    return 0;
}

static int conclude(const struct verifying *vf, struct buf *report, struct err *e)
{
    const char *v = vf->versions[0]->name;
    const char *p = vf->versions[1] ? vf->versions[1]->name : NULL;
    unsigned long long items = vf->items, bad = vf->bad, refs = vf->refs;
    bool ok;
    if (bad) {
        err_set(e, ERR_INVALID, "%s%s%s %s in %llu of %llu items; the first: %s", v,
                p ? " and " : "", p ? p : "", p ? "disagree" : "disagrees with itself", bad, items,
                vf->first.text);
        return err_field(e, vf->first.field);
    }
    ok = p ? buf_printf(report,
                        "%s and %s agree: %llu items, each reads and writes back the same "
                        "through both\n",
                        v, p, items)
           : buf_printf(report, "%s: %llu items, each reads and writes back the same\n", v, items);
    ok = ok &&
         buf_printf(report, "references: %llu, all resolve; checks and unique keys hold\n", refs);
    if (vf->excepted)
        ok = ok && buf_printf(report,
                              "except: %llu items are shown with what a check refuses, written by "
                              "versions without it; the first: %s\n",
                              (unsigned long long)vf->excepted, vf->first_excepted.text);
    return ok ? 0 : err_nomem(e);
}

static int find_versions(struct verifying *vf, struct span name, struct err *e)
{
    const struct version *v = catalog_version(vf->cat, name);
    if (!v)
        return catalog_no_version(vf->cat, name, e);
    vf->versions[0] = v;
    if (v->parent)
        vf->versions[1] = catalog_live(vf->cat, v->parent);
    return 0;
}

int verify_run(struct store *s, struct span version, const struct verb_caller *by,
               struct buf *report, struct err *e)
{
    struct verifying vf = {.s = s, .by = by, .cat = store_catalog(s)};
    int rc = find_versions(&vf, version, e);
    if (!rc)
        rc = derive_all(&vf, e);
    if (!rc)
        rc = verify_all(&vf, e);
    if (!rc)
        rc = conclude(&vf, report, e);
    catalog_unref(vf.cat);
    return rc;
}
