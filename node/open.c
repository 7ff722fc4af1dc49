/* What a start needs before anything runs: genesis, keys, data directory and
 * database; each refusal says what it is and what to do. */
#include "base/check.h"
#include "base/log.h"
#include "crypto/keystore.h"
#include "crypto/transport.h"
#include "node/start.h"
#include "rpc/schema_json.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int start_complain(const char *what,
                   const char *detail,
                   const char *do_this,
                   int code)
{
    log_broken("node", what, "detail=\"%s\" do=\"%s\"", detail, do_this);
    return code;
}

int start_halt(struct node *n,
               const char *what,
               const char *detail,
               const char *do_this)
{
    const int code = start_complain(what, detail, do_this, EXIT_SAFETY_HALT);

    start_bundle(n, what, detail);
    return code;
}

/* 0, or the exit code after telling why. */
static int get_passphrase(const struct config *c, char out[PASSPHRASE_MAX])
{
    enum err e;

    if (c->passphrase_file[0] == '\0') {
        if (passphrase_read_terminal(out, "Passphrase of this node's keys: "))
            return 0;
        return start_complain("no passphrase for the keys",
                              "node.passphrase_file is not set and there is no "
                              "terminal",
                              "set node.passphrase_file to a file of mode 0600",
                              EXIT_CONFIG);
    }
    e = passphrase_read_file(out, c->passphrase_file);
    if (e == ERR_NONE)
        return 0;
    return start_complain("the passphrase file cannot be used",
                          c->passphrase_file,
                          e == ERR_CONFIG
                              ? "make it readable by its owner alone: chmod 600"
                          : e == ERR_PASSPHRASE ? "write the passphrase in its "
                                                  "first line"
                                                : "check that it exists",
                          EXIT_CONFIG);
}

int start_load_genesis(struct node *n)
{
    uint8_t *at;
    size_t size;
    char path[JSON_PATH_MAX] = "";
    char why[200] = "";
    const char *sentence = "";
    json_t *json;
    enum err e =
        file_read(&at, &size, n->config.genesis, GENESIS_BYTES_MAX * 4);

    if (e != ERR_NONE)
        return start_complain("the genesis file cannot be read",
                              n->config.genesis,
                              "check node.genesis",
                              EXIT_CONFIG);
    n->genesis = calloc(1, sizeof *n->genesis);
    ASSERT(n->genesis != NULL);
    json = json_parse(bytes_of(at, size), why, sizeof why);
    free(at);
    if (json == NULL)
        return start_complain("the genesis file is not JSON",
                              why,
                              "use the file every validator has",
                              EXIT_CONFIG);
    e = schema_from_json(n->genesis, &genesis_schema, json, path);
    json_decref(json);
    if (e != ERR_NONE)
        return start_complain("the genesis file is not valid",
                              path,
                              "use the file every validator has",
                              EXIT_CONFIG);
    if (genesis_check(n->genesis, &sentence) != ERR_NONE ||
        genesis_chain_id(&n->chain_id, n->genesis) != ERR_NONE)
        return start_complain("the genesis file is not valid",
                              sentence,
                              "use the file every validator has",
                              EXIT_CONFIG);
    return 0;
}

static int open_key(const struct config *c,
                    const char *name,
                    const char *passphrase,
                    uint8_t kind,
                    struct secret *out)
{
    char path[CONFIG_TEXT_MAX + 64];
    struct keystore_info info;
    enum err e;

    snprintf(path, sizeof path, "%s/keys/%s", c->dir, name);
    e = keystore_open(&info, out, path, passphrase);
    if (e == ERR_NONE && info.kind != kind)
        e = ERR_CORRUPT;
    if (e == ERR_NONE)
        return 0;
    return start_complain(
        "a key of this node cannot be opened",
        path,
        e == ERR_PASSPHRASE
            ? "give the right passphrase (node.passphrase_file); if it is "
              "right, the file was changed"
        : e == ERR_NOT_FOUND
            ? "make it: equity keys new, or equity devnet for a trial network"
            : "restore the key file from its backup",
        EXIT_CONFIG);
}

int start_load_keys(struct node *n)
{
    char passphrase[PASSPHRASE_MAX];
    const struct valset set = genesis_valset(n->genesis);
    struct secret transport;
    uint8_t transport_public_bytes[32];
    int code = get_passphrase(&n->config, passphrase);

    if (code == 0)
        code = open_key(&n->config,
                        "consensus.key",
                        passphrase,
                        KEYSTORE_SECP256K1,
                        &n->consensus_key);
    if (code == 0)
        code = open_key(&n->config,
                        "transport.key",
                        passphrase,
                        KEYSTORE_ED25519,
                        &transport);
    OPENSSL_cleanse(passphrase, sizeof passphrase);
    if (code != 0)
        return code;
    if (key_public(&n->key, &n->consensus_key) != ERR_NONE)
        return start_complain("the consensus key is not valid",
                              "consensus.key",
                              "restore the key file from its backup",
                              EXIT_CONFIG);
    if (transport_public(transport_public_bytes, &transport) != ERR_NONE ||
        transport_identity(&n->tls_key, &n->tls_certificate, &transport) !=
            ERR_NONE)
        return start_complain("the transport key is not valid",
                              "transport.key",
                              "restore the key file from its backup",
                              EXIT_CONFIG);
    secret_wipe(&transport);
    n->spki_hash = transport_spki_hash(transport_public_bytes);
    epoch_adopt(n, &set, 0, &n->chain_id); /* until the state says more */
    return n->me >= 0 ? start_check_pin(n, &set.list[n->me].spki_hash) : 0;
}

int start_check_pin(const struct node *n, const struct hash *pinned)
{
    if (hash_eq(&n->spki_hash, pinned))
        return 0;
    return start_complain("this node's transport key is not the pinned one",
                          "transport.key",
                          "use the key whose hash the genesis lists, or the "
                          "one that was announced",
                          EXIT_CONFIG);
}

int start_explain_storage(enum err e, const char *what, const char *detail)
{
    const char *do_this = "check the disk and the file system";

    if (e == ERR_CHAIN) {
        what = "the data directory belongs to another chain";
        do_this = "use this chain's directory, or the other genesis";
    } else if (e == ERR_NOT_FOUND) {
        what = "the data directory is not initialised";
        do_this = "run: equityd init --config FILE (once)";
    } else if (e == ERR_FULL) {
        what = "the disk is full";
        do_this = "free space on the data directory's file system";
    } else if (e == ERR_VERSION) {
        what = "the data directory has another format";
        do_this = "use the release that wrote it";
    }
    return start_complain(
        what,
        detail,
        do_this,
        e == ERR_CHAIN || e == ERR_NOT_FOUND || e == ERR_VERSION ? EXIT_CONFIG
                                                                 : EXIT_IO);
}

int start_open_store(struct node *n, bool create)
{
    const struct store_options options = {
        .cache_bytes = n->config.cache_mib << 20, .create = create};
    char path[CONFIG_TEXT_MAX + 8];
    char message[300];
    enum err e;

    if (datadir_free_bytes(n->config.dir) < DISK_ROOM_MIN)
        return start_explain_storage(ERR_FULL, "", n->config.dir);
    snprintf(path, sizeof path, "%s/db", n->config.dir);
    e = store_open(
        &n->store, path, &n->chain_id, &options, message, sizeof message);
    if (e != ERR_NONE)
        return start_explain_storage(
            e, "the database cannot be opened", message);
    return 0;
}

int start_open_datadir(struct node *n)
{
    long holder;
    char text[32];
    const enum err e =
        datadir_open(&n->datadir, n->config.dir, &n->chain_id, &holder);

    if (e == ERR_LOCKED) {
        snprintf(text, sizeof text, "process %ld", holder);
        return start_complain(
            "another process uses the data directory",
            text,
            "stop it first; two processes must never share one",
            EXIT_CONFIG);
    }
    if (e != ERR_NONE)
        return start_explain_storage(
            e, "the data directory cannot be used", n->config.dir);
    return 0;
}

void start_journal_path(const struct node *n, char out[CONFIG_TEXT_MAX + 16])
{
    snprintf(out, CONFIG_TEXT_MAX + 16, "%s/journal", n->config.dir);
}
