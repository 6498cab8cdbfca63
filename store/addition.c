#include "addition.h"

#include "query.h"

#include "../schemas/yaml_doc.h"

static struct span first_line(struct span s)
{
    const char *end = s.n ? memchr(s.p, '\n', s.n) : NULL;
    return end ? (struct span){s.p, (size_t)(end - s.p)} : s;
}

void addition_free(struct addition *a)
{
    version_unref(a->v);
    a->v = NULL;
}

static void line_of(struct span text, size_t at, unsigned *line, struct span *ret)
{
    size_t start = 0;
    *line = 1;
    for (size_t i = 0; i < at && i < text.n; i++)
        if (text.p[i] == '\n') {
            ++*line;
            start = i + 1;
        }
    *ret = first_line((struct span){text.p + start, text.n - start});
}

/* A live name with another text: says where they part. */
static int differs(const struct version *v, struct span text, struct err *e)
{
    size_t i = 0;
    unsigned line;
    struct span have, want;
    while (i < text.n && i < v->text.n && text.p[i] == v->text.p[i])
        i++;
    line_of(v->text, i, &line, &have);
    line_of(text, i, &line, &want);
    return err_at(e, ERR_EXISTS, line, 1,
                  "%s is live with another text; first difference: \"%.*s\" is live as \"%.*s\"",
                  v->name, (int)(want.n < 120 ? want.n : 120), want.p,
                  (int)(have.n < 120 ? have.n : 120), have.p);
}

/* Where the value of `version` or `from` stands. */
static void at_word(struct span text, const char *word, struct err *e)
{
    struct arena a ARENA_CLEANUP = {0};
    struct err ignored = ERR_INIT;
    struct yaml_node *root, *value;
    if (yaml_parse(text.p, text.n, &a, &root, &ignored) || !(value = yaml_get(root, word)))
        return;
    e->line = value->line;
    e->column = value->column;
    err_excerpt(e, text.p, text.n);
}

/* "echo v2 > control/add" is to give v2, and schemas/v2.yaml to be its text from then on. */
static int check_name(const char *file, const char *name, struct span text, struct err *e)
{
    size_t n = strlen(name);
    if (!strncmp(file, name, n) && !strcmp(file + n, ".yaml"))
        return 0;
    err_set(e, ERR_INVALID, "the file is version %s, its name another", name);
    at_word(text, "version", e);
    err_expected(e, "the version's own name: schemas/%s.yaml", name);
    return err_source(e, file);
}

static struct version *find_parent(const struct catalog *cat, const char *from, struct span text,
                                   struct err *e)
{
    const char *names[64];
    size_t n = 0;
    struct version *v = catalog_version(cat, span_of(from));
    if (v)
        return v;
    for (size_t i = 0; i < cat->n_entries && n < 64; i++)
        if (cat->entries[i].state == VERSION_LIVE)
            names[n++] = cat->entries[i].v->name;
    const char *near = err_nearest(from, strlen(from), names, n);
    err_set(e, ERR_INVALID, "from: %s is not a live version%s%s%s", from,
            near ? "; the nearest is \"" : "", near ? near : "", near ? "\"" : "");
    at_word(text, "from", e);
    return NULL;
}

static bool any_live(const struct catalog *cat, const char **ret_newest)
{
    for (size_t i = cat->n_entries; i-- > 0;)
        if (cat->entries[i].state == VERSION_LIVE) {
            *ret_newest = cat->entries[i].v->name;
            return true;
        }
    return false;
}

/* The dormant version that this text wakes. */
static struct version *sleeper(const struct catalog *cat, const char *name, struct span text,
                               const struct version *parent)
{
    for (size_t i = cat->n_entries; i-- > 0;) {
        struct version *v = cat->entries[i].v;
        if (cat->entries[i].state == VERSION_DORMANT && !strcmp(v->name, name) &&
            v->base == parent && span_eq(v->text, text))
            return v;
    }
    return NULL;
}

/* Where the field is brought back; NULL: nowhere by that name. */
static const struct step_note *restoring(const struct version *v, const struct shape *s,
                                         const struct field *f)
{
    for (size_t i = 0; i < v->n_notes; i++) {
        size_t n = strlen(s->name), m = strlen(f->name);
        const char *what = v->notes[i].what;
        if (!strcmp(v->notes[i].step, "restore_field") && !strncmp(what, s->name, n) &&
            what[n] == '.' && !strncmp(what + n + 1, f->name, m) && what[n + 1 + m] == ' ')
            return &v->notes[i];
    }
    return NULL;
}

/* finalize dropped what only older versions knew: from some items at once, from others when they are
 * next written. Neither is a field's value. */
static int refuse_gone(const struct catalog *cat, const char *file, const struct version *v,
                       struct err *e)
{
    for (size_t i = 0; i < v->n_shapes; i++)
        for (size_t k = 0; k < v->shapes[i]->n_fields; k++) {
            const struct shape *s = v->shapes[i];
            const struct field *f = &s->fields[k];
            if (f->slot >= cat->n_slots || !cat->slots[f->slot].is_gone)
                continue;
            const struct step_note *at = restoring(v, s, f);
            err_at(e, ERR_INVALID, at ? at->line : 0, at ? at->column : 0,
                   "the values of %s.%s were dropped by finalize", s->name, f->name);
            err_expected(e, "a field that a version which is not finalized has, or add_field");
            return err_source(e, file);
        }
    return 0;
}

static int compile_new(const struct catalog *cat, const char *file, struct span text,
                       struct version *parent, struct expr_env *env, struct addition *a,
                       struct err *e)
{
    a->counters = cat->next;
    if (cat->next.number > VERSION_MAX_NUMBER)
        return err_set(e, ERR_TOO_BIG, "a store holds at most %u versions over its life",
                       VERSION_MAX_NUMBER);
    if (schema_compile(file, text, parent, &a->counters, env, &a->v, e))
        return schema_candidates(file, text, parent, &a->counters, env, a->report) ? -1
                                                                                   : err_nomem(e);
    if (refuse_gone(cat, file, a->v, e))
        return -1;
    return query_check_all(a->v, e) ? err_source(e, file) : 0;
}

/* A name that is live: the same text, or where it parts from what is live. */
static int same_as_live(struct version *live, const char *file, struct span text,
                        struct addition *a, struct err *e)
{
    if (!span_eq(live->text, text))
        return differs(live, text, e) ? err_source(e, file) : -1;
    a->v = version_ref(live);
    a->is_live = true;
    return 0;
}

static int prepare(const struct catalog *cat, const char *file, struct span text,
                   struct expr_env *env, struct addition *a, struct err *e)
{
    struct version *parent = NULL, *live;
    const char *newest;

    if (schema_peek(file, text, a->name, a->from, e))
        return -1;
    live = catalog_version(cat, span_of(a->name));
    if (live && same_as_live(live, file, text, a, e))
        return -1;
    if (check_name(file, a->name, text, e))
        return -1;
    if (a->is_live)
        return 0;
    if (a->from[0]) {
        parent = find_parent(cat, a->from, text, e);
        if (!parent)
            return err_source(e, file);
    } else if (any_live(cat, &newest)) {
        err_set(e, ERR_INVALID, "\"from\" is missing: %s is live, so a version must say what it "
                "comes from, as in \"from: %s\"", newest, newest);
        return err_source(e, file);
    }
    struct version *old = sleeper(cat, a->name, text, parent);
    if (old) {
        a->v = version_ref(old);
        a->wakes = true;
        return 0;
    }
    return compile_new(cat, file, text, parent, env, a, e);
}

int addition_prepare(struct store *s, const struct catalog *cat, const char *file, struct span text,
                     struct addition *a, struct err *e)
{
    struct conn *c;
    if (reader_get(s, cat, &c, e))
        return -1;
    int rc = prepare(cat, file, text, c->env, a, e);
    reader_put(c);
    return rc;
}
