/* The end of the database's own log after a power cut.
 *
 * Of a write that was under way any sectors may be on disk: the library calls
 * what it reads there corrupt, as it calls a record that was whole once and is
 * damaged.  The first must be cut off, the second be refused, for it would take
 * blocks away that clients were told of.
 *
 * So each batch says how many blocks were on disk when it was written: a record
 * of the log that the database itself never reads.  If what stands before the
 * damage has as many blocks as anything behind it says, nothing is lost. Damage
 * to the newest batch alone cannot be told from a torn end.
 *
 * The salt is in the database and nowhere else, so that no transaction can hold
 * such a record. */
#include "base/buf.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/reader.h"
#include "base/writer.h"
#include "crypto/random.h"
#include "storage/datadir.h"
#include "storage/store_db.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MARK_BYTES = 8 + STORE_SALT_BYTES + 8 + 4,
    LOG_BYTES_MAX = 1 << 30,
};

static const char salt_name[] = "wal";
static const uint8_t magic[8] = {'E', 'Q', 'O', 'N', 'D', 'I', 'S', 'K'};

bool store_was_torn(const struct store *s)
{
    return s->was_torn;
}

static enum err read_salt(struct store *s)
{
    struct store_value v;
    enum err e = store_get(
        &v, s, NULL, FAMILY_META, bytes_of(salt_name, strlen(salt_name)));

    TRY(e);
    e = v.size == sizeof s->salt ? ERR_NONE : ERR_CORRUPT;
    if (e == ERR_NONE)
        memcpy(s->salt, v.at, sizeof s->salt);
    store_value_free(&v);
    return e;
}

enum err store_wal_begin(struct store *s)
{
    const enum err e = read_salt(s);
    char *error = NULL;

    /* Opening brings what was in the log into the files of the database. */
    s->on_disk = s->tip.any ? s->tip.height + 1 : 0;
    if (e != ERR_NOT_FOUND)
        return e;
    random_bytes(s->salt, sizeof s->salt);
    rocksdb_put_cf(s->db,
                   s->synced,
                   s->family[FAMILY_META],
                   salt_name,
                   strlen(salt_name),
                   (const char *)s->salt,
                   sizeof s->salt,
                   &error);
    return error == NULL ? ERR_NONE : store_failed(s, error);
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

/* What is there before the damage, without changing anything. */
static enum err look(struct store *s,
                     const char *dir,
                     uint64_t *blocks,
                     char *message,
                     size_t cap)
{
    struct store_tip tip = {0};
    enum err e;

    TRY(store_open_handles(s, dir, true, message, cap));
    e = store_read_mark(s, "tip", &tip);
    if (e == ERR_NONE)
        e = read_salt(s);
    for (int i = 0; i < STORE_FAMILIES; i++)
        rocksdb_column_family_handle_destroy(s->family[i]);
    rocksdb_close(s->db);
    s->db = NULL;
    *blocks = tip.any ? tip.height + 1 : 0;
    return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
}

enum err store_open_torn(struct store *s,
                         const char *dir,
                         char *message,
                         size_t cap)
{
    uint64_t blocks;
    uint64_t marked;

    s->db = NULL;
    /* To the last record that is whole, and not beyond. */
    rocksdb_options_set_wal_recovery_mode(s->options, 2);
    TRY(look(s, dir, &blocks, message, cap));
    TRY(read_marks(&marked, s, dir));
    if (marked > blocks) {
        snprintf(message,
                 cap,
                 "its log is damaged before block %llu, which was on disk",
                 (unsigned long long)(marked - 1));
        return ERR_CORRUPT;
    }
    message[0] = '\0';
    s->was_torn = true;
    return store_open_handles(s, dir, false, message, cap);
}
