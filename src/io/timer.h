/* Timers of one loop: a hashed wheel with millisecond ticks; starting and stopping is O(1). A timer
 * is embedded in its owner. One thread. */
#ifndef IO_TIMER_H
#define IO_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct timers;

struct timer {
    struct timer *next;
    struct timer *previous;
    int64_t deadline_ms; /* clock_ms() time */
    void (*on_expired)(struct timer *timer);
    bool is_active;
};

struct timers *timers_create(void);
void timers_destroy(struct timers *timers);
void timer_init(struct timer *timer, void (*on_expired)(struct timer *timer));
/* Starts or moves; fires once, not before delay_ms from clock_ms() have passed. */
void timer_start(struct timers *timers, struct timer *timer, int64_t delay_ms);
void timer_stop(struct timers *timers, struct timer *timer);
/* Milliseconds until the next deadline, 0 when one is due, -1 when there is none. May be early,
 * never late. */
int64_t timers_next_ms(struct timers *timers);
/* Runs what is due at clock_ms(); returns how many. A callback may start and stop any timer. */
unsigned timers_run(struct timers *timers);

#endif
