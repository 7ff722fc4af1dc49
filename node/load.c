/* The state of a store, rebuilt and compared with its newest block.
 *
 * The rows are cut into ranges of whole trees.  A few threads read, build, hash
 * and add up one range after another, each apart from the others, and join what
 * came out; which thread took which range changes nothing (T1). */
#include "base/check.h"
#include "node/start.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    THREADS_MAX = 16,
    CUTS = 500, /* of a table whose trees are those of securities, about */
};

/* From `from` up to before `to`, or to the end. */
struct range {
    struct row_key from;
    struct row_key to;
    bool to_end;
};

struct loading {
    struct store *store;
    const struct genesis *genesis;
    struct engine *engine;
    struct hash *securities; /* ascending */
    size_t security_count;
    size_t security_cap;
    struct range *ranges;
    size_t range_count;
    size_t range_cap;
    pthread_mutex_t lock; /* over what is below, and engine */
    size_t next;          /* range that nobody took yet */
    size_t failed;        /* the first one that failed */
    enum err err;
};

enum err load_header(struct header *out, struct store *s, uint64_t height)
{
    struct store_value v;
    enum err e;

    TRY(store_get_block(&v, s, height, STORE_HEADER));
    e = header_decode(out, bytes_of(v.at, v.size));
    store_value_free(&v);
    return e;
}

/* ---- the ranges ---- */

static enum err note_security(void *ctx,
                              const struct row_key *key,
                              struct bytes row)
{
    struct loading *l = ctx;

    if (l->security_count >= l->security_cap) {
        l->security_cap = l->security_cap == 0 ? 256 : l->security_cap * 2;
        l->securities =
            realloc(l->securities, l->security_cap * sizeof l->securities[0]);
        ASSERT(l->securities != NULL);
    }
    l->securities[l->security_count++] = key->key;
    return engine_load_row(l->engine, key, row);
}

static void add_range(struct loading *l,
                      struct row_key from,
                      struct row_key to,
                      bool to_end)
{
    if (l->range_count >= l->range_cap) {
        l->range_cap = l->range_cap == 0 ? 256 : l->range_cap * 2;
        l->ranges = realloc(l->ranges, l->range_cap * sizeof l->ranges[0]);
        ASSERT(l->ranges != NULL);
    }
    l->ranges[l->range_count++] = (struct range){from, to, to_end};
}

static bool cut_by_security(uint8_t table)
{
    return table == TABLE_HOLDINGS || table == TABLE_PLEDGES ||
           table == TABLE_FREEZES;
}

static void cut_table(struct loading *l, uint8_t table)
{
    const struct row_key end = {.table = (uint8_t)(table + 1)};
    const size_t step = l->security_count / CUTS + 1;
    struct row_key from = {.table = table};

    for (size_t i = step; i < l->security_count; i += step) {
        const struct row_key to = {.table = table, .tree = l->securities[i]};

        add_range(l, from, to, false);
        from = to;
    }
    add_range(l, from, end, false);
}

/* Every key there can be is in one range, so a row that should not be there is
 * found.  The tables of one tree go first: no two threads can share them. */
static void cut(struct loading *l)
{
    const struct row_key beyond = {.table = TABLES_USED};

    for (uint8_t t = 0; t < TABLES_USED; t++) {
        if (!cut_by_security(t) && t != TABLE_SECURITIES)
            add_range(l,
                      (struct row_key){.table = t},
                      (struct row_key){.table = (uint8_t)(t + 1)},
                      false);
    }
    for (uint8_t t = 0; t < TABLES_USED; t++) {
        if (cut_by_security(t))
            cut_table(l, t);
    }
    add_range(l, beyond, beyond, true);
}

/* ---- the threads ---- */

static enum err load_row(void *ctx, const struct row_key *key, struct bytes row)
{
    return engine_load_row(ctx, key, row);
}

static bool take(struct loading *l, size_t *i)
{
    bool any;

    pthread_mutex_lock(&l->lock);
    any = l->err == ERR_NONE && l->next < l->range_count;
    if (any)
        *i = l->next++;
    pthread_mutex_unlock(&l->lock);
    return any;
}

static void give(struct loading *l, size_t i, struct engine *part, enum err e)
{
    pthread_mutex_lock(&l->lock);
    if (e == ERR_NONE)
        e = engine_load_join(l->engine, part);
    if (e != ERR_NONE && (l->err == ERR_NONE || i < l->failed)) {
        l->err = e;
        l->failed = i;
    }
    pthread_mutex_unlock(&l->lock);
}

static void *load_ranges(void *ctx)
{
    struct loading *l = ctx;
    struct engine *part = engine_new_empty(l->genesis);
    size_t i;

    while (take(l, &i)) {
        const struct range *r = &l->ranges[i];
        const enum err e = store_each_row(
            l->store, &r->from, r->to_end ? NULL : &r->to, load_row, part);

        if (e == ERR_NONE)
            engine_load_hash(part);
        give(l, i, part, e);
    }
    engine_free(part);
    return NULL;
}

/* Two for each hardware thread: one computes while another waits for the disk.
 * This thread is one of them; if no other can be had it does all. */
static void load_all(struct loading *l)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t thread[THREADS_MAX];
    long count = 0;

    while (count + 1 < 2 * cores && count < THREADS_MAX &&
           pthread_create(&thread[count], NULL, load_ranges, l) == 0)
        count++;
    (void)load_ranges(l);
    for (long i = 0; i < count; i++)
        pthread_join(thread[i], NULL);
}

static enum err load_rows(struct engine *engine,
                          const struct genesis *g,
                          struct store *s)
{
    const struct row_key from = {.table = TABLE_SECURITIES};
    const struct row_key to = {.table = TABLE_SECURITIES + 1};
    struct loading l = {.store = s, .genesis = g, .engine = engine};

    pthread_mutex_init(&l.lock, NULL);
    l.err = store_each_row(s, &from, &to, note_security, &l);
    if (l.err == ERR_NONE) {
        cut(&l);
        load_all(&l);
    }
    pthread_mutex_destroy(&l.lock);
    free(l.securities);
    free(l.ranges);
    return l.err;
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
    e = load_rows(*out, g, s);
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
