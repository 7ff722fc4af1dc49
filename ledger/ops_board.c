/* The transfer to another board. */
#include "ledger/ops_fields.h"

static const struct field board_open_fields[] = {
    OP_SECURITY(board_open),
    FIELD_SIZED(struct op_board_open,
                new_code,
                FIELD_CODE,
                CODE_MAX,
                "code on the new board"),
    FIELD_OF(struct op_board_open, tier, FIELD_U8, "the new board"),
    OP_DOCUMENT(board_open, "hash of the approval"),
};
static const struct schema board_open_schema =
    SCHEMA("board_open",
           struct op_board_open,
           board_open_fields,
           "Begin a transfer to another board under a new code; the old code "
           "stands still.");
const struct op_def op_def_board_open = {
    .kind = OP_BOARD_OPEN,
    .schema = &board_open_schema,
    .signers =
        {
            {SIGNER_ISSUER,
             offsetof(struct op_board_open, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_board_open, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_board_open, document),
    .verdicts = {V_UNKNOWN,
                 V_EXISTS,
                 V_NOT_EMPTY,
                 V_SECURITY_STATE,
                 V_WITHDRAWN,
                 V_QUANTITY},
};

static const struct field board_move_fields[] = {
    OP_SECURITY(board_move),
    FIELD_LIST_OF(struct op_board_move,
                  accounts,
                  account_count,
                  OP_LINES_MAX,
                  &account_item_schema,
                  "holders whose positions move"),
    FIELD_LIST_OF(struct op_board_move,
                  pledges,
                  pledge_count,
                  OP_LINES_MAX,
                  &number_item_schema,
                  "pledges that move"),
    FIELD_LIST_OF(struct op_board_move,
                  freezes,
                  freeze_count,
                  OP_LINES_MAX,
                  &number_item_schema,
                  "freezes that move"),
};
static const struct schema board_move_schema =
    SCHEMA("board_move",
           struct op_board_move,
           board_move_fields,
           "Carry a slice of holdings, pledges and freezes over to the new "
           "code, one to one.");
const struct op_def op_def_board_move = {
    .kind = OP_BOARD_MOVE,
    .schema = &board_move_schema,
    .signers =
        {
            {SIGNER_REGISTRAR,
             offsetof(struct op_board_move, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = OP_NO_DOCUMENT,
    .verdicts = {V_UNKNOWN, V_SECURITY_STATE, V_WITHDRAWN, V_LIMIT},
};

static const struct field board_confirm_fields[] = {
    OP_SECURITY(board_confirm),
    OP_DOCUMENT(board_confirm, "hash of the confirmation"),
};
static const struct schema board_confirm_schema =
    SCHEMA("board_confirm",
           struct op_board_confirm,
           board_confirm_fields,
           "End a board transfer when nothing is left under the old code.");
const struct op_def op_def_board_confirm = {
    .kind = OP_BOARD_CONFIRM,
    .schema = &board_confirm_schema,
    .signers =
        {
            {SIGNER_ISSUER,
             offsetof(struct op_board_confirm, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_board_confirm, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_board_confirm, document),
    .verdicts = {V_UNKNOWN, V_NOT_EMPTY, V_SECURITY_STATE, V_WITHDRAWN},
};

static const struct field board_cancel_fields[] = {
    OP_SECURITY(board_cancel),
    OP_DOCUMENT(board_cancel, "hash of the decision"),
};
static const struct schema board_cancel_schema =
    SCHEMA("board_cancel",
           struct op_board_cancel,
           board_cancel_fields,
           "Give up a board transfer before anything moved.");
const struct op_def op_def_board_cancel = {
    .kind = OP_BOARD_CANCEL,
    .schema = &board_cancel_schema,
    .signers =
        {
            {SIGNER_ISSUER,
             offsetof(struct op_board_cancel, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_board_cancel, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_board_cancel, document),
    .verdicts = {V_UNKNOWN, V_NOT_EMPTY, V_SECURITY_STATE, V_WITHDRAWN},
};
