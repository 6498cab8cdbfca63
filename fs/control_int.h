/* What the files behind control/ share. Private to fs/control*.c and fs/status*.c. */
#ifndef FS_CONTROL_INT_H
#define FS_CONTROL_INT_H

#include <pthread.h>

#include "control.h"

#define REFUSALS_MAX      200
#define REFUSAL_PATH_SIZE 512

/* One refusal: of an item's text, or of a verb. */
struct refusal {
    int64_t at_ns;
    char path[REFUSAL_PATH_SIZE]; /* printable */
    struct err e;
};

/* Files that take a command, in the order of control_files[]; those that are only read follow. */
enum control_command {
    COMMAND_CHECK,
    COMMAND_ADD,
    COMMAND_BACKFILL,
    COMMAND_BACKFILL_RATE,
    COMMAND_VERIFY,
    COMMAND_FINALIZE,
    COMMAND_REVERT,
    N_COMMANDS
};

/* A command that is being carried out, or waits for its turn. */
struct under_way {
    enum control_command command;
    int64_t began_ns; /* since 1970 */
    char word[64];    /* its first bytes, printable */
};
#define UNDER_WAY_MAX 16 /* shown; more are carried out all the same */

struct control {
    struct control_env env;
    pthread_mutex_t lock;            /* guards all below */
    struct buf outcomes[N_COMMANDS]; /* of the last command; empty = none yet */
    struct refusal *refusals;        /* a ring of REFUSALS_MAX */
    unsigned refusal_next, n_refusals;
    struct under_way under_way[UNDER_WAY_MAX]; /* oldest first */
    unsigned n_under_way;
};

/* ---- Verbs (control_verbs.c) ---- */

struct control_verb {
    /* word: one command, without its newline. */
    int (*run)(struct control *c, struct span word, const struct verb_caller *by,
               struct buf *report, struct err *e);
    bool versions;     /* versions come or go */
    bool json;         /* takes a JSON text too */
    const char *usage; /* what to write, for an empty command and a file that had none */
};
extern const struct control_verb control_verbs[N_COMMANDS];

/* One write() to one command: ERR_INVALID when it is empty, holds a NUL, ends with CR LF, has two
 * lines or two words; ERR_TOO_BIG. *ret: part of `raw`. */
int control_parse(const struct control_verb *verb, struct span raw, struct span *ret,
                  struct err *e);
/* Its first character that is no white space is '{'. */
bool control_is_json(struct span raw);

/* ---- Reading and writing (one each for the rows of control_files[]) ---- */

int control_write_command(struct control *c, const struct control_file *f, struct span command,
                          const struct verb_caller *by, struct err *e);
int control_read_outcome(struct control *c, const struct control_file *f, struct buf *ret,
                         struct err *e);
int control_read_rate(struct control *c, const struct control_file *f, struct buf *ret,
                      struct err *e);
int control_read_log(struct control *c, const struct control_file *f, struct buf *ret,
                     struct err *e);
int control_read_wait(struct control *c, const struct control_file *f, struct buf *ret,
                      struct err *e);
int control_read_errors(struct control *c, const struct control_file *f, struct buf *ret,
                        struct err *e);
int control_write_errors(struct control *c, const struct control_file *f, struct span command,
                         const struct verb_caller *by, struct err *e);
int control_read_status(struct control *c, const struct control_file *f, struct buf *ret,
                        struct err *e);
int control_read_status_json(struct control *c, const struct control_file *f, struct buf *ret,
                             struct err *e);

/* "path:1:2: text" of the last refusal and its time; *ret_at_ns = 0 and nothing when there is none.
 * False = no memory. */
bool control_last_error(struct control *c, struct buf *ret, int64_t *ret_at_ns);

/* ---- What is known at one moment (status.c) ---- */

/* The names of staged schemas, each with a NUL. A staged transaction (NAME.json) becomes no
 * version. */
int control_staged_schemas(struct control *c, struct buf *ret, struct err *e);

struct status {
    struct store_status store;
    struct buf staged;     /* names of staged schemas, each with a NUL */
    struct buf last_error; /* one line, empty = none */
    struct buf trouble;    /* why nothing can be written, empty = it can */
    int64_t last_error_ns;
    unsigned drafts;
    uint64_t rate_limit; /* items a second, 0 = none */
    struct under_way under_way[UNDER_WAY_MAX];
    unsigned n_under_way;
    bool read_only;            /* these are of the control's env */
    const struct usage *usage;
    int64_t mounted_ns, now_ns;
};
#define STATUS_INIT                                                                                \
    {                                                                                              \
        0                                                                                          \
    }
int status_get(struct control *c, struct status *ret, struct err *e);
void status_free(struct status *st);
/* The names one after another; NULL = no more. Begins with *at == 0. */
const char *status_staged(const struct status *st, size_t *at);
/* What can be done next, a command or two a line, each with `indent` before it. False = no memory.
 */
bool status_hints(const struct status *st, const char *indent, struct buf *out);

#endif
