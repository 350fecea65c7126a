/* Connections on both backends: over plain sockets, and over a small framing transport of this file
 * that stands in for TLS (a handshake of one byte each way, records with a two-byte header, a
 * goodbye). It replaces transport_tls_create, so that no TLS library takes part.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/byte_pool.h"
#include "io/connection.h"
#include "io/timer.h"
#include "io/transport_tls.h"
#include "raw_bytes.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* -- the framing transport -- */

enum { RECORD_MAX = 16384, GOODBYE = 0xffff, PADDING = 'p' };

struct framed {
    struct transport transport;
    bool is_server;
    bool is_greeted; /* our half of the handshake is out */
    bool is_done;
    size_t header_size; /* of it was read */
    unsigned char header[2];
    size_t wanted; /* payload of the record being read */
    size_t plain_size;
    size_t plain_offset;
    char plain[RECORD_MAX];
};

static unsigned records_written;
static size_t record_size_max;
static unsigned goodbyes;

static enum transport_result framed_handshake(struct transport *transport,
                                              struct transport_wire *wire)
{
    struct framed *self = (struct framed *)(void *)transport;
    char byte;
    if (!self->is_server && !self->is_greeted) {
        memcpy(wire_reserve(wire, 1), "H", 1);
        wire_commit(wire, 1);
        self->is_greeted = true;
    }
    size_t taken = 0;
    while ((taken = wire_take(wire, &byte, 1)) == 1 && byte == PADDING)
        continue;
    if (taken == 0) {
        if (!wire->in_ended || wire->in_size > 0)
            return TRANSPORT_NEED_INPUT;
        wire->error = "the peer left in the handshake";
        return TRANSPORT_ERROR;
    }
    if (byte != (self->is_server ? 'H' : 'h')) {
        memcpy(wire_reserve(wire, 5), "alert", 5);
        wire_commit(wire, 5);
        wire->error = "not a greeting";
        return TRANSPORT_ERROR;
    }
    if (self->is_server) {
        memcpy(wire_reserve(wire, 1), "h", 1);
        wire_commit(wire, 1);
    }
    self->is_done = true;
    return TRANSPORT_DONE;
}

static enum transport_result framed_end(struct transport_wire *wire,
                                        enum connection_outcome outcome)
{
    wire->outcome = outcome;
    return TRANSPORT_CLOSED;
}

/* Nothing could be taken. */
static enum transport_result framed_need(struct transport_wire *wire)
{
    if (wire->in_ended && wire->in_size == 0)
        return framed_end(wire, OUTCOME_CLOSED_TRUNCATED);
    return TRANSPORT_NEED_INPUT;
}

static enum transport_result framed_read(struct transport *transport, struct transport_wire *wire,
                                         char *destination, size_t size, size_t *count)
{
    struct framed *self = (struct framed *)(void *)transport;
    if (self->wanted == GOODBYE)
        return framed_end(wire, OUTCOME_CLOSED_CLEAN);
    while (self->header_size < 2 || self->plain_size < self->wanted) {
        if (self->header_size < 2) {
            size_t part = wire_take(wire, self->header + self->header_size, 2 - self->header_size);
            self->header_size += part;
            if (part == 0)
                return framed_need(wire);
            self->wanted = (size_t)self->header[0] << 8 | self->header[1];
            if (self->header_size < 2)
                continue;
            if (self->wanted == GOODBYE)
                return framed_end(wire, OUTCOME_CLOSED_CLEAN);
            if (self->wanted == 0 || self->wanted > RECORD_MAX) {
                wire->error = "bad record";
                wire->outcome = OUTCOME_PROTOCOL_ERROR;
                return TRANSPORT_ERROR;
            }
        }
        size_t part =
            wire_take(wire, self->plain + self->plain_size, self->wanted - self->plain_size);
        self->plain_size += part;
        if (part == 0)
            return framed_need(wire);
    }
    size_t left = self->plain_size - self->plain_offset;
    *count = size < left ? size : left;
    memcpy(destination, self->plain + self->plain_offset, *count);
    self->plain_offset += *count;
    if (self->plain_offset == self->wanted)
        self->header_size = self->plain_size = self->plain_offset = 0;
    return TRANSPORT_DONE;
}

static enum transport_result framed_write(struct transport *transport, struct transport_wire *wire,
                                          const char *source, size_t size, size_t *count)
{
    (void)transport;
    cr_assert_gt(size, 0);
    cr_assert_leq(size, (size_t)RECORD_MAX);
    char *to = wire_reserve(wire, size + 2);
    if (to == NULL)
        return TRANSPORT_NEED_OUTPUT;
    to[0] = (char)(size >> 8);
    to[1] = (char)size;
    memcpy(to + 2, source, size);
    wire_commit(wire, size + 2);
    *count = size;
    records_written++;
    if (size > record_size_max)
        record_size_max = size;
    return TRANSPORT_DONE;
}

static bool framed_has_pending(const struct transport *transport)
{
    const struct framed *self = (const struct framed *)(const void *)transport;
    return self->plain_offset < self->plain_size && self->plain_size == self->wanted;
}

static void framed_shutdown(struct transport *transport, struct transport_wire *wire)
{
    struct framed *self = (struct framed *)(void *)transport;
    if (!self->is_done)
        return;
    char *to = wire_reserve(wire, 2);
    if (to == NULL)
        return;
    memset(to, 0xff, 2);
    wire_commit(wire, 2);
    goodbyes++;
}

static void framed_destroy(struct transport *transport)
{
    mem_free(transport);
}

static const struct transport_ops framed_ops = {
    .name = "framed",
    .handshake = framed_handshake,
    .read = framed_read,
    .write = framed_write,
    .has_pending = framed_has_pending,
    .shutdown = framed_shutdown,
    .destroy = framed_destroy,
};

static bool is_transport_refused;

struct transport *transport_tls_create(const struct tls_transport_options *options)
{
    if (is_transport_refused)
        return NULL;
    struct framed *self = mem_calloc(1, sizeof(*self));
    self->transport.ops = &framed_ops;
    self->is_server = options->is_server;
    return &self->transport;
}

void transport_tls_set_stats(struct transport *transport, struct io_stats *stats)
{
    (void)transport;
    (void)stats; /* it counts nothing */
}

/* Never looked into. */
static struct tls_context *framed_context(void)
{
    static char context;
    return (struct tls_context *)(void *)&context;
}

/* -- a party: what happens to a connection -- */

struct party {
    struct connection *connection;
    char *received;
    size_t received_size;
    size_t received_capacity;
    size_t read_max;    /* bytes a call of connection_read; 0: 64 KB */
    unsigned reads_max; /* reads a callback; 0: until it wants input */
    unsigned opens;
    unsigned readables;
    unsigned writables;
    unsigned closes;
    enum connection_outcome outcome;
    char text[300];
    const char *source; /* being sent as room allows */
    size_t source_size;
    size_t source_offset;
    bool is_echo;
    bool closes_when_open;
    bool closes_when_readable;
};

static struct loop *loop;

static void push_source(struct party *party)
{
    while (party->source_offset < party->source_size) {
        struct iovec slice = {.iov_base = (char *)(uintptr_t)party->source + party->source_offset,
                              .iov_len = party->source_size - party->source_offset};
        size_t taken = connection_write(party->connection, &slice, 1);
        party->source_offset += taken;
        if (taken < slice.iov_len)
            return;
    }
}

static void on_opened(struct connection *connection)
{
    struct party *party = connection_owner(connection);
    party->opens++;
    cr_assert_eq(party->opens, 1);
    cr_assert(connection_is_open(connection));
    cr_assert_eq(connection_loop(connection), loop);
    party->connection = connection;
    push_source(party);
    if (party->closes_when_open)
        connection_close(connection, CONNECTION_CLOSE_NOW);
}

static void record(struct party *party, const char *data, size_t size)
{
    if (party->received_size + size > party->received_capacity) {
        party->received_capacity = (party->received_size + size) * 2;
        party->received = realloc(party->received, party->received_capacity);
    }
    memcpy(party->received + party->received_size, data, size);
    party->received_size += size;
}

static void on_readable(struct connection *connection)
{
    struct party *party = connection_owner(connection);
    static char buffer[65536];
    cr_assert_eq(party->opens, 1);
    cr_assert_eq(party->closes, 0);
    party->readables++;
    if (party->closes_when_readable) {
        connection_close(connection, CONNECTION_CLOSE_NOW);
        return;
    }
    for (unsigned i = 0; party->reads_max == 0 || i < party->reads_max; i++) {
        size_t count = 0;
        size_t size = party->read_max != 0 ? party->read_max : sizeof(buffer);
        enum transport_result result = connection_read(connection, buffer, size, &count);
        if (result != TRANSPORT_DONE) {
            cr_assert_eq(count, 0);
            return;
        }
        cr_assert_gt(count, 0);
        record(party, buffer, count);
        if (party->is_echo) {
            struct iovec slice = {.iov_base = buffer, .iov_len = count};
            cr_assert_eq(connection_write(connection, &slice, 1), count);
        }
    }
}

static void on_writable(struct connection *connection)
{
    struct party *party = connection_owner(connection);
    party->writables++;
    push_source(party);
}

static void on_closed(struct connection *connection, enum connection_outcome outcome,
                      const char *text)
{
    struct party *party = connection_owner(connection);
    cr_assert_eq(party->closes, 0, "on_closed twice");
    cr_assert_not(connection_is_open(connection));
    party->closes++;
    party->outcome = outcome;
    snprintf(party->text, sizeof(party->text), "%s", text);
    party->connection = NULL;
}

static const struct connection_handler handler = {.on_opened = on_opened,
                                                  .on_readable = on_readable,
                                                  .on_writable = on_writable,
                                                  .on_closed = on_closed};

static struct connection_options options_of(struct party *party, bool is_framed)
{
    return (struct connection_options){
        .handler = &handler, .owner = party, .tls = is_framed ? framed_context() : NULL};
}

static void forget(struct party *party)
{
    free(party->received);
    *party = (struct party){0};
}

/* -- turns and sockets -- */

static void turns(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        loop_poll(loop, 0);
        loop_flush(loop);
    }
}

#define TURN_UNTIL(condition)                                                                      \
    do {                                                                                           \
        int64_t limit_us_ = clock_read_us() + 10000000;                                            \
        while (!(condition)) {                                                                     \
            cr_assert_lt(clock_read_us(), limit_us_, "never happened: %s", #condition);            \
            loop_poll(loop, 10000);                                                                \
            loop_flush(loop);                                                                      \
        }                                                                                          \
    } while (0)

/* Runs the test on each backend there is; nothing may be left on the loop. */
static void on_both(void (*test)(void))
{
    static const enum loop_backend backends[] = {LOOP_BACKEND_EPOLL, LOOP_BACKEND_URING};
    mem_init();
    log_init();
    log_set_level(LOG_NOTHING_);
    for (unsigned i = 0; i < 2; i++) {
        char error[256];
        const struct loop_options options = {.backend = backends[i]};
        loop = loop_create(&options, error);
        if (loop == NULL)
            continue;
        records_written = 0;
        record_size_max = 0;
        goodbyes = 0;
        test();
        TURN_UNTIL(loop_stats(loop)->connections == 0);
        cr_assert_eq(loop_stats(loop)->handshakes_in_flight, 0);
        loop_destroy(loop);
    }
}

static int listening = -1;

static struct address listen_on_loopback(void)
{
    struct address address;
    listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(address_parse("127.0.0.1", 0, &address), 0);
    cr_assert_eq(bind(listening, (struct sockaddr *)&address.storage, address.size), 0);
    cr_assert_eq(listen(listening, 511), 0);
    cr_assert_eq(getsockname(listening, (struct sockaddr *)&address.storage, &address.size), 0);
    return address;
}

static int accept_one(void)
{
    int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    cr_assert_geq(fd, 0);
    return fd;
}

/* `right` accepts, `left` connects. */
static void join(struct party *left, struct party *right, bool is_framed)
{
    struct address address = listen_on_loopback();
    struct connection_options options = options_of(left, is_framed);
    left->connection = connection_connect(loop, &address, &options);
    cr_assert_not_null(left->connection);
    cr_assert_not(connection_is_open(left->connection));
    turns(2); /* io_uring starts to connect with the turn */
    options = options_of(right, is_framed);
    right->connection = connection_accept(loop, accept_one(), &options);
    cr_assert_eq(left->opens + right->opens, left->opens, "on_opened inside connection_accept");
    close(listening);
}

static void join_open(struct party *left, struct party *right, bool is_framed)
{
    join(left, right, is_framed);
    TURN_UNTIL(left->opens == 1 && right->opens == 1);
}

/* A connection of ours, and the descriptor of its peer. */
/* Of join_raw; long enough for a slow machine where the handshake is to succeed. */
static int64_t raw_handshake_timeout_ms = 20000;

static int join_raw(struct party *party, bool is_framed)
{
    struct address address = listen_on_loopback();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address.storage, address.size), 0);
    struct connection_options options = options_of(party, is_framed);
    options.handshake_timeout_ms = raw_handshake_timeout_ms;
    party->connection = connection_accept(loop, accept_one(), &options);
    cr_assert_not_null(party->connection);
    cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    close(listening);
    return fd;
}

static void close_both(struct party *left, struct party *right)
{
    if (left->connection != NULL)
        connection_close(left->connection, CONNECTION_CLOSE_NOW);
    TURN_UNTIL(left->closes == 1);
    if (right->connection != NULL)
        connection_close(right->connection, CONNECTION_CLOSE_NOW);
    TURN_UNTIL(right->closes == 1);
    forget(left);
    forget(right);
}

static void write_text(struct party *party, const char *text)
{
    struct iovec slice = {.iov_base = (char *)(uintptr_t)text, .iov_len = strlen(text)};
    cr_assert_eq(connection_write(party->connection, &slice, 1), strlen(text));
}

/* -- transfers -- */

static void echo(bool is_framed)
{
    static struct party left;
    static struct party right;
    right.is_echo = true;
    join_open(&left, &right, is_framed);
    struct random_state random;
    random_state_seed(&random, 5);
    for (unsigned round = 0; round < 40; round++) {
        size_t size = 1 + (size_t)(random_state_next(&random) % (round % 4 == 0 ? 100000 : 3000));
        char *data = random_bytes(size, round);
        left.received_size = 0;
        right.read_max = round % 3 == 0 ? 1000 : 0;
        struct iovec slice = {.iov_base = data, .iov_len = size};
        cr_assert_eq(connection_write(left.connection, &slice, 1), size);
        TURN_UNTIL(left.received_size >= size);
        cr_assert_eq(left.received_size, size);
        cr_assert_eq(memcmp(left.received, data, size), 0);
        free(data);
    }
    close_both(&left, &right);
}

static void plain_echo(void)
{
    echo(false);
}

static void framed_echo(void)
{
    echo(true);
}

Test(connection, echoes_plain)
{
    on_both(plain_echo);
}

Test(connection, echoes_framed)
{
    on_both(framed_echo);
}

/* Far more than the window, against a reader that reads little at a time. */
static void stream(bool is_framed)
{
    static struct party left;
    static struct party right;
    size_t size = 3 * 1024 * 1024;
    char *data = random_bytes(size, 8);
    left.source = data;
    left.source_size = size;
    right.read_max = 5000;
    right.reads_max = 7;
    join(&left, &right, is_framed);
    TURN_UNTIL(right.received_size >= size);
    cr_assert_eq(memcmp(right.received, data, size), 0);
    cr_assert_gt(left.writables, 0);
    cr_assert_eq(connection_output_size(left.connection), 0);
    close_both(&left, &right);
    free(data);
}

static void plain_stream(void)
{
    stream(false);
}

static void framed_stream(void)
{
    stream(true);
}

Test(connection, streams_through_its_window_plain)
{
    on_both(plain_stream);
}

Test(connection, streams_through_its_window_framed)
{
    on_both(framed_stream);
    cr_assert_eq(record_size_max, (size_t)RECORD_MAX);
}

/* Small slices travel in full records, in one send. */
static void gathering(void)
{
    static struct party left;
    static struct party right;
    join_open(&left, &right, true);
    char *data = random_bytes(70000, 12);
    struct iovec slices[200];
    size_t offset = 0;
    for (unsigned i = 0; i < 200; i++) {
        /* Empty ones, small ones, and two that fill records of their own. */
        size_t size = i % 10 == 3 ? 0 : i == 50 || i == 51 ? 16384 : 100 + i % 7;
        slices[i] = (struct iovec){.iov_base = data + offset, .iov_len = size};
        offset += size;
    }
    records_written = 0;
    uint64_t writes = loop_stats(loop)->writes;
    cr_assert_eq(connection_write(left.connection, slices, 200), offset);
    cr_assert_eq(records_written, (offset + RECORD_MAX - 1) / RECORD_MAX);
    TURN_UNTIL(right.received_size == offset);
    cr_assert_eq(memcmp(right.received, data, offset), 0);
    TURN_UNTIL(connection_output_size(left.connection) == 0);
    cr_assert_eq(loop_stats(loop)->writes, writes + 1);
    close_both(&left, &right);
    free(data);
}

Test(connection, gathers_small_slices_into_full_records)
{
    on_both(gathering);
}

static void many_writes(void)
{
    static struct party left;
    static struct party right;
    join_open(&left, &right, false);
    uint64_t writes = loop_stats(loop)->writes;
    for (unsigned i = 0; i < 100; i++)
        write_text(&left, "a little ");
    TURN_UNTIL(right.received_size == 900);
    TURN_UNTIL(connection_output_size(left.connection) == 0);
    cr_assert_eq(loop_stats(loop)->writes, writes + 1);
    cr_assert_geq(loop_stats(loop)->bytes_out, 900);
    cr_assert_geq(loop_stats(loop)->bytes_in, 900);
    close_both(&left, &right);
}

Test(connection, sends_once_a_turn)
{
    on_both(many_writes);
}

/* -- reading: quantum, pause, ends -- */

static void quantum(void)
{
    static struct party busy;
    static struct party quiet;
    int busy_fd = join_raw(&busy, false);
    int quiet_fd = join_raw(&quiet, false);
    TURN_UNTIL(busy.opens == 1 && quiet.opens == 1);
    busy.read_max = 10;
    busy.reads_max = 1;
    char data[2000] = {0};
    write_all(busy_fd, data, sizeof(data));
    TURN_UNTIL(busy.received_size > 0);
    write_all(quiet_fd, "word", 4);
    size_t before = busy.received_size;
    TURN_UNTIL(quiet.received_size == 4);
    cr_assert_lt(busy.received_size - before, 200, "the busy one had more than its quanta");
    /* No input comes any more, yet each turn offers what is left, without waiting. */
    uint64_t waits = loop_stats(loop)->waits;
    TURN_UNTIL(busy.received_size == sizeof(data));
    cr_assert_leq(loop_stats(loop)->waits, waits + 1);
    close(busy_fd);
    close(quiet_fd);
    TURN_UNTIL(busy.closes == 1 && quiet.closes == 1);
    cr_assert_eq(busy.outcome, OUTCOME_CLOSED_CLEAN);
    cr_assert_str_eq(busy.text, "");
    forget(&busy);
    forget(&quiet);
}

Test(connection, what_is_left_is_offered_again)
{
    on_both(quantum);
}

/* What came while others were served is not read in one go, and its end does not overtake it. */
static void bounded(bool is_framed)
{
    static struct party greedy;
    int fd = join_raw(&greedy, is_framed);
    if (is_framed)
        write_all(fd, "H", 1);
    TURN_UNTIL(greedy.opens == 1);
    char greeting;
    if (is_framed) /* unread, it would make a reset of the end */
        TURN_UNTIL(read(fd, &greeting, 1) == 1);
    enum { SIZE = 1000 * 1000, RECORD = 10 * 1000 };
    char *data = random_bytes(SIZE, 3);
    for (size_t at = 0; is_framed && at < SIZE; at += RECORD) {
        data[at] = (char)((RECORD - 2) >> 8);
        data[at + 1] = (char)(RECORD - 2);
    }
    size_t written = 0;
    size_t turn_max = 0;
    for (ssize_t part = 0; greedy.closes == 0; part = 0) {
        while (written < SIZE && (part = write(fd, data + written, SIZE - written)) > 0)
            written += (size_t)part;
        if (written == SIZE && fd >= 0) {
            close(fd);
            fd = -1;
        }
        size_t before = greedy.received_size;
        turns(1);
        if (greedy.received_size - before > turn_max)
            turn_max = greedy.received_size - before;
    }
    cr_assert_leq(turn_max, (size_t)WIRE_TURN_SIZE_MAX + RECORD); /* a record begun before */
    cr_assert_gt(turn_max, 0);
    cr_assert_eq(greedy.received_size, is_framed ? SIZE - SIZE / RECORD * 2 : SIZE);
    cr_assert(is_framed || memcmp(greedy.received, data, SIZE) == 0);
    cr_assert_eq(greedy.outcome, is_framed ? OUTCOME_CLOSED_TRUNCATED : OUTCOME_CLOSED_CLEAN);
    forget(&greedy);
    free(data);
}

static void bounded_plain(void)
{
    bounded(false);
}

static void bounded_framed(void)
{
    bounded(true);
}

Test(connection, a_turn_takes_so_much_of_the_wire_plain)
{
    on_both(bounded_plain);
}

Test(connection, a_turn_takes_so_much_of_the_wire_framed)
{
    on_both(bounded_framed);
}

/* Plaintext that the transport holds is offered though the wire has nothing. */
static void pending(void)
{
    static struct party left;
    static struct party right;
    join_open(&left, &right, true);
    right.read_max = 100;
    right.reads_max = 1;
    char data[1000] = {1};
    struct iovec slice = {.iov_base = data, .iov_len = sizeof(data)};
    connection_write(left.connection, &slice, 1);
    TURN_UNTIL(right.received_size == sizeof(data));
    cr_assert_eq(right.readables, 10);
    turns(3);
    cr_assert_eq(right.readables, 10, "offered without anything to read");
    close_both(&left, &right);
}

Test(connection, pending_plaintext_is_offered_again)
{
    on_both(pending);
}

static void pausing(void)
{
    static struct party party;
    int fd = join_raw(&party, false);
    TURN_UNTIL(party.opens == 1);
    connection_pause_reading(party.connection);
    const size_t size = 4 * 1024 * 1024;
    char *data = random_bytes(size, 6);
    size_t written = 0;
    for (unsigned i = 0; i < 400 && written < size; i++) {
        size_t left = size - written;
        ssize_t part = write(fd, data + written, left < 50000 ? left : 50000);
        if (part > 0)
            written += (size_t)part;
        turns(1);
    }
    cr_assert_eq(party.readables, 0);
    size_t memory = connection_memory(party.connection);
    cr_assert_lt(memory, 30 * 20480u, "a paused connection holds %zu bytes", memory);
    connection_resume_reading(party.connection);
    TURN_UNTIL(party.received_size == written);
    cr_assert_eq(memcmp(party.received, data, written), 0);
    /* Paused with bytes unread, resumed without more coming. */
    connection_pause_reading(party.connection);
    write_all(fd, "tail", 4);
    turns(5);
    cr_assert_eq(party.received_size, written);
    connection_resume_reading(party.connection);
    TURN_UNTIL(party.received_size == written + 4);
    close(fd);
    TURN_UNTIL(party.closes == 1);
    forget(&party);
    free(data);
}

Test(connection, pausing_bounds_what_is_received)
{
    on_both(pausing);
}

/* More than a turn may take, and nothing follows it. */
static void long_handshake(void)
{
    static struct party party;
    static char greeting[200000];
    int fd = join_raw(&party, true);
    memset(greeting, PADDING, sizeof(greeting));
    greeting[sizeof(greeting) - 1] = 'H';
    write_all(fd, greeting, sizeof(greeting));
    TURN_UNTIL(party.opens == 1);
    connection_close(party.connection, CONNECTION_CLOSE_NOW);
    TURN_UNTIL(party.closes == 1);
    close(fd);
    forget(&party);
}

Test(connection, a_long_handshake_goes_on_in_the_next_turn)
{
    on_both(long_handshake);
}

/* The kernel takes nothing from the first byte on: nothing but time ends it. */
static void blocked_drain(void)
{
    static struct party party;
    int fd = join_raw(&party, false);
    TURN_UNTIL(party.opens == 1);
    char data[1000] = {0};
    while (send(connection_fd(party.connection), data, sizeof(data), MSG_DONTWAIT) > 0)
        continue;
    struct iovec slice = {.iov_base = data, .iov_len = sizeof(data)};
    connection_write(party.connection, &slice, 1);
    cr_assert_eq(timers_next_ms(loop_timers(loop)), -1);
    connection_close(party.connection, CONNECTION_CLOSE_AFTER_OUTPUT);
    turns(3);
    cr_assert_eq(party.closes, 0);
    int64_t left_ms = timers_next_ms(loop_timers(loop));
    cr_assert(left_ms >= 0 && left_ms <= CONNECTION_DRAIN_STALL_MS);
    connection_close(party.connection, CONNECTION_CLOSE_NOW);
    TURN_UNTIL(party.closes == 1);
    close(fd);
    forget(&party);
}

Test(connection, a_drain_that_cannot_begin_is_timed)
{
    on_both(blocked_drain);
}

/* A forked child has copies of all descriptors. */
static void closing_with_a_copy(void)
{
    static struct party party;
    int fd = join_raw(&party, false);
    TURN_UNTIL(party.opens == 1);
    int copy = dup(connection_fd(party.connection));
    connection_close(party.connection, CONNECTION_CLOSE_NOW);
    char byte;
    ssize_t count = -1;
    TURN_UNTIL((count = read(fd, &byte, 1)) >= 0);
    cr_assert_eq(count, 0);
    close(copy);
    close(fd);
    forget(&party);
}

Test(connection, the_peer_sees_the_end_though_there_is_a_copy)
{
    on_both(closing_with_a_copy);
}

/* Who reads slowly holds so much and no more; what was under way is taken still. */
static void lagging(void)
{
    static struct party party;
    int fd = join_raw(&party, false);
    TURN_UNTIL(party.opens == 1);
    party.read_max = 10;
    party.reads_max = 1;
    char *data = random_bytes(100000, 6);
    for (unsigned i = 0; i < 400; i++) {
        (void)!write(fd, data, 100000);
        turns(1);
    }
    size_t memory = connection_memory(party.connection);
    cr_assert_gt(memory, 15 * 20000u);
    cr_assert_lt(memory, (16 + 64) * 20480u, "it holds %zu bytes", memory);
    cr_assert_eq(party.received_size, party.readables * 10);
    connection_close(party.connection, CONNECTION_CLOSE_NOW);
    TURN_UNTIL(party.closes == 1);
    close(fd);
    forget(&party);
    free(data);
}

Test(connection, a_reader_that_lags_bounds_what_is_received)
{
    on_both(lagging);
}

static void end_after_bytes(void)
{
    static struct party party;
    int fd = join_raw(&party, false);
    TURN_UNTIL(party.opens == 1);
    party.read_max = 7;
    party.reads_max = 2;
    char *data = random_bytes(3000, 1);
    connection_pause_reading(party.connection);
    write_all(fd, data, 3000);
    close(fd);
    turns(5);
    cr_assert_eq(party.closes, 0);
    connection_resume_reading(party.connection);
    TURN_UNTIL(party.closes == 1);
    cr_assert_eq(party.received_size, 3000);
    cr_assert_eq(memcmp(party.received, data, 3000), 0);
    cr_assert_eq(party.outcome, OUTCOME_CLOSED_CLEAN);
    cr_assert_eq(loop_stats(loop)->closed_clean, 0); /* it counts TLS alone */
    forget(&party);
    free(data);
}

Test(connection, the_end_comes_after_the_bytes)
{
    on_both(end_after_bytes);
}

static void deferred_end(void)
{
    static struct party party;
    int fd = join_raw(&party, false);
    TURN_UNTIL(party.opens == 1);
    connection_defer_end(party.connection, true);
    write_all(fd, "request", 7);
    shutdown(fd, SHUT_WR);
    TURN_UNTIL(party.received_size == 7);
    turns(10);
    cr_assert_eq(party.closes, 0);
    cr_assert_lt(party.readables, 5, "offered again and again");
    write_text(&party, "reply");
    connection_defer_end(party.connection, false);
    TURN_UNTIL(party.closes == 1);
    cr_assert_eq(party.outcome, OUTCOME_CLOSED_CLEAN);
    char reply[16];
    cr_assert_eq(read(fd, reply, sizeof(reply)), 5);
    cr_assert_eq(memcmp(reply, "reply", 5), 0);
    cr_assert_eq(read(fd, reply, sizeof(reply)), 0);
    close(fd);
    forget(&party);
}

Test(connection, a_deferred_end_leaves_time_to_answer)
{
    on_both(deferred_end);
}

/* The peer says goodbye, which ends its stream, and waits for ours: no FIN comes. */
static void deferred_goodbye(void)
{
    static struct party party;
    int fd = join_raw(&party, true);
    write_all(fd, "H", 1);
    TURN_UNTIL(party.opens == 1);
    connection_defer_end(party.connection, true);
    write_all(fd, "\0\7request\377\377", 11);
    TURN_UNTIL(party.received_size == 7);
    turns(10);
    cr_assert_eq(party.closes, 0);
    cr_assert_lt(party.readables, 5, "offered again and again");
    write_text(&party, "reply");
    connection_defer_end(party.connection, false);
    TURN_UNTIL(party.closes == 1);
    cr_assert_eq(party.outcome, OUTCOME_CLOSED_CLEAN);
    char reply[16];
    cr_assert_eq(read(fd, reply, sizeof(reply)), 10);
    cr_assert_arr_eq(reply, "h\0\5reply\377\377", 10);
    cr_assert_eq(read(fd, reply, sizeof(reply)), 0);
    close(fd);
    forget(&party);
}

Test(connection, a_deferred_goodbye_is_answered)
{
    on_both(deferred_goodbye);
}

static void reset(void)
{
    for (unsigned i = 0; i < 3; i++) {
        static struct party party;
        int fd = join_raw(&party, false);
        TURN_UNTIL(party.opens == 1);
        if (i == 1)
            connection_pause_reading(party.connection);
        if (i == 2)
            connection_defer_end(party.connection, true);
        const struct linger linger = {.l_onoff = 1, .l_linger = 0};
        cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
        close(fd);
        TURN_UNTIL(party.closes == 1);
        cr_assert_eq(party.outcome, OUTCOME_RESET);
        cr_assert_str_eq(party.text, "Connection reset by peer");
        cr_assert_eq(loop_stats(loop)->closed_reset, 0); /* as closed_clean */
        forget(&party);
    }
}

Test(connection, a_reset_ends_it_at_once)
{
    on_both(reset);
}

/* A peer that sent its commands and is gone without reading: the commands count. */
static void bytes_then_broken_pipe(void)
{
    static struct party party;
    int fd = join_raw(&party, false);
    TURN_UNTIL(party.opens == 1);
    party.is_echo = true;
    write_all(fd, "commands", 8);
    close(fd);
    TURN_UNTIL(party.closes == 1);
    cr_assert_eq(party.received_size, 8);
    forget(&party);
}

Test(connection, bytes_of_a_peer_that_is_gone_are_read)
{
    on_both(bytes_then_broken_pipe);
}

/* -- closing -- */

static void close_after_output(bool is_framed)
{
    static struct party left;
    static struct party right;
    size_t size = 100000;
    char *data = random_bytes(size, 4);
    join_open(&left, &right, is_framed);
    struct iovec slice = {.iov_base = data, .iov_len = size};
    cr_assert_eq(connection_write(left.connection, &slice, 1), size);
    connection_close(left.connection, CONNECTION_CLOSE_AFTER_OUTPUT);
    connection_close(left.connection, CONNECTION_CLOSE_AFTER_OUTPUT);
    cr_assert_not(connection_is_open(left.connection));
    cr_assert_eq(left.closes, 0, "on_closed inside connection_close");
    /* Writing to a closing connection is taken and dropped. */
    cr_assert_eq(connection_write(left.connection, &slice, 1), size);
    TURN_UNTIL(right.closes == 1 && left.closes == 1);
    cr_assert_eq(right.received_size, size);
    cr_assert_eq(memcmp(right.received, data, size), 0);
    cr_assert_eq(left.outcome, OUTCOME_CLOSED_BY_US);
    cr_assert_eq(right.outcome, OUTCOME_CLOSED_CLEAN, "%d", (int)right.outcome);
    cr_assert_str_eq(left.text, "");
    close_both(&left, &right);
    free(data);
}

static void plain_close_after_output(void)
{
    close_after_output(false);
}

static void framed_close_after_output(void)
{
    close_after_output(true);
}

Test(connection, close_after_output_sends_everything_plain)
{
    on_both(plain_close_after_output);
}

Test(connection, close_after_output_sends_everything_framed)
{
    on_both(framed_close_after_output);
}

static void close_now(void)
{
    static struct party left;
    static struct party right;
    join_open(&left, &right, true);
    connection_close(left.connection, CONNECTION_CLOSE_NOW);
    cr_assert_eq(goodbyes, 1);
    TURN_UNTIL(left.closes == 1 && right.closes == 1);
    cr_assert_eq(right.outcome, OUTCOME_CLOSED_CLEAN, "the goodbye did not arrive");
    forget(&left);
    forget(&right);
    /* With output waiting a goodbye would be out of order: the peer sees a cut stream. */
    join_open(&left, &right, true);
    goodbyes = 0;
    write_text(&left, "dropped");
    connection_close(left.connection, CONNECTION_CLOSE_NOW);
    cr_assert_eq(goodbyes, 0);
    TURN_UNTIL(left.closes == 1 && right.closes == 1);
    cr_assert_eq(right.received_size, 0);
    cr_assert_eq(right.outcome, OUTCOME_CLOSED_TRUNCATED);
    cr_assert_eq(loop_stats(loop)->closed_truncated, 1);
    forget(&left);
    forget(&right);
}

Test(connection, close_now_says_goodbye_when_it_can)
{
    on_both(close_now);
}

static void close_in_callbacks(void)
{
    static struct party left;
    static struct party right;
    left.closes_when_open = true;
    join(&left, &right, false);
    TURN_UNTIL(left.closes == 1 && right.closes == 1);
    cr_assert_eq(left.readables, 0);
    forget(&left);
    forget(&right);
    right.closes_when_readable = true;
    join_open(&left, &right, false);
    write_text(&left, "x");
    TURN_UNTIL(left.closes == 1 && right.closes == 1);
    cr_assert_eq(right.readables, 1);
    forget(&left);
    forget(&right);
    /* Before it is open, and at once. */
    join(&left, &right, true);
    connection_close(left.connection, CONNECTION_CLOSE_AFTER_OUTPUT);
    connection_close(right.connection, CONNECTION_CLOSE_NOW);
    TURN_UNTIL(left.closes == 1 && right.closes == 1);
    cr_assert_eq(left.opens + right.opens, 0);
    forget(&left);
    forget(&right);
}

Test(connection, closes_in_callbacks_and_before_it_is_open)
{
    on_both(close_in_callbacks);
}

/* A closing connection whose peer takes nothing can still be hurried. */
static void hurried(void)
{
    static struct party party;
    int fd = join_raw(&party, false);
    TURN_UNTIL(party.opens == 1);
    char *data = random_bytes(30 * 1024 * 1024, 4);
    party.source = data;
    party.source_size = 30 * 1024 * 1024;
    push_source(&party);
    turns(50);
    cr_assert_gt(connection_output_size(party.connection), 0);
    connection_close(party.connection, CONNECTION_CLOSE_AFTER_OUTPUT);
    turns(5);
    cr_assert_eq(party.closes, 0);
    connection_close(party.connection, CONNECTION_CLOSE_NOW);
    TURN_UNTIL(party.closes == 1);
    close(fd);
    forget(&party);
    free(data);
}

Test(connection, a_drain_can_be_hurried)
{
    on_both(hurried);
}

/* -- connecting and handshakes -- */

static void refused(void)
{
    static struct party party;
    struct address address = listen_on_loopback();
    close(listening);
    struct connection_options options = options_of(&party, false);
    cr_assert_not_null(connection_connect(loop, &address, &options));
    cr_assert_eq(party.closes, 0);
    TURN_UNTIL(party.closes == 1);
    char peer[ADDRESS_TEXT_MAX];
    char expected[300];
    address_format(&address, peer);
    snprintf(expected, sizeof(expected), "Connection refused (peer %s)", peer);
    cr_assert_str_eq(party.text, expected);
    cr_assert_eq(party.outcome, OUTCOME_RESET);
    forget(&party);
    /* No socket at all: a family that is none. */
    address.storage.ss_family = 250;
    cr_assert_not_null(connection_connect(loop, &address, &options));
    cr_assert_eq(party.closes, 0);
    TURN_UNTIL(party.closes == 1);
    cr_assert_neq(party.text[0], '\0');
    forget(&party);
}

Test(connection, a_refused_connect_says_why)
{
    on_both(refused);
}

static void unix_socket(void)
{
    static struct party party;
    struct address address;
    cr_assert_eq(address_unix("/nonexistent/socket", &address), 0);
    struct connection_options options = options_of(&party, false);
    cr_assert_not_null(connection_connect(loop, &address, &options));
    TURN_UNTIL(party.closes == 1);
    cr_assert_str_eq(party.text, "No such file or directory (peer /nonexistent/socket:0)");
    forget(&party);
}

Test(connection, a_missing_unix_socket_says_why)
{
    on_both(unix_socket);
}

static void handshake_timeout(void)
{
    static struct party party;
    raw_handshake_timeout_ms = 30;
    int fd = join_raw(&party, true);
    cr_assert_eq(loop_stats(loop)->handshakes_in_flight, 1);
    TURN_UNTIL(party.closes == 1);
    cr_assert_eq(party.outcome, OUTCOME_HANDSHAKE_TIMEOUT);
    cr_assert_eq(strncmp(party.text, "TLS handshake timed out (peer 127.0.0.1:", 40), 0, "%s",
                 party.text);
    cr_assert_eq(loop_stats(loop)->handshakes_timed_out, 1);
    cr_assert_eq(loop_stats(loop)->handshakes_in_flight, 0);
    cr_assert_eq(party.opens, 0);
    close(fd);
    forget(&party);
}

Test(connection, a_handshake_times_out)
{
    on_both(handshake_timeout);
}

static void handshake_failure(void)
{
    static struct party party;
    int fd = join_raw(&party, true);
    write_all(fd, "GET / HTTP", 10);
    TURN_UNTIL(party.closes == 1);
    cr_assert_eq(party.outcome, OUTCOME_HANDSHAKE_FAILED);
    cr_assert_eq(strncmp(party.text, "TLS handshake failed: not a greeting (peer 127.0.0.1:", 53),
                 0, "%s", party.text);
    char alert[16];
    cr_assert_eq(read(fd, alert, sizeof(alert)), 5, "the alert was not sent");
    close(fd);
    forget(&party);
    fd = join_raw(&party, true);
    close(fd);
    TURN_UNTIL(party.closes == 1);
    cr_assert_eq(party.outcome, OUTCOME_HANDSHAKE_FAILED);
    forget(&party);
}

Test(connection, a_handshake_fails)
{
    on_both(handshake_failure);
}

/* The first record came in the same bytes as the end of the handshake. */
static void same_flight(void)
{
    static struct party party;
    int fd = join_raw(&party, true);
    write_all(fd, "H\0\5hello", 8);
    TURN_UNTIL(party.opens == 1);
    cr_assert_eq(party.received_size, 5);
    cr_assert_eq(memcmp(party.received, "hello", 5), 0);
    char greeting[2];
    TURN_UNTIL(read(fd, greeting, 1) == 1); /* closing with unread bytes would be a reset */
    close(fd);
    TURN_UNTIL(party.closes == 1);
    cr_assert_eq(party.outcome, OUTCOME_CLOSED_TRUNCATED);
    forget(&party);
}

Test(connection, bytes_in_the_flight_of_the_handshake_are_read_at_once)
{
    on_both(same_flight);
}

static void protocol_error(void)
{
    static struct party party;
    int fd = join_raw(&party, true);
    write_all(fd, "H\0\0", 3);
    TURN_UNTIL(party.closes == 1);
    cr_assert_eq(party.outcome, OUTCOME_PROTOCOL_ERROR);
    cr_assert_eq(strncmp(party.text, "TLS error: bad record (peer 127.0.0.1:", 38), 0, "%s",
                 party.text);
    cr_assert_eq(loop_stats(loop)->closed_protocol_error, 1);
    close(fd);
    forget(&party);
}

Test(connection, a_bad_record_is_a_protocol_error)
{
    on_both(protocol_error);
}

static void refused_transport(void)
{
    static struct party party;
    struct address address = listen_on_loopback();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address.storage, address.size), 0);
    struct connection_options options = options_of(&party, true);
    is_transport_refused = true;
    int accepted = accept_one();
    cr_assert_null(connection_accept(loop, accepted, &options));
    is_transport_refused = false;
    cr_assert_eq(fcntl(accepted, F_GETFD), -1, "the descriptor is still open");
    close(fd);
    close(listening);
}

Test(connection, no_transport_no_connection)
{
    on_both(refused_transport);
}

/* -- memory -- */

static void idle(void)
{
    static struct party left;
    static struct party right;
    right.is_echo = true;
    join_open(&left, &right, false);
    char *data = random_bytes(60000, 3);
    struct iovec slice = {.iov_base = data, .iov_len = 60000};
    connection_write(left.connection, &slice, 1);
    TURN_UNTIL(left.received_size == 60000);
    TURN_UNTIL(connection_output_size(right.connection) == 0);
    cr_assert_leq(connection_memory(left.connection), 400u);
    cr_assert_leq(connection_memory(right.connection), 400u);
    close_both(&left, &right);
    free(data);
}

Test(connection, an_idle_connection_holds_no_buffers)
{
    on_both(idle);
}
