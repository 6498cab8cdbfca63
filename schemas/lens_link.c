/* Fields that stand in the item that a reference points to: looking over it. What the holder shows of them, and
 * keeps to itself: lens_own.c. */
#include "lens_link.h"

uint64_t link_target(const struct record *r, const struct link *lk)
{
    struct span ref = record_value(r, lk->ref);
    return ref.p ? lens_ref_id(ref) : 0;
}
/* The reference as it is now: a newer step may have put it into another item, too. */
int link_ref(const struct sight *s, const struct link *lk, struct span *ret, struct err *e)
{
    struct sight deeper = *s;
    deeper.depth++;
    deeper.below = 0;
    if (s->refs) {
        *ret = record_value(s->rec, lk->ref);
        return 0;
    }
    if (s->depth < SIGHT_MAX_DEPTH)
        return sight_slot(&deeper, lk->ref, ret, e);
    *ret = (struct span){0};
    return 0;
}

int link_encoded(const struct sight *s, const struct link *lk, size_t i, struct span stored,
                 struct span *ret, struct err *e)
{
    struct view vw = {s->v, lk->shapes, lk->n_shapes, false, lk->step};
    struct span same;

    if (lens_value_same(s->l, vw, lk->types[i], stored, &same, e))
        return -1;
    *ret = inputs_encode(s->l, &same, 1);
    return ret->p ? 0 : err_nomem(e);
}

/* ---- Memory ---- */

struct entry *link_memory(const struct record *r, slot_no slot, uint64_t id, struct remembered *ret)
{
    for (size_t i = 0; i < r->n; i++) {
        struct remembered m;
        if (r->e[i].slot != slot || r->e[i].kind != ENTRY_MEMORY ||
            !remembered_read(r->e[i].bytes, &m) || m.id != id)
            continue;
        *ret = m;
        return &r->e[i];
    }
    return NULL;
}

void link_forget(struct record *r, slot_no slot, uint64_t id)
{
    struct remembered m;
    struct entry *en = link_memory(r, slot, id, &m);
    size_t i;

    if (!en)
        return;
    i = (size_t)(en - r->e);
    memmove(en, en + 1, (r->n - i - 1) * sizeof *en);
    r->n--;
}

int link_remember(struct lens *l, struct record *r, slot_no slot, enum entry_kind kind,
                  struct remembered m, struct err *e)
{
    struct span bytes = remembered_write(l, &m);

    if (kind == ENTRY_MEMORY)
        link_forget(r, slot, m.id);
    return bytes.p && record_set(r, slot, kind, bytes) ? 0 : err_nomem(e);
}

/* ---- Looking over the reference ---- */

/* Formulas of the target may read its key. */
static int target_key(const struct sight *s, const struct link *lk, struct span *ret, struct err *e)
{
    struct lens *l = s->l;
    struct span ref;
    struct buf key BUF_CLEANUP = BUF_INIT;
    bool found;

    if (link_ref(s, lk, &ref, e))
        return -1;
    if (ref.p[0] == 'k') {
        *ret = (struct span){ref.p + 1, ref.n - 1};
        return 0;
    }
    if (l->world.key_of(l->world.arg, s->v, lk->target_shape, lens_ref_id(ref), &key, &found, e))
        return -1;
    *ret = lens_keep(l, buf_span(&key));
    return ret->p ? 0 : err_nomem(e);
}

/* What older steps compute of the target may be missing; and newer links may show its fields another value than
 * it holds. */
static uint32_t target_upto(const struct link *lk, const struct group *g)
{
    uint32_t upto = lk->kind == LINK_INLINE ? lk->step : 0;
    return g->n_links && g->links[g->n_links - 1]->step > upto ? g->links[g->n_links - 1]->step : upto;
}

/* How the target is looked at, up to date for the link; up: the caller's, holds what is computed. */
static int target_sight(const struct sight *s, const struct link *lk, slot_no there,
                        const struct record *target, struct record *up, struct sight *ret,
                        struct err *e)
{
    const struct catalog *c = s->l->cat;
    const struct group *g = catalog_group(c, lk->target_coll);
    uint32_t upto = target_upto(lk, g);
    bool behind = target->gen < upto;

    *ret = (struct sight){.l = s->l,
                          .v = s->v,
                          .g = g,
                          .rec = target,
                          .depth = s->depth + 1,
                          .from = s,
                          .sought = s->sought};
    if ((behind || (there < c->n_slots && c->slots[there].is_volatile)) &&
        target_key(s, lk, &ret->key, e))
        return -1;
    if (!behind)
        return 0;
    ret->rec = up;
    return lens_bring_seen(ret, target, upto, up, e);
}

/* extract_type has yet to make the record: its values still stand in the holder. */
static int foreseen_values(const struct sight *s, const struct link *made, struct span key,
                           struct record *ret, struct err *e)
{
    const struct group *g = catalog_group(s->l->cat, made->target_coll);
    struct record first RECORD_CLEANUP = {.gen = made->step};
    struct sight at = {.l = s->l,
                       .v = s->v,
                       .g = g,
                       .key = key,
                       .depth = s->depth + 1,
                       .from = s,
                       .sought = s->sought};

    for (size_t i = 0; i < made->n; i++) {
        struct span value = record_value(s->rec, made->here[i]);
        if (value.p && !record_set(&first, made->there[i], ENTRY_VALUE, value))
            return err_nomem(e);
    }
    if (g->n_links) /* of its fields, too, some may stand elsewhere, and have been written there */
        return lens_bring_seen(&at, &first, s->l->cat->last_step, ret, e);
    return record_copy(&first, ret) ? 0 : err_nomem(e);
}

static int foreseen_target(const struct sight *s, struct span ref, uint32_t coll,
                           struct record *ret, bool *ret_found, struct err *e);

static bool is_sought(const struct sight *s, struct span ref, uint32_t coll)
{
    for (const struct sought *o = s->sought; o; o = o->outer)
        if (o->coll == coll && span_eq(o->ref, ref))
            return true;
    return false;
}

/* The same, of the item that the record refers to over lk. That reference may be foreseen as well, and
 * then the search for its record must not lead back to one that is being looked for already. */
static int foreseen_beyond(const struct sight *s, const struct link *lk, struct span ref, uint32_t coll,
                           struct record *ret, bool *ret_found, struct err *e)
{
    struct record over RECORD_CLEANUP = RECORD_INIT, up RECORD_CLEANUP = RECORD_INIT;
    struct sought sought = {ref, coll, s->sought};
    struct sight deeper = *s, at;
    struct span through;
    bool found;

    deeper.depth++;
    deeper.sought = &sought;
    if (link_ref(&deeper, lk, &through, e))
        return -1;
    if (is_sought(&deeper, through, lk->target_coll))
        return 0;
    if (link_target_of(&deeper, lk, &over, &found, e) ||
        (found && target_sight(&deeper, lk, lk->there[0], &over, &up, &at, e)))
        return -1;
    at.sought = &sought;
    return found ? foreseen_target(&at, ref, coll, ret, ret_found, e) : 0;
}

/* Which of the links that make records of the target's type foresees this one. The reference may have
 * come over others, and through formulas. */
static int foreseen_target(const struct sight *s, struct span ref, uint32_t coll,
                           struct record *ret, bool *ret_found, struct err *e)
{
    for (size_t k = 0; k < s->g->n_links; k++) {
        const struct link *made = s->g->links[k];
        struct span now;
        if (made->kind != LINK_EXTRACT || made->target_coll != coll)
            continue;
        if (sight_slot(s, made->ref, &now, e))
            return -1;
        *ret_found = span_eq(now, ref);
        if (*ret_found)
            return foreseen_values(s, made, (struct span){ref.p + 1, ref.n - 1}, ret, e);
    }
    for (size_t k = 0; k < s->g->n_links && !*ret_found; k++)
        if (foreseen_beyond(s, s->g->links[k], ref, coll, ret, ret_found, e))
            return -1;
    return 0;
}

/* A record that is foreseen itself has references that only those foresee which led to it. */
static int foreseen_from(const struct sight *s, struct span ref, uint32_t coll, struct record *ret,
                         bool *ret_found, struct err *e)
{
    struct sought sought = {ref, coll, s->sought};
    bool again = is_sought(s, ref, coll);

    if (foreseen_target(s, ref, coll, ret, ret_found, e))
        return -1;
    for (const struct sight *o = s->from; o && !*ret_found && !again; o = o->from) {
        struct sight there = *o;
        there.depth = s->depth + 1;
        there.sought = &sought;
        if (foreseen_target(&there, ref, coll, ret, ret_found, e))
            return -1;
    }
    return 0;
}

int link_target_of(const struct sight *s, const struct link *lk, struct record *ret,
                   bool *ret_found, struct err *e)
{
    struct lens *l = s->l;
    struct span bytes, ref;
    struct buf hold BUF_CLEANUP = BUF_INIT;
    uint64_t id;

    *ret_found = false;
    if (s->depth >= SIGHT_MAX_DEPTH)
        return 0;
    if (link_ref(s, lk, &ref, e))
        return -1;
    if (ref.n && ref.p[0] == 'k')
        return foreseen_from(s, ref, lk->target_coll, ret, ret_found, e);
    if (!ref.p || !(id = lens_ref_id(ref)))
        return 0;
    if (l->world.record_of(l->world.arg, id, &hold, ret_found, e))
        return -1;
    if (!*ret_found)
        return 0;
    bytes = lens_keep(l, buf_span(&hold));
    if (!bytes.p)
        return err_nomem(e);
    return record_decode(bytes, ret, e);
}

/* Up to date, also inside of objects. */
static int target_slot(const struct sight *s, const struct link *lk, size_t i,
                       const struct record *target, struct span *ret, struct err *e)
{
    struct record up RECORD_CLEANUP = RECORD_INIT;
    struct sight at;

    if (target_sight(s, lk, lk->there[i], target, &up, &at, e) ||
        sight_slot(&at, lk->there[i], ret, e))
        return -1;
    if (!ret->p || !type_structured(lk->types[i]))
        return 0;
    return lens_value_bring(s->l, (struct view){s->v, lk->shapes, lk->n_shapes, false, 0},
                            lk->types[i], *ret, s->l->cat->last_step, ret, e);
}

/* varint from, varint bytes of the key, the key, and the rest as remembered. */
bool link_mark_read(const struct record *target, const struct link *lk, struct mark *ret)
{
    struct span bytes = record_value(target, lk->mark);
    const char *p = bytes.p, *end = p ? p + bytes.n : NULL;
    uint64_t from, n;

    if (!p || !varint_read(&p, end, &from) || !varint_read(&p, end, &n) || n > (uint64_t)(end - p))
        return false;
    ret->from = (enum mark_from)from;
    ret->key = (struct span){p, (size_t)n};
    p += n;
    return remembered_read((struct span){p, (size_t)(end - p)}, &ret->m);
}

int link_era_of(const struct sight *s, const struct link *lk, const struct record *target,
                struct span value, struct era *ret, struct err *e)
{
    struct mark mark;
    struct span is;

    *ret = (struct era){.shown = value, .there = true};
    if (lk->kind != LINK_MOVE || !link_mark_read(target, lk, &mark))
        return 0;
    if (link_encoded(s, lk, 0, value, &is, e))
        return -1;
    ret->last = mark.m.id;
    if (span_eq(is, mark.m.inputs))
        *ret = (struct era){mark.m.id, mark.m.value, mark.m.id, true};
    return 0;
}

int link_look(const struct sight *s, const struct link *lk, size_t i, struct span *ret,
              struct era *ret_era, struct err *e)
{
    struct record target RECORD_CLEANUP = RECORD_INIT;
    bool found;

    *ret = (struct span){0};
    if (ret_era)
        *ret_era = (struct era){0};
    if (link_target_of(s, lk, &target, &found, e))
        return -1;
    if (!found)
        return 0;
    if (target_slot(s, lk, i, &target, ret, e))
        return -1;
    return ret_era ? link_era_of(s, lk, &target, *ret, ret_era, e) : 0;
}

int link_across(const struct sight *s, const struct link *lk, size_t i, struct span *ret,
                struct err *e)
{
    return link_look(s, lk, i, ret, NULL, e);
}
