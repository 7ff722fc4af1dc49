#include "ledger/exec.h"

#include "base/check.h"
#include "base/num.h"

enum verdict exec_refuse(struct exec *x,
                         enum verdict v,
                         const struct hash *about,
                         uint64_t have,
                         uint64_t need)
{
    if (x->why != NULL) {
        x->why->verdict = v;
        x->why->op_index = x->op_index;
        memset(&x->why->about, 0, sizeof x->why->about);
        if (about != NULL)
            x->why->about = *about;
        x->why->have = have;
        x->why->need = need;
        x->why->margin = (struct valset_margin){0};
    }
    return v;
}

bool exec_get(const struct ledger_view *view,
              void *row,
              uint8_t table,
              const struct hash *tree,
              const struct hash *key)
{
    const struct row_key k = {table, *tree, *key};
    const struct bytes bytes = view->get(view->ctx, &k);
    const struct schema *s = row_schema(table);
    struct reader r = reader_of(bytes);

    if (bytes.size == 0)
        return false;
    /* Rows were checked when they were written and authenticated when they
     * were loaded: one that does not decode is a fault of this program. */
    ASSERT(s != NULL);
    schema_read(&r, s, row);
    ASSERT(reader_finish(&r) == ERR_NONE);
    return true;
}

void exec_put(struct exec *x,
              const void *row,
              uint8_t table,
              const struct hash *tree,
              const struct hash *key)
{
    const struct row_key k = {table, *tree, *key};
    uint8_t buf[ROW_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);

    schema_encode(&w, row_schema(table), row);
    ASSERT(writer_ok(&w));
    x->b->view->put(x->b->view->ctx, &k, writer_bytes(&w));
}

void exec_emit(struct exec *x, struct event *e)
{
    struct writer w = writer_of(x->event_bytes, sizeof x->event_bytes);

    e->tx_index = x->tx != NULL ? x->b->tx_index : EVENT_NO_TX;
    e->op_index = (uint16_t)x->op_index;
    e->by_paper = x->by_paper;
    e->day = x->b->date;
    if (e->security[0] == '\0')
        e->security[0] = '-';
    schema_encode(&w, &event_schema, e);
    ASSERT(writer_ok(&w));
    x->event_size = w.size;
    x->event_index = x->b->event_count++;
    if (x->b->on_event != NULL)
        x->b->on_event(x->b->on_event_ctx, x->event_index, e, writer_bytes(&w));
}

void exec_renew(const struct exec *x, struct hash *chain)
{
    *chain = event_chain(chain,
                         x->tx != NULL ? x->tx->salt : NULL,
                         x->b->height,
                         x->event_index,
                         bytes_of(x->event_bytes, x->event_size));
}

static const struct hash zero;

bool exec_security(const struct ledger_view *view,
                   struct security_row *s,
                   const char *code)
{
    const struct hash key = security_key(code);

    return exec_get(view, s, TABLE_SECURITIES, &zero, &key);
}

bool exec_account(const struct ledger_view *view,
                  struct account_row *a,
                  const struct hash *id)
{
    return exec_get(view, a, TABLE_ACCOUNTS, &zero, id);
}

void exec_holding(const struct ledger_view *view,
                  struct holding_row *h,
                  const char *code,
                  const struct hash *account,
                  uint8_t kind)
{
    const struct hash tree = security_key(code);

    if (exec_get(view, h, TABLE_HOLDINGS, &tree, account))
        return;
    h->kind = kind;
    h->segment_count = 0;
    h->freeze_count = 0;
    h->held = false;
    h->weight = 0;
    h->last_sale_day = 0;
    h->insider = (struct insider){0};
    h->sequence = 0;
    memset(&h->chain, 0, sizeof h->chain);
}

/* Where the signers' rows are kept; NULL if this one is not. */
static struct account_row *kept_account(const struct exec *x,
                                        const struct hash *id)
{
    return x->needs != NULL ? needs_account(x->needs, id) : NULL;
}

static struct security_row *kept_security(const struct exec *x,
                                          const char *code)
{
    return x->needs != NULL ? needs_security(x->needs, code) : NULL;
}

bool exec_find_security(const struct exec *x,
                        struct security_row *s,
                        const char *code)
{
    const struct security_row *kept = kept_security(x, code);

    if (kept == NULL)
        return exec_security(x->b->view, s, code);
    *s = *kept;
    return true;
}

bool exec_find_account(const struct exec *x,
                       struct account_row *a,
                       const struct hash *id)
{
    const struct account_row *kept = kept_account(x, id);

    if (kept == NULL)
        return exec_account(x->b->view, a, id);
    *a = *kept;
    return true;
}

/* What is kept of the row follows. */
void exec_put_security(struct exec *x, struct security_row *s)
{
    const struct hash key = security_key(s->code);
    struct security_row *kept = kept_security(x, s->code);

    exec_renew(x, &s->chain);
    exec_put(x, s, TABLE_SECURITIES, &zero, &key);
    if (kept != NULL)
        *kept = *s;
}

void exec_put_account(struct exec *x,
                      struct account_row *a,
                      const struct hash *id)
{
    struct account_row *kept = kept_account(x, id);

    exec_renew(x, &a->chain);
    exec_put(x, a, TABLE_ACCOUNTS, &zero, id);
    if (kept != NULL)
        *kept = *a;
}

bool exec_pledge(const struct ledger_view *view,
                 struct pledge_row *p,
                 const char *code,
                 uint64_t number)
{
    const struct hash tree = security_key(code);
    const struct hash key = number_key(number);

    return exec_get(view, p, TABLE_PLEDGES, &tree, &key);
}

void exec_put_pledge(struct exec *x, struct pledge_row *p, const char *code)
{
    const struct hash tree = security_key(code);
    const struct hash key = number_key(p->number);

    exec_renew(x, &p->chain);
    exec_put(x, p, TABLE_PLEDGES, &tree, &key);
}

bool exec_freeze(const struct ledger_view *view,
                 struct freeze_row *f,
                 const char *code,
                 uint64_t number)
{
    const struct hash tree = security_key(code);
    const struct hash key = number_key(number);

    return exec_get(view, f, TABLE_FREEZES, &tree, &key);
}

void exec_put_freeze(struct exec *x, struct freeze_row *f, const char *code)
{
    const struct hash tree = security_key(code);
    const struct hash key = number_key(f->number);

    exec_renew(x, &f->chain);
    exec_put(x, f, TABLE_FREEZES, &tree, &key);
}

bool exec_candidate(const struct ledger_view *view,
                    struct candidate_row *c,
                    uint16_t institution)
{
    const struct hash key = institution_id(institution);

    return exec_get(view, c, TABLE_CANDIDATES, &zero, &key);
}

bool exec_ready(const struct ledger_view *view,
                struct ready_row *r,
                const struct pubkey *key)
{
    const struct hash id = validator_id(key);

    return exec_get(view, r, TABLE_READY, &zero, &id);
}

enum verdict exec_open_security(const struct security_row *s,
                                bool although_suspended)
{
    switch ((enum security_status)s->status) {
    case SECURITY_REGISTERED:
    case SECURITY_LISTED:
        return V_OK;
    case SECURITY_SUSPENDED:
        return although_suspended ? V_OK : V_SUSPENDED;
    case SECURITY_DRAFT:
    case SECURITY_MIGRATING:
    case SECURITY_STATUSES:
        return V_SECURITY_STATE;
    case SECURITY_WITHDRAWN:
        return V_WITHDRAWN;
    }
    return V_SECURITY_STATE;
}

/* T+n holds when at least n trading days lie in (trade_day, today]. */
int t_plus_over(void *ctx, uint32_t trade_day)
{
    const struct t_plus *t = ctx;
    struct genesis_year map = {0};
    uint32_t count = 0;

    for (uint32_t day = trade_day + 1; day <= t->date; day++) {
        uint32_t y;
        uint32_t m;
        uint32_t d;
        uint32_t first;
        uint32_t of_year;

        num_date_of_days(day, &y, &m, &d);
        if (map.year != y) {
            const struct hash key = day_key(y);

            if (!exec_get(t->view, &map, TABLE_CALENDAR, &zero, &key))
                return -1;
        }
        if (!num_days_of_date(&first, y, 1, 1))
            return -1;
        of_year = day - first;
        if ((map.trading[of_year / 8] >> (of_year % 8) & 1) != 0 &&
            ++count >= t->days)
            return 1;
    }
    return 0;
}

struct position_day exec_day(const struct exec *x,
                             struct t_plus *t,
                             const struct security_row *s)
{
    *t = (struct t_plus){x->b->view, x->b->date, s->t_plus};
    return (struct position_day){
        .date = x->b->date,
        .t_plus_over = s->t_plus > 0 ? t_plus_over : NULL,
        .ctx = t,
    };
}

bool exec_register_closed(const struct exec *x, const struct security_row *s)
{
    for (uint32_t i = 0; i < s->closure_count; i++) {
        if (s->closures[i].from <= x->b->date &&
            x->b->date <= s->closures[i].to)
            return true;
    }
    return false;
}

enum verdict exec_may_acquire(const struct exec *x,
                              const struct security_row *s,
                              const struct account_row *a)
{
    if (a->pooled && a->investors == 0)
        return V_LOOK_THROUGH;
    if (s->investors == 0)
        return V_OK;
    if (a->class == INVESTOR_NONE || (s->investors >> (a->class - 1) & 1) == 0)
        return V_NOT_QUALIFIED;
    if (x->b->date < a->class_from || x->b->date > a->class_to)
        return V_QUALIFICATION_EXPIRED;
    return V_OK;
}

enum verdict exec_cap(const struct security_row *s, uint32_t holders_before)
{
    return s->holder_cap != 0 && s->holder_count > holders_before &&
                   s->holder_count > s->holder_cap
               ? V_HOLDER_CAP
               : V_OK;
}

/* R178: The superiors of an authority are the one that is named as such, that
 * one's own, and so on upwards. */
enum {
    SUPERIORS_MAX = 8, /* levels that are climbed; a circle ends there */
};

static bool get_authority(const struct exec *x,
                          struct genesis_authority *a,
                          const char *code)
{
    const struct hash key = security_key(code);

    return exec_get(x->b->view, a, TABLE_AUTHORITIES, &zero, &key);
}

bool authority_exists(const struct exec *x, const char *code)
{
    struct genesis_authority a;

    return get_authority(x, &a, code);
}

bool authority_over(const struct exec *x,
                    const char *giving,
                    const char *ordering)
{
    struct genesis_authority a;
    char code[CODE_MAX + 1] = "";

    memcpy(code, ordering, strlen(ordering));
    for (int level = 0; level < SUPERIORS_MAX; level++) {
        if (strcmp(giving, code) == 0)
            return true;
        if (!get_authority(x, &a, code))
            return false;
        memcpy(code, a.superior, sizeof code);
    }
    return false;
}
