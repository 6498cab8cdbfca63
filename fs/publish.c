/* What becomes of a draft: the store takes it, or it is kept beside the item with the reason. */
#include <assert.h>
#include <stdio.h>

#include "handle.h"
#include "reply.h"
#include "../schemas/clock.h"

#define REJECTED ".rejected"

static uint64_t dir_of(const struct at *at)
{
    return inode_type(at->in.version, at->in.type);
}

/* ---- The refused text ---- */

static bool rejected_name(const char *name, char *ret, size_t size)
{
    return (size_t)snprintf(ret, size, "%s" REJECTED, name) < size;
}

bool rejected_drop(struct fs *fs, const struct at *dir, const char *name)
{
    char rejected[NAME_BYTES_MAX + 1];
    struct scratch_info info;

    if (!rejected_name(name, rejected, sizeof(rejected)) ||
        !scratch_find(fs->scratch, dir_of(dir), rejected, &info) || info.kind != SCRATCH_FILE)
        return false;
    scratch_unlink(fs->scratch, info.node);
    notify_name(fs->notify, dir_of(dir), rejected);
    return true;
}

/* A file that is not kept for want of room is no second error. */
void rejected_keep(struct fs *fs, const struct at *dir, const char *name, struct span text,
                   const struct stat *like)
{
    char rejected[NAME_BYTES_MAX + 1];
    struct scratch_make make = {.dir = dir_of(dir),
                                .name = rejected,
                                .kind = SCRATCH_FILE,
                                .mode = like->st_mode & 07777,
                                .uid = like->st_uid,
                                .gid = like->st_gid,
                                .mtime_ns = clock_wall_ns(),
                                .text = text};
    struct scratch_info info;
    struct err ignored = ERR_INIT;

    if (!rejected_name(name, rejected, sizeof(rejected)))
        return;
    rejected_drop(fs, dir, name);
    if (scratch_make(fs->scratch, &make, &info, &ignored) < 0)
        log_line("%s is not kept: %s", rejected, ignored.text);
    notify_name(fs->notify, dir_of(dir), rejected);
}

bool writer_name(struct writer *w, const struct at *at, struct buf *ret)
{
    struct err ignored = ERR_INIT;

    if (w->node && scratch_name(w->h.fs->scratch, w->node, ret))
        return true;
    return w->item.number != 0 &&
           store_key(w->h.fs->store, at->cat, at->v, at->s, w->item.number, ret, &ignored) == 0 &&
           buf_adds(ret, ".json");
}

/* A type that shows some of the same items, and not this one, keeps nothing of it. */
static int set_attr_in(struct fs *fs, const struct version *v, const struct shape *s,
                       uint64_t number, const struct item_stat *attr, struct err *e)
{
    struct err why = ERR_INIT;

    if (store_set_attr(fs->store, v, s, number, ATTR_MODE | ATTR_OWNER, attr, &why) == 0 ||
        why.code == ERR_NOT_FOUND)
        return 0;
    *e = why;
    return -1;
}

/* The attributes a reader of the item sees. */
static void like_item(struct writer *w, const struct at *at, struct stat *ret)
{
    struct fs *fs = w->h.fs;
    struct err ignored = ERR_INIT;
    struct scratch_info info;

    *ret = (struct stat){.st_mode = fs->file_mode, .st_uid = fs->uid, .st_gid = fs->gid};
    if (w->node && scratch_get(fs->scratch, w->node, &info) && !info.published)
        scratch_stat_fill(fs, &info, ret);
    else
        at_stat(fs, at, ret, &ignored);
}

void writer_note_refusal(struct writer *w, const struct at *at, const struct err *e)
{
    struct buf name BUF_CLEANUP = BUF_INIT;
    char path[PATH_SIZE];
    struct stat like;

    if (w->kept)
        return;
    w->kept = true;
    if (!writer_name(w, at, &name) || !buf_str(&name))
        buf_reset(&name);
    path_of(at, name.n ? name.p : "", path, sizeof(path));
    refusal_note(w->h.fs, path, e);
    if (w->draft.text.n == 0 || name.n == 0)
        return;
    like_item(w, at, &like);
    rejected_keep(w->h.fs, at, name.p, buf_span(&w->draft.text), &like);
    w->settled = true;
}

/* ---- Attributes of what is made ---- */

static bool has_default_attr(const struct fs *fs, const struct scratch_info *node)
{
    return node->mode == fs->file_mode && node->uid == fs->uid && node->gid == fs->gid;
}

static bool has_same_attr(struct fs *fs, const struct at *at, uint64_t number,
                          const struct scratch_info *node)
{
    struct err ignored = ERR_INIT;
    struct item_stat is;
    struct stat st;

    if (store_read(fs->store, at->cat, at->v, at->s, number, &is, NULL, &ignored) < 0)
        return true;
    item_stat_fill(fs, at->ino, &is, &st);
    return (st.st_mode & 07777) == node->mode && st.st_uid == node->uid && st.st_gid == node->gid;
}

void keep_created_attr(struct fs *fs, const struct at *at, uint64_t number,
                       const struct scratch_info *node, bool everywhere)
{
    struct item_stat attr = {.mode = node->mode, .uid = node->uid, .gid = node->gid};
    struct err e = ERR_INIT;
    int r = 0;

    if (everywhere ? has_default_attr(fs, node) : has_same_attr(fs, at, number, node))
        return;
    for (size_t i = 0; i < at->cat->n_entries && r == 0; i++) {
        const struct version *v = at->cat->entries[i].v;

        if (at->cat->entries[i].state != VERSION_LIVE || (!everywhere && v != at->v))
            continue;
        for (size_t t = 0; t < v->n_shapes && r == 0; t++)
            if (v->shapes[t]->kind == SHAPE_ITEM && (shape_has_coll(v->shapes[t], at->s->coll) ||
                                                      shape_has_coll(at->s, v->shapes[t]->coll)))
                r = set_attr_in(fs, v, v->shapes[t], number, &attr, &e);
    }
    if (r < 0)
        log_line("mode of a new item is not kept: %s", e.text);
}

/* ---- Limbo ---- */

int limbo_text(struct fs *fs, const struct at *dir, uint64_t number, struct buf *ret, struct err *e)
{
    struct err why = ERR_INIT;

    if (store_read(fs->store, dir->cat, dir->v, dir->s, number, NULL, ret, &why) == 0 ||
        why.code == ERR_NOT_FOUND)
        return 0;
    *e = why;
    return -1;
}

void limbo_settle(struct fs *fs, const struct at *dir, uint64_t number, struct span old_text)
{
    struct buf name BUF_CLEANUP = BUF_INIT;
    uint64_t node = scratch_hides(fs->scratch, dir_of(dir), number);

    if (!node)
        return;
    if (scratch_name(fs->scratch, node, &name) && buf_str(&name))
        notify_name(fs->notify, dir_of(dir), name.p);
    scratch_settle(fs->scratch, node, old_text);
}

/* ---- Publication ---- */

/* What has become of the node since: another writer published it, or somebody deleted it. */
bool writer_forgot(struct writer *w)
{
    struct scratch_info info;

    if (w->item.number || !w->node)
        return false;
    if (!scratch_get(w->h.fs->scratch, w->node, &info))
        return true;
    if (info.published)
        w->item.number = info.alias.number;
    return !info.published && !info.linked;
}

/* A text that changes nothing changes no time either; who asked for one gets it. */
static void keep_mtime(struct writer *w, const struct at *at, int64_t asked_ns,
                       const struct item_stat *is)
{
    struct item_stat attr = {.mtime_ns = asked_ns};
    struct err e = ERR_INIT;

    if (asked_ns && is->mtime_ns != asked_ns &&
        store_set_attr(w->h.fs->store, at->v, at->s, is->number, ATTR_MTIME, &attr, &e) < 0)
        log_line("the time of an item is not kept: %s", e.text);
}

/* Texts of items that refer to this one may show what it holds. */
static int put_wide(struct fs *fs, const struct at *at, const struct store_put *p,
                    struct item_stat *ret, struct err *e)
{
    int r;

    files_begin_wide(fs->files);
    r = store_put(fs->store, at->v, at->s, p, ret, e);
    files_end_wide(fs->files);
    return r;
}

/* A writer that made its file is known to files.h by that alone, not by the item: one that another
 * made under the name meanwhile may have readers. */
static int put_made(struct fs *fs, const struct at *at, struct store_put *p, struct item_stat *ret,
                    struct err *e)
{
    struct err taken = ERR_INIT;
    bool exclusive = p->exclusive;

    if (p->number)
        return put_wide(fs, at, p, ret, e);
    p->exclusive = true;
    if (store_put(fs->store, at->v, at->s, p, ret, &taken) == 0)
        return 0;
    if (taken.code != ERR_EXISTS || exclusive) {
        *e = taken;
        return -1;
    }
    p->exclusive = false;
    return put_wide(fs, at, p, ret, e);
}

static int put_somehow(struct writer *w, const struct at *at, struct store_put *p,
                       struct item_stat *ret, struct err *e)
{
    struct fs *fs = w->h.fs;

    if (at->cat->n_volatile)
        return put_wide(fs, at, p, ret, e);
    if (w->node)
        return put_made(fs, at, p, ret, e);
    return store_put(fs->store, at->v, at->s, p, ret, e);
}

static int put(struct writer *w, const struct at *at, struct span key, struct item_stat *ret,
               struct err *e)
{
    struct scratch_info info;
    struct store_put p = {
        .key = key,
        .number = w->item.number ? w->item.number : w->updates,
        .base = w->base,
        .text = buf_span(&w->draft.text),
        .exclusive = w->exclusive && !w->item.number && !w->updates,
        .strict = w->h.fs->strict,
        .replace = w->updates != 0,
        .mtime_ns = w->mtime_ns,
    };

    if (!p.mtime_ns && w->node && scratch_get(w->h.fs->scratch, w->node, &info) && info.has_mtime)
        p.mtime_ns = info.mtime_ns;
    if (put_somehow(w, at, &p, ret, e) < 0)
        return -1;
    usage_wrote(w->h.fs->usage, at->v->number, 1);
    keep_mtime(w, at, p.mtime_ns, ret);
    return 0;
}

static void published_node(struct writer *w, const struct at *at, const char *name)
{
    struct fs *fs = w->h.fs;
    struct scratch_info info;

    if (!w->node || !scratch_get(fs->scratch, w->node, &info) || info.published)
        return;
    keep_created_attr(fs, at, w->item.number, &info, w->updates == 0);
    scratch_publish(fs->scratch, w->node, &w->item);
    /* The kernel knows the name as the node's. Of a new item the store says so to every version. */
    if (w->updates)
        notify_name(fs->notify, dir_of(at), name);
}

static void published(struct writer *w, const struct at *at, const char *name, uint64_t number)
{
    w->item.number = number;
    published_node(w, at, name);
    w->settled |= rejected_drop(w->h.fs, at, name);
    draft_published(&w->draft);
    w->updates = 0;
    w->exclusive = false;
    w->rebase = true;
    w->mtime_ns = 0;
}

int writer_publish(struct writer *w, const struct at *at, struct err *e)
{
    struct fs *fs = w->h.fs;
    struct buf name BUF_CLEANUP = BUF_INIT, old BUF_CLEANUP = BUF_INIT;
    uint64_t updates = w->updates;
    struct item_stat is;
    struct span key;

    if (writer_forgot(w)) {
        draft_published(&w->draft);
        return 0;
    }
    if (draft_complete(&w->draft, e) < 0)
        return -1;
    if (!writer_name(w, at, &name) || !buf_str(&name))
        return err_set(e, ERR_NOT_FOUND, "the item was deleted");
    name_classify(name.p, &key);
    if (updates && limbo_text(fs, at, updates, &old, e) < 0)
        return -1;
    if (put(w, at, key, &is, e) < 0)
        return -1;
    published(w, at, name.p, is.number);
    if (updates) {
        limbo_settle(fs, at, updates, buf_span(&old));
        w->settled = true;
    }
    return w->sync ? store_sync(fs->store, e) : 0;
}

int publish_text(struct fs *fs, const struct at *dir, const struct publication *p,
                 struct item_stat *ret, struct err *e)
{
    struct store_base *base = NULL;
    /* To cached readers a file renamed over the item is a writer like any other (files.h). */
    struct opening o = {.ino = inode_item(dir->in.version, dir->in.type, p->number)};
    bool apart = p->number && files_open_writer(fs->files, &o);
    struct store_put put = {.key = p->key,
                            .number = p->number,
                            .text = p->text,
                            .exclusive = p->exclusive,
                            .mtime_ns = p->mtime_ns};
    int r = 0;

    if (p->number)
        r = store_base_get(fs->store, dir->cat, dir->v, dir->s, p->number, &base, NULL, e);
    put.base = base;
    if (r == 0 && dir->cat->n_volatile)
        r = put_wide(fs, dir, &put, ret, e);
    else if (r == 0)
        r = store_put(fs->store, dir->v, dir->s, &put, ret, e);
    store_base_free(base);
    if (apart)
        files_close(fs->files, &o);
    if (r == 0) {
        usage_wrote(fs->usage, dir->v->number, 1);
        keep_created_attr(fs, dir, ret->number, p->node, p->number == 0);
    }
    return r;
}
