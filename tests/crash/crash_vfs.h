/* A SQLite VFS over the usual one that counts every I/O and, at the one it is told, fails it or
 * dies.
 *
 * Death: from that I/O on nothing reaches the files and every call fails, as if the process were
 * gone; close the store, then go on:
 * - after the death of a process the files are as they were left: nothing is to be done;
 * - after a power loss crash_vfs_power_loss rewrites them: what was synced is there, of what was
 * not, each sector of 512 bytes by chance, in any order; so also names that were made or removed.
 * Syncs are only noted, never made: the disk under the tests plays no part.
 *
 * Threads: any; one lock over all. */
#ifndef TESTS_CRASH_VFS_H
#define TESTS_CRASH_VFS_H

#include <stdbool.h>
#include <stdint.h>

#define CRASH_VFS "crash-test"

enum io_kind {
    IO_READ = 1,
    IO_WRITE = 2,
    IO_SYNC = 4,
    IO_TRUNCATE = 8,
    IO_DELETE = 16,
    IO_OPEN = 32,
    IO_LOCK = 64, /* of the database and of the shared index */
    IO_SHM = 128, /* a piece of the shared index */
    IO_CHANGES = IO_WRITE | IO_SYNC | IO_TRUNCATE | IO_DELETE | IO_OPEN,
    IO_ALL = IO_CHANGES | IO_READ | IO_LOCK | IO_SHM
};

enum io_fault {
    FAULT_DIE,      /* before the I/O */
    FAULT_DIE_HALF, /* a write gets half way */
    FAULT_ERROR,    /* EIO; of a read and a write: nothing is done */
    FAULT_OTHER     /* a short read, ENOSPC half way through a write, a lock that is taken */
};

struct io_plan {
    unsigned kinds; /* which are counted */
    uint64_t at;    /* the faulty one, from 1; 0 = none */
    enum io_fault fault;
    bool for_ever;    /* all that follow it, too */
    uint64_t then_at; /* a second one; 0 = none */
    enum io_fault then_fault;
};

void crash_vfs_register(void);
void crash_vfs_arm(const struct io_plan *plan); /* counts from 0 again; the dead are alive */
void crash_vfs_disarm(void);                    /* no faults; counting goes on */
uint64_t crash_vfs_count(void);
enum io_kind crash_vfs_fired(void); /* 0 = the fault was not reached */
void crash_vfs_power_loss(uint64_t seed);
/* All files are closed: what they hold now counts as synced. */
void crash_vfs_forget(void);

#endif
