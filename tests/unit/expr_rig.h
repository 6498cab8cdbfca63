/* An environment for expressions, and one evaluated over one value. */
#ifndef TESTS_EXPR_RIG_H
#define TESTS_EXPR_RIG_H

#include "schemas/expr.h"

extern struct expr_env *env;
void expr_setup(void);
void expr_teardown(void);

extern const struct type_ref string_type, integer_type, number_type, boolean_type, json_type, date_type,
    timestamp_type, tags_type, size_type; /* tags: list<string>; size: an enum of small, large */

#define N_SHAPES 1
extern struct shape *const shapes[N_SHAPES];

/* One input, called v. NULL = unset, both ways; else kept until the next call. */
const char *eval(const char *sql, const struct type_ref *in, const char *json,
                 const struct type_ref *out_type, const char *mend);

#endif
