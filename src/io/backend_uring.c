/* The io_uring backend: multishot receives into a ring of provided buffers, multishot accepts, and
 * one system call a turn that submits, waits and collects. [X] (the ring's indices, through
 * liburing)
 *
 * Each operation's user_data is its socket's address with the kind in the low bits; in_flight
 * counts operations whose last completion is outstanding, so memory outlives them. Watches have a
 * record of their own, because a watch may be gone before its poll.
 *
 * Sends are put off until the next `prepare`. A lone one is done by send(2): as a request it would
 * end the wait that follows at once by its own completion. Several go as requests with that wait's
 * call.
 *
 * Buffers: what the owners hold on to (readers that pause) could use up the ring and stop
 * everybody. So when more than half of it is out, arrivals are copied to buffers from the heap and
 * the ring's come straight back. The loop's thread; memory shared with the kernel is not inherited
 * by fork.
 */
#include "base/memory.h"
#include "io/backend.h"
#include "io/loop_internal.h"
#include "io/uring_probe.h"
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BUFFER_STRIDE = 20 * 1024,
    BUFFERS_MAX = 32768,
    BUFFER_GROUP = 0,
    DIRECT_SENDS_MAX = 1,
    SUBMIT_TRIES_MAX = 1000
};
_Static_assert((int)IO_BUFFER_SIZE <= (int)BUFFER_STRIDE, "a buffer fits its stride");

/* Kinds of requests: the low bits of user_data. */
enum {
    KIND_RECEIVE,
    KIND_SEND,
    KIND_ACCEPT,
    KIND_CONNECT,
    KIND_WATCH,
    KIND_IGNORED,
    KIND_MASK = 7
};

/* socket->state */
enum {
    STATE_RECEIVING = 1 << 0, /* wanted */
    STATE_RECEIVE_ARMED = 1 << 1,
    STATE_RECEIVE_CANCELLED = 1 << 2,
    STATE_ACCEPTING = 1 << 3,
    STATE_ACCEPT_ARMED = 1 << 4,
    STATE_ACCEPT_CANCELLED = 1 << 5,
    STATE_SENDING = 1 << 6,        /* on_sent is owed */
    STATE_SEND_QUEUED = 1 << 7,    /* not started yet */
    STATE_SEND_GIVEN_UP = 1 << 12, /* nor will it be */
    STATE_STARVED = 1 << 8,        /* the receive ended for want of buffers */
    STATE_ENDED = 1 << 9,
    STATE_CLOSING = 1 << 10,
    STATE_CONNECTING = 1 << 11
};

/* Outlives its watch until the poll's completion. */
struct uring_watch {
    struct uring_watch *next;
    struct uring_watch *previous;
    struct loop_watch *watch; /* NULL when stopped */
    bool is_armed;
};

struct uring_state {
    struct io_uring ring;
    unsigned enter_flags; /* for a registered ring descriptor */
    uint32_t queued_sends;
    struct io_uring_buf_ring *buffer_ring;
    char *arena;
    struct io_buffer *buffers; /* one per buffer of the ring */
    uint32_t buffer_count;     /* power of two */
    uint32_t buffers_out;      /* with their receivers */
    uint16_t buffer_tail;
    struct uring_watch *watches;
};

/* -- opening -- */

static void *map_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    (void)madvise(memory, size, MADV_DONTFORK);
    return memory;
}

static size_t buffer_ring_size(const struct uring_state *state)
{
    return sizeof(struct io_uring_buf) * state->buffer_count;
}

/* Hands a buffer (back) to the kernel. */
static void provide(struct uring_state *state, uint32_t index)
{
    uint32_t mask = state->buffer_count - 1;
    struct io_uring_buf *slot = &state->buffer_ring->bufs[state->buffer_tail & mask];
    slot->addr = (uint64_t)(uintptr_t)(state->arena + (size_t)index * BUFFER_STRIDE);
    slot->len = IO_BUFFER_SIZE;
    slot->bid = (uint16_t)index;
    state->buffer_tail++;
    /* release: the kernel's acquire of the tail sees the slot */
    io_uring_smp_store_release(&state->buffer_ring->tail, state->buffer_tail);
}

static int open_buffers(struct uring_state *state, uint32_t count)
{
    state->buffer_count = 1;
    while (state->buffer_count < count && state->buffer_count < BUFFERS_MAX)
        state->buffer_count *= 2;
    state->buffer_ring = map_memory(buffer_ring_size(state));
    state->arena = map_memory((size_t)state->buffer_count * BUFFER_STRIDE);
    if (state->buffer_ring == NULL || state->arena == NULL)
        return -ENOMEM;
    struct io_uring_buf_reg registration = {.ring_addr = (uint64_t)(uintptr_t)state->buffer_ring,
                                            .ring_entries = state->buffer_count,
                                            .bgid = BUFFER_GROUP};
    int result = io_uring_register_buf_ring(&state->ring, &registration, 0);
    if (result < 0)
        return result;
    state->buffers = mem_calloc(state->buffer_count, sizeof(*state->buffers));
    for (uint32_t i = 0; i < state->buffer_count; i++) {
        state->buffers[i].data = state->arena + (size_t)i * BUFFER_STRIDE;
        state->buffers[i].index = i;
        provide(state, i);
    }
    return 0;
}

static void close_state(struct uring_state *state)
{
    io_uring_queue_exit(&state->ring);
    if (state->buffer_ring != NULL)
        (void)munmap(state->buffer_ring, buffer_ring_size(state));
    if (state->arena != NULL)
        (void)munmap(state->arena, (size_t)state->buffer_count * BUFFER_STRIDE);
    while (state->watches != NULL) {
        struct uring_watch *record = state->watches;
        state->watches = record->next;
        mem_free(record);
    }
    mem_free(state->buffers);
    mem_free(state);
}

static int uring_backend_open(struct loop *loop, const struct loop_options *options, char *error)
{
    struct uring_state *state = mem_calloc(1, sizeof(*state));
    uint32_t flags = 0;
    int result = uring_ring_open(&state->ring, options->entries, &flags);
    if (result < 0) {
        snprintf(error, LOOP_REASON_MAX, "io_uring_setup: %s", strerror(-result));
        mem_free(state);
        return result;
    }
    (void)io_uring_ring_dontfork(&state->ring);
    result = open_buffers(state, options->buffer_count);
    if (result < 0) {
        snprintf(error, LOOP_REASON_MAX, "io_uring buffers: %s", strerror(-result));
        close_state(state);
        return result;
    }
    /* The queue's slots are used in order: the index array is filled once. */
    for (unsigned i = 0; i < state->ring.sq.ring_entries; i++)
        state->ring.sq.array[i] = i;
    if (io_uring_register_ring_fd(&state->ring) == 1)
        state->enter_flags = IORING_ENTER_REGISTERED_RING;
    loop->backend = state;
    return 0;
}

static void uring_backend_close(struct loop *loop)
{
    struct uring_state *state = loop->backend;
    assert(state->buffers_out == 0);
    close_state(state);
    loop->backend = NULL;
}

/* -- submitting -- */

/* Publishes the requests made so far; returns how many the kernel has not taken. */
static unsigned publish_requests(struct io_uring *ring)
{
    struct io_uring_sq *sq = &ring->sq;
    if (sq->sqe_head != sq->sqe_tail) {
        sq->sqe_head = sq->sqe_tail;
        /* release: the kernel's acquire of the tail sees the requests */
        io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
    }
    /* acquire: pairs with the kernel's release; it has read the requests before, their slots are
     * ours again */
    return sq->sqe_tail - io_uring_smp_load_acquire(sq->khead);
}

static int enter(struct uring_state *state, unsigned submit, unsigned wait_count, unsigned flags,
                 struct io_uring_getevents_arg *argument)
{
    size_t size = argument != NULL ? sizeof(*argument) : 0;
    if (argument != NULL)
        flags |= IORING_ENTER_EXT_ARG;
    return io_uring_enter2((unsigned)state->ring.enter_ring_fd, submit, wait_count,
                           flags | state->enter_flags, (sigset_t *)(void *)argument, size);
}

static struct io_uring_sqe *new_request(struct loop *loop, void *target, unsigned kind)
{
    struct uring_state *state = loop->backend;
    struct io_uring_sqe *sqe = io_uring_get_sqe(&state->ring);
    for (unsigned i = 0; sqe == NULL; i++) {
        /* Full: submit and go on. */
        int result = enter(state, publish_requests(&state->ring), 0, 0, NULL);
        if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY)
            panic("io_uring_enter: %s", strerror(-result));
        assert(i < SUBMIT_TRIES_MAX);
        sqe = io_uring_get_sqe(&state->ring);
    }
    assert(((uintptr_t)target & KIND_MASK) == 0);
    memset(sqe, 0, sizeof(*sqe));
    sqe->user_data = (uint64_t)(uintptr_t)target | kind;
    return sqe;
}

static void cancel(struct loop *loop, const void *target, unsigned kind)
{
    struct io_uring_sqe *sqe = new_request(loop, NULL, KIND_IGNORED);
    sqe->opcode = IORING_OP_ASYNC_CANCEL;
    sqe->fd = -1;
    sqe->addr = (uint64_t)(uintptr_t)target | kind;
}

static void arm_receive(struct loop *loop, struct socket *socket)
{
    assert(!(socket->state & STATE_RECEIVE_ARMED));
    struct io_uring_sqe *sqe = new_request(loop, socket, KIND_RECEIVE);
    sqe->opcode = IORING_OP_RECV;
    sqe->fd = socket->fd;
    sqe->ioprio = IORING_RECV_MULTISHOT;
    sqe->flags = IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    socket->state |= STATE_RECEIVE_ARMED;
    socket->state &= (uint16_t)~STATE_RECEIVE_CANCELLED;
    socket->in_flight++;
}

static void arm_accept(struct loop *loop, struct socket *socket)
{
    assert(!(socket->state & STATE_ACCEPT_ARMED));
    struct io_uring_sqe *sqe = new_request(loop, socket, KIND_ACCEPT);
    sqe->opcode = IORING_OP_ACCEPT;
    sqe->fd = socket->fd;
    sqe->ioprio = IORING_ACCEPT_MULTISHOT;
    sqe->accept_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    socket->state |= STATE_ACCEPT_ARMED;
    socket->state &= (uint16_t)~STATE_ACCEPT_CANCELLED;
    socket->in_flight++;
}

static void arm_send(struct loop *loop, struct socket *socket)
{
    struct io_uring_sqe *sqe = new_request(loop, socket, KIND_SEND);
    sqe->opcode = IORING_OP_SEND;
    sqe->fd = socket->fd;
    sqe->addr = (uint64_t)(uintptr_t)socket->send_data;
    sqe->len = (uint32_t)socket->send_size;
    sqe->msg_flags = MSG_NOSIGNAL;
    socket->in_flight++;
}

static void arm_watch(struct loop *loop, struct uring_watch *record)
{
    struct io_uring_sqe *sqe = new_request(loop, record, KIND_WATCH);
    /* Once, and again after the callback: that way it is level-triggered. */
    sqe->opcode = IORING_OP_POLL_ADD;
    sqe->fd = record->watch->fd;
    sqe->poll32_events = POLLIN;
    record->is_armed = true;
}

/* -- the operations -- */

static int uring_socket_open(struct loop *loop, struct socket *socket)
{
    (void)loop;
    socket->state = 0;
    return 0;
}

static void uring_accept_start(struct loop *loop, struct socket *socket)
{
    assert(!(socket->state & STATE_CLOSING));
    socket->state |= STATE_ACCEPTING;
    if (!(socket->state & STATE_ACCEPT_ARMED))
        arm_accept(loop, socket);
}

static void uring_accept_stop(struct loop *loop, struct socket *socket)
{
    socket->state &= (uint16_t)~STATE_ACCEPTING;
    if ((socket->state & (STATE_ACCEPT_ARMED | STATE_ACCEPT_CANCELLED)) != STATE_ACCEPT_ARMED)
        return;
    socket->state |= STATE_ACCEPT_CANCELLED;
    cancel(loop, socket, KIND_ACCEPT);
}

static void uring_connect(struct loop *loop, struct socket *socket, const struct sockaddr *address,
                          socklen_t size)
{
    assert(!(socket->state & STATE_CONNECTING));
    struct io_uring_sqe *sqe = new_request(loop, socket, KIND_CONNECT);
    sqe->opcode = IORING_OP_CONNECT;
    sqe->fd = socket->fd;
    sqe->addr = (uint64_t)(uintptr_t)address;
    sqe->off = size;
    socket->state |= STATE_CONNECTING;
    socket->in_flight++;
}

static void uring_receive_start(struct loop *loop, struct socket *socket)
{
    if (socket->state & (STATE_CLOSING | STATE_ENDED))
        return;
    socket->state |= STATE_RECEIVING;
    if (!(socket->state & (STATE_RECEIVE_ARMED | STATE_STARVED)))
        arm_receive(loop, socket);
}

static void uring_receive_stop(struct loop *loop, struct socket *socket)
{
    socket->state &= (uint16_t)~STATE_RECEIVING;
    if ((socket->state & (STATE_RECEIVE_ARMED | STATE_RECEIVE_CANCELLED)) != STATE_RECEIVE_ARMED)
        return;
    socket->state |= STATE_RECEIVE_CANCELLED;
    cancel(loop, socket, KIND_RECEIVE);
}

static void uring_send(struct loop *loop, struct socket *socket, const void *data, size_t size)
{
    struct uring_state *state = loop->backend;
    assert(!(socket->state & STATE_SENDING));
    assert(!(socket->state & STATE_CLOSING));
    assert(size <= UINT32_MAX);
    socket->state |= STATE_SENDING | STATE_SEND_QUEUED;
    socket->send_data = data;
    socket->send_size = size;
    state->queued_sends++;
    loop_socket_activate(loop, socket);
}

static void unqueue_send(struct uring_state *state, struct socket *socket)
{
    if (!(socket->state & STATE_SEND_QUEUED))
        return;
    assert(state->queued_sends > 0);
    state->queued_sends--;
    socket->state &= (uint16_t)~STATE_SEND_QUEUED;
}

static void uring_send_cancel(struct loop *loop, struct socket *socket)
{
    if ((socket->state & (STATE_SENDING | STATE_SEND_GIVEN_UP | STATE_CLOSING)) != STATE_SENDING)
        return;
    if (socket->state & STATE_SEND_QUEUED) {
        unqueue_send(loop->backend, socket);
        socket->state |= STATE_SEND_GIVEN_UP;
        loop_socket_activate(loop, socket);
    } else {
        cancel(loop, socket, KIND_SEND);
    }
}

static void uring_socket_close(struct loop *loop, struct socket *socket)
{
    if (socket->state & STATE_CLOSING)
        return;
    unqueue_send(loop->backend, socket);
    socket->state |= STATE_CLOSING;
    socket->state &= (uint16_t) ~(STATE_RECEIVING | STATE_ACCEPTING | STATE_STARVED);
    if (socket->in_flight == 0) {
        loop_socket_activate(loop, socket);
        return;
    }
    /* Whatever is in flight on it; the descriptor stays open until all of it came back. */
    struct io_uring_sqe *sqe = new_request(loop, NULL, KIND_IGNORED);
    sqe->opcode = IORING_OP_ASYNC_CANCEL;
    sqe->fd = socket->fd;
    sqe->cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
}

static int uring_socket_detach(struct loop *loop, struct socket *socket)
{
    if (socket->state & (STATE_CLOSING | STATE_SENDING | STATE_CONNECTING))
        return -EAGAIN;
    uring_receive_stop(loop, socket);
    return socket->in_flight == 0 ? 0 : -EAGAIN;
}

static void uring_buffer_release(struct loop *loop, struct io_buffer *buffer)
{
    struct uring_state *state = loop->backend;
    assert(buffer == &state->buffers[buffer->index]);
    assert(state->buffers_out > 0);
    state->buffers_out--;
    provide(state, buffer->index);
}

/* -- watches -- */

static int uring_watch_start(struct loop *loop, struct loop_watch *watch)
{
    struct uring_state *state = loop->backend;
    struct uring_watch *record = mem_calloc(1, sizeof(*record));
    record->watch = watch;
    record->next = state->watches;
    if (state->watches != NULL)
        state->watches->previous = record;
    state->watches = record;
    watch->private_[0] = (uint64_t)(uintptr_t)record;
    arm_watch(loop, record);
    return 0;
}

static void free_watch(struct uring_state *state, struct uring_watch *record)
{
    assert(!record->is_armed);
    if (record->previous != NULL)
        record->previous->next = record->next;
    else
        state->watches = record->next;
    if (record->next != NULL)
        record->next->previous = record->previous;
    mem_free(record);
}

static void uring_watch_stop(struct loop *loop, struct loop_watch *watch)
{
    struct uring_watch *record = (struct uring_watch *)(uintptr_t)watch->private_[0];
    assert(record->watch == watch);
    record->watch = NULL;
    /* Not armed: its callback is running, and what called it frees the record. */
    if (record->is_armed)
        cancel(loop, record, KIND_WATCH);
}

static void complete_watch(struct loop *loop, struct uring_watch *record)
{
    record->is_armed = false;
    if (record->watch != NULL)
        record->watch->on_readable(record->watch);
    if (record->watch != NULL)
        arm_watch(loop, record);
    else
        free_watch(loop->backend, record);
}

/* -- completing -- */

/* Nothing is in flight: what is owed, then on_closed. The socket may be gone afterwards. */
static void complete_close(struct loop *loop, struct socket *socket)
{
    assert(socket->in_flight == 0);
    loop_task_cancel(loop, &socket->task);
    (void)close(socket->fd);
    socket->fd = -1;
    if (socket->state & STATE_SENDING) {
        socket->state &= (uint16_t)~STATE_SENDING;
        socket->handler->on_sent(socket, -ECANCELED);
    }
    assert(loop->socket_count > 0);
    loop->socket_count--;
    socket->handler->on_closed(socket);
}

static void complete_send(struct socket *socket, int result)
{
    socket->state &= (uint16_t)~STATE_SENDING;
    socket->handler->on_sent(socket, result);
}

/* The arrival as a buffer for the receiver: the ring's, or a copy when too many of those are out.
 */
static struct io_buffer *take_arrival(struct loop *loop, uint32_t index, uint32_t size)
{
    struct uring_state *state = loop->backend;
    assert(index < state->buffer_count);
    struct io_buffer *buffer = &state->buffers[index];
    if (state->buffers_out >= state->buffer_count / 2) {
        struct io_buffer *copy = loop_heap_buffer_take(loop);
        memcpy(loop_heap_buffer_room(copy), buffer->data, size);
        provide(state, index);
        buffer = copy;
    } else {
        state->buffers_out++;
    }
    buffer->next = NULL;
    buffer->size = size;
    buffer->offset = 0;
    return buffer;
}

static void deliver_arrival(struct loop *loop, struct socket *socket, int result, uint32_t flags)
{
    bool is_deaf = socket->state & (STATE_CLOSING | STATE_ENDED);
    if (flags & IORING_CQE_F_BUFFER) {
        uint32_t index = flags >> IORING_CQE_BUFFER_SHIFT;
        if (result <= 0 || is_deaf)
            provide(loop->backend, index);
        else
            socket->handler->on_received(socket, take_arrival(loop, index, (uint32_t)result),
                                         result);
        return;
    }
    if (is_deaf || result == -ECANCELED || result == -EINTR || result == -EAGAIN)
        return;
    if (result == -ENOBUFS) {
        socket->state |= STATE_STARVED;
        loop_socket_activate(loop, socket);
        return;
    }
    assert(result <= 0);
    socket->state |= STATE_ENDED;
    socket->state &= (uint16_t)~STATE_RECEIVING;
    socket->handler->on_received(socket, NULL, result);
}

static void complete_receive(struct loop *loop, struct socket *socket, int result, uint32_t flags)
{
    if (!(flags & IORING_CQE_F_MORE)) {
        assert(socket->in_flight > 0);
        socket->in_flight--;
        socket->state &= (uint16_t) ~(STATE_RECEIVE_ARMED | STATE_RECEIVE_CANCELLED);
    }
    deliver_arrival(loop, socket, result, flags);
    unsigned state = socket->state;
    if ((state & STATE_RECEIVING) && !(state & (STATE_RECEIVE_ARMED | STATE_STARVED)))
        arm_receive(loop, socket);
}

static void complete_accept(struct loop *loop, struct socket *socket, int result, uint32_t flags)
{
    if (!(flags & IORING_CQE_F_MORE)) {
        assert(socket->in_flight > 0);
        socket->in_flight--;
        socket->state &= (uint16_t) ~(STATE_ACCEPT_ARMED | STATE_ACCEPT_CANCELLED);
    }
    if ((socket->state & STATE_CLOSING) && result >= 0)
        (void)close(result);
    else if (!(socket->state & STATE_CLOSING) && result != -ECANCELED)
        socket->handler->on_accepted(socket, result);
    if ((socket->state & STATE_ACCEPTING) && !(socket->state & STATE_ACCEPT_ARMED))
        arm_accept(loop, socket);
}

static void complete_request(struct loop *loop, uint64_t user_data, int result, uint32_t flags)
{
    unsigned kind = (unsigned)(user_data & KIND_MASK);
    void *target = (void *)(uintptr_t)(user_data & ~(uint64_t)KIND_MASK);
    if (kind == KIND_IGNORED)
        return;
    if (kind == KIND_WATCH) {
        complete_watch(loop, target);
        return;
    }
    struct socket *socket = target;
    if (kind == KIND_RECEIVE) {
        complete_receive(loop, socket, result, flags);
    } else if (kind == KIND_ACCEPT) {
        complete_accept(loop, socket, result, flags);
    } else if (kind == KIND_SEND) {
        assert(socket->in_flight > 0);
        socket->in_flight--;
        complete_send(socket, result);
    } else {
        assert(kind == KIND_CONNECT);
        assert(socket->in_flight > 0);
        socket->in_flight--;
        socket->state &= (uint16_t)~STATE_CONNECTING;
        if (!(socket->state & STATE_CLOSING))
            socket->handler->on_connected(socket, result);
    }
    if ((socket->state & STATE_CLOSING) && socket->in_flight == 0)
        complete_close(loop, socket);
}

/* -- the turn -- */

/* One send without a request. True when it was completed. */
static bool send_directly(struct loop *loop, struct socket *socket)
{
    ssize_t sent =
        send(socket->fd, socket->send_data, socket->send_size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
        arm_send(loop, socket);
        return false;
    }
    complete_send(socket, sent < 0 ? -errno : (int)sent);
    return true;
}

static size_t uring_prepare(struct loop *loop)
{
    struct uring_state *state = loop->backend;
    bool is_direct = state->queued_sends <= DIRECT_SENDS_MAX;
    size_t done = 0;
    for (size_t left = loop->lists[LOOP_LIST_BACKEND].count; left > 0; left--) {
        struct loop_task *task = loop_list_pop(loop, LOOP_LIST_BACKEND);
        if (task == NULL)
            break;
        struct socket *socket = socket_of_task(task);
        if (socket->state & STATE_CLOSING) {
            loop_socket_activate(loop, socket); /* on_closed may call anything: run does it */
            continue;
        }
        if (socket->state & STATE_STARVED) {
            socket->state &= (uint16_t)~STATE_STARVED;
            if (socket->state & STATE_RECEIVING)
                arm_receive(loop, socket);
        }
        if (socket->state & STATE_SEND_GIVEN_UP) {
            socket->state &= (uint16_t)~STATE_SEND_GIVEN_UP;
            complete_send(socket, -ECANCELED);
            done++;
        } else if (socket->state & STATE_SEND_QUEUED) {
            unqueue_send(state, socket);
            if (!is_direct)
                arm_send(loop, socket);
            else if (send_directly(loop, socket))
                done++;
        }
    }
    return done;
}

static void uring_wait(struct loop *loop, int64_t wait_us)
{
    struct uring_state *state = loop->backend;
    struct io_uring *ring = &state->ring;
    unsigned submit = publish_requests(ring);
    unsigned wait_count = wait_us != 0 && io_uring_cq_ready(ring) == 0;
    unsigned pending =
        IO_URING_READ_ONCE(*ring->sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
    if (submit == 0 && wait_count == 0 && pending == 0)
        return;
    struct __kernel_timespec limit = {.tv_sec = wait_us / 1000000,
                                      .tv_nsec = wait_us % 1000000 * 1000};
    struct io_uring_getevents_arg argument = {.ts = (uint64_t)(uintptr_t)&limit};
    bool is_timed = wait_count > 0 && wait_us > 0;
    int result =
        enter(state, submit, wait_count, IORING_ENTER_GETEVENTS, is_timed ? &argument : NULL);
    if (result < 0 && result != -ETIME && result != -EINTR && result != -EAGAIN && result != -EBUSY)
        panic("io_uring_enter: %s", strerror(-result));
}

static size_t uring_run(struct loop *loop)
{
    struct uring_state *state = loop->backend;
    struct io_uring_cq *cq = &state->ring.cq;
    unsigned head = *cq->khead;
    /* acquire: pairs with the kernel's release; the completions come first */
    unsigned tail = io_uring_smp_load_acquire(cq->ktail);
    size_t done = tail - head;
    while (head != tail) {
        const struct io_uring_cqe *cqe = &cq->cqes[head & cq->ring_mask];
        uint64_t user_data = cqe->user_data;
        int result = cqe->res;
        uint32_t flags = cqe->flags;
        head++;
        /* release: our reads of the slot come first */
        io_uring_smp_store_release(cq->khead, head);
        complete_request(loop, user_data, result, flags);
    }
    for (size_t left = loop->lists[LOOP_LIST_BACKEND].count; left > 0; left--) {
        struct loop_task *task = loop_list_pop(loop, LOOP_LIST_BACKEND);
        if (task == NULL)
            break;
        struct socket *socket = socket_of_task(task);
        if ((socket->state & STATE_CLOSING) && socket->in_flight == 0) {
            complete_close(loop, socket);
            done++;
        } else if (!(socket->state & STATE_CLOSING)) {
            loop_socket_activate(loop, socket); /* for prepare */
        }
    }
    return done;
}

const struct backend_ops backend_uring_ops = {
    .name = "io_uring",
    .open = uring_backend_open,
    .close = uring_backend_close,
    .socket_open = uring_socket_open,
    .accept_start = uring_accept_start,
    .accept_stop = uring_accept_stop,
    .connect = uring_connect,
    .receive_start = uring_receive_start,
    .receive_stop = uring_receive_stop,
    .send = uring_send,
    .send_cancel = uring_send_cancel,
    .socket_close = uring_socket_close,
    .socket_detach = uring_socket_detach,
    .buffer_release = uring_buffer_release,
    .watch_start = uring_watch_start,
    .watch_stop = uring_watch_stop,
    .prepare = uring_prepare,
    .wait = uring_wait,
    .run = uring_run,
};
