/* report.h - what a receipt proves, told to people and to programs. */
#ifndef AUDIT_REPORT_H
#define AUDIT_REPORT_H

#include "audit/verify.h"
#include "audit/words.h"

#include <stdio.h>

enum say_what {
    SAY_PROVEN,     /* the statement and what belongs to it */
    SAY_WHEN,       /* height and time */
    SAY_BY_WHOM,    /* who signed, and how trust leads there */
    SAY_NOTE,       /* what is proven too and should not be overlooked */
    SAY_NOT_PROVEN, /* what the receipt does not say */
};
typedef void (*say_fn)(void *ctx, enum say_what what, const char *sentence);

/* report_sentences says everything in plain words, one sentence or two a call;
 * of a receipt that is not proven only why, in English. */
void report_sentences(const struct receipt_facts *f,
                      const struct receipt *r,
                      enum lang lang,
                      say_fn say,
                      void *ctx);

/* The sentences under headings, then the lines of a register or the events of a
 * statement of account. */
void report_text(FILE *out,
                 const struct receipt_facts *f,
                 const struct receipt *r);
/* One JSON object; 64-bit quantities are strings. */
void report_json(FILE *out,
                 const struct receipt_facts *f,
                 const struct receipt *r);
/* The same with more members after these, which `more` writes. */
struct jtext;
typedef void (*report_more_fn)(void *ctx, struct jtext *j);
void report_json_with(FILE *out,
                      const struct receipt_facts *f,
                      const struct receipt *r,
                      report_more_fn more,
                      void *ctx);
/* The sentences in one language, as a member of that name. */
void report_json_sentences(struct jtext *j,
                           const char *name,
                           const struct receipt_facts *f,
                           const struct receipt *r,
                           enum lang lang);

#endif /* AUDIT_REPORT_H */
