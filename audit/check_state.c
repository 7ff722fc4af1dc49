/* Statements about rows: their way up to the state root of a block, and what
 * they say. */
#include "audit/check.h"
#include "ledger/ledger.h"

static const struct hash zero;

/* The path of a row that is there. */
static bool fold(struct hash *root,
                 const struct tree_path *path,
                 uint8_t table,
                 const struct hash *key,
                 const struct hash *row_hash)
{
    struct tree_path p = *path;
    bool present;

    p.leaf_key = *key;
    p.leaf_row_hash = *row_hash;
    return proof_fold(root, &present, &p, table, key) == ERR_NONE && present;
}

/* Whether a row of a table that is one tree is under the state root. */
static bool under_root(const struct receipt_row *at,
                       uint8_t table,
                       const struct hash *key,
                       const struct hash *row_hash,
                       const struct hash *state_root)
{
    struct hash h;

    if (at->path.empty || !fold(&h, &at->path, table, key, row_hash))
        return false;
    h = proof_slot_fold(&h, at->slots, table);
    return hash_eq(&h, state_root);
}

static bool check_account(struct check *c, const struct receipt_position *p)
{
    const struct hash row_hash = proof_row_hash(p->account_row.row);

    if (!under_root(&p->account_row,
                    TABLE_ACCOUNTS,
                    &p->account,
                    &row_hash,
                    &c->f->block.state_root))
        return check_fail(c, FAULT_ACCOUNT, "statement");
    if (schema_decode(&c->f->account_row,
                      &account_row_schema,
                      p->account_row.row) != ERR_NONE)
        return check_fail(c, FAULT_ROW, "statement");
    c->f->account = p->account;
    return true;
}

static bool check_security(struct check *c,
                           struct security_row *out,
                           const struct receipt_security *x,
                           const struct header *h)
{
    const struct hash row_hash = proof_security_row_hash(x->at.row, x->roots);
    struct hash key;

    if (schema_decode(out, &security_row_schema, x->at.row) != ERR_NONE)
        return check_fail(c, FAULT_ROW, "statement");
    key = security_key(out->code);
    if (!under_root(&x->at, TABLE_SECURITIES, &key, &row_hash, &h->state_root))
        return check_fail(c, FAULT_SECURITY, "statement");
    return true;
}

/* A row that the register can have: what sums.c demands of it. */
static bool holding_ok(struct bytes row)
{
    const struct row_key key = {.table = TABLE_HOLDINGS};
    struct sums_entry e = {0};

    return sums_of(&e, &key, bytes_of(NULL, 0), row) == ERR_NONE;
}

struct holding_sums holding_sums_of(const struct holding_row *h, uint32_t date)
{
    struct holding_sums out = {0};

    for (uint32_t i = 0; i < h->segment_count; i++) {
        const struct segment *s = &h->segments[i];
        const uint64_t q = s->quantity.shares;

        out.total += q;
        out.pledged += s->pledge_count > 0 ? q : 0;
        out.frozen += s->freeze != 0 ? q : 0;
        out.locked += s->lock_until > date ? q : 0;
        out.t_plus += s->trade_day != 0 ? q : 0;
    }
    for (uint32_t i = 0; i < h->freeze_count; i++)
        out.queued += h->freezes[i].queued.shares;
    return out;
}

/* The holding's row; false also if it is no row. */
static bool check_row(struct check *c,
                      struct holding_row *out,
                      struct holding_sums *sums,
                      const struct receipt_holding *x,
                      const struct hash *account,
                      const struct hash *tree_root)
{
    const struct hash row_hash = proof_row_hash(x->row);
    struct hash h;

    if (!fold(&h, &x->path, TABLE_HOLDINGS, account, &row_hash) ||
        !hash_eq(&h, tree_root))
        return check_fail(c, FAULT_POSITION, "statement");
    if (!holding_ok(x->row) ||
        schema_decode(out, &holding_row_schema, x->row) != ERR_NONE)
        return check_fail(c, FAULT_ROW, "statement");
    *sums = holding_sums_of(out, c->f->date);
    return true;
}

static bool check_no_row(struct check *c,
                         const struct receipt_holding *x,
                         const struct hash *account,
                         const struct hash *tree_root)
{
    struct hash h;
    bool present;

    if (proof_fold(&h, &present, &x->path, TABLE_HOLDINGS, account) !=
            ERR_NONE ||
        present || !hash_eq(&h, tree_root))
        return check_fail(c, FAULT_POSITION, "statement");
    return true;
}

bool check_position(struct check *c, const struct receipt_position *p)
{
    struct receipt_facts *f = c->f;

    if (!check_account(c, p) ||
        !check_security(c, &f->security, &p->security, &f->block))
        return false;
    f->has_row = p->holding.row.size > 0;
    memset(&f->sums, 0, sizeof f->sums);
    return f->has_row ? check_row(c,
                                  &f->holding,
                                  &f->sums,
                                  &p->holding,
                                  &p->account,
                                  &p->security.roots[0])
                      : check_no_row(
                            c, &p->holding, &p->account, &p->security.roots[0]);
}

static enum receipt_fault encumbrance(const struct receipt_facts *f)
{
    if (f->sums.pledged > 0)
        return FAULT_PLEDGED;
    if (f->sums.frozen > 0)
        return FAULT_FROZEN;
    if (f->holding.freeze_count > 0)
        return FAULT_QUEUED;
    if (f->account_row.status == ACCOUNT_FROZEN)
        return FAULT_ACCOUNT_FROZEN;
    return FAULT_NONE;
}

bool check_position_kind(struct check *c)
{
    const struct receipt_facts *f = c->f;
    const bool held = f->has_row && f->holding.held;
    enum receipt_fault fault;

    if (c->r->kind == RECEIPT_ABSENCE)
        return !held || check_fail(c, FAULT_HELD, "statement");
    if (!held)
        return check_fail(c, FAULT_NOT_HELD, "statement");
    fault = c->r->kind == RECEIPT_UNENCUMBERED ? encumbrance(f) : FAULT_NONE;
    return fault == FAULT_NONE || check_fail(c, fault, "statement");
}

static bool totals_ok(const struct sums_entry *e, const struct security_row *s)
{
    return (uint64_t)e->issued == s->issued.shares &&
           (uint64_t)e->pledged == s->pledged.shares &&
           (uint64_t)e->frozen == s->frozen.shares &&
           (uint64_t)e->queued == s->queued.shares &&
           (uint64_t)e->holders == s->holder_count &&
           (uint64_t)e->positions == s->positions;
}

/* The list is hashed anew into a tree of its own: it has the security's root
 * only if it is that tree, whole. */
bool check_register(struct check *c)
{
    const struct receipt_register *x = &c->r->of.reg;
    struct row_key key = {.table = TABLE_HOLDINGS};
    struct reader r = receipt_items(&x->lines);
    struct sums_entry sums = {0};
    struct proof_list list;
    struct receipt_line line;
    struct hash root;

    if (!check_security(c, &c->f->security, &x->security, &c->f->block))
        return false;
    proof_list_begin(&list, TABLE_HOLDINGS);
    while (receipt_next_line(&r, &line)) {
        const struct hash row_hash = proof_row_hash(line.row);

        if (proof_list_add(&list, &line.account, &row_hash) != ERR_NONE)
            return check_fail(c, FAULT_LINE_ORDER, "statement");
        key.key = line.account;
        if (sums_of(&sums, &key, bytes_of(NULL, 0), line.row) != ERR_NONE)
            return check_fail(c, FAULT_ROW, "statement");
    }
    if (reader_finish(&r) != ERR_NONE)
        return check_fail(c, FAULT_MALFORMED, "statement");
    root = proof_list_root(&list);
    if (!hash_eq(&root, &x->security.roots[0]))
        return check_fail(c, FAULT_LINES, "statement");
    return totals_ok(&sums, &c->f->security) ||
           check_fail(c, FAULT_TOTALS, "statement");
}

/* ---- statement of account ---- */

static bool check_opening(struct check *c)
{
    const struct receipt_statement *x = &c->r->of.statement;
    struct receipt_facts *f = c->f;

    return check_earlier(c, x->earlier_header, &x->earlier_path) &&
           check_security(
               c, &f->earlier_security, &x->earlier_security, &f->earlier) &&
           check_row(c,
                     &f->earlier_holding,
                     &f->earlier_sums,
                     &x->earlier_holding,
                     &x->now.account,
                     &x->earlier_security.roots[0]);
}

/* Follows the chain; *moved says whether the position came from another code.
 */
static bool follow(struct check *c, struct hash *chain, bool *moved)
{
    const struct receipt_statement *x = &c->r->of.statement;
    const uint64_t above = x->from_start ? 0 : c->f->earlier.height;
    struct reader r = receipt_items(&x->events);
    struct receipt_event last = {.height = above, .index = UINT32_MAX};
    struct receipt_event e;

    *moved = false;
    while (receipt_next_event(&r, &e)) {
        struct event event;

        if (e.height > c->f->block.height || e.height < last.height ||
            (e.height == last.height && e.index <= last.index) ||
            schema_decode(&event, &event_schema, e.event) != ERR_NONE)
            return check_fail(c, FAULT_EVENT, "statement");
        *chain = event_chain(chain, e.salt, e.height, e.index, e.event);
        if (event.kind == EVENT_BOARD_MOVED &&
            hash_eq(&event.account, &x->now.account))
            *moved = true;
        last = e;
    }
    return reader_finish(&r) == ERR_NONE ||
           check_fail(c, FAULT_MALFORMED, "statement");
}

bool check_account_statement(struct check *c)
{
    const struct receipt_statement *x = &c->r->of.statement;
    const struct receipt_facts *f = c->f;
    struct hash chain = zero;
    bool moved;

    if (!check_position(c, &x->now))
        return false;
    if (!f->has_row)
        return check_fail(c, FAULT_POSITION, "statement");
    if (!x->from_start) {
        if (!check_opening(c))
            return false;
        chain = f->earlier_holding.chain;
    }
    if (!follow(c, &chain, &moved))
        return false;
    if (!hash_eq(&chain, &f->holding.chain))
        return check_fail(c, FAULT_EVENTS, "statement");
    return x->from_start || moved ||
           strcmp(f->earlier_security.code, f->security.code) == 0 ||
           check_fail(c, FAULT_SECURITY, "statement");
}
