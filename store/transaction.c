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
#include "transaction_int.h"

/* ---- Items' texts ---- */

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
    if (transaction_text(r, a, &row->now, &text, e) ||
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

/* ---- The operations ---- */

static int put_text(struct run *r, const struct action *a, const struct row *row, struct span text,
                    struct err *e)
{
    struct store_put put = {.key = row->key, .text = text, .exclusive = !row->found};
    struct buf before BUF_CLEANUP = BUF_INIT;
    if (row->found)
        put.number = id_number(row->now.id);
    if (r->dry && row->found && transaction_text(r, a, &row->now, &before, e))
        return -1;
    if (item_put(r->tx, r->v, a->target, &put, true, NULL, e))
        return -1;
    if (!row->found)
        return transaction_show_whole(r, a, row, "new ", text, e);
    return r->dry ? transaction_show_changes(r, a, row, buf_span(&before), e) : 0;
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
static int delete (struct run *r, struct action *a, struct row *row, struct err *e)
{
    if (!row->found)
        return 0;
    a->deleted++;
    if (item_delete(r->tx, row->now.id, e))
        return -1;
    return transaction_show_whole(r, a, row, "deleted", (struct span){0}, e);
}

static int look(struct run *r, struct action *a, struct row *row, struct err *e)
{
    (void)r, (void)a, (void)row, (void)e;
    return 0;
}

const struct operation transaction_operations[] = {
    {"INSERT", ROWS_WHOLE, false, true, put_whole}, {"UPSERT", ROWS_WHOLE, false, false, upsert},
    {"PATCH", ROWS_PATCH, true, false, patch},      {"REPLACE", ROWS_WHOLE, true, false, put_whole},
    {"DELETE", ROWS_KEYS, false, false, delete},
};
/* The first pass of a DELETE. */
static const struct operation lookup = {"DELETE", ROWS_KEYS, true, false, look};
const size_t n_transaction_operations =
    sizeof transaction_operations / sizeof transaction_operations[0];

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
    err_set(e, why->code, "action %u, %s %s \"%.*s\": %s", a->number, a->op->word, a->target->name,
            (int)(row->key.n < 100 ? row->key.n : 100), row->key.p ? row->key.p : "", why->text);
    err_field(e, why->field);
    err_expected(e, "%s", why->expected);
    return a->items ? transaction_wrong(r, row->item, e) : -1;
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

static int check_members(const struct action *a, const struct row *row, struct err *e)
{
    for (const struct json_node *m = row->item->child; m; m = m->next)
        if (a->op->use != ROWS_KEYS && !a->target->open && !is_key(m) &&
            !shape_field(a->target, m->name))
            return shape_no_field(a->target, m->name, 0, 0, e);
    return 0;
}

static int apply(struct run *r, struct action *a, const struct operation *op, struct row *row,
                 struct err *e)
{
    if (row_key(row, &row->key, e) || check_members(a, row, e) || key_check(row->key, e) ||
        item_shown_find(r->tx->c, a->target, row->key, &row->now, &row->found, e))
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
    if (!r->queries && query_db_new(r->tx, r->v, r->dry ? r->by : NULL, &r->queries, e))
        return -1;
    return rows_collect(r->queries, a->query, r->v, a->target, a->op->use, rows, e);
}

static int run_action(struct run *r, struct action *a, struct err *e)
{
    struct row_set rows = {0};
    int rc = derive_view_tx(r->tx, r->v, a->target->coll, e);
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

static int transaction_tx(struct store_tx *tx, void *arg, struct err *e)
{
    struct run *r = arg;
    int rc;
    r->tx = tx;
    tx_sub_lens(tx, &r->lens);
    rc = transaction_read_actions(r, e);
    for (size_t i = 0; i < r->n_actions && !rc; i++)
        rc = run_action(r, &r->actions[i], e);
    query_db_free(r->queries);
    r->queries = NULL;
    lens_deinit(&r->lens);
    return rc ? -1 : r->dry ? TX_ROLLBACK : 0;
}

static bool report_action(const struct action *a, struct buf *out)
{
    bool ok = buf_printf(out, "%u %s %s from %s: %zu row%s", a->number, a->op->word,
                         a->target->name, a->query ? a->query->name : "the items given", a->rows,
                         a->rows == 1 ? "" : "s");
    if (a->op->use == ROWS_KEYS)
        return ok && buf_printf(out, ", %zu deleted\n", a->deleted);
    return ok &&
           buf_printf(out, ", %zu new, %zu changed, %zu the same\n", a->made, a->changed, a->same);
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
    ok = ok && buf_adds(out, "first differences:\n") && buf_addspan(out, buf_span(&r->differences));
    return ok && (!r->n_more || buf_adds(out, "  and more\n"));
}

int transaction_run(struct store *s, struct span json, const struct verb_caller *by,
                    struct buf *ret_report, struct err *e)
{
    struct arena arena ARENA_CLEANUP = {0};
    struct run r = {.json = json, .by = by};
    int rc = transaction_read_root(&r, &arena, e);
    if (!rc)
        rc = store_write(s, r.dry ? TX_ALONE : TX_ALONE | TX_DURABLE, transaction_tx, &r, e) < 0;
    if (!rc && !report(&r, ret_report))
        rc = err_nomem(e);
    free(r.actions);
    arena_free(&r.arena);
    buf_free(&r.differences);
    return rc ? -1 : 0;
}
