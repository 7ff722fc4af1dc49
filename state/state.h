/* state.h - the authenticated state: rows in memory under Merkle roots.
 *
 * A forest of canonical crit-bit trees: one tree per table; holdings, pledges
 * and freezes one tree per security; references one tree per day.  The shape of
 * a tree is a pure function of its set of keys, so re-hashing a full list and
 * reaching the root proves that nothing was left out.
 *
 *   node      = SHA-256(0x40 + table | bit u16 BE | left | right)
 *   leaf      = SHA-256(0x60 + table | key 32 | row_hash)
 *   row_hash  = SHA-256(0x15 | row); of a security: SHA-256(0x15 | row |
 *               holdings root | pledges root | freezes root); of a reference
 *               day: the leaf's row is the root of the day's tree
 *   empty     = 32 zeros
 *   state     = perfect binary tree, tag 0x30, over the 32 table slots (slots
 *               of the tables inside securities and unused ones are zero)
 *
 * `bit` is hashed, else a prover could lie about which bit a node tests.
 *
 * Invariants
 *   T1  the root depends on the set of (key, row) only, not on its history.
 *   T2  state_undo restores the former root bit for bit, and every row.
 *   T3  within a tree, bits strictly increase from root to leaf.
 *
 * Not thread-safe; one owner (the executor thread). */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include "base/attr.h"
#include "base/err.h"
#include "ledger/view.h"

struct state;

struct state *state_new(void);
void state_free(struct state *s);

/* state_get borrows the row until the next change; size 0 if absent. */
struct bytes state_get(const struct state *s, const struct row_key *key);
/* state_fetch asks the memory for rows that will be read soon, all at once. */
enum {
    STATE_FETCH_MAX = VIEW_FETCH_MAX,
};
void state_fetch(const struct state *s,
                 const struct row_key *keys,
                 uint32_t count);
uint64_t state_row_count(const struct state *s, uint8_t table);
/* Whether a tree has a row. */
bool state_has_tree(const struct state *s,
                    uint8_t table,
                    const struct hash *tree);

/* One row before and after; empty = absent.  Borrowed. */
struct change {
    struct row_key key;
    struct bytes old_row;
    struct bytes new_row;
};

/* The changes of one block, sorted by (table, tree, key), no key twice, and the
 * trees that are dropped whole (sorted by (table, tree)); a dropped tree has no
 * changes of its own. */
struct change_set {
    const struct change *list;
    uint32_t count;
    const struct row_key *drops; /* key.key is not used */
    uint32_t drop_count;
};

/* What state_apply did, to take it back. */
struct state_undo;

/* state_apply applies set, hashes each dirty node once and returns the new
 * state root.  *undo is to be given to state_undo (takes it back; only in
 * reverse order of application) or to state_undo_free (keeps it). */
void state_apply(struct state *s,
                 struct hash *root,
                 struct state_undo **undo,
                 const struct change_set *set);
void state_undo(struct state *s, struct state_undo *undo);
void state_undo_free(struct state_undo *undo);

struct hash state_root(struct state *s);
/* state_tree_root is the root of one tree; zeros if there is none. */
struct hash state_tree_root(struct state *s,
                            uint8_t table,
                            const struct hash *tree);
/* state_security_hash is the row hash of a security: over its row and the
 * roots of its holdings, pledges and freezes; zeros if there is none.
 * Requires  the state is hashed (nothing loaded since state_root). */
struct hash state_security_hash(const struct state *s,
                                const struct hash *security);
/* state_slot_roots fills the 32 slots under the state root. */
void state_slot_roots(struct state *s, struct hash out[TABLE_SLOTS]);

/* state_load adds one row without hashing, for the start of a node; call
 * state_root when all are in.
 * Errors    ERR_EXISTS  the key is there already
 *           ERR_RANGE   no such table; a tree in a table that has one tree; a
 *                       row of no or too many bytes */
MUST_USE enum err state_load(struct state *s,
                             const struct row_key *key,
                             struct bytes row);

/* A state may be loaded in parts, each a state of its own: state_hash_inside
 * hashes what hangs on nothing outside the part; state_join moves its trees
 * into s, which keeps those hashes.  from is empty then and keeps its room, for
 * the next part.  The root is that of all rows loaded into one state (T1).
 * Errors    ERR_EXISTS  a tree has rows in both; nothing was moved
 * Requires  from was only loaded and hashed inside, from nothing */
void state_hash_inside(struct state *s);
MUST_USE enum err state_join(struct state *s, struct state *from);

/* state_each visits the rows of one tree in key order; stops when visit
 * returns false. */
typedef bool (*state_visit_fn)(void *ctx,
                               const struct row_key *key,
                               struct bytes row);
void state_each(const struct state *s,
                uint8_t table,
                const struct hash *tree,
                state_visit_fn visit,
                void *ctx);

/* change_root is the RFC 9162 root over the sorted change set: each leaf is
 * (table u8, tree 32, key 32, old row_hash 32, new row_hash 32), row_hash =
 * SHA-256(0x15 | row) or zeros if absent; a dropped tree is one leaf with key
 * and hashes zero, after the changes. */
struct hash change_set_root(const struct change_set *set);

uint64_t state_memory_bytes(const struct state *s);
/* SHA-256 messages hashed so far, for measurements and tests. */
uint64_t state_hash_count(const struct state *s);

#endif /* STATE_STATE_H */
