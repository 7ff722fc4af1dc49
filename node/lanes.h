/* lanes.h - which task comes next (worker.h says the order).  No locks: the
 * pool that owns them has one. */
#ifndef NODE_LANES_H
#define NODE_LANES_H

#include "node/worker.h"

/* Tasks in the order of their arrival. */
struct task_queue {
    struct task *first;
    struct task **last;
};

void task_queue_init(struct task_queue *q);
void task_queue_push(struct task_queue *q, struct task *t);
/* All that is in it, linked by next; it is empty then. */
struct task *task_queue_take(struct task_queue *q);

struct lanes {
    struct task_queue lane[POOL_LANES];
    size_t count;    /* in all of them */
    unsigned streak; /* tasks of lane 0 in a row */
    unsigned turn;   /* lane that was served last, of the others */
};

void lanes_init(struct lanes *l);
void lanes_push(struct lanes *l, struct task *t, unsigned lane);
/* NULL: there is none. */
struct task *lanes_next(struct lanes *l);

#endif /* NODE_LANES_H */
