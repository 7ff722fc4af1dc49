/* Messages of peers: what decodes encodes back to the same bytes. */
#include "base/check.h"
#include "consensus/msg.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    static struct msg_proposal p;
    struct vote v;
    struct cert c;
    struct core_status s;
    uint64_t epoch;
    struct bytes header;
    struct bytes body;
    struct msg_range range;
    struct msg_offers offers;
    struct msg_part part;
    struct hash hash;
    uint32_t count;
    size_t at;
    static uint8_t again[MSG_SNAPSHOT_PART_MAX];
    struct writer w = writer_of(again, sizeof again);

    if (msg_vote_decode(&v, in) == ERR_NONE) {
        vote_encode(&w, &v);
        ASSERT(w.size == size && memcmp(again, data, size) == 0);
    }
    w = writer_of(again, sizeof again);
    if (msg_cert_decode(&c, in) == ERR_NONE) {
        cert_encode(&w, &c);
        ASSERT(w.size == size && memcmp(again, data, size) == 0);
    }
    w = writer_of(again, sizeof again);
    if (msg_status_decode(&s, &epoch, in) == ERR_NONE) {
        msg_status_encode(&w, &s, epoch);
        ASSERT(w.size == size && memcmp(again, data, size) == 0);
    }
    (void)!msg_proposal_decode(&p, in);
    (void)!msg_block_decode(&header, &body, in);
    (void)!msg_sync_block_decode(&header, &c, &body, in);
    if (msg_txs_decode(&count, &at, in) == ERR_NONE)
        ASSERT(at <= size && count <= size);
    if (msg_get_block_decode(&hash, in) == ERR_NONE)
        ASSERT(size == HASH_BYTES && memcmp(&hash, data, size) == 0);
    w = writer_of(again, sizeof again);
    if (msg_range_decode(&range, in) == ERR_NONE) {
        ASSERT(range.from > 0 && range.from <= range.to);
        msg_range_encode(&w, &range);
        ASSERT(w.size == size && memcmp(again, data, size) == 0);
    }
    w = writer_of(again, sizeof again);
    if (msg_offers_decode(&offers, in) == ERR_NONE) {
        msg_offers_encode(&w, &offers);
        ASSERT(w.size == size && memcmp(again, data, size) == 0);
    }
    w = writer_of(again, sizeof again);
    if (msg_part_decode(&part, in) == ERR_NONE) {
        msg_part_encode(&w, &part);
        ASSERT(w.size == size && memcmp(again, data, size) == 0);
    }
    w = writer_of(again, sizeof again);
    if (msg_part_bytes_decode(&part, &body, in) == ERR_NONE) {
        msg_part_bytes_encode(&w, &part, body);
        ASSERT(w.size == size && memcmp(again, data, size) == 0);
    }
    return 0;
}
