/* The cache stands still until it is updated; clocks go forward. */
#include "base/clock.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

static void wait_until_later_than(int64_t us)
{
    while (clock_read_us() <= us)
        continue;
}

Test(clock, cache_stands_until_updated)
{
    clock_update();
    int64_t us = clock_us();
    int64_t wall_us = clock_wall_us();
    wait_until_later_than(us + 1000);
    cr_assert_eq(clock_us(), us);
    cr_assert_eq(clock_wall_us(), wall_us);
    cr_assert_eq(clock_ms(), us / 1000);
    cr_assert_eq(clock_wall_ms(), wall_us / 1000);
    clock_update();
    cr_assert_gt(clock_us(), us + 1000);
    cr_assert_gt(clock_us(), 0);
}

Test(clock, first_question_reads)
{
    int64_t before = clock_read_wall_us();
    cr_assert_geq(clock_wall_us(), before);
    cr_assert_leq(clock_wall_us(), clock_read_wall_us());
    cr_assert_leq(clock_us(), clock_read_us());
}

static void *update_other(void *argument)
{
    int64_t *seen = argument;
    seen[0] = clock_us();
    clock_update();
    seen[1] = clock_us();
    return NULL;
}

Test(clock, each_thread_has_its_own)
{
    clock_update();
    int64_t mine = clock_us();
    wait_until_later_than(mine + 100);
    int64_t seen[2];
    pthread_t thread;
    pthread_create(&thread, NULL, update_other, seen);
    pthread_join(thread, NULL);
    cr_assert_gt(seen[0], mine);
    cr_assert_geq(seen[1], seen[0]);
    cr_assert_eq(clock_us(), mine);
}

Test(clock, units_agree)
{
    int64_t us = clock_read_us();
    int64_t ns = clock_read_ns();
    cr_assert_geq(ns / 1000, us);
    cr_assert_lt(ns / 1000 - us, 1000000);
    cr_assert_leq(llabs(clock_read_wall_us() / 1000000 - (int64_t)time(NULL)), 1);
}

Test(clock, thread_cpu_grows_with_work)
{
    int64_t before = clock_thread_cpu_ns();
    wait_until_later_than(clock_read_us() + 2000);
    int64_t used = clock_thread_cpu_ns() - before;
    cr_assert_gt(used, 0);
    cr_assert_lt(used, 10000000000);
}

/* Between two spans of the clock, whenever the thread loses its processor. */
static void check_stopwatch(int64_t span_ns)
{
    int64_t outer_ns = clock_read_ns();
    int64_t watch_ns = clock_stopwatch_ns();
    int64_t inner_ns = clock_read_ns();
    while (clock_read_ns() - inner_ns < span_ns)
        continue;
    inner_ns = clock_read_ns() - inner_ns;
    watch_ns = clock_stopwatch_ns() - watch_ns;
    outer_ns = clock_read_ns() - outer_ns;
    cr_assert_geq(watch_ns, inner_ns - inner_ns / 1000 - 1000);
    cr_assert_leq(watch_ns, outer_ns + outer_ns / 1000 + 1000);
}

Test(clock, stopwatch_without_the_counter)
{
    cr_assert_eq(clock_counter_rate(), 0);
    check_stopwatch(2000000);
}

Test(clock, stopwatch_by_the_counter)
{
    unsigned rate = clock_trust_counter();
    cr_assert_eq(clock_counter_rate(), rate);
    for (int i = 0; i < 5; i++)
        check_stopwatch(10000000);
}
