#include "node/worker.h"

#include "base/check.h"
#include "node/lanes.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mail {
    pthread_mutex_t lock;
    struct task_queue queue;
    int fd;
    struct event *readable;
};

void mail_drain(struct mail *m)
{
    struct task *t;

    pthread_mutex_lock(&m->lock);
    t = task_queue_take(&m->queue);
    pthread_mutex_unlock(&m->lock);
    while (t != NULL) {
        struct task *next = t->next;

        t->done(t);
        t = next;
    }
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    uint64_t n;

    (void)what;
    if (read(fd, &n, sizeof n) == (ssize_t)sizeof n)
        mail_drain(ctx);
}

struct mail *mail_new(struct event_base *base)
{
    struct mail *m = calloc(1, sizeof *m);

    ASSERT(m != NULL);
    pthread_mutex_init(&m->lock, NULL);
    task_queue_init(&m->queue);
    m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ASSERT(m->fd >= 0);
    m->readable = event_new(base, m->fd, EV_READ | EV_PERSIST, on_readable, m);
    ASSERT(m->readable != NULL);
    event_priority_set(m->readable, 0);
    event_add(m->readable, NULL);
    return m;
}

void mail_post(struct mail *m, struct task *task)
{
    const uint64_t one = 1;
    bool was_empty;

    pthread_mutex_lock(&m->lock);
    was_empty = m->queue.first == NULL;
    task_queue_push(&m->queue, task);
    pthread_mutex_unlock(&m->lock);
    if (was_empty) {
        const ssize_t n = write(m->fd, &one, sizeof one);

        (void)n; /* the counter cannot overflow: one write per empty queue */
    }
}

void mail_free(struct mail *m)
{
    if (m == NULL)
        return;
    mail_drain(m);
    event_free(m->readable);
    close(m->fd);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct lanes lanes;
    bool stopping;
    unsigned idle; /* threads that wait for a task */
    struct mail *home;
    unsigned thread_count;
    pthread_t threads[POOL_THREADS_MAX];
};

static void *work(void *arg)
{
    struct pool *p = arg;

    for (;;) {
        struct task *t;

        pthread_mutex_lock(&p->lock);
        while (p->lanes.count == 0 && !p->stopping) {
            p->idle++;
            pthread_cond_wait(&p->filled, &p->lock);
            p->idle--;
        }
        t = lanes_next(&p->lanes);
        pthread_mutex_unlock(&p->lock);
        if (t == NULL)
            return NULL;
        t->run(t);
        mail_post(p->home, t);
    }
}

struct pool *pool_new(const char *name, unsigned threads, struct mail *home)
{
    struct pool *p = calloc(1, sizeof *p);

    ASSERT(p != NULL);
    ASSERT(threads >= 1 && threads <= ARRAY_LEN(p->threads));
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->filled, NULL);
    lanes_init(&p->lanes);
    p->home = home;
    p->thread_count = threads;
    for (unsigned i = 0; i < threads; i++) {
        const int failed = pthread_create(&p->threads[i], NULL, work, p);

        ASSERT(failed == 0);
        pthread_setname_np(p->threads[i], name);
    }
    return p;
}

void pool_submit(struct pool *p, struct task *task, unsigned lane)
{
    bool wake;

    ASSERT(p != NULL);
    pthread_mutex_lock(&p->lock);
    lanes_push(&p->lanes, task, lane);
    wake = p->idle > 0;
    pthread_mutex_unlock(&p->lock);
    if (wake) /* after the lock is free, or the woken one waits for it */
        pthread_cond_signal(&p->filled);
}

size_t pool_waiting(struct pool *p)
{
    size_t n;

    pthread_mutex_lock(&p->lock);
    n = p->lanes.count;
    pthread_mutex_unlock(&p->lock);
    return n;
}

void pool_stop(struct pool *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->filled);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->thread_count; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->filled);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
