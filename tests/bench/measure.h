/* measure.h - clocks, memory, dice and table rows, for benches. */
#ifndef TESTS_BENCH_MEASURE_H
#define TESTS_BENCH_MEASURE_H

#include "base/attr.h"

#include <stdint.h>

uint64_t thread_ns(void); /* CPU time of this thread: others use the machine */
uint64_t process_ns(void);
uint64_t wall_ns(void);
/* CPU time of one signature verification, now, on this thread. */
uint64_t verify_ns(void);

/* The resident set of this process, and the most it was. */
uint64_t resident_bytes(void);
uint64_t resident_peak(void);
double load_average(void); /* of the last minute */

uint64_t dice(void); /* always the same ones */

/* One line of the table of make bench. */
void row(const char *what, const char *format, ...) PRINTF_LIKE(2, 3);

#endif /* TESTS_BENCH_MEASURE_H */
