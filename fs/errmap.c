#include "reply.h"

#include <errno.h>
#include <stdio.h>
#include <syslog.h>

enum {
    LOGGED = 1,  /* a line in the log */
    RECORDED = 2 /* a row of control/errors, when a user's text was refused */
};

static const struct {
    int error;
    unsigned flags;
} rows[] = {
    [ERR_NONE] = {EIO, LOGGED},
    [ERR_INVALID] = {EINVAL, LOGGED | RECORDED},
    [ERR_TOO_BIG] = {EFBIG, LOGGED | RECORDED},
    [ERR_NAME_TOO_LONG] = {ENAMETOOLONG, RECORDED},
    [ERR_NOT_FOUND] = {ENOENT, 0},
    [ERR_EXISTS] = {EEXIST, RECORDED},
    [ERR_BUSY] = {EBUSY, LOGGED | RECORDED},
    [ERR_PERM] = {EPERM, RECORDED},
    [ERR_ACCESS] = {EACCES, RECORDED},
    [ERR_STALE] = {ESTALE, RECORDED},
    [ERR_NO_SPACE] = {ENOSPC, LOGGED | RECORDED},
    [ERR_IO] = {EIO, LOGGED | RECORDED},
    [ERR_READ_ONLY] = {EROFS, RECORDED},
    [ERR_NO_MEMORY] = {ENOMEM, LOGGED},
    [ERR_INTERRUPTED] = {EINTR, 0},
    [ERR_UNSUPPORTED] = {ENOTSUP, LOGGED},
};

static bool to_syslog;

int errno_of(const struct err *e)
{
    return rows[e->code].error;
}

void log_open(bool foreground)
{
    to_syslog = !foreground;
    if (to_syslog)
        openlog("schemafs", LOG_PID, LOG_DAEMON);
}

void log_line(const char *fmt, ...)
{
    char line[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    /* Users' names and texts are in it: nothing may steer a terminal (C1 controls are c2 80 to c2
     * 9f). */
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
        else if ((unsigned char)*p == 0xc2 && (unsigned char)p[1] >= 0x80 &&
                 (unsigned char)p[1] < 0xa0)
            *p = p[1] = '?';
    if (to_syslog)
        syslog(LOG_WARNING, "%s", line);
    else
        fprintf(stderr, "schemafs: %s\n", line);
}

static void log_error(const char *path, const struct err *e)
{
    char text[900];

    err_format(e, text, sizeof(text));
    log_line("%s%s%s", path, *path ? ": " : "", text);
}

void reply_error(fuse_req_t req, const struct err *e)
{
    if (e->code == ERR_IO || e->code == ERR_NO_MEMORY || e->code == ERR_NONE)
        log_error("", e);
    fuse_reply_err(req, errno_of(e));
}

void refusal_note(struct fs *fs, const char *path, const struct err *e)
{
    if (rows[e->code].flags & LOGGED)
        log_error(path, e);
    if (rows[e->code].flags & RECORDED)
        control_error_add(fs->control, path, e);
}

static void refuse(fuse_req_t req, const char *path, const struct err *e)
{
    if (e->code != ERR_STALE)
        refusal_note(fs_of(req), path, e);
    reply_error(req, e);
}

void refuse_name(fuse_req_t req, const struct at *dir, const char *name, const struct err *e)
{
    char path[PATH_SIZE];

    path_of(dir, name, path, sizeof(path));
    refuse(req, path, e);
}

void refuse_at(fuse_req_t req, const struct at *at, const struct err *e)
{
    char path[PATH_SIZE];

    path_of_at(fs_of(req), at, path, sizeof(path));
    refuse(req, path, e);
}

void refusal_note_verb(struct fs *fs, const char *verb, const struct err *e)
{
    char path[64];

    snprintf(path, sizeof(path), "control/%s", verb);
    log_error(path, e);
    control_error_add(fs->control, path, e);
}

void reply_send(fuse_req_t req, const struct reply *r)
{
    switch (r->kind) {
    case REPLY_ERR:
        fuse_reply_err(req, r->error);
        return;
    case REPLY_WRITE:
        fuse_reply_write(req, r->size_bytes);
        return;
    case REPLY_ATTR:
        fuse_reply_attr(req, &r->stat, r->timeout_s);
        return;
    }
}

void reply_done(fuse_req_t req, int r, const struct err *e)
{
    struct reply reply = {.kind = REPLY_ERR};

    if (r < 0)
        reply_error(req, e);
    else
        notify_reply(fs_of(req)->notify, req, &reply);
}
