#include "quiet.h"

/* Reading may make records: the item is found anew each time. */
static bool text_of(struct world *w, const struct view *vw, uint64_t id, const struct members *m,
                    unsigned style, struct buf *out, struct err *e)
{
    struct buf was BUF_CLEANUP = BUF_INIT;
    if (world_text(w, vw, world_by_id(w, id), false, &was, e))
        return false;
    case_edit(buf_span(&was), m, style, out);
    return true;
}

bool quiet_shows(struct world *w, const struct view *vw, uint64_t id)
{
    struct buf key BUF_CLEANUP = BUF_INIT;
    return world_shows(w, vw, world_by_id(w, id), &key);
}

static void quiet_put(struct world *w, const struct op *op, const struct view *vw)
{
    struct buf text BUF_CLEANUP = BUF_INIT, base BUF_CLEANUP = BUF_INIT;
    struct buf text2 BUF_CLEANUP = BUF_INIT, base2 BUF_CLEANUP = BUF_INIT;
    const struct w_item *it = world_target(w, vw, op->key);
    struct err e = ERR_INIT, e2 = ERR_INIT;
    uint64_t id = it ? it->id : 0;

    if (op->kind == OP_PUT) {
        case_text(&op->text, op->style, &text);
        world_put(w, vw, id, op->key, buf_span(&text), NULL, &e);
        return;
    }
    if (!it || world_open(w, vw, it, &base, &e) ||
        !text_of(w, vw, id, &op->text, op->style, &text, &e))
        return;
    if (op->kind == OP_RACE) {
        const struct view *vw2 = world_view(w, op->version2, op->type2);
        if (!vw2 || world_derive(w, vw2, false, &e2))
            return;
        if (!quiet_shows(w, vw2, id)) /* another type, or a part that it is not in */
            return;
        if (world_open(w, vw2, world_by_id(w, id), &base2, &e2) == 0 &&
            text_of(w, vw2, id, &op->other, op->style, &text2, &e2))
            world_put(w, vw2, id, op->key, buf_span(&text2), &base2, &e2);
        if (!quiet_shows(w, vw, id)) /* the other has taken it to another part */
            return;
    }
    world_put(w, vw, id, op->key, buf_span(&text), &base, &e);
}

bool quiet_brings(const struct op *op, size_t i, uint32_t last, uint32_t *ret_upto)
{
    uint32_t back = (uint32_t)(op->salt >> 40 & 7);
    *ret_upto = back < 5 || last < back ? last : last - (back - 5) * 2;
    return op->salt >> (i % 8) & 1;
}

void quiet_bring(struct world *w, const struct op *op, struct err *e)
{
    uint32_t upto;
    for (size_t i = 0; i < w->st.n_items && !e->code; i++)
        if (quiet_brings(op, i, w->cat->last_step, &upto))
            world_bring(w, i, upto, e);
}

void quiet_op(struct world *w, const struct op *op, bool lazy)
{
    struct w_item *it;
    const struct view *vw;
    struct err e = ERR_INIT;
    if (op->kind == OP_ADD && w->c->v[op->version]) {
        world_add(w, op->version);
        return;
    }
    if (!w->n_entries || !w->c->v[op->version])
        return;
    switch (op->kind) {
    case OP_BACKFILL:
        if (!lazy)
            quiet_bring(w, op, &e);
        return;
    case OP_FINALIZE:
        world_finalize(w, op->version, &e);
        return;
    case OP_REVERT:
    case OP_WAKE:
        if (!lazy)
            world_state(w, op->version, op->kind == OP_WAKE ? VERSION_LIVE : VERSION_DORMANT);
        return;
    default:
        break;
    }
    if (!(vw = world_view(w, op->version, op->type)) || world_derive(w, vw, false, &e))
        return;
    it = world_target(w, vw, op->key);
    if (op->kind == OP_DELETE && it)
        world_remove(w, it->id);
    else if (op->kind != OP_REKEY && op->kind != OP_DELETE)
        quiet_put(w, op, vw);
    else if (op->kind == OP_REKEY && it && !world_has_key(w, vw, op->new_key))
        world_rekey(w, vw, it->id, op->new_key, &e);
}
