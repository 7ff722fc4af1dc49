/* genesis.h - what a chain is born with; its hash is the chain's name.
 *
 * People write genesis as JSON (rpc/schema_json.h over genesis_schema); what is
 * hashed is the canonical encoding: chain_id = tagged hash equity/GENESIS/v1.
 */
#ifndef CHAIN_GENESIS_H
#define CHAIN_GENESIS_H

#include "base/schema.h"
#include "chain/valset.h"

#define GENESIS_TAG "equity/GENESIS/v1"

enum {
    GENESIS_FORMAT = 1,
    GENESIS_AUTHORITIES_MAX = 64,
    GENESIS_YEARS_MAX = 4,
    INSTITUTION_KEYS_MAX = 16,
    YEAR_MAP_BYTES = 46, /* 366 bits, bit i = day i of the year trades */
    GENESIS_BYTES_MAX = 1 << 20,
};

enum key_role { /* bits */
                KEY_MAKER = 1,
                KEY_CHECKER = 2,
                KEY_OPERATOR = 4, /* signs governance */
};

enum institution_role { /* bits */
                        ROLE_REGISTRAR = 1,
                        ROLE_MEMBER = 2,
                        ROLE_BANK = 4,
                        ROLE_COURT = 8,
                        ROLE_NOTARY = 16,
                        ROLE_DEPARTMENT = 32,
                        ROLE_AUDITOR = 64,
};

extern const char *const key_role_names[3];
extern const char *const institution_role_names[7];

struct institution_key {
    struct pubkey key;
    uint16_t roles; /* enum key_role bits */
};
extern const struct schema institution_key_schema;

struct genesis_institution {
    uint16_t number; /* 1..65535 */
    char code[CODE_MAX + 1];
    uint16_t roles; /* enum institution_role bits */
    uint32_t key_count;
    struct institution_key keys[INSTITUTION_KEYS_MAX];
};

struct genesis_authority {
    char code[CODE_MAX + 1];     /* of a court or other body */
    uint8_t type;                /* enum authority_type */
    char superior[CODE_MAX + 1]; /* its own code if it has none */
};

enum authority_type {
    AUTHORITY_COURT = 1,
    AUTHORITY_POLICE = 2,
    AUTHORITY_TAX = 3,
    AUTHORITY_CUSTOMS = 4,
    AUTHORITY_SUPERVISOR = 5,
    AUTHORITY_TYPES,
};
extern const char *const authority_type_names[AUTHORITY_TYPES];

struct genesis_year {
    uint16_t year;
    uint8_t trading[YEAR_MAP_BYTES];
};

struct genesis_params {
    uint32_t t_leader_ms;
    uint32_t t_view_ms;
    uint32_t t_retry_ms;
    uint32_t t_status_ms;
    uint32_t t_silent_ms;
    uint32_t t_fetch_ms;
    uint32_t t_pace_ms;
    uint32_t t_cap_ms;
    uint32_t time_drift_ms; /* a block this far ahead of the clock waits */
    uint32_t block_bytes_max;
    uint32_t block_txs_max;
};

/* The last final block of the chain that this one goes on from, after too many
 * of its validators were lost for good (PROTOCOL.md, E9). */
struct genesis_origin {
    struct hash chain_id;
    uint64_t height;
    struct hash block_hash;
    struct hash state_root;
};

struct genesis {
    uint16_t format;
    bool production; /* refuses fewer than 4 validators */
    uint64_t time_ms;
    uint32_t offset_ms; /* of the business date from UTC; 28,800,000 = +8 h */
    struct genesis_params params;
    uint32_t validator_count;
    struct validator validators[VALIDATORS_MAX];
    uint32_t institution_count;
    struct genesis_institution institutions[INSTITUTIONS_MAX];
    uint32_t authority_count;
    struct genesis_authority authorities[GENESIS_AUTHORITIES_MAX];
    uint32_t year_count;
    struct genesis_year years[GENESIS_YEARS_MAX];
    uint32_t origin_count; /* 0 or 1 */
    struct genesis_origin origin[1];
};

extern const struct schema genesis_schema;
extern const struct schema genesis_params_schema;

/* genesis_params_check: every parameter is in its range.  *why is a static
 * sentence for people. */
MUST_USE enum err genesis_params_check(const struct genesis_params *p,
                                       const char **why);
/* genesis_defaults fills params with the LAN defaults. */
void genesis_defaults(struct genesis_params *out);

/* genesis_check: format, validator set sound, institution numbers ascending,
 * codes distinct, each validator's institution present with an operator,
 * parameters in range, an origin that names a block.  *why is a static
 * sentence for people. */
MUST_USE enum err genesis_check(const struct genesis *g, const char **why);
MUST_USE enum err genesis_chain_id(struct hash *out, const struct genesis *g);
struct hash genesis_params_hash(const struct genesis_params *p);
/* genesis_valset returns the set of epoch 0. */
struct valset genesis_valset(const struct genesis *g);

#endif /* CHAIN_GENESIS_H */
