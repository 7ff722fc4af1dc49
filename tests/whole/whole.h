/* whole.h - whole nodes in one process, on one thread, from one seed.
 *
 * What runs is the shipped node: node/ and everything below it, with RocksDB
 * and the vote journal on real files.  What stands in other things' place, each
 * below an interface of the shipped code, so that no line of it is another:
 *
 *   whole_loop.c   libevent's timers: events of the simulated clock
 *   whole_pool.c   node/worker.h: tasks are events, each after a while
 *   whole_peers.c  net/peers.h, over links that delay, stall and break
 *   whole_rpc.c    rpc/jsonrpc.h: a client's call is a function's
 *   whole_time.c   the clocks and the random generator of the process
 *   tests/disk     the calls by which files are changed
 *
 * One event is handled at a time.  Within it `whole.now` is the node whose it
 * is: its clock is told, and the time its syncs take is added to its lag.
 *
 * What is checked, at every event or when a node starts or the seed ends:
 *   W1  one block and one root per height, in every store and every tip
 *   W2  every stored certificate verifies and finalises its block
 *   W3  no vote that left an honest node contradicts another, over restarts
 *   W4  what left a node as its vote above its final view, it knows after a
 *       restart
 *   W5  what a node told a client is final stands in its own store after any
 *       restart, and in every honest store at the end, in that place
 *   W6  an honest node starts again after anything but damage it is told of,
 *       and ends by itself only after its disk failed
 *   W7  no honest node blames an honest one
 *   W8  after healing a block becomes final within two capped time-outs, and
 *       every transaction everywhere within four
 *   W9  shares are conserved: the register's lines sum to what was issued; a
 *       start rebuilds root and totals from the rows */
#ifndef TESTS_WHOLE_H
#define TESTS_WHOLE_H

#include "net/peers.h"
#include "node/node.h"
#include "tests/disk/disk.h"
#include "tests/load/load.h"
#include "tests/property/dice.h"

#include <openssl/x509.h>

enum {
    WHOLE_NODES = 7,
    WHOLE_PATH = 200,
    WHOLE_TXS = 400,
    WHOLE_HEIGHTS = 4096,
    WHOLE_VIEWS = 8192,
    WHOLE_DAY_MS = 86400000,
    WHOLE_CAP_MS = 10000, /* t_cap_ms of the genesis */
};

enum whole_fault {
    FAULT_KILL,      /* kill -9: the files stay as they are */
    FAULT_POWER,     /* unsynced writes lost or torn */
    FAULT_AT_CALL,   /* the same, in the middle of a call on files */
    FAULT_ALL,       /* the power of all at once */
    FAULT_STOP,      /* an orderly stop */
    FAULT_PARTITION, /* two sides */
    FAULT_ONE_WAY,   /* one direction between two */
    FAULT_BREAK,     /* a connection ends, what was under way is lost */
    FAULT_SLOW_LINK,
    FAULT_SLOW_DISK,
    FAULT_PAUSE, /* the process stands still */
    FAULT_CLOCK, /* the wall clock jumps */
    FAULT_EIO,
    FAULT_ENOSPC,
    FAULT_SHORT,
    FAULT_BYZ, /* frames that a Byzantine node changed */
    WHOLE_FAULTS,
};
extern const char *const whole_fault_names[WHOLE_FAULTS];

enum whole_mutant {
    PLANT_NONE,
    PLANT_JOURNAL_UNSYNCED,
    PLANT_SEND_BEFORE_SYNC,
    PLANT_VOTE_NOT_KEPT,
    PLANT_BODY_NOT_KEPT,
    PLANT_STORE_UNSYNCED,
    PLANT_ACK_BEFORE_SYNC,
    PLANT_FORGET_VOTES,
    PLANT_JOURNAL_MARK_EARLY,
    PLANT_WRITE_ERROR_IGNORED,
    PLANT_SYNC_CERT_UNCHECKED,
    PLANT_BODY_UNCHECKED,
    PLANT_NO_CATCH_UP,
    WHOLE_PLANTS,
};
extern const char *const whole_mutant_names[WHOLE_PLANTS];

/* ---- the queue of events ---- */

typedef void (*item_fn)(void *arg);

struct item {
    uint64_t at_us;
    uint64_t order;
    int node;      /* whose it is; -1: the world's */
    uint32_t life; /* of the node */
    bool aside;    /* of a thread beside the loop */
    item_fn fn;    /* NULL: taken back */
    item_fn drop;  /* frees arg if fn is not called; or NULL */
    void *arg;
};

/* ---- a node ---- */

/* The newest votes that left it, by view. */
struct sent_votes {
    uint8_t kinds; /* bit: enum vote_kind */
    struct candidate notarized, finalized;
};

struct whole_node {
    int index;
    bool running;
    bool planned; /* a fault of its disk */
    enum whole_fault plan;
    uint32_t life;
    struct node *node;
    struct disk *disk;
    char dir[WHOLE_PATH];
    struct config config;
    struct rpc_backend *backend;
    struct peers *peers;
    uint64_t busy_until_us;
    uint64_t stands_until_us; /* the whole process */
    uint64_t lag_us;          /* of the event under way */
    uint64_t sync_us;
    uint64_t boot_us; /* what its monotonic clock began with */
    int64_t wall_ms;  /* its wall clock less the world's */
    int64_t drift_ppm;
    uint64_t seen_durable, seen_tip;
    uint64_t acked; /* highest block it told a client of */
    struct sent_votes votes[WHOLE_VIEWS];
    struct item *restart;
};

/* A client's transaction. */
struct whole_tx {
    struct buf bytes;
    struct hash id;
    int at;       /* the node it was given to last */
    bool waiting; /* a tx_wait is open */
    bool final;
    uint64_t height;
    uint32_t index;
};

struct whole_totals {
    uint64_t seeds, views, blocks, txs, restarts, halts, acks, events;
    uint64_t frames, disk_calls, sim_ms, heal_ms_max, all_ms_max;
    uint64_t faults[WHOLE_FAULTS];
};

/* Keys are opened at every start, always with the same passphrase: what the
 * derivation gave is kept, for all processes. */
struct whole_derived {
    uint32_t count;
    struct {
        unsigned char salt[64];
        size_t salt_size;
        unsigned char key[64];
        size_t key_size;
    } list[64];
};
extern struct whole_derived *whole_derived;

/* What is made once: keys, genesis, directories with a market in them. */
struct whole_base {
    uint32_t nodes;
    struct hash chain_id;
    struct secret keys[WHOLE_NODES]; /* in the order of the set */
    struct pubkey publics[WHOLE_NODES];
    struct valset set;
    struct load_market market;
    uint64_t start_wall_ms;
    bool ready;
};

struct world {
    const struct whole_base *base;
    char root[WHOLE_PATH]; /* of everything on disk */
    uint64_t seed;
    uint32_t run; /* of this process */
    bool active;  /* the clocks are simulated */
    bool trace;
    enum whole_mutant mutant;
    uint64_t us;
    uint64_t orders;
    struct item **heap;
    uint32_t heap_count, heap_cap;
    struct dice net, fault, load, bytes;
    uint32_t nodes;
    struct whole_node node[WHOLE_NODES];
    struct whole_node *now; /* whose event is handled; or NULL */
    bool starting;          /* within node_begin */
    bool aside;             /* it is one of a thread beside the loop */
    int byz;                /* -1: nobody */
    bool quiet;             /* no fault happens any more */
    uint32_t off;           /* bitmap: kinds of faults that never happen */
    uint32_t kinds;         /* bitmap: those of this seed */
    uint64_t call;          /* not 0: one fault, at this call of a start */
    enum whole_fault call_fault;
    struct hash final_hash[WHOLE_HEIGHTS];
    struct hash final_root[WHOLE_HEIGHTS];
    bool final_known[WHOLE_HEIGHTS];
    uint64_t final_height;
    uint64_t final_us; /* when it was reached */
    uint32_t tx_count, tx_final, tx_given;
    struct whole_tx tx[WHOLE_TXS];
    bool failed;
    char why[256];
    uint64_t digest;
    struct whole_totals total;
};
extern struct world whole;

/* whole_queue.c */
struct item *item_at(uint64_t at_us, int node, item_fn fn, void *arg);
void item_cancel(struct item *i);
/* False: nothing is left before until_us. */
bool whole_step(uint64_t until_us);
void whole_run(uint64_t until_us);
void queue_clear(void);
/* A time on the node's clock from now on, the present event's lag included. */
uint64_t whole_soon(const struct whole_node *w, uint64_t us);
void whole_mix(uint64_t what);
void whole_mix_bytes(struct bytes b);
void whole_fail(const char *format, ...) PRINTF_LIKE(1, 2);
void whole_tell(const char *format, ...) PRINTF_LIKE(1, 2);
static inline uint64_t whole_draw(struct dice *d, uint64_t from, uint64_t to)
{
    return from + dice_u64(d) % (to - from + 1);
}

/* whole_node.c */
bool whole_base_make(struct whole_base *b, const char *root, uint32_t nodes);
void whole_begin(const struct whole_base *b, uint64_t seed);
void whole_end(void);
void node_up(struct whole_node *w);
enum node_end_kind { END_STOP, END_KILL, END_POWER, END_FAULT };
void node_down(struct whole_node *w, enum node_end_kind how);
/* The fault of its disk at the n-th call from now. */
void node_plan(struct whole_node *w, enum whole_fault f, uint64_t n);
/* After an event of w: is it still there? */
void node_look(struct whole_node *w);
void node_up_later(struct whole_node *w, uint64_t us);
static inline bool node_is_dead(const struct whole_node *w)
{
    return !w->running || (w->disk != NULL && disk_is_frozen(w->disk));
}

/* whole_net.c */
void net_begin(void);
void net_lost(struct whole_node *w); /* its process has gone */
void net_cut(int from, int to, bool cut);
void net_slow(int from, int to, uint64_t us);
void net_break(int a, int b, uint8_t channel);
/* Takes over a copy of the payload; as the sender's side does. */
void net_transmit(struct whole_node *w,
                  int to,
                  uint8_t channel,
                  uint8_t type,
                  struct bytes payload);

/* whole_byz.c: what a Byzantine node makes of a frame. */
void byz_begin(void);
void byz_send(struct whole_node *w,
              int to,
              uint8_t channel,
              uint8_t type,
              struct bytes payload);

/* whole_load.c */
void load_begin(uint32_t txs, uint64_t over_us);
void load_hurry(void); /* all are given again, now */
/* One transaction to all nodes, until it is final everywhere. */
bool load_settle(void *ctx, const struct buf *tx, const struct hash *id);
void load_end(void);
void load_tell(void); /* of those that are not final, to the trace */
void load_lost(const struct whole_node *w); /* its answers never come */

/* whole_check.c */
void check_event(struct whole_node *w);
void check_start(struct whole_node *w);
void check_sent(struct whole_node *w, uint8_t type, struct bytes payload);
void check_ack(struct whole_node *w, uint64_t height);
void check_end(void);

/* whole_seed.c */
bool whole_seed(const struct whole_base *b, uint64_t seed);

#endif /* TESTS_WHOLE_H */
