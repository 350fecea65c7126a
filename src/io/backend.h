/* The completion interface that the backends implement and sockets are built on. The loop's thread.
 *
 * A `socket` is embedded in its owner (connection, listener). Contract:
 *  1. socket_open registers a descriptor; the socket then owns it.
 *  2. Between receive_start and receive_stop every arrival of bytes is one on_received; a buffer
 *     that arrives belongs to the callee (io_buffer_release). `size` 0 is end of stream, negative
 *     is -errno; after either none follows. Arrivals that were under way when receive_stop was
 *     called may still be delivered.
 *  3. One send at a time: send(data) then exactly one on_sent(bytes or -errno); short sends happen.
 *     The bytes must stay until then.
 *  4. close() may be called at any time; then exactly one on_closed, when nothing is in flight, is
 *     the last callback; the descriptor is closed by then, the owner's memory is its own again.
 *     Between the two only the on_sent of a send under way is still delivered.
 *  5. on_sent may run at the beginning of loop_poll, before it waits. It must not call user code
 *     that needs a phase of the turn to follow; it may queue tasks (then the loop does not wait).
 */
#ifndef IO_BACKEND_H
#define IO_BACKEND_H

#include "io/loop.h"
#include <sys/socket.h>
#include <sys/types.h>

struct socket;

/* Room for a whole TLS record (16384 + 22 bytes) in one receive, and a size class of the allocator.
 */
enum { IO_BUFFER_SIZE = 20 * 1024 - 64 };

struct io_buffer {
    struct io_buffer *next;
    char *data; /* the reader may wipe it */
    uint32_t size;
    uint32_t offset; /* consumed by the reader */
    uint32_t index;  /* the backend's */
};

struct socket_handler {
    void (*on_accepted)(struct socket *socket, int fd);     /* fd or -errno */
    void (*on_connected)(struct socket *socket, int error); /* 0 or -errno */
    void (*on_received)(struct socket *socket, struct io_buffer *buffer, int size);
    void (*on_sent)(struct socket *socket, int result);
    void (*on_closed)(struct socket *socket);
};

struct socket {
    int fd;
    uint16_t state;     /* the backend's */
    uint16_t in_flight; /* operations whose completion is outstanding */
    const struct socket_handler *handler;
    const char *send_data;
    size_t send_size;
    struct loop_task task; /* the backend's */
};

struct backend_ops {
    const char *name;
    int (*open)(struct loop *loop, const struct loop_options *options, char *error);
    void (*close)(struct loop *loop);
    int (*socket_open)(struct loop *loop, struct socket *socket);
    void (*accept_start)(struct loop *loop, struct socket *socket);
    void (*accept_stop)(struct loop *loop, struct socket *socket);
    void (*connect)(struct loop *loop, struct socket *socket, const struct sockaddr *address,
                    socklen_t size);
    void (*receive_start)(struct loop *loop, struct socket *socket);
    void (*receive_stop)(struct loop *loop, struct socket *socket);
    void (*send)(struct loop *loop, struct socket *socket, const void *data, size_t size);
    /* Gives up a send that waits for the peer: its on_sent follows soon, with -ECANCELED when it
     * has sent nothing. NULL: sends do not wait. */
    void (*send_cancel)(struct loop *loop, struct socket *socket);
    void (*socket_close)(struct loop *loop, struct socket *socket);
    /* Takes the descriptor out, alive; only when nothing is in flight after stops. -EAGAIN: try
     * after the next turn. */
    int (*socket_detach)(struct loop *loop, struct socket *socket);
    void (*buffer_release)(struct loop *loop, struct io_buffer *buffer);
    int (*watch_start)(struct loop *loop, struct loop_watch *watch);
    void (*watch_stop)(struct loop *loop, struct loop_watch *watch);
    /* Starts what was put off and completes sends that are done, before the wait is computed;
     * returns how many callbacks ran. */
    size_t (*prepare)(struct loop *loop);
    /* Submits, waits at most wait_us (-1 for ever), collects. */
    void (*wait)(struct loop *loop, int64_t wait_us);
    /* Runs what was collected; returns how many. */
    size_t (*run)(struct loop *loop);
};

extern const struct backend_ops backend_uring_ops;
extern const struct backend_ops backend_epoll_ops;

/* Calls through the loop's backend (asserting the owner). */
int socket_open(struct loop *loop, struct socket *socket, int fd,
                const struct socket_handler *handler) MUST_CHECK;
void socket_accept_start(struct loop *loop, struct socket *socket);
void socket_accept_stop(struct loop *loop, struct socket *socket);
void socket_connect(struct loop *loop, struct socket *socket, const struct sockaddr *address,
                    socklen_t size);
void socket_receive_start(struct loop *loop, struct socket *socket);
void socket_receive_stop(struct loop *loop, struct socket *socket);
void socket_send(struct loop *loop, struct socket *socket, const void *data, size_t size);
void socket_send_cancel(struct loop *loop, struct socket *socket);
void socket_close(struct loop *loop, struct socket *socket);
int socket_detach(struct loop *loop, struct socket *socket) MUST_CHECK;
void io_buffer_release(struct loop *loop, struct io_buffer *buffer);

#endif
