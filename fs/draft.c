#include "draft.h"

#include <assert.h>

static void start_sequence(struct draft *d)
{
    int (*on_name)(void *arg, struct span name, struct err *e) = d->scan.on_name;
    void *arg = d->scan.arg;

    json_scan_init(&d->scan);
    d->scan.on_name = on_name;
    d->scan.arg = arg;
    d->in_sequence = true;
    d->checked = false;
}

void draft_init(struct draft *d, size_t max_bytes, bool empty,
                int (*on_name)(void *arg, struct span name, struct err *e), void *arg)
{
    *d = (struct draft){.max_bytes = max_bytes, .loaded = empty};
    json_scan_init(&d->scan);
    d->scan.on_name = on_name;
    d->scan.arg = arg;
    if (empty)
        start_sequence(d);
}

void draft_deinit(struct draft *d)
{
    buf_free(&d->text);
}

int draft_load(struct draft *d, struct span text, bool append, struct err *e)
{
    assert(!d->loaded);
    if (!buf_add(&d->text, text.p, text.n))
        return err_nomem(e);
    d->loaded = true;
    if (!append)
        return 0;
    start_sequence(d);
    d->checked = true;
    return json_scan_feed(&d->scan, d->text.p, d->text.n, e);
}

static int refused_before(const struct draft *d, struct err *e)
{
    if (e->code == ERR_NONE)
        *e = d->why;
    return -1;
}

int draft_refuse(struct draft *d, struct err *e)
{
    assert(e->code != ERR_NONE);
    if (e->line && !e->excerpt[0])
        err_excerpt(e, d->text.p ? d->text.p : "", d->text.n);
    d->refused = true;
    d->why = *e;
    return -1;
}

/* Room for `end` bytes, zeroes in a gap. */
static int make_room(struct draft *d, uint64_t end, struct err *e)
{
    if (end > d->max_bytes)
        return err_set(e, ERR_TOO_BIG, "an item has at most %zu bytes", d->max_bytes);
    if (end <= d->text.n)
        return 0;
    if (!buf_reserve(&d->text, (size_t)end - d->text.n))
        return err_nomem(e);
    memset(d->text.p + d->text.n, 0, (size_t)end - d->text.n);
    d->text.n = (size_t)end;
    return 0;
}

static int put_bytes(struct draft *d, uint64_t offset, struct span bytes, struct err *e)
{
    if (make_room(d, offset + bytes.n, e) < 0) {
        /* What is too much is kept as well, of one write at most: it goes beside the item. */
        if (offset == d->text.n)
            buf_add(&d->text, bytes.p, bytes.n);
        return draft_refuse(d, e);
    }
    memcpy(d->text.p + offset, bytes.p, bytes.n);
    return 0;
}

int draft_write(struct draft *d, uint64_t offset, bool append, struct span bytes, bool *ret_check,
                struct err *e)
{
    if (d->refused)
        return refused_before(d, e);
    assert(d->loaded);
    if (append)
        offset = d->text.n;
    if (bytes.n == 0)
        return 0;
    d->dirty = true;
    if (offset != d->text.n)
        d->in_sequence = false;
    if (put_bytes(d, offset, bytes, e) < 0)
        return -1;
    if (!d->in_sequence)
        return 0;
    if (json_scan_feed(&d->scan, bytes.p, bytes.n, e) < 0)
        return draft_refuse(d, e);
    *ret_check = !d->checked && json_scan_complete(&d->scan);
    return 0;
}

int draft_truncate(struct draft *d, uint64_t size, struct err *e)
{
    if (d->refused)
        return refused_before(d, e);
    if (size == 0) {
        d->loaded = true;
        d->text.n = 0;
        /* Nothing is written yet: `>` alone is no save. */
        d->dirty = false;
        start_sequence(d);
        return 0;
    }
    assert(d->loaded);
    if (size == d->text.n)
        return 0;
    d->dirty = true;
    d->in_sequence = false;
    if (make_room(d, size, e) < 0)
        return draft_refuse(d, e);
    d->text.n = (size_t)size;
    return 0;
}

void draft_checked(struct draft *d)
{
    d->checked = true;
}

int draft_complete(const struct draft *d, struct err *e)
{
    if (d->refused)
        return refused_before(d, e);
    return d->in_sequence ? json_scan_finish(&d->scan, e) : 0;
}

void draft_published(struct draft *d)
{
    d->dirty = false;
}
