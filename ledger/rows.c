#include "ledger/rows.h"

const char *const account_authority_names[AUTHORITY_KINDS] = {
    NULL, "keys", "paper"};
const char *const account_kind_names[ACCOUNT_KINDS] = {
    NULL, "ordinary", "treasury", "unconfirmed", "suspense"};
const char *const account_status_names[ACCOUNT_STATUSES] = {
    NULL, "active", "frozen", "closed"};
const char *const investor_class_names[INVESTOR_CLASSES] = {
    "none", "financial", "product", "fund", "company", "person"};
const char *const investor_flag_names[INVESTOR_CLASSES - 1] = {
    "financial", "product", "fund", "company", "person"};
const char *const security_feature_names[2] = {"repeat_pledge",
                                               "company_consent"};
const char *const closure_kind_names[CLOSURE_KINDS] = {
    NULL, "meeting", "dividend"};
const char *const due_kind_names[DUE_KINDS] = {
    NULL, "day", "freeze", "recovery"};
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
             validators_min,
             FIELD_U32,
             "fewest validators there may be"),
    FIELD_OF(struct params_row,
             ready_blocks,
             FIELD_U32,
             "blocks for which a candidate's readiness counts"),
    FIELD_OF(struct params_row,
             recovery_days,
             FIELD_U32,
             "days a recovery of keys waits"),
    FIELD_OF(struct params_row,
             due_day,
             FIELD_DATE,
             "first day whose due work is not all done"),
    FIELD_OF(struct params_row,
             due_next,
             FIELD_U32,
             "first item of that day that is not done"),
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
const struct schema account_key_schema = SCHEMA(
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
    {.name = "threshold",
     .kind = FIELD_U8,
     .offset = offsetof(struct account_row, policy.threshold),
     .help = "keys that must sign; 0 for paper"},
    {.name = "keys",
     .kind = FIELD_LIST,
     .offset = offsetof(struct account_row, policy.keys),
     .count_offset = offsetof(struct account_row, policy.key_count),
     .max = ACCOUNT_KEYS_MAX,
     .sub = &account_key_schema,
     .help = "keys, ascending"},
    FIELD_LIST_OF(struct account_row,
                  revoked,
                  revoked_count,
                  ACCOUNT_REVOKED_MAX,
                  &account_key_schema,
                  "keys taken out of use, newest last"),
    FIELD_OF(struct account_row,
             recovery_day,
             FIELD_DATE,
             "day on which the recovered keys take effect"),
    {.name = "next_threshold",
     .kind = FIELD_U8,
     .offset = offsetof(struct account_row, next.threshold),
     .help = "threshold after the recovery"},
    {.name = "next_keys",
     .kind = FIELD_LIST,
     .offset = offsetof(struct account_row, next.keys),
     .count_offset = offsetof(struct account_row, next.key_count),
     .max = ACCOUNT_KEYS_MAX,
     .sub = &account_key_schema,
     .help = "keys after the recovery"},
    FIELD_SIZED(struct account_row,
                frozen_by,
                FIELD_CODE,
                CODE_MAX,
                "authority that froze it; - if none"),
    FIELD_OF(struct account_row,
             pooled,
             FIELD_BOOL,
             "whether it is a pooled vehicle"),
    FIELD_OF(struct account_row,
             investors,
             FIELD_U32,
             "holders it counts as; 0 = not declared"),
    FIELD_NAMED(struct account_row,
                class,
                FIELD_ENUM,
                investor_class_names,
                "class of qualified investor"),
    FIELD_OF(struct account_row, class_from, FIELD_DATE, "first day of it"),
    FIELD_OF(struct account_row, class_to, FIELD_DATE, "last day of it"),
    FIELD_OF(struct account_row,
             positions,
             FIELD_U32,
             "securities in which it has a share"),
    FIELD_OF(struct account_row,
             rights,
             FIELD_U32,
             "open pledges to it, open claims of it and its securities in "
             "the register"),
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

static const struct field closure_fields[] = {
    FIELD_NAMED(struct closure,
                kind,
                FIELD_ENUM,
                closure_kind_names,
                "what the register closes for"),
    FIELD_OF(struct closure,
             base,
             FIELD_DATE,
             "day of the meeting, or dividend base date"),
    FIELD_OF(struct closure, from, FIELD_DATE, "first closed day"),
    FIELD_OF(struct closure, to, FIELD_DATE, "last closed day"),
};
static const struct schema closure_schema =
    SCHEMA("closure",
           struct closure,
           closure_fields,
           "Days on which the register is closed.");

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
             tier,
             FIELD_U8,
             "board of the market; 0 = not listed"),
    FIELD_OF(struct security_row,
             t_plus,
             FIELD_U8,
             "trading days between buying and selling; 0 = none"),
    FIELD_NAMED(struct security_row,
                features,
                FIELD_FLAGS,
                security_feature_names,
                "what is special about it"),
    FIELD_NAMED(struct security_row,
                investors,
                FIELD_FLAGS,
                investor_flag_names,
                "classes of investors that may buy; none = everybody"),
    FIELD_OF(
        struct security_row, holder_cap, FIELD_U32, "most holders; 0 = exempt"),
    FIELD_OF(struct security_row,
             cap_approval,
             FIELD_HASH,
             "hash of the exemption from the cap"),
    FIELD_SIZED(struct security_row,
                successor,
                FIELD_CODE,
                CODE_MAX,
                "code after a board transfer; - if none"),
    FIELD_SIZED(struct security_row,
                predecessor,
                FIELD_CODE,
                CODE_MAX,
                "code before a board transfer; - if none"),
    FIELD_LIST_OF(struct security_row,
                  closures,
                  closure_count,
                  CLOSURES_MAX,
                  &closure_schema,
                  "days on which the register is closed"),
    FIELD_OF(struct security_row,
             holder_count,
             FIELD_U32,
             "holders now, final investors of pooled vehicles counted"),
    FIELD_OF(struct security_row,
             positions,
             FIELD_U32,
             "accounts of any kind with a share"),
    FIELD_OF(struct security_row, issued, FIELD_QTY, "shares issued"),
    FIELD_OF(struct security_row, pledged, FIELD_QTY, "shares pledged"),
    FIELD_OF(struct security_row,
             frozen,
             FIELD_QTY,
             "shares under an effective freeze"),
    FIELD_OF(struct security_row,
             queued,
             FIELD_QTY,
             "shares for which freezes wait"),
    FIELD_OF(struct security_row, pledges_open, FIELD_U32, "pledges in force"),
    FIELD_OF(struct security_row, freezes_open, FIELD_U32, "freezes in force"),
    FIELD_OF(struct security_row,
             court_reports,
             FIELD_U32,
             "freezes in force that ask for a report of capital changes"),
    FIELD_OF(struct security_row, claims_open, FIELD_U32, "open claims"),
    FIELD_OF(struct security_row,
             secured_fen,
             FIELD_MONEY,
             "what the pledges in force secure, fen"),
    FIELD_OF(struct security_row,
             trades,
             FIELD_U64,
             "transfers by agreement so far"),
    FIELD_OF(
        struct security_row, traded, FIELD_QTY, "shares that moved by them"),
    FIELD_OF(struct security_row,
             pledge_count,
             FIELD_U64,
             "pledge numbers given so far"),
    FIELD_OF(struct security_row,
             freeze_count,
             FIELD_U64,
             "freeze numbers given so far"),
    FIELD_OF(struct security_row,
             claim_count,
             FIELD_U64,
             "claim numbers given so far"),
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

static const struct field insider_fields[] = {
    FIELD_OF(struct insider,
             term_end,
             FIELD_DATE,
             "end of the officer's original term; none = no officer"),
    FIELD_OF(struct insider, left_day, FIELD_DATE, "day the office ended"),
    FIELD_OF(struct insider, year, FIELD_U16, "year of the two figures"),
    FIELD_OF(struct insider, base, FIELD_QTY, "shares held on its first day"),
    FIELD_OF(struct insider, sold, FIELD_QTY, "shares sold in it"),
};
static const struct schema insider_schema =
    SCHEMA("insider",
           struct insider,
           insider_fields,
           "An officer's yearly quota of sales.");

static const struct field holding_fields[] = {
    FIELD_NAMED(struct holding_row,
                kind,
                FIELD_ENUM,
                account_kind_names,
                "kind of the account"),
    FIELD_OF(struct holding_row, held, FIELD_BOOL, "whether there is a share"),
    FIELD_OF(struct holding_row, weight, FIELD_U32, "holders it counts as"),
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
    FIELD_SUB(struct holding_row,
              insider,
              &insider_schema,
              "the officer's quota, if the holder is one"),
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
    FIELD_OF(
        struct pledge_row, original, FIELD_QTY, "shares ever put under it"),
    FIELD_OF(struct pledge_row, outstanding, FIELD_QTY, "shares now"),
    FIELD_OF(struct pledge_row, released, FIELD_QTY, "shares released"),
    FIELD_OF(struct pledge_row, enforced, FIELD_QTY, "shares disposed of"),
    FIELD_OF(
        struct pledge_row, secured_fen, FIELD_MONEY, "secured amount, fen"),
    FIELD_OF(
        struct pledge_row, registered_day, FIELD_DATE, "day of registration"),
    FIELD_OF(struct pledge_row,
             default_day,
             FIELD_DATE,
             "day of the notice of default; none = no default"),
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

static const struct field claim_fields[] = {
    FIELD_SIZED(struct claim_row,
                security,
                FIELD_CODE,
                CODE_MAX,
                "code of the security"),
    FIELD_OF(struct claim_row, number, FIELD_U64, "claim number"),
    FIELD_OF(
        struct claim_row, wrong_tx, FIELD_HASH, "transaction that was wrong"),
    FIELD_OF(struct claim_row, debtor, FIELD_HASH, "account that owes"),
    FIELD_OF(struct claim_row, creditor, FIELD_HASH, "account it is owed to"),
    FIELD_OF(struct claim_row, quantity, FIELD_QTY, "shares owed at first"),
    FIELD_OF(struct claim_row, open, FIELD_QTY, "shares still owed"),
    FIELD_OF(struct claim_row, document, FIELD_HASH, "hash of the evidence"),
    FIELD_OF(struct claim_row, chain, FIELD_HASH, "chain of its events"),
};
const struct schema claim_row_schema =
    SCHEMA("claim",
           struct claim_row,
           claim_fields,
           "What a correction could not take back.");

static const struct field due_fields[] = {
    FIELD_NAMED(
        struct due_row, kind, FIELD_ENUM, due_kind_names, "kind of work"),
    FIELD_OF(struct due_row, count, FIELD_U32, "items of the day"),
    FIELD_SIZED(
        struct due_row, security, FIELD_CODE, CODE_MAX, "security; - if none"),
    FIELD_OF(struct due_row, number, FIELD_U64, "freeze number"),
    FIELD_OF(struct due_row, account, FIELD_HASH, "account"),
};
const struct schema due_row_schema = SCHEMA(
    "due", struct due_row, due_fields, "Work that a day brings by itself.");

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
                                              "params",
                                              "claims",
                                              "validators",
                                              "candidates",
                                              "evidence",
                                              "ready",
                                              "shared"};

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
        [TABLE_DUE] = &due_row_schema,
        [TABLE_DRAFTS] = &draft_row_schema,
        [TABLE_CLAIMS] = &claim_row_schema,
        [TABLE_PARAMS] = &params_row_schema,
        [TABLE_VALIDATORS] = &validators_row_schema,
        [TABLE_CANDIDATES] = &candidate_row_schema,
        [TABLE_EVIDENCE] = &evidence_row_schema,
        [TABLE_READY] = &ready_row_schema,
        [TABLE_SHARED] = &shared_row_schema,
    };

    return table < TABLE_SLOTS ? schemas[table] : NULL;
}
