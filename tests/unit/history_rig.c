#include "history_rig.h"

#include <check.h>
#include <ctype.h>

#include "../../store/history.h"

struct revisions {
    struct rig *r;
    const struct version *v;
    const struct shape *s;
    struct catalog *c;
    struct buf out;
    int64_t last_ns;
    size_t n;
    uint64_t revision[64];
    int64_t at_ns[64];
};

static int take_revision(void *arg, int64_t at_ns, uint64_t revision)
{
    struct revisions *l = arg;

    ck_assert_int_gt(at_ns, l->last_ns);
    ck_assert_uint_lt(l->n, 64);
    l->last_ns = at_ns;
    l->revision[l->n] = revision;
    l->at_ns[l->n++] = at_ns;
    return 0;
}

/* Line breaks and indentation count as one space. */
static void add_flat(struct buf *out, struct span text)
{
    bool space = false;

    for (size_t i = 0; i < text.n; i++) {
        bool is = isspace((unsigned char)text.p[i]);
        if (is && !space && i + 1 < text.n)
            ck_assert(buf_addc(out, ' '));
        if (!is)
            ck_assert(buf_addc(out, text.p[i]));
        space = is;
    }
}

static void read_all(struct revisions *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct buf text BUF_CLEANUP = BUF_INIT;
        struct item_stat stat;
        uint64_t again;

        ck_assert_msg(store_history_read(l->r->s, l->c, l->v, l->s, l->revision[i], &stat, &text,
                                         &l->r->err) == 0,
                      "%s", l->r->err.text);
        ck_assert_uint_eq(stat.size_bytes, text.n);
        ck_assert_int_eq(store_history_at(l->r->s, l->c, l->v, l->s, stat.number, l->at_ns[i], &again,
                                          &l->r->err),
                         0);
        ck_assert_uint_eq(again, l->revision[i]);
        ck_assert(i == 0 || buf_adds(&l->out, "; "));
        add_flat(&l->out, buf_span(&text));
    }
}

const char *rig_history(struct rig *r, const char *version, const char *type, const char *key)
{
    struct revisions l = {.r = r, .v = rig_version(r, version), .c = store_catalog(r->s)};
    uint64_t number;

    l.s = rig_type(l.v, type);
    err_clear(&r->err);
    buf_reset(&r->text);
    if (store_history_find(r->s, l.c, l.v, l.s, span_of(key), &number, &r->err)) {
        ck_assert_int_eq(r->err.code, ERR_NOT_FOUND);
        buf_adds(&l.out, "(none)");
    } else {
        ck_assert_msg(store_history_list(r->s, l.c, l.v, l.s, number, 0, take_revision, &l,
                                         &r->err) == 0,
                      "%s", r->err.text);
        ck_assert_uint_gt(l.n, 0);
        read_all(&l);
    }
    catalog_unref(l.c);
    buf_addspan(&r->text, buf_span(&l.out));
    buf_free(&l.out);
    return buf_str(&r->text);
}

static int take_name(void *arg, struct span key, uint64_t number)
{
    struct rig *r = arg;

    ck_assert_uint_gt(number, 0);
    if (r->text.n)
        buf_addc(&r->text, ' ');
    buf_addspan(&r->text, key);
    return 0;
}

const char *rig_history_names(struct rig *r, const char *version, const char *type)
{
    struct catalog *c = store_catalog(r->s);
    const struct version *v = rig_version(r, version);

    buf_reset(&r->text);
    ck_assert_msg(store_history_names(r->s, c, v, rig_type(v, type), 0, take_name, r, &r->err) == 0,
                  "%s", r->err.text);
    catalog_unref(c);
    return buf_str(&r->text);
}
