/* Every schema file of tests/unit/schemas that is refused, with the exact message beside it.
 *
 * NAME.yaml is the file, NAME.err what is said of it: the message, what was expected, the line
 * with a caret under it. `from: v1` is _v1.yaml. The directory is argv[1], or SCHEMA_CASES.
 * tests/mount/refusals.sh takes the same files through a mount. A thousand times each leave no memory behind.
 * With SCHEMA_CASES_WRITE set, the .err files are written instead of compared: read the diff. */
#include <check.h>
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>

#include "schemas/expr.h"
#include "schemas/schema.h"

#ifdef __SANITIZE_ADDRESS__
#define REPEATS 10u /* it counts by itself what is lost */
#else
#define REPEATS 1000u
#endif
#define SMALLEST_BYTES 16u /* no piece of memory takes less */

static const char *dir;

static void read_all(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    char part[4096];
    size_t n;

    if (!file)
        return;
    while ((n = fread(part, 1, sizeof(part), file)) > 0)
        ck_assert(buf_add(out, part, n));
    fclose(file);
}

static void read_case(const char *name, const char *suffix, struct buf *out)
{
    char path[1024];

    snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffix);
    read_all(path, out);
}

static struct version *base_version(struct expr_env *env)
{
    BUF_CLEANUP struct buf text = BUF_INIT;
    struct schema_counters first = {1, 1, SLOT_FIRST, 1};
    struct version *v = NULL;
    struct err e = ERR_INIT;

    read_case("_v1", ".yaml", &text);
    ck_assert_msg(schema_compile("_v1.yaml", buf_span(&text), NULL, &first, env, &v, &e) == 0,
                  "_v1.yaml:%u: %s", e.line, e.text);
    return v;
}

/* As a mount's control/add says it, without the "error: " before it. */
static void describe(const struct err *e, struct buf *out)
{
    char line[1024];

    err_format(e, line, sizeof(line));
    buf_printf(out, "%s\n", line);
    if (e->field[0])
        buf_printf(out, "  at: %s\n", e->field);
    if (e->expected[0])
        buf_printf(out, "  expected: %s\n", e->expected);
    if (e->excerpt[0])
        buf_printf(out, "  %s\n", e->excerpt);
    if (e->caret)
        buf_printf(out, "  %*s\n", (int)e->caret, "^");
}

/* The file with one of the candidates pasted into it has to be accepted. */
static void paste(const char *name, struct span text, struct span steps, struct version *base,
                  const struct schema_counters *first, struct expr_env *env)
{
    BUF_CLEANUP struct buf pasted = BUF_INIT;
    struct version *v = NULL;
    struct err e = ERR_INIT;
    char said[1024] = "";

    ck_assert(buf_addspan(&pasted, text) && buf_addspan(&pasted, steps));
    if (schema_compile("pasted.yaml", buf_span(&pasted), base, first, env, &v, &e))
        err_format(&e, said, sizeof(said));
    ck_assert_msg(v != NULL, "%s: %s:\n%.*s", name, said, (int)steps.n, steps.p);
    version_unref(v);
}

static void paste_all(const char *name, struct span text, const struct buf *candidates,
                      struct version *base, const struct schema_counters *first,
                      struct expr_env *env)
{
    const char *at = candidates->p, *end = at + candidates->n, *or = strstr(at, "# or\n");

    paste(name, text, (struct span){at, (size_t)((or ? or : end) - at)}, base, first, env);
    if (or)
        paste(name, text, (struct span){or, (size_t)(end - or)}, base, first, env);
}

/* What is said of a file: as a store does it, peek first. */
static void judge(const char *name, struct expr_env *env, struct buf *out)
{
    BUF_CLEANUP struct buf text = BUF_INIT, candidates = BUF_INIT;
    struct version *base = base_version(env), *v = NULL, *parent;
    struct schema_counters first = {2, base->step_end, base->slot_end, base->shape_end};
    char file[512], version[VERSION_NAME_SIZE], from[VERSION_NAME_SIZE];
    struct err e = ERR_INIT;

    read_case(name, ".yaml", &text);
    snprintf(file, sizeof(file), "%s.yaml", name);
    if (schema_peek(file, buf_span(&text), version, from, &e) == 0) {
        parent = strcmp(from, "v1") == 0 ? base : NULL;
        if (schema_compile(file, buf_span(&text), parent, &first, env, &v, &e))
            ck_assert(schema_candidates(file, buf_span(&text), parent, &first, env, &candidates));
    }
    if (v)
        buf_adds(out, "accepted\n");
    else
        describe(&e, out);
    if (buf_str(&candidates) && candidates.n) {
        buf_addspan(out, buf_span(&candidates));
        paste_all(name, buf_span(&text), &candidates, base, &first, env);
    }
    version_unref(v);
    version_unref(base);
}

/* Refuses it so many times, as judge does, over a base that stays. */
static void repeat(struct span text, struct version *base, struct expr_env *env, unsigned times)
{
    struct schema_counters first = {2, base->step_end, base->slot_end, base->shape_end};

    for (unsigned i = 0; i < times; i++) {
        BUF_CLEANUP struct buf candidates = BUF_INIT;
        char version[VERSION_NAME_SIZE], from[VERSION_NAME_SIZE];
        struct err e = ERR_INIT;
        struct version *v = NULL, *parent;

        if (schema_peek("a.yaml", text, version, from, &e))
            continue;
        parent = strcmp(from, "v1") == 0 ? base : NULL;
        ck_assert(schema_compile("a.yaml", text, parent, &first, env, &v, &e) < 0);
        ck_assert(schema_candidates("a.yaml", text, parent, &first, env, &candidates));
    }
}

/* How many bytes are in use after a thousand times that were not before. 0: fewer than the smallest piece each time;
 * what is kept but once, by SQLite mostly, is not counted. */
static size_t kept(const char *name, struct version *base, struct expr_env *env)
{
    BUF_CLEANUP struct buf text = BUF_INIT;
    size_t before, after;

    read_case(name, ".yaml", &text);
    repeat(buf_span(&text), base, env, 3);
    before = mallinfo2().uordblks;
    repeat(buf_span(&text), base, env, REPEATS);
    after = mallinfo2().uordblks;
    if (after < before + SMALLEST_BYTES * REPEATS)
        return 0;
    fprintf(stderr, "%s.yaml: keeps %zu bytes\n", name, after - before);
    return after - before;
}

static void write_case(const char *name, const struct buf *said)
{
    char path[1024];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s.err", dir, name);
    file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    fwrite(said->p, 1, said->n, file);
    fclose(file);
}

static int check_case(const char *name, struct expr_env *env)
{
    BUF_CLEANUP struct buf said = BUF_INIT, wanted = BUF_INIT;

    judge(name, env, &said);
    ck_assert_ptr_nonnull(buf_str(&said));
    if (getenv("SCHEMA_CASES_WRITE")) {
        write_case(name, &said);
        return 0;
    }
    read_case(name, ".err", &wanted);
    ck_assert_ptr_nonnull(buf_str(&wanted));
    if (strcmp(said.p, wanted.p) == 0)
        return 0;
    fprintf(stderr, "%s.yaml: said\n%sinstead of\n%s", name, said.p, wanted.p);
    return 1;
}

/* 0: the entry is no case; else *ret_name is its name. */
static int case_name(const struct dirent *entry, char ret_name[256])
{
    size_t len = strlen(entry->d_name);

    if (len < 6 || entry->d_name[0] == '_' || strcmp(entry->d_name + len - 5, ".yaml") != 0)
        return 0;
    snprintf(ret_name, 256, "%.*s", (int)len - 5, entry->d_name);
    return 1;
}

/* Each case once, by fn; the number of those for which it gives another result than 0. */
static int each_case(int (*fn)(const char *name, struct version *base, struct expr_env *env))
{
    struct err e = ERR_INIT;
    struct expr_env *env;
    struct version *base;
    struct dirent *entry;
    char name[256];
    int n = 0, bad = 0;
    DIR *list = opendir(dir);

    ck_assert_msg(list != NULL, "no directory %s", dir);
    ck_assert_int_eq(expr_env_new(&env, &e), 0);
    base = base_version(env);
    while ((entry = readdir(list)))
        if (case_name(entry, name)) {
            bad += fn(name, base, env) != 0;
            n++;
        }
    closedir(list);
    version_unref(base);
    expr_env_free(env);
    ck_assert_int_gt(n, 50);
    return bad;
}

static int differs(const char *name, struct version *base, struct expr_env *env)
{
    (void)base;
    return check_case(name, env);
}

static int keeps(const char *name, struct version *base, struct expr_env *env)
{
    return kept(name, base, env) != 0;
}

START_TEST(schema_errors__exact_messages)
{
    ck_assert_int_eq(each_case(differs), 0);
}
END_TEST

START_TEST(schema_errors__a_thousand_times_keep_no_memory)
{
    ck_assert_int_eq(each_case(keeps), 0);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("schema_errors");
    TCase *tests = tcase_create("files");
    SRunner *runner = srunner_create(suite);
    int failed;

    dir = argc > 1 ? argv[1] : getenv("SCHEMA_CASES");
    if (!dir) {
        fprintf(stderr, "usage: test_schema_errors DIRECTORY\n");
        return 2;
    }
    tcase_add_test(tests, schema_errors__exact_messages);
    tcase_add_test(tests, schema_errors__a_thousand_times_keep_no_memory);
    tcase_set_timeout(tests, 100);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
