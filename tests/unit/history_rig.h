/* What a store remembers, for tests whose rig is a variable r. */
#ifndef TESTS_HISTORY_RIG_H
#define TESTS_HISTORY_RIG_H

#include "store_rig.h"

/* The texts of what stands under a key, oldest first, "; " between them; "(none)". Owned by r until the
 * next call. */
const char *rig_history(struct rig *r, const char *version, const char *type, const char *key);
/* "rex fido": the keys that have revisions. Likewise. */
const char *rig_history_names(struct rig *r, const char *version, const char *type);

#define HISTORY(version, type, key, want)                                                          \
    ck_assert_str_eq(rig_history(&r, version, type, key), want)
#define COUNT(n)                 ASSERT_SQL("SELECT count(*) FROM history", n)
#define PUT(v, type, key, text)  ASSERT_OK(rig_put(&r, v, type, key, text))

#endif
