/* What a record was, as its difference to what it is. */
#include "record.h"

/* How many entries from `at` on are of the slot. */
static size_t count_slot(const struct record *r, size_t at, slot_no slot)
{
    size_t n = at;
    while (n < r->n && r->e[n].slot == slot)
        n++;
    return n - at;
}

static bool add_slot(struct buf *out, slot_no slot, const struct entry *en, size_t n)
{
    bool ok = buf_addvarint(out, slot) && buf_addvarint(out, n);
    for (size_t i = 0; i < n && ok; i++)
        ok = buf_addc(out, (char)en[i].kind) && buf_addvarint(out, en[i].bytes.n) &&
             buf_addspan(out, en[i].bytes);
    return ok;
}

static bool add_slots(struct buf *out, const struct record *was, const struct record *now)
{
    size_t i = 0, k = 0;
    while (i < was->n || k < now->n) {
        slot_no slot = i == was->n                          ? now->e[k].slot
                       : k == now->n                        ? was->e[i].slot
                       : was->e[i].slot < now->e[k].slot ? was->e[i].slot
                                                         : now->e[k].slot;
        size_t n_was = count_slot(was, i, slot), n_now = count_slot(now, k, slot);
        if (!entries_same(was->e + i, n_was, now->e + k, n_now) &&
            !add_slot(out, slot, was->e + i, n_was))
            return false;
        i += n_was;
        k += n_now;
    }
    return true;
}

bool record_diff(const struct record *was, const struct record *now, struct buf *out, bool *ret_any)
{
    if (!buf_addvarint(out, was->gen))
        return false;
    size_t head = out->n;
    if (!add_slots(out, was, now))
        return false;
    *ret_any = out->n > head;
    return true;
}

/* ---- The way back ---- */

struct reading {
    const char *p, *end;
};

static bool read_number(struct reading *in, uint64_t max, uint64_t *ret)
{
    return varint_read(&in->p, in->end, ret) && *ret <= max;
}

static bool read_entry(struct reading *in, slot_no slot, struct entry *ret)
{
    uint64_t n;
    if (in->p == in->end || (unsigned char)*in->p > ENTRY_RAW)
        return false;
    *ret = (struct entry){.slot = slot, .kind = (enum entry_kind)*in->p++};
    if (!read_number(in, UINT32_MAX, &n) || n > (uint64_t)(in->end - in->p))
        return false;
    ret->bytes = (struct span){in->p, (size_t)n};
    in->p += n;
    return true;
}

static int cut_short(struct err *e)
{
    return err_set(e, ERR_IO, "damaged record: what it was before is cut short");
}

static int put_back(struct reading *in, const struct record *now, struct record *ret, struct err *e)
{
    struct entry en;
    uint64_t slot, n;
    size_t k = 0;

    while (in->p < in->end) {
        if (!read_number(in, UINT32_MAX, &slot) || !read_number(in, UINT32_MAX, &n))
            return cut_short(e);
        for (; k < now->n && now->e[k].slot < slot; k++)
            if (!record_append(ret, &now->e[k]))
                return err_nomem(e);
        k += count_slot(now, k, (slot_no)slot);
        for (; n > 0; n--) {
            if (!read_entry(in, (slot_no)slot, &en))
                return cut_short(e);
            if (!record_append(ret, &en))
                return err_nomem(e);
        }
    }
    for (; k < now->n; k++)
        if (!record_append(ret, &now->e[k]))
            return err_nomem(e);
    return 0;
}

int record_undiff(struct span diff, const struct record *now, struct record *ret, struct err *e)
{
    struct reading in = {diff.p, diff.p + diff.n};
    uint64_t gen;

    if (!read_number(&in, UINT32_MAX, &gen))
        return cut_short(e);
    ret->n = 0;
    ret->gen = (uint32_t)gen;
    return put_back(&in, now, ret, e);
}

bool record_diff_has(struct span diff, slot_no slot)
{
    struct reading in = {diff.p, diff.p + diff.n};
    struct entry en;
    uint64_t at, n;
    bool has = false;

    if (!read_number(&in, UINT32_MAX, &n))
        return false;
    while (!has && read_number(&in, UINT32_MAX, &at) && read_number(&in, UINT32_MAX, &n)) {
        has = at == slot;
        while (n > 0 && read_entry(&in, (slot_no)at, &en))
            n--;
    }
    return has;
}
