/* Corrections and claims. */
#include "ledger/ops_fields.h"

const char *const correction_reason_names[CORRECTION_REASONS] = {
    NULL, "wrong_account", "wrong_quantity", "forged", "left_out", "other"};

static const struct field correct_fields[] = {
    OP_SECURITY(correct),
    FIELD_OF(
        struct op_correct, wrong_tx, FIELD_HASH, "id of the wrong transaction"),
    FIELD_NAMED(struct op_correct,
                reason,
                FIELD_ENUM,
                correction_reason_names,
                "why it was wrong"),
    FIELD_OF(struct op_correct,
             from,
             FIELD_HASH,
             "account that has the shares by mistake"),
    FIELD_OF(struct op_correct, to, FIELD_HASH, "account to which they belong"),
    FIELD_OF(struct op_correct, quantity, FIELD_QTY, "shares"),
    FIELD_OF(struct op_correct,
             claim,
             FIELD_BOOL,
             "whether what is not there any more becomes an open claim"),
    OP_DOCUMENT(correct, "hash of the evidence"),
};
static const struct schema correct_schema = SCHEMA(
    "correct",
    struct op_correct,
    correct_fields,
    "Correct a wrong entry with the consent of whoever loses shares by it.");
const struct op_def op_def_correct = {
    .kind = OP_CORRECT,
    .document_required = true,
    .schema = &correct_schema,
    .signers =
        {
            {SIGNER_ACCOUNT,
             offsetof(struct op_correct, from),
             0,
             "whoever loses shares"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_correct, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_correct, document),
    .touches = {offsetof(struct op_correct, to)},
    .verdicts = {V_UNKNOWN,
                 V_ACCOUNT_STATE,
                 V_SELF,
                 V_SECURITY_STATE,
                 V_WITHDRAWN,
                 V_QUANTITY,
                 V_CORRECTION_UNRECOVERABLE,
                 V_LIMIT},
};

static const struct field correct_by_decision_fields[] = {
    OP_SECURITY(correct_by_decision),
    FIELD_OF(struct op_correct_by_decision,
             wrong_tx,
             FIELD_HASH,
             "id of the wrong transaction"),
    FIELD_NAMED(struct op_correct_by_decision,
                reason,
                FIELD_ENUM,
                correction_reason_names,
                "why it was wrong"),
    FIELD_OF(struct op_correct_by_decision,
             from,
             FIELD_HASH,
             "account that has the shares by mistake"),
    FIELD_OF(struct op_correct_by_decision,
             to,
             FIELD_HASH,
             "account to which they belong"),
    FIELD_OF(struct op_correct_by_decision, quantity, FIELD_QTY, "shares"),
    FIELD_OF(struct op_correct_by_decision,
             claim,
             FIELD_BOOL,
             "whether what is not there any more becomes an open claim"),
    FIELD_SIZED(struct op_correct_by_decision,
                authority,
                FIELD_CODE,
                CODE_MAX,
                "code of the deciding authority"),
    OP_DOCUMENT(correct_by_decision, "hash of the decision"),
};
static const struct schema correct_by_decision_schema =
    SCHEMA("correct_by_decision",
           struct op_correct_by_decision,
           correct_by_decision_fields,
           "Correct a wrong entry on a decision.");
const struct op_def op_def_correct_by_decision = {
    .kind = OP_CORRECT_BY_DECISION,
    .is_court = true,
    .document_required = true,
    .schema = &correct_by_decision_schema,
    .signers =
        {
            {SIGNER_REGISTRAR,
             offsetof(struct op_correct_by_decision, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_correct_by_decision, document),
    .touches = {offsetof(struct op_correct_by_decision, from),
                offsetof(struct op_correct_by_decision, to)},
    .verdicts = {V_UNKNOWN,
                 V_ACCOUNT_STATE,
                 V_SELF,
                 V_SECURITY_STATE,
                 V_WITHDRAWN,
                 V_QUANTITY,
                 V_CORRECTION_UNRECOVERABLE,
                 V_LIMIT},
};

static const struct field claim_close_fields[] = {
    OP_SECURITY(claim_close),
    FIELD_OF(struct op_claim_close, number, FIELD_U64, "claim number"),
    FIELD_OF(struct op_claim_close, creditor, FIELD_HASH, "creditor's account"),
    FIELD_OF(
        struct op_claim_close, quantity, FIELD_QTY, "shares no longer owed"),
    OP_DOCUMENT(claim_close, "hash of the creditor's receipt"),
};
static const struct schema claim_close_schema = SCHEMA(
    "claim_close",
    struct op_claim_close,
    claim_close_fields,
    "Reduce or close an open claim: like shares or money were given for it.");
const struct op_def op_def_claim_close = {
    .kind = OP_CLAIM_CLOSE,
    .schema = &claim_close_schema,
    .signers =
        {
            {SIGNER_ACCOUNT,
             offsetof(struct op_claim_close, creditor),
             0,
             "creditor"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_claim_close, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_claim_close, document),
    .verdicts = {V_UNKNOWN, V_WITHDRAWN, V_CLAIM_STATE, V_QUANTITY},
};
