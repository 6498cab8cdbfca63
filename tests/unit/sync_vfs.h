/* A VFS over the usual one that counts syncs and writes and, when told, lets the syncs fail. */
#ifndef TESTS_SYNC_VFS_H
#define TESTS_SYNC_VFS_H

#include <stdatomic.h>
#include <stdbool.h>

#define SYNC_VFS "sync-test"

extern atomic_uint sync_vfs_log_syncs; /* of -wal files */
extern atomic_uint sync_vfs_log_writes;
extern void (*sync_vfs_before_log_write)(void); /* NULL = nothing */
extern atomic_bool sync_vfs_fail;
void sync_vfs_register(void);

#endif
