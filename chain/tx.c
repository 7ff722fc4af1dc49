#include "chain/tx.h"

#include "base/check.h"
#include "crypto/hash.h"

struct hash institution_id(uint16_t number)
{
    struct hash id = {{0}};

    id.raw[0] = (uint8_t)(number >> 8);
    id.raw[1] = (uint8_t)number;
    return id;
}

bool institution_number(uint16_t *out, const struct hash *id)
{
    for (size_t i = 2; i < sizeof id->raw; i++) {
        if (id->raw[i] != 0)
            return false;
    }
    *out = (uint16_t)(id->raw[0] << 8 | id->raw[1]);
    return *out != 0;
}

int principal_cmp(const struct principal *a, const struct principal *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return hash_cmp(&a->id, &b->id);
}

static int sig_cmp(const struct tx_sig *a, const struct tx_sig *b)
{
    if (a->principal != b->principal)
        return a->principal < b->principal ? -1 : 1;
    return memcmp(&a->key, &b->key, sizeof a->key);
}

struct hash tx_id_of(struct bytes unsigned_bytes)
{
    return hash_tagged(TX_TAG, unsigned_bytes);
}

struct hash tx_hash_of(struct bytes full_bytes)
{
    return hash_tagged(TX_FULL_TAG, full_bytes);
}

static void read_principals(struct reader *r, struct tx *tx)
{
    const uint32_t count = reader_count(r, TX_PRINCIPALS_MAX, 1 + HASH_BYTES);

    for (uint32_t i = 0; i < count && r->err == ERR_NONE; i++) {
        struct principal *p = &tx->principals[i];
        uint16_t number;

        p->kind = reader_u8(r);
        p->id = reader_hash(r);
        if (r->err != ERR_NONE)
            return;
        if (p->kind < PRINCIPAL_INSTITUTION || p->kind > PRINCIPAL_VALIDATOR ||
            (p->kind == PRINCIPAL_INSTITUTION &&
             !institution_number(&number, &p->id)))
            reader_fail(r, ERR_RANGE);
        else if (i > 0 && principal_cmp(p - 1, p) >= 0)
            reader_fail(r, ERR_ORDER);
    }
    if (r->err == ERR_NONE && count == 0)
        reader_fail(r, ERR_RANGE);
    tx->principal_count = count;
}

static void read_ops(struct reader *r, struct tx *tx)
{
    const uint32_t count = reader_count(r, TX_OPS_MAX, 5);

    for (uint32_t i = 0; i < count && r->err == ERR_NONE; i++) {
        tx->ops[i] = reader_vec(r, TX_BYTES_MAX);
        if (r->err == ERR_NONE && tx->ops[i].size == 0)
            reader_fail(r, ERR_RANGE);
    }
    if (r->err == ERR_NONE && count == 0)
        reader_fail(r, ERR_RANGE);
    tx->op_count = count;
}

static void read_sigs(struct reader *r, struct tx *tx)
{
    const uint32_t count =
        reader_count(r, TX_SIGS_MAX, 2 + PUBKEY_BYTES + SIGNATURE_BYTES);

    for (uint32_t i = 0; i < count && r->err == ERR_NONE; i++) {
        struct tx_sig *s = &tx->sigs[i];

        s->principal = reader_u8(r);
        s->key_type = reader_u8(r);
        reader_copy(r, s->key.raw, sizeof s->key.raw);
        reader_copy(r, s->sig.raw, sizeof s->sig.raw);
        if (r->err != ERR_NONE)
            return;
        if (s->principal >= tx->principal_count)
            reader_fail(r, ERR_RANGE);
        else if (i > 0 && sig_cmp(s - 1, s) >= 0)
            reader_fail(r, ERR_ORDER);
    }
    tx->sig_count = count;
}

enum err tx_decode(struct tx *out, struct bytes in)
{
    struct reader r = reader_of(in);
    enum err e;

    out->principal_count = 0;
    out->op_count = 0;
    out->sig_count = 0;
    if (in.size > TX_BYTES_MAX)
        reader_fail(&r, ERR_RANGE);
    if (reader_u8(&r) != TX_VERSION)
        reader_fail(&r, in.size == 0 ? ERR_TRUNCATED : ERR_VERSION);
    out->chain_id = reader_hash(&r);
    out->institution = reader_u16(&r);
    out->reference.day = reader_u32(&r);
    reader_copy(&r, out->reference.serial, SERIAL_BYTES);
    out->valid_until = reader_u32(&r);
    reader_copy(&r, out->salt, SALT_BYTES);
    read_principals(&r, out);
    read_ops(&r, out);
    out->unsigned_bytes = bytes_of(in.at, in.size - r.left);
    read_sigs(&r, out);
    e = reader_finish(&r);
    if (e != ERR_NONE) {
        memset(out, 0, sizeof *out);
        return e;
    }
    out->full_bytes = in;
    out->id = tx_id_of(out->unsigned_bytes);
    out->hash = tx_hash_of(in);
    return ERR_NONE;
}

void tx_encode_unsigned(struct writer *w, const struct tx *tx)
{
    writer_u8(w, TX_VERSION);
    writer_hash(w, &tx->chain_id);
    writer_u16(w, tx->institution);
    writer_u32(w, tx->reference.day);
    writer_copy(w, tx->reference.serial, SERIAL_BYTES);
    writer_u32(w, tx->valid_until);
    writer_copy(w, tx->salt, SALT_BYTES);
    ASSERT(tx->principal_count <= TX_PRINCIPALS_MAX);
    writer_u32(w, tx->principal_count);
    for (uint32_t i = 0; i < tx->principal_count; i++) {
        writer_u8(w, tx->principals[i].kind);
        writer_hash(w, &tx->principals[i].id);
    }
    ASSERT(tx->op_count <= TX_OPS_MAX);
    writer_u32(w, tx->op_count);
    for (uint32_t i = 0; i < tx->op_count; i++)
        writer_vec(w, tx->ops[i]);
}

void tx_encode(struct writer *w, const struct tx *tx)
{
    tx_encode_unsigned(w, tx);
    ASSERT(tx->sig_count <= TX_SIGS_MAX);
    writer_u32(w, tx->sig_count);
    for (uint32_t i = 0; i < tx->sig_count; i++) {
        const struct tx_sig *s = &tx->sigs[i];

        writer_u8(w, s->principal);
        writer_u8(w, s->key_type);
        writer_copy(w, s->key.raw, sizeof s->key.raw);
        writer_copy(w, s->sig.raw, sizeof s->sig.raw);
    }
}

void tx_sort_principals(struct tx *tx)
{
    for (uint32_t i = 1; i < tx->principal_count; i++) {
        const struct principal p = tx->principals[i];
        uint32_t k = i;

        for (; k > 0 && principal_cmp(&p, &tx->principals[k - 1]) < 0; k--)
            tx->principals[k] = tx->principals[k - 1];
        tx->principals[k] = p;
    }
}

void tx_sort_sigs(struct tx *tx)
{
    for (uint32_t i = 1; i < tx->sig_count; i++) {
        const struct tx_sig s = tx->sigs[i];
        uint32_t k = i;

        for (; k > 0 && sig_cmp(&s, &tx->sigs[k - 1]) < 0; k--)
            tx->sigs[k] = tx->sigs[k - 1];
        tx->sigs[k] = s;
    }
}

enum err tx_sign(struct tx *tx, uint8_t principal, const struct secret *secret)
{
    struct tx_sig s = {.principal = principal, .key_type = KEY_TYPE_SECP256K1};

    ASSERT(principal < tx->principal_count);
    if (tx->sig_count >= TX_SIGS_MAX)
        return ERR_FULL;
    TRY(key_public(&s.key, secret));
    for (uint32_t i = 0; i < tx->sig_count; i++) {
        if (sig_cmp(&tx->sigs[i], &s) == 0)
            return ERR_EXISTS;
    }
    TRY(key_sign(&s.sig, secret, &tx->id));
    tx->sigs[tx->sig_count++] = s;
    tx_sort_sigs(tx);
    return ERR_NONE;
}

enum err tx_check_sigs(const struct tx *tx, uint32_t *bad)
{
    for (uint32_t i = 0; i < tx->sig_count; i++) {
        const struct tx_sig *s = &tx->sigs[i];

        if (s->key_type != KEY_TYPE_SECP256K1 ||
            !key_verify(&s->key, &tx->id, &s->sig)) {
            if (bad != NULL)
                *bad = i;
            return ERR_SIGNATURE;
        }
    }
    return ERR_NONE;
}
