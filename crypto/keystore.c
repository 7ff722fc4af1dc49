#include "crypto/keystore.h"

#include "base/check.h"
#include "base/reader.h"
#include "base/writer.h"
#include "crypto/random.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdio.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum {
    NONCE_BYTES = 12,
    TAG_BYTES = 16,
    SALT_KDF_BYTES = 32,
    SCRYPT_LOG2N = 15, /* 32 MiB: about 0.1 s */
    SCRYPT_LOG2N_MAX = 20,
    SCRYPT_R = 8,
    SCRYPT_P = 1,
    FILE_BYTES_MAX = 512,
};

static const uint8_t magic[8] = {'E', 'Q', 'K', 'E', 'Y', 0, 0, 1};

static enum err cipher(bool seal,
                       uint8_t *out,
                       uint8_t tag[TAG_BYTES],
                       const struct secret *key,
                       const uint8_t nonce[NONCE_BYTES],
                       struct bytes associated,
                       struct bytes in)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0;
    int last = 0;
    bool ok;

    ASSERT(c != NULL && in.size <= 1 << 28 && associated.size <= 1 << 20);
    ok = EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key->raw, nonce, seal) ==
             1 &&
         (associated.size == 0 ||
          EVP_CipherUpdate(c, NULL, &n, associated.at, (int)associated.size) ==
              1) &&
         (in.size == 0 ||
          EVP_CipherUpdate(c, out, &n, in.at, (int)in.size) == 1);
    if (ok && !seal)
        ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1;
    ok = ok && EVP_CipherFinal_ex(c, out + in.size, &last) == 1;
    if (ok && seal)
        ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, tag) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok ? ERR_NONE : ERR_PASSPHRASE;
}

enum err aead_seal(uint8_t *sealed,
                   const struct secret *key,
                   struct bytes associated,
                   struct bytes plain)
{
    random_bytes(sealed, NONCE_BYTES);
    return cipher(true,
                  sealed + NONCE_BYTES,
                  sealed + NONCE_BYTES + plain.size,
                  key,
                  sealed,
                  associated,
                  plain);
}

enum err aead_open(uint8_t *plain,
                   const struct secret *key,
                   struct bytes associated,
                   struct bytes sealed)
{
    uint8_t tag[TAG_BYTES];
    size_t size;
    enum err e;

    if (sealed.size < AEAD_OVERHEAD)
        return ERR_TRUNCATED;
    size = sealed.size - AEAD_OVERHEAD;
    memcpy(tag, sealed.at + NONCE_BYTES + size, TAG_BYTES);
    e = cipher(false,
               plain,
               tag,
               key,
               sealed.at,
               associated,
               bytes_of(sealed.at + NONCE_BYTES, size));
    if (e != ERR_NONE)
        OPENSSL_cleanse(plain, size);
    return e;
}

struct kdf_params {
    uint8_t log2n;
    uint32_t r;
    uint32_t p;
    uint8_t salt[SALT_KDF_BYTES];
};

static enum err derive(struct secret *out,
                       const char *passphrase,
                       const struct kdf_params *k)
{
    const uint64_t n = (uint64_t)1 << k->log2n;

    return EVP_PBE_scrypt(passphrase,
                          strlen(passphrase),
                          k->salt,
                          sizeof k->salt,
                          n,
                          k->r,
                          k->p,
                          (uint64_t)1 << 31,
                          out->raw,
                          sizeof out->raw) == 1
               ? ERR_NONE
               : ERR_NO_MEMORY;
}

/* Everything before the sealed secret: it is authenticated with it. */
static void encode_head(struct writer *w,
                        const struct keystore_info *info,
                        const struct kdf_params *k)
{
    writer_copy(w, magic, sizeof magic);
    writer_u8(w, info->kind);
    writer_vec(w, bytes_of(info->label, strlen(info->label)));
    writer_copy(w, info->public_bytes, sizeof info->public_bytes);
    writer_u8(w, k->log2n);
    writer_u32(w, k->r);
    writer_u32(w, k->p);
    writer_copy(w, k->salt, sizeof k->salt);
}

static bool label_ok(const char *label)
{
    for (; *label != '\0'; label++) {
        if ((unsigned char)*label < 0x21 || (unsigned char)*label > 0x7e)
            return false;
    }
    return true;
}

static enum err keystore_parse(struct keystore_info *info,
                               struct kdf_params *k,
                               struct bytes *head,
                               struct bytes *sealed,
                               struct bytes in)
{
    struct reader r = reader_of(in);
    uint8_t found[sizeof magic];
    struct bytes label;

    memset(info, 0, sizeof *info);
    reader_copy(&r, found, sizeof found);
    if (r.err == ERR_NONE && memcmp(found, magic, sizeof magic) != 0)
        reader_fail(&r, ERR_VERSION);
    info->kind = reader_u8(&r);
    label = reader_vec(&r, KEYSTORE_LABEL_MAX);
    reader_copy(&r, info->public_bytes, sizeof info->public_bytes);
    k->log2n = reader_u8(&r);
    k->r = reader_u32(&r);
    k->p = reader_u32(&r);
    reader_copy(&r, k->salt, sizeof k->salt);
    *head = bytes_of(in.at, in.size - r.left);
    *sealed = reader_take(&r, AEAD_OVERHEAD + SECRET_BYTES);
    if (r.err == ERR_NONE) {
        memcpy(info->label, label.at, label.size);
        /* Cost parameters are bounded before they are used. */
        if (info->kind < KEYSTORE_SECP256K1 || info->kind > KEYSTORE_AES256 ||
            strlen(info->label) != label.size || !label_ok(info->label) ||
            k->log2n < 10 || k->log2n > SCRYPT_LOG2N_MAX || k->r != SCRYPT_R ||
            k->p != SCRYPT_P)
            reader_fail(&r, ERR_CORRUPT);
    }
    return reader_finish(&r);
}

static enum err read_file(uint8_t out[FILE_BYTES_MAX],
                          size_t *size,
                          const char *path)
{
    FILE *f = fopen(path, "rbe");

    if (f == NULL)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    *size = fread(out, 1, FILE_BYTES_MAX, f);
    fclose(f);
    return ERR_NONE;
}

enum err keystore_info_decode(struct keystore_info *out, struct bytes in)
{
    struct kdf_params k;
    struct bytes head;
    struct bytes sealed;

    return keystore_parse(out, &k, &head, &sealed, in);
}

enum err keystore_info_read(struct keystore_info *out, const char *path)
{
    uint8_t file[FILE_BYTES_MAX];
    size_t size;

    TRY(read_file(file, &size, path));
    return keystore_info_decode(out, bytes_of(file, size));
}

enum err keystore_open(struct keystore_info *info,
                       struct secret *secret,
                       const char *path,
                       const char *passphrase)
{
    uint8_t file[FILE_BYTES_MAX];
    size_t size;
    struct kdf_params k;
    struct bytes head;
    struct bytes sealed;
    struct secret key;
    enum err e;

    TRY(read_file(file, &size, path));
    TRY(keystore_parse(info, &k, &head, &sealed, bytes_of(file, size)));
    TRY(derive(&key, passphrase, &k));
    e = aead_open(secret->raw, &key, head, sealed);
    secret_wipe(&key);
    return e;
}

static enum err write_file(const char *path, struct bytes content)
{
    char temporary[4096];
    char folder[4096];
    int fd;
    enum err e = ERR_NONE;

    if (access(path, F_OK) == 0)
        return ERR_EXISTS;
    if (snprintf(temporary, sizeof temporary, "%s.tmp", path) >=
        (int)sizeof temporary)
        return ERR_RANGE;
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    if (write(fd, content.at, content.size) != (ssize_t)content.size ||
        fsync(fd) != 0)
        e = errno == ENOSPC ? ERR_FULL : ERR_IO;
    close(fd);
    if (e == ERR_NONE && link(temporary, path) != 0)
        e = errno == EEXIST ? ERR_EXISTS : ERR_IO;
    unlink(temporary);
    if (e != ERR_NONE)
        return e;
    snprintf(folder, sizeof folder, "%s", path);
    fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    if (fsync(fd) != 0)
        e = ERR_IO;
    close(fd);
    return e;
}

enum err keystore_write(const char *path,
                        const struct keystore_info *info,
                        const struct secret *secret,
                        const char *passphrase)
{
    uint8_t file[FILE_BYTES_MAX];
    struct writer w = writer_of(file, sizeof file);
    struct kdf_params k = {.log2n = SCRYPT_LOG2N, .r = SCRYPT_R, .p = SCRYPT_P};
    struct secret key;
    enum err e;

    if (passphrase[0] == '\0')
        return ERR_PASSPHRASE;
    if (!label_ok(info->label))
        return ERR_RANGE;
    random_bytes(k.salt, sizeof k.salt);
    TRY(derive(&key, passphrase, &k));
    encode_head(&w, info, &k);
    ASSERT(w.size + AEAD_OVERHEAD + SECRET_BYTES <= sizeof file);
    e = aead_seal(file + w.size,
                  &key,
                  writer_bytes(&w),
                  bytes_of(secret->raw, sizeof secret->raw));
    secret_wipe(&key);
    TRY(e);
    return write_file(path,
                      bytes_of(file, w.size + AEAD_OVERHEAD + SECRET_BYTES));
}

enum err passphrase_read_file(char *out, const char *path)
{
    struct stat st;
    FILE *f = fopen(path, "re");
    size_t size;

    memset(out, 0, PASSPHRASE_MAX);
    if (f == NULL)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    if (fstat(fileno(f), &st) != 0 || (st.st_mode & 077) != 0) {
        fclose(f);
        return ERR_CONFIG;
    }
    setvbuf(f, NULL, _IONBF, 0); /* no copy stays behind */
    if (fgets(out, PASSPHRASE_MAX, f) == NULL)
        out[0] = '\0';
    fclose(f);
    size = strcspn(out, "\r\n");
    memset(out + size, 0, PASSPHRASE_MAX - size);
    return size > 0 ? ERR_NONE : ERR_PASSPHRASE;
}

bool passphrase_read_terminal(char *out, const char *prompt)
{
    struct termios old;
    struct termios quiet;
    ssize_t size;

    memset(out, 0, PASSPHRASE_MAX);
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &old) != 0)
        return false;
    quiet = old;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    fputs(prompt, stderr);
    tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
    size = read(STDIN_FILENO, out, PASSPHRASE_MAX - 1); /* one line */
    tcsetattr(STDIN_FILENO, TCSANOW, &old);
    fputc('\n', stderr);
    out[size > 0 ? strcspn(out, "\r\n") : 0] = '\0';
    return out[0] != '\0';
}
