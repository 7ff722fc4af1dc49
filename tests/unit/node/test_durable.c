/* Persist before you promise, with a disk that is slow or broken: no vote
 * leaves before its flush, nobody hears FINAL before the block is on disk, and
 * after a failed flush the node promises nothing more.
 *
 * The node's process is a fork of this one, so that its flushes, the database
 * library's too, come by the fdatasync below. */
#include "tests/unit/node/driver_node.h"

#include <errno.h>
#include <sys/syscall.h>

/* DIR/slow-journal or slow-db: the flush waits until the file is gone.
 * DIR/broken-journal or broken-db: it fails. */
static bool ordered(const char *how, const char *part)
{
    char path[2 * RIG_PATH];

    snprintf(path, sizeof path, "%s/%s-%s", rig.dir, how, part);
    return access(path, F_OK) == 0;
}

int fdatasync(int fd)
{
    static const char *const parts[] = {"journal", "db"};
    char link[32];
    char path[512] = "";

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) < 0)
        path[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        char folder[16];

        snprintf(folder, sizeof folder, "/%s/", parts[i]);
        if (strstr(path, folder) == NULL)
            continue;
        while (ordered("slow", parts[i]))
            usleep(1000);
        if (ordered("broken", parts[i])) {
            errno = EIO;
            return -1;
        }
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static void order(const char *how)
{
    rig_shell("touch %s/%s", rig.dir, how);
}

static void end_order(const char *how)
{
    rig_shell("rm %s/%s", rig.dir, how);
}

static struct hash tx_of(uint64_t height)
{
    static struct body body;
    static struct tx tx;

    assert_int_equal(body_split(&body, buf_bytes(&rig.chain[height].body)),
                     ERR_NONE);
    assert_int_equal(tx_decode(&tx, body.txs[0]), ERR_NONE);
    return tx.id;
}

static bool is_final(uint64_t height)
{
    const struct hash id = tx_of(height);
    struct rpc_client *c;
    struct rpc_failure why;
    char url[64];
    json_t *r;
    const char *state;
    bool final;

    snprintf(url, sizeof url, "http://127.0.0.1:%u", rig.rpc_port);
    assert_int_equal(rpc_client_new(&c, url), ERR_NONE);
    r = rpc_client_call(
        c,
        "tx_get",
        json_pack("{s:o}", "id", json_of_hex(id.raw, HASH_BYTES)),
        2000,
        &why);
    assert_non_null(r);
    state = json_string_value(json_object_get(r, "state"));
    final = state != NULL && strcmp(state, "FINAL") == 0;
    json_decref(r);
    rpc_client_free(c);
    return final;
}

/* The state is at this height, whatever is on disk. */
static bool has_executed(uint64_t height)
{
    struct rpc_client *c;
    struct rpc_failure why;
    char url[64];
    json_t *r;
    uint64_t tip = 0;

    snprintf(url, sizeof url, "http://127.0.0.1:%u", rig.rpc_port);
    assert_int_equal(rpc_client_new(&c, url), ERR_NONE);
    r = rpc_client_call(c, "node_status", NULL, 2000, &why);
    (void)json_u64(&tip, json_object_get(r, "tip_height"));
    json_decref(r);
    rpc_client_free(c);
    return tip == height;
}

static void test_durable_no_vote_leaves_before_its_flush(void **state)
{
    (void)state;
    rig_start(&rig);
    rig_ready();
    order("slow-journal");
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    rig_idle(&rig, 500);
    assert_int_equal(rig.heard.kind, 0);
    end_order("slow-journal");
    WAIT_FOR(rig_notarized(&rig, 1));
    rig_survives(0);
}

static void test_durable_after_a_failed_flush_there_is_no_vote(void **state)
{
    (void)state;
    rig_start(&rig);
    rig_ready();
    order("broken-journal");
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    assert_int_equal(rig_ends(&rig), EXIT_SAFETY_HALT);
    rig_idle(&rig, 100);
    assert_int_equal(rig.heard.kind, 0);
    assert_true(rig_logged(&rig, "the vote journal cannot be written"));
    end_order("broken-journal");
    rig_start(&rig);
    rig_ready();
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, 1));
}

static void test_durable_nobody_hears_final_before_the_disk(void **state)
{
    (void)state;
    rig_start(&rig);
    rig_ready();
    order("slow-db");
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, 1));
    rig_announce(&rig, 1);
    WAIT_FOR(has_executed(1));
    rig_idle(&rig, 300);
    assert_false(is_final(1));
    end_order("slow-db");
    WAIT_FOR(is_final(1));
}

/* Killed while the block waits for the disk: nobody was told, and the block
 * comes back from the journal or from a peer. */
static void test_durable_killed_before_the_block_is_on_disk(void **state)
{
    (void)state;
    rig_start(&rig);
    rig_ready();
    order("slow-db");
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, 1));
    rig_announce(&rig, 1);
    WAIT_FOR(has_executed(1));
    rig_kill(&rig);
    end_order("slow-db");
    rig_start(&rig);
    rig_ready();
    rig_announce(&rig, 1);
    WAIT_FOR(rig_is_at(&rig, 1));
    assert_true(is_final(1));
}

static void test_durable_a_database_that_cannot_be_written(void **state)
{
    (void)state;
    rig_start(&rig);
    rig_ready();
    order("broken-db");
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, 1));
    rig_announce(&rig, 1);
    assert_int_equal(rig_ends(&rig), EXIT_SAFETY_HALT);
    assert_true(rig_logged(&rig, "the database refused a write"));
    end_order("broken-db");
    rig_start(&rig);
    rig_ready();
    rig_announce(&rig, 1);
    WAIT_FOR(rig_is_at(&rig, 1));
    rig_survives(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
        TEST(test_durable_no_vote_leaves_before_its_flush),
        TEST(test_durable_after_a_failed_flush_there_is_no_vote),
        TEST(test_durable_nobody_hears_final_before_the_disk),
        TEST(test_durable_killed_before_the_block_is_on_disk),
        TEST(test_durable_a_database_that_cannot_be_written),
#undef TEST
    };

    return cmocka_run_group_tests(tests, rig_make, rig_unmake);
}
