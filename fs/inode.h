/* Inode numbers: what kinds of files there are, and how a number says which one it is.
 *
 * A number carries everything that is needed to find its file again, so there is no table of inodes:
 * a lookup costs no memory, a forgotten inode nothing, and ten million items what ten do. Versions,
 * items and types are numbered over the whole life of a store and never reused, so that a number
 * never comes to mean something else, not across a remount either.
 *
 *   63        52 51        40 39 38 37                                0
 *   +-----------+------------+-----+-----------------------------------+
 *   |  version  | type index |  0  |  item number                      |   an item, version > 0
 *   |           |            |  1  |  item number                      |   .history/KEY.json/
 *   |           |            |  2  |  revision                         |   a file in it
 *   +-----------+------------+-----+-----------------------------------+
 *   |     0     |    kind    |  payload                                |   everything else
 *   +-----------+------------+-----------------------------------------+
 *
 *   kind             payload
 *   INODE_ROOT       1, so that the whole number is FUSE's 1
 *   INODE_FIXED...   none: README, current, schemas/, control/
 *   INODE_VERSION    version number
 *   INODE_TYPE       version number * 4096 + type index
 *   INODE_STREAM     likewise: the type's .jsonl
 *   INODE_HISTORY    likewise: the type's .history
 *   INODE_SCHEMA     version number: schemas/v1.yaml of a live version
 *   INODE_CONTROL_FILE  index in control_files[]
 *   INODE_SCRATCH    number of a node of scratch.h: the one range that has a table, bounded
 *
 * The type index is the shape's place in version->shapes.
 *
 * Threads: pure. */
#ifndef FS_INODE_H
#define FS_INODE_H

#include <stdbool.h>
#include <stdint.h>

enum inode_kind {
    INODE_ROOT = 0,
    INODE_README,
    INODE_CURRENT,
    INODE_SCHEMAS,
    INODE_CONTROL,
    INODE_VERSION,
    INODE_TYPE,
    INODE_STREAM,
    INODE_SCHEMA,
    INODE_CONTROL_FILE,
    INODE_SCRATCH,
    INODE_HISTORY,
    INODE_ITEM, /* this and what follows never in a number: version > 0 says it */
    INODE_REVISIONS,
    INODE_REVISION,
    INODE_KINDS
};

struct inode {
    enum inode_kind kind;
    uint32_t version; /* VERSION, TYPE, STREAM, SCHEMA, HISTORY, ITEM and after; else 0 */
    uint32_t type;    /* TYPE, STREAM, HISTORY, ITEM and after: type index; else 0 */
    uint64_t number;  /* ITEM, REVISIONS: item number; REVISION: its own; SCRATCH: node;
                         CONTROL_FILE: index; else 0 */
};

#define INODE_PAYLOAD_BITS 40
#define INODE_NUMBER_BITS  38

uint64_t inode_encode(const struct inode *in);
/* False when the number means nothing. */
bool inode_decode(uint64_t ino, struct inode *ret);

uint64_t inode_fixed(enum inode_kind kind); /* ROOT .. CONTROL */
uint64_t inode_version(uint32_t version);
uint64_t inode_type(uint32_t version, uint32_t type);
uint64_t inode_stream(uint32_t version, uint32_t type);
uint64_t inode_schema(uint32_t version);
uint64_t inode_control_file(uint64_t index);
uint64_t inode_scratch(uint64_t node);
uint64_t inode_item(uint32_t version, uint32_t type, uint64_t number);

/* Listing offsets: what a directory's next read starts after. They are item and node numbers, so an
 * interrupted listing goes on after any change, and after a remount, by one seek.
 *
 *   0              the start
 *   1, 2           after "." and after ".."
 *   16 + n         after item n (or the n-th entry of a directory that has no items)
 *   t              in .history/KEY.json/: after the revision of that time, nanoseconds since 1970
 *   2^42 + n       after scratch node n */
#define OFFSET_DOT      1u
#define OFFSET_DOT_DOT  2u
#define OFFSET_ENTRIES  16u
#define OFFSET_SCRATCH  (UINT64_C(1) << 42)

#endif
