/* attach.h - a PDF with a file in it, by libqpdf. */
#ifndef DOCUMENT_ATTACH_H
#define DOCUMENT_ATTACH_H

#include "base/attr.h"
#include "base/buf.h"

struct attachment {
    const char *name; /* ASCII letters, digits, '-' and '.' */
    const char *about;
    struct bytes content;
    const char *language; /* of the document: "en", "zh-CN" */
};

/* attach_file appends to out the PDF with the attachment, the same bytes for
 * the same input; false (why says it) if the library refuses. */
MUST_USE bool attach_file(struct buf *out,
                          struct bytes pdf,
                          const struct attachment *a,
                          char *why,
                          size_t cap);

#endif /* DOCUMENT_ATTACH_H */
