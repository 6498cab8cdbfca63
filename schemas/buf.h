/* Growing byte buffers, byte spans, and an arena.
 *
 * Out of memory is an error: every function that allocates returns false or NULL, and a buffer
 * whose append was refused stays as it was. Threads: none of its own. */
#ifndef SCHEMAS_BUF_H
#define SCHEMAS_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Borrowed bytes, not NUL-terminated. p == NULL means "no value". */
struct span {
    const char *p;
    size_t n;
};

static inline struct span span_of(const char *s)
{
    return (struct span){s, s ? strlen(s) : 0};
}
static inline bool span_eq(struct span a, struct span b)
{
    if (!a.p || !b.p)
        return !a.p && !b.p;
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Owned bytes. p is NULL or malloc'ed; n used, cap allocated. */
struct buf {
    char *p;
    size_t n, cap;
};

#define BUF_INIT                                                                                   \
    {                                                                                              \
        0                                                                                          \
    }
void buf_free(struct buf *b); /* frees and zeroes; b may be zeroed already */
static inline void buf_reset(struct buf *b)
{
    b->n = 0;
}
bool buf_grow(struct buf *b, size_t more);
static inline bool buf_reserve(struct buf *b, size_t more)
{
    return more <= b->cap - b->n || buf_grow(b, more);
}
bool buf_add(struct buf *b, const void *p, size_t n);
static inline bool buf_addc(struct buf *b, char c)
{
    if (!buf_reserve(b, 1))
        return false;
    b->p[b->n++] = c;
    return true;
}
bool buf_adds(struct buf *b, const char *s);
bool buf_addspan(struct buf *b, struct span s);
bool buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool buf_vprintf(struct buf *b, const char *fmt, va_list ap);
/* NUL-terminates without counting the NUL; NULL when memory ran out. */
const char *buf_str(struct buf *b);
static inline struct span buf_span(const struct buf *b)
{
    return (struct span){b->p ? b->p : "", b->n};
}
#define BUF_CLEANUP __attribute__((cleanup(buf_free)))

/* LEB128 unsigned integers, as the record format uses them. */
bool buf_addvarint(struct buf *b, uint64_t v);
/* Reads one from *p (advanced), not past end; false when it is cut short or over 64 bits. */
bool varint_read(const char **p, const char *end, uint64_t *ret);

/* An arena: allocations that are freed all at once. */
struct arena_block;
struct arena {
    struct arena_block *head;
    size_t used; /* bytes handed out, for limits */
};
void *arena_alloc(struct arena *a, size_t n); /* zeroed, 16-aligned; NULL = no memory */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *p, size_t n); /* NUL-terminated */
/* Grows an array of n elements (doubling at powers of two, old one left in the arena). */
void *arena_grow(struct arena *a, void *old, size_t n, size_t elem);
void arena_free(struct arena *a);
#define ARENA_CLEANUP __attribute__((cleanup(arena_free)))

#endif
