/* Making a snapshot from rows in order: what is kept of a tree is its right
 * spine, and the pieces that are done. */
#include "state/snapshot_parts.h"

#include "base/check.h"
#include "state/forest.h"

#include <stdlib.h>

_Static_assert(TABLES_USED == 19, "each table has its kind");

enum snapshot_kind snapshot_kind_of(uint8_t table)
{
    switch (table) {
    case TABLE_SECURITIES:
        return SNAPSHOT_SECURITIES;
    case TABLE_HOLDINGS:
    case TABLE_PLEDGES:
    case TABLE_FREEZES:
        return SNAPSHOT_INSIDE;
    case TABLE_REFERENCES:
        return SNAPSHOT_DAYS;
    case TABLE_ACCOUNTS:
    case TABLE_SUBJECTS:
    case TABLE_DUE:
    case TABLE_DRAFTS:
    case TABLE_CLAIMS:
    case TABLE_EVIDENCE:
        return SNAPSHOT_CUT;
    default:
        return SNAPSHOT_INLINE;
    }
}

/* A subtree; whole: it is, or will be in, one piece, which is not cut yet. */
struct part {
    bool whole;
    uint16_t bit; /* between the leaf before it and its first one */
    uint32_t leaves;
    uint64_t bytes;
    struct hash hash;
};

/* A tree that is done. */
struct done {
    uint8_t table;
    struct hash id;
    struct hash root;
    uint32_t pieces;
};

struct row_at {
    struct hash key;
    size_t at; /* in builder.rows */
    uint32_t size;
};

struct snapshot_builder {
    snapshot_out_fn out;
    void *ctx;

    /* the tree that is being read */
    bool any;
    bool started; /* last is a key */
    struct row_key last;
    uint32_t depth;
    struct {
        uint16_t bit;
        struct part left;
    } spine[PROOF_STEPS_MAX];
    struct part right;
    uint32_t first_piece;

    uint32_t piece_count, piece_cap;
    struct part *pieces;
    uint32_t tree_count, tree_cap;
    struct done *trees;
    uint32_t row_count, row_cap; /* of tables in the manifest */
    struct row_at *list;
    uint32_t table_first[TABLES_USED]; /* in list */
    uint32_t table_rows[TABLES_USED];
    struct buf rows;
};

struct snapshot_builder *snapshot_build_new(snapshot_out_fn out, void *ctx)
{
    struct snapshot_builder *b = calloc(1, sizeof *b);

    ASSERT(b != NULL);
    b->out = out;
    b->ctx = ctx;
    return b;
}

void snapshot_build_free(struct snapshot_builder *b)
{
    if (b == NULL)
        return;
    free(b->pieces);
    free(b->trees);
    free(b->list);
    buf_deinit(&b->rows);
    free(b);
}

/* Room for one more item. */
static void *grow(void *list, uint32_t count, uint32_t *cap, size_t size)
{
    if (count < *cap)
        return list;
    *cap = *cap == 0 ? 64 : *cap * 2;
    list = realloc(list, *cap * size);
    ASSERT(list != NULL);
    return list;
}

static void cut(struct snapshot_builder *b, struct part *p)
{
    if (!p->whole)
        return;
    b->pieces =
        grow(b->pieces, b->piece_count, &b->piece_cap, sizeof b->pieces[0]);
    b->pieces[b->piece_count++] = *p;
    p->whole = false;
}

/* The lowest node of the spine is complete.  If it is too large for a piece, so
 * is all that it is in: what stands to its left is cut. */
static void close_node(struct snapshot_builder *b)
{
    const uint32_t at = --b->depth;
    struct part *left = &b->spine[at].left;
    struct part *right = &b->right;
    struct part node = {
        .whole = left->whole && right->whole &&
                 left->leaves + right->leaves <= SNAPSHOT_LEAVES_MAX &&
                 left->bytes + right->bytes <= SNAPSHOT_CHUNK_MAX,
        .bit = left->bit,
        .leaves = left->leaves + right->leaves,
        .bytes = left->bytes + right->bytes,
        .hash = forest_node_hash(
            b->last.table, b->spine[at].bit, &left->hash, &right->hash),
    };

    if (!node.whole) {
        for (uint32_t i = 0; i <= at; i++)
            cut(b, &b->spine[i].left);
        cut(b, right);
        node.leaves = 0; /* not counted any more: it may be without end */
    }
    *right = node;
}

static void end_tree(struct snapshot_builder *b)
{
    if (!b->any)
        return;
    while (b->depth > 0)
        close_node(b);
    cut(b, &b->right);
    b->trees = grow(b->trees, b->tree_count, &b->tree_cap, sizeof b->trees[0]);
    b->trees[b->tree_count++] =
        (struct done){.table = b->last.table,
                      .id = b->last.tree,
                      .root = b->right.hash,
                      .pieces = b->piece_count - b->first_piece};
    b->first_piece = b->piece_count;
    b->any = false;
}

static enum err add_leaf(struct snapshot_builder *b,
                         const struct row_key *key,
                         struct bytes row)
{
    const struct hash row_hash = proof_row_hash(row);
    uint8_t head[SNAPSHOT_LEAF_HEAD];
    struct writer w = writer_of(head, sizeof head);
    uint16_t bit = SNAPSHOT_NO_BIT;

    if (b->any) {
        bit = forest_difference(&b->last.key, &key->key);
        while (b->depth > 0 && b->spine[b->depth - 1].bit > bit)
            close_node(b);
        ASSERT(b->depth < PROOF_STEPS_MAX);
        b->spine[b->depth].bit = bit;
        b->spine[b->depth].left = b->right;
        b->depth++;
    }
    b->any = true;
    b->right = (struct part){
        .whole = true,
        .bit = bit,
        .leaves = 1,
        .bytes = sizeof head + row.size,
        .hash = forest_leaf_hash(key->table, &key->key, &row_hash),
    };
    writer_hash(&w, &key->key);
    writer_u32(&w, (uint32_t)row.size);
    TRY(b->out(b->ctx, writer_bytes(&w)));
    return b->out(b->ctx, row);
}

static void add_row(struct snapshot_builder *b,
                    const struct row_key *key,
                    struct bytes row)
{
    b->list = grow(b->list, b->row_count, &b->row_cap, sizeof b->list[0]);
    b->list[b->row_count] = (struct row_at){
        .key = key->key, .at = b->rows.size, .size = (uint32_t)row.size};
    if (b->table_rows[key->table]++ == 0)
        b->table_first[key->table] = b->row_count;
    b->row_count++;
    buf_append(&b->rows, row.at, row.size);
}

static int order(const struct row_key *a, const struct row_key *b)
{
    int c = (int)a->table - (int)b->table;

    if (c == 0)
        c = hash_cmp(&a->tree, &b->tree);
    return c != 0 ? c : hash_cmp(&a->key, &b->key);
}

enum err snapshot_build_row(struct snapshot_builder *b,
                            const struct row_key *key,
                            struct bytes row)
{
    enum snapshot_kind kind;
    enum err e = ERR_NONE;

    if (key->table >= TABLES_USED || row.size == 0 || row.size > ROW_BYTES_MAX)
        return ERR_RANGE;
    kind = snapshot_kind_of(key->table);
    if (kind != SNAPSHOT_INSIDE && kind != SNAPSHOT_DAYS &&
        !hash_is_zero(&key->tree))
        return ERR_RANGE;
    if (b->started && order(&b->last, key) >= 0)
        return ERR_ORDER;
    if (b->any &&
        (b->last.table != key->table || !hash_eq(&b->last.tree, &key->tree)))
        end_tree(b);
    if (kind == SNAPSHOT_INLINE || kind == SNAPSHOT_SECURITIES)
        add_row(b, key, row);
    else
        e = add_leaf(b, key, row);
    b->last = *key;
    b->started = true;
    return e;
}

/* ---- the body ---- */

static void put_u32(struct buf *out, uint32_t v)
{
    uint8_t raw[4];
    struct writer w = writer_of(raw, sizeof raw);

    writer_u32(&w, v);
    buf_append(out, raw, sizeof raw);
}

static void put_hash(struct buf *out, const struct hash *h)
{
    buf_append(out, h->raw, HASH_BYTES);
}

/* Where the writing of a body is: trees follow each other in order. */
struct body_out {
    struct snapshot_builder *b;
    struct buf *out;
    struct hash slots[TABLE_SLOTS];
    uint32_t tree;  /* next */
    uint32_t piece; /* next */
};

/* The tree of this name, if it has leaves. */
static const struct done *find_tree(const struct snapshot_builder *b,
                                    uint8_t table,
                                    const struct hash *id)
{
    const struct row_key key = {.table = table, .tree = *id};
    uint32_t low = 0;
    uint32_t high = b->tree_count;

    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        const struct row_key at = {.table = b->trees[mid].table,
                                   .tree = b->trees[mid].id};
        const int c = order(&at, &key);

        if (c == 0)
            return &b->trees[mid];
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static struct hash root_of(const struct snapshot_builder *b,
                           uint8_t table,
                           const struct hash *id)
{
    const struct done *t = find_tree(b, table, id);

    return t != NULL ? t->root : (struct hash){{0}};
}

static enum err put_table(struct body_out *x, uint8_t table)
{
    const struct snapshot_builder *b = x->b;
    const bool securities = snapshot_kind_of(table) == SNAPSHOT_SECURITIES;
    struct proof_list list;

    proof_list_begin(&list, table);
    put_u32(x->out, b->table_rows[table]);
    for (uint32_t i = 0; i < b->table_rows[table]; i++) {
        const struct row_at *r = &b->list[b->table_first[table] + i];
        const struct bytes row = bytes_of(b->rows.at + r->at, r->size);
        struct hash roots[SECURITY_TREES];
        struct hash hash = proof_row_hash(row);

        put_hash(x->out, &r->key);
        put_u32(x->out, r->size);
        buf_append(x->out, row.at, row.size);
        for (uint8_t t = 0; securities && t < SECURITY_TREES; t++) {
            roots[t] = root_of(b, (uint8_t)(TABLE_HOLDINGS + t), &r->key);
            put_hash(x->out, &roots[t]);
        }
        if (securities)
            hash = proof_security_row_hash(row, roots);
        TRY(proof_list_add(&list, &r->key, &hash));
    }
    x->slots[table] = proof_list_root(&list);
    return ERR_NONE;
}

static enum err put_days(struct body_out *x)
{
    const struct snapshot_builder *b = x->b;
    const size_t at = x->out->size;
    struct proof_list list;
    struct writer w;

    proof_list_begin(&list, TABLE_REFERENCES);
    put_u32(x->out, 0);
    for (uint32_t i = 0; i < b->tree_count; i++) {
        const struct done *t = &b->trees[i];
        struct hash hash;

        if (t->table != TABLE_REFERENCES)
            continue;
        put_hash(x->out, &t->id);
        put_hash(x->out, &t->root);
        hash = proof_row_hash(bytes_of(t->root.raw, HASH_BYTES));
        TRY(proof_list_add(&list, &t->id, &hash));
    }
    w = writer_of(x->out->at + at, 4);
    writer_u32(&w, (uint32_t)list.count);
    x->slots[TABLE_REFERENCES] = proof_list_root(&list);
    return ERR_NONE;
}

/* The cut of the tree of this name; of none if it has no leaves. */
static void put_tree(struct body_out *x, uint8_t table, const struct hash *id)
{
    const struct snapshot_builder *b = x->b;
    const struct done *t = x->tree < b->tree_count ? &b->trees[x->tree] : NULL;

    if (t == NULL || t->table != table || !hash_eq(&t->id, id)) {
        put_u32(x->out, 0);
        return;
    }
    x->tree++;
    put_u32(x->out, t->pieces);
    for (uint32_t i = 0; i < t->pieces; i++) {
        const struct part *p = &b->pieces[x->piece++];
        uint8_t raw[SNAPSHOT_PIECE_BYTES];
        struct writer w = writer_of(raw, sizeof raw);

        writer_u16(&w, p->bit);
        writer_u32(&w, p->leaves);
        writer_hash(&w, &p->hash);
        buf_append(x->out, raw, w.size);
    }
    if (snapshot_kind_of(table) == SNAPSHOT_CUT)
        x->slots[table] = t->root;
}

static void put_trees(struct body_out *x, uint8_t table)
{
    static const struct hash zero;
    const struct snapshot_builder *b = x->b;
    const uint32_t securities = b->table_rows[TABLE_SECURITIES];

    switch (snapshot_kind_of(table)) {
    case SNAPSHOT_INLINE:
    case SNAPSHOT_SECURITIES:
        break;
    case SNAPSHOT_CUT:
        put_tree(x, table, &zero);
        break;
    case SNAPSHOT_INSIDE:
        for (uint32_t i = 0; i < securities; i++)
            put_tree(
                x, table, &b->list[b->table_first[TABLE_SECURITIES] + i].key);
        break;
    case SNAPSHOT_DAYS:
        while (x->tree < b->tree_count && b->trees[x->tree].table == table)
            put_tree(x, table, &b->trees[x->tree].id);
        break;
    }
}

static void put_chunks(struct body_out *x)
{
    const struct snapshot_builder *b = x->b;
    const size_t at = x->out->size;
    uint32_t count = 0;
    struct writer w;

    put_u32(x->out, 0);
    for (uint32_t i = 0; i < b->piece_count; count++) {
        const uint32_t first = i;
        uint32_t leaves = 0;
        uint64_t bytes = 0;

        while (i < b->piece_count &&
               leaves + b->pieces[i].leaves <= SNAPSHOT_LEAVES_MAX &&
               bytes + b->pieces[i].bytes <= SNAPSHOT_CHUNK_MAX) {
            leaves += b->pieces[i].leaves;
            bytes += b->pieces[i].bytes;
            i++;
        }
        ASSERT(i > first);
        put_u32(x->out, i - first);
        put_u32(x->out, (uint32_t)bytes);
    }
    w = writer_of(x->out->at + at, 4);
    writer_u32(&w, count);
}

enum err snapshot_build_finish(struct snapshot_builder *b,
                               struct buf *body,
                               struct hash *root)
{
    struct body_out x = {.b = b, .out = body};

    end_tree(b);
    for (uint8_t t = 0; t < TABLES_USED; t++) {
        if (snapshot_kind_of(t) == SNAPSHOT_INLINE ||
            snapshot_kind_of(t) == SNAPSHOT_SECURITIES)
            TRY(put_table(&x, t));
    }
    TRY(put_days(&x));
    for (uint8_t t = 0; t < TABLES_USED; t++)
        put_trees(&x, t);
    if (x.tree != b->tree_count)
        return ERR_CORRUPT;
    put_chunks(&x);
    *root = proof_state_root(x.slots);
    return body->size <= SNAPSHOT_MANIFEST_MAX ? ERR_NONE : ERR_FULL;
}
