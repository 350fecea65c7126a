/* The socket suite of backend_suite.h. Both ends of a pair live on one loop, so a test is a
 * sequence of turns until a condition holds.
 */
#include "backend_suite.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/address.h"
#include "io/backend.h"
#include "io/timer.h"
#include "raw_bytes.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* A failed expectation aborts the test's process. (No Criterion here: its stand-in for
 * ThreadSanitizer may be included once in a program.) The text after the condition is for readers.
 */
#define expect(condition, ...) assert(condition)
#define expect_eq(a, b, ...)   assert((a) == (b))
#define expect_geq(a, b, ...)  assert((a) >= (b))
#define expect_gt(a, b, ...)   assert((a) > (b))
#define expect_leq(a, b, ...)  assert((a) <= (b))
#define expect_lt(a, b, ...)   assert((a) < (b))
#define expect_neq(a, b, ...)  assert((a) != (b))
#define expect_null(a, ...)    assert((a) == NULL)

static enum loop_backend suite_backend;

/* -- an end of a connection that records what happens to it -- */

struct end {
    struct socket socket;
    struct loop *loop;
    char *received;
    size_t received_size;
    size_t received_capacity;
    unsigned arrivals;
    unsigned ends;  /* on_received with size <= 0 */
    int end_result; /* of the last */
    unsigned sents;
    int sent_result;
    const char *to_send;
    size_t to_send_size;
    size_t sent_size;
    size_t send_part_max; /* 0: as much as there is */
    unsigned accepted_count;
    int accepted[512];
    unsigned connecteds;
    int connect_result;
    unsigned closeds;
    bool is_closing;
    bool is_holding; /* keeps the buffers it receives */
    struct io_buffer *held;
    struct end *closes; /* closed from this end's on_received */
};

static struct end *end_of(struct socket *socket)
{
    return (struct end *)(void *)((char *)socket - offsetof(struct end, socket));
}

static void end_send_next(struct end *end)
{
    size_t left = end->to_send_size - end->sent_size;
    if (left == 0)
        return;
    if (end->send_part_max != 0 && left > end->send_part_max)
        left = end->send_part_max;
    socket_send(end->loop, &end->socket, end->to_send + end->sent_size, left);
}

static void end_send(struct end *end, const char *data, size_t size)
{
    end->to_send = data;
    end->to_send_size = size;
    end->sent_size = 0;
    end_send_next(end);
}

static void end_on_sent(struct socket *socket, int result)
{
    struct end *end = end_of(socket);
    expect_eq(end->closeds, 0, "on_sent after on_closed");
    end->sents++;
    end->sent_result = result;
    if (result <= 0)
        return;
    end->sent_size += (size_t)result;
    if (!end->is_closing)
        end_send_next(end);
}

static void end_record(struct end *end, const char *data, size_t size)
{
    if (end->received_size + size > end->received_capacity) {
        end->received_capacity = (end->received_size + size) * 2;
        end->received = realloc(end->received, end->received_capacity);
    }
    memcpy(end->received + end->received_size, data, size);
    end->received_size += size;
}

static void end_on_received(struct socket *socket, struct io_buffer *buffer, int size)
{
    struct end *end = end_of(socket);
    expect_eq(end->closeds, 0, "on_received after on_closed");
    expect_eq(end->ends, 0, "on_received after the end");
    if (size <= 0) {
        expect_null(buffer);
        end->ends++;
        end->end_result = size;
    } else {
        expect_eq(buffer->size, (uint32_t)size);
        end->arrivals++;
        end_record(end, buffer->data, buffer->size);
        if (end->is_holding) {
            buffer->next = end->held;
            end->held = buffer;
        } else {
            io_buffer_release(end->loop, buffer);
        }
    }
    if (end->closes != NULL) {
        struct end *target = end->closes;
        end->closes = NULL;
        target->is_closing = true;
        socket_close(target->loop, &target->socket);
    }
}

static void end_on_accepted(struct socket *socket, int fd)
{
    struct end *end = end_of(socket);
    expect_geq(fd, 0);
    end->accepted[end->accepted_count++] = fd;
}

static void end_on_connected(struct socket *socket, int error)
{
    struct end *end = end_of(socket);
    end->connecteds++;
    end->connect_result = error;
}

static void end_on_closed(struct socket *socket)
{
    struct end *end = end_of(socket);
    expect_eq(end->closeds, 0, "on_closed twice");
    end->closeds++;
}

static const struct socket_handler end_handler = {
    .on_accepted = end_on_accepted,
    .on_connected = end_on_connected,
    .on_received = end_on_received,
    .on_sent = end_on_sent,
    .on_closed = end_on_closed,
};

static void end_open(struct end *end, struct loop *loop, int fd)
{
    memset(end, 0, sizeof(*end));
    end->loop = loop;
    expect_eq(socket_open(loop, &end->socket, fd, &end_handler), 0);
}

static void end_release_held(struct end *end)
{
    while (end->held != NULL) {
        struct io_buffer *buffer = end->held;
        end->held = buffer->next;
        io_buffer_release(end->loop, buffer);
    }
}

/* -- turns -- */

bool suite_has_backend(enum loop_backend backend)
{
    char error[256];
    const struct loop_options options = {.backend = backend};
    mem_init();
    log_init();
    struct loop *loop = loop_create(&options, error);
    if (loop != NULL)
        loop_destroy(loop);
    return loop != NULL;
}

static struct loop *suite_loop(uint32_t entries, uint32_t buffer_count)
{
    char error[256];
    const struct loop_options options = {
        .backend = suite_backend, .entries = entries, .buffer_count = buffer_count};
    log_set_level(LOG_NOTHING_);
    struct loop *loop = loop_create(&options, error);
    expect_neq(loop, NULL);
    return loop;
}

static struct loop *suite_begin(enum loop_backend backend)
{
    suite_backend = backend;
    return suite_loop(0, 0);
}

/* Runs turns until the condition holds; fails the test after ten seconds. */
#define TURN_UNTIL(loop, condition)                                                                \
    do {                                                                                           \
        int64_t limit_us_ = clock_read_us() + 10000000;                                            \
        while (!(condition)) {                                                                     \
            expect_lt(clock_read_us(), limit_us_, "never happened: %s", #condition);               \
            loop_poll(loop, 10000);                                                                \
            loop_flush(loop);                                                                      \
        }                                                                                          \
    } while (0)

static void suite_turns(struct loop *loop, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        loop_poll(loop, 0);
        loop_flush(loop);
        if (i % 2 == 1)
            loop_submit(loop);
    }
}

static void end_close(struct end *end)
{
    end->is_closing = true;
    if (end->closeds == 0)
        socket_close(end->loop, &end->socket);
    TURN_UNTIL(end->loop, end->closeds == 1);
    free(end->received);
    end->received = NULL;
}

static void set_nonblocking(int fd)
{
    expect_eq(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

static void unix_pair(int pair[2])
{
    expect_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
}

static int listen_on_loopback(struct address *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    expect_eq(address_parse("127.0.0.1", 0, address), 0);
    expect_eq(bind(fd, (struct sockaddr *)&address->storage, address->size), 0);
    expect_eq(listen(fd, 511), 0);
    expect_eq(getsockname(fd, (struct sockaddr *)&address->storage, &address->size), 0);
    return fd;
}

/* Two connected TCP descriptors. */
static void tcp_pair(int pair[2])
{
    struct address address;
    int listening = listen_on_loopback(&address);
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect_eq(connect(pair[0], (struct sockaddr *)&address.storage, address.size), 0);
    pair[1] = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    expect_geq(pair[1], 0);
    set_nonblocking(pair[0]);
    close(listening);
}

/* Opens one half of a new pair; returns the other. */
static int open_half(struct end *end, struct loop *loop, void (*make_pair)(int pair[2]))
{
    int pair[2];
    make_pair(pair);
    end_open(end, loop, pair[0]);
    return pair[1];
}

/* The same, and receives. */
static int open_receiving(struct end *end, struct loop *loop, void (*make_pair)(int pair[2]))
{
    int peer = open_half(end, loop, make_pair);
    socket_receive_start(loop, &end->socket);
    return peer;
}

/* Closes both halves, and the loop. */
static void finish(struct end *end, int peer)
{
    end_close(end);
    close(peer);
    loop_destroy(end->loop);
}

static void expect_received(const struct end *end, const char *data, size_t size)
{
    expect_eq(end->received_size, size, "%zu received, %zu expected", end->received_size, size);
    expect_eq(memcmp(end->received, data, size), 0, "bytes differ");
}

/* -- transfers -- */

static void transfer_random_sizes(void (*make_pair)(int pair[2]))
{
    struct loop *loop = suite_loop(0, 0);
    struct end ends[2];
    int pair[2];
    make_pair(pair);
    for (int i = 0; i < 2; i++) {
        end_open(&ends[i], loop, pair[i]);
        socket_receive_start(loop, &ends[i].socket);
    }
    struct random_state random;
    random_state_seed(&random, 7);
    for (unsigned round = 0; round < 60; round++) {
        size_t size = 1 + (size_t)(random_state_next(&random) % (round % 3 == 0 ? 300000 : 2000));
        struct end *from = &ends[round % 2];
        struct end *to = &ends[1 - round % 2];
        char *data = random_bytes(size, round);
        to->received_size = 0;
        from->send_part_max = round % 5 == 0 ? 777 : 0;
        end_send(from, data, size);
        TURN_UNTIL(loop, to->received_size >= size && from->sent_size == size);
        expect_received(to, data, size);
        free(data);
    }
    end_close(&ends[0]);
    end_close(&ends[1]);
    loop_destroy(loop);
}

void suite_random_sizes_over_unix_sockets(enum loop_backend backend)
{
    suite_backend = backend;
    transfer_random_sizes(unix_pair);
}

void suite_random_sizes_over_tcp(enum loop_backend backend)
{
    suite_backend = backend;
    transfer_random_sizes(tcp_pair);
}

/* What the peer had written before we watched the socket is seen too. */
void suite_bytes_before_open(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct end end;
    int pair[2];
    tcp_pair(pair);
    write_all(pair[1], "early", 5);
    end_open(&end, loop, pair[0]);
    socket_receive_start(loop, &end.socket);
    TURN_UNTIL(loop, end.received_size == 5);
    expect_received(&end, "early", 5);
    end_close(&end);
    close(pair[1]);
    loop_destroy(loop);
}

/* A read ends at the urgent byte, which is nobody's, though there is more. */
void suite_bytes_behind_urgent_data(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct end end;
    int peer = open_receiving(&end, loop, tcp_pair);
    for (size_t round = 1; round <= 3; round++) {
        expect_eq(send(peer, "before", 6, 0), 6);
        expect_eq(send(peer, "!", 1, MSG_OOB), 1);
        expect_eq(send(peer, "after", 5, 0), 5);
        TURN_UNTIL(loop, end.received_size == round * 11);
    }
    expect_received(&end, "beforeafterbeforeafterbeforeafter", 33);
    finish(&end, peer);
}

void suite_slow_reader_gets_everything_by_short_sends(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct end end;
    int peer = open_half(&end, loop, tcp_pair);
    size_t size = 8 * 1024 * 1024;
    char *data = random_bytes(size, 3);
    char *copy = malloc(size);
    end_send(&end, data, size);
    suite_turns(loop, 10);
    expect_lt(end.sent_size, size, "a socket buffer took everything: the test tests nothing");
    size_t received = 0;
    while (received < size) {
        ssize_t part =
            read(peer, copy + received, size - received < 50000 ? size - received : 50000);
        if (part > 0)
            received += (size_t)part;
        suite_turns(loop, 1);
    }
    TURN_UNTIL(loop, end.sent_size == size);
    expect_eq(memcmp(data, copy, size), 0);
    expect_gt(end.sents, 1);
    free(data);
    free(copy);
    finish(&end, peer);
}

enum { MANY = 150 };

static void many_sockets(uint32_t entries, uint32_t buffer_count)
{
    struct loop *loop = suite_loop(entries, buffer_count);
    static struct end left[MANY];
    static struct end right[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        int pair[2];
        unix_pair(pair);
        end_open(&left[i], loop, pair[0]);
        end_open(&right[i], loop, pair[1]);
        socket_receive_start(loop, &left[i].socket);
        socket_receive_start(loop, &right[i].socket);
    }
    char *data = random_bytes(MANY * 3000, 11);
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < MANY; i++) {
            right[i].received_size = 0;
            end_send(&left[i], data + i * 100, 1 + (i * 37 + round * 1000) % 30000);
        }
        for (unsigned i = 0; i < MANY; i++) {
            TURN_UNTIL(loop, right[i].received_size == left[i].to_send_size &&
                                 left[i].sent_size == left[i].to_send_size);
            expect_received(&right[i], data + i * 100, left[i].to_send_size);
        }
    }
    for (unsigned i = 0; i < MANY; i++) {
        end_close(&left[i]);
        end_close(&right[i]);
    }
    free(data);
    loop_destroy(loop);
}

void suite_many_sockets(enum loop_backend backend)
{
    suite_backend = backend;
    many_sockets(0, 0);
}

/* The submission queue and the buffer ring are far too small: everything works all the same. */
void suite_many_sockets_on_a_tiny_ring(enum loop_backend backend)
{
    suite_backend = backend;
    many_sockets(8, 4);
}

/* -- ends -- */

void suite_half_close_ends_once_after_the_bytes(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct end end;
    int peer = open_receiving(&end, loop, tcp_pair);
    char *data = random_bytes(100000, 5);
    write_all(peer, data, 100000);
    shutdown(peer, SHUT_WR);
    TURN_UNTIL(loop, end.ends == 1);
    expect_eq(end.end_result, 0);
    expect_received(&end, data, 100000);
    /* The other direction is open still. */
    end_send(&end, "answer", 6);
    TURN_UNTIL(loop, end.sent_size == 6);
    char answer[8];
    expect_eq(read(peer, answer, sizeof(answer)), 6);
    suite_turns(loop, 5);
    expect_eq(end.ends, 1);
    free(data);
    finish(&end, peer);
}

/* A FIN in the same edge as the last bytes, and one that comes in a later turn. */
void suite_end_in_the_same_turn_and_later(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    for (unsigned i = 0; i < 2; i++) {
        struct end end;
        int peer = open_receiving(&end, loop, tcp_pair);
        write_all(peer, "x", 1);
        if (i == 1)
            TURN_UNTIL(loop, end.received_size == 1);
        close(peer);
        TURN_UNTIL(loop, end.ends == 1);
        expect_eq(end.received_size, 1);
        expect_eq(end.end_result, 0);
        end_close(&end);
    }
    loop_destroy(loop);
}

static void reset_by_peer(int fd)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    expect_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    close(fd);
}

void suite_reset_is_an_error(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct end end;
    int peer = open_receiving(&end, loop, tcp_pair);
    suite_turns(loop, 2);
    reset_by_peer(peer);
    TURN_UNTIL(loop, end.ends == 1);
    expect_eq(end.end_result, -ECONNRESET);
    end_send(&end, "x", 1);
    TURN_UNTIL(loop, end.sents == 1);
    expect_eq(end.sent_result, -EPIPE);
    end_close(&end);
    loop_destroy(loop);
}

void suite_reset_ends_a_blocked_send(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct end end;
    int peer = open_half(&end, loop, tcp_pair);
    size_t size = 16 * 1024 * 1024;
    char *data = calloc(1, size);
    end_send(&end, data, size);
    suite_turns(loop, 10);
    expect_lt(end.sent_size, size);
    reset_by_peer(peer);
    TURN_UNTIL(loop, end.sent_result < 0);
    expect(end.sent_result == -ECONNRESET || end.sent_result == -EPIPE);
    end_close(&end);
    free(data);
    loop_destroy(loop);
}

void suite_close_with_everything_in_flight(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    size_t size = 16 * 1024 * 1024;
    char *data = calloc(1, size);
    for (unsigned i = 0; i < 20; i++) {
        struct end end;
        int peer = open_receiving(&end, loop, tcp_pair);
        end_send(&end, data, size);
        suite_turns(loop, i % 7);
        unsigned sents = end.sents;
        bool is_owed = end.sent_size < size;
        if (i % 2 == 0)
            write_all(peer, "late", 4);
        end.is_closing = true;
        socket_close(loop, &end.socket);
        socket_close(loop, &end.socket); /* again: no effect */
        expect_eq(end.closeds, 0, "on_closed inside close");
        TURN_UNTIL(loop, end.closeds == 1);
        expect_eq(end.sents, sents + (is_owed ? 1 : 0), "exactly one on_sent");
        expect_eq(end.socket.fd, -1);
        free(end.received);
        close(peer);
    }
    free(data);
    loop_destroy(loop);
}

/* As a forked child has one. */
void suite_a_copy_of_a_closed_descriptor_is_not_heard(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct end end;
    int peer = open_receiving(&end, loop, unix_pair);
    int copy = dup(end.socket.fd);
    suite_turns(loop, 2);
    end_close(&end);
    write_all(peer, "late", 4);
    suite_turns(loop, 4);
    expect_eq(end.arrivals, 0);
    char bytes[4];
    expect_eq(read(copy, bytes, 4), 4);
    close(copy);
    close(peer);
    loop_destroy(loop);
}

void suite_arrivals_at_closed_sockets_cost_no_buffers(enum loop_backend backend)
{
    suite_backend = backend;
    struct loop *loop = suite_loop(0, 4);
    struct end end;
    for (unsigned i = 0; i < 20; i++) {
        int peer = open_receiving(&end, loop, unix_pair);
        suite_turns(loop, 2);
        write_all(peer, "nobody's", 8);
        loop_submit(loop); /* with io_uring they are received here, and told of in the next poll */
        end_close(&end);
        expect_eq(end.arrivals, 0);
        close(peer);
    }
    int peer = open_receiving(&end, loop, unix_pair);
    write_all(peer, "somebody's", 10);
    TURN_UNTIL(loop, end.received_size == 10);
    expect_eq(end.arrivals, 1);
    finish(&end, peer);
}

/* Before it has begun, and while the peer takes nothing. What was sent is sent, and the socket can
 * leave. */
void suite_a_send_can_be_given_up(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct end end;
    int peer = open_half(&end, loop, unix_pair);
    enum { SIZE = 2000000 };
    char *data = random_bytes(SIZE, 11);
    char *received = malloc(SIZE);
    socket_send_cancel(loop, &end.socket); /* there is none */
    end_send(&end, data, SIZE);
    socket_send_cancel(loop, &end.socket);
    TURN_UNTIL(loop, end.sents == 1);
    if (end.sent_result == -ECANCELED)
        end_send(&end, data, SIZE);
    suite_turns(loop, 20);
    unsigned sents = end.sents;
    expect_gt(end.sent_size, 0);
    expect_lt(end.sent_size, SIZE, "the kernel took all of it");
    expect_neq(socket_detach(loop, &end.socket), 0);
    socket_send_cancel(loop, &end.socket);
    socket_send_cancel(loop, &end.socket);
    TURN_UNTIL(loop, end.sents == sents + 1);
    expect_eq(end.sent_result, -ECANCELED);
    expect_eq(socket_detach(loop, &end.socket), 0);
    suite_turns(loop, 2);
    expect_eq(end.sents, sents + 1);
    close(end.socket.fd);
    size_t size = 0;
    for (ssize_t part; (part = read(peer, received + size, SIZE - size)) > 0;)
        size += (size_t)part;
    expect_eq(size, end.sent_size);
    expect_eq(memcmp(received, data, size), 0);
    free(received);
    free(data);
    close(peer);
    loop_destroy(loop);
}

void suite_close_from_another_sockets_callback(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    for (unsigned i = 0; i < 10; i++) {
        struct end ends[2];
        int pairs[2][2];
        for (int k = 0; k < 2; k++) {
            tcp_pair(pairs[k]);
            end_open(&ends[k], loop, pairs[k][0]);
            socket_receive_start(loop, &ends[k].socket);
        }
        suite_turns(loop, 1);
        /* Both have a completion in the same turn; whichever comes first closes the other. */
        ends[0].closes = &ends[1];
        ends[1].closes = &ends[0];
        write_all(pairs[0][1], "a", 1);
        write_all(pairs[1][1], "b", 1);
        TURN_UNTIL(loop, ends[0].closeds + ends[1].closeds >= 1);
        suite_turns(loop, 3);
        for (int k = 0; k < 2; k++) {
            end_close(&ends[k]);
            close(pairs[k][1]);
        }
    }
    loop_destroy(loop);
}

void suite_close_itself_from_its_callback(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct end end;
    int peer = open_receiving(&end, loop, tcp_pair);
    end.closes = &end;
    char *data = random_bytes(60000, 1);
    write_all(peer, data, 60000);
    TURN_UNTIL(loop, end.closeds == 1);
    expect_eq(end.arrivals, 1);
    free(data);
    free(end.received);
    close(peer);
    loop_destroy(loop);
}

/* -- steering -- */

void suite_stop_and_start_receiving(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct end end;
    int peer = open_half(&end, loop, tcp_pair);
    char *data = random_bytes(300000, 2);
    size_t written = 0;
    for (unsigned round = 0; round < 100; round++) {
        socket_receive_start(loop, &end.socket);
        if (round % 3 == 0)
            socket_receive_stop(loop, &end.socket);
        if (round % 4 == 0)
            socket_receive_start(loop, &end.socket);
        write_all(peer, data + written, 3000);
        written += 3000;
        suite_turns(loop, round % 5);
        socket_receive_stop(loop, &end.socket);
        suite_turns(loop, 4);
        size_t before = end.received_size;
        write_all(peer, data + written, 0);
        suite_turns(loop, 4);
        expect_eq(end.received_size, before, "received while stopped");
    }
    socket_receive_start(loop, &end.socket);
    TURN_UNTIL(loop, end.received_size == written);
    expect_received(&end, data, written);
    free(data);
    finish(&end, peer);
}

void suite_nothing_comes_before_receiving_is_started(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct end end;
    int peer = open_half(&end, loop, unix_pair);
    write_all(peer, "x", 1);
    suite_turns(loop, 5);
    expect_eq(end.received_size, 0);
    socket_receive_start(loop, &end.socket);
    TURN_UNTIL(loop, end.received_size == 1);
    finish(&end, peer);
}

/* Owners that hold on to far more buffers than a ring has do not stop the others. */
void suite_held_buffers_starve_nobody(enum loop_backend backend)
{
    suite_backend = backend;
    struct loop *loop = suite_loop(0, 8);
    static struct end holders[40];
    static int peers[40];
    for (unsigned i = 0; i < 40; i++) {
        int pair[2];
        unix_pair(pair);
        end_open(&holders[i], loop, pair[0]);
        peers[i] = pair[1];
        holders[i].is_holding = true;
        socket_receive_start(loop, &holders[i].socket);
    }
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 40; i++) {
            write_all(peers[i], "hold", 4);
            TURN_UNTIL(loop, holders[i].received_size == (round + 1) * 4);
        }
    }
    for (unsigned i = 0; i < 40; i++) {
        unsigned held = 0;
        for (struct io_buffer *buffer = holders[i].held; buffer != NULL; buffer = buffer->next) {
            expect_eq(memcmp(buffer->data, "hold", 4), 0, "a held buffer was overwritten");
            held++;
        }
        expect_eq(held, 3);
        end_release_held(&holders[i]);
        end_close(&holders[i]);
        close(peers[i]);
    }
    loop_destroy(loop);
}

/* One that floods does not delay one that says a word. */
void suite_a_flood_is_fair_to_others(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct end flood;
    struct end quiet;
    int pairs[2][2];
    tcp_pair(pairs[0]);
    tcp_pair(pairs[1]);
    end_open(&flood, loop, pairs[0][0]);
    end_open(&quiet, loop, pairs[1][0]);
    socket_receive_start(loop, &flood.socket);
    socket_receive_start(loop, &quiet.socket);
    char *data = random_bytes(1000000, 4);
    for (unsigned round = 0; round < 5; round++) {
        ssize_t written = write(pairs[0][1], data, 1000000);
        expect_gt(written, 200000);
        quiet.received_size = 0;
        size_t before = flood.received_size;
        write_all(pairs[1][1], "word", 4);
        unsigned arrivals = flood.arrivals;
        suite_turns(loop, 1);
        expect_leq(flood.arrivals - arrivals, backend == LOOP_BACKEND_EPOLL ? 4 : 64);
        suite_turns(loop, 2);
        expect_eq(quiet.received_size, 4, "three turns were not enough");
        TURN_UNTIL(loop, flood.received_size == before + (size_t)written);
    }
    free(data);
    end_close(&flood);
    end_close(&quiet);
    close(pairs[0][1]);
    close(pairs[1][1]);
    loop_destroy(loop);
}

void suite_detached_socket_lives_on_in_another_loop(enum loop_backend backend)
{
    suite_backend = backend;
    struct loop *first = suite_loop(0, 0);
    struct loop *second = suite_loop(0, 0);
    struct end end;
    int pair[2];
    tcp_pair(pair);
    end_open(&end, first, pair[0]);
    socket_receive_start(first, &end.socket);
    write_all(pair[1], "one", 3);
    TURN_UNTIL(first, end.received_size == 3);
    free(end.received);
    end.received = NULL;
    TURN_UNTIL(first, socket_detach(first, &end.socket) == 0);
    expect_eq(end.closeds, 0);
    write_all(pair[1], "two", 3);
    int fd = end.socket.fd;
    end_open(&end, second, fd);
    socket_receive_start(second, &end.socket);
    TURN_UNTIL(second, end.received_size == 3);
    expect_received(&end, "two", 3);
    end_close(&end);
    close(pair[1]);
    loop_destroy(first);
    loop_destroy(second);
}

/* -- accepting and connecting -- */

void suite_accept_and_connect(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct address address;
    struct end listening;
    static struct end outgoing[100];
    end_open(&listening, loop, listen_on_loopback(&address));
    socket_accept_start(loop, &listening.socket);
    for (unsigned i = 0; i < 100; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        end_open(&outgoing[i], loop, fd);
        socket_connect(loop, &outgoing[i].socket, (struct sockaddr *)&address.storage,
                       address.size);
    }
    for (unsigned i = 0; i < 100; i++) {
        TURN_UNTIL(loop, outgoing[i].connecteds == 1);
        expect_eq(outgoing[i].connect_result, 0);
    }
    TURN_UNTIL(loop, listening.accepted_count == 100);
    for (unsigned i = 0; i < 100; i++) {
        expect(fcntl(listening.accepted[i], F_GETFL) & O_NONBLOCK);
        expect(fcntl(listening.accepted[i], F_GETFD) & FD_CLOEXEC);
        close(listening.accepted[i]);
        end_close(&outgoing[i]);
    }
    end_close(&listening);
    loop_destroy(loop);
}

void suite_accept_stops_and_starts(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct address address;
    struct end listening;
    end_open(&listening, loop, listen_on_loopback(&address));
    socket_accept_start(loop, &listening.socket);
    suite_turns(loop, 2);
    socket_accept_stop(loop, &listening.socket);
    suite_turns(loop, 2);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect_eq(connect(fd, (struct sockaddr *)&address.storage, address.size), 0);
    suite_turns(loop, 5);
    expect_eq(listening.accepted_count, 0);
    socket_accept_start(loop, &listening.socket);
    TURN_UNTIL(loop, listening.accepted_count == 1);
    socket_accept_stop(loop, &listening.socket);
    socket_accept_start(loop, &listening.socket);
    int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect_eq(connect(other, (struct sockaddr *)&address.storage, address.size), 0);
    TURN_UNTIL(loop, listening.accepted_count == 2);
    close(listening.accepted[0]);
    close(listening.accepted[1]);
    close(fd);
    close(other);
    end_close(&listening);
    loop_destroy(loop);
}

void suite_refused_connect(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct address address;
    close(listen_on_loopback(&address));
    struct end end;
    end_open(&end, loop, socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    socket_connect(loop, &end.socket, (struct sockaddr *)&address.storage, address.size);
    TURN_UNTIL(loop, end.connecteds == 1);
    expect_eq(end.connect_result, -ECONNREFUSED);
    end_close(&end);
    loop_destroy(loop);
}

void suite_close_while_connecting_and_accepting(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct address address;
    struct end listening;
    struct end end;
    end_open(&listening, loop, listen_on_loopback(&address));
    socket_accept_start(loop, &listening.socket);
    end_open(&end, loop, socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    socket_connect(loop, &end.socket, (struct sockaddr *)&address.storage, address.size);
    end_close(&end);
    expect_eq(end.connecteds, 0);
    end_close(&listening);
    for (unsigned i = 0; i < listening.accepted_count; i++)
        close(listening.accepted[i]);
    loop_destroy(loop);
}

void suite_who_is_accepted_while_closing_sees_an_end(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct address address;
    struct end listening;
    int clients[5];
    end_open(&listening, loop, listen_on_loopback(&address));
    socket_accept_start(loop, &listening.socket);
    suite_turns(loop, 2);
    for (unsigned i = 0; i < 5; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        expect_eq(connect(clients[i], (struct sockaddr *)&address.storage, address.size), 0);
    }
    loop_submit(loop); /* with io_uring they are accepted here, and told of in the next poll */
    end_close(&listening);
    expect_eq(listening.accepted_count, 0);
    for (unsigned i = 0; i < 5; i++) {
        const struct timeval limit = {.tv_sec = 5};
        char byte;
        expect_eq(setsockopt(clients[i], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
        ssize_t count = recv(clients[i], &byte, 1, 0);
        expect(count == 0 || (count < 0 && errno != EAGAIN), "nobody has closed it");
        close(clients[i]);
    }
    loop_destroy(loop);
}

/* -- watches, timers, waiting -- */

struct suite_watch {
    struct loop_watch watch;
    struct loop *loop;
    unsigned calls;
    bool is_reading;
    bool is_stopping;          /* itself */
    struct suite_watch *stops; /* the other */
};

static void on_suite_watch(struct loop_watch *watch)
{
    struct suite_watch *self = (struct suite_watch *)(void *)watch;
    uint64_t value;
    self->calls++;
    if (self->is_reading)
        expect_eq(read(watch->fd, &value, sizeof(value)), sizeof(value));
    if (self->is_stopping)
        loop_watch_stop(self->loop, watch);
    if (self->stops != NULL)
        loop_watch_stop(self->loop, &self->stops->watch);
}

void suite_watch_is_level_triggered(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct suite_watch watch = {.loop = loop};
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    expect_eq(loop_watch_start(loop, &watch.watch, fd, on_suite_watch), 0);
    suite_turns(loop, 3);
    expect_eq(watch.calls, 0);
    uint64_t one = 1;
    expect_eq(write(fd, &one, sizeof(one)), sizeof(one));
    TURN_UNTIL(loop, watch.calls == 3);
    watch.is_reading = true;
    TURN_UNTIL(loop, watch.calls == 4);
    suite_turns(loop, 5);
    expect_eq(watch.calls, 4);
    expect_eq(write(fd, &one, sizeof(one)), sizeof(one));
    watch.is_stopping = true;
    TURN_UNTIL(loop, watch.calls == 5);
    expect_eq(write(fd, &one, sizeof(one)), sizeof(one));
    suite_turns(loop, 5);
    expect_eq(watch.calls, 5);
    close(fd);
    loop_destroy(loop);
}

void suite_watch_stopped_by_another_in_the_same_turn(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct suite_watch watches[2] = {{.loop = loop, .is_reading = true},
                                     {.loop = loop, .is_reading = true}};
    int fds[2];
    for (int i = 0; i < 2; i++) {
        fds[i] = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
        watches[i].stops = &watches[1 - i];
        expect_eq(loop_watch_start(loop, &watches[i].watch, fds[i], on_suite_watch), 0);
    }
    TURN_UNTIL(loop, watches[0].calls + watches[1].calls == 1);
    suite_turns(loop, 5);
    expect_eq(watches[0].calls + watches[1].calls, 1);
    loop_watch_stop(loop, &watches[0].watch);
    loop_watch_stop(loop, &watches[1].watch);
    loop_watch_stop(loop, &watches[1].watch);
    /* The struct may be used again at once. */
    expect_eq(loop_watch_start(loop, &watches[0].watch, fds[0], on_suite_watch), 0);
    loop_watch_stop(loop, &watches[0].watch);
    expect_eq(loop_watch_start(loop, &watches[0].watch, fds[1], on_suite_watch), 0);
    loop_watch_stop(loop, &watches[0].watch);
    suite_turns(loop, 3);
    close(fds[0]);
    close(fds[1]);
    loop_destroy(loop);
}

static unsigned suite_timer_calls;
static void on_suite_timer(struct timer *timer)
{
    (void)timer;
    suite_timer_calls++;
}

void suite_waiting_ends_with_the_limit_and_with_timers(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    int64_t before_us = clock_read_us();
    loop_poll(loop, 3000);
    int64_t waited_us = clock_read_us() - before_us;
    expect_geq(waited_us, 2900, "waited only %ld us", (long)waited_us);
    struct timer timer;
    timer_init(&timer, on_suite_timer);
    timer_start(loop_timers(loop), &timer, 20);
    before_us = clock_read_us();
    while (suite_timer_calls == 0)
        loop_poll(loop, -1);
    waited_us = clock_read_us() - before_us;
    expect_geq(waited_us, 15000);
    expect_geq(io_stat_read(loop_stats(loop)->waits), 2);
    timer_start(loop_timers(loop), &timer, 5);
    before_us = clock_read_us();
    while (suite_timer_calls == 1)
        loop_poll(loop, 100000000);
    expect_lt(clock_read_us() - before_us, 50000000);
    loop_destroy(loop);
}

void suite_a_send_completion_alone_does_not_keep_the_loop_awake(enum loop_backend backend)
{
    struct loop *loop = suite_begin(backend);
    struct end end;
    int peer = open_receiving(&end, loop, unix_pair);
    suite_turns(loop, 2);
    for (unsigned i = 0; i < 3; i++) {
        end_send(&end, "ping", 4);
        uint64_t waits = loop_stats(loop)->waits;
        loop_poll(loop, 2000);
        expect_eq(end.sents, i + 1);
        expect_eq(loop_stats(loop)->waits, waits + 1);
    }
    finish(&end, peer);
}

void suite_what_was_submitted_is_out_before_the_loop_waits(enum loop_backend backend)
{
    enum { COUNT = 8 }; /* more than are sent without a request */
    struct loop *loop = suite_begin(backend);
    struct end ends[COUNT];
    int peers[COUNT];
    for (unsigned i = 0; i < COUNT; i++)
        peers[i] = open_receiving(&ends[i], loop, unix_pair);
    suite_turns(loop, 2);
    for (unsigned i = 0; i < COUNT; i++)
        end_send(&ends[i], "ping", 4);
    loop_submit(loop);
    char text[5] = "";
    for (unsigned i = 0; i < COUNT; i++)
        expect_eq(recv(peers[i], text, sizeof(text), MSG_DONTWAIT), 4);
    expect_eq(memcmp(text, "ping", 4), 0);
    loop_submit(loop); /* nothing is left: no effect */
    size_t completed = loop_poll(loop, 0);
    expect_geq(completed, backend == LOOP_BACKEND_URING ? COUNT : 0);
    for (unsigned i = 0; i < COUNT; i++) {
        expect_eq(ends[i].sents, 1);
        end_close(&ends[i]);
        close(peers[i]);
    }
    loop_destroy(loop);
}
