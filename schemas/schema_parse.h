/* From YAML to shapes: private to schema_*.c, model*.c and infer.c.
 *
 * Everything stands in the arena of the model's version; texts point into its YAML tree, which
 * stands there too. Errors: err.h with line and column. Threads: none of its own. */
#ifndef SCHEMAS_SCHEMA_PARSE_H
#define SCHEMAS_SCHEMA_PARSE_H

#include "model.h"

/* A type expression such as list<ref<Person>>. at: the node that `text` came from; what: the
 * field's name, for messages. */
int type_parse(struct model *m, const struct yaml_node *at, const char *text, const char *what,
               const struct type_ref **ret, struct err *e);
/* A field's definition, but for its default, which may be of a type that is not known yet. */
int field_parse(struct model *m, const char *name, const struct yaml_node *def, struct field *ret,
                struct err *e);
int field_parse_default(struct model *m, const struct yaml_node *def, struct field *f,
                        struct err *e);

/* The sections types, objects and enums of a file; in this order, each in the file's. */
int shapes_parse(struct model *m, const struct yaml_node *root, struct err *e);
/* The definition of a shape, or of its field, in these sections; NULL = none. */
const struct yaml_node *shape_node(const struct yaml_node *root, const struct shape *s);
const struct yaml_node *field_node(const struct yaml_node *root, const struct shape *s,
                                   const struct field *f);
/* Where its key stands, for messages; the node itself when it has none or memory ran out. */
const struct yaml_node *key_place(struct model *m, const struct yaml_node *node);
int queries_parse(struct model *m, const struct yaml_node *root, struct err *e);

/* The declared schema (a scratch model of the same file) against the one that the steps make.
 * schema_infer applies the steps that make them equal, or refuses with candidates; schema_agree
 * refuses with the first difference, and takes over what no step says: descriptions. */
int schema_infer(struct model *m, const struct model *declared, const struct yaml_node *root,
                 struct err *e);
int schema_agree(struct model *m, const struct model *declared, const struct yaml_node *root,
                 struct err *e);
/* The same type, by the names of what it refers to. */
bool type_same_named(const struct type_ref *a, const struct version *va, const struct type_ref *b,
                     const struct version *vb);
/* "list<Address>" as text in m's arena; NULL = no memory. */
const char *type_text(struct model *m, const struct version *v, const struct type_ref *t);
bool text_same(const char *a, const char *b); /* NULL equals NULL only */

#endif
