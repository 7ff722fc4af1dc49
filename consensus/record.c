#include "consensus/record.h"

void record_birth_encode(struct writer *w,
                         const struct pubkey *key,
                         uint64_t epoch)
{
    writer_copy(w, key->raw, sizeof key->raw);
    writer_u64(w, epoch);
}

enum err record_birth_decode(struct pubkey *key,
                             uint64_t *epoch,
                             struct bytes in)
{
    struct reader r = reader_of(in);
    enum err e;

    reader_copy(&r, key->raw, sizeof key->raw);
    *epoch = reader_u64(&r);
    e = reader_finish(&r);
    if (e != ERR_NONE) {
        memset(key, 0, sizeof *key);
        *epoch = 0;
    }
    return e;
}

void record_checkpoint_encode(struct writer *w,
                              const struct record_checkpoint *r)
{
    writer_u64(w, r->view);
    writer_u64(w, r->base);
    writer_u64(w, r->nullified_from);
}

enum err record_checkpoint_decode(struct record_checkpoint *r, struct bytes in)
{
    struct reader in_order = reader_of(in);
    enum err e;

    r->view = reader_u64(&in_order);
    r->base = reader_u64(&in_order);
    r->nullified_from = reader_u64(&in_order);
    if (in_order.err == ERR_NONE &&
        (r->base >= r->view || r->nullified_from == 0 ||
         r->nullified_from - 1 > r->base))
        reader_fail(&in_order, ERR_RANGE);
    e = reader_finish(&in_order);
    if (e != ERR_NONE)
        memset(r, 0, sizeof *r);
    return e;
}
