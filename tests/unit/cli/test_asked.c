/* A true receipt about something else is not the answer. */
#include "cli/asked.h"

#include "base/hex.h"
#include "base/num.h"
#include "tests/receipts/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define S1 "100001"
#define S2 "100002"

static struct story *story;
static struct receipt_facts facts;
static const struct receipt *receipt;

static int set_up(void **state)
{
    (void)state;
    story = story_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    story_free(story);
    return 0;
}

static void take(const char *name)
{
    struct trust t = story->trust;

    receipt = story_find(story, name);
    receipt_verify(&facts, receipt, &t);
    assert_int_equal(facts.outcome, RECEIPT_PROVEN);
}

static const char *hex_of(const struct hash *h)
{
    static char out[4][2 * HASH_BYTES + 1];
    static unsigned next;
    char *at = out[next++ % 4];

    hex_encode(at, h->raw, sizeof h->raw);
    return at;
}

static const char *account(char name)
{
    const struct hash h = rig_account(story->g, name);

    return hex_of(&h);
}

static const char *number(uint64_t v)
{
    static char out[4][24];
    static unsigned next;
    char *at = out[next++ % 4];

    snprintf(at, 24, "%llu", (unsigned long long)v);
    return at;
}

static void answers(struct asked q)
{
    assert_null(asked_differs(&q, &facts, receipt));
}

static void differs(const char *in, struct asked q)
{
    const char *is = asked_differs(&q, &facts, receipt);

    assert_non_null(is);
    assert_string_equal(is, in);
}

static struct asked position(uint8_t kind, const char *code, char name)
{
    return (struct asked){.kind = kind, .words = {code, account(name)}};
}

static void test_asked_position_of_another_is_not_the_answer(void **state)
{
    struct asked q = position(RECEIPT_HOLDING, S1, 'A');

    (void)state;
    take("holding");
    answers(q);
    differs("account", position(RECEIPT_HOLDING, S1, 'B'));
    differs("security", position(RECEIPT_HOLDING, S2, 'A'));
    differs("kind", position(RECEIPT_UNENCUMBERED, S1, 'A'));
    differs("kind", position(RECEIPT_REGISTER, S1, 'A'));
    q.height = number(story->later);
    answers(q);
    q.height = number(story->later - 1);
    differs("height", q);
    q.height = "x";
    differs("height", q);
    q.height = NULL;
    q.anchor = "0";
    answers(q);
    q.anchor = number(story->traded);
    differs("anchor", q);
    q = position(RECEIPT_HOLDING, S1, 'A');
    q.words[1] = "00";
    differs("account", q);
}

static void test_asked_holding_may_be_an_absence(void **state)
{
    (void)state;
    take("absence-leaf");
    answers(position(RECEIPT_HOLDING, S1, 'Z'));
    differs("kind", position(RECEIPT_UNENCUMBERED, S1, 'Z'));
    take("unencumbered");
    answers(position(RECEIPT_UNENCUMBERED, S1, 'D'));
    differs("kind", position(RECEIPT_HOLDING, S1, 'D'));
}

static void test_asked_date_must_be_covered(void **state)
{
    struct asked q = position(RECEIPT_HOLDING, S1, 'B');
    char day[11];

    (void)state;
    take("holding-as-of");
    q.date = day;
    num_format_date(day, facts.date);
    answers(q);
    num_format_date(day, facts.date - 1);
    differs("date", q);
    num_format_date(day, facts.date_to + 1);
    differs("date", q);
    take("register-as-of"); /* of several days */
    q = (struct asked){.kind = RECEIPT_REGISTER, .words = {S1, NULL}};
    q.date = day;
    assert_true(facts.date_to > facts.date);
    num_format_date(day, facts.date_to);
    answers(q);
    take("holding"); /* without a successor: not later than asked for */
    q = position(RECEIPT_HOLDING, S1, 'A');
    q.date = day;
    num_format_date(day, facts.date + 5);
    answers(q);
    num_format_date(day, facts.date - 1);
    differs("date", q);
}

static void test_asked_statement_must_begin_where_it_was_asked_to(void **state)
{
    struct asked q = position(RECEIPT_STATEMENT, S1, 'A');

    (void)state;
    take("statement");
    answers(q);
    q.from_height = number(story->traded);
    differs("beginning", q);
    take("statement-between");
    answers(q);
    q.from_height = number(story->traded - 1);
    differs("beginning", q);
    q.from_height = NULL;
    differs("beginning", q);
    q = position(RECEIPT_STATEMENT, S1, 'D');
    q.from_height = number(story->traded);
    differs("account", q);
}

static void test_asked_blocks_must_be_those(void **state)
{
    struct asked q = {.kind = RECEIPT_CONSISTENCY,
                      .words = {number(story->traded), number(story->last)}};

    (void)state;
    take("consistency");
    answers(q);
    q.words[0] = number(story->traded - 1);
    differs("block", q);
    q.words[0] = number(story->traded);
    q.words[1] = number(story->last - 1);
    differs("block", q);
    q = (struct asked){.kind = RECEIPT_VALIDATORS, .words = {"1", NULL}};
    take("validators");
    answers(q);
    take("validators-second");
    differs("epoch", q);
    take("transaction");
    q = (struct asked){.kind = RECEIPT_TRANSACTION,
                       .words = {hex_of(&facts.tx.id), NULL}};
    answers(q);
    take("transaction-linked");
    differs("transaction", q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked_position_of_another_is_not_the_answer),
        cmocka_unit_test(test_asked_holding_may_be_an_absence),
        cmocka_unit_test(test_asked_date_must_be_covered),
        cmocka_unit_test(test_asked_statement_must_begin_where_it_was_asked_to),
        cmocka_unit_test(test_asked_blocks_must_be_those),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
