/* conn.h - one TLS connection (private to net/).
 *
 *   dial or accept -> TLS -> HELLO of both -> net_up -> frames -> conn_close
 *                                               |  conn_leave: one last frame
 *                                               +-> waits while an older one
 *                                                   with its identity is probed
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/bucket.h"
#include "net/peers.h"
#include "net/skew.h"

#include <event2/bufferevent.h>

/* Why nothing is read from a connection, as a bitmap. */
enum conn_pause {
    PAUSE_QUEUE = 1,  /* too much waits to be sent to it */
    PAUSE_RATE = 2,   /* too many frames a second */
    PAUSE_CALLER = 4, /* peers_pause */
    PAUSE_PROBE = 8,  /* an older one with its identity is being pinged */
};

struct conn {
    struct peers *peers;
    struct conn *next;
    struct conn *previous;
    struct bufferevent *bev;
    struct event *deadline; /* of the handshake; of the last frame */
    struct event *resume;   /* from PAUSE_RATE */
    struct out_queue out;
    struct bucket frames;
    int index; /* slot of the peer; -1 until its HELLO */
    uint8_t channel;
    bool dialled;
    bool unpinned; /* dialled, and its transport key is not the pinned one */
    bool source;   /* dialled, and it is somebody else of a later epoch */
    bool pending;  /* counted as a handshake under way */
    bool up;
    bool closing;
    bool leaving; /* out of the table; only its last frame is still sent */
    bool placed;  /* its events have the priority of its channel */
    unsigned paused;
    uint64_t since_ms;
    uint64_t heard_ms;
};

/* One direction of trying: when to dial again; whom an old one stands in the
 * way of. */
struct dialler {
    struct peers *peers;
    uint8_t index;
    uint8_t channel;
    uint32_t back_off_ms;
    uint64_t not_before_ms;
    struct event *timer;
    struct conn *waiting; /* authenticated, while the older one is pinged */
    uint64_t probe_us;
    struct event *probe;
};

struct peer {
    bool known;
    bool self;
    struct peers_identity is;
    uint64_t epoch; /* of its last HELLO */
    bool observer;
    struct conn *conn[CHANNELS];
    struct dialler dialler[CHANNELS];
    struct score score;
    struct skew skew;
    struct bucket rate[PEERS_TYPES_MAX];
    uint64_t rtt_us;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t connects;
    uint64_t refused;
    uint64_t dropped;
    uint64_t twice;
    char last_refusal[96];
    char refuses_us[96];
    char software[HELLO_SOFTWARE_MAX + 1];
};

struct peers {
    struct peers_config config;
    struct peers_callbacks callbacks;
    SSL_CTX *context;
    struct evconnlistener *listener;
    struct event *ping;
    struct conn *all;
    uint32_t pending;
    bool closing;
    struct bucket refusals_told;
    uint64_t refusals_untold;
    uint64_t epoch;
    enum hello_role role;
    uint32_t validators; /* that are known, this node among them */
    struct peer peer[PEERS_MAX];
    char last_refusal[96];
};

uint64_t net_now_ms(void);
uint64_t net_now_us(void);
uint64_t net_wall_ms(void);
void net_refused(struct peers *p, int index, const char *reason);
void net_fault(struct peers *p, int index, uint8_t channel);

/* Of two the one with the lower key dials. */
bool net_dials(const struct peers *p, int slot);
void net_dial(struct peers *p, uint8_t slot, uint8_t channel);

/* admit.c */
/* net_up is called when a connection is authenticated: it is up then, or waits
 * (PAUSE_PROBE), or is gone: false.  net_down when one goes away. */
bool net_up(struct conn *c);
void net_down(struct conn *c);
/* net_alive: the connection answered what was sent at sent_us.  False: it is
 * gone, because a second one with its identity waited. */
bool net_alive(struct conn *c, uint64_t sent_us);
void net_dial_later(struct peers *p, uint8_t slot, uint8_t channel);
void net_on_probe(evutil_socket_t fd, short what, void *ctx);
/* The connection that waited longest for its HELLO makes room, if it had its
 * time; false: none. */
bool net_make_room(struct peers *p);
const char *net_refusal_text(uint8_t code);

/* conn.c */
struct conn *conn_dial(struct peers *p, uint8_t slot, uint8_t channel);
void conn_accept(struct peers *p, int fd);
/* conn_close frees c; reason NULL: nobody is to blame. */
void conn_close(struct conn *c, const char *reason);
/* conn_fault: an authenticated peer did what no correct node does. */
void conn_fault(struct conn *c, const char *reason);
/* conn_leave takes c out of the table, tells the other side why, and closes. */
void conn_leave(struct conn *c,
                uint8_t code,
                uint64_t wait_ms,
                const char *reason);
/* Each false: the connection is gone. */
bool conn_send_hello(struct conn *c);
bool conn_take_hello(struct conn *c, struct bytes payload);

/* frames.c */
enum err conn_send(struct conn *c,
                   uint8_t class,
                   uint8_t type,
                   struct bytes payload);
void conn_pause(struct conn *c, unsigned why, bool on);
void conn_on_read(struct bufferevent *bev, void *ctx);
void conn_on_write(struct bufferevent *bev, void *ctx);
void conn_on_resume(evutil_socket_t fd, short what, void *ctx);
/* conn_ping sends a PING; its PONG repeats now_us. */
void conn_ping(struct conn *c, uint64_t now_us);
size_t conn_queued(const struct conn *c);

#endif /* NET_CONN_H */
