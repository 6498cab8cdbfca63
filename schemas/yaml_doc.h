/* YAML schema files as a small tree, through libyaml's event parser.
 *
 * Refused: aliases, anchors, tags, merge keys (<<), duplicate keys, several documents, nesting
 * over 64 (counted over parser events, because libyaml is quadratic in nesting), files over 1 MiB,
 * invalid UTF-8. A mapping keeps the order of its keys. Plain scalars that look like JSON numbers
 * or are exactly `true` / `false` are typed; every other plain scalar is a string (`no`, `012`,
 * `1:30`, `~`, `null` are strings). Quoted and block scalars are always strings.
 *
 * The only file that includes <yaml.h>. Threads: none of its own. */
#ifndef SCHEMAS_YAML_DOC_H
#define SCHEMAS_YAML_DOC_H

#include "buf.h"
#include "err.h"

#define YAML_MAX_BYTES (1024u * 1024u)
#define YAML_MAX_DEPTH 64

enum yaml_kind { YAML_STRING, YAML_NUMBER, YAML_BOOL, YAML_SEQ, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    unsigned line, column; /* 1-based, where the value starts */
    const char *text;      /* scalars: NUL-terminated, UTF-8; else NULL */
    size_t text_len;
    const char *key; /* NUL-terminated when it is a mapping's value, else NULL */
    unsigned key_line, key_column;
    struct yaml_node *next; /* the next entry */
    struct yaml_node *child;
    size_t n_children;
};

/* Parses into the arena. Errors: ERR_INVALID with line, column, excerpt and what was expected;
 * ERR_TOO_BIG; ERR_NO_MEMORY. The outermost node must be a mapping. */
int yaml_parse(const char *text, size_t n, struct arena *a, struct yaml_node **ret, struct err *e);
/* The entry of that key, or NULL. */
struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
const char *yaml_kind_name(enum yaml_kind kind); /* "a mapping", "a list", "a string", ... */
/* Any node as JSON text on one line (numbers as they stand, strings quoted). */
bool yaml_to_json(const struct yaml_node *v, struct buf *out);
/* Refuses keys of a mapping that are not in `words`, naming the nearest known one.
 * what: "step add_field", "type Dog", ... for the message. */
int yaml_only_keys(const struct yaml_node *map, const char *what, const char *const *words,
                   size_t n, struct err *e);

#endif
