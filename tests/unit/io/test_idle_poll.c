/* Looking before sleeping: how long, and when not at all. */
#include "io/idle_poll.h"

#include <criterion/criterion.h>

struct work {
    int looks;
    int comes_at; /* 0: never */
};

static bool has_work(void *context)
{
    struct work *work = context;
    work->looks++;
    return work->comes_at && work->looks >= work->comes_at;
}

Test(idle_poll, work_at_hand_is_seen_at_once)
{
    struct idle_poll poll = {.gap_ns = IDLE_POLL_GAP_NS_MAX + 1};
    struct work work = {.comes_at = 1};
    cr_assert(idle_poll_wait(&poll, has_work, &work));
    cr_assert_eq(work.looks, 1);
}

Test(idle_poll, looks_for_a_while_when_work_comes_back_soon)
{
    struct idle_poll poll = {0};
    struct work work = {.comes_at = 40};
    cr_assert(idle_poll_wait(&poll, has_work, &work));
    cr_assert_eq(work.looks, 40);
}

Test(idle_poll, does_not_look_when_work_stays_away)
{
    struct idle_poll poll = {0};
    for (int i = 0; i < 100; i++)
        idle_poll_slept(&poll, 1000 * 1000);
    cr_assert_gt(poll.gap_ns, IDLE_POLL_GAP_NS_MAX);
    struct work work = {0};
    cr_assert_not(idle_poll_wait(&poll, has_work, &work));
    cr_assert_eq(work.looks, 1);
}

Test(idle_poll, misses_end_the_looking_and_short_sleeps_bring_it_back)
{
    struct idle_poll poll = {0};
    struct work never = {0};
    int tries = 0;
    while (poll.gap_ns <= IDLE_POLL_GAP_NS_MAX && tries++ < 100)
        cr_assert_not(idle_poll_wait(&poll, has_work, &never));
    cr_assert_lt(tries, 20);
    for (int i = 0; i < 100; i++)
        idle_poll_slept(&poll, 1000);
    cr_assert_leq(poll.gap_ns, IDLE_POLL_GAP_NS_MAX);
}

Test(idle_poll, long_gaps_do_not_weigh_for_ever)
{
    struct idle_poll poll = {0};
    idle_poll_slept(&poll, INT64_MAX);
    int sleeps = 0;
    while (poll.gap_ns > IDLE_POLL_GAP_NS_MAX && sleeps < 1000) {
        idle_poll_slept(&poll, 2000);
        sleeps++;
    }
    cr_assert_lt(sleeps, 100);
}
