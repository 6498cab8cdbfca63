/* Where in a field's value something stands, innermost first; rendered only for an error. */
#ifndef SCHEMAS_VALUE_PLACE_H
#define SCHEMAS_VALUE_PLACE_H

#include "err.h"

struct place {
    const struct place *up;
    const char *path; /* outermost: the field's name as the caller gave it */
    struct span name; /* a member */
    size_t index;     /* an element, when name.p == NULL */
};

#define PATH_SIZE sizeof(((struct err *)0)->field)

/* "Dog.home.street", "Dog.tags[1]"; cut off where it is too long. value.c */
void place_print(const struct place *at, char ret[PATH_SIZE]);

#endif
