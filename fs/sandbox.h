/* What the daemon gives up once its mount is there, so that whoever takes it over by a crafted
 * item, schema or store has got nothing but the store.
 *
 *   no_new_privs   nothing that is executed gains a right; core dumps and ptrace by others end
 *   capabilities   all dropped, also from the bounding set. One case keeps CAP_DAC_OVERRIDE: root
 *                  has mounted a store that only its owner could open otherwise
 *   landlock       files: the store, its -wal, -shm and -lock, and no new ones; names in its folder
 *                  may go; /proc is read (which groups a caller is in). No TCP, no abstract sockets,
 *                  no signals to others. Files that are open stay open
 *   seccomp        the system calls of the list in sandbox_calls.c; others are answered EPERM,
 *                  those newer than the list ENOSYS, those of another processor's numbering end
 *                  the daemon
 *
 * Whoever needs a right for longer (the guardian of mountpoint.h) is started before.
 *
 * Builds with a sanitizer or for coverage allow what their runtime does (sandbox_calls.c,
 * may_open[]): the daemon under test is kept in, their reports come out.
 *
 * Threads: call it while the process has one; those that it starts afterwards are bound as well. */
#ifndef FS_SANDBOX_H
#define FS_SANDBOX_H

#include "../schemas/buf.h"
#include "../schemas/err.h"

struct sock_fprog;

enum { SANDBOX_LANDLOCK = 1, SANDBOX_SECCOMP = 2 }; /* what not every kernel has */

/* May come earlier, also before a process is started that is to stay out of the rest. */
int sandbox_no_core_dumps(struct err *e);
/* store: its absolute path; its files exist. What this kernel lacks is left out: *ret_parts tells
 * what there is, and `ret_missing` (appended) says in one line each what is not, and why. ERR_IO
 * when what every kernel has can't be done: the daemon must not go on then. */
int sandbox_enter(const char *store, unsigned *ret_parts, struct buf *ret_missing, struct err *e);

/* ---- For sandbox.c ---- */

/* The list of system calls as a program for this processor, or NULL: none is known for it. Static.
 */
const struct sock_fprog *sandbox_calls(void);

/* A build whose runtime does more than the daemon itself. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

#endif
