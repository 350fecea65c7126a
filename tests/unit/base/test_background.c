/* Lanes run their jobs in order, tell main when done, and lose none at the end. */
#include "base/background.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/thread_role.h"

enum { JOBS = 2000 };

static int notify_pipe[2];

static void notify(void *context)
{
    (void)!write(((int *)context)[1], "x", 1);
}

static struct background *start(void)
{
    mem_init();
    cr_assert_eq(pipe(notify_pipe), 0);
    return background_create(notify, notify_pipe);
}

/* Waits until a worker notified. */
static void await_notice(void)
{
    char byte;
    cr_assert_eq(read(notify_pipe[0], &byte, 1), 1);
}

struct record {
    int worked[JOBS];
    size_t worked_count;
    int done[JOBS];
    size_t done_count;
    pthread_t main;
    bool worked_on_main;
    bool done_elsewhere;
};

static struct record records[BACKGROUND_LANES];

struct task {
    struct record *record;
    int number;
};

static struct task tasks[BACKGROUND_LANES][JOBS];

static void work(void *argument)
{
    struct task *task = argument;
    struct record *record = task->record;
    record->worked_on_main |= pthread_equal(record->main, pthread_self()) != 0;
    record->worked[record->worked_count++] = task->number;
}

static void done(void *argument)
{
    struct task *task = argument;
    struct record *record = task->record;
    record->done_elsewhere |= pthread_equal(record->main, pthread_self()) == 0;
    record->done[record->done_count++] = task->number;
}

Test(background, lanes_keep_their_order)
{
    struct background *background = start();
    for (int lane = 0; lane < BACKGROUND_LANES; lane++)
        records[lane].main = pthread_self();
    for (int i = 0; i < JOBS; i++) {
        for (int lane = 0; lane < BACKGROUND_LANES; lane++) {
            tasks[lane][i] = (struct task){&records[lane], i};
            background_submit(background, (enum background_lane)lane, work, done, &tasks[lane][i]);
        }
        if (i % 100 == 0)
            background_reap(background);
    }
    while (records[0].done_count + records[1].done_count + records[2].done_count <
           BACKGROUND_LANES * JOBS) {
        await_notice();
        background_reap(background);
    }
    for (int lane = 0; lane < BACKGROUND_LANES; lane++) {
        cr_assert_not(records[lane].worked_on_main);
        cr_assert_not(records[lane].done_elsewhere);
        cr_assert_eq(records[lane].worked_count, JOBS);
        for (int i = 0; i < JOBS; i++) {
            cr_assert_eq(records[lane].worked[i], i);
            cr_assert_eq(records[lane].done[i], i);
        }
        cr_assert_eq(background_pending(background, (enum background_lane)lane), 0);
    }
    cr_assert_eq(background_reap(background), 0);
    background_destroy(background);
}

static pthread_barrier_t gate;

static void wait_at_gate(void *argument)
{
    (void)argument;
    pthread_barrier_wait(&gate);
}

static void count_up(void *argument)
{
    ++*(int *)argument;
}

Test(background, pending_counts_what_is_not_finished)
{
    struct background *background = start();
    pthread_barrier_init(&gate, NULL, 2);
    int counter = 0;
    background_submit(background, BACKGROUND_FREE, wait_at_gate, NULL, NULL);
    background_submit(background, BACKGROUND_FREE, count_up, NULL, &counter);
    background_submit(background, BACKGROUND_FREE, count_up, count_up, &counter);
    cr_assert_eq(background_pending(background, BACKGROUND_FREE), 3);
    cr_assert_eq(background_pending(background, BACKGROUND_FILES), 0);
    /* Another lane does not wait for this one. */
    int other = 0;
    background_submit(background, BACKGROUND_FILES, count_up, count_up, &other);
    await_notice();
    cr_assert_eq(background_reap(background), 1);
    cr_assert_eq(other, 2);
    pthread_barrier_wait(&gate);
    await_notice();
    cr_assert_eq(background_pending(background, BACKGROUND_FREE), 0);
    cr_assert_eq(counter, 2);
    cr_assert_eq(background_reap(background), 1);
    cr_assert_eq(counter, 3);
    background_destroy(background);
}

Test(background, destroy_finishes_all)
{
    struct background *background = start();
    pthread_barrier_init(&gate, NULL, 2);
    int counter = 0;
    background_submit(background, BACKGROUND_PREPARE, wait_at_gate, NULL, NULL);
    for (int i = 0; i < 10; i++)
        background_submit(background, BACKGROUND_PREPARE, count_up, count_up, &counter);
    pthread_barrier_wait(&gate);
    background_destroy(background);
    cr_assert_eq(counter, 20);
    background_destroy(NULL);
}

Test(background, drain_waits_for_a_lane_but_not_for_ever)
{
    struct background *background = start();
    pthread_barrier_init(&gate, NULL, 2);
    int counter = 0;
    cr_assert(background_drain(background, BACKGROUND_PREPARE, 0));
    background_submit(background, BACKGROUND_PREPARE, wait_at_gate, NULL, NULL);
    background_submit(background, BACKGROUND_PREPARE, count_up, NULL, &counter);
    cr_assert(background_drain(background, BACKGROUND_FREE, 0));
    cr_assert_not(background_drain(background, BACKGROUND_PREPARE, 0));
    cr_assert_not(background_drain(background, BACKGROUND_PREPARE, 20));
    cr_assert_eq(counter, 0);
    pthread_barrier_wait(&gate);
    cr_assert(background_drain(background, BACKGROUND_PREPARE, 60000));
    cr_assert_eq(counter, 1);
    background_destroy(background);
}

static int hung_gates[BACKGROUND_ABANDONED_MAX + 1][2];

struct hung {
    int gate; /* read until it is closed */
    int *dropped;
};

static void hang(void *argument)
{
    char byte;
    (void)!read(((struct hung *)argument)->gate, &byte, 1);
}

static void drop(void *argument)
{
    __atomic_fetch_add(((struct hung *)argument)->dropped, 1, __ATOMIC_RELEASE);
}

static int instead;

static void take_instead(void *argument)
{
    cr_assert_eq(argument, &instead, "the argument is the worker's");
    instead++;
}

static void await_current(struct background *background, const void *argument)
{
    while (background_current(background, BACKGROUND_PREPARE) != argument)
        sched_yield();
}

/* The lane goes on, in order; what hangs ends by itself, and is in nobody's way. */
Test(background, a_job_that_hangs_can_be_abandoned)
{
    struct background *background = start();
    enum background_lane lane = BACKGROUND_PREPARE;
    int dropped = 0;
    int counter = 0;
    struct hung hung[BACKGROUND_ABANDONED_MAX + 1];
    cr_assert_null(background_current(background, lane));
    cr_assert_not(background_abandon(background, lane, &hung[0], drop, &instead),
                  "nobody is at it");
    for (int i = 0; i <= BACKGROUND_ABANDONED_MAX; i++) {
        cr_assert_eq(pipe(hung_gates[i]), 0);
        hung[i] = (struct hung){hung_gates[i][0], &dropped};
        background_submit(background, lane, hang, take_instead, &hung[i]);
        background_submit(background, lane, count_up, NULL, &counter);
        await_current(background, &hung[i]);
        cr_assert_eq(counter, i);
        cr_assert_eq(background_pending(background, lane), 2);
        if (i == BACKGROUND_ABANDONED_MAX)
            break;
        cr_assert_not(background_abandon(background, lane, &counter, drop, &instead),
                      "it is at another");
        cr_assert(background_abandon(background, lane, &hung[i], drop, &instead));
        cr_assert_not(background_abandon(background, lane, &hung[i], drop, &instead),
                      "a second time");
        cr_assert(background_drain(background, lane, 60000));
        cr_assert_eq(counter, i + 1);
        cr_assert_eq(background_abandoned(background, lane), i + 1);
        cr_assert(background_has_finished(background));
        cr_assert_eq(background_reap(background), 1);
        cr_assert_eq(instead, i + 1);
    }
    cr_assert_not(
        background_abandon(background, lane, &hung[BACKGROUND_ABANDONED_MAX], drop, &instead),
        "too many");
    close(hung_gates[0][1]);
    while (background_abandoned(background, lane) == BACKGROUND_ABANDONED_MAX)
        sched_yield();
    cr_assert_eq(__atomic_load_n(&dropped, __ATOMIC_ACQUIRE), 1);
    cr_assert(
        background_abandon(background, lane, &hung[BACKGROUND_ABANDONED_MAX], drop, &instead));
    cr_assert(background_drain(background, lane, 60000));
    for (int i = 1; i <= BACKGROUND_ABANDONED_MAX; i++)
        close(hung_gates[i][1]);
    while (background_abandoned(background, lane) > 0)
        sched_yield();
    cr_assert_eq(dropped, BACKGROUND_ABANDONED_MAX + 1);
    cr_assert_eq(counter, BACKGROUND_ABANDONED_MAX + 1);
    cr_assert_eq(background_reap(background), 1);
    cr_assert_eq(instead, BACKGROUND_ABANDONED_MAX + 1);
    background_destroy(background);
}

static void read_affinity(void *argument)
{
    sched_getaffinity(0, sizeof(cpu_set_t), argument);
}

Test(background, cpulist_applies_at_the_next_job)
{
    struct background *background = start();
    cpu_set_t own;
    sched_getaffinity(0, sizeof own, &own);
    int last = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &own))
            last = cpu;
    char list[16];
    snprintf(list, sizeof list, "%d", last);
    background_set_cpulist(background, list);
    cpu_set_t seen;
    background_submit(background, BACKGROUND_FILES, read_affinity, NULL, &seen);
    log_set_level(LOG_NOTHING_);
    background_destroy(background);
    cr_assert_eq(CPU_COUNT(&seen), 1);
    cr_assert(CPU_ISSET(last, &seen));
}

Test(background, says_what_waits_for_reaping)
{
    struct background *background = start();
    cr_assert_not(background_has_finished(background));
    records[0].main = pthread_self();
    struct task *task = &tasks[0][0];
    *task = (struct task){.record = &records[0], .number = 1};
    background_submit(background, BACKGROUND_FREE, work, NULL, task);
    background_submit(background, BACKGROUND_FREE, work, done, task);
    await_notice();
    cr_assert(background_has_finished(background));
    cr_assert_eq(background_reap(background), 1);
    cr_assert_not(background_has_finished(background));
    background_destroy(background);
}
