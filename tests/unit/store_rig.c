#include "store_rig.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "../../store/verbs.h"

static void on_change(void *arg, const struct store_change *changes, size_t n)
{
    static const char *const names[] = {"ITEM", "ADDED", "REMOVED", "MANY"};
    struct rig *r = arg;

    pthread_mutex_lock(&r->changes_lock);
    for (size_t i = 0; i < n; i++) {
        struct buf key BUF_CLEANUP = BUF_INIT;
        const struct store_change *c = &changes[i];
        if (c->key)
            buf_adds(&key, c->key);
        else if (c->id)
            buf_printf(&key, "%llu", (unsigned long long)id_number(c->id));
        buf_printf(&r->changes, "%s%s%s%.*s", r->changes.n ? ", " : "", names[c->kind],
                   key.n ? " " : "", (int)key.n, key.p ? key.p : "");
    }
    pthread_mutex_unlock(&r->changes_lock);
}

void rig_reopen(struct rig *r, const struct store_options *o)
{
    static const struct store_options usual = {.create = true, .no_jobs = true};

    store_close(r->s);
    r->s = NULL;
    err_clear(&r->err);
    ck_assert_msg(store_open(r->path, o ? o : &usual, &r->s, &r->err) == 0, "%s", r->err.text);
    store_on_change(r->s, on_change, r);
}

void rig_init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    pthread_mutex_init(&r->changes_lock, NULL);
    snprintf(r->dir, sizeof r->dir, "/tmp/schemafs-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(r->dir));
    snprintf(r->path, sizeof r->path, "%s/store", r->dir);
    rig_reopen(r, NULL);
}

static void remove_dir(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    while (d && (entry = readdir(d)))
        unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
    rmdir(dir);
}

void rig_free(struct rig *r)
{
    store_close(r->s);
    remove_dir(r->dir);
    buf_free(&r->text);
    buf_free(&r->changes);
    pthread_mutex_destroy(&r->changes_lock);
}

void rig_free_sound(struct rig *r)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    size_t findings;

    err_clear(&r->err);
    ck_assert_msg(store_fsck(r->s, &report, &findings, &r->err) == 0, "%s", r->err.text);
    ck_assert_msg(findings == 0, "%s", buf_str(&report));
    rig_free(r);
}

/* ---- Versions ---- */

struct adding {
    struct rig *r;
    const char *yaml;
    const char *name;
    enum version_state state;
};

/* The catalog's entries, and room for one more. */
static struct catalog_entry *entries_of(const struct catalog *c)
{
    struct catalog_entry *l = calloc(c->n_entries + 1, sizeof *l);
    ck_assert_ptr_nonnull(l);
    if (c->n_entries)
        memcpy(l, c->entries, c->n_entries * sizeof *l);
    return l;
}

static int build_uniques(struct store_tx *tx, const struct version *v, struct err *e)
{
    for (size_t i = 0; i < v->n_shapes; i++)
        for (size_t k = 0; k < v->shapes[i]->n_uniques; k++)
            if (unique_build(tx, v, v->shapes[i], &v->shapes[i]->uniques[k], NULL, NULL, e))
                return -1;
    return 0;
}

static int add_op(struct store_tx *tx, void *arg, struct err *e)
{
    struct adding *a = arg;
    struct schema_counters first = tx->cat->next, next;
    char name[VERSION_NAME_SIZE], from[VERSION_NAME_SIZE];
    struct version *v, *parent;
    struct catalog *cat;
    struct catalog_entry *l;
    int rc;

    if (schema_peek("test.yaml", span_of(a->yaml), name, from, e))
        return -1;
    parent = from[0] ? catalog_version(tx->cat, span_of(from)) : NULL;
    if (schema_compile("test.yaml", span_of(a->yaml), parent, &first, tx->c->env, &v, e))
        return -1;
    l = entries_of(tx->cat);
    l[tx->cat->n_entries] = (struct catalog_entry){v, VERSION_LIVE};
    next = (struct schema_counters){v->number + 1, v->step_end, v->slot_end, v->shape_end};
    rc = catalog_new(l, tx->cat->n_entries + 1, v->number, tx->cat->epoch + 1, &next, &cat, e);
    free(l);
    if (rc == 0)
        rc = tx_set_catalog(tx, cat, e);
    if (rc == 0)
        rc = version_row_insert(tx, v, &first, e);
    if (rc == 0)
        rc = build_uniques(tx, v, e);
    version_unref(v);
    return rc;
}

void rig_add(struct rig *r, const char *yaml)
{
    struct adding a = {.r = r, .yaml = yaml};

    err_clear(&r->err);
    ck_assert_msg(store_write(r->s, TX_ALONE | TX_DURABLE, add_op, &a, &r->err) == 0, "%s",
                  r->err.text);
}

static int state_op(struct store_tx *tx, void *arg, struct err *e)
{
    struct adding *a = arg;
    struct catalog_entry *l = entries_of(tx->cat);
    struct catalog *cat;
    int rc = 0;

    for (size_t i = 0; i < tx->cat->n_entries; i++)
        if (strcmp(l[i].v->name, a->name) == 0) {
            l[i].state = a->state;
            rc = version_row_state(tx, l[i].v->number, a->state, e);
        }
    if (rc == 0)
        rc = catalog_new(l, tx->cat->n_entries, tx->cat->default_number, tx->cat->epoch + 1,
                         &tx->cat->next, &cat, e);
    free(l);
    return rc ? -1 : tx_set_catalog(tx, cat, e);
}

void rig_state(struct rig *r, const char *version, enum version_state state)
{
    struct adding a = {.r = r, .name = version, .state = state};

    err_clear(&r->err);
    ck_assert_msg(store_write(r->s, TX_ALONE | TX_DURABLE, state_op, &a, &r->err) == 0, "%s",
                  r->err.text);
}

const struct version *rig_version(struct rig *r, const char *name)
{
    struct catalog *c = store_catalog(r->s);
    const struct version *v = catalog_version(c, span_of(name));

    ck_assert_msg(v != NULL, "no version %s", name);
    catalog_unref(c); /* the store's catalogs keep their versions */
    return v;
}

const struct shape *rig_type(const struct version *v, const char *name)
{
    const struct shape *s = version_shape_named(v, span_of(name));
    ck_assert_msg(s != NULL, "no type %s", name);
    return s;
}

/* ---- Items ---- */

static int lookup(struct rig *r, const struct version *v, const struct shape *s, const char *key,
                  struct item_stat *ret)
{
    struct catalog *c = store_catalog(r->s);
    int rc;

    err_clear(&r->err);
    rc = store_lookup(r->s, c, v, s, span_of(key), ret, NULL, &r->err);
    catalog_unref(c);
    return rc;
}

uint64_t rig_number(struct rig *r, const char *version, const char *type, const char *key)
{
    const struct version *v = rig_version(r, version);
    struct item_stat stat;
    return lookup(r, v, rig_type(v, type), key, &stat) ? 0 : stat.number;
}

int rig_put(struct rig *r, const char *version, const char *type, const char *key, const char *text)
{
    const struct version *v = rig_version(r, version);
    struct store_put put = {.key = span_of(key), .text = span_of(text)};

    err_clear(&r->err);
    return store_put(r->s, v, rig_type(v, type), &put, NULL, &r->err);
}

int rig_delete(struct rig *r, const char *version, const char *type, const char *key)
{
    const struct version *v = rig_version(r, version);
    const struct shape *s = rig_type(v, type);
    struct item_stat stat;

    if (lookup(r, v, s, key, &stat))
        return -1;
    return store_delete(r->s, v, s, stat.number, &r->err);
}

int rig_rename(struct rig *r, const char *version, const char *type, const char *from,
               const char *to)
{
    const struct version *v = rig_version(r, version);
    const struct shape *s = rig_type(v, type);
    struct item_stat stat;

    if (lookup(r, v, s, from, &stat))
        return -1;
    return store_rename(r->s, v, s, s, stat.number, span_of(to), false, &r->err);
}

int rig_append(struct rig *r, const char *version, const char *type, const char *lines)
{
    const struct version *v = rig_version(r, version);

    err_clear(&r->err);
    return store_append(r->s, v, rig_type(v, type), span_of(lines), NULL, &r->err);
}

const char *rig_get(struct rig *r, const char *version, const char *type, const char *key)
{
    const struct version *v = rig_version(r, version);
    const struct shape *s = rig_type(v, type);
    struct catalog *c;
    struct item_stat stat, again;

    buf_reset(&r->text);
    if (lookup(r, v, s, key, &stat))
        return r->err.code == ERR_NOT_FOUND ? "(none)" : r->err.text;
    c = store_catalog(r->s);
    ck_assert_msg(store_read(r->s, c, v, s, stat.number, &again, &r->text, &r->err) == 0, "%s",
                  r->err.text);
    catalog_unref(c);
    ck_assert_uint_eq(stat.size_bytes, r->text.n);
    ck_assert_uint_eq(again.size_bytes, r->text.n);
    return buf_str(&r->text);
}

struct listing {
    struct rig *r;
    const char *key;
};

static int list_key(void *arg, struct span key, const struct item_stat *stat, struct span text)
{
    struct listing *l = arg;

    (void)stat;
    (void)text;
    if (l->r->text.n)
        buf_addc(&l->r->text, ' ');
    buf_addspan(&l->r->text, key);
    return 0;
}

static int list_line(void *arg, struct span key, const struct item_stat *stat, struct span text)
{
    struct listing *l = arg;

    ck_assert_uint_eq(stat->size_bytes, text.n);
    if (span_eq(key, span_of(l->key)))
        buf_add(&l->r->text, text.p, text.n - 1);
    return 0;
}

static const char *list(struct rig *r, const char *version, const char *type, unsigned flags,
                        store_list_fn fn, const char *key)
{
    const struct version *v = rig_version(r, version);
    struct listing l = {r, key};
    struct catalog *c = store_catalog(r->s);

    buf_reset(&r->text);
    err_clear(&r->err);
    ck_assert_msg(store_list(r->s, c, v, rig_type(v, type), 0, flags, fn, &l, &r->err) == 0, "%s",
                  r->err.text);
    catalog_unref(c);
    return buf_str(&r->text);
}

const char *rig_line(struct rig *r, const char *version, const char *type, const char *key)
{
    return list(r, version, type, LIST_STAT | LIST_LINES | LIST_TEXT, list_line, key);
}

const char *rig_keys(struct rig *r, const char *version, const char *type)
{
    return list(r, version, type, 0, list_key, NULL);
}

int64_t rig_count(struct rig *r, const char *version, const char *type)
{
    const struct version *v = rig_version(r, version);
    return store_count(r->s, v, rig_type(v, type));
}

/* ---- The rest ---- */

static int backfill_op(struct store_tx *tx, void *arg, struct err *e)
{
    struct id_list ids ID_LIST_CLEANUP = {0};
    sqlite3_stmt *st;
    bool row;
    int rc;

    (void)arg;
    if (conn_prepare(tx->c, "SELECT id FROM item", &st, e))
        return -1;
    while (!(rc = conn_step(tx->c, st, &row, e)) && row && !rc)
        rc = id_list_add(&ids, column_id(st, 0), e);
    sqlite3_finalize(st);
    for (size_t i = 0; i < ids.n && rc == 0; i++) {
        struct item_row item ITEM_ROW_CLEANUP = {0};
        bool found, changed;
        rc = item_row_get(tx->c, ids.ids[i], &item, &found, e);
        if (rc == 0 && found)
            rc = item_materialize(tx, &item, tx->cat->last_step, &changed, e);
    }
    return rc;
}

void rig_backfill(struct rig *r)
{
    err_clear(&r->err);
    ck_assert_msg(store_write(r->s, TX_ALONE, backfill_op, NULL, &r->err) == 0, "%s", r->err.text);
}

const char *rig_changes(struct rig *r)
{
    buf_reset(&r->text);
    pthread_mutex_lock(&r->changes_lock);
    buf_addspan(&r->text, buf_span(&r->changes));
    buf_reset(&r->changes);
    pthread_mutex_unlock(&r->changes_lock);
    return buf_str(&r->text);
}

int64_t rig_sql(struct rig *r, const char *sql)
{
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    int64_t n;

    err_clear(&r->err);
    ck_assert_msg(reader_get(r->s, NULL, &c, &r->err) == 0, "%s", r->err.text);
    ck_assert_msg(conn_prepare(c, sql, &st, &r->err) == 0, "%s", sqlite3_errmsg(c->db));
    ck_assert_int_eq(conn_step(c, st, &row, &r->err), 0);
    n = row ? sqlite3_column_int64(st, 0) : -1;
    sqlite3_finalize(st);
    reader_put(c);
    return n;
}
