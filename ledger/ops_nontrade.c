/* The transfers that are no trade. */
#include "ledger/ops_fields.h"

const char *const deed_ground_names[DEED_GROUNDS] = {
    NULL, "inheritance", "divorce", "administrative"};

static const struct field deed_part_fields[] = {
    FIELD_OF(struct deed_part, to, FIELD_HASH, "account that receives them"),
    FIELD_OF(struct deed_part, quantity, FIELD_QTY, "shares"),
    FIELD_OF(struct deed_part,
             pledge,
             FIELD_U64,
             "pledge they are under; 0 = unpledged shares"),
    FIELD_OF(struct deed_part,
             freeze,
             FIELD_U64,
             "freeze they are under; 0 = unfrozen shares"),
};
const struct schema deed_part_schema =
    SCHEMA("deed_part",
           struct deed_part,
           deed_part_fields,
           "Shares of one kind for one account.");

static const struct field transfer_gift_fields[] = {
    OP_SECURITY(transfer_gift),
    FIELD_OF(struct op_transfer_gift, from, FIELD_HASH, "donor's account"),
    FIELD_OF(struct op_transfer_gift, to, FIELD_HASH, "donee's account"),
    FIELD_OF(struct op_transfer_gift, quantity, FIELD_QTY, "shares"),
    FIELD_SUB(struct op_transfer_gift,
              selector,
              &selector_schema,
              "which shares; any by default"),
    FIELD_OF(struct op_transfer_gift,
             consent,
             FIELD_HASH,
             "hash of the company's consent, where the articles demand it"),
    OP_DOCUMENT(transfer_gift, "hash of the notarised deed"),
};
static const struct schema transfer_gift_schema =
    SCHEMA("transfer_gift",
           struct op_transfer_gift,
           transfer_gift_fields,
           "Transfer shares as a gift, by notarised deed.");
const struct op_def op_def_transfer_gift = {
    .kind = OP_TRANSFER_GIFT,
    .document_required = true,
    .schema = &transfer_gift_schema,
    .signers =
        {
            {SIGNER_ACCOUNT,
             offsetof(struct op_transfer_gift, from),
             0,
             "donor"},
            {SIGNER_ACCOUNT, offsetof(struct op_transfer_gift, to), 0, "donee"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_transfer_gift, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_transfer_gift, document),
    .verdicts = {V_UNKNOWN,
                 V_ACCOUNT_STATE,
                 V_ACCOUNT_UNCONFIRMED,
                 V_SELF,
                 V_LOOK_THROUGH,
                 V_NOT_QUALIFIED,
                 V_QUALIFICATION_EXPIRED,
                 V_RESTRICTED,
                 V_SECURITY_STATE,
                 V_SUSPENDED,
                 V_WITHDRAWN,
                 V_REGISTER_CLOSED,
                 V_CALENDAR,
                 V_T5,
                 V_INSIDER_HALF_YEAR,
                 V_QUANTITY,
                 V_AVAILABLE,
                 V_PLEDGED,
                 V_FROZEN,
                 V_LOCKED,
                 V_INSIDER_QUOTA,
                 V_HOLDER_CAP,
                 V_LIMIT},
};

static const struct field transfer_deed_fields[] = {
    OP_SECURITY(transfer_deed),
    FIELD_OF(
        struct op_transfer_deed, from, FIELD_HASH, "account the shares leave"),
    FIELD_NAMED(struct op_transfer_deed,
                ground,
                FIELD_ENUM,
                deed_ground_names,
                "on what ground"),
    FIELD_LIST_OF(struct op_transfer_deed,
                  parts,
                  part_count,
                  DEED_PARTS_MAX,
                  &deed_part_schema,
                  "who receives which shares, in whole numbers"),
    FIELD_OF(struct op_transfer_deed,
             court_consent,
             FIELD_HASH,
             "hash of the freezing court's consent, if frozen shares move"),
    OP_DOCUMENT(transfer_deed,
                "hash of the court document, notarised deed or approval"),
};
static const struct schema transfer_deed_schema =
    SCHEMA("transfer_deed",
           struct op_transfer_deed,
           transfer_deed_fields,
           "Divide or hand over shares by law: inheritance, division on "
           "divorce, allocation of state shares.");
const struct op_def op_def_transfer_deed = {
    .kind = OP_TRANSFER_DEED,
    .document_required = true,
    .schema = &transfer_deed_schema,
    .signers =
        {
            {SIGNER_REGISTRAR,
             offsetof(struct op_transfer_deed, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_transfer_deed, document),
    .touches = {offsetof(struct op_transfer_deed, from)},
    .verdicts = {V_UNKNOWN,
                 V_ACCOUNT_STATE,
                 V_ACCOUNT_UNCONFIRMED,
                 V_SELF,
                 V_SECURITY_STATE,
                 V_SUSPENDED,
                 V_WITHDRAWN,
                 V_REGISTER_CLOSED,
                 V_QUANTITY,
                 V_AVAILABLE,
                 V_FROZEN,
                 V_SUM_MISMATCH,
                 V_LIMIT},
};

static const struct field transfer_merger_fields[] = {
    OP_SECURITY(transfer_merger),
    FIELD_OF(struct op_transfer_merger,
             from,
             FIELD_HASH,
             "account of the company that is no more"),
    FIELD_OF(
        struct op_transfer_merger, to, FIELD_HASH, "account of the successor"),
    OP_DOCUMENT(transfer_merger, "hash of the succession documents"),
};
static const struct schema transfer_merger_schema =
    SCHEMA("transfer_merger",
           struct op_transfer_merger,
           transfer_merger_fields,
           "Hand the shares of a company that is no more to its successor.");
const struct op_def op_def_transfer_merger = {
    .kind = OP_TRANSFER_MERGER,
    .document_required = true,
    .schema = &transfer_merger_schema,
    .signers =
        {
            {SIGNER_ACCOUNT,
             offsetof(struct op_transfer_merger, to),
             0,
             "successor"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_transfer_merger, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_transfer_merger, document),
    .touches = {offsetof(struct op_transfer_merger, from)},
    .verdicts = {V_UNKNOWN,
                 V_ACCOUNT_STATE,
                 V_ACCOUNT_UNCONFIRMED,
                 V_SELF,
                 V_SECURITY_STATE,
                 V_SUSPENDED,
                 V_WITHDRAWN,
                 V_REGISTER_CLOSED,
                 V_AVAILABLE,
                 V_FROZEN,
                 V_LIMIT},
};

static const struct field transfer_judicial_fields[] = {
    OP_SECURITY(transfer_judicial),
    FIELD_OF(struct op_transfer_judicial, from, FIELD_HASH, "debtor's account"),
    FIELD_OF(struct op_transfer_judicial,
             to,
             FIELD_HASH,
             "buyer's or creditor's account"),
    FIELD_OF(struct op_transfer_judicial, quantity, FIELD_QTY, "shares"),
    FIELD_OF(struct op_transfer_judicial,
             number,
             FIELD_U64,
             "freeze that is carried out; 0 = shares under no freeze"),
    FIELD_SIZED(struct op_transfer_judicial,
                authority,
                FIELD_CODE,
                CODE_MAX,
                "code of the ordering authority"),
    FIELD_OF(struct op_transfer_judicial,
             pledges_end,
             FIELD_BOOL,
             "whether the order ends the pledges on the shares"),
    FIELD_OF(struct op_transfer_judicial,
             case_commitment,
             FIELD_HASH,
             "salted commitment to case number and officers"),
    OP_DOCUMENT(transfer_judicial, "hash of the order and its confirmation"),
};
static const struct schema transfer_judicial_schema =
    SCHEMA("transfer_judicial",
           struct op_transfer_judicial,
           transfer_judicial_fields,
           "Transfer shares on a court's order.");
const struct op_def op_def_transfer_judicial = {
    .kind = OP_TRANSFER_JUDICIAL,
    .is_court = true,
    .document_required = true,
    .schema = &transfer_judicial_schema,
    .signers =
        {
            {SIGNER_REGISTRAR,
             offsetof(struct op_transfer_judicial, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_transfer_judicial, document),
    .touches = {offsetof(struct op_transfer_judicial, from),
                offsetof(struct op_transfer_judicial, to)},
    .verdicts = {V_UNKNOWN,
                 V_ACCOUNT_STATE,
                 V_ACCOUNT_UNCONFIRMED,
                 V_SELF,
                 V_FREEZE_AUTHORITY,
                 V_SECURITY_STATE,
                 V_WITHDRAWN,
                 V_FREEZE_LAPSED,
                 V_QUANTITY,
                 V_AVAILABLE,
                 V_LIMIT},
};
