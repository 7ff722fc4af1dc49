/* control.h - what is asked of the running process by who may use its data
 * directory: a socket DATA/control of mode 0600 for this user alone, no port.
 *
 *   request   "backup" [SP path] "\n", "ready\n"
 *   answer    "progress" SP done SP all "\n" …, then
 *             "ok" SP height SP path "\n"  or  "failed" SP text "\n"
 *
 * One request at a time, on a thread of its own. */
#ifndef NODE_CONTROL_H
#define NODE_CONTROL_H

#include "node/backup.h"

struct control;

/* Errors    ERR_IO */
MUST_USE enum err control_start(struct control **out, struct node *n);
/* control_stop gives up what is under way; before the pools stop. */
void control_stop(struct control *c);

/* control_ask is the other side: blocks until the answer is there.  tick hears
 * of progress.
 * Errors    ERR_NOT_FOUND  nobody listens; ERR_REFUSED: out->why; ERR_IO */
MUST_USE enum err control_ask(const char *data_dir,
                              const char *to,
                              struct backup_result *out,
                              struct backup_watch *watch);
/* control_ask_ready has the node say READY once (own_tx.h). */
MUST_USE enum err control_ask_ready(const char *data_dir);

#endif /* NODE_CONTROL_H */
