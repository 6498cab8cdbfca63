/* model_inside.h: which element of a list goes on as which one of another text of it. */
#include "model_inside.h"

#include <string.h>

struct lists {
    struct arena *a;
    const struct m_parts *old, *now;
    size_t *from; /* of now */
    bool taken[M_PARTS]; /* of old */
};

static bool is_free_pair(const struct lists *l, size_t i, size_t k)
{
    return i < l->old->n && k < l->now->n && !l->taken[i] && l->from[k] == M_NEW;
}

static bool pair_equal(struct lists *l, size_t i, size_t k)
{
    if (!is_free_pair(l, i, k) || strcmp(l->old->value[i], l->now->value[k]) != 0)
        return false;
    l->from[k] = i;
    return l->taken[i] = true;
}

/* Equal texts: in what both begin with, in what both end with, where one stood, and then in order. */
static void pair_texts(struct lists *l)
{
    for (size_t i = 0; pair_equal(l, i, i); i++)
        ;
    for (size_t i = l->old->n, k = l->now->n; i && k && pair_equal(l, i - 1, k - 1); i--, k--)
        ;
    for (size_t i = 0; i < l->old->n; i++)
        pair_equal(l, i, i);
    for (size_t k = 0; k < l->now->n; k++)
        for (size_t i = 0; i < l->old->n && !pair_equal(l, i, k); i++)
            ;
}

/* ---- Elements that were edited ---- */

/* Some that are in no pair yet. apart: they do not stand between the same ones. */
struct rest {
    size_t old[M_PARTS], now[M_PARTS], n_old, n_now;
    bool apart;
};

/* Members that are the same, then pairs. 0: they are not to be one. */
static size_t worth(const struct lists *l, const struct rest *r, size_t i, size_t k)
{
    const char *x = l->old->value[r->old[i]], *y = l->now->value[r->now[k]];
    size_t alike = 0, all = 0;
    if (x[0] == '{' && y[0] == '{') {
        struct m_parts p = m_parts_of(l->a, x), q = m_parts_of(l->a, y);
        for (size_t m = 0; m < p.n; m++) {
            const char *other = m_part(&q, p.name[m]);
            alike += other && !strcmp(other, p.value[m]);
        }
        all = p.n;
    }
    return r->apart && (!alike || 2 * alike < all) ? 0 : alike * 1000 + 1;
}

/* The most that pairs in order can be worth, from these two on. */
static size_t best(const struct lists *l, const struct rest *r, size_t i, size_t k)
{
    if (i >= r->n_old || k >= r->n_now)
        return 0;
    size_t one = worth(l, r, i, k), both = one ? one + best(l, r, i + 1, k + 1) : 0;
    size_t skip_old = best(l, r, i + 1, k), skip_now = best(l, r, i, k + 1);
    size_t most = skip_old > skip_now ? skip_old : skip_now;
    return both > most ? both : most;
}

static void pair_best(struct lists *l, const struct rest *r)
{
    size_t i = 0, k = 0;
    while (i < r->n_old && k < r->n_now) {
        size_t most = best(l, r, i, k), one = worth(l, r, i, k);
        if (one && one + best(l, r, i + 1, k + 1) == most) {
            l->from[r->now[k]] = r->old[i];
            l->taken[r->old[i++]] = true;
            k++;
        } else if (best(l, r, i, k + 1) == most) {
            k++;
        } else {
            i++;
        }
    }
}

/* Old ones behind the one that the element before is; without any, before the one that the element behind is. */
static void find_old(const struct lists *l, size_t first, size_t end, struct rest *r)
{
    size_t at = first ? l->from[first - 1] + 1 : 0;
    for (; at < l->old->n && !l->taken[at]; at++)
        r->old[r->n_old++] = at;
    if (r->n_old)
        return;
    size_t upto = end < l->now->n ? l->from[end] : l->old->n;
    for (at = upto; at && !l->taken[at - 1]; at--)
        ;
    for (; at < upto; at++)
        r->old[r->n_old++] = at;
}

static void pair_between(struct lists *l)
{
    for (size_t first = 0, end; first < l->now->n; first = end + 1) {
        struct rest r = {.n_old = 0};
        for (end = first; end < l->now->n && l->from[end] == M_NEW; end++)
            r.now[r.n_now++] = end;
        if (r.n_now)
            find_old(l, first, end, &r);
        pair_best(l, &r);
    }
}

/* What was edited and moved at once. */
static void pair_apart(struct lists *l)
{
    struct rest r = {.apart = true};
    for (size_t i = 0; i < l->old->n; i++)
        if (!l->taken[i])
            r.old[r.n_old++] = i;
    for (size_t k = 0; k < l->now->n; k++)
        if (l->from[k] == M_NEW)
            r.now[r.n_now++] = k;
    pair_best(l, &r);
}

void m_align(struct arena *a, const struct m_parts *old, const struct m_parts *now, size_t ret[M_PARTS])
{
    struct lists l = {.a = a, .old = old, .now = now, .from = ret};
    for (size_t k = 0; k < M_PARTS; k++)
        ret[k] = M_NEW;
    pair_texts(&l);
    pair_between(&l);
    pair_apart(&l);
}
