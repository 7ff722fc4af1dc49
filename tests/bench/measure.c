#include "tests/bench/measure.h"

#include "base/check.h"
#include "crypto/key.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(clockid_t which)
{
    struct timespec t;

    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t thread_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t process_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t wall_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t resident_bytes(void)
{
    unsigned long long all = 0;
    unsigned long long resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    int got;

    ASSERT(f != NULL);
    got = fscanf(f, "%llu %llu", &all, &resident);
    ASSERT(got == 2);
    fclose(f);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t resident_peak(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)u.ru_maxrss * 1024;
}

double load_average(void)
{
    double load[1];

    return getloadavg(load, 1) == 1 ? load[0] : 0;
}

uint64_t verify_ns(void)
{
    enum { TIMES = 4000 };
    struct secret secret;
    struct pubkey key;
    struct hash digest = {{1}};
    struct signature sig;
    uint64_t good = 0;
    uint64_t from;

    if (key_new(&secret) != ERR_NONE || key_public(&key, &secret) != ERR_NONE ||
        key_sign(&sig, &secret, &digest) != ERR_NONE)
        abort();
    from = thread_ns();
    for (int i = 0; i < TIMES; i++)
        good += key_verify(&key, &digest, &sig) ? 1 : 0;
    ASSERT(good == TIMES);
    return (thread_ns() - from) / TIMES;
}

uint64_t dice(void)
{
    static uint64_t state = 1;
    uint64_t z = state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void row(const char *what, const char *format, ...)
{
    char figure[100];
    va_list args;

    va_start(args, format);
    vsnprintf(figure, sizeof figure, format, args);
    va_end(args);
    printf("| %-58s | %-28s |\n", what, figure);
    fflush(stdout);
}
