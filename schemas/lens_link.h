/* Between lens_link.c, lens_own.c, lens_extract.c, lens_move.c and lens_inline.c: looking over a link, and what it remembers.
 */
#ifndef SCHEMAS_LENS_LINK_H
#define SCHEMAS_LENS_LINK_H

#include "lens_int.h"

/* Of what the link remembers: of the target that was left, and of the time without one. */
static inline uint64_t link_left_id(const struct link *lk)
{
    return (uint64_t)lk->step * 2;
}
static inline uint64_t link_alone_id(const struct link *lk)
{
    return (uint64_t)lk->step * 2 + 1;
}

/* The item that the record refers to; 0 = none (unset, null), or one that is only foreseen. */
uint64_t link_target(const struct record *r, const struct link *lk);
/* The reference as it is now: a newer step may have put it into another item, too. */
int link_ref(const struct sight *s, const struct link *lk, struct span *ret, struct err *e);
/* Its record, copied into the arena. */
int link_target_of(const struct sight *s, const struct link *lk, struct record *ret,
                   bool *ret_found, struct err *e);
/* Comparable bytes of one value of the link's. */
int link_encoded(const struct sight *s, const struct link *lk, size_t i, struct span stored,
                 struct span *ret, struct err *e);

/* A slot's memory of that id, or NULL: then *ret is left as it is. */
struct entry *link_memory(const struct record *r, slot_no slot, uint64_t id, struct remembered *ret);
void link_forget(struct record *r, slot_no slot, uint64_t id);
/* kind: ENTRY_MEMORY (one of an id) or ENTRY_BASIS. */
int link_remember(struct lens *l, struct record *r, slot_no slot, enum entry_kind kind,
                  struct remembered m, struct err *e);

/* What the target of move_field says to its holders. */
struct era {
    uint64_t number;   /* 0 = none */
    struct span shown; /* to a holder without a value of its own */
    uint64_t last;     /* the number of the newest, which may be over; 0 = there was none */
    bool there;        /* there is a target */
};

/* Whose value the target has: */
enum mark_from {
    FROM_WRITER, /* somebody wrote it */
    FROM_HOLDER, /* an item from before the step: the one with the smallest key */
    FROM_COMER,  /* an item that was made to refer to it */
};

struct mark {
    enum mark_from from;
    struct span key;     /* FROM_HOLDER: its key */
    struct remembered m; /* id: the era, value: what is shown, inputs: the target's value */
};

bool link_mark_read(const struct record *target, const struct link *lk, struct mark *ret);
/* value: of lk->there[0] in the target. */
int link_era_of(const struct sight *s, const struct link *lk, const struct record *target,
                struct span value, struct era *ret, struct err *e);
/* The target's value, p == NULL = unset or no target; ret_era may be NULL. */
int link_look(const struct sight *s, const struct link *lk, size_t i, struct span *ret,
              struct era *ret_era, struct err *e);

/* Does the item that `with` refers to hold what w's record shows? */
int link_shows_same(struct work *w, const struct link *lk, const struct sight *with, bool *ret,
                    struct err *e);

/* Which target, in which era: what an own value is remembered under. p == NULL: no memory. */
struct span link_place(struct lens *l, const struct record *r, const struct link *lk, uint64_t era);

/* One of the records of w. */
static inline struct sight link_sight(struct work *w, const struct record *r)
{
    return (struct sight){.l = w->l, .v = w->vw.v, .g = w->g, .rec = r, .key = w->key, .refs = true};
}
/* world.assign; values as there. What w's record shows over its other links follows. */
int link_assign(struct work *w, const struct link *lk, uint64_t id, const struct span *values,
                bool only_unset, uint64_t *ret_id, struct err *e);

#endif
