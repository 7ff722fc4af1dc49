/* The words of a report. */
#include "audit/report.h"
#include "base/hex.h"
#include "base/num.h"
#include "ledger/ops.h"

#include <stdarg.h>

enum {
    SENTENCE_MAX = 1024,
    TIME_MAX = 40,
    HEX_MAX = 2 * HASH_BYTES + 1,
};

struct speaker {
    const struct receipt_facts *f;
    const struct receipt *r;
    say_fn say;
    void *ctx;
};

PRINTF_LIKE(3, 4)
static void say(const struct speaker *s,
                enum say_what what,
                const char *format,
                ...)
{
    char text[SENTENCE_MAX];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    s->say(s->ctx, what, text);
}

static unsigned long long ll(uint64_t v)
{
    return v;
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static const char *hex(char out[HEX_MAX], const struct hash *h)
{
    hex_encode(out, h->raw, sizeof h->raw);
    return out;
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

/* ---- the statements ---- */

static void say_shares(const struct speaker *s)
{
    const struct holding_sums *x = &s->f->sums;

    if (x->pledged > 0 || x->frozen > 0)
        say(s,
            SAY_PROVEN,
            "Of these %llu are pledged and %llu are frozen (a share may be "
            "both).",
            ll(x->pledged),
            ll(x->frozen));
    if (x->queued > 0)
        say(s,
            SAY_PROVEN,
            "Freezes wait for %llu shares that are frozen for others or "
            "pledged before.",
            ll(x->queued));
}

static void say_account(const struct speaker *s)
{
    const struct account_row *a = &s->f->account_row;
    const struct identity *id = &s->r->identity;

    say(s,
        SAY_PROVEN,
        "The account is kept by institution %u; it is of kind %s and %s.",
        a->custodian,
        account_kind_names[a->kind],
        account_status_names[a->status]);
    if ((s->f->parts & RECEIPT_DISCLOSURE) != 0)
        say(s,
            SAY_PROVEN,
            "Its custodian entered as its holder: %.*s, %.*s %.*s.",
            (int)id->name.size,
            (const char *)id->name.at,
            (int)id->id_type.size,
            (const char *)id->id_type.at,
            (int)id->id_number.size,
            (const char *)id->id_number.at);
    if (a->status == ACCOUNT_FROZEN)
        say(s,
            SAY_NOTE,
            "The account is frozen by authority %s.",
            a->frozen_by);
    if (a->recovery_day != 0)
        say(s, SAY_NOTE, "A recovery of the account's keys is pending.");
}

static bool closed_on(const struct security_row *s, uint32_t date)
{
    for (uint32_t i = 0; i < s->closure_count; i++) {
        if (date >= s->closures[i].from && date <= s->closures[i].to)
            return true;
    }
    return false;
}

static void say_security(const struct speaker *s)
{
    const struct security_row *x = &s->f->security;

    switch ((enum security_status)x->status) {
    case SECURITY_DRAFT:
        say(s,
            SAY_NOTE,
            "The register of %s is still being loaded: its issuer has not "
            "confirmed it, and it has no legal effect yet.",
            x->code);
        break;
    case SECURITY_SUSPENDED:
        say(s, SAY_NOTE, "Dealings in %s are suspended.", x->code);
        break;
    case SECURITY_MIGRATING:
        say(s,
            SAY_NOTE,
            "%s is being carried over to or from another code (successor %s, "
            "predecessor %s).",
            x->code,
            x->successor,
            x->predecessor);
        break;
    case SECURITY_WITHDRAWN:
        say(s,
            SAY_NOTE,
            "%s has left this register: what it says has no legal effect any "
            "more.",
            x->code);
        break;
    case SECURITY_REGISTERED:
    case SECURITY_LISTED:
    case SECURITY_STATUSES:
        break;
    }
    if (closed_on(x, s->f->date))
        say(s,
            SAY_NOTE,
            "The register of %s is closed on this date: changes of holders at "
            "their will are not entered.",
            x->code);
}

static void say_limits(const struct speaker *s)
{
    const struct holding_row *h = &s->f->holding;
    char day[11];

    for (uint32_t i = 0; i < h->segment_count; i++) {
        const struct segment *x = &h->segments[i];

        if (x->lock_until > s->f->date) {
            num_format_date(day, x->lock_until);
            say(s,
                SAY_NOTE,
                "%llu shares are locked until %s (first free day).",
                ll(x->quantity.shares),
                day);
        }
        if (x->trade_day != 0) {
            num_format_date(day, x->trade_day);
            say(s,
                SAY_NOTE,
                "%llu shares were bought on %s; %u trading days must pass "
                "before they are sold.",
                ll(x->quantity.shares),
                day,
                s->f->security.t_plus);
        }
    }
    if (h->insider.term_end != 0)
        say(s,
            SAY_NOTE,
            "The holder is or was an officer of the issuer: sales are limited "
            "to a quarter of the holding a year.");
}

static void say_holding(const struct speaker *s)
{
    char account[HEX_MAX];
    const struct receipt_facts *f = s->f;

    hex(account, &f->account);
    if (f->kind == RECEIPT_ABSENCE) {
        say(s,
            SAY_PROVEN,
            "Account %s has no share of security %s: %s.",
            account,
            f->security.code,
            f->has_row ? "it has an entry in the register, with nothing in it"
                       : "the register has no entry for it");
        say_account(s);
        say_security(s);
        return;
    }
    say(s,
        SAY_PROVEN,
        "Account %s has %llu share%s of security %s.",
        account,
        ll(f->sums.total),
        plural(f->sums.total),
        f->security.code);
    if (f->kind == RECEIPT_UNENCUMBERED)
        say(s,
            SAY_PROVEN,
            "No pledge and no freeze rests on any of them, no freeze waits for "
            "them, and the account is not frozen.");
    else
        say_shares(s);
    say_account(s);
    say_security(s);
    say_limits(s);
}

static void say_register(const struct speaker *s)
{
    const struct security_row *x = &s->f->security;

    say(s,
        SAY_PROVEN,
        "The register of security %s is complete: %u entr%s, %u of them with "
        "shares, no other.",
        x->code,
        s->r->of.reg.lines.count,
        s->r->of.reg.lines.count == 1 ? "y" : "ies",
        x->positions);
    say(s,
        SAY_PROVEN,
        "They add up to what the security says: %llu shares issued, %llu "
        "pledged, %llu frozen, %llu waited for by freezes; %u holder%s.",
        ll(x->issued.shares),
        ll(x->pledged.shares),
        ll(x->frozen.shares),
        ll(x->queued.shares),
        x->holder_count,
        plural(x->holder_count));
    say_security(s);
}

static void say_statement(const struct speaker *s)
{
    const struct receipt_facts *f = s->f;
    const struct receipt_statement *x = &s->r->of.statement;
    char account[HEX_MAX];

    hex(account, &f->account);
    if (x->from_start)
        say(s,
            SAY_PROVEN,
            "The statement of account %s in security %s is complete from its "
            "first entry: %u event%s, no other, lead%s to %llu share%s.",
            account,
            f->security.code,
            x->events.count,
            plural(x->events.count),
            x->events.count == 1 ? "s" : "",
            ll(f->sums.total),
            plural(f->sums.total));
    else
        say(s,
            SAY_PROVEN,
            "The statement of account %s in security %s is complete from "
            "height "
            "%llu: %u event%s, no other, lead%s from %llu to %llu shares.",
            account,
            f->security.code,
            ll(f->earlier.height),
            x->events.count,
            plural(x->events.count),
            x->events.count == 1 ? "s" : "",
            ll(f->earlier_sums.total),
            ll(f->sums.total));
    if (!x->from_start &&
        strcmp(f->earlier_security.code, f->security.code) != 0)
        say(s,
            SAY_NOTE,
            "The position was carried over from security %s.",
            f->earlier_security.code);
    say_shares(s);
    say_account(s);
    say_security(s);
}

static void say_transaction(const struct speaker *s)
{
    const struct receipt_facts *f = s->f;
    const struct tx *tx = &f->tx;
    char id[HEX_MAX];
    char day[11];
    char serial[2 * SERIAL_BYTES + 1];

    num_format_date(day, tx->reference.day);
    hex_encode(serial, tx->reference.serial, SERIAL_BYTES);
    say(s,
        SAY_PROVEN,
        "Transaction %s is in the ledger: it is number %u of the %u of its "
        "block, and took effect there.",
        hex(id, &tx->id),
        s->r->of.transaction.index + 1,
        f->block.tx_count);
    say(s,
        SAY_PROVEN,
        "Institution %u filed it under the reference %s/%s; it has %u "
        "signature%s, all valid.",
        tx->institution,
        day,
        serial,
        tx->sig_count,
        plural(tx->sig_count));
    for (uint32_t i = 0; i < tx->op_count; i++)
        say(s,
            SAY_PROVEN,
            "Operation %u: %s.",
            i + 1,
            op_find(tx->ops[i].at[0])->schema->name);
}

static void say_consistency(const struct speaker *s)
{
    char id[HEX_MAX];

    say(s,
        SAY_PROVEN,
        "The history of height %llu continues that of height %llu (block %s): "
        "of the blocks up to there none was changed, removed or put in.",
        ll(s->f->block.height),
        ll(s->f->earlier.height),
        hex(id, &s->f->earlier_hash));
}

static void say_validators(const struct speaker *s)
{
    const struct valset *before = &s->f->certified.set;
    const struct valset *after = &s->r->of.validators;

    say(s,
        SAY_PROVEN,
        "After height %llu the validators are those of epoch %llu: %u of them, "
        "%u a quorum; before there were %u.",
        ll(s->f->block.height),
        ll(after->epoch),
        after->count,
        valset_quorum(after->count),
        before->count);
    for (uint32_t i = 0; i < before->count; i++) {
        if (valset_find(after, &before->list[i].key) < 0)
            say(s,
                SAY_PROVEN,
                "The validator of institution %u with key %02x%02x%02x%02x... "
                "left.",
                before->list[i].institution,
                before->list[i].key.raw[0],
                before->list[i].key.raw[1],
                before->list[i].key.raw[2],
                before->list[i].key.raw[3]);
    }
    for (uint32_t i = 0; i < after->count; i++) {
        if (valset_find(before, &after->list[i].key) < 0)
            say(s,
                SAY_PROVEN,
                "A validator of institution %u with key %02x%02x%02x%02x... "
                "joined.",
                after->list[i].institution,
                after->list[i].key.raw[0],
                after->list[i].key.raw[1],
                after->list[i].key.raw[2],
                after->list[i].key.raw[3]);
    }
}

static void say_what(const struct speaker *s)
{
    switch ((enum receipt_kind)s->f->kind) {
    case RECEIPT_TRANSACTION:
        say_transaction(s);
        return;
    case RECEIPT_HOLDING:
    case RECEIPT_ABSENCE:
    case RECEIPT_UNENCUMBERED:
        say_holding(s);
        return;
    case RECEIPT_REGISTER:
        say_register(s);
        return;
    case RECEIPT_STATEMENT:
        say_statement(s);
        return;
    case RECEIPT_CONSISTENCY:
        say_consistency(s);
        return;
    case RECEIPT_VALIDATORS:
        say_validators(s);
        return;
    case RECEIPT_KINDS:
        return;
    }
}

/* ---- when, by whom, what not ---- */

static void say_when(const struct speaker *s)
{
    const struct receipt_facts *f = s->f;
    char id[HEX_MAX];
    char time[TIME_MAX];
    char day[11];

    num_format_date(day, f->date);
    say(s,
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
        say(s,
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
        say(s,
            SAY_WHEN,
            "The time of the block is %s by the clock of its leader, accepted "
            "by the %u validators who signed.",
            time,
            f->certified.signers);
        return;
    }
    say(s,
        SAY_WHEN,
        "The time of the block is %s by the clock of its leader.",
        time);
    say(s,
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
    say(s,
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
        say(s,
            SAY_BY_WHOM,
            "They are the validators that block %llu of the trust file (%s) "
            "names.",
            ll(f->anchor_height),
            hex(id, &f->anchor_hash));
    else
        say(s,
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
        say(s,
            SAY_NOT_PROVEN,
            "That nothing later changed what the transaction did; and that its "
            "signers were entitled: the validators checked that, this receipt "
            "does not.");
        return;
    case RECEIPT_HOLDING:
    case RECEIPT_UNENCUMBERED:
    case RECEIPT_ABSENCE:
        say(s,
            SAY_NOT_PROVEN,
            "Anything about other securities or other accounts, or about "
            "rights "
            "that are not entered in this register.");
        break;
    case RECEIPT_REGISTER:
        say(s,
            SAY_NOT_PROVEN,
            "Who the holders are: names are kept by the custodians, not by the "
            "ledger.");
        return;
    case RECEIPT_STATEMENT:
        if (!s->r->of.statement.from_start)
            say(s,
                SAY_NOT_PROVEN,
                "Anything about the account before height %llu.",
                ll(s->f->earlier.height));
        break;
    case RECEIPT_CONSISTENCY:
        say(s, SAY_NOT_PROVEN, "Anything about what stands in the blocks.");
        return;
    case RECEIPT_VALIDATORS:
        say(s,
            SAY_NOT_PROVEN,
            "That the new validators are still in force: there may have been "
            "later changes.");
        return;
    case RECEIPT_KINDS:
        return;
    }
    if ((s->f->parts & RECEIPT_DISCLOSURE) == 0)
        say(s,
            SAY_NOT_PROVEN,
            "Who the holder is: names are kept by the custodian, not by the "
            "ledger.");
    else
        say(s,
            SAY_NOT_PROVEN,
            "That the custodian identified the holder correctly.");
}

static void say_not(const struct speaker *s)
{
    const struct receipt_facts *f = s->f;
    const uint32_t n = f->certified.set.count;

    say(s,
        SAY_NOT_PROVEN,
        "Anything about heights after %llu: what is said here may have changed "
        "since.",
        ll(f->block.height));
    if ((f->parts & RECEIPT_AS_OF) == 0 && f->kind >= RECEIPT_HOLDING &&
        f->kind <= RECEIPT_STATEMENT)
        say(s,
            SAY_NOT_PROVEN,
            "That it was so at the end of the business date: a later block of "
            "the same day may have changed it.");
    say(s, SAY_NOT_PROVEN, "That the leader's clock was right.");
    say_not_of_kind(s);
    say(s,
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
        say(&s, SAY_NOTE, "%s", fault_text(f->fault));
        return;
    }
    say_what(&s);
    say_when(&s);
    say_by_whom(&s);
    say_not(&s);
}
