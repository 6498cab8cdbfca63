/* SQLite makes no index of its own over a virtual table, so that a join over a field would read the
 * whole inner type once for each outer item. This one is made at the first such look-up, by one
 * scan, and lasts for one run. It may answer too many items (equal hashes), never too few: SQLite
 * compares again. */
#include "query_int.h"

#include <math.h>

#include "../schemas/hash.h"

static uint64_t mix(uint64_t h)
{
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    return h;
}

/* As a float: two readings of one decimal text may differ in a double's last bit. */
static uint64_t number_hash(double d)
{
    float f = (float)d;
    uint32_t bits;
    if (f == 0 || isnan(f))
        f = 0;
    memcpy(&bits, &f, sizeof bits);
    return mix(bits + UINT64_C(0x9e3779b97f4a7c15));
}

/* Equal as texts or as numbers, depending on the affinity of what it is compared with: both give
 * the same hash. */
static uint64_t text_hash(struct span s)
{
    char copy[64], *end;
    if (s.n && s.n < sizeof copy) {
        memcpy(copy, s.p, s.n);
        copy[s.n] = '\0';
        double d = strtod(copy, &end);
        end += strspn(end, " \t\n\v\f\r");
        if (end != copy && *end == '\0')
            return number_hash(d);
    }
    return hash_add_span(HASH_START, s);
}

uint64_t query_hash(const struct sql_value *v)
{
    if (v->kind == SQL_INTEGER)
        return number_hash((double)v->integer);
    if (v->kind == SQL_REAL)
        return number_hash(v->real);
    return text_hash(v->text);
}

static int by_hash(const void *a, const void *b)
{
    const struct index_entry *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int add(struct query_table *t, struct query_index *ix, uint64_t hash, uint64_t id,
               struct err *e)
{
    if (ix->n == ix->cap) {
        size_t cap = ix->cap ? ix->cap * 2 : 256;
        struct index_entry *grown;
        if (cap * sizeof *grown > QUERY_MEMORY_LIMIT)
            return err_set(e, ERR_TOO_BIG, "the join over %s needs more than %d MiB", t->s->name,
                           QUERY_MEMORY_LIMIT >> 20);
        grown = reallocarray(ix->e, cap, sizeof *grown);
        if (!grown)
            return err_nomem(e);
        ix->e = grown;
        ix->cap = cap;
    }
    ix->e[ix->n++] = (struct index_entry){hash, id};
    return 0;
}

struct scanning {
    struct query_table *t;
    int column;
    sqlite3_stmt *st;
    struct lens lens;
    struct record rec;
    struct buf key, body, scratch;
};

static int scan_row(struct scanning *s, struct query_index *ix, struct err *e)
{
    struct sql_value v;
    buf_reset(&s->key);
    buf_reset(&s->body);
    if (!buf_addspan(&s->key, column_span(s->st, 1)) ||
        !buf_addspan(&s->body, column_span(s->st, 2)))
        return err_nomem(e);
    uint64_t id = column_id(s->st, 0);

    if (item_decode(s->t->q->tx->c, id, buf_span(&s->body), &s->rec, e) ||
        query_value(&s->lens, s->t, id, &s->rec, buf_span(&s->key), s->column, &s->scratch, &v, e))
        return -1;
    int rc = v.kind == SQL_NULL ? 0 : add(s->t, ix, query_hash(&v), column_id(s->st, 0), e);
    lens_reset(&s->lens);
    return rc;
}

static int scan(struct scanning *s, struct query_index *ix, struct err *e)
{
    struct query_db *q = s->t->q;
    bool row;
    int rc;
    for (size_t n = 0; !(rc = conn_step(q->tx->c, s->st, &row, e)) && row; n++) {
        rc = scan_row(s, ix, e);
        if (!rc && n % 256 == 255 && query_is_over(q)) {
            *e = q->why;
            rc = -1;
        }
        if (rc)
            return -1;
    }
    return rc;
}

int query_index_build(struct query_table *t, int column, struct err *e)
{
    struct query_index *ix = &t->indexes[column];
    struct scanning s = {.t = t, .column = column};
    if (ix->ready)
        return 0;
    if (query_scan(t, &s.st, e))
        return -1;
    ix->n = 0;
    tx_sub_lens(t->q->tx, &s.lens);
    int rc = scan(&s, ix, e);
    sqlite3_finalize(s.st);
    lens_deinit(&s.lens);
    record_free(&s.rec);
    buf_free(&s.key);
    buf_free(&s.body);
    buf_free(&s.scratch);
    if (rc)
        return -1;
    if (ix->n)
        qsort(ix->e, ix->n, sizeof *ix->e, by_hash);
    ix->ready = true;
    return 0;
}

size_t query_index_find(const struct query_index *ix, uint64_t hash, const struct index_entry **ret)
{
    size_t low = 0, high = ix->n, n = 0;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (ix->e[mid].hash < hash)
            low = mid + 1;
        else
            high = mid;
    }
    while (low + n < ix->n && ix->e[low + n].hash == hash)
        n++;
    *ret = ix->e + low;
    return n;
}

void query_indexes_drop(struct query_table *t)
{
    for (size_t i = 0; i <= t->s->n_fields; i++) {
        free(t->indexes[i].e);
        t->indexes[i] = (struct query_index){0};
    }
}
