/* The state of a store, rebuilt and compared with its newest block. */
#include "node/start.h"

static enum err load_row(void *ctx, const struct row_key *key, struct bytes row)
{
    return engine_load_row(ctx, key, row);
}

enum err load_header(struct header *out, struct store *s, uint64_t height)
{
    struct store_value v;
    enum err e;

    TRY(store_get_block(&v, s, height, STORE_HEADER));
    e = header_decode(out, bytes_of(v.at, v.size));
    store_value_free(&v);
    return e;
}

enum err load_engine(struct engine **out,
                     struct header *tip,
                     const struct genesis *g,
                     struct store *s)
{
    const uint64_t height = store_tip_of(s).height;
    struct mtree_log log;
    enum err e;

    *out = engine_new_empty(g);
    e = store_each_row(s, load_row, *out);
    if (e == ERR_NONE)
        e = store_get_header_log(&log, s, height + 1);
    if (e == ERR_NONE)
        e = load_header(tip, s, height);
    if (e == ERR_NONE)
        e = engine_load_finish(*out, tip, &log);
    return e;
}
