/* chain.h - for benches and tests: a store of a few blocks whose rows are made
 * up.
 *
 * Rows and sums are consistent as after real operations: securities of
 * CHAIN_HOLDERS holders, holdings of CHAIN_SHARES shares each; account i holds
 * every holding whose number is i modulo the accounts, in CHAIN_SECURITIES
 * securities; the issuer of security n is account n.  Blocks are certified by
 * three of four validators and carry no transactions. */
#ifndef TESTS_BENCH_CHAIN_H
#define TESTS_BENCH_CHAIN_H

#include "audit/verify.h"
#include "base/buf.h"
#include "chain/genesis.h"
#include "ledger/rows.h"
#include "state/state.h"
#include "storage/store.h"

enum {
    CHAIN_VALIDATORS = 4,
    CHAIN_HOLDERS = 1000,
    CHAIN_SECURITIES = 10, /* of an account */
    CHAIN_SHARES = 100,
};

struct chain {
    struct genesis genesis;
    struct secret secrets[CHAIN_VALIDATORS];
    struct valset set;
    struct trust trust;
    char dir[64];
    struct store *store;
    struct mtree_log log;
    struct header tip;
    struct hash tip_hash;
};

/* chain_new makes keys and takes a directory (NULL: a new one); chain_open
 * opens the store in it, made if there is none; chain_close closes it,
 * chain_remove removes the directory too.  A process that has had a store open
 * must not fork: the threads of the library stay behind. */
void chain_new(struct chain *c, const char *dir);
void chain_open(struct chain *c);
void chain_close(struct chain *c);
void chain_remove(struct chain *c);

/* What makes h final: signatures of the first three of four. */
struct cert chain_certify(const struct hash *chain_id,
                          const struct valset *set,
                          const struct secret secrets[CHAIN_VALIDATORS],
                          const struct header *h);

/* The next block: s stands after these changes.  Block 0 is trusted. */
void chain_block(struct chain *c,
                 struct state *s,
                 const struct change_set *set);

/* Each encodes a row at `at` (ROW_BYTES_MAX). */
struct bytes chain_holding(uint8_t *at, uint64_t n);
struct bytes chain_security(uint8_t *at, uint64_t n, uint32_t holders);
struct bytes chain_account(uint8_t *at, uint64_t n, uint32_t rights);
struct bytes chain_validators(uint8_t *at, const struct chain *c);
/* chain_fill makes blocks of a whole register, into the store and into s: the
 * validators in block 0, then 100 securities a block. */
void chain_fill(struct chain *c, struct state *s, uint64_t holdings);
/* Visits the rows that belong to `count` holdings from number `from` on, of a
 * register of `holdings`: them, their securities, the accounts of these
 * numbers; in no order. */
typedef void (*chain_row_fn)(void *ctx,
                             const struct row_key *key,
                             struct bytes row);
void chain_rows(uint64_t holdings,
                uint64_t from,
                uint64_t count,
                chain_row_fn visit,
                void *ctx);

struct hash chain_hash(uint64_t n); /* the account of this number */
void chain_code(char out[CODE_MAX + 1], uint64_t n);

#endif /* TESTS_BENCH_CHAIN_H */
