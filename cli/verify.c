/* equity verify chain: a whole history replayed from archives, on all threads,
 * without a node. */
#include "cli/verify.h"
#include "archive/file.h"
#include "base/check.h"
#include "base/num.h"
#include "cli/trust.h"
#include "ledger/rows.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

PRINTF_LIKE(4, 5)
static int refute(
    struct verifying *v, uint64_t height, uint32_t tx, const char *format, ...)
{
    va_list args;

    v->refuted = true;
    v->height = height;
    v->tx = tx;
    va_start(args, format);
    vsnprintf(v->why, sizeof v->why, format, args);
    va_end(args);
    return EXIT_DATA;
}

/* ---- what is trusted ---- */

static int read_trust(struct verifying *v, const char *path)
{
    uint8_t *room = malloc(TRUST_BYTES_MAX + 1);
    FILE *in = fopen(path, "rb");
    char why[256];
    size_t size = 0;
    int code = 0;

    ASSERT(room != NULL);
    if (in == NULL) {
        code = fail(EXIT_NO_INPUT, "%s: %s", path, strerror(errno));
    } else {
        size = fread(room, 1, TRUST_BYTES_MAX + 1, in);
        if (ferror(in))
            code = fail(EXIT_IO, "%s: %s", path, strerror(errno));
        fclose(in);
    }
    if (code == 0 &&
        trust_parse(&v->trust, bytes_of(room, size), why, sizeof why) !=
            ERR_NONE)
        code = fail(EXIT_TRUST, "%s is not a trust file: %s", path, why);
    v->has_trust = code == 0;
    free(room);
    return code;
}

/* Called for each block that has been checked and executed. */
static enum err block_done(void *ctx,
                           struct engine *e,
                           const struct executed_block *b,
                           const struct cert *cert)
{
    struct verifying *v = ctx;
    const struct hash *named =
        v->has_trust ? trust_hash_at(&v->trust, b->header.height) : NULL;

    (void)e;
    (void)cert;
    if ((b->header.flags & HEADER_SEAL) != 0)
        v->epochs++;
    if (named == NULL)
        return ERR_NONE;
    v->reached++;
    if (hash_eq(named, &b->hash))
        return ERR_NONE;
    (void)refute(v,
                 b->header.height,
                 UINT32_MAX,
                 "block %llu: the trust file names another block",
                 (unsigned long long)b->header.height);
    return ERR_MISMATCH;
}

/* ---- where the state differs ---- */

static json_t *row_change_json(const struct engine_row_change *c)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:o}",
                     "table",
                     table_names[c->key.table],
                     "tree",
                     json_of_hex(c->key.tree.raw, HASH_BYTES),
                     "key",
                     json_of_hex(c->key.key.raw, HASH_BYTES),
                     "old",
                     json_of_hex(c->old_row.raw, HASH_BYTES),
                     "new",
                     json_of_hex(c->new_row.raw, HASH_BYTES));
}

json_t *verify_first_in_page(const struct engine_refusal *own,
                             json_t *page,
                             bool last,
                             uint32_t *at)
{
    const size_t count = json_array_size(page);

    for (size_t i = 0; i < count || (last && *at < own->change_count); i++) {
        json_t *mine = *at < own->change_count
                           ? row_change_json(&own->changes[*at])
                           : json_null();
        json_t *theirs = json_array_get(page, i);

        if (theirs == NULL || !json_equal(mine, theirs))
            return json_pack("{s:o, s:O?}", "here", mine, "node", theirs);
        json_decref(mine);
        ++*at;
    }
    return NULL;
}

static json_t *first_difference(struct rpc_client *client,
                                const struct engine_refusal *own,
                                uint64_t height)
{
    json_t *after = NULL;
    json_t *found = NULL;
    bool last = false;
    uint32_t at = 0;

    while (found == NULL && !last) {
        struct rpc_failure why;
        json_t *p = json_pack(
            "{s:o, s:s}", "height", json_of_u64(height), "limit", "1000");
        json_t *r;

        if (after != NULL)
            json_object_set(p, "after", after);
        r = rpc_client_call(client, "chain_getChanges", p, 20000, &why);
        if (r == NULL) {
            say("the node does not say what it changed: %s: %s",
                why.name,
                why.message);
            break;
        }
        json_decref(after);
        after = json_incref(json_object_get(r, "next"));
        last = !json_is_string(after);
        found =
            verify_first_in_page(own, json_object_get(r, "changes"), last, &at);
        json_decref(r);
    }
    json_decref(after);
    return found;
}

static void ask_difference(struct verifying *v)
{
    const struct engine_refusal *own = engine_refused(replay_engine(v->replay));
    struct rpc_client *client;

    if (v->node == NULL || own->change_count == 0)
        return;
    if (rpc_client_new(&client, v->node) != ERR_NONE) {
        say("--node is http://host:port");
        return;
    }
    v->key = first_difference(client, own, v->height);
    rpc_client_free(client);
}

static int replay_failed(struct verifying *v)
{
    const struct replay_failure *f = replay_failure(v->replay);
    char text[REPLAY_TEXT_MAX];

    if (v->refuted) /* by block_done */
        return EXIT_DATA;
    replay_say(text, f);
    (void)refute(v, f->height, f->tx, "%s", text);
    if (f->executed)
        ask_difference(v);
    return EXIT_DATA;
}

/* ---- reading ---- */

static int archive_failed(struct verifying *v,
                          const char *file,
                          uint64_t height,
                          enum err e)
{
    if (e == ERR_NOT_FOUND)
        return fail(EXIT_NO_INPUT, "%s: %s", file, strerror(errno));
    if (e == ERR_IO)
        return fail(EXIT_IO, "%s: %s", file, archive_fault(e));
    /* What is wrong before it comes first. */
    if (v->replay != NULL && replay_finish(v->replay) != ERR_NONE)
        return replay_failed(v);
    return refute(v,
                  height,
                  UINT32_MAX,
                  "%s: block %llu: %s",
                  file,
                  (unsigned long long)height,
                  archive_fault(e));
}

/* The genesis has the chain id that is trusted: whatever else the trust file
 * says of it must be true, or receipts are read by a wrong one. */
static int check_trust(const struct verifying *v)
{
    const struct trust *t = &v->trust;
    const struct valset set = genesis_valset(&v->genesis);
    const struct hash own = valset_hash(&set);
    const struct hash said = valset_hash(&t->set);

    if (t->offset_ms != v->genesis.offset_ms)
        return fail(EXIT_TRUST,
                    "the trust file is wrong: offset_ms of this chain's "
                    "genesis is %u",
                    v->genesis.offset_ms);
    if (t->validators && !hash_eq(&own, &said))
        return fail(EXIT_TRUST,
                    "the trust file is wrong: the validators of this chain's "
                    "genesis are others");
    return 0;
}

static int begin(struct verifying *v, const struct archive_reader *r)
{
    const struct archive_walk *w = archive_walk_of(r);
    const char *why = "it is not well-formed";

    if (w->first != 0)
        return fail(EXIT_TRUST,
                    "%s begins at block %llu: name the archives of the blocks "
                    "before it first",
                    v->files[0],
                    (unsigned long long)w->first);
    if (v->has_trust && !hash_eq(&w->chain_id, &v->trust.chain_id))
        return refute(
            v, 0, UINT32_MAX, "it is another chain than the trust file names");
    if (schema_decode(&v->genesis, &genesis_schema, archive_genesis(r)) !=
            ERR_NONE ||
        genesis_check(&v->genesis, &why) != ERR_NONE)
        return refute(v, 0, UINT32_MAX, "the genesis: %s", why);
    if (v->has_trust && check_trust(v) != 0)
        return EXIT_TRUST;
    v->chain_id = w->chain_id;
    v->replay = replay_new(&v->genesis, v->threads, block_done, v);
    return 0;
}

static int follows(struct verifying *v,
                   const struct archive_reader *r,
                   const char *file)
{
    const struct archive_walk *w = archive_walk_of(r);

    if (v->replay == NULL)
        return begin(v, r);
    if (!hash_eq(&w->chain_id, &v->chain_id))
        return refute(v,
                      v->next,
                      UINT32_MAX,
                      "%s is of another chain than the first archive",
                      file);
    return w->first == v->next
               ? 0
               : fail(EXIT_USAGE,
                      "%s begins at block %llu, and the one before it ends "
                      "before block %llu",
                      file,
                      (unsigned long long)w->first,
                      (unsigned long long)v->next);
}

static void tell_progress(struct verifying *v, const struct archive_reader *r)
{
    const uint64_t percent =
        (v->done + archive_offset(r)) * 100 / (v->size > 0 ? v->size : 1);

    if (!v->json && percent > v->told && percent < 100) {
        v->told = percent;
        progress("percent checked", percent, 100);
    }
}

static int check_blocks(struct verifying *v,
                        struct archive_reader *r,
                        const char *file)
{
    for (;;) {
        const uint64_t height = archive_walk_of(r)->next;
        struct archive_block b;
        enum err e = archive_next(r, &b);

        if (e != ERR_NONE)
            return archive_failed(v, file, height, e);
        if (archive_walk_of(r)->ended)
            return replay_finish(v->replay) == ERR_NONE ? 0 : replay_failed(v);
        if (replay_push(v->replay, &b) != ERR_NONE)
            return replay_failed(v);
        v->next = height + 1;
        tell_progress(v, r);
    }
}

static int check_file(struct verifying *v, const char *file)
{
    struct archive_reader *r;
    const enum err e = archive_open(&r, file);
    int code;

    if (e != ERR_NONE)
        return archive_failed(v, file, v->next, e);
    code = follows(v, r, file);
    if (code == 0)
        code = check_blocks(v, r, file);
    v->done += archive_size(r);
    archive_close(r);
    return code;
}

static void measure_files(struct verifying *v)
{
    for (int i = 0; i < v->file_count; i++) {
        struct archive_reader *r;

        if (archive_open(&r, v->files[i]) == ERR_NONE) {
            v->size += archive_size(r);
            archive_close(r);
        }
    }
}

static int check_all(struct verifying *v)
{
    int code = 0;

    measure_files(v);
    for (int i = 0; i < v->file_count && code == 0; i++)
        code = check_file(v, v->files[i]);
    if (code == 0 && v->next == 0)
        code = refute(v, 0, UINT32_MAX, "there is no block in it");
    if (code == 0 && v->has_trust && v->reached == 0)
        code = fail(EXIT_TRUST,
                    "the trust file names none of the blocks 0 to %llu: export "
                    "more of them",
                    (unsigned long long)(v->next - 1));
    return code;
}

/* E9 new chain: its genesis names the newest block of this history. */
static int check_successor(struct verifying *v)
{
    struct genesis *g = calloc(1, sizeof *g);
    struct engine *e = replay_engine(v->replay);
    const struct header *tip = engine_tip(e);
    const struct hash hash = engine_tip_hash(e);
    const struct genesis_origin *o;
    int code;

    ASSERT(g != NULL);
    o = &g->origin[0];
    code = genesis_from_file(g, v->successor);
    if (code == 0 && genesis_chain_id(&v->successor_id, g) != ERR_NONE)
        code = fail(EXIT_DATA, "%s is too large", v->successor);
    if (code == 0 && g->origin_count == 0)
        code = refute(v,
                      tip->height,
                      UINT32_MAX,
                      "%s goes on from no other chain",
                      v->successor);
    else if (code == 0 && !hash_eq(&o->chain_id, &v->chain_id))
        code = refute(v,
                      tip->height,
                      UINT32_MAX,
                      "%s goes on from another chain",
                      v->successor);
    else if (code == 0 &&
             (o->height != tip->height || !hash_eq(&o->block_hash, &hash) ||
              !hash_eq(&o->state_root, &tip->state_root)))
        code = refute(v,
                      tip->height,
                      UINT32_MAX,
                      "%s goes on from block %llu, which is not the newest "
                      "block of this history, %llu, or not as it is here",
                      v->successor,
                      (unsigned long long)o->height,
                      (unsigned long long)tip->height);
    free(g);
    return code;
}

static const struct flag flags[] = {
    {"trust", true, "trust file: the chain and blocks that must be in it"},
    {"successor", true, "genesis of a chain that goes on from its last block"},
    {"threads", true, "how many (default all of the hardware)"},
    {"node", true, "a node to be asked for the key in which a block differs"},
    {"json", false, "as JSON"},
    {NULL, false, NULL},
};

static int run_chain(const struct command *c, int argc, char **argv)
{
    static struct verifying v;
    struct args a;
    uint64_t threads = 0;
    int code = args_read(&a, c, argc, argv);

    if (code != 0)
        return code < 0 ? 0 : code;
    if (a.words == 0)
        return fail(EXIT_USAGE, "name one archive, or several in order");
    if (!num_parse_u64(&threads, args_value(&a, c, "threads", "0")) ||
        threads > REPLAY_THREADS_MAX)
        return fail(EXIT_USAGE, "--threads is at most %d", REPLAY_THREADS_MAX);
    v = (struct verifying){.files = a.word,
                           .file_count = a.words,
                           .json = args_has(&a, c, "json"),
                           .node = args_value(&a, c, "node", NULL),
                           .successor = args_value(&a, c, "successor", NULL),
                           .threads = (unsigned)threads,
                           .from_ms = now_ms()};
    if (args_has(&a, c, "trust"))
        code = read_trust(&v, args_value(&a, c, "trust", ""));
    if (code == 0)
        code = check_all(&v);
    if (code == 0 && v.successor != NULL)
        code = check_successor(&v);
    if (!v.json && v.told > 0)
        progress("percent checked", 100, 100);
    if (v.refuted)
        verify_report_refuted(&v);
    else if (code == 0 && v.json)
        code = print_json(verify_proven_json(&v, now_ms() - v.from_ms));
    else if (code == 0)
        verify_say_proven(&v, now_ms() - v.from_ms);
    replay_free(v.replay);
    json_decref(v.key);
    return code;
}

const struct command verify_commands[] = {
    {"verify chain",
     "FILE... [flags]",
     "A whole history, checked from the genesis on, without a node.\n"
     "Every signature, every block, every root.  Exit codes: 0 proven; 65\n"
     "refuted, with the block, the transaction and why; 66 and 74 a file\n"
     "cannot be opened or read; 78 the trust file is none, or reaches no\n"
     "block; the archive does not begin at block 0.",
     flags,
     run_chain},
    {NULL, NULL, NULL, NULL, NULL},
};
