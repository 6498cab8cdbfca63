/* fsck: everything that the store promises about itself, looked at and never repaired.
 *
 * All of it within one write transaction that is undone: nothing moves meanwhile, and what the
 * writing code would add to an item that is sound tells what is missing (references, unique keys,
 * extracted values). Each finding is one line: what is wrong; what is lost by it, if anything. */
#include "fsck_int.h"
#include "verbs.h"

#include <stdio.h>

#define FINDINGS_SHOWN 1000

/* ---- Findings ---- */

void fsck_finding(struct fsck *f, const char *lost, const char *fmt, ...)
{
    size_t start = f->report->n;
    va_list ap;
    if (f->findings++ >= FINDINGS_SHOWN)
        return;
    va_start(ap, fmt);
    bool ok = buf_vprintf(f->report, fmt, ap);
    va_end(ap);
    ok = ok && (!lost || buf_printf(f->report, "; %s", lost));
    for (size_t i = start; ok && i < f->report->n; i++)
        if ((unsigned char)f->report->p[i] < 0x20 || f->report->p[i] == 0x7f)
            f->report->p[i] = '?';
    if (!ok || !buf_addc(f->report, '\n'))
        f->no_memory = true;
}

int fsck_troubled(struct fsck *f, const char *what, const struct err *why, struct err *e)
{
    if (why->code == ERR_NO_MEMORY || f->no_memory)
        return err_nomem(e);
    fsck_finding(f, NULL, "%s: %s", what, why->text);
    return 0;
}

/* ---- What SQL can find ---- */

#define NUMBER     "1099511627775"
#define META(name) "(SELECT coalesce(max(value), 0) FROM meta WHERE meta.name = '" name "')"

struct sql_check {
    const char *sql; /* each row is a finding */
    const char *lost;
};
static const struct sql_check sql_checks[] = {
    {"SELECT printf('name \"%s\" of collection %d stands for item %d, which is missing', n.key, "
     "n.coll, n.id & " NUMBER ") FROM name n LEFT JOIN item i ON i.id = n.id WHERE i.id IS NULL "
     "AND n.coll = n.id >> 40",
     "the item is lost, or only its name was left behind"},
    {"SELECT printf('name \"%s\" stands for item %d, which is called \"%s\"', n.key, n.id & " NUMBER
     ", i.key) FROM name n JOIN item i ON i.id = n.id WHERE i.key <> n.key AND i.id >> 40 = n.coll",
     "nothing is lost, the item may be found under a wrong name"},
    {"SELECT printf('item %d refers to item %d, which is missing', holder & " NUMBER
     ", target & " NUMBER ") FROM ref LEFT JOIN item i ON i.id = target WHERE i.id IS NULL",
     "the item referred to is lost"},
    {"SELECT printf('a reference to item %d is counted for item %d, which is missing', "
     "target & " NUMBER ", holder & " NUMBER ") FROM ref LEFT JOIN item i ON i.id = holder WHERE "
     "i.id IS NULL",
     "the item may be lost, or only its references were left behind"},
    {"SELECT printf('a unique key is taken by item %d, which is missing', u.id & " NUMBER
     ") FROM uniq u LEFT JOIN item i ON i.id = u.id WHERE i.id IS NULL",
     "the item may be lost, or only its unique key was left behind"},
    {"SELECT printf('values extracted by step %d stand for item %d, which is missing', x.step, "
     "x.id & " NUMBER ") FROM extracted x LEFT JOIN item i ON i.id = x.id WHERE i.id IS NULL",
     "the item may be lost, or only its values were left behind"},
    {"SELECT printf('values from before step %d stand for item %d, which is missing', x.step, "
     "x.id & " NUMBER ") FROM origin x LEFT JOIN item i ON i.id = x.id WHERE i.id IS NULL",
     "items from before the step would refer to nothing"},
    {"SELECT printf('item %d is noted as made by step %d and is missing', x.id & " NUMBER
     ", x.step) FROM made x LEFT JOIN item i ON i.id = x.id WHERE i.id IS NULL",
     "nothing is lost"},
    {"SELECT printf('%d items from before step %d are said to refer to item %d', holders, step, "
     "id & " NUMBER ") FROM origin WHERE holders < 0",
     "nothing is lost"},
    {"SELECT printf('the number of items of collection %d is off by %d', coll, sum(n)) FROM "
     "(SELECT coll, n FROM count UNION ALL SELECT id >> 40, -count(*) FROM item GROUP BY id >> 40 "
     "UNION ALL SELECT set_id, -count(*) FROM member GROUP BY set_id) GROUP BY coll HAVING sum(n) <> 0",
     "nothing is lost, only the number shown is wrong"},
    {"SELECT printf('item number %d is at or above the next number to be given out, %d', "
     "id & " NUMBER ", " META(META_NEXT_ITEM) ") FROM item WHERE id & " NUMBER
                                              " >= " META(META_NEXT_ITEM) " OR id & " NUMBER " = 0",
     "nothing is lost yet, a new item could take its number"},
    {"SELECT printf('item %d is in collection %d, which was never made', id & " NUMBER
     ", id >> 40) FROM item WHERE id >> 40 NOT BETWEEN 1 AND " META(META_NEXT_SHAPE) " - 1",
     "no version shows it"},
    {"SELECT printf('revision %d is of item %d in collection %d, which was never made', rev, id "
     "& " NUMBER ", id >> 40) FROM "
     "history WHERE id >> 40 NOT BETWEEN 1 AND " META(META_NEXT_SHAPE) " - 1 OR id & " NUMBER
                                                                       " >= " META(META_NEXT_ITEM),
     "no version shows it"},
    {"SELECT printf('revision %d is from before revision %d, which it comes after', rev, last) "
     "FROM (SELECT rev, at, lag(rev) OVER w AS last, lag(at) OVER w AS last_at FROM history WINDOW "
     "w AS (ORDER BY rev)) WHERE at < last_at OR rev < 1",
     "nothing is lost, it may be trimmed too early or too late"},
    {"SELECT printf('item %d is noted as deleted under \"%s\", and is there', g.id & " NUMBER
     ", g.key) FROM gone g JOIN item i ON i.id = g.id",
     "nothing is lost"},
    {"SELECT printf('item %d is noted as deleted under \"%s\", and has no revision', g.id & " NUMBER
     ", g.key) FROM gone g WHERE NOT EXISTS (SELECT 1 FROM history h WHERE h.id = g.id)",
     "nothing is lost"},
    {"SELECT DISTINCT printf('item %d is missing, has revisions, and is not noted as deleted', "
     "h.id & " NUMBER ") FROM history h LEFT JOIN item i ON i.id = h.id WHERE i.id IS NULL AND NOT "
     "EXISTS (SELECT 1 FROM gone g WHERE g.id = h.id AND g.space = h.id >> 40)",
     "the item may be lost; its revisions can't be found by name"},
    {"SELECT printf('a mode or owner of number %d is kept for version %d, which was never made', "
     "number, version) FROM attr WHERE version NOT IN (SELECT number FROM version)",
     "nothing is lost"},
    {"SELECT printf('mode or owner is kept for item number %d, which was never given out', number) "
     "FROM attr WHERE number >= " META(META_NEXT_ITEM),
     "nothing is lost"},
};

/* Cheap, so they are looked at whenever a store is opened. */
static const struct sql_check glances[] = {
    {"SELECT printf('collection %d is said to have %d items', coll, n) FROM count WHERE n < 0",
     "nothing is lost, only the number shown is wrong"},
    {"SELECT printf('\"%s\" stands where a number should: \"%s\"', value, name) FROM meta WHERE "
     "typeof(value) <> 'integer'",
     "nothing is lost yet, a number could be given out twice"},
    {"SELECT printf('step %d is noted as derived and was never made', step) FROM link WHERE step "
     ">= " META(META_NEXT_STEP),
     "nothing is lost yet, a later step could be taken for derived"},
    {"SELECT printf('the backfill of version %d is at an impossible place', version) FROM job "
     "WHERE version NOT IN (SELECT number FROM version) OR state NOT BETWEEN 0 AND 4 OR step "
     ">= " META(META_NEXT_STEP) " OR cursor < 0 OR cursor >> 40 >= " META(
         META_NEXT_SHAPE) " OR done < 0 OR total < 0",
     "nothing is lost, the backfill has to be started again"},
};
#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

static int run_sql(struct fsck *f, const char *sql, const char *lost, struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    int rc;
    if (conn_prepare(f->c, sql, &st, e))
        return -1;
    while (!(rc = conn_step(f->c, st, &row, e)) && row) {
        struct span text = column_span(st, 0);
        if (!span_eq(text, span_of("ok"))) /* integrity_check's */
            fsck_finding(f, lost, "%.*s", (int)(text.n < 400 ? text.n : 400), text.p);
    }
    sqlite3_finalize(st);
    return rc;
}

static int check_sql(struct fsck *f, const struct sql_check *checks, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        struct err why = ERR_INIT;
        if (run_sql(f, checks[i].sql, checks[i].lost, &why) &&
            fsck_troubled(f, "a check of the tables", &why, e))
            return -1;
    }
    return 0;
}

/* Twice when it finds something: it takes a page that there was no memory for as a missing one. */
static int check_file(struct fsck *f, struct err *e)
{
    struct err why = ERR_INIT;
    size_t start = f->report->n;
    int rc = 0;
    for (int tries = 0; tries < 2 && !rc && (tries == 0 || f->findings); tries++) {
        f->report->n = start;
        f->findings = 0;
        rc = run_sql(f, "PRAGMA integrity_check", "what that page held may be lost", &why);
    }
    return rc ? fsck_troubled(f, "SQLite's own check", &why, e) : 0;
}

/* ---- The catalog ---- */

static void check_counters(struct fsck *f, const struct version *v)
{
    const struct schema_counters *next = &f->cat->next;
    if (v->number >= next->number || v->step_end > next->step || v->slot_end > next->slot ||
        v->shape_end > next->shape)
        fsck_finding(f, "nothing is lost yet, the next version could take its numbers",
                     "version %s has numbers at or above those to be given out next", v->name);
}

static void check_catalog(struct fsck *f)
{
    const struct catalog *cat = f->cat;
    const struct catalog_entry *def =
        cat->default_number ? catalog_entry(cat, cat->default_number) : NULL;

    for (size_t i = 0; i < cat->n_entries; i++)
        check_counters(f, cat->entries[i].v);
    if (cat->default_number && (!def || def->state != VERSION_LIVE))
        fsck_finding(f, "nothing is lost", "the default version, number %u, is not live",
                     (unsigned)cat->default_number);
}

/* ---- The whole ---- */

static int fsck_tx(struct store_tx *tx, void *arg, struct err *e)
{
    struct fsck *f = arg;
    f->tx = tx;
    f->c = tx->c;
    f->cat = tx->cat;
    if (check_file(f, e))
        return -1;
    if (tx->store->bare) /* as it was opened */
        fsck_finding(f, "no version can be shown, the items themselves may be there", "%s",
                     tx->store->damage);
    else
        check_catalog(f);
    if (check_sql(f, sql_checks, N_OF(sql_checks), e) || check_sql(f, glances, N_OF(glances), e) ||
        (!tx->store->bare && (fsck_refs(f, e) || fsck_namings(f, e))) || fsck_items(f, e) ||
        fsck_history(f, e))
        return -1;
    return TX_ROLLBACK;
}

/* ---- At opening ---- */

/* The highest number of each collection, one seek each. */
static int glance_at_numbers(struct fsck *f, struct err *e)
{
    int64_t next = 1;
    uint64_t below = UINT64_C(1) << 62;
    struct err why = ERR_INIT;
    bool row = true;
    int rc;

    if (meta_get(f->c, META_NEXT_ITEM, &next, e))
        return -1;
    do {
        sqlite3_stmt *st = conn_stmt(f->c, STMT_ITEM_LAST_BELOW, e);
        if (!st)
            return -1;
        bind_id(st, 1, below);
        rc = conn_step(f->c, st, &row, e);
        if (!rc && row) {
            uint64_t id = column_id(st, 0), at = id;
            if (item_follows(below, &at, &why)) { /* a damaged tree can lead in a circle */
                fsck_finding(f, NULL, "%s", why.text);
                id = 0;
            }
            below = id_make(id_coll(id), 0);
            if ((int64_t)id_number(id) >= next)
                fsck_finding(f, NULL, "item %llu has a number that would be given out again",
                             (unsigned long long)id_number(id));
            if (id_coll(id) >= f->cat->next.shape)
                fsck_finding(f, NULL, "item %llu is in collection %u, which was never made",
                             (unsigned long long)id_number(id), (unsigned)id_coll(id));
        }
        stmt_done(st);
    } while (!rc && row && below);
    return rc;
}

int fsck_glance(struct store *s, struct conn *c, struct err *e)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct fsck f = {.c = c, .cat = s->state.cat, .report = &report};
    char *end;

    check_catalog(&f);
    if (check_sql(&f, glances, N_OF(glances), e) || glance_at_numbers(&f, e))
        return -1;
    if (f.no_memory || !buf_str(&report))
        return err_nomem(e);
    end = strchr(report.p, '\n');
    if (end) {
        *end = '\0';
        damage_set(s, report.p);
    }
    return 0;
}

/* ---- All of it ---- */

int store_fsck(struct store *s, struct buf *report, size_t *ret_findings, struct err *e)
{
    struct fsck f = {.report = report};
    if (store_write(s, TX_ALONE | TX_READ_ONLY_TOO | TX_DAMAGED_TOO, fsck_tx, &f, e) < 0)
        return -1;
    if (f.findings > FINDINGS_SHOWN &&
        !buf_printf(report, "and %zu more\n", f.findings - FINDINGS_SHOWN))
        f.no_memory = true;
    if (f.no_memory)
        return err_nomem(e);
    *ret_findings = f.findings;
    return 0;
}
