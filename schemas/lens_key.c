/* Keys: under which a type shows an item, and what a formula's result becomes as one.
 *
 * The item's own key stands beside its record. change_key gives a type keys in a slot of their own,
 * computed from the fields and the key before, and back, by formulas like any other. What is stored
 * is the key as it is shown: a legal file name, and its name space's only one. In a record that is
 * being worked on, the own key stands in SLOT_KEY. */
#include "lens_int.h"

#define SUFFIX_ROOM 12 /* "~4294967295" */

int key_decode(struct lens *l, struct span json, struct span *ret, struct err *e)
{
    struct buf b BUF_CLEANUP = BUF_INIT;

    if (!json_decode_string(json, &b))
        return err_set(e, ERR_IO, "damaged record: a key is no text");
    *ret = lens_keep(l, buf_span(&b));
    return ret->p ? 0 : err_nomem(e);
}

struct span key_encode(struct lens *l, struct span key)
{
    struct buf b BUF_CLEANUP = BUF_INIT;

    return json_write_string(key, &b) ? lens_keep(l, buf_span(&b)) : (struct span){0};
}

int lens_key(struct lens *l, const struct version *v, const struct shape *s,
             const struct record *rec, struct span own, struct span *ret, struct err *e)
{
    struct record brought RECORD_CLEANUP = RECORD_INIT;
    struct span json;
    struct sight at;

    *ret = own;
    if (!s->key)
        return 0;
    if (lens_seen(l, v, s, rec, own, &brought, &at, e))
        return -1;
    json = record_value(at.rec, s->key);
    return json.p ? key_decode(l, json, ret, e) : 0;
}

int lens_shows(struct lens *l, const struct version *v, const struct shape *s,
               const struct record *rec, struct span own, bool *ret, struct err *e)
{
    struct record brought RECORD_CLEANUP = RECORD_INIT;
    struct sight at;

    *ret = true;
    if (!s->part)
        return 0;
    if (lens_seen(l, v, s, rec, own, &brought, &at, e))
        return -1;
    *ret = span_eq(record_value(at.rec, s->part), s->part_name);
    return 0;
}

/* A legal key of what an expression gave (JSON text; p == NULL = nothing, and `like` stands in). */
static int legal_key(struct span value, struct span like, struct buf *out, struct err *e)
{
    static const struct type_ref text = {.base = T_STRING};
    const struct type_ref *types[] = {&text};
    struct err ignored = ERR_INIT;
    size_t start = out->n;

    if (!value.p)
        value = like;
    if (!json_decode_string(value, out))
        return err_nomem(e);
    if (key_check((struct span){out->p + start, out->n - start}, &ignored) == 0)
        return 0;
    out->n = start;
    return key_from_values(&value, types, 1, out) ? 0 : err_nomem(e);
}

int key_plain(const struct sight *s, const struct key_rule *rule, struct span value,
              struct span *ret, struct err *e)
{
    struct lens *l = s->l;
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct span like = record_value(s->rec, rule->like);

    if (!like.p) /* the own key of a record that is not being worked on */
        like = key_encode(l, s->key);
    if (!like.p)
        return err_nomem(e);
    if (legal_key(value, like, &b, e))
        return -1;
    *ret = key_encode(l, buf_span(&b));
    return ret->p ? 0 : err_nomem(e);
}

static int is_free(struct lens *l, const struct key_rule *rule, struct span key, struct span had,
                   bool *ret, struct err *e)
{
    enum name_state state = NAME_FREE;

    if (l->world.name_taken && l->world.name_taken(l->world.arg, rule, key, &state, e))
        return -1;
    *ret = state == NAME_FREE || (state == NAME_TAKEN && span_eq(key, had));
    return 0;
}

/* A key that a suffix still fits behind. */
static int shorten(const struct key_rule *rule, struct span json, struct buf *b, struct err *e)
{
    static const struct type_ref text = {.base = T_STRING};
    const struct type_ref *types[] = {&text};

    if (b->n + SUFFIX_ROOM + (rule->suffix ? strlen(rule->suffix) : 0) <= KEY_MAX)
        return 0;
    buf_reset(b);
    return key_from_values(&json, types, 1, b) ? 0 : err_nomem(e);
}

/* What is tried: the key, the key with the rule's suffix, then that with a number. */
static bool candidate(const struct key_rule *rule, size_t n_plain, unsigned n, struct buf *b)
{
    b->n = n_plain;
    if (n == 1)
        return true;
    if (rule->suffix && !buf_adds(b, rule->suffix))
        return false;
    return n == 2 && rule->suffix ? true : buf_printf(b, "~%u", rule->suffix ? n - 1 : n);
}

int key_name(const struct sight *s, const struct key_rule *rule, struct span value,
             struct span had, struct span *ret, struct err *e)
{
    struct lens *l = s->l;
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct span plain, old = {0};
    bool free_now = false;
    size_t n_plain;

    if (key_plain(s, rule, value, &plain, e) || (had.p && key_decode(l, had, &old, e)))
        return -1;
    if (!json_decode_string(plain, &b))
        return err_nomem(e);
    n_plain = b.n;
    for (unsigned n = 1; !free_now; n++) {
        if (n == 2 && shorten(rule, plain, &b, e))
            return -1;
        n_plain = n == 2 ? b.n : n_plain;
        if (!candidate(rule, n_plain, n, &b))
            return err_nomem(e);
        if (is_free(l, rule, buf_span(&b), old, &free_now, e))
            return -1;
    }
    *ret = key_encode(l, buf_span(&b));
    return ret->p ? 0 : err_nomem(e);
}
