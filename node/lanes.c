#include "node/lanes.h"

#include "base/check.h"

enum {
    STREAK_MAX = 16,
};

void task_queue_init(struct task_queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

void task_queue_push(struct task_queue *q, struct task *t)
{
    t->next = NULL;
    *q->last = t;
    q->last = &t->next;
}

struct task *task_queue_take(struct task_queue *q)
{
    struct task *t = q->first;

    task_queue_init(q);
    return t;
}

static struct task *pop(struct task_queue *q)
{
    struct task *t = q->first;

    if (t == NULL)
        return NULL;
    q->first = t->next;
    if (q->first == NULL)
        q->last = &q->first;
    return t;
}

void lanes_init(struct lanes *l)
{
    *l = (struct lanes){0};
    for (unsigned i = 0; i < POOL_LANES; i++)
        task_queue_init(&l->lane[i]);
}

void lanes_push(struct lanes *l, struct task *t, unsigned lane)
{
    ASSERT(lane < POOL_LANES);
    task_queue_push(&l->lane[lane], t);
    l->count++;
}

/* The next one of the lanes that take turns; NULL: there is none. */
static struct task *next_in_turn(struct lanes *l)
{
    for (unsigned i = 1; i < POOL_LANES; i++) {
        const unsigned lane = 1 + (l->turn + i - 1) % (POOL_LANES - 1);
        struct task *t = pop(&l->lane[lane]);

        if (t != NULL) {
            l->turn = lane;
            return t;
        }
    }
    return NULL;
}

/* Lane 0 goes first; now and then one of the others, so that nobody waits for
 * ever. */
static struct task *choose(struct lanes *l)
{
    struct task *t = NULL;

    if (l->streak >= STREAK_MAX)
        t = next_in_turn(l);
    if (t == NULL) {
        t = pop(&l->lane[0]);
        l->streak++;
        if (t != NULL)
            return t;
        t = next_in_turn(l);
    }
    l->streak = 0;
    return t;
}

struct task *lanes_next(struct lanes *l)
{
    struct task *t = choose(l);

    l->count -= t != NULL ? 1 : 0;
    return t;
}
