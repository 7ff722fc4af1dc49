/* hello.h - the first message of a connection: who is there, on which chain.
 *
 * Signed by the consensus key over the tagged hash equity/HELLO/v1 of all
 * fields and 32 bytes of keying material exported from the TLS session, so that
 * a stolen transport key alone is no validator and a HELLO cannot be replayed
 * on another connection. */
#ifndef NET_HELLO_H
#define NET_HELLO_H

#include "chain/valset.h"

#define HELLO_TAG "equity/HELLO/v1"

enum {
    HELLO_PROTOCOL = 1,
    HELLO_SOFTWARE_MAX = 64,
    HELLO_BYTES_MAX = 512,
    HELLO_EXPORT_BYTES = 32,
};

enum hello_role {
    HELLO_VALIDATOR = 0, /* of the epoch it names */
    HELLO_OBSERVER = 1,
};

struct hello {
    uint16_t protocol;
    char software[HELLO_SOFTWARE_MAX + 1];
    struct hash chain_id;
    uint64_t epoch;    /* where it stands; no reason to be refused */
    uint8_t role;      /* as it sees itself */
    struct pubkey key; /* consensus key of who speaks */
    uint8_t channel;   /* enum peers_channel */
    uint8_t dialer;    /* 1: it opened the connection */
    struct signature sig;
};

struct hash hello_digest(const struct hello *h,
                         const uint8_t exported[HELLO_EXPORT_BYTES]);
void hello_encode(struct writer *w, const struct hello *h);
MUST_USE enum err hello_decode(struct hello *out, struct bytes in);

#endif /* NET_HELLO_H */
