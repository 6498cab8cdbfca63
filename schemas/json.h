/* JSON: exact, strict, bounded.
 *
 * All of RFC 8259 with what an item may not hold refused: duplicate names, invalid UTF-8, lone
 * surrogates, \u0000, a byte order mark, nesting deeper than 64. Number text is kept as it was
 * written; strings are normalised to the shortest escapes. docs/decisions/ says which libraries
 * were tried.
 *
 * Canonical text: two-space indent, ": " after a name, one element a line, {} and [] when empty,
 * non-ASCII characters as UTF-8, only `"`, `\` and U+0000..U+001F escaped (\b \f \n \r \t where
 * they exist, else \u00xx in lower case).
 *
 * Threads: none of its own; a tree may be read by any number of threads. */
#ifndef SCHEMAS_JSON_H
#define SCHEMAS_JSON_H

#include "buf.h"
#include "err.h"

#define JSON_MAX_DEPTH 64

/* ---- Incremental check of a text that arrives in fragments of any size ---- */

struct json_scan {
    /* What the caller may set after json_scan_init: called with each name of the outermost object
     * as soon as its closing quote arrived (decoded text; borrowed for the call); returns 0, or -1
     * with the error set (the scan fills in line and column). Names over 1024 bytes are not
     * reported: the check of the whole object refuses them, or knows them. May be NULL. */
    int (*on_name)(void *arg, struct span name, struct err *e);
    void *arg;
    /* Private: a pushdown automaton; the state between two bytes. */
    uint64_t offset;
    unsigned line, column; /* of the next byte, 1-based; column counts characters */
    unsigned depth;
    unsigned char state, sub, failed;
    unsigned char any;                   /* the outermost value need not be an object */
    unsigned char is_name, keep_name;    /* of the string in progress */
    unsigned char stack[JSON_MAX_DEPTH]; /* '{' or '[' for each open level */
    unsigned char utf8_need, utf8_min, utf8_max;
    unsigned surrogate; /* a high surrogate that waits for its low one */
    unsigned hex, hex_n;
    unsigned name_column, escape_column; /* where they started */
    char name[1024];                     /* the outermost name in progress */
    unsigned name_n;
    const char *literal; /* the word in progress; sub counts its letters */
};
void json_scan_init(struct json_scan *s);
/* Takes n more bytes. -1 (ERR_INVALID with line and column) as soon as no continuation can make
 * the text a valid object; every later call then returns -1 too. The excerpt is
 * left to the caller, who has the whole text: err_excerpt. */
int json_scan_feed(struct json_scan *s, const char *p, size_t n, struct err *e);
/* True when the object is closed (only white space can follow). */
bool json_scan_complete(const struct json_scan *s);
/* -1 when the text ends too early; e says what was expected. */
int json_scan_finish(const struct json_scan *s, struct err *e);

/* ---- A whole text as a tree ---- */

enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_node {
    enum json_kind kind;
    unsigned line, column; /* where the value starts, 1-based */
    struct span text;      /* number: its text; string: decoded UTF-8; else the source span */
    struct span name;      /* decoded name when it is a member of an object, else p == NULL */
    unsigned name_line, name_column;
    struct json_node *next; /* the next member or element */
    struct json_node *child;
    size_t n_children;
};

/* Parses one value that fills the whole text (white space around it allowed) into the arena.
 * Number spans and unescaped strings may point into `text`, which must outlive the tree.
 * Errors: ERR_INVALID with line, column and excerpt; ERR_NO_MEMORY. */
int json_parse(const char *text, size_t n, struct arena *a, struct json_node **ret, struct err *e);
/* The same, and refuses anything but an object. */
int json_parse_object(const char *text, size_t n, struct arena *a, struct json_node **ret,
                      struct err *e);
/* The member of that name, or NULL. */
struct json_node *json_member(const struct json_node *object, struct span name);
/* Members in the same order, numbers by their text: they have the same canonical text. */
bool json_equal(const struct json_node *a, const struct json_node *b);
const char *json_kind_name(enum json_kind kind); /* "a string", "an object", ... for messages */

/* ---- Writing ---- */

/* The canonical text of a value that stands at nesting `depth` (0 = outermost: no indent before
 * it either way; nested lines are indented by 2 * (depth + 1)). No trailing newline. */
bool json_write(const struct json_node *v, unsigned depth, struct buf *out);
/* The same on one line, as JSON Lines wants it: {"a": 1, "b": [1, 2]}. */
bool json_write_line(const struct json_node *v, struct buf *out);
/* A string value with quotes, escaped as in canonical text. */
bool json_write_string(struct span decoded, struct buf *out);
/* Canonical text (of one value, at any depth) to one line, without a parse: a string-aware copy
 * that replaces each line break with its indent by nothing, or by one space after a comma. Gives
 * the bytes json_write_line would. */
bool json_to_line(struct span canonical, struct buf *out);
/* Canonical text at depth `from` rewritten for depth `to`. */
bool json_reindent(struct span canonical, unsigned from, unsigned to, struct buf *out);
/* The inverse of json_write_string: span with its quotes to decoded bytes. False = not a string
 * or no memory. */
bool json_decode_string(struct span quoted, struct buf *out);

/* ---- Facts about numbers, by their text (no rounding) ---- */
bool json_number_is_integer(struct span text); /* an optional '-' and digits only */
bool utf8_valid(const char *p, size_t n);

#endif
