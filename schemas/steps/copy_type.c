/* copy_type: a second type on the same collection. Fields keep their slots, so a write to either
 * type is a write to both; `fields` gives the second type slots of its own, seeded by expressions
 * over the first. */
#include "steps.h"

struct own {
    const struct yaml_node *at, *as, *up_at; /* the entry; its definition, NULL = none */
    const char *name, *up;
};

static int read_own(const struct step_args *a, const struct yaml_node *entry, struct own *ret,
                    struct err *e)
{
    static const char *const words[] = {"as", "up"};

    *ret = (struct own){.at = entry, .name = entry->key, .up_at = entry};
    if (entry->kind == YAML_MAP) {
        if (yaml_only_keys(entry, "an own field of copy_type", words, 2, e))
            return -1;
        ret->as = yaml_get(entry, "as");
        ret->up_at = yaml_get(entry, "up");
    }
    if (!ret->up_at)
        return step_bad(a, entry, e, "\"%s\" has no expression; `up` is missing", entry->key);
    return step_text(a, ret->up_at, "an expression", &ret->up, e);
}

/* Its definition: as given, or that of the field which it takes the place of or is a copy of. */
static int define_own(struct model *m, const struct shape *from, const struct own *own,
                      struct field *ret, struct err *e)
{
    static const struct type_ref text = {T_STRING, NULL, 0};
    const struct field *like = shape_field(from, span_of(own->name));

    if (own->as)
        return step_define(m, own->name, own->as, ret, e);
    *ret = (struct field){.name = own->name, .type = &text, .line = own->at->line};
    if (like)
        *ret = *like;
    else if ((like = shape_field(from, span_of(own->up))))
        ret->type = like->type;
    ret->slot = model_new_slot(m);
    ret->read_only = false;
    return 0;
}

/* A shared field that is replaced: what the first type requires must not depend on it. */
static int check_replaced(const struct step_args *a, const struct own *own,
                          const struct shape *from, const struct shape *to, struct err *e)
{
    const struct field *shared = shape_field(from, span_of(own->name));

    if (!shared || !shared->required || step_has_default(shared))
        return 0;
    step_bad_key(a, own->at, e, "%s.%s is required, and items made in %s would not have it",
                 from->name, own->name, to->name);
    return err_expected(e, "another name for the own field, or a default for %s.%s", from->name,
                        own->name);
}

static int add_own(struct model *m, const struct step_args *a, const struct shape *from,
                   struct shape *to, const struct yaml_node *entry, struct err *e)
{
    size_t at = to->n_fields;
    struct field f, *shared;
    struct own own;

    if (read_own(a, entry, &own, e) || define_own(m, from, &own, &f, e) ||
        check_replaced(a, &own, from, to, e) ||
        step_formula(m, FORMULA_FORWARD, FORMULA_SEEDED, from, &f, own.up, own.up_at, e))
        return -1;
    shared = shape_field(to, span_of(own.name));
    if (shared) {
        struct field old = *shared;

        at = step_field_index(to, shared);
        if (step_take_fields(m, a, entry, to, &old, 1, e))
            return -1;
    }
    return model_insert_field(m, to, at, &f, entry, e);
}

/* Everything but identity: the collection is the first type's. */
static int copy_shape(struct model *m, const struct shape *from, struct shape *to, struct err *e)
{
    struct shape keep = *to;

    *to = *from;
    to->id = keep.id;
    to->name = keep.name;
    to->origin = from->id;
    to->fields = model_copy_array(m, from->fields, from->n_fields, sizeof(*from->fields));
    to->checks = model_copy_array(m, from->checks, from->n_checks, sizeof(*from->checks));
    to->uniques = model_copy_array(m, from->uniques, from->n_uniques, sizeof(*from->uniques));
    return to->fields && to->checks && to->uniques ? 0 : err_nomem(e);
}

int step_copy_type(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *to_at, *own = NULL;
    struct shape *from, *to;
    const char *name;

    if (step_arg_shape(m, a, "from", STEP_ITEMS, &from, e) || step_arg_name(a, "to", &name, e) ||
        step_arg_need(a, "to", &to_at, e))
        return -1;
    if (step_arg(a, "fields") &&
        step_arg_map(a, "fields", "expressions by the name of an own field", &own, e))
        return -1;
    if (model_add_shape(m, SHAPE_ITEM, name, to_at, &to, e) || copy_shape(m, from, to, e))
        return -1;
    for (const struct yaml_node *entry = own ? own->child : NULL; entry; entry = entry->next) {
        if (add_own(m, a, from, to, entry, e))
            return -1;
    }
    return step_tell(model_note(m, a, from->id, "%s is a second type with every item of %s",
                                to->name, from->name),
                     "all items; a write to either reaches the shared fields of both",
                     "the same; own fields are not seen", NULL, own ? STEP_BACKFILL : 0u, e);
}
