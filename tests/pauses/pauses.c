/* Pauses at random where a program reads the clock, as if it had lost its processor there: each
 * thread by itself, so that what usually comes first comes second. Preloaded (LD_PRELOAD), built by
 * utils/soak. PAUSES_ONE_IN (default 400) reads one pauses, for up to PAUSES_US_MAX (default 8000).
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t one_in = 400;
static uint64_t us_max = 8000;
static __thread uint64_t state; /* xorshift64, 0: not seeded */

static uint64_t next_random(void)
{
    if (state == 0) {
        struct timespec now;
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
        state = ((uint64_t)now.tv_nsec << 32 | (uint64_t)syscall(SYS_gettid)) + 1;
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void read_setting(const char *name, uint64_t *value)
{
    const char *text = getenv(name);
    uint64_t given = text ? strtoull(text, NULL, 10) : 0;
    if (given > 0)
        *value = given;
}

/* Before main, and before there are threads. */
__attribute__((constructor)) static void read_settings(void)
{
    read_setting("PAUSES_ONE_IN", &one_in);
    read_setting("PAUSES_US_MAX", &us_max);
}

/* In place of the C library's. */
int clock_gettime(clockid_t id, struct timespec *time)
{
    if (next_random() % one_in == 0) {
        uint64_t us = next_random() % us_max;
        struct timespec pause = {.tv_sec = (time_t)(us / 1000000),
                                 .tv_nsec = (long)(us % 1000000 * 1000)};
        syscall(SYS_nanosleep, &pause, NULL);
    }
    return (int)syscall(SYS_clock_gettime, id, time);
}
