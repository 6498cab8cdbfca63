/* Between model_run.c and model_look.c: the engine and the model side by side. */
#ifndef PROPERTY_MODEL_RUN_H
#define PROPERTY_MODEL_RUN_H

#include "model_case.h"
#include "world.h"

#define MAX_NUMBERS 2000 /* of items, with the records that extraction makes */
struct m_run {
    struct m_case *c;
    struct world w;
    struct model model;
    bool added[CASE_VERSIONS];
    uint64_t ids[MAX_NUMBERS]; /* the engine's, by number, of each item that somebody made; 0 = a record of values */
    char why[3000];
    FILE *script;
    uint64_t compared;
    bool linked; /* fields stand in other items, and records are made */
};

/* The same item in the engine; NULL: none. */
const struct w_item *m_same_item(const struct m_run *r, const struct m_item *it);
/* Of each field that a version shows now, what it says of the item's going that it refers to (enum m_on_delete); of
 * others -1. */
void m_shown_fields(struct m_run *r, int ret[MODEL_IDS]);
/* What a first look at the type brings about. */
void m_look(struct m_run *r, const struct view *vw);
/* A text is another, or a type lists others. aside: the look leaves nothing behind, though it would make
 * records. Else what nobody sees in the engine is gone in the model as well. */
bool m_differs(struct m_run *r, bool aside);

#endif
