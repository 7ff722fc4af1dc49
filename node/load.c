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

enum err load_validators(struct validators_row *out,
                         struct store_view *v,
                         uint64_t epoch)
{
    struct row_key key = {.table = TABLE_VALIDATORS};

    for (int i = 0; i < 2; i++) {
        struct store_value value;
        enum err e;

        TRY(store_get_row(&value, v, &key));
        e = schema_decode(
            out, &validators_row_schema, bytes_of(value.at, value.size));
        store_value_free(&value);
        if (e != ERR_NONE)
            return ERR_CORRUPT;
        if (out->set.epoch == epoch)
            return ERR_NONE;
        key.key = epoch_key(epoch);
    }
    return ERR_NOT_FOUND;
}
