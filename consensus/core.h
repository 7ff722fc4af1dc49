/* core.h - Simplex consensus as a pure step: event in, effects out.
 *
 *   event --core_step--> state and effects
 *
 * B. Chan, R. Pass, "Simplex Consensus", TCC 2023, with CARRY proposals,
 * certificate anti-entropy, an idle rule, and votes that are durable before
 * they are sent (docs/PROTOCOL.md has the rules by name).  At most one
 * unfinalised block on a path (K = 1).
 *
 * A core lives for one epoch: one set of validators, views from 1.  The block
 * that changes the set (facts.seal) is the last one of its epoch; when it is
 * final and applied the core ends with DO_EPOCH_END and does nothing more, and
 * core_next makes it the core of the next epoch, in place.
 *
 * The step has no clock, no I/O, no allocation and no randomness.  Signing is a
 * deterministic function of its input (RFC 6979) and is given by the caller.
 * The driver checks every signature before an event gets here, and knows block
 * headers and bodies; the core knows hashes and facts about them.
 *
 * What the driver does
 *   start    core_init for the epoch of the state's next block; the journal's
 *            records in order (core_replay_record); the certificate of the
 *            state's tip, if it is of this epoch (core_replay_cert);
 *            core_start; ON_TICK.  Records of later epochs are kept.
 *   epoch    DO_EPOCH_END is the last effect of its step.  The certificate is
 *            appended as RECORD_EPOCH_END, before any record of the new epoch;
 *            then core_next with the new set, the records kept of its epoch,
 *            core_start, ON_TICK.
 *   peers of another epoch
 *            their votes, proposals, certificates and STATUS are not checked
 *            but told as ON_EPOCH; EPOCH_END messages of this epoch are checked
 *            and their certificate is fed as ON_CERT.
 *   effects  in order.  Persist effects are appended to the journal; when
 *            effects.batch is not 0 the journal is synced (several batches
 *            may share one sync) and ON_DURABLE(batch) follows.  A message
 *            with after_sync is encoded at once and sent after that sync.
 *            DO_BUILD, DO_EXECUTE and DO_COMMIT go to one executor, in this
 *            order; DO_COMMIT of what is the tip already changes nothing.
 *   bodies   of blocks proposed, built or asked for are kept by hash until a
 *            block of their height is applied.  If one had to go, DO_EXECUTE
 *            or DO_COMMIT is answered by ON_EXECUTED with gone.
 *   sync     after DO_SYNC, blocks with their certificates are fetched,
 *            checked, executed and applied up to its height: ON_APPLIED each.
 *   time     ON_TICK when core_next_tick_ms has come; now_ms is monotonic,
 *            event.wall_ms is UTC.
 *   peers    ON_HEARD for any authenticated message; ON_UP, ON_DOWN for the
 *            consensus connection.
 *   work     ON_WORK when it changes, and after every block applied: whether
 *            a block on the tip would have content.
 *   cut      a new segment begins with birth, start, the end of the epoch
 *            before, core_checkpoint_mark (if true), core_checkpoint and the
 *            bodies kept; only while no vote waits for the disk
 *            (core_is_quiet) and no records of later epochs are kept.
 *
 * Invariants (each is asserted in the code or watched by the simulator)
 *   C1 one NOTARIZE per view, never after the own NULLIFY of that view.
 *   C2 give up or finalise: never both NULLIFY and FINALIZE in one view.
 *   C3 finalise the notarised candidate only, executed and durable here.
 *   C4 persist then send: what is signed is persisted in the same step, before
 *      any effect that sends it; the own vote counts only when it is durable.
 *   C5 never back: F and v only grow within an epoch.
 *   C6 nothing is signed in an epoch that has ended, here or by the journal.
 */
#ifndef CONSENSUS_CORE_H
#define CONSENSUS_CORE_H

#include "chain/cert.h"
#include "chain/genesis.h"
#include "chain/header.h"
#include "consensus/record.h"

enum {
    CORE_CERT_SLOTS = 1024, /* newest views whose certificates are kept */
    CORE_VOTE_SLOTS = 128,  /* votes are kept for (v - 64, v + 64] */
    CORE_VOTE_WINDOW = 64,
    CORE_BLOCKS = 32,
    CORE_EFFECTS_MAX = 256,
    CORE_STATUS_VIEWS = 256,
    CORE_PUSH_MAX = 24,
    /* Peers are named by their index in the set; those from CORE_OBSERVER on
     * only observe: they are told what is certified, and asked nothing. */
    CORE_OBSERVER = VALIDATORS_MAX,
    CORE_PEERS = CORE_OBSERVER + 64,
    CORE_ALL = 0xff, /* recipient: every other peer; proposals and votes go to
                        validators alone */
};
/* More than CORE_CERT_SLOTS - 64 views without a finalization (hours at the
 * capped back-off): the oldest certificates leave memory, and with them the
 * ability to serve them; that they were nullified, and the newest notarised
 * candidate, stay known.  So who lived through the outage goes on voting, and
 * the first finalization brings everybody else along. */

struct core_timers {
    uint32_t t_leader_ms;
    uint32_t t_view_ms;
    uint32_t t_retry_ms;
    uint32_t t_status_ms;
    uint32_t t_silent_ms;
    uint32_t t_fetch_ms;
    uint32_t t_cap_ms;
    uint32_t t_pace_ms;     /* under load a block this long after the last */
    uint32_t time_drift_ms; /* a block this far ahead of the clock waits */
};

/* One rule removed at a time, for testing the tests. */
enum core_mutant {
    MUTANT_NONE,
    MUTANT_FINALIZE_AFTER_NULLIFY,
    MUTANT_NULLIFY_NOT_PERSISTED,
    MUTANT_SMALL_QUORUM,
    MUTANT_NOTARIZE_TWICE,
    MUTANT_SEND_BEFORE_SYNC,
    MUTANT_NO_CARRY,
    MUTANT_DUPLICATE_SIGNER,
    MUTANT_NO_REPAIR,
    MUTANT_NO_RETRY,
    MUTANT_NO_NULLIFY_CHECK,
    MUTANT_ANY_NULLIFY_BUSY,
    MUTANT_NO_BACK_OFF,
    MUTANT_NO_RECOUNT,
    MUTANT_BODY_NOT_PERSISTED,
    MUTANT_NULLIFY_FORGOTTEN,
    MUTANT_FINALIZE_UNNOTARISED,
    MUTANT_OWN_VOTE_EARLY,
    MUTANT_NO_SEALING_RULE,
    MUTANT_EPOCH_BLIND_JOURNAL,
    MUTANTS,
};
extern const char *const core_mutant_names[MUTANTS];

struct core_config {
    uint8_t n;
    int me; /* validator index; -1 observes only */
    uint64_t epoch;
    uint64_t leader_seed;
    struct core_timers timers;
    /* View 0, parent view 0: where the epoch starts, the block that closed the
     * one before. */
    struct candidate genesis;
    void (*sign)(void *ctx, struct vote *v); /* fills v->sig */
    void *sign_ctx;
    enum core_mutant mutant; /* MUTANT_NONE but in tests */
};

/* What is known of a block: its hash, and with height > 0 its header. */
struct block_facts {
    struct hash block;
    uint64_t height;
    struct hash parent_hash;
    uint64_t view; /* of the first proposal */
    uint64_t time_ms;
    uint16_t proposer;
    bool seal; /* the last block of its epoch */
};

struct block_facts block_facts_of(const struct header *h,
                                  const struct hash *block);

enum core_event_kind {
    ON_PROPOSAL, /* from the leader; its signatures are checked */
    ON_VOTE,     /* checked; from its signer */
    ON_CERT,     /* checked */
    ON_STATUS,   /* from a peer; a vote in it is checked */
    ON_TICK,     /* time passed */
    ON_DURABLE,  /* every persist effect up to `batch` is on disk */
    ON_BUILT,    /* answer to DO_BUILD; facts.height 0 = nothing to build */
    ON_EXECUTED, /* answer to DO_EXECUTE: valid or not; none if a commit
                    displaced it */
    ON_BODY,     /* header and body of a block are here */
    ON_WORK,     /* whether transactions are eligible */
    ON_APPLIED,  /* this block is the tip of the state now */
    ON_EPOCH,    /* a peer speaks in another epoch, event.epoch */
    ON_HEARD,    /* any authenticated message of a peer */
    ON_UP,       /* a peer's connection is made: it gets a STATUS */
    ON_DOWN,     /* a peer's connection was lost */
};

struct core_status {
    uint64_t view;
    uint64_t final_view;
    uint64_t final_height;
    struct hash final_hash;
    uint64_t applied_height;
    uint64_t map_from;  /* every view in (final_view, map_from) has one */
    uint32_t map_views; /* certificates for map_from .. + map_views - 1 */
    uint8_t map[CORE_STATUS_VIEWS / 4]; /* 2 bits: 1 = cN, 2 = cX */
    struct vote held; /* newest vote of the receiver; kind 0 = none */
};

struct core_event {
    enum core_event_kind kind;
    uint8_t from;
    uint64_t wall_ms;           /* UTC, with every event; 0 = not known */
    struct candidate candidate; /* ON_PROPOSAL; ON_BUILT: as in DO_BUILD */
    struct block_facts facts;   /* ON_PROPOSAL, ON_BUILT, ON_BODY */
    const struct vote *vote;    /* ON_PROPOSAL, ON_VOTE */
    const struct cert *certs;   /* ON_PROPOSAL (justification), ON_CERT */
    uint32_t cert_count;
    const struct core_status *status; /* ON_STATUS */
    uint64_t batch;                   /* ON_DURABLE */
    uint64_t epoch;                   /* ON_EPOCH */
    uint64_t height;                  /* ON_APPLIED */
    bool seal;                        /* ON_APPLIED: it closes the epoch */
    struct hash hash;                 /* ON_EXECUTED, ON_APPLIED */
    bool yes;                         /* ON_EXECUTED: valid; ON_WORK */
    bool gone;                        /* ON_EXECUTED: the body is gone */
};

enum core_effect_kind {
    DO_PERSIST_VOTE, /* append to the journal, in this order */
    DO_PERSIST_CERT,
    DO_PERSIST_BODY,
    DO_SEND_PROPOSAL, /* candidate and vote; core_justification has the rest */
    DO_SEND_VOTE,
    DO_SEND_CERT,
    DO_SEND_STATUS, /* core_status_for(recipient); it asks for what it lacks */
    DO_BUILD,       /* a block on candidate.block at candidate.height + 1 */
    DO_EXECUTE,     /* hash, on the tip of the state */
    DO_FETCH,       /* the block with this hash, from any peer */
    DO_SYNC,        /* blocks up to candidate.height, from peers */
    DO_COMMIT,      /* candidate is final by cert: make it the tip */
    DO_SEND_EPOCH_END, /* to `to`: what ended epoch, and the set after it */
    DO_EPOCH_END,      /* cert made the last block final, which is applied; the
                          last effect of this core, see core_next */
    DO_EVIDENCE,       /* two votes by one validator that exclude each other */
    DO_OBSERVE,        /* append RECORD_OBSERVER; this key signs nothing any
                          more; text says why */
    DO_HALT,           /* safety is broken; text says why */
};

/* Pointers are into the core and valid until its next step. */
struct core_effect {
    enum core_effect_kind kind;
    uint8_t to;      /* recipient, or CORE_ALL */
    bool after_sync; /* not before every persist effect so far is durable */
    struct candidate candidate;
    struct vote vote;
    struct vote other; /* DO_EVIDENCE */
    uint64_t epoch;    /* DO_SEND_EPOCH_END */
    const struct cert *cert;
    struct hash hash;
    const char *text;
};

struct core_effects {
    uint32_t count;
    uint64_t batch; /* number of the persist effects in this list; 0 = none */
    struct core_effect list[CORE_EFFECTS_MAX];
};

/* Private state; plain data, so a copy is a snapshot. */
enum core_own_state {
    OWN_NONE,
    OWN_PENDING, /* signed, not known to be on disk */
    OWN_DURABLE,
};

struct core_own {
    enum core_own_state state;
    struct vote vote;
};

struct core_cert_slot {
    uint64_t view; /* 0 = unused */
    bool has_prop;
    bool bad;
    bool has_n, has_x;
    struct candidate prop;
    struct core_own mine[4]; /* by vote kind */
    struct cert n, x;
};

struct core_vote_slot {
    uint64_t view;
    uint32_t have[4];                 /* bitmap of signers, by vote kind */
    uint8_t reported[VALIDATORS_MAX]; /* bit per kind of evidence */
    struct candidate about[4][VALIDATORS_MAX];
    struct signature sigs[4][VALIDATORS_MAX];
};

enum core_exec {
    EXEC_NONE,
    EXEC_ASKED,
    EXEC_VALID,
    EXEC_INVALID,
};

struct core_block {
    bool used;
    bool has_body;
    bool persisted;
    enum core_exec exec;
    struct block_facts facts; /* height 0: hash only */
    uint64_t view;            /* newest candidate that names it */
    uint64_t fetch_at_ms;     /* not before */
    uint32_t fetches;
};

struct core_pending {
    struct vote vote;
    uint64_t batch;
};

struct core_peer {
    uint64_t heard_ms;
    uint64_t down_ms; /* 0 = not known to be down */
    bool heard;       /* since the start */
    uint64_t pushed_ms, told_ms, epoch_ms;
    struct vote newest; /* of its votes that came here; kind 0 = none */
};

enum {
    CORE_NOTED = 8,
    CORE_PENDING = 16,
};

struct core {
    struct core_config config;
    uint8_t quorum, faulty;
    uint64_t view;        /* v */
    struct candidate fin; /* Fc; fin.view is F */
    bool has_final_cert;
    struct cert final_cert;
    /* Certificates are kept for (base, base + CORE_CERT_SLOTS]; base >= F.
     * Views nullified_from .. base are nullified; kept is the newest
     * notarization in (F, base], if kept.about.view is not 0. */
    uint64_t base, nullified_from;
    struct cert kept;
    uint64_t noted[CORE_NOTED]; /* newest notarised views, newest first */
    uint64_t applied_height;
    struct hash applied;
    bool applied_seal; /* it is the last block of this epoch */
    bool commit_asked;
    bool work;
    bool building;
    bool observer;
    bool halted;
    bool ended;     /* DO_EPOCH_END was given */
    bool could;     /* vote, when it ended */
    bool passed;    /* by the journal this epoch has ended: no vote again */
    bool continued; /* it voted in the epoch before: this is no start */
    bool fresh;     /* journal was just born, nothing was ever seen final */
    bool alone;     /* own votes of the journal may be certificates: quorum 1 */
    uint32_t status_from; /* bitmap: who sent STATUS since the start */
    bool was_busy;
    uint64_t now_ms, wall_ms, wake_ms;
    uint64_t start_view; /* no older vote of this key is unknown here */
    uint64_t first_own;  /* lowest view of an own vote since; 0 = none */
    uint64_t start_ms, t_enter_ms, busy_since_ms;
    uint64_t retry_at_ms, status_at_ms, sync_at_ms, ask_at_ms;
    uint64_t block_at_ms; /* when the newest block was proposed */
    uint64_t build_at_ms; /* not before */
    struct core_peer peers[CORE_PEERS];
    uint64_t batch;
    uint32_t pending_count;
    struct core_pending pending[CORE_PENDING];
    struct core_block blocks[CORE_BLOCKS];
    struct core_effects *fx; /* of the step under way */
    uint64_t views_entered, nullified, evidence;
    struct core_cert_slot certs[CORE_CERT_SLOTS];
    struct core_vote_slot votes[CORE_VOTE_SLOTS];
};

/* core_init makes a core at the start of its epoch, over a state whose tip is
 * (applied_height, applied).  A restart then feeds it, in order, what its
 * journal holds, after that the certificate of the tip (core_replay_cert, if
 * the tip is a block of this epoch), and ends with core_start, which sets the
 * view and counts the own votes again.  fresh: the journal was born, and
 * neither RECORD_START nor an own vote is in it; certificates of others do not
 * count, or a restart would make a second birth look like the first (D45). */
void core_init(struct core *c,
               const struct core_config *config,
               uint64_t applied_height,
               const struct hash *applied);
/* core_next makes a core that has ended (DO_EPOCH_END) the core of the next
 * epoch, in place.  Batches go on counting.  Who could vote and is in the next
 * set too has not started anew: it need not collect STATUS again.  What the
 * journal holds of the new epoch and core_start follow, as after core_init.
 * Requires  config->epoch is the next one, config->genesis the block applied */
void core_next(struct core *c, const struct core_config *config);
/* core_replay_record feeds one record of the journal.  Those of other epochs
 * change nothing, but that after one of a later epoch, or of the end of this
 * one, the core signs nothing: its driver was there already (E5).
 * Errors    those of the record codecs; ERR_MISMATCH  born for another key,
 *           another validator's vote, an epoch that is not the record's;
 *           ERR_CORRUPT  two records that exclude each other */
MUST_USE enum err core_replay_record(struct core *c,
                                     const struct pubkey *key,
                                     uint8_t type,
                                     uint64_t epoch,
                                     struct bytes payload);
void core_replay_vote(struct core *c, const struct vote *v);
void core_replay_cert(struct core *c, const struct cert *cert);
void core_replay_body(struct core *c, const struct block_facts *facts);
/* core_start: the next event may be given.
 * Requires  the state's tip is not beyond the last finalization replayed. */
void core_start(struct core *c, bool fresh, uint64_t now_ms);

void core_step(struct core *c,
               struct core_effects *out,
               const struct core_event *event,
               uint64_t now_ms);

/* When ON_TICK is wanted at the latest. */
uint64_t core_next_tick_ms(const struct core *c);

/* Certificates that justify a proposal: of its parent, the finalization of the
 * parent block, and the nullification of each skipped view; out[max]. */
uint32_t core_justification(const struct core *c,
                            const struct candidate *about,
                            const struct cert **out,
                            uint32_t max);
void core_status_for(const struct core *c,
                     struct core_status *out,
                     uint8_t recipient);

/* Cheap checks before a signature is verified: is it news?  What is not wanted
 * is dropped, also from a proposal's justification. */
bool core_wants_proposal(const struct core *c,
                         uint8_t from,
                         const struct vote *v);
bool core_wants_vote(const struct core *c, const struct vote *v);
bool core_wants_cert(const struct core *c, const struct cert *cert);
/* core_other_epoch: what a peer says of this epoch is worth an ON_EPOCH; at
 * most once a second. */
bool core_other_epoch(const struct core *c, uint8_t from, uint64_t epoch);

/* core_wants_body: the block is one it knows, and its body is missing.
 * core_promised_body: a vote depends on this body; it is in the journal. */
bool core_wants_body(const struct core *c, const struct hash *block);
bool core_promised_body(const struct core *c, const struct hash *block);

uint32_t core_leader(const struct core *c, uint64_t view);
bool core_may_vote(const struct core *c);
bool core_is_busy(const struct core *c);

/* core_checkpoint lists what a fresh journal segment must hold: finalization,
 * certificates and own votes above it.  Each entry is a vote or a cert.
 * core_checkpoint_mark gives what no other record says, to be written before
 * them as RECORD_CHECKPOINT; false: there is nothing. */
typedef void (*core_checkpoint_fn)(void *ctx,
                                   const struct vote *vote,
                                   const struct cert *cert);
void core_checkpoint(const struct core *c, core_checkpoint_fn each, void *ctx);
bool core_checkpoint_mark(const struct core *c, struct record_checkpoint *out);
bool core_is_quiet(const struct core *c);

#endif /* CONSENSUS_CORE_H */
