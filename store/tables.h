/* The store's tables and the statements over them (docs/store-format.md describes every column).
 *
 * At opening the tables must be exactly these, or the file is refused. A change of any of them is
 * a change of STORE_FORMAT. */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include <stddef.h>

#define STORE_APPLICATION_ID 0x53634673 /* "ScFs" */
#define STORE_FORMAT         5          /* user_version */
#define STORE_FORMAT_FIRST   1          /* what is older than this can't be opened */

struct table {
    unsigned since;          /* the format it came with */
    const char *type, *name; /* "table" or "index" */
    const char *sql;         /* exactly as sqlite_schema keeps it */
};
extern const struct table store_tables[];
extern const size_t n_store_tables;

/* Names in table meta. */
#define META_DEFAULT       "default"       /* version number that `current` points to; 0 = none */
#define META_EPOCH         "epoch"         /* of the catalog */
#define META_NEXT_VERSION  "next_version"
#define META_NEXT_STEP     "next_step"
#define META_NEXT_SLOT     "next_slot"
#define META_NEXT_SHAPE    "next_shape"
#define META_NEXT_ITEM     "next_item"     /* no item has this number or a higher one */
#define META_BACKFILL_RATE "backfill_rate" /* items a second, 0 = no limit */
#define META_MTIME         "mtime."        /* and a collection: its directory's; 0 = none */
#define META_TEXT          "text."         /* and a version's number: its text's checksum */
#define META_NUMBERS       "numbers."      /* and a version: how many it took (catalog_db.c) */
#define META_GONE          "gone."         /* and a version: when it was finalized away */

/* The items whose revisions stand under key ?2 in name space ?1 of the collections in the JSON list ?3: the
 * one that has it, and those that had it when they were deleted; of those that had none in this name space
 * yet, the ones with that key of their own. */
#define HISTORY_IDS                                                                                \
    "SELECT id FROM name WHERE coll = ?1 AND key = ?2 UNION ALL SELECT id FROM gone WHERE space = " \
    "?1 AND key = ?2 UNION ALL SELECT g.id FROM json_each(?3) c JOIN gone g ON g.space = c.value "  \
    "WHERE g.key = ?2 AND ?1 <> g.space AND NOT EXISTS (SELECT 1 FROM gone h WHERE h.id = g.id "   \
    "AND h.space = ?1)"

#define STMTS(X)                                                                                   \
    X(ITEM_READ, "SELECT mtime, btime, body FROM item WHERE id = ?1")                              \
    X(ITEM_ROW, "SELECT id, key, mtime, btime, body FROM item WHERE id = ?1")                      \
    X(ITEM_KEY, "SELECT key FROM item WHERE id = ?1")                                              \
    X(ITEM_KEY_BODY, "SELECT key, body FROM item WHERE id = ?1")                                   \
    X(ITEM_LAST_BELOW, "SELECT id FROM item WHERE id < ?1 ORDER BY id DESC LIMIT 1")              \
    X(ITEM_BODY, "SELECT body FROM item WHERE id = ?1")                                            \
    X(ITEM_LOOKUP, "SELECT i.id, i.key, i.mtime, i.btime, i.body FROM name AS n CROSS JOIN item "  \
                   "AS i ON i.id = n.id WHERE n.coll = ?1 AND n.key = ?2")                         \
    X(ITEM_LIST, "SELECT id, key, mtime, btime, body FROM item WHERE id > ?1 AND id <= ?2 "        \
                 "ORDER BY id")                                                                    \
    X(ITEM_LIST_KEYS, "SELECT id, key FROM item WHERE id > ?1 AND id <= ?2 ORDER BY id")           \
    X(ITEM_PART, "SELECT id FROM member WHERE set_id = ?1 AND number = ?2")                        \
    X(ITEM_PART_ROW, "SELECT i.id, i.key, i.mtime, i.btime, i.body FROM member AS m CROSS JOIN "   \
                     "item AS i ON i.id = m.id WHERE m.set_id = ?1 AND m.number = ?2")             \
    X(ITEM_PART_LOOKUP, "SELECT i.id, i.key, i.mtime, i.btime, i.body FROM name AS n CROSS JOIN "  \
                        "member AS m ON m.set_id = ?3 AND m.number = (n.id & 1099511627775) CROSS "\
                        "JOIN item AS i ON i.id = n.id WHERE n.coll = ?1 AND n.key = ?2")          \
    X(ITEM_PART_LIST, "SELECT i.id, i.key, i.mtime, i.btime, i.body FROM member AS m CROSS JOIN "  \
                      "item AS i ON i.id = m.id WHERE m.set_id = ?1 AND m.number > ?2 ORDER BY "   \
                      "m.number")                                                                  \
    X(MEMBER_INSERT, "INSERT INTO member (set_id, number, id) VALUES (?1, ?2, ?3)")                \
    X(MEMBER_DELETE, "DELETE FROM member WHERE set_id = ?1 AND number = ?2")                       \
    X(MEMBER_DROP, "DELETE FROM member WHERE set_id = ?1 AND number IN (SELECT number FROM "       \
                   "member WHERE set_id = ?1 LIMIT ?2)")                                           \
    X(ITEM_INSERT, "INSERT INTO item (id, key, mtime, btime, body) VALUES (?1, ?2, ?3, ?3, ?4)")   \
    X(ITEM_UPDATE, "UPDATE item SET mtime = ?2, body = ?3 WHERE id = ?1")                          \
    X(ITEM_UPDATE_KEY, "UPDATE item SET key = ?2 WHERE id = ?1")                                   \
    X(ITEM_UPDATE_MTIME, "UPDATE item SET mtime = ?2 WHERE id = ?1")                               \
    X(ITEM_DELETE, "DELETE FROM item WHERE id = ?1")                                               \
    X(NAME_FIND, "SELECT id FROM name WHERE coll = ?1 AND key = ?2")                               \
    X(NAME_INSERT, "INSERT INTO name (coll, key, id) VALUES (?1, ?2, ?3)")                         \
    X(NAME_DELETE, "DELETE FROM name WHERE coll = ?1 AND key = ?2 AND id = ?3")                                \
    X(NAME_DROP, "DELETE FROM name WHERE coll = ?1 AND key IN (SELECT key FROM name WHERE coll = " \
                 "?1 LIMIT ?2)")                                                                   \
    X(REF_OF, "SELECT holder, slot FROM ref WHERE target = ?1")                                    \
    X(REF_OF_SLOT, "SELECT holder, slot FROM ref WHERE target = ?1 AND slot = ?2")                 \
    X(REF_ANY, "SELECT 1 FROM ref WHERE target = ?1 LIMIT 1")                                      \
    X(REF_COUNT, "SELECT count(*) FROM ref WHERE target = ?1")                                     \
    X(REF_INSERT, "INSERT OR IGNORE INTO ref (target, holder, slot) VALUES (?1, ?2, ?3)")          \
    X(REF_DELETE, "DELETE FROM ref WHERE target = ?1 AND holder = ?2 AND slot = ?3")               \
    X(UNIQ_OF, "SELECT vals FROM uniq WHERE id = ?1 AND set_id = ?2")                              \
    X(UNIQ_FIND, "SELECT id FROM uniq WHERE set_id = ?1 AND vals = ?2")                            \
    X(UNIQ_INSERT, "INSERT INTO uniq (set_id, vals, id) VALUES (?1, ?2, ?3)")                      \
    X(UNIQ_DELETE, "DELETE FROM uniq WHERE set_id = ?1 AND vals = ?2")                             \
    X(UNIQ_FORGET, "DELETE FROM uniq WHERE id = ?1")                                               \
    X(UNIQ_DROP, "DELETE FROM uniq WHERE set_id = ?1")                                             \
    X(EXTRACTED_FIND, "SELECT e.id FROM extracted AS e JOIN item AS i ON i.id = e.id WHERE "       \
                      "e.step = ?1 AND e.vals = ?2 ORDER BY i.key <> ?3, i.key LIMIT 1")           \
    X(EXTRACTED_OF, "SELECT vals FROM extracted WHERE id = ?1 AND step = ?2")                      \
    X(EXTRACTED_INSERT, "INSERT INTO extracted (step, vals, id) VALUES (?1, ?2, ?3)")              \
    X(EXTRACTED_DELETE, "DELETE FROM extracted WHERE step = ?1 AND vals = ?2 AND id = ?3")         \
    X(EXTRACTED_FORGET, "DELETE FROM extracted WHERE id = ?1")                                     \
    X(ORIGIN_FIND, "SELECT id FROM origin WHERE step = ?1 AND vals = ?2")                          \
    X(ORIGIN_INSERT, "INSERT INTO origin (step, vals, id, holders) VALUES (?1, ?2, ?3, 0)")        \
    X(ORIGIN_ADD, "UPDATE origin SET holders = holders + ?3 WHERE step = ?1 AND vals = ?2")        \
    X(ORIGIN_CLEAR, "UPDATE origin SET holders = 0 WHERE step = ?1")                               \
    X(ORIGIN_HOLDERS, "SELECT total(holders) FROM origin WHERE id = ?1")                           \
    X(ORIGIN_EDITED, "SELECT 1 FROM origin WHERE step = ?1 AND holders > 0 AND id NOT IN (SELECT id FROM made) LIMIT 1") \
    X(ORIGIN_FORGET, "DELETE FROM origin WHERE id = ?1")                                           \
    X(MADE_FIND, "SELECT step FROM made WHERE id = ?1")                                            \
    X(MADE_OF_STEP, "SELECT id FROM made WHERE step = ?1 AND id > ?2 ORDER BY id LIMIT 256")       \
    X(MADE_INSERT, "INSERT INTO made (id, step) VALUES (?1, ?2)")                                  \
    X(MADE_DELETE, "DELETE FROM made WHERE id = ?1")                                               \
    X(LINK_FIND, "SELECT 1 FROM link WHERE step = ?1")                                             \
    X(LINK_INSERT, "INSERT OR IGNORE INTO link (step) VALUES (?1)")                                \
    X(ATTR_ANY, "SELECT 1 FROM attr WHERE number > 0 LIMIT 1")                                     \
    X(ATTR_ANY_DIR, "SELECT 1 FROM attr WHERE number <= 0 LIMIT 1")                                \
    X(ATTR_GET, "SELECT mode, uid, gid FROM attr WHERE number = ?1 AND version = ?2 AND shape = "  \
                "?3")                                                                              \
    X(ATTR_SET, "INSERT INTO attr (number, version, shape, mode, uid, gid) VALUES (?1, ?2, ?3, "   \
                "?4, ?5, ?6) ON CONFLICT DO UPDATE SET mode = coalesce(?4, mode), uid = "          \
                "coalesce(?5, uid), gid = coalesce(?6, gid)")                                      \
    X(ATTR_FORGET, "DELETE FROM attr WHERE number = ?1")                                           \
    X(COUNT_ALL, "SELECT coll, n FROM count")                                                      \
    X(COUNT_ADD, "INSERT INTO count (coll, n) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET n = n + "  \
                 "?2")                                                                             \
    X(META_GET, "SELECT value FROM meta WHERE name = ?1")                                          \
    X(META_SET, "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value "  \
                "= ?2")                                                                            \
    X(VERSION_ALL, "SELECT number, name, state, parent, text, step, slot, shape FROM version "     \
                   "ORDER BY number")                                                              \
    X(VERSION_INSERT, "INSERT INTO version (number, name, state, parent, text, step, slot, "       \
                      "shape, added) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")                 \
    X(VERSION_STATE, "UPDATE version SET state = ?2 WHERE number = ?1")                            \
    X(VERSION_ADDED, "SELECT added FROM version WHERE number = ?1")                                \
    X(HISTORY_KEEP, "INSERT INTO history (rev, id, at, key, mtime, body) VALUES (?1, ?2, ?3, ?4, "   \
                    "?5, ?6) ON CONFLICT (id, at) DO NOTHING")                                     \
    X(HISTORY_LAST, "SELECT rev, at FROM history ORDER BY rev DESC LIMIT 1")                       \
    X(HISTORY_ROW, "SELECT id, key, mtime, at, body FROM history WHERE rev = ?1")                  \
    X(HISTORY_AS_OF, "SELECT body FROM history WHERE id = ?1 AND at >= ?2 ORDER BY at LIMIT 1")    \
    X(HISTORY_NEWEST, "SELECT body, key FROM history WHERE id = ?1 ORDER BY at DESC LIMIT 1")           \
    X(HISTORY_NEXT_ID, "SELECT id FROM history WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT 1")    \
    X(HISTORY_OF_KEY, "SELECT at, rev, id FROM history WHERE id IN (" HISTORY_IDS ") AND at > ?4 "     \
                      "ORDER BY at")                                                               \
    X(HISTORY_AT, "SELECT at, rev, id FROM history WHERE id IN (" HISTORY_IDS ") AND at = ?4")         \
    X(HISTORY_OWNER, "SELECT DISTINCT id FROM history WHERE id IN (" HISTORY_IDS ") ORDER BY id "  \
                     "DESC")                                                                       \
    X(HISTORY_OLDEST, "SELECT rev, id, at FROM history ORDER BY rev LIMIT ?1")                     \
    X(HISTORY_SCAN, "SELECT id, at, rev FROM history WHERE (id, at) < (?1, ?2) ORDER BY id DESC, " \
                    "at DESC LIMIT ?3")                                                            \
    X(HISTORY_OF_COLL, "SELECT rev, id, at FROM history WHERE id > ?1 AND id <= ?2 LIMIT ?3")      \
    X(HISTORY_DELETE, "DELETE FROM history WHERE rev = ?1")                                        \
    X(GONE_INSERT, "INSERT OR IGNORE INTO gone (space, key, id) VALUES (?1, ?2, ?3)")              \
    X(GONE_KEY, "SELECT key FROM gone WHERE id = ?1 AND space IN (?2, ?3) ORDER BY space = ?3 "    \
                "LIMIT 1")                                                                         \
    X(GONE_DELETE, "DELETE FROM gone WHERE id = ?1")                                               \
    X(BEGIN_WRITE, "BEGIN IMMEDIATE")                                                              \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(SAVEPOINT, "SAVEPOINT op")                                                                   \
    X(SAVEPOINT_BACK, "ROLLBACK TO op")                                                            \
    X(SAVEPOINT_END, "RELEASE op")

enum stmt {
#define STMT_NAME(name, sql) STMT_##name,
    STMTS(STMT_NAME)
#undef STMT_NAME
    STMT_COUNT
};
extern const char *const stmt_sql[STMT_COUNT];

#endif
