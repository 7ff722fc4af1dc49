/* The real driver against a peer with valid keys that does every wrong thing.
 * Each time the node goes on, says why it refused, and after kill -9 stands at
 * the same height with the same root. */
#include "tests/unit/node/driver_node.h"

enum {
    FLOOD = 200,
    FLOOD_BODY = 256 << 10,
};

/* ---- bodies of equal size that are not the header's ---- */

static void test_driver_wrong_body_by_proposal(void **state)
{
    (void)state;
    rig_start(&rig);
    rig_ready();
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_WRONG);
    /* It fetches the right one from whoever has it, and votes. */
    WAIT_FOR(rig_notarized(&rig, 1));
    assert_true(rig_logged(&rig, "a proposal with another block's body"));
    rig_announce(&rig, 1);
    WAIT_FOR(rig_is_at(&rig, 1));
    rig_survives(1);
}

static bool first_fetch_gets_a_wrong_body(struct fake *f,
                                          uint8_t type,
                                          struct bytes payload)
{
    (void)payload;
    if (type != MSG_GET_BLOCK || f->rig->lies > 0)
        return false;
    f->rig->lies++;
    fake_send_block(f, &f->rig->chain[1], true);
    return true;
}

static void test_driver_wrong_body_by_fetch(void **state)
{
    (void)state;
    rig.answer = first_fetch_gets_a_wrong_body;
    rig_start(&rig);
    rig_ready();
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_NONE);
    WAIT_FOR(rig_notarized(&rig, 1));
    assert_int_equal(rig.lies, 1);
    assert_true(rig_logged(&rig, "a body that is not the header's"));
    rig_announce(&rig, 1);
    WAIT_FOR(rig_is_at(&rig, 1));
    rig_survives(1);
}

static bool two_syncs_get_lies(struct fake *f,
                               uint8_t type,
                               struct bytes payload)
{
    struct rig *r = f->rig;

    (void)payload;
    if (type == MSG_GET_BLOCK)
        return true; /* the others have it in their logs only */
    if (type != MSG_SYNC_GET || r->lies > 1)
        return false;
    if (r->lies++ == 0) {
        fake_send_sync(f, &r->chain[1], &r->chain[1].final, true);
    } else {
        struct cert false_cert = r->chain[1].final;

        false_cert.sigs[1].raw[40] ^= 1;
        fake_send_sync(f, &r->chain[1], &false_cert, false);
    }
    return true;
}

static void test_driver_wrong_body_and_certificate_by_sync(void **state)
{
    (void)state;
    rig.answer = two_syncs_get_lies;
    rig_start(&rig);
    rig_ready();
    rig_announce(&rig, 5);
    WAIT_FOR(rig_is_at(&rig, 5));
    assert_int_equal(rig.lies, 2);
    assert_true(rig_logged(&rig, "a body that is not the header's"));
    assert_true(rig_logged(&rig, "a sync block without its certificate"));
    rig_survives(5);
}

/* ---- too much, too far, too little ---- */

/* Blocks the leader of the first view could have proposed, with bodies of their
 * own: `size` bytes in transactions of at most 64 KiB. */
static void flood(struct fake *f, uint32_t count, uint64_t height, size_t size)
{
    struct link b = rig.chain[1];
    struct body *parts = malloc(sizeof *parts);
    struct buf body = {0};
    uint8_t header[HEADER_BYTES_MAX];
    struct writer w;
    const uint32_t txs = (uint32_t)(size / 65536) + 1;

    ASSERT(parts != NULL);
    buf_append(&body, NULL, size);
    memset(body.at, 'x', size);
    w = writer_of(body.at, 4);
    writer_u32(&w, txs);
    for (size_t i = 0, at = 4; i < txs; i++) {
        const size_t one = (size - 4) / txs + (i == 0) * ((size - 4) % txs);

        w = writer_of(body.at + at, 4);
        writer_u32(&w, (uint32_t)(one - 4));
        at += one;
    }
    assert_int_equal(body_split(parts, buf_bytes(&body)), ERR_NONE);
    b.header.height = height;
    b.header.tx_count = txs;
    b.header.body_bytes = (uint32_t)size;
    b.header.tx_root = body_tx_root(parts);
    b.body = body;
    memset(&b.header_bytes, 0, sizeof b.header_bytes);
    for (uint32_t i = 0; i < count; i++) {
        b.header.time_ms++;
        buf_clear(&b.header_bytes);
        buf_append(&b.header_bytes, header, header_encode(header, &b.header));
        fake_send_block(f, &b, false);
        rig_pump(&rig);
    }
    buf_deinit(&b.header_bytes);
    buf_deinit(&body);
    free(parts);
}

static void test_driver_flood_of_blocks(void **state)
{
    (void)state;
    rig_start(&rig);
    rig_ready();
    flood(&rig.fakes[1], FLOOD, 1, 1000);
    flood(&rig.fakes[1], FLOOD, 2, 1000);
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, 1));
    rig_announce(&rig, 1);
    WAIT_FOR(rig_is_at(&rig, 1));
    rig_announce(&rig, 4);
    WAIT_FOR(rig_is_at(&rig, 4));
    rig_survives(4);
}

static bool sync_goes_on_and_on(struct fake *f,
                                uint8_t type,
                                struct bytes payload)
{
    uint64_t from;
    uint64_t to;

    if (type == MSG_GET_BLOCK)
        return true;
    if (type != MSG_SYNC_GET)
        return false;
    read_sync_get(payload, &from, &to);
    f->rig->lies++;
    for (uint64_t h = from; h <= CHAIN_BLOCKS; h++)
        fake_send_sync(f, &f->rig->chain[h], &f->rig->chain[h].final, false);
    return true;
}

/* What is applied has its certificate in the journal first: blocks beyond it,
 * however final, would leave a journal older than the database. */
static void test_driver_sync_beyond_the_target(void **state)
{
    (void)state;
    rig.answer = sync_goes_on_and_on;
    rig_start(&rig);
    rig_ready();
    rig_announce(&rig, 3);
    WAIT_FOR(rig.lies > 0 && rig_is_at(&rig, 3));
    rig_idle(&rig, 300);
    assert_true(rig_is_at(&rig, 3));
    rig_survives(3);
    rig_announce(&rig, 6);
    WAIT_FOR(rig_is_at(&rig, 6));
}

static bool sync_until_killed(struct fake *f,
                              uint8_t type,
                              struct bytes payload)
{
    if (type == MSG_GET_BLOCK)
        return true;
    if (type == MSG_SYNC_GET) {
        fake_serve_sync(f, payload);
        return true;
    }
    return false;
}

/* D6 one batch a block.  An observer signs nothing, so nothing makes its
 * journal sync: after kill -9 the blocks are in the database, and what made
 * them final is in none of the journal's records. */
static void test_driver_database_ahead_of_its_journal_goes_on(void **state)
{
    (void)state;
    rig.final_height = 2; /* a new journal beside a chain: observes */
    rig.answer = sync_until_killed;
    rig_start(&rig);
    WAIT_FOR(rig_links_up(&rig));
    rig_announce(&rig, 2);
    WAIT_FOR(rig_is_at(&rig, 2));
    WAIT_FOR(rig_logged(&rig, "signs nothing any more"));
    rig_announce(&rig, 20);
    WAIT_FOR(rig_is_at(&rig, 20));
    rig_kill(&rig);
    rig_start(&rig);
    WAIT_FOR(rig_links_up(&rig) && rig_is_at(&rig, 20));
    assert_false(rig_logged(&rig, "older than the database"));
}

static bool sync_breaks_off(struct fake *f, uint8_t type, struct bytes payload)
{
    uint64_t from;
    uint64_t to;

    if (type == MSG_GET_BLOCK)
        return true;
    if (type != MSG_SYNC_GET || f->rig->lies > 1)
        return false;
    read_sync_get(payload, &from, &to);
    f->rig->lies++;
    for (uint64_t h = from; h < from + 3 && h <= to; h++)
        fake_send_sync(f, &f->rig->chain[h], &f->rig->chain[h].final, false);
    rig_idle(f->rig, 0);
    f->drop = true;
    return true;
}

static void test_driver_connection_lost_amid_sync(void **state)
{
    (void)state;
    rig.answer = sync_breaks_off;
    rig_start(&rig);
    rig_ready();
    rig_announce(&rig, CHAIN_BLOCKS);
    WAIT_FOR(rig_is_at(&rig, CHAIN_BLOCKS));
    assert_int_equal(rig.lies, 2);
    rig_survives(CHAIN_BLOCKS);
}

static bool one_is_mute(struct fake *f, uint8_t type, struct bytes payload)
{
    (void)payload;
    if (f->index != 1 || (type != MSG_SYNC_GET && type != MSG_GET_BLOCK))
        return false;
    f->rig->lies++;
    return true;
}

/* Its links are up, and it answers nothing. */
static void test_driver_mute_peer_is_passed_over(void **state)
{
    (void)state;
    rig.answer = one_is_mute;
    rig_start(&rig);
    rig_ready();
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_NONE);
    WAIT_FOR(rig_notarized(&rig, 1));
    assert_int_equal(rig.lies, 1);
    rig_announce(&rig, CHAIN_BLOCKS);
    WAIT_FOR(rig_is_at(&rig, CHAIN_BLOCKS));
    assert_true(rig.lies > 1);
}

static bool sync_is_silent_then_killed(struct fake *f,
                                       uint8_t type,
                                       struct bytes payload)
{
    uint64_t from;
    uint64_t to;

    if (type == MSG_GET_BLOCK)
        return true;
    if (type != MSG_SYNC_GET)
        return false;
    read_sync_get(payload, &from, &to);
    if (from > 1)
        return true; /* says no more */
    f->rig->lies++;
    for (uint64_t h = 1; h <= 4; h++)
        fake_send_sync(f, &f->rig->chain[h], &f->rig->chain[h].final, false);
    return true;
}

/* Killed in the middle: it goes on from where its database stands.  What it had
 * heard to be final need not be on disk: a peer tells it again. */
static void test_driver_killed_amid_sync(void **state)
{
    (void)state;
    rig.answer = sync_is_silent_then_killed;
    rig_start(&rig);
    rig_ready();
    rig_announce(&rig, CHAIN_BLOCKS);
    WAIT_FOR(rig_is_at(&rig, 4));
    rig_survives(4);
    rig_announce(&rig, CHAIN_BLOCKS); /* now from honest ones */
    WAIT_FOR(rig_is_at(&rig, CHAIN_BLOCKS));
}

/* ---- messages that no correct node sends ---- */

struct lie {
    uint8_t type;
    void (*make)(struct writer *w);
    const char *reason;
};

static void make_garbage(struct writer *w)
{
    static const uint8_t garbage[40] = {0xff, 0x00, 0x37, 0xff, 0xfe, 0x11};

    writer_copy(w, garbage, sizeof garbage);
}

static void make_nothing(struct writer *w)
{
    (void)w;
}

static void make_relayed_vote(struct writer *w)
{
    const struct vote v =
        rig_vote(&rig, VOTE_NOTARIZE, &rig.chain[1].about, NODE);

    vote_encode(w, &v);
}

/* Each by its own index; 1 is the leader of the first view. */
static uint8_t liar;

static void make_unsigned_vote(struct writer *w)
{
    struct vote v = rig_vote(&rig, VOTE_NOTARIZE, &rig.chain[1].about, liar);

    v.sig.raw[10] ^= 1;
    vote_encode(w, &v);
}

static void make_false_cert(struct writer *w)
{
    struct cert c = rig.chain[1].final;

    c.sigs[2].raw[10] ^= 1;
    cert_encode(w, &c);
}

static void make_false_status(struct writer *w)
{
    struct core_status s = {.view = 1, .map_from = 1};

    s.held = rig_vote(&rig, VOTE_NOTARIZE, &rig.chain[1].about, NODE);
    s.held.sig.raw[10] ^= 1;
    msg_status_encode(w, &s, 0);
}

static void propose(struct writer *w,
                    const struct link *b,
                    const struct vote *v,
                    const struct cert *c)
{
    msg_proposal_encode(w,
                        &b->about,
                        v,
                        buf_bytes(&b->header_bytes),
                        &c,
                        c != NULL,
                        bytes_of(NULL, 0));
}

static void make_proposal_of_another(struct writer *w)
{
    /* Whoever is not the leader of this view. */
    const struct link *b = &rig.chain[liar == 1 ? 2 : 1];
    const struct vote v = rig_vote(&rig, VOTE_NOTARIZE, &b->about, liar);

    propose(w, b, &v, NULL);
}

static const struct link *led_by(uint8_t index)
{
    for (uint32_t h = 1; h <= CHAIN_BLOCKS; h++) {
        if (rig_leader(&rig, rig.chain[h].about.view) == index)
            return &rig.chain[h];
    }
    fail();
    return NULL;
}

static void make_proposal_unsigned(struct writer *w)
{
    const struct link *b = led_by(liar);
    struct vote v = rig_vote(&rig, VOTE_NOTARIZE, &b->about, liar);

    v.sig.raw[10] ^= 1;
    propose(w, b, &v, NULL);
}

static void make_proposal_with_false_cert(struct writer *w)
{
    const struct link *b = led_by(liar);
    const struct vote v = rig_vote(&rig, VOTE_NOTARIZE, &b->about, liar);
    struct cert c = rig.chain[CHAIN_BLOCKS].final;

    c.sigs[0].raw[10] ^= 1;
    propose(w, b, &v, &c);
}

static void make_proposal_of_another_header(struct writer *w)
{
    struct link b = *led_by(liar);
    struct vote v;
    uint8_t header[HEADER_BYTES_MAX];

    b.header.time_ms++;
    memset(&b.header_bytes, 0, sizeof b.header_bytes);
    buf_append(&b.header_bytes, header, header_encode(header, &b.header));
    v = rig_vote(&rig, VOTE_NOTARIZE, &b.about, liar);
    propose(w, &b, &v, NULL);
    buf_deinit(&b.header_bytes);
}

static void make_backward_request(struct writer *w)
{
    writer_u64(w, 5);
    writer_u64(w, 4);
}

static const struct lie lies[] = {
    {MSG_PROPOSAL, make_garbage, "malformed proposal"},
    {MSG_PROPOSAL, make_proposal_of_another, "by another than the leader"},
    {MSG_PROPOSAL, make_proposal_unsigned, "proposal whose signature does not"},
    {MSG_PROPOSAL,
     make_proposal_with_false_cert,
     "a proposal with a false certificate"},
    {MSG_PROPOSAL,
     make_proposal_of_another_header,
     "whose header is another block's"},
    {MSG_VOTE, make_garbage, "malformed or relayed vote"},
    {MSG_VOTE, make_relayed_vote, "malformed or relayed vote"},
    {MSG_VOTE, make_unsigned_vote, "a vote whose signature does not verify"},
    {MSG_CERT, make_garbage, "malformed certificate"},
    {MSG_CERT, make_false_cert, "a false certificate"},
    {MSG_STATUS, make_garbage, "malformed status"},
    {MSG_STATUS, make_false_status, "a status with a false vote"},
    {MSG_TXS, make_garbage, "malformed transactions message"},
    {MSG_GET_BLOCK, make_garbage, "malformed request"},
    {MSG_BLOCK, make_garbage, "malformed block"},
    {MSG_SYNC_GET, make_nothing, "malformed request"},
    {MSG_SYNC_GET, make_backward_request, "malformed request"},
    {MSG_SYNC_BLOCK, make_garbage, "malformed sync block"},
};

/* M4 no relayed vote */
static void test_driver_every_lie_is_named(void **state)
{
    uint8_t *room = malloc(MSG_PROPOSAL_MAX);

    (void)state;
    ASSERT(room != NULL);
    rig_start(&rig);
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        const struct lie *l = &lies[i];
        const int channel =
            l->type < MSG_TXS ? CHANNEL_CONSENSUS : CHANNEL_BULK;
        struct writer w = writer_of(room, MSG_PROPOSAL_MAX);
        struct fake *f;
        char reason[160];

        liar = (uint8_t)(1 + i % 3);
        f = &rig.fakes[liar];
        /* A bulk link is banned for a minute, so that a fresh process it is. */
        if (i % 3 == 0) {
            rig_kill(&rig);
            rig_shell("rm -f %s", rig.log);
            rig_start(&rig);
            rig_ready();
        }
        snprintf(reason, sizeof reason, "peer=%u reason=\"", liar);
        assert_false(rig_logged(&rig, reason));
        l->make(&w);
        assert_true(writer_ok(&w));
        fake_send(f, l->type, writer_bytes(&w));
        WAIT_FOR(rig_logged(&rig, reason));
        if (!rig_logged(&rig, l->reason))
            fail_msg("lie %zu: not called %s", i, l->reason);
        WAIT_FOR(!fake_is_up(f, (uint8_t)channel));
    }
    rig_survives(0);
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, 1));
    rig_announce(&rig, 2);
    WAIT_FOR(rig_is_at(&rig, 2));
    rig_survives(2);
    free(room);
}

/* ---- what a crash leaves in the journal ---- */

struct tally {
    uint32_t records;
    uint32_t of[8];
};

static enum err count(void *ctx, const struct journal_record *r)
{
    struct tally *t = ctx;

    t->records++;
    if (r->type < ARRAY_LEN(t->of))
        t->of[r->type]++;
    return ERR_NONE;
}

static struct journal *open_journal(struct tally *t)
{
    char path[2 * RIG_PATH];
    struct journal_place at;
    struct journal *j;

    memset(t, 0, sizeof *t);
    snprintf(path, sizeof path, "%s/journal", rig.dir);
    assert_int_equal(journal_open(&j, path, &rig.f.chain_id, count, t, &at),
                     ERR_NONE);
    return j;
}

/* A new journal beside a chain that has begun: the certificate that showed it
 * was written, the OBSERVER record behind it was not.  It must not pass for an
 * old journal now. */
static void test_driver_crash_before_the_observer_record(void **state)
{
    uint8_t buf[CERT_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);
    struct tally t;
    struct journal *j = open_journal(&t);

    (void)state;
    assert_int_equal(t.records, 1);
    cert_encode(&w, &rig.chain[3].final);
    assert_int_equal(
        journal_append(
            j, RECORD_CERT, 0, rig.chain[3].about.view, writer_bytes(&w)),
        ERR_NONE);
    assert_int_equal(journal_sync(j), ERR_NONE);
    journal_close(j);
    rig.final_height = 3;
    rig_start(&rig);
    WAIT_FOR(rig_links_up(&rig) && rig_is_at(&rig, 3));
    WAIT_FOR(rig_logged(&rig, "this node signs nothing any more"));
    fake_propose(&rig.fakes[rig_leader(&rig, rig.chain[4].about.view)],
                 &rig.chain[4],
                 BODY_RIGHT);
    rig_announce(&rig, 4);
    WAIT_FOR(rig_is_at(&rig, 4));
    assert_int_equal(rig.heard.kind, 0);
    rig_kill(&rig);
    journal_close(open_journal(&t));
    assert_int_equal(t.of[RECORD_OBSERVER], 1);
    assert_int_equal(t.of[RECORD_VOTE], 0);
}

static bool nobody_has_it(struct fake *f, uint8_t type, struct bytes payload)
{
    (void)f;
    (void)payload;
    return type == MSG_GET_BLOCK || type == MSG_SYNC_GET;
}

/* A vote promises the body: after kill -9 this node may be the only one that
 * has it. */
static void test_driver_promised_body_is_still_there(void **state)
{
    (void)state;
    rig_start(&rig);
    rig_ready();
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, 1));
    rig_survives(0);
    rig.answer = nobody_has_it;
    rig_announce(&rig, 1);
    WAIT_FOR(rig_is_at(&rig, 1));
    rig_survives(1);
}

/* A journal that is cut while many bodies are in memory takes along what a vote
 * depends on, not what a flooding leader sent. */
static void test_driver_journal_cut_with_many_bodies_cached(void **state)
{
    struct tally t;
    struct journal *j = open_journal(&t);
    struct buf filler = {0};
    char path[2 * RIG_PATH];
    struct stat st;

    (void)state;
    /* Bodies below the tip count for nothing, but fill the segment. */
    buf_append(&filler, NULL, 1 << 20);
    for (int i = 0; i < 9; i++) {
        uint8_t *room = malloc(MSG_BLOCK_MAX);
        struct link *b = &rig.chain[1];
        struct header h = b->header;
        uint8_t header[HEADER_BYTES_MAX];
        struct writer w;

        ASSERT(room != NULL);
        h.height = 0;
        w = writer_of(room, MSG_BLOCK_MAX);
        msg_block_encode(&w,
                         bytes_of(header, header_encode(header, &h)),
                         bytes_of(filler.at, 1 << 20));
        assert_int_equal(journal_append(j, RECORD_BODY, 0, 1, writer_bytes(&w)),
                         ERR_NONE);
        free(room);
    }
    assert_int_equal(journal_sync(j), ERR_NONE);
    journal_close(j);
    buf_deinit(&filler);

    rig_start(&rig);
    rig_ready();
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, 1));
    flood(&rig.fakes[1], 40, 2, FLOOD_BODY);
    rig_idle(&rig, 200);
    rig_announce(&rig, 1);
    WAIT_FOR(rig_is_at(&rig, 1));
    snprintf(path, sizeof path, "%s/journal/journal-00000000.log", rig.dir);
    WAIT_FOR(stat(path, &st) != 0);
    rig_kill(&rig);
    journal_close(open_journal(&t));
    assert_int_equal(t.of[RECORD_BIRTH], 1);
    assert_int_equal(t.of[RECORD_BODY], 0);
    assert_true(t.of[RECORD_CERT] > 0);
    /* The older segments are gone: damage to the checkpoint is no torn end. */
    rig_shell("cd %s && cp -a journal kept && printf x | dd of=$(ls "
              "journal/*.log) bs=1 seek=230 conv=notrunc status=none",
              rig.dir);
    rig_start(&rig);
    assert_int_equal(rig_ends(&rig), EXIT_SAFETY_HALT);
    assert_true(rig_logged(&rig, "the vote journal is damaged"));
    rig_shell("cd %s && rm -r journal && mv kept journal", rig.dir);
    rig_start(&rig);
    rig_ready();
    WAIT_FOR(rig_is_at(&rig, 1));
    fake_propose(&rig.fakes[rig_leader(&rig, rig.chain[2].about.view)],
                 &rig.chain[2],
                 BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, 2));
    rig_announce(&rig, 2);
    WAIT_FOR(rig_is_at(&rig, 2));
    rig_survives(2);
}

/* A node that has lost its votes keeps its blocks and follows, as its own
 * advice says; it never signs again. */
static void lose_the_journal(const char *how, const char *says)
{
    const struct link *next = &rig.chain[6];

    rig_start(&rig);
    rig_ready();
    rig_announce(&rig, 3);
    WAIT_FOR(rig_is_at(&rig, 3));
    rig_kill(&rig);
    rig_shell("cd %s && %s", rig.dir, how);
    rig_start(&rig);
    assert_int_equal(rig_ends(&rig), EXIT_SAFETY_HALT);
    assert_true(rig_logged(&rig, says));
    assert_true(rig_logged(&rig, "then run equityd init and run"));
    rig_shell("cd %s && rm -rf lost && if test -e journal; then mv journal "
              "lost; fi",
              rig.dir);
    assert_int_equal(rig_wait(rig_spawn(&rig, node_init)), 0);
    assert_int_equal(rig_wait(rig_spawn(&rig, node_init)), EXIT_CONFIG);
    rig_start(&rig);
    WAIT_FOR(rig_links_up(&rig) && rig_is_at(&rig, 3));
    assert_true(rig_logged(&rig, "this node observes only"));
    rig_announce(&rig, 5);
    WAIT_FOR(rig_is_at(&rig, 5));
    memset(&rig.heard, 0, sizeof rig.heard);
    fake_propose(
        &rig.fakes[rig_leader(&rig, next->about.view)], next, BODY_RIGHT);
    rig_announce(&rig, 6);
    WAIT_FOR(rig_is_at(&rig, 6));
    assert_int_equal(rig.heard.kind, 0);
    rig_kill(&rig);
    rig_start(&rig);
    WAIT_FOR(rig_links_up(&rig) && rig_is_at(&rig, 6));
    assert_false(rig_votes(&rig));
}

/* D9 lost journal */
static void test_driver_lost_journal_observes(void **state)
{
    (void)state;
    lose_the_journal("rm -r journal", "the vote journal is missing");
}

static void test_driver_damaged_journal_observes(void **state)
{
    (void)state;
    lose_the_journal("printf x | dd of=journal/journal-00000000.log bs=1 "
                     "seek=100 conv=notrunc status=none",
                     "the vote journal is damaged");
}

static void test_driver_old_journal_observes(void **state)
{
    (void)state;
    rig_shell("cp -a %s/journal %s/old", rig.dir, rig.dir);
    lose_the_journal("rm -r journal && mv old journal",
                     "the vote journal is older than the database");
}

/* The newest vote is damaged: in the journal that looks like a torn end, of
 * which nothing was promised; but the block written since says that it was on
 * disk. */
static void test_driver_votes_lost_at_the_end_are_missed(void **state)
{
    char command[4 * RIG_PATH];

    (void)state;
    rig_start(&rig);
    rig_ready();
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, 1));
    rig_announce(&rig, 1);
    WAIT_FOR(rig_is_at(&rig, 1));
    rig_kill(&rig);
    /* The last byte that is not zero belongs to the last record. */
    snprintf(command,
             sizeof command,
             "cd %s/journal && at=$(od -An -v -tx1 -w1 journal-00000000.log | "
             "awk '$1 != \"00\" { n = NR } END { print n - 1 }') && "
             "printf x | dd of=journal-00000000.log bs=1 seek=$at "
             "conv=notrunc status=none",
             rig.dir);
    rig_shell("%s", command);
    rig_start(&rig);
    assert_int_equal(rig_ends(&rig), EXIT_SAFETY_HALT);
    assert_true(
        rig_logged(&rig, "the vote journal is older than the database"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
        TEST(test_driver_wrong_body_by_proposal),
        TEST(test_driver_wrong_body_by_fetch),
        TEST(test_driver_wrong_body_and_certificate_by_sync),
        TEST(test_driver_flood_of_blocks),
        TEST(test_driver_sync_beyond_the_target),
        TEST(test_driver_database_ahead_of_its_journal_goes_on),
        TEST(test_driver_connection_lost_amid_sync),
        TEST(test_driver_mute_peer_is_passed_over),
        TEST(test_driver_killed_amid_sync),
        TEST(test_driver_every_lie_is_named),
        TEST(test_driver_crash_before_the_observer_record),
        TEST(test_driver_promised_body_is_still_there),
        TEST(test_driver_journal_cut_with_many_bodies_cached),
        TEST(test_driver_lost_journal_observes),
        TEST(test_driver_damaged_journal_observes),
        TEST(test_driver_old_journal_observes),
        TEST(test_driver_votes_lost_at_the_end_are_missed),
#undef TEST
    };

    return cmocka_run_group_tests(tests, rig_make, rig_unmake);
}
