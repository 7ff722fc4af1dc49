/* maker.h - random operations on a small market, guided so that a good part of
 * them takes effect: around a share that is there, with the numbers and
 * authorities that belong to it, at the borders more often than chance. */
#ifndef TESTS_MARKET_MAKER_H
#define TESTS_MARKET_MAKER_H

#include "tests/market/market.h"

enum {
    MAKER_ACCOUNTS = 32,
    MAKER_SECURITIES = 12,
};

struct maker {
    struct market *m;
    uint64_t dice;
    uint32_t account_count;
    struct hash accounts[MAKER_ACCOUNTS];
    uint32_t security_count;
    char securities[MAKER_SECURITIES][CODE_MAX + 1];
    uint32_t next_account; /* for nonces */
    uint32_t next_code;
    uint32_t next_institution;
    bool narrow; /* most is between few accounts: holdings in many pieces */
    /* What the operation is made around. */
    uint32_t security;
    struct hash account;
    struct holding_row holding;
    struct segment segment;
    struct security_row row;
    /* The register that is being loaded, so that its root is known. */
    char draft[CODE_MAX + 1];
    uint32_t draft_count;
    struct register_line draft_lines[4];
};

uint64_t maker_roll(struct maker *k, uint64_t below);

/* maker_market opens accounts of every sort and registers securities. */
void maker_market(struct maker *k, struct market *m, uint64_t seed);

/* maker_kind draws a kind by weight, maker_op makes an operation of it;
 * maker_done tells that it took effect, so that new accounts and codes are
 * known. */
uint8_t maker_kind(struct maker *k);
void maker_op(struct maker *k, uint8_t kind, union op_any *op);
/* The operations on validators (maker_gov.c), for maker_op. */
void maker_gov(struct maker *k, uint8_t kind, union op_any *op);
void maker_done(struct maker *k, uint8_t kind, const union op_any *op);

/* How it is signed: by all, seldom not. */
void maker_signing(struct maker *k, struct market_signing *s);

#endif /* TESTS_MARKET_MAKER_H */
