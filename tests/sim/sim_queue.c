/* What will happen, in order of (time, order of arrival).
 *
 * Nearly all events are messages that arrive within the network's delay: they
 * stand in a ring of short lists, one for each slice of time, found by a bitmap
 * of two levels.  Timers are further away and stand in a heap. */
#include "base/check.h"
#include "tests/sim/sim.h"

#include <stdlib.h>

enum {
    SLOTS = 4096,
    WORDS = SLOTS / 64,
};

static uint32_t take_event(struct sim_queue *q)
{
    const uint32_t i = q->free;

    if (i != 0) {
        q->free = q->events[i].next;
        return i;
    }
    if (q->count + 1 >= q->cap) {
        q->cap = q->cap == 0 ? 4096 : 2 * q->cap;
        q->events = realloc(q->events, q->cap * sizeof q->events[0]);
        ASSERT(q->events != NULL);
    }
    return ++q->count;
}

static bool before(uint64_t at, uint64_t seq, uint64_t at2, uint64_t seq2)
{
    return at < at2 || (at == at2 && seq < seq2);
}

static void put_near(struct sim_queue *q, uint32_t i)
{
    const struct sim_ev *ev = &q->events[i];
    const uint32_t slot = (uint32_t)(ev->at >> q->shift) % SLOTS;
    uint32_t *at = &q->heads[slot];

    while (*at != 0 &&
           before(q->events[*at].at, q->events[*at].seq, ev->at, ev->seq))
        at = &q->events[*at].next;
    q->events[i].next = *at;
    *at = i;
    q->marks[slot / 64] |= 1ull << slot % 64;
    q->top_mark |= 1ull << slot / 64;
    q->near_count++;
}

static bool far_before(const struct sim_far *a, const struct sim_far *b)
{
    return before(a->at, a->seq, b->at, b->seq);
}

static void put_far(struct sim_queue *q, uint32_t i)
{
    const struct sim_far entry = {q->events[i].at, q->events[i].seq, i};
    uint32_t at = q->far_count++;

    if (q->far_count > q->far_cap) {
        q->far_cap = q->far_cap == 0 ? 1024 : 2 * q->far_cap;
        q->far = realloc(q->far, q->far_cap * sizeof q->far[0]);
        ASSERT(q->far != NULL);
    }
    while (at > 0 && far_before(&entry, &q->far[(at - 1) / 4])) {
        q->far[at] = q->far[(at - 1) / 4];
        at = (at - 1) / 4;
    }
    q->far[at] = entry;
}

static uint32_t take_far(struct sim_queue *q)
{
    const uint32_t first = q->far[0].event;
    const struct sim_far last = q->far[--q->far_count];
    uint32_t at = 0;

    for (;;) {
        uint32_t best = 4 * at + 1;
        const uint32_t end = best + 4 < q->far_count ? best + 4 : q->far_count;

        if (best >= q->far_count)
            break;
        for (uint32_t k = best + 1; k < end; k++) {
            if (far_before(&q->far[k], &q->far[best]))
                best = k;
        }
        if (!far_before(&q->far[best], &last))
            break;
        q->far[at] = q->far[best];
        at = best;
    }
    q->far[at] = last;
    return first;
}

void sim_push(struct sim *s, struct sim_ev ev)
{
    struct sim_queue *q = &s->queue;
    const uint32_t i = take_event(q);

    ev.seq = s->seq++;
    q->events[i] = ev;
    if ((ev.at >> q->shift) - q->slot < SLOTS && ev.at >> q->shift >= q->slot)
        put_near(q, i);
    else
        put_far(q, i);
}

/* The slot of the first near event.  Requires that there is one. */
static uint32_t first_slot(const struct sim_queue *q)
{
    const uint32_t from = (uint32_t)(q->slot % SLOTS);
    const uint64_t here = q->marks[from / 64] & ~0ull << from % 64;
    uint64_t words;
    uint32_t word;

    if (here != 0)
        return from / 64 * 64 + (uint32_t)__builtin_ctzll(here);
    words = from / 64 == 63 ? 0 : q->top_mark & ~0ull << (from / 64 + 1);
    if (words == 0)
        words = q->top_mark;
    word = (uint32_t)__builtin_ctzll(words);
    return word * 64 + (uint32_t)__builtin_ctzll(q->marks[word]);
}

static void take_near(struct sim_queue *q, uint32_t slot)
{
    q->heads[slot] = q->events[q->heads[slot]].next;
    q->near_count--;
    if (q->heads[slot] != 0)
        return;
    q->marks[slot / 64] &= ~(1ull << slot % 64);
    if (q->marks[slot / 64] == 0)
        q->top_mark &= ~(1ull << slot / 64);
}

bool sim_pop(struct sim *s, struct sim_ev *out, uint64_t until)
{
    struct sim_queue *q = &s->queue;
    uint32_t i = 0;
    uint32_t slot = 0;

    if (q->near_count > 0) {
        slot = first_slot(q);
        i = q->heads[slot];
    }
    if (q->far_count > 0 &&
        (i == 0 ||
         before(
             q->far[0].at, q->far[0].seq, q->events[i].at, q->events[i].seq))) {
        if (q->far[0].at > until)
            return false;
        i = take_far(q);
    } else if (i == 0 || q->events[i].at > until) {
        return false;
    } else {
        take_near(q, slot);
    }
    *out = q->events[i];
    q->events[i].next = q->free;
    q->free = i;
    q->slot = out->at >> q->shift;
    return true;
}

/* Slices such that what takes span_us is near. */
void sim_queue_fit(struct sim *s, uint64_t span_us)
{
    struct sim_queue *q = &s->queue;
    uint32_t shift = 0;

    while (((uint64_t)SLOTS << shift) < span_us + span_us / 4)
        shift++;
    if (q->heads == NULL) {
        q->heads = calloc(SLOTS, sizeof q->heads[0]);
        q->marks = calloc(WORDS, sizeof q->marks[0]);
        ASSERT(q->heads != NULL && q->marks != NULL);
    }
    while (q->near_count > 0) {
        const uint32_t slot = first_slot(q);
        const uint32_t i = q->heads[slot];

        take_near(q, slot);
        put_far(q, i);
    }
    q->shift = shift;
    q->slot = s->now >> shift;
}

void sim_queue_clear(struct sim *s)
{
    struct sim_ev ev;

    if (s->queue.heads == NULL)
        sim_queue_fit(s, 1);
    while (sim_pop(s, &ev, SIM_NEVER)) {
        if (ev.packet != NULL)
            sim_packet_drop(s, ev.packet);
    }
    s->queue.slot = 0;
    s->seq = 0;
}

void sim_queue_deinit(struct sim_queue *q)
{
    free(q->events);
    free(q->far);
    free(q->heads);
    free(q->marks);
}
