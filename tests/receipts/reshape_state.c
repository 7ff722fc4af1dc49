/* Rows and lists of a receipt, changed. */
#include "tests/receipts/reshape_parts.h"

#include <string.h>

/* ---- rows ---- */

static struct receipt_position *position_of(struct receipt *r)
{
    return receipt_has_position(r->kind)  ? &r->of.position
           : r->kind == RECEIPT_STATEMENT ? &r->of.statement.now
                                          : NULL;
}

static struct receipt_security *security_of(struct receipt *r)
{
    return r->kind == RECEIPT_REGISTER ? &r->of.reg.security
           : position_of(r) != NULL    ? &position_of(r)->security
                                       : NULL;
}

bool in_security(struct receipt *r, struct receipt *o, struct reshape *s)
{
    struct receipt_security *x = security_of(r);
    const struct receipt_security *y = security_of(o);
    const uint64_t how = shape_roll(s, 6);

    if (x == NULL)
        return false;
    if (how == 0)
        return shape_tree_path(&x->at.path, s);
    if (how == 1)
        shape_swap(&x->at.slots[shape_roll(s, PROOF_SLOT_STEPS)],
                   &x->at.slots[shape_roll(s, PROOF_SLOT_STEPS)]);
    else if (how == 2)
        shape_swap(&x->roots[0], &x->roots[1 + shape_roll(s, 2)]);
    else if (how == 3)
        x->at.row = shape_flipped(s, x->at.row);
    else if (y == NULL)
        return false;
    else if (how == 4)
        *x = *y;
    else
        x->roots[0] = y->roots[0];
    return true;
}

/* The row is taken away and another leaf said to be in its place, or the tree
 * said to be empty: what has a row is shown as absent, or the reverse. */
static void change_presence(struct receipt_position *p,
                            const struct receipt_position *q,
                            struct reshape *s)
{
    struct receipt_holding *h = &p->holding;

    if (h->row.size == 0 && q != NULL) {
        h->row = q->holding.row;
        return;
    }
    h->row = bytes_of(NULL, 0);
    h->path.empty = false;
    h->path.leaf_key = q != NULL ? q->account : p->account;
    if (shape_roll(s, 2) == 0)
        h->path.leaf_key.raw[shape_roll(s, HASH_BYTES)] ^= 1;
    else if (shape_roll(s, 2) == 0)
        h->path = (struct tree_path){.empty = true};
}

bool in_position(struct receipt *r, struct receipt *o, struct reshape *s)
{
    struct receipt_position *p = position_of(r);
    const struct receipt_position *q = position_of(o);

    if (p == NULL)
        return false;
    switch (shape_roll(s, 8)) {
    case 0:
        if (!p->holding.path.empty)
            return shape_tree_path(&p->holding.path, s);
        return false;
    case 1:
        return shape_tree_path(&p->account_row.path, s);
    case 2:
        change_presence(p, q, s);
        return true;
    case 3:
        p->account_row.row = shape_flipped(s, p->account_row.row);
        return true;
    case 4:
        if (p->holding.row.size == 0)
            return false;
        p->holding.row = shape_flipped(s, p->holding.row);
        return true;
    case 5:
        if (q == NULL)
            return false;
        p->account = q->account;
        return true;
    case 6:
        if (q == NULL)
            return false;
        p->account_row = q->account_row;
        return true;
    default:
        if (q == NULL)
            return false;
        p->holding = q->holding;
        return true;
    }
}

/* ---- lists ---- */

enum {
    ITEMS = 64,
};

/* How a list of n is changed: order[] of its items, n + 1 at most; an item of
 * the number n stands for a foreign one. */
static uint32_t change_order(uint32_t order[ITEMS + 1],
                             uint32_t n,
                             struct reshape *s)
{
    const uint32_t i = n > 0 ? (uint32_t)shape_roll(s, n) : 0;
    const uint32_t k = n > 0 ? (uint32_t)shape_roll(s, n) : 0;
    const uint64_t how = n > 0 ? shape_roll(s, 4) : 3;

    for (uint32_t x = 0; x < n; x++)
        order[x] = x;
    if (how == 0) { /* left out */
        memmove(&order[i], &order[i + 1], (n - i - 1) * sizeof order[0]);
        return n - 1;
    }
    if (how == 1) { /* reordered */
        order[i] = k;
        order[k] = i;
        return n;
    }
    memmove(&order[i + 1], &order[i], (n - i) * sizeof order[0]);
    order[i] = how == 2 ? k : n; /* doubled, or a foreign one put in */
    return n + 1;
}

static uint32_t read_lines(struct receipt_line *list, const struct receipt *r)
{
    struct reader in = receipt_items(&r->of.reg.lines);
    uint32_t n = 0;

    while (n < ITEMS && receipt_next_line(&in, &list[n]))
        n++;
    return n;
}

bool in_lines(struct receipt *r, struct receipt *o, struct reshape *s)
{
    static struct receipt_line own[ITEMS + 1];
    static struct receipt_line others[ITEMS];
    uint32_t order[ITEMS + 1];
    struct buf bytes = {0};
    uint32_t n;
    uint32_t m = 0;
    uint32_t count;

    if (r->kind != RECEIPT_REGISTER)
        return false;
    n = read_lines(own, r);
    if (o->kind == RECEIPT_REGISTER)
        m = read_lines(others, o);
    if (n == 0 && m == 0)
        return false;
    if (m > 0)
        own[n] = others[shape_roll(s, m)];
    else
        own[n] = own[n - 1];
    if (m == 0)
        own[n].account.raw[shape_roll(s, HASH_BYTES)] ^= 1;
    count = n;
    if (shape_roll(s, 4) == 0 && n > 0) {
        for (uint32_t x = 0; x < n; x++)
            order[x] = x;
        own[shape_roll(s, n)].row = shape_flipped(s, own[shape_roll(s, n)].row);
    } else {
        count = change_order(order, n, s);
    }
    r->of.reg.lines = (struct receipt_list){0};
    for (uint32_t i = 0; i < count; i++)
        receipt_add_line(&r->of.reg.lines, &bytes, &own[order[i]]);
    shape_put_list(&r->of.reg.lines, &bytes, s);
    return true;
}

static uint32_t read_events(struct receipt_event *list, const struct receipt *r)
{
    struct reader in = receipt_items(&r->of.statement.events);
    uint32_t n = 0;

    while (n < ITEMS && receipt_next_event(&in, &list[n]))
        n++;
    return n;
}

static void change_event(struct receipt_event *e, struct reshape *s)
{
    switch (shape_roll(s, 4)) {
    case 0:
        e->salt[shape_roll(s, SALT_BYTES)] ^= 1;
        return;
    case 1:
        e->height += shape_roll(s, 2) == 0 ? 1 : UINT64_MAX;
        return;
    case 2:
        e->index += 1;
        return;
    default:
        e->event = shape_flipped(s, e->event);
    }
}

bool in_events(struct receipt *r, struct receipt *o, struct reshape *s)
{
    static struct receipt_event own[ITEMS + 1];
    static struct receipt_event others[ITEMS];
    struct receipt_list *list = &r->of.statement.events;
    uint32_t order[ITEMS + 1];
    struct buf bytes = {0};
    uint32_t n;
    uint32_t m = 0;
    uint32_t count;

    if (r->kind != RECEIPT_STATEMENT)
        return false;
    n = read_events(own, r);
    if (o->kind == RECEIPT_STATEMENT)
        m = read_events(others, o);
    if (n == 0 && m == 0)
        return false;
    own[n] = m > 0 ? others[shape_roll(s, m)] : own[n - 1];
    count = n;
    if (shape_roll(s, 2) == 0 && n > 0) {
        for (uint32_t x = 0; x < n; x++)
            order[x] = x;
        change_event(&own[shape_roll(s, n)], s);
    } else {
        count = change_order(order, n, s);
    }
    *list = (struct receipt_list){0};
    for (uint32_t i = 0; i < count; i++)
        receipt_add_event(list, &bytes, &own[order[i]]);
    shape_put_list(list, &bytes, s);
    return true;
}

bool in_opening(struct receipt *r, struct receipt *o, struct reshape *s)
{
    struct receipt_statement *x = &r->of.statement;
    const struct receipt_statement *y = &o->of.statement;

    if (r->kind != RECEIPT_STATEMENT)
        return false;
    if (!x->from_start && shape_roll(s, 6) == 0) {
        x->from_start = true;
        return true;
    }
    if (x->from_start) {
        if (o->kind != RECEIPT_STATEMENT || y->from_start)
            return false;
        x->from_start = false;
        x->earlier_header = y->earlier_header;
        x->earlier_path = y->earlier_path;
        x->earlier_security = y->earlier_security;
        x->earlier_holding = y->earlier_holding;
        return true;
    }
    switch (shape_roll(s, 4)) {
    case 0:
        x->earlier_header = o->block.header;
        return true;
    case 1:
        return shape_log_path(&x->earlier_path, &o->link_path, s);
    case 2:
        x->earlier_security = x->now.security;
        return true;
    default:
        if (x->now.holding.row.size == 0)
            return false;
        x->earlier_holding = x->now.holding;
        return true;
    }
}
