/* Who vouches for a block, and what is in blocks, changed. */
#include "base/check.h"
#include "tests/receipts/reshape_parts.h"

#include <string.h>

uint64_t shape_roll(struct reshape *s, uint64_t below)
{
    return s->roll(s->ctx, below);
}

struct bytes shape_keep(struct reshape *s, struct bytes b)
{
    uint8_t *at = arena_alloc(s->room, b.size > 0 ? b.size : 1);

    if (b.size > 0)
        memcpy(at, b.at, b.size);
    return bytes_of(at, b.size);
}

/* A copy with one bit changed. */
struct bytes shape_flipped(struct reshape *s, struct bytes b)
{
    uint8_t *at = arena_alloc(s->room, b.size);

    memcpy(at, b.at, b.size);
    at[shape_roll(s, b.size)] ^= (uint8_t)(1u << shape_roll(s, 8));
    return bytes_of(at, b.size);
}

void shape_swap(struct hash *a, struct hash *b)
{
    const struct hash kept = *a;

    *a = *b;
    *b = kept;
}

/* ---- certificates ---- */

static void change_signers(struct cert *c, struct reshape *s, uint32_t n)
{
    const uint32_t i = (uint32_t)shape_roll(s, n);
    const uint32_t k = (uint32_t)shape_roll(s, n);
    const uint32_t bit = (uint32_t)shape_roll(s, 8);
    const struct signature kept = c->sigs[i];

    switch (shape_roll(s, 5)) {
    case 0: /* one signs twice */
        c->sigs[i] = c->sigs[k];
        return;
    case 1: /* in another order */
        c->sigs[i] = c->sigs[k];
        c->sigs[k] = kept;
        return;
    case 2: /* one short */
        c->bitmap &= c->bitmap - 1;
        memmove(&c->sigs[0], &c->sigs[1], (n - 1) * sizeof c->sigs[0]);
        return;
    case 3: /* one bogus beside a quorum */
        c->bitmap |= ~c->bitmap & (c->bitmap + 1);
        if (n < VALIDATORS_MAX)
            c->sigs[n] = kept;
        return;
    default: /* another member, or none at all, is said to have signed */
        c->bitmap ^= 1u << bit;
        c->bitmap ^= 1u << shape_roll(s, 8);
    }
}

static bool change_cert(struct bytes *bytes, struct reshape *s)
{
    static uint8_t room[CERT_BYTES_MAX + SIGNATURE_BYTES];
    static struct cert c;
    struct reader r = reader_of(*bytes);
    struct writer w = writer_of(room, sizeof room);
    const uint64_t by = shape_roll(s, 2) == 0 ? 1 : UINT64_MAX;

    memset(&c, 0, sizeof c);
    cert_read(&r, &c);
    if (r.err != ERR_NONE || c.bitmap == 0)
        return false;
    switch (shape_roll(s, 10)) {
    case 0:
        c.kind ^= (uint8_t)(1 + shape_roll(s, 3));
        break;
    case 1:
        c.epoch += by;
        break;
    case 2:
        c.about.view += by;
        break;
    case 3:
        c.about.parent_view += by;
        break;
    case 4:
        c.about.height += by;
        break;
    default:
        change_signers(&c, s, (uint32_t)__builtin_popcount(c.bitmap));
    }
    cert_encode(&w, &c);
    if (!writer_ok(&w) || w.size > CERT_BYTES_MAX)
        return false;
    *bytes = shape_keep(s, writer_bytes(&w));
    return true;
}

static bool in_block_cert(struct receipt *r,
                          struct receipt *o,
                          struct reshape *s)
{
    (void)o;
    return change_cert(&r->block.cert, s);
}

static bool in_successor(struct receipt *r,
                         struct receipt *o,
                         struct reshape *s)
{
    if ((r->parts & RECEIPT_AS_OF) == 0)
        return false;
    switch (shape_roll(s, 4)) {
    case 0:
        return change_cert(&r->successor.cert, s);
    case 1:
        r->successor = o->block;
        return true;
    case 2:
        r->successor = r->block;
        return true;
    default:
        r->successor.header = shape_flipped(s, r->successor.header);
        return true;
    }
}

/* The block of another receipt, or half of it. */
static bool in_block(struct receipt *r, struct receipt *o, struct reshape *s)
{
    switch (shape_roll(s, 4)) {
    case 0:
        r->block = o->block;
        return true;
    case 1:
        r->block.header = o->block.header;
        return true;
    case 2:
        r->block.cert = o->block.cert;
        return true;
    default:
        r->block.header = shape_flipped(s, r->block.header);
        return true;
    }
}

/* ---- sets and epochs ---- */

static void change_set(struct valset *set, struct reshape *s)
{
    const uint32_t i = (uint32_t)shape_roll(s, set->count);

    switch (shape_roll(s, 4)) {
    case 0:
        set->count -= set->count > 1 ? 1 : 0;
        set->epoch += set->count == 1 ? 1 : 0;
        return;
    case 1:
        set->list[i].institution++;
        return;
    case 2:
        set->list[i].spki_hash.raw[shape_roll(s, HASH_BYTES)] ^= 4;
        return;
    default:
        set->epoch += shape_roll(s, 2) == 0 ? 1 : UINT64_MAX;
    }
}

static bool in_anchor(struct receipt *r, struct receipt *o, struct reshape *s)
{
    switch (shape_roll(s, 4)) {
    case 0:
        r->anchor = o->anchor;
        return true;
    case 1:
        r->anchor.set = o->anchor.set;
        return true;
    case 2:
        r->anchor.header =
            shape_roll(s, 2) == 0 ? o->anchor.header : o->block.header;
        return true;
    default:
        change_set(&r->anchor.set, s);
        return true;
    }
}

enum {
    EPOCHS = 8,
};

static uint32_t read_epochs(struct receipt_epoch list[EPOCHS],
                            const struct receipt *r)
{
    struct reader in = receipt_items(&r->epochs);
    uint32_t n = 0;

    while (n < EPOCHS && receipt_next_epoch(&in, &list[n]))
        n++;
    return n;
}

void shape_put_list(struct receipt_list *list,
                    struct buf *bytes,
                    struct reshape *s)
{
    list->items = shape_keep(s, buf_bytes(bytes));
    buf_deinit(bytes);
}

/* Left out, repeated, out of order, of another receipt, or changed. */
static bool in_epochs(struct receipt *r, struct receipt *o, struct reshape *s)
{
    static struct receipt_epoch own[EPOCHS + 1];
    static struct receipt_epoch others[EPOCHS];
    uint32_t n = read_epochs(own, r);
    const uint32_t m = read_epochs(others, o);
    const uint32_t i = n > 0 ? (uint32_t)shape_roll(s, n) : 0;
    const uint64_t how = shape_roll(s, 7);
    struct buf bytes = {0};

    if (n == 0 && (how != 3 || m == 0))
        return false;
    if (how == 0) {
        memmove(&own[i], &own[i + 1], (n - i - 1) * sizeof own[0]);
        n--;
    } else if (how == 1) {
        own[n] = own[i];
        n++;
    } else if (how == 2) {
        const struct receipt_epoch kept = own[0];

        own[0] = own[n - 1];
        own[n - 1] = kept;
    } else if (how == 3 && m > 0) {
        own[n] = others[shape_roll(s, m)];
        n++;
    } else if (how == 4) {
        own[i].block = o->block;
    } else if (how == 5) {
        change_set(&own[i].next, s);
    } else if (!change_cert(&own[i].block.cert, s)) {
        return false;
    }
    r->epochs = (struct receipt_list){0};
    for (uint32_t k = 0; k < n; k++)
        receipt_add_epoch(&r->epochs, &bytes, &own[k]);
    shape_put_list(&r->epochs, &bytes, s);
    return true;
}

/* ---- paths ---- */

bool shape_log_path(struct mtree_proof *p,
                    const struct mtree_proof *o,
                    struct reshape *s)
{
    const uint32_t i = p->count > 0 ? (uint32_t)shape_roll(s, p->count) : 0;
    const uint64_t how = shape_roll(s, 5);

    if (how == 0 && p->count > 0) {
        p->count--;
    } else if (how == 1 && p->count < MTREE_PROOF_MAX) {
        p->steps[p->count] = p->steps[i];
        p->count++;
    } else if (how == 2 && p->count > 1) {
        shape_swap(&p->steps[i], &p->steps[(i + 1) % p->count]);
    } else if (how == 3 && p->count > 0) {
        p->steps[i].raw[shape_roll(s, HASH_BYTES)] ^= 1;
    } else if (how == 4 && o->count <= MTREE_PROOF_MAX) {
        *p = *o;
    } else {
        return false;
    }
    return true;
}

static bool in_link(struct receipt *r, struct receipt *o, struct reshape *s)
{
    if ((r->parts & RECEIPT_LINK) == 0)
        return false;
    if (shape_roll(s, 3) == 0) {
        r->link_header = o->block.header;
        return true;
    }
    return shape_log_path(&r->link_path, &o->link_path, s);
}

bool shape_tree_path(struct tree_path *p, struct reshape *s)
{
    const uint32_t i = p->count > 0 ? (uint32_t)shape_roll(s, p->count) : 0;

    if (p->count == 0 || p->count == PROOF_STEPS_MAX)
        return false;
    switch (shape_roll(s, 4)) {
    case 0: /* a step less */
        memmove(&p->bits[i],
                &p->bits[i + 1],
                (p->count - i - 1) * sizeof p->bits[0]);
        memmove(&p->siblings[i],
                &p->siblings[i + 1],
                (p->count - i - 1) * sizeof p->siblings[0]);
        p->count--;
        return true;
    case 1: /* a step more */
        p->bits[p->count] = (uint16_t)shape_roll(s, 256);
        p->siblings[p->count] = p->siblings[i];
        p->count++;
        return true;
    case 2: /* it tests another bit */
        p->bits[i] = (uint16_t)(p->bits[i] + 1 + shape_roll(s, 3)) % 256;
        return true;
    default:
        if (p->count < 2)
            return false;
        shape_swap(&p->siblings[i], &p->siblings[(i + 1) % p->count]);
        return true;
    }
}

/* ---- blocks ---- */

static bool in_transaction(struct receipt *r,
                           struct receipt *o,
                           struct reshape *s)
{
    struct receipt_transaction *x = &r->of.transaction;
    const bool both = o->kind == RECEIPT_TRANSACTION;

    if (r->kind != RECEIPT_TRANSACTION)
        return false;
    switch (shape_roll(s, 4)) {
    case 0:
        x->index += shape_roll(s, 2) == 0 ? 1 : UINT32_MAX;
        return true;
    case 1:
        return shape_log_path(
            &x->path, both ? &o->of.transaction.path : &o->link_path, s);
    case 2:
        if (both)
            x->tx = o->of.transaction.tx;
        return both;
    default:
        x->tx = shape_flipped(s, x->tx);
        return true;
    }
}

static bool in_consistency(struct receipt *r,
                           struct receipt *o,
                           struct reshape *s)
{
    struct receipt_consistency *x = &r->of.consistency;

    if (r->kind != RECEIPT_CONSISTENCY)
        return false;
    switch (shape_roll(s, 3)) {
    case 0:
        x->earlier_header = o->block.header;
        return true;
    case 1:
        return shape_log_path(&x->inclusion, &x->consistency, s);
    default:
        return shape_log_path(&x->consistency, &x->inclusion, s);
    }
}

static bool in_validators(struct receipt *r,
                          struct receipt *o,
                          struct reshape *s)
{
    if (r->kind != RECEIPT_VALIDATORS)
        return false;
    if (shape_roll(s, 3) == 0)
        r->of.validators =
            o->kind == RECEIPT_VALIDATORS ? o->of.validators : r->anchor.set;
    else
        change_set(&r->of.validators, s);
    return true;
}

static bool in_disclosure(struct receipt *r,
                          struct receipt *o,
                          struct reshape *s)
{
    struct identity *x = &r->identity;

    if ((r->parts & RECEIPT_DISCLOSURE) == 0)
        return false;
    switch (shape_roll(s, 3)) {
    case 0:
        x->salt[shape_roll(s, SALT_BYTES)] ^= 1;
        return true;
    case 1:
        if ((o->parts & RECEIPT_DISCLOSURE) == 0)
            return false;
        *x = o->identity;
        return true;
    default: {
        const struct bytes kept = x->name;

        x->name = x->id_number;
        x->id_number = kept;
        return true;
    }
    }
}

static bool in_front(struct receipt *r, struct receipt *o, struct reshape *s)
{
    if (shape_roll(s, 2) == 0)
        r->chain_id = o->chain_id;
    else
        r->chain_id.raw[shape_roll(s, HASH_BYTES)] ^= 1;
    return true;
}

static const struct {
    const char *name;
    bool (*change)(struct receipt *r, struct receipt *o, struct reshape *s);
} ways[] = {
    {"front", in_front},
    {"anchor", in_anchor},
    {"epochs", in_epochs},
    {"block", in_block},
    {"block certificate", in_block_cert},
    {"successor", in_successor},
    {"link", in_link},
    {"position", in_position},
    {"security", in_security},
    {"lines", in_lines},
    {"events", in_events},
    {"opening", in_opening},
    {"transaction", in_transaction},
    {"consistency", in_consistency},
    {"validators", in_validators},
    {"disclosure", in_disclosure},
};

bool reshape(struct receipt *r, struct receipt *other, struct reshape *s)
{
    const size_t i = shape_roll(s, ARRAY_LEN(ways));
    const struct receipt before = *r;

    s->way = ways[i].name;
    if (ways[i].change(r, other, s))
        return true;
    *r = before;
    return false;
}
