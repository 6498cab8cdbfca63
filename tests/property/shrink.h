/* Cuts a case that breaks a law down to one that still breaks it. */
#ifndef PROPERTY_SHRINK_H
#define PROPERTY_SHRINK_H

#include "run.h"

/* ret: in the arena. ret_verdict: of the small case. */
void shrink_case(case_fn run, const struct kase *k, struct expr_env *env, struct arena *a, struct kase *ret,
                 struct verdict *ret_verdict);

#endif
