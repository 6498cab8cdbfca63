/* Damage: what is looked at when a store is opened, and what follows when damage is met while it
 * serves.
 *
 * A damaged store is read-only from then on, for a reason that status and every refused write tell;
 * what is damaged answers EIO, the rest can be read and copied away. The reason stays until the
 * store is opened again.
 *
 * Met is not proven: a read that the disk answered badly once is no damage. So the connection that
 * met it is asked no more, and a new one looks again: at the item, or, when a page of the file was
 * wrong, at the whole file, if that is small.
 *
 * A file that its name does not lead to any more would take what is written with it: nothing is, until it is
 * back. Every commit looks; who only wants to know early, at opening, believes a look of a moment ago. */
#include "internal.h"

#include <stdio.h>
#include <sys/stat.h>

#include "../schemas/clock.h"

#define SEEN_LATELY_NS (10 * INT64_C(1000000))
#define LOOK_BYTES (64 * 1024 * 1024) /* a larger file takes too long while a caller waits */

bool damage_is_known(const struct store *s)
{
    return atomic_load(&s->damaged);
}

void damage_set(struct store *s, const char *why)
{
    pthread_mutex_lock(&s->state.lock);
    if (!s->damage[0])
        snprintf(s->damage, sizeof s->damage, "%s", why);
    pthread_mutex_unlock(&s->state.lock);
    atomic_store(&s->damaged, true);
}

/* ---- Its file ---- */

void damage_know_file(struct store *s)
{
    struct stat st;

    if (stat(s->path, &st) == 0) {
        s->file_device = st.st_dev;
        s->file_number = st.st_ino;
    }
}

bool damage_file_is_away(struct store *s)
{
    struct stat st;
    bool away;

    if (!s->file_number)
        return false;
    away = stat(s->path, &st) != 0 || st.st_ino != s->file_number || st.st_dev != s->file_device;
    atomic_store(&s->file_seen_ns, away ? 0 : clock_steady_ns());
    return away;
}

static bool was_seen_lately(const struct store *s)
{
    int64_t seen = atomic_load(&s->file_seen_ns);

    return seen && clock_steady_ns() - seen < SEEN_LATELY_NS;
}

/* ---- What follows ---- */

static bool is_well(const struct store *s)
{
    return !damage_is_known(s) && !atomic_load(&s->failed);
}

static int refuse(struct store *s, struct err *e)
{
    struct buf why BUF_CLEANUP = BUF_INIT;

    if (store_trouble(s, &why, e) || !buf_str(&why))
        return err_nomem(e);
    return err_set(e, ERR_READ_ONLY, "the store is read-only: %s", why.p);
}

int damage_keeps_from_writing(struct store *s, struct err *e)
{
    return is_well(s) && !damage_file_is_away(s) ? 0 : refuse(s, e);
}

int store_may_write(struct store *s, struct err *e)
{
    return is_well(s) && was_seen_lately(s) ? 0 : damage_keeps_from_writing(s, e);
}

int store_trouble(struct store *s, struct buf *ret, struct err *e)
{
    bool ok = true;

    if (atomic_load(&s->failed))
        return buf_adds(ret, "a sync of it failed; mount it again") ? 0 : err_nomem(e);
    if (damage_file_is_away(s))
        return buf_printf(ret,
                          "\"%s\" was moved, replaced or deleted; put it back, or copy what you need "
                          "out of the mount",
                          s->path)
                   ? 0
                   : err_nomem(e);
    if (!damage_is_known(s))
        return 0;
    pthread_mutex_lock(&s->state.lock);
    ok = buf_printf(ret, "%s; unmount it and run schemafs fsck", s->damage);
    pthread_mutex_unlock(&s->state.lock);
    return ok ? 0 : err_nomem(e);
}

int item_damaged(struct conn *c, uint64_t id, const char *how, struct err *e)
{
    c->suspect = id;
    return err_set(e, ERR_IO, "the store is damaged: item %llu: %s",
                   (unsigned long long)id_number(id), how);
}

int item_decode(struct conn *c, uint64_t id, struct span body, struct record *rec, struct err *e)
{
    struct err why = ERR_INIT;

    if (record_decode(body, rec, &why) == 0)
        return 0;
    return why.code == ERR_NO_MEMORY ? err_nomem(e) : item_damaged(c, id, why.text, e);
}

/* ---- Looking again ---- */

static bool is_small(const struct store *s)
{
    struct stat st;

    return stat(s->path, &st) == 0 && st.st_size <= LOOK_BYTES;
}

/* *ret: what is wrong; "" = nothing, or there was no memory to see it. */
static void look_at_file(struct conn *c, char *ret, size_t size)
{
    struct err e = ERR_INIT;
    sqlite3_stmt *st;
    bool row;

    if (conn_prepare(c, "PRAGMA quick_check(1)", &st, &e) == 0) {
        if (conn_step(c, st, &row, &e) == 0 && row && !span_eq(column_span(st, 0), span_of("ok")))
            snprintf(ret, size, "a page of the file is damaged: %.200s",
                     (const char *)sqlite3_column_text(st, 0));
        sqlite3_finalize(st);
    }
    if (c->doubtful && e.code != ERR_NO_MEMORY)
        snprintf(ret, size, "a page of the file is damaged");
}

static void look_at_item(struct conn *c, uint64_t id, char *ret, size_t size)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    struct err e = ERR_INIT;
    bool found;

    if (item_row_get(c, id, &row, &found, &e) && c->suspect)
        snprintf(ret, size, "%.*s", (int)size - 1, e.text);
}

static void look_again(struct store *s, uint64_t id, char *ret, size_t size)
{
    struct err e = ERR_INIT;
    struct conn *c;

    if (conn_open(s, false, &c, &e))
        return;
    if (id)
        look_at_item(c, id, ret, size);
    else
        look_at_file(c, ret, size);
    conn_close(c);
}

void damage_met(struct store *s, struct conn *c)
{
    uint64_t id = c->suspect;
    char why[sizeof s->damage] = "";

    c->suspect = 0;
    if (damage_is_known(s) || (!id && !c->doubtful))
        return;
    if (!id && !is_small(s))
        snprintf(why, sizeof why, "a page of the file is damaged");
    else
        look_again(s, id, why, sizeof why);
    if (why[0])
        damage_set(s, why);
}
