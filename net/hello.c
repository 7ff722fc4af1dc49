#include "net/hello.h"

#include "base/check.h"
#include "crypto/hash.h"

static void encode_fields(struct writer *w, const struct hello *h)
{
    writer_u16(w, h->protocol);
    writer_vec(w, bytes_of(h->software, strlen(h->software)));
    writer_hash(w, &h->chain_id);
    writer_u64(w, h->epoch);
    writer_u8(w, h->role);
    writer_copy(w, h->key.raw, sizeof h->key.raw);
    writer_u8(w, h->channel);
    writer_u8(w, h->dialer);
}

struct hash hello_digest(const struct hello *h,
                         const uint8_t exported[HELLO_EXPORT_BYTES])
{
    uint8_t buf[HELLO_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);

    encode_fields(&w, h);
    writer_copy(&w, exported, HELLO_EXPORT_BYTES);
    ASSERT(writer_ok(&w));
    return hash_tagged(HELLO_TAG, writer_bytes(&w));
}

void hello_encode(struct writer *w, const struct hello *h)
{
    encode_fields(w, h);
    writer_copy(w, h->sig.raw, sizeof h->sig.raw);
}

enum err hello_decode(struct hello *out, struct bytes in)
{
    struct reader r = reader_of(in);
    struct bytes software;
    enum err e;

    memset(out, 0, sizeof *out);
    out->protocol = reader_u16(&r);
    software = reader_vec(&r, HELLO_SOFTWARE_MAX);
    out->chain_id = reader_hash(&r);
    out->epoch = reader_u64(&r);
    out->role = reader_u8(&r);
    reader_copy(&r, out->key.raw, sizeof out->key.raw);
    out->channel = reader_u8(&r);
    out->dialer = reader_u8(&r);
    reader_copy(&r, out->sig.raw, sizeof out->sig.raw);
    for (size_t i = 0; r.err == ERR_NONE && i < software.size; i++) {
        if (software.at[i] < 0x20 || software.at[i] > 0x7e)
            reader_fail(&r, ERR_RANGE);
    }
    if (r.err == ERR_NONE &&
        (out->dialer > 1 || out->channel > 1 || out->role > HELLO_OBSERVER))
        reader_fail(&r, ERR_RANGE);
    e = reader_finish(&r);
    if (e != ERR_NONE)
        memset(out, 0, sizeof *out);
    else if (software.size > 0)
        memcpy(out->software, software.at, software.size);
    return e;
}
