/* Main's side of the lending contract (session_message.h): takes messages from all I/O threads,
 * runs requests in windows with prefetching, seals replies and sends them back, closes and frees
 * clients. Main thread. What a request means is the business of the hooks.
 */
#ifndef CLIENT_EXCHANGE_H
#define CLIENT_EXCHANGE_H

#include "client/client.h"
#include "client/client_table.h"
#include "client/session.h"
#include "io/connection.h"
#include "io/io_pool.h"

struct exchange;

enum {
    EXCHANGE_WINDOW = 64,                   /* requests prefetched and run together */
    EXCHANGE_MESSAGES_PER_DRAIN_MAX = 4096, /* taken from one thread before the others get a turn */
    EXCHANGE_FREED_PER_DRAIN = 2 * 1024 * 1024 /* bytes of replies, at least */
};

struct exchange_hooks {
    void *context;
    /* Runs one request; replies go to client->reply. Sets CLIENT_BLOCKED or CLIENT_PAUSED when the
     * client's later requests have to wait (PAUSED: this one too, it was not run). */
    void (*execute)(void *context, struct client *client, struct request *request);
    /* Touches what `request` will need; stage 0 then 1 for all requests of a window. */
    void (*prefetch)(void *context, struct client *client, struct request *request, int stage);
    /* The handshake is done; `facts` is NULL for a plain connection. May close the client. */
    void (*on_opened)(void *context, struct client *client, const struct tls_facts *facts);
    /* The connection is gone; the client is destroyed after return. `text` may be NULL. */
    void (*on_closed)(void *context, struct client *client, enum connection_outcome outcome,
                      enum session_close_reason reason, const char *text);
};

struct exchange *exchange_create(struct client_table *clients, const struct exchange_hooks *hooks,
                                 const struct session_resolver *resolver);
void exchange_destroy(struct exchange *exchange);
/* The handler that the pool's threads are created with; their context is the exchange. */
const struct io_thread_handler *exchange_thread_handler(void);
/* After the pool was created. */
void exchange_set_pool(struct exchange *exchange, struct io_pool *pool);

/* Sends new settings to all threads. */
void exchange_set_settings(struct exchange *exchange,
                           const struct session_settings *settings) ON_MAIN;

/* Places the connection on a thread and lends it. `flags`: enum lend_flag. Takes over fd. */
void exchange_lend(struct exchange *exchange, struct client *client, int fd,
                   unsigned flags) ON_MAIN;

/* Begins to move the client's connection to thread `to` (session_message.h). It is served all the
 * while, and may stay where it is when it does not come to rest. False when it cannot be moved now:
 * not open yet, closing, moving already, or there. */
bool exchange_move(struct exchange *exchange, struct client *client, struct io_thread *to) ON_MAIN;

/* The thread retires: connections whose handshake is not over go elsewhere. May be repeated. */
void exchange_retire(struct exchange *exchange, struct io_thread *thread) ON_MAIN;

struct exchange_moves {
    uint64_t moved;
    uint64_t stayed; /* did not come to rest in time */
    uint64_t under_way;
};

void exchange_count_moves(const struct exchange *exchange, struct exchange_moves *moves) ON_MAIN;

/* Takes what has arrived; returns the number of messages. */
size_t exchange_drain(struct exchange *exchange) ON_MAIN;
/* Runs all requests that arrived, a window at a time. Replies are visible to I/O threads afterwards
 * unless exchange_hold_replies is in force. Returns the number of requests. */
size_t exchange_run(struct exchange *exchange) ON_MAIN;
/* Makes everything posted visible (end of a turn). */
void exchange_publish(struct exchange *exchange) ON_MAIN;
/* Main's own loop: end of a turn for sessions served inline. */
void exchange_turn(struct exchange *exchange) ON_MAIN;
/* True when nothing waits to be drained or run. */
bool exchange_is_idle(struct exchange *exchange) ON_MAIN;

/* Goes on with the requests of a client that was blocked or paused (flags cleared by the caller).
 */
void exchange_resume(struct exchange *exchange, struct client *client) ON_MAIN;
/* Sends what client->reply holds outside of a request (push messages, replies to unblocked
 * clients). */
void exchange_push(struct exchange *exchange, struct client *client) ON_MAIN;
/* Frees chunks of main's that nobody will send, a part a turn. The chain becomes empty. */
void exchange_discard(struct exchange *exchange, struct reply_chain *chain) ON_MAIN;
/* Tells the I/O side whether the client is authenticated. */
void exchange_send_limits(struct exchange *exchange, struct client *client) ON_MAIN;
/* Begins to close; nothing of the client is executed any more. on_closed follows later. */
void exchange_close(struct exchange *exchange, struct client *client,
                    enum connection_close_how how) ON_MAIN;

/* Unsent output of a client, as far as its thread has told. */
uint64_t exchange_output_size(const struct client *client);
uint64_t exchange_requests_total(const struct exchange *exchange);
/* Batches that brought them: requests per batch tell how deep clients pipeline. */
uint64_t exchange_batches_total(const struct exchange *exchange);

#endif
