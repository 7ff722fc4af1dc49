#include "ledger/rows.h"

const char *const account_authority_names[AUTHORITY_KINDS] = {
    NULL, "keys", "paper"};
const char *const account_kind_names[ACCOUNT_KINDS] = {
    NULL, "ordinary", "treasury", "unconfirmed", "suspense"};
const char *const account_status_names[ACCOUNT_STATUSES] = {
    NULL, "active", "restricted", "frozen", "closed"};
const char *const security_status_names[SECURITY_STATUSES] = {NULL,
                                                              "draft",
                                                              "registered",
                                                              "listed",
                                                              "suspended",
                                                              "migrating",
                                                              "withdrawn"};
const char *const security_class_names[SECURITY_CLASSES] = {
    NULL, "ordinary", "preferred", "convertible_bond"};
const char *const pledge_status_names[PLEDGE_STATUSES] = {
    NULL, "active", "released", "defaulted", "enforced", "revoked"};
const char *const constitutive_register_names[REGISTERS] = {
    NULL, "this", "regulator", "depository"};
const char *const freeze_status_names[FREEZE_STATUSES] = {
    NULL, "active", "released", "lapsed", "executed"};

static const struct field params_fields[] = {
    FIELD_OF(struct params_row,
             validator_count,
             FIELD_U32,
             "validators of the chain"),
};
const struct schema params_row_schema = SCHEMA(
    "params", struct params_row, params_fields, "What governance counts with.");

static const struct field institution_fields[] = {
    FIELD_OF(struct institution_row, number, FIELD_U16, "number, for ever"),
    FIELD_SIZED(
        struct institution_row, code, FIELD_CODE, CODE_MAX, "short name"),
    FIELD_NAMED(struct institution_row,
                roles,
                FIELD_FLAGS,
                institution_role_names,
                "what it may do"),
    FIELD_OF(struct institution_row,
             validator,
             FIELD_BOOL,
             "whether it runs a validator"),
    FIELD_LIST_OF(struct institution_row,
                  keys,
                  key_count,
                  INSTITUTION_KEYS_MAX,
                  &institution_key_schema,
                  "its keys"),
};
const struct schema institution_row_schema =
    SCHEMA("institution",
           struct institution_row,
           institution_fields,
           "An institution, its roles and keys.");

static const struct field account_key_fields[] = {
    {.name = "key",
     .kind = FIELD_FIXED,
     .offset = 0,
     .max = PUBKEY_BYTES,
     .help = "public key, compressed secp256k1"},
};
static const struct schema account_key_schema = SCHEMA(
    "account_key", struct pubkey, account_key_fields, "A key of an account.");

static const struct field account_fields[] = {
    FIELD_OF(struct account_row,
             custodian,
             FIELD_U16,
             "institution that keeps the account"),
    FIELD_NAMED(struct account_row,
                kind,
                FIELD_ENUM,
                account_kind_names,
                "ordinary, or one of the registrar's special accounts"),
    FIELD_NAMED(struct account_row,
                status,
                FIELD_ENUM,
                account_status_names,
                "state of the account"),
    FIELD_NAMED(struct account_row,
                authority,
                FIELD_ENUM,
                account_authority_names,
                "how its holder acts"),
    FIELD_OF(struct account_row,
             threshold,
             FIELD_U8,
             "keys that must sign; 0 for paper"),
    FIELD_LIST_OF(struct account_row,
                  keys,
                  key_count,
                  ACCOUNT_KEYS_MAX,
                  &account_key_schema,
                  "keys, ascending"),
    FIELD_OF(struct account_row,
             identity,
             FIELD_HASH,
             "salted commitment to the holder's identity"),
    FIELD_OF(struct account_row,
             subject_tag,
             FIELD_HASH,
             "tag by which one person has one account"),
    FIELD_OF(struct account_row, chain, FIELD_HASH, "chain of its events"),
};
const struct schema account_row_schema =
    SCHEMA("account",
           struct account_row,
           account_fields,
           "An account: who keeps it and how its holder acts.");

static const struct field subject_fields[] = {
    FIELD_OF(struct subject_row, account, FIELD_HASH, "the one account"),
};
const struct schema subject_row_schema =
    SCHEMA("subject",
           struct subject_row,
           subject_fields,
           "The account of a subject tag.");

static const struct field security_fields[] = {
    FIELD_SIZED(struct security_row, code, FIELD_CODE, CODE_MAX, "code"),
    FIELD_OF(struct security_row, issuer, FIELD_HASH, "the issuer's account"),
    FIELD_OF(struct security_row,
             registrar,
             FIELD_U16,
             "institution that keeps the register"),
    FIELD_NAMED(struct security_row,
                class,
                FIELD_ENUM,
                security_class_names,
                "class of the security"),
    FIELD_NAMED(struct security_row,
                status,
                FIELD_ENUM,
                security_status_names,
                "state of the security"),
    FIELD_OF(struct security_row,
             t_plus,
             FIELD_U8,
             "trading days between buying and selling; 0 = none"),
    FIELD_OF(
        struct security_row, holder_cap, FIELD_U32, "most holders; 0 = exempt"),
    FIELD_OF(struct security_row, holder_count, FIELD_U32, "holders now"),
    FIELD_OF(struct security_row, issued, FIELD_QTY, "shares issued"),
    FIELD_OF(struct security_row, pledged, FIELD_QTY, "shares pledged"),
    FIELD_OF(struct security_row,
             frozen,
             FIELD_QTY,
             "shares under an effective freeze"),
    FIELD_OF(struct security_row,
             pledge_count,
             FIELD_U64,
             "pledge numbers given so far"),
    FIELD_OF(struct security_row,
             freeze_count,
             FIELD_U64,
             "freeze numbers given so far"),
    FIELD_OF(struct security_row,
             terms,
             FIELD_HASH,
             "hash of the document with its terms"),
    FIELD_OF(struct security_row, chain, FIELD_HASH, "chain of its events"),
};
const struct schema security_row_schema =
    SCHEMA("security",
           struct security_row,
           security_fields,
           "A security and its control totals.");

static const struct field segment_pledge_fields[] = {
    FIELD_OF(struct segment_pledge, number, FIELD_U64, "pledge number"),
};
static const struct schema segment_pledge_schema =
    SCHEMA("segment_pledge",
           struct segment_pledge,
           segment_pledge_fields,
           "A pledge on a segment.");

static const struct field segment_fields[] = {
    FIELD_OF(struct segment, quantity, FIELD_QTY, "shares"),
    FIELD_OF(struct segment, nature, FIELD_U8, "nature code of the shares"),
    FIELD_OF(struct segment,
             lock_until,
             FIELD_DATE,
             "first day on which they are free; none = not locked"),
    FIELD_OF(struct segment,
             trade_day,
             FIELD_DATE,
             "day they were bought, while T+n counts it"),
    FIELD_LIST_OF(struct segment,
                  pledges,
                  pledge_count,
                  SEGMENT_PLEDGES_MAX,
                  &segment_pledge_schema,
                  "pledges, in rank order"),
    FIELD_OF(struct segment,
             freeze,
             FIELD_U64,
             "effective freeze on them; 0 = none"),
};
const struct schema segment_schema =
    SCHEMA("segment",
           struct segment,
           segment_fields,
           "Shares of one position with the same attributes.");

static const struct field holding_freeze_fields[] = {
    FIELD_OF(struct holding_freeze, number, FIELD_U64, "freeze number"),
    FIELD_OF(struct holding_freeze,
             rank_ms,
             FIELD_TIME,
             "publicity time, else service time"),
    FIELD_OF(struct holding_freeze, effective, FIELD_QTY, "shares it holds"),
    FIELD_OF(struct holding_freeze, queued, FIELD_QTY, "shares it waits for"),
};
static const struct schema holding_freeze_schema =
    SCHEMA("holding_freeze",
           struct holding_freeze,
           holding_freeze_fields,
           "A freeze on a holding, in rank order.");

static const struct field holding_fields[] = {
    FIELD_NAMED(struct holding_row,
                kind,
                FIELD_ENUM,
                account_kind_names,
                "kind of the account"),
    FIELD_LIST_OF(struct holding_row,
                  segments,
                  segment_count,
                  SEGMENTS_MAX,
                  &segment_schema,
                  "the shares, in canonical order"),
    FIELD_LIST_OF(struct holding_row,
                  freezes,
                  freeze_count,
                  HOLDING_FREEZES_MAX,
                  &holding_freeze_schema,
                  "freezes, in rank order"),
    FIELD_OF(
        struct holding_row, last_sale_day, FIELD_DATE, "day of the last sale"),
    FIELD_OF(struct holding_row, sequence, FIELD_U64, "writes of this row"),
    FIELD_OF(struct holding_row, chain, FIELD_HASH, "chain of its events"),
};
const struct schema holding_row_schema =
    SCHEMA("holding",
           struct holding_row,
           holding_fields,
           "What one account has of one security.");

static const struct field pledgor_fields[] = {
    FIELD_OF(struct pledgor, account, FIELD_HASH, "account of the pledgor"),
    FIELD_OF(struct pledgor, outstanding, FIELD_QTY, "its pledged shares"),
};
static const struct schema pledgor_schema = SCHEMA(
    "pledgor", struct pledgor, pledgor_fields, "A pledgor and its shares.");

static const struct field pledge_fields[] = {
    FIELD_OF(struct pledge_row, number, FIELD_U64, "pledge number"),
    FIELD_NAMED(struct pledge_row,
                status,
                FIELD_ENUM,
                pledge_status_names,
                "state of the pledge"),
    FIELD_OF(struct pledge_row, pledgee, FIELD_HASH, "account of the pledgee"),
    FIELD_OF(struct pledge_row, original, FIELD_QTY, "shares at creation"),
    FIELD_OF(struct pledge_row, outstanding, FIELD_QTY, "shares now"),
    FIELD_OF(
        struct pledge_row, secured_fen, FIELD_MONEY, "secured amount, fen"),
    FIELD_OF(
        struct pledge_row, registered_day, FIELD_DATE, "day of registration"),
    FIELD_OF(struct pledge_row,
             term_end,
             FIELD_DATE,
             "day the secured debt falls due"),
    FIELD_OF(struct pledge_row,
             covers_fruits,
             FIELD_BOOL,
             "whether bonus shares and dividends join the pledge"),
    FIELD_NAMED(struct pledge_row,
                constitutive_register,
                FIELD_ENUM,
                constitutive_register_names,
                "register whose entry creates the right"),
    FIELD_OF(struct pledge_row,
             register_reference,
             FIELD_HASH,
             "hash of that register's reference"),
    FIELD_OF(
        struct pledge_row, document, FIELD_HASH, "hash of the pledge contract"),
    FIELD_LIST_OF(struct pledge_row,
                  pledgors,
                  pledgor_count,
                  PLEDGORS_MAX,
                  &pledgor_schema,
                  "pledgors"),
    FIELD_OF(struct pledge_row, chain, FIELD_HASH, "chain of its events"),
};
const struct schema pledge_row_schema =
    SCHEMA("pledge", struct pledge_row, pledge_fields, "A pledge.");

static const struct field freeze_fields[] = {
    FIELD_OF(struct freeze_row, number, FIELD_U64, "freeze number"),
    FIELD_NAMED(struct freeze_row,
                status,
                FIELD_ENUM,
                freeze_status_names,
                "state of the freeze"),
    FIELD_OF(struct freeze_row, account, FIELD_HASH, "account it is on"),
    FIELD_SIZED(struct freeze_row,
                authority,
                FIELD_CODE,
                CODE_MAX,
                "code of the ordering authority"),
    FIELD_OF(struct freeze_row,
             case_commitment,
             FIELD_HASH,
             "salted commitment to case number and officers"),
    FIELD_OF(struct freeze_row, document, FIELD_HASH, "hash of the order"),
    FIELD_OF(struct freeze_row,
             publicity_ms,
             FIELD_TIME,
             "when it was published; 0 = not"),
    FIELD_OF(struct freeze_row, service_ms, FIELD_TIME, "when it was served"),
    FIELD_OF(struct freeze_row, from, FIELD_DATE, "first day"),
    FIELD_OF(struct freeze_row, to, FIELD_DATE, "last day"),
    FIELD_OF(struct freeze_row,
             covers_fruits,
             FIELD_BOOL,
             "whether dividends are held for the court"),
    FIELD_OF(struct freeze_row,
             court_report,
             FIELD_BOOL,
             "whether capital changes must be reported first"),
    FIELD_OF(struct freeze_row, requested, FIELD_QTY, "shares ordered"),
    FIELD_OF(struct freeze_row, effective, FIELD_QTY, "shares held"),
    FIELD_OF(struct freeze_row, queued, FIELD_QTY, "shares waited for"),
    FIELD_OF(struct freeze_row, released, FIELD_QTY, "shares released"),
    FIELD_OF(struct freeze_row, lapsed, FIELD_QTY, "shares lapsed"),
    FIELD_OF(struct freeze_row, executed, FIELD_QTY, "shares executed"),
    FIELD_OF(struct freeze_row,
             unfulfilled,
             FIELD_QTY,
             "shares that were not there"),
    FIELD_OF(struct freeze_row, chain, FIELD_HASH, "chain of its events"),
};
const struct schema freeze_row_schema = SCHEMA(
    "freeze", struct freeze_row, freeze_fields, "A freeze by an authority.");

static const struct field reference_fields[] = {
    FIELD_OF(struct reference_row, tx_id, FIELD_HASH, "the transaction"),
};
const struct schema reference_row_schema =
    SCHEMA("reference",
           struct reference_row,
           reference_fields,
           "The transaction that used a reference.");

static const struct field peak_fields[] = {
    {.name = "hash", .kind = FIELD_HASH, .offset = 0, .help = "subtree root"},
};
static const struct schema peak_schema =
    SCHEMA("peak", struct hash, peak_fields, "Root of a complete subtree.");

static const struct field draft_fields[] = {
    FIELD_OF(struct draft_row, issued, FIELD_QTY, "declared shares"),
    FIELD_OF(struct draft_row, line_count, FIELD_U32, "declared lines"),
    FIELD_OF(struct draft_row, root, FIELD_HASH, "declared root"),
    FIELD_OF(struct draft_row, next_line, FIELD_U32, "lines loaded"),
    FIELD_LIST_OF(struct draft_row,
                  peaks,
                  peak_count,
                  DRAFT_PEAKS_MAX,
                  &peak_schema,
                  "tree of the lines loaded"),
};
const struct schema draft_row_schema =
    SCHEMA("draft",
           struct draft_row,
           draft_fields,
           "A register that is being loaded.");

static const struct field authority_fields[] = {
    FIELD_SIZED(struct genesis_authority, code, FIELD_CODE, CODE_MAX, "code"),
    FIELD_NAMED(struct genesis_authority,
                type,
                FIELD_ENUM,
                authority_type_names,
                "kind of body"),
    FIELD_SIZED(struct genesis_authority,
                superior,
                FIELD_CODE,
                CODE_MAX,
                "its superior"),
};
const struct schema authority_row_schema =
    SCHEMA("authority",
           struct genesis_authority,
           authority_fields,
           "A body whose orders are carried out.");

static const struct field calendar_fields[] = {
    FIELD_OF(struct genesis_year, year, FIELD_U16, "year"),
    FIELD_SIZED(struct genesis_year,
                trading,
                FIELD_FIXED,
                YEAR_MAP_BYTES,
                "bit i: day i of the year trades"),
};
const struct schema calendar_row_schema = SCHEMA("calendar",
                                                 struct genesis_year,
                                                 calendar_fields,
                                                 "The trading days of a year.");

const char *const table_names[TABLE_SLOTS] = {"institutions",
                                              "accounts",
                                              "subjects",
                                              "securities",
                                              "holdings",
                                              "pledges",
                                              "freezes",
                                              "references",
                                              "authorities",
                                              "calendar",
                                              "due",
                                              "drafts",
                                              "params"};

const struct schema *row_schema(uint8_t table)
{
    static const struct schema *const schemas[TABLE_SLOTS] = {
        [TABLE_INSTITUTIONS] = &institution_row_schema,
        [TABLE_ACCOUNTS] = &account_row_schema,
        [TABLE_SUBJECTS] = &subject_row_schema,
        [TABLE_SECURITIES] = &security_row_schema,
        [TABLE_HOLDINGS] = &holding_row_schema,
        [TABLE_PLEDGES] = &pledge_row_schema,
        [TABLE_FREEZES] = &freeze_row_schema,
        [TABLE_REFERENCES] = &reference_row_schema,
        [TABLE_AUTHORITIES] = &authority_row_schema,
        [TABLE_CALENDAR] = &calendar_row_schema,
        [TABLE_DRAFTS] = &draft_row_schema,
        [TABLE_PARAMS] = &params_row_schema,
    };

    return table < TABLE_SLOTS ? schemas[table] : NULL;
}
