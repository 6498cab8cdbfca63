/* Checks that values have to keep by themselves: a field's own check that reads nothing else, and
 * the checks of the objects inside a value. Those over an item's fields are in lens_check.c.
 *
 * A check holds when it is true or unknown. Threads: those of the environment. */
#ifndef SCHEMAS_CHECKS_H
#define SCHEMAS_CHECKS_H

#include "expr.h"
#include "json.h"
#include "value_place.h"

struct checking {
    struct expr_env *env;
    struct shape *const *shapes;
    size_t n_shapes;
};

/* The number under which expr_condition keeps a check over the fields of a shape. */
uint64_t check_uid(const char *sql, const struct shape *s);
uint64_t check_own_uid(const struct field *f); /* over the field alone */
/* The field's check reads the field alone. -1: no memory. */
int check_is_own(struct expr_env *env, const struct field *f, bool *ret, struct err *e);
/* A value (canonical JSON text) under a check that reads it alone. */
int check_own_holds(struct expr_env *env, uint64_t uid, const char *sql, const char *name,
                    const struct type_ref *type, struct span json, bool *ret, struct err *e);

/* Values of the type may hold objects with checks. */
bool checks_inside(const struct checking *c, const struct type_ref *t);
/* All checks of the objects in a value hold. was: the value before a write, or NULL: what fails as
 * it did there passes. Errors: ERR_INVALID, field = the place, which begins with at; no line. */
int checks_inside_hold(const struct checking *c, const struct type_ref *t,
                       const struct json_node *value, const struct json_node *was,
                       const struct place *at, struct err *e);

/* What a formula gave keeps its field's own check, and those inside. */
int checks_fit(struct expr_env *env, const struct formula *f, struct span json, bool *ret,
               struct err *e);

#endif
