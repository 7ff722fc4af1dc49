/* What the driver writes to the vote journal, and how a journal is cut. */
#include "node/replica.h"

enum {
    JOURNAL_CUT_BYTES = 8 << 20,
};

/* H3 disk error */
void keep_failed(struct node *n, enum err e)
{
    if (e == ERR_FULL)
        node_fail(n,
                  EXIT_SAFETY_HALT,
                  "the disk is full: free space on the data directory's file "
                  "system, then start the node again; nothing acknowledged "
                  "is lost",
                  n->config.dir);
    else
        node_fail(n,
                  EXIT_SAFETY_HALT,
                  "the vote journal cannot be written: check the disk, then "
                  "start the node again",
                  err_text(e));
}

/* D10 records name their epoch */
void keep_record(struct node *n, uint8_t type, uint64_t view, struct bytes b)
{
    const enum err e = journal_append(n->journal, type, n->set.epoch, view, b);

    if (e != ERR_NONE)
        keep_failed(n, e);
}

void keep_vote(struct node *n, const struct vote *v)
{
    uint8_t buf[VOTE_BYTES];
    struct writer w = writer_of(buf, sizeof buf);

    vote_encode(&w, v);
    n->journal_started = true;
    keep_record(n, RECORD_VOTE, v->about.view, writer_bytes(&w));
}

void keep_cert(struct node *n, const struct cert *c)
{
    uint8_t buf[CERT_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);

    cert_encode(&w, c);
    keep_record(n, RECORD_CERT, c->about.view, writer_bytes(&w));
}

void keep_end(struct node *n, const struct cert *c)
{
    uint8_t buf[CERT_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);
    enum err e;

    cert_encode(&w, c);
    e = journal_append(n->journal,
                       RECORD_EPOCH_END,
                       c->epoch,
                       c->about.view,
                       writer_bytes(&w));
    if (e != ERR_NONE)
        keep_failed(n, e);
}

void keep_body(struct node *n, const struct block_entry *b)
{
    struct buf out = {0};
    struct writer w;

    buf_append(&out, NULL, 8 + b->header_bytes.size + b->body.size);
    w = writer_of(out.at, out.size);
    msg_block_encode(&w, buf_bytes(&b->header_bytes), buf_bytes(&b->body));
    keep_record(n, RECORD_BODY, b->header.view, writer_bytes(&w));
    buf_deinit(&out);
}

static void checkpoint_one(void *ctx,
                           const struct vote *vote,
                           const struct cert *cert)
{
    struct node *n = ctx;

    if (vote != NULL)
        keep_vote(n, vote);
    else
        keep_cert(n, cert);
}

static void append_mark(struct node *n)
{
    uint8_t buf[RECORD_CHECKPOINT_BYTES];
    struct writer w = writer_of(buf, sizeof buf);
    struct record_checkpoint mark;

    if (!core_checkpoint_mark(n->core, &mark))
        return;
    record_checkpoint_encode(&w, &mark);
    keep_record(n, RECORD_CHECKPOINT, mark.view, writer_bytes(&w));
}

/* When a segment is well filled and the store has passed its bodies, a new one
 * starts with what still matters and the old ones go. */
void replica_cut_journal(struct node *n)
{
    uint8_t birth[64];
    struct writer w = writer_of(birth, sizeof birth);
    uint32_t first;
    enum err e;

    if (n->flushing || n->stopping || n->later.size > 0 || n->core->passed ||
        journal_segment_bytes(n->journal) < JOURNAL_CUT_BYTES ||
        n->durable_height < n->tip.height ||
        n->core->fin.height > n->tip.height + 1)
        return;
    e = journal_begin_segment(n->journal);
    first = journal_segment(n->journal);
    if (e == ERR_NONE) {
        record_birth_encode(&w, &n->key, n->birth_epoch);
        keep_record(n, RECORD_BIRTH, 0, writer_bytes(&w));
        if (n->journal_started)
            keep_record(n, RECORD_START, 0, bytes_of("", 0));
        if (n->core->observer)
            keep_record(n, RECORD_OBSERVER, 0, bytes_of("", 0));
        if (n->set.epoch > 0)
            keep_end(n, &n->end_cert);
        for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
            if (n->blocks[i].used && n->blocks[i].has_body &&
                n->blocks[i].header.height > n->durable_height &&
                core_promised_body(n->core, &n->blocks[i].hash))
                keep_body(n, &n->blocks[i]);
        }
        append_mark(n);
        core_checkpoint(n->core, checkpoint_one, n);
        e = journal_sync(n->journal);
    }
    /* The older segments go only when a later batch shows that the checkpoint
     * was on disk: damage to it would pass for a torn end, and the votes in it
     * be forgotten. */
    if (e == ERR_NONE) {
        if (n->journal_started)
            keep_record(n, RECORD_START, 0, bytes_of("", 0));
        else
            keep_record(n, RECORD_BIRTH, 0, writer_bytes(&w));
        e = journal_sync(n->journal);
    }
    if (e == ERR_NONE)
        e = journal_drop_older(n->journal, first);
    if (e != ERR_NONE)
        keep_failed(n, e);
}
