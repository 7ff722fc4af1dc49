/* Movements that are no trade: gift, division by deed, succession of companies.
 */
#include "base/check.h"
#include "ledger/rule_freeze.h"
#include "ledger/rule_move.h"

/* R84: T+n does not apply to shares that come by a gift, by law or by a court.
 */
enum {
    NO_TRADE_DAY = 0,
};

enum verdict rule_transfer_gift(struct exec *x,
                                const struct op_transfer_gift *op)
{
    const uint64_t q = op->quantity.shares;
    const struct hash key = security_key(op->security);
    struct move m;
    uint64_t have;
    uint64_t quota;
    enum verdict insider;
    enum verdict taken;
    bool fits;
    struct event e = {.kind = EVENT_GIVEN,
                      .account = op->from,
                      .other = op->to,
                      .quantity = q,
                      .document = op->document};
    enum verdict v =
        move_parties(x, &m, op->security, &op->from, &op->to, MOVE_AT_WILL);

    /* R85: A gift is a transfer at will: by notarised deed, of free shares, to
     * who may acquire them, and it counts against an officer's quota. */
    if (v == V_OK)
        v = move_acquire(x, &m, &op->consent);
    if (v == V_OK)
        v = move_security(x, &m, false, false);
    if (v != V_OK)
        return v;
    move_begin(x, &m);
    insider = insider_check(x, &m.from.h, q, &quota);
    taken = position_take(&m.from.h,
                          m.taken,
                          &m.taken_count,
                          &have,
                          q,
                          &op->selector,
                          &m.day,
                          TAKE_AVAILABLE);
    if (taken == V_CALENDAR || taken == V_T5)
        return exec_refuse(x, taken, &op->from, have, q);
    if (insider == V_INSIDER_HALF_YEAR)
        return exec_refuse(x, insider, &op->from, 0, q);
    if (!move_quantity_ok(&op->quantity))
        return exec_refuse(x, V_QUANTITY, NULL, q, 1);
    if (taken != V_OK)
        return exec_refuse(x, taken, &op->from, have, q);
    if (insider != V_OK)
        return exec_refuse(x, insider, &op->from, quota, q);
    fits =
        move_credit(&m, NO_TRADE_DAY, false, false, 0, SEGMENTS_VOLUNTARY_MAX);
    position_leave(&m.from.h, q, 0);
    insider_sold(&m.from.h, q);
    move_count(&m);
    v = exec_cap(&m.s, m.holders);
    if (v != V_OK)
        return exec_refuse(x, v, &key, m.s.holder_cap, m.s.holder_count);
    if (!fits)
        return exec_refuse(x, V_LIMIT, &op->to, 0, SEGMENTS_VOLUNTARY_MAX);
    memcpy(e.security, m.s.code, sizeof e.security);
    exec_emit(x, &e);
    move_put(x, &m);
    return V_OK;
}

/* A part of a freeze goes with the shares: a number of its own on the receiver,
 * rank and terms as they were.  *f is the old one. */
static enum verdict carry_freeze(struct exec *x,
                                 struct move *m,
                                 struct freeze_row *f,
                                 uint64_t number,
                                 uint64_t q)
{
    struct freeze_row part = *f;
    struct due_row work = {.kind = DUE_FREEZE, .number = number};
    struct event e = {.kind = EVENT_FREEZE_CARRIED,
                      .account = m->from.id,
                      .other = m->to.id,
                      .number = number,
                      .quantity = q,
                      .second = f->number,
                      .document = f->document};

    if (!position_arrive(&m->to.h,
                         number,
                         f->publicity_ms != 0 ? f->publicity_ms : f->service_ms,
                         q))
        return exec_refuse(x, V_LIMIT, &m->to.id, 0, HOLDING_FREEZES_MAX);
    part.number = number;
    part.account = m->to.id;
    part.requested.shares = q;
    part.effective.shares = q;
    part.queued.shares = 0;
    part.released.shares = 0;
    part.lapsed.shares = 0;
    part.executed.shares = 0;
    part.unfulfilled.shares = 0;
    memset(&part.chain, 0, sizeof part.chain);
    m->s.freeze_count = number;
    m->s.freezes_open++;
    m->s.court_reports += part.court_report ? 1 : 0;
    m->s.frozen.shares += q;
    memcpy(e.security, m->s.code, sizeof e.security);
    exec_emit(x, &e);
    exec_put_freeze(x, &part, m->s.code);
    /* R89: Frozen shares that the court lets move stay frozen on the receiver
     * under a number of their own, with the same rank; from the old freeze they
     * count as released. */
    freeze_take_out(x, &m->s, f, &m->from.h, q, &f->released);
    memcpy(work.security, m->s.code, sizeof work.security);
    due_add(x, part.to + 1, &work);
    return V_OK;
}

static enum verdict check_part_freeze(struct exec *x,
                                      const struct op_transfer_deed *op,
                                      const struct deed_part *part,
                                      struct freeze_row *f)
{
    const struct hash key = number_key(part->freeze);

    if (part->freeze != 0 &&
        (!exec_freeze(x->b->view, f, op->security, part->freeze) ||
         !hash_eq(&f->account, &op->from)))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    return V_OK;
}

/* Takes one part out of what the giver has. */
static enum verdict take_part(struct exec *x,
                              struct move *m,
                              const struct op_transfer_deed *op,
                              const struct deed_part *part)
{
    const struct selector sel = {
        .nature = NATURE_ANY, .pledge = part->pledge, .freeze = part->freeze};
    uint64_t have;
    enum verdict v;

    if (!move_quantity_ok(&part->quantity))
        return exec_refuse(x, V_QUANTITY, NULL, part->quantity.shares, 1);
    v = position_take(&m->from.h,
                      m->taken,
                      &m->taken_count,
                      &have,
                      part->quantity.shares,
                      &sel,
                      &m->day,
                      TAKE_EXACT);
    if (v != V_OK && op->ground != GROUND_INHERITANCE)
        return exec_refuse(x, v, &op->from, have, part->quantity.shares);
    /* R88: Frozen shares move by deed only if the freezing court consents. */
    if (part->freeze != 0 && hash_is_zero(&op->court_consent))
        return exec_refuse(x, V_FROZEN, &op->from, 0, part->quantity.shares);
    /* R87: The parts of an inheritance add up to the whole holding, pledged,
     * frozen and free shares each. */
    if (v != V_OK)
        return exec_refuse(
            x, V_SUM_MISMATCH, &op->from, have, part->quantity.shares);
    return V_OK;
}

/* Hands one part over; every part reads the rows as the last one left them. */
static enum verdict hand_over(struct exec *x,
                              const struct op_transfer_deed *op,
                              const struct deed_part *part)
{
    const bool passes = op->ground != GROUND_ADMINISTRATIVE;
    const uint64_t q = part->quantity.shares;
    struct move m;
    struct freeze_row f = {0};
    uint64_t number = 0;
    struct event e = {.kind = EVENT_DIVIDED,
                      .account = op->from,
                      .other = part->to,
                      .quantity = q,
                      .second = op->ground,
                      .document = op->document};
    enum verdict v =
        move_parties(x, &m, op->security, &op->from, &part->to, MOVE_BY_LAW);

    if (v != V_UNKNOWN)
        v = check_part_freeze(x, op, part, &f) == V_OK ? v : V_UNKNOWN;
    if (v == V_OK)
        v = move_security(x, &m, passes, passes);
    if (v != V_OK)
        return v;
    move_begin(x, &m);
    v = take_part(x, &m, op, part);
    if (v != V_OK)
        return v;
    if (part->freeze != 0)
        number = m.s.freeze_count + 1;
    /* R86: Locks and pledges follow shares that move by law; the receiver
     * becomes a pledgor. */
    if (!move_credit(&m, NO_TRADE_DAY, true, true, number, SEGMENTS_MAX))
        return exec_refuse(x, V_LIMIT, &part->to, 0, SEGMENTS_MAX);
    if (part->freeze == 0)
        position_leave(&m.from.h, q, 0);
    move_count(&m);
    e.number = part->pledge;
    e.flags = move_flags(&m);
    memcpy(e.security, m.s.code, sizeof e.security);
    exec_emit(x, &e);
    if (part->freeze != 0)
        move_renew(x, &m);
    v = move_pledges(x, &m, PLEDGES_STAY);
    if (v == V_OK && part->freeze != 0)
        v = carry_freeze(x, &m, &f, number, q);
    if (v != V_OK)
        return v;
    move_put(x, &m);
    return V_OK;
}

enum verdict rule_transfer_deed(struct exec *x,
                                const struct op_transfer_deed *op)
{
    const struct hash key = security_key(op->security);
    struct security_row s;
    struct side from;

    if (!exec_find_security(x, &s, op->security))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (!side_get(x, &from, &s, &op->from))
        return exec_refuse(x, V_UNKNOWN, &op->from, 0, 0);
    if (op->part_count == 0)
        return exec_refuse(x, V_QUANTITY, NULL, 0, 1);
    for (uint32_t i = 0; i < op->part_count; i++) {
        const enum verdict v = hand_over(x, op, &op->parts[i]);

        if (v != V_OK)
            return v;
    }
    if (op->ground == GROUND_INHERITANCE && side_get(x, &from, &s, &op->from) &&
        from.h.segment_count > 0) {
        uint64_t left = 0;

        for (uint32_t i = 0; i < from.h.segment_count; i++)
            left += from.h.segments[i].quantity.shares;
        return exec_refuse(x, V_SUM_MISMATCH, &op->from, left, 0);
    }
    return V_OK;
}

/* R90: The successor of a company that is no more takes over its whole holding,
 * if none of it is frozen. */
enum verdict rule_transfer_merger(struct exec *x,
                                  const struct op_transfer_merger *op)
{
    struct move m;
    uint64_t total = 0;
    uint64_t frozen = 0;
    struct event e = {.kind = EVENT_SUCCEEDED,
                      .account = op->from,
                      .other = op->to,
                      .document = op->document};
    enum verdict v =
        move_parties(x, &m, op->security, &op->from, &op->to, MOVE_BY_LAW);

    if (v == V_OK)
        v = move_security(x, &m, false, false);
    if (v != V_OK)
        return v;
    move_begin(x, &m);
    for (uint32_t i = 0; i < m.from.h.segment_count; i++) {
        m.taken[m.taken_count++] = m.from.h.segments[i];
        total += m.from.h.segments[i].quantity.shares;
        if (m.from.h.segments[i].freeze != 0)
            frozen += m.from.h.segments[i].quantity.shares;
    }
    if (total == 0)
        return exec_refuse(x, V_AVAILABLE, &op->from, 0, 1);
    if (frozen > 0)
        return exec_refuse(x, V_FROZEN, &op->from, total - frozen, total);
    m.from.h.segment_count = 0;
    if (!move_credit(&m, NO_TRADE_DAY, true, true, 0, SEGMENTS_MAX))
        return exec_refuse(x, V_LIMIT, &op->to, 0, SEGMENTS_MAX);
    position_leave(&m.from.h, total, 0);
    move_count(&m);
    e.quantity = total;
    e.flags = move_flags(&m);
    memcpy(e.security, m.s.code, sizeof e.security);
    exec_emit(x, &e);
    v = move_pledges(x, &m, PLEDGES_STAY);
    if (v != V_OK)
        return v;
    move_put(x, &m);
    return V_OK;
}

static enum verdict check_order(struct exec *x,
                                struct move *m,
                                struct freeze_row *f,
                                const struct op_transfer_judicial *op)
{
    const struct hash key = number_key(op->number);
    const struct hash giving = security_key(op->authority);
    enum verdict v =
        move_parties(x, m, op->security, &op->from, &op->to, MOVE_BY_LAW);

    if (v == V_UNKNOWN)
        return v;
    if (!authority_exists(x, op->authority))
        return exec_refuse(x, V_UNKNOWN, &giving, 0, 0);
    if (op->number != 0 &&
        (!exec_freeze(x->b->view, f, op->security, op->number) ||
         !hash_eq(&f->account, &op->from)))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (v != V_OK)
        return v;
    /* R93: Frozen shares are transferred on the order of the authority that
     * froze them or of its superior. */
    if (op->number != 0 && !authority_over(x, op->authority, f->authority))
        return exec_refuse(x, V_FREEZE_AUTHORITY, &giving, 0, 0);
    v = move_security(x, m, true, true);
    if (v != V_OK)
        return v;
    if (op->number != 0 && (f->status != FREEZE_ACTIVE || f->to < x->b->date))
        return exec_refuse(x, V_FREEZE_LAPSED, &key, f->to, x->b->date);
    if (!move_quantity_ok(&op->quantity))
        return exec_refuse(x, V_QUANTITY, NULL, op->quantity.shares, 1);
    return V_OK;
}

/* R91: A court transfer moves exactly shares under the freeze it carries out,
 * or shares under none; lock, T+n, qualification and the articles are no bar.
 */
enum verdict rule_transfer_judicial(struct exec *x,
                                    const struct op_transfer_judicial *op)
{
    const struct selector sel = {.nature = NATURE_ANY, .freeze = op->number};
    const uint64_t q = op->quantity.shares;
    struct move m;
    struct freeze_row f = {0};
    uint64_t have;
    struct event e = {.kind = EVENT_TRANSFERRED_BY_COURT,
                      .account = op->from,
                      .other = op->to,
                      .number = op->number,
                      .quantity = q,
                      .document = op->document};
    enum verdict v = check_order(x, &m, &f, op);

    if (v != V_OK)
        return v;
    move_begin(x, &m);
    v = position_take(&m.from.h,
                      m.taken,
                      &m.taken_count,
                      &have,
                      q,
                      &sel,
                      &m.day,
                      TAKE_ORDERED);
    if (v != V_OK)
        return exec_refuse(x, v, &op->from, have, q);
    if (!move_credit(&m, NO_TRADE_DAY, true, !op->pledges_end, 0, SEGMENTS_MAX))
        return exec_refuse(x, V_LIMIT, &op->to, 0, SEGMENTS_MAX);
    if (op->number == 0)
        position_leave(&m.from.h, q, 0);
    move_count(&m);
    e.flags = move_flags(&m);
    e.second = op->number != 0 ? f.effective.shares - q : 0;
    memcpy(e.security, m.s.code, sizeof e.security);
    exec_emit(x, &e);
    /* R94: The order says whether pledges on the transferred shares end or stay
     * on them. */
    v = move_pledges(x, &m, op->pledges_end ? PLEDGES_ENFORCED : PLEDGES_STAY);
    if (v != V_OK)
        return v;
    /* R92: A court transfer uses up the freeze it carries out by the shares
     * that moved, and queues on shares that are gone lapse. */
    if (op->number != 0)
        freeze_take_out(x, &m.s, &f, &m.from.h, q, &f.executed);
    move_put(x, &m);
    return V_OK;
}
