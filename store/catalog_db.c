/* The catalog as the store keeps it: every version's file with the counters at its adding, from
 * which compiling gives the same numbers again [I1]. */
#include "internal.h"

#include <limits.h>
#include <stdio.h>

#include "../schemas/checksum.h"

int meta_get(struct conn *c, const char *name, int64_t *ret, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_META_GET, e);
    bool row;

    if (!st)
        return -1;
    bind_text(st, 1, span_of(name));
    if (conn_step(c, st, &row, e))
        return -1;
    if (row)
        *ret = sqlite3_column_int64(st, 0);
    stmt_done(st);
    return 0;
}

static int meta_put(struct conn *c, const char *name, int64_t value, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_META_SET, e);

    if (!st)
        return -1;
    bind_text(st, 1, span_of(name));
    sqlite3_bind_int64(st, 2, value);
    return conn_run(c, st, e);
}

int meta_set(struct store_tx *tx, const char *name, int64_t value, struct err *e)
{
    return meta_put(tx->c, name, value, e);
}

const char *meta_numbered(const char *prefix, uint32_t number, char ret[META_NUMBERED_SIZE])
{
    snprintf(ret, META_NUMBERED_SIZE, "%s%u", prefix, (unsigned)number);
    return ret;
}

int catalog_save(struct store_tx *tx, struct err *e)
{
    const struct catalog *c = tx->cat;

    if (meta_set(tx, META_DEFAULT, c->default_number, e) ||
        meta_set(tx, META_EPOCH, (int64_t)c->epoch, e) ||
        meta_set(tx, META_NEXT_VERSION, c->next.number, e) ||
        meta_set(tx, META_NEXT_STEP, c->next.step, e) ||
        meta_set(tx, META_NEXT_SLOT, c->next.slot, e) ||
        meta_set(tx, META_NEXT_SHAPE, c->next.shape, e))
        return -1;
    return 0;
}

/* ---- Versions ---- */

/* How many steps, slots and shapes a version took. A program that compiles its text to other numbers
 * would read the records wrongly. */
static int64_t numbers_taken(const struct version *v)
{
    return (int64_t)(v->step_end - v->step_first) << 40 |
           (int64_t)(v->slot_end - v->slot_first) << 20 |
           (int64_t)(v->shape_end - v->shape_first);
}

int version_row_insert(struct store_tx *tx, const struct version *v,
                       const struct schema_counters *counters, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_VERSION_INSERT, e);
    char name[META_NUMBERED_SIZE];

    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, v->number);
    bind_text(st, 2, span_of(v->name));
    sqlite3_bind_int64(st, 3, VERSION_LIVE);
    sqlite3_bind_int64(st, 4, v->parent);
    bind_blob(st, 5, v->text);
    sqlite3_bind_int64(st, 6, counters->step);
    sqlite3_bind_int64(st, 7, counters->slot);
    sqlite3_bind_int64(st, 8, counters->shape);
    sqlite3_bind_int64(st, 9, tx->now_ns);
    if (conn_run(tx->c, st, e) ||
        meta_set(tx, meta_numbered(META_TEXT, v->number, name), checksum(v->text), e))
        return -1;
    return meta_set(tx, meta_numbered(META_NUMBERS, v->number, name), numbers_taken(v), e);
}

int version_row_state(struct store_tx *tx, uint32_t number, enum version_state state, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_VERSION_STATE, e);

    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, number);
    sqlite3_bind_int64(st, 2, state);
    return conn_run(tx->c, st, e);
}

int version_row_added(struct conn *c, uint32_t number, int64_t *ret_ns, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_VERSION_ADDED, e);
    bool row;

    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, number);
    if (conn_step(c, st, &row, e))
        return -1;
    if (row)
        *ret_ns = sqlite3_column_int64(st, 0);
    stmt_done(st);
    return row ? 0 : err_set(e, ERR_NOT_FOUND, "there is no version %u", (unsigned)number);
}

/* ---- Loading ---- */

struct entry_list {
    struct catalog_entry *e;
    size_t n;
};

static struct version *entry_find(const struct entry_list *l, uint32_t number)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->e[i].v->number == number)
            return l->e[i].v;
    return NULL;
}

static int damaged_version(int64_t number, const char *why, struct err *e)
{
    return err_set(e, ERR_IO, "the store is damaged: version %lld %s", (long long)number, why);
}

static bool fits32(sqlite3_stmt *st, int column, uint32_t *ret)
{
    int64_t n = sqlite3_column_int64(st, column);
    *ret = (uint32_t)n;
    return n >= 0 && n <= INT32_MAX;
}

static int check_text(struct conn *c, uint32_t number, struct span text, struct err *e)
{
    char name[META_NUMBERED_SIZE];
    int64_t sum = -1;

    if (meta_get(c, meta_numbered(META_TEXT, number, name), &sum, e))
        return -1;
    if (sum >= 0 && sum != checksum(text))
        return damaged_version(number, "has another text than the one that was added", e);
    return 0;
}

/* Versions that were added before this was noted have no such row. */
static int check_numbers(struct conn *c, const struct version *v, struct err *e)
{
    char name[META_NUMBERED_SIZE];
    int64_t taken = -1;

    if (meta_get(c, meta_numbered(META_NUMBERS, v->number, name), &taken, e))
        return -1;
    if (taken >= 0 && taken != numbers_taken(v))
        return damaged_version(v->number,
                               "is read otherwise than when it was added: use the release that "
                               "made it",
                               e);
    return 0;
}

/* Compiles the version of the present row. */
static int load_version(struct conn *c, sqlite3_stmt *st, const struct entry_list *l,
                        struct catalog_entry *ret, struct err *e)
{
    struct schema_counters first;
    uint32_t state, parent;
    struct version *base = NULL;
    struct err why = ERR_INIT;
    char file[VERSION_NAME_SIZE + 8];

    if (!fits32(st, 0, &first.number) || !fits32(st, 5, &first.step) ||
        !fits32(st, 6, &first.slot) || !fits32(st, 7, &first.shape) || !fits32(st, 2, &state) ||
        !fits32(st, 3, &parent) || state > VERSION_GONE || first.number > VERSION_MAX_NUMBER)
        return damaged_version(sqlite3_column_int64(st, 0), "has impossible numbers", e);
    if (parent && !(base = entry_find(l, parent)))
        return damaged_version(first.number, "has no parent", e);
    if (check_text(c, first.number, column_span(st, 4), e))
        return -1;
    snprintf(file, sizeof file, "%.64s.yaml", (const char *)sqlite3_column_text(st, 1));
    if (schema_compile(file, column_span(st, 4), base, &first, c->env, &ret->v, &why)) {
        if (why.code == ERR_NO_MEMORY)
            return err_nomem(e);
        return damaged_version(first.number, why.text, e);
    }
    ret->state = (enum version_state)state;
    if (check_numbers(c, ret->v, e)) {
        version_unref(ret->v);
        return -1;
    }
    return 0;
}

static int load_versions(struct conn *c, struct entry_list *l, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_VERSION_ALL, e);
    bool row;
    int rc;

    if (!st)
        return -1;
    while (!(rc = conn_step(c, st, &row, e)) && row) {
        struct catalog_entry *grown = reallocarray(l->e, l->n + 1, sizeof *grown);
        if (!grown) {
            rc = err_nomem(e);
            break;
        }
        l->e = grown;
        rc = load_version(c, st, l, &l->e[l->n], e);
        if (rc)
            break;
        l->n++;
    }
    stmt_done(st);
    return rc;
}

static int load_meta(struct conn *c, int64_t *ret_default, int64_t *ret_epoch,
                     struct schema_counters *ret, struct err *e)
{
    int64_t number = 1, step = 1, slot = SLOT_FIRST, shape = 1;

    if (meta_get(c, META_DEFAULT, ret_default, e) || meta_get(c, META_EPOCH, ret_epoch, e) ||
        meta_get(c, META_NEXT_VERSION, &number, e) || meta_get(c, META_NEXT_STEP, &step, e) ||
        meta_get(c, META_NEXT_SLOT, &slot, e) || meta_get(c, META_NEXT_SHAPE, &shape, e))
        return -1;
    *ret =
        (struct schema_counters){(uint32_t)number, (uint32_t)step, (uint32_t)slot, (uint32_t)shape};
    return 0;
}

int catalog_load(struct store *s, struct conn *c, struct catalog **ret, struct err *e)
{
    struct entry_list list = {0};
    struct schema_counters next;
    int64_t number = 0, epoch = 1;
    int rc;

    (void)s;
    rc = load_meta(c, &number, &epoch, &next, e);
    if (rc == 0)
        rc = load_versions(c, &list, e);
    if (rc == 0)
        rc = catalog_new(list.e, list.n, (uint32_t)number, (uint64_t)epoch, &next, ret, e);
    for (size_t i = 0; i < list.n; i++)
        version_unref(list.e[i].v);
    free(list.e);
    return rc;
}

int catalog_bare(struct conn *c, struct catalog **ret, struct err *e)
{
    struct schema_counters next = {1, 1, SLOT_FIRST, 1};
    struct err ignored = ERR_INIT;
    int64_t number = 0, epoch = 1;

    if (load_meta(c, &number, &epoch, &next, &ignored) && ignored.code == ERR_NO_MEMORY)
        return err_nomem(e);
    return catalog_new(NULL, 0, 0, (uint64_t)epoch, &next, ret, e);
}
