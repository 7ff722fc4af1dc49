/* core_state.h - what the files of the core share (private to consensus/). */
#ifndef CONSENSUS_CORE_STATE_H
#define CONSENSUS_CORE_STATE_H

#include "consensus/core.h"

/* Slots.  A slot belongs to its view until a later view takes its place. */
struct core_cert_slot *cert_slot(struct core *c, uint64_t view);
const struct core_cert_slot *cert_slot_if(const struct core *c, uint64_t view);
struct core_vote_slot *vote_slot(struct core *c, uint64_t view);
const struct core_vote_slot *vote_slot_if(const struct core *c, uint64_t view);
bool in_cert_window(const struct core *c, uint64_t view);
bool in_vote_window(const struct core *c, uint64_t view);
uint32_t vote_count(const struct core *c, uint64_t view, uint8_t kind);

struct core_block *block_find(struct core *c, const struct hash *block);
struct core_block *block_add(struct core *c, const struct block_facts *facts);
void forget_blocks(struct core *c);
bool block_executed(struct core *c, const struct hash *block);

/* The candidate certified in a view: the notarised one, or Fc. */
bool certified(const struct core *c, uint64_t view, struct candidate *out);

struct core_effect *emit(struct core *c, enum core_effect_kind kind);
void emit_cert(struct core *c, const struct cert *cert, uint8_t to);
void halt(struct core *c, const char *text);
void observe(struct core *c, const char *text);

uint64_t timeout_ms(const struct core *c, uint32_t base_ms);
uint64_t elapsed_ms(const struct core *c);
uint32_t alive_count(const struct core *c);

/* The rules. */
void enter(struct core *c, uint64_t view);
void take_cert(struct core *c, const struct cert *cert);
void take_vote(struct core *c, const struct vote *v, bool own);
void nullify(struct core *c);
void durable(struct core *c, uint64_t batch);
void finalize_all(struct core *c);
void notarize(struct core *c, const struct candidate *about);
void take_built(struct core *c, const struct core_event *e);
void try_propose(struct core *c);
void try_notarize(struct core *c);
void fetch(struct core *c, struct core_block *b);
bool want_executed(struct core *c, struct core_block *b);
void take_proposal(struct core *c, const struct core_event *e);
void take_status(struct core *c, const struct core_event *e);
void send_certs(struct core *c, uint8_t to, uint64_t first, uint64_t count);
void try_all(struct core *c);
void tick(struct core *c);

#endif /* CONSENSUS_CORE_STATE_H */
