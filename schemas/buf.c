/* Growing byte buffers, LEB128 integers, and the arena. */
#include "buf.h"

#include <stdio.h>

#define BUF_FIRST     64u
#define ARENA_ALIGN   16u
#define ARENA_FIRST   4096u
#define ARENA_LARGEST (256u * 1024u)

void buf_free(struct buf *b)
{
    free(b->p);
    *b = (struct buf){0};
}

bool buf_grow(struct buf *b, size_t more)
{
    size_t cap = b->cap < BUF_FIRST ? BUF_FIRST : b->cap;
    char *p;

    if (more > SIZE_MAX / 2 - b->n)
        return false;
    while (cap < b->n + more)
        cap *= 2;
    p = realloc(b->p, cap);
    if (!p)
        return false;
    b->p = p;
    b->cap = cap;
    return true;
}

bool buf_add(struct buf *b, const void *p, size_t n)
{
    if (n == 0)
        return true;
    if (!buf_reserve(b, n))
        return false;
    memcpy(b->p + b->n, p, n);
    b->n += n;
    return true;
}

bool buf_adds(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

bool buf_addspan(struct buf *b, struct span s)
{
    return buf_add(b, s.p, s.n);
}

bool buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    bool ok = false;
    int n;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    if (n >= 0 && buf_reserve(b, (size_t)n + 1)) {
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
        ok = true;
    }
    va_end(again);
    return ok;
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    bool ok;

    va_start(ap, fmt);
    ok = buf_vprintf(b, fmt, ap);
    va_end(ap);
    return ok;
}

const char *buf_str(struct buf *b)
{
    if (!buf_reserve(b, 1))
        return NULL;
    b->p[b->n] = '\0';
    return b->p;
}

bool buf_addvarint(struct buf *b, uint64_t v)
{
    char bytes[10];
    size_t n = 0;

    while (v >= 0x80) {
        bytes[n++] = (char)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (char)v;
    return buf_add(b, bytes, n);
}

bool varint_read(const char **p, const char *end, uint64_t *ret)
{
    const char *q = *p;
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64 && q < end; shift += 7) {
        unsigned char byte = (unsigned char)*q++;

        if (shift == 63 && byte > 1)
            return false;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *p = q;
            *ret = v;
            return true;
        }
    }
    return false;
}

/* ---- Arena ---- */

struct arena_block {
    struct arena_block *next;
    size_t n, cap;
    _Alignas(ARENA_ALIGN) char bytes[];
};

/* Blocks double, so that a big tree takes few of them and a small one wastes little. */
static struct arena_block *block_add(struct arena *a, size_t n)
{
    size_t cap = a->head ? a->head->cap * 2 : ARENA_FIRST;
    struct arena_block *block;

    if (cap > ARENA_LARGEST)
        cap = ARENA_LARGEST;
    if (cap < n)
        cap = n;
    block = malloc(sizeof(*block) + cap);
    if (!block)
        return NULL;
    block->next = a->head;
    block->n = 0;
    block->cap = cap;
    a->head = block;
    return block;
}

/* Room for n bytes, not zeroed. */
static char *take(struct arena *a, size_t n)
{
    struct arena_block *block = a->head;
    char *p;

    if (n > SIZE_MAX / 2)
        return NULL;
    n = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (!block || n > block->cap - block->n)
        block = block_add(a, n);
    if (!block)
        return NULL;
    p = block->bytes + block->n;
    block->n += n;
    a->used += n;
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    char *p = take(a, n ? n : 1);

    return p ? memset(p, 0, n) : NULL;
}

char *arena_strndup(struct arena *a, const char *p, size_t n)
{
    char *ret = n < SIZE_MAX / 2 ? take(a, n + 1) : NULL;

    if (!ret)
        return NULL;
    if (n)
        memcpy(ret, p, n);
    ret[n] = '\0';
    return ret;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

void *arena_grow(struct arena *a, void *old, size_t n, size_t elem)
{
    void *ret;

    if (n & (n - 1)) /* not a power of two: there is room for one more */
        return old;
    if (n > SIZE_MAX / 4 / elem)
        return NULL;
    ret = arena_alloc(a, (n ? 2 * n : 1) * elem);
    if (ret && n)
        memcpy(ret, old, n * elem);
    return ret;
}

void arena_free(struct arena *a)
{
    while (a->head) {
        struct arena_block *next = a->head->next;

        free(a->head);
        a->head = next;
    }
    *a = (struct arena){0};
}
