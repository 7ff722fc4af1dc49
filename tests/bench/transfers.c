#include "tests/bench/transfers.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    TODAY = 20000,
};

static struct pubkey new_key(struct secret *s)
{
    struct pubkey key;

    if (key_new(s) != ERR_NONE || key_public(&key, s) != ERR_NONE)
        abort();
    return key;
}

void transfers_genesis(struct transfers *c)
{
    struct genesis *g = &c->genesis;
    struct secret other;
    struct valset set;
    const char *why;

    g->format = GENESIS_FORMAT;
    g->time_ms = (uint64_t)TODAY * 86400000 + 43200000;
    genesis_defaults(&g->params);
    g->institution_count = TRANSFERS_VALIDATORS;
    for (uint16_t i = 0; i < TRANSFERS_VALIDATORS; i++) {
        struct genesis_institution *x = &g->institutions[i];

        x->number = (uint16_t)(i + 1);
        snprintf(x->code, sizeof x->code, "I%u", x->number);
        x->roles = ROLE_REGISTRAR | ROLE_MEMBER;
        x->key_count = 3;
        x->keys[0] = (struct institution_key){
            new_key(i == 0 ? &c->maker : &other), KEY_MAKER};
        x->keys[1] = (struct institution_key){
            new_key(i == 0 ? &c->checker : &other), KEY_CHECKER};
        x->keys[2] = (struct institution_key){new_key(&other), KEY_OPERATOR};
    }
    g->validator_count = TRANSFERS_VALIDATORS;
    for (uint8_t i = 0; i < TRANSFERS_VALIDATORS; i++) {
        struct validator v = {.key = new_key(&c->validators[i]),
                              .spki_hash = {{(uint8_t)(i + 1)}},
                              .institution = (uint16_t)(i + 1)};
        struct secret s = c->validators[i];
        uint8_t at = i;

        for (; at > 0 &&
               memcmp(&v.key, &g->validators[at - 1].key, sizeof v.key) < 0;
             at--) {
            g->validators[at] = g->validators[at - 1];
            c->validators[at] = c->validators[at - 1];
        }
        g->validators[at] = v;
        c->validators[at] = s;
    }
    set = genesis_valset(g);
    if (genesis_check(g, &why) != ERR_NONE || valset_check(&set) != ERR_NONE) {
        fprintf(stderr, "bench: %s\n", why);
        abort();
    }
    if (genesis_chain_id(&c->market.chain_id, g) != ERR_NONE)
        abort();
    c->market.maker = c->maker;
    c->market.checker = c->checker;
    c->market.today = TODAY;
}

static struct cert certify(const struct transfers *c, const struct header *h)
{
    const struct valset set = genesis_valset(&c->genesis);
    const struct vote_domain d = {h->chain_id, valset_hash(&set), &set};
    struct cert cert = {
        .kind = VOTE_FINALIZE,
        .about = {h->view, h->view - 1, h->height, header_hash(h)}};

    for (uint8_t i = 0; i < valset_quorum(TRANSFERS_VALIDATORS); i++) {
        struct vote v = {.kind = cert.kind, .about = cert.about};

        if (vote_sign(&v, &d, &c->validators[i]) != ERR_NONE)
            abort();
        cert.bitmap |= 1u << i;
        cert.sigs[i] = v.sig;
    }
    return cert;
}

static void add_block(struct transfers *c,
                      struct engine_candidate_tx *txs,
                      uint32_t count)
{
    const struct executed_block *b;
    struct cert cert;
    const struct header *tip = engine_tip(c->engine);

    engine_build(
        c->engine, &b, tip->height + 1, 0, tip->time_ms + 1000, txs, count);
    if (b == NULL || b->header.tx_count != count) {
        fprintf(stderr, "bench: %s\n", verdict_name(txs[0].verdict));
        abort();
    }
    b = engine_commit(c->engine, &b->hash);
    cert = certify(c, &b->header);
    c->keep(c->ctx, c, b, &cert);
}

static bool settle(void *ctx, const struct buf *bytes, const struct hash *id)
{
    struct tx *tx = malloc(sizeof *tx);
    struct engine_candidate_tx one = {.tx = tx};

    (void)id;
    if (tx == NULL || tx_decode(tx, buf_bytes(bytes)) != ERR_NONE)
        abort();
    add_block(ctx, &one, 1);
    free(tx);
    return true;
}

void transfers_add(struct transfers *c, uint32_t first, uint32_t count)
{
    struct engine_candidate_tx *offered = calloc(count, sizeof *offered);
    struct tx *txs = calloc(count, sizeof *txs);
    struct buf *bytes = calloc(count, sizeof *bytes);
    struct hash id;

    if (offered == NULL || txs == NULL || bytes == NULL)
        abort();
    for (uint32_t i = 0; i < count; i++) {
        load_transfer(&c->market, &bytes[i], &id, first + i);
        if (tx_decode(&txs[i], buf_bytes(&bytes[i])) != ERR_NONE)
            abort();
        offered[i].tx = &txs[i];
    }
    add_block(c, offered, count);
    for (uint32_t i = 0; i < count; i++)
        buf_deinit(&bytes[i]);
    free(bytes);
    free(txs);
    free(offered);
}

void transfers_begin(struct transfers *c, transfers_keep_fn keep, void *ctx)
{
    c->keep = keep;
    c->ctx = ctx;
    c->engine = engine_new(&c->genesis);
    keep(ctx, c, engine_genesis_block(c->engine), NULL);
    if (!load_make_by(&c->market, settle, c))
        abort();
}

void transfers_end(struct transfers *c)
{
    engine_free(c->engine);
    c->engine = NULL;
}
