/* The policy of placement, with busy shares that the test invents: lending, coming home, trials
 * that fail, deep pipelines, fixed placement, threads that retire or come. */
#include "server/placement.h"

#include "../client/exchange_rig.h"
#include <sched.h>

enum { COUNT = 16 };

static struct placement *placement;
static int64_t looked_us;

static void set_up(void)
{
    mem_init();
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
}

TestSuite(placement, .init = set_up, .timeout = 100);

static void start(int threads, bool is_elastic)
{
    rig_start(threads, LOOP_BACKEND_EPOLL);
    placement = placement_create(rig.exchange, rig.pool, rig.clients);
    placement_set_elastic(placement, is_elastic);
    looked_us = clock_us();
    for (int i = 0; i < COUNT; i++)
        peer_open(i);
    RIG_UNTIL(rig.opened == COUNT);
}

static void stop(void)
{
    placement_destroy(placement);
    rig_stop();
}

static void traffic(int depth)
{
    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < depth; k++)
            peer_say(&rig.peers[i], "ECHO a", "$1\r\na\r\n");
    for (int i = 0; i < COUNT; i++)
        peer_finish(&rig.peers[i]);
}

/* One period in which main was so busy, and each I/O thread not too idle to be looked at. */
static void period(unsigned main_percent, int depth)
{
    for (int i = 0; i < 3; i++)
        traffic(depth);
    while (clock_us() - looked_us < PLACEMENT_PERIOD_MS * 1000)
        rig_turn();
    uint64_t spent_us = (uint64_t)(clock_us() - looked_us) * main_percent / 100;
    looked_us = clock_us();
    io_stat_add(loop_stats(io_pool_main_loop(rig.pool))->busy_us, spent_us);
    for (int i = 1; i <= io_pool_count(rig.pool); i++) {
        const struct io_thread *thread = io_pool_thread(rig.pool, i);
        if (thread && io_thread_is_up(thread))
            io_stat_add(loop_stats(thread->loop)->busy_us, 500);
    }
    placement_run(placement);
    struct exchange_moves moves;
    RIG_UNTIL((exchange_count_moves(rig.exchange, &moves), moves.under_way == 0));
}

static uint64_t clients_at(int index)
{
    struct io_thread *thread = io_pool_thread(rig.pool, index);
    return thread ? thread->clients : 0;
}

static struct placement_facts facts(void)
{
    struct placement_facts found;
    placement_describe(placement, &found);
    return found;
}

Test(placement, calm_clients_live_at_home)
{
    start(2, true);
    cr_assert_eq(clients_at(0), COUNT);
    for (int i = 0; i < 3; i++)
        period(10, 1);
    cr_assert_eq(clients_at(0), COUNT);
    cr_assert_eq(facts().lent, 0);
    stop();
}

Test(placement, a_busy_main_lends_half_and_half_again)
{
    start(2, true);
    period(0, 1);
    period(99, 1);
    cr_assert(facts().is_lending);
    cr_assert_eq(clients_at(0), COUNT / 2);
    cr_assert_eq(clients_at(1), COUNT / 4);
    cr_assert_eq(clients_at(2), COUNT / 4);
    period(99, 1);
    cr_assert_eq(clients_at(0), COUNT / 4);
    period(60, 1);
    cr_assert_eq(clients_at(0), COUNT / 4, "neither too busy nor calm");
    for (int i = 0; i < 3; i++)
        period(99, 1);
    cr_assert_eq(clients_at(0), 0);
    traffic(3);
    stop();
}

static unsigned periods_until_home(void)
{
    unsigned periods = 0;
    while (facts().is_lending) {
        period(5, 1);
        periods++;
        cr_assert_lt(periods, 40);
    }
    return periods;
}

Test(placement, a_failed_trial_makes_the_next_one_later)
{
    start(2, true);
    period(99, 1); /* without success so far: patience doubles */
    cr_assert(facts().is_lending);
    unsigned first = periods_until_home();
    period(99, 1);
    unsigned second = periods_until_home();
    cr_assert_gt(second, first);
    for (int i = 0; i < 4; i++)
        period(5, 1);
    cr_assert_eq(clients_at(0), COUNT, "all came home");
    stop();
}

Test(placement, deep_pipelines_are_lent_early)
{
    start(2, true);
    period(0, 1);
    period(40, 1);
    cr_assert_not(facts().is_lending);
    period(40, 16);
    cr_assert(facts().is_deep && facts().is_lending);
    cr_assert_eq(clients_at(0), 0);
    cr_assert_eq(clients_at(1), COUNT / 2);
    stop();
}

static uint64_t wanted_us;
static uint64_t busy_elsewhere_us; /* of each starved period, on the first I/O thread */

static uint64_t read_wanted(void)
{
    return wanted_us;
}

/* One in which main wanted a processor for so much of it, and served so many clients a turn. */
static void starved_period(unsigned wanted_percent, unsigned width)
{
    uint64_t *turns = &loop_stats(io_pool_main_loop(rig.pool))->turns;
    uint64_t turns_before = *turns;
    traffic(1);
    while (clock_us() - looked_us < PLACEMENT_PERIOD_MS * 1000)
        rig_turn();
    *turns = turns_before + COUNT / width;
    wanted_us += (uint64_t)(clock_us() - looked_us) * wanted_percent / 100;
    looked_us = clock_us();
    io_stat_add(loop_stats(io_pool_thread(rig.pool, 1)->loop)->busy_us, busy_elsewhere_us);
    placement_run(placement);
    struct exchange_moves moves;
    RIG_UNTIL((exchange_count_moves(rig.exchange, &moves), moves.under_way == 0));
    *turns = turns_before + COUNT / width; /* as placement saw them */
}

Test(placement, many_clients_are_lent_when_others_have_the_processor)
{
    start(2, true);
    placement_set_meter(placement, read_wanted);
    period(10, 1);
    starved_period(99, 1);
    cr_assert_eq(clients_at(0), COUNT, "few at the same time: several threads would cost more");
    starved_period(20, COUNT);
    cr_assert_eq(clients_at(0), COUNT, "main has all that it wants");
    starved_period(99, COUNT);
    cr_assert(facts().is_wide, "wanted %u", facts().main_wanted_percent);
    cr_assert(facts().is_lending, "wanted %u", facts().main_wanted_percent);
    cr_assert_eq(clients_at(0), 0);
    cr_assert_eq(clients_at(1), COUNT / 2);
    stop();
}

/* All lent; so many quiet ones beside them. */
static void lent_period(size_t others)
{
    rig.clients->count += others;
    period(99, 16);
    rig.clients->count -= others;
}

Test(placement, few_clients_share_as_many_threads_as_there_are_processors)
{
    start(4, true);
    placement_set_processors(placement, 2);
    for (int i = 0; i < 3; i++)
        lent_period(0);
    cr_assert_eq(clients_at(1), COUNT / 2);
    cr_assert_eq(clients_at(2), COUNT / 2);
    for (int i = 0; i < 4; i++)
        lent_period(PLACEMENT_MANY_CLIENTS);
    for (int i = 1; i <= 4; i++)
        cr_assert_geq(clients_at(i), 2, "many: over all; %d has %d", i, (int)clients_at(i));
    for (int i = 0; i < 3; i++)
        lent_period(PLACEMENT_FEW_CLIENTS - COUNT);
    cr_assert_gt(clients_at(4), 0, "as it was, between few and many");
    for (int i = 0; i < 3; i++)
        lent_period(0);
    cr_assert_eq(clients_at(1) + clients_at(2), COUNT, "gathered again");
    for (int i = 0; i < 8; i++)
        cr_assert_leq(io_pool_choose_for_handshake(rig.pool)->index, 3, "main's processor as well");
    placement_set_elastic(placement, false);
    for (int i = 0; i < 4; i++)
        lent_period(0);
    cr_assert_gt(clients_at(4), 0, "fixed: over all");
    stop();
}

static void start_with_few(void)
{
    start(2, true);
    placement_set_processors(placement, 1);
    period(0, 1);
}

Test(placement, few_clients_are_lent_when_main_is_too_busy_for_a_while)
{
    start_with_few();
    period(99, 1);
    period(99, 1);
    cr_assert_eq(clients_at(0), COUNT, "a burst ends by itself");
    period(10, 1);
    for (int i = 0; i < PLACEMENT_BUSY_PERIODS; i++)
        period(99, 1);
    cr_assert(facts().is_lending);
    cr_assert_lt(clients_at(0), COUNT);
    stop();
}

/* Three times the requests while lent. */
Test(placement, few_clients_stay_lent_when_more_is_served)
{
    start_with_few();
    for (int i = 0; i < PLACEMENT_BUSY_PERIODS; i++)
        period(99, 1);
    for (int i = 0; i < 2 * PLACEMENT_TRIAL_PERIODS; i++)
        period(70, 3);
    cr_assert(facts().is_lending);
    stop();
}

static void lend_in_vain(void)
{
    for (int i = 0; i < PLACEMENT_BUSY_PERIODS; i++)
        period(99, 2);
    cr_assert(facts().is_lending);
    for (int i = 0; i < PLACEMENT_TRIAL_PERIODS; i++)
        period(70, 1);
    cr_assert_not(facts().is_lending);
}

Test(placement, few_clients_stay_at_home_when_lending_was_in_vain)
{
    start_with_few();
    lend_in_vain();
    for (int i = 0; i < 2 * PLACEMENT_BUSY_PERIODS; i++)
        period(99, 1);
    cr_assert_not(facts().is_lending);
    cr_assert_eq(clients_at(0), COUNT);
    period(99, 16);
    cr_assert(facts().is_lending, "deep pipelines are no trial");
    stop();
}

Test(placement, a_pause_at_home_makes_lending_no_better)
{
    start_with_few();
    for (int i = 1; i < PLACEMENT_BUSY_PERIODS; i++)
        period(99, 2);
    period(99, 1);
    cr_assert(facts().is_lending);
    for (int i = 0; i < PLACEMENT_TRIAL_PERIODS; i++)
        period(70, 2);
    cr_assert_not(facts().is_lending, "as many as before the pause");
    stop();
}

/* Lent, they served more once; no longer. */
Test(placement, few_clients_are_compared_again_when_lending_serves_less)
{
    start_with_few();
    for (int i = 0; i < PLACEMENT_BUSY_PERIODS; i++)
        period(99, 1);
    for (int i = 0; i < PLACEMENT_TRIAL_PERIODS; i++)
        period(70, 3);
    for (int i = 1; i < PLACEMENT_BEHIND_PERIODS; i++)
        period(70, 1);
    period(70, 3);
    for (int i = 1; i < PLACEMENT_BEHIND_PERIODS; i++)
        period(70, 1);
    cr_assert(facts().is_lending, "not for long enough");
    period(70, 1);
    cr_assert_not(facts().is_lending);
    for (int i = 0; i < PLACEMENT_BUSY_PERIODS; i++)
        period(99, 1);
    cr_assert(facts().is_lending, "at once, if main is too busy: nothing was in vain yet");
    stop();
}

/* So many periods until they are home. */
static unsigned periods_lent(void)
{
    unsigned count = 0;
    for (; facts().is_lending && count < 4 * PLACEMENT_PROOF_PERIODS; count++)
        period(70, 3);
    return count;
}

Test(placement, a_gain_is_proven_again_and_later_each_time)
{
    start_with_few();
    for (unsigned times = 1; times <= 2; times++) {
        for (int i = 0; i < PLACEMENT_BUSY_PERIODS; i++)
            period(99, 1);
        cr_assert(facts().is_lending);
        /* The period that began lending is the first of the trial. */
        cr_assert_eq(periods_lent() + 1, PLACEMENT_TRIAL_PERIODS + times * PLACEMENT_PROOF_PERIODS);
    }
    stop();
}

Test(placement, twice_as_many_clients_are_another_trial)
{
    start_with_few();
    lend_in_vain();
    rig.clients->count += COUNT + 1;
    for (int i = 0; i < PLACEMENT_BUSY_PERIODS; i++)
        period(99, 1);
    rig.clients->count -= COUNT + 1;
    cr_assert(facts().is_lending);
    stop();
}

Test(placement, many_clients_that_opened_elsewhere_are_not_gathered_first)
{
    rig_start(2, LOOP_BACKEND_EPOLL);
    placement = placement_create(rig.exchange, rig.pool, rig.clients);
    looked_us = clock_us();
    for (int i = 0; i < COUNT; i++)
        peer_open(i);
    RIG_UNTIL(rig.opened == COUNT);
    cr_assert_eq(clients_at(0), 0);
    placement_set_elastic(placement, true);
    placement_set_meter(placement, read_wanted);
    starved_period(0, COUNT); /* the first look is at all that went before */
    cr_assert_not(facts().is_lending);
    busy_elsewhere_us = 95 * 1000;
    starved_period(0, COUNT);
    cr_assert(facts().is_away && facts().is_wide);
    cr_assert(facts().is_lending, "busy %u", facts().busy_percent);
    cr_assert_eq(clients_at(0), 0);
    stop();
}

Test(placement, lent_company_takes_turns)
{
    start(2, true);
    period(0, 1);
    period(99, 16);
    cr_assert(facts().is_deep && facts().is_lending);
    cr_assert(facts().is_batch);
    cr_assert_eq(sched_getscheduler(0), SCHED_BATCH);
    for (int i = 1; i < PLACEMENT_BATCH_PERIODS; i++)
        period(60, 1);
    cr_assert(facts().is_batch, "a pause is no end");
    period(60, 1);
    cr_assert_not(facts().is_batch);
    cr_assert_eq(sched_getscheduler(0), SCHED_OTHER);
    struct io_stats *stats = loop_stats(io_pool_main_loop(rig.pool));
    io_stat_add(stats->handshakes_in_flight, PLACEMENT_HANDSHAKES_MAX + 1);
    period(99, 16);
    cr_assert(facts().is_deep && facts().is_lending);
    cr_assert_not(facts().is_batch, "not in a storm of handshakes");
    stop();
}

Test(placement, fixed_placement_keeps_main_free)
{
    start(2, true);
    cr_assert_eq(clients_at(0), COUNT);
    placement_set_elastic(placement, false);
    period(0, 1);
    cr_assert_eq(clients_at(0), 0);
    cr_assert_eq(clients_at(1), COUNT / 2);
    placement_set_elastic(placement, true);
    for (int i = 0; i < 5; i++)
        period(5, 1);
    cr_assert_eq(clients_at(0), COUNT);
    stop();
}

Test(placement, threads_that_come_and_go)
{
    start(2, false);
    char error[256];
    cr_assert_eq(io_pool_resize(rig.pool, 4, error), 0);
    for (int i = 0; i < 8; i++)
        period(0, 1);
    for (int i = 1; i <= 4; i++)
        cr_assert(clients_at(i) >= 2, "evened out: %d has %d", i, (int)clients_at(i));
    cr_assert_eq(io_pool_resize(rig.pool, 1, error), 0);
    for (int i = 0; i < 4; i++)
        period(0, 1);
    cr_assert_eq(clients_at(0), COUNT);
    cr_assert_eq(io_pool_count(rig.pool), 0);
    cr_assert_eq(io_pool_resize(rig.pool, 3, error), 0);
    for (int i = 0; i < 3; i++)
        period(0, 1);
    cr_assert_eq(clients_at(0), 0);
    stop();
}
