/* Title, locks and officers. */
#include "ledger/ops_fields.h"

static const struct field title_confirm_fields[] = {
    OP_SECURITY(title_confirm),
    FIELD_OF(
        struct op_title_confirm, from, FIELD_HASH, "unconfirmed-title account"),
    FIELD_OF(struct op_title_confirm, to, FIELD_HASH, "holder's account"),
    FIELD_OF(struct op_title_confirm, quantity, FIELD_QTY, "shares"),
    FIELD_OF(
        struct op_title_confirm, nature, FIELD_U8, "nature code of the shares"),
    OP_DOCUMENT(title_confirm, "hash of the evidence"),
};
static const struct schema title_confirm_schema =
    SCHEMA("title_confirm",
           struct op_title_confirm,
           title_confirm_fields,
           "Confirm the title to shares that were registered without one.");
const struct op_def op_def_title_confirm = {
    .kind = OP_TITLE_CONFIRM,
    .document_required = true,
    .schema = &title_confirm_schema,
    .signers =
        {
            {SIGNER_ACCOUNT,
             offsetof(struct op_title_confirm, to),
             0,
             "holder"},
            {SIGNER_ISSUER,
             offsetof(struct op_title_confirm, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_title_confirm, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_title_confirm, document),
    .touches = {offsetof(struct op_title_confirm, from)},
    .verdicts = {V_UNKNOWN,
                 V_ACCOUNT_STATE,
                 V_SECURITY_STATE,
                 V_WITHDRAWN,
                 V_REGISTER_CLOSED,
                 V_QUANTITY,
                 V_AVAILABLE,
                 V_LIMIT},
};

static const struct field lock_set_fields[] = {
    OP_SECURITY(lock_set),
    FIELD_OF(struct op_lock_set, account, FIELD_HASH, "holder's account"),
    FIELD_OF(
        struct op_lock_set, quantity, FIELD_QTY, "shares, not locked so far"),
    FIELD_OF(struct op_lock_set,
             until,
             FIELD_DATE,
             "first day on which they are free"),
    OP_DOCUMENT(lock_set, "hash of the undertaking or list"),
};
static const struct schema lock_set_schema =
    SCHEMA("lock_set",
           struct op_lock_set,
           lock_set_fields,
           "Lock shares until a day, by statute or undertaking.");
const struct op_def op_def_lock_set = {
    .kind = OP_LOCK_SET,
    .document_required = true,
    .schema = &lock_set_schema,
    .signers =
        {
            {SIGNER_ISSUER,
             offsetof(struct op_lock_set, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_lock_set, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_lock_set, document),
    .touches = {offsetof(struct op_lock_set, account)},
    .verdicts = {V_UNKNOWN,
                 V_ACCOUNT_STATE,
                 V_SECURITY_STATE,
                 V_WITHDRAWN,
                 V_DATE,
                 V_QUANTITY,
                 V_AVAILABLE,
                 V_LIMIT},
};

static const struct field lock_lift_fields[] = {
    OP_SECURITY(lock_lift),
    FIELD_OF(struct op_lock_lift, account, FIELD_HASH, "holder's account"),
    FIELD_OF(struct op_lock_lift, quantity, FIELD_QTY, "shares"),
    FIELD_OF(struct op_lock_lift,
             until,
             FIELD_DATE,
             "day of the lock that is lifted"),
    OP_DOCUMENT(lock_lift, "hash of the grounds"),
};
static const struct schema lock_lift_schema =
    SCHEMA("lock_lift",
           struct op_lock_lift,
           lock_lift_fields,
           "Lift a lock before its day.");
const struct op_def op_def_lock_lift = {
    .kind = OP_LOCK_LIFT,
    .document_required = true,
    .schema = &lock_lift_schema,
    .signers =
        {
            {SIGNER_ISSUER,
             offsetof(struct op_lock_lift, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_lock_lift, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_lock_lift, document),
    .touches = {offsetof(struct op_lock_lift, account)},
    .verdicts = {V_UNKNOWN,
                 V_ACCOUNT_STATE,
                 V_SECURITY_STATE,
                 V_WITHDRAWN,
                 V_QUANTITY,
                 V_LOCKED,
                 V_LIMIT},
};

static const struct field insider_set_fields[] = {
    OP_SECURITY(insider_set),
    FIELD_OF(struct op_insider_set, account, FIELD_HASH, "officer's account"),
    FIELD_OF(struct op_insider_set,
             term_end,
             FIELD_DATE,
             "end of the term fixed at appointment; none takes the entry out"),
    FIELD_OF(struct op_insider_set,
             left_day,
             FIELD_DATE,
             "day the office ended; none = in office"),
    OP_DOCUMENT(insider_set, "hash of the report"),
};
static const struct schema insider_set_schema =
    SCHEMA("insider_set",
           struct op_insider_set,
           insider_set_fields,
           "Enter a director, supervisor or officer in the insider list, or "
           "that the office ended.");
const struct op_def op_def_insider_set = {
    .kind = OP_INSIDER_SET,
    .schema = &insider_set_schema,
    .signers =
        {
            {SIGNER_ISSUER,
             offsetof(struct op_insider_set, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_insider_set, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_insider_set, document),
    .touches = {offsetof(struct op_insider_set, account)},
    .verdicts =
        {V_UNKNOWN, V_ACCOUNT_STATE, V_SECURITY_STATE, V_WITHDRAWN, V_DATE},
};
