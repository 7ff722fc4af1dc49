/* The operations on validators: who they are, and what they may not do. */
#include "ledger/ops_fields.h"

static const char *const vote_kind_names[] = {
    NULL, "notarize", "nullify", "finalize"};

static const struct field validator_item_fields[] = {
    FIELD_OF(struct validator_item,
             institution,
             FIELD_U16,
             "number of the institution that runs it"),
    FIELD_SIZED(struct validator_item,
                key,
                FIELD_FIXED,
                PUBKEY_BYTES,
                "its consensus public key"),
};
const struct schema validator_item_schema = SCHEMA("validator_item",
                                                   struct validator_item,
                                                   validator_item_fields,
                                                   "A validator by its key.");

static const struct field evidence_vote_fields[] = {
    FIELD_NAMED(struct evidence_vote,
                kind,
                FIELD_ENUM,
                vote_kind_names,
                "what was voted"),
    FIELD_OF(struct evidence_vote,
             parent_view,
             FIELD_U64,
             "view of the candidate's parent; 0 in a nullify"),
    FIELD_OF(struct evidence_vote,
             height,
             FIELD_U64,
             "height of the candidate; 0 in a nullify"),
    FIELD_OF(struct evidence_vote,
             block,
             FIELD_HASH,
             "block of the candidate; zeros in a nullify"),
    FIELD_SIZED(struct evidence_vote,
                sig,
                FIELD_FIXED,
                SIGNATURE_BYTES,
                "the validator's signature of the vote"),
};
const struct schema evidence_vote_schema =
    SCHEMA("evidence_vote",
           struct evidence_vote,
           evidence_vote_fields,
           "A vote, but for its epoch, view and signer.");

static const struct field validator_announce_fields[] = {
    FIELD_OF(struct op_validator_announce,
             number,
             FIELD_U16,
             "number of the institution that runs it"),
    FIELD_SIZED(struct op_validator_announce,
                key,
                FIELD_FIXED,
                PUBKEY_BYTES,
                "its consensus public key"),
    FIELD_OF(struct op_validator_announce,
             spki_hash,
             FIELD_HASH,
             "SHA-256 of its transport key's SubjectPublicKeyInfo"),
};
static const struct schema validator_announce_schema =
    SCHEMA("validator_announce",
           struct op_validator_announce,
           validator_announce_fields,
           "Announce an institution's future validator, so that the others let "
           "it follow; replaces the one announced before.");
const struct op_def op_def_validator_announce = {
    .kind = OP_VALIDATOR_ANNOUNCE,
    .schema = &validator_announce_schema,
    .signers = {{SIGNER_OPERATOR,
                 offsetof(struct op_validator_announce, number),
                 0,
                 "an operator of the institution"}},
    .document_offset = OP_NO_DOCUMENT,
    .verdicts = {V_UNKNOWN, V_POLICY, V_VALIDATOR},
};

static const struct field validator_withdraw_fields[] = {
    FIELD_OF(struct op_validator_withdraw,
             number,
             FIELD_U16,
             "number of the institution"),
};
static const struct schema validator_withdraw_schema =
    SCHEMA("validator_withdraw",
           struct op_validator_withdraw,
           validator_withdraw_fields,
           "Take an announcement back.");
const struct op_def op_def_validator_withdraw = {
    .kind = OP_VALIDATOR_WITHDRAW,
    .schema = &validator_withdraw_schema,
    .signers = {{SIGNER_OPERATOR,
                 offsetof(struct op_validator_withdraw, number),
                 0,
                 "an operator of the institution"}},
    .document_offset = OP_NO_DOCUMENT,
    .verdicts = {V_UNKNOWN},
};

static const struct field validator_ready_fields[] = {
    FIELD_SIZED(
        struct op_validator_ready,
        key,
        FIELD_FIXED,
        PUBKEY_BYTES,
        "consensus public key that the filing institution announced, or "
        "validates with"),
    FIELD_OF(struct op_validator_ready,
             version,
             FIELD_U32,
             "its software: major << 16 | minor << 8 | patch"),
};
static const struct schema validator_ready_schema =
    SCHEMA("validator_ready",
           struct op_validator_ready,
           validator_ready_fields,
           "A validator, announced or in force, says that it is running and "
           "has all blocks.");
const struct op_def op_def_validator_ready = {
    .kind = OP_VALIDATOR_READY,
    .filer = FILER_NONE,
    .schema = &validator_ready_schema,
    .signers = {{SIGNER_VALIDATOR,
                 offsetof(struct op_validator_ready, key),
                 0,
                 "the consensus key itself"}},
    .document_offset = OP_NO_DOCUMENT,
    .verdicts = {V_UNKNOWN},
};

static const struct field validators_change_fields[] = {
    FIELD_LIST_OF(struct op_validators_change,
                  leave,
                  leave_count,
                  VALIDATORS_MAX,
                  &validator_item_schema,
                  "validators of the set in force that leave it"),
    FIELD_LIST_OF(struct op_validators_change,
                  join,
                  join_count,
                  VALIDATORS_MAX,
                  &validator_item_schema,
                  "announced validators that join it"),
};
static const struct schema validators_change_schema =
    SCHEMA("validators_change",
           struct op_validators_change,
           validators_change_fields,
           "Change the set of validators from the next epoch on.");
const struct op_def op_def_validators_change = {
    .kind = OP_VALIDATORS_CHANGE,
    .schema = &validators_change_schema,
    .signers = {{SIGNER_GOVERNANCE,
                 0,
                 0,
                 "operators of a quorum of validator institutions"}},
    .document_offset = OP_NO_DOCUMENT,
    .verdicts = {V_UNKNOWN,
                 V_POLICY,
                 V_EPOCH,
                 V_VALIDATOR,
                 V_NOT_READY,
                 V_CHANGE_SIZE,
                 V_VALIDATOR_COUNT,
                 V_VALIDATOR_TWICE,
                 V_MARGIN},
};

static const struct field evidence_fields[] = {
    FIELD_OF(struct op_evidence, epoch, FIELD_U64, "epoch of the votes"),
    FIELD_OF(struct op_evidence,
             validators_hash,
             FIELD_HASH,
             "hash of the set of validators that the votes name"),
    FIELD_SIZED(struct op_evidence,
                key,
                FIELD_FIXED,
                PUBKEY_BYTES,
                "consensus key that signed both"),
    FIELD_OF(struct op_evidence, view, FIELD_U64, "view of both votes"),
    FIELD_SUB(struct op_evidence, first, &evidence_vote_schema, "one vote"),
    FIELD_SUB(struct op_evidence, second, &evidence_vote_schema, "the other"),
};
static const struct schema evidence_schema =
    SCHEMA("evidence",
           struct op_evidence,
           evidence_fields,
           "Record two votes of one validator that exclude each other.");
const struct op_def op_def_evidence = {
    .kind = OP_EVIDENCE,
    .filer = FILER_NODE,
    .schema = &evidence_schema,
    .document_offset = OP_NO_DOCUMENT,
    .verdicts = {V_UNKNOWN, V_EXISTS, V_EVIDENCE},
};

static const struct field params_change_fields[] = {
    FIELD_SUB(struct op_params_change,
              params,
              &genesis_params_schema,
              "the shared parameters, all of them"),
};
static const struct schema params_change_schema =
    SCHEMA("params_change",
           struct op_params_change,
           params_change_fields,
           "Change the shared parameters from the next epoch on.");
const struct op_def op_def_params_change = {
    .kind = OP_PARAMS_CHANGE,
    .schema = &params_change_schema,
    .signers = {{SIGNER_GOVERNANCE,
                 0,
                 0,
                 "operators of a quorum of validator institutions"}},
    .document_offset = OP_NO_DOCUMENT,
    .verdicts = {V_EPOCH, V_PARAMS},
};
