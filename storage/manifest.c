#include "storage/manifest.h"

#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"
#include "crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    HEX_BYTES = 2 * HASH_BYTES,
    NUMBER_MAX = 20,
    CAP_FIRST = 64,
};

static bool name_ok(const char *name)
{
    const char *plain = strncmp(name, "db/", 3) == 0 ? name + 3 : name;
    const size_t size = strlen(plain);

    if (size == 0 || size > 63 || plain[0] == '.')
        return false;
    for (const char *p = plain; *p != '\0'; p++) {
        const bool letter = (*p >= 'a' && *p <= 'z') ||
                            (*p >= 'A' && *p <= 'Z') ||
                            (*p >= '0' && *p <= '9');

        if (!letter && *p != '.' && *p != '_' && *p != '-')
            return false;
    }
    return true;
}

enum err manifest_add(struct manifest *m,
                      const char *name,
                      uint64_t size,
                      const struct hash *sha256)
{
    uint32_t at = m->count;

    if (!name_ok(name))
        return ERR_RANGE;
    if (m->count >= MANIFEST_FILES_MAX)
        return ERR_FULL;
    while (at > 0 && strcmp(name, m->files[at - 1].name) < 0)
        at--;
    if (at > 0 && strcmp(name, m->files[at - 1].name) == 0)
        return ERR_EXISTS;
    /* grows by doubling: at each power of two */
    if ((m->count & (m->count - 1)) == 0 &&
        (m->count >= CAP_FIRST || m->count == 0)) {
        const size_t cap = m->count == 0 ? CAP_FIRST : (size_t)m->count * 2;

        m->files = realloc(m->files, cap * sizeof m->files[0]);
        ASSERT(m->files != NULL);
    }
    memmove(
        &m->files[at + 1], &m->files[at], (m->count - at) * sizeof m->files[0]);
    m->files[at] = (struct manifest_file){.size = size, .sha256 = *sha256};
    memcpy(m->files[at].name, name, strlen(name));
    m->count++;
    return ERR_NONE;
}

const struct manifest_file *manifest_find(const struct manifest *m,
                                          const char *name)
{
    for (uint32_t i = 0; i < m->count; i++) {
        if (strcmp(m->files[i].name, name) == 0)
            return &m->files[i];
    }
    return NULL;
}

static void put_text(struct buf *out, const char *text)
{
    buf_append(out, text, strlen(text));
}

static void put_hash(struct buf *out, const char *word, const struct hash *h)
{
    char hex[HEX_BYTES + 1];

    put_text(out, word);
    put_text(out, " ");
    hex_encode(hex, h->raw, HASH_BYTES);
    put_text(out, hex);
}

void manifest_encode(struct buf *out, const struct manifest *m)
{
    const size_t from = out->size;
    char line[64 + MANIFEST_NAME_MAX];
    struct hash all;

    put_text(out, "equity-backup 1\n");
    put_hash(out, "chain", &m->chain_id);
    snprintf(
        line, sizeof line, "\nheight %llu\n", (unsigned long long)m->height);
    put_text(out, line);
    put_hash(out, "block", &m->block_hash);
    put_hash(out, "\nstate", &m->state_root);
    for (uint32_t i = 0; i < m->count; i++) {
        const struct manifest_file *f = &m->files[i];

        put_hash(out, "\nfile", &f->sha256);
        snprintf(line,
                 sizeof line,
                 " %llu %s",
                 (unsigned long long)f->size,
                 f->name);
        put_text(out, line);
    }
    put_text(out, "\n");
    all = hash_of(bytes_of(out->at + from, out->size - from));
    put_hash(out, "end", &all);
    put_text(out, "\n");
}

struct hash manifest_digest(const struct manifest *m)
{
    struct buf text = {0};
    struct hash h;

    manifest_encode(&text, m);
    h = hash_of(buf_bytes(&text));
    buf_deinit(&text);
    return h;
}

/* The text that is left; err is the first failure. */
struct text {
    struct bytes left;
    enum err err;
};

static void stop(struct text *t, enum err e)
{
    if (t->err == ERR_NONE)
        t->err = e;
}

static void take(struct text *t, const char *word)
{
    const size_t size = strlen(word);

    if (t->err != ERR_NONE)
        return;
    if (t->left.size < size || memcmp(t->left.at, word, size) != 0) {
        const size_t some = t->left.size < size ? t->left.size : size;

        stop(t,
             t->left.size < size && memcmp(t->left.at, word, some) == 0
                 ? ERR_TRUNCATED
                 : ERR_RANGE);
        return;
    }
    t->left = bytes_of(t->left.at + size, t->left.size - size);
}

/* What stands before the character `end`, which is taken too. */
static void take_until(struct text *t, char *out, size_t max, char end)
{
    size_t size = 0;

    out[0] = '\0';
    if (t->err != ERR_NONE)
        return;
    while (size < t->left.size && size <= max && t->left.at[size] != end)
        size++;
    if (size == t->left.size || size > max ||
        memchr(t->left.at, '\0', size) != NULL) {
        stop(t, size == t->left.size ? ERR_TRUNCATED : ERR_RANGE);
        return;
    }
    memcpy(out, t->left.at, size);
    out[size] = '\0';
    t->left = bytes_of(t->left.at + size + 1, t->left.size - size - 1);
}

static struct hash take_hash(struct text *t, char end)
{
    char hex[HEX_BYTES + 1];
    struct hash h = {{0}};

    take_until(t, hex, HEX_BYTES, end);
    if (t->err == ERR_NONE &&
        (strlen(hex) != HEX_BYTES || !hex_decode(h.raw, HASH_BYTES, hex)))
        stop(t, ERR_RANGE);
    return h;
}

static uint64_t take_number(struct text *t, char end)
{
    char number[NUMBER_MAX + 1];
    uint64_t v = 0;

    take_until(t, number, NUMBER_MAX, end);
    if (t->err == ERR_NONE && !num_parse_u64(&v, number))
        stop(t, ERR_RANGE);
    return v;
}

static bool comes(const struct text *t, const char *word)
{
    return t->err == ERR_NONE && t->left.size >= strlen(word) &&
           memcmp(t->left.at, word, strlen(word)) == 0;
}

static void take_file(struct text *t, struct manifest *out)
{
    char name[MANIFEST_NAME_MAX + 1];
    struct hash sha256;
    uint64_t size;

    take(t, "file ");
    sha256 = take_hash(t, ' ');
    size = take_number(t, ' ');
    take_until(t, name, MANIFEST_NAME_MAX, '\n');
    if (t->err != ERR_NONE)
        return;
    if (out->count > 0 && strcmp(out->files[out->count - 1].name, name) >= 0)
        stop(t, ERR_ORDER);
    else
        stop(t, manifest_add(out, name, size, &sha256));
}

enum err manifest_decode(struct manifest *out, struct bytes in)
{
    struct text t = {.left = in};
    struct hash said;
    struct hash all;

    memset(out, 0, sizeof *out);
    take(&t, "equity-backup 1\n");
    if (t.err == ERR_RANGE)
        t.err = ERR_VERSION;
    take(&t, "chain ");
    out->chain_id = take_hash(&t, '\n');
    take(&t, "height ");
    out->height = take_number(&t, '\n');
    take(&t, "block ");
    out->block_hash = take_hash(&t, '\n');
    take(&t, "state ");
    out->state_root = take_hash(&t, '\n');
    do
        take_file(&t, out);
    while (comes(&t, "file "));
    all = hash_of(bytes_of(in.at, in.size - t.left.size));
    take(&t, "end ");
    said = take_hash(&t, '\n');
    if (t.err == ERR_NONE && !hash_eq(&said, &all))
        stop(&t, ERR_CORRUPT);
    if (t.left.size > 0)
        stop(&t, ERR_TRAILING);
    if (t.err != ERR_NONE)
        manifest_free(out);
    return t.err;
}

void manifest_free(struct manifest *m)
{
    free(m->files);
    memset(m, 0, sizeof *m);
}
