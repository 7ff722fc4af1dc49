/* config.h - the configuration of equityd: one table, every form.
 *
 * A strict INI file, then environment variables (EQUITYD_SECTION_KEY), then
 * flags (--section-key VALUE); the later wins.  An unknown key, section or flag
 * is an error with its line.  Secrets are never values: only paths of files. */
#ifndef NODE_CONFIG_H
#define NODE_CONFIG_H

#include "base/attr.h"
#include "base/err.h"
#include "chain/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    CONFIG_TEXT_MAX = 512,
};

struct config_address {
    uint16_t institution; /* 0 = unused */
    char text[CONFIG_TEXT_MAX];
};

struct config {
    char dir[CONFIG_TEXT_MAX];
    char genesis[CONFIG_TEXT_MAX];
    char passphrase_file[CONFIG_TEXT_MAX];
    char peers_listen[CONFIG_TEXT_MAX];
    char peer[VALIDATORS_MAX][CONFIG_TEXT_MAX]; /* "" where not given */
    struct config_address institution[VALIDATORS_MAX];
    uint64_t peers_serve_mib;
    char rpc_listen[CONFIG_TEXT_MAX];
    char rpc_hosts[CONFIG_TEXT_MAX]; /* further allowed Host names, "," */
    char log_level[16];
    char log_format[16];
    uint64_t verify_threads; /* 0: one per hardware thread */
    uint64_t cache_mib;
    uint64_t keep_blocks; /* whose bodies equityd prune leaves; 0: none said */
    char sync[16];        /* how a fresh node begins: "blocks" or "snapshot" */
    uint64_t snapshot_blocks; /* a snapshot every so many; 0: none */
    uint64_t snapshot_mib_s;  /* read while one is taken; 0: no limit */
    uint64_t mempool_txs;
    uint64_t mempool_mib;
    uint64_t disk_reserve_mib; /* below this the node refuses new work */
};

void config_defaults(struct config *out);

/* Each returns ERR_CONFIG and a sentence for people in why (size cap). */
MUST_USE enum err config_read_file(struct config *c,
                                   const char *path,
                                   char *why,
                                   size_t cap);
MUST_USE enum err config_read_environment(struct config *c,
                                          char *why,
                                          size_t cap);
/* config_set takes section and key as in the file. */
MUST_USE enum err config_set(struct config *c,
                             const char *section,
                             const char *key,
                             const char *value,
                             char *why,
                             size_t cap);
/* config_check says what is missing. */
MUST_USE enum err config_check(const struct config *c, char *why, size_t cap);

/* config_print_help lists every key with default and sentence; config_print
 * writes the effective configuration as an annotated INI file. */
void config_print_help(void);
void config_print(FILE *to, const struct config *c);

/* config_split_address splits "host:port" (IPv6 in brackets) into host[256] and
 * *port. */
MUST_USE enum err config_split_address(char *host,
                                       uint16_t *port,
                                       const char *address);

#endif /* NODE_CONFIG_H */
