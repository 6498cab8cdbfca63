/* Fuzz target: any bytes as an expression.
 *
 * Invariants: a refusal has a text, and a column inside the expression; what is accepted is total
 * (it gives a value of its type or unset, whatever stands in the columns) and deterministic. */
#include <string.h>

#include "fuzz.h"
#include "schemas/clock.h"
#include "schemas/expr.h"
#include "schemas/json.h"

static const struct type_ref string_type = {.base = T_STRING}, integer_type = {.base = T_INTEGER},
                             number_type = {.base = T_NUMBER}, json_type = {.base = T_JSON},
                             tags_type = {.base = T_LIST, .elem = &string_type};

static const char *const columns[] = {"_key", "name", "age", "weight", "tags", "order"};
#define INPUT(n, s, t) {.name = (n), .slot = (s), .type = (t)}
static const struct formula_input inputs[] = {
    INPUT("_key", SLOT_KEY, &string_type), INPUT("name", 16, &string_type),
    INPUT("age", 17, &integer_type),       INPUT("weight", 18, &number_type),
    INPUT("tags", 19, &tags_type),         INPUT("order", 20, &json_type),
};
enum { N = sizeof inputs / sizeof inputs[0] };

static const char *const rows[][N] = {
    {"\"rex\"", "\"Rex\"", "3", "12.30", "[\"a\", \"b\"]", "{\"a\": 1}"},
    {"\"\xc3\xa9\"", NULL, "123456789012345678901234567890", "1e400", NULL, "null"},
    {"\"k\"", "\"'\\\"\\\\\"", "-9223372036854775808", "0.1", "[]", "\"text\""},
};

static struct expr_env *env;

static void begin(void)
{
    static unsigned n;
    struct err e = ERR_INIT;

    /* Prepared statements are kept by formula. */
    if (env && ++n % 256)
        return;
    expr_env_free(env);
    CHECK(expr_env_new(&env, &e) == 0);
}

static void evaluate(const struct formula *f, const char *const row[N], struct buf *out,
                     bool *ret_set)
{
    struct span in[N];
    struct err e = ERR_INIT;

    for (int i = 0; i < N; i++)
        in[i] = row[i] ? span_of(row[i]) : (struct span){NULL, 0};
    CHECK(expr_eval(env, f, in, (struct span){NULL, 0}, out, ret_set, &e) == 0);
}

static void check_type(const char *sql, const struct type_ref *type)
{
    struct formula f = {.uid = expr_new_uid(),
                        .out = 30,
                        .out_type = type,
                        .out_name = "out",
                        .inputs = inputs,
                        .n_inputs = N,
                        .sql = sql};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out BUF_CLEANUP = BUF_INIT, again BUF_CLEANUP = BUF_INIT;
        struct arena a ARENA_CLEANUP = {0};
        struct json_node *v = NULL;
        struct err e = ERR_INIT;
        bool set, set_again;

        int64_t began = clock_steady_ns();
        evaluate(&f, rows[i], &out, &set);
        evaluate(&f, rows[i], &again, &set_again);
        /* One that was stopped gives nothing: on a machine that is busy, not twice alike. */
        bool in_time = clock_steady_ns() - began < EXPR_TIME_LIMIT_MS * INT64_C(1000000);
        CHECK(!in_time ||
              (set == set_again && span_eq(buf_span(&out), buf_span(&again))));
        CHECK(!set || json_parse(out.p, out.n, &a, &v, &e) == 0);
        CHECK(!set || type->base != T_STRING || v->kind == JSON_STRING);
        CHECK(!set || type->base != T_INTEGER || v->kind == JSON_NUMBER);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = ERR_INIT;
    bool used[N];
    char *sql = malloc(size + 1);

    CHECK(sql);
    if (size)
        memcpy(sql, data, size);
    sql[size] = '\0';
    begin();
    if (expr_check(env, sql, columns, N, used, &e)) {
        CHECK_REFUSAL(&e);
        CHECK(e.code == ERR_INVALID || e.code == ERR_TOO_BIG);
        CHECK(e.column <= strlen(sql) + 1);
    } else {
        check_type(sql, &string_type);
        check_type(sql, &integer_type);
        check_type(sql, &json_type);
    }
    free(sql);
    return 0;
}
