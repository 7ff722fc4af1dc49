#include "ledger/event.h"

#include "base/check.h"
#include "crypto/hash.h"

const char *const event_kind_names[EVENT_KINDS] = {
#define EVENT_NAME(id, number, name) [number] = #name,
    EVENT_LIST(EVENT_NAME)
#undef EVENT_NAME
};
const char *const event_flag_names[2] = {"during_closure",
                                         "cap_exceeded_by_law"};

static const struct field event_fields[] = {
    FIELD_NAMED(
        struct event, kind, FIELD_ENUM, event_kind_names, "what happened"),
    FIELD_OF(struct event,
             tx_index,
             FIELD_U32,
             "transaction in the block; 4294967295 for due work"),
    FIELD_OF(struct event, op_index, FIELD_U16, "operation in the transaction"),
    FIELD_NAMED(struct event,
                flags,
                FIELD_FLAGS,
                event_flag_names,
                "what is special about it"),
    FIELD_OF(struct event,
             by_paper,
             FIELD_BOOL,
             "a paper document stood for a holder's signature"),
    FIELD_SIZED(
        struct event, security, FIELD_CODE, CODE_MAX, "security; - if none"),
    FIELD_OF(struct event, account, FIELD_HASH, "account it concerns"),
    FIELD_OF(struct event, other, FIELD_HASH, "the other account"),
    FIELD_OF(struct event,
             number,
             FIELD_U64,
             "pledge, freeze, institution or line number"),
    FIELD_OF(struct event, quantity, FIELD_U64, "shares"),
    FIELD_OF(struct event,
             second,
             FIELD_U64,
             "second figure: outstanding after, queued, declared"),
    FIELD_OF(struct event, day, FIELD_DATE, "business date of the block"),
    FIELD_OF(struct event, document, FIELD_HASH, "hash of the document"),
};
const struct schema event_schema =
    SCHEMA("event", struct event, event_fields, "One thing that happened.");

struct hash event_chain(const struct hash *chain,
                        const uint8_t *salt,
                        uint64_t height,
                        uint32_t index,
                        struct bytes event)
{
    static const uint8_t no_salt[SALT_BYTES]; /* of due work */
    uint8_t buf[HASH_BYTES + SALT_BYTES + 8 + 4];
    struct writer w = writer_of(buf, sizeof buf);

    writer_hash(&w, chain);
    writer_copy(&w, salt != NULL ? salt : no_salt, SALT_BYTES);
    writer_u64(&w, height);
    writer_u32(&w, index);
    ASSERT(writer_ok(&w));
    return hash_byte_tagged(0x13, writer_bytes(&w), event);
}

/* Whose holdings an event of a kind renews. */
enum renews {
    RENEWS_NONE,
    RENEWS_ACCOUNT,
    RENEWS_BOTH,
    RENEWS_BOTH_IF_TWO, /* none if there is no other account */
};

static enum renews renews_of(uint8_t kind)
{
    switch (kind) {
    case EVENT_LOOK_THROUGH:
    case EVENT_REGISTER_LINE:
    case EVENT_LOCKED:
    case EVENT_UNLOCKED:
    case EVENT_INSIDER_SET:
    case EVENT_PLEDGED:
    case EVENT_PLEDGE_RELEASED_PART:
    case EVENT_PLEDGE_RELEASED:
    case EVENT_PLEDGE_AMENDED:
    case EVENT_PLEDGE_REVOKED:
    case EVENT_FROZEN:
    case EVENT_FREEZE_CHANGED:
    case EVENT_FREEZE_RELEASED:
    case EVENT_FREEZE_LAPSED:
    case EVENT_BOARD_MOVED:
        return RENEWS_ACCOUNT;
    case EVENT_TRANSFERRED:
    case EVENT_GIVEN:
    case EVENT_DIVIDED:
    case EVENT_SUCCEEDED:
    case EVENT_TRANSFERRED_BY_COURT:
    case EVENT_TITLE_CONFIRMED:
    case EVENT_PLEDGE_ENFORCED:
    case EVENT_CORRECTED:
    case EVENT_CLAIM_OPENED:
        return RENEWS_BOTH;
    case EVENT_PLEDGE_CARRIED:
    case EVENT_FREEZE_CARRIED:
        return RENEWS_BOTH_IF_TWO;
    default:
        return RENEWS_NONE;
    }
}

bool event_renews_holding(const struct event *e,
                          const char *security,
                          const struct hash *account)
{
    const enum renews r = renews_of(e->kind);

    /* Some events are also emitted once for all: without security, account. */
    if (r == RENEWS_NONE || strcmp(security, "-") == 0 ||
        strcmp(e->security, security) != 0 || hash_is_zero(account) ||
        (r == RENEWS_BOTH_IF_TWO && hash_is_zero(&e->other)))
        return false;
    return hash_eq(&e->account, account) ||
           (r != RENEWS_ACCOUNT && hash_eq(&e->other, account));
}
