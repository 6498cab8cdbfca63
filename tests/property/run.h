/* Carries a case out and holds it against the laws of docs/schema-language.md. */
#ifndef PROPERTY_RUN_H
#define PROPERTY_RUN_H

#include "case.h"

enum law {
    LAW_NONE,
    LAW_GETPUT,
    LAW_PUTGET,
    LAW_PUTPUT,
    LAW_NO_LOSS,
    LAW_SAMENESS,
    LAW_REVERT,
    LAW_COMPOSITION,
    LAW_FREEDOM,
    LAW_TOTALITY,
    LAW_STORE, /* no law: a store shows what a world does (twin.h) */
    N_LAWS
};
extern const char *const law_names[N_LAWS];

struct verdict {
    enum law law;
    size_t op;
    char text[4096];
};

#define RUN_KINDS 64
struct stats {
    uint64_t cases, versions, steps, refused_steps, writes, refused_writes, deletes, finalizes, checks[N_LAWS];
    uint64_t compared, refused_by_store; /* twin.h: texts; versions and unique keys */
    uint64_t kinds[RUN_KINDS]; /* steps, by the row of step_kinds */
};

/* A way to carry a case out and judge it. */
typedef void (*case_fn)(const struct kase *k, struct expr_env *env, struct verdict *ret, struct stats *st,
                        FILE *script);

/* script: where the case is printed as shell commands, NULL = nowhere. */
void run_case(const struct kase *k, struct expr_env *env, struct verdict *ret, struct stats *st,
              FILE *script);

#endif
