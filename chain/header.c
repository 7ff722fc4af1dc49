#include "chain/header.h"

#include "base/check.h"
#include "chain/mtree.h"
#include "crypto/hash.h"

static const struct field header_fields[] = {
    FIELD_OF(struct header, version, FIELD_U16, "format version, 1"),
    FIELD_OF(struct header,
             flags,
             FIELD_U16,
             "bit 0: SEAL, the last block of its epoch"),
    FIELD_OF(struct header, chain_id, FIELD_HASH, "hash of the genesis"),
    FIELD_OF(struct header, epoch, FIELD_U64, "validator set in force"),
    FIELD_OF(struct header, view, FIELD_U64, "view of the first proposal"),
    FIELD_OF(struct header, height, FIELD_U64, "number of the block"),
    FIELD_OF(struct header,
             time_ms,
             FIELD_TIME,
             "the leader's clock, later than the parent's"),
    FIELD_OF(struct header,
             proposer,
             FIELD_U16,
             "index of the leader in the validator set"),
    FIELD_OF(struct header, parent_hash, FIELD_HASH, "hash of the parent"),
    FIELD_OF(struct header,
             header_log_size,
             FIELD_U64,
             "headers the log root covers: 0..height-1"),
    FIELD_OF(struct header,
             header_log_root,
             FIELD_HASH,
             "RFC 9162 root over the hashes of all earlier blocks"),
    FIELD_OF(struct header,
             tx_root,
             FIELD_HASH,
             "RFC 9162 root over the full transaction bytes"),
    FIELD_OF(struct header, tx_count, FIELD_U32, "transactions in the body"),
    FIELD_OF(struct header, body_bytes, FIELD_U32, "size of the body, bytes"),
    FIELD_OF(struct header,
             state_root,
             FIELD_HASH,
             "root of the state after this block"),
    FIELD_OF(struct header,
             change_root,
             FIELD_HASH,
             "RFC 9162 root over the sorted changes of rows"),
    FIELD_OF(struct header,
             validators_hash,
             FIELD_HASH,
             "hash of the validator set"),
    FIELD_OF(struct header,
             next_validators_hash,
             FIELD_HASH,
             "the same unless SEAL"),
    FIELD_OF(struct header,
             params_hash,
             FIELD_HASH,
             "hash of the consensus parameters"),
};
const struct schema header_schema =
    SCHEMA("header",
           struct header,
           header_fields,
           "The header of a block; it commits to the state after it.");

size_t header_encode(uint8_t *out, const struct header *h)
{
    struct writer w = writer_of(out, HEADER_BYTES_MAX);

    schema_encode(&w, &header_schema, h);
    ASSERT(writer_ok(&w));
    return w.size;
}

struct hash header_hash(const struct header *h)
{
    uint8_t buf[HEADER_BYTES_MAX];
    const size_t size = header_encode(buf, h);

    return hash_tagged(BLOCK_TAG, bytes_of(buf, size));
}

enum err header_decode(struct header *out, struct bytes in)
{
    const enum err e = schema_decode(out, &header_schema, in);

    if (e == ERR_NONE && out->version != HEADER_VERSION) {
        memset(out, 0, sizeof *out);
        return ERR_VERSION;
    }
    return e;
}

enum err body_split(struct body *out, struct bytes in)
{
    struct reader r = reader_of(in);
    enum err e;

    out->count = 0;
    if (in.size > BLOCK_BODY_BYTES_MAX)
        return ERR_RANGE;
    out->count = reader_count(&r, BLOCK_TXS_MAX, 4);
    for (uint32_t i = 0; i < out->count; i++) {
        out->txs[i] = reader_vec(&r, TX_BYTES_MAX);
        if (r.err == ERR_NONE && out->txs[i].size == 0)
            reader_fail(&r, ERR_RANGE);
    }
    e = reader_finish(&r);
    if (e != ERR_NONE)
        out->count = 0;
    return e;
}

size_t body_bytes_of(uint32_t count, size_t tx_bytes)
{
    return 4 + (size_t)count * 4 + tx_bytes;
}

struct hash body_tx_root(const struct body *b)
{
    struct mtree_log log = {0};

    for (uint32_t i = 0; i < b->count; i++) {
        const struct hash leaf = mtree_leaf(b->txs[i]);

        mtree_log_append(&log, &leaf);
    }
    return mtree_log_root(&log);
}
