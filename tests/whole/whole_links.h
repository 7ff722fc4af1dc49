/* whole_links.h - what whole_net.c and whole_peers.c share (private to them).
 */
#ifndef TESTS_WHOLE_LINKS_H
#define TESTS_WHOLE_LINKS_H

#include "base/bucket.h"
#include "tests/whole/whole.h"

struct frame {
    struct frame *next;
    int from, to;
    uint64_t generation;
    uint8_t channel, type, class;
    size_t size;
    uint8_t payload[];
};

/* One end of a channel to another node. */
struct side {
    uint64_t generation; /* of the connection it has; 0: down */
    bool paused;
    struct frame *held, **held_last; /* while paused */
    uint64_t barred_us;              /* it takes no connection before */
    struct bucket rate[PEERS_TYPES_MAX];
};

/* One direction of a channel between two. */
struct way {
    uint64_t last_us;                  /* when the newest frame arrives */
    struct frame *stuck, **stuck_last; /* while it is cut */
    size_t queued[CLASSES];
};

struct peer {
    bool known, self;
    struct peers_identity is;
    int node; /* whose key it is; -1: of nobody here */
    struct side side[CHANNELS];
};

struct peers {
    struct whole_node *w;
    struct peers_config config;
    struct peers_callbacks callbacks;
    bool closing;
    struct peer peer[PEERS_MAX];
};

/* One end of a channel, for an event. */
struct about {
    int node, other;
    uint8_t channel;
    uint64_t generation;
};
struct about *link_about(int node, int other, uint8_t k, uint64_t generation);

/* One direction of a channel. */
struct way *link_way(int from, int to, uint8_t channel);
/* `by` closes the channel; the other hears of it; tell: so does its driver. */
void link_close(int by, int other, uint8_t channel, bool tell);
/* The end of `node`; NULL: it does not know the other. */
struct side *link_side(int node, int other, uint8_t channel);
/* The place in the table of types; -1: no such frame. */
int link_type(const struct peers *p, uint8_t channel, uint8_t type);
/* A struct frame has arrived: held if its channel is paused, else taken. */
void link_take(void *frame);
void link_drop(struct frame **list, struct frame ***last);
/* Whose key it is; -1: nobody's here. */
int link_node(const struct pubkey *key);

#endif /* TESTS_WHOLE_LINKS_H */
