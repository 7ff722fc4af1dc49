#include "tests/market/maker.h"

#include "base/check.h"
#include "chain/mtree.h"

#include <stdio.h>
#include <stdlib.h>

static const struct hash zero;

/* splitmix64 */
static uint64_t next(struct maker *k)
{
    uint64_t z = k->dice += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t maker_roll(struct maker *k, uint64_t below)
{
    return below == 0 ? 0 : next(k) % below;
}

static bool often(struct maker *k, uint32_t percent)
{
    return maker_roll(k, 100) < percent;
}

static bool get(const struct maker *k,
                void *row,
                uint8_t table,
                const struct hash *tree,
                const struct hash *key)
{
    const struct row_key at = {table, *tree, *key};
    const struct bytes bytes = rows_get(k->m->rows, &at);

    return bytes.size > 0 &&
           schema_decode(row, row_schema(table), bytes) == ERR_NONE;
}

static struct hash some_hash(struct maker *k)
{
    struct hash h = {{0}};
    const uint64_t n = next(k);

    memcpy(h.raw, &n, sizeof n);
    h.raw[31] = 1;
    return h;
}

static struct hash some_account(struct maker *k)
{
    if (k->account_count == 0 || maker_roll(k, 400) == 0)
        return some_hash(k);
    if (k->narrow && often(k, 95))
        return k->accounts[1 + maker_roll(k, 2)];
    return k->accounts[maker_roll(k, k->account_count)];
}

/* ---- what the operation is made around ---- */

enum want {
    WANT_ANY,
    WANT_PLEDGE,
    WANT_DEFAULTED,
    WANT_FREEZE,
    WANT_LOCK,
    WANT_FREE,
};

static enum want want_of(uint8_t kind)
{
    switch (kind) {
    case OP_TRANSFER_PLEDGED:
    case OP_PLEDGE_CREATE_RANKED:
    case OP_PLEDGE_RELEASE_PART:
    case OP_PLEDGE_RELEASE:
    case OP_PLEDGE_AMEND:
    case OP_PLEDGE_DEFAULT:
    case OP_PLEDGE_REVOKE:
    case OP_PLEDGE_ASSIGN:
        return WANT_PLEDGE;
    case OP_PLEDGE_ENFORCE:
        return WANT_DEFAULTED;
    case OP_FREEZE_RELEASE:
    case OP_FREEZE_RENEW:
        return WANT_FREEZE;
    case OP_LOCK_LIFT:
        return WANT_LOCK;
    case OP_TRANSFER:
    case OP_TRANSFER_GIFT:
    case OP_PLEDGE_CREATE:
        return WANT_FREE;
    default:
        return WANT_ANY;
    }
}

static bool is_defaulted(const struct maker *k, uint64_t number)
{
    const struct hash tree = security_key(k->securities[k->security]);
    const struct hash key = number_key(number);
    struct pledge_row p;

    return get(k, &p, TABLE_PLEDGES, &tree, &key) &&
           p.status == PLEDGE_DEFAULTED;
}

static bool fits(const struct maker *k, const struct segment *s, enum want w)
{
    switch (w) {
    case WANT_ANY:
        return true;
    case WANT_PLEDGE:
        return s->pledge_count > 0;
    case WANT_DEFAULTED:
        return s->pledge_count == 1 && s->freeze == 0 &&
               is_defaulted(k, s->pledges[0].number);
    case WANT_FREEZE:
        return k->holding.freeze_count > 0;
    case WANT_LOCK:
        return s->lock_until > 0;
    case WANT_FREE:
        return s->pledge_count == 0 && s->freeze == 0;
    }
    return true;
}

/* Whether the security is in a state that the operation is for. */
static bool status_fits(const struct security_row *s, uint8_t kind)
{
    const unsigned open = 1u << SECURITY_REGISTERED | 1u << SECURITY_LISTED;
    unsigned states = open;

    if (kind == OP_REGISTER_OPEN || kind == OP_REGISTER_LINES ||
        kind == OP_REGISTER_CONFIRM || kind == OP_REGISTER_CANCEL)
        states = 1u << SECURITY_DRAFT;
    else if (kind == OP_SECURITY_RESUME)
        states = 1u << SECURITY_SUSPENDED;
    else if (kind == OP_SECURITY_DELIST)
        states = 1u << SECURITY_LISTED;
    else if (kind == OP_SECURITY_WITHDRAW)
        return s->status == SECURITY_REGISTERED && s->pledges_open == 0 &&
               s->freezes_open == 0 && s->claims_open == 0;
    else if (kind == OP_BOARD_MOVE || kind == OP_BOARD_CONFIRM ||
             kind == OP_BOARD_CANCEL)
        return s->status == SECURITY_MIGRATING && s->successor[0] != '-';
    else if (kind == OP_CLOSURE_CANCEL)
        return s->closure_count > 0;
    else if (op_find(kind)->is_court)
        states |= 1u << SECURITY_SUSPENDED;
    return (states >> s->status & 1) != 0;
}

static void look_security(struct maker *k, uint8_t kind)
{
    const uint32_t start = (uint32_t)maker_roll(k, k->security_count);
    const bool any = maker_roll(k, 12) == 0;

    for (uint32_t i = 0; i < k->security_count; i++) {
        struct hash key;

        k->security = (start + i) % k->security_count;
        key = security_key(k->securities[k->security]);
        if (!get(k, &k->row, TABLE_SECURITIES, &zero, &key))
            memset(&k->row, 0, sizeof k->row);
        else if (any || status_fits(&k->row, kind))
            return;
    }
}

static void look(struct maker *k, uint8_t kind)
{
    const uint32_t start =
        (uint32_t)(k->narrow ? 1 + maker_roll(k, 2)
                             : maker_roll(k, k->account_count));
    const enum want want = often(k, 95) ? want_of(kind) : WANT_ANY;
    struct hash tree;

    look_security(k, kind);
    tree = security_key(k->securities[k->security]);
    memset(&k->segment, 0, sizeof k->segment);
    k->account = some_account(k);
    for (uint32_t i = 0; i < k->account_count; i++) {
        const struct hash *id = &k->accounts[(start + i) % k->account_count];
        uint32_t from;

        if (!get(k, &k->holding, TABLE_HOLDINGS, &tree, id) ||
            k->holding.segment_count == 0)
            continue;
        k->account = *id;
        from = (uint32_t)maker_roll(k, k->holding.segment_count);
        for (uint32_t s = 0; s < k->holding.segment_count; s++) {
            k->segment =
                k->holding.segments[(from + s) % k->holding.segment_count];
            if (fits(k, &k->segment, want))
                return;
        }
    }
}

static uint64_t some_quantity(struct maker *k)
{
    const uint64_t here = k->segment.quantity.shares;
    uint64_t total = 0;

    for (uint32_t i = 0; i < k->holding.segment_count; i++)
        total += k->holding.segments[i].quantity.shares;
    if (k->narrow && often(k, 60))
        return 1 + maker_roll(k, 3);
    switch (maker_roll(k, 24)) {
    case 0:
        return 0;
    case 1:
        return here + 1;
    case 2:
        return total;
    case 3:
        return total + 1;
    case 4:
        return maker_roll(k, 4) == 0 ? INT64_MAX : total / 2;
    case 5:
        return maker_roll(k, 8) == 0 ? (uint64_t)INT64_MAX + 1 : 1;
    case 6:
    case 7:
    case 8:
        return here;
    case 9:
        return here / 2;
    default:
        return 1 + maker_roll(k, here < 60 ? here : here / 3);
    }
}

static uint64_t some_pledge(struct maker *k)
{
    if (k->segment.pledge_count > 0 && often(k, 90))
        return k->segment.pledges[maker_roll(k, k->segment.pledge_count)]
            .number;
    for (uint32_t i = 0; i < k->holding.segment_count && often(k, 90); i++) {
        const struct segment *s = &k->holding.segments[i];

        if (s->pledge_count > 0) {
            k->segment = *s;
            return s->pledges[maker_roll(k, s->pledge_count)].number;
        }
    }
    return maker_roll(k, k->row.pledge_count + 2);
}

static uint64_t some_freeze(struct maker *k)
{
    if (k->holding.freeze_count > 0 && often(k, 95))
        return k->holding.freezes[maker_roll(k, k->holding.freeze_count)]
            .number;
    return maker_roll(k, k->row.freeze_count + 2);
}

static void put_code(char out[CODE_MAX + 1], const char *code)
{
    memset(out, 0, CODE_MAX + 1);
    memcpy(out, code, strlen(code));
}

static void some_authority(struct maker *k, char out[CODE_MAX + 1])
{
    static const char *const codes[] = {
        "COURT-A", "COURT-B", "COURT-C", "COURT-HIGH", "POLICE", "NOBODY"};
    uint64_t i = maker_roll(k, 5);

    if (maker_roll(k, 100) == 0)
        i = 5;
    put_code(out, codes[i]);
}

/* ---- a field by its name and kind ---- */

static uint32_t some_date(struct maker *k, const char *name)
{
    const uint32_t today = k->m->block.date;

    if (strcmp(name, "until") == 0 && k->segment.lock_until > 0 && often(k, 60))
        return k->segment.lock_until;
    if (strcmp(name, "from") == 0 || strcmp(name, "acquired") == 0)
        return often(k, 95) ? today - (uint32_t)maker_roll(k, 3) : today + 1;
    if (strcmp(name, "agreed_day") == 0)
        return often(k, 95) ? today : today - 30;
    if (strcmp(name, "left_day") == 0)
        return often(k, 85) ? 0 : today - (uint32_t)maker_roll(k, 250);
    if (strcmp(name, "term_end") == 0 && often(k, 20))
        return often(k, 80) ? 0 : today - 1;
    if (maker_roll(k, 40) == 0)
        return today - (uint32_t)maker_roll(k, 40);
    if (strcmp(name, "base") == 0)
        return today + (uint32_t)maker_roll(k, 60);
    if (often(k, 60))
        return today + (uint32_t)maker_roll(k, 40);
    return today + (uint32_t)maker_roll(k, 1200);
}

static uint64_t some_time(struct maker *k, const char *name)
{
    const uint64_t now = k->m->block.time_ms;

    if (strcmp(name, "publicity_ms") == 0 && often(k, 50))
        return 0;
    if (maker_roll(k, 60) == 0)
        return maker_roll(k, 2) == 0 ? now + 1 : 0;
    /* Few distinct times: ranks tie. */
    return now - now % 3600000 - maker_roll(k, 5) * 3600000;
}

static bool is(const struct field *f, const char *name)
{
    return strcmp(f->name, name) == 0;
}

static struct hash some_root(struct maker *k)
{
    const struct hash key = security_key(k->securities[k->security]);

    return often(k, 80) ? k->m->view.snapshot(k->m->view.ctx, &key)
                        : some_hash(k);
}

static struct hash some_hash_field(struct maker *k, const struct field *f)
{
    struct hash h;

    if (is(f, "account") || is(f, "from") || is(f, "pledgor"))
        return often(k, 93) ? k->account : some_account(k);
    if (is(f, "to") || is(f, "pledgee") || is(f, "party") ||
        is(f, "creditor") || is(f, "issuer")) {
        h = some_account(k);
        if (hash_eq(&h, &k->account) && often(k, 90))
            h = some_account(k);
        return h;
    }
    if (is(f, "root"))
        return some_root(k);
    if (is(f, "cap_approval") || is(f, "consent"))
        return often(k, 80) ? some_hash(k) : zero;
    return maker_roll(k, 60) == 0 ? zero : some_hash(k);
}

static uint64_t some_number(struct maker *k,
                            const struct op_def *def,
                            const struct field *f)
{
    if (f->kind == FIELD_U16)
        return 1 + maker_roll(k, MARKET_INSTITUTIONS);
    if (is(f, "quantity") || is(f, "issued") || is(f, "more"))
        return some_quantity(k);
    if (is(f, "number")) {
        if (def->kind == OP_CLAIM_CLOSE)
            return 1 + maker_roll(k, k->row.claim_count + 1);
        if (def->kind == OP_FREEZE_RELEASE || def->kind == OP_FREEZE_RENEW)
            return some_freeze(k);
        if (def->kind == OP_TRANSFER_JUDICIAL)
            return k->segment.freeze;
        return some_pledge(k);
    }
    if (is(f, "t_plus"))
        return maker_roll(k, 7);
    if (is(f, "holder_cap"))
        return maker_roll(k, 3) == 0 ? 0 : 4 + maker_roll(k, 20);
    if (is(f, "nature"))
        return k->segment.nature;
    if (is(f, "investors"))
        return often(k, 90) ? 1 + maker_roll(k, 3) : maker_roll(k, 2);
    if (f->kind == FIELD_MONEY)
        return maker_roll(k, 40) == 0 ? 0 : 100;
    return maker_roll(k, 4);
}

static void fill_selector(struct maker *k, struct selector *s)
{
    *s = (struct selector){.nature = NATURE_ANY};
    if (often(k, 80))
        return;
    s->nature = often(k, 50) ? k->segment.nature : NATURE_ANY;
    if (often(k, 30))
        s->pledge = some_pledge(k);
    if (often(k, 30))
        s->freeze = k->segment.freeze;
}

static size_t width(const struct field *f)
{
    return f->kind == FIELD_U8    ? 1
           : f->kind == FIELD_U16 ? 2
           : f->kind == FIELD_U32 ? 4
                                  : 8;
}

static void fill_field(struct maker *k,
                       const struct op_def *def,
                       const struct field *f,
                       uint8_t *op)
{
    uint8_t *at = op + f->offset;
    struct hash h;
    uint64_t n;
    uint32_t day;
    uint16_t bits;
    bool yes;

    switch (f->kind) {
    case FIELD_U8:
    case FIELD_U16:
    case FIELD_U32:
    case FIELD_U64:
    case FIELD_QTY:
    case FIELD_MONEY:
        n = some_number(k, def, f);
        memcpy(at, &n, width(f));
        return;
    case FIELD_BOOL:
        yes = maker_roll(k, 2) == 0;
        memcpy(at, &yes, sizeof yes);
        return;
    case FIELD_ENUM:
        do
            *at = (uint8_t)maker_roll(k, f->max);
        while (f->names[*at] == NULL);
        return;
    case FIELD_FLAGS:
        bits = (uint16_t)(next(k) & ((1u << f->max) - 1));
        if (is(f, "investors"))
            bits = often(k, 60) ? 0 : bits | 1;
        memcpy(at, &bits, sizeof bits);
        return;
    case FIELD_DATE:
        day = some_date(k, f->name);
        memcpy(at, &day, sizeof day);
        return;
    case FIELD_TIME:
        n = some_time(k, f->name);
        memcpy(at, &n, sizeof n);
        return;
    case FIELD_HASH:
        h = some_hash_field(k, f);
        memcpy(at, &h, sizeof h);
        return;
    case FIELD_CODE:
        if (is(f, "security"))
            put_code((char *)at, k->securities[k->security]);
        else if (is(f, "authority") || is(f, "superior"))
            some_authority(k, (char *)at);
        else
            (void)snprintf((char *)at, f->max + 1, "N%u", k->next_code);
        return;
    case FIELD_STRUCT:
        if (f->sub == &selector_schema)
            fill_selector(k, (struct selector *)(void *)at);
        return;
    case FIELD_FIXED:
    case FIELD_LIST:
        return; /* by fill_special */
    }
}

/* ---- operations that need more than their fields' names ---- */

static void some_policy(struct maker *k, struct key_policy *p)
{
    const uint32_t count = 1 + (uint32_t)maker_roll(k, 2);
    uint32_t keys[2];

    keys[0] = 1 + (uint32_t)maker_roll(k, 95);
    keys[1] = keys[0] + 96;
    market_keys(p, keys, count, (uint8_t)(1 + maker_roll(k, count)));
    if (maker_roll(k, 50) == 0)
        p->threshold = 9;
}

static void fill_account_open(struct maker *k, struct op_account_open *op)
{
    op->custodian = often(k, 90) ? MARKET_R1 : op->custodian;
    memcpy(op->nonce, &k->next_account, sizeof k->next_account);
    op->kind = often(k, 70) ? ACCOUNT_ORDINARY : op->kind;
    if (op->authority == AUTHORITY_KEYS)
        some_policy(k, &op->policy);
    op->pooled = often(k, 10);
    memset(&op->subject_tag, 0, sizeof op->subject_tag);
    op->subject_tag.raw[0] = (uint8_t)maker_roll(k, 64);
}

/* Parts of one holding: every kind of share to somebody. */
static void fill_deed(struct maker *k, struct op_transfer_deed *op)
{
    op->from = k->account;
    op->part_count = 0;
    for (uint32_t i = 0;
         i < k->holding.segment_count && op->part_count + 2 < DEED_PARTS_MAX;
         i++) {
        const struct segment *s = &k->holding.segments[i];
        struct deed_part *p = &op->parts[op->part_count++];

        p->to = some_account(k);
        p->quantity = s->quantity;
        p->pledge = s->pledge_count > 0 ? s->pledges[0].number : 0;
        p->freeze = s->freeze;
        if (often(k, 30) && s->quantity.shares > 1) {
            const uint64_t half = s->quantity.shares / 2;

            op->parts[op->part_count] = *p;
            p->quantity.shares -= half;
            p = &op->parts[op->part_count++];
            p->quantity.shares = half;
            p->to = some_account(k);
        }
        if (op->ground != GROUND_INHERITANCE && often(k, 60))
            return;
    }
    if (op->part_count > 0 && maker_roll(k, 10) == 0)
        op->parts[0].quantity.shares--;
}

static int code_cmp(const void *a, const void *b)
{
    return memcmp(a, b, CODE_MAX);
}

/* Every security in which the account has a share, in order. */
static void fill_look_through(struct maker *k,
                              struct op_account_look_through *op)
{
    for (uint32_t i = 0; i < k->account_count; i++) {
        struct account_row a;

        if (get(k, &a, TABLE_ACCOUNTS, &zero, &k->accounts[i]) && a.pooled &&
            often(k, 70))
            op->account = k->accounts[i];
    }
    op->security_count = 0;
    for (uint32_t i = 0; i < k->security_count; i++) {
        static struct holding_row h;
        const struct hash tree = security_key(k->securities[i]);

        if (get(k, &h, TABLE_HOLDINGS, &tree, &op->account) && h.held &&
            often(k, 98))
            put_code(op->securities[op->security_count++].code,
                     k->securities[i]);
    }
    qsort(
        op->securities, op->security_count, sizeof op->securities[0], code_cmp);
}

/* An account in the state that the operation is for, if there is one. */
static void prefer(struct maker *k,
                   struct hash *account,
                   bool (*suits)(const struct account_row *))
{
    for (uint32_t i = 0; i < k->account_count; i++) {
        const uint32_t at = (uint32_t)maker_roll(k, k->account_count);
        struct account_row a;

        if (get(k, &a, TABLE_ACCOUNTS, &zero, &k->accounts[at]) && suits(&a)) {
            *account = k->accounts[at];
            return;
        }
    }
}

static bool is_frozen(const struct account_row *a)
{
    return a->status == ACCOUNT_FROZEN;
}

static bool is_recovering(const struct account_row *a)
{
    return a->recovery_day != 0;
}

static bool is_bare(const struct account_row *a)
{
    return a->status == ACCOUNT_ACTIVE && a->positions == 0 && a->rights == 0;
}

static bool is_unconfirmed(const struct account_row *a)
{
    return a->kind == ACCOUNT_UNCONFIRMED;
}

static void fill_board_move(struct maker *k, struct op_board_move *op)
{
    op->account_count = 0;
    for (uint32_t i = 0; i < k->account_count; i++) {
        if (often(k, 70))
            op->accounts[op->account_count++].account = k->accounts[i];
    }
    op->pledge_count = 0;
    for (uint64_t n = 1;
         n <= k->row.pledge_count && op->pledge_count < OP_LINES_MAX;
         n++) {
        if (often(k, 70))
            op->pledges[op->pledge_count++].number = n;
    }
    op->freeze_count = 0;
    for (uint64_t n = 1; n <= k->row.freeze_count && op->freeze_count < 100;
         n++) {
        if (often(k, 20))
            op->freezes[op->freeze_count++].number = n;
    }
}

static int number_cmp(const void *a, const void *b)
{
    const struct number_item *x = a;
    const struct number_item *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

static void fill_ranked(struct maker *k, struct op_pledge_create_ranked *op)
{
    (void)some_pledge(k); /* moves to a pledged segment */
    op->prior_count = 0;
    for (uint32_t i = 0;
         i < k->segment.pledge_count && op->prior_count < PRIORS_MAX;
         i++)
        op->priors[op->prior_count++].number = k->segment.pledges[i].number;
    qsort(op->priors, op->prior_count, sizeof op->priors[0], number_cmp);
}

static void fill_freeze_order(struct maker *k,
                              uint64_t number,
                              char authority[CODE_MAX + 1])
{
    const struct hash tree = security_key(k->securities[k->security]);
    const struct hash key = number_key(number);
    struct freeze_row f;

    if (get(k, &f, TABLE_FREEZES, &tree, &key) && often(k, 92))
        put_code(authority, f.authority);
}

static void fill_revoke(struct maker *k, struct op_pledge_revoke *op)
{
    const struct hash tree = security_key(k->securities[k->security]);
    const struct hash key = number_key(op->number);
    struct pledge_row p;

    if (often(k, 40))
        op->party = k->account;
    else if (get(k, &p, TABLE_PLEDGES, &tree, &key))
        op->party = p.pledgee;
}

static void fill_claim(struct maker *k, struct op_claim_close *op)
{
    const struct hash key = claim_key(op->security, op->number);
    struct claim_row c;

    if (!get(k, &c, TABLE_CLAIMS, &zero, &key) || maker_roll(k, 10) == 0)
        return;
    op->creditor = c.creditor;
    op->quantity.shares = often(k, 60) ? c.open.shares : 1;
}

/* A register of a few lines, kept until it is loaded. */
static void fill_register(struct maker *k, struct op_register_open *op)
{
    struct mtree_log log = {0};

    put_code(k->draft, op->security);
    k->draft_count = 1 + (uint32_t)maker_roll(k, 4);
    op->issued.shares = 0;
    op->line_count = k->draft_count;
    for (uint32_t i = 0; i < k->draft_count; i++) {
        struct hash leaf;

        k->draft_lines[i] = (struct register_line){
            .account = k->accounts[(k->next_code * 5 + i) % k->account_count],
            .quantity = {1 + maker_roll(k, 500)},
            .acquired = k->m->block.date};
        op->issued.shares += k->draft_lines[i].quantity.shares;
        leaf = register_line_leaf(&k->draft_lines[i]);
        mtree_log_append(&log, &leaf);
    }
    op->root = mtree_log_root(&log);
}

static void fill_lines(struct maker *k, struct op_register_lines *op)
{
    const struct hash key = security_key(op->security);
    struct draft_row d;

    op->first = 0;
    if (strcmp(op->security, k->draft) == 0 && often(k, 90)) {
        op->line_count = k->draft_count;
        memcpy(op->lines,
               k->draft_lines,
               k->draft_count * sizeof k->draft_lines[0]);
        return;
    }
    if (get(k, &d, TABLE_DRAFTS, &zero, &key))
        op->first = d.next_line;
    op->line_count = 1 + (uint32_t)maker_roll(k, 3);
    for (uint32_t i = 0; i < op->line_count; i++)
        op->lines[i] = (struct register_line){
            .account = some_account(k),
            .quantity = {1 + maker_roll(k, 50)},
            .acquired = k->m->block.date - (uint32_t)maker_roll(k, 100)};
}

static void fill_institution_keys(struct maker *k,
                                  struct institution_key *keys,
                                  uint32_t *count,
                                  uint16_t number)
{
    const uint32_t first =
        number <= MARKET_INSTITUTIONS ? 200 + 4u * number : 230;

    *count = 3;
    for (uint32_t i = 0; i < 3; i++)
        keys[i] = (struct institution_key){market_key(first + i),
                                           (uint16_t)(1u << i)};
    if (maker_roll(k, 10) == 0)
        *count = 2;
}

static void fill_special(struct maker *k, uint8_t kind, union op_any *op)
{
    switch (kind) {
    case OP_INSTITUTION_OPEN:
        op->op_institution_open.number =
            (uint16_t)(often(k, 80) ? k->next_institution : 1);
        fill_institution_keys(k,
                              op->op_institution_open.keys,
                              &op->op_institution_open.key_count,
                              100);
        return;
    case OP_INSTITUTION_CHANGE:
        /* The six keep their roles: the market goes on. */
        op->op_institution_change.roles =
            (uint16_t[]){0,
                         ROLE_REGISTRAR,
                         ROLE_REGISTRAR,
                         ROLE_MEMBER,
                         ROLE_BANK,
                         ROLE_NOTARY,
                         ROLE_COURT}[op->op_institution_change.number];
        if (op->op_institution_change.number == MARKET_R2 && often(k, 30))
            op->op_institution_change.roles = ROLE_BANK; /* for a while */
        fill_institution_keys(k,
                              op->op_institution_change.keys,
                              &op->op_institution_change.key_count,
                              op->op_institution_change.number);
        return;
    case OP_CALENDAR_SET:
        op->op_calendar_set.year =
            (uint16_t)(MARKET_FIRST_YEAR + maker_roll(k, MARKET_YEARS + 1));
        memset(op->op_calendar_set.trading, 0xdb, 40);
        return;
    case OP_ACCOUNT_OPEN:
        fill_account_open(k, &op->op_account_open);
        return;
    case OP_ACCOUNT_QUALIFY:
        op->op_account_qualify.certifier =
            often(k, 80) ? MARKET_MEMBER : MARKET_BANK;
        return;
    case OP_ACCOUNT_LOOK_THROUGH:
        fill_look_through(k, &op->op_account_look_through);
        return;
    case OP_ACCOUNT_ROTATE:
        some_policy(k, &op->op_account_rotate.policy);
        return;
    case OP_ACCOUNT_RECOVER:
        some_policy(k, &op->op_account_recover.policy);
        op->op_account_recover.second =
            often(k, 60) ? MARKET_NOTARY : MARKET_R2;
        return;
    case OP_ACCOUNT_CONTEST:
        prefer(k, &op->op_account_contest.account, is_recovering);
        return;
    case OP_ACCOUNT_THAW:
        prefer(k, &op->op_account_thaw.account, is_frozen);
        if (often(k, 60))
            put_code(op->op_account_thaw.authority, "COURT-HIGH");
        return;
    case OP_ACCOUNT_CLOSE:
        if (often(k, 80))
            prefer(k, &op->op_account_close.account, is_bare);
        return;
    case OP_ACCOUNT_TRANSFER:
        op->op_account_transfer.custodian =
            (uint16_t)(often(k, 90) ? MARKET_R1 + maker_roll(k, 3)
                                    : MARKET_BANK);
        return;
    case OP_SECURITY_CREATE:
        op->op_security_create.registrar = MARKET_R1;
        return;
    case OP_REGISTER_OPEN:
        fill_register(k, &op->op_register_open);
        return;
    case OP_REGISTER_LINES:
        fill_lines(k, &op->op_register_lines);
        return;
    case OP_REGISTER_CANCEL:
        op->op_register_cancel.account_count = k->account_count;
        for (uint32_t i = 0; i < k->account_count; i++)
            op->op_register_cancel.accounts[i].account = k->accounts[i];
        return;
    case OP_TRANSFER_DEED:
        fill_deed(k, &op->op_transfer_deed);
        return;
    case OP_TRANSFER_JUDICIAL:
        fill_freeze_order(k,
                          op->op_transfer_judicial.number,
                          op->op_transfer_judicial.authority);
        return;
    case OP_TITLE_CONFIRM:
        prefer(k, &op->op_title_confirm.from, is_unconfirmed);
        op->op_title_confirm.nature = 0;
        op->op_title_confirm.quantity.shares = 1 + maker_roll(k, 40);
        return;
    case OP_PLEDGE_CREATE_RANKED:
        fill_ranked(k, &op->op_pledge_create_ranked);
        return;
    case OP_PLEDGE_REVOKE:
        fill_revoke(k, &op->op_pledge_revoke);
        return;
    case OP_FREEZE_RELEASE:
        fill_freeze_order(
            k, op->op_freeze_release.number, op->op_freeze_release.authority);
        if (often(k, 40))
            op->op_freeze_release.quantity.shares = 0;
        return;
    case OP_FREEZE_RENEW:
        fill_freeze_order(
            k, op->op_freeze_renew.number, op->op_freeze_renew.authority);
        return;
    case OP_CLOSURE_CANCEL:
        if (k->row.closure_count > 0) {
            op->op_closure_cancel.kind = k->row.closures[0].kind;
            op->op_closure_cancel.base = k->row.closures[0].base;
        }
        return;
    case OP_BOARD_MOVE:
        fill_board_move(k, &op->op_board_move);
        return;
    case OP_CLAIM_CLOSE:
        fill_claim(k, &op->op_claim_close);
        return;
    default:
        maker_gov(k, kind, op);
        return;
    }
}

/* ---- which operation ---- */

/* clang-format off */
static const struct {
    uint8_t kind;
    uint16_t weight;
} weights[] = {
    {OP_TRANSFER, 240},
    {OP_TRANSFER_PLEDGED, 60},
    {OP_TRANSFER_GIFT, 40},
    {OP_TRANSFER_DEED, 40},
    {OP_TRANSFER_MERGER, 4},
    {OP_TRANSFER_JUDICIAL, 50},
    {OP_TITLE_CONFIRM, 20},
    {OP_LOCK_SET, 30},
    {OP_LOCK_LIFT, 30},
    {OP_INSIDER_SET, 8},
    {OP_PLEDGE_CREATE, 120},
    {OP_PLEDGE_RELEASE_PART, 60},
    {OP_PLEDGE_RELEASE, 50},
    {OP_PLEDGE_CREATE_RANKED, 60},
    {OP_PLEDGE_AMEND, 40},
    {OP_PLEDGE_DEFAULT, 50},
    {OP_PLEDGE_ENFORCE, 60},
    {OP_PLEDGE_REVOKE, 20},
    {OP_PLEDGE_ASSIGN, 30},
    {OP_FREEZE_CREATE, 90},
    {OP_FREEZE_RELEASE, 70},
    {OP_FREEZE_RENEW, 25},
    {OP_CORRECT, 20},
    {OP_CORRECT_BY_DECISION, 20},
    {OP_CLAIM_CLOSE, 20},
    {OP_ACCOUNT_OPEN, 10},
    {OP_ACCOUNT_QUALIFY, 30},
    {OP_ACCOUNT_LOOK_THROUGH, 15},
    {OP_ACCOUNT_ROTATE, 10},
    {OP_ACCOUNT_RECOVER, 10},
    {OP_ACCOUNT_CONTEST, 5},
    {OP_ACCOUNT_FREEZE, 3},
    {OP_ACCOUNT_THAW, 14},
    {OP_ACCOUNT_CLOSE, 3},
    {OP_ACCOUNT_TRANSFER, 6},
    {OP_SECURITY_CREATE, 3},
    {OP_REGISTER_OPEN, 6},
    {OP_REGISTER_LINES, 8},
    {OP_REGISTER_CONFIRM, 4},
    {OP_REGISTER_CANCEL, 3},
    {OP_SECURITY_LIST, 10},
    {OP_SECURITY_DELIST, 4},
    {OP_SECURITY_SUSPEND, 4},
    {OP_SECURITY_RESUME, 16},
    {OP_SECURITY_CHANGE, 6},
    {OP_SECURITY_WITHDRAW, 3},
    {OP_CUSTODY_TRANSFER, 6},
    {OP_BOARD_OPEN, 2},
    {OP_BOARD_MOVE, 12},
    {OP_BOARD_CONFIRM, 8},
    {OP_BOARD_CANCEL, 4},
    {OP_CLOSURE_SET, 3},
    {OP_CLOSURE_CANCEL, 8},
    {OP_INSTITUTION_OPEN, 2},
    {OP_INSTITUTION_CHANGE, 2},
    {OP_AUTHORITY_SET, 2},
    {OP_CALENDAR_SET, 2},
    {OP_VOID, 3},
    {OP_VALIDATOR_ANNOUNCE, 8},
    {OP_VALIDATOR_WITHDRAW, 1},
    {OP_VALIDATOR_READY, 8},
    {OP_VALIDATORS_CHANGE, 10},
    {OP_EVIDENCE, 8},
    {OP_PARAMS_CHANGE, 2},
};
/* clang-format on */

uint8_t maker_kind(struct maker *k)
{
    uint32_t sum = 0;
    uint64_t roll;

    for (size_t i = 0; i < ARRAY_LEN(weights); i++)
        sum += weights[i].weight;
    roll = maker_roll(k, sum);
    for (size_t i = 0; i < ARRAY_LEN(weights); i++) {
        if (roll < weights[i].weight)
            return weights[i].kind;
        roll -= weights[i].weight;
    }
    return OP_VOID;
}

void maker_op(struct maker *k, uint8_t kind, union op_any *op)
{
    const struct op_def *def = op_find(kind);

    look(k, kind);
    memset(op, 0, def->schema->size);
    for (uint32_t i = 0; i < def->schema->field_count; i++)
        fill_field(k, def, &def->schema->fields[i], (uint8_t *)op);
    fill_special(k, kind, op);
}

static void learn_code(struct maker *k, const char *code)
{
    k->next_code++;
    if (k->security_count < MAKER_SECURITIES)
        put_code(k->securities[k->security_count++], code);
}

void maker_done(struct maker *k, uint8_t kind, const union op_any *op)
{
    if (kind == OP_ACCOUNT_OPEN) {
        k->next_account++;
        if (k->account_count < MAKER_ACCOUNTS)
            k->accounts[k->account_count++] =
                account_id_of(&k->m->block.chain_id,
                              op->op_account_open.custodian,
                              op->op_account_open.nonce);
    } else if (kind == OP_SECURITY_CREATE) {
        learn_code(k, op->op_security_create.code);
    } else if (kind == OP_BOARD_OPEN) {
        learn_code(k, op->op_board_open.new_code);
    } else if (kind == OP_INSTITUTION_OPEN) {
        k->next_institution++;
    }
}

void maker_signing(struct maker *k, struct market_signing *s)
{
    memset(s, 0, sizeof *s);
    switch (maker_roll(k, 150)) {
    case 0:
        s->no_checker = true;
        return;
    case 1:
        s->stranger = true;
        return;
    case 2:
        s->skip_count = 1;
        s->skip[0] = (struct principal){PRINCIPAL_ACCOUNT, k->account};
        return;
    case 3:
        s->filer = (uint16_t)(1 + maker_roll(k, MARKET_INSTITUTIONS));
        return;
    case 4:
        s->other_account = k->account;
        s->other_key = (uint16_t)(1 + maker_roll(k, 190));
        return;
    default:
        return;
    }
}

/* ---- the market ---- */

static void open_one(struct maker *k,
                     enum account_kind kind,
                     bool paper,
                     bool pooled)
{
    const uint32_t keys[2] = {k->next_account + 1, k->next_account + 97};
    union op_any op;
    struct op_account_open *o = &op.op_account_open;
    enum verdict v;

    memset(&op, 0, sizeof *o);
    *o = (struct op_account_open){
        .custodian = k->next_account % 5 == 4 ? MARKET_R2 : MARKET_R1,
        .kind = (uint8_t)kind,
        .authority = paper ? AUTHORITY_PAPER : AUTHORITY_KEYS,
        .pooled = pooled,
        .document = some_hash(k)};
    memcpy(o->nonce, &k->next_account, sizeof k->next_account);
    o->subject_tag.raw[0] = (uint8_t)(k->next_account + 1);
    o->subject_tag.raw[1] = 1;
    o->identity = some_hash(k);
    if (!paper)
        market_keys(&o->policy,
                    keys,
                    1 + k->next_account % 2,
                    (uint8_t)(1 + k->next_account % 2));
    v = market_do(k->m, OP_ACCOUNT_OPEN, &op);
    ASSERT(v == V_OK);
    maker_done(k, OP_ACCOUNT_OPEN, &op);
    if (kind != ACCOUNT_ORDINARY)
        return;
    memset(&op, 0, sizeof op.op_account_qualify);
    op.op_account_qualify = (struct op_account_qualify){
        .account = k->accounts[k->account_count - 1],
        .certifier = MARKET_MEMBER,
        .class = (uint8_t)(1 + k->account_count % 3),
        .from = k->m->block.date,
        .to = k->m->block.date + 300 + (uint32_t)maker_roll(k, 400),
        .document = some_hash(k)};
    v = market_do(k->m, OP_ACCOUNT_QUALIFY, &op);
    ASSERT(v == V_OK);
}

static void open_security(struct maker *k, uint32_t i)
{
    static const uint8_t t_plus[] = {0, 1, 5, 5};
    struct register_line lines[MAKER_ACCOUNTS];
    uint32_t count = 0;
    uint64_t issued = 0;
    union op_any op;
    struct op_security_create *o = &op.op_security_create;
    enum verdict v;

    memset(&op, 0, sizeof *o);
    *o = (struct op_security_create){
        .issuer = k->accounts[0],
        .registrar = MARKET_R1,
        .class = CLASS_ORDINARY,
        .t_plus = t_plus[maker_roll(k, ARRAY_LEN(t_plus))],
        .features = (uint16_t)maker_roll(k, 4),
        .investors = (uint16_t)(often(k, 60) ? 0 : 1 + maker_roll(k, 7)),
        .holder_cap = 12 + (uint32_t)maker_roll(k, 12),
        .document = some_hash(k)};
    (void)snprintf(o->code, sizeof o->code, "S%u", i);
    v = market_do(k->m, OP_SECURITY_CREATE, &op);
    ASSERT(v == V_OK);
    maker_done(k, OP_SECURITY_CREATE, &op);
    for (uint32_t a = 0; a < k->account_count; a++) {
        if (often(k, 40))
            continue;
        lines[count] =
            (struct register_line){.account = k->accounts[a],
                                   .nature = (uint8_t)maker_roll(k, 3),
                                   .quantity = {1 + maker_roll(k, 1000)},
                                   .acquired = k->m->block.date};
        issued += lines[count++].quantity.shares;
    }
    v = count == 0 ? V_OK
                   : market_register(k->m, o->code, lines, count, issued);
    ASSERT(v == V_OK || v == V_HOLDER_CAP);
}

void maker_market(struct maker *k, struct market *m, uint64_t seed)
{
    memset(k, 0, sizeof *k);
    k->m = m;
    k->dice = seed;
    k->next_institution = MARKET_INSTITUTIONS + 1;
    k->narrow = seed % 8 == 3;
    for (int i = 0; i < 9; i++)
        open_one(k, ACCOUNT_ORDINARY, i == 5, i == 6 || i == 7);
    open_one(k, ACCOUNT_TREASURY, false, false);
    open_one(k, ACCOUNT_UNCONFIRMED, false, false);
    open_one(k, ACCOUNT_SUSPENSE, true, false);
    for (uint32_t i = 0; i < (k->narrow ? 1 : 3); i++)
        open_security(k, i);
}
