/* The I/O thread's life and turn. A turn: wait for completions and run them, take messages from
 * main, let the layer above finish the turn, publish what goes to main, send what goes out. */
#include "io/io_thread.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "io/tls_context.h"
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGES_PER_TURN_MAX = 1024, BACKLOG_WAIT_US = 100 };

struct start_argument {
    struct io_thread *thread;
    sem_t ready;
};

static void on_wakeup(struct loop_watch *watch)
{
    struct io_thread *thread =
        (struct io_thread *)((char *)watch - offsetof(struct io_thread, wakeup_watch));
    wakeup_drain(&thread->wakeup);
    io_stat_add(loop_stats(thread->loop)->wakeups_received, 1);
}

static int open_loop(struct io_thread *thread)
{
    thread->loop = loop_create(&thread->options, thread->error);
    if (!thread->loop)
        return -1;
    int error = loop_watch_start(thread->loop, &thread->wakeup_watch, thread->wakeup.fd, on_wakeup);
    if (error) {
        snprintf(thread->error, sizeof(thread->error), "watching the wake-up: %s",
                 strerror(-error));
        loop_destroy(thread->loop);
        thread->loop = NULL;
        return -1;
    }
    return 0;
}

static void close_loop(struct io_thread *thread)
{
    if (!thread->loop)
        return;
    loop_watch_stop(thread->loop, &thread->wakeup_watch);
    loop_destroy(thread->loop);
    thread->loop = NULL;
}

int io_thread_init(struct io_thread *thread, int index, const struct loop_options *options,
                   const struct io_thread_handler *handler, void *context)
{
    memset(thread, 0, sizeof(*thread));
    thread->index = index;
    thread->options = *options;
    thread->handler = handler;
    thread->context = context;
    snprintf(thread->name, sizeof(thread->name), index ? "io-%d" : "main", index);
    int error = wakeup_init(&thread->wakeup);
    if (error)
        return error;
    mailbox_init(&thread->to_thread, index ? &thread->wakeup : NULL);
    mailbox_init(&thread->to_main, NULL);
    if (index == 0) {
        if (open_loop(thread) != 0)
            return -EIO;
        handler->on_start(thread);
    }
    return 0;
}

static void handle_message(struct io_thread *thread, const struct message *message)
{
    switch (message->type) {
    case IO_MESSAGE_TLS:
        tls_context_release(thread->tls);
        thread->tls = message->a;
        break;
    case IO_MESSAGE_STOP:
        thread->is_stopping = true;
        break;
    default:
        thread->handler->on_message(thread, message);
    }
}

static bool receive_messages(struct io_thread *thread)
{
    struct message message;
    int count = 0;
    while (count < MESSAGES_PER_TURN_MAX && mailbox_receive(&thread->to_thread, &message)) {
        handle_message(thread, &message);
        count++;
    }
    if (count)
        mailbox_release(&thread->to_thread);
    return count > 0;
}

static bool has_messages(void *context)
{
    return !mailbox_is_empty(context);
}

/* How long the next wait may be: not at all with work at hand. Announces sleep when it may be long.
 */
static int64_t choose_wait(struct io_thread *thread, bool is_published)
{
    if (loop_has_ready(thread->loop))
        return 0;
    if (!is_published)
        return BACKLOG_WAIT_US;
    if (thread->awaits_main && idle_poll_wait(&thread->idle_poll, has_messages, &thread->to_thread))
        return 0;
    wakeup_announce_sleep(&thread->wakeup);
    if (!mailbox_is_empty(&thread->to_thread)) {
        wakeup_end_sleep(&thread->wakeup);
        return 0;
    }
    return -1;
}

/* True when it was the last: a stop was asked for and nothing is left. */
static bool turn(struct io_thread *thread, int64_t wait_us)
{
    int64_t before_ns = wait_us ? clock_read_ns() : 0;
    loop_poll(thread->loop, wait_us);
    if (wait_us != 0) {
        wakeup_end_sleep(&thread->wakeup);
        if (thread->awaits_main)
            idle_poll_slept(&thread->idle_poll, clock_read_ns() - before_ns);
    }
    receive_messages(thread);
    thread->handler->on_turn(thread);
    bool is_over = thread->is_stopping && thread->handler->on_stop(thread);
    loop_flush(thread->loop);
    return is_over;
}

static void run(struct io_thread *thread)
{
    int64_t wait_us = 0;
    while (!turn(thread, wait_us)) {
        uint64_t signals = thread->to_main.signals;
        thread->awaits_main = spsc_has_unpublished(&thread->to_main.ring);
        bool is_published = mailbox_publish(&thread->to_main);
        io_stat_add(loop_stats(thread->loop)->wakeups_sent, thread->to_main.signals - signals);
        loop_submit(thread->loop);
        wait_us = choose_wait(thread, is_published);
    }
    io_thread_report(thread, (struct message){.type = IO_MESSAGE_STOPPED});
    while (!mailbox_publish(&thread->to_main))
        sched_yield(); /* main is still taking messages */
}

static void *thread_main(void *argument)
{
    struct start_argument *start = argument;
    struct io_thread *thread = start->thread;
    thread_role_enter(thread->index, thread->name);
    thread->tid = gettid(); /* main reads it after `ready` */
    clock_update();
    process_set_slice(0); /* not main's */
    if (thread->cpulist[0] && process_set_cpulist(thread->cpulist) != 0)
        log_warning("%s: the CPU list '%s' cannot be applied", thread->name, thread->cpulist);
    bool is_open = open_loop(thread) == 0;
    if (is_open)
        thread->handler->on_start(thread);
    thread->start_memory = (size_t)mem_thread_balance();
    sem_post(&start->ready); /* `start` is gone from here on */
    if (is_open) {
        run(thread);
        thread->handler->on_end(thread);
        tls_context_release(thread->tls);
        thread->tls = NULL;
        close_loop(thread);
    }
    thread_role_leave();
    return NULL;
}

int io_thread_start(struct io_thread *thread, struct wakeup *main_wakeup, struct tls_context *tls)
{
    assert(thread->index > 0);
    assert(!thread->is_started);
    thread->to_main.consumer = main_wakeup;
    thread->tls = tls;
    struct start_argument start = {.thread = thread};
    sem_init(&start.ready, 0, 0);
    int error = pthread_create(&thread->thread, NULL, thread_main, &start);
    if (error) {
        snprintf(thread->error, sizeof(thread->error), "pthread_create: %s", strerror(error));
        sem_destroy(&start.ready);
        return -1;
    }
    while (sem_wait(&start.ready) != 0 && errno == EINTR)
        ;
    sem_destroy(&start.ready);
    if (!thread->loop) {
        pthread_join(thread->thread, NULL);
        return -1;
    }
    thread->is_started = true;
    return 0;
}

void io_thread_join(struct io_thread *thread)
{
    assert(thread->is_started);
    pthread_join(thread->thread, NULL);
    thread->is_started = false;
}

void io_thread_deinit(struct io_thread *thread)
{
    assert(!thread->is_started);
    if (thread->index == 0) {
        if (thread->loop)
            thread->handler->on_end(thread);
        tls_context_release(thread->tls);
        thread->tls = NULL;
        close_loop(thread);
    }
    mailbox_deinit(&thread->to_main);
    mailbox_deinit(&thread->to_thread);
    wakeup_deinit(&thread->wakeup);
}

void io_thread_post(struct io_thread *thread, struct message message)
{
    if (thread->index == 0)
        handle_message(thread, &message);
    else
        mailbox_send(&thread->to_thread, message);
}

void io_thread_publish(struct io_thread *thread)
{
    if (thread->index != 0)
        mailbox_publish(&thread->to_thread);
}

void io_thread_request_stop(struct io_thread *thread)
{
    thread->is_stopping = true;
}
