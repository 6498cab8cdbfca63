/* A record seen through a version: slots, links, missing generations, text. */
#include "lens_int.h"

#include <assert.h>

#define LINE_BYTES 1000 /* enough for most items */

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
    l->world.elsewhere = NULL;
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

int inputs_decode(struct lens *l, struct span bytes, size_t n, const struct span **ret, struct err *e)
{
    const char *p = bytes.p, *end = p ? p + bytes.n : NULL;
    struct span *in = arena_alloc(&l->arena, (n + 1) * sizeof *in);
    uint64_t len;
    if (!in)
        return err_nomem(e);
    for (size_t i = 0; i < n && varint_read(&p, end, &len) && len <= (uint64_t)(end - p) + 1; i++)
        if (len) {
            in[i] = (struct span){p, (size_t)len - 1};
            p += len - 1;
        }
    *ret = in;
    return 0;
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

struct entry *remembered_find(const struct record *r, slot_no slot, uint64_t id, struct remembered *ret)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->e[i].slot == slot && r->e[i].kind == ENTRY_MEMORY && remembered_read(r->e[i].bytes, ret) &&
            remembered_by(ret, id))
            return &r->e[i];
    return NULL;
}

struct span remembered_write(struct lens *l, const struct remembered *m)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    if (!buf_addvarint(&b, m->id) || !add_optional(&b, m->value) || !buf_addspan(&b, m->inputs))
        return (struct span){0};
    return lens_keep(l, buf_span(&b));
}

/* ---- Slots ---- */

static const struct formula *formula_among(const struct applied *a, size_t n, uint64_t id,
                                           slot_no out)
{
    for (size_t i = 0; i < n; i++)
        if (formula_id(a[i].f) == id && a[i].f->out == out)
            return a[i].f;
    return NULL;
}

static const struct formula *formula_of(const struct group *g, uint64_t id, slot_no out)
{
    const struct formula *f = id & 1 ? formula_among(g->backward, g->n_backward, id, out)
                                     : formula_among(g->forward, g->n_forward, id, out);
    return f ? f : formula_among(g->past, g->n_past, id, out);
}

/* The remembered value of a formula under these inputs. */
static bool recall(const struct record *r, slot_no slot, uint64_t id, struct span inputs,
                   struct span *ret)
{
    struct remembered m;
    if (!remembered_find(r, slot, id, &m) || !span_eq(m.inputs, inputs))
        return false;
    *ret = m.value;
    return true;
}

static bool is_nothing(struct span stored)
{
    return !stored.p || span_eq(stored, span_of("null")) || span_eq(stored, span_of("n"));
}

int kept_part(struct lens *l, const struct record *r, const struct formula *f, struct remembered now,
              struct kept *ret, struct err *e)
{
    *ret = (struct kept){0};
    if (is_nothing(now.value) && !remembered_find(r, f->out, formula_id(f), &now))
        return 0;
    ret->value = now.value;
    return inputs_decode(l, now.inputs, f->n_inputs, &ret->inputs, e);
}

/* A computed value whose inputs stand elsewhere: it holds only under the inputs in its basis. */
static int fresh(const struct sight *s, slot_no slot, const struct entry *basis, struct span *ret,
                 struct err *e)
{
    struct remembered b;
    struct span *inputs, stored = record_value(s->rec, slot);
    const struct formula *f;
    struct kept kept;

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
    b.value = stored;
    return kept_part(s->l, s->rec, f, b, &kept, e) || sight_eval(&deeper, f, inputs, kept, ret, e) ? -1 : 0;
}

/* The newest of a slot's links whose step the record is up to. */
static const struct link *link_then(const struct sight *s, slot_no slot, size_t *ret_index)
{
    for (size_t k = s->g->n_links; k-- > 0;)
        for (size_t i = 0; s->g->links[k]->step <= s->rec->gen && i < s->g->links[k]->n; i++)
            if (s->g->links[k]->here[i] == slot) {
                *ret_index = i;
                return s->g->links[k];
            }
    return NULL;
}

int sight_slot(const struct sight *s, slot_no slot, struct span *ret, struct err *e)
{
    const struct catalog *c = s->l->cat;
    const struct slot_info *si = slot < c->n_slots ? &c->slots[slot] : NULL;
    bool own = true;

    *ret = record_value(s->rec, slot);
    if (s->flat || !si || !si->is_volatile)
        return 0;
    const struct link *lk = si->link;
    size_t i = si->link_index;
    if (lk && si->linked_before && s->rec->gen < lk->step)
        lk = link_then(s, slot, &i);
    if (lk && link_slot(s, lk, i, ret, &own, e))
        return -1;
    if (!own || (s->below && si->rank >= s->below))
        return 0;
    const struct entry *basis = record_find(s->rec, slot, ENTRY_BASIS);
    return basis ? fresh(s, slot, basis, ret, e) : 0;
}

struct view view_at(const struct lens *l, const struct version *reader, const struct formula *f,
                    const struct type_ref *t)
{
    const struct catalog *c = l->cat;
    const struct version *v = reader;
    for (size_t i = type_structured(t) ? c->n_entries : 0; i-- > 0;) {
        const struct version *own = c->entries[i].v;
        if (own->step_first <= f->step && f->step < own->step_end)
            v = own;
    }
    return (struct view){v, f->shapes, f->n_shapes, true, f->step};
}

static int input_text(const struct sight *s, const struct formula *f,
                      const struct formula_input *in, struct span *ret, struct err *e)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    if (in->slot == SLOT_KEY && !record_get(s->rec, SLOT_KEY)) {
        if (!json_write_string(s->key, &b))
            return err_nomem(e);
    } else {
        if (sight_slot(s, in->slot, ret, e))
            return -1;
        if (!ret->p || !type_structured(in->type))
            return 0;
        struct view vw = view_at(s->l, s->v, f, in->type);
        vw.bare = !in->shown;
        if (lens_render(s->l, vw, in->type, *ret, 1, &b, e))
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

static int known_of(const struct sight *s, const struct formula *f, struct known_refs *ret,
                    struct err *e)
{
    for (size_t i = 0; i < f->n_inputs && type_structured(f->out_type); i++) {
        const struct formula_input *in = &f->inputs[i];
        struct span stored;
        if (!type_structured(in->type))
            continue;
        if (sight_slot(s, in->slot, &stored, e) ||
            lens_value_known(s->l, view_at(s->l, s->v, f, in->type), in->type, stored, ret, e))
            return -1;
    }
    return 0;
}

/* Objects that a step only moves go on lacking what they lacked, though it be required. *ret_set is left where
 * others are in the result. */
static int encode_moved(const struct sight *s, const struct formula *f, const struct span *inputs, struct span json,
                        struct span prev, struct span *ret, bool *ret_set, struct err *e)
{
    struct arena a ARENA_CLEANUP = {0};
    struct view vw = view_at(s->l, s->v, f, f->out_type);
    struct value_was *was = arena_alloc(&a, (f->n_inputs + 1) * sizeof *was);
    struct value_beside beside = {.was = was, .computed = true};
    struct err why = ERR_INIT;
    struct json_node *out, *in;

    if (!was || json_parse(json.p, json.n, &a, &out, e))
        return was ? -1 : err_nomem(e);
    for (size_t i = 0; i < f->n_inputs; i++) {
        if (!inputs[i].p || !type_structured(f->inputs[i].type))
            continue;
        if (json_parse(inputs[i].p, inputs[i].n, &a, &in, e))
            return -1;
        was[beside.n++] = (struct value_was){in, f->inputs[i].type};
    }
    if (!beside.n || value_check_beside(f->out_type, out, &beside, vw.shapes, vw.n_shapes, &why))
        return why.code == ERR_NO_MEMORY ? err_nomem(e) : 0;
    return lens_encode_shown(s->l, vw, f->out_type, json, prev, ret, ret_set, e);
}

int sight_eval(const struct sight *s, const struct formula *f, const struct span *inputs,
               struct kept kept, struct span *ret, struct err *e)
{
    struct buf prev_text BUF_CLEANUP = BUF_INIT, out BUF_CLEANUP = BUF_INIT;
    struct view vw = view_at(s->l, s->v, f, f->out_type);
    const struct known_refs *outer = s->l->known;
    struct known_refs known = {0};
    struct span prev = kept.value;
    bool set = false;

    if (prev.p && type_structured(f->out_type)) {
        if (lens_render(s->l, vw, f->out_type, prev, 1, &prev_text, e))
            return -1;
        kept.value = buf_span(&prev_text);
    }
    if (expr_eval(s->l->env, f, inputs, kept.value, &out, &set, e))
        return -1;
    *ret = (struct span){0};
    if (!set)
        return 0;
    if (f->each && lens_keep_each(s->l, f, inputs, kept, &out, e))
        return -1;
    if (known_of(s, f, &known, e))
        return -1;
    s->l->known = &known;
    int rc = lens_encode_text(s->l, vw, f->out_type, buf_span(&out), prev, ret, &set, e);
    if (!rc && !set && f->fn)
        rc = encode_moved(s, f, inputs, buf_span(&out), prev, ret, &set, e);
    s->l->known = outer;
    if (rc)
        return -1;
    if (!set)
        *ret = (struct span){0};
    return 0;
}

/* ---- Text ---- */

static int field_text(struct lens *l, struct view vw, const struct field *f, const struct sight *at,
                      unsigned depth, struct buf *out, bool *first, struct err *e)
{
    struct span stored;
    if (sight_slot(at, f->slot, &stored, e))
        return -1;
    if (!stored.p && (!f->def.p || vw.bare))
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
static int extra_text(struct lens *l, const struct shape *s, const struct sight *at, unsigned depth,
                      struct buf *out, bool *first, struct err *e)
{
    struct span extra = record_value(at->rec, SLOT_EXTRA);
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

int lens_object_text(struct lens *l, struct view vw, const struct shape *s, const struct sight *at,
                     unsigned depth, struct buf *out, struct err *e)
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

int lens_seen(struct lens *l, const struct version *v, const struct shape *s,
              const struct record *rec, struct span key, struct record *brought, struct sight *ret,
              struct err *e)
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

/* The text's own brace becomes the space between the key and the first field. */
static int line_text(const struct buf *canonical, struct span key, struct buf *out, struct err *e)
{
    bool empty = canonical->n == 2;
    size_t brace;
    if (!buf_reserve(out, canonical->n + key.n + 16) || !buf_adds(out, "{\"_key\": ") ||
        !json_write_string(key, out) || !buf_addc(out, empty ? '}' : ','))
        return err_nomem(e);
    brace = out->n;
    if (!empty && !json_to_line(buf_span(canonical), out))
        return err_nomem(e);
    if (!empty)
        out->p[brace] = ' ';
    return buf_addc(out, '\n') ? 0 : err_nomem(e);
}

int lens_canonical(struct lens *l, const struct version *v, const struct shape *s,
                   const struct record *rec, struct span key, struct buf *out, struct err *e)
{
    struct record brought RECORD_CLEANUP = RECORD_INIT;
    struct sight at;
    if (lens_seen(l, v, s, rec, key, &brought, &at, e))
        return -1;
    return lens_object_text(l, view_of(v), s, &at, 0, out, e);
}

int lens_text(struct lens *l, const struct version *v, const struct shape *s,
              const struct record *rec, struct span key, bool line, struct buf *out, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct span raw, shown;
    if (line) {
        if (!buf_reserve(&text, LINE_BYTES))
            return err_nomem(e);
        if (lens_canonical(l, v, s, rec, key, &text, e) || lens_key(l, v, s, rec, key, &shown, e))
            return -1;
        return line_text(&text, shown, out, e);
    }
    if (lens_raw(l, v, s, rec, key, &raw, e))
        return -1;
    if (raw.p)
        return buf_addspan(out, raw) ? 0 : err_nomem(e);
    if (lens_canonical(l, v, s, rec, key, out, e))
        return -1;
    return buf_addc(out, '\n') ? 0 : err_nomem(e);
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
        lens_bring_nested(l, v, l->cat->last_step, &brought, e) ||
        lens_unfold(l, v, g, key, &brought, e))
        return -1;
    if (!record_copy(&brought, ret))
        return err_nomem(e);
    if (!raw.p)
        record_drop(ret, raw_slot(v, s), ENTRY_RAW);
    record_drop(ret, SLOT_NONE, ENTRY_MEMORY);
    record_drop(ret, SLOT_NONE, ENTRY_BEFORE);
    record_drop(ret, SLOT_NONE, ENTRY_ELSEWHERE);
    return 0;
}

static bool reads_past(const struct group *g, const struct record *r)
{
    struct remembered b;

    for (size_t i = 0; i < g->n_retired; i++)
        if (record_get(r, g->retired[i]->ref))
            return true;
    for (size_t i = 0; g->n_past && i < r->n; i++)
        if (r->e[i].kind == ENTRY_BASIS && remembered_read(r->e[i].bytes, &b) &&
            formula_among(g->past, g->n_past, b.id, r->e[i].slot))
            return true;
    return false;
}

bool lens_is_due(const struct catalog *c, uint32_t coll, const struct record *r, uint32_t upto)
{
    return r->gen < upto || reads_past(catalog_group(c, coll), r);
}

int lens_materialize(struct lens *l, uint32_t coll, struct span key, const struct record *cur,
                     uint32_t upto, struct record *ret, bool *ret_changed, struct err *e)
{
    const struct catalog *c = l->cat;
    const struct group *g = catalog_group(c, coll);
    struct record before RECORD_CLEANUP = RECORD_INIT, up RECORD_CLEANUP = RECORD_INIT;
    slot_no writer;
    bool is;

    *ret_changed = lens_is_due(c, coll, cur, upto);
    if (!*ret_changed || !c->n_entries)
        return record_copy(cur, ret) ? 0 : err_nomem(e);
    const struct version *v = c->entries[c->n_entries - 1].v;
    if (before_read(l, cur, &writer, &before, &is, e) ||
        lens_bring(l, v, g, key, cur, upto, true, ret, e) || lens_unfold(l, v, g, key, ret, e) ||
        lens_fold(l, v, g, key, ret, e))
        return -1;
    record_drop(ret, SLOT_NONE, ENTRY_BEFORE);
    if (!is)
        return 0;
    return lens_bring_before(l, v, g, key, &before, ret, upto, &up, e) ||
                   before_keep(l, writer, &up, g->n_links, ret, e)
               ? -1
               : 0;
}

int lens_field(struct lens *l, const struct version *v, const struct shape *s,
               const struct field *f, const struct record *rec, struct span key, bool shown,
               struct span *ret, bool *ret_set, struct err *e)
{
    struct record brought RECORD_CLEANUP = RECORD_INIT;
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct sight at;
    struct span stored;

    if (lens_seen(l, v, s, rec, key, &brought, &at, e) || sight_slot(&at, f->slot, &stored, e))
        return -1;
    *ret_set = stored.p || (shown && f->def.p);
    if (!*ret_set)
        return 0;
    if (stored.p ? lens_render(l, view_of(v), f->type, stored, 1, &b, e) : !buf_addspan(&b, f->def))
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
        int rc = lens_value_refs(l->cat, si->type, en->bytes, with_slot, &with, e);
        if (rc)
            return rc;
    }
    return 0;
}
