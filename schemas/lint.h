/* What a compiled version's steps do, for people and for scripts: `schemafs check` and the dry run
 * of control/check.
 *
 * Each step is of one or more of these classes:
 *   destructive     finalize drops stored values for good
 *   one-way         one direction can't show all that the other holds; what it hides is kept
 *                   beside what it shows
 *   needs backfill  items from before it are computed when read, until a backfill stores them
 *   scans           adding it reads every item once (a unique key)
 *   safe            none of these
 *
 * Threads: none of its own. */
#ifndef SCHEMAS_LINT_H
#define SCHEMAS_LINT_H

#include "schema.h"

/* A bit for each class, in that order. */
#define LINT_CLASSES 5u
unsigned lint_classes(const struct step_note *n);
/* "destructive,one-way" as bits; ERR_INVALID names a word that is no class, and the nearest one. */
int lint_parse_classes(const char *words, unsigned *ret, struct err *e);
/* "destructive, one-way" */
bool lint_print_classes(unsigned classes, struct buf *out);

/* How many items an item shape has; negative = not known. */
struct lint_items {
    int64_t (*count)(void *arg, uint32_t shape);
    void *arg;
};

/* Lines, each with its end:
 *   v2 from v1: 2 steps, 1 destructive, 1 needs backfill
 *   v2.yaml:4: rename_field: Dog.name becomes Dog.call_name [safe] (12 items)
 *     forward: same value
 *     backward: same value
 *     loses: ...
 * items: NULL = not counted. False = no memory. */
bool lint_text(const struct version *v, const char *file, const struct lint_items *items,
               struct buf *out);
/* Only a line for each step. */
bool lint_brief(const struct version *v, const char *file, const struct lint_items *items,
                struct buf *out);
/* The same as one JSON object on one line, without a line's end. */
bool lint_json(const struct version *v, const char *file, const struct lint_items *items,
               struct buf *out);

#endif
