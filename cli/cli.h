/* cli.h - what the commands of `equity` share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/buf.h"
#include "base/meant.h"
#include "crypto/keystore.h"
#include "ledger/needs.h"
#include "rpc/client.h"
#include "rpc/schema_json.h"

enum {
    EXIT_USAGE = 2,
    EXIT_REFUSED = 1,
    EXIT_DATA = 65,
    EXIT_NO_INPUT = 66,
    EXIT_UNAVAILABLE = 69,
    EXIT_OUT_OF_REACH = 78,
    EXIT_CANNOT_CREATE = 73,
    EXIT_IO = 74,
    EXIT_TRUST = 78,
    EXIT_INTERRUPTED = 130, /* by Ctrl-C, as shells say it */
    ARGS_HELPED = -1,
    CLI_PATH_MAX = 1024,
    WALLET_KEYS_MAX = 256,
};

#define NODE_DEFAULT "http://127.0.0.1:7500"

/* Flags of one command: name, whether it takes a value, help. */
struct flag {
    const char *name; /* without "--"; NULL ends the table */
    bool has_value;
    const char *help;
};

struct command {
    const char *name; /* one or two words: "keys new" */
    const char *arguments;
    const char *help;
    const struct flag *flags;
    int (*run)(const struct command *c, int argc, char **argv);
};

/* args_read checks argv against the table: unknown flags are errors (with a
 * suggestion), and so are words where the arguments are "[flags]" alone.
 * Returns 0, or the exit code; ARGS_HELPED, which is success, after --help. */
struct args {
    const char *value[64]; /* by flag; "" for a flag without value */
    const char *word[16];  /* what is no flag */
    int words;
};
int args_read(struct args *out, const struct command *c, int argc, char **argv);
/* query_when puts what --height and --date say into params. */
void query_when(json_t *params, const struct command *c, const struct args *a);
const char *args_value(const struct args *a,
                       const struct command *c,
                       const char *name,
                       const char *otherwise);
bool args_has(const struct args *a, const struct command *c, const char *name);
/* args_client connects to --node; 0, or the exit code after saying why. */
int args_client(struct rpc_client **out,
                const struct args *a,
                const struct command *c);
void print_flags(const struct flag *flags);

/* say prints talk to standard error. */
void say(const char *format, ...) PRINTF_LIKE(1, 2);
int fail(int code, const char *format, ...) PRINTF_LIKE(2, 3);
/* progress rewrites one line on a terminal, prints tenths elsewhere. */
void progress(const char *what, uint64_t done, uint64_t all);
/* Reads a file, of a longer one little more than max bytes.  Returns 0, or the
 * exit code after saying why. */
int read_file(struct buf *out, const char *path, size_t max);
/* Writes a file that is not there yet, of this mode, and brings it to disk: it
 * is whole or not there, and nothing is written over.  Returns 0, or the exit
 * code after saying why. */
int write_new_file(const char *path, struct bytes content, unsigned mode);
int print_json(json_t *json); /* takes it; to standard output */

/* Keys opened for signing. */
struct wallet {
    uint32_t count;
    struct {
        char label[KEYSTORE_LABEL_MAX + 1];
        struct pubkey key;
        struct secret secret;
    } keys[WALLET_KEYS_MAX];
};
/* wallet_open opens every *.key of secp256k1 in dir. */
MUST_USE enum err wallet_open(struct wallet *w,
                              const char *dir,
                              const char *passphrase);
void wallet_wipe(struct wallet *w);
const struct secret *wallet_find(const struct wallet *w,
                                 const struct pubkey *key);
const struct secret *wallet_label(const struct wallet *w, const char *label);
/* wallet_add makes a key, keeps it in dir and in the wallet. */
MUST_USE enum err wallet_add(struct wallet *w,
                             struct pubkey *out,
                             const char *dir,
                             const char *label,
                             const char *passphrase);
int get_passphrase(char out[PASSPHRASE_MAX],
                   const struct args *a,
                   const struct command *c);

/* A ledger view over RPC answers: enough to know who must sign. */
struct rpc_view {
    struct rpc_client *client;
    struct buf rows;       /* what get lent last */
    uint64_t final_height; /* of what was told final: reads are not older */
};
/* rpc_view_call reads a state that has everything this view heard to be final:
 * a node tells "final" when a block is on disk, and reads follow a moment
 * later. Takes params; NULL with *why. */
json_t *rpc_view_call(struct rpc_view *v,
                      const char *method,
                      json_t *params,
                      struct rpc_failure *why);
struct ledger_view rpc_view_of(struct rpc_view *v);

/* One transaction being made. */
struct draft {
    struct hash chain_id;
    uint16_t institution;
    uint32_t day;
    bool partly;             /* signatures may be missing: others add theirs */
    uint32_t governor_count; /* 0: chosen by tx_make */
    uint16_t governors[VALIDATORS_MAX]; /* whose operators sign governance */
    uint32_t op_count;
    struct buf ops; /* encoded operations */
    size_t at[TX_OPS_MAX];
    size_t size[TX_OPS_MAX];
};
void draft_begin(struct draft *d,
                 const struct hash *chain_id,
                 uint16_t institution,
                 uint32_t day);
void draft_add(struct draft *d, uint8_t kind, const void *op);
void draft_end(struct draft *d);

/* What became of a transaction. */
struct outcome {
    bool final;
    struct hash id;
    uint64_t height;
    struct rpc_failure why;
};

/* tx_make gives the full bytes: principals found, signed with every fitting
 * key of the wallet.  why (size cap) says what is missing. */
MUST_USE enum err tx_make(struct buf *out,
                          struct hash *id,
                          struct draft *d,
                          struct rpc_view *view,
                          const struct wallet *w,
                          char *why,
                          size_t cap);
/* tx_send submits and, if wait, waits until it is final or refused. */
MUST_USE enum err tx_send(struct outcome *out,
                          struct rpc_client *client,
                          struct bytes tx,
                          bool wait);
/* Transactions in files (tx_file.c).  tx_sign_partly adds what the wallet can
 * sign (NULL: nothing) and lists each needed signer and whether it is there. */
json_t *tx_sign_partly(bool *complete,
                       struct tx *tx,
                       const struct ledger_view *view,
                       const struct wallet *w);
/* tx_governors chooses a quorum of the institutions in set, first those for
 * which the wallet has an operator key; returns how many. */
uint32_t tx_governors(uint16_t out[VALIDATORS_MAX],
                      const struct valset *set,
                      const struct ledger_view *view,
                      const struct wallet *w);
extern const struct flag tx_sign_flags[];
int tx_run_sign(const struct command *c, int argc, char **argv);
int tx_file_read(struct buf *out, struct tx *tx, const char *path);
json_t *tx_file_show(const struct tx *tx);
int tx_file_write(const char *path, const struct tx *tx);
/* Both in one. */
MUST_USE enum err tx_do(struct outcome *out,
                        struct draft *d,
                        struct rpc_view *view,
                        const struct wallet *w);
void print_outcome(const struct outcome *o, const char *what);

/* Node facts. */
MUST_USE enum err chain_of(struct hash *chain_id,
                           uint32_t *today,
                           struct rpc_client *client);

/* devnet.c */
extern const struct command devnet_commands[];
struct devnet {
    char dir[CLI_PATH_MAX];
    uint32_t nodes;
    uint32_t base_port;
    int pids[VALIDATORS_MAX];
    bool tied; /* the nodes end when this process does */
    char passphrase[PASSPHRASE_MAX];
};
/* devnet_catch_signals: SIGINT and SIGTERM stop the nodes of d from now on, and
 * devnet_interrupted says so. */
void devnet_catch_signals(struct devnet *d);
bool devnet_interrupted(void);
int devnet_make(struct devnet *d);
int devnet_start(struct devnet *d, uint32_t index);
bool devnet_wait_ready(struct devnet *d, uint32_t seconds);
void devnet_stop_all(struct devnet *d);
void devnet_url(const struct devnet *d, uint32_t index, char out[64]);

extern const struct command debug_commands[];   /* debug.c */
extern const struct command receipt_commands[]; /* receipt.c, trust.c */
extern const struct command document_commands[];
extern const struct command trust_commands[];

/* export.c, verify.c */
extern const struct command export_commands[];
extern const struct command verify_commands[];

/* vault.c, import.c, csv.c */
struct vault;
extern const struct command register_commands[];

/* tx_cmd.c, query.c, gov.c, keys.c, demo.c */
extern const struct command tx_commands[];
extern const struct command tx_file_commands[];
extern const struct command query_commands[];
extern const struct command gov_commands[];
extern const struct command rules_commands[];
extern const struct command keys_commands[];
extern const struct command demo_commands[];

#endif /* CLI_CLI_H */
