/* A schema file into a compiled version.
 *
 *   no `from`      a root: its `types` are its shapes
 *   `migrate`      the parent's shapes, changed by each step in turn
 *   `types`        the steps are inferred (infer.c)
 *   both           the steps are applied, and have to give the declared types
 *
 * Slots, shapes and steps are numbered in the order of the file, so the same file with the same
 * counters and parent compiles to the same numbers. [I1] */
#include <stdio.h>

#include "schema_parse.h"

/* ---- The head of a file ---- */

static bool word_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_version_name(const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n >= VERSION_NAME_SIZE || !word_char(name[0]))
        return false;
    for (size_t i = 1; i < n; i++) {
        if (!word_char(name[i]) && !strchr("_.-", name[i]))
            return false;
    }
    return true;
}

/* Names that stand in the mount beside the versions. */
static const char *const taken_names[] = {"README", "current", "schemas", "control"};

static int version_name(const struct yaml_node *root, const char *key, const char **ret,
                        struct err *e)
{
    const struct yaml_node *v = yaml_get(root, key);

    if (!v)
        return 0;
    if (!v->text || !is_version_name(v->text)) {
        err_at(e, ERR_INVALID, v->line, v->column, "`%s`: \"%s\" is not a version's name", key,
               v->text ? v->text : yaml_kind_name(v->kind));
        return err_expected(e, "1 to %d of A-Z a-z 0-9 _ . -, the first a letter or digit",
                            VERSION_NAME_SIZE - 1);
    }
    for (size_t i = 0; i < sizeof(taken_names) / sizeof(taken_names[0]); i++) {
        if (strcmp(v->text, taken_names[i]) == 0)
            return err_at(e, ERR_INVALID, v->line, v->column, "`%s`: the mount itself has a \"%s\"",
                          key, v->text);
    }
    *ret = v->text;
    return 0;
}

static int read_head(const struct yaml_node *root, const char **name, const char **from,
                     struct err *e)
{
    *name = *from = NULL;
    if (version_name(root, "version", name, e) || version_name(root, "from", from, e))
        return -1;
    if (!*name) {
        err_at(e, ERR_INVALID, root->line, root->column, "`version` is missing");
        return err_expected(e, "version: v1");
    }
    if (*from && strcmp(*name, *from) == 0)
        return err_at(e, ERR_INVALID, yaml_get(root, "from")->line, yaml_get(root, "from")->column,
                      "version %s can't come from itself", *name);
    return 0;
}

int schema_peek(const char *file, struct span text, char version[VERSION_NAME_SIZE],
                char from[VERSION_NAME_SIZE], struct err *e)
{
    ARENA_CLEANUP struct arena arena = {0};
    struct yaml_node *root;
    const char *name, *base;

    if (yaml_parse(text.p, text.n, &arena, &root, e) || read_head(root, &name, &base, e)) {
        err_excerpt(e, text.p, text.n);
        return err_source(e, file);
    }
    snprintf(version, VERSION_NAME_SIZE, "%s", name);
    snprintf(from, VERSION_NAME_SIZE, "%s", base ? base : "");
    return 0;
}

/* ---- Steps ---- */

static const struct step_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < n_step_kinds; i++) {
        if (strcmp(step_kinds[i].name, name) == 0)
            return &step_kinds[i];
    }
    return NULL;
}

static int unknown_step(const struct model *m, const struct yaml_node *step, struct err *e)
{
    const char *best = NULL;
    (void)m;

    for (size_t i = 0; i < n_step_kinds; i++) {
        const char *pair[] = {best, step_kinds[i].name};

        best = err_nearest(step->key, strlen(step->key), pair, 2);
    }
    if (best)
        return err_at(e, ERR_INVALID, step->key_line, step->key_column,
                      "\"%s\" is not a step; the nearest is \"%s\"", step->key, best);
    return err_at(e, ERR_INVALID, step->key_line, step->key_column, "\"%s\" is not a step",
                  step->key);
}

static int check_args(const struct step_kind *kind, const struct yaml_node *map, struct err *e)
{
    char what[64];
    size_t n = 0;

    while (kind->args[n])
        n++;
    snprintf(what, sizeof(what), "step %s", kind->name);
    return yaml_only_keys(map, what, kind->args, n, e);
}

/* The step's own error, with what every step's error has. */
static int step_failed(const struct step_args *a, struct err *e)
{
    if (e->line == 0) {
        e->line = a->line;
        e->column = a->column;
    }
    return err_field(e, a->kind);
}

static int apply(struct model *m, const struct step_kind *kind, const struct yaml_node *step,
                 struct err *e)
{
    const struct yaml_node *not_text = NULL;
    struct step_args a = {kind->name, step, step->key_line, step->key_column, &not_text};

    if (check_args(kind, step, e) || model_step_begin(m, &a, e))
        return step_failed(&a, e);
    if (kind->apply(m, &a, e) && !not_text)
        return step_failed(&a, e);
    if (not_text) {
        err_clear(e); /* whatever the step made of it */
        model_refuse(m, not_text, e, "%s: `%s` is %s, not a text", a.kind, not_text->key,
                     yaml_kind_name(not_text->kind));
        return step_failed(&a, e);
    }
    return model_step_end(m, e) ? step_failed(&a, e) : 0;
}

/* The step, and the add_check that its definitions stand for. */
static int apply_both(struct model *m, const struct step_kind *kind, const struct yaml_node *step,
                      struct err *e)
{
    const struct yaml_node *not_text = NULL;
    struct step_args check = {"add_check", step, step->key_line, step->key_column, &not_text};
    struct step_mark mark = {.texts = m->n_texts, .slot = m->next_slot};

    if (apply(m, kind, step, e))
        return -1;
    mark.slot_end = m->next_slot;
    mark.before = m->before;
    mark.n_before = m->n_before;
    if (step_mend_definitions(m, &check, &mark, e) == 0)
        return 0;
    check.kind = kind->name; /* in the user's words */
    return step_failed(&check, e);
}

int schema_step(struct model *m, const struct yaml_node *step, struct err *e)
{
    const struct yaml_node *args = step->child;
    const struct step_kind *kind;

    if (step->kind != YAML_MAP || !args) {
        model_refuse(m, step, e, "a step is expected, not %s", yaml_kind_name(step->kind));
        return err_expected(e, "rename_field: {type: Dog, from: name, to: call_name}");
    }
    kind = find_kind(args->key);
    if (!kind)
        return unknown_step(m, args, e);
    if (args->next && args->text && !*args->text)
        return model_refuse(m, args->next, e, "the arguments of %s stand beside it: indent them",
                            args->key);
    if (args->next)
        return err_at(e, ERR_INVALID, args->next->key_line, args->next->key_column,
                      "a second step \"%s\" in one entry: put a '-' before it", args->next->key);
    return apply_both(m, kind, args, e);
}

static int apply_list(struct model *m, const struct yaml_node *list, bool groups, struct err *e);

/* {description: ..., steps: [...]} */
static int apply_group(struct model *m, const struct yaml_node *group, struct err *e)
{
    static const char *const words[] = {"description", "steps"};
    const struct yaml_node *text = yaml_get(group, "description");
    int r;

    if (yaml_only_keys(group, "group of steps", words, 2, e))
        return -1;
    if (text && !text->text)
        return model_refuse(m, text, e, "`description` is %s", yaml_kind_name(text->kind));
    m->group = text ? text->text : NULL;
    r = apply_list(m, yaml_get(group, "steps"), false, e);
    m->group = NULL;
    return r;
}

static int apply_list(struct model *m, const struct yaml_node *list, bool groups, struct err *e)
{
    if (list->kind != YAML_SEQ) {
        model_refuse(m, list, e, "`%s` is %s", list->key, yaml_kind_name(list->kind));
        return err_expected(e, "a list of steps");
    }
    for (const struct yaml_node *step = list->child; step; step = step->next) {
        bool group = groups && step->kind == YAML_MAP && yaml_get(step, "steps");

        if (group ? apply_group(m, step, e) : schema_step(m, step, e))
            return -1;
    }
    return 0;
}

/* ---- The whole ---- */

static int compile_root(struct model *m, const struct yaml_node *root, struct err *e)
{
    const struct yaml_node *migrate = yaml_get(root, "migrate");

    if (migrate) {
        err_at(e, ERR_INVALID, migrate->key_line, migrate->key_column,
               "`migrate` changes nothing without `from`");
        return err_expected(e, "from: the version to start from");
    }
    if (!yaml_get(root, "types")) {
        err_at(e, ERR_INVALID, root->line, root->column, "`types` is missing");
        return err_expected(e,
                            "types: a mapping from names to definitions, or `from` and `migrate`");
    }
    if (model_step_begin(m, NULL, e) || shapes_parse(m, root, e))
        return -1;
    return model_step_end(m, e);
}

/* The declared schema in a model of its own; its numbers mean nothing. */
static int parse_declared(const struct model *m, const struct yaml_node *root,
                          struct version *scratch, struct model *ret, struct err *e)
{
    *ret = (struct model){
        .v = scratch, .env = m->env, .file = m->file, .next_slot = SLOT_FIRST, .next_shape = 1,
        .declares = m->v};
    scratch->text = m->v->text;
    return model_init(ret, e) || shapes_parse(ret, root, e) ? -1 : 0;
}

static int compile_declared(struct model *m, const struct yaml_node *root, struct err *e)
{
    struct version scratch = {0};
    struct model declared;
    int r = parse_declared(m, root, &scratch, &declared, e);

    if (r == 0 && !yaml_get(root, "migrate"))
        r = schema_infer(m, &declared, root, e);
    if (r == 0)
        r = schema_agree(m, &declared, root, e);
    arena_free(&scratch.arena);
    return r;
}

static int compile_child(struct model *m, const struct yaml_node *root, struct err *e)
{
    const struct yaml_node *migrate = yaml_get(root, "migrate");
    static const char *const parts[] = {"objects", "enums"};

    for (size_t i = 0; i < 2; i++) {
        const struct yaml_node *part = yaml_get(root, parts[i]);

        if (part && !yaml_get(root, "types"))
            return err_at(e, ERR_INVALID, part->key_line, part->key_column,
                          "`%s` without `types`: a file declares its whole schema, or none of it",
                          parts[i]);
    }
    if (!migrate && !yaml_get(root, "types") && !yaml_get(root, "queries")) {
        err_at(e, ERR_INVALID, root->line, root->column, "neither `migrate` nor `types`");
        return err_expected(e, "migrate: a list of steps, or types: the new schema");
    }
    if (migrate && apply_list(m, migrate, true, e))
        return -1;
    return yaml_get(root, "types") ? compile_declared(m, root, e) : 0;
}

static int check_parent(const struct model *m, const struct yaml_node *root, struct err *e)
{
    const struct yaml_node *from = yaml_get(root, "from");
    const char *parent = m->parent ? m->parent->name : NULL;

    if (from && !parent)
        return err_at(e, ERR_NOT_FOUND, from->line, from->column, "from: %s is not a live version",
                      from->text);
    if (parent && (!from || strcmp(from->text, parent) != 0))
        return err_at(e, ERR_INVALID, from ? from->line : root->line, from ? from->column : 1,
                      "`from` does not name the version %s", parent);
    return 0;
}

static int read_file(struct model *m, struct yaml_node **ret, struct err *e)
{
    static const char *const words[] = {"version", "from",  "description", "types",
                                        "objects", "enums", "queries",     "migrate"};
    struct version *v = m->v;
    const struct yaml_node *text;

    if (yaml_parse(v->text.p, v->text.n, &v->arena, ret, e) ||
        yaml_only_keys(*ret, "a schema", words, sizeof(words) / sizeof(words[0]), e) ||
        read_head(*ret, &v->name, &v->parent_name, e))
        return -1;
    text = yaml_get(*ret, "description");
    if (text && !text->text)
        return model_refuse(m, text, e, "`description` is %s", yaml_kind_name(text->kind));
    v->description = text ? text->text : NULL;
    return check_parent(m, *ret, e);
}

static int compile(struct model *m, struct err *e)
{
    struct yaml_node *root;

    if (read_file(m, &root, e) || model_init(m, e))
        return -1;
    if (m->parent ? compile_child(m, root, e) : compile_root(m, root, e))
        return -1;
    return queries_parse(m, root, e);
}

static struct version *version_new(struct span text, struct version *parent,
                                   const struct schema_counters *first)
{
    struct version *v = calloc(1, sizeof(*v));

    if (!v)
        return NULL;
    atomic_init(&v->refs, 1);
    v->text = (struct span){arena_strndup(&v->arena, text.p, text.n), text.n};
    v->number = first->number;
    v->parent = parent ? parent->number : 0;
    v->base = parent ? version_ref(parent) : NULL;
    v->step_first = v->step_end = first->step;
    v->slot_first = v->slot_end = first->slot;
    v->shape_first = v->shape_end = first->shape;
    if (!v->text.p) {
        version_unref(v);
        return NULL;
    }
    return v;
}

static int compile_text(const char *file, struct span text, struct version *parent,
                        const struct schema_counters *first, struct expr_env *env,
                        struct model_candidates *candidates, struct version **ret, struct err *e)
{
    struct version *v;
    struct model m;

    if (first->number == 0 || first->number > VERSION_MAX_NUMBER)
        return err_set(e, ERR_NO_SPACE, "a store holds at most %u versions in its life",
                       VERSION_MAX_NUMBER);
    v = version_new(text, parent, first);
    if (!v)
        return err_nomem(e);
    m = (struct model){.v = v,
                       .parent = parent,
                       .env = env,
                       .file = file,
                       .next_step = first->step,
                       .next_slot = first->slot,
                       .next_shape = first->shape,
                       .candidates = candidates};
    if (compile(&m, e)) {
        err_excerpt(e, text.p, text.n);
        version_unref(v);
        return err_source(e, file);
    }
    v->step_end = m.next_step;
    v->slot_end = m.next_slot;
    v->shape_end = m.next_shape;
    *ret = v;
    return 0;
}

int schema_compile(const char *file, struct span text, struct version *parent,
                   const struct schema_counters *first, struct expr_env *env, struct version **ret,
                   struct err *e)
{
    return compile_text(file, text, parent, first, env, NULL, ret, e);
}

bool schema_candidates(const char *file, struct span text, struct version *parent,
                       const struct schema_counters *first, struct expr_env *env, struct buf *out)
{
    struct model_candidates c = {.out = out};

    do {
        struct version *v = NULL;
        struct err e = ERR_INIT;

        if (compile_text(file, text, parent, first, env, &c, &v, &e) == 0)
            version_unref(v);
        if (e.code == ERR_NO_MEMORY)
            return false;
    } while (++c.answer < c.n);
    return true;
}
