/* lookup, getattr, readlink, statfs: the one place where names become inode numbers. */
#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "../store/history.h"
#include "handle.h"
#include "loop.h"
#include "ops.h"
#include "reply.h"
#include "revision_name.h"

#define TEXT_BYTES 512 /* enough for most items */

/* What a name was found to be. ino 0: nothing. */
struct looked {
    uint64_t ino;
    struct stat stat;
    double entry_s, attr_s; /* how long the kernel may keep it */
    uint64_t node;          /* a scratch node: the kernel counts */
    struct buf text;        /* an item's */
};

static int found_at(struct fs *fs, const struct inode *in, struct looked *ret, struct err *e)
{
    struct at at AT_CLEANUP = AT_INIT;
    uint64_t ino = inode_encode(in);

    if (at_open_inode(fs, ino, in, &at, e) < 0 || at_stat(fs, &at, &ret->stat, e) < 0)
        return -1;
    ret->ino = ino;
    ret->entry_s = FOREVER_S;
    ret->attr_s = attr_timeout(fs, &at);
    return 0;
}

double attr_timeout(const struct fs *fs, const struct at *at)
{
    if (fs->read_only)
        return FOREVER_S;
    switch (at->in.kind) {
    case INODE_README:
    case INODE_CONTROL_FILE:
        return 0; /* their texts change by themselves */
    case INODE_SCRATCH:
    case INODE_HISTORY:
    case INODE_REVISIONS:
    case INODE_REVISION:
        return 0;
    default:
        return at->ino == inode_encode(&at->in) ? FOREVER_S : 0;
    }
}

static int nothing(struct looked *ret, double entry_s)
{
    ret->ino = 0;
    ret->entry_s = entry_s;
    return 0;
}

static int found_node(struct fs *fs, const struct scratch_info *info, struct looked *ret)
{
    ret->ino = inode_scratch(info->node);
    ret->node = info->node;
    scratch_stat_fill(fs, info, &ret->stat);
    ret->entry_s = info->kind == SCRATCH_PENDING ? 0 : FOREVER_S;
    ret->attr_s = 0;
    return 0;
}

/* ---- By kind of directory ---- */

static const struct {
    const char *name;
    enum inode_kind kind;
} root_names[] = {
    {"README", INODE_README},
    {"schemas", INODE_SCHEMAS},
    {"control", INODE_CONTROL},
};

static int lookup_root(struct fs *fs, const struct at *dir, const char *name, struct looked *ret,
                       struct err *e)
{
    const struct version *v;

    for (size_t i = 0; i < sizeof(root_names) / sizeof(root_names[0]); i++)
        if (strcmp(name, root_names[i].name) == 0)
            return found_at(fs, &(struct inode){.kind = root_names[i].kind}, ret, e);
    if (strcmp(name, "current") == 0)
        return dir->cat->default_number
                   ? found_at(fs, &(struct inode){.kind = INODE_CURRENT}, ret, e)
                   : nothing(ret, FOREVER_S);
    v = catalog_version(dir->cat, span_of(name));
    if (!v)
        return nothing(ret, FOREVER_S);
    return found_at(fs, &(struct inode){.kind = INODE_VERSION, .version = v->number}, ret, e);
}

static int lookup_control(struct fs *fs, const struct at *dir, const char *name, struct looked *ret,
                          struct err *e)
{
    (void)dir;
    for (size_t i = 0; i < n_control_files; i++)
        if (strcmp(name, control_files[i].name) == 0)
            return found_at(fs, &(struct inode){.kind = INODE_CONTROL_FILE, .number = i}, ret, e);
    return nothing(ret, FOREVER_S);
}

static int lookup_schemas(struct fs *fs, const struct at *dir, const char *name, struct looked *ret,
                          struct err *e)
{
    const struct version *v = schema_of_name(dir->cat, name);
    struct scratch_info info;

    if (v)
        return found_at(fs, &(struct inode){.kind = INODE_SCHEMA, .version = v->number}, ret, e);
    if (scratch_find(fs->scratch, dir->ino, name, &info))
        return found_node(fs, &info, ret);
    return nothing(ret, FOREVER_S);
}

static int lookup_version(struct fs *fs, const struct at *dir, const char *name, struct looked *ret,
                          struct err *e)
{
    struct inode in = {.kind = INODE_TYPE, .version = dir->v->number};
    const char *suffix = strstr(name, ".jsonl");
    struct span type = span_of(name);

    if (suffix && suffix[6] == 0) {
        type.n -= 6;
        in.kind = INODE_STREAM;
    }
    for (; in.type < dir->v->n_shapes; in.type++) {
        const struct shape *s = dir->v->shapes[in.type];

        if (s->kind == SHAPE_ITEM && span_eq(span_of(s->name), type))
            return found_at(fs, &in, ret, e);
    }
    return nothing(ret, FOREVER_S);
}

/* A negative entry is kept only where it can't hide what another version or the daemon makes. */
static double keep_nothing(const struct fs *fs, const struct found_name *f, const char *name)
{
    const char *end = strrchr(name, '.');

    if (fs->read_only)
        return FOREVER_S;
    return f->class == NAME_SCRATCH && (!end || strcmp(end, ".rejected") != 0) ? FOREVER_S : 0;
}

static int lookup_type(struct fs *fs, const struct at *dir, const char *name, struct looked *ret,
                       struct err *e)
{
    struct found_name f;

    if (strcmp(name, HISTORY_NAME) == 0)
        return found_at(fs,
                        &(struct inode){INODE_HISTORY, dir->in.version, dir->in.type, 0}, ret, e);
    hints_looked_up(&fs->hints, dir->ino);
    if (store_derives_first(fs->store, dir->v, dir->s))
        loop_will_block();
    if (!buf_reserve(&ret->text, TEXT_BYTES))
        return err_nomem(e);
    if (name_find(fs, dir, name, &f, &ret->text, e) < 0)
        return -1;
    if (f.what == FOUND_NONE)
        return nothing(ret, keep_nothing(fs, &f, name));
    if (f.what == FOUND_NODE)
        return found_node(fs, &f.node, ret);
    ret->ino = inode_item(dir->in.version, dir->in.type, f.number);
    item_stat_fill(fs, ret->ino, &f.stat, &ret->stat);
    ret->entry_s = ret->attr_s = FOREVER_S;
    return 0;
}

/* What `in` stands for, unless the store did not find its number. Asked for each time: revisions go
 * without a word. */
static int found_past(struct fs *fs, const struct inode *in, int found, struct looked *ret,
                      struct err *e)
{
    double keep_s = fs->read_only ? FOREVER_S : 0;
    struct err why = ERR_INIT;

    if (found < 0 && e->code != ERR_NOT_FOUND)
        return -1;
    if (found < 0 || found_at(fs, in, ret, &why) < 0) {
        *e = why;
        return why.code && why.code != ERR_NOT_FOUND ? -1 : nothing(ret, keep_s);
    }
    ret->entry_s = keep_s;
    return 0;
}

static int lookup_history(struct fs *fs, const struct at *dir, const char *name, struct looked *ret,
                          struct err *e)
{
    struct inode in = {INODE_REVISIONS, dir->in.version, dir->in.type, 0};
    struct span key;

    if (name_classify(name, &key) != NAME_ITEM)
        return nothing(ret, FOREVER_S);
    return found_past(
        fs, &in, store_history_find(fs->store, dir->cat, dir->v, dir->s, key, &in.number, e), ret,
        e);
}

static int lookup_revision(struct fs *fs, const struct at *dir, const char *name,
                           struct looked *ret, struct err *e)
{
    struct inode in = {INODE_REVISION, dir->in.version, dir->in.type, 0};
    int64_t at_ns;

    if (!revision_name_read(name, &at_ns))
        return nothing(ret, FOREVER_S);
    return found_past(fs, &in,
                      store_history_at(fs->store, dir->cat, dir->v, dir->s, dir->in.number, at_ns,
                                       &in.number, e),
                      ret, e);
}

typedef int (*lookup_fn)(struct fs *fs, const struct at *dir, const char *name, struct looked *ret,
                         struct err *e);

static const lookup_fn lookups[INODE_KINDS] = {
    [INODE_ROOT] = lookup_root,       [INODE_CONTROL] = lookup_control,
    [INODE_SCHEMAS] = lookup_schemas, [INODE_VERSION] = lookup_version,
    [INODE_TYPE] = lookup_type,       [INODE_HISTORY] = lookup_history,
    [INODE_REVISIONS] = lookup_revision,
};

static int look_up(struct fs *fs, const struct at *dir, const char *name, struct looked *ret,
                   struct err *e)
{
    lookup_fn fn = lookups[dir->in.kind];

    if (!fn)
        return err_set(e, ERR_NOT_FOUND, "not a directory");
    return fn(fs, dir, name, ret, e);
}

/* Answers with an entry, kept only when nothing has changed since the mark. */
static void reply_entry(fuse_req_t req, const struct looked *l, const struct shape *type,
                        uint64_t mark)
{
    struct fs *fs = fs_of(req);
    struct window w = notify_enter(fs->notify, type, mark);
    struct fuse_entry_param entry = {
        .ino = l->ino,
        .attr = l->stat,
        .entry_timeout = w.fresh ? l->entry_s : 0,
        .attr_timeout = w.fresh ? l->attr_s : 0,
    };

    if (l->node)
        scratch_known(fs->scratch, l->node);
    if (fuse_reply_entry(req, &entry) != 0 && l->node)
        scratch_forget(fs->scratch, l->node, 1);
    notify_leave(fs->notify, w);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fs *fs = fs_of(req);
    struct at dir AT_CLEANUP = AT_INIT;
    struct looked looked = {0};
    struct err e = ERR_INIT;
    uint64_t mark;

    if (at_open(fs, parent, &dir, &e) < 0) {
        reply_error(req, &e);
        return;
    }
    if (dir.in.kind == INODE_TYPE)
        notify_seen(fs->notify, dir.in.version, dir.in.type);
    mark = notify_mark(fs->notify, dir.s);
    if (look_up(fs, &dir, name, &looked, &e) < 0) {
        refuse_name(req, &dir, name, &e);
    } else {
        /* Before the answer: the READ may come right after it. */
        recent_keep(fs->recent, looked.ino, mark, &looked.text);
        reply_entry(req, &looked, dir.s, mark);
    }
    buf_free(&looked.text);
}

static void forget(struct fs *fs, uint64_t ino, uint64_t n)
{
    struct inode in;

    if (inode_decode(ino, &in) && in.kind == INODE_SCRATCH)
        scratch_forget(fs->scratch, in.number, n);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
    forget(fs_of(req), ino, n);
    fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        forget(fs_of(req), forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(req);
}

/* ---- Attributes ---- */

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct fs *fs = fs_of(req);
    struct at at AT_CLEANUP = AT_INIT;
    struct err e = ERR_INIT;
    struct window w;
    struct stat st;
    uint64_t mark;

    if (at_open(fs, ino, &at, &e) < 0) {
        inode_gone(&e);
        reply_error(req, &e);
        return;
    }
    mark = notify_mark(fs->notify, at.s);
    if (at_stat(fs, &at, &st, &e) < 0) {
        inode_gone(&e);
        reply_error(req, &e);
        return;
    }
    if (at.in.kind == INODE_SCRATCH && is_writer(handle_of(fi)))
        st.st_size = (off_t)writer_size((struct writer *)handle_of(fi));
    w = notify_enter(fs->notify, at.s, mark);
    fuse_reply_attr(req, &st, w.fresh ? attr_timeout(fs, &at) : 0);
    notify_leave(fs->notify, w);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    struct fs *fs = fs_of(req);
    struct buf target BUF_CLEANUP = BUF_INIT;
    struct at at AT_CLEANUP = AT_INIT;
    struct err e = ERR_INIT;
    const struct version *v;
    int r = at_open(fs, ino, &at, &e);

    /* `current` is the only link. */
    if (r == 0) {
        v = catalog_live(at.cat, at.cat->default_number);
        r = v && buf_adds(&target, v->name) ? 0
                                            : err_set(&e, ERR_NOT_FOUND, "there is no version yet");
    }
    if (r < 0 || !buf_str(&target))
        reply_error(req, &e);
    else
        fuse_reply_readlink(req, target.p);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    struct statvfs st;

    (void)ino;
    if (fstatvfs(fs_of(req)->store_dir, &st) != 0) {
        fuse_reply_err(req, errno);
        return;
    }
    st.f_namemax = NAME_BYTES_MAX;
    fuse_reply_statfs(req, &st);
}
