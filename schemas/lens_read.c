/* A record seen through a version: slots, links, missing generations, text. */
#include "lens_int.h"

#include <assert.h>

bool slotset_has(const struct slotset *set, slot_no slot)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->s[i] == slot)
            return true;
    return false;
}

int slotset_add(struct lens *l, struct slotset *set, slot_no slot, struct err *e)
{
    if (slotset_has(set, slot))
        return 0;
    slot_no *s = arena_grow(&l->arena, set->s, set->n, sizeof *s);
    if (!s)
        return err_nomem(e);
    set->s = s;
    set->s[set->n++] = slot;
    return 0;
}

void lens_init(struct lens *l, const struct catalog *cat, struct expr_env *env,
               const struct lens_world *w)
{
    *l = (struct lens){.cat = cat, .env = env, .world = *w};
}

void lens_reset(struct lens *l)
{
    arena_free(&l->arena);
    l->arena = (struct arena){0};
}

void lens_deinit(struct lens *l)
{
    lens_reset(l);
}

/* ---- Remembered values ---- */

static bool add_optional(struct buf *b, struct span s)
{
    if (!s.p)
        return buf_addvarint(b, 0);
    return buf_addvarint(b, s.n + 1) && buf_add(b, s.p, s.n);
}

struct span inputs_encode(struct lens *l, const struct span *inputs, size_t n)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    for (size_t i = 0; i < n; i++)
        if (!add_optional(&b, inputs[i]))
            return (struct span){0};
    return lens_keep(l, buf_span(&b));
}

bool remembered_read(struct span bytes, struct remembered *ret)
{
    const char *p = bytes.p, *end = bytes.p + bytes.n;
    uint64_t id, n;
    if (!varint_read(&p, end, &id) || !varint_read(&p, end, &n) || n > (uint64_t)(end - p) + 1)
        return false;
    ret->id = id;
    ret->value = n ? (struct span){p, (size_t)n - 1} : (struct span){0};
    p += n ? n - 1 : 0;
    ret->inputs = (struct span){p, (size_t)(end - p)};
    return true;
}

struct span remembered_write(struct lens *l, const struct remembered *m)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    if (!buf_addvarint(&b, m->id) || !add_optional(&b, m->value) || !buf_addspan(&b, m->inputs))
        return (struct span){0};
    return lens_keep(l, buf_span(&b));
}

/* ---- Slots ---- */

static struct span entry_value(const struct record *r, slot_no slot)
{
    const struct entry *en = record_get(r, slot);
    return en && en->bytes.n ? en->bytes : (struct span){0};
}

static const struct formula *formula_of(const struct group *g, uint64_t id, slot_no out)
{
    const struct applied *a = id & 1 ? g->backward : g->forward;
    size_t n = id & 1 ? g->n_backward : g->n_forward;
    for (size_t i = 0; i < n; i++)
        if (formula_id(a[i].f) == id && a[i].f->out == out)
            return a[i].f;
    return NULL;
}

/* The remembered value of a formula under these inputs. */
static bool recall(const struct record *r, slot_no slot, uint64_t id, struct span inputs,
                   struct span *ret)
{
    for (size_t i = 0; i < r->n; i++) {
        struct remembered m;
        if (r->e[i].slot == slot && r->e[i].kind == ENTRY_MEMORY &&
            remembered_read(r->e[i].bytes, &m) && m.id == id && span_eq(m.inputs, inputs)) {
            *ret = m.value;
            return true;
        }
    }
    return false;
}

/* A computed value whose inputs stand elsewhere: it holds only under the inputs in its basis. */
static int fresh(const struct sight *s, slot_no slot, const struct entry *basis, struct span *ret,
                 struct err *e)
{
    struct remembered b;
    struct span *inputs, stored = entry_value(s->rec, slot);
    const struct formula *f;

    *ret = stored;
    if (!remembered_read(basis->bytes, &b) || !(f = formula_of(s->g, b.id, slot)) ||
        s->depth >= SIGHT_MAX_DEPTH)
        return 0;
    struct sight deeper = *s;
    deeper.depth++;
    deeper.below = s->l->cat->slots[slot].rank;
    if (sight_inputs(&deeper, f, &inputs, e))
        return -1;
    struct span now = inputs_encode(s->l, inputs, f->n_inputs);
    if (!now.p)
        return err_nomem(e);
    if (span_eq(now, b.inputs) || recall(s->rec, slot, b.id, now, ret))
        return 0;
    return sight_eval(&deeper, f, inputs, stored, ret, e);
}

int sight_slot(const struct sight *s, slot_no slot, struct span *ret, struct err *e)
{
    const struct catalog *c = s->l->cat;
    const struct slot_info *si = slot < c->n_slots ? &c->slots[slot] : NULL;

    bool own = true;

    *ret = entry_value(s->rec, slot);
    if (s->flat || !si || !si->is_volatile)
        return 0;
    if (si->link && link_slot(s, si->link, si->link_index, ret, &own, e))
        return -1;
    if (!own || (s->below && si->rank >= s->below))
        return 0;
    const struct entry *basis = record_find(s->rec, slot, ENTRY_BASIS);
    return basis ? fresh(s, slot, basis, ret, e) : 0;
}

static int input_text(const struct sight *s, const struct formula *f,
                      const struct formula_input *in, struct span *ret, struct err *e)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    if (in->slot == SLOT_KEY) {
        if (!json_write_string(s->key, &b))
            return err_nomem(e);
    } else {
        if (sight_slot(s, in->slot, ret, e))
            return -1;
        if (!ret->p || !type_structured(in->type))
            return 0;
        if (lens_render(s->l, view_at(s->v, f), in->type, *ret, 1, &b, e))
            return -1;
    }
    *ret = lens_keep(s->l, buf_span(&b));
    return ret->p ? 0 : err_nomem(e);
}

int sight_inputs(const struct sight *s, const struct formula *f, struct span **ret, struct err *e)
{
    struct span *in = arena_alloc(&s->l->arena, (f->n_inputs + 1) * sizeof *in);
    if (!in)
        return err_nomem(e);
    for (size_t i = 0; i < f->n_inputs; i++)
        if (input_text(s, f, &f->inputs[i], &in[i], e))
            return -1;
    *ret = in;
    return 0;
}

int sight_eval(const struct sight *s, const struct formula *f, const struct span *inputs,
               struct span prev, struct span *ret, struct err *e)
{
    struct buf prev_text BUF_CLEANUP = BUF_INIT, out BUF_CLEANUP = BUF_INIT;
    struct view vw = view_at(s->v, f);
    struct span prev_json = prev;
    bool set = false;

    if (prev.p && type_structured(f->out_type)) {
        if (lens_render(s->l, vw, f->out_type, prev, 1, &prev_text, e))
            return -1;
        prev_json = buf_span(&prev_text);
    }
    if (expr_eval(s->l->env, f, inputs, prev_json, &out, &set, e))
        return -1;
    *ret = (struct span){0};
    if (!set)
        return 0;
    if (lens_encode_text(s->l, vw, f->out_type, buf_span(&out), prev, ret, &set, e))
        return -1;
    if (!set)
        *ret = (struct span){0};
    return 0;
}

/* ---- Missing generations ---- */

static bool quotes_others(const struct lens *l, const struct shape *s);
static int raw_set_as(struct lens *l, const struct version *v, const struct shape *s,
                      struct record *rec, const struct record *as, struct span key,
                      struct span text, struct err *e);


static int bring_formula(const struct sight *s, const struct formula *f, struct record *r,
                         struct err *e)
{
    struct span *inputs, now;
    if (record_get(r, f->out))
        return 0;
    if (sight_inputs(s, f, &inputs, e) || sight_eval(s, f, inputs, (struct span){0}, &now, e))
        return -1;
    return record_set(r, f->out, ENTRY_DERIVED, now) ? 0 : err_nomem(e);
}

static int link_values(const struct sight *s, const struct link *lk, struct span **ret,
                       bool *ret_any, struct err *e)
{
    struct view vw = {s->v, lk->shapes, lk->n_shapes};
    struct span *v = arena_alloc(&s->l->arena, (lk->n + 1) * sizeof *v);
    if (!v)
        return err_nomem(e);
    *ret_any = false;
    for (size_t i = 0; i < lk->n; i++) {
        struct buf b BUF_CLEANUP = BUF_INIT;
        if (sight_slot(s, lk->here[i], &v[i], e))
            return -1;
        *ret_any |= v[i].p != NULL;
        if (!v[i].p || !type_structured(lk->types[i]))
            continue;
        if (lens_render(s->l, vw, lk->types[i], v[i], 1, &b, e))
            return -1;
        v[i] = lens_keep(s->l, buf_span(&b));
        if (!v[i].p)
            return err_nomem(e);
    }
    *ret = v;
    return 0;
}

/* A field that moves: what the item held becomes the target's, unless it has a value already. */
static int bring_move(const struct sight *s, const struct link *lk, struct err *e)
{
    struct lens *l = s->l;
    struct span own, ref = entry_value(s->rec, lk->ref);
    uint64_t id = ref.p ? lens_ref_id(ref) : 0;
    if (!id)
        return 0;
    if (sight_slot(s, lk->here[0], &own, e))
        return -1;
    return own.p ? l->world.assign(l->world.arg, lk, id, s->key, &own, true, &id, e) : 0;
}

/* An item from before the step refers to the record made from its values; that one may have been
 * written since, and the item shows what it holds now. */
static int bring_fresh(const struct sight *s, const struct link *lk, struct record *r,
                       struct err *e)
{
    struct record before RECORD_CLEANUP = RECORD_INIT;
    struct slotset changed = {0};

    if (!record_copy(r, &before))
        return err_nomem(e);
    for (size_t i = 0; i < lk->n; i++) {
        struct span now, had = entry_value(r, lk->here[i]);
        if (link_across(s, lk, i, &now, e))
            return -1;
        if (span_eq(now, had))
            continue;
        if (!now.p)
            record_unset(r, lk->here[i]);
        else if (!record_set(r, lk->here[i], ENTRY_VALUE, now))
            return err_nomem(e);
        if (slotset_add(s->l, &changed, lk->here[i], e))
            return -1;
    }
    return changed.n ? work_follow(s->l, lk, s->key, &before, &changed, r, e) : 0;
}

/* The reference of an item from before the step: made, or only foreseen. */
static int bring_link(const struct sight *s, const struct link *lk, bool writing, struct record *r,
                      struct err *e)
{
    struct lens *l = s->l;
    struct buf key BUF_CLEANUP = BUF_INIT;
    struct span *values, stored;
    uint64_t id = 0;
    bool any;

    if (lk->kind == LINK_INLINE || (lk->kind == LINK_EXTRACT && record_get(r, lk->ref)))
        return 0;
    if (lk->kind == LINK_MOVE)
        return writing ? bring_move(s, lk, e) : 0;
    if (link_values(s, lk, &values, &any, e))
        return -1;
    if (!any)
        return 0;
    if (!buf_addc(&key, 'k'))
        return err_nomem(e);
    if (writing ? l->world.extract(l->world.arg, lk, values, true, &id, e)
                : l->world.origin_of(l->world.arg, lk, values, &id, &key, e))
        return -1;
    stored = id ? lens_ref_bytes(l, id) : lens_keep(l, buf_span(&key));
    if (!stored.p || !record_set(r, lk->ref, ENTRY_VALUE, stored))
        return err_nomem(e);
    return id ? bring_fresh(s, lk, r, e) : 0;
}

static int bring_nested(struct lens *l, const struct version *v, const struct group *g,
                        uint32_t upto, struct record *r, struct err *e)
{
    (void)g;
    for (size_t i = 0; i < r->n; i++) {
        struct entry *en = &r->e[i];
        const struct slot_info *si;
        if (en->kind > ENTRY_DERIVED || !en->bytes.n || en->slot >= l->cat->n_slots)
            continue;
        si = &l->cat->slots[en->slot];
        if (!si->type || !type_structured(si->type))
            continue;
        struct view vw = {v, si->shapes, si->n_shapes};
        if (lens_value_bring(l, vw, si->type, en->bytes, upto, &en->bytes, e))
            return -1;
    }
    return 0;
}

/* Own bytes get their hash before the values they stand on leave the record. */
static int bring_raws(struct lens *l, struct span key, const struct record *cur,
                      struct record *ret, struct err *e)
{
    for (size_t i = 0; i < cur->n; i++) {
        const struct entry *en = &cur->e[i];
        const struct version *v;
        const struct shape *s;
        struct span raw;
        if (en->kind != ENTRY_RAW || !en->bytes.n || en->bytes.p[0] != 0)
            continue;
        const struct catalog_entry *ce = catalog_entry(l->cat, en->slot >> RAW_SHAPE_BITS);
        v = ce && ce->state != VERSION_GONE ? ce->v : NULL;
        s = v ? version_shape(v, en->slot & ((1u << RAW_SHAPE_BITS) - 1)) : NULL;
        if (!s || !quotes_others(l, s))
            continue;
        if (lens_raw(l, v, s, cur, key, &raw, e))
            return -1;
        record_drop(ret, en->slot, ENTRY_RAW);
        if (raw.p && raw_set_as(l, v, s, ret, cur, key, raw, e))
            return -1;
    }
    return 0;
}

int lens_bring(struct lens *l, const struct version *v, const struct group *g, struct span key,
               const struct record *cur, uint32_t upto, bool writing, struct record *ret,
               struct err *e)
{
    struct sight s = {.l = l, .v = v, .g = g, .rec = ret, .key = key};
    size_t i = 0, k = 0;

    if (!record_copy(cur, ret))
        return err_nomem(e);
    if (cur->gen >= upto)
        return 0;
    /* Steps in order; ret->gen stays behind until the end, so that a link's fields are read from
     * the record itself. */
    while (i < g->n_forward || k < g->n_links) {
        const struct formula *f = i < g->n_forward ? g->forward[i].f : NULL;
        const struct link *lk = k < g->n_links ? g->links[k] : NULL;
        bool link_first = lk && (!f || lk->step < f->step);
        uint32_t step = link_first ? lk->step : f->step;
        if (step > upto)
            break;
        if (step > cur->gen && (link_first ? bring_link(&s, lk, writing, ret, e)
                                           : bring_formula(&s, f, ret, e)))
            return -1;
        link_first ? k++ : i++;
    }
    if (!writing)
        return 0;
    if (bring_nested(l, v, g, upto, ret, e) || bring_raws(l, key, cur, ret, e))
        return -1;
    ret->gen = upto;
    return 0;
}

/* ---- Folding ---- */

static int unfold_slot(const struct sight *s, slot_no slot, struct record *r, struct err *e)
{
    const struct entry *en = record_get(r, slot);
    struct span now;
    if (sight_slot(s, slot, &now, e))
        return -1;
    record_drop(r, slot, ENTRY_BASIS);
    if (en && span_eq(now, en->bytes))
        return 0;
    if (!now.p && !en)
        return 0;
    return record_set(r, slot, now.p && !en ? ENTRY_VALUE : ENTRY_DERIVED, now) ? 0 : err_nomem(e);
}

int lens_unfold(struct lens *l, const struct version *v, const struct group *g, struct span key,
                struct record *r, struct err *e)
{
    struct record now RECORD_CLEANUP = RECORD_INIT;
    struct sight s = {.l = l, .v = v, .g = g, .rec = r, .key = key};

    if (!record_copy(r, &now))
        return err_nomem(e);
    for (size_t k = 0; k < g->n_links; k++)
        for (size_t i = 0; i < g->links[k]->n; i++)
            if (unfold_slot(&s, g->links[k]->here[i], &now, e))
                return -1;
    for (size_t k = 0; k < g->n_retired; k++) { /* back into the holder, for good */
        for (size_t i = 0; i < g->retired[k]->n; i++)
            if (unfold_slot(&s, g->retired[k]->here[i], &now, e))
                return -1;
        record_unset(&now, g->retired[k]->ref);
    }
    for (size_t i = 0; i < r->n; i++)
        if (r->e[i].kind == ENTRY_BASIS && unfold_slot(&s, r->e[i].slot, &now, e))
            return -1;
    struct record old = *r;
    *r = now;
    now = old;
    return 0;
}

/* What a writer decided in a seeded slot depends on nothing any more (I5). */
static bool is_source(const struct lens *l, const struct formula *f, const struct record *r)
{
    const struct entry *en = record_get(r, f->out);
    if (f->out >= l->cat->n_slots || l->cat->slots[f->out].source != f)
        return false;
    return f->mode != FORMULA_SEEDED || (en && en->kind == ENTRY_DERIVED);
}

static int add_basis(const struct sight *s, const struct applied *a, size_t n, struct record *r,
                     struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        const struct formula *f = a[i].f;
        struct span *inputs, bytes;
        if (!is_source(s->l, f, r))
            continue;
        if (sight_inputs(s, f, &inputs, e))
            return -1;
        struct remembered m = {formula_id(f), {0}, inputs_encode(s->l, inputs, f->n_inputs)};
        bytes = m.inputs.p ? remembered_write(s->l, &m) : (struct span){0};
        if (!bytes.p || !record_set(r, f->out, ENTRY_BASIS, bytes))
            return err_nomem(e);
    }
    return 0;
}

int lens_fold(struct lens *l, const struct version *v, const struct group *g, struct span key,
              struct record *r, struct err *e)
{
    struct sight s = {.l = l, .v = v, .g = g, .rec = r, .key = key, .flat = true};
    record_drop(r, SLOT_NONE, ENTRY_BASIS);
    if (add_basis(&s, g->backward, g->n_backward, r, e) ||
        add_basis(&s, g->forward, g->n_forward, r, e))
        return -1;
    for (size_t k = 0; k < g->n_links; k++)
        if (link_fold(&s, g->links[k], r, e))
            return -1;
    return 0;
}

/* ---- Text ---- */

static int field_text(struct lens *l, struct view vw, const struct field *f, const struct sight *at,
                      unsigned depth, struct buf *out, bool *first, struct err *e)
{
    struct span stored;
    if (sight_slot(at, f->slot, &stored, e))
        return -1;
    if (!stored.p && !f->def.p)
        return 0;
    if ((!*first && !buf_addc(out, ',')) || !buf_addc(out, '\n') ||
        !buf_reserve(out, 2 * (depth + 1)))
        return err_nomem(e);
    *first = false;
    memset(out->p + out->n, ' ', 2 * (depth + 1));
    out->n += 2 * (depth + 1);
    if (!json_write_string(span_of(f->name), out) || !buf_adds(out, ": "))
        return err_nomem(e);
    if (stored.p)
        return lens_render(l, vw, f->type, stored, depth + 1, out, e);
    bool ok = depth == 0 ? buf_addspan(out, f->def) : json_reindent(f->def, 1, depth + 1, out);
    return ok ? 0 : err_nomem(e);
}

/* The keys that an open type keeps in no field, those that a field's name hides left out. */
static int extra_text(struct lens *l, const struct shape *s, const struct sight *at,
                      unsigned depth, struct buf *out, bool *first, struct err *e)
{
    struct span extra = entry_value(at->rec, SLOT_EXTRA);
    struct json_node *n;
    if (!s->open || !extra.p)
        return 0;
    if (json_parse(extra.p, extra.n, &l->arena, &n, e))
        return -1;
    for (const struct json_node *m = n->child; m; m = m->next) {
        if (shape_field(s, m->name))
            continue;
        if ((!*first && !buf_addc(out, ',')) || !buf_addc(out, '\n') ||
            !buf_reserve(out, 2 * (depth + 1)))
            return err_nomem(e);
        *first = false;
        memset(out->p + out->n, ' ', 2 * (depth + 1));
        out->n += 2 * (depth + 1);
        if (!json_write_string(m->name, out) || !buf_adds(out, ": ") ||
            !json_write(m, depth + 1, out))
            return err_nomem(e);
    }
    return 0;
}

int lens_object_text(struct lens *l, struct view vw, const struct shape *s,
                     const struct sight *at, unsigned depth, struct buf *out, struct err *e)
{
    bool first = true;
    if (!buf_addc(out, '{'))
        return err_nomem(e);
    for (size_t i = 0; i < s->n_fields; i++)
        if (field_text(l, vw, &s->fields[i], at, depth, out, &first, e))
            return -1;
    if (extra_text(l, s, at, depth, out, &first, e))
        return -1;
    if (!first) {
        if (!buf_addc(out, '\n') || !buf_reserve(out, 2 * depth))
            return err_nomem(e);
        memset(out->p + out->n, ' ', 2 * depth);
        out->n += 2 * depth;
    }
    return buf_addc(out, '}') ? 0 : err_nomem(e);
}

/* What v needs of a record that may be from before it. */
static int seen(struct lens *l, const struct version *v, const struct shape *s,
                const struct record *rec, struct span key, struct record *brought,
                struct sight *ret, struct err *e)
{
    const struct group *g = catalog_group(l->cat, s->coll);
    uint32_t upto = v->step_end ? v->step_end - 1 : 0;
    *ret = (struct sight){.l = l, .v = v, .g = g, .rec = rec, .key = key};
    /* a link of a newer version may show this one another value than the item holds */
    if (g->n_links && g->links[g->n_links - 1]->step > upto)
        upto = g->links[g->n_links - 1]->step;
    if (rec->gen >= upto)
        return 0;
    if (lens_bring(l, v, g, key, rec, upto, false, brought, e))
        return -1;
    ret->rec = brought;
    return 0;
}

static int line_text(const struct buf *canonical, struct span key, struct buf *out, struct err *e)
{
    struct buf line BUF_CLEANUP = BUF_INIT;
    bool empty = canonical->n == 2;
    if (!json_to_line(buf_span(canonical), &line) || !buf_adds(out, "{\"_key\": ") ||
        !json_write_string(key, out) || !buf_adds(out, empty ? "" : ", ") ||
        !buf_add(out, line.p + 1, line.n - 1) || !buf_addc(out, '\n'))
        return err_nomem(e);
    return 0;
}

static int canonical_text(struct lens *l, const struct version *v, const struct shape *s,
                          const struct record *rec, struct span key, struct buf *out,
                          struct err *e)
{
    struct record brought RECORD_CLEANUP = RECORD_INIT;
    struct sight at;
    if (seen(l, v, s, rec, key, &brought, &at, e))
        return -1;
    return lens_object_text(l, view_of(v), s, &at, 0, out, e);
}

int lens_text(struct lens *l, const struct version *v, const struct shape *s,
              const struct record *rec, struct span key, bool line, struct buf *out, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct span raw;
    if (line) {
        if (canonical_text(l, v, s, rec, key, &text, e))
            return -1;
        return line_text(&text, key, out, e);
    }
    if (lens_raw(l, v, s, rec, key, &raw, e))
        return -1;
    if (raw.p)
        return buf_addspan(out, raw) ? 0 : err_nomem(e);
    if (canonical_text(l, v, s, rec, key, out, e))
        return -1;
    return buf_addc(out, '\n') ? 0 : err_nomem(e);
}

/* ---- A writer's own bytes ---- */

/* Text that quotes other items (keys of references, fields read over them) stands only while they
 * say the same: then the bytes carry a hash of the canonical text they were written as. */
static bool quotes_others(const struct lens *l, const struct shape *s)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];
        if (type_structured(f->type) ||
            (f->slot < l->cat->n_slots && l->cat->slots[f->slot].is_volatile))
            return true;
    }
    return false;
}

static uint64_t hash64(struct span s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
    return h;
}

static int text_hash(struct lens *l, const struct version *v, const struct shape *s,
                     const struct record *rec, struct span key, uint64_t *ret, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    if (canonical_text(l, v, s, rec, key, &text, e))
        return -1;
    *ret = hash64(buf_span(&text));
    return 0;
}

/* Own bytes from before a link came carry no hash: they stand while the record's own values are
 * what the version shows. */
static int own_values_stand(struct lens *l, const struct version *v, const struct shape *s,
                            const struct record *rec, struct span key, bool *ret, struct err *e)
{
    struct record brought RECORD_CLEANUP = RECORD_INIT;
    struct sight at;
    struct span now;

    if (seen(l, v, s, rec, key, &brought, &at, e))
        return -1;
    for (size_t i = 0; i < s->n_fields && *ret; i++) {
        slot_no slot = s->fields[i].slot;
        if (slot >= l->cat->n_slots || !l->cat->slots[slot].is_volatile)
            continue;
        if (sight_slot(&at, slot, &now, e))
            return -1;
        *ret = span_eq(now, entry_value(rec, slot));
    }
    return 0;
}

int lens_raw(struct lens *l, const struct version *v, const struct shape *s,
             const struct record *rec, struct span key, struct span *ret, struct err *e)
{
    const struct entry *en = record_find(rec, raw_slot(v, s), ENTRY_RAW);
    uint64_t was, now;
    bool stands = true;
    *ret = (struct span){0};
    if (!en || !en->bytes.n)
        return 0;
    if (en->bytes.p[0] == 0) {
        if (quotes_others(l, s) && own_values_stand(l, v, s, rec, key, &stands, e))
            return -1;
        if (stands)
            *ret = (struct span){en->bytes.p + 1, en->bytes.n - 1};
        return 0;
    }
    if (en->bytes.n < 1 + sizeof was)
        return err_set(e, ERR_IO, "damaged record: own bytes are cut short");
    memcpy(&was, en->bytes.p + 1, sizeof was);
    if (text_hash(l, v, s, rec, key, &now, e))
        return -1;
    if (was == now)
        *ret = (struct span){en->bytes.p + 1 + sizeof was, en->bytes.n - 1 - sizeof was};
    return 0;
}

/* as: the record whose text through v they are. */
static int raw_set_as(struct lens *l, const struct version *v, const struct shape *s,
                      struct record *rec, const struct record *as, struct span key,
                      struct span text, struct err *e)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    uint64_t hash;
    bool quotes = quotes_others(l, s);
    if (s->id >> RAW_SHAPE_BITS)
        return 0;
    if (!buf_addc(&b, quotes))
        return err_nomem(e);
    if (quotes) {
        if (text_hash(l, v, s, as, key, &hash, e))
            return -1;
        if (!buf_add(&b, &hash, sizeof hash))
            return err_nomem(e);
    }
    struct span bytes = buf_addspan(&b, text) ? lens_keep(l, buf_span(&b)) : (struct span){0};
    return bytes.p && record_set(rec, raw_slot(v, s), ENTRY_RAW, bytes) ? 0 : err_nomem(e);
}

int lens_raw_set(struct lens *l, const struct version *v, const struct shape *s,
                 struct record *rec, struct span key, struct span text, struct err *e)
{
    return raw_set_as(l, v, s, rec, rec, key, text, e);
}

/* ---- The rest of lens.h that only reads ---- */

int lens_snapshot(struct lens *l, const struct version *v, const struct shape *s,
                  const struct record *rec, struct span key, struct record *ret, struct err *e)
{
    struct record brought RECORD_CLEANUP = RECORD_INIT;
    const struct group *g = catalog_group(l->cat, s->coll);
    struct span raw;

    if (lens_raw(l, v, s, rec, key, &raw, e) ||
        lens_bring(l, v, g, key, rec, l->cat->last_step, false, &brought, e) ||
        bring_nested(l, v, g, l->cat->last_step, &brought, e) ||
        lens_unfold(l, v, g, key, &brought, e))
        return -1;
    if (!record_copy(&brought, ret))
        return err_nomem(e);
    if (!raw.p)
        record_drop(ret, raw_slot(v, s), ENTRY_RAW);
    record_drop(ret, SLOT_NONE, ENTRY_MEMORY);
    return 0;
}

int lens_materialize(struct lens *l, uint32_t coll, struct span key, const struct record *cur,
                     uint32_t upto, struct record *ret, bool *ret_changed, struct err *e)
{
    const struct catalog *c = l->cat;
    const struct group *g = catalog_group(c, coll);
    *ret_changed = cur->gen < upto;
    if (!*ret_changed || !c->n_entries)
        return record_copy(cur, ret) ? 0 : err_nomem(e);
    const struct version *v = c->entries[c->n_entries - 1].v;
    if (lens_bring(l, v, g, key, cur, upto, true, ret, e) || lens_unfold(l, v, g, key, ret, e))
        return -1;
    return lens_fold(l, v, g, key, ret, e);
}

int lens_field(struct lens *l, const struct version *v, const struct shape *s,
               const struct field *f, const struct record *rec, struct span key, bool shown,
               struct span *ret, bool *ret_set, struct err *e)
{
    struct record brought RECORD_CLEANUP = RECORD_INIT;
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct sight at;
    struct span stored;

    if (seen(l, v, s, rec, key, &brought, &at, e) || sight_slot(&at, f->slot, &stored, e))
        return -1;
    *ret_set = stored.p || (shown && f->def.p);
    if (!*ret_set)
        return 0;
    if (stored.p ? lens_render(l, view_of(v), f->type, stored, 1, &b, e)
                 : !buf_addspan(&b, f->def))
        return err_nomem(e);
    *ret = lens_keep(l, buf_span(&b));
    return ret->p ? 0 : err_nomem(e);
}

struct slot_fn {
    int (*fn)(void *arg, slot_no slot, uint64_t target);
    void *arg;
    slot_no slot;
};

static int with_slot(void *arg, uint64_t target)
{
    struct slot_fn *f = arg;
    return f->fn(f->arg, f->slot, target);
}

int lens_refs(struct lens *l, const struct record *rec,
              int (*fn)(void *arg, slot_no slot, uint64_t target), void *arg, struct err *e)
{
    for (size_t i = 0; i < rec->n; i++) {
        const struct entry *en = &rec->e[i];
        const struct slot_info *si = en->slot < l->cat->n_slots ? &l->cat->slots[en->slot] : NULL;
        struct slot_fn with = {fn, arg, en->slot};
        if (en->kind > ENTRY_DERIVED || !en->bytes.n || !si || !si->type ||
            !type_structured(si->type))
            continue;
        int rc = lens_value_refs(si->type, si->shapes, si->n_shapes, en->bytes, with_slot, &with, e);
        if (rc)
            return rc;
    }
    return 0;
}
