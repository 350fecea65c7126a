/* One event loop: one thread, one backend (io_uring or epoll), completion style.
 *
 * A turn is written out by its owner, so that it reads as a list of named phases:
 *
 *     loop_poll(loop, wait_us);   submit what is queued, run a bit of slow work, wait, collect
 *                                 completions, then run their callbacks, due timers, and the
 *                                 tasks that were ready before
 *     ... the owner's own phases (mailboxes, command execution) ...
 *     loop_flush(loop);           run the flush tasks: one send per connection
 *     loop_submit(loop);          put them on their way, before the owner looks whether to sleep
 *
 * Completions are first collected and only then run, so callbacks never recurse. A callback may
 * start or stop anything on its own loop, itself included. loop_poll does not wait while a task is
 * ready. The loop is not thread-safe: only the thread that created it may call (asserted).
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/assert.h"
#include "io/io_stats.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct timers;
struct byte_pool;

enum loop_backend { LOOP_BACKEND_AUTO, LOOP_BACKEND_URING, LOOP_BACKEND_EPOLL };

struct loop_options {
    enum loop_backend backend;
    uint32_t entries;      /* submission queue entries, power of two; 0 is 1024 */
    uint32_t buffer_count; /* provided receive buffers; 0 is 64 */
};

/* NULL when no backend can be opened; the reason in error[256]. With AUTO (or URING refused by the
 * kernel while AUTO) epoll serves, and loop_backend_reason says why. The calling thread becomes the
 * owner. */
struct loop *loop_create(const struct loop_options *options, char *error);
/* No socket or watch may be left. */
void loop_destroy(struct loop *loop);
enum loop_backend loop_backend_kind(const struct loop *loop);
const char *loop_backend_name(const struct loop *loop);   /* "io_uring" or "epoll" */
const char *loop_backend_reason(const struct loop *loop); /* one line for the log */

/* wait_us: 0 polls, -1 waits without limit (next timer at most). Returns completions run. */
size_t loop_poll(struct loop *loop, int64_t wait_us);
void loop_flush(struct loop *loop);
/* What loop_poll would submit goes out now, without waiting. Sending takes longer than anything
 * else in a turn: whoever submits before announcing sleep is not woken in vain meanwhile, and the
 * time counts as busy, not as idle. Changes nothing else; may be left out. */
void loop_submit(struct loop *loop);
/* True when a task waits to run (ready or flush): the owner must not sleep, and loop_poll will not.
 */
bool loop_has_ready(const struct loop *loop);
/* Sockets still open or closing: the loop may be destroyed when it is 0. */
size_t loop_socket_count(const struct loop *loop);

struct timers *loop_timers(struct loop *loop);
struct byte_pool *loop_byte_pool(struct loop *loop);
struct io_stats *loop_stats(struct loop *loop);

/* -- tasks: intrusive, run once per enqueue, at most one place at a time -- */

struct loop_task {
    struct loop_task *next;
    struct loop_task *previous;
    void (*run)(struct loop_task *task);
    bool is_queued;
    uint8_t list; /* the loop's: which of its lists, while queued */
};

void loop_task_init(struct loop_task *task, void (*run)(struct loop_task *task));
/* Runs in the next loop_poll (which will not wait). No effect when queued already. The number of
 * tasks run in one poll is the length of the list at its beginning. */
void loop_task_ready(struct loop *loop, struct loop_task *task);
/* Like ready, for work of a large fraction of a millisecond (a handshake's arithmetic): each poll
 * runs at least one, and no further one once LOOP_SLOW_US_MAX have passed. They run after what was
 * sent is on its way and before arrivals are looked at, so that whatever is quick waits for one of
 * them at most. */
void loop_task_slow(struct loop *loop, struct loop_task *task);
/* Runs in the next loop_flush. */
void loop_task_flush(struct loop *loop, struct loop_task *task);
void loop_task_cancel(struct loop *loop, struct loop_task *task);

/* -- watches: readiness of any descriptor (eventfd, signalfd, terminal, pipe) -- */

struct loop_watch {
    int fd;
    void (*on_readable)(struct loop_watch *watch);
    bool is_active;
    uint64_t private_[2]; /* the backend's */
};

/* on_readable runs each time fd is readable (level-like: again while data is left unread). */
int loop_watch_start(struct loop *loop, struct loop_watch *watch, int fd,
                     void (*on_readable)(struct loop_watch *watch)) MUST_CHECK;
/* After return on_readable will not run and the struct may be reused. Does not close fd. */
void loop_watch_stop(struct loop *loop, struct loop_watch *watch);

#endif
