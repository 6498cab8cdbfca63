/* A case carried out in a store (store/), and in a world beside it, which must show the same. */
#ifndef PROPERTY_TWIN_H
#define PROPERTY_TWIN_H

#include "run.h"

/* As run_case: the verdict is LAW_STORE when a text, a list of keys or what is refused differs, or the store is
 * not sound at the end. script: where the case is printed as shell commands, NULL = nowhere. The store is a file in a
 * temporary folder, which is removed. */
void twin_case(const struct kase *k, struct expr_env *env, struct verdict *ret, struct stats *st, FILE *script);

#endif
