/* All versions of a store together, compiled: what translation needs to know at once.
 *
 * Immutable and counted by reference; adding, finalizing and reverting make a new catalog that
 * shares the versions. Threads: any number may read one. */
#ifndef SCHEMAS_CATALOG_H
#define SCHEMAS_CATALOG_H

#include "schema.h"

enum version_state {
    VERSION_LIVE,    /* served */
    VERSION_DORMANT, /* reverted: not served, still computed, woken by adding the same text */
    VERSION_GONE     /* finalized away */
};

struct catalog_entry {
    struct version *v; /* a reference is held */
    enum version_state state;
};

/* A step that seeds a slot. */
struct seed {
    uint32_t step;
    const struct version *v;
};

/* What is known of one slot over all versions that are not gone; its type also when only those
 * knew it, so that references in dead bytes can still be found. */
struct slot_info {
    const struct formula *forward;   /* the formula that computes it from an older side, or NULL */
    const struct link *link;         /* it stands in another item since link->step, or NULL */
    size_t link_index;               /* its place in link->here */
    bool linked_before;              /* by an older link, too: a record from before the newest one
                                        is seen over that (siblings) */
    const struct type_ref *type;
    struct shape *const *shapes;     /* in which type's shape ids are found */
    size_t n_shapes;
    bool is_gone;                    /* only versions that are gone knew it: dead bytes */
    bool computed;                   /* some formula has it as output */
    struct seed *seeds;              /* in the order of the steps, those of gone versions included */
    size_t n_seeds;
    bool is_key;                     /* no field: keys or parts of a type's items stand there */
    bool is_read;                    /* by a formula that applies, or is past (struct group); over a
                                        link */
    bool goes_on;                    /* of a link's fields: that applies, a version shows the field, or a
                                        formula that applies reads it */
    bool may_vary;                   /* is_volatile at some time, that of gone versions included */
    const struct formula *varies_by; /* then: source at that time */
    bool is_volatile;                /* its value depends on another item (link, or a formula over
                                        such a slot) */
    const struct formula *source;    /* by which it does, or NULL: it is a link's */
    uint32_t since;                  /* then: the step of the first link that it depends on */
    uint32_t rank;                   /* what it depends on has a lower one: no way round in circles,
                                        though every linked side has a formula from the other */
};

/* What works inside one kind of record: the items of a collection, or the objects of one shape
 * (collections and shapes are numbered by one counter, so one number names either). */
struct applied {
    const struct formula *f;
    uint32_t version, group;
};
struct group {
    uint32_t id;
    const struct slot_info *slots; /* the catalog's */
    const struct applied *forward, *backward; /* in step order */
    size_t n_forward, n_backward;
    const struct link *const *links;          /* in step order */
    size_t n_links;
    /* Links whose version is gone and whose reference nobody sees, while an older version still
     * shows the fields: they are read over it until the item is next written. */
    const struct link *const *retired;
    size_t n_retired;
    /* Formulas that finalize took, of fields that are shown and depend on another item: an item is read
     * by them until it is next written. In step order. */
    const struct applied *past;
    size_t n_past;
};

/* A forward formula that can give references. Where it computes their keys, an item from before its step
 * refers to what is called so when it is read. */
struct giver {
    const struct applied *at;
    bool looks_up; /* by keys; else it moves references that the item has */
    bool follows;  /* what it reads may change when another item does */
};

struct catalog {
    atomic_uint refs;
    uint64_t epoch;                  /* grows with every change of the catalog */
    struct catalog_entry *entries;   /* by version number; roots first, parents before children */
    size_t n_entries;
    uint32_t default_number;         /* what `current` points to; 0 = no version */
    struct slot_info *slots;         /* by slot number; [0, n_slots) */
    size_t n_slots;
    uint32_t n_volatile;
    struct seed *seeds;              /* of all slots */
    struct applied *applied;         /* of all versions not gone, by (group, direction, step) */
    size_t n_applied;
    const struct link **links;       /* likewise, by (collection, step) */
    size_t n_links;
    const struct link **retired;     /* likewise */
    size_t n_retired;
    struct applied *past;            /* likewise, by (group, step) */
    size_t n_past;
    struct giver *givers;            /* of applied */
    size_t n_givers;
    const struct naming **namings;   /* that a version not gone uses */
    size_t n_namings;
    struct group *groups;            /* by id */
    size_t n_groups;
    uint32_t last_step;              /* a record of this generation needs no computing */
    struct schema_counters next;     /* for the next version to be added */
};

/* Makes a catalog of the entries (copied; a reference of each version is taken). */
int catalog_new(const struct catalog_entry *entries, size_t n, uint32_t default_number,
                uint64_t epoch, const struct schema_counters *next, struct catalog **ret,
                struct err *e);
struct catalog *catalog_ref(struct catalog *c);
void catalog_unref(struct catalog *c); /* NULL is fine */
const struct catalog_entry *catalog_entry(const struct catalog *c, uint32_t number); /* or NULL */
/* Of catalog_new: sorts what applies, and makes the groups of it. */
void catalog_group_up(struct catalog *c);
/* Of catalog_new: which steps seed which slot. */
void catalog_note_seeds(struct catalog *c);
/* The group of a collection or an object's shape; never NULL (an empty one when nothing applies). */
const struct group *catalog_group(const struct catalog *c, uint32_t id);
/* What the giver gives an item from before its step may depend on which items of the collection there
 * are, and on what they are called. */
bool giver_refers(const struct catalog *c, const struct giver *g, uint32_t coll);
/* It works in items of the collection, or in objects that may stand in them. */
bool giver_works_in(const struct catalog *c, const struct giver *g, uint32_t coll);
/* The version that a link's step belongs to. */
const struct version *link_version(const struct catalog *c, const struct link *lk);
/* Some of its items may still be read by what finalize took. */
bool group_reads_past(const struct group *g);
bool catalog_reads_past(const struct catalog *c);
/* The oldest version's type that shows items of the collection, in which the slot is a field (SLOT_NONE: any) and,
 * with own_keys, they are called by their own keys; or NULL. */
struct shape_wanted {
    uint32_t coll;
    slot_no field;
    bool own_keys;
};
const struct shape *catalog_shape(const struct catalog *c, struct shape_wanted w, const struct version **ret_v);
/* The formula that gives the keys or parts of a slot to a collection's items, also when finalize took it; NULL: there is none. */
const struct formula *catalog_names_by(const struct catalog *c, uint32_t coll, slot_no slot);
/* A live version by name, or NULL. */
struct version *catalog_version(const struct catalog *c, struct span name);
/* The dormant version of this name that was added last, of those whose parent is live, or NULL. */
struct version *catalog_reverted(const struct catalog *c, struct span name);
/* Says that no live version has this name, and the nearest one. ERR_NOT_FOUND; -1. */
int catalog_no_version(const struct catalog *c, struct span name, struct err *e);
/* Its compiled version when it is live, else NULL. */
struct version *catalog_live(const struct catalog *c, uint32_t number);
/* True when `ancestor` is `v` or stands on its path to the root. */
bool version_descends(const struct version *v, const struct version *ancestor);

#endif
