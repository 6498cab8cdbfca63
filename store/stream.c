/* Whole types in and out, as JSON Lines. */
#include "internal.h"
#include "verbs.h"

/* ---- Out ---- */

struct exporting {
    int (*fn)(void *arg, struct span line);
    void *arg;
};

static int export_line(void *arg, struct span key, const struct item_stat *stat, struct span text)
{
    struct exporting *x = arg;
    (void)key, (void)stat;
    return x->fn(x->arg, text) != 0;
}

int store_export(struct store *s, const struct version *v, const struct shape *shape,
                 int (*fn)(void *arg, struct span line), void *arg, struct err *e)
{
    struct exporting x = {fn, arg};
    struct catalog *cat = store_catalog(s);
    int rc = store_list(s, cat, v, shape, 0, LIST_TEXT | LIST_LINES, export_line, &x, e);
    catalog_unref(cat);
    return rc;
}

/* ---- In ---- */

struct importing {
    const struct version *v;
    const struct shape *s;
    int (*next)(void *arg, struct span *ret);
    void *arg;
    struct buf rest; /* an unfinished line */
    unsigned line;   /* the number of the first line not yet taken */
    size_t items;
};

static unsigned count_lines(struct span s)
{
    unsigned n = 0;
    for (const char *p = s.p, *end = s.p + s.n; p < end && (p = memchr(p, '\n', (size_t)(end - p)));
         p++)
        n++;
    return n;
}

static int take_lines(struct store_tx *tx, struct importing *im, struct span lines, struct err *e)
{
    size_t n = 0;
    if (item_append(tx, im->v, im->s, lines, im->line, &n, e))
        return -1;
    im->items += n;
    im->line += count_lines(lines);
    return 0;
}

static int keep_rest(struct store_tx *tx, struct importing *im, struct span s, struct err *e)
{
    size_t limit = tx->store->max_item_bytes + KEY_MAX * 6 + 64;
    if (im->rest.n + s.n > limit)
        return err_at(e, ERR_TOO_BIG, im->line, 0,
                      "a line is longer than an item may be (%zu bytes)",
                      tx->store->max_item_bytes);
    return buf_addspan(&im->rest, s) ? 0 : err_nomem(e);
}

/* What a piece completes, then its whole lines without a copy, then the start of the next line. */
static int take_piece(struct store_tx *tx, struct importing *im, struct span piece, struct err *e)
{
    const char *last = piece.n ? memrchr(piece.p, '\n', piece.n) : NULL;
    if (!last)
        return keep_rest(tx, im, piece, e);
    struct span whole = {piece.p, (size_t)(last + 1 - piece.p)};
    struct span tail = {last + 1, piece.n - whole.n};
    if (im->rest.n) {
        size_t first = (size_t)((const char *)memchr(piece.p, '\n', piece.n) + 1 - piece.p);
        if (keep_rest(tx, im, (struct span){piece.p, first}, e) ||
            take_lines(tx, im, buf_span(&im->rest), e))
            return -1;
        buf_reset(&im->rest);
        whole = (struct span){piece.p + first, whole.n - first};
    }
    if (whole.n && take_lines(tx, im, whole, e))
        return -1;
    return tail.n ? keep_rest(tx, im, tail, e) : 0;
}

static int import_tx(struct store_tx *tx, void *arg, struct err *e)
{
    struct importing *im = arg;
    struct span piece;
    int rc;
    while ((rc = im->next(im->arg, &piece)) > 0)
        if (take_piece(tx, im, piece, e))
            return -1;
    if (rc < 0)
        return err_set(e, ERR_IO, "the input can't be read");
    return im->rest.n ? take_lines(tx, im, buf_span(&im->rest), e) : 0;
}

int store_import(struct store *s, const struct version *v, const struct shape *shape,
                 int (*next)(void *arg, struct span *ret), void *arg, size_t *ret_items,
                 struct err *e)
{
    struct importing im = {.v = v, .s = shape, .next = next, .arg = arg, .line = 1};
    int rc = store_write(s, TX_ALONE | TX_DURABLE, import_tx, &im, e);
    buf_free(&im.rest);
    if (!rc && ret_items)
        *ret_items = im.items;
    return rc ? -1 : 0;
}
