/* fsck: everything that the store promises about itself, looked at and never repaired.
 *
 * All of it within one write transaction that is undone: nothing moves meanwhile, and what the
 * writing code would add to an item that is sound tells what is missing (references, unique keys,
 * extracted values). Each finding is one line: what is wrong; what is lost by it, if anything. */
#include "internal.h"
#include "verbs.h"

#include <stdio.h>

#define FINDINGS_SHOWN 1000
#define CHUNK          256

struct fsck {
    struct store_tx *tx;
    struct buf *report;
    size_t findings;
    bool no_memory;
};

/* ---- Findings ---- */

static void finding(struct fsck *f, const char *lost, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void finding(struct fsck *f, const char *lost, const char *fmt, ...)
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

/* A check that could not be carried out is a finding, too; only memory ends the whole. */
static int troubled(struct fsck *f, const char *what, const struct err *why, struct err *e)
{
    if (why->code == ERR_NO_MEMORY || f->no_memory)
        return err_nomem(e);
    finding(f, NULL, "%s: %s", what, why->text);
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
     "(SELECT coll, n FROM count UNION ALL SELECT id >> 40, -count(*) FROM item GROUP BY id >> 40) "
     "GROUP BY coll HAVING sum(n) <> 0",
     "nothing is lost, only the number shown is wrong"},
    {"SELECT printf('item number %d is at or above the next number to be given out, %d', "
     "id & " NUMBER ", " META(META_NEXT_ITEM) ") FROM item WHERE id & " NUMBER
                                              " >= " META(META_NEXT_ITEM) " OR id & " NUMBER " = 0",
     "nothing is lost yet, a new item could take its number"},
    {"SELECT printf('item %d is in collection %d, which was never made', id & " NUMBER
     ", id >> 40) FROM item WHERE id >> 40 NOT BETWEEN 1 AND " META(META_NEXT_SHAPE) " - 1",
     "no version shows it"},
    {"SELECT printf('revision %d is of item %d in collection %d, which was never made', rev, id & " NUMBER
     ", id >> 40) FROM "
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
    {"SELECT printf('mode or owner is kept for item number %d, which was never given out', number) "
     "FROM attr WHERE number >= " META(META_NEXT_ITEM),
     "nothing is lost"},
    {"SELECT printf('step %d is noted as derived and was never made', step) FROM link WHERE step "
     ">= " META(META_NEXT_STEP),
     "nothing is lost yet, a later step could be taken for derived"},
    {"SELECT printf('the backfill of version %d is at an impossible place', version) FROM job "
     "WHERE version NOT IN (SELECT number FROM version) OR state NOT BETWEEN 0 AND 4 OR step "
     ">= " META(META_NEXT_STEP) " OR cursor < 0 OR cursor >> 40 >= " META(
         META_NEXT_SHAPE) " OR done < 0 OR total < 0",
     "nothing is lost, the backfill has to be started again"},
};

static int run_sql(struct fsck *f, const char *sql, const char *lost, struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    int rc;
    if (conn_prepare(f->tx->c, sql, &st, e))
        return -1;
    while (!(rc = conn_step(f->tx->c, st, &row, e)) && row) {
        struct span text = column_span(st, 0);
        if (!span_eq(text, span_of("ok"))) /* integrity_check's */
            finding(f, lost, "%.*s", (int)(text.n < 400 ? text.n : 400), text.p);
    }
    sqlite3_finalize(st);
    return rc;
}

static int check_sql(struct fsck *f, struct err *e)
{
    for (size_t i = 0; i < sizeof sql_checks / sizeof sql_checks[0]; i++) {
        struct err why = ERR_INIT;
        if (run_sql(f, sql_checks[i].sql, sql_checks[i].lost, &why) &&
            troubled(f, "a check of the tables", &why, e))
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
    return rc ? troubled(f, "SQLite's own check", &why, e) : 0;
}

/* ---- The catalog ---- */

static void check_counters(struct fsck *f, const struct version *v)
{
    const struct schema_counters *next = &f->tx->cat->next;
    if (v->number >= next->number || v->step_end > next->step || v->slot_end > next->slot ||
        v->shape_end > next->shape)
        finding(f, "nothing is lost yet, the next version could take its numbers",
                "version %s has numbers at or above those to be given out next", v->name);
}

static int check_catalog(struct fsck *f, struct err *e)
{
    const struct catalog *cat = f->tx->cat;
    struct catalog *again = NULL;
    struct err why = ERR_INIT;
    const struct catalog_entry *def =
        cat->default_number ? catalog_entry(cat, cat->default_number) : NULL;

    if (catalog_load(f->tx->store, f->tx->c, &again, &why) && troubled(f, "the versions", &why, e))
        return -1;
    catalog_unref(again);
    for (size_t i = 0; i < cat->n_entries; i++)
        check_counters(f, cat->entries[i].v);
    if (cat->default_number && (!def || def->state != VERSION_LIVE))
        finding(f, "nothing is lost", "the default version, number %u, is not live",
                (unsigned)cat->default_number);
    return 0;
}

/* ---- Items ---- */

struct looking {
    struct fsck *f;
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
             (unsigned long long)id_number(id), type_name(l->f->tx->cat, id_coll(id)),
             (int)(key.n < KEY_MAX ? key.n : KEY_MAX), key.n ? key.p : "");
}

static bool entry_is_known(const struct catalog *c, const struct entry *en)
{
    if (en->slot == SLOT_KEY) /* own keys that change_key hid */
        return en->kind == ENTRY_MEMORY;
    if (en->kind == ENTRY_RAW)
        return en->slot >> RAW_SHAPE_BITS < c->next.number;
    return en->slot == SLOT_EXTRA || (en->slot >= SLOT_FIRST && en->slot < c->next.slot);
}

static void look_at_record(struct looking *l)
{
    const struct catalog *c = l->f->tx->cat;
    const struct record *rec = &l->row.rec;
    struct err why = ERR_INIT;
    if (rec->gen >= c->next.step)
        finding(l->f, "its content may be damaged", "%s is from step %u, which was never made",
                l->what, (unsigned)rec->gen);
    for (size_t i = 0; i < rec->n; i++)
        if (!entry_is_known(c, &rec->e[i]))
            finding(l->f, "its content may be damaged", "%s holds a value of unknown slot %u",
                    l->what, (unsigned)rec->e[i].slot);
    if (key_check(buf_span(&l->row.key), &why))
        finding(l->f, "its content is there and can't be opened", "%s: %s", l->what, why.text);
}

static int look_at_name(struct looking *l, uint32_t space, struct span key, struct err *e)
{
    uint64_t id = 0;
    bool found;
    if (item_find_id(l->f->tx->c, space, key, &id, &found, e))
        return -1;
    if (!found)
        finding(l->f, "its content is there, it is listed and can't be opened by name",
                "%s has no name", l->what);
    else if (id != l->row.id)
        finding(l->f, "its content is there and can't be opened by name",
                "%s: its name \"%.*s\" stands for item %llu", l->what, (int)key.n, key.p,
                (unsigned long long)id_number(id));
    return 0;
}

static int look_at_names(struct looking *l, struct err *e)
{
    const struct catalog *c = l->f->tx->cat;
    if (look_at_name(l, id_coll(l->row.id), buf_span(&l->row.key), e))
        return -1;
    for (size_t i = 0; i < c->n_namings; i++) {
        const struct naming *n = c->namings[i];
        struct buf hold BUF_CLEANUP = BUF_INIT;
        struct span key;
        if (n->coll != id_coll(l->row.id))
            continue;
        if (names_key(&l->row.rec, n->slot, &hold, &key, e) ||
            (key.p && look_at_name(l, n->space, key, e)))
            return -1;
        if (!key.p && derive_is_done(l->f->tx->store, l->f->tx, n->step))
            finding(l->f, "its content is there and can't be opened there",
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
        finding(l->f, "it can't be read there", "%s through %s: %s", l->what, v->name, why.text);
    }
    lens_reset(&l->lens);
    return 0;
}

static int look_through_all(struct looking *l, struct err *e)
{
    const struct catalog *c = l->f->tx->cat;
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct version *v = c->entries[i].v;
        for (size_t k = 0; k < v->n_shapes && c->entries[i].state == VERSION_LIVE; k++)
            if (v->shapes[k]->kind == SHAPE_ITEM && v->shapes[k]->coll == id_coll(l->row.id) &&
                look_through(l, v, v->shapes[k], e))
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
        int before = sqlite3_total_changes(l->f->tx->c->db);
        if (follows[i].fn(l, &why)) {
            if (why.code == ERR_NO_MEMORY)
                return err_nomem(e);
            finding(l->f, follows[i].lost, "%s: %s", l->what, why.text);
        } else if (sqlite3_total_changes(l->f->tx->c->db) != before) {
            finding(l->f, follows[i].lost, "%s %s", l->what, follows[i].what);
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
    if (item_row_get(l->f->tx->c, id, &l->row, &found, &why)) {
        if (why.code == ERR_NO_MEMORY)
            return err_nomem(e);
        finding(l->f, "its content is lost in every version", "%s: %s", l->what, why.text);
        return 0;
    }
    if (!found)
        return 0;
    name_it(l, id, buf_span(&l->row.key));
    look_at_record(l);
    if (look_at_names(l, &why) || look_through_all(l, &why) || look_follows(l, &why))
        return troubled(l->f, l->what, &why, e);
    return 0;
}

static int next_ids(struct fsck *f, uint64_t after, uint64_t *ids, size_t *ret_n, struct err *e)
{
    sqlite3_stmt *st;
    bool row = true;
    int rc = 0;
    *ret_n = 0;
    if (conn_prepare(f->tx->c, "SELECT id FROM item WHERE id > ?1 ORDER BY id", &st, e))
        return -1;
    bind_id(st, 1, after);
    while (!rc && row && *ret_n < CHUNK) {
        rc = conn_step(f->tx->c, st, &row, e);
        if (!rc && row)
            ids[(*ret_n)++] = column_id(st, 0);
    }
    sqlite3_finalize(st);
    return rc;
}

static int check_items(struct fsck *f, struct err *e)
{
    struct looking l = {.f = f};
    uint64_t ids[CHUNK], after = 0;
    size_t n = 0;
    int rc = 0;
    tx_sub_lens(f->tx, &l.lens);
    do {
        struct err why = ERR_INIT;
        if (next_ids(f, after, ids, &n, &why))
            rc = troubled(f, "the list of items", &why, e);
        for (size_t i = 0; i < n && !rc; i++)
            rc = look_at(&l, ids[i], e);
        after = n ? ids[n - 1] : 0;
    } while (!rc && n == CHUNK);
    lens_deinit(&l.lens);
    item_row_free(&l.row);
    return rc;
}

/* ---- Revisions ---- */

static int look_back_through(struct fsck *f, const struct version *v, const struct shape *s,
                             uint64_t revision, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct err why = ERR_INIT;
    int rc = history_text(f->tx->c, v, s, revision, &text, &why);

    lens_reset(&f->tx->c->lens);
    if (rc && why.code == ERR_NO_MEMORY)
        return err_nomem(e);
    if (rc)
        finding(f, "it can't be read there", "revision %llu of a %s through %s: %s",
                (unsigned long long)revision, s->name, v->name, why.text);
    return 0;
}

static int look_back(struct fsck *f, uint64_t revision, uint32_t coll, struct err *e)
{
    const struct catalog *c = f->tx->cat;
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct version *v = c->entries[i].v;
        for (size_t k = 0; k < v->n_shapes && c->entries[i].state == VERSION_LIVE; k++)
            if (v->shapes[k]->kind == SHAPE_ITEM && v->shapes[k]->coll == coll &&
                look_back_through(f, v, v->shapes[k], revision, e))
                return -1;
    }
    return 0;
}

static int check_history(struct fsck *f, struct err *e)
{
    struct err why = ERR_INIT;
    sqlite3_stmt *st = NULL;
    bool row = true;
    int rc = conn_prepare(f->tx->c, "SELECT rev, id FROM history ORDER BY rev", &st, &why);

    while (!rc && !(rc = conn_step(f->tx->c, st, &row, &why)) && row)
        if (look_back(f, column_id(st, 0), id_coll(column_id(st, 1)), &why))
            rc = -1;
    sqlite3_finalize(st);
    return rc ? troubled(f, "the history", &why, e) : 0;
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
    const struct catalog *c = f->tx->cat;
    struct pointer p = {(slot_no)column_id(st, 2), column_id(st, 0), false};
    bool found;
    if (p.slot < c->n_slots && !c->slots[p.slot].type)
        return 0;
    if (item_row_get(f->tx->c, column_id(st, 1), row, &found, e))
        return e->code == ERR_NO_MEMORY ? -1 : 0; /* damaged: look_at tells */
    if (!found)
        return 0;
    if (lens_refs(lens, &row->rec, is_pointer, &p, e))
        return -1;
    lens_reset(lens);
    if (!p.held)
        finding(f, "nothing is lost, that item can't be deleted",
                "item %llu is noted to be referred to by item %llu, which does not",
                (unsigned long long)id_number(p.target), (unsigned long long)id_number(row->id));
    return 0;
}

static int check_refs(struct fsck *f, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    struct err why = ERR_INIT;
    struct lens lens;
    sqlite3_stmt *st;
    bool more;
    int rc = conn_prepare(f->tx->c, "SELECT target, holder, slot FROM ref", &st, &why);
    if (rc)
        return troubled(f, "the references", &why, e);
    tx_sub_lens(f->tx, &lens);
    while (!(rc = conn_step(f->tx->c, st, &more, &why)) && more) {
        struct err one = ERR_INIT;
        if (check_ref(f, &lens, &row, st, &one) && troubled(f, "a reference", &one, &why)) {
            rc = -1;
            break;
        }
    }
    sqlite3_finalize(st);
    lens_deinit(&lens);
    return rc ? troubled(f, "the references", &why, e) : 0;
}

/* ---- Names that a step gave, of nothing ---- */

static int check_name(struct fsck *f, const struct naming *n, sqlite3_stmt *st,
                      struct item_row *row, struct err *e)
{
    struct buf hold BUF_CLEANUP = BUF_INIT;
    struct span name = column_span(st, 0), key = {0};
    bool found;
    if (item_row_get(f->tx->c, column_id(st, 1), row, &found, e))
        return e->code == ERR_NO_MEMORY ? -1 : 0; /* damaged: look_at tells */
    if (found && names_key(&row->rec, n->slot, &hold, &key, e))
        return -1;
    if (!key.p || !span_eq(key, name))
        finding(f, "nothing is lost, the name can't be given to another item",
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
    int rc = conn_prepare(f->tx->c, "SELECT key, id FROM name WHERE coll = ?1", &st, e);
    if (rc)
        return -1;
    sqlite3_bind_int64(st, 1, n->space);
    while (!(rc = conn_step(f->tx->c, st, &more, e)) && more && !(rc = check_name(f, n, st, &row, e)))
        ;
    sqlite3_finalize(st);
    return rc;
}

static int check_namings(struct fsck *f, struct err *e)
{
    for (size_t i = 0; i < f->tx->cat->n_namings; i++) {
        struct err why = ERR_INIT;
        if (check_naming(f, f->tx->cat->namings[i], &why) &&
            troubled(f, "the names that a step gave", &why, e))
            return -1;
    }
    return 0;
}

/* ---- The whole ---- */

static int fsck_tx(struct store_tx *tx, void *arg, struct err *e)
{
    struct fsck *f = arg;
    f->tx = tx;
    if (check_file(f, e) || check_catalog(f, e) || check_sql(f, e) || check_refs(f, e) ||
        check_namings(f, e) || check_items(f, e) || check_history(f, e))
        return -1;
    return TX_ROLLBACK;
}

int store_fsck(struct store *s, struct buf *report, size_t *ret_findings, struct err *e)
{
    struct fsck f = {.report = report};
    if (store_write(s, TX_ALONE | TX_READ_ONLY_TOO, fsck_tx, &f, e) < 0)
        return -1;
    if (f.findings > FINDINGS_SHOWN &&
        !buf_printf(report, "and %zu more\n", f.findings - FINDINGS_SHOWN))
        f.no_memory = true;
    if (f.no_memory)
        return err_nomem(e);
    *ret_findings = f.findings;
    return 0;
}
