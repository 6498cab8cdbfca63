/* Fuzz target: any bytes as a schema file's YAML.
 *
 * Invariants: a refusal has one code and a place inside the text; a tree is a mapping of bounded
 * depth whose keys are unique, whose places go forward, and whose JSON form parses. */
#include <stdio.h>
#include <stdlib.h>

#include "schemas/json.h"
#include "schemas/yaml_doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void check_node(const struct yaml_node *v, unsigned depth)
{
    size_t n = 0;

    CHECK(depth <= YAML_MAX_DEPTH && v->line > 0 && v->column > 0);
    CHECK((v->text != NULL) == (v->kind != YAML_SEQ && v->kind != YAML_MAP));
    CHECK(!v->text || (strlen(v->text) == v->text_len && utf8_valid(v->text, v->text_len)));
    for (const struct yaml_node *c = v->child; c; c = c->next, n++) {
        CHECK((c->key != NULL) == (v->kind == YAML_MAP));
        CHECK(!c->key || yaml_get(v, c->key) == c);
        CHECK(!c->key || c->key_line < c->line ||
              (c->key_line == c->line && c->key_column <= c->column));
        CHECK(c->line >= v->line);
        check_node(c, depth + 1);
    }
    CHECK(n == v->n_children);
}

static void check_json(const struct yaml_node *v)
{
    struct buf text BUF_CLEANUP = BUF_INIT, line BUF_CLEANUP = BUF_INIT;
    struct arena a ARENA_CLEANUP = {0};
    struct json_node *json = NULL;
    struct err e = ERR_INIT;

    CHECK(yaml_to_json(v, &text));
    CHECK(json_parse_object(text.p, text.n, &a, &json, &e) == 0);
    CHECK(json->n_children == v->n_children);
    CHECK(json_write_line(json, &line));
    CHECK(span_eq(buf_span(&text), buf_span(&line)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const words[] = {"version", "types", "fields"};
    struct arena a ARENA_CLEANUP = {0};
    struct yaml_node *v = NULL;
    struct err e = ERR_INIT;
    char *text = malloc(size ? size : 1);

    CHECK(text);
    if (size)
        memcpy(text, data, size);
    if (yaml_parse(text, size, &a, &v, &e) < 0) {
        CHECK(e.text[0] && !strpbrk(e.text, "\n\r\033"));
        CHECK(e.code == ERR_TOO_BIG || (e.code == ERR_INVALID && e.line > 0 && e.column > 0));
    } else {
        CHECK(v->kind == YAML_MAP && e.code == ERR_NONE);
        check_node(v, 1);
        check_json(v);
        if (yaml_only_keys(v, "the file", words, 3, &e) < 0)
            CHECK(e.line > 0 && e.column > 0);
    }
    free(text);
    return 0;
}
