#include "tests/market/faults.h"

#include "base/check.h"
#include "base/num.h"
#include "tests/market/words.h"

#include <stdio.h>
#include <stdlib.h>

static const struct hash zero;

enum {
    FAULTS_MAX = 48,
    FAR = 40000, /* a day beyond every other */
};

/* What a fault spoils: two of one kind are not planted together. */
enum spoils {
    SPOILS_CHAIN,
    SPOILS_TIME,
    SPOILS_REFERENCE,
    SPOILS_ORDER,
    SPOILS_DUE,
    SPOILS_CHECKER,
    SPOILS_KEY,
    SPOILS_DOCUMENT,
    SPOILS_ROLE,
    SPOILS_SECURITY,
    SPOILS_CLOSURE,
    SPOILS_CAP,
    SPOILS_CONSENT,
    SPOILS_INVESTORS,
    SPOILS_VEHICLE,
    SPOILS_OFFICER,
    SPOILS_PAYMENT,
    SPOILS_FIELD, /* and the field's place in the table */
};

enum way { /* of spoiling it */
           WAY_ONLY,
           WAY_UNKNOWN,
           WAY_CLOSED,
           WAY_FROZEN,
           WAY_SAME,
           WAY_ZERO,
           WAY_HUGE,
           WAY_LATE,
           WAY_DRAFT,
           WAY_SUSPENDED,
           WAY_WITHDRAWN,
};

struct fault {
    uint32_t spoils;
    enum way way;
    enum verdict alone;
};

/* The transaction as it is spoilt. */
struct plant {
    struct market *m;
    struct ledger_block block;
    struct tx tx;
    const struct op_def *def;
    union op_any op;
    uint8_t bytes[TX_BYTES_MAX];
};

static bool get(const struct plant *p,
                void *row,
                uint8_t table,
                const struct hash *tree,
                const struct hash *key)
{
    const struct row_key k = {table, *tree, *key};
    const struct bytes bytes = rows_get(p->m->rows, &k);

    return bytes.size > 0 &&
           schema_decode(row, row_schema(table), bytes) == ERR_NONE;
}

static void put(struct plant *p,
                const void *row,
                uint8_t table,
                const struct hash *tree,
                const struct hash *key)
{
    static uint8_t buf[ROW_BYTES_MAX];
    const struct row_key k = {table, *tree, *key};
    struct writer w = writer_of(buf, sizeof buf);

    schema_encode(&w, row_schema(table), row);
    ASSERT(writer_ok(&w));
    p->m->view.put(p->m->view.ctx, &k, writer_bytes(&w));
}

static const struct field *field_of(const struct plant *p, const char *name)
{
    return schema_field(p->def->schema, name);
}

static uint8_t *at(struct plant *p, const struct field *f)
{
    return (uint8_t *)&p->op + f->offset;
}

/* ---- the envelope and the signatures ---- */

static bool spoil_reference(struct plant *p)
{
    const struct hash tree = day_key(p->tx.reference.day);
    const struct hash key =
        reference_key(p->tx.institution, p->tx.reference.serial);
    const struct reference_row used = {p->tx.id};

    put(p, &used, TABLE_REFERENCES, &tree, &key);
    return true;
}

static uint16_t roles_of(const struct plant *p, const struct tx_sig *s)
{
    struct institution_row row;

    if (!get(p,
             &row,
             TABLE_INSTITUTIONS,
             &zero,
             &p->tx.principals[s->principal].id))
        return 0;
    for (uint32_t i = 0; i < row.key_count; i++) {
        if (memcmp(&row.keys[i].key, &s->key, sizeof s->key) == 0)
            return row.keys[i].roles;
    }
    return 0;
}

static void take_off_signature(struct tx *tx, uint32_t i)
{
    tx->sig_count--;
    memmove(&tx->sigs[i],
            &tx->sigs[i + 1],
            (tx->sig_count - i) * sizeof tx->sigs[0]);
}

static bool spoil_checker(struct plant *p)
{
    for (uint32_t i = 0; i < p->tx.sig_count; i++) {
        const struct tx_sig *s = &p->tx.sigs[i];

        if (p->tx.principals[s->principal].kind == PRINCIPAL_INSTITUTION &&
            (roles_of(p, s) & KEY_CHECKER) != 0) {
            take_off_signature(&p->tx, i);
            return true;
        }
    }
    return false;
}

/* A holder signs with a key that is not the account's. */
static bool spoil_key(struct plant *p)
{
    for (uint32_t i = 0; i < p->tx.sig_count; i++) {
        struct tx_sig *s = &p->tx.sigs[i];

        if (p->tx.principals[s->principal].kind == PRINCIPAL_ACCOUNT) {
            s->key = market_key(MARKET_KEYS);
            return true;
        }
    }
    return false;
}

static bool spoil_document(struct plant *p)
{
    if (!p->def->document_required)
        return false;
    memset((uint8_t *)&p->op + p->def->document_offset, 0, HASH_BYTES);
    return true;
}

/* The registrar, or whoever else files, has no role any more. */
static bool spoil_role(struct plant *p)
{
    const struct hash id = institution_id(p->tx.institution);
    struct institution_row row;

    if (!get(p, &row, TABLE_INSTITUTIONS, &zero, &id))
        return false;
    row.roles = 0;
    put(p, &row, TABLE_INSTITUTIONS, &zero, &id);
    return true;
}

/* ---- rows ---- */

static bool get_security(struct plant *p,
                         struct security_row *s,
                         struct hash *key)
{
    const struct field *f = field_of(p, "security");

    if (f == NULL)
        return false;
    *key = security_key((const char *)at(p, f));
    return get(p, s, TABLE_SECURITIES, &zero, key);
}

static bool spoil_security(struct plant *p, enum way way)
{
    const struct field *f = field_of(p, "security");
    struct security_row s;
    struct hash key;

    if (!get_security(p, &s, &key))
        return false;
    switch (way) {
    case WAY_UNKNOWN:
        memset(at(p, f), 0, f->max + 1);
        memcpy(at(p, f), "NOWHERE", 7);
        return true;
    case WAY_DRAFT:
        s.status = SECURITY_DRAFT;
        break;
    case WAY_SUSPENDED:
        s.status = SECURITY_SUSPENDED;
        break;
    case WAY_WITHDRAWN:
        s.status = SECURITY_WITHDRAWN;
        break;
    case WAY_ONLY:
    case WAY_CLOSED:
    case WAY_FROZEN:
    case WAY_SAME:
    case WAY_ZERO:
    case WAY_HUGE:
    case WAY_LATE:
        return false;
    }
    put(p, &s, TABLE_SECURITIES, &zero, &key);
    return true;
}

static bool spoil_row_of_security(struct plant *p, enum spoils what)
{
    const uint32_t today = p->block.date;
    const struct field *consent = field_of(p, "consent");
    struct security_row s;
    struct hash key;

    if (!get_security(p, &s, &key))
        return false;
    if (what == SPOILS_CLOSURE && s.closure_count < CLOSURES_MAX) {
        s.closures[s.closure_count++] =
            (struct closure){CLOSURE_MEETING, FAR, today - 9, today + 5};
    } else if (what == SPOILS_CAP) {
        s.holder_cap = 1;
    } else if (what == SPOILS_INVESTORS) {
        s.investors = 1u << (INVESTOR_COMPANY - 1); /* nobody here is one */
    } else if (what == SPOILS_CONSENT && consent != NULL) {
        s.features |= FEATURE_COMPANY_CONSENT;
        memset(at(p, consent), 0, HASH_BYTES);
    } else {
        return false;
    }
    put(p, &s, TABLE_SECURITIES, &zero, &key);
    return true;
}

static bool spoil_vehicle(struct plant *p)
{
    const struct field *f = field_of(p, "to");
    struct account_row a;
    struct hash id;

    if (f == NULL || f->kind != FIELD_HASH)
        return false;
    memcpy(&id, at(p, f), sizeof id);
    if (!get(p, &a, TABLE_ACCOUNTS, &zero, &id))
        return false;
    a.pooled = true;
    a.investors = 0;
    put(p, &a, TABLE_ACCOUNTS, &zero, &id);
    return true;
}

/* The giver is an officer who left, or one with no quota. */
static bool spoil_officer(struct plant *p, enum way way)
{
    static struct holding_row h;
    const struct field *from = field_of(p, "from");
    struct security_row s;
    struct hash tree;
    struct hash id;
    uint32_t year;
    uint32_t month;
    uint32_t day;

    if (from == NULL || from->kind != FIELD_HASH || !get_security(p, &s, &tree))
        return false;
    memcpy(&id, at(p, from), sizeof id);
    if (!get(p, &h, TABLE_HOLDINGS, &tree, &id))
        return false;
    num_date_of_days(p->block.date, &year, &month, &day);
    h.insider =
        (struct insider){.term_end = FAR,
                         .left_day = way == WAY_LATE ? p->block.date : 0,
                         .year = (uint16_t)year};
    put(p, &h, TABLE_HOLDINGS, &tree, &id);
    return true;
}

/* ---- fields ---- */

static bool spoil_account(struct plant *p, const struct field *f, enum way way)
{
    const struct field *from = field_of(p, "from");
    struct account_row a;
    struct hash id;

    memcpy(&id, at(p, f), sizeof id);
    switch (way) {
    case WAY_UNKNOWN:
        memset(at(p, f), 0xee, HASH_BYTES);
        return true;
    case WAY_SAME:
        if (from == NULL || from == f || from->kind != FIELD_HASH)
            return false;
        memcpy(at(p, f), at(p, from), HASH_BYTES);
        return true;
    case WAY_CLOSED:
    case WAY_FROZEN:
        if (!get(p, &a, TABLE_ACCOUNTS, &zero, &id))
            return false;
        a.status = way == WAY_CLOSED ? ACCOUNT_CLOSED : ACCOUNT_FROZEN;
        put(p, &a, TABLE_ACCOUNTS, &zero, &id);
        return true;
    case WAY_ONLY:
    case WAY_ZERO:
    case WAY_HUGE:
    case WAY_LATE:
    case WAY_DRAFT:
    case WAY_SUSPENDED:
    case WAY_WITHDRAWN:
        return false;
    }
    return false;
}

static bool spoil_field(struct plant *p, const struct field *f, enum way way)
{
    const uint64_t huge = (uint64_t)INT64_MAX + 1;
    const uint32_t far = FAR;
    const bool is_number =
        f->kind == FIELD_U64 && strcmp(f->name, "number") == 0;

    if (f->kind == FIELD_HASH && words_is_account(f->name))
        return spoil_account(p, f, way);
    if (f->kind == FIELD_QTY && way == WAY_ZERO) {
        memset(at(p, f), 0, 8);
        return true;
    }
    if (f->kind == FIELD_QTY && way == WAY_HUGE) {
        memcpy(at(p, f), &huge, sizeof huge);
        return true;
    }
    if (is_number && way == WAY_UNKNOWN) {
        memset(at(p, f), 0x7e, 8);
        return true;
    }
    if (f->kind == FIELD_CODE && strcmp(f->name, "authority") == 0 &&
        (way == WAY_UNKNOWN || way == WAY_SAME)) {
        memset(at(p, f), 0, f->max + 1);
        if (way == WAY_SAME)
            memcpy(at(p, f), "POLICE", 6);
        else
            memcpy(at(p, f), "NOWHERE", 7);
        return true;
    }
    if (f->kind == FIELD_DATE && (way == WAY_ZERO || way == WAY_LATE)) {
        memset(at(p, f), 0, 4);
        if (way == WAY_LATE)
            memcpy(at(p, f), &far, sizeof far);
        else
            *at(p, f) = 1; /* 1970-01-02 */
        return true;
    }
    return false;
}

static bool spoil_payment(struct plant *p)
{
    const struct field *f = field_of(p, "payment");

    if (f == NULL)
        return false;
    memset(at(p, f), 0, HASH_BYTES);
    return true;
}

static bool spoil_block_or_envelope(struct plant *p, const struct fault *f)
{
    switch (f->spoils) {
    case SPOILS_CHAIN:
        p->tx.chain_id.raw[31] ^= 1;
        return true;
    case SPOILS_TIME:
        p->tx.valid_until = f->way == WAY_LATE
                                ? p->tx.reference.day + TX_WINDOW_DAYS + 1
                                : p->block.date - 1;
        return true;
    case SPOILS_ORDER:
        p->block.courts_over = true;
        return true;
    case SPOILS_DUE:
        p->block.due_left = true;
        return true;
    default:
        return false;
    }
}

/* False: there is nothing to spoil in this way. */
static bool plant(struct plant *p, const struct fault *f)
{
    switch (f->spoils) {
    case SPOILS_CHAIN:
    case SPOILS_TIME:
    case SPOILS_ORDER:
    case SPOILS_DUE:
        return spoil_block_or_envelope(p, f);
    case SPOILS_REFERENCE:
        return spoil_reference(p);
    case SPOILS_CHECKER:
        return spoil_checker(p);
    case SPOILS_KEY:
        return spoil_key(p);
    case SPOILS_DOCUMENT:
        return spoil_document(p);
    case SPOILS_ROLE:
        return spoil_role(p);
    case SPOILS_SECURITY:
        return spoil_security(p, f->way);
    case SPOILS_CLOSURE:
    case SPOILS_CAP:
    case SPOILS_CONSENT:
    case SPOILS_INVESTORS:
        return spoil_row_of_security(p, (enum spoils)f->spoils);
    case SPOILS_VEHICLE:
        return spoil_vehicle(p);
    case SPOILS_OFFICER:
        return spoil_officer(p, f->way);
    case SPOILS_PAYMENT:
        return spoil_payment(p);
    default:
        return spoil_field(
            p, &p->def->schema->fields[f->spoils - SPOILS_FIELD], f->way);
    }
}

/* ---- trying ---- */

static void fresh(struct plant *p,
                  struct market *m,
                  const struct ledger_block *before)
{
    p->m = m;
    p->block = *before;
    p->block.on_event = NULL;
    p->tx = *m->tx;
    p->def = m->defs[0];
    memcpy(&p->op, &m->ops[0], p->def->schema->size);
}

static enum verdict try(struct plant *p, struct refusal *why)
{
    struct writer w = writer_of(p->bytes, sizeof p->bytes);
    enum verdict v;

    op_encode(&w, p->def, &p->op);
    ASSERT(writer_ok(&w));
    p->tx.ops[0] = writer_bytes(&w);
    v = ledger_apply(&p->block, &p->tx, why);
    rows_back(p->m->rows);
    return v;
}

/* What is told of the whole transaction comes after its operations (R179): it
 * says nothing of the order of their refusals. */
static bool told_of_the_operation(const struct plant *p,
                                  const struct refusal *why,
                                  enum verdict v)
{
    return v < V_SIG_MISSING || why->op_index < p->tx.op_count;
}

static uint32_t list_faults(struct plant *p,
                            const struct ledger_block *before,
                            struct fault *list)
{
    static const enum way ways[] = {WAY_ONLY,
                                    WAY_UNKNOWN,
                                    WAY_CLOSED,
                                    WAY_FROZEN,
                                    WAY_SAME,
                                    WAY_ZERO,
                                    WAY_HUGE,
                                    WAY_LATE,
                                    WAY_DRAFT,
                                    WAY_SUSPENDED,
                                    WAY_WITHDRAWN};
    const uint32_t all = SPOILS_FIELD + p->def->schema->field_count;
    struct market *m = p->m;
    uint32_t count = 0;

    for (uint32_t s = 0; s < all; s++) {
        for (size_t w = 0; w < ARRAY_LEN(ways) && count < FAULTS_MAX; w++) {
            struct fault f = {.spoils = s, .way = ways[w]};
            struct refusal why;

            if (s < SPOILS_FIELD && s != SPOILS_SECURITY &&
                ways[w] != WAY_ONLY &&
                !((s == SPOILS_TIME || s == SPOILS_OFFICER) &&
                  ways[w] == WAY_LATE))
                continue;
            fresh(p, m, before);
            if (!plant(p, &f)) {
                rows_back(m->rows);
                continue;
            }
            f.alone = try(p, &why);
            if (f.alone != V_OK && told_of_the_operation(p, &why, f.alone))
                list[count++] = f;
        }
    }
    return count;
}

static bool is_unknown(const struct fault *f)
{
    return f->way == WAY_UNKNOWN && f->spoils >= SPOILS_SECURITY;
}

/* Whose signature is missing is known only of what exists; who is the same as
 * the giver is unknown if the giver is, and needs no other custodian. */
static bool hangs_on(const struct fault *a, const struct fault *b)
{
    if (a->way == WAY_SAME)
        return is_unknown(b) || b->spoils == SPOILS_CHECKER ||
               b->spoils == SPOILS_KEY || b->spoils == SPOILS_ROLE;
    return (a->spoils == SPOILS_CHECKER || a->spoils == SPOILS_KEY) &&
           is_unknown(b);
}

static bool independent(const struct fault *a, const struct fault *b)
{
    return a->spoils != b->spoils && !hangs_on(a, b) && !hangs_on(b, a);
}

static bool again(struct market *m,
                  const struct ledger_block *before,
                  char problem[PROBLEM_MAX])
{
    m->block = *before;
    if (ledger_apply(&m->block, m->tx, &m->why) == V_OK)
        return true;
    (void)snprintf(problem,
                   PROBLEM_MAX,
                   "R1: %s takes effect no more after trials",
                   m->defs[0]->schema->name);
    return false;
}

bool faults_check(struct market *m,
                  const struct ledger_block *before,
                  struct faults_count *count,
                  char problem[PROBLEM_MAX])
{
    static struct plant p;
    struct fault list[FAULTS_MAX];
    struct rows_digest start;
    struct rows_digest end;
    uint32_t n;

    rows_back(m->rows);
    start = rows_digest(m->rows);
    fresh(&p, m, before);
    n = list_faults(&p, before, list);
    count->alone += n;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = i + 1; k < n; k++) {
            const enum verdict lower =
                list[i].alone < list[k].alone ? list[i].alone : list[k].alone;
            struct refusal why;
            enum verdict v;

            if (!independent(&list[i], &list[k]))
                continue;
            fresh(&p, m, before);
            if (!plant(&p, &list[i]) || !plant(&p, &list[k])) {
                rows_back(m->rows);
                continue;
            }
            v = try(&p, &why);
            count->pairs++;
            if (v != lower && problem[0] == '\0')
                (void)snprintf(problem,
                               PROBLEM_MAX,
                               "R2: %s: faults %u.%d (%s) and %u.%d (%s) at "
                               "once are told as %s",
                               p.def->schema->name,
                               list[i].spoils,
                               (int)list[i].way,
                               verdict_name(list[i].alone),
                               list[k].spoils,
                               (int)list[k].way,
                               verdict_name(list[k].alone),
                               verdict_name(v));
        }
    }
    end = rows_digest(m->rows);
    if ((start.a != end.a || start.b != end.b) && problem[0] == '\0')
        (void)snprintf(problem, PROBLEM_MAX, "I13: a trial left rows behind");
    return again(m, before, problem) && problem[0] == '\0';
}

/* A key that is among the old and the new ones of a rotation may sign for
 * both, and so may two where one would do. */
static bool serves_twice(const struct market *m, uint32_t i)
{
    return m->defs[0]->kind == OP_ACCOUNT_ROTATE && i < m->tx->sig_count &&
           m->tx->principals[m->tx->sigs[i].principal].kind ==
               PRINCIPAL_ACCOUNT;
}

bool faults_signatures(struct market *m,
                       const struct ledger_block *before,
                       char problem[PROBLEM_MAX])
{
    static struct plant p;
    struct refusal why;
    struct ledger_block block = m->block;
    const struct tx whole = *m->tx;

    block.on_event = NULL;
    block.courts_over = false;
    if (ledger_apply(&block, &whole, &why) != V_DUPLICATE_SERIAL)
        (void)snprintf(problem, PROBLEM_MAX, "I15: a reference was used twice");
    rows_back(m->rows);
    for (uint32_t i = 0; i <= whole.sig_count && problem[0] == '\0'; i++) {
        enum verdict v;

        fresh(&p, m, before);
        if (i < whole.sig_count)
            take_off_signature(&p.tx, i);
        else if (p.tx.sig_count < TX_SIGS_MAX)
            p.tx.sigs[p.tx.sig_count++] = (struct tx_sig){
                .key_type = KEY_TYPE_SECP256K1, .key = market_key(MARKET_KEYS)};
        else
            continue;
        p.tx.ops[0] = m->tx->ops[0];
        v = ledger_apply(&p.block, &p.tx, &why);
        rows_back(m->rows);
        if (v == V_OK && !serves_twice(m, i))
            (void)snprintf(problem,
                           PROBLEM_MAX,
                           "I11: %s takes effect %s",
                           m->defs[0]->schema->name,
                           i < whole.sig_count ? "with a signature less"
                                               : "with one too many");
    }
    return again(m, before, problem) && problem[0] == '\0';
}
