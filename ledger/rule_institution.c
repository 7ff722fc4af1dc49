/* Institutions, authorities, the calendar, and the voiding of a reference. */
#include "base/num.h"
#include "ledger/exec.h"

static const struct hash zero;

enum {
    YEAR_LAST = 9999,
};

static bool has_operator(const struct institution_key *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if ((keys[i].roles & KEY_OPERATOR) != 0)
            return true;
    }
    return false;
}

/* R12: The keys of an institution are valid and differ from one another, each
 * has a role, and one key is a maker's while another is a checker's. */
static bool keys_ok(const struct institution_key *keys, uint32_t count)
{
    bool pair = false;

    for (uint32_t i = 0; i < count; i++) {
        if (!key_is_valid(&keys[i].key) || keys[i].roles == 0)
            return false;
        for (uint32_t k = 0; k < count; k++) {
            if (k != i &&
                memcmp(&keys[k].key, &keys[i].key, sizeof keys[i].key) == 0)
                return false;
            pair = pair || (k != i && (keys[i].roles & KEY_MAKER) != 0 &&
                            (keys[k].roles & KEY_CHECKER) != 0);
        }
    }
    return pair;
}

enum verdict rule_institution_open(struct exec *x,
                                   const struct op_institution_open *op)
{
    const struct hash key = institution_id(op->number);
    struct institution_row row;
    struct event e = {.kind = EVENT_INSTITUTION_OPENED,
                      .number = op->number,
                      .second = op->roles};

    /* R11: An institution is admitted once under its number, which is not
     * zero. */
    if (op->number == 0 ||
        exec_get(x->b->view, &row, TABLE_INSTITUTIONS, &zero, &key))
        return exec_refuse(x, V_EXISTS, &key, 0, 0);
    if (!keys_ok(op->keys, op->key_count))
        return exec_refuse(x, V_POLICY, &key, 0, 0);
    row = (struct institution_row){
        .number = op->number, .roles = op->roles, .key_count = op->key_count};
    memcpy(row.code, op->code, sizeof row.code);
    memcpy(row.keys, op->keys, op->key_count * sizeof row.keys[0]);
    exec_emit(x, &e);
    exec_put(x, &row, TABLE_INSTITUTIONS, &zero, &key);
    return V_OK;
}

enum verdict rule_institution_change(struct exec *x,
                                     const struct op_institution_change *op)
{
    const struct hash key = institution_id(op->number);
    struct institution_row row;
    struct event e = {.kind = EVENT_INSTITUTION_CHANGED,
                      .number = op->number,
                      .second = op->roles};

    if (!exec_get(x->b->view, &row, TABLE_INSTITUTIONS, &zero, &key))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    /* R13: A change replaces all roles and keys of an institution; one that
     * runs a validator keeps at least one operator key. */
    if (!keys_ok(op->keys, op->key_count) ||
        (row.validator && !has_operator(op->keys, op->key_count)))
        return exec_refuse(x, V_POLICY, &key, 0, 0);
    row.roles = op->roles;
    row.key_count = op->key_count;
    memcpy(row.keys, op->keys, op->key_count * sizeof row.keys[0]);
    exec_emit(x, &e);
    exec_put(x, &row, TABLE_INSTITUTIONS, &zero, &key);
    return V_OK;
}

enum verdict rule_authority_set(struct exec *x,
                                const struct op_authority_set *op)
{
    const struct hash key = security_key(op->code);
    const struct hash superior = security_key(op->superior);
    struct genesis_authority row;
    struct event e = {.kind = EVENT_AUTHORITY_SET,
                      .account = key,
                      .other = superior,
                      .number = op->type};

    /* R14: The superior of an authority is an authority on the ledger, or the
     * authority itself. */
    if (!hash_eq(&key, &superior) &&
        !exec_get(x->b->view, &row, TABLE_AUTHORITIES, &zero, &superior))
        return exec_refuse(x, V_UNKNOWN, &superior, 0, 0);
    row = (struct genesis_authority){.type = op->type};
    memcpy(row.code, op->code, sizeof row.code);
    memcpy(row.superior, op->superior, sizeof row.superior);
    exec_emit(x, &e);
    exec_put(x, &row, TABLE_AUTHORITIES, &zero, &key);
    return V_OK;
}

static bool trades_after_the_year(const struct op_calendar_set *op)
{
    uint32_t first = 0;
    uint32_t next = 0;

    if (!num_days_of_date(&first, op->year, 1, 1) ||
        !num_days_of_date(&next, op->year, 12, 31))
        return true;
    for (uint32_t i = next - first + 1; i < 8 * YEAR_MAP_BYTES; i++) {
        if ((op->trading[i / 8] >> (i % 8) & 1) != 0)
            return true;
    }
    return false;
}

enum verdict rule_calendar_set(struct exec *x, const struct op_calendar_set *op)
{
    const struct hash key = day_key(op->year);
    struct genesis_year row = {.year = op->year};
    struct event e = {.kind = EVENT_CALENDAR_SET, .number = op->year};
    uint32_t year;
    uint32_t month;
    uint32_t day;

    num_date_of_days(x->b->date, &year, &month, &day);
    /* R15: Trading days are set for this year and later ones; the map names no
     * day after the year's last. */
    if (op->year < year || op->year > YEAR_LAST || trades_after_the_year(op))
        return exec_refuse(x, V_DATE, &key, year, op->year);
    memcpy(row.trading, op->trading, sizeof row.trading);
    exec_emit(x, &e);
    exec_put(x, &row, TABLE_CALENDAR, &zero, &key);
    return V_OK;
}

/* R16: A void takes effect by using up its reference: no other transaction
 * with that reference ever takes effect. */
enum verdict rule_void(struct exec *x, const struct op_void *op)
{
    struct event e = {.kind = EVENT_TX_VOIDED, .document = op->voided};

    exec_emit(x, &e);
    return V_OK;
}
