/* Between the gen*.c files. */
#ifndef PROPERTY_GEN_INT_H
#define PROPERTY_GEN_INT_H

#include "gen.h"

/* Items that are there by now, as far as writes were accepted. */
struct gen_key {
    uint32_t coll;
    const char *key;
};

struct gen {
    struct rnd r;
    struct rnd aside; /* for what a share asks for: the rest of the case stays what it is */
    unsigned lists;   /* percent of the edits of lists */
    struct arena *a;
    struct expr_env *env;
    struct kase *k;
    struct stats *st;
    struct compiled c;
    struct gen_key keys[64];
    size_t n_keys;
    bool linked; /* many references, and steps over them */
    bool merged; /* types alike, and merge_types */
    bool added[CASE_VERSIONS], live[CASE_VERSIONS];
    bool gone[CASE_VERSIONS]; /* also those that can't be added any more */
};

const char *gen_text(struct gen *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *gen_kept(struct gen *g, struct buf *b);
const char *gen_of(struct gen *g, const char *const *pool, size_t n);
#define GEN_OF(g, pool) gen_of(g, pool, sizeof(pool) / sizeof(pool)[0])

/* ---- gen.c ---- */
/* The root version. */
void gen_begin(struct gen *g);
/* The next one, without steps yet; room: for how many. from: an index. */
void gen_new_version(struct gen *g, int from, size_t room);
/* On top of those that the version has; false: it is refused. */
bool gen_try_step(struct gen *g, size_t version, const char *step);
/* All versions are added, with up to `between` operations between them. */
void gen_operations(struct gen *g, unsigned between, size_t at_the_end);
void gen_end(struct gen *g);

/* ---- gen_value.c ---- */
/* JSON text of a legal value; NULL = there is none (a reference, and no item). */
const char *gen_value(struct gen *g, struct shape *const *shapes, size_t n_shapes,
                      const struct type_ref *t, unsigned depth);
/* The members of a legal item; false when there can be none now. */
bool gen_item(struct gen *g, const struct version *v, const struct shape *s, struct members *ret);
/* What a type shows an item of the collection under whose own key that is, mostly. */
const char *gen_shown_key(struct gen *g, const struct shape *s, uint32_t coll, const char *key);
/* Changes for an item. */
void gen_edits(struct gen *g, const struct version *v, const struct shape *s, struct members *ret);
/* An SQL literal of a scalar type. */
const char *gen_sql_value(struct gen *g, const struct version *v, const struct type_ref *t);
extern const char *const gen_words[]; /* strings, as JSON; also names of keys */
extern const size_t n_gen_words;

/* ---- gen_schema.c ---- */
/* names of the types there are, by kind */
struct gen_names {
    const char *items[8], *objects[8], *enums[8];
    size_t n_items, n_objects, n_enums;
};
const char *gen_type(struct gen *g, const struct gen_names *names, unsigned depth);
/* A definition, short or long. may_require: also without a default. kind: of what has the field. */
const char *gen_definition(struct gen *g, const struct gen_names *names, enum shape_kind kind,
                           const char *field, bool may_require);
void gen_root(struct gen *g, struct case_version *v);
extern const char *const gen_fields[];
extern const size_t n_gen_fields;

/* ---- gen_step.c ---- */
/* A step as a line of YAML, or NULL when the kind drawn finds nothing to do. */
const char *gen_step(struct gen *g, const struct version *v);

#endif
