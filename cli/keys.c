/* equity keys: private keys, encrypted at rest. */
#include "cli/cli.h"

#include "base/hex.h"
#include "crypto/transport.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static const struct flag new_flags[] = {
    {"dir", true, "folder of the key files (default ./keys)"},
    {"passphrase-file", true, "file, mode 0600, that unlocks them"},
    {"transport", false, "a node's TLS identity instead of a signing key"},
    {"json", false, "as JSON"},
    {NULL, false, NULL},
};

static const char *kind_name(uint8_t kind)
{
    return kind == KEYSTORE_SECP256K1 ? "secp256k1"
           : kind == KEYSTORE_ED25519 ? "ed25519 (transport)"
                                      : "aes-256";
}

static void print_key(const char *path, const struct keystore_info *info)
{
    char hex[2 * KEYSTORE_PUBLIC_MAX + 1];

    hex_encode(
        hex, info->public_bytes, info->kind == KEYSTORE_SECP256K1 ? 33 : 32);
    printf(
        "%-24s %-20s %s  %s\n", info->label, kind_name(info->kind), hex, path);
}

static json_t *key_json(const char *path, const struct keystore_info *info)
{
    return json_pack("{s:s, s:s, s:o, s:s}",
                     "label",
                     info->label,
                     "kind",
                     kind_name(info->kind),
                     "public",
                     json_of_hex(info->public_bytes,
                                 info->kind == KEYSTORE_SECP256K1 ? 33 : 32),
                     "file",
                     path);
}

/* A label is the name of a file, too. */
static bool label_ok(const char *label)
{
    return label[0] != '\0' && label[0] != '.' && label[0] != '-' &&
           strlen(label) <= KEYSTORE_LABEL_MAX &&
           strspn(label,
                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                  "0123456789.-_") == strlen(label);
}

static int run_new(const struct command *c, int argc, char **argv)
{
    struct keystore_info info = {0};
    struct secret secret;
    struct args a;
    char passphrase[PASSPHRASE_MAX];
    char path[CLI_PATH_MAX];
    const char *dir;
    enum err e;
    int code = args_read(&a, c, argc, argv);

    if (code != 0)
        return code;
    if (a.words != 1 || !label_ok(a.word[0]))
        return fail(EXIT_USAGE,
                    "name the key: up to 32 letters, digits, '.', '-' and '_'");
    dir = args_value(&a, c, "dir", "keys");
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fail(EXIT_CANNOT_CREATE, "%s: %s", dir, strerror(errno));
    code = get_passphrase(passphrase, &a, c);
    if (code != 0)
        return code;
    snprintf(info.label, sizeof info.label, "%s", a.word[0]);
    snprintf(path, sizeof path, "%.900s/%s.key", dir, a.word[0]);
    if (args_has(&a, c, "transport")) {
        info.kind = KEYSTORE_ED25519;
        e = transport_key_new(&secret);
        if (e == ERR_NONE)
            e = transport_public(info.public_bytes, &secret);
    } else {
        struct pubkey key;

        info.kind = KEYSTORE_SECP256K1;
        e = key_new(&secret);
        if (e == ERR_NONE)
            e = key_public(&key, &secret);
        memcpy(info.public_bytes, key.raw, sizeof key.raw);
    }
    if (e == ERR_NONE)
        e = keystore_write(path, &info, &secret, passphrase);
    secret_wipe(&secret);
    memset(passphrase, 0, sizeof passphrase);
    if (e != ERR_NONE)
        return fail(EXIT_CANNOT_CREATE, "%s: %s", path, err_text(e));
    if (args_has(&a, c, "json"))
        return print_json(key_json(path, &info));
    print_key(path, &info);
    return 0;
}

static const struct flag list_flags[] = {
    {"dir", true, "folder of the key files (default ./keys)"},
    {"json", false, "as JSON"},
    {NULL, false, NULL},
};

static int run_list(const struct command *c, int argc, char **argv)
{
    struct args a;
    DIR *d;
    struct dirent *entry;
    const char *dir;
    json_t *list;
    int code = args_read(&a, c, argc, argv);

    if (code != 0)
        return code;
    dir = args_value(&a, c, "dir", "keys");
    d = opendir(dir);
    if (d == NULL)
        return fail(EXIT_NO_INPUT, "%s: %s", dir, strerror(errno));
    list = json_array();
    while ((entry = readdir(d)) != NULL) {
        struct keystore_info info;
        char path[CLI_PATH_MAX];

        snprintf(path, sizeof path, "%.700s/%.256s", dir, entry->d_name);
        if (entry->d_name[0] == '.' ||
            keystore_info_read(&info, path) != ERR_NONE)
            continue;
        if (args_has(&a, c, "json"))
            json_array_append_new(list, key_json(path, &info));
        else
            print_key(path, &info);
    }
    closedir(d);
    if (args_has(&a, c, "json"))
        return print_json(list);
    json_decref(list);
    return 0;
}

static const struct flag show_flags[] = {
    {"passphrase-file", true, "also check that this unlocks it"},
    {"json", false, "as JSON"},
    {NULL, false, NULL},
};

static int run_show(const struct command *c, int argc, char **argv)
{
    struct keystore_info info;
    struct args a;
    enum err e;
    int code = args_read(&a, c, argc, argv);

    if (code != 0)
        return code;
    if (a.words != 1)
        return fail(EXIT_USAGE, "name one key file");
    e = keystore_info_read(&info, a.word[0]);
    if (e != ERR_NONE)
        return fail(EXIT_NO_INPUT, "%s: %s", a.word[0], err_text(e));
    if (args_has(&a, c, "passphrase-file")) {
        char passphrase[PASSPHRASE_MAX];
        struct secret secret;

        code = get_passphrase(passphrase, &a, c);
        if (code != 0)
            return code;
        e = keystore_open(&info, &secret, a.word[0], passphrase);
        secret_wipe(&secret);
        if (e != ERR_NONE)
            return fail(EXIT_DATA, "%s: %s", a.word[0], err_text(e));
    }
    if (args_has(&a, c, "json"))
        return print_json(key_json(a.word[0], &info));
    print_key(a.word[0], &info);
    return 0;
}

const struct command keys_commands[] = {
    {"keys new",
     "LABEL [flags]",
     "Make a key and keep it encrypted.",
     new_flags,
     run_new},
    {"keys list",
     "[flags]",
     "The keys of a folder; no passphrase needed.",
     list_flags,
     run_list},
    {"keys show", "FILE [flags]", "One key file.", show_flags, run_show},
    {NULL, NULL, NULL, NULL, NULL},
};
