/* Between model_gen.c and model_run.c: a chain of versions of the model, and what is done with
 * them. */
#ifndef PROPERTY_MODEL_CASE_H
#define PROPERTY_MODEL_CASE_H

#include "case.h"
#include "model.h"
#include "rand.h"

#define MAX_OPS 60

enum m_op_kind { MO_ADD, MO_WRITE, MO_REMOVE, MO_RENAME, MO_BACKFILL, MO_REVERT, MO_WAKE, MO_FINALIZE };
struct m_op {
    enum m_op_kind kind;
    size_t version, node;
    const char *key, *values[MODEL_FIELDS]; /* keys of items: see m_gen_key */
    const char *to; /* MO_RENAME */
    uint64_t salt;
    bool edit, cut;
};

struct m_case {
    struct arena a;
    struct rnd r;
    struct model shape; /* without items */
    struct m_shows shows[CASE_VERSIONS];
    struct kase k;
    struct m_op ops[MAX_OPS];
    size_t n_ops, n_names;
    bool whole, merges; /* it is about types that are split or merged; the latter */
    bool inside;        /* there are objects inside items */
    bool moves;         /* fields move over references */
    uint64_t kinds[2][M_KINDS]; /* over an item type, over an object */
    uint64_t along; /* items that went with one that was deleted */
};

/* ---- model_yaml.c ---- */
const char *m_format(struct m_case *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *m_step_yaml(struct m_case *c, const struct m_step *s, const char *type);

/* ---- model_gen_links.c ---- */
/* A key that is chosen from those there are when it is used: '?' and a number. */
const char *m_gen_key(struct m_case *c);
/* Of the items of a node, or `else_key` when there are none, or the key is no such. */
const char *m_key_now(struct m_case *c, struct model *m, size_t node, const char *key, const char *else_key);
const char *m_gen_ref(struct m_case *c);
/* What stands in other items does not follow from each other: docs/decisions/07-open-laws.md (Branches). */
bool m_stand_apart(const struct model *m);
/* The rest of a step about references; true for any other. */
bool m_choose_link(struct m_case *c, size_t version, size_t node, struct m_step *s);
bool m_is_inlined_field(const struct m_case *c, size_t id);
bool m_is_moved_field(const struct m_case *c, size_t id);
/* A reference of the version to the type. */
bool m_type_is_used(const struct m_case *c, size_t version, size_t node);
/* The type that is merged with the node's. */
bool m_choose_merged(struct m_case *c, size_t version, size_t node, struct m_step *s);
/* In the first version, where fields move: a type that the other one refers to. */
void m_gen_root_owner(struct m_case *c);
bool m_shows_line(const struct m_case *c, size_t version, size_t line);

/* ---- model_gen.c ---- */
/* A root and some versions, and then, for the first `versions` of them, what is done. */
void m_gen_chain(struct m_case *c);
void m_gen_ops(struct m_case *c);
bool m_version_descends(const struct m_case *c, size_t version, size_t from);
const char *m_gen_value(struct m_case *c, const struct m_node *n, const struct m_field *f);
const char *m_kind_name(enum m_kind kind); /* as in a schema file */

#endif
