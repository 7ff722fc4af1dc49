/* What a report says for each kind of statement. */
#include "audit/speak.h"
#include "ledger/ops.h"

static void say_shares(const struct speaker *s)
{
    const struct holding_sums *x = &s->f->sums;

    if (x->pledged > 0 || x->frozen > 0)
        SPEAK(s,
              PROVEN,
              ENCUMBERED,
              word_of_number(x->pledged),
              word_of_number(x->frozen));
    if (x->queued > 0)
        SPEAK(s, PROVEN, QUEUED, word_of_number(x->queued));
}

static void say_account(const struct speaker *s)
{
    const struct account_row *a = &s->f->account_row;
    const struct identity *id = &s->r->identity;

    SPEAK(s,
          PROVEN,
          ACCOUNT,
          word_of_number(a->custodian),
          word_of(term_account_kind(a->kind, s->lang)),
          word_of(term_account_status(a->status, s->lang)));
    if ((s->f->parts & RECEIPT_DISCLOSURE) != 0)
        SPEAK(s,
              PROVEN,
              DISCLOSED,
              {.text = id->name},
              {.text = id->id_type},
              {.text = id->id_number});
    if (a->kind != ACCOUNT_ORDINARY)
        SPEAK(s,
              NOTE,
              SPECIAL_ACCOUNT,
              word_of(term_account_kind(a->kind, s->lang)));
    if (a->status == ACCOUNT_FROZEN)
        SPEAK(s, NOTE, ACCOUNT_FROZEN, word_of(a->frozen_by));
    if (a->recovery_day != 0)
        SPEAK_PLAIN(s, NOTE, RECOVERY);
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
    const struct word code = word_of(x->code);

    switch ((enum security_status)x->status) {
    case SECURITY_DRAFT:
        SPEAK(s, NOTE, DRAFT, code);
        break;
    case SECURITY_SUSPENDED:
        SPEAK(s, NOTE, SUSPENDED, code);
        break;
    case SECURITY_MIGRATING:
        SPEAK(s,
              NOTE,
              MIGRATING,
              code,
              word_of(x->successor),
              word_of(x->predecessor));
        break;
    case SECURITY_WITHDRAWN:
        SPEAK(s, NOTE, WITHDRAWN, code);
        break;
    case SECURITY_REGISTERED:
    case SECURITY_LISTED:
    case SECURITY_STATUSES:
        break;
    }
    if (closed_on(x, s->f->date))
        SPEAK(s, NOTE, CLOSED, code);
}

static void say_limits(const struct speaker *s)
{
    const struct holding_row *h = &s->f->holding;
    char day[11];

    for (uint32_t i = 0; i < h->segment_count; i++) {
        const struct segment *x = &h->segments[i];
        const struct word shares = word_of_number(x->quantity.shares);

        if (x->lock_until > s->f->date) {
            num_format_date(day, x->lock_until);
            SPEAK(s, NOTE, LOCKED, shares, word_of(day));
        }
        if (x->trade_day != 0) {
            num_format_date(day, x->trade_day);
            SPEAK(s,
                  NOTE,
                  T_PLUS,
                  shares,
                  word_of(day),
                  word_of_number(s->f->security.t_plus));
        }
    }
    if (h->insider.term_end != 0)
        SPEAK_PLAIN(s, NOTE, OFFICER);
}

static void say_holding(const struct speaker *s)
{
    const struct receipt_facts *f = s->f;
    const struct word code = word_of(f->security.code);
    char account[HEX_MAX];
    const struct word id = word_of(hex(account, &f->account));

    if (f->kind == RECEIPT_ABSENCE) {
        if (f->has_row)
            SPEAK(s, PROVEN, NOTHING_IN_ENTRY, id, code);
        else
            SPEAK(s, PROVEN, NO_ENTRY, id, code);
        say_account(s);
        say_security(s);
        return;
    }
    SPEAK(s, PROVEN, HOLDING, id, word_of_number(f->sums.total), code);
    if (f->kind == RECEIPT_UNENCUMBERED)
        SPEAK_PLAIN(s, PROVEN, UNENCUMBERED);
    else
        say_shares(s);
    say_account(s);
    say_security(s);
    say_limits(s);
}

static void say_register(const struct speaker *s)
{
    const struct security_row *x = &s->f->security;

    SPEAK(s,
          PROVEN,
          REGISTER,
          word_of(x->code),
          word_of_number(s->r->of.reg.lines.count),
          word_of_number(x->positions));
    SPEAK(s,
          PROVEN,
          REGISTER_SUMS,
          word_of_number(x->issued.shares),
          word_of_number(x->pledged.shares),
          word_of_number(x->frozen.shares),
          word_of_number(x->queued.shares),
          word_of_number(x->holder_count));
    say_security(s);
}

static void say_statement(const struct speaker *s)
{
    const struct receipt_facts *f = s->f;
    const struct receipt_statement *x = &s->r->of.statement;
    const struct word code = word_of(f->security.code);
    const struct word total = word_of_number(f->sums.total);
    const struct word events = word_of_number(x->events.count);
    char account[HEX_MAX];
    const struct word id = word_of(hex(account, &f->account));

    if (x->from_start)
        SPEAK(s, PROVEN, STATEMENT, id, code, events, total);
    else
        SPEAK(s,
              PROVEN,
              STATEMENT_FROM,
              id,
              code,
              word_of_number(f->earlier.height),
              events,
              word_of_number(f->earlier_sums.total),
              total);
    if (!x->from_start &&
        strcmp(f->earlier_security.code, f->security.code) != 0)
        SPEAK(s, NOTE, CARRIED_OVER, word_of(f->earlier_security.code));
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
    SPEAK(s,
          PROVEN,
          TX_PLACE,
          word_of(hex(id, &tx->id)),
          word_of_number((uint64_t)s->r->of.transaction.index + 1),
          word_of_number(f->block.tx_count));
    SPEAK(s,
          PROVEN,
          TX_FILED,
          word_of_number(tx->institution),
          word_of(day),
          word_of(serial),
          word_of_number(tx->sig_count));
    for (uint32_t i = 0; i < tx->op_count; i++)
        SPEAK(s,
              PROVEN,
              TX_OPERATION,
              word_of_number((uint64_t)i + 1),
              word_of(op_find(tx->ops[i].at[0])->schema->name));
}

static void say_consistency(const struct speaker *s)
{
    char id[HEX_MAX];

    SPEAK(s,
          PROVEN,
          CONSISTENCY,
          word_of_number(s->f->block.height),
          word_of_number(s->f->earlier.height),
          word_of(hex(id, &s->f->earlier_hash)));
}

/* The members of a set that are not in the other one. */
static void say_difference(const struct speaker *s,
                           const struct valset *of,
                           const struct valset *from,
                           enum sentence id)
{
    char key[2 * 4 + 1];

    for (uint32_t i = 0; i < of->count; i++) {
        const struct validator *v = &of->list[i];

        if (valset_find(from, &v->key) >= 0)
            continue;
        hex_encode(key, v->key.raw, 4);
        speak(
            s,
            SAY_PROVEN,
            id,
            (const struct word[]){word_of_number(v->institution), word_of(key)},
            2);
    }
}

/* Who stays, but not as he was. */
static void say_changed(const struct speaker *s,
                        const struct valset *before,
                        const struct valset *after)
{
    char key[2 * 4 + 1];

    for (uint32_t i = 0; i < after->count; i++) {
        const struct validator *v = &after->list[i];
        const int was = valset_find(before, &v->key);

        if (was < 0 || (v->institution == before->list[was].institution &&
                        hash_eq(&v->spki_hash, &before->list[was].spki_hash)))
            continue;
        hex_encode(key, v->key.raw, 4);
        SPEAK(s,
              PROVEN,
              VALIDATOR_CHANGED,
              word_of(key),
              word_of_number(v->institution));
    }
}

static void say_validators(const struct speaker *s)
{
    const struct valset *before = &s->f->certified.set;
    const struct valset *after = &s->r->of.validators;

    SPEAK(s,
          PROVEN,
          VALIDATORS,
          word_of_number(s->f->block.height),
          word_of_number(after->epoch),
          word_of_number(after->count),
          word_of_number(valset_quorum(after->count)),
          word_of_number(before->count));
    say_difference(s, before, after, SENTENCE_VALIDATOR_LEFT);
    say_difference(s, after, before, SENTENCE_VALIDATOR_JOINED);
    say_changed(s, before, after);
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
