/* Objects inside items, of the model.
 *
 * An object's type has nodes as an item's has, and a step over it leaves fields and rules in the same way. A value
 * that holds objects is a JSON text in which each of them is "#N", the N-th that was made. A write makes another
 * object out of the one that stood there, and leaves that as it is: so what an item was before is its values. Only a
 * step that comes is carried over all of them.
 *
 * Not modelled: see docs/testing.md. Threads: none. Out of memory ends the program. */
#ifndef PROPERTY_MODEL_INSIDE_H
#define PROPERTY_MODEL_INSIDE_H

#include "model_case.h"

/* The parts of a list, or of an object with the names. */
#define M_PARTS 16
struct m_parts {
    const char *name[M_PARTS], *value[M_PARTS];
    size_t n;
    bool list;
};
/* json: a list or an object, on one line, without escapes. */
struct m_parts m_parts_of(struct arena *a, const char *json);
const char *m_parts_text(struct arena *a, const struct m_parts *p);
const char *m_part(const struct m_parts *p, const char *name); /* NULL: there is none */
void m_part_add(struct m_parts *p, const char *name, const char *value);

/* How a text of a value says it: with the defaults and with what is computed, with either, with neither. */
enum m_says { M_SHOWN, M_COMPARED, M_PLAIN, M_STORED };
const char *m_inside_text(struct model *m, const struct m_shows *beside, const struct m_field *f, const char *value,
                          enum m_says how);
/* The field's value that a writer's text makes of had, NULL = none: had itself where the text is as it was shown. As
 * it was stored, where the text is such a one. */
const char *m_inside_taken(struct model *m, const struct m_shows *beside, const struct m_field *f, const char *text,
                           const char *had, enum m_says how);
/* A check of an object is broken by the text that was not in what the field shows. */
bool m_inside_refused(struct model *m, const struct m_shows *beside, const struct m_field *f, const char *text,
                      const char *had);

/* What a rule reads and gives where fields hold objects: texts, as the version of its step shows them. */
struct m_sides {
    struct m_shows beside;
    struct m_field in[2], out;
    const char *member; /* of what is read, that alone; NULL: all */
};
/* Of the step that leads to the node. */
void m_inside_rules(struct model *m, size_t node, const struct m_shows *beside);
const char *m_inside_read(struct model *m, const struct m_rule *r, size_t i, const char *value);
const char *m_inside_was(struct model *m, const struct m_rule *r, const char *value);
const char *m_inside_given(struct model *m, const struct m_rule *r, const char *json, const char *had);
/* Also in what no version shows of them. */
bool m_inside_same(const struct model *m, const char *a, const char *b);

/* ---- model_inside_gen.c ---- */
bool m_fits_objects(enum m_kind kind);
bool m_choose_inside(struct m_case *c, size_t version, size_t node, struct m_step *s);
bool m_choose_members(struct m_case *c, size_t version, size_t node, struct m_step *s);
const char *m_inside_type(struct m_case *c, enum m_many many, const char *object);
/* In the first version. */
void m_gen_root_object(struct m_case *c);
/* The text of a write, drawn: mostly an edit of what is shown, NULL = nothing. */
const char *m_inside_drawn(struct m_case *c, struct model *m, const struct m_shows *beside, const struct m_field *f,
                           const char *had, uint64_t salt);

/* ---- model_inside_list.c ---- */
#define M_NEW SIZE_MAX
/* Which old element each one is (docs/decisions/14); M_NEW: none. */
void m_align(struct arena *a, const struct m_parts *old, const struct m_parts *now, size_t ret[M_PARTS]);

#endif
