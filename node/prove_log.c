/* Blocks and what is in them: the log of headers, transactions, events. */
#include "base/check.h"
#include "chain/tx.h"
#include "node/prove_parts.h"
#include "storage/store_import.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the log of headers ---- */

static enum err log_at(void *ctx, uint64_t size, struct mtree_log *out)
{
    struct prover *p = ctx;

    return store_get_header_log(out, p->store, size);
}

static enum err leaf_of(void *ctx, uint64_t index, struct hash *out)
{
    struct prover *p = ctx;
    struct store_value v;
    struct header h;
    enum err e;

    TRY(store_get_block(&v, p->store, index, STORE_HEADER));
    e = header_decode(&h, bytes_of(v.at, v.size));
    store_value_free(&v);
    *out = header_hash(&h);
    return e == ERR_NONE ? ERR_NONE : ERR_CORRUPT;
}

enum err prove_inclusion(struct mtree_proof *out,
                         struct prover *p,
                         uint64_t size,
                         uint64_t index)
{
    struct mtree_peaks peaks = {p, log_at, leaf_of};
    const struct mtree_source source = {&peaks, mtree_node_of_peaks};

    return mtree_prove_inclusion(out, &source, size, index);
}

/* An earlier block in the log of the statement's. */
static enum err take_earlier(struct bytes *header,
                             struct header *decoded,
                             struct mtree_proof *path,
                             struct proving *w)
{
    if (w->q->earlier >= w->height)
        return prove_fail(
            w, ERR_NOT_FOUND, "the earlier block must be before the later one");
    TRY(prove_header(decoded, header, w->p, w->q->earlier));
    return prove_inclusion(path, w->p, w->height, w->q->earlier);
}

enum err prove_consistency(struct receipt_consistency *out, struct proving *w)
{
    struct mtree_peaks peaks = {w->p, log_at, leaf_of};
    const struct mtree_source source = {&peaks, mtree_node_of_peaks};
    struct header earlier;

    TRY(take_earlier(&out->earlier_header, &earlier, &out->inclusion, w));
    return mtree_prove_consistency(
        &out->consistency, &source, earlier.header_log_size, w->height);
}

/* ---- transactions ---- */

static enum err body_of(struct body **out, struct prover *p, uint64_t height)
{
    struct bytes bytes;

    TRY(prove_block_part(&bytes, p, height, STORE_BODY));
    *out = arena_alloc(&p->arena, sizeof **out);
    return body_split(*out, bytes) == ERR_NONE ? ERR_NONE : ERR_CORRUPT;
}

static enum err no_body(struct proving *w)
{
    snprintf(w->out->why,
             sizeof w->out->why,
             "this node keeps bodies from block %llu on; ask another node, or "
             "who keeps the archive",
             (unsigned long long)store_bodies_from(w->p->store));
    return ERR_PRUNED;
}

enum err prove_transaction(struct receipt_transaction *out,
                           struct proving *w,
                           uint32_t index)
{
    struct hash *leaves;
    struct body *body;
    const enum err e = body_of(&body, w->p, w->height);

    if (e == ERR_PRUNED)
        return no_body(w);
    TRY(e);
    if (index >= body->count)
        return ERR_CORRUPT;
    leaves = arena_alloc(&w->p->arena, body->count * sizeof leaves[0]);
    for (uint32_t i = 0; i < body->count; i++)
        leaves[i] = mtree_leaf(body->txs[i]);
    out->index = index;
    out->tx = body->txs[index];
    out->path.count = mtree_prove(out->path.steps, leaves, body->count, index);
    return ERR_NONE;
}

/* ---- statements of account ---- */

/* The codes of the security, newest first: a position keeps its chain when it
 * moves to another board. */
struct codes {
    uint32_t count;
    char list[PROVE_CODES_MAX][CODE_MAX + 1];
};

static enum err codes_of(struct codes *out, struct proving *w)
{
    struct security_row s;

    memcpy(s.predecessor, w->q->code, sizeof s.predecessor);
    for (out->count = 0; out->count < PROVE_CODES_MAX; out->count++) {
        const struct row_key key = {.table = TABLE_SECURITIES,
                                    .key = security_key(s.predecessor)};
        struct store_value v;
        enum err e;

        if (strcmp(s.predecessor, "-") == 0)
            break;
        TRY(store_get_row(&v, w->then, &key));
        e = schema_decode(&s, &security_row_schema, bytes_of(v.at, v.size));
        store_value_free(&v);
        if (e != ERR_NONE)
            return ERR_CORRUPT;
        memcpy(out->list[out->count], s.code, sizeof s.code);
    }
    return ERR_NONE;
}

struct follower {
    struct proving *w;
    const struct codes *codes;
    struct receipt_list *events;
    struct hash chain;
    struct store_value bytes; /* of the body at body_height */
    uint64_t body_height;
    struct body *body;
    struct tx *tx;
    enum err e;
};

static enum err load_body(struct follower *f, uint64_t height)
{
    if (f->bytes.at != NULL && f->body_height == height)
        return ERR_NONE;
    store_value_free(&f->bytes);
    TRY(store_get_block(&f->bytes, f->w->p->store, height, STORE_BODY));
    f->body_height = height;
    return body_split(f->body, bytes_of(f->bytes.at, f->bytes.size)) == ERR_NONE
               ? ERR_NONE
               : ERR_CORRUPT;
}

static enum err salt_of(uint8_t salt[SALT_BYTES],
                        struct follower *f,
                        uint64_t height,
                        const struct event *e)
{
    memset(salt, 0, SALT_BYTES);
    if (e->tx_index == EVENT_NO_TX)
        return ERR_NONE;
    TRY(load_body(f, height));
    if (e->tx_index >= f->body->count ||
        tx_decode(f->tx, f->body->txs[e->tx_index]) != ERR_NONE)
        return ERR_CORRUPT;
    memcpy(salt, f->tx->salt, SALT_BYTES);
    return ERR_NONE;
}

static bool concerns(const struct follower *f, const struct event *e)
{
    for (uint32_t i = 0; i < f->codes->count; i++) {
        if (event_renews_holding(e, f->codes->list[i], &f->w->q->account))
            return true;
    }
    return false;
}

static bool follow(void *ctx,
                   uint64_t height,
                   uint32_t index,
                   struct bytes bytes)
{
    struct follower *f = ctx;
    struct receipt_event x = {.height = height, .index = index, .event = bytes};
    struct event e;

    if (height > f->w->height)
        return false;
    if (schema_decode(&e, &event_schema, bytes) != ERR_NONE) {
        f->e = ERR_CORRUPT;
        return false;
    }
    if (!concerns(f, &e))
        return true;
    if (f->events->count == RECEIPT_EVENTS_MAX ||
        f->w->p->items.size + bytes.size > f->w->p->bytes_max) {
        f->e = ERR_FULL;
        return false;
    }
    f->e = salt_of(x.salt, f, height, &e);
    if (f->e != ERR_NONE)
        return false;
    f->chain = event_chain(&f->chain, x.salt, height, index, bytes);
    receipt_add_event(f->events, &f->w->p->items, &x);
    return true;
}

static enum err chain_of(struct hash *out, struct bytes row)
{
    struct holding_row h;

    if (schema_decode(&h, &holding_row_schema, row) != ERR_NONE)
        return ERR_CORRUPT;
    *out = h.chain;
    return ERR_NONE;
}

/* The holding at the earlier height, under the code that it had then. */
static enum err take_opening(struct receipt_statement *out,
                             struct proving *w,
                             const struct codes *codes)
{
    struct store_view *v = store_view_open(w->p->store);
    struct header header;
    enum err e =
        take_earlier(&out->earlier_header, &header, &out->earlier_path, w);

    if (e == ERR_NONE)
        e = store_view_go_back(v, w->q->earlier);
    for (uint32_t i = 0; e == ERR_NONE && i < codes->count; i++) {
        const char *code = codes->list[i];
        const struct row_key key = {
            TABLE_HOLDINGS, security_key(code), w->q->account};
        struct store_value value;

        e = store_get_row(&value, v, &key);
        store_value_free(&value);
        if (e == ERR_NOT_FOUND && i + 1 < codes->count) {
            e = ERR_NONE;
            continue;
        }
        if (e == ERR_NOT_FOUND)
            e = prove_fail(w,
                           e,
                           "the account had no entry at the earlier height: "
                           "ask from its first entry");
        if (e == ERR_NONE)
            e = prove_security_at(&out->earlier_security, w, v, code);
        if (e == ERR_NONE)
            e = prove_holding_at(
                &out->earlier_holding, w, v, &out->earlier_security, code);
        break;
    }
    store_view_close(v);
    return e;
}

static enum err follow_all(struct receipt_statement *out,
                           struct proving *w,
                           const struct codes *codes)
{
    const struct store_event_filter filter = {.by_account = true,
                                              .key = w->q->account};
    struct follower f = {.w = w, .codes = codes, .events = &out->events};
    struct hash end;
    enum err e;

    TRY(chain_of(&end, out->now.holding.row));
    if (!out->from_start)
        TRY(chain_of(&f.chain, out->earlier_holding.row));
    f.tx = malloc(sizeof *f.tx);
    f.body = malloc(sizeof *f.body);
    ASSERT(f.tx != NULL && f.body != NULL);
    e = store_each_event(w->now,
                         &filter,
                         w->q->earlier,
                         UINT32_MAX,
                         out->from_start,
                         follow,
                         &f);
    free(f.tx);
    free(f.body);
    store_value_free(&f.bytes);
    TRY(e);
    if (f.e == ERR_PRUNED)
        return no_body(w);
    if (f.e == ERR_FULL)
        return prove_fail(w,
                          f.e,
                          "the account has too many events for one receipt: "
                          "ask in parts, each from where the last one ended");
    TRY(f.e);
    if (!hash_eq(&f.chain, &end) && store_rows_from(w->p->store) > 0)
        return prove_fail(w,
                          ERR_PRUNED,
                          "this node began at a snapshot and has not all "
                          "events that led to the holding: ask another node, "
                          "or from a height that this one has");
    if (!hash_eq(&f.chain, &end))
        return prove_fail(w,
                          ERR_CORRUPT,
                          "the events of this node do not lead to the holding: "
                          "ask another node");
    return ERR_NONE;
}

enum err prove_statement(struct receipt_statement *out, struct proving *w)
{
    struct codes codes;

    TRY(prove_position(&out->now, w));
    if (out->now.holding.row.size == 0)
        return prove_fail(
            w, ERR_NOT_FOUND, "the account never had an entry of it");
    TRY(codes_of(&codes, w));
    out->from_start = w->q->from_start;
    if (!out->from_start)
        TRY(take_opening(out, w, &codes));
    return follow_all(out, w, &codes);
}
