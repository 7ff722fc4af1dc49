/* What is known of each view: two rings, one for certificates and own votes,
 * one for the votes of others, which are many and soon useless. */
#include "base/check.h"
#include "consensus/core_state.h"

_Static_assert(CORE_VOTE_SLOTS == 2 * CORE_VOTE_WINDOW,
               "votes are kept for (v - 64, v + 64]");
_Static_assert(CORE_CERT_SLOTS > 2 * CORE_VOTE_WINDOW,
               "every view with votes has a slot for its certificate");

bool in_cert_window(const struct core *c, uint64_t view)
{
    return view > c->base && view - c->base <= CORE_CERT_SLOTS;
}

struct core_cert_slot *cert_slot(struct core *c, uint64_t view)
{
    struct core_cert_slot *s = &c->certs[view % CORE_CERT_SLOTS];

    ASSERT(in_cert_window(c, view));
    if (s->view != view) {
        s->view = view;
        s->has_prop = s->bad = s->has_n = s->has_x = false;
        for (uint32_t kind = 0; kind < ARRAY_LEN(s->mine); kind++)
            s->mine[kind].state = OWN_NONE;
    }
    return s;
}

const struct core_cert_slot *cert_slot_if(const struct core *c, uint64_t view)
{
    const struct core_cert_slot *s = &c->certs[view % CORE_CERT_SLOTS];

    return in_cert_window(c, view) && s->view == view ? s : NULL;
}

/* M2 window */
bool in_vote_window(const struct core *c, uint64_t view)
{
    return view > c->base && view <= c->view + CORE_VOTE_WINDOW &&
           view + CORE_VOTE_WINDOW > c->view;
}

struct core_vote_slot *vote_slot(struct core *c, uint64_t view)
{
    struct core_vote_slot *s = &c->votes[view % CORE_VOTE_SLOTS];

    ASSERT(in_vote_window(c, view));
    if (s->view != view) {
        s->view = view;
        memset(s->have, 0, sizeof s->have);
        memset(s->reported, 0, sizeof s->reported);
    }
    return s;
}

const struct core_vote_slot *vote_slot_if(const struct core *c, uint64_t view)
{
    const struct core_vote_slot *s = &c->votes[view % CORE_VOTE_SLOTS];

    return in_vote_window(c, view) && s->view == view ? s : NULL;
}

uint32_t vote_count(const struct core *c, uint64_t view, uint8_t kind)
{
    const struct core_vote_slot *s = vote_slot_if(c, view);

    return s != NULL ? (uint32_t)__builtin_popcount(s->have[kind]) : 0;
}

const struct vote *own_vote(const struct core *c,
                            uint64_t view,
                            uint8_t kind,
                            bool durable)
{
    const struct core_cert_slot *s = cert_slot_if(c, view);

    if (s == NULL || s->mine[kind].state == OWN_NONE ||
        (durable && s->mine[kind].state != OWN_DURABLE))
        return NULL;
    return &s->mine[kind].vote;
}

bool certified(const struct core *c, uint64_t view, struct candidate *out)
{
    const struct core_cert_slot *s = cert_slot_if(c, view);

    if (view == c->fin.view) {
        *out = c->fin;
        return true;
    }
    if (s != NULL && s->has_n) {
        *out = s->n.about;
        return true;
    }
    if (view != 0 && view == c->kept.about.view) {
        *out = c->kept.about;
        return true;
    }
    return false;
}

bool nullified_between(const struct core *c, uint64_t after, uint64_t before)
{
    uint64_t u = after + 1;

    if (after < c->base) {
        if (c->nullified_from > u)
            return false;
        u = c->base + 1;
    }
    for (; u < before; u++) {
        const struct core_cert_slot *s = cert_slot_if(c, u);

        if (s == NULL || !s->has_x)
            return false;
    }
    return true;
}

/* The oldest view leaves memory; two facts about it stay. */
static void leave(struct core *c, uint64_t view)
{
    const struct core_cert_slot *s = cert_slot_if(c, view);

    if (s != NULL && s->has_n)
        cert_copy(&c->kept, &s->n);
    if (s == NULL || !s->has_x)
        c->nullified_from = view + 1;
    c->base = view;
}

void move_base(struct core *c, uint64_t base)
{
    const uint64_t known = c->base + CORE_CERT_SLOTS;

    while (c->base < base && c->base < known)
        leave(c, c->base + 1);
    if (c->base < base) {
        c->base = base;
        c->nullified_from = base + 1;
    }
}

void make_room(struct core *c, uint64_t view)
{
    const uint64_t top = view + CORE_VOTE_WINDOW + 1;

    if (top > CORE_CERT_SLOTS && top - CORE_CERT_SLOTS > c->base)
        move_base(c, top - CORE_CERT_SLOTS);
}

void move_final(struct core *c, const struct cert *cert)
{
    uint32_t count = 0;

    ASSERT(cert->about.view > c->fin.view); /* C5 */
    c->fin = cert->about;
    cert_copy(&c->final_cert, cert);
    c->has_final_cert = true;
    if (c->base < c->fin.view)
        c->base = c->fin.view;
    if (c->nullified_from <= c->fin.view)
        c->nullified_from = c->fin.view + 1;
    if (c->base == c->fin.view)
        c->nullified_from = c->base + 1;
    if (c->kept.about.view <= c->fin.view)
        c->kept.about.view = 0;
    for (uint32_t i = 0; i < CORE_NOTED; i++) {
        if (c->noted[i] > c->fin.view)
            c->noted[count++] = c->noted[i];
    }
    while (count < CORE_NOTED)
        c->noted[count++] = 0;
}

/* The newest few notarised views are worth a FINALIZE and their blocks. */
void note_notarised(struct core *c, uint64_t view)
{
    for (uint32_t i = 0; i < CORE_NOTED; i++) {
        const uint64_t displaced = c->noted[i];

        if (displaced == view)
            return;
        if (displaced < view) {
            c->noted[i] = view;
            view = displaced;
        }
        if (view == 0)
            return;
    }
}
