#include "crash_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

#include "disk.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sqlite3_vfs *usual;
static sqlite3_vfs vfs;

static struct {
    struct io_plan plan;
    uint64_t count;
    enum io_kind fired;
    bool dead, armed;
} st; /* guard: lock */

struct file {
    sqlite3_file base;
    struct disk_file *disk;
    bool kept; /* a database or a log: what is written is kept for a power loss */
    _Alignas(void *) char real[];
};

static sqlite3_file *real(sqlite3_file *f)
{
    return (sqlite3_file *)((struct file *)f)->real;
}

/* ---- When ---- */

enum verdict { GO_ON, FAIL, FAIL_OTHER, DIE_HALF, DEAD };

/* Is this I/O, just counted, to be a faulty one, and how? */
static bool is_faulty_locked(enum io_fault *ret)
{
    const struct io_plan *p = &st.plan;

    *ret = p->fault;
    if (p->at && (st.count == p->at || (st.count > p->at && p->for_ever)))
        return true;
    *ret = p->then_fault;
    return p->then_at && st.count == p->then_at;
}

static enum verdict verdict_locked(enum io_kind kind)
{
    enum io_fault fault;

    if (st.dead)
        return DEAD;
    if (!(st.plan.kinds & kind))
        return GO_ON;
    st.count++;
    if (!st.armed || !is_faulty_locked(&fault))
        return GO_ON;
    if (!st.fired)
        st.fired = kind;
    if (fault == FAULT_ERROR)
        return FAIL;
    if (fault == FAULT_OTHER)
        return FAIL_OTHER;
    st.dead = true;
    return fault == FAULT_DIE_HALF ? DIE_HALF : DEAD;
}

static enum verdict verdict(enum io_kind kind)
{
    pthread_mutex_lock(&lock);
    enum verdict v = verdict_locked(kind);
    pthread_mutex_unlock(&lock);
    return v;
}

void crash_vfs_arm(const struct io_plan *plan)
{
    pthread_mutex_lock(&lock);
    st.plan = *plan;
    st.count = 0;
    st.fired = 0;
    st.dead = false;
    st.armed = true;
    pthread_mutex_unlock(&lock);
}

void crash_vfs_disarm(void)
{
    pthread_mutex_lock(&lock);
    st.armed = st.dead = false;
    pthread_mutex_unlock(&lock);
}

uint64_t crash_vfs_count(void)
{
    pthread_mutex_lock(&lock);
    uint64_t n = st.count;
    pthread_mutex_unlock(&lock);
    return n;
}

enum io_kind crash_vfs_fired(void)
{
    pthread_mutex_lock(&lock);
    enum io_kind k = st.fired;
    pthread_mutex_unlock(&lock);
    return k;
}

void crash_vfs_power_loss(uint64_t seed)
{
    pthread_mutex_lock(&lock);
    disk_lose(seed);
    pthread_mutex_unlock(&lock);
}

void crash_vfs_forget(void)
{
    pthread_mutex_lock(&lock);
    disk_forget();
    pthread_mutex_unlock(&lock);
}

/* ---- Methods of a file ---- */

static int f_close(sqlite3_file *f)
{
    return real(f)->pMethods->xClose(real(f));
}

static int f_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    switch (verdict(IO_READ)) {
    case GO_ON:
        return real(f)->pMethods->xRead(real(f), to, n, at);
    case FAIL_OTHER:
        memset(to, 0, (size_t)n);
        return SQLITE_IOERR_SHORT_READ;
    default:
        return SQLITE_IOERR_READ;
    }
}

static int write_some(struct file *f, const void *from, int n, sqlite3_int64 at)
{
    int rc = real(&f->base)->pMethods->xWrite(real(&f->base), from, n, at);
    pthread_mutex_lock(&lock);
    if (rc == SQLITE_OK && f->kept && n)
        disk_write(f->disk, from, (size_t)n, (uint64_t)at);
    pthread_mutex_unlock(&lock);
    return rc;
}

static int f_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    struct file *file = (struct file *)f;

    switch (verdict(IO_WRITE)) {
    case GO_ON:
        return write_some(file, from, n, at);
    case FAIL_OTHER:
        write_some(file, from, n / 2, at);
        return SQLITE_FULL;
    case DIE_HALF:
        write_some(file, from, n / 2, at);
        return SQLITE_IOERR_WRITE;
    default:
        return SQLITE_IOERR_WRITE;
    }
}

static int f_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct file *file = (struct file *)f;
    int rc;

    if (verdict(IO_TRUNCATE) != GO_ON)
        return SQLITE_IOERR_TRUNCATE;
    rc = real(f)->pMethods->xTruncate(real(f), size);
    pthread_mutex_lock(&lock);
    if (rc == SQLITE_OK && file->kept)
        disk_truncate(file->disk, (uint64_t)size);
    pthread_mutex_unlock(&lock);
    return rc;
}

static int f_sync(sqlite3_file *f, int flags)
{
    struct file *file = (struct file *)f;

    (void)flags;
    if (verdict(IO_SYNC) != GO_ON)
        return SQLITE_IOERR_FSYNC;
    pthread_mutex_lock(&lock);
    if (file->kept)
        disk_sync(file->disk);
    pthread_mutex_unlock(&lock);
    return SQLITE_OK;
}

static int f_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    return real(f)->pMethods->xFileSize(real(f), ret);
}

static int f_lock(sqlite3_file *f, int level)
{
    switch (verdict(IO_LOCK)) {
    case GO_ON:
        return real(f)->pMethods->xLock(real(f), level);
    case FAIL_OTHER:
        return SQLITE_BUSY;
    default:
        return SQLITE_IOERR_LOCK;
    }
}

static int f_unlock(sqlite3_file *f, int level)
{
    return real(f)->pMethods->xUnlock(real(f), level);
}

static int f_check_reserved(sqlite3_file *f, int *ret)
{
    return real(f)->pMethods->xCheckReservedLock(real(f), ret);
}

static int f_control(sqlite3_file *f, int op, void *arg)
{
    return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int f_sector_size(sqlite3_file *f)
{
    return real(f)->pMethods->xSectorSize(real(f));
}

static int f_characteristics(sqlite3_file *f)
{
    return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int f_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
    if (verdict(IO_SHM) != GO_ON)
        return SQLITE_IOERR_SHMMAP;
    return real(f)->pMethods->xShmMap(real(f), page, size, extend, ret);
}

static int f_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    if (flags & SQLITE_SHM_LOCK)
        switch (verdict(IO_LOCK)) {
        case GO_ON:
            break;
        case FAIL_OTHER:
            return SQLITE_BUSY;
        default:
            return SQLITE_IOERR_SHMLOCK;
        }
    return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}

static void f_shm_barrier(sqlite3_file *f)
{
    real(f)->pMethods->xShmBarrier(real(f));
}

static int f_shm_unmap(sqlite3_file *f, int delete)
{
    return real(f)->pMethods->xShmUnmap(real(f), delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_size,
    .xLock = f_lock,
    .xUnlock = f_unlock,
    .xCheckReservedLock = f_check_reserved,
    .xFileControl = f_control,
    .xSectorSize = f_sector_size,
    .xDeviceCharacteristics = f_characteristics,
    .xShmMap = f_shm_map,
    .xShmLock = f_shm_lock,
    .xShmBarrier = f_shm_barrier,
    .xShmUnmap = f_shm_unmap,
};

/* ---- Methods of the file system ---- */

static int vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    struct file *file = (struct file *)f;
    int rc;

    (void)v;
    f->pMethods = NULL;
    if (verdict(IO_OPEN) != GO_ON)
        return SQLITE_CANTOPEN;
    file->kept = flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL);
    pthread_mutex_lock(&lock);
    if (file->kept) /* before the file is made */
        file->disk = disk_file(name);
    pthread_mutex_unlock(&lock);
    rc = usual->xOpen(usual, name, real(f), flags, ret_flags);
    if (real(f)->pMethods)
        f->pMethods = &methods;
    return rc;
}

static int vfs_delete(sqlite3_vfs *v, const char *name, int sync_dir)
{
    int rc;

    (void)v;
    if (verdict(IO_DELETE) != GO_ON)
        return SQLITE_IOERR_DELETE;
    rc = usual->xDelete(usual, name, sync_dir);
    pthread_mutex_lock(&lock);
    if (rc == SQLITE_OK)
        disk_delete(disk_file(name), sync_dir);
    pthread_mutex_unlock(&lock);
    return rc;
}

void crash_vfs_register(void)
{
    if (usual)
        return;
    usual = sqlite3_vfs_find(NULL);
    vfs = *usual;
    vfs.zName = CRASH_VFS;
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct file) + usual->szOsFile;
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    sqlite3_vfs_register(&vfs, 0);
}
