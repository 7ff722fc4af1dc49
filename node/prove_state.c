/* Rows with their paths: from the state, or hashed anew from the history. */
#include "audit/build.h"
#include "base/check.h"
#include "node/prove_parts.h"

#include <stdlib.h>

static const struct hash zero;

/* ---- lists of leaves ---- */

struct lister {
    struct proving *w;
    struct store_view *v;
    struct prove_list *list;
    size_t cap;
    enum err e;
};

static bool add_leaf(void *ctx, const struct row_key *key, struct bytes row)
{
    struct lister *l = ctx;
    struct prove_list *list = l->list;
    struct hash roots[SECURITY_TREES];
    struct hash h;

    if (key->table == TABLE_SECURITIES) {
        l->e = store_get_security_roots(roots, l->v, &key->key);
        if (l->e != ERR_NONE)
            return false;
        h = proof_security_row_hash(row, roots);
    } else {
        h = proof_row_hash(row);
    }
    if (list->count == l->cap) {
        l->cap = l->cap == 0 ? 64 : 2 * l->cap;
        list->leaves = realloc(list->leaves, l->cap * sizeof list->leaves[0]);
        ASSERT(list->leaves != NULL);
    }
    list->leaves[list->count++] = (struct proof_leaf){key->key, h};
    return true;
}

static void list_free(struct prove_list *l)
{
    free(l->leaves);
    *l = (struct prove_list){0};
}

void prove_forget_big(struct prover *p)
{
    list_free(&p->big);
}

void prove_forget(struct prover *p)
{
    for (uint32_t i = 0; i < PROVE_LISTS_MAX; i++)
        list_free(&p->lists[i]);
    prove_forget_big(p);
}

static size_t bytes_kept(const struct prover *p)
{
    size_t sum = 0;

    for (uint32_t i = 0; i < PROVE_LISTS_MAX; i++)
        sum += p->lists[i].count * sizeof p->lists[i].leaves[0];
    return sum;
}

/* The place for one more list; what was not used for longest goes. */
static struct prove_list *place_for(struct prover *p, size_t count)
{
    const size_t size = count * sizeof(struct proof_leaf);

    if (size > p->cache_bytes)
        return &p->big;
    for (;;) {
        struct prove_list *oldest = NULL;
        struct prove_list *unused = NULL;

        for (uint32_t i = 0; i < PROVE_LISTS_MAX; i++) {
            struct prove_list *l = &p->lists[i];

            if (l->leaves == NULL)
                unused = l;
            else if (oldest == NULL || l->used < oldest->used)
                oldest = l;
        }
        if (unused != NULL && bytes_kept(p) + size <= p->cache_bytes)
            return unused;
        list_free(oldest);
    }
}

static struct prove_list *find_list(struct prover *p,
                                    uint8_t table,
                                    const struct hash *tree,
                                    uint64_t height)
{
    for (uint32_t i = 0; i < PROVE_LISTS_MAX; i++) {
        struct prove_list *l = &p->lists[i];

        if (l->leaves != NULL && l->table == table && l->height == height &&
            hash_eq(&l->tree, tree))
            return l;
    }
    return NULL;
}

/* The leaves of a tree as v shows it; valid until the next call. */
static enum err list_of(const struct prove_list **out,
                        struct proving *w,
                        struct store_view *v,
                        uint8_t table,
                        const struct hash *tree)
{
    const uint64_t height = store_view_height(v);
    struct prove_list *at = find_list(w->p, table, tree, height);
    struct prove_list made = {.table = table, .tree = *tree, .height = height};
    struct lister l = {.w = w, .v = v, .list = &made};
    enum err e;

    if (at == NULL) {
        e = store_each_row_of(v, table, tree, NULL, add_leaf, &l);
        if (e == ERR_NONE)
            e = l.e == ERR_NOT_FOUND ? ERR_CORRUPT : l.e;
        if (e != ERR_NONE) {
            list_free(&made);
            return e;
        }
        at = place_for(w->p, made.count);
        list_free(at);
        *at = made;
    }
    at->used = ++w->p->uses;
    *out = at;
    return ERR_NONE;
}

/* The path of key in a tree as it was, which must have this root. */
static enum err path_of(struct tree_path *out,
                        struct proving *w,
                        struct store_view *v,
                        uint8_t table,
                        const struct hash *tree,
                        const struct hash *key,
                        const struct hash *root)
{
    const struct prove_list *l;
    struct hash made;
    bool present;

    TRY(list_of(&l, w, v, table, tree));
    proof_list_path(out, table, l->leaves, l->count, key);
    if (proof_fold(&made, &present, out, table, key) != ERR_NONE ||
        !hash_eq(&made, root))
        return prove_fail(w,
                          ERR_CORRUPT,
                          "the history of this node does not have the root of "
                          "that block: ask another node");
    return ERR_NONE;
}

/* ---- rows ---- */

/* The roots of the tables after a block. */
static enum err slots_at(struct hash out[TABLE_SLOTS],
                         struct proving *w,
                         uint64_t height)
{
    struct roots_reader r;
    struct bytes bytes;

    TRY(prove_block_part(&bytes, w->p, height, STORE_ROOTS));
    return state_roots_open(&r, out, bytes) == ERR_NONE ? ERR_NONE
                                                        : ERR_CORRUPT;
}

static enum err row_at(struct receipt_row *out,
                       struct proving *w,
                       struct store_view *v,
                       uint8_t table,
                       const struct hash *key,
                       const char *none)
{
    const struct row_key k = {table, zero, *key};
    struct hash slots[TABLE_SLOTS];
    struct store_value value;
    const enum err e = store_get_row(&value, v, &k);

    if (e == ERR_NOT_FOUND)
        return prove_fail(w, e, none);
    TRY(e);
    out->row = prove_keep(w->p, &value);
    TRY(slots_at(slots, w, store_view_height(v)));
    proof_slot_path(out->slots, slots, table);
    return path_of(&out->path, w, v, table, &zero, key, &slots[table]);
}

enum err prove_security_at(struct receipt_security *out,
                           struct proving *w,
                           struct store_view *v,
                           const char *code)
{
    const struct hash key = security_key(code);

    TRY(row_at(&out->at,
               w,
               v,
               TABLE_SECURITIES,
               &key,
               "there was no such security then"));
    return store_get_security_roots(out->roots, v, &key);
}

enum err prove_holding_at(struct receipt_holding *out,
                          struct proving *w,
                          struct store_view *v,
                          const struct receipt_security *security,
                          const char *code)
{
    const struct row_key k = {
        TABLE_HOLDINGS, security_key(code), w->q->account};
    struct store_value value;
    const enum err e = store_get_row(&value, v, &k);

    out->row = bytes_of(NULL, 0);
    if (e == ERR_NONE)
        out->row = prove_keep(w->p, &value);
    else if (e != ERR_NOT_FOUND)
        return e;
    return path_of(
        &out->path, w, v, k.table, &k.tree, &k.key, &security->roots[0]);
}

enum err prove_position(struct receipt_position *out, struct proving *w)
{
    if (w->live != NULL) {
        *out = w->live->position;
        return ERR_NONE;
    }
    out->account = w->q->account;
    TRY(row_at(&out->account_row,
               w,
               w->then,
               TABLE_ACCOUNTS,
               &w->q->account,
               "there was no such account then"));
    TRY(prove_security_at(&out->security, w, w->then, w->q->code));
    return prove_holding_at(
        &out->holding, w, w->then, &out->security, w->q->code);
}

/* ---- registers ---- */

struct line_adder {
    struct prover *p;
    struct receipt_list *lines;
    struct proof_list list;
    enum err e;
};

static bool add_line(void *ctx, const struct row_key *key, struct bytes row)
{
    struct line_adder *a = ctx;
    const struct receipt_line line = {key->key, row};
    const struct hash h = proof_row_hash(row);

    if (a->lines->count == RECEIPT_LINES_MAX ||
        a->p->items.size + row.size > a->p->bytes_max)
        a->e = ERR_FULL;
    else
        a->e = proof_list_add(&a->list, &key->key, &h);
    if (a->e == ERR_NONE)
        receipt_add_line(a->lines, &a->p->items, &line);
    return a->e == ERR_NONE;
}

enum err prove_register(struct receipt_register *out, struct proving *w)
{
    const struct hash tree = security_key(w->q->code);
    struct line_adder a = {.p = w->p, .lines = &out->lines};
    struct hash root;

    if (w->live != NULL)
        out->security = w->live->position.security;
    else
        TRY(prove_security_at(&out->security, w, w->then, w->q->code));
    proof_list_begin(&a.list, TABLE_HOLDINGS);
    TRY(store_each_row_of(w->then, TABLE_HOLDINGS, &tree, NULL, add_line, &a));
    if (a.e == ERR_FULL)
        return prove_fail(
            w, a.e, "the register has too many holdings for one receipt");
    root = proof_list_root(&a.list);
    if (a.e != ERR_NONE || !hash_eq(&root, &out->security.roots[0]))
        return prove_fail(w,
                          ERR_CORRUPT,
                          "the history of this node does not have the register "
                          "of that block: ask another node");
    return ERR_NONE;
}
