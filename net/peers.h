/* peers.h - authenticated links to the other validators, and to who follows.
 *
 * Two connections to each: one for consensus, one for bulk, so that no body
 * delays a vote.  TLS 1.3 with mutual authentication; the peer's key must be
 * the one pinned for its consensus key; then each side's HELLO, signed by its
 * consensus key over this TLS session.  Dialling repeats for ever with a
 * jittered back-off.
 *
 * Who is let in changes with the chain (peers_know): the validators in force,
 * and who was announced, or has just left.  Everybody has a slot, by its key,
 * for as long as it is known.
 *
 *   Of two the one with the lower key dials; the other one dials too, if it
 *   knows an address, when nobody has come for three seconds: who joined later
 *   may be at an address that the others do not have.  If both got through, the
 *   connection of the lower key stays.
 *
 *   Who was away may know none of the keys that are in force now.  If at an
 *   address of our configuration somebody with another key says that a later
 *   epoch has begun, it is taken for a source: what it sends proves itself by
 *   certificates or is not looked at, and it is sent nothing but questions.
 *
 * Frames: u32 length of the payload | u8 type | u8 version | payload.  The
 * length is checked against the type's limit before anything is allocated.
 *
 * Everything happens on the thread of the event base; no locks. */
#ifndef NET_PEERS_H
#define NET_PEERS_H

#include "net/hello.h"

#include <event2/event.h>
#include <openssl/types.h>

enum peers_channel {
    CHANNEL_CONSENSUS = 0,
    CHANNEL_BULK = 1,
    CHANNELS = 2,
};

enum {
    FRAME_VERSION = 1,
    FRAME_HEADER_BYTES = 6,
    FRAME_HELLO = 1,
    FRAME_PING = 2,
    FRAME_PONG = 3,
    PEERS_OUT_CONSENSUS_MAX = 8 << 20,
    PEERS_OUT_BULK_MAX = 16 << 20,
    PEERS_PENDING_MAX = 64,
    PEERS_HANDSHAKE_MS = 5000, /* from connecting to HELLO, in all */
    PEERS_PATIENCE_MS = 3000,  /* the higher key waits so long to be dialled */
    PEERS_MAX = 64,            /* slots */
};

/* Somebody who is let in. */
struct peers_identity {
    struct pubkey key;     /* consensus */
    struct hash spki_hash; /* transport, pinned */
    char host[256];        /* where it is dialled, if port is not 0 */
    uint16_t port;
};

/* A frame type the caller takes, its channel and its largest payload. */
struct peers_type {
    uint8_t type;
    uint8_t channel;
    uint32_t bytes_max;
};

struct peers_callbacks {
    /* payload is borrowed for the call. */
    void (*on_frame)(void *ctx,
                     uint8_t slot,
                     uint8_t channel,
                     uint8_t type,
                     struct bytes payload);
    void (*on_up)(void *ctx, uint8_t slot, uint8_t channel);
    void (*on_down)(void *ctx, uint8_t slot, uint8_t channel);
    /* Signs a HELLO digest with the consensus key. */
    void (*sign)(void *ctx, struct signature *out, const struct hash *digest);
    void *ctx;
};

struct peers_config {
    struct event_base *base;
    struct pubkey self; /* own consensus key */
    struct hash chain_id;
    EVP_PKEY *key; /* transport identity; borrowed */
    X509 *certificate;
    const char *listen_host;
    uint16_t listen_port; /* 0: the kernel chooses (tests) */
    const struct peers_type *types;
    uint32_t type_count;
    const char *software;
    uint16_t protocol;     /* HELLO_PROTOCOL; another in tests */
    uint32_t handshake_ms; /* 0: PEERS_HANDSHAKE_MS; shorter in tests */
};

struct peers;

/* peers_new listens; nobody is known yet.
 * Errors    ERR_EXISTS  the address is in use
 *           ERR_IO, ERR_CONFIG (not an address), ERR_NO_MEMORY */
MUST_USE enum err peers_new(struct peers **out,
                            const struct peers_config *config,
                            const struct peers_callbacks *callbacks);
void peers_free(struct peers *p);
uint16_t peers_port(const struct peers *p);
/* peers_know replaces who is let in (at most PEERS_MAX), and says in which
 * epoch and role this node stands.  Slots are given in the order of the list; a
 * key that was known keeps its slot, and its connections if its transport key
 * is the same.  The own key may be in the list: its slot stays empty.
 * Connections of who is not known any more end, and those of sources. */
void peers_know(struct peers *p,
                const struct peers_identity *list,
                uint32_t count,
                uint64_t epoch,
                enum hello_role role);
int peers_find(const struct peers *p, const struct pubkey *key); /* or -1 */
/* Who has the slot; NULL: nobody, or this node itself. */
const struct pubkey *peers_key(const struct peers *p, uint8_t slot);
bool peers_is_up(const struct peers *p, uint8_t slot, uint8_t channel);
/* Its connection was made as a source. */
bool peers_is_source(const struct peers *p, uint8_t slot);
/* For tests, where ports are known late. */
void peers_set_address(struct peers *p,
                       uint8_t slot,
                       const char *host,
                       uint16_t port);

/* Errors    ERR_NETWORK  not connected; ERR_FULL  its queue is full (a
 *           consensus connection is then closed: it recovers by STATUS) */
enum err peers_send(struct peers *p,
                    uint8_t slot,
                    uint8_t channel,
                    uint8_t type,
                    struct bytes payload);
/* peers_misbehaved closes the channel over which the peer sent what no correct
 * node sends.  Bulk is banned for a minute, doubling up to an hour; consensus
 * may come back after a second. */
void peers_misbehaved(struct peers *p,
                      uint8_t slot,
                      uint8_t channel,
                      const char *reason);

struct peers_status {
    bool known;
    bool source; /* its key is not the one expected */
    struct pubkey key;
    uint64_t epoch; /* as its last HELLO said */
    bool observer;  /* as well */
    bool up[CHANNELS];
    uint64_t rtt_us;
    int64_t offset_ms; /* the peer's clock against ours */
    uint64_t heard_ms; /* monotonic; 0 = never */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t connects;
    uint64_t refused; /* connections refused or closed for misbehaviour */
    char last_refusal[96];
    char software[HELLO_SOFTWARE_MAX + 1];
};
void peers_status(const struct peers *p,
                  struct peers_status *out,
                  uint8_t slot);
/* The reason of the newest refusal of anybody, known or not; "" if none. */
const char *peers_last_refusal(const struct peers *p);

#endif /* NET_PEERS_H */
