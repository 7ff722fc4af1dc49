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

/* The transaction of the block of this height. */
static const struct tx *tx_of(uint64_t height)
{
    static struct body body;
    static struct tx tx;

    assert_int_equal(body_split(&body, buf_bytes(&rig.chain[height].body)),
                     ERR_NONE);
    assert_int_equal(tx_decode(&tx, body.txs[0]), ERR_NONE);
    return &tx;
}

/* Takes params; NULL: an error. */
static json_t *ask(const char *method, json_t *params)
{
    struct rpc_client *c;
    struct rpc_failure why;
    char url[64];
    json_t *r;

    snprintf(url, sizeof url, "http://127.0.0.1:%u", rig.rpc_port);
    assert_int_equal(rpc_client_new(&c, url), ERR_NONE);
    r = rpc_client_call(c, method, params, WAIT_MS, &why);
    rpc_client_free(c);
    return r;
}

static bool says_final(const char *method, uint64_t height)
{
    json_t *r =
        ask(method,
            json_pack(
                "{s:o}", "id", json_of_hex(tx_of(height)->id.raw, HASH_BYTES)));
    const char *state = json_string_value(json_object_get(r, "state"));
    const bool final = state != NULL && strcmp(state, "FINAL") == 0;

    json_decref(r);
    return final;
}

static bool is_final(uint64_t height)
{
    return says_final("tx_get", height);
}

/* A client that waits in a process of its own: it ends with 1 if it hears
 * FINAL, else with 0. */
static pid_t client_waits(uint64_t height)
{
    const struct bytes tx = tx_of(height)->full_bytes;
    char hex[4096];
    json_t *r;
    pid_t pid;

    assert_true(2 * tx.size < sizeof hex);
    hex_encode(hex, tx.at, tx.size);
    r = ask("tx_submit", json_pack("{s:s}", "tx", hex));
    assert_non_null(r);
    json_decref(r);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(says_final("tx_wait", height) ? 1 : 0);
    }
    return pid;
}

static bool still_waits(pid_t pid)
{
    return waitpid(pid, NULL, WNOHANG) == 0;
}

/* The state is at this height, whatever is on disk. */
static bool has_executed(uint64_t height)
{
    json_t *r = ask("node_status", NULL);
    uint64_t tip = 0;

    (void)json_u64(&tip, json_object_get(r, "tip_height"));
    json_decref(r);
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
    pid_t client;

    (void)state;
    rig_start(&rig);
    rig_ready();
    client = client_waits(1);
    order("slow-db");
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, 1));
    rig_announce(&rig, 1);
    WAIT_FOR(has_executed(1));
    rig_idle(&rig, 300);
    assert_false(is_final(1));
    assert_true(still_waits(client));
    end_order("slow-db");
    assert_int_equal(rig_wait(client), 1);
    assert_true(is_final(1));
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
    pid_t client;

    (void)state;
    rig_start(&rig);
    rig_ready();
    client = client_waits(1);
    order("broken-db");
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, 1));
    rig_announce(&rig, 1);
    assert_int_equal(rig_ends(&rig), EXIT_SAFETY_HALT);
    assert_true(rig_logged(&rig, "the database refused a write"));
    assert_int_equal(rig_wait(client), 0);
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
