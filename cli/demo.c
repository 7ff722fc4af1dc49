/* The main job, told step by step on a trial network. */
#include "cli/import.h"

#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"
#include "crypto/hash.h"
#include "crypto/random.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- the story ---- */

enum {
    REGISTERS_SHOWN = 3,
};

struct story {
    struct devnet net;
    struct wallet wallet;
    struct rpc_client *client;
    struct rpc_view view;
    struct vault *vaults[REGISTERS_SHOWN]; /* each custodian's own */
    struct secret consortium;
    struct importer im;
    char key_dir[CLI_PATH_MAX + 32];
    uint32_t refused;
    uint32_t step;
    struct hash issuer[REGISTERS_SHOWN];
    struct hash bank;
    struct csv_register registers[REGISTERS_SHOWN];
    struct pubkey holder_key[4]; /* of the first holders of register 0 */
    struct hash holder[4];
    struct pubkey issuer_key[REGISTERS_SHOWN];
    struct pubkey bank_key;
};

static void headline(struct story *s, const char *text)
{
    printf("\n%2u. %s\n", ++s->step, text);
    fflush(stdout);
}

static const struct pubkey *story_key_of(void *ctx, const char *id_number)
{
    const struct story *s = ctx;

    for (uint32_t i = 0; i < ARRAY_LEN(s->holder_key); i++) {
        if (i < s->registers[0].count &&
            strcmp(s->registers[0].lines[i].id_number, id_number) == 0)
            return &s->holder_key[i];
    }
    return NULL;
}

/* Does one operation and prints its verdict.  Returns whether it ended as the
 * story expects: expect NULL = final, else that refusal. */
static bool act(struct story *s,
                uint8_t kind,
                const void *op,
                const char *what,
                const char *expect)
{
    struct draft d;
    struct outcome o;
    enum err e;

    draft_begin(&d, &s->im.chain_id, 1, s->im.today);
    draft_add(&d, kind, op);
    e = tx_do(&o, &d, &s->view, &s->wallet);
    printf("    ");
    print_outcome(&o, what);
    if (e == ERR_REFUSED)
        s->refused++;
    return expect == NULL ? e == ERR_NONE
                          : e == ERR_REFUSED && strcmp(o.why.name, expect) == 0;
}

static struct hash document_of(const char *name)
{
    return hash_of(bytes_of(name, strlen(name)));
}

static const char *code_of(const struct story *s)
{
    return s->registers[0].code;
}

static void show_position(struct story *s, uint32_t holder)
{
    print_position(&s->view,
                   code_of(s),
                   &s->holder[holder],
                   s->registers[0].lines[holder].name);
}

static bool transfer(struct story *s,
                     uint32_t from,
                     uint32_t to,
                     uint64_t quantity,
                     uint64_t pledge,
                     const char *expect)
{
    struct op_transfer op = {.from = s->holder[from],
                             .to = s->holder[to],
                             .quantity = {quantity},
                             .selector = {NATURE_ANY, pledge, 0},
                             .price_fen = (int64_t)quantity * 430,
                             .payment = document_of("payment advice"),
                             .document = document_of("transfer agreement")};

    memcpy(op.security, code_of(s), sizeof op.security);
    return act(s, OP_TRANSFER, &op, "transfer", expect);
}

static bool pledge(struct story *s,
                   uint32_t holder,
                   uint64_t quantity,
                   uint64_t freeze,
                   const char *expect)
{
    struct op_pledge_create op = {
        .pledgor = s->holder[holder],
        .pledgee = s->bank,
        .quantity = {quantity},
        .selector = {NATURE_ANY, 0, freeze},
        .secured_fen = 500000000,
        .term_end = s->im.today + 365,
        .covers_fruits = true,
        .constitutive_register = REGISTER_THIS,
        .document = document_of("pledge contract"),
    };

    memcpy(op.security, code_of(s), sizeof op.security);
    return act(s, OP_PLEDGE_CREATE, &op, "pledge", expect);
}

static bool release_part(struct story *s,
                         uint64_t number,
                         int pledgor,
                         uint64_t quantity)
{
    struct op_pledge_release_part op = {
        .number = number,
        .pledgor = s->holder[pledgor],
        .quantity = {quantity},
        .document = document_of("partial release"),
    };

    memcpy(op.security, code_of(s), sizeof op.security);
    return act(s, OP_PLEDGE_RELEASE_PART, &op, "partial release", NULL);
}

static uint64_t wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000;
}

static bool freeze(struct story *s, uint32_t holder, uint64_t quantity)
{
    struct op_freeze_create op = {
        .account = s->holder[holder],
        .authority = "COURT-DISTRICT-1",
        .case_commitment = document_of("case 2026-17 salted"),
        .publicity_ms = wall_ms() - 7200000,
        .service_ms = wall_ms() - 3600000,
        .from = s->im.today,
        .to = s->im.today + 365,
        .quantity = {quantity},
        .covers_fruits = true,
        .document = document_of("ruling and assistance notice"),
    };

    memcpy(op.security, code_of(s), sizeof op.security);
    return act(s, OP_FREEZE_CREATE, &op, "court freeze", NULL);
}

static bool unfreeze(struct story *s, uint64_t number)
{
    struct op_freeze_release op = {
        .number = number,
        .authority = "COURT-DISTRICT-1",
        .document = document_of("release ruling"),
    };

    memcpy(op.security, code_of(s), sizeof op.security);
    return act(s, OP_FREEZE_RELEASE, &op, "release of the freeze", NULL);
}

static bool full_release(struct story *s, uint64_t number)
{
    struct op_pledge_release op = {
        .number = number, .document = document_of("pledgee's release")};

    memcpy(op.security, code_of(s), sizeof op.security);
    return act(s, OP_PLEDGE_RELEASE, &op, "full release by the bank", NULL);
}

static bool kill_one(struct story *s, uint32_t index)
{
    int status;

    kill(s->net.pids[index], SIGKILL);
    waitpid(s->net.pids[index], &status, 0);
    s->net.pids[index] = 0;
    printf("    node%u is gone (SIGKILL)\n", index);
    return true;
}

static uint64_t height_of(const struct devnet *net,
                          uint32_t index,
                          char root[2 * HASH_BYTES + 1])
{
    struct rpc_client *c;
    struct rpc_failure why;
    char url[64];
    json_t *r;
    uint64_t height = 0;
    const char *hex;

    root[0] = '\0';
    devnet_url(net, index, url);
    if (rpc_client_new(&c, url) != ERR_NONE)
        return 0;
    r = rpc_client_call(c, "chain_getHeader", NULL, 3000, &why);
    hex = json_string_value(
        json_object_get(json_object_get(r, "header"), "state_root"));
    (void)json_u64(&height,
                   json_object_get(json_object_get(r, "header"), "height"));
    if (hex != NULL)
        snprintf(root, 2 * HASH_BYTES + 1, "%s", hex);
    json_decref(r);
    rpc_client_free(c);
    return height;
}

static bool roots_equal(const struct story *s,
                        uint64_t *height,
                        char root[2 * HASH_BYTES + 1])
{
    char first[2 * HASH_BYTES + 1];

    for (uint32_t t = 0; t < 300; t++) {
        bool equal = true;

        *height = height_of(&s->net, 0, root);
        for (uint32_t i = 1; i < s->net.nodes && equal; i++)
            equal = height_of(&s->net, i, first) == *height &&
                    strcmp(first, root) == 0 && root[0] != '\0';
        if (equal)
            return true;
        usleep(100000);
    }
    return false;
}

static bool bring_back(struct story *s, uint32_t index)
{
    uint64_t height;
    char root[2 * HASH_BYTES + 1];

    if (devnet_start(&s->net, index) != 0 || !devnet_wait_ready(&s->net, 30))
        return false;
    if (!roots_equal(s, &height, root))
        return false;
    printf("    node%u is back at height %llu with the same root %.16s…\n",
           index,
           (unsigned long long)height,
           root);
    return true;
}

/* Each register is kept by another institution. */
static uint16_t registrar_of(const struct story *s, uint32_t i)
{
    return (uint16_t)(i % s->net.nodes + 1);
}

/* Imports one register: its institution, its issuer, its lines. */
static int import_one(struct story *s, uint32_t i, const char *path)
{
    struct csv_register *r = &s->registers[i];
    struct outcome o;
    char number[64];
    int code = 0;
    enum err e;

    s->im.institution = registrar_of(s, i);
    s->im.vault = s->vaults[i];
    printf("    %s: %s %s, %u holders, %llu shares, registrar %u\n",
           path,
           r->code,
           r->title,
           r->count,
           (unsigned long long)r->total,
           s->im.institution);
    snprintf(number, sizeof number, "ISSUER-%s", r->code);
    e = import_account(&s->im,
                       &s->issuer[i],
                       "统一社会信用代码",
                       number,
                       r->title,
                       &s->issuer_key[i],
                       &o);
    code = import_failed(&o, "issuer's account", e);
    if (code == 0) {
        const bool exempt = r->count > 200;
        const struct hash approval =
            exempt ? document_of("exemption from the holder cap")
                   : (struct hash){{0}};

        e = import_register(
            &s->im, r, &s->issuer[i], exempt ? 0 : 200, &approval, &o);
        code = import_failed(&o, r->code, e);
    }
    if (code == 0)
        printf("    confirmed at height %llu\n", (unsigned long long)o.height);
    return code;
}

static enum err story_keys(struct story *s)
{
    char label[KEYSTORE_LABEL_MAX + 1];

    for (uint32_t i = 0; i < REGISTERS_SHOWN; i++) {
        snprintf(label, sizeof label, "issuer-%u", i);
        TRY(wallet_add(&s->wallet,
                       &s->issuer_key[i],
                       s->key_dir,
                       label,
                       s->net.passphrase));
    }
    for (uint32_t i = 0; i < ARRAY_LEN(s->holder_key); i++) {
        snprintf(label, sizeof label, "holder-%u", i);
        TRY(wallet_add(&s->wallet,
                       &s->holder_key[i],
                       s->key_dir,
                       label,
                       s->net.passphrase));
    }
    return wallet_add(
        &s->wallet, &s->bank_key, s->key_dir, "bank", s->net.passphrase);
}

static int story_open(struct story *s)
{
    char url[64];
    enum err e;

    snprintf(s->key_dir, sizeof s->key_dir, "%s/wallet", s->net.dir);
    e = wallet_open(&s->wallet, s->key_dir, s->net.passphrase);
    if (e == ERR_NONE)
        e = story_keys(s);
    if (e == ERR_NONE)
        e = consortium_key(&s->consortium, s->net.dir, s->net.passphrase);
    for (uint32_t i = 0; e == ERR_NONE && i < REGISTERS_SHOWN; i++) {
        char name[32];

        snprintf(name, sizeof name, "vault-%u", registrar_of(s, i));
        e = custodian_vault(
            &s->vaults[i], s->net.dir, name, NULL, s->net.passphrase);
    }
    devnet_url(&s->net, 0, url);
    if (e == ERR_NONE)
        e = rpc_client_new(&s->client, url);
    if (e == ERR_NONE)
        e = chain_of(&s->im.chain_id, &s->im.today, s->client);
    if (e != ERR_NONE)
        return fail(EXIT_UNAVAILABLE, "%s: %s", s->net.dir, err_text(e));
    s->view.client = s->client;
    s->im.view = &s->view;
    s->im.wallet = &s->wallet;
    s->im.consortium_key = &s->consortium;
    s->im.key_of = story_key_of;
    s->im.ctx = s;
    return 0;
}

static int import_all(struct story *s, const char *const *files)
{
    struct outcome o;
    int code = 0;

    headline(s, "Three custodians import the registers they keep");
    for (uint32_t i = 0; code == 0 && i < REGISTERS_SHOWN; i++) {
        code = register_read(&s->registers[i], &s->im.document, files[i], 0);
        if (code == 0)
            code = import_one(s, i, files[i]);
    }
    for (uint32_t i = 0; code == 0 && i < ARRAY_LEN(s->holder); i++) {
        const struct csv_line *l = &s->registers[0].lines[i];
        const struct hash tag =
            vault_tag(&s->consortium, l->id_type, l->id_number);

        s->holder[i] = vault_by_tag(s->vaults[0], &tag)->account;
    }
    s->im.institution = registrar_of(s, 0);
    s->im.vault = s->vaults[0];
    if (code == 0)
        code = import_failed(&o,
                             "bank's account",
                             import_account(&s->im,
                                            &s->bank,
                                            "统一社会信用代码",
                                            "BANK-0001",
                                            "示例城市商业银行",
                                            &s->bank_key,
                                            &o));
    return code;
}

static bool tell_story(struct story *s)
{
    const uint64_t have = s->registers[0].lines[0].quantity;
    const uint64_t pledged = have / 2;
    bool ok;

    headline(s, "A holder sells shares by agreement");
    ok = transfer(s, 0, 1, have / 10, 0, NULL);
    show_position(s, 0);
    show_position(s, 1);
    headline(s, "The holder pledges half of the original position to a bank");
    ok = ok && pledge(s, 0, pledged, 0, NULL);
    show_position(s, 0);
    headline(s, "Selling pledged shares is refused");
    ok = ok && transfer(s, 0, 2, 1000, 1, "E_PLEDGED");
    ok = ok && transfer(s, 0, 2, have / 2, 0, "E_AVAILABLE");
    show_position(s, 0);
    headline(s, "Holder and bank release a part of the pledge");
    ok = ok && release_part(s, 1, 0, pledged / 4);
    show_position(s, 0);
    headline(s, "A court freezes shares; the freeze reaches over the pledge");
    ok = ok && freeze(s, 0, have - have / 10 - 5000);
    show_position(s, 0);
    headline(s, "Pledging frozen shares is refused");
    ok = ok && pledge(s, 0, 1000, 1, "E_FROZEN");
    show_position(s, 0);
    headline(s, "One node is killed; the other three go on");
    ok = ok && kill_one(s, 3);
    ok = ok && transfer(s, 1, 2, 500, 0, NULL);
    ok = ok && transfer(s, 1, 3, 700, 0, NULL);
    show_position(s, 1);
    headline(s, "The court releases the freeze");
    ok = ok && unfreeze(s, 1);
    show_position(s, 0);
    headline(s, "The node comes back and catches up");
    ok = ok && bring_back(s, 3);
    headline(s, "The bank releases the rest of the pledge");
    ok = ok && full_release(s, 1);
    show_position(s, 0);
    return ok;
}

static int conclude(struct story *s)
{
    uint64_t height;
    uint64_t positions = 0;
    char root[2 * HASH_BYTES + 1];
    int code = 0;

    headline(s, "What the register says");
    printf("\n");
    for (uint32_t i = 0; i < REGISTERS_SHOWN && code == 0; i++) {
        printf("%s %s\n", s->registers[i].code, s->registers[i].title);
        code = show_register(
            &s->view, s->registers[i].code, NULL, s->vaults[i], 5);
        printf("\n");
    }
    for (uint32_t i = 0; i < REGISTERS_SHOWN; i++)
        positions += s->registers[i].count;
    if (code != 0)
        return code;
    if (!roots_equal(s, &height, root))
        return fail(EXIT_REFUSED, "the nodes' roots differ");
    for (uint32_t i = 0; i < s->net.nodes; i++) {
        char url[64];
        char mine[2 * HASH_BYTES + 1];

        devnet_url(&s->net, i, url);
        (void)height_of(&s->net, i, mine);
        printf("node%u %s root %s\n", i, url, mine);
    }
    printf("main job done: nodes=%u height=%llu root=%s securities=%d "
           "positions=%llu refused=%u\n",
           s->net.nodes,
           (unsigned long long)height,
           root,
           REGISTERS_SHOWN,
           (unsigned long long)positions,
           s->refused);
    return 0;
}

static const struct flag demo_flags[] = {
    {"dir", true, "directory of the network (default: a new one in /tmp)"},
    {"base-port", true, "first port (default 7400); RPC at +100"},
    {"registers", true, "folder with the three CSV files"},
    {"once", false, "stop the network at the end"},
    {"stay", false, "let it run until Ctrl-C (usual on a terminal)"},
    {"leave", false, "leave it running (usual elsewhere)"},
    {NULL, false, NULL},
};

static int story_start(struct story *s,
                       const struct args *a,
                       const struct command *c)
{
    uint64_t port;
    const char *dir = args_value(a, c, "dir", NULL);
    int code;

    s->net.nodes = 4;
    s->net.base_port = 7400;
    if (args_has(a, c, "base-port")) {
        if (!num_parse_u64(&port, args_value(a, c, "base-port", "")) ||
            port < 1024 || port > 65000)
            return fail(EXIT_USAGE, "--base-port is 1024 to 65000");
        s->net.base_port = (uint32_t)port;
    }
    if (dir != NULL) {
        char here[512] = "";

        if (dir[0] != '/' && getcwd(here, sizeof here) == NULL)
            return fail(EXIT_USAGE, "no current directory");
        snprintf(s->net.dir,
                 sizeof s->net.dir,
                 "%s%s%.400s",
                 here,
                 dir[0] == '/' ? "" : "/",
                 dir);
    } else {
        snprintf(s->net.dir, sizeof s->net.dir, "/tmp/equity-XXXXXX");
        if (mkdtemp(s->net.dir) == NULL)
            return fail(EXIT_CANNOT_CREATE, "/tmp: %s", strerror(errno));
    }
    headline(s, "Four custody institutions start their nodes");
    devnet_catch_signals(&s->net);
    code = devnet_make(&s->net);
    for (uint32_t i = 0; code == 0 && i < s->net.nodes; i++)
        code = devnet_start(&s->net, i);
    if (code == 0 && !devnet_wait_ready(&s->net, 60) && !devnet_interrupted())
        code = fail(
            EXIT_UNAVAILABLE, "not ready after 60 s; see %s/*.log", s->net.dir);
    for (uint32_t i = 0; code == 0 && i < s->net.nodes; i++) {
        char url[64];

        devnet_url(&s->net, i, url);
        printf("    node%u %s ready\n", i, url);
    }
    return code;
}

/* Stops the network, lets it run until Ctrl-C, or leaves it. */
static int end_story(struct story *s,
                     const struct args *a,
                     const struct command *c,
                     int code)
{
    const bool stay = args_has(a, c, "stay") ||
                      (!args_has(a, c, "leave") && isatty(STDIN_FILENO));

    if (code != 0 || args_has(a, c, "once") || devnet_interrupted()) {
        devnet_stop_all(&s->net);
        if (devnet_interrupted())
            say("stopped");
        return devnet_interrupted() ? EXIT_INTERRUPTED : code;
    }
    printf("\nThe network goes on running in %s:\n", s->net.dir);
    for (uint32_t i = 0; i < s->net.nodes; i++) {
        char url[64];

        devnet_url(&s->net, i, url);
        printf("  %s\n", url);
    }
    if (!stay) {
        printf("Stop it with: kill $(cat %s/*.pid)\n", s->net.dir);
        return 0;
    }
    printf("Ctrl-C stops it.\n");
    fflush(stdout);
    while (!devnet_interrupted())
        sleep(60); /* ended by the signal */
    devnet_stop_all(&s->net);
    say("stopped");
    return 0;
}

static int run_demo(const struct command *c, int argc, char **argv)
{
    static const char *const names[REGISTERS_SHOWN] = {
        "register-100001.csv", "register-100002.csv", "register-100003.csv"};
    struct story *s = calloc(1, sizeof *s);
    char paths[REGISTERS_SHOWN][CLI_PATH_MAX];
    const char *files[REGISTERS_SHOWN];
    struct args a;
    int code = args_read(&a, c, argc, argv);

    ASSERT(s != NULL);
    if (code != 0) {
        free(s);
        return code;
    }
    for (int i = 0; i < REGISTERS_SHOWN; i++) {
        snprintf(paths[i],
                 sizeof paths[i],
                 "%.900s/%s",
                 args_value(&a, c, "registers", "examples/registers"),
                 names[i]);
        files[i] = paths[i];
    }
    code = story_start(s, &a, c);
    if (code == 0)
        code = story_open(s);
    if (code == 0)
        code = import_all(s, files);
    if (code == 0 && !tell_story(s))
        code = devnet_interrupted()
                   ? EXIT_INTERRUPTED
                   : fail(EXIT_REFUSED, "a step did not end as it should");
    if (code == 0)
        code = conclude(s);
    fflush(stdout);
    code = end_story(s, &a, c, code);
    for (int i = 0; i < REGISTERS_SHOWN; i++)
        csv_free(&s->registers[i]);
    rpc_client_free(s->client);
    for (int i = 0; i < REGISTERS_SHOWN; i++)
        vault_close(s->vaults[i]);
    buf_deinit(&s->view.rows);
    wallet_wipe(&s->wallet);
    free(s);
    return code;
}

const struct command demo_commands[] = {
    {"demo",
     "[flags]",
     "The main job: four institutions, three registers, transfers, pledges, "
     "a freeze,\na lost node; each step with its verdict.",
     demo_flags,
     run_demo},
    {NULL, NULL, NULL, NULL, NULL},
};
