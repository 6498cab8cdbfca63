/* All texts of a world at one moment, and the values in them. */
#ifndef PROPERTY_TABLE_H
#define PROPERTY_TABLE_H

#include "schemas/json.h"
#include "world.h"

struct cell {
    uint64_t id;
    const char *key;
    unsigned index; /* version, in the case */
    const struct version *v;
    const struct shape *s;
    struct span line, raw; /* as in JSON Lines; as a file */
};
struct table {
    struct arena arena;
    struct cell *cells;
    size_t n;
};
/* -1: a read was refused; e says which. */
int table_take(struct world *w, struct table *ret, struct err *e);
void table_free(struct table *t);
#define TABLE_CLEANUP __attribute__((cleanup(table_free)))
const struct cell *table_find(const struct table *t, uint64_t id, const struct view *vw);

enum table_what { TABLE_LINE = 1, TABLE_RAW = 2, TABLE_BY_KEY = 4 };
#define TABLE_ALL_ITEMS 0
/* The first cell that both have and that differs, described; true = none. By item id, or by key
 * for tables of two worlds. id: of that item only. */
bool table_same(const struct table *a, const struct table *b, unsigned what, uint64_t id, char *why,
                size_t size);

/* The values that an item's text shows: one line each, with defaults filled in, so that two texts
 * that mean the same give the same. p == NULL: not shown. */
struct shown {
    struct json_node *object;
    struct span *fields; /* by the shape's fields; of a read-only one always p == NULL */
    struct span extra;   /* an open type's other keys, one object; p == NULL: none */
};
void shown_read(struct arena *a, const struct version *v, const struct shape *s, struct span text,
                struct shown *ret);
struct span shown_value(struct arena *a, struct shape *const *shapes, size_t n_shapes,
                        const struct type_ref *t, const struct json_node *n);
/* Values of the type hold defaults that a text may show. */
bool type_has_defaults(struct shape *const *shapes, size_t n, const struct type_ref *t,
                       unsigned depth);

#endif
