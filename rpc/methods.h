/* methods.h - the RPC methods: one table, from which dispatch, the checking of
 * parameters and rpc.discover derive. */
#ifndef RPC_METHODS_H
#define RPC_METHODS_H

#include "base/attr.h"
#include "base/bytes.h"
#include "chain/limits.h"

enum rpc_method_id {
    RPC_NODE_STATUS,
    RPC_NODE_PEERS,
    RPC_SNAPSHOT_LIST,
    RPC_CHAIN_GET_BLOCK,
    RPC_CHAIN_GET_HEADER,
    RPC_CHAIN_GET_CHANGES,
    RPC_CHAIN_GET_BLOCK_BYTES,
    RPC_CHAIN_GET_GENESIS,
    RPC_TX_SUBMIT,
    RPC_TX_GET,
    RPC_TX_WAIT,
    RPC_TX_SIMULATE,
    RPC_INSTITUTION_GET,
    RPC_ACCOUNT_GET,
    RPC_SECURITY_GET,
    RPC_SECURITY_LIST,
    RPC_SECURITY_SNAPSHOT,
    RPC_HOLDING_GET,
    RPC_REGISTER_LIST,
    RPC_PLEDGE_GET,
    RPC_FREEZE_LIST,
    RPC_CLAIM_GET,
    RPC_VALIDATORS_GET,
    RPC_CANDIDATE_GET,
    RPC_CANDIDATE_LIST,
    RPC_EVIDENCE_LIST,
    RPC_PARAMS_GET,
    RPC_EVENTS_LIST,
    RPC_PROOF_TRANSACTION,
    RPC_PROOF_HOLDING,
    RPC_PROOF_UNENCUMBERED,
    RPC_PROOF_REGISTER,
    RPC_PROOF_STATEMENT,
    RPC_PROOF_CONSISTENCY,
    RPC_PROOF_VALIDATORS,
    RPC_DISCOVER,
    RPC_METHODS,
};

enum rpc_param_kind {
    PARAM_U64,
    PARAM_HASH,
    PARAM_HEX, /* bytes of at most TX_BYTES_MAX */
    PARAM_CODE,
    PARAM_CURSOR, /* "height.index" */
    PARAM_DATE,   /* "YYYY-MM-DD", as days */
};

enum {
    RPC_PARAMS_MAX = 8,
};

struct rpc_param {
    const char *name;
    enum rpc_param_kind kind;
    bool required;
    uint64_t initial; /* PARAM_U64, when absent */
    uint64_t max;     /* PARAM_U64 */
    const char *help;
    uint64_t min; /* PARAM_U64 */
};

struct rpc_method {
    const char *name;
    const char *help;
    const char *result; /* what the result is, in words */
    struct rpc_param params[RPC_PARAMS_MAX];
};

extern const struct rpc_method rpc_methods[RPC_METHODS];

/* One checked parameter, in the order of the table. */
struct rpc_arg {
    bool given;
    uint64_t number; /* PARAM_U64, PARAM_DATE; of a cursor: height */
    uint32_t index;  /* of a cursor */
    struct hash hash;
    char code[CODE_MAX + 1];
    uint8_t *bytes; /* PARAM_HEX; owned by the call */
    size_t size;
};

#endif /* RPC_METHODS_H */
