/* Answers, and errors on their way out: the one place where an err becomes an errno and a log line.
 *
 * Threads: any. */
#ifndef FS_REPLY_H
#define FS_REPLY_H

#include "fs.h"

#define KEY_BYTES_MAX 250

int errno_of(const struct err *e);
void reply_send(fuse_req_t req, const struct reply *r);
/* Answers with e's errno. Refusals that nobody expects (I/O, memory) are logged. */
void reply_error(fuse_req_t req, const struct err *e);
/* 0 or e's errno, after what the notify threads were told. */
void reply_done(fuse_req_t req, int r, const struct err *e);

/* What a user wanted was refused: a log line, and a row of control/errors. path: from the mountpoint.
 * Errors that every lookup meets (not found) are left out. */
void refusal_note(struct fs *fs, const char *path, const struct err *e);
/* Notes it and answers: what was to be done with a name in a directory, or with an inode. ERR_STALE
 * is not noted: the kernel looks the name up again. */
void refuse_name(fuse_req_t req, const struct at *dir, const char *name, const struct err *e);
void refuse_at(fuse_req_t req, const struct at *at, const struct err *e);
/* The same for a command, whatever its error. */
void refusal_note_verb(struct fs *fs, const char *verb, const struct err *e);

/* Log lines go to standard error (foreground) or syslog. */
void log_open(bool foreground);
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline struct fs *fs_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

#endif
