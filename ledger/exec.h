/* exec.h - what the rule files share: one operation being applied.
 *
 * Private to ledger/.  A rule reads rows, checks in order of precedence, then
 * emits its event and writes the rows the event touches. */
#ifndef LEDGER_EXEC_H
#define LEDGER_EXEC_H

#include "ledger/ledger.h"
#include "ledger/needs.h"
#include "ledger/position.h"

struct exec {
    struct ledger_block *b;
    const struct tx *tx;
    uint32_t op_index;
    uint32_t lines; /* of all list-carrying operations so far */
    const struct op_def *def;
    struct refusal *why;
    bool by_paper;
    struct needs *needs;  /* of the operation; NULL: due work */
    struct refusal later; /* of the signers; V_OK, or told unless the rule
                             refuses with a lower number */
    bool sig_used[TX_SIGS_MAX];
    const struct institution_row *filer; /* before the first operation */
    /* the last event, for renewing chains */
    uint8_t event_bytes[EVENT_BYTES_MAX];
    size_t event_size;
    uint32_t event_index;
};

/* Returns v after filling x->why. */
enum verdict exec_refuse(struct exec *x,
                         enum verdict v,
                         const struct hash *about,
                         uint64_t have,
                         uint64_t need);

/* exec_get decodes a row; false if there is none. */
bool exec_get(const struct ledger_view *view,
              void *row,
              uint8_t table,
              const struct hash *tree,
              const struct hash *key);
void exec_put(struct exec *x,
              const void *row,
              uint8_t table,
              const struct hash *tree,
              const struct hash *key);

/* exec_emit emits the event that *e describes (index, paper, day are filled
 * in), then exec_renew gives each touched row its next chain value. */
void exec_emit(struct exec *x, struct event *e);
void exec_renew(const struct exec *x, struct hash *chain);

/* Security, account and holding with the usual refusals. */
bool exec_security(const struct ledger_view *view,
                   struct security_row *s,
                   const char *code);
bool exec_account(const struct ledger_view *view,
                  struct account_row *a,
                  const struct hash *id);
/* The same for a rule, which may find what its signers were told by. */
bool exec_find_security(const struct exec *x,
                        struct security_row *s,
                        const char *code);
bool exec_find_account(const struct exec *x,
                       struct account_row *a,
                       const struct hash *id);
/* exec_holding: a new, empty holding if there is none yet. */
void exec_holding(const struct ledger_view *view,
                  struct holding_row *h,
                  const char *code,
                  const struct hash *account,
                  uint8_t kind);
/* Each renews the row's chain with the last event, then writes it. */
void exec_put_security(struct exec *x, struct security_row *s);
void exec_put_account(struct exec *x,
                      struct account_row *a,
                      const struct hash *id);
bool exec_pledge(const struct ledger_view *view,
                 struct pledge_row *p,
                 const char *code,
                 uint64_t number);
void exec_put_pledge(struct exec *x, struct pledge_row *p, const char *code);
bool exec_freeze(const struct ledger_view *view,
                 struct freeze_row *f,
                 const char *code,
                 uint64_t number);
void exec_put_freeze(struct exec *x, struct freeze_row *f, const char *code);

bool exec_candidate(const struct ledger_view *view,
                    struct candidate_row *c,
                    uint16_t institution);
bool exec_ready(const struct ledger_view *view,
                struct ready_row *r,
                const struct pubkey *key);

/* One side of a movement of shares: an account and its holding.
 *
 * Load it, change the segments, count it (the security's holder_count and
 * positions, the holding's weight and the account's positions follow), check
 * the cap, emit the event, put it.  One account is loaded once. */
struct side {
    struct hash id;
    struct account_row account;
    struct holding_row h;
    bool account_changed; /* its count of positions or rights */
};
/* False: no such account. */
bool side_get(const struct exec *x,
              struct side *out,
              const struct security_row *s,
              const struct hash *id);
void side_count(struct side *a, struct security_row *s);
void side_put(struct exec *x, struct side *a, const struct security_row *s);
/* side_put_account writes the account alone, if it changed. */
void side_put_account(struct exec *x, struct side *a);

/* The state in which rights may move: V_OK, V_SECURITY_STATE, V_SUSPENDED or
 * V_WITHDRAWN. */
enum verdict exec_open_security(const struct security_row *s,
                                bool although_suspended);
/* What the rules on whole securities share (rule_security.c).  security_find
 * reads the row or refuses with V_UNKNOWN; security_emit emits *e about it and
 * writes it. */
enum verdict security_find(struct exec *x,
                           struct security_row *s,
                           const char *code);
void security_emit(struct exec *x, struct security_row *s, struct event *e);
/* security_count adds to what its issuer has in the register; the event is
 * emitted already. */
void security_count(struct exec *x, const struct security_row *s, int step);
/* Refuses with V_SECURITY_STATE or V_WITHDRAWN unless the security is in one of
 * the states, bits 1 << enum security_status. */
enum verdict security_in(struct exec *x,
                         const struct security_row *s,
                         unsigned states);
/* Whether the register is closed on the block's date. */
bool exec_register_closed(const struct exec *x, const struct security_row *s);
/* Whether the account may acquire the security at its holder's will today:
 * V_OK, V_LOOK_THROUGH, V_NOT_QUALIFIED or V_QUALIFICATION_EXPIRED; not
 * refused yet. */
enum verdict exec_may_acquire(const struct exec *x,
                              const struct security_row *s,
                              const struct account_row *a);
/* The cap after counting, given the holders before: V_OK, or V_HOLDER_CAP for
 * an increase beyond it. */
enum verdict exec_cap(const struct security_row *s, uint32_t holders_before);

/* freeze_settle writes what a change of the holding did to the freezes on it
 * other than `except`: displaced, promoted or capped, with an event for each,
 * and keeps the totals of s (the caller puts s and has put h before; h is put
 * again if a freeze changed). */
void freeze_settle(struct exec *x,
                   struct security_row *s,
                   struct holding_row *h,
                   const struct hash *account,
                   uint64_t except);

/* insider_turn begins the quota of a new year with what is held; side_get has
 * done it.  An officer's sale of `quantity` at the holder's will: V_OK,
 * V_INSIDER_HALF_YEAR or V_INSIDER_QUOTA, not refused yet; *left is what may
 * still be sold this year.  insider_sold books it. */
void insider_turn(uint32_t date, struct holding_row *h);
/* Left, and neither the half year nor the original term runs any more. */
bool insider_over(uint32_t date, const struct insider *in);
enum verdict insider_check(const struct exec *x,
                           const struct holding_row *h,
                           uint64_t quantity,
                           uint64_t *left);
void insider_sold(struct holding_row *h, uint64_t quantity);

/* Whether the authority exists, and whether it may undo or carry out what the
 * other one ordered: it is the same, its superior or a superior of that. */
bool authority_exists(const struct exec *x, const char *code);
bool authority_over(const struct exec *x,
                    const char *giving,
                    const char *ordering);

/* Due work (due.c): due_add enters it for a day after today; due_run does what
 * is due, DUE_PER_BLOCK items at most, and sets b->due_left if more remains.
 * What the kinds do: */
void due_add(struct exec *x, uint32_t day, const struct due_row *work);
void due_run(struct ledger_block *b);
void due_freeze(struct exec *x, const char *code, uint64_t number);
void due_recovery(struct exec *x, const struct hash *account);

/* Whether a policy of keys is sound in itself (rule_keys.c). */
bool keys_policy_ok(const struct key_policy *p);

/* T+n of a security on the block's date, for positions. */
struct t_plus {
    const struct ledger_view *view;
    uint32_t date;
    uint8_t days;
};
int t_plus_over(void *ctx, uint32_t trade_day);
struct position_day exec_day(const struct exec *x,
                             struct t_plus *t,
                             const struct security_row *s);

/* The rules, one for each operation. */
#define OP_RULE(id, number, name) \
    enum verdict rule_##name(struct exec *x, const struct op_##name *op);
OP_LIST(OP_RULE)
#undef OP_RULE

#endif /* LEDGER_EXEC_H */
