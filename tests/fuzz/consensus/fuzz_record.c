/* Properties of the journal's records, for any bytes whatever.  The input is a
 * journal: type u8, length u16, payload, again and again.
 *   P1  a replay ends, and reads nothing outside its input (sanitizers)
 *   P2  what is accepted leaves a core that can be started and stepped
 *   P3  reading the same journal twice changes nothing */
#include "base/check.h"
#include "consensus/core.h"
#include "consensus/msg.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct core core;
static struct core_effects effects;
static const struct pubkey key = {{2}};

static void no_sign(void *ctx, struct vote *v)
{
    (void)ctx;
    v->sig.raw[0] = 1;
}

static bool replay(struct bytes journal)
{
    struct reader r = reader_of(journal);

    while (r.left > 0) {
        const uint8_t type = reader_u8(&r);
        const uint16_t length = reader_u16(&r);
        const struct bytes payload = reader_take(&r, length);

        if (r.err != ERR_NONE ||
            core_replay_record(&core, &key, type, payload) != ERR_NONE)
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct core_config config = {.n = 4,
                                       .me = 0,
                                       .timers = {.t_leader_ms = 250,
                                                  .t_view_ms = 500,
                                                  .t_retry_ms = 700,
                                                  .t_status_ms = 1000,
                                                  .t_silent_ms = 4000,
                                                  .t_fetch_ms = 250,
                                                  .t_cap_ms = 10000},
                                       .sign = no_sign};
    const struct hash tip = {{0}};
    struct core_event tick = {.kind = ON_TICK};
    uint64_t view;
    uint64_t final;

    core_init(&core, &config, 0, &tip);
    if (!replay(bytes_of(data, size)))
        return 0;
    view = core.view;
    final = core.fin.view;
    ASSERT(replay(bytes_of(data, size))); /* P3 */
    ASSERT(core.view == view && core.fin.view == final);
    core_start(&core, false, 1);
    for (uint64_t now = 1; now < 3000; now += 500)
        core_step(&core, &effects, &tick, now); /* P2 */
    return 0;
}
