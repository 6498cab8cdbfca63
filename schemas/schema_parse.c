/* The sections of a schema file: types, objects, enums, queries. */
#include "schema_parse.h"

#include <stdio.h>
#include <strings.h>

struct section {
    const char *word;
    enum shape_kind kind;
    const char *noun;
};
static const struct section sections[] = {
    {"types", SHAPE_ITEM, "type"},
    {"objects", SHAPE_OBJECT, "object"},
    {"enums", SHAPE_ENUM, "enum"},
};
#define N_SECTIONS (sizeof(sections) / sizeof(sections[0]))

const struct yaml_node *shape_node(const struct yaml_node *root, const struct shape *s)
{
    const struct yaml_node *section =
        s->kind < N_SECTIONS ? yaml_get(root, sections[s->kind].word) : NULL;

    return section ? yaml_get(section, s->name) : NULL;
}

const struct yaml_node *field_node(const struct yaml_node *root, const struct shape *s,
                                   const struct field *f)
{
    const struct yaml_node *def = shape_node(root, s);
    const struct yaml_node *fields = def ? yaml_get(def, "fields") : NULL;

    return fields ? yaml_get(fields, f->name) : NULL;
}

const struct yaml_node *key_place(struct model *m, const struct yaml_node *node)
{
    struct yaml_node *key = node->key ? arena_alloc(&m->v->arena, sizeof(*key)) : NULL;

    if (!key)
        return node;
    key->line = node->key_line;
    key->column = node->key_column;
    return key;
}

/* ---- Names first, so that definitions may refer to each other ---- */

/* An error at the key of a mapping's entry. */
static int at_key(struct err *e, const struct yaml_node *entry)
{
    if (e->code == ERR_INVALID && e->line == entry->line && e->column == entry->column) {
        e->line = entry->key_line;
        e->column = entry->key_column;
    }
    return -1;
}

static int add_names(struct model *m, const struct yaml_node *root, const struct section *section,
                     struct err *e)
{
    const struct yaml_node *list = yaml_get(root, section->word);
    struct shape *s;

    if (!list)
        return 0;
    if (list->kind != YAML_MAP) {
        model_refuse(m, list, e, "`%s` is %s", section->word, yaml_kind_name(list->kind));
        return err_expected(e, "a mapping from names to definitions");
    }
    for (const struct yaml_node *def = list->child; def; def = def->next) {
        if (model_add_shape(m, section->kind, def->key, def, &s, e))
            return at_key(e, def);
    }
    return 0;
}

/* ---- Definitions ---- */

static int add_value(struct model *m, struct shape *s, const struct yaml_node *v, struct err *e)
{
    const char **values;

    if (v->kind != YAML_STRING)
        return model_refuse(m, v, e, "a value of enum %s is %s%s", s->name, yaml_kind_name(v->kind),
                            v->text ? ": values are texts, put it in quotes" : "");
    if (!*v->text)
        return model_refuse(m, v, e, "a value of enum %s is empty", s->name);
    for (size_t i = 0; i < s->n_values; i++) {
        if (strcmp(s->values[i], v->text) == 0)
            return model_refuse(m, v, e, "enum %s has the value \"%s\" twice", s->name, v->text);
    }
    values = arena_grow(&m->v->arena, s->values, s->n_values, sizeof(*values));
    if (!values)
        return err_nomem(e);
    s->values = values;
    s->values[s->n_values++] = v->text;
    return 0;
}

static int parse_enum(struct model *m, struct shape *s, const struct yaml_node *def, struct err *e)
{
    static const char *const words[] = {"values", "description"};
    const struct yaml_node *list = def;
    char what[160];

    snprintf(what, sizeof(what), "enum %s", s->name);
    if (def->kind == YAML_MAP) {
        if (yaml_only_keys(def, what, words, 2, e))
            return -1;
        list = yaml_get(def, "values");
    }
    if (!list || list->kind != YAML_SEQ || !list->child) {
        model_refuse(m, list ? list : def, e, "enum %s has no list of values", s->name);
        return err_expected(e, "[one, two, three]");
    }
    for (const struct yaml_node *v = list->child; v; v = v->next) {
        if (add_value(m, s, v, e))
            return -1;
    }
    return 0;
}

static int parse_fields(struct model *m, struct shape *s, const struct yaml_node *list,
                        struct err *e)
{
    if (list->kind != YAML_MAP) {
        model_refuse(m, list, e, "`fields` of %s is %s", s->name, yaml_kind_name(list->kind));
        return err_expected(e, "a mapping from names to definitions");
    }
    for (const struct yaml_node *def = list->child; def; def = def->next) {
        struct field f;

        if (field_parse(m, def->key, def, &f, e))
            return -1;
        if (model_insert_field(m, s, s->n_fields, &f, def, e))
            return at_key(e, def);
    }
    return 0;
}

static int parse_open(struct model *m, struct shape *s, const struct yaml_node *open, struct err *e)
{
    if (open->kind != YAML_BOOL)
        return model_refuse(m, open, e, "`open` of %s is true or false, not \"%s\"", s->name,
                            open->text ? open->text : yaml_kind_name(open->kind));
    s->open = open->text[0] == 't';
    return 0;
}

static int parse_shape(struct model *m, struct shape *s, const struct yaml_node *def, struct err *e)
{
    static const char *const words[] = {"description", "fields", "open"};
    const struct yaml_node *fields, *open;
    char what[160];

    snprintf(what, sizeof(what), "%s %s", sections[s->kind].noun, s->name);
    if (def->kind != YAML_MAP) {
        model_refuse(m, def, e, "the definition of %s is %s", what, yaml_kind_name(def->kind));
        return err_expected(e, "{fields: {name: string}}");
    }
    if (yaml_only_keys(def, what, words, s->kind == SHAPE_ITEM ? 3 : 2, e))
        return -1;
    fields = yaml_get(def, "fields");
    open = yaml_get(def, "open");
    if (fields && parse_fields(m, s, fields, e))
        return -1;
    return open ? parse_open(m, s, open, e) : 0;
}

static int parse_description(struct model *m, struct shape *s, const struct yaml_node *def,
                             struct err *e)
{
    const struct yaml_node *text = def->kind == YAML_MAP ? yaml_get(def, "description") : NULL;

    if (!text)
        return 0;
    if (!text->text)
        return model_refuse(m, text, e, "`description` of %s is %s", s->name,
                            yaml_kind_name(text->kind));
    s->description = text->text;
    return 0;
}

/* All that needs every name, but not every field. */
static int parse_definition(struct model *m, struct shape *s, const struct yaml_node *def,
                            struct err *e)
{
    if (parse_description(m, s, def, e))
        return -1;
    return s->kind == SHAPE_ENUM ? parse_enum(m, s, def, e) : parse_shape(m, s, def, e);
}

/* Defaults are values of types that may be defined further down. */
static int parse_defaults(struct model *m, struct shape *s, const struct yaml_node *def,
                          struct err *e)
{
    const struct yaml_node *fields = s->kind == SHAPE_ENUM ? NULL : yaml_get(def, "fields");
    const struct yaml_node *field = fields ? fields->child : NULL;

    for (size_t i = 0; field; field = field->next, i++) {
        if (field_parse_default(m, field, &s->fields[i], e))
            return -1;
    }
    return 0;
}

int shapes_parse(struct model *m, const struct yaml_node *root, struct err *e)
{
    for (size_t i = 0; i < N_SECTIONS; i++) {
        if (add_names(m, root, &sections[i], e))
            return -1;
    }
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        if (m->v->shapes[i]->kind != SHAPE_PARTS &&
            parse_definition(m, m->v->shapes[i], shape_node(root, m->v->shapes[i]), e))
            return -1;
    }
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        if (m->v->shapes[i]->kind != SHAPE_PARTS &&
            parse_defaults(m, m->v->shapes[i], shape_node(root, m->v->shapes[i]), e))
            return -1;
    }
    return 0;
}

/* ---- Queries: only their form; the store checks what they say ---- */

static bool is_select(const char *sql)
{
    static const char *const words[] = {"SELECT", "WITH", "VALUES"};
    const char *p = sql + strspn(sql, " \t\r\n(");

    for (size_t i = 0; i < 3; i++) {
        if (strncasecmp(p, words[i], strlen(words[i])) == 0)
            return true;
    }
    return false;
}

static int parse_query(struct model *m, const struct yaml_node *v, struct query *ret, struct err *e)
{
    if (!*v->key)
        return model_refuse(m, v, e, "a query without a name");
    if (!v->text)
        return model_refuse(m, v, e, "query \"%s\" is %s, not a SELECT", v->key,
                            yaml_kind_name(v->kind));
    if (!is_select(v->text)) {
        model_refuse(m, v, e, "query \"%s\" is not one SELECT", v->key);
        return err_expected(e, "SELECT ... FROM ...");
    }
    *ret = (struct query){v->key, v->text, v->line, v->column};
    return 0;
}

int queries_parse(struct model *m, const struct yaml_node *root, struct err *e)
{
    const struct yaml_node *list = yaml_get(root, "queries");
    struct query *queries;

    if (!list)
        return 0;
    if (list->kind != YAML_MAP) {
        model_refuse(m, list, e, "`queries` is %s", yaml_kind_name(list->kind));
        return err_expected(e, "a mapping from names to SELECT statements");
    }
    queries = arena_alloc(&m->v->arena, (list->n_children + 1) * sizeof(*queries));
    if (!queries)
        return err_nomem(e);
    m->v->queries = queries;
    for (const struct yaml_node *v = list->child; v; v = v->next) {
        if (parse_query(m, v, &queries[m->v->n_queries], e))
            return -1;
        m->v->n_queries++;
    }
    return 0;
}
