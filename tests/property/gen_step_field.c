/* Steps of one field. */
#include "gen_step_int.h"

/* ", check: ...": of what a step computes, over the field alone or with another number of s; often "".
 * Drawn from a copy, so that all else is as it would be without it. */
static const char *check_of(struct maker *m, const struct shape *s, const char *name,
                            const struct type_ref *type)
{
    struct rnd r = m->g->r, was = r;
    unsigned limit = 6 + rnd_below(&r, 8);
    const struct field *other = pick_field(m, s, is_number);

    m->g->r = was;
    if (!type || !rnd_chance(&r, 25))
        return "";
    if (type->base == T_STRING)
        return gen_text(m->g, ", check: \"length(%s) < %u\"", name, limit);
    if (type->base != T_INTEGER && type->base != T_NUMBER)
        return "";
    if (other && strcmp(other->name, name) != 0 && rnd_chance(&r, 50))
        return gen_text(m->g, ", check: \"%s <= %s + %u\"", name, other->name, limit);
    return gen_text(m->g, ", check: \"%s < %u\"", name, limit);
}

const char *make_add_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const char *name = s ? new_field(m, s) : NULL, *type = plain_type(m);
    const char *value = !strcmp(type, "string") ? "none" : !strcmp(type, "boolean") ? "true" : "4";
    if (!name)
        return NULL;
    switch (rnd_below(&m->g->r, 4)) {
    case 0:
        return gen_text(m->g, "add_field: {type: %s, field: %s, as: %s}", s->name, name,
                        gen_definition(m->g, &m->names, s->kind, name, false));
    case 1:
        return gen_text(m->g, "add_field: {type: %s, field: %s, as: {type: %s, default: %s%s}}",
                        s->name, name, type, value,
                        rnd_chance(&m->g->r, 50) ? ", required: true" : "");
    case 2:
        return gen_text(m->g, "add_field: {type: %s, field: %s, as: {type: %s%s%s}, up: \"%s\"}",
                        s->name, name, type, check_of(m, s, name, base_named(type)),
                        rnd_chance(&m->g->r, 30) ? ", required: true" : "",
                        sql_for(m, s, base_named(type)));
    default:
        return gen_text(m->g,
                        "add_field: {type: %s, field: %s, as: {type: %s, default: %s%s}, up: \"%s\"}",
                        s->name, name, type, value, check_of(m, s, name, base_named(type)),
                        sql_for(m, s, base_named(type)));
    }
}

const char *make_remove_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, NULL);
    if (!f || s->n_fields < 2)
        return NULL;
    if (is_needed(f) || (!f->read_only && rnd_chance(&m->g->r, 40)))
        return gen_text(m->g, "remove_field: {type: %s, field: %s, down: \"%s\"}", s->name, f->name,
                        sql_for(m, changed(m, s, f->name, NULL, 0), f->type));
    return gen_text(m->g, "remove_field: {type: %s, field: %s}", s->name, f->name);
}

const char *make_restore_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    for (const struct version *v = m->v->base; s && v; v = v->base) {
        const struct shape *then = version_shape(v, s->id);
        for (size_t i = 0; then && i < then->n_fields; i++) {
            const struct field *f = &then->fields[i];
            const struct type_ref *t = f->type;
            while (t->elem)
                t = t->elem;
            if (shape_field_by_slot(s, f->slot) || shape_field(s, span_of(f->name)) ||
                (t->shape && !version_shape(m->v, t->shape)) || is_needed(f) || f->read_only)
                continue;
            return gen_text(m->g, "restore_field: {type: %s, field: %s, from: %s}", s->name,
                            f->name, v->name);
        }
    }
    return NULL;
}

const char *make_compute_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const char *name = s ? new_field(m, s) : NULL, *type = plain_type(m);
    return name ? gen_text(m->g, "compute_field: {type: %s, field: %s, as: %s, value: \"%s\"}",
                           s->name, name, type, sql_for(m, s, base_named(type)))
                : NULL;
}

const char *make_rename_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, NULL);
    const char *to = f ? new_field(m, s) : NULL;
    return to ? gen_text(m->g, "rename_field: {type: %s, from: %s, to: %s}", s->name, f->name, to)
              : NULL;
}

const char *make_reorder_fields(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, NULL);
    return f ? gen_text(m->g, "reorder_fields: {type: %s, fields: [%s]}", s->name, f->name) : NULL;
}

const char *make_require_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_optional);
    if (!f)
        return NULL;
    if (f->def.p && rnd_chance(&m->g->r, 50))
        return gen_text(m->g, "require_field: {type: %s, field: %s}", s->name, f->name);
    return gen_text(m->g, "require_field: {type: %s, field: %s, up: \"%s\"}", s->name, f->name,
                    rnd_chance(&m->g->r, 60) ? gen_sql_value(m->g, m->v, f->type)
                                             : sql_for(m, s, f->type));
}

const char *make_relax_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_required);
    if (!f)
        return NULL;
    if (f->def.p && rnd_chance(&m->g->r, 50))
        return gen_text(m->g, "relax_field: {type: %s, field: %s}", s->name, f->name);
    return gen_text(m->g, "relax_field: {type: %s, field: %s, down: \"%s\"}", s->name, f->name,
                    rnd_chance(&m->g->r, 60) ? gen_sql_value(m->g, m->v, f->type)
                                             : sql_for(m, s, f->type));
}

const char *make_change_default(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_written);
    const char *json = f ? gen_value(m->g, m->v->shapes, m->v->n_shapes, f->type, 1) : NULL;
    if (f && f->def.p && !f->required && rnd_chance(&m->g->r, 30))
        return gen_text(m->g, "change_default: {type: %s, field: %s}", s->name, f->name);
    if (!json || strchr(json, '\\') || !strcmp(json, "null") || f->type->base == T_REF ||
        f->type->base == T_JSON || type_structured(f->type))
        return NULL;
    return gen_text(m->g, "change_default: {type: %s, field: %s, default: %s}", s->name, f->name,
                    json);
}

/* A definition that the old one converts to, or NULL. */
static const char *wider(struct maker *m, const struct field *f)
{
    if (is_needed(f))
        return NULL;
    switch (f->type->base) {
    case T_INTEGER:
        return rnd_chance(&m->g->r, 50) ? "number" : "string";
    case T_NUMBER:
    case T_BOOLEAN:
    case T_UUID:
    case T_ENUM:
        return "string";
    case T_DATE:
        return "timestamp";
    default:
        return type_structured(f->type) ? NULL : "json";
    }
}

const char *make_change_type(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_written);
    const char *type = plain_type(m), *to = f ? wider(m, f) : NULL, *name;
    struct field now;
    struct buf def BUF_CLEANUP = BUF_INIT;

    if (!f)
        return NULL;
    name = f->name;
    if (to && rnd_chance(&m->g->r, 35))
        return gen_text(m->g, "change_type: {type: %s, field: %s, to: %s}", s->name, name, to);
    if (rnd_chance(&m->g->r, 30) && f->type->base <= T_BOOLEAN)
        type = type_text_of(m, f->type); /* the same type, other values */
    now = *f;
    now.type = base_named(type) ? base_named(type) : f->type;
    MUST(buf_printf(&def, "{type: '%s'", type));
    if (rnd_chance(&m->g->r, 25) && now.type->base == T_STRING)
        MUST(buf_adds(&def, ", default: fresh"));
    if (rnd_chance(&m->g->r, 15))
        MUST(buf_adds(&def, ", required: true"));
    MUST(buf_printf(&def, "%s}", check_of(m, s, name, now.type)));
    return gen_text(m->g, "change_type: {type: %s, field: %s, to: %s, up: \"%s\", down: \"%s\"}",
                    s->name, name, buf_str(&def), sql_over(m, s, name, now.type),
                    sql_over(m, changed(m, s, name, &now, 1), name, f->type));
}
