/* sim.h - a whole network in one process, from one number.
 *
 * The consensus core, its message codec and its record codec are the production
 * ones.  Replaced are clock, network, disk, signatures (a fake that is bound to
 * key and bytes) and execution (sim_app.h).  Everything that happens follows
 * from the seed; what is drawn for one kind of fault does not depend on the
 * draws for another, so that a kind can be left out when a seed is shrunk.
 *
 *   chaos ──heal──> every transaction final everywhere ──> idle ──> next seed
 *
 * Oracles (docs/SIMULATION.md)
 *   S1  one block per height at all correct nodes, valid, with equal roots
 *   S2  no two notarizations, no nullification beside a finalization, in a
 *       view; every certificate that is kept verifies
 *   S3  what a correct node sent obeys the vote rules, also across its crashes
 *   S4  no correct node halts, observes, or asks for a tick in the past
 *   S5  after healing, every transaction becomes final everywhere within a
 *       bound that is a function of the timers (sim_live.c)
 *   S6  then no views turn
 *   S7  what a restart reads back is what was in memory (sampled)
 *   S8  nothing a correct node sends is malformed or false
 *   S9  an epoch has one set and one first block; the block after one that
 *       changes the set is of the next epoch; who sent a vote in an epoch signs
 *       none in an earlier one
 *
 * A node is a key.  With an application that changes the set a node is a
 * validator in some epochs, at another index in each, and observes in others;
 * with the others node and index are one. */
#ifndef SIM_H
#define SIM_H

#include "consensus/core.h"
#include "consensus/msg.h"
#include "tests/sim/sim_app.h"
#include "tests/sim/sim_fault.h"
#include "tests/sim/sim_script.h"

enum {
    SIM_VALIDATORS_MAX = 10,
    SIM_TWINS_MAX = 3,
    SIM_NODES_MAX = SIM_VALIDATORS_MAX + SIM_TWINS_MAX,
    SIM_BLOCKS_MAX = 4096,
    SIM_HEIGHTS_MAX = 2048,
    SIM_VIEWS_MAX = 8192,
    SIM_HELD_MAX = 1024,
    SIM_TASKS_MAX = 64,
    SIM_OLD_MAX = 16,
    SIM_EPOCHS_MAX = SIM_TXS_MAX + 1,
};

#define SIM_NEVER UINT64_MAX
#define SIM_MS    1000ull /* times of the simulator are in microseconds */
#define SIM_S     1000000ull

/* Chance: a stream for each purpose. */
enum sim_stream {
    RNG_SHAPE, /* what the seed switches on */
    RNG_PLAN,  /* what happens when */
    RNG_NODE,  /* keys, clocks */
    RNG_DELAY,
    RNG_LOSS,
    RNG_DUP,
    RNG_LARGE,
    RNG_DISK,
    RNG_TARGET,
    RNG_BYZ,
    RNG_LOAD,
    RNG_CHECK,
    RNG_STREAMS,
};

enum sim_weather {
    WEATHER_CALM,
    WEATHER_MIXED,
    WEATHER_STORM,
    WEATHERS,
};

/* What this seed switches on. */
struct sim_params {
    enum sim_weather weather;
    uint32_t n;          /* validators at the genesis */
    uint32_t spare;      /* nodes that are none then */
    uint32_t changes;    /* of 1024 transactions: may change the set */
    uint32_t at_seal;    /* of 1024 ends of an epoch: a crash there */
    uint32_t twins;      /* of them run twice */
    uint32_t byz_count;  /* of them attack */
    uint32_t dead_count; /* crashed for good at the heal */
    uint64_t byz;        /* how; bits of enum sim_fault */
    uint64_t delay_lo, delay_hi;
    uint32_t loss, dup; /* of 1024 */
    uint32_t hole;      /* of 1024: of the views */
    bool fifo;          /* links keep the order */
    uint32_t targeted;  /* of 1024, for each sync */
    uint64_t fsync_lo, fsync_hi;
    uint64_t store_lag; /* how often longer a block takes to the disk */
    uint64_t execute_us;
    uint64_t inject_every;
    uint32_t large; /* of 1024: the body comes after the proposal */
    uint32_t gone;  /* of 1024: a body is gone when it is to be executed */
    bool forget;    /* what no node knows after the heal is nobody's */
    bool slow;      /* links after the heal, slower than the first timers */
    uint64_t chaos_us;
    uint64_t idle_us;
};

/* What a run leaves out: given by whoever looks into a violation, and by the
 * shrinker.  Zeros leave out nothing. */
struct sim_limits {
    uint64_t off;      /* bits of enum sim_fault */
    uint32_t nodes;    /* 0 = as the seed says */
    uint64_t chaos_ms; /* 0 = as the seed says */
    uint32_t txs;      /* 0 = any number */
    uint32_t salt;     /* other chances in the same shape; 0 = the seed's */
    uint64_t plan_off[SIM_PLAN_MAX / 64]; /* steps of the plan left out */
};

enum sim_ev_kind {
    EV_MESSAGE,
    EV_TICK,
    EV_SYNCED,
    EV_TASK_DONE,
    EV_BODY,
    EV_BLOCKS,
    EV_TX,
    EV_LINK_UP,
    EV_LINK_DOWN,
    EV_CRASH, /* of one node, around a sync */
    EV_RESTART,
    EV_INJECT,
    EV_PLAN,
    EV_BYZ,
    EV_HEAL,
    EV_KINDS,
};

/* Bytes on their way, shared by all receivers: decoded by the first one, and
 * found true or false once, since both depend on the bytes alone. */
enum sim_known {
    NOT_KNOWN,
    KNOWN_GOOD,
    KNOWN_BAD,
};
struct sim_packet {
    struct sim_packet *next_free;
    uint32_t refs;
    uint8_t type;
    uint8_t form, seal; /* enum sim_known */
    uint64_t serial;
    uint64_t view; /* it is about */
    struct buf bytes;
    union {
        struct vote vote;
        struct cert cert;
        struct {
            struct core_status status;
            uint64_t epoch;
        } said;
    } in;
};

struct sim_ev {
    uint64_t at;
    uint64_t seq;
    uint32_t next; /* the queue's */
    uint8_t kind;
    uint8_t node;
    uint8_t from;
    uint32_t life; /* of the receiver, and of the sender */
    uint32_t sender_life;
    uint64_t arg;
    struct sim_packet *packet;
};

/* A message that waits for the disk. */
struct sim_held {
    uint64_t batch;
    uint32_t to; /* bitmap of keys */
    struct sim_packet *packet;
    struct vote vote; /* for the oracle, when sent */
    bool is_own_vote;
};

struct sim_task {
    enum core_effect_kind kind; /* DO_BUILD, DO_EXECUTE, DO_COMMIT */
    uint64_t epoch;             /* in which it was asked for */
    struct candidate candidate;
    uint32_t block;
    size_t journal_size; /* what must be on disk before the block */
    bool with_body;      /* from a log or the journal, not from memory */
    struct cert cert;
};

/* A node's clocks: local = base + (now - at) * (1 + ppm / 10^6). */
struct sim_clock {
    uint64_t at, base; /* us */
    int64_t ppm;
    int64_t wall_ms; /* UTC against the monotonic clock */
};

/* What a node keeps from one run to the next: memory, not facts. */
struct sim_node_room {
    struct core *core;
    struct cert *certs; /* SIM_HEIGHTS_MAX, by height */
    struct buf journal; /* what is written */
    struct sim_held held[SIM_HELD_MAX];
    struct sim_task tasks[SIM_TASKS_MAX + 1]; /* the last is never done */
    uint32_t chain[SIM_HEIGHTS_MAX];
    uint64_t stored_at[SIM_HEIGHTS_MAX]; /* when each block is on disk */
};

struct sim_node {
    uint8_t id; /* its key: whom it speaks for */
    uint64_t secret;
    bool correct;
    bool up;
    bool twin; /* of two copies, either */
    bool dead; /* for good */
    uint32_t life;
    uint64_t byz; /* bits of enum sim_fault; 0 = runs the protocol */
    bool member;  /* Byzantine, with a core that votes */
    struct sim_clock clock;
    uint64_t tick_at;
    uint64_t paused_until;
    uint64_t slow_until, slow_us;    /* its disk */
    uint32_t cut;                    /* bitmap: whom it cannot reach */
    uint64_t sent_at[SIM_NODES_MAX]; /* latest arrival so far, to each */
    /* journal: how much of it a crash leaves */
    size_t synced;
    size_t syncing_to;
    bool syncing;
    uint64_t batch_wanted, batch_syncing;
    bool started;
    size_t started_end;   /* of the record that says so */
    uint32_t statuses;    /* bitmap: which validators it heard in this epoch */
    size_t replayed;      /* of the journal when it started */
    bool later;           /* in there are records of later epochs */
    uint64_t voted_epoch; /* newest in which a vote left; never lost */
    uint32_t held_count;
    /* executor and store */
    void *app;
    uint64_t height;        /* of the tip in memory */
    uint64_t stored;        /* was on disk when the node last started */
    uint64_t journal_final; /* newest height that the journal knew final */
    uint32_t task_first, task_count;
    bool work_told;
    uint32_t final_txs; /* in blocks up to height */
    uint32_t open_txs;  /* known and not final */
    uint32_t first_open;
    uint64_t view_seen; /* and when it was entered: an attacker's timing */
    uint64_t entered_at;
    /* what a Byzantine node may vote for, and send again */
    uint32_t seen_count;
    uint32_t old_count;
    struct candidate seen[16];
    struct sim_packet *old[SIM_OLD_MAX];
    uint8_t has_body[SIM_BLOCKS_MAX]; /* in memory */
    uint8_t knows_tx[SIM_TXS_MAX];
    struct sim_node_room room; /* last */
};

/* What the oracles remember of a view; never lost. */
struct sim_view {
    bool n, x, f;
    struct candidate n_about, f_about;
    uint8_t voted[SIM_VALIDATORS_MAX]; /* bit per kind sent */
    struct candidate notarized[SIM_VALIDATORS_MAX];
    struct candidate finalized[SIM_VALIDATORS_MAX];
};

/* An epoch, as whoever entered it first found it. */
struct sim_epoch {
    uint32_t members; /* bitmap of keys */
    uint8_t n;
    uint8_t who[SIM_NODES_MAX]; /* key, by index */
    uint32_t block;             /* the last one of the epoch before */
    uint64_t views_before;      /* of all earlier epochs */
    uint64_t views_used, views_cap;
    struct sim_view *views;
};

/* Sums over all seeds. */
struct sim_totals {
    uint64_t seeds, views, crashes, blocks, events, simulated_us, cpu_us;
    uint64_t epochs, joins, leaves, rotations; /* that came into force */
    uint64_t weather_views[WEATHERS], weather_us[WEATHERS];
    uint64_t weather_seeds[WEATHERS];
    uint64_t faults[FAULTS];
    uint64_t traces, boundaries;
    uint64_t replays;                        /* compared with memory (S7) */
    uint64_t live_worst_ms, live_worst_seed; /* S5: longest after a heal */
    uint64_t live_part_max, live_part_seed;  /* of 1000, of the bound */
    uint64_t digest;
    uint32_t node_counts; /* bitmap */
};

#define SIM_WATCH_ALL UINT32_MAX /* keep: all nodes crash there */

/* The node that crashes at an effect (sim_crashes.c). */
struct sim_watch {
    bool on;
    bool crashed;
    uint32_t node;
    uint64_t count;   /* boundaries so far */
    uint64_t target;  /* 0: none */
    uint32_t keep;    /* whole records that the crash leaves */
    uint32_t records; /* that were not synced then */
    uint64_t only;    /* this boundary alone; 0: all */
    uint32_t only_keep;
};

struct sim_queue {
    struct sim_ev *events; /* by index; 0 is unused */
    uint32_t count, cap, free;
    /* near: a ring of short lists; far: a heap */
    uint32_t shift;
    uint64_t slot; /* of now */
    uint32_t *heads;
    uint64_t *marks, top_mark;
    struct sim_far {
        uint64_t at, seq;
        uint32_t event;
    } * far;
    uint32_t far_count, far_cap;
    uint32_t near_count;
};

struct sim {
    uint64_t seed;
    uint64_t rng[RNG_STREAMS];
    enum core_mutant mutant;
    struct sim_limits limits;
    bool trace; /* tell what happens */
    bool (*run)(struct sim *s, uint64_t seed);
    const struct sim_app_ops *ops;
    void *world;
    struct sim_params params;
    struct core_config config;
    uint64_t now;
    bool healed;
    uint64_t healed_at;
    bool injecting;
    uint32_t groups; /* bitmap: side of the partition, all equal if 0 */
    uint64_t seq;
    struct sim_queue queue;
    struct sim_packet *free_packets;
    uint64_t packets;
    struct core_effects *effects;
    struct core *spare_core;       /* for replays */
    struct msg_proposal *proposal; /* decoded last */
    uint64_t proposal_serial;
    struct cert *wanted;    /* of its certificates, by one receiver */
    uint32_t instances;     /* nodes and second copies */
    struct sim_node *nodes; /* SIM_NODES_MAX */
    uint32_t tx_count;
    uint32_t change_count; /* of them may change the set */
    uint32_t plan_count;
    struct sim_step plan[SIM_PLAN_MAX];
    void (*shape)(struct sim *s); /* chooses params */
    struct sim_watch watch;
    struct sim_family *family; /* NULL: seeds, not scripts */
    struct sim_script script;
    uint32_t block_count;
    struct sim_block *blocks; /* 0 is the genesis */
    uint32_t *block_index;    /* open addressing over hashes; 0 = free */
    uint64_t decided_height;
    uint32_t decided[SIM_HEIGHTS_MAX];
    uint32_t epoch_count;
    struct sim_epoch *epochs; /* SIM_EPOCHS_MAX; the first is the genesis' */
    uint64_t commits;         /* by anybody */
    bool failed;
    bool aborts; /* let a failed assertion end the process as usual */
    char why[256];
    uint64_t digest; /* of all events of this run */
    uint64_t run_faults[FAULTS];
    struct sim_totals total;
};

/* ---- chance: splitmix64 ---- */

static inline uint64_t sim_mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint64_t sim_random(struct sim *s, enum sim_stream stream)
{
    return sim_mix(s->rng[stream] += 0x9e3779b97f4a7c15u);
}

static inline uint64_t sim_between(struct sim *s,
                                   enum sim_stream stream,
                                   uint64_t lo,
                                   uint64_t hi)
{
    __extension__ typedef unsigned __int128 wide;

    if (hi <= lo)
        return lo;
    return lo + (uint64_t)((wide)sim_random(s, stream) * (hi - lo + 1) >> 64);
}

static inline bool sim_chance(struct sim *s,
                              enum sim_stream stream,
                              uint32_t of_1024)
{
    return of_1024 != 0 && (sim_random(s, stream) & 1023) < of_1024;
}

static inline bool sim_is_off(const struct sim *s, enum sim_fault f)
{
    return (s->limits.off >> f & 1) != 0;
}

/* Counts what happened. */
static inline void sim_note(struct sim *s, enum sim_fault f)
{
    s->run_faults[f]++;
}

/* sim.c: the run */
void sim_fail(struct sim *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool sim_run(struct sim *s, uint64_t seed);
void sim_init(struct sim *s, const struct sim_app_ops *ops);
void sim_deinit(struct sim *s);
/* The phases of a run, for those that make their own (sim_twins.c). */
void sim_clear(struct sim *s);
void sim_configure(struct sim *s);
void sim_begin(struct sim *s);
void sim_run_until(struct sim *s, uint64_t until, bool stop_when_final);
/* Views of all epochs up to this one of node i's. */
uint64_t sim_views_of(const struct sim *s, uint32_t i, uint64_t view);
uint64_t sim_highest_view(const struct sim *s);
uint64_t sim_cpu_us(void);
void sim_add_up(struct sim *s, uint64_t from_us);

/* sim_choose.c: what a seed switches on, and its plan */
void sim_choose(struct sim *s);
void sim_make_plan(struct sim *s);

/* sim_nemesis.c: what happens to the network and to nodes */
void sim_inject(struct sim *s);
void sim_crash(struct sim *s, uint32_t i, uint64_t down_us);
void sim_crash_targeted(struct sim *s, uint32_t i);
void sim_crash_all(struct sim *s, uint64_t down_us);
/* Between the end of an epoch, which is written, and the next one. */
void sim_crash_at_seal(struct sim *s, uint32_t i);
void sim_carry_plan(struct sim *s, uint32_t step);
void sim_heal(struct sim *s);

/* sim_queue.c: what will happen, in order of (time, order of arrival) */
void sim_push(struct sim *s, struct sim_ev ev);
/* False: nothing until then. */
bool sim_pop(struct sim *s, struct sim_ev *out, uint64_t until);
void sim_queue_clear(struct sim *s);
void sim_queue_fit(struct sim *s, uint64_t span_us);
void sim_queue_deinit(struct sim_queue *q);

/* sim_net.c */
struct sim_packet *sim_packet_new(struct sim *s, uint8_t type);
struct writer sim_packet_writer(struct sim_packet *p, size_t max);
void sim_packet_done(struct sim_packet *p, const struct writer *w);
void sim_packet_drop(struct sim *s, struct sim_packet *p);
/* to: bitmap of keys; late_us on top of the usual delay. */
void sim_send(struct sim *s,
              uint32_t from,
              uint32_t to,
              struct sim_packet *packet,
              uint64_t late_us);
bool sim_reaches(const struct sim *s,
                 uint32_t from,
                 uint32_t to,
                 uint64_t view);
uint64_t sim_delay(struct sim *s);
void sim_sign(const struct sim_node *node, struct vote *v);
bool sim_vote_ok(const struct sim *s, const struct vote *v);
bool sim_cert_ok(const struct sim *s, const struct cert *c);

/* sim_block.c: the registry */
uint32_t sim_block_find(const struct sim *s, const struct hash *hash);
uint32_t sim_block_put(struct sim *s, struct sim_block *b);
void sim_block_drop(struct sim *s, uint32_t block);

/* sim_clock.c */
uint64_t sim_local_ms(const struct sim *s, const struct sim_node *node);
uint64_t sim_wall_ms(const struct sim *s, const struct sim_node *node);
uint64_t sim_when(const struct sim *s,
                  const struct sim_node *node,
                  uint64_t local_ms);
void sim_clock_set_rate(struct sim *s, struct sim_node *node, int64_t ppm);

/* sim_node.c: the driver of one node */
void sim_node_start(struct sim *s, uint32_t i);
void sim_node_crash(struct sim *s, uint32_t i);
void sim_recover_bodies(struct sim *s, uint32_t i);
void sim_node_feed(struct sim *s, uint32_t i, struct core_event *e);
void sim_node_event(struct sim *s, const struct sim_ev *ev);
void sim_node_learn(struct sim *s, uint32_t i, uint32_t tx);
void sim_node_work(struct sim *s, uint32_t i);

/* sim_epoch.c: sets of validators */
/* What is known of an epoch; NULL: nobody was there. */
struct sim_epoch *sim_epoch(const struct sim *s, uint64_t epoch);
/* Index of a node in its present set; -1: it observes. */
int sim_index(const struct sim *s, uint32_t i);
/* How node i's core names the node with this key. */
uint8_t sim_peer(const struct sim *s, uint32_t i, uint8_t id);
/* The keys of whom node i's core means; all: CORE_ALL is observers too. */
uint32_t sim_whom(const struct sim *s, uint32_t i, uint8_t to, bool all);
uint32_t sim_everybody(const struct sim *s);
/* The configuration of node i's core on its tip. */
void sim_epoch_config(struct sim *s, uint32_t i, struct core_config *out);
void sim_epoch_end(struct sim *s, uint32_t i, const struct cert *cert);
void sim_epoch_status(struct sim *s, uint32_t i, uint8_t from);
struct sim_packet *sim_epoch_packet(struct sim *s, uint32_t i, uint64_t epoch);
void sim_epochs_choose(struct sim *s);
void sim_epochs_clear(struct sim *s);
void sim_change_set(struct sim *s, uint32_t tx);

/* sim_inbox.c: messages that arrive */
void sim_node_message(struct sim *s, const struct sim_ev *ev);

/* sim_disk.c: journal of one node */
void sim_append(struct sim_node *node,
                uint8_t type,
                uint64_t view,
                struct bytes payload);
void sim_append_body(struct sim *s, struct sim_node *node, uint32_t block);
void sim_sync(struct sim *s, uint32_t i);
bool sim_replay(
    struct sim *s, uint32_t i, struct core *core, size_t size, bool *fresh);
uint32_t sim_journal_final(const struct sim *s,
                           const struct sim_node *node,
                           uint64_t height,
                           struct cert *out);
void sim_lose_unsynced(struct sim *s, struct sim_node *node);
void sim_check_replay(struct sim *s, uint32_t i);
void sim_cut(struct sim *s, uint32_t i);

/* sim_exec.c: executor and store of one node */
uint64_t sim_stored(const struct sim *s, const struct sim_node *node);
void sim_store_lose(struct sim *s, struct sim_node *node);
/* What waits for the disk is there soon. */
void sim_store_hurry(struct sim *s, struct sim_node *node);
/* The caller fills in the rest. */
struct sim_task *sim_task(struct sim *s,
                          uint32_t i,
                          enum core_effect_kind kind);
void sim_task_done(struct sim *s, uint32_t i);
void sim_load_state(struct sim *s, struct sim_node *node);
void sim_redo(struct sim *s, uint32_t i);

/* sim_byz.c, sim_garbage.c */
void sim_byz_tick(struct sim *s, uint32_t i);
/* Whether a Byzantine node keeps this message from that node. */
bool sim_byz_withholds(struct sim *s, uint32_t i, uint32_t to, uint8_t type);
/* How much later it sends a proposal of its core. */
uint64_t sim_byz_late_us(struct sim *s, uint32_t i, uint8_t type);
void sim_byz_keep(struct sim *s, uint32_t i, struct sim_packet *p);
void sim_byz_send_again(struct sim *s, uint32_t i);
void sim_byz_garbage(struct sim *s, uint32_t i);

/* sim_crashes.c */
bool sim_crashes_run(struct sim *s, uint64_t seed);
void sim_watch_begin(struct sim *s);
/* True: the node has crashed here; nothing it was doing goes on. */
bool sim_boundary(struct sim *s, uint32_t i);

/* sim_check.c: the oracles */
void sim_saw_cert(struct sim *s, const struct cert *c);
void sim_saw_vote(struct sim *s, uint32_t i, const struct vote *v);
void sim_saw_commit(struct sim *s, uint32_t i, uint64_t height, uint32_t block);
/* A vote that is signed now. */
void sim_saw_signing(struct sim *s, uint32_t i, const struct vote *v);
bool sim_all_final(const struct sim *s);

/* sim_live.c: S5 and S6 */
void sim_run_final(struct sim *s);
void sim_run_quiet(struct sim *s);

/* sim_trace.c */
void sim_digest(struct sim *s, const struct sim_ev *ev);
void sim_tell(const struct sim *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_tell_effect(const struct sim *s,
                     uint32_t i,
                     const struct core_effect *e);
void sim_tell_vote(const struct sim *s,
                   uint32_t i,
                   const struct vote *v,
                   uint32_t to);
void sim_tell_nodes(const struct sim *s);

#endif /* SIM_H */
