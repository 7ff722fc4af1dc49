#include "base/check.h"
#include "base/log.h"
#include "net/conn.h"

/* Who takes a place in the table of peers, and who gives way. */

const char *net_refusal_text(uint8_t code)
{
    switch (code) {
    case REFUSED_TWICE:
        return "a second connection with the same identity while the first "
               "one lives";
    case REFUSED_BANNED:
        return "bulk connection is banned";
    case REFUSED_TOO_SOON:
        return "back too soon after misbehaving";
    }
    return "a reason this release does not know";
}

bool net_make_room(struct peers *p)
{
    const uint64_t now_ms = net_now_ms();
    struct conn *oldest = NULL;

    for (struct conn *c = p->all; c != NULL; c = c->next) {
        if (c->pending && (oldest == NULL || c->since_ms < oldest->since_ms))
            oldest = c;
    }
    if (oldest == NULL || now_ms - oldest->since_ms < PEERS_GRACE_MS)
        return false;
    conn_close(oldest, "handshake gave way to a newer one");
    return true;
}

static struct dialler *line_of(const struct conn *c)
{
    return &c->peers->peer[c->index].dialler[c->channel];
}

static void no_longer_pending(struct conn *c)
{
    if (c->pending) {
        c->pending = false;
        c->peers->pending--;
    }
}

/* The listener answers only now: whoever called is either in, or told why not.
 * False: the connection is gone. */
static bool take_place(struct conn *c)
{
    struct peers *p = c->peers;
    struct peer *peer = &p->peer[c->index];

    if (!c->dialled && !conn_send_hello(c))
        return false;
    peer->conn[c->channel] = c;
    peer->connects++;
    peer->dialler[c->channel].back_off_ms = 100;
    peer->refuses_us[0] = '\0';
    c->up = true;
    c->heard_ms = net_now_ms();
    no_longer_pending(c);
    conn_pause(c, PAUSE_PROBE, false);
    p->callbacks.on_up(p->callbacks.ctx, (uint8_t)c->index, c->channel);
    return true;
}

/* The older one is asked whether it lives; until then the newer one waits. */
static void probe(struct conn *old, struct conn *c)
{
    static const struct timeval t = {PEERS_PROBE_MS / 1000, 0};
    struct dialler *d = line_of(c);

    ASSERT(d->waiting == NULL);
    d->waiting = c;
    d->probe_us = net_now_us();
    conn_pause(c, PAUSE_PROBE, true);
    conn_ping(old, d->probe_us);
    event_add(d->probe, &t);
}

static void refuse_both(struct conn *old, struct conn *c)
{
    static const char sentence[] =
        "two processes speak with the identity of one validator; both are "
        "sent away: one of them must be stopped";

    c->peers->peer[c->index].twice++;
    log_broken(
        "net", sentence, "validator=%d channel=%u", c->index, c->channel);
    conn_leave(
        c, REFUSED_TWICE, SCORE_PAUSE_MS, net_refusal_text(REFUSED_TWICE));
    conn_leave(
        old, REFUSED_TWICE, SCORE_PAUSE_MS, net_refusal_text(REFUSED_TWICE));
}

bool net_alive(struct conn *c, uint64_t sent_us)
{
    struct dialler *d = line_of(c);

    if (d->waiting == NULL || d->waiting == c || sent_us < d->probe_us)
        return true;
    refuse_both(c, d->waiting);
    return false;
}

void net_on_probe(evutil_socket_t fd, short what, void *ctx)
{
    struct dialler *d = ctx;
    struct conn *c = d->waiting;
    struct conn *old = d->peers->peer[d->index].conn[d->channel];

    (void)fd;
    (void)what;
    if (c == NULL)
        return;
    d->waiting = NULL;
    if (old != NULL)
        conn_close(old, NULL); /* it did not answer: its process is gone */
    (void)take_place(c);
}

/* Each side dialled: both know which of the two connections stays. */
static bool both_dialled(const struct conn *c, const struct conn *old)
{
    return c->dialled != old->dialled;
}

static bool stays(const struct conn *c)
{
    return c->dialled == net_dials(c->peers, c->index);
}

bool net_up(struct conn *c)
{
    struct peer *peer = &c->peers->peer[c->index];
    struct conn *old = peer->conn[c->channel];
    const uint64_t barred_ms =
        score_barred_ms(&peer->score, c->channel, net_now_ms());

    if (barred_ms > 0) {
        const uint8_t code =
            c->channel == CHANNEL_BULK ? REFUSED_BANNED : REFUSED_TOO_SOON;

        conn_leave(c, code, barred_ms, net_refusal_text(code));
        return false;
    }
    if (old == NULL || old == c || !old->up) {
        if (old != NULL && old != c)
            conn_close(old, NULL);
        return take_place(c);
    }
    if (both_dialled(c, old)) {
        if (stays(old)) {
            conn_close(c, NULL);
            return false;
        }
        conn_close(old, NULL);
        return take_place(c);
    }
    if (line_of(c)->waiting != NULL) {
        conn_leave(
            c, REFUSED_TWICE, SCORE_PAUSE_MS, net_refusal_text(REFUSED_TWICE));
        return false;
    }
    probe(old, c);
    return true;
}

/* Who waited for this place has it now, if the old one did not just show that
 * both are alive. */
static void inherit(struct conn *old)
{
    struct dialler *d = line_of(old);
    struct conn *c = d->waiting;

    if (c == NULL)
        return;
    d->waiting = NULL;
    event_del(d->probe);
    (void)take_place(c);
}

void net_down(struct conn *c)
{
    struct peers *p = c->peers;
    const bool was_up = c->up;
    struct dialler *d;

    if (c->index < 0)
        return;
    d = line_of(c);
    if (d->waiting == c) {
        d->waiting = NULL;
        event_del(d->probe);
    }
    if (p->peer[c->index].conn[c->channel] != c)
        return;
    p->peer[c->index].conn[c->channel] = NULL;
    if (p->closing)
        return;
    if (was_up)
        p->callbacks.on_down(p->callbacks.ctx, (uint8_t)c->index, c->channel);
    if (!p->peer[c->index].known)
        return; /* it is being forgotten */
    net_dial_later(p, (uint8_t)c->index, c->channel);
    if (was_up)
        inherit(c);
}
