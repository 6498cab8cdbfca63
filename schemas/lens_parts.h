/* Between lens_value.c and lens_inside.c: the parts of a stored value. Included by nobody else. */
#ifndef SCHEMAS_LENS_PARTS_H
#define SCHEMAS_LENS_PARTS_H

#include "lens_int.h"

/* A list or a map: counted parts, of a map a key before each. */
struct parts {
    const char *p, *end;
    uint64_t left;
};

static inline struct parts parts_of(struct span stored, char tag)
{
    struct parts it = {stored.p, stored.p ? stored.p + stored.n : NULL, 0};
    if (!stored.p || !stored.n || *it.p++ != tag || !varint_read(&it.p, it.end, &it.left))
        it.left = 0;
    return it;
}

static inline bool part_next(struct parts *it, struct span *ret)
{
    uint64_t n;
    if (!varint_read(&it->p, it->end, &n) || n > (uint64_t)(it->end - it->p))
        return false;
    *ret = (struct span){it->p, (size_t)n};
    it->p += n;
    return true;
}

static inline bool part_add(struct buf *out, struct span s)
{
    return buf_addvarint(out, s.n) && buf_add(out, s.p, s.n);
}

/* Moves a buffer's bytes into the arena. (lens_value.c) */
int keep_buf(struct lens *l, const struct buf *b, struct span *ret, struct err *e);
/* An object's record up to date for the view; *r is left empty when there is none. (lens_value.c) */
int nested_record(struct lens *l, struct view vw, const struct shape *s, struct span stored,
                  struct record *r, bool *ret_is, struct err *e);

#endif
