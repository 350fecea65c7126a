/* The pool: placement, publishing to all, sums of counters, TLS contexts for all or none, stopping.
 */
#include "io/io_pool.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "forbid_uring.h"
#include "io/tls_context.h"
#include "io/tls_tickets.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGE_ECHO = IO_MESSAGE_USER };

static void on_start(struct io_thread *thread)
{
    thread->owner = thread;
}

static void on_message(struct io_thread *thread, const struct message *message)
{
    io_thread_report(thread, *message);
    io_stat_add(loop_stats(thread->loop)->reads, 1);
}

static void on_turn(struct io_thread *thread)
{
    (void)thread;
}

static bool on_stop(struct io_thread *thread)
{
    (void)thread;
    return true;
}

static const struct io_thread_handler handler = {.on_start = on_start,
                                                 .on_message = on_message,
                                                 .on_turn = on_turn,
                                                 .on_stop = on_stop,
                                                 .on_end = on_turn};

static void set_up(void)
{
    mem_init();
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
}

TestSuite(io_pool, .init = set_up, .timeout = 60);

static struct io_pool *open_pool_on(enum loop_backend backend, int threads)
{
    struct io_pool_options options = {
        .threads = threads, .loop = {.backend = backend}, .handler = &handler};
    char error[256];
    struct io_pool *pool = io_pool_create(&options, error);
    cr_assert_not_null(pool, "%s", error);
    return pool;
}

static struct io_pool *open_pool(int threads)
{
    return open_pool_on(LOOP_BACKEND_EPOLL, threads);
}

/* Turns main's loop until a message came from the thread; false when none did for long. */
static bool await(struct io_pool *pool, int index, struct message *message)
{
    struct mailbox *mailbox = &io_pool_thread(pool, index)->to_main;
    for (int64_t limit_us = clock_read_us() + 30000000; clock_read_us() < limit_us;) {
        if (mailbox_receive(mailbox, message)) {
            mailbox_release(mailbox);
            return true;
        }
        struct wakeup *wakeup = io_pool_main_wakeup(pool);
        wakeup_announce_sleep(wakeup);
        loop_poll(io_pool_main_loop(pool), io_pool_is_quiet(pool) ? 1000000 : 1000);
        wakeup_end_sleep(wakeup);
    }
    return false;
}

static void close_pool(struct io_pool *pool)
{
    io_pool_request_stop(pool);
    cr_assert(io_pool_is_stopping(pool));
    for (int i = 1; i <= io_pool_count(pool); i++) {
        cr_assert_not(io_pool_is_stopped(pool));
        struct message message;
        do
            cr_assert(await(pool, i, &message));
        while (message.type != IO_MESSAGE_STOPPED);
        io_pool_note_stopped(pool, io_pool_thread(pool, i));
    }
    cr_assert(io_pool_is_stopped(pool));
    io_pool_destroy(pool);
}

Test(io_pool, one_thread_is_main_itself)
{
    struct io_pool *pool = open_pool(1);
    cr_assert_eq(io_pool_configured(pool), 1);
    cr_assert_eq(io_pool_count(pool), 0);
    struct io_thread *thread = io_pool_place(pool, false);
    cr_assert_eq(thread->index, 0);
    cr_assert_eq(thread->clients, 1);
    io_pool_unplace(thread);
    cr_assert_eq(thread->clients, 0);
    close_pool(pool);
}

Test(io_pool, places_where_fewest_are)
{
    struct io_pool *pool = open_pool(3);
    cr_assert_eq(io_pool_configured(pool), 3);
    cr_assert_eq(io_pool_count(pool), 3);
    for (int i = 0; i < 30; i++)
        cr_assert_neq(io_pool_place(pool, false)->index, 0, "main serves none");
    for (int i = 1; i <= 3; i++)
        cr_assert_eq(io_pool_thread(pool, i)->clients, 10);
    for (int i = 0; i < 10; i++)
        io_pool_unplace(io_pool_thread(pool, 2));
    for (int i = 0; i < 10; i++)
        cr_assert_eq(io_pool_place(pool, false)->index, 2);
    close_pool(pool);
}

Test(io_pool, main_makes_no_handshakes_while_there_are_threads)
{
    struct io_pool *pool = open_pool(2);
    io_pool_prefer_main(pool, true);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(io_pool_place(pool, false)->index, 0);
        cr_assert_neq(io_pool_place(pool, true)->index, 0);
    }
    cr_assert_eq(io_pool_thread(pool, 1)->clients, 5);
    close_pool(pool);
    pool = open_pool(1);
    cr_assert_eq(io_pool_place(pool, true)->index, 0);
    close_pool(pool);
}

Test(io_pool, publishes_to_all_and_hears_all)
{
    struct io_pool *pool = open_pool(3);
    for (int i = 1; i <= 3; i++)
        io_thread_post(io_pool_thread(pool, i),
                       (struct message){.type = MESSAGE_ECHO, .value = (uint32_t)i});
    io_pool_publish(pool);
    cr_assert_not(io_pool_has_backlog(pool));
    for (int i = 1; i <= 3; i++) {
        struct message message;
        cr_assert(await(pool, i, &message));
        cr_assert_eq(message.value, i);
    }
    cr_assert(io_pool_is_quiet(pool));
    struct io_stats sum;
    io_pool_sum_stats(pool, &sum);
    cr_assert_eq(sum.reads, 3);
    cr_assert_gt(sum.turns, 3);
    close_pool(pool);
}

Test(io_pool, a_backlog_shows)
{
    struct io_pool *pool = open_pool(2);
    enum { COUNT = 5 * MAILBOX_CAPACITY };
    struct io_thread *thread = io_pool_thread(pool, 1);
    for (uint32_t i = 0; i < COUNT; i++)
        io_thread_post(thread, (struct message){.type = MESSAGE_ECHO, .value = i});
    cr_assert(io_pool_has_backlog(pool));
    uint32_t next = 0;
    while (next < COUNT) {
        io_pool_publish(pool);
        struct message message;
        while (mailbox_receive(&thread->to_main, &message))
            cr_assert_eq(message.value, next++);
        mailbox_release(&thread->to_main);
    }
    cr_assert_not(io_pool_has_backlog(pool));
    close_pool(pool);
}

Test(io_pool, sums_stand_still_once_the_threads_were_told_to_end)
{
    struct io_pool *pool = open_pool(2);
    struct io_stats before;
    io_pool_sum_stats(pool, &before);
    io_pool_request_stop(pool);
    for (int i = 1; i <= 2; i++) {
        struct message message;
        cr_assert(await(pool, i, &message));
        cr_assert_eq(message.type, IO_MESSAGE_STOPPED);
        io_pool_note_stopped(pool, io_pool_thread(pool, i));
    }
    struct io_stats after;
    io_pool_sum_stats(pool, &after); /* their loops are gone */
    cr_assert_geq(after.turns, before.turns);
    cr_assert(io_pool_is_stopped(pool));
    io_pool_destroy(pool);
}

static void all_have_class(struct io_pool *pool, int policy)
{
    for (int i = 0; i <= io_pool_count(pool); i++)
        cr_assert_eq(sched_getscheduler(io_pool_thread(pool, i)->tid), policy, "thread %d", i);
}

Test(io_pool, threads_take_turns_or_interrupt_one_another)
{
    struct io_pool *pool = open_pool(3);
    all_have_class(pool, SCHED_OTHER);
    io_pool_set_batch(pool, true);
    all_have_class(pool, SCHED_BATCH);
    char error[256];
    cr_assert_eq(io_pool_resize(pool, 5, error), 0, "%s", error);
    all_have_class(pool, SCHED_BATCH);
    io_pool_set_batch(pool, true);
    io_pool_set_batch(pool, false);
    all_have_class(pool, SCHED_OTHER);
    close_pool(pool);
}

Test(io_pool, a_class_that_was_chosen_for_the_process_stays)
{
    struct sched_param parameter = {0};
    cr_assert_eq(sched_setscheduler(0, SCHED_BATCH, &parameter), 0);
    struct io_pool *pool = open_pool(2);
    io_pool_set_batch(pool, true);
    io_pool_set_batch(pool, false);
    all_have_class(pool, SCHED_BATCH);
    close_pool(pool);
}

/* As where little memory may be locked: the first ring gets it. */
Test(io_pool, a_thread_that_gets_no_ring_serves_with_epoll_and_says_so)
{
    char path[] = "/tmp/test_io_pool_XXXXXX";
    int fd = mkstemp(path);
    log_init();
    struct io_pool *pool = open_pool_on(LOOP_BACKEND_AUTO, 2);
    if (loop_backend_kind(io_pool_main_loop(pool)) != LOOP_BACKEND_URING)
        cr_skip_test("no io_uring here");
    cr_assert_eq(log_set_file(path), 0);
    forbid_io_uring(0, ENOMEM);
    char error[256];
    cr_assert_eq(io_pool_resize(pool, 3, error), 0, "%s", error);
    for (int i = 0; i <= 3; i++)
        cr_assert_eq(loop_backend_kind(io_pool_thread(pool, i)->loop),
                     i == 3 ? LOOP_BACKEND_EPOLL : LOOP_BACKEND_URING);
    char text[4096] = "";
    cr_assert_gt(read(fd, text, sizeof(text) - 1), 0);
    cr_assert_not_null(strstr(text, "I/O of io-3: epoll, io_uring is not usable: io_uring is "
                                    "refused by the kernel: Cannot allocate memory"));
    cr_assert_null(strstr(text, "io-1"));
    close_pool(pool);
    close(fd);
    unlink(path);
}

#ifdef BUILD_TLS
Test(io_pool, tls_contexts_for_all_or_none)
{
    cr_assert_eq(tls_library_init(), 0);
    struct io_pool *pool = open_pool(2);
    struct tls_tickets *tickets = tls_tickets_create();
    char error[512] = "";
    char missing[] = "/nonexistent/file.crt";
    struct tls_settings settings = {
        .port = 6379, .cert_file = missing, .key_file = missing, .ca_cert_file = missing};
    cr_assert_eq(io_pool_set_tls(pool, &settings, tickets, error, sizeof(error)), -1);
    cr_assert_neq(error[0], '\0');
    cr_assert_null(io_pool_tls(pool));
    close_pool(pool);
    tls_tickets_destroy(tickets);
}
#endif
