/* The compiled schema: what one version's YAML file becomes.
 *
 * Kinds of identifiers, none of them ever reused within a store:
 *   slot        the number under which one field's value stands in a stored record. A field keeps
 *               its slot through every step that changes no value (rename, reorder, relax, ...);
 *               a step that computes values gives its new side slots of its own.
 *   shape id    one item type, object or enum through all versions and names it has. A copy is a
 *               new shape.
 *   coll        a collection: the set of stored items that one or more item types show
 *               (copy_type: two shapes on one collection).
 *   step id     numbers steps over all versions in the order in which they were added; a record's
 *               generation (record.h) is the last step id whose values it already holds.
 *   version number  1..4095, carried in inode numbers.
 *
 * A version is immutable once compiled, owned by reference count, everything in it lives in its
 * arena. Threads: any number may read one. */
#ifndef SCHEMAS_SCHEMA_H
#define SCHEMAS_SCHEMA_H

#include <stdatomic.h>

#include "buf.h"
#include "err.h"

typedef uint32_t slot_no;
#define SLOT_NONE   0u
#define SLOT_EXTRA  1u  /* an open type's keys that are in no field: canonical text of one object */
#define SLOT_KEY    2u  /* pseudo: the item's own key; never stored in a record, but for its memory */
#define SLOT_FIRST  16u

#define VERSION_MAX_NUMBER 4095u
#define SHAPES_MAX         4095u
#define FIELDS_MAX         2048u

enum base_type {
    T_STRING, T_INTEGER, T_NUMBER, T_BOOLEAN, T_TIMESTAMP, T_DATE, T_UUID, T_BYTES, T_JSON,
    T_LIST, T_MAP, T_REF, T_OBJECT, T_ENUM
};

struct type_ref {
    enum base_type base;
    const struct type_ref *elem; /* T_LIST, T_MAP: of what; else NULL */
    uint32_t shape;              /* T_REF, T_OBJECT, T_ENUM: shape id; else 0 */
};

enum on_delete { ON_DELETE_RESTRICT, ON_DELETE_UNSET, ON_DELETE_CASCADE };

struct field {
    const char *name;
    const char *description;     /* NULL = none */
    const struct type_ref *type;
    slot_no slot;
    bool required, unique, read_only; /* read_only: compute_field */
    enum on_delete on_delete;    /* of a ref */
    struct span def;             /* default as canonical JSON text at depth 1; p == NULL = none */
    const char *check;           /* SQL over the shape's fields, NULL = none */
    unsigned line;               /* where it was defined in this version's file; 0 = inherited */
};

enum shape_kind {
    SHAPE_ITEM,
    SHAPE_OBJECT,
    SHAPE_ENUM,
    SHAPE_PARTS /* all parts of a type that was split, for references: no directory, no fields */
};

struct unique_set {
    uint32_t id;                 /* step id or slot that made it; names its index */
    const slot_no *slots;
    size_t n;
    unsigned line, column;       /* of the step that made it, in its version's file; 0 = no step */
};

struct shape {
    enum shape_kind kind;
    uint32_t id, coll;           /* coll: items only, else 0 */
    uint32_t origin;             /* copy_type, split_type: the type that it was made from, else 0 */
    slot_no key;                 /* items: where the key that this type shows stands; SLOT_NONE: it
                                    is the item's own (change_key) */
    uint32_t space;              /* the name space of those keys; 0: the collection's own */
    slot_no part, fit;           /* split_type: where the part stands in which an item is, and the
                                    one that the conditions give; SLOT_NONE: the type is no part */
    struct span part_name;       /* what stands there of this type's items; JSON text */
    uint32_t set;                /* the number of the set of items shown; 0: the whole collection */
    const uint32_t *colls;       /* merge_types: all collections of which items are shown, coll */
    size_t n_colls;              /* first; 0: coll alone */
    const uint32_t *merged;      /* the types that these were before, by id */
    slot_no tag;                 /* and the field that says of which */
    const struct span *tags;     /* its values, in order of colls; JSON text */
    const char *name, *description;
    struct field *fields;        /* in schema order */
    size_t n_fields;
    bool open;
    const char **checks;         /* checks over several fields (add_check) */
    size_t n_checks;
    struct unique_set *uniques;  /* add_unique, and one for each `unique: true` field */
    size_t n_uniques;
    const char **values;         /* enum */
    size_t n_values;
};

/* ---- What value steps leave behind ---- */

enum formula_dir { FORMULA_FORWARD, FORMULA_BACKWARD };
enum formula_mode {
    FORMULA_LINKED,   /* recomputed whenever an input changed; what it hid is remembered */
    FORMULA_SEEDED,   /* computed until somebody writes the field itself */
    FORMULA_COMPUTED  /* always; the field is read-only */
};

/* A formula that gives a key. What it gives is made legal, and `~2` when it is taken. */
struct key_rule {
    uint32_t space;              /* the name space, in which a key stands once */
    slot_no like;                /* the key that stands in when it gives none */
    /* merge_types: */
    const char *suffix;          /* behind a key that is taken, before ~2; NULL = none */
    const uint32_t *colls;       /* all that the name space holds items of, in order of precedence: */
    size_t n_colls, rank;        /* what an earlier one's item is called is not free for a later one's */
};

struct formula_input {
    const char *name;            /* as the expression calls it */
    slot_no slot;                /* for _key: where the type's keys stand, or SLOT_KEY */
    const struct type_ref *type; /* T_STRING for _key */
    struct span def;             /* what it reads while it is unset, as def of struct field */
    bool shown;                  /* likewise of objects inside: with the defaults that they show */
};

struct formula;
/* A formula written in C. inputs[i] is the JSON text (canonical, depth 1) of formula->inputs[i],
 * p == NULL when unset. prev is the output's present text (p == NULL = unset), for functions that
 * keep a part of it. Sets *ret_set and, when set, appends canonical JSON text (depth 1) to out.
 * Total: for any input of the declared types it answers a value of the output's type or unset.
 * -1 only for no memory. */
typedef int (*formula_fn)(const struct formula *f, const struct span *inputs, struct span prev,
                          struct buf *out, bool *ret_set, struct err *e);

struct formula {
    uint64_t uid;                /* unique in the process: caches are keyed by it */
    uint32_t step;               /* step id */
    enum formula_dir dir;
    enum formula_mode mode;
    uint32_t shape;              /* the shape whose record it works in (item or object) */
    uint32_t coll;               /* the collection of its items, 0 = an object; */
    const uint32_t *colls;       /* over a merged type, all of its collections */
    size_t n_colls;
    slot_no out;
    const struct type_ref *out_type;
    const char *out_name;
    struct span mend;            /* stands in when the result is NULL or does not fit out_type:
                                    canonical JSON text; p == NULL = unset */
    bool is_part;                /* it gives a part (split_type), which is never unset */
    const char *check;           /* the field's own check, when it reads the field alone: what makes
                                    it false does not fit either; NULL = none */
    uint64_t check_uid;
    bool checked_inside;         /* the same for objects in out_type */
    const struct formula_input *inputs;
    size_t n_inputs;
    const char *sql;             /* either an SQL scalar expression ... */
    const char *fails;           /* (asked only where this condition over the inputs is false; elsewhere the */
    uint64_t fails_uid;
    size_t kept;                 /* result is this input as it stands, null and unset too; NULL = always) */
    formula_fn fn;               /* ... or a function, with its own data in fn_arg */
    const void *fn_arg;
    bool each;                   /* fn makes a list or a map of one, element by element */
    const struct key_rule *key;  /* its output is a key (SLOT_KEY, or a type's key slot); else NULL */
    struct shape *const *shapes; /* the shapes as they stand where the step stands, for T_OBJECT,
                                    T_ENUM and T_REF inputs and outputs; by shapes_find */
    size_t n_shapes;
};

/* Fields that stand in another item, found over a reference. */
enum link_kind {
    LINK_EXTRACT,                /* extract_type: writes find or make the record of the values */
    LINK_MOVE,                   /* move_field: writes go to the item referred to; one field */
    LINK_INLINE                  /* inline_type: likewise, made where there is none */
};

struct link {
    uint64_t uid;
    uint32_t step;
    enum link_kind kind;
    uint32_t shape, coll;        /* holder of the reference */
    slot_no ref;                 /* its slot in the holder */
    const struct type_ref *ref_type;
    bool required;               /* LINK_INLINE: no holder is without a target */
    slot_no mark;                /* LINK_MOVE: in the target, what holders are shown */
    uint32_t target_shape, target_coll;
    size_t n;                    /* fields: */
    const slot_no *here;         /* their slots in the holder (values of items before the step) */
    const slot_no *there;        /* and in the target */
    const struct type_ref *const *types;
    const struct formula *key;   /* extract_type's `key` expression, or NULL = from the values */
    struct shape *const *shapes;
    size_t n_shapes;
};

/* How items are found since a step: under which names, or in which parts. */
struct naming {
    uint32_t step, coll;
    slot_no slot;                /* where the key, or the part's name, stands */
    uint32_t space;              /* of keys: the name space; 0: */
    bool shared;                 /* with items of other collections: later ones give way */
    size_t n;                    /* parts */
    const struct span *parts;    /* their names, as in the slot */
    const uint32_t *sets;        /* the sets of their items */
    slot_no fit;                 /* where the part stands that the conditions give (0: there are */
    uint32_t misfits;            /* none), and the set of the items that are in another one */
};

/* One line of check's dry run and of `schemafs check`. */
struct step_note {
    const char *step;            /* "rename_field" */
    const char *group;           /* description of its group, NULL = none */
    unsigned line, column;
    const char *what;            /* "Dog.name becomes Dog.call_name" */
    const char *forward, *backward; /* one sentence each */
    const char *loses;           /* what finalize drops or a direction can't show; NULL = nothing */
    uint32_t shape;              /* items it touches: those of this type, or that hold this object or
                                    enum; 0 = none */
    const uint32_t *also;        /* and those of these types */
    size_t n_also;
    bool needs_backfill, destructive, scans;
    bool inferred;
};

struct query {
    const char *name, *sql;
    unsigned line, column;       /* of the SELECT */
};

struct version {
    atomic_uint refs;
    struct arena arena;
    uint32_t number, parent;     /* parent: version number, 0 = none */
    struct version *base;        /* the parent itself (a reference is held), NULL for a root */
    const char *name, *parent_name, *description;
    struct shape **shapes;       /* in schema order; items, objects and enums */
    size_t n_shapes;
    struct query *queries;
    size_t n_queries;
    struct formula **formulas;   /* of this version's own steps, by step id, then output */
    size_t n_formulas;
    struct link **links;
    size_t n_links;
    struct naming *namings;
    size_t n_namings;
    struct step_note *notes;
    size_t n_notes;
    uint32_t step_first, step_end;   /* this version's step ids: [first, end) */
    slot_no slot_first, slot_end;    /* slots it allocated */
    uint32_t shape_first, shape_end; /* shape ids and collections it allocated (one counter) */
    struct span text;            /* the YAML file */
};

struct version *version_ref(struct version *v);
void version_unref(struct version *v); /* NULL is fine */

struct shape *shapes_find(struct shape *const *shapes, size_t n, uint32_t id);
struct shape *version_shape(const struct version *v, uint32_t id);           /* NULL = none */
struct shape *version_shape_named(const struct version *v, struct span name); /* any kind */
/* The index in v->shapes, which inode numbers carry; -1 = none. */
int version_shape_index(const struct version *v, uint32_t id);
struct field *shape_field(const struct shape *s, struct span name);
/* Says that the shape has no such field, and the nearest one. line, column: 0 = not known.
 * ERR_INVALID; -1. */
int shape_no_field(const struct shape *s, struct span name, unsigned line, unsigned column,
                   struct err *e);
struct field *shape_field_by_slot(const struct shape *s, slot_no slot);

/* Where an item type's keys stand, and in which name space they are unique. */
static inline slot_no shape_key(const struct shape *s)
{
    return s->key ? s->key : SLOT_KEY;
}
static inline uint32_t shape_space(const struct shape *s)
{
    return s->space ? s->space : s->coll;
}
static inline uint32_t shape_set(const struct shape *s)
{
    return s->set ? s->set : s->coll;
}
/* The type shows items of the collection. */
bool shape_has_coll(const struct shape *s, uint32_t coll);
/* The type as it shows the items of one collection, for translation; *hold: the caller's room. */
const struct shape *shape_of_coll(const struct shape *s, uint32_t coll, struct shape *hold);
/* The type's items are found by these names or parts. */
bool shape_uses(const struct shape *s, const struct naming *n);
/* The slot is shown by the type: a field, its items' key, or the part that it is. */
bool shape_shows(const struct shape *s, slot_no slot);

/* A value of the link's fields may refer to items of the collection. */
bool link_quotes(const struct link *l, uint32_t coll);

/* A value of the type may hold a reference to an item of the collection; 0: to any. */
bool type_refers(const struct type_ref *t, struct shape *const *shapes, size_t n, uint32_t coll);
bool type_equal(const struct type_ref *a, const struct type_ref *b);
/* True when values hold references or objects anywhere inside: stored in the structured encoding
 * of value.h instead of as JSON text. */
bool type_structured(const struct type_ref *t);
/* "list<ref<Person>>", for messages. */
bool type_print(const struct type_ref *t, struct shape *const *shapes, size_t n, struct buf *out);

/* Compiles the text of a schema file. parent: the version its `from` must name (NULL for a root;
 * the caller finds it with schema_peek). first_*: the counters at the time it is (or was) added;
 * compiling the same text with the same counters and parent gives the same numbers, which is how
 * a catalog is rebuilt at mounting. file: for messages ("v2.yaml").
 * Errors carry file, line, column, excerpt. */
struct schema_counters {
    uint32_t number, step, slot, shape;
};
struct expr_env;
int schema_compile(const char *file, struct span text, struct version *parent,
                   const struct schema_counters *first, struct expr_env *env,
                   struct version **ret, struct err *e);

/* When schema_compile refuses a declared schema because it has several readings: the steps that
 * would decide it, as YAML to be pasted into the file; one `migrate:` for each answer, the second
 * after a line `# or`. Appends nothing when that is not why it refuses. False = no memory. */
bool schema_candidates(const char *file, struct span text, struct version *parent,
                       const struct schema_counters *first, struct expr_env *env, struct buf *out);

/* Just `version` and `from` of a file (copied; from[0] == 0 = none). */
#define VERSION_NAME_SIZE 65
int schema_peek(const char *file, struct span text, char version[VERSION_NAME_SIZE],
                char from[VERSION_NAME_SIZE], struct err *e);

#endif
