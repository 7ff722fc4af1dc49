/* What is stated: paths, rows, lists, histories; each changed in turn. */
#include "tests/unit/audit/tamper.h"

#define S1 "100001"

/* ---- states that validators might certify ---- */

/* The receipt's block with another state, signed by all who must: what a
 * quorum of dishonest validators could do.  The state is s. */
static void certify(struct receipt *r, uint64_t height, struct state *s)
{
    struct header h = rig()->blocks[height].header;

    h.state_root = state_root(s);
    r->block.header = rig_header_bytes(rig(), &h);
    r->block.cert = rig_cert(rig(), &h, h.view, &rig()->sets[0], 7);
}

static void set_row(struct state *s,
                    uint8_t table,
                    const struct hash *tree,
                    const struct hash *key,
                    const struct schema *schema,
                    const void *row)
{
    uint8_t buf[ROW_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);
    struct change c = {.key = {table, *tree, *key}};
    const struct change_set set = {.list = &c, .count = 1};
    struct state_undo *undo;
    struct hash root;

    c.old_row = state_get(s, &c.key);
    schema_encode(&w, schema, row);
    c.new_row = writer_bytes(&w);
    state_apply(s, &root, &undo, &set);
    state_undo_free(undo);
}

static const struct hash zero;

static void get_holding(struct state *s, char name, struct holding_row *h)
{
    const struct row_key k = {
        TABLE_HOLDINGS, security_key(S1), rig_account(rig(), name)};

    assert_int_equal(schema_decode(h, &holding_row_schema, state_get(s, &k)),
                     ERR_NONE);
}

static void put_holding(struct state *s, char name, const struct holding_row *h)
{
    const struct hash tree = security_key(S1);
    const struct hash key = rig_account(rig(), name);

    set_row(s, TABLE_HOLDINGS, &tree, &key, &holding_row_schema, h);
}

static void get_security(struct state *s, struct security_row *x)
{
    const struct row_key k = {TABLE_SECURITIES, zero, security_key(S1)};

    assert_int_equal(schema_decode(x, &security_row_schema, state_get(s, &k)),
                     ERR_NONE);
}

static void put_security(struct state *s, const struct security_row *x)
{
    const struct hash key = security_key(S1);

    set_row(s, TABLE_SECURITIES, &zero, &key, &security_row_schema, x);
}

/* A receipt about a changed state of the height `traded`. */
static void position_of(struct receipt *r,
                        uint8_t kind,
                        struct state *s,
                        char name)
{
    const struct hash account = rig_account(rig(), name);

    rig_frame(rig(), r, kind, story->traded, 0);
    certify(r, story->traded, s);
    assert_int_equal(receipt_take_position(&r->of.position, s, S1, &account),
                     ERR_NONE);
}

/* ---- positions ---- */

static void test_position_row_of_another_holder_is_refused(void **state)
{
    struct receipt *r = take("holding");
    const struct receipt_position *other;
    static struct receipt b;

    (void)state;
    rig_frame(rig(), &b, RECEIPT_HOLDING, story->later, 0);
    rig_position(rig(), &b, story->later, S1, 'B');
    other = &b.of.position;
    r->of.position.holding.row = other->holding.row; /* B's row on A's path */
    expect_fault(r, "position");
    r = take("holding");
    r->of.position.holding = other->holding; /* B's row and path */
    expect_fault(r, "position");
    r = take("holding");
    r->of.position.account = other->account; /* and A's for B */
    expect_fault(r, "account");
    r = take("holding");
    r->of.position.account_row = other->account_row;
    expect_fault(r, "account");
}

static void test_position_of_another_height_is_refused(void **state)
{
    struct receipt *r = take("holding");
    static struct receipt old;

    (void)state;
    rig_frame(rig(), &old, RECEIPT_HOLDING, story->traded, 0);
    rig_position(rig(), &old, story->traded, S1, 'A');
    r->of.position.security = old.of.position.security;
    expect_fault(r, "security");
    r = take("holding");
    r->of.position.holding = old.of.position.holding;
    expect_fault(r, "position");
    r = take("holding");
    r->of.position = old.of.position;
    expect_fault(r, "account");
}

static void test_position_of_another_security_is_refused(void **state)
{
    struct receipt *r = take("holding");
    static struct receipt b;

    (void)state;
    rig_frame(rig(), &b, RECEIPT_HOLDING, story->later, 0);
    rig_position(rig(), &b, story->later, "100003", 'A');
    r->of.position.holding = b.of.position.holding;
    expect_fault(r, "position");
    r = take("holding");
    r->of.position.security.roots[0] = b.of.position.security.roots[0];
    expect_fault(r, "security");
}

static void test_absence_with_another_keys_path_is_refused(void **state)
{
    struct receipt *r = take("absence-leaf");
    static struct receipt b;

    (void)state;
    /* the path of somebody who is there */
    rig_frame(rig(), &b, RECEIPT_HOLDING, story->traded, 0);
    rig_position(rig(), &b, story->traded, S1, 'A');
    r->of.position.holding.path = b.of.position.holding.path;
    {
        struct tree_path *p = &r->of.position.holding.path;

        p->leaf_key = b.of.position.account;
        p->leaf_row_hash = proof_row_hash(b.of.position.holding.row);
        p->empty = false;
    }
    expect_fault(r, "position");
    /* the other leaf said to be another */
    r = take("absence-leaf");
    r->of.position.holding.path.leaf_key.raw[31] ^= 1;
    expect_fault(r, "position");
    /* a bit of the path moved to where both keys agree */
    r = take("absence-leaf");
    r->of.position.holding.path.bits[0] ^= 1;
    expect_fault(r, "position");
}

static void test_absence_of_a_holder_is_refused(void **state)
{
    struct receipt *r = take("absence-leaf");

    (void)state;
    rig_position(rig(), r, story->traded, S1, 'A'); /* its row */
    expect_fault(r, "held");
    /* its own leaf as the "other" one */
    r->of.position.holding.path.leaf_key = r->of.position.account;
    r->of.position.holding.path.leaf_row_hash =
        proof_row_hash(r->of.position.holding.row);
    r->of.position.holding.row = bytes_of(NULL, 0);
    expect_fault(r, "position");
    /* a tree that is said to be empty */
    memset(&r->of.position.holding.path, 0, sizeof(struct tree_path));
    r->of.position.holding.path.empty = true;
    expect_fault(r, "position");
}

static void test_absence_of_an_account_that_is_not_there_is_refused(
    void **state)
{
    struct receipt *r = take("absence-leaf");

    (void)state;
    r->of.position.account.raw[31] ^= 1;
    expect_fault(r, "account");
}

static void test_holding_without_a_share_is_refused(void **state)
{
    struct receipt *r = take("absence-row");

    (void)state;
    r->kind = RECEIPT_HOLDING;
    expect_fault(r, "not_held");
    r->kind = RECEIPT_UNENCUMBERED;
    expect_fault(r, "not_held");
    r = take("absence-leaf");
    r->kind = RECEIPT_HOLDING;
    expect_fault(r, "not_held");
}

static void test_unencumbered_refuses_a_pledge(void **state)
{
    struct receipt *r = take("holding");

    (void)state;
    rig_frame(rig(), r, RECEIPT_UNENCUMBERED, story->traded, 0);
    rig_position(rig(), r, story->traded, S1, 'A');
    expect_fault(r, "pledged");
}

static void test_unencumbered_refuses_a_freeze(void **state)
{
    struct receipt *r = take("holding");

    (void)state;
    rig_frame(rig(), r, RECEIPT_UNENCUMBERED, story->traded, 0);
    rig_position(rig(), r, story->traded, S1, 'B');
    expect_fault(r, "frozen");
}

static void test_unencumbered_refuses_a_queued_freeze(void **state)
{
    struct receipt *r = take("holding");
    struct state *s = rig_load(rig(), story->traded);
    struct holding_row h;

    (void)state;
    get_holding(s, 'D', &h);
    h.freeze_count = 1;
    h.freezes[0] = (struct holding_freeze){.number = 9, .queued = {1}};
    put_holding(s, 'D', &h);
    position_of(r, RECEIPT_UNENCUMBERED, s, 'D');
    expect_fault(r, "queued");
    state_free(s);
}

static void test_unencumbered_refuses_a_frozen_account(void **state)
{
    struct receipt *r = take("holding");
    struct state *s = rig_load(rig(), story->traded);
    const struct hash id = rig_account(rig(), 'D');
    const struct row_key k = {TABLE_ACCOUNTS, zero, id};
    struct account_row a;

    (void)state;
    assert_int_equal(schema_decode(&a, &account_row_schema, state_get(s, &k)),
                     ERR_NONE);
    a.status = ACCOUNT_FROZEN;
    memcpy(a.frozen_by, "COURT-A", 8);
    set_row(s, TABLE_ACCOUNTS, &zero, &id, &account_row_schema, &a);
    position_of(r, RECEIPT_UNENCUMBERED, s, 'D');
    expect_fault(r, "account_frozen");
    position_of(r, RECEIPT_HOLDING, s, 'D'); /* which is a holding still */
    expect_proven(r);
    state_free(s);
}

/* Rows that no register has, though a quorum certified them. */
static void test_position_with_an_impossible_row_is_refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        struct receipt *r = take("holding");
        struct state *s = rig_load(rig(), story->traded);
        struct holding_row h;

        get_holding(s, 'D', &h);
        if (i == 0)
            h.segments[0].quantity.shares = 0;
        else if (i == 1)
            h.segments[h.segment_count++] = h.segments[0]; /* not merged */
        else if (i == 2)
            h.weight = 0; /* a holder that counts as none */
        else if (i == 3)
            h.held = false;
        else if (i == 4)
            h.segments[0].freeze = 7; /* a freeze that is not listed */
        else
            h.segments[0].quantity.shares = UINT64_MAX;
        put_holding(s, 'D', &h);
        position_of(r, RECEIPT_HOLDING, s, 'D');
        expect_fault(r, "row");
        state_free(s);
    }
}

static void test_disclosure_of_another_identity_is_refused(void **state)
{
    struct receipt *r = take("unencumbered");

    (void)state;
    r->identity.name = bytes_of("Holdes", 6);
    expect_fault(r, "identity");
    r = take("unencumbered");
    r->identity.salt[0] ^= 1;
    expect_fault(r, "identity");
    r = take("unencumbered"); /* a character moved to the next text */
    r->identity.id_type = bytes_of("ID1", 3);
    r->identity.id_number = bytes_of("1010119900307", 13);
    expect_fault(r, "identity");
}

/* ---- registers ---- */

struct lines {
    uint32_t count;
    struct receipt_line at[16];
};

static struct lines lines_of(const struct receipt *r)
{
    struct reader in = receipt_items(&r->of.reg.lines);
    struct lines l = {0};

    while (receipt_next_line(&in, &l.at[l.count]))
        l.count++;
    return l;
}

static void put_lines(struct receipt *r, const struct lines *l)
{
    struct receipt_list list = {0};
    struct buf bytes = {0};

    for (uint32_t i = 0; i < l->count; i++)
        receipt_add_line(&list, &bytes, &l->at[i]);
    list.items = rig_keep(rig(), bytes.at, bytes.size);
    r->of.reg.lines = list;
    buf_deinit(&bytes);
}

static void test_register_line_left_out_is_refused(void **state)
{
    (void)state;
    for (uint32_t gone = 0; gone < 8; gone++) {
        struct receipt *r = take("register");
        struct lines l = lines_of(r);

        assert_int_equal(l.count, 8);
        memmove(&l.at[gone], &l.at[gone + 1], (7 - gone) * sizeof l.at[0]);
        l.count--;
        put_lines(r, &l);
        expect_fault(r, "lines");
    }
}

static void test_register_line_doubled_is_refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        struct receipt *r = take("register");
        struct lines l = lines_of(r);

        memmove(&l.at[i + 1], &l.at[i], (8 - i) * sizeof l.at[0]);
        l.count++;
        put_lines(r, &l);
        expect_fault(r, "line_order");
    }
}

static void test_register_lines_reordered_are_refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i + 1 < 8; i++) {
        struct receipt *r = take("register");
        struct lines l = lines_of(r);
        const struct receipt_line x = l.at[i];

        l.at[i] = l.at[i + 1];
        l.at[i + 1] = x;
        put_lines(r, &l);
        expect_fault(r, "line_order");
    }
}

static void test_register_line_added_is_refused(void **state)
{
    struct receipt *r = take("register");
    struct lines l = lines_of(r);

    (void)state;
    l.at[8] = l.at[7];
    memset(l.at[8].account.raw, 0xff, sizeof l.at[8].account.raw);
    l.count++;
    put_lines(r, &l);
    expect_fault(r, "lines");
}

static void test_register_rows_exchanged_are_refused(void **state)
{
    struct receipt *r = take("register");
    struct lines l = lines_of(r);
    const struct bytes x = l.at[0].row;

    (void)state;
    l.at[0].row = l.at[1].row;
    l.at[1].row = x;
    put_lines(r, &l);
    expect_fault(r, "lines");
}

static void test_register_emptied_is_refused(void **state)
{
    struct receipt *r = take("register");

    (void)state;
    r->of.reg.lines = (struct receipt_list){0};
    expect_fault(r, "lines");
}

static void test_register_lines_of_another_security_are_refused(void **state)
{
    struct receipt *r = take("register");
    static struct receipt b;

    (void)state;
    rig_frame(rig(), &b, RECEIPT_REGISTER, story->later, 0);
    rig_lines(rig(), &b, story->later, "100003");
    r->of.reg.lines = b.of.reg.lines;
    expect_fault(r, "lines");
}

/* The security row says another total than its holders add up to: certified by
 * a quorum, and refused all the same. */
static void test_register_total_changed_is_refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        struct receipt *r = take("register");
        struct state *s = rig_load(rig(), story->traded);
        struct buf bytes = {0};
        struct security_row x;

        get_security(s, &x);
        x.issued.shares += i == 0;
        x.pledged.shares -= i == 1;
        x.frozen.shares += i == 2;
        x.queued.shares += i == 3;
        x.holder_count += i == 4;
        x.positions -= i == 5;
        put_security(s, &x);
        rig_frame(rig(), r, RECEIPT_REGISTER, story->traded, 0);
        certify(r, story->traded, s);
        assert_int_equal(receipt_take_security(&r->of.reg.security, s, S1),
                         ERR_NONE);
        receipt_take_lines(&r->of.reg.lines, &bytes, s, S1);
        expect_fault(r, "totals");
        buf_deinit(&bytes);
        state_free(s);
    }
}

/* A share more on a holding, and everything signed. */
static void test_register_with_a_share_from_nowhere_is_refused(void **state)
{
    struct receipt *r = take("register");
    struct state *s = rig_load(rig(), story->traded);
    struct buf bytes = {0};
    struct holding_row h;

    (void)state;
    get_holding(s, 'E', &h);
    h.segments[0].quantity.shares++;
    put_holding(s, 'E', &h);
    rig_frame(rig(), r, RECEIPT_REGISTER, story->traded, 0);
    certify(r, story->traded, s);
    assert_int_equal(receipt_take_security(&r->of.reg.security, s, S1),
                     ERR_NONE);
    receipt_take_lines(&r->of.reg.lines, &bytes, s, S1);
    expect_fault(r, "totals");
    buf_deinit(&bytes);
    state_free(s);
}

/* ---- statements of account ---- */

struct events {
    uint32_t count;
    struct receipt_event at[16];
};

static struct events events_of(const struct receipt *r)
{
    struct reader in = receipt_items(&r->of.statement.events);
    struct events e = {0};

    while (receipt_next_event(&in, &e.at[e.count]))
        e.count++;
    return e;
}

static void put_events(struct receipt *r, const struct events *e)
{
    struct receipt_list list = {0};
    struct buf bytes = {0};

    for (uint32_t i = 0; i < e->count; i++)
        receipt_add_event(&list, &bytes, &e->at[i]);
    list.items = rig_keep(rig(), bytes.at, bytes.size);
    r->of.statement.events = list;
    buf_deinit(&bytes);
}

static void test_statement_event_left_out_is_refused(void **state)
{
    struct receipt *r = take("statement");
    const struct events all = events_of(r);

    (void)state;
    assert_int_equal(all.count, 5);
    for (uint32_t gone = 0; gone < all.count; gone++) {
        struct events e = all;

        memmove(&e.at[gone],
                &e.at[gone + 1],
                (e.count - 1 - gone) * sizeof e.at[0]);
        e.count--;
        put_events(r, &e);
        expect_fault(r, "events");
    }
}

static void test_statement_event_doubled_or_reordered_is_refused(void **state)
{
    struct receipt *r = take("statement");
    const struct events all = events_of(r);
    struct events e = all;

    (void)state;
    e.at[e.count++] = all.at[all.count - 1];
    put_events(r, &e);
    expect_fault(r, "event");
    e = all;
    e.at[1] = all.at[2];
    e.at[2] = all.at[1];
    put_events(r, &e);
    expect_fault(r, "event");
}

static void test_statement_event_changed_is_refused(void **state)
{
    struct receipt *r = take("statement");
    const struct events all = events_of(r);

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        struct events e = all;
        uint8_t buf[EVENT_BYTES_MAX];

        memcpy(buf, e.at[1].event.at, e.at[1].event.size);
        buf[e.at[1].event.size - 1] ^= i == 0; /* its document */
        e.at[1].event.at = buf;
        e.at[1].salt[0] ^= i == 1;
        e.at[1].height += i == 2;
        e.at[1].index += i == 3;
        put_events(r, &e);
        expect_fault(r, "events");
    }
}

/* The events of a neighbour do not lead to one's own row. */
static void test_statement_with_the_events_of_another_is_refused(void **state)
{
    struct receipt *r = take("statement");
    static struct receipt b;

    (void)state;
    rig_frame(rig(), &b, RECEIPT_STATEMENT, story->last, 0);
    rig_statement(rig(), &b, story->last, UINT64_MAX, S1, 'B');
    r->of.statement.events = b.of.statement.events;
    expect_fault(r, "events");
}

/* What happened before an opening does not belong after it. */
static void test_statement_with_events_before_its_opening_is_refused(
    void **state)
{
    struct receipt *r = take("statement-between");

    (void)state;
    r->of.statement.events =
        story_find(story, "statement")->of.statement.events;
    expect_fault(r, "event");
}

static void test_statement_that_passes_over_its_opening_is_refused(void **state)
{
    struct receipt *r = take("statement-between");

    (void)state;
    r->of.statement.from_start = true;
    expect_fault(r, "events");
}

static void test_statement_opening_of_another_block_is_refused(void **state)
{
    struct receipt *r = take("statement-between");
    struct header h = rig()->blocks[story->traded].header;

    (void)state;
    r->of.statement.earlier_path =
        rig_path(rig(), story->traded - 1, story->last);
    expect_fault(r, "earlier");
    r = take("statement-between");
    r->of.statement.earlier_header =
        rig()->blocks[story->traded - 1].header_bytes;
    expect_fault(r, "earlier");
    /* not an earlier block at all */
    rig_statement(rig(), r, story->traded, story->traded - 1, S1, 'A');
    expect_fault(r, "account");
    r = take("statement-between");
    h.height = story->last;
    h.header_log_size = story->last;
    r->of.statement.earlier_header = rig_header_bytes(rig(), &h);
    expect_fault(r, "earlier");
}

/* The opening of another holder. */
static void test_statement_opening_of_another_account_is_refused(void **state)
{
    struct receipt *r = take("statement-between");
    static struct receipt b;

    (void)state;
    rig_frame(rig(), &b, RECEIPT_STATEMENT, story->last, 0);
    rig_statement(rig(), &b, story->last, story->traded, S1, 'B');
    r->of.statement.earlier_holding = b.of.statement.earlier_holding;
    expect_fault(r, "position");
}

/* Two codes are one position only if a board transfer moved it. */
static void test_statement_opening_in_another_security_is_refused(void **state)
{
    struct receipt *r = take("statement-between");
    struct receipt_statement *x = &r->of.statement;
    static struct receipt b;
    struct state *s = rig_load(rig(), story->traded);
    struct holding_row h;
    struct holding_row now;
    const struct hash tree = security_key("100003");
    const struct hash account = rig_account(rig(), 'A');

    (void)state;
    /* A quorum gives the holding of 100003 the chain that 100001's has, so that
     * no event is needed from the one to the other. */
    get_holding(s, 'A', &now);
    {
        const struct row_key k = {TABLE_HOLDINGS, tree, account};

        assert_int_equal(
            schema_decode(&h, &holding_row_schema, state_get(s, &k)), ERR_NONE);
    }
    h.chain = now.chain;
    set_row(s, TABLE_HOLDINGS, &tree, &account, &holding_row_schema, &h);
    rig_frame(rig(), &b, RECEIPT_STATEMENT, story->traded, 0);
    certify(&b, story->traded, s);
    assert_int_equal(
        receipt_take_position(&b.of.statement.now, s, "100003", &account),
        ERR_NONE);
    x = &b.of.statement;
    x->earlier_header = rig()->blocks[story->traded - 1].header_bytes;
    x->earlier_path = rig_path(rig(), story->traded - 1, story->traded);
    assert_int_equal(receipt_take_security(&x->earlier_security,
                                           rig_state(rig(), story->traded - 1),
                                           S1),
                     ERR_NONE);
    receipt_take_holding(
        &x->earlier_holding, rig_state(rig(), story->traded - 1), S1, &account);
    {
        struct receipt_list list = {0};
        struct buf bytes = {0};
        struct hash chain;
        struct holding_row before;

        get_holding(rig_state(rig(), story->traded - 1), 'A', &before);
        chain = before.chain;
        assert_int_equal(
            receipt_follow(&list,
                           &bytes,
                           &chain,
                           &now.chain,
                           S1,
                           &account,
                           rig()->blocks[story->traded].events,
                           rig()->blocks[story->traded].event_count),
            ERR_NONE);
        list.items = rig_keep(rig(), bytes.at, bytes.size);
        x->events = list;
        buf_deinit(&bytes);
    }
    expect_fault(&b, "security");
    state_free(s);
}

/* ---- transactions and histories ---- */

static void test_transaction_at_another_place_is_refused(void **state)
{
    struct receipt *r = take("transaction");

    (void)state;
    r->of.transaction.index = 0;
    expect_fault(r, "tx_place");
    r->of.transaction.index = 2;
    expect_fault(r, "tx_place");
    r = take("transaction");
    r->of.transaction.path.count = 0;
    expect_fault(r, "tx_place");
    r = take("transaction"); /* of the block before */
    rig_transaction(rig(), r, story->traded - 1, 1);
    expect_fault(r, "tx_place");
}

/* A block whose only transaction is these bytes, signed by a quorum. */
static void block_of_tx(struct receipt *r, struct bytes tx)
{
    struct header h = rig()->blocks[story->traded].header;

    h.tx_root = mtree_leaf(tx);
    h.tx_count = 1;
    r->block.header = rig_header_bytes(rig(), &h);
    r->block.cert = rig_cert(rig(), &h, h.view, &rig()->sets[0], 7);
    r->of.transaction = (struct receipt_transaction){.tx = tx};
}

static void test_transaction_that_is_none_is_refused(void **state)
{
    struct receipt *r = take("transaction");
    const struct bytes good = r->of.transaction.tx;
    uint8_t *bad = copy_of(good.at, good.size);

    (void)state;
    block_of_tx(r, good);
    expect_proven(r);
    bad[good.size - 1] ^= 1; /* the last signature */
    block_of_tx(r, bytes_of(bad, good.size));
    expect_fault(r, "tx_signature");
    bad[good.size - 1] ^= 1;
    bad[1] ^= 1; /* of another chain */
    block_of_tx(r, bytes_of(bad, good.size));
    expect_fault(r, "tx");
    block_of_tx(r, bytes_of(good.at, good.size - 1));
    expect_fault(r, "tx");
    free(bad);
}

static void test_link_of_a_block_that_is_not_in_the_history_is_refused(
    void **state)
{
    struct receipt *r = take("transaction-linked");
    struct header h = rig()->blocks[story->traded - 1].header;

    (void)state;
    h.state_root.raw[0] ^= 1;
    r->link_header = rig_header_bytes(rig(), &h);
    expect_fault(r, "link");
    r = take("transaction-linked");
    r->link_path = rig_path(rig(), story->traded, story->last);
    expect_fault(r, "link");
    r = take("transaction-linked");
    r->link_path.count--;
    expect_fault(r, "link");
    r = take("transaction-linked"); /* a block is not in its own history */
    r->link_header = r->block.header;
    expect_fault(r, "link");
}

static void test_consistency_of_histories_that_part_is_refused(void **state)
{
    struct receipt *r = take("consistency");
    struct header h = rig()->blocks[story->traded].header;
    struct header later = rig()->blocks[story->last].header;
    struct hash leaves[RIG_BLOCKS_MAX];
    const struct mtree_source source = {leaves, mtree_node_of_leaves};

    (void)state;
    r->of.consistency.consistency.steps[0].raw[0] ^= 1;
    expect_fault(r, "consistency");
    r = take("consistency");
    r->of.consistency.inclusion.steps[0].raw[0] ^= 1;
    expect_fault(r, "earlier");
    /* The earlier block is there, but another came before it than it says. */
    memcpy(leaves, rig()->leaves, sizeof leaves);
    leaves[2].raw[0] ^= 1;
    later.header_log_root = mtree_root(leaves, later.height);
    r = take("consistency");
    r->block.header = rig_header_bytes(rig(), &later);
    r->block.cert = rig_cert(rig(), &later, later.view, &rig()->sets[2], 0x17);
    assert_int_equal(
        mtree_prove_inclusion(
            &r->of.consistency.inclusion, &source, later.height, h.height),
        ERR_NONE);
    assert_int_equal(
        mtree_prove_consistency(
            &r->of.consistency.consistency, &source, h.height, later.height),
        ERR_NONE);
    expect_fault(r, "consistency");
}

static void test_validators_that_were_not_named_are_refused(void **state)
{
    static const uint8_t others[] = {1, 2, 3, 4, 7};
    struct receipt *r = take("validators");

    (void)state;
    r->of.validators = rig_set(1, others, sizeof others);
    expect_fault(r, "set");
    r = take("validators");
    r->of.validators.epoch = 2;
    expect_fault(r, "set");
    r = take("validators"); /* a block that changes nothing */
    rig_frame(rig(), r, RECEIPT_VALIDATORS, story->traded, 0);
    r->of.validators = rig()->sets[0];
    expect_fault(r, "seal");
}

/* ---- builders ---- */

static void test_build_says_what_is_not_there(void **state)
{
    struct hash nobody = {{1}};
    struct receipt_row row;
    static struct receipt_security security;
    static struct receipt_position position;
    struct state *s = rig_state(rig(), story->traded);

    (void)state;
    assert_int_equal(receipt_take_account(&row, s, &nobody), ERR_NOT_FOUND);
    assert_int_equal(receipt_take_security(&security, s, "NONE"),
                     ERR_NOT_FOUND);
    assert_int_equal(receipt_take_position(&position, s, S1, &nobody),
                     ERR_NOT_FOUND);
}

static void test_build_names_the_kind_of_a_position(void **state)
{
    (void)state;
    assert_int_equal(
        receipt_kind_of(&story_find(story, "holding")->of.position),
        RECEIPT_HOLDING);
    assert_int_equal(
        receipt_kind_of(&story_find(story, "absence-row")->of.position),
        RECEIPT_ABSENCE);
    assert_int_equal(
        receipt_kind_of(&story_find(story, "absence-leaf")->of.position),
        RECEIPT_ABSENCE);
}

static void test_build_follow_refuses_events_that_lead_elsewhere(void **state)
{
    const struct rig_block *b = &rig()->blocks[story->traded];
    const struct hash account = rig_account(rig(), 'A');
    struct receipt_list list = {0};
    struct buf bytes = {0};
    struct hash chain = {{0}};
    const struct hash end = {{1}};

    (void)state;
    assert_int_equal(receipt_follow(&list,
                                    &bytes,
                                    &chain,
                                    &end,
                                    S1,
                                    &account,
                                    b->events,
                                    b->event_count),
                     ERR_MISMATCH);
    assert_int_equal(list.count, 0);
    assert_int_equal(bytes.size, 0);
    assert_true(hash_is_zero(&chain));
    buf_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_position_row_of_another_holder_is_refused),
        cmocka_unit_test(test_position_of_another_height_is_refused),
        cmocka_unit_test(test_position_of_another_security_is_refused),
        cmocka_unit_test(test_absence_with_another_keys_path_is_refused),
        cmocka_unit_test(test_absence_of_a_holder_is_refused),
        cmocka_unit_test(
            test_absence_of_an_account_that_is_not_there_is_refused),
        cmocka_unit_test(test_holding_without_a_share_is_refused),
        cmocka_unit_test(test_unencumbered_refuses_a_pledge),
        cmocka_unit_test(test_unencumbered_refuses_a_freeze),
        cmocka_unit_test(test_unencumbered_refuses_a_queued_freeze),
        cmocka_unit_test(test_unencumbered_refuses_a_frozen_account),
        cmocka_unit_test(test_position_with_an_impossible_row_is_refused),
        cmocka_unit_test(test_disclosure_of_another_identity_is_refused),
        cmocka_unit_test(test_register_line_left_out_is_refused),
        cmocka_unit_test(test_register_line_doubled_is_refused),
        cmocka_unit_test(test_register_lines_reordered_are_refused),
        cmocka_unit_test(test_register_line_added_is_refused),
        cmocka_unit_test(test_register_rows_exchanged_are_refused),
        cmocka_unit_test(test_register_emptied_is_refused),
        cmocka_unit_test(test_register_lines_of_another_security_are_refused),
        cmocka_unit_test(test_register_total_changed_is_refused),
        cmocka_unit_test(test_register_with_a_share_from_nowhere_is_refused),
        cmocka_unit_test(test_statement_event_left_out_is_refused),
        cmocka_unit_test(test_statement_event_doubled_or_reordered_is_refused),
        cmocka_unit_test(test_statement_event_changed_is_refused),
        cmocka_unit_test(test_statement_with_the_events_of_another_is_refused),
        cmocka_unit_test(
            test_statement_with_events_before_its_opening_is_refused),
        cmocka_unit_test(
            test_statement_that_passes_over_its_opening_is_refused),
        cmocka_unit_test(test_statement_opening_of_another_block_is_refused),
        cmocka_unit_test(test_statement_opening_of_another_account_is_refused),
        cmocka_unit_test(test_statement_opening_in_another_security_is_refused),
        cmocka_unit_test(test_transaction_at_another_place_is_refused),
        cmocka_unit_test(test_transaction_that_is_none_is_refused),
        cmocka_unit_test(
            test_link_of_a_block_that_is_not_in_the_history_is_refused),
        cmocka_unit_test(test_consistency_of_histories_that_part_is_refused),
        cmocka_unit_test(test_validators_that_were_not_named_are_refused),
        cmocka_unit_test(test_build_says_what_is_not_there),
        cmocka_unit_test(test_build_names_the_kind_of_a_position),
        cmocka_unit_test(test_build_follow_refuses_events_that_lead_elsewhere),
    };

    bad_program = "statement";
    return cmocka_run_group_tests(tests, setup, teardown);
}
