#include "sync_vfs.h"

#include <sqlite3.h>
#include <string.h>

atomic_uint sync_vfs_log_syncs, sync_vfs_log_writes;
void (*sync_vfs_before_log_write)(void);
atomic_bool sync_vfs_fail;

static sqlite3_vfs *base;
static sqlite3_vfs vfs;
/* Logs and databases have tables of methods of their own. */
static struct kind {
    const sqlite3_io_methods *base;
    sqlite3_io_methods methods;
} log_kind, db_kind;

static int fail_or_sync(const struct kind *k, sqlite3_file *f, int flags)
{
    if (atomic_load(&sync_vfs_fail))
        return SQLITE_IOERR_FSYNC;
    return k->base->xSync(f, flags);
}

static int log_sync(sqlite3_file *f, int flags)
{
    atomic_fetch_add(&sync_vfs_log_syncs, 1);
    return fail_or_sync(&log_kind, f, flags);
}

static int log_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    atomic_fetch_add(&sync_vfs_log_writes, 1);
    if (sync_vfs_before_log_write)
        sync_vfs_before_log_write();
    return log_kind.base->xWrite(f, from, n, at);
}

static int db_sync(sqlite3_file *f, int flags)
{
    return fail_or_sync(&db_kind, f, flags);
}

/* The file object is the usual one; only its table of methods is another. */
static int vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    int rc = base->xOpen(base, name, f, flags, ret_flags);
    struct kind *k = flags & SQLITE_OPEN_WAL ? &log_kind : &db_kind;

    (void)v;
    if (rc != SQLITE_OK || !(flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_DB)))
        return rc;
    if (!k->base) {
        k->base = f->pMethods;
        k->methods = *k->base;
        k->methods.xSync = k == &log_kind ? log_sync : db_sync;
        if (k == &log_kind)
            k->methods.xWrite = log_write;
    }
    f->pMethods = &k->methods;
    return rc;
}

void sync_vfs_register(void)
{
    if (base)
        return;
    base = sqlite3_vfs_find(NULL);
    vfs = *base;
    vfs.zName = SYNC_VFS;
    vfs.pNext = NULL;
    vfs.xOpen = vfs_open;
    sqlite3_vfs_register(&vfs, 0);
}
