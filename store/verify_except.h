/* Checks that an undamaged item may fail. Private to verify.c. */
#ifndef STORE_VERIFY_EXCEPT_H
#define STORE_VERIFY_EXCEPT_H

#include "catalog.h"

/* May an item of s fail check number `check` (lens_checks_from) through no fault? Yes, when what the
 * check reads is also written without it: by a version that shows one of these fields and does not
 * have the check, or another default (also one that is gone: its values are still there), by a
 * formula that does not know it, in another item, by a rename, or when an item that it refers to is
 * deleted. No memory counts as yes. */
bool verify_excepts(const struct catalog *c, const struct shape *s, size_t check);

#endif
