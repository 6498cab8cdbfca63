/* A write on its way: model_carry.c, which model.c begins. */
#ifndef PROPERTY_MODEL_CARRY_H
#define PROPERTY_MODEL_CARRY_H

#include "model.h"

#include <string.h>

static inline bool m_same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

struct carry {
    struct model *m;
    struct m_item *it;
    bool create;
    size_t at; /* the node that is written */
    const char *was[MODEL_IDS];
    bool changed[MODEL_IDS];
    bool seen[MODEL_IDS];    /* by the writer */
    bool reached[MODEL_IDS]; /* that, or it follows from it on the way back */
    bool bring;              /* the step comes, and the item is there already */
    const struct m_item *now; /* what it is, where the write starts from what it was before (since: see m_before) */
    size_t since;
    const struct m_link *told; /* nobody writes the item: the one that it refers to is another */
};

/* What a text makes of the fields that its writer sees; false: nothing. plain: a default is not shown. */
bool carry_lay(const struct m_node *n, const struct m_item *it, const char *const *values, bool plain, const char **ret);
/* `down` of fields that are gone where the item is made is not for it. */
void carry_begin(const struct model *m, size_t node, struct m_item *it);
/* by: NULL = the writer gives it. */
void carry_set(struct carry *c, size_t id, const char *value, const struct m_rule *by);
/* Forward, over one step. */
void carry_on(struct carry *c, size_t to);
/* The writer's side is seen. */
void carry_look(struct carry *c);
/* Back to the root, then forward everywhere. */
void carry_spread(struct carry *c);
/* Items that show fields of this one; but: it is being written. */
void carry_tell(struct model *m, const struct m_item *it, const struct m_item *but);

/* ---- model_move.c ---- */
/* The old side was written, or the new one. */
void carry_put(struct carry *c, size_t to);
void carry_come(struct carry *c, size_t to, const struct m_rule *r);

/* ---- model_give.c ---- */
/* The fields of an inlined type are written where the reference leads; to an item that is made where there is
 * none. i: the rule. */
void carry_give(struct carry *c, size_t to, size_t i);

#endif
