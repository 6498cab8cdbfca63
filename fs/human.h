/* Figures as people read them. Threads: pure. */
#ifndef FS_HUMAN_H
#define FS_HUMAN_H

#include <stdint.h>

#include "../schemas/buf.h"
#include "../schemas/err.h"

#define HUMAN_SIZE 32

/* 1234567 as "1,234,567". */
const char *human_count(uint64_t n, char ret[HUMAN_SIZE]);
/* Seconds as "0.4 s", "12 s", "3 min 20 s", "2 h 5 min", "4 d 7 h". */
const char *human_duration(double seconds, char ret[HUMAN_SIZE]);
/* Nanoseconds since 1970 as "2025-01-31T12:00:00.123Z", as in control/log. */
const char *human_time(int64_t ns, char ret[HUMAN_SIZE]);
/* Whole per cent of a job, never 100 before its end. */
unsigned human_percent(uint64_t done, uint64_t total);

/* A name that may hold anything, on one printable line: what is no character or moves the cursor as
 * \xNN. False = no memory. */
bool human_name(struct span name, struct buf *out);
/* What is known of an error beyond err_format's line, each line with `indent` before it: the field
 * or step, what was expected, the offending line and a caret under the fault. Nothing known:
 * nothing. */
bool human_error_details(const struct err *e, const char *indent, struct buf *out);

#endif
