#include "tests/market/market.h"
#include "tests/market/told.h"

#include "base/check.h"
#include "base/num.h"
#include "chain/mtree.h"
#include "crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    DAY_MS = 86400000,
    MORNING_MS = 3600000,
    KEYS_OF_INSTITUTION = 200, /* key numbers of institution n: 200 + 4n ... */
};

struct pubkey market_key(uint32_t number)
{
    static struct pubkey keys[MARKET_KEYS + 1];
    static bool made[MARKET_KEYS + 1];

    ASSERT(number >= 1 && number <= MARKET_KEYS);
    if (!made[number]) {
        struct secret s = {{0}};
        enum err e;

        s.raw[30] = (uint8_t)(number >> 8);
        s.raw[31] = (uint8_t)number;
        e = key_public(&keys[number], &s);
        ASSERT(e == ERR_NONE);
        made[number] = true;
    }
    return keys[number];
}

static int key_cmp(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct pubkey));
}

void market_keys(struct key_policy *p,
                 const uint32_t *numbers,
                 uint32_t count,
                 uint8_t threshold)
{
    ASSERT(count <= ACCOUNT_KEYS_MAX);
    memset(p, 0, sizeof *p);
    for (uint32_t i = 0; i < count; i++)
        p->keys[i] = market_key(numbers[i]);
    if (count > 0)
        qsort(p->keys, count, sizeof p->keys[0], key_cmp);
    p->key_count = count;
    p->threshold = threshold;
}

static void on_event(void *ctx,
                     uint32_t index,
                     const struct event *e,
                     struct bytes bytes)
{
    struct market *m = ctx;
    const uint32_t place = index - m->event_first;

    (void)bytes;
    ASSERT(index >= m->event_first);
    if (place < MARKET_EVENTS)
        m->events[place] = *e;
}

static void events_from_here(struct market *m)
{
    m->event_first = m->block.event_count;
    m->event_count = 0;
}

/* Only what the block counts was emitted: a refusal takes its events back. */
static void count_events(struct market *m)
{
    uint64_t h = 0;

    m->event_count = m->block.event_count - m->event_first;
    for (uint32_t i = 0; i < m->event_count && i < MARKET_EVENTS; i++) {
        uint8_t buf[EVENT_BYTES_MAX];
        struct writer w = writer_of(buf, sizeof buf);

        schema_encode(&w, &event_schema, &m->events[i]);
        for (size_t k = 0; k < w.size; k++)
            h = (h ^ buf[k]) * 0x100000001b3u;
    }
    m->event_digest = h;
}

void market_block(struct market *m, uint64_t time_ms)
{
    const uint64_t parent = m->block.time_ms;
    const struct hash chain = m->block.chain_id;

    if (m->on_end != NULL)
        m->on_end(m->ctx);
    rows_step(m->rows);
    rows_block(m->rows);
    m->event_first = 0;
    ledger_begin_block(&m->block,
                       &chain,
                       m->block.height + 1,
                       time_ms,
                       parent,
                       0,
                       &m->view,
                       on_event,
                       m);
    count_events(m);
    if (m->on_block != NULL)
        m->on_block(m->ctx, parent);
}

void market_date(struct market *m, uint32_t date)
{
    const uint64_t morning = (uint64_t)date * DAY_MS + MORNING_MS;

    market_block(
        m, morning > m->block.time_ms ? morning : m->block.time_ms + 1000);
}

void market_next_block(struct market *m)
{
    market_block(m, m->block.time_ms + 1000);
}

static void add_institution(struct genesis *g, uint16_t number, uint16_t roles)
{
    static const char *const codes[] = {
        "", "R1", "R2", "MEMBER", "BANK", "NOTARY", "COURT"};
    struct genesis_institution *x = &g->institutions[g->institution_count++];
    const uint32_t key = KEYS_OF_INSTITUTION + 4u * number;

    x->number = number;
    memcpy(x->code, codes[number], strlen(codes[number]));
    x->roles = roles;
    x->key_count = 3;
    x->keys[0] = (struct institution_key){market_key(key), KEY_MAKER};
    x->keys[1] = (struct institution_key){market_key(key + 1), KEY_CHECKER};
    x->keys[2] = (struct institution_key){market_key(key + 2), KEY_OPERATOR};
}

/* Its consensus key has the number 200 + that of the institution. */
static void add_validator(struct genesis *g, uint16_t number)
{
    g->validators[g->validator_count++] =
        (struct validator){.key = market_key(MARKET_VALIDATOR_KEYS + number),
                           .spki_hash = institution_id(number),
                           .institution = number};
    qsort(g->validators, g->validator_count, sizeof g->validators[0], key_cmp);
}

static void add_authority(struct genesis *g,
                          const char *code,
                          const char *superior,
                          enum authority_type type)
{
    struct genesis_authority *a = &g->authorities[g->authority_count++];

    memcpy(a->code, code, strlen(code));
    memcpy(a->superior, superior, strlen(superior));
    a->type = (uint8_t)type;
}

/* Mondays to Fridays trade. */
static void add_year(struct genesis *g, uint16_t year)
{
    struct genesis_year *y = &g->years[g->year_count++];
    uint32_t first;
    uint32_t next;
    bool ok = num_days_of_date(&first, year, 1, 1);

    ok = ok && num_days_of_date(&next, year + 1u, 1, 1);
    ASSERT(ok);
    y->year = year;
    for (uint32_t day = first; day < next; day++) {
        if ((day + 3) % 7 < 5) /* 1970-01-01 was a Thursday */
            y->trading[(day - first) / 8] |=
                (uint8_t)(1u << ((day - first) % 8));
    }
}

struct market *market_new(void)
{
    struct market *m = calloc(1, sizeof *m);
    struct genesis *g;

    ASSERT(m != NULL);
    m->rows = rows_new();
    m->view = rows_view(m->rows);
    m->tx = calloc(1, sizeof *m->tx);
    m->ops = calloc(MARKET_TX_OPS, sizeof m->ops[0]);
    m->bytes = calloc(1, TX_BYTES_MAX);
    g = m->genesis = calloc(1, sizeof *m->genesis);
    ASSERT(m->tx != NULL && m->ops != NULL && m->bytes != NULL && g != NULL);
    m->block.chain_id.raw[0] = 0xc1;
    for (uint16_t i = MARKET_R1; i <= MARKET_BANK; i++)
        add_validator(g, i);
    add_institution(g, MARKET_R1, ROLE_REGISTRAR);
    add_institution(g, MARKET_R2, ROLE_REGISTRAR);
    add_institution(g, MARKET_MEMBER, ROLE_MEMBER);
    add_institution(g, MARKET_BANK, ROLE_BANK);
    add_institution(g, MARKET_NOTARY, ROLE_NOTARY);
    add_institution(g, MARKET_COURT, ROLE_COURT);
    add_authority(g, "COURT-A", "COURT-HIGH", AUTHORITY_COURT);
    add_authority(g, "COURT-B", "COURT-HIGH", AUTHORITY_COURT);
    add_authority(g, "COURT-C", "COURT-HIGH", AUTHORITY_COURT);
    add_authority(g, "COURT-HIGH", "COURT-HIGH", AUTHORITY_COURT);
    add_authority(g, "POLICE", "POLICE", AUTHORITY_POLICE);
    for (uint16_t i = 0; i < MARKET_YEARS; i++)
        add_year(g, (uint16_t)(MARKET_FIRST_YEAR + i));
    g->time_ms = (uint64_t)20454 * DAY_MS; /* 2026-01-01 */
    m->block.time_ms = g->time_ms;
    ledger_genesis(g, &m->view);
    market_next_block(m);
    return m;
}

void market_free(struct market *m)
{
    if (m == NULL)
        return;
    rows_free(m->rows);
    free(m->genesis);
    free(m->tx);
    free(m->ops);
    free(m->bytes);
    free(m);
}

/* ---- signatures ---- */

static bool skipped(const struct market_signing *s, const struct principal *p)
{
    for (uint32_t i = 0; i < s->skip_count; i++) {
        if (principal_cmp(&s->skip[i], p) == 0)
            return true;
    }
    return false;
}

static void sign(struct tx *tx,
                 const struct principal *who,
                 const struct pubkey *key)
{
    for (uint32_t p = 0; p < tx->principal_count; p++) {
        if (principal_cmp(&tx->principals[p], who) != 0)
            continue;
        for (uint32_t i = 0; i < tx->sig_count; i++) {
            if (tx->sigs[i].principal == p &&
                memcmp(&tx->sigs[i].key, key, sizeof *key) == 0)
                return;
        }
        ASSERT(tx->sig_count < TX_SIGS_MAX);
        tx->sigs[tx->sig_count++] =
            (struct tx_sig){.principal = (uint8_t)p,
                            .key_type = KEY_TYPE_SECP256K1,
                            .key = *key};
        return;
    }
}

/* Signs with the institution's first key of the role. */
static void sign_role(struct market *m,
                      const struct principal *who,
                      uint16_t role)
{
    static const struct hash zero;
    const struct row_key key = {TABLE_INSTITUTIONS, zero, who->id};
    struct institution_row row;

    if (schema_decode(&row,
                      &institution_row_schema,
                      m->view.get(m->view.ctx, &key)) != ERR_NONE)
        return;
    for (uint32_t i = 0; i < row.key_count; i++) {
        if ((row.keys[i].roles & role) != 0) {
            sign(m->tx, who, &row.keys[i].key);
            return;
        }
    }
}

static void add_principal(struct tx *tx, const struct principal *p)
{
    for (uint32_t i = 0; i < tx->principal_count; i++) {
        if (principal_cmp(&tx->principals[i], p) == 0)
            return;
    }
    ASSERT(tx->principal_count < TX_PRINCIPALS_MAX);
    tx->principals[tx->principal_count++] = *p;
}

/* The first `threshold` institutions that run a validator and are not left
 * out. */
static uint32_t governors(const struct market *m,
                          struct principal *out,
                          uint32_t threshold,
                          const struct market_signing *s)
{
    const struct row_key key = {.table = TABLE_VALIDATORS};
    struct validators_row row;
    uint32_t count = 0;

    if (schema_decode(&row,
                      &validators_row_schema,
                      m->view.get(m->view.ctx, &key)) != ERR_NONE)
        return 0;
    for (uint32_t i = 0; i < row.set.count && count < threshold; i++) {
        out[count] = (struct principal){
            PRINCIPAL_INSTITUTION, institution_id(row.set.list[i].institution)};
        if (!skipped(s, &out[count]))
            count++;
    }
    return count;
}

static void sign_need(struct market *m,
                      const struct need *n,
                      const struct market_signing *s)
{
    switch ((enum need_how)n->how) {
    case NEED_KEYS:
        if (skipped(s, &n->who))
            return;
        if (s->other_key != 0 && hash_eq(&n->who.id, &s->other_account)) {
            const struct pubkey key = market_key(s->other_key);

            sign(m->tx, &n->who, &key);
            return;
        }
        for (uint32_t i = 0; i < n->threshold && i < n->key_count; i++)
            sign(m->tx, &n->who, &n->keys[i]);
        return;
    case NEED_MAKER:
    case NEED_MAKER_CHECKER:
        if (skipped(s, &n->who))
            return;
        sign_role(m, &n->who, KEY_MAKER);
        if (!s->no_checker)
            sign_role(m, &n->who, KEY_CHECKER);
        return;
    case NEED_OPERATOR:
        if (!skipped(s, &n->who))
            sign_role(m, &n->who, KEY_OPERATOR);
        return;
    case NEED_GOVERNANCE: {
        struct principal who[VALIDATORS_MAX];
        const uint32_t count = governors(m, who, n->threshold, s);

        for (uint32_t i = 0; i < count; i++)
            sign_role(m, &who[i], KEY_OPERATOR);
        return;
    }
    case NEED_HOWS:
        return;
    }
}

/* The institution that announced the validator; R1 if none did. */
static uint16_t announcer_of(const struct market *m, const struct pubkey *key)
{
    for (uint16_t i = 1; i <= MARKET_INSTITUTIONS; i++) {
        const struct row_key at = {.table = TABLE_CANDIDATES,
                                   .key = institution_id(i)};
        struct candidate_row row;

        if (schema_decode(&row,
                          &candidate_row_schema,
                          rows_get(m->rows, &at)) == ERR_NONE &&
            memcmp(&row.key, key, sizeof *key) == 0)
            return i;
    }
    return MARKET_R1;
}

/* The transaction is filed by an institution that signs anyhow, if one does. */
static uint16_t filer_of(const struct market *m,
                         const struct needs *needs,
                         uint32_t count)
{
    uint16_t number;

    if (count == 1 && m->defs[0]->kind == OP_VALIDATOR_READY)
        return announcer_of(m, &m->ops[0].op_validator_ready.key);

    for (uint32_t k = 0; k < count; k++) {
        for (uint32_t i = 0; i < needs[k].count; i++) {
            const struct need *n = &needs[k].list[i];

            if ((n->how == NEED_MAKER || n->how == NEED_MAKER_CHECKER) &&
                institution_number(&number, &n->who.id))
                return number;
        }
    }
    return MARKET_R1;
}

static void sign_all(struct market *m, const struct market_signing *s)
{
    static struct needs needs[MARKET_TX_OPS];
    struct tx *tx = m->tx;
    struct hash about;
    struct principal filer = {.kind = PRINCIPAL_INSTITUTION};
    bool filed = false;

    for (uint32_t k = 0; k < tx->op_count; k++)
        (void)needs_of_op(
            &needs[k], &about, &m->view, &tx->chain_id, m->defs[k], &m->ops[k]);
    tx->institution =
        s->filer != 0 ? s->filer : filer_of(m, needs, tx->op_count);
    filer.id = institution_id(tx->institution);
    for (uint32_t k = 0; k < tx->op_count; k++)
        filed = filed || m->defs[k]->filer != FILER_NONE;
    if (filed)
        add_principal(tx, &filer);
    for (uint32_t k = 0; k < tx->op_count; k++) {
        for (uint32_t i = 0; i < needs[k].count; i++) {
            const struct need *n = &needs[k].list[i];
            struct principal who[VALIDATORS_MAX] = {n->who};
            const uint32_t count = n->how == NEED_GOVERNANCE
                                       ? governors(m, who, n->threshold, s)
                                       : 1;

            for (uint32_t p = 0; p < count; p++) {
                if (!skipped(s, &who[p]))
                    add_principal(tx, &who[p]);
            }
        }
    }
    tx_sort_principals(tx);
    for (uint32_t k = 0; k < tx->op_count; k++) {
        for (uint32_t i = 0; i < needs[k].count; i++)
            sign_need(m, &needs[k].list[i], s);
    }
    sign_role(m, &filer, KEY_MAKER);
    if (s->stranger) {
        const struct pubkey key = market_key(MARKET_KEYS);

        sign(tx, &filer, &key);
    }
    tx_sort_sigs(tx);
}

/* ---- transactions ---- */

void market_begin(struct market *m)
{
    m->tx->op_count = 0;
    m->tx->principal_count = 0;
    m->tx->sig_count = 0;
}

void market_add(struct market *m, uint8_t kind, const void *op)
{
    const uint32_t i = m->tx->op_count++;

    ASSERT(i < MARKET_TX_OPS);
    m->defs[i] = op_find(kind);
    ASSERT(m->defs[i] != NULL);
    memcpy(&m->ops[i], op, m->defs[i]->schema->size);
}

static void encode_ops(struct market *m)
{
    struct writer w = writer_of(m->bytes, TX_BYTES_MAX);
    size_t at = 0;

    for (uint32_t i = 0; i < m->tx->op_count; i++) {
        op_encode(&w, m->defs[i], &m->ops[i]);
        ASSERT(writer_ok(&w));
        m->tx->ops[i] = bytes_of(m->bytes + at, w.size - at);
        at = w.size;
    }
}

static void problem(struct market *m, const char *text)
{
    if (m->problem[0] == '\0')
        (void)snprintf(m->problem, sizeof m->problem, "%s", text);
}

static bool digest_eq(struct rows_digest x, struct rows_digest y)
{
    return x.a == y.a && x.b == y.b;
}

static enum verdict apply(struct market *m)
{
    enum verdict v;

    events_from_here(m);
    v = ledger_apply(&m->block, m->tx, &m->why);
    count_events(m);
    return v;
}

/* A refusal is one that the operation's table, and so RULES.md, names; the
 * envelope and the signatures have theirs besides. */
static void check_declared(struct market *m, enum verdict v)
{
    const struct op_def *def;
    char text[160];

    if (v < V_UNKNOWN || v == V_ROLE || v == V_NOT_REGISTRAR ||
        m->why.op_index >= m->tx->op_count)
        return;
    def = m->defs[m->why.op_index];
    for (uint32_t i = 0; i < OP_VERDICTS_MAX && def->verdicts[i] != V_OK; i++) {
        if (def->verdicts[i] == v)
            return;
    }
    (void)snprintf(text,
                   sizeof text,
                   "%s is refused with %s, which its table does not name",
                   def->schema->name,
                   verdict_name(v));
    problem(m, text);
}

/* Applies the transaction; first on trial, if wanted.
 *
 * I13: what is refused changes nothing. */
static enum verdict apply_checked(struct market *m)
{
    const struct ledger_block before = m->block;
    struct rows_digest start;
    enum verdict v;

    rows_step(m->rows);
    start = rows_digest(m->rows);
    if (m->twice) {
        const enum verdict trial = apply(m);
        const uint64_t events = m->event_digest;
        const struct rows_digest after = rows_digest(m->rows);
        const struct refusal why = m->why;

        rows_back(m->rows);
        m->block = before;
        if (!digest_eq(rows_digest(m->rows), start))
            problem(m, "a trial left something behind");
        v = apply(m);
        if (v != trial || memcmp(&why, &m->why, sizeof why) != 0)
            problem(m, "the trial gave another verdict than the execution");
        if (events != m->event_digest ||
            !digest_eq(after, rows_digest(m->rows)))
            problem(m, "the trial did not do the same as the execution");
    } else {
        v = apply(m);
    }
    if (m->on_tx != NULL)
        m->on_tx(m->ctx, v);
    told(m->tx, &m->why, v);
    if (v == V_OK)
        return v;
    if (!digest_eq(rows_digest(m->rows), start))
        problem(m, "I13: a refused transaction changed rows");
    if (m->event_count != 0 || m->block.tx_index != before.tx_index)
        problem(m, "I13: a refused transaction left events");
    if (m->why.verdict != v)
        problem(m, "the refusal names another verdict");
    check_declared(m, v);
    return v;
}

void market_prepare(struct market *m, const struct market_signing *s)
{
    static const struct market_signing all;
    struct tx *tx = m->tx;

    m->serial++;
    tx->chain_id = m->block.chain_id;
    tx->reference.day = m->block.date;
    memset(tx->reference.serial, 0, sizeof tx->reference.serial);
    memcpy(tx->reference.serial, &m->serial, sizeof m->serial);
    tx->valid_until = m->block.date + TX_WINDOW_DAYS;
    memcpy(tx->salt, &m->serial, sizeof m->serial);
    memset(&tx->id, 0, sizeof tx->id);
    tx->id.raw[31] = 1;
    memcpy(tx->id.raw, &m->serial, sizeof m->serial);
    m->last_id = tx->id;
    encode_ops(m);
    sign_all(m, s != NULL ? s : &all);
}

enum verdict market_send(struct market *m, const struct market_signing *s)
{
    market_prepare(m, s);
    return apply_checked(m);
}

enum verdict market_again(struct market *m)
{
    return apply_checked(m);
}

enum verdict market_do(struct market *m, uint8_t kind, const void *op)
{
    market_begin(m);
    market_add(m, kind, op);
    return market_send(m, NULL);
}

/* ---- registers ---- */

static enum verdict load_lines(struct market *m,
                               const char *code,
                               const struct register_line *lines,
                               uint32_t count)
{
    static struct op_register_lines op;
    enum verdict v = V_OK;

    for (uint32_t from = 0; from < count && v == V_OK; from += op.line_count) {
        memset(&op, 0, sizeof op);
        memcpy(op.security, code, strlen(code));
        op.first = from;
        op.line_count =
            count - from < OP_LINES_MAX ? count - from : OP_LINES_MAX;
        memcpy(op.lines, lines + from, op.line_count * sizeof op.lines[0]);
        v = market_do(m, OP_REGISTER_LINES, &op);
    }
    return v;
}

enum verdict market_register(struct market *m,
                             const char *code,
                             const struct register_line *lines,
                             uint32_t count,
                             uint64_t issued)
{
    struct op_register_open open = {.issued = {issued}, .line_count = count};
    struct op_register_confirm confirm = {.document = {{1}}};
    struct mtree_log log = {0};
    enum verdict v;

    for (uint32_t i = 0; i < count; i++) {
        const struct hash leaf = register_line_leaf(&lines[i]);

        mtree_log_append(&log, &leaf);
    }
    open.root = mtree_log_root(&log);
    open.document.raw[0] = 1;
    memcpy(open.security, code, strlen(code));
    memcpy(confirm.security, code, strlen(code));
    v = market_do(m, OP_REGISTER_OPEN, &open);
    if (v == V_OK)
        v = load_lines(m, code, lines, count);
    return v == V_OK ? market_do(m, OP_REGISTER_CONFIRM, &confirm) : v;
}
