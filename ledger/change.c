/* The change of the set of validators, checked: by the ledger when it applies
 * one, and by who prepares one. */
#include "ledger/change.h"

#include "base/check.h"
#include "ledger/exec.h"

static const struct hash zero;

static enum verdict refuse(struct change_plan *c,
                           enum verdict v,
                           const struct hash *about,
                           uint64_t have,
                           uint64_t need)
{
    c->why = (struct refusal){.verdict = v, .have = have, .need = need};
    if (about != NULL)
        c->why.about = *about;
    return v;
}

static bool same_key(const struct pubkey *a, const struct pubkey *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static bool has_operator(const struct institution_row *row)
{
    for (uint32_t i = 0; i < row->key_count; i++) {
        if ((row->keys[i].roles & KEY_OPERATOR) != 0)
            return true;
    }
    return false;
}

static void set_remove(struct valset *set, uint32_t at)
{
    set->count--;
    memmove(&set->list[at],
            &set->list[at + 1],
            (set->count - at) * sizeof set->list[0]);
    memset(&set->list[set->count], 0, sizeof set->list[0]);
}

static void set_insert(struct valset *set, const struct validator *v)
{
    uint32_t at = set->count;

    ASSERT(set->count < VALIDATORS_MAX);
    while (at > 0 && memcmp(&set->list[at - 1].key, &v->key, sizeof v->key) > 0)
        at--;
    memmove(&set->list[at + 1],
            &set->list[at],
            (set->count - at) * sizeof set->list[0]);
    set->list[at] = *v;
    set->count++;
}

/* R157: Those who leave are validators of the set in force, each named once. */
static enum verdict take_leavers(struct change_plan *c)
{
    for (uint32_t i = 0; i < c->op->leave_count; i++) {
        const struct validator_item *v = &c->op->leave[i];
        const int at = valset_find(&c->next, &v->key);
        const struct hash id = validator_id(&v->key);

        if (at < 0 || c->next.list[at].institution != v->institution)
            return refuse(c, V_UNKNOWN, &id, 0, 0);
        set_remove(&c->next, (uint32_t)at);
    }
    return V_OK;
}

static bool joins_again(const struct change_plan *c, uint32_t i)
{
    if (valset_find(&c->now.set, &c->op->join[i].key) >= 0)
        return true;
    for (uint32_t k = 0; k < i; k++) {
        if (same_key(&c->op->join[k].key, &c->op->join[i].key))
            return true;
    }
    return false;
}

/* R158: Those who join are announced by their institutions, which have an
 * operator key. */
static enum verdict know_joiners(struct change_plan *c)
{
    for (uint32_t i = 0; i < c->op->join_count; i++) {
        const struct validator_item *v = &c->op->join[i];
        const struct hash id = validator_id(&v->key);
        struct candidate_row row;

        if (!joins_again(c, i) &&
            (!exec_candidate(c->view, &row, v->institution) ||
             !same_key(&row.key, &v->key)))
            return refuse(c, V_UNKNOWN, &id, 0, 0);
    }
    for (uint32_t i = 0; i < c->op->join_count; i++) {
        const struct hash key = institution_id(c->op->join[i].institution);
        struct institution_row row;

        if (!exec_get(c->view, &row, TABLE_INSTITUTIONS, &zero, &key) ||
            !has_operator(&row))
            return refuse(c, V_POLICY, &key, 0, 1);
    }
    return V_OK;
}

/* What was said in this block or later still counts. */
static uint64_t oldest_ready(const struct change_plan *c)
{
    return c->height > c->params.ready_blocks
               ? c->height - c->params.ready_blocks
               : 1;
}

static enum verdict check_joiners(struct change_plan *c)
{
    const uint64_t oldest = oldest_ready(c);

    /* R160: A key that is in the set, or is named twice, does not join. */
    for (uint32_t i = 0; i < c->op->join_count; i++) {
        const struct hash id = validator_id(&c->op->join[i].key);

        if (joins_again(c, i))
            return refuse(c, V_VALIDATOR, &id, 0, 0);
    }
    /* E6 ready first
     *
     * R161: Who joins has said within the last 10,000 blocks that it is
     * ready. */
    for (uint32_t i = 0; i < c->op->join_count; i++) {
        const struct hash id = validator_id(&c->op->join[i].key);
        struct candidate_row row;

        if (!exec_candidate(c->view, &row, c->op->join[i].institution) ||
            row.ready_height < oldest)
            return refuse(c, V_NOT_READY, &id, row.ready_height, oldest);
    }
    return V_OK;
}

/* E7 few at once, E8 rotation: of one institution, counted once. */
static enum verdict check_size(struct change_plan *c)
{
    const uint32_t leave = c->op->leave_count;
    const uint32_t join = c->op->join_count;
    const uint32_t size = join > leave ? join : leave;
    const uint32_t most = valset_change_max(c->now.set.count);
    const uint32_t count = c->next.count + join;

    /* R162: At most as many validators join or leave at once as the set in
     * force tolerates to fail, where it tolerates none one; one that leaves and
     * one that joins count as one. */
    if (size < 1 || size > most)
        return refuse(c, V_CHANGE_SIZE, NULL, size, most);
    /* R163: There are at least one and at most 32 validators, in production at
     * least four. */
    if (count < c->params.validators_min)
        return refuse(
            c, V_VALIDATOR_COUNT, NULL, count, c->params.validators_min);
    if (count > VALIDATORS_MAX)
        return refuse(c, V_VALIDATOR_COUNT, NULL, count, VALIDATORS_MAX);
    return V_OK;
}

/* R164: An institution runs one validator, and no two validators share a
 * transport key. */
static enum verdict take_joiners(struct change_plan *c)
{
    for (uint32_t i = 0; i < c->op->join_count; i++) {
        const uint16_t institution = c->op->join[i].institution;
        const struct hash about = institution_id(institution);
        struct candidate_row row;
        struct validator v;

        if (!exec_candidate(c->view, &row, institution))
            return refuse(c, V_UNKNOWN, &about, 0, 0);
        v = (struct validator){row.key, row.spki_hash, institution};
        for (uint32_t k = 0; k < c->next.count; k++) {
            if (c->next.list[k].institution == institution ||
                hash_eq(&c->next.list[k].spki_hash, &row.spki_hash))
                return refuse(c, V_VALIDATOR_TWICE, &about, 0, 0);
        }
        set_insert(&c->next, &v);
    }
    return V_OK;
}

static bool leaves(const struct change_plan *c, const struct pubkey *key)
{
    for (uint32_t i = 0; i < c->op->leave_count; i++) {
        if (same_key(&c->op->leave[i].key, key))
            return true;
    }
    return false;
}

/* How many who stay have proved lately that they live. */
static uint32_t count_ready(const struct change_plan *c)
{
    const uint64_t oldest = oldest_ready(c);
    uint32_t count = 0;

    for (uint32_t i = 0; i < c->now.set.count; i++) {
        const struct pubkey *key = &c->now.set.list[i].key;
        struct ready_row row;

        if (!leaves(c, key) && exec_ready(c->view, &row, key) &&
            row.ready_height >= oldest)
            count++;
    }
    return count;
}

/* R165: With as many of those who stay down as the set in force tolerates, but
 * none who has said within the last 10,000 blocks that it is ready, the others
 * and those who join are a quorum of the new set. */
static enum verdict check_margin(struct change_plan *c)
{
    const struct valset_margin m = c->margin;

    if (m.margin >= 0)
        return V_OK;
    (void)refuse(c, V_MARGIN, NULL, m.quorum - (uint32_t)-m.margin, m.quorum);
    c->why.margin = m;
    return V_MARGIN;
}

/* For a change that is refused for another reason too. */
static void note_margin(struct change_plan *c)
{
    const uint32_t count = c->now.set.count;
    const uint32_t leave = c->op->leave_count;
    const uint32_t join = c->op->join_count;

    if (c->next.count + leave == count && count - leave + join >= 1)
        c->margin = valset_margin_of(count, leave, join, count_ready(c));
}

enum verdict change_check(struct change_plan *c,
                          const struct ledger_view *view,
                          uint64_t height,
                          const struct op_validators_change *op)
{
    enum verdict v;

    memset(c, 0, sizeof *c);
    c->op = op;
    c->view = view;
    c->height = height;
    if (!exec_get(view, &c->now, TABLE_VALIDATORS, &zero, &zero) ||
        c->now.set.count == 0 ||
        !exec_get(view, &c->params, TABLE_PARAMS, &zero, &zero))
        return refuse(c, V_UNKNOWN, NULL, 0, 0);
    c->next = c->now.set;
    c->next.epoch++;
    v = take_leavers(c);
    note_margin(c);
    if (v == V_OK)
        v = know_joiners(c);
    /* R159: The set of validators changes at most once in a block. */
    if (v == V_OK && c->now.since_height == height)
        v = refuse(c, V_EPOCH, NULL, c->now.since_height, height);
    if (v == V_OK)
        v = check_joiners(c);
    if (v == V_OK)
        v = check_size(c);
    if (v == V_OK)
        v = take_joiners(c);
    return v == V_OK ? check_margin(c) : v;
}
