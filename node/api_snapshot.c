/* The RPC method about snapshots, and what metrics say of them. */
#include "node/api.h"
#include "node/snapshots.h"
#include "rpc/schema_json.h"

static json_t *info_json(const struct snapshot_info *i)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:i, s:o, s:o}",
                     "height",
                     json_of_u64(i->height),
                     "block",
                     api_hash(&i->block),
                     "id",
                     api_hash(&i->id),
                     "manifest_bytes",
                     json_of_u64(i->manifest_bytes),
                     "chunks",
                     (int)i->chunks,
                     "rows",
                     json_of_u64(i->leaves),
                     "bytes",
                     json_of_u64(i->bytes));
}

void api_snapshot_list(void *ctx,
                       struct rpc_call *call,
                       const struct rpc_arg *a)
{
    struct node *n = ctx;
    struct snapshot_info list[SNAPSHOTS_HELD];
    const uint32_t count = snapshots_list(n->snapshots, list);
    const struct snapshots_progress p = snapshots_progress(n->snapshots);
    json_t *all = json_array();

    (void)a;
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(all, info_json(&list[i]));
    rpc_result(call,
               json_pack("{s:o, s:o, s:{s:b, s:o, s:o}}",
                         "blocks",
                         json_of_u64(n->config.snapshot_blocks),
                         "snapshots",
                         all,
                         "taking",
                         "running",
                         p.running,
                         "height",
                         json_of_u64(p.height),
                         "rows",
                         json_of_u64(p.leaves)));
}
