/* Random cases. The schema that a step meets is the compiled one: each step is compiled as soon as
 * it is thought of, and dropped (and counted) when it is refused. */
#ifndef PROPERTY_GEN_H
#define PROPERTY_GEN_H

#include "case.h"
#include "rand.h"
#include "run.h"

/* How many percent of the cases are about items that show what stands in others, and about types that
 * are merged. */
struct gen_shares {
    unsigned linked, merged;
    unsigned lists; /* of the edits of lists, those that go on from what stands there */
};
void gen_case(uint64_t seed, struct gen_shares shares, struct arena *a, struct expr_env *env,
              struct kase *ret, struct stats *st);

/* A chain of 171 versions (gen_history.c). */
#define HISTORY_VERSIONS 171
void gen_history(uint64_t seed, struct arena *a, struct expr_env *env, struct kase *ret,
                 struct stats *st);

#endif
