/* Between lens_work.c, lens_run.c and lens_back.c: the passes of one propagation. Included by nobody
 * else. */
#ifndef SCHEMAS_LENS_WORK_H
#define SCHEMAS_LENS_WORK_H

#include "lens_int.h"

static inline bool work_on_path(const struct work *w, uint32_t version)
{
    return w->path[version / 8] >> version % 8 & 1;
}
/* The writer sees the slot; or it does, or what a crossed step gave of it. */
static inline bool work_sees(const struct work *w, slot_no slot)
{
    return shape_shows(w->s, slot);
}
static inline bool work_reached(const struct work *w, slot_no slot)
{
    return work_sees(w, slot) || slotset_has(&w->reached, slot);
}
static inline struct sight work_sight(struct work *w)
{
    return (struct sight){
        .l = w->l, .v = w->vw.v, .g = w->g, .rec = &w->r, .key = w->key, .flat = true};
}

/* ---- lens_run.c ---- */
bool work_inputs_changed(const struct work *w, const struct formula *f);
/* All of the group, forward first. */
const struct formula *work_formula_at(const struct group *g, size_t i);
bool work_reads(const struct formula *f, slot_no slot);
/* A formula for the items that are made on its new side alone. */
bool work_only_for_new(const struct group *g, const struct formula *f);
/* What is computed is the writer's from now on. */
int work_keep_decided(struct work *w, slot_no slot, struct err *e);
int work_run(struct work *w, const struct formula *f, struct err *e);

/* ---- lens_back.c ---- */
bool work_here_changed(const struct work *w, const struct link *lk);
/* The reference was written: the fields here show the record it points to. */
int work_link_backward(struct work *w, const struct link *lk, struct err *e);
int work_backward_pass(struct work *w, struct err *e);
/* What older steps compute, and the formula reads, is computed now. */
int work_refresh_inputs(struct work *w, const struct formula *f, struct err *e);
/* The step was taken by the writer's type, or by one that it was made from since: not by another type
 * of the same items. */
bool work_is_own(const struct work *w, const struct formula *f);

#endif
