/* worker.h - tasks that run on a pool of threads and end on the loop.
 *
 *   loop thread --pool_submit--> [queue] --run()--> pool thread
 *        ^                                              |
 *        +------------- done() <------- mail -----------+
 *
 * A task is the caller's struct with a struct task in front; it belongs to the
 * pool from submit until done() is called, which may free it.
 *
 * A pool has lanes.  Lane 0 goes first, but for one of the others after sixteen
 * in a row; the others take turns, a task each, so that who has much to do does
 * not hold up who has little.  Tasks of one lane of a pool with one thread run,
 * and end, in the order of submission. */
#ifndef NODE_WORKER_H
#define NODE_WORKER_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct mail;
enum {
    POOL_THREADS_MAX = 256,
    POOL_LANES = 72,
};

struct pool;
struct task;

typedef void (*task_fn)(struct task *task);

struct task {
    struct task *next; /* the queue's */
    task_fn run;       /* on a pool thread; NULL for tasks only mailed */
    task_fn done;      /* on the loop thread */
};

/* mail_new makes the way back to the loop of base (an eventfd), with the
 * highest priority. */
struct mail *mail_new(struct event_base *base);
/* mail_post has done() called on the loop thread.  Thread-safe. */
void mail_post(struct mail *m, struct task *task);
void mail_free(struct mail *m);

/* pool_new starts `threads` (1..POOL_THREADS_MAX) threads named `name` that
 * mail to home. */
struct pool *pool_new(const char *name, unsigned threads, struct mail *home);
void pool_submit(struct pool *p, struct task *task, unsigned lane);
size_t pool_waiting(struct pool *p);
/* pool_stop lets queued tasks finish, joins the threads and frees the pool; the
 * done() of the last tasks are still in the mail. */
void pool_stop(struct pool *p);
/* mail_drain runs what is in the mail now; for the end of the process. */
void mail_drain(struct mail *m);

#endif /* NODE_WORKER_H */
