/* equity trust: what an auditor takes on trust, as a file. */
#include "cli/trust.h"

#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    CALL_MS = 20000,
};

int trust_from_file(struct trust *out, const char *path)
{
    struct buf in = {0};
    char why[256];
    int code = read_file(&in, path, TRUST_BYTES_MAX);

    if (code == 0 &&
        trust_parse(out, buf_bytes(&in), why, sizeof why) != ERR_NONE)
        code = fail(EXIT_OUT_OF_REACH, "%s is not a trust file: %s", path, why);
    buf_deinit(&in);
    return code;
}

static bool read_genesis(struct genesis *g, struct bytes in, char why[256])
{
    char path[JSON_PATH_MAX] = "";
    json_t *json = json_parse(in, why, 256);

    if (json == NULL)
        return false;
    if (schema_from_json(g, &genesis_schema, json, path) != ERR_NONE)
        snprintf(why, 256, "%.250s", path);
    json_decref(json);
    return why[0] == '\0';
}

/* All that a trust file says follows from the genesis, whose hash is the chain
 * id: block 0, who validates first, where a business date begins. */
static int trust_of(struct trust *out,
                    const struct genesis *g,
                    const char *from)
{
    const char *why = "it is too large";
    struct engine *e;

    *out = (struct trust){.genesis = true, .validators = true};
    if (genesis_check(g, &why) != ERR_NONE ||
        genesis_chain_id(&out->chain_id, g) != ERR_NONE)
        return fail(EXIT_DATA, "%s: no valid genesis: %s", from, why);
    e = engine_new(g);
    out->genesis_hash = engine_tip_hash(e);
    out->offset_ms = g->offset_ms;
    out->set = genesis_valset(g);
    engine_free(e);
    return 0;
}

static int read_genesis_file(struct genesis *out, const char *path)
{
    struct buf in = {0};
    char why[256] = "";
    int code = read_file(&in, path, (size_t)GENESIS_BYTES_MAX * 4);

    if (code == 0 && !read_genesis(out, buf_bytes(&in), why))
        code = fail(EXIT_DATA, "%s is not a genesis file: %s", path, why);
    buf_deinit(&in);
    return code;
}

int genesis_from_file(struct genesis *out, const char *path)
{
    const char *why;
    const int code = read_genesis_file(out, path);

    if (code == 0 && genesis_check(out, &why) != ERR_NONE)
        return fail(EXIT_DATA, "%s: no valid genesis: %s", path, why);
    return code;
}

int trust_from_genesis(struct trust *out, const char *path)
{
    struct genesis *g = calloc(1, sizeof *g);
    int code;

    ASSERT(g != NULL);
    code = read_genesis_file(g, path);
    if (code == 0)
        code = trust_of(out, g, path);
    free(g);
    return code;
}

static json_t *ask(struct rpc_client *client,
                   const char *method,
                   json_t *params,
                   int *code)
{
    struct rpc_failure why;
    json_t *r = rpc_client_call(client, method, params, CALL_MS, &why);

    if (r == NULL)
        *code = fail(why.code == 0 ? EXIT_UNAVAILABLE : EXIT_NO_INPUT,
                     "%s: %s",
                     why.name,
                     why.message);
    return r;
}

static int block_hash(struct hash *out,
                      struct rpc_client *client,
                      uint64_t height)
{
    int code = 0;
    json_t *r = ask(client,
                    "chain_getHeader",
                    json_pack("{s:o}", "height", json_of_u64(height)),
                    &code);
    const char *hex = json_string_value(json_object_get(r, "hash"));

    if (code == 0 && (hex == NULL || !hex_decode(out->raw, HASH_BYTES, hex)))
        code = fail(EXIT_DATA, "the node answers no hash of a block");
    json_decref(r);
    return code;
}

int trust_from_node(struct trust *out, struct rpc_client *client)
{
    struct genesis *g = calloc(1, sizeof *g);
    struct buf bytes = {0};
    int code = 0;
    json_t *r = ask(client, "chain_getGenesis", NULL, &code);
    const char *hex = json_string_value(json_object_get(r, "genesis"));
    const size_t size = hex != NULL ? strlen(hex) / 2 : 0;

    ASSERT(g != NULL);
    if (code == 0 &&
        (size == 0 || size > GENESIS_BYTES_MAX ||
         !hex_decode(buf_append(&bytes, NULL, size), size, hex) ||
         schema_decode(g, &genesis_schema, buf_bytes(&bytes)) != ERR_NONE))
        code = fail(EXIT_DATA, "the node answers no genesis");
    if (code == 0)
        code = trust_of(out, g, rpc_client_url(client));
    json_decref(r);
    buf_deinit(&bytes);
    free(g);
    return code;
}

/* ---- the command ---- */

static int write_trust(const struct trust *t, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    bool ok = f != NULL && trust_write(f, t);
    int code;

    if (f != NULL)
        ok = fclose(f) == 0 && ok;
    code = ok ? write_new_file(path, bytes_of(text, size), 0644)
              : fail(EXIT_CANNOT_CREATE, "%s: cannot be written", path);
    free(text);
    return code;
}

static void say_what_to_compare(const struct trust *t, const char *path)
{
    char chain[2 * HASH_BYTES + 1];

    hex_encode(chain, t->chain_id.raw, HASH_BYTES);
    say("%s is of chain %s, by the word of one node. It proves nothing by "
        "itself: compare that id%s with what other institutions publish before "
        "you rely on it.",
        path,
        chain,
        t->pin_count > 0 ? ", and the hash of the pinned block," : "");
}

static int add_pin(struct trust *t, struct rpc_client *client, const char *text)
{
    struct trust_pin pin;
    int code;

    if (!num_parse_u64(&pin.height, text) || pin.height == 0)
        return fail(EXIT_USAGE, "--pin is a height from 1");
    code = block_hash(&pin.hash, client, pin.height);
    if (code == 0)
        t->pins[t->pin_count++] = pin;
    return code;
}

static int run_trust(const struct command *c, int argc, char **argv)
{
    struct trust *t = calloc(1, sizeof *t);
    struct rpc_client *client = NULL;
    const char *genesis;
    const char *out;
    const char *pin;
    struct args a;
    int code = args_read(&a, c, argc, argv);

    ASSERT(t != NULL);
    genesis = code == 0 ? args_value(&a, c, "genesis", NULL) : NULL;
    pin = code == 0 ? args_value(&a, c, "pin", NULL) : NULL;
    out = code == 0 ? args_value(&a, c, "out", NULL) : NULL;
    if (code == 0 && (out == NULL || a.words != 0))
        code = fail(EXIT_USAGE, "--out TRUST.json is needed");
    if (code == 0 && (genesis == NULL || pin != NULL))
        code = args_client(&client, &a, c);
    if (code == 0)
        code = genesis != NULL ? trust_from_genesis(t, genesis)
                               : trust_from_node(t, client);
    if (code == 0 && pin != NULL)
        code = add_pin(t, client, pin);
    if (code == 0)
        code = write_trust(t, out);
    if (code == 0 && client != NULL)
        say_what_to_compare(t, out);
    rpc_client_free(client);
    free(t);
    return code == ARGS_HELPED ? 0 : code;
}

static const struct flag flags[] = {
    {"genesis", true, "make it from this genesis file, which you trust; or"},
    {"node", true, "from what a node says (default " NODE_DEFAULT ")"},
    {"pin", true, "trust the block at this height too, by the node's word"},
    {"out", true, "the file to write"},
    {NULL, false, NULL},
};

const struct command trust_commands[] = {
    {"trust",
     "--out TRUST.json [flags]",
     "Write a trust file: the one thing that a check of receipts needs.",
     flags,
     run_trust},
    {NULL, NULL, NULL, NULL, NULL},
};
