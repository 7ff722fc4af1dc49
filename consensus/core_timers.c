/* Timers: when a view is given up, what is sent again, when to be quiet. */
#include "base/num.h"
#include "consensus/core_state.h"

enum {
    LINK_DOWN_MS = 1000, /* a leader whose connection is down this long */
};

/* 1024 * 1.5^b, rounded down: b counts views beyond the one in flight. */
static const uint32_t back_off[13] = {1024,
                                      1536,
                                      2304,
                                      3456,
                                      5184,
                                      7776,
                                      11664,
                                      17496,
                                      26244,
                                      39366,
                                      59049,
                                      88573,
                                      132860};

/* A pure function of v and F: a restart cannot reset it. */
uint64_t timeout_ms(const struct core *c, uint32_t base_ms)
{
    const uint64_t ahead = c->view - c->fin.view;
    uint64_t b = ahead > 2 ? ahead - 2 : 0;

    if (c->config.mutant == MUTANT_NO_BACK_OFF)
        b = 0;
    return num_min_u64((uint64_t)base_ms * back_off[b < 12 ? b : 12] / 1024,
                       c->config.timers.t_cap_ms);
}

static uint64_t busy_from_ms(const struct core *c)
{
    return num_max_u64(c->busy_since_ms, c->t_enter_ms);
}

static uint32_t nullify_needed(const struct core *c)
{
    /* I4 one cannot wake it: a liar alone turns no idle network. */
    return c->config.mutant == MUTANT_ANY_NULLIFY_BUSY
               ? 1
               : (uint32_t)c->faulty + 1;
}

/* I3 carry the tip: whether the newest notarised candidate has a block that is
 * not final.  Views that are not final but carry a final block are nothing to
 * wait for: on a link slower than T_leader / 2 their finalization is always
 * one view late, and carrying it would never end.  An
 * older candidate with another block cannot become final any more, or the
 * newest would extend it. */
bool tip_is_open(const struct core *c)
{
    struct candidate newest;

    return c->noted[0] != 0 && certified(c, c->noted[0], &newest) &&
           !hash_eq(&newest.block, &c->fin.block);
}

/* I2 idle is silent: timers run while this holds. */
bool core_is_busy(const struct core *c)
{
    const struct core_cert_slot *s = cert_slot_if(c, c->view);

    return c->work || tip_is_open(c) ||
           (s != NULL &&
            (s->has_prop || s->mine[VOTE_NULLIFY].state != OWN_NONE)) ||
           vote_count(c, c->view, VOTE_NULLIFY) >= nullify_needed(c);
}

static uint32_t alive_count(const struct core *c)
{
    const uint64_t limit = (uint64_t)c->config.timers.t_status_ms * 5 / 2;
    uint32_t alive = 1;

    for (uint32_t i = 0; i < c->config.n; i++) {
        const struct core_peer *p = &c->peers[i];

        if ((int)i != c->config.me && p->heard && p->down_ms == 0 &&
            c->now_ms - p->heard_ms <= limit)
            alive++;
    }
    return alive;
}

/* N4 silent leader, though a quorum is not. */
static bool leader_is_silent(struct core *c)
{
    const uint32_t leader = core_leader(c, c->view);
    const struct core_peer *p = &c->peers[leader];
    const uint64_t heard = num_max_u64(p->heard_ms, c->start_ms);
    uint64_t at = heard + c->config.timers.t_silent_ms;

    if ((int)leader == c->config.me)
        return false;
    if (p->down_ms != 0)
        at = num_min_u64(at, p->down_ms + LINK_DOWN_MS);
    return due(c, at) && alive_count(c) >= c->quorum;
}

/* I7 pre-rotation: with nothing to do the view of a leader that is silent is
 * given up in advance, so that the first transaction does not wait for it.  One
 * view in T_silent at most; the first leader that lives ends it. */
static bool rotates_early(struct core *c, bool has_prop)
{
    return !has_prop && due(c, c->t_enter_ms + c->config.timers.t_silent_ms) &&
           leader_is_silent(c);
}

/* N5 and N6 hold also while idle; the timers only while busy (I2). */
static bool must_give_up(struct core *c)
{
    const struct core_cert_slot *s = cert_slot_if(c, c->view);
    const struct core_vote_slot *votes = vote_slot_if(c, c->view);
    const uint32_t leader = core_leader(c, c->view);
    const bool has_prop = s != NULL && s->has_prop;
    const uint64_t from = busy_from_ms(c);

    if (votes != NULL && !has_prop &&
        (votes->have[VOTE_NULLIFY] >> leader & 1) != 0)
        return true; /* N5 leader gives up */
    if (vote_count(c, c->view, VOTE_NULLIFY) >= nullify_needed(c))
        return true; /* N6 f + 1 give up */
    if (!c->was_busy)
        return rotates_early(c, has_prop);
    /* N1 no proposal; N2 no notarization */
    return (!has_prop &&
            due(c, from + timeout_ms(c, c->config.timers.t_leader_ms))) ||
           due(c, from + timeout_ms(c, c->config.timers.t_view_ms)) ||
           (s != NULL && s->bad) || /* N3, if it could not be cast before */
           (!has_prop && leader_is_silent(c));
}

static void resend(struct core *c, const struct vote *v)
{
    if (v != NULL)
        emit(c, DO_SEND_VOTE)->vote = *v;
}

static void resend_notarize(struct core *c)
{
    const struct vote *v = own_vote(c, c->view, VOTE_NOTARIZE, true);
    struct core_effect *e;

    if (v == NULL)
        return;
    if (core_leader(c, c->view) != (uint32_t)c->config.me) {
        resend(c, v);
        return;
    }
    e = emit(c, DO_SEND_PROPOSAL);
    e->candidate = v->about;
    e->vote = *v;
}

/* Messages may be lost: what is durable is sent again, byte for byte. */
static void retry(struct core *c)
{
    resend_notarize(c);
    resend(c, own_vote(c, c->view, VOTE_NULLIFY, true));
    for (uint32_t i = 0; i < CORE_NOTED && c->noted[i] != 0; i++)
        resend(c, own_vote(c, c->noted[i], VOTE_FINALIZE, true));
    if (c->view > 1)
        send_certs(c, CORE_ALL, c->view - 1, c->view - 1);
}

void run_timers(struct core *c)
{
    if (may_sign_more(c) && own_vote(c, c->view, VOTE_NULLIFY, false) == NULL &&
        own_vote(c, c->view, VOTE_FINALIZE, false) == NULL && must_give_up(c))
        nullify(c);
    if (c->was_busy && c->config.mutant != MUTANT_NO_RETRY &&
        due(c, c->retry_at_ms)) {
        c->retry_at_ms = c->now_ms + c->config.timers.t_retry_ms;
        wake_at(c, c->retry_at_ms);
        retry(c);
    }
    if (due(c, c->status_at_ms)) {
        c->status_at_ms = c->now_ms + c->config.timers.t_status_ms;
        wake_at(c, c->status_at_ms);
        emit(c, DO_SEND_STATUS);
    }
}
