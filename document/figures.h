/* figures.h - numbers and times as they are printed: without a locale. */
#ifndef DOCUMENT_FIGURES_H
#define DOCUMENT_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FIGURE_MAX = 28, /* "18,446,744,073,709,551,615" and a sign */
    FIGURE_TIME_MAX = 48,
};

/* "1,234,567". */
const char *figure_of(char out[FIGURE_MAX], uint64_t n);
/* "+1,234" or "-1,234". */
const char *figure_signed(char out[FIGURE_MAX], uint64_t n, bool negative);
/* "2026-03-02 09:00:04.000 UTC+08:00"; offset 0: "... UTC".  The offset goes
 * into the time. */
const char *figure_time(char out[FIGURE_TIME_MAX],
                        uint64_t time_ms,
                        uint32_t offset_ms);
/* "2026-03-02"; 0: "-". */
const char *figure_date(char out[11], uint32_t day);

#endif /* DOCUMENT_FIGURES_H */
