/* Main's side without a server: a client table, an exchange, a pool of I/O threads, a handful of
 * commands, and peers at the far end of socket pairs whose expected replies are a plain byte
 * string.
 *
 *   ECHO text    the text as a bulk              BIG n     a bulk of n bytes
 *   BLOCK        +OK once the test unblocks      PAUSE     +OK; waits while rig.is_paused
 *   QUIT         +OK, then closed                anything else  -ERR unknown
 */
#ifndef TEST_EXCHANGE_RIG_H
#define TEST_EXCHANGE_RIG_H

#include "base/clock.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/random.h"
#include "client/exchange.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEERS_MAX = 32 };

struct text {
    char *data;
    size_t size;
    size_t capacity;
};

struct peer {
    int fd;                /* -1: closed by the peer */
    struct client *client; /* NULL once destroyed */
    struct text commands;  /* to send */
    size_t sent;
    struct text expected;
    size_t seen;
    bool may_be_cut; /* killed or vanished: any prefix of the replies will do */
    bool has_ended;  /* end of stream seen */
};

struct exchange_rig {
    struct client_table *clients;
    struct exchange *exchange;
    struct io_pool *pool;
    struct session_resolver resolver;
    struct peer peers[PEERS_MAX];
    bool is_paused;
    uint64_t executed;
    uint64_t prefetched[2];
    uint64_t opened;
    uint64_t closed;
};

static struct exchange_rig rig;

static inline uint64_t pick(struct random_state *random, uint64_t bound)
{
    return random_state_next(random) % bound;
}

static inline void text_add(struct text *text, const void *data, size_t size)
{
    if (text->size + size > text->capacity) {
        text->capacity = (text->size + size) * 2;
        text->data = realloc(text->data, text->capacity);
    }
    if (size)
        memcpy(text->data + text->size, data, size);
    text->size += size;
}

static inline void text_add_string(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

/* -- the commands -- */

static inline void run_big(struct client *client, struct bytes argument)
{
    int64_t size = 0;
    bool is_number = number_parse_i64(argument, &size);
    cr_assert(is_number);
    char *text = calloc((size_t)size + 1, 1);
    memset(text, 'b', (size_t)size);
    struct shared_bytes *value = shared_bytes_create(text, (size_t)size);
    free(text);
    reply_bulk_shared(&client->reply, value);
    shared_bytes_release(value);
}

static inline void rig_execute(void *context, struct client *client, struct request *request)
{
    cr_assert_eq(context, (void *)&rig);
    cr_assert_not(client->flags & (CLIENT_CLOSING | CLIENT_BLOCKED | CLIENT_PAUSED));
    rig.executed++;
    if (request->kind == REQUEST_PROTOCOL_ERROR) {
        reply_errorf(&client->reply, "%s", request->error_text);
        client->flags |= CLIENT_CLOSE_AFTER_REPLY;
        return;
    }
    struct bytes name = request->argv[0];
    if (bytes_is(name, "ECHO")) {
        reply_bulk_bytes(&client->reply, request->argv[1]);
    } else if (bytes_is(name, "BIG")) {
        run_big(client, request->argv[1]);
    } else if (bytes_is(name, "BLOCK")) {
        client->flags |= CLIENT_BLOCKED;
    } else if (bytes_is(name, "PAUSE")) {
        if (rig.is_paused)
            client->flags |= CLIENT_PAUSED;
        else
            reply_ok(&client->reply);
    } else if (bytes_is(name, "QUIT")) {
        reply_ok(&client->reply);
        client->flags |= CLIENT_CLOSE_AFTER_REPLY;
    } else {
        reply_error(&client->reply, "ERR unknown");
    }
}

static inline void rig_prefetch(void *context, struct client *client, struct request *request,
                                int stage)
{
    (void)context;
    (void)client;
    cr_assert_not_null(request);
    rig.prefetched[stage]++;
}

static inline void rig_on_opened(void *context, struct client *client,
                                 const struct tls_facts *facts)
{
    (void)context;
    cr_assert_null(facts);
    cr_assert_not_null(client->session);
    rig.opened++;
}

static inline void rig_on_closed(void *context, struct client *client,
                                 enum connection_outcome outcome, enum session_close_reason reason,
                                 const char *text)
{
    (void)context;
    (void)outcome;
    (void)reason;
    (void)text;
    rig.closed++;
    for (int i = 0; i < PEERS_MAX; i++)
        if (rig.peers[i].client == client)
            rig.peers[i].client = NULL;
}

static inline void rig_resolve(const void *context, struct request *request)
{
    (void)context;
    (void)request;
}

/* -- the server around it -- */

static inline void rig_start(int threads, enum loop_backend backend)
{
    rig = (struct exchange_rig){0};
    for (int i = 0; i < PEERS_MAX; i++)
        rig.peers[i].fd = -1;
    rig.clients = client_table_create();
    rig.resolver = (struct session_resolver){rig_resolve, NULL};
    const struct exchange_hooks hooks = {.context = &rig,
                                         .execute = rig_execute,
                                         .prefetch = rig_prefetch,
                                         .on_opened = rig_on_opened,
                                         .on_closed = rig_on_closed};
    rig.exchange = exchange_create(rig.clients, &hooks, &rig.resolver);
    struct io_pool_options options = {.threads = threads,
                                      .loop = {.backend = backend},
                                      .handler = exchange_thread_handler(),
                                      .context = rig.exchange};
    char error[256];
    rig.pool = io_pool_create(&options, error);
    cr_assert_not_null(rig.pool, "%s", error);
    exchange_set_pool(rig.exchange, rig.pool);
    const struct session_settings settings = {.bulk_size_max = 512 << 20,
                                              .query_size_max = 1 << 30};
    exchange_set_settings(rig.exchange, &settings);
}

/* Main's turn, as server/main_loop.c has it; it sleeps at most a millisecond, since the peers are
 * driven by this thread too. */
static inline void rig_turn(void)
{
    struct loop *loop = io_pool_main_loop(rig.pool);
    struct wakeup *wakeup = io_pool_main_wakeup(rig.pool);
    int64_t wait_us = 0;
    if (!loop_has_ready(loop) && exchange_is_idle(rig.exchange)) {
        wakeup_announce_sleep(wakeup);
        wait_us = exchange_is_idle(rig.exchange) ? 1000 : 0;
    }
    loop_poll(loop, wait_us);
    wakeup_end_sleep(wakeup);
    exchange_drain(rig.exchange);
    exchange_run(rig.exchange);
    exchange_turn(rig.exchange);
    exchange_publish(rig.exchange);
    loop_flush(loop);
}

#define RIG_UNTIL(condition)                                                                       \
    do {                                                                                           \
        int turns_ = 0;                                                                            \
        while (!(condition)) {                                                                     \
            rig_turn();                                                                            \
            cr_assert(++turns_ < 30000, "never: %s", #condition);                                  \
        }                                                                                          \
    } while (0)

static inline void rig_stop(void)
{
    io_pool_request_stop(rig.pool);
    int turns = 0;
    while (!io_pool_is_stopped(rig.pool) || rig.clients->count > 0 ||
           !exchange_is_idle(rig.exchange) || loop_socket_count(io_pool_main_loop(rig.pool)) > 0) {
        rig_turn();
        cr_assert(++turns < 30000, "never stopped: %zu clients", rig.clients->count);
        if (turns == 100) /* those that do not read */
            for (struct client *client = rig.clients->first; client; client = client->next)
                exchange_close(rig.exchange, client, CONNECTION_CLOSE_NOW);
    }
    cr_assert_eq(rig.opened <= rig.closed, true);
    io_pool_destroy(rig.pool);
    exchange_destroy(rig.exchange);
    client_table_destroy(rig.clients);
    for (int i = 0; i < PEERS_MAX; i++) {
        free(rig.peers[i].commands.data);
        free(rig.peers[i].expected.data);
        if (rig.peers[i].fd >= 0)
            close(rig.peers[i].fd);
    }
}

/* -- peers -- */

static inline struct peer *peer_open(int index)
{
    struct peer *peer = &rig.peers[index];
    free(peer->commands.data);
    free(peer->expected.data);
    int ends[2];
    int result = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
    cr_assert_eq(result, 0);
    *peer = (struct peer){.fd = ends[0], .client = client_create(rig.clients)};
    peer->client->flags |= CLIENT_AUTHENTICATED;
    exchange_lend(rig.exchange, peer->client, ends[1], LEND_AUTHENTICATED);
    return peer;
}

static inline void peer_say(struct peer *peer, const char *line, const char *expected)
{
    text_add_string(&peer->commands, line);
    text_add_string(&peer->commands, "\r\n");
    text_add_string(&peer->expected, expected);
}

static inline void peer_send(struct peer *peer, size_t maximum)
{
    size_t left = peer->commands.size - peer->sent;
    size_t size = left < maximum ? left : maximum;
    if (peer->fd < 0 || size == 0)
        return;
    ssize_t count = send(peer->fd, peer->commands.data + peer->sent, size, MSG_NOSIGNAL);
    if (count > 0)
        peer->sent += (size_t)count;
    else
        cr_assert(errno == EAGAIN || peer->may_be_cut || !peer->client || peer->has_ended);
}

static inline void peer_receive(struct peer *peer, size_t maximum)
{
    static char got[1 << 16];
    while (peer->fd >= 0 && !peer->has_ended && maximum > 0) {
        ssize_t count = read(peer->fd, got, maximum < sizeof(got) ? maximum : sizeof(got));
        if (count < 0 && errno == EAGAIN)
            return;
        if (count <= 0) {
            peer->has_ended = true;
            return;
        }
        cr_assert_leq(peer->seen + (size_t)count, peer->expected.size, "more than was asked for");
        cr_assert_eq(memcmp(got, peer->expected.data + peer->seen, (size_t)count), 0,
                     "wrong reply behind byte %zu", peer->seen);
        peer->seen += (size_t)count;
        maximum -= (size_t)count;
    }
}

static inline bool peer_is_served(const struct peer *peer)
{
    return peer->sent == peer->commands.size && peer->seen == peer->expected.size;
}

/* Sends all, and turns until all is answered. */
static inline void peer_finish(struct peer *peer)
{
    for (int turns = 0; !peer_is_served(peer); turns++) {
        cr_assert(turns < 30000, "sent %zu of %zu, got %zu of %zu", peer->sent, peer->commands.size,
                  peer->seen, peer->expected.size);
        cr_assert_not(peer->has_ended, "cut");
        peer_send(peer, SIZE_MAX);
        peer_receive(peer, SIZE_MAX);
        rig_turn();
    }
}

static inline void peer_vanish(struct peer *peer)
{
    close(peer->fd);
    peer->fd = -1;
    peer->may_be_cut = true;
}

static inline void rig_unblock(struct client *client)
{
    client->flags &= ~(uint32_t)CLIENT_BLOCKED;
    reply_ok(&client->reply);
    exchange_resume(rig.exchange, client);
}

static inline void rig_resume_paused(void)
{
    rig.is_paused = false;
    for (struct client *client = rig.clients->first; client; client = client->next) {
        if (!(client->flags & CLIENT_PAUSED))
            continue;
        client->flags &= ~(uint32_t)CLIENT_PAUSED;
        exchange_resume(rig.exchange, client);
    }
}

#endif
