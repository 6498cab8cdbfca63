/* What a power loss may leave of files: for each, what was synced and every write since. */
#ifndef TESTS_CRASH_DISK_H
#define TESTS_CRASH_DISK_H

#include <stdint.h>
#include <stddef.h>

struct disk_file;

/* The file under that name; one not known yet is as it stands on the disk. */
struct disk_file *disk_file(const char *path);
void disk_write(struct disk_file *f, const void *data, size_t n, uint64_t at);
void disk_truncate(struct disk_file *f, uint64_t size);
void disk_sync(struct disk_file *f);
void disk_delete(struct disk_file *f, int durable);
/* Rewrites every file that is known as the loss left it, and forgets all. */
void disk_lose(uint64_t seed);
void disk_forget(void);

#endif
