/* Lists and maps that are converted element by element (map_values, the enum steps, change_type): what a
 * conversion hides, it hides of an element. */
#include "checks.h"
#include "elements.h"
#include "lens_int.h"

/* One value on both sides of a conversion: what it is converted from, and what stands for that. */
struct sides {
    struct json_node *from, *to;
};

/* -1: no memory. was: as it was; now: as it is, now.to as the conversion alone gives it. */
static int keep_inside(struct arena *a, struct sides was, struct sides now);

static int keep_one(struct arena *a, struct sides was, struct sides now)
{
    if (!json_equal(was.from, now.from))
        return keep_inside(a, was, now);
    now.to->kind = was.to->kind;
    now.to->text = was.to->text;
    now.to->child = was.to->child;
    now.to->n_children = was.to->n_children;
    return 0;
}

static int texts_of(struct arena *a, const struct json_node *list, struct span **ret)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    size_t i = 0;
    if (!(*ret = arena_alloc(a, (list->n_children + 1) * sizeof **ret)))
        return -1;
    for (const struct json_node *c = list->child; c; c = c->next, i++) {
        buf_reset(&text);
        if (!elements_text(c, &text) || !((*ret)[i].p = arena_strndup(a, text.p, text.n)))
            return -1;
        (*ret)[i].n = text.n;
    }
    return 0;
}

static int keep_list(struct arena *a, struct sides was, struct sides now)
{
    size_t n = was.from->n_children, i = 0, *from = arena_alloc(a, (now.from->n_children + 1) * sizeof *from);
    struct sides *old = arena_alloc(a, (n + 1) * sizeof *old), at = {now.from->child, now.to->child};
    struct span *texts, *texts_now;
    if (!from || !old || texts_of(a, was.from, &texts) || texts_of(a, now.from, &texts_now) ||
        elements_align(texts, n, texts_now, now.from->n_children, a, from))
        return -1;
    for (struct sides o = {was.from->child, was.to->child}; o.from; o = (struct sides){o.from->next, o.to->next})
        old[i++] = o;
    for (; at.from; at = (struct sides){at.from->next, at.to->next}, from++)
        if (*from != ELEMENT_NEW && keep_one(a, old[*from], at))
            return -1;
    return 0;
}

static int keep_map(struct arena *a, struct sides was, struct sides now)
{
    for (struct json_node *c = now.from->child; c; c = c->next) {
        struct sides old = {json_member(was.from, c->name), json_member(was.to, c->name)};
        struct sides at = {c, json_member(now.to, c->name)};
        if (old.from && old.to && at.to && keep_one(a, old, at))
            return -1;
    }
    return 0;
}

static bool are(enum json_kind kind, struct sides s)
{
    return s.from->kind == kind && s.to->kind == kind && s.from->n_children == s.to->n_children;
}

static int keep_inside(struct arena *a, struct sides was, struct sides now)
{
    if (are(JSON_ARRAY, was) && are(JSON_ARRAY, now))
        return keep_list(a, was, now);
    if (are(JSON_OBJECT, was) && are(JSON_OBJECT, now))
        return keep_map(a, was, now);
    return 0;
}

/* What it was is what the conversion gives of what it was converted from, or nothing that it would: a default
 * that stood in. */
static int hides_nothing(const struct formula *f, struct kept kept, bool *ret, struct err *e)
{
    struct buf plain BUF_CLEANUP = BUF_INIT;
    struct span none = {0};
    bool set;
    if (f->fn(f, kept.inputs, none, &plain, &set, e))
        return -1;
    *ret = !set || span_eq(buf_span(&plain), kept.value);
    return 0;
}

int lens_keep_each(struct lens *l, const struct formula *f, const struct span *inputs, struct kept kept,
                   struct buf *json, struct err *e)
{
    struct arena arena ARENA_CLEANUP = {0};
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct sides was, now;
    bool nothing, fits = true;

    if (!kept.inputs || !kept.inputs[0].p || !kept.value.p || !inputs[0].p)
        return 0;
    if (hides_nothing(f, kept, &nothing, e))
        return -1;
    if (nothing)
        return 0;
    if (json_parse(kept.inputs[0].p, kept.inputs[0].n, &arena, &was.from, e) ||
        json_parse(kept.value.p, kept.value.n, &arena, &was.to, e) ||
        json_parse(inputs[0].p, inputs[0].n, &arena, &now.from, e) ||
        json_parse(json->p, json->n, &arena, &now.to, e))
        return -1;
    if (keep_inside(&arena, was, now) || !json_write(now.to, 1, &text))
        return err_nomem(e);
    if ((f->check || f->checked_inside) && checks_fit(l->env, f, buf_span(&text), &fits, e))
        return -1;
    if (!fits)
        return 0;
    buf_reset(json);
    return buf_addspan(json, buf_span(&text)) ? 0 : err_nomem(e);
}
