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
    const char *sentence = "";
    json_t *json = json_parse(in, why, 256);

    if (json == NULL)
        return false;
    if (schema_from_json(g, &genesis_schema, json, path) != ERR_NONE)
        snprintf(why, 256, "%.250s", path);
    else if (genesis_check(g, &sentence) != ERR_NONE)
        snprintf(why, 256, "%.250s", sentence);
    json_decref(json);
    return why[0] == '\0';
}

int trust_from_genesis(struct trust *out, const char *path)
{
    struct genesis *g = calloc(1, sizeof *g);
    struct buf in = {0};
    char why[256] = "";
    struct engine *e;
    int code = read_file(&in, path, (size_t)GENESIS_BYTES_MAX * 4);

    ASSERT(g != NULL);
    *out = (struct trust){.genesis = true, .validators = true};
    if (code == 0 && (!read_genesis(g, buf_bytes(&in), why) ||
                      genesis_chain_id(&out->chain_id, g) != ERR_NONE))
        code = fail(EXIT_DATA, "%s is not a genesis file: %s", path, why);
    if (code == 0) {
        e = engine_new(g);
        out->genesis_hash = engine_tip_hash(e);
        out->offset_ms = g->offset_ms;
        out->set = genesis_valset(g);
        engine_free(e);
    }
    buf_deinit(&in);
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

static int first_set(struct valset *out, struct rpc_client *client)
{
    struct validators_row row;
    char path[JSON_PATH_MAX] = "";
    int code = 0;
    json_t *r =
        ask(client, "validators_get", json_pack("{s:s}", "epoch", "0"), &code);

    if (code == 0 && schema_from_json(&row,
                                      &validators_row_schema,
                                      json_object_get(r, "validators"),
                                      path) != ERR_NONE)
        code = fail(EXIT_DATA, "the node answers no validators: %s", path);
    if (code == 0)
        *out = row.set;
    json_decref(r);
    return code;
}

int trust_from_node(struct trust *out, struct rpc_client *client)
{
    int code = 0;
    json_t *status = ask(client, "node_status", NULL, &code);
    const char *hex = json_string_value(json_object_get(status, "chain_id"));

    *out = (struct trust){.genesis = true, .validators = true};
    if (code == 0 &&
        (hex == NULL || !hex_decode(out->chain_id.raw, HASH_BYTES, hex)))
        code = fail(EXIT_DATA, "the node does not say which chain it keeps");
    out->offset_ms =
        (uint32_t)json_integer_value(json_object_get(status, "offset_ms"));
    json_decref(status);
    if (code == 0)
        code = block_hash(&out->genesis_hash, client, 0);
    return code != 0 ? code : first_set(&out->set, client);
}

/* ---- the command ---- */

static int write_trust(const struct trust *t, const char *path)
{
    FILE *f = fopen(path, "we");
    bool ok = f != NULL && trust_write(f, t);

    if (f != NULL)
        ok = fclose(f) == 0 && ok;
    return ok ? 0 : fail(EXIT_CANNOT_CREATE, "%s: cannot be written", path);
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
        say("%s holds what one node said. It proves nothing by itself: compare "
            "its hashes with those that other institutions publish before you "
            "rely on it.",
            out);
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
