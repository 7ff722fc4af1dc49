/* equity export: blocks of a running node into an archive. */
#include "archive/file.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"
#include "cli/cli.h"
#include "crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    TIMEOUT_MS = 60000,
};

struct exporting {
    const char *path;
    struct rpc_client *client;
    struct hash chain_id;
    struct buf genesis;
    uint64_t from;
    uint64_t to;
    struct archive_writer *writer;
    struct buf parts[3]; /* header, certificate, body */
    int code;            /* of the last question that was not answered */
};

/* NULL after telling why; x->code is then the exit code. */
static json_t *ask(struct exporting *x, const char *method, json_t *params)
{
    struct rpc_failure why;
    json_t *r = rpc_client_call(x->client, method, params, TIMEOUT_MS, &why);

    if (r == NULL)
        x->code = fail(why.code == 0 ? EXIT_UNAVAILABLE : EXIT_NO_INPUT,
                       "%s: %s: %s",
                       rpc_client_url(x->client),
                       why.name,
                       why.message);
    return r;
}

/* A member in hex, of at most max bytes. */
static bool take_hex(struct buf *out,
                     const json_t *from,
                     const char *name,
                     size_t max)
{
    const char *text = json_string_value(json_object_get(from, name));
    const size_t size = text != NULL ? strlen(text) : 1;

    buf_clear(out);
    if (size % 2 != 0 || size / 2 > max)
        return false;
    return size == 0 ||
           hex_decode(buf_append(out, NULL, size / 2), size / 2, text);
}

static int broken_reply(const struct exporting *x, const char *what)
{
    return fail(
        EXIT_DATA, "%s: %s; ask another node", rpc_client_url(x->client), what);
}

static int get_genesis(struct exporting *x)
{
    json_t *r = ask(x, "chain_getGenesis", NULL);
    bool ok;

    if (r == NULL)
        return x->code;
    ok = take_hex(&x->genesis, r, "genesis", GENESIS_BYTES_MAX);
    json_decref(r);
    x->chain_id = hash_tagged(GENESIS_TAG, buf_bytes(&x->genesis));
    return ok ? 0 : broken_reply(x, "its genesis is no hex");
}

/* The newest block that there is, if --to does not say another. */
static int get_end(struct exporting *x, const char *to)
{
    json_t *r = ask(x, "node_status", NULL);
    uint64_t height = 0;
    bool ok;

    if (r == NULL)
        return x->code;
    ok = json_u64(&height, json_object_get(r, "height"));
    json_decref(r);
    if (!ok)
        return broken_reply(x, "its status names no height");
    x->to = height;
    if (to != NULL && !num_parse_u64(&x->to, to))
        return fail(EXIT_USAGE, "--to is the number of a block");
    if (x->to > height)
        return fail(EXIT_NO_INPUT,
                    "the node is at block %llu only",
                    (unsigned long long)height);
    return x->from <= x->to ? 0
                            : fail(EXIT_USAGE,
                                   "--from is above the last block, %llu",
                                   (unsigned long long)x->to);
}

static int writer_failed(const struct exporting *x, enum err e)
{
    if (e == ERR_EXISTS)
        return fail(
            EXIT_CANNOT_CREATE, "%s exists; name another file", x->path);
    if (e == ERR_MISMATCH)
        return fail(EXIT_CANNOT_CREATE,
                    "%s.part is of another chain or begins at another block; "
                    "move it away, or name another file",
                    x->path);
    if (e == ERR_LOCKED)
        return fail(EXIT_CANNOT_CREATE,
                    "%s.part is being written by another process",
                    x->path);
    return fail(EXIT_IO,
                "%s: %s; run the same command again to go on",
                x->path,
                e == ERR_FULL ? "the disk is full" : err_text(e));
}

static int open_file(struct exporting *x)
{
    const enum err e = archive_create(
        &x->writer, x->path, &x->chain_id, x->from, buf_bytes(&x->genesis));
    uint64_t next;

    if (e != ERR_NONE)
        return writer_failed(x, e);
    next = archive_writer_walk(x->writer)->next;
    if (next > x->from)
        say("going on at block %llu", (unsigned long long)next);
    return next <= x->to + 1
               ? 0
               : fail(EXIT_CANNOT_CREATE,
                      "%s.part has more blocks already, up to %llu; raise --to",
                      x->path,
                      (unsigned long long)(next - 1));
}

/* Adds a block of a reply. */
static int add(struct exporting *x, const json_t *block)
{
    static const char *const names[] = {"header", "certificate", "body"};
    static const size_t max[] = {
        HEADER_BYTES_MAX, CERT_BYTES_MAX, BLOCK_BODY_BYTES_MAX};
    char what[200];
    enum err e;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!take_hex(&x->parts[i], block, names[i], max[i]))
            return broken_reply(x, "a block in its answer is no hex");
    }
    e = archive_append(x->writer,
                       buf_bytes(&x->parts[0]),
                       buf_bytes(&x->parts[1]),
                       buf_bytes(&x->parts[2]));
    if (e == ERR_NONE)
        return 0;
    if (e == ERR_FULL || e == ERR_IO)
        return writer_failed(x, e);
    snprintf(what,
             sizeof what,
             "block %llu in its answer: %s",
             (unsigned long long)archive_writer_walk(x->writer)->next,
             archive_fault(e));
    return broken_reply(x, what);
}

static int fetch(struct exporting *x)
{
    const struct archive_walk *w = archive_writer_walk(x->writer);
    const uint64_t all = x->to - x->from + 1;
    int code = 0;

    while (code == 0 && w->next <= x->to) {
        const uint64_t left = x->to - w->next + 1;
        json_t *r = ask(x,
                        "chain_getBlockBytes",
                        json_pack("{s:o, s:o}",
                                  "from",
                                  json_of_u64(w->next),
                                  "count",
                                  json_of_u64(num_min_u64(left, 1000))));
        json_t *blocks = json_object_get(r, "blocks");
        const size_t count = json_array_size(blocks);

        if (r == NULL)
            return x->code;
        if (count == 0 || count > left)
            code = broken_reply(x,
                                "an answer without blocks, or with more "
                                "than it was asked for");
        for (size_t i = 0; code == 0 && i < count; i++)
            code = add(x, json_array_get(blocks, i));
        json_decref(r);
        progress("blocks", w->next - x->from, all);
    }
    return code;
}

static int finish(struct exporting *x, bool as_json)
{
    const struct archive_walk *w = archive_writer_walk(x->writer);
    const enum err e = archive_finish(x->writer);

    if (e != ERR_NONE)
        return writer_failed(x, e);
    if (as_json)
        return print_json(json_pack("{s:s, s:o, s:o, s:o, s:o}",
                                    "file",
                                    x->path,
                                    "chain_id",
                                    json_of_hex(x->chain_id.raw, HASH_BYTES),
                                    "first",
                                    json_of_u64(x->from),
                                    "last",
                                    json_of_u64(x->to),
                                    "last_hash",
                                    json_of_hex(w->last.raw, HASH_BYTES)));
    printf("%s: blocks %llu to %llu, as the node has them; equity verify chain "
           "checks them\n",
           x->path,
           (unsigned long long)x->from,
           (unsigned long long)x->to);
    return 0;
}

static const struct flag flags[] = {
    {"node", true, "URL of a node (default http://127.0.0.1:7500)"},
    {"from", true, "first block (default 0)"},
    {"to", true, "last block (default the newest there is)"},
    {"json", false, "as JSON"},
    {NULL, false, NULL},
};

static int run(struct exporting *x,
               const struct command *c,
               const struct args *a)
{
    int code = 0;

    if (rpc_client_new(&x->client,
                       args_value(a, c, "node", "http://127.0.0.1:7500")) !=
        ERR_NONE)
        return fail(EXIT_USAGE, "--node is http://host:port");
    if (!num_parse_u64(&x->from, args_value(a, c, "from", "0")))
        return fail(EXIT_USAGE, "--from is the number of a block");
    code = get_end(x, args_value(a, c, "to", NULL));
    if (code == 0)
        code = get_genesis(x);
    if (code == 0)
        code = open_file(x);
    if (code == 0)
        code = fetch(x);
    if (code == 0)
        code = finish(x, args_has(a, c, "json"));
    return code;
}

static int run_export(const struct command *c, int argc, char **argv)
{
    struct exporting x = {.path = NULL};
    struct args a;
    int code = args_read(&a, c, argc, argv);

    if (code != 0)
        return code < 0 ? 0 : code;
    if (a.words != 1)
        return fail(EXIT_USAGE, "name the file to be written");
    x.path = a.word[0];
    code = run(&x, c, &a);
    archive_writer_free(x.writer);
    rpc_client_free(x.client);
    buf_deinit(&x.genesis);
    for (size_t i = 0; i < ARRAY_LEN(x.parts); i++)
        buf_deinit(&x.parts[i]);
    return code;
}

const struct command export_commands[] = {
    {"export",
     "FILE [flags]",
     "Blocks of a node into an archive, to be kept elsewhere.\n"
     "The file gets its name when it is whole and on disk; until then it is\n"
     "FILE.part, and the same command goes on with it.",
     flags,
     run_export},
    {NULL, NULL, NULL, NULL, NULL},
};
