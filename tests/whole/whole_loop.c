/* In the place of libevent: the timers of a node's loop. */
#include "tests/whole/whole.h"

#include "base/check.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <signal.h>

struct event_base {
    struct whole_node *w;
};

/* Behind libevent's struct event, whose name the ledger has too. */
struct timer {
    struct whole_node *w;
    event_callback_fn fn;
    void *ctx;
    struct item *item; /* NULL: not set */
};

static struct timer *timer_of(struct event *e)
{
    return (struct timer *)(void *)e;
}

struct event_config {
    int unused;
};

int evthread_use_pthreads(void)
{
    return 0;
}

struct event_config *event_config_new(void)
{
    return calloc(1, sizeof(struct event_config));
}

void event_config_free(struct event_config *c)
{
    free(c);
}

int event_config_set_max_dispatch_interval(struct event_config *c,
                                           const struct timeval *most,
                                           int callbacks,
                                           int priority)
{
    (void)c;
    (void)most;
    (void)callbacks;
    (void)priority;
    return 0;
}

struct event_base *event_base_new_with_config(const struct event_config *c)
{
    struct event_base *b = calloc(1, sizeof *b);

    (void)c;
    ASSERT(b != NULL && whole.now != NULL);
    b->w = whole.now;
    return b;
}

void event_base_free(struct event_base *b)
{
    free(b);
}

int event_base_priority_init(struct event_base *b, int count)
{
    (void)b;
    (void)count;
    return 0;
}

int event_base_loopbreak(struct event_base *b)
{
    (void)b; /* the node is looked at after each event */
    return 0;
}

int event_base_dispatch(struct event_base *b)
{
    (void)b;
    ASSERT(false); /* node_run is not what runs here */
    return -1;
}

struct event *event_new(struct event_base *b,
                        evutil_socket_t fd,
                        short what,
                        event_callback_fn fn,
                        void *ctx)
{
    struct timer *e = calloc(1, sizeof *e);

    (void)fd;
    (void)what;
    ASSERT(e != NULL);
    e->w = b->w;
    e->fn = fn;
    e->ctx = ctx;
    return (struct event *)(void *)e;
}

int event_priority_set(struct event *e, int priority)
{
    (void)e;
    (void)priority;
    return 0;
}

static void on_time(void *arg)
{
    struct timer *e = arg;

    e->item = NULL;
    e->fn(-1, EV_TIMEOUT, e->ctx);
}

static void set(struct timer *e, uint64_t us)
{
    if (e->item != NULL)
        item_cancel(e->item);
    e->item = item_at(whole_soon(e->w, us + whole_draw(&whole.net, 1, 300)),
                      e->w->index,
                      on_time,
                      e);
}

int event_add(struct event *e, const struct timeval *t)
{
    if (t != NULL)
        set(timer_of(e), (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec);
    return 0;
}

void event_active(struct event *e, int what, short calls)
{
    (void)what;
    (void)calls;
    set(timer_of(e), 0);
}

int event_del(struct event *event)
{
    struct timer *e = timer_of(event);

    if (e->item != NULL)
        item_cancel(e->item);
    e->item = NULL;
    return 0;
}

void event_free(struct event *e)
{
    (void)event_del(e);
    free(e);
}
