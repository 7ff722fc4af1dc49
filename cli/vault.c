#include "cli/vault.h"

#include "audit/receipt.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/reader.h"
#include "base/writer.h"
#include "crypto/hash.h"
#include "crypto/keystore.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t magic[8] = {'E', 'Q', 'V', 'A', 'U', 'L', 'T', 1};

enum {
    RECORD_MAX = VAULT_ENTRY_BYTES_MAX,
    LOOK_AHEAD = 65536, /* bytes after a bad record that are looked at */
    LOOK_AHEAD_RECORDS = 256,
};

struct vault {
    int fd;
    off_t size; /* whole records */
    struct secret key;
    uint32_t count;
    uint32_t cap;
    struct vault_entry *entries;
    uint32_t *by_account; /* entry + 1 */
    uint32_t *by_tag;
    uint32_t map_cap;
};

static void write_text(struct writer *w, const char *text)
{
    writer_vec(w, bytes_of(text, strlen(text)));
}

void vault_entry_encode(struct writer *w, const struct vault_entry *e)
{
    writer_hash(w, &e->account);
    writer_hash(w, &e->subject_tag);
    writer_hash(w, &e->identity);
    writer_copy(w, e->nonce, sizeof e->nonce);
    writer_copy(w, e->salt, sizeof e->salt);
    writer_u16(w, e->custodian);
    write_text(w, e->name);
    write_text(w, e->id_type);
    write_text(w, e->id_number);
    write_text(w, e->contact);
}

static void read_text(struct reader *r, char *out, size_t cap)
{
    const struct bytes text = reader_vec(r, (uint32_t)cap - 1);

    if (text.size > 0)
        memcpy(out, text.at, text.size);
}

enum err vault_entry_decode(struct vault_entry *e, struct bytes in)
{
    struct reader r = reader_of(in);

    memset(e, 0, sizeof *e);
    e->account = reader_hash(&r);
    e->subject_tag = reader_hash(&r);
    e->identity = reader_hash(&r);
    reader_copy(&r, e->nonce, sizeof e->nonce);
    reader_copy(&r, e->salt, sizeof e->salt);
    e->custodian = reader_u16(&r);
    read_text(&r, e->name, sizeof e->name);
    read_text(&r, e->id_type, sizeof e->id_type);
    read_text(&r, e->id_number, sizeof e->id_number);
    read_text(&r, e->contact, sizeof e->contact);
    return reader_finish(&r);
}

static uint32_t place(const struct vault *v, const struct hash *h)
{
    uint32_t x;

    memcpy(&x, h->raw, sizeof x);
    return x & (v->map_cap - 1);
}

static void map_put(struct vault *v, uint32_t index)
{
    uint32_t a = place(v, &v->entries[index].account);
    uint32_t t = place(v, &v->entries[index].subject_tag);

    while (v->by_account[a] != 0)
        a = (a + 1) & (v->map_cap - 1);
    v->by_account[a] = index + 1;
    while (v->by_tag[t] != 0)
        t = (t + 1) & (v->map_cap - 1);
    v->by_tag[t] = index + 1;
}

static void keep(struct vault *v, const struct vault_entry *e)
{
    if (v->count == v->cap) {
        v->cap = v->cap == 0 ? 256 : v->cap * 2;
        v->entries = realloc(v->entries, v->cap * sizeof v->entries[0]);
        ASSERT(v->entries != NULL);
        v->map_cap = v->cap * 2;
        free(v->by_account);
        free(v->by_tag);
        v->by_account = calloc(v->map_cap, sizeof v->by_account[0]);
        v->by_tag = calloc(v->map_cap, sizeof v->by_tag[0]);
        ASSERT(v->by_account != NULL && v->by_tag != NULL);
        for (uint32_t i = 0; i < v->count; i++)
            map_put(v, i);
    }
    v->entries[v->count] = *e;
    map_put(v, v->count++);
}

/* The place of a record is authenticated with it: none can be moved. */
static struct bytes associated(uint8_t out[16], uint32_t index)
{
    struct writer w = writer_of(out, 16);

    writer_copy(&w, magic, sizeof magic);
    writer_u32(&w, index);
    return bytes_of(out, w.size);
}

enum found {
    FOUND_RECORD,
    FOUND_END, /* the file ends within it */
    FOUND_BAD, /* it does not open, or is not one of ours */
};

/* Reads the record at `at` as number `index`; its size in the file. */
static enum found read_record(const struct vault *v,
                              struct bytes in,
                              size_t at,
                              uint32_t index,
                              struct vault_entry *e,
                              size_t *size)
{
    struct reader r = reader_of(bytes_of(in.at + at, in.size - at));
    const struct bytes sealed = reader_vec(&r, RECORD_MAX);
    uint8_t plain[RECORD_MAX];
    uint8_t about[16];
    enum err failed;

    if (r.err == ERR_TRUNCATED)
        return FOUND_END;
    if (r.err != ERR_NONE || sealed.size < AEAD_OVERHEAD ||
        aead_open(plain, &v->key, associated(about, index), sealed) != ERR_NONE)
        return FOUND_BAD;
    failed =
        vault_entry_decode(e, bytes_of(plain, sealed.size - AEAD_OVERHEAD));
    OPENSSL_cleanse(plain, sizeof plain);
    *size = 4 + sealed.size;
    return failed == ERR_NONE ? FOUND_RECORD : FOUND_BAD;
}

/* Whether a record opens somewhere after `at`: then what stands at `at` is
 * damaged, for records are written in their order. */
static bool one_follows(const struct vault *v, struct bytes in, size_t at)
{
    const size_t end = in.size - at < LOOK_AHEAD ? in.size : at + LOOK_AHEAD;

    for (size_t i = at + 1; i + 4 + AEAD_OVERHEAD <= end; i++) {
        for (uint32_t k = 1; k <= LOOK_AHEAD_RECORDS; k++) {
            struct vault_entry e;
            size_t size;
            const enum found f = read_record(v, in, i, v->count + k, &e, &size);

            if (f == FOUND_RECORD)
                return true;
            if (f == FOUND_END || in.at[i + 2] != 0 || in.at[i + 3] != 0)
                break; /* no number makes this length a record's */
        }
    }
    return false;
}

/* The records up to *good.  What follows is a torn end, or the error. */
static enum err load(struct vault *v, struct bytes in, size_t *good)
{
    *good = sizeof magic;
    if (in.size < sizeof magic || memcmp(in.at, magic, sizeof magic) != 0)
        return ERR_VERSION;
    while (*good < in.size) {
        struct vault_entry e;
        size_t size = 0;
        const enum found f = read_record(v, in, *good, v->count, &e, &size);

        if (f != FOUND_RECORD) {
            if (f == FOUND_BAD && v->count == 0)
                return ERR_PASSPHRASE; /* or another key */
            return one_follows(v, in, *good) ? ERR_CORRUPT : ERR_NONE;
        }
        keep(v, &e);
        *good += size;
    }
    return ERR_NONE;
}

/* A torn end goes aside, whatever it was. */
static enum err put_aside(const char *path, struct bytes tail)
{
    char aside[4096];
    int fd;
    bool ok;

    if (snprintf(aside, sizeof aside, "%s.torn", path) >= (int)sizeof aside)
        return ERR_RANGE;
    fd = open(aside, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    ok = write(fd, tail.at, tail.size) == (ssize_t)tail.size && fsync(fd) == 0;
    close(fd);
    return ok ? ERR_NONE : ERR_IO;
}

static enum err read_all(struct vault *v, struct buf *out)
{
    struct stat st;
    uint8_t *at;
    size_t got = 0;

    if (fstat(v->fd, &st) != 0 || st.st_size < 0)
        return ERR_IO;
    at = buf_append(out, NULL, (size_t)st.st_size);
    while (got < (size_t)st.st_size) {
        const ssize_t n =
            pread(v->fd, at + got, (size_t)st.st_size - got, (off_t)got);

        if (n <= 0)
            return ERR_IO;
        got += (size_t)n;
    }
    return ERR_NONE;
}

/* The name of a new file is on disk before anything relies on the file. */
static enum err sync_folder_of(const char *path)
{
    char copy[4096];
    int fd;
    bool ok;

    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return ERR_RANGE;
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok ? ERR_NONE : ERR_IO;
}

static enum err begin_file(struct vault *v, const char *path)
{
    if (ftruncate(v->fd, 0) != 0 ||
        pwrite(v->fd, magic, sizeof magic, 0) != (ssize_t)sizeof magic ||
        fsync(v->fd) != 0)
        return errno == ENOSPC ? ERR_FULL : ERR_IO;
    return sync_folder_of(path);
}

static enum err open_file(struct vault *v, const char *path)
{
    struct buf in = {0};
    size_t good = sizeof magic;
    enum err e;

    v->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (v->fd < 0)
        return ERR_IO;
    if (flock(v->fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? ERR_LOCKED : ERR_IO;
    e = read_all(v, &in);
    if (e == ERR_NONE && in.size < sizeof magic &&
        (in.size == 0 || memcmp(in.at, magic, in.size) == 0))
        e = begin_file(v, path); /* new, or cut short when it was */
    else if (e == ERR_NONE)
        e = load(v, buf_bytes(&in), &good);
    if (e == ERR_NONE && in.size > good)
        e = put_aside(path, bytes_of(in.at + good, in.size - good));
    v->size = (off_t)good;
    if (e == ERR_NONE && in.size > good && ftruncate(v->fd, v->size) != 0)
        e = ERR_IO;
    buf_deinit(&in);
    return e;
}

enum err vault_open(struct vault **out,
                    const char *path,
                    const struct secret *key)
{
    struct vault *v = calloc(1, sizeof *v);
    enum err e;

    *out = NULL;
    ASSERT(v != NULL);
    v->key = *key;
    e = open_file(v, path);
    if (e != ERR_NONE) {
        vault_close(v);
        return e;
    }
    *out = v;
    return ERR_NONE;
}

void vault_close(struct vault *v)
{
    if (v == NULL)
        return;
    if (v->fd >= 0)
        close(v->fd);
    if (v->entries != NULL)
        OPENSSL_cleanse(v->entries, v->cap * sizeof v->entries[0]);
    free(v->entries);
    free(v->by_account);
    free(v->by_tag);
    secret_wipe(&v->key);
    free(v);
}

enum err vault_sync(struct vault *v)
{
    return fsync(v->fd) == 0 ? ERR_NONE : (errno == ENOSPC ? ERR_FULL : ERR_IO);
}

enum err vault_add(struct vault *v, const struct vault_entry *e, bool sync)
{
    uint8_t plain[RECORD_MAX];
    uint8_t sealed[4 + RECORD_MAX + AEAD_OVERHEAD];
    uint8_t about[16];
    struct writer p = writer_of(plain, sizeof plain);
    struct writer s = writer_of(sealed, 4);

    size_t size;

    vault_entry_encode(&p, e);
    ASSERT(writer_ok(&p) && p.size + AEAD_OVERHEAD <= RECORD_MAX);
    writer_u32(&s, (uint32_t)p.size + AEAD_OVERHEAD);
    TRY(aead_seal(
        sealed + 4, &v->key, associated(about, v->count), writer_bytes(&p)));
    OPENSSL_cleanse(plain, sizeof plain);
    size = 4 + p.size + AEAD_OVERHEAD;
    if (pwrite(v->fd, sealed, size, v->size) != (ssize_t)size) {
        const enum err failed = errno == ENOSPC ? ERR_FULL : ERR_IO;

        (void)!ftruncate(v->fd, v->size); /* a half record is cut at the next
                                             opening anyway */
        return failed;
    }
    v->size += (off_t)size;
    keep(v, e);
    return sync ? vault_sync(v) : ERR_NONE;
}

const struct vault_entry *vault_by_account(const struct vault *v,
                                           const struct hash *account)
{
    if (v->map_cap == 0)
        return NULL;
    for (uint32_t i = place(v, account); v->by_account[i] != 0;
         i = (i + 1) & (v->map_cap - 1)) {
        if (hash_eq(&v->entries[v->by_account[i] - 1].account, account))
            return &v->entries[v->by_account[i] - 1];
    }
    return NULL;
}

const struct vault_entry *vault_by_tag(const struct vault *v,
                                       const struct hash *tag)
{
    if (v->map_cap == 0)
        return NULL;
    for (uint32_t i = place(v, tag); v->by_tag[i] != 0;
         i = (i + 1) & (v->map_cap - 1)) {
        if (hash_eq(&v->entries[v->by_tag[i] - 1].subject_tag, tag))
            return &v->entries[v->by_tag[i] - 1];
    }
    return NULL;
}

uint32_t vault_count(const struct vault *v)
{
    return v->count;
}

/* Upper case, without spaces: one person has one tag. */
static void normalised(struct writer *w, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text != ' ')
            writer_u8(w, (uint8_t)toupper((unsigned char)*text));
    }
    writer_u8(w, 0);
}

struct hash vault_tag(const struct secret *consortium_key,
                      const char *id_type,
                      const char *id_number)
{
    uint8_t buf[256];
    struct writer w = writer_of(buf, sizeof buf);

    normalised(&w, id_type);
    normalised(&w, id_number);
    ASSERT(writer_ok(&w));
    return hash_hmac(bytes_of(consortium_key->raw, sizeof consortium_key->raw),
                     writer_bytes(&w));
}

struct hash vault_identity(const struct hash *account,
                           const uint8_t salt[16],
                           const char *id_type,
                           const char *id_number,
                           const char *name)
{
    struct identity id = {.id_type = bytes_of(id_type, strlen(id_type)),
                          .id_number = bytes_of(id_number, strlen(id_number)),
                          .name = bytes_of(name, strlen(name))};

    memcpy(id.salt, salt, sizeof id.salt);
    return identity_commitment(account, &id);
}
