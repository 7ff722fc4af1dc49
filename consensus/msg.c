#include "consensus/msg.h"

#include "base/check.h"

static void candidate_write(struct writer *w, const struct candidate *c)
{
    writer_u64(w, c->view);
    writer_u64(w, c->parent_view);
    writer_u64(w, c->height);
    writer_hash(w, &c->block);
}

static struct candidate candidate_of(struct reader *r)
{
    struct candidate c;

    c.view = reader_u64(r);
    c.parent_view = reader_u64(r);
    c.height = reader_u64(r);
    c.block = reader_hash(r);
    return c;
}

void msg_proposal_encode(struct writer *w,
                         const struct candidate *candidate,
                         const struct vote *vote,
                         struct bytes header,
                         const struct cert *const *certs,
                         uint32_t cert_count,
                         struct bytes body)
{
    ASSERT(cert_count <= MSG_CERTS_MAX && body.size <= MSG_INLINE_BODY_MAX);
    candidate_write(w, candidate);
    vote_encode(w, vote);
    writer_vec(w, header);
    writer_u32(w, cert_count);
    for (uint32_t i = 0; i < cert_count; i++)
        cert_encode(w, certs[i]);
    writer_vec(w, body);
}

enum err msg_proposal_decode(struct msg_proposal *out, struct bytes in)
{
    struct reader r = reader_of(in);
    enum err e;

    out->candidate = candidate_of(&r);
    vote_read(&r, &out->vote);
    out->header = reader_vec(&r, HEADER_BYTES_MAX);
    out->cert_count = reader_count(&r, MSG_CERTS_MAX, 1 + 8 + 56 + 4 + 4);
    for (uint32_t i = 0; i < out->cert_count; i++)
        cert_read(&r, &out->certs[i]);
    out->body = reader_vec(&r, MSG_INLINE_BODY_MAX);
    if (r.err == ERR_NONE &&
        (out->vote.kind != VOTE_NOTARIZE ||
         !candidate_eq(&out->vote.about, &out->candidate) ||
         (out->header.size == 0 && out->body.size > 0)))
        reader_fail(&r, ERR_RANGE);
    e = reader_finish(&r);
    if (e != ERR_NONE) {
        memset(&out->candidate, 0, sizeof out->candidate);
        memset(&out->vote, 0, sizeof out->vote);
        out->header = out->body = bytes_of(NULL, 0);
        out->cert_count = 0;
    }
    return e;
}

enum err msg_vote_decode(struct vote *out, struct bytes in)
{
    struct reader r = reader_of(in);
    enum err e;

    vote_read(&r, out);
    e = reader_finish(&r);
    if (e != ERR_NONE)
        memset(out, 0, sizeof *out);
    return e;
}

enum err msg_cert_decode(struct cert *out, struct bytes in)
{
    struct reader r = reader_of(in);
    enum err e;

    cert_read(&r, out);
    e = reader_finish(&r);
    if (e != ERR_NONE)
        memset(out, 0, sizeof *out);
    return e;
}

static size_t map_bytes(uint32_t views)
{
    return (views + 3) / 4;
}

void msg_status_encode(struct writer *w,
                       const struct core_status *s,
                       uint64_t epoch)
{
    writer_u64(w, epoch);
    writer_u64(w, s->view);
    writer_u64(w, s->final_view);
    writer_u64(w, s->final_height);
    writer_hash(w, &s->final_hash);
    writer_u64(w, s->applied_height);
    writer_u64(w, s->map_from);
    writer_u32(w, s->map_views);
    writer_copy(w, s->map, map_bytes(s->map_views));
    writer_u8(w, s->held.kind != 0 ? 1 : 0);
    if (s->held.kind != 0)
        vote_encode(w, &s->held);
}

enum err msg_status_decode(struct core_status *out,
                           uint64_t *epoch,
                           struct bytes in)
{
    struct reader r = reader_of(in);
    enum err e;

    memset(out, 0, sizeof *out);
    *epoch = reader_u64(&r);
    out->view = reader_u64(&r);
    out->final_view = reader_u64(&r);
    out->final_height = reader_u64(&r);
    out->final_hash = reader_hash(&r);
    out->applied_height = reader_u64(&r);
    out->map_from = reader_u64(&r);
    out->map_views = reader_u32(&r);
    if (r.err == ERR_NONE && (out->map_views > CORE_STATUS_VIEWS ||
                              out->map_from <= out->final_view))
        reader_fail(&r, ERR_RANGE);
    if (r.err == ERR_NONE)
        reader_copy(&r, out->map, map_bytes(out->map_views));
    if (r.err == ERR_NONE && out->map_views % 4 != 0 &&
        out->map[out->map_views / 4] >> (out->map_views % 4 * 2) != 0)
        reader_fail(&r, ERR_RANGE);
    if (reader_bool(&r))
        vote_read(&r, &out->held);
    e = reader_finish(&r);
    if (e != ERR_NONE)
        memset(out, 0, sizeof *out);
    return e;
}

void msg_epoch_end_encode(struct writer *w,
                          struct bytes header,
                          struct bytes cert,
                          const struct valset *next)
{
    writer_vec(w, header);
    writer_vec(w, cert);
    schema_encode(w, &valset_schema, next);
}

static bool epoch_end_agrees(const struct msg_epoch_end *m)
{
    const struct hash block = header_hash(&m->header);
    const struct hash next = valset_hash(&m->next);

    return (m->header.flags & HEADER_SEAL) != 0 &&
           m->header.epoch != UINT64_MAX && m->cert.kind == VOTE_FINALIZE &&
           m->cert.epoch == m->header.epoch &&
           m->cert.about.height == m->header.height &&
           hash_eq(&m->cert.about.block, &block) &&
           m->next.epoch == m->header.epoch + 1 &&
           hash_eq(&next, &m->header.next_validators_hash);
}

enum err msg_epoch_end_decode(struct msg_epoch_end *out, struct bytes in)
{
    struct reader r = reader_of(in);
    const struct bytes header = reader_vec(&r, HEADER_BYTES_MAX);
    const struct bytes cert = reader_vec(&r, CERT_BYTES_MAX);
    enum err e;

    memset(out, 0, sizeof *out);
    schema_read(&r, &valset_schema, &out->next);
    e = reader_finish(&r);
    if (e == ERR_NONE)
        e = header_decode(&out->header, header);
    if (e == ERR_NONE)
        e = msg_cert_decode(&out->cert, cert);
    if (e == ERR_NONE)
        e = valset_check(&out->next);
    if (e == ERR_NONE && !epoch_end_agrees(out))
        e = ERR_RANGE;
    if (e != ERR_NONE)
        memset(out, 0, sizeof *out);
    return e;
}

enum err msg_epoch_end_check(const struct msg_epoch_end *m,
                             const struct vote_domain *d)
{
    if (!hash_eq(&m->header.chain_id, &d->chain_id) ||
        !hash_eq(&m->header.validators_hash, &d->validators_hash))
        return ERR_CHAIN;
    return cert_check(&m->cert, d);
}

void msg_block_encode(struct writer *w, struct bytes header, struct bytes body)
{
    writer_vec(w, header);
    writer_vec(w, body);
}

enum err msg_block_decode(struct bytes *header,
                          struct bytes *body,
                          struct bytes in)
{
    struct reader r = reader_of(in);
    enum err e;

    *header = reader_vec(&r, HEADER_BYTES_MAX);
    *body = reader_vec(&r, BLOCK_BODY_BYTES_MAX);
    e = reader_finish(&r);
    if (e != ERR_NONE)
        *header = *body = bytes_of(NULL, 0);
    return e;
}

enum err msg_txs_decode(uint32_t *count, size_t *at, struct bytes in)
{
    struct reader r = reader_of(in);
    const uint32_t n = reader_count(&r, MSG_TXS_COUNT_MAX, 5);
    const size_t first = in.size - r.left;
    enum err e;

    for (uint32_t i = 0; i < n && r.err == ERR_NONE; i++)
        (void)reader_vec(&r, TX_BYTES_MAX);
    e = reader_finish(&r);
    *count = e == ERR_NONE ? n : 0;
    *at = e == ERR_NONE ? first : 0;
    return e;
}

enum err msg_get_block_decode(struct hash *out, struct bytes in)
{
    struct reader r = reader_of(in);
    enum err e;

    *out = reader_hash(&r);
    e = reader_finish(&r);
    if (e != ERR_NONE)
        memset(out, 0, sizeof *out);
    return e;
}

void msg_range_encode(struct writer *w, const struct msg_range *r)
{
    writer_u64(w, r->from);
    writer_u64(w, r->to);
}

enum err msg_range_decode(struct msg_range *out, struct bytes in)
{
    struct reader r = reader_of(in);
    enum err e;

    out->from = reader_u64(&r);
    out->to = reader_u64(&r);
    if (r.err == ERR_NONE && (out->from == 0 || out->to < out->from))
        reader_fail(&r, ERR_RANGE);
    e = reader_finish(&r);
    if (e != ERR_NONE)
        memset(out, 0, sizeof *out);
    return e;
}

void msg_sync_block_encode(struct writer *w,
                           struct bytes header,
                           struct bytes cert,
                           struct bytes body)
{
    writer_vec(w, header);
    writer_vec(w, cert);
    writer_vec(w, body);
}

enum err msg_sync_block_decode(struct bytes *header,
                               struct cert *cert,
                               struct bytes *body,
                               struct bytes in)
{
    struct reader r = reader_of(in);
    struct bytes c;
    enum err e;

    *header = reader_vec(&r, HEADER_BYTES_MAX);
    c = reader_vec(&r, CERT_BYTES_MAX);
    *body = reader_vec(&r, BLOCK_BODY_BYTES_MAX);
    e = reader_finish(&r);
    if (e == ERR_NONE)
        e = msg_cert_decode(cert, c);
    if (e != ERR_NONE) {
        *header = *body = bytes_of(NULL, 0);
        memset(cert, 0, sizeof *cert);
    }
    return e;
}
