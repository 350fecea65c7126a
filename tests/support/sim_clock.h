/* A clock that stands still until it is moved, in place of base/clock.c: included by one file of a
 * test program that uses the simulated backend, so that timers depend on the seed alone. CPU time
 * stays real. */
#ifndef SUPPORT_SIM_CLOCK_H
#define SUPPORT_SIM_CLOCK_H

#include "base/clock.h"
#include <time.h>

static int64_t sim_clock_now_us = 1000000000;

static inline void sim_clock_advance(int64_t us)
{
    sim_clock_now_us += us;
}

void clock_update(void)
{
}

int64_t clock_us(void)
{
    return sim_clock_now_us;
}

int64_t clock_ms(void)
{
    return sim_clock_now_us / 1000;
}

int64_t clock_read_us(void)
{
    return sim_clock_now_us;
}

int64_t clock_read_ns(void)
{
    return sim_clock_now_us * 1000;
}

/* Certificates have dates: the day is the real one. */
int64_t clock_read_wall_us(void)
{
    return (int64_t)time(NULL) * 1000000;
}

int64_t clock_wall_us(void)
{
    return clock_read_wall_us();
}

int64_t clock_wall_ms(void)
{
    return clock_read_wall_us() / 1000;
}

int64_t clock_thread_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
