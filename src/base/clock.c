/* Time with a per-thread cache. A thread that never called clock_update reads the clocks at its
 * first question. */
#include "base/clock.h"

#include <time.h>

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
