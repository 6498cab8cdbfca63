/* A small schema for the tests of steps, what a step makes of it, and what its formulas give.
 *
 * What returns a version, a shape or a formula aborts the test where there is none; a version is the
 * caller's. Threads: none. */
#ifndef TESTS_UNIT_STEPS_BASE_H
#define TESTS_UNIT_STEPS_BASE_H

#include <check.h>
#include <stdbool.h>

#include "schemas/schema.h"

extern struct expr_env *env; /* of the test that runs */

/* NULL: refused, with *e. */
struct version *compile_next(const char *text, struct version *parent, struct err *e);
struct version *compile_ok(const char *text, struct version *parent);
/* A version v2 over the small schema: steps begin on line 4. */
void steps_text(char *ret, size_t size, const char *steps);
/* The version that these steps make of the small schema. */
struct version *migrate(const char *steps);
struct shape *shape(const struct version *v, const char *name);
struct field *field(const struct version *v, const char *type, const char *name);
bool has_field(const struct version *v, const char *type, const char *name);
slot_no slot(const struct version *v, const char *type, const char *name);
const struct formula *formula(const struct version *v, slot_no out, enum formula_dir dir);
const struct formula *up(const struct version *v, const char *type, const char *name);
const struct formula *down(const struct version *v, const char *type, const char *name);
/* Refused by the small schema, in these words. */
void assert_refused(const char *steps, const char *wanted);
/* The result on one line, "unset" when it is. inputs: name, JSON, ..., NULL. Valid until the next. */
const char *eval_prev(const struct formula *f, const char *prev, const char *const *inputs);

#define EVAL(f, ...)            eval_prev(f, NULL, (const char *const[]){__VA_ARGS__, NULL})
#define EVAL_PREV(f, prev, ...) eval_prev(f, prev, (const char *const[]){__VA_ARGS__, NULL})

extern const char base_text[];

int steps_run(const char *name, void (*add_tests)(TCase *tc)); /* main's status */

#endif
