/* What stands inside of one stored value: references, objects. */
#include "lens_parts.h"

/* ---- References inside ---- */

struct ref_walk {
    int (*fn)(void *arg, uint64_t target);
    void *arg;
    const struct catalog *cat;
};

static int walk(const struct ref_walk *w, const struct type_ref *t, struct span stored,
                struct err *e);

/* Each slot by its own type: one version's shape lacks the fields that others have added. */
static int walk_object(const struct ref_walk *w, struct span stored, struct err *e)
{
    struct record r RECORD_CLEANUP = RECORD_INIT;
    if (record_decode((struct span){stored.p + 1, stored.n - 1}, &r, e))
        return -1;
    for (size_t i = 0; i < r.n; i++) {
        const struct entry *en = &r.e[i];
        const struct type_ref *t = en->slot < w->cat->n_slots ? w->cat->slots[en->slot].type : NULL;
        int rc = t && en->kind <= ENTRY_DERIVED && en->bytes.n ? walk(w, t, en->bytes, e) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int walk(const struct ref_walk *w, const struct type_ref *t, struct span stored,
                struct err *e)
{
    struct span k = {0}, v;
    if (!type_structured(t) || !stored.n)
        return 0;
    if (stored.p[0] == 'r')
        return w->fn(w->arg, lens_ref_id(stored));
    if (stored.p[0] == 'o')
        return walk_object(w, stored, e);
    if (!t->elem)
        return 0;
    bool map = stored.p[0] == 'm';
    struct parts it = parts_of(stored, map ? 'm' : 'l');
    for (; it.left; it.left--) {
        if ((map && !part_next(&it, &k)) || !part_next(&it, &v))
            return err_set(e, ERR_IO, "damaged record: a list or map is cut short");
        int rc = walk(w, t->elem, v, e);
        if (rc)
            return rc;
    }
    return 0;
}

int lens_value_refs(const struct catalog *c, const struct type_ref *t, struct span stored,
                    int (*fn)(void *arg, uint64_t target), void *arg, struct err *e)
{
    struct ref_walk w = {fn, arg, c};
    return walk(&w, t, stored, e);
}

static int known_ref(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                     struct known_refs *ret, struct err *e)
{
    struct buf key BUF_CLEANUP = BUF_INIT;
    bool found = true;
    struct known_ref *at, one = {.shape = t->shape, .stored = stored};

    if (stored.p[0] == 'k' ? !buf_add(&key, stored.p + 1, stored.n - 1)
                           : l->world.key_of(l->world.arg, lens_knowing(l, vw.v, t->shape), t->shape,
                                             lens_ref_id(stored), &key, &found, e))
        return -1;
    if (!found)
        return 0;
    one.key = lens_keep(l, buf_span(&key));
    if (!one.key.p || !(at = arena_grow(&l->arena, ret->at, ret->n, sizeof *at)))
        return err_nomem(e);
    ret->at = at;
    at[ret->n++] = one;
    return 0;
}

static int known_in_object(struct lens *l, struct view vw, const struct type_ref *t,
                           struct span stored, struct known_refs *ret, struct err *e)
{
    const struct shape *s = shapes_find(vw.shapes, vw.n_shapes, t->shape);
    struct record r RECORD_CLEANUP = RECORD_INIT;
    bool is;

    if (!s)
        return 0;
    if (nested_record(l, vw, s, stored, &r, &is, e))
        return -1;
    for (size_t i = 0; i < s->n_fields; i++)
        if (lens_value_known(l, vw, s->fields[i].type, record_value(&r, s->fields[i].slot), ret, e))
            return -1;
    return 0;
}

int lens_value_known(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                     struct known_refs *ret, struct err *e)
{
    struct span k = {0}, v;

    if (!type_structured(t) || !stored.n)
        return 0;
    if (stored.p[0] == 'r' || stored.p[0] == 'k')
        return known_ref(l, vw, t, stored, ret, e);
    if (stored.p[0] == 'o')
        return known_in_object(l, vw, t, stored, ret, e);
    bool map = stored.p[0] == 'm';
    struct parts it = parts_of(stored, map ? 'm' : 'l');
    for (; t->elem && it.left; it.left--) {
        if ((map && !part_next(&it, &k)) || !part_next(&it, &v))
            return err_set(e, ERR_IO, "damaged record: a list or map is cut short");
        if (lens_value_known(l, vw, t->elem, v, ret, e))
            return -1;
    }
    return 0;
}

/* ---- Rewriting: one function from old part to new part, applied recursively ---- */

struct rewrite {
    struct lens *l;
    struct view vw;
    uint64_t without; /* a reference to drop, 0 = none */
    uint32_t upto;    /* a step to bring nested records to, 0 = none */
};

static int rewrite(const struct rewrite *w, const struct type_ref *t, struct span stored,
                   struct span *ret, bool *ret_set, struct err *e);

/* Every slot, whichever version shows it. */
static int rewrite_fields(const struct rewrite *w, const struct record *from, struct record *to,
                          struct err *e)
{
    const struct catalog *c = w->l->cat;
    if (!record_copy(from, to))
        return err_nomem(e);
    for (size_t i = 0; i < from->n; i++) {
        const struct entry *en = &from->e[i];
        const struct slot_info *si = en->slot < c->n_slots ? &c->slots[en->slot] : NULL;
        struct rewrite in = *w;
        struct span now;
        bool set;
        if (en->kind > ENTRY_DERIVED || !en->bytes.n || !si || !si->type ||
            !type_structured(si->type))
            continue;
        in.vw = (struct view){w->vw.v, si->shapes, si->n_shapes, false, 0};
        if (rewrite(&in, si->type, en->bytes, &now, &set, e))
            return -1;
        if (!set)
            record_unset(to, en->slot);
        else if (!record_set(to, en->slot, en->kind, now))
            return err_nomem(e);
    }
    return 0;
}

static int rewrite_object(const struct rewrite *w, const struct type_ref *t, struct span stored,
                          struct span *ret, struct err *e)
{
    const struct shape *s = shapes_find(w->vw.shapes, w->vw.n_shapes, t->shape);
    struct record r RECORD_CLEANUP = RECORD_INIT, up RECORD_CLEANUP = RECORD_INIT;
    struct record out RECORD_CLEANUP = RECORD_INIT;
    struct buf bytes BUF_CLEANUP = BUF_INIT;

    *ret = stored;
    if (!s)
        return 0;
    if (record_decode((struct span){stored.p + 1, stored.n - 1}, &r, e))
        return -1;
    const struct group *g = catalog_group(w->l->cat, s->id);
    if (lens_bring(w->l, w->vw.v, g, (struct span){0}, &r, w->upto > r.gen ? w->upto : r.gen, false,
                   &up, e) ||
        work_keep_removed(g, r.gen, w->upto, &up, e) || rewrite_fields(w, &up, &out, e))
        return -1;
    if (w->upto > out.gen)
        out.gen = w->upto;
    if (w->upto) /* or an object that comes back as it was shown would be another */
        work_drop_dead(w->l->cat, &out);
    if (lens_unfold(w->l, w->vw.v, g, (struct span){0}, &out, e) ||
        lens_fold(w->l, w->vw.v, g, (struct span){0}, &out, e))
        return -1;
    if (!buf_addc(&bytes, 'o') || !record_encode(&out, &bytes))
        return err_nomem(e);
    return span_eq(buf_span(&bytes), stored) ? 0 : keep_buf(w->l, &bytes, ret, e);
}

static int rewrite_parts(const struct rewrite *w, const struct type_ref *t, struct span stored,
                         struct span *ret, struct err *e)
{
    bool map = stored.p[0] == 'm', set;
    struct parts it = parts_of(stored, map ? 'm' : 'l');
    struct buf body BUF_CLEANUP = BUF_INIT, out BUF_CLEANUP = BUF_INIT;
    struct span k = {0}, v, now;
    uint64_t n = 0;

    for (; it.left; it.left--) {
        if ((map && !part_next(&it, &k)) || !part_next(&it, &v))
            return err_set(e, ERR_IO, "damaged record: a list or map is cut short");
        if (rewrite(w, t->elem, v, &now, &set, e))
            return -1;
        if (!set)
            continue;
        n++;
        if ((map && !part_add(&body, k)) || !part_add(&body, now))
            return err_nomem(e);
    }
    if (!buf_addc(&out, map ? 'm' : 'l') || !buf_addvarint(&out, n) ||
        !buf_addspan(&out, buf_span(&body)))
        return err_nomem(e);
    return keep_buf(w->l, &out, ret, e);
}

static int rewrite(const struct rewrite *w, const struct type_ref *t, struct span stored,
                   struct span *ret, bool *ret_set, struct err *e)
{
    *ret = stored;
    *ret_set = true;
    if (!type_structured(t) || !stored.n)
        return 0;
    switch (stored.p[0]) {
    case 'r':
        *ret_set = !w->without || lens_ref_id(stored) != w->without;
        return 0;
    case 'o':
        return rewrite_object(w, t, stored, ret, e);
    case 'l':
    case 'm':
        return t->elem ? rewrite_parts(w, t, stored, ret, e) : 0;
    default:
        return 0;
    }
}

int lens_value_without(struct lens *l, const struct type_ref *t, struct span stored,
                       uint64_t target, struct span *ret, bool *ret_set, struct err *e)
{
    const struct catalog *c = l->cat;
    if (!c->n_entries)
        return err_set(e, ERR_IO, "a reference without a version");
    struct rewrite w = {l, view_of(c->entries[c->n_entries - 1].v), target, 0};
    return rewrite(&w, t, stored, ret, ret_set, e);
}

int lens_value_bring(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                     uint32_t upto, struct span *ret, struct err *e)
{
    struct rewrite w = {l, vw, 0, upto};
    bool set;
    return rewrite(&w, t, stored, ret, &set, e);
}

/* ---- What two values must have in common to be one ---- */

struct tell_how {
    bool refs;   /* those that the view shows, too */
    bool hidden; /* set when something is told that the view does not show */
};
static int same_value(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                      struct buf *out, struct tell_how *how, struct err *e);

/* The object's slots whose values are told: those that the view shows, and of the others what does not
 * follow from what is told already. */
struct telling {
    struct sight at;
    struct view vw;
    const struct shape *s;
    struct slotset told;
    struct buf *out;
    struct tell_how *how;
};

static int tell_slot(struct telling *t, const struct entry *en, struct err *e)
{
    const struct catalog *c = t->at.l->cat;
    const struct slot_info *si = en->slot < c->n_slots ? &c->slots[en->slot] : NULL;
    const struct field *f = shape_field_by_slot(t->s, en->slot);
    struct buf part BUF_CLEANUP = BUF_INIT;
    struct view in = {t->vw.v, si ? si->shapes : NULL, si ? si->n_shapes : 0, true, 0};

    struct tell_how all = {.refs = true};

    t->how->hidden |= !f && en->slot != SLOT_EXTRA;
    if (f ? same_value(t->at.l, t->vw, f->type, en->bytes, &part, t->how, e)
        : si && si->type ? same_value(t->at.l, in, si->type, en->bytes, &part, &all, e)
                         : !buf_addspan(&part, en->bytes))
        return -1;
    if (!buf_addvarint(t->out, en->slot) || !part_add(t->out, buf_span(&part)))
        return err_nomem(e);
    return 0;
}

static bool follows_from(const struct telling *t, const struct formula *f, slot_no slot)
{
    if (f->out != slot)
        return false;
    for (size_t i = 0; i < f->n_inputs; i++)
        if (!slotset_has(&t->told, f->inputs[i].slot) &&
            record_value(t->at.rec, f->inputs[i].slot).p)
            return false;
    return true;
}

static const struct formula *formula_from(const struct telling *t, slot_no slot)
{
    const struct group *g = t->at.g;

    for (size_t i = 0; i < g->n_backward; i++)
        if (follows_from(t, g->backward[i].f, slot))
            return g->backward[i].f;
    for (size_t i = 0; i < g->n_forward; i++)
        if (follows_from(t, g->forward[i].f, slot))
            return g->forward[i].f;
    return NULL;
}

static int tell_other(struct telling *t, const struct formula *f, const struct entry *en, struct err *e)
{
    struct span *inputs, now;

    if (slotset_add(t->at.l, &t->told, en->slot, e) || sight_inputs(&t->at, f, &inputs, e) ||
        sight_eval(&t->at, f, inputs, (struct kept){.value = en->bytes}, &now, e))
        return -1;
    return span_eq(now, en->bytes) ? 0 : tell_slot(t, en, e);
}

/* Nothing where an older side would have something: an object that was made there, without it. */
static int tell_unset(struct telling *t, bool *ret_found, struct err *e)
{
    const struct group *g = t->at.g;

    for (size_t i = 0; i < g->n_backward && !*ret_found; i++) {
        const struct formula *f = g->backward[i].f;
        struct entry en = {f->out, ENTRY_VALUE, {0}};
        if (f->step > t->vw.step || slotset_has(&t->told, f->out) ||
            record_value(t->at.rec, f->out).p || !follows_from(t, f, f->out))
            continue;
        *ret_found = true;
        if (tell_other(t, f, &en, e))
            return -1;
    }
    return 0;
}

/* One slot that follows from what is told: told itself when it holds something else. */
static int tell_next(struct telling *t, bool *ret_found, struct err *e)
{
    for (size_t i = 0; i < t->at.rec->n && !*ret_found; i++) {
        const struct entry *en = &t->at.rec->e[i];
        const struct formula *f = NULL;
        if (en->kind > ENTRY_DERIVED || !en->bytes.n || slotset_has(&t->told, en->slot) ||
            !(f = formula_from(t, en->slot)))
            continue;
        *ret_found = true;
        if (tell_other(t, f, en, e))
            return -1;
    }
    return 0;
}

/* The oldest one of those that follow from nothing but each other. */
static int tell_oldest(struct telling *t, bool *ret_found, struct err *e)
{
    for (size_t i = 0; i < t->at.rec->n && !*ret_found; i++) {
        const struct entry *en = &t->at.rec->e[i];
        if (en->kind > ENTRY_DERIVED || !en->bytes.n || slotset_has(&t->told, en->slot))
            continue;
        *ret_found = true;
        if (slotset_add(t->at.l, &t->told, en->slot, e) || tell_slot(t, en, e))
            return -1;
    }
    return 0;
}

static int tell_shown(struct telling *t, struct err *e)
{
    const struct record *r = t->at.rec;

    for (size_t i = 0; i < t->s->n_fields; i++)
        if (slotset_add(t->at.l, &t->told, t->s->fields[i].slot, e))
            return -1;
    if (t->s->open && slotset_add(t->at.l, &t->told, SLOT_EXTRA, e))
        return -1;
    for (size_t i = 0; i < r->n; i++)
        if (r->e[i].kind <= ENTRY_DERIVED && r->e[i].bytes.n &&
            slotset_has(&t->told, r->e[i].slot) && tell_slot(t, &r->e[i], e))
            return -1;
    return 0;
}

static int same_object(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                       struct buf *out, struct tell_how *how, struct err *e)
{
    const struct shape *s = shapes_find(vw.shapes, vw.n_shapes, t->shape);
    struct record r RECORD_CLEANUP = RECORD_INIT;
    struct telling tell = {.vw = vw, .s = s, .out = out, .how = how};
    bool is, more = true;

    if (!s)
        return err_set(e, ERR_IO, "damaged record: a value of an unknown object");
    if (nested_record(l, vw, s, stored, &r, &is, e))
        return -1;
    tell.at = (struct sight){.l = l, .v = vw.v, .g = catalog_group(l->cat, s->id), .rec = &r};
    if (tell_shown(&tell, e))
        return -1;
    while (more) {
        more = false;
        if (tell_next(&tell, &more, e) || (!more && tell_unset(&tell, &more, e)) ||
            (!more && tell_oldest(&tell, &more, e)))
            return -1;
    }
    return 0;
}

static int same_parts(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                      struct buf *out, struct tell_how *how, struct err *e)
{
    bool map = stored.p[0] == 'm';
    struct parts it = parts_of(stored, stored.p[0]);
    struct span k = {0}, v;

    if (!buf_addvarint(out, it.left))
        return err_nomem(e);
    for (; it.left; it.left--) {
        struct buf part BUF_CLEANUP = BUF_INIT;
        if ((map && !part_next(&it, &k)) || !part_next(&it, &v))
            return err_set(e, ERR_IO, "damaged record: a list or map is cut short");
        if (same_value(l, vw, t->elem, v, &part, how, e))
            return -1;
        if ((map && !part_add(out, k)) || !part_add(out, buf_span(&part)))
            return err_nomem(e);
    }
    return 0;
}

static int same_value(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                      struct buf *out, struct tell_how *how, struct err *e)
{
    char kind = stored.n ? stored.p[0] : 0;

    if (t->base == T_REF && !how->refs)
        return 0;
    if (!type_structured(t) || (kind != 'o' && kind != 'l' && kind != 'm'))
        return buf_addspan(out, stored) ? 0 : err_nomem(e);
    if (!buf_addc(out, kind))
        return err_nomem(e);
    return kind == 'o' ? same_object(l, vw, t, stored, out, how, e)
                       : same_parts(l, vw, t, stored, out, how, e);
}

int lens_value_same(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                    struct span *ret, struct err *e)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct tell_how how = {.refs = true};

    *ret = stored;
    if (!stored.p || !type_structured(t))
        return 0;
    return same_value(l, vw, t, stored, &b, &how, e) ? -1 : keep_buf(l, &b, ret, e);
}

int lens_value_beyond(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                      struct span *ret, bool *ret_hidden, struct err *e)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct tell_how how = {.refs = false};

    *ret_hidden = false;
    if (!stored.p || !type_structured(t))
        return 0;
    if (same_value(l, vw, t, stored, &b, &how, e))
        return -1;
    *ret_hidden = how.hidden;
    return keep_buf(l, &b, ret, e);
}
