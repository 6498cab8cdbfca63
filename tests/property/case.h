/* A case: schema versions and what is done with them, explicit enough to be cut down and printed.
 *
 * Texts stand in an arena that outlives every copy of the case; copies share them. Threads: none.
 * Out of memory ends the program: this is a test. */
#ifndef PROPERTY_CASE_H
#define PROPERTY_CASE_H

#include <stdio.h>

#include "schemas/buf.h"
#include "schemas/expr.h"
#include "schemas/schema.h"

#define CASE_VERSIONS 172

/* What an edit makes of the list that stands there; of json, where there is none. */
enum list_edit {
    LIST_WRITTEN, /* json, whatever stood there */
    LIST_REVERSED,
    LIST_ROTATED,
    LIST_AFTER,   /* json's elements, then those that stood there */
    LIST_AMIDST,  /* json's elements in their middle */
    LIST_SET,     /* json's first in place of the middle one */
    LIST_DROPPED, /* the middle one */
    N_LIST_EDITS
};

/* A member of an item's text. json == NULL: it is taken out (edits only). */
struct member {
    const char *name, *json;
    enum list_edit how;
};
struct members {
    struct member *m;
    size_t n;
};

/* One type, object or enum of the root version. */
struct block {
    enum shape_kind kind;
    const char *name;
    bool open;
    struct members fields; /* name, definition; of an enum: one, its values */
};

struct case_version {
    char name[8];
    int from; /* index, -1 = the root */
    struct block *blocks;
    size_t n_blocks;
    const char **steps;
    size_t n_steps;
};

/* Operations on items stand between OP_ADD and OP_BACKFILL. */
enum op_kind {
    OP_ADD,
    OP_PUT,
    OP_EDIT,
    OP_RACE,
    OP_REKEY,
    OP_DELETE,
    OP_BACKFILL,
    OP_REVERT,
    OP_WAKE,
    OP_FINALIZE
};

struct op {
    enum op_kind kind;
    unsigned version;        /* index */
    const char *type, *key;
    struct members text;     /* PUT: the item; EDIT, RACE: what changes in it */
    struct members other;    /* PUT: a text that is written before it; RACE: the other's changes */
    unsigned version2;       /* RACE: of the other writer, who saves first */
    const char *type2;
    const char *new_key;     /* REKEY */
    unsigned style;          /* how the text is laid out, 0 = canonical */
    uint64_t salt;           /* what of the rest is done and checked */
};

enum case_part { CASE_REVERT = 1, CASE_COMPOSE = 2 };

struct kase {
    struct case_version v[CASE_VERSIONS];
    size_t n_v;
    struct op *ops;
    size_t n_ops;
    unsigned parts;   /* which comparisons between histories are made */
    unsigned without; /* CASE_REVERT: the version that one history never knew */
    unsigned middle;  /* CASE_COMPOSE: the version whose steps its successor takes over */
};

/* The schema file. */
void case_yaml(const struct case_version *v, const struct case_version *from, struct buf *out);
/* Compiles all versions as a store would, in order; what is refused stays NULL. */
struct compiled {
    struct version *v[CASE_VERSIONS];
    struct schema_counters next[CASE_VERSIONS + 1]; /* before each, and after the last */
};
int case_compile_one(const struct kase *k, size_t i, struct expr_env *env, struct compiled *c,
                     struct err *e);
void case_compile(const struct kase *k, struct expr_env *env, struct compiled *ret);
void compiled_free(struct compiled *c);

/* The members as an item's text. */
void case_text(const struct members *m, unsigned style, struct buf *out);
/* text with the members laid over it. */
void case_edit(struct span text, const struct members *m, unsigned style, struct buf *out);
const struct member *member_named(const struct members *m, const char *name);

/* Ends the program. */
_Noreturn void case_die(const char *what, const char *more);
#define MUST(ok)                                                                                   \
    do {                                                                                           \
        if (!(ok))                                                                                 \
            case_die(#ok, __FILE__);                                                               \
    } while (0)

#endif
