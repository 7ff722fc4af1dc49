#include "node/trace.h"

#include "base/attr.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/reader.h"
#include "base/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t magic[8] = {'E', 'Q', 'T', 'R', 'A', 'C', 'E', '1'};

/* In the order of consensus/core.h. */
static const char *const event_names[] = {
    [ON_PROPOSAL] = "PROPOSAL",
    [ON_VOTE] = "VOTE",
    [ON_CERT] = "CERT",
    [ON_STATUS] = "STATUS",
    [ON_TICK] = "TICK",
    [ON_DURABLE] = "DURABLE",
    [ON_BUILT] = "BUILT",
    [ON_EXECUTED] = "EXECUTED",
    [ON_BODY] = "BODY",
    [ON_WORK] = "WORK",
    [ON_APPLIED] = "APPLIED",
    [ON_HEARD] = "HEARD",
    [ON_UP] = "UP",
    [ON_DOWN] = "DOWN",
    [ON_EPOCH] = "EPOCH",
};
static const char *const effect_names[] = {
    [DO_PERSIST_VOTE] = "PERSIST_VOTE",
    [DO_PERSIST_CERT] = "PERSIST_CERT",
    [DO_PERSIST_BODY] = "PERSIST_BODY",
    [DO_SEND_PROPOSAL] = "SEND_PROPOSAL",
    [DO_SEND_VOTE] = "SEND_VOTE",
    [DO_SEND_CERT] = "SEND_CERT",
    [DO_SEND_STATUS] = "SEND_STATUS",
    [DO_BUILD] = "BUILD",
    [DO_EXECUTE] = "EXECUTE",
    [DO_FETCH] = "FETCH",
    [DO_SYNC] = "SYNC",
    [DO_COMMIT] = "COMMIT",
    [DO_SEND_EPOCH_END] = "SEND_EPOCH_END",
    [DO_EPOCH_END] = "EPOCH_END",
    [DO_EVIDENCE] = "EVIDENCE",
    [DO_OBSERVE] = "OBSERVE",
    [DO_HALT] = "HALT",
};
static const char *const vote_names[] = {"", "NOTARIZE", "NULLIFY", "FINALIZE"};

struct entry {
    bool out;
    uint8_t kind;
    uint8_t peer;
    uint8_t vote;
    uint32_t bits;
    uint64_t now_ms, wall_ms;
    struct candidate about;
    uint64_t number;
};

enum {
    BIT_YES = 1,
    BIT_GONE = 2,
    BIT_AFTER_SYNC = 4,
};

struct trace {
    uint64_t total; /* entries ever */
    struct entry list[TRACE_ENTRIES];
};

struct trace *trace_new(void)
{
    struct trace *t = calloc(1, sizeof *t);

    ASSERT(t != NULL);
    return t;
}

void trace_free(struct trace *t)
{
    free(t);
}

static void keep(struct trace *t, const struct entry *e)
{
    t->list[t->total++ % TRACE_ENTRIES] = *e;
}

static void about_cert(struct entry *e, const struct cert *c)
{
    e->vote = c->kind;
    e->about = c->about;
    e->bits |= c->bitmap;
}

static void about_facts(struct entry *e, const struct block_facts *f)
{
    e->about = (struct candidate){
        .view = f->view, .height = f->height, .block = f->block};
}

static struct entry of_event(const struct core_event *event, uint64_t now_ms)
{
    struct entry e = {.kind = (uint8_t)event->kind,
                      .peer = event->from,
                      .now_ms = now_ms,
                      .wall_ms = event->wall_ms};

    switch (event->kind) {
    case ON_PROPOSAL:
        e.about = event->candidate;
        e.number = event->cert_count;
        break;
    case ON_VOTE:
        e.vote = event->vote->kind;
        e.about = event->vote->about;
        break;
    case ON_CERT:
        about_cert(&e, &event->certs[0]);
        e.number = event->cert_count;
        break;
    case ON_STATUS:
        e.about.view = event->status->view;
        e.about.height = event->status->final_height;
        e.about.block = event->status->final_hash;
        e.number = event->status->final_view;
        break;
    case ON_BUILT:
    case ON_BODY:
        about_facts(&e, &event->facts);
        break;
    case ON_EXECUTED:
    case ON_APPLIED:
        e.about.height = event->height;
        e.about.block = event->hash;
        break;
    case ON_DURABLE:
        e.number = event->batch;
        break;
    case ON_EPOCH:
        e.number = event->epoch;
        break;
    case ON_TICK:
    case ON_WORK:
    case ON_HEARD:
    case ON_UP:
    case ON_DOWN:
        break;
    }
    if (event->kind != ON_CERT)
        e.bits |= (event->yes ? (uint32_t)BIT_YES : 0u) |
                  (event->gone ? (uint32_t)BIT_GONE : 0u);
    return e;
}

static struct entry of_effect(const struct core_effect *effect, uint64_t now_ms)
{
    struct entry e = {.out = true,
                      .kind = (uint8_t)effect->kind,
                      .peer = effect->to,
                      .now_ms = now_ms,
                      .about = effect->candidate};

    switch (effect->kind) {
    case DO_PERSIST_VOTE:
    case DO_SEND_VOTE:
    case DO_SEND_PROPOSAL:
    case DO_EVIDENCE:
        e.vote = effect->vote.kind;
        e.about = effect->vote.about;
        e.number = effect->vote.signer;
        break;
    case DO_PERSIST_CERT:
    case DO_SEND_CERT:
        about_cert(&e, effect->cert);
        return e;
    case DO_PERSIST_BODY:
    case DO_EXECUTE:
    case DO_FETCH:
        e.about.block = effect->hash;
        break;
    case DO_EPOCH_END:
        about_cert(&e, effect->cert);
        return e;
    case DO_SEND_EPOCH_END:
        e.number = effect->epoch;
        break;
    case DO_SEND_STATUS:
    case DO_BUILD:
    case DO_SYNC:
    case DO_COMMIT:
    case DO_OBSERVE:
    case DO_HALT:
        break;
    }
    e.bits = effect->after_sync ? (uint32_t)BIT_AFTER_SYNC : 0u;
    return e;
}

void trace_step(struct trace *t,
                const struct core_event *event,
                const struct core_effects *effects,
                uint64_t now_ms)
{
    struct entry e;

    if (event->kind == ON_HEARD ||
        (event->kind == ON_TICK && effects->count == 0))
        return;
    e = of_event(event, now_ms);
    keep(t, &e);
    for (uint32_t i = 0; i < effects->count; i++) {
        e = of_effect(&effects->list[i], now_ms);
        keep(t, &e);
    }
}

/* ---- as bytes ---- */

static void put(struct writer *w, const struct entry *e)
{
    writer_u8(w, e->out ? 1 : 0);
    writer_u8(w, e->kind);
    writer_u8(w, e->peer);
    writer_u8(w, e->vote);
    writer_u32(w, e->bits);
    writer_u64(w, e->now_ms);
    writer_u64(w, e->wall_ms);
    writer_u64(w, e->about.view);
    writer_u64(w, e->about.parent_view);
    writer_u64(w, e->about.height);
    writer_hash(w, &e->about.block);
    writer_u64(w, e->number);
}

void trace_write(const struct trace *t, struct buf *out)
{
    const uint64_t count =
        t->total < TRACE_ENTRIES ? t->total : (uint64_t)TRACE_ENTRIES;
    const size_t bytes = TRACE_HEAD_BYTES + count * TRACE_ENTRY_BYTES;
    struct writer w = writer_of(buf_append(out, NULL, bytes), bytes);

    writer_copy(&w, magic, sizeof magic);
    writer_u32(&w, (uint32_t)count);
    writer_u64(&w, t->total - count);
    for (uint64_t i = t->total - count; i < t->total; i++)
        put(&w, &t->list[i % TRACE_ENTRIES]);
    ASSERT(writer_ok(&w) && w.size == bytes);
}

static void get(struct reader *r, struct entry *e)
{
    e->out = reader_bool(r);
    e->kind = reader_u8(r);
    e->peer = reader_u8(r);
    e->vote = reader_u8(r);
    e->bits = reader_u32(r);
    e->now_ms = reader_u64(r);
    e->wall_ms = reader_u64(r);
    e->about.view = reader_u64(r);
    e->about.parent_view = reader_u64(r);
    e->about.height = reader_u64(r);
    e->about.block = reader_hash(r);
    e->number = reader_u64(r);
    if (r->err == ERR_NONE && (e->vote >= ARRAY_LEN(vote_names) ||
                               e->kind >= (e->out ? ARRAY_LEN(effect_names)
                                                  : ARRAY_LEN(event_names))))
        reader_fail(r, ERR_RANGE);
}

/* ---- as text ---- */

static void add(char *line, size_t cap, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void add(char *line, size_t cap, const char *format, ...)
{
    const size_t at = strlen(line);
    va_list args;

    va_start(args, format);
    vsnprintf(line + at, cap - at, format, args);
    va_end(args);
}

static void describe(char *line, size_t cap, const struct entry *e)
{
    char block[2 * HASH_BYTES + 1];
    const bool of_cert =
        e->out ? e->kind == DO_PERSIST_CERT || e->kind == DO_SEND_CERT
               : e->kind == ON_CERT;

    line[0] = '\0';
    add(line,
        cap,
        "%10llu.%03llu %s %-13s",
        (unsigned long long)(e->now_ms / 1000),
        (unsigned long long)(e->now_ms % 1000),
        e->out ? "  ->" : "in",
        e->out ? effect_names[e->kind] : event_names[e->kind]);
    if (e->peer == CORE_ALL)
        add(line, cap, " peer=all");
    else
        add(line, cap, " peer=%u", e->peer);
    if (e->vote != 0)
        add(line, cap, " %s", vote_names[e->vote]);
    add(line,
        cap,
        " view=%llu parent_view=%llu height=%llu",
        (unsigned long long)e->about.view,
        (unsigned long long)e->about.parent_view,
        (unsigned long long)e->about.height);
    if (!hash_is_zero(&e->about.block)) {
        hex_encode(block, e->about.block.raw, HASH_BYTES);
        add(line, cap, " block=%s", block);
    }
    if (of_cert)
        add(line, cap, " signers=%x", e->bits);
    else
        add(line,
            cap,
            "%s%s%s",
            (e->bits & BIT_YES) != 0 ? " yes" : "",
            (e->bits & BIT_GONE) != 0 ? " gone" : "",
            (e->bits & BIT_AFTER_SYNC) != 0 ? " after_sync" : "");
    if (e->number != 0)
        add(line, cap, " number=%llu", (unsigned long long)e->number);
    if (e->wall_ms != 0)
        add(line, cap, " wall_ms=%llu", (unsigned long long)e->wall_ms);
}

enum err trace_read(struct bytes file, trace_line_fn each, void *ctx)
{
    struct reader r = reader_of(file);
    uint8_t found[sizeof magic];
    char line[400];
    uint32_t count;
    uint64_t before;

    reader_copy(&r, found, sizeof found);
    if (r.err == ERR_NONE && memcmp(found, magic, sizeof magic) != 0)
        reader_fail(&r, ERR_VERSION);
    count = reader_count(&r, TRACE_ENTRIES, 0);
    before = reader_u64(&r);
    if (r.err == ERR_NONE && before > 0) {
        snprintf(line,
                 sizeof line,
                 "%llu older entries are not kept",
                 (unsigned long long)before);
        each(ctx, line);
    }
    for (uint32_t i = 0; i < count && r.err == ERR_NONE; i++) {
        struct entry e;

        get(&r, &e);
        if (r.err != ERR_NONE)
            break;
        describe(line, sizeof line, &e);
        each(ctx, line);
    }
    return reader_finish(&r);
}
