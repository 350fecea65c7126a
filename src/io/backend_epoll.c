/* The epoll backend: edge-triggered readiness turned into completions.
 *
 * A socket is registered once; what the edges said is kept in its state bits, and a socket that has
 * something to do sits on the loop's backend list. `wait` collects edges into that list without
 * running anything; `prepare` and `run` walk it. There is no system call per event beyond the
 * transfer itself. A socket is asked for writability only after its first EAGAIN, because a unix
 * socket would otherwise wake us each time the peer reads. The loop's thread.
 *
 * Bounds per socket and turn: RECEIVES_PER_TURN buffers, ACCEPTS_PER_RUN descriptors.
 */
#include "base/memory.h"
#include "io/backend.h"
#include "io/loop_internal.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 512, RECEIVES_PER_TURN = 4, ACCEPTS_PER_RUN = 64 };

/* socket->state */
enum {
    STATE_READABLE = 1 << 0,
    STATE_WRITABLE = 1 << 1,
    STATE_RECEIVING = 1 << 2,
    STATE_ACCEPTING = 1 << 3,
    STATE_CONNECTING = 1 << 4,
    STATE_SENDING = 1 << 5, /* on_sent is owed */
    STATE_SENT = 1 << 6,    /* and its result is known: in send_size */
    STATE_ENDED = 1 << 7,   /* end of stream or an error was delivered */
    STATE_CLOSING = 1 << 8,
    STATE_WANTS_OUT = 1 << 9, /* registered for EPOLLOUT */
    STATE_FAILED = 1 << 10,   /* connect failed at once: error in send_size */
    STATE_HUNG = 1 << 11      /* an edge spoke of an end, an error, or urgent data, at which reads
                                 end: a short one is no reason to stop receiving */
};

/* Tells a watch from a socket in epoll's data. */
#define WATCH_TAG ((uintptr_t)1)

struct epoll_state {
    int fd;
    bool has_pwait2;
    unsigned fired_count;
    struct loop_watch *fired[EVENTS_MAX]; /* collected, not run; NULL when stopped meanwhile */
    struct epoll_event events[EVENTS_MAX];
};

static int epoll_backend_open(struct loop *loop, const struct loop_options *options, char *error)
{
    (void)options;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) {
        int code = errno;
        snprintf(error, LOOP_REASON_MAX, "epoll_create1: %s", strerror(code));
        return -code;
    }
    struct epoll_state *state = mem_calloc(1, sizeof(*state));
    state->fd = fd;
    const struct timespec now = {0};
    state->has_pwait2 = epoll_pwait2(fd, state->events, 1, &now, NULL) >= 0;
    loop->backend = state;
    return 0;
}

static void epoll_backend_close(struct loop *loop)
{
    struct epoll_state *state = loop->backend;
    (void)close(state->fd);
    mem_free(state);
    loop->backend = NULL;
}

/* -- sockets -- */

static int control(struct loop *loop, int operation, struct socket *socket, uint32_t events)
{
    struct epoll_state *state = loop->backend;
    struct epoll_event event = {.events = events | EPOLLRDHUP | EPOLLPRI | EPOLLET,
                                .data.ptr = socket};
    return epoll_ctl(state->fd, operation, socket->fd, &event) < 0 ? -errno : 0;
}

static int epoll_socket_open(struct loop *loop, struct socket *socket)
{
    socket->state = STATE_WRITABLE;
    return control(loop, EPOLL_CTL_ADD, socket, EPOLLIN);
}

/* Registers for EPOLLOUT too, once; the kernel reports at once if it is writable already. */
static void want_out(struct loop *loop, struct socket *socket)
{
    socket->state &= (uint16_t)~STATE_WRITABLE;
    if (socket->state & STATE_WANTS_OUT)
        return;
    socket->state |= STATE_WANTS_OUT;
    if (control(loop, EPOLL_CTL_MOD, socket, EPOLLIN | EPOLLOUT) < 0)
        panic("epoll_ctl: %s", strerror(errno));
}

static void epoll_accept_start(struct loop *loop, struct socket *socket)
{
    socket->state |= STATE_ACCEPTING;
    if (socket->state & STATE_READABLE)
        loop_socket_activate(loop, socket);
}

static void epoll_accept_stop(struct loop *loop, struct socket *socket)
{
    (void)loop;
    socket->state &= (uint16_t)~STATE_ACCEPTING;
}

static void epoll_connect(struct loop *loop, struct socket *socket, const struct sockaddr *address,
                          socklen_t size)
{
    assert(!(socket->state & STATE_CONNECTING));
    socket->state |= STATE_CONNECTING;
    socket->in_flight++;
    if (connect(socket->fd, address, size) == 0) {
        loop_socket_activate(loop, socket);
        return;
    }
    if (errno == EINPROGRESS) {
        want_out(loop, socket);
        return;
    }
    socket->send_size = (size_t)errno;
    socket->state |= STATE_FAILED;
    loop_socket_activate(loop, socket);
}

static void epoll_receive_start(struct loop *loop, struct socket *socket)
{
    if (socket->state & (STATE_CLOSING | STATE_ENDED))
        return;
    socket->state |= STATE_RECEIVING;
    if (socket->state & STATE_READABLE)
        loop_socket_activate(loop, socket);
}

static void epoll_receive_stop(struct loop *loop, struct socket *socket)
{
    (void)loop;
    socket->state &= (uint16_t)~STATE_RECEIVING;
}

static void set_sent(struct loop *loop, struct socket *socket, ssize_t result)
{
    socket->state |= STATE_SENT;
    socket->send_size = (size_t)result;
    loop_socket_activate(loop, socket);
}

static void try_send(struct loop *loop, struct socket *socket)
{
    ssize_t sent = send(socket->fd, socket->send_data, socket->send_size, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR)
        sent = send(socket->fd, socket->send_data, socket->send_size, MSG_NOSIGNAL);
    if (sent >= 0)
        set_sent(loop, socket, sent);
    else if (errno == EAGAIN)
        want_out(loop, socket);
    else
        set_sent(loop, socket, -errno);
}

static void epoll_send(struct loop *loop, struct socket *socket, const void *data, size_t size)
{
    assert(!(socket->state & STATE_SENDING));
    assert(!(socket->state & STATE_CLOSING));
    socket->state |= STATE_SENDING;
    socket->in_flight++;
    socket->send_data = data;
    socket->send_size = size;
    if (socket->state & STATE_WRITABLE)
        try_send(loop, socket);
}

static void epoll_send_cancel(struct loop *loop, struct socket *socket)
{
    if ((socket->state & (STATE_SENDING | STATE_SENT | STATE_CLOSING)) == STATE_SENDING)
        set_sent(loop, socket, -ECANCELED);
}

static void epoll_socket_close(struct loop *loop, struct socket *socket)
{
    if (socket->state & STATE_CLOSING)
        return;
    socket->state |= STATE_CLOSING;
    socket->state &= (uint16_t) ~(STATE_RECEIVING | STATE_ACCEPTING);
    /* Explicitly: a forked child may keep the description open, and its edges would still come. */
    (void)control(loop, EPOLL_CTL_DEL, socket, 0);
    (void)close(socket->fd);
    loop_socket_activate(loop, socket);
}

static int epoll_socket_detach(struct loop *loop, struct socket *socket)
{
    if (socket->state & (STATE_CLOSING | STATE_SENDING | STATE_CONNECTING))
        return -EAGAIN;
    return control(loop, EPOLL_CTL_DEL, socket, 0);
}

static void epoll_buffer_release(struct loop *loop, struct io_buffer *buffer)
{
    (void)loop;
    panic("buffer %u does not belong to the epoll backend", buffer->index);
}

/* -- watches -- */

static int epoll_watch_start(struct loop *loop, struct loop_watch *watch)
{
    struct epoll_state *state = loop->backend;
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u64 = (uint64_t)((uintptr_t)watch | WATCH_TAG)};
    return epoll_ctl(state->fd, EPOLL_CTL_ADD, watch->fd, &event) < 0 ? -errno : 0;
}

static void epoll_watch_stop(struct loop *loop, struct loop_watch *watch)
{
    struct epoll_state *state = loop->backend;
    struct epoll_event event = {0};
    (void)epoll_ctl(state->fd, EPOLL_CTL_DEL, watch->fd, &event);
    for (unsigned i = 0; i < state->fired_count; i++) {
        if (state->fired[i] == watch)
            state->fired[i] = NULL;
    }
}

/* -- completing -- */

/* True when the socket would do something if it were visited now. */
static bool has_work(const struct socket *socket)
{
    unsigned state = socket->state;
    if (state & (STATE_CLOSING | STATE_SENT | STATE_FAILED))
        return true;
    if ((state & STATE_SENDING) && (state & STATE_WRITABLE))
        return true;
    if ((state & STATE_CONNECTING) && (state & STATE_WRITABLE))
        return true;
    return (state & STATE_READABLE) && (state & (STATE_RECEIVING | STATE_ACCEPTING));
}

static void complete_send(struct socket *socket, int result)
{
    assert(socket->in_flight > 0);
    socket->in_flight--;
    socket->state &= (uint16_t) ~(STATE_SENDING | STATE_SENT);
    socket->handler->on_sent(socket, result);
}

static void complete_connect(struct socket *socket)
{
    int error = 0;
    if (socket->state & STATE_FAILED) {
        error = (int)socket->send_size;
    } else {
        socklen_t size = sizeof(error);
        if (getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
            error = errno;
    }
    assert(socket->in_flight > 0);
    socket->in_flight--;
    socket->state &= (uint16_t) ~(STATE_CONNECTING | STATE_FAILED);
    socket->handler->on_connected(socket, -error);
}

/* The last visit: what is owed, then on_closed. The socket may be gone afterwards. */
static size_t complete_close(struct loop *loop, struct socket *socket)
{
    size_t done = 1;
    if (socket->state & STATE_SENDING) {
        bool is_sent = socket->state & STATE_SENT;
        complete_send(socket, is_sent ? (int)(ssize_t)socket->send_size : -ECANCELED);
        done++;
    }
    loop_task_cancel(loop, &socket->task);
    assert(loop->socket_count > 0);
    loop->socket_count--;
    socket->fd = -1;
    socket->in_flight = 0;
    socket->handler->on_closed(socket);
    return done;
}

static size_t accept_some(struct socket *socket)
{
    size_t done = 0;
    while (done < ACCEPTS_PER_RUN && (socket->state & STATE_ACCEPTING)) {
        int fd = accept4(socket->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && errno == EINTR)
            continue;
        if (fd < 0 && errno == EAGAIN) {
            socket->state &= (uint16_t)~STATE_READABLE;
            break;
        }
        done++;
        socket->handler->on_accepted(socket, fd >= 0 ? fd : -errno);
    }
    return done;
}

static size_t receive_some(struct loop *loop, struct socket *socket)
{
    for (size_t done = 0; done < RECEIVES_PER_TURN;) {
        struct io_buffer *buffer = loop_heap_buffer_take(loop);
        ssize_t size = recv(socket->fd, loop_heap_buffer_room(buffer), IO_BUFFER_SIZE, 0);
        if (size > 0) {
            /* A short read emptied the socket; what comes later makes a new edge. */
            bool is_emptied = size < IO_BUFFER_SIZE && !(socket->state & STATE_HUNG);
            if (is_emptied)
                socket->state &= (uint16_t)~STATE_READABLE;
            buffer->size = (uint32_t)size;
            done++;
            socket->handler->on_received(socket, buffer, (int)size);
            unsigned state = socket->state;
            if (is_emptied || !(state & STATE_RECEIVING))
                return done;
            continue;
        }
        int error = size < 0 ? errno : 0;
        loop_heap_buffer_give(loop, buffer);
        if (error == EINTR)
            continue;
        socket->state &= (uint16_t)~STATE_READABLE;
        if (error == EAGAIN)
            return done;
        socket->state &= (uint16_t)~STATE_RECEIVING;
        socket->state |= STATE_ENDED;
        socket->handler->on_received(socket, NULL, -error);
        return done + 1;
    }
    return RECEIVES_PER_TURN;
}

/* Everything the socket has to do now. Returns callbacks run. */
static size_t visit(struct loop *loop, struct socket *socket)
{
    if (socket->state & STATE_CLOSING)
        return complete_close(loop, socket);
    size_t done = 0;
    if ((socket->state & (STATE_SENDING | STATE_SENT | STATE_WRITABLE)) ==
        (STATE_SENDING | STATE_WRITABLE))
        try_send(loop, socket);
    if (socket->state & STATE_SENT) {
        complete_send(socket, (int)(ssize_t)socket->send_size);
        done++;
    }
    if ((socket->state & STATE_CONNECTING) && (socket->state & (STATE_WRITABLE | STATE_FAILED))) {
        complete_connect(socket);
        done++;
    }
    if ((socket->state & STATE_ACCEPTING) && (socket->state & STATE_READABLE))
        done += accept_some(socket);
    if ((socket->state & STATE_RECEIVING) && (socket->state & STATE_READABLE))
        done += receive_some(loop, socket);
    if (has_work(socket))
        loop_socket_activate(loop, socket);
    return done;
}

static size_t epoll_prepare(struct loop *loop)
{
    size_t done = 0;
    for (size_t left = loop->lists[LOOP_LIST_BACKEND].count; left > 0; left--) {
        struct loop_task *task = loop_list_pop(loop, LOOP_LIST_BACKEND);
        if (task == NULL)
            break;
        struct socket *socket = socket_of_task(task);
        unsigned state = socket->state;
        if ((state & STATE_SENT) && !(state & STATE_CLOSING)) {
            complete_send(socket, (int)(ssize_t)socket->send_size);
            done++;
        }
        if (has_work(socket))
            loop_socket_activate(loop, socket);
    }
    return done;
}

/* Collects one edge. */
static void note_socket_event(struct loop *loop, struct socket *socket, uint32_t events)
{
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        socket->state |= STATE_READABLE;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        socket->state |= STATE_WRITABLE;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI))
        socket->state |= STATE_HUNG;
    if (has_work(socket))
        loop_socket_activate(loop, socket);
}

static int wait_for_events(struct epoll_state *state, int64_t wait_us)
{
    if (!state->has_pwait2 || wait_us <= 0) {
        int64_t wait_ms = wait_us < 0 ? -1 : (wait_us + 999) / 1000;
        if (wait_ms > INT32_MAX)
            wait_ms = INT32_MAX;
        return epoll_wait(state->fd, state->events, EVENTS_MAX, (int)wait_ms);
    }
    const struct timespec limit = {.tv_sec = wait_us / 1000000,
                                   .tv_nsec = wait_us % 1000000 * 1000};
    return epoll_pwait2(state->fd, state->events, EVENTS_MAX, &limit, NULL);
}

static void epoll_backend_wait(struct loop *loop, int64_t wait_us)
{
    struct epoll_state *state = loop->backend;
    assert(state->fired_count == 0);
    int count = wait_for_events(state, wait_us);
    if (count < 0 && errno != EINTR)
        panic("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        const struct epoll_event *event = &state->events[i];
        uintptr_t data = (uintptr_t)event->data.u64;
        if (data & WATCH_TAG)
            state->fired[state->fired_count++] = (struct loop_watch *)(data & ~WATCH_TAG);
        else
            note_socket_event(loop, (struct socket *)data, event->events);
    }
}

static size_t epoll_run(struct loop *loop)
{
    struct epoll_state *state = loop->backend;
    size_t done = 0;
    for (unsigned i = 0; i < state->fired_count; i++) {
        struct loop_watch *watch = state->fired[i];
        if (watch == NULL)
            continue;
        watch->on_readable(watch);
        done++;
    }
    state->fired_count = 0;
    for (size_t left = loop->lists[LOOP_LIST_BACKEND].count; left > 0; left--) {
        struct loop_task *task = loop_list_pop(loop, LOOP_LIST_BACKEND);
        if (task == NULL)
            break;
        done += visit(loop, socket_of_task(task));
    }
    return done;
}

const struct backend_ops backend_epoll_ops = {
    .name = "epoll",
    .open = epoll_backend_open,
    .close = epoll_backend_close,
    .socket_open = epoll_socket_open,
    .accept_start = epoll_accept_start,
    .accept_stop = epoll_accept_stop,
    .connect = epoll_connect,
    .receive_start = epoll_receive_start,
    .receive_stop = epoll_receive_stop,
    .send = epoll_send,
    .send_cancel = epoll_send_cancel,
    .socket_close = epoll_socket_close,
    .socket_detach = epoll_socket_detach,
    .buffer_release = epoll_buffer_release,
    .watch_start = epoll_watch_start,
    .watch_stop = epoll_watch_stop,
    .prepare = epoll_prepare,
    .wait = epoll_backend_wait,
    .run = epoll_run,
};
