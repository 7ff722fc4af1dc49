/* In the place of node/worker.c: tasks are events, on the one thread.  Each
 * takes a while by chance, and longer if it waits for the disk. */
#include "tests/whole/whole.h"

#include "base/check.h"
#include "node/worker.h"

enum {
    STREAK_MAX = 16,
    RUNNING_MAX = 4,
};

struct queue {
    struct task *first;
    struct task **last;
};

struct mail {
    struct whole_node *w;
    struct queue queue;
    struct item *item;
};

struct running {
    struct pool *pool;
    struct task *task;
    struct item *item;
};

struct pool {
    struct whole_node *w;
    struct mail *home;
    struct queue lanes[POOL_LANES];
    size_t count;
    unsigned streak, turn;
    unsigned threads;
    struct running running[RUNNING_MAX];
};

static void push(struct queue *q, struct task *t)
{
    t->next = NULL;
    *q->last = t;
    q->last = &t->next;
}

static struct task *pop(struct queue *q)
{
    struct task *t = q->first;

    if (t == NULL)
        return NULL;
    q->first = t->next;
    if (q->first == NULL)
        q->last = &q->first;
    return t;
}

/* ---- mail ---- */

struct mail *mail_new(struct event_base *base)
{
    struct mail *m = calloc(1, sizeof *m);

    (void)base;
    ASSERT(m != NULL);
    m->w = whole.now;
    m->queue.last = &m->queue.first;
    return m;
}

void mail_drain(struct mail *m)
{
    struct task *t = m->queue.first;

    m->queue.first = NULL;
    m->queue.last = &m->queue.first;
    while (t != NULL) {
        struct task *next = t->next;

        t->done(t);
        t = next;
    }
}

static void on_mail(void *arg)
{
    struct mail *m = arg;

    m->item = NULL;
    mail_drain(m);
}

void mail_post(struct mail *m, struct task *task)
{
    push(&m->queue, task);
    if (m->item == NULL)
        m->item = item_at(whole_soon(m->w, whole_draw(&whole.net, 1, 60)),
                          m->w->index,
                          on_mail,
                          m);
}

void mail_free(struct mail *m)
{
    if (m == NULL)
        return;
    mail_drain(m);
    if (m->item != NULL)
        item_cancel(m->item);
    free(m);
}

/* ---- pools ---- */

struct pool *pool_new(const char *name, unsigned threads, struct mail *home)
{
    struct pool *p = calloc(1, sizeof *p);

    (void)name;
    ASSERT(p != NULL && threads >= 1 && threads <= RUNNING_MAX);
    p->w = home->w;
    p->home = home;
    p->threads = threads;
    for (unsigned i = 0; i < POOL_LANES; i++)
        p->lanes[i].last = &p->lanes[i].first;
    return p;
}

static struct task *next_in_turn(struct pool *p)
{
    for (unsigned i = 1; i < POOL_LANES; i++) {
        const unsigned lane = 1 + (p->turn + i - 1) % (POOL_LANES - 1);
        struct task *t = pop(&p->lanes[lane]);

        if (t != NULL) {
            p->turn = lane;
            return t;
        }
    }
    return NULL;
}

static struct task *next_task(struct pool *p)
{
    struct task *t = NULL;

    if (p->streak >= STREAK_MAX)
        t = next_in_turn(p);
    if (t == NULL) {
        t = pop(&p->lanes[0]);
        p->streak++;
        if (t != NULL)
            return t;
        t = next_in_turn(p);
    }
    p->streak = 0;
    return t;
}

static void pump(struct pool *p);

static void on_free(void *arg)
{
    struct running *r = arg;

    r->item = NULL;
    r->task = NULL;
    pump(r->pool);
}

static void on_run(void *arg)
{
    struct running *r = arg;
    struct pool *p = r->pool;

    r->item = NULL;
    r->task->run(r->task);
    mail_post(p->home, r->task);
    r->task = NULL;
    /* The thread is busy for as long as its syncs took. */
    r->item = item_at(whole_soon(p->w, 0), p->w->index, on_free, r);
    r->item->aside = true;
}

static void pump(struct pool *p)
{
    for (unsigned i = 0; i < p->threads && p->count > 0; i++) {
        struct running *r = &p->running[i];

        if (r->item != NULL)
            continue;
        r->pool = p;
        r->task = next_task(p);
        p->count--;
        r->item = item_at(whole_soon(p->w, whole_draw(&whole.net, 20, 2000)),
                          p->w->index,
                          on_run,
                          r);
        r->item->aside = true;
    }
}

void pool_submit(struct pool *p, struct task *task, unsigned lane)
{
    ASSERT(p != NULL && lane < POOL_LANES);
    push(&p->lanes[lane], task);
    p->count++;
    pump(p);
}

size_t pool_waiting(struct pool *p)
{
    return p->count;
}

void pool_stop(struct pool *p)
{
    struct task *t;

    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->threads; i++) {
        struct running *r = &p->running[i];

        if (r->item != NULL)
            item_cancel(r->item);
        if (r->task == NULL)
            continue;
        r->task->run(r->task);
        mail_post(p->home, r->task);
    }
    while (p->count > 0 && (t = next_task(p)) != NULL) {
        p->count--;
        t->run(t);
        mail_post(p->home, t);
    }
    free(p);
}
