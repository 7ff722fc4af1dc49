/* Clocks and chance: what the process asks the system for.  Only the thread of
 * the simulation gets simulated answers; the database's own threads, which
 * wait by the real clock, get real ones. */
#include "tests/whole/whole.h"

#include "base/check.h"
#include "crypto/random.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static bool is_ours(void)
{
    static _Thread_local int ours; /* 1: yes, 2: no */

    if (ours == 0)
        ours = (pid_t)syscall(SYS_gettid) == getpid() ? 1 : 2;
    return whole.active && ours == 1;
}

static uint64_t monotonic_us(void)
{
    const struct whole_node *w = whole.now;
    const uint64_t us = whole.us + (w != NULL ? w->lag_us : 0);

    if (w == NULL)
        return us;
    return w->boot_us + us +
           (uint64_t)((int64_t)(us / 1000) * w->drift_ppm / 1000);
}

static uint64_t wall_us(void)
{
    const struct whole_node *w = whole.now;
    const uint64_t us = whole.us + (w != NULL ? w->lag_us : 0) +
                        whole.base->start_wall_ms * 1000;

    return w != NULL ? (uint64_t)((int64_t)us + w->wall_ms * 1000) : us;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    uint64_t us;

    if (!is_ours() || id == CLOCK_PROCESS_CPUTIME_ID ||
        id == CLOCK_THREAD_CPUTIME_ID)
        return (int)syscall(SYS_clock_gettime, id, t);
    us = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE ? wall_us()
                                                             : monotonic_us();
    *t = (struct timespec){(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    return 0;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    uint64_t us;

    (void)zone;
    if (!is_ours())
        return (int)syscall(SYS_gettimeofday, t, NULL);
    us = wall_us();
    *t = (struct timeval){(time_t)(us / 1000000), (suseconds_t)(us % 1000000)};
    return 0;
}

time_t time(time_t *out)
{
    struct timeval t;

    gettimeofday(&t, NULL);
    if (out != NULL)
        *out = t.tv_sec;
    return t.tv_sec;
}

void random_bytes(void *out, size_t size)
{
    uint8_t *at = out;

    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(dice_u64(&whole.bytes) >> 24);
}

struct whole_derived *whole_derived;

int EVP_PBE_scrypt(const char *pass,
                   size_t pass_size,
                   const unsigned char *salt,
                   size_t salt_size,
                   uint64_t n,
                   uint64_t r,
                   uint64_t p,
                   uint64_t most,
                   unsigned char *key,
                   size_t key_size)
{
    struct whole_derived *known = whole_derived;
    int (*real)(const char *,
                size_t,
                const unsigned char *,
                size_t,
                uint64_t,
                uint64_t,
                uint64_t,
                uint64_t,
                unsigned char *,
                size_t);

    for (unsigned i = 0; i < known->count; i++) {
        if (known->list[i].salt_size == salt_size &&
            known->list[i].key_size == key_size &&
            memcmp(known->list[i].salt, salt, salt_size) == 0) {
            memcpy(key, known->list[i].key, key_size);
            return 1;
        }
    }
    *(void **)&real = dlsym(RTLD_NEXT, "EVP_PBE_scrypt");
    ASSERT(real != NULL && salt_size <= 64 && key_size <= 64);
    if (real(pass, pass_size, salt, salt_size, n, r, p, most, key, key_size) !=
        1)
        return 0;
    if (known->count < ARRAY_LEN(known->list)) {
        memcpy(known->list[known->count].salt, salt, salt_size);
        known->list[known->count].salt_size = salt_size;
        memcpy(known->list[known->count].key, key, key_size);
        known->list[known->count++].key_size = key_size;
    }
    return 1;
}
