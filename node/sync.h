/* sync.h - catching up with the final blocks of the others.
 *
 *   DO_SYNC up to a height --> windows, asked of several peers at once
 *     --> blocks, in order within a window, in any order between windows
 *     --> the verify threads: certificate, body, every signature; many small
 *         blocks are one task, a large block is many
 *     --> committed in order of heights, written many to one flush
 *
 *   Y1  a height counts only with its certificate; each block has its own, so
 *       that it matters to nobody who sent it.
 *   Y2  every block is committed with a finalization of its own, checked here;
 *       the batch on disk has it, whatever the journal knows.
 *   Y3  a peer that sends what is false is banned from bulk; one that says
 *       nothing is asked less, then dropped; its window is asked elsewhere.
 *       Windows are asked of validators, and of who speaks of a later epoch.
 *   Y4  what is asked for and not committed is at most SYNC_AHEAD blocks and
 *       SYNC_BYTES_MAX bytes, whatever peers send.
 *
 * Everything belongs to the loop but a batch while it is checked. */
#ifndef NODE_SYNC_H
#define NODE_SYNC_H

#include "node/node.h"

enum {
    SYNC_AHEAD = 2048,
    SYNC_BYTES_MAX = 48 << 20,
    SYNC_WINDOW_BYTES = 4 << 20, /* the block that reaches it is its last */
    SYNC_OPEN_MAX = 2,           /* windows of one peer at once */
    SYNC_FIRST_MS = 1000,        /* for the first block of a window … */
    SYNC_NEXT_MS = 3000,         /* … and from each to the next */
    SYNC_SILENCES_MAX = 3,
    SYNC_WAIT_MS_MAX = 60000,
    SYNC_ASKS_PER_S = 16,    /* of one peer: less than it would drop … */
    SYNC_ASKS_OBSERVER = 1,  /* … which for who only observes is a tenth */
    SYNC_UNWRITTEN_MAX = 64, /* committed and not on disk */
    SYNC_PARTS = 64,         /* of a batch */
    SYNC_PART_TXS = 32,
    SYNC_BATCH_CHECKS = 128, /* signatures, about */
    SYNC_STRAY_MAX = 512,    /* blocks nobody asked for */
};

enum sync_state {
    SYNC_EMPTY,
    SYNC_ASKED,
    SYNC_HELD, /* of an epoch that is not known yet */
    SYNC_CHECKING,
    SYNC_READY,
    SYNC_COMMITTING,
};

/* A height. */
struct sync_slot {
    enum sync_state state;
    uint64_t height;
    uint8_t from; /* who sent it */
    uint32_t parts_left;
    const char *fault;     /* of who sent it; NULL: none */
    bool false_signature;  /* in a final block */
    struct block_entry *b; /* owned; its certificate in commit_cert */
    uint8_t *known;        /* bitmap of transactions checked before, or NULL */
};

struct sync_window {
    bool open;
    uint8_t peer;
    uint64_t first, next, last;
    size_t bytes;
    uint64_t deadline_ms;
};

struct sync_peer {
    uint32_t open;
    uint32_t silences; /* in a row */
    uint64_t not_before_ms;
    uint64_t lacks_from;     /* it said that it has no more … */
    uint64_t lacks_until_ms; /* … then */
    uint64_t late;           /* blocks that may still come, too late */
    uint64_t stray;          /* that nobody asked for */
    struct bucket asks;
};

struct sync_batch;

struct sync {
    uint64_t target;
    uint64_t ask; /* no slot below is empty */
    uint64_t low; /* no slot below is in use */
    size_t bytes; /* of bodies in slots */
    uint8_t turn;
    uint64_t began_ms, began_height; /* 0: not catching up */
    struct sync_batch *batch;        /* being filled */
    struct sync_window windows[PEERS_MAX * SYNC_OPEN_MAX];
    struct sync_peer peers[PEERS_MAX]; /* by slot */
    struct sync_slot slots[SYNC_AHEAD];
};

/* sync_check.c */
struct sync_slot *sync_slot_of(struct sync *s, uint64_t height);
void sync_drop_slot(struct node *n, struct sync_slot *slot);
/* sync_check has the block in slot checked, now or with the next ones. */
void sync_check(struct node *n, struct sync_slot *slot);
void sync_check_flush(struct node *n);

#endif /* NODE_SYNC_H */
