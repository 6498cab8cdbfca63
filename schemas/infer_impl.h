/* A plan of inferred steps: what a declared schema asks for, with the choices that only its author
 * can make. Private to infer*.c.
 *
 * Steps are YAML nodes in the model's arena, applied like those of a file. What has two readings is
 * refused, and the steps of each go to the model's `candidates` as text to be pasted into the file:
 * all of them, so that they and the declared schema agree. Out of memory is kept in the plan and
 * reported by plan_run. */
#ifndef SCHEMAS_INFER_IMPL_H
#define SCHEMAS_INFER_IMPL_H

#include "schema_parse.h"

#define PLAN_CHOICES 2u
#define PLAN_STEPS   2u

struct plan_item {
    /* The answers to a question, each of one or two steps; else choice[0][0] is the step. */
    struct yaml_node *choice[PLAN_CHOICES][PLAN_STEPS];
    struct yaml_node *after; /* NULL, or a step that the second answer needs when all else is done */
    const char *question;    /* NULL: there is one reading */
    const struct yaml_node *at;
    bool applied;
};

struct plan {
    struct model *m;
    struct plan_item **items;
    size_t n;
    const struct yaml_node **guesses; /* steps with an expression that the author has to look at */
    size_t n_guesses;
    bool nomem;
    struct plan_item spare; /* stands in when memory ran out */
};

/* {kind: {}}; arguments follow. at: for messages. NULL = no memory; every function here takes
 * that. */
struct yaml_node *plan_step(struct plan *p, const char *kind, const struct yaml_node *at);
void plan_text(struct plan *p, struct yaml_node *step, const char *arg, const char *text);
/* The same, of a text that is made up; the printed step says so. */
void plan_guess(struct plan *p, struct yaml_node *step, const char *arg, const char *text);
void plan_is_guess(struct plan *p, const struct yaml_node *step);
void plan_node(struct plan *p, struct yaml_node *step, const char *arg,
               const struct yaml_node *node);
struct yaml_node *plan_map(struct plan *p, struct yaml_node *step, const char *arg);
struct yaml_node *plan_list(struct plan *p, struct yaml_node *step, const char *arg);
/* An entry of a mapping or (key == NULL) a list. */
void plan_entry(struct plan *p, struct yaml_node *in, const char *key, enum yaml_kind kind,
                const char *text);
void plan_copy(struct plan *p, struct yaml_node *in, const char *key, const struct yaml_node *node);

/* One reading. */
struct plan_item *plan_add(struct plan *p, struct yaml_node *step);
/* A question; the caller puts the answers into choice[]. */
struct plan_item *plan_ask(struct plan *p, const struct yaml_node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A question with one answer. */
void plan_ask_one(struct plan *p, struct yaml_node *step, const char *question);
/* Applies the steps, or refuses with the first question. */
int plan_run(struct plan *p, struct err *e);

/* ---- What infer.c and infer_fields.c share ---- */

struct infer {
    struct plan p;
    struct model *m;
    const struct version *old;  /* the parent */
    const struct version *want; /* the declared schema */
    const struct yaml_node *root;
    bool *paired; /* want->shapes that may be renamed ones of old */
    struct err *e;
};

struct shape *infer_same_name(const struct version *v, const struct shape *s);
struct field *infer_field_of_name(const struct shape *s, const struct field *f);
/* {kind: {type: Dog}}, with a field's name when there is one. */
struct yaml_node *infer_step(struct infer *x, const char *kind, const struct shape *s,
                             const char *field, const struct yaml_node *at);
const struct yaml_node *infer_place(const struct infer *x, const struct shape *s);
/* An SQL literal for a field of v: its default, else some value of its type. */
const char *guess_value(struct infer *x, const struct version *v, const struct field *f);
/* An SQL expression that makes the field's value one of another type. */
const char *guess_cast(struct infer *x, const char *field, const struct type_ref *to);
/* Plans the steps from the fields of one shape to those of another. */
int infer_fields(struct infer *x, const struct shape *old, const struct shape *want);

#endif
