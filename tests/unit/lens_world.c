#include "lens_world.h"

#include <check.h>
#include <stdio.h>

#include "../../schemas/value.h"

static struct lw_item *by_id(struct lens_test *t, uint64_t id)
{
    for (size_t i = 0; i < t->n_items; i++)
        if (t->items[i].id == id)
            return &t->items[i];
    return NULL;
}

static struct lw_item *by_key(struct lens_test *t, uint32_t coll, struct span key)
{
    for (size_t i = 0; i < t->n_items; i++)
        if (t->items[i].coll == coll && span_eq(span_of(t->items[i].key), key))
            return &t->items[i];
    return NULL;
}

static int key_of(void *arg, const struct version *v, uint32_t shape, uint64_t id, struct buf *out,
                  bool *found, struct err *e)
{
    struct lw_item *it = by_id(arg, id);
    (void)v;
    (void)shape;
    *found = it != NULL;
    return !it || buf_adds(out, it->key) ? 0 : err_nomem(e);
}

static int id_of(void *arg, const struct version *v, uint32_t shape, struct span key,
                 uint64_t *ret_id, bool *found, struct err *e)
{
    struct shape *s = version_shape(v, shape);
    struct lw_item *it = s ? by_key(arg, s->coll, key) : NULL;
    (void)e;
    *found = it != NULL;
    *ret_id = it ? it->id : 0;
    return 0;
}

static int record_of(void *arg, uint64_t id, struct buf *hold, bool *found, struct err *e)
{
    struct lw_item *it = by_id(arg, id);
    *found = it != NULL;
    return !it || buf_addspan(hold, buf_span(&it->body)) ? 0 : err_nomem(e);
}

static void values_bytes(const struct span *values, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        ck_assert(buf_addvarint(out, values[i].p ? values[i].n + 1 : 0));
        ck_assert(buf_addspan(out, values[i].p ? values[i] : (struct span){"", 0}));
    }
}

static struct lw_made *made_of(struct lens_test *t, const struct link *l,
                               const struct link_values *values)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    values_bytes(values->same, l->n, &b);
    for (size_t i = 0; i < t->n_made; i++)
        if (t->made[i].step == l->step && span_eq(buf_span(&t->made[i].values), buf_span(&b)))
            return &t->made[i];
    return NULL;
}

static int origin_of(void *arg, const struct link *l, const struct link_values *values,
                     uint64_t *ret_id, struct buf *ret_key, struct err *e)
{
    struct lw_made *m = made_of(arg, l, values);
    *ret_id = m ? m->id : 0;
    return m || key_from_values(values->names, l->types, l->n, ret_key) ? 0 : err_nomem(e);
}

static struct lw_item *new_item(struct lens_test *t, uint32_t coll, const char *key)
{
    struct lw_item *it = &t->items[t->n_items++];
    ck_assert(t->n_items < LW_MAX);
    *it = (struct lw_item){.id = ((uint64_t)coll << 40) + t->next_id++, .coll = coll};
    snprintf(it->key, sizeof it->key, "%s", key);
    return it;
}

static int store(struct lw_item *it, const struct record *r)
{
    struct buf b = BUF_INIT;
    ck_assert(record_encode(r, &b));
    buf_free(&it->body);
    it->body = b;
    return 0;
}

/* Making a record may make others. */
static int extract(void *arg, const struct link *l, const struct link_values *values, bool origin,
                   uint64_t *ret_id, struct err *e)
{
    struct lens_test *t = arg;
    const struct lw_made *m = made_of(t, l, values);
    struct buf key BUF_CLEANUP = BUF_INIT;
    struct record r RECORD_CLEANUP = RECORD_INIT;
    struct lens lens;
    (void)origin;
    if (m) {
        *ret_id = m->id;
        return 0;
    }
    ck_assert(key_from_values(values->names, l->types, l->n, &key));
    lens_init(&lens, t->cat, t->env, &t->lens.world);
    int rc = lens_link_record(&lens, l, values, buf_span(&key), &r, e);
    if (rc == 0) {
        struct lw_item *it = new_item(t, l->target_coll, buf_str(&key));
        store(it, &r);
        t->made[t->n_made] = (struct lw_made){l->step, it->id, BUF_INIT};
        values_bytes(values->same, l->n, &t->made[t->n_made++].values);
        *ret_id = it->id;
    }
    lens_deinit(&lens);
    return rc;
}

/* The holder's key, or one like it. */
static struct lw_item *item_like(struct lens_test *t, uint32_t coll, struct span key)
{
    char like[128];
    snprintf(like, sizeof like, "%.*s", (int)key.n, key.p);
    for (unsigned n = 2; by_key(t, coll, span_of(like)); n++)
        snprintf(like, sizeof like, "%.*s~%u", (int)key.n, key.p, n);
    return new_item(t, coll, like);
}

static int assign(void *arg, const struct link *l, uint64_t id, struct span holder_key,
                  const struct span *values, bool only_unset, uint64_t *ret_id, struct err *e)
{
    struct lens_test *t = arg;
    struct lw_item *it = id         ? by_id(t, id)
                         : t->spare ? by_id(t, t->spare)
                                    : item_like(t, l->target_coll, holder_key);
    struct record cur RECORD_CLEANUP = RECORD_INIT, now RECORD_CLEANUP = RECORD_INIT;
    struct lens_change change;
    struct lens lens; /* another call of the world's own is in progress */

    *ret_id = id;
    if (!it)
        return 0;
    t->spare = id ? t->spare : 0;
    lens_init(&lens, t->cat, t->env, &t->lens.world);
    int rc = id ? record_decode(buf_span(&it->body), &cur, e) : 0;
    if (!rc)
        rc = lens_assign(&lens, l, span_of(it->key), values, only_unset, id ? &cur : NULL, &now,
                         &change, e);
    if (!rc)
        store(it, &now);
    lens_deinit(&lens);
    *ret_id = it->id;
    return rc;
}

static int restore(void *arg, uint64_t id, const struct record *rec, bool *ret_is, struct err *e)
{
    struct lens_test *t = arg;
    struct lw_item *it = by_id(t, id);

    (void)e;
    *ret_is = it != NULL;
    if (!it)
        return 0;
    t->spare = rec ? t->spare == id ? 0 : t->spare : id;
    return rec ? store(it, rec) : 0;
}

/* What the write before made and this one did not. */
static void drop_spare(struct lens_test *t)
{
    struct lw_item *it = t->spare ? by_id(t, t->spare) : NULL;

    t->spare = 0;
    if (!it)
        return;
    buf_free(&it->body);
    *it = t->items[--t->n_items];
}

void lt_init(struct lens_test *t)
{
    struct err e = ERR_INIT;
    *t = (struct lens_test){.next_id = 1, .next = {1, 1, SLOT_FIRST, 1}};
    ck_assert_int_eq(expr_env_new(&t->env, &e), 0);
}

void lt_free(struct lens_test *t)
{
    lens_deinit(&t->lens);
    catalog_unref(t->cat);
    for (size_t i = 0; i < t->n_entries; i++)
        version_unref(t->entries[i].v);
    for (size_t i = 0; i < t->n_items; i++)
        buf_free(&t->items[i].body);
    for (size_t i = 0; i < t->n_made; i++)
        buf_free(&t->made[i].values);
    buf_free(&t->text);
    expr_env_free(t->env);
}

static void renew(struct lens_test *t)
{
    struct err e = ERR_INIT;
    struct lens_world w = {.arg = t,
                           .key_of = key_of,
                           .id_of = id_of,
                           .record_of = record_of,
                           .origin_of = origin_of,
                           .extract = extract,
                           .assign = assign,
                           .restore = restore};
    lens_deinit(&t->lens);
    catalog_unref(t->cat);
    t->cat = NULL;
    ck_assert_int_eq(catalog_new(t->entries, t->n_entries, 0, 1, &t->next, &t->cat, &e), 0);
    lens_init(&t->lens, t->cat, t->env, &w);
}

void lt_add(struct lens_test *t, const char *yaml)
{
    char name[VERSION_NAME_SIZE], from[VERSION_NAME_SIZE], text[1024];
    struct version *parent = NULL, *v;
    struct err e = ERR_INIT;
    int rc = schema_peek("test.yaml", span_of(yaml), name, from, &e);
    for (size_t i = 0; i < t->n_entries; i++)
        if (!strcmp(t->entries[i].v->name, from))
            parent = t->entries[i].v;
    if (!rc)
        rc = schema_compile("test.yaml", span_of(yaml), parent, &t->next, t->env, &v, &e);
    err_format(&e, text, sizeof text);
    ck_assert_msg(rc == 0, "%s", text);
    t->entries[t->n_entries++] = (struct catalog_entry){v, VERSION_LIVE};
    t->next = (struct schema_counters){t->next.number + 1, v->step_end, v->slot_end, v->shape_end};
    renew(t);
}

void lt_state(struct lens_test *t, const char *version, enum version_state state)
{
    for (size_t i = 0; i < t->n_entries; i++)
        if (!strcmp(t->entries[i].v->name, version))
            t->entries[i].state = state;
    renew(t);
}

static struct version *version_named(struct lens_test *t, const char *version)
{
    struct version *v = NULL;
    for (size_t i = 0; i < t->n_entries; i++)
        if (!strcmp(t->entries[i].v->name, version))
            v = t->entries[i].v;
    ck_assert_ptr_nonnull(v);
    return v;
}

static struct shape *shape_of(struct lens_test *t, const char *version, const char *type,
                              struct version **ret_v)
{
    struct version *v = version_named(t, version);
    struct shape *s = version_shape_named(v, span_of(type));
    ck_assert_msg(s != NULL, "no type %s in %s", type, version);
    *ret_v = v;
    return s;
}

int lt_put_base(struct lens_test *t, const char *version, const char *type, const char *key,
                const char *text, const struct buf *base)
{
    struct version *v;
    struct shape *s = shape_of(t, version, type, &v);
    struct lw_item *it = by_key(t, s->coll, span_of(key));
    struct record cur RECORD_CLEANUP = RECORD_INIT, was RECORD_CLEANUP = RECORD_INIT;
    struct record ret RECORD_CLEANUP = RECORD_INIT;
    struct lens_change change;

    t->err = (struct err)ERR_INIT;
    if (it)
        ck_assert_int_eq(record_decode(buf_span(&it->body), &cur, &t->err), 0);
    if (base)
        ck_assert_int_eq(record_decode(buf_span(base), &was, &t->err), 0);
    int rc = lens_put(&t->lens, v, s, span_of(key), span_of(text), false, base ? &was : NULL,
                      it ? &cur : NULL, &ret, &change, &t->err);
    if (!rc) {
        it = by_key(t, s->coll, span_of(key));
        store(it ? it : new_item(t, s->coll, key), &ret);
    }
    lens_reset(&t->lens);
    drop_spare(t);
    return rc;
}

int lt_put(struct lens_test *t, const char *version, const char *type, const char *key,
           const char *text)
{
    return lt_put_base(t, version, type, key, text, NULL);
}

void lt_rename(struct lens_test *t, const char *version, const char *type, const char *key,
               const char *new_key)
{
    struct version *v;
    struct shape *s = shape_of(t, version, type, &v);
    struct lw_item *it = by_key(t, s->coll, span_of(key));
    struct record cur RECORD_CLEANUP = RECORD_INIT, ret RECORD_CLEANUP = RECORD_INIT;
    struct lens_change change;
    struct err e = ERR_INIT;

    ck_assert_ptr_nonnull(it);
    ck_assert_int_eq(record_decode(buf_span(&it->body), &cur, &e), 0);
    snprintf(it->key, sizeof it->key, "%s", new_key);
    ck_assert_int_eq(lens_rekey(&t->lens, v, s, span_of(key), span_of(new_key), &cur, &ret, &change,
                                &e),
                     0);
    store(it, &ret);
    lens_reset(&t->lens);
}

void lt_open(struct lens_test *t, const char *version, const char *type, const char *key,
             struct buf *ret)
{
    struct version *v;
    struct shape *s = shape_of(t, version, type, &v);
    struct lw_item *it = by_key(t, s->coll, span_of(key));
    struct record cur RECORD_CLEANUP = RECORD_INIT, snap RECORD_CLEANUP = RECORD_INIT;
    struct err e = ERR_INIT;
    *ret = (struct buf)BUF_INIT;
    ck_assert_ptr_nonnull(it);
    ck_assert_int_eq(record_decode(buf_span(&it->body), &cur, &e), 0);
    ck_assert_int_eq(lens_snapshot(&t->lens, v, s, &cur, span_of(key), &snap, &e), 0);
    ck_assert(record_encode(&snap, ret));
    lens_reset(&t->lens);
}

static const char *get(struct lens_test *t, const char *version, const char *type, const char *key,
                       bool line)
{
    struct version *v;
    struct shape *s = shape_of(t, version, type, &v);
    struct lw_item *it = by_key(t, s->coll, span_of(key));
    struct record cur RECORD_CLEANUP = RECORD_INIT;
    struct err e = ERR_INIT;
    if (!it)
        return "(none)";
    buf_reset(&t->text);
    ck_assert_int_eq(record_decode(buf_span(&it->body), &cur, &e), 0);
    int rc = lens_text(&t->lens, v, s, &cur, span_of(key), line, &t->text, &e);
    ck_assert_msg(rc == 0, "%s", e.text);
    lens_reset(&t->lens);
    return buf_str(&t->text);
}

const char *lt_get(struct lens_test *t, const char *version, const char *type, const char *key)
{
    return get(t, version, type, key, false);
}

const char *lt_line(struct lens_test *t, const char *version, const char *type, const char *key)
{
    return get(t, version, type, key, true);
}

static void backfill(struct lens_test *t, uint32_t upto)
{
    for (size_t i = 0; i < t->n_items; i++) {
        struct record cur RECORD_CLEANUP = RECORD_INIT, now RECORD_CLEANUP = RECORD_INIT;
        struct err e = ERR_INIT;
        bool changed;
        struct buf body = t->items[i].body; /* extraction may move the array's bytes */
        t->items[i].body = (struct buf)BUF_INIT;
        ck_assert(buf_addspan(&t->items[i].body, buf_span(&body)));
        ck_assert_int_eq(record_decode(buf_span(&body), &cur, &e), 0);
        ck_assert_int_eq(lens_materialize(&t->lens, t->items[i].coll, span_of(t->items[i].key),
                                          &cur, upto, &now, &changed, &e),
                         0);
        store(&t->items[i], &now);
        buf_free(&body);
        lens_reset(&t->lens);
    }
}

void lt_backfill(struct lens_test *t)
{
    backfill(t, t->cat->last_step);
}

void lt_backfill_to(struct lens_test *t, const char *version)
{
    backfill(t, version_named(t, version)->step_end - 1);
}
