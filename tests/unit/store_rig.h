/* A store in a temporary folder, for tests through store.h. */
#ifndef TESTS_STORE_RIG_H
#define TESTS_STORE_RIG_H

#include "../../store/internal.h"

struct rig {
    char dir[64], path[96];
    struct store *s;
    struct err err;     /* of the last refusal */
    struct buf text;    /* of the last rig_get, rig_keys */
    struct buf changes; /* notices since rig_changes_reset: "ITEM rex", "ADDED rex", ... */
    pthread_mutex_t changes_lock;
};

void rig_init(struct rig *r);
void rig_free(struct rig *r);
void rig_free_sound(struct rig *r); /* whatever was done: fails the test when fsck finds something */
void rig_reopen(struct rig *r, const struct store_options *o); /* o NULL = as in rig_init */
/* Compiles and adds; fails the test when it is refused. */
void rig_add(struct rig *r, const char *yaml);
void rig_state(struct rig *r, const char *version, enum version_state state);

/* The present version and type; the catalog is held by the rig's store. Fails when there is none.
 */
const struct version *rig_version(struct rig *r, const char *name);
const struct shape *rig_type(const struct version *v, const char *name);

/* 0, or -1 with r->err. */
int rig_put(struct rig *r, const char *version, const char *type, const char *key,
            const char *text);
int rig_delete(struct rig *r, const char *version, const char *type, const char *key);
int rig_rename(struct rig *r, const char *version, const char *type, const char *from,
               const char *to);
int rig_append(struct rig *r, const char *version, const char *type, const char *lines);
/* The text, owned by r until the next call; "(none)" when there is no such item. */
const char *rig_get(struct rig *r, const char *version, const char *type, const char *key);
/* The item as one line. */
const char *rig_line(struct rig *r, const char *version, const char *type, const char *key);
/* "rex fido": all keys in order of the listing. */
const char *rig_keys(struct rig *r, const char *version, const char *type);
uint64_t rig_number(struct rig *r, const char *version, const char *type, const char *key);
int64_t rig_count(struct rig *r, const char *version, const char *type);
/* Brings every item of every collection up to date, as a backfill does. */
void rig_backfill(struct rig *r);
const char *rig_changes(struct rig *r); /* and forgets them */
/* The one value of a query over the store's tables, through a connection of its own. */
int64_t rig_sql(struct rig *r, const char *sql);

/* For tests whose rig is a variable r. */
#define ASSERT_OK(call) ck_assert_msg((call) == 0, "refused: %s", r.err.text)
#define ASSERT_REFUSED(call, want_code, want_text)                                                 \
    do {                                                                                           \
        ck_assert_int_eq((call), -1);                                                              \
        ck_assert_msg(r.err.code == (want_code) && strstr(r.err.text, want_text), "%d %s",         \
                      r.err.code, r.err.text);                                                     \
    } while (0)
#define ASSERT_LINE(version, type, key, want)                                                      \
    ck_assert_str_eq(rig_line(&r, version, type, key), want)
#define ASSERT_SQL(sql, want) ck_assert_int_eq(rig_sql(&r, sql), want)

#endif
