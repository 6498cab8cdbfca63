/* What is known of how types' directories are used.
 *
 *   credit     files were looked up one by one: the next parts of a large directory's listing bring
 *              attributes along
 *   read ahead files are read one after another, in the order of their numbers, which is the order of a
 *              listing: the ones that follow are put into the kernel's page cache before they are asked
 *              for, more of them the longer it goes on. Only a READ begins it, which says that the
 *              kernel has no page of the file: opening files over and over stores nothing again
 *
 * Reading ahead stores pages, which may wait for others: it is done by the thread that invalidates, in
 * order with that, some items at a time. What the kernel does not know is not stored; a run of that
 * ends it.
 *
 * Small tables that directories share: a wrong hint costs time, nothing else.
 *
 * Threads: any. */
#ifndef FS_HINTS_H
#define FS_HINTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HINT_SLOTS 256u

struct fs;

/* One directory that is read in order. */
struct reading {
    uint64_t dir;
    uint64_t last;   /* the item that was read last */
    uint64_t ahead;  /* everything up to this item is stored */
    uint64_t missed; /* the last item that a READ asked for */
    unsigned run;    /* READs asked for, in order, two each; less one for each item opened, until some are stored */
    unsigned window; /* how many to store at a time */
    unsigned todo;   /* still to store now; 0 = nobody is at it */
};

struct hints {
    atomic_uint credit[HINT_SLOTS];
    pthread_mutex_t lock;
    struct reading readings[HINT_SLOTS]; /* guard: lock */
};

void hints_init(struct hints *h);
void hints_looked_up(struct hints *h, uint64_t dir);
bool hints_take_credit(struct hints *h, uint64_t dir);
/* An item of this directory was opened for reading; its text was asked for. */
void hints_opened(struct fs *fs, uint64_t dir, uint64_t number);
void hints_read(struct fs *fs, uint64_t dir, uint64_t number);

#endif
