/* The migration verbs.
 *
 * A version's state moves only along these arrows [I7]; verbs_move asserts it:
 *
 *   (none) --add--> live --revert--> dormant --add, the same text--> live
 *                   live, dormant --finalize of a version that it does not descend from--> gone
 *
 * Each verb is one transaction with synchronous=FULL: the row of table version, the counters, the
 * index of a new unique set and the catalog that comes into force change together, or not at all.
 * A crash before the commit leaves the old catalog, after it the new one; nothing in memory is
 * changed before the commit (tx_set_catalog). No item is rewritten by any of them.
 *
 * Verbs take turns under verbs_lock, taken before everything else in store/. */
#include "addition.h"
#include "backfill.h"
#include "query.h"
#include "verb_log.h"

#include <assert.h>
#include <stdio.h>

#include "../schemas/lint.h"

static pthread_mutex_t verbs_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- A new catalog ---- */

static void assert_move(enum version_state from, enum version_state to)
{
    assert(from != VERSION_GONE);
    assert(!(from == VERSION_DORMANT && to == VERSION_DORMANT));
    (void)from;
    (void)to;
}

struct edit {
    struct catalog_entry *entries;
    size_t n;
};

static int edit_begin(struct store_tx *tx, struct edit *ed, struct err *e)
{
    ed->n = tx->cat->n_entries;
    ed->entries = calloc(ed->n + 1, sizeof *ed->entries);
    if (!ed->entries)
        return err_nomem(e);
    if (ed->n)
        memcpy(ed->entries, tx->cat->entries, ed->n * sizeof *ed->entries);
    return 0;
}

static int edit_move(struct store_tx *tx, struct catalog_entry *en, enum version_state to,
                     struct err *e)
{
    if (en->state == to)
        return 0;
    assert_move(en->state, to);
    en->state = to;
    return version_row_state(tx, en->v->number, to, e);
}

/* The newest live version is what `current` points to. */
static int edit_commit(struct store_tx *tx, struct edit *ed, const struct schema_counters *next,
                       struct err *e)
{
    struct catalog *cat;
    uint32_t newest = 0;
    for (size_t i = 0; i < ed->n; i++)
        if (ed->entries[i].state == VERSION_LIVE)
            newest = ed->entries[i].v->number;
    if (catalog_new(ed->entries, ed->n, newest, tx->cat->epoch + 1, next, &cat, e) ||
        tx_set_catalog(tx, cat, e) || catalog_save(tx, e))
        return -1;
    tx_note_many(tx);
    return 0;
}

/* ---- add ---- */

struct add_args {
    struct addition *a;
    const struct verb_caller *by;
    bool dry;
};

static bool has_set(const struct version *v, uint32_t shape, uint32_t id)
{
    const struct shape *s = v ? version_shape(v, shape) : NULL;
    for (size_t i = 0; s && i < s->n_uniques; i++)
        if (s->uniques[i].id == id)
            return true;
    return false;
}

/* The one thing that add does item by item: the index of a new unique set. A version that wakes
 * was not enforced while it slept, so its sets are built anew. */
static int build_sets(struct store_tx *tx, const struct add_args *a, struct err *e)
{
    const struct version *v = a->a->v;
    for (size_t i = 0; i < v->n_shapes; i++)
        for (size_t j = 0; j < v->shapes[i]->n_uniques; j++) {
            const struct unique_set *set = &v->shapes[i]->uniques[j];
            if (v->shapes[i]->kind != SHAPE_ITEM || has_set(v->base, v->shapes[i]->id, set->id))
                continue;
            if (unique_drop(tx, set, e) ||
                unique_build(tx, v, v->shapes[i], set, a->by ? a->by->interrupted : NULL,
                             a->by ? a->by->arg : NULL, e))
                return -1;
        }
    return 0;
}

/* In an empty store nothing is older than the version: no backfill will ever be needed. */
static int note_empty(struct store_tx *tx, const struct version *v, struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    if (conn_prepare(tx->c, "SELECT 1 FROM item LIMIT 1", &st, e))
        return -1;
    int rc = conn_step(tx->c, st, &row, e);
    sqlite3_finalize(st);
    if (rc || row)
        return rc;
    struct job_row job = {.version = v->number, .state = BACKFILL_NOT_NEEDED,
                          .step = v->step_end ? v->step_end - 1 : 0};
    return job_write(tx, &job, e);
}

static struct schema_counters counters_after(const struct catalog *cat, const struct version *v)
{
    return (struct schema_counters){.number = cat->next.number + 1, .step = v->step_end,
                                    .slot = v->slot_end, .shape = v->shape_end};
}

static int add_entry(struct store_tx *tx, const struct add_args *a, struct edit *ed,
                     struct schema_counters *next, struct err *e)
{
    struct version *v = a->a->v;
    *next = tx->cat->next;
    if (a->a->wakes) {
        for (size_t i = 0; i < ed->n; i++)
            if (ed->entries[i].v == v)
                return edit_move(tx, &ed->entries[i], VERSION_LIVE, e);
        return err_set(e, ERR_STALE, "%s is gone", v->name);
    }
    ed->entries[ed->n++] = (struct catalog_entry){v, VERSION_LIVE};
    *next = counters_after(tx->cat, v);
    return version_row_insert(tx, v, &a->a->counters, e) || note_empty(tx, v, e) ? -1 : 0;
}

static int add_tx(struct store_tx *tx, void *arg, struct err *e)
{
    const struct add_args *a = arg;
    struct schema_counters next;
    struct edit ed = {0};
    int rc = edit_begin(tx, &ed, e);
    if (!rc)
        rc = add_entry(tx, a, &ed, &next, e);
    if (!rc)
        rc = edit_commit(tx, &ed, &next, e);
    free(ed.entries);
    if (!rc)
        rc = build_sets(tx, a, e);
    return rc ? rc : a->dry ? TX_ROLLBACK : 0;
}

#define REPORT_LINE (VERSION_NAME_SIZE + 32)

static int add_locked(struct store *s, const char *file, struct span text,
                      const struct verb_caller *by, struct buf *report, struct err *e)
{
    struct addition a = {.report = report};
    struct add_args args = {.a = &a, .by = by};
    struct catalog *cat = store_catalog(s);
    bool ok = true;

    int rc = addition_prepare(s, cat, file, text, &a, e);
    /* What is committed must not be called refused because its report found no memory. */
    if (!rc && !buf_reserve(report, REPORT_LINE))
        rc = err_nomem(e);
    if (!rc && !a.is_live && store_write(s, TX_ALONE | TX_DURABLE, add_tx, &args, e))
        rc = err_source(e, file);
    if (!rc)
        ok = buf_printf(report, "%s %s\n", a.name,
                        a.is_live ? "is live already" : a.wakes ? "is live again" : "is live");
    addition_free(&a);
    catalog_unref(cat);
    return !rc && !ok ? err_nomem(e) : rc;
}

struct counting {
    struct store *s;
    const struct version *v;
};

static int64_t count_shape(void *arg, uint32_t shape)
{
    const struct counting *c = arg;
    for (const struct version *v = c->v; v; v = v->base) {
        const struct shape *s = version_shape(v, shape);
        if (s && s->kind == SHAPE_ITEM)
            return store_count(c->s, v, s);
    }
    return -1;
}

/* Of a version that is live: items that a write through their part has left where they don't fit. */
static int report_misfits(struct store *s, const struct version *v, struct buf *report,
                          struct err *e)
{
    bool has_parts;
    int64_t n = store_misfits(s, v, &has_parts);

    if (n <= 0 || buf_printf(report, "%lld items no longer fit their part\n", (long long)n))
        return 0;
    return err_nomem(e);
}

static int check_locked(struct store *s, const char *file, struct span text,
                        const struct verb_caller *by, struct buf *report, struct err *e)
{
    struct addition a = {.report = report};
    struct add_args args = {.a = &a, .by = by, .dry = true};
    struct catalog *cat = store_catalog(s);

    int rc = addition_prepare(s, cat, file, text, &a, e);
    if (!rc && !a.is_live && !s->read_only &&
        store_write(s, TX_ALONE, add_tx, &args, e) < 0)
        rc = err_source(e, file);
    struct counting counting = {s, a.v ? a.v->base : NULL};
    struct lint_items items = {count_shape, &counting};
    if (!rc && !lint_text(a.v, file, &items, report))
        rc = err_nomem(e);
    if (!rc && a.is_live)
        rc = report_misfits(s, a.v, report, e);
    addition_free(&a);
    catalog_unref(cat);
    return rc;
}

/* ---- finalize and revert ---- */

struct move_args {
    struct span name;
    uint32_t number;
    char text[VERSION_NAME_SIZE + 96];
};

static struct version *named(const struct catalog *cat, struct span name, struct err *e)
{
    struct version *v = catalog_version(cat, name);
    if (!v)
        catalog_no_version(cat, name, e);
    return v;
}

/* Everything that may still be computed for v must be stored: what it is computed from goes. */
static int must_be_backfilled(struct store_tx *tx, const struct version *v, struct err *e)
{
    uint32_t covered;
    struct job_row active;
    bool found;
    if (job_covered(tx->c, &covered, e) || job_active(tx->c, &active, &found, e))
        return -1;
    if (backfill_needs(tx->cat, v, covered))
        return err_set(e, ERR_BUSY,
                       "%s is not backfilled: write \"%s\" to control/backfill first", v->name,
                       v->name);
    return 0;
}

static int finalize_tx(struct store_tx *tx, void *arg, struct err *e)
{
    struct move_args *m = arg;
    struct edit ed = {0};
    size_t gone = 0;
    struct version *v = named(tx->cat, m->name, e);

    if (!v || must_be_backfilled(tx, v, e) || derive_past_finalize(tx, v, e) || edit_begin(tx, &ed, e))
        return -1;
    int rc = 0;
    for (size_t i = 0; i < ed.n && !rc; i++) {
        struct catalog_entry *en = &ed.entries[i];
        bool stays = version_descends(en->v, v) && en->state == VERSION_LIVE;
        if (stays || en->state == VERSION_GONE)
            continue;
        gone += en->state == VERSION_LIVE;
        rc = edit_move(tx, en, VERSION_GONE, e);
        if (!rc)
            rc = history_note_finalized(tx, en->v->number, e);
        if (!rc)
            rc = job_delete(tx, en->v->number, e);
    }
    if (!rc)
        rc = edit_commit(tx, &ed, &tx->cat->next, e);
    free(ed.entries);
    snprintf(m->text, sizeof m->text, "%s is the oldest version, %zu before it %s gone for good: irreversible",
             v->name, gone, gone == 1 ? "is" : "are");
    return rc;
}

static int revert_tx(struct store_tx *tx, void *arg, struct err *e)
{
    struct move_args *m = arg;
    struct edit ed = {0};
    struct version *v = named(tx->cat, m->name, e);
    const struct catalog_entry *parent;
    int rc = 0;

    if (!v)
        return -1;
    parent = v->parent ? catalog_entry(tx->cat, v->parent) : NULL;
    if (!parent || parent->state != VERSION_LIVE)
        return err_set(e, ERR_BUSY, "%s is the oldest version: there is none to go back to",
                       v->name);
    if (edit_begin(tx, &ed, e))
        return -1;
    for (size_t i = 0; i < ed.n && !rc; i++)
        if (ed.entries[i].state == VERSION_LIVE && version_descends(ed.entries[i].v, v))
            rc = edit_move(tx, &ed.entries[i], VERSION_DORMANT, e);
    if (!rc)
        rc = edit_commit(tx, &ed, &tx->cat->next, e);
    free(ed.entries);
    snprintf(m->text, sizeof m->text, "%s is no longer served; adding the same file brings it back",
             v->name);
    return rc;
}

/* A running backfill of a version that goes is cancelled first. */
static int stop_job_of(struct store *s, struct span version, struct buf *ignored, struct err *e)
{
    struct job_figures now;
    struct catalog *cat = store_catalog(s);
    struct version *v = catalog_version(cat, version);
    int rc = 0;
    jobs_figures(s, &now);
    const struct catalog_entry *job = now.running ? catalog_entry(cat, now.version) : NULL;
    if (v && job && version_descends(job->v, v))
        rc = backfill_command(s, span_of("cancel"), ignored, e);
    catalog_unref(cat);
    return rc;
}

static int move_locked(struct store *s, struct span version, tx_fn fn, struct buf *report,
                       struct err *e)
{
    struct move_args m = {.name = version};
    if (!buf_reserve(report, sizeof m.text + 2))
        return err_nomem(e);
    if (store_write(s, TX_ALONE | TX_DURABLE, fn, &m, e))
        return -1;
    return buf_printf(report, "%s\n", m.text) ? 0 : err_nomem(e);
}

/* ---- The verbs of verbs.h: each in turn, each in the log ---- */

int store_check(struct store *s, const char *file, struct span text, const struct verb_caller *by,
                struct buf *report, struct err *e)
{
    pthread_mutex_lock(&verbs_lock);
    int rc = check_locked(s, file, text, by, report, e);
    verb_log(s, by, "check", span_of(file), rc, report, e);
    pthread_mutex_unlock(&verbs_lock);
    return rc;
}

int store_check_queries(const struct version *v, struct err *e)
{
    return query_check_all(v, e);
}

int store_add(struct store *s, const char *file, struct span text, const struct verb_caller *by,
              struct buf *report, struct err *e)
{
    pthread_mutex_lock(&verbs_lock);
    int rc = add_locked(s, file, text, by, report, e);
    verb_log(s, by, "add", span_of(file), rc, report, e);
    pthread_mutex_unlock(&verbs_lock);
    return rc;
}

int store_backfill(struct store *s, struct span command, const struct verb_caller *by,
                   struct buf *report, struct err *e)
{
    pthread_mutex_lock(&verbs_lock);
    int rc = backfill_command(s, command, report, e);
    verb_log(s, by, "backfill", command, rc, report, e);
    pthread_mutex_unlock(&verbs_lock);
    return rc;
}

int store_backfill_rate(struct store *s, uint64_t items_per_s, const struct verb_caller *by,
                        struct err *e)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)items_per_s);
    pthread_mutex_lock(&verbs_lock);
    int rc = backfill_set_rate(s, items_per_s, e);
    verb_log(s, by, "backfill_rate", span_of(text), rc, &report, e);
    pthread_mutex_unlock(&verbs_lock);
    return rc;
}

int store_verify(struct store *s, struct span version, const struct verb_caller *by,
                 struct buf *report, struct err *e)
{
    pthread_mutex_lock(&verbs_lock);
    int rc = verify_run(s, version, by, report, e);
    verb_log(s, by, "verify", version, rc, report, e);
    pthread_mutex_unlock(&verbs_lock);
    return rc;
}

int store_finalize(struct store *s, struct span version, const struct verb_caller *by,
                   struct buf *report, struct err *e)
{
    struct err later = ERR_INIT;
    pthread_mutex_lock(&verbs_lock);
    int rc = move_locked(s, version, finalize_tx, report, e);
    /* What is committed must not be called refused: else the next opening sweeps. */
    if (!rc)
        (void)sweep_start(s, &later);
    verb_log(s, by, "finalize", version, rc, report, e);
    pthread_mutex_unlock(&verbs_lock);
    return rc;
}

int store_revert(struct store *s, struct span version, const struct verb_caller *by,
                 struct buf *report, struct err *e)
{
    struct buf ignored BUF_CLEANUP = BUF_INIT;
    pthread_mutex_lock(&verbs_lock);
    int rc = stop_job_of(s, version, &ignored, e);
    if (!rc)
        rc = move_locked(s, version, revert_tx, report, e);
    verb_log(s, by, "revert", version, rc, report, e);
    pthread_mutex_unlock(&verbs_lock);
    return rc;
}

int store_transaction(struct store *s, struct span json, const struct verb_caller *by,
                      struct buf *report, struct err *e)
{
    pthread_mutex_lock(&verbs_lock);
    int rc = transaction_run(s, json, by, report, e);
    verb_log(s, by, "transaction", json, rc, report, e);
    pthread_mutex_unlock(&verbs_lock);
    return rc;
}
