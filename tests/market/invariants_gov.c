/* What must hold of the rows on validators, whatever was done.
 *
 *   V1  the set in force is sorted, of different institutions and transport
 *       keys, and the institutions' rows say who runs a validator
 *   V2  every past epoch has its set, each beginning after the one before
 *   V3  who is announced is no member, and is its institution's only one
 *   V4  evidence is against a member of the epoch it names, and of a kind */
#include "tests/market/invariants.h"

#include <stdio.h>

static const struct hash zero;

struct gov {
    const struct rows *r;
    struct validators_row now;
    char *problem;
    uint32_t flagged; /* institutions whose row says they run a validator */
};

static void broken(char problem[PROBLEM_MAX], const char *text)
{
    if (problem[0] == '\0')
        (void)snprintf(problem, PROBLEM_MAX, "%s", text);
}

static bool get(const struct rows *r,
                void *row,
                uint8_t table,
                const struct hash *key)
{
    const struct row_key k = {table, zero, *key};
    const struct bytes bytes = rows_get(r, &k);

    return bytes.size > 0 &&
           schema_decode(row, row_schema(table), bytes) == ERR_NONE;
}

static void check_set(const struct gov *g, const struct valset *set)
{
    if (set->count < 1 || set->count > VALIDATORS_MAX)
        broken(g->problem, "V1: no validators, or too many");
    for (uint32_t i = 0; i < set->count; i++) {
        const struct validator *a = &set->list[i];

        if (i > 0 && memcmp(&set->list[i - 1].key, &a->key, sizeof a->key) >= 0)
            broken(g->problem, "V1: validators are not in order");
        for (uint32_t k = 0; k < i; k++) {
            if (set->list[k].institution == a->institution ||
                hash_eq(&set->list[k].spki_hash, &a->spki_hash))
                broken(g->problem,
                       "V1: two validators of an institution or transport key");
        }
    }
}

static void visit_institution(void *ctx,
                              const struct row_key *key,
                              struct bytes bytes)
{
    struct gov *g = ctx;
    struct institution_row row;
    bool member = false;
    bool operator_ = false;

    (void)key;
    if (schema_decode(&row, &institution_row_schema, bytes) != ERR_NONE) {
        broken(g->problem, "an institution is not readable");
        return;
    }
    for (uint32_t i = 0; i < g->now.set.count; i++)
        member = member || g->now.set.list[i].institution == row.number;
    for (uint32_t i = 0; i < row.key_count; i++)
        operator_ = operator_ || (row.keys[i].roles & KEY_OPERATOR) != 0;
    if (member != row.validator)
        broken(g->problem, "V1: an institution's row and the set differ");
    if (member && !operator_)
        broken(g->problem, "V1: an institution with a validator, no operator");
    g->flagged += row.validator ? 1 : 0;
}

static void visit_candidate(void *ctx,
                            const struct row_key *key,
                            struct bytes bytes)
{
    struct gov *g = ctx;
    struct candidate_row row;
    struct hash id;

    if (schema_decode(&row, &candidate_row_schema, bytes) != ERR_NONE) {
        broken(g->problem, "a candidate is not readable");
        return;
    }
    id = institution_id(row.institution);
    if (!hash_eq(&id, &key->key))
        broken(g->problem, "V3: a candidate under another institution");
    for (uint32_t i = 0; i < g->now.set.count; i++) {
        if (memcmp(&g->now.set.list[i].key, &row.key, sizeof row.key) == 0)
            broken(g->problem, "V3: a validator is announced");
    }
    if (row.ready_height != 0 && row.ready_height < row.announced_height)
        broken(g->problem, "V3: ready before it was announced");
}

static void visit_evidence(void *ctx,
                           const struct row_key *key,
                           struct bytes bytes)
{
    struct gov *g = ctx;
    struct evidence_row row;
    struct validators_row set = g->now;
    struct hash past;
    const struct validator *v = NULL;

    (void)key;
    if (schema_decode(&row, &evidence_row_schema, bytes) != ERR_NONE) {
        broken(g->problem, "evidence is not readable");
        return;
    }
    past = epoch_key(row.epoch);
    if (row.epoch != g->now.set.epoch &&
        !get(g->r, &set, TABLE_VALIDATORS, &past)) {
        broken(g->problem, "V4: evidence of an epoch that was not");
        return;
    }
    for (uint32_t i = 0; i < set.set.count; i++) {
        if (memcmp(&set.set.list[i].key, &row.key, sizeof row.key) == 0)
            v = &set.set.list[i];
    }
    if (v == NULL || v->institution != row.institution)
        broken(g->problem, "V4: evidence against who was no validator");
    if (row.type == CONFLICT_NONE || row.view == 0)
        broken(g->problem, "V4: evidence of nothing");
}

bool invariants_gov(const struct rows *r, char problem[PROBLEM_MAX])
{
    struct gov g = {.r = r, .problem = problem};
    uint64_t since;

    if (!get(r, &g.now, TABLE_VALIDATORS, &zero)) {
        broken(problem, "there are no validators");
        return false;
    }
    since = g.now.since_height + 1;
    check_set(&g, &g.now.set);
    for (uint64_t e = g.now.set.epoch; e-- > 0;) {
        const struct hash key = epoch_key(e);
        struct validators_row row;

        if (!get(r, &row, TABLE_VALIDATORS, &key) || row.set.epoch != e)
            broken(problem, "V2: a past epoch has no set");
        else if (row.since_height >= since)
            broken(problem, "V2: an epoch began before the one before it");
        else
            check_set(&g, &row.set);
        since = row.since_height;
    }
    rows_each(r, TABLE_INSTITUTIONS, &zero, visit_institution, &g);
    if (g.flagged != g.now.set.count)
        broken(problem, "V1: a validator's institution is not there");
    rows_each(r, TABLE_CANDIDATES, &zero, visit_candidate, &g);
    rows_each(r, TABLE_EVIDENCE, &zero, visit_evidence, &g);
    return problem[0] == '\0';
}
