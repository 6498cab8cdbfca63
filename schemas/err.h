/* Errors: one small struct, owned by the caller, that needs no memory of its own.
 *
 * Every function that can be refused takes a `struct err *` last and returns 0, or -1 with the
 * struct filled in. The first error wins: err_set on a struct that already holds one does nothing,
 * because the first is the most precise. A text is one line, impersonal, quotes what the user
 * wrote, and never says "failed to". fs/errmap.c alone turns a code into an errno.
 *
 * Threads: none of its own; a struct belongs to one caller. */
#ifndef SCHEMAS_ERR_H
#define SCHEMAS_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum err_code {
    ERR_NONE = 0,
    ERR_INVALID,       /* the text, name, schema or command is not acceptable: EINVAL */
    ERR_TOO_BIG,       /* over a size limit: EFBIG */
    ERR_NAME_TOO_LONG, /* ENAMETOOLONG */
    ERR_NOT_FOUND,     /* ENOENT */
    ERR_EXISTS,        /* EEXIST */
    ERR_BUSY,          /* a reference, a unique key or a migration stands in the way: EBUSY */
    ERR_PERM,          /* never allowed here: EPERM */
    ERR_ACCESS,        /* not allowed for this caller: EACCES */
    ERR_STALE,         /* the version is gone, or strict mode lost a race: ESTALE */
    ERR_NO_SPACE,      /* ENOSPC */
    ERR_IO,            /* EIO */
    ERR_READ_ONLY,     /* EROFS */
    ERR_NO_MEMORY,     /* ENOMEM */
    ERR_INTERRUPTED,   /* EINTR */
    ERR_UNSUPPORTED,   /* ENOTSUP */
};

struct err {
    enum err_code code;
    unsigned line, column; /* 1-based; 0 = not known */
    char source[128];      /* the file or verb, "" = not known */
    char field[128];       /* the field or step at fault, "" = none */
    char expected[160];    /* what would have been right, "" = nothing to add */
    char text[512];        /* what is wrong, one line */
    char excerpt[200];     /* the offending line of the user's text, escaped; "" = none */
    unsigned caret;        /* 1-based column of the fault within excerpt; 0 = none */
};

#define ERR_INIT                                                                                   \
    {                                                                                              \
        0                                                                                          \
    }

/* Fills *e unless it already holds an error. Always returns -1, so that callers can
 * `return err_set(...)`. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, with a place: 1-based line and column. */
int err_at(struct err *e, enum err_code code, unsigned line, unsigned column, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
int err_nomem(struct err *e);

/* Adds what is known one level up; each only where it is still empty. Return -1. */
int err_source(struct err *e, const char *source);
int err_field(struct err *e, const char *field);
int err_expected(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Copies line e->line of `text` into the excerpt, control characters shown as '?' (a tab as a
 * space), shortened around e->column when it is long, and sets the caret. Of an empty line, the end
 * of the one before it. */
void err_excerpt(struct err *e, const char *text, size_t len);

void err_clear(struct err *e);

/* "source:line:column: text" with the parts that are known; one line, NUL-terminated. */
void err_format(const struct err *e, char *ret, size_t size);

/* The word of `words` (n of them, NULL entries skipped) nearest to `word` by edit distance, or
 * NULL when none is near enough to be a likely misspelling. */
const char *err_nearest(const char *word, size_t len, const char *const *words, size_t n);

#endif
