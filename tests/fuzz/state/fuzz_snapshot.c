/* Properties of a snapshot's manifest and chunks, for any bytes whatever:
 *   P1  reading ends, and reads nothing outside its input (sanitizers)
 *   P2  a manifest that is accepted is the one that was made: no other bytes
 *       have its id, and its certificates are of the set that signs here
 *   P3  a chunk that is accepted is the one that was made
 *
 * The first byte chooses: the rest replaces what it says of a manifest or a
 * chunk that was made of a small state. */
#include "tests/unit/state/snapshot_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rig made;
static struct snapshot *opened;

static void make(void)
{
    if (opened != NULL)
        return;
    rig_init(&made);
    rig_fill(&made, 12);
    rig_make(&made);
    opened = rig_open(&made);
}

/* data over the bytes of was, from an offset in its first two bytes. */
static void lay_over(struct buf *out,
                     struct bytes was,
                     const uint8_t *data,
                     size_t size)
{
    size_t at = size >= 2 ? (size_t)(data[0] | data[1] << 8) : 0;

    buf_append(out, was.at, was.size);
    for (size_t i = 2; i < size && at < out->size; i++, at++)
        out->at[at] = data[i];
}

static void check_manifest(struct bytes in)
{
    struct snapshot *s;

    if (rig_open_bytes(&s, &made, in, &opened->id) == ERR_NONE) {
        ASSERT(bytes_eq(s->body, opened->body)); /* P2 */
        ASSERT(s->chunk_count == opened->chunk_count);
        snapshot_free(s);
    }
    if (rig_open_bytes(&s, &made, in, NULL) == ERR_NONE) {
        ASSERT(hash_eq(&s->header.state_root, &made.root));
        snapshot_free(s);
    }
}

static void check_chunk(struct bytes in)
{
    for (uint32_t i = 0; i < opened->chunk_count; i++) {
        if (snapshot_chunk_check(opened, i, in) == ERR_NONE)
            ASSERT(bytes_eq(in, rig_chunk(&made, opened, i))); /* P3 */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf in = {0};

    make();
    if (size == 0)
        return 0;
    if (data[0] < 64)
        check_manifest(bytes_of(data + 1, size - 1));
    else if (data[0] < 128)
        check_chunk(bytes_of(data + 1, size - 1));
    else if (data[0] < 192) {
        lay_over(&in, buf_bytes(&made.manifest), data + 1, size - 1);
        check_manifest(buf_bytes(&in));
    } else {
        lay_over(&in, rig_chunk(&made, opened, 0), data + 1, size - 1);
        check_chunk(buf_bytes(&in));
    }
    buf_deinit(&in);
    return 0;
}
