/* How each version is used since the mount began: what says whether one can be given up.
 *
 * Writes are what changed items: saves, deletions, renames, lines appended to a stream. First reads are
 * the reads that came here: what the kernel has in its cache it answers itself, so one for each
 * file that is read, until it changes, and less where files are read ahead.
 *
 * Threads: any. */
#ifndef FS_USAGE_H
#define FS_USAGE_H

#include <stdint.h>

struct usage;
struct version_usage {
    uint64_t writes, first_reads;
    int64_t last_write_ns, last_read_ns; /* since 1970; 0 = never */
};

struct usage *usage_new(void); /* NULL = no memory */
void usage_free(struct usage *u); /* NULL is fine */
/* version: its number. */
void usage_wrote(struct usage *u, uint32_t version, uint64_t items);
void usage_read(struct usage *u, uint32_t version);
struct version_usage usage_of(const struct usage *u, uint32_t version);

#endif
