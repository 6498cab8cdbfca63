/* Fuzz target: any bytes as JSON.
 *
 * Invariants: the scanner, fed in two sizes of fragments, and the parser agree on what is an
 * object (but for duplicate names, which only the parser looks for) and on where a fault stands;
 * canonical text parses to itself; the rewritings without a parse give what a parse would. */
#include <string.h>

#include "fuzz.h"
#include "schemas/json.h"

static int count_name(void *arg, struct span name, struct err *e)
{
    (void)e;
    CHECK(utf8_valid(name.p, name.n));
    ++*(size_t *)arg;
    return 0;
}

static int scan(const char *text, size_t n, size_t step, struct err *e, size_t *ret_names)
{
    struct json_scan s;

    json_scan_init(&s);
    s.on_name = count_name;
    s.arg = ret_names;
    for (size_t at = 0; at < n; at += step) {
        if (json_scan_feed(&s, text + at, n - at < step ? n - at : step, e) < 0)
            return -1;
    }
    CHECK(json_scan_complete(&s) == (json_scan_finish(&s, e) == 0));
    return json_scan_complete(&s) ? 0 : -1;
}

static bool is_duplicate(const struct err *e)
{
    return strncmp(e->text, "duplicate name", 14) == 0;
}

static void check_rewriting(const struct json_node *v)
{
    struct buf text BUF_CLEANUP = BUF_INIT, again BUF_CLEANUP = BUF_INIT,
                    line BUF_CLEANUP = BUF_INIT;
    struct buf other BUF_CLEANUP = BUF_INIT, back BUF_CLEANUP = BUF_INIT;
    struct arena a ARENA_CLEANUP = {0};
    struct json_node *reparsed = NULL;
    struct err e = ERR_INIT;

    CHECK(json_write(v, 0, &text));
    CHECK(json_parse(text.p, text.n, &a, &reparsed, &e) == 0);
    CHECK(json_write(reparsed, 0, &again));
    CHECK(span_eq(buf_span(&text), buf_span(&again)));

    CHECK(json_write_line(v, &line) && json_to_line(buf_span(&text), &other));
    CHECK(span_eq(buf_span(&line), buf_span(&other)));

    buf_reset(&again);
    buf_reset(&other);
    CHECK(json_write(v, 3, &again) && json_reindent(buf_span(&text), 0, 3, &other));
    CHECK(span_eq(buf_span(&again), buf_span(&other)));
    CHECK(json_reindent(buf_span(&other), 3, 0, &back));
    CHECK(span_eq(buf_span(&text), buf_span(&back)));
}

static void check_string(struct span decoded)
{
    struct buf quoted BUF_CLEANUP = BUF_INIT, back BUF_CLEANUP = BUF_INIT;

    CHECK(json_write_string(decoded, &quoted));
    CHECK(json_decode_string(buf_span(&quoted), &back));
    CHECK(span_eq(buf_span(&back), decoded));
}

static void check_value(const char *text, size_t n)
{
    struct arena a ARENA_CLEANUP = {0};
    struct json_node *v = NULL;
    struct err e = ERR_INIT;

    if (json_parse(text, n, &a, &v, &e) < 0) {
        CHECK(e.code == ERR_INVALID && e.text[0] && e.line > 0 && e.column > 0);
        CHECK(strncmp(e.text, "not a JSON", 10) != 0);
        return;
    }
    check_rewriting(v);
    if (v->kind == JSON_STRING)
        check_string(v->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err whole_e = ERR_INIT, bytes_e = ERR_INIT, tree_e = ERR_INIT;
    struct arena a ARENA_CLEANUP = {0};
    size_t whole_names = 0, bytes_names = 0;
    struct json_node *v = NULL;
    char *text = malloc(size ? size : 1);
    int whole, tree;

    CHECK(text);
    if (size)
        memcpy(text, data, size);
    whole = scan(text, size, size ? size : 1, &whole_e, &whole_names);
    CHECK(scan(text, size, 1, &bytes_e, &bytes_names) == whole);
    CHECK(whole_e.line == bytes_e.line && whole_e.column == bytes_e.column);
    CHECK(whole_names == bytes_names);

    tree = json_parse_object(text, size, &a, &v, &tree_e);
    CHECK(tree == whole || is_duplicate(&tree_e));
    if (tree == 0)
        CHECK(v->kind == JSON_OBJECT && v->n_children == whole_names);
    else if (!is_duplicate(&tree_e))
        CHECK(tree_e.line == whole_e.line && tree_e.column == whole_e.column);
    check_value(text, size);
    free(text);
    return 0;
}
