/* market.h - a small market for tests of the rules: institutions, authorities
 * and a calendar in the genesis; any operation made, signed as its signer table
 * demands and applied, twice if wanted.  Signatures are entries without ECDSA:
 * the ledger checks whose keys they are, its caller checks that they verify. */
#ifndef TESTS_MARKET_MARKET_H
#define TESTS_MARKET_MARKET_H

#include "ledger/ledger.h"
#include "ledger/needs.h"
#include "tests/market/rows.h"

enum {
    MARKET_INSTITUTIONS = 6,
    MARKET_R1 = 1, /* registrar; 1 to 4 run a validator */
    MARKET_R2 = 2, /* another registrar */
    MARKET_MEMBER = 3,
    MARKET_BANK = 4,
    MARKET_NOTARY = 5,
    MARKET_COURT = 6,
    MARKET_KEYS = 300,
    MARKET_VALIDATOR_KEYS = 260, /* + number: an institution's validator's */
    MARKET_FIRST_YEAR = 2026,
    MARKET_YEARS = 4,
    MARKET_EVENTS = 8192, /* of one step that are kept */
    MARKET_TX_OPS = 8,
    MARKET_SKIPS = 8,
};

/* What a test takes off or adds to the signatures a transaction needs. */
struct market_signing {
    uint16_t filer; /* 0: whoever signs as registrar or custodian */
    uint32_t skip_count;
    struct principal skip[MARKET_SKIPS];
    bool no_checker;
    struct hash other_account; /* signs with this key instead */
    uint16_t other_key;        /* 0: none */
    bool stranger;             /* a signature nobody needs */
};

struct market {
    struct rows *rows;
    struct ledger_view view;
    struct ledger_block block;
    struct genesis *genesis;
    uint32_t serial;
    struct refusal why;
    struct event events[MARKET_EVENTS]; /* of the last step */
    uint32_t event_first;               /* index in the block of events[0] */
    uint32_t event_count;
    uint64_t event_digest;
    /* The transaction being made. */
    struct tx *tx;
    union op_any *ops;
    const struct op_def *defs[MARKET_TX_OPS];
    uint8_t *bytes;
    struct hash last_id;
    /* Told of each block's end and beginning and of each transaction; may be
     * NULL. */
    void *ctx;
    void (*on_end)(void *ctx);
    void (*on_block)(void *ctx, uint64_t parent_ms);
    void (*on_tx)(void *ctx, enum verdict v);
    bool twice;        /* dry run first: the same verdict, the same events */
    char problem[256]; /* what must never happen, happened */
};

struct market *market_new(void);
void market_free(struct market *m);

/* Starts a block at the given time; due work is a step of its own. */
void market_block(struct market *m, uint64_t time_ms);
/* The first block of a day, or the next block a second later. */
void market_date(struct market *m, uint32_t date);
void market_next_block(struct market *m);

/* Makes a transaction: begin, operations, send.  Returns the verdict; m->why
 * tells more. */
void market_begin(struct market *m);
void market_add(struct market *m, uint8_t kind, const void *op);
enum verdict market_send(struct market *m, const struct market_signing *s);
/* market_prepare stops before the application: m->tx is ready, its operations
 * in m->bytes. */
void market_prepare(struct market *m, const struct market_signing *s);
/* The same transaction once more. */
enum verdict market_again(struct market *m);
/* One operation, signed by all. */
enum verdict market_do(struct market *m, uint8_t kind, const void *op);

/* Keys with numbers 1 to MARKET_KEYS; market_keys sorts `count` of them. */
struct pubkey market_key(uint32_t number);
void market_keys(struct key_policy *p,
                 const uint32_t *numbers,
                 uint32_t count,
                 uint8_t threshold);

/* A whole register: open, lines in slices, confirm.  Returns the first verdict
 * that is not OK. */
enum verdict market_register(struct market *m,
                             const char *code,
                             const struct register_line *lines,
                             uint32_t count,
                             uint64_t issued);

#endif /* TESTS_MARKET_MARKET_H */
