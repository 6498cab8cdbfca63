/* A schema in the making: what steps change.
 *
 * schema_compile clones the parent's shapes into a model, parses each step and calls its kind's
 * apply(), which changes the model and leaves formulas, links and notes. Shapes are copied on
 * write: a formula that kept the list of shapes of its moment (model_shapes) still sees them as
 * they were. To add a step kind: one file in schemas/steps/ with an apply function, one row in
 * schemas/steps/table.c.
 *
 * All memory is the version's arena. Errors: err.h with the step's line and column.
 * Threads: none of its own. */
#ifndef SCHEMAS_MODEL_H
#define SCHEMAS_MODEL_H

#include "expr.h"
#include "schema.h"
#include "yaml_doc.h"

struct model {
    struct version *v;           /* being built; shapes, formulas, links, notes grow in it */
    const struct version *parent;
    struct expr_env *env;
    const char *file;
    uint32_t next_step, next_slot, next_shape;
    uint32_t step;               /* the id of the step being applied */
    const char *group;
    const struct version *declares;  /* declared types: of this model, whose parts they may name */
    bool inferred;               /* the steps come from infer.c */
    /* Private to model*.c, schema_*.c and infer.c. */
    const struct step_args *args;    /* of the step being applied; NULL outside of steps */
    uint32_t *stamps;                /* beside v->shapes: 1 + the step in which the shape may be
                                        changed in place; 0 = another version's, or kept */
    struct shape *const *snapshot;   /* what model_shapes gave last; NULL after a change */
    size_t n_snapshot;
    struct shape *const *before;     /* the shapes as they stood when the step began */
    size_t n_before;
    struct model_text *texts;        /* where checks and names of fields stand in the file */
    size_t n_texts;
    struct model_candidates *candidates; /* NULL, or where steps go that would answer a refused
                                            declaration */
    struct model_pending *pending;   /* types that are about to be added (infer.c) */
    size_t n_pending;
};
struct model_text {
    const char *text;
    const struct yaml_node *at;
};
struct model_candidates {
    struct buf *out;
    unsigned answer; /* which answer to its first question is taken, from 0 */
    unsigned n;      /* set by infer.c: how many there are */
};
struct model_pending {
    const char *name;
    enum shape_kind kind;
    uint32_t id, coll;
};

struct step_args {
    const char *kind;            /* "rename_field" */
    const struct yaml_node *map; /* its arguments */
    unsigned line, column;
    const struct yaml_node **not_text; /* private: an argument that step_arg_text found to be a list
                                          or a mapping; refused after apply */
};

struct step_kind {
    const char *name;
    const char *const *args;     /* known arguments, NULL-terminated; others are refused */
    int (*apply)(struct model *m, const struct step_args *a, struct err *e);
};
extern const struct step_kind step_kinds[];
extern const size_t n_step_kinds;

/* ---- Arguments (errors name step, argument, and the nearest known name) ---- */
int step_arg_name(const struct step_args *a, const char *arg, const char **ret, struct err *e);
const char *step_arg_text(const struct step_args *a, const char *arg); /* NULL = not given */
/* The shape that argument `arg` names; kinds: a mask of 1 << SHAPE_ITEM ... A copy that may be
 * changed; later changes in the same step return the same one. */
int step_arg_shape(struct model *m, const struct step_args *a, const char *arg, unsigned kinds,
                   struct shape **ret, struct err *e);
/* The same of a name that stands in a list; at: a text. */
int step_shape_at(struct model *m, const struct step_args *a, const struct yaml_node *at,
                  unsigned kinds, struct shape **ret, struct err *e);
int step_arg_field(struct model *m, const struct step_args *a, const char *arg, struct shape *s,
                   struct field **ret, struct err *e);

/* ---- Changing the model ---- */

/* Is `name` legal and free as a type's name, or as a field's name in s? where: for the message,
 * NULL = the step. Also checked for every shape that a step changed, when it is done. */
int model_check_type_name(struct model *m, const char *name, const struct yaml_node *where,
                          struct err *e);
int model_check_field_name(struct model *m, const struct shape *s, const char *name,
                           const struct yaml_node *where, struct err *e);
struct shape *model_shape_writable(struct model *m, uint32_t id); /* copy on write; NULL = nomem */
/* A new shape of that name (refused when taken or not a legal name). */
int model_add_shape(struct model *m, enum shape_kind kind, const char *name,
                    const struct yaml_node *at, struct shape **ret, struct err *e);
int model_remove_shape(struct model *m, uint32_t id);
slot_no model_new_slot(struct model *m);
/* Puts a copy of *f at position `at` (n_fields = the end); refuses a name that is taken. */
int model_insert_field(struct model *m, struct shape *s, size_t at, const struct field *f,
                       const struct yaml_node *where, struct err *e);
int model_remove_field(struct model *m, struct shape *s, const char *name);
/* Parses a field definition, short (`string`) or long; slot stays SLOT_NONE. Names of types are
 * looked up in the model as it stands. */
int model_parse_field(struct model *m, const char *name, const struct yaml_node *def,
                      struct field *ret, struct err *e);
/* The list of shapes as they stand now, kept by formulas. */
int model_shapes(struct model *m, struct shape *const **ret, size_t *ret_n);

/* ---- Formulas ---- */
struct formula_spec {
    enum formula_dir dir;
    enum formula_mode mode;
    const struct shape *over;    /* names in the expression are this shape's fields (as it stands
                                    now: take it before or after changing it) plus _key */
    const struct field *out;
    const char *sql;             /* or NULL with fn */
    const char *fails, *kept;    /* NULL, or: sql mends what this condition is false of; elsewhere the
                                    field `kept`, which sql reads too, goes on as it is */
    bool as_shown;               /* a linked one too reads unset fields as their default: it
                                    judges or names an item, and does not convert a value */
    const struct yaml_node *where; /* for messages about sql */
    formula_fn fn;
    const void *fn_arg;
    const char *const *fn_inputs; /* names of fields of `over`, NULL-terminated */
    const struct key_rule *key;   /* copied */
};
/* Adds one to the model; SQL is checked (expr_check) and its inputs found. mend = out->def. */
int model_add_formula(struct model *m, const struct formula_spec *spec, struct formula **ret,
                      struct err *e);
/* A field that gets other values: gives it a new slot in its place with type `to`, linked to the
 * old slot by fn both ways (a copy where fn is NULL), or by SQL. The base of change_type,
 * map_values, wrap_list, the enum steps, ... */
struct retype_spec {
    const struct field *to;
    const char *up, *down;
    const struct yaml_node *up_at, *down_at;
    formula_fn up_fn, down_fn;
    const void *fn_arg;
    bool each;                   /* they convert the elements of a list or a map, each by itself */
};
int model_retype_field(struct model *m, struct shape *s, struct field *f,
                       const struct retype_spec *spec, struct err *e);
int model_add_link(struct model *m, const struct link *l, struct err *e);
int model_add_naming(struct model *m, const struct naming *n, struct err *e); /* step is set */
/* Adds the note of the current step; printf-style `what`. */
struct step_note *model_note(struct model *m, const struct step_args *a, uint32_t shape,
                             const char *what, ...) __attribute__((format(printf, 4, 5)));
const char *model_printf(struct model *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Built-in conversion between two types, as a formula_fn, or NULL when there is none. Lossless
 * ones only: change_type without up and down. *ret_same = no value changes at all. */
formula_fn model_conversion(const struct type_ref *from, const struct type_ref *to,
                            bool *ret_same);

/* ---- Private: the frame of a step ---- */

/* m zeroed but for v (with a parent's shapes or none), parent, env, file and the counters. */
int model_init(struct model *m, struct err *e);
/* args == NULL: not a step, a root's own types. */
int model_step_begin(struct model *m, const struct step_args *args, struct err *e);
/* What no step may leave behind: bad names, checks over fields that are gone, objects that contain
 * themselves. Checks follow the renames of the fields that they read. */
int model_step_end(struct model *m, struct err *e);
/* Refuses a default that a check makes impossible: the field's own, where it reads nothing else, or
 * one of an object in it. old: the shape before the step, NULL = none. */
int model_check_defaults(struct model *m, const struct shape *s, const struct shape *old,
                         struct err *e);
/* Where a check, a default or a field's name stands in the file, or NULL. */
const struct yaml_node *model_place_of(const struct model *m, const char *text);
/* An error at a node, else at the step. Returns -1. */
int model_refuse(const struct model *m, const struct yaml_node *at, struct err *e, const char *fmt,
                 ...) __attribute__((format(printf, 4, 5)));
/* The same at a character (from 0) of a scalar's text, as exactly as the file's quoting allows. */
int model_refuse_in(const struct model *m, const struct yaml_node *at, unsigned character,
                    struct err *e, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Checks an expression over a shape's fields (and _key of an item). ret_used: NULL, or room for
 * over->n_fields + 1, the last one for _key. */
int model_check_sql(struct model *m, const struct shape *over, const char *sql,
                    const struct yaml_node *where, const char *what, bool *ret_used,
                    struct err *e);
/* A copy of n elements with the room that arena_grow expects. */
void *model_copy_array(struct model *m, const void *p, size_t n, size_t elem);
/* Where a step began, and (slot_end) how far its slots go. */
struct step_mark {
    size_t texts;
    slot_no slot, slot_end;
    struct shape *const *before;
    size_t n_before;
};
/* After a step: mends what its definitions check by other fields (steps/check.c). a: an add_check. */
int step_mend_definitions(struct model *m, const struct step_args *a, const struct step_mark *since,
                          struct err *e);
/* Applies one step: a mapping of one entry, its kind. */
int schema_step(struct model *m, const struct yaml_node *step, struct err *e);

#endif
