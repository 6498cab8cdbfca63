/* What a mount was asked for: `-o` words into a struct.
 *
 * Ours: ro, rw, sync, strict, allow_other, uid=, gid=, umask= (octal), max_item= (bytes, with K, M or
 * G), history= (a number of revisions, or an age with s, m, h, d, w or y; 0 = off; given twice, both). Words that only mount(8) and fstab mean (defaults, noauto, user, _netdev, x-...) are taken and
 * forgotten; dev, suid and exec too, because their opposites are always on. Libfuse's own (max_read=,
 * debug, auto_unmount, ...) are passed on. Anything else is refused with the nearest known word.
 *
 * Threads: none of its own. */
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

#include <stdint.h>
#include <sys/types.h>

#include "../schemas/buf.h"
#include "../schemas/err.h"

/* Of uid, gid and umask; no value of theirs. */
#define NOT_GIVEN UINT32_MAX

struct mount_options {
    const char *store, *mountpoint; /* borrowed, as the user wrote them */
    bool foreground;                /* -f */
    bool read_only, allow_other, sync, strict;
    uid_t uid;                      /* owner and group of what has none of its own, and of what is */
    gid_t gid;                      /* made; NOT_GIVEN: who mounts, and who makes it */
    mode_t umask;                   /* likewise; NOT_GIVEN: 022, and the mode it is made with */
    size_t max_item_bytes;          /* 0 = the store's default */
    bool no_history;                /* history=0 */
    unsigned history_count;         /* likewise: revisions that an item keeps */
    int64_t history_age_s;          /* and for how long */
    struct buf passed;              /* libfuse's own words, separated by commas */
};

/* The defaults: nothing asked for, owned by the caller. */
void mount_options_init(struct mount_options *o);
/* One argument of -o, "ro,umask=027"; may be called several times. ERR_INVALID, ERR_NO_MEMORY. */
int mount_options_parse(struct mount_options *o, const char *words, struct err *e);
void mount_options_deinit(struct mount_options *o);

#endif
