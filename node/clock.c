/* This node's clock against the others': told when it is off, and no block is
 * proposed while it is far behind (H5 clock).  Signing goes on: votes carry no
 * time. */
#include "base/log.h"
#include "node/node.h"

static void tell(const struct peers_clock *c)
{
    if (c->behind)
        log_broken("clock",
                   "this node's clock is more than a minute behind the "
                   "others': it proposes no block until the clock is set "
                   "right (start NTP)",
                   "behind_ms=%lld measured=%u",
                   (long long)c->median_ms,
                   c->measured);
    else if (c->off)
        log_broken("clock",
                   "this node's clock differs from the others': set it right "
                   "(start NTP)",
                   "theirs_less_ours_ms=%lld measured=%u",
                   (long long)c->median_ms,
                   c->measured);
    else
        log_info("clock", "the clock agrees with the others' again", "%s", "");
}

void clock_tick(struct node *n)
{
    const struct peers_clock c = peers_clock(n->peers);

    if (c.off != n->clock.off || c.behind != n->clock.behind)
        tell(&c);
    n->clock = c;
}
