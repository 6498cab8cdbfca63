/* Checkpoints: only here, only by the leader of the write queue [I9]. */
#include <sys/statvfs.h>

#include "missing.h"

static bool room_is_short(const struct store *s)
{
    struct statvfs disk;

    return statvfs(s->path, &disk) == 0 &&
           (uint64_t)disk.f_bavail * disk.f_frsize < ROOM_SHORT;
}

/* A page that each commit writes anew goes to the file once a checkpoint, so these are rare; where there
 * is little room, the log starts anew sooner. */
static bool is_due(struct store *s)
{
    if (s->wal_frames - s->wal_checkpointed >= s->wal_checkpoint)
        return true;
    if (s->wal_frames - s->wal_looked < WAL_SHORT)
        return false;
    s->wal_looked = s->wal_frames;
    return room_is_short(s);
}

/* After the callers were answered. In small bites; when readers never let the log start anew, it
 * waits for them a little. */
void checkpoint_if_due(struct store *s)
{
    struct conn *c = s->writer;
    bool restart = s->wal_frames >= WAL_RESTART;
    struct err e = ERR_INIT;
    int rc;

    if (s->wal_frames < s->wal_checkpointed)
        s->wal_checkpointed = s->wal_looked = 0;
    if (!is_due(s) || atomic_load(&s->failed))
        return;
    s->wal_checkpointed = s->wal_looked = s->wal_frames;
    store_will_wait(s);
    if (restart)
        sqlite3_busy_timeout(c->db, 100);
    missing_pause(s->missing);
    rc = sqlite3_wal_checkpoint_v2(
        c->db, NULL, restart ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    missing_resume(s->missing);
    if (restart)
        sqlite3_busy_timeout(c->db, 2000);
    /* A full disk or a busy reader: tried again later. A failed sync: conn_error remembers it. */
    if (rc != SQLITE_OK && rc != SQLITE_BUSY)
        conn_error(c, rc, &e);
}
