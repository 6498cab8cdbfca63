/* A writer's own bytes: what a version gives back as it was written, while it still says what the
 * item holds. */
#include "lens_int.h"

#include "hash.h"

/* Text that quotes other items (keys of references, fields read over them) stands only while they
 * say the same: then the bytes carry a hash of the canonical text they were written as. */
bool lens_quotes_others(const struct lens *l, const struct shape *s)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];
        if (type_structured(f->type) ||
            (f->slot < l->cat->n_slots && l->cat->slots[f->slot].is_volatile))
            return true;
    }
    return false;
}

static int text_hash(struct lens *l, const struct version *v, const struct shape *s,
                     const struct record *rec, struct span key, uint64_t *ret, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    if (lens_canonical(l, v, s, rec, key, &text, e))
        return -1;
    *ret = hash_add_span(HASH_START, buf_span(&text));
    return 0;
}

/* Own bytes from before a link came carry no hash: they stand while the record's own values are
 * what the version shows. */
static int own_values_stand(struct lens *l, const struct version *v, const struct shape *s,
                            const struct record *rec, struct span key, bool *ret, struct err *e)
{
    struct record brought RECORD_CLEANUP = RECORD_INIT;
    struct sight at;
    struct span now;

    if (lens_seen(l, v, s, rec, key, &brought, &at, e))
        return -1;
    for (size_t i = 0; i < s->n_fields && *ret; i++) {
        slot_no slot = s->fields[i].slot;
        if (slot >= l->cat->n_slots || !l->cat->slots[slot].is_volatile)
            continue;
        if (sight_slot(&at, slot, &now, e))
            return -1;
        *ret = span_eq(now, record_value(rec, slot));
    }
    return 0;
}

int lens_raw(struct lens *l, const struct version *v, const struct shape *s,
             const struct record *rec, struct span key, struct span *ret, struct err *e)
{
    const struct entry *en = record_find(rec, raw_slot(v, s), ENTRY_RAW);
    uint64_t was, now;
    bool stands = true;
    *ret = (struct span){0};
    if (!en || !en->bytes.n)
        return 0;
    if (en->bytes.p[0] == 0) {
        if (lens_quotes_others(l, s) && own_values_stand(l, v, s, rec, key, &stands, e))
            return -1;
        if (stands)
            *ret = (struct span){en->bytes.p + 1, en->bytes.n - 1};
        return 0;
    }
    if (en->bytes.n < 1 + sizeof was)
        return err_set(e, ERR_IO, "damaged record: own bytes are cut short");
    memcpy(&was, en->bytes.p + 1, sizeof was);
    if (text_hash(l, v, s, rec, key, &now, e))
        return -1;
    if (was == now)
        *ret = (struct span){en->bytes.p + 1 + sizeof was, en->bytes.n - 1 - sizeof was};
    return 0;
}

/* as: the record whose text through v they are. */
int lens_raw_set_as(struct lens *l, const struct version *v, const struct shape *s,
                    struct record *rec, const struct record *as, struct span key, struct span text,
                    struct err *e)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    uint64_t hash;
    bool quotes = lens_quotes_others(l, s);
    if (s->id >> RAW_SHAPE_BITS)
        return 0;
    if (!buf_addc(&b, quotes))
        return err_nomem(e);
    if (quotes) {
        if (text_hash(l, v, s, as, key, &hash, e))
            return -1;
        if (!buf_add(&b, &hash, sizeof hash))
            return err_nomem(e);
    }
    struct span bytes = buf_addspan(&b, text) ? lens_keep(l, buf_span(&b)) : (struct span){0};
    return bytes.p && record_set(rec, raw_slot(v, s), ENTRY_RAW, bytes) ? 0 : err_nomem(e);
}

bool raw_is_live(const struct catalog *c, slot_no slot)
{
    const struct catalog_entry *ce = catalog_entry(c, slot >> RAW_SHAPE_BITS);
    return ce && ce->state != VERSION_GONE;
}

static bool shows_any(const struct shape *s, const struct slotset *slots)
{
    for (size_t i = 0; i < slots->n; i++)
        if (shape_field_by_slot(s, slots->s[i]))
            return true;
    return false;
}

void lens_raw_drop(const struct lens *l, struct record *rec, const struct slotset *changed)
{
    size_t kept = 0;

    for (size_t i = 0; i < rec->n; i++) {
        const struct entry *en = &rec->e[i];
        const struct catalog_entry *ce =
            en->kind == ENTRY_RAW ? catalog_entry(l->cat, en->slot >> RAW_SHAPE_BITS) : NULL;
        const struct shape *s =
            ce ? version_shape(ce->v, en->slot & ((1u << RAW_SHAPE_BITS) - 1)) : NULL;
        if (en->kind != ENTRY_RAW || (s && !shows_any(s, changed)))
            rec->e[kept++] = *en;
    }
    rec->n = kept;
}

int lens_raw_set(struct lens *l, const struct version *v, const struct shape *s, struct record *rec,
                 struct span key, struct span text, struct err *e)
{
    return lens_raw_set_as(l, v, s, rec, rec, key, text, e);
}
