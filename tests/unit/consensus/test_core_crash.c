/* A crash after any record of the journal: what is signed afterwards never
 * excludes what is in it, whatever the others do then (rules C1, C2, D2-D4, D8;
 * B09). */
#include "tests/unit/consensus/core_rig.h"

enum {
    RECORDS = 64,
};

struct record {
    enum core_effect_kind kind;
    struct vote vote;
    struct cert cert;
    struct block_facts facts;
};

static struct rig rig;
static struct record records[RECORDS];
static uint32_t record_count;
static struct block_facts known[256]; /* by letter */

/* Appends what the last step persisted. */
static void keep(void)
{
    for (uint32_t i = 0; i < rig.fx.count; i++) {
        const struct core_effect *e = &rig.fx.list[i];
        struct record *r = &records[record_count];

        if (e->kind != DO_PERSIST_VOTE && e->kind != DO_PERSIST_CERT &&
            e->kind != DO_PERSIST_BODY)
            continue;
        assert_true(record_count < RECORDS);
        memset(r, 0, sizeof *r);
        r->kind = e->kind;
        r->vote = e->vote;
        if (e->cert != NULL)
            r->cert = *e->cert;
        if (e->kind == DO_PERSIST_BODY)
            r->facts = known[e->hash.raw[0]];
        record_count++;
    }
}

static void offer(struct candidate about, char parent)
{
    const struct block_facts facts = rig_facts(about, parent);

    known[about.block.raw[0]] = facts;
    rig_propose(&rig, about, facts, NULL, 0);
    keep();
    rig_body(&rig, facts);
    keep();
    rig_executed(&rig, (char)about.block.raw[0], true);
    keep();
}

static void settle(void)
{
    rig_durable(&rig);
    keep();
}

/* Four views: a final block, a view given up before it was proposed, one given
 * up after it was voted for, and one led here. */
static void run_history(void)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct candidate c = rig_candidate(3, 1, 2, 'C');
    const struct candidate d = rig_candidate(4, 1, 2, 'D');
    struct core_event built = {.kind = ON_BUILT};

    record_count = 0;
    rig_start(&rig, 0);
    offer(a, 'G');
    settle();
    rig_cert(&rig, VOTE_NOTARIZE, a);
    keep();
    settle();
    rig_cert(&rig, VOTE_FINALIZE, a);
    keep();
    rig_applied(&rig, 1, 'A');
    keep();
    rig_nullify(&rig, 2, 2); /* its leader gives up */
    keep();
    settle();
    rig_nullified(&rig, 2);
    keep();
    offer(c, 'A');
    settle();
    rig_tick(&rig, 5000);
    keep();
    settle();
    rig_nullified(&rig, 3);
    keep();
    rig_work(&rig, true);
    keep();
    assert_int_equal(rig_count(&rig, DO_BUILD), 1);
    built.candidate = rig_find(&rig, DO_BUILD)->candidate;
    built.facts = known['D'] = rig_facts(d, 'A');
    rig_step(&rig, &built);
    keep();
    settle();
    rig_cert(&rig, VOTE_NOTARIZE, d);
    keep();
    settle();
}

/* What the journal has, and what was signed since, of each view. */
struct signed_votes {
    bool x[16];
    struct candidate n[16], f[16];
};

static void add(struct signed_votes *all, const struct vote *v)
{
    const uint64_t u = v->about.view;

    assert_true(u > 0 && u < ARRAY_LEN(all->x));
    switch ((enum vote_kind)v->kind) {
    case VOTE_NOTARIZE:
        assert_true(all->n[u].view == 0 || candidate_eq(&all->n[u], &v->about));
        assert_false(all->x[u] && all->n[u].view == 0); /* not after NULLIFY */
        all->n[u] = v->about;
        break;
    case VOTE_NULLIFY:
        assert_int_equal(all->f[u].view, 0);
        all->x[u] = true;
        break;
    case VOTE_FINALIZE:
        assert_false(all->x[u]);
        assert_true(all->f[u].view == 0 || candidate_eq(&all->f[u], &v->about));
        assert_true(all->n[u].view == 0 || candidate_eq(&all->n[u], &v->about));
        all->f[u] = v->about;
        break;
    }
}

static void add_cast(struct signed_votes *all)
{
    for (uint32_t i = 0; i < rig.fx.count; i++) {
        if (rig.fx.list[i].kind == DO_PERSIST_VOTE)
            add(all, &rig.fx.list[i].vote);
        else if (rig.fx.list[i].kind == DO_SEND_VOTE ||
                 rig.fx.list[i].kind == DO_SEND_PROPOSAL)
            add(all, &rig.fx.list[i].vote); /* sent again: the same */
    }
}

/* Restarts with the first `count` records. */
static void restart(uint32_t count, struct signed_votes *all)
{
    const struct core_status st = {.view = 1, .map_from = 1};
    const struct core_config config = rig_config(&rig, 0);
    const struct hash g = rig_hash('G');

    memset(all, 0, sizeof *all);
    core_init(&rig.core, &config, 0, &g);
    for (uint32_t i = 0; i < count; i++) {
        if (records[i].kind == DO_PERSIST_VOTE) {
            core_replay_vote(&rig.core, &records[i].vote);
            add(all, &records[i].vote);
        } else if (records[i].kind == DO_PERSIST_CERT) {
            core_replay_cert(&rig.core, &records[i].cert);
        } else {
            core_replay_body(&rig.core, &records[i].facts);
        }
    }
    core_start(&rig.core, false, rig.now_ms);
    rig_tick(&rig, 0);
    add_cast(all);
    for (uint8_t i = 1; i < RIG_N; i++) {
        rig_status(&rig, i, &st);
        add_cast(all);
    }
}

/* The others say something else than before, all of it. */
static void tempt(struct signed_votes *all)
{
    for (uint64_t u = 1; u <= 4; u++) {
        const struct candidate z =
            rig_candidate(u, u == 1 ? 0 : 1, u == 1 ? 1 : 2, 'Z');
        const struct block_facts facts = rig_facts(z, u == 1 ? 'G' : 'A');

        if (core_leader(&rig.core, u) != 0)
            rig_propose(&rig, z, facts, NULL, 0);
        add_cast(all);
        rig_body(&rig, facts);
        add_cast(all);
        rig_executed(&rig, 'Z', true);
        add_cast(all);
        for (uint8_t i = 1; i < RIG_N; i++) {
            rig_nullify(&rig, i, u);
            add_cast(all);
        }
        rig_durable(&rig);
        add_cast(all);
    }
    for (uint64_t u = 1; u <= 4 && !rig.core.halted; u++) {
        const struct core_cert_slot *s = &rig.core.certs[u % CORE_CERT_SLOTS];

        if (s->view == u && s->has_n)
            continue;
        rig_cert(&rig, VOTE_NOTARIZE, rig_candidate(u, 0, 1, 'Z'));
        add_cast(all);
        rig_executed(&rig, 'Z', true);
        add_cast(all);
    }
    for (int i = 0; i < 20; i++) {
        rig_tick(&rig, 500);
        add_cast(all);
        rig_durable(&rig);
        add_cast(all);
    }
}

static void test_core_crash_after_any_record_breaks_no_rule(void **s)
{
    struct signed_votes all;
    uint32_t votes = 0;

    (void)s;
    run_history();
    for (uint32_t i = 0; i < record_count; i++)
        votes += records[i].kind == DO_PERSIST_VOTE;
    assert_true(votes >= 6); /* N F X N X N F: the history is a rich one */
    for (uint32_t count = 0; count <= record_count; count++) {
        run_history();
        restart(count, &all);
        tempt(&all);
    }
}

/* C5 never back: the view after a restart is the one that the records speak of,
 * at each. */
static void test_core_crash_after_any_record_keeps_the_view(void **s)
{
    struct signed_votes all;

    (void)s;
    run_history();
    for (uint32_t count = 0; count <= record_count; count++) {
        uint64_t view = 1;

        for (uint32_t i = 0; i < count; i++) {
            const struct record *r = &records[i];

            if (r->kind == DO_PERSIST_CERT && r->cert.about.view >= view)
                view = r->cert.about.view + 1;
            if (r->kind == DO_PERSIST_VOTE && r->vote.about.view > view)
                view = r->vote.about.view;
        }
        run_history();
        restart(count, &all);
        assert_int_equal(rig.core.view, view);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_crash_after_any_record_breaks_no_rule),
        cmocka_unit_test(test_core_crash_after_any_record_keeps_the_view),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
