#include "ledger/ops.h"

#include "base/check.h"
#include "chain/mtree.h"
#include "crypto/hash.h"

#define DOCUMENT(s, text) FIELD_OF(struct s, document, FIELD_HASH, text)
#define SECURITY(s) \
    FIELD_SIZED(    \
        struct s, security, FIELD_CODE, CODE_MAX, "code of the security")

static const struct field institution_open_fields[] = {
    FIELD_OF(struct op_institution_open,
             number,
             FIELD_U16,
             "number of the new institution, 1 to 65535"),
    FIELD_SIZED(
        struct op_institution_open, code, FIELD_CODE, CODE_MAX, "short name"),
    FIELD_NAMED(struct op_institution_open,
                roles,
                FIELD_FLAGS,
                institution_role_names,
                "what it may do"),
    FIELD_LIST_OF(struct op_institution_open,
                  keys,
                  key_count,
                  INSTITUTION_KEYS_MAX,
                  &institution_key_schema,
                  "its keys; maker and checker are two different ones"),
};
static const struct schema institution_open_schema =
    SCHEMA("institution_open",
           struct op_institution_open,
           institution_open_fields,
           "Admit an institution with its roles.");

static const struct field void_fields[] = {
    FIELD_OF(struct op_void,
             voided,
             FIELD_HASH,
             "id of the transaction with the same reference"),
};
static const struct schema void_schema =
    SCHEMA("void",
           struct op_void,
           void_fields,
           "Kill a pending transaction by using up its reference.");

static const struct field key_fields[] = {
    {.name = "key",
     .kind = FIELD_FIXED,
     .offset = 0,
     .max = PUBKEY_BYTES,
     .help = "public key, compressed secp256k1"},
};
static const struct schema key_schema =
    SCHEMA("account_key", struct pubkey, key_fields, "A key of the account.");

static const struct field account_open_fields[] = {
    FIELD_OF(struct op_account_open,
             custodian,
             FIELD_U16,
             "institution that keeps the account"),
    FIELD_SIZED(struct op_account_open,
                nonce,
                FIELD_FIXED,
                16,
                "16 random bytes; the account id is a hash of them"),
    FIELD_NAMED(struct op_account_open,
                kind,
                FIELD_ENUM,
                account_kind_names,
                "ordinary, or a special account of the registrar"),
    FIELD_NAMED(struct op_account_open,
                authority,
                FIELD_ENUM,
                account_authority_names,
                "keys: m of n keys sign; paper: the custodian signs and "
                "cites a document"),
    FIELD_OF(struct op_account_open,
             threshold,
             FIELD_U8,
             "keys that must sign; 0 for paper"),
    FIELD_LIST_OF(struct op_account_open,
                  keys,
                  key_count,
                  ACCOUNT_KEYS_MAX,
                  &key_schema,
                  "the holder's keys, ascending"),
    FIELD_OF(struct op_account_open,
             identity,
             FIELD_HASH,
             "salted commitment to the holder's identity"),
    FIELD_OF(struct op_account_open,
             subject_tag,
             FIELD_HASH,
             "tag by which one person has one account"),
    DOCUMENT(op_account_open, "hash of the account agreement"),
};
static const struct schema account_open_schema =
    SCHEMA("account_open",
           struct op_account_open,
           account_open_fields,
           "Open an account for a holder.");

static const struct field security_create_fields[] = {
    FIELD_SIZED(struct op_security_create,
                code,
                FIELD_CODE,
                CODE_MAX,
                "code of the new security"),
    FIELD_OF(
        struct op_security_create, issuer, FIELD_HASH, "account of the issuer"),
    FIELD_OF(struct op_security_create,
             registrar,
             FIELD_U16,
             "institution that keeps the register"),
    FIELD_NAMED(struct op_security_create,
                class,
                FIELD_ENUM,
                security_class_names,
                "class of the security"),
    FIELD_OF(struct op_security_create,
             t_plus,
             FIELD_U8,
             "trading days between buying and selling; 0 = none"),
    FIELD_OF(struct op_security_create,
             holder_cap,
             FIELD_U32,
             "most holders; 0 = exempt"),
    FIELD_OF(struct op_security_create,
             terms,
             FIELD_HASH,
             "hash of the document with its terms"),
    DOCUMENT(op_security_create, "hash of the custody agreement"),
};
static const struct schema security_create_schema =
    SCHEMA("security_create",
           struct op_security_create,
           security_create_fields,
           "Take a security into custody, as a draft.");

static const struct field register_open_fields[] = {
    SECURITY(op_register_open),
    FIELD_OF(struct op_register_open,
             issued,
             FIELD_QTY,
             "shares issued: what the lines must add up to"),
    FIELD_OF(struct op_register_open,
             line_count,
             FIELD_U32,
             "lines of the register"),
    FIELD_OF(struct op_register_open,
             root,
             FIELD_HASH,
             "RFC 9162 root over the canonical bytes of the lines"),
    DOCUMENT(op_register_open, "hash of the issuer's resolution"),
};
static const struct schema register_open_schema =
    SCHEMA("register_open",
           struct op_register_open,
           register_open_fields,
           "Declare the first register of a draft security.");

static const struct field register_line_fields[] = {
    FIELD_OF(struct register_line, account, FIELD_HASH, "holder's account"),
    FIELD_OF(struct register_line, nature, FIELD_U8, "nature code, 0 to 99"),
    FIELD_OF(struct register_line, quantity, FIELD_QTY, "shares"),
    FIELD_OF(struct register_line, acquired, FIELD_DATE, "day of acquisition"),
};
const struct schema register_line_schema = SCHEMA("register_line",
                                                  struct register_line,
                                                  register_line_fields,
                                                  "One line of a register.");

static const struct field register_lines_fields[] = {
    SECURITY(op_register_lines),
    FIELD_OF(struct op_register_lines,
             first,
             FIELD_U32,
             "index of the first line here"),
    FIELD_LIST_OF(struct op_register_lines,
                  lines,
                  line_count,
                  OP_LINES_MAX,
                  &register_line_schema,
                  "the lines"),
};
static const struct schema register_lines_schema =
    SCHEMA("register_lines",
           struct op_register_lines,
           register_lines_fields,
           "Load a slice of the declared register.");

static const struct field register_confirm_fields[] = {
    SECURITY(op_register_confirm),
    DOCUMENT(op_register_confirm, "hash of the issuer's confirmation"),
};
static const struct schema register_confirm_schema =
    SCHEMA("register_confirm",
           struct op_register_confirm,
           register_confirm_fields,
           "Confirm the loaded register; count, sum, root and cap must agree.");

static const struct field cancel_account_fields[] = {
    {.name = "account",
     .kind = FIELD_HASH,
     .offset = 0,
     .help = "account whose line is taken out"},
};
static const struct schema cancel_account_schema =
    SCHEMA("cancel_account",
           struct hash,
           cancel_account_fields,
           "A line to take out.");

static const struct field register_cancel_fields[] = {
    SECURITY(op_register_cancel),
    FIELD_LIST_OF(struct op_register_cancel,
                  accounts,
                  account_count,
                  OP_LINES_MAX,
                  &cancel_account_schema,
                  "holders whose lines are taken out"),
};
static const struct schema register_cancel_schema =
    SCHEMA("register_cancel",
           struct op_register_cancel,
           register_cancel_fields,
           "Take loaded lines out again; without lines left, the draft ends.");

static const struct field selector_fields[] = {
    FIELD_OF(struct selector, nature, FIELD_U8, "nature code; 255 = any"),
    FIELD_OF(struct selector,
             pledge,
             FIELD_U64,
             "shares under this pledge; 0 = no matter"),
    FIELD_OF(struct selector,
             freeze,
             FIELD_U64,
             "shares under this freeze; 0 = no matter"),
};
const struct schema selector_schema = SCHEMA(
    "selector", struct selector, selector_fields, "Which shares are meant.");

static const struct field transfer_fields[] = {
    SECURITY(op_transfer),
    FIELD_OF(struct op_transfer, from, FIELD_HASH, "transferor's account"),
    FIELD_OF(struct op_transfer, to, FIELD_HASH, "transferee's account"),
    FIELD_OF(struct op_transfer, quantity, FIELD_QTY, "shares"),
    FIELD_SUB(struct op_transfer,
              selector,
              &selector_schema,
              "which shares; any by default"),
    FIELD_OF(struct op_transfer,
             price_fen,
             FIELD_MONEY,
             "price of all the shares, fen"),
    FIELD_OF(struct op_transfer,
             payment,
             FIELD_HASH,
             "hash of the payment reference"),
    DOCUMENT(op_transfer, "hash of the transfer agreement"),
};
static const struct schema transfer_schema =
    SCHEMA("transfer",
           struct op_transfer,
           transfer_fields,
           "Transfer shares by agreement.");

static const struct field pledge_create_fields[] = {
    SECURITY(op_pledge_create),
    FIELD_OF(struct op_pledge_create, pledgor, FIELD_HASH, "pledgor's account"),
    FIELD_OF(struct op_pledge_create, pledgee, FIELD_HASH, "pledgee's account"),
    FIELD_OF(struct op_pledge_create, quantity, FIELD_QTY, "shares"),
    FIELD_SUB(struct op_pledge_create,
              selector,
              &selector_schema,
              "which shares; any by default"),
    FIELD_OF(struct op_pledge_create,
             secured_fen,
             FIELD_MONEY,
             "secured amount, fen"),
    FIELD_OF(struct op_pledge_create,
             term_end,
             FIELD_DATE,
             "day the secured debt falls due"),
    FIELD_OF(struct op_pledge_create,
             covers_fruits,
             FIELD_BOOL,
             "whether bonus shares and dividends join the pledge"),
    FIELD_NAMED(struct op_pledge_create,
                constitutive_register,
                FIELD_ENUM,
                constitutive_register_names,
                "register whose entry creates the right"),
    FIELD_OF(struct op_pledge_create,
             register_reference,
             FIELD_HASH,
             "hash of that register's reference"),
    DOCUMENT(op_pledge_create, "hash of the pledge contract"),
};
static const struct schema pledge_create_schema =
    SCHEMA("pledge_create",
           struct op_pledge_create,
           pledge_create_fields,
           "Pledge shares; the entry creates the pledge.");

static const struct field pledge_release_part_fields[] = {
    SECURITY(op_pledge_release_part),
    FIELD_OF(struct op_pledge_release_part, number, FIELD_U64, "pledge number"),
    FIELD_OF(struct op_pledge_release_part,
             quantity,
             FIELD_QTY,
             "shares to release, fewer than outstanding"),
    DOCUMENT(op_pledge_release_part, "hash of the release agreement"),
};
static const struct schema pledge_release_part_schema =
    SCHEMA("pledge_release_part",
           struct op_pledge_release_part,
           pledge_release_part_fields,
           "Release part of a pledge.");

static const struct field pledge_release_fields[] = {
    SECURITY(op_pledge_release),
    FIELD_OF(struct op_pledge_release, number, FIELD_U64, "pledge number"),
    DOCUMENT(op_pledge_release, "hash of the pledgee's release"),
};
static const struct schema pledge_release_schema =
    SCHEMA("pledge_release",
           struct op_pledge_release,
           pledge_release_fields,
           "Release a pledge in full, by the pledgee alone.");

static const struct field freeze_create_fields[] = {
    SECURITY(op_freeze_create),
    FIELD_OF(struct op_freeze_create,
             account,
             FIELD_HASH,
             "account to freeze shares of"),
    FIELD_SIZED(struct op_freeze_create,
                authority,
                FIELD_CODE,
                CODE_MAX,
                "code of the ordering authority"),
    FIELD_OF(struct op_freeze_create,
             case_commitment,
             FIELD_HASH,
             "salted commitment to case number and officers"),
    FIELD_OF(struct op_freeze_create,
             publicity_ms,
             FIELD_TIME,
             "when the freeze was published: its rank; 0 = not published"),
    FIELD_OF(struct op_freeze_create,
             service_ms,
             FIELD_TIME,
             "when the order was served"),
    FIELD_OF(struct op_freeze_create, from, FIELD_DATE, "first day"),
    FIELD_OF(struct op_freeze_create,
             to,
             FIELD_DATE,
             "last day, at most three years after the first"),
    FIELD_OF(struct op_freeze_create, quantity, FIELD_QTY, "shares ordered"),
    FIELD_OF(struct op_freeze_create,
             covers_fruits,
             FIELD_BOOL,
             "whether dividends are held for the court"),
    FIELD_OF(struct op_freeze_create,
             court_report,
             FIELD_BOOL,
             "whether capital changes must be reported first"),
    DOCUMENT(op_freeze_create, "hash of the ruling and assistance notice"),
};
static const struct schema freeze_create_schema =
    SCHEMA("freeze_create",
           struct op_freeze_create,
           freeze_create_fields,
           "Freeze shares on an authority's order, filed by the registrar.");

static const struct field freeze_release_fields[] = {
    SECURITY(op_freeze_release),
    FIELD_OF(struct op_freeze_release, number, FIELD_U64, "freeze number"),
    FIELD_SIZED(struct op_freeze_release,
                authority,
                FIELD_CODE,
                CODE_MAX,
                "code of the releasing authority"),
    FIELD_OF(struct op_freeze_release,
             quantity,
             FIELD_QTY,
             "shares to release; 0 = the whole freeze"),
    DOCUMENT(op_freeze_release, "hash of the release order"),
};
static const struct schema freeze_release_schema =
    SCHEMA("freeze_release",
           struct op_freeze_release,
           freeze_release_fields,
           "Release a freeze, or part of it, on its authority's order.");

#define AT(s, member) offsetof(struct s, member)

const struct op_def op_table[] = {
    {.kind = OP_INSTITUTION_OPEN,
     .schema = &institution_open_schema,
     .signers = {{SIGNER_GOVERNANCE,
                  0,
                  0,
                  "operators of a quorum of validator institutions"}},
     .document_offset = OP_NO_DOCUMENT,
     .verdicts = {V_EXISTS, V_POLICY}},
    {.kind = OP_VOID,
     .schema = &void_schema,
     .document_offset = OP_NO_DOCUMENT},
    {.kind = OP_ACCOUNT_OPEN,
     .schema = &account_open_schema,
     .signers = {{SIGNER_INSTITUTION,
                  AT(op_account_open, custodian),
                  0,
                  "custodian's maker and checker"},
                 {SIGNER_NEW_ACCOUNT, 0, 0, "the new holder's keys"}},
     .document_offset = AT(op_account_open, document),
     .verdicts = {V_UNKNOWN, V_ROLE, V_DUPLICATE_SUBJECT, V_EXISTS, V_POLICY}},
    {.kind = OP_SECURITY_CREATE,
     .schema = &security_create_schema,
     .signers = {{SIGNER_ACCOUNT, AT(op_security_create, issuer), 0, "issuer"},
                 {SIGNER_INSTITUTION,
                  AT(op_security_create, registrar),
                  0,
                  "registrar's maker and checker"}},
     .document_offset = AT(op_security_create, document),
     .verdicts = {V_UNKNOWN, V_ROLE, V_ACCOUNT_STATE, V_EXISTS}},
    {.kind = OP_REGISTER_OPEN,
     .schema = &register_open_schema,
     .signers = {{SIGNER_ISSUER, AT(op_register_open, security), 0, "issuer"},
                 {SIGNER_REGISTRAR,
                  AT(op_register_open, security),
                  0,
                  "registrar's maker and checker"}},
     .document_offset = AT(op_register_open, document),
     .verdicts = {V_UNKNOWN, V_SECURITY_STATE, V_QUANTITY}},
    {.kind = OP_REGISTER_LINES,
     .schema = &register_lines_schema,
     .signers = {{SIGNER_REGISTRAR,
                  AT(op_register_lines, security),
                  0,
                  "registrar's maker and checker"}},
     .document_offset = OP_NO_DOCUMENT,
     .verdicts = {V_UNKNOWN,
                  V_ACCOUNT_STATE,
                  V_SECURITY_STATE,
                  V_LINES_ORDER,
                  V_DATE,
                  V_QUANTITY,
                  V_SUM_MISMATCH,
                  V_DUPLICATE_HOLDER,
                  V_LIMIT}},
    {.kind = OP_REGISTER_CONFIRM,
     .schema = &register_confirm_schema,
     .signers =
         {{SIGNER_ISSUER, AT(op_register_confirm, security), 0, "issuer"},
          {SIGNER_REGISTRAR,
           AT(op_register_confirm, security),
           0,
           "registrar's maker and checker"}},
     .document_offset = AT(op_register_confirm, document),
     .verdicts = {V_UNKNOWN,
                  V_SECURITY_STATE,
                  V_SUM_MISMATCH,
                  V_ROOT_MISMATCH,
                  V_HOLDER_CAP}},
    {.kind = OP_REGISTER_CANCEL,
     .schema = &register_cancel_schema,
     .signers = {{SIGNER_REGISTRAR,
                  AT(op_register_cancel, security),
                  0,
                  "registrar's maker and checker"}},
     .document_offset = OP_NO_DOCUMENT,
     .verdicts = {V_UNKNOWN, V_SECURITY_STATE, V_LIMIT}},
    {.kind = OP_TRANSFER,
     .schema = &transfer_schema,
     .signers = {{SIGNER_ACCOUNT, AT(op_transfer, from), 0, "transferor"},
                 {SIGNER_ACCOUNT, AT(op_transfer, to), 0, "transferee"},
                 {SIGNER_REGISTRAR,
                  AT(op_transfer, security),
                  0,
                  "registrar's maker and checker"}},
     .document_offset = AT(op_transfer, document),
     .verdicts = {V_UNKNOWN,
                  V_ACCOUNT_STATE,
                  V_SELF,
                  V_SECURITY_STATE,
                  V_SUSPENDED,
                  V_WITHDRAWN,
                  V_CALENDAR,
                  V_T5,
                  V_QUANTITY,
                  V_AVAILABLE,
                  V_PLEDGED,
                  V_FROZEN,
                  V_LOCKED,
                  V_HOLDER_CAP,
                  V_LIMIT}},
    {.kind = OP_PLEDGE_CREATE,
     .schema = &pledge_create_schema,
     .signers = {{SIGNER_ACCOUNT, AT(op_pledge_create, pledgor), 0, "pledgor"},
                 {SIGNER_ACCOUNT, AT(op_pledge_create, pledgee), 0, "pledgee"},
                 {SIGNER_REGISTRAR,
                  AT(op_pledge_create, security),
                  0,
                  "registrar's maker and checker"}},
     .document_offset = AT(op_pledge_create, document),
     .verdicts = {V_UNKNOWN,
                  V_ACCOUNT_STATE,
                  V_SELF,
                  V_PLEDGE_OWN_SHARES,
                  V_SECURITY_STATE,
                  V_WITHDRAWN,
                  V_DATE,
                  V_QUANTITY,
                  V_AVAILABLE,
                  V_FROZEN,
                  V_PLEDGE_REPEAT,
                  V_LIMIT}},
    {.kind = OP_PLEDGE_RELEASE_PART,
     .schema = &pledge_release_part_schema,
     .signers = {{SIGNER_PLEDGOR,
                  AT(op_pledge_release_part, security),
                  AT(op_pledge_release_part, number),
                  "pledgor"},
                 {SIGNER_PLEDGEE,
                  AT(op_pledge_release_part, security),
                  AT(op_pledge_release_part, number),
                  "pledgee"},
                 {SIGNER_REGISTRAR,
                  AT(op_pledge_release_part, security),
                  0,
                  "registrar's maker and checker"}},
     .document_offset = AT(op_pledge_release_part, document),
     .verdicts =
         {V_UNKNOWN, V_SECURITY_STATE, V_QUANTITY, V_PLEDGE_OVER, V_LIMIT}},
    {.kind = OP_PLEDGE_RELEASE,
     .schema = &pledge_release_schema,
     .signers = {{SIGNER_PLEDGEE,
                  AT(op_pledge_release, security),
                  AT(op_pledge_release, number),
                  "pledgee"},
                 {SIGNER_REGISTRAR,
                  AT(op_pledge_release, security),
                  0,
                  "registrar's maker and checker"}},
     .document_offset = AT(op_pledge_release, document),
     .verdicts = {V_UNKNOWN, V_SECURITY_STATE, V_LIMIT}},
    {.kind = OP_FREEZE_CREATE,
     .is_court = true,
     .schema = &freeze_create_schema,
     .signers = {{SIGNER_REGISTRAR,
                  AT(op_freeze_create, security),
                  0,
                  "registrar's maker and checker"}},
     .document_offset = OP_NO_DOCUMENT,
     .verdicts = {V_UNKNOWN,
                  V_SECURITY_STATE,
                  V_WITHDRAWN,
                  V_DATE,
                  V_FREEZE_TERM,
                  V_QUANTITY,
                  V_LIMIT}},
    {.kind = OP_FREEZE_RELEASE,
     .is_court = true,
     .schema = &freeze_release_schema,
     .signers = {{SIGNER_REGISTRAR,
                  AT(op_freeze_release, security),
                  0,
                  "registrar's maker and checker"}},
     .document_offset = OP_NO_DOCUMENT,
     .verdicts =
         {V_UNKNOWN, V_FREEZE_AUTHORITY, V_FREEZE_LAPSED, V_QUANTITY, V_LIMIT}},
};
const uint32_t op_table_count = ARRAY_LEN(op_table);

const struct op_def *op_find(uint8_t kind)
{
    for (uint32_t i = 0; i < op_table_count; i++) {
        if (op_table[i].kind == kind)
            return &op_table[i];
    }
    return NULL;
}

const struct op_def *op_find_name(const char *name)
{
    for (uint32_t i = 0; i < op_table_count; i++) {
        if (strcmp(op_table[i].schema->name, name) == 0)
            return &op_table[i];
    }
    return NULL;
}

enum err op_decode(const struct op_def **def,
                   union op_any *out,
                   struct bytes in)
{
    *def = NULL;
    if (in.size == 0)
        return ERR_TRUNCATED;
    *def = op_find(in.at[0]);
    if (*def == NULL)
        return ERR_VERSION;
    return schema_decode(out, (*def)->schema, bytes_of(in.at + 1, in.size - 1));
}

void op_encode(struct writer *w, const struct op_def *def, const void *op)
{
    writer_u8(w, def->kind);
    schema_encode(w, def->schema, op);
}

struct hash account_id_of(const struct hash *chain_id,
                          uint16_t custodian,
                          const uint8_t nonce[16])
{
    uint8_t buf[HASH_BYTES + 2 + 16];
    struct writer w = writer_of(buf, sizeof buf);

    writer_hash(&w, chain_id);
    writer_u16(&w, custodian);
    writer_copy(&w, nonce, 16);
    ASSERT(writer_ok(&w));
    return hash_tagged("equity/ACCOUNT/v1", writer_bytes(&w));
}

struct hash register_line_leaf(const struct register_line *line)
{
    uint8_t buf[64];
    struct writer w = writer_of(buf, sizeof buf);

    schema_encode(&w, &register_line_schema, line);
    ASSERT(writer_ok(&w));
    return mtree_leaf(writer_bytes(&w));
}
