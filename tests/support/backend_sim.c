/* The simulated backend of backend_sim.h: links between sockets and peers, and the order in which
 * their completions come. Implements the contract of io/backend.h and asserts the caller's part. */
#include "backend_sim.h"
#include "base/memory.h"
#include "io/backend.h"
#include "io/loop_internal.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    LINKS_MAX = 256,
    ACCEPTS_MAX = 512,
    FD_FIRST = 1 << 28, /* the kernel knows none of them */
    RECEIVES_PER_TURN = 4,
    LATE_TURNS_MAX = 3,
    TURN_US_MAX = 300,
    IDLE_US = 1000
};

/* Bytes under way in one direction, in order. */
struct pipe {
    char *data;
    size_t size;
    size_t capacity;
};

/* A link, seen from the test. */
struct sim_peer {
    struct sim *sim;
    int fd;
    struct pipe to_socket;
    struct pipe to_peer;
    bool is_shut;    /* end of stream behind to_socket */
    bool is_closed;  /* the peer takes nothing more */
    bool was_reset;  /* by the peer */
    bool has_ended;  /* the socket was closed */
    bool is_private; /* its descriptor is the kernel's: made by connect() */
    bool is_claimed; /* sim_connected gave it out */
    /* -- the socket -- */
    struct loop *loop; /* NULL: not registered */
    struct socket *socket;
    bool is_receiving;
    bool is_over; /* end or error was delivered */
    bool is_sending;
    bool is_closing;
    bool is_connecting;
    bool is_accepting;
    unsigned afterwards; /* turns in which an arrival may still come after receive_stop */
    unsigned closing_turns;
};

struct sim_loop {
    struct sim *sim;
    uint32_t number;
    uint32_t buffers_out;
};

struct sim {
    struct random_state random;
    struct sim_manner manner;
    void (*advance)(int64_t us);
    struct sim_peer *links[LINKS_MAX];
    size_t link_count;
    size_t link_total;
    uint32_t loop_count;
    uint32_t loop_total;
    struct sim_peer *accepts[ACCEPTS_MAX];
    int accept_errors[ACCEPTS_MAX];
    size_t accept_count;
    int accept_fd;
    uint64_t calls;
    uint64_t fail_at;
    int fail_error;
    bool has_failed;
};

/* -- chance -- */

uint64_t sim_pick(struct sim *sim, uint64_t bound)
{
    return random_state_next(&sim->random) % bound;
}

bool sim_chance(struct sim *sim, unsigned of256)
{
    return sim_pick(sim, 256) < of256;
}

static void draw_manner(struct sim *sim)
{
    static const unsigned chances[] = {0, 4, 40, 128, 220};
    static const size_t sizes[] = {1, 100, 5000, 20000, 200000};
    struct sim_manner *manner = &sim->manner;
    manner->late = chances[sim_pick(sim, 5)];
    manner->torn = chances[sim_pick(sim, 5)];
    manner->tiny = chances[sim_pick(sim, 3)];
    manner->early = chances[sim_pick(sim, 5)];
    manner->afterwards = chances[sim_pick(sim, 5)];
    manner->refuses = chances[sim_pick(sim, 4)];
    manner->pipe_size = sizes[sim_pick(sim, 5)];
}

struct sim *sim_create(uint64_t seed, void (*advance)(int64_t us))
{
    struct sim *sim = mem_calloc(1, sizeof(*sim));
    random_state_seed(&sim->random, seed);
    sim->advance = advance;
    sim->accept_fd = -1;
    draw_manner(sim);
    return sim;
}

void sim_destroy(struct sim *sim)
{
    assert(sim->loop_count == 0);
    for (size_t i = 0; i < sim->link_count; i++) {
        struct sim_peer *link = sim->links[i];
        assert(link->loop == NULL);
        mem_free(link->to_socket.data);
        mem_free(link->to_peer.data);
        mem_free(link);
    }
    mem_free(sim);
}

struct sim_manner *sim_manner(struct sim *sim)
{
    return &sim->manner;
}

/* -- calls that may fail -- */

uint64_t sim_calls(const struct sim *sim)
{
    return sim->calls;
}

void sim_fail_call(struct sim *sim, uint64_t n, int error)
{
    sim->fail_at = n > 0 ? sim->calls + n : 0;
    sim->fail_error = error;
    sim->has_failed = false;
}

bool sim_has_failed(const struct sim *sim)
{
    return sim->has_failed;
}

/* 0, or the error that this call fails with. */
static int call(struct sim *sim)
{
    sim->calls++;
    if (sim->calls != sim->fail_at)
        return 0;
    sim->has_failed = true;
    return sim->fail_error;
}

/* -- links -- */

static struct sim_peer *link_create(struct sim *sim, int fd)
{
    assert(sim->link_count < LINKS_MAX);
    struct sim_peer *link = mem_calloc(1, sizeof(*link));
    link->sim = sim;
    link->fd = fd >= 0 ? fd : FD_FIRST + (int)sim->link_total++;
    sim->links[sim->link_count++] = link;
    return link;
}

static struct sim_peer *find_fd(struct sim *sim, int fd)
{
    for (size_t i = 0; i < sim->link_count; i++) {
        if (sim->links[i]->fd == fd && !sim->links[i]->has_ended)
            return sim->links[i];
    }
    return NULL;
}

static struct sim *sim_of(struct loop *loop)
{
    struct sim_loop *state = loop->backend;
    return state->sim;
}

static struct sim_peer *link_of(struct loop *loop, struct socket *socket)
{
    struct sim_peer *link = find_fd(sim_of(loop), socket->fd);
    assert(link != NULL);
    assert(link->socket == socket);
    assert(link->loop == loop);
    return link;
}

static void pipe_append(struct pipe *pipe, const void *data, size_t size)
{
    if (size == 0)
        return;
    if (pipe->size + size > pipe->capacity) {
        pipe->capacity = (pipe->size + size) * 2;
        pipe->data = mem_realloc(pipe->data, pipe->capacity);
    }
    memcpy(pipe->data + pipe->size, data, size);
    pipe->size += size;
}

static void pipe_drop(struct pipe *pipe, size_t size)
{
    assert(size <= pipe->size);
    pipe->size -= size;
    memmove(pipe->data, pipe->data + size, pipe->size);
}

static void settle_turn(struct sim *sim, int64_t us)
{
    if (sim->advance != NULL)
        sim->advance(us);
}

/* -- the test's side -- */

struct sim_peer *sim_peer_create(struct sim *sim)
{
    return link_create(sim, -1);
}

int sim_peer_fd(const struct sim_peer *peer)
{
    return peer->fd;
}

void sim_accept(struct sim *sim, int fd, struct sim_peer *peer, int error)
{
    assert(sim->accept_count < ACCEPTS_MAX);
    sim->accept_fd = fd;
    sim->accepts[sim->accept_count] = peer;
    sim->accept_errors[sim->accept_count] = error;
    sim->accept_count++;
}

int sim_last_fd(const struct sim *sim)
{
    for (size_t i = sim->link_count; i-- > 0;) {
        if (sim->links[i]->is_private)
            return sim->links[i]->fd;
    }
    return -1;
}

struct sim_peer *sim_connected(struct sim *sim)
{
    for (size_t i = sim->link_count; i-- > 0;) {
        struct sim_peer *link = sim->links[i];
        if (link->is_private && !link->is_claimed) {
            link->is_claimed = true;
            return link;
        }
    }
    return NULL;
}

size_t sim_peer_send(struct sim_peer *peer, const void *data, size_t size)
{
    enum { ROOM = 64 * 1024 };
    if (peer->is_shut || peer->is_closed || peer->was_reset || peer->has_ended)
        return size; /* nobody will read it */
    size_t room = peer->to_socket.size < ROOM ? ROOM - peer->to_socket.size : 0;
    size_t part = size < room ? size : room;
    pipe_append(&peer->to_socket, data, part);
    return part;
}

size_t sim_peer_receive(struct sim_peer *peer, void *data, size_t size)
{
    size_t part = size < peer->to_peer.size ? size : peer->to_peer.size;
    if (part == 0)
        return 0;
    memcpy(data, peer->to_peer.data, part);
    pipe_drop(&peer->to_peer, part);
    return part;
}

void sim_peer_shut(struct sim_peer *peer)
{
    peer->is_shut = true;
}

void sim_peer_close(struct sim_peer *peer)
{
    peer->is_shut = true;
    peer->is_closed = true;
    peer->to_peer.size = 0;
}

void sim_peer_reset(struct sim_peer *peer)
{
    sim_peer_close(peer);
    peer->was_reset = true;
    peer->to_socket.size = 0;
}

bool sim_peer_has_ended(const struct sim_peer *peer)
{
    return (peer->has_ended || peer->was_reset) && peer->to_peer.size == 0;
}

bool sim_peer_is_gone(const struct sim_peer *peer)
{
    return peer->has_ended;
}

/* -- loops -- */

static int sim_open(struct loop *loop, const struct loop_options *options, char *error)
{
    (void)loop;
    (void)options;
    (void)error;
    return 0;
}

static void sim_close(struct loop *loop)
{
    struct sim_loop *state = loop->backend;
    assert(state->buffers_out == 0);
    assert(state->sim->loop_count > 0);
    state->sim->loop_count--;
    mem_free(state);
    loop->backend = NULL;
}

/* -- sockets -- */

static int sim_socket_open(struct loop *loop, struct socket *socket)
{
    struct sim *sim = sim_of(loop);
    int error = call(sim);
    if (error != 0)
        return -error;
    struct sim_peer *link = find_fd(sim, socket->fd);
    if (link == NULL) {
        link = link_create(sim, socket->fd);
        link->is_private = true;
        link->is_claimed = true; /* until it connects */
    }
    assert(link->loop == NULL);
    link->loop = loop;
    link->socket = socket;
    return 0;
}

static void sim_accept_start(struct loop *loop, struct socket *socket)
{
    link_of(loop, socket)->is_accepting = true;
}

static void sim_accept_stop(struct loop *loop, struct socket *socket)
{
    link_of(loop, socket)->is_accepting = false;
}

static void sim_connect(struct loop *loop, struct socket *socket, const struct sockaddr *address,
                        socklen_t size)
{
    (void)address;
    (void)size;
    struct sim_peer *link = link_of(loop, socket);
    assert(!link->is_connecting);
    link->is_connecting = true;
}

static void sim_receive_start(struct loop *loop, struct socket *socket)
{
    struct sim_peer *link = link_of(loop, socket);
    if (link->is_closing || link->is_over)
        return;
    link->is_receiving = true;
    link->afterwards = 0;
}

static void sim_receive_stop(struct loop *loop, struct socket *socket)
{
    struct sim_peer *link = link_of(loop, socket);
    if (link->is_receiving && sim_chance(link->sim, link->sim->manner.afterwards))
        link->afterwards = 1 + (unsigned)sim_pick(link->sim, LATE_TURNS_MAX);
    link->is_receiving = false;
}

static void sim_send(struct loop *loop, struct socket *socket, const void *data, size_t size)
{
    struct sim_peer *link = link_of(loop, socket);
    assert(!link->is_sending);
    assert(!link->is_closing);
    assert(!link->is_connecting);
    link->is_sending = true;
    socket->send_data = data;
    socket->send_size = size;
}

static void sim_socket_close(struct loop *loop, struct socket *socket)
{
    struct sim_peer *link = link_of(loop, socket);
    if (link->is_closing)
        return;
    link->is_closing = true;
    link->is_receiving = false;
    link->is_accepting = false;
    link->is_connecting = false;
    link->afterwards = 0;
    link->closing_turns = (unsigned)sim_pick(link->sim, LATE_TURNS_MAX);
}

static int sim_socket_detach(struct loop *loop, struct socket *socket)
{
    struct sim_peer *link = link_of(loop, socket);
    assert(!link->is_receiving);
    if (link->is_closing || link->is_sending || link->is_connecting || link->afterwards > 0)
        return -EAGAIN;
    if (sim_chance(link->sim, link->sim->manner.refuses)) {
        link->afterwards = 1; /* makes a turn */
        return -EAGAIN;
    }
    link->loop = NULL;
    link->socket = NULL;
    return 0;
}

static void sim_buffer_release(struct loop *loop, struct io_buffer *buffer)
{
    struct sim_loop *state = loop->backend;
    assert(buffer->index == state->number);
    assert(state->buffers_out > 0);
    state->buffers_out--;
    memset((char *)(buffer + 1), 0xdd, mem_usable_size(buffer) - sizeof(*buffer));
    mem_free(buffer);
}

/* Watches never fire: nothing outside speaks. */
static int sim_watch_start(struct loop *loop, struct loop_watch *watch)
{
    (void)loop;
    (void)watch;
    return 0;
}

static void sim_watch_stop(struct loop *loop, struct loop_watch *watch)
{
    (void)loop;
    (void)watch;
}

/* -- completing -- */

/* How much of `size` moves at once: all, or a torn part of at least one byte. */
static size_t tear(struct sim *sim, size_t size)
{
    if (size <= 1 || !sim_chance(sim, sim->manner.torn))
        return size;
    size_t bound = sim_chance(sim, sim->manner.tiny) && size > 16 ? 16 : size;
    return 1 + sim_pick(sim, bound);
}

/* True when a send under way could end now. */
static bool can_send(const struct sim_peer *link)
{
    return link->is_sending && (link->is_closed || link->is_closing ||
                                link->to_peer.size < link->sim->manner.pipe_size);
}

static int send_result(struct sim_peer *link)
{
    struct sim *sim = link->sim;
    const struct socket *socket = link->socket;
    int error = call(sim);
    if (error != 0)
        return -error;
    if (link->is_closed)
        return link->was_reset && sim_chance(sim, 128) ? -ECONNRESET : -EPIPE;
    if (link->is_closing && sim_chance(sim, 128))
        return -ECANCELED;
    size_t room =
        sim->manner.pipe_size > link->to_peer.size ? sim->manner.pipe_size - link->to_peer.size : 0;
    size_t size = socket->send_size < room ? socket->send_size : room;
    if (size == 0)
        return -ECANCELED;
    size = tear(sim, size);
    pipe_append(&link->to_peer, socket->send_data, size);
    return (int)size;
}

static void complete_send(struct sim_peer *link)
{
    int result = send_result(link);
    link->is_sending = false;
    link->socket->handler->on_sent(link->socket, result);
}

/* One arrival, or the end. False when there is nothing. */
static bool receive(struct sim_peer *link)
{
    struct sim *sim = link->sim;
    struct sim_loop *state = link->loop->backend;
    size_t available = link->to_socket.size;
    if (available == 0 && !link->is_shut)
        return false;
    int error = call(sim);
    if (error == 0 && link->was_reset)
        error = ECONNRESET;
    if (error != 0 || available == 0) {
        link->is_over = true;
        link->is_receiving = false;
        link->socket->handler->on_received(link->socket, NULL, -error);
        return true;
    }
    size_t size = tear(sim, available < IO_BUFFER_SIZE ? available : IO_BUFFER_SIZE);
    struct io_buffer *buffer = NULL;
    if (sim_chance(sim, 64)) {
        buffer = loop_heap_buffer_take(link->loop);
        memcpy(loop_heap_buffer_room(buffer), link->to_socket.data, size);
    } else {
        buffer = mem_alloc(sizeof(*buffer) + size);
        *buffer = (struct io_buffer){.data = (char *)(buffer + 1), .index = state->number};
        memcpy((char *)(buffer + 1), link->to_socket.data, size);
        state->buffers_out++;
    }
    buffer->size = (uint32_t)size;
    pipe_drop(&link->to_socket, size);
    link->socket->handler->on_received(link->socket, buffer, (int)size);
    return true;
}

static size_t receive_some(struct sim_peer *link)
{
    size_t done = 0;
    if (!link->is_receiving && link->afterwards > 0) {
        link->afterwards--;
        bool comes = !link->is_over && sim_chance(link->sim, 128);
        if (comes)
            link->afterwards = 0;
        return comes && receive(link) ? 1 : 0;
    }
    while (link->is_receiving && !link->is_over && done < RECEIVES_PER_TURN) {
        if (!receive(link))
            break;
        done++;
        if (sim_chance(link->sim, 128))
            break;
    }
    return done;
}

static void complete_connect(struct sim_peer *link)
{
    int error = call(link->sim);
    link->is_connecting = false;
    if (error == 0)
        link->is_claimed = false; /* sim_connected may have it */
    link->socket->handler->on_connected(link->socket, -error);
}

static size_t accept_some(struct sim_peer *link)
{
    struct sim *sim = link->sim;
    size_t done = 0;
    while (link->is_accepting && sim->accept_count > 0 && sim->accept_fd == link->fd) {
        struct sim_peer *peer = sim->accepts[0];
        int error = sim->accept_errors[0];
        int failure = call(sim);
        if (failure == 0) {
            sim->accept_count--;
            memmove(sim->accepts, sim->accepts + 1, sim->accept_count * sizeof(sim->accepts[0]));
            memmove(sim->accept_errors, sim->accept_errors + 1,
                    sim->accept_count * sizeof(sim->accept_errors[0]));
        } else {
            error = failure; /* the connection stays in the queue */
            peer = NULL;
        }
        done++;
        link->socket->handler->on_accepted(link->socket, peer != NULL ? peer->fd : -error);
    }
    return done;
}

static size_t complete_close(struct sim_peer *link)
{
    struct loop *loop = link->loop;
    struct socket *socket = link->socket;
    size_t done = 1;
    if (link->is_sending) {
        complete_send(link);
        done++;
    }
    link->has_ended = true;
    link->loop = NULL;
    link->socket = NULL;
    if (link->fd < FD_FIRST)
        (void)close(link->fd);
    assert(loop->socket_count > 0);
    loop->socket_count--;
    socket->fd = -1;
    socket->handler->on_closed(socket);
    return done;
}

/* Everything that a socket is due in this turn. It may be gone afterwards, the link is not. */
static size_t visit(struct sim_peer *link, struct loop *loop)
{
    struct sim *sim = link->sim;
    size_t done = 0;
    if (link->is_closing) {
        if (link->closing_turns == 0)
            return complete_close(link);
        link->closing_turns--;
        return 0;
    }
    if (can_send(link) && !sim_chance(sim, sim->manner.late)) {
        complete_send(link);
        done++;
    }
    if (link->loop == loop && link->is_connecting && !sim_chance(sim, sim->manner.late)) {
        complete_connect(link);
        done++;
    }
    if (link->loop == loop && link->is_accepting && !sim_chance(sim, sim->manner.late))
        done += accept_some(link);
    if (link->loop == loop && !sim_chance(sim, sim->manner.late))
        done += receive_some(link);
    return done;
}

/* True when a turn would bring something, now or after some turns. */
static bool has_work(const struct sim_peer *link)
{
    return link->is_closing || link->is_connecting || link->afterwards > 0 || can_send(link) ||
           (link->is_accepting && link->sim->accept_count > 0) ||
           (link->is_receiving && !link->is_over && (link->to_socket.size > 0 || link->is_shut));
}

static size_t sim_prepare(struct loop *loop)
{
    struct sim *sim = sim_of(loop);
    size_t done = 0;
    for (size_t i = 0; i < sim->link_count; i++) {
        struct sim_peer *link = sim->links[i];
        if (link->loop == loop && !link->is_closing && can_send(link) &&
            sim_chance(sim, sim->manner.early)) {
            complete_send(link);
            done++;
        }
    }
    return done;
}

static void sim_wait(struct loop *loop, int64_t wait_us)
{
    struct sim *sim = sim_of(loop);
    bool is_busy = wait_us == 0;
    for (size_t i = 0; i < sim->link_count && !is_busy; i++)
        is_busy = sim->links[i]->loop == loop && has_work(sim->links[i]);
    if (is_busy)
        settle_turn(sim, (int64_t)sim_pick(sim, TURN_US_MAX));
    else
        settle_turn(sim, wait_us > 0 ? wait_us : IDLE_US);
}

static size_t sim_run(struct loop *loop)
{
    struct sim *sim = sim_of(loop);
    struct sim_peer *order[LINKS_MAX];
    size_t count = 0;
    size_t done = 0;
    for (size_t i = 0; i < sim->link_count; i++) {
        if (sim->links[i]->loop == loop)
            order[count++] = sim->links[i];
    }
    while (count > 0) {
        size_t chosen = sim_pick(sim, count);
        struct sim_peer *link = order[chosen];
        order[chosen] = order[--count];
        if (link->loop == loop)
            done += visit(link, loop);
    }
    return done;
}

static const struct backend_ops backend_sim_ops = {
    .name = "sim",
    .open = sim_open,
    .close = sim_close,
    .socket_open = sim_socket_open,
    .accept_start = sim_accept_start,
    .accept_stop = sim_accept_stop,
    .connect = sim_connect,
    .receive_start = sim_receive_start,
    .receive_stop = sim_receive_stop,
    .send = sim_send,
    .socket_close = sim_socket_close,
    .socket_detach = sim_socket_detach,
    .buffer_release = sim_buffer_release,
    .watch_start = sim_watch_start,
    .watch_stop = sim_watch_stop,
    .prepare = sim_prepare,
    .wait = sim_wait,
    .run = sim_run,
};

void sim_take_over(struct sim *sim, struct loop *loop)
{
    assert(loop->socket_count == 0);
    assert(loop->watch_count == 0);
    loop->ops->close(loop);
    struct sim_loop *state = mem_calloc(1, sizeof(*state));
    state->sim = sim;
    state->number = sim->loop_total++;
    sim->loop_count++;
    loop->ops = &backend_sim_ops;
    loop->backend = state;
}

struct loop *sim_loop_create(struct sim *sim)
{
    char error[256];
    struct loop *loop = loop_create(&(struct loop_options){.backend = LOOP_BACKEND_EPOLL}, error);
    assert(loop != NULL);
    sim_take_over(sim, loop);
    return loop;
}
