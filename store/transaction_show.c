/* What a transaction shows of items: their text, and in a dry run the first differences. */
#include "transaction_int.h"

#include "difference.h"

#define DIFFERENCES_SHOWN 10
#define VALUE_SHOWN       80

int transaction_text(struct run *r, const struct action *a, const struct item_row *row,
                     struct buf *out, struct err *e)
{
    struct shape hold;

    return lens_text(&r->lens, r->v, shape_of_coll(a->target, id_coll(row->id), &hold), &row->rec, buf_span(&row->key), true, out, e);
}

struct showing {
    struct run *r;
    const struct action *a;
    struct span key;
};

static bool add_value(struct buf *b, struct span value)
{
    if (!value.p)
        return buf_adds(b, "unset");
    bool cut = value.n > VALUE_SHOWN;
    while (cut && value.n > VALUE_SHOWN - 4)
        value.n--;
    while (cut && value.n && (value.p[value.n] & 0xc0) == 0x80)
        value.n--;
    return buf_addspan(b, value) && (!cut || buf_adds(b, "..."));
}

/* "Dog/rex.name: " */
static bool add_place(const struct showing *s, struct span field)
{
    struct buf *b = &s->r->differences;
    return buf_printf(b, "  %s/%.*s", s->a->target->name, (int)s->key.n, s->key.p) &&
           (!field.p || buf_printf(b, ".%.*s", (int)field.n, field.p)) && buf_adds(b, ": ");
}

static bool has_room(struct run *r)
{
    if (r->n_differences < DIFFERENCES_SHOWN) {
        r->n_differences++;
        return true;
    }
    r->n_more++;
    return false;
}

static int show_field(void *arg, struct span field, struct span before, struct span after)
{
    struct showing *s = arg;
    struct buf *b = &s->r->differences;
    if (has_room(s->r) && add_place(s, field) && add_value(b, before) && buf_adds(b, " -> ") &&
        add_value(b, after))
        (void)buf_addc(b, '\n');
    return 0;
}

int transaction_show_whole(struct run *r, const struct action *a, const struct row *row,
                           const char *what, struct span text, struct err *e)
{
    struct showing s = {r, a, row->key};
    if (!r->dry || !has_room(r))
        return 0;
    while (text.n && text.p[text.n - 1] == '\n')
        text.n--;
    bool ok = add_place(&s, (struct span){0}) && buf_adds(&r->differences, what) &&
              (!text.n || add_value(&r->differences, text)) && buf_addc(&r->differences, '\n');
    return ok ? 0 : err_nomem(e);
}

/* What the write really did, read again. */
int transaction_show_changes(struct run *r, const struct action *a, const struct row *row,
                             struct span before, struct err *e)
{
    struct item_row now ITEM_ROW_CLEANUP = {0};
    struct buf after BUF_CLEANUP = BUF_INIT;
    struct showing s = {r, a, row->key};
    bool found;
    if (r->n_differences >= DIFFERENCES_SHOWN) {
        r->n_more++;
        return 0;
    }
    if (item_row_get(r->tx->c, row->now.id, &now, &found, e))
        return -1;
    if (!found)
        return 0;
    if (transaction_text(r, a, &now, &after, e))
        return -1;
    return differences(before, buf_span(&after), show_field, &s, e);
}
