/* A receipt's frame: which block it is about, and how trust leads there. */
#include "node/prove.h"

#include "audit/build.h"
#include "base/check.h"
#include "ledger/ledger.h"
#include "node/prove_parts.h"
#include "node/start.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    KEEP_BYTES = 1 << 20, /* of a buffer between receipts */
};

struct prover *prover_new(struct store *s,
                          uint32_t offset_ms,
                          size_t cache_bytes)
{
    struct prover *p = calloc(1, sizeof *p);

    ASSERT(p != NULL);
    p->store = s;
    p->offset_ms = offset_ms;
    p->cache_bytes = cache_bytes;
    p->bytes_max = PROVE_BYTES_MAX;
    return p;
}

void prover_free(struct prover *p)
{
    if (p == NULL)
        return;
    prove_forget(p);
    arena_deinit(&p->arena);
    buf_deinit(&p->epochs);
    buf_deinit(&p->items);
    free(p);
}

enum err prove_fail(struct proving *w, enum err e, const char *why)
{
    snprintf(w->out->why, sizeof w->out->why, "%s", why);
    return e;
}

struct bytes prove_keep(struct prover *p, struct store_value *v)
{
    const size_t size = v->size;
    uint8_t *at = arena_alloc(&p->arena, size > 0 ? size : 1);

    if (size > 0)
        memcpy(at, v->at, size);
    store_value_free(v);
    return bytes_of(at, size);
}

enum err prove_block_part(struct bytes *out,
                          struct prover *p,
                          uint64_t height,
                          enum store_block_part part)
{
    struct store_value v;

    TRY(store_get_block(&v, p->store, height, part));
    *out = prove_keep(p, &v);
    return ERR_NONE;
}

enum err prove_header(struct header *out,
                      struct bytes *bytes,
                      struct prover *p,
                      uint64_t height)
{
    TRY(prove_block_part(bytes, p, height, STORE_HEADER));
    return header_decode(out, *bytes) == ERR_NONE ? ERR_NONE : ERR_CORRUPT;
}

/* A block and its certificate. */
static enum err take_block(struct receipt_block *out,
                           struct header *header,
                           struct prover *p,
                           uint64_t height)
{
    TRY(prove_header(header, &out->header, p, height));
    return prove_block_part(&out->cert, p, height, STORE_CERT);
}

static uint64_t next_epoch(const struct header *h)
{
    return h->epoch + ((h->flags & HEADER_SEAL) != 0 ? 1 : 0);
}

/* The changes after the anchor, up to the set of an epoch. */
static enum err take_epochs(struct proving *w, uint64_t from, uint64_t to)
{
    struct prover *p = w->p;

    for (uint64_t epoch = from + 1; epoch <= to; epoch++) {
        struct validators_row row;
        struct receipt_epoch e;
        struct header h;

        if (p->receipt.epochs.count == RECEIPT_EPOCHS_MAX)
            return prove_fail(w,
                              ERR_FULL,
                              "too many changes of validators since the "
                              "anchor: give a later one");
        TRY(load_validators(&row, w->now, epoch));
        TRY(take_block(&e.block, &h, p, row.since_height));
        e.next = row.set;
        receipt_add_epoch(&p->receipt.epochs, &p->epochs, &e);
    }
    return ERR_NONE;
}

/* The certified block: the one that the statement is about, or, since the
 * anchor certifies only what comes after it, the newest. */
static enum err take_certified(struct proving *w, struct header *header)
{
    struct receipt *r = &w->p->receipt;
    const uint64_t newest = store_view_height(w->now);
    struct header older;

    if (w->height > w->q->anchor)
        return take_block(&r->block, header, w->p, w->height);
    if (r->kind == RECEIPT_VALIDATORS || newest <= w->q->anchor ||
        newest <= w->height)
        return prove_fail(
            w, ERR_NOT_FOUND, "no final block after the anchor shows it");
    w->as_of = false;
    r->parts |= RECEIPT_LINK;
    TRY(take_block(&r->block, header, w->p, newest));
    TRY(prove_header(&older, &r->link_header, w->p, w->height));
    return prove_inclusion(
        &r->link_path, w->p, header->header_log_size, w->height);
}

static enum err take_frame(struct proving *w)
{
    struct receipt *r = &w->p->receipt;
    struct header anchor;
    struct header certified;
    struct header next;
    struct validators_row first;
    uint64_t to;
    enum err e = prove_header(&anchor, &r->anchor.header, w->p, w->q->anchor);

    if (e == ERR_NOT_FOUND)
        return prove_fail(w, e, "there is no block at the anchor's height yet");
    TRY(e);
    r->chain_id = anchor.chain_id;
    r->anchor.kind = w->q->anchor == 0 ? ANCHOR_GENESIS : ANCHOR_PINNED;
    TRY(load_validators(&first, w->now, next_epoch(&anchor)));
    r->anchor.set = first.set;
    TRY(take_certified(w, &certified));
    to = certified.epoch;
    if (w->as_of) {
        r->parts |= RECEIPT_AS_OF;
        TRY(take_block(&r->successor, &next, w->p, w->height + 1));
        to = next.epoch;
    }
    return take_epochs(w, first.set.epoch, to);
}

/* ---- the block that a statement is about ---- */

static bool has_position(uint8_t kind)
{
    return receipt_has_position(kind) || kind == RECEIPT_STATEMENT;
}

static bool has_rows(uint8_t kind)
{
    return has_position(kind) || kind == RECEIPT_REGISTER;
}

static enum err height_of_date(struct proving *w)
{
    const uint64_t end =
        ((uint64_t)w->q->date + 1) * LEDGER_DAY_MS - w->p->offset_ms - 1;
    const enum err e = store_height_at(&w->height, w->now, end);

    if (e == ERR_NOT_FOUND)
        return prove_fail(w, e, "the ledger began after that date");
    w->as_of = has_rows(w->q->kind) && w->height < store_view_height(w->now);
    return e;
}

static enum err height_of_tx(struct proving *w, uint32_t *index)
{
    const enum err e = store_get_tx(&w->height, index, w->p->store, &w->q->tx);

    if (e == ERR_NOT_FOUND || w->height > store_view_height(w->now))
        return prove_fail(
            w, ERR_NOT_FOUND, "no such transaction is final here");
    return e;
}

static enum err height_of_epoch(struct proving *w)
{
    struct validators_row row;
    enum err e;

    if (w->q->epoch == 0)
        return prove_fail(
            w, ERR_NOT_FOUND, "epoch 0 began with the genesis, by no change");
    e = load_validators(&row, w->now, w->q->epoch);
    if (e == ERR_NOT_FOUND)
        return prove_fail(w, e, "there is no such epoch yet");
    TRY(e);
    w->height = row.since_height;
    w->p->receipt.of.validators = row.set;
    return ERR_NONE;
}

/* Fills in height and as_of; *index of a transaction. */
static enum err choose_block(struct proving *w, uint32_t *index)
{
    const struct prove_request *q = w->q;
    const uint64_t newest = store_view_height(w->now);

    w->height = newest;
    if (q->min_height > newest)
        return ERR_RANGE;
    if (q->kind == RECEIPT_TRANSACTION)
        return height_of_tx(w, index);
    if (q->kind == RECEIPT_VALIDATORS)
        return height_of_epoch(w);
    if (q->by_date)
        return height_of_date(w);
    if (q->by_height && q->height > newest)
        return ERR_RANGE;
    if (q->by_height)
        w->height = q->height;
    else if (w->live != NULL && w->live->height <= newest)
        w->height = w->live->height;
    return ERR_NONE;
}

/* ---- statements ---- */

static enum err check_free(struct proving *w, const struct receipt_position *p)
{
    struct account_row account;
    struct holding_row h;
    bool free_of = true;

    if (p->holding.row.size == 0)
        return prove_fail(w, ERR_NOT_FOUND, "the account holds nothing of it");
    if (schema_decode(&h, &holding_row_schema, p->holding.row) != ERR_NONE ||
        schema_decode(&account, &account_row_schema, p->account_row.row) !=
            ERR_NONE)
        return ERR_CORRUPT;
    if (!h.held)
        return prove_fail(w, ERR_NOT_FOUND, "the account holds nothing of it");
    for (uint32_t i = 0; i < h.segment_count; i++)
        free_of = free_of && h.segments[i].pledge_count == 0 &&
                  h.segments[i].freeze == 0;
    if (!free_of || h.freeze_count > 0 || account.status == ACCOUNT_FROZEN)
        return prove_fail(w,
                          ERR_REFUSED,
                          "shares of the holding are pledged or frozen, or a "
                          "freeze waits for them: ask for a holding instead");
    return ERR_NONE;
}

static enum err take_statement(struct proving *w, uint32_t index)
{
    struct receipt *r = &w->p->receipt;

    switch ((enum receipt_kind)w->q->kind) {
    case RECEIPT_TRANSACTION:
        return prove_transaction(&r->of.transaction, w, index);
    case RECEIPT_HOLDING:
    case RECEIPT_ABSENCE:
        TRY(prove_position(&r->of.position, w));
        r->kind = receipt_kind_of(&r->of.position);
        return ERR_NONE;
    case RECEIPT_UNENCUMBERED:
        TRY(prove_position(&r->of.position, w));
        return check_free(w, &r->of.position);
    case RECEIPT_REGISTER:
        return prove_register(&r->of.reg, w);
    case RECEIPT_STATEMENT:
        return prove_statement(&r->of.statement, w);
    case RECEIPT_CONSISTENCY:
        return prove_consistency(&r->of.consistency, w);
    case RECEIPT_VALIDATORS:
        return ERR_NONE; /* it has the set already */
    case RECEIPT_KINDS:
        break;
    }
    return ERR_RANGE;
}

static enum err make(struct proving *w)
{
    struct receipt *r = &w->p->receipt;
    struct header about;
    struct bytes bytes;
    uint32_t index = 0;
    enum err e;

    r->kind = w->q->kind;
    TRY(choose_block(w, &index));
    if (w->live != NULL && w->live->height != w->height)
        w->live = NULL;
    if (has_rows(r->kind))
        TRY(store_view_go_back(w->then, w->height));
    TRY(take_frame(w));
    TRY(take_statement(w, index));
    TRY(prove_header(&about, &bytes, w->p, w->height));
    e = receipt_encode(&w->out->receipt, r);
    if (e != ERR_NONE || w->out->receipt.size > w->p->bytes_max)
        return prove_fail(w, ERR_FULL, "it is too large for a receipt");
    w->out->kind = r->kind;
    w->out->height = w->height;
    w->out->date = ledger_date(about.time_ms, w->p->offset_ms);
    w->out->as_of = w->as_of;
    return ERR_NONE;
}

/* One long register is no reason to keep its room for ever. */
static void tidy(struct prover *p)
{
    arena_reset(&p->arena);
    prove_forget_big(p);
    if (p->items.cap > KEEP_BYTES)
        buf_deinit(&p->items);
    if (p->epochs.cap > KEEP_BYTES)
        buf_deinit(&p->epochs);
}

enum err prove(struct prove_answer *out,
               struct prover *p,
               const struct prove_request *q,
               const struct prove_live *live)
{
    struct proving w = {.p = p,
                        .q = q,
                        .live = live != NULL && live->any ? live : NULL,
                        .out = out};
    enum err e;

    *out = (struct prove_answer){0};
    memset(&p->receipt, 0, sizeof p->receipt);
    buf_clear(&p->epochs);
    buf_clear(&p->items);
    w.now = store_view_open(p->store);
    w.then = store_view_open(p->store);
    e = make(&w);
    if (e == ERR_RANGE)
        out->height = store_view_height(w.now);
    store_view_close(w.then);
    store_view_close(w.now);
    tidy(p);
    if (e != ERR_NONE)
        buf_deinit(&out->receipt);
    return e;
}

bool prove_wants_live(struct prover *p, const struct prove_request *q)
{
    struct prove_answer ignored = {0};
    struct proving w = {.p = p, .q = q, .out = &ignored};
    uint32_t index;
    bool wants = false;

    if (!has_rows(q->kind))
        return false;
    w.now = store_view_open(p->store);
    if (choose_block(&w, &index) == ERR_NONE)
        wants = w.height == store_view_height(w.now);
    store_view_close(w.now);
    return wants;
}

/* ---- from the state itself ---- */

void prove_take(struct prove_live *out,
                struct state *s,
                uint64_t height,
                const struct prove_request *q)
{
    struct receipt_position *x = &out->position;
    struct bytes *const rows[] = {
        &x->account_row.row, &x->security.at.row, &x->holding.row};
    size_t at = 0;

    out->height = height;
    out->any =
        (has_position(q->kind)
             ? receipt_take_position(x, s, q->code, &q->account)
             : receipt_take_security(&x->security, s, q->code)) == ERR_NONE;
    for (size_t i = 0; out->any && i < ARRAY_LEN(rows); i++)
        buf_append(&out->rows, rows[i]->at, rows[i]->size);
    for (size_t i = 0; out->any && i < ARRAY_LEN(rows); i++) {
        *rows[i] = bytes_of(out->rows.at + at, rows[i]->size);
        at += rows[i]->size;
    }
}

void prove_live_free(struct prove_live *l)
{
    buf_deinit(&l->rows);
    l->any = false;
}
