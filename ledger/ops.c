#include "ledger/ops.h"

#include "base/check.h"
#include "chain/mtree.h"
#include "crypto/hash.h"

static const struct field account_item_fields[] = {
    FIELD_OF(struct account_item, account, FIELD_HASH, "account"),
};
const struct schema account_item_schema = SCHEMA(
    "account_item", struct account_item, account_item_fields, "An account.");

static const struct field number_item_fields[] = {
    FIELD_OF(struct number_item, number, FIELD_U64, "number"),
};
const struct schema number_item_schema =
    SCHEMA("number_item",
           struct number_item,
           number_item_fields,
           "A pledge or freeze of the security.");

const struct op_def *const op_table[] = {
#define OP_ENTRY(id, number, name) &op_def_##name,
    OP_LIST(OP_ENTRY)
#undef OP_ENTRY
};
const uint32_t op_table_count = ARRAY_LEN(op_table);

const char *const op_filer_texts[OP_FILERS] = {
    "a maker of the filing institution",
    "a maker of the filing institution, or the validator it runs",
    "nobody else"};

const struct op_def *op_find(uint8_t kind)
{
    static const struct op_def *const by_kind[UINT8_MAX + 1] = {
#define OP_PLACE(id, number, name) [number] = &op_def_##name,
        OP_LIST(OP_PLACE)
#undef OP_PLACE
    };

    return by_kind[kind];
}

const struct op_def *op_find_name(const char *name)
{
    for (uint32_t i = 0; i < op_table_count; i++) {
        if (strcmp(op_table[i]->schema->name, name) == 0)
            return op_table[i];
    }
    return NULL;
}

enum err op_decode(const struct op_def **def,
                   union op_any *out,
                   struct bytes in)
{
    *def = NULL;
    if (in.size == 0)
        return ERR_TRUNCATED;
    *def = op_find(in.at[0]);
    if (*def == NULL)
        return ERR_VERSION;
    return schema_decode(out, (*def)->schema, bytes_of(in.at + 1, in.size - 1));
}

void op_encode(struct writer *w, const struct op_def *def, const void *op)
{
    writer_u8(w, def->kind);
    schema_encode(w, def->schema, op);
}

struct hash account_id_of(const struct hash *chain_id,
                          uint16_t custodian,
                          const uint8_t nonce[16])
{
    uint8_t buf[HASH_BYTES + 2 + 16];
    struct writer w = writer_of(buf, sizeof buf);

    writer_hash(&w, chain_id);
    writer_u16(&w, custodian);
    writer_copy(&w, nonce, 16);
    ASSERT(writer_ok(&w));
    return hash_tagged("equity/ACCOUNT/v1", writer_bytes(&w));
}

struct hash register_line_leaf(const struct register_line *line)
{
    uint8_t buf[64];
    struct writer w = writer_of(buf, sizeof buf);

    schema_encode(&w, &register_line_schema, line);
    ASSERT(writer_ok(&w));
    return mtree_leaf(writer_bytes(&w));
}
