/* Fields that stand in the item that a reference points to.
 *
 * LINK_EXTRACT, LINK_INLINE: the holder shows what the target holds. Two holders of one target show
 * the same.
 *
 * LINK_MOVE: the step puts a field of each holder into one place, so what holders hold must stay
 * apart on the old side: a write through it changes the field of its own item and the target's, but
 * no other holder's. Two things are kept for that:
 *   in the target, memory: what holders are shown (H), beside a value that came from one of them
 *                  (its inputs). A write through the new side leaves none: H is then that value.
 *   in the holder, a value of its own with a basis: it holds while H is what it was then.
 * So a holder shows its own value until somebody writes the target's through the new side; then all
 * holders show that one. [I4]
 *
 * A holder without a reference keeps the field to itself. When the new side gives it a reference to
 * a target that has a value already, its own one is remembered until the reference is unset again. */
#include "lens_int.h"

/* What the link remembers: beside the fields, and when its reference changes. */
static uint64_t link_id(const struct link *lk)
{
    return (uint64_t)lk->step * 2;
}
static uint64_t link_hidden_id(const struct link *lk)
{
    return (uint64_t)lk->step * 2 + 1;
}

static struct span entry_value(const struct record *r, slot_no slot)
{
    const struct entry *en = record_get(r, slot);
    return en && en->bytes.n ? en->bytes : (struct span){0};
}

static int text_of(const struct sight *s, const struct link *lk, size_t i, struct span stored,
                   struct span *ret, struct err *e)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct view vw = {s->v, lk->shapes, lk->n_shapes};

    *ret = stored;
    if (!stored.p || !type_structured(lk->types[i]))
        return 0;
    if (lens_render(s->l, vw, lk->types[i], stored, 1, &b, e))
        return -1;
    *ret = lens_keep(s->l, buf_span(&b));
    return ret->p ? 0 : err_nomem(e);
}

/* Comparable bytes of one value. */
static int encoded(const struct sight *s, const struct link *lk, size_t i, struct span stored,
                   struct span *ret, struct err *e)
{
    struct span text;

    if (text_of(s, lk, i, stored, &text, e))
        return -1;
    *ret = inputs_encode(s->l, &text, 1);
    return ret->p ? 0 : err_nomem(e);
}

/* ---- Memory ---- */

static struct entry *find_memory(struct record *r, slot_no slot, uint64_t id,
                                 struct remembered *ret)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->e[i].slot == slot && r->e[i].kind == ENTRY_MEMORY &&
            remembered_read(r->e[i].bytes, ret) && ret->id == id)
            return &r->e[i];
    return NULL;
}

static void forget(struct record *r, slot_no slot, uint64_t id)
{
    struct remembered m;
    struct entry *en = find_memory(r, slot, id, &m);
    size_t i;

    if (!en)
        return;
    i = (size_t)(en - r->e);
    memmove(en, en + 1, (r->n - i - 1) * sizeof *en);
    r->n--;
}

static int remember(struct lens *l, struct record *r, slot_no slot, enum entry_kind kind,
                    struct remembered m, struct err *e)
{
    struct span bytes = remembered_write(l, &m);

    if (kind == ENTRY_MEMORY)
        forget(r, slot, m.id);
    return bytes.p && record_set(r, slot, kind, bytes) ? 0 : err_nomem(e);
}

/* ---- Looking over the reference ---- */

/* The target's record, copied into the arena; *found = false: there is none. */
static int target_of(const struct sight *s, const struct link *lk, struct record *ret,
                     bool *ret_found, struct err *e)
{
    struct lens *l = s->l;
    struct span bytes, ref = entry_value(s->rec, lk->ref);
    struct buf hold BUF_CLEANUP = BUF_INIT;

    *ret_found = false;
    if (!ref.p || !lens_ref_id(ref) || s->depth >= SIGHT_MAX_DEPTH)
        return 0;
    if (l->world.record_of(l->world.arg, lens_ref_id(ref), &hold, ret_found, e))
        return -1;
    if (!*ret_found)
        return 0;
    bytes = lens_keep(l, buf_span(&hold));
    if (!bytes.p)
        return err_nomem(e);
    return record_decode(bytes, ret, e);
}

/* Formulas of the target may read its key. */
static int target_key(const struct sight *s, const struct link *lk, struct span *ret, struct err *e)
{
    struct lens *l = s->l;
    struct buf key BUF_CLEANUP = BUF_INIT;
    bool found;

    if (l->world.key_of(l->world.arg, s->v, lk->target_shape,
                        lens_ref_id(entry_value(s->rec, lk->ref)), &key, &found, e))
        return -1;
    *ret = lens_keep(l, buf_span(&key));
    return ret->p ? 0 : err_nomem(e);
}

static int target_slot(const struct sight *s, const struct link *lk, size_t i,
                       const struct record *target, struct span *ret, struct err *e)
{
    const struct catalog *c = s->l->cat;
    struct record up RECORD_CLEANUP = RECORD_INIT;
    slot_no there = lk->there[i];
    struct sight at = {.l = s->l,
                       .v = s->v,
                       .g = catalog_group(c, lk->target_coll),
                       .rec = target,
                       .depth = s->depth + 1};
    bool behind = lk->kind == LINK_INLINE && target->gen < lk->step;

    if ((behind || (there < c->n_slots && c->slots[there].is_volatile)) &&
        target_key(s, lk, &at.key, e))
        return -1;
    if (behind) { /* what older steps compute of it may be missing */
        if (lens_bring(s->l, s->v, at.g, at.key, target, lk->step, false, &up, e))
            return -1;
        at.rec = &up;
    }
    return sight_slot(&at, there, ret, e);
}

/* shown: what holders are shown (H), else what the target holds. */
static int across(const struct sight *s, const struct link *lk, size_t i, bool shown,
                  struct span *ret, struct err *e)
{
    struct record target RECORD_CLEANUP = RECORD_INIT;
    struct remembered m;
    struct span is;
    bool found;

    *ret = (struct span){0};
    if (target_of(s, lk, &target, &found, e))
        return -1;
    if (!found)
        return 0;
    if (target_slot(s, lk, i, &target, ret, e))
        return -1;
    if (!shown || !find_memory(&target, lk->there[i], link_id(lk), &m))
        return 0;
    if (encoded(s, lk, i, *ret, &is, e))
        return -1;
    if (span_eq(is, m.inputs))
        *ret = m.value;
    return 0;
}

int link_across(const struct sight *s, const struct link *lk, size_t i, struct span *ret,
                struct err *e)
{
    return across(s, lk, i, false, ret, e);
}

static bool basis_of(const struct sight *s, const struct link *lk, size_t i, struct remembered *ret)
{
    const struct entry *en = record_find(s->rec, lk->here[i], ENTRY_BASIS);
    return en && remembered_read(en->bytes, ret) && ret->id == link_id(lk);
}

int link_slot(const struct sight *s, const struct link *lk, size_t i, struct span *ret,
              bool *ret_is_own, struct err *e)
{
    struct remembered basis;
    struct span shown, own = entry_value(s->rec, lk->here[i]);
    bool based = basis_of(s, lk, i, &basis);

    *ret = own;
    *ret_is_own = own.p && !based;
    if (*ret_is_own || (s->rec->gen < lk->step && lk->kind != LINK_INLINE))
        return 0;
    if (across(s, lk, i, true, ret, e))
        return -1;
    if (!based)
        return 0;
    if (encoded(s, lk, i, *ret, &shown, e))
        return -1;
    if (span_eq(shown, basis.inputs))
        *ret = own;
    return 0;
}

/* ---- Folding ---- */

/* The holder's own value stays where it is not what all holders are shown. */
static int fold_move(const struct sight *s, const struct link *lk, size_t i, struct record *r,
                     struct err *e)
{
    struct span shown, own = entry_value(r, lk->here[i]), shown_text, own_text;

    if (across(s, lk, i, true, &shown, e) || encoded(s, lk, i, shown, &shown_text, e) ||
        encoded(s, lk, i, own, &own_text, e))
        return -1;
    if (span_eq(shown_text, own_text)) {
        record_unset(r, lk->here[i]);
        return 0;
    }
    return remember(s->l, r, lk->here[i], ENTRY_BASIS,
                    (struct remembered){link_id(lk), {0}, shown_text}, e);
}

int link_fold(const struct sight *s, const struct link *lk, struct record *r, struct err *e)
{
    if (r->gen < lk->step)
        return 0;
    for (size_t i = 0; i < lk->n; i++) {
        if (lk->kind != LINK_MOVE)
            record_unset(r, lk->here[i]);
        else if (entry_value(r, lk->ref).p && fold_move(s, lk, i, r, e))
            return -1;
    }
    return 0;
}

/* ---- Writing: move_field ---- */

static struct sight sight_of(struct work *w, const struct record *r)
{
    return (struct sight){.l = w->l, .v = w->vw.v, .g = w->g, .rec = r, .key = w->key};
}

static bool any_set(const struct span *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (values[i].p)
            return true;
    return false;
}

static int assign(struct work *w, const struct link *lk, uint64_t id, const struct span *values,
                  bool only_unset, uint64_t *ret_id, struct err *e)
{
    return w->l->world.assign(w->l->world.arg, lk, id, w->key, values, only_unset, ret_id, e);
}

int link_move_forward(struct work *w, const struct link *lk, bool touched, bool ref_changed,
                      struct err *e)
{
    struct span *values, ref = entry_value(&w->r, lk->ref);
    uint64_t id = ref.p ? lens_ref_id(ref) : 0;

    if (!id)
        return 0;
    if (work_values(w, &w->r, lk, &values, e))
        return -1;
    /* an item that comes to a target without a value says nothing about the target's */
    if (!any_set(values, lk->n) && (ref_changed || !touched))
        return 0;
    return assign(w, lk, id, values, !touched, &id, e);
}

/* The holder had the field to itself: now it goes to the target, or is remembered. */
static int give_own(struct work *w, const struct link *lk, size_t i, struct span *now,
                    struct err *e)
{
    const struct entry *had = record_get(&w->old, lk->here[i]);
    struct span *values, nothing = {0}, inputs;
    uint64_t id = lens_ref_id(entry_value(&w->r, lk->ref));

    if (!had || !had->bytes.n || had->kind != ENTRY_VALUE || entry_value(&w->old, lk->ref).p)
        return 0;
    if (now->p) {
        inputs = inputs_encode(w->l, &nothing, 1);
        return inputs.p ? remember(w->l, &w->r, lk->here[i], ENTRY_MEMORY,
                                   (struct remembered){link_hidden_id(lk), had->bytes, inputs}, e)
                        : err_nomem(e);
    }
    *now = had->bytes;
    return work_values(w, &w->old, lk, &values, e) || assign(w, lk, id, values, true, &id, e) ? -1
                                                                                            : 0;
}

/* No reference any more: what was shown stays with the holder, or what it had before comes back. */
static int keep_own(struct work *w, const struct link *lk, size_t i, struct err *e)
{
    struct remembered m;
    struct span own = entry_value(&w->r, lk->here[i]);

    if (!find_memory(&w->r, lk->here[i], link_hidden_id(lk), &m))
        return own.p && !record_set(&w->r, lk->here[i], ENTRY_DERIVED, own) ? err_nomem(e) : 0;
    forget(&w->r, lk->here[i], link_hidden_id(lk));
    return work_store(w, lk->here[i], ENTRY_VALUE, m.value, e);
}

int link_move_backward(struct work *w, const struct link *lk, struct err *e)
{
    struct sight s = sight_of(w, &w->r);
    struct span now;

    for (size_t i = 0; i < lk->n; i++) {
        if (!entry_value(&w->r, lk->ref).p) {
            if (keep_own(w, lk, i, e))
                return -1;
            continue;
        }
        if (across(&s, lk, i, false, &now, e) || give_own(w, lk, i, &now, e) ||
            work_store(w, lk->here[i], ENTRY_VALUE, now, e))
            return -1;
    }
    return 0;
}

/* ---- Writing: inline_type ---- */

static int values_encode(struct work *w, const struct record *r, const struct link *lk,
                         struct span *ret, struct err *e)
{
    struct span *values;

    if (work_values(w, r, lk, &values, e))
        return -1;
    *ret = inputs_encode(w->l, values, lk->n);
    return ret->p ? 0 : err_nomem(e);
}

/* All fields were unset: the item refers to nothing; to what it referred to is remembered. */
static int let_go(struct work *w, const struct link *lk, struct span ref, struct err *e)
{
    struct span was;

    if (values_encode(w, &w->old, lk, &was, e) ||
        remember(w->l, &w->r, lk->ref, ENTRY_MEMORY,
                 (struct remembered){link_hidden_id(lk), ref, was}, e))
        return -1;
    return work_store(w, lk->ref, ENTRY_VALUE, (struct span){0}, e);
}

/* The values are again those of the item that it referred to before. */
static int take_back(struct work *w, const struct link *lk, const struct span *values,
                     struct span *ret, struct err *e)
{
    struct record with RECORD_CLEANUP = RECORD_INIT;
    struct sight s = sight_of(w, &with);
    struct remembered m;
    struct span now = inputs_encode(w->l, values, lk->n), is, text;

    *ret = (struct span){0};
    if (!now.p)
        return err_nomem(e);
    if (!find_memory(&w->r, lk->ref, link_hidden_id(lk), &m) || !span_eq(m.inputs, now))
        return 0;
    if (!record_set(&with, lk->ref, ENTRY_VALUE, m.value))
        return err_nomem(e);
    for (size_t i = 0; i < lk->n; i++) {
        if (across(&s, lk, i, false, &is, e) || text_of(&s, lk, i, is, &text, e))
            return -1;
        if (!span_eq(text, values[i]) || !text.p != !values[i].p)
            return 0;
    }
    *ret = m.value;
    return 0;
}

int link_inline_backward(struct work *w, const struct link *lk, struct err *e)
{
    struct span *values, ref = entry_value(&w->r, lk->ref), back = {0};
    uint64_t had = ref.p ? lens_ref_id(ref) : 0, id = had;
    bool any;

    if (work_values(w, &w->r, lk, &values, e))
        return -1;
    any = any_set(values, lk->n);
    if (!had && !any && !(w->create && lk->required))
        return 0;
    if (had && !any && !lk->required)
        return let_go(w, lk, ref, e);
    if (!had && take_back(w, lk, values, &back, e))
        return -1;
    if (!back.p && assign(w, lk, had, values, false, &id, e))
        return -1;
    if (id == had && !back.p)
        return 0;
    forget(&w->r, lk->ref, link_hidden_id(lk));
    back = back.p ? back : lens_ref_bytes(w->l, id);
    return back.p ? work_store(w, lk->ref, ENTRY_VALUE, back, e) : err_nomem(e);
}

/* ---- The target's side of move_field ---- */

int link_shown_before(struct work *w, const struct link *lk, struct span **ret, struct err *e)
{
    struct sight s = sight_of(w, &w->old);
    struct span *shown = arena_alloc(&w->l->arena, (lk->n + 1) * sizeof *shown), is;
    struct remembered m;

    if (!shown)
        return err_nomem(e);
    for (size_t i = 0; i < lk->n; i++) {
        shown[i] = entry_value(&w->old, lk->there[i]);
        if (!find_memory(&w->old, lk->there[i], link_id(lk), &m))
            continue;
        if (encoded(&s, lk, i, shown[i], &is, e))
            return -1;
        if (span_eq(is, m.inputs))
            shown[i] = m.value;
    }
    *ret = shown;
    return 0;
}

int link_shown_after(struct work *w, const struct link *lk, const struct span *shown,
                     struct err *e)
{
    struct sight s = sight_of(w, &w->r);
    struct span is, was;

    for (size_t i = 0; i < lk->n; i++) {
        forget(&w->r, lk->there[i], link_id(lk));
        if (encoded(&s, lk, i, entry_value(&w->r, lk->there[i]), &is, e) ||
            encoded(&s, lk, i, shown[i], &was, e))
            return -1;
        if (!span_eq(is, was) &&
            remember(w->l, &w->r, lk->there[i], ENTRY_MEMORY,
                     (struct remembered){link_id(lk), shown[i], is}, e))
            return -1;
    }
    return 0;
}
