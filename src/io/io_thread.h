/* One I/O thread: a loop, its TLS context, and a mailbox each way to main.
 *
 * Index 0 is main's own: its loop carries the listeners, main's wake-up and, with io-threads 1 or
 * while connections live on main, sessions too; nothing runs it but main. Indices 1..N are threads
 * named io-1..io-N. What travels in the mailboxes is the business of the layer above (`handler`).
 */
#ifndef IO_IO_THREAD_H
#define IO_IO_THREAD_H

#include "base/thread_role.h"
#include "io/idle_poll.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include <pthread.h>

struct io_thread;
struct tls_context;

/* Message types of this layer; the users' begin at IO_MESSAGE_USER. */
enum io_message {
    IO_MESSAGE_TLS = 1, /* to the thread: a = tls_context, a reference that moves */
    IO_MESSAGE_STOP,    /* to the thread: close everything and end */
    IO_MESSAGE_STOPPED, /* to main: the last message; the thread ends now */
    IO_MESSAGE_USER = 16
};

struct io_thread_handler {
    /* On the thread, before its first turn; sets thread->owner. */
    void (*on_start)(struct io_thread *thread);
    /* On the thread: a message from main. */
    void (*on_message)(struct io_thread *thread, const struct message *message);
    /* On the thread, once a turn, after completions and messages and before sends go out. */
    void (*on_turn)(struct io_thread *thread);
    /* On the thread, each turn after a stop was asked for: closes what is open (the first time),
     * true when nothing is left. */
    bool (*on_stop)(struct io_thread *thread);
    /* On the thread (index 0: main), last: frees what on_start made. */
    void (*on_end)(struct io_thread *thread);
};

/* Main's view of a thread's life. */
enum io_thread_state {
    IO_THREAD_SERVING,
    IO_THREAD_RETIRING, /* serves those it has, gets no more */
    IO_THREAD_ENDING,   /* was told to stop; its loop may be gone */
    IO_THREAD_ENDED     /* joined; the last message was taken */
};

struct io_thread {
    int index;
    const struct io_thread_handler *handler;
    void *context; /* the pool's user, constant */
    void *owner;   /* the layer above, of this thread */
    struct loop *loop;
    struct tls_context *tls; /* in force for new connections; the thread's */
    struct mailbox to_main;
    struct mailbox to_thread;
    struct wakeup wakeup;
    struct loop_watch wakeup_watch;
    bool is_stopping;
    bool awaits_main; /* messages went to main in this turn: answers may come soon */
    struct idle_poll idle_poll;
    size_t
        start_memory; /* what it holds without connections and TLS; main reads it once it stands */

    /* -- main's -- */
    size_t own_memory; /* what main holds for it */
    int tid;           /* the kernel's, once it stands; of index 0: 0, which is the caller's */
    pthread_t thread;
    bool is_started;
    enum io_thread_state state;
    uint64_t clients; /* placed here, and on their way here */
    char name[16];
    struct loop_options options;
    char error[256];
    char cpulist[128];
};

/* Main: messages may be sent to it, and its loop's counters be read. */
static inline bool io_thread_is_up(const struct io_thread *thread)
{
    return thread->state <= IO_THREAD_RETIRING;
}

/* Main: connections may be placed there. */
static inline bool io_thread_is_placeable(const struct io_thread *thread)
{
    return thread->state == IO_THREAD_SERVING;
}

/* Main: creates index > 0's mailboxes (not its loop) or, for index 0, everything. 0 or -errno. */
int io_thread_init(struct io_thread *thread, int index, const struct loop_options *options,
                   const struct io_thread_handler *handler, void *context) ON_MAIN;
/* Main: starts the thread and waits until its loop stands. 0, or -1 with the reason in
 * thread->error. */
int io_thread_start(struct io_thread *thread, struct wakeup *main_wakeup,
                    struct tls_context *tls) ON_MAIN;
/* Main, after the thread has agreed to end (a message told it to stop): joins it. */
void io_thread_join(struct io_thread *thread) ON_MAIN;
void io_thread_deinit(struct io_thread *thread) ON_MAIN;

/* Main: a message to the thread. Index 0: handled at once. */
void io_thread_post(struct io_thread *thread, struct message message);
/* Main: makes posted messages visible. */
void io_thread_publish(struct io_thread *thread);

/* The thread: a message to main. */
static inline void io_thread_report(struct io_thread *thread, struct message message)
{
    mailbox_send(&thread->to_main, message);
}

/* The thread: ends after the present turn, once on_stop agrees. */
void io_thread_request_stop(struct io_thread *thread);

#endif
