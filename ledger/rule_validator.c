/* Who validates: announcements, readiness, and the change of the set. */
#include "base/check.h"
#include "ledger/change.h"
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
            (set->list[i].institution != op->number &&
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
    const struct candidate_row row = {.institution = op->number,
                                      .key = op->key,
                                      .spki_hash = op->spki_hash,
                                      .announced_height = x->b->height};
    struct event e = {.kind = EVENT_VALIDATOR_ANNOUNCED,
                      .account = id,
                      .other = op->spki_hash,
                      .number = op->number};
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
    const struct hash about = institution_id(op->number);
    struct event e = {.kind = EVENT_VALIDATOR_WITHDRAWN, .number = op->number};
    struct candidate_row row;

    if (!exec_candidate(x->b->view, &row, op->number))
        return exec_refuse(x, V_UNKNOWN, &about, 0, 0);
    e.account = validator_id(&row.key);
    exec_emit(x, &e);
    erase_candidate(x, op->number);
    return V_OK;
}

static void put_ready(struct exec *x, const struct ready_row *row)
{
    const struct hash key = validator_id(&row->key);

    exec_put(x, row, TABLE_READY, &zero, &key);
}

static bool is_validator_of(const struct valset *set,
                            const struct pubkey *key,
                            uint16_t institution)
{
    const int at = valset_find(set, key);

    return at >= 0 && set->list[at].institution == institution;
}

/* R156: A validator, announced or of the set in force, says itself that it is
 * ready, in a transaction filed for its institution that its consensus key
 * alone signs. */
enum verdict rule_validator_ready(struct exec *x,
                                  const struct op_validator_ready *op)
{
    const struct ready_row ready = {
        x->tx->institution, op->key, x->b->height, op->version};
    struct validators_row now;
    struct event e = {.kind = EVENT_VALIDATOR_READY,
                      .account = validator_id(&op->key),
                      .number = x->tx->institution,
                      .second = op->version};
    struct candidate_row row;

    get_validators(x, &now);
    if (is_validator_of(&now.set, &op->key, x->tx->institution)) {
        exec_emit(x, &e);
        put_ready(x, &ready);
        return V_OK;
    }
    if (!exec_candidate(x->b->view, &row, x->tx->institution) ||
        !same_key(&row.key, &op->key))
        return exec_refuse(x, V_UNKNOWN, &e.account, 0, 0);
    row.ready_height = x->b->height;
    row.version = op->version;
    exec_emit(x, &e);
    put_candidate(x, &row);
    return V_OK;
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

static void erase_ready(const struct exec *x, const struct pubkey *key)
{
    const struct row_key row = {TABLE_READY, zero, validator_id(key)};

    x->b->view->erase(x->b->view->ctx, &row);
}

/* R166: The set that a change makes is in force from the next block on, in a
 * new epoch; the sets of past epochs stay on the ledger. */
static void put_epoch(struct exec *x,
                      const struct validators_row *now,
                      const struct valset *next)
{
    const struct hash past = epoch_key(now->set.epoch);
    const struct validators_row row = {*next, x->b->height};

    exec_put(x, now, TABLE_VALIDATORS, &zero, &past);
    exec_put(x, &row, TABLE_VALIDATORS, &zero, &zero);
}

static void put_change(struct exec *x, const struct change_plan *c)
{
    struct event e = {.kind = EVENT_VALIDATORS_CHANGED,
                      .number = c->next.epoch,
                      .quantity = c->next.count,
                      .document = valset_hash(&c->next)};

    exec_emit(x, &e);
    put_epoch(x, &c->now, &c->next);
    mark_institutions(x, c->op->leave, c->op->leave_count, false);
    mark_institutions(x, c->op->join, c->op->join_count, true);
    for (uint32_t i = 0; i < c->op->join_count; i++)
        erase_candidate(x, c->op->join[i].institution);
    for (uint32_t i = 0; i < c->op->leave_count; i++)
        erase_ready(x, &c->op->leave[i].key);
}

enum verdict rule_validators_change(struct exec *x,
                                    const struct op_validators_change *op)
{
    struct change_plan c;

    if (change_check(&c, x->b->view, x->b->height, op) != V_OK) {
        (void)exec_refuse(
            x, c.why.verdict, &c.why.about, c.why.have, c.why.need);
        if (x->why != NULL)
            x->why->margin = c.why.margin;
        return c.why.verdict;
    }
    put_change(x, &c);
    return V_OK;
}

/* E13 parameters at a start
 *
 * R185: A change of parameters is in force from the next block on, in a new
 * epoch of the same validators; a block changes either once. */
enum verdict rule_params_change(struct exec *x,
                                const struct op_params_change *op)
{
    struct event e = {.kind = EVENT_PARAMS_CHANGED,
                      .document = genesis_params_hash(&op->params)};
    const struct shared_row row = {op->params, x->b->height};
    struct validators_row now;
    struct valset next;
    const char *why;

    get_validators(x, &now);
    if (now.since_height == x->b->height)
        return exec_refuse(x, V_EPOCH, NULL, now.since_height, x->b->height);
    /* R184: Shared parameters are within the ranges of a genesis. */
    if (genesis_params_check(&op->params, &why) != ERR_NONE)
        return exec_refuse(x, V_PARAMS, NULL, 0, 0);
    next = now.set;
    next.epoch++;
    e.number = next.epoch;
    exec_emit(x, &e);
    exec_put(x, &row, TABLE_SHARED, &zero, &zero);
    put_epoch(x, &now, &next);
    return V_OK;
}
