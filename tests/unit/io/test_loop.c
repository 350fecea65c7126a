/* The loop: order of a turn, tasks, and what keeps it awake. Epoll, since the backends have their
 * own suite. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "io/loop.h"
#include "io/timer.h"
#include <criterion/criterion.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct loop *make_loop(void)
{
    char error[256];
    const struct loop_options options = {.backend = LOOP_BACKEND_EPOLL};
    mem_init();
    log_init();
    struct loop *loop = loop_create(&options, error);
    cr_assert_not_null(loop);
    return loop;
}

struct step {
    struct loop_task task;
    struct loop *loop;
    char letter;
    bool is_repeating;
    struct loop_task *cancels;
    struct loop_task *readies;
};

static char trace[4096];
static size_t trace_size;

static void note(char letter)
{
    cr_assert_lt(trace_size, sizeof(trace) - 1);
    trace[trace_size++] = letter;
    trace[trace_size] = '\0';
}

static void expect_trace(const char *expected)
{
    cr_assert_str_eq(trace, expected);
    trace_size = 0;
    trace[0] = '\0';
}

static void run_step(struct loop_task *task)
{
    struct step *step = (struct step *)(void *)task;
    note(step->letter);
    if (step->is_repeating)
        loop_task_ready(step->loop, task);
    if (step->cancels != NULL)
        loop_task_cancel(step->loop, step->cancels);
    if (step->readies != NULL)
        loop_task_ready(step->loop, step->readies);
}

static void init_step(struct step *step, struct loop *loop, char letter)
{
    *step = (struct step){.loop = loop, .letter = letter};
    loop_task_init(&step->task, run_step);
}

Test(loop, tasks_run_once_in_order)
{
    struct loop *loop = make_loop();
    struct step steps[3];
    for (int i = 0; i < 3; i++)
        init_step(&steps[i], loop, (char)('a' + i));
    cr_assert_not(loop_has_ready(loop));
    loop_task_ready(loop, &steps[2].task);
    loop_task_ready(loop, &steps[0].task);
    loop_task_ready(loop, &steps[2].task);
    loop_task_flush(loop, &steps[1].task);
    loop_task_ready(loop, &steps[1].task); /* on another list already: stays there */
    cr_assert(loop_has_ready(loop));
    loop_poll(loop, -1); /* does not wait */
    expect_trace("ca");
    cr_assert(loop_has_ready(loop));
    loop_flush(loop);
    expect_trace("b");
    cr_assert_not(loop_has_ready(loop));
    loop_poll(loop, 0);
    loop_flush(loop);
    expect_trace("");
    loop_destroy(loop);
}

Test(loop, tasks_made_ready_by_tasks_wait_for_the_next_turn)
{
    struct loop *loop = make_loop();
    struct step again;
    struct step other;
    init_step(&again, loop, 'a');
    init_step(&other, loop, 'b');
    again.is_repeating = true;
    again.readies = &other.task;
    loop_task_ready(loop, &again.task);
    loop_poll(loop, -1);
    expect_trace("a");
    loop_poll(loop, -1);
    expect_trace("ab");
    loop_task_cancel(loop, &again.task);
    loop_task_cancel(loop, &again.task);
    loop_poll(loop, 0);
    expect_trace("");
    cr_assert_not(loop_has_ready(loop));
    loop_destroy(loop);
}

static void run_long_step(struct loop_task *task)
{
    const struct step *step = (struct step *)(void *)task;
    note(step->letter);
    int64_t began_us = clock_read_us();
    while (clock_read_us() - began_us < 2000)
        ;
}

/* However many there are, what is quick waits for one of them. */
Test(loop, slow_tasks_run_one_a_turn)
{
    struct loop *loop = make_loop();
    struct step slow[4];
    struct step quick;
    for (int i = 0; i < 4; i++) {
        init_step(&slow[i], loop, (char)('a' + i));
        loop_task_init(&slow[i].task, run_long_step);
        loop_task_slow(loop, &slow[i].task);
    }
    loop_task_slow(loop, &slow[0].task); /* is queued already */
    init_step(&quick, loop, '.');
    quick.is_repeating = true;
    loop_task_ready(loop, &quick.task);
    cr_assert(loop_has_ready(loop));
    for (int i = 0; i < 3; i++)
        loop_poll(loop, -1);
    expect_trace("a.b.c.");
    cr_assert_geq(loop_stats(loop)->slow_us, 6000);
    loop_task_cancel(loop, &slow[3].task);
    loop_task_cancel(loop, &quick.task);
    cr_assert_not(loop_has_ready(loop));
    loop_poll(loop, 0);
    expect_trace("");
    loop_destroy(loop);
}

Test(loop, slow_tasks_that_are_short_run_together)
{
    struct loop *loop = make_loop();
    struct step steps[3];
    for (int i = 0; i < 3; i++) {
        init_step(&steps[i], loop, (char)('a' + i));
        loop_task_slow(loop, &steps[i].task);
    }
    for (int i = 0; i < 3 && loop_has_ready(loop); i++)
        loop_poll(loop, -1);
    cr_assert_not(loop_has_ready(loop));
    expect_trace("abc");
    loop_destroy(loop);
}

Test(loop, a_task_cancels_others)
{
    struct loop *loop = make_loop();
    struct step steps[4];
    for (int i = 0; i < 4; i++) {
        init_step(&steps[i], loop, (char)('a' + i));
        loop_task_ready(loop, &steps[i].task);
    }
    steps[0].cancels = &steps[1].task; /* in the middle, then the last */
    steps[2].cancels = &steps[3].task;
    loop_poll(loop, -1);
    expect_trace("ac");
    loop_task_flush(loop, &steps[0].task);
    loop_task_flush(loop, &steps[1].task);
    loop_flush(loop);
    expect_trace("a");
    loop_destroy(loop);
}

enum { STEPS = 40 };

/* Random queueing and cancelling against the plain rule: each runs once, on its list, in order. */
Test(loop, random_tasks_against_a_model)
{
    struct loop *loop = make_loop();
    struct step steps[STEPS];
    char expected[2][STEPS + 1];
    size_t sizes[2] = {0, 0};
    bool is_queued[STEPS] = {false};
    struct random_state random;
    random_state_seed(&random, 77);
    for (int i = 0; i < STEPS; i++)
        init_step(&steps[i], loop, (char)('0' + i));
    for (unsigned round = 0; round < 20000; round++) {
        unsigned i = (unsigned)(random_state_next(&random) % STEPS);
        unsigned list = (unsigned)(random_state_next(&random) % 2);
        unsigned action = (unsigned)(random_state_next(&random) % 20);
        if (action < 12) {
            if (list == 0)
                loop_task_ready(loop, &steps[i].task);
            else
                loop_task_flush(loop, &steps[i].task);
            if (!is_queued[i])
                expected[list][sizes[list]++] = steps[i].letter;
            is_queued[i] = true;
        } else if (action < 18) {
            loop_task_cancel(loop, &steps[i].task);
            for (list = 0; list < 2; list++) {
                char *found = memchr(expected[list], steps[i].letter, sizes[list]);
                if (found != NULL) {
                    memmove(found, found + 1, (size_t)(expected[list] + sizes[list] - found - 1));
                    sizes[list]--;
                }
            }
            is_queued[i] = false;
        } else {
            if (list == 0)
                loop_poll(loop, 0);
            else
                loop_flush(loop);
            expected[list][sizes[list]] = '\0';
            for (size_t k = 0; k < sizes[list]; k++)
                is_queued[expected[list][k] - '0'] = false;
            sizes[list] = 0;
            expect_trace(expected[list]);
        }
        cr_assert_eq(loop_has_ready(loop), sizes[0] + sizes[1] > 0);
    }
    loop_poll(loop, 0);
    loop_flush(loop);
    loop_destroy(loop);
}

static void on_readable(struct loop_watch *watch)
{
    (void)watch;
    note('w');
}

static void on_expired(struct timer *timer)
{
    (void)timer;
    note('t');
}

Test(loop, completions_then_timers_then_tasks)
{
    struct loop *loop = make_loop();
    struct loop_watch watch;
    struct timer timer;
    struct step step;
    int fd = eventfd(1, EFD_CLOEXEC);
    init_step(&step, loop, 's');
    timer_init(&timer, on_expired);
    loop_task_ready(loop, &step.task);
    timer_start(loop_timers(loop), &timer, 0);
    cr_assert_eq(loop_watch_start(loop, &watch, fd, on_readable), 0);
    cr_assert_eq(loop_poll(loop, -1), 1);
    expect_trace("wts");
    loop_watch_stop(loop, &watch);
    close(fd);
    loop_destroy(loop);
}

Test(loop, watching_a_bad_descriptor_is_refused)
{
    struct loop *loop = make_loop();
    struct loop_watch watch;
    int fd = eventfd(0, EFD_CLOEXEC);
    close(fd);
    cr_assert_lt(loop_watch_start(loop, &watch, fd, on_readable), 0);
    cr_assert_not(watch.is_active);
    loop_watch_stop(loop, &watch);
    loop_destroy(loop);
}

Test(loop, counts_turns_and_idle_time)
{
    struct loop *loop = make_loop();
    const struct io_stats *stats = loop_stats(loop);
    loop_poll(loop, 0);
    loop_poll(loop, 2000);
    cr_assert_eq(stats->turns, 2);
    cr_assert_eq(stats->waits, 1);
    cr_assert_geq(stats->idle_us, 1900);
    loop_destroy(loop);
}
