/* A store in memory: items, keys, and the records that extraction makes, as store/ keeps them. */
#ifndef PROPERTY_WORLD_H
#define PROPERTY_WORLD_H

#include "case.h"
#include "schemas/lens.h"

struct w_item {
    uint64_t id;
    uint32_t coll;
    bool made; /* by extraction alone */
    char *key;
    struct buf body;
};
struct w_origin {
    uint32_t step;
    uint64_t id;
    struct buf values;
};
struct w_state {
    struct w_item *items;
    size_t n_items;
    struct w_origin *origins;
    size_t n_origins;
    uint64_t next_id;
};

/* One item type of one live version. */
struct view {
    unsigned index; /* of the version, in the case */
    const struct version *v;
    const struct shape *s;
};

struct world {
    struct expr_env *env;
    const struct compiled *c;
    struct catalog *cat;
    struct catalog_entry entries[CASE_VERSIONS];
    unsigned index[CASE_VERSIONS]; /* of each entry, in the case */
    size_t n_entries;
    struct schema_counters next;
    struct w_state st;
    struct lens lens;
    unsigned depth;
    uint64_t deriving; /* links whose records are being made, by their place in cat->links */
    bool giving; /* world_derive_given is at work */
    size_t given; /* items that it brought up to date so far */
    bool fresh; /* records are made for values that are written now */
    bool reading; /* an item is read: nothing may be made or written for that */
    uint64_t spares[8]; /* made by the write that is taken back */
    size_t n_spares;
    size_t removed; /* items so far */
    uint64_t purged; /* records that extraction made, so far */
    size_t yielded; /* names to items of earlier types (merge_types) */
    uint64_t last;  /* the item that was written last */
    uint64_t pending; /* that is being made, or renamed, in that name space, and will be called: */
    uint32_t pending_space;
    const char *pending_key;
    struct view *views;
    size_t n_views;
};

void world_init(struct world *w, struct expr_env *env, const struct compiled *c);
void world_deinit(struct world *w);
/* Does nothing when its parent is not there, or it brings back a field that finalize has dropped. */
void world_add(struct world *w, unsigned version);
/* Of the version and all that came from it, but what is gone. */
void world_state(struct world *w, unsigned version, enum version_state state);
bool world_has(const struct world *w, unsigned version); /* whatever its state */
/* The states of the other's versions, where this one has them. */
void world_like(struct world *w, const struct world *other);
/* All items are brought up to it; then what is not the version or a live one that came from it is gone.
 * Does nothing when the version is not live. */
int world_finalize(struct world *w, unsigned version, struct err *e);
/* NULL when the version is not live or has no such item type. */
const struct view *world_view(const struct world *w, unsigned version, const char *type);
struct w_item *world_item(const struct world *w, uint32_t coll, const char *key); /* its own key */
/* The item of that own key, or the one that is shown under it; NULL: there is none, or it is not shown. */
struct w_item *world_target(struct world *w, const struct view *vw, const char *key);
/* An item of the type, or of another part of it, is shown under that key. */
bool world_has_key(struct world *w, const struct view *vw, const char *key);
/* The key that it is shown under; false: it is not shown. */
bool world_shows(struct world *w, const struct view *vw, const struct w_item *it,
                 struct buf *ret_key);
struct w_item *world_by_id(const struct world *w, uint64_t id);

/* What a first use of the type through the view does: records are made, fields moved. */
int world_derive(struct world *w, const struct view *vw, bool writes, struct err *e);
/* Before a key in the collection changes: as store/ does. */
int world_derive_quoting(struct world *w, uint32_t coll, struct err *e);
/* Before an item of the collection is made, gets another key or is removed: as store/derive_given.c does. */
int world_derive_given(struct world *w, uint32_t coll, bool removed, struct err *e);
bool world_needs_derive(const struct world *w, const struct view *vw);
/* Items that have no key yet, or are in no part yet, by a step that there is: then every view does. */
bool world_names_behind(const struct world *w);

/* The item's texts. -1: a read was refused, which is a fault. */
int world_text(struct world *w, const struct view *vw, const struct w_item *it, bool line,
               struct buf *out, struct err *e);
/* The item as it is at open; to be freed. */
int world_open(struct world *w, const struct view *vw, const struct w_item *it, struct buf *ret,
               struct err *e);
/* id: 0 = a new item, which vw shows under the key. base: of world_open, NULL = a replacement. -1: refused,
 * nothing has changed. */
int world_put(struct world *w, const struct view *vw, uint64_t id, const char *key,
              struct span text, const struct buf *base, struct err *e);
int world_rekey(struct world *w, const struct view *vw, uint64_t id, const char *to,
                struct err *e);
/* false: another item refers to it: who decides that (on_delete) is store/'s to say. */
bool world_remove(struct world *w, uint64_t id);
/* With what on_delete says of the references to it, as the newest live version has it that shows them: they become
 * unset, their items go too, or (false) nothing happens. */
bool world_delete(struct world *w, uint64_t id);
/* The text would make another type's item of it (merge_types), which is refused. was: of the item. */
bool world_retags(const struct view *vw, struct span was, struct span now);
/* Items that gave their name in a merged type to one that is gone, or called something else, since. */
size_t world_outlived(const struct world *w);
bool world_is_referred_to(struct world *w, uint64_t id);
/* Records that extraction alone made, and to which nothing refers any more, go. */
int world_purge(struct world *w, struct err *e);
/* What finalize took, and items are still read by, is stored in them: before others change (store/derive_past.c). */
int world_settle_past(struct world *w, struct err *e);
int world_bring(struct world *w, size_t item, uint32_t upto, struct err *e);

void state_copy(const struct w_state *from, struct w_state *to);
void state_free(struct w_state *st);

#endif
