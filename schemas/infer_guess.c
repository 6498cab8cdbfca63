/* Expressions for what only the author of a schema knows: legal, of the right type, and marked as
 * guesses where the steps are printed. */
#include "infer_impl.h"
#include "json.h"
#include "sql_names.h"

static const char *const literals[] = {
    [T_STRING] = "''",
    [T_INTEGER] = "0",
    [T_NUMBER] = "0",
    [T_BOOLEAN] = "0",
    [T_TIMESTAMP] = "'1970-01-01T00:00:00Z'",
    [T_DATE] = "'1970-01-01'",
    [T_UUID] = "'00000000-0000-0000-0000-000000000000'",
    [T_BYTES] = "''",
    [T_JSON] = "''",
    [T_LIST] = "'[]'",
    [T_MAP] = "'{}'",
    [T_REF] = "NULL",
    [T_OBJECT] = "'{}'",
    [T_ENUM] = "NULL",
};

/* What SQL makes of a value of another type; elsewhere the value itself, which stays where it fits. */
static const char *const casts[] = {
    [T_STRING] = "CAST(value AS TEXT)",   [T_INTEGER] = "CAST(value AS INTEGER)",
    [T_NUMBER] = "CAST(value AS REAL)",   [T_BOOLEAN] = "CAST(value AS INTEGER) <> 0",
    [T_TIMESTAMP] = "value",              [T_DATE] = "value",
    [T_UUID] = "value",                   [T_BYTES] = "value",
    [T_JSON] = "value",                   [T_LIST] = "value",
    [T_MAP] = "value",                    [T_REF] = "value",
    [T_OBJECT] = "value",                 [T_ENUM] = "value",
};

static const char *known(struct infer *x, const char *text)
{
    x->p.nomem |= !text;
    return text ? text : "NULL";
}

static bool quote_sql(struct span text, struct buf *out)
{
    bool ok = buf_addc(out, '\'');

    for (size_t i = 0; ok && i < text.n; i++)
        ok = (text.p[i] != '\'' || buf_addc(out, '\'')) && buf_addc(out, text.p[i]);
    return ok && buf_addc(out, '\'');
}

/* A JSON text as an SQL literal. */
static bool print_default(struct span json, struct buf *out)
{
    struct buf text BUF_CLEANUP = BUF_INIT;

    if (json.p[0] == '"')
        return json_decode_string(json, &text) && quote_sql(buf_span(&text), out);
    if (json.p[0] == '{' || json.p[0] == '[')
        return json_to_line(json, &text) && quote_sql(buf_span(&text), out);
    if (span_eq(json, span_of("true")) || span_eq(json, span_of("false")))
        return buf_addc(out, json.p[0] == 't' ? '1' : '0');
    return buf_addspan(out, json);
}

const char *guess_value(struct infer *x, const struct version *v, const struct field *f)
{
    const struct shape *s = f->type->base == T_ENUM ? version_shape(v, f->type->shape) : NULL;
    struct buf out BUF_CLEANUP = BUF_INIT;

    if (!f->def.p && !s)
        return literals[f->type->base];
    if (f->def.p ? !print_default(f->def, &out) : !quote_sql(span_of(s->values[0]), &out))
        return known(x, NULL);
    return known(x, arena_strndup(&x->m->v->arena, out.p, out.n));
}

const char *guess_cast(struct infer *x, const char *field, const struct type_ref *from,
                       const struct type_ref *to)
{
    bool head = from->base == T_LIST && to->base != T_LIST && to->base != T_JSON;
    bool one = to->base == T_LIST && from->base != T_LIST && from->base != T_JSON;
    const char *cast = head ? "json_extract(value, '$[0]')" : one ? "json_array(value)"
                                                                  : casts[to->base];
    struct buf out BUF_CLEANUP = BUF_INIT;

    if (!sql_rename(cast, "value", field, &out))
        return known(x, NULL);
    return known(x, arena_strndup(&x->m->v->arena, out.p, out.n));
}
