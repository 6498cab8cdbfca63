/* add_type: a new item type, object or enum. Older versions do not see it. */
#include "steps.h"

static const char *const kind_words[] = {
    [SHAPE_ITEM] = "item", [SHAPE_OBJECT] = "object", [SHAPE_ENUM] = "enum"};
#define N_KINDS (sizeof(kind_words) / sizeof(kind_words[0]))

static int read_kind(const struct step_args *a, enum shape_kind *ret, struct err *e)
{
    const struct yaml_node *at = step_arg(a, "kind");
    const char *word, *near;

    *ret = SHAPE_ITEM;
    if (!at)
        return 0;
    if (step_text(a, at, "`kind`", &word, e))
        return -1;
    for (size_t i = 0; i < N_KINDS; i++) {
        if (strcmp(word, kind_words[i]) == 0) {
            *ret = (enum shape_kind)i;
            return 0;
        }
    }
    near = err_nearest(word, strlen(word), kind_words, N_KINDS);
    step_unknown(a, at, near, e, "\"%s\" is no kind of type", word);
    return err_expected(e, "item, object or enum");
}

/* An enum has values, the others have fields. */
static int check_arguments(const struct step_args *a, enum shape_kind kind, struct err *e)
{
    const char *no = kind == SHAPE_ENUM ? "fields" : "values";
    const struct yaml_node *open = step_arg(a, "open"), *at = step_arg(a, no);

    if (at)
        return step_bad_key(a, at, e, "an %s has no `%s`",
                            kind == SHAPE_ITEM ? "item type" : kind_words[kind], no);
    if (open && kind != SHAPE_ITEM)
        return step_bad_key(a, open, e, "`open` is for item types; this is an %s",
                            kind_words[kind]);
    if (open && open->kind != YAML_BOOL)
        return step_bad(a, open, e, "`open` is true or false, not \"%s\"",
                        open->text ? open->text : yaml_kind_name(open->kind));
    return 0;
}

static int add_fields(struct model *m, const struct step_args *a, struct shape *s, struct err *e)
{
    const struct yaml_node *fields = step_arg(a, "fields");
    struct field f;

    if (!fields)
        return 0;
    if (fields->kind != YAML_MAP)
        return step_bad(a, fields, e, "`fields` is %s; definitions by name are expected",
                        yaml_kind_name(fields->kind));
    for (const struct yaml_node *def = fields->child; def; def = def->next) {
        if (step_define(m, def->key, def, &f, e) ||
            model_insert_field(m, s, s->n_fields, &f, def, e))
            return -1;
    }
    return 0;
}

static int take_value(const struct step_args *a, struct shape *s, const struct yaml_node *at,
                      struct err *e)
{
    const char *value;

    if (step_value_name(a, at, &value, e))
        return -1;
    for (size_t i = 0; i < s->n_values; i++) {
        if (strcmp(s->values[i], value) == 0)
            return step_bad(a, at, e, "`values` has \"%s\" twice", value);
    }
    s->values[s->n_values++] = value;
    return 0;
}

static int add_values(struct model *m, const struct step_args *a, struct shape *s, struct err *e)
{
    const struct yaml_node *values;

    if (step_arg_need(a, "values", &values, e))
        return -1;
    if (values->kind != YAML_SEQ || !values->child)
        return step_bad(a, values, e, "`values` is %s; a list of words is expected",
                        values->kind == YAML_SEQ ? "empty" : yaml_kind_name(values->kind));
    s->values = arena_alloc(&m->v->arena, values->n_children * 2 * sizeof(*s->values));
    if (!s->values)
        return err_nomem(e);
    for (const struct yaml_node *at = values->child; at; at = at->next) {
        if (take_value(a, s, at, e))
            return -1;
    }
    return 0;
}

int step_add_type(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *name_at, *open = step_arg(a, "open");
    enum shape_kind kind;
    const char *name;
    struct shape *s;

    if (step_arg_name(a, "type", &name, e) || step_arg_need(a, "type", &name_at, e) ||
        read_kind(a, &kind, e) || check_arguments(a, kind, e) ||
        model_add_shape(m, kind, name, name_at, &s, e))
        return -1;
    s->description = step_arg_text(a, "description");
    s->open = open && strcmp(open->text, "true") == 0;
    if (kind == SHAPE_ENUM ? add_values(m, a, s, e) : add_fields(m, a, s, e))
        return -1;
    return step_tell(
        model_note(m, a, 0, "%s is a new %s", name, kind == SHAPE_ITEM ? "type" : kind_words[kind]),
        "seen, empty", "not seen, kept", NULL, 0, e);
}
