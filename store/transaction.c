/* Transactions: actions over named queries or inline items, all in one write transaction.
 *
 * An action first collects its rows, then writes them: it sees what the actions before it did, and
 * nothing of its own. Every item goes through item_put, item_delete as from any other writer, so
 * that the same rules hold; a field that comes out as it was is not written.
 *
 *   INSERT   the item is new, else EEXIST
 *   UPSERT   INSERT where there is none, else PATCH
 *   PATCH    the item is there, else ENOENT; the given fields change
 *   REPLACE  likewise; all fields of the version are replaced, what others know stays
 *   DELETE   likewise; only _key counts
 *
 * SQL's NULL leaves a field out; in PATCH it makes it unset. */
#include "query.h"

#include <stdio.h>

#include "difference.h"
#include "transaction_rows.h"

#define DIFFERENCES_SHOWN 10
#define VALUE_SHOWN       80

struct run;
struct action;
struct row {
    struct span key;
    const struct json_node *item, *unset; /* unset: an array of names, or NULL */
    struct item_row now;
    bool found;
};

struct operation {
    const char *word;
    enum row_use use;
    bool must_exist, must_be_new;
    int (*apply)(struct run *r, struct action *a, struct row *row, struct err *e);
};

struct action {
    unsigned number; /* from 1 */
    const struct json_node *node;
    const struct operation *op;
    const struct shape *target;
    const struct query *query;     /* or */
    const struct json_node *items; /* an array */
    size_t rows, made, changed, same, deleted;
};

struct run {
    struct span json;
    const struct json_node *root;
    const struct verb_caller *by;
    bool dry;
    struct store_tx *tx;
    const struct version *v;
    struct query_db *queries;  /* made for the first query */
    struct lens lens;
    struct arena arena;        /* of one row */
    struct action *actions;
    size_t n_actions, seen;
    struct buf differences;
    size_t n_differences, n_more;
};

/* ---- Reading the JSON ---- */

/* Adds the place. */
static int wrong(const struct run *r, const struct json_node *at, struct err *e)
{
    e->line = at->line;
    e->column = at->column;
    err_excerpt(e, r->json.p, r->json.n);
    return -1;
}

/* Refuses a word that is not one of `words`, with the nearest. */
static int wrong_word(const struct run *r, const struct json_node *at, const char *what,
                      struct span word, const char *const *words, size_t n, struct err *e)
{
    const char *near = err_nearest(word.p, word.n, words, n);
    err_set(e, ERR_INVALID, "%s \"%.*s\"%s%s%s", what, (int)(word.n < 100 ? word.n : 100), word.p,
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return wrong(r, at, e);
}

static int only_members(const struct run *r, const struct json_node *object,
                        const char *const *words, size_t n, struct err *e)
{
    for (const struct json_node *m = object->child; m; m = m->next) {
        struct json_node at = *m;
        bool known = false;
        at.line = m->name_line;
        at.column = m->name_column;
        for (size_t i = 0; i < n; i++)
            known |= span_eq(m->name, span_of(words[i]));
        if (!known)
            return wrong_word(r, &at, "unknown member", m->name, words, n, e);
    }
    return 0;
}

/* The member, of that kind. */
static int member(const struct run *r, const struct json_node *object, const char *name,
                  enum json_kind kind, const struct json_node **ret, struct err *e)
{
    const struct json_node *m = json_member(object, span_of(name));
    const char *wanted = kind == JSON_STRING ? "a string" : "an array";
    if (!m) {
        err_set(e, ERR_INVALID, "\"%s\" is missing", name);
        return wrong(r, object, e);
    }
    if (m->kind != kind) {
        err_set(e, ERR_INVALID, "\"%s\" is %s, not %s", name, json_kind_name(m->kind), wanted);
        return wrong(r, m, e);
    }
    *ret = m;
    return 0;
}

static int find_version(struct run *r, struct err *e)
{
    const struct catalog *cat = r->tx->cat;
    const struct json_node *m;
    const char *names[64];
    size_t n = 0;
    if (member(r, r->root, "version", JSON_STRING, &m, e))
        return -1;
    r->v = catalog_version(cat, m->text);
    for (size_t i = 0; i < cat->n_entries && n < 64; i++)
        if (cat->entries[i].state == VERSION_LIVE)
            names[n++] = cat->entries[i].v->name;
    return r->v ? 0 : wrong_word(r, m, "there is no version", m->text, names, n, e);
}

static int find_target(struct run *r, struct action *a, struct err *e)
{
    const struct json_node *m;
    const char **names;
    size_t n = 0;
    if (member(r, a->node, "target", JSON_STRING, &m, e))
        return -1;
    a->target = version_shape_named(r->v, m->text);
    if (a->target && a->target->kind == SHAPE_ITEM)
        return 0;
    names = arena_alloc(&r->arena, (r->v->n_shapes + 1) * sizeof *names);
    if (!names)
        return err_nomem(e);
    for (size_t i = 0; i < r->v->n_shapes; i++)
        if (r->v->shapes[i]->kind == SHAPE_ITEM)
            names[n++] = r->v->shapes[i]->name;
    return wrong_word(r, m, "there is no type", m->text, names, n, e);
}

static int find_query(struct run *r, struct action *a, const struct json_node *m, struct err *e)
{
    const struct version *v = r->v;
    const char **names = arena_alloc(&r->arena, (v->n_queries + 1) * sizeof *names);
    if (!names)
        return err_nomem(e);
    for (size_t i = 0; i < v->n_queries; i++) {
        names[i] = v->queries[i].name;
        if (span_eq(m->text, span_of(names[i])))
            a->query = &v->queries[i];
    }
    return a->query ? 0 : wrong_word(r, m, "there is no query", m->text, names, v->n_queries, e);
}

static int find_source(struct run *r, struct action *a, struct err *e)
{
    const struct json_node *m = json_member(a->node, span_of("source"));
    if (m && m->kind == JSON_STRING)
        return find_query(r, a, m, e);
    if (!m || m->kind != JSON_ARRAY) {
        err_set(e, ERR_INVALID, "\"source\" is %s, not a query's name or an array of items",
                m ? json_kind_name(m->kind) : "missing");
        return wrong(r, m ? m : a->node, e);
    }
    a->items = m;
    for (const struct json_node *i = m->child; i; i = i->next)
        if (i->kind != JSON_OBJECT) {
            err_set(e, ERR_INVALID, "an item is %s, not an object", json_kind_name(i->kind));
            return wrong(r, i, e);
        }
    return 0;
}

/* ---- Items' texts ---- */

static int shown_text(struct run *r, const struct action *a, const struct item_row *row,
                      struct buf *out, struct err *e)
{
    return lens_text(&r->lens, r->v, a->target, &row->rec, buf_span(&row->key), true, out, e);
}

static bool is_key(const struct json_node *m)
{
    return span_eq(m->name, span_of("_key"));
}

static int set_member(struct run *r, struct json_node *object, const struct json_node *m,
                      struct err *e)
{
    struct json_node **at = &object->child;
    struct json_node *copy = arena_alloc(&r->arena, sizeof *copy);
    if (!copy)
        return err_nomem(e);
    while (*at && !span_eq((*at)->name, m->name))
        at = &(*at)->next;
    *copy = *m;
    copy->next = *at ? (*at)->next : NULL;
    object->n_children += *at == NULL;
    *at = copy;
    return 0;
}

static void unset_member(struct json_node *object, struct span name)
{
    for (struct json_node **at = &object->child; *at; at = &(*at)->next)
        if (span_eq((*at)->name, name)) {
            *at = (*at)->next;
            object->n_children--;
            return;
        }
}

/* The item as it is with the row's fields laid over it; *ret_same: nothing differs. */
static int merged_text(struct run *r, const struct action *a, const struct row *row,
                       struct buf *out, bool *ret_same, struct err *e)
{
    struct buf was BUF_CLEANUP = BUF_INIT, text BUF_CLEANUP = BUF_INIT;
    struct json_node *object;
    if (shown_text(r, a, &row->now, &text, e) ||
        json_parse_object(text.p, text.n, &r->arena, &object, e))
        return -1;
    if (!json_write_line(object, &was))
        return err_nomem(e);
    for (const struct json_node *m = row->item->child; m; m = m->next)
        if (!is_key(m) && set_member(r, object, m, e))
            return -1;
    for (const struct json_node *m = row->unset ? row->unset->child : NULL; m; m = m->next)
        unset_member(object, m->text);
    if (!json_write_line(object, out))
        return err_nomem(e);
    *ret_same = span_eq(buf_span(&was), buf_span(out));
    return 0;
}

/* ---- Differences, for dry runs ---- */

struct showing {
    struct run *r;
    const struct action *a;
    struct span key;
};

static bool add_value(struct buf *b, struct span value)
{
    if (!value.p)
        return buf_adds(b, "unset");
    bool cut = value.n > VALUE_SHOWN;
    while (cut && value.n > VALUE_SHOWN - 4)
        value.n--;
    while (cut && value.n && (value.p[value.n] & 0xc0) == 0x80)
        value.n--;
    return buf_addspan(b, value) && (!cut || buf_adds(b, "..."));
}

/* "Dog/rex.name: " */
static bool add_place(const struct showing *s, struct span field)
{
    struct buf *b = &s->r->differences;
    return buf_printf(b, "  %s/%.*s", s->a->target->name, (int)s->key.n, s->key.p) &&
           (!field.p || buf_printf(b, ".%.*s", (int)field.n, field.p)) && buf_adds(b, ": ");
}

static bool has_room(struct run *r)
{
    if (r->n_differences < DIFFERENCES_SHOWN) {
        r->n_differences++;
        return true;
    }
    r->n_more++;
    return false;
}

static int show_field(void *arg, struct span field, struct span before, struct span after)
{
    struct showing *s = arg;
    struct buf *b = &s->r->differences;
    if (has_room(s->r) && add_place(s, field) && add_value(b, before) && buf_adds(b, " -> ") &&
        add_value(b, after))
        (void)buf_addc(b, '\n');
    return 0;
}

static int show_whole(struct run *r, const struct action *a, const struct row *row,
                      const char *what, struct span text, struct err *e)
{
    struct showing s = {r, a, row->key};
    if (!r->dry || !has_room(r))
        return 0;
    while (text.n && text.p[text.n - 1] == '\n')
        text.n--;
    bool ok = add_place(&s, (struct span){0}) && buf_adds(&r->differences, what) &&
              (!text.n || add_value(&r->differences, text)) && buf_addc(&r->differences, '\n');
    return ok ? 0 : err_nomem(e);
}

/* What the write really did, read again. */
static int show_changes(struct run *r, const struct action *a, const struct row *row,
                        struct span before, struct err *e)
{
    struct item_row now ITEM_ROW_CLEANUP = {0};
    struct buf after BUF_CLEANUP = BUF_INIT;
    struct showing s = {r, a, row->key};
    bool found;
    if (r->n_differences >= DIFFERENCES_SHOWN) {
        r->n_more++;
        return 0;
    }
    if (item_row_get(r->tx->c, row->now.id, &now, &found, e))
        return -1;
    if (!found)
        return 0;
    if (shown_text(r, a, &now, &after, e))
        return -1;
    return differences(before, buf_span(&after), show_field, &s, e);
}

/* ---- The operations ---- */

static int put_text(struct run *r, const struct action *a, const struct row *row, struct span text,
                    struct err *e)
{
    struct store_put put = {.key = row->key, .text = text, .exclusive = !row->found};
    struct buf before BUF_CLEANUP = BUF_INIT;
    if (row->found)
        put.number = id_number(row->now.id);
    if (r->dry && row->found && shown_text(r, a, &row->now, &before, e))
        return -1;
    if (item_put(r->tx, r->v, a->target, &put, true, NULL, e))
        return -1;
    if (!row->found)
        return show_whole(r, a, row, "new ", text, e);
    return r->dry ? show_changes(r, a, row, buf_span(&before), e) : 0;
}

static int put_whole(struct run *r, struct action *a, struct row *row, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    if (!json_write_line(row->item, &text))
        return err_nomem(e);
    *(row->found ? &a->changed : &a->made) += 1;
    return put_text(r, a, row, buf_span(&text), e);
}

static int patch(struct run *r, struct action *a, struct row *row, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    bool same = false;
    if (merged_text(r, a, row, &text, &same, e))
        return -1;
    if (same) {
        a->same++;
        return 0;
    }
    a->changed++;
    return put_text(r, a, row, buf_span(&text), e);
}

static int upsert(struct run *r, struct action *a, struct row *row, struct err *e)
{
    return row->found ? patch(r, a, row, e) : put_whole(r, a, row, e);
}

/* Every row was looked for before the first was deleted: one that is gone by now went with
 * another (on_delete: cascade). */
static int delete(struct run *r, struct action *a, struct row *row, struct err *e)
{
    if (!row->found)
        return 0;
    a->deleted++;
    if (item_delete(r->tx, row->now.id, e))
        return -1;
    return show_whole(r, a, row, "deleted", (struct span){0}, e);
}

static int look(struct run *r, struct action *a, struct row *row, struct err *e)
{
    (void)r, (void)a, (void)row, (void)e;
    return 0;
}

static const struct operation operations[] = {
    {"INSERT", ROWS_WHOLE, false, true, put_whole},
    {"UPSERT", ROWS_WHOLE, false, false, upsert},
    {"PATCH", ROWS_PATCH, true, false, patch},
    {"REPLACE", ROWS_WHOLE, true, false, put_whole},
    {"DELETE", ROWS_KEYS, false, false, delete},
};
/* The first pass of a DELETE. */
static const struct operation lookup = {"DELETE", ROWS_KEYS, true, false, look};
#define N_OPERATIONS (sizeof operations / sizeof operations[0])

static int find_operation(struct run *r, struct action *a, struct err *e)
{
    const char *words[N_OPERATIONS];
    const struct json_node *m;
    if (member(r, a->node, "operation", JSON_STRING, &m, e))
        return -1;
    for (size_t i = 0; i < N_OPERATIONS; i++) {
        words[i] = operations[i].word;
        if (span_eq(m->text, span_of(words[i])))
            a->op = &operations[i];
    }
    return a->op ? 0 : wrong_word(r, m, "there is no operation", m->text, words, N_OPERATIONS, e);
}

/* ---- Rows ---- */

/* What is wrong with one row, told with its action and item. */
static int about_row(const struct run *r, const struct action *a, const struct row *row,
                     const struct err *why, struct err *e)
{
    if (why->code == ERR_NO_MEMORY || why->code == ERR_IO || why->code == ERR_NO_SPACE ||
        why->code == ERR_READ_ONLY || why->code == ERR_INTERRUPTED) {
        *e = *why;
        return -1;
    }
    err_set(e, why->code, "action %u, %s %s \"%.*s\": %s", a->number, a->op->word,
            a->target->name, (int)(row->key.n < 100 ? row->key.n : 100),
            row->key.p ? row->key.p : "", why->text);
    err_field(e, why->field);
    err_expected(e, "%s", why->expected);
    return a->items ? wrong(r, row->item, e) : -1;
}

static int row_key(const struct row *row, struct span *ret, struct err *e)
{
    const struct json_node *key = json_member(row->item, span_of("_key"));
    if (!key) {
        err_set(e, ERR_INVALID, "\"_key\" is missing");
        return err_expected(e, "{\"_key\": \"...\", ...}");
    }
    if (key->kind != JSON_STRING)
        return err_set(e, ERR_INVALID, "\"_key\" is %s, not a string", json_kind_name(key->kind));
    *ret = key->text;
    return 0;
}

static int unknown_field(const struct shape *s, const struct json_node *m, struct err *e)
{
    struct arena arena ARENA_CLEANUP = {0};
    const char **names = arena_alloc(&arena, (s->n_fields + 1) * sizeof *names);
    if (!names)
        return err_nomem(e);
    for (size_t i = 0; i < s->n_fields; i++)
        names[i] = s->fields[i].name;
    const char *near = err_nearest(m->name.p, m->name.n, names, s->n_fields);
    return err_set(e, ERR_INVALID, "%s has no field \"%.*s\"%s%s%s", s->name,
                   (int)(m->name.n < 100 ? m->name.n : 100), m->name.p,
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int check_members(const struct action *a, const struct row *row, struct err *e)
{
    for (const struct json_node *m = row->item->child; m; m = m->next)
        if (a->op->use != ROWS_KEYS && !a->target->open && !is_key(m) &&
            !shape_field(a->target, m->name))
            return unknown_field(a->target, m, e);
    return 0;
}

static int apply(struct run *r, struct action *a, const struct operation *op, struct row *row,
                 struct err *e)
{
    if (row_key(row, &row->key, e) || check_members(a, row, e) || key_check(row->key, e) ||
        item_row_find(r->tx->c, a->target->coll, row->key, &row->now, &row->found, e))
        return -1;
    if (op->must_exist && !row->found)
        return err_set(e, ERR_NOT_FOUND, "there is no such item");
    if (op->must_be_new && row->found)
        return err_set(e, ERR_EXISTS, "there is one already");
    return op->apply(r, a, row, e);
}

static int apply_row(struct run *r, struct action *a, const struct operation *op,
                     const struct json_node *item, const struct json_node *unset, struct err *e)
{
    struct row row = {.item = item, .unset = unset};
    struct err why = ERR_INIT;
    int rc = 0;
    if (r->dry && ++r->seen % 256 == 0 && r->by && r->by->interrupted &&
        r->by->interrupted(r->by->arg))
        rc = err_set(&why, ERR_INTERRUPTED, "interrupted");
    if (!rc)
        rc = apply(r, a, op, &row, &why);
    if (rc)
        about_row(r, a, &row, &why, e);
    item_row_free(&row.now);
    lens_reset(&r->lens);
    return rc;
}

static int apply_bytes(struct run *r, struct action *a, const struct operation *op,
                       struct span text, struct err *e)
{
    struct json_node *pair;
    int rc = json_parse(text.p, text.n, &r->arena, &pair, e);
    if (!rc)
        rc = apply_row(r, a, op, pair->child, pair->child->next, e);
    arena_free(&r->arena);
    r->arena = (struct arena){0};
    return rc;
}

static int apply_rows(struct run *r, struct action *a, const struct operation *op,
                      const struct row_set *rows, struct err *e)
{
    struct span text;
    size_t pos = 0;
    int rc = 0;
    while (!rc && !a->items && rows_next(rows, &pos, &text))
        rc = apply_bytes(r, a, op, text, e);
    for (const struct json_node *m = a->items ? a->items->child : NULL; m && !rc; m = m->next) {
        rc = apply_row(r, a, op, m, NULL, e);
        arena_free(&r->arena);
        r->arena = (struct arena){0};
    }
    return rc;
}

static int collect(struct run *r, struct action *a, struct row_set *rows, struct err *e)
{
    if (!a->query) {
        rows->n = a->items->n_children;
        return 0;
    }
    if (!r->queries &&
        query_db_new(r->tx, r->v, r->dry ? r->by : NULL, &r->queries, e))
        return -1;
    return rows_collect(r->queries, a->query, r->v, a->target, a->op->use, rows, e);
}

static int run_action(struct run *r, struct action *a, struct err *e)
{
    struct row_set rows = {0};
    int rc = derive_coll_tx(r->tx, a->target->coll, e);
    if (!rc)
        rc = collect(r, a, &rows, e);
    a->rows = rows.n;
    if (!rc && a->op->use == ROWS_KEYS)
        rc = apply_rows(r, a, &lookup, &rows, e);
    if (!rc)
        rc = apply_rows(r, a, a->op, &rows, e);
    rows_free(&rows);
    return rc;
}

/* ---- The whole ---- */

static int read_actions(struct run *r, struct err *e)
{
    static const char *const words[] = {"operation", "source", "target"};
    const struct json_node *list, *m;
    if (find_version(r, e) || member(r, r->root, "actions", JSON_ARRAY, &list, e))
        return -1;
    r->actions = calloc(list->n_children + 1, sizeof *r->actions);
    if (!r->actions)
        return err_nomem(e);
    for (m = list->child; m; m = m->next) {
        struct action *a = &r->actions[r->n_actions++];
        *a = (struct action){.number = (unsigned)r->n_actions, .node = m};
        if (m->kind != JSON_OBJECT) {
            err_set(e, ERR_INVALID, "an action is %s, not an object", json_kind_name(m->kind));
            return wrong(r, m, e);
        }
        if (only_members(r, m, words, 3, e) || find_operation(r, a, e) || find_target(r, a, e) ||
            find_source(r, a, e))
            return -1;
    }
    return 0;
}

static int transaction_tx(struct store_tx *tx, void *arg, struct err *e)
{
    struct run *r = arg;
    int rc;
    r->tx = tx;
    tx_sub_lens(tx, &r->lens);
    rc = read_actions(r, e);
    for (size_t i = 0; i < r->n_actions && !rc; i++)
        rc = run_action(r, &r->actions[i], e);
    query_db_free(r->queries);
    r->queries = NULL;
    lens_deinit(&r->lens);
    return rc ? -1 : r->dry ? TX_ROLLBACK : 0;
}

static bool report_action(const struct action *a, struct buf *out)
{
    bool ok = buf_printf(out, "%u %s %s from %s: %zu rows", a->number, a->op->word,
                         a->target->name, a->query ? a->query->name : "the items given", a->rows);
    if (a->op->use == ROWS_KEYS)
        return ok && buf_printf(out, ", %zu deleted\n", a->deleted);
    return ok && buf_printf(out, ", %zu new, %zu changed, %zu the same\n", a->made, a->changed,
                            a->same);
}

static bool report(const struct run *r, struct buf *out)
{
    struct action sum = {0};
    for (size_t i = 0; i < r->n_actions; i++) {
        sum.made += r->actions[i].made;
        sum.changed += r->actions[i].changed;
        sum.deleted += r->actions[i].deleted;
    }
    bool ok = buf_printf(out, "%s%zu new, %zu changed, %zu deleted\n",
                         r->dry ? "dry run, nothing is changed: " : "", sum.made, sum.changed,
                         sum.deleted);
    for (size_t i = 0; ok && i < r->n_actions; i++)
        ok = report_action(&r->actions[i], out);
    if (!r->dry || !r->n_differences)
        return ok;
    ok = ok && buf_adds(out, "first differences:\n") &&
         buf_addspan(out, buf_span(&r->differences));
    return ok && (!r->n_more || buf_adds(out, "  and more\n"));
}

static int read_root(struct run *r, struct arena *arena, struct err *e)
{
    static const char *const words[] = {"version", "actions", "dry_run"};
    struct json_node *root;
    const struct json_node *dry;
    if (json_parse_object(r->json.p, r->json.n, arena, &root, e))
        return -1;
    r->root = root;
    if (only_members(r, root, words, 3, e))
        return -1;
    dry = json_member(root, span_of("dry_run"));
    if (dry && dry->kind != JSON_TRUE && dry->kind != JSON_FALSE) {
        err_set(e, ERR_INVALID, "\"dry_run\" is %s, not true or false", json_kind_name(dry->kind));
        return wrong(r, dry, e);
    }
    r->dry = dry && dry->kind == JSON_TRUE;
    return 0;
}

int transaction_run(struct store *s, struct span json, const struct verb_caller *by,
                    struct buf *ret_report, struct err *e)
{
    struct arena arena ARENA_CLEANUP = {0};
    struct run r = {.json = json, .by = by};
    int rc = read_root(&r, &arena, e);
    if (!rc)
        rc = store_write(s, r.dry ? TX_ALONE : TX_ALONE | TX_DURABLE, transaction_tx, &r, e) < 0;
    if (!rc && !report(&r, ret_report))
        rc = err_nomem(e);
    free(r.actions);
    arena_free(&r.arena);
    buf_free(&r.differences);
    return rc ? -1 : 0;
}
