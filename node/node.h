/* node.h - one node, wired: what its parts share.
 *
 *   RPC thread --submit--> verify pool --> loop --dry run--> executor --> loop
 *   loop: peers, consensus core, vote journal, mempool, blocks
 *   executor (one thread): the engine and its state tree
 *   writer (one thread): the store
 *
 * Everything in struct node belongs to the loop thread but: engine (executor),
 * store (thread-safe for reading, writer writes), health (under its lock). */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "base/bucket.h"
#include "base/buf.h"
#include "consensus/core.h"
#include "consensus/msg.h"
#include "engine/engine.h"
#include "net/peers.h"
#include "node/config.h"
#include "node/worker.h"
#include "rpc/jsonrpc.h"
#include "storage/datadir.h"
#include "storage/journal.h"
#include "storage/store.h"

#include <pthread.h>

enum {
    EXIT_SAFETY_HALT = 86,
    EXIT_CONFIG = 78,
    EXIT_IO = 74,
    EXIT_DATA = 65,
    EXIT_NO_INPUT = 66,
    DISK_ROOM_MIN = 4 << 20, /* below this nothing is written any more */
    BLOCKS_MAX = 48,
    REFUSALS_KEPT = 4096,
    SYNC_WINDOW = 256, /* blocks asked for at once, at most */
    CHECKS_MAX = 256,  /* signatures of one peer's transactions, at once */
    RECHECK_MAX = 256, /* after one block */
    TOUCHES_MAX = 16,
    GOSSIP_BYTES = 200000,
    SUBMIT_ANSWER_MS = 10000, /* a repeat waits for its block's index */
    LEAVE_GRACE_MS = 60000,   /* who left is served so long (E10) */
    REPAIR_BYTES_PER_S = 65536,
};

/* Lanes of the pools (worker.h). */
enum {
    LANE_FIRST = 0, /* consensus */
    LANE_CLIENTS = 1,
    LANE_SYNC = 2,
    LANE_PEERS = 3, /* one for each slot of net/ */
};
_Static_assert(LANE_PEERS + PEERS_MAX <= POOL_LANES, "a lane for each");

/* A block that is proposed, fetched or being committed. */
struct block_entry {
    bool used;
    bool of_sync;  /* belongs to block sync, not to node.blocks */
    uint32_t pins; /* tasks that use it */
    struct hash hash;
    struct header header;
    struct buf header_bytes;
    struct buf body;
    bool has_body;
    bool sigs_ok;
    bool sigs_bad;
    bool verifying;
    uint32_t parts_left; /* verify tasks under way */
    bool execute_wanted;
    bool commit_wanted;
    struct cert commit_cert;
    uint64_t touched_ms;
};

/* How a transaction stands. */
enum mtx_state {
    MTX_CHECKING,  /* signatures, then dry run */
    MTX_READY,     /* eligible */
    MTX_COMMITTED, /* in a block that is the tip; not durable yet */
};

/* By what a transaction can be told dead for ever. */
struct tx_facts {
    bool known;
    uint16_t institution;
    struct tx_reference reference;
    uint32_t valid_until;
};

enum fate_kind {
    FATE_OPEN, /* it may still take effect */
    FATE_FINAL,
    FATE_VOID,    /* another transaction has used its reference */
    FATE_EXPIRED, /* a final block is dated after its last day */
};

struct fate {
    enum fate_kind kind;
    uint64_t height; /* of its block; else of the block that says so */
    uint32_t index;  /* FATE_FINAL */
    struct hash by;  /* FATE_VOID */
    uint64_t as_of;  /* newest block that was looked at */
};

struct waiter {
    struct waiter *next;
    struct rpc_call *call;
    struct hash id;
    struct tx_facts facts;
    uint64_t deadline_ms;
};

struct mtx {
    struct task task; /* first: of the verify pool, then of the executor */
    struct node *node;
    struct mtx *next_by_hash;
    struct mtx *next_by_id;
    struct mtx *older;
    struct mtx *newer;
    uint32_t refs;
    enum mtx_state state;
    bool local;      /* came by RPC here: to be sent to the others */
    uint8_t from;    /* the slot it came from, if not local */
    uint32_t checks; /* signatures it may have */
    bool listed;
    bool rechecking;
    bool stale;    /* rows it names have changed since its last verdict */
    bool doubtful; /* refused, but not on the final tip */
    bool offered;  /* while a block is put together */
    bool on_tip;   /* verdict is of the final tip, not of a candidate */
    bool gone;     /* removed; freed with the last reference */
    enum err decode_error;
    enum verdict verdict;
    struct refusal why;
    struct rpc_call *submit; /* waits for the first answer */
    uint8_t *bytes;          /* owned */
    size_t size;
    struct hash id;
    struct hash hash;
    struct tx_facts facts;
    bool judged;         /* last is a verdict */
    struct refusal last; /* the loop's copy of the newest verdict */
    bool court;          /* served before the others */
    bool touches_many;
    uint32_t touch_count;
    struct hash touches[TOUCHES_MAX]; /* keys of rows it names */
    uint64_t height;                  /* MTX_COMMITTED */
    uint32_t index;
    uint64_t arrived_ms;
};

enum {
    MEMPOOL_BUCKETS = 32768,
};

/* What one peer sent and is not checked yet. */
struct intake {
    struct buf frame; /* a message; its peer is not read until it is empty */
    size_t at;        /* of the next transaction in it */
    uint32_t left;    /* transactions */
    uint32_t checks;  /* signatures under way, at most so many */
};

struct mempool {
    struct mtx *by_hash[MEMPOOL_BUCKETS];
    struct mtx *by_id[MEMPOOL_BUCKETS];
    struct mtx *oldest;
    struct mtx *newest;
    uint32_t count; /* listed */
    uint32_t ready;
    size_t bytes;
    struct intake intake[PEERS_MAX]; /* by slot */
};

struct kept_refusal {
    struct hash id;
    struct refusal why;
    struct tx_facts facts;
};

struct link_holder {
    struct pubkey key;
    bool validator;
};

/* Who has left the set, and is let in for a while all the same. */
struct leaver {
    struct peers_identity is;
    uint64_t until_ms; /* 0: f + 1 of the new set are not there yet */
};

/* What this node is to the others. */
enum node_role {
    NODE_VALIDATOR, /* in the set, and votes or soon will */
    NODE_CANDIDATE, /* announced */
    NODE_OBSERVER,  /* left the set, or its votes are forgotten */
    NODE_ROLES,
};
extern const char *const node_role_names[NODE_ROLES];

/* What RPC threads may look at, refreshed by the loop. */
struct health {
    struct valset set; /* in force for the next block */
    uint64_t since_height;
    int me;
    enum node_role role;
    bool synced;
    uint64_t height;  /* tip of the state */
    uint64_t durable; /* newest block that is on disk */
    uint64_t indexed;
    struct hash tip_hash;
    struct hash state_root;
    uint64_t tip_time_ms;
    uint64_t view, final_view, final_height;
    uint32_t peers_up;
    uint32_t quorum;
    bool may_vote, observer, busy;
    uint32_t mempool_txs;
    uint64_t mempool_bytes;
    uint64_t disk_free;
    uint64_t syncs, blocks, txs, refused, dropped, views, nullified, evidence;
    uint64_t verify_waiting, exec_waiting, write_waiting;
    uint64_t sync_target, sync_windows;
    uint64_t sync_height; /* of the snapshot that is fetched; 0: none is */
    uint32_t sync_chunks_done, sync_chunks;
    struct peers_status peer[PEERS_MAX];
    struct peers_clock clock;
    char observer_why[160];
};

/* The windows of blocks a peer is being sent. */
struct sync_serving {
    uint32_t generation; /* of its connection */
    bool reading;        /* a slice is on the reader thread */
    bool active;         /* a window is under way */
    bool broken;         /* it ends here, whatever was asked for */
    uint64_t first, next, last;
    size_t bytes;
    uint32_t asked;
    struct msg_range asks[2];
};

/* The parts of snapshots a peer is being sent. */
enum {
    PARTS_MAX = 8,
};
struct parts_serving {
    uint32_t reading; /* on the reader thread */
    uint32_t waiting;
    struct msg_part asks[PARTS_MAX];
};

struct proposals_seen {
    uint64_t epoch;
    uint64_t view;
    uint32_t count;
};

struct node {
    struct config config;
    struct genesis *genesis;
    struct hash chain_id;
    struct secret consensus_key;
    struct pubkey key; /* its public part */
    struct hash spki_hash;

    /* the epoch of the core: that of the next block, once it is applied */
    struct valset set;
    struct vote_domain domain;
    int me; /* index in the set, or -1 */
    uint64_t since_height;
    struct hash since_hash; /* block that put the set in force */
    struct cert end_cert;   /* what made it final, in the epoch before */
    struct valset next_set; /* of a tip that seals */
    struct genesis_params params, next_params; /* the same */
    uint32_t candidate_count;
    struct candidate_row candidates[PEERS_MAX];
    uint32_t leaver_count;
    struct leaver leavers[VALIDATORS_MAX];
    struct buf later; /* journal records of epochs the state has not reached */
    uint64_t started_ms;

    struct event_base *base;
    struct mail *mail;
    struct pool *verify;
    struct pool *executor;
    struct pool *writer;
    struct pool *reader;  /* of the store, for clients and peers */
    struct pool *provers; /* one thread; alone has `prover` */
    struct prover *prover;
    struct event *tick;
    struct event *core_timer;  /* when the core wants to be woken */
    uint64_t core_timer_at_ms; /* what it is set to; UINT64_MAX: not set */
    uint64_t second_ms;        /* what is done once a second: not before */
    uint64_t disk_free;        /* bytes, looked at once a second */
    struct event *gossip_event;
    struct event *links_event;
    struct event *on_term;
    struct event *on_int;
    bool stopping;
    int exit_code;

    struct datadir *datadir;
    struct journal *journal;
    struct store *store;
    struct peers *peers;
    struct rpc_server *rpc;
    struct control *control;
    EVP_PKEY *tls_key;
    X509 *tls_certificate;

    /* writer's */
    enum err write_failed;

    /* executor's */
    struct engine *engine;
    struct tx *scratch;  /* BLOCK_TXS_MAX decoded transactions */
    struct proof *takes; /* wait until the state stands at the tip */

    /* consensus */
    struct core *core;
    struct core_effects *effects;
    bool flushing;
    bool need_sync;
    uint64_t sync_batch;
    struct out_message *out_first, **out_last;      /* wait for the disk */
    struct queued_event *queue_first, **queue_last; /* for the core */
    struct block_entry *blocks;
    struct header tip; /* of the state, as the loop knows it */
    struct hash tip_hash;
    uint64_t submitted_height; /* last commit given to the executor */
    uint64_t durable_height;
    uint64_t indexed_height; /* newest that the indexes have */
    struct proof *proofs;    /* wait for it */
    uint64_t birth_epoch;
    struct write_task *write_first, **write_last; /* wait for the writer */
    uint32_t write_waiting;
    bool writing;
    bool journal_started;
    bool work_told;
    uint64_t statuses; /* bitmap: validators who show that it may start */
    uint64_t claimed;  /* bitmap: validators heard of in this epoch … */
    uint64_t claims[VALIDATORS_MAX]; /* … and what they say is final */

    /* block sync */
    struct sync *sync;
    uint8_t fetch_peer; /* slot */
    struct sync_serving serving[PEERS_MAX];
    struct snapshots *snapshots; /* snapshots.h */
    struct fill *fill;           /* fill.h; NULL: nothing to do */
    struct parts_serving parts[PEERS_MAX];

    struct peers_clock clock; /* as of the last tick */

    /* for the files of a halt (bundle.h) */
    struct trace *trace;
    struct buf difference;             /* of the last block that failed */
    struct buf last_event;             /* certificates and votes of a halt */
    const struct block_entry *failing; /* a final block that failed; or NULL */

    uint64_t ending; /* bitmap: slots for which an EPOCH_END is being read */

    /* what each peer costs, by slot */
    struct bucket served[PEERS_MAX];  /* bytes of blocks */
    struct bucket repairs[PEERS_MAX]; /* bytes of certificates, for it */
    struct proposals_seen proposals[PEERS_MAX];
    struct link_holder holders[PEERS_MAX]; /* for whom they are */

    struct mempool pool;
    struct buf gossip;
    uint32_t gossip_count;
    struct waiter *waiters;
    struct kept_refusal *refusals; /* ring */
    uint32_t refusal_next;

    /* own_tx.c */
    bool ready_wanted; /* by who runs this validator */
    bool ready_asking;
    uint64_t ready_next_ms;
    uint64_t evidence_epoch;
    uint8_t evidence_filed[VALIDATORS_MAX]; /* bit: enum vote_conflict */

    pthread_mutex_t health_lock;
    struct health health;
    uint64_t blocks_total, txs_total, refused_total, dropped_total;
    _Atomic uint64_t rpc_requests, rpc_errors;
    _Atomic uint32_t proofs_open;
    char observer_why[160];
};

uint64_t node_now_ms(void);  /* monotonic */
uint64_t node_wall_ms(void); /* UTC */

/* The node stops signing and ends with code; text says what to do. */
void node_fail(struct node *n, int code, const char *text, const char *detail);

int node_init(const struct config *config); /* init.c */
int node_run(const struct config *config);  /* start.c */
/* The two ends of node_run, before its loop runs and after.  node_begin returns
 * 0, or the exit code after it has said why; *out is node_end's to free. */
int node_begin(struct node **out, const struct config *config);
int node_end(struct node *n);
/* backup_cmd.c; to "": the usual place */
int node_backup(const struct config *config, const char *to);
int node_verify_backup(const char *dir);
int node_restore(const struct config *config, const char *from);
/* prune.c; below UINT64_MAX: as node.keep_blocks says */
int node_prune(const struct config *config,
               uint64_t below,
               const char *archive);
/* import.c */
int node_import(const struct config *config,
                const char *const *files,
                int count);

/* blocks.c */
struct block_entry *block_entry_find(struct node *n, const struct hash *hash);
struct block_entry *block_entry_add(struct node *n,
                                    const struct header *h,
                                    struct bytes header_bytes);
/* Whether another block of the same proposer and view is here. */
bool block_entry_rival(const struct node *n,
                       const struct header *h,
                       const struct hash *hash);
/* Takes the body if it fits the header; false: it does not. */
bool block_entry_set_body(struct block_entry *b, struct bytes body);
void block_entry_verify(struct node *n, struct block_entry *b);
void blocks_forget(struct node *n, uint64_t up_to_height);
/* Whether the header commits to these very bytes.  Any thread. */
bool block_body_fits(const struct header *h, struct bytes body);

/* write.c */
struct write_task;
/* write_copy copies a committed block; on the executor. */
struct write_task *write_copy(struct node *n,
                              const struct executed_block *b,
                              const struct cert *cert);
const struct store_block *write_block_of(const struct write_task *w);
void write_submit(struct node *n, struct write_task *w);
/* write_flush hands on what waits; while stopping, all of it. */
void write_flush(struct node *n);

/* execute.c */
void execute_block(struct node *n, struct block_entry *b);
void commit_block(struct node *n,
                  struct block_entry *b,
                  const struct cert *cert);
/* commit_recovered commits what the journal knew to be final, as far as nothing
 * is missing; what comes after a gap waits for block sync. */
void commit_recovered(struct node *n);
/* commit_ready commits what may be, in the order of heights. */
void commit_ready(struct node *n);
void build_block(struct node *n, const struct candidate *on);
void dry_run(struct node *n, struct mtx *m);

/* links.c: slots of net/peers, and the names peers have in the core */
/* link_id: a validator's index, or CORE_OBSERVER and more. */
uint8_t link_id(const struct node *n, uint8_t slot);
int link_slot(const struct node *n, uint8_t id); /* or -1 */
bool link_is_validator(const struct node *n, uint8_t slot);
/* To one, or with CORE_ALL to everybody. */
void link_send(struct node *n,
               uint8_t id,
               uint8_t channel,
               uint8_t type,
               struct bytes payload);
/* To the other validators alone. */
void link_send_validators(struct node *n,
                          uint8_t channel,
                          uint8_t type,
                          struct bytes payload);
/* Soon, and not within a peer's frame, peers_know hears who is let in now. */
void links_refresh(struct node *n);
void links_on_refresh(evutil_socket_t fd, short what, void *ctx);
/* Those of the older set who are not in the newer leave. */
void links_leave(struct node *n,
                 const struct valset *before,
                 const struct valset *after);
void links_tick(struct node *n);
enum node_role links_role(const struct node *n);

/* epoch.c */
struct core_config epoch_config(struct node *n);
/* The set of the next block, put in force by that block. */
void epoch_adopt(struct node *n,
                 const struct valset *set,
                 uint64_t since_height,
                 const struct hash *since_hash);
void epoch_end(struct node *n, const struct cert *cert);
/* A STATUS of this epoch. */
void epoch_status(struct node *n, uint8_t from, const struct core_status *s);
bool epoch_is_synced(const struct node *n);
/* A peer speaks in another epoch. */
void epoch_other(struct node *n, uint8_t from, uint64_t epoch);
void epoch_send_end(struct node *n, uint8_t to, uint64_t epoch);
void epoch_take_end(struct node *n, uint8_t slot, struct bytes payload);

/* replica.c */
void replica_feed(struct node *n, struct core_event *e);
void replica_tick(struct node *n);
void replica_effects(struct node *n);
void replica_tell_work(struct node *n);
void replica_applied(struct node *n);
void replica_free_out(struct node *n);

/* persist.c */
void replica_cut_journal(struct node *n);

/* inbox.c */
enum {
    REPLICA_TYPES = 15,
};
extern const struct peers_type replica_types[REPLICA_TYPES];
void replica_frame(void *ctx,
                   uint8_t slot,
                   uint8_t channel,
                   uint8_t type,
                   struct bytes payload);

/* sync.c, sync_check.c (sync.h says how) */
void sync_new(struct node *n);
void sync_epoch(struct node *n); /* this node has joined or left the set */
void sync_free(struct node *n);
void sync_want(struct node *n, uint64_t to_height);
/* sync_pump commits what is ready and asks for what is missing. */
void sync_pump(struct node *n);
/* How far it is to go, and how many windows are asked for. */
uint64_t sync_target(const struct node *n);
uint32_t sync_windows(const struct node *n);
void sync_tick(struct node *n);
void sync_down(struct node *n, uint8_t slot); /* its bulk connection went */
void sync_take(struct node *n, uint8_t slot, struct bytes payload);
void sync_take_end(struct node *n, uint8_t slot, struct bytes payload);
/* The block to be committed next, if it is here and checked; it is given back
 * with sync_committed. */
struct block_entry *sync_ready(struct node *n);
void sync_committed(struct node *n, const struct block_entry *b);
void fetch_want(struct node *n, const struct hash *block);

/* sync_serve.c */
/* sync_read_block appends a MSG_SYNC_BLOCK from the log.  Any thread. */
bool sync_read_block(struct store *s, struct buf *out, uint64_t height);
void sync_serve(struct node *n, uint8_t slot, struct bytes payload);
void sync_serve_more(struct node *n, uint8_t slot);
void sync_serve_tick(struct node *n);
void sync_serve_reset(struct node *n, uint8_t slot); /* a new connection */

/* snapshots.c */
void snapshots_serve_list(struct node *n, uint8_t slot);
void snapshots_serve(struct node *n, uint8_t slot, struct bytes payload);
void snapshots_serve_tick(struct node *n);

/* mempool.c */
struct mtx *mempool_new_tx(struct node *n, struct bytes bytes);
void mempool_check(struct mtx *m); /* any thread: starts the way in */
struct mtx *mempool_by_hash(struct node *n, const struct hash *hash);
struct mtx *mempool_by_id(struct node *n, const struct hash *id);
void mempool_remove(struct node *n, struct mtx *m);
void mempool_release(struct mtx *m);
void mempool_dry_done(struct node *n, struct mtx *m);
void mempool_refused(struct node *n, struct mtx *m);
void mempool_committed(struct node *n,
                       const struct store_block *b,
                       bool new_day);
void mempool_durable(struct node *n,
                     uint64_t height,
                     const struct hash *ids,
                     uint32_t count);
void mempool_indexed(struct node *n, const struct store_block *b);
void mempool_flush_gossip(struct node *n);
void mempool_tick(struct node *n);
void mempool_free(struct node *n);

/* clock.c */
void clock_tick(struct node *n);

/* intake.c */
void intake_take(struct node *n, uint8_t slot, struct bytes payload);
/* The check of m, which came from a peer, has ended. */
void intake_checked(struct node *n, const struct mtx *m);
/* A new connection: it waits like the one before, if something is left. */
void intake_up(struct node *n, uint8_t slot);
void intake_free(struct node *n);

/* fate.c */
struct tx_facts tx_facts_of(const struct tx *tx);
/* The last business day on which it can take effect. */
uint32_t tx_last_day(const struct tx_facts *f);
struct row_key tx_reference_row(const struct tx_facts *f);
/* fate_read reads what the store says for certain of this id; without facts
 * only whether it is final.  Thread-safe. */
MUST_USE enum err fate_read(struct fate *out,
                            struct store *s,
                            const struct hash *id,
                            const struct tx_facts *f,
                            uint32_t offset_ms);

/* wait.c */
/* ask_fate answers call, at once (deadline 0) or when something is definite or
 * the deadline has passed.  Any thread. */
void ask_fate(struct node *n,
              struct rpc_call *call,
              const struct hash *id,
              const struct tx_facts *facts,
              uint64_t deadline_ms);
void refusal_keep(struct node *n, const struct mtx *m);
void waiters_final(struct node *n,
                   const struct hash *id,
                   uint64_t height,
                   uint32_t index);
void waiters_refused(struct node *n, const struct mtx *m);
void waiters_indexed(struct node *n, const struct store_block *b);
void waiters_tick(struct node *n, uint64_t now_ms);
void waiters_free(struct node *n);

/* recheck.c */
/* recheck_note keeps what m names; before it is listed, from any thread. */
void recheck_note(struct mtx *m, const struct tx *tx);
void recheck_after(struct node *n, const struct change_set *set, bool new_day);

/* offer.c */
/* mempool_offer fills out (BLOCK_TXS_MAX), each with a reference. */
uint32_t mempool_offer(struct node *n, struct mtx **out);

/* api.c */
void api_backend(struct rpc_backend *out, struct node *n);
void api_answer_final(struct rpc_call *call,
                      const struct hash *id,
                      uint64_t height,
                      uint32_t index);
/* Not definite; last is the newest verdict here, NULL if there is none. */
void api_answer_open(struct rpc_call *call,
                     const struct hash *id,
                     const char *state,
                     const struct refusal *last);
/* VOID or EXPIRED. */
void api_answer_dead(struct rpc_call *call,
                     const struct hash *id,
                     const struct fate *fate,
                     const struct tx_facts *facts);
void api_answer_refused(struct rpc_call *call,
                        const struct hash *id,
                        const struct refusal *why);

/* api_proof.c */
void proofs_tip(struct node *n); /* executor: the state stands at the tip */
void proofs_indexed(struct node *n);
void proofs_free(struct node *n);

/* health.c */
void health_refresh(struct node *n);
struct health health_look(struct node *n); /* any thread */
bool health_ready(void *ctx, struct buf *out);
void health_metrics(void *ctx, struct buf *out);
json_t *health_status(struct node *n);
/* While a snapshot is fetched. */
void health_statesync_metrics(struct node *n, struct buf *out);
/* health_peers.c */
json_t *health_peers(struct node *n);
void health_peers_metrics(const struct health *h, struct buf *out);

#endif /* NODE_NODE_H */
