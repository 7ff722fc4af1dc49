/* The oracles: what must hold over all nodes, for ever. */
#include "consensus/core_state.h"
#include "tests/sim/sim.h"

#include "base/check.h"
#include "base/num.h"

#include <stdlib.h>

static struct sim_view *view_of(struct sim *s, uint64_t epoch, uint64_t view)
{
    struct sim_epoch *e = sim_epoch(s, epoch);

    if (e == NULL || view >= SIM_VIEWS_MAX) {
        sim_fail(s,
                 "view %llu of epoch %llu was reached",
                 (unsigned long long)view,
                 (unsigned long long)epoch);
        return NULL;
    }
    if (view >= e->views_cap) {
        const uint64_t cap = num_max_u64(8, 2 * view);

        e->views = realloc(e->views, cap * sizeof e->views[0]);
        ASSERT(e->views != NULL);
        memset(&e->views[e->views_cap],
               0,
               (cap - e->views_cap) * sizeof e->views[0]);
        e->views_cap = cap;
    }
    if (view >= e->views_used)
        e->views_used = view + 1;
    return &e->views[view];
}

/* S2 */
void sim_saw_cert(struct sim *s, const struct cert *c)
{
    struct sim_view *v = view_of(s, c->epoch, c->about.view);

    if (v == NULL)
        return;
    if (!sim_cert_ok(s, c))
        sim_fail(s,
                 "a certificate of view %llu does not verify",
                 (unsigned long long)c->about.view);
    switch ((enum vote_kind)c->kind) {
    case VOTE_NOTARIZE:
        if (v->n && !candidate_eq(&v->n_about, &c->about))
            sim_fail(s,
                     "two notarizations in view %llu",
                     (unsigned long long)c->about.view);
        v->n = true;
        v->n_about = c->about;
        break;
    case VOTE_NULLIFY:
        v->x = true;
        break;
    case VOTE_FINALIZE:
        if (v->f && !candidate_eq(&v->f_about, &c->about))
            sim_fail(s,
                     "two finalizations in view %llu",
                     (unsigned long long)c->about.view);
        v->f = true;
        v->f_about = c->about;
        break;
    }
    if (v->f && v->x)
        sim_fail(s,
                 "view %llu is final and nullified",
                 (unsigned long long)c->about.view);
    if (v->f && v->n && !candidate_eq(&v->f_about, &v->n_about))
        sim_fail(s,
                 "what is final in view %llu was not notarised",
                 (unsigned long long)c->about.view);
}

/* S3: the log of votes that left a correct node; no crash erases it. */
void sim_saw_vote(struct sim *s, uint32_t i, const struct vote *v)
{
    const uint8_t bit = (uint8_t)(1 << v->kind);
    struct sim_view *view;
    uint8_t all;
    const char *bad = NULL;

    if (!s->nodes[i].correct)
        return;
    view = view_of(s, v->epoch, v->about.view);
    if (view == NULL)
        return;
    s->nodes[i].voted_epoch = num_max_u64(s->nodes[i].voted_epoch, v->epoch);
    all = view->voted[i];
    if (v->kind == VOTE_NOTARIZE && (all & bit) != 0 &&
        !candidate_eq(&view->notarized[i], &v->about))
        bad = "two NOTARIZE";
    if (v->kind == VOTE_FINALIZE && (all & bit) != 0 &&
        !candidate_eq(&view->finalized[i], &v->about))
        bad = "two FINALIZE";
    if (v->kind == VOTE_NOTARIZE)
        view->notarized[i] = v->about;
    if (v->kind == VOTE_FINALIZE)
        view->finalized[i] = v->about;
    all |= bit;
    if ((all & 1 << VOTE_NULLIFY) != 0 && (all & 1 << VOTE_FINALIZE) != 0)
        bad = "NULLIFY and FINALIZE";
    if ((all & 1 << VOTE_NOTARIZE) != 0 && (all & 1 << VOTE_FINALIZE) != 0 &&
        !candidate_eq(&view->notarized[i], &view->finalized[i]))
        bad = "FINALIZE against its own NOTARIZE";
    view->voted[i] = all;
    if (bad != NULL)
        sim_fail(s,
                 "node %u sent %s in view %llu",
                 i,
                 bad,
                 (unsigned long long)v->about.view);
}

/* S9 */
void sim_saw_signing(struct sim *s, uint32_t i, const struct vote *v)
{
    if (s->nodes[i].correct && v->epoch < s->nodes[i].voted_epoch)
        sim_fail(s,
                 "node %u signs in epoch %llu after a vote in epoch %llu",
                 i,
                 (unsigned long long)v->epoch,
                 (unsigned long long)s->nodes[i].voted_epoch);
}

static void check_epoch(struct sim *s, uint32_t i, uint32_t block)
{
    const struct header *h = &s->blocks[block].header;
    const uint32_t parent = sim_block_find(s, &h->parent_hash);
    const struct header *on = &s->blocks[parent].header;
    const uint64_t epoch =
        parent == 0 ? s->ops->epoch : on->epoch + (on->flags & HEADER_SEAL);

    if (h->epoch != epoch)
        sim_fail(s,
                 "node %u has a block of epoch %llu where epoch %llu begins",
                 i,
                 (unsigned long long)h->epoch,
                 (unsigned long long)epoch);
}

/* S1 */
void sim_saw_commit(struct sim *s, uint32_t i, uint64_t height, uint32_t block)
{
    const struct hash root = s->ops->root(s->nodes[i].app);

    if (height > s->decided_height) {
        s->decided_height = height;
        s->decided[height] = block;
        s->total.blocks++;
    }
    if (s->decided[height] != block)
        sim_fail(s,
                 "node %u has another block at height %llu",
                 i,
                 (unsigned long long)height);
    if (s->ops->change != NULL)
        check_epoch(s, i, block);
    if (height % 16 == 0 && !s->ops->sound(s->nodes[i].app))
        sim_fail(s, "node %u: shares are not conserved", i);
    if (!hash_eq(&root, &s->blocks[block].header.state_root))
        sim_fail(s,
                 "node %u has another root at height %llu",
                 i,
                 (unsigned long long)height);
}

/* Every transaction takes effect once, so that their number says all.  If
 * nobody knows any more what there was, what was notarised is final. */
bool sim_all_final(const struct sim *s)
{
    for (uint32_t i = 0; i < s->instances; i++) {
        const struct sim_node *node = &s->nodes[i];

        if (!node->correct)
            continue;
        if (!node->up || node->height != s->decided_height)
            return false;
        if (s->params.forget
                ? node->open_txs > 0 || tip_is_open(node->room.core)
                : node->final_txs != s->tx_count)
            return false;
    }
    return true;
}
