/* In the place of node/worker.c: tasks are events, on the one thread.  Each
 * takes a while by chance, and longer if it waits for the disk. */
#include "tests/whole/whole.h"

#include "base/check.h"
#include "node/lanes.h"

enum {
    RUNNING_MAX = 4,
};

struct mail {
    struct whole_node *w;
    struct task_queue queue;
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
    struct lanes lanes;
    unsigned threads;
    struct running running[RUNNING_MAX];
};

/* ---- mail ---- */

struct mail *mail_new(struct event_base *base)
{
    struct mail *m = calloc(1, sizeof *m);

    (void)base;
    ASSERT(m != NULL);
    m->w = whole.now;
    task_queue_init(&m->queue);
    return m;
}

void mail_drain(struct mail *m)
{
    struct task *t = task_queue_take(&m->queue);

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
    task_queue_push(&m->queue, task);
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
    lanes_init(&p->lanes);
    return p;
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
    for (unsigned i = 0; i < p->threads && p->lanes.count > 0; i++) {
        struct running *r = &p->running[i];

        if (r->item != NULL)
            continue;
        r->pool = p;
        r->task = lanes_next(&p->lanes);
        r->item = item_at(whole_soon(p->w, whole_draw(&whole.net, 20, 2000)),
                          p->w->index,
                          on_run,
                          r);
        r->item->aside = true;
    }
}

void pool_submit(struct pool *p, struct task *task, unsigned lane)
{
    ASSERT(p != NULL);
    lanes_push(&p->lanes, task, lane);
    pump(p);
}

size_t pool_waiting(struct pool *p)
{
    return p->lanes.count;
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
    while ((t = lanes_next(&p->lanes)) != NULL) {
        t->run(t);
        mail_post(p->home, t);
    }
    free(p);
}
