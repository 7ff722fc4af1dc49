/* Properties of the state, for any rows in any order:
 *   P1  the root is that of the definition, whatever the history (T1), and
 *       a state loaded row by row, in parts or whole, has it too
 *   P2  undoing blocks in reverse order restores each root and each row (T2)
 *   P3  every key is proven, present or absent, by its path
 *   P4  no changed path is accepted for what it did not say
 *
 * SEED=n in the environment repeats a run. */
#include "base/num.h"
#include "state/proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/property/tree_model.h"

static uint64_t seed = 1;

enum {
    CHANGES_MAX = 64,
};

/* A block: rows as they will be, and which days go. */
struct block {
    struct change list[CHANGES_MAX];
    uint8_t rows[CHANGES_MAX][MODEL_ROW_BYTES];
    struct row_key drops[4];
    struct change_set set;
};

static struct row_key random_row_key(struct dice *d)
{
    static const uint8_t tables[] = {TABLE_ACCOUNTS,
                                     TABLE_SECURITIES,
                                     TABLE_HOLDINGS,
                                     TABLE_HOLDINGS,
                                     TABLE_PLEDGES,
                                     TABLE_FREEZES,
                                     TABLE_REFERENCES,
                                     TABLE_PARAMS};
    struct row_key k = {.table = tables[dice_below(d, 8)]};

    k.key = dice_key(d);
    if (k.table == TABLE_REFERENCES)
        k.tree = day_key(dice_below(d, 5));
    else if (k.table >= TABLE_HOLDINGS && k.table <= TABLE_FREEZES)
        k.tree.raw[0] = (uint8_t)dice_below(d, 4);
    else if (k.table == TABLE_SECURITIES && dice_below(d, 2) == 0) {
        k.key = (struct hash){{0}};
        k.key.raw[0] = (uint8_t)dice_below(d, 4);
    }
    return k;
}

static int by_key(const void *a, const void *b)
{
    return model_cmp(&((const struct change *)a)->key,
                     &((const struct change *)b)->key);
}

static bool is_dropped(const struct block *b, const struct row_key *k)
{
    for (uint32_t i = 0; i < b->set.drop_count; i++) {
        if (k->table == TABLE_REFERENCES &&
            hash_eq(&b->drops[i].tree, &k->tree))
            return true;
    }
    return false;
}

static struct row_key some_key(struct dice *d, const struct model *m)
{
    if (m->count > 0 && dice_below(d, 2) == 0)
        return m->rows[dice_below(d, m->count)].key;
    return random_row_key(d);
}

static void random_block(struct block *b, struct dice *d, const struct model *m)
{
    const uint32_t wanted = dice_below(d, CHANGES_MAX);
    uint32_t n = 0;

    b->set = (struct change_set){.list = b->list, .drops = b->drops};
    for (uint32_t day = 0; day < 4; day++) {
        if (dice_below(d, 8) == 0)
            b->drops[b->set.drop_count++] =
                (struct row_key){TABLE_REFERENCES, day_key(day), {{0}}};
    }
    for (uint32_t i = 0; i < wanted; i++) {
        const struct row_key k = some_key(d, m);
        struct change *c = &b->list[n];
        bool twice = is_dropped(b, &k);

        for (uint32_t j = 0; j < n; j++)
            twice = twice || model_cmp(&b->list[j].key, &k) == 0;
        if (twice)
            continue;
        c->key = k;
        c->old_row = model_get(m, &k);
        for (uint32_t j = 0; j < MODEL_ROW_BYTES; j++)
            b->rows[n][j] = (uint8_t)dice_u64(d);
        c->new_row = bytes_of(
            b->rows[n],
            dice_below(d, 3) == 0 ? 0 : 1 + dice_below(d, MODEL_ROW_BYTES));
        n++;
    }
    b->set.count = n;
    qsort(b->list, n, sizeof b->list[0], by_key);
}

static void apply_to_model(struct model *m, const struct block *b)
{
    for (uint32_t i = 0; i < m->count;) {
        if (is_dropped(b, &m->rows[i].key))
            model_set(m, &m->rows[i].key, bytes_of(NULL, 0));
        else
            i++;
    }
    for (uint32_t i = 0; i < b->set.count; i++)
        model_set(m, &b->list[i].key, b->list[i].new_row);
}

static void assert_same_hash(const struct hash *a, const struct hash *b)
{
    assert_memory_equal(a->raw, b->raw, sizeof a->raw);
}

static void assert_state_is(struct state *s, const struct model *m)
{
    const struct hash expected = model_root(m);
    const struct hash root = state_root(s);
    uint64_t rows = 0;

    assert_same_hash(&root, &expected);
    for (uint8_t t = 0; t < TABLES_USED; t++)
        rows += state_row_count(s, t);
    assert_int_equal(rows, m->count);
    for (uint32_t i = 0; i < m->count; i++) {
        const struct model_row *r = &m->rows[i];

        assert_true(bytes_eq(state_get(s, &r->key), bytes_of(r->row, r->size)));
    }
}

/* A state with the rows of m, loaded in random order. */
static struct state *loaded(const struct model *m, struct dice *d)
{
    struct state *s = state_new();
    uint32_t *order = calloc(m->count + 1, sizeof *order);

    assert_non_null(order);
    for (uint32_t i = 0; i < m->count; i++) {
        const uint32_t j = dice_below(d, i + 1);

        order[i] = order[j];
        order[j] = i;
    }
    for (uint32_t i = 0; i < m->count; i++) {
        const struct model_row *r = &m->rows[order[i]];

        assert_int_equal(state_load(s, &r->key, bytes_of(r->row, r->size)),
                         ERR_NONE);
        assert_int_equal(state_load(s, &r->key, bytes_of("x", 1)), ERR_EXISTS);
    }
    free(order);
    return s;
}

enum {
    PARTS = 4,
};

/* The part where a tree is loaded. */
static uint32_t part_of(const struct row_key *k, uint64_t salt)
{
    return (uint32_t)((k->table * 7u + k->tree.raw[0] + salt) % PARTS);
}

/* The rows of m in parts, forwards or backwards, hashed in between or not. */
static struct state *loaded_in_parts(const struct model *m, struct dice *d)
{
    struct state *s = state_new();
    struct state *part = state_new();
    const uint64_t salt = dice_below(d, PARTS);
    const bool backwards = dice_below(d, 3) == 0;

    for (uint32_t p = 0; p < PARTS; p++) {
        for (uint32_t i = 0; i < m->count; i++) {
            const struct model_row *r =
                &m->rows[backwards ? m->count - 1 - i : i];

            if (part_of(&r->key, salt) == p)
                assert_int_equal(
                    state_load(part, &r->key, bytes_of(r->row, r->size)),
                    ERR_NONE);
            if (part_of(&r->key, salt) == p && dice_below(d, 8) == 0)
                assert_int_equal(state_load(part, &r->key, bytes_of("x", 1)),
                                 ERR_EXISTS);
            if (dice_below(d, 16) == 0)
                state_hash_inside(part);
        }
        if (dice_below(d, 2) == 0)
            state_hash_inside(part);
        assert_int_equal(state_join(s, part), ERR_NONE);
        for (uint8_t t = 0; t < TABLES_USED; t++)
            assert_int_equal(state_row_count(part, t), 0);
    }
    state_free(part);
    return s;
}

/* What was joined goes on like any other state. */
static void assert_goes_on(struct state *s,
                           const struct model *m,
                           struct dice *d)
{
    static struct model after;
    static struct block b;
    struct state_undo *undo;
    struct hash root;

    after = *m;
    random_block(&b, d, &after);
    apply_to_model(&after, &b);
    state_apply(s, &root, &undo, &b.set);
    assert_state_is(s, &after);
    state_undo(s, undo);
    assert_state_is(s, m);
}

static void test_tree_any_history_gives_the_root_of_the_definition(void **x)
{
    struct dice d = {seed};
    static struct model m;
    static struct block b;

    (void)x;
    for (uint32_t round = 0; round < 20; round++) {
        struct state *s = state_new();

        m.count = 0;
        for (uint32_t i = 0; i < 12; i++) {
            struct state_undo *undo;
            struct hash root;
            struct hash expected;

            random_block(&b, &d, &m);
            state_apply(s, &root, &undo, &b.set);
            state_undo_free(undo);
            apply_to_model(&m, &b);
            expected = model_root(&m);
            assert_same_hash(&root, &expected);
        }
        assert_state_is(s, &m);
        state_free(s);
        s = loaded(&m, &d);
        assert_state_is(s, &m);
        state_free(s);
        s = loaded_in_parts(&m, &d);
        assert_state_is(s, &m);
        assert_goes_on(s, &m, &d);
        state_free(s);
    }
}

enum {
    DEEP = 6,
};

static void test_tree_undo_restores_every_root_and_row(void **x)
{
    struct dice d = {seed ^ 0x5eed};
    static struct model before[DEEP + 1];
    static struct block b;

    (void)x;
    for (uint32_t round = 0; round < 25; round++) {
        struct state *s = state_new();
        struct state_undo *undo[DEEP];
        struct hash root;

        before[0].count = 0;
        for (uint32_t i = 0; i < 4; i++) { /* what is never undone */
            random_block(&b, &d, &before[0]);
            state_apply(s, &root, &undo[0], &b.set);
            state_undo_free(undo[0]);
            apply_to_model(&before[0], &b);
        }
        for (uint32_t i = 0; i < DEEP; i++) {
            random_block(&b, &d, &before[i]);
            before[i + 1] = before[i];
            apply_to_model(&before[i + 1], &b);
            state_apply(s, &root, &undo[i], &b.set);
        }
        for (uint32_t i = DEEP; i > 0; i--) {
            assert_state_is(s, &before[i]);
            state_undo(s, undo[i - 1]);
        }
        assert_state_is(s, &before[0]);
        state_free(s);
    }
}

struct proof_world {
    struct model *m;
    struct state *s;
    struct dice d;
    uint32_t absences;
    uint32_t presences;
    uint32_t mutations;
    uint32_t accepted;
};

static void check_true_proof(struct proof_world *w,
                             const struct row_key *k,
                             const struct tree_path *p)
{
    const struct hash expected = state_tree_root(w->s, k->table, &k->tree);
    const struct bytes row = model_get(w->m, k);
    struct hash root;
    bool present;

    assert_int_equal(proof_fold(&root, &present, p, k->table, &k->key),
                     ERR_NONE);
    assert_same_hash(&root, &expected);
    assert_int_equal(present, row.size > 0);
    if (present && k->table != TABLE_SECURITIES) {
        const struct hash h = proof_row_hash(row);

        assert_same_hash(&h, &p->leaf_row_hash);
    }
    if (present)
        w->presences++;
    else
        w->absences++;
}

static void mutate(struct tree_path *p,
                   struct hash *key,
                   uint8_t *table,
                   struct dice *d)
{
    const uint32_t i = p->count > 0 ? dice_below(d, p->count) : 0;
    const uint8_t flip = (uint8_t)(1u << dice_below(d, 8));
    const uint32_t at = dice_below(d, 32);

    switch (dice_below(d, 10)) {
    case 0:
        p->siblings[i].raw[at] ^= flip;
        if (p->count == 0)
            p->leaf_key.raw[at] ^= flip;
        break;
    case 1:
        p->bits[i] = (uint16_t)(p->bits[i] ^ (1u << dice_below(d, 9)));
        if (p->count == 0)
            p->empty = !p->empty;
        break;
    case 2:
        p->leaf_row_hash.raw[at] ^= flip;
        break;
    case 3:
        p->leaf_key = *key;
        break;
    case 4:
        p->leaf_key.raw[at] ^= flip;
        break;
    case 5: /* a step less, at either end */
        if (p->count > 0 && dice_below(d, 2) == 0) {
            p->count--;
            memmove(p->bits, p->bits + 1, p->count * sizeof p->bits[0]);
            memmove(
                p->siblings, p->siblings + 1, p->count * sizeof p->siblings[0]);
        } else if (p->count > 0) {
            p->count--;
        }
        break;
    case 6:
        p->count += 1 + dice_below(d, 300);
        break;
    case 7:
        p->empty = !p->empty;
        break;
    case 8:
        key->raw[at] ^= flip;
        break;
    case 9:
        *table = (uint8_t)(*table ^ (1u << dice_below(d, 3)));
        break;
    }
}

/* Whether what a path is accepted for is what the state says. */
static bool is_true(struct proof_world *w,
                    const struct row_key *k,
                    const struct tree_path *p,
                    bool present)
{
    const struct bytes row = model_get(w->m, k);
    struct tree_path honest;

    if (present != (row.size > 0))
        return false;
    proof_tree(&honest, w->s, k);
    return hash_eq(&honest.leaf_row_hash, &p->leaf_row_hash) &&
           hash_eq(&honest.leaf_key, &p->leaf_key) &&
           honest.count == p->count && honest.empty == p->empty;
}

static void check_mutations(struct proof_world *w,
                            const struct row_key *k,
                            const struct tree_path *p)
{
    static struct tree_path bad;

    for (uint32_t i = 0; i < 20; i++) {
        struct row_key asked = *k;
        const struct hash expected = state_tree_root(w->s, k->table, &k->tree);
        struct hash root;
        bool present;

        bad = *p;
        mutate(&bad, &asked.key, &asked.table, &w->d);
        w->mutations++;
        if (asked.table == k->table && bad.count <= PROOF_STEPS_MAX &&
            memcmp(&bad, p, sizeof bad) == 0 && hash_eq(&asked.key, &k->key))
            continue; /* nothing was changed */
        if (proof_fold(&root, &present, &bad, asked.table, &asked.key) !=
                ERR_NONE ||
            !hash_eq(&root, &expected))
            continue;
        if (asked.table != k->table && !bad.empty)
            w->accepted++;
        else if (asked.table == k->table && !is_true(w, &asked, &bad, present))
            w->accepted++;
    }
}

static void test_tree_proofs_prove_and_changed_ones_do_not(void **x)
{
    static struct model m;
    static struct block b;
    static struct tree_path p;
    struct proof_world w = {.m = &m, .d = {seed ^ 0x9f00f}};

    (void)x;
    for (uint32_t round = 0; round < 4; round++) {
        struct hash root;
        struct state_undo *undo;

        w.s = state_new();
        m.count = 0;
        for (uint32_t i = 0; i < 1 + round * 8; i++) {
            random_block(&b, &w.d, &m);
            state_apply(w.s, &root, &undo, &b.set);
            state_undo_free(undo);
            apply_to_model(&m, &b);
        }
        for (uint32_t i = 0; i < 700; i++) {
            const struct row_key k = some_key(&w.d, &m);

            proof_tree(&p, w.s, &k);
            check_true_proof(&w, &k, &p);
            check_mutations(&w, &k, &p);
        }
        state_free(w.s);
    }
    printf("proofs: %u present, %u absent; mutated: %u of %u accepted\n",
           w.presences,
           w.absences,
           w.accepted,
           w.mutations);
    assert_true(w.presences > 500);
    assert_true(w.absences > 500);
    assert_int_equal(w.accepted, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_tree_any_history_gives_the_root_of_the_definition),
        cmocka_unit_test(test_tree_undo_restores_every_root_and_row),
        cmocka_unit_test(test_tree_proofs_prove_and_changed_ones_do_not),
    };

    if (!dice_seed(&seed))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
