/* queue.h - what waits to be sent on one connection, the urgent first.
 *
 * Frames of one class stay in order; a frame is never split.  Only a little is
 * given to the socket's buffer at a time, so that what is urgent overtakes. */
#ifndef NET_QUEUE_H
#define NET_QUEUE_H

#include "base/attr.h"
#include "base/bytes.h"
#include "base/err.h"

#include <event2/buffer.h>

/* Sent in this order, on each connection by itself. */
enum peers_class {
    CLASS_VOTE,   /* votes, certificates, STATUS, pings */
    CLASS_BODY,   /* proposals; bodies of the current view */
    CLASS_SYNC,   /* blocks for a node that was away */
    CLASS_GOSSIP, /* transactions */
    CLASSES,
};

enum {
    FRAME_VERSION = 1,
    FRAME_HEADER_BYTES = 6, /* u32 payload length | u8 type | u8 version */
};

struct out_queue {
    struct evbuffer *of[CLASSES];
};

MUST_USE enum err queue_init(struct out_queue *q);
void queue_deinit(struct out_queue *q);
size_t queue_bytes(const struct out_queue *q);
size_t queue_bytes_of(const struct out_queue *q, uint8_t class);
/* Errors    ERR_NO_MEMORY */
MUST_USE enum err queue_put(struct out_queue *q,
                            uint8_t class,
                            uint8_t type,
                            struct bytes payload);
/* queue_move moves whole frames, the urgent first, until `to` holds at least
 * `until` bytes or nothing is left. */
void queue_move(struct out_queue *q, struct evbuffer *to, size_t until);

#endif /* NET_QUEUE_H */
