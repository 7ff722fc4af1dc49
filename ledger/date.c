/* Apart from the rules, so that a verifier of receipts needs none of them. */
#include "base/check.h"
#include "ledger/ledger.h"

uint32_t ledger_date(uint64_t time_ms, uint32_t offset_ms)
{
    const uint64_t day = (time_ms + offset_ms) / LEDGER_DAY_MS;

    ASSERT(time_ms <= UINT64_MAX - offset_ms);
    return day > UINT32_MAX ? UINT32_MAX : (uint32_t)day;
}
