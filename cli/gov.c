/* equity gov: who validates, and changing it. */
#include "cli/cli.h"

#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"
#include "ledger/change.h"

#include <stdio.h>
#include <stdlib.h>

static const struct flag show_flags[] = {
    {"node", true, "URL of a node (default " NODE_DEFAULT ")"},
    {"epoch", true, "the set of an epoch (that in force)"},
    {"json", false, "as JSON"},
    {NULL, false, NULL},
};
static const struct flag change_flags[] = {
    {"join", true, "institutions whose announced validators join: 5,6"},
    {"leave", true, "institutions whose validators leave: 2"},
    {"out", true, "where to write the transaction"},
    {"signers", true, "institutions whose operators will sign (a quorum)"},
    {"institution", true, "the institution that files it (1)"},
    {"node", true, "URL of a node (default " NODE_DEFAULT ")"},
    {"wallet", true, "folder of keys (keys)"},
    {"passphrase-file", true, "file of mode 0600 with the passphrase"},
    {"json", false, "as JSON"},
    {NULL, false, NULL},
};

static void key_text(char out[2 * PUBKEY_BYTES + 1], const struct pubkey *key)
{
    hex_encode(out, key->raw, PUBKEY_BYTES);
}

/* ---- show ---- */

static json_t *call(struct rpc_client *client,
                    const char *method,
                    json_t *params,
                    int *code)
{
    struct rpc_failure why;
    json_t *r = rpc_client_call(client, method, params, 20000, &why);

    if (r == NULL)
        *code = fail(why.code == 0 ? EXIT_UNAVAILABLE : EXIT_NO_INPUT,
                     "%s: %s",
                     why.name,
                     why.message);
    return r;
}

static void print_version(uint32_t version)
{
    printf("%u.%u.%u", version >> 16, version >> 8 & 255, version & 255);
}

static void print_readiness(uint64_t said, uint32_t version, uint64_t height)
{
    printf("ready %llu blocks ago, software ",
           (unsigned long long)(height > said ? height - said : 0));
    print_version(version);
}

/* Of a validator: when it said last that it lives, if it ever did. */
static void print_ready(json_t *list, const char *key, uint64_t height)
{
    json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        struct ready_row row;
        char path[JSON_PATH_MAX];
        char hex[2 * PUBKEY_BYTES + 1];

        if (schema_from_json(&row, &ready_row_schema, one, path) != ERR_NONE)
            continue;
        key_text(hex, &row.key);
        if (strcmp(hex, key) != 0)
            continue;
        printf("  ");
        print_readiness(row.ready_height, row.version, height);
    }
}

static void print_candidates(json_t *list, uint64_t height)
{
    json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        struct candidate_row row;
        char path[JSON_PATH_MAX];
        char hex[2 * PUBKEY_BYTES + 1];

        if (schema_from_json(&row, &candidate_row_schema, one, path) !=
            ERR_NONE)
            continue;
        key_text(hex, &row.key);
        printf("  candidate of institution %u  %s  ", row.institution, hex);
        if (row.ready_height == 0) {
            printf("not ready\n");
            continue;
        }
        print_readiness(row.ready_height, row.version, height);
        printf("\n");
    }
}

static void print_evidence(json_t *list)
{
    json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        struct evidence_row row;
        char path[JSON_PATH_MAX];

        if (schema_from_json(&row, &evidence_row_schema, one, path) == ERR_NONE)
            printf("  evidence against institution %u  %s in view %llu of "
                   "epoch %llu\n",
                   row.institution,
                   vote_conflict_names[row.type],
                   (unsigned long long)row.view,
                   (unsigned long long)row.epoch);
    }
}

static int print_set(json_t *validators, json_t *candidates, json_t *evidence)
{
    struct validators_row row;
    char path[JSON_PATH_MAX];
    uint64_t height = 0;

    (void)json_u64(&height, json_object_get(validators, "height"));
    if (schema_from_json(&row,
                         &validators_row_schema,
                         json_object_get(validators, "validators"),
                         path) != ERR_NONE ||
        row.set.count == 0)
        return fail(EXIT_DATA, "the node's answer cannot be read: %s", path);
    printf("epoch %llu since height %llu: %u validators, quorum %u, %u may be "
           "down; %u may change at once\n",
           (unsigned long long)row.set.epoch,
           (unsigned long long)row.since_height,
           row.set.count,
           valset_quorum(row.set.count),
           valset_faulty(row.set.count),
           valset_change_max(row.set.count));
    for (uint32_t i = 0; i < row.set.count; i++) {
        char hex[2 * PUBKEY_BYTES + 1];

        key_text(hex, &row.set.list[i].key);
        printf("  validator of institution %u  %s",
               row.set.list[i].institution,
               hex);
        print_ready(json_object_get(validators, "ready"), hex, height);
        printf("\n");
    }
    print_candidates(json_object_get(candidates, "candidates"), height);
    print_evidence(json_object_get(evidence, "evidence"));
    return 0;
}

static int run_show(const struct command *c, int argc, char **argv)
{
    struct rpc_client *client = NULL;
    json_t *validators = NULL;
    json_t *candidates = NULL;
    json_t *evidence = NULL;
    struct args a;
    int code = args_read(&a, c, argc, argv);

    if (code == 0)
        code = args_client(&client, &a, c);
    if (code == 0)
        validators = call(
            client,
            "validators_get",
            args_has(&a, c, "epoch")
                ? json_pack("{s:s}", "epoch", args_value(&a, c, "epoch", ""))
                : json_object(),
            &code);
    if (code == 0)
        candidates = call(client,
                          "candidate_list",
                          json_pack("{s:s}", "limit", "1000"),
                          &code);
    if (code == 0)
        evidence = call(client,
                        "evidence_list",
                        json_pack("{s:s}", "limit", "1000"),
                        &code);
    if (code == 0 && args_has(&a, c, "json")) {
        json_object_set(validators,
                        "candidates",
                        json_object_get(candidates, "candidates"));
        json_object_set(
            validators, "evidence", json_object_get(evidence, "evidence"));
        code = print_json(json_incref(validators));
    } else if (code == 0) {
        code = print_set(validators, candidates, evidence);
    }
    json_decref(validators);
    json_decref(candidates);
    json_decref(evidence);
    rpc_client_free(client);
    return code;
}

/* ---- change ---- */

/* Numbers of institutions between commas; false: it is something else. */
static bool read_numbers(uint16_t *out, uint32_t *count, const char *text)
{
    char copy[256];
    char *rest = NULL;

    *count = 0;
    if (strlen(text) >= sizeof copy)
        return false;
    memcpy(copy, text, strlen(text) + 1);
    for (char *t = strtok_r(copy, ",", &rest); t != NULL;
         t = strtok_r(NULL, ",", &rest)) {
        uint64_t n;

        if (*count >= VALIDATORS_MAX || !num_parse_u64(&n, t) || n == 0 ||
            n > UINT16_MAX)
            return false;
        out[(*count)++] = (uint16_t)n;
    }
    return true;
}

struct change_run {
    struct rpc_view view;
    struct op_validators_change op;
    struct change_plan plan;
    struct validators_row now;
    uint64_t height;
    uint32_t join_count;
    uint32_t leave_count;
    uint16_t join[VALIDATORS_MAX];
    uint16_t leave[VALIDATORS_MAX];
};

static int find_leavers(struct change_run *r)
{
    for (uint32_t i = 0; i < r->leave_count; i++) {
        const struct validator *found = NULL;

        for (uint32_t k = 0; k < r->now.set.count; k++) {
            if (r->now.set.list[k].institution == r->leave[i])
                found = &r->now.set.list[k];
        }
        if (found == NULL)
            return fail(EXIT_NO_INPUT,
                        "institution %u runs no validator; equity gov show "
                        "lists those that do",
                        r->leave[i]);
        r->op.leave[r->op.leave_count++] =
            (struct validator_item){r->leave[i], found->key};
    }
    return 0;
}

static int find_joiners(struct change_run *r, const struct ledger_view *view)
{
    for (uint32_t i = 0; i < r->join_count; i++) {
        const struct row_key key = {.table = TABLE_CANDIDATES,
                                    .key = institution_id(r->join[i])};
        struct candidate_row row;

        if (schema_decode(&row,
                          &candidate_row_schema,
                          view->get(view->ctx, &key)) != ERR_NONE)
            return fail(EXIT_NO_INPUT,
                        "institution %u has announced no validator; it does "
                        "by equity tx validator_announce",
                        r->join[i]);
        r->op.join[r->op.join_count++] =
            (struct validator_item){r->join[i], row.key};
    }
    return 0;
}

/* What the node says is in force, and what the change would be. */
static int look(struct change_run *r)
{
    const struct ledger_view view = rpc_view_of(&r->view);
    int code = 0;
    json_t *answer =
        call(r->view.client, "validators_get", json_object(), &code);
    char path[JSON_PATH_MAX];

    if (answer == NULL)
        return code;
    if (schema_from_json(&r->now,
                         &validators_row_schema,
                         json_object_get(answer, "validators"),
                         path) != ERR_NONE ||
        !json_u64(&r->height, json_object_get(answer, "height")))
        code = fail(EXIT_DATA, "the node's answer cannot be read: %s", path);
    json_decref(answer);
    if (code == 0)
        code = find_leavers(r);
    if (code == 0)
        code = find_joiners(r, &view);
    if (code == 0)
        (void)change_check(&r->plan, &view, r->height + 1, &r->op);
    return code;
}

static void print_items(const struct validator_item *list,
                        uint32_t count,
                        char sign)
{
    for (uint32_t i = 0; i < count; i++) {
        char hex[2 * PUBKEY_BYTES + 1];

        key_text(hex, &list[i].key);
        printf("  %c institution %u  %s\n", sign, list[i].institution, hex);
    }
}

static bool leaves(const struct op_validators_change *op,
                   const struct validator *v)
{
    for (uint32_t i = 0; i < op->leave_count; i++) {
        if (memcmp(&op->leave[i].key, &v->key, sizeof v->key) == 0)
            return true;
    }
    return false;
}

static void print_change(const struct change_run *r)
{
    const struct valset_margin m = r->plan.margin;

    printf("epoch %llu, %u validators  ->  epoch %llu, %u validators\n",
           (unsigned long long)r->now.set.epoch,
           r->now.set.count,
           (unsigned long long)r->now.set.epoch + 1,
           m.stay + m.join);
    for (uint32_t i = 0; i < r->now.set.count; i++) {
        const struct validator_item v = {r->now.set.list[i].institution,
                                         r->now.set.list[i].key};

        if (!leaves(&r->op, &r->now.set.list[i]))
            print_items(&v, 1, ' ');
    }
    print_items(r->op.leave, r->op.leave_count, '-');
    print_items(r->op.join, r->op.join_count, '+');
    printf("%u of those who stay are ready\n"
           "%u stay - %u that may be down + %u join = %d, quorum of the new "
           "set %u: margin %d\n",
           m.ready,
           m.stay,
           m.down,
           m.join,
           (int)m.quorum + m.margin,
           m.quorum,
           m.margin);
}

static json_t *change_json(const struct change_run *r)
{
    return json_pack("{s:o, s:s, s:s, s:o}",
                     "change",
                     schema_to_json(op_def_validators_change.schema, &r->op),
                     "verdict",
                     verdict_name(r->plan.why.verdict),
                     "text",
                     verdict_text(r->plan.why.verdict),
                     "margin",
                     json_of_margin(&r->plan.margin));
}

/* Writes the transaction, with the signatures that the wallet can give. */
static int write_change(struct change_run *r,
                        const struct args *a,
                        const struct command *c,
                        const struct wallet *w)
{
    struct draft d;
    struct hash chain_id;
    struct hash id;
    struct buf bytes = {0};
    struct tx *tx = calloc(1, sizeof *tx);
    uint64_t institution;
    uint32_t today;
    char why[250];
    int code = 0;

    ASSERT(tx != NULL);
    if (!num_parse_u64(&institution, args_value(a, c, "institution", "1")) ||
        institution == 0 || institution > UINT16_MAX)
        code = fail(EXIT_USAGE, "--institution is 1 to 65535");
    if (code == 0 && chain_of(&chain_id, &today, r->view.client) != ERR_NONE)
        code = fail(EXIT_UNAVAILABLE, "the node does not answer");
    if (code == 0) {
        draft_begin(&d, &chain_id, (uint16_t)institution, today);
        d.partly = true;
        if (!read_numbers(d.governors,
                          &d.governor_count,
                          args_value(a, c, "signers", "")))
            code = fail(EXIT_USAGE, "--signers is numbers: 1,2,3");
        draft_add(&d, OP_VALIDATORS_CHANGE, &r->op);
        if (code == 0 &&
            tx_make(&bytes, &id, &d, &r->view, w, why, sizeof why) != ERR_NONE)
            code = fail(EXIT_REFUSED, "%s", why);
        draft_end(&d);
    }
    if (code == 0 && tx_decode(tx, buf_bytes(&bytes)) != ERR_NONE)
        code = fail(EXIT_DATA, "the transaction is not well-formed");
    if (code == 0)
        code = tx_file_write(args_value(a, c, "out", ""), tx);
    buf_deinit(&bytes);
    free(tx);
    return code;
}

static int open_wallet(struct wallet *w,
                       const struct args *a,
                       const struct command *c)
{
    char passphrase[PASSPHRASE_MAX] = "";
    int code;

    if (!args_has(a, c, "wallet") && !args_has(a, c, "passphrase-file"))
        return 0; /* others sign */
    code = get_passphrase(passphrase, a, c);
    if (code == 0 &&
        wallet_open(w, args_value(a, c, "wallet", "keys"), passphrase) !=
            ERR_NONE)
        code = fail(EXIT_NO_INPUT, "the wallet has no keys that this unlocks");
    memset(passphrase, 0, sizeof passphrase);
    return code;
}

static int run_change(const struct command *c, int argc, char **argv)
{
    struct change_run *r = calloc(1, sizeof *r);
    struct wallet *w = calloc(1, sizeof *w);
    struct args a;
    int code = args_read(&a, c, argc, argv);

    ASSERT(r != NULL && w != NULL);
    if (code == 0 &&
        (!read_numbers(
             r->join, &r->join_count, args_value(&a, c, "join", "")) ||
         !read_numbers(
             r->leave, &r->leave_count, args_value(&a, c, "leave", "")) ||
         a.words > 0 || r->join_count + r->leave_count == 0))
        code = fail(EXIT_USAGE,
                    "usage: equity gov change --join 5,6 --leave 2 [--out "
                    "FILE] [flags], with numbers of institutions");
    if (code == 0)
        code = args_client(&r->view.client, &a, c);
    if (code == 0)
        code = look(r);
    if (code == 0) {
        const enum verdict v = r->plan.why.verdict;

        if (args_has(&a, c, "json"))
            print_json(change_json(r));
        else
            print_change(r);
        if (v != V_OK)
            code = fail(EXIT_REFUSED,
                        "it would be refused: %s (%d): %s; have %llu, need "
                        "%llu",
                        verdict_name(v),
                        (int)v,
                        verdict_text(v),
                        (unsigned long long)r->plan.why.have,
                        (unsigned long long)r->plan.why.need);
    }
    if (code == 0 && args_has(&a, c, "out"))
        code = open_wallet(w, &a, c);
    if (code == 0 && args_has(&a, c, "out")) {
        code = write_change(r, &a, c, w);
        if (code == 0)
            say("written to %s; operators add their signatures by equity gov "
                "sign FILE, then equity tx submit FILE",
                args_value(&a, c, "out", ""));
    }
    rpc_client_free(r->view.client);
    buf_deinit(&r->view.rows);
    wallet_wipe(w);
    free(w);
    free(r);
    return code;
}

const struct command gov_commands[] = {
    {"gov show",
     "[flags]",
     "Who validates, who has announced to, and evidence.",
     show_flags,
     run_show},
    {"gov change",
     "--join N,... --leave N,... [flags]",
     "What a change of validators would do; with --out, a transaction for it.",
     change_flags,
     run_change},
    {"gov sign",
     "FILE [flags]",
     "As tx sign: add the signatures that the keys here can give.",
     tx_sign_flags,
     tx_run_sign},
    {NULL, NULL, NULL, NULL, NULL},
};
