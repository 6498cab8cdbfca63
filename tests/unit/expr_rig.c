#include "expr_rig.h"

#include <check.h>
#include <stdio.h>

struct expr_env *env;

void expr_setup(void)
{
    struct err e = ERR_INIT;
    ck_assert_int_eq(expr_env_new(&env, &e), 0);
}

void expr_teardown(void)
{
    expr_env_free(env);
}

const struct type_ref string_type = {.base = T_STRING}, integer_type = {.base = T_INTEGER},
                             number_type = {.base = T_NUMBER}, boolean_type = {.base = T_BOOLEAN},
                             json_type = {.base = T_JSON}, date_type = {.base = T_DATE},
                             timestamp_type = {.base = T_TIMESTAMP},
                             tags_type = {.base = T_LIST, .elem = &string_type},
                             size_type = {.base = T_ENUM, .shape = 7};

static const char *sizes[] = {"small", "large"};
static struct shape size_shape = {
    .kind = SHAPE_ENUM, .id = 7, .name = "Size", .values = sizes, .n_values = 2};
struct shape *const shapes[N_SHAPES] = {&size_shape};

static char got[256];

const char *eval(const char *sql, const struct type_ref *in, const char *json,
                        const struct type_ref *out_type, const char *mend)
{
    const struct formula_input input = {.name = "v", .slot = SLOT_FIRST, .type = in};
    const struct formula f = {.uid = expr_new_uid(),
                              .out_type = out_type,
                              .out_name = "out",
                              .mend = span_of(mend),
                              .inputs = &input,
                              .n_inputs = 1,
                              .sql = sql,
                              .shapes = shapes,
                              .n_shapes = 1};
    struct buf out BUF_CLEANUP = BUF_INIT;
    struct span span = span_of(json);
    struct err e = ERR_INIT;
    bool set = false;
    ck_assert_int_eq(expr_eval(env, &f, &span, (struct span){0}, &out, &set, &e), 0);
    snprintf(got, sizeof got, "%.*s", (int)out.n, out.p ? out.p : "");
    ck_assert(set || out.n == 0);
    return set ? got : NULL;
}
