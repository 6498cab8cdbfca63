/* The members of a JSON object laid over a record: only those in which it differs from what the item was at
 * open (I3). */
#include "lens_int.h"

int work_decide(struct work *w, slot_no slot, struct span stored, struct err *e)
{
    const struct entry *en = record_get(&w->r, slot);
    struct span now = en && en->bytes.n ? en->bytes : (struct span){0};
    if (w->create || !span_eq(now, stored))
        return work_set(w, slot, stored, e);
    if (!stored.p) {
        record_unset(&w->r, slot);
        return 0;
    }
    return record_set(&w->r, slot, ENTRY_VALUE, stored) ? 0 : err_nomem(e);
}

int lens_foresees(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                  bool *ret, struct err *e)
{
    struct known_refs refs = {0};

    *ret = false;
    if (lens_value_known(l, vw, t, stored, &refs, e))
        return -1;
    for (size_t i = 0; i < refs.n; i++)
        *ret |= refs.at[i].stored.p[0] == 'k';
    return 0;
}

/* A reference to a record that was not made yet came back as it was shown. */
static int foreseen_came_back(struct work *w, const struct field *f, const struct json_node *m,
                              struct span base, bool *ret, struct err *e)
{
    struct buf was BUF_CLEANUP = BUF_INIT, now BUF_CLEANUP = BUF_INIT;

    if (lens_foresees(w->l, w->vw, f->type, base, ret, e))
        return -1;
    if (!*ret)
        return 0;
    if (lens_render(w->l, w->vw, f->type, base, 1, &was, e))
        return -1;
    if (!json_write(m, 1, &now))
        return err_nomem(e);
    *ret = span_eq(buf_span(&was), buf_span(&now));
    return 0;
}

/* A default that was shown and comes back is still not written. The reader of a writer's own bytes
 * saw those instead: what stands in them comes back, a default that does not is written. */
static int default_came_back(const struct field *f, const struct json_node *m,
                             const struct json_node *shown, bool *ret, struct err *e)
{
    const struct json_node *was = shown ? json_member(shown, span_of(f->name)) : NULL;
    struct buf b BUF_CLEANUP = BUF_INIT, as BUF_CLEANUP = BUF_INIT;
    if (!json_write(m, 1, &b) || (was && !json_write(was, 1, &as)))
        return err_nomem(e);
    *ret = shown ? was && span_eq(buf_span(&b), buf_span(&as)) : span_eq(buf_span(&b), f->def);
    return 0;
}

static int lay_present(struct work *w, const struct field *f, const struct json_node *m,
                       struct span base, bool has_base, const struct json_node *shown,
                       struct err *e)
{
    struct span cur = base_value(&w->r, f->slot), stored;
    bool same = false;

    if (has_base && !base.p && f->def.p && !w->vw.bare && default_came_back(f, m, shown, &same, e))
        return -1;
    if (has_base && base.p && type_structured(f->type) &&
        foreseen_came_back(w, f, m, base, &same, e))
        return -1;
    if (same)
        return 0;
    if (lens_encode(w->l, w->vw, f->type, m, base, base.p ? base : cur, &stored, e))
        return -1;
    if (has_base && base.p && span_eq(stored, base))
        return 0;
    if (type_structured(f->type) && base.p && !span_eq(base, cur) &&
        lens_encode(w->l, w->vw, f->type, m, base, cur, &stored, e))
        return -1;
    return work_decide(w, f->slot, stored, e);
}

static int lay_absent(struct work *w, const struct field *f, struct span base, bool has_base,
                      const struct json_node *shown, struct err *e)
{
    struct span stored = {0};
    bool set = f->required && f->def.p && !w->vw.bare;
    if (has_base && (!base.p || (shown && !json_member(shown, span_of(f->name)))))
        return 0;
    if (set && lens_encode_text(w->l, w->vw, f->type, f->def, stored, &stored, &set, e))
        return -1;
    return work_decide(w, f->slot, set ? stored : (struct span){0}, e);
}

/* ---- The keys of an open type that are in no field: one object in a slot of its own ---- */

static int extra_of(struct work *w, struct span stored, struct json_node **ret, struct err *e)
{
    *ret = NULL;
    return stored.p ? json_parse(stored.p, stored.n, &w->l->arena, ret, e) : 0;
}

static int append_copy(struct work *w, struct json_node *list, struct json_node ***tail,
                       const struct json_node *m, struct err *e)
{
    struct json_node *copy = arena_alloc(&w->l->arena, sizeof *copy);
    if (!copy)
        return err_nomem(e);
    *copy = *m;
    copy->next = NULL;
    **tail = copy;
    *tail = &copy->next;
    list->n_children++;
    return 0;
}

static const struct json_node *key_in(const struct json_node *object, const struct json_node *m)
{
    return object ? json_member(object, m->name) : NULL;
}

/* The writer's keys in the writer's order, those that the text left as they were with their present
 * values; then the keys that a field's name hides here, or that another writer added. */
static int merge_extra(struct work *w, const struct json_node *object, const struct json_node *base,
                       const struct json_node *cur, struct json_node *ret, bool *ret_changed,
                       struct err *e)
{
    struct json_node **tail = &ret->child;

    *ret_changed = false;
    for (const struct json_node *m = object->child; m; m = m->next) {
        const struct json_node *was = key_in(base, m), *now = key_in(cur, m);
        if (shape_field(w->s, m->name) || is_key_member(m, true))
            continue;
        bool same = was && json_equal(was, m);
        *ret_changed |= !same;
        if (same && !now)
            continue;
        if (append_copy(w, ret, &tail, same ? now : m, e))
            return -1;
    }
    for (const struct json_node *m = base ? base->child : NULL; m; m = m->next)
        *ret_changed |= !shape_field(w->s, m->name) && !json_member(object, m->name);
    for (const struct json_node *m = cur ? cur->child : NULL; m; m = m->next)
        if ((shape_field(w->s, m->name) || (!key_in(base, m) && !json_member(object, m->name))) &&
            append_copy(w, ret, &tail, m, e))
            return -1;
    return 0;
}

static int lay_extra(struct work *w, const struct json_node *object, const struct record *base,
                     struct err *e)
{
    struct json_node kept = {.kind = JSON_OBJECT}, *was, *now;
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct span stored = {0};
    bool changed;

    if (extra_of(w, base_value(base, SLOT_EXTRA), &was, e) ||
        extra_of(w, base_value(&w->r, SLOT_EXTRA), &now, e) ||
        merge_extra(w, object, was, now, &kept, &changed, e))
        return -1;
    if (base && !changed)
        return 0;
    if (kept.child) {
        if (!json_write(&kept, 1, &b))
            return err_nomem(e);
        stored = lens_keep(w->l, buf_span(&b));
        if (!stored.p)
            return err_nomem(e);
    }
    return work_decide(w, SLOT_EXTRA, stored, e);
}

/* ---- All of them ---- */

int work_lay(struct work *w, const struct json_node *object, const struct record *base,
             const struct json_node *shown, struct err *e)
{
    for (size_t i = 0; i < w->s->n_fields; i++) {
        const struct field *f = &w->s->fields[i];
        const struct json_node *m = json_member(object, span_of(f->name));
        struct span was = base_value(base, f->slot);
        if (f->read_only)
            continue;
        if (m ? lay_present(w, f, m, was, base != NULL, shown, e)
              : lay_absent(w, f, was, base != NULL, shown, e)) {
            if (!e->line && m)
                err_at(e, e->code, m->line, m->column, "%s", e->text);
            return err_field(e, f->name);
        }
    }
    return w->s->open ? lay_extra(w, object, base, e) : 0;
}
