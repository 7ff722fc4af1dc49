/* Worked cases of the register, as a registrar writes them.
 *
 * A case (tests/golden/ledger/NAME.case) is one statement a line; docs of the
 * language are in tests/golden/ledger/README.  Each operation is signed by all
 * who must, tried first and then carried out, in a block of its own; after each
 * statement every invariant is checked over every row, and what is refused must
 * have changed nothing. */
#include "base/check.h"
#include "base/num.h"
#include "crypto/hash.h"
#include "tests/market/invariants.h"
#include "tests/market/words.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LINE_MAX_CHARS = 4096,
    TOKENS_MAX = 400,
    NAME_CHARS = 20,
    LABELS_MAX = 64,
    LINES_MAX = 20000,
    FILES_MAX = 128,
};

struct name {
    char text[NAME_CHARS];
    struct hash id;
};

struct golden {
    struct market *m;
    struct words words;
    const char *file;
    int line;
    bool failed;
    bool in_block;
    char security[CODE_MAX + 1];
    struct name *accounts;
    uint32_t account_count;
    struct name labels[LABELS_MAX];
    uint32_t label_count;
    /* The transaction being written. */
    uint32_t op_count;
    const struct op_def *defs[MARKET_TX_OPS];
    union op_any ops[MARKET_TX_OPS];
    struct market_signing signing;
    char tx_label[NAME_CHARS];
    uint32_t statements;
};

struct tokens {
    uint32_t count;
    char *at[TOKENS_MAX];
};

PRINTF_LIKE(2, 3)
static void fail(struct golden *g, const char *format, ...)
{
    va_list ap;

    g->failed = true;
    fprintf(stderr, "%s:%d: ", g->file, g->line);
    va_start(ap, format);
    (void)vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
}

/* ---- names ---- */

static struct name *name_of(struct name *list, uint32_t count, const char *text)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(list[i].text, text) == 0)
            return &list[i];
    }
    return NULL;
}

static void set_label(struct golden *g, const char *text, const struct hash *h)
{
    struct name *n = name_of(g->labels, g->label_count, text);

    if (n == NULL) {
        ASSERT(g->label_count < LABELS_MAX);
        n = &g->labels[g->label_count++];
        (void)snprintf(n->text, sizeof n->text, "%s", text);
    }
    n->id = *h;
}

static void new_block(struct golden *g)
{
    if (!g->in_block)
        market_next_block(g->m);
    g->words.today = g->m->block.date;
}

/* Opens an account; pairs are field and value. */
static bool open_account(struct golden *g,
                         const char *name,
                         char *const *pairs,
                         uint32_t count)
{
    const uint32_t place = g->account_count + 1;
    const uint32_t key = 1 + g->account_count % 190;
    struct op_account_open op;
    struct name *n;
    enum verdict v;

    words_defaults(&g->words, &op_def_account_open, &op, "X", 0);
    op.custodian = MARKET_R1;
    memcpy(op.nonce, &place, sizeof place);
    memcpy(op.subject_tag.raw, &place, sizeof place);
    market_keys(&op.policy, &key, 1, 1);
    for (uint32_t i = 0; i < count; i++) {
        char *eq = strchr(pairs[i], '=');
        const char *why = "a field has the form name=value";

        if (eq != NULL) {
            *eq = '\0';
            why = words_set(
                &g->words, op_def_account_open.schema, &op, pairs[i], eq + 1);
        }
        if (why != NULL) {
            fail(g, "account %s: %s: %s", name, pairs[i], why);
            return false;
        }
    }
    if (op.authority == AUTHORITY_PAPER)
        market_keys(&op.policy, NULL, 0, 0);
    if (g->in_block)
        fail(g, "open account %s before the block", name);
    new_block(g);
    v = market_do(g->m, OP_ACCOUNT_OPEN, &op);
    if (v != V_OK) {
        fail(g, "account %s is not opened: %s", name, verdict_name(v));
        return false;
    }
    g->accounts =
        realloc(g->accounts, (g->account_count + 1) * sizeof g->accounts[0]);
    ASSERT(g->accounts != NULL);
    n = &g->accounts[g->account_count++];
    (void)snprintf(n->text, sizeof n->text, "%s", name);
    n->id = account_id_of(&g->m->block.chain_id, op.custodian, op.nonce);
    return true;
}

static bool account_by_name(void *ctx, struct hash *out, const char *text)
{
    struct golden *g = ctx;
    const struct name *n = name_of(g->accounts, g->account_count, text);

    if (strcmp(text, "nobody") == 0) {
        *out = hash_of(bytes_of(text, strlen(text)));
        return true;
    }
    if (n == NULL) {
        if (text[0] < 'A' || text[0] > 'Z' || strlen(text) >= NAME_CHARS ||
            !open_account(g, text, NULL, 0))
            return false;
        n = &g->accounts[g->account_count - 1];
    }
    *out = n->id;
    return true;
}

static bool label_by_name(void *ctx, struct hash *out, const char *text)
{
    struct golden *g = ctx;
    const struct name *n = name_of(g->labels, g->label_count, text);

    if (n == NULL)
        return false;
    *out = n->id;
    return true;
}

/* ---- reading rows ---- */

static bool get_row(const struct golden *g,
                    void *row,
                    uint8_t table,
                    const struct hash *tree,
                    const struct hash *key)
{
    const struct row_key k = {table, *tree, *key};
    const struct bytes bytes = rows_get(g->m->rows, &k);

    return bytes.size > 0 &&
           schema_decode(row, row_schema(table), bytes) == ERR_NONE;
}

static void check_all(struct golden *g)
{
    char problem[PROBLEM_MAX] = "";

    if (!invariants_all(g->m->rows, g->m->block.date, problem))
        fail(g, "%s", problem);
    if (g->m->problem[0] != '\0')
        fail(g, "%s", g->m->problem);
}

/* ---- statements that are no operation ---- */

static void do_date(struct golden *g, const struct tokens *t)
{
    uint32_t day;

    if (t->count != 2 || !num_parse_date(&day, t->at[1])) {
        fail(g, "date YYYY-MM-DD");
        return;
    }
    if (day < g->m->block.date) {
        fail(g, "the day is over");
        return;
    }
    /* Every day has its block, as on a chain that runs. */
    while (g->m->block.date < day)
        market_date(g->m, g->m->block.date + 1);
    g->words.today = day;
}

/* Jumps to a day: the days between have no block. */
static void do_jump(struct golden *g, const struct tokens *t)
{
    uint32_t day;

    if (t->count != 2 || !num_parse_date(&day, t->at[1]) ||
        day <= g->m->block.date) {
        fail(g, "jump YYYY-MM-DD, to a later day");
        return;
    }
    market_date(g->m, day);
    g->words.today = day;
}

static void do_account(struct golden *g, const struct tokens *t)
{
    if (t->count < 2 ||
        name_of(g->accounts, g->account_count, t->at[1]) != NULL) {
        fail(g, "account NEWNAME field=value ...");
        return;
    }
    (void)open_account(g, t->at[1], &t->at[2], t->count - 2);
}

static const char *short_field(const char *name)
{
    static const char *const pairs[][2] = {{"cap", "holder_cap"},
                                           {"holders", "holder_count"}};

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        if (strcmp(pairs[i][0], name) == 0)
            return pairs[i][1];
    }
    return name;
}

static void do_security(struct golden *g, const struct tokens *t)
{
    struct op_security_create op;
    enum verdict v;

    if (t->count < 2 || !schema_code_ok(t->at[1], CODE_MAX)) {
        fail(g, "security CODE field=value ...");
        return;
    }
    words_defaults(&g->words, &op_def_security_create, &op, t->at[1], 0);
    memset(op.code, 0, sizeof op.code);
    memcpy(op.code, t->at[1], strlen(t->at[1]));
    op.registrar = MARKET_R1;
    op.holder_cap = 200;
    for (uint32_t i = 2; i < t->count; i++) {
        char *eq = strchr(t->at[i], '=');
        const char *why = "a field has the form name=value";

        if (eq != NULL) {
            *eq = '\0';
            why = words_set(&g->words,
                            op_def_security_create.schema,
                            &op,
                            short_field(t->at[i]),
                            eq + 1);
        }
        if (why != NULL)
            fail(g, "%s: %s", t->at[i], why);
    }
    if (hash_is_zero(&op.issuer) && !account_by_name(g, &op.issuer, "Issuer"))
        return;
    memset(g->security, 0, sizeof g->security);
    memcpy(g->security, t->at[1], strlen(t->at[1]));
    new_block(g);
    v = market_do(g->m, OP_SECURITY_CREATE, &op);
    if (v != V_OK)
        fail(g, "security %s: %s", op.code, verdict_name(v));
}

static void do_use(struct golden *g, const struct tokens *t)
{
    if (t->count != 2 || !schema_code_ok(t->at[1], CODE_MAX)) {
        fail(g, "use CODE");
        return;
    }
    memset(g->security, 0, sizeof g->security);
    memcpy(g->security, t->at[1], strlen(t->at[1]));
}

/* Bit i of a year's map is its day i. */
static void do_holiday(struct golden *g, const struct tokens *t)
{
    struct op_calendar_set op = {0};
    struct genesis_year map;
    static const struct hash zero;
    struct hash key;
    uint32_t day;
    uint32_t first;
    uint32_t y;
    uint32_t m;
    uint32_t d;
    enum verdict v;

    if (t->count != 2 || !num_parse_date(&day, t->at[1])) {
        fail(g, "holiday YYYY-MM-DD");
        return;
    }
    num_date_of_days(day, &y, &m, &d);
    key = day_key(y);
    if (!get_row(g, &map, TABLE_CALENDAR, &zero, &key) ||
        !num_days_of_date(&first, y, 1, 1)) {
        fail(g, "the calendar has no such year");
        return;
    }
    op.year = (uint16_t)y;
    memcpy(op.trading, map.trading, sizeof op.trading);
    op.trading[(day - first) / 8] &= (uint8_t) ~(1u << ((day - first) % 8));
    new_block(g);
    v = market_do(g->m, OP_CALENDAR_SET, &op);
    if (v != V_OK)
        fail(g, "calendar_set: %s", verdict_name(v));
}

static void do_snapshot(struct golden *g, const struct tokens *t)
{
    const struct hash key = security_key(g->security);
    struct hash root;

    if (t->count != 2) {
        fail(g, "snapshot NAME");
        return;
    }
    new_block(g);
    root = g->m->view.snapshot(g->m->view.ctx, &key);
    set_label(g, t->at[1], &root);
}

/* validators NAME: the hash of the set in force gets a name, as votes cite it.
 */
static void do_validators(struct golden *g, const struct tokens *t)
{
    static const struct hash zero;
    struct validators_row row;
    struct hash hash;

    if (t->count != 2 || !get_row(g, &row, TABLE_VALIDATORS, &zero, &zero)) {
        fail(g, "validators NAME");
        return;
    }
    hash = valset_hash(&row.set);
    set_label(g, t->at[1], &hash);
}

static void check_verdict(struct golden *g,
                          enum verdict v,
                          const struct tokens *t,
                          uint32_t arrow)
{
    const char *wanted = arrow + 1 < t->count ? t->at[arrow + 1] : "OK";

    if (strcmp(verdict_name(v), wanted) != 0) {
        fail(g,
             "%s where %s was expected (have %lu, need %lu)",
             verdict_name(v),
             wanted,
             (unsigned long)g->m->why.have,
             (unsigned long)g->m->why.need);
        return;
    }
    for (uint32_t i = arrow + 2; i < t->count; i++) {
        const bool have = strncmp(t->at[i], "have=", 5) == 0;
        uint64_t n = 0;

        if ((!have && strncmp(t->at[i], "need=", 5) != 0) ||
            !num_parse_u64(&n, t->at[i] + 5))
            fail(g, "after the verdict: have=N or need=N");
        else if (n != (have ? g->m->why.have : g->m->why.need))
            fail(g,
                 "have %lu, need %lu",
                 (unsigned long)g->m->why.have,
                 (unsigned long)g->m->why.need);
    }
}

static uint32_t arrow_of(const struct tokens *t)
{
    uint32_t i = 0;

    while (i < t->count && strcmp(t->at[i], "->") != 0)
        i++;
    return i;
}

/* H1..H198=10 stands for H1=10 H2=10 and so on. */
static bool add_lines(struct golden *g,
                      struct register_line *lines,
                      uint32_t *count,
                      char *token,
                      uint32_t acquired)
{
    char *eq = strchr(token, '=');
    char *dots = strstr(token, "..");
    uint64_t first = 0;
    uint64_t last = 0;
    uint64_t q;
    size_t letters = 0;

    if (eq == NULL || !num_parse_u64(&q, eq + 1))
        return false;
    *eq = '\0';
    if (dots != NULL) {
        *dots = '\0';
        letters = strcspn(token, "0123456789");
        if (!num_parse_u64(&first, token + letters) ||
            strncmp(token, dots + 2, letters) != 0 ||
            !num_parse_u64(&last, dots + 2 + letters))
            return false;
    }
    for (uint64_t i = first; i <= last; i++) {
        char name[NAME_CHARS];
        struct register_line *line = &lines[*count];

        if (dots == NULL)
            (void)snprintf(name, sizeof name, "%s", token);
        else
            (void)snprintf(name,
                           sizeof name,
                           "%.*s%lu",
                           (int)letters,
                           token,
                           (unsigned long)i);
        if (*count >= LINES_MAX || !account_by_name(g, &line->account, name))
            return false;
        line->quantity.shares = q;
        line->acquired = acquired;
        line->nature = 0;
        (*count)++;
    }
    return true;
}

static void do_register(struct golden *g, const struct tokens *t)
{
    static struct register_line lines[LINES_MAX];
    const uint32_t arrow = arrow_of(t);
    uint32_t count = 0;
    uint64_t issued = 0;
    uint64_t declared = 0;

    for (uint32_t i = 1; i < arrow; i++) {
        if (strncmp(t->at[i], "issued=", 7) == 0) {
            if (!num_parse_u64(&declared, t->at[i] + 7))
                fail(g, "issued=N");
        } else if (!add_lines(g, lines, &count, t->at[i], g->words.today)) {
            fail(g, "register [issued=N] NAME=N ...: %s", t->at[i]);
        }
    }
    for (uint32_t i = 0; i < count; i++)
        issued += lines[i].quantity.shares;
    new_block(g);
    check_verdict(
        g,
        market_register(
            g->m, g->security, lines, count, declared != 0 ? declared : issued),
        t,
        arrow);
}

/* ---- operations ---- */

static bool skip(struct golden *g, char *names)
{
    const struct hash tree = security_key(g->security);
    static const struct hash zero;
    struct security_row s;
    char *rest = NULL;

    for (char *n = strtok_r(names, ",", &rest); n != NULL;
         n = strtok_r(NULL, ",", &rest)) {
        struct principal *p = &g->signing.skip[g->signing.skip_count];

        if (strcmp(n, "checker") == 0) {
            g->signing.no_checker = true;
            continue;
        }
        if (g->signing.skip_count >= MARKET_SKIPS)
            return false;
        if (strcmp(n, "registrar") == 0 || strcmp(n, "issuer") == 0) {
            if (!get_row(g, &s, TABLE_SECURITIES, &zero, &tree))
                return false;
            if (n[0] == 'r')
                *p = (struct principal){PRINCIPAL_INSTITUTION,
                                        institution_id(s.registrar)};
            else
                *p = (struct principal){PRINCIPAL_ACCOUNT, s.issuer};
        } else {
            const struct name *a = name_of(g->accounts, g->account_count, n);

            if (a == NULL)
                return false;
            *p = (struct principal){PRINCIPAL_ACCOUNT, a->id};
        }
        g->signing.skip_count++;
    }
    return true;
}

/* with=A:7 lets A sign with key 7 instead of its own. */
static bool other_key(struct golden *g, char *text)
{
    char *colon = strchr(text, ':');
    uint64_t key;

    if (colon == NULL)
        return false;
    *colon = '\0';
    if (!num_parse_u64(&key, colon + 1) || key == 0 || key > MARKET_KEYS ||
        !account_by_name(g, &g->signing.other_account, text))
        return false;
    g->signing.other_key = (uint16_t)key;
    return true;
}

/* What is said of the transaction and not in the operation: filer, without,
 * with, name.  Returns 1 if it was such, 0 if not, -1 if it is wrong. */
static int option(struct golden *g, const char *name, char *value)
{
    uint64_t n;

    if (strcmp(name, "without") == 0)
        return skip(g, value) ? 1 : -1;
    if (strcmp(name, "with") == 0)
        return other_key(g, value) ? 1 : -1;
    if (strcmp(name, "filer") == 0) {
        if (!num_parse_u64(&n, value) || n == 0 || n > UINT16_MAX)
            return -1;
        g->signing.filer = (uint16_t)n;
        return 1;
    }
    if (strcmp(name, "name") == 0) {
        (void)snprintf(g->tx_label, sizeof g->tx_label, "%s", value);
        return 1;
    }
    return 0;
}

/* A register is handed over under the root that its last block left. */
static void default_root(struct golden *g, const struct op_def *def, void *op)
{
    const struct field *f = schema_field(def->schema, "root");
    const struct hash key = security_key(g->security);
    struct hash root;

    if (f == NULL || def->kind == OP_REGISTER_OPEN)
        return;
    root = g->m->view.snapshot(g->m->view.ctx, &key);
    memcpy((uint8_t *)op + f->offset, &root, sizeof root);
}

static void send_ops(struct golden *g, const struct tokens *t, uint32_t arrow)
{
    const char *wanted = arrow + 1 < t->count ? t->at[arrow + 1] : "OK";
    uint8_t kinds[MARKET_TX_OPS];
    char problem[PROBLEM_MAX] = "";
    enum verdict v;

    new_block(g); /* another than that in which accounts were opened */
    market_begin(g->m);
    for (uint32_t i = 0; i < g->op_count; i++) {
        market_add(g->m, g->defs[i]->kind, &g->ops[i]);
        kinds[i] = g->defs[i]->kind;
    }
    v = market_send(g->m, &g->signing);
    check_verdict(g, v, t, arrow);
    if (!invariants_step(
            g->m->rows, g->m->block.date, kinds, g->op_count, problem))
        fail(g, "%s", problem);
    if (v == V_OK && g->op_count == 1 &&
        !invariants_moved(
            g->m->rows, g->m->block.date, g->defs[0], &g->ops[0], problem))
        fail(g, "%s", problem);
    if (v == V_OK && strcmp(wanted, "OK") == 0)
        set_label(g, "last", &g->m->last_id);
    if (g->tx_label[0] != '\0')
        set_label(g, g->tx_label, &g->m->last_id);
    g->op_count = 0;
    g->tx_label[0] = '\0';
    memset(&g->signing, 0, sizeof g->signing);
}

/* One operation; a line that ends with & belongs to one transaction with the
 * next. */
static void do_operation(struct golden *g, struct tokens *t)
{
    const struct op_def *def = op_find_name(t->at[0]);
    const bool more = strcmp(t->at[t->count - 1], "&") == 0;
    const uint32_t arrow = more ? t->count - 1 : arrow_of(t);
    void *op;

    if (def == NULL || g->op_count >= MARKET_TX_OPS) {
        fail(g, "%s: no such statement or operation", t->at[0]);
        return;
    }
    if (g->op_count == 0)
        new_block(g);
    g->defs[g->op_count] = def;
    op = &g->ops[g->op_count];
    words_defaults(&g->words, def, op, g->security, g->m->block.time_ms);
    default_root(g, def, op);
    for (uint32_t i = 1; i < arrow; i++) {
        char *eq = strchr(t->at[i], '=');
        const char *why = "a field has the form name=value";

        if (eq != NULL) {
            const int was = (*eq = '\0', option(g, t->at[i], eq + 1));

            why = was == 1    ? NULL
                  : was == -1 ? "the option cannot be understood"
                              : words_set(&g->words,
                                          def->schema,
                                          op,
                                          short_field(t->at[i]),
                                          eq + 1);
        }
        if (why != NULL)
            fail(g, "%s: %s", t->at[i], why);
    }
    g->op_count++;
    if (!more)
        send_ops(g, t, arrow);
}

/* ---- what is expected ---- */

struct part_name {
    const char *name;
    size_t offset;
};

/* T F P Z PZ T5 L of the position of an account, or a field of its row. */
static void expect_position(struct golden *g,
                            const struct tokens *t,
                            const struct hash *account)
{
    static const struct part_name names[] = {
        {"T", offsetof(struct parts, total)},
        {"F", offsetof(struct parts, available)},
        {"P", offsetof(struct parts, pledged)},
        {"Z", offsetof(struct parts, frozen)},
        {"PZ", offsetof(struct parts, pledged_frozen)},
        {"T5", offsetof(struct parts, t_plus)},
        {"L", offsetof(struct parts, lock)},
        {"locked", offsetof(struct parts, locked)},
        {"queued", offsetof(struct parts, queued)},
    };
    static struct holding_row h;
    static const struct holding_row none;
    const struct hash tree = security_key(g->security);
    struct parts p;

    if (!invariants_parts(
            &p, g->m->rows, g->m->block.date, g->security, account))
        fail(g, "there is no security");
    if (!get_row(g, &h, TABLE_HOLDINGS, &tree, account))
        h = none;
    for (uint32_t i = 2; i < t->count; i++) {
        char *eq = strchr(t->at[i], '=');
        uint32_t k = 0;
        uint64_t n = 0;
        uint64_t is = 0;
        bool differs = true;

        if (eq == NULL) {
            fail(g, "expect %s name=value ...", t->at[1]);
            continue;
        }
        *eq = '\0';
        while (k < ARRAY_LEN(names) && strcmp(names[k].name, t->at[i]) != 0)
            k++;
        if (k == ARRAY_LEN(names)) {
            const char *why = words_differ(
                &g->words, &differs, &holding_row_schema, &h, t->at[i], eq + 1);
            char now[64];

            words_get(now, sizeof now, &holding_row_schema, &h, t->at[i]);
            if (why != NULL)
                fail(g, "%s: %s", t->at[i], why);
            else if (differs)
                fail(g, "%s %s is %s", t->at[1], t->at[i], now);
            continue;
        }
        memcpy(&is, (const uint8_t *)&p + names[k].offset, sizeof is);
        if (!num_parse_u64(&n, eq + 1) || n != is)
            fail(g,
                 "%s has %s=%lu, not %s",
                 t->at[1],
                 t->at[i],
                 (unsigned long)is,
                 eq + 1);
    }
}

/* of.A=3500: what a pledge has outstanding of this pledgor. */
static void expect_pledgor(struct golden *g,
                           const struct pledge_row *p,
                           const char *name,
                           const char *value)
{
    struct hash id;
    uint64_t is = 0;
    uint64_t n;

    if (!account_by_name(g, &id, name) || !num_parse_u64(&n, value)) {
        fail(g, "of.NAME=N");
        return;
    }
    for (uint32_t i = 0; i < p->pledgor_count; i++) {
        if (hash_eq(&p->pledgors[i].account, &id))
            is += p->pledgors[i].outstanding.shares;
    }
    if (is != n)
        fail(g, "of %s: %lu", name, (unsigned long)is);
}

static void expect_fields(struct golden *g,
                          const struct tokens *t,
                          uint32_t from,
                          const struct schema *s,
                          const void *row)
{
    for (uint32_t i = from; i < t->count; i++) {
        char *eq = strchr(t->at[i], '=');
        const char *why = "a field has the form name=value";
        const char *name = t->at[i];
        bool differs = false;
        char now[64] = "";

        if (eq != NULL) {
            *eq = '\0';
            if (s == &pledge_row_schema && strncmp(name, "of.", 3) == 0) {
                expect_pledgor(g, row, name + 3, eq + 1);
                continue;
            }
            name = short_field(name);
            why = words_differ(&g->words, &differs, s, row, name, eq + 1);
            words_get(now, sizeof now, s, row, name);
        }
        if (why != NULL)
            fail(g, "%s: %s", t->at[i], why);
        else if (differs)
            fail(g, "%s is %s, not %s", t->at[i], now, eq + 1);
    }
}

static bool event_fits(struct golden *g,
                       const struct event *e,
                       const struct tokens *t,
                       uint32_t from)
{
    for (uint32_t i = from; i < t->count; i++) {
        char text[LINE_MAX_CHARS];
        char *eq;
        bool differs = true;
        const char *why = "name=value";

        (void)snprintf(text, sizeof text, "%s", t->at[i]);
        eq = strchr(text, '=');
        if (eq != NULL) {
            *eq = '\0';
            why = words_differ(
                &g->words, &differs, &event_schema, e, text, eq + 1);
        }
        if (why != NULL)
            fail(g, "%s: %s", t->at[i], why);
        if (differs)
            return false;
    }
    return true;
}

/* expect [no] event KIND field=value: among those of the last statement. */
static void expect_event(struct golden *g, const struct tokens *t, bool none)
{
    const uint32_t at = none ? 3 : 2;
    bool found = false;

    if (t->count <= at) {
        fail(g, "expect [no] event KIND field=value ...");
        return;
    }
    for (uint32_t i = 0; i < g->m->event_count && i < MARKET_EVENTS; i++) {
        const struct event *e = &g->m->events[i];

        if (strcmp(event_kind_names[e->kind], t->at[at]) == 0 &&
            event_fits(g, e, t, at + 1))
            found = true;
    }
    if (found == none)
        fail(g, "%s event %s", found ? "there is an" : "no such", t->at[at]);
}

static void expect_numbered(struct golden *g,
                            const struct tokens *t,
                            uint8_t table)
{
    static union {
        struct pledge_row pledge;
        struct freeze_row freeze;
        struct claim_row claim;
    } row;
    static const struct hash zero;
    const struct hash tree = security_key(g->security);
    struct hash key;
    uint64_t n;

    if (t->count < 3 || !num_parse_u64(&n, t->at[2])) {
        fail(g, "expect %s NUMBER field=value ...", t->at[1]);
        return;
    }
    key = table == TABLE_CLAIMS ? claim_key(g->security, n) : number_key(n);
    if (!get_row(g, &row, table, table == TABLE_CLAIMS ? &zero : &tree, &key)) {
        fail(g, "there is no %s %s", t->at[1], t->at[2]);
        return;
    }
    expect_fields(g, t, 3, row_schema(table), &row);
}

/* expect candidate INSTITUTION field=value, or none. */
static void expect_candidate(struct golden *g, const struct tokens *t)
{
    static const struct hash zero;
    struct op_validator_withdraw of = {0};
    struct candidate_row row;
    struct hash key;
    const bool none = t->count == 4 && strcmp(t->at[3], "none") == 0;

    if (words_set(&g->words,
                  op_def_validator_withdraw.schema,
                  &of,
                  "number",
                  t->at[2]) != NULL) {
        fail(g, "expect candidate INSTITUTION field=value ...");
        return;
    }
    key = institution_id(of.number);
    if (get_row(g, &row, TABLE_CANDIDATES, &zero, &key) == none)
        fail(g, "institution %s has %s candidate", t->at[2], none ? "a" : "no");
    else if (!none)
        expect_fields(g, t, 3, &candidate_row_schema, &row);
}

static void do_expect(struct golden *g, const struct tokens *t)
{
    static union {
        struct security_row security;
        struct account_row account;
        struct validators_row validators;
    } row;
    static const struct hash zero;
    const struct hash tree = security_key(g->security);
    struct hash id;

    if (t->count < 3) {
        fail(g, "expect what name=value ...");
    } else if (strcmp(t->at[1], "no") == 0) {
        expect_event(g, t, true);
    } else if (strcmp(t->at[1], "event") == 0) {
        expect_event(g, t, false);
    } else if (strcmp(t->at[1], "pledge") == 0) {
        expect_numbered(g, t, TABLE_PLEDGES);
    } else if (strcmp(t->at[1], "freeze") == 0) {
        expect_numbered(g, t, TABLE_FREEZES);
    } else if (strcmp(t->at[1], "claim") == 0) {
        expect_numbered(g, t, TABLE_CLAIMS);
    } else if (strcmp(t->at[1], "security") == 0) {
        if (!get_row(g, &row, TABLE_SECURITIES, &zero, &tree))
            fail(g, "there is no security %s", g->security);
        else
            expect_fields(g, t, 2, &security_row_schema, &row);
    } else if (strcmp(t->at[1], "candidate") == 0) {
        expect_candidate(g, t);
    } else if (strcmp(t->at[1], "validators") == 0) {
        if (!get_row(g, &row, TABLE_VALIDATORS, &zero, &zero))
            fail(g, "there are no validators");
        else
            expect_fields(g, t, 2, &validators_row_schema, &row);
    } else if (strcmp(t->at[1], "account") == 0) {
        if (!account_by_name(g, &id, t->at[2]) ||
            !get_row(g, &row, TABLE_ACCOUNTS, &zero, &id))
            fail(g, "there is no account %s", t->at[2]);
        else
            expect_fields(g, t, 3, &account_row_schema, &row);
    } else if (account_by_name(g, &id, t->at[1])) {
        expect_position(g, t, &id);
    } else {
        fail(g, "expect what?");
    }
}

/* ---- files ---- */

static void do_statement(struct golden *g, struct tokens *t);

/* times N STATEMENT: the statement N times, with 1 to N for each %. */
static void do_times(struct golden *g, const struct tokens *t)
{
    uint64_t n = 0;

    if (t->count < 3 || !num_parse_u64(&n, t->at[1]) || n > 1000) {
        fail(g, "times N STATEMENT");
        return;
    }
    for (uint64_t i = 1; i <= n && !g->failed; i++) {
        char line[LINE_MAX_CHARS];
        struct tokens one = {.count = t->count - 2};
        size_t at = 0;

        for (uint32_t k = 0; k < one.count; k++) {
            one.at[k] = line + at;
            for (const char *c = t->at[k + 2]; *c != '\0'; c++) {
                char piece[24] = {*c};

                if (*c == '%')
                    (void)snprintf(
                        piece, sizeof piece, "%lu", (unsigned long)i);
                ASSERT(at + strlen(piece) < sizeof line);
                memcpy(line + at, piece, strlen(piece));
                at += strlen(piece);
            }
            line[at++] = '\0';
        }
        do_statement(g, &one);
    }
}

static void do_statement(struct golden *g, struct tokens *t)
{
    const char *word = t->at[0];

    if (g->op_count > 0) {
        do_operation(g, t);
    } else if (strcmp(word, "times") == 0) {
        do_times(g, t);
        return;
    } else if (strcmp(word, "date") == 0) {
        do_date(g, t);
    } else if (strcmp(word, "jump") == 0) {
        do_jump(g, t);
    } else if (strcmp(word, "block") == 0) {
        new_block(g);
        g->in_block = true;
    } else if (strcmp(word, "end") == 0) {
        g->in_block = false;
    } else if (strcmp(word, "account") == 0) {
        do_account(g, t);
    } else if (strcmp(word, "security") == 0) {
        do_security(g, t);
    } else if (strcmp(word, "use") == 0) {
        do_use(g, t);
    } else if (strcmp(word, "register") == 0) {
        do_register(g, t);
    } else if (strcmp(word, "holiday") == 0) {
        do_holiday(g, t);
    } else if (strcmp(word, "snapshot") == 0) {
        do_snapshot(g, t);
    } else if (strcmp(word, "validators") == 0) {
        do_validators(g, t);
    } else if (strcmp(word, "again") == 0) {
        check_verdict(g, market_again(g->m), t, arrow_of(t));
    } else if (strcmp(word, "expect") == 0) {
        do_expect(g, t);
        return;
    } else {
        do_operation(g, t);
    }
    if (g->op_count == 0)
        check_all(g);
}

static void split(struct tokens *t, char *line)
{
    char *rest = NULL;

    t->count = 0;
    line[strcspn(line, "#\n")] = '\0';
    for (char *w = strtok_r(line, " \t", &rest);
         w != NULL && t->count < TOKENS_MAX;
         w = strtok_r(NULL, " \t", &rest))
        t->at[t->count++] = w;
}

static bool run_file(const char *path)
{
    static struct golden golden;
    struct golden *g = &golden;
    char line[LINE_MAX_CHARS];
    FILE *f = fopen(path, "r");

    if (f == NULL) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    memset(g, 0, sizeof *g);
    g->m = market_new();
    g->m->twice = true;
    g->file = path;
    g->words =
        (struct words){g, account_by_name, label_by_name, g->m->block.date};
    while (!g->failed && fgets(line, sizeof line, f) != NULL) {
        struct tokens t;

        g->line++;
        split(&t, line);
        if (t.count == 0)
            continue;
        g->statements++;
        do_statement(g, &t);
    }
    (void)fclose(f);
    if (!g->failed && g->op_count > 0)
        fail(g, "the file ends inside a transaction");
    if (!g->failed)
        printf("  ok   %s, %u statements\n", path, g->statements);
    market_free(g->m);
    free(g->accounts);
    return !g->failed;
}

static int name_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int run_all(const char *folder)
{
    char *names[FILES_MAX];
    uint32_t count = 0;
    uint32_t bad = 0;
    DIR *dir = opendir(folder);

    if (dir == NULL) {
        fprintf(stderr, "%s: cannot be read\n", folder);
        return 1;
    }
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        const char *dot = strrchr(e->d_name, '.');

        if (dot != NULL && strcmp(dot, ".case") == 0 && count < FILES_MAX)
            names[count++] = strdup(e->d_name);
    }
    (void)closedir(dir);
    qsort(names, count, sizeof names[0], name_cmp);
    for (uint32_t i = 0; i < count; i++) {
        char path[512];

        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        bad += run_file(path) ? 0 : 1;
        free(names[i]);
    }
    printf("golden_ledger: %u cases, %u fail\n", count, bad);
    return bad > 0 || count == 0;
}

int main(int argc, char **argv)
{
    uint32_t bad = 0;

    if (argc < 2)
        return run_all("tests/golden/ledger");
    for (int i = 1; i < argc; i++)
        bad += run_file(argv[i]) ? 0 : 1;
    return bad > 0;
}
