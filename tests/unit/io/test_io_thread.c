/* One I/O thread: starts, takes messages in order, reports back, does not sleep through either,
 * ends when its handler agrees; index 0 lives on main without a thread. */
#include "io/io_thread.h"

#include "base/clock.h"
#include "base/memory.h"
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>

enum { MESSAGE_ECHO = IO_MESSAGE_USER, MESSAGE_BURST };

/* The layer above, of this test: echoes, and agrees to end at the asking `agrees_at`. */
struct echoes {
    int started;
    int ended;
    int asked;
    int agrees_at;
    uint64_t turns;
    int index; /* of the thread it ran on */
};

static struct echoes echoes;

static void on_start(struct io_thread *thread)
{
    echoes.started++;
    echoes.index = thread_index_current();
    thread->owner = &echoes;
}

static void on_message(struct io_thread *thread, const struct message *message)
{
    cr_assert_eq(thread->owner, (void *)&echoes);
    cr_assert_eq(thread_index_current(), thread->index);
    if (message->type == MESSAGE_ECHO)
        io_thread_report(thread, *message);
    for (uint32_t i = 0; message->type == MESSAGE_BURST && i < message->value; i++)
        io_thread_report(thread, (struct message){.type = MESSAGE_ECHO, .value = i});
}

static void on_turn(struct io_thread *thread)
{
    (void)thread;
    echoes.turns++;
}

static bool on_stop(struct io_thread *thread)
{
    if (++echoes.asked >= echoes.agrees_at)
        return true;
    io_thread_report(thread, (struct message){.type = MESSAGE_ECHO, .value = 77});
    return false;
}

static void on_end(struct io_thread *thread)
{
    thread->owner = NULL;
    echoes.ended++;
}

static const struct io_thread_handler handler = {.on_start = on_start,
                                                 .on_message = on_message,
                                                 .on_turn = on_turn,
                                                 .on_stop = on_stop,
                                                 .on_end = on_end};

static struct wakeup main_wakeup;

static void set_up(void)
{
    mem_init();
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
    int result = wakeup_init(&main_wakeup);
    cr_assert_eq(result, 0);
    echoes = (struct echoes){0};
}

TestSuite(io_thread, .init = set_up, .timeout = 60);

/* Sleeps as main does, until a message is there. */
static struct message await(struct io_thread *thread)
{
    struct message message;
    while (!mailbox_receive(&thread->to_main, &message)) {
        mailbox_release(&thread->to_main);
        wakeup_announce_sleep(&main_wakeup);
        if (mailbox_is_empty(&thread->to_main)) {
            struct pollfd slot = {.fd = main_wakeup.fd, .events = POLLIN};
            cr_assert_eq(poll(&slot, 1, 20000), 1, "a wake-up of main was lost");
            wakeup_drain(&main_wakeup);
        }
        wakeup_end_sleep(&main_wakeup);
    }
    return message;
}

static void open_thread(struct io_thread *thread, enum loop_backend backend)
{
    struct loop_options options = {.backend = backend};
    int result = io_thread_init(thread, 1, &options, &handler, &echoes);
    cr_assert_eq(result, 0);
    cr_assert_str_eq(thread->name, "io-1");
    result = io_thread_start(thread, &main_wakeup, NULL);
    cr_assert_eq(result, 0, "%s", thread->error);
    cr_assert_eq(echoes.started, 1, "start waits until the loop stands");
    cr_assert_eq(echoes.index, 1);
}

static void close_thread(struct io_thread *thread)
{
    io_thread_post(thread, (struct message){.type = IO_MESSAGE_STOP});
    io_thread_publish(thread);
    for (struct message message = await(thread); message.type != IO_MESSAGE_STOPPED;)
        message = await(thread);
    io_thread_join(thread);
    cr_assert_eq(echoes.ended, 1);
    cr_assert_null(thread->loop);
    io_thread_deinit(thread);
}

static const enum loop_backend backends[] = {LOOP_BACKEND_EPOLL, LOOP_BACKEND_AUTO};

Test(io_thread, echoes_whoever_sleeps)
{
    for (size_t b = 0; b < 2; b++) {
        echoes = (struct echoes){0};
        struct io_thread thread;
        open_thread(&thread, backends[b]);
        for (uint32_t i = 0; i < 3000; i++) {
            io_thread_post(&thread, (struct message){.type = MESSAGE_ECHO, .value = i});
            io_thread_publish(&thread);
            cr_assert_eq(await(&thread).value, i);
        }
        cr_assert_gt(io_stat_read(loop_stats(thread.loop)->wakeups_received), 0,
                     "it never slept: nothing was tested");
        close_thread(&thread);
    }
}

Test(io_thread, a_burst_beyond_the_ring_comes_whole_and_in_order)
{
    for (size_t b = 0; b < 2; b++) {
        echoes = (struct echoes){0};
        struct io_thread thread;
        open_thread(&thread, backends[b]);
        enum { COUNT = 3 * MAILBOX_CAPACITY };
        io_thread_post(&thread, (struct message){.type = MESSAGE_BURST, .value = COUNT});
        io_thread_publish(&thread);
        for (uint32_t i = 0; i < COUNT; i++)
            cr_assert_eq(await(&thread).value, i);
        mailbox_release(&thread.to_main);
        /* And the other way round. */
        uint32_t next = 0;
        for (uint32_t i = 0; i < COUNT; i++)
            io_thread_post(&thread, (struct message){.type = MESSAGE_ECHO, .value = i});
        while (next < COUNT) {
            mailbox_publish(&thread.to_thread);
            struct message message;
            while (mailbox_receive(&thread.to_main, &message))
                cr_assert_eq(message.value, next++);
            mailbox_release(&thread.to_main);
        }
        close_thread(&thread);
    }
}

Test(io_thread, an_idle_thread_sleeps)
{
    struct io_thread thread;
    open_thread(&thread, LOOP_BACKEND_EPOLL);
    io_thread_post(&thread, (struct message){.type = MESSAGE_ECHO});
    io_thread_publish(&thread);
    (void)await(&thread);
    uint64_t turns = io_stat_read(loop_stats(thread.loop)->turns);
    /* Nothing else happens: a tenth of a second of the real clock sees a turn or two at most. */
    struct pollfd slot = {.fd = main_wakeup.fd, .events = POLLIN};
    cr_assert_eq(poll(&slot, 1, 100), 0);
    cr_assert_leq(io_stat_read(loop_stats(thread.loop)->turns), turns + 3);
    close_thread(&thread);
}

Test(io_thread, ends_after_its_handler_agreed)
{
    struct io_thread thread;
    open_thread(&thread, LOOP_BACKEND_EPOLL);
    echoes.agrees_at = 3;
    io_thread_post(&thread, (struct message){.type = IO_MESSAGE_STOP});
    io_thread_post(&thread, (struct message){.type = MESSAGE_ECHO, .value = 5});
    io_thread_publish(&thread);
    cr_assert_eq(await(&thread).value, 5, "messages behind the stop are still taken");
    /* What it reports while it does not agree is published before it sleeps. */
    for (int asked = 1; asked < 3; asked++) {
        cr_assert_eq(await(&thread).value, 77);
        io_thread_post(&thread, (struct message){.type = MESSAGE_ECHO, .value = 6});
        io_thread_publish(&thread);
        cr_assert_eq(await(&thread).value, 6);
    }
    cr_assert_eq(await(&thread).type, IO_MESSAGE_STOPPED);
    io_thread_join(&thread);
    cr_assert_eq(echoes.asked, 3);
    io_thread_deinit(&thread);
}

Test(io_thread, a_backend_that_cannot_be_opened_is_an_error)
{
    struct io_thread thread;
    struct loop_options options = {.backend = LOOP_BACKEND_EPOLL};
    int result = io_thread_init(&thread, 1, &options, &handler, &echoes);
    cr_assert_eq(result, 0);
    wakeup_deinit(&thread.wakeup);
    thread.wakeup.fd = 1000000; /* cannot be watched */
    cr_assert_eq(io_thread_start(&thread, &main_wakeup, NULL), -1);
    cr_assert_neq(thread.error[0], '\0');
    cr_assert_eq(echoes.started, 0);
    thread.wakeup.fd = -1;
    io_thread_deinit(&thread);
}

Test(io_thread, index_0_is_main)
{
    struct io_thread thread;
    struct loop_options options = {.backend = LOOP_BACKEND_EPOLL};
    int result = io_thread_init(&thread, 0, &options, &handler, &echoes);
    cr_assert_eq(result, 0);
    cr_assert_eq(echoes.started, 1);
    cr_assert_not_null(thread.loop);
    /* Posted messages are handled at once, reports wait for publish. */
    io_thread_post(&thread, (struct message){.type = MESSAGE_ECHO, .value = 9});
    io_thread_publish(&thread);
    cr_assert(mailbox_publish(&thread.to_main));
    struct message message;
    cr_assert(mailbox_receive(&thread.to_main, &message));
    cr_assert_eq(message.value, 9);
    io_thread_deinit(&thread);
    cr_assert_eq(echoes.ended, 1);
}
