/* record.h - what the vote journal holds, and its payload bytes.
 *
 * Records are facts: reading one twice changes nothing, so a checkpoint is the
 * live facts appended again before older segments are dropped.  Payloads are
 * Borsh; type, epoch and view stand in the journal's own record header. */
#ifndef CONSENSUS_RECORD_H
#define CONSENSUS_RECORD_H

#include "base/reader.h"
#include "base/writer.h"
#include "crypto/key.h"

enum record_type {
    RECORD_BIRTH = 1,      /* first record: consensus key, and the epoch before
                              which it signed nothing here */
    RECORD_VOTE = 2,       /* an own vote (vote_encode) */
    RECORD_CERT = 3,       /* a certificate (cert_encode) */
    RECORD_BODY = 4,       /* header and body, as MSG_BLOCK */
    RECORD_START = 5,      /* empty: a quorum showed that nothing was final, or
                              that this key was not in the set */
    RECORD_CHECKPOINT = 6, /* what no other record says */
    RECORD_OBSERVER = 7,   /* empty: this key must never sign again */
    RECORD_EPOCH_END = 8,  /* the certificate that ended its epoch */
};

void record_birth_encode(struct writer *w,
                         const struct pubkey *key,
                         uint64_t epoch);
MUST_USE enum err record_birth_decode(struct pubkey *key,
                                      uint64_t *epoch,
                                      struct bytes in);

/* Certificates of views up to `base` have left memory; those of
 * nullified_from .. base were nullifications. */
struct record_checkpoint {
    uint64_t view;
    uint64_t base;
    uint64_t nullified_from;
};

enum {
    RECORD_BIRTH_BYTES = PUBKEY_BYTES + 8,
    RECORD_CHECKPOINT_BYTES = 24,
};

void record_checkpoint_encode(struct writer *w,
                              const struct record_checkpoint *r);
/* Errors    ERR_RANGE  base is not below view, or nullified_from is 0 or more
 *           than one beyond base */
MUST_USE enum err record_checkpoint_decode(struct record_checkpoint *r,
                                           struct bytes in);

#endif /* CONSENSUS_RECORD_H */
