/* ops_fields.h - the fields that many operations have (private to ledger/). */
#ifndef LEDGER_OPS_FIELDS_H
#define LEDGER_OPS_FIELDS_H

#include "ledger/ops.h"

#define OP_DOCUMENT(op, text) \
    FIELD_OF(struct op_##op, document, FIELD_HASH, text)
#define OP_SECURITY(op)         \
    FIELD_SIZED(struct op_##op, \
                security,       \
                FIELD_CODE,     \
                CODE_MAX,       \
                "code of the security")
#define OP_POLICY(op, whose)                                        \
    {.name = "threshold",                                           \
     .kind = FIELD_U8,                                              \
     .offset = offsetof(struct op_##op, policy.threshold),          \
     .help = whose " number of keys that must sign; 0 for paper"},  \
    {                                                               \
        .name = "keys", .kind = FIELD_LIST,                         \
        .offset = offsetof(struct op_##op, policy.keys),            \
        .count_offset = offsetof(struct op_##op, policy.key_count), \
        .max = ACCOUNT_KEYS_MAX, .sub = &account_key_schema,        \
        .help = whose " keys, ascending"                            \
    }

#endif /* LEDGER_OPS_FIELDS_H */
