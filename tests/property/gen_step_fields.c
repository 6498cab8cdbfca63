/* Steps of several fields. */
#include "gen_step_int.h"

const char *make_split_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_string);
    const char *a = f ? new_field(m, s) : NULL, *b = f ? new_field(m, s) : NULL;
    if (!a || !b || !strcmp(a, b))
        return NULL;
    if (rnd_chance(&m->g->r, 50))
        return gen_text(
            m->g,
            "split_field: {type: %s, field: %s, into: {%s: {as: string, up: \"substr(%s, "
            "1, 1)\"}, %s: {as: string, up: \"substr(%s, 2)\"}}, down: \"%s || %s\"}",
            s->name, f->name, a, f->name, b, f->name, a, b);
    return gen_text(m->g,
                    "split_field: {type: %s, field: %s, into: {%s: {as: string, up: \"%s\"}, %s: "
                    "{as: integer, up: \"length(%s)\"}}, down: \"trim(coalesce(%s, '') || ' ' || "
                    "coalesce(%s, ''))\"}",
                    s->name, f->name, a, sql_text(m, f->name), b, f->name, a, b);
}

const char *make_merge_fields(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_string), *h = pick_field(m, s, is_written);
    const char *into = f ? new_field(m, s) : NULL;
    if (!into || f == h || h->type->base > T_JSON)
        return NULL;
    return gen_text(
        m->g,
        "merge_fields: {type: %s, fields: {%s: \"substr(%s, 1, instr(%s || '|', '|') - "
        "1)\", %s: \"substr(%s, instr(%s || '|', '|') + 1)\"}, into: %s, as: string, up: "
        "\"coalesce(%s, '') || '|' || coalesce(%s, '')\"}",
        s->name, f->name, into, into, h->name, into, into, into, f->name, h->name);
}

const char *make_wrap_list(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_no_list);
    return f ? gen_text(m->g, "wrap_list: {type: %s, field: %s}", s->name, f->name) : NULL;
}

const char *make_unwrap_list(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_list);
    return f ? gen_text(m->g, "unwrap_list: {type: %s, field: %s}", s->name, f->name) : NULL;
}

const char *make_nest_fields(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_written), *h = pick_field(m, s, is_written);
    const char *into = f ? new_field(m, s) : NULL;
    if (!into || f->unique || h->unique)
        return NULL;
    if (f == h)
        return gen_text(m->g, "nest_fields: {type: %s, fields: [%s], into: %s}", s->name, f->name,
                        into);
    return gen_text(m->g, "nest_fields: {type: %s, fields: [%s, %s], into: %s}", s->name, f->name,
                    h->name, into);
}

const char *make_unnest_fields(struct maker *m)
{
    const struct shape *s = pick_fielded(m), *o;
    const struct field *f = pick_field(m, s, is_object), *inner;
    const char *to = f ? new_field(m, s) : NULL;
    if (!to || !(o = version_shape(m->v, f->type->shape)) ||
        !(inner = pick_field(m, o, is_written)))
        return NULL;
    return gen_text(m->g, "unnest_fields: {type: %s, into: %s, fields: {%s: %s}}", s->name, f->name,
                    inner->name, to);
}

const char *make_transform(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_string);
    const char *a = f ? new_field(m, s) : NULL, *b = f ? new_field(m, s) : NULL;
    if (!a || !b || !strcmp(a, b))
        return NULL;
    if (rnd_chance(&m->g->r, 40))
        return gen_text(
            m->g,
            "transform: {type: %s, add: {%s: string, %s: integer}, up: {%s: \"%s\", %s: "
            "\"length(%s)\"}}",
            s->name, a, b, a, sql_for(m, s, base_named("string")), b, f->name);
    return gen_text(
        m->g,
        "transform: {type: %s, add: {%s: string, %s: integer}, remove: [%s], up: {%s: "
        "\"%s\", %s: \"length(%s)\"}, down: {%s: \"coalesce(%s, '') || coalesce(%s, 0)\"}}",
        s->name, a, b, f->name, a, sql_text(m, f->name), b, f->name, f->name, a, b);
}
