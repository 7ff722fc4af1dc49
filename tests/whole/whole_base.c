/* What every seed begins with: keys, a genesis, the directories of the nodes
 * after init, and the market in their chains. */
#include "tests/whole/whole.h"

#include "base/check.h"
#include "crypto/keystore.h"
#include "crypto/random.h"
#include "crypto/transport.h"
#include "rpc/schema_json.h"

#include <stdio.h>

static int by_key(const void *a, const void *b)
{
    struct pubkey x;
    struct pubkey y;

    ASSERT(key_public(&x, a) == ERR_NONE && key_public(&y, b) == ERR_NONE);
    return memcmp(x.raw, y.raw, sizeof x.raw);
}

static struct pubkey new_key(struct secret *s)
{
    struct pubkey k;

    ASSERT(key_new(s) == ERR_NONE && key_public(&k, s) == ERR_NONE);
    return k;
}

static void name_institution(struct genesis_institution *in, uint16_t number)
{
    struct secret other;

    in->number = number;
    snprintf(in->code, sizeof in->code, "M%u", number);
    in->roles = ROLE_MEMBER;
    in->keys[in->key_count++] =
        (struct institution_key){new_key(&other), KEY_OPERATOR};
}

static void keep_key(const char *dir,
                     const char *name,
                     const struct keystore_info *info,
                     const struct secret *s)
{
    char path[2 * WHOLE_PATH];

    snprintf(path, sizeof path, "%s/keys/%s", dir, name);
    ASSERT(keystore_write(path, info, s, "whole") == ERR_NONE);
}

/* The directory of one node, as its operator would make it. */
static void make_dir(const struct whole_base *b,
                     const char *base,
                     uint32_t i,
                     const struct secret *transport)
{
    struct keystore_info info = {.label = "whole"};
    struct config c;
    char dir[WHOLE_PATH + 16];
    char command[3 * WHOLE_PATH];

    snprintf(dir, sizeof dir, "%s/%u", base, i);
    snprintf(command, sizeof command, "mkdir -m 700 %s %s/keys", dir, dir);
    ASSERT(system(command) == 0);
    info.kind = KEYSTORE_SECP256K1;
    memcpy(info.public_bytes, b->publics[i].raw, PUBKEY_BYTES);
    keep_key(dir, "consensus.key", &info, &b->keys[i]);
    memset(info.public_bytes, 0, sizeof info.public_bytes);
    info.kind = KEYSTORE_ED25519;
    ASSERT(transport_public(info.public_bytes, transport) == ERR_NONE);
    keep_key(dir, "transport.key", &info, transport);
    config_defaults(&c);
    snprintf(c.dir, sizeof c.dir, "%s", dir);
    snprintf(c.genesis, sizeof c.genesis, "%s/genesis.json", base);
    snprintf(
        c.passphrase_file, sizeof c.passphrase_file, "%s/passphrase", base);
    c.cache_mib = 16;
    ASSERT(node_init(&c) == 0);
}

static struct genesis *make_genesis(struct whole_base *b,
                                    struct secret transport[WHOLE_NODES])
{
    struct genesis *g = calloc(1, sizeof *g);
    struct genesis_institution *first = &g->institutions[0];
    struct secret other;
    const char *why;

    ASSERT(g != NULL);
    g->format = GENESIS_FORMAT;
    /* Monday 5 March 2035: beyond any real time, so that the database never
     * does what it plans to do later. */
    g->time_ms = 2056669200000;
    genesis_defaults(&g->params);
    ASSERT(g->params.t_cap_ms == WHOLE_CAP_MS);
    *first = (struct genesis_institution){.number = 1,
                                          .code = "REG",
                                          .roles = ROLE_REGISTRAR | ROLE_MEMBER,
                                          .key_count = 3};
    first->keys[0] =
        (struct institution_key){new_key(&b->market.maker), KEY_MAKER};
    first->keys[1] =
        (struct institution_key){new_key(&b->market.checker), KEY_CHECKER};
    first->keys[2] = (struct institution_key){new_key(&other), KEY_OPERATOR};
    g->institution_count = 1;
    for (uint32_t i = 0; i < b->nodes; i++)
        (void)new_key(&b->keys[i]);
    qsort(b->keys, b->nodes, sizeof b->keys[0], by_key);
    g->validator_count = (uint8_t)b->nodes;
    for (uint32_t i = 0; i < b->nodes; i++) {
        struct validator *v = &g->validators[i];
        uint8_t public_bytes[32];

        random_bytes(&transport[i], sizeof transport[i]);
        ASSERT(key_public(&v->key, &b->keys[i]) == ERR_NONE &&
               transport_public(public_bytes, &transport[i]) == ERR_NONE);
        b->publics[i] = v->key;
        v->spki_hash = transport_spki_hash(public_bytes);
        v->institution = (uint16_t)(i + 1);
        if (i > 0)
            name_institution(&g->institutions[g->institution_count++],
                             v->institution);
    }
    ASSERT(genesis_check(g, &why) == ERR_NONE &&
           genesis_chain_id(&b->chain_id, g) == ERR_NONE);
    b->set = genesis_valset(g);
    b->start_wall_ms = g->time_ms + 3600000;
    return g;
}

static void write_text(const char *dir, const char *name, const char *text)
{
    char path[2 * WHOLE_PATH];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    ASSERT(file_write_synced(path, bytes_of(text, strlen(text)), 0600) ==
           ERR_NONE);
}

/* The nodes stop in order; what they leave is where every seed begins. */
static void keep_dirs(const char *base)
{
    for (uint32_t i = 0; i < whole.nodes; i++) {
        struct whole_node *w = &whole.node[i];
        char command[4 * WHOLE_PATH];

        node_down(w, END_STOP);
        snprintf(command,
                 sizeof command,
                 "rm -rf %s/%u && mv %s %s/%u",
                 base,
                 i,
                 w->dir,
                 base,
                 i);
        ASSERT(system(command) == 0);
    }
}

bool whole_base_make(struct whole_base *b, const char *root, uint32_t nodes)
{
    struct secret transport[WHOLE_NODES];
    struct genesis *g;
    char base[WHOLE_PATH];
    char command[2 * WHOLE_PATH];
    json_t *json;
    char *text;
    bool ok;

    b->nodes = nodes;
    snprintf(whole.root, sizeof whole.root, "%s", root);
    snprintf(base, sizeof base, "%.150s/base%u", root, nodes);
    whole.bytes.state = nodes;
    snprintf(command, sizeof command, "mkdir -p %s", base);
    ASSERT(system(command) == 0);
    g = make_genesis(b, transport);
    json = schema_to_json(&genesis_schema, g);
    text = json_dumps(json, 0);
    json_decref(json);
    free(g);
    write_text(base, "genesis.json", text);
    free(text);
    write_text(base, "passphrase", "whole\n");
    for (uint32_t i = 0; i < nodes; i++)
        make_dir(b, base, i, &transport[i]);
    whole_begin(b, 0);
    b->market.chain_id = b->chain_id;
    b->market.today = (uint32_t)(b->start_wall_ms / WHOLE_DAY_MS);
    ok = load_make_by(&b->market, load_settle, NULL);
    if (ok)
        keep_dirs(base);
    b->start_wall_ms += whole.us / 1000 + 1000;
    load_end();
    queue_clear();
    whole.active = false;
    b->ready = ok && !whole.failed;
    return b->ready;
}
