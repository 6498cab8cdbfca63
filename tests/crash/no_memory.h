/* malloc and its kin in place of the C library's: counts, and fails the one it is told, for all the
 * program, SQLite and libyaml included. Not with a sanitizer, which has its own. */
#ifndef TESTS_CRASH_NO_MEMORY_H
#define TESTS_CRASH_NO_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

void no_memory_arm(uint64_t at, bool for_ever); /* counts from 0; at 0 = none fails */
void no_memory_disarm(void);
uint64_t no_memory_count(void); /* since it was armed */
uint64_t no_memory_fired(void); /* how many failed */
int64_t no_memory_in_use(void); /* allocations that were not freed */

#endif
