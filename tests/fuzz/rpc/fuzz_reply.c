/* What a server may send to a client: what is taken lies within it, and a
 * beginning of a reply is not taken for all of it. */
#include "base/check.h"
#include "rpc/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rpc_reply r;
    struct rpc_reply cut;
    size_t end;

    if (rpc_reply_parse(&r, bytes_of(data, size)) != ERR_NONE)
        return 0;
    ASSERT(r.status >= 0 && r.status <= 999);
    ASSERT(r.body.at >= data && r.body.at <= data + size);
    ASSERT(r.body.size <= size - (size_t)(r.body.at - data));
    end = (size_t)(r.body.at - data) + r.body.size;
    ASSERT(rpc_reply_parse(&cut, bytes_of(data, end - 1)) == ERR_TRUNCATED);
    return 0;
}
