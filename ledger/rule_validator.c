/* Who validates: announcements, readiness, and the change of the set. */
#include "base/check.h"
#include "ledger/exec.h"

static const struct hash zero;

static bool same_key(const struct pubkey *a, const struct pubkey *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void get_validators(const struct exec *x, struct validators_row *row)
{
    const bool found =
        exec_get(x->b->view, row, TABLE_VALIDATORS, &zero, &zero);

    ASSERT(found);
}

static bool get_candidate(const struct exec *x,
                          struct candidate_row *row,
                          uint16_t institution)
{
    const struct hash key = institution_id(institution);

    return exec_get(x->b->view, row, TABLE_CANDIDATES, &zero, &key);
}

static void put_candidate(struct exec *x, const struct candidate_row *row)
{
    const struct hash key = institution_id(row->institution);

    exec_put(x, row, TABLE_CANDIDATES, &zero, &key);
}

static void erase_candidate(const struct exec *x, uint16_t institution)
{
    const struct row_key key = {
        TABLE_CANDIDATES, zero, institution_id(institution)};

    x->b->view->erase(x->b->view->ctx, &key);
}

/* R154: An announced key is valid and no validator's, and its transport key is
 * no other institution's validator's. */
static bool announced_elsewhere(const struct valset *set,
                                const struct op_validator_announce *op)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (same_key(&set->list[i].key, &op->key) ||
            (set->list[i].institution != op->institution &&
             hash_eq(&set->list[i].spki_hash, &op->spki_hash)))
            return true;
    }
    return false;
}

enum verdict rule_validator_announce(struct exec *x,
                                     const struct op_validator_announce *op)
{
    const struct hash id = validator_id(&op->key);
    /* R153: An institution has one announced validator; a new announcement
     * replaces the one before and what it said of its readiness. */
    const struct candidate_row row = {.institution = op->institution,
                                      .key = op->key,
                                      .spki_hash = op->spki_hash,
                                      .announced_height = x->b->height};
    struct event e = {.kind = EVENT_VALIDATOR_ANNOUNCED,
                      .account = id,
                      .other = op->spki_hash,
                      .number = op->institution};
    struct validators_row now;

    if (!key_is_valid(&op->key) || hash_is_zero(&op->spki_hash))
        return exec_refuse(x, V_POLICY, &id, 0, 0);
    get_validators(x, &now);
    if (announced_elsewhere(&now.set, op))
        return exec_refuse(x, V_VALIDATOR, &id, 0, 0);
    exec_emit(x, &e);
    put_candidate(x, &row);
    return V_OK;
}

/* R155: An announcement is taken back by its institution. */
enum verdict rule_validator_withdraw(struct exec *x,
                                     const struct op_validator_withdraw *op)
{
    const struct hash about = institution_id(op->institution);
    struct event e = {.kind = EVENT_VALIDATOR_WITHDRAWN,
                      .number = op->institution};
    struct candidate_row row;

    if (!get_candidate(x, &row, op->institution))
        return exec_refuse(x, V_UNKNOWN, &about, 0, 0);
    e.account = validator_id(&row.key);
    exec_emit(x, &e);
    erase_candidate(x, op->institution);
    return V_OK;
}

/* R156: An announced validator says itself that it is ready, in a transaction
 * filed for its institution that its consensus key alone signs. */
enum verdict rule_validator_ready(struct exec *x,
                                  const struct op_validator_ready *op)
{
    struct event e = {.kind = EVENT_VALIDATOR_READY,
                      .account = validator_id(&op->key),
                      .number = x->tx->institution,
                      .second = op->version};
    struct candidate_row row;

    if (!get_candidate(x, &row, x->tx->institution) ||
        !same_key(&row.key, &op->key))
        return exec_refuse(x, V_UNKNOWN, &e.account, 0, 0);
    row.ready_height = x->b->height;
    row.version = op->version;
    exec_emit(x, &e);
    put_candidate(x, &row);
    return V_OK;
}

/* A change being checked. */
struct change {
    const struct op_validators_change *op;
    struct validators_row now;
    struct valset next;
    struct params_row params;
};

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
static enum verdict take_leavers(struct exec *x, struct change *c)
{
    for (uint32_t i = 0; i < c->op->leave_count; i++) {
        const struct validator_item *v = &c->op->leave[i];
        const int at = valset_find(&c->next, &v->key);
        const struct hash id = validator_id(&v->key);

        if (at < 0 || c->next.list[at].institution != v->institution)
            return exec_refuse(x, V_UNKNOWN, &id, 0, 0);
        set_remove(&c->next, (uint32_t)at);
    }
    return V_OK;
}

static bool joins_again(const struct change *c, uint32_t i)
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
static enum verdict know_joiners(struct exec *x, const struct change *c)
{
    for (uint32_t i = 0; i < c->op->join_count; i++) {
        const struct validator_item *v = &c->op->join[i];
        const struct hash id = validator_id(&v->key);
        struct candidate_row row;

        if (!joins_again(c, i) && (!get_candidate(x, &row, v->institution) ||
                                   !same_key(&row.key, &v->key)))
            return exec_refuse(x, V_UNKNOWN, &id, 0, 0);
    }
    for (uint32_t i = 0; i < c->op->join_count; i++) {
        const struct hash key = institution_id(c->op->join[i].institution);
        struct institution_row row;

        if (!exec_get(x->b->view, &row, TABLE_INSTITUTIONS, &zero, &key) ||
            !has_operator(&row))
            return exec_refuse(x, V_POLICY, &key, 0, 1);
    }
    return V_OK;
}

static enum verdict check_joiners(struct exec *x, const struct change *c)
{
    const uint64_t h = x->b->height;
    const uint64_t oldest =
        h > c->params.ready_blocks ? h - c->params.ready_blocks : 0;

    /* R160: A key that is in the set, or is named twice, does not join. */
    for (uint32_t i = 0; i < c->op->join_count; i++) {
        const struct hash id = validator_id(&c->op->join[i].key);

        if (joins_again(c, i))
            return exec_refuse(x, V_VALIDATOR, &id, 0, 0);
    }
    /* R161: Who joins has said within the last 10,000 blocks that it is
     * ready. */
    for (uint32_t i = 0; i < c->op->join_count; i++) {
        const struct hash id = validator_id(&c->op->join[i].key);
        struct candidate_row row;

        if (!get_candidate(x, &row, c->op->join[i].institution) ||
            row.ready_height == 0 || row.ready_height < oldest)
            return exec_refuse(x, V_NOT_READY, &id, row.ready_height, oldest);
    }
    return V_OK;
}

static enum verdict check_size(struct exec *x, const struct change *c)
{
    const uint32_t leave = c->op->leave_count;
    const uint32_t join = c->op->join_count;
    const uint32_t size = join > leave ? join : leave;
    const uint32_t most = valset_change_max(c->now.set.count);
    const uint32_t count = c->next.count + join;

    /* R162: At most a third of the validators, rounded so that f of them may
     * fail, and at least one may change at once; one that leaves and one that
     * joins count as one. */
    if (size < 1 || size > most)
        return exec_refuse(x, V_CHANGE_SIZE, NULL, size, most);
    /* R163: There are at least one and at most 32 validators, in production at
     * least four. */
    if (count < c->params.validators_min)
        return exec_refuse(
            x, V_VALIDATOR_COUNT, NULL, count, c->params.validators_min);
    if (count > VALIDATORS_MAX)
        return exec_refuse(x, V_VALIDATOR_COUNT, NULL, count, VALIDATORS_MAX);
    return V_OK;
}

/* R164: An institution runs one validator, and no two validators share a
 * transport key. */
static enum verdict take_joiners(struct exec *x, struct change *c)
{
    for (uint32_t i = 0; i < c->op->join_count; i++) {
        const uint16_t institution = c->op->join[i].institution;
        const struct hash about = institution_id(institution);
        struct candidate_row row;
        const bool found = get_candidate(x, &row, institution);
        const struct validator v = {row.key, row.spki_hash, institution};

        ASSERT(found);
        for (uint32_t k = 0; k < c->next.count; k++) {
            if (c->next.list[k].institution == institution ||
                hash_eq(&c->next.list[k].spki_hash, &row.spki_hash))
                return exec_refuse(x, V_VALIDATOR_TWICE, &about, 0, 0);
        }
        set_insert(&c->next, &v);
    }
    return V_OK;
}

/* R165: With as many of the old set down as it tolerates, those who stay and
 * those who join must be a quorum of the new set. */
static enum verdict check_margin(struct exec *x, const struct change *c)
{
    const struct valset_margin m = valset_margin_of(
        c->now.set.count, c->op->leave_count, c->op->join_count);

    if (m.margin >= 0)
        return V_OK;
    (void)exec_refuse(
        x, V_MARGIN, NULL, m.quorum - (uint32_t)-m.margin, m.quorum);
    if (x->why != NULL)
        x->why->margin = m;
    return V_MARGIN;
}

static void mark_institutions(struct exec *x,
                              const struct validator_item *list,
                              uint32_t count,
                              bool validator)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct hash key = institution_id(list[i].institution);
        struct institution_row row;
        const bool found =
            exec_get(x->b->view, &row, TABLE_INSTITUTIONS, &zero, &key);

        ASSERT(found);
        row.validator = validator;
        exec_put(x, &row, TABLE_INSTITUTIONS, &zero, &key);
    }
}

/* R166: The set that a change makes is in force from the next block on, in a
 * new epoch; the sets of past epochs stay on the ledger. */
static void put_change(struct exec *x, struct change *c)
{
    const struct hash past = epoch_key(c->now.set.epoch);
    const struct validators_row next = {c->next, x->b->height};
    struct event e = {.kind = EVENT_VALIDATORS_CHANGED,
                      .number = c->next.epoch,
                      .quantity = c->next.count,
                      .document = valset_hash(&c->next)};

    exec_emit(x, &e);
    exec_put(x, &c->now, TABLE_VALIDATORS, &zero, &past);
    exec_put(x, &next, TABLE_VALIDATORS, &zero, &zero);
    mark_institutions(x, c->op->leave, c->op->leave_count, false);
    mark_institutions(x, c->op->join, c->op->join_count, true);
    for (uint32_t i = 0; i < c->op->join_count; i++)
        erase_candidate(x, c->op->join[i].institution);
}

enum verdict rule_validators_change(struct exec *x,
                                    const struct op_validators_change *op)
{
    struct change c = {.op = op};
    enum verdict v;
    bool found;

    get_validators(x, &c.now);
    found = exec_get(x->b->view, &c.params, TABLE_PARAMS, &zero, &zero);
    ASSERT(found);
    c.next = c.now.set;
    c.next.epoch++;
    v = take_leavers(x, &c);
    if (v == V_OK)
        v = know_joiners(x, &c);
    /* R159: The set of validators changes at most once in a block. */
    if (v == V_OK && c.now.set.epoch > 0 && c.now.since_height == x->b->height)
        v = exec_refuse(x, V_EPOCH, NULL, c.now.since_height, x->b->height);
    if (v == V_OK)
        v = check_joiners(x, &c);
    if (v == V_OK)
        v = check_size(x, &c);
    if (v == V_OK)
        v = take_joiners(x, &c);
    if (v == V_OK)
        v = check_margin(x, &c);
    if (v == V_OK)
        put_change(x, &c);
    return v;
}
