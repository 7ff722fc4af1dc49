/* snapshots.h - the snapshots that this node takes, keeps and sends.
 *
 *   writer: block indexed, its height a multiple --view--> one thread of low
 *   priority: rows in order --> tally, pieces, file --> manifest --> held
 *
 *   H1  a block waits for nothing of it: the view is a mark in the database.
 *   H2  rows are read and written at snapshot_mib_s at most.
 *   H3  what is held has the state root that its block's header says, every
 *       security and account added up anew, and a manifest that verifies
 *       against the genesis; the newest two are held.
 *   H4  one is taken at a time; a height that comes meanwhile is left out.
 *
 * Thread-safe but for snapshots_new and snapshots_free. */
#ifndef NODE_SNAPSHOTS_H
#define NODE_SNAPSHOTS_H

#include "consensus/msg.h"
#include "node/node.h"

struct snapshots;

enum {
    SNAPSHOTS_HELD = 2,
};

/* Opens what is on disk. */
struct snapshots *snapshots_new(struct node *n);
/* snapshots_stop gives up the one that is being taken and waits for its end. */
void snapshots_stop(struct snapshots *s);
void snapshots_free(struct snapshots *s);

/* Block height is indexed, and nothing after it; on the writer's thread. */
void snapshots_due(struct snapshots *s, uint64_t height);

struct snapshot_info {
    uint64_t height;
    struct hash block;
    struct hash id;
    uint64_t manifest_bytes;
    uint32_t chunks;
    uint64_t leaves; /* in chunks */
    uint64_t bytes;  /* of chunks */
};
/* The newest first; returns how many. */
uint32_t snapshots_list(struct snapshots *s,
                        struct snapshot_info out[SNAPSHOTS_HELD]);

struct snapshots_progress {
    bool running;
    uint64_t height; /* of the one that is being taken, or was last */
    uint64_t leaves; /* done */
    uint64_t taken;  /* since the start */
    uint64_t failed;
    uint64_t last_ms; /* what the last one took */
};
struct snapshots_progress snapshots_progress(struct snapshots *s);

/* snapshots_read appends a MSG_SNAPSHOT_PART.  On the reader's thread. */
void snapshots_read(struct snapshots *s,
                    const struct msg_part *what,
                    struct buf *out);

#endif /* NODE_SNAPSHOTS_H */
