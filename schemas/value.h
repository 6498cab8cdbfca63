/* Values of the schema language's types: is a JSON value legal for a type, and how it is stored.
 *
 * Two encodings of a value in a record (record.h):
 *   flat        types without references and objects inside (type_structured false): canonical
 *               JSON text at depth 1, ready to copy.
 *   structured  the others, recursively:
 *                 null     the byte 'n'
 *                 ref      'r' varint item id
 *                 object   'o' followed by a nested record (record.h) of the object's slots
 *                 list     'l' varint count, then for each element: varint bytes, element
 *                 map      'm' varint count, then for each: varint bytes, key, varint bytes, value
 *
 * Threads: none of its own. */
#ifndef SCHEMAS_VALUE_H
#define SCHEMAS_VALUE_H

#include "json.h"
#include "schema.h"

/* Checks a JSON value against a type: kind, integer (digits only, any number of them),
 * timestamp (RFC 3339), date, uuid, bytes (base64), enum values (shapes), elements of lists and
 * maps, fields of objects (required, unknown keys; refs inside are checked to be legal key
 * strings only). null is legal for any type when `nullable`. path: the field's name for messages
 * ("home.street" is built by the function for nested ones).
 * Errors: ERR_INVALID with line, column of the value, field = the path, expected = the type;
 * text like `Dog.age: "old" is not an integer`, an enum error names the nearest value. */
int value_check(const struct type_ref *t, const struct json_node *v, bool nullable,
                struct shape *const *shapes, size_t n_shapes, const char *path, struct err *e);
/* The same of what a step makes of a stored value: null also stands for a reference in a list or map, and for one
 * that is required. Such a reference is to an item that the type does not show (merge_types). */
int value_check_computed(const struct type_ref *t, const struct json_node *v,
                         struct shape *const *shapes, size_t n_shapes, struct err *e);
/* The same of a value in the place of others, or that a step makes of them: an object in it may lack what is required,
 * or have null for it, where one in those does, wherever in them (another version left it out). */
struct value_was {
    const struct json_node *v;
    const struct type_ref *type;
};
struct value_beside {
    const struct value_was *was;
    size_t n;
    bool computed, nullable; /* a step makes it; the value itself may be null */
};
int value_check_beside(const struct type_ref *t, const struct json_node *v, const struct value_beside *beside,
                       struct shape *const *shapes, size_t n_shapes, struct err *e);

/* Scalar rules, each on decoded text. */
bool value_is_timestamp(struct span s); /* RFC 3339 date-time, real calendar dates, :60 allowed */
bool value_is_date(struct span s);
bool value_is_uuid(struct span s);
bool value_is_base64(struct span s);

/* A key as a file name without .json: valid UTF-8, 1..250 bytes, no '/', no control characters,
 * not starting with '.'. Errors: ERR_INVALID, ERR_NAME_TOO_LONG. */
#define KEY_MAX 250
int key_check(struct span key, struct err *e);

/* The key of a record made by extract_type from its values, an injective function of them alone:
 * the one value as it stands when it is a legal key, with '/', '%', control characters, a leading
 * '.' as %XX; several joined by ","; their own commas as %2C; empty as "%"; null as "%null";
 * over 200 bytes: the first 160 (cut at a character) and "%" with 32 hex digits of a SHA-256
 * of the whole. values: canonical JSON text, p == NULL = unset ("%unset"). */
bool key_from_values(const struct span *values, const struct type_ref *const *types, size_t n,
                     struct buf *out);
#endif
