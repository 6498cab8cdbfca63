/* Whether a text is an item of a shape: what the text alone shows, and the checks over what comes
 * out. */
#include "checks.h"
#include "lens_int.h"
#include "sql_names.h"

#include <stdio.h>

enum { PATH_BYTES = 256 };

/* "Type.field", as all errors name a field. */
static int at_field(const struct shape *s, struct span name, struct err *e)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof path, "%s.%.*s", s->name, (int)(name.n < 100 ? name.n : 100), name.p);
    return err_field(e, path);
}

static bool is_null(struct span stored)
{
    return span_eq(stored, span_of("null")) || span_eq(stored, span_of("n"));
}

/* Another version may have left out what an object inside the value requires here: what lacked it may go on
 * lacking it. */
static int is_as_it_was(struct lens *l, const struct version *v, const struct field *f,
                        const struct json_node *m, const struct record *base, bool *ret,
                        struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT, now BUF_CLEANUP = BUF_INIT;
    struct arena arena ARENA_CLEANUP = {0};
    struct span stored = base_value(base, f->slot);
    struct err why = ERR_INIT;
    struct json_node *was;
    *ret = false;
    if (!stored.p)
        return 0;
    if (lens_render(l, view_of(v), f->type, stored, 1, &text, e))
        return -1;
    if (!json_write(m, 1, &now))
        return err_nomem(e);
    *ret = span_eq(buf_span(&text), buf_span(&now));
    if (*ret)
        return 0;
    if (json_parse(text.p, text.n, &arena, &was, e))
        return -1;
    const struct value_was stood = {was, f->type};
    const struct value_beside beside = {.was = &stood, .n = 1, .nullable = !f->required};
    *ret = value_check_beside(f->type, m, &beside, v->shapes, v->n_shapes, &why) == 0;
    return why.code == ERR_NO_MEMORY ? err_nomem(e) : 0;
}

/* "Dog.name", for messages. Made for every member of every text that comes in: with snprintf it was four
 * of ten instructions of parsing and checking. */
static void path_of(const struct shape *s, const struct field *f, char ret[static PATH_BYTES])
{
    const char *end = ret + PATH_BYTES - 1;
    const char *parts[] = {s->name, ".", f->name};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        for (const char *p = parts[i]; *p && ret < end; p++)
            *ret++ = *p;
    *ret = '\0';
}

static int check_member(struct lens *l, const struct version *v, const struct shape *s,
                        const struct json_node *m, const struct record *base, bool line,
                        struct err *e)
{
    const struct field *f = shape_field(s, m->name);
    char path[PATH_BYTES];
    if (is_key_member(m, line) && !f)
        return 0;
    if (!f) /* "_key" is the item's name in JSON Lines: no item may hold another */
        return s->open && !is_key_member(m, true) ? 0 : shape_no_field(s, m->name, m->name_line, m->name_column, e);
    if (f->read_only)
        return 0;
    path_of(s, f, path);
    bool nullable = !f->required || f->type->base == T_JSON || is_null(base_value(base, f->slot));
    struct err why = ERR_INIT;
    bool same = false;
    if (!value_check(f->type, m, nullable, v->shapes, v->n_shapes, path, &why))
        return 0;
    if (type_structured(f->type) && is_as_it_was(l, v, f, m, base, &same, e))
        return -1;
    if (!same)
        *e = why;
    return same ? 0 : -1;
}

/* What the item lacked already (an older version may have left it out) may go on lacking. */
static int check_required(const struct shape *s, const struct json_node *object,
                          const struct record *base, struct err *e)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];
        if (!f->required || f->def.p || f->read_only || json_member(object, span_of(f->name)))
            continue;
        if (base && !base_value(base, f->slot).p)
            continue;
        err_at(e, ERR_INVALID, object->line, object->column, "%s.%s is required", s->name, f->name);
        at_field(s, span_of(f->name), e);
        return err_expected(e, "a value for \"%s\"", f->name);
    }
    return 0;
}

int lens_parse_item(struct lens *l, const struct version *v, const struct shape *s,
                    struct span text, bool line, const struct record *base, struct json_node **ret,
                    struct err *e)
{
    struct json_node *object;
    if (json_parse_object(text.p, text.n, &l->arena, &object, e))
        return -1;
    for (const struct json_node *m = object->child; m; m = m->next)
        if (check_member(l, v, s, m, base, line, e)) {
            err_excerpt(e, text.p, text.n);
            return -1;
        }
    if (check_required(s, object, base, e)) {
        err_excerpt(e, text.p, text.n);
        return -1;
    }
    *ret = object;
    return 0;
}

int lens_check(struct lens *l, const struct version *v, const struct shape *s, struct span text,
               const struct record *base, struct err *e)
{
    struct json_node *object;
    return lens_parse_item(l, v, s, text, false, base, &object, e);
}

/* ---- Checks ---- */

static int columns_of(struct lens *l, const struct version *v, const struct shape *s,
                      const struct record *rec, struct span key, struct expr_column **ret,
                      struct err *e)
{
    static const struct type_ref string = {.base = T_STRING};
    struct expr_column *c = arena_alloc(&l->arena, (s->n_fields + 1) * sizeof *c);
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct span shown;
    bool set;

    if (lens_key(l, v, s, rec, key, &shown, e))
        return -1;
    if (!c || !json_write_string(shown, &b))
        return err_nomem(e);
    for (size_t i = 0; i < s->n_fields; i++) {
        c[i] = (struct expr_column){s->fields[i].name, s->fields[i].type, {0}};
        if (lens_field(l, v, s, &s->fields[i], rec, key, true, &c[i].json, &set, e))
            return -1;
        if (!set)
            c[i].json = (struct span){0};
    }
    c[s->n_fields] = (struct expr_column){"_key", &string, lens_keep(l, buf_span(&b))};
    *ret = c;
    return 0;
}

static int condition_holds(struct lens *l, const char *sql, const struct shape *s,
                           const struct expr_column *c, bool *ret, struct err *e)
{
    int truth;
    if (expr_condition(l->env, check_uid(sql, s), sql, c, s->n_fields + 1, &truth, e))
        return -1;
    *ret = truth != 0;
    return 0;
}

static struct checking checking_of(struct lens *l, const struct version *v)
{
    return (struct checking){l->env, v->shapes, v->n_shapes};
}

static bool has_checks(struct lens *l, const struct version *v, const struct shape *s)
{
    struct checking c = checking_of(l, v);

    for (size_t i = 0; i < s->n_fields; i++)
        if (s->fields[i].check || checks_inside(&c, s->fields[i].type))
            return true;
    return s->n_checks != 0;
}

/* Does the check read a field that the write changes? */
static bool reads_a_change(const char *sql, const struct shape *s, const struct expr_column *now,
                           const struct expr_column *was)
{
    for (size_t i = 0; i <= s->n_fields; i++)
        if (!span_eq(now[i].json, was[i].json) && sql_reads(sql, now[i].name))
            return true;
    return false;
}

/* One check: false now, and not as false as the item was already. */
static int check_one(struct lens *l, const char *sql, const char *field, const struct shape *s,
                     const struct expr_column *now, const struct expr_column *was, struct err *e)
{
    bool holds;
    if (condition_holds(l, sql, s, now, &holds, e))
        return -1;
    if (holds || (was && !reads_a_change(sql, s, now, was)))
        return 0;
    err_set(e, ERR_INVALID, "%s%s%s: check \"%s\" does not hold", s->name, field ? "." : "",
            field ? field : "", sql);
    return field ? at_field(s, span_of(field), e) : err_field(e, s->name);
}

/* The checks of the objects in one field. */
static int check_inside(struct lens *l, const struct version *v, const struct shape *s,
                        const struct field *f, struct span now, struct span was, struct err *e)
{
    struct checking c = checking_of(l, v);
    const struct place type = {.path = s->name}, at = {.up = &type, .name = span_of(f->name)};
    struct json_node *value, *had = NULL;

    if (!now.p || span_eq(now, was) || !checks_inside(&c, f->type))
        return 0;
    if (json_parse(now.p, now.n, &l->arena, &value, e) ||
        (was.p && json_parse(was.p, was.n, &l->arena, &had, e)))
        return -1;
    return checks_inside_hold(&c, f->type, value, had, &at, e);
}

/* Checks by number: each field's own, the type's, those inside of each field. */
static size_t count_checks(const struct shape *s)
{
    return 2 * s->n_fields + s->n_checks;
}

static int check_at(struct lens *l, const struct version *v, const struct shape *s, size_t i,
                    const struct expr_column *now, const struct expr_column *was, struct err *e)
{
    if (i < s->n_fields)
        return s->fields[i].check
                   ? check_one(l, s->fields[i].check, s->fields[i].name, s, now, was, e)
                   : 0;
    i -= s->n_fields;
    if (i < s->n_checks)
        return check_one(l, s->checks[i], NULL, s, now, was, e);
    i -= s->n_checks;
    return check_inside(l, v, s, &s->fields[i], now[i].json,
                        was ? was[i].json : (struct span){0}, e);
}

int lens_checks_from(struct lens *l, const struct version *v, const struct shape *s,
                     struct span key, const struct record *rec, const struct record *base,
                     size_t *at, struct err *e)
{
    struct expr_column *now, *was = NULL;
    if (!has_checks(l, v, s))
        return 0;
    if (columns_of(l, v, s, rec, key, &now, e) || (base && columns_of(l, v, s, base, key, &was, e)))
        return -1;
    for (; *at < count_checks(s); ++*at)
        if (check_at(l, v, s, *at, now, was, e))
            return -1;
    return 0;
}

const char *lens_check_numbered(const struct shape *s, size_t i)
{
    if (i < s->n_fields)
        return s->fields[i].check;
    return i < s->n_fields + s->n_checks ? s->checks[i - s->n_fields] : NULL;
}

int lens_run_checks(struct lens *l, const struct version *v, const struct shape *s, struct span key,
                    const struct record *rec, const struct record *base, struct err *e)
{
    size_t at = 0;
    return lens_checks_from(l, v, s, key, rec, base, &at, e);
}

/* The member that an error's field is, or lies in: "Dog.tags[1]", "Dog.rank, Dog.age". */
static const struct json_node *member_at_fault(const struct json_node *object, const char *field)
{
    const char *dot = strchr(field, '.');

    if (!dot)
        return NULL;
    return json_member(object, (struct span){dot + 1, strcspn(dot + 1, ".[,")});
}

void lens_place(struct span text, struct err *e)
{
    struct arena a ARENA_CLEANUP = {0};
    struct err ignored = ERR_INIT;
    const struct json_node *at;
    struct json_node *object;

    if (e->line || !e->field[0] || (e->code != ERR_INVALID && e->code != ERR_EXISTS) ||
        json_parse_object(text.p, text.n, &a, &object, &ignored) < 0)
        return;
    at = member_at_fault(object, e->field);
    e->line = at ? at->line : object->line;
    e->column = at ? at->column : object->column;
}
