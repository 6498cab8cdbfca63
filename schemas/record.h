/* The stored form of one item, or of one object inside an item: a generation and slots.
 *
 * Bytes (docs/store-format.md has the table):
 *   u8      format, 2
 *   varint  generation: the last step id whose slots this record holds
 *   varint  number of entries
 *   entries, sorted by (slot, kind), each
 *     varint  slot * 8 + kind
 *     varint  bytes
 *     bytes
 *   4 bytes checksum of all before it, low byte first (checksum.h)
 *
 * Kinds:
 *   VALUE    what a writer decided: flat JSON text or the structured encoding (value.h)
 *   DERIVED  what a formula gave; no bytes = it gave unset. VALUE or no entry at all for a slot
 *            that has formulas means that a writer decided it (to be unset, when there is none).
 *   MEMORY   a value that a linked formula hid: varint formula (step * 2 + direction), then the
 *            value and each input as: varint 0 = unset, or bytes + 1 and the bytes
 *   BASIS    for a slot computed from values over a reference: the same layout, with the inputs
 *            under which the present value holds. In a field that move_field took over a
 *            reference: the era that the value holds in, and the target (lens_own.c)
 *   RAW      a writer's own bytes; "slot" is the version number and shape id they were written
 *            through: number << RAW_SHAPE_BITS | shape
 *   BEFORE   what the item was before that version, the last to write it, began to (lens_before.c); "slot"
 *            as of RAW; at most one
 *   ELSEWHERE  beside BEFORE, with its "slot": what that version's last write left in other items
 *            (lens_elsewhere.c)
 *
 * A decoded record borrows the bytes it was decoded from. Threads: none of its own. */
#ifndef SCHEMAS_RECORD_H
#define SCHEMAS_RECORD_H

#include "schema.h"

#define RECORD_FORMAT  2
#define RECORD_FORMAT_BARE 1 /* the same without a checksum: of stores that had format 1 */
#define RAW_SHAPE_BITS 20 /* shapes with higher ids keep no own bytes */

enum entry_kind {
    ENTRY_VALUE = 0,
    ENTRY_DERIVED = 1,
    ENTRY_MEMORY = 2,
    ENTRY_BASIS = 3,
    ENTRY_RAW = 4,
    ENTRY_BEFORE = 5,
    ENTRY_ELSEWHERE = 6
};

struct entry {
    slot_no slot;
    enum entry_kind kind;
    struct span bytes;
};

struct record {
    uint32_t gen;
    struct entry *e; /* sorted by (slot, kind); owned, malloc'ed */
    size_t n, cap;
};

#define RECORD_INIT {0}
void record_free(struct record *r);
#define RECORD_CLEANUP __attribute__((cleanup(record_free)))
/* Decodes into r (its array is reused). -1: ERR_IO "damaged record" or ERR_NO_MEMORY. */
int record_decode(struct span bytes, struct record *r, struct err *e);
/* Its checksum is its own (or it is from before there was one). */
bool record_is_whole(struct span bytes);
bool record_encode(const struct record *r, struct buf *out);
/* The VALUE or DERIVED entry of a slot, or NULL. */
const struct entry *record_get(const struct record *r, slot_no slot);
const struct entry *record_find(const struct record *r, slot_no slot, enum entry_kind kind);
/* Replaces or adds an entry (VALUE and DERIVED replace each other). The bytes are borrowed: they
 * must outlive the record. MEMORY entries of several formulas may stand side by side. */
bool record_set(struct record *r, slot_no slot, enum entry_kind kind, struct span bytes);
/* Adds an entry behind all that are there, to whose order it has to keep. */
bool record_append(struct record *r, const struct entry *en);
bool entries_same(const struct entry *a, size_t n_a, const struct entry *b, size_t n_b);
/* Removes a slot's VALUE / DERIVED entry. */
void record_unset(struct record *r, slot_no slot);
/* Removes every entry of that kind: of one slot, or of all when slot == SLOT_NONE. */
void record_drop(struct record *r, slot_no slot, enum entry_kind kind);
bool record_copy(const struct record *from, struct record *to); /* entries, not their bytes */

/* record_diff.c: appends what `was` has otherwise than `now`: varint generation, then for each such slot
 * varint slot, varint number of entries, and for each of these kind, varint bytes, bytes. ret_any: there is
 * such a slot. false: no memory. */
bool record_diff(const struct record *was, const struct record *now, struct buf *out, bool *ret_any);
/* `was` again; it borrows from both. -1: ERR_IO (damaged), ERR_NO_MEMORY. */
int record_undiff(struct span diff, const struct record *now, struct record *ret, struct err *e);
bool record_diff_has(struct span diff, slot_no slot); /* the two have it otherwise */

#endif
