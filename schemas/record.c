#include "record.h"

#include <assert.h>

#include "checksum.h"

void record_free(struct record *r)
{
    free(r->e);
    *r = (struct record)RECORD_INIT;
}

static bool reserve(struct record *r, size_t n)
{
    if (n <= r->cap)
        return true;
    size_t cap = r->cap ? r->cap : 16;
    while (cap < n)
        cap *= 2;
    struct entry *e = realloc(r->e, cap * sizeof *e);
    if (!e)
        return false;
    r->e = e;
    r->cap = cap;
    return true;
}

static int damaged(struct err *e, const char *what)
{
    return err_set(e, ERR_IO, "damaged record: %s", what);
}

static int decode_entry(const char **p, const char *end, struct entry *ret, struct err *e)
{
    uint64_t tag, n;
    if (!varint_read(p, end, &tag) || !varint_read(p, end, &n))
        return damaged(e, "an entry is cut short");
    if (n > (uint64_t)(end - *p))
        return damaged(e, "an entry is longer than the record");
    if ((tag & 7) > ENTRY_ELSEWHERE || tag >> 3 > UINT32_MAX)
        return damaged(e, "an entry of an unknown kind");
    *ret = (struct entry){(slot_no)(tag >> 3), (enum entry_kind)(tag & 7), {*p, (size_t)n}};
    *p += n;
    return 0;
}

/* Entries are sorted; only memories of several formulas may share (slot, kind). */
static bool in_order(const struct entry *a, const struct entry *b)
{
    if (a->slot != b->slot)
        return a->slot < b->slot;
    return a->kind < b->kind || (a->kind == b->kind && a->kind == ENTRY_MEMORY);
}

/* What stands between the format and the checksum; content.n > 0. */
static bool take_content(struct span bytes, struct span *ret)
{
    *ret = bytes;
    if (bytes.n && *bytes.p == RECORD_FORMAT_BARE)
        return true;
    return checksum_take(bytes, ret) && ret->n && *ret->p == RECORD_FORMAT;
}

bool record_is_whole(struct span bytes)
{
    struct span content;

    return take_content(bytes, &content);
}

int record_decode(struct span bytes, struct record *r, struct err *e)
{
    struct span content;
    const char *p, *end;
    uint64_t gen, n;

    r->n = 0;
    if (!take_content(bytes, &content))
        return damaged(e, "its checksum is another");
    p = content.p + 1;
    end = content.p + content.n;
    if (!varint_read(&p, end, &gen) || !varint_read(&p, end, &n) || gen > UINT32_MAX)
        return damaged(e, "no header");
    if (n > (uint64_t)(end - p) / 2)
        return damaged(e, "more entries than bytes");
    if (!reserve(r, n ? (size_t)n : 1))
        return err_nomem(e);
    r->gen = (uint32_t)gen;
    for (size_t i = 0; i < n; i++) {
        if (decode_entry(&p, end, &r->e[i], e))
            return -1;
        if (i && !in_order(&r->e[i - 1], &r->e[i]))
            return damaged(e, "entries out of order");
    }
    if (p != end)
        return damaged(e, "bytes after the last entry");
    r->n = (size_t)n;
    return 0;
}

/* The own key stands beside the record. */
static bool is_stored(const struct entry *e)
{
    return e->slot != SLOT_KEY || e->kind > ENTRY_DERIVED;
}

bool record_encode(const struct record *r, struct buf *out)
{
    size_t start = out->n, n = 0;

    for (size_t i = 0; i < r->n; i++)
        n += is_stored(&r->e[i]);
    if (!buf_addc(out, RECORD_FORMAT) || !buf_addvarint(out, r->gen) || !buf_addvarint(out, n))
        return false;
    for (size_t i = 0; i < r->n; i++) {
        const struct entry *e = &r->e[i];
        if (!is_stored(e))
            continue;
        if (!buf_addvarint(out, (uint64_t)e->slot << 3 | e->kind) ||
            !buf_addvarint(out, e->bytes.n) || !buf_add(out, e->bytes.p, e->bytes.n))
            return false;
    }
    return checksum_add(out, start);
}

/* The first entry at or after (slot, kind). */
static size_t lower_bound(const struct record *r, slot_no slot, enum entry_kind kind)
{
    size_t lo = 0, hi = r->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct entry *e = &r->e[mid];
        if (e->slot < slot || (e->slot == slot && e->kind < kind))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct entry *record_find(const struct record *r, slot_no slot, enum entry_kind kind)
{
    size_t i = lower_bound(r, slot, kind);
    return i < r->n && r->e[i].slot == slot && r->e[i].kind == kind ? &r->e[i] : NULL;
}

const struct entry *record_get(const struct record *r, slot_no slot)
{
    size_t i = lower_bound(r, slot, ENTRY_VALUE);
    return i < r->n && r->e[i].slot == slot && r->e[i].kind <= ENTRY_DERIVED ? &r->e[i] : NULL;
}

static void remove_at(struct record *r, size_t i)
{
    memmove(&r->e[i], &r->e[i + 1], (r->n - i - 1) * sizeof *r->e);
    r->n--;
}

bool record_set(struct record *r, slot_no slot, enum entry_kind kind, struct span bytes)
{
    if (kind <= ENTRY_DERIVED)
        record_unset(r, slot);
    size_t i = lower_bound(r, slot, kind);
    if (kind != ENTRY_MEMORY && i < r->n && r->e[i].slot == slot && r->e[i].kind == kind) {
        r->e[i].bytes = bytes;
        return true;
    }
    if (!reserve(r, r->n + 1))
        return false;
    memmove(&r->e[i + 1], &r->e[i], (r->n - i) * sizeof *r->e);
    r->e[i] = (struct entry){slot, kind, bytes};
    r->n++;
    return true;
}

bool entries_same(const struct entry *a, size_t n_a, const struct entry *b, size_t n_b)
{
    bool same = n_a == n_b;
    for (size_t i = 0; i < n_a && same; i++)
        same = a[i].slot == b[i].slot && a[i].kind == b[i].kind && span_eq(a[i].bytes, b[i].bytes);
    return same;
}

bool record_append(struct record *r, const struct entry *en)
{
    if (!reserve(r, r->n + 1))
        return false;
    r->e[r->n++] = *en;
    return true;
}

void record_unset(struct record *r, slot_no slot)
{
    size_t i = lower_bound(r, slot, ENTRY_VALUE);
    if (i < r->n && r->e[i].slot == slot && r->e[i].kind <= ENTRY_DERIVED)
        remove_at(r, i);
}

void record_drop(struct record *r, slot_no slot, enum entry_kind kind)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++)
        if (r->e[i].kind != kind || (slot != SLOT_NONE && r->e[i].slot != slot))
            r->e[kept++] = r->e[i];
    r->n = kept;
}

bool record_copy(const struct record *from, struct record *to)
{
    if (!reserve(to, from->n ? from->n : 1))
        return false;
    if (from->n)
        memcpy(to->e, from->e, from->n * sizeof *from->e);
    to->n = from->n;
    to->gen = from->gen;
    return true;
}
