/* A segment of the vote journal as a disk may give it back.
 *
 * The first byte chooses: 0, the rest is a segment; else the rest is changes to
 * a sound one of eight records, each u16 place and a byte to put there.  What
 * is read is then a beginning of what was written, or damage is told. */
#include "base/check.h"
#include "base/crc32c.h"
#include "base/writer.h"
#include "storage/journal.h"

#include <stdlib.h>
#include <string.h>

enum {
    RECORDS = 8,
    PAYLOAD = 40,
    RECORD = 48 + PAYLOAD + 4 + 4, /* padded to 8 */
    HEADER = 64,
    SEGMENT = HEADER + RECORDS * RECORD + 512, /* zeros behind */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hash chain = {{7}};

struct seen {
    uint64_t count;
    bool made; /* of our making: record i has payload bytes i */
};

static enum err each(void *ctx, const struct journal_record *r)
{
    struct seen *s = ctx;

    ASSERT(r->type != 0 && r->payload.size <= JOURNAL_PAYLOAD_MAX);
    if (s->made) {
        ASSERT(s->count < RECORDS && r->sequence == s->count);
        ASSERT(r->payload.size == PAYLOAD);
    }
    s->count++;
    return ERR_NONE;
}

/* As the journal writes it, with a salt of zeros. */
static void make_segment(uint8_t out[SEGMENT])
{
    const uint8_t salt[8] = {0};
    struct writer w = writer_of(out, SEGMENT);
    uint32_t crc = 0;

    memset(out, 0, SEGMENT);
    writer_copy(&w, "EQJRNL", 6);
    writer_u16(&w, 2);
    writer_hash(&w, &chain);
    writer_u32(&w, 0);
    writer_u64(&w, 0);
    writer_copy(&w, salt, sizeof salt);
    writer_u32(&w, crc32c_extend(0, bytes_of(out, w.size)));
    for (uint64_t i = 0; i < RECORDS; i++) {
        uint8_t *at = out + HEADER + i * RECORD;
        uint8_t payload[PAYLOAD];

        memset(payload, (int)i, sizeof payload);
        w = writer_of(at, RECORD);
        writer_u32(&w, PAYLOAD);
        writer_u32(&w, 2);
        writer_u64(&w, i);
        writer_u64(&w, 0);
        writer_u64(&w, i);
        writer_u64(&w, i); /* every record its own batch */
        writer_u32(&w, crc);
        writer_u32(&w,
                   crc32c_extend(crc32c_extend(0, bytes_of(salt, 4)),
                                 bytes_of(at, 44)));
        writer_copy(&w, payload, sizeof payload);
        crc = crc32c_extend(crc32c_extend(0, bytes_of(salt, 4)),
                            bytes_of(at, 48 + PAYLOAD));
        writer_u32(&w, crc);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t segment[SEGMENT];
    struct seen s = {0};
    struct journal_place at;
    enum err e;

    if (size == 0)
        return 0;
    if (data[0] == 0) {
        (void)!journal_read_segment(
            bytes_of(data + 1, size - 1), &chain, each, &s, &at);
        return 0;
    }
    make_segment(segment);
    s.made = true;
    for (size_t i = 1; i + 3 <= size; i += 3)
        segment[(data[i] | data[i + 1] << 8) % SEGMENT] = data[i + 2];
    e = journal_read_segment(bytes_of(segment, SEGMENT), &chain, each, &s, &at);
    /* All of them, or it says that there is more than it gives. */
    if (size < 4)
        ASSERT(e == ERR_NONE && s.count == RECORDS && at.torn_bytes == 0);
    if (e == ERR_NONE && s.count < RECORDS && at.torn_bytes == 0)
        ASSERT(false);
    return 0;
}
