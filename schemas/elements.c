#include "elements.h"

#define PAIRS_MAX 100000 /* of elements whose members are compared; over it they go by place */

struct sequence {
    const struct span *at;
    size_t n;
};

struct match {
    struct sequence old, now;
    size_t *ret;
    bool *taken; /* of old */
    struct arena *arena;
    size_t pairs_left;
};

/* ---- Texts ---- */

static int by_name(const void *va, const void *vb)
{
    const struct json_node *a = *(struct json_node *const *)va, *b = *(struct json_node *const *)vb;
    int c = memcmp(a->name.p, b->name.p, a->name.n < b->name.n ? a->name.n : b->name.n);
    return c ? c : (a->name.n > b->name.n) - (a->name.n < b->name.n);
}

static bool object_text(const struct json_node *v, struct buf *out)
{
    const struct json_node **sorted = malloc((v->n_children + 1) * sizeof *sorted);
    size_t n = 0;
    bool ok = sorted && buf_addc(out, '{');
    for (const struct json_node *c = v->child; c && ok; c = c->next)
        sorted[n++] = c;
    if (ok)
        qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 0; i < n && ok; i++)
        ok = (!i || buf_addc(out, ',')) && json_write_string(sorted[i]->name, out) && buf_addc(out, ':') &&
             elements_text(sorted[i], out);
    free(sorted);
    return ok && buf_addc(out, '}');
}

bool elements_text(const struct json_node *v, struct buf *out)
{
    if (v->kind == JSON_OBJECT)
        return object_text(v, out);
    if (v->kind != JSON_ARRAY)
        return json_write_line(v, out);
    bool ok = buf_addc(out, '[');
    for (const struct json_node *c = v->child; c && ok; c = c->next)
        ok = (c == v->child || buf_addc(out, ',')) && elements_text(c, out);
    return ok && buf_addc(out, ']');
}

/* ---- Equal texts ---- */

static void pair(struct match *m, size_t old, size_t now)
{
    m->ret[now] = old;
    m->taken[old] = true;
}

static void pair_ends(struct match *m)
{
    size_t front = 0, back = 0, n = m->old.n < m->now.n ? m->old.n : m->now.n;
    while (front < n && span_eq(m->old.at[front], m->now.at[front])) {
        pair(m, front, front);
        front++;
    }
    while (front + back < n &&
           span_eq(m->old.at[m->old.n - back - 1], m->now.at[m->now.n - back - 1])) {
        back++;
        pair(m, m->old.n - back, m->now.n - back);
    }
}

/* What stands where it stood: of texts that are there more than once, it is not another one. */
static void pair_in_place(struct match *m)
{
    for (size_t i = 0; i < m->old.n && i < m->now.n; i++)
        if (!m->taken[i] && m->ret[i] == ELEMENT_NEW && span_eq(m->old.at[i], m->now.at[i]))
            pair(m, i, i);
}

struct keyed {
    struct span text;
    size_t at;
};

static int compare_text(const struct keyed *a, const struct keyed *b)
{
    int c = memcmp(a->text.p, b->text.p, a->text.n < b->text.n ? a->text.n : b->text.n);
    return c ? c : (a->text.n > b->text.n) - (a->text.n < b->text.n);
}

static int by_text_and_place(const void *va, const void *vb)
{
    const struct keyed *a = va, *b = vb;
    int c = compare_text(a, b);
    return c ? c : (a->at > b->at) - (a->at < b->at);
}

static struct keyed *sorted(struct match *m, const struct sequence *s, bool is_old, size_t *ret_n)
{
    struct keyed *k = arena_alloc(m->arena, (s->n + 1) * sizeof *k);
    *ret_n = 0;
    for (size_t i = 0; k && i < s->n; i++)
        if (is_old ? !m->taken[i] : m->ret[i] == ELEMENT_NEW)
            k[(*ret_n)++] = (struct keyed){s->at[i], i};
    if (k)
        qsort(k, *ret_n, sizeof *k, by_text_and_place);
    return k;
}

static int pair_moved(struct match *m)
{
    size_t n_old, n_now, i = 0, j = 0;
    struct keyed *old = sorted(m, &m->old, true, &n_old), *now = sorted(m, &m->now, false, &n_now);
    if (!old || !now)
        return -1;
    while (i < n_old && j < n_now) {
        int c = compare_text(&old[i], &now[j]);
        if (c == 0)
            pair(m, old[i].at, now[j].at);
        i += c <= 0;
        j += c >= 0;
    }
    return 0;
}

/* ---- Edited elements ---- */

/* Places of elements that are not paired yet. */
struct gap {
    size_t *old, n_old, *now, n_now;
    bool apart; /* they don't stand between the same two: only what is alike is paired */
};

static int members_of(struct arena *a, const struct span *at, const size_t *places, size_t n,
                      struct json_node ***ret)
{
    struct err e = ERR_INIT;
    *ret = arena_alloc(a, n * sizeof **ret);
    for (size_t i = 0; *ret && i < n; i++)
        if (json_parse(at[places[i]].p, at[places[i]].n, a, &(*ret)[i], &e))
            return -1; /* canonical text: it can only be the memory */
    return *ret ? 0 : -1;
}

/* A member counts for more than all pairs; 0: not to be paired. */
static size_t score_of(const struct gap *g, const struct json_node *old, const struct json_node *now)
{
    size_t alike = 0;
    if (old->kind == JSON_OBJECT && now->kind == JSON_OBJECT)
        for (const struct json_node *c = old->child; c; c = c->next) {
            const struct json_node *d = json_member(now, c->name);
            alike += d && json_equal(c, d);
        }
    if (g->apart && (!alike || alike < old->n_children - alike))
        return 0;
    return alike * (PAIRS_MAX + 1) + 1;
}

/* best[i * (n_now + 1) + j]: of the old elements from i on and the new ones from j on, in order. */
static int pair_alike(struct match *m, const struct gap *g)
{
    struct arena a ARENA_CLEANUP = {0};
    size_t width = g->n_now + 1, *best = arena_alloc(&a, (g->n_old + 1) * width * sizeof *best);
    size_t *both = arena_alloc(&a, (g->n_old + 1) * width * sizeof *both);
    struct json_node **old, **now;
    if (!best || !both || members_of(&a, m->old.at, g->old, g->n_old, &old) ||
        members_of(&a, m->now.at, g->now, g->n_now, &now))
        return -1;
    for (size_t i = g->n_old; i-- > 0;)
        for (size_t j = g->n_now; j-- > 0;) {
            size_t *b = &best[i * width + j], score = score_of(g, old[i], now[j]);
            *b = b[width] > b[1] ? b[width] : b[1];
            both[i * width + j] = score ? score + b[width + 1] : 0;
            if (both[i * width + j] > *b)
                *b = both[i * width + j];
        }
    for (size_t i = 0, j = 0; i < g->n_old && j < g->n_now;) {
        const size_t *b = &best[i * width + j];
        if (*b == both[i * width + j] && *b)
            pair(m, g->old[i++], g->now[j++]);
        else if (*b == b[1])
            j++;
        else
            i++;
    }
    return 0;
}

static int pair_gap(struct match *m, const struct gap *g)
{
    if (!g->n_old || !g->n_now)
        return 0;
    if (g->n_old <= m->pairs_left / g->n_now) {
        m->pairs_left -= g->n_old * g->n_now;
        return pair_alike(m, g);
    }
    for (size_t i = 0; i < g->n_old && i < g->n_now && !g->apart; i++)
        pair(m, g->old[i], g->now[i]);
    return 0;
}

/* The old elements that nothing goes on from yet, behind the one that the element before the gap was, or, if
 * there are none, before the one that the element behind the gap was. */
static void find_old(const struct match *m, struct gap *g)
{
    size_t first = g->now[0], end = first + g->n_now, from = first ? m->ret[first - 1] + 1 : 0, upto = from;
    while (upto < m->old.n && !m->taken[upto])
        upto++;
    if (from == upto) {
        from = upto = end < m->now.n ? m->ret[end] : m->old.n;
        while (from > 0 && !m->taken[from - 1])
            from--;
    }
    for (g->n_old = 0; from < upto; from++)
        g->old[g->n_old++] = from;
}

static int pair_edited(struct match *m, struct gap *g)
{
    for (size_t i = 0; i < m->now.n; i++) {
        for (g->n_now = 0; i < m->now.n && m->ret[i] == ELEMENT_NEW; i++)
            g->now[g->n_now++] = i;
        if (g->n_now == 0)
            continue;
        find_old(m, g);
        if (pair_gap(m, g))
            return -1;
    }
    return 0;
}

/* Elements that were edited and moved. */
static int pair_rest(struct match *m, struct gap *g)
{
    g->apart = true;
    g->n_old = g->n_now = 0;
    for (size_t i = 0; i < m->old.n; i++)
        if (!m->taken[i])
            g->old[g->n_old++] = i;
    for (size_t i = 0; i < m->now.n; i++)
        if (m->ret[i] == ELEMENT_NEW)
            g->now[g->n_now++] = i;
    return pair_gap(m, g);
}

int elements_align(const struct span *old, size_t n_old, const struct span *now, size_t n_now,
                   struct arena *a, size_t *ret)
{
    struct match m = {{old, n_old}, {now, n_now}, ret, arena_alloc(a, n_old + 1), a, PAIRS_MAX};
    struct gap g = {.old = arena_alloc(a, (n_old + 1) * sizeof *g.old),
                    .now = arena_alloc(a, (n_now + 1) * sizeof *g.now)};
    if (!m.taken || !g.old || !g.now)
        return -1;
    for (size_t i = 0; i < n_now; i++)
        ret[i] = ELEMENT_NEW;
    pair_ends(&m);
    pair_in_place(&m);
    return pair_moved(&m) || pair_edited(&m, &g) || pair_rest(&m, &g) ? -1 : 0;
}
