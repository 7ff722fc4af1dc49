#include "document/figures.h"

#include "base/num.h"

#include <stdio.h>
#include <string.h>

enum {
    DAY_MS = 86400000,
};

/* The 26 characters of UINT64_MAX are the most. */
static void put_figure(char *out, uint64_t n)
{
    char back[FIGURE_MAX];
    size_t size = 0;
    size_t digits = 0;

    do {
        if (digits > 0 && digits % 3 == 0)
            back[size++] = ',';
        back[size++] = (char)('0' + n % 10);
        digits++;
        n /= 10;
    } while (n > 0);
    for (size_t i = 0; i < size; i++)
        out[i] = back[size - 1 - i];
    out[size] = '\0';
}

const char *figure_of(char out[FIGURE_MAX], uint64_t n)
{
    put_figure(out, n);
    return out;
}

const char *figure_signed(char out[FIGURE_MAX], uint64_t n, bool negative)
{
    out[0] = negative ? '-' : '+';
    put_figure(out + 1, n);
    return out;
}

const char *figure_date(char out[11], uint32_t day)
{
    if (day == 0)
        memcpy(out, "-", 2);
    else
        num_format_date(out, day);
    return out;
}

/* "", "+08:00", or "+05:30:10.250" for what no clock is set to. */
static void offset_text(char out[16], uint32_t offset_ms)
{
    const uint32_t second = offset_ms / 1000;
    int size;

    out[0] = '\0';
    if (offset_ms == 0)
        return;
    size =
        snprintf(out, 16, "+%02u:%02u", second / 3600 % 100, second / 60 % 60);
    if (offset_ms % 60000 != 0)
        (void)snprintf(out + size,
                       16 - (size_t)size,
                       ":%02u.%03u",
                       second % 60,
                       offset_ms % 1000);
}

const char *figure_time(char out[FIGURE_TIME_MAX],
                        uint64_t time_ms,
                        uint32_t offset_ms)
{
    const uint64_t last = ((uint64_t)NUM_DAY_LAST + 1) * DAY_MS - 1;
    uint64_t at;
    uint32_t ms;
    char date[11];
    char offset[16];

    if (!num_add_u64(&at, time_ms, offset_ms) || at > last)
        at = last; /* later days have no text */
    ms = (uint32_t)(at % DAY_MS);
    num_format_date(date, (uint32_t)(at / DAY_MS));
    offset_text(offset, offset_ms);
    (void)snprintf(out,
                   FIGURE_TIME_MAX,
                   "%s %02u:%02u:%02u.%03u UTC%s",
                   date,
                   ms / 3600000,
                   ms / 60000 % 60,
                   ms / 1000 % 60,
                   ms % 1000,
                   offset);
    return out;
}
