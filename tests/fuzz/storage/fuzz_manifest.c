/* Properties of backup manifests, for any bytes whatever:
 *   P1  what is read is written back byte for byte
 *   P2  what is refused leaves zeros
 * The hash at the end keeps most inputs out; so each is also read with that
 * line made anew. */
#include "base/check.h"
#include "base/hex.h"
#include "crypto/hash.h"
#include "storage/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct bytes in)
{
    static const struct manifest zeros;
    struct manifest m;
    struct buf again = {0};

    if (manifest_decode(&m, in) != ERR_NONE) {
        ASSERT(memcmp(&m, &zeros, sizeof m) == 0);
        return;
    }
    manifest_encode(&again, &m);
    ASSERT(bytes_eq(buf_bytes(&again), in));
    buf_deinit(&again);
    manifest_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf fixed = {0};
    const struct hash h = hash_of(bytes_of(data, size));
    char hex[2 * HASH_BYTES + 1];

    check(bytes_of(data, size));
    buf_append(&fixed, data, size);
    buf_append(&fixed, "end ", 4);
    hex_encode(hex, h.raw, HASH_BYTES);
    buf_append(&fixed, hex, 2 * HASH_BYTES);
    buf_append(&fixed, "\n", 1);
    check(buf_bytes(&fixed));
    buf_deinit(&fixed);
    return 0;
}
