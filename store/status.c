/* What is known of versions and jobs. */
#include "backfill.h"

#include <stdio.h>

struct span store_schema_text(const struct version *v)
{
    return v->text;
}

/* Items of a version: those of its item types; a type derived later makes the sum unknown. */
static int64_t items_of(struct store *s, const struct version *v)
{
    int64_t sum = 0;
    for (size_t i = 0; i < v->n_shapes; i++) {
        if (v->shapes[i]->kind != SHAPE_ITEM)
            continue;
        int64_t n = store_count(s, v, v->shapes[i]);
        if (n < 0)
            return -1;
        sum += n;
    }
    return sum;
}

static bool uses(const struct version *v, const struct naming *n)
{
    for (size_t i = 0; i < v->n_shapes; i++)
        if (v->shapes[i]->kind == SHAPE_ITEM && shape_uses(v->shapes[i], n))
            return true;
    return false;
}

int64_t store_misfits(struct store *s, const struct version *v, bool *ret_has_parts)
{
    struct catalog *cat = store_catalog(s);
    int64_t sum = 0;

    *ret_has_parts = false;
    for (size_t i = 0; i < cat->n_namings; i++) {
        const struct naming *n = cat->namings[i];
        const struct shape misfits = {.set = n->misfits};
        if (!n->fit || !uses(v, n))
            continue;
        *ret_has_parts = true;
        if (!derive_is_done(s, NULL, n->step))
            sum = -1;
        if (sum >= 0)
            sum += store_count(s, v, &misfits);
    }
    catalog_unref(cat);
    return sum;
}

static void job_status(struct version_status *ret, const struct job_row *row,
                       const struct job_figures *now)
{
    ret->done = row->done;
    ret->total = row->total;
    ret->eta_s = -1;
    if (now->running && now->version == row->version && row->state == BACKFILL_RUNNING) {
        ret->done = now->done > row->done ? now->done : row->done;
        ret->rate = now->rate;
    }
    if (ret->total < ret->done)
        ret->total = ret->done;
    if (ret->rate > 0)
        ret->eta_s = (double)(ret->total - ret->done) / ret->rate;
}

static int fill(struct store *s, struct conn *c, const struct catalog *cat, struct version *v,
                uint32_t covered, struct version_status *ret, struct err *e)
{
    struct job_row row;
    struct job_figures now;
    bool found;

    *ret = (struct version_status){.number = v->number, .eta_s = -1,
                                   .is_default = cat->default_number == v->number};
    snprintf(ret->name, sizeof ret->name, "%s", v->name);
    ret->items = items_of(s, v);
    ret->misfits = store_misfits(s, v, &ret->has_parts);
    jobs_figures(s, &now);
    if (job_read(c, v->number, &row, &found, e) ||
        version_row_added(c, v->number, &ret->added_ns, e))
        return -1;
    if (found)
        row.state = job_state(s, &row, &now);
    if (found && (row.state == BACKFILL_RUNNING || row.state == BACKFILL_PAUSED))
        ret->backfill = row.state;
    else if (!backfill_applies(cat, v))
        ret->backfill = BACKFILL_NOT_NEEDED;
    else if (backfill_needs(cat, v, covered))
        ret->backfill = BACKFILL_NEEDED;
    else
        ret->backfill = found && row.state == BACKFILL_NOT_NEEDED ? BACKFILL_NOT_NEEDED
                                                                 : BACKFILL_DONE;
    if (found)
        job_status(ret, &row, &now);
    return 0;
}

static int fill_all(struct store *s, struct conn *c, const struct catalog *cat,
                    struct store_status *ret, struct err *e)
{
    uint32_t covered;
    if (job_covered(c, &covered, e))
        return -1;
    for (size_t i = 0; i < cat->n_entries; i++) {
        struct version *v = cat->entries[i].v;
        if (cat->entries[i].state != VERSION_LIVE)
            continue;
        if (fill(s, c, cat, v, covered, &ret->versions[ret->n], e))
            return -1;
        if (ret->versions[ret->n++].is_default)
            snprintf(ret->default_name, sizeof ret->default_name, "%s", v->name);
    }
    return 0;
}

int store_status(struct store *s, struct store_status *ret, struct err *e)
{
    struct catalog *cat = store_catalog(s);
    struct conn *c;

    *ret = (struct store_status){.versions = calloc(cat->n_entries + 1, sizeof *ret->versions)};
    int rc = ret->versions ? reader_get(s, cat, &c, e) : err_nomem(e);
    if (!rc) {
        rc = fill_all(s, c, cat, ret, e);
        reader_put(c);
    }
    catalog_unref(cat);
    if (rc)
        store_status_free(ret);
    return rc;
}

void store_status_free(struct store_status *st)
{
    free(st->versions);
    *st = (struct store_status){0};
}
