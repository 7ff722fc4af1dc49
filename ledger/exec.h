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
    bool sig_used[TX_SIGS_MAX];
    /* the last event, for renewing chains */
    struct event event;
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
/* exec_holding: a new, empty holding if there is none yet. */
void exec_holding(const struct ledger_view *view,
                  struct holding_row *h,
                  const char *code,
                  const struct hash *account,
                  uint8_t kind);
void exec_put_holding(struct exec *x,
                      struct holding_row *h,
                      const char *code,
                      const struct hash *account);
void exec_put_security(struct exec *x, struct security_row *s);
/* The state in which rights may move: V_OK, V_SECURITY_STATE, V_SUSPENDED or
 * V_WITHDRAWN. */
enum verdict exec_open_security(const struct security_row *s,
                                bool although_suspended);

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
enum verdict rule_institution_open(struct exec *x,
                                   const struct op_institution_open *op);
enum verdict rule_void(struct exec *x, const struct op_void *op);
enum verdict rule_account_open(struct exec *x,
                               const struct op_account_open *op);
enum verdict rule_security_create(struct exec *x,
                                  const struct op_security_create *op);
enum verdict rule_register_open(struct exec *x,
                                const struct op_register_open *op);
enum verdict rule_register_lines(struct exec *x,
                                 const struct op_register_lines *op);
enum verdict rule_register_confirm(struct exec *x,
                                   const struct op_register_confirm *op);
enum verdict rule_register_cancel(struct exec *x,
                                  const struct op_register_cancel *op);
enum verdict rule_transfer(struct exec *x, const struct op_transfer *op);
enum verdict rule_pledge_create(struct exec *x,
                                const struct op_pledge_create *op);
enum verdict rule_pledge_release_part(struct exec *x,
                                      const struct op_pledge_release_part *op);
enum verdict rule_pledge_release(struct exec *x,
                                 const struct op_pledge_release *op);
enum verdict rule_freeze_create(struct exec *x,
                                const struct op_freeze_create *op);
enum verdict rule_freeze_release(struct exec *x,
                                 const struct op_freeze_release *op);

#endif /* LEDGER_EXEC_H */
