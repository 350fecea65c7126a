/* Time with a per-thread cache. A thread that never called clock_update reads the clocks at its
 * first question. */
#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

enum { CALIBRATION_NS = 1000000, CALIBRATION_TRIES = 5 };

/* ns per count in units of 2^-32; 0: not by the counter. Set once, before there are threads. */
static uint64_t counter_scale;

static __thread int64_t cached_us;
static __thread int64_t cached_wall_us;

static int64_t read_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void clock_update(void)
{
    cached_us = clock_read_us();
    cached_wall_us = clock_read_wall_us();
}

int64_t clock_us(void)
{
    if (__builtin_expect(cached_us == 0, 0))
        clock_update();
    return cached_us;
}

int64_t clock_ms(void)
{
    return clock_us() / 1000;
}

int64_t clock_wall_us(void)
{
    if (__builtin_expect(cached_us == 0, 0))
        clock_update();
    return cached_wall_us;
}

int64_t clock_wall_ms(void)
{
    return clock_wall_us() / 1000;
}

int64_t clock_read_us(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_read_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_read_wall_us(void)
{
    return read_ns(CLOCK_REALTIME) / 1000;
}

int64_t clock_thread_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* -- the counter -- */

#if defined(__x86_64__)
/* A moment by both clocks. */
struct moment {
    uint64_t count;
    int64_t ns;
};

/* The closest of some pairs: the thread may lose its processor between two reads. */
static struct moment read_moment(void)
{
    struct moment best = {0};
    uint64_t best_width = UINT64_MAX;
    for (int i = 0; i < CALIBRATION_TRIES; i++) {
        uint64_t before = __rdtsc();
        int64_t ns = clock_read_ns();
        uint64_t width = __rdtsc() - before;
        if (width < best_width) {
            best_width = width;
            best = (struct moment){before + width / 2, ns};
        }
    }
    return best;
}

/* The kernel checks the counter against other clocks, and leaves it when they disagree. */
static bool is_counter_the_clock(void)
{
    FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    char name[32] = "";
    if (!file)
        return false;
    bool is_tsc = fgets(name, sizeof name, file) && strcmp(name, "tsc\n") == 0;
    (void)fclose(file);
    return is_tsc;
}

unsigned clock_trust_counter(void)
{
    if (!is_counter_the_clock())
        return 0;
    struct moment begin = read_moment();
    while (clock_read_ns() - begin.ns < CALIBRATION_NS)
        continue;
    struct moment end = read_moment();
    uint64_t ns = (uint64_t)(end.ns - begin.ns);
    counter_scale = (ns << 32) / (end.count - begin.count);
    return clock_counter_rate();
}

int64_t clock_stopwatch_ns(void)
{
    if (__builtin_expect(counter_scale == 0, 0))
        return clock_read_ns();
    return (int64_t)(((unsigned __int128)__rdtsc() * counter_scale) >> 32);
}
#else
unsigned clock_trust_counter(void)
{
    return 0;
}

int64_t clock_stopwatch_ns(void)
{
    return clock_read_ns();
}
#endif

unsigned clock_counter_rate(void)
{
    return counter_scale ? (unsigned)(((UINT64_C(1000) << 32) + counter_scale / 2) / counter_scale)
                         : 0;
}
