/* Between the gen_step*.c and gen_pick.c files: one random step of each kind. */
#ifndef PROPERTY_GEN_STEP_INT_H
#define PROPERTY_GEN_STEP_INT_H

#include "gen_int.h"

/* A step in the making, against the schema as it stands. */
struct maker {
    struct gen *g;
    const struct version *v;
    struct gen_names names;
};
/* A step as a line of YAML, or NULL when there is nothing to do for its kind. */
typedef const char *step_maker(struct maker *m);

/* ---- gen_pick.c ---- */
typedef bool field_test(const struct field *f);
/* One of these kinds (a mask of 1 << SHAPE_ITEM ...), or NULL. */
const struct shape *pick_shape(struct maker *m, unsigned kinds);
/* Item types mostly, objects too. */
const struct shape *pick_fielded(struct maker *m);
const struct field *pick_field(struct maker *m, const struct shape *s, field_test *test);
bool is_written(const struct field *f);
bool is_needed(const struct field *f);
bool is_required(const struct field *f);
bool is_optional(const struct field *f);
bool is_string(const struct field *f);
bool is_number(const struct field *f);
bool is_list(const struct field *f);
bool is_no_list(const struct field *f);
bool is_object(const struct field *f);
bool is_mapped(const struct field *f);
bool is_keyable(const struct field *f);
/* A name that is free. */
const char *new_field(struct maker *m, const struct shape *s);
const char *new_shape(struct maker *m, const char *prefix);
const char *type_text_of(struct maker *m, const struct type_ref *t);
const char *sql_text(struct maker *m, const char *x);
const char *sql_number(struct maker *m, const char *x);
/* An expression over the fields of s that gives a value of that type, mostly. */
const char *sql_for(struct maker *m, const struct shape *s, const struct type_ref *out);
/* An expression over the field `name`. */
const char *sql_over(struct maker *m, const struct shape *s, const char *name,
                     const struct type_ref *out);
/* The same fields without one of them, or with others beside. */
const struct shape *changed(struct maker *m, const struct shape *s, const char *without,
                            const struct field *more, size_t n_more);
const struct type_ref *base_named(const char *type);
const char *plain_type(struct maker *m);

/* ---- gen_step_type.c ---- */
step_maker make_add_type, make_remove_type, make_rename_type, make_copy_type, make_extract_type,
    make_move_field, make_inline_type, make_merge_types;
/* ---- gen_step_field.c, gen_step_fields.c ---- */
step_maker make_add_field, make_remove_field, make_restore_field, make_compute_field,
    make_rename_field, make_reorder_fields, make_require_field, make_relax_field,
    make_change_default, make_change_type, make_split_field, make_merge_fields, make_wrap_list,
    make_unwrap_list, make_nest_fields, make_unnest_fields, make_transform;

#endif
