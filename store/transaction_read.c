/* The JSON of a transaction, every name resolved; a misspelt one is answered with the nearest. */
#include "transaction_int.h"

/* Adds the place. */
int transaction_wrong(const struct run *r, const struct json_node *at, struct err *e)
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
    return transaction_wrong(r, at, e);
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
        return transaction_wrong(r, object, e);
    }
    if (m->kind != kind) {
        err_set(e, ERR_INVALID, "\"%s\" is %s, not %s", name, json_kind_name(m->kind), wanted);
        return transaction_wrong(r, m, e);
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
        return transaction_wrong(r, m ? m : a->node, e);
    }
    a->items = m;
    for (const struct json_node *i = m->child; i; i = i->next)
        if (i->kind != JSON_OBJECT) {
            err_set(e, ERR_INVALID, "an item is %s, not an object", json_kind_name(i->kind));
            return transaction_wrong(r, i, e);
        }
    return 0;
}

static int find_operation(struct run *r, struct action *a, struct err *e)
{
    const char *words[16];
    size_t n = n_transaction_operations;
    const struct json_node *m;
    if (member(r, a->node, "operation", JSON_STRING, &m, e))
        return -1;
    for (size_t i = 0; i < n; i++) {
        words[i] = transaction_operations[i].word;
        if (span_eq(m->text, span_of(words[i])))
            a->op = &transaction_operations[i];
    }
    return a->op ? 0 : wrong_word(r, m, "there is no operation", m->text, words, n, e);
}

/* ---- The whole ---- */

int transaction_read_actions(struct run *r, struct err *e)
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
            return transaction_wrong(r, m, e);
        }
        if (only_members(r, m, words, 3, e) || find_operation(r, a, e) || find_target(r, a, e) ||
            find_source(r, a, e))
            return -1;
    }
    return 0;
}

int transaction_read_root(struct run *r, struct arena *arena, struct err *e)
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
        return transaction_wrong(r, dry, e);
    }
    r->dry = dry && dry->kind == JSON_TRUE;
    return 0;
}
