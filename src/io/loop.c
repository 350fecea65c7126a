/* The event loop: phases of a turn, task lists, and the checked calls into the backend.
 *
 * One thread, asserted by the address of a thread-local object. A turn's order and what may call
 * what is described in loop.h. Receive buffers that do not belong to a kernel ring are kept here,
 * since both backends use them. Not here: waiting and system calls on sockets (backend_*.c).
 */
#include "io/loop.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "io/backend.h"
#include "io/byte_pool.h"
#include "io/loop_internal.h"
#include "io/timer.h"
#include <errno.h>
#include <string.h>

/* Its address names the thread. */
static _Thread_local char thread_mark;

void loop_assert_owner(const struct loop *loop)
{
    assert(loop->owner == &thread_mark);
}

struct loop *loop_create(const struct loop_options *options, char *error)
{
    assert(options != NULL);
    assert(error != NULL);
    clock_update();
    struct loop *loop = mem_calloc(1, sizeof(*loop));
    loop->owner = &thread_mark;
    loop->stats = mem_alloc_aligned(64, sizeof(*loop->stats));
    memset(loop->stats, 0, sizeof(*loop->stats));
    loop->timers = timers_create();
    loop->byte_pool = byte_pool_create(LOOP_BYTE_POOL_BUDGET);
    loop->scratch = mem_alloc(LOOP_SCRATCH_SIZE);
    struct loop_options effective = *options;
    if (effective.entries == 0)
        effective.entries = LOOP_ENTRIES_DEFAULT;
    if (effective.buffer_count == 0)
        effective.buffer_count = LOOP_BUFFERS_DEFAULT;
    assert((effective.entries & (effective.entries - 1)) == 0);
    if (backend_select(loop, &effective, error) == 0)
        return loop;
    timers_destroy(loop->timers);
    byte_pool_destroy(loop->byte_pool);
    mem_free(loop->scratch);
    mem_free(loop->stats);
    mem_free(loop);
    return NULL;
}

void loop_destroy(struct loop *loop)
{
    loop_assert_owner(loop);
    assert(!loop->is_polling);
    assert(loop->socket_count == 0);
    assert(loop->watch_count == 0);
    loop->ops->close(loop);
    while (loop->heap_buffers != NULL) {
        struct io_buffer *buffer = loop->heap_buffers;
        loop->heap_buffers = buffer->next;
        mem_free(buffer);
    }
    timers_destroy(loop->timers);
    byte_pool_destroy(loop->byte_pool);
    mem_free(loop->scratch);
    mem_free(loop->stats);
    mem_free(loop);
}

enum loop_backend loop_backend_kind(const struct loop *loop)
{
    return loop->kind;
}

const char *loop_backend_name(const struct loop *loop)
{
    return loop->ops->name;
}

const char *loop_backend_reason(const struct loop *loop)
{
    return loop->reason;
}

struct timers *loop_timers(struct loop *loop)
{
    return loop->timers;
}

struct byte_pool *loop_byte_pool(struct loop *loop)
{
    return loop->byte_pool;
}

struct io_stats *loop_stats(struct loop *loop)
{
    return loop->stats;
}

/* -- the turn -- */

static size_t run_tasks(struct loop *loop, enum loop_list list, size_t count)
{
    size_t done = 0;
    while (done < count) {
        struct loop_task *task = loop_list_pop(loop, list);
        if (task == NULL)
            break;
        task->run(task);
        done++;
    }
    return done;
}

/* True when there was some: the owner has to look at what it brought before it waits. */
static bool run_slow(struct loop *loop)
{
    if (loop->lists[LOOP_LIST_SLOW].count == 0)
        return false;
    if (loop->kind == LOOP_BACKEND_URING)
        loop->ops->wait(loop, 0); /* submits sends; epoll's are out already */
    size_t count = loop->lists[LOOP_LIST_SLOW].count;
    int64_t began_us = clock_read_us();
    do
        (void)run_tasks(loop, LOOP_LIST_SLOW, 1);
    while (--count > 0 && clock_read_us() - began_us < LOOP_SLOW_US_MAX);
    io_stat_add(loop->stats->slow_us, clock_read_us() - began_us);
    return true;
}

/* How long the backend may wait: not past the next timer, and not while there is something to run.
 */
static int64_t wait_limit_us(struct loop *loop, int64_t wait_us)
{
    if (wait_us == 0 || loop_has_ready(loop) || loop->lists[LOOP_LIST_BACKEND].count > 0)
        return 0;
    int64_t timer_ms = timers_next_ms(loop->timers);
    if (timer_ms < 0)
        return wait_us;
    int64_t timer_us = timer_ms * 1000;
    return wait_us < 0 || timer_us < wait_us ? timer_us : wait_us;
}

size_t loop_poll(struct loop *loop, int64_t wait_us)
{
    loop_assert_owner(loop);
    assert(!loop->is_polling);
    loop->is_polling = true;
    struct io_stats *stats = loop->stats;
    io_stat_add(stats->turns, 1);
    size_t done = loop->ops->prepare(loop) + loop->submitted;
    loop->submitted = 0;
    bool was_slow = run_slow(loop);
    size_t ready_count = loop->lists[LOOP_LIST_READY].count;
    int64_t turn_began_us = clock_us();
    int64_t limit_us = was_slow ? 0 : wait_limit_us(loop, wait_us);
    if (limit_us == 0) {
        loop->ops->wait(loop, 0);
        clock_update();
        io_stat_add(stats->busy_us, clock_us() - turn_began_us);
    } else {
        int64_t before_us = clock_read_us();
        loop->ops->wait(loop, limit_us);
        clock_update();
        io_stat_add(stats->waits, 1);
        io_stat_add(stats->busy_us, before_us - turn_began_us);
        io_stat_add(stats->idle_us, clock_us() - before_us);
    }
    done += loop->ops->run(loop);
    (void)timers_run(loop->timers);
    (void)run_tasks(loop, LOOP_LIST_READY, ready_count);
    loop->is_polling = false;
    return done;
}

void loop_flush(struct loop *loop)
{
    loop_assert_owner(loop);
    assert(!loop->is_polling);
    (void)run_tasks(loop, LOOP_LIST_FLUSH, loop->lists[LOOP_LIST_FLUSH].count);
}

void loop_submit(struct loop *loop)
{
    loop_assert_owner(loop);
    assert(!loop->is_polling);
    if (loop->kind != LOOP_BACKEND_URING)
        return; /* sends at once */
    loop->is_polling = true;
    loop->submitted += loop->ops->prepare(loop);
    loop->ops->wait(loop, 0);
    loop->is_polling = false;
}

size_t loop_socket_count(const struct loop *loop)
{
    return loop->socket_count;
}

bool loop_has_ready(const struct loop *loop)
{
    return loop->lists[LOOP_LIST_READY].count > 0 || loop->lists[LOOP_LIST_FLUSH].count > 0 ||
           loop->lists[LOOP_LIST_SLOW].count > 0;
}

/* -- tasks -- */

void loop_task_init(struct loop_task *task, void (*run)(struct loop_task *task))
{
    *task = (struct loop_task){.run = run};
}

void loop_list_append(struct loop *loop, enum loop_list index, struct loop_task *task)
{
    assert(!task->is_queued);
    struct loop_task_list *list = &loop->lists[index];
    task->next = NULL;
    task->previous = list->tail;
    task->is_queued = true;
    task->list = (uint8_t)index;
    if (list->tail != NULL)
        list->tail->next = task;
    else
        list->head = task;
    list->tail = task;
    list->count++;
}

static void list_remove(struct loop *loop, struct loop_task *task)
{
    assert(task->is_queued);
    struct loop_task_list *list = &loop->lists[task->list];
    assert(list->count > 0);
    if (task->previous != NULL)
        task->previous->next = task->next;
    else
        list->head = task->next;
    if (task->next != NULL)
        task->next->previous = task->previous;
    else
        list->tail = task->previous;
    task->next = NULL;
    task->previous = NULL;
    task->is_queued = false;
    list->count--;
}

struct loop_task *loop_list_pop(struct loop *loop, enum loop_list index)
{
    struct loop_task *task = loop->lists[index].head;
    if (task != NULL)
        list_remove(loop, task);
    return task;
}

void loop_task_ready(struct loop *loop, struct loop_task *task)
{
    loop_assert_owner(loop);
    if (!task->is_queued)
        loop_list_append(loop, LOOP_LIST_READY, task);
}

void loop_task_slow(struct loop *loop, struct loop_task *task)
{
    loop_assert_owner(loop);
    if (!task->is_queued)
        loop_list_append(loop, LOOP_LIST_SLOW, task);
}

void loop_task_flush(struct loop *loop, struct loop_task *task)
{
    loop_assert_owner(loop);
    if (!task->is_queued)
        loop_list_append(loop, LOOP_LIST_FLUSH, task);
}

void loop_task_cancel(struct loop *loop, struct loop_task *task)
{
    loop_assert_owner(loop);
    if (task->is_queued)
        list_remove(loop, task);
}

/* -- watches -- */

int loop_watch_start(struct loop *loop, struct loop_watch *watch, int fd,
                     void (*on_readable)(struct loop_watch *watch))
{
    loop_assert_owner(loop);
    assert(fd >= 0);
    assert(on_readable != NULL);
    *watch = (struct loop_watch){.fd = fd, .on_readable = on_readable};
    int result = loop->ops->watch_start(loop, watch);
    if (result < 0)
        return result;
    watch->is_active = true;
    loop->watch_count++;
    return 0;
}

void loop_watch_stop(struct loop *loop, struct loop_watch *watch)
{
    loop_assert_owner(loop);
    if (!watch->is_active)
        return;
    assert(loop->watch_count > 0);
    loop->ops->watch_stop(loop, watch);
    watch->is_active = false;
    loop->watch_count--;
}

/* -- sockets: the calls of backend.h -- */

int socket_open(struct loop *loop, struct socket *socket, int fd,
                const struct socket_handler *handler)
{
    loop_assert_owner(loop);
    assert(fd >= 0);
    assert(handler != NULL);
    *socket = (struct socket){.fd = fd, .handler = handler};
    int result = loop->ops->socket_open(loop, socket);
    if (result == 0)
        loop->socket_count++;
    return result;
}

void socket_accept_start(struct loop *loop, struct socket *socket)
{
    loop_assert_owner(loop);
    loop->ops->accept_start(loop, socket);
}

void socket_accept_stop(struct loop *loop, struct socket *socket)
{
    loop_assert_owner(loop);
    loop->ops->accept_stop(loop, socket);
}

void socket_connect(struct loop *loop, struct socket *socket, const struct sockaddr *address,
                    socklen_t size)
{
    loop_assert_owner(loop);
    loop->ops->connect(loop, socket, address, size);
}

void socket_receive_start(struct loop *loop, struct socket *socket)
{
    loop_assert_owner(loop);
    loop->ops->receive_start(loop, socket);
}

void socket_receive_stop(struct loop *loop, struct socket *socket)
{
    loop_assert_owner(loop);
    loop->ops->receive_stop(loop, socket);
}

void socket_send(struct loop *loop, struct socket *socket, const void *data, size_t size)
{
    loop_assert_owner(loop);
    assert(size > 0);
    loop->ops->send(loop, socket, data, size);
}

void socket_send_cancel(struct loop *loop, struct socket *socket)
{
    loop_assert_owner(loop);
    if (loop->ops->send_cancel != NULL)
        loop->ops->send_cancel(loop, socket);
}

void socket_close(struct loop *loop, struct socket *socket)
{
    loop_assert_owner(loop);
    assert(socket->fd >= 0);
    loop->ops->socket_close(loop, socket);
}

int socket_detach(struct loop *loop, struct socket *socket)
{
    loop_assert_owner(loop);
    int result = loop->ops->socket_detach(loop, socket);
    if (result == 0) {
        loop_task_cancel(loop, &socket->task);
        assert(loop->socket_count > 0);
        loop->socket_count--;
    }
    return result;
}

void io_buffer_release(struct loop *loop, struct io_buffer *buffer)
{
    if (buffer->index == IO_BUFFER_HEAP)
        loop_heap_buffer_give(loop, buffer);
    else
        loop->ops->buffer_release(loop, buffer);
}

/* -- receive buffers outside any ring -- */

struct io_buffer *loop_heap_buffer_take(struct loop *loop)
{
    struct io_buffer *buffer = loop->heap_buffers;
    if (buffer != NULL) {
        loop->heap_buffers = buffer->next;
        loop->heap_buffers_kept--;
    } else {
        buffer = mem_alloc(sizeof(*buffer) + IO_BUFFER_SIZE);
    }
    *buffer = (struct io_buffer){.data = (char *)(buffer + 1), .index = IO_BUFFER_HEAP};
    return buffer;
}

void loop_heap_buffer_give(struct loop *loop, struct io_buffer *buffer)
{
    assert(buffer->index == IO_BUFFER_HEAP);
    if (loop->heap_buffers_kept >= LOOP_HEAP_BUFFERS_KEPT) {
        mem_free(buffer);
        return;
    }
    buffer->next = loop->heap_buffers;
    loop->heap_buffers = buffer;
    loop->heap_buffers_kept++;
}
