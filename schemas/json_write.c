/* Canonical text, and its two rewritings that need no parse. Both rest on one fact: canonical text
 * holds no line break inside a string, so every one of them is structure. */
#include "json_impl.h"

#define INDENT 2u

static bool add_spaces(struct buf *out, size_t n)
{
    if (!buf_reserve(out, n))
        return false;
    if (n)
        memset(out->p + out->n, ' ', n);
    out->n += n;
    return true;
}

static bool write_scalar(const struct json_node *v, struct buf *out)
{
    static const char *const words[] = {
        [JSON_NULL] = "null", [JSON_FALSE] = "false", [JSON_TRUE] = "true"};

    if (v->kind == JSON_NUMBER)
        return buf_addspan(out, v->text);
    if (v->kind == JSON_STRING)
        return json_write_string(v->text, out);
    return buf_adds(out, words[v->kind]);
}

/* What sets elements apart: a line each in canonical text, a space in JSON Lines. */
static bool write_break(bool lines, unsigned depth, bool at_bracket, struct buf *out)
{
    if (lines)
        return buf_addc(out, '\n') && add_spaces(out, (size_t)depth * INDENT);
    return at_bracket || buf_addc(out, ' ');
}

static bool write_value(const struct json_node *v, bool lines, unsigned depth, struct buf *out)
{
    const char *marks = v->kind == JSON_OBJECT ? "{}" : "[]";

    if (v->kind != JSON_OBJECT && v->kind != JSON_ARRAY)
        return write_scalar(v, out);
    if (!buf_addc(out, marks[0]))
        return false;
    for (const struct json_node *c = v->child; c; c = c->next) {
        if ((c != v->child && !buf_addc(out, ',')) ||
            !write_break(lines, depth + 1, c == v->child, out))
            return false;
        if (v->kind == JSON_OBJECT && (!json_write_string(c->name, out) || !buf_add(out, ": ", 2)))
            return false;
        if (!write_value(c, lines, depth + 1, out))
            return false;
    }
    if (v->child && !write_break(lines, depth, true, out))
        return false;
    return buf_addc(out, marks[1]);
}

static bool write_whole(const struct json_node *v, bool lines, unsigned depth, struct buf *out)
{
    size_t n = out->n;

    if (write_value(v, lines, depth, out))
        return true;
    out->n = n;
    return false;
}

bool json_write(const struct json_node *v, unsigned depth, struct buf *out)
{
    return write_whole(v, true, depth, out);
}

bool json_write_line(const struct json_node *v, struct buf *out)
{
    return write_whole(v, false, 0, out);
}

static const char *skip_spaces(const char *p, const char *end)
{
    while (p < end && *p == ' ')
        p++;
    return p;
}

bool json_to_line(struct span canonical, struct buf *out)
{
    const char *p = canonical.p ? canonical.p : "", *end = p + canonical.n;
    char *o;

    if (!buf_reserve(out, canonical.n + 1)) /* the result is never longer */
        return false;
    o = out->p + out->n;
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((eol ? eol : end) - p);

        memcpy(o, p, n);
        o += n;
        if (!eol)
            break;
        if (n > 0 && eol[-1] == ',')
            *o++ = ' ';
        p = skip_spaces(eol + 1, end);
    }
    out->n = (size_t)(o - out->p);
    return true;
}

bool json_reindent(struct span canonical, unsigned from, unsigned to, struct buf *out)
{
    const char *p = canonical.p ? canonical.p : "", *end = p + canonical.n;
    size_t n = out->n;

    if (from == to)
        return buf_addspan(out, canonical);
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p)), *next;
        size_t indent;

        if (!eol)
            break;
        next = skip_spaces(eol + 1, end);
        indent = (size_t)(next - eol - 1);
        indent = indent > (size_t)from * INDENT ? indent - (size_t)from * INDENT : 0;
        if (!buf_add(out, p, (size_t)(eol + 1 - p)) ||
            !add_spaces(out, indent + (size_t)to * INDENT))
            goto no_memory;
        p = next;
    }
    if (buf_add(out, p, (size_t)(end - p)))
        return true;
no_memory:
    out->n = n;
    return false;
}
