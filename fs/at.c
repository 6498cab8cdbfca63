#include "fs.h"

#include "../schemas/value.h"
#include "reply.h"

/* ---- Inode numbers to what they stand for ---- */

static int resolve_version(struct at *at, struct err *e)
{
    const struct catalog_entry *entry = catalog_entry(at->cat, at->in.version);

    at->v = catalog_live(at->cat, at->in.version);
    if (at->v)
        return 0;
    return err_set(e, ERR_STALE, "%s is no longer served", entry ? entry->v->name : "its version");
}

static int resolve_type(struct at *at, struct err *e)
{
    if (resolve_version(at, e) < 0)
        return -1;
    if (at->in.type >= at->v->n_shapes || at->v->shapes[at->in.type]->kind != SHAPE_ITEM)
        return err_set(e, ERR_NOT_FOUND, "no such type");
    at->s = at->v->shapes[at->in.type];
    return 0;
}

static int resolve_nothing(struct at *at, struct err *e)
{
    (void)at;
    (void)e;
    return 0;
}

static int (*const resolve[INODE_KINDS])(struct at *at, struct err *e) = {
    [INODE_ROOT] = resolve_nothing,    [INODE_README] = resolve_nothing,
    [INODE_CURRENT] = resolve_nothing, [INODE_SCHEMAS] = resolve_nothing,
    [INODE_CONTROL] = resolve_nothing, [INODE_CONTROL_FILE] = resolve_nothing,
    [INODE_SCRATCH] = resolve_nothing, [INODE_VERSION] = resolve_version,
    [INODE_SCHEMA] = resolve_version,  [INODE_TYPE] = resolve_type,
    [INODE_STREAM] = resolve_type,     [INODE_ITEM] = resolve_type,
    [INODE_HISTORY] = resolve_type,    [INODE_REVISIONS] = resolve_type,
    [INODE_REVISION] = resolve_type,
};

int at_open_inode(struct fs *fs, uint64_t ino, const struct inode *in, struct at *ret,
                  struct err *e)
{
    struct at at = {.ino = ino, .in = *in, .cat = store_catalog(fs->store)};

    if (resolve[in->kind](&at, e) < 0) {
        at_close(&at);
        return -1;
    }
    *ret = at;
    return 0;
}

int at_open(struct fs *fs, uint64_t ino, struct at *ret, struct err *e)
{
    struct scratch_info info;
    struct inode in;

    if (!inode_decode(ino, &in))
        return err_set(e, ERR_NOT_FOUND, "no such file");
    if (in.kind == INODE_SCRATCH) {
        if (!scratch_get(fs->scratch, in.number, &info))
            return err_set(e, ERR_NOT_FOUND, "it is gone");
        if (info.published)
            in = info.alias;
    }
    return at_open_inode(fs, ino, &in, ret, e);
}

int inode_gone(struct err *e)
{
    if (e->code == ERR_NOT_FOUND)
        e->code = ERR_STALE;
    return -1;
}

void at_close(struct at *at)
{
    catalog_unref(at->cat);
    at->cat = NULL;
}

/* ---- Names ---- */

enum name_class name_classify(const char *name, struct span *ret_key)
{
    struct err ignored = ERR_INIT;
    size_t n = strlen(name);

    *ret_key = (struct span){0};
    if (name[0] == '.' || n < 5 || strcmp(name + n - 5, ".json") != 0)
        return NAME_SCRATCH;
    *ret_key = (struct span){name, n - 5};
    return key_check(*ret_key, &ignored) < 0 ? NAME_BAD : NAME_ITEM;
}

int name_check(const char *name, struct err *e)
{
    struct span key;

    if (strlen(name) > NAME_BYTES_MAX)
        return err_set(e, ERR_NAME_TOO_LONG, "a name has at most %d bytes", NAME_BYTES_MAX);
    if (name_classify(name, &key) == NAME_BAD)
        return key_check(key, e);
    return 0;
}

/* A name as messages show it: on one line. */
static void clean(char *p)
{
    for (; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
}

void path_of(const struct at *dir, const char *name, char *ret, size_t size)
{
    if (dir->s)
        snprintf(ret, size, "%s/%s%s%s", dir->v->name, dir->s->name, *name ? "/" : "", name);
    else if (dir->in.kind == INODE_SCHEMAS || dir->in.kind == INODE_CONTROL)
        snprintf(ret, size, "%s/%s", dir->in.kind == INODE_SCHEMAS ? "schemas" : "control", name);
    else
        snprintf(ret, size, "%s%s%s", dir->v ? dir->v->name : "", dir->v ? "/" : "", name);
    clean(ret);
}

static bool name_of_item(struct fs *fs, const struct at *at, struct buf *ret)
{
    struct err ignored = ERR_INIT;

    return store_key(fs->store, at->cat, at->v, at->s, at->in.number, ret, &ignored) == 0 &&
           buf_adds(ret, ".json");
}

static void path_of_scratch(struct fs *fs, const struct at *at, const char *name, char *ret,
                            size_t size)
{
    struct at dir AT_CLEANUP = AT_INIT;
    struct scratch_info info;
    struct err ignored = ERR_INIT;

    if (scratch_get(fs->scratch, at->in.number, &info))
        at_open(fs, info.dir, &dir, &ignored);
    path_of(&dir, name, ret, size);
}

void path_of_at(struct fs *fs, const struct at *at, char *ret, size_t size)
{
    struct buf name BUF_CLEANUP = BUF_INIT;
    bool ok = true;

    switch (at->in.kind) {
    case INODE_ITEM:
        ok = name_of_item(fs, at, &name);
        break;
    case INODE_SCRATCH:
        ok = scratch_name(fs->scratch, at->in.number, &name);
        break;
    case INODE_README:
        ok = buf_adds(&name, "README");
        break;
    case INODE_SCHEMA:
        snprintf(ret, size, "schemas/%s.yaml", at->v->name);
        return;
    case INODE_STREAM:
        snprintf(ret, size, "%s/%s.jsonl", at->v->name, at->s->name);
        return;
    case INODE_CONTROL_FILE:
        snprintf(ret, size, "control/%s", control_files[at->in.number].name);
        return;
    default:
        break;
    }
    if (!ok || !buf_str(&name))
        buf_reset(&name);
    if (at->in.kind == INODE_SCRATCH)
        path_of_scratch(fs, at, name.n ? name.p : "", ret, size);
    else
        path_of(at, name.n ? name.p : "", ret, size);
}

void path_of_stale(struct fs *fs, const struct inode *in, char *ret, size_t size)
{
    struct at at AT_CLEANUP = {.in = *in, .cat = store_catalog(fs->store)};
    const struct catalog_entry *entry = catalog_entry(at.cat, in->version);

    ret[0] = 0;
    if (!entry)
        return;
    at.v = entry->v;
    if (in->type < at.v->n_shapes)
        at.s = at.v->shapes[in->type];
    if (at.s)
        path_of_at(fs, &at, ret, size);
}

static void found_node(struct found_name *f)
{
    f->what = FOUND_NODE;
    if (f->node.kind == SCRATCH_LIMBO) {
        f->what = FOUND_LIMBO;
        f->number = f->node.item;
    }
}

static int find_item(struct fs *fs, const struct at *dir, struct found_name *f,
                     struct buf *ret_text, struct err *e)
{
    struct err why = ERR_INIT;

    if (store_lookup(fs->store, dir->cat, dir->v, dir->s, f->key, &f->stat, ret_text,
                     &why) < 0) {
        f->elsewhere = why.code == ERR_EXISTS;
        if (why.code == ERR_NOT_FOUND || f->elsewhere)
            return 0;
        *e = why;
        return -1;
    }
    if (scratch_hides(fs->scratch, dir->ino, f->stat.number)) {
        f->hidden = f->stat.number;
        return 0;
    }
    if (f->what == FOUND_NODE)
        f->pending = f->node.node;
    f->what = FOUND_ITEM;
    f->number = f->stat.number;
    return 0;
}

int name_find(struct fs *fs, const struct at *dir, const char *name, struct found_name *ret,
              struct buf *ret_text, struct err *e)
{
    *ret = (struct found_name){.what = FOUND_NONE};
    if (strlen(name) > NAME_BYTES_MAX)
        return err_set(e, ERR_NAME_TOO_LONG, "a name has at most %d bytes", NAME_BYTES_MAX);
    ret->class = name_classify(name, &ret->key);
    if (scratch_find(fs->scratch, dir->ino, name, &ret->node)) {
        found_node(ret);
        if (ret->what == FOUND_LIMBO)
            return store_read(fs->store, dir->cat, dir->v, dir->s, ret->number, &ret->stat, NULL, e);
        if (ret->node.kind != SCRATCH_PENDING)
            return 0;
    }
    if (ret->class != NAME_ITEM || !dir->s)
        return 0;
    return find_item(fs, dir, ret, ret_text, e);
}
