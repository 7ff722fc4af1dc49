/* Who is asked for what. */
#include "node/statesync_parts.h"

#include "base/check.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/num.h"

#include <stdlib.h>

static bool is_up(const struct statesync *x, uint8_t slot)
{
    const struct node *n = x->node;

    return peers_is_up(n->peers, slot, CHANNEL_BULK) &&
           (link_is_validator(n, slot) || peers_is_source(n->peers, slot));
}

static bool offers(const struct source *s, const struct hash *id)
{
    for (uint32_t i = 0; i < s->offers.count; i++) {
        if (hash_eq(&s->offers.list[i].id, id))
            return true;
    }
    return false;
}

static bool is_refused(const struct statesync *x, const struct hash *id)
{
    const uint32_t kept =
        (uint32_t)num_min_u64(x->refused_count, ARRAY_LEN(x->refused));

    for (uint32_t i = 0; i < kept; i++) {
        if (hash_eq(&x->refused[i], id))
            return true;
    }
    return false;
}

static void refuse(struct statesync *x, const struct hash *id)
{
    x->refused[x->refused_count++ % ARRAY_LEN(x->refused)] = *id;
}

static void blame(struct statesync *x, uint8_t slot, const char *what)
{
    memset(&x->sources[slot].offers, 0, sizeof x->sources[slot].offers);
    peers_misbehaved(x->node->peers, slot, CHANNEL_BULK, what);
}

/* ---- offers ---- */

static void ask_offers(struct statesync *x, uint64_t now_ms)
{
    if (now_ms < x->ask_ms)
        return;
    x->ask_ms = now_ms + OFFERS_MS;
    for (uint8_t i = 0; i < PEERS_MAX; i++) {
        if (is_up(x, i))
            (void)peers_send(x->node->peers,
                             i,
                             CHANNEL_BULK,
                             MSG_SNAPSHOT_ASK,
                             bytes_of("", 0));
    }
}

void statesync_offers(struct statesync *x, uint8_t slot, struct bytes payload)
{
    struct source *s = &x->sources[slot];

    if (msg_offers_decode(&s->offers, payload) != ERR_NONE) {
        blame(x, slot, "malformed offers of snapshots");
        return;
    }
    s->answered = true;
    if (s->offers.count > 0 && x->first_ms == 0)
        x->first_ms = node_now_ms();
    statesync_pump(x);
}

void statesync_down(struct statesync *x, uint8_t slot)
{
    x->sources[slot] =
        (struct source){.not_before_ms = x->sources[slot].not_before_ms};
    if (x->from == (int)slot)
        x->from = -1;
    for (uint32_t i = 0; x->snapshot != NULL && i < x->snapshot->chunk_count;
         i++) {
        struct chunk *c = &x->chunks[i];

        if (c->state == CHUNK_ASKED && c->from == slot) {
            c->state = CHUNK_WANTED;
            x->next = i < x->next ? i : x->next;
        }
    }
    statesync_pump(x);
}

/* The newest that anybody offers and that was not refused yet. */
static bool choose(struct statesync *x, uint64_t now_ms)
{
    bool all = true;

    x->chosen.height = 0;
    for (uint8_t i = 0; i < PEERS_MAX; i++) {
        const struct source *s = &x->sources[i];

        all = all && (!is_up(x, i) || s->answered);
        for (uint32_t k = 0; k < s->offers.count; k++) {
            const struct msg_offer *o = &s->offers.list[k];

            if (o->height > x->chosen.height && !is_refused(x, &o->id) &&
                o->manifest_bytes <= SNAPSHOT_MANIFEST_MAX)
                x->chosen = *o;
        }
    }
    if (x->chosen.height == 0 || (!all && now_ms < x->first_ms + CHOICE_MS))
        return false;
    x->choosing = false;
    x->from = -1;
    x->part = 0;
    buf_clear(&x->manifest);
    log_info("statesync",
             "a snapshot is chosen",
             "height=%llu chunks=%u manifest_bytes=%u",
             (unsigned long long)x->chosen.height,
             x->chosen.chunks,
             x->chosen.manifest_bytes);
    return true;
}

/* ---- asking for a part ---- */

static bool ask_part(struct statesync *x,
                     uint8_t slot,
                     uint8_t kind,
                     uint32_t index)
{
    const struct msg_part m = {
        .id = x->chosen.id, .kind = kind, .index = index};
    uint8_t room[MSG_SMALL_MAX];
    struct writer w = writer_of(room, sizeof room);

    msg_part_encode(&w, &m);
    return peers_send(x->node->peers,
                      slot,
                      CHANNEL_BULK,
                      MSG_SNAPSHOT_GET,
                      writer_bytes(&w)) == ERR_NONE;
}

static void take_silence(struct statesync *x, uint8_t slot, uint64_t now_ms)
{
    struct source *s = &x->sources[slot];

    if (++s->silences % FETCH_SILENCES_MAX != 0)
        return;
    s->not_before_ms = now_ms + FETCH_PAUSE_MS;
    log_unusual("statesync",
                "a peer does not send what it offers; others are asked",
                "peer=%u times=%u",
                slot,
                s->silences);
}

static bool is_usable(const struct statesync *x, uint8_t i, uint64_t now_ms)
{
    const struct source *s = &x->sources[i];

    return is_up(x, i) && now_ms >= s->not_before_ms &&
           offers(s, &x->chosen.id);
}

/* The one with the fewest chunks under way; -1: nobody. */
static int pick(const struct statesync *x, uint64_t now_ms)
{
    uint32_t fewest = FETCH_OPEN_MAX;
    int found = -1;

    for (uint8_t i = 0; i < PEERS_MAX; i++) {
        if (x->sources[i].open < fewest && is_usable(x, i, now_ms)) {
            fewest = x->sources[i].open;
            found = i;
        }
    }
    return found;
}

/* ---- the manifest ---- */

static void choose_again(struct statesync *x)
{
    snapshot_free(x->snapshot);
    x->snapshot = NULL;
    free(x->chunks);
    x->chunks = NULL;
    x->choosing = true;
    x->from = -1;
    x->heard_ms = node_now_ms();
}

static void pump_manifest(struct statesync *x, uint64_t now_ms)
{
    int slot;

    if (x->from >= 0 && now_ms < x->deadline_ms)
        return;
    if (x->from >= 0)
        take_silence(x, (uint8_t)x->from, now_ms);
    x->from = -1;
    slot = pick(x, now_ms);
    if (slot < 0) { /* nobody has it any more, or sends it */
        refuse(x, &x->chosen.id);
        choose_again(x);
        return;
    }
    if (!ask_part(x, (uint8_t)slot, MSG_PART_MANIFEST, x->part))
        return;
    x->from = slot;
    x->deadline_ms = now_ms + FETCH_MS;
}

static void check_manifest(struct statesync *x, uint8_t slot)
{
    const struct valset set = genesis_valset(x->node->genesis);
    const char *where = "";
    enum err e = snapshot_open(&x->snapshot,
                               buf_bytes(&x->manifest),
                               &x->node->chain_id,
                               &set,
                               &x->chosen.id,
                               &where);

    if (e == ERR_NONE && x->snapshot->header.height != x->chosen.height) {
        where = "its height";
        e = ERR_MISMATCH;
    }
    if (e != ERR_NONE) {
        log_unusual("statesync",
                    "a false manifest; others are asked",
                    "peer=%u height=%llu at=\"%s\" why=\"%s\"",
                    slot,
                    (unsigned long long)x->chosen.height,
                    where,
                    err_text(e));
        choose_again(x);
        blame(x, slot, "a false manifest of a snapshot");
        return;
    }
    log_info("statesync",
             "the manifest leads from the genesis to the state root",
             "height=%llu chunks=%u rows=%llu bytes=%llu",
             (unsigned long long)x->snapshot->header.height,
             x->snapshot->chunk_count,
             (unsigned long long)x->snapshot->leaves,
             (unsigned long long)x->snapshot->bytes);
    x->failed = statesync_begin(x);
}

/* What nobody waits for, or not any more. */
static void take_stray(struct statesync *x, uint8_t slot)
{
    if (++x->sources[slot].strays == STRAYS_MAX)
        blame(x, slot, "parts of a snapshot that nobody asked for");
}

static void take_manifest(struct statesync *x,
                          uint8_t slot,
                          const struct msg_part *m,
                          struct bytes bytes)
{
    const uint32_t all = x->chosen.manifest_bytes;

    if (x->choosing || x->snapshot != NULL || x->from != (int)slot ||
        m->index != x->part) {
        take_stray(x, slot);
        return;
    }
    if (bytes.size == 0 || bytes.size > all - x->manifest.size) {
        memset(&x->sources[slot].offers, 0, sizeof x->sources[slot].offers);
        x->from = -1;
        return; /* it has it no more, or another one */
    }
    buf_append(&x->manifest, bytes.at, bytes.size);
    x->part++;
    if (x->manifest.size == all) {
        check_manifest(x, slot);
    } else if (ask_part(x, slot, MSG_PART_MANIFEST, x->part)) {
        x->deadline_ms = node_now_ms() + FETCH_MS;
        return;
    }
    x->from = -1;
}

/* ---- chunks ---- */

static void expire_chunks(struct statesync *x, uint64_t now_ms)
{
    for (uint32_t i = 0; i < x->snapshot->chunk_count; i++) {
        struct chunk *c = &x->chunks[i];

        if (c->state != CHUNK_ASKED || now_ms < c->deadline_ms)
            continue;
        c->state = CHUNK_WANTED;
        x->next = i < x->next ? i : x->next;
        x->sources[c->from].open--;
        take_silence(x, c->from, now_ms);
    }
}

static void ask_chunks(struct statesync *x, uint64_t now_ms)
{
    for (; x->next < x->snapshot->chunk_count; x->next++) {
        struct chunk *c = &x->chunks[x->next];
        int slot;

        if (c->state != CHUNK_WANTED)
            continue;
        slot = pick(x, now_ms);
        if (slot < 0 || !ask_part(x, (uint8_t)slot, MSG_PART_CHUNK, x->next))
            return;
        *c = (struct chunk){.state = CHUNK_ASKED,
                            .from = (uint8_t)slot,
                            .deadline_ms = now_ms + FETCH_MS};
        x->sources[slot].open++;
    }
}

static void take_chunk(struct statesync *x,
                       uint8_t slot,
                       const struct msg_part *m,
                       struct bytes bytes)
{
    struct chunk *c;

    if (x->snapshot == NULL || m->index >= x->snapshot->chunk_count ||
        x->chunks[m->index].state != CHUNK_ASKED ||
        x->chunks[m->index].from != slot) {
        take_stray(x, slot);
        return;
    }
    c = &x->chunks[m->index];
    x->sources[slot].open--;
    if (bytes.size == 0) { /* it has it no more */
        c->state = CHUNK_WANTED;
        x->next = m->index < x->next ? m->index : x->next;
        memset(&x->sources[slot].offers, 0, sizeof x->sources[slot].offers);
        return;
    }
    x->sources[slot].silences = 0;
    c->state = CHUNK_CHECKING;
    x->checking++;
    statesync_take_chunk(x, m->index, slot, bytes);
}

void statesync_part(struct statesync *x, uint8_t slot, struct bytes payload)
{
    struct msg_part m;
    struct bytes bytes;

    if (msg_part_bytes_decode(&m, &bytes, payload) != ERR_NONE) {
        blame(x, slot, "a malformed part of a snapshot");
        return;
    }
    if (x->choosing || !hash_eq(&m.id, &x->chosen.id))
        take_stray(x, slot);
    else if (m.kind == MSG_PART_MANIFEST)
        take_manifest(x, slot, &m, bytes);
    else
        take_chunk(x, slot, &m, bytes);
    statesync_pump(x);
}

/* ---- the whole ---- */

static void tell(struct statesync *x, uint64_t now_ms)
{
    if (x->snapshot == NULL || now_ms < x->told_ms + TELL_MS)
        return;
    x->told_ms = now_ms;
    log_info("statesync",
             "chunks",
             "done=%u all=%u bytes=%llu of=%llu",
             x->done,
             x->snapshot->chunk_count,
             (unsigned long long)x->bytes_done,
             (unsigned long long)x->snapshot->bytes);
}

/* Whether it offers what is chosen, or something to be chosen. */
static bool is_of_use(const struct statesync *x, const struct source *s)
{
    if (!x->choosing)
        return offers(s, &x->chosen.id);
    for (uint32_t i = 0; i < s->offers.count; i++) {
        if (!is_refused(x, &s->offers.list[i].id))
            return true;
    }
    return false;
}

/* Whether anybody offers what is wanted, or has in the last while. */
static bool is_offered(struct statesync *x, uint64_t now_ms)
{
    bool any = false;

    for (uint8_t i = 0; i < PEERS_MAX; i++)
        any = any || (is_up(x, i) && is_of_use(x, &x->sources[i]));
    if (any)
        x->heard_ms = now_ms;
    return now_ms < x->heard_ms + NOBODY_MS;
}

static bool heard_anybody(const struct statesync *x)
{
    for (uint8_t i = 0; i < PEERS_MAX; i++) {
        if (x->sources[i].answered)
            return true;
    }
    return false;
}

/* F4 */
static void nobody(struct statesync *x, uint64_t now_ms)
{
    if (!heard_anybody(x)) { /* no connection: that is waited for */
        x->heard_ms = now_ms;
        if (now_ms >= x->told_ms + TELL_NOBODY_MS) {
            x->told_ms = now_ms;
            log_unusual("statesync",
                        "no peer answers yet; this node must be in the genesis "
                        "or announced, and know their addresses",
                        "refused=\"%s\"",
                        peers_last_refusal(x->node->peers));
        }
        return;
    }
    if (!x->choosing) {
        log_unusual("statesync",
                    "nobody offers this snapshot any more; another is begun",
                    "height=%llu done=%u of=%u",
                    (unsigned long long)x->chosen.height,
                    x->done,
                    x->snapshot != NULL ? x->snapshot->chunk_count : 0);
        choose_again(x);
        return;
    }
    x->given_up = x->ended = true;
}

void statesync_pump(struct statesync *x)
{
    const uint64_t now_ms = node_now_ms();

    if (x->ended || x->failed != ERR_NONE)
        return;
    ask_offers(x, now_ms);
    tell(x, now_ms);
    if (!is_offered(x, now_ms) && x->checking == 0) {
        nobody(x, now_ms);
        return;
    }
    if (x->choosing && !choose(x, now_ms))
        return;
    if (x->snapshot == NULL) {
        pump_manifest(x, now_ms);
        return;
    }
    expire_chunks(x, now_ms);
    ask_chunks(x, now_ms);
    if (x->done == x->snapshot->chunk_count && x->base_written) {
        x->failed = statesync_finish(x);
        x->ended = true;
    }
}
