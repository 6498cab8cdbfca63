/* check: schema files without a mount, each compiled over the ones before it and over a store's
 * versions. */
#include <stdio.h>

#include "../schemas/expr.h"
#include "../schemas/json.h"
#include "../schemas/lint.h"
#include "../store/verbs.h"
#include "cli.h"

#define SCHEMA_BYTES_MAX (64u * 1024 * 1024)

struct checked {
    char name[VERSION_NAME_SIZE];
    struct version *v; /* a reference; NULL = refused */
};

struct checking {
    const struct cli_args *args;
    struct expr_env *env;
    struct store *store;   /* NULL = none */
    struct catalog *cat;   /* its versions; NULL = none */
    struct checked *files; /* so far */
    size_t n_files;
    struct schema_counters next;
    unsigned denied; /* classes of steps, as lint.h has them */
};

/* ---- What a file stands on ---- */

static const struct checked *find_checked(const struct checking *k, const char *name)
{
    for (size_t i = 0; i < k->n_files; i++)
        if (strcmp(k->files[i].name, name) == 0)
            return &k->files[i];
    return NULL;
}

static struct version *find_live(const struct checking *k, const char *name)
{
    return k->cat ? catalog_version(k->cat, span_of(name)) : NULL;
}

/* The newest version there is, for a file that says no `from`; NULL = it may be the first. */
static const char *newest_name(const struct checking *k)
{
    if (k->n_files)
        return k->files[k->n_files - 1].name;
    for (size_t i = k->cat ? k->cat->n_entries : 0; i > 0; i--)
        if (k->cat->entries[i - 1].state == VERSION_LIVE)
            return k->cat->entries[i - 1].v->name;
    return NULL;
}

static int no_parent(const struct checking *k, const char *from, struct err *e)
{
    const char *known[64], *near;
    size_t n = 0;

    for (size_t i = 0; i < k->n_files && n < 64; i++)
        known[n++] = k->files[i].name;
    for (size_t i = 0; k->cat && i < k->cat->n_entries && n < 64; i++)
        if (k->cat->entries[i].state == VERSION_LIVE)
            known[n++] = k->cat->entries[i].v->name;
    near = err_nearest(from, strlen(from), known, n);
    err_set(e, ERR_INVALID, "from: there is no \"%s\" before this file%s%s%s", from,
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return err_expected(e, k->store ? "the name of a file before this one, or of a live version"
                                    : "the name of a file before this one, or --store STORE");
}

static int find_parent(const struct checking *k, const char *from, struct version **ret,
                       struct err *e)
{
    const struct checked *before = find_checked(k, from);
    const char *newest = newest_name(k);

    *ret = NULL;
    if (!from[0] && newest)
        return err_set(e, ERR_INVALID,
                       "\"from\" is missing: %s is before it, so it must say what it "
                       "comes from, as in \"from: %s\"",
                       newest, newest);
    if (!from[0])
        return 0;
    if (before && !before->v)
        return err_set(e, ERR_INVALID, "from: %s has errors of its own", from);
    *ret = before ? before->v : find_live(k, from);
    return *ret ? 0 : no_parent(k, from, e);
}

/* ---- One file ---- */

/* A version that is live may be named again, with the same text only. */
static int same_as_live(struct version *live, struct span text, struct version **ret, struct err *e)
{
    struct span have = store_schema_text(live);
    unsigned line = 1;

    if (span_eq(have, text)) {
        *ret = version_ref(live);
        return 0;
    }
    for (size_t i = 0; i < text.n && i < have.n && text.p[i] == have.p[i]; i++)
        line += text.p[i] == '\n';
    return err_at(e, ERR_EXISTS, line, 1,
                  "%s is live with another text; here is the first difference", live->name);
}

/* candidates: the steps that would mend a refused declaration. */
static int compile(struct checking *k, const char *path, struct span text, struct checked *ret,
                   struct buf *candidates, struct err *e)
{
    char from[VERSION_NAME_SIZE];
    struct version *parent, *live;

    if (schema_peek(path, text, ret->name, from, e))
        return -1;
    if (find_checked(k, ret->name))
        return err_set(e, ERR_EXISTS, "\"version: %s\" stands in a file before this one too",
                       ret->name);
    live = find_live(k, ret->name);
    if (live)
        return same_as_live(live, text, &ret->v, e);
    if (find_parent(k, from, &parent, e))
        return -1;
    if (schema_compile(path, text, parent, &k->next, k->env, &ret->v, e))
        return schema_candidates(path, text, parent, &k->next, k->env, candidates) ? -1
                                                                                   : err_nomem(e);
    if (store_check_queries(ret->v, e)) {
        version_unref(ret->v);
        ret->v = NULL;
        return err_source(e, path);
    }
    k->next = (struct schema_counters){.number = k->next.number + 1,
                                       .step = ret->v->step_end,
                                       .slot = ret->v->slot_end,
                                       .shape = ret->v->shape_end};
    return 0;
}

static int64_t count_items(void *arg, uint32_t shape)
{
    const struct checking *k = arg;

    for (size_t i = k->cat->n_entries; i > 0; i--) {
        const struct catalog_entry *en = &k->cat->entries[i - 1];
        const struct shape *s = en->state == VERSION_LIVE ? version_shape(en->v, shape) : NULL;

        if (s && s->kind == SHAPE_ITEM)
            return store_count(k->store, en->v, s);
    }
    return -1;
}

static int print_version(struct checking *k, const char *path, const struct version *v)
{
    const struct lint_items counted = {count_items, k};
    const struct lint_items *items = k->store ? &counted : NULL;
    struct buf out BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    bool ok = k->args->given[OPTION_JSON] ? lint_json(v, path, items, &out) && buf_addc(&out, '\n')
              : k->args->given[OPTION_BRIEF] ? lint_brief(v, path, items, &out)
                                             : lint_text(v, path, items, &out);

    if (ok)
        return cli_print(buf_span(&out));
    err_nomem(&e);
    return cli_fail(&e);
}

static bool json_member_text(const char *name, const char *text, struct buf *out)
{
    return buf_printf(out, ", \"%s\": ", name) && json_write_string(span_of(text), out);
}

static int deny(const struct step_note *n, const char *path, unsigned classes)
{
    struct buf words BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;

    if (!lint_print_classes(classes, &words) || !buf_str(&words))
        err_nomem(&e);
    else
        err_at(&e, ERR_INVALID, n->line, n->column, "%s: %s: %s is denied", n->step, n->what, words.p);
    err_source(&e, path);
    return cli_fail(&e);
}

static int deny_steps(const struct checking *k, const char *path, const struct version *v)
{
    int rc = CLI_OK;

    for (size_t i = 0; i < v->n_notes; i++) {
        unsigned classes = lint_classes(&v->notes[i]) & k->denied;

        if (classes)
            rc = deny(&v->notes[i], path, classes);
    }
    return rc;
}

/* {"file": "v2.yaml", "error": "...", "line": 5, "column": 5, "field": "", "expected": "",
 *  "candidates": "migrate:\n  - ..."} */
static int print_error_json(const char *path, struct span candidates, const struct err *e)
{
    struct buf out BUF_CLEANUP = BUF_INIT;
    struct err why = ERR_INIT;
    bool ok = buf_adds(&out, "{\"file\": ") && json_write_string(span_of(path), &out) &&
              json_member_text("error", e->text, &out) &&
              buf_printf(&out, ", \"line\": %u, \"column\": %u", e->line, e->column) &&
              json_member_text("field", e->field, &out) &&
              json_member_text("expected", e->expected, &out) &&
              buf_adds(&out, ", \"candidates\": ") && json_write_string(candidates, &out) &&
              buf_adds(&out, "}\n");

    if (ok)
        return cli_print(buf_span(&out));
    err_nomem(&why);
    return cli_fail(&why);
}

static int check_file(struct checking *k, const char *path)
{
    struct checked *now = &k->files[k->n_files];
    struct buf text BUF_CLEANUP = BUF_INIT, candidates BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;

    if (cli_read_file(path, SCHEMA_BYTES_MAX, &text, &e))
        return cli_fail(&e);
    if (compile(k, path, buf_span(&text), now, &candidates, &e) == 0) {
        k->n_files++;
        return print_version(k, path, now->v) == CLI_OK ? deny_steps(k, path, now->v) : CLI_FAILED;
    }
    k->n_files += now->name[0] != 0;
    err_source(&e, path);
    err_excerpt(&e, text.p, text.n);
    if (k->args->given[OPTION_JSON] &&
        print_error_json(path, buf_span(&candidates), &e) != CLI_OK)
        return CLI_FAILED;
    cli_fail(&e);
    fputs(buf_str(&candidates), stderr);
    return CLI_FAILED;
}

/* ---- All of them ---- */

/* Numbers that no version of a store has: what compiles here is never kept. */
static int open_versions(struct checking *k, struct err *e)
{
    const struct store_options o = {.read_only = true, .no_jobs = true};

    k->next = (struct schema_counters){.number = 1, .step = 1, .slot = SLOT_FIRST, .shape = 1};
    if (!k->args->given[OPTION_STORE])
        return 0;
    if (store_open(k->args->value[OPTION_STORE], &o, &k->store, e)) {
        if (e->code == ERR_BUSY)
            err_expected(
                e, "a store that is not mounted; in a mount, write the name to control/check");
        return -1;
    }
    k->cat = store_catalog(k->store);
    k->next = k->cat->next;
    return 0;
}

static int check_all(struct checking *k)
{
    int rc = CLI_OK;

    for (size_t i = 0; i < k->args->n_words; i++)
        if (check_file(k, k->args->words[i]) != CLI_OK)
            rc = CLI_FAILED;
    return rc;
}

int cli_check(const struct cli_args *a)
{
    struct checking k = {.args = a, .files = calloc(a->n_words, sizeof(*k.files))};
    struct err e = ERR_INIT;
    int rc = k.files ? 0 : err_nomem(&e);

    if (a->given[OPTION_DENY] && lint_parse_classes(a->value[OPTION_DENY], &k.denied, &e)) {
        free(k.files);
        return cli_misuse(a, "check: --deny: %s", e.text);
    }
    if (!rc)
        rc = expr_env_new(&k.env, &e);
    if (!rc)
        rc = open_versions(&k, &e);
    rc = rc ? cli_fail(&e) : check_all(&k);
    for (size_t i = 0; i < k.n_files; i++)
        version_unref(k.files[i].v);
    free(k.files);
    expr_env_free(k.env);
    catalog_unref(k.cat);
    store_close(k.store);
    return rc;
}
