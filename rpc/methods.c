#include "rpc/methods.h"

#define MIN_HEIGHT                                                \
    {                                                             \
        "min_height", PARAM_U64, false, 0, UINT64_MAX,            \
            "answer from a state at least this high, or E_BEHIND" \
    }
/* In this order, behind MIN_HEIGHT. */
#define AS_OF                                                     \
    MIN_HEIGHT,                                                   \
        {"height",                                                \
         PARAM_U64,                                               \
         false,                                                   \
         0,                                                       \
         UINT64_MAX,                                              \
         "answer from the state after this block; or else"},      \
    {                                                             \
        "date", PARAM_DATE, false, 0, 0,                          \
            "... from the state at the end of this business date" \
    }
#define ANCHOR                                                    \
    {                                                             \
        "anchor", PARAM_U64, false, 0, UINT64_MAX,                \
            "height of the block that the reader of the receipt " \
            "trusts; the genesis if absent"                       \
    }
#define RECEIPT                                                           \
    "kind, height and business date of what is shown, as_of = it is the " \
    "end of that date, and the receipt's bytes"
#define LIMIT                                                              \
    {                                                                      \
        "limit", PARAM_U64, false, 100, 1000, "most entries, 1 to 1000", 1 \
    }
#define SECURITY_PARAM                                             \
    {                                                              \
        "security", PARAM_CODE, true, 0, 0, "code of the security" \
    }
/* By which a node that never saw the transaction can tell that it is dead. */
#define TX_FACTS                                                            \
    {"tx", PARAM_HEX, false, 0, TX_BYTES_MAX, "its full bytes, or else …"}, \
        {"institution",                                                     \
         PARAM_U64,                                                         \
         false,                                                             \
         0,                                                                 \
         65535,                                                             \
         "… the number of the institution that filed it,"},                 \
        {"day", PARAM_U64, false, 0, UINT32_MAX, "its reference's day,"},   \
        {"serial",                                                          \
         PARAM_HEX,                                                         \
         false,                                                             \
         0,                                                                 \
         SERIAL_BYTES,                                                      \
         "its reference's serial"},                                         \
    {                                                                       \
        "valid_until", PARAM_U64, false, UINT32_MAX, UINT32_MAX,            \
            "and its last day, if not its reference's day + 30"             \
    }

const struct rpc_method rpc_methods[RPC_METHODS] = {
    [RPC_NODE_STATUS] = {"node_status",
                         "What this node is and how it is doing.",
                         "chain, height, roots, view, readiness with reasons",
                         {{0}}},
    [RPC_NODE_PEERS] = {"node_peers",
                        "The links to the other validators.",
                        "one entry for each validator",
                        {{0}}},
    [RPC_SNAPSHOT_LIST] = {"snapshot_list",
                           "The snapshots of the state that this node has "
                           "for nodes that begin.",
                           "snapshots, the newest first: height, block, id, "
                           "manifest_bytes, chunks, rows in chunks, bytes of "
                           "chunks; and the one being taken: running, its "
                           "height, rows done",
                           {{0}}},
    [RPC_CHAIN_GET_BLOCK] = {"chain_getBlock",
                             "A block with its transactions.",
                             "header, hash, certificate, transactions",
                             {{"height",
                               PARAM_U64,
                               false,
                               UINT64_MAX,
                               UINT64_MAX,
                               "block number; newest if absent"}}},
    [RPC_CHAIN_GET_HEADER] = {"chain_getHeader",
                              "The header of a block and its certificate.",
                              "header, hash, certificate",
                              {{"height",
                                PARAM_U64,
                                false,
                                UINT64_MAX,
                                UINT64_MAX,
                                "block number; newest if absent"}}},
    [RPC_CHAIN_GET_CHANGES] =
        {"chain_getChanges",
         "What a block changed in the state, in the order in which it is "
         "hashed.",
         "hash of the block, roots of the tables after it, changes: table, "
         "tree, key, and the hash of the row before and after, zeros if "
         "absent; and the place to go on after",
         {{"height", PARAM_U64, true, 0, UINT64_MAX, "block number"},
          {"after",
           PARAM_U64,
           false,
           UINT64_MAX,
           UINT64_MAX,
           "go on after this place in the list"},
          LIMIT}},
    [RPC_CHAIN_GET_BLOCK_BYTES] =
        {"chain_getBlockBytes",
         "Blocks as they were hashed and signed, to be kept elsewhere.",
         "blocks: height, header, certificate (empty for block 0) and body in "
         "hex, fewer than asked for when they are large; the height to go on "
         "from, and the newest",
         {{"from", PARAM_U64, true, 0, UINT64_MAX, "number of the first block"},
          {"count", PARAM_U64, false, 100, 1000, "most blocks, 1 to 1000", 1}}},
    [RPC_CHAIN_GET_GENESIS] = {"chain_getGenesis",
                               "The genesis in its canonical bytes, whose "
                               "tagged hash is the chain id.",
                               "chain_id, genesis in hex",
                               {{0}}},
    [RPC_TX_SUBMIT] = {"tx_submit",
                       "Hand in a signed transaction.  The answer promises "
                       "nothing durable: only final does.",
                       "id and state PENDING or FINAL",
                       {{"tx",
                         PARAM_HEX,
                         true,
                         0,
                         TX_BYTES_MAX,
                         "full bytes of the transaction"}}},
    [RPC_TX_GET] = {"tx_get",
                    "What became of a transaction.",
                    "state FINAL, VOID or EXPIRED for ever; PENDING, REFUSED "
                    "or UNKNOWN for now",
                    {{"id", PARAM_HASH, true, 0, 0, "transaction id"},
                     TX_FACTS}},
    [RPC_TX_WAIT] =
        {"tx_wait",
         "Wait until a transaction is final, void, expired or refused here.",
         "as tx_get",
         {{"id", PARAM_HASH, true, 0, 0, "transaction id"},
          {"timeout_ms", PARAM_U64, false, 30000, 120000, "longest wait, ms"},
          TX_FACTS}},
    [RPC_TX_SIMULATE] = {"tx_simulate",
                         "The verdict a transaction would get in the next "
                         "block.",
                         "verdict with number, name and sentence",
                         {{"tx",
                           PARAM_HEX,
                           true,
                           0,
                           TX_BYTES_MAX,
                           "full bytes of the transaction"}}},
    [RPC_INSTITUTION_GET] =
        {"institution_get",
         "An institution by its number.",
         "institution",
         {{"number", PARAM_U64, true, 0, 65535, "number of the institution"},
          AS_OF}},
    [RPC_ACCOUNT_GET] = {"account_get",
                         "An account by its id.",
                         "account; restricted = its holder is not qualified "
                         "today",
                         {{"id", PARAM_HASH, true, 0, 0, "account id"}, AS_OF}},
    [RPC_SECURITY_GET] = {"security_get",
                          "A security with its control totals.",
                          "security; legal_effect = false once it has left the "
                          "register",
                          {SECURITY_PARAM, AS_OF}},
    [RPC_SECURITY_LIST] =
        {"security_list",
         "Securities in order of their codes.",
         "securities and the code to go on after",
         {{"after", PARAM_CODE, false, 0, 0, "go on after this code"},
          LIMIT,
          AS_OF}},
    [RPC_SECURITY_SNAPSHOT] =
        {"security_snapshot",
         "The root over a security's whole register, as a custody transfer "
         "and a withdrawal cite it.",
         "root, height, and whether that height is final",
         {SECURITY_PARAM}},
    [RPC_HOLDING_GET] = {"holding_get",
                         "What one account has of one security.",
                         "holding with derived totals and legal_effect",
                         {SECURITY_PARAM,
                          {"account", PARAM_HASH, true, 0, 0, "account id"},
                          AS_OF}},
    [RPC_REGISTER_LIST] =
        {"register_list",
         "The register of a security, in account order.",
         "holdings, legal_effect, and the account to go on after",
         {SECURITY_PARAM,
          {"after", PARAM_HASH, false, 0, 0, "go on after this account"},
          LIMIT,
          AS_OF}},
    [RPC_PLEDGE_GET] =
        {"pledge_get",
         "A pledge by its number.",
         "pledge",
         {SECURITY_PARAM,
          {"number", PARAM_U64, true, 0, UINT64_MAX, "pledge number"},
          AS_OF}},
    [RPC_FREEZE_LIST] =
        {"freeze_list",
         "The freezes on a security, by number.",
         "freezes and the number to go on after",
         {SECURITY_PARAM,
          {"after", PARAM_U64, false, 0, UINT64_MAX, "go on after this number"},
          LIMIT,
          AS_OF}},
    [RPC_CLAIM_GET] =
        {"claim_get",
         "A claim that a correction left, by its number.",
         "claim",
         {SECURITY_PARAM,
          {"number", PARAM_U64, true, 0, UINT64_MAX, "claim number"},
          AS_OF}},
    [RPC_VALIDATORS_GET] =
        {"validators_get",
         "The validators of an epoch.",
         "validators, the hash of the set, its quorum, how many may be faulty "
         "and which of them said when that they are ready",
         {{"epoch",
           PARAM_U64,
           false,
           0,
           UINT64_MAX,
           "number of the epoch; that of the next block if absent"},
          AS_OF}},
    [RPC_CANDIDATE_GET] =
        {"candidate_get",
         "The validator that an institution has announced.",
         "candidate",
         {{"institution", PARAM_U64, true, 0, 65535, "number of it"}, AS_OF}},
    [RPC_CANDIDATE_LIST] =
        {"candidate_list",
         "The announced validators, by institution.",
         "candidates and the institution to go on after",
         {{"after", PARAM_U64, false, 0, 65535, "go on after this number"},
          LIMIT,
          AS_OF}},
    [RPC_EVIDENCE_LIST] =
        {"evidence_list",
         "Votes of validators that exclude each other, by epoch and view.",
         "evidence and the key to go on after",
         {{"after", PARAM_HASH, false, 0, 0, "go on after this key"},
          LIMIT,
          AS_OF}},
    [RPC_PARAMS_GET] = {"params_get",
                        "What governance counts with.",
                        "params",
                        {AS_OF}},
    [RPC_EVENTS_LIST] =
        {"events_list",
         "Events in order, after a cursor.",
         "events, each with its cursor height.index",
         {{"after", PARAM_CURSOR, false, 0, 0, "go on after this cursor"},
          {"security", PARAM_CODE, false, 0, 0, "only of this security, or"},
          {"account", PARAM_HASH, false, 0, 0, "only of this account"},
          LIMIT,
          MIN_HEIGHT}},
    [RPC_PROOF_TRANSACTION] =
        {"proof_transaction",
         "A receipt: the transaction is in the ledger.",
         RECEIPT,
         {{"id", PARAM_HASH, true, 0, 0, "transaction id"}, ANCHOR}},
    [RPC_PROOF_HOLDING] =
        {"proof_holding",
         "A receipt: what an account has of a security, or that it has nothing "
         "of it.",
         RECEIPT,
         {SECURITY_PARAM,
          {"account", PARAM_HASH, true, 0, 0, "account id"},
          AS_OF,
          ANCHOR}},
    [RPC_PROOF_UNENCUMBERED] =
        {"proof_unencumbered",
         "A receipt: what an account has, with no pledge and no freeze; "
         "E_ENCUMBERED if there is one.",
         RECEIPT,
         {SECURITY_PARAM,
          {"account", PARAM_HASH, true, 0, 0, "account id"},
          AS_OF,
          ANCHOR}},
    [RPC_PROOF_REGISTER] = {"proof_register",
                            "A receipt: the complete register of a security.",
                            RECEIPT,
                            {SECURITY_PARAM, AS_OF, ANCHOR}},
    [RPC_PROOF_STATEMENT] =
        {"proof_statement",
         "A receipt: every event of a holding.",
         RECEIPT,
         {SECURITY_PARAM,
          {"account", PARAM_HASH, true, 0, 0, "account id"},
          {"from_height",
           PARAM_U64,
           false,
           0,
           UINT64_MAX,
           "events after this block; from the first entry if absent"},
          AS_OF,
          ANCHOR}},
    [RPC_PROOF_CONSISTENCY] =
        {"proof_consistency",
         "A receipt: the history of a block continues that of an earlier one.",
         RECEIPT,
         {{"from_height", PARAM_U64, true, 0, UINT64_MAX, "the earlier block"},
          {"height",
           PARAM_U64,
           false,
           0,
           UINT64_MAX,
           "the later block; newest if absent"},
          ANCHOR}},
    [RPC_PROOF_VALIDATORS] =
        {"proof_validators",
         "A receipt: the change of the validators with which an epoch began.",
         RECEIPT,
         {{"epoch", PARAM_U64, true, 0, UINT64_MAX, "number, from 1"}, ANCHOR}},
    [RPC_DISCOVER] = {"rpc.discover",
                      "This description, as OpenRPC.",
                      "an OpenRPC document",
                      {{0}}},
};
