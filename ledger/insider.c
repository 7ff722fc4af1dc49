/* The yearly quota of directors, supervisors and officers. */
#include "base/num.h"
#include "ledger/exec.h"

static uint16_t year_of(uint32_t date)
{
    uint32_t y;
    uint32_t m;
    uint32_t d;

    num_date_of_days(date, &y, &m, &d);
    return (uint16_t)y;
}

/* The same day six months on; the month's last if there is no such day. */
static uint32_t half_year_after(uint32_t date)
{
    uint32_t y;
    uint32_t m;
    uint32_t d;
    uint32_t out = NUM_DAY_LAST;

    num_date_of_days(date, &y, &m, &d);
    y += m > 6 ? 1 : 0;
    m = m > 6 ? m - 6 : m + 6;
    while (d > 0 && !num_days_of_date(&out, y, m, d))
        d--;
    return out;
}

static uint64_t held(const struct holding_row *h)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < h->segment_count; i++)
        sum += h->segments[i].quantity.shares;
    return sum;
}

/* R98: An officer's quota of a year is a quarter, rounded down, of what was
 * held when the year began or, in the first year, when the office was entered.
 */
void insider_turn(uint32_t date, struct holding_row *h)
{
    const uint16_t year = year_of(date);

    if (h->insider.term_end == 0 || h->insider.year == year)
        return;
    h->insider.year = year;
    h->insider.base.shares = held(h);
    h->insider.sold.shares = 0;
}

bool insider_over(uint32_t date, const struct insider *in)
{
    return in->left_day != 0 && date > half_year_after(in->left_day) &&
           date > in->term_end;
}

enum verdict insider_check(const struct exec *x,
                           const struct holding_row *h,
                           uint64_t quantity,
                           uint64_t *left)
{
    const struct insider *in = &h->insider;
    const uint64_t quota = in->base.shares / 4;

    *left = UINT64_MAX;
    if (in->term_end == 0 || insider_over(x->b->date, in))
        return V_OK;
    /* R100: An officer who left sells nothing up to the same day six months
     * later. */
    if (in->left_day != 0 && x->b->date <= half_year_after(in->left_day)) {
        *left = 0;
        return V_INSIDER_HALF_YEAR;
    }
    /* R99: An officer sells at most the quota a year while in office, and after
     * leaving early until the term fixed at appointment is over. */
    *left = quota > in->sold.shares ? quota - in->sold.shares : 0;
    return quantity > *left ? V_INSIDER_QUOTA : V_OK;
}

void insider_sold(struct holding_row *h, uint64_t quantity)
{
    if (h->insider.term_end != 0)
        h->insider.sold.shares += quantity;
}
