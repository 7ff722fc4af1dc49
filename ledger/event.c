#include "ledger/event.h"

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
