#include "archive/replay.h"

#include "base/check.h"
#include "engine/verify.h"
#include "ledger/evidence.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    SLOTS = 256,                 /* blocks in the window */
    TXS_MAX = 3 * BLOCK_TXS_MAX, /* in the window */
    BYTES_MAX = 8 << 20,
    PART_TXS = 8, /* checked by a thread at a time */
    PARTS_MAX = SLOTS * 2 + TXS_MAX / PART_TXS,
};

/* A block in the window. */
struct slot {
    struct header header;
    struct cert cert;
    struct vote_domain domain; /* by which the certificate is checked */
    struct valset set;
    struct buf body;
    struct body *split;
    struct tx **txs; /* in the ring */
    bool cert_offered;
    /* under the lock */
    uint32_t parts_left;
    uint64_t signatures;
    enum err bad; /* the first transaction that is wrong, or the certificate */
    uint32_t bad_tx;
    const char *why;
};

/* A share of the work on a slot's signatures; count 0: its certificate. */
struct part {
    struct slot *slot;
    uint32_t first;
    uint32_t count;
};

struct replay {
    struct engine *engine;
    struct hash chain_id;
    replay_done_fn done;
    void *ctx;
    struct valset set; /* in force for the oldest block of the window */
    struct hash set_hash;
    struct slot slots[SLOTS]; /* ring: taken .. taken + count - 1 */
    uint32_t taken;
    uint32_t count;
    struct tx *ring;      /* TXS_MAX decoded transactions */
    uint32_t ring_next;   /* free from here on */
    uint64_t txs_waiting; /* in the window */
    uint64_t bytes_waiting;
    uint64_t next; /* height to be pushed */
    struct replay_totals totals;
    struct replay_failure failure;
    enum err err;

    pthread_t threads[REPLAY_THREADS_MAX];
    unsigned thread_count;
    pthread_mutex_t lock;
    pthread_cond_t work;          /* for the threads: parts, or the end */
    pthread_cond_t news;          /* for the caller: a slot is done */
    struct part parts[PARTS_MAX]; /* ring */
    uint32_t part_first;
    uint32_t part_count;
    bool stop;
};

/* ---- signatures, on any thread ---- */

static const char *cert_fault(enum err e)
{
    return e == ERR_QUORUM ? "its certificate has not exactly a quorum of "
                             "signatures"
           : e == ERR_SIGNATURE
               ? "a signature of its certificate does not verify"
           : e == ERR_CHAIN ? "its certificate is of another epoch"
                            : "its certificate names who is no validator";
}

struct finding {
    enum err err;
    uint32_t tx;
    const char *why;
    uint64_t signatures;
};

static void check_cert(struct finding *out, const struct slot *s)
{
    out->err = cert_check(&s->cert, &s->domain);
    out->tx = UINT32_MAX;
    out->why = cert_fault(out->err);
    out->signatures = (uint64_t)__builtin_popcount(s->cert.bitmap);
}

static void check_txs(struct finding *out, struct part p)
{
    struct tx_proof proofs[TX_PROOFS_MAX];

    for (uint32_t i = p.first; i < p.first + p.count; i++) {
        struct tx *tx = p.slot->txs[i];

        out->tx = i;
        out->why = "it is not well-formed";
        out->err = tx_decode(tx, p.slot->split->txs[i]);
        if (out->err != ERR_NONE)
            return;
        out->why = "a signature does not verify";
        out->err = verify_tx(tx);
        if (out->err != ERR_NONE)
            return;
        out->signatures += tx->sig_count + evidence_proofs(proofs, tx);
    }
}

/* Y3: transactions come before the certificate, and the first before others. */
static void note(struct slot *s, const struct finding *f)
{
    s->signatures += f->signatures;
    if (f->err == ERR_NONE || (s->bad != ERR_NONE && s->bad_tx <= f->tx))
        return;
    s->bad = f->err;
    s->bad_tx = f->tx;
    s->why = f->why;
}

/* Takes one part and does it.  Called, and returns, with the lock held. */
static void do_part(struct replay *r)
{
    const struct part p = r->parts[r->part_first];
    struct finding f = {.err = ERR_NONE};

    r->part_first = (r->part_first + 1) % PARTS_MAX;
    r->part_count--;
    pthread_mutex_unlock(&r->lock);
    if (p.count == 0)
        check_cert(&f, p.slot);
    else
        check_txs(&f, p);
    pthread_mutex_lock(&r->lock);
    note(p.slot, &f);
    if (--p.slot->parts_left == 0)
        pthread_cond_signal(&r->news);
}

static void *run_thread(void *ctx)
{
    struct replay *r = ctx;

    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (r->part_count == 0 && !r->stop)
            pthread_cond_wait(&r->work, &r->lock);
        if (r->stop)
            break;
        do_part(r);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* Requires  the lock. */
static void offer(struct replay *r, struct part p)
{
    ASSERT(r->part_count < PARTS_MAX);
    r->parts[(r->part_first + r->part_count++) % PARTS_MAX] = p;
    pthread_cond_signal(&r->work);
}

/* ---- the window ---- */

static unsigned hardware_threads(void)
{
    const long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n < 1                    ? 1
           : n > REPLAY_THREADS_MAX ? REPLAY_THREADS_MAX
                                    : (unsigned)n;
}

struct replay *replay_new(const struct genesis *g,
                          unsigned threads,
                          replay_done_fn done,
                          void *ctx)
{
    struct replay *r = calloc(1, sizeof *r);
    enum err e;

    ASSERT(r != NULL && threads <= REPLAY_THREADS_MAX);
    if (threads == 0)
        threads = hardware_threads();
    e = genesis_chain_id(&r->chain_id, g);
    ASSERT(e == ERR_NONE);
    r->engine = engine_new(g);
    r->ring = malloc(TXS_MAX * sizeof r->ring[0]); /* touched as needed */
    ASSERT(r->ring != NULL);
    r->set = genesis_valset(g);
    r->set_hash = valset_hash(&r->set);
    r->done = done;
    r->ctx = ctx;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->work, NULL);
    pthread_cond_init(&r->news, NULL);
    for (unsigned i = 0; i + 1 < threads; i++) { /* and the caller's */
        const int failed = pthread_create(&r->threads[i], NULL, run_thread, r);

        ASSERT(failed == 0);
        r->thread_count++;
    }
    return r;
}

static void clear(struct slot *s)
{
    buf_deinit(&s->body);
    free(s->split);
    free(s->txs);
    memset(s, 0, sizeof *s);
}

void replay_free(struct replay *r)
{
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->work);
    pthread_mutex_unlock(&r->lock);
    for (unsigned i = 0; i < r->thread_count; i++)
        pthread_join(r->threads[i], NULL);
    for (uint32_t i = 0; i < SLOTS; i++)
        clear(&r->slots[i]);
    engine_free(r->engine);
    free(r->ring);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->work);
    pthread_cond_destroy(&r->news);
    free(r);
}

static enum err fail(
    struct replay *r, uint64_t height, uint32_t tx, enum err e, const char *why)
{
    r->failure = (struct replay_failure){
        .height = height, .tx = tx, .err = e, .why = why};
    r->err = ERR_REFUSED;
    return r->err;
}

static struct slot *slot_at(struct replay *r, uint32_t i)
{
    return &r->slots[(r->taken + i) % SLOTS];
}

/* Certificates of which the set is known: up to the end of the epoch in force.
 * Requires  the lock. */
static void offer_certs(struct replay *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        struct slot *s = slot_at(r, i);

        if (s->header.epoch != r->set.epoch)
            return;
        if (!s->cert_offered) {
            s->cert_offered = true;
            s->set = r->set;
            s->domain = (struct vote_domain){r->chain_id, r->set_hash, &s->set};
            offer(r, (struct part){.slot = s});
        }
        if ((s->header.flags & HEADER_SEAL) != 0)
            return;
    }
}

static enum err execute(struct replay *r, struct slot *s)
{
    const struct executed_block *b;
    const char *why;
    enum err e = engine_execute(r->engine,
                                &b,
                                &s->header,
                                buf_bytes(&s->body),
                                (const struct tx *const *)s->txs,
                                &why);

    if (e != ERR_NONE) {
        (void)fail(r, s->header.height, engine_refused(r->engine)->tx, e, why);
        r->failure.executed = true;
        return r->err;
    }
    b = engine_commit(r->engine, &b->hash);
    if ((s->header.flags & HEADER_SEAL) != 0) {
        engine_validators(r->engine, &r->set);
        r->set_hash = valset_hash(&r->set);
    }
    r->totals.blocks++;
    r->totals.txs += s->header.tx_count;
    r->totals.signatures += s->signatures;
    r->err =
        r->done != NULL ? r->done(r->ctx, r->engine, b, &s->cert) : ERR_NONE;
    return r->err;
}

/* The oldest block, whose signatures have been checked. */
static enum err take_oldest(struct replay *r)
{
    struct slot *s = slot_at(r, 0);

    if (s->bad != ERR_NONE)
        return fail(r, s->header.height, s->bad_tx, s->bad, s->why);
    TRY(execute(r, s));
    r->txs_waiting -= s->header.tx_count;
    r->bytes_waiting -= s->body.size;
    clear(s);
    r->taken = (r->taken + 1) % SLOTS;
    r->count--;
    pthread_mutex_lock(&r->lock);
    offer_certs(r);
    pthread_mutex_unlock(&r->lock);
    return ERR_NONE;
}

/* Whether the oldest can be taken.  If not: does a part, or waits, when told
 * to. */
static bool is_ready(struct replay *r, bool wait)
{
    struct slot *s = slot_at(r, 0);
    bool ready;

    pthread_mutex_lock(&r->lock);
    while (wait && s->parts_left > 0) {
        if (r->part_count > 0)
            do_part(r);
        else
            pthread_cond_wait(&r->news, &r->lock);
    }
    ready = s->parts_left == 0;
    pthread_mutex_unlock(&r->lock);
    return ready;
}

static enum err step(struct replay *r, bool wait)
{
    struct slot *s = slot_at(r, 0);

    if (!s->cert_offered)
        return fail(r,
                    s->header.height,
                    UINT32_MAX,
                    ERR_CHAIN,
                    "its epoch is not the one in force");
    return is_ready(r, wait) ? take_oldest(r) : ERR_NONE;
}

static bool has_room(const struct replay *r, const struct archive_block *b)
{
    return r->count == 0 || (r->count < SLOTS &&
                             r->txs_waiting + b->header.tx_count <= TXS_MAX &&
                             r->bytes_waiting + b->body.size <= BYTES_MAX);
}

static enum err push_genesis(struct replay *r, const struct archive_block *b)
{
    const struct executed_block *own = engine_genesis_block(r->engine);

    if (!hash_eq(&own->hash, &b->hash) || !bytes_eq(own->body, b->body))
        return fail(r,
                    0,
                    UINT32_MAX,
                    ERR_MISMATCH,
                    "it is not the block that the genesis gives");
    r->next = 1;
    r->totals.blocks++;
    r->err = r->done != NULL ? r->done(r->ctx, r->engine, own, NULL) : ERR_NONE;
    return r->err;
}

/* Copies the block into the window and offers its signatures.  Its body may
 * still be nonsense. */
static enum err take_in(struct replay *r, const struct archive_block *b)
{
    struct slot *s = slot_at(r, r->count);
    const uint32_t txs = b->header.tx_count;

    s->header = b->header;
    s->cert = b->cert;
    s->bad = ERR_NONE;
    buf_append(&s->body, b->body.at, b->body.size);
    s->split = malloc(sizeof *s->split);
    ASSERT(s->split != NULL);
    if (body_split(s->split, buf_bytes(&s->body)) != ERR_NONE ||
        s->split->count != txs) {
        clear(s);
        return ERR_MISMATCH;
    }
    s->txs = calloc(txs + 1, sizeof s->txs[0]);
    ASSERT(s->txs != NULL);
    for (uint32_t i = 0; i < txs; i++) {
        s->txs[i] = &r->ring[r->ring_next];
        r->ring_next = (r->ring_next + 1) % TXS_MAX;
    }
    r->count++;
    r->next++;
    r->txs_waiting += txs;
    r->bytes_waiting += s->body.size;
    pthread_mutex_lock(&r->lock);
    s->parts_left = 1 + (txs + PART_TXS - 1) / PART_TXS;
    for (uint32_t i = 0; i < txs; i += PART_TXS)
        offer(r,
              (struct part){
                  s, i, txs - i < PART_TXS ? txs - i : (uint32_t)PART_TXS});
    offer_certs(r);
    pthread_mutex_unlock(&r->lock);
    return ERR_NONE;
}

/* Goes on until the window is empty. */
static enum err drain(struct replay *r)
{
    while (r->count > 0)
        TRY(step(r, true));
    return ERR_NONE;
}

enum err replay_push(struct replay *r, const struct archive_block *b)
{
    TRY(r->err);
    if (b->header.height != r->next) {
        TRY(drain(r)); /* what is before it comes first */
        return fail(r,
                    b->header.height,
                    UINT32_MAX,
                    ERR_ORDER,
                    "it is not the block that follows the one before it");
    }
    if (b->header.height == 0)
        return push_genesis(r, b);
    while (!has_room(r, b))
        TRY(step(r, true));
    if (take_in(r, b) != ERR_NONE) {
        TRY(drain(r));
        return fail(r,
                    b->header.height,
                    UINT32_MAX,
                    ERR_MISMATCH,
                    "its body is no list of as many transactions as its header "
                    "says");
    }
    while (r->count > 0 && slot_at(r, 0)->cert_offered && is_ready(r, false))
        TRY(take_oldest(r));
    return ERR_NONE;
}

enum err replay_finish(struct replay *r)
{
    TRY(r->err);
    TRY(drain(r));
    if (r->next > 0 && engine_audit(r->engine) != ERR_NONE)
        return fail(r,
                    r->next - 1,
                    UINT32_MAX,
                    ERR_MISMATCH,
                    "after it the totals of a security or an account are not "
                    "the sums of its rows");
    return ERR_NONE;
}

const struct replay_failure *replay_failure(const struct replay *r)
{
    return &r->failure;
}

void replay_say(char out[REPLAY_TEXT_MAX], const struct replay_failure *f)
{
    char tx[40] = "";

    if (f->tx != UINT32_MAX)
        snprintf(tx, sizeof tx, ", transaction %u", f->tx);
    snprintf(out,
             REPLAY_TEXT_MAX,
             "block %llu%s: %s%s",
             (unsigned long long)f->height,
             tx,
             !f->executed            ? ""
             : f->err == ERR_REFUSED ? "execution refuses it: "
                                     : "execution does not agree: ",
             f->why);
}

struct replay_totals replay_totals(const struct replay *r)
{
    return r->totals;
}

struct engine *replay_engine(const struct replay *r)
{
    return r->engine;
}
