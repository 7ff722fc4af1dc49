/* What equity verify chain says. */
#include "base/hex.h"
#include "base/num.h"
#include "cli/verify.h"
#include "ledger/ledger.h"

#include <stdio.h>
#include <stdlib.h>

static json_t *of_hash(const struct hash *h)
{
    return json_of_hex(h->raw, HASH_BYTES);
}

json_t *verify_proven_json(const struct verifying *v, uint64_t ms)
{
    struct engine *e = replay_engine(v->replay);
    const struct replay_totals t = replay_totals(v->replay);
    const struct header *tip = engine_tip(e);
    const struct hash hash = engine_tip_hash(e);

    return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, "
                     "s:o}",
                     "proven",
                     1,
                     "chain_id",
                     of_hash(&v->chain_id),
                     "height",
                     json_of_u64(tip->height),
                     "hash",
                     of_hash(&hash),
                     "state_root",
                     of_hash(&tip->state_root),
                     "time_ms",
                     json_of_u64(tip->time_ms),
                     "transactions",
                     json_of_u64(t.txs),
                     "signatures",
                     json_of_u64(t.signatures),
                     "epochs",
                     json_of_u64(v->epochs + 1),
                     "trusted",
                     v->has_trust,
                     "successor",
                     v->successor != NULL ? of_hash(&v->successor_id)
                                          : json_null(),
                     "milliseconds",
                     json_of_u64(ms));
}

void verify_say_proven(const struct verifying *v, uint64_t ms)
{
    struct engine *e = replay_engine(v->replay);
    const struct replay_totals t = replay_totals(v->replay);
    const struct header *tip = engine_tip(e);
    const struct hash hash = engine_tip_hash(e);
    const unsigned long long height = tip->height;
    const uint32_t named = v->trust.pin_count + (v->trust.genesis ? 1 : 0);
    char hex[3][2 * HASH_BYTES + 1];
    char date[11];

    hex_encode(hex[0], v->chain_id.raw, HASH_BYTES);
    hex_encode(hex[1], hash.raw, HASH_BYTES);
    hex_encode(hex[2], tip->state_root.raw, HASH_BYTES);
    num_format_date(date, ledger_date(tip->time_ms, v->genesis.offset_ms));
    printf("Proven: the history of chain %s from block 0 to %llu.\n"
           "  Block %llu, of %s, has hash %s\n"
           "  and leaves the state with root %s.\n"
           "  Executed %llu transactions; checked %llu signatures, those of "
           "each\n"
           "  block's certificate by the validators in force (%llu set%s).\n"
           "  Each block came out byte for byte as its header says, and the "
           "totals\n  of all securities and accounts add up.\n",
           hex[0],
           height,
           height,
           date,
           hex[1],
           hex[2],
           (unsigned long long)t.txs,
           (unsigned long long)t.signatures,
           (unsigned long long)(v->epochs + 1),
           v->epochs == 0 ? "" : "s");
    if (v->has_trust)
        printf("Trusted: %u of the %u blocks that the trust file names%s.\n",
               v->reached,
               named,
               v->reached < named ? "; the others come later" : "");
    else
        printf("Trusted: nobody. Compare the chain with what the institutions "
               "publish,\n  or give --trust.\n");
    if (v->successor != NULL) {
        hex_encode(hex[0], v->successor_id.raw, HASH_BYTES);
        printf(
            "Successor: chain %s\n"
            "  goes on from this block, says its genesis. Who agreed to that "
            "is\n  not proven here.\n",
            hex[0]);
    }
    printf("Not proven: anything about later blocks.\n"
           "It took %llu.%03llu s: %llu signatures a second.\n",
           (unsigned long long)(ms / 1000),
           (unsigned long long)(ms % 1000),
           (unsigned long long)(t.signatures * 1000 / (ms > 0 ? ms : 1)));
}

void verify_report_refuted(const struct verifying *v)
{
    char *key;

    if (v->json) {
        (void)print_json(json_pack(
            "{s:b, s:o, s:o, s:s, s:O?}",
            "proven",
            0,
            "height",
            json_of_u64(v->height),
            "transaction",
            v->tx == UINT32_MAX ? json_null() : json_integer((json_int_t)v->tx),
            "reason",
            v->why,
            "key",
            v->key));
        return;
    }
    printf("Refuted: %s.\n", v->why);
    if (v->key == NULL)
        return;
    key = json_dumps(v->key, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    printf("The first key of the state that differs:\n%s\n", key);
    free(key);
}
