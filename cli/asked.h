/* asked.h - whether a receipt is about what was asked for.
 *
 * A receipt that is proven need not be the answer: a node may give a true one
 * about another account, another block, another security. */
#ifndef CLI_ASKED_H
#define CLI_ASKED_H

#include "audit/verify.h"

/* As the words of a command say it; NULL: it was left open. */
struct asked {
    uint8_t kind; /* enum receipt_kind; HOLDING: or ABSENCE if that is true */
    const char *words[2]; /* what `equity receipt KIND` takes, in its order */
    const char *height;
    const char *date; /* YYYY-MM-DD */
    const char *from_height;
    const char *anchor;
};

/* asked_differs names the first thing in which a proven receipt is about
 * something else: a static word for a sentence; NULL: it is the answer.  A word
 * that is no value of its kind is the value of no receipt.
 * Requires  f->outcome is RECEIPT_PROVEN, of r */
const char *asked_differs(const struct asked *q,
                          const struct receipt_facts *f,
                          const struct receipt *r);

#endif /* CLI_ASKED_H */
