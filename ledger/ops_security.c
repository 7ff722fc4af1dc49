/* The operations on securities. */
#include "ledger/ops_fields.h"

static const struct field security_create_fields[] = {
    FIELD_SIZED(struct op_security_create,
                code,
                FIELD_CODE,
                CODE_MAX,
                "code of the new security"),
    FIELD_OF(
        struct op_security_create, issuer, FIELD_HASH, "account of the issuer"),
    FIELD_OF(struct op_security_create,
             registrar,
             FIELD_U16,
             "institution that keeps the register"),
    FIELD_NAMED(struct op_security_create,
                class,
                FIELD_ENUM,
                security_class_names,
                "class of the security"),
    FIELD_OF(struct op_security_create,
             t_plus,
             FIELD_U8,
             "trading days between buying and selling; 0 = none"),
    FIELD_NAMED(struct op_security_create,
                features,
                FIELD_FLAGS,
                security_feature_names,
                "what is special about it"),
    FIELD_NAMED(struct op_security_create,
                investors,
                FIELD_FLAGS,
                investor_flag_names,
                "classes of investors that may buy; none = everybody"),
    FIELD_OF(struct op_security_create,
             holder_cap,
             FIELD_U32,
             "most holders; 0 = exempt"),
    FIELD_OF(struct op_security_create,
             cap_approval,
             FIELD_HASH,
             "hash of the exemption from the cap"),
    FIELD_OF(struct op_security_create,
             terms,
             FIELD_HASH,
             "hash of the document with its terms"),
    OP_DOCUMENT(security_create, "hash of the custody agreement"),
};
static const struct schema security_create_schema =
    SCHEMA("security_create",
           struct op_security_create,
           security_create_fields,
           "Take a security into custody, as a draft.");
const struct op_def op_def_security_create = {
    .kind = OP_SECURITY_CREATE,
    .document_required = true,
    .schema = &security_create_schema,
    .signers =
        {
            {SIGNER_ACCOUNT,
             offsetof(struct op_security_create, issuer),
             0,
             "issuer"},
            {SIGNER_INSTITUTION,
             offsetof(struct op_security_create, registrar),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_security_create, document),
    .verdicts = {V_UNKNOWN, V_ROLE, V_ACCOUNT_STATE, V_EXISTS, V_POLICY},
};

static const struct field security_list_fields[] = {
    OP_SECURITY(security_list),
    FIELD_OF(struct op_security_list,
             tier,
             FIELD_U8,
             "board of the market, 1 to 255"),
    OP_DOCUMENT(security_list, "hash of the approval"),
};
static const struct schema security_list_schema = SCHEMA(
    "security_list",
    struct op_security_list,
    security_list_fields,
    "List a security on a board of the market, or move it to another tier.");
const struct op_def op_def_security_list = {
    .kind = OP_SECURITY_LIST,
    .schema = &security_list_schema,
    .signers =
        {
            {SIGNER_ISSUER,
             offsetof(struct op_security_list, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_security_list, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_security_list, document),
    .verdicts = {V_UNKNOWN, V_SECURITY_STATE, V_WITHDRAWN, V_QUANTITY},
};

static const struct field security_delist_fields[] = {
    OP_SECURITY(security_delist),
    OP_DOCUMENT(security_delist, "hash of the decision"),
};
static const struct schema security_delist_schema =
    SCHEMA("security_delist",
           struct op_security_delist,
           security_delist_fields,
           "Take a security off its board; it stays registered.");
const struct op_def op_def_security_delist = {
    .kind = OP_SECURITY_DELIST,
    .schema = &security_delist_schema,
    .signers =
        {
            {SIGNER_ISSUER,
             offsetof(struct op_security_delist, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_security_delist, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_security_delist, document),
    .verdicts = {V_UNKNOWN, V_SECURITY_STATE, V_WITHDRAWN},
};

static const struct field security_suspend_fields[] = {
    OP_SECURITY(security_suspend),
    OP_DOCUMENT(security_suspend, "hash of the decision"),
};
static const struct schema security_suspend_schema =
    SCHEMA("security_suspend",
           struct op_security_suspend,
           security_suspend_fields,
           "Suspend transfers of a security.");
const struct op_def op_def_security_suspend = {
    .kind = OP_SECURITY_SUSPEND,
    .schema = &security_suspend_schema,
    .signers =
        {
            {SIGNER_REGISTRAR,
             offsetof(struct op_security_suspend, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_security_suspend, document),
    .verdicts = {V_UNKNOWN, V_SECURITY_STATE, V_WITHDRAWN},
};

static const struct field security_resume_fields[] = {
    OP_SECURITY(security_resume),
    OP_DOCUMENT(security_resume, "hash of the decision"),
};
static const struct schema security_resume_schema =
    SCHEMA("security_resume",
           struct op_security_resume,
           security_resume_fields,
           "Resume transfers of a suspended security.");
const struct op_def op_def_security_resume = {
    .kind = OP_SECURITY_RESUME,
    .schema = &security_resume_schema,
    .signers =
        {
            {SIGNER_REGISTRAR,
             offsetof(struct op_security_resume, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_security_resume, document),
    .verdicts = {V_UNKNOWN, V_SECURITY_STATE, V_WITHDRAWN},
};

static const struct field security_change_fields[] = {
    OP_SECURITY(security_change),
    FIELD_OF(struct op_security_change,
             t_plus,
             FIELD_U8,
             "trading days between buying and selling; 0 = none"),
    FIELD_NAMED(struct op_security_change,
                features,
                FIELD_FLAGS,
                security_feature_names,
                "what is special about it"),
    FIELD_NAMED(struct op_security_change,
                investors,
                FIELD_FLAGS,
                investor_flag_names,
                "classes of investors that may buy; none = everybody"),
    FIELD_OF(struct op_security_change,
             holder_cap,
             FIELD_U32,
             "most holders; 0 = exempt"),
    FIELD_OF(struct op_security_change,
             cap_approval,
             FIELD_HASH,
             "hash of the exemption from the cap"),
    OP_DOCUMENT(security_change, "hash of the resolution"),
};
static const struct schema security_change_schema =
    SCHEMA("security_change",
           struct op_security_change,
           security_change_fields,
           "Change a security's parameters.");
const struct op_def op_def_security_change = {
    .kind = OP_SECURITY_CHANGE,
    .schema = &security_change_schema,
    .signers =
        {
            {SIGNER_ISSUER,
             offsetof(struct op_security_change, security),
             0,
             "issuer"},
            {SIGNER_REGISTRAR,
             offsetof(struct op_security_change, security),
             0,
             "registrar's maker and checker"},
        },
    .document_offset = offsetof(struct op_security_change, document),
    .verdicts = {V_UNKNOWN, V_POLICY, V_SECURITY_STATE, V_WITHDRAWN},
};
