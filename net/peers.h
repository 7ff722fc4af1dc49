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
 * What one peer may cost
 *   N1  a handshake has one deadline, from connecting to HELLO; 64 at most are
 *       under way, and when they are, the oldest gives way to a newer one.
 *   N2  what waits to be sent to it: 1 MiB on consensus, then the connection
 *       ends (it recovers by STATUS); 16 MiB on bulk, then nothing is read from
 *       it until half is gone; of these 4 MiB gossip, 8 MiB sync.
 *   N3  frames a second by type (struct peers_type); what is over is dropped
 *       before it is looked at.  4,000 a second of all types, then reading
 *       waits.  Who only observes has a tenth of the rate of a type.
 *   N4  consensus connections are read before bulk ones, and no connection
 *       keeps the loop for more than 32 frames.
 *   N5  faults: score.h.  A frame of an unknown type, too long or malformed is
 *       one.
 *   N6  one identity, one connection on a channel: a second one has the first
 *       pinged; if no answer comes in 2 s it takes its place, else both end,
 *       and both sides say so.  Not so if each side made one: above.
 *
 * Everything happens on the thread of the event base; no locks.  If the base
 * has priorities, consensus connections take 0, the others the default. */
#ifndef NET_PEERS_H
#define NET_PEERS_H

#include "net/hello.h"
#include "net/queue.h"
#include "net/score.h"

#include <event2/event.h>
#include <openssl/types.h>

enum {
    FRAME_HELLO = 1,
    FRAME_PING = 2,    /* u64 monotonic us, u64 wall ms */
    FRAME_PONG = 3,    /* the same, and u64 wall ms of the answerer */
    FRAME_REFUSED = 4, /* u8 enum peers_refusal, u32 ms to stay away */
    PEERS_OUT_CONSENSUS_MAX = 1 << 20,
    PEERS_OUT_BULK_MAX = 16 << 20,
    PEERS_OUT_SYNC_MAX = 8 << 20,
    PEERS_OUT_GOSSIP_MAX = 4 << 20,
    PEERS_PENDING_MAX = 64,
    PEERS_HANDSHAKE_MS = 5000, /* from connecting to HELLO, in all */
    PEERS_GRACE_MS = 1000,     /* it has, however many others call */
    PEERS_PROBE_MS = 2000,     /* for an old connection to show it lives */
    PEERS_SILENT_MS = 10000,
    PEERS_FRAMES_PER_S = 4000,
    PEERS_TYPES_MAX = 16,
    PEERS_PATIENCE_MS = 3000,  /* the higher key waits so long to be dialled */
    PEERS_OBSERVER_SHARE = 10, /* who only observes has this part of a rate */
    PEERS_MAX = 64,            /* slots */
};

/* Somebody who is let in. */
struct peers_identity {
    struct pubkey key;     /* consensus */
    struct hash spki_hash; /* transport, pinned */
    bool validator;        /* of the epoch; else it only observes */
    char host[256];        /* where it is dialled, if port is not 0 */
    uint16_t port;
};

/* Why a validator is sent away; told to it, because its operator must know. */
enum peers_refusal {
    REFUSED_TWICE = 1, /* its identity speaks from two processes */
    REFUSED_BANNED = 2,
    REFUSED_TOO_SOON = 3,
};

/* A frame type the caller takes. */
struct peers_type {
    uint8_t type;
    uint8_t channel;
    uint32_t bytes_max; /* of the payload */
    uint8_t class;      /* enum peers_class: what is sent first */
    uint32_t per_s;     /* frames taken from one peer; 0 = no limit */
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
    uint32_t silent_ms;    /* 0: PEERS_SILENT_MS; shorter in tests */
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
 * Connections of who is not known any more end, and those of sources.
 * Requires  not within a callback. */
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

/* peers_send takes a type of the table for this channel.
 * Errors    ERR_NETWORK  not connected; ERR_FULL  its queue is full (a
 *           consensus connection is then closed: it recovers by STATUS) */
enum err peers_send(struct peers *p,
                    uint8_t slot,
                    uint8_t channel,
                    uint8_t type,
                    struct bytes payload);

/* peers_misbehaved closes the channel over which the peer sent what no correct
 * node sends, and keeps it closed for a while (score.h). */
void peers_misbehaved(struct peers *p,
                      uint8_t slot,
                      uint8_t channel,
                      const char *reason);
/* peers_drop closes a channel that is of no use; nobody is to blame. */
void peers_drop(struct peers *p,
                uint8_t slot,
                uint8_t channel,
                const char *reason);

/* peers_pause: while on, no frame is taken from this peer's channel (the
 * present connection; a new one begins unpaused).  Within on_frame too. */
void peers_pause(struct peers *p, uint8_t slot, uint8_t channel, bool on);
/* What waits to be sent to it. */
size_t peers_queued(const struct peers *p,
                    uint8_t slot,
                    uint8_t channel,
                    uint8_t class);

struct peers_status {
    bool known;
    bool source; /* its key is not the one expected */
    struct pubkey key;
    uint64_t epoch; /* as its last HELLO said */
    bool observer;  /* as well */
    bool up[CHANNELS];
    bool paused[CHANNELS];        /* reading waits, for whatever reason */
    uint64_t queued[CHANNELS];    /* bytes */
    uint64_t barred_ms[CHANNELS]; /* still kept out for; 0 = not */
    uint64_t faults[CHANNELS];
    uint64_t bans;
    uint64_t dropped; /* frames beyond a rate; not sent for a full queue */
    uint64_t twice;   /* its identity spoke from two processes */
    uint64_t rtt_us;
    bool clock_known;
    int64_t offset_ms;        /* the peer's clock against ours … */
    uint64_t offset_error_ms; /* … give or take */
    uint64_t heard_ms;        /* monotonic; 0 = never */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t connects;
    uint64_t refused; /* connections refused or closed for misbehaviour */
    char last_refusal[96];
    char refuses_us[96]; /* why it last sent us away; "" if it did not */
    char software[HELLO_SOFTWARE_MAX + 1];
};
void peers_status(const struct peers *p,
                  struct peers_status *out,
                  uint8_t slot);
/* The reason of the newest refusal of anybody, known or not; "" if none. */
const char *peers_last_refusal(const struct peers *p);

/* The clocks of the connected validators against ours. */
struct peers_clock {
    uint32_t measured;
    int64_t median_ms; /* theirs less ours */
    bool off;          /* more than SKEW_ALARM_MS, beyond doubt */
    bool behind;       /* ours is more than SKEW_JUMP_MS behind */
};
/* Fewer than f + 1 clocks show nothing: they may all be liars'. */
struct peers_clock peers_clock(const struct peers *p);

#endif /* NET_PEERS_H */
