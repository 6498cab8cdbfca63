/* Who has which item open: what keeps cached readers and a writer apart.
 *
 * An inode has one size in the kernel, and every write of a draft past its end raises it; a reader
 * of the page cache beside a writer would see a tail of NULs, or, beside a writer through another
 * version, as much of the new text as the old one had bytes. So a reader that opens an item which
 * has a writer in any version, or had one in the last half second, gets the text as it is as its
 * own (uncached); and a writer waits up to 20 ms until the cached readers are gone. One that
 * outlasts such a wait (`less`) is not waited for again.
 *
 * Some writes are of items that nobody opened: lines appended to a stream, a transaction, a text
 * that others show over a reference. They are wide: a writer of every item for as long as they
 * take.
 *
 * Threads: any. */
#ifndef FS_FILES_H
#define FS_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct files;
/* One open file; embedded in a handle. */
struct opening {
    uint64_t ino;
    pid_t pid; /* of the thread that opened it */
    bool writer, outlasted;
    struct opening *next, *prev; /* guard: files.lock, as all of it once it is in */
};

struct files *files_new(void); /* NULL = no memory */
void files_free(struct files *f);

/* True: in the page cache. False: the opener takes the text as it is now; nothing is kept here, and
 * files_close must not be called. false too when memory ran out. */
bool files_open_reader(struct files *f, struct opening *o);
/* Waits, see above. False: no memory. */
bool files_open_writer(struct files *f, struct opening *o);
/* Around a wide write: waits for cached readers of whatever item, likewise. Any number at a time.
 */
void files_begin_wide(struct files *f);
void files_end_wide(struct files *f);
bool files_has_writer(struct files *f, uint64_t ino);
void files_close(struct files *f, struct opening *o);
/* The newest writer that this thread opened on the inode: fn is called with it under the lock, so
 * that it can take a reference; NULL = there is none. */
struct opening *files_find_writer(struct files *f, uint64_t ino, pid_t pid,
                                  void (*fn)(struct opening *o));
/* Every inode with a cached reader, for wide invalidations; fn must not call back. */
void files_each_reader(struct files *f, void (*fn)(void *arg, uint64_t ino), void *arg);

#endif
