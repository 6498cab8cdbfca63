/* Files whose text is made up here or elsewhere in fs/: README, control/, schemas/; and items', for
 * readers without a handle of their own. */
#include <stdio.h>

#include "../store/history.h"
#include "../store/staged.h"
#include "../store/verbs.h"
#include "handle.h"
#include "reply.h"

/* What a read-only mount says for as long as it lasts. */
struct special_text {
    struct buf readme;
    struct buf *control; /* by index in control_files[] */
};

/* ---- Texts ---- */

static int text_readme(struct fs *fs, const struct at *at, struct buf *ret, struct err *e)
{
    (void)at;
    if (!fs->fixed)
        return control_readme(fs->control, ret, e);
    return buf_addspan(ret, buf_span(&fs->fixed->readme)) ? 0 : err_nomem(e);
}

static int text_control(struct fs *fs, const struct at *at, struct buf *ret, struct err *e)
{
    const struct control_file *f = &control_files[at->in.number];

    if (!fs->fixed)
        return f->read(fs->control, f, ret, e);
    return buf_addspan(ret, buf_span(&fs->fixed->control[at->in.number])) ? 0 : err_nomem(e);
}

static int text_schema(struct fs *fs, const struct at *at, struct buf *ret, struct err *e)
{
    (void)fs;
    return buf_addspan(ret, store_schema_text(at->v)) ? 0 : err_nomem(e);
}

static int text_item(struct fs *fs, const struct at *at, struct buf *ret, struct err *e)
{
    return store_read(fs->store, at->cat, at->v, at->s, at->in.number, NULL, ret, e);
}

static int text_revision(struct fs *fs, const struct at *at, struct buf *ret, struct err *e)
{
    return store_history_read(fs->store, at->cat, at->v, at->s, at->in.number, NULL, ret, e);
}

static int text_scratch(struct fs *fs, const struct at *at, struct buf *ret, struct err *e)
{
    return scratch_read(fs->scratch, at->in.number, 0, SIZE_MAX, ret, e);
}

static int (*const texts[INODE_KINDS])(struct fs *fs, const struct at *at, struct buf *ret,
                                       struct err *e) = {
    [INODE_README] = text_readme, [INODE_CONTROL_FILE] = text_control,
    [INODE_SCHEMA] = text_schema, [INODE_SCRATCH] = text_scratch,
    [INODE_ITEM] = text_item,     [INODE_REVISION] = text_revision,
};

int at_text(struct fs *fs, const struct at *at, struct buf *ret, struct err *e)
{
    if (!texts[at->in.kind])
        return err_set(e, ERR_PERM, "it is not read so");
    return texts[at->in.kind](fs, at, ret, e);
}

int special_fix(struct fs *fs, struct err *e)
{
    struct special_text *fixed = calloc(1, sizeof(*fixed));
    struct at at = AT_INIT;

    if (!fixed || !(fixed->control = calloc(n_control_files, sizeof(*fixed->control)))) {
        free(fixed);
        return err_nomem(e);
    }
    for (size_t i = 0; i < n_control_files; i++) {
        at.in = (struct inode){.kind = INODE_CONTROL_FILE, .number = i};
        if (text_control(fs, &at, &fixed->control[i], e) < 0)
            break;
    }
    if (e->code == ERR_NONE)
        text_readme(fs, &at, &fixed->readme, e);
    fs->fixed = fixed;
    return e->code == ERR_NONE ? 0 : -1;
}

void special_free(struct fs *fs)
{
    if (!fs->fixed)
        return;
    for (size_t i = 0; i < n_control_files; i++)
        buf_free(&fs->fixed->control[i]);
    free(fs->fixed->control);
    buf_free(&fs->fixed->readme);
    free(fs->fixed);
    fs->fixed = NULL;
}

/* ---- schemas/ ---- */

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);

    return n > m && strcmp(name + n - m, suffix) == 0;
}

/* What is kept over a remount: what a verb can name. */
static bool is_staged(const char *name)
{
    return name[0] != '.' && (has_suffix(name, ".yaml") || has_suffix(name, ".json"));
}

const struct version *schema_of_name(const struct catalog *cat, const char *name)
{
    if (!has_suffix(name, ".yaml"))
        return NULL;
    return catalog_version(cat, (struct span){name, strlen(name) - 5});
}

int special_stage(struct fs *fs, uint64_t node, struct err *e)
{
    struct buf name BUF_CLEANUP = BUF_INIT, text BUF_CLEANUP = BUF_INIT;
    struct scratch_info info;

    if (!scratch_get(fs->scratch, node, &info) || info.dir != inode_fixed(INODE_SCHEMAS) ||
        info.kind != SCRATCH_FILE || !scratch_name(fs->scratch, node, &name))
        return 0;
    if (!buf_str(&name))
        return err_nomem(e);
    if (!is_staged(name.p))
        return 0;
    if (scratch_read(fs->scratch, node, 0, SIZE_MAX, &text, e) < 0)
        return -1;
    return store_staged_put(fs->store, buf_span(&name), buf_span(&text), e);
}

int special_unstage(struct fs *fs, const char *name, struct err *e)
{
    return is_staged(name) ? store_staged_delete(fs->store, span_of(name), e) : 0;
}

static int load_one(void *arg, struct span name, struct span text, struct err *e)
{
    struct fs *fs = arg;
    struct buf copy BUF_CLEANUP = BUF_INIT;
    struct scratch_info info;
    struct scratch_make make = {.dir = inode_fixed(INODE_SCHEMAS),
                                .kind = SCRATCH_FILE,
                                .mode = fs->file_mode,
                                .uid = fs->uid,
                                .gid = fs->gid,
                                .mtime_ns = fs->mounted_ns,
                                .text = text};

    if (!buf_addspan(&copy, name) || !(make.name = buf_str(&copy)))
        return err_nomem(e);
    return scratch_make(fs->scratch, &make, &info, e);
}

int special_load_staged(struct fs *fs, struct err *e)
{
    return store_staged_list(fs->store, load_one, fs, e);
}

int special_staged(void *arg, struct span name, const char *ext, struct buf *ret, struct err *e)
{
    struct fs *fs = arg;
    struct buf file BUF_CLEANUP = BUF_INIT;
    struct scratch_info info;

    if (!buf_addspan(&file, name) || !buf_addc(&file, '.') || !buf_adds(&file, ext) ||
        !buf_str(&file))
        return err_nomem(e);
    if (!scratch_find(fs->scratch, inode_fixed(INODE_SCHEMAS), file.p, &info) ||
        info.kind != SCRATCH_FILE)
        return err_set(e, ERR_NOT_FOUND, "schemas/%s is not there", file.p);
    return scratch_read(fs->scratch, info.node, 0, SIZE_MAX, ret, e);
}

struct names {
    struct catalog *cat;
    struct buf *out;
    bool ok;
};

static bool add_name(void *arg, const char *name, const struct scratch_info *info)
{
    struct names *n = arg;

    if (info->kind == SCRATCH_FILE && is_staged(name) && !schema_of_name(n->cat, name))
        n->ok = buf_add(n->out, name, strlen(name) + 1);
    return n->ok;
}

int special_staged_names(void *arg, struct buf *ret, struct err *e)
{
    struct fs *fs = arg;
    struct names n = {.cat = store_catalog(fs->store), .out = ret, .ok = true};

    scratch_list(fs->scratch, inode_fixed(INODE_SCHEMAS), 0, add_name, &n);
    catalog_unref(n.cat);
    return n.ok ? 0 : err_nomem(e);
}

/* The staged file of a version that is live now: the version's own stands in its place. */
static void drop_staged(struct fs *fs, const struct version *v)
{
    char name[VERSION_NAME_SIZE + sizeof(".yaml")];
    struct scratch_info info;
    struct err e = ERR_INIT;

    snprintf(name, sizeof(name), "%s.yaml", v->name);
    if (!scratch_find(fs->scratch, inode_fixed(INODE_SCHEMAS), name, &info))
        return;
    scratch_unlink(fs->scratch, info.node);
    notify_name(fs->notify, inode_fixed(INODE_SCHEMAS), name);
    if (special_unstage(fs, name, &e) < 0)
        log_line("schemas/%s stays staged: %s", name, e.text);
}

void special_versions_changed(void *arg)
{
    struct fs *fs = arg;
    struct catalog *cat = store_catalog(fs->store);

    for (size_t i = 0; i < cat->n_entries; i++)
        if (cat->entries[i].state == VERSION_LIVE)
            drop_staged(fs, cat->entries[i].v);
    catalog_unref(cat);
    notify_versions(fs->notify, false);
}

unsigned special_drafts(void *arg)
{
    return atomic_load(&((struct fs *)arg)->n_drafts);
}
