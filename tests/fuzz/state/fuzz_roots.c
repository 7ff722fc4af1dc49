/* Properties of the roots part of a block, for any bytes whatever:
 *   P1  reading ends, and reads nothing outside its input (sanitizers)
 *   P2  what is accepted, written again, is the same bytes
 *   P3  every proper prefix of what is accepted is refused */
#include "base/buf.h"
#include "base/check.h"
#include "base/writer.h"
#include "state/roots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_u32(struct buf *out, uint32_t v)
{
    uint8_t b[4];
    struct writer w = writer_of(b, sizeof b);

    writer_u32(&w, v);
    buf_append(out, b, sizeof b);
}

/* Reads all; *out (if not NULL) gets the bytes of what was read. */
static enum err read_all(struct buf *out, struct bytes in)
{
    struct hash slots[TABLE_SLOTS];
    struct roots_reader r;
    struct security_roots one;
    struct buf list = {0};
    uint32_t bits = 0;
    uint32_t count = 0;
    enum err e = state_roots_open(&r, slots, in);

    if (e == ERR_NONE) {
        while (state_roots_next(&r, &one)) {
            buf_append(&list, &one, sizeof one);
            count++;
        }
        e = state_roots_close(&r);
    }
    if (e == ERR_NONE && out != NULL) {
        for (uint32_t i = 0; i < TABLE_SLOTS; i++)
            bits |= hash_is_zero(&slots[i]) ? 0 : (uint32_t)1 << i;
        put_u32(out, bits);
        for (uint32_t i = 0; i < TABLE_SLOTS; i++) {
            if (!hash_is_zero(&slots[i]))
                buf_append(out, slots[i].raw, HASH_BYTES);
        }
        put_u32(out, count);
        buf_append(out, list.at, list.size);
    }
    buf_deinit(&list);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf again = {0};

    if (read_all(&again, bytes_of(data, size)) == ERR_NONE) {
        ASSERT(again.size == size); /* P2 */
        ASSERT(size == 0 || memcmp(again.at, data, size) == 0);
        for (size_t cut = 0; cut < size; cut++)
            ASSERT(read_all(NULL, bytes_of(data, cut)) != ERR_NONE); /* P3 */
    }
    buf_deinit(&again);
    return 0;
}
