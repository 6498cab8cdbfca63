/* No loss inside a value: the members of objects, and the elements of lists and maps, of which one changed. */
#include "run_int.h"

bool says_same(const struct json_node *was, const struct json_node *now,
               const struct field *f)
{
    const struct json_node *x = json_member(was, span_of(f->name));
    const struct json_node *y = json_member(now, span_of(f->name));
    struct buf a BUF_CLEANUP = BUF_INIT, b BUF_CLEANUP = BUF_INIT;
    if (!x || !y)
        return !x && !y;
    MUST(json_write_line(x, &a) && json_write_line(y, &b));
    return span_eq(buf_span(&a), buf_span(&b));
}

static struct span member_shown(struct inside *in, const struct field *f,
                                const struct json_node *object)
{
    const struct json_node *m = json_member(object, span_of(f->name));
    return m ? shown_value(in->a, in->theirs, in->n_theirs, f->type, m) : (struct span){0};
}

static void reach_inside(const struct shape *s, const struct json_node *was,
                         const struct json_node *now, struct reach *ret)
{
    for (size_t i = 0; i < s->n_fields; i++)
        if (!says_same(was, now, &s->fields[i]))
            reach_add(ret, s->fields[i].slot);
    reach_close(ret);
}

/* Fields of an object that don't follow from those that changed are kept; in those that did, their
 * parts in turn. */
static bool object_kept(struct inside *in, const struct type_ref *t, const struct json_node *was,
                        const struct json_node *now, const struct json_node *was_theirs,
                        const struct json_node *now_theirs)
{
    const struct shape *s = shapes_find(in->mine, in->n_mine, t->shape);
    const struct shape *o = shapes_find(in->theirs, in->n_theirs, t->shape);
    struct reach reach REACH_CLEANUP = {0};

    if (!s || !o)
        return true;
    reach_init(&reach, in->r->main.cat);
    reach_inside(s, was, now, &reach);
    if (in->renames)
        reach_references(&reach);
    for (size_t i = 0; i < o->n_fields; i++) {
        const struct field *f = &o->fields[i], *m = shape_field_by_slot(s, f->slot);
        if (!reach_has(&reach, f->slot) &&
            !span_eq(member_shown(in, f, was_theirs), member_shown(in, f, now_theirs)))
            return broken(in->r, LAW_NO_LOSS, "%s: \"%s\" inside it changed", in->where, f->name);
        if (m && !values_kept(in, f->type, json_member(was, span_of(m->name)),
                              json_member(now, span_of(m->name)),
                              json_member(was_theirs, span_of(f->name)),
                              json_member(now_theirs, span_of(f->name))))
            return false;
    }
    return true;
}

static const struct json_node *element(const struct json_node *list, size_t i)
{
    const struct json_node *c = list->child;
    while (i--)
        c = c->next;
    return c;
}

static bool same_content(const struct json_node *a, const struct json_node *b)
{
    if (a->kind != b->kind || a->n_children != b->n_children)
        return false;
    if (a->kind != JSON_OBJECT && a->kind != JSON_ARRAY)
        return a->kind < JSON_NUMBER || span_eq(a->text, b->text);
    for (const struct json_node *c = a->child, *d = b->child; c; c = c->next, d = d->next) {
        const struct json_node *other = a->kind == JSON_ARRAY ? d : json_member(b, c->name);
        if (!other || !same_content(c, other))
            return false;
    }
    return true;
}

/* Alike in all that both say: a member that is left out may be one that shows a default. */
static bool may_be_same(const struct json_node *a, const struct json_node *b)
{
    if (a->kind != JSON_OBJECT || b->kind != JSON_OBJECT)
        return same_content(a, b);
    for (const struct json_node *c = a->child; c; c = c->next) {
        const struct json_node *d = json_member(b, c->name);
        if (d && !may_be_same(c, d))
            return false;
    }
    return true;
}

static size_t times_in(const struct json_node *list, const struct json_node *elem, size_t *ret_last)
{
    size_t i = 0, n = 0;
    for (const struct json_node *c = list->child; c; c = c->next, i++)
        if (may_be_same(c, elem)) {
            *ret_last = i;
            n++;
        }
    return n;
}

static bool stays(const struct json_node *was, const struct json_node *now, size_t i)
{
    return i < was->n_children && i < now->n_children && same_content(element(was, i), element(now, i));
}

/* Which element the i-th is that now stands there: the one with its text, or that was edited alone between two that
 * stayed. SIZE_MAX: more than one could be meant, as where the same text stands twice and the list is longer now. */
static size_t element_before(const struct json_node *was, const struct json_node *now, size_t i)
{
    size_t n = now->n_children, at = 0, unused = 0;
    size_t times = times_in(was, element(now, i), &at);
    if (n == was->n_children && stays(was, now, i))
        return i;
    if (times == 1 && times_in(now, element(now, i), &unused) == 1)
        return same_content(element(was, at), element(now, i)) ? at : SIZE_MAX;
    return !times && n == was->n_children && !times_in(now, element(was, i), &unused) &&
                   (i == 0 || stays(was, now, i - 1)) && (i + 1 == n || stays(was, now, i + 1))
               ? i
               : SIZE_MAX;
}

static bool elements_kept(struct inside *in, const struct type_ref *t, const struct json_node *was,
                          const struct json_node *now, const struct json_node *was_theirs,
                          const struct json_node *now_theirs)
{
    if (in->again || was->n_children != was_theirs->n_children || now->n_children != now_theirs->n_children)
        return true;
    for (size_t i = 0; i < now->n_children; i++) {
        size_t at = element_before(was, now, i);
        if (at != SIZE_MAX && !values_kept(in, t->elem, element(was, at), element(now, i), element(was_theirs, at),
                                           element(now_theirs, i)))
            return false;
    }
    return true;
}

static bool parts_kept(struct inside *in, const struct type_ref *t, const struct json_node *was,
                       const struct json_node *now, const struct json_node *was_theirs,
                       const struct json_node *now_theirs)
{
    for (const struct json_node *n = now->child; n; n = n->next)
        if (!values_kept(in, t->elem, json_member(was, n->name), n, json_member(was_theirs, n->name),
                         json_member(now_theirs, n->name)))
            return false;
    return true;
}

bool values_kept(struct inside *in, const struct type_ref *t, const struct json_node *was,
                        const struct json_node *now, const struct json_node *was_theirs,
                        const struct json_node *now_theirs)
{
    enum json_kind kind = t->base == T_LIST ? JSON_ARRAY : JSON_OBJECT;
    if (!was || !now || !was_theirs || !now_theirs || !(t->elem || t->base == T_OBJECT) ||
        was->kind != kind || now->kind != kind || was_theirs->kind != kind ||
        now_theirs->kind != kind)
        return true;
    if (t->base == T_OBJECT)
        return object_kept(in, t, was, now, was_theirs, now_theirs);
    return t->base == T_LIST ? elements_kept(in, t, was, now, was_theirs, now_theirs)
                             : parts_kept(in, t, was, now, was_theirs, now_theirs);
}
