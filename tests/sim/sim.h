/* sim.h - a whole network in one process, from one number.
 *
 * The consensus core, its message codec and its record codec are the production
 * ones.  Replaced are clock, network, disk, signatures (a fake that is bound to
 * key and bytes) and execution (sim_app.h).  Everything that happens follows
 * from the seed.
 *
 *   chaos ──heal──> every transaction final everywhere ──> idle ──> next seed
 *
 * Oracles
 *   S1  one block per height at all correct nodes, valid, with equal roots
 *   S2  no two notarizations, no nullification beside a finalization, in a view
 *   S3  what a correct node sent obeys the vote rules, also across its crashes
 *   S4  no correct node halts, observes, or asks for a tick in the past
 *   S5  after healing, every transaction becomes final everywhere in time
 *   S6  then no views turn
 *   S7  what a restart reads back is what was in memory (sampled) */
#ifndef SIM_H
#define SIM_H

#include "consensus/core.h"
#include "consensus/msg.h"
#include "tests/sim/sim_app.h"

enum {
    SIM_NODES_MAX = 10,
    SIM_BLOCKS_MAX = 4096,
    SIM_HEIGHTS_MAX = 1024,
    SIM_VIEWS_MAX = 8192,
    SIM_HELD_MAX = 64,
    SIM_TASKS_MAX = 64,
};

#define SIM_NEVER UINT64_MAX
#define SIM_MS    1000ull /* times of the simulator are in microseconds */

/* How a Byzantine node misbehaves; bits. */
enum {
    BYZ_SILENT = 1,
    BYZ_EQUIVOCATE = 2,
    BYZ_RANDOM_VOTES = 4,
    BYZ_NULLIFY = 8, /* also while idle */
    BYZ_BAD_BLOCKS = 16,
    BYZ_OLD_PARENTS = 32,
};

/* What this seed switches on. */
struct sim_params {
    uint32_t n;
    uint32_t byz_count;
    uint32_t byz_modes;
    uint32_t dead_count; /* crashed for good at the heal */
    uint64_t delay_lo, delay_hi;
    uint32_t loss, dup; /* of 1024 */
    uint64_t partition_every;
    uint64_t crash_every;
    uint32_t crash_many; /* of 1024: all at once */
    uint32_t targeted;   /* of 1024, for each sync */
    uint64_t fsync_lo, fsync_hi;
    uint64_t execute_us;
    uint64_t inject_every;
    uint32_t large; /* of 1024: the body comes after the proposal */
    uint64_t chaos_us;
    bool slow; /* after the heal too, slower than the first timers expect */
};

enum sim_ev_kind {
    EV_MESSAGE,
    EV_TICK,
    EV_SYNCED,
    EV_TASK_DONE,
    EV_STORED,
    EV_BODY,
    EV_BLOCKS,
    EV_TX,
    EV_LINK_UP,
    EV_LINK_DOWN,
    EV_CRASH,
    EV_RESTART,
    EV_INJECT,
    EV_PARTITION,
    EV_BYZ,
    EV_HEAL,
    EV_LOOK,
};

/* Bytes on their way, shared by all receivers. */
struct sim_packet {
    struct sim_packet *next_free;
    uint32_t refs;
    uint8_t type;
    struct buf bytes;
};

struct sim_ev {
    uint64_t at;
    uint64_t seq;
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
    uint8_t to;
    struct sim_packet *packet;
    struct vote vote; /* for the oracle, when sent */
    bool is_own_vote;
};

struct sim_task {
    enum core_effect_kind kind; /* DO_BUILD, DO_EXECUTE, DO_COMMIT */
    struct candidate candidate;
    uint32_t block;
    struct cert cert;
};

struct sim_node {
    bool correct;
    bool up;
    uint32_t life;
    uint32_t byz;
    uint64_t key;
    struct core *core;
    uint64_t tick_at;
    /* journal: what is written, and how much of it a crash leaves */
    struct buf journal;
    size_t synced;
    size_t syncing_to;
    bool syncing;
    uint64_t batch_wanted, batch_syncing;
    bool started;
    uint32_t held_count;
    struct sim_held held[SIM_HELD_MAX];
    /* executor and store */
    void *app;
    uint64_t height; /* of the tip in memory */
    uint64_t stored; /* of the tip on disk */
    uint32_t chain[SIM_HEIGHTS_MAX];
    struct cert certs[SIM_HEIGHTS_MAX];
    uint32_t task_first, task_count;
    struct sim_task tasks[SIM_TASKS_MAX];
    bool work_told;
    uint32_t open_txs;
    uint8_t has_body[SIM_BLOCKS_MAX]; /* in memory */
    uint8_t knows_tx[SIM_TXS_MAX];
    int64_t clock_ms; /* its error */
    uint32_t seen_count;
    struct candidate seen[16]; /* what a Byzantine node may vote for */
};

/* What the oracles remember of a view; never lost. */
struct sim_view {
    bool n, x, f;
    struct candidate n_about, f_about;
    uint8_t voted[SIM_NODES_MAX]; /* bit per kind sent by a correct node */
    struct candidate notarized[SIM_NODES_MAX], finalized[SIM_NODES_MAX];
};

struct sim {
    uint64_t seed;
    uint64_t rng;
    enum core_mutant mutant;
    const struct sim_app_ops *ops;
    void *world;
    struct sim_params params;
    struct core_config config;
    uint64_t now;
    bool healed;
    bool injecting;
    uint32_t groups; /* bitmap: side of the partition, all equal if 0 */
    uint64_t seq;
    struct sim_ev *heap;
    uint32_t heap_count, heap_cap;
    struct sim_packet *free_packets;
    struct core_effects *effects;
    struct msg_proposal *proposal; /* decoding room */
    struct sim_node nodes[SIM_NODES_MAX];
    uint32_t tx_count;
    uint32_t block_count;
    struct sim_block *blocks; /* 0 is the genesis */
    uint32_t *block_index;    /* open addressing over hashes; 0 = free */
    uint64_t decided_height;
    uint32_t decided[SIM_HEIGHTS_MAX];
    struct sim_view *views;
    uint64_t views_used;
    uint32_t next_dead;
    bool failed;
    char why[256];
    /* totals over all seeds */
    uint64_t total_views, total_seeds, total_crashes, total_blocks;
    uint64_t total_events, total_us;
    uint32_t node_counts; /* bitmap */
};

/* sim.c: the queue, chance, the run */
uint64_t sim_random(struct sim *s);
uint64_t sim_between(struct sim *s, uint64_t lo, uint64_t hi);
bool sim_chance(struct sim *s, uint32_t of_1024);
void sim_push(struct sim *s, struct sim_ev ev);
void sim_fail(struct sim *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool sim_run(struct sim *s, uint64_t seed, uint32_t nodes);
void sim_init(struct sim *s, const struct sim_app_ops *ops);
void sim_deinit(struct sim *s);

/* sim_net.c */
struct sim_packet *sim_packet_new(struct sim *s, uint8_t type);
void sim_packet_drop(struct sim *s, struct sim_packet *p);
void sim_send(struct sim *s,
              uint32_t from,
              uint8_t to,
              struct sim_packet *packet);
bool sim_reaches(const struct sim *s, uint32_t a, uint32_t b);
uint64_t sim_delay(struct sim *s);
void sim_sign(const struct sim *s, struct vote *v);
bool sim_vote_ok(const struct sim *s, const struct vote *v);
bool sim_cert_ok(const struct sim *s, const struct cert *c);

/* sim_block.c: the registry */
uint32_t sim_block_find(const struct sim *s, const struct hash *hash);
uint32_t sim_block_put(struct sim *s, struct sim_block *b);

/* sim_node.c: the driver of one node */
void sim_node_start(struct sim *s, uint32_t i);
void sim_node_crash(struct sim *s, uint32_t i);
void sim_node_feed(struct sim *s, uint32_t i, struct core_event *e);
void sim_node_event(struct sim *s, const struct sim_ev *ev);
void sim_node_learn(struct sim *s, uint32_t i, uint32_t tx);
void sim_node_work(struct sim *s, uint32_t i, bool recount);
void sim_node_message(struct sim *s, const struct sim_ev *ev);

/* sim_disk.c: journal and executor of one node */
void sim_append(struct sim_node *node,
                uint8_t type,
                uint64_t view,
                struct bytes payload);
void sim_append_body(struct sim *s, struct sim_node *node, uint32_t block);
void sim_sync(struct sim *s, uint32_t i);
bool sim_replay(
    struct sim *s, uint32_t i, struct core *core, size_t size, bool *fresh);
void sim_cut_torn(struct sim_node *node);
void sim_check_replay(struct sim *s, uint32_t i);
void sim_cut(struct sim *s, uint32_t i);
void sim_task(struct sim *s, uint32_t i, const struct sim_task *t);
void sim_task_done(struct sim *s, uint32_t i);

/* sim_byz.c */
void sim_byz_tick(struct sim *s, uint32_t i);

/* sim_check.c: the oracles */
void sim_saw_cert(struct sim *s, const struct cert *c);
void sim_saw_vote(struct sim *s, uint32_t i, const struct vote *v);
void sim_saw_commit(struct sim *s, uint32_t i, uint64_t height, uint32_t block);
bool sim_all_final(const struct sim *s);

#endif /* SIM_H */
