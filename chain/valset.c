#include "chain/valset.h"

#include "base/check.h"
#include "crypto/hash.h"

static const struct field validator_fields[] = {
    FIELD_SIZED(struct validator,
                key,
                FIELD_FIXED,
                PUBKEY_BYTES,
                "consensus public key, compressed secp256k1"),
    FIELD_OF(struct validator,
             spki_hash,
             FIELD_HASH,
             "SHA-256 of the transport key's SubjectPublicKeyInfo"),
    FIELD_OF(struct validator,
             institution,
             FIELD_U16,
             "number of the institution that runs it"),
};
const struct schema validator_schema =
    SCHEMA("validator",
           struct validator,
           validator_fields,
           "One validator: its keys and its institution.");

static const struct field valset_fields[] = {
    FIELD_OF(struct valset, epoch, FIELD_U64, "epoch the set is valid in"),
    FIELD_LIST_OF(struct valset,
                  list,
                  count,
                  VALIDATORS_MAX,
                  &validator_schema,
                  "validators, ascending by key"),
};
const struct schema valset_schema = SCHEMA("validator_set",
                                           struct valset,
                                           valset_fields,
                                           "The validators of one epoch.");

uint32_t valset_faulty(uint32_t n)
{
    ASSERT(n >= 1);
    return (n - 1) / 3;
}

uint32_t valset_quorum(uint32_t n)
{
    return n - valset_faulty(n);
}

struct hash valset_hash(const struct valset *v)
{
    uint8_t buf[16 + VALIDATORS_MAX * sizeof(struct validator)];
    struct writer w = writer_of(buf, sizeof buf);

    schema_encode(&w, &valset_schema, v);
    ASSERT(writer_ok(&w));
    return hash_tagged(VALSET_TAG, writer_bytes(&w));
}

enum err valset_check(const struct valset *v)
{
    if (v->count < 1 || v->count > VALIDATORS_MAX)
        return ERR_RANGE;
    for (uint32_t i = 0; i < v->count; i++) {
        if (!key_is_valid(&v->list[i].key))
            return ERR_RANGE;
        if (i > 0 &&
            memcmp(v->list[i - 1].key.raw, v->list[i].key.raw, PUBKEY_BYTES) >=
                0)
            return ERR_ORDER;
        for (uint32_t k = 0; k < i; k++) {
            if (hash_eq(&v->list[k].spki_hash, &v->list[i].spki_hash))
                return ERR_RANGE;
        }
    }
    return ERR_NONE;
}

int valset_find(const struct valset *v, const struct pubkey *key)
{
    for (uint32_t i = 0; i < v->count; i++) {
        if (memcmp(&v->list[i].key, key, sizeof *key) == 0)
            return (int)i;
    }
    return -1;
}

struct hash validator_id(const struct pubkey *key)
{
    return hash_tagged(VALIDATOR_TAG, bytes_of(key->raw, sizeof key->raw));
}

struct valset_margin valset_margin_of(uint32_t count,
                                      uint32_t leave,
                                      uint32_t join,
                                      uint32_t ready)
{
    struct valset_margin m = {
        .ready = ready, .join = join, .faulty = valset_faulty(count)};

    ASSERT(leave <= count && count - leave + join >= 1);
    m.stay = count - leave;
    ASSERT(ready <= m.stay);
    m.down = m.stay - ready < m.faulty ? m.stay - ready : m.faulty;
    m.quorum = valset_quorum(m.stay + join);
    m.margin = (int32_t)(m.stay + join) - (int32_t)(m.down + m.quorum);
    return m;
}

uint32_t valset_change_max(uint32_t n)
{
    const uint32_t f = valset_faulty(n);

    return f > 1 ? f : 1;
}

uint64_t valset_leader_seed(const struct hash *chain_id,
                            uint64_t epoch,
                            const struct hash *sealing_block)
{
    uint8_t buf[72];
    struct writer w = writer_of(buf, sizeof buf);
    struct hash h;
    struct reader r;

    writer_hash(&w, chain_id);
    writer_u64(&w, epoch);
    writer_hash(&w, sealing_block);
    h = hash_tagged(LEADER_TAG, writer_bytes(&w));
    r = reader_of(bytes_of(h.raw, sizeof h.raw));
    return reader_u64(&r);
}

uint32_t valset_leader(uint32_t n, uint64_t seed, uint64_t view)
{
    return (uint32_t)((seed % n + view % n) % n);
}
