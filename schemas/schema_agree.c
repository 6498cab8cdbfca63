/* Do the steps of a file make the schema that it declares? The first difference is the error. */
#include "schema_parse.h"

struct agree {
    struct model *m;
    const struct version *want; /* declared */
    const struct yaml_node *root;
    struct err *e;
};

bool type_same_named(const struct type_ref *a, const struct version *va, const struct type_ref *b,
                     const struct version *vb)
{
    const struct shape *sa, *sb;

    while (a->base == b->base && a->elem && b->elem) {
        a = a->elem;
        b = b->elem;
    }
    if (a->base != b->base || !a->shape != !b->shape)
        return false;
    if (!a->shape)
        return true;
    sa = version_shape(va, a->shape);
    sb = version_shape(vb, b->shape);
    return sa && sb && strcmp(sa->name, sb->name) == 0;
}

/* At the declaration of a field, a shape, or of all types. */
static const struct yaml_node *place(const struct agree *x, const struct shape *s,
                                     const struct field *f)
{
    const struct yaml_node *at = NULL;

    if (s && f)
        at = field_node(x->root, s, f);
    if (!at && s)
        at = shape_node(x->root, s);
    return key_place(x->m, at ? at : yaml_get(x->root, "types"));
}

#define DIFFER "`types` and the steps disagree: "

static int differ(const struct agree *x, const struct shape *s, const struct field *f,
                  const char *what, const char *declared, const char *made)
{
    return model_refuse(x->m, place(x, s, f), x->e,
                        DIFFER "%s.%s is %s%s in `types` and %s%s after the steps", s->name,
                        f->name, what, declared, what, made);
}

static const char *const on_delete_words[] = {[ON_DELETE_RESTRICT] = "restrict",
                                              [ON_DELETE_UNSET] = "unset",
                                              [ON_DELETE_CASCADE] = "cascade"};

static bool single_key(const struct shape *s, const struct field *f)
{
    for (size_t i = 0; i < s->n_uniques; i++) {
        if (s->uniques[i].n == 1 && s->uniques[i].slots[0] == f->slot)
            return true;
    }
    return f->unique;
}

static bool has_check(const struct shape *s, const struct field *f, const char *check)
{
    if (!check || text_same(f->check, check))
        return text_same(f->check, check);
    for (size_t i = 0; i < s->n_checks; i++) {
        if (strcmp(s->checks[i], check) == 0)
            return true;
    }
    return false;
}

static const char *default_text(const struct field *f)
{
    return f->def.p ? f->def.p : "nothing";
}

static int agree_field(const struct agree *x, const struct shape *want, const struct field *is,
                       const struct shape *made, const struct field *was)
{
    if (!type_same_named(is->type, x->want, was->type, x->m->v)) {
        const char *a = type_text(x->m, x->want, is->type);
        const char *b = type_text(x->m, x->m->v, was->type);

        return a && b ? differ(x, want, is, "", a, b) : err_nomem(x->e);
    }
    if (is->required != was->required)
        return differ(x, want, is, "", is->required ? "required" : "not required",
                      was->required ? "required" : "not required");
    if (!span_eq(is->def, was->def))
        return differ(x, want, is, "by default ", default_text(is), default_text(was));
    if (single_key(want, is) != single_key(made, was))
        return differ(x, want, is, "", is->unique ? "unique" : "not unique",
                      is->unique ? "not unique" : "unique");
    if (!has_check(made, was, is->check))
        return differ(x, want, is, "checked by ", is->check ? is->check : "nothing",
                      was->check ? was->check : "nothing");
    if (is->on_delete != was->on_delete)
        return differ(x, want, is, "on_delete: ", on_delete_words[is->on_delete],
                      on_delete_words[was->on_delete]);
    return 0;
}

static int agree_order(const struct agree *x, const struct shape *want, const struct shape *made)
{
    for (size_t i = 0; i < want->n_fields; i++) {
        const struct field *f = &want->fields[i];

        if (strcmp(f->name, made->fields[i].name) != 0) {
            model_refuse(x->m, place(x, want, f), x->e,
                         DIFFER "%s.%s stands in `types` where the steps leave \"%s\"", want->name,
                         f->name, made->fields[i].name);
            return err_expected(x->e, "the same order, or a reorder_fields");
        }
    }
    return 0;
}

static int agree_fields(const struct agree *x, const struct shape *want, const struct shape *made)
{
    for (size_t i = 0; i < want->n_fields; i++) {
        const struct field *is = &want->fields[i], *was = shape_field(made, span_of(is->name));

        if (!was)
            return model_refuse(x->m, place(x, want, is), x->e,
                                DIFFER "%s.%s stands in `types`, but not after the steps",
                                want->name, is->name);
        if (agree_field(x, want, is, made, was))
            return -1;
    }
    for (size_t i = 0; i < made->n_fields; i++) {
        if (!shape_field(want, span_of(made->fields[i].name)))
            return model_refuse(x->m, place(x, want, NULL), x->e,
                                DIFFER "%s.%s is left by the steps, but does not stand in `types`",
                                want->name, made->fields[i].name);
    }
    return agree_order(x, want, made);
}

static bool has_value(const struct shape *s, const char *value)
{
    for (size_t i = 0; i < s->n_values; i++) {
        if (strcmp(s->values[i], value) == 0)
            return true;
    }
    return false;
}

/* The order of an enum's values means nothing. */
static int agree_values(const struct agree *x, const struct shape *want, const struct shape *made)
{
    for (size_t i = 0; i < want->n_values; i++) {
        if (!has_value(made, want->values[i]))
            return model_refuse(x->m, place(x, want, NULL), x->e,
                                DIFFER "%s has \"%s\" in `types`, but not after the steps",
                                want->name, want->values[i]);
    }
    for (size_t i = 0; i < made->n_values; i++) {
        if (!has_value(want, made->values[i]))
            return model_refuse(x->m, place(x, want, NULL), x->e,
                                DIFFER "%s has \"%s\" after the steps, but not in `types`",
                                want->name, made->values[i]);
    }
    return 0;
}

static int agree_shape(const struct agree *x, const struct shape *want, const struct shape *made)
{
    static const char *const nouns[] = {
        [SHAPE_ITEM] = "an item type", [SHAPE_OBJECT] = "an object", [SHAPE_ENUM] = "an enum",
    [SHAPE_PARTS] = "the parts of a type that was split"};

    if (want->kind != made->kind)
        return model_refuse(x->m, place(x, want, NULL), x->e,
                            DIFFER "%s is %s in `types` and %s after the steps", want->name,
                            nouns[want->kind], nouns[made->kind]);
    if (want->open != made->open)
        return model_refuse(x->m, place(x, want, NULL), x->e,
                            DIFFER "%s is %s in `types` and %s after the steps", want->name,
                            want->open ? "open" : "not open", made->open ? "open" : "not");
    return want->kind == SHAPE_ENUM ? agree_values(x, want, made) : agree_fields(x, want, made);
}

/* ---- Descriptions: no step changes them, the declared ones stand ---- */

static bool described_alike(const struct shape *want, const struct shape *made)
{
    for (size_t i = 0; i < want->n_fields; i++) {
        if (!text_same(want->fields[i].description, made->fields[i].description))
            return false;
    }
    return text_same(want->description, made->description);
}

static int take_descriptions(const struct agree *x, const struct shape *want,
                             const struct shape *made)
{
    struct shape *own;

    if (described_alike(want, made))
        return 0;
    own = model_shape_writable(x->m, made->id);
    if (!own)
        return err_nomem(x->e);
    own->description = want->description;
    for (size_t i = 0; i < own->n_fields; i++)
        own->fields[i].description = want->fields[i].description;
    return 0;
}

int schema_agree(struct model *m, const struct model *declared, const struct yaml_node *root,
                 struct err *e)
{
    struct agree x = {m, declared->v, root, e};

    for (size_t i = 0; i < x.want->n_shapes; i++) {
        const struct shape *want = x.want->shapes[i];
        const struct shape *made = version_shape_named(m->v, span_of(want->name));

        if (!made)
            return model_refuse(m, place(&x, want, NULL), e,
                                DIFFER "%s stands in `types`, but not after the steps", want->name);
        if (agree_shape(&x, want, made) || take_descriptions(&x, want, made))
            return -1;
    }
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        if (m->v->shapes[i]->kind != SHAPE_PARTS &&
            !version_shape_named(x.want, span_of(m->v->shapes[i]->name)))
            return model_refuse(m, place(&x, NULL, NULL), e,
                                DIFFER "%s is left by the steps, but does not stand in `types`",
                                m->v->shapes[i]->name);
    }
    return 0;
}
