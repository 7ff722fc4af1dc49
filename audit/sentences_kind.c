/* The words for each kind of statement. */
#include "audit/speak.h"
#include "base/num.h"
#include "ledger/ops.h"

static void say_shares(const struct speaker *s)
{
    const struct holding_sums *x = &s->f->sums;

    if (x->pledged > 0 || x->frozen > 0)
        speak(s,
              SAY_PROVEN,
              "Of these %llu are pledged and %llu are frozen (a share may be "
              "both).",
              ll(x->pledged),
              ll(x->frozen));
    if (x->queued > 0)
        speak(s,
              SAY_PROVEN,
              "Freezes wait for %llu shares that are frozen for others or "
              "pledged before.",
              ll(x->queued));
}

static void say_account(const struct speaker *s)
{
    const struct account_row *a = &s->f->account_row;
    const struct identity *id = &s->r->identity;

    speak(s,
          SAY_PROVEN,
          "The account is kept by institution %u; it is of kind %s and %s.",
          a->custodian,
          account_kind_names[a->kind],
          account_status_names[a->status]);
    if ((s->f->parts & RECEIPT_DISCLOSURE) != 0)
        speak(s,
              SAY_PROVEN,
              "Its custodian entered as its holder: %.*s, %.*s %.*s.",
              (int)id->name.size,
              (const char *)id->name.at,
              (int)id->id_type.size,
              (const char *)id->id_type.at,
              (int)id->id_number.size,
              (const char *)id->id_number.at);
    if (a->status == ACCOUNT_FROZEN)
        speak(s,
              SAY_NOTE,
              "The account is frozen by authority %s.",
              a->frozen_by);
    if (a->recovery_day != 0)
        speak(s, SAY_NOTE, "A recovery of the account's keys is pending.");
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
        speak(s,
              SAY_NOTE,
              "The register of %s is still being loaded: its issuer has not "
              "confirmed it, and it has no legal effect yet.",
              x->code);
        break;
    case SECURITY_SUSPENDED:
        speak(s, SAY_NOTE, "Dealings in %s are suspended.", x->code);
        break;
    case SECURITY_MIGRATING:
        speak(s,
              SAY_NOTE,
              "%s is being carried over to or from another code (successor %s, "
              "predecessor %s).",
              x->code,
              x->successor,
              x->predecessor);
        break;
    case SECURITY_WITHDRAWN:
        speak(s,
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
        speak(
            s,
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
            speak(s,
                  SAY_NOTE,
                  "%llu shares are locked until %s (first free day).",
                  ll(x->quantity.shares),
                  day);
        }
        if (x->trade_day != 0) {
            num_format_date(day, x->trade_day);
            speak(s,
                  SAY_NOTE,
                  "%llu shares were bought on %s; %u trading days must pass "
                  "before they are sold.",
                  ll(x->quantity.shares),
                  day,
                  s->f->security.t_plus);
        }
    }
    if (h->insider.term_end != 0)
        speak(
            s,
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
        speak(s,
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
    speak(s,
          SAY_PROVEN,
          "Account %s has %llu share%s of security %s.",
          account,
          ll(f->sums.total),
          plural(f->sums.total),
          f->security.code);
    if (f->kind == RECEIPT_UNENCUMBERED)
        speak(
            s,
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

    speak(s,
          SAY_PROVEN,
          "The register of security %s is complete: %u entr%s, %u of them with "
          "shares, no other.",
          x->code,
          s->r->of.reg.lines.count,
          s->r->of.reg.lines.count == 1 ? "y" : "ies",
          x->positions);
    speak(s,
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
        speak(s,
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
        speak(s,
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
        speak(s,
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
    speak(s,
          SAY_PROVEN,
          "Transaction %s is in the ledger: it is number %u of the %u of its "
          "block, and took effect there.",
          hex(id, &tx->id),
          s->r->of.transaction.index + 1,
          f->block.tx_count);
    speak(s,
          SAY_PROVEN,
          "Institution %u filed it under the reference %s/%s; it has %u "
          "signature%s, all valid.",
          tx->institution,
          day,
          serial,
          tx->sig_count,
          plural(tx->sig_count));
    for (uint32_t i = 0; i < tx->op_count; i++)
        speak(s,
              SAY_PROVEN,
              "Operation %u: %s.",
              i + 1,
              op_find(tx->ops[i].at[0])->schema->name);
}

static void say_consistency(const struct speaker *s)
{
    char id[HEX_MAX];

    speak(
        s,
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

    speak(
        s,
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
            speak(
                s,
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
            speak(s,
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

void speak_statement(const struct speaker *s)
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
