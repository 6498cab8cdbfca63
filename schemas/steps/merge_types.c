/* merge_types: the items of several types in one.
 *
 * The first type goes on as the merged one, with the fields of all; what the others' items have in fields
 * of the same name gets the first type's slot as well, linked to their own. Keys stand in a slot, since
 * two items of different types may have one; a field, the tag, says where an item comes from. */
#include "steps.h"

static const struct type_ref text_type = {T_STRING, NULL, 0};

struct merge {
    struct shape **types; /* the first one becomes the merged type */
    const struct shape **before; /* as they were */
    size_t n;
    const struct yaml_node *types_at, *into_at, *tag_at;
    const char *into, *tag;
    uint32_t *colls, *ids;
    struct span *tags; /* names of the types, as JSON text */
};

static int read_type(struct model *m, const struct step_args *a, struct merge *x,
                     const struct yaml_node *at, struct err *e)
{
    const char *name;
    struct shape *s;

    if (step_text(a, at, "a type's name", &name, e))
        return -1;
    if (step_shape_at(m, a, at, STEP_ITEMS, &s, e) || step_no_part(a, at, s, e))
        return -1;
    for (size_t i = 0; i < x->n; i++)
        if (x->types[i]->coll == s->coll)
            return step_bad(a, at, e, "%s and %s show the same items", x->types[i]->name, s->name);
    if (s->key)
        return step_bad(a, at, e, "the keys of %s were changed: a merged type names its items by the "
                                  "keys that they have had all along", s->name);
    x->types[x->n] = s;
    if (!(x->before[x->n++] = step_shape_copy(m, s)))
        return err_nomem(e);
    return 0;
}

static int read_types(struct model *m, const struct step_args *a, struct merge *x, struct err *e)
{
    if (step_arg_need(a, "types", &x->types_at, e))
        return -1;
    if (x->types_at->kind != YAML_SEQ || x->types_at->n_children < 2) {
        step_bad(a, x->types_at, e, "`types` is no list of at least two types");
        return err_expected(e, "types: [Cat, Dog]");
    }
    x->types = arena_alloc(&m->v->arena, x->types_at->n_children * sizeof(struct shape *));
    x->before = arena_alloc(&m->v->arena, x->types_at->n_children * sizeof(const struct shape *));
    if (!x->types || !x->before)
        return err_nomem(e);
    for (const struct yaml_node *at = x->types_at->child; at; at = at->next)
        if (read_type(m, a, x, at, e))
            return -1;
    for (size_t i = 1; i < x->n; i++)
        if (x->types[i]->open != x->types[0]->open)
            return step_bad(a, x->types_at, e, "%s is open and %s is not",
                            x->types[x->types[i]->open ? i : 0]->name,
                            x->types[x->types[i]->open ? 0 : i]->name);
    return 0;
}

static int name_tags(struct model *m, struct merge *x, struct err *e)
{
    x->tags = arena_alloc(&m->v->arena, x->n * sizeof(*x->tags));
    x->colls = arena_alloc(&m->v->arena, x->n * sizeof(*x->colls));
    x->ids = arena_alloc(&m->v->arena, x->n * sizeof(*x->ids));
    if (!x->tags || !x->colls || !x->ids)
        return err_nomem(e);
    for (size_t i = 0; i < x->n; i++) {
        BUF_CLEANUP struct buf b = BUF_INIT;

        if (!json_write_string(span_of(x->before[i]->name), &b))
            return err_nomem(e);
        x->tags[i] = (struct span){arena_strndup(&m->v->arena, b.p, b.n), b.n};
        x->colls[i] = x->before[i]->coll;
        x->ids[i] = x->before[i]->id;
        if (!x->tags[i].p)
            return err_nomem(e);
    }
    return 0;
}

/* ---- Fields ---- */

/* The first of the types that has the field. */
static const char *first_with(const struct merge *x, const char *field)
{
    size_t i = 0;

    while (i + 1 < x->n && !shape_field(x->before[i], span_of(field)))
        i++;
    return x->before[i]->name;
}

static int check_alike(struct model *m, const struct step_args *a, const struct merge *x,
                       const struct shape *s, const struct field *f, const struct field *g,
                       struct err *e)
{
    const char *owner = first_with(x, g->name);

    if (!type_equal(f->type, g->type))
        return step_bad(a, x->types_at, e, "%s.%s is %s and %s.%s is %s", owner, g->name,
                        step_type_text(m, g->type), s->name, f->name, step_type_text(m, f->type));
    if (f->def.p ? !g->def.p || !span_eq(f->def, g->def) : g->def.p != NULL)
        return step_bad(a, x->types_at, e, "%s.%s and %s.%s have different defaults", owner,
                        g->name, s->name, f->name);
    if (f->on_delete != g->on_delete)
        return step_bad(a, x->types_at, e, "%s.%s and %s.%s have different `on_delete`", owner,
                        g->name, s->name, f->name);
    return 0;
}

/* A check that holds for the items of one type only. */
static int add_check(struct model *m, const struct merge *x, size_t i, const char *sql, struct err *e)
{
    struct shape *to = x->types[0];
    const char *tag = step_sql_name(m, x->tag), *name = x->before[i]->name, *check;
    const char **checks = arena_grow(&m->v->arena, to->checks, to->n_checks, sizeof(*checks));
    BUF_CLEANUP struct buf b = BUF_INIT;

    for (; *name; name++)
        if ((*name == '\'' && !buf_addc(&b, '\'')) || !buf_addc(&b, *name))
            return err_nomem(e);
    check = tag && buf_str(&b) ? model_printf(m, "%s <> '%s' OR (%s)", tag, b.p, sql) : NULL;
    if (!checks || !check)
        return err_nomem(e);
    to->checks = checks;
    to->checks[to->n_checks++] = check;
    return 0;
}

/* What one type requires is required of its items: of all that are merged where each says so. */
static int require(struct model *m, const struct merge *x, size_t i, const struct field *f,
                   struct err *e)
{
    const char *name = step_sql_name(m, f->name);
    const char *sql = name ? model_printf(m, "%s IS NOT NULL", name) : NULL;

    if (!f->required || step_has_default(f))
        return 0;
    return sql ? add_check(m, x, i, sql, e) : err_nomem(e);
}

static bool all_require(const struct merge *x, const char *name)
{
    for (size_t i = 0; i < x->n; i++) {
        const struct field *f = shape_field(x->before[i], span_of(name));
        if (!f || !f->required)
            return false;
    }
    return true;
}

/* A field of both: the merged type's slot follows the other type's own, and back. */
static int link_field(struct model *m, const struct shape *s, const struct field *own,
                      const struct field *merged, struct err *e)
{
    const char *inputs[] = {own->name, NULL};
    struct shape *over = step_shape_copy(m, s);

    if (!over)
        return err_nomem(e);
    if (step_formula_fn(m, FORMULA_FORWARD, over, merged, step_fn_copy, NULL, inputs, e))
        return -1;
    over->fields[step_field_index(over, shape_field(over, span_of(own->name)))].slot = merged->slot;
    return step_formula_fn(m, FORMULA_BACKWARD, over, own, step_fn_copy, NULL, inputs, e);
}

static int take_field(struct model *m, const struct step_args *a, struct merge *x, size_t i,
                      const struct field *f, struct err *e)
{
    struct shape *to = x->types[0];
    struct field *had = shape_field(to, span_of(f->name)), own = *f;

    if (f->read_only)
        return step_bad(a, x->types_at, e, "%s.%s is computed", x->before[i]->name, f->name);
    if (had && i && (check_alike(m, a, x, x->before[i], f, had, e) ||
                     link_field(m, x->before[i], f, had, e)))
        return -1;
    own.unique = false;
    own.required = all_require(x, f->name);
    if (!own.required && require(m, x, i, f, e))
        return -1;
    if (f->check && add_check(m, x, i, f->check, e))
        return -1;
    own.check = NULL;
    if (!had)
        return model_insert_field(m, to, to->n_fields, &own, x->types_at, e);
    *had = i ? *had : own;
    return 0;
}

static int take_fields(struct model *m, const struct step_args *a, struct merge *x, struct err *e)
{
    struct shape *to = x->types[0];

    to->n_checks = 0;
    to->checks = NULL;
    to->n_uniques = 0;
    for (size_t i = 0; i < x->n; i++) {
        for (size_t k = 0; k < x->before[i]->n_fields; k++)
            if (take_field(m, a, x, i, &x->before[i]->fields[k], e))
                return -1;
        for (size_t k = 0; k < x->before[i]->n_checks; k++)
            if (add_check(m, x, i, x->before[i]->checks[k], e))
                return -1;
    }
    return 0;
}

/* ---- The tag, and keys ---- */

static int add_tag(struct model *m, struct merge *x, slot_no slot, struct err *e)
{
    struct field tag = {.name = x->tag,
                        .type = &text_type,
                        .slot = slot,
                        .required = true,
                        .description = "the type that the item is of in older versions"};

    for (size_t i = 0; i < x->n; i++) {
        BUF_CLEANUP struct buf sql = BUF_INIT;
        bool ok = buf_addc(&sql, '\'');

        for (const char *p = x->before[i]->name; ok && *p; p++)
            ok = (*p != '\'' || buf_addc(&sql, '\'')) && buf_addc(&sql, *p);
        if (!ok || !buf_addc(&sql, '\'') || !buf_str(&sql))
            return err_nomem(e);
        const char *text = arena_strdup(&m->v->arena, sql.p);
        if (!text)
            return err_nomem(e);
        if (step_formula(m, FORMULA_FORWARD, FORMULA_LINKED, x->before[i], &tag, text, x->tag_at, e))
            return -1;
    }
    return model_insert_field(m, x->types[0], 0, &tag, x->tag_at, e);
}

static int key_formulas(struct model *m, const struct merge *x, size_t i, slot_no slot,
                        uint32_t space, struct err *e)
{
    const struct field here = {.name = "_key", .type = &text_type, .slot = slot};
    const struct field there = {.name = "_key", .type = &text_type, .slot = SLOT_KEY};
    struct key_rule rule = {.space = space,
                            .like = SLOT_KEY,
                            .suffix = i ? model_printf(m, "~%s", x->before[i]->name) : NULL,
                            .colls = x->colls,
                            .n_colls = x->n,
                            .rank = i};
    struct key_rule back = {.space = x->colls[i], .like = slot};
    struct shape *over = step_shape_copy(m, x->before[i]);
    struct formula_spec up = {.dir = FORMULA_FORWARD, .mode = FORMULA_LINKED, .over = x->before[i],
                              .out = &here, .sql = "_key", .where = x->types_at, .key = &rule};
    struct formula_spec down = {.dir = FORMULA_BACKWARD, .mode = FORMULA_LINKED, .over = over,
                                .out = &there, .sql = "_key", .where = x->types_at, .key = &back};
    struct formula *made;

    if (!over || (i && !rule.suffix))
        return err_nomem(e);
    over->key = slot;
    return model_add_formula(m, &up, &made, e) || model_add_formula(m, &down, &made, e) ? -1 : 0;
}

static int add_namings(struct model *m, const struct merge *x, size_t i, slot_no tag, slot_no key,
                       const uint32_t *set, uint32_t space, struct err *e)
{
    const struct naming names = {
        .coll = x->colls[i], .slot = key, .space = space, .shared = true};
    const struct naming members = {
        .coll = x->colls[i], .slot = tag, .n = 1, .parts = &x->tags[i], .sets = set};

    return model_add_naming(m, &names, e) || model_add_naming(m, &members, e) ? -1 : 0;
}

static int add_names(struct model *m, struct merge *x, struct err *e)
{
    slot_no tag = model_new_slot(m), key = model_new_slot(m);
    uint32_t *set = arena_alloc(&m->v->arena, sizeof(*set)), space = m->next_shape++;
    struct shape *to = x->types[0];

    if (!set)
        return err_nomem(e);
    *set = m->next_shape++;
    if (add_tag(m, x, tag, e))
        return -1;
    for (size_t i = 0; i < x->n; i++)
        if (key_formulas(m, x, i, key, space, e) || add_namings(m, x, i, tag, key, set, space, e))
            return -1;
    to->key = key;
    to->space = space;
    to->set = *set;
    to->colls = x->colls;
    to->n_colls = x->n;
    to->merged = x->ids;
    to->tag = tag;
    to->tags = x->tags;
    return 0;
}

/* ---- References ---- */

static bool leads_to(const struct merge *x, const struct type_ref *t)
{
    for (; t; t = t->elem)
        for (size_t i = 1; i < x->n; i++)
            if (t->base == T_REF && t->shape == x->before[i]->id)
                return true;
    return false;
}

static const struct type_ref *lead_to_merged(struct model *m, const struct merge *x,
                                             const struct type_ref *t)
{
    struct type_ref *own = arena_alloc(&m->v->arena, sizeof(*own));

    if (!own)
        return NULL;
    *own = *t;
    if (t->elem && !(own->elem = lead_to_merged(m, x, t->elem)))
        return NULL;
    if (leads_to(x, t) && t->base == T_REF)
        own->shape = x->before[0]->id;
    return own;
}

/* What referred to one of the types refers to the merged one: the same items. */
static int follow_refs(struct model *m, const struct merge *x, struct err *e)
{
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        struct shape *s = m->v->shapes[i];

        for (size_t k = 0; k < s->n_fields; k++) {
            if (!leads_to(x, s->fields[k].type))
                continue;
            if (!(s = model_shape_writable(m, s->id)) ||
                !(s->fields[k].type = lead_to_merged(m, x, s->fields[k].type)))
                return err_nomem(e);
        }
    }
    return 0;
}

static int become_one(struct model *m, struct merge *x, struct err *e)
{
    struct shape *to = x->types[0];

    for (size_t i = 1; i < x->n; i++)
        if (model_remove_shape(m, x->before[i]->id))
            return err_nomem(e);
    if (follow_refs(m, x, e))
        return -1;
    if (strcmp(to->name, x->into) == 0)
        return 0;
    if (model_check_type_name(m, x->into, x->into_at, e))
        return -1;
    to->name = x->into;
    return 0;
}

/* The items of all of them. */
static int tell(struct model *m, const struct step_args *a, const struct merge *x, struct err *e)
{
    uint32_t *also = arena_alloc(&m->v->arena, x->n * sizeof(*also));
    struct step_note *note =
        model_note(m, a, x->before[0]->id, "items of %s and %s%s stand in %s, %s.%s says of which",
                   x->before[0]->name, x->before[1]->name, x->n > 2 ? ", ..." : "", x->into, x->into,
                   x->tag);

    if (!also || !note)
        return err_nomem(e);
    note->also = also;
    for (size_t i = 1; i < x->n; i++)
        also[note->n_also++] = x->before[i]->id;
    return step_tell(note, "all items; of two with one key the later type's has its type behind it",
                     "each in its own type; a new item where its tag says",
                     "no key is unique over the merged type", STEP_BACKFILL, e);
}

int step_merge_types(struct model *m, const struct step_args *a, struct err *e)
{
    struct merge x = {0};

    if (read_types(m, a, &x, e) || step_arg_name(a, "into", &x.into, e) ||
        step_arg_need(a, "into", &x.into_at, e) || step_arg_name(a, "tag", &x.tag, e) ||
        step_arg_need(a, "tag", &x.tag_at, e) || name_tags(m, &x, e))
        return -1;
    if (take_fields(m, a, &x, e) || add_names(m, &x, e) || become_one(m, &x, e))
        return -1;
    return tell(m, a, &x, e);
}
