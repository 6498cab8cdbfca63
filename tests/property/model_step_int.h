/* Between model_step.c and model_step_over.c. */
#ifndef PROPERTY_MODEL_STEP_INT_H
#define PROPERTY_MODEL_STEP_INT_H

#include "model.h"

/* A step on its way: the fields that it takes were read before anything changes. */
struct change {
    struct model *m;
    struct m_node *n;
    const struct m_step *s;
    struct m_field a, b; /* the fields s->a and s->b, where there are such */
    size_t at;           /* where a stands */
};


/* ---- model_step.c ---- */
void step_rule(struct change *c, bool forward, enum m_mode mode, m_fn *fn, size_t out, size_t in, size_t in2,
               size_t n_in);
void step_insert(struct change *c, size_t at, struct m_field f);
void step_cut(struct change *c, const char *name);
size_t step_new_id(struct change *c);
/* One that follows from a. */
struct m_field step_follower(struct change *c, const char *name);

/* ---- model_step_over.c: fields that stand in other items ---- */
void step_extract(struct change *c);
void step_inline(struct change *c);
void step_move(struct change *c);
/* The type that gets the field. */
void step_moved(struct change *c);
/* After step_extract. */
void step_add_record_type(struct model *m, const struct m_node *holder);

#endif
