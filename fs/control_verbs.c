/* The verbs, a row for each command file: from a word to a call of the store. */
#include "control_int.h"

#include <stdio.h>

#include "../schemas/json.h"

#define NEAREST_MAX 256

/* `name` without `ext`, which may be left out. */
static struct span without_ext(struct span name, const char *ext)
{
    size_t n = strlen(ext);

    if (name.n > n && memcmp(name.p + name.n - n, ext, n) == 0)
        name.n -= n;
    return name;
}

static int check_file_name(struct span name, struct err *e)
{
    if (memchr(name.p, '/', name.n))
        return err_set(e, ERR_INVALID,
                       "\"%.*s\" is a path: copy the file to schemas/, then write its name",
                       (int)(name.n < 100 ? name.n : 100), name.p);
    if (name.n > 250)
        return err_set(e, ERR_NAME_TOO_LONG, "a name of %zu bytes, at most 250", name.n);
    return 0;
}

/* ---- What is staged ---- */

/* 1 = there, 0 = not, -1 = error. */
static int get_staged(struct control *c, struct span name, const char *ext, struct buf *ret,
                      struct err *e)
{
    struct err why = ERR_INIT;

    if (c->env.staged(c->env.arg, name, ext, ret, &why) == 0)
        return 1;
    if (why.code == ERR_NOT_FOUND)
        return 0;
    *e = why;
    return -1;
}

/* The text that the store has under a name: a live version's, so that adding it twice is answered as
 * what it is; else a reverted one's, so that its name alone brings it back. */
static bool get_kept(struct control *c, struct span name, struct buf *ret)
{
    struct catalog *cat = store_catalog(c->env.store);
    struct version *live = catalog_version(cat, name);
    struct version *v = live ? live : catalog_reverted(cat, name);
    bool ok = v && buf_addspan(ret, store_schema_text(v));

    catalog_unref(cat);
    return ok;
}

static int not_staged(struct control *c, struct span name, struct err *e)
{
    struct buf names BUF_CLEANUP = BUF_INIT;
    const char *known[NEAREST_MAX], *near;
    size_t n = 0;

    if (control_staged_schemas(c, &names, e))
        return -1;
    for (size_t at = 0; at < names.n && n < NEAREST_MAX; at += strlen(known[n++]) + 1)
        known[n] = names.p + at;
    near = err_nearest(name.p, name.n, known, n);
    err_set(e, ERR_NOT_FOUND, "there is no schemas/%.*s.yaml%s%s%s", (int)name.n, name.p,
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return err_expected(e, "the name of a file that was staged: cp FILE schemas/%.*s.yaml",
                        (int)name.n, name.p);
}

typedef int (*schema_fn)(struct store *s, const char *file, struct span text,
                         const struct verb_caller *by, struct buf *report, struct err *e);

static int with_schema(struct control *c, struct span word, schema_fn fn,
                       const struct verb_caller *by, struct buf *report, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct span name = without_ext(word, ".yaml");
    char file[256];
    int there;

    if (check_file_name(name, e))
        return -1;
    there = get_staged(c, name, "yaml", &text, e);
    if (there < 0)
        return -1;
    if (!there && !get_kept(c, name, &text))
        return not_staged(c, name, e);
    snprintf(file, sizeof(file), "%.*s.yaml", (int)name.n, name.p);
    if (fn(c->env.store, file, buf_span(&text), by, report, e)) {
        err_excerpt(e, text.p, text.n);
        return -1;
    }
    return 0;
}

static int run_check(struct control *c, struct span word, const struct verb_caller *by,
                     struct buf *report, struct err *e)
{
    return with_schema(c, word, store_check, by, report, e);
}

static int run_add(struct control *c, struct span word, const struct verb_caller *by,
                   struct buf *report, struct err *e)
{
    return with_schema(c, word, store_add, by, report, e);
}

/* ---- Verbs about a live version ---- */

/* A version that is only staged is not unknown. */
static int explain_unknown(struct control *c, struct span name, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct err ignored = ERR_INIT;

    if (e->code == ERR_NOT_FOUND && get_staged(c, name, "yaml", &text, &ignored) > 0)
        err_expected(e, "a live version: %.*s is staged, write its name to control/add first",
                     (int)name.n, name.p);
    return -1;
}

typedef int (*version_fn)(struct store *s, struct span version, const struct verb_caller *by,
                          struct buf *report, struct err *e);

static int with_version(struct control *c, struct span word, version_fn fn,
                        const struct verb_caller *by, struct buf *report, struct err *e)
{
    return fn(c->env.store, word, by, report, e) ? explain_unknown(c, word, e) : 0;
}

static int run_verify(struct control *c, struct span word, const struct verb_caller *by,
                      struct buf *report, struct err *e)
{
    return with_version(c, word, store_verify, by, report, e);
}

static int run_finalize(struct control *c, struct span word, const struct verb_caller *by,
                        struct buf *report, struct err *e)
{
    return with_version(c, word, store_finalize, by, report, e);
}

static int run_revert(struct control *c, struct span word, const struct verb_caller *by,
                      struct buf *report, struct err *e)
{
    return with_version(c, word, store_revert, by, report, e);
}

/* ---- backfill ---- */

static bool is_live(struct control *c, struct span name)
{
    struct catalog *cat = store_catalog(c->env.store);
    bool live = catalog_version(cat, name) != NULL;

    catalog_unref(cat);
    return live;
}

static bool is_backfill_word(struct span word)
{
    static const char *const words[] = {"pause", "resume", "cancel"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_eq(word, span_of(words[i])))
            return true;
    return false;
}

static int run_transaction(struct control *c, struct span json, const struct verb_caller *by,
                           struct buf *report, struct err *e)
{
    if (store_transaction(c->env.store, json, by, report, e)) {
        err_excerpt(e, json.p, json.n);
        return -1;
    }
    return 0;
}

/* Versions win over staged transactions of the same name; what is neither is the store's to refuse,
 * so that it stands in the log. */
static int run_backfill(struct control *c, struct span word, const struct verb_caller *by,
                        struct buf *report, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct span name = without_ext(word, ".json");
    char file[256];
    int there = 0;

    if (control_is_json(word))
        return run_transaction(c, word, by, report, e);
    if (check_file_name(name, e))
        return -1;
    if (!is_live(c, word) && !is_backfill_word(word))
        there = get_staged(c, name, "json", &text, e);
    if (there < 0)
        return -1;
    if (!there && with_version(c, word, store_backfill, by, report, e)) {
        if (e->code == ERR_NOT_FOUND)
            err_expected(e, "a live version, pause, resume, cancel, or NAME of schemas/NAME.json");
        return -1;
    }
    if (!there)
        return 0;
    snprintf(file, sizeof(file), "%.*s.json", (int)name.n, name.p);
    return run_transaction(c, buf_span(&text), by, report, e) ? err_source(e, file) : 0;
}

static int run_rate(struct control *c, struct span word, const struct verb_caller *by,
                    struct buf *report, struct err *e)
{
    uint64_t rate = 0;

    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] < '0' || word.p[i] > '9' || rate > INT64_MAX / 10 - 9)
            return err_set(e, ERR_INVALID,
                           "\"%.*s\" is no number of items a second (0 = unlimited)",
                           (int)(word.n < 100 ? word.n : 100), word.p);
        rate = rate * 10 + (uint64_t)(word.p[i] - '0');
    }
    if (store_backfill_rate(c->env.store, rate, by, e))
        return -1;
    return buf_printf(report, rate ? "%llu items a second\n" : "%llu: unlimited\n",
                      (unsigned long long)rate)
               ? 0
               : err_nomem(e);
}

const struct control_verb control_verbs[N_COMMANDS] = {
    [COMMAND_CHECK] = {run_check, false, false,
                       "\"v2\" says what adding the staged schemas/v2.yaml would do"},
    [COMMAND_ADD] = {run_add, true, false,
                     "\"v2\" makes the staged schemas/v2.yaml a live version"},
    [COMMAND_BACKFILL] = {run_backfill, false, true,
                          "\"v2\" rewrites stored items for v2 in the background; \"pause\", "
                          "\"resume\", \"cancel\", a JSON transaction or the name of a staged one"},
    [COMMAND_BACKFILL_RATE] =
        {run_rate, false, false,
         "\"1000\" limits a backfill to 1000 items a second, \"0\" is no limit"},
    [COMMAND_VERIFY] = {run_verify, false, false,
                        "\"v2\" proves that v2 and its predecessor agree on all items"},
    [COMMAND_FINALIZE] = {run_finalize, true, false,
                          "\"v2\" ends every version before v2, for good"},
    [COMMAND_REVERT] = {run_revert, true, false,
                        "\"v2\" takes v2 and what came after it out of service"},
};
