/* Which steps seed a slot, for is_seeded (lens_run.c). */
#include "catalog.h"

static struct slot_info *seeded_slot(struct catalog *c, const struct formula *f)
{
    return f->mode == FORMULA_SEEDED && f->out < c->n_slots ? &c->slots[f->out] : NULL;
}

static void count_seeds(struct catalog *c)
{
    struct seed *next = c->seeds;
    for (size_t i = 0; i < c->n_entries; i++)
        for (size_t j = 0; j < c->entries[i].v->n_formulas; j++) {
            struct slot_info *si = seeded_slot(c, c->entries[i].v->formulas[j]);
            if (si)
                si->n_seeds++;
        }
    for (size_t i = 0; i < c->n_slots; i++) {
        c->slots[i].seeds = next;
        next += c->slots[i].n_seeds;
        c->slots[i].n_seeds = 0;
    }
}

void catalog_note_seeds(struct catalog *c)
{
    count_seeds(c);
    for (size_t i = 0; i < c->n_entries; i++)
        for (size_t j = 0; j < c->entries[i].v->n_formulas; j++) {
            const struct formula *f = c->entries[i].v->formulas[j];
            struct slot_info *si = seeded_slot(c, f);
            if (si)
                si->seeds[si->n_seeds++] = (struct seed){f->step, c->entries[i].v};
        }
}
