/* Conversions without loss between two types: change_type without up and down.
 *
 * Forward, every value of `from` has its own value of `to`; backward, every value of `to` that is
 * the picture of one gives that one back, and the others give what is said here:
 *
 *   integer -> number                 5.0 and 5e0 as 5; a fraction is cut off toward zero; unset
 *                                     for an exponent that makes over 4096 zeros
 *   integer, number, boolean, timestamp, date, uuid, bytes, enum -> string
 *                                     the text where it is legal for the type, else unset
 *   date -> timestamp (T00:00:00Z)    the date as it stands in the text
 *   enum -> enum with all its values  the value where it is known, else unset
 *   any type without references -> json   the value where it fits, else unset
 *   list<T> -> list<U>, map<T> -> map<U>, where T -> U converts: each element; unset when one of
 *                                     them gives unset
 *
 * null stays null, unset stays unset. Threads: none of its own. */
#ifndef SCHEMAS_CONVERT_H
#define SCHEMAS_CONVERT_H

#include "schema.h"

/* The function that computes `to` from `from`, or NULL when that could lose something. *ret_same:
 * no value changes, either way. shapes: where enums and objects are looked up (both sides'); with
 * none, enums of different shapes and objects don't convert. model_conversion (model.h) is this
 * without shapes. */
formula_fn convert_forward(const struct type_ref *from, const struct type_ref *to,
                           struct shape *const *shapes, size_t n_shapes, bool *ret_same);
/* The function that computes `from` from `to`, where convert_forward(from, to) has one. */
formula_fn convert_backward(const struct type_ref *from, const struct type_ref *to,
                            struct shape *const *shapes, size_t n_shapes);

#endif
