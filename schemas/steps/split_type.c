/* split_type: the items of one type stand in several, its parts.
 *
 * The part that an item is in stands in a slot, computed by the conditions whenever the whole type's
 * side changes what they read, and set by whoever makes or moves an item through a part. A second slot
 * always holds what the conditions give now: where the two differ, the item no longer fits its part.
 * What referred to the type refers to all its parts: keys are unique over them. */
#include "steps.h"

static const struct type_ref text_type = {T_STRING, NULL, 0};

struct part {
    const char *name, *condition; /* condition NULL: else */
    const struct yaml_node *at;
};

struct split {
    struct shape *s;
    struct part *parts; /* the one that is `else` last */
    size_t n;
    struct naming names;
};

static int read_part(struct model *m, const struct step_args *a, const struct shape *s,
                     const struct yaml_node *entry, struct part *ret, struct err *e)
{
    *ret = (struct part){.name = entry->key, .at = entry};
    if (step_text(a, entry, "a condition or else", &ret->condition, e))
        return -1;
    if (strcmp(ret->condition, "else") != 0)
        return model_check_sql(m, s, ret->condition, entry, "condition", NULL, e);
    ret->condition = NULL;
    return 0;
}

/* Exactly one part takes what no condition holds for: without it an item could be in none. */
static int read_parts(struct model *m, const struct step_args *a, struct split *x, struct err *e)
{
    const struct yaml_node *into, *other = NULL;
    struct part p, last = {0};

    if (step_arg_map(a, "into", "conditions by the name of a part", &into, e))
        return -1;
    if (into->n_children < 2)
        return step_bad(a, into, e, "`into` has one part; at least two are expected");
    x->parts = arena_alloc(&m->v->arena, into->n_children * sizeof(*x->parts));
    if (!x->parts)
        return err_nomem(e);
    for (const struct yaml_node *entry = into->child; entry; entry = entry->next) {
        if (read_part(m, a, x->s, entry, &p, e))
            return -1;
        if (!p.condition && other)
            return step_bad(a, entry, e, "two parts are `else`: %s and %s", other->key, p.name);
        if (p.condition) {
            x->parts[x->n++] = p;
        } else {
            last = p;
            other = entry;
        }
    }
    if (!other) {
        step_bad(a, into, e, "no part of %s is `else`: an item could be in none", x->s->name);
        return err_expected(e, "%s: else", x->parts[x->n - 1].name);
    }
    x->parts[x->n++] = last;
    return 0;
}

/* A part's name as it stands in the slot. */
static int part_text(struct model *m, const char *name, struct span *ret)
{
    BUF_CLEANUP struct buf b = BUF_INIT;

    if (!json_write_string(span_of(name), &b))
        return -1;
    *ret = (struct span){arena_strndup(&m->v->arena, b.p, b.n), b.n};
    return ret->p ? 0 : -1;
}

static bool add_sql_text(struct buf *b, const char *text)
{
    bool ok = buf_addc(b, '\'');
    for (; ok && *text; text++)
        ok = (*text != '\'' || buf_addc(b, '\'')) && buf_addc(b, *text);
    return ok && buf_addc(b, '\'');
}

/* CASE WHEN condition THEN 'part' ... ELSE 'part' END; a condition may end in a comment. */
static const char *part_sql(struct model *m, const struct split *x)
{
    BUF_CLEANUP struct buf b = BUF_INIT;
    bool ok = buf_adds(&b, "CASE");

    for (size_t i = 0; ok && i < x->n; i++)
        ok = (x->parts[i].condition
                  ? buf_printf(&b, " WHEN (%s\n) THEN ", x->parts[i].condition)
                  : buf_adds(&b, " ELSE ")) &&
             add_sql_text(&b, x->parts[i].name);
    ok = ok && buf_adds(&b, " END");
    return ok ? arena_strndup(&m->v->arena, b.p, b.n) : NULL;
}

static int add_formula(struct model *m, const struct split *x, slot_no out, enum formula_mode mode,
                       const char *sql, struct err *e)
{
    const struct field f = {.name = "_part",
                            .type = &text_type,
                            .slot = out,
                            .def = x->names.parts[x->n - 1]};

    struct formula_spec spec = {.dir = FORMULA_FORWARD,
                                .mode = mode,
                                .over = x->s,
                                .out = &f,
                                .sql = sql,
                                .as_shown = true,
                                .where = x->parts[0].at};
    struct formula *made;

    if (model_add_formula(m, &spec, &made, e))
        return -1;
    made->is_part = true;
    return 0;
}

static int name_parts(struct model *m, struct split *x, struct err *e)
{
    struct span *names = arena_alloc(&m->v->arena, x->n * sizeof(*names));
    const char *sql = part_sql(m, x);

    if (!names || !sql)
        return err_nomem(e);
    for (size_t i = 0; i < x->n; i++)
        if (part_text(m, x->parts[i].name, &names[i]))
            return err_nomem(e);
    x->names = (struct naming){.coll = x->s->coll,
                               .slot = model_new_slot(m),
                               .n = x->n,
                               .parts = names,
                               .fit = model_new_slot(m),
                               .misfits = m->next_shape++};
    return add_formula(m, x, x->names.slot, FORMULA_LINKED, sql, e) ||
                   add_formula(m, x, x->names.fit, FORMULA_COMPUTED, sql, e)
               ? -1
               : 0;
}

/* All that the whole has, but identity. Its number as a collection is that of its set. */
static int make_part(struct model *m, const struct split *x, size_t i, uint32_t *ret_set,
                     struct err *e)
{
    const struct shape *from = x->s;
    struct shape *to, keep;

    if (model_add_shape(m, SHAPE_ITEM, x->parts[i].name, x->parts[i].at, &to, e))
        return -1;
    keep = *to;
    *to = *from;
    to->id = keep.id;
    to->name = keep.name;
    to->origin = from->id;
    to->part = x->names.slot;
    to->fit = x->names.fit;
    to->part_name = x->names.parts[i];
    *ret_set = to->set = keep.coll;
    to->fields = model_copy_array(m, from->fields, from->n_fields, sizeof(*from->fields));
    to->checks = model_copy_array(m, from->checks, from->n_checks, sizeof(*from->checks));
    to->uniques = model_copy_array(m, from->uniques, from->n_uniques, sizeof(*from->uniques));
    return to->fields && to->checks && to->uniques ? 0 : err_nomem(e);
}

/* The whole goes on as what references to its items refer to. */
static int keep_parts(struct model *m, const struct split *x, struct err *e)
{
    struct shape *s = x->s;

    s->kind = SHAPE_PARTS;
    s->part = x->names.slot;
    s->fields = NULL;
    s->checks = NULL;
    s->uniques = NULL;
    s->n_fields = s->n_checks = s->n_uniques = 0;
    return step_name_parts(m) ? err_nomem(e) : 0;
}

static int make_parts(struct model *m, struct split *x, struct err *e)
{
    uint32_t *sets = arena_alloc(&m->v->arena, x->n * sizeof(*sets));
    const char *name = x->s->name;

    if (!sets)
        return err_nomem(e);
    x->names.sets = sets;
    x->s->name = ""; /* a part may have it */
    for (size_t i = 0; i < x->n; i++)
        if (make_part(m, x, i, &sets[i], e)) {
            x->s->name = name;
            return -1;
        }
    return keep_parts(m, x, e) || model_add_naming(m, &x->names, e) ? -1 : 0;
}

int step_name_parts(struct model *m)
{
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        struct shape *s = m->v->shapes[i];
        BUF_CLEANUP struct buf b = BUF_INIT;
        size_t n = 0;
        bool ok = true;

        if (s->kind != SHAPE_PARTS)
            continue;
        for (size_t k = 0; ok && k < m->v->n_shapes; k++) {
            const struct shape *p = m->v->shapes[k];
            if (p->kind == SHAPE_ITEM && p->part == s->part)
                ok = (n++ == 0 || buf_addc(&b, '|')) && buf_adds(&b, p->name);
        }
        if (n == 1) /* nothing refers to the parts any more, and the name is that one's */
            buf_reset(&b);
        if (!ok || !buf_str(&b))
            return -1;
        if (strcmp(b.p, s->name) == 0)
            continue;
        s = model_shape_writable(m, s->id);
        if (!s || !(s->name = arena_strndup(&m->v->arena, b.p, b.n)))
            return -1;
    }
    return 0;
}

/* Keys and parts don't go with a merge in either order. */
static int refuse_merged(const struct step_args *a, const struct yaml_node *at,
                         const struct shape *s, struct err *e)
{
    if (strcmp(a->kind, "change_key") == 0 || strcmp(a->kind, "split_type") == 0)
        return step_bad(a, at, e, "%s was merged from several types, and stays so as a whole: its "
                                  "keys and its tag say which item is of which", s->name);
    step_bad(a, at, e, "%s was merged from several types", s->name);
    return err_expected(e, strcmp(a->kind, "merge_types") == 0
                               ? "one merge_types step with all of them"
                               : "this step before the merge, over each of them");
}

int step_no_part(const struct step_args *a, const struct yaml_node *at, const struct shape *s,
                 struct err *e)
{
    if (s->n_colls)
        return refuse_merged(a, at, s, e);
    if (!s->part)
        return 0;
    step_bad(a, at, e, "%s is a part of a type that was split", s->name);
    if (strcmp(a->kind, "merge_types") == 0)
        return -1;
    return err_expected(e, "this step before the split, over the whole type");
}

int step_split_type(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *at;
    struct split x = {0};
    const char *name;

    if (step_arg_shape(m, a, "type", STEP_ITEMS, &x.s, e) || step_arg_need(a, "type", &at, e) ||
        step_no_part(a, at, x.s, e) || read_parts(m, a, &x, e))
        return -1;
    name = x.s->name;
    if (name_parts(m, &x, e) || make_parts(m, &x, e))
        return -1;
    return step_tell(model_note(m, a, x.s->id, "items of %s stand in %s", name, x.s->name),
                     "in the first part whose condition holds; a write through a part leaves them there",
                     "one type again", NULL, STEP_BACKFILL, e);
}
