/* words.h - every sentence that is said of a receipt, in each language.
 *
 * A sentence is a template.  {0} to {9} stand for its words; {1:a|b} is `a` if
 * word 1 is the number one, else `b`.  The order may differ by language, what
 * is said may not: tests compare the words that both use. */
#ifndef AUDIT_WORDS_H
#define AUDIT_WORDS_H

#include "base/bytes.h"

enum lang {
    LANG_EN,
    LANG_ZH,
    LANGS,
};

/* clang-format off */
enum sentence {
#define SENTENCE(id, en, zh) SENTENCE_##id,
#include "audit/sentences.def"
#undef SENTENCE
    SENTENCES,
};
/* clang-format on */

/* The template; "" beyond the table. */
const char *sentence_template(enum sentence s, enum lang lang);

struct word {
    struct bytes text;
    uint64_t number; /* text.at NULL: this, in decimal */
};
struct word word_of(const char *text);
struct word word_of_number(uint64_t n);

/* words_fill writes the template with its words and a final zero; what does not
 * fit is cut.  Words are taken as they are: braces in them mean nothing. */
void words_fill(char *out,
                size_t cap,
                const char *template,
                const struct word *words,
                size_t count);

/* Terms of the register, as people say them.  Beyond its values: "". */
const char *term_account_kind(uint8_t kind, enum lang lang);
const char *term_account_status(uint8_t status, enum lang lang);
const char *term_security_class(uint8_t class, enum lang lang);
const char *term_security_status(uint8_t status, enum lang lang);

#endif /* AUDIT_WORDS_H */
