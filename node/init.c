/* equityd init: what a data directory begins with. */
#include "base/hex.h"
#include "base/log.h"
#include "node/start.h"
#include "storage/store_import.h"

#include <stdio.h>

static enum err never(void *ctx, const struct journal_record *r)
{
    (void)ctx;
    (void)r;
    return ERR_CORRUPT;
}

static enum err count_record(void *ctx, const struct journal_record *r)
{
    (void)r;
    ++*(uint64_t *)ctx;
    return ERR_NONE;
}

/* Whether there is a journal, in whatever state, that was ever written to. */
bool start_journal_is_born(const struct node *n)
{
    char path[CONFIG_TEXT_MAX + 16];
    struct journal_place at;
    struct journal *j;
    uint64_t records = 0;
    enum err e;

    start_journal_path(n, path);
    e = journal_open(&j, path, &n->chain_id, count_record, &records, &at);
    journal_close(j);
    return e != ERR_NOT_FOUND && (e != ERR_NONE || records > 0);
}

enum err start_journal_records(uint64_t *out, const struct node *n)
{
    char path[CONFIG_TEXT_MAX + 16];
    struct journal_place at;
    struct journal *j;
    uint64_t records = 0;

    *out = 0;
    start_journal_path(n, path);
    TRY(journal_open(&j, path, &n->chain_id, count_record, &records, &at));
    *out = journal_durable(j);
    journal_close(j);
    return ERR_NONE;
}

/* What the database says of this key. */
struct place {
    uint64_t height;
    uint64_t epoch; /* of the next block */
    bool member;    /* its key is, or was, in a set */
};

static enum err look_at_set(struct place *p,
                            const struct node *n,
                            struct store_view *v,
                            const struct hash *key)
{
    const struct row_key at = {.table = TABLE_VALIDATORS, .key = *key};
    struct validators_row row;
    struct store_value value;
    enum err e;

    TRY(store_get_row(&value, v, &at));
    e = schema_decode(
        &row, &validators_row_schema, bytes_of(value.at, value.size));
    store_value_free(&value);
    if (e != ERR_NONE)
        return e;
    if (hash_is_zero(key))
        p->epoch = row.set.epoch;
    p->member = p->member || valset_find(&row.set, &n->key) >= 0;
    return ERR_NONE;
}

/* The set in force and all before it. */
static enum err find_place(struct place *p, const struct node *n)
{
    static const struct hash in_force;
    struct store_view *v = store_view_open(n->store);
    enum err e = look_at_set(p, n, v, &in_force);

    for (uint64_t epoch = 0; e == ERR_NONE && epoch < p->epoch; epoch++) {
        const struct hash key = epoch_key(epoch);

        e = look_at_set(p, n, v, &key);
    }
    store_view_close(v);
    return e;
}

/* D9 lost journal, beside a database with blocks: what is stored is final. What
 * the key of a validator signed before is not known any more, so that it signs
 * nothing again; one that never was in a set signed nothing. */
static enum err append_past(const struct node *n,
                            struct journal *j,
                            const struct place *p)
{
    struct store_value v;
    struct cert cert;
    enum err e;

    if (p->member)
        TRY(journal_append(j, RECORD_OBSERVER, p->epoch, 0, bytes_of("", 0)));
    TRY(store_get_block(&v, n->store, p->height, STORE_CERT));
    e = msg_cert_decode(&cert, bytes_of(v.at, v.size));
    if (e == ERR_NONE)
        e = journal_append(j,
                           RECORD_CERT,
                           cert.epoch,
                           cert.about.view,
                           bytes_of(v.at, v.size));
    store_value_free(&v);
    return e;
}

/* The first record of a journal says whose it is and from when. */
static enum err write_birth(struct node *n, const struct place *p)
{
    char path[CONFIG_TEXT_MAX + 16];
    uint8_t birth[64];
    struct writer w = writer_of(birth, sizeof birth);
    struct journal *j;
    struct journal_place at;
    enum err e;

    start_journal_path(n, path);
    e = journal_create(path, &n->chain_id);
    if (e != ERR_NONE && e != ERR_EXISTS)
        return e;
    TRY(journal_open(&j, path, &n->chain_id, never, NULL, &at));
    record_birth_encode(&w, &n->key, p->epoch);
    e = journal_append(j, RECORD_BIRTH, p->epoch, 0, writer_bytes(&w));
    if (e == ERR_NONE && p->height > 0)
        e = append_past(n, j, p);
    if (e == ERR_NONE)
        e = journal_sync(j);
    journal_close(j);
    if (e == ERR_NONE && p->height > 0 && p->member)
        log_unusual("node",
                    "the blocks are kept, but this key signs nothing any "
                    "more: run it as an observer, and join with a new key",
                    "height=%llu",
                    (unsigned long long)p->height);
    return e;
}

enum err start_write_genesis(struct node *n)
{
    struct engine *engine = engine_new(n->genesis);
    const struct executed_block *b = engine_genesis_block(engine);
    struct buf roots = {0};
    struct store_block block = {
        .header = &b->header,
        .hash = b->hash,
        .header_bytes = b->header_bytes,
        .body = b->body,
        .events = b->events,
        .changes = b->changes,
        .tx_ids = b->tx_ids,
        .header_log = engine_header_log(engine),
    };
    enum err e;

    engine_roots(engine, b, &roots);
    block.roots = buf_bytes(&roots);
    e = store_put_block(n->store, &block);
    if (e == ERR_NONE)
        e = store_index(n->store, &block);
    buf_deinit(&roots);
    engine_free(engine);
    return e;
}

/* Makes what is missing.  An attempt that was cut short is finished; a database
 * that was moved away is begun again beside its journal; a journal made beside
 * a database with blocks is an observer's: its votes are forgotten (D45). */
int start_make_parts(struct node *n)
{
    const bool born = start_journal_is_born(n);
    int code = start_open_store(n, true);
    struct place place = {.height = 0};
    struct store_tip tip;
    uint64_t replayed;
    enum err e = ERR_NONE;

    if (code != 0)
        return code;
    tip = store_tip_of(n->store);
    if (store_is_importing(n->store))
        return start_complain("the data directory is initialised already, and "
                              "is being filled from a snapshot",
                              n->config.dir,
                              "run: equityd run --config FILE",
                              EXIT_CONFIG);
    if (tip.any && born)
        return start_complain("the data directory is initialised already",
                              n->config.dir,
                              "run: equityd run --config FILE",
                              EXIT_CONFIG);
    if (!tip.any)
        e = start_write_genesis(n);
    if (e == ERR_NONE && !born && tip.any)
        e = store_forget_journal(n->store); /* before there is another */
    if (e == ERR_NONE && tip.any) {
        place.height = tip.height;
        e = store_index_catch_up(n->store, &replayed);
        if (e == ERR_NONE)
            e = find_place(&place, n);
    }
    if (e == ERR_NONE && !born)
        e = write_birth(n, &place);
    return e == ERR_NONE
               ? 0
               : start_explain_storage(
                     e, "the first block cannot be written", n->config.dir);
}

int node_init(const struct config *config)
{
    struct node *n = node_new(config);
    int code = start_load_genesis(n);
    enum err e;

    if (code == 0)
        code = start_load_keys(n);
    if (code == 0) {
        e = datadir_create(config->dir, &n->chain_id);
        if (e != ERR_NONE && e != ERR_EXISTS)
            code = start_explain_storage(
                e, "the data directory cannot be made", config->dir);
    }
    if (code == 0)
        code = start_open_datadir(n);
    if (code == 0)
        code = start_make_parts(n);
    if (code == 0) {
        char hex[2 * HASH_BYTES + 1];

        hex_encode(hex, n->chain_id.raw, HASH_BYTES);
        if (n->me >= 0)
            log_info(
                "node", "initialised", "chain=%s validator=%d", hex, n->me);
        else
            log_info("node",
                     "initialised: this key is not in the genesis, so the node "
                     "follows once its institution has announced it "
                     "(validator_announce), and may then join",
                     "chain=%s",
                     hex);
        if (n->set.count < 4)
            log_unusual("node",
                        "this network tolerates no fault: for development "
                        "only",
                        "validators=%u",
                        n->set.count);
    }
    node_free(n);
    return code;
}
