/* The model's steps as lines of a schema file. */
#include <stdarg.h>

#include "model_inside.h"

const char *m_format(struct m_case *c, const char *fmt, ...)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    MUST(buf_vprintf(&b, fmt, ap));
    va_end(ap);
    const char *p = arena_strdup(&c->a, buf_str(&b));
    MUST(p);
    return p;
}

static const char *over_field(struct m_case *c, const char *expr, const char *field)
{
    char out[200];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(out, sizeof out, expr, field);
#pragma GCC diagnostic pop
    return m_format(c, "%s", out);
}

static const char *sql(struct m_case *c, unsigned expr, const char *field)
{
    return over_field(c, m_expr_sql[expr], field);
}

static const char *key_sql(struct m_case *c, unsigned expr, const char *field)
{
    return over_field(c, m_key_exprs[expr].sql, field);
}

static const char *split_type_yaml(struct m_case *c, const struct m_step *s, const char *type)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    size_t k = 0;
    MUST(buf_printf(&b, "split_type: {type: %s, into: {", type));
    for (size_t i = 0; i < s->n; i++) {
        bool other = i == s->then;
        const char *sql = over_field(c, m_condition_sql[k ? s->expr2 : s->expr], k ? s->b : s->a);
        MUST(buf_printf(&b, "%s%s: \"%s\"", i ? ", " : "", s->from[other ? s->n - 1 : k], other ? "else" : sql));
        k += !other;
    }
    return m_format(c, "%s}}", buf_str(&b));
}

static const char *type_yaml(struct m_case *c, const struct m_step *s, const char *type)
{
    switch (s->kind) {
    case M_RENAME_TYPE:
        return m_format(c, "rename_type: {from: %s, to: %s}", type, s->b);
    case M_ADD_TYPE:
        return m_format(c, "add_type: {type: %s, fields: {name: string, size: integer}}", s->b);
    case M_ADD_OBJECT:
        return m_format(c, "add_type: {type: %s, kind: object, fields: {name: string, size: integer}}", s->b);
    case M_REMOVE_TYPE:
        return m_format(c, "remove_type: {type: %s}", type);
    case M_COPY_TYPE:
        return m_format(c, "copy_type: {from: %s, to: %s}", type, s->b);
    case M_COPY_TYPE_OWN:
        return m_format(c, "copy_type: {from: %s, to: %s, fields: {%s: {as: string, up: \"%s\"}}}",
                        type, s->b, s->c, sql(c, s->expr, s->a));
    case M_SPLIT_TYPE:
        return split_type_yaml(c, s, type);
    case M_MERGE_TYPES:
        return m_format(c, "merge_types: {types: [%s, %s], into: %s, tag: %s}", s->from[0], s->from[1], s->b, s->c);
    case M_CHANGE_KEY:
        return m_format(c, "change_key: {type: %s, up: \"%s\", down: \"%s\"}", type,
                        key_sql(c, s->expr, s->a), key_sql(c, s->expr2, s->b));
    default:
        return NULL;
    }
}

static const char *value_yaml(struct m_case *c, const struct m_step *s, const char *type)
{
    switch (s->kind) {
    case M_MAP:
        return m_format(c, "map_values: {type: %s, field: %s, values: {%s: %s, %s: %s, %s: %s}}",
                        type, s->a, s->from[0], s->to[0], s->from[1], s->to[1], s->from[2],
                        s->to[2]);
    case M_ADD_VALUE:
        return m_format(c, "add_value: {enum: E, value: %s, as: %s}", s->from[0], s->to[0]);
    case M_REMOVE_VALUE:
        return m_format(c, "remove_value: {enum: E, value: %s, as: %s}", s->from[0], s->to[0]);
    case M_RENAME_VALUE:
        return m_format(c, "rename_value: {enum: E, from: %s, to: %s}", s->from[0], s->to[0]);
    case M_ADD_UNIQUE:
        return m_format(c, "add_unique: {type: %s, fields: [%s]}", type, s->a);
    case M_REMOVE_UNIQUE:
        return m_format(c, "remove_unique: {type: %s, fields: [%s]}", type, s->a);
    case M_ADD_CHECK:
        return m_format(
            c, "add_check: {type: %s, check: \"length(%s) < %d\", up: \"substr(%s, 1, 2)\"}", type,
            s->a, M_CHECK_MAX, s->a);
    case M_REMOVE_CHECK:
        return m_format(c, "remove_check: {type: %s, check: \"length(%s) < %d\"}", type, s->a,
                        M_CHECK_MAX);
    default:
        return NULL;
    }
}

static const char *several_yaml(struct m_case *c, const struct m_step *s, const char *type)
{
    switch (s->kind) {
    case M_SPLIT:
        return m_format(
            c,
            "split_field: {type: %s, field: %s, into: {%s: {as: string, up: \"substr(%s, 1, "
            "1)\"}, %s: {as: string, up: \"substr(%s, 2)\"}}, down: \"%s || %s\"}",
            type, s->a, s->b, s->a, s->c, s->a, s->b, s->c);
    case M_MERGE:
        return m_format(
            c,
            "merge_fields: {type: %s, fields: {%s: \"substr(%s, 1, instr(%s || '|', '|') - "
            "1)\", %s: \"substr(%s, instr(%s || '|', '|') + 1)\"}, into: %s, as: string, up: "
            "\"coalesce(%s, '') || '|' || coalesce(%s, '')\"}",
            type, s->a, s->c, s->c, s->b, s->c, s->c, s->c, s->a, s->b);
    case M_NEST:
        return m_format(c, "nest_fields: {type: %s, fields: [%s, %s], into: %s, object: O%zu}",
                        type, s->a, s->b, s->c, c->shape.n);
    case M_UNNEST:
        return m_format(c, "unnest_fields: {type: %s, into: %s, fields: {%s: %s, %s: %s}}", type,
                        s->a, s->from[0], s->b, s->from[1], s->c);
    case M_INLINE:
        return m_format(c, "inline_type: {type: %s, ref: %s, fields: {%s: %s%s%s%s%s}}", type, s->a, s->from[0],
                        s->to[0], s->n > 1 ? ", " : "", s->n > 1 ? s->from[1] : "", s->n > 1 ? ": " : "",
                        s->n > 1 ? s->to[1] : "");
    case M_MOVE:
        return m_format(c, "move_field: {type: %s, field: %s, to: %s, through: %s, as: %s}", type, s->b,
                        c->shape.nodes[s->then].type, s->a, s->to[0]);
    case M_EXTRACT:
        return m_format(c, "extract_type: {type: %s, fields: {%s: %s%s%s%s%s}, into: %s, as: %s}", type, s->a,
                        s->to[0], s->n > 1 ? ", " : "", s->n > 1 ? s->b : "", s->n > 1 ? ": " : "",
                        s->n > 1 ? s->to[1] : "", s->into, s->c);
    case M_TRANSFORM:
        return m_format(
            c,
            "transform: {type: %s, add: {%s: string}, remove: [%s], up: {%s: \"%s\"}, down: "
            "{%s: \"%s\"}}",
            type, s->b, s->a, s->b, sql(c, s->expr, s->a), s->a, sql(c, s->expr2, s->b));
    case M_TRANSFORM_UP:
        return m_format(c,
                        "transform: {type: %s, add: {%s: string}, remove: [%s], up: {%s: \"%s\"}}",
                        type, s->b, s->a, s->b, sql(c, s->expr, s->a));
    default:
        return NULL;
    }
}

/* Of b: itself, or a member. */
static const char *member_sql(struct m_case *c, const struct m_step *s)
{
    return s->c[0] ? m_format(c, "json_extract(%s, '$.%s')", s->b, s->c) : s->b;
}

static const char *field_yaml(struct m_case *c, const struct m_step *s, const char *type)
{
    static const char *const on_delete[] = {
        [M_RESTRICTS] = "", [M_UNSETS] = ", on_delete: unset", [M_CASCADES] = ", on_delete: cascade"};
    switch (s->kind) {
    case M_RENAME_FIELD:
        return m_format(c, "rename_field: {type: %s, from: %s, to: %s}", type, s->a, s->b);
    case M_REORDER:
        return m_format(c, "reorder_fields: {type: %s, fields: [%s]}", type, s->a);
    case M_ADD:
        return s->def
                   ? m_format(c,
                              "add_field: {type: %s, field: %s, as: {type: string, default: %s}}",
                              type, s->a, s->def)
                   : m_format(c, "add_field: {type: %s, field: %s, as: string}", type, s->a);
    case M_ADD_UP:
        return m_format(c, "add_field: {type: %s, field: %s, as: string, up: \"%s\"}", type, s->a,
                        sql(c, s->expr, member_sql(c, s)));
    case M_REMOVE:
        return m_format(c, "remove_field: {type: %s, field: %s}", type, s->a);
    case M_REMOVE_DOWN:
        return m_format(c, "remove_field: {type: %s, field: %s, down: \"%s\"}", type, s->a,
                        sql(c, s->expr, s->b));
    case M_RESTORE:
        return m_format(c, "restore_field: {type: %s, field: %s, from: %s}", type, s->a, s->c);
    case M_DEFAULT:
        return m_format(c, "change_default: {type: %s, field: %s, default: %s}", type, s->a,
                        s->def);
    case M_COMPUTE:
        return m_format(c, "compute_field: {type: %s, field: %s, as: string, value: \"%s\"}", type,
                        s->a, sql(c, s->expr, member_sql(c, s)));
    case M_REQUIRE:
        return m_format(c, "require_field: {type: %s, field: %s, up: \"%s\"}", type, s->a,
                        sql(c, s->expr, s->b));
    case M_RELAX:
        return m_format(c, "relax_field: {type: %s, field: %s, down: \"%s\"}", type, s->a,
                        sql(c, s->expr, s->b));
    case M_RETYPE:
        return m_format(c,
                        "change_type: {type: %s, field: %s, to: string, up: \"%s\", down: \"%s\"}",
                        type, s->a, sql(c, s->expr, s->a), sql(c, s->expr2, s->a));
    case M_TO_INT:
        return m_format(
            c,
            "change_type: {type: %s, field: %s, to: integer, up: \"CAST(%s AS INTEGER)\", "
            "down: \"CAST(%s AS TEXT)\"}",
            type, s->a, s->a, s->a);
    case M_WIDEN:
        return m_format(c, "change_type: {type: %s, field: %s, to: string}", type, s->a);
    case M_WRAP:
        return m_format(c, "wrap_list: {type: %s, field: %s}", type, s->a);
    case M_UNWRAP:
        return m_format(c, "unwrap_list: {type: %s, field: %s}", type, s->a);
    case M_ADD_INSIDE:
        return m_format(c, "add_field: {type: %s, field: %s, as: %s}", type, s->a,
                        m_inside_type(c, s->many, c->shape.nodes[s->then].type));
    case M_ADD_REF:
        return m_format(c, "add_field: {type: %s, field: %s, as: {type: ref<%s>%s}}", type, s->a,
                        c->shape.nodes[s->then].type, on_delete[s->on_delete]);
    default:
        return NULL;
    }
}

const char *m_step_yaml(struct m_case *c, const struct m_step *s, const char *type)
{
    const char *yaml = type_yaml(c, s, type);
    if (!yaml)
        yaml = value_yaml(c, s, type);
    if (!yaml)
        yaml = several_yaml(c, s, type);
    return yaml ? yaml : field_yaml(c, s, type);
}
