/* qr.h - the square code of a document (ISO/IEC 18004), by libqrencode. */
#ifndef DOCUMENT_QR_H
#define DOCUMENT_QR_H

#include "audit/receipt.h"

enum {
    QR_TEXT_MAX = 200,
    QR_WIDTH_MAX = 177,
    QR_QUIET = 4, /* modules of white on each side */
};

/* "EQUITY:RECEIPT/HOLDING/CHAIN/HEIGHT/SHA256": what a receipt is, and its
 * digest.  Upper case, so that the code is small; hex digits and names are to
 * be compared without regard to case. */
void qr_text(char out[QR_TEXT_MAX],
             uint8_t kind,
             const struct hash *chain_id,
             uint64_t height,
             const struct hash *digest);

struct qr {
    uint32_t width; /* modules of a side, without the quiet zone */
    uint8_t dark[QR_WIDTH_MAX * QR_WIDTH_MAX]; /* 1: dark; by rows */
};
/* False: the text is too long, or there is no memory. */
MUST_USE bool qr_make(struct qr *out, const char *text);

#endif /* DOCUMENT_QR_H */
