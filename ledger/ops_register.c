/* The operations that load the first register. */
#include "ledger/ops_fields.h"

static const struct field register_line_fields[] = {
    FIELD_OF(struct register_line, account, FIELD_HASH, "holder's account"),
    FIELD_OF(struct register_line, nature, FIELD_U8, "nature code, 0 to 99"),
    FIELD_OF(struct register_line, quantity, FIELD_QTY, "shares"),
    FIELD_OF(struct register_line, acquired, FIELD_DATE, "day of acquisition"),
};
const struct schema register_line_schema = SCHEMA("register_line",
                                                  struct register_line,
                                                  register_line_fields,
                                                  "One line of a register.");

static const struct field register_open_fields[] = {
    OP_SECURITY(register_open),
    FIELD_OF(struct op_register_open,
             issued,
             FIELD_QTY,
             "shares issued: what the lines must add up to"),
    FIELD_OF(struct op_register_open,
             line_count,
             FIELD_U32,
             "lines of the register"),
    FIELD_OF(struct op_register_open,
             root,
             FIELD_HASH,
             "RFC 9162 root over the canonical bytes of the lines"),
    OP_DOCUMENT(register_open, "hash of the issuer's resolution"),
};
static const struct schema register_open_schema =
    SCHEMA("register_open",
           struct op_register_open,
           register_open_fields,
           "Declare the first register of a draft security.");
const struct op_def op_def_register_open = {
    .kind = OP_REGISTER_OPEN,
    .schema = &register_open_schema,
    .signers =
        {
            {SIGNER_ISSUER,
             offsetof(struct op_register_open, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_register_open, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_register_open, document),
    .verdicts = {V_UNKNOWN, V_SECURITY_STATE, V_WITHDRAWN, V_QUANTITY},
};

static const struct field register_lines_fields[] = {
    OP_SECURITY(register_lines),
    FIELD_OF(struct op_register_lines,
             first,
             FIELD_U32,
             "index of the first line here"),
    FIELD_LIST_OF(struct op_register_lines,
                  lines,
                  line_count,
                  OP_LINES_MAX,
                  &register_line_schema,
                  "the lines"),
};
static const struct schema register_lines_schema =
    SCHEMA("register_lines",
           struct op_register_lines,
           register_lines_fields,
           "Load a slice of the declared register.");
const struct op_def op_def_register_lines = {
    .kind = OP_REGISTER_LINES,
    .schema = &register_lines_schema,
    .signers =
        {
            {SIGNER_REGISTRAR,
             offsetof(struct op_register_lines, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = OP_NO_DOCUMENT,
    .verdicts = {V_UNKNOWN,
                 V_ACCOUNT_STATE,
                 V_SECURITY_STATE,
                 V_WITHDRAWN,
                 V_LINES_ORDER,
                 V_DATE,
                 V_QUANTITY,
                 V_SUM_MISMATCH,
                 V_DUPLICATE_HOLDER,
                 V_LIMIT},
};

static const struct field register_confirm_fields[] = {
    OP_SECURITY(register_confirm),
    OP_DOCUMENT(register_confirm, "hash of the issuer's confirmation"),
};
static const struct schema register_confirm_schema =
    SCHEMA("register_confirm",
           struct op_register_confirm,
           register_confirm_fields,
           "Confirm the loaded register; count, sum, root and cap must agree.");
const struct op_def op_def_register_confirm = {
    .kind = OP_REGISTER_CONFIRM,
    .schema = &register_confirm_schema,
    .signers =
        {
            {SIGNER_ISSUER,
             offsetof(struct op_register_confirm, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_register_confirm, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_register_confirm, document),
    .verdicts = {V_UNKNOWN,
                 V_SECURITY_STATE,
                 V_WITHDRAWN,
                 V_SUM_MISMATCH,
                 V_ROOT_MISMATCH,
                 V_HOLDER_CAP},
};

static const struct field register_cancel_fields[] = {
    OP_SECURITY(register_cancel),
    FIELD_LIST_OF(struct op_register_cancel,
                  accounts,
                  account_count,
                  OP_LINES_MAX,
                  &account_item_schema,
                  "holders whose lines are taken out"),
};
static const struct schema register_cancel_schema =
    SCHEMA("register_cancel",
           struct op_register_cancel,
           register_cancel_fields,
           "Take loaded lines out again; without lines left, the draft ends.");
const struct op_def op_def_register_cancel = {
    .kind = OP_REGISTER_CANCEL,
    .schema = &register_cancel_schema,
    .signers =
        {
            {SIGNER_REGISTRAR,
             offsetof(struct op_register_cancel, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = OP_NO_DOCUMENT,
    .verdicts = {V_UNKNOWN, V_SECURITY_STATE, V_WITHDRAWN, V_LIMIT},
};
