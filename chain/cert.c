#include "chain/cert.h"

#include "base/check.h"
#include "crypto/hash.h"

bool candidate_eq(const struct candidate *a, const struct candidate *b)
{
    return a->view == b->view && a->parent_view == b->parent_view &&
           a->height == b->height && hash_eq(&a->block, &b->block);
}

const char *const vote_conflict_names[VOTE_CONFLICTS] = {NULL,
                                                         "notarize_twice",
                                                         "nullify_finalize",
                                                         "finalize_twice",
                                                         "notarize_finalize"};

enum vote_conflict vote_conflict_of(uint8_t kind_a,
                                    const struct candidate *a,
                                    uint8_t kind_b,
                                    const struct candidate *b)
{
    const uint8_t low = kind_a < kind_b ? kind_a : kind_b;
    const uint8_t high = kind_a < kind_b ? kind_b : kind_a;

    if (low == VOTE_NULLIFY && high == VOTE_FINALIZE)
        return CONFLICT_NULLIFY;
    if (low == VOTE_NULLIFY || high == VOTE_NULLIFY || candidate_eq(a, b))
        return CONFLICT_NONE;
    if (low != high)
        return CONFLICT_MIXED;
    return low == VOTE_NOTARIZE ? CONFLICT_NOTARIZE : CONFLICT_FINALIZE;
}

static void candidate_encode(struct writer *w, const struct candidate *c)
{
    writer_u64(w, c->view);
    writer_u64(w, c->parent_view);
    writer_u64(w, c->height);
    writer_hash(w, &c->block);
}

static void candidate_read(struct reader *r, struct candidate *c)
{
    c->view = reader_u64(r);
    c->parent_view = reader_u64(r);
    c->height = reader_u64(r);
    c->block = reader_hash(r);
}

/* A vote or certificate to give a view up names nothing but the view. */
bool vote_shape_ok(uint8_t kind, const struct candidate *c)
{
    if (kind < VOTE_NOTARIZE || kind > VOTE_FINALIZE || c->view == 0)
        return false;
    if (kind == VOTE_NULLIFY)
        return c->parent_view == 0 && c->height == 0 && hash_is_zero(&c->block);
    return c->parent_view < c->view;
}

struct hash vote_digest(const struct vote_domain *d,
                        uint8_t kind,
                        uint64_t epoch,
                        const struct candidate *about)
{
    uint8_t buf[160];
    struct writer w = writer_of(buf, sizeof buf);

    writer_hash(&w, &d->chain_id);
    writer_u64(&w, epoch);
    writer_hash(&w, &d->validators_hash);
    writer_u8(&w, kind);
    candidate_encode(&w, about);
    ASSERT(writer_ok(&w));
    return hash_tagged(VOTE_TAG, writer_bytes(&w));
}

enum err vote_sign(struct vote *v,
                   const struct vote_domain *d,
                   const struct secret *secret)
{
    const struct hash digest = vote_digest(d, v->kind, v->epoch, &v->about);

    return key_sign(&v->sig, secret, &digest);
}

enum err vote_check(const struct vote *v, const struct vote_domain *d)
{
    struct hash digest;

    if (!vote_shape_ok(v->kind, &v->about) || v->signer >= d->set->count)
        return ERR_RANGE;
    if (v->epoch != d->set->epoch)
        return ERR_CHAIN;
    digest = vote_digest(d, v->kind, v->epoch, &v->about);
    return key_verify(&d->set->list[v->signer].key, &digest, &v->sig)
               ? ERR_NONE
               : ERR_SIGNATURE;
}

enum err cert_check(const struct cert *c, const struct vote_domain *d)
{
    const uint32_t n = d->set->count;
    struct hash digest;
    uint32_t at = 0;

    if (!vote_shape_ok(c->kind, &c->about) || (n < 32 && c->bitmap >> n != 0))
        return ERR_RANGE;
    if (c->epoch != d->set->epoch)
        return ERR_CHAIN;
    if ((uint32_t)__builtin_popcount(c->bitmap) != valset_quorum(n))
        return ERR_QUORUM;
    digest = vote_digest(d, c->kind, c->epoch, &c->about);
    for (uint32_t i = 0; i < n; i++) {
        if ((c->bitmap >> i & 1) == 0)
            continue;
        if (!key_verify(&d->set->list[i].key, &digest, &c->sigs[at++]))
            return ERR_SIGNATURE;
    }
    return ERR_NONE;
}

void vote_encode(struct writer *w, const struct vote *v)
{
    writer_u8(w, v->kind);
    writer_u64(w, v->epoch);
    candidate_encode(w, &v->about);
    writer_u8(w, v->signer);
    writer_copy(w, v->sig.raw, sizeof v->sig.raw);
}

void vote_read(struct reader *r, struct vote *v)
{
    memset(v, 0, sizeof *v);
    v->kind = reader_u8(r);
    v->epoch = reader_u64(r);
    candidate_read(r, &v->about);
    v->signer = reader_u8(r);
    reader_copy(r, v->sig.raw, sizeof v->sig.raw);
    if (r->err == ERR_NONE &&
        (!vote_shape_ok(v->kind, &v->about) || v->signer >= VALIDATORS_MAX))
        reader_fail(r, ERR_RANGE);
    if (r->err != ERR_NONE)
        memset(v, 0, sizeof *v);
}

void cert_encode(struct writer *w, const struct cert *c)
{
    const uint32_t count = (uint32_t)__builtin_popcount(c->bitmap);

    writer_u8(w, c->kind);
    writer_u64(w, c->epoch);
    candidate_encode(w, &c->about);
    writer_u32(w, c->bitmap);
    writer_u32(w, count);
    for (uint32_t i = 0; i < count; i++)
        writer_copy(w, c->sigs[i].raw, sizeof c->sigs[i].raw);
}

void cert_read(struct reader *r, struct cert *c)
{
    uint32_t count;

    memset(c, 0, sizeof *c);
    c->kind = reader_u8(r);
    c->epoch = reader_u64(r);
    candidate_read(r, &c->about);
    c->bitmap = reader_u32(r);
    count = reader_count(r, VALIDATORS_MAX, SIGNATURE_BYTES);
    if (r->err == ERR_NONE &&
        (!vote_shape_ok(c->kind, &c->about) ||
         count != (uint32_t)__builtin_popcount(c->bitmap)))
        reader_fail(r, ERR_RANGE);
    for (uint32_t i = 0; i < count; i++)
        reader_copy(r, c->sigs[i].raw, sizeof c->sigs[i].raw);
    if (r->err != ERR_NONE)
        memset(c, 0, sizeof *c);
}
