/* From what the store says has changed to what the kernel is told: every live version in which an
 * item stands. */
#include <stdio.h>

#include "notify_int.h"

#define NEAR_BEFORE 8u /* an addition is looked for among so many changes before */

typedef void (*place_fn)(struct notify *n, uint32_t version, uint32_t type, const void *arg);

/* Every directory the kernel has seen in which items of this collection stand. */
static void each_place(struct notify *n, const struct catalog *cat, uint32_t coll, place_fn fn,
                       const void *arg)
{
    for (size_t i = 0; i < cat->n_entries; i++) {
        const struct version *v = cat->entries[i].v;

        if (cat->entries[i].state != VERSION_LIVE)
            continue;
        for (uint32_t t = 0; t < v->n_shapes; t++)
            if (v->shapes[t]->kind == SHAPE_ITEM && notify_is_seen(n, v->number, t) &&
                (coll == 0 || shape_has_coll(v->shapes[t], coll)))
                fn(n, v->number, t, arg);
    }
}

static void place_item(struct notify *n, uint32_t version, uint32_t type, const void *arg)
{
    const struct store_change *c = arg;

    notify_item(n, version, type, c->id & ITEM_NUMBER_MASK);
}

static void place_name(struct notify *n, uint32_t version, uint32_t type, const void *arg)
{
    const struct store_change *c = arg;
    char name[KEY_BYTES_MAX + sizeof(".json")];

    snprintf(name, sizeof(name), "%s.json", c->key);
    notify_name(n, inode_type(version, type), name);
}

static void place_removed(struct notify *n, uint32_t version, uint32_t type, const void *arg)
{
    place_item(n, version, type, arg);
    place_name(n, version, type, arg);
}

static void place_listing(struct notify *n, uint32_t version, uint32_t type, const void *arg)
{
    (void)arg;
    notify_listing(n, inode_type(version, type));
}

/* An item's name is never kept as missing (keep_nothing() in ops_lookup.c), so of a new one only the
 * listings have to know: one order for each directory, however many items were made. */
static void change(struct notify *n, const struct catalog *cat, const struct store_change *c)
{
    static const place_fn places[] = {
        [STORE_CHANGE_ITEM] = place_item,
        [STORE_CHANGE_ADDED] = place_listing,
        [STORE_CHANGE_REMOVED] = place_removed,
        [STORE_CHANGE_MANY] = place_listing,
    };

    if (c->kind == STORE_CHANGE_MANY)
        notify_wide(n);
    each_place(n, cat, (uint32_t)(c->id >> ITEM_NUMBER_BITS), places[c->kind], c);
}

static void bump(struct notify *n, const struct store_change *c)
{
    if (c->kind != STORE_CHANGE_MANY)
        atomic_fetch_add(&n->marks[mark_index((uint32_t)(c->id >> ITEM_NUMBER_BITS))], 1);
    else
        for (unsigned i = 0; i < MARKS; i++)
            atomic_fetch_add(&n->marks[i], 1);
}

/* Nobody has seen an item that was made just now, so there is nothing of it to forget. */
static bool is_new_item(const struct store_change *changes, size_t i)
{
    size_t from = i > NEAR_BEFORE ? i - NEAR_BEFORE : 0;

    if (changes[i].kind != STORE_CHANGE_ITEM)
        return false;
    for (size_t k = from; k < i; k++)
        if (changes[k].id == changes[i].id && changes[k].kind == STORE_CHANGE_ADDED)
            return true;
    return false;
}

void notify_changes(void *arg, const struct store_change *changes, size_t count)
{
    struct notify *n = arg;
    struct catalog *cat;

    for (size_t i = 0; i < count; i++)
        bump(n, &changes[i]);
    cat = store_catalog(n->fs->store);
    for (size_t i = 0; i < count; i++)
        if (!is_new_item(changes, i))
            change(n, cat, &changes[i]);
    catalog_unref(cat);
}

static void version_moved(struct notify *n, const struct version *v)
{
    char file[VERSION_NAME_SIZE + sizeof(".yaml")];

    snprintf(file, sizeof(file), "%s.yaml", v->name);
    notify_name(n, FUSE_ROOT_ID, v->name);
    notify_name(n, inode_fixed(INODE_SCHEMAS), file);
    notify_inode(n, inode_version(v->number));
}

void notify_versions(struct notify *n, bool gone)
{
    struct catalog *cat = store_catalog(n->fs->store);
    struct store_change all = {.kind = STORE_CHANGE_MANY};

    bump(n, &all);
    pthread_mutex_lock(&n->versions_lock);
    for (size_t i = 0; i < cat->n_entries; i++) {
        const struct version *v = cat->entries[i].v;
        bool live = cat->entries[i].state == VERSION_LIVE;

        if (!v || n->live[v->number] == live)
            continue;
        gone |= !live;
        n->live[v->number] = live;
        version_moved(n, v);
    }
    pthread_mutex_unlock(&n->versions_lock);
    notify_inode(n, inode_fixed(INODE_CURRENT));
    notify_name(n, FUSE_ROOT_ID, "current");
    if (gone)
        change(n, cat, &all);
    catalog_unref(cat);
}

/* ---- Beginning ---- */

void notify_learn_versions(struct notify *n)
{
    struct catalog *cat = store_catalog(n->fs->store);

    for (size_t i = 0; i < cat->n_entries; i++)
        if (cat->entries[i].state == VERSION_LIVE)
            n->live[cat->entries[i].v->number] = 1;
    catalog_unref(cat);
}
