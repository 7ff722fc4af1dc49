/* trust.h - trust files from a genesis, or from what a node says. */
#ifndef CLI_TRUST_H
#define CLI_TRUST_H

#include "audit/trust.h"
#include "cli/cli.h"

/* Each returns 0, or the exit code after saying why. */
int trust_from_file(struct trust *out, const char *path);
int trust_from_genesis(struct trust *out, const char *path);
/* A genesis file that genesis_check accepts. */
int genesis_from_file(struct genesis *out, const char *path);
int trust_from_node(struct trust *out, struct rpc_client *client);

#endif /* CLI_TRUST_H */
