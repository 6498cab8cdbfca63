#include "verify_except.h"

#include <stdio.h>
#include <string.h>

#include "lens.h"
#include "sql_names.h"

/* The check with slots for names, so that it reads the same under all names that fields have had. */
static bool by_slots(const struct shape *s, const char *sql, struct buf *out)
{
    bool ok = buf_adds(out, sql);

    for (size_t i = 0; ok && i < s->n_fields; i++) {
        struct buf next BUF_CLEANUP = BUF_INIT;
        char slot[16];

        if (!buf_str(out) || !sql_reads(buf_str(out), s->fields[i].name))
            continue;
        snprintf(slot, sizeof slot, "~%u", (unsigned)s->fields[i].slot);
        ok = sql_rename(buf_str(out), s->fields[i].name, slot, &next);
        buf_reset(out);
        ok = ok && buf_addspan(out, buf_span(&next));
    }
    return ok && buf_str(out);
}

static bool is_like(const struct shape *s, const char *sql, const char *wanted)
{
    struct buf out BUF_CLEANUP = BUF_INIT;

    return sql && by_slots(s, sql, &out) && strcmp(buf_str(&out), wanted) == 0;
}

/* The shape has the check, among its own or a field's. */
static bool has_check(const struct shape *s, const char *wanted)
{
    for (size_t i = 0; i < s->n_fields + s->n_checks; i++)
        if (is_like(s, lens_check_numbered(s, i), wanted))
            return true;
    return false;
}

/* A view of the items: it shows the field, and the check does not stand there, or reads another
 * default where it is unset. */
static bool shows_without(const struct shape *s, const struct field *f, const char *wanted)
{
    const struct field *own = shape_field_by_slot(s, f->slot);

    return own && (!span_eq(own->def, f->def) || !has_check(s, wanted));
}

static bool is_shown_without(const struct catalog *c, uint32_t coll, const struct field *f,
                             const char *wanted)
{
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct version *v = c->entries[i].v;
        for (size_t k = 0; k < v->n_shapes; k++)
            if (v->shapes[k]->kind == SHAPE_ITEM && shape_has_coll(v->shapes[k], coll) &&
                shows_without(v->shapes[k], f, wanted))
                return true;
    }
    return false;
}

/* A formula gives the slot, and does not look at the check (all that have it as their output's own
 * do, struct formula). */
static bool is_computed_without(const struct catalog *c, slot_no slot, const char *sql)
{
    for (size_t i = 0; i < c->n_entries; i++)
        for (size_t k = 0; k < c->entries[i].v->n_formulas; k++) {
            const struct formula *f = c->entries[i].v->formulas[k];
            if (f->out == slot && (!f->check || strcmp(f->check, sql) != 0))
                return true;
        }
    return false;
}

bool verify_excepts(const struct catalog *c, const struct shape *s, size_t check)
{
    const char *sql = lens_check_numbered(s, check);
    struct buf wanted BUF_CLEANUP = BUF_INIT;

    if (!sql || sql_reads(sql, "_key") || !by_slots(s, sql, &wanted))
        return true;
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];
        if (!sql_reads(sql, f->name))
            continue;
        if (f->on_delete == ON_DELETE_UNSET || c->slots[f->slot].link ||
            is_computed_without(c, f->slot, sql) ||
            is_shown_without(c, s->coll, f, buf_str(&wanted)))
            return true;
    }
    return false;
}
