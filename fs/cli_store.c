/* export, import and fsck: on a store that is not mounted. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../schemas/json.h"
#include "../store/verbs.h"
#include "cli.h"
#include "human.h"
#include "progress.h"

#define PIECE_BYTES 65536u

/* ---- Finding what is meant ---- */

static const struct store_options exports = {.read_only = true, .no_jobs = true};
static const struct store_options imports = {.no_jobs = true};
static const struct store_options checks = {
    .read_only = true, .no_jobs = true, .damaged_too = true};

/* A store that is mounted says so, and how to do without this verb. */
static int open_store(const char *path, struct store_options o, const char *instead,
                      struct store **ret)
{
    struct err e = ERR_INIT;

    if (store_open(path, &o, ret, &e) == 0)
        return CLI_OK;
    if (e.code == ERR_BUSY)
        err_expected(&e, "a store that is not mounted; %s", instead);
    return cli_fail(&e);
}

/* Borrowed from the catalog. */
static int find_version(const struct catalog *cat, const char *name, const struct version **ret,
                        struct err *e)
{
    *ret = catalog_version(cat, span_of(name));
    return *ret ? 0 : catalog_no_version(cat, span_of(name), e);
}

static int find_type(const struct version *v, const char *name, const struct shape **ret,
                     struct err *e)
{
    const char *known[64], *near;
    size_t n = 0;

    *ret = version_shape_named(v, span_of(name));
    if (*ret && (*ret)->kind == SHAPE_ITEM)
        return 0;
    for (size_t i = 0; i < v->n_shapes && n < 64; i++)
        if (v->shapes[i]->kind == SHAPE_ITEM)
            known[n++] = v->shapes[i]->name;
    near = err_nearest(name, strlen(name), known, n);
    err_set(e, ERR_NOT_FOUND, "there is no type \"%.100s\"%s%s%s", name,
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return err_expected(e, "an item type of %s", v->name);
}

/* ---- export ---- */

struct exporting {
    const char *type; /* to stand in each line; NULL = not */
    struct buf name;  /* the type as JSON */
    struct progress progress;
    uint64_t n, total; /* items; total 0 = not known */
    int error;         /* errno of standard output */
};

static bool write_line(const struct exporting *x, struct span line)
{
    if (x->type && line.n > 1) {
        bool empty = line.p[1] == '}';

        if (printf("{\"_type\": %.*s%s", (int)x->name.n, x->name.p, empty ? "" : ", ") < 0)
            return false;
        line.p++;
        line.n--;
    }
    if (fwrite(line.p, 1, line.n, stdout) != line.n)
        return false;
    return (line.n && line.p[line.n - 1] == '\n') || putchar('\n') != EOF;
}

static int export_line(void *arg, struct span line)
{
    struct exporting *x = arg;

    if (!write_line(x, line)) {
        x->error = errno;
        return 1;
    }
    progress_count(&x->progress, "export", "items", ++x->n, x->total);
    return 0;
}

static int export_type(struct store *s, const struct version *v, const struct shape *shape,
                       struct exporting *x, struct err *e)
{
    buf_reset(&x->name);
    if (x->type && !json_write_string(span_of(shape->name), &x->name))
        return err_nomem(e);
    if (store_export(s, v, shape, export_line, x, e))
        return -1;
    return x->error ? err_set(e, ERR_IO, "standard output: %s", strerror(x->error)) : 0;
}

static int export_all(struct store *s, const struct version *v, struct exporting *x, struct err *e)
{
    for (size_t i = 0; i < v->n_shapes; i++) {
        x->type = v->shapes[i]->name;
        if (v->shapes[i]->kind == SHAPE_ITEM && export_type(s, v, v->shapes[i], x, e))
            return -1;
    }
    return 0;
}

/* How many lines there will be, of one type or of all; 0 where that is not known yet. */
static uint64_t count_items(struct store *s, const struct version *v, const struct shape *only)
{
    uint64_t total = 0;

    for (size_t i = 0; i < v->n_shapes; i++) {
        const struct shape *shape = v->shapes[i];
        int64_t n =
            shape->kind == SHAPE_ITEM && (!only || shape == only) ? store_count(s, v, shape) : 0;

        if (n < 0)
            return 0;
        total += (uint64_t)n;
    }
    return total;
}

static int export_words(struct store *s, const struct catalog *cat, const struct cli_args *a,
                        struct exporting *x, struct err *e)
{
    const struct shape *shape = NULL;
    const struct version *v;

    if (find_version(cat, a->words[1], &v, e) ||
        (a->n_words > 2 && find_type(v, a->words[2], &shape, e)))
        return -1;
    x->total = count_items(s, v, shape);
    return shape ? export_type(s, v, shape, x, e) : export_all(s, v, x, e);
}

int cli_export(const struct cli_args *a)
{
    struct exporting x = {0};
    struct err e = ERR_INIT;
    struct catalog *cat;
    struct store *s;
    int rc = open_store(a->words[0], exports, "of a mount: cat MOUNTPOINT/VERSION/TYPE.jsonl", &s);

    if (rc != CLI_OK)
        return rc;
    cat = store_catalog(s);
    progress_init(&x.progress);
    x.progress.on = x.progress.on && !isatty(STDOUT_FILENO);
    rc = export_words(s, cat, a, &x, &e);
    if (!rc && fflush(stdout) != 0)
        rc = err_set(&e, ERR_IO, "standard output: %s", strerror(errno));
    progress_end(&x.progress);
    buf_free(&x.name);
    catalog_unref(cat);
    store_close(s);
    return rc ? cli_fail(&e) : CLI_OK;
}

/* ---- import ---- */

struct importing {
    char piece[PIECE_BYTES];
    struct progress progress;
    uint64_t bytes, total; /* total 0 = not known: a pipe */
    int error;             /* errno of standard input */
};

static int next_piece(void *arg, struct span *ret)
{
    struct importing *m = arg;
    ssize_t n;

    do
        n = read(STDIN_FILENO, m->piece, sizeof(m->piece));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        m->error = errno;
    if (n <= 0)
        return n < 0 ? -1 : 0;
    m->bytes += (uint64_t)n;
    progress_count(&m->progress, "import", "bytes", m->bytes, m->total);
    *ret = (struct span){m->piece, (size_t)n};
    return 1;
}

static int import_items(struct store *s, const struct catalog *cat, const struct cli_args *a,
                        struct importing *m, size_t *ret_items, struct err *e)
{
    const struct version *v;
    const struct shape *shape;
    struct err why = ERR_INIT;

    if (find_version(cat, a->words[1], &v, e) || find_type(v, a->words[2], &shape, e))
        return -1;
    if (store_import(s, v, shape, next_piece, m, ret_items, &why) == 0)
        return 0;
    if (m->error)
        return err_set(e, ERR_IO, "standard input: %s", strerror(m->error));
    *e = why;
    return err_source(e, "standard input");
}

/* What is left of a file; 0 of anything else. */
static uint64_t input_bytes(void)
{
    off_t at = lseek(STDIN_FILENO, 0, SEEK_CUR);
    struct stat st;

    return at >= 0 && fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > at
               ? (uint64_t)(st.st_size - at)
               : 0;
}

int cli_import(const struct cli_args *a)
{
    struct importing *m = calloc(1, sizeof(*m));
    struct err e = ERR_INIT;
    char count[HUMAN_SIZE];
    struct catalog *cat;
    size_t items = 0;
    struct store *s;
    int rc;

    if (!m) {
        err_nomem(&e);
        return cli_fail(&e);
    }
    rc = open_store(a->words[0], imports,
                    "to a mount: cat FILE.jsonl >> MOUNTPOINT/VERSION/TYPE.jsonl", &s);
    if (rc == CLI_OK) {
        cat = store_catalog(s);
        progress_init(&m->progress);
        m->total = input_bytes();
        rc = import_items(s, cat, a, m, &items, &e) ? CLI_FAILED : CLI_OK;
        progress_end(&m->progress);
        catalog_unref(cat);
        store_close(s);
        if (rc == CLI_OK)
            printf("ok %s items imported\n", human_count(items, count));
        else
            cli_fail(&e);
    }
    free(m);
    return rc;
}

/* ---- fsck ---- */

int cli_fsck(const struct cli_args *a)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    size_t findings = 0;
    struct store *s;
    int rc = open_store(a->words[0], checks, "unmount it first", &s);

    if (rc != CLI_OK)
        return rc;
    rc = store_fsck(s, &report, &findings, &e);
    store_close(s);
    if (report.n)
        cli_print(buf_span(&report));
    if (rc)
        return cli_fail(&e);
    if (findings == 0) {
        printf("ok nothing to say of \"%s\"\n", a->words[0]);
        return CLI_OK;
    }
    printf("%zu %s\n", findings, findings == 1 ? "finding" : "findings");
    return CLI_FAILED;
}
