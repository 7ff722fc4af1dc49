#include "tests/receipts/rig.h"

#include "base/check.h"
#include "crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>

struct bytes rig_keep(struct rig *g, const void *at, size_t size)
{
    void *out = arena_alloc(&g->arena, size > 0 ? size : 1);

    if (size > 0)
        memcpy(out, at, size);
    return bytes_of(out, size);
}

/* ---- validators ---- */

/* Of market_key(number). */
static struct secret secret_of(uint32_t number)
{
    struct secret s = {{0}};

    s.raw[30] = (uint8_t)(number >> 8);
    s.raw[31] = (uint8_t)number;
    return s;
}

static struct secret validator_secret(uint8_t number)
{
    return secret_of(MARKET_VALIDATOR_KEYS + (uint32_t)number);
}

static int validator_cmp(const void *a, const void *b)
{
    return memcmp(a, b, PUBKEY_BYTES);
}

struct valset rig_set(uint64_t epoch, const uint8_t *numbers, uint32_t count)
{
    struct valset set = {.epoch = epoch, .count = count};

    for (uint32_t i = 0; i < count; i++) {
        set.list[i] = (struct validator){
            .key = market_key(MARKET_VALIDATOR_KEYS + (uint32_t)numbers[i]),
            .spki_hash = institution_id(numbers[i]),
            .institution = numbers[i]};
    }
    qsort(set.list, count, sizeof set.list[0], validator_cmp);
    return set;
}

static struct signature vote(struct rig *g,
                             const struct cert *c,
                             const struct valset *set,
                             uint8_t by)
{
    const struct hash set_hash = valset_hash(set);
    const struct vote_domain d = {g->chain_id, set_hash, set};
    const struct hash digest = vote_digest(&d, c->kind, c->epoch, &c->about);
    const struct secret s = validator_secret(by);
    struct signature sig;
    const enum err e = key_sign(&sig, &s, &digest);

    ASSERT(e == ERR_NONE);
    return sig;
}

static struct bytes make_cert(struct rig *g,
                              const struct header *h,
                              uint64_t view,
                              const struct valset *set,
                              uint32_t bitmap,
                              uint8_t stranger)
{
    struct cert c = {
        .kind = VOTE_FINALIZE,
        .epoch = h->epoch,
        .about = {view, view - 1, h->height, header_hash(h)},
        .bitmap = bitmap,
    };
    uint8_t buf[CERT_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);
    uint32_t at = 0;

    for (uint32_t i = 0; i < 32; i++) {
        if ((bitmap >> i & 1) == 0)
            continue;
        c.sigs[at] = vote(g,
                          &c,
                          set,
                          stranger != 0 && at == 0 ? stranger
                          : i < set->count ? (uint8_t)set->list[i].institution
                                           : 99);
        at++;
    }
    cert_encode(&w, &c);
    ASSERT(writer_ok(&w));
    return rig_keep(g, buf, w.size);
}

struct bytes rig_cert(struct rig *g,
                      const struct header *h,
                      uint64_t view,
                      const struct valset *set,
                      uint32_t bitmap)
{
    return make_cert(g, h, view, set, bitmap, 0);
}

struct bytes rig_cert_by(struct rig *g,
                         const struct header *h,
                         const struct valset *set,
                         uint32_t bitmap,
                         uint8_t stranger)
{
    return make_cert(g, h, h->view, set, bitmap, stranger);
}

struct bytes rig_header_bytes(struct rig *g, const struct header *h)
{
    uint8_t buf[HEADER_BYTES_MAX];

    return rig_keep(g, buf, header_encode(buf, h));
}

/* ---- blocks ---- */

static void keep_rows(struct rig *g, const struct change_set *set)
{
    /* Trees of reference days are dropped after 30 days: no story is so long.
     */
    ASSERT(set->drop_count == 0);
    for (uint32_t i = 0; i < set->count; i++) {
        if (g->row_count == g->row_cap) {
            g->row_cap = g->row_cap == 0 ? 256 : g->row_cap * 2;
            g->rows = realloc(g->rows, g->row_cap * sizeof g->rows[0]);
            ASSERT(g->rows != NULL);
        }
        g->rows[g->row_count++] = (struct rig_row){
            g->count,
            set->list[i].key,
            rig_keep(g, set->list[i].new_row.at, set->list[i].new_row.size)};
    }
}

static struct hash tx_root(const struct rig_block *b)
{
    struct mtree_log log = {0};

    for (uint32_t i = 0; i < b->tx_count; i++) {
        const struct hash leaf = mtree_leaf(b->txs[i]);

        mtree_log_append(&log, &leaf);
    }
    return mtree_log_root(&log);
}

static void finish(struct rig *g)
{
    struct rig_block *b = &g->blocks[g->count];
    struct header *h = &b->header;
    const struct change_set changes = overlay_changes(g->overlay);
    const struct valset *set = &g->sets[g->epoch];
    struct state_undo *undo;

    keep_rows(g, &changes);
    *h = (struct header){
        .version = HEADER_VERSION,
        .flags = g->seal ? HEADER_SEAL : 0,
        .chain_id = g->chain_id,
        .epoch = g->epoch,
        .view = g->count,
        .height = g->count,
        .time_ms = g->m->block.time_ms,
        .proposer = g->count == 0 ? 0xffff : g->count % 4,
        .header_log_size = g->count,
        .header_log_root = mtree_root(g->leaves, g->count),
        .tx_root = tx_root(b),
        .tx_count = b->tx_count,
        .validators_hash = valset_hash(set),
        .next_validators_hash = valset_hash(g->seal ? &g->next : set),
        .params_hash = genesis_params_hash(&g->m->genesis->params),
        .change_root = change_set_root(&changes),
    };
    if (g->count > 0)
        h->parent_hash = g->blocks[g->count - 1].hash;
    state_apply(g->state, &h->state_root, &undo, &changes);
    state_undo_free(undo);
    overlay_reset(g->overlay, g->state);
    b->hash = header_hash(h);
    b->epoch = g->epoch;
    b->header_bytes = rig_header_bytes(g, h);
    if (g->count > 0)
        b->cert = rig_cert(g,
                           h,
                           h->view + g->carried,
                           set,
                           set->count == 4 ? 7u << g->count % 2
                                           : 0x17u); /* exactly a quorum */
    g->leaves[g->count++] = b->hash;
    if (g->seal)
        g->sets[++g->epoch] = g->next;
    g->seal = false;
    g->carried = 0;
}

static void keep_events(struct rig *g, bool due)
{
    struct rig_block *b = &g->blocks[g->count];
    struct market *m = g->m;

    for (uint32_t i = 0; i < m->event_count; i++) {
        struct receipt_event *e = &b->events[b->event_count++];
        uint8_t buf[EVENT_BYTES_MAX];
        struct writer w = writer_of(buf, sizeof buf);

        ASSERT(b->event_count < RIG_EVENTS_MAX);
        schema_encode(&w, &event_schema, &m->events[i]);
        *e = (struct receipt_event){.height = g->count,
                                    .index = m->event_first + i};
        if (!due)
            memcpy(e->salt, m->tx->salt, sizeof e->salt);
        e->event = rig_keep(g, buf, w.size);
    }
}

void rig_next(struct rig *g, uint64_t time_ms)
{
    finish(g);
    ASSERT(g->count < RIG_BLOCKS_MAX);
    market_block(g->m, time_ms);
    ASSERT(g->m->block.height == g->count);
    keep_events(g, true);
    g->words.today = g->m->block.date;
}

void rig_second(struct rig *g)
{
    rig_next(g, g->m->block.time_ms + 1000);
}

void rig_day(struct rig *g, uint32_t days)
{
    rig_next(g, g->m->block.time_ms + (uint64_t)days * RIG_DAY_MS);
}

/* The set in force for the next block, as the state says. */
static struct valset set_in_force(struct rig *g)
{
    const struct row_key key = {.table = TABLE_VALIDATORS};
    struct validators_row row;
    const enum err e = schema_decode(
        &row, &validators_row_schema, g->m->view.get(g->m->view.ctx, &key));

    ASSERT(e == ERR_NONE);
    return row.set;
}

static struct pubkey validator_key(uint16_t institution)
{
    return market_key(MARKET_VALIDATOR_KEYS + (uint32_t)institution);
}

void rig_candidate(struct rig *g, uint16_t institution)
{
    struct op_validator_announce announce = {.number = institution,
                                             .key = validator_key(institution),
                                             .spki_hash =
                                                 institution_id(institution)};
    struct op_validator_ready ready = {.key = announce.key, .version = 1};

    rig_do(g, OP_VALIDATOR_ANNOUNCE, &announce);
    rig_do_by(g, OP_VALIDATOR_READY, &ready, institution);
}

void rig_change(struct rig *g, uint16_t leave, uint16_t join)
{
    static struct op_validators_change op;

    op.leave_count = leave != 0 ? 1 : 0;
    op.leave[0] = (struct validator_item){leave, validator_key(leave)};
    op.join_count = 1;
    op.join[0] = (struct validator_item){join, validator_key(join)};
    rig_do(g, OP_VALIDATORS_CHANGE, &op);
    g->seal = true;
    g->next = set_in_force(g);
    ASSERT(g->next.epoch == g->epoch + 1);
}

static bool no_account(void *ctx, struct hash *out, const char *name)
{
    (void)ctx;
    (void)name;
    memset(out, 0, sizeof *out);
    return false;
}

/* A document is named by the hash of its name. */
static bool document(void *ctx, struct hash *out, const char *name)
{
    (void)ctx;
    *out = hash_of(bytes_of(name, strlen(name)));
    return true;
}

struct rig *rig_new(uint64_t chain)
{
    struct rig *g = calloc(1, sizeof *g);
    struct ledger_view view;
    enum err e;

    ASSERT(g != NULL);
    g->m = market_new();
    g->words = (struct words){g, no_account, document, 0};
    g->state = state_new();
    g->overlay = overlay_new(g->state);
    view = overlay_view(g->overlay);
    g->sets[0] = genesis_valset(g->m->genesis);
    g->m->genesis->time_ms = (uint64_t)(RIG_FIRST_DAY - 1) * RIG_DAY_MS + chain;
    e = genesis_chain_id(&g->chain_id, g->m->genesis);
    ASSERT(e == ERR_NONE);
    /* From here on the market lives in the real state. */
    ledger_genesis(g->m->genesis, &view);
    g->m->view = view;
    g->m->block.chain_id = g->chain_id;
    g->m->block.height = 0;
    g->m->block.time_ms = g->m->genesis->time_ms;
    rig_next(g, (uint64_t)RIG_FIRST_DAY * RIG_DAY_MS + 3600000);
    return g;
}

void rig_free(struct rig *g)
{
    for (uint32_t i = 0; i < RIG_BLOCKS_MAX; i++)
        state_free(g->past[i]);
    market_free(g->m);
    overlay_free(g->overlay);
    state_free(g->state);
    arena_deinit(&g->arena);
    free(g->rows);
    free(g);
}

/* ---- transactions ---- */

/* The market names who signs; here they really do. */
static void sign(struct market *m)
{
    for (uint32_t i = 0; i < m->tx->sig_count; i++) {
        struct tx_sig *s = &m->tx->sigs[i];
        struct secret secret = {{0}};
        enum err e;

        for (uint32_t n = 1; n <= MARKET_KEYS; n++) {
            const struct pubkey key = market_key(n);

            if (memcmp(&key, &s->key, sizeof key) == 0)
                secret = secret_of(n);
        }
        e = key_sign(&s->sig, &secret, &m->tx->id);
        ASSERT(e == ERR_NONE);
    }
}

void rig_do(struct rig *g, uint8_t kind, const void *op)
{
    rig_do_by(g, kind, op, 0);
}

void rig_do_by(struct rig *g, uint8_t kind, const void *op, uint16_t filer)
{
    const struct market_signing signing = {.filer = filer};
    struct market *m = g->m;
    struct rig_block *b = &g->blocks[g->count];
    uint8_t *buf = arena_alloc(&g->arena, TX_BYTES_MAX);
    struct writer w = writer_of(buf, TX_BYTES_MAX);
    enum verdict v;

    market_begin(m);
    market_add(m, kind, op);
    market_prepare(m, &signing);
    tx_sort_sigs(m->tx);
    tx_encode_unsigned(&w, m->tx);
    m->tx->id = tx_id_of(writer_bytes(&w));
    sign(m);
    w = writer_of(buf, TX_BYTES_MAX);
    tx_encode(&w, m->tx);
    v = market_again(m);
    if (v != V_OK)
        fprintf(
            stderr, "%s: %s\n", op_find(kind)->schema->name, verdict_name(v));
    ASSERT(v == V_OK && writer_ok(&w) && b->tx_count < RIG_TXS_MAX);
    b->txs[b->tx_count++] = writer_bytes(&w);
    keep_events(g, false);
}

void rig_op(struct rig *g, uint8_t kind, void *op, const char *security)
{
    words_defaults(&g->words, op_find(kind), op, security, g->m->block.time_ms);
}

static void account_nonce(uint8_t nonce[16], char name)
{
    memset(nonce, 0, 16);
    nonce[0] = (uint8_t)name;
}

/* What the account's row commits to, by name. */
struct identity rig_identity(char name)
{
    static const char *const names[26] = {
        ['A' - 'A'] = "\xe5\xbc\xa0\xe4\xb8\x89", /* Zhang San */
        ['B' - 'A'] = "\xe6\x9d\x8e\xe5\x9b\x9b", /* Li Si */
    };
    const uint32_t i = (uint32_t)(name - 'A') % 26;
    const char *text = names[i] != NULL ? names[i] : "Holder";
    struct identity id = {.id_type = bytes_of("ID", 2),
                          .id_number = bytes_of("11010119900307", 14),
                          .name = bytes_of(text, strlen(text))};

    memset(id.salt, name, sizeof id.salt);
    return id;
}

struct hash rig_account(struct rig *g, char name)
{
    const struct row_key key = {.table = TABLE_ACCOUNTS};
    struct op_account_open op;
    struct row_key k = key;
    const uint32_t number = (uint32_t)(uint8_t)name;
    const struct identity id = rig_identity(name);

    account_nonce(op.nonce, name);
    k.key = account_id_of(&g->chain_id, MARKET_R1, op.nonce);
    if (g->m->view.get(g->m->view.ctx, &k).size > 0)
        return k.key;
    rig_op(g, OP_ACCOUNT_OPEN, &op, "X");
    op.custodian = MARKET_R1;
    account_nonce(op.nonce, name);
    op.subject_tag = hash_of(bytes_of(&name, 1));
    op.identity = identity_commitment(&k.key, &id);
    market_keys(&op.policy, &number, 1, 1);
    rig_do(g, OP_ACCOUNT_OPEN, &op);
    return k.key;
}

void rig_register(struct rig *g,
                  const char *code,
                  const char *names,
                  const uint64_t *shares)
{
    struct op_security_create create;
    struct op_register_open open;
    static struct op_register_lines lines;
    struct op_register_confirm confirm;
    struct mtree_log log = {0};
    const uint32_t count = (uint32_t)strlen(names);

    rig_op(g, OP_SECURITY_CREATE, &create, code);
    memset(create.code, 0, sizeof create.code);
    memcpy(create.code, code, strlen(code));
    create.issuer = rig_account(g, 'I');
    create.registrar = MARKET_R1;
    create.t_plus = 5;
    create.holder_cap = 200;
    rig_do(g, OP_SECURITY_CREATE, &create);
    rig_op(g, OP_REGISTER_LINES, &lines, code);
    rig_op(g, OP_REGISTER_OPEN, &open, code);
    rig_op(g, OP_REGISTER_CONFIRM, &confirm, code);
    for (uint32_t i = 0; i < count; i++) {
        struct hash leaf;

        lines.lines[i] = (struct register_line){
            .account = rig_account(g, names[i]),
            .quantity = {shares[i]},
            .acquired = g->m->block.date,
        };
        leaf = register_line_leaf(&lines.lines[i]);
        mtree_log_append(&log, &leaf);
        open.issued.shares += shares[i];
    }
    lines.line_count = count;
    open.line_count = count;
    open.root = mtree_log_root(&log);
    if (count == 0)
        return; /* stays a draft without a holding */
    rig_do(g, OP_REGISTER_OPEN, &open);
    rig_do(g, OP_REGISTER_LINES, &lines);
    rig_do(g, OP_REGISTER_CONFIRM, &confirm);
}

/* ---- receipts ---- */

struct state *rig_load(struct rig *g, uint64_t height)
{
    struct state *s = state_new();
    struct hash root;

    ASSERT(height < g->count);
    for (uint32_t i = 0; i < g->row_count; i++) {
        const struct rig_row *r = &g->rows[i];
        bool newest = r->height <= height && r->row.size > 0;

        for (uint32_t k = i + 1; newest && k < g->row_count; k++)
            newest = g->rows[k].height > height ||
                     memcmp(&g->rows[k].key, &r->key, sizeof r->key) != 0;
        if (newest) {
            const enum err e = state_load(s, &r->key, r->row);

            ASSERT(e == ERR_NONE);
        }
    }
    root = state_root(s);
    ASSERT(hash_eq(&root, &g->blocks[height].header.state_root));
    return s;
}

struct state *rig_state(struct rig *g, uint64_t height)
{
    ASSERT(height < g->count);
    if (g->past[height] == NULL)
        g->past[height] = rig_load(g, height);
    return g->past[height];
}

static struct receipt_block block_of(const struct rig *g, uint64_t height)
{
    return (struct receipt_block){g->blocks[height].header_bytes,
                                  g->blocks[height].cert};
}

static bool sealed(const struct rig *g, uint64_t height)
{
    return (g->blocks[height].header.flags & HEADER_SEAL) != 0;
}

/* Epochs up to the one of a block. */
static void put_epochs(struct rig *g,
                       struct receipt *r,
                       uint64_t anchor,
                       uint32_t to)
{
    struct buf bytes = {0};

    r->epochs = (struct receipt_list){0};
    for (uint64_t h = anchor + 1; h < g->count; h++) {
        const struct rig_block *b = &g->blocks[h];
        const struct receipt_epoch e = {block_of(g, h), g->sets[b->epoch + 1]};

        if (sealed(g, h) && b->epoch < to)
            receipt_add_epoch(&r->epochs, &bytes, &e);
    }
    r->epochs.items = rig_keep(g, bytes.at, bytes.size);
    buf_deinit(&bytes);
}

void rig_frame(struct rig *g,
               struct receipt *r,
               uint8_t kind,
               uint64_t height,
               uint64_t anchor)
{
    const struct rig_block *a = &g->blocks[anchor];

    memset(r, 0, sizeof *r);
    r->kind = kind;
    r->chain_id = g->chain_id;
    r->anchor.kind = anchor == 0 ? ANCHOR_GENESIS : ANCHOR_PINNED;
    r->anchor.header = a->header_bytes;
    r->anchor.set = g->sets[a->epoch + (sealed(g, anchor) ? 1 : 0)];
    r->block = block_of(g, height);
    put_epochs(g, r, anchor, g->blocks[height].epoch);
}

struct mtree_proof rig_path(struct rig *g, uint64_t leaf, uint64_t size)
{
    const struct mtree_source source = {g->leaves, mtree_node_of_leaves};
    struct mtree_proof p;
    const enum err e = mtree_prove_inclusion(&p, &source, size, leaf);

    ASSERT(e == ERR_NONE);
    return p;
}

static uint64_t height_of(struct bytes header)
{
    struct header h;
    const enum err e = header_decode(&h, header);

    ASSERT(e == ERR_NONE);
    return h.height;
}

void rig_link(struct rig *g, struct receipt *r, uint64_t older)
{
    r->parts |= RECEIPT_LINK;
    r->link_header = g->blocks[older].header_bytes;
    r->link_path = rig_path(g, older, height_of(r->block.header));
}

void rig_as_of(struct rig *g, struct receipt *r)
{
    const uint64_t height = height_of(r->block.header);

    r->parts |= RECEIPT_AS_OF;
    r->successor = block_of(g, height + 1);
    put_epochs(g, r, height_of(r->anchor.header), g->blocks[height + 1].epoch);
}

void rig_position(struct rig *g,
                  struct receipt *r,
                  uint64_t height,
                  const char *code,
                  char name)
{
    const struct hash account = rig_account(g, name);
    const enum err e = receipt_take_position(
        &r->of.position, rig_state(g, height), code, &account);

    ASSERT(e == ERR_NONE);
}

void rig_lines(struct rig *g,
               struct receipt *r,
               uint64_t height,
               const char *code)
{
    struct buf bytes = {0};
    const enum err e =
        receipt_take_security(&r->of.reg.security, rig_state(g, height), code);

    ASSERT(e == ERR_NONE);
    receipt_take_lines(&r->of.reg.lines, &bytes, rig_state(g, height), code);
    r->of.reg.lines.items = rig_keep(g, bytes.at, bytes.size);
    buf_deinit(&bytes);
}

static struct hash chain_of(struct bytes row)
{
    struct holding_row h;
    const enum err e = schema_decode(&h, &holding_row_schema, row);

    ASSERT(e == ERR_NONE);
    return h.chain;
}

void rig_statement(struct rig *g,
                   struct receipt *r,
                   uint64_t height,
                   uint64_t earlier,
                   const char *code,
                   char name)
{
    struct receipt_statement *x = &r->of.statement;
    const struct hash account = rig_account(g, name);
    struct buf bytes = {0};
    struct hash chain = {{0}};
    enum err e =
        receipt_take_position(&x->now, rig_state(g, height), code, &account);

    ASSERT(e == ERR_NONE);
    x->from_start = earlier == UINT64_MAX;
    if (!x->from_start) {
        x->earlier_header = g->blocks[earlier].header_bytes;
        x->earlier_path = rig_path(g, earlier, height);
        e = receipt_take_security(
            &x->earlier_security, rig_state(g, earlier), code);
        ASSERT(e == ERR_NONE);
        receipt_take_holding(
            &x->earlier_holding, rig_state(g, earlier), code, &account);
        chain = chain_of(x->earlier_holding.row);
    }
    x->events = (struct receipt_list){0};
    for (uint64_t h = x->from_start ? 1 : earlier + 1; h <= height; h++) {
        struct receipt_holding then;
        struct hash end = chain;

        receipt_take_holding(&then, rig_state(g, h), code, &account);
        if (then.row.size > 0)
            end = chain_of(then.row);
        e = receipt_follow(&x->events,
                           &bytes,
                           &chain,
                           &end,
                           code,
                           &account,
                           g->blocks[h].events,
                           g->blocks[h].event_count);
        ASSERT(e == ERR_NONE);
    }
    x->events.items = rig_keep(g, bytes.at, bytes.size);
    buf_deinit(&bytes);
}

void rig_transaction(struct rig *g,
                     struct receipt *r,
                     uint64_t height,
                     uint32_t index)
{
    const struct rig_block *b = &g->blocks[height];
    struct hash leaves[RIG_TXS_MAX];

    for (uint32_t i = 0; i < b->tx_count; i++)
        leaves[i] = mtree_leaf(b->txs[i]);
    r->of.transaction.index = index;
    r->of.transaction.tx = b->txs[index];
    r->of.transaction.path.count =
        mtree_prove(r->of.transaction.path.steps, leaves, b->tx_count, index);
}

void rig_consistency(struct rig *g,
                     struct receipt *r,
                     uint64_t height,
                     uint64_t earlier)
{
    const struct mtree_source source = {g->leaves, mtree_node_of_leaves};
    enum err e;

    r->of.consistency.earlier_header = g->blocks[earlier].header_bytes;
    r->of.consistency.inclusion = rig_path(g, earlier, height);
    e = mtree_prove_consistency(
        &r->of.consistency.consistency, &source, earlier, height);
    ASSERT(e == ERR_NONE);
}

void rig_disclose(struct receipt *r, char name)
{
    r->parts |= RECEIPT_DISCLOSURE;
    r->identity = rig_identity(name);
}

struct trust rig_trust(const struct rig *g, uint64_t pinned)
{
    struct trust t = {.chain_id = g->chain_id,
                      .genesis = true,
                      .genesis_hash = g->blocks[0].hash,
                      .validators = true,
                      .set = g->sets[0]};

    if (pinned != 0) {
        t.pin_count = 1;
        t.pins[0] = (struct trust_pin){pinned, g->blocks[pinned].hash};
    }
    return t;
}
