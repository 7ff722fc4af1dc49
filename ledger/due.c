/* Due work: what moves rights on a day by itself, entered by day and number.
 *
 * A day has one row with the count of its items; the cursor in the params row
 * is the first item that is not done.  Both are read by key: no search. */
#include "base/check.h"
#include "ledger/exec.h"

static const struct hash zero;

static bool get_due(const struct ledger_view *view,
                    struct due_row *row,
                    uint32_t day,
                    uint32_t item)
{
    const struct hash key = due_key(day, item);

    return exec_get(view, row, TABLE_DUE, &zero, &key);
}

static void put_due(struct exec *x,
                    const struct due_row *row,
                    uint32_t day,
                    uint32_t item)
{
    const struct hash key = due_key(day, item);

    exec_put(x, row, TABLE_DUE, &zero, &key);
}

static void erase_due(const struct exec *x, uint32_t day, uint32_t item)
{
    const struct row_key key = {TABLE_DUE, zero, due_key(day, item)};

    x->b->view->erase(x->b->view->ctx, &key);
}

void due_add(struct exec *x, uint32_t day, const struct due_row *work)
{
    struct due_row bucket;
    struct due_row item = *work;

    ASSERT(day > x->b->date); /* this day's work is done already */
    if (!get_due(x->b->view, &bucket, day, 0))
        bucket = (struct due_row){.kind = DUE_DAY, .security = "-"};
    ASSERT(bucket.count < UINT32_MAX);
    bucket.count++;
    item.count = 0;
    if (item.security[0] == '\0')
        item.security[0] = '-';
    put_due(x, &bucket, day, 0);
    put_due(x, &item, day, bucket.count);
}

static void do_item(struct exec *x, uint32_t day, uint32_t number)
{
    struct due_row item;
    const bool found = get_due(x->b->view, &item, day, number);

    ASSERT(found);
    erase_due(x, day, number);
    switch ((enum due_kind)item.kind) {
    case DUE_FREEZE:
        due_freeze(x, item.security, item.number);
        break;
    case DUE_RECOVERY:
        due_recovery(x, &item.account);
        break;
    case DUE_DAY:
    case DUE_KINDS:
        break;
    }
}

/* Does the cursor's day, *left items at most.  False: some are left. */
static bool do_day(struct exec *x, struct params_row *p, uint32_t *left)
{
    struct due_row bucket;

    if (!get_due(x->b->view, &bucket, p->due_day, 0))
        return true;
    for (; p->due_next <= bucket.count; p->due_next++) {
        if (*left == 0)
            return false;
        (*left)--;
        do_item(x, p->due_day, p->due_next);
    }
    erase_due(x, p->due_day, 0);
    return true;
}

/* R40: Due work is done by the first blocks of its business date, before any
 * transaction, in the order of day and entry.
 *
 * R41: A block does at most 1,000 items of due work; while any are left it
 * carries no transaction. */
void due_run(struct ledger_block *b)
{
    struct exec x = {.b = b, .op_index = UINT32_MAX};
    struct params_row p;
    uint32_t items = DUE_PER_BLOCK;
    uint32_t days = DUE_PER_BLOCK;
    const bool found = exec_get(b->view, &p, TABLE_PARAMS, &zero, &zero);

    ASSERT(found);
    if (p.due_day > b->date)
        return; /* the cursor stays, and so does the row */
    while (p.due_day <= b->date && days > 0 && do_day(&x, &p, &items)) {
        p.due_day++;
        p.due_next = 1;
        days--;
    }
    b->due_left = p.due_day <= b->date;
    exec_put(&x, &p, TABLE_PARAMS, &zero, &zero);
}
