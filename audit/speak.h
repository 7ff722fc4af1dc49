/* speak.h - how sentences are made (private to audit/). */
#ifndef AUDIT_SPEAK_H
#define AUDIT_SPEAK_H

#include "audit/report.h"
#include "base/hex.h"
#include "base/num.h"

enum {
    HEX_MAX = 2 * HASH_BYTES + 1,
};

struct speaker {
    const struct receipt_facts *f;
    const struct receipt *r;
    enum lang lang;
    say_fn say;
    void *ctx;
};

void speak(const struct speaker *s,
           enum say_what what,
           enum sentence id,
           const struct word *words,
           size_t count);
/* The words are given in the order of the sentence's places. */
#define SPEAK(s_, what_, id_, ...)            \
    speak((s_),                               \
          SAY_##what_,                        \
          SENTENCE_##id_,                     \
          (const struct word[]){__VA_ARGS__}, \
          sizeof((const struct word[]){__VA_ARGS__}) / sizeof(struct word))
#define SPEAK_PLAIN(s_, what_, id_) \
    speak((s_), SAY_##what_, SENTENCE_##id_, NULL, 0)

static inline const char *hex(char out[HEX_MAX], const struct hash *h)
{
    hex_encode(out, h->raw, sizeof h->raw);
    return out;
}

/* What the receipt states, by its kind (sentences_kind.c). */
void speak_statement(const struct speaker *s);

#endif /* AUDIT_SPEAK_H */
