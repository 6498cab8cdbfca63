/* model.h: what a write leaves in other items, and how the next one by the same version takes it back. */
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "model_carry.h"

static struct m_item *snapshot(struct model *m, const struct m_item *it)
{
    struct m_item *copy = arena_alloc(m->a, sizeof *copy);
    MUST(copy);
    *copy = *it;
    copy->signer = 0;
    return copy;
}

/* ---- While an item is written ---- */

void m_elsewhere_begin(struct model *m, unsigned writer)
{
    m->journal.writer = writer;
    m->journal.n = 0;
}

static struct m_left *noted(struct model *m, const struct m_item *it)
{
    for (size_t i = 0; i < m->journal.n; i++)
        if (m->journal.left[i].number == it->number)
            return &m->journal.left[i];
    return NULL;
}

static void note(struct model *m, const struct m_item *it, struct m_item *was)
{
    if (!m->journal.writer || noted(m, it))
        return;
    MUST(m->journal.n < MODEL_LEFT);
    m->journal.left[m->journal.n++] = (struct m_left){.number = it->number, .was = was};
}

void m_elsewhere_note(struct model *m, const struct m_item *it)
{
    if (m->journal.writer && !noted(m, it))
        note(m, it, snapshot(m, it));
}

void m_elsewhere_wrote(struct model *m, struct m_item *it, bool changed)
{
    struct m_left *left = noted(m, it);
    unsigned had = it->signer;

    it->signer = changed || had ? m->journal.writer : 0;
    if (left)
        left->wrote |= changed || it->signer != had;
}

void m_elsewhere_made(struct model *m, struct m_item *it)
{
    note(m, it, NULL);
    it->signer = m->journal.writer;
    if (noted(m, it))
        noted(m, it)->wrote = true;
}

void m_elsewhere_end(struct model *m, const struct m_item *it, struct m_before *b)
{
    struct m_journal *j = &m->journal;
    j->writer = 0;
    if (!b)
        return;
    b->n_left = 0;
    b->known = m->known;
    memcpy(b->shown, it->v, sizeof b->shown);
    memcpy(b->showed, b->it.v, sizeof b->showed);
    for (size_t to = 0; to < m->known; to++) {
        const struct m_link *l = &m->nodes[to].link;
        if (l->moved && m->nodes[to].root == it->root)
            b->eras[l->moved] = m_move_era(m, l, it, &b->held[l->moved]);
    }
    for (size_t i = 0; i < j->n; i++)
        if (j->left[i].wrote)
            b->left[b->n_left++] = j->left[i];
}

/* ---- The next write ---- */

struct m_state {
    struct m_item *items;
    struct m_before *before;
    size_t n;
    unsigned n_numbers;
};

struct m_state *m_state_keep(const struct model *m)
{
    struct m_state *s = malloc(sizeof *s);
    MUST(s);
    *s = (struct m_state){malloc(m->n_items * sizeof *s->items), malloc(m->n_items * sizeof *s->before), m->n_items,
                          m->n_numbers};
    MUST(s->items && s->before);
    memcpy(s->items, m->items, s->n * sizeof *s->items);
    memcpy(s->before, m->before, s->n * sizeof *s->before);
    return s;
}

void m_state_return(struct model *m, const struct m_state *s)
{
    memcpy(m->items, s->items, s->n * sizeof *s->items);
    memcpy(m->before, s->before, s->n * sizeof *s->before);
    m->n_items = s->n;
    m->n_numbers = s->n_numbers;
    m->n_returned = 0;
    m->n_spares = 0;
}

void m_state_drop(struct m_state *s)
{
    if (s) {
        free(s->items);
        free(s->before);
    }
    free(s);
}

bool m_finds_another(const struct model *m, const struct m_item *was, const struct m_item *now)
{
    bool finds = false;
    for (size_t to = 0; to < m->known; to++) {
        const struct m_link *l = &m->nodes[to].link;
        bool same = l->is && !l->inlined && !l->moved && m->nodes[to].root == now->root;
        for (size_t i = 0; i < l->n; i++)
            same &= m_same(was->v[l->here[i]], now->v[l->here[i]]);
        finds |= same && !m_same(was->v[l->ref], now->v[l->ref]);
    }
    return finds;
}

/* Over references the item shows what its writer left, and what it was before shows what it did then. */
static bool shows_the_same(struct model *m, const struct m_item *it, const struct m_before *b)
{
    bool same = true;
    for (size_t to = 0; to < b->known; to++) {
        const struct m_link *l = &m->nodes[to].link;
        for (size_t i = 0; l->is && m->nodes[to].root == it->root && i < l->n; i++)
            same &= m_same(it->v[l->here[i]], b->shown[l->here[i]]) &&
                    m_same(b->it.v[l->here[i]], b->showed[l->here[i]]);
        const char *held;
        if (l->moved && m->nodes[to].root == it->root)
            same &= m_move_era(m, l, it, &held) == b->eras[l->moved] && m_same(held, b->held[l->moved]);
    }
    return same;
}

static bool others_refer_to(const struct model *m, const struct m_item *it, const struct m_item *but)
{
    const char *ref = m_ref(m->a, it);
    for (size_t i = 0; i < m->n_items; i++)
        for (size_t id = 0; id < m->n_ids && &m->items[i] != it && &m->items[i] != but; id++)
            if (m_same(m->items[i].v[id], ref))
                return true;
    return false;
}

static bool is_as_left(struct model *m, const struct m_item *it, const struct m_left *left)
{
    const struct m_item *other = m_numbered(m, left->number);
    if (!other || other->signer != it->number)
        return false;
    return left->was ? m_refs_stand(m, left->was) && m_keys_stand(m, left->was, other) : !others_refer_to(m, other, it);
}

bool m_elsewhere_stands(struct model *m, const struct m_item *it, const struct m_before *b)
{
    bool stands = shows_the_same(m, it, b);
    for (size_t i = 0; i < b->n_left && stands; i++)
        stands = is_as_left(m, it, &b->left[i]);
    return stands;
}

void m_elsewhere_take_back(struct model *m, const struct m_item *it, struct m_before *b)
{
    m->n_spares = m->n_returned = 0;
    for (size_t i = b->n_left; i-- > 0;) {
        struct m_item *other = m_numbered(m, b->left[i].number);
        if (!b->left[i].was) {
            m->spares[m->n_spares++] = other->number;
            continue;
        }
        *other = *b->left[i].was;
        m->returned[m->n_returned++] = other->number;
        carry_tell(m, other, it);
    }
}

bool m_elsewhere_is_taken_back(const struct model *m, const struct m_item *it)
{
    bool is = false;
    for (size_t i = 0; i < m->n_returned; i++)
        is |= m->returned[i] == it->number;
    return is;
}

struct m_item *m_elsewhere_spare(struct model *m, size_t root)
{
    for (size_t i = m->n_spares; i-- > 0;) {
        struct m_item *it = m_numbered(m, m->spares[i]);
        if (it->root != root)
            continue;
        memmove(&m->spares[i], &m->spares[i + 1], (--m->n_spares - i) * sizeof *m->spares);
        return it;
    }
    return NULL;
}

void m_elsewhere_drop_spares(struct model *m)
{
    while (m->n_spares > 0) {
        struct m_item *it = m_numbered(m, m->spares[--m->n_spares]);
        if (!others_refer_to(m, it, NULL))
            model_remove(m, it);
    }
}
