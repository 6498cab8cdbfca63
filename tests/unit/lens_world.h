/* A store of a few items in memory, for tests of translation without store/. */
#ifndef TESTS_LENS_WORLD_H
#define TESTS_LENS_WORLD_H

#include "../../schemas/lens.h"

#define LW_MAX 64

struct lw_item {
    uint64_t id;
    uint32_t coll;
    char key[128];
    struct buf body;
};

struct lw_made { /* records made by extraction, by the values they were made from */
    uint32_t step;
    uint64_t id;
    struct buf values;
};

struct lens_test {
    struct expr_env *env;
    struct catalog *cat;
    struct catalog_entry entries[LW_MAX];
    size_t n_entries;
    struct schema_counters next;
    struct lw_item items[LW_MAX];
    size_t n_items;
    struct lw_made made[LW_MAX];
    size_t n_made;
    uint64_t next_id;
    uint64_t spare; /* made by the write that is taken back; 0 = none */
    struct lens lens;
    struct buf text;        /* of the last lt_get */
    struct err err;         /* of the last refusal */
};

void lt_init(struct lens_test *t);
void lt_free(struct lens_test *t);
/* Compiles and adds; fails the test when it is refused. */
void lt_add(struct lens_test *t, const char *yaml);
void lt_state(struct lens_test *t, const char *version, enum version_state state);
/* 0, or -1 with t->err. With a base: the item as it was at lt_open. */
int lt_put(struct lens_test *t, const char *version, const char *type, const char *key,
           const char *text);
/* Remembers the item as seen now; lt_put_base writes against it. The caller frees *ret. */
void lt_open(struct lens_test *t, const char *version, const char *type, const char *key,
             struct buf *ret);
int lt_put_base(struct lens_test *t, const char *version, const char *type, const char *key,
                const char *text, const struct buf *base);
/* As mv does; fails the test when it is refused. */
void lt_rename(struct lens_test *t, const char *version, const char *type, const char *key,
               const char *new_key);
/* The text, owned by t until the next call; "(none)" when there is no such item. */
const char *lt_get(struct lens_test *t, const char *version, const char *type, const char *key);
const char *lt_line(struct lens_test *t, const char *version, const char *type, const char *key);
/* Brings every item up to date. */
void lt_backfill(struct lens_test *t);
/* Up to the steps of that version, as finalize does. */
void lt_backfill_to(struct lens_test *t, const char *version);

#endif
