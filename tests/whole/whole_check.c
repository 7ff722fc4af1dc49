/* What must hold, whatever happens (whole.h W1 to W9). */
#include "tests/whole/whole.h"

#include "base/check.h"
#include "ledger/rows.h"

static bool is_honest(const struct whole_node *w)
{
    return w->index != whole.byz;
}

/* ---- W1, W2: blocks ---- */

static void agree(const struct whole_node *w,
                  uint64_t height,
                  const struct hash *block,
                  const struct hash *root)
{
    if (height >= WHOLE_HEIGHTS) {
        whole_fail("more blocks than there is room for");
        return;
    }
    if (!whole.final_known[height]) {
        whole.final_known[height] = true;
        whole.final_hash[height] = *block;
        whole.final_root[height] = *root;
        if (height > whole.final_height) {
            whole.final_height = height;
            whole.final_us = whole.us;
        }
        return;
    }
    if (!hash_eq(&whole.final_hash[height], block) ||
        !hash_eq(&whole.final_root[height], root))
        whole_fail("W1 node %d has another block %llu",
                   w->index,
                   (unsigned long long)height);
}

static void check_stored(struct whole_node *w, uint64_t height)
{
    const struct vote_domain domain = {.chain_id = whole.base->chain_id,
                                       .validators_hash =
                                           valset_hash(&whole.base->set),
                                       .set = &whole.base->set};
    struct store *s = w->node->store;
    struct store_value v;
    struct header h;
    struct cert c;
    struct hash hash;

    if (store_get_block(&v, s, height, STORE_HEADER) != ERR_NONE ||
        header_decode(&h, bytes_of(v.at, v.size)) != ERR_NONE) {
        whole_fail("W5 node %d has not block %llu, which was durable",
                   w->index,
                   (unsigned long long)height);
        return;
    }
    store_value_free(&v);
    hash = header_hash(&h);
    agree(w, height, &hash, &h.state_root);
    if (height == 0 || whole.failed)
        return;
    if (store_get_block(&v, s, height, STORE_CERT) != ERR_NONE ||
        msg_cert_decode(&c, bytes_of(v.at, v.size)) != ERR_NONE ||
        c.kind != VOTE_FINALIZE || c.about.height != height ||
        !hash_eq(&c.about.block, &hash) || cert_check(&c, &domain) != ERR_NONE)
        whole_fail("W2 node %d has block %llu without its certificate",
                   w->index,
                   (unsigned long long)height);
    else
        store_value_free(&v);
}

void check_event(struct whole_node *w)
{
    const struct node *n = w->node;

    if (!is_honest(w) || whole.failed)
        return;
    if (n->tip.height != w->seen_tip) {
        w->seen_tip = n->tip.height;
        agree(w, n->tip.height, &n->tip_hash, &n->tip.state_root);
    }
    while (w->seen_durable < n->durable_height && !whole.failed)
        check_stored(w, ++w->seen_durable);
}

void check_ack(struct whole_node *w, uint64_t height)
{
    if (height > w->acked)
        w->acked = height;
}

/* ---- W3: votes ---- */

static struct sent_votes *votes_of(struct whole_node *w, uint64_t view)
{
    if (view < WHOLE_VIEWS)
        return &w->votes[view];
    whole_fail("view %llu was reached", (unsigned long long)view);
    return NULL;
}

static void check_vote(struct whole_node *w, const struct vote *v)
{
    struct sent_votes *s;
    const uint8_t bit = (uint8_t)(1 << v->kind);
    const char *bad = NULL;

    if (v->signer != w->index || v->epoch != 0)
        return;
    s = votes_of(w, v->about.view);
    if (s == NULL)
        return;
    if (v->kind == VOTE_NOTARIZE && (s->kinds & bit) != 0 &&
        !candidate_eq(&s->notarized, &v->about))
        bad = "two NOTARIZE";
    if (v->kind == VOTE_FINALIZE && (s->kinds & bit) != 0 &&
        !candidate_eq(&s->finalized, &v->about))
        bad = "two FINALIZE";
    if (v->kind == VOTE_NOTARIZE)
        s->notarized = v->about;
    if (v->kind == VOTE_FINALIZE)
        s->finalized = v->about;
    s->kinds |= bit;
    if ((s->kinds & 1 << VOTE_NULLIFY) != 0 &&
        (s->kinds & 1 << VOTE_FINALIZE) != 0)
        bad = "NULLIFY and FINALIZE";
    if ((s->kinds & 1 << VOTE_NOTARIZE) != 0 &&
        (s->kinds & 1 << VOTE_FINALIZE) != 0 &&
        !candidate_eq(&s->notarized, &s->finalized))
        bad = "FINALIZE against its NOTARIZE";
    if (bad != NULL)
        whole_fail("W3 node %d sent %s in view %llu",
                   w->index,
                   bad,
                   (unsigned long long)v->about.view);
}

void check_sent(struct whole_node *w, uint8_t type, struct bytes payload)
{
    static struct msg_proposal p;
    struct vote v;

    if (type == MSG_VOTE && msg_vote_decode(&v, payload) == ERR_NONE)
        check_vote(w, &v);
    if (type == MSG_PROPOSAL && msg_proposal_decode(&p, payload) == ERR_NONE)
        check_vote(w, &p.vote);
}

/* ---- W4, W5: a start ---- */

struct known {
    const struct whole_node *w;
    uint8_t kinds[WHOLE_VIEWS];
};

static void note_known(void *ctx,
                       const struct vote *vote,
                       const struct cert *cert)
{
    struct known *k = ctx;

    (void)cert;
    if (vote != NULL && vote->signer == k->w->index &&
        vote->about.view < WHOLE_VIEWS)
        k->kinds[vote->about.view] |= (uint8_t)(1 << vote->kind);
}

static void check_memory(struct whole_node *w)
{
    static struct known k;
    const struct core *core = w->node->core;

    k = (struct known){.w = w};
    core_checkpoint(core, note_known, &k);
    for (uint64_t v = core->fin.view + 1; v < WHOLE_VIEWS; v++) {
        if ((w->votes[v].kinds & ~k.kinds[v]) != 0)
            whole_fail("W4 node %d does not know its vote of view %llu after "
                       "a start",
                       w->index,
                       (unsigned long long)v);
    }
}

void check_start(struct whole_node *w)
{
    const struct store_tip tip = store_tip_of(w->node->store);

    if (!is_honest(w) || whole.failed)
        return;
    if (tip.height < w->acked)
        whole_fail("W5 node %d told of block %llu and starts at %llu",
                   w->index,
                   (unsigned long long)w->acked,
                   (unsigned long long)tip.height);
    for (uint64_t h = w->seen_durable; h <= tip.height && !whole.failed; h++)
        check_stored(w, h);
    if (!whole.failed && tip.height > w->seen_durable)
        w->seen_durable = tip.height;
    if (!w->node->core->observer)
        check_memory(w);
    else
        whole_fail("W6 node %d became an observer", w->index);
}

/* ---- W5, W9: the end ---- */

static bool add_holding(void *ctx, const struct row_key *key, struct bytes row)
{
    static struct holding_row h;
    uint64_t *sum = ctx;

    (void)key;
    if (schema_decode(&h, &holding_row_schema, row) != ERR_NONE) {
        whole_fail("W9 a holding does not decode");
        return false;
    }
    for (uint32_t i = 0; i < h.segment_count; i++)
        *sum += h.segments[i].quantity.shares;
    return true;
}

static void check_shares(struct whole_node *w)
{
    const struct hash tree = security_key("BENCH");
    struct store_view *v = store_view_open(w->node->store);
    uint64_t sum = 0;

    if (store_each_row_of(v, TABLE_HOLDINGS, &tree, NULL, add_holding, &sum) !=
            ERR_NONE ||
        sum != LOAD_HOLDERS * 1000000u)
        whole_fail(
            "W9 node %d has %llu shares", w->index, (unsigned long long)sum);
    store_view_close(v);
}

static void check_txs(const struct whole_node *w)
{
    for (uint32_t i = 0; i < whole.tx_count && !whole.failed; i++) {
        const struct whole_tx *tx = &whole.tx[i];
        uint64_t height;
        uint32_t index;

        if (tx->final &&
            (store_get_tx(&height, &index, w->node->store, &tx->id) !=
                 ERR_NONE ||
             height != tx->height || index != tx->index))
            whole_fail("W5 node %d has not a transaction told final at %llu",
                       w->index,
                       (unsigned long long)tx->height);
    }
}

/* All stop in order and start again: each start rebuilds the state from its
 * rows and compares root and totals. */
void check_end(void)
{
    for (uint32_t i = 0; i < whole.nodes && !whole.failed; i++) {
        struct whole_node *w = &whole.node[i];

        if (!is_honest(w))
            continue;
        node_down(w, END_STOP);
        if (whole.failed)
            return;
        w->seen_durable = 0;
        node_up(w);
        if (whole.failed || !w->running)
            return;
        check_txs(w);
        check_shares(w);
    }
}
