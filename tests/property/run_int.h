/* Between run.c, laws_write.c and laws_inside.c. */
#ifndef PROPERTY_RUN_INT_H
#define PROPERTY_RUN_INT_H

#include "reach.h"
#include "run.h"
#include "table.h"

struct run {
    const struct kase *k;
    struct world main;
    struct table now; /* of main */
    struct verdict *verdict;
    struct stats *st;
    FILE *script;
    size_t op; /* in progress */
    size_t yielded; /* of main, before it */
    struct writer { /* who wrote an item last */
        uint64_t id;
        const struct version *v;
    } writers[64];
    size_t n_writers;
};

/* false, always: "the law does not hold". */
bool broken(struct run *r, enum law law, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Takes the table anew; the one before goes to *ret_was when asked for. */
bool run_look(struct run *r, struct table *ret_was);

/* A write through vw, with all that the laws say of it. base: NULL = a replacement. before: the
 * item's text as the writer saw it, p == NULL = a new item. */
struct written {
    const struct op *op;
    const struct view *vw;
    uint64_t id; /* 0: a new item */
    const char *key;
    struct span text, before;
    const struct buf *base;
    bool merges; /* another wrote since base */
};
bool laws_write(struct run *r, const struct written *wr);
bool laws_get_put(struct run *r, uint64_t salt);
/* The item was renamed: nothing but what reads its key has changed. */
bool laws_rekeyed(struct run *r, const struct view *vw, uint64_t id, const struct table *before);

/* ---- laws_inside.c ---- */
/* Both texts say the same of the field. */
bool says_same(const struct json_node *was, const struct json_node *now, const struct field *f);
/* A value inside which something changed, seen by the writer and by another version. */
struct inside {
    struct run *r;
    struct shape *const *mine, *const *theirs;
    size_t n_mine, n_theirs;
    bool renames;
    bool again; /* the version wrote it last, too: lists go on from what stood there before that (decision 13) */
    struct arena *a;
    char where[200];
};
/* What another version shows of the value (was_theirs, now_theirs) has changed only where it follows from what the
 * writer changed (was, now). False: broken. */
bool values_kept(struct inside *in, const struct type_ref *t, const struct json_node *was,
                 const struct json_node *now, const struct json_node *was_theirs,
                 const struct json_node *now_theirs);

#endif
