/* What the step kinds share. One kind (or a pair that is one idea) is one file with an apply
 * function `step_<kind>`, declared at the end, and one row in table.c.
 *
 * Every function here takes the model and the step's arguments; results live in the version's
 * arena. Errors: ERR_INVALID with the line and column of the argument at fault, a text that begins
 * with the step's kind and quotes the user's word, and the kind in err.field. */
#ifndef SCHEMAS_STEPS_STEPS_H
#define SCHEMAS_STEPS_STEPS_H

#include "../json.h"
#include "../model.h"

#define STEP_ITEMS   (1u << SHAPE_ITEM)
#define STEP_FIELDED (1u << SHAPE_ITEM | 1u << SHAPE_OBJECT)
#define STEP_ENUMS   (1u << SHAPE_ENUM)
#define STEP_SHAPES  (STEP_FIELDED | STEP_ENUMS)

/* ---- Errors and arguments (args.c) ---- */

/* An error at a value (at == NULL: at the step), or at a mapping entry's key. Return -1. */
int step_bad(const struct step_args *a, const struct yaml_node *at, struct err *e, const char *fmt,
             ...) __attribute__((format(printf, 4, 5)));
int step_bad_key(const struct step_args *a, const struct yaml_node *at, struct err *e,
                 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same for an unknown word, with the nearest known one (NULL = none) behind the text. */
int step_unknown(const struct step_args *a, const struct yaml_node *at, const char *near,
                 struct err *e, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* A place in the file that is no node of its own: an entry's key. */
struct yaml_node step_place(unsigned line, unsigned column);

/* The argument, or NULL. */
const struct yaml_node *step_arg(const struct step_args *a, const char *arg);
/* The argument; refused when it is missing. */
int step_arg_need(const struct step_args *a, const char *arg, const struct yaml_node **ret,
                  struct err *e);
/* A mapping with at least one entry; `what` says of what: "definitions by field name". */
int step_arg_map(const struct step_args *a, const char *arg, const char *what,
                 const struct yaml_node **ret, struct err *e);
/* An SQL expression: any scalar. Not given: *ret == NULL. */
int step_arg_sql(const struct step_args *a, const char *arg, const char **ret,
                 const struct yaml_node **ret_at, struct err *e);
/* The text of a scalar; `what` names it in the refusal of anything else. */
int step_text(const struct step_args *a, const struct yaml_node *at, const char *what,
              const char **ret, struct err *e);

/* `[a, b]`, `a`, or `{a: x, b: y}`: what is picked, and under which name it goes on. */
struct step_pair {
    const char *from, *to;       /* the same where a list gives no second name */
    const struct yaml_node *at;  /* of `to` */
    unsigned line, column;       /* of `from` */
};
int step_arg_pairs(struct model *m, const struct step_args *a, const char *arg,
                   struct step_pair **ret, size_t *ret_n, struct err *e);

/* ---- Fields (fields.c) ---- */

/* The field of that name; an unknown one is answered with the nearest known. */
int step_field_at(const struct step_args *a, struct shape *s, const char *name,
                  unsigned line, unsigned column, struct field **ret, struct err *e);
size_t step_field_index(const struct shape *s, const struct field *f);
/* A copy of a shape that later changes leave as it is: what expressions go over. NULL = nomem. */
struct shape *step_shape_copy(struct model *m, const struct shape *s);

/* Takes fields (copies of them, of s) out of the shape. Refused while a unique key over several
 * fields holds one; the model itself refuses what leaves a check behind. at: the argument that
 * names them. */
int step_take_fields(struct model *m, const struct step_args *a, const struct yaml_node *at,
                     struct shape *s, const struct field *fields, size_t n, struct err *e);
/* Parses a definition and gives it a slot of its own. */
int step_define(struct model *m, const char *name, const struct yaml_node *def, struct field *ret,
                struct err *e);
/* model_retype_field; unique keys over several fields follow to the new slot. */
int step_retype(struct model *m, struct shape *s, struct field *f, const struct retype_spec *spec,
                struct err *e);
/* Another slot in a field's place, in keys over several fields too (those get a new number). */
int step_replace_slot(struct model *m, struct shape *s, struct field *f, slot_no slot,
                      struct err *e);
/* True when a unique key holds the field: a new slot for it is scanned. */
bool step_in_unique(const struct shape *s, const struct field *f);
bool step_has_default(const struct field *f);
/* Refuses a required field that neither an expression (`given`) nor a default stands in for:
 * forward, in items that exist; backward, in items made later. */
int step_need_value(const struct step_args *a, const struct yaml_node *at, const struct shape *s,
                    const struct field *f, bool given, enum formula_dir dir, struct err *e);
/* Refuses a change to a field that is computed. */
int step_not_computed(const struct step_args *a, const struct yaml_node *at, const struct shape *s,
                      const struct field *f, struct err *e);
/* A field that is seen over a reference already (inline_type; or the old side of extract_type or
 * move_field, which a copied type and restore_field show): its value can't be put into a second item,
 * of which the first would have to know. */
int step_not_elsewhere(const struct model *m, const struct step_args *a, const struct yaml_node *at,
                       const struct shape *s, const struct field *f, struct err *e);
/* Fields of s are about to stand in the target's items: those must not stand in items of s, however
 * many references lie between. */
int step_no_circle(const struct model *m, const struct step_args *a, const struct yaml_node *at,
                   const struct shape *s, const struct shape *target, struct err *e);
/* The own check of a field that goes on elsewhere, under the names of `pairs`: *check becomes NULL
 * when it reads anything else of `s`. */
int step_carry_check(struct model *m, const struct shape *s, const struct step_pair *pairs,
                     size_t n, const char **check, struct err *e);
const char *step_sql_name(struct model *m, const char *name); /* "name", quoted; NULL = nomem */
const char *step_type_text(struct model *m, const struct type_ref *t); /* never NULL */

/* ---- One value in two places (sides.c) ---- */

/* f is shown by s from this step on: refused where another field of s shows the same value over a
 * reference. */
int step_one_side(struct model *m, const struct step_args *a, const struct yaml_node *at,
                  const struct shape *s, const struct field *f, struct err *e);
/* f can't move over a reference that is computed from it, or it from that. */
int step_not_through(struct model *m, const struct step_args *a, const struct yaml_node *at,
                     const struct shape *s, const struct field *f, const struct field *through,
                     struct err *e);
/* A field whose value changes when another item does is in no item's hand. */
int step_not_following(const struct model *m, const struct step_args *a, const struct yaml_node *at,
                       const struct shape *s, const struct field *f, struct err *e);

/* ---- Parts of a split type (split_type.c) ---- */

/* Refuses a step that works on all items of a type, and so can't work on a part. */
int step_no_part(const struct step_args *a, const struct yaml_node *at, const struct shape *s,
                 struct err *e);
/* What stands for all parts of a type is called by their names, A|B. -1: no memory. */
int step_name_parts(struct model *m);

/* ---- Formulas ---- */

int step_formula(struct model *m, enum formula_dir dir, enum formula_mode mode,
                 const struct shape *over, const struct field *out, const char *sql,
                 const struct yaml_node *where, struct err *e);
int step_formula_fn(struct model *m, enum formula_dir dir, const struct shape *over,
                    const struct field *out, formula_fn fn, const void *arg,
                    const char *const *inputs, struct err *e);
/* The one input as it is: a formula_fn. */
int step_fn_copy(const struct formula *f, const struct span *inputs, struct span prev,
                 struct buf *out, bool *ret_set, struct err *e);
/* JSON text of any layout to canonical text at depth 1; *ret_set = false when it is nested too
 * deep for an item. */
int step_canonical(struct span text, struct buf *out, bool *ret_set, struct err *e);

/* Values that stand for others, inside lists and maps too (value_map.c). */
struct value_map {
    const struct type_ref *leaf; /* what is mapped: an enum, string, ... */
    const struct json_node *from, *to;
    size_t n;
};
int step_fn_map(const struct formula *f, const struct span *inputs, struct span prev,
                struct buf *out, bool *ret_set, struct err *e);          /* from -> to */
int step_fn_map_back(const struct formula *f, const struct span *inputs, struct span prev,
                     struct buf *out, bool *ret_set, struct err *e);     /* to -> the first from */
/* A value (canonical, depth 1) mapped; values of objects too, by their shapes. */
int step_map_default(struct model *m, const struct type_ref *type, const struct value_map *map,
                     struct span *value, struct err *e);
/* A legal name of an enum's value: a text that is not empty. */
int step_value_name(const struct step_args *a, const struct yaml_node *at, const char **ret,
                    struct err *e);
/* True when values of the type hold `leaf`, directly or in lists and maps. */
bool step_type_holds(const struct type_ref *type, const struct type_ref *leaf);

/* ---- Notes ---- */

enum step_note_flags { STEP_BACKFILL = 1, STEP_DROPS = 2, STEP_SCANS = 4 };
/* Fills in a note that model_note gave (NULL: no memory, -1). */
int step_tell(struct step_note *note, const char *forward, const char *backward,
              const char *loses, unsigned flags, struct err *e);

/* ---- The kinds ---- */

typedef int step_apply(struct model *m, const struct step_args *a, struct err *e);
step_apply step_add_type, step_remove_type, step_rename_type, step_copy_type, step_change_key;
step_apply step_split_type, step_merge_types;
step_apply step_add_field, step_remove_field, step_rename_field, step_restore_field;
step_apply step_compute_field, step_reorder_fields;
step_apply step_require_field, step_relax_field, step_change_default, step_change_type;
step_apply step_transform, step_split_field, step_merge_fields, step_extract_type;
step_apply step_move_field, step_inline_type;
step_apply step_wrap_list, step_unwrap_list, step_nest_fields, step_unnest_fields;
step_apply step_add_value, step_remove_value, step_rename_value, step_map_values;
step_apply step_add_unique, step_remove_unique, step_add_check, step_remove_check;

#endif
