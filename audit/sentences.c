/* What a report says: when, by whom, what not. */
#include "audit/report.h"
#include "audit/speak.h"

#include <stdio.h>

enum {
    SENTENCE_MAX = 1024,
    TIME_MAX = 40,
};

void speak(const struct speaker *s,
           enum say_what what,
           enum sentence id,
           const struct word *words,
           size_t count)
{
    char text[SENTENCE_MAX];

    words_fill(text, sizeof text, sentence_template(id, s->lang), words, count);
    s->say(s->ctx, what, text);
}

/* "2026-03-02 01:02:03.004 UTC". */
static struct word time_word(char out[TIME_MAX], uint64_t time_ms)
{
    const uint32_t ms = (uint32_t)(time_ms % 1000);
    const uint32_t second = (uint32_t)(time_ms / 1000 % 86400);
    char day[11];

    num_format_date(day, (uint32_t)(time_ms / 86400000));
    (void)snprintf(out,
                   TIME_MAX,
                   "%s %02u:%02u:%02u.%03u UTC",
                   day,
                   second / 3600,
                   second / 60 % 60,
                   second % 60,
                   ms);
    return word_of(out);
}

static void say_end_of_date(const struct speaker *s, const char *day)
{
    const struct receipt_facts *f = s->f;
    const struct word height = word_of_number(f->successor.header.height);
    char to[11];
    char next[11];

    num_format_date(to, f->date_to);
    num_format_date(next, f->date_to + 1);
    if (f->date_to > f->date)
        SPEAK(s,
              WHEN,
              END_OF_DATES,
              word_of(day),
              word_of(to),
              height,
              word_of(next));
    else
        SPEAK(s, WHEN, END_OF_DATE, word_of(day), height, word_of(next));
}

static void say_when(const struct speaker *s)
{
    const struct receipt_facts *f = s->f;
    char id[HEX_MAX];
    char time[TIME_MAX];
    char day[11];

    num_format_date(day, f->date);
    SPEAK(s,
          WHEN,
          AS_OF_HEIGHT,
          word_of_number(f->block.height),
          word_of(hex(id, &f->block_hash)),
          word_of(day));
    if ((f->parts & RECEIPT_AS_OF) != 0)
        say_end_of_date(s, day);
    if ((f->parts & RECEIPT_LINK) == 0) {
        SPEAK(s,
              WHEN,
              TIME,
              time_word(time, f->block.time_ms),
              word_of_number(f->certified.signers));
        return;
    }
    SPEAK(s, WHEN, TIME_OF_OLDER, time_word(time, f->block.time_ms));
    SPEAK(s,
          WHEN,
          LINKED,
          word_of_number(f->certified.header.height),
          word_of(hex(id, &f->certified.hash)),
          time_word(time, f->certified.header.time_ms),
          word_of_number(f->certified.signers));
}

static void say_signers(const struct speaker *s,
                        const struct certified_block *b)
{
    char list[8 * VALIDATORS_MAX + 1] = "";
    size_t at = 0;

    for (uint32_t i = 0; i < b->set.count; i++) {
        if ((b->bitmap >> i & 1) != 0)
            at += (size_t)snprintf(list + at,
                                   sizeof list - at,
                                   "%s%u",
                                   at > 0 ? ", " : "",
                                   b->set.list[i].institution);
    }
    SPEAK(s,
          BY_WHOM,
          SIGNED,
          word_of_number(b->header.height),
          word_of_number(b->signers),
          word_of_number(b->set.count),
          word_of_number(b->set.epoch),
          word_of(list));
}

static void say_by_whom(const struct speaker *s)
{
    const struct receipt_facts *f = s->f;
    const struct word height = word_of_number(f->anchor_height);
    char id[HEX_MAX];
    const struct word hash = word_of(hex(id, &f->anchor_hash));

    say_signers(s, &f->certified);
    if ((f->parts & RECEIPT_AS_OF) != 0)
        say_signers(s, &f->successor);
    if (f->changes == 0)
        SPEAK(s, BY_WHOM, TRUSTED_SET, height, hash);
    else
        SPEAK(s,
              BY_WHOM,
              TRUSTED_BY_CHANGES,
              height,
              hash,
              word_of_number(f->changes));
}

static void say_not_of_kind(const struct speaker *s)
{
    switch ((enum receipt_kind)s->f->kind) {
    case RECEIPT_TRANSACTION:
        SPEAK_PLAIN(s, NOT_PROVEN, NOT_ENTITLED);
        return;
    case RECEIPT_HOLDING:
    case RECEIPT_UNENCUMBERED:
    case RECEIPT_ABSENCE:
        SPEAK_PLAIN(s, NOT_PROVEN, NOT_OTHERS);
        break;
    case RECEIPT_REGISTER:
        SPEAK_PLAIN(s, NOT_PROVEN, NOT_OTHER_SECURITIES);
        SPEAK_PLAIN(s, NOT_PROVEN, NOT_HOLDERS);
        return;
    case RECEIPT_STATEMENT:
        SPEAK_PLAIN(s, NOT_PROVEN, NOT_OTHER_SECURITIES);
        if (!s->r->of.statement.from_start)
            SPEAK(s,
                  NOT_PROVEN,
                  NOT_EARLIER,
                  word_of_number(s->f->earlier.height));
        break;
    case RECEIPT_CONSISTENCY:
        SPEAK_PLAIN(s, NOT_PROVEN, NOT_CONTENT);
        return;
    case RECEIPT_VALIDATORS:
        SPEAK_PLAIN(s, NOT_PROVEN, NOT_IN_FORCE);
        return;
    case RECEIPT_KINDS:
        return;
    }
    if ((s->f->parts & RECEIPT_DISCLOSURE) == 0)
        SPEAK_PLAIN(s, NOT_PROVEN, NOT_HOLDER);
    else
        SPEAK_PLAIN(s, NOT_PROVEN, NOT_IDENTIFIED);
}

static void say_not(const struct speaker *s)
{
    const struct receipt_facts *f = s->f;
    const uint32_t n = f->certified.set.count;

    SPEAK(s, NOT_PROVEN, NOT_LATER, word_of_number(f->block.height));
    if ((f->parts & RECEIPT_AS_OF) == 0 && f->kind >= RECEIPT_HOLDING &&
        f->kind <= RECEIPT_STATEMENT)
        SPEAK_PLAIN(s, NOT_PROVEN, NOT_END_OF_DATE);
    SPEAK_PLAIN(s, NOT_PROVEN, NOT_CLOCK);
    say_not_of_kind(s);
    SPEAK(s,
          NOT_PROVEN,
          NOT_HONEST,
          word_of_number(valset_faulty(n)),
          word_of_number(n));
    if (f->changes > 0)
        SPEAK_PLAIN(s, NOT_PROVEN, NOT_HONEST_BEFORE);
}

void report_sentences(const struct receipt_facts *f,
                      const struct receipt *r,
                      enum lang lang,
                      say_fn say_to,
                      void *ctx)
{
    const struct speaker s = {f, r, lang, say_to, ctx};

    if (f->outcome != RECEIPT_PROVEN) {
        say_to(ctx, SAY_NOTE, fault_text(f->fault));
        return;
    }
    speak_statement(&s);
    say_when(&s);
    say_by_whom(&s);
    say_not(&s);
}
