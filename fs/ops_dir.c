/* Listings. Offsets are item and node numbers (inode.h), so a listing has no state of its own and
 * goes on after any change.
 *
 * READDIRPLUS brings entries with their attributes, which saves a LOOKUP for each file that is used
 * afterwards, and costs the kernel an inode for each that is not. In a directory of up to
 * PLUS_ALWAYS items it is worth it; in a larger one only while its files are asked for one by one.
 * An entry without attributes has no inode number in a READDIRPLUS answer, and the kernel makes
 * nothing of it. */
#include <errno.h>
#include <linux/fuse.h>
#include <stdio.h>

#include "../store/history.h"
#include "handle.h"
#include "loop.h"
#include "revision_name.h"
#include "ops.h"
#include "reply.h"

#define PLUS_ALWAYS   200000
#define LISTING_BYTES (1u << 20)

/* What a request asks for. */
struct part {
    uint64_t ino, offset;
    size_t size;
    bool plus;
};

struct lister {
    fuse_req_t req;
    struct fs *fs;
    const struct at *dir;
    char *out;
    size_t size, used;
    bool plus;  /* the request is a READDIRPLUS */
    bool attrs; /* and brings attributes along */
    bool full;
};

/* st: with all its attributes when `kept`, else its number and kind alone count. */
static bool add(struct lister *l, const char *name, const struct stat *st, bool kept, off_t next)
{
    struct fuse_entry_param entry = {.ino = kept ? st->st_ino : 0, .attr = *st};
    size_t left = l->size - l->used, n;

    if (kept)
        entry.entry_timeout = entry.attr_timeout = FOREVER_S;
    n = l->plus ? fuse_add_direntry_plus(l->req, l->out + l->used, left, name, &entry, next)
                : fuse_add_direntry(l->req, l->out + l->used, left, name, st, next);
    if (n > left) {
        l->full = true;
        return false;
    }
    l->used += n;
    return true;
}

static bool add_plain(struct lister *l, const char *name, uint64_t ino, mode_t kind, uint64_t next)
{
    struct stat st = {.st_ino = ino, .st_mode = kind};

    return add(l, name, &st, false, (off_t)next);
}

static void list_dots(struct lister *l, uint64_t offset)
{
    if (offset < OFFSET_DOT)
        add_plain(l, ".", l->dir->ino, S_IFDIR, OFFSET_DOT);
    if (offset < OFFSET_DOT_DOT && !l->full)
        add_plain(l, "..", FUSE_ROOT_ID, S_IFDIR, OFFSET_DOT_DOT);
}

/* The n-th entry of a directory without items, unless it was listed before. */
static void add_nth(struct lister *l, uint64_t offset, uint64_t n, const char *name, uint64_t ino,
                    mode_t kind)
{
    if (!l->full && offset < OFFSET_ENTRIES + n)
        add_plain(l, name, ino, kind, OFFSET_ENTRIES + n);
}

/* ---- By kind of directory ---- */

static int list_root(struct lister *l, uint64_t offset, struct err *e)
{
    const struct catalog *cat = l->dir->cat;

    (void)e;
    add_nth(l, offset, 1, "README", inode_fixed(INODE_README), S_IFREG);
    if (cat->default_number)
        add_nth(l, offset, 2, "current", inode_fixed(INODE_CURRENT), S_IFLNK);
    add_nth(l, offset, 3, "schemas", inode_fixed(INODE_SCHEMAS), S_IFDIR);
    add_nth(l, offset, 4, "control", inode_fixed(INODE_CONTROL), S_IFDIR);
    for (size_t i = 0; i < cat->n_entries; i++)
        if (cat->entries[i].state == VERSION_LIVE)
            add_nth(l, offset, 4 + cat->entries[i].v->number, cat->entries[i].v->name,
                    inode_version(cat->entries[i].v->number), S_IFDIR);
    return 0;
}

static int list_control(struct lister *l, uint64_t offset, struct err *e)
{
    (void)e;
    for (size_t i = 0; i < n_control_files; i++)
        add_nth(l, offset, i + 1, control_files[i].name, inode_control_file(i), S_IFREG);
    return 0;
}

static int list_version(struct lister *l, uint64_t offset, struct err *e)
{
    const struct version *v = l->dir->v;
    char stream[300];

    (void)e;
    for (uint32_t t = 0; t < v->n_shapes; t++) {
        if (v->shapes[t]->kind != SHAPE_ITEM)
            continue;
        snprintf(stream, sizeof(stream), "%s.jsonl", v->shapes[t]->name);
        add_nth(l, offset, 2 * t + 1, v->shapes[t]->name, inode_type(v->number, t), S_IFDIR);
        add_nth(l, offset, 2 * t + 2, stream, inode_stream(v->number, t), S_IFREG);
    }
    return 0;
}

static bool add_scratch(void *arg, const char *name, const struct scratch_info *info)
{
    struct lister *l = arg;
    uint64_t ino = inode_scratch(info->node);

    if (info->kind == SCRATCH_LIMBO)
        ino = inode_item(l->dir->in.version, l->dir->in.type, info->item);
    if (l->dir->in.kind == INODE_SCHEMAS && schema_of_name(l->dir->cat, name))
        return true;
    return add_plain(l, name, ino, S_IFREG, OFFSET_SCRATCH + info->node);
}

static void list_scratch(struct lister *l, uint64_t offset)
{
    if (!l->full)
        scratch_list(l->fs->scratch, l->dir->ino,
                     offset > OFFSET_SCRATCH ? offset - OFFSET_SCRATCH : 0, add_scratch, l);
}

static int list_schemas(struct lister *l, uint64_t offset, struct err *e)
{
    const struct catalog *cat = l->dir->cat;
    char name[VERSION_NAME_SIZE + sizeof(".yaml")];

    (void)e;
    for (size_t i = 0; i < cat->n_entries; i++) {
        if (cat->entries[i].state != VERSION_LIVE)
            continue;
        snprintf(name, sizeof(name), "%s.yaml", cat->entries[i].v->name);
        add_nth(l, offset, cat->entries[i].v->number, name, inode_schema(cat->entries[i].v->number),
                S_IFREG);
    }
    list_scratch(l, offset);
    return 0;
}

static int add_item(void *arg, struct span key, const struct item_stat *is, struct span text)
{
    struct lister *l = arg;
    uint64_t ino = inode_item(l->dir->in.version, l->dir->in.type, is->number);
    char name[KEY_BYTES_MAX + sizeof(".json")];
    struct stat st = {.st_ino = ino, .st_mode = S_IFREG};

    (void)text;
    if (scratch_hides(l->fs->scratch, l->dir->ino, is->number))
        return 0;
    snprintf(name, sizeof(name), "%.*s.json", (int)key.n, key.p);
    if (l->attrs)
        item_stat_fill(l->fs, ino, is, &st);
    return !add(l, name, &st, l->attrs, (off_t)(OFFSET_ENTRIES + is->number));
}

static bool wants_attrs(struct lister *l)
{
    const struct at *dir = l->dir;

    if (!l->plus)
        return false;
    if (store_count(l->fs->store, dir->v, dir->s) <= PLUS_ALWAYS)
        return true;
    return hints_take_credit(&l->fs->hints, dir->ino);
}

static int list_type(struct lister *l, uint64_t offset, struct err *e)
{
    const struct at *dir = l->dir;
    uint64_t after = offset > OFFSET_ENTRIES ? offset - OFFSET_ENTRIES : 0;

    if (store_derives_first(l->fs->store, dir->v, dir->s))
        loop_will_block(); /* the type is derived now, by a scan */
    l->attrs = wants_attrs(l);
    if (offset < OFFSET_SCRATCH && !l->full &&
        store_list(l->fs->store, dir->cat, dir->v, dir->s, after, l->attrs ? LIST_STAT : 0,
                   add_item, l, e) < 0)
        return -1;
    list_scratch(l, offset);
    return 0;
}

static int add_past(void *arg, struct span key, uint64_t number)
{
    struct lister *l = arg;
    struct inode in = {INODE_REVISIONS, l->dir->in.version, l->dir->in.type, number};
    char name[KEY_BYTES_MAX + sizeof(".json")];

    snprintf(name, sizeof(name), "%.*s.json", (int)key.n, key.p);
    return !add_plain(l, name, inode_encode(&in), S_IFDIR, OFFSET_ENTRIES + number);
}

static int list_history(struct lister *l, uint64_t offset, struct err *e)
{
    const struct at *dir = l->dir;
    uint64_t after = offset > OFFSET_ENTRIES ? offset - OFFSET_ENTRIES : 0;

    return store_history_names(l->fs->store, dir->cat, dir->v, dir->s, after, add_past, l, e);
}

static int add_revision(void *arg, int64_t at_ns, uint64_t revision)
{
    struct lister *l = arg;
    struct inode in = {INODE_REVISION, l->dir->in.version, l->dir->in.type, revision};
    char name[REVISION_NAME_SIZE];

    return !add_plain(l, revision_name(at_ns, name), inode_encode(&in), S_IFREG,
                      (uint64_t)at_ns);
}

static int list_revisions(struct lister *l, uint64_t offset, struct err *e)
{
    const struct at *dir = l->dir;

    return store_history_list(l->fs->store, dir->cat, dir->v, dir->s, dir->in.number,
                              (int64_t)(offset < OFFSET_ENTRIES ? OFFSET_ENTRIES : offset),
                              add_revision, l, e);
}

static int (*const lists[INODE_KINDS])(struct lister *l, uint64_t offset, struct err *e) = {
    [INODE_ROOT] = list_root,       [INODE_CONTROL] = list_control, [INODE_SCHEMAS] = list_schemas,
    [INODE_VERSION] = list_version, [INODE_TYPE] = list_type,
    [INODE_HISTORY] = list_history, [INODE_REVISIONS] = list_revisions,
};

/* ---- Answers ---- */

/* Something has changed since the entries were read: the kernel keeps nothing of them. */
static void keep_no_attrs(struct lister *l)
{
    struct fuse_direntplus *d;

    for (size_t at = 0; at < l->used; at += FUSE_DIRENTPLUS_SIZE(d)) {
        d = (struct fuse_direntplus *)(void *)(l->out + at);
        d->entry_out.entry_valid = d->entry_out.attr_valid = 0;
        d->entry_out.entry_valid_nsec = d->entry_out.attr_valid_nsec = 0;
    }
}

static int fill(struct lister *l, uint64_t offset, struct err *e)
{
    if (!lists[l->dir->in.kind])
        return err_set(e, ERR_NOT_FOUND, "not a directory");
    list_dots(l, offset);
    return l->full ? 0 : lists[l->dir->in.kind](l, offset, e);
}

static void reply_listing(struct lister *l, const struct shape *type, uint64_t mark)
{
    struct notify *n = l->fs->notify;
    struct window w = notify_enter(n, type, mark);

    if (l->attrs && !w.fresh)
        keep_no_attrs(l);
    fuse_reply_buf(l->req, l->out, l->used);
    notify_leave(n, w);
}

static void list(fuse_req_t req, const struct part *p)
{
    struct fs *fs = fs_of(req);
    struct at dir AT_CLEANUP = AT_INIT;
    struct err e = ERR_INIT;
    struct lister l = {.req = req, .fs = fs, .dir = &dir, .plus = p->plus};
    const struct shape *type = NULL;
    uint64_t mark;

    if (at_open(fs, p->ino, &dir, &e) < 0) {
        reply_error(req, &e);
        return;
    }
    if (dir.in.kind == INODE_TYPE) {
        notify_seen(fs->notify, dir.in.version, dir.in.type);
        type = dir.s;
    }
    mark = notify_mark(fs->notify, type);
    l.size = p->size < LISTING_BYTES ? p->size : LISTING_BYTES;
    l.out = malloc(l.size);
    if (!l.out)
        err_nomem(&e);
    if (!l.out || fill(&l, p->offset, &e) < 0)
        reply_error(req, &e);
    else
        reply_listing(&l, type, mark);
    free(l.out);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *fi)
{
    (void)fi;
    list(req, &(struct part){ino, (uint64_t)offset, size, false});
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
    (void)fi;
    list(req, &(struct part){ino, (uint64_t)offset, size, true});
}

/* Answered so once, the kernel opens directories by itself from then on, and keeps their listings.
 */
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    (void)fi;
    fuse_reply_err(req, ENOSYS);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    (void)fi;
    fuse_reply_err(req, 0);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    struct err e = ERR_INIT;

    (void)ino;
    (void)datasync;
    (void)fi;
    reply_done(req, store_sync(fs_of(req)->store, &e), &e);
}
