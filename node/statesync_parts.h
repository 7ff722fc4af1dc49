/* statesync_parts.h - what the files of statesync.h share (private to them). */
#ifndef NODE_STATESYNC_PARTS_H
#define NODE_STATESYNC_PARTS_H

#include "node/statesync.h"
#include "state/snapshot.h"
#include "storage/store_import.h"

enum {
    FETCH_OPEN_MAX = 4,     /* chunks asked of one peer */
    FETCH_MS = 10000,       /* for a part to come */
    FETCH_SILENCES_MAX = 3, /* then it is not asked for a while */
    FETCH_PAUSE_MS = 20000,
    OFFERS_MS = 3000, /* from one question for offers to the next */
    CHOICE_MS = 1500, /* from the first offer to the choice */
    NOBODY_MS = 5000, /* without an offer: something else is done */
    TELL_MS = 2000,
    TELL_NOBODY_MS = 30000,
    STRAYS_MAX = 64, /* parts nobody waits for: a few are late */
};

enum chunk_state {
    CHUNK_WANTED,
    CHUNK_ASKED,
    CHUNK_CHECKING,
    CHUNK_DONE,
};

struct chunk {
    uint8_t state; /* enum chunk_state */
    uint8_t from;  /* slot */
    uint64_t deadline_ms;
};

struct source {
    bool answered; /* since it is connected */
    struct msg_offers offers;
    uint32_t open; /* chunks asked */
    uint32_t silences;
    uint32_t strays;
    uint64_t not_before_ms;
};

struct statesync {
    struct node *node;
    struct event *tick;
    struct pool *pool; /* one thread: checks and writes */
    bool ended;        /* the loop is to end */
    bool given_up;     /* nobody has a snapshot */
    enum err failed;   /* of the database */
    uint64_t ask_ms;   /* offers again, then */
    uint64_t heard_ms; /* when an offer of what is wanted was last here */
    uint64_t first_ms; /* of the first offer; 0: none yet */
    uint64_t told_ms;
    uint64_t began_ms;
    struct source sources[PEERS_MAX];

    /* the manifest that is being fetched */
    bool choosing; /* none is chosen */
    struct msg_offer chosen;
    int from; /* slot; -1: nobody was asked */
    uint32_t part;
    uint64_t deadline_ms;
    struct buf manifest;
    uint32_t refused_count; /* ids whose manifest was false, or not sent */
    struct hash refused[64];

    /* the one that was verified */
    struct snapshot *snapshot; /* borrows manifest */
    struct chunk *chunks;
    uint32_t done;
    uint32_t next; /* no chunk below is wanted */
    uint64_t bytes_done;
    bool base_written; /* the rows of the manifest */
    uint32_t checking;
};

/* statesync_fetch.c */
void statesync_offers(struct statesync *x, uint8_t slot, struct bytes payload);
void statesync_part(struct statesync *x, uint8_t slot, struct bytes payload);
void statesync_down(struct statesync *x, uint8_t slot);
/* Asks for what is missing, and looks whose time is over. */
void statesync_pump(struct statesync *x);

/* statesync_import.c */
/* Takes up an import that was begun; false: none was, or it is of no use. */
bool statesync_resume(struct statesync *x);
/* The verified manifest becomes the import that is under way. */
MUST_USE enum err statesync_begin(struct statesync *x);
/* Checks and writes a chunk, on the pool. */
void statesync_take_chunk(struct statesync *x,
                          uint32_t index,
                          uint8_t slot,
                          struct bytes bytes);
/* All chunks are here. */
MUST_USE enum err statesync_finish(struct statesync *x);
void statesync_end(struct statesync *x);

#endif /* NODE_STATESYNC_PARTS_H */
