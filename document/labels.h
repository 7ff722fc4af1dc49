/* labels.h - the words of a document, in each language.
 *
 * The sentences about what is proven are not here: they are those of the report
 * (audit/words.h). */
#ifndef DOCUMENT_LABELS_H
#define DOCUMENT_LABELS_H

#include "audit/words.h"

/* clang-format off */
enum label {
#define LABEL(id, en, zh) LABEL_##id,
#include "document/labels.def"
#undef LABEL
    LABELS,
};
/* clang-format on */

/* Beyond the tables: "". */
const char *label_in(enum label l, enum lang lang);
/* What a kind of event is called (ledger/event.h). */
const char *event_in(uint8_t kind, enum lang lang);

/* Languages of a document: bits 1 << enum lang, at least one. */
enum {
    LANGUAGES_ALL = (1 << LANGS) - 1,
};

/* A text in the document's languages, side by side: English, then Chinese. */
void label_text(char *out, size_t cap, enum label l, uint32_t languages);
void both_text(
    char *out, size_t cap, const char *en, const char *zh, uint32_t languages);

/* The same of a template (audit/words.h). */
void label_fill(char *out,
                size_t cap,
                enum label l,
                uint32_t languages,
                const struct word *words,
                size_t count);

#endif /* DOCUMENT_LABELS_H */
