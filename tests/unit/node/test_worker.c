/* Lanes: who goes first, and that nobody waits for ever. */
#include "node/worker.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    TASKS = 400,
};

struct job {
    struct task task;
    char name;
};

/* In the order in which they ran. */
static char ran[TASKS + 1];
static unsigned ran_count;
static unsigned done_count;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void run(struct task *t)
{
    pthread_mutex_lock(&gate); /* the first one waits for all to be submitted */
    ran[ran_count++] = ((struct job *)(void *)t)->name;
    pthread_mutex_unlock(&gate);
}

static void done(struct task *t)
{
    done_count++;
    free(t);
}

static void submit(struct pool *p, char name, unsigned lane, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct job *j = calloc(1, sizeof *j);

        assert_non_null(j);
        j->task.run = run;
        j->task.done = done;
        j->name = name;
        pool_submit(p, &j->task, lane);
    }
}

static void with_pool(void (*fill)(struct pool *p))
{
    struct event_base *base = event_base_new();
    struct mail *mail = mail_new(base);
    struct pool *p = pool_new("test", 1, mail);
    unsigned submitted;

    memset(ran, 0, sizeof ran);
    ran_count = done_count = 0;
    pthread_mutex_lock(&gate);
    submit(p, '-', 0, 1);
    while (pool_waiting(p) > 0) /* it is held at the gate */
        ;
    fill(p);
    submitted = (unsigned)pool_waiting(p) + 1;
    pthread_mutex_unlock(&gate);
    pool_stop(p);
    mail_drain(mail);
    assert_int_equal(ran_count, submitted);
    assert_int_equal(done_count, submitted);
    mail_free(mail);
    event_base_free(base);
}

static void fill_in_turns(struct pool *p)
{
    submit(p, 'a', 3, 5); /* much to do */
    submit(p, 'b', 4, 1);
    submit(p, 'c', 7, 2);
}

static void test_worker_lanes_take_turns(void **x)
{
    (void)x;
    with_pool(fill_in_turns);
    assert_string_equal(ran, "-abcacaaa");
}

static void fill_urgent(struct pool *p)
{
    submit(p, 'p', 3, 3);
    submit(p, 'U', 0, 4);
}

static void test_worker_lane_0_goes_first(void **x)
{
    (void)x;
    with_pool(fill_urgent);
    assert_string_equal(ran, "-UUUUppp");
}

static void fill_much_urgent(struct pool *p)
{
    submit(p, 'U', 0, 100);
    submit(p, 'p', 9, 5);
}

static void test_worker_lane_0_does_not_shut_out_the_others(void **x)
{
    unsigned urgent = 0;
    unsigned other = 0;

    (void)x;
    with_pool(fill_much_urgent);
    for (const char *at = ran + 1; *at != '\0'; at++) {
        urgent += *at == 'U';
        other += *at == 'p';
        if (urgent < 100)
            assert_in_range(other, urgent / 17, urgent / 15 + 1);
    }
    assert_int_equal(other, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker_lanes_take_turns),
        cmocka_unit_test(test_worker_lane_0_goes_first),
        cmocka_unit_test(test_worker_lane_0_does_not_shut_out_the_others),
    };

    evthread_use_pthreads();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
