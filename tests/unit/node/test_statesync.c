/* State sync and the filling in of history between the real driver and peers
 * that offer snapshots, true and false. */
#include "state/snapshot.h"
#include "tests/unit/node/driver_node.h"

/* What the honest fakes have: the state after the last block of the chain. */
static struct buf manifest;
static struct buf leaves;
static struct msg_offer offered;

/* ---- making it ---- */

static enum err take_leaf(void *ctx, struct bytes leaf)
{
    buf_append(ctx, leaf.at, leaf.size);
    return ERR_NONE;
}

static bool put_row(void *ctx, const struct row_key *key, struct bytes row)
{
    assert_int_equal(snapshot_build_row(ctx, key, row), ERR_NONE);
    return true;
}

static void put_rows(struct snapshot_builder *b, struct engine *e)
{
    static const struct hash none;
    const struct state *s = engine_state(e);
    const struct hash day =
        day_key((uint32_t)(node_wall_ms() / FIXTURE_DAY_MS));

    for (uint8_t t = 0; t < TABLES_USED; t++) {
        if (t == TABLE_REFERENCES)
            state_each(s, t, &day, put_row, b);
        else if (t < TABLE_HOLDINGS || t > TABLE_FREEZES) /* no security */
            state_each(s, t, &none, put_row, b);
    }
}

static void make_snapshot(void)
{
    struct snapshot_builder *b = snapshot_build_new(take_leaf, &leaves);
    const struct link *tip = &rig.chain[CHAIN_BLOCKS];
    struct mtree_log log = {.size = 0};
    struct buf body = {0};
    uint8_t room[CERT_BYTES_MAX];
    struct writer w = writer_of(room, sizeof room);
    struct hash root;

    buf_clear(&manifest);
    buf_clear(&leaves);
    put_rows(b, rig.f.e);
    assert_int_equal(snapshot_build_finish(b, &body, &root), ERR_NONE);
    assert_memory_equal(&root, &tip->header.state_root, sizeof root);
    snapshot_build_free(b);
    mtree_log_append(&log, &rig.genesis_block);
    for (uint32_t h = 1; h < CHAIN_BLOCKS; h++)
        mtree_log_append(&log, &rig.chain[h].about.block);
    cert_encode(&w, &tip->final);
    snapshot_head_encode(&manifest,
                         buf_bytes(&tip->header_bytes),
                         writer_bytes(&w),
                         0,
                         bytes_of("", 0),
                         &log);
    offered = (struct msg_offer){.height = CHAIN_BLOCKS,
                                 .block = tip->about.block,
                                 .id = snapshot_id(buf_bytes(&body)),
                                 .chunks = 1};
    buf_append(&manifest, body.at, body.size);
    offered.manifest_bytes = (uint32_t)manifest.size;
    buf_deinit(&body);
}

/* ---- what fakes do ---- */

static void send_offers(struct fake *f, const struct msg_offer *o)
{
    struct msg_offers m = {.count = o != NULL ? 1 : 0};
    uint8_t room[MSG_SNAPSHOT_OFFERS_MAX];
    struct writer w = writer_of(room, sizeof room);

    if (o != NULL)
        m.list[0] = *o;
    msg_offers_encode(&w, &m);
    fake_send(f, MSG_SNAPSHOT_OFFERS, writer_bytes(&w));
}

static void send_part(struct fake *f,
                      const struct msg_part *what,
                      const struct buf *bytes,
                      bool wrong)
{
    struct buf sent = {0};
    struct buf out = {0};
    struct writer w;

    buf_append(&sent, bytes->at, bytes->size);
    sent.at[sent.size / 2] ^= wrong;
    buf_append(&out, NULL, MSG_SNAPSHOT_PART_MAX);
    w = writer_of(out.at, out.size);
    msg_part_bytes_encode(&w, what, buf_bytes(&sent));
    fake_send(f, MSG_SNAPSHOT_PART, writer_bytes(&w));
    buf_deinit(&sent);
    buf_deinit(&out);
}

/* What validator 1 does; the others have nothing until it has done it. */
enum liar { LIAR_NONE, LIAR_CHUNK, LIAR_MANIFEST, LIAR_HEIGHT, LIAR_PAST };
static enum liar liar;
static bool has_chunks; /* the fakes send chunks */
static bool has_any;    /* and offer something */
static uint32_t manifests_sent;

static bool lies_now(const struct fake *f)
{
    return f->index == 1 && liar != LIAR_NONE && rig.lies == 0;
}

static void answer_ask(struct fake *f)
{
    struct msg_offer higher = offered;

    higher.height = 1000000;
    higher.id.raw[0] ^= 1;
    if (!has_any || (f->index != 1 && liar != LIAR_NONE && liar != LIAR_PAST &&
                     rig.lies == 0))
        send_offers(f, NULL);
    else
        send_offers(f, lies_now(f) && liar == LIAR_HEIGHT ? &higher : &offered);
}

static void answer_get(struct fake *f, struct bytes payload)
{
    struct msg_part what;
    bool wrong = false;

    assert_int_equal(msg_part_decode(&what, payload), ERR_NONE);
    if (what.kind == MSG_PART_CHUNK) {
        wrong = lies_now(f) && liar == LIAR_CHUNK;
        if (has_chunks)
            send_part(f, &what, &leaves, wrong);
    } else {
        wrong = lies_now(f) && liar == LIAR_MANIFEST;
        manifests_sent++;
        send_part(f, &what, &manifest, wrong);
    }
    rig.lies += wrong || (lies_now(f) && liar == LIAR_HEIGHT) ? 1 : 0;
}

static bool answer_past(struct fake *f, struct bytes payload)
{
    uint64_t from;
    uint64_t to;

    read_sync_get(payload, &from, &to);
    if (!lies_now(f) || liar != LIAR_PAST)
        return false;
    for (uint64_t h = from; h <= to; h++)
        fake_send_sync(f, &rig.chain[h], &rig.chain[h].final, h == from + 3);
    rig.lies++;
    return true;
}

static bool answer(struct fake *f, uint8_t type, struct bytes payload)
{
    if (type == MSG_SNAPSHOT_ASK)
        answer_ask(f);
    else if (type == MSG_SNAPSHOT_GET)
        answer_get(f, payload);
    else if (type == MSG_SYNC_GET)
        return answer_past(f, payload);
    else
        return false;
    return true;
}

static int setup(void **state)
{
    const int code = rig_setup(state);

    make_snapshot();
    snprintf(rig.config.sync, sizeof rig.config.sync, "%s", "snapshot");
    rig.answer = answer;
    rig.final_height = CHAIN_BLOCKS;
    liar = LIAR_NONE;
    has_chunks = has_any = true;
    manifests_sent = 0;
    return code;
}

static bool is_filled(void)
{
    return rig_status(&rig, "earliest_body_height") == 0 &&
           rig_status(&rig, "earliest_height") == 0;
}

static void arrives(void)
{
    WAIT_FOR(rig_is_at(&rig, CHAIN_BLOCKS));
    assert_int_equal(rig_status(&rig, "earliest_state_height"), CHAIN_BLOCKS);
}

/* ---- tests ---- */

/* All of it, kill -9 at the end, and the history behind; and D45: a fresh
 * journal beside a chain that has blocks votes for nothing. */
static void test_statesync_brings_a_fresh_node_to_the_tip(void **state)
{
    (void)state;
    rig_start(&rig);
    arrives();
    WAIT_FOR(is_filled());
    WAIT_FOR(rig_links_up(&rig));
    rig_idle(&rig, 500);
    assert_false(rig_votes(&rig));
    rig_kill(&rig);
    manifests_sent = 0;
    rig_start(&rig);
    arrives();
    assert_true(is_filled());
    assert_int_equal(manifests_sent, 0);
}

static void test_statesync_names_who_sends_a_false_chunk(void **state)
{
    (void)state;
    liar = LIAR_CHUNK;
    rig_start(&rig);
    arrives();
    assert_int_equal(rig.lies, 1);
    assert_true(rig_logged(&rig, "a false chunk; it is asked of another peer"));
    assert_true(rig_logged(&rig, "peer=1 chunk=0"));
    assert_true(rig_logged(&rig, "a false chunk of a snapshot"));
    WAIT_FOR(is_filled());
}

static void test_statesync_names_who_sends_a_false_manifest(void **state)
{
    (void)state;
    liar = LIAR_MANIFEST;
    rig_start(&rig);
    arrives();
    assert_int_equal(rig.lies, 1);
    assert_true(rig_logged(&rig, "a false manifest; others are asked"));
    assert_true(rig_logged(&rig, "a false manifest of a snapshot"));
}

static bool answer_with_a_flood(struct fake *f,
                                uint8_t type,
                                struct bytes payload)
{
    const struct msg_part what = {.id = {{9}}, .kind = MSG_PART_CHUNK};

    for (int i = 0;
         type == MSG_SNAPSHOT_ASK && f->index == 1 && rig.lies == 0 && i < 100;
         i++)
        send_part(f, &what, &leaves, false);
    rig.lies += type == MSG_SNAPSHOT_ASK && f->index == 1 ? 1 : 0;
    return answer(f, type, payload);
}

static void test_statesync_bans_who_sends_what_nobody_asked_for(void **state)
{
    (void)state;
    rig.answer = answer_with_a_flood;
    rig_start(&rig);
    arrives();
    assert_true(rig_logged(&rig, "parts of a snapshot that nobody asked for"));
}

/* A height counts only with what certifies it. */
static void test_statesync_is_not_led_by_a_higher_offer(void **state)
{
    (void)state;
    liar = LIAR_HEIGHT;
    rig_start(&rig);
    arrives();
    assert_true(rig_logged(&rig, "height=1000000 at="));
}

static void test_statesync_goes_on_after_kill_where_it_was(void **state)
{
    (void)state;
    has_chunks = false;
    rig_start(&rig);
    WAIT_FOR(rig.fakes[1].got[MSG_SNAPSHOT_GET] +
                 rig.fakes[2].got[MSG_SNAPSHOT_GET] +
                 rig.fakes[3].got[MSG_SNAPSHOT_GET] >=
             2);
    rig_kill(&rig);
    assert_int_equal(manifests_sent, 1);
    has_chunks = true;
    snprintf(rig.config.sync, sizeof rig.config.sync, "%s", "blocks");
    rig_start(&rig); /* what was begun is ended, whatever is set */
    arrives();
    assert_true(rig_logged(&rig, "goes on where it was"));
    assert_int_equal(manifests_sent, 1);
}

/* F4: what was begun is not to be had any more, and nothing else is. */
static void test_statesync_without_offers_goes_the_way_of_blocks(void **state)
{
    (void)state;
    has_chunks = false;
    rig_start(&rig);
    WAIT_FOR(manifests_sent == 1);
    has_any = false;
    WAIT_FOR(rig_logged(&rig, "nobody offers this snapshot any more"));
    WAIT_FOR(rig_logged(&rig, "no peer has a snapshot that can be used"));
    WAIT_FOR(rig_logged(&rig, "ready to serve"));
    WAIT_FOR(rig_links_up(&rig));
    rig_idle(&rig, 500);
    rig_announce(&rig, CHAIN_BLOCKS);
    WAIT_FOR(rig_is_at(&rig, CHAIN_BLOCKS));
    assert_int_equal(rig_status(&rig, "earliest_state_height"), 0);
}

static void test_statesync_names_who_sends_a_false_past(void **state)
{
    (void)state;
    liar = LIAR_PAST;
    rig_start(&rig);
    arrives();
    WAIT_FOR(is_filled());
    assert_int_equal(rig.lies, 1);
    assert_true(rig_logged(
        &rig, "a false block of the past; it is asked of another peer"));
    assert_int_equal(rig_peer(&rig, 1, "bans"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_statesync_brings_a_fresh_node_to_the_tip),
        TEST(test_statesync_names_who_sends_a_false_chunk),
        TEST(test_statesync_names_who_sends_a_false_manifest),
        TEST(test_statesync_bans_who_sends_what_nobody_asked_for),
        TEST(test_statesync_is_not_led_by_a_higher_offer),
        TEST(test_statesync_goes_on_after_kill_where_it_was),
        TEST(test_statesync_without_offers_goes_the_way_of_blocks),
        TEST(test_statesync_names_who_sends_a_false_past),
    };

    return cmocka_run_group_tests(tests, rig_make, rig_unmake);
}
