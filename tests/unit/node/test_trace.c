/* The ring of events: what goes in comes out, the oldest falls out. */
#include "node/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"

struct lines {
    uint32_t count;
    char first[400];
    char last[400];
};

static void take(void *ctx, const char *line)
{
    struct lines *l = ctx;

    if (l->count++ == 0)
        snprintf(l->first, sizeof l->first, "%s", line);
    snprintf(l->last, sizeof l->last, "%s", line);
}

static struct lines lines_of(const struct trace *t)
{
    struct lines l = {0};
    struct buf file = {0};

    trace_write(t, &file);
    assert_int_equal(trace_read(buf_bytes(&file), take, &l), ERR_NONE);
    buf_deinit(&file);
    return l;
}

static struct core_effects *nothing(void)
{
    static struct core_effects fx;

    fx.count = 0;
    return &fx;
}

static void vote(struct trace *t, uint64_t view)
{
    const struct vote v = {.kind = VOTE_FINALIZE,
                           .about = {view, view - 1, 7, {{0xab}}},
                           .signer = 2};
    const struct core_event e = {
        .kind = ON_VOTE, .from = 2, .wall_ms = 99, .vote = &v};

    trace_step(t, &e, nothing(), 1234);
}

static void test_trace_shows_events_and_effects_in_order(void **state)
{
    struct trace *t = trace_new();
    struct core_effects fx = {.count = 2};
    const struct cert c = {
        .kind = VOTE_NULLIFY, .about = {.view = 4}, .bitmap = 0xe};
    const struct core_event e = {
        .kind = ON_CERT, .from = 3, .certs = &c, .cert_count = 1};
    struct lines l;

    (void)state;
    fx.list[0] = (struct core_effect){
        .kind = DO_PERSIST_CERT, .to = CORE_ALL, .cert = &c};
    fx.list[1] = (struct core_effect){
        .kind = DO_EXECUTE, .to = CORE_ALL, .hash = {{0xcd}}};
    vote(t, 3);
    trace_step(t, &e, &fx, 5678);
    l = lines_of(t);
    assert_int_equal(l.count, 4);
    assert_non_null(strstr(l.first, "1.234 in VOTE"));
    assert_non_null(strstr(l.first, "peer=2 FINALIZE view=3 parent_view=2"));
    assert_non_null(strstr(l.first, "block=ab00"));
    assert_non_null(strstr(l.first, "wall_ms=99"));
    assert_non_null(strstr(l.last, "5.678   -> EXECUTE"));
    assert_non_null(strstr(l.last, "block=cd00"));
    trace_free(t);
}

static void test_trace_leaves_out_what_did_nothing(void **state)
{
    struct trace *t = trace_new();
    const struct core_event heard = {.kind = ON_HEARD, .from = 1};
    const struct core_event tick = {.kind = ON_TICK};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        trace_step(t, &heard, nothing(), 1);
        trace_step(t, &tick, nothing(), 1);
    }
    assert_int_equal(lines_of(t).count, 0);
    trace_free(t);
}

static void test_trace_keeps_the_newest(void **state)
{
    struct trace *t = trace_new();
    struct lines l;

    (void)state;
    for (uint64_t view = 1; view <= TRACE_ENTRIES + 500; view++)
        vote(t, view);
    l = lines_of(t);
    assert_int_equal(l.count, TRACE_ENTRIES + 1);
    assert_string_equal(l.first, "500 older entries are not kept");
    assert_non_null(strstr(l.last, "view=40500 "));
    trace_free(t);
}

static void test_trace_that_is_cut_or_foreign_is_refused(void **state)
{
    struct trace *t = trace_new();
    struct buf file = {0};
    struct lines l = {0};

    (void)state;
    vote(t, 3);
    trace_write(t, &file);
    assert_int_equal(file.size, TRACE_HEAD_BYTES + TRACE_ENTRY_BYTES);
    for (size_t cut = 0; cut < file.size; cut++)
        assert_int_equal(trace_read(bytes_of(file.at, cut), take, &l),
                         ERR_TRUNCATED);
    buf_append(&file, "", 1);
    assert_int_equal(trace_read(buf_bytes(&file), take, &l), ERR_TRAILING);
    file.size--;
    file.at[TRACE_HEAD_BYTES + 1] = 200; /* no such kind */
    assert_int_equal(trace_read(buf_bytes(&file), take, &l), ERR_RANGE);
    file.at[0] ^= 1;
    assert_int_equal(trace_read(buf_bytes(&file), take, &l), ERR_VERSION);
    buf_deinit(&file);
    trace_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trace_shows_events_and_effects_in_order),
        cmocka_unit_test(test_trace_leaves_out_what_did_nothing),
        cmocka_unit_test(test_trace_keeps_the_newest),
        cmocka_unit_test(test_trace_that_is_cut_or_foreign_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
