/* What the steps mean, written plainly and apart from the engine: the oracle of model_run.c.
 *
 * A node is a type after one step: a list of fields. The nodes of a type form a tree: the next
 * version goes on from one, a sibling of it or a copied type goes on from the same one again. A
 * field that a step leaves as it is is the same on both sides, and has the same number. An item is
 * a value, or none, for each number. A write changes the fields that its node shows; what follows
 * from them is computed by the rules that the steps left, first back to the root, then forward
 * everywhere else. Nothing is computed at reading.
 *
 * A rule that converts reads a field that is unset as none; any other reads its default.
 *
 *   linked     a field follows from fields of the other side. What it showed before, and would not
 * have been computed, is remembered with the values it was shown under, and shown again when those
 * return seeded     a field follows from others until somebody decides it computed   a field always
 * follows from others
 *
 *   over       a field stands in the item that a reference leads to: a record of the values, found or made
 * (extract_type), what is inlined, or has moved there (model_move.c); a write of that item is carried over the rules
 * of all that refer to it
 *
 * Values are JSON texts, NULL = none. Not modelled: see docs/testing.md. Threads: none. Out of
 * memory ends the program. */
#ifndef PROPERTY_MODEL_H
#define PROPERTY_MODEL_H

#include "schemas/buf.h"

#define MODEL_NODES  64
#define MODEL_FIELDS 16
#define MODEL_RULES  8
#define MODEL_IDS    200
#define MODEL_VALUES 8
#define MODEL_SHOWN  6
#define MODEL_ITEMS  100

enum m_kind {
    M_RENAME_TYPE,
    M_ADD_TYPE,
    M_REMOVE_TYPE,
    M_COPY_TYPE,
    M_COPY_TYPE_OWN, /* with a field of its own */
    M_RENAME_FIELD,
    M_REORDER,
    M_ADD,
    M_ADD_UP,
    M_REMOVE,
    M_REMOVE_DOWN,
    M_RESTORE,
    M_DEFAULT,
    M_COMPUTE,
    M_REQUIRE,
    M_RELAX,
    M_RETYPE, /* another text */
    M_TO_INT,
    M_WIDEN, /* to a string, by the built-in conversion */
    M_WRAP,
    M_UNWRAP,
    M_MAP,
    M_SPLIT,
    M_MERGE,
    M_NEST,
    M_UNNEST,
    M_TRANSFORM,
    M_TRANSFORM_UP, /* without `down` */
    M_ADD_VALUE,
    M_REMOVE_VALUE,
    M_RENAME_VALUE,
    M_ADD_UNIQUE,
    M_REMOVE_UNIQUE,
    M_ADD_CHECK,
    M_REMOVE_CHECK,
    M_CHANGE_KEY,
    M_SPLIT_TYPE,
    M_MERGE_TYPES,
    M_ADD_REF, /* to a type that there is */
    M_EXTRACT, /* a, and b where there is one */
    M_INLINE,  /* a: the reference; from: fields there, to: here */
    M_MOVE,    /* a: the reference, b: the field; to: its name there; then: the node of the type referred to */
    M_ADD_OBJECT, /* a type of objects inside items */
    M_ADD_INSIDE, /* a field of objects; then: the node of their type */
    M_KINDS,
    M_PART = M_KINDS, /* what M_SPLIT_TYPE's node goes on as */
    M_MERGED,         /* of M_MERGE_TYPES: the second type's items */
    M_MOVED,          /* of M_MOVE: the type that gets the field; then: the node of the one that had it */
    M_ALL_KINDS
};

enum m_many { M_ONE, M_LIST_OF, M_MAP_OF }; /* objects inside (model_inside.h) */
enum m_on_delete { M_RESTRICTS, M_UNSETS, M_CASCADES };

struct m_step {
    enum m_kind kind;
    const char *a, *b, *c; /* names of fields (of a type, a value: b), as the kind wants them */
    const char *def;       /* M_ADD, M_DEFAULT: JSON text, NULL = none */
    unsigned expr, expr2;  /* functions of one field: forward, or the only one; backward */
    const char *from[MODEL_VALUES], *to[MODEL_VALUES]; /* values that stand for others, fields for fields */
    const char *into;                                  /* M_EXTRACT: the new type */
    size_t n;
    enum m_on_delete on_delete; /* M_ADD_REF */
    enum m_many many; /* M_ADD_INSIDE */
    size_t then; /* M_RESTORE: the node that has the field; M_ADD_REF, M_INLINE: of the type referred to;
                  * M_MERGE_TYPES: the second type; M_MERGED: the first one's node */
};

enum m_type { M_TEXT, M_INT, M_ENUM, M_LIST, M_OBJECT, M_REF, M_INSIDE };
struct m_field {
    const char *name;
    enum m_type type;
    size_t id;
    bool read_only, required, checked, unique;
    bool tag;    /* says of which type an item is */
    bool seeded; /* it is, or what it follows from */
    bool old;    /* every older node shows it, or what it follows from */
    const char *def;
    const char *members[2]; /* of an object */
    size_t refers;          /* of a reference, of objects inside: the line of the type */
    enum m_many many;       /* of M_INSIDE */
    enum m_on_delete on_delete; /* of a reference */
};

typedef const char *m_fn(struct arena *a, const struct m_step *s, const char *const *in,
                         const char *prev);
/* M_FIND: the record of the inputs' values, found or made. M_GIVE: the inputs are written there. M_PUT, M_COME:
 * model_move.c; the first has no output of its own. */
enum m_over { M_HERE, M_FIND, M_READ, M_GIVE, M_PUT, M_COME };
enum m_mode { M_LINKED, M_SEEDED, M_COMPUTED };
struct m_rule {
    bool forward;
    enum m_mode mode;
    size_t out, in[2], n_in;
    const char *def[2]; /* what an input reads while it is unset */
    m_fn *fn;
    bool key;    /* what it gives is a key (model_names.c) */
    size_t like; /* then: the other side's */
    const struct m_merged *merged; /* it is called so among the items of several types */
    size_t rank;                   /* and of these its own is this one */
    bool settled;                  /* finalize took the step: nobody gives way any more */
    const struct m_sides *inside; /* fields hold objects: model_inside.h; NULL: none does */
    enum m_over over; /* not M_HERE: in place of the function */
    size_t there;     /* M_READ: the field of the item that the input refers to */
};

/* Fields of an item that stand in the item that it refers to. */
#define MODEL_LINKED 2
struct m_link {
    bool is, inlined; /* inlined: the reference is on the old side */
    size_t moved;     /* by move_field, which has the reference on both sides: the how manieth of these; 0: not so */
    size_t root, node; /* of the items referred to, and how they are written */
    size_t ref, here[MODEL_LINKED], there[MODEL_LINKED], n;
};

/* Types that are one since a step. */
struct m_merged {
    size_t root[2];
    const char *name[2];
};

struct m_node {
    char type[16];
    bool object; /* of objects inside items */
    int from;    /* -1: the type begins here */
    size_t root; /* where it began */
    size_t line; /* the same, but a copy begins a type of its own */
    size_t key;  /* where its keys are */
    const char *part;       /* of a part: its name, as it stands in: */
    size_t parts, whole;    /* the part that an item is in, and the line of the whole type */
    size_t also;     /* of a type that was merged: the node of the second type's items; 0 = none */
    const char *tag; /* then: what the tag says of this node's items */
    const struct m_merged *merged;
    struct m_field f[MODEL_FIELDS];
    size_t n;
    const char *values[MODEL_VALUES]; /* of the enum */
    size_t n_values;
    struct m_step step;
    struct m_rule rules[MODEL_RULES];
    size_t n_rules;
    struct m_rule namers[2]; /* of keys, parts and tags: for new items also after finalize */
    size_t n_namers;
    struct m_link link;
};

/* The nodes that a version shows, and those that its steps made: [first, end). */
struct m_shows {
    size_t node[MODEL_SHOWN], n, first, end;
};

struct m_memory {
    bool is;
    const char *value, *under[2];
};
/* Of fields that are inlined: what the item refers to while it has none of them, and whether what it refers to
 * now, or did before (memory), was made for it. */
struct m_alone {
    bool is, made, had_made;
    const char *ref;
};
/* Of each move_field. A holder's value, of that target and era; the target's era, of which it had this value. */
#define MODEL_MOVES 4 /* and one that is none */
struct m_moved {
    struct m_own {
        bool is;
        unsigned to, era;
        const char *value;
    } own, left, alone;
    struct m_era {
        unsigned n; /* 0: there was none yet */
        const char *value, *shown;
    } era;
};
struct m_item {
    size_t root;
    unsigned number; /* no other item has it, or gets it later */
    bool made;       /* from values alone: not there while nothing refers to it */
    unsigned signer; /* the number of the item whose write was the last to change it over a reference; 0: no such was */
    const char *v[MODEL_IDS];
    bool decided[MODEL_IDS];
    struct m_memory memory[MODEL_NODES][MODEL_RULES];
    struct m_alone alone[MODEL_NODES];
    struct m_moved moved[MODEL_MOVES + 1];
};

/* What a write of an item left in another one. */
struct m_left {
    unsigned number;
    struct m_item *was; /* before all such writes in a row; NULL: made by it */
    bool wrote;         /* it changed something */
};
#define MODEL_LEFT 8

/* Versions whose writes follow one another each lay theirs over what the item was when they began. */
struct m_before {
    size_t writer; /* 0: nobody */
    struct m_item it;
    struct m_left left[MODEL_LEFT]; /* by the last of the writes */
    size_t n_left, known, since;    /* known: nodes that there were, since: when it began */
    const char *held[MODEL_MOVES + 1]; /* by what it referred to, and in which era */
    unsigned eras[MODEL_MOVES + 1];
    const char *shown[MODEL_IDS];   /* by the item then */
    const char *showed[MODEL_IDS];  /* by the item as it was before */
};

/* Of the write in progress. */
struct m_journal {
    unsigned writer; /* the item's number; 0: none is */
    struct m_left left[MODEL_LEFT];
    size_t n;
};

struct model {
    struct arena *a;
    struct m_node nodes[MODEL_NODES];
    size_t n, n_ids;
    bool nameless[MODEL_IDS]; /* keys that no version shows any more */
    bool dead[MODEL_IDS];     /* fields that finalize took: what they refer to need not be there */
    size_t known;  /* nodes that there are by now */
    size_t oldest; /* the version that was finalized last */
    struct m_item **objects; /* inside items, all that were ever made */
    size_t n_objects;
    struct m_item items[MODEL_ITEMS];
    struct m_before before[MODEL_ITEMS];
    size_t n_items;
    unsigned n_numbers;
    struct m_journal journal;
    unsigned spares[MODEL_LEFT]; /* items that the write before made, to be made anew or to go */
    unsigned returned[MODEL_LEFT]; /* those that are what they were before it */
    size_t n_spares, n_returned;
};

/* ---- model_fn.c ---- */
/* SQL with %s for the field, and the same in C. */
extern const char *const m_expr_sql[];
extern m_fn *const m_exprs[];
extern const size_t n_m_exprs;
#define M_CHECK_MAX 4 /* a check: texts are shorter */
m_fn m_fn_same, m_fn_first, m_fn_rest, m_fn_join, m_fn_bar, m_fn_before_bar, m_fn_after_bar,
    m_fn_wrap, m_fn_head, m_fn_map, m_fn_map_back, m_fn_down, m_fn_else, m_fn_to_int, m_fn_to_text,
    m_fn_cast_text, m_fn_fits_int, m_fn_fits_enum, m_fn_mend, m_fn_nest, m_fn_member_a,
    m_fn_member_b;
bool m_fails_check(const char *value);

/* ---- model_parts.c ---- */
/* SQL with %s for the field. */
extern const char *const m_condition_sql[];
extern const size_t n_m_conditions;
/* step: n parts of the names from[], the last one else; the others' conditions are expr over a, and expr2 over b. */
m_fn m_fn_part;
const char *m_part_text(struct arena *a, const char *name);

/* ---- model_merged.c ---- */
/* The node of the item's own type, of the types that the node shows; MODEL_NODES = it shows none such. */
size_t m_node_for(const struct model *m, size_t node, const struct m_item *it);
/* The node of the second type's items, where it is one of a merged type; else itself. */
size_t m_also(const struct model *m, size_t node);
/* That which the text says a new item is of; MODEL_NODES = of none. */
size_t m_node_tagged(const struct model *m, size_t node, const char *const *values);
bool m_tag_stays(const struct m_node *n, const char *const *values);
m_fn m_fn_tag;
size_t m_rank(const struct m_merged *merged, size_t root);
/* Another item that is called as this one is by a merged type, and gives way. */
struct m_item *m_rival(struct model *m, const struct m_item *it);

/* ---- model_links.c ---- */
/* The value of a reference, which stays the same whatever its item is called. */
const char *m_ref(struct arena *a, const struct m_item *it);
struct m_item *m_numbered(struct model *m, unsigned long number); /* NULL: there is none */
struct m_item *m_referred(struct model *m, const char *value);    /* NULL: to nothing */
/* The node of a type, or of a part of it, among those of a version. */
size_t m_node_of_line(const struct model *m, const struct m_shows *beside, size_t line);
/* As a text shows it. */
const char *m_ref_text(struct model *m, const struct m_shows *beside, const struct m_field *f, const char *value);
/* What a writer means by the text: NULL = there is no such item. had: what the item has there. */
const char *m_ref_taken(struct model *m, const struct m_shows *beside, const struct m_field *f, const char *text,
                        const char *had);
/* The own key of a new item, like that of another type's. */
const char *m_free_key_like(struct model *m, size_t node, const char *own);
/* All that the item refers to is there. */
bool m_refs_stand(struct model *m, const struct m_item *it);
/* An item and those that go with it when it is deleted. by: what fields that refer to it and others say, -1 = no
 * version that is served shows the field. */
struct m_going {
    bool is[MODEL_ITEMS]; /* by their places */
};
void m_find_going(struct model *m, const struct m_item *it, const int by[MODEL_IDS], struct m_going *ret);
/* One of them is referred to by another item, over a field that says so. */
bool m_is_held(struct model *m, const struct m_going *g, const int by[MODEL_IDS], int says);
/* Somewhere the item is referred to by another one; by: over those fields only, NULL = any. */
bool m_is_referred_to(const struct model *m, const struct m_item *it, const bool by[MODEL_IDS]);
/* Records that were made from values alone are gone when nothing refers to them any more. */
void m_purge(struct model *m);
/* What a rule over a reference comes to. Records are made on the way. */
const char *m_over_value(struct model *m, size_t node, const struct m_rule *r, const char *const *in);
int m_compare_keys(const char *a, const char *b); /* with the quotes */
/* The reference still leads to an item of those values, or is null. */
bool m_still_shows(struct model *m, size_t node, const char *ref,
                   const char *const *values);

/* ---- model_move.c ---- */
/* What a holder shows of the field now, whoever was written. */
const char *m_move_value(struct model *m, const struct m_link *l, const struct m_item *it);
/* A holder is about to be written, and has been. */
void m_move_begin(struct model *m, struct m_item *it);
void m_move_end(struct model *m, struct m_item *it);
/* The field is given another value; by: NULL = by its writer. */
void m_move_forget(const struct model *m, struct m_item *it, size_t id, const struct m_rule *by);
/* A node of a holder comes: all give their targets what they have. */
void m_move_step(struct model *m, size_t to);
/* The era of what the item refers to, 0 = none; ret: the value there. */
unsigned m_move_era(struct model *m, const struct m_link *l, const struct m_item *it, const char **ret);

/* ---- model_elsewhere.c ---- */
/* The item of that number is written from now on: others, before it writes them over a reference, are noted as they are. */
void m_elsewhere_begin(struct model *m, unsigned writer);
void m_elsewhere_note(struct model *m, const struct m_item *it);
void m_elsewhere_wrote(struct model *m, struct m_item *it, bool changed);
void m_elsewhere_made(struct model *m, struct m_item *it);
/* And that is left. b: NULL = the item is new. */
void m_elsewhere_end(struct model *m, const struct m_item *it, struct m_before *b);
/* Nobody else has changed what the last write left, nor counts on it. */
bool m_elsewhere_stands(struct model *m, const struct m_item *it, const struct m_before *b);
void m_elsewhere_take_back(struct model *m, const struct m_item *it, struct m_before *b);
/* All items as they are, to return to. */
struct m_state;
struct m_state *m_state_keep(const struct model *m);
void m_state_return(struct model *m, const struct m_state *s);
void m_state_drop(struct m_state *s); /* NULL is fine */
/* Of what the item was, it refers to another record of values that are the same: one has got them since. */
bool m_finds_another(const struct model *m, const struct m_item *was, const struct m_item *now);
/* It was, at the beginning of this write. */
bool m_elsewhere_is_taken_back(const struct model *m, const struct m_item *it);
/* One to be made anew; NULL = none. At the end of the write the others go. */
struct m_item *m_elsewhere_spare(struct model *m, size_t root);
void m_elsewhere_drop_spares(struct model *m);

/* ---- model_names.c ---- */
/* SQL with %s for the field, and the same in C: of the field, of the key before it (or after it), or of both. */
struct m_key_expr {
    const char *sql;
    m_fn *fn;
    bool field, key;
};
extern const struct m_key_expr m_key_exprs[];
extern const size_t n_m_key_exprs;
m_fn m_fn_key_up, m_fn_key_down;
const char *m_key_plain(const char *value, const char *like);
/* r: it says whose name it is to be. The first of key, key~2, ... that no other item is called, where one of a
 * type that was merged later tries key~TYPE, key~TYPE~2, ... */
const char *m_key_free(struct model *m, const struct m_item *it, const struct m_rule *r, const char *key);
/* Shown or not. */
bool m_key_is_taken(const struct model *m, size_t node, const char *key);
bool m_keys_stand(const struct model *m, const struct m_item *then, const struct m_item *now);

/* ---- model_step.c ---- */
const struct m_rule *m_rule_giving(const struct m_node *n, size_t id); /* backward; NULL = none */
/* The node after `from` (M_ADD_TYPE: without one). */
void model_step(struct model *m, size_t from, const struct m_step *step);
int m_field_at(const struct m_node *n, const char *name); /* -1 = none */
bool m_has_id(const struct m_node *n, size_t id);
/* A node comes from the other, or is it. */
bool m_descends(const struct model *m, size_t node, size_t from);

/* ---- model.c ---- */
/* An item that is made by what its fields are, in the order of the node's. */
struct m_item *m_make(struct model *m, size_t node, const char *key, const char *const *values);
/* The same in the place of one that was made so. */
void m_make_anew(struct model *m, size_t node, struct m_item *it, const char *const *values);
/* The next node comes: its items are carried over. */
void model_next(struct model *m);
/* The next node never comes. */
void model_skip(struct model *m);
void model_remove(struct model *m, struct m_item *it);
/* The same by somebody: all that go, and what refers to them from others becomes unset. shown: the nodes of versions
 * that are not gone, the oldest first. */
void model_delete(struct model *m, const struct m_going *g, const size_t *shown, size_t n);
/* Shown under that key; NULL = none. */
struct m_item *model_item(struct model *m, size_t node, const char *key);
bool model_shows(const struct model *m, size_t node, const struct m_item *it);
/* Under another key of the node's, or in that part, or both. No other item may be called that. */
void model_rename(struct model *m, size_t node, struct m_item *it, const char *key);
/* Writes an item: a text that gives each field `values[i]`, NULL = is left out. Read-only fields
 * are not looked at. beside: what the version shows. writer: a version and its type, not 0. false: a check refuses it, or a reference to
 * nothing, and nothing has changed. */
bool model_write(struct model *m, size_t writer, const struct m_shows *beside, size_t node,
                 const char *key, const char *const *values);
/* One line, as in TYPE.jsonl. */
void model_line(struct model *m, const struct m_shows *beside, size_t node, const struct m_item *it,
                struct buf *out);

/* ---- model_final.c ---- */
/* Of the steps that are gone, and of those of the version that begins now, only computed fields go
 * on; of the former those that are shown. By node. */
struct m_final {
    size_t oldest; /* the version that begins now */
    bool gone[MODEL_NODES], begins[MODEL_NODES], shown[MODEL_NODES];
};
void model_finalize(struct model *m, const struct m_final *f);

#endif
