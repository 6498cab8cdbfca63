/* How far something has come, on standard error, when that is a terminal; else nothing is printed.
 * Threads: one. */
#ifndef FS_PROGRESS_H
#define FS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool on;    /* a terminal */
    bool drawn; /* a line stands there */
    int64_t began_ns, drawn_ns;
};

void progress_init(struct progress *p);
/* label [#####-----] 41 %  70,000 of 171,075  250,000/s  0.4 s left; rate 0, eta_s < 0: not known.
 */
void progress_bar(struct progress *p, const char *label, uint64_t done, uint64_t total, double rate,
                  double eta_s);
/* The same from the beginning on: rate and time left by the time since then. Without an end (total
 * 0): label 70,000 WHAT  250,000/s. Draws ten times a second at most. */
void progress_count(struct progress *p, const char *label, const char *what, uint64_t n,
                    uint64_t total);
/* Takes the line away. */
void progress_end(struct progress *p);
double progress_seconds(const struct progress *p); /* since progress_init */

#endif
