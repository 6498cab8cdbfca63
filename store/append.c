/* Items from JSON Lines: what is appended to Dog.jsonl, or imported. */
#include "internal.h"

static bool blank(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr(" \t\r", s.p[i]) || !s.p[i])
            return false;
    return true;
}

static const char *skip_blank(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

/* The usual case without a parse: "_key" comes first and has no escapes. What else the line holds
 * is for lens_put to judge. */
static bool quick_key(struct span line, struct span *ret)
{
    static const char name[] = "\"_key\"";
    const char *end = line.p + line.n, *p = skip_blank(line.p, end), *start;

    if (p == end || *p != '{')
        return false;
    p = skip_blank(p + 1, end);
    if ((size_t)(end - p) < sizeof name - 1 || memcmp(p, name, sizeof name - 1) != 0)
        return false;
    p = skip_blank(p + sizeof name - 1, end);
    if (p == end || *p != ':')
        return false;
    p = skip_blank(p + 1, end);
    if (p == end || *p++ != '"')
        return false;
    for (start = p; p < end && *p != '"'; p++)
        if (*p == '\\' || (unsigned char)*p < 0x20)
            return false;
    *ret = (struct span){start, (size_t)(p - start)};
    return p < end;
}

static int line_key(struct span line, struct arena *a, struct span *ret, struct err *e)
{
    struct json_node *object, *key;

    if (quick_key(line, ret))
        return 0;
    if (json_parse_object(line.p, line.n, a, &object, e))
        return -1;
    key = json_member(object, span_of("_key"));
    if (!key) {
        err_at(e, ERR_INVALID, 1, object->column, "a line without \"_key\"");
        return err_expected(e, "{\"_key\": \"...\", ...} on one line");
    }
    if (key->kind != JSON_STRING)
        return err_at(e, ERR_INVALID, key->line, key->column, "\"_key\" is %s, not a string",
                      json_kind_name(key->kind));
    *ret = key->text;
    return 0;
}

/* A key that was given without escapes is a part of its line. */
static int at_key(struct span line, struct span key, struct err *e)
{
    bool inside = key.p >= line.p && key.p <= line.p + line.n;

    e->column = inside ? (unsigned)(key.p - line.p) : 1;
    return -1;
}

static int append_line(struct store_tx *tx, const struct version *v, const struct shape *s,
                       struct span line, struct err *e)
{
    struct arena a ARENA_CLEANUP = {0};
    struct store_put put = {.text = line};

    if (line_key(line, &a, &put.key, e))
        return -1;
    if (key_check(put.key, e) < 0)
        return at_key(line, put.key, e);
    return item_put(tx, v, s, &put, true, NULL, e);
}

int item_append(struct store_tx *tx, const struct version *v, const struct shape *s,
                struct span lines, unsigned first_line, size_t *ret_items, struct err *e)
{
    const char *p = lines.p, *end = lines.p + lines.n;
    size_t n = 0;

    for (unsigned number = first_line; p < end; number++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        struct span line = {p, (size_t)((stop ? stop : end) - p)};
        p = stop ? stop + 1 : end;
        if (blank(line))
            continue;
        if (append_line(tx, v, s, line, e)) {
            e->line = number;
            return -1;
        }
        n++;
    }
    *ret_items = n;
    return 0;
}

struct append_call {
    const struct version *v;
    const struct shape *s;
    struct span lines;
    size_t items;
};

static int append_op(struct store_tx *tx, void *arg, struct err *e)
{
    struct append_call *a = arg;
    return item_append(tx, a->v, a->s, a->lines, 1, &a->items, e);
}

int store_append(struct store *st, const struct version *v, const struct shape *s,
                 struct span lines, size_t *ret_items, struct err *e)
{
    struct append_call a = {.v = v, .s = s, .lines = lines};

    if (store_write(st, 0, append_op, &a, e))
        return -1;
    if (ret_items)
        *ret_items = a.items;
    return 0;
}
