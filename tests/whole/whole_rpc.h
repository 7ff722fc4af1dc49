/* whole_rpc.h - a client's call of a node, and its answer. */
#ifndef TESTS_WHOLE_RPC_H
#define TESTS_WHOLE_RPC_H

#include "tests/whole/whole.h"

struct client_answer {
    const char *state; /* "" on an error */
    const char *error; /* NULL: none */
    uint64_t height;
    uint32_t index;
};

struct rpc_call {
    struct whole_node *w;
    bool lost; /* whoever asked is not there any more */
    /* a NULL: no answer comes any more */
    void (*done)(void *ctx, const struct client_answer *a);
    void *ctx;
};

#endif /* TESTS_WHOLE_RPC_H */
