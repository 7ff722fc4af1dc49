/* The words of a report: when, by whom, what not. */
#include "audit/report.h"
#include "audit/speak.h"
#include "base/num.h"

#include <stdarg.h>

enum {
    SENTENCE_MAX = 1024,
    TIME_MAX = 40,
};

void speak(const struct speaker *s, enum say_what what, const char *format, ...)
{
    char text[SENTENCE_MAX];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    s->say(s->ctx, what, text);
}

/* "2026-03-02 01:02:03.004 UTC". */
static const char *time_text(char out[TIME_MAX], uint64_t time_ms)
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
    return out;
}

static void say_when(const struct speaker *s)
{
    const struct receipt_facts *f = s->f;
    char id[HEX_MAX];
    char time[TIME_MAX];
    char day[11];

    num_format_date(day, f->date);
    speak(s,
          SAY_WHEN,
          "As of height %llu, block %s, of business date %s.",
          ll(f->block.height),
          hex(id, &f->block_hash),
          day);
    if ((f->parts & RECEIPT_AS_OF) != 0) {
        char to[11];
        char next[11];

        num_format_date(to, f->date_to);
        num_format_date(next, f->date_to + 1);
        speak(s,
              SAY_WHEN,
              "That is the state at the end of the business date %s%s%s: the "
              "next "
              "block, height %llu, is of %s.",
              day,
              f->date_to > f->date ? " and of every day up to " : "",
              f->date_to > f->date ? to : "",
              ll(f->successor.header.height),
              next);
    }
    time_text(time, f->block.time_ms);
    if ((f->parts & RECEIPT_LINK) == 0) {
        speak(
            s,
            SAY_WHEN,
            "The time of the block is %s by the clock of its leader, accepted "
            "by the %u validators who signed.",
            time,
            f->certified.signers);
        return;
    }
    speak(s,
          SAY_WHEN,
          "The time of the block is %s by the clock of its leader.",
          time);
    speak(s,
          SAY_WHEN,
          "The block is in the history of block %llu, %s, whose time is %s by "
          "the "
          "clock of its leader, accepted by the %u validators who signed that.",
          ll(f->certified.header.height),
          hex(id, &f->certified.hash),
          time_text(time, f->certified.header.time_ms),
          f->certified.signers);
}

static void say_signers(const struct speaker *s,
                        const struct certified_block *b,
                        const char *which)
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
    speak(s,
          SAY_BY_WHOM,
          "%s is signed by %u of the %u validators of epoch %llu, exactly a "
          "quorum; all signatures are valid. The validators are those of "
          "institutions %s.",
          which,
          b->signers,
          b->set.count,
          ll(b->set.epoch),
          list);
}

static void say_by_whom(const struct speaker *s)
{
    const struct receipt_facts *f = s->f;
    char id[HEX_MAX];
    char which[48];

    (void)snprintf(
        which, sizeof which, "Block %llu", ll(f->certified.header.height));
    say_signers(s, &f->certified, which);
    if ((f->parts & RECEIPT_AS_OF) != 0) {
        (void)snprintf(
            which, sizeof which, "Block %llu", ll(f->successor.header.height));
        say_signers(s, &f->successor, which);
    }
    if (f->changes == 0)
        speak(s,
              SAY_BY_WHOM,
              "They are the validators that block %llu of the trust file (%s) "
              "names.",
              ll(f->anchor_height),
              hex(id, &f->anchor_hash));
    else
        speak(
            s,
            SAY_BY_WHOM,
            "They follow from the validators that block %llu of the trust file "
            "(%s) names by %u change%s, each signed by a quorum of the "
            "validators before it.",
            ll(f->anchor_height),
            hex(id, &f->anchor_hash),
            f->changes,
            plural(f->changes));
}

static void say_not_of_kind(const struct speaker *s)
{
    switch ((enum receipt_kind)s->f->kind) {
    case RECEIPT_TRANSACTION:
        speak(
            s,
            SAY_NOT_PROVEN,
            "That nothing later changed what the transaction did; and that its "
            "signers were entitled: the validators checked that, this receipt "
            "does not.");
        return;
    case RECEIPT_HOLDING:
    case RECEIPT_UNENCUMBERED:
    case RECEIPT_ABSENCE:
        speak(s,
              SAY_NOT_PROVEN,
              "Anything about other securities or other accounts, or about "
              "rights "
              "that are not entered in this register.");
        break;
    case RECEIPT_REGISTER:
        speak(
            s,
            SAY_NOT_PROVEN,
            "Who the holders are: names are kept by the custodians, not by the "
            "ledger.");
        return;
    case RECEIPT_STATEMENT:
        if (!s->r->of.statement.from_start)
            speak(s,
                  SAY_NOT_PROVEN,
                  "Anything about the account before height %llu.",
                  ll(s->f->earlier.height));
        break;
    case RECEIPT_CONSISTENCY:
        speak(s, SAY_NOT_PROVEN, "Anything about what stands in the blocks.");
        return;
    case RECEIPT_VALIDATORS:
        speak(s,
              SAY_NOT_PROVEN,
              "That the new validators are still in force: there may have been "
              "later changes.");
        return;
    case RECEIPT_KINDS:
        return;
    }
    if ((s->f->parts & RECEIPT_DISCLOSURE) == 0)
        speak(s,
              SAY_NOT_PROVEN,
              "Who the holder is: names are kept by the custodian, not by the "
              "ledger.");
    else
        speak(s,
              SAY_NOT_PROVEN,
              "That the custodian identified the holder correctly.");
}

static void say_not(const struct speaker *s)
{
    const struct receipt_facts *f = s->f;
    const uint32_t n = f->certified.set.count;

    speak(
        s,
        SAY_NOT_PROVEN,
        "Anything about heights after %llu: what is said here may have changed "
        "since.",
        ll(f->block.height));
    if ((f->parts & RECEIPT_AS_OF) == 0 && f->kind >= RECEIPT_HOLDING &&
        f->kind <= RECEIPT_STATEMENT)
        speak(
            s,
            SAY_NOT_PROVEN,
            "That it was so at the end of the business date: a later block of "
            "the same day may have changed it.");
    speak(s, SAY_NOT_PROVEN, "That the leader's clock was right.");
    say_not_of_kind(s);
    speak(s,
          SAY_NOT_PROVEN,
          "That the validators are honest: it rests on at most %u of the %u "
          "lying, "
          "on SHA-256 and on ECDSA over secp256k1.",
          valset_faulty(n),
          n);
}

void report_sentences(const struct receipt_facts *f,
                      const struct receipt *r,
                      say_fn say_to,
                      void *ctx)
{
    const struct speaker s = {f, r, say_to, ctx};

    if (f->outcome != RECEIPT_PROVEN) {
        speak(&s, SAY_NOTE, "%s", fault_text(f->fault));
        return;
    }
    speak_statement(&s);
    say_when(&s);
    say_by_whom(&s);
    say_not(&s);
}
