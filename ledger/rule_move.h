/* rule_move.h - what the rules that move shares from one account to another
 * have in common.
 *
 * Order of use: move_parties, the rule's own checks of parties, move_acquire,
 * move_security, move_begin, position_take or what takes the place of it,
 * move_credit, move_count, the cap, exec_emit, then move_pledges and move_put.
 * Each of the first refuses by itself and returns the verdict. */
#ifndef LEDGER_RULE_MOVE_H
#define LEDGER_RULE_MOVE_H

#include "ledger/rule_pledge.h"

enum move_why {
    MOVE_AT_WILL, /* of both parties */
    MOVE_BY_LAW,  /* inheritance, court, …: no closed account only */
};

/* What becomes of the pledges on the shares. */
enum move_pledges {
    PLEDGES_STAY,     /* the receiver becomes a pledgor */
    PLEDGES_RELEASED, /* they end on these shares */
    PLEDGES_ENFORCED, /* they end, by disposal */
};

struct move {
    struct security_row s;
    struct side from;
    struct side to;
    struct t_plus t;
    struct position_day day;
    uint64_t pledged; /* shares under pledges of both sides, before */
    uint32_t holders; /* of the security, before */
    bool closed; /* the register is, and the movement passes all the same */
    struct segment taken[SEGMENTS_MAX];
    uint32_t taken_count;
};

bool account_may_receive(const struct account_row *a);
/* V_UNKNOWN, V_ACCOUNT_STATE, V_ACCOUNT_UNCONFIRMED, V_SELF. */
enum verdict move_parties(struct exec *x,
                          struct move *m,
                          const char *security,
                          const struct hash *from,
                          const struct hash *to,
                          enum move_why why);
/* Whether `to` may acquire it, and the articles' consent is cited. */
enum verdict move_acquire(struct exec *x,
                          const struct move *m,
                          const struct hash *consent);
/* The security's state, and its closed periods; by law a closed register and
 * `although_suspended` are passed. */
enum verdict move_security(struct exec *x,
                           struct move *m,
                           bool although_suspended,
                           bool although_closed);
void move_begin(struct exec *x, struct move *m);
bool move_quantity_ok(const struct qty *q);
/* Gives what was taken to the receiver: nature stays, trade_day is the given
 * one; locks and pledges stay if asked; every share gets `freeze`.  False: no
 * room. */
bool move_credit(struct move *m,
                 uint32_t trade_day,
                 bool locks_stay,
                 bool pledges_stay,
                 uint64_t freeze,
                 uint32_t limit);
/* Counts both sides after the change.  By law: what the event must say of the
 * cap and of a closed register. */
void move_count(struct move *m);
uint16_t move_flags(const struct move *m);
/* Carries over or ends the pledges on what was taken; V_OK or V_LIMIT.
 * move_put writes both sides, settles the giver's freezes and puts the
 * security. */
enum verdict move_pledges(struct exec *x,
                          struct move *m,
                          enum move_pledges how);
void move_put(struct exec *x, struct move *m);
/* move_renew lets the last event renew both holdings' chains: needed before
 * another event is emitted for the same movement, since move_put renews with
 * the last one only. */
void move_renew(const struct exec *x, struct move *m);

#endif /* LEDGER_RULE_MOVE_H */
