/* Numbers by their text: exact, without rounding, bounded.
 *
 * Texts are JSON numbers (RFC 8259). Threads: none of its own. */
#ifndef SCHEMAS_NUMBER_H
#define SCHEMAS_NUMBER_H

#include "buf.h"

/* The most zeros that an exponent may add to an integer: 1e4096 is one, 1e4097 is not. */
#define NUMBER_MAX_ZEROS 4096

/* True when the text is one JSON number and nothing else. */
bool number_valid(struct span text);

/* The 64-bit integer that prints back to exactly this text ("-0" is none). */
bool number_int64(struct span text, int64_t *ret);

/* The double that SQLite, too, prints back to exactly this text; false for all texts where that is
 * not plain to see (an exponent, over 15 digits, a zero at the end): those stay text. */
bool number_double(struct span text, double *ret);

enum number_fit {
    NUMBER_FITS,
    NUMBER_UNFIT, /* no integer, or one of too many digits */
    NUMBER_NO_MEMORY
};
/* Appends the integer of the same value: digits as they stand when the text is an integer already,
 * 5.0 and 50e-1 as 5. What has a fraction is cut off toward zero with `truncate`, else unfit. */
enum number_fit number_to_integer(struct span text, bool truncate, struct buf *out);

/* Appends the shortest JSON text that reads back as the same double, with ".0" when it would look
 * like an integer. Not for infinities and NaN. */
bool number_print(double v, struct buf *out);

#endif
