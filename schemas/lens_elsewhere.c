/* What a write leaves in other items (move_field, inline_type), and how it is taken back.
 *
 * Writes by one version in a row start from the item as it was when that version began (lens_before.c).
 * What the last of them wrote over links stands in other items: before the next one, these become what they
 * were as well, and what was made for it alone is made anew or goes. Only where each of them still is, byte
 * for byte, as that write left it: where anybody has written one since, the run is over, and nothing is
 * taken back.
 *
 * The run is also over where the item shows something else over any of its links than its writer left, or would
 * have shown something else before it: others have written it there.
 *
 * The item's record keeps all that in an entry beside that of lens_before.c: the byte 1, varint the last
 * step there was, a hash of what it shows over its links, and showed before the run (8 bytes, low one first), and for each other item that was written varint id, varint
 * collection, and a byte: 0, and varint bytes and what it was as record_diff writes it, or 1: it was made by
 * that write. A signature is the byte 0 and a hash of the item that
 * signs. Of what another item keeps of its own writes in a row nothing comes back: with the first write over a
 * link they are over.
 *
 * While a write goes on, a journal has the items as it found them: what began and then can't be gone on
 * with is undone, for the caller to begin again (lens_undo). */
#include "lens_link.h"

#include "hash.h"

struct noted {
    uint64_t id;
    uint32_t coll;
    struct span found; /* its record before this write; p == NULL: this one made it */
    struct span was;   /* and before all writes of the run; p == NULL: there was none */
};

struct elsewhere {
    struct arena *arena; /* of the lens that writes; those that work for it end before */
    struct span sign;    /* of the item that is written */
    struct noted *at;
    size_t n, cap;
    bool open;
};

enum elsewhere_tag { TAG_SIGN, TAG_LEFT };

static bool has_tag(const struct entry *en, enum elsewhere_tag tag)
{
    return en->kind == ENTRY_ELSEWHERE && en->bytes.n && *en->bytes.p == (char)tag;
}

static bool add_hash(struct buf *out, uint64_t hash)
{
    bool ok = true;
    for (unsigned i = 0; i < 8 && ok; i++)
        ok = buf_addc(out, (char)(hash >> 8 * i & 0xff));
    return ok;
}

/* An item that is renamed begins anew. */
static int sign_of(struct lens *l, uint32_t coll, struct span key, struct span *ret, struct err *e)
{
    struct buf b BUF_CLEANUP = BUF_INIT;

    if (!buf_addc(&b, TAG_SIGN) || !add_hash(&b, hash_add_span(hash_add(HASH_START, coll), key)))
        return err_nomem(e);
    *ret = lens_keep(l, buf_span(&b));
    return ret->p ? 0 : err_nomem(e);
}

/* A write over it changes the other item. */
static bool leads_on(const struct link *lk)
{
    return lk->kind != LINK_EXTRACT;
}

bool elsewhere_matters(const struct group *g)
{
    bool leads = false;

    for (size_t i = 0; i < g->n_links; i++)
        leads |= leads_on(g->links[i]);
    return leads;
}

int elsewhere_begin(struct lens *l, const struct group *g, uint32_t coll, struct span key, struct err *e)
{
    l->world.elsewhere = NULL;
    if (!elsewhere_matters(g) || !l->world.restore)
        return 0;
    l->world.elsewhere = arena_alloc(&l->arena, sizeof *l->world.elsewhere);
    if (!l->world.elsewhere)
        return err_nomem(e);
    *l->world.elsewhere = (struct elsewhere){.arena = &l->arena};
    return sign_of(l, coll, key, &l->world.elsewhere->sign, e);
}

bool elsewhere_open(struct lens *l, bool open)
{
    struct elsewhere *es = l->world.elsewhere;
    bool was = es && es->open;

    if (es)
        es->open = open;
    return was;
}

static bool is_noted(const struct elsewhere *es, uint64_t id)
{
    for (size_t i = 0; i < es->n; i++)
        if (es->at[i].id == id)
            return true;
    return false;
}

static int note(struct elsewhere *es, struct noted item, struct err *e)
{
    if (es->n == es->cap) {
        size_t cap = es->cap ? es->cap * 2 : 4;
        struct noted *grown = arena_alloc(es->arena, cap * sizeof *grown);
        if (!grown)
            return err_nomem(e);
        if (es->n)
            memcpy(grown, es->at, es->n * sizeof *grown);
        es->at = grown;
        es->cap = cap;
    }
    es->at[es->n++] = item;
    return 0;
}

/* *ret p == NULL: there is no such item. */
static int record_bytes(struct lens *l, struct arena *a, uint64_t id, struct span *ret, struct err *e)
{
    struct buf hold BUF_CLEANUP = BUF_INIT;
    bool found;

    *ret = (struct span){0};
    if (l->world.record_of(l->world.arg, id, &hold, &found, e))
        return -1;
    if (!found)
        return 0;
    *ret = (struct span){arena_strndup(a, hold.p, hold.n), hold.n};
    return ret->p ? 0 : err_nomem(e);
}

int elsewhere_note(struct lens *l, const struct link *lk, uint64_t id, struct err *e)
{
    struct elsewhere *es = l->world.elsewhere;
    struct span now;

    if (!es || !es->open || is_noted(es, id))
        return 0;
    if (record_bytes(l, es->arena, id, &now, e))
        return -1;
    return now.p ? note(es, (struct noted){id, lk->target_coll, now, now}, e) : 0;
}

int elsewhere_made(struct lens *l, const struct link *lk, uint64_t id, struct err *e)
{
    struct elsewhere *es = l->world.elsewhere;

    if (!es || !es->open || is_noted(es, id))
        return 0;
    return note(es, (struct noted){.id = id, .coll = lk->target_coll}, e);
}

bool elsewhere_is_signed(const struct record *r)
{
    bool is = false;
    for (size_t i = 0; i < r->n; i++)
        is |= has_tag(&r->e[i], TAG_SIGN);
    return is;
}

int elsewhere_sign(struct lens *l, const struct version *v, const struct record *cur, bool changed,
                   struct record *ret, bool *ret_other, struct err *e)
{
    const struct elsewhere *es = l->world.elsewhere;
    struct span had = {0}, sign = es && es->open ? es->sign : (struct span){0};
    slot_no writer = v->number << RAW_SHAPE_BITS, at = writer;

    for (size_t i = 0; cur && i < cur->n; i++)
        if (has_tag(&cur->e[i], TAG_SIGN)) {
            had = cur->e[i].bytes;
            at = cur->e[i].slot;
        }
    *ret_other = !changed && had.p && !span_eq(had, sign);
    bool comes = changed || *ret_other;
    struct span now = comes ? sign : had;
    return !now.p || record_set(ret, comes ? writer : at, ENTRY_ELSEWHERE, now) ? 0 : err_nomem(e);
}

bool elsewhere_is_open(const struct lens *l)
{
    return l->world.elsewhere && l->world.elsewhere->open;
}

int elsewhere_keep_sign(const struct record *cur, struct record *ret, struct err *e)
{
    for (size_t i = 0; cur && i < cur->n; i++)
        if (has_tag(&cur->e[i], TAG_SIGN) && !record_set(ret, cur->e[i].slot, ENTRY_ELSEWHERE, cur->e[i].bytes))
            return err_nomem(e);
    return 0;
}

/* ---- Kept with the item ---- */

static int content_of(struct span bytes, struct record *ret, struct err *e)
{
    if (record_decode(bytes, ret, e))
        return -1;
    record_drop(ret, SLOT_NONE, ENTRY_BEFORE);
    record_drop(ret, SLOT_NONE, ENTRY_ELSEWHERE);
    return 0;
}

static int add_was(struct span was, struct span left, struct buf *out, struct err *e)
{
    struct record before RECORD_CLEANUP = RECORD_INIT, now RECORD_CLEANUP = RECORD_INIT;
    struct buf diff BUF_CLEANUP = BUF_INIT;
    bool any;

    if (!was.p)
        return buf_addc(out, 1) ? 0 : err_nomem(e);
    if (content_of(was, &before, e) || content_of(left, &now, e))
        return -1;
    return record_diff(&before, &now, &diff, &any) && buf_addc(out, 0) && buf_addvarint(out, diff.n) &&
                   buf_addspan(out, buf_span(&diff))
               ? 0
               : err_nomem(e);
}

static int add_item(struct lens *l, const struct noted *item, struct buf *out, struct err *e)
{
    struct span left;

    if (record_bytes(l, &l->arena, item->id, &left, e))
        return -1;
    if (!left.p || (item->was.p && span_eq(left, item->was)))
        return 0;
    return buf_addvarint(out, item->id) && buf_addvarint(out, item->coll) ? add_was(item->was, left, out, e) : err_nomem(e);
}

/* move_field: what the other item holds may show in none of the item's fields yet. */
static int add_held(struct work *w, const struct link *lk, const struct record *r, uint64_t *hash, struct err *e)
{
    struct sight s = link_sight(w, r);
    struct span value, same;
    struct era era;

    if (link_look(&s, lk, 0, &value, &era, e) || link_encoded(&s, lk, 0, value, &same, e))
        return -1;
    *hash = hash_add(hash_add_span(*hash, same), era.number);
    return 0;
}

/* What its fields say that stand over links, of steps up to one. */
static int add_here(struct work *w, const struct record *r, uint32_t upto, uint64_t *hash, struct err *e)
{
    struct span same;

    for (size_t k = 0; k < w->g->n_links && w->g->links[k]->step <= upto; k++) {
        if (link_values_same(w->l, w->vw.v, w->g->links[k], r, &same, e))
            return -1;
        *hash = hash_add_span(*hash, same);
    }
    return 0;
}

static int shown_now(struct work *w, const struct record *r, uint32_t upto, uint64_t *ret, struct err *e)
{
    *ret = HASH_START;
    if (add_here(w, r, upto, ret, e))
        return -1;
    for (size_t k = 0; k < w->g->n_links && w->g->links[k]->step <= upto; k++)
        if (w->g->links[k]->kind == LINK_MOVE && add_held(w, w->g->links[k], r, ret, e))
            return -1;
    return 0;
}

int elsewhere_shown(struct work *w, uint32_t upto, uint64_t *ret, struct err *e)
{
    return shown_now(w, &w->r, upto, ret, e) || add_here(w, &w->old, upto, ret, e) ? -1 : 0;
}

int elsewhere_keep(struct lens *l, slot_no writer, uint64_t shown, struct record *rec, struct err *e)
{
    const struct elsewhere *es = l->world.elsewhere;
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct span bytes;

    if (!buf_addc(&b, TAG_LEFT) || !buf_addvarint(&b, l->cat->last_step) || !add_hash(&b, shown))
        return err_nomem(e);
    for (size_t i = 0; es && i < es->n; i++)
        if (add_item(l, &es->at[i], &b, e))
            return -1;
    bytes = lens_keep(l, buf_span(&b));
    return bytes.p && record_set(rec, writer, ENTRY_ELSEWHERE, bytes) ? 0 : err_nomem(e);
}

/* ---- Taking it back ---- */

static uint64_t read_hash(const char **p)
{
    uint64_t hash = 0;
    for (unsigned i = 0; i < 8; i++)
        hash |= (uint64_t)(unsigned char)*(*p)++ << 8 * i;
    return hash;
}

struct left {
    uint64_t id;
    uint32_t coll;
    bool made;
    struct span diff;
};

/* false: nothing is left, or (*ret_whole = false) it is cut short. */
static bool next_left(struct span *in, struct left *ret, bool *ret_whole)
{
    const char *p = in->p, *end = p + in->n;
    uint64_t coll, n = 0;

    *ret_whole = !in->n;
    *ret = (struct left){0};
    if (!in->n || !varint_read(&p, end, &ret->id) || !varint_read(&p, end, &coll) || coll > UINT32_MAX ||
        p == end)
        return false;
    ret->coll = (uint32_t)coll;
    ret->made = *p++;
    if (!ret->made && (!varint_read(&p, end, &n) || n > (uint64_t)(end - p)))
        return false;
    ret->diff = (struct span){p, (size_t)n};
    p += n;
    *in = (struct span){p, (size_t)(end - p)};
    return *ret_whole = true;
}

static bool is_signed_by(const struct elsewhere *es, const struct record *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (has_tag(&r->e[i], TAG_SIGN))
            return span_eq(r->e[i].bytes, es->sign);
    return false;
}

/* What steps after `upto` gave a record is computed anew. false: one of them was a link of its own, and what it was
 * then is no more known once it has come over that. */
static bool drop_later(const struct group *g, uint32_t upto, struct record *was)
{
    for (size_t i = 0; i < g->n_links; i++)
        if (g->links[i]->step > upto)
            return false;
    for (size_t i = 0; i < g->n_forward; i++)
        if (g->forward[i].f->step > upto)
            record_unset(was, g->forward[i].f->out);
    return true;
}

/* upto: the last step that there was when it was left. *ret_is = false: it is not as it was left, or can't be as
 * it was. */
static int was_of(struct lens *l, const struct left *item, uint32_t upto, struct span now, struct span *ret,
                  bool *ret_is, struct err *e)
{
    const struct group *g = catalog_group(l->cat, item->coll);
    struct record is RECORD_CLEANUP = RECORD_INIT, was RECORD_CLEANUP = RECORD_INIT;
    struct buf b BUF_CLEANUP = BUF_INIT;

    *ret = (struct span){0};
    *ret_is = false;
    if (!now.p || record_decode(now, &is, e))
        return now.p ? -1 : 0;
    *ret_is = is_signed_by(l->world.elsewhere, &is);
    if (!*ret_is || item->made)
        return 0;
    record_drop(&is, SLOT_NONE, ENTRY_ELSEWHERE);
    if (record_undiff(item->diff, &is, &was, e))
        return -1;
    work_drop_dead(l->cat, &was);
    *ret_is = drop_later(g, upto, &was);
    if (*ret_is && before_still_there(l, g, &was, &is, ret_is, e))
        return -1;
    if (!record_encode(&was, &b))
        return err_nomem(e);
    *ret = lens_keep(l, buf_span(&b));
    return ret->p ? 0 : err_nomem(e);
}

static int restore(struct lens *l, uint64_t id, struct span bytes, bool *ret_is, struct err *e)
{
    struct record rec RECORD_CLEANUP = RECORD_INIT;

    if (bytes.p && record_decode(bytes, &rec, e))
        return -1;
    return l->world.restore(l->world.arg, id, bytes.p ? &rec : NULL, ret_is, e);
}

static int take_back(struct lens *l, const struct left *item, uint32_t upto, bool *ret_is, struct err *e)
{
    struct elsewhere *es = l->world.elsewhere;
    struct span now, was;

    if (record_bytes(l, es->arena, item->id, &now, e) || was_of(l, item, upto, now, &was, ret_is, e))
        return -1;
    if (!*ret_is)
        return 0;
    if (restore(l, item->id, was, ret_is, e))
        return -1;
    return *ret_is ? note(es, (struct noted){item->id, item->coll, now, was}, e) : 0;
}

/* An entry as a list; an item takes at least three bytes. */
static int list_left(struct lens *l, struct span in, struct left **ret, size_t *ret_n, struct err *e)
{
    bool whole;

    *ret = arena_alloc(&l->arena, (in.n / 3 + 1) * sizeof **ret);
    if (!*ret)
        return err_nomem(e);
    for (*ret_n = 0; next_left(&in, &(*ret)[*ret_n], &whole); ++*ret_n)
        ;
    return whole ? 0 : err_set(e, ERR_IO, "damaged record: what it left elsewhere is cut short");
}

/* ret_shown: of elsewhere_shown, *ret_upto: the last step that there was; in: what was left elsewhere. */
static int read_left(const struct entry *en, uint64_t *ret_shown, uint32_t *ret_upto, struct span *in, struct err *e)
{
    const char *p = en->bytes.p + 1, *end = en->bytes.p + en->bytes.n;
    uint64_t upto;

    if (!varint_read(&p, end, &upto) || upto > UINT32_MAX || end - p < 8)
        return err_set(e, ERR_IO, "damaged record: what it left elsewhere is cut short");
    *ret_upto = (uint32_t)upto;
    *ret_shown = read_hash(&p);
    *in = (struct span){p, (size_t)(end - p)};
    return 0;
}

/* The last one first. */
static int take_back_all(struct work *w, const struct entry *en, struct taken_back *ret, bool *ret_is, struct err *e)
{
    struct span in = {0};
    struct left *left = NULL;
    size_t n = 0;

    if (read_left(en, &ret->shown, &ret->upto, &in, e) || shown_now(w, &w->old, ret->upto, &ret->now, e) ||
        list_left(w->l, in, &left, &n, e))
        return -1;
    ret->any = true;
    *ret_is = n == 0 || w->l->world.elsewhere;
    while (n-- > 0 && *ret_is)
        if (take_back(w->l, &left[n], ret->upto, ret_is, e))
            return -1;
    return 0;
}

bool elsewhere_is_taken_back(const struct lens *l, uint64_t id)
{
    const struct elsewhere *es = l->world.elsewhere;
    bool is = false;

    for (size_t i = 0; es && i < es->n; i++)
        is |= es->at[i].id == id && es->at[i].found.p != es->at[i].was.p;
    return is;
}

int elsewhere_take_back(struct work *w, const struct record *cur, struct taken_back *ret, bool *ret_is, struct err *e)
{
    *ret = (struct taken_back){0};
    for (size_t i = 0; i < cur->n; i++)
        if (has_tag(&cur->e[i], TAG_LEFT))
            return take_back_all(w, &cur->e[i], ret, ret_is, e);
    *ret_is = true; /* as before there was a step by which it would have left something */
    return 0;
}

int elsewhere_unchanged(struct work *w, const struct taken_back *back, bool *ret_is, struct err *e)
{
    uint64_t shown = back->now;

    *ret_is = true;
    if (!back->any)
        return 0;
    if (add_here(w, &w->old, back->upto, &shown, e))
        return -1;
    *ret_is = shown == back->shown;
    return 0;
}

int lens_undo(struct lens *l, struct err *e)
{
    struct elsewhere *es = l->world.elsewhere;
    bool is = true;

    for (; es && es->n && is; es->n--)
        if (restore(l, es->at[es->n - 1].id, es->at[es->n - 1].found, &is, e))
            return -1;
    return is ? 0 : err_set(e, ERR_IO, "what a write changed elsewhere can't be undone");
}
