/* What the steps mean, written plainly and apart from the engine: the oracle of model_run.c.
 *
 * A version is a list of fields. An item has in every version an object of its own: a value, or
 * none, for each field. A write changes fields in one version; each step on the way to every other
 * version carries the change over, field by field, by the rules below. Nothing is shared between
 * versions, nothing computed at reading.
 *
 *   same     the field is the same on both sides: a change on one is that change on the other
 *   linked   a field follows from fields of the other side. What it showed before, and would not
 * have been computed, is remembered with the values it was shown under, and shown again when those
 * return seeded   a field follows from others until somebody decides it computed a field always
 * follows from others
 *
 * Versions form a chain here: v1, v2, ... Values are JSON texts, NULL = none. Not modelled: see
 * docs/testing.md. Threads: none. Out of memory ends the program. */
#ifndef PROPERTY_MODEL_H
#define PROPERTY_MODEL_H

#include "schemas/buf.h"

#define MODEL_NODES  20
#define MODEL_FIELDS 16
#define MODEL_RULES  3
#define MODEL_PAIRS  6

enum m_kind {
    M_RENAME_TYPE,
    M_RENAME_FIELD,
    M_REORDER,
    M_ADD,
    M_ADD_UP,
    M_REMOVE,
    M_REMOVE_DOWN,
    M_DEFAULT,
    M_COMPUTE,
    M_WRAP,
    M_UNWRAP,
    M_MAP,
    M_SPLIT,
    M_MERGE,
    M_KINDS
};

struct m_step {
    enum m_kind kind;
    const char *a, *b, *c; /* names of fields (of a type: b), as the kind wants them */
    const char *def;       /* M_ADD, M_DEFAULT: JSON text, NULL = none */
    unsigned expr;         /* M_ADD_UP, M_REMOVE_DOWN, M_COMPUTE: which function of field b */
    const char *from[MODEL_PAIRS], *to[MODEL_PAIRS]; /* M_MAP: strings */
    size_t n;
};
extern const char *const m_expr_sql[]; /* with %s for the field */
extern const size_t n_m_exprs;

struct m_field {
    const char *name;
    bool list, read_only, seeded;
    bool old; /* every older version shows it, or what it follows from */
    const char *def;
};

typedef const char *m_fn(struct arena *a, const struct m_step *s, const char *const *in,
                         const char *prev);
enum m_mode { M_LINKED, M_SEEDED, M_COMPUTED };
struct m_rule {
    bool forward;
    enum m_mode mode;
    const char *out, *in[2];
    size_t n_in;
    m_fn *fn;
};

/* The schema after one step; node 0 is the root. */
struct m_node {
    char type[16];
    struct m_field f[MODEL_FIELDS];
    size_t n;
    struct m_step step;                /* that leads here from the node before */
    const char *same[MODEL_FIELDS][2]; /* its names before and after */
    size_t n_same;
    struct m_rule rules[MODEL_RULES];
    size_t n_rules;
};

struct m_memory {
    bool is;
    const char *value, *under[2];
};
struct m_item {
    const char *key;
    const char *v[MODEL_NODES][MODEL_FIELDS];
    bool decided[MODEL_NODES][MODEL_RULES]; /* by the node that the step leads to */
    struct m_memory memory[MODEL_NODES][MODEL_RULES];
};

struct model {
    struct arena *a;
    struct m_node nodes[MODEL_NODES];
    size_t n;
    struct m_item items[8];
    size_t n_items;
};

/* What the step makes of the fields. (model_step.c) */
void m_node_after(const struct m_node *old, const struct m_step *step, struct m_node *ret);
/* The node after the last one; false: the step does not fit it. Items are carried over. */
bool model_add(struct model *m, const struct m_step *step);
int m_field_at(const struct m_node *n, const char *name);    /* -1 = none */
struct m_item *model_item(struct model *m, const char *key); /* NULL = none */
/* Writes an item in the version that `node` is: a text that gives each field `values[i]`, NULL = is
 * left out. Read-only fields are not looked at. */
void model_write(struct model *m, size_t node, const char *key, const char *const *values);
/* One line, as in TYPE.jsonl. */
void model_line(const struct model *m, size_t node, const struct m_item *it, struct buf *out);

#endif
