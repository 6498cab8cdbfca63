/* Types that show items of several collections (merge_types): where a new item goes, as store/commit.c
 * says, and who gives way to whom, as store/names.c and store/world.c say. */
#include "world_int.h"

#include "schemas/json.h"

/* ---- Where an item goes ---- */

static void tag_in(const struct view *vw, struct span text, struct buf *out)
{
    const struct field *f = shape_field_by_slot(vw->s, vw->s->tag);
    struct arena a ARENA_CLEANUP = {0};
    struct err e = ERR_INIT;
    struct json_node *object;

    if (!f || json_parse_object(text.p, text.n, &a, &object, &e) != 0)
        return;
    const struct json_node *tag = json_member(object, span_of(f->name));
    MUST(!tag || json_write_line(tag, out));
}

int world_place(const struct view *vw, const struct w_item *it, struct span text, uint32_t *ret,
                struct err *e)
{
    struct buf tag BUF_CLEANUP = BUF_INIT;
    size_t at = 0;

    *ret = it ? it->coll : vw->s->coll;
    if (!vw->s->n_colls)
        return 0;
    tag_in(vw, text, &tag);
    if (!tag.n) /* translation refuses it */
        return 0;
    while (at < vw->s->n_colls && !span_eq(vw->s->tags[at], buf_span(&tag)))
        at++;
    if (at == vw->s->n_colls)
        return err_set(e, ERR_INVALID, "%s is no type that was merged", buf_str(&tag));
    if (it && vw->s->colls[at] != it->coll)
        return err_set(e, ERR_INVALID, "an item stays of the type that it was made as");
    *ret = vw->s->colls[at];
    return 0;
}

bool world_retags(const struct view *vw, struct span was, struct span now)
{
    struct buf a BUF_CLEANUP = BUF_INIT, b BUF_CLEANUP = BUF_INIT;

    tag_in(vw, was, &a);
    tag_in(vw, now, &b);
    return !span_eq(buf_span(&a), buf_span(&b));
}

/* ---- Names ---- */

/* Is shown under its own key only while nobody of an earlier type is called so. */
static bool gives_way(const struct world *w, const struct key_rule *rule, struct span key,
                      const struct w_item *owner)
{
    for (size_t i = rule->rank + 1; i < rule->n_colls; i++)
        if (rule->colls[i] == owner->coll && world_named(w, rule->colls[i], key, 0) == owner)
            return true;
    return false;
}

int world_name_taken(void *arg, const struct key_rule *rule, struct span key, enum name_state *ret,
                     struct err *e)
{
    const struct world *w = arg;
    const struct w_item *owner = world_named(w, rule->space, key, 0);

    (void)e;
    *ret = owner && !gives_way(w, rule, key, owner) ? NAME_TAKEN : NAME_FREE;
    for (size_t i = 0; i < rule->rank; i++)
        if (world_named(w, rule->colls[i], key, 0))
            *ret = NAME_YIELDED;
    return 0;
}

static bool has_rival(const struct world *w, uint32_t space, const struct w_item *it)
{
    for (size_t i = 0; i < w->cat->n_namings; i++) {
        const struct naming *n = w->cat->namings[i];
        if (n->space == space && n->coll != it->coll && world_item(w, n->coll, it->key))
            return true;
    }
    return false;
}

size_t world_outlived(const struct world *w)
{
    size_t count = 0;
    for (size_t i = 0; w->cat && i < w->cat->n_namings; i++) {
        const struct naming *n = w->cat->namings[i];
        for (size_t k = 0; n->shared && k < w->st.n_items; k++) {
            struct buf name BUF_CLEANUP = BUF_INIT;
            const struct w_item *it = &w->st.items[k];
            count += it->coll == n->coll && world_name_in(w, n->space, it, &name) &&
                     !span_eq(buf_span(&name), span_of(it->key)) && !has_rival(w, n->space, it);
        }
    }
    return count;
}

static int yield(struct world *w, uint64_t id, struct err *e)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT, ret RECORD_CLEANUP = RECORD_INIT;
    const struct w_item *it = world_by_id(w, id);
    struct buf body BUF_CLEANUP = world_bytes(buf_span(&it->body));
    struct buf key BUF_CLEANUP = world_bytes(span_of(it->key));
    struct lens_change change;
    struct lens lens;
    const struct version *v = NULL;
    const struct shape *s = catalog_shape(w->cat, (struct shape_wanted){.coll = it->coll, .own_keys = true}, &v);

    if (!s)
        return 0;
    if (record_decode(buf_span(&body), &cur, e))
        return -1;
    w->yielded++;
    lens_init(&lens, w->cat, w->env, &w->lens.world);
    int rc = lens_yield(&lens, v, s, buf_span(&key), &cur, &ret, &change, e);
    if (rc == 0)
        rc = world_keep(w, id, &ret, e);
    lens_deinit(&lens);
    return rc;
}

int world_keep(struct world *w, uint64_t id, const struct record *r, struct err *e)
{
    struct w_item *it = world_by_id(w, id);
    uint32_t coll = it->coll;

    world_store(it, r);
    for (size_t i = 0; i < w->cat->n_namings; i++) {
        const struct naming *n = w->cat->namings[i];
        const struct w_item *other;
        struct buf name BUF_CLEANUP = BUF_INIT;
        if (!n->shared || n->coll != coll || !world_name_in(w, n->space, world_by_id(w, id), &name))
            continue;
        other = world_named(w, n->space, buf_span(&name), id);
        if (other && yield(w, other->id, e))
            return -1;
    }
    return 0;
}
