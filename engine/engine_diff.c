/* What is known here of a block that failed: for the files of a halt. */
#include "base/hex.h"
#include "engine/engine_state.h"
#include "ledger/rows.h"
#include "state/proof.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    CHANGES_SHOWN = 2000,
};

static void add(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);

static void add(struct buf *b, const char *format, ...)
{
    char text[600];
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (size > 0)
        buf_append(b,
                   text,
                   (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

static const char *hex_of(char out[2 * HASH_BYTES + 1], const struct hash *h)
{
    hex_encode(out, h->raw, HASH_BYTES);
    return out;
}

static void compare(struct buf *b,
                    const char *name,
                    const struct hash *said,
                    const struct hash *got)
{
    char x[2 * HASH_BYTES + 1];
    char y[2 * HASH_BYTES + 1];

    add(b,
        "%s %-20s header %s here %s\n",
        hash_eq(said, got) ? "same  " : "DIFFER",
        name,
        hex_of(x, said),
        hex_of(y, got));
}

static void compare_headers(struct buf *b,
                            const struct header *said,
                            const struct header *got)
{
    compare(b, "tx_root", &said->tx_root, &got->tx_root);
    compare(b, "state_root", &said->state_root, &got->state_root);
    compare(b, "change_root", &said->change_root, &got->change_root);
    compare(
        b, "header_log_root", &said->header_log_root, &got->header_log_root);
    compare(
        b, "validators_hash", &said->validators_hash, &got->validators_hash);
    compare(b,
            "next_validators_hash",
            &said->next_validators_hash,
            &got->next_validators_hash);
    compare(b, "params_hash", &said->params_hash, &got->params_hash);
}

/* The header has one root of the state: which table differs shows only beside
 * another node's roots. */
static void list_tables(struct buf *b, struct state *s, const char *when)
{
    struct hash roots[TABLE_SLOTS];
    char x[2 * HASH_BYTES + 1];

    state_slot_roots(s, roots);
    add(b, "\nroots of the tables %s\n", when);
    for (int i = 0; i < TABLE_SLOTS; i++) {
        if (!hash_is_zero(&roots[i]))
            add(b, "%-14s %s\n", table_names[i], hex_of(x, &roots[i]));
    }
}

static const char *row_text(char out[2 * HASH_BYTES + 1], struct bytes row)
{
    struct hash h;

    if (row.size == 0)
        return "-";
    h = proof_row_hash(row);
    return hex_of(out, &h);
}

static void list_changes(struct buf *b, const struct change_set *set)
{
    add(b,
        "\nrows the block changes here: %u, trees dropped: %u\n"
        "table tree key row_hash_before row_hash_after\n",
        set->count,
        set->drop_count);
    for (uint32_t i = 0; i < set->count && i < CHANGES_SHOWN; i++) {
        const struct change *c = &set->list[i];
        char tree[2 * HASH_BYTES + 1];
        char key[2 * HASH_BYTES + 1];
        char old_row[2 * HASH_BYTES + 1];
        char new_row[2 * HASH_BYTES + 1];

        add(b,
            "%s %s %s %s %s\n",
            table_names[c->key.table],
            hex_of(tree, &c->key.tree),
            hex_of(key, &c->key.key),
            row_text(old_row, c->old_row),
            row_text(new_row, c->new_row));
    }
    if (set->count > CHANGES_SHOWN)
        add(b, "... and %u more\n", set->count - CHANGES_SHOWN);
}

void engine_note_frame(struct engine *e,
                       const struct header *said,
                       const char *why)
{
    struct buf *b = &e->difference;
    const struct hash asked = header_hash(said);
    char x[2 * HASH_BYTES + 1];

    buf_clear(b);
    add(b,
        "block   %s\nheight  %llu\nreason  %s\ntip     %llu ",
        hex_of(x, &asked),
        (unsigned long long)said->height,
        why,
        (unsigned long long)e->tip.height);
    add(b, "%s\n\n", hex_of(x, &e->tip_hash));
}

void engine_note_difference(struct engine *e,
                            const struct header *said,
                            const struct header *got,
                            const char *why)
{
    struct buf *b = &e->difference;

    engine_note_frame(e, said, why);
    if (e->now.any && !e->now.committed) { /* it was executed to the end */
        compare_headers(b, said, got);
        list_tables(b, e->state, "after the block, here");
        list_changes(b, &e->now.block.changes);
    } else {
        add(b,
            "transactions executed before it failed: %u of %u\n",
            e->now.tx_count,
            said->tx_count);
    }
}

void engine_note_load(struct engine *e,
                      const struct header *tip,
                      const struct hash *root)
{
    buf_clear(&e->difference);
    compare(&e->difference, "state_root", &tip->state_root, root);
    list_tables(&e->difference, e->state, "as loaded");
}

void engine_note_tip(struct engine *e)
{
    list_tables(&e->difference, e->state, "at the tip, before the block");
}

struct bytes engine_difference(const struct engine *e)
{
    return buf_bytes(&e->difference);
}
