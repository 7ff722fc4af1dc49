/* The parameters of a call, for every method: what is taken is within limits.
 */
#include "base/check.h"
#include "rpc/jsonrpc.h"
#include "rpc/schema_json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct rpc_param *p, const struct rpc_arg *a)
{
    if (!a->given)
        return;
    if (p->kind == PARAM_U64)
        ASSERT(a->number >= p->min && a->number <= p->max);
    if (p->kind == PARAM_HEX)
        ASSERT(a->bytes != NULL && a->size > 0 && a->size <= p->max);
    if (p->kind == PARAM_CODE)
        ASSERT(memchr(a->code, 0, sizeof a->code) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[200];
    json_t *params = json_parse(bytes_of(data, size), why, sizeof why);

    for (int m = 0; m < RPC_METHODS; m++) {
        struct rpc_arg args[RPC_PARAMS_MAX];
        const bool ok = (memset(args, 0, sizeof args),
                         rpc_args_read(args, why, &rpc_methods[m], params));

        for (int i = 0; i < RPC_PARAMS_MAX; i++) {
            const struct rpc_param *p = &rpc_methods[m].params[i];

            if (ok && p->name != NULL) {
                check(p, &args[i]);
                ASSERT(args[i].given || !p->required);
            }
            free(args[i].bytes);
        }
        ASSERT(ok || memchr(why, 0, 160) != NULL);
    }
    json_decref(params);
    return 0;
}
