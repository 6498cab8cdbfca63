/* One UTF-8 character: the only place that knows which byte sequences are well-formed. */
#ifndef SCHEMAS_UTF8_H
#define SCHEMAS_UTF8_H

#include <stddef.h>

/* What the first byte of a character says of the rest. */
struct utf8_lead {
    unsigned char need;     /* bytes that follow; 0 = ASCII, or no first byte at all */
    unsigned char min, max; /* of the byte that follows first; the others are 0x80..0xbf */
};

static inline struct utf8_lead utf8_lead(unsigned char c)
{
    if (c < 0xc2 || c > 0xf4)
        return (struct utf8_lead){0, 0, 0};
    if (c < 0xe0)
        return (struct utf8_lead){1, 0x80, 0xbf};
    if (c < 0xf0) /* no overlong forms, no surrogates */
        return (struct utf8_lead){2, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf};
    return (struct utf8_lead){3, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf};
}

/* Bytes of the well-formed character at p, of which n > 0 bytes are there; 0 = it is none. */
static inline size_t utf8_len(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    struct utf8_lead lead;

    if (p[0] < 0x80)
        return 1;
    lead = utf8_lead(p[0]);
    if (lead.need == 0 || lead.need >= n || p[1] < lead.min || p[1] > lead.max)
        return 0;
    for (size_t i = 2; i <= lead.need; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return lead.need + 1u;
}

/* Bytes of the control character (C0, DEL, C1) at p, of which n > 0 bytes are there; 0 = it is none. */
static inline size_t utf8_control(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;

    if (p[0] < 0x20 || p[0] == 0x7f)
        return 1;
    return n > 1 && p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0 ? 2 : 0;
}

/* Appends a code point; returns the bytes written, at most 4. */
static inline size_t utf8_put(char *p, unsigned c)
{
    if (c < 0x80) {
        p[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        p[0] = (char)(0xc0 | c >> 6);
        p[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        p[0] = (char)(0xe0 | c >> 12);
        p[1] = (char)(0x80 | (c >> 6 & 0x3f));
        p[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    p[0] = (char)(0xf0 | c >> 18);
    p[1] = (char)(0x80 | (c >> 12 & 0x3f));
    p[2] = (char)(0x80 | (c >> 6 & 0x3f));
    p[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

#endif
