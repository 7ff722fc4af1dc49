/* bundle.h - what is kept for those who must find out why a node halted.
 *
 *   DATA/halt-HEIGHT-N/
 *     halt.txt          the sentence, what to do, where the node stood
 *     config.ini        the configuration in effect; it names no secret
 *     events.trace      what went through the consensus core (trace.h)
 *     certificates.txt  certificates and own votes above the last final view
 *     difference.txt    of a block that failed: roots and rows, as known here
 *     HEIGHT-HASH.block blocks that are not final (header and body)
 *     HEIGHT.final      the newest final ones (header, certificate, body)
 *
 * Each file is written, flushed and renamed; together they are bounded, also by
 * what is free on the disk.  Nothing here fails: what cannot be written is left
 * out, and the halt goes on. */
#ifndef NODE_BUNDLE_H
#define NODE_BUNDLE_H

#include "node/node.h"

enum {
    BUNDLES_MAX = 8, /* of one height */
    BUNDLE_BYTES_MAX = 64 << 20,
    BUNDLE_PATH_MAX = CONFIG_TEXT_MAX + 48,
};

/* bundle_write makes one, of a node as far as it has come up, and puts its path
 * into path; "" if there is none. */
void bundle_write(struct node *n,
                  const char *text,
                  const char *detail,
                  char path[BUNDLE_PATH_MAX]);

/* bundle_note_event keeps what was in the event at which the core halted. */
void bundle_note_event(struct node *n, const struct core_event *e);

#endif /* NODE_BUNDLE_H */
