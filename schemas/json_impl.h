/* What the files of the JSON module share; nothing outside them includes this, but for
 * yaml_doc.c, which asks whether a plain scalar looks like a JSON number. */
#ifndef SCHEMAS_JSON_IMPL_H
#define SCHEMAS_JSON_IMPL_H

#include "json.h"

/* Over the bytes that stand for themselves in a string: ASCII without `"`, `\` and controls.
 * Eight at a time: a borrow out of a byte can only mark bytes above one that is marked itself, so
 * the first marked byte is exact. */
static inline const char *json_skip_plain(const char *p, const char *end)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;

    while (end - p >= 8) {
        uint64_t w, quote, slash;

        memcpy(&w, p, 8);
        quote = w ^ ones * '"';
        slash = w ^ ones * '\\';
        if ((w | (w - ones * 0x20) | (quote - ones) | (slash - ones)) & high)
            break;
        p += 8;
    }
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' &&
           *p != '\\')
        p++;
    return p;
}

/* The inside of a string, without its quotes, decoded to out, which holds n bytes (decoding never
 * makes text longer). False = not the inside of a JSON string. */
bool json_unescape(struct span raw, char *out, size_t *ret_n);

/* The length of the JSON number that starts at p; 0 = none does. */
size_t json_number_len(const char *p, const char *end);

/* Scans a whole text for the error that a parse met: one wording for both. any: the outermost
 * value may be of any kind. Always returns -1. */
int json_scan_explain(const char *text, size_t n, bool any, struct err *e);

/* Finds two equal names without comparing all pairs. */
struct json_name {
    uint64_t prefix; /* private */
    struct span name;
    size_t index; /* the caller's; the order among equal names */
};
/* Sorts v. True when two names are equal; then the lowest index that repeats an earlier name, and
 * the first index of that name. */
bool json_names_repeat(struct json_name *v, size_t n, size_t *ret_first, size_t *ret_again);

#endif
