/* What the loop and its backends share. Inside src/io/ only; the loop's thread. */
#ifndef IO_LOOP_INTERNAL_H
#define IO_LOOP_INTERNAL_H

#include "io/backend.h"
#include "io/byte_pool.h"
#include "io/timer.h"

enum loop_list {
    LOOP_LIST_READY,   /* run by loop_poll */
    LOOP_LIST_FLUSH,   /* run by loop_flush */
    LOOP_LIST_SLOW,    /* run by loop_poll, a little each time */
    LOOP_LIST_BACKEND, /* sockets the backend has something to do for */
    LOOP_LIST_COUNT
};

struct loop_task_list {
    struct loop_task *head;
    struct loop_task *tail;
    size_t count;
};

enum {
    LOOP_REASON_MAX = 256,
    LOOP_ENTRIES_DEFAULT = 1024,
    LOOP_BUFFERS_DEFAULT = 64,
    LOOP_BYTE_POOL_BUDGET = 8 * 1024 * 1024,
    LOOP_SCRATCH_SIZE = 16384, /* one TLS record's payload */
    LOOP_HEAP_BUFFERS_KEPT = 64,
    LOOP_SLOW_US_MAX = 100 /* after so much slow work of a turn no more is begun */
};

/* io_buffer.index of a buffer from the heap (loop_heap_buffer_*). */
#define IO_BUFFER_HEAP UINT32_MAX

struct loop {
    const struct backend_ops *ops;
    void *backend; /* the backend's own state */
    const void *owner;
    struct loop_task_list lists[LOOP_LIST_COUNT];
    struct timers *timers;
    struct byte_pool *byte_pool;
    struct io_stats *stats;
    char *scratch; /* LOOP_SCRATCH_SIZE bytes, for use within one call */
    struct io_buffer *heap_buffers;
    uint32_t heap_buffers_kept;
    uint32_t socket_count;
    uint32_t watch_count;
    size_t submitted; /* what loop_submit completed, to be told by the next loop_poll */
    bool is_polling;
    enum loop_backend kind;
    char reason[LOOP_REASON_MAX];
};

/* Aborts unless the calling thread created the loop. */
void loop_assert_owner(const struct loop *loop);

void loop_list_append(struct loop *loop, enum loop_list list, struct loop_task *task);
struct loop_task *loop_list_pop(struct loop *loop, enum loop_list list);

static inline struct socket *socket_of_task(struct loop_task *task)
{
    return (struct socket *)(void *)((char *)task - offsetof(struct socket, task));
}

/* Puts the socket on the backend's list, once. */
static inline void loop_socket_activate(struct loop *loop, struct socket *socket)
{
    if (!socket->task.is_queued)
        loop_list_append(loop, LOOP_LIST_BACKEND, &socket->task);
}

/* A receive buffer of IO_BUFFER_SIZE bytes outside any ring; released to the loop's free list. */
struct io_buffer *loop_heap_buffer_take(struct loop *loop);
void loop_heap_buffer_give(struct loop *loop, struct io_buffer *buffer);
static inline char *loop_heap_buffer_room(struct io_buffer *buffer)
{
    return (char *)(buffer + 1);
}

/* Chooses and opens a backend by options; the choice and why in loop->ops, kind and reason. 0, or
 * -errno with the reason in error[256]. */
int backend_select(struct loop *loop, const struct loop_options *options, char *error) MUST_CHECK;

#endif
