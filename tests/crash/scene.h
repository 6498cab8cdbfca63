/* Operations to be hurt: each begins with a small store of its own and leaves one of two contents.
 *
 * A scene's store is made once and copied for every attempt. `before` and `after` are what the
 * tables hold (without times and the log of verbs) when nothing is hurt. */
#ifndef TESTS_CRASH_SCENE_H
#define TESTS_CRASH_SCENE_H

#include "store/internal.h"
#include "store/verbs.h"

struct scene {
    const char *name;
    const char *const *setup; /* verbs and items, see scene.c */
    int (*run)(struct store *s, struct err *e);
    bool reads; /* changes no content */
    bool steps; /* in several transactions: see scene_is_whole */
    bool jobs;  /* needs the backfill's thread */
    bool verb;  /* durable without being asked */
};
extern const struct scene scenes[];
extern const size_t n_scenes;

struct stage {
    const struct scene *scene;
    char dir[64], path[96];
    const char *vfs;
    unsigned wal_frames;      /* as in struct store_options */
    struct buf file;          /* the store at the beginning */
    struct buf before, after; /* its tables */
    struct buf texts;         /* what versions that are there before and after show, of `steps` */
};

/* These end the program with a message when something is wrong that is not what is tested. */
void stage_init(struct stage *t, const struct scene *scene, const char *vfs);
void stage_free(struct stage *t);
void stage_restore(struct stage *t); /* the files as at the beginning */
/* Opens: 0, or -1 with *e. */
int stage_open(struct stage *t, bool jobs, bool sync, struct store **ret, struct err *e);
/* The tables, appended. -1 = could not be read. */
int dump(struct store *s, struct buf *out, struct err *e);
/* All texts of all live versions. */
int dump_texts(struct store *s, struct buf *out, struct err *e);

enum whole { WHOLE_BEFORE = 1, WHOLE_AFTER = 2, WHOLE_EITHER = 3 };
/* Opens the store, which must be sound (fsck) and hold what it held before or after; `steps`: every
 * version shows the same texts, the job is where the items are, and it can be ended. "" = well. */
const char *stage_check(struct stage *t, enum whole want, enum whole *ret_is);

_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
