/* Closings of the register, and the end or change of custody. */
#include "ledger/ops_fields.h"

static const struct field security_withdraw_fields[] = {
    OP_SECURITY(security_withdraw),
    FIELD_OF(struct op_security_withdraw,
             root,
             FIELD_HASH,
             "snapshot root of the register that is handed over"),
    OP_DOCUMENT(security_withdraw, "hash of the approval and hand-over record"),
};
static const struct schema security_withdraw_schema = SCHEMA(
    "security_withdraw",
    struct op_security_withdraw,
    security_withdraw_fields,
    "End custody: what is recorded stays readable, without legal effect.");
const struct op_def op_def_security_withdraw = {
    .kind = OP_SECURITY_WITHDRAW,
    .document_required = true,
    .schema = &security_withdraw_schema,
    .signers =
        {
            {SIGNER_ISSUER,
             offsetof(struct op_security_withdraw, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_security_withdraw, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_security_withdraw, document),
    .verdicts = {V_UNKNOWN,
                 V_NOT_EMPTY,
                 V_SECURITY_STATE,
                 V_WITHDRAWN,
                 V_ROOT_MISMATCH},
};

static const struct field custody_transfer_fields[] = {
    OP_SECURITY(custody_transfer),
    FIELD_OF(struct op_custody_transfer,
             registrar,
             FIELD_U16,
             "institution that takes the register over"),
    FIELD_OF(struct op_custody_transfer,
             root,
             FIELD_HASH,
             "snapshot root both agree on"),
    OP_DOCUMENT(custody_transfer, "hash of the agreement"),
};
static const struct schema custody_transfer_schema =
    SCHEMA("custody_transfer",
           struct op_custody_transfer,
           custody_transfer_fields,
           "Hand a security to another registrar, everything with it.");
const struct op_def op_def_custody_transfer = {
    .kind = OP_CUSTODY_TRANSFER,
    .hands_over = true,
    .document_required = true,
    .schema = &custody_transfer_schema,
    .signers =
        {
            {SIGNER_ISSUER,
             offsetof(struct op_custody_transfer, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_custody_transfer, security),
             0,
             "registrar's maker and checker"},
            {SIGNER_INSTITUTION,
             offsetof(struct op_custody_transfer, registrar),
             0,
             "new registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_custody_transfer, document),
    .verdicts = {V_UNKNOWN,
                 V_ROLE,
                 V_SELF,
                 V_NOT_EMPTY,
                 V_SECURITY_STATE,
                 V_WITHDRAWN,
                 V_ROOT_MISMATCH},
};

static const struct field closure_set_fields[] = {
    OP_SECURITY(closure_set),
    FIELD_NAMED(struct op_closure_set,
                kind,
                FIELD_ENUM,
                closure_kind_names,
                "what for"),
    FIELD_OF(struct op_closure_set,
             base,
             FIELD_DATE,
             "day of the meeting, or dividend base date"),
    OP_DOCUMENT(closure_set, "hash of the notice"),
};
static const struct schema closure_set_schema =
    SCHEMA("closure_set",
           struct op_closure_set,
           closure_set_fields,
           "Close the register before a shareholders' meeting or a dividend "
           "base date.");
const struct op_def op_def_closure_set = {
    .kind = OP_CLOSURE_SET,
    .schema = &closure_set_schema,
    .signers =
        {
            {SIGNER_ISSUER,
             offsetof(struct op_closure_set, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_closure_set, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_closure_set, document),
    .verdicts =
        {V_UNKNOWN, V_EXISTS, V_SECURITY_STATE, V_WITHDRAWN, V_DATE, V_LIMIT},
};

static const struct field closure_cancel_fields[] = {
    OP_SECURITY(closure_cancel),
    FIELD_NAMED(struct op_closure_cancel,
                kind,
                FIELD_ENUM,
                closure_kind_names,
                "what for"),
    FIELD_OF(struct op_closure_cancel,
             base,
             FIELD_DATE,
             "day of the meeting, or dividend base date"),
    OP_DOCUMENT(closure_cancel, "hash of the notice"),
};
static const struct schema closure_cancel_schema = SCHEMA(
    "closure_cancel",
    struct op_closure_cancel,
    closure_cancel_fields,
    "Take back a closing of the register: the meeting or distribution is off.");
const struct op_def op_def_closure_cancel = {
    .kind = OP_CLOSURE_CANCEL,
    .schema = &closure_cancel_schema,
    .signers =
        {
            {SIGNER_ISSUER,
             offsetof(struct op_closure_cancel, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_closure_cancel, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_closure_cancel, document),
    .verdicts = {V_UNKNOWN, V_SECURITY_STATE, V_WITHDRAWN},
};
