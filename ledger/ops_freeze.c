/* The operations on freezes.
 *
 * R137: A freeze, its release and its renewal each cite the order. */
#include "ledger/ops_fields.h"

static const struct field freeze_create_fields[] = {
    OP_SECURITY(freeze_create),
    FIELD_OF(struct op_freeze_create,
             account,
             FIELD_HASH,
             "account to freeze shares of"),
    FIELD_SIZED(struct op_freeze_create,
                authority,
                FIELD_CODE,
                CODE_MAX,
                "code of the ordering authority"),
    FIELD_OF(struct op_freeze_create,
             case_commitment,
             FIELD_HASH,
             "salted commitment to case number and officers"),
    FIELD_OF(struct op_freeze_create,
             publicity_ms,
             FIELD_TIME,
             "when the freeze was published: its rank; 0 = not published"),
    FIELD_OF(struct op_freeze_create,
             service_ms,
             FIELD_TIME,
             "when the order was served"),
    FIELD_OF(struct op_freeze_create, from, FIELD_DATE, "first day"),
    FIELD_OF(struct op_freeze_create,
             to,
             FIELD_DATE,
             "last day, at most three years after the first"),
    FIELD_OF(struct op_freeze_create, quantity, FIELD_QTY, "shares ordered"),
    FIELD_OF(struct op_freeze_create,
             covers_fruits,
             FIELD_BOOL,
             "whether dividends are held for the court"),
    FIELD_OF(struct op_freeze_create,
             court_report,
             FIELD_BOOL,
             "whether capital changes must be reported first"),
    OP_DOCUMENT(freeze_create, "hash of the ruling and assistance notice"),
};
static const struct schema freeze_create_schema =
    SCHEMA("freeze_create",
           struct op_freeze_create,
           freeze_create_fields,
           "Freeze shares on an authority's order, filed by the registrar.");
const struct op_def op_def_freeze_create = {
    .kind = OP_FREEZE_CREATE,
    .is_court = true,
    .document_required = true,
    .schema = &freeze_create_schema,
    .signers =
        {
            {SIGNER_REGISTRAR,
             offsetof(struct op_freeze_create, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_freeze_create, document),
    .touches = {offsetof(struct op_freeze_create, account)},
    .verdicts = {V_UNKNOWN,
                 V_SECURITY_STATE,
                 V_WITHDRAWN,
                 V_DATE,
                 V_FREEZE_TERM,
                 V_QUANTITY,
                 V_LIMIT},
};

static const struct field freeze_release_fields[] = {
    OP_SECURITY(freeze_release),
    FIELD_OF(struct op_freeze_release, number, FIELD_U64, "freeze number"),
    FIELD_SIZED(struct op_freeze_release,
                authority,
                FIELD_CODE,
                CODE_MAX,
                "code of the releasing authority"),
    FIELD_OF(struct op_freeze_release,
             quantity,
             FIELD_QTY,
             "shares to release; 0 = the whole freeze"),
    OP_DOCUMENT(freeze_release, "hash of the release order"),
};
static const struct schema freeze_release_schema =
    SCHEMA("freeze_release",
           struct op_freeze_release,
           freeze_release_fields,
           "Release a freeze, or part of it, on its authority's order.");
const struct op_def op_def_freeze_release = {
    .kind = OP_FREEZE_RELEASE,
    .is_court = true,
    .document_required = true,
    .schema = &freeze_release_schema,
    .signers =
        {
            {SIGNER_REGISTRAR,
             offsetof(struct op_freeze_release, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_freeze_release, document),
    .verdicts = {V_UNKNOWN,
                 V_FREEZE_AUTHORITY,
                 V_SECURITY_STATE,
                 V_WITHDRAWN,
                 V_FREEZE_LAPSED,
                 V_QUANTITY,
                 V_LIMIT},
};

static const struct field freeze_renew_fields[] = {
    OP_SECURITY(freeze_renew),
    FIELD_OF(struct op_freeze_renew, number, FIELD_U64, "freeze number"),
    FIELD_SIZED(struct op_freeze_renew,
                authority,
                FIELD_CODE,
                CODE_MAX,
                "code of the authority"),
    FIELD_OF(struct op_freeze_renew,
             to,
             FIELD_DATE,
             "new last day, at most three years from today"),
    OP_DOCUMENT(freeze_renew, "hash of the renewal notice"),
};
static const struct schema freeze_renew_schema =
    SCHEMA("freeze_renew",
           struct op_freeze_renew,
           freeze_renew_fields,
           "Renew a freeze before it ends; its rank stays.");
const struct op_def op_def_freeze_renew = {
    .kind = OP_FREEZE_RENEW,
    .is_court = true,
    .document_required = true,
    .schema = &freeze_renew_schema,
    .signers =
        {
            {SIGNER_REGISTRAR,
             offsetof(struct op_freeze_renew, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_freeze_renew, document),
    .verdicts = {V_UNKNOWN,
                 V_FREEZE_AUTHORITY,
                 V_SECURITY_STATE,
                 V_WITHDRAWN,
                 V_FREEZE_TERM,
                 V_FREEZE_LAPSED},
};
