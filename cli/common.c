#include "cli/cli.h"

#include "base/check.h"
#include "base/num.h"
#include "crypto/random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Talk, progress, keys. */

void say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

int fail(int code, const char *format, ...)
{
    va_list args;

    fputs("equity: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return code;
}

void progress(const char *what, uint64_t done, uint64_t all)
{
    static const char *last_what;
    static uint64_t last_tenth;
    uint64_t tenth;

    if (all == 0)
        return;
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr,
                "\r%s %llu/%llu%s",
                what,
                (unsigned long long)done,
                (unsigned long long)all,
                done == all ? "\n" : "");
        return;
    }
    tenth = all < 100 ? done / all : done * 10 / all; /* tenths of long work */
    if (last_what != what || done < last_tenth) {
        last_what = what;
        last_tenth = 0;
    }
    if (tenth == last_tenth)
        return;
    last_tenth = tenth;
    fprintf(stderr,
            "%s %llu/%llu\n",
            what,
            (unsigned long long)done,
            (unsigned long long)all);
}

int read_file(struct buf *out, const char *path, size_t max)
{
    FILE *f = fopen(path, "rbe");
    uint8_t chunk[65536];
    size_t n;
    bool broken;

    if (f == NULL)
        return fail(EXIT_NO_INPUT, "%s: %s", path, strerror(errno));
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && out->size <= max)
        buf_append(out, chunk, n);
    broken = ferror(f) != 0;
    fclose(f);
    return broken ? fail(EXIT_NO_INPUT, "%s: %s", path, strerror(errno)) : 0;
}

static bool write_all(int fd, struct bytes content)
{
    while (content.size > 0) {
        const ssize_t n = write(fd, content.at, content.size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        content = bytes_of(content.at + n, content.size - (size_t)n);
    }
    return fsync(fd) == 0 || errno == EINVAL || errno == EROFS;
}

int write_new_file(const char *path, struct bytes content, unsigned mode)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool ok;

    if (fd < 0 && errno == EEXIST)
        return fail(EXIT_CANNOT_CREATE,
                    "%s exists, and nothing is written over; name another file",
                    path);
    if (fd < 0)
        return fail(EXIT_CANNOT_CREATE, "%s: %s", path, strerror(errno));
    ok = write_all(fd, content);
    ok = close(fd) == 0 && ok;
    if (ok)
        return 0;
    unlink(path); /* made here */
    return fail(EXIT_IO, "%s: cannot be written", path);
}

int print_json(json_t *json)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER);

    puts(text);
    free(text);
    json_decref(json);
    return 0;
}

int get_passphrase(char out[PASSPHRASE_MAX],
                   const struct args *a,
                   const struct command *c)
{
    const char *file = args_value(a, c, "passphrase-file", NULL);
    enum err e;

    memset(out, 0, PASSPHRASE_MAX);
    if (file == NULL) {
        if (passphrase_read_terminal(out, "Passphrase: "))
            return 0;
        return fail(EXIT_USAGE,
                    "give --passphrase-file FILE (mode 0600), or run this "
                    "from a terminal");
    }
    e = passphrase_read_file(out, file);
    if (e == ERR_NONE)
        return 0;
    return fail(EXIT_NO_INPUT,
                "%s: %s",
                file,
                e == ERR_CONFIG ? "others can read it; chmod 600 first"
                                : err_text(e));
}

static bool ends_with_key(const char *name)
{
    const size_t size = strlen(name);

    return size > 4 && strcmp(name + size - 4, ".key") == 0;
}

enum err wallet_open(struct wallet *w, const char *dir, const char *passphrase)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    enum err e = ERR_NONE;

    w->count = 0;
    if (d == NULL)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    while (e == ERR_NONE && (entry = readdir(d)) != NULL) {
        char path[CLI_PATH_MAX];
        struct keystore_info info;

        if (!ends_with_key(entry->d_name))
            continue;
        if (snprintf(path, sizeof path, "%s/%s", dir, entry->d_name) >=
                (int)sizeof path ||
            w->count >= WALLET_KEYS_MAX) {
            e = ERR_FULL;
            break;
        }
        e = keystore_info_read(&info, path);
        if (e != ERR_NONE || info.kind != KEYSTORE_SECP256K1)
            continue;
        e = keystore_open(&info, &w->keys[w->count].secret, path, passphrase);
        if (e != ERR_NONE)
            break;
        memcpy(w->keys[w->count].label, info.label, sizeof info.label);
        e = key_public(&w->keys[w->count].key, &w->keys[w->count].secret);
        w->count++;
    }
    closedir(d);
    return e;
}

void wallet_wipe(struct wallet *w)
{
    OPENSSL_cleanse(w, sizeof *w);
}

const struct secret *wallet_find(const struct wallet *w,
                                 const struct pubkey *key)
{
    for (uint32_t i = 0; i < w->count; i++) {
        if (memcmp(&w->keys[i].key, key, sizeof *key) == 0)
            return &w->keys[i].secret;
    }
    return NULL;
}

const struct secret *wallet_label(const struct wallet *w, const char *label)
{
    for (uint32_t i = 0; i < w->count; i++) {
        if (strcmp(w->keys[i].label, label) == 0)
            return &w->keys[i].secret;
    }
    return NULL;
}

enum err wallet_add(struct wallet *w,
                    struct pubkey *out,
                    const char *dir,
                    const char *label,
                    const char *passphrase)
{
    struct keystore_info info = {.kind = KEYSTORE_SECP256K1};
    char path[CLI_PATH_MAX];
    const uint32_t i = w->count;

    if (i >= WALLET_KEYS_MAX)
        return ERR_FULL;
    TRY(key_new(&w->keys[i].secret));
    TRY(key_public(&w->keys[i].key, &w->keys[i].secret));
    snprintf(w->keys[i].label, sizeof w->keys[i].label, "%s", label);
    snprintf(info.label, sizeof info.label, "%s", label);
    memcpy(info.public_bytes, w->keys[i].key.raw, PUBKEY_BYTES);
    if (snprintf(path, sizeof path, "%s/%s.key", dir, label) >=
        (int)sizeof path)
        return ERR_RANGE;
    TRY(keystore_write(path, &info, &w->keys[i].secret, passphrase));
    w->count++;
    *out = w->keys[i].key;
    return ERR_NONE;
}
