/* rig.h - a small chain in one process, for receipts: the market of
 * tests/market on the real state, transactions really signed, blocks with
 * headers and certificates of several sets of validators.
 *
 * Everything is deterministic: keys are small numbers, nonces are RFC 6979. */
#ifndef TESTS_RECEIPTS_RIG_H
#define TESTS_RECEIPTS_RIG_H

#include "audit/build.h"
#include "audit/trust.h"
#include "base/arena.h"
#include "state/overlay.h"
#include "tests/market/market.h"
#include "tests/market/words.h"

enum {
    RIG_BLOCKS_MAX = 128,
    RIG_TXS_MAX = 16,
    RIG_EVENTS_MAX = 256,
    RIG_EPOCHS_MAX = 8,
    RIG_FIRST_DAY = 20514, /* 2026-03-02, a Monday */
    RIG_DAY_MS = 86400000,
};

struct rig_block {
    struct header header;
    struct hash hash;
    struct bytes header_bytes;
    struct bytes cert; /* none in block 0 */
    uint32_t epoch;    /* index in sets */
    uint32_t tx_count;
    struct bytes txs[RIG_TXS_MAX];
    uint32_t event_count;
    struct receipt_event events[RIG_EVENTS_MAX];
};

/* A row as a block left it; gone: size 0. */
struct rig_row {
    uint64_t height;
    struct row_key key;
    struct bytes row;
};

struct rig {
    struct market *m;
    struct words words;
    struct state *state;
    struct overlay *overlay;
    struct arena arena; /* of all bytes below */
    struct hash chain_id;
    uint32_t count; /* blocks 0 .. count - 1 are finished */
    struct rig_block blocks[RIG_BLOCKS_MAX];
    struct hash leaves[RIG_BLOCKS_MAX]; /* of the header log */
    uint32_t epoch;
    struct valset sets[RIG_EPOCHS_MAX];
    struct rig_row *rows; /* in order of height */
    uint32_t row_count;
    uint32_t row_cap;
    struct state *past[RIG_BLOCKS_MAX];
    /* Of the block being made: */
    bool seal;
    struct valset next;
    uint64_t carried; /* views after its first in which it is finalised */
};

/* Chains of other numbers have the same people, keys and validators. */
struct rig *rig_new(uint64_t chain);
void rig_free(struct rig *g);

/* Accounts of a name (one character); each has a key of its own. */
struct hash rig_account(struct rig *g, char name);
/* Who the holder of the account is: what its row commits to. */
struct identity rig_identity(char name);
/* Makes an operation with usual fields, to be changed before rig_do. */
void rig_op(struct rig *g, uint8_t kind, void *op, const char *security);
/* One transaction of one operation, signed by all who must; ASSERTs it takes
 * effect. */
void rig_do(struct rig *g, uint8_t kind, const void *op);
void rig_do_by(struct rig *g, uint8_t kind, const void *op, uint16_t filer);
/* Opens and confirms a register of accounts by name. */
void rig_register(struct rig *g,
                  const char *code,
                  const char *names,
                  const uint64_t *shares);

/* Finishes the block being made and begins the next. */
void rig_next(struct rig *g, uint64_t time_ms);
void rig_second(struct rig *g); /* a second later */
void rig_day(struct rig *g, uint32_t days);
/* Validators have the numbers of their institutions.  rig_candidate announces
 * one and says that it is ready; rig_change lets it join, and another leave (0:
 * nobody), by which the block being made is the last of its epoch. */
void rig_candidate(struct rig *g, uint16_t institution);
void rig_change(struct rig *g, uint16_t leave, uint16_t join);

struct valset rig_set(uint64_t epoch, const uint8_t *numbers, uint32_t count);
/* A certificate of a header, signed by these members of a set (bits). */
struct bytes rig_cert(struct rig *g,
                      const struct header *h,
                      uint64_t view,
                      const struct valset *set,
                      uint32_t bitmap);
/* Signs as another validator than the set names. */
struct bytes rig_cert_by(struct rig *g,
                         const struct header *h,
                         const struct valset *set,
                         uint32_t bitmap,
                         uint8_t stranger);
struct bytes rig_keep(struct rig *g, const void *at, size_t size);
struct bytes rig_header_bytes(struct rig *g, const struct header *h);

/* The state after a block; rig_load makes one that the caller frees. */
struct state *rig_state(struct rig *g, uint64_t height);
struct state *rig_load(struct rig *g, uint64_t height);

/* Anchor (block `anchor`), epochs and block of a receipt. */
void rig_frame(struct rig *g,
               struct receipt *r,
               uint8_t kind,
               uint64_t height,
               uint64_t anchor);
/* The statement will be about an older block. */
void rig_link(struct rig *g, struct receipt *r, uint64_t older);
/* The block's successor, of a later date. */
void rig_as_of(struct rig *g, struct receipt *r);
struct mtree_proof rig_path(struct rig *g, uint64_t leaf, uint64_t size);
/* Statements. */
void rig_position(struct rig *g,
                  struct receipt *r,
                  uint64_t height,
                  const char *code,
                  char name);
void rig_lines(struct rig *g,
               struct receipt *r,
               uint64_t height,
               const char *code);
/* earlier UINT64_MAX: from the first entry. */
void rig_statement(struct rig *g,
                   struct receipt *r,
                   uint64_t height,
                   uint64_t earlier,
                   const char *code,
                   char name);
void rig_transaction(struct rig *g,
                     struct receipt *r,
                     uint64_t height,
                     uint32_t index);
void rig_consistency(struct rig *g,
                     struct receipt *r,
                     uint64_t height,
                     uint64_t earlier);
void rig_disclose(struct receipt *r, char name);

/* Trusts block 0 and, if not 0, the block at `pinned`. */
struct trust rig_trust(const struct rig *g, uint64_t pinned);

#endif /* TESTS_RECEIPTS_RIG_H */
