/* Properties of the engine, for any block body whatever:
 *   P1  it ends, and no assertion is reached (sanitizers)
 *   P2  after a block every sum of the register agrees
 *   P3  a replica that executes what was built gets the same block
 *   P4  taking it back returns to the tip's root
 *
 * Signatures are not checked here: any bytes pass for one, so that mutated
 * operations reach the rules. */
#include "engine/engine_state.h"

#include "tests/unit/engine/engine_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    TXS_MAX = 8,
};

static struct fixture *the_fixture(void)
{
    static struct fixture f; /* made once, for speed */
    const struct tx *txs[2];

    if (f.e == NULL) {
        fixture_init(&f);
        fixture_fill(&f);
        txs[0] = fixture_freeze(&f, 2, 100);
        txs[1] = fixture_transfer(&f, 1, 4, 300);
        fixture_block(&f, txs, 2);
    }
    return &f;
}

static void assert_root(struct engine *e, const struct hash *expected)
{
    const struct hash root = state_root(e->state);

    ASSERT(hash_eq(&root, expected));
}

static void check_block(struct engine *e, const struct executed_block *b)
{
    static struct tx again[TXS_MAX];
    static struct body split;
    const struct tx *txs[TXS_MAX];
    const struct executed_block *got;
    const struct header h = b->header;
    uint8_t *body = malloc(b->body.size);
    const struct bytes bytes = bytes_of(body, b->body.size);
    enum err failed;
    const char *why;

    ASSERT(body != NULL);
    memcpy(body, b->body.at, b->body.size);
    assert_root(e, &h.state_root);
    failed = engine_check_all(e->state); /* P2 */
    ASSERT(failed == ERR_NONE);
    engine_begin(e);
    assert_root(e, &e->tip.state_root); /* P4 */
    failed = body_split(&split, bytes);
    ASSERT(failed == ERR_NONE && split.count == h.tx_count);
    for (uint32_t i = 0; i < split.count; i++) {
        failed = tx_decode(&again[i], split.txs[i]);
        ASSERT(failed == ERR_NONE);
        txs[i] = &again[i];
    }
    failed = engine_execute(e, &got, &h, bytes, txs, &why);
    ASSERT(failed == ERR_NONE); /* P3 */
    engine_begin(e);
    assert_root(e, &e->tip.state_root);
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tx txs[TXS_MAX];
    static struct body body;
    struct engine_candidate_tx offered[TXS_MAX];
    struct engine *e = the_fixture()->e;
    const struct executed_block *b;
    uint32_t count = 0;

    if (body_split(&body, bytes_of(data, size)) != ERR_NONE)
        return 0;
    for (uint32_t i = 0; i < body.count && count < TXS_MAX; i++) {
        if (tx_decode(&txs[count], body.txs[i]) == ERR_NONE) {
            offered[count].tx = &txs[count];
            (void)engine_dry_run(e, &txs[count], 0, NULL);
            count++;
        }
    }
    engine_build(e, &b, 9, 0, e->tip.time_ms + 1000, offered, count);
    if (b != NULL)
        check_block(e, b);
    return 0;
}
