#include "difference.h"

struct comparing {
    difference_fn fn;
    void *arg;
    struct buf before, after;
};

static int line_of(const struct json_node *m, struct buf *out, struct span *ret, struct err *e)
{
    *ret = (struct span){0};
    buf_reset(out);
    if (!m)
        return 0;
    if (!json_write_line(m, out))
        return err_nomem(e);
    *ret = buf_span(out);
    return 0;
}

/* 1 = the listener has had enough. */
static int compare(struct comparing *c, struct span name, const struct json_node *before,
                   const struct json_node *after, struct err *e)
{
    struct span was, is;
    if (span_eq(name, span_of("_key")))
        return 0;
    if (line_of(before, &c->before, &was, e) || line_of(after, &c->after, &is, e))
        return -1;
    return span_eq(was, is) ? 0 : c->fn(c->arg, name, was, is) != 0;
}

static int compare_all(struct comparing *c, const struct json_node *before,
                       const struct json_node *after, struct err *e)
{
    int rc = 0;
    for (const struct json_node *m = before->child; m && !rc; m = m->next)
        rc = compare(c, m->name, m, json_member(after, m->name), e);
    for (const struct json_node *m = after->child; m && !rc; m = m->next)
        if (!json_member(before, m->name))
            rc = compare(c, m->name, NULL, m, e);
    return rc < 0 ? -1 : 0;
}

int differences(struct span before, struct span after, difference_fn fn, void *arg, struct err *e)
{
    struct arena arena ARENA_CLEANUP = {0};
    struct comparing c = {.fn = fn, .arg = arg};
    struct json_node *a, *b;
    if (json_parse_object(before.p, before.n, &arena, &a, e) ||
        json_parse_object(after.p, after.n, &arena, &b, e))
        return -1;
    int rc = compare_all(&c, a, b, e);
    buf_free(&c.before);
    buf_free(&c.after);
    return rc;
}
