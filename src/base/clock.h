/* Time, cached per thread. A loop refreshes its thread's cache once a turn (clock_update);
 * everything in that turn reads the cache for nothing. Any thread; each has a cache of its own.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Refreshes this thread's cache from the system clocks. */
void clock_update(void);
/* Cached monotonic time. */
int64_t clock_us(void);
int64_t clock_ms(void);
/* Cached wall clock time since the epoch. */
int64_t clock_wall_us(void);
int64_t clock_wall_ms(void);
/* Not cached. */
int64_t clock_read_us(void);
int64_t clock_read_ns(void);
int64_t clock_read_wall_us(void);
/* A stopwatch for short spans, cheaper than clock_read_ns: ns since some moment, by the processor's
 * time-stamp counter after clock_trust_counter has found that it can be trusted. The two have
 * different zero points; only differences mean something. */
int64_t clock_stopwatch_ns(void);
/* Call once before other threads are there; takes 1 ms. Returns counts per microsecond, or 0: the
 * kernel itself does not keep time by the counter (or tells nobody), clock_stopwatch_ns reads the
 * clock. */
unsigned clock_trust_counter(void);
/* What clock_trust_counter returned. */
unsigned clock_counter_rate(void);
/* CPU time that this thread has used. Not cached. */
int64_t clock_thread_cpu_ns(void);

#endif
