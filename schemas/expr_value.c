/* An item's values as SQL sees them, and back. */
#include "expr_impl.h"
#include "number.h"
#include "value.h"

#include <inttypes.h>
#include <math.h>

/* ---- In ---- */

static const enum sql_affinity affinities[] = {
    [T_STRING] = SQL_AFFINITY_TEXT,    [T_INTEGER] = SQL_AFFINITY_NUMERIC,
    [T_NUMBER] = SQL_AFFINITY_NUMERIC, [T_BOOLEAN] = SQL_AFFINITY_NUMERIC,
    [T_TIMESTAMP] = SQL_AFFINITY_TEXT, [T_DATE] = SQL_AFFINITY_TEXT,
    [T_UUID] = SQL_AFFINITY_TEXT,      [T_BYTES] = SQL_AFFINITY_TEXT,
    [T_JSON] = SQL_AFFINITY_NONE,      [T_LIST] = SQL_AFFINITY_NONE,
    [T_MAP] = SQL_AFFINITY_NONE,       [T_REF] = SQL_AFFINITY_TEXT,
    [T_OBJECT] = SQL_AFFINITY_NONE,    [T_ENUM] = SQL_AFFINITY_TEXT,
};

enum sql_affinity expr_value_affinity(const struct type_ref *t)
{
    return affinities[t->base];
}

static bool text_in(struct span json, struct buf *scratch, struct sql_value *ret)
{
    ret->kind = SQL_TEXT;
    ret->text = json;
    if (json.n < 2 || json.p[0] != '"')
        return true;
    ret->text = (struct span){json.p + 1, json.n - 2};
    if (!memchr(ret->text.p, '\\', ret->text.n))
        return true;
    buf_reset(scratch);
    if (!json_decode_string(json, scratch))
        return false;
    ret->text = buf_span(scratch);
    return true;
}

static void number_in(const struct type_ref *t, struct span json, struct sql_value *ret)
{
    ret->text = json;
    if (t->base == T_BOOLEAN) {
        ret->kind = SQL_INTEGER;
        ret->integer = json.p[0] == 't';
    } else if (number_int64(json, &ret->integer)) {
        ret->kind = SQL_INTEGER;
    } else if (t->base == T_NUMBER && number_double(json, &ret->real)) {
        ret->kind = SQL_REAL;
    } else {
        ret->kind = SQL_TEXT;
    }
}

static bool json_in(struct span json, struct buf *scratch, struct sql_value *ret)
{
    ret->kind = SQL_TEXT;
    ret->text = json;
    if (!memchr(json.p, '\n', json.n))
        return true;
    buf_reset(scratch);
    if (!json_to_line(json, scratch))
        return false;
    ret->text = buf_span(scratch);
    return true;
}

bool expr_value_in(const struct type_ref *t, struct span json, struct buf *scratch,
                   struct sql_value *ret)
{
    ret->kind = SQL_NULL;
    if (!json.p || (json.n == 4 && memcmp(json.p, "null", 4) == 0))
        return true;
    if (affinities[t->base] == SQL_AFFINITY_TEXT)
        return text_in(json, scratch, ret);
    if (affinities[t->base] == SQL_AFFINITY_NONE)
        return json_in(json, scratch, ret);
    number_in(t, json, ret);
    return true;
}

/* ---- Out ---- */

enum fit { FIT, UNFIT, NO_MEMORY };

static enum fit fit_if(bool had_memory)
{
    return had_memory ? FIT : NO_MEMORY;
}

/* A number as JSON text. */
static enum fit number_text(const struct sql_value *v, struct buf *out)
{
    if (v->kind == SQL_INTEGER)
        return fit_if(buf_printf(out, "%" PRId64, v->integer));
    if (v->kind == SQL_REAL)
        return isfinite(v->real) ? fit_if(number_print(v->real, out)) : UNFIT;
    if (v->kind == SQL_TEXT && number_valid(v->text))
        return fit_if(buf_addspan(out, v->text));
    return UNFIT;
}

static enum fit number_out(const struct formula *f, const struct sql_value *v, struct buf *out)
{
    (void)f;
    return number_text(v, out);
}

static enum fit integer_out(const struct formula *f, const struct sql_value *v, struct buf *out)
{
    (void)f;
    BUF_CLEANUP struct buf text = BUF_INIT;
    enum fit fit = number_text(v, &text);
    if (fit != FIT)
        return fit;
    switch (number_to_integer(buf_span(&text), false, out)) {
    case NUMBER_FITS:
        return FIT;
    case NUMBER_NO_MEMORY:
        return NO_MEMORY;
    default:
        return UNFIT;
    }
}

static enum fit boolean_out(const struct formula *f, const struct sql_value *v, struct buf *out)
{
    (void)f;
    double n = v->kind == SQL_INTEGER ? (double)v->integer : v->kind == SQL_REAL ? v->real : -1;
    bool is_text = v->kind == SQL_TEXT;
    if (n == 1 || (is_text && span_eq(v->text, span_of("true"))))
        return fit_if(buf_adds(out, "true"));
    if (n == 0 || (is_text && span_eq(v->text, span_of("false"))))
        return fit_if(buf_adds(out, "false"));
    return UNFIT;
}

static enum fit text_out(const struct formula *f, const struct sql_value *v, struct buf *out)
{
    struct err why = ERR_INIT;
    struct json_node node = {.kind = JSON_STRING, .text = v->text};
    if (v->kind != SQL_TEXT || !utf8_valid(v->text.p, v->text.n) ||
        memchr(v->text.p, '\0', v->text.n))
        return UNFIT;
    if (f->out_type->base != T_STRING &&
        value_check(f->out_type, &node, false, f->shapes, f->n_shapes, "", &why))
        return why.code == ERR_NO_MEMORY ? NO_MEMORY : UNFIT;
    return fit_if(json_write_string(v->text, out));
}

/* Numbers become text, as in a column of SQL's TEXT. */
static enum fit string_out(const struct formula *f, const struct sql_value *v, struct buf *out)
{
    BUF_CLEANUP struct buf text = BUF_INIT;
    if (v->kind != SQL_INTEGER && v->kind != SQL_REAL)
        return text_out(f, v, out);
    enum fit fit = number_text(v, &text);
    return fit == FIT ? fit_if(json_write_string(buf_span(&text), out)) : fit;
}

static enum fit structure_out(const struct formula *f, const struct sql_value *v, struct buf *out)
{
    ARENA_CLEANUP struct arena arena = {0};
    struct json_node *node;
    struct err why = ERR_INIT;
    if (v->kind != SQL_TEXT)
        return UNFIT;
    if (json_parse(v->text.p, v->text.n, &arena, &node, &why) ||
        value_check(f->out_type, node, false, f->shapes, f->n_shapes, "", &why))
        return why.code == ERR_NO_MEMORY ? NO_MEMORY : UNFIT;
    return fit_if(json_write(node, 1, out));
}

static enum fit json_out(const struct formula *f, const struct sql_value *v, struct buf *out)
{
    if (v->kind == SQL_INTEGER || v->kind == SQL_REAL)
        return number_text(v, out);
    enum fit fit = structure_out(f, v, out);
    return fit == UNFIT ? text_out(f, v, out) : fit;
}

static enum fit (*const fitters[])(const struct formula *f, const struct sql_value *v,
                                   struct buf *out) = {
    [T_STRING] = string_out,    [T_INTEGER] = integer_out, [T_NUMBER] = number_out,
    [T_BOOLEAN] = boolean_out,  [T_TIMESTAMP] = text_out,  [T_DATE] = text_out,
    [T_UUID] = text_out,        [T_BYTES] = text_out,      [T_JSON] = json_out,
    [T_LIST] = structure_out,   [T_MAP] = structure_out,   [T_REF] = text_out,
    [T_OBJECT] = structure_out, [T_ENUM] = text_out,
};

int expr_value_out(const struct formula *f, const struct sql_value *v, struct buf *out,
                   bool *ret_fits, struct err *e)
{
    size_t start = out->n;
    enum fit fit = v->kind == SQL_NULL ? UNFIT : fitters[f->out_type->base](f, v, out);
    if (fit != FIT)
        out->n = start;
    if (fit == NO_MEMORY)
        return err_nomem(e);
    *ret_fits = fit == FIT;
    return 0;
}
