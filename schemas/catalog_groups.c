/* What works inside one kind of record, found by its number. */
#include "catalog.h"

#include <stdlib.h>

static int compare_applied(const void *pa, const void *pb)
{
    const struct formula *a = ((const struct applied *)pa)->f, *b = ((const struct applied *)pb)->f;
    uint32_t ga = ((const struct applied *)pa)->group, gb = ((const struct applied *)pb)->group;
    if (ga != gb)
        return ga < gb ? -1 : 1;
    if (a->dir != b->dir)
        return a->dir < b->dir ? -1 : 1;
    if (a->step != b->step)
        return a->step < b->step ? -1 : 1;
    return a->uid < b->uid ? -1 : a->uid > b->uid;
}

static int compare_links(const void *pa, const void *pb)
{
    const struct link *a = *(const struct link *const *)pa, *b = *(const struct link *const *)pb;
    if (a->coll != b->coll)
        return a->coll < b->coll ? -1 : 1;
    return a->step < b->step ? -1 : a->step > b->step;
}

static struct group *group_named(struct catalog *c, uint32_t id)
{
    for (size_t i = 0; i < c->n_groups; i++)
        if (c->groups[i].id == id)
            return &c->groups[i];
    c->groups[c->n_groups] = (struct group){.id = id, .slots = c->slots};
    return &c->groups[c->n_groups++];
}

static int compare_groups(const void *pa, const void *pb)
{
    const struct group *a = pa, *b = pb;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Runs of the sorted arrays become groups. */
void catalog_group_up(struct catalog *c)
{
    qsort(c->applied, c->n_applied, sizeof *c->applied, compare_applied);
    qsort(c->past, c->n_past, sizeof *c->past, compare_applied);
    qsort(c->links, c->n_links, sizeof *c->links, compare_links);
    qsort(c->retired, c->n_retired, sizeof *c->retired, compare_links);
    for (size_t i = 0; i < c->n_applied; i++) {
        const struct applied *a = &c->applied[i];
        struct group *g = group_named(c, a->group);
        bool forward = a->f->dir == FORMULA_FORWARD;
        if (!(forward ? g->n_forward : g->n_backward))
            *(forward ? &g->forward : &g->backward) = a;
        ++*(forward ? &g->n_forward : &g->n_backward);
    }
    for (size_t i = 0; i < c->n_past; i++) {
        struct group *g = group_named(c, c->past[i].group);
        if (!g->n_past++)
            g->past = &c->past[i];
    }
    for (size_t i = 0; i < c->n_links; i++) {
        struct group *g = group_named(c, c->links[i]->coll);
        if (!g->n_links++)
            g->links = &c->links[i];
    }
    for (size_t i = 0; i < c->n_retired; i++) {
        struct group *g = group_named(c, c->retired[i]->coll);
        if (!g->n_retired++)
            g->retired = &c->retired[i];
    }
    qsort(c->groups, c->n_groups, sizeof *c->groups, compare_groups);
}

const struct group *catalog_group(const struct catalog *c, uint32_t id)
{
    static const struct group empty;
    size_t lo = 0, hi = c->n_groups;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (c->groups[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < c->n_groups && c->groups[lo].id == id ? &c->groups[lo] : &empty;
}
