/* The real driver is shown what must not be, or loses its disk: it stops
 * signing (exit 86, or it observes), says why in one line, and leaves the files
 * that tell what happened. */
#include "tests/unit/node/driver_node.h"

#include "node/bundle.h"
#include "node/trace.h"

#include <dirent.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* ---- a disk that fails ---- */

/* Part of the path of the files whose flush fails from now on; "": none. */
static char *failing_path;
static pid_t test_pid;

/* Takes the place of the C library's in this program. */
int fdatasync(int fd)
{
    char link[64];
    char path[512];
    ssize_t size;

    if (failing_path != NULL && failing_path[0] != '\0' &&
        getpid() != test_pid) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        size = readlink(link, path, sizeof path - 1);
        path[size > 0 ? size : 0] = '\0';
        if (strstr(path, failing_path) != NULL) {
            errno = EIO;
            return -1;
        }
    }
    return (int)syscall(SYS_fdatasync, fd);
}

/* ---- what a halt leaves ---- */

/* The newest folder of a halt; "" if there is none. */
static void find_bundle(char out[BUNDLE_PATH_MAX])
{
    DIR *d = opendir(rig.dir);
    struct dirent *e;

    out[0] = '\0';
    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, "halt-", 5) == 0)
            snprintf(out, BUNDLE_PATH_MAX, "%s/%s", rig.dir, e->d_name);
    }
    closedir(d);
}

static bool file_says(const char *dir, const char *name, const char *text)
{
    char path[BUNDLE_PATH_MAX + 64];
    uint8_t *at;
    size_t size;
    bool found;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (file_read(&at, &size, path, 64 << 20) != ERR_NONE)
        return false;
    found = memmem(at, size, text, strlen(text)) != NULL;
    free(at);
    return found;
}

struct found {
    const char *text;
    uint32_t lines;
    uint32_t hits;
};

static void look(void *ctx, const char *line)
{
    struct found *f = ctx;

    f->lines++;
    f->hits += strstr(line, f->text) != NULL;
}

/* How many entries of the trace have this text. */
static uint32_t traced(const char *dir, const char *text)
{
    struct found f = {.text = text};
    char path[BUNDLE_PATH_MAX + 64];
    uint8_t *at;
    size_t size;

    snprintf(path, sizeof path, "%s/events.trace", dir);
    assert_int_equal(file_read(&at, &size, path, 64 << 20), ERR_NONE);
    assert_int_equal(trace_read(bytes_of(at, size), look, &f), ERR_NONE);
    free(at);
    assert_true(f.lines > 0);
    return f.hits;
}

/* The node ends with 86 and one line with this text, and the folder says it. */
static void assert_halts(const char *says, char bundle[BUNDLE_PATH_MAX])
{
    assert_int_equal(rig_ends(&rig), EXIT_SAFETY_HALT);
    if (!rig_logged(&rig, says))
        rig_give_up(says, __LINE__);
    assert_true(rig_logged(&rig, "exit=86"));
    find_bundle(bundle);
    assert_string_not_equal(bundle, "");
    assert_true(rig_logged(&rig, bundle));
    assert_true(file_says(bundle, "halt.txt", says));
    assert_true(file_says(bundle, "config.ini", "[peers]"));
    assert_true(file_says(bundle, "config.ini", rig.config.passphrase_file));
}

static void start_ready(void)
{
    rig_start(&rig);
    rig_ready();
}

/* ---- H1 contradiction: certificates that exclude each other ---- */

static void test_driver_halts_at_a_nullified_final_view(void **state)
{
    const struct candidate one = {.view = rig.chain[1].about.view};
    const struct cert given_up = rig_cert(&rig, VOTE_NULLIFY, &one);
    char bundle[BUNDLE_PATH_MAX];

    (void)state;
    start_ready();
    fake_send_cert(&rig.fakes[2], &given_up);
    fake_send_cert(&rig.fakes[2], &rig.chain[1].final);
    assert_halts("safety is broken", bundle);
    assert_true(rig_logged(&rig, "contradicts another certificate"));
    assert_true(file_says(bundle, "certificates.txt", "NULLIFY view=1"));
    assert_true(file_says(bundle, "certificates.txt", "FINALIZE view=1"));
    assert_true(traced(bundle, "CERT") >= 2);
    assert_int_equal(traced(bundle, "HALT"), 1);
}

static void test_driver_halts_at_two_notarizations_of_a_view(void **state)
{
    struct candidate other = rig.chain[1].about;
    const struct cert first = rig_cert(&rig, VOTE_NOTARIZE, &other);
    struct cert second;
    char bundle[BUNDLE_PATH_MAX];

    (void)state;
    other.block.raw[5] ^= 1;
    second = rig_cert(&rig, VOTE_NOTARIZE, &other);
    start_ready();
    fake_send_cert(&rig.fakes[2], &first);
    fake_send_cert(&rig.fakes[2], &second);
    assert_halts("safety is broken", bundle);
    assert_true(rig_logged(&rig, "two notarizations in one view"));
    assert_true(file_says(bundle, "certificates.txt", "event at which"));
}

/* ---- H2 own execution: a quorum found valid what this node finds invalid ----
 */

static struct link wrong; /* block 1 with another root */

static void make_wrong(void (*spoil)(struct header *h))
{
    uint8_t header[HEADER_BYTES_MAX];

    wrong = rig.chain[1];
    memset(&wrong.header_bytes, 0, sizeof wrong.header_bytes);
    spoil(&wrong.header);
    buf_append(
        &wrong.header_bytes, header, header_encode(header, &wrong.header));
    wrong.about.block = header_hash(&wrong.header);
    wrong.final = rig_cert(&rig, VOTE_FINALIZE, &wrong.about);
}

static void spoil_root(struct header *h)
{
    h->state_root.raw[7] ^= 1;
}

static bool serves_the_wrong_one(struct fake *f,
                                 uint8_t type,
                                 struct bytes payload)
{
    (void)payload;
    if (type == MSG_GET_BLOCK)
        fake_send_block(f, &wrong, false);
    return type == MSG_GET_BLOCK || type == MSG_SYNC_GET;
}

static void test_driver_halts_at_a_notarised_block_of_another_root(void **state)
{
    struct cert notarised;
    char bundle[BUNDLE_PATH_MAX];
    char block[64];

    (void)state;
    make_wrong(spoil_root);
    notarised = rig_cert(&rig, VOTE_NOTARIZE, &wrong.about);
    rig.answer = serves_the_wrong_one;
    start_ready();
    fake_send_cert(&rig.fakes[2], &notarised);
    assert_halts("safety is broken", bundle);
    assert_true(rig_logged(&rig, "invalid by our own execution"));
    assert_true(file_says(bundle, "difference.txt", "DIFFER state_root"));
    assert_true(file_says(bundle, "difference.txt", "same   change_root"));
    assert_true(file_says(bundle, "difference.txt", "\naccounts "));
    assert_true(file_says(bundle, "difference.txt", "before the block"));
    snprintf(block,
             sizeof block,
             "1-%02x%02x%02x%02x%02x%02x%02x%02x.block",
             wrong.about.block.raw[0],
             wrong.about.block.raw[1],
             wrong.about.block.raw[2],
             wrong.about.block.raw[3],
             wrong.about.block.raw[4],
             wrong.about.block.raw[5],
             wrong.about.block.raw[6],
             wrong.about.block.raw[7]);
    assert_true(file_says(bundle, block, "")); /* it is there */
    buf_deinit(&wrong.header_bytes);
}

static bool syncs_the_wrong_one(struct fake *f,
                                uint8_t type,
                                struct bytes payload)
{
    (void)payload;
    if (type == MSG_SYNC_GET)
        fake_send_sync(f, &wrong, &wrong.final, false);
    return type == MSG_GET_BLOCK || type == MSG_SYNC_GET;
}

static void test_driver_halts_at_a_final_block_of_another_root(void **state)
{
    char bundle[BUNDLE_PATH_MAX];

    (void)state;
    make_wrong(spoil_root);
    rig.answer = syncs_the_wrong_one;
    start_ready();
    fake_send_cert(&rig.fakes[2], &wrong.final);
    assert_halts("a finalised block is invalid by our own execution", bundle);
    assert_true(file_says(bundle, "difference.txt", "DIFFER state_root"));
    buf_deinit(&wrong.header_bytes);
}

/* The last byte of a transaction is one of a signature. */
static void test_driver_halts_at_a_final_block_with_a_false_signature(
    void **state)
{
    struct buf body = {0};
    struct body *parts = malloc(sizeof *parts);
    struct link *b = &wrong;
    uint8_t header[HEADER_BYTES_MAX];
    char bundle[BUNDLE_PATH_MAX];

    (void)state;
    ASSERT(parts != NULL);
    wrong = rig.chain[1];
    buf_append(&body, wrong.body.at, wrong.body.size);
    body.at[body.size - 1] ^= 1;
    assert_int_equal(body_split(parts, buf_bytes(&body)), ERR_NONE);
    b->body = body;
    b->header.tx_root = body_tx_root(parts);
    memset(&b->header_bytes, 0, sizeof b->header_bytes);
    buf_append(&b->header_bytes, header, header_encode(header, &b->header));
    b->about.block = header_hash(&b->header);
    b->final = rig_cert(&rig, VOTE_FINALIZE, &b->about);
    rig.answer = syncs_the_wrong_one;
    start_ready();
    fake_send_cert(&rig.fakes[2], &wrong.final);
    assert_halts("carries an invalid signature", bundle);
    buf_deinit(&wrong.header_bytes);
    buf_deinit(&body);
    free(parts);
}

/* ---- H3 disk error ---- */

static void test_driver_halts_when_the_journal_cannot_be_flushed(void **state)
{
    char bundle[BUNDLE_PATH_MAX];

    (void)state;
    start_ready();
    strcpy(failing_path, "/journal/");
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    assert_halts("the vote journal cannot be written", bundle);
    failing_path[0] = '\0';
    assert_false(rig_notarized(&rig, 1)); /* what is not on disk is not sent */
    assert_true(traced(bundle, "PERSIST_VOTE") > 0);
    rig_start(&rig);
    rig_ready(); /* the disk is well again */
    WAIT_FOR(rig_is_at(&rig, 0));
}

static void test_driver_halts_when_the_database_cannot_be_flushed(void **state)
{
    char bundle[BUNDLE_PATH_MAX];

    (void)state;
    start_ready();
    rig_announce(&rig, 2);
    WAIT_FOR(rig_is_at(&rig, 2));
    strcpy(failing_path, "/db/");
    rig_announce(&rig, 4);
    assert_halts("the database refused a write", bundle);
    failing_path[0] = '\0';
    rig_start(&rig);
    rig_ready();
    rig_announce(&rig, 4); /* as they do to whoever says less */
    WAIT_FOR(rig_is_at(&rig, 4));
}

/* ---- H4 foreign vote, D45 no second birth: not the newest journal ---- */

static void assert_observes(void)
{
    char bundle[BUNDLE_PATH_MAX];

    WAIT_FOR(rig_logged(&rig, "this node signs nothing any more"));
    find_bundle(bundle);
    assert_string_not_equal(bundle, "");
    assert_true(file_says(bundle, "halt.txt", "signs nothing any more"));
    assert_int_equal(traced(bundle, "OBSERVE"), 1);
}

/* The whole directory is an old copy: its journal agrees with its database, and
 * only the others know what this key has signed. */
static void test_driver_observes_from_a_restored_directory(void **state)
{
    (void)state;
    rig_shell("cp -a %s %s.old", rig.dir, rig.dir);
    start_ready();
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, 1));
    rig_kill(&rig);
    rig_shell("rm -rf %s && mv %s.old %s", rig.dir, rig.dir, rig.dir);
    rig.held = rig.heard;
    memset(&rig.heard, 0, sizeof rig.heard);
    rig_start(&rig);
    WAIT_FOR(rig_links_up(&rig));
    assert_observes();
    assert_true(rig_logged(&rig, "that the journal does not know"));
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    rig_announce(&rig, 3);
    WAIT_FOR(rig_is_at(&rig, 3)); /* it follows */
    assert_int_equal(rig.heard.kind, 0);
    rig_kill(&rig);
    memset(&rig.held, 0, sizeof rig.held); /* and remembers */
    rig_start(&rig);
    WAIT_FOR(rig_links_up(&rig) && rig_is_at(&rig, 3));
    assert_false(rig_votes(&rig));
}

static void test_driver_observes_from_a_wiped_directory(void **state)
{
    (void)state;
    start_ready();
    rig_announce(&rig, 3);
    WAIT_FOR(rig_is_at(&rig, 3));
    rig_kill(&rig);
    rig_shell("cd %s && rm -rf db journal CHAIN LOCK", rig.dir);
    rig_start(&rig);
    assert_int_equal(rig_ends(&rig), EXIT_CONFIG); /* run makes nothing */
    assert_true(rig_logged(&rig, "run: equityd init"));
    assert_int_equal(rig_wait(rig_spawn(&rig, node_init)), 0);
    rig_start(&rig);
    WAIT_FOR(rig_links_up(&rig));
    rig_announce(&rig, 3); /* as they do to whoever says less */
    WAIT_FOR(rig_is_at(&rig, 3));
    assert_observes();
    assert_true(rig_logged(&rig, "join with a new key"));
    assert_false(rig_votes(&rig));
}

/* ---- a journal that contradicts itself ---- */

static enum err pass(void *ctx, const struct journal_record *r)
{
    (void)ctx;
    (void)r;
    return ERR_NONE;
}

/* Two NOTARIZE votes of the node's key for one view. */
static void contradict_journal(void)
{
    struct candidate about = rig.chain[1].about;
    char path[2 * RIG_PATH];
    struct journal_place at;
    struct journal *j;

    snprintf(path, sizeof path, "%s/journal", rig.dir);
    assert_int_equal(journal_open(&j, path, &rig.f.chain_id, pass, NULL, &at),
                     ERR_NONE);
    for (int i = 0; i < 2; i++) {
        const struct vote v = rig_vote(&rig, VOTE_NOTARIZE, &about, NODE);
        uint8_t bytes[VOTE_BYTES];
        struct writer w = writer_of(bytes, sizeof bytes);

        vote_encode(&w, &v);
        assert_int_equal(
            journal_append(j, RECORD_VOTE, 0, about.view, writer_bytes(&w)),
            ERR_NONE);
        about.block.raw[0] ^= 1;
    }
    assert_int_equal(journal_sync(j), ERR_NONE);
    journal_close(j);
}

static uint32_t count_bundles(void)
{
    DIR *d = opendir(rig.dir);
    struct dirent *e;
    uint32_t n = 0;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        n += strncmp(e->d_name, "halt-", 5) == 0;
    closedir(d);
    return n;
}

/* Started again and again by a supervisor that should not: the disk does not
 * fill. */
static void test_driver_halts_at_a_journal_that_contradicts_itself(void **state)
{
    char bundle[BUNDLE_PATH_MAX];

    (void)state;
    contradict_journal();
    for (int i = 0; i < BUNDLES_MAX + 2; i++) {
        rig_start(&rig);
        assert_int_equal(rig_ends(&rig), EXIT_SAFETY_HALT);
    }
    assert_true(rig_logged(&rig, "the vote journal contradicts itself"));
    assert_true(rig_logged(&rig, "record 3, type 2, view 1"));
    assert_true(rig_logged(&rig, "do not vote from it"));
    assert_int_equal(count_bundles(), BUNDLES_MAX);
    assert_true(rig_logged(&rig, "nothing could be written down"));
    find_bundle(bundle);
    assert_true(file_says(bundle, "halt.txt", "contradicts itself"));
    assert_true(file_says(bundle, "certificates.txt", "vote NOTARIZE view=1"));
}

/* Where the folder should be is something else: the halt is the same. */
static void test_driver_halts_though_nothing_can_be_written(void **state)
{
    const struct candidate one = {.view = rig.chain[1].about.view};
    const struct cert given_up = rig_cert(&rig, VOTE_NULLIFY, &one);

    (void)state;
    for (int i = 1; i <= BUNDLES_MAX; i++)
        rig_shell("touch %s/halt-0-%d", rig.dir, i);
    start_ready();
    fake_send_cert(&rig.fakes[2], &given_up);
    fake_send_cert(&rig.fakes[2], &rig.chain[1].final);
    assert_int_equal(rig_ends(&rig), EXIT_SAFETY_HALT);
    assert_true(rig_logged(&rig, "safety is broken"));
    assert_true(rig_logged(&rig, "nothing could be written down"));
}

static int make(void **state)
{
    test_pid = getpid();
    failing_path = mmap(
        NULL, 64, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(failing_path != MAP_FAILED);
    return rig_make(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
        TEST(test_driver_halts_at_a_nullified_final_view),
        TEST(test_driver_halts_at_two_notarizations_of_a_view),
        TEST(test_driver_halts_at_a_notarised_block_of_another_root),
        TEST(test_driver_halts_at_a_final_block_of_another_root),
        TEST(test_driver_halts_at_a_final_block_with_a_false_signature),
        TEST(test_driver_halts_when_the_journal_cannot_be_flushed),
        TEST(test_driver_halts_when_the_database_cannot_be_flushed),
        TEST(test_driver_observes_from_a_restored_directory),
        TEST(test_driver_observes_from_a_wiped_directory),
        TEST(test_driver_halts_at_a_journal_that_contradicts_itself),
        TEST(test_driver_halts_though_nothing_can_be_written),
#undef TEST
    };

    return cmocka_run_group_tests(tests, make, rig_unmake);
}
