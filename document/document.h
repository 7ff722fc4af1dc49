/* document.h - a receipt as a document for people: a PDF with the receipt in
 * it and a square code with its digest, and a JSON object beside it.
 *
 * Invariants
 *   D1  a document is made of a proven receipt alone: document_open checks it,
 *       and nothing else makes a struct document.
 *   D2  the same receipt and options give the same bytes, by the same release
 *       of the libraries and the same fonts: no clock, locale or path is in it.
 *   D3  what is printed is what was proven; names from elsewhere are marked.
 *   D4  no character is printed as a box: a document whose fonts lack one is
 *       not made.
 *   D5  what people entered keeps to its line and direction: a name with marks
 *       that turn or break a line is not printed, and no document is made. */
#ifndef DOCUMENT_DOCUMENT_H
#define DOCUMENT_DOCUMENT_H

#include "audit/verify.h"
#include "document/labels.h"

#include <stdio.h>

enum {
    DOCUMENT_FORMAT = 1, /* of the JSON member "document" */
};

struct document;

/* What the custodian calls the holder of an account (UTF-8), or NULL. */
typedef const char *(*document_name_fn)(void *ctx, const struct hash *account);
typedef void (*document_progress_fn)(uint64_t done, uint64_t all);

struct document_options {
    uint32_t languages;            /* bits 1 << enum lang; 0 = all */
    document_name_fn name_of;      /* may be NULL */
    void *names;                   /* for name_of */
    document_progress_fn progress; /* rows set on pages; may be NULL */
};

/* document_open checks the receipt under the trust file.  *facts (borrowed from
 * *out) says the outcome in all cases; only if that is RECEIPT_PROVEN can the
 * document be made.  It borrows receipt; the caller closes it in all cases.
 * Errors    ERR_NO_MEMORY; *out is then NULL
 *           ERR_MISMATCH  a proven statement's movements do not add up to its
 *                         closing, by what this program knows of events */
MUST_USE enum err document_open(struct document **out,
                                const struct receipt_facts **facts,
                                struct bytes receipt,
                                const struct trust *t);
void document_close(struct document *d);
const struct receipt *document_receipt(const struct document *d);

/* document_pdf appends the PDF to out; false: why (size cap) says why not. */
MUST_USE bool document_pdf(struct buf *out,
                           const struct document *d,
                           const struct document_options *o,
                           char *why,
                           size_t cap);

/* The report of audit/report.h with the member "document" (docs/AUDIT.md). */
void document_json(FILE *out,
                   const struct document *d,
                   const struct document_options *o);

#endif /* DOCUMENT_DOCUMENT_H */
