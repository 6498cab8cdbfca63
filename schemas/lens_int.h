/* Inside translation: shared by the lens_*.c files, included by nobody else.
 *
 *   lens_value.c      one value: JSON tree to stored bytes and back
 *   lens_inside.c     references and objects inside of one
 *   lens_read.c       a record seen through a version: slots, text
 *   lens_bring.c      missing generations; unfolding for work, folding for storing
 *   lens_raw.c        a writer's own bytes
 *   lens_link.c       fields that stand in another item; lens_own.c: what their holder shows, and keeps;
 *                     lens_extract.c, lens_move.c, lens_inline.c: writing them
 *   lens_work.c       propagation: what follows from changed slots; lens_back.c: its backward pass;
 *                     lens_run.c: one formula
 *   lens_key.c        keys that a step computes
 *   lens_before.c     the item as it was before the version that writes it began to
 *   lens_elsewhere.c  what its writes left in other items
 *   lens_check.c      whether a text is an item of a shape
 *   lens_lay.c        the difference of a text, laid over a record
 *   lens_put.c        a write: that, what follows, and what is kept of it
 */
#ifndef SCHEMAS_LENS_INT_H
#define SCHEMAS_LENS_INT_H

#include "lens.h"
#include "value.h"

/* Where names and types are looked up: a version, and shapes that may be those of a moment between
 * two of its steps. */
struct view {
    const struct version *v; /* in whose keys references are written */
    struct shape *const *shapes;
    size_t n_shapes;
    bool bare;     /* defaults inside of objects are left out */
    uint32_t step; /* the moment: what later steps made is not seen; 0 = after all of v's */
};
static inline struct view view_of(const struct version *v)
{
    return (struct view){v, v->shapes, v->n_shapes, false, 0};
}
/* Where the formula's step stands, for a value of type t. Whoever reads or writes: what a formula
 * gives must not depend on that. */
struct view view_at(const struct lens *l, const struct version *reader, const struct formula *f,
                    const struct type_ref *t);

/* A record that is being looked at. flat: links are unfolded and volatile slots fresh, every slot
 * stands in the record itself. */
struct sight {
    struct lens *l;
    const struct version *v;
    const struct group *g;
    const struct record *rec;
    struct span key;
    bool flat;
    bool refs;      /* so are its references, whatever stands over them is looked up */
    const struct record *names; /* whose keys the item has already; NULL: none is known */
    unsigned depth; /* of references followed */
    const struct sight *from; /* the one whose reference led here, or NULL */
    uint32_t below; /* volatile slots of this rank and over are taken as stored; 0 = none */
    const struct sought {
        struct span ref;
        uint32_t coll; /* that it is to; two types may have a record of one name */
        const struct sought *outer;
    } *sought; /* references to foreseen records that are being looked for */
};
#define SIGHT_MAX_DEPTH 32

/* The stored bytes of a slot; p == NULL = unset. */
static inline struct span record_value(const struct record *r, slot_no slot)
{
    const struct entry *en = record_get(r, slot);
    return en && en->bytes.n ? en->bytes : (struct span){0};
}

/* A small set of slots. */
struct slotset {
    slot_no *s;
    size_t n;
};
bool slotset_has(const struct slotset *set, slot_no slot);
int slotset_add(struct lens *l, struct slotset *set, slot_no slot, struct err *e);

/* Copies bytes into the lens's arena. p == NULL on no memory. */
struct span lens_keep(struct lens *l, struct span s);

/* ---- lens_value.c ---- */
/* JSON tree to stored bytes. cur: the present stored bytes (p == NULL = none), whose parts that
 * the view does not show are kept; base: as they were at open. */
int lens_encode(struct lens *l, struct view vw, const struct type_ref *t, const struct json_node *n,
                struct span base, struct span cur, struct span *ret, struct err *e);
/* Stored bytes to canonical JSON text for nesting `depth`; appended. */
int lens_render(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                unsigned depth, struct buf *out, struct err *e);
/* Canonical JSON text (depth 1) of any origin to stored bytes; what can't be encoded (a reference
 * to nothing) becomes unset. */
int lens_encode_text(struct lens *l, struct view vw, const struct type_ref *t, struct span json,
                     struct span cur, struct span *ret, bool *ret_set, struct err *e);
/* The same of what the view shows of a stored value, which may lack what it requires. */
int lens_encode_shown(struct lens *l, struct view vw, const struct type_ref *t, struct span json, struct span cur,
                      struct span *ret, bool *ret_set, struct err *e);
/* Calls fn for each reference in stored bytes. */
int lens_value_refs(const struct catalog *c, const struct type_ref *t, struct span stored,
                    int (*fn)(void *arg, uint64_t target), void *arg, struct err *e);
/* The stored bytes without references to target: *ret_set = false when nothing is left of it. */
int lens_value_without(struct lens *l, const struct type_ref *t, struct span stored,
                       uint64_t target, struct span *ret, bool *ret_set, struct err *e);
/* Nested records brought up to date, recursively; *ret = stored when nothing had to be done. */
int lens_value_bring(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                     uint32_t upto, struct span *ret, struct err *e);
/* Comparable bytes: two values have the same when they show the same in every version. References
 * count by item, not by its key. */
int lens_value_same(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                    struct span *ret, struct err *e);
/* The same for two values that show one text: without the references that the view shows, so that these items'
 * numbers are not in it. *ret_hidden: there is more than the view shows. */
int lens_value_beyond(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                      struct span *ret, bool *ret_hidden, struct err *e);
/* References by the keys that stand for them in a formula's inputs: what it gives of them is not looked
 * up again by its key (the item may be one that is only foreseen, or about to be made). */
struct known_refs {
    struct known_ref {
        uint32_t shape;
        struct span key, stored;
    } *at;
    size_t n;
};
/* Adds those in stored bytes. */
int lens_value_known(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                     struct known_refs *ret, struct err *e);
uint64_t lens_ref_id(struct span stored); /* 0 = not a reference */
/* The version, or, when its type is gone there, one that has it. */
const struct version *lens_knowing(const struct lens *l, const struct version *v, uint32_t shape);
struct span lens_ref_bytes(struct lens *l, uint64_t id);

/* ---- lens_read.c ---- */
/* The stored bytes of a slot as things are now; p == NULL = unset. */
int sight_slot(const struct sight *s, slot_no slot, struct span *ret, struct err *e);
/* JSON text of each input of a formula; spans in the lens's arena or the record. */
int sight_inputs(const struct sight *s, const struct formula *f, struct span **ret, struct err *e);
/* What a formula may keep a part of: what its output was, as stored (p == NULL = unset), and the inputs beside
 * which it was that; NULL = not known, or no matter. */
struct kept {
    struct span value;
    const struct span *inputs;
};
/* f over the sight's record: stored bytes of its output, p == NULL = unset. */
int sight_eval(const struct sight *s, const struct formula *f, const struct span *inputs,
               struct kept kept, struct span *ret, struct err *e);
/* ---- lens_each.c ---- */
/* What was hidden of a list or a map that is converted element by element stays with the elements that stayed:
 * where that still fits, json, which f gave of the inputs, becomes that. */
int lens_keep_each(struct lens *l, const struct formula *f, const struct span *inputs, struct kept kept,
                   struct buf *json, struct err *e);
/* ---- lens_read.c ---- */
/* What v needs of a record that may be from before it; brought: the caller's, holds what is
 * computed. */
int lens_seen(struct lens *l, const struct version *v, const struct shape *s,
              const struct record *rec, struct span key, struct record *brought,
              struct sight *ret, struct err *e);
int lens_canonical(struct lens *l, const struct version *v, const struct shape *s,
                   const struct record *rec, struct span key, struct buf *out, struct err *e);

/* ---- lens_bring.c ---- */
/* Nested records of r, in place. */
int lens_bring_nested(struct lens *l, const struct version *v, uint32_t upto, struct record *r,
                      struct err *e);
/* A record brought up to step `upto`: missing forward formulas and links are computed. writing:
 * links find or make records, else they are only looked at. nested: also inside objects. */
int lens_bring(struct lens *l, const struct version *v, const struct group *g, struct span key,
               const struct record *cur, uint32_t upto, bool writing, struct record *ret,
               struct err *e);
/* The same for a reader on its way over references. */
int lens_bring_seen(const struct sight *s, const struct record *cur, uint32_t upto,
                    struct record *ret, struct err *e);
/* What the item was before (lens_before.c), as far up to date as it is now: what a formula looks up must not be
 * looked up anew when its writer goes on. Where there are links it stays as it is. now: whose keys are the item's. */
int lens_bring_before(struct lens *l, const struct version *v, const struct group *g,
                      struct span key, const struct record *before, const struct record *now,
                      uint32_t upto, struct record *ret, struct err *e);
/* For a write through v: the record up to date, also inside. names: whose keys are the item's already,
 * or NULL. */
int lens_bring_current(struct lens *l, const struct version *v, const struct shape *s,
                       struct span key, const struct record *cur, const struct record *names,
                       struct record *ret, struct err *e);
/* Links unfolded and volatile slots made fresh, in place; and the way back, for storing. */
int lens_unfold(struct lens *l, const struct version *v, const struct group *g, struct span key,
                struct record *r, struct err *e);
int lens_fold(struct lens *l, const struct version *v, const struct group *g, struct span key,
              struct record *r, struct err *e);
/* The fields of a shape as canonical text of one object at nesting depth. */
int lens_object_text(struct lens *l, struct view vw, const struct shape *s,
                     const struct sight *at, unsigned depth, struct buf *out, struct err *e);

/* ---- lens_key.c ---- */
/* A key as it stands in a slot (a JSON string), and back, in the lens's arena. */
int key_decode(struct lens *l, struct span json, struct span *ret, struct err *e);
struct span key_encode(struct lens *l, struct span key); /* p == NULL: no memory */
/* What a formula with a key rule gave (p == NULL = unset) as a legal key. */
int key_plain(const struct sight *s, const struct key_rule *rule, struct span value,
              struct span *ret, struct err *e);
/* The same as the only one of its name space: with ~2, ~3, ... when another item has it. had: the
 * item's present one, or p == NULL. */
int key_name(const struct sight *s, const struct key_rule *rule, struct span value,
             struct span had, struct span *ret, struct err *e);

/* ---- lens_raw.c ---- */
/* Text that quotes other items (keys of references, fields read over them). */
bool lens_quotes_others(const struct lens *l, const struct shape *s);
/* as: the record whose text through v the bytes are. */
int lens_raw_set_as(struct lens *l, const struct version *v, const struct shape *s,
                    struct record *rec, const struct record *as, struct span key,
                    struct span text, struct err *e);
/* Which own bytes a record holds for v, if they still stand. */
int lens_raw(struct lens *l, const struct version *v, const struct shape *s,
             const struct record *rec, struct span key, struct span *ret, struct err *e);
/* The place of own bytes in a record: a version, and one of its shapes. */
static inline slot_no raw_slot(const struct version *v, const struct shape *s)
{
    return v->number << RAW_SHAPE_BITS | s->id;
}
/* Whether the version that such a slot is of is still there. */
bool raw_is_live(const struct catalog *c, slot_no slot);
/* Drops those of the versions that show a changed slot. */
void lens_raw_drop(const struct lens *l, struct record *rec, const struct slotset *changed);
int lens_raw_set(struct lens *l, const struct version *v, const struct shape *s,
                 struct record *rec, struct span key, struct span text, struct err *e);
/* memory and basis bytes: formula id, value, inputs */
struct remembered {
    uint64_t id;
    struct span value;  /* p == NULL = unset */
    struct span inputs; /* encoded, comparable byte by byte */
};
static inline uint64_t formula_id(const struct formula *f)
{
    return (uint64_t)f->step * 2 + f->dir;
}
/* In the id of a memory: no writer had decided the value that was hidden. */
#define REMEMBERED_UNDECIDED (UINT64_C(1) << 33)
static inline bool remembered_by(const struct remembered *m, uint64_t id)
{
    return (m->id & ~REMEMBERED_UNDECIDED) == id;
}
bool remembered_read(struct span bytes, struct remembered *ret);
/* The memory of a slot that the formula hid, or NULL. */
struct entry *remembered_find(const struct record *r, slot_no slot, uint64_t id, struct remembered *ret);
struct span remembered_write(struct lens *l, const struct remembered *m);
struct span inputs_encode(struct lens *l, const struct span *inputs, size_t n);
/* The n of them, in the arena; those that damaged bytes lack are unset. */
int inputs_decode(struct lens *l, struct span bytes, size_t n, const struct span **ret, struct err *e);
/* now: what the output was, and the inputs then. Where it showed nothing, what the formula hid counts. */
int kept_part(struct lens *l, const struct record *r, const struct formula *f, struct remembered now,
              struct kept *ret, struct err *e);

/* ---- lens_work.c ---- */
struct work {
    struct lens *l;
    struct view vw;
    const struct shape *s; /* what the writer sees: its slots are never computed */
    const struct group *g;
    struct span key;
    bool create;
    struct record old, r; /* flat; old is empty when create */
    struct slotset changed, pinned, reached;
    struct slotset crossed; /* links, by step */
    const unsigned char *path; /* by version number: on the way from v to the root */
    const struct record *names; /* whose keys the item has now; NULL: old's */
    bool follows; /* nobody writes the item: what stands in another one is another (work_follow) */
    uint32_t since; /* names != NULL: links of later steps go on from what the item is now, not from old */
};
int work_begin(struct work *w, struct lens *l, struct view vw, const struct shape *s,
               uint32_t group, struct span key, const struct record *cur, struct err *e);
/* A writer decided what a linked formula computes its output from, which is not computed from that itself. */
bool work_gives(const struct group *g, const struct record *r, const struct formula *f);
/* A writer decided the slot: itself, or one that a linked step shows it by. seen: the shape of a write
 * in progress, or NULL. without: the step that the question comes from. */
bool work_is_decided(const struct group *g, const struct record *r, const struct shape *seen,
                     slot_no slot, uint32_t without);
/* What a seeded formula computes is a writer's already (I5); also the one's who now sees seen, or
 * NULL. */
bool work_seed_is_decided(const struct group *g, const struct record *r, const struct shape *seen,
                          const struct formula *f);
/* What is computed in the slot is a writer's from now on. */
int work_decide_entry(struct record *r, slot_no slot, struct err *e);
/* Fields that steps after `from` and up to `upto` removed with a `down`: that is for items made since, an
 * item that was there keeps what it has. */
int work_keep_removed(const struct group *g, uint32_t from, uint32_t upto, struct record *r,
                      struct err *e);
/* A writer's value (p == NULL = unset) for a slot. */
int work_set(struct work *w, slot_no slot, struct span stored, struct err *e);
int work_propagate(struct work *w, struct err *e);
/* Folds, sets the generation, hands the record over. */
int work_finish(struct work *w, struct record *ret, struct err *e);
void work_free(struct work *w);
#define WORK_CLEANUP __attribute__((cleanup(work_free)))

/* A computed value for a slot; it counts as changed when it is another. */
int work_store(struct work *w, slot_no slot, enum entry_kind kind, struct span value,
               struct err *e);
/* r's slots in `changed` were refreshed over link lk; before: as they were. What older steps compute
 * from them follows. */
int work_follow(struct lens *l, const struct link *lk, struct span key, const struct record *before,
                const struct slotset *changed, struct record *r, struct err *e);
/* What only finalized versions knew goes. */
void work_drop_dead(const struct catalog *c, struct record *r);

/* ---- lens_link.c, lens_own.c ---- */
/* lk->here[i] as the old side of the link shows it (of inline_type: the new side).
 * *ret_is_own: it is the record's own value, and nothing was looked up. */
int link_slot(const struct sight *s, const struct link *lk, size_t i, struct span *ret,
              bool *ret_is_own, struct err *e);
/* What the target holds, over the reference in the record. */
int link_across(const struct sight *s, const struct link *lk, size_t i, struct span *ret,
                struct err *e);
/* The link's fields, as stored, in the forms that an extraction needs. stored: lk->n values, kept as
 * they are. */
int link_values(struct lens *l, const struct version *v, const struct link *lk,
                const struct span *stored, struct link_values *ret, struct err *e);
/* Comparable bytes of the link's fields in a flat record. */
int link_values_same(struct lens *l, const struct version *v, const struct link *lk,
                     const struct record *r, struct span *ret, struct err *e);
/* The sight's record is flat; r: the same, as it will be stored. */
int link_fold(const struct sight *s, const struct link *lk, struct record *r, struct err *e);
/* move_field, of a record that is about to be unfolded into r: the own value of an era that is over
 * is remembered. */
int link_put_aside(const struct sight *s, const struct link *lk, struct record *r, struct err *e);
/* move_field: what the holder shows now, r: the same, about to be folded, is its own from now on where the target shows
 * others another value. */
int link_hold(const struct sight *s, const struct link *lk, struct record *r, struct err *e);
/* Of a link that is retired: its fields stand in the record from now on. */
int link_retire(struct lens *l, const struct link *lk, struct record *r, struct err *e);
/* extract_type: the old side was written. */
int link_extract_forward(struct work *w, const struct link *lk, struct err *e);
/* extract_type: w begins with what the item was before; what it is by now refers to another record, and comes
 * back to that one with its values. */
int link_leave(struct work *w, const struct link *lk, struct record *now, struct err *e);
/* move_field: the old side was written (touched: the field itself); the new side was. */
int link_move_forward(struct work *w, const struct link *lk, bool touched, bool ref_changed,
                      struct err *e);
int link_move_backward(struct work *w, const struct link *lk, struct err *e);
/* inline_type: the new side was written. */
int link_inline_backward(struct work *w, const struct link *lk, struct err *e);
/* move_field: a write that comes over the link to the target. Before it: does a value that is there
 * give way to that of this holder? And after it; values: as lens_assign's. */
int link_yields(struct work *w, const struct link *lk, struct span holder_key, bool *ret,
                struct err *e);
/* No write has left anything there yet, over the link: at most items that were brought up to date have. */
bool link_is_unwritten(const struct link *lk, const struct record *target);
int link_mark(struct work *w, const struct link *lk, const struct span *values, bool only_unset,
              bool yields, struct err *e);

/* ---- lens_before.c ---- */
/* Can what a write of this type leaves depend on the writes before it? */
bool before_matters(const struct lens *l, const struct version *v, const struct shape *s);
/* The item before the version and shape that wrote it last (*ret_writer, as of raw_slot) began to, as
 * it was stored. *ret_is = false: it is not known. */
int before_read(struct lens *l, const struct record *cur, slot_no *ret_writer, struct record *ret,
                bool *ret_is, struct err *e);
/* rec, about to be stored, gets what it was; always: also where that is the same. */
int before_keep(struct lens *l, slot_no writer, const struct record *before, bool always,
                struct record *rec, struct err *e);
/* w: a text laid over the item as it is, cur. ret: what it makes of the item as it was (brought holds that;
 * w has to outlive it). *ret_is = false: another has taken by now what it had then, or has changed what the
 * writes since left in other items; then nothing has been done. */
int before_resume(struct work *w, const struct record *cur, const struct record *before,
                  struct record *brought, struct work *ret, bool *ret_is, struct err *e);
/* *ret: its last text, laid over that again, makes the item what it is: where a formula looks for an item by
 * its key, that may be another by now, and the run is over. */
int before_replays(const struct work *w, const struct record *cur, const struct record *before, bool *ret, struct err *e);
/* Is what an item of the group had then, and has not now, still there, and nobody else's? */
int before_still_there(struct lens *l, const struct group *g, const struct record *then,
                       const struct record *now, bool *ret, struct err *e);

/* ---- lens_elsewhere.c ---- */
/* Does a write of the group's items leave something in others? */
bool elsewhere_matters(const struct group *g);
/* A write of an item of the group begins: other items are noted as it finds them, before it writes them,
 * while elsewhere_open says so. Does nothing where no link leads to others. */
int elsewhere_begin(struct lens *l, const struct group *g, uint32_t coll, struct span key, struct err *e);
/* Is it the write itself that goes on (and not what is brought up to date on its way)? Returns what was so
 * before. */
bool elsewhere_open(struct lens *l, bool open);
/* The item is about to be written over the link, or has been made by it. */
int elsewhere_note(struct lens *l, const struct link *lk, uint64_t id, struct err *e);
int elsewhere_made(struct lens *l, const struct link *lk, uint64_t id, struct err *e);
/* Another item's record, which a write has come to over a link and changed, or not (then cur has its bytes, but for
 * the signature of who changed it last, or came to it since, which *ret_other says is another's). cur: NULL = it is made. v: the
 * link's version. */
int elsewhere_sign(struct lens *l, const struct version *v, const struct record *cur, bool changed,
                   struct record *ret, bool *ret_other, struct err *e);
bool elsewhere_is_open(const struct lens *l);
/* The same of one that gets the value of an item which is brought up to date, and that no write left anything in over
 * that link: nobody writes it. */
int elsewhere_keep_sign(const struct record *cur, struct record *ret, struct err *e);
/* Another item's write was the last that left something in it. A write of its own ends that, whatever it changes. */
bool elsewhere_is_signed(const struct record *r);
/* A hash of what the item shows over its links, of steps up to one, after the write; and before all of the run: w->old. */
int elsewhere_shown(struct work *w, uint32_t upto, uint64_t *ret, struct err *e);
struct taken_back {
    bool any;            /* the item has such a hash */
    uint64_t shown, now; /* it, and that of what the item shows now */
    uint32_t upto;
};
/* What the write before left, as cur's record has it, is taken back. w->old: what cur is now. *ret_is = false:
 * somebody has changed it since; what was done until then is undone by lens_undo. */
int elsewhere_take_back(struct work *w, const struct record *cur, struct taken_back *ret, bool *ret_is, struct err *e);
/* w->old: the item as it was before the run. *ret_is = false: by now it would show something else over its links, or
 * what it is shows something else than its writer left: others have written it there. */
int elsewhere_unchanged(struct work *w, const struct taken_back *back, bool *ret_is, struct err *e);
bool elsewhere_is_taken_back(const struct lens *l, uint64_t id);
/* rec, about to be stored, gets what it shows over its links, and what its write left elsewhere. */
int elsewhere_keep(struct lens *l, slot_no writer, uint64_t shown, struct record *rec, struct err *e);

/* ---- lens_check.c ---- */
/* record_value; base may be NULL. */
static inline struct span base_value(const struct record *base, slot_no slot)
{
    const struct entry *en = base ? record_get(base, slot) : NULL;
    return en && en->bytes.n ? en->bytes : (struct span){0};
}
/* "_key" is the item's name in JSON Lines, and no field. */
static inline bool is_key_member(const struct json_node *m, bool line)
{
    return line && span_eq(m->name, span_of("_key"));
}
/* The text as a tree, when the text alone shows nothing wrong. */
int lens_parse_item(struct lens *l, const struct version *v, const struct shape *s,
                    struct span text, bool line, const struct record *base,
                    struct json_node **ret, struct err *e);
/* Every check holds, or did not hold in base either. */
int lens_run_checks(struct lens *l, const struct version *v, const struct shape *s,
                    struct span key, const struct record *rec, const struct record *base,
                    struct err *e);

/* ---- lens_lay.c ---- */
/* A new value for a slot; equal to what stands there, it decides the slot and changes nothing. */
int work_decide(struct work *w, slot_no slot, struct span stored, struct err *e);
/* Does the value refer to a record that is not made yet? */
int lens_foresees(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                  bool *ret, struct err *e);
/* The members of a JSON object laid over the record in w: the difference to base. */
int work_lay(struct work *w, const struct json_node *object, const struct record *base,
             const struct json_node *shown, struct err *e);

#endif
