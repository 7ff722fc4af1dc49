/* The order in which everything happens. */
#include "tests/whole/whole.h"

#include "base/check.h"

#include <stdarg.h>

struct world whole;

const char *const whole_fault_names[WHOLE_FAULTS] = {"kill",
                                                     "power",
                                                     "at_call",
                                                     "all",
                                                     "stop",
                                                     "partition",
                                                     "one_way",
                                                     "break",
                                                     "slow_link",
                                                     "slow_disk",
                                                     "pause",
                                                     "clock",
                                                     "eio",
                                                     "enospc",
                                                     "short",
                                                     "byzantine"};

static bool before(const struct item *a, const struct item *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(uint32_t i, uint32_t k)
{
    struct item *x = whole.heap[i];

    whole.heap[i] = whole.heap[k];
    whole.heap[k] = x;
}

static void put(struct item *i)
{
    uint32_t at = whole.heap_count++;

    if (whole.heap_count > whole.heap_cap) {
        whole.heap_cap = 2 * whole.heap_cap + 1024;
        whole.heap = realloc(whole.heap, whole.heap_cap * sizeof *whole.heap);
        ASSERT(whole.heap != NULL);
    }
    whole.heap[at] = i;
    while (at > 0 && before(whole.heap[at], whole.heap[(at - 1) / 2])) {
        swap(at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static struct item *take(void)
{
    struct item *first = whole.heap[0];
    uint32_t at = 0;

    whole.heap[0] = whole.heap[--whole.heap_count];
    for (;;) {
        uint32_t least = at;

        for (uint32_t k = 2 * at + 1; k <= 2 * at + 2; k++) {
            if (k < whole.heap_count &&
                before(whole.heap[k], whole.heap[least]))
                least = k;
        }
        if (least == at)
            return first;
        swap(at, least);
        at = least;
    }
}

struct item *item_at(uint64_t at_us, int node, item_fn fn, void *arg)
{
    struct item *i = calloc(1, sizeof *i);

    ASSERT(i != NULL);
    i->at_us = at_us;
    i->order = whole.orders++;
    i->node = node;
    i->life = node >= 0 ? whole.node[node].life : 0;
    i->fn = fn;
    i->arg = arg;
    put(i);
    return i;
}

void item_cancel(struct item *i)
{
    i->fn = NULL;
    if (i->drop != NULL)
        i->drop(i->arg);
    i->drop = NULL;
}

static void drop(struct item *i)
{
    if (i->drop != NULL)
        i->drop(i->arg);
    free(i);
}

void queue_clear(void)
{
    while (whole.heap_count > 0)
        drop(take());
}

uint64_t whole_soon(const struct whole_node *w, uint64_t us)
{
    return whole.us + (whole.now == w ? w->lag_us : 0) + us;
}

static void handle(struct item *i)
{
    struct whole_node *w = i->node >= 0 ? &whole.node[i->node] : NULL;
    item_fn fn = i->fn;
    void *arg = i->arg;
    const bool aside = i->aside;

    free(i);
    whole_mix(whole.us);
    if (w == NULL) {
        fn(arg);
        return;
    }
    whole_mix((uint64_t)w->index + 1);
    whole.total.events++;
    whole.now = w;
    whole.aside = aside;
    w->lag_us = 0;
    fn(arg);
    whole.aside = false;
    if (!aside)
        w->busy_until_us = whole.us + w->lag_us;
    node_look(w);
    w->lag_us = 0;
    whole.now = NULL;
}

bool whole_step(uint64_t until_us)
{
    struct item *i;
    struct whole_node *w;

    if (whole.heap_count == 0 || whole.heap[0]->at_us > until_us)
        return false;
    i = take();
    w = i->node >= 0 ? &whole.node[i->node] : NULL;
    if (i->fn == NULL || (w != NULL && (!w->running || w->life != i->life))) {
        drop(i);
        return true;
    }
    if (i->at_us > whole.us)
        whole.us = i->at_us;
    if (w != NULL && w->stands_until_us > whole.us) {
        i->at_us = w->stands_until_us;
        put(i);
        return true;
    }
    if (w != NULL && !i->aside && w->busy_until_us > whole.us) {
        i->at_us = w->busy_until_us;
        put(i);
        return true;
    }
    handle(i);
    return true;
}

void whole_run(uint64_t until_us)
{
    while (!whole.failed && whole_step(until_us))
        ;
    if (!whole.failed && whole.us < until_us)
        whole.us = until_us;
}

void whole_mix(uint64_t what)
{
    whole.digest = (whole.digest ^ what) * 0x100000001b3u;
    whole.digest ^= whole.digest >> 29;
}

void whole_mix_bytes(struct bytes b)
{
    for (; b.size >= 8; b = bytes_of(b.at + 8, b.size - 8)) {
        uint64_t x;

        memcpy(&x, b.at, 8);
        whole_mix(x);
    }
    for (size_t i = 0; i < b.size; i++)
        whole_mix(b.at[i]);
}

void whole_fail(const char *format, ...)
{
    va_list args;

    if (whole.failed)
        return;
    whole.failed = true;
    va_start(args, format);
    vsnprintf(whole.why, sizeof whole.why, format, args);
    va_end(args);
    whole_tell("violation: %s", whole.why);
}

void whole_tell(const char *format, ...)
{
    va_list args;

    if (!whole.trace)
        return;
    va_start(args, format);
    fprintf(stderr, "%9.3f ", (double)whole.us / 1e6);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
}
