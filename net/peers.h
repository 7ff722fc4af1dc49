/* peers.h - authenticated links to the other validators.
 *
 * Of two validators the one with the lower index dials the other, twice: one
 * connection for consensus, one for bulk, so that no body delays a vote.
 * TLS 1.3 with mutual authentication; the peer's key must be the one pinned in
 * the validator set; then each side's HELLO, signed by its consensus key over
 * this TLS session.  Dialling repeats for ever with a jittered back-off.
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
                     uint8_t index,
                     uint8_t channel,
                     uint8_t type,
                     struct bytes payload);
    void (*on_up)(void *ctx, uint8_t index, uint8_t channel);
    void (*on_down)(void *ctx, uint8_t index, uint8_t channel);
    /* Signs a HELLO digest with the consensus key. */
    void (*sign)(void *ctx, struct signature *out, const struct hash *digest);
    void *ctx;
};

struct peers_config {
    struct event_base *base;
    const struct valset *set; /* borrowed for the life of the peers */
    uint8_t me;
    struct hash chain_id;
    EVP_PKEY *key; /* transport identity; borrowed */
    X509 *certificate;
    const char *listen_host;
    uint16_t listen_port; /* 0: the kernel chooses (tests) */
    struct {
        char host[256];
        uint16_t port;
    } address[VALIDATORS_MAX];
    const struct peers_type *types;
    uint32_t type_count;
    const char *software;
    uint16_t protocol;     /* HELLO_PROTOCOL; another in tests */
    uint32_t handshake_ms; /* 0: PEERS_HANDSHAKE_MS; shorter in tests */
};

struct peers;

/* Errors    ERR_EXISTS  the address is in use
 *           ERR_IO, ERR_CONFIG (not an address), ERR_NO_MEMORY */
MUST_USE enum err peers_new(struct peers **out,
                            const struct peers_config *config,
                            const struct peers_callbacks *callbacks);
void peers_free(struct peers *p);
uint16_t peers_port(const struct peers *p);
/* For tests, where ports are known late. */
void peers_set_address(struct peers *p,
                       uint8_t index,
                       const char *host,
                       uint16_t port);

/* Errors    ERR_NETWORK  not connected; ERR_FULL  its queue is full (a
 *           consensus connection is then closed: it recovers by STATUS) */
enum err peers_send(struct peers *p,
                    uint8_t index,
                    uint8_t channel,
                    uint8_t type,
                    struct bytes payload);
void peers_broadcast(struct peers *p,
                     uint8_t channel,
                     uint8_t type,
                     struct bytes payload);

/* peers_misbehaved closes the channel over which the peer sent what no correct
 * node sends.  Bulk is banned for a minute, doubling up to an hour; consensus
 * may come back after a second. */
void peers_misbehaved(struct peers *p,
                      uint8_t index,
                      uint8_t channel,
                      const char *reason);

struct peers_status {
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
                  uint8_t index);
uint32_t peers_up_count(const struct peers *p);
/* The reason of the newest refusal of anybody, known or not; "" if none. */
const char *peers_last_refusal(const struct peers *p);

#endif /* NET_PEERS_H */
