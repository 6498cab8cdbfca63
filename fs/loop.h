/* The session loop: several threads, one of which at a time receives.
 *
 * A lone client and the thread that answers it hand the processor to each other twice a request, and
 * most of a request's cost is those two wake-ups. So the leader looks for the next request for a
 * moment before it sleeps; how long is learnt: as long as sleeps turn out short, up to
 * LOOP_POLL_NS_MAX, and nothing at all while requests are rare, or while others want the processor:
 * whoever looks and loses it in the middle sees that much time has gone by between two looks.
 *
 * A request is carried out by the thread that received it, mostly while it leads: waking another thread
 * costs more than most requests do. It hands over the lead first when this one takes long by its
 * kind, when it is a commit and more requests wait or commits have been slow in the last moments, and
 * when its handler or the store says that it is about to wait.
 *
 * Threads: start, join and free belong to one; the others may be called from anywhere. */
#ifndef FS_LOOP_H
#define FS_LOOP_H

#include "../schemas/err.h"

struct fuse_session;
struct loop;

#define LOOP_THREADS     8
#define LOOP_POLL_NS_MAX 50000

int loop_start(struct fuse_session *session, struct loop **ret, struct err *e);
/* Until the session has ended by an unmount, or loop_stop was called; joins the threads. */
void loop_join(struct loop *l);
void loop_stop(struct loop *l);
/* A descriptor that becomes readable when the session has ended. */
int loop_end_fd(const struct loop *l);
void loop_free(struct loop *l); /* after loop_join; NULL is fine */

/* Called by a handler that is about to wait: others receive meanwhile. Costs nothing when they do. */
void loop_will_block(void);

#endif
