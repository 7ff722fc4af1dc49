/* num.h - checked integer arithmetic and number text.  No floating point. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

/* Each returns false, and leaves *out alone, when the result does not fit. */
MUST_USE static inline bool num_add_u64(uint64_t *out, uint64_t a, uint64_t b)
{
    uint64_t r;

    if (__builtin_add_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

MUST_USE static inline bool num_sub_u64(uint64_t *out, uint64_t a, uint64_t b)
{
    if (b > a)
        return false;
    *out = a - b;
    return true;
}

MUST_USE static inline bool num_mul_u64(uint64_t *out, uint64_t a, uint64_t b)
{
    uint64_t r;

    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

static inline uint64_t num_min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t num_max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* num_parse_u64 reads decimal digits only: no sign, space, leading zero (but
 * "0" itself) or other base. */
MUST_USE bool num_parse_u64(uint64_t *out, const char *text);

/* Days since 1970-01-01 of the proleptic Gregorian calendar, and back.
 * Units   year 1970..9999, month 1..12, day 1..31. */
MUST_USE bool num_days_of_date(uint32_t *days,
                               uint32_t y,
                               uint32_t m,
                               uint32_t d);
enum {
    NUM_DAY_LAST = 2932896, /* 9999-12-31: later days have no text */
};
void num_date_of_days(uint32_t days, uint32_t *y, uint32_t *m, uint32_t *d);

/* num_parse_date reads "YYYY-MM-DD"; num_format_date writes it with a final
 * zero into out[11]. */
MUST_USE bool num_parse_date(uint32_t *days, const char *text);
void num_format_date(char out[11], uint32_t days);

#endif /* BASE_NUM_H */
