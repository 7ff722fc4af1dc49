#include "chain/genesis.h"

#include "base/buf.h"
#include "base/check.h"
#include "crypto/hash.h"

#include <stdlib.h>

const char *const key_role_names[3] = {"maker", "checker", "operator"};
const char *const institution_role_names[7] = {
    "registrar", "member", "bank", "court", "notary", "department", "auditor"};
const char *const authority_type_names[AUTHORITY_TYPES] = {
    NULL, "court", "police", "tax", "customs", "supervisor"};

static const struct field institution_key_fields[] = {
    FIELD_SIZED(struct institution_key,
                key,
                FIELD_FIXED,
                PUBKEY_BYTES,
                "public key, compressed secp256k1"),
    FIELD_NAMED(struct institution_key,
                roles,
                FIELD_FLAGS,
                key_role_names,
                "what the key may sign: maker, checker, operator"),
};
const struct schema institution_key_schema =
    SCHEMA("institution_key",
           struct institution_key,
           institution_key_fields,
           "A key of an institution and what it may sign.");

static const struct field institution_fields[] = {
    FIELD_OF(struct genesis_institution,
             number,
             FIELD_U16,
             "number of the institution, for ever"),
    FIELD_SIZED(
        struct genesis_institution, code, FIELD_CODE, CODE_MAX, "short name"),
    FIELD_NAMED(struct genesis_institution,
                roles,
                FIELD_FLAGS,
                institution_role_names,
                "what it may do in this market"),
    FIELD_LIST_OF(struct genesis_institution,
                  keys,
                  key_count,
                  INSTITUTION_KEYS_MAX,
                  &institution_key_schema,
                  "its keys"),
};
static const struct schema institution_schema =
    SCHEMA("genesis_institution",
           struct genesis_institution,
           institution_fields,
           "An institution present from the start.");

static const struct field authority_fields[] = {
    FIELD_SIZED(struct genesis_authority,
                code,
                FIELD_CODE,
                CODE_MAX,
                "code of the court or other body"),
    FIELD_NAMED(struct genesis_authority,
                type,
                FIELD_ENUM,
                authority_type_names,
                "kind of body"),
    FIELD_SIZED(struct genesis_authority,
                superior,
                FIELD_CODE,
                CODE_MAX,
                "code of the superior body; its own if it has none"),
};
static const struct schema authority_schema =
    SCHEMA("genesis_authority",
           struct genesis_authority,
           authority_fields,
           "A body whose orders the registrars carry out.");

static const struct field year_fields[] = {
    FIELD_OF(struct genesis_year, year, FIELD_U16, "calendar year"),
    FIELD_SIZED(struct genesis_year,
                trading,
                FIELD_FIXED,
                YEAR_MAP_BYTES,
                "bit i of byte i/8: day i of the year is a trading day"),
};
static const struct schema year_schema =
    SCHEMA("trading_year",
           struct genesis_year,
           year_fields,
           "The trading days of one year.");

#define PARAM(member, text) \
    FIELD_OF(struct genesis_params, member, FIELD_U32, text)
static const struct field params_fields[] = {
    PARAM(t_leader_ms, "no proposal seen: give the view up, ms"),
    PARAM(t_view_ms, "no notarization seen: give the view up, ms"),
    PARAM(t_retry_ms, "votes and certificates are sent again after, ms"),
    PARAM(t_status_ms, "time between STATUS messages, ms"),
    PARAM(t_silent_ms, "a leader unheard for this long is skipped, ms"),
    PARAM(t_fetch_ms, "a missing body is asked for again after, ms"),
    PARAM(t_pace_ms, "least time between blocks under load, ms"),
    PARAM(t_cap_ms, "longest back-off of a view, ms"),
    PARAM(time_drift_ms, "a block further ahead of the clock waits, ms"),
    PARAM(block_bytes_max, "largest body, bytes"),
    PARAM(block_txs_max, "most transactions in a block"),
};
const struct schema genesis_params_schema =
    SCHEMA("params",
           struct genesis_params,
           params_fields,
           "The parameters every validator must share.");

static const struct field origin_fields[] = {
    FIELD_OF(struct genesis_origin,
             chain_id,
             FIELD_HASH,
             "the chain that this one goes on from"),
    FIELD_OF(struct genesis_origin,
             height,
             FIELD_U64,
             "its highest final block that is known"),
    FIELD_OF(struct genesis_origin,
             block_hash,
             FIELD_HASH,
             "hash of that block's header"),
    FIELD_OF(struct genesis_origin,
             state_root,
             FIELD_HASH,
             "its state, which the registers are loaded from"),
};
static const struct schema origin_schema =
    SCHEMA("origin",
           struct genesis_origin,
           origin_fields,
           "Where a chain that could not go on has ended.");

static const struct field genesis_fields[] = {
    FIELD_OF(struct genesis, format, FIELD_U16, "format of this file, 1"),
    FIELD_OF(struct genesis,
             production,
             FIELD_BOOL,
             "refuse networks that tolerate no fault"),
    FIELD_OF(struct genesis, time_ms, FIELD_TIME, "time of block 0, ms"),
    FIELD_OF(struct genesis,
             offset_ms,
             FIELD_U32,
             "business time zone east of UTC, ms"),
    FIELD_SUB(
        struct genesis, params, &genesis_params_schema, "shared parameters"),
    FIELD_LIST_OF(struct genesis,
                  validators,
                  validator_count,
                  VALIDATORS_MAX,
                  &validator_schema,
                  "validators, ascending by key"),
    FIELD_LIST_OF(struct genesis,
                  institutions,
                  institution_count,
                  INSTITUTIONS_MAX,
                  &institution_schema,
                  "institutions, ascending by number"),
    FIELD_LIST_OF(struct genesis,
                  authorities,
                  authority_count,
                  GENESIS_AUTHORITIES_MAX,
                  &authority_schema,
                  "bodies whose orders are carried out"),
    FIELD_LIST_OF(struct genesis,
                  years,
                  year_count,
                  GENESIS_YEARS_MAX,
                  &year_schema,
                  "the trading calendar"),
    FIELD_LIST_OF(struct genesis,
                  origin,
                  origin_count,
                  1,
                  &origin_schema,
                  "the chain that this one goes on from, if any (E9)"),
};
const struct schema genesis_schema =
    SCHEMA("genesis",
           struct genesis,
           genesis_fields,
           "What a chain is born with; its hash is the chain's name.");

void genesis_defaults(struct genesis_params *out)
{
    *out = (struct genesis_params){
        .t_leader_ms = 250,
        .t_view_ms = 500,
        .t_retry_ms = 700,
        .t_status_ms = 1000,
        .t_silent_ms = 4000,
        .t_fetch_ms = 250,
        .t_pace_ms = 20,
        .t_cap_ms = 10000,
        .time_drift_ms = 500,
        .block_bytes_max = BLOCK_BODY_BYTES_MAX,
        .block_txs_max = BLOCK_TXS_MAX,
    };
}

static enum err refuse(const char **why, const char *text)
{
    *why = text;
    return ERR_RANGE;
}

enum err genesis_params_check(const struct genesis_params *p, const char **why)
{
    if (p->t_leader_ms < 10 || p->t_view_ms < p->t_leader_ms ||
        p->t_cap_ms < p->t_view_ms || p->t_cap_ms > 60000)
        return refuse(why,
                      "need 10 <= t_leader_ms <= t_view_ms <= t_cap_ms <= "
                      "60000");
    if (p->t_retry_ms < 10 || p->t_status_ms < 50 || p->t_status_ms > 60000 ||
        p->t_silent_ms < p->t_status_ms || p->t_fetch_ms < 10)
        return refuse(why,
                      "need t_retry_ms and t_fetch_ms >= 10 and 50 <= "
                      "t_status_ms <= t_silent_ms");
    if (p->block_bytes_max < TX_BYTES_MAX + 8 ||
        p->block_bytes_max > BLOCK_BODY_BYTES_MAX || p->block_txs_max < 1 ||
        p->block_txs_max > BLOCK_TXS_MAX)
        return refuse(why, "block limits are out of range");
    return ERR_NONE;
}

static const struct genesis_institution *find_institution(
    const struct genesis *g, uint16_t number)
{
    for (uint32_t i = 0; i < g->institution_count; i++) {
        if (g->institutions[i].number == number)
            return &g->institutions[i];
    }
    return NULL;
}

static bool has_operator(const struct genesis_institution *x)
{
    for (uint32_t i = 0; i < x->key_count; i++) {
        if ((x->keys[i].roles & KEY_OPERATOR) != 0)
            return true;
    }
    return false;
}

static enum err check_institutions(const struct genesis *g, const char **why)
{
    for (uint32_t i = 0; i < g->institution_count; i++) {
        const struct genesis_institution *x = &g->institutions[i];

        if (x->number == 0 ||
            (i > 0 && g->institutions[i - 1].number >= x->number))
            return refuse(why, "institution numbers must ascend from 1");
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(g->institutions[k].code, x->code) == 0)
                return refuse(why, "two institutions have the same code");
        }
        for (uint32_t k = 0; k < x->key_count; k++) {
            if (!key_is_valid(&x->keys[k].key))
                return refuse(why, "an institution key is not a point");
            for (uint32_t m = 0; m < k; m++) {
                if (memcmp(&x->keys[m].key,
                           &x->keys[k].key,
                           sizeof x->keys[k].key) == 0)
                    return refuse(why, "an institution has a key twice");
            }
        }
    }
    return ERR_NONE;
}

static enum err check_tables(const struct genesis *g, const char **why)
{
    for (uint32_t i = 0; i < g->authority_count; i++) {
        bool found = false;

        for (uint32_t k = 0; k < g->authority_count; k++) {
            if (k != i &&
                strcmp(g->authorities[i].code, g->authorities[k].code) == 0)
                return refuse(why, "two authorities have the same code");
            if (strcmp(g->authorities[i].superior, g->authorities[k].code) == 0)
                found = true;
        }
        if (!found)
            return refuse(why, "an authority's superior is not listed");
    }
    for (uint32_t i = 0; i < g->year_count; i++) {
        if (g->years[i].year < 1970 || g->years[i].year > 9999 ||
            (i > 0 && g->years[i - 1].year >= g->years[i].year))
            return refuse(why, "calendar years must ascend");
    }
    return ERR_NONE;
}

/* E9 new chain: it says which block of which chain its registers are of. */
static enum err check_origin(const struct genesis *g, const char **why)
{
    for (uint32_t i = 0; i < g->origin_count; i++) {
        if (hash_is_zero(&g->origin[i].chain_id) ||
            hash_is_zero(&g->origin[i].block_hash) ||
            hash_is_zero(&g->origin[i].state_root))
            return refuse(why, "the origin names no block of another chain");
    }
    return ERR_NONE;
}

enum err genesis_check(const struct genesis *g, const char **why)
{
    struct valset set;

    *why = "";
    if (g->format != GENESIS_FORMAT)
        return refuse(why, "format must be 1");
    if (g->offset_ms > 86400000)
        return refuse(why, "offset_ms must be at most one day");
    set = genesis_valset(g);
    if (valset_check(&set) != ERR_NONE)
        return refuse(why,
                      "validators must be 1 to 32, ascending by key, with "
                      "distinct transport keys");
    if (g->production && g->validator_count < 4)
        return refuse(why, "production needs at least 4 validators");
    TRY(genesis_params_check(&g->params, why));
    TRY(check_institutions(g, why));
    TRY(check_origin(g, why));
    for (uint32_t i = 0; i < g->validator_count; i++) {
        const struct genesis_institution *x =
            find_institution(g, g->validators[i].institution);

        if (x == NULL || !has_operator(x))
            return refuse(why,
                          "each validator needs an institution with an "
                          "operator key");
        for (uint32_t k = 0; k < i; k++) {
            if (g->validators[k].institution == g->validators[i].institution)
                return refuse(why, "an institution has two validators");
        }
    }
    return check_tables(g, why);
}

enum err genesis_chain_id(struct hash *out, const struct genesis *g)
{
    struct buf b = {0};
    struct writer w;

    buf_append(&b, NULL, GENESIS_BYTES_MAX);
    w = writer_of(b.at, b.size);
    schema_encode(&w, &genesis_schema, g);
    if (!writer_ok(&w)) {
        buf_deinit(&b);
        return ERR_RANGE;
    }
    *out = hash_tagged(GENESIS_TAG, writer_bytes(&w));
    buf_deinit(&b);
    return ERR_NONE;
}

struct hash genesis_params_hash(const struct genesis_params *p)
{
    uint8_t buf[256];
    struct writer w = writer_of(buf, sizeof buf);

    schema_encode(&w, &genesis_params_schema, p);
    ASSERT(writer_ok(&w));
    return hash_tagged("equity/PARAMS/v1", writer_bytes(&w));
}

struct valset genesis_valset(const struct genesis *g)
{
    struct valset set = {.epoch = 0, .count = g->validator_count};

    memcpy(set.list, g->validators, sizeof set.list);
    return set;
}
