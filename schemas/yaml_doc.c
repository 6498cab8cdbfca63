/* YAML to a small tree, through libyaml's event parser.
 *
 * libyaml's own document tree is never built: it is quadratic in nesting and follows aliases. Here
 * the depth is counted and every alias refused as the events come. libyaml gives places as indices
 * of characters, and counts lines in ways that no editor does (NEL, LS, PS); so a cursor walks the
 * text beside it and counts them anew. */
#include "yaml_doc.h"

#include <stdio.h>
#include <yaml.h>

#include "json_impl.h"
#include "utf8.h"

/* A place in the text. */
struct cursor {
    const char *p;
    size_t index; /* in characters */
    unsigned line, column;
};

/* An open mapping or list. */
struct level {
    struct yaml_node *node, *last;
    const char *key; /* of a mapping, once read and until its value comes */
    struct cursor key_at;
};

struct builder {
    const char *text, *end;
    struct arena *a;
    struct err *e;
    struct cursor at; /* where the present event starts */
    struct yaml_node *root;
    struct level levels[YAML_MAX_DEPTH];
    unsigned depth;
    bool ended;
};

/* Indices of events never go back, so that all moves together cross the text once. */
static void cursor_move(struct cursor *c, const char *end, size_t index)
{
    while (c->index < index && c->p < end) {
        size_t len = utf8_len(c->p, (size_t)(end - c->p));
        bool newline = *c->p == '\n';

        c->p += len ? len : 1;
        c->index++;
        c->line += newline;
        c->column = newline ? 1 : c->column + 1;
    }
}

static struct cursor cursor_start(const char *text)
{
    return (struct cursor){text, 0, 1, 1};
}

__attribute__((format(printf, 3, 4))) static int refuse(struct builder *b, const char *expected,
                                                        const char *fmt, ...)
{
    struct err own = ERR_INIT;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(own.text, sizeof(own.text), fmt, ap);
    va_end(ap);
    err_at(b->e, ERR_INVALID, b->at.line, b->at.column, "%s", own.text);
    return err_expected(b->e, "%s", expected);
}

/* ---- Nodes ---- */

static struct level *top(struct builder *b)
{
    return b->depth ? &b->levels[b->depth - 1] : NULL;
}

static bool awaits_key(struct builder *b)
{
    return b->depth && top(b)->node->kind == YAML_MAP && !top(b)->key;
}

/* Hangs a new node under the innermost open one. */
static struct yaml_node *add_node(struct builder *b, enum yaml_kind kind)
{
    struct yaml_node *v = arena_alloc(b->a, sizeof(*v));
    struct level *up = top(b);

    if (!v) {
        err_nomem(b->e);
        return NULL;
    }
    v->kind = kind;
    v->line = b->at.line;
    v->column = b->at.column;
    if (!up) {
        b->root = v;
        return v;
    }
    if (up->key) {
        v->key = up->key;
        v->key_line = up->key_at.line;
        v->key_column = up->key_at.column;
        up->key = NULL;
    }
    *(up->last ? &up->last->next : &up->node->child) = v;
    up->last = v;
    up->node->n_children++;
    return v;
}

static int check_root(struct builder *b, enum yaml_kind kind)
{
    if (b->depth > 0 || kind == YAML_MAP)
        return 0;
    return refuse(b, "a mapping", "%s stands where a mapping should stand", yaml_kind_name(kind));
}

static int open_level(struct builder *b, enum yaml_kind kind)
{
    struct yaml_node *v;

    if (b->depth == YAML_MAX_DEPTH)
        return refuse(b, "less nesting", "nesting deeper than %d levels", YAML_MAX_DEPTH);
    if (awaits_key(b))
        return refuse(b, "a plain word", "%s stands where a key should stand",
                      yaml_kind_name(kind));
    if (check_root(b, kind) < 0)
        return -1;
    v = add_node(b, kind);
    if (!v)
        return -1;
    b->levels[b->depth++] = (struct level){.node = v};
    return 0;
}

/* ---- Duplicate keys ---- */

static int repeated(struct builder *b, const struct yaml_node *first, const struct yaml_node *again)
{
    err_at(b->e, ERR_INVALID, again->key_line, again->key_column,
           "duplicate key \"%.100s\", first at line %u, column %u", again->key, first->key_line,
           first->key_column);
    return err_expected(b->e, "each key once");
}

static const struct yaml_node *nth(const struct yaml_node *map, size_t i)
{
    const struct yaml_node *v = map->child;

    while (i-- > 0)
        v = v->next;
    return v;
}

static int check_duplicates(struct builder *b, const struct yaml_node *map)
{
    struct json_name *names;
    size_t i = 0, first, again;
    bool found;

    if (map->n_children < 2)
        return 0;
    names = malloc(map->n_children * sizeof(*names));
    if (!names)
        return err_nomem(b->e);
    for (const struct yaml_node *v = map->child; v; v = v->next, i++)
        names[i] = (struct json_name){.name = span_of(v->key), .index = i};
    found = json_names_repeat(names, i, &first, &again);
    free(names);
    return found ? repeated(b, nth(map, first), nth(map, again)) : 0;
}

/* ---- What no schema file may hold ---- */

static int refuse_anchor(struct builder *b, const yaml_char_t *anchor)
{
    return anchor ? refuse(b, "the value written out wherever it is meant",
                           "anchor \"&%.64s\" is not allowed", (const char *)anchor)
                  : 0;
}

/* libyaml drops the tag "!" of a scalar: only the text at its start shows it. */
static int refuse_tag(struct builder *b, const yaml_char_t *tag)
{
    size_t n = 0;

    if (!tag && (b->at.p == b->end || *b->at.p != '!'))
        return 0;
    if (b->at.p < b->end && *b->at.p == '!') {
        while (b->at.p + n < b->end && n < 64 && !strchr(" \t\r\n,[]{}", b->at.p[n]))
            n++;
        return refuse(b, "the value without a tag", "tag \"%.*s\" is not allowed", (int)n, b->at.p);
    }
    return refuse(b, "the value without a tag", "tag \"%.64s\" is not allowed", (const char *)tag);
}

static int refuse_properties(struct builder *b, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (refuse_anchor(b, anchor) < 0)
        return -1;
    return refuse_tag(b, tag);
}

/* ---- Events ---- */

static int on_nothing(struct builder *b, const yaml_event_t *event)
{
    b->ended = event->type == YAML_STREAM_END_EVENT;
    if (b->ended && !b->root) {
        b->at = cursor_start(b->text);
        return refuse(b, "a mapping", "the file is empty");
    }
    return 0;
}

static int on_document(struct builder *b, const yaml_event_t *event)
{
    const yaml_tag_directive_t *tags = event->data.document_start.tag_directives.start;

    if (b->root)
        return refuse(b, "one document a file", "a second document starts");
    if (tags != event->data.document_start.tag_directives.end)
        return refuse(b, "no tags", "directive \"%%TAG %.64s\" is not allowed",
                      (const char *)tags->handle);
    return 0;
}

static int on_alias(struct builder *b, const yaml_event_t *event)
{
    return refuse(b, "the value written out", "alias \"*%.64s\" is not allowed",
                  (const char *)event->data.alias.anchor);
}

static enum yaml_kind scalar_kind(struct span text, bool plain)
{
    if (!plain || text.n == 0)
        return YAML_STRING;
    if (json_number_len(text.p, text.p + text.n) == text.n)
        return YAML_NUMBER;
    return span_eq(text, span_of("true")) || span_eq(text, span_of("false")) ? YAML_BOOL
                                                                             : YAML_STRING;
}

static int take_key(struct builder *b, struct span text, bool plain)
{
    struct level *up = top(b);

    if (plain && text.n == 0)
        return refuse(b, "a plain word", "nothing stands where a key should stand");
    if (plain && span_eq(text, span_of("<<")))
        return refuse(b, "the keys written out", "merge key \"<<\" is not allowed");
    up->key = arena_strndup(b->a, text.p, text.n);
    up->key_at = b->at;
    return up->key ? 0 : err_nomem(b->e);
}

static int on_scalar(struct builder *b, const yaml_event_t *event)
{
    struct span text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    enum yaml_kind kind = scalar_kind(text, plain);
    struct yaml_node *v;

    if (refuse_properties(b, event->data.scalar.anchor, event->data.scalar.tag) < 0)
        return -1;
    if (memchr(text.p, '\0', text.n))
        return refuse(b, "text without it", "U+0000 inside a string");
    if (awaits_key(b))
        return take_key(b, text, plain);
    if (check_root(b, kind) < 0)
        return -1;
    v = add_node(b, kind);
    if (!v)
        return -1;
    v->text = arena_strndup(b->a, text.p, text.n);
    v->text_len = text.n;
    return v->text ? 0 : err_nomem(b->e);
}

static int on_sequence(struct builder *b, const yaml_event_t *event)
{
    if (refuse_properties(b, event->data.sequence_start.anchor, event->data.sequence_start.tag) < 0)
        return -1;
    return open_level(b, YAML_SEQ);
}

static int on_mapping(struct builder *b, const yaml_event_t *event)
{
    if (refuse_properties(b, event->data.mapping_start.anchor, event->data.mapping_start.tag) < 0)
        return -1;
    return open_level(b, YAML_MAP);
}

static int on_close(struct builder *b, const yaml_event_t *event)
{
    const struct yaml_node *node = b->levels[--b->depth].node;

    (void)event;
    return node->kind == YAML_MAP ? check_duplicates(b, node) : 0;
}

static int (*const handlers[])(struct builder *b, const yaml_event_t *event) = {
    [YAML_NO_EVENT] = on_nothing,           [YAML_STREAM_START_EVENT] = on_nothing,
    [YAML_STREAM_END_EVENT] = on_nothing,   [YAML_DOCUMENT_START_EVENT] = on_document,
    [YAML_DOCUMENT_END_EVENT] = on_nothing, [YAML_ALIAS_EVENT] = on_alias,
    [YAML_SCALAR_EVENT] = on_scalar,        [YAML_SEQUENCE_START_EVENT] = on_sequence,
    [YAML_SEQUENCE_END_EVENT] = on_close,   [YAML_MAPPING_START_EVENT] = on_mapping,
    [YAML_MAPPING_END_EVENT] = on_close,
};

/* ---- The parser's own errors ---- */

/* What would be right, by libyaml's words for what is wrong. */
static const struct {
    const char *problem, *expected;
} hints[] = {
    {"mapping values are not allowed in this context",
     "one \"key: value\" a line, or quotes around a text that holds \": \""},
    {"found character that cannot start any token",
     "quotes around a text that starts with this character"},
    {"did not find expected key", "a key, indented like those before it"},
    {"did not find expected '-' indicator", "\"- \", indented like those before it"},
    {"did not find expected ',' or ']'", "\",\" or \"]\""},
    {"did not find expected ',' or '}'", "\",\" or \"}\""},
    {"did not find expected node content", "a value"},
    {"could not find expected ':'", "\":\" and a value after the key"},
    {"found unexpected end of stream", "the closing quote"},
    {"found unknown escape character", "single quotes, or a backslash written twice"},
    {"did not find expected <document start>", "one mapping, and nothing after it"},
};

static const char *hint(const char *problem)
{
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (strcmp(hints[i].problem, problem) == 0)
            return hints[i].expected;
    }
    return "";
}

/* Names what stands at the cursor. */
static void describe(const struct builder *b, char *ret, size_t size)
{
    const char *p = b->at.p;
    size_t n = (size_t)(b->end - p), word = 0;

    while (word < n && word < 24 && !strchr(" \t\r\n,:[]{}\"'#&*!|>%@`", p[word]))
        word++;
    if (n == 0)
        snprintf(ret, size, "end of the file");
    else if (*p == '\n' || *p == '\r')
        snprintf(ret, size, "end of the line");
    else if (*p == '"')
        snprintf(ret, size, "double quote");
    else
        snprintf(ret, size, "\"%.*s\"", (int)(word ? word : 1), p);
}

/* Its place is an offset in bytes. */
static int reader_error(struct builder *b, const yaml_parser_t *parser)
{
    const char *fault = b->text + parser->problem_offset;

    while (b->at.p < b->end && b->at.p < fault)
        cursor_move(&b->at, b->end, b->at.index + 1);
    return refuse(b, "printable text", "%s (0x%02x)", parser->problem,
                  (unsigned)parser->problem_value);
}

static int parser_error(struct builder *b, const yaml_parser_t *parser)
{
    const char *problem = parser->problem ? parser->problem : "not a YAML text";
    const char *context = parser->context ? parser->context : "";
    char what[64];

    if (parser->error == YAML_MEMORY_ERROR)
        return err_nomem(b->e);
    b->at = cursor_start(b->text);
    if (parser->error == YAML_READER_ERROR)
        return reader_error(b, parser);
    cursor_move(&b->at, b->end, parser->problem_mark.index);
    if (b->at.p < b->end && *b->at.p == '\t' && parser->error == YAML_SCANNER_ERROR)
        return refuse(b, "spaces", "a tab used as indentation");
    if (refuse_tag(b, NULL) < 0)
        return -1;
    describe(b, what, sizeof(what));
    return refuse(b, hint(problem), "unexpected %s: %s%s%s", what, problem, *context ? " " : "",
                  context);
}

/* libyaml's reader would count characters that are not there. */
static int check_utf8(struct builder *b)
{
    struct cursor *c = &b->at;

    while (c->p < b->end) {
        if (utf8_len(c->p, (size_t)(b->end - c->p)) == 0)
            return refuse(b, "UTF-8 text", "invalid UTF-8 (byte 0x%02x)", (unsigned char)*c->p);
        cursor_move(c, b->end, c->index + 1);
    }
    b->at = cursor_start(b->text);
    return 0;
}

static int build(struct builder *b, yaml_parser_t *parser)
{
    while (!b->ended) {
        yaml_event_t event;
        int r;

        if (!yaml_parser_parse(parser, &event))
            return parser_error(b, parser);
        cursor_move(&b->at, b->end, event.start_mark.index);
        r = handlers[event.type](b, &event);
        yaml_event_delete(&event);
        if (r < 0)
            return -1;
    }
    return 0;
}

int yaml_parse(const char *text, size_t n, struct arena *a, struct yaml_node **ret, struct err *e)
{
    struct builder b = {.text = n ? text : "", .a = a, .e = e};
    yaml_parser_t parser;
    int r = -1;

    if (n > YAML_MAX_BYTES)
        return err_set(e, ERR_TOO_BIG, "%zu bytes, where at most %u are allowed", n,
                       YAML_MAX_BYTES);
    /* YAML lets a file begin with a byte order mark; libyaml, once told the encoding, does not. */
    if (n >= 3 && memcmp(b.text, "\xef\xbb\xbf", 3) == 0) {
        b.text += 3;
        n -= 3;
    }
    b.end = b.text + n;
    b.at = cursor_start(b.text);
    if (!yaml_parser_initialize(&parser))
        return err_nomem(e);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)b.text, n);
    if (check_utf8(&b) == 0)
        r = build(&b, &parser);
    yaml_parser_delete(&parser);
    if (r == 0)
        *ret = b.root;
    else
        err_excerpt(e, b.text, n);
    return r;
}

/* ---- The tree ---- */

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    struct yaml_node *v = map->kind == YAML_MAP ? map->child : NULL;

    while (v && strcmp(v->key, key) != 0)
        v = v->next;
    return v;
}

const char *yaml_kind_name(enum yaml_kind kind)
{
    static const char *const names[] = {
        [YAML_STRING] = "a string", [YAML_NUMBER] = "a number", [YAML_BOOL] = "a boolean",
        [YAML_SEQ] = "a list",      [YAML_MAP] = "a mapping",
    };

    return names[kind];
}

static bool write_json(const struct yaml_node *v, struct buf *out)
{
    const char *marks = v->kind == YAML_MAP ? "{}" : "[]";

    if (v->kind == YAML_STRING)
        return json_write_string((struct span){v->text, v->text_len}, out);
    if (v->text)
        return buf_add(out, v->text, v->text_len);
    if (!buf_addc(out, marks[0]))
        return false;
    for (const struct yaml_node *c = v->child; c; c = c->next) {
        if (c != v->child && !buf_add(out, ", ", 2))
            return false;
        if (c->key && (!json_write_string(span_of(c->key), out) || !buf_add(out, ": ", 2)))
            return false;
        if (!write_json(c, out))
            return false;
    }
    return buf_addc(out, marks[1]);
}

bool yaml_to_json(const struct yaml_node *v, struct buf *out)
{
    size_t n = out->n;

    if (write_json(v, out))
        return true;
    out->n = n;
    return false;
}

/* ---- Keys ---- */

static bool is_word(const char *key, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (words[i] && strcmp(words[i], key) == 0)
            return true;
    }
    return false;
}

/* "one of a, b, c", as far as it fits. */
static int expect_words(struct err *e, const char *const *words, size_t n)
{
    char list[sizeof(e->expected)] = "";
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        int len;

        if (!words[i])
            continue;
        len = snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "one of ", words[i]);
        if (len < 0 || (size_t)len >= sizeof(list) - used)
            break;
        used += (size_t)len;
    }
    list[used] = '\0';
    return err_expected(e, "%s", list);
}

int yaml_only_keys(const struct yaml_node *map, const char *what, const char *const *words,
                   size_t n, struct err *e)
{
    if (map->kind != YAML_MAP) {
        err_at(e, ERR_INVALID, map->line, map->column, "%s is %s", what, yaml_kind_name(map->kind));
        return err_expected(e, "a mapping");
    }
    for (const struct yaml_node *v = map->child; v; v = v->next) {
        const char *near;

        if (is_word(v->key, words, n))
            continue;
        near = err_nearest(v->key, strlen(v->key), words, n);
        if (!near)
            err_at(e, ERR_INVALID, v->key_line, v->key_column, "unknown key \"%.100s\" in %s",
                   v->key, what);
        else
            err_at(e, ERR_INVALID, v->key_line, v->key_column,
                   "unknown key \"%.100s\" in %s; did you mean \"%s\"?", v->key, what, near);
        return near ? err_expected(e, "%s", near) : expect_words(e, words, n);
    }
    return 0;
}
