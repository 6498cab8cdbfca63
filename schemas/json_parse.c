/* A whole text as a tree. The parser says only yes or no; for the words of an error the scanner
 * runs over the text again, so that both name a fault alike. */
#include "json_impl.h"

#include "utf8.h"

/* Up to so many names an object is checked for repeated ones as it grows, beyond by sorting. */
#define FEW_NAMES 32u

#define NAME_SHOWN 64u /* bytes of a name that an error shows */

struct parser {
    const char *p, *end;
    const char *line_start; /* moved right by one for each UTF-8 continuation byte of the line */
    unsigned line, depth;
    struct arena *a;
    struct err *e;
    bool told; /* e holds the reason; else it is the syntax */
};

static struct json_node *parse_value(struct parser *ps);

static unsigned column(const struct parser *ps)
{
    return (unsigned)(ps->p - ps->line_start) + 1;
}

static void skip_space(struct parser *ps)
{
    for (; ps->p < ps->end; ps->p++) {
        if (*ps->p == '\n') {
            ps->line++;
            ps->line_start = ps->p + 1;
        } else if (*ps->p != ' ' && *ps->p != '\t' && *ps->p != '\r') {
            break;
        }
    }
}

static bool take(struct parser *ps, char c)
{
    if (ps->p == ps->end || *ps->p != c)
        return false;
    ps->p++;
    return true;
}

static void *no_memory(struct parser *ps)
{
    ps->told = true;
    err_nomem(ps->e);
    return NULL;
}

static struct json_node *new_node(struct parser *ps, enum json_kind kind)
{
    struct json_node *v = arena_alloc(ps->a, sizeof(*v));

    if (!v)
        return no_memory(ps);
    v->kind = kind;
    v->line = ps->line;
    v->column = column(ps);
    v->text.p = ps->p;
    return v;
}

/* ---- Scalars ---- */

/* The inside of the string at ps->p, decoded. */
static bool parse_string(struct parser *ps, struct span *ret)
{
    const char *start = ++ps->p;
    bool escaped = false;
    char *out;

    for (;;) {
        size_t len;

        ps->p = json_skip_plain(ps->p, ps->end);
        if (ps->p == ps->end || (unsigned char)*ps->p < 0x20)
            return false;
        if (*ps->p == '"')
            break;
        if (*ps->p == '\\') {
            if (ps->end - ps->p < 2)
                return false;
            escaped = true;
            ps->p += 2;
            continue;
        }
        len = utf8_len(ps->p, (size_t)(ps->end - ps->p));
        if (len == 0)
            return false;
        ps->line_start += len - 1;
        ps->p += len;
    }
    *ret = (struct span){start, (size_t)(ps->p++ - start)};
    if (!escaped)
        return true;
    out = arena_alloc(ps->a, ret->n);
    if (!out)
        return no_memory(ps);
    if (!json_unescape(*ret, out, &ret->n))
        return false;
    ret->p = out;
    return true;
}

static struct json_node *parse_string_value(struct parser *ps)
{
    struct json_node *v = new_node(ps, JSON_STRING);

    return v && parse_string(ps, &v->text) ? v : NULL;
}

static struct json_node *parse_number(struct parser *ps)
{
    struct json_node *v = new_node(ps, JSON_NUMBER);

    if (!v)
        return NULL;
    v->text.n = json_number_len(ps->p, ps->end);
    ps->p += v->text.n;
    return v->text.n ? v : NULL;
}

static struct json_node *parse_word(struct parser *ps, enum json_kind kind, struct span word)
{
    struct json_node *v = new_node(ps, kind);

    if (!v || (size_t)(ps->end - ps->p) < word.n || memcmp(ps->p, word.p, word.n) != 0)
        return NULL;
    v->text.n = word.n;
    ps->p += word.n;
    return v;
}

/* ---- Objects ---- */

static bool repeated(struct parser *ps, const struct json_node *first,
                     const struct json_node *again)
{
    bool cut = again->name.n > NAME_SHOWN;

    ps->told = true;
    err_at(ps->e, ERR_INVALID, again->name_line, again->name_column,
           "duplicate name \"%.*s%s\", first at line %u, column %u",
           cut ? (int)NAME_SHOWN : (int)again->name.n, again->name.p, cut ? "..." : "",
           first->name_line, first->name_column);
    err_expected(ps->e, "each name once");
    return false;
}

/* One of 64 bits for a name: two names with different bits differ. */
static uint64_t name_bit(struct span name)
{
    unsigned h = (unsigned)name.n * 7;

    if (name.n)
        h += (unsigned char)name.p[0] * 31u + (unsigned char)name.p[name.n - 1] * 3u +
             (unsigned char)name.p[name.n / 2];
    return (uint64_t)1 << (h & 63);
}

/* The name of `last`, which is in the list already, against those before it. */
static bool check_few(struct parser *ps, const struct json_node *object,
                      const struct json_node *last, uint64_t *seen)
{
    uint64_t bit = name_bit(last->name);

    if (*seen & bit) {
        for (const struct json_node *m = object->child; m != last; m = m->next) {
            if (span_eq(m->name, last->name))
                return repeated(ps, m, last);
        }
    }
    *seen |= bit;
    return true;
}

static const struct json_node *nth(const struct json_node *object, size_t i)
{
    const struct json_node *m = object->child;

    while (i-- > 0)
        m = m->next;
    return m;
}

static bool check_many(struct parser *ps, const struct json_node *object)
{
    struct json_name *names = malloc(object->n_children * sizeof(*names));
    size_t i = 0, first, again;
    bool found;

    if (!names)
        return no_memory(ps);
    for (const struct json_node *m = object->child; m; m = m->next, i++)
        names[i] = (struct json_name){.name = m->name, .index = i};
    found = json_names_repeat(names, i, &first, &again);
    free(names);
    return !found || repeated(ps, nth(object, first), nth(object, again));
}

static struct json_node *parse_member(struct parser *ps)
{
    unsigned line, name_column;
    struct json_node *v;
    struct span name;

    skip_space(ps);
    line = ps->line;
    name_column = column(ps);
    if (ps->p == ps->end || *ps->p != '"' || !parse_string(ps, &name))
        return NULL;
    skip_space(ps);
    if (!take(ps, ':'))
        return NULL;
    v = parse_value(ps);
    if (!v)
        return NULL;
    v->name = name;
    v->name_line = line;
    v->name_column = name_column;
    return v;
}

static bool parse_members(struct parser *ps, struct json_node *object)
{
    struct json_node **tail = &object->child;
    uint64_t seen = 0;

    skip_space(ps);
    if (take(ps, '}'))
        return true;
    do {
        struct json_node *v = parse_member(ps);

        if (!v)
            return false;
        *tail = v;
        tail = &v->next;
        if (++object->n_children <= FEW_NAMES && !check_few(ps, object, v, &seen))
            return false;
        skip_space(ps);
    } while (take(ps, ','));
    return take(ps, '}') && (object->n_children <= FEW_NAMES || check_many(ps, object));
}

/* ---- Arrays, and any value ---- */

static bool parse_elements(struct parser *ps, struct json_node *array)
{
    struct json_node **tail = &array->child;

    skip_space(ps);
    if (take(ps, ']'))
        return true;
    do {
        struct json_node *v = parse_value(ps);

        if (!v)
            return false;
        *tail = v;
        tail = &v->next;
        array->n_children++;
        skip_space(ps);
    } while (take(ps, ','));
    return take(ps, ']');
}

static struct json_node *parse_container(struct parser *ps, enum json_kind kind)
{
    struct json_node *v;

    if (ps->depth == JSON_MAX_DEPTH)
        return NULL;
    v = new_node(ps, kind);
    if (!v)
        return NULL;
    ps->depth++;
    ps->p++;
    if (!(kind == JSON_OBJECT ? parse_members(ps, v) : parse_elements(ps, v)))
        return NULL;
    ps->depth--;
    v->text.n = (size_t)(ps->p - v->text.p);
    return v;
}

static struct json_node *parse_value(struct parser *ps)
{
    skip_space(ps);
    if (ps->p == ps->end)
        return NULL;
    switch (*ps->p) {
    case '{':
        return parse_container(ps, JSON_OBJECT);
    case '[':
        return parse_container(ps, JSON_ARRAY);
    case '"':
        return parse_string_value(ps);
    case 't':
        return parse_word(ps, JSON_TRUE, (struct span){"true", 4});
    case 'f':
        return parse_word(ps, JSON_FALSE, (struct span){"false", 5});
    case 'n':
        return parse_word(ps, JSON_NULL, (struct span){"null", 4});
    default:
        return parse_number(ps);
    }
}

static int parse(const char *text, size_t n, bool any, struct arena *a, struct json_node **ret,
                 struct err *e)
{
    struct parser ps = {.line = 1, .a = a, .e = e};
    struct json_node *v = NULL;

    if (n == 0)
        text = "";
    ps.p = ps.line_start = text;
    ps.end = text + n;
    skip_space(&ps);
    if (any || (ps.p < ps.end && *ps.p == '{'))
        v = parse_value(&ps);
    skip_space(&ps);
    if (v && ps.p == ps.end) {
        *ret = v;
        return 0;
    }
    if (!ps.told)
        return json_scan_explain(text, n, any, e);
    err_excerpt(e, text, n);
    return -1;
}

int json_parse(const char *text, size_t n, struct arena *a, struct json_node **ret, struct err *e)
{
    return parse(text, n, true, a, ret, e);
}

int json_parse_object(const char *text, size_t n, struct arena *a, struct json_node **ret,
                      struct err *e)
{
    return parse(text, n, false, a, ret, e);
}

bool json_equal(const struct json_node *a, const struct json_node *b)
{
    if (a->kind != b->kind || a->n_children != b->n_children)
        return false;
    if (a->kind == JSON_STRING || a->kind == JSON_NUMBER)
        return span_eq(a->text, b->text);
    for (a = a->child, b = b->child; a; a = a->next, b = b->next)
        if (!span_eq(a->name, b->name) || !json_equal(a, b))
            return false;
    return true;
}

struct json_node *json_member(const struct json_node *object, struct span name)
{
    struct json_node *m = object->child;

    while (m && !span_eq(m->name, name))
        m = m->next;
    return m;
}

const char *json_kind_name(enum json_kind kind)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",        [JSON_FALSE] = "false",     [JSON_TRUE] = "true",
        [JSON_NUMBER] = "a number",  [JSON_STRING] = "a string", [JSON_ARRAY] = "a list",
        [JSON_OBJECT] = "an object",
    };

    return names[kind];
}
