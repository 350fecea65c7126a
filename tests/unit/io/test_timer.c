/* The timer wheel against a model: a plain array of deadlines. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "io/timer.h"
#include <criterion/criterion.h>
#include <string.h>

enum { TIMERS = 300 };

struct model_timer {
    struct timer timer;
    bool is_active;
    int64_t not_before_ms; /* the earliest moment it may fire */
    unsigned fired;
};

static struct model_timer model[TIMERS];
static struct timers *wheel;
static struct random_state randomness;
static int64_t last_deadline_ms;

static void start(struct model_timer *one, int64_t delay_ms)
{
    timer_start(wheel, &one->timer, delay_ms);
    one->is_active = true;
    one->not_before_ms = clock_ms() + (delay_ms > 0 ? delay_ms : 0);
}

static void stop(struct model_timer *one)
{
    timer_stop(wheel, &one->timer);
    one->is_active = false;
}

static int64_t random_delay(void)
{
    static const int64_t scales[] = {1, 5, 40, 300, 5000, 100000};
    return (int64_t)(random_state_next(&randomness) %
                     (uint64_t)scales[random_state_next(&randomness) % 6]);
}

static void on_expired(struct timer *timer)
{
    struct model_timer *one = (struct model_timer *)(void *)timer;
    cr_assert(one->is_active, "fired without being active");
    cr_assert_not(timer->is_active);
    cr_assert_leq(one->not_before_ms, clock_ms(), "fired early");
    cr_assert_geq(timer->deadline_ms, last_deadline_ms, "out of order");
    last_deadline_ms = timer->deadline_ms;
    one->is_active = false;
    one->fired++;
    /* Callbacks interfere with others and with themselves. */
    struct model_timer *other = &model[random_state_next(&randomness) % TIMERS];
    if (random_state_next(&randomness) % 4 == 0)
        stop(other);
    else if (random_state_next(&randomness) % 4 == 0)
        start(other, 1 + random_delay());
}

static void check_next(void)
{
    int64_t earliest_ms = INT64_MAX;
    for (unsigned i = 0; i < TIMERS; i++) {
        cr_assert_eq(model[i].is_active, model[i].timer.is_active);
        if (model[i].is_active && model[i].not_before_ms < earliest_ms)
            earliest_ms = model[i].not_before_ms;
    }
    int64_t next_ms = timers_next_ms(wheel);
    if (earliest_ms == INT64_MAX) {
        cr_assert_eq(next_ms, -1);
        return;
    }
    int64_t left_ms = earliest_ms > clock_ms() ? earliest_ms - clock_ms() : 0;
    cr_assert_geq(next_ms, 0);
    cr_assert_leq(next_ms, left_ms, "next is late: %ld of %ld", (long)next_ms, (long)left_ms);
}

/* Time is the real clock: work is done until enough milliseconds have passed. */
Test(timer, random_operations_against_a_model)
{
    mem_init();
    clock_update();
    random_state_seed(&randomness, 42);
    wheel = timers_create();
    for (unsigned i = 0; i < TIMERS; i++)
        timer_init(&model[i].timer, on_expired);
    int64_t end_ms = clock_ms() + 1500;
    uint64_t total = 0;
    while (clock_ms() < end_ms) {
        struct model_timer *one = &model[random_state_next(&randomness) % TIMERS];
        if (random_state_next(&randomness) % 3 == 0)
            stop(one);
        else
            start(one, random_delay());
        if (random_state_next(&randomness) % 50 == 0)
            clock_update();
        last_deadline_ms = 0;
        total += timers_run(wheel);
        for (unsigned i = 0; i < TIMERS; i++)
            cr_assert(!model[i].is_active || model[i].not_before_ms >= clock_ms(),
                      "timer %u is due and did not fire", i);
        check_next();
    }
    cr_assert_gt(total, 100);
    for (unsigned i = 0; i < TIMERS; i++)
        stop(&model[i]);
    cr_assert_eq(timers_next_ms(wheel), -1);
    timers_destroy(wheel);
}

static unsigned fired;
static void count_fired(struct timer *timer)
{
    (void)timer;
    fired++;
}

Test(timer, moves_and_stops)
{
    mem_init();
    clock_update();
    struct timers *timers = timers_create();
    struct timer timer;
    timer_init(&timer, count_fired);
    timer_stop(timers, &timer); /* not started: no effect */
    cr_assert_eq(timers_next_ms(timers), -1);
    timer_start(timers, &timer, 100000);
    timer_start(timers, &timer, 0);
    cr_assert_eq(timers_next_ms(timers), 0);
    cr_assert_eq(timers_run(timers), 1);
    cr_assert_eq(fired, 1);
    cr_assert_not(timer.is_active);
    timer_start(timers, &timer, 1);
    timer_stop(timers, &timer);
    int64_t end_us = clock_read_us() + 5000;
    while (clock_read_us() < end_us)
        clock_update();
    cr_assert_eq(timers_run(timers), 0);
    timers_destroy(timers);
}

static struct timers *shared_timers;
static void restart(struct timer *timer)
{
    fired++;
    timer_start(shared_timers, timer, 0);
}

Test(timer, one_that_restarts_itself_does_not_hold_the_run)
{
    mem_init();
    clock_update();
    shared_timers = timers_create();
    struct timer timer;
    timer_init(&timer, restart);
    timer_start(shared_timers, &timer, 0);
    cr_assert_eq(timers_run(shared_timers), 1);
    cr_assert_eq(timers_run(shared_timers), 1);
    cr_assert_eq(fired, 2);
    timer_stop(shared_timers, &timer);
    timers_destroy(shared_timers);
}
