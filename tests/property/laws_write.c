/* What the laws say of one write. */
#include "run_int.h"

#include "schemas/value.h"

/* ---- PutGet ---- */

static bool shows_computed(const struct shape *s, const struct json_node *object)
{
    for (size_t i = 0; i < s->n_fields; i++)
        if (s->fields[i].read_only && json_member(object, span_of(s->fields[i].name)))
            return true;
    return false;
}

/* Do two texts say the same of a field? Leaving it out is something else than its default. */
/* Fields that the new text changes, as the writer saw them. */
static void changed_fields(const struct shape *s, const struct shown *was, const struct shown *now,
                           bool *ret)
{
    for (size_t i = 0; i < s->n_fields; i++)
        ret[i] = !was || !says_same(was->object, now->object, &s->fields[i]);
    ret[s->n_fields] = !was || !span_eq(was->extra, now->extra);
}

/* A new item may take the name of one of a later merged type, to which its own text refers: that goes on under
 * another name, and the reference with it. */
static bool put_get(struct run *r, const struct written *wr, const struct shown *was,
                    const struct shown *now, const struct cell *c, struct arena *a)
{
    const struct shape *s = wr->vw->s;
    bool yielded = r->main.yielded != r->yielded, follows = false;
    struct shown got;

    r->st->checks[LAW_PUTGET]++;
    shown_read(a, wr->vw->v, s, c->line, &got);
    for (size_t i = 0; i < s->n_fields; i++) {
        if (span_eq(now->fields[i], got.fields[i]))
            continue;
        if (wr->merges && (span_eq(now->fields[i], was->fields[i]) ||
                           type_structured(s->fields[i].type)))
            continue;
        if (yielded && type_structured(s->fields[i].type)) {
            follows = true;
            continue;
        }
        return broken(r, LAW_PUTGET, "%s/%s/%s: \"%s\" was written as %.*s and reads %.*s",
                      wr->vw->v->name, s->name, wr->key, s->fields[i].name,
                      (int)now->fields[i].n, now->fields[i].p ? now->fields[i].p : "",
                      (int)got.fields[i].n, got.fields[i].p ? got.fields[i].p : "nothing");
    }
    if (!wr->merges && !span_eq(now->extra, got.extra))
        return broken(r, LAW_PUTGET, "%s/%s/%s: keys in no field were written as %.*s and read %.*s",
                      wr->vw->v->name, s->name, wr->key, (int)now->extra.n, now->extra.p,
                      (int)got.extra.n, got.extra.p);
    if (wr->merges || follows || shows_computed(s, now->object) || span_eq(wr->text, c->raw))
        return true;
    return broken(r, LAW_PUTGET, "%s/%s/%s was written as\n#   %.*s\n# and reads\n#   %.*s",
                  wr->vw->v->name, s->name, wr->key, (int)wr->text.n, wr->text.p, (int)c->raw.n,
                  c->raw.p);
}

/* ---- No loss ---- */

struct loss {
    const struct written *wr;
    const struct shown *was, *now; /* the written text, the one before it */
    struct reach own, others;
    bool renames, again;
    struct arena *a;
};

static bool field_kept(struct run *r, struct loss *l, const struct cell *c, size_t i,
                       const struct shown *before, const struct shown *after)
{
    const struct field *f = &c->s->fields[i];
    const struct field *m = shape_field_by_slot(l->wr->vw->s, f->slot);
    struct inside in = {.r = r,
                        .mine = l->wr->vw->v->shapes,
                        .n_mine = l->wr->vw->v->n_shapes,
                        .theirs = c->v->shapes,
                        .n_theirs = c->v->n_shapes,
                        .renames = l->renames,
                        .again = l->again,
                        .a = l->a};
    if (!m || l->wr->merges || !type_structured(f->type))
        return true;
    snprintf(in.where, sizeof in.where, "%s/%s/%s, \"%s\"", c->v->name, c->s->name, c->key,
             f->name);
    return values_kept(&in, f->type, json_member(l->was->object, span_of(m->name)),
                       json_member(l->now->object, span_of(m->name)),
                       json_member(before->object, span_of(f->name)),
                       json_member(after->object, span_of(f->name)));
}

static bool cell_kept(struct run *r, struct loss *l, const struct cell *b, const struct cell *c,
                      bool own)
{
    const struct reach *reach = own ? &l->own : &l->others;
    struct shown before, after;

    if (span_eq(b->line, c->line))
        return true;
    shown_read(l->a, b->v, b->s, b->line, &before);
    shown_read(l->a, c->v, c->s, c->line, &after);
    for (size_t i = 0; i < c->s->n_fields; i++) {
        const struct field *f = &c->s->fields[i];
        if (!reach_has(reach, f->slot) && !span_eq(before.fields[i], after.fields[i]))
            return broken(r, LAW_NO_LOSS,
                          "%s/%s/%s: \"%s\" was %.*s and is %.*s, by a write to \"%s\" through "
                          "%s/%s",
                          c->v->name, c->s->name, c->key, f->name, (int)before.fields[i].n,
                          before.fields[i].p ? before.fields[i].p : "", (int)after.fields[i].n,
                          after.fields[i].p ? after.fields[i].p : "", l->wr->key,
                          l->wr->vw->v->name, l->wr->vw->s->name);
        if (own && !field_kept(r, l, c, i, &before, &after))
            return false;
    }
    if (!reach_has(reach, SLOT_EXTRA) && !span_eq(before.extra, after.extra))
        return broken(r, LAW_NO_LOSS, "%s/%s/%s: keys in no field were %.*s and are %.*s",
                      c->v->name, c->s->name, c->key, (int)before.extra.n, before.extra.p,
                      (int)after.extra.n, after.extra.p);
    return true;
}

static bool no_loss(struct run *r, struct loss *l, const bool *changed, uint64_t id,
                    const struct table *before)
{
    const struct shape *s = l->wr->vw->s;
    bool ok = true;

    r->st->checks[LAW_NO_LOSS]++;
    for (size_t i = 0; i < s->n_fields; i++)
        if (changed[i])
            reach_add(&l->own, s->fields[i].slot);
    if (changed[s->n_fields])
        reach_add(&l->own, SLOT_EXTRA);
    reach_close(&l->own);
    l->renames = reach_renames(&l->own);
    if (r->main.yielded != r->yielded)
        reach_yields(&l->own, &l->others);
    if (l->renames) {
        reach_references(&l->own);
        reach_references(&l->others);
    }
    reach_others(&l->own, &l->others);
    for (size_t i = 0; i < r->now.n && ok; i++) {
        const struct cell *c = &r->now.cells[i];
        struct view vw = {c->index, c->v, c->s};
        const struct cell *b = table_find(before, c->id, &vw);
        ok = !b || cell_kept(r, l, b, c, c->id == id);
    }
    return ok;
}

/* Whether this version wrote the item last, too; now it has. Of more items than are counted: as if it had. */
static bool writes_again(struct run *r, uint64_t id, const struct version *v)
{
    size_t i = 0;
    while (i < r->n_writers && r->writers[i].id != id)
        i++;
    if (i == sizeof r->writers / sizeof *r->writers)
        return true;
    bool again = i < r->n_writers && r->writers[i].v == v;
    r->n_writers += i == r->n_writers;
    r->writers[i] = (struct writer){id, v};
    return again;
}

static bool laws_written(struct run *r, const struct written *wr, const struct table *before)
{
    struct arena a ARENA_CLEANUP = {0};
    uint64_t id = r->main.last;
    const struct cell *c = table_find(&r->now, id, wr->vw);
    bool *changed = arena_alloc(&a, wr->vw->s->n_fields + 1), ok;
    struct shown was, now;
    struct loss l = {.wr = wr, .was = &was, .now = &now, .a = &a};

    l.again = writes_again(r, id, wr->vw->v);
    shown_read(&a, wr->vw->v, wr->vw->s, wr->text, &now);
    if (wr->before.p)
        shown_read(&a, wr->vw->v, wr->vw->s, wr->before, &was);
    changed_fields(wr->vw->s, wr->before.p ? &was : NULL, &now, changed);
    if (!put_get(r, wr, &was, &now, c, &a))
        return false;
    reach_init(&l.own, r->main.cat);
    reach_init(&l.others, r->main.cat);
    if (!wr->before.p && !reach_writes_others(r->main.cat)) /* a new item: nothing else changes */
        memset(changed, false, wr->vw->s->n_fields + 1);
    ok = no_loss(r, &l, changed, wr->before.p ? id : 0, before);
    reach_deinit(&l.own);
    reach_deinit(&l.others);
    return ok;
}

/* ---- Freedom ---- */

/* In a store that knows only the version and those that it comes from. */
static bool accepted_alone(struct run *r, const struct written *wr)
{
    struct world alone;
    struct err e = ERR_INIT;
    bool ok = false;

    world_init(&alone, r->main.env, r->main.c);
    for (unsigned i = 0; i < r->k->n_v; i++)
        if (r->main.c->v[i] && version_descends(wr->vw->v, r->main.c->v[i]))
            world_add(&alone, i);
    world_like(&alone, &r->main);
    state_free(&alone.st);
    state_copy(&r->main.st, &alone.st);
    const struct view *vw = world_view(&alone, wr->vw->index, wr->vw->s->name);
    ok = world_put(&alone, vw, 0, wr->id ? "another key" : wr->key, wr->text, NULL, &e) == 0;
    world_deinit(&alone);
    return ok;
}

/* ---- Two writes ---- */

/* A text can't say whether a default in it was written or only shown. So what such a text leaves may
 * depend on what stood there before, and shows where the default is another in another version. */
static bool says_all(const struct view *vw, const struct json_node *object)
{
    for (size_t i = 0; i < vw->s->n_fields; i++) {
        const struct field *f = &vw->s->fields[i];
        const struct json_node *m = json_member(object, span_of(f->name));
        struct buf b BUF_CLEANUP = BUF_INIT;
        if (m)
            MUST(json_write(m, 1, &b));
        if (f->def.p && (m ? span_eq(buf_span(&b), f->def) : f->required))
            return false;
        if (m && type_has_defaults(vw->v->shapes, vw->v->n_shapes, f->type, 0))
            return false;
    }
    return true;
}

/* What the item refers to over its inline_type steps. */
static void inlined_refs(const struct run *r, const struct written *wr, struct buf *out)
{
    const struct w_item *it = world_by_id(&r->main, wr->id);
    struct record rec RECORD_CLEANUP = RECORD_INIT;
    struct err e = ERR_INIT;
    MUST(it && record_decode(buf_span(&it->body), &rec, &e) == 0);
    for (size_t i = 0; i < r->main.cat->n_links; i++) {
        const struct link *l = r->main.cat->links[i];
        const struct entry *en = record_get(&rec, l->ref);
        if (l->kind == LINK_INLINE && l->coll == it->coll)
            MUST(buf_addvarint(out, en ? en->bytes.n : 0) &&
                 (!en || buf_addspan(out, en->bytes)));
    }
}

/* What the first of two texts gave to an item that it referred to (move_field, inline_type) stays there
 * when the second refers to another, or to none: then only the item itself must be as if there had been
 * no first. first: inlined_refs after it. */
static uint64_t compared(const struct run *r, const struct written *wr, const struct buf *first)
{
    struct buf second BUF_CLEANUP = BUF_INIT;
    inlined_refs(r, wr, &second);
    bool left = !span_eq(buf_span(first), buf_span(&second));
    for (size_t i = 0; i < r->main.cat->n_links && !left; i++)
        left = r->main.cat->links[i]->kind == LINK_MOVE;
    return left ? wr->id : TABLE_ALL_ITEMS;
}

/* With another text written before it, a text leaves what it leaves alone. */
static bool put_put(struct run *r, const struct written *wr, const struct table *alone,
                    struct w_state *start)
{
    struct buf first BUF_CLEANUP = BUF_INIT, refs BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    struct table twice TABLE_CLEANUP = {0};
    struct w_state end = r->main.st;
    char why[3000];
    bool ok = true;

    case_text(&wr->op->other, wr->op->style, &first);
    r->main.st = *start;
    if (world_put(&r->main, wr->vw, wr->id, wr->key, buf_span(&first), NULL, &e) == 0) {
        r->st->checks[LAW_PUTPUT]++;
        inlined_refs(r, wr, &refs);
        bool refused = world_put(&r->main, wr->vw, wr->id, wr->key, wr->text, NULL, &e) != 0;
        if (refused && accepted_alone(r, wr))
            ok = broken(r, LAW_PUTPUT, "after another write it is refused: %s", e.text);
        else if (!refused && table_take(&r->main, &twice, &e))
            ok = broken(r, LAW_TOTALITY, "%s", e.text);
        else if (!refused && !table_same(alone, &twice, TABLE_LINE, compared(r, wr, &refs), why,
                                         sizeof why))
            ok = broken(r, LAW_PUTPUT, "with %.*s\n# written before it, %s", (int)first.n, first.p,
                        why);
    }
    *start = r->main.st;
    r->main.st = end;
    return ok;
}

/* Writing back what stood there before brings everything back. */
static bool put_back(struct run *r, const struct written *wr, const struct table *before)
{
    struct buf refs BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    struct table after TABLE_CLEANUP = {0};
    struct w_state end = r->main.st;
    char why[3000];
    bool ok = true;

    state_copy(&end, &r->main.st);
    inlined_refs(r, wr, &refs);
    if (world_put(&r->main, wr->vw, wr->id, wr->key, wr->before, NULL, &e) == 0) {
        r->st->checks[LAW_PUTPUT]++;
        if (table_take(&r->main, &after, &e))
            ok = broken(r, LAW_TOTALITY, "%s", e.text);
        else if (!table_same(before, &after, TABLE_LINE, compared(r, wr, &refs), why, sizeof why))
            ok = broken(r, LAW_PUTPUT, "after it is written back as it was, %s", why);
    }
    state_free(&r->main.st);
    r->main.st = end;
    return ok;
}

/* ---- Refusals ---- */

static bool refused(struct run *r, const struct written *wr, const char *why)
{
    r->st->refused_writes++;
    if (r->script)
        fprintf(r->script, "# the next is refused: %s\n", why);
    if (wr->base || (wr->id && world_retags(wr->vw, wr->before, wr->text)) || !accepted_alone(r, wr))
        return true;
    return broken(r, LAW_FREEDOM, "%s/%s/%s is refused: %s", wr->vw->v->name, wr->vw->s->name,
                  wr->key, why);
}

/* ---- The whole ---- */

static bool text_says_all(const struct view *vw, struct span text)
{
    struct arena a ARENA_CLEANUP = {0};
    struct err e = ERR_INIT;
    struct json_node *object;
    return json_parse_object(text.p, text.n, &a, &object, &e) == 0 && says_all(vw, object);
}

bool laws_write(struct run *r, const struct written *wr)
{
    bool old = wr->before.p != NULL;
    bool pair = old && wr->op->kind == OP_PUT && wr->op->other.n && text_says_all(wr->vw, wr->text);
    bool back = old && !wr->merges && wr->op->salt >> 8 & 1 && text_says_all(wr->vw, wr->before);
    struct table before TABLE_CLEANUP = {0};
    struct w_state start = {0};
    struct err e = ERR_INIT;
    bool ok;

    r->st->writes++;
    r->st->checks[LAW_FREEDOM]++; /* what is accepted was free */
    if (pair)
        state_copy(&r->main.st, &start);
    if (world_put(&r->main, wr->vw, wr->id, wr->key, wr->text, wr->base, &e)) {
        state_free(&start);
        return refused(r, wr, e.text);
    }
    ok = run_look(r, &before) && laws_written(r, wr, &before);
    ok = ok && (!pair || put_put(r, wr, &r->now, &start));
    ok = ok && (!back || put_back(r, wr, &before));
    state_free(&start);
    return ok && laws_get_put(r, wr->op->salt);
}

/* Writing back what is read changes nothing anywhere. */
bool laws_get_put(struct run *r, uint64_t salt)
{
    struct err e = ERR_INIT;
    struct table after TABLE_CLEANUP = {0};
    struct buf base BUF_CLEANUP = BUF_INIT;
    struct w_state end = r->main.st;
    char why[3000];
    bool ok = true;

    if (!r->now.n || !(salt >> 9 & 1))
        return true;
    const struct cell *c = &r->now.cells[(salt >> 16) % r->now.n];
    const struct view *vw = world_view(&r->main, c->index, c->s->name);
    r->st->checks[LAW_GETPUT]++;
    state_copy(&end, &r->main.st);
    bool derived = world_derive(&r->main, vw, false, &e) == 0;
    struct w_item *it = world_by_id(&r->main, c->id);
    if (derived && !it) /* made by the look through another view */
        ok = true;
    else if (!derived || world_open(&r->main, vw, it, &base, &e))
        ok = broken(r, LAW_TOTALITY, "%s/%s/%s: %s", c->v->name, c->s->name, c->key, e.text);
    else if (world_put(&r->main, vw, c->id, c->key, c->raw, salt >> 10 & 1 ? &base : NULL, &e))
        ok = broken(r, LAW_GETPUT, "%s/%s/%s can't be written back as it reads: %s", c->v->name,
                    c->s->name, c->key, e.text);
    else if (table_take(&r->main, &after, &e))
        ok = broken(r, LAW_TOTALITY, "%s", e.text);
    else if (!table_same(&r->now, &after, TABLE_LINE | TABLE_RAW, TABLE_ALL_ITEMS, why, sizeof why))
        ok = broken(r, LAW_GETPUT, "after %s/%s/%s was written back as it reads, %s", c->v->name,
                    c->s->name, c->key, why);
    state_free(&r->main.st);
    r->main.st = end;
    return ok;
}

/* ---- Renaming ---- */

static bool holds_refs(const struct shape *s)
{
    for (size_t i = 0; i < s->n_fields; i++)
        if (type_structured(s->fields[i].type))
            return true;
    return false;
}

static bool rekeyed_kept(struct run *r, const struct reach *reach, const struct cell *b,
                         const struct cell *c)
{
    struct arena a ARENA_CLEANUP = {0};
    struct shown was, now;
    shown_read(&a, b->v, b->s, b->line, &was);
    shown_read(&a, c->v, c->s, c->line, &now);
    for (size_t i = 0; i < c->s->n_fields; i++) {
        const struct field *f = &c->s->fields[i];
        if (reach_has(reach, f->slot) || type_structured(f->type) ||
            span_eq(was.fields[i], now.fields[i]))
            continue;
        return broken(r, LAW_NO_LOSS, "%s/%s/%s: \"%s\" was %.*s and is %.*s, by renaming",
                      c->v->name, c->s->name, c->key, f->name, (int)was.fields[i].n,
                      was.fields[i].p ? was.fields[i].p : "", (int)now.fields[i].n,
                      now.fields[i].p ? now.fields[i].p : "");
    }
    return true;
}

bool laws_rekeyed(struct run *r, const struct view *vw, uint64_t id, const struct table *before)
{
    struct reach own REACH_CLEANUP = {0}, others REACH_CLEANUP = {0};
    bool ok = true;
    reach_init(&own, r->main.cat);
    reach_init(&others, r->main.cat);
    reach_add(&own, shape_key(vw->s));
    reach_close(&own);
    reach_references(&own);
    reach_references(&others);
    if (r->main.yielded != r->yielded)
        reach_yields(&own, &others);
    reach_others(&own, &others);
    for (size_t i = 0; i < r->now.n && ok; i++) {
        const struct cell *c = &r->now.cells[i];
        struct view at = {c->index, c->v, c->s};
        const struct cell *b = table_find(before, c->id, &at);
        if (b && (c->id == id || !holds_refs(c->s)))
            ok = rekeyed_kept(r, c->id == id ? &own : &others, b, c);
    }
    return ok;
}
