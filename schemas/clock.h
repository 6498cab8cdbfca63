/* Time in nanoseconds.
 *
 * Threads: any. */
#ifndef SCHEMAS_CLOCK_H
#define SCHEMAS_CLOCK_H

#include <stdint.h>

#define SECOND_NS INT64_C(1000000000)

/* Since 1970, as the clock on the wall has it: it may be set, back too. */
int64_t clock_wall_ns(void);
/* Since some moment: what takes long and what is due is measured by this one. */
int64_t clock_steady_ns(void);

#endif
