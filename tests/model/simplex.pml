/* simplex.pml - the vote rules of docs/PROTOCOL.md as a Spin model.
 *
 * n = 4, f = 1: three correct validators and a Byzantine one.  VIEWS views in
 * turn; the Byzantine validator leads the views v with v mod 4 = BYZ mod 4, the
 * correct ones the rest, as in the rotation of leaders.
 *
 *   make model      checks it, and that each planted bug (-DBUG_...) is found
 *
 * A correct validator keeps its votes of a view in memory, on disk and on the
 * wire.  It signs (memory), syncs the journal (disk) and sends (wire); between
 * any two of these it may crash, and then knows what its disk knows.  The
 * journal is read and written in order, so that a torn end is a crash some
 * records earlier.
 *
 * The network may lose, delay and reorder: whoever needs a certificate that can
 * exist may have it, and need not have it.  The Byzantine validator is a set of
 * votes, not a process: it has signed everything, for everybody, in every view,
 * and as a leader has proposed every candidate.  With -DLIVE it gives or keeps
 * back its vote of a kind as it likes.
 *
 * Why a view may be finished before the next begins.  No rule of view v reads a
 * vote or a certificate of a later view (a validator in view v has seen none),
 * and no vote of one view forbids one in another.  So each run has the same
 * votes as one that is sorted by view, and every property below is about votes
 * that were sent.  Late votes in old views and jumps over views are therefore
 * covered.  -DANY_ORDER does without this: votes of all views in any order.
 *
 * Why validators are sorted.  Within a view the correct validators differ in
 * nothing but who leads; what one signs in a view depends on its own votes in
 * that view only.  So states that differ by a permutation within a view are
 * one.  Validator 0 of a view is its leader, if the leader is correct.
 *
 * Properties (the assertion that fails has its name)
 *   one_notarization   no two candidates of a view can be notarised
 *   notarised_first    what can be final in a view was notarised
 *   exclusion          no view can be nullified and final
 *   agreement          what is notarised later extends what is final
 * and with -DLIVE, in every state in which all that must happen has happened:
 *   every_view_ends    the view has a certificate
 *   finality           the last view, if nobody gives it up and its leader is
 *                      correct, is final, whatever happened before it
 */
#ifndef VIEWS
#define VIEWS 4
#endif
#if VIEWS > 6 || (defined(LIVE) && VIEWS > 5) || \
    (defined(ANY_ORDER) && (VIEWS > 3 || defined(LIVE)))
#error "the lists of steps below end before that"
#endif
#ifndef BYZ
#define BYZ 1
#endif
#ifdef BUG_QUORUM
#define QUORUM 2
#else
#define QUORUM 3
#endif

/* ---- candidates ----
 * A candidate of a view is its parent's view and what it carries: nothing new
 * (CARRY), or one of two blocks.  Its number fits a bit mask. */
#define CARRY    0
#define BLOCK    1
#define RIVAL    2
#define CAND(p, kind) (1 + 3 * (p) + (kind))
#define PARENT(c)     (((c) - 1) / 3)
#define KIND(c)       (((c) - 1) % 3)

/* ---- votes of a correct validator ----
 * In memory and on disk: the candidate it signed NOTARIZE for, and two bits. */
#define NOTARIZED 31
#define NULLIFY   32
#define FINALIZE  64
/* On the wire, where nothing is ever taken back: a mask. */
#define WIRE_N(c) (1 << (c))
#define WIRE_X    (1 << 30)
#define WIRE_F    (1 << 29)

#ifdef ANY_ORDER
#define AT(v, i)  (3 * ((v) - 1) + (i))
#define PLACES    (3 * VIEWS)
#define IN_VIEW(v) true
#else
#define AT(v, i)  (i)
#define PLACES    3
#define IN_VIEW(v) (view == (v))
byte view = 1;
#endif

byte memory[PLACES];
byte disk[PLACES];
int wire[PLACES];

/* ---- certificates that can exist ---- */
byte notarised[VIEWS + 1]; /* the candidate; 0 = none */
byte block_of[VIEWS + 1];  /* the view its block was new in; 0 = genesis */
short has_n, has_x, has_f; /* bit v: view v is notarised, nullified, final */
short settled = 1;         /* bit v: the block that was new in view v is final */
#ifdef LIVE
byte byz_votes;            /* bit 0 NOTARIZE, 1 NULLIFY, 2 FINALIZE */
#endif

hidden byte one_notarization, notarised_first, exclusion, agreement;
hidden byte every_view_ends, finality, never_here;
hidden byte i_view, j_view, k_view;
hidden int spare;

#define LED_BY_BYZ(v) ((v) % 4 == BYZ % 4)
#define CERTIFIED(p)  ((p) == 0 || notarised[p] != 0)
#define ENDED(v)      ((has_n | has_x) >> (v) & 1)
#define ENTERED(v)    ((v) == 1 || ENDED((v) - 1))
#define BETWEEN(p, v) ((1 << (v)) - (2 << (p)))
#ifdef BUG_NO_NULLIFY_CHECK
#define SKIPPED(p, v) true
#else
#define SKIPPED(p, v) ((has_x & BETWEEN(p, v)) == BETWEEN(p, v))
#endif

/* check_proposal: the parent is certified, every view between is nullified, and
 * the candidate is a CARRY of it or a block on a block that is final (K = 1). */
#define VALID(v, c) \
    (PARENT(c) < (v) && ENTERED(v) && CERTIFIED(PARENT(c)) && \
     SKIPPED(PARENT(c), v) && \
     (KIND(c) == CARRY || (settled >> block_of[PARENT(c)] & 1)))

/* ---- counting ---- */
#define SENT(k, m) ((wire[k] & (m)) != 0)
#ifdef BUG_OWN_VOTE_EARLY
/* One validator counts what it signed before it is on disk. */
#define EARLY_OF(k, m, own) (!SENT(k, m) && (own))
#define EARLY(v, m, a, b, c) \
    (EARLY_OF(AT(v, 0), m, a) || EARLY_OF(AT(v, 1), m, b) || \
     EARLY_OF(AT(v, 2), m, c))
#else
#define EARLY(v, m, a, b, c) 0
#endif
#ifdef LIVE
#define BYZ_VOTE(kind) (byz_votes >> (kind) & 1)
#else
#define BYZ_VOTE(kind) 1
#endif
#define ENOUGH(v, m, kind, a, b, c) \
    (SENT(AT(v, 0), m) + SENT(AT(v, 1), m) + SENT(AT(v, 2), m) + \
     EARLY(v, m, a, b, c) + BYZ_VOTE(kind) >= QUORUM)
#define SIGNED(v, i, c) ((memory[AT(v, i)] & NOTARIZED) == (c))
#define ENOUGH_N(v, c) \
    ENOUGH(v, WIRE_N(c), 0, SIGNED(v, 0, c), SIGNED(v, 1, c), SIGNED(v, 2, c))
#define HAS(v, i, kind) (memory[AT(v, i)] & (kind))
#define ENOUGH_X(v) \
    ENOUGH(v, WIRE_X, 1, HAS(v, 0, NULLIFY), HAS(v, 1, NULLIFY), \
           HAS(v, 2, NULLIFY))
#define ENOUGH_F(v) \
    ENOUGH(v, WIRE_F, 2, HAS(v, 0, FINALIZE), HAS(v, 1, FINALIZE), \
           HAS(v, 2, FINALIZE))

/* Walks from each notarised candidate down its parents: none may pass by a view
 * that is final. */
inline check_agreement() {
    i_view = 1;
    do
    :: i_view <= VIEWS ->
        if
        :: (has_f >> i_view & 1) ->
            j_view = i_view + 1;
            do
            :: j_view <= VIEWS ->
                if
                :: notarised[j_view] != 0 ->
                    k_view = j_view;
                    do
                    :: k_view > i_view -> k_view = PARENT(notarised[k_view])
                    :: else -> break
                    od;
                    agreement = (k_view == i_view);
                    assert(agreement)
                :: else
                fi;
                j_view++
            :: else -> break
            od
        :: else
        fi;
        i_view++
    :: else -> break
    od
}

inline tally(v) {
    i_view = 1;
    do
    :: i_view <= 3 * v -> /* every candidate of the view */
        if
        :: ENOUGH_N(v, i_view) ->
            one_notarization =
                (notarised[v] == 0 || notarised[v] == i_view);
            assert(one_notarization);
            notarised[v] = i_view;
            has_n = has_n | 1 << v;
            block_of[v] =
                (KIND(i_view) == CARRY -> block_of[PARENT(i_view)] : v)
        :: else
        fi;
        i_view++
    :: else -> break
    od;
    if :: ENOUGH_X(v) -> has_x = has_x | 1 << v :: else fi;
    if
    :: ENOUGH_F(v) ->
        notarised_first = (notarised[v] != 0);
        assert(notarised_first);
        has_f = has_f | 1 << v;
        settled = settled | 1 << block_of[v]
    :: else
    fi;
    exclusion = ((has_x & has_f) == 0);
    assert(exclusion);
    check_agreement()
}

/* ---- symmetry ---- */
inline order(p, q) {
    if
    :: memory[p] > memory[q] ||
       (memory[p] == memory[q] &&
        (disk[p] > disk[q] || (disk[p] == disk[q] && wire[p] > wire[q]))) ->
        spare = memory[p]; memory[p] = memory[q]; memory[q] = spare;
        spare = disk[p]; disk[p] = disk[q]; disk[q] = spare;
        spare = wire[p]; wire[p] = wire[q]; wire[q] = spare
    :: else
    fi
}

inline sort(v) {
    if
    :: LED_BY_BYZ(v) ->
        order(AT(v, 0), AT(v, 1));
        order(AT(v, 1), AT(v, 2));
        order(AT(v, 0), AT(v, 1))
    :: else -> order(AT(v, 1), AT(v, 2))
    fi
}

/* ---- the steps of a correct validator: sign, sync, send, crash ---- */
#define ON_WIRE(votes) \
    ((votes & NULLIFY -> WIRE_X : 0) | (votes & FINALIZE -> WIRE_F : 0) | \
     (votes & NOTARIZED -> WIRE_N(votes & NOTARIZED) : 0))

inline signed(v, i) {
#ifdef BUG_SEND_BEFORE_SYNC
    wire[AT(v, i)] = wire[AT(v, i)] | ON_WIRE(memory[AT(v, i)]);
#endif
#if defined(BUG_SEND_BEFORE_SYNC) || defined(BUG_OWN_VOTE_EARLY)
    tally(v);
#endif
    sort(v)
}

inline sign_notarize(v, i, c) {
    d_step {
        memory[AT(v, i)] = (memory[AT(v, i)] & ~NOTARIZED) | c;
        signed(v, i)
    }
}

inline sign_other(v, i, kind) {
    d_step {
        memory[AT(v, i)] = memory[AT(v, i)] | kind;
        signed(v, i)
    }
}

#ifdef BUG_NULLIFY_NOT_PERSISTED
#define RECORDS(votes) ((votes) & ~NULLIFY)
#else
#ifdef BUG_NOTARIZE_NOT_PERSISTED
#define RECORDS(votes) ((votes) & ~NOTARIZED)
#else
#define RECORDS(votes) (votes)
#endif
#endif

/* The journal is synced; then what waited for it is sent. */
inline sync_and_send(v, i) {
    d_step {
        disk[AT(v, i)] = RECORDS(memory[AT(v, i)]);
        wire[AT(v, i)] = wire[AT(v, i)] | ON_WIRE(memory[AT(v, i)]);
        tally(v);
        sort(v)
    }
}

/* … or the process ends between the two. */
inline sync_and_crash(v, i) {
    d_step {
        disk[AT(v, i)] = RECORDS(memory[AT(v, i)]);
        memory[AT(v, i)] = disk[AT(v, i)];
        sort(v)
    }
}

inline crash(v, i) {
    d_step {
        memory[AT(v, i)] = disk[AT(v, i)];
        sort(v)
    }
}

/* After a restart own votes are sent, and counted, again. */
inline send_again(v, i) {
    d_step {
        wire[AT(v, i)] = wire[AT(v, i)] | ON_WIRE(disk[AT(v, i)]);
        tally(v);
        sort(v)
    }
}

#ifdef LIVE
/* The Byzantine validator gives its vote of a kind to somebody. */
inline byz_sends(kind) {
    d_step {
        byz_votes = byz_votes | kind;
        tally(view);
        sort(view)
    }
}
#endif

/* ---- what it may sign ---- */
#ifdef BUG_NOTARIZE_TWICE
#define MAY_NOTARIZE(k) (!(memory[k] & NULLIFY))
#else
#define MAY_NOTARIZE(k) (!(memory[k] & (NOTARIZED | NULLIFY)))
#endif

#ifdef BUG_NULLIFY_AFTER_FINALIZE
#define NULLIFY_UNLESS NULLIFY
#else
#ifdef BUG_NO_NULLIFY_AFTER_NOTARIZE
#define NULLIFY_UNLESS (NULLIFY | FINALIZE | NOTARIZED)
#else
#define NULLIFY_UNLESS (NULLIFY | FINALIZE)
#endif
#endif
#ifdef LIVE
#define MAY_NULLIFY(v, k) ((v) < VIEWS && !(memory[k] & NULLIFY_UNLESS))
#else
#define MAY_NULLIFY(v, k) (!(memory[k] & NULLIFY_UNLESS))
#endif

#ifdef BUG_FINALIZE_AFTER_NULLIFY
#define FINALIZE_UNLESS FINALIZE
#else
#define FINALIZE_UNLESS (FINALIZE | NULLIFY)
#endif
#define MAY_FINALIZE(v, k) \
    (!(memory[k] & FINALIZE_UNLESS) && notarised[v] != 0 && \
     ((memory[k] & NOTARIZED) == 0 || (memory[k] & NOTARIZED) == notarised[v]))

#ifdef BUG_NO_CARRY
#define MAY_OFFER(c) (KIND(c) == BLOCK)
#else
#define MAY_OFFER(c) true
#endif
#define OFFERED(v, c) SENT(AT(v, 0), WIRE_N(c))
#define UNSYNCED(k)   (memory[k] != disk[k])
#ifdef BUG_NO_RESEND
#define UNSENT(k) false
#else
#define UNSENT(k) ((ON_WIRE(disk[k]) & ~wire[k]) != 0)
#endif

#ifdef GOAL
/* A rich history, to show that the model gets there: a block is final, a view
 * is given up, a CARRY of a block is final, and a block on it is notarised. */
#define OLD_FINAL (has_f & 2) && block_of[1] == 1
#define GIVEN_UP  ((has_x & ~has_n) != 0)
#define CARRIED \
    ((has_f >> 2 & 1) && block_of[2] != 2 || \
     (has_f >> 3 & 1) && block_of[3] != 3)
#define HERE \
    (OLD_FINAL && GIVEN_UP && CARRIED && block_of[VIEWS] == VIEWS)
#endif

/* ---- all steps ---- */
#define PROPOSE(v, c) \
    :: atomic { IN_VIEW(v) && !LED_BY_BYZ(v) && MAY_NOTARIZE(AT(v, 0)) && \
                MAY_OFFER(c) && VALID(v, c) -> sign_notarize(v, 0, c) }
#define FOLLOW(v, i, c) \
    :: atomic { IN_VIEW(v) && !LED_BY_BYZ(v) && MAY_NOTARIZE(AT(v, i)) && \
                OFFERED(v, c) && VALID(v, c) -> sign_notarize(v, i, c) }
#define BELIEVE(v, i, c) \
    :: atomic { IN_VIEW(v) && LED_BY_BYZ(v) && MAY_NOTARIZE(AT(v, i)) && \
                VALID(v, c) -> sign_notarize(v, i, c) }
#define ON_PARENT(v, p) \
    PROPOSE(v, CAND(p, CARRY)) PROPOSE(v, CAND(p, BLOCK)) \
    FOLLOW(v, 1, CAND(p, CARRY)) FOLLOW(v, 1, CAND(p, BLOCK)) \
    FOLLOW(v, 2, CAND(p, CARRY)) FOLLOW(v, 2, CAND(p, BLOCK)) \
    BELIEVE(v, 0, CAND(p, CARRY)) BELIEVE(v, 0, CAND(p, BLOCK)) \
    BELIEVE(v, 0, CAND(p, RIVAL)) BELIEVE(v, 1, CAND(p, CARRY)) \
    BELIEVE(v, 1, CAND(p, BLOCK)) BELIEVE(v, 1, CAND(p, RIVAL)) \
    BELIEVE(v, 2, CAND(p, CARRY)) BELIEVE(v, 2, CAND(p, BLOCK)) \
    BELIEVE(v, 2, CAND(p, RIVAL))

#define OF_VALIDATOR(v, i) \
    :: atomic { IN_VIEW(v) && ENTERED(v) && MAY_NULLIFY(v, AT(v, i)) -> \
                sign_other(v, i, NULLIFY) } \
    :: atomic { IN_VIEW(v) && MAY_FINALIZE(v, AT(v, i)) -> \
                sign_other(v, i, FINALIZE) } \
    :: atomic { IN_VIEW(v) && UNSYNCED(AT(v, i)) -> sync_and_send(v, i) } \
    :: atomic { IN_VIEW(v) && UNSYNCED(AT(v, i)) -> sync_and_crash(v, i) } \
    :: atomic { IN_VIEW(v) && UNSYNCED(AT(v, i)) -> crash(v, i) } \
    :: atomic { IN_VIEW(v) && UNSENT(AT(v, i)) -> send_again(v, i) }
#define OF_VIEW(v) OF_VALIDATOR(v, 0) OF_VALIDATOR(v, 1) OF_VALIDATOR(v, 2)

#ifdef LIVE
/* What must happen sooner or later in the view under way: what was signed is
 * synced and sent, the leader proposes, a sound proposal is voted for, a
 * notarised candidate too, and a view without certificate is given up. */
#define CAN_LEAD(p) \
    (VALID(view, CAND(p, BLOCK)) || \
     (MAY_OFFER(CAND(p, CARRY)) && VALID(view, CAND(p, CARRY))))
#define CAN_FOLLOW(i, p) \
    (MAY_NOTARIZE(i) && ((OFFERED(view, CAND(p, CARRY)) && \
                          VALID(view, CAND(p, CARRY))) || \
                         (OFFERED(view, CAND(p, BLOCK)) && \
                          VALID(view, CAND(p, BLOCK)))))
#define OF_PARENT(p) \
    ((MAY_NOTARIZE(0) && CAN_LEAD(p)) || CAN_FOLLOW(1, p) || CAN_FOLLOW(2, p))
#define DUE_PROPOSAL (OF_PARENT(0) OR_1 OR_2 OR_3 OR_4)
#if VIEWS > 1
#define OR_1 || OF_PARENT(1)
#else
#define OR_1
#endif
#if VIEWS > 2
#define OR_2 || OF_PARENT(2)
#else
#define OR_2
#endif
#if VIEWS > 3
#define OR_3 || OF_PARENT(3)
#else
#define OR_3
#endif
#if VIEWS > 4
#define OR_4 || OF_PARENT(4)
#else
#define OR_4
#endif
#ifdef BUG_REFUSE_LATE_NOTARIZATION
#define ACCEPTED(i) ((has_x >> view & 1) || !(memory[i] & NULLIFY))
#else
#define ACCEPTED(i) true
#endif
#define ENDED_FOR_ALL \
    (ENDED(view) && ACCEPTED(0) && ACCEPTED(1) && ACCEPTED(2))
#define DUE_OF(i) \
    (UNSYNCED(i) || UNSENT(i) || MAY_FINALIZE(view, i) || \
     (!ENDED(view) && MAY_NULLIFY(view, i)))
#define DUE \
    (DUE_OF(0) || DUE_OF(1) || DUE_OF(2) || \
     (!LED_BY_BYZ(view) && !ENDED(view) && DUE_PROPOSAL))
#endif

active proctype world()
{
    do
#ifdef ANY_ORDER
    OF_VIEW(1) ON_PARENT(1, 0)
#if VIEWS > 1
    OF_VIEW(2) ON_PARENT(2, 0) ON_PARENT(2, 1)
#endif
#if VIEWS > 2
    OF_VIEW(3) ON_PARENT(3, 0) ON_PARENT(3, 1) ON_PARENT(3, 2)
#endif
    :: else -> break
#else
    OF_VIEW(view)
    ON_PARENT(view, 0)
#if VIEWS > 1
    ON_PARENT(view, 1)
#endif
#if VIEWS > 2
    ON_PARENT(view, 2)
#endif
#if VIEWS > 3
    ON_PARENT(view, 3)
#endif
#if VIEWS > 4
    ON_PARENT(view, 4)
#endif
#if VIEWS > 5
    ON_PARENT(view, 5)
#endif
#ifdef GOAL
    :: d_step { HERE -> never_here = false; assert(never_here) }
#endif
#ifdef LIVE
    :: atomic { !(byz_votes & 1) -> byz_sends(1) }
    :: atomic { !(byz_votes & 2) -> byz_sends(2) }
    :: atomic { !(byz_votes & 4) -> byz_sends(4) }
    :: d_step { view < VIEWS && !DUE && !ENDED_FOR_ALL ->
                every_view_ends = false; assert(every_view_ends) }
    :: d_step { view == VIEWS && !LED_BY_BYZ(VIEWS) && !DUE &&
                !(has_f >> VIEWS & 1) ->
                finality = false; assert(finality) }
#endif
    :: d_step { view < VIEWS && ENDED(view) ->
        view++;
        memory[0] = 0; memory[1] = 0; memory[2] = 0;
        disk[0] = 0; disk[1] = 0; disk[2] = 0;
        wire[0] = 0; wire[1] = 0; wire[2] = 0;
#ifdef LIVE
        byz_votes = 0
#endif
        }
    :: else -> break
#endif
    od
}
