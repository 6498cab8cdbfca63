#include "cli_control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../schemas/json.h"
#include "cli.h"

#define STATUS_BYTES_MAX (16u * 1024 * 1024)
#define PATH_BYTES       4096

/* ---- Control files ---- */

static int control_path(char ret[PATH_BYTES], const char *mountpoint, const char *name,
                        struct err *e)
{
    int n = snprintf(ret, PATH_BYTES, "%s/control/%s", mountpoint, name);

    if (n < 0 || n >= PATH_BYTES)
        return err_set(e, ERR_NAME_TOO_LONG, "\"%.100s...\" is too long a path", mountpoint);
    return 0;
}

/* errno of an access to a mount, for people. */
static int refuse_mount(const char *mountpoint, struct err *e)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return err_set(e, ERR_NOT_FOUND, "no schemafs is mounted at \"%s\"", mountpoint);
    case ENOTCONN:
        return err_set(e, ERR_STALE,
                       "the daemon of \"%s\" is dead: schemafs umount %s, then mount it again",
                       mountpoint, mountpoint);
    case EACCES:
        return err_set(e, ERR_ACCESS, "control/ of \"%s\" is only for the user who mounted it",
                       mountpoint);
    default:
        return err_set(e, ERR_IO, "\"%s\": %s", mountpoint, strerror(errno));
    }
}

int control_get(const char *mountpoint, const char *name, struct buf *ret, struct err *e)
{
    char path[PATH_BYTES];
    struct err why = ERR_INIT;

    if (control_path(path, mountpoint, name, e))
        return -1;
    if (access(path, R_OK))
        return refuse_mount(mountpoint, e);
    if (cli_read_file(path, STATUS_BYTES_MAX, ret, &why)) {
        *e = why;
        return -1;
    }
    return 0;
}

int control_put(const char *mountpoint, const char *name, struct span command, struct buf *ret,
                struct err *e)
{
    struct err ignored = ERR_INIT;
    char path[PATH_BYTES];
    ssize_t n;
    int fd, saved;

    if (control_path(path, mountpoint, name, e))
        return -1;
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return refuse_mount(mountpoint, e);
    n = write(fd, command.p, command.n);
    saved = errno;
    close(fd);
    if (n == (ssize_t)command.n)
        return control_get(mountpoint, name, ret, e);
    err_set(e, ERR_INVALID, "control/%s: %s", name, n < 0 ? strerror(saved) : "written in part");
    /* A command that was interrupted or never arrived has left another one's outcome. */
    if (saved == EINTR || saved == EROFS || saved == EACCES ||
        control_get(mountpoint, name, ret, &ignored) || ret->n < sizeof(CONTROL_ERROR) - 1 ||
        memcmp(ret->p, CONTROL_ERROR, sizeof(CONTROL_ERROR) - 1) != 0)
        buf_reset(ret);
    return -1;
}

/* ---- status.json ---- */

struct seen {
    struct buf text;
    struct arena arena;
    struct json_node *root;
};

static void seen_free(struct seen *s)
{
    arena_free(&s->arena);
    buf_free(&s->text);
}

static int seen_get(const char *mountpoint, struct seen *ret, struct err *e)
{
    struct seen s = {0};

    if (control_get(mountpoint, "status.json", &s.text, e) ||
        json_parse_object(s.text.p, s.text.n, &s.arena, &s.root, e)) {
        seen_free(&s);
        return -1;
    }
    *ret = s;
    return 0;
}

static struct span member_text(const struct json_node *object, const char *name)
{
    const struct json_node *v = object ? json_member(object, span_of(name)) : NULL;

    return v ? v->text : (struct span){0};
}

static double member_number(const struct json_node *object, const char *name, double otherwise)
{
    const struct json_node *v = object ? json_member(object, span_of(name)) : NULL;
    char text[64];

    if (!v || v->kind != JSON_NUMBER || v->text.n >= sizeof(text))
        return otherwise;
    memcpy(text, v->text.p, v->text.n);
    text[v->text.n] = 0;
    return strtod(text, NULL);
}

static void copy_text(char *ret, size_t size, struct span text)
{
    size_t n = text.n < size - 1 ? text.n : size - 1;

    if (n)
        memcpy(ret, text.p, n);
    ret[n] = 0;
}

static void read_backfill(const struct json_node *version, struct backfill_seen *ret)
{
    const struct json_node *b = json_member(version, span_of("backfill"));

    *ret = (struct backfill_seen){
        .found = true, .eta_s = member_number(b, "eta_s", -1), .rate = member_number(b, "rate", 0)};
    ret->done = (uint64_t)member_number(b, "done", 0);
    ret->total = (uint64_t)member_number(b, "total", 0);
    copy_text(ret->state, sizeof(ret->state), member_text(b, "state"));
}

int status_backfill(const char *mountpoint, const char *version, struct backfill_seen *ret,
                    char ret_version[VERSION_NAME_SIZE], struct err *e)
{
    const struct json_node *list;
    struct seen s;

    if (seen_get(mountpoint, &s, e))
        return -1;
    *ret = (struct backfill_seen){.eta_s = -1};
    list = json_member(s.root, span_of("versions"));
    for (const struct json_node *v = list ? list->child : NULL; v; v = v->next) {
        struct span name = member_text(v, "version");
        struct backfill_seen b;

        read_backfill(v, &b);
        if (*version ? !span_eq(name, span_of(version)) : strcmp(b.state, "running") != 0)
            continue;
        *ret = b;
        copy_text(ret_version, VERSION_NAME_SIZE, name);
    }
    seen_free(&s);
    return 0;
}

int status_default(const char *mountpoint, char ret[VERSION_NAME_SIZE], struct err *e)
{
    const struct json_node *v;
    struct seen s;

    if (seen_get(mountpoint, &s, e))
        return -1;
    v = json_member(s.root, span_of("default"));
    copy_text(ret, VERSION_NAME_SIZE, v && v->kind == JSON_STRING ? v->text : (struct span){0});
    seen_free(&s);
    return 0;
}

int status_staged_names(const char *mountpoint, struct buf *ret, struct err *e)
{
    const struct json_node *list;
    struct seen s;
    bool ok = true;

    if (seen_get(mountpoint, &s, e))
        return -1;
    list = json_member(s.root, span_of("staged"));
    for (const struct json_node *v = list ? list->child : NULL; ok && v; v = v->next)
        ok = buf_addspan(ret, v->text) && buf_addc(ret, 0);
    seen_free(&s);
    return ok ? 0 : err_nomem(e);
}

/* ---- Staging ---- */

static int staging_name(const char *mountpoint, const char *name, const char *ext,
                        struct staging *ret, struct err *e)
{
    int n = snprintf(ret->path, sizeof(ret->path), "%s/schemas/%s%s", mountpoint, name, ext);

    if (n < 0 || (size_t)n >= sizeof(ret->path) || strlen(name) + strlen(ext) > 255)
        return err_set(e, ERR_NAME_TOO_LONG, "\"%.100s...\" is too long a name", name);
    snprintf(ret->name, sizeof(ret->name), "%s", name);
    return 0;
}

/* The file's name without folders and without .yaml, .yml or .json. */
static int base_name(const char *file, char ret[256], struct err *e)
{
    static const char *const exts[] = {".yaml", ".yml", ".json"};
    const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    size_t n = strlen(base);

    for (size_t i = 0; i < sizeof(exts) / sizeof(exts[0]); i++) {
        size_t m = strlen(exts[i]);

        if (n > m && strcmp(base + n - m, exts[i]) == 0) {
            n -= m;
            break;
        }
    }
    if (n == 0 || n > 250 || base[0] == '.')
        return err_set(e, ERR_INVALID, "\"%s\" gives no name to stage it under", file);
    snprintf(ret, 256, "%.*s", (int)n, base);
    return 0;
}

/* What a verb is told: of a schema that can be read so far its version, else the file's name. */
static int name_to_stage(const char *file, const char *ext, struct span text, char ret[256],
                         struct err *e)
{
    char version[VERSION_NAME_SIZE], from[VERSION_NAME_SIZE];
    struct err ignored = ERR_INIT;

    if (strcmp(ext, ".yaml") != 0 || schema_peek(file, text, version, from, &ignored))
        return base_name(file, ret, e);
    snprintf(ret, 256, "%s", version);
    return 0;
}

static int write_all(int fd, struct span text)
{
    while (text.n) {
        ssize_t n = write(fd, text.p, text.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        text.p += n;
        text.n -= (size_t)n;
    }
    return 0;
}

/* 1: it is a live version's, -1: refused. */
static int write_staged(struct staging *s, struct span text, struct err *e)
{
    struct stat st;
    int fd, rc;

    s->made = stat(s->path, &st) != 0;
    fd = open(s->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EPERM)
        return 1;
    rc = fd < 0 ? -1 : write_all(fd, text);
    if (fd >= 0 && close(fd) != 0)
        rc = -1;
    return rc == 0 ? 0 : err_set(e, ERR_IO, "\"%s\": %s", s->path, strerror(errno));
}

static bool holds(const char *path, struct span text)
{
    struct buf there BUF_CLEANUP = BUF_INIT;
    struct err ignored = ERR_INIT;

    return cli_read_file(path, STATUS_BYTES_MAX, &there, &ignored) == 0 &&
           span_eq(buf_span(&there), text);
}

int staging_put(const char *mountpoint, const char *file, const char *ext, struct span text,
                struct staging *ret, struct err *e)
{
    char name[256], other[256 + 8];
    char folder[PATH_BYTES];
    int rc;

    if (control_path(folder, mountpoint, "add", e))
        return -1;
    if (access(folder, W_OK))
        return refuse_mount(mountpoint, e);
    if (name_to_stage(file, ext, text, name, e) ||
        staging_name(mountpoint, name, ext, ret, e))
        return -1;
    rc = write_staged(ret, text, e);
    if (rc <= 0)
        return rc;
    ret->made = false;
    if (holds(ret->path, text))
        return 0;
    snprintf(other, sizeof(other), "%s.new", name);
    if (staging_name(mountpoint, other, ext, ret, e))
        return -1;
    rc = write_staged(ret, text, e);
    return rc > 0 ? err_set(e, ERR_PERM, "\"%s\" is live too", ret->path) : rc;
}

void staging_undo(const struct staging *s)
{
    if (s->made)
        unlink(s->path);
}
