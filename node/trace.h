/* trace.h - the last things that happened to the consensus core, in memory.
 *
 * A ring of what went into the core and what came out of it, of fixed size, to
 * be written to a file when the node halts (bundle.h), and read by
 * `equityd events FILE`.  Ticks that did nothing and the news that a peer was
 * heard are left out.
 *
 *   file     magic "EQTRACE1" | u32 count | u64 left out before | entries
 *   entry    u8 out (0 event, 1 effect) | u8 kind | u8 peer | u8 vote kind |
 *            u32 bits | u64 now_ms | u64 wall_ms | u64 view | u64 parent_view |
 *            u64 height | hash 32 | u64 number            = 88 bytes
 *
 * `bits`: events: 1 yes, 2 gone; effects: 4 after_sync; of a certificate its
 * signers.  `number`: batch, count of certificates, final view of a STATUS.
 * Borsh; the meaning of kinds is that of this release's consensus/core.h. */
#ifndef NODE_TRACE_H
#define NODE_TRACE_H

#include "base/buf.h"
#include "consensus/core.h"

enum {
    TRACE_ENTRIES = 40000, /* 10,000 events with three effects each */
    TRACE_ENTRY_BYTES = 88,
    TRACE_HEAD_BYTES = 20,
};

struct trace;

struct trace *trace_new(void);
void trace_free(struct trace *t);
/* trace_step keeps what went in and what came out. */
void trace_step(struct trace *t,
                const struct core_event *event,
                const struct core_effects *effects,
                uint64_t now_ms);
/* trace_write appends the file: head and entries, oldest first. */
void trace_write(const struct trace *t, struct buf *out);

/* trace_read calls each with a line of text for every entry of a file.
 * Errors    ERR_VERSION  not such a file; ERR_TRUNCATED, ERR_TRAILING,
 *           ERR_RANGE (a kind that does not exist) */
typedef void (*trace_line_fn)(void *ctx, const char *line);
MUST_USE enum err trace_read(struct bytes file, trace_line_fn each, void *ctx);

#endif /* NODE_TRACE_H */
