/* The loading of a security's first register, in slices. */
#include "base/num.h"
#include "chain/mtree.h"
#include "ledger/exec.h"

static const struct hash zero;

enum {
    SHARES_MAX_LOG2 = 62, /* so that every sum fits a signed 64-bit integer */
    NATURE_UNPAID = 28,
    NATURE_VOID_FIRST = 92,
    NATURE_VOID_LAST = 94,
};

static bool get_draft(const struct exec *x,
                      struct draft_row *d,
                      const char *code)
{
    const struct hash key = security_key(code);

    return exec_get(x->b->view, d, TABLE_DRAFTS, &zero, &key);
}

static void put_draft(struct exec *x,
                      const struct draft_row *d,
                      const char *code)
{
    const struct hash key = security_key(code);

    exec_put(x, d, TABLE_DRAFTS, &zero, &key);
}

static void erase_draft(struct exec *x, const char *code)
{
    const struct row_key key = {TABLE_DRAFTS, zero, security_key(code)};

    x->b->view->erase(x->b->view->ctx, &key);
}

/* Reads the security and, if loaded says so, its draft; refuses what is not a
 * draft.  A new code of a board transfer is filled by that alone. */
static enum verdict draft_of(struct exec *x,
                             struct security_row *s,
                             struct draft_row *d,
                             const char *code,
                             bool loaded)
{
    const struct hash key = security_key(code);

    if (!exec_find_security(x, s, code))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (s->status == SECURITY_WITHDRAWN)
        return exec_refuse(x, V_WITHDRAWN, &key, 0, 0);
    if (s->status != SECURITY_DRAFT || s->predecessor[0] != '-' ||
        get_draft(x, d, code) != loaded)
        return exec_refuse(x, V_SECURITY_STATE, &key, 0, 0);
    return V_OK;
}

enum verdict rule_register_open(struct exec *x,
                                const struct op_register_open *op)
{
    struct security_row s;
    struct draft_row d;
    struct event e = {.kind = EVENT_REGISTER_OPENED,
                      .number = op->line_count,
                      .second = op->issued.shares,
                      .document = op->document};
    enum verdict v = draft_of(x, &s, &d, op->security, false);

    if (v != V_OK)
        return v;
    if (op->issued.shares == 0 || op->line_count == 0 ||
        op->issued.shares >> SHARES_MAX_LOG2 != 0)
        return exec_refuse(x, V_QUANTITY, NULL, op->issued.shares, 1);
    d = (struct draft_row){
        .issued = op->issued, .line_count = op->line_count, .root = op->root};
    memcpy(e.security, op->security, sizeof e.security);
    exec_emit(x, &e);
    put_draft(x, &d, op->security);
    exec_put_security(x, &s);
    return V_OK;
}

static void peaks_to_log(struct mtree_log *log, const struct draft_row *d)
{
    log->size = d->next_line;
    for (uint32_t i = 0; i < d->peak_count; i++)
        log->peaks[i] = d->peaks[i].hash;
}

static void log_to_peaks(struct draft_row *d, const struct mtree_log *log)
{
    d->peak_count = mtree_log_peak_count(log);
    for (uint32_t i = 0; i < d->peak_count; i++)
        d->peaks[i].hash = log->peaks[i];
}

/* R175: A line's nature is a code of the depository from 0 to 99, but for
 * shares subscribed and not paid (28) and records without legal effect (92 to
 * 94). */
static bool nature_ok(uint8_t nature)
{
    return nature <= NATURE_MAX && nature != NATURE_UNPAID &&
           (nature < NATURE_VOID_FIRST || nature > NATURE_VOID_LAST);
}

/* R9: A register is loaded in slices that follow one another, each holder once,
 * and never above the declared issue. */
static enum verdict load_line(struct exec *x,
                              struct security_row *s,
                              const struct draft_row *d,
                              const struct register_line *line,
                              uint32_t index)
{
    const struct hash tree = security_key(s->code);
    struct side side;
    struct holding_row h;
    struct segment segment = {.quantity = line->quantity,
                              .nature = line->nature};
    struct event e = {.kind = EVENT_REGISTER_LINE,
                      .account = line->account,
                      .number = index,
                      .quantity = line->quantity.shares,
                      .second = line->nature};

    if (!side_get(x, &side, s, &line->account))
        return exec_refuse(x, V_UNKNOWN, &line->account, index, 0);
    if (side.account.status == ACCOUNT_CLOSED)
        return exec_refuse(x, V_ACCOUNT_STATE, &line->account, index, 0);
    if (line->acquired > x->b->date)
        return exec_refuse(
            x, V_DATE, &line->account, line->acquired, x->b->date);
    if (line->quantity.shares == 0 || !nature_ok(line->nature))
        return exec_refuse(x, V_QUANTITY, &line->account, index, 0);
    if (line->quantity.shares > d->issued.shares - s->issued.shares)
        return exec_refuse(x,
                           V_SUM_MISMATCH,
                           &line->account,
                           d->issued.shares - s->issued.shares,
                           line->quantity.shares);
    if (exec_get(x->b->view, &h, TABLE_HOLDINGS, &tree, &line->account))
        return exec_refuse(x, V_DUPLICATE_HOLDER, &line->account, index, 0);
    if (!position_put(&side.h, &segment, SEGMENTS_VOLUNTARY_MAX))
        return exec_refuse(x, V_LIMIT, &line->account, 0, 0);
    s->issued.shares += line->quantity.shares;
    side_count(&side, s);
    memcpy(e.security, s->code, sizeof e.security);
    exec_emit(x, &e);
    side_put(x, &side, s);
    return V_OK;
}

enum verdict rule_register_lines(struct exec *x,
                                 const struct op_register_lines *op)
{
    struct security_row s;
    struct draft_row d;
    struct mtree_log log;
    struct event e = {.kind = EVENT_REGISTER_LINES, .number = op->first};
    enum verdict v = draft_of(x, &s, &d, op->security, true);

    if (v != V_OK)
        return v;
    if (op->first != d.next_line || op->line_count == 0 ||
        op->line_count > d.line_count - d.next_line)
        return exec_refuse(x, V_LINES_ORDER, NULL, d.next_line, op->first);
    peaks_to_log(&log, &d);
    for (uint32_t i = 0; i < op->line_count; i++) {
        const struct hash leaf = register_line_leaf(&op->lines[i]);

        v = load_line(x, &s, &d, &op->lines[i], op->first + i);
        if (v != V_OK)
            return v;
        mtree_log_append(&log, &leaf);
    }
    x->lines += op->line_count;
    if (x->lines > TX_ROWS_MAX)
        return exec_refuse(x, V_LIMIT, NULL, TX_ROWS_MAX, x->lines);
    d.next_line += op->line_count;
    log_to_peaks(&d, &log);
    e.quantity = op->line_count;
    e.second = s.issued.shares;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    put_draft(x, &d, s.code);
    exec_put_security(x, &s);
    return V_OK;
}

/* R10: A register is confirmed when count, sum, root and holder cap agree with
 * what was declared. */
enum verdict rule_register_confirm(struct exec *x,
                                   const struct op_register_confirm *op)
{
    struct security_row s;
    struct draft_row d;
    struct mtree_log log;
    struct hash root;
    struct event e = {.kind = EVENT_REGISTER_CONFIRMED,
                      .document = op->document};
    const enum verdict v = draft_of(x, &s, &d, op->security, true);

    if (v != V_OK)
        return v;
    if (d.next_line != d.line_count)
        return exec_refuse(x, V_SUM_MISMATCH, NULL, d.next_line, d.line_count);
    if (s.issued.shares != d.issued.shares)
        return exec_refuse(
            x, V_SUM_MISMATCH, NULL, s.issued.shares, d.issued.shares);
    peaks_to_log(&log, &d);
    root = mtree_log_root(&log);
    if (!hash_eq(&root, &d.root))
        return exec_refuse(x, V_ROOT_MISMATCH, &root, 0, 0);
    if (s.holder_cap != 0 && s.holder_count > s.holder_cap)
        return exec_refuse(x, V_HOLDER_CAP, NULL, s.holder_cap, s.holder_count);
    s.status = SECURITY_REGISTERED;
    e.number = s.holder_count;
    e.quantity = s.issued.shares;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    erase_draft(x, s.code);
    exec_put_security(x, &s);
    return V_OK;
}

/* Takes one loaded line out again; a holder without a line is passed over. */
static void unload_line(struct exec *x,
                        struct security_row *s,
                        const struct hash *account)
{
    const struct row_key key = {
        TABLE_HOLDINGS, security_key(s->code), *account};
    struct side side;

    if (!side_get(x, &side, s, account) || !side.h.held)
        return;
    for (uint32_t i = 0; i < side.h.segment_count; i++)
        s->issued.shares -= side.h.segments[i].quantity.shares;
    side.h.segment_count = 0;
    side_count(&side, s);
    side_put_account(x, &side);
    x->b->view->erase(x->b->view->ctx, &key);
}

enum verdict rule_register_cancel(struct exec *x,
                                  const struct op_register_cancel *op)
{
    struct security_row s;
    struct draft_row d;
    struct event e = {.kind = EVENT_REGISTER_CANCELLED,
                      .number = op->account_count};
    const enum verdict v = draft_of(x, &s, &d, op->security, true);

    if (v != V_OK)
        return v;
    x->lines += op->account_count;
    if (x->lines > TX_ROWS_MAX)
        return exec_refuse(x, V_LIMIT, NULL, TX_ROWS_MAX, x->lines);
    e.second = s.issued.shares;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    for (uint32_t i = 0; i < op->account_count; i++)
        unload_line(x, &s, &op->accounts[i].account);
    if (s.issued.shares == 0) {
        erase_draft(x, s.code);
    } else {
        /* What is half taken out cannot be confirmed any more. */
        d.next_line = d.line_count;
        d.peak_count = 0;
        memset(&d.root, 0, sizeof d.root);
        d.issued.shares = s.issued.shares + 1;
        put_draft(x, &d, s.code);
    }
    exec_put_security(x, &s);
    return V_OK;
}
