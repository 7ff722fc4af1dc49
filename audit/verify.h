/* verify.h - what a receipt proves, under what a trust file says.
 *
 * Nothing in the receipt is believed: every fact below was read from bytes
 * whose hash leads to a block that exactly a quorum of the validators signed,
 * whose set leads back to the trust file's block (docs/FORMAT.md, "Checks").
 * All signatures that are there are verified, not just enough of them. */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

#include "audit/receipt.h"
#include "audit/trust.h"
#include "chain/tx.h"
#include "ledger/rows.h"

enum receipt_outcome { /* as exit codes: sysexits.h */
                       RECEIPT_PROVEN = 0,
                       RECEIPT_REFUTED = 65,     /* or malformed */
                       RECEIPT_OUT_OF_REACH = 78 /* of the trust file */
};

/* Constant, stable name, what it means and what to do. */
#define FAULT_LIST(X)                                                          \
    X(NONE, "none", "Nothing is wrong.")                                       \
    X(NOT_A_RECEIPT,                                                           \
      "not_a_receipt",                                                         \
      "The file is no receipt, or one of a version that this program does "    \
      "not know.")                                                             \
    X(DIGEST,                                                                  \
      "digest",                                                                \
      "The file was changed or cut: its bytes do not have the digest at its "  \
      "end. Fetch it again.")                                                  \
    X(MALFORMED,                                                               \
      "malformed",                                                             \
      "The file breaks the format: it was not made by a correct node. Ask "    \
      "another one.")                                                          \
    X(CHAIN, "chain", "It is of another chain than the trust file names.")     \
    X(OUT_OF_REACH,                                                            \
      "out_of_reach",                                                          \
      "The trust file does not name the block from which this receipt starts " \
      "out. Ask for a receipt from a block that it names.")                    \
    X(ANCHOR,                                                                  \
      "anchor",                                                                \
      "At a height that the trust file names, the receipt has another block.") \
    X(HEADER,                                                                  \
      "header",                                                                \
      "The header of a block is malformed or contradicts itself.")             \
    X(HEIGHT, "height", "The blocks do not follow one another in height.")     \
    X(EPOCH,                                                                   \
      "epoch",                                                                 \
      "A block is of validators to whom the receipt does not lead: a change "  \
      "of validators is missing, or there is one too many.")                   \
    X(SEAL,                                                                    \
      "seal",                                                                  \
      "A block that should be the last of its validators is not.")             \
    X(SET,                                                                     \
      "set",                                                                   \
      "A set of validators is not the one that the block before it names.")    \
    X(CERT,                                                                    \
      "cert",                                                                  \
      "A certificate is malformed, or of another block than it stands with.")  \
    X(SIGNER,                                                                  \
      "signer",                                                                \
      "A certificate has a signature of somebody who is not a validator.")     \
    X(QUORUM,                                                                  \
      "quorum",                                                                \
      "A certificate has fewer or more signatures than a quorum.")             \
    X(SIGNATURE, "signature", "A signature of a certificate is not valid.")    \
    X(LINK,                                                                    \
      "link",                                                                  \
      "The older block is not in the history of the certified block.")         \
    X(AS_OF,                                                                   \
      "as_of",                                                                 \
      "The next block does not follow the block on a later business date.")    \
    X(ROW, "row", "A row is not one that the register can have.")              \
    X(ACCOUNT, "account", "The account row is not that of the block's state.") \
    X(SECURITY,                                                                \
      "security",                                                              \
      "The security row is not that of the block's state.")                    \
    X(POSITION,                                                                \
      "position",                                                              \
      "The holding, or its absence, is not that of the security's tree.")      \
    X(NOT_HELD, "not_held", "The account has no share of the security.")       \
    X(HELD, "held", "The account has shares of the security.")                 \
    X(PLEDGED, "pledged", "Shares of the holding are pledged.")                \
    X(FROZEN, "frozen", "Shares of the holding are frozen.")                   \
    X(QUEUED, "queued", "A freeze waits for shares of the holding.")           \
    X(ACCOUNT_FROZEN, "account_frozen", "The account is frozen.")              \
    X(LINE_ORDER,                                                              \
      "line_order",                                                            \
      "The accounts of the register do not ascend: one is there twice or out " \
      "of order.")                                                             \
    X(LINES,                                                                   \
      "lines",                                                                 \
      "The holdings are not all those of the security: one is left out, "      \
      "added or changed.")                                                     \
    X(TOTALS,                                                                  \
      "totals",                                                                \
      "The holdings do not add up to the totals of the security.")             \
    X(TX_PLACE,                                                                \
      "tx_place",                                                              \
      "The transaction does not stand at that place of the block.")            \
    X(TX, "tx", "The transaction is malformed or of another chain.")           \
    X(TX_SIGNATURE,                                                            \
      "tx_signature",                                                          \
      "A signature of the transaction is not valid.")                          \
    X(EARLIER,                                                                 \
      "earlier",                                                               \
      "The earlier block is not in the history of the block.")                 \
    X(EVENT, "event", "An event is malformed, out of order or out of range.")  \
    X(EVENTS,                                                                  \
      "events",                                                                \
      "The events do not lead to the holding: one is left out, added, "        \
      "changed or out of order.")                                              \
    X(CONSISTENCY,                                                             \
      "consistency",                                                           \
      "The later history does not continue the earlier one.")                  \
    X(IDENTITY,                                                                \
      "identity",                                                              \
      "The disclosed identity is not the one that the account commits to.")

enum receipt_fault {
#define FAULT_ENUM(id, name, text) FAULT_##id,
    FAULT_LIST(FAULT_ENUM)
#undef FAULT_ENUM
        FAULTS,
};
const char *fault_name(enum receipt_fault f);
const char *fault_text(enum receipt_fault f);

/* A block with a valid certificate. */
struct certified_block {
    struct header header;
    struct hash hash;
    uint64_t view;   /* in which it was finalised; a carried block's is later
                        than the header's */
    uint32_t bitmap; /* of signers, by index in set.list */
    uint32_t signers;
    struct valset set;
};

/* Shares of a holding; pledged and frozen may overlap. */
struct holding_sums {
    uint64_t total;
    uint64_t pledged;
    uint64_t frozen;
    uint64_t queued;
    uint64_t locked; /* lock_until after the business date */
    uint64_t t_plus; /* with a trade day */
};

/* Of a row that the register can have, on a business date. */
struct holding_sums holding_sums_of(const struct holding_row *h, uint32_t date);

/* What is proven.  About 80 KB; lists stay in the receipt. */
struct receipt_facts {
    enum receipt_outcome outcome;
    enum receipt_fault fault;
    const char *where; /* section with the fault; "" if none */

    /* The rest holds only if the outcome is RECEIPT_PROVEN. */
    uint8_t kind;
    uint8_t parts;
    struct hash chain_id;
    uint8_t anchor_kind;
    uint64_t anchor_height;
    struct hash anchor_hash;
    uint32_t changes; /* of validators between anchor and block */
    uint32_t offset_ms;
    struct certified_block certified;
    struct header block; /* that the statement is about */
    struct hash block_hash;
    uint32_t date; /* its business date */
    /* RECEIPT_AS_OF: the state at the end of the dates from `date` to this. */
    struct certified_block successor;
    uint32_t date_to;

    struct hash account;
    struct account_row account_row;
    struct security_row security;
    bool has_row; /* of the holding */
    struct holding_row holding;
    struct holding_sums sums;

    struct header earlier; /* STATEMENT with an opening, CONSISTENCY */
    struct hash earlier_hash;
    struct security_row earlier_security;
    struct holding_row earlier_holding;
    struct holding_sums earlier_sums;

    struct tx tx;
};

/* receipt_verify checks a decoded receipt; out is filled in all cases.
 * receipt_check decodes first. */
void receipt_verify(struct receipt_facts *out,
                    const struct receipt *r,
                    const struct trust *t);
void receipt_check(struct receipt_facts *out,
                   struct receipt *r,
                   struct bytes in,
                   const struct trust *t);

#endif /* AUDIT_VERIFY_H */
