/* Fuzz target: any bytes as a schema file.
 *
 * Invariants: a refusal has one code and a place inside the text; a tree is a mapping of bounded
 * depth whose keys are unique, whose places go forward, and whose JSON form parses. A schema that
 * compiles, as a root or on top of v1, gives the same numbers a second time and a catalog. */
#include <string.h>

#include "fuzz.h"
#include "schemas/catalog.h"
#include "schemas/expr.h"
#include "schemas/json.h"
#include "schemas/yaml_doc.h"

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

static void check_tree(const char *text, size_t size)
{
    static const char *const words[] = {"version", "types", "fields"};
    struct arena a ARENA_CLEANUP = {0};
    struct yaml_node *v = NULL;
    struct err e = ERR_INIT;

    if (yaml_parse(text, size, &a, &v, &e) < 0) {
        CHECK_REFUSAL(&e);
        CHECK(e.code == ERR_TOO_BIG || (e.code == ERR_INVALID && e.line > 0 && e.column > 0));
        return;
    }
    CHECK(v->kind == YAML_MAP && e.code == ERR_NONE);
    check_node(v, 1);
    check_json(v);
    if (yaml_only_keys(v, "the file", words, 3, &e) < 0)
        CHECK(e.line > 0 && e.column > 0);
}

/* ---- Compiling ---- */

static const char v1_text[] =
    "version: v1\n"
    "types:\n"
    "  Dog:\n"
    "    open: true\n"
    "    fields:\n"
    "      name: {type: string, required: true}\n"
    "      breed: string\n"
    "      age: {type: integer, default: 0, check: \"age >= 0\"}\n"
    "      size: Size\n"
    "      home: Address\n"
    "      owner: {type: ref<Person>, on_delete: unset}\n"
    "      tags: list<string>\n"
    "  Person: {fields: {email: {type: string, unique: true}, score: number}}\n"
    "objects:\n"
    "  Address: {fields: {street: string, city: string}}\n"
    "enums:\n"
    "  Size: [small, medium, large]\n";

static struct expr_env *env;
static struct version *v1;
static const struct schema_counters roots = {1, 1, SLOT_FIRST, 1};

static void begin(void)
{
    static unsigned inputs;
    struct err e = ERR_INIT;

    /* What an environment keeps of expressions is not to grow for ever. */
    if (env && ++inputs % 256)
        return;
    version_unref(v1);
    expr_env_free(env);
    CHECK(expr_env_new(&env, &e) == 0);
    CHECK(schema_compile("v1.yaml", span_of(v1_text), NULL, &roots, env, &v1, &e) == 0);
}

static void check_catalog(struct version *v, struct version *parent)
{
    struct catalog_entry entries[2] = {{v, VERSION_LIVE}, {v, VERSION_LIVE}};
    struct schema_counters next = {v->number + 1, v->step_end, v->slot_end, v->shape_end};
    struct catalog *c = NULL;
    struct err e = ERR_INIT;

    if (parent)
        entries[0].v = parent;
    CHECK(catalog_new(entries, parent ? 2 : 1, v->number, 1, &next, &c, &e) == 0);
    CHECK(catalog_version(c, span_of(v->name)) == v);
    catalog_unref(c);
}

static void check_compiled(struct span text)
{
    char name[VERSION_NAME_SIZE], from[VERSION_NAME_SIZE];
    struct version *v = NULL, *again = NULL, *parent = NULL;
    struct schema_counters first = roots;
    struct err e = ERR_INIT;

    if (schema_peek("f.yaml", text, name, from, &e)) {
        CHECK_REFUSAL(&e);
        return;
    }
    if (from[0]) {
        parent = v1;
        first = (struct schema_counters){2, v1->step_end, v1->slot_end, v1->shape_end};
    }
    if (parent && strcmp(from, "v1") != 0)
        return;
    if (schema_compile("f.yaml", text, parent, &first, env, &v, &e)) {
        CHECK_REFUSAL(&e);
        return;
    }
    CHECK(schema_compile("f.yaml", text, parent, &first, env, &again, &e) == 0);
    CHECK(v->step_end == again->step_end && v->slot_end == again->slot_end &&
          v->shape_end == again->shape_end && v->n_shapes == again->n_shapes);
    if (strcmp(v->name, "v1") != 0)
        check_catalog(v, parent);
    version_unref(v);
    version_unref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1);

    CHECK(text);
    if (size)
        memcpy(text, data, size);
    begin();
    check_tree(text, size);
    check_compiled((struct span){text, size});
    free(text);
    return 0;
}
