/* The rows of the validators: sets, candidates, evidence. */
#include "ledger/rows.h"

static const struct field validators_fields[] = {
    {.name = "epoch",
     .kind = FIELD_U64,
     .offset = offsetof(struct validators_row, set.epoch),
     .help = "epoch the set is valid in"},
    FIELD_OF(struct validators_row,
             since_height,
             FIELD_U64,
             "block that put it in force; 0 for the genesis"),
    {.name = "validators",
     .kind = FIELD_LIST,
     .offset = offsetof(struct validators_row, set.list),
     .count_offset = offsetof(struct validators_row, set.count),
     .max = VALIDATORS_MAX,
     .sub = &validator_schema,
     .help = "the validators, ascending by key"},
};
const struct schema validators_row_schema =
    SCHEMA("validators",
           struct validators_row,
           validators_fields,
           "The validators of an epoch.");

static const struct field candidate_fields[] = {
    FIELD_OF(struct candidate_row,
             institution,
             FIELD_U16,
             "institution that runs it"),
    FIELD_SIZED(struct candidate_row,
                key,
                FIELD_FIXED,
                PUBKEY_BYTES,
                "consensus public key, compressed secp256k1"),
    FIELD_OF(struct candidate_row,
             spki_hash,
             FIELD_HASH,
             "SHA-256 of the transport key's SubjectPublicKeyInfo"),
    FIELD_OF(struct candidate_row,
             announced_height,
             FIELD_U64,
             "block with the announcement"),
    FIELD_OF(struct candidate_row,
             ready_height,
             FIELD_U64,
             "block in which it said that it is ready; 0 = not yet"),
    FIELD_OF(struct candidate_row,
             version,
             FIELD_U32,
             "its software: major << 16 | minor << 8 | patch"),
};
const struct schema candidate_row_schema =
    SCHEMA("candidate",
           struct candidate_row,
           candidate_fields,
           "An announced validator that is not in the set yet.");

static const struct field ready_fields[] = {
    FIELD_OF(
        struct ready_row, institution, FIELD_U16, "institution that runs it"),
    FIELD_SIZED(struct ready_row,
                key,
                FIELD_FIXED,
                PUBKEY_BYTES,
                "consensus public key, compressed secp256k1"),
    FIELD_OF(struct ready_row,
             ready_height,
             FIELD_U64,
             "block in which it said last that it is ready"),
    FIELD_OF(struct ready_row,
             version,
             FIELD_U32,
             "its software: major << 16 | minor << 8 | patch"),
};
const struct schema ready_row_schema =
    SCHEMA("ready",
           struct ready_row,
           ready_fields,
           "A validator of the set that said that it is ready.");

static const struct field shared_fields[] = {
    FIELD_SUB(
        struct shared_row, params, &genesis_params_schema, "the parameters"),
    FIELD_OF(struct shared_row,
             since_height,
             FIELD_U64,
             "block that put them in force"),
};
const struct schema shared_row_schema =
    SCHEMA("shared",
           struct shared_row,
           shared_fields,
           "The parameters every validator shares, changed since the "
           "genesis.");

static const struct field evidence_fields[] = {
    FIELD_OF(struct evidence_row, epoch, FIELD_U64, "epoch of the votes"),
    FIELD_OF(struct evidence_row, view, FIELD_U64, "view of the votes"),
    FIELD_NAMED(struct evidence_row,
                type,
                FIELD_ENUM,
                vote_conflict_names,
                "which two votes"),
    FIELD_OF(struct evidence_row,
             institution,
             FIELD_U16,
             "institution that ran the validator"),
    FIELD_SIZED(struct evidence_row,
                key,
                FIELD_FIXED,
                PUBKEY_BYTES,
                "the validator's consensus public key"),
    FIELD_OF(struct evidence_row, height, FIELD_U64, "block that recorded it"),
    FIELD_OF(struct evidence_row,
             tx_id,
             FIELD_HASH,
             "transaction with the two votes"),
};
const struct schema evidence_row_schema =
    SCHEMA("evidence",
           struct evidence_row,
           evidence_fields,
           "Two votes by one validator that exclude each other.");
