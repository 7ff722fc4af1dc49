/* The operations on accounts. */
#include "ledger/ops_fields.h"

static const struct field security_code_fields[] = {
    FIELD_SIZED(
        struct code_item, code, FIELD_CODE, CODE_MAX, "code of a security"),
};
static const struct schema security_code_schema = SCHEMA(
    "security_code", struct code_item, security_code_fields, "A security.");

static const struct field account_open_fields[] = {
    FIELD_OF(struct op_account_open,
             custodian,
             FIELD_U16,
             "institution that keeps the account"),
    FIELD_SIZED(struct op_account_open,
                nonce,
                FIELD_FIXED,
                16,
                "16 random bytes; the account id is a hash of them"),
    FIELD_NAMED(struct op_account_open,
                kind,
                FIELD_ENUM,
                account_kind_names,
                "ordinary, or a special account of the registrar"),
    FIELD_NAMED(struct op_account_open,
                authority,
                FIELD_ENUM,
                account_authority_names,
                "keys: m of n keys sign; paper: the custodian signs and cites "
                "a document"),
    OP_POLICY(account_open, "the holder's"),
    FIELD_OF(struct op_account_open,
             pooled,
             FIELD_BOOL,
             "whether it is a pooled vehicle, whose final investors count"),
    FIELD_OF(struct op_account_open,
             identity,
             FIELD_HASH,
             "salted commitment to the holder's identity"),
    FIELD_OF(struct op_account_open,
             subject_tag,
             FIELD_HASH,
             "tag by which one person has one account"),
    OP_DOCUMENT(account_open, "hash of the account agreement"),
};
static const struct schema account_open_schema =
    SCHEMA("account_open",
           struct op_account_open,
           account_open_fields,
           "Open an account for a holder.");
const struct op_def op_def_account_open = {
    .kind = OP_ACCOUNT_OPEN,
    .schema = &account_open_schema,
    .signers =
        {
            {SIGNER_INSTITUTION,
             offsetof(struct op_account_open, custodian),
             0,
             "custodian's maker and checker"},
            {SIGNER_NEW_KEYS,
             0,
             offsetof(struct op_account_open, policy),
             "the new holder's keys"},
        },
    .document_offset = offsetof(struct op_account_open, document),
    .verdicts = {V_UNKNOWN, V_ROLE, V_DUPLICATE_SUBJECT, V_EXISTS, V_POLICY},
};

static const struct field account_qualify_fields[] = {
    FIELD_OF(struct op_account_qualify, account, FIELD_HASH, "account"),
    FIELD_OF(struct op_account_qualify,
             certifier,
             FIELD_U16,
             "institution that checked the evidence"),
    FIELD_NAMED(struct op_account_qualify,
                class,
                FIELD_ENUM,
                investor_class_names,
                "class of qualified investor; none ends it"),
    FIELD_OF(struct op_account_qualify, from, FIELD_DATE, "first day"),
    FIELD_OF(struct op_account_qualify, to, FIELD_DATE, "last day"),
    OP_DOCUMENT(account_qualify, "hash of the evidence"),
};
static const struct schema account_qualify_schema =
    SCHEMA("account_qualify",
           struct op_account_qualify,
           account_qualify_fields,
           "Record that an account belongs to a class of qualified investors.");
const struct op_def op_def_account_qualify = {
    .kind = OP_ACCOUNT_QUALIFY,
    .document_required = true,
    .schema = &account_qualify_schema,
    .signers =
        {
            {SIGNER_INSTITUTION,
             offsetof(struct op_account_qualify, certifier),
             0,
             "certifier's maker and checker"},
            {SIGNER_CUSTODIAN,
             offsetof(struct op_account_qualify, account),
             0,
             "custodian's maker and checker"},
        },
    .document_offset = offsetof(struct op_account_qualify, document),
    .verdicts =
        {V_UNKNOWN, V_ROLE, V_ACCOUNT_STATE, V_QUALIFICATION_EXPIRED, V_DATE},
};

static const struct field account_look_through_fields[] = {
    FIELD_OF(struct op_account_look_through,
             account,
             FIELD_HASH,
             "account of the vehicle"),
    FIELD_OF(struct op_account_look_through,
             investors,
             FIELD_U32,
             "final investors it counts as, 1 if it is a filed fund"),
    FIELD_LIST_OF(struct op_account_look_through,
                  securities,
                  security_count,
                  64,
                  &security_code_schema,
                  "every security in which the vehicle has a share"),
    OP_DOCUMENT(account_look_through, "hash of the list of final investors"),
};
static const struct schema account_look_through_schema =
    SCHEMA("account_look_through",
           struct op_account_look_through,
           account_look_through_fields,
           "Declare the final investors of a pooled vehicle.");
const struct op_def op_def_account_look_through = {
    .kind = OP_ACCOUNT_LOOK_THROUGH,
    .document_required = true,
    .schema = &account_look_through_schema,
    .signers =
        {
            {SIGNER_ACCOUNT,
             offsetof(struct op_account_look_through, account),
             0,
             "vehicle"},
            {SIGNER_CUSTODIAN,
             offsetof(struct op_account_look_through, account),
             0,
             "custodian's maker and checker"},
        },
    .document_offset = offsetof(struct op_account_look_through, document),
    .verdicts =
        {V_UNKNOWN, V_ACCOUNT_STATE, V_QUANTITY, V_SUM_MISMATCH, V_LIMIT},
};

static const struct field account_rotate_fields[] = {
    FIELD_OF(struct op_account_rotate, account, FIELD_HASH, "account"),
    OP_POLICY(account_rotate, "the new"),
    FIELD_OF(struct op_account_rotate,
             court_consent,
             FIELD_HASH,
             "hash of the court's consent, if the account is frozen"),
    OP_DOCUMENT(account_rotate, "hash of the request"),
};
static const struct schema account_rotate_schema =
    SCHEMA("account_rotate",
           struct op_account_rotate,
           account_rotate_fields,
           "Replace an account's keys, or enrol the first ones.");
const struct op_def op_def_account_rotate = {
    .kind = OP_ACCOUNT_ROTATE,
    .schema = &account_rotate_schema,
    .signers =
        {
            {SIGNER_ACCOUNT,
             offsetof(struct op_account_rotate, account),
             0,
             "holder"},
            {SIGNER_NEW_KEYS,
             offsetof(struct op_account_rotate, account),
             offsetof(struct op_account_rotate, policy),
             "the new keys"},
        },
    .document_offset = offsetof(struct op_account_rotate, document),
    .verdicts = {V_UNKNOWN, V_ACCOUNT_STATE, V_POLICY, V_RECOVERY},
};

static const struct field account_recover_fields[] = {
    FIELD_OF(struct op_account_recover, account, FIELD_HASH, "account"),
    FIELD_OF(struct op_account_recover,
             second,
             FIELD_U16,
             "notary or second registrar that vouches as well"),
    OP_POLICY(account_recover, "the new"),
    FIELD_OF(struct op_account_recover,
             court_consent,
             FIELD_HASH,
             "hash of the court's consent, if the account is frozen"),
    OP_DOCUMENT(account_recover, "hash of the identity check"),
};
static const struct schema account_recover_schema =
    SCHEMA("account_recover",
           struct op_account_recover,
           account_recover_fields,
           "Ask for new keys in place of lost ones; they take effect after the "
           "waiting period unless the old ones contest.");
const struct op_def op_def_account_recover = {
    .kind = OP_ACCOUNT_RECOVER,
    .document_required = true,
    .schema = &account_recover_schema,
    .signers =
        {
            {SIGNER_CUSTODIAN,
             offsetof(struct op_account_recover, account),
             0,
             "custodian's maker and checker"},
            {SIGNER_INSTITUTION,
             offsetof(struct op_account_recover, second),
             0,
             "second institution's maker and checker"},
            {SIGNER_NEW_KEYS,
             offsetof(struct op_account_recover, account),
             offsetof(struct op_account_recover, policy),
             "the new keys"},
        },
    .document_offset = offsetof(struct op_account_recover, document),
    .verdicts = {V_UNKNOWN, V_ROLE, V_ACCOUNT_STATE, V_POLICY, V_RECOVERY},
};

static const struct field account_contest_fields[] = {
    FIELD_OF(struct op_account_contest, account, FIELD_HASH, "account"),
    OP_DOCUMENT(account_contest, "hash of the objection"),
};
static const struct schema account_contest_schema =
    SCHEMA("account_contest",
           struct op_account_contest,
           account_contest_fields,
           "Stop a pending recovery with the keys in force.");
const struct op_def op_def_account_contest = {
    .kind = OP_ACCOUNT_CONTEST,
    .schema = &account_contest_schema,
    .signers =
        {
            {SIGNER_ACCOUNT,
             offsetof(struct op_account_contest, account),
             0,
             "holder"},
        },
    .document_offset = offsetof(struct op_account_contest, document),
    .verdicts = {V_UNKNOWN, V_RECOVERY},
};

static const struct field account_freeze_fields[] = {
    FIELD_OF(struct op_account_freeze, account, FIELD_HASH, "account"),
    FIELD_SIZED(struct op_account_freeze,
                authority,
                FIELD_CODE,
                CODE_MAX,
                "code of the ordering authority"),
    OP_DOCUMENT(account_freeze, "hash of the order"),
};
static const struct schema account_freeze_schema =
    SCHEMA("account_freeze",
           struct op_account_freeze,
           account_freeze_fields,
           "Freeze an account on an authority's order: nothing goes out at the "
           "holder's will.");
const struct op_def op_def_account_freeze = {
    .kind = OP_ACCOUNT_FREEZE,
    .is_court = true,
    .document_required = true,
    .schema = &account_freeze_schema,
    .signers =
        {
            {SIGNER_CUSTODIAN,
             offsetof(struct op_account_freeze, account),
             0,
             "custodian's maker and checker"},
        },
    .document_offset = offsetof(struct op_account_freeze, document),
    .verdicts = {V_UNKNOWN, V_ACCOUNT_STATE},
};

static const struct field account_thaw_fields[] = {
    FIELD_OF(struct op_account_thaw, account, FIELD_HASH, "account"),
    FIELD_SIZED(struct op_account_thaw,
                authority,
                FIELD_CODE,
                CODE_MAX,
                "code of the releasing authority"),
    OP_DOCUMENT(account_thaw, "hash of the order"),
};
static const struct schema account_thaw_schema =
    SCHEMA("account_thaw",
           struct op_account_thaw,
           account_thaw_fields,
           "Thaw an account on the order of the authority that froze it.");
const struct op_def op_def_account_thaw = {
    .kind = OP_ACCOUNT_THAW,
    .is_court = true,
    .document_required = true,
    .schema = &account_thaw_schema,
    .signers =
        {
            {SIGNER_CUSTODIAN,
             offsetof(struct op_account_thaw, account),
             0,
             "custodian's maker and checker"},
        },
    .document_offset = offsetof(struct op_account_thaw, document),
    .verdicts = {V_UNKNOWN, V_ACCOUNT_STATE, V_FREEZE_AUTHORITY},
};

static const struct field account_close_fields[] = {
    FIELD_OF(struct op_account_close, account, FIELD_HASH, "account"),
    OP_DOCUMENT(account_close, "hash of the request"),
};
static const struct schema account_close_schema =
    SCHEMA("account_close",
           struct op_account_close,
           account_close_fields,
           "Close an account that holds nothing and to which nothing is due.");
const struct op_def op_def_account_close = {
    .kind = OP_ACCOUNT_CLOSE,
    .schema = &account_close_schema,
    .signers =
        {
            {SIGNER_ACCOUNT,
             offsetof(struct op_account_close, account),
             0,
             "holder"},
            {SIGNER_CUSTODIAN,
             offsetof(struct op_account_close, account),
             0,
             "custodian's maker and checker"},
        },
    .document_offset = offsetof(struct op_account_close, document),
    .verdicts = {V_UNKNOWN, V_ACCOUNT_STATE, V_NOT_EMPTY, V_RECOVERY},
};

static const struct field account_transfer_fields[] = {
    FIELD_OF(struct op_account_transfer, account, FIELD_HASH, "account"),
    FIELD_OF(struct op_account_transfer,
             custodian,
             FIELD_U16,
             "institution that keeps it from now on"),
    OP_DOCUMENT(account_transfer,
                "hash of the agreement, and of the notice to creditors with a "
                "right on what the account holds"),
};
static const struct schema account_transfer_schema =
    SCHEMA("account_transfer",
           struct op_account_transfer,
           account_transfer_fields,
           "Hand an account to another custodian, as it is.");
const struct op_def op_def_account_transfer = {
    .kind = OP_ACCOUNT_TRANSFER,
    .document_required = true,
    .hands_over = true,
    .schema = &account_transfer_schema,
    .signers =
        {
            {SIGNER_ACCOUNT,
             offsetof(struct op_account_transfer, account),
             0,
             "holder"},
            {SIGNER_CUSTODIAN,
             offsetof(struct op_account_transfer, account),
             0,
             "custodian's maker and checker"},
            {SIGNER_INSTITUTION,
             offsetof(struct op_account_transfer, custodian),
             0,
             "new custodian's maker and checker"},
        },
    .document_offset = offsetof(struct op_account_transfer, document),
    .verdicts = {V_UNKNOWN, V_ROLE, V_ACCOUNT_STATE, V_SELF, V_RECOVERY},
};
