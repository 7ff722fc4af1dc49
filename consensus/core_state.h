/* core_state.h - what the files of the core share (private to consensus/). */
#ifndef CONSENSUS_CORE_STATE_H
#define CONSENSUS_CORE_STATE_H

#include "consensus/core.h"

/* core_slots.c: what is known of a view.  A slot belongs to its view until a
 * later view takes its place. */
bool in_cert_window(const struct core *c, uint64_t view);
struct core_cert_slot *cert_slot(struct core *c, uint64_t view);
const struct core_cert_slot *cert_slot_if(const struct core *c, uint64_t view);
bool in_vote_window(const struct core *c, uint64_t view);
struct core_vote_slot *vote_slot(struct core *c, uint64_t view);
const struct core_vote_slot *vote_slot_if(const struct core *c, uint64_t view);
uint32_t vote_count(const struct core *c, uint64_t view, uint8_t kind);
/* own_vote returns the own vote of this kind, or NULL; durable: on disk. */
const struct vote *own_vote(const struct core *c,
                            uint64_t view,
                            uint8_t kind,
                            bool durable);
/* certified gives the candidate certified in a view: notarised, or Fc. */
bool certified(const struct core *c, uint64_t view, struct candidate *out);
/* nullified_between: every view in (after, before) is known nullified. */
bool nullified_between(const struct core *c, uint64_t after, uint64_t before);
void move_base(struct core *c, uint64_t base);
void move_final(struct core *c, const struct cert *cert);
void make_room(struct core *c, uint64_t view);
void note_notarised(struct core *c, uint64_t view);

/* No chain lives so long; beyond it the arithmetic of views would wrap. */
static inline bool is_sane(const struct candidate *about)
{
    return about->view < UINT64_MAX / 2 && about->height < UINT64_MAX / 2;
}

/* E1: on the last block of an epoch stands none of the same epoch. */
static inline bool is_sealed(const struct core *c,
                             const struct candidate *parent)
{
    return c->applied_seal && hash_eq(&parent->block, &c->applied) &&
           c->config.mutant != MUTANT_NO_SEALING_RULE;
}

/* core_blocks.c */
struct core_block *block_find(struct core *c, const struct hash *block);
struct core_block *block_add(struct core *c,
                             const struct block_facts *facts,
                             uint64_t view);
struct block_facts block_unknown(const struct hash *block);
void forget_applied(struct core *c);
bool block_executed(const struct core *c, const struct hash *block);
enum core_exec want_executed(struct core *c, const struct hash *block);
void persist_body(struct core *c, const struct hash *block);
void want_certified(struct core *c);
void want_committed(struct core *c);
void take_body(struct core *c, const struct block_facts *facts);
void take_executed(struct core *c, const struct core_event *e);
void take_applied(struct core *c, const struct core_event *e);

/* core.c: effects */
struct core_effect *emit(struct core *c, enum core_effect_kind kind);
void emit_cert(struct core *c, const struct cert *cert, uint8_t to);
void halt(struct core *c, const char *text);
void observe(struct core *c, const char *text);
/* wake_at asks for a tick; due says whether that moment has come, and asks for
 * a tick if not. */
void wake_at(struct core *c, uint64_t at_ms);
bool due(struct core *c, uint64_t at_ms);

/* core_certs.c */
void enter(struct core *c, uint64_t view);
void take_cert(struct core *c, const struct cert *cert);
bool contradicts(const struct core *c, const struct candidate *final);

/* core_votes.c */
void take_vote(struct core *c, const struct vote *v, bool own);
void tally(struct core *c, const struct vote *v);
/* What the own votes of the journal complete, for a single validator. */
void form_own(struct core *c);
void notarize(struct core *c, const struct candidate *about);
void nullify(struct core *c);
void finalize(struct core *c, const struct candidate *about);
bool may_sign_more(const struct core *c);
void take_durable(struct core *c, uint64_t batch);

/* core_propose.c, core_notarize.c */
void ask_certs(struct core *c, uint8_t to);
void take_built(struct core *c, const struct core_event *e);
void try_propose(struct core *c);
void take_proposal(struct core *c, const struct core_event *e);
void try_notarize(struct core *c);
void try_finalize(struct core *c);

/* core_timers.c */
uint64_t timeout_ms(const struct core *c, uint32_t base_ms);
bool tip_is_open(const struct core *c);
void run_timers(struct core *c);

/* core_status.c */
void take_status(struct core *c, const struct core_event *e);
void take_epoch(struct core *c, const struct core_event *e);
void send_certs(struct core *c, uint8_t to, uint64_t first, uint64_t last);
/* H4: a vote of this key that the journal does not know. */
bool is_foreign(const struct core *c,
                uint8_t kind,
                const struct candidate *about);
void observe_foreign(struct core *c);

#endif /* CONSENSUS_CORE_STATE_H */
