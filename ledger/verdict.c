#include "ledger/verdict.h"

const char *verdict_name(enum verdict v)
{
    switch (v) {
#define VERDICT_CASE(id, number, name, text) \
    case id:                                 \
        return name;
        VERDICT_LIST(VERDICT_CASE)
#undef VERDICT_CASE
    }
    return "E_UNKNOWN_VERDICT";
}

const char *verdict_text(enum verdict v)
{
    switch (v) {
#define VERDICT_CASE(id, number, name, text) \
    case id:                                 \
        return text;
        VERDICT_LIST(VERDICT_CASE)
#undef VERDICT_CASE
    }
    return "this release does not know the number";
}

const enum verdict verdict_all[] = {
#define VERDICT_ITEM(id, number, name, text) id,
    VERDICT_LIST(VERDICT_ITEM)
#undef VERDICT_ITEM
};
const unsigned verdict_count = sizeof verdict_all / sizeof verdict_all[0];
