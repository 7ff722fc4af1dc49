/* start.h - the steps of a start (private to node/).
 *
 * Each that returns an int returns 0, or the exit code of the process after it
 * has said in one line what is wrong and what to do. */
#ifndef NODE_START_H
#define NODE_START_H

#include "node/node.h"

/* start.c */
int start_peers(struct node *n, const struct peers_callbacks *callbacks);
int start_rpc(struct node *n, const struct rpc_backend *backend);
/* Has the bulk of the loop's events wait for what is urgent. */
struct event_base *start_make_base(void);
void start_sign_hello(void *ctx,
                      struct signature *out,
                      const struct hash *digest);
void start_bundle(struct node *n, const char *text, const char *detail);
struct node *node_new(const struct config *config);
void node_free(struct node *n);

/* open.c */
int start_complain(const char *what,
                   const char *detail,
                   const char *do_this,
                   int code);
/* start_halt complains and writes down what is known (bundle.h). */
int start_halt(struct node *n,
               const char *what,
               const char *detail,
               const char *do_this);
int start_explain_storage(enum err e, const char *what, const char *detail);
int start_load_genesis(struct node *n);
int start_load_keys(struct node *n);
/* The transport key is the one that the others expect of the consensus key. */
int start_check_pin(const struct node *n, const struct hash *pinned);
int start_open_datadir(struct node *n);
int start_open_store(struct node *n, bool create);
void start_journal_path(const struct node *n, char out[CONFIG_TEXT_MAX + 16]);

/* load.c */
MUST_USE enum err load_header(struct header *out,
                              struct store *s,
                              uint64_t height);
/* load_validators is the set of an epoch, past or in force, by the rows of v.
 * Errors    ERR_NOT_FOUND  there is no such epoch (yet); ERR_CORRUPT */
MUST_USE enum err load_validators(struct validators_row *out,
                                  struct store_view *v,
                                  uint64_t epoch);
/* load_engine rebuilds the state from its rows and compares the root and all
 * totals.  *out is to be freed also after an error: those of engine_load_row
 * and engine_load_finish, and of reading.
 * Requires  the indexes of s are at its tip */
MUST_USE enum err load_engine(struct engine **out,
                              struct header *tip,
                              const struct genesis *g,
                              struct store *s);

/* init.c */
bool start_journal_is_born(const struct node *n);
/* How many records are on disk for certain. */
MUST_USE enum err start_journal_records(uint64_t *out, const struct node *n);
/* Block 0 into an empty database. */
MUST_USE enum err start_write_genesis(struct node *n);
/* What is missing beside a database: block 0, the journal (D45: that of an
 * observer, if there are blocks). */
int start_make_parts(struct node *n);

/* recover.c */
int start_load_state(struct node *n);
int start_recover(struct node *n);

#endif /* NODE_START_H */
