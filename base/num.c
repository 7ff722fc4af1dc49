#include "base/num.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

bool num_parse_u64(uint64_t *out, const char *text)
{
    uint64_t v = 0;

    if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
        return false;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9')
            return false;
        if (!num_mul_u64(&v, v, 10) ||
            !num_add_u64(&v, v, (uint64_t)(*p - '0')))
            return false;
    }
    *out = v;
    return true;
}

static bool is_leap(uint32_t y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static uint32_t days_in_month(uint32_t y, uint32_t m)
{
    static const uint8_t days[12] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return m == 2 && is_leap(y) ? 29 : days[m - 1];
}

/* Days before 1 January of year y, counted from 1970-01-01. */
static uint32_t days_before_year(uint32_t y)
{
    const uint32_t p = y - 1;
    const uint32_t to_1970 = 1969 * 365 + 1969 / 4 - 1969 / 100 + 1969 / 400;

    return p * 365 + p / 4 - p / 100 + p / 400 - to_1970;
}

bool num_days_of_date(uint32_t *days, uint32_t y, uint32_t m, uint32_t d)
{
    uint32_t n;

    if (y < 1970 || y > 9999 || m < 1 || m > 12 || d < 1 ||
        d > days_in_month(y, m))
        return false;
    n = days_before_year(y) + d - 1;
    for (uint32_t i = 1; i < m; i++)
        n += days_in_month(y, i);
    *days = n;
    return true;
}

void num_date_of_days(uint32_t days, uint32_t *y, uint32_t *m, uint32_t *d)
{
    uint32_t year;
    uint32_t month = 1;

    if (days > NUM_DAY_LAST)
        days = NUM_DAY_LAST;
    year = 1970 + days / 366;
    while (days_before_year(year + 1) <= days)
        year++;
    days -= days_before_year(year);
    while (days >= days_in_month(year, month)) {
        days -= days_in_month(year, month);
        month++;
    }
    *y = year;
    *m = month;
    *d = days + 1;
}

bool num_parse_date(uint32_t *days, const char *text)
{
    uint32_t part[3] = {0, 0, 0};
    static const uint8_t digits[3] = {4, 2, 2};
    const char *p = text;

    if (strlen(text) != 10)
        return false;
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < digits[i]; k++, p++) {
            if (*p < '0' || *p > '9')
                return false;
            part[i] = part[i] * 10 + (uint32_t)(*p - '0');
        }
        if (i < 2 && *p++ != '-')
            return false;
    }
    return num_days_of_date(days, part[0], part[1], part[2]);
}

void num_format_date(char out[11], uint32_t days)
{
    uint32_t y;
    uint32_t m;
    uint32_t d;
    int n;

    num_date_of_days(days, &y, &m, &d);
    n = snprintf(out, 11, "%04u-%02u-%02u", y % 10000, m % 100, d % 100);
    ASSERT(n == 10);
}
