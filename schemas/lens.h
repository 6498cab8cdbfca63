/* Translation: one item through one version, both ways.
 *
 * Reading (lens_text) copies spans of a record between the quotes and commas of a version's shape.
 * Writing (lens_put) lays the difference between a text and what the item was when it was opened
 * over what the item is now, and computes every other side. docs/architecture.md has the rules
 * (invariants I2 to I5, I8, I11); the names GetPut, PutGet come from Foster et al., "Combinators
 * for bidirectional tree transformations" (2005); the remembered complement of a many-to-one side
 * from Hofmann, Pierce, Wagner, "Symmetric lenses" (2011).
 *
 * `key` is the item's own key throughout, but where an item is made: there it is the key that the
 * type shows. When a write changes the own key, or makes the item, the new record holds it in
 * SLOT_KEY (which record_encode leaves out).
 *
 * What lies outside the one record (keys of referenced items, records made by extraction) comes
 * through struct lens_world, so that this file knows no storage.
 *
 * Threads: a struct lens belongs to one thread; the catalog it reads is shared. */
#ifndef SCHEMAS_LENS_H
#define SCHEMAS_LENS_H

#include "catalog.h"
#include "expr.h"
#include "json.h"
#include "record.h"

enum name_state {
    NAME_FREE,
    NAME_TAKEN,  /* an item has it: another one, or the one that asks */
    NAME_YIELDED /* an item of an earlier collection is called so: never for this one */
};

/* The values of a link's fields in one item, p == NULL = unset. */
struct link_values {
    const struct span *stored; /* as a record holds them */
    const struct span *texts;  /* JSON text, as the step's version shows them */
    const struct span *names;  /* what a record of them is called by: for key_from_values */
    const struct span *same;   /* the same bytes: the same values, for every version */
};

struct lens_world {
    void *arg;
    /* The key under which v shows item `id` in shape `shape`; appended. *found = false: no such
     * item. */
    int (*key_of)(void *arg, const struct version *v, uint32_t shape, uint64_t id, struct buf *out,
                  bool *found, struct err *e);
    /* The item that v shows under that key. */
    int (*id_of)(void *arg, const struct version *v, uint32_t shape, struct span key,
                 uint64_t *ret_id, bool *found, struct err *e);
    /* Whether the item stands in this part of a split type. NULL: it does. */
    int (*stands_in)(void *arg, const struct shape *part, uint64_t id, bool *ret, struct err *e);
    /* Another item's record; the bytes are appended to *hold, which the caller frees after use. */
    int (*record_of)(void *arg, uint64_t id, struct buf *hold, bool *found, struct err *e);
    /* Reading, extract_type: the record made from these values for items from before the step.
     * *ret_id = 0 and a key appended: none made yet, and it will get that key. */
    int (*origin_of)(void *arg, const struct link *l, const struct link_values *values,
                     uint64_t *ret_id, struct buf *ret_key, struct err *e);
    /* Writing (inside a transaction only, else NULL): finds or makes the record of these values.
     * origin: for an item from before the step that is being brought up to date. */
    int (*extract)(void *arg, const struct link *l, const struct link_values *values, bool origin,
                   uint64_t *ret_id, struct err *e);
    /* Writing, move_field and inline_type: these l->n values (as stored; p == NULL = unset) become
     * those of l->there in item `id`; one more follows, for lens_assign alone; id == 0: a new item is made, under the holder's key or one like it.
     * only_unset: leaves what is set already. */
    int (*assign)(void *arg, const struct link *l, uint64_t id, struct span holder_key,
                  const struct span *values, bool only_unset, uint64_t *ret_id, struct err *e);
    /* Writing: the record of item `id` becomes what it was. rec == NULL: the item is there only by a write
     * that is taken back; the next `assign` that makes one of its collection makes it anew, and where none
     * does, it goes at the end of the write. *ret_is = false: it can't be; others have what it had, or
     * refer to it. NULL: what writes left in other items stays there. */
    int (*restore)(void *arg, uint64_t id, const struct record *rec, bool *ret_is, struct err *e);
    struct elsewhere *elsewhere; /* private: the other items that the write in progress has come to */
    /* Writing: may an item have this key by that rule? NULL: a key that is computed may be any. */
    int (*name_taken)(void *arg, const struct key_rule *rule, struct span key,
                      enum name_state *ret, struct err *e);
};

struct lens {
    const struct catalog *cat;
    struct expr_env *env;
    struct lens_world world;
    struct arena arena; /* scratch: bytes made during one call live here; see lens_reset */
    const struct known_refs *known; /* private: while a formula runs, the references it was given */
};
void lens_init(struct lens *l, const struct catalog *cat, struct expr_env *env,
               const struct lens_world *w);
void lens_reset(struct lens *l); /* frees what earlier calls made; spans given out end here */
void lens_deinit(struct lens *l);

/* The item's text through v: the writer's own bytes when they stand for v, else canonical text
 * with a trailing newline. line: one line for JSON Lines, "_key" first, newline at the end, never
 * the own bytes. Appends to out. -1: ERR_NO_MEMORY, ERR_IO (damaged record). */
int lens_text(struct lens *l, const struct version *v, const struct shape *s,
              const struct record *rec, struct span key, bool line, struct buf *out,
              struct err *e);

/* Checks a complete text against the shape without looking at the store: JSON, known keys, types,
 * required fields. base: the record at open, or NULL for a new item (what base lacks already may
 * go on lacking). This is what write() itself can refuse. */
int lens_check(struct lens *l, const struct version *v, const struct shape *s, struct span text,
               const struct record *base, struct err *e);
/* The checks of a record's fields, and of the objects in them, from number *at on. -1: one does not
 * hold (ERR_INVALID; *at is its number), or an error. base: what fails as it did there passes; NULL:
 * nothing does. key: as lens_text's. */
int lens_checks_from(struct lens *l, const struct version *v, const struct shape *s,
                     struct span key, const struct record *rec, const struct record *base,
                     size_t *at, struct err *e);
/* Its condition over the shape's fields; NULL: it is one of an object inside. */
const char *lens_check_numbered(const struct shape *s, size_t i);
/* Gives a refusal of an item's text that has no place yet that of the field it names, or else the
 * object's. */
void lens_place(struct span text, struct err *e);

/* The key under which s shows the item; own: the item's own key. */
int lens_key(struct lens *l, const struct version *v, const struct shape *s,
             const struct record *rec, struct span own, struct span *ret, struct err *e);

struct lens_change {
    const slot_no *slots; /* slots whose value changed, any version's */
    size_t n;
    bool fields;          /* a field changed (not only the writer's bytes) */
    bool any;             /* the record's bytes changed */
};

/* The record as v sees it now, complete in itself (missing slots computed, values of other items
 * copied in): the base of a later lens_put, whatever changes elsewhere meanwhile. */
int lens_snapshot(struct lens *l, const struct version *v, const struct shape *s,
                  const struct record *rec, struct span key, struct record *ret, struct err *e);

/* Lays text over an item. cur: the record as it is now, NULL = a new item; base: a lens_snapshot
 * made at open, NULL = every field of the version counts as changed (a new item, or a replacement);
 * key: the item's key. line: the text came as one line of JSON Lines (a "_key" member is ignored,
 * no own bytes are kept).
 * ret: the new record (spans in the lens's arena and in cur / text: encode before lens_reset).
 * Errors: ERR_INVALID with field, line, column; ERR_NO_MEMORY; what the world answers. */
int lens_put(struct lens *l, const struct version *v, const struct shape *s, struct span key,
             struct span text, bool line, const struct record *base, const struct record *cur,
             struct record *ret, struct lens_change *ret_change, struct err *e);

/* The other items that lens_put has written since the last lens_reset are as it found them. As often as
 * lens_put is called again for the same write, this comes before. */
int lens_undo(struct lens *l, struct err *e);

/* Does s show the item? Always, but where it is a part of a type. */
int lens_shows(struct lens *l, const struct version *v, const struct shape *s,
               const struct record *rec, struct span own, bool *ret, struct err *e);

/* The item gets this key in s, or comes into s from another part: formulas over _key run. As
 * lens_put. */
int lens_rekey(struct lens *l, const struct version *v, const struct shape *s, struct span key,
               struct span new_key, const struct record *cur, struct record *ret, struct lens_change *ret_change,
               struct err *e);

/* The keys that follow from the own key are computed anew: another item has taken them. s: a type that
 * shows own keys. As lens_put. */
int lens_yield(struct lens *l, const struct version *v, const struct shape *s, struct span key,
               const struct record *cur, struct record *ret, struct lens_change *ret_change,
               struct err *e);

/* Brings a record up to step `upto` (backfill), and stores in it what it is read by that finalize took. coll:
 * of the item. *ret_changed = false: there was nothing to do. */
bool lens_is_due(const struct catalog *c, uint32_t coll, const struct record *r, uint32_t upto);
int lens_materialize(struct lens *l, uint32_t coll, struct span key, const struct record *cur,
                     uint32_t upto, struct record *ret, bool *ret_changed, struct err *e);

/* The value of one field as v shows it (default included when `shown`), as JSON text with refs as
 * keys; *ret_set = false: unset. */
int lens_field(struct lens *l, const struct version *v, const struct shape *s,
               const struct field *f, const struct record *rec, struct span key, bool shown,
               struct span *ret, bool *ret_set, struct err *e);

/* extract_type: the values that a record of its target has now. Ends at lens_reset. */
int lens_link_values(struct lens *l, const struct link *lk, const struct record *rec,
                     struct span key, struct link_values *ret, struct err *e);
/* The record that extract_type makes of values. */
int lens_link_record(struct lens *l, const struct link *lk, const struct link_values *values,
                     struct span key, struct record *ret, struct err *e);

/* What world.assign does to the record of the item: cur == NULL = a new one. As lens_put. values:
 * as stored. Of LINK_MOVE, a second one: the key of a holder from before
 * the step, or p == NULL. */
int lens_assign(struct lens *l, const struct link *lk, struct span key, const struct span *values,
                bool only_unset, const struct record *cur, struct record *ret,
                struct lens_change *ret_change, struct err *e);

/* Calls fn for every reference a record holds, in any version not gone. */
int lens_refs(struct lens *l, const struct record *rec,
              int (*fn)(void *arg, slot_no slot, uint64_t target), void *arg, struct err *e);

/* A reference in `slot` to `target` becomes unset (on_delete: unset), with all that follows. */
int lens_drop_ref(struct lens *l, uint32_t coll, struct span key, slot_no slot, uint64_t target,
                  const struct record *cur, struct record *ret, struct lens_change *ret_change,
                  struct err *e);

#endif
