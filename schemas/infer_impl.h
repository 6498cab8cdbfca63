/* A plan of inferred steps: what a declared schema asks for. Private to infer*.c.
 *
 * Steps are YAML nodes in the model's arena, applied like those of a file. What only the author of
 * the schema can say is a question. The first one refuses the file; where it has two answers, the
 * schema is inferred once for each (model.h, candidates), so that an answer comes with all the steps
 * that follow from it, as text to be pasted into the file. Names come first: renamed types, values
 * and fields are so in the model before what they hold is compared. Out of memory is kept in the
 * plan and reported by plan_run. */
#ifndef SCHEMAS_INFER_IMPL_H
#define SCHEMAS_INFER_IMPL_H

#include "schema_parse.h"

struct plan_step {
    struct yaml_node *node;
    bool guess;   /* only the author can know: the printed step says so */
    bool applied; /* to the model, while the plan was made */
};

struct plan_question {
    const char *text; /* NULL: there is none */
    const struct yaml_node *at;
    const char *first, *other; /* the kinds of steps that answer it; other NULL = one answer */
};

struct plan_answer {
    unsigned no; /* 0 or 1 */
    bool guess;  /* it is not the question that this plan answers */
};

struct plan {
    struct model *m;
    struct plan_step *steps;
    size_t n;
    struct plan_question question; /* the first one */
    bool nomem;
};

/* {kind: {}}; arguments follow. at: for messages. NULL = no memory; every function here takes
 * that. */
struct yaml_node *plan_step(struct plan *p, const char *kind, const struct yaml_node *at);
void plan_text(struct plan *p, struct yaml_node *step, const char *arg, const char *text);
void plan_node(struct plan *p, struct yaml_node *step, const char *arg,
               const struct yaml_node *node);
struct yaml_node *plan_map(struct plan *p, struct yaml_node *step, const char *arg);
struct yaml_node *plan_list(struct plan *p, struct yaml_node *step, const char *arg);
/* An entry of a mapping or (key == NULL) a list. */
void plan_entry(struct plan *p, struct yaml_node *in, const char *key, enum yaml_kind kind,
                const char *text);
void plan_copy(struct plan *p, struct yaml_node *in, const char *key, const struct yaml_node *node);

void plan_add(struct plan *p, struct yaml_node *step, bool guess);
/* The same, and applies it at once: what follows compares what it makes. */
int plan_apply(struct plan *p, struct yaml_node *step, bool guess, struct err *e);
/* first, other: the kinds of steps that answer the question, for its refusal; other NULL = one
 * answer. Returns which answer to plan. */
struct plan_answer plan_ask(struct plan *p, const struct yaml_node *at, const char *first,
                            const char *other, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Applies the steps, or refuses with the first question. */
int plan_run(struct plan *p, struct err *e);

/* ---- What infer.c and infer_fields.c share ---- */

struct infer {
    struct plan p;
    struct model *m;
    const struct version *old;  /* the parent, with the types renamed that are */
    const struct version *want; /* the declared schema */
    const struct yaml_node *root;
    bool *paired; /* want->shapes that may be renamed ones of the parent */
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
/* An SQL expression that makes the field's value, which is of type `from`, one of another type. */
const char *guess_cast(struct infer *x, const char *field, const struct type_ref *from,
                       const struct type_ref *to);
/* Plans the steps from the model's fields of a shape to the declared ones. */
int infer_fields(struct infer *x, const struct shape *want);

#endif
