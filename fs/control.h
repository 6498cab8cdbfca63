/* control/: the migration verbs as files, and what they answer.
 *
 * A row of control_files[] for each file; fs/ops_* know only the table. Every writable file takes
 * one command in one write(); reading it gives the outcome of its last command.
 *
 * Threads: any; struct control has its own lock, never held across a call into store/. */
#ifndef FS_CONTROL_H
#define FS_CONTROL_H

#include <stdio.h>
#include "../store/verbs.h"
#include "usage.h"

#define CONTROL_MAX_COMMAND (64u * 1024u)

struct control;
struct control_env {
    struct store *store;
    /* The staged file schemas/NAME.EXT (ext "yaml" or "json"): its bytes; ERR_NOT_FOUND. */
    int (*staged)(void *arg, struct span name, const char *ext, struct buf *ret, struct err *e);
    /* The names of staged files that are not live, each appended with a NUL. */
    int (*staged_names)(void *arg, struct buf *ret, struct err *e);
    /* Versions came or went: live schema files, directories, `current` are new. */
    void (*versions_changed)(void *arg);
    /* Open drafts now, for status. */
    unsigned (*drafts)(void *arg);
    void *arg;
    const char *mountpoint; /* for README and hints */
    bool read_only;            /* nothing changes, no verb works */
    const struct usage *usage; /* NULL = not counted */
    int64_t mounted_ns;
};
int control_new(const struct control_env *env, struct control **ret, struct err *e);
void control_free(struct control *c);

struct control_file {
    const char *name;
    unsigned mode; /* 0600 or 0400 */
    int (*read)(struct control *c, const struct control_file *f, struct buf *ret, struct err *e);
    int (*write)(struct control *c, const struct control_file *f, struct span command,
                 const struct verb_caller *by, struct err *e); /* NULL = not writable */
    /* Called before read: returns when there is something to say. NULL = at once. */
    int (*wait)(struct control *c, const struct verb_caller *by, struct err *e);
};
/* `>` truncates the file before it writes: clears control/errors, means nothing to the others. */
void control_truncate(struct control *c, const struct control_file *f);
extern const struct control_file control_files[];
extern const size_t n_control_files;

/* The refusals of control/errors: the last 200, in memory. path: as seen from the mountpoint. */
void control_error_add(struct control *c, const char *path, const struct err *e);
/* The mount's README, for its present state. */
int control_readme(struct control *c, struct buf *ret, struct err *e);

#endif
