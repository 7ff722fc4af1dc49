/* The operations on institutions, authorities and the calendar. */
#include "ledger/ops_fields.h"

static const struct field institution_open_fields[] = {
    FIELD_OF(struct op_institution_open,
             number,
             FIELD_U16,
             "number of the new institution, 1 to 65535"),
    FIELD_SIZED(
        struct op_institution_open, code, FIELD_CODE, CODE_MAX, "short name"),
    FIELD_NAMED(struct op_institution_open,
                roles,
                FIELD_FLAGS,
                institution_role_names,
                "what it may do"),
    FIELD_LIST_OF(struct op_institution_open,
                  keys,
                  key_count,
                  INSTITUTION_KEYS_MAX,
                  &institution_key_schema,
                  "its keys; maker and checker are two different ones"),
};
static const struct schema institution_open_schema =
    SCHEMA("institution_open",
           struct op_institution_open,
           institution_open_fields,
           "Admit an institution with its roles.");
const struct op_def op_def_institution_open = {
    .kind = OP_INSTITUTION_OPEN,
    .schema = &institution_open_schema,
    .signers =
        {
            {SIGNER_GOVERNANCE,
             0,
             0,
             "operators of a quorum of validator institutions"},
        },
    .document_offset = OP_NO_DOCUMENT,
    .verdicts = {V_EXISTS, V_POLICY},
};

static const struct field void_fields[] = {
    FIELD_OF(struct op_void,
             voided,
             FIELD_HASH,
             "id of the transaction with the same reference"),
};
static const struct schema void_schema =
    SCHEMA("void",
           struct op_void,
           void_fields,
           "Kill a pending transaction by using up its reference.");
const struct op_def op_def_void = {
    .kind = OP_VOID,
    .schema = &void_schema,
    .document_offset = OP_NO_DOCUMENT,
};

static const struct field institution_change_fields[] = {
    FIELD_OF(struct op_institution_change,
             number,
             FIELD_U16,
             "number of the institution"),
    FIELD_NAMED(struct op_institution_change,
                roles,
                FIELD_FLAGS,
                institution_role_names,
                "what it may do from now on"),
    FIELD_LIST_OF(struct op_institution_change,
                  keys,
                  key_count,
                  INSTITUTION_KEYS_MAX,
                  &institution_key_schema,
                  "its keys from now on"),
};
static const struct schema institution_change_schema =
    SCHEMA("institution_change",
           struct op_institution_change,
           institution_change_fields,
           "Grant and revoke an institution's roles and keys.");
const struct op_def op_def_institution_change = {
    .kind = OP_INSTITUTION_CHANGE,
    .schema = &institution_change_schema,
    .signers =
        {
            {SIGNER_GOVERNANCE,
             0,
             0,
             "operators of a quorum of validator institutions"},
        },
    .document_offset = OP_NO_DOCUMENT,
    .verdicts = {V_UNKNOWN, V_POLICY},
};

static const struct field authority_set_fields[] = {
    FIELD_SIZED(struct op_authority_set,
                code,
                FIELD_CODE,
                CODE_MAX,
                "code of the body"),
    FIELD_NAMED(struct op_authority_set,
                type,
                FIELD_ENUM,
                authority_type_names,
                "kind of body"),
    FIELD_SIZED(struct op_authority_set,
                superior,
                FIELD_CODE,
                CODE_MAX,
                "code of its superior; its own if it has none"),
};
static const struct schema authority_set_schema =
    SCHEMA("authority_set",
           struct op_authority_set,
           authority_set_fields,
           "Name a body whose orders are carried out, or change its superior.");
const struct op_def op_def_authority_set = {
    .kind = OP_AUTHORITY_SET,
    .schema = &authority_set_schema,
    .signers =
        {
            {SIGNER_GOVERNANCE,
             0,
             0,
             "operators of a quorum of validator institutions"},
        },
    .document_offset = OP_NO_DOCUMENT,
    .verdicts = {V_UNKNOWN},
};

static const struct field calendar_set_fields[] = {
    FIELD_OF(struct op_calendar_set, year, FIELD_U16, "year"),
    FIELD_SIZED(struct op_calendar_set,
                trading,
                FIELD_FIXED,
                YEAR_MAP_BYTES,
                "bit i: day i of the year trades"),
};
static const struct schema calendar_set_schema =
    SCHEMA("calendar_set",
           struct op_calendar_set,
           calendar_set_fields,
           "Set the trading days of a year.");
const struct op_def op_def_calendar_set = {
    .kind = OP_CALENDAR_SET,
    .schema = &calendar_set_schema,
    .signers =
        {
            {SIGNER_GOVERNANCE,
             0,
             0,
             "operators of a quorum of validator institutions"},
        },
    .document_offset = OP_NO_DOCUMENT,
    .verdicts = {V_DATE},
};
