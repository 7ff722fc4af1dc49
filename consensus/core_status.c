/* STATUS: how nodes find out what the others lack, and repair it. */
#include "base/num.h"
#include "consensus/core_state.h"

/* While more views are open than the map has room for, it starts at the first
 * one of which nothing is known. */
static uint64_t map_start(const struct core *c)
{
    uint64_t from = c->base + 1;

    while (c->view > from && c->view - from > CORE_STATUS_VIEWS) {
        const struct core_cert_slot *s = cert_slot_if(c, from);

        if (s == NULL || (!s->has_n && !s->has_x))
            break;
        from++;
    }
    return from;
}

void core_status_for(const struct core *c,
                     struct core_status *out,
                     uint8_t recipient)
{
    memset(out, 0, sizeof *out);
    out->view = c->view;
    out->final_view = c->fin.view;
    out->final_height = c->fin.height;
    out->final_hash = c->fin.block;
    out->applied_height = c->applied_height;
    out->map_from = map_start(c);
    for (uint64_t u = out->map_from;
         u < c->view && out->map_views < CORE_STATUS_VIEWS;
         u++) {
        const struct core_cert_slot *s = cert_slot_if(c, u);
        const uint32_t i = out->map_views++;
        const unsigned bits =
            s == NULL ? 0 : (s->has_n ? 1u : 0u) | (s->has_x ? 2u : 0u);

        out->map[i / 4] |= (uint8_t)(bits << (i % 4 * 2));
    }
    if (recipient < c->config.n)
        out->held = c->peers[recipient].newest;
}

bool is_foreign(const struct core *c,
                uint8_t kind,
                const struct candidate *about)
{
    const struct vote *mine;

    if (about->view <= c->base)
        return false;
    mine = own_vote(c, about->view, kind, false);
    return mine == NULL || !candidate_eq(&mine->about, about);
}

/* Every vote was in the journal before it left, and a start enters the newest
 * view that the journal speaks of.  So a vote of this key for a later view, but
 * below those that this run voted in, is one that the journal forgot; also if
 * that view is long final. */
static bool is_forgotten(const struct core *c, const struct vote *held)
{
    return held->about.view > c->start_view &&
           (c->first_own == 0 || held->about.view < c->first_own);
}

/* H4 foreign vote: a second instance signs with this key, or the journal is an
 * old one. */
void observe_foreign(struct core *c)
{
    observe(c,
            "a peer holds a vote of this key that the journal does not know: "
            "a second instance runs, or the journal is old");
}

/* Sends the certificates of views first..last, at most CORE_PUSH_MAX. */
void send_certs(struct core *c, uint8_t to, uint64_t first, uint64_t last)
{
    uint32_t sent = 0;

    if (first <= c->base)
        first = c->base + 1;
    if (last >= c->view)
        last = c->view - 1;
    for (uint64_t u = first; u <= last && sent < CORE_PUSH_MAX; u++) {
        const struct core_cert_slot *s = cert_slot_if(c, u);

        if (s == NULL)
            continue;
        if (s->has_n)
            emit_cert(c, &s->n, to);
        if (s->has_x)
            emit_cert(c, &s->x, to);
        sent += (s->has_n ? 1u : 0u) + (s->has_x ? 1u : 0u);
    }
}

static unsigned has_by_map(const struct core_status *st, uint64_t view)
{
    const uint64_t i = view - st->map_from;

    if (view < st->map_from)
        return 3;
    return i < st->map_views ? st->map[i / 4] >> (i % 4 * 2) & 3u : 0;
}

/* A3 bounded repair */
static void push_missing(struct core *c,
                         uint8_t to,
                         const struct core_status *st)
{
    const uint64_t from = num_max_u64(st->final_view, c->base) + 1;
    uint32_t sent = 0;

    if (st->final_view >= c->view)
        return; /* it is further than we are, or says so */
    for (uint64_t u = from; u < c->view && sent < CORE_PUSH_MAX; u++) {
        const struct core_cert_slot *s = cert_slot_if(c, u);
        const unsigned has = has_by_map(st, u);

        if (s != NULL && s->has_n && (has & 1) == 0) {
            emit_cert(c, &s->n, to);
            sent++;
        }
        if (s != NULL && s->has_x && (has & 2) == 0) {
            emit_cert(c, &s->x, to);
            sent++;
        }
    }
}

/* Before the first vote of a new journal, the chain must not have begun (D45).
 * A1 height needs a certificate, so a peer that claims one is simply not
 * counted; if it is true, the certificate comes and decides. */
static void count_status(struct core *c, const struct core_event *e)
{
    if ((int)e->from == c->config.me || e->from >= c->config.n ||
        (c->fresh && e->status->final_height > 0))
        return;
    c->status_from |= 1u << e->from;
}

/* Four a second; of who only observes, four in ten seconds. */
static bool may_push(struct core *c, uint8_t to)
{
    struct core_peer *p = &c->peers[to];
    const uint64_t pause_ms = to < CORE_OBSERVER ? 250 : 2500;

    if (c->config.mutant == MUTANT_NO_REPAIR ||
        (p->pushed_ms != 0 && c->now_ms < p->pushed_ms + pause_ms))
        return false;
    p->pushed_ms = c->now_ms > 0 ? c->now_ms : 1;
    return true;
}

void take_status(struct core *c, const struct core_event *e)
{
    const struct core_status *st = e->status;

    if (st->held.kind != 0 && (int)st->held.signer == c->config.me &&
        st->held.epoch == c->config.epoch &&
        (is_foreign(c, st->held.kind, &st->held.about) ||
         is_forgotten(c, &st->held)))
        observe_foreign(c);
    count_status(c, e);
    if (!may_push(c, e->from))
        return;
    if (st->final_view < c->fin.view && c->has_final_cert)
        emit_cert(c, &c->final_cert, e->from);
    push_missing(c, e->from, st);
}

bool core_other_epoch(const struct core *c, uint8_t from, uint64_t epoch)
{
    const uint64_t told_ms = c->peers[from].epoch_ms;

    return epoch != c->config.epoch && !c->ended &&
           (told_ms == 0 || c->now_ms >= told_ms + 1000);
}

/* E12 old votes get the end: who is behind hears what ended its epoch; who is
 * ahead hears where we are, and answers with what ended ours.  Neither answer
 * is answered. */
void take_epoch(struct core *c, const struct core_event *e)
{
    struct core_effect *x;

    if (c->config.mutant == MUTANT_NO_REPAIR ||
        !core_other_epoch(c, e->from, e->epoch))
        return;
    c->peers[e->from].epoch_ms = c->now_ms > 0 ? c->now_ms : 1;
    x = emit(c,
             e->epoch < c->config.epoch ? DO_SEND_EPOCH_END : DO_SEND_STATUS);
    x->to = e->from;
    x->epoch = e->epoch;
}
