#include "storage/journal.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/reader.h"
#include "base/writer.h"
#include "crypto/random.h"
#include "storage/datadir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    SEGMENT_BYTES = 16 << 20,
    SEGMENT_HEADER = 64,
    SALT = 8,
    RECORD_HEADER = 48,
    RECORD_TYPE_AT = 4,
    RECORD_ALIGN = 8,
    JOURNAL_FORMAT = 2,
    SEGMENTS_MAX_OPEN = 4096,
};

struct journal {
    char *dir;
    struct hash chain_id;
    int fd;
    uint32_t segment;
    uint32_t oldest; /* first segment on disk */
    uint64_t offset; /* of the next record */
    uint64_t sequence;
    uint64_t batch; /* sequence of the first record not known to be on disk */
    uint8_t salt[SALT]; /* of the newest segment */
    uint32_t crc;       /* of the last record */
    struct buf pending;
    enum err failed;
    uint64_t syncs;
};

static enum err of_errno(void)
{
    return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
}

static void path_of(char *out, size_t cap, const char *dir, uint32_t segment)
{
    snprintf(out, cap, "%s/journal-%08u.log", dir, segment);
}

static void segment_header(uint8_t out[SEGMENT_HEADER],
                           const struct hash *chain_id,
                           uint32_t segment,
                           uint64_t first_sequence,
                           const uint8_t salt[SALT])
{
    struct writer w = writer_of(out, SEGMENT_HEADER);

    memset(out, 0, SEGMENT_HEADER);
    writer_copy(&w, "EQJRNL", 6);
    writer_u16(&w, JOURNAL_FORMAT);
    writer_hash(&w, chain_id);
    writer_u32(&w, segment);
    writer_u64(&w, first_sequence);
    writer_copy(&w, salt, SALT);
    writer_u32(&w, crc32c_extend(0, bytes_of(out, w.size)));
    ASSERT(w.size == SEGMENT_HEADER);
}

/* A write may do less than it was asked for; only the next one says why. */
static enum err write_at(int fd, struct bytes from, uint64_t at)
{
    while (from.size > 0) {
        const ssize_t n = pwrite(fd, from.at, from.size, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return of_errno();
        if (n == 0)
            return ERR_IO;
        from = bytes_of(from.at + n, from.size - (size_t)n);
        at += (uint64_t)n;
    }
    return ERR_NONE;
}

static enum err write_zeros(int fd, uint64_t from, uint64_t to)
{
    static const uint8_t zeros[65536];

    while (from < to) {
        const size_t n =
            to - from < sizeof zeros ? (size_t)(to - from) : sizeof zeros;

        TRY(write_at(fd, bytes_of(zeros, n), from));
        from += n;
    }
    return ERR_NONE;
}

/* Every byte is allocated on disk: later syncs then only write data. */
static enum err fill_segment(int fd, const uint8_t header[SEGMENT_HEADER])
{
    TRY(write_zeros(fd, 0, SEGMENT_BYTES));
    TRY(write_at(fd, bytes_of(header, SEGMENT_HEADER), 0));
    return fsync(fd) == 0 ? ERR_NONE : of_errno();
}

/* It gets its name when it is whole: whatever ends the process before leaves
 * nothing that looks like a segment. */
static enum err make_segment(int *out,
                             const char *dir,
                             const struct hash *chain_id,
                             uint32_t segment,
                             uint64_t first_sequence,
                             uint8_t salt[SALT])
{
    uint8_t header[SEGMENT_HEADER];
    char path[4096];
    char temporary[4096];
    enum err e;
    int fd;

    path_of(path, sizeof path, dir, segment);
    snprintf(temporary, sizeof temporary, "%s/journal.tmp", dir);
    if (access(path, F_OK) == 0)
        return ERR_EXISTS;
    random_bytes(salt, SALT);
    segment_header(header, chain_id, segment, first_sequence, salt);
    fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return of_errno();
    e = fill_segment(fd, header);
    if (e == ERR_NONE && rename(temporary, path) != 0)
        e = of_errno();
    if (e == ERR_NONE) {
        e = file_sync_dir(dir);
    } else {
        unlink(temporary);
    }
    if (e != ERR_NONE) {
        close(fd);
        return e;
    }
    *out = fd;
    return ERR_NONE;
}

enum err journal_create(const char *dir, const struct hash *chain_id)
{
    uint8_t salt[SALT];
    int fd;

    TRY(make_segment(&fd, dir, chain_id, 0, 0, salt));
    close(fd);
    return ERR_NONE;
}

static size_t aligned(size_t size)
{
    return (size + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

/* A record as it stands in a segment. */
struct stored {
    struct journal_record record;
    uint64_t batch;
    uint32_t previous_crc;
    uint32_t crc;
    size_t size;
};

static uint32_t header_crc(const uint8_t salt[SALT], const uint8_t *head)
{
    return crc32c_extend(crc32c_extend(0, bytes_of(salt, SALT / 2)),
                         bytes_of(head, RECORD_HEADER - 4));
}

static uint32_t record_crc(const uint8_t salt[SALT],
                           struct bytes head,
                           struct bytes payload)
{
    const struct bytes half = bytes_of(salt + SALT / 2, SALT / 2);

    return crc32c_extend(crc32c_extend(crc32c_extend(0, half), head), payload);
}

/* Reads the record at the begin of in; the CRC is checked, the chain is not.
 * False if there is no whole valid record. */
static bool parse(struct stored *out, const uint8_t salt[SALT], struct bytes in)
{
    struct reader r = reader_of(in);
    const uint32_t length = reader_u32(&r);
    uint32_t head_crc;

    out->record.type = reader_u8(&r);
    (void)reader_take(&r, 3);
    out->record.sequence = reader_u64(&r);
    out->record.epoch = reader_u64(&r);
    out->record.view = reader_u64(&r);
    out->batch = reader_u64(&r);
    out->previous_crc = reader_u32(&r);
    head_crc = reader_u32(&r);
    if (r.err != ERR_NONE || out->record.type == 0 ||
        length > JOURNAL_PAYLOAD_MAX || head_crc != header_crc(salt, in.at))
        return false;
    out->record.payload = reader_take(&r, length);
    out->crc = reader_u32(&r);
    if (r.err != ERR_NONE)
        return false;
    out->size = aligned(RECORD_HEADER + (size_t)length + 4);
    return out->size <= in.size &&
           out->crc == record_crc(salt,
                                  bytes_of(in.at, RECORD_HEADER),
                                  out->record.payload);
}

/* Whether a valid record anywhere after `at` was appended when the one with
 * this sequence was on disk. */
static bool was_on_disk(struct bytes segment,
                        const uint8_t salt[SALT],
                        size_t at,
                        uint64_t sequence)
{
    for (; at + RECORD_HEADER + 4 <= segment.size; at += RECORD_ALIGN) {
        struct stored s;

        if (segment.at[at + RECORD_TYPE_AT] != 0 &&
            parse(&s, salt, bytes_of(segment.at + at, segment.size - at)) &&
            s.batch > sequence)
            return true;
    }
    return false;
}

static bool all_zero(struct bytes in)
{
    return in.size == 0 ||
           (in.at[0] == 0 && memcmp(in.at, in.at + 1, in.size - 1) == 0);
}

static enum err check_segment_header(struct journal *j,
                                     struct bytes in,
                                     uint32_t segment,
                                     uint64_t *first)
{
    uint8_t expected[SEGMENT_HEADER];
    struct reader r = reader_of(in);
    uint8_t magic[6];
    uint16_t format;
    struct hash chain;

    reader_copy(&r, magic, sizeof magic);
    format = reader_u16(&r);
    chain = reader_hash(&r);
    (void)reader_u32(&r);
    *first = reader_u64(&r);
    reader_copy(&r, j->salt, SALT);
    if (r.err != ERR_NONE || memcmp(magic, "EQJRNL", 6) != 0)
        return ERR_CORRUPT;
    if (format != JOURNAL_FORMAT)
        return ERR_VERSION;
    segment_header(expected, &chain, segment, *first, j->salt);
    if (in.size < SEGMENT_HEADER ||
        memcmp(expected, in.at, SEGMENT_HEADER) != 0)
        return ERR_CORRUPT;
    return hash_eq(&chain, &j->chain_id) ? ERR_NONE : ERR_CHAIN;
}

/* Feeds the records of one segment; is_last: its tail may be torn. */
static enum err read_segment(struct journal *j,
                             struct bytes in,
                             uint32_t segment,
                             bool is_first,
                             bool is_last,
                             journal_each_fn each,
                             void *ctx,
                             struct journal_place *at)
{
    size_t offset = SEGMENT_HEADER;
    uint64_t first;

    at->segment = segment;
    at->offset = 0;
    TRY(check_segment_header(j, in, segment, &first));
    if (is_first) {
        j->sequence = first;
    } else if (first != j->sequence) {
        return ERR_CORRUPT;
    }
    for (bool any = !is_first;; any = true) {
        struct stored s;
        const struct bytes rest = bytes_of(in.at + offset, in.size - offset);

        at->offset = offset;
        if (!parse(&s, j->salt, rest) || s.record.sequence != j->sequence ||
            (any && s.previous_crc != j->crc)) {
            if (was_on_disk(in, j->salt, offset, j->sequence))
                return ERR_CORRUPT;
            break;
        }
        TRY(each(ctx, &s.record));
        j->crc = s.crc;
        j->sequence++;
        offset += s.size;
    }
    j->offset = offset;
    if (!all_zero(bytes_of(in.at + offset, in.size - offset))) {
        if (!is_last)
            return ERR_CORRUPT;
        at->torn_bytes = in.size - offset;
    }
    return ERR_NONE;
}

enum err journal_read_segment(struct bytes in,
                              const struct hash *chain_id,
                              journal_each_fn each,
                              void *ctx,
                              struct journal_place *at)
{
    struct journal j = {.chain_id = *chain_id, .fd = -1};

    *at = (struct journal_place){0};
    return read_segment(&j, in, 0, true, true, each, ctx, at);
}

static bool segment_number(uint32_t *out, const char *name)
{
    unsigned n;
    char end;

    if (strlen(name) != 20 || sscanf(name, "journal-%8u.lo%c", &n, &end) != 2 ||
        end != 'g')
        return false;
    *out = n;
    return true;
}

/* The lowest and highest segment in dir; ERR_NOT_FOUND if there is none. */
static enum err find_segments(uint32_t *low, uint32_t *high, const char *dir)
{
    DIR *d = opendir(dir);
    bool any = false;
    struct dirent *e;

    if (d == NULL)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    while ((e = readdir(d)) != NULL) {
        uint32_t n;

        if (!segment_number(&n, e->d_name))
            continue;
        if (!any || n < *low)
            *low = n;
        if (!any || n > *high)
            *high = n;
        any = true;
    }
    closedir(d);
    return any ? ERR_NONE : ERR_NOT_FOUND;
}

static enum err open_all(struct journal *j,
                         journal_each_fn each,
                         void *ctx,
                         struct journal_place *at)
{
    uint32_t low = 0;
    uint32_t high = 0;
    char path[4096];

    TRY(find_segments(&low, &high, j->dir));
    if (high - low >= SEGMENTS_MAX_OPEN)
        return ERR_CORRUPT;
    for (uint32_t n = low; n <= high; n++) {
        uint8_t *in;
        size_t size;
        enum err e;

        path_of(path, sizeof path, j->dir, n);
        at->segment = n;
        e = file_read(&in, &size, path, SEGMENT_BYTES);
        if (e != ERR_NONE)
            return e == ERR_NOT_FOUND || e == ERR_RANGE ? ERR_CORRUPT : e;
        if (size != SEGMENT_BYTES) { /* it got its name when it was whole */
            free(in);
            return ERR_CORRUPT;
        }
        e = read_segment(
            j, bytes_of(in, size), n, n == low, n == high, each, ctx, at);
        free(in);
        TRY(e);
    }
    j->oldest = low;
    j->segment = high;
    path_of(path, sizeof path, j->dir, high);
    j->fd = open(path, O_RDWR | O_CLOEXEC);
    if (j->fd < 0)
        return ERR_IO;
    /* What follows the last whole record never confuses again. */
    if (at->torn_bytes > 0)
        TRY(write_zeros(j->fd, j->offset, SEGMENT_BYTES));
    /* After a mere kill, what was read may not be on disk yet: it will be
     * relied upon, and the next batch says that it is. */
    j->batch = j->sequence;
    return fdatasync(j->fd) == 0 ? ERR_NONE : of_errno();
}

enum err journal_open(struct journal **out,
                      const char *dir,
                      const struct hash *chain_id,
                      journal_each_fn each,
                      void *ctx,
                      struct journal_place *at)
{
    struct journal *j = calloc(1, sizeof *j);
    enum err e;

    *out = NULL;
    *at = (struct journal_place){0};
    if (j == NULL)
        return ERR_NO_MEMORY;
    j->fd = -1;
    j->chain_id = *chain_id;
    j->dir = strdup(dir);
    if (j->dir == NULL) {
        free(j);
        return ERR_NO_MEMORY;
    }
    e = open_all(j, each, ctx, at);
    if (e != ERR_NONE) {
        journal_close(j);
        return e;
    }
    *out = j;
    return ERR_NONE;
}

void journal_close(struct journal *j)
{
    if (j == NULL)
        return;
    if (j->fd >= 0)
        close(j->fd);
    buf_deinit(&j->pending);
    free(j->dir);
    free(j);
}

enum err journal_append(struct journal *j,
                        uint8_t type,
                        uint64_t epoch,
                        uint64_t view,
                        struct bytes payload)
{
    uint8_t head[RECORD_HEADER];
    uint8_t tail[4 + RECORD_ALIGN] = {0};
    const size_t size = RECORD_HEADER + payload.size + 4;
    struct writer w = writer_of(head, sizeof head);

    TRY(j->failed);
    if (payload.size > JOURNAL_PAYLOAD_MAX || type == 0)
        return ERR_RANGE;
    if (j->offset + j->pending.size + aligned(size) > SEGMENT_BYTES)
        TRY(journal_begin_segment(j));
    writer_u32(&w, (uint32_t)payload.size);
    writer_u32(&w, type); /* type and three zero bytes */
    writer_u64(&w, j->sequence);
    writer_u64(&w, epoch);
    writer_u64(&w, view);
    writer_u64(&w, j->batch);
    writer_u32(&w, j->crc);
    writer_u32(&w, header_crc(j->salt, head));
    ASSERT(w.size == RECORD_HEADER);
    j->crc = record_crc(j->salt, writer_bytes(&w), payload);
    buf_append(&j->pending, head, sizeof head);
    buf_append(&j->pending, payload.at, payload.size);
    w = writer_of(tail, sizeof tail);
    writer_u32(&w, j->crc);
    buf_append(&j->pending, tail, 4 + aligned(size) - size);
    j->sequence++;
    return ERR_NONE;
}

enum err journal_sync(struct journal *j)
{
    TRY(j->failed);
    j->failed = write_at(j->fd, buf_bytes(&j->pending), j->offset);
    TRY(j->failed);
    /* A failed flush may leave pages marked clean: it is never tried again. */
    if (fdatasync(j->fd) != 0) {
        j->failed = of_errno();
        return j->failed;
    }
    j->offset += j->pending.size;
    buf_clear(&j->pending);
    j->batch = j->sequence;
    j->syncs++;
    return ERR_NONE;
}

enum err journal_begin_segment(struct journal *j)
{
    int fd;
    enum err e;

    TRY(journal_sync(j));
    e = make_segment(
        &fd, j->dir, &j->chain_id, j->segment + 1, j->sequence, j->salt);
    if (e != ERR_NONE) {
        j->failed = e;
        return e;
    }
    close(j->fd);
    j->fd = fd;
    j->segment++;
    j->offset = SEGMENT_HEADER;
    return ERR_NONE;
}

uint32_t journal_segment(const struct journal *j)
{
    return j->segment;
}

enum err journal_drop_older(struct journal *j, uint32_t first)
{
    char path[4096];

    TRY(j->failed);
    while (j->oldest < first && j->oldest < j->segment) {
        path_of(path, sizeof path, j->dir, j->oldest);
        if (unlink(path) != 0)
            return of_errno();
        j->oldest++;
    }
    return file_sync_dir(j->dir);
}

uint64_t journal_segment_bytes(const struct journal *j)
{
    return j->offset + j->pending.size;
}

uint64_t journal_durable(const struct journal *j)
{
    return j->batch;
}

uint64_t journal_sync_count(const struct journal *j)
{
    return j->syncs;
}
