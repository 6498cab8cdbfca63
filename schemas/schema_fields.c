/* Field definitions, short (`string`) and long ({type: string, required: true}). */
#include <stdio.h>

#include "json.h"
#include "schema_parse.h"
#include "value.h"

typedef int attribute_parse(struct model *m, const struct yaml_node *v, struct field *f,
                            struct err *e);

static int need_text(struct model *m, const struct yaml_node *v, const struct field *f,
                     struct err *e)
{
    if (!v->text)
        return model_refuse(m, v, e, "%s: `%s` is %s, not a text", f->name, v->key,
                            yaml_kind_name(v->kind));
    if (!*v->text)
        return model_refuse(m, v, e, "%s: `%s` is empty", f->name, v->key);
    return 0;
}

static int parse_type(struct model *m, const struct yaml_node *v, struct field *f, struct err *e)
{
    return need_text(m, v, f, e) || type_parse(m, v, v->text, f->name, &f->type, e) ? -1 : 0;
}

static int parse_bool(struct model *m, const struct yaml_node *v, const struct field *f, bool *ret,
                      struct err *e)
{
    if (v->kind == YAML_BOOL) {
        *ret = v->text[0] == 't';
        return 0;
    }
    if (v->text)
        return model_refuse(m, v, e, "%s: `%s` is true or false, not \"%s\"", f->name, v->key,
                            v->text);
    return model_refuse(m, v, e, "%s: `%s` is true or false, not %s", f->name, v->key,
                        yaml_kind_name(v->kind));
}

static int parse_required(struct model *m, const struct yaml_node *v, struct field *f,
                          struct err *e)
{
    return parse_bool(m, v, f, &f->required, e);
}

static int parse_unique(struct model *m, const struct yaml_node *v, struct field *f, struct err *e)
{
    return parse_bool(m, v, f, &f->unique, e);
}

/* Where a text stands in the file, for errors that are found later. */
static int remember(struct model *m, const char *text, const struct yaml_node *at, struct err *e)
{
    struct model_text *texts = arena_grow(&m->v->arena, m->texts, m->n_texts, sizeof(*texts));

    if (!texts)
        return err_nomem(e);
    m->texts = texts;
    m->texts[m->n_texts++] = (struct model_text){text, at};
    return 0;
}

static int parse_check(struct model *m, const struct yaml_node *v, struct field *f, struct err *e)
{
    if (need_text(m, v, f, e))
        return -1;
    f->check = v->text;
    return remember(m, v->text, v, e);
}

static int parse_on_delete(struct model *m, const struct yaml_node *v, struct field *f,
                           struct err *e)
{
    static const char *const words[] = {[ON_DELETE_RESTRICT] = "restrict",
                                        [ON_DELETE_UNSET] = "unset",
                                        [ON_DELETE_CASCADE] = "cascade"};
    const char *near;

    if (need_text(m, v, f, e))
        return -1;
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(v->text, words[i]) == 0) {
            f->on_delete = (enum on_delete)i;
            return 0;
        }
    }
    near = err_nearest(v->text, v->text_len, words, 3);
    err_expected(e, "restrict, unset or cascade");
    if (near)
        return model_refuse(m, v, e, "%s: `on_delete` can't be \"%s\"; the nearest is \"%s\"",
                            f->name, v->text, near);
    return model_refuse(m, v, e, "%s: `on_delete` is restrict, unset or cascade, not \"%s\"",
                        f->name, v->text);
}

static int parse_description(struct model *m, const struct yaml_node *v, struct field *f,
                             struct err *e)
{
    if (!v->text)
        return need_text(m, v, f, e);
    f->description = v->text;
    return 0;
}

static int parse_later(struct model *m, const struct yaml_node *v, struct field *f, struct err *e)
{
    (void)m, (void)v, (void)f, (void)e;
    return 0;
}

struct attribute {
    const char *word;
    attribute_parse *parse;
};
static const struct attribute attributes[] = {
    {"type", parse_type},
    {"required", parse_required},
    {"default", parse_later},
    {"unique", parse_unique},
    {"check", parse_check},
    {"on_delete", parse_on_delete},
    {"description", parse_description},
};
#define N_ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

/* ---- What attributes say together ---- */

static const struct type_ref *innermost(const struct type_ref *t)
{
    while (t->elem)
        t = t->elem;
    return t;
}

static int check_together(struct model *m, const struct yaml_node *def, const struct field *f,
                          struct err *e)
{
    const struct yaml_node *on_delete = yaml_get(def, "on_delete");
    enum base_type base = f->type->base;

    if (on_delete && innermost(f->type)->base != T_REF)
        return model_refuse(m, on_delete, e,
                            "%s: `on_delete` is for references, and \"%s\" is none", f->name,
                            yaml_get(def, "type")->text);
    if (f->required && base == T_REF && f->on_delete == ON_DELETE_UNSET)
        return model_refuse(m, on_delete, e,
                            "%s: a required reference can't be unset when its item "
                            "is deleted",
                            f->name);
    if (f->unique && (f->type->elem || base == T_OBJECT || base == T_JSON))
        return model_refuse(m, yaml_get(def, "unique"), e,
                            "%s: `unique` needs a single value, and "
                            "\"%s\" is none",
                            f->name, yaml_get(def, "type")->text);
    return 0;
}

static int parse_long(struct model *m, const struct yaml_node *def, struct field *f, struct err *e)
{
    const char *words[N_ATTRIBUTES];
    char what[160];

    for (size_t i = 0; i < N_ATTRIBUTES; i++)
        words[i] = attributes[i].word;
    snprintf(what, sizeof(what), "field %s", f->name);
    if (yaml_only_keys(def, what, words, N_ATTRIBUTES, e))
        return -1;
    if (!yaml_get(def, "type"))
        return model_refuse(m, def, e, "%s: `type` is missing", f->name);
    for (size_t i = 0; i < N_ATTRIBUTES; i++) {
        const struct yaml_node *v = yaml_get(def, attributes[i].word);

        if (v && attributes[i].parse(m, v, f, e))
            return -1;
    }
    return check_together(m, def, f, e);
}

int field_parse(struct model *m, const char *name, const struct yaml_node *def, struct field *ret,
                struct err *e)
{
    struct field f = {.name = arena_strdup(&m->v->arena, name), .line = def->line};
    int r;

    if (!f.name || remember(m, f.name, def, e))
        return err_nomem(e);
    if (def->kind == YAML_SEQ)
        return model_refuse(m, def, e, "%s: a type or a mapping defines a field, not a list", name);
    if (def->kind == YAML_MAP)
        r = parse_long(m, def, &f, e);
    else
        r = type_parse(m, def, def->text, f.name, &f.type, e);
    if (r)
        return err_field(e, name);
    *ret = f;
    return 0;
}

/* ---- Defaults ---- */

/* Does the value name an item? Then it could be deleted, and the default would mean nothing. */
static bool names_item(const struct model *m, const struct type_ref *t, const struct json_node *v)
{
    const struct shape *s = t->base == T_OBJECT ? version_shape(m->v, t->shape) : NULL;

    if (t->base == T_REF)
        return v->kind == JSON_STRING;
    for (const struct json_node *in = v->child; in; in = in->next) {
        const struct field *f = s ? shape_field(s, in->name) : NULL;

        if (t->elem ? names_item(m, t->elem, in) : f && names_item(m, f->type, in))
            return true;
    }
    return false;
}

static int check_default(struct model *m, const struct yaml_node *at, const struct field *f,
                         const struct json_node *v, struct err *e)
{
    struct err why = ERR_INIT;
    char path[160];

    snprintf(path, sizeof(path), "default of %s", f->name);
    if (value_check(f->type, v, false, m->v->shapes, m->v->n_shapes, path, &why)) {
        if (why.code == ERR_NO_MEMORY)
            return err_nomem(e);
        model_refuse(m, at, e, "%s", why.text);
        if (why.expected[0])
            err_expected(e, "%s", why.expected);
        return err_field(e, f->name);
    }
    if (names_item(m, f->type, v))
        return model_refuse(m, at, e, "%s: a default can't refer to an item, which may be deleted",
                            path);
    return 0;
}

int field_parse_default(struct model *m, const struct yaml_node *def, struct field *f,
                        struct err *e)
{
    const struct yaml_node *at = def->kind == YAML_MAP ? yaml_get(def, "default") : NULL;
    BUF_CLEANUP struct buf text = BUF_INIT, out = BUF_INIT;
    ARENA_CLEANUP struct arena arena = {0};
    struct json_node *v;
    struct err why = ERR_INIT;

    if (!at)
        return 0;
    if (!yaml_to_json(at, &text))
        return err_nomem(e);
    if (json_parse(text.p, text.n, &arena, &v, &why))
        return why.code == ERR_NO_MEMORY
                   ? err_nomem(e)
                   : model_refuse(m, at, e, "default of %s: %s", f->name, why.text);
    if (check_default(m, at, f, v, e))
        return -1;
    if (!json_write(v, 1, &out))
        return err_nomem(e);
    f->def.p = arena_strndup(&m->v->arena, out.p, out.n);
    f->def.n = out.n;
    return f->def.p ? remember(m, f->def.p, at, e) : err_nomem(e);
}

int model_parse_field(struct model *m, const char *name, const struct yaml_node *def,
                      struct field *ret, struct err *e)
{
    struct field f;

    if (field_parse(m, name, def, &f, e) || field_parse_default(m, def, &f, e))
        return -1;
    *ret = f;
    return 0;
}
