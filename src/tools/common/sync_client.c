/* See sync_client.h. Bytes that the connection does not take wait in `unsent` from unsent_offset
 * on. A TLS session belongs to the target that it was made with, and to what was verified then:
 * offered to another one, it would stand in for a verification that never happened. */
#include "tools/common/sync_client.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "io/connection.h"
#include "io/loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    READ_SIZE = 64 * 1024,
    ADDRESSES_MAX = 16,
    KEEPALIVE_SECONDS = 15,
    GOODBYE_MS = 200,
    SESSION_TARGET_MAX = 1024
};
static const size_t unsent_max = (size_t)2 << 30;

struct sync_client {
    struct loop *loop;
    struct connection *connection; /* NULL after on_closed */
    struct reply_reader *reader;
    struct buffer unsent;
    size_t unsent_offset;
    struct loop_watch interrupt_watch;
    struct loop_watch input_watch;
    int interrupt_fd;
    bool is_opened;
    bool is_interrupted;
    bool has_input;
    void *tls_session; /* the newest one received, or NULL */
    char session_target[SESSION_TARGET_MAX];
    int64_t start_us; /* connecting began; the socket was connected; the handshake ended */
    int64_t connected_us;
    int64_t opened_us;
    char error[SYNC_ERROR_MAX];
};

/* -- the connection's callbacks -- */

static void send_unsent(struct sync_client *client)
{
    struct buffer *unsent = &client->unsent;
    while (client->connection && client->unsent_offset < unsent->size) {
        struct iovec slice = {.iov_base = unsent->data + client->unsent_offset,
                              .iov_len = unsent->size - client->unsent_offset};
        size_t taken = connection_write(client->connection, &slice, 1);
        client->unsent_offset += taken;
        if (taken < slice.iov_len)
            return; /* on_writable goes on */
    }
    buffer_clear(unsent);
    client->unsent_offset = 0;
}

static void on_opened(struct connection *connection)
{
    struct sync_client *client = connection_owner(connection);
    client->is_opened = true;
    client->opened_us = clock_read_us();
}

/* TLS 1.3 sends sessions at any time after the handshake. */
static void keep_session(struct sync_client *client, struct connection *connection)
{
    if (!connection_is_tls(connection))
        return;
    void *session = transport_tls_take_session(connection_transport(connection));
    if (!session)
        return;
    tls_session_free(client->tls_session);
    client->tls_session = session;
}

static void on_readable(struct connection *connection)
{
    struct sync_client *client = connection_owner(connection);
    char *room = reply_reader_reserve(client->reader, READ_SIZE);
    if (!room) {
        snprintf(client->error, sizeof(client->error), "Protocol error: a reply is too large");
        connection_close(connection, CONNECTION_CLOSE_NOW);
        return;
    }
    size_t size = 0;
    if (connection_read(connection, room, READ_SIZE, &size) == TRANSPORT_DONE)
        reply_reader_commit(client->reader, size);
    keep_session(client, connection);
}

static void on_writable(struct connection *connection)
{
    send_unsent(connection_owner(connection));
}

/* The address is named by the tool's own message. */
static void copy_without_peer(char *destination, size_t capacity, const char *text)
{
    const char *peer = strstr(text, " (peer ");
    size_t size = peer ? (size_t)(peer - text) : strlen(text);
    snprintf(destination, capacity, "%.*s", (int)size, text);
}

static void on_closed(struct connection *connection, enum connection_outcome outcome,
                      const char *text)
{
    struct sync_client *client = connection_owner(connection);
    client->connection = NULL;
    if (outcome == OUTCOME_CLOSED_BY_US)
        return; /* the error, if any, is set already */
    if (text[0])
        copy_without_peer(client->error, sizeof(client->error), text);
    else
        snprintf(client->error, sizeof(client->error), "Server closed the connection");
}

static const struct connection_handler handler = {
    .on_opened = on_opened,
    .on_readable = on_readable,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

/* -- waiting -- */

static struct sync_client *client_of_interrupt(struct loop_watch *watch)
{
    return (struct sync_client *)(void *)((char *)watch -
                                          offsetof(struct sync_client, interrupt_watch));
}

static void on_interrupt(struct loop_watch *watch)
{
    uint64_t count;
    ssize_t size = read(watch->fd, &count, sizeof(count));
    if (size == (ssize_t)sizeof(count))
        client_of_interrupt(watch)->is_interrupted = true;
}

void sync_client_interrupt(struct sync_client *client)
{
    uint64_t one = 1;
    ssize_t size = write(client->interrupt_fd, &one, sizeof(one));
    (void)size;
}

static bool take_interrupt(struct sync_client *client)
{
    bool was_interrupted = client->is_interrupted;
    client->is_interrupted = false;
    return was_interrupted;
}

static void on_input(struct loop_watch *watch)
{
    struct sync_client *client =
        (struct sync_client *)(void *)((char *)watch - offsetof(struct sync_client, input_watch));
    client->has_input = true;
    loop_watch_stop(client->loop, watch);
}

void sync_client_turn(struct sync_client *client, int64_t wait_us)
{
    loop_flush(client->loop);
    loop_poll(client->loop, wait_us);
    loop_flush(client->loop);
}

bool sync_client_pause(struct sync_client *client, int64_t pause_us)
{
    int64_t deadline_us = clock_read_us() + pause_us;
    for (int64_t left_us = pause_us; left_us > 0; left_us = deadline_us - clock_read_us()) {
        sync_client_turn(client, left_us);
        if (take_interrupt(client))
            return true;
    }
    return false;
}

struct loop *sync_client_loop(struct sync_client *client)
{
    return client->loop;
}

/* -- life -- */

struct sync_client *sync_client_create(char *error)
{
    /* A tool has one connection: epoll starts faster than a ring is set up. */
    const struct loop_options options = {
        .backend = LOOP_BACKEND_EPOLL, .entries = 16, .buffer_count = 8};
    struct loop *loop = loop_create(&options, error);
    if (!loop)
        return NULL;
    struct sync_client *client = mem_calloc(1, sizeof(*client));
    client->loop = loop;
    client->reader = reply_reader_create();
    buffer_init(&client->unsent, unsent_max);
    client->interrupt_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (client->interrupt_fd < 0 ||
        loop_watch_start(loop, &client->interrupt_watch, client->interrupt_fd, on_interrupt) != 0) {
        snprintf(error, SYNC_ERROR_MAX, "cannot watch an event descriptor");
        sync_client_destroy(client);
        return NULL;
    }
    return client;
}

void sync_client_destroy(struct sync_client *client)
{
    if (!client)
        return;
    sync_client_disconnect(client);
    if (client->interrupt_watch.is_active)
        loop_watch_stop(client->loop, &client->interrupt_watch);
    if (client->interrupt_fd >= 0)
        close(client->interrupt_fd);
    tls_session_free(client->tls_session);
    reply_reader_destroy(client->reader);
    buffer_deinit(&client->unsent);
    loop_destroy(client->loop);
    mem_free(client);
}

void sync_client_disconnect(struct sync_client *client)
{
    if (client->connection)
        connection_close(client->connection, CONNECTION_CLOSE_NOW);
    int64_t hurry_ms = clock_read_us() / 1000 + GOODBYE_MS;
    while (client->connection) {
        if (clock_read_us() / 1000 > hurry_ms)
            connection_close(client->connection, CONNECTION_CLOSE_NOW);
        sync_client_turn(client, 10 * 1000);
    }
    client->is_opened = false;
    buffer_clear(&client->unsent);
    client->unsent_offset = 0;
}

bool sync_client_is_connected(struct sync_client *client)
{
    /* The end of the stream is met in one turn, the connection closed in another. */
    enum { TURNS = 3 };
    for (int i = 0; i < TURNS && client->connection; i++)
        sync_client_turn(client, 0);
    return client->connection && client->is_opened;
}

const char *sync_client_error(const struct sync_client *client)
{
    return client->error;
}

/* -- connecting -- */

static void keep_alive(struct connection *connection)
{
    int fd = connection_fd(connection);
    int on = 1;
    int seconds = KEEPALIVE_SECONDS;
    int failed = setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    if (failed)
        return; /* a Unix socket, or not to be had: both do without */
    failed = setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
    if (!failed)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static bool is_socket_connected(struct connection *connection)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof(peer);
    return getpeername(connection_fd(connection), (struct sockaddr *)&peer, &size) == 0;
}

/* A session is offered only where it comes from. */
static void match_session(struct sync_client *client, const struct sync_target *target)
{
    char name[SESSION_TARGET_MAX];
    int size = snprintf(name, sizeof(name), "%s %d %s %s %s", target->unix_path ? "" : target->host,
                        target->port, target->unix_path ? target->unix_path : "",
                        target->server_name ? target->server_name : "",
                        target->verify_name ? target->verify_name : "");
    bool is_whole = size > 0 && (size_t)size < sizeof(name);
    if (is_whole && strcmp(name, client->session_target) == 0)
        return;
    tls_session_free(client->tls_session);
    client->tls_session = NULL;
    text_copy(client->session_target, sizeof(client->session_target), is_whole ? name : "");
}

static int connect_address(struct sync_client *client, const struct sync_target *target,
                           const struct address *address)
{
    const struct connection_options options = {.handler = &handler,
                                               .owner = client,
                                               .tls = target->tls,
                                               .handshake_timeout_ms = target->timeout_ms,
                                               .server_name = target->server_name,
                                               .verify_name = target->verify_name,
                                               .tls_session = client->tls_session};
    client->is_opened = false;
    client->connected_us = 0;
    client->start_us = clock_read_us();
    client->connection = connection_connect(client->loop, address, &options);
    if (!client->connection) {
        snprintf(client->error, sizeof(client->error), "out of memory or descriptors");
        return -1;
    }
    while (client->connection && !client->is_opened) {
        sync_client_turn(client, -1);
        if (client->connection && client->connected_us == 0 &&
            is_socket_connected(client->connection))
            client->connected_us = clock_read_us();
    }
    if (!client->connection)
        return -1;
    keep_alive(client->connection);
    return 0;
}

static int find_addresses(struct sync_client *client, const struct sync_target *target,
                          struct address *addresses)
{
    if (target->unix_path) {
        if (address_unix(target->unix_path, &addresses[0]) == 0)
            return 1;
        snprintf(client->error, sizeof(client->error), "Invalid socket path");
        return 0;
    }
    int count =
        address_resolve(target->host, target->port, addresses, ADDRESSES_MAX, client->error);
    /* Those of the preferred family first, otherwise in the resolver's order. */
    int front = 0;
    for (int i = 0; i < count && target->family; i++) {
        struct address address = addresses[i];
        if (address.storage.ss_family != target->family)
            continue;
        memmove(&addresses[front + 1], &addresses[front],
                (size_t)(i - front) * sizeof(addresses[0]));
        addresses[front++] = address;
    }
    return count;
}

int sync_client_connect(struct sync_client *client, const struct sync_target *target)
{
    struct address addresses[ADDRESSES_MAX];
    sync_client_disconnect(client);
    reply_reader_destroy(client->reader);
    client->reader = reply_reader_create();
    match_session(client, target);
    int count = find_addresses(client, target, addresses);
    for (int i = 0; i < count; i++)
        if (connect_address(client, target, &addresses[i]) == 0)
            return 0;
    tls_session_free(client->tls_session);
    client->tls_session = NULL;
    return -1;
}

bool sync_client_describe_tls(struct sync_client *client, struct sync_tls_report *report)
{
    *report = (struct sync_tls_report){.chain_count = 0};
    if (!client->connection || !client->is_opened || !connection_is_tls(client->connection))
        return false;
    const struct transport *transport = connection_transport(client->connection);
    transport_tls_describe(transport, &report->facts);
    report->chain_count = tls_chain_describe(transport, report->chain, TLS_CHAIN_MAX,
                                             report->verdict, sizeof(report->verdict));
    report->connect_us = client->connected_us - client->start_us;
    report->handshake_us = client->opened_us - client->connected_us;
    return true;
}

/* -- logging in -- */

/* 0; 1 when the server refused, and -1 when there was no reply: client->error says it. */
static int login_step(struct sync_client *client, const char *const *words, int count,
                      const char *what)
{
    struct reply_value *reply = sync_client_ask(client, words, count);
    char reason[SYNC_ERROR_MAX];
    int result = -1;
    if (reply && reply->type != REPLY_ERROR)
        result = 0;
    else if (reply)
        result = 1;
    text_copy(reason, sizeof(reason), reply && reply->text.data ? reply->text.data : client->error);
    if (result != 0)
        snprintf(client->error, sizeof(client->error), "%s failed: %.*s", what, SYNC_ERROR_MAX - 64,
                 reason);
    reply_value_free(reply);
    return result;
}

static int authenticate(struct sync_client *client, const struct sync_login *login)
{
    const char *with_user[] = {"AUTH", login->user, login->password};
    const char *alone[] = {"AUTH", login->password};
    return login->user ? login_step(client, with_user, 3, "AUTH")
                       : login_step(client, alone, 2, "AUTH");
}

int sync_client_login(struct sync_client *client, const struct sync_login *login)
{
    if (login->password && authenticate(client, login) != 0)
        return -1;
    if (login->db != 0) {
        char number[NUMBER_I64_TEXT_MAX];
        char what[NUMBER_I64_TEXT_MAX + 16];
        number_format_i64(number, login->db);
        snprintf(what, sizeof(what), "SELECT %s", number);
        const char *select[] = {"SELECT", number};
        if (login_step(client, select, 2, what) != 0)
            return -1;
    }
    if (login->is_resp3) {
        const char *hello[] = {"HELLO", "3"};
        int result = login_step(client, hello, 2, "HELLO 3");
        if (result < 0 || (result > 0 && !login->is_resp3_optional))
            return -1;
    }
    return 0;
}

/* -- sending -- */

int sync_client_write(struct sync_client *client, const void *data, size_t size)
{
    if (!client->connection || !client->is_opened)
        return -1;
    if (buffer_append(&client->unsent, data, size) != 0) {
        snprintf(client->error, sizeof(client->error), "the command is too large");
        return -1;
    }
    send_unsent(client);
    return 0;
}

int sync_client_send(struct sync_client *client, int argc, const struct bytes *argv)
{
    if (!client->connection || !client->is_opened)
        return -1;
    struct buffer *unsent = &client->unsent;
    size_t size_before = unsent->size;
    int result = buffer_printf(unsent, "*%d\r\n", argc);
    for (int i = 0; i < argc && result == 0; i++) {
        result = buffer_printf(unsent, "$%zu\r\n", argv[i].size);
        if (result == 0)
            result = buffer_append_bytes(unsent, argv[i]);
        if (result == 0)
            result = buffer_append(unsent, "\r\n", 2);
    }
    if (result != 0) {
        unsent->size = size_before;
        snprintf(client->error, sizeof(client->error), "the command is too large");
        return -1;
    }
    send_unsent(client);
    return 0;
}

size_t sync_client_unsent(const struct sync_client *client)
{
    return client->unsent.size - client->unsent_offset;
}

/* -- receiving -- */

enum sync_result sync_client_take(struct sync_client *client, struct reply_value **reply)
{
    int result = reply_reader_next(client->reader, reply);
    if (result == 1)
        return SYNC_REPLY;
    if (result == 0)
        return client->connection && client->is_opened ? SYNC_TIMEOUT : SYNC_FAILED;
    char text[SYNC_ERROR_MAX];
    snprintf(text, sizeof(text), "%s", reply_reader_error(client->reader));
    sync_client_disconnect(client);
    snprintf(client->error, sizeof(client->error), "%s", text);
    return SYNC_FAILED;
}

static enum sync_result wait_for_reply(struct sync_client *client, int64_t timeout_ms, int input_fd,
                                       struct reply_value **reply)
{
    int64_t deadline_us = clock_read_us() + timeout_ms * 1000;
    for (;;) {
        enum sync_result result = sync_client_take(client, reply);
        if (result != SYNC_TIMEOUT)
            return result;
        int64_t left_us = timeout_ms < 0 ? -1 : deadline_us - clock_read_us();
        if (timeout_ms >= 0 && left_us <= 0)
            return SYNC_TIMEOUT;
        sync_client_turn(client, left_us);
        if (take_interrupt(client))
            return SYNC_INTERRUPTED;
        if (input_fd >= 0 && client->has_input)
            return SYNC_INPUT;
    }
}

enum sync_result sync_client_read(struct sync_client *client, int64_t timeout_ms, int input_fd,
                                  struct reply_value **reply)
{
    client->has_input = false;
    if (input_fd >= 0 &&
        loop_watch_start(client->loop, &client->input_watch, input_fd, on_input) != 0)
        input_fd = -1;
    enum sync_result result = wait_for_reply(client, timeout_ms, input_fd, reply);
    if (input_fd >= 0 && !client->has_input)
        loop_watch_stop(client->loop, &client->input_watch);
    return result;
}

struct reply_value *sync_client_call(struct sync_client *client, int argc, const struct bytes *argv)
{
    if (sync_client_send(client, argc, argv) != 0)
        return NULL;
    for (;;) {
        struct reply_value *reply;
        enum sync_result result = sync_client_read(client, -1, -1, &reply);
        if (result == SYNC_INTERRUPTED) {
            snprintf(client->error, sizeof(client->error), "Interrupted");
            return NULL;
        }
        if (result != SYNC_REPLY)
            return NULL;
        if (reply->type != REPLY_PUSH && reply->type != REPLY_ATTRIBUTE)
            return reply;
        reply_value_free(reply);
    }
}

struct reply_value *sync_client_ask(struct sync_client *client, const char *const *words, int count)
{
    struct bytes argv[8];
    assert(count <= 8);
    for (int i = 0; i < count; i++)
        argv[i] = bytes_of_text(words[i]);
    return sync_client_call(client, count, argv);
}
