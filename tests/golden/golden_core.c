/* Golden traces of the consensus step: what happens, and the exact effects.
 *
 * A trace (tests/golden/core_*.txt) has an event on each line that starts with
 * a word, and below it, indented, the effects it must have, in order.  The test
 * carries out the events and compares every line; at the first difference it
 * prints what the file says and what the core did.  golden_core --print FILE
 * prints the whole trace as it is now, to be read, not to be copied blindly.
 *
 * Four validators; the leader of view v is v mod 4; a block is a letter, the
 * genesis is G.  A candidate is written v<view> p<parent view> h<height>
 * <block> and certificates X3 (nullification of view 3), N or F with a
 * candidate. */
#include "tests/unit/consensus/core_rig.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LINE_MAX_CHARS = 200,
    LINES_MAX = 400,
    RECORDS_MAX = 128,
    CERTS_MAX = 8,
};

static const char *const traces[] = {
    "tests/golden/core_block.txt",
    "tests/golden/core_leader.txt",
    "tests/golden/core_load.txt",
    "tests/golden/core_dead_leader.txt",
    "tests/golden/core_equivocation.txt",
    "tests/golden/core_behind.txt",
    "tests/golden/core_restart.txt",
    "tests/golden/core_idle.txt",
    "tests/golden/core_epoch_end.txt",
    "tests/golden/core_epoch_behind.txt",
};

struct text {
    uint32_t count;
    char lines[LINES_MAX][LINE_MAX_CHARS];
};

/* What was persisted, for a restart; `durable` of it survives a crash. */
struct golden_record {
    enum core_effect_kind kind;
    struct vote vote;
    struct cert cert;
    struct block_facts facts;
};

static struct rig rig;
static struct golden_record records[RECORDS_MAX];
static uint32_t record_count;
static uint32_t record_durable;
static struct block_facts known[256]; /* by letter */
static struct text wanted;
static struct text got;

static void add(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *format, ...)
{
    va_list args;

    assert_true(t->count < LINES_MAX);
    va_start(args, format);
    vsnprintf(t->lines[t->count++], LINE_MAX_CHARS, format, args);
    va_end(args);
}

/* ---- effects as text ---- */

static const char kind_letter[4] = {'?', 'N', 'X', 'F'};

static char letter(const struct hash *h)
{
    return (char)h->raw[0];
}

static const char *candidate_text(uint8_t kind, const struct candidate *c)
{
    static char text[4][64];
    static uint32_t at;
    char *out = text[at++ % 4];

    if (kind == VOTE_NULLIFY)
        snprintf(out, 64, "X%llu", (unsigned long long)c->view);
    else
        snprintf(out,
                 64,
                 "%c v%llu p%llu h%llu %c",
                 kind_letter[kind],
                 (unsigned long long)c->view,
                 (unsigned long long)c->parent_view,
                 (unsigned long long)c->height,
                 letter(&c->block));
    return out;
}

static void to_text(char out[16], uint8_t to)
{
    if (to == CORE_ALL)
        snprintf(out, 16, "all");
    else
        snprintf(out, 16, "%u", to);
}

static void add_proposal(const struct core_effect *e)
{
    const struct cert *certs[CERTS_MAX];
    const uint32_t count =
        core_justification(&rig.core, &e->candidate, certs, CERTS_MAX);
    char line[LINE_MAX_CHARS];
    int at = snprintf(line,
                      sizeof line,
                      "  send proposal %s",
                      candidate_text(VOTE_NOTARIZE, &e->candidate));

    for (uint32_t i = 0; i < count; i++)
        at += snprintf(line + at,
                       sizeof line - (size_t)at,
                       " with %s",
                       candidate_text(certs[i]->kind, &certs[i]->about));
    add(&got, "%s%s", line, e->after_sync ? " after sync" : "");
}

static void keep(const struct core_effect *e)
{
    struct golden_record *r = &records[record_count++];

    assert_true(record_count <= RECORDS_MAX);
    memset(r, 0, sizeof *r);
    r->kind = e->kind;
    r->vote = e->vote;
    if (e->cert != NULL)
        r->cert = *e->cert;
    if (e->kind == DO_PERSIST_BODY)
        r->facts = known[(uint8_t)letter(&e->hash)];
}

static void add_effect(const struct core_effect *e)
{
    const char *after = e->after_sync ? " after sync" : "";
    char to[16];

    to_text(to, e->to);
    switch (e->kind) {
    case DO_PERSIST_VOTE:
        keep(e);
        add(&got,
            "  persist vote %s",
            candidate_text(e->vote.kind, &e->vote.about));
        break;
    case DO_PERSIST_CERT:
        keep(e);
        add(&got,
            "  persist cert %s",
            candidate_text(e->cert->kind, &e->cert->about));
        break;
    case DO_PERSIST_BODY:
        keep(e);
        add(&got, "  persist body %c", letter(&e->hash));
        break;
    case DO_SEND_PROPOSAL:
        add_proposal(e);
        break;
    case DO_SEND_VOTE:
        add(&got,
            "  send vote %s%s",
            candidate_text(e->vote.kind, &e->vote.about),
            after);
        break;
    case DO_SEND_CERT:
        add(&got,
            "  send cert %s to %s",
            candidate_text(e->cert->kind, &e->cert->about),
            to);
        break;
    case DO_SEND_STATUS:
        add(&got, "  send status to %s", to);
        break;
    case DO_BUILD:
        add(&got,
            "  build on %c h%llu in v%llu",
            letter(&e->candidate.block),
            (unsigned long long)e->candidate.height,
            (unsigned long long)e->candidate.view);
        break;
    case DO_EXECUTE:
        add(&got, "  execute %c", letter(&e->hash));
        break;
    case DO_FETCH:
        add(&got, "  fetch %c from %s", letter(&e->hash), to);
        break;
    case DO_SYNC:
        add(&got, "  sync to h%llu", (unsigned long long)e->candidate.height);
        break;
    case DO_COMMIT:
        add(&got,
            "  commit %c h%llu by %s",
            letter(&e->candidate.block),
            (unsigned long long)e->candidate.height,
            candidate_text(e->cert->kind, &e->cert->about));
        break;
    case DO_SEND_EPOCH_END:
        add(&got,
            "  send end of epoch %llu to %s",
            (unsigned long long)e->epoch,
            to);
        break;
    case DO_EPOCH_END:
        add(&got,
            "  epoch ends by %s",
            candidate_text(e->cert->kind, &e->cert->about));
        break;
    case DO_EVIDENCE:
        add(&got,
            "  evidence against %u: %s, %s",
            e->vote.signer,
            candidate_text(e->vote.kind, &e->vote.about),
            candidate_text(e->other.kind, &e->other.about));
        break;
    case DO_OBSERVE:
        add(&got, "  observe: %.60s", e->text);
        break;
    case DO_HALT:
        add(&got, "  halt: %.60s", e->text);
        break;
    }
}

static void add_effects(void)
{
    for (uint32_t i = 0; i < rig.fx.count; i++)
        add_effect(&rig.fx.list[i]);
}

/* ---- events from text ---- */

/* Reads "N v1 p0 h1 A" or "X3"; returns what follows it. */
static const char *read_certified(const char *text,
                                  uint8_t *kind,
                                  struct candidate *about)
{
    unsigned long long v = 0;
    unsigned long long p = 0;
    unsigned long long h = 0;
    char block = 0;
    int used = 0;

    while (*text == ' ')
        text++;
    *kind = VOTE_NULLIFY;
    if (sscanf(text, "X%llu%n", &v, &used) == 1) {
        *about = (struct candidate){.view = v};
        return text + used;
    }
    *kind = text[0] == 'F' ? VOTE_FINALIZE : VOTE_NOTARIZE;
    assert_true(text[0] == 'F' || text[0] == 'N');
    assert_int_equal(
        sscanf(text + 1, " v%llu p%llu h%llu %c%n", &v, &p, &h, &block, &used),
        4);
    *about = rig_candidate(v, p, h, block);
    return text + 1 + used;
}

static struct block_facts remember(struct candidate about, char parent)
{
    const struct block_facts facts = rig_facts(about, parent);

    known[(uint8_t)letter(&about.block)] = facts;
    return facts;
}

/* proposal N v1 p0 h1 A on G [with CERT] … ; a CARRY is "on itself". */
static void do_proposal(const char *text)
{
    struct cert certs[CERTS_MAX];
    uint32_t count = 0;
    struct candidate about;
    uint8_t kind;
    char on[8];
    int used = 0;
    struct block_facts facts = {.height = 0};

    text = read_certified(text, &kind, &about);
    assert_int_equal(sscanf(text, " on %7s%n", on, &used), 1);
    text += used;
    if (strcmp(on, "itself") != 0)
        facts = remember(about, on[0]);
    while (strncmp(text, " with ", 6) == 0) {
        struct candidate of;

        assert_true(count < CERTS_MAX);
        text = read_certified(text + 6, &kind, &of);
        certs[count++] = rig_make_cert(&rig, kind, of);
    }
    rig_propose(&rig, about, facts, certs, count);
}

static void do_status(const char *text)
{
    unsigned from = 0;
    unsigned long long view = 0;
    unsigned long long final = 0;
    unsigned long long height = 0;
    struct core_status s = {.view = 0};

    assert_int_equal(
        sscanf(text, " %u v%llu F%llu h%llu", &from, &view, &final, &height),
        4);
    s.view = view;
    s.final_view = final;
    s.final_height = height;
    s.map_from = final + 1;
    rig_status(&rig, (uint8_t)from, &s);
}

static void do_vote(const char *text)
{
    unsigned from = 0;
    int used = 0;
    uint8_t kind;
    struct candidate about;

    assert_int_equal(sscanf(text, " %u%n", &from, &used), 1);
    (void)read_certified(text + used, &kind, &about);
    rig_vote(&rig, (uint8_t)from, kind, about);
}

static void do_cert(const char *text)
{
    uint8_t kind;
    struct candidate about;

    (void)read_certified(text, &kind, &about);
    rig_cert(&rig, kind, about);
}

static void do_executed(const char *text)
{
    char block = 0;
    char word[8];
    struct core_event e = {.kind = ON_EXECUTED};

    assert_int_equal(sscanf(text, " %c %7s", &block, word), 2);
    e.hash = rig_hash(block);
    e.yes = strcmp(word, "valid") == 0;
    e.gone = strcmp(word, "gone") == 0;
    rig_step(&rig, &e);
}

/* built A | built nothing: the answer to the last DO_BUILD */
static void do_built(const char *text)
{
    struct core_event e = {.kind = ON_BUILT};
    char word[8];

    assert_int_equal(sscanf(text, " %7s", word), 1);
    e.candidate.view = rig.core.view;
    if (strcmp(word, "nothing") != 0)
        e.facts = remember(
            rig_candidate(
                rig.core.view, 0, rig.core.applied_height + 1, word[0]),
            letter(&rig.core.applied));
    rig_step(&rig, &e);
}

static void do_link(const char *text, enum core_event_kind kind)
{
    unsigned from = 0;
    struct core_event e = {.kind = kind};

    assert_int_equal(sscanf(text, " %u", &from), 1);
    e.from = (uint8_t)from;
    rig_step(&rig, &e);
}

/* What was not durable is gone; the rest is read back. */
static void do_crash(void)
{
    const struct core_config config = rig.core.config;
    const struct hash applied = rig.core.applied;
    const uint64_t height = rig.core.applied_height;

    record_count = record_durable;
    core_init(&rig.core, &config, height, &applied);
    for (uint32_t i = 0; i < record_count; i++) {
        if (records[i].kind == DO_PERSIST_VOTE)
            core_replay_vote(&rig.core, &records[i].vote);
        else if (records[i].kind == DO_PERSIST_CERT)
            core_replay_cert(&rig.core, &records[i].cert);
        else
            core_replay_body(&rig.core, &records[i].facts);
    }
    core_start(&rig.core, false, rig.now_ms);
    rig_tick(&rig, 0);
}

static void do_start(const char *text)
{
    int me = 0;
    char word[8] = "";

    record_count = record_durable = 0;
    assert_true(sscanf(text, " %d %7s", &me, word) >= 1);
    rig_init(&rig, me);
    core_start(&rig.core, strcmp(word, "fresh") == 0, rig.now_ms);
    rig_tick(&rig, 0);
}

static void do_body(const char *text)
{
    rig_body(&rig, known[(uint8_t)text[1]]);
}

static void do_applied(const char *text)
{
    unsigned long long height = 0;
    char block = 0;
    char word[8] = "";

    assert_true(sscanf(text, " h%llu %c %7s", &height, &block, word) >= 2);
    if (strcmp(word, "seal") == 0)
        rig_sealed(&rig, height, block);
    else
        rig_applied(&rig, height, block);
}

/* next: the core that has ended begins the next epoch, with the same set. */
static void do_next(void)
{
    rig_next(&rig, RIG_N, rig.core.config.me);
    record_count = record_durable = 0;
}

/* epoch 1 4: peer 1 speaks in epoch 4 */
static void do_epoch(const char *text)
{
    unsigned from = 0;
    unsigned long long epoch = 0;
    struct core_event e = {.kind = ON_EPOCH};

    assert_int_equal(sscanf(text, " %u %llu", &from, &epoch), 2);
    e.from = (uint8_t)from;
    e.epoch = epoch;
    rig_step(&rig, &e);
}

static void do_event(const char *line)
{
    char word[12];
    int used = 0;
    const char *rest;

    assert_int_equal(sscanf(line, "%11s%n", word, &used), 1);
    rest = line + used;
    if (strcmp(word, "start") == 0)
        do_start(rest);
    else if (strcmp(word, "crash") == 0)
        do_crash();
    else if (strcmp(word, "status") == 0)
        do_status(rest);
    else if (strcmp(word, "proposal") == 0)
        do_proposal(rest);
    else if (strcmp(word, "vote") == 0)
        do_vote(rest);
    else if (strcmp(word, "cert") == 0)
        do_cert(rest);
    else if (strcmp(word, "executed") == 0)
        do_executed(rest);
    else if (strcmp(word, "built") == 0)
        do_built(rest);
    else if (strcmp(word, "body") == 0)
        do_body(rest);
    else if (strcmp(word, "applied") == 0)
        do_applied(rest);
    else if (strcmp(word, "up") == 0 || strcmp(word, "down") == 0)
        do_link(rest, word[0] == 'u' ? ON_UP : ON_DOWN);
    else if (strcmp(word, "next") == 0)
        do_next();
    else if (strcmp(word, "epoch") == 0)
        do_epoch(rest);
    else if (strcmp(word, "work") == 0)
        rig_work(&rig, strcmp(rest, " yes") == 0);
    else if (strcmp(word, "tick") == 0)
        rig_tick(&rig, strtoull(rest, NULL, 10));
    else if (strcmp(word, "durable") == 0) {
        record_durable = record_count;
        rig_durable(&rig);
    } else
        fail_msg("no such event: %s", line);
}

/* ---- traces ---- */

static void read_trace(const char *path)
{
    char line[LINE_MAX_CHARS];
    FILE *f = fopen(path, "r");

    if (f == NULL)
        fail_msg("%s cannot be read", path);
    wanted.count = 0;
    while (fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] != 0 && line[0] != '#')
            add(&wanted, "%s", line);
    }
    fclose(f);
}

static void run_trace(void)
{
    got.count = 0;
    for (uint32_t i = 0; i < wanted.count; i++) {
        if (wanted.lines[i][0] == ' ')
            continue;
        add(&got, "%s", wanted.lines[i]);
        do_event(wanted.lines[i]);
        add_effects();
    }
}

static void check_trace(const char *path)
{
    read_trace(path);
    run_trace();
    for (uint32_t i = 0; i < wanted.count || i < got.count; i++) {
        const char *w = i < wanted.count ? wanted.lines[i] : "(the end)";
        const char *g = i < got.count ? got.lines[i] : "(the end)";

        if (strcmp(w, g) == 0)
            continue;
        for (uint32_t k = i; k > 0; k--) {
            if (got.lines[k - 1][0] != ' ') {
                print_message("%s\n  on: %s\n", path, got.lines[k - 1]);
                break;
            }
        }
        print_message("  the file says: %s\n  the core did:  %s\n", w, g);
        fail();
    }
}

static void test_golden_core_traces_are_as_written(void **s)
{
    (void)s;
    for (size_t i = 0; i < ARRAY_LEN(traces); i++)
        check_trace(traces[i]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_core_traces_are_as_written),
    };

    if (argc == 3 && strcmp(argv[1], "--print") == 0) {
        read_trace(argv[2]);
        run_trace();
        for (uint32_t i = 0; i < got.count; i++)
            printf("%s\n", got.lines[i]);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
