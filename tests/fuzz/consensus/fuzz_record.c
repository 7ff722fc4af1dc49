/* Properties of the journal's records, for any bytes whatever.  The input is a
 * journal: type and epoch u8 (low and high half), length u16, payload, again
 * and again; read by a core of epoch 0 and by one of epoch 1.
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
        const uint8_t head = reader_u8(&r);
        const uint8_t type = head & 15;
        const uint64_t epoch = head >> 4;
        const uint16_t length = reader_u16(&r);
        const struct bytes payload = reader_take(&r, length);

        if (r.err != ERR_NONE ||
            core_replay_record(&core, &key, type, epoch, payload) != ERR_NONE)
            return false;
    }
    return true;
}

static void replay_in(uint64_t epoch, struct bytes journal)
{
    const struct core_config config = {.n = 4,
                                       .me = 0,
                                       .epoch = epoch,
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
    if (!replay(journal))
        return;
    view = core.view;
    final = core.fin.view;
    ASSERT(replay(journal)); /* P3 */
    ASSERT(core.view == view && core.fin.view == final);
    core_start(&core, false, 1);
    for (uint64_t now = 1; now < 3000; now += 500)
        core_step(&core, &effects, &tick, now);      /* P2 */
    ASSERT(!core.passed || core.pending_count == 0); /* C6 */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    replay_in(0, bytes_of(data, size));
    replay_in(1, bytes_of(data, size));
    return 0;
}
