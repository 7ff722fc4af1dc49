/* The end of the database's own log after a power cut.
 *
 * Of a write that was under way any sectors may be on disk.  To the library
 * that is damage, like any other; told to, it takes what stands before the
 * first record that is not whole.  But a record that was whole once, and
 * damaged later, must not take blocks away that clients were told of.
 *
 * So each batch says how many blocks were on disk when it was written, by a
 * record of the log that the database itself never reads.  If any says more
 * than there are, the database is refused, for good.  Damage to the newest
 * batch alone cannot be told from a torn end.
 *
 * A salt that nobody knows keeps transactions from holding such a record. */
#include "base/buf.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/reader.h"
#include "base/writer.h"
#include "crypto/hash.h"
#include "storage/datadir.h"
#include "storage/store_db.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MARK_BYTES = 8 + STORE_SALT_BYTES + 8 + 4,
    LOG_BYTES_MAX = 1 << 30,
    IDENTITY_BYTES_MAX = 256,
};

static const char damaged_name[] = "damaged";
static const uint8_t magic[8] = {'E', 'Q', 'O', 'N', 'D', 'I', 'S', 'K'};

/* The database's name for itself, which it tells nobody. */
static enum err read_salt(struct store *s, const char *dir)
{
    char path[4096];
    struct hash hash;
    uint8_t *at;
    size_t size;

    if (snprintf(path, sizeof path, "%s/IDENTITY", dir) >= (int)sizeof path)
        return ERR_RANGE;
    TRY(file_read(&at, &size, path, IDENTITY_BYTES_MAX));
    hash = hash_of(bytes_of(at, size));
    memcpy(s->salt, hash.raw, sizeof s->salt);
    free(at);
    return ERR_NONE;
}

void store_wal_mark(const struct store *s, rocksdb_writebatch_t *batch)
{
    uint8_t mark[MARK_BYTES];
    struct writer w = writer_of(mark, sizeof mark);

    writer_copy(&w, magic, sizeof magic);
    writer_copy(&w, s->salt, sizeof s->salt);
    writer_u64(&w, s->on_disk);
    writer_u32(&w, crc32c_extend(0, bytes_of(mark, w.size)));
    ASSERT(writer_ok(&w));
    rocksdb_writebatch_put_log_data(batch, (const char *)mark, w.size);
}

/* The most blocks that a mark in these bytes says are on disk.  A mark that a
 * boundary of the log's blocks cuts in two is passed over. */
static uint64_t most_marked(const struct store *s, struct bytes in)
{
    uint8_t head[sizeof magic + STORE_SALT_BYTES];
    uint64_t most = 0;

    memcpy(head, magic, sizeof magic);
    memcpy(head + sizeof magic, s->salt, sizeof s->salt);
    while (in.size >= MARK_BYTES) {
        const uint8_t *at = memmem(in.at, in.size, head, sizeof head);
        struct reader r;
        uint64_t blocks;

        if (at == NULL || in.size - (size_t)(at - in.at) < MARK_BYTES)
            break;
        r = reader_of(bytes_of(at + sizeof head, 12));
        blocks = reader_u64(&r);
        if (reader_u32(&r) == crc32c_extend(0, bytes_of(at, MARK_BYTES - 4)) &&
            blocks > most)
            most = blocks;
        in = bytes_of(at + 1, in.size - (size_t)(at - in.at) - 1);
    }
    return most;
}

static bool is_log(const char *name)
{
    const size_t size = strlen(name);

    return size > 4 && strcmp(name + size - 4, ".log") == 0;
}

/* Over all files of the log. */
static enum err read_marks(uint64_t *most,
                           const struct store *s,
                           const char *dir)
{
    DIR *d = opendir(dir);
    enum err e = ERR_NONE;
    struct dirent *entry;

    *most = 0;
    if (d == NULL)
        return ERR_IO;
    while (e == ERR_NONE && (entry = readdir(d)) != NULL) {
        char path[4096];
        uint8_t *at;
        size_t size;
        uint64_t here;

        if (!is_log(entry->d_name))
            continue;
        if (snprintf(path, sizeof path, "%s/%s", dir, entry->d_name) >=
            (int)sizeof path) {
            e = ERR_RANGE;
            break;
        }
        e = file_read(&at, &size, path, LOG_BYTES_MAX);
        if (e != ERR_NONE)
            break;
        here = most_marked(s, bytes_of(at, size));
        *most = here > *most ? here : *most;
        free(at);
    }
    closedir(d);
    return e;
}

enum err store_wal_look(struct store *s, const char *dir)
{
    const enum err e = read_salt(s, dir);

    if (e == ERR_NOT_FOUND)
        return ERR_NONE; /* there is no database */
    TRY(e);
    TRY(read_marks(&s->marked, s, dir));
    /* The genesis block alone is made anew from its file, and an import takes
     * it away on purpose. */
    if (s->marked == 1)
        s->marked = 0;
    return ERR_NONE;
}

/* It is refused from now on: the log that showed it is gone. */
static enum err note_damage(struct store *s)
{
    uint8_t value[8];
    struct writer w = writer_of(value, sizeof value);

    writer_u64(&w, s->marked);
    return store_put_meta(s, damaged_name, writer_bytes(&w));
}

enum err store_wal_check(
    struct store *s, const char *dir, bool read_only, char *message, size_t cap)
{
    const uint64_t blocks = s->tip.any ? s->tip.height + 1 : 0;
    uint64_t damaged = 0;

    TRY(store_read_number(s, damaged_name, &damaged));
    if (s->marked > blocks && s->marked > damaged && !read_only)
        TRY(note_damage(s));
    damaged = damaged > s->marked ? damaged : s->marked;
    if (damaged > blocks) {
        snprintf(message,
                 cap,
                 "blocks %llu to %llu were on disk and are not in its log",
                 (unsigned long long)blocks,
                 (unsigned long long)damaged - 1);
        return ERR_CORRUPT;
    }
    s->on_disk = blocks; /* opening took them from the log into its files */
    return read_only ? ERR_NONE : read_salt(s, dir);
}
