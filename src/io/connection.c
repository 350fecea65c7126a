/* Connections: a socket, a transport, the received buffers and at most two blocks of output.
 *
 *   CONNECTING -> HANDSHAKING -> OPEN -> DRAINING -> CLOSED -> (on_closed, freed)
 *        any state may go to CLOSED at once
 *
 * Output gathers in wire.out during the turn. The flush task moves that block to `sending` and
 * starts one send; what is written meanwhile gathers in a new block. Blocks go back to the loop's
 * pool as soon as they are empty, so an idle connection holds none.
 *
 * Callbacks into the owner run only from the loop's phases: receive completions, and the ready
 * task, which stands for everything else (a step of a handshake, opening a plain socket, offering
 * what was left unread, room to write). CLOSED means that the socket was closed and only its
 * on_closed is awaited. The loop's thread.
 */
#include "io/connection.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/byte_pool.h"
#include "io/loop_internal.h"
#include "io/transport_tls.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum connection_state {
    STATE_CONNECTING,
    STATE_HANDSHAKING,
    STATE_OPEN,
    STATE_DRAINING, /* sending what waits, then closing */
    STATE_CLOSED
};

enum { RECORD_PAYLOAD_MAX = 16384, RECORD_OVERHEAD_MAX = 64, CLOSE_TEXT_MAX = 512 };
_Static_assert((int)LOOP_SCRATCH_SIZE >= (int)RECORD_PAYLOAD_MAX, "the scratch gathers one record");

/* What only the beginning and the end of a life need; freed while the connection is open. */
struct connection_phase {
    struct timer timer;
    struct connection *connection;
    int64_t left_ms; /* of the handshake's time, while it moves to another loop; -1: no limit */
    struct address address; /* outgoing; the kernel reads it until connected */
    char peer[ADDRESS_TEXT_MAX];
};

struct connection {
    struct socket socket;
    struct transport_wire wire;
    struct transport *transport;
    const struct connection_handler *handler;
    void *owner;
    struct connection_phase *phase; /* NULL while open */
    struct loop_task ready_task;
    struct loop_task flush_task;
    char *sending; /* the block being sent, or NULL */
    uint32_t sending_size;
    uint32_t sending_offset;
    uint32_t sending_capacity;
    uint32_t turn; /* that wire.in_taken counts */
    uint8_t state;
    bool is_tls;
    bool is_handshake_counted;
    bool is_receiving;
    bool is_paused;
    bool is_starved;       /* the last read said NEED_INPUT and nothing came since */
    bool is_input_blocked; /* the transport wants its output sent before it goes on */
    bool wants_writable;
    bool is_end_deferred;
    bool is_end_waiting;    /* it was met: a FIN, or a goodbye without one */
    bool is_parked;         /* the send of `sending` was given up and is to be begun again */
    bool is_detaching;      /* about to leave the loop: no receive, no send is begun */
    bool is_without_socket; /* it could not be opened: on_closed comes from the ready task */
};

static void advance(struct connection *connection);
static void offer(struct connection *connection);
static struct connection_phase *make_phase(struct connection *connection);
static void start_drain_timer(struct connection *connection);

static struct connection *connection_of_socket(struct socket *socket)
{
    return (struct connection *)(void *)((char *)socket - offsetof(struct connection, socket));
}

static struct loop *loop_of(const struct connection *connection)
{
    return connection->wire.loop;
}

/* -- the end -- */

static void finish_phase(struct connection *connection)
{
    struct connection_phase *phase = connection->phase;
    if (phase == NULL)
        return;
    timer_stop(loop_timers(loop_of(connection)), &phase->timer);
    mem_free(phase);
    connection->phase = NULL;
}

static void count_handshake_end(struct connection *connection)
{
    if (connection->is_handshake_counted)
        io_stat_subtract(loop_stats(loop_of(connection))->handshakes_in_flight, 1);
    connection->is_handshake_counted = false;
}

static void drop_sending(struct connection *connection)
{
    if (connection->sending != NULL)
        byte_pool_give(loop_byte_pool(loop_of(connection)), connection->sending,
                       connection->sending_capacity);
    connection->sending = NULL;
    connection->sending_size = 0;
    connection->sending_offset = 0;
    connection->sending_capacity = 0;
    connection->is_parked = false;
}

static void send_rest(struct connection *connection)
{
    connection->is_parked = false;
    socket_send(loop_of(connection), &connection->socket,
                connection->sending + connection->sending_offset,
                connection->sending_size - connection->sending_offset);
}

static void close_socket(struct connection *connection)
{
    assert(connection->state != STATE_CLOSED);
    struct loop *loop = loop_of(connection);
    connection->state = STATE_CLOSED;
    connection->is_receiving = false;
    connection->is_detaching = false;
    loop_task_cancel(loop, &connection->ready_task);
    loop_task_cancel(loop, &connection->flush_task);
    if (connection->phase != NULL)
        timer_stop(loop_timers(loop), &connection->phase->timer);
    count_handshake_end(connection);
    if (connection->is_without_socket) {
        loop_task_ready(loop, &connection->ready_task);
        return;
    }
    /* The peer must see the end even while a forked child holds a copy of the descriptor. */
    (void)shutdown(connection->socket.fd, SHUT_RDWR);
    socket_close(loop, &connection->socket);
}

static void stop_receiving(struct connection *connection)
{
    if (connection->is_receiving)
        socket_receive_stop(loop_of(connection), &connection->socket);
    connection->is_receiving = false;
}

/* Stops reading, sends what waits, then closes. */
static void drain(struct connection *connection)
{
    assert(connection->state < STATE_DRAINING);
    struct loop *loop = loop_of(connection);
    count_handshake_end(connection);
    connection->state = STATE_DRAINING;
    connection->is_detaching = false;
    stop_receiving(connection);
    wire_drop_input(&connection->wire);
    loop_task_cancel(loop, &connection->ready_task);
    if (connection->sending == NULL && connection->wire.out_size == 0) {
        close_socket(connection);
        return;
    }
    if (connection->sending != NULL)
        start_drain_timer(connection);
    if (connection->is_parked)
        send_rest(connection);
    loop_task_flush(loop, &connection->flush_task);
}

/* The connection is over, for the reason in wire.outcome. */
static void end(struct connection *connection, enum connection_outcome outcome)
{
    connection->wire.outcome = outcome;
    /* Asked while the socket still knows (after a reset it does not). */
    if (outcome == OUTCOME_PROTOCOL_ERROR && connection->phase == NULL)
        address_of_peer(connection->socket.fd, make_phase(connection)->peer);
    if (outcome == OUTCOME_RESET || outcome == OUTCOME_HANDSHAKE_TIMEOUT ||
        connection->wire.in_was_reset) {
        close_socket(connection);
        return;
    }
    if (outcome == OUTCOME_CLOSED_CLEAN)
        connection->transport->ops->shutdown(connection->transport, &connection->wire);
    drain(connection);
}

/* One line for the owner's log; empty for ordinary ends. */
static void format_end(const struct connection *connection, char *text)
{
    const struct transport_wire *wire = &connection->wire;
    const char *error = wire->error != NULL ? wire->error : "Connection closed by peer";
    const char *what = "";
    text[0] = '\0';
    switch (wire->outcome) {
    case OUTCOME_CLOSED_CLEAN:
    case OUTCOME_CLOSED_TRUNCATED:
    case OUTCOME_CLOSED_BY_US:
        return;
    case OUTCOME_RESET:
        break;
    case OUTCOME_PROTOCOL_ERROR:
        what = "TLS error: ";
        break;
    case OUTCOME_HANDSHAKE_FAILED:
        what = "TLS handshake failed: ";
        break;
    case OUTCOME_HANDSHAKE_TIMEOUT:
        what = connection->is_tls ? "TLS handshake " : "Connecting ";
        error = "timed out";
        break;
    }
    const char *peer = connection->phase != NULL ? connection->phase->peer : "?:0";
    if (strcmp(peer, "?:0") == 0)
        snprintf(text, CLOSE_TEXT_MAX, "%s%s", what, error);
    else
        snprintf(text, CLOSE_TEXT_MAX, "%s%s (peer %s)", what, error, peer);
}

static void count_end(struct io_stats *stats, const struct connection *connection)
{
    io_stat_subtract(stats->connections, 1);
    if (!connection->is_tls) /* the kinds of ends are figures of TLS */
        return;
    switch (connection->wire.outcome) {
    case OUTCOME_CLOSED_CLEAN:
        io_stat_add(stats->closed_clean, 1);
        return;
    case OUTCOME_CLOSED_TRUNCATED:
        io_stat_add(stats->closed_truncated, 1);
        return;
    case OUTCOME_RESET:
        io_stat_add(stats->closed_reset, 1);
        return;
    case OUTCOME_PROTOCOL_ERROR:
        io_stat_add(stats->closed_protocol_error, 1);
        return;
    case OUTCOME_HANDSHAKE_TIMEOUT:
        io_stat_add(stats->handshakes_timed_out, 1);
        return;
    case OUTCOME_HANDSHAKE_FAILED: /* the transport has counted it */
    case OUTCOME_CLOSED_BY_US:
        return;
    }
}

/* The last act: tells the owner, then frees. */
static void finish(struct connection *connection)
{
    assert(connection->state == STATE_CLOSED);
    char text[CLOSE_TEXT_MAX];
    format_end(connection, text);
    count_end(loop_stats(loop_of(connection)), connection);
    connection->handler->on_closed(connection, connection->wire.outcome, text);
    loop_task_cancel(loop_of(connection), &connection->ready_task);
    wire_drop_input(&connection->wire);
    wire_drop_output(&connection->wire);
    drop_sending(connection);
    finish_phase(connection);
    if (connection->transport != NULL)
        connection->transport->ops->destroy(connection->transport);
    mem_free(connection);
}

static void on_socket_closed(struct socket *socket)
{
    finish(connection_of_socket(socket));
}

/* -- receiving -- */

static void update_receiving(struct connection *connection)
{
    const struct transport_wire *wire = &connection->wire;
    bool is_wanted = (connection->state == STATE_OPEN || connection->state == STATE_HANDSHAKING) &&
                     !connection->is_detaching && !wire->in_ended &&
                     wire->in_count < CONNECTION_UNREAD_BUFFERS_MAX &&
                     !(connection->is_paused && wire->in_count >= CONNECTION_PAUSED_BUFFERS_MAX);
    if (is_wanted == connection->is_receiving)
        return;
    if (!is_wanted) {
        stop_receiving(connection);
        return;
    }
    connection->is_receiving = true;
    socket_receive_start(loop_of(connection), &connection->socket);
}

static bool has_input(const struct connection *connection)
{
    const struct transport_wire *wire = &connection->wire;
    return !connection->is_starved &&
           (wire->in_size > 0 || wire->in_ended || connection->is_end_waiting ||
            connection->transport->ops->has_pending(connection->transport));
}

/* The stream ended behind what was received: by FIN (error 0) or by a reset. */
static void note_end(struct connection *connection, bool is_reset, int error)
{
    struct transport_wire *wire = &connection->wire;
    wire->in_ended = true;
    wire->in_was_reset |= is_reset;
    connection->is_receiving = false;
    connection->is_starved = false;
    if (is_reset && wire->error == NULL)
        wire->error = strerrordesc_np(error);
}

/* A handshake's step is slow work, bounded for all together (loop_task_slow). */
static void go_on(struct connection *connection)
{
    if (connection->state == STATE_HANDSHAKING && connection->is_tls)
        loop_task_slow(loop_of(connection), &connection->ready_task);
    else
        loop_task_ready(loop_of(connection), &connection->ready_task);
}

static void on_received(struct socket *socket, struct io_buffer *buffer, int size)
{
    struct connection *connection = connection_of_socket(socket);
    struct io_stats *stats = loop_stats(loop_of(connection));
    io_stat_add(stats->reads, 1);
    if (size > 0)
        io_stat_add(stats->bytes_in, size);
    bool is_wanted = connection->state == STATE_OPEN || connection->state == STATE_HANDSHAKING;
    if (!is_wanted || connection->wire.in_ended) {
        if (buffer != NULL)
            io_buffer_release(loop_of(connection), buffer);
        return;
    }
    if (size > 0) {
        wire_append(&connection->wire, buffer);
        connection->is_starved = false;
    } else {
        note_end(connection, size < 0, -size);
    }
    if (connection->state == STATE_HANDSHAKING && connection->is_tls)
        go_on(connection);
    else
        advance(connection);
    if (connection->state == STATE_OPEN || connection->state == STATE_HANDSHAKING)
        update_receiving(connection);
}

/* -- progress -- */

/* However small the records are: no connection keeps the others waiting for longer than it takes to
 * read WIRE_TURN_SIZE_MAX of them. */
static void note_turn(struct connection *connection)
{
    uint32_t turn = (uint32_t)loop_stats(loop_of(connection))->turns;
    if (connection->turn == turn)
        return;
    connection->turn = turn;
    connection->wire.in_taken = 0;
}

static void want_flush(struct connection *connection)
{
    if (connection->wire.out_size > 0 && connection->sending == NULL)
        loop_task_flush(loop_of(connection), &connection->flush_task);
}

static void opened(struct connection *connection)
{
    finish_phase(connection);
    count_handshake_end(connection);
    connection->state = STATE_OPEN;
    connection->is_starved = false;
    connection->handler->on_opened(connection);
}

static void fail_handshake(struct connection *connection)
{
    connection->wire.outcome = OUTCOME_HANDSHAKE_FAILED;
    if (connection->wire.in_was_reset)
        close_socket(connection);
    else
        drain(connection); /* an alert may wait */
}

static void handshake(struct connection *connection)
{
    struct transport *transport = connection->transport;
    note_turn(connection);
    enum transport_result result = transport->ops->handshake(transport, &connection->wire);
    switch (result) {
    case TRANSPORT_DONE:
        want_flush(connection);
        opened(connection);
        return;
    case TRANSPORT_NEED_INPUT:
        want_flush(connection);
        if (connection->wire.in_size > 0)
            go_on(connection);
        else if (connection->wire.in_ended)
            fail_handshake(connection);
        return;
    case TRANSPORT_NEED_OUTPUT:
        connection->is_input_blocked = true;
        want_flush(connection);
        return;
    case TRANSPORT_CLOSED:
    case TRANSPORT_ERROR:
        fail_handshake(connection);
        return;
    }
}

/* Something came, or may go on: handshake, then offer to the owner. */
static void advance(struct connection *connection)
{
    if (connection->state == STATE_HANDSHAKING)
        handshake(connection);
    if (connection->state == STATE_OPEN)
        offer(connection);
}

/* Lets the owner read; what is left is offered again next turn. */
static void offer(struct connection *connection)
{
    if (connection->wire.in_was_reset && (connection->is_paused || !has_input(connection))) {
        end(connection, OUTCOME_RESET);
        return;
    }
    if (connection->is_paused || !has_input(connection))
        return;
    connection->handler->on_readable(connection);
    if (connection->state == STATE_OPEN && !connection->is_paused && has_input(connection))
        loop_task_ready(loop_of(connection), &connection->ready_task);
}

static void run_ready(struct loop_task *task)
{
    struct connection *connection =
        (struct connection *)(void *)((char *)task - offsetof(struct connection, ready_task));
    if (connection->state == STATE_CLOSED) {
        assert(connection->is_without_socket);
        finish(connection);
        return;
    }
    if (connection->state == STATE_OPEN && connection->wants_writable &&
        connection->wire.out_size < WIRE_OUT_SIZE_MAX / 2) {
        connection->wants_writable = false;
        if (connection->handler->on_writable != NULL)
            connection->handler->on_writable(connection);
    }
    advance(connection);
}

/* -- sending -- */

static void flush(struct connection *connection)
{
    struct transport_wire *wire = &connection->wire;
    if (connection->sending != NULL || connection->is_detaching)
        return; /* on_sent comes back, or attaching */
    if (wire->in_was_reset)
        wire_drop_output(wire); /* behind a send that failed a hole would be sent */
    if (wire->out_size == 0) {
        wire_drop_output(wire);
        if (connection->state == STATE_DRAINING)
            close_socket(connection);
        return;
    }
    connection->sending = wire->out;
    connection->sending_size = (uint32_t)wire->out_size;
    connection->sending_capacity = (uint32_t)wire->out_capacity;
    connection->sending_offset = 0;
    wire->out = NULL;
    wire->out_size = 0;
    wire->out_capacity = 0;
    socket_send(loop_of(connection), &connection->socket, connection->sending,
                connection->sending_size);
    if (connection->state == STATE_DRAINING)
        start_drain_timer(connection);
    else if (connection->wants_writable)
        loop_task_ready(loop_of(connection), &connection->ready_task);
}

static void run_flush(struct loop_task *task)
{
    flush((struct connection *)(void *)((char *)task - offsetof(struct connection, flush_task)));
}

static void on_send_failed(struct connection *connection, int error)
{
    drop_sending(connection);
    wire_drop_output(&connection->wire);
    connection->wants_writable = false;
    if (connection->state == STATE_DRAINING) {
        close_socket(connection);
        return;
    }
    stop_receiving(connection);
    note_end(connection, true, error);
    loop_task_ready(loop_of(connection), &connection->ready_task);
}

/* No callback to the owner from here: it may run before the loop waits. */
static void on_sent(struct socket *socket, int result)
{
    struct connection *connection = connection_of_socket(socket);
    struct loop *loop = loop_of(connection);
    io_stat_add(loop_stats(loop)->writes, 1);
    if (result > 0)
        io_stat_add(loop_stats(loop)->bytes_out, result);
    if (connection->state == STATE_CLOSED)
        return;
    if (result == -ECANCELED)
        result = 0; /* nothing was sent, and the connection is about to leave, or was */
    if (result < 0) {
        on_send_failed(connection, -result);
        return;
    }
    connection->sending_offset += (uint32_t)result;
    assert(connection->sending_offset <= connection->sending_size);
    if (connection->state == STATE_DRAINING)
        start_drain_timer(connection); /* progress: another period */
    if (connection->sending_offset < connection->sending_size) {
        connection->is_parked = true;
        if (connection->is_detaching)
            go_on(connection); /* a turn, in which it may leave */
        else
            send_rest(connection);
        return;
    }
    drop_sending(connection);
    if (connection->wire.out_size > 0)
        loop_task_flush(loop, &connection->flush_task);
    else if (connection->state == STATE_DRAINING)
        close_socket(connection);
    else if (connection->state == STATE_OPEN && connection->handler->on_drained != NULL)
        connection->handler->on_drained(connection);
    if (connection->is_input_blocked) {
        connection->is_input_blocked = false;
        connection->is_starved = false;
        if (connection->state < STATE_DRAINING)
            go_on(connection);
    }
    if (connection->wants_writable && connection->state == STATE_OPEN)
        loop_task_ready(loop, &connection->ready_task);
}

/* -- beginning -- */

static void on_phase_timer(struct timer *timer)
{
    struct connection_phase *phase =
        (struct connection_phase *)(void *)((char *)timer -
                                            offsetof(struct connection_phase, timer));
    struct connection *connection = phase->connection;
    if (connection->state == STATE_DRAINING)
        close_socket(connection);
    else
        end(connection, OUTCOME_HANDSHAKE_TIMEOUT);
}

static struct connection_phase *make_phase(struct connection *connection)
{
    if (connection->phase == NULL) {
        struct connection_phase *phase = mem_calloc(1, sizeof(*phase));
        timer_init(&phase->timer, on_phase_timer);
        phase->connection = connection;
        text_copy(phase->peer, sizeof(phase->peer), "?:0");
        connection->phase = phase;
    }
    return connection->phase;
}

static void start_drain_timer(struct connection *connection)
{
    struct connection_phase *phase = make_phase(connection);
    timer_start(loop_timers(loop_of(connection)), &phase->timer, CONNECTION_DRAIN_STALL_MS);
}

static void begin_handshake(struct connection *connection)
{
    connection->state = STATE_HANDSHAKING;
    if (!connection->is_tls)
        return;
    connection->is_handshake_counted = true;
    io_stat_add(loop_stats(loop_of(connection))->handshakes_in_flight, 1);
}

static void on_connected(struct socket *socket, int error)
{
    struct connection *connection = connection_of_socket(socket);
    if (connection->state != STATE_CONNECTING)
        return;
    if (error < 0) {
        connection->wire.error = strerrordesc_np(-error);
        end(connection, OUTCOME_RESET);
        return;
    }
    begin_handshake(connection);
    update_receiving(connection);
    advance(connection);
}

static const struct socket_handler socket_handler = {
    .on_connected = on_connected,
    .on_received = on_received,
    .on_sent = on_sent,
    .on_closed = on_socket_closed,
};

static struct connection *create(struct loop *loop, const struct connection_options *options,
                                 bool is_server)
{
    struct transport *transport = NULL;
    if (options->tls != NULL) {
        const struct tls_transport_options tls = {
            .context = options->tls,
            .is_server = is_server,
            .server_name = options->server_name,
            .verify_name = options->verify_name,
            .session = options->tls_session,
            .stats = loop_stats(loop),
        };
        transport = transport_tls_create(&tls);
    } else {
        transport = transport_plain();
    }
    if (transport == NULL)
        return NULL;
    struct connection *connection = mem_calloc(1, sizeof(*connection));
    connection->wire.loop = loop;
    connection->wire.outcome = OUTCOME_CLOSED_BY_US;
    connection->transport = transport;
    connection->handler = options->handler;
    connection->owner = options->owner;
    connection->is_tls = options->tls != NULL;
    loop_task_init(&connection->ready_task, run_ready);
    loop_task_init(&connection->flush_task, run_flush);
    io_stat_add(loop_stats(loop)->connections, 1);
    io_stat_add(loop_stats(loop)->connections_total, 1);
    return connection;
}

struct connection *connection_accept(struct loop *loop, int fd,
                                     const struct connection_options *options)
{
    loop_assert_owner(loop);
    assert(fd >= 0);
    struct connection *connection = create(loop, options, true);
    if (connection == NULL) {
        (void)close(fd);
        return NULL;
    }
    if (socket_open(loop, &connection->socket, fd, &socket_handler) < 0) {
        io_stat_subtract(loop_stats(loop)->connections, 1);
        connection->transport->ops->destroy(connection->transport);
        mem_free(connection);
        (void)close(fd);
        return NULL;
    }
    begin_handshake(connection);
    if (connection->is_tls) {
        struct connection_phase *phase = make_phase(connection);
        address_of_peer(fd, phase->peer);
        if (options->handshake_timeout_ms > 0)
            timer_start(loop_timers(loop), &phase->timer, options->handshake_timeout_ms);
    } else {
        loop_task_ready(loop, &connection->ready_task);
    }
    update_receiving(connection);
    return connection;
}

/* A socket on its way to the address, or -errno. */
static int open_outgoing(struct connection *connection, const struct address *address)
{
    int family = address->storage.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (family != AF_UNIX) {
        int yes = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    }
    struct loop *loop = loop_of(connection);
    int result = socket_open(loop, &connection->socket, fd, &socket_handler);
    if (result < 0) {
        (void)close(fd);
        return result;
    }
    socket_connect(loop, &connection->socket,
                   (const struct sockaddr *)&connection->phase->address.storage, address->size);
    return 0;
}

struct connection *connection_connect(struct loop *loop, const struct address *address,
                                      const struct connection_options *options)
{
    loop_assert_owner(loop);
    struct connection *connection = create(loop, options, false);
    if (connection == NULL)
        return NULL;
    connection->state = STATE_CONNECTING;
    struct connection_phase *phase = make_phase(connection);
    phase->address = *address;
    address_format(address, phase->peer);
    if (options->handshake_timeout_ms > 0)
        timer_start(loop_timers(loop), &phase->timer, options->handshake_timeout_ms);
    int result = open_outgoing(connection, address);
    if (result < 0) {
        connection->socket.fd = -1;
        connection->is_without_socket = true;
        connection->wire.error = strerrordesc_np(-result);
        end(connection, OUTCOME_RESET);
    }
    return connection;
}

/* -- the owner's calls -- */

void *connection_owner(const struct connection *connection)
{
    return connection->owner;
}

struct loop *connection_loop(const struct connection *connection)
{
    return loop_of(connection);
}

int connection_fd(const struct connection *connection)
{
    return connection->socket.fd;
}

bool connection_is_open(const struct connection *connection)
{
    return connection->state == STATE_OPEN;
}

bool connection_is_tls(const struct connection *connection)
{
    return connection->is_tls;
}

struct transport *connection_transport(struct connection *connection)
{
    return connection->transport;
}

/* The peer's stream is over and everything of it was read. */
static enum transport_result read_end(struct connection *connection, enum transport_result result)
{
    struct transport_wire *wire = &connection->wire;
    if (connection->is_end_deferred && result == TRANSPORT_CLOSED && !wire->in_was_reset) {
        connection->is_starved = true;
        connection->is_end_waiting = true;
        return TRANSPORT_NEED_INPUT;
    }
    end(connection, wire->in_was_reset ? OUTCOME_RESET : wire->outcome);
    return result;
}

enum transport_result connection_read(struct connection *connection, char *destination, size_t size,
                                      size_t *count)
{
    assert(size > 0);
    *count = 0;
    if (connection->state != STATE_OPEN)
        return TRANSPORT_CLOSED;
    struct transport_wire *wire = &connection->wire;
    note_turn(connection);
    enum transport_result result =
        connection->transport->ops->read(connection->transport, wire, destination, size, count);
    if (!connection->is_receiving)
        update_receiving(connection);
    want_flush(connection);
    switch (result) {
    case TRANSPORT_DONE:
        assert(*count > 0);
        return result;
    case TRANSPORT_NEED_INPUT:
        if (wire->in_size > 0) { /* enough for this turn */
            if (!connection->is_paused)
                loop_task_ready(loop_of(connection), &connection->ready_task);
            return result;
        }
        if (wire->in_ended) {
            wire->outcome = OUTCOME_CLOSED_TRUNCATED;
            return read_end(connection, TRANSPORT_CLOSED);
        }
        connection->is_starved = true;
        return result;
    case TRANSPORT_NEED_OUTPUT:
        connection->is_starved = true;
        connection->is_input_blocked = true;
        return result;
    case TRANSPORT_CLOSED:
    case TRANSPORT_ERROR:
        return read_end(connection, result);
    }
    return result;
}

/* Plain: one copy into the block. */
static size_t write_plain(struct connection *connection, const struct iovec *slices, int count,
                          size_t total)
{
    struct transport_wire *wire = &connection->wire;
    size_t room = WIRE_OUT_SIZE_MAX - wire->out_size;
    size_t size = total < room ? total : room;
    if (size == 0)
        return 0;
    char *to = wire_reserve(wire, size);
    assert(to != NULL);
    size_t copied = 0;
    for (int i = 0; i < count && copied < size; i++) {
        size_t part = slices[i].iov_len < size - copied ? slices[i].iov_len : size - copied;
        if (part > 0)
            memcpy(to + copied, slices[i].iov_base, part);
        copied += part;
    }
    assert(copied == size);
    wire_commit(wire, size);
    return size;
}

/* Where a gathering write stands in its slices. */
struct slice_cursor {
    const struct iovec *slices;
    int count;
    int index;
    size_t offset;
    size_t left; /* bytes from here to the end of all */
};

/* The next record's payload: a slice's own bytes where they fill a record or are all there is, else
 * gathered in scratch. Advances the cursor. */
static const char *next_record(struct slice_cursor *cursor, char *scratch, size_t *size)
{
    while (cursor->offset == cursor->slices[cursor->index].iov_len) {
        cursor->index++;
        cursor->offset = 0;
        assert(cursor->index < cursor->count);
    }
    size_t wanted = cursor->left < RECORD_PAYLOAD_MAX ? cursor->left : RECORD_PAYLOAD_MAX;
    const struct iovec *slice = &cursor->slices[cursor->index];
    const char *payload = (const char *)slice->iov_base + cursor->offset;
    cursor->left -= wanted;
    *size = wanted;
    if (slice->iov_len - cursor->offset >= wanted) {
        cursor->offset += wanted;
        return payload;
    }
    for (size_t gathered = 0; gathered < wanted;) {
        slice = &cursor->slices[cursor->index];
        size_t available = slice->iov_len - cursor->offset;
        size_t part = available < wanted - gathered ? available : wanted - gathered;
        if (part > 0)
            memcpy(scratch + gathered, (const char *)slice->iov_base + cursor->offset, part);
        gathered += part;
        cursor->offset += part;
        if (gathered < wanted) {
            cursor->index++;
            cursor->offset = 0;
        }
    }
    return scratch;
}

static size_t write_records(struct connection *connection, const struct iovec *slices, int count,
                            size_t total)
{
    struct transport *transport = connection->transport;
    struct transport_wire *wire = &connection->wire;
    size_t records = total / RECORD_PAYLOAD_MAX + 1;
    size_t expected = total + records * RECORD_OVERHEAD_MAX;
    size_t room = WIRE_OUT_SIZE_MAX - wire->out_size;
    (void)wire_reserve(wire, expected < room ? expected : room); /* grows once, not per record */
    struct slice_cursor cursor = {.slices = slices, .count = count, .left = total};
    size_t taken = 0;
    while (cursor.left > 0) {
        size_t size = 0;
        const char *payload = next_record(&cursor, loop_of(connection)->scratch, &size);
        size_t written = 0;
        enum transport_result result =
            transport->ops->write(transport, wire, payload, size, &written);
        if (result == TRANSPORT_DONE)
            taken += written;
        if (result == TRANSPORT_ERROR || result == TRANSPORT_CLOSED) {
            end(connection, wire->outcome);
            return total;
        }
        if (result != TRANSPORT_DONE || written < size)
            break;
    }
    return taken;
}

size_t connection_write(struct connection *connection, const struct iovec *slices, int count)
{
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total += slices[i].iov_len;
    /* Nobody will read it: taken and dropped. */
    if (connection->state != STATE_OPEN || connection->wire.in_was_reset || total == 0)
        return total;
    size_t taken = connection->is_tls ? write_records(connection, slices, count, total)
                                      : write_plain(connection, slices, count, total);
    if (connection->state != STATE_OPEN)
        return total;
    if (taken < total)
        connection->wants_writable = true;
    want_flush(connection);
    return taken;
}

size_t connection_output_size(const struct connection *connection)
{
    return connection->wire.out_size + connection->sending_size - connection->sending_offset;
}

void connection_pause_reading(struct connection *connection)
{
    connection->is_paused = true;
    if (connection->state == STATE_OPEN)
        update_receiving(connection);
}

void connection_resume_reading(struct connection *connection)
{
    if (!connection->is_paused)
        return;
    connection->is_paused = false;
    if (connection->state != STATE_OPEN)
        return;
    update_receiving(connection);
    if (has_input(connection))
        loop_task_ready(loop_of(connection), &connection->ready_task);
}

void connection_defer_end(struct connection *connection, bool is_deferred)
{
    connection->is_end_deferred = is_deferred;
    if (is_deferred || connection->state != STATE_OPEN || !connection->is_end_waiting)
        return;
    connection->is_starved = false;
    loop_task_ready(loop_of(connection), &connection->ready_task);
}

/* close_notify goes out only behind a whole record stream, and only if the socket takes it now. */
static void say_goodbye(struct connection *connection)
{
    struct transport_wire *wire = &connection->wire;
    if (connection->state != STATE_OPEN || connection->sending != NULL || wire->out_size > 0 ||
        wire->in_was_reset)
        return;
    connection->transport->ops->shutdown(connection->transport, wire);
    if (wire->out_size > 0)
        (void)send(connection->socket.fd, wire->out, wire->out_size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void connection_close(struct connection *connection, enum connection_close_how how)
{
    loop_assert_owner(loop_of(connection));
    if (connection->state == STATE_CLOSED)
        return;
    if (how == CONNECTION_CLOSE_NOW) {
        if (connection->is_tls)
            say_goodbye(connection);
        close_socket(connection);
        return;
    }
    if (connection->state == STATE_DRAINING)
        return;
    if (connection->state != STATE_OPEN) {
        close_socket(connection); /* nothing was written yet */
        return;
    }
    connection->transport->ops->shutdown(connection->transport, &connection->wire);
    drain(connection);
}

/* -- moving -- */

static bool may_move(const struct connection *connection)
{
    return connection->state == STATE_OPEN || connection->state == STATE_HANDSHAKING;
}

/* The handshake's timer belongs to the loop that is left. */
static void take_handshake_along(struct connection *connection)
{
    struct connection_phase *phase = connection->phase;
    bool is_timed = phase->timer.is_active;
    phase->left_ms = is_timed ? phase->timer.deadline_ms - clock_ms() : -1;
    timer_stop(loop_timers(loop_of(connection)), &phase->timer);
    count_handshake_end(connection);
}

static void go_on_with_handshake(struct connection *connection)
{
    struct connection_phase *phase = connection->phase;
    begin_handshake(connection);
    if (phase->left_ms >= 0)
        timer_start(loop_timers(loop_of(connection)), &phase->timer, phase->left_ms);
}

void connection_begin_detach(struct connection *connection)
{
    loop_assert_owner(loop_of(connection));
    if (!may_move(connection))
        return;
    connection->is_detaching = true;
    stop_receiving(connection);
    if (connection->sending != NULL) /* perhaps the peer takes nothing */
        socket_send_cancel(loop_of(connection), &connection->socket);
}

void connection_cancel_detach(struct connection *connection)
{
    loop_assert_owner(loop_of(connection));
    connection->is_detaching = false;
    if (!may_move(connection))
        return;
    update_receiving(connection);
    if (connection->is_parked)
        send_rest(connection);
    want_flush(connection);
}

/* Buffers of the backend's ring stay with it: what they hold is copied. */
static void take_input_along(struct transport_wire *wire)
{
    struct io_buffer *previous = NULL;
    for (struct io_buffer *buffer = wire->in_head; buffer != NULL; buffer = buffer->next) {
        if (buffer->index != IO_BUFFER_HEAP) {
            struct io_buffer *copy = loop_heap_buffer_take(wire->loop);
            copy->size = buffer->size - buffer->offset;
            copy->next = buffer->next;
            memcpy(loop_heap_buffer_room(copy), buffer->data + buffer->offset, copy->size);
            if (previous != NULL)
                previous->next = copy;
            else
                wire->in_head = copy;
            if (wire->in_tail == buffer)
                wire->in_tail = copy;
            io_buffer_release(wire->loop, buffer);
            buffer = copy;
        }
        previous = buffer;
    }
}

bool connection_try_detach(struct connection *connection)
{
    struct loop *loop = loop_of(connection);
    loop_assert_owner(loop);
    assert(!loop->is_polling);
    if (!may_move(connection) || (connection->sending != NULL && !connection->is_parked))
        return false;
    assert(connection->is_detaching);
    assert((connection->phase == NULL) == (connection->state == STATE_OPEN));
    if (socket_detach(loop, &connection->socket) != 0)
        return false;
    loop_task_cancel(loop, &connection->ready_task);
    loop_task_cancel(loop, &connection->flush_task);
    take_input_along(&connection->wire);
    if (connection->state == STATE_HANDSHAKING)
        take_handshake_along(connection);
    io_stat_subtract(loop_stats(loop)->connections, 1);
    connection->wire.loop = NULL;
    return true;
}

void connection_attach(struct loop *loop, struct connection *connection)
{
    loop_assert_owner(loop);
    assert(connection->wire.loop == NULL);
    assert(may_move(connection));
    connection->wire.loop = loop;
    connection->is_detaching = false;
    io_stat_add(loop_stats(loop)->connections, 1);
    if (connection->is_tls)
        transport_tls_set_stats(connection->transport, loop_stats(loop));
    if (connection->state == STATE_HANDSHAKING)
        go_on_with_handshake(connection);
    int fd = connection->socket.fd;
    int result = socket_open(loop, &connection->socket, fd, &socket_handler);
    if (result < 0) {
        (void)close(fd);
        connection->socket.fd = -1;
        connection->is_without_socket = true;
        connection->wire.error = strerrordesc_np(-result);
        end(connection, OUTCOME_RESET);
        return;
    }
    update_receiving(connection);
    if (connection->is_parked)
        send_rest(connection);
    want_flush(connection);
    /* Whatever was due: the offer of what was left unread, room to write, a reset. */
    go_on(connection);
}

size_t connection_memory(const struct connection *connection)
{
    size_t size =
        sizeof(*connection) + connection->wire.out_capacity + connection->sending_capacity;
    size += (size_t)connection->wire.in_count * IO_BUFFER_SIZE;
    if (connection->phase != NULL)
        size += sizeof(*connection->phase);
    return size;
}
