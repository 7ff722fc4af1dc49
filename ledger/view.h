/* view.h - the register's rows as the rules see them: get and put by key.
 *
 * The ledger knows no trees and no disk.  It reads and writes rows through this
 * table of functions; state/overlay.h is one implementation.  No operation
 * iterates a table: everything is reached by key from bounded lists in rows.
 *
 * Tables are the slots of the state root, in this fixed order.  Tables marked
 * "tree" have one tree per security (tree = security_key) or per day (tree =
 * day_key); the others have one tree, named by zeros. */
#ifndef LEDGER_VIEW_H
#define LEDGER_VIEW_H

#include "base/bytes.h"

enum table {
    TABLE_INSTITUTIONS = 0, /* institution_id -> institution row */
    TABLE_ACCOUNTS = 1,     /* account id -> account row */
    TABLE_SUBJECTS = 2,     /* subject tag -> account id */
    TABLE_SECURITIES = 3,   /* security_key -> security row */
    TABLE_HOLDINGS = 4,     /* tree: account id -> holding row */
    TABLE_PLEDGES = 5,      /* tree: number_key -> pledge row */
    TABLE_FREEZES = 6,      /* tree: number_key -> freeze row */
    TABLE_REFERENCES = 7,   /* tree per day: reference_key -> tx id */
    TABLE_AUTHORITIES = 8,  /* authority code -> authority row */
    TABLE_CALENDAR = 9,     /* year -> trading map */
    TABLE_DUE = 10,         /* due_key -> due work */
    TABLE_DRAFTS = 11,      /* security_key -> register being loaded */
    TABLE_PARAMS = 12,      /* zeros -> params row */
    TABLE_CLAIMS = 13,      /* claim_key -> open claim */
    TABLE_VALIDATORS = 14,  /* zeros -> set in force; epoch_key -> a past one */
    TABLE_CANDIDATES = 15,  /* institution_id -> announced validator */
    TABLE_EVIDENCE = 16,    /* evidence_key -> what a validator may not do */
    TABLE_READY = 17,       /* validator_id -> it said that it is ready */
    TABLE_SHARED = 18,      /* zeros -> parameters, if not the genesis's */
    TABLES_USED = 19,
    TABLE_SLOTS = 32,
};

struct row_key {
    uint8_t table;    /* enum table */
    struct hash tree; /* zeros for tables with one tree */
    struct hash key;
};

enum {
    ROW_BYTES_MAX = 24576,
};

struct ledger_view {
    void *ctx;
    /* get borrows the row until the next put, erase, drop or rollback of the
     * same view; size 0 if there is none. */
    struct bytes (*get)(void *ctx, const struct row_key *key);
    /* put stores a copy; row.size is 1..ROW_BYTES_MAX. */
    void (*put)(void *ctx, const struct row_key *key, struct bytes row);
    void (*erase)(void *ctx, const struct row_key *key);
    /* drop removes a whole tree (references of a day that left the window). */
    void (*drop)(void *ctx, uint8_t table, const struct hash *tree);
    /* snapshot is the row hash of a security over its row and the roots of its
     * trees, as of the parent block; zeros if this block changed it. */
    struct hash (*snapshot)(void *ctx, const struct hash *security);
    /* begin marks a point; rollback undoes every change since; accept keeps
     * them.  One level: begin is not nested. */
    void (*begin)(void *ctx);
    void (*rollback)(void *ctx);
    void (*accept)(void *ctx);
    /* fetch says which rows will be read soon; may be NULL, and means nothing
     * to what get answers. */
    void (*fetch)(void *ctx, const struct row_key *keys, uint32_t count);
};

enum {
    VIEW_FETCH_MAX = 64, /* keys at once */
};

/* Keys.  Codes are zero-padded text; numbers are big endian in front. */
struct hash security_key(const char *code);
struct hash number_key(uint64_t number);
struct hash day_key(uint32_t day);
struct hash reference_key(uint16_t institution, const uint8_t serial[12]);
struct hash claim_key(const char *security, uint64_t number);
/* epoch_key is the number and a 1, so that no epoch has the key of zeros. */
struct hash epoch_key(uint64_t epoch);
/* evidence_key: validator is its index in the epoch's set. */
struct hash evidence_key(uint64_t epoch,
                         uint64_t view,
                         uint8_t validator,
                         uint8_t type);
/* due_key(day, 0) is the day's own row, due_key(day, n) its item n >= 1. */
struct hash due_key(uint32_t day, uint32_t item);

#endif /* LEDGER_VIEW_H */
