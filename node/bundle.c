#include "node/bundle.h"

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/num.h"
#include "node/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FINAL_KEPT = 3,
    SMALL_BYTES = 64 << 10, /* written whatever is free */
};

struct bundle {
    const struct node *n;
    char dir[BUNDLE_PATH_MAX];
    uint64_t left; /* bytes that may still be written */
    uint32_t files;
};

/* On a full disk the next start needs room more than the reader of this does.
 */
static uint64_t budget_of(const struct node *n)
{
    const uint64_t free_bytes = datadir_free_bytes(n->config.dir);
    const uint64_t spare = 3 * (uint64_t)DISK_ROOM_MIN;

    if (free_bytes <= spare)
        return SMALL_BYTES;
    return num_min_u64((free_bytes - spare) / 2 + SMALL_BYTES,
                       BUNDLE_BYTES_MAX);
}

/* The node halts in any case: a bundle that a power cut may lose is still one.
 */
static void sync_dir(const char *dir)
{
    if (file_sync_dir(dir) != ERR_NONE)
        log_unusual("node", "a directory was not synced", "path=%s", dir);
}

/* DATA/halt-HEIGHT-N with the first N that is free; false: there are enough, or
 * it cannot be made. */
static bool make_dir(struct bundle *b, uint64_t height)
{
    for (int i = 1; i <= BUNDLES_MAX; i++) {
        snprintf(b->dir,
                 sizeof b->dir,
                 "%s/halt-%llu-%d",
                 b->n->config.dir,
                 (unsigned long long)height,
                 i);
        if (mkdir(b->dir, 0700) == 0) {
            sync_dir(b->n->config.dir);
            return true;
        }
        if (errno != EEXIST)
            return false;
    }
    return false;
}

static void write_file(struct bundle *b, const char *name, struct bytes content)
{
    char path[BUNDLE_PATH_MAX + 128];

    if (content.size == 0 || content.size > b->left)
        return;
    snprintf(path, sizeof path, "%s/%s", b->dir, name);
    if (file_write_synced(path, content, 0600) != ERR_NONE)
        return;
    b->left -= content.size;
    b->files++;
}

static void add(struct buf *out, const char *format, ...) PRINTF_LIKE(2, 3);

static void add(struct buf *out, const char *format, ...)
{
    char text[1600];
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (size > 0)
        buf_append(out,
                   text,
                   (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

static void add_hash(struct buf *out, const char *name, const struct hash *h)
{
    char hex[2 * HASH_BYTES + 1];

    hex_encode(hex, h->raw, HASH_BYTES);
    add(out, "%-14s %s\n", name, hex);
}

static void add_time(struct buf *out)
{
    const time_t now = (time_t)(node_wall_ms() / 1000);
    char text[40];
    struct tm utc;

    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    add(out, "%-14s %s\n", "time", text);
}

static void add_number(struct buf *out, const char *name, uint64_t value)
{
    add(out, "%-14s %llu\n", name, (unsigned long long)value);
}

static void write_halt(struct bundle *b, const char *text, const char *detail)
{
    const struct node *n = b->n;
    struct buf out = {0};

    add(&out, "%s\n%s\n\n", text, detail);
    add_time(&out);
    add_hash(&out, "chain", &n->chain_id);
    add(&out, "%-14s %d of %u\n", "validator", n->me, n->set.count);
    add_number(&out, "epoch", n->set.epoch);
    add_number(&out, "height", n->tip.height);
    add_hash(&out, "tip", &n->tip_hash);
    add_hash(&out, "state_root", &n->tip.state_root);
    add_number(&out, "on disk", n->durable_height);
    if (n->core != NULL) {
        add_number(&out, "view", n->core->view);
        add_number(&out, "final view", n->core->fin.view);
        add_number(&out, "final height", n->core->fin.height);
        add_hash(&out, "final block", &n->core->fin.block);
        add(&out, "%-14s %s\n", "observer", n->core->observer ? "yes" : "no");
    }
    add(&out,
        "\nThe data directory is as it was at the halt: keep it.  Compare "
        "difference.txt\nand certificates.txt with another node's; read "
        "events.trace with\n  equityd events %s/events.trace\n",
        b->dir);
    write_file(b, "halt.txt", buf_bytes(&out));
    buf_deinit(&out);
}

static void write_config(struct bundle *b)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    if (f == NULL)
        return;
    config_print(f, &b->n->config);
    if (fclose(f) == 0)
        write_file(b, "config.ini", bytes_of(text, size));
    free(text);
}

static void write_trace(struct bundle *b)
{
    struct buf out = {0};

    if (b->n->trace == NULL || b->left < TRACE_ENTRIES * TRACE_ENTRY_BYTES)
        return;
    trace_write(b->n->trace, &out);
    write_file(b, "events.trace", buf_bytes(&out));
    buf_deinit(&out);
}

static const char *vote_name(uint8_t kind)
{
    return kind == VOTE_NOTARIZE  ? "NOTARIZE"
           : kind == VOTE_NULLIFY ? "NULLIFY"
                                  : "FINALIZE";
}

static void add_about(struct buf *out,
                      const char *what,
                      uint8_t kind,
                      const struct candidate *about)
{
    char block[2 * HASH_BYTES + 1];

    hex_encode(block, about->block.raw, HASH_BYTES);
    add(out,
        "%s %s view=%llu parent_view=%llu height=%llu block=%s ",
        what,
        vote_name(kind),
        (unsigned long long)about->view,
        (unsigned long long)about->parent_view,
        (unsigned long long)about->height,
        block);
}

static void add_bytes(struct buf *out, struct bytes b)
{
    char *hex = malloc(2 * b.size + 1);

    if (hex == NULL)
        return;
    hex_encode(hex, b.at, b.size);
    buf_append(out, hex, 2 * b.size);
    buf_append(out, "\n", 1);
    free(hex);
}

static void add_one(void *ctx, const struct vote *vote, const struct cert *cert)
{
    struct buf *out = ctx;
    uint8_t bytes[CERT_BYTES_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);

    if (vote != NULL) {
        add_about(out, "vote", vote->kind, &vote->about);
        add(out, "signer=%u ", vote->signer);
        vote_encode(&w, vote);
    } else {
        add_about(out, "certificate", cert->kind, &cert->about);
        cert_encode(&w, cert);
    }
    add(out, "bytes=");
    add_bytes(out, writer_bytes(&w));
}

void bundle_note_event(struct node *n, const struct core_event *e)
{
    buf_clear(&n->last_event);
    for (uint32_t i = 0; i < e->cert_count; i++)
        add_one(&n->last_event, NULL, &e->certs[i]);
    if (e->vote != NULL)
        add_one(&n->last_event, e->vote, NULL);
}

static void write_certs(struct bundle *b)
{
    struct buf out = {0};

    if (b->n->core == NULL)
        return;
    core_checkpoint(b->n->core, add_one, &out);
    if (b->n->last_event.size > 0)
        add(&out, "\nin the event at which it halted\n");
    buf_append(&out, b->n->last_event.at, b->n->last_event.size);
    write_file(b, "certificates.txt", buf_bytes(&out));
    buf_deinit(&out);
}

static void write_block(struct bundle *b, const struct block_entry *e)
{
    struct buf out = {0};
    char name[120];
    char hash[17];
    struct writer w;

    hex_encode(hash, e->hash.raw, 8);
    snprintf(name,
             sizeof name,
             "%llu-%s.block",
             (unsigned long long)e->header.height,
             hash);
    buf_append(&out, NULL, 8 + e->header_bytes.size + e->body.size);
    w = writer_of(out.at, out.size);
    msg_block_encode(&w, buf_bytes(&e->header_bytes), buf_bytes(&e->body));
    write_file(b, name, writer_bytes(&w));
    buf_deinit(&out);
}

static void write_blocks(struct bundle *b)
{
    for (uint32_t i = 0; b->n->blocks != NULL && i < BLOCKS_MAX; i++) {
        if (b->n->blocks[i].used &&
            b->n->blocks[i].header.height > b->n->tip.height)
            write_block(b, &b->n->blocks[i]);
    }
    if (b->n->failing != NULL)
        write_block(b, b->n->failing);
}

static void write_final(struct bundle *b)
{
    const struct node *n = b->n;
    const uint64_t last = n->durable_height;

    if (n->store == NULL || n->write_failed != ERR_NONE)
        return; /* the library is not to be trusted any more */
    for (uint64_t i = 0; i < FINAL_KEPT && i < last; i++) {
        struct buf out = {0};
        char name[40];

        snprintf(
            name, sizeof name, "%llu.final", (unsigned long long)(last - i));
        if (sync_read_block(n->store, &out, last - i))
            write_file(b, name, buf_bytes(&out));
        buf_deinit(&out);
    }
}

void bundle_write(struct node *n,
                  const char *text,
                  const char *detail,
                  char path[BUNDLE_PATH_MAX])
{
    struct bundle b = {.n = n, .left = budget_of(n)};

    path[0] = '\0';
    if (!make_dir(&b, n->tip.height))
        return;
    write_halt(&b, text, detail);
    write_config(&b);
    write_file(&b, "difference.txt", buf_bytes(&n->difference));
    write_certs(&b);
    write_trace(&b);
    write_blocks(&b);
    write_final(&b);
    sync_dir(b.dir);
    if (b.files > 0)
        memcpy(path, b.dir, sizeof b.dir);
    else
        (void)rmdir(b.dir);
}
