/* Versions compiled from text, and what they look like. */
#ifndef TESTS_SCHEMA_RIG_H
#define TESTS_SCHEMA_RIG_H

#include "schemas/expr.h"
#include "schemas/schema.h"

extern struct expr_env *env;
void schema_setup(void);
void schema_teardown(void);

extern const char dogs[]; /* a version to begin with */

int try_compile(const char *text, struct version *parent, struct version **ret, struct err *e);
/* These fail the test when it is refused. */
struct version *compile(const char *text, struct version *parent);
/* Head and body of a version that comes from `parent`; the parent's reference passes over. */
struct version *next(struct version *parent, const char *body);

struct shape *shape(const struct version *v, const char *name);
struct field *field(const struct version *v, const char *type, const char *name);
/* Every type with its fields on a line: "Dog(name: string!, age: integer=0)". */
void assert_shapes(const struct version *v, const char *want);
void assert_steps(const struct version *v, const char *want);

#endif
