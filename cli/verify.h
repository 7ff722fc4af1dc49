/* verify.h - what the check of a history shares with its report. */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include "archive/replay.h"
#include "audit/trust.h"
#include "cli/cli.h"

struct verifying {
    const char *const *files;
    int file_count;
    bool json;
    const char *node; /* to ask what it changed, when a block differs */
    unsigned threads;
    bool has_trust;
    struct trust trust;
    uint32_t reached; /* blocks that the trust file names */
    struct genesis genesis;
    const char *successor; /* genesis file of a chain that goes on from it */
    struct hash successor_id;
    struct hash chain_id;
    struct replay *replay;
    uint64_t next;
    uint64_t size; /* of all files */
    uint64_t done; /* of the files before */
    uint64_t told; /* percent */
    uint64_t epochs;
    uint64_t from_ms;
    /* what is wrong */
    bool refuted;
    uint64_t height;
    uint32_t tx;
    char why[700];
    json_t *key; /* in which the state differs, if it is known */
};

/* verify_first_in_page finds the first change that is not the same in what was
 * executed here and in a page of what a node changed (chain_getChanges): both
 * of it, or NULL.  *at counts what is the same so far; last: no page follows.
 */
json_t *verify_first_in_page(const struct engine_refusal *own,
                             json_t *page,
                             bool last,
                             uint32_t *at);

/* Requires  nothing was found wrong; ms is how long it took. */
json_t *verify_proven_json(const struct verifying *v, uint64_t ms);
void verify_say_proven(const struct verifying *v, uint64_t ms);
void verify_report_refuted(const struct verifying *v);

#endif /* CLI_VERIFY_H */
