/* Functions of the shipped code that the linker leads here first: so that the
 * database does nothing beside the simulated thread, and so that faults can be
 * planted in the driver, which must be caught (--mutant). */
#include "tests/whole/whole.h"

#include "node/replica.h"

#include <rocksdb/c.h>

const char *const whole_mutant_names[WHOLE_PLANTS] = {
    "none",
    "journal_unsynced",
    "send_before_sync",
    "vote_not_kept",
    "body_not_kept",
    "store_unsynced",
    "ack_before_sync",
    "forget_votes",
    "journal_mark_early",
    "write_error_ignored",
    "sync_cert_unchecked",
    "body_unchecked",
    "no_catch_up",
};

#define WRAP(type, name, ...)        \
    type __real_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)

static bool planted(enum whole_mutant m)
{
    return whole.mutant == m;
}

/* ---- the database ---- */

/* At this size there is nothing to compact. */
WRAP(rocksdb_options_t *, rocksdb_options_create, void)
{
    rocksdb_options_t *o = __real_rocksdb_options_create();

    rocksdb_options_set_disable_auto_compactions(o, 1);
    return o;
}

/* ---- what is persisted before it is promised ---- */

/* The sync of a batch is left out: what is written gets to the disk by the
 * next one that is not. */
WRAP(enum err, journal_sync, struct journal *j)
{
    enum err e;

    if (planted(PLANT_JOURNAL_UNSYNCED) && whole.now != NULL) {
        disk_lie(whole.now->disk, true);
        e = __real_journal_sync(j);
        disk_lie(whole.now->disk, false);
        return e;
    }
    return __real_journal_sync(j);
}

WRAP(uint64_t, journal_durable, const struct journal *j)
{
    return __real_journal_durable(j) +
           (planted(PLANT_JOURNAL_MARK_EARLY) && !whole.starting ? 3 : 0);
}

WRAP(void,
     core_step,
     struct core *c,
     struct core_effects *out,
     const struct core_event *event,
     uint64_t now_ms)
{
    __real_core_step(c, out, event, now_ms);
    for (uint32_t i = 0; planted(PLANT_SEND_BEFORE_SYNC) && i < out->count; i++)
        out->list[i].after_sync = false;
}

WRAP(void, keep_vote, struct node *n, const struct vote *v)
{
    if (!planted(PLANT_VOTE_NOT_KEPT))
        __real_keep_vote(n, v);
}

WRAP(void, keep_body, struct node *n, const struct block_entry *b)
{
    if (!planted(PLANT_BODY_NOT_KEPT))
        __real_keep_body(n, b);
}

WRAP(enum err, store_put_block, struct store *s, const struct store_block *b)
{
    enum err e;

    if (planted(PLANT_STORE_UNSYNCED) && whole.active)
        return store_put_block_ahead(s, b);
    e = __real_store_put_block(s, b);
    return planted(PLANT_WRITE_ERROR_IGNORED) ? ERR_NONE : e;
}

/* Clients hear of a block when it is applied. */
WRAP(void,
     mempool_committed,
     struct node *n,
     const struct store_block *b,
     bool new_day)
{
    __real_mempool_committed(n, b, new_day);
    if (!planted(PLANT_ACK_BEFORE_SYNC))
        return;
    for (uint32_t i = 0; i < b->header->tx_count; i++)
        waiters_final(n, &b->tx_ids[i], b->header->height, i);
}

/* ---- what a restart brings back ---- */

WRAP(enum err,
     core_replay_record,
     struct core *c,
     const struct pubkey *self,
     uint8_t type,
     uint64_t epoch,
     struct bytes payload)
{
    if (planted(PLANT_FORGET_VOTES) && type == RECORD_VOTE)
        return ERR_NONE;
    return __real_core_replay_record(c, self, type, epoch, payload);
}

WRAP(enum err, store_index_catch_up, struct store *s, uint64_t *replayed)
{
    *replayed = 0;
    return planted(PLANT_NO_CATCH_UP)
               ? ERR_NONE
               : __real_store_index_catch_up(s, replayed);
}

/* ---- what peers send ---- */

WRAP(enum err, cert_check, const struct cert *c, const struct vote_domain *d)
{
    /* The checks of block sync are those on a verify thread. */
    if (planted(PLANT_SYNC_CERT_UNCHECKED) && whole.aside)
        return ERR_NONE;
    return __real_cert_check(c, d);
}

WRAP(bool, block_body_fits, const struct header *h, struct bytes body)
{
    return planted(PLANT_BODY_UNCHECKED) || __real_block_body_fits(h, body);
}
