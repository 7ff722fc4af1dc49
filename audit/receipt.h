/* receipt.h - one statement of the ledger, taken away as a file and checked
 * offline (docs/FORMAT.md, "Receipts").
 *
 * Whoever makes a receipt fills a struct receipt with what a node has - header
 * and certificate bytes, rows, paths of state/proof.h, events - and calls
 * receipt_encode; whoever gets one calls receipt_decode and then
 * receipt_verify (audit/verify.h).  Both directions use the same struct.
 *
 * Invariants
 *   C1  receipt_decode accepts exactly what receipt_encode writes: it encodes
 *       what it read and compares.
 *   C2  nothing that can be derived is in the file: sides come from keys and
 *       indexes, keys of securities from their rows, sizes of trees from
 *       headers.
 *   C3  the kind, and which optional sections follow, are said in front, so
 *       that no receipt is another one with a part left out. */
#ifndef AUDIT_RECEIPT_H
#define AUDIT_RECEIPT_H

#include "base/buf.h"
#include "chain/cert.h"
#include "chain/header.h"
#include "chain/mtree.h"
#include "ledger/event.h"
#include "state/proof.h"

#define RECEIPT_MAGIC "EQRECPT"
#define IDENTITY_TAG  "equity/IDENTITY/v1"

enum {
    RECEIPT_VERSION = 1,
    RECEIPT_EPOCHS_MAX = 1024,
    RECEIPT_LINES_MAX = 1 << 22,
    RECEIPT_EVENTS_MAX = 1 << 20,
    RECEIPT_BYTES_MAX = 1 << 30,
    IDENTITY_TEXT_MAX = 255,
};

/* The numbers are in the files; add at the end, never reuse. */
#define RECEIPT_KIND_LIST(X)                                                  \
    X(TRANSACTION, 1, transaction)   /* a transaction is in the ledger */     \
    X(HOLDING, 2, holding)           /* what an account has of a security */  \
    X(ABSENCE, 3, absence)           /* that it has nothing of it */          \
    X(UNENCUMBERED, 4, unencumbered) /* a holding without pledge or freeze */ \
    X(REGISTER, 5, register)         /* all holdings of a security */         \
    X(STATEMENT, 6, statement)       /* all events of a holding */            \
    X(CONSISTENCY, 7, consistency) /* a later history continues an earlier */ \
    X(VALIDATORS, 8, validators)   /* a change of the validators */

enum receipt_kind {
#define RECEIPT_KIND(id, number, name) RECEIPT_##id = (number),
    RECEIPT_KIND_LIST(RECEIPT_KIND)
#undef RECEIPT_KIND
        RECEIPT_KINDS = 9,
};
extern const char *const receipt_kind_names[RECEIPT_KINDS];

/* Which optional sections follow. */
enum receipt_part { /* bits */
                    RECEIPT_LINK = 1,
                    RECEIPT_AS_OF = 2,
                    RECEIPT_DISCLOSURE = 4,
};

/* Items one after another in their canonical bytes.  Made with the receipt_add
 * functions below, read with the receipt_next functions. */
struct receipt_list {
    uint32_t count;
    struct bytes items; /* borrowed */
};

/* A block that a quorum finalised. */
struct receipt_block {
    struct bytes header; /* canonical bytes, as stored and hashed */
    struct bytes cert;   /* cert_encode of its finalization */
};

/* Where trust begins.  The set is the one that certifies the blocks after the
 * anchor block: its hash is that header's next_validators_hash. */
enum anchor_kind {
    ANCHOR_GENESIS = 1, /* block 0 */
    ANCHOR_PINNED = 2,  /* a later block, by height and hash */
    ANCHOR_KINDS,
};
struct receipt_anchor {
    uint8_t kind; /* enum anchor_kind */
    struct bytes header;
    struct valset set;
};

/* A row of a table that is one tree, up to the state root. */
struct receipt_row {
    struct bytes row;
    struct tree_path path; /* leaf_key and leaf_row_hash are derived */
    struct hash slots[PROOF_SLOT_STEPS];
};

/* A security: its row hash is over the row and the roots of its three trees. */
struct receipt_security {
    struct receipt_row at;
    struct hash roots[3]; /* holdings, pledges, freezes */
};

/* The place of an account in the tree of a security's holdings: its row; else
 * (row.size 0) the other leaf in which the path ends, or the empty tree. */
struct receipt_holding {
    struct bytes row;
    struct tree_path path;
};

struct receipt_position {
    struct hash account;
    struct receipt_row account_row;
    struct receipt_security security;
    struct receipt_holding holding;
};

struct receipt_transaction {
    uint32_t index; /* in the block */
    struct mtree_proof path;
    struct bytes tx; /* full bytes */
};

struct receipt_register {
    struct receipt_security security;
    struct receipt_list lines; /* every holding, ascending by account */
};

/* A holding at the statement's height, and the events that led there: from its
 * first entry, or from what it was at an earlier height. */
struct receipt_statement {
    struct receipt_position now;
    bool from_start; /* from the first entry: no earlier height */
    struct bytes earlier_header;
    struct mtree_proof earlier_path; /* in the log of the statement's header */
    struct receipt_security earlier_security;
    struct receipt_holding earlier_holding; /* a row */
    struct receipt_list events;
};

struct receipt_consistency {
    struct bytes earlier_header;
    struct mtree_proof inclusion;   /* of the earlier block */
    struct mtree_proof consistency; /* of the earlier header's own log */
};

/* A preimage of an account's identity commitment: who the holder is. */
struct identity {
    uint8_t salt[SALT_BYTES];
    struct bytes id_type; /* UTF-8, 1..IDENTITY_TEXT_MAX, no control chars */
    struct bytes id_number;
    struct bytes name;
};

/* About 60 KB: not for small stacks.  All bytes are borrowed. */
struct receipt {
    uint8_t kind;  /* enum receipt_kind */
    uint8_t parts; /* enum receipt_part bits */
    struct hash chain_id;
    struct receipt_anchor anchor;
    struct receipt_list epochs; /* changes of the set since the anchor */
    /* The certified block.  The statement is about it, or, with RECEIPT_LINK,
     * about an older block in its header log. */
    struct receipt_block block;
    struct bytes link_header;
    struct mtree_proof link_path;
    /* RECEIPT_AS_OF: the next block, of a later business date; so `block` is
     * the state at the end of its own. */
    struct receipt_block successor;
    union {
        struct receipt_transaction transaction;
        struct receipt_position position; /* HOLDING, ABSENCE, UNENCUMBERED */
        struct receipt_register reg;
        struct receipt_statement statement;
        struct receipt_consistency consistency;
        struct valset validators; /* the new set; `block` is the sealing one */
    } of;
    struct identity identity; /* RECEIPT_DISCLOSURE */
};

/* Whether kind has a position in of.position, and whether the parts may occur
 * with it. */
bool receipt_has_position(uint8_t kind);
bool receipt_parts_ok(uint8_t kind, uint8_t parts);

/* receipt_encode appends the file's bytes to out; on an error out is as before.
 * Errors    ERR_RANGE  a kind, count, size or text beyond its limit */
MUST_USE enum err receipt_encode(struct buf *out, const struct receipt *r);

/* receipt_decode reads exactly one receipt from all of in; r borrows in.
 * *where (may be NULL) names the section with the fault; r is then undefined.
 * Errors    ERR_VERSION  not a receipt, or of another version
 *           ERR_CORRUPT  the digest at the end is not that of the bytes
 *           ERR_RANGE, ERR_TRUNCATED, ERR_TRAILING, ERR_ORDER (sections) */
MUST_USE enum err receipt_decode(struct receipt *r,
                                 const char **where,
                                 struct bytes in);

/* Lists.  Each receipt_add appends one item to bytes and counts it in list;
 * list->items is set to all of bytes.  Each receipt_next takes the next item
 * from r (begin with receipt_items) and returns false at the end or when the
 * bytes are wrong (r->err). */
struct receipt_epoch {
    struct receipt_block block; /* the last of the old set's epoch */
    struct valset next;
};
void receipt_add_epoch(struct receipt_list *list,
                       struct buf *bytes,
                       const struct receipt_epoch *e);
struct receipt_line {
    struct hash account;
    struct bytes row;
};
void receipt_add_line(struct receipt_list *list,
                      struct buf *bytes,
                      const struct receipt_line *l);
/* An event as it is chained: with the salt of its transaction (zeros for due
 * work), its height and its index in the block. */
struct receipt_event {
    uint8_t salt[SALT_BYTES];
    uint64_t height;
    uint32_t index;
    struct bytes event; /* canonical bytes */
};
void receipt_add_event(struct receipt_list *list,
                       struct buf *bytes,
                       const struct receipt_event *e);

struct reader receipt_items(const struct receipt_list *list);
bool receipt_next_epoch(struct reader *r, struct receipt_epoch *out);
bool receipt_next_line(struct reader *r, struct receipt_line *out);
bool receipt_next_event(struct reader *r, struct receipt_event *out);

/* The commitment of an account row, T(IDENTITY_TAG, account, salt and texts):
 * that of one account is not to be shown for another's. */
struct hash identity_commitment(const struct hash *account,
                                const struct identity *id);

#endif /* AUDIT_RECEIPT_H */
