/* snapshots_parts.h - what the files of snapshots.h share (private to them). */
#ifndef NODE_SNAPSHOTS_PARTS_H
#define NODE_SNAPSHOTS_PARTS_H

#include "base/num.h"
#include "node/snapshots.h"
#include "state/snapshot.h"
#include "storage/snapshot_dir.h"

/* One that is on disk and verified. */
struct held {
    uint32_t refs; /* who holds it, and who reads it */
    struct snapshot_info info;
    uint64_t *chunk_at; /* chunks + 1 */
    int manifest_fd;
    int leaves_fd;
};

struct snapshots {
    struct node *node;
    struct hash chain_id;
    struct valset genesis;
    char dir[CONFIG_TEXT_MAX + 16];
    uint64_t blocks; /* every so many; 0: none is taken */
    uint64_t bytes_per_s;
    struct pool *pool;
    _Atomic bool stopping;
    _Atomic bool running;
    _Atomic uint64_t height, leaves, taken, failed, last_ms;

    pthread_mutex_t lock;
    struct held *held[SNAPSHOTS_HELD]; /* the newest first */
};

/* snapshots_hold opens the one of this height, which is then the newest; an
 * older one goes.  False: it is not whole, and is removed. */
bool snapshots_hold(struct snapshots *s, uint64_t height);

#endif /* NODE_SNAPSHOTS_PARTS_H */
