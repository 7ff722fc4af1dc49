/* conn.h - one TLS connection (private to net/). */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/peers.h"

#include <event2/bufferevent.h>

struct conn {
    struct peers *peers;
    struct conn *next;
    struct conn *previous;
    struct bufferevent *bev;
    struct event *deadline; /* of the handshake */
    int index;              /* slot of the peer; -1 until its HELLO */
    uint8_t channel;
    bool dialled;
    bool unpinned; /* dialled, and its transport key is not the pinned one */
    bool source;   /* dialled, and it is somebody else of a later epoch */
    bool pending;  /* counted as a handshake under way */
    bool up;
    bool closing;
    uint64_t heard_ms;
};

struct dialler {
    struct peers *peers;
    uint8_t index;
    uint8_t channel;
    uint32_t back_off_ms;
    uint64_t not_before_ms;
    struct event *timer;
};

struct peer {
    bool known;
    bool self;
    struct peers_identity is;
    uint64_t epoch; /* of its last HELLO */
    bool observer;
    struct conn *conn[CHANNELS];
    struct dialler dialler[CHANNELS];
    uint64_t bulk_ban_until_ms;
    uint64_t bulk_ban_ms;
    uint64_t rtt_us;
    int64_t offset_ms;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t connects;
    uint64_t refused;
    char last_refusal[96];
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
    uint64_t epoch;
    enum hello_role role;
    struct peer peer[PEERS_MAX];
    char last_refusal[96];
};

uint64_t net_now_ms(void);
void net_refused(struct peers *p, int index, const char *reason);
/* Of two the one with the lower key dials. */
bool net_dials(const struct peers *p, int slot);
/* net_up is called when a connection is authenticated; false if it was closed
 * instead.  net_down when one goes away. */
bool net_up(struct conn *c);
void net_down(struct conn *c);

struct conn *conn_dial(struct peers *p, uint8_t slot, uint8_t channel);
void conn_accept(struct peers *p, int fd);
/* conn_close frees c; reason NULL: nobody is to blame. */
void conn_close(struct conn *c, const char *reason);
enum err conn_send(struct conn *c, uint8_t type, struct bytes payload);

#endif /* NET_CONN_H */
