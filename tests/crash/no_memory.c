#include "no_memory.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

/* glibc's own, under the names that it keeps for those who stand in front of it. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static atomic_bool armed, for_ever;
static _Atomic uint64_t count, fail_at, fired;
static _Atomic int64_t in_use;

static bool refused(void)
{
    if (!atomic_load(&armed))
        return false;
    uint64_t n = atomic_fetch_add(&count, 1) + 1;
    uint64_t at = atomic_load(&fail_at);
    if (!at || n < at || (n > at && !atomic_load(&for_ever)))
        return false;
    atomic_fetch_add(&fired, 1);
    errno = ENOMEM;
    return true;
}

static void *counted(void *p)
{
    if (p)
        atomic_fetch_add(&in_use, 1);
    return p;
}

void *malloc(size_t n)
{
    return refused() ? NULL : counted(__libc_malloc(n));
}

void *calloc(size_t n, size_t size)
{
    return refused() ? NULL : counted(__libc_calloc(n, size));
}

void *realloc(void *p, size_t n)
{
    if (refused())
        return NULL;
    void *moved = __libc_realloc(p, n);
    return p ? moved : counted(moved);
}

void free(void *p)
{
    if (p)
        atomic_fetch_sub(&in_use, 1);
    __libc_free(p);
}

void no_memory_arm(uint64_t at, bool ever)
{
    atomic_store(&count, 0);
    atomic_store(&fired, 0);
    atomic_store(&fail_at, at);
    atomic_store(&for_ever, ever);
    atomic_store(&armed, true);
}

void no_memory_disarm(void)
{
    atomic_store(&armed, false);
}

uint64_t no_memory_count(void)
{
    return atomic_load(&count);
}

uint64_t no_memory_fired(void)
{
    return atomic_load(&fired);
}

int64_t no_memory_in_use(void)
{
    return atomic_load(&in_use);
}

#else

void no_memory_arm(uint64_t at, bool ever)
{
    (void)at, (void)ever;
    exit(77); /* skipped */
}
void no_memory_disarm(void) {}
uint64_t no_memory_count(void)
{
    return 0;
}
uint64_t no_memory_fired(void)
{
    return 0;
}
int64_t no_memory_in_use(void)
{
    return 0;
}

#endif
