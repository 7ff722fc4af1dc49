#include "tests/receipts/story.h"

#include "base/check.h"
#include "ledger/ops.h"

#include <stdlib.h>

#define S1 "100001"
#define S2 "100002" /* a draft without holdings */
#define S3 "100003" /* of one holder */

static void transfer(struct rig *g, char from, char to, uint64_t q)
{
    struct op_transfer op;

    rig_op(g, OP_TRANSFER, &op, S1);
    op.from = rig_account(g, from);
    op.to = rig_account(g, to);
    op.quantity.shares = q;
    rig_do(g, OP_TRANSFER, &op);
}

static void pledge(struct rig *g, char from, char to, uint64_t q)
{
    struct op_pledge_create op;

    rig_op(g, OP_PLEDGE_CREATE, &op, S1);
    op.pledgor = rig_account(g, from);
    op.pledgee = rig_account(g, to);
    op.quantity.shares = q;
    rig_do(g, OP_PLEDGE_CREATE, &op);
}

static void freeze(struct rig *g, char whom, uint64_t q)
{
    struct op_freeze_create op;

    rig_op(g, OP_FREEZE_CREATE, &op, S1);
    op.account = rig_account(g, whom);
    op.quantity.shares = q;
    rig_do(g, OP_FREEZE_CREATE, &op);
}

static void live(struct story *s)
{
    static const uint64_t shares[] = {5000, 3000, 2000, 700, 40, 9};
    static const uint64_t one[] = {1000000};
    static const char everybody[] = "ABCDEFIKXYZ";
    struct rig *g = s->g;

    for (const char *name = everybody; *name != '\0'; name++)
        (void)rig_account(g, *name);
    rig_second(g);
    rig_register(g, S1, "ABCEFX", shares);
    rig_second(g);
    s->registered = g->count - 1;
    rig_register(g, S2, "", NULL);
    rig_register(g, S3, "A", one);
    rig_second(g);
    transfer(g, 'A', 'B', 100);
    transfer(g, 'C', 'D', 2000);
    rig_second(g);
    freeze(g, 'B', 4000); /* 3100 effective, the rest is unfulfilled */
    pledge(g, 'A', 'K', 1500);
    rig_second(g);
    s->traded = g->count - 1;
    transfer(g, 'E', 'X', 1);
    rig_candidate(g, 5);
    rig_change(g, 0, 5);
    s->first_seal = g->count;
    rig_day(g, 1);
    transfer(g, 'X', 'Y', 5);
    rig_candidate(g, 6);
    rig_second(g);
    transfer(g, 'A', 'Y', 10);
    g->carried = 3;
    s->later = g->count;
    rig_second(g);
    freeze(g, 'A', 5000);
    rig_change(g, 1, 6);
    s->second_seal = g->count;
    rig_second(g);
    transfer(g, 'F', 'Y', 40);
    rig_day(g, 3);
    transfer(g, 'E', 'Z', 99);
    s->last = g->count;
    rig_second(g);
}

static struct receipt *add(struct story *s, const char *name, const char *about)
{
    struct receipt *r = calloc(1, sizeof *r);

    ASSERT(r != NULL && s->count < STORY_RECEIPTS_MAX);
    s->list[s->count++] = (struct story_receipt){name, about, r};
    return r;
}

static void tell_positions(struct story *s)
{
    struct rig *g = s->g;
    struct receipt *r;

    r = add(s, "holding", "pledged shares, after a change of validators");
    rig_frame(g, r, RECEIPT_HOLDING, s->later, 0);
    rig_position(g, r, s->later, S1, 'A');
    r = add(s, "holding-as-of", "at the end of the day that closes an epoch");
    rig_frame(g, r, RECEIPT_HOLDING, s->first_seal, 0);
    rig_as_of(g, r);
    rig_position(g, r, s->first_seal, S1, 'B');
    r = add(s, "holding-pinned", "from a pinned block, two changes later");
    rig_frame(g, r, RECEIPT_HOLDING, s->last, s->traded);
    rig_position(g, r, s->last, S1, 'Z');
    r = add(s, "holding-linked", "an older block in the history of a later");
    rig_frame(g, r, RECEIPT_HOLDING, s->last, s->traded);
    rig_link(g, r, s->registered);
    rig_position(g, r, s->registered, S1, 'C');
    r = add(s, "absence-leaf", "the register has no entry for the account");
    rig_frame(g, r, RECEIPT_ABSENCE, s->traded, 0);
    rig_position(g, r, s->traded, S1, 'Z');
    r = add(s, "absence-tree", "the register has no entry at all");
    rig_frame(g, r, RECEIPT_ABSENCE, s->traded, 0);
    rig_position(g, r, s->traded, S2, 'A');
    r = add(s, "absence-row", "everything was sold; disclosed to whom it was");
    rig_frame(g, r, RECEIPT_ABSENCE, s->later, 0);
    rig_position(g, r, s->later, S1, 'C');
    rig_disclose(r, 'C');
    r = add(s, "unencumbered", "no pledge, no freeze; T+n runs; disclosed");
    rig_frame(g, r, RECEIPT_UNENCUMBERED, s->traded, 0);
    rig_position(g, r, s->traded, S1, 'D');
    rig_disclose(r, 'D');
    r = add(s, "unencumbered-one", "the only entry of a register");
    rig_frame(g, r, RECEIPT_UNENCUMBERED, s->later, 0);
    rig_position(g, r, s->later, S3, 'A');
    rig_disclose(r, 'A');
}

static void tell_lists(struct story *s)
{
    struct rig *g = s->g;
    struct receipt *r;

    r = add(s, "register", "complete, by a certificate of a carried block");
    rig_frame(g, r, RECEIPT_REGISTER, s->later, 0);
    rig_lines(g, r, s->later, S1);
    r = add(s, "register-as-of", "at the end of several days");
    rig_frame(g, r, RECEIPT_REGISTER, s->last - 1, 0);
    rig_as_of(g, r);
    rig_lines(g, r, s->last - 1, S1);
    r = add(s, "register-empty", "a draft that has no entry yet");
    rig_frame(g, r, RECEIPT_REGISTER, s->traded, 0);
    rig_lines(g, r, s->traded, S2);
    r = add(s, "statement", "from the first entry, disclosed");
    rig_frame(g, r, RECEIPT_STATEMENT, s->last, 0);
    rig_statement(g, r, s->last, UINT64_MAX, S1, 'A');
    rig_disclose(r, 'A');
    r = add(s, "statement-between", "between two heights, disclosed");
    rig_frame(g, r, RECEIPT_STATEMENT, s->last, 0);
    rig_statement(g, r, s->last, s->traded, S1, 'A');
    rig_disclose(r, 'A');
    r = add(s, "statement-quiet", "between two heights, without an event");
    rig_frame(g, r, RECEIPT_STATEMENT, s->later, 0);
    rig_statement(g, r, s->later, s->traded, S1, 'D');
}

static void tell_blocks(struct story *s)
{
    struct rig *g = s->g;
    struct receipt *r;

    r = add(s, "transaction", "the second of a block");
    rig_frame(g, r, RECEIPT_TRANSACTION, s->traded, 0);
    rig_transaction(g, r, s->traded, 1);
    r = add(s, "transaction-linked", "in an older block");
    rig_frame(g, r, RECEIPT_TRANSACTION, s->last, 0);
    rig_link(g, r, s->traded - 1);
    rig_transaction(g, r, s->traded - 1, 0);
    r = add(s, "consistency", "a later history continues an earlier one");
    rig_frame(g, r, RECEIPT_CONSISTENCY, s->last, 0);
    rig_consistency(g, r, s->last, s->traded);
    r = add(s, "validators", "one joins");
    rig_frame(g, r, RECEIPT_VALIDATORS, s->first_seal, 0);
    r->of.validators = g->sets[1];
    r = add(s, "validators-second", "one leaves, one joins");
    rig_frame(g, r, RECEIPT_VALIDATORS, s->second_seal, 0);
    r->of.validators = g->sets[2];
}

struct story *story_new_on(uint64_t chain)
{
    struct story *s = calloc(1, sizeof *s);

    ASSERT(s != NULL);
    s->g = rig_new(chain);
    live(s);
    s->trust = rig_trust(s->g, s->traded);
    tell_positions(s);
    tell_lists(s);
    tell_blocks(s);
    return s;
}

struct story *story_new(void)
{
    return story_new_on(0);
}

void story_free(struct story *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        free(s->list[i].receipt);
    rig_free(s->g);
    free(s);
}

const struct receipt *story_find(const struct story *s, const char *name)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (strcmp(s->list[i].name, name) == 0)
            return s->list[i].receipt;
    }
    ASSERT(false);
    return NULL;
}
