/* The names of the files in .history/KEY.json/: when the revision was replaced, in UTC, to the
 * nanosecond, so that they sort by time and no two are the same: "2025-01-31T12-00-00.123456789Z.json".
 *
 * Threads: pure. */
#ifndef FS_REVISION_NAME_H
#define FS_REVISION_NAME_H

#include <stdbool.h>
#include <stdint.h>

#define REVISION_NAME_SIZE 48

/* ns: since 1970, not negative. Returns ret. */
const char *revision_name(int64_t ns, char ret[REVISION_NAME_SIZE]);
/* False: it is not the name of any revision. */
bool revision_name_read(const char *name, int64_t *ret_ns);

#endif
