#include "checks.h"

#include "sql_names.h"
#include "hash.h"

uint64_t check_uid(const char *sql, const struct shape *s)
{
    uint64_t h = hash_add_span(HASH_START, span_of(sql)); /* the text and the columns */
    for (size_t i = 0; i < s->n_fields; i++)
        h = hash_add(hash_add_span(h, span_of(s->fields[i].name)),
                     0x100u + s->fields[i].type->base);
    return h | UINT64_C(1) << 63;
}

/* ---- A field's own ---- */

uint64_t check_own_uid(const struct field *f)
{
    struct field only = *f;
    const struct shape s = {.fields = &only, .n_fields = 1};

    return check_uid(f->check, &s);
}

int check_is_own(struct expr_env *env, const struct field *f, bool *ret, struct err *e)
{
    struct err why = ERR_INIT;
    bool used;

    *ret = f->check && expr_check(env, f->check, &f->name, 1, &used, &why) == 0;
    return why.code == ERR_NO_MEMORY ? err_nomem(e) : 0;
}

int check_own_holds(struct expr_env *env, uint64_t uid, const char *sql, const char *name,
                    const struct type_ref *type, struct span json, bool *ret, struct err *e)
{
    struct expr_column column = {name, type, json};
    int truth;

    if (expr_condition(env, uid, sql, &column, 1, &truth, e))
        return -1;
    *ret = truth != 0;
    return 0;
}

/* ---- Objects inside a value ---- */

static bool shape_has_checks(const struct shape *s)
{
    for (size_t i = 0; i < s->n_fields; i++)
        if (s->fields[i].check)
            return true;
    return s->n_checks != 0;
}

/* Any object's, for which objects hold which is a longer question than the answer is worth. */
bool checks_inside(const struct checking *c, const struct type_ref *t)
{
    while (t->elem)
        t = t->elem;
    for (size_t i = 0; t->base == T_OBJECT && i < c->n_shapes; i++)
        if (c->shapes[i]->kind == SHAPE_OBJECT && shape_has_checks(c->shapes[i]))
            return true;
    return false;
}

/* An object's fields as a check of it reads them: the default where one is unset. */
static int columns_of(const struct shape *s, const struct json_node *object, struct arena *a,
                      struct expr_column **ret, struct err *e)
{
    struct expr_column *c = arena_alloc(a, (s->n_fields + 1) * sizeof *c);

    if (!c)
        return err_nomem(e);
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];
        const struct json_node *m = json_member(object, span_of(f->name));
        struct buf b BUF_CLEANUP = BUF_INIT;

        c[i] = (struct expr_column){f->name, f->type, f->def};
        if (!m)
            continue;
        if (!json_write(m, 1, &b) || !(c[i].json.p = arena_strndup(a, b.p, b.n)))
            return err_nomem(e);
        c[i].json.n = b.n;
    }
    *ret = c;
    return 0;
}

/* One check that fails, and the object that it fails of. */
struct failing {
    const struct checking *c;
    const struct shape *s;
    const char *sql;
    const struct expr_column *columns;
    struct arena *arena;
};

/* The value holds an object of that type in which all that the check reads is the same. */
static int stands_in(const struct failing *f, const struct type_ref *t, const struct json_node *v,
                     bool *ret, struct err *e);

static int is_same(const struct failing *f, const struct json_node *object, bool *ret,
                   struct err *e)
{
    struct expr_column *was;

    if (columns_of(f->s, object, f->arena, &was, e))
        return -1;
    *ret = true;
    for (size_t i = 0; i < f->s->n_fields; i++)
        if (!span_eq(was[i].json, f->columns[i].json) && sql_reads(f->sql, was[i].name))
            *ret = false;
    return 0;
}

static int stands_in_members(const struct failing *f, const struct type_ref *t,
                             const struct json_node *v, bool *ret, struct err *e)
{
    const struct shape *s = shapes_find(f->c->shapes, f->c->n_shapes, t->shape);

    if (s == f->s && is_same(f, v, ret, e))
        return -1;
    for (const struct json_node *m = v->child; s && m && !*ret; m = m->next) {
        const struct field *in = shape_field(s, m->name);

        if (in && stands_in(f, in->type, m, ret, e))
            return -1;
    }
    return 0;
}

static int stands_in(const struct failing *f, const struct type_ref *t, const struct json_node *v,
                     bool *ret, struct err *e)
{
    if (t->base == T_OBJECT && v->kind == JSON_OBJECT)
        return stands_in_members(f, t, v, ret, e);
    for (const struct json_node *m = t->elem ? v->child : NULL; m && !*ret; m = m->next)
        if (stands_in(f, t->elem, m, ret, e))
            return -1;
    return 0;
}

/* A value on its way through: what all levels of it share. */
struct inside {
    const struct checking *c;
    const struct type_ref *type; /* of the whole value, and of what it was */
    const struct json_node *was;
    struct arena arena;
};

static int check_one(struct inside *in, const struct shape *s, const char *sql,
                     const struct expr_column *columns, const struct place *at, struct err *e)
{
    struct failing f = {in->c, s, sql, columns, &in->arena};
    bool same = false;
    char path[PATH_SIZE];
    int truth;

    if (expr_condition(in->c->env, check_uid(sql, s), sql, columns, s->n_fields, &truth, e))
        return -1;
    if (truth || (in->was && stands_in(&f, in->type, in->was, &same, e)))
        return truth ? 0 : -1;
    if (same)
        return 0;
    place_print(at, path);
    err_set(e, ERR_INVALID, "%s: check \"%s\" does not hold", path, sql);
    return err_field(e, path);
}

static int check_value(struct inside *in, const struct type_ref *t, const struct json_node *v,
                       const struct place *at, struct err *e);

static int check_object(struct inside *in, const struct shape *s, const struct json_node *v,
                        const struct place *at, struct err *e)
{
    struct expr_column *columns;

    if (shape_has_checks(s) && columns_of(s, v, &in->arena, &columns, e))
        return -1;
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];
        const struct json_node *m = json_member(v, span_of(f->name));
        struct place inner = {.up = at, .name = span_of(f->name)};

        if ((f->check && check_one(in, s, f->check, columns, &inner, e)) ||
            (m && check_value(in, f->type, m, &inner, e)))
            return -1;
    }
    for (size_t i = 0; i < s->n_checks; i++)
        if (check_one(in, s, s->checks[i], columns, at, e))
            return -1;
    return 0;
}

static int check_value(struct inside *in, const struct type_ref *t, const struct json_node *v,
                       const struct place *at, struct err *e)
{
    const struct shape *s;
    size_t index = 0;

    if (t->base == T_OBJECT && v->kind == JSON_OBJECT) {
        s = shapes_find(in->c->shapes, in->c->n_shapes, t->shape);
        return s ? check_object(in, s, v, at, e) : 0;
    }
    for (const struct json_node *m = t->elem ? v->child : NULL; m; m = m->next, index++) {
        struct place inner = {.up = at, .name = m->name, .index = index};

        if (check_value(in, t->elem, m, &inner, e))
            return -1;
    }
    return 0;
}

int checks_inside_hold(const struct checking *c, const struct type_ref *t,
                       const struct json_node *value, const struct json_node *was,
                       const struct place *at, struct err *e)
{
    struct inside in = {.c = c, .type = t, .was = was};
    int rc = check_value(&in, t, value, at, e);

    arena_free(&in.arena);
    return rc;
}

/* ---- What a formula gives ---- */

static int fits_inside(const struct checking *c, const struct type_ref *t, struct span json,
                       bool *ret, struct err *e)
{
    ARENA_CLEANUP struct arena arena = {0};
    const struct place at = {.path = ""};
    struct err why = ERR_INIT;
    struct json_node *v;

    *ret = json_parse(json.p, json.n, &arena, &v, &why) == 0 &&
           checks_inside_hold(c, t, v, NULL, &at, &why) == 0;
    return why.code == ERR_NO_MEMORY ? err_nomem(e) : 0;
}

int checks_fit(struct expr_env *env, const struct formula *f, struct span json, bool *ret,
               struct err *e)
{
    const struct checking c = {env, f->shapes, f->n_shapes};

    *ret = true;
    if (f->check && check_own_holds(env, f->check_uid, f->check, f->out_name, f->out_type, json,
                                    ret, e))
        return -1;
    return *ret && f->checked_inside ? fits_inside(&c, f->out_type, json, ret, e) : 0;
}
