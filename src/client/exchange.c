/* See exchange.h. A batch is either in the list of arrived ones, or held by its client (blocked,
 * paused), or with its I/O thread. */
#include "client/exchange.h"

#include "base/clock.h"
#include "base/memory.h"
#include <string.h>

struct arrived {
    struct request_batch *head;
    struct request_batch *tail;
};

struct exchange {
    struct io_pool *pool;
    struct client_table *clients;
    struct exchange_hooks hooks;
    const struct session_resolver *resolver;
    struct session_settings settings; /* of threads that start */
    struct arrived arrived;           /* batches with requests to run */
    struct exchange_moves moves;
    struct reply_chain spent; /* to be freed, see free_spent */
    uint64_t requests_total;
    uint64_t batches_total;
};

/* A session between RECALL and its answer: what main has to say about it waits here. */
struct transfer {
    struct io_thread *to;
    uint32_t count;
    uint32_t capacity;
    struct message *messages;
};

struct window_entry {
    struct request_batch *batch;
    struct request *request;
};

/* -- on the I/O threads -- */

static void thread_on_start(struct io_thread *thread)
{
    /* Main waits until the thread has started, so it may read. */
    struct exchange *exchange = thread->context;
    struct session_host *host = session_host_create(thread, exchange->resolver);
    host->settings = exchange->settings;
    thread->owner = host;
}

static void thread_on_message(struct io_thread *thread, const struct message *message)
{
    entering_io();
    session_host_message(thread->owner, message);
}

static void thread_on_turn(struct io_thread *thread)
{
    entering_io();
    session_host_turn(thread->owner);
}

static bool thread_on_stop(struct io_thread *thread)
{
    entering_io();
    session_host_turn(thread->owner);
    return session_host_stop(thread->owner);
}

static void thread_on_end(struct io_thread *thread)
{
    session_host_destroy(thread->owner);
    thread->owner = NULL;
}

const struct io_thread_handler *exchange_thread_handler(void)
{
    static const struct io_thread_handler handler = {.on_start = thread_on_start,
                                                     .on_message = thread_on_message,
                                                     .on_turn = thread_on_turn,
                                                     .on_stop = thread_on_stop,
                                                     .on_end = thread_on_end};
    return &handler;
}

/* -- set-up -- */

struct exchange *exchange_create(struct client_table *clients, const struct exchange_hooks *hooks,
                                 const struct session_resolver *resolver)
{
    struct exchange *exchange = mem_calloc(1, sizeof(*exchange));
    exchange->clients = clients;
    exchange->hooks = *hooks;
    exchange->resolver = resolver;
    return exchange;
}

void exchange_destroy(struct exchange *exchange)
{
    assert(!exchange->arrived.head);
    reply_chain_free(&exchange->spent);
    mem_free(exchange);
}

void exchange_set_pool(struct exchange *exchange, struct io_pool *pool)
{
    exchange->pool = pool;
}

void exchange_set_settings(struct exchange *exchange, const struct session_settings *settings)
{
    exchange->settings = *settings;
    for (int i = 0; i <= io_pool_count(exchange->pool); i++) {
        struct io_thread *thread = io_pool_thread(exchange->pool, i);
        if (thread && io_thread_is_up(thread))
            io_thread_post(thread, (struct message){.type = SESSION_SETTINGS,
                                                    .a = mem_dup(settings, sizeof(*settings))});
    }
}

void exchange_lend(struct exchange *exchange, struct client *client, int fd, unsigned flags)
{
    client->thread = io_pool_place(exchange->pool, flags & LEND_TLS);
    client->fd_number = fd;
    uintptr_t how = flags | (uintptr_t)clock_ms() << LEND_TIME_SHIFT;
    io_thread_post(client->thread, (struct message){.type = SESSION_LEND,
                                                    .value = (uint32_t)fd,
                                                    .a = client,
                                                    .b = &client->meters,
                                                    .c = (void *)how});
}

/* -- sending down -- */

static void post(struct client *client, struct message message)
{
    assert(client->thread);
    struct transfer *transfer = client->transfer;
    if (!transfer) {
        io_thread_post(client->thread, message);
        return;
    }
    if (transfer->count == transfer->capacity) {
        transfer->capacity = transfer->capacity ? transfer->capacity * 2 : 4;
        transfer->messages =
            mem_realloc(transfer->messages, transfer->capacity * sizeof(*transfer->messages));
    }
    transfer->messages[transfer->count++] = message;
}

/* -- moving -- */

bool exchange_move(struct exchange *exchange, struct client *client, struct io_thread *to)
{
    uint32_t fixed = CLIENT_CLOSING | CLIENT_CLOSE_AFTER_REPLY | CLIENT_INTERNAL;
    if (!client->session || client->flags & fixed || client->transfer || client->thread == to ||
        io_pool_is_stopping(exchange->pool))
        return false;
    post(client, (struct message){.type = SESSION_RECALL, .a = client->session});
    client->transfer = mem_calloc(1, sizeof(*client->transfer));
    client->transfer->to = to;
    io_pool_count_in(to);
    exchange->moves.under_way++;
    return true;
}

/* The client is at home at `thread`; what had to wait goes there. */
static void end_transfer(struct exchange *exchange, struct client *client,
                         struct io_thread *thread) ON_MAIN
{
    struct transfer *transfer = client->transfer;
    io_pool_unplace(client->thread == thread ? transfer->to : client->thread);
    client->thread = thread;
    client->transfer = NULL;
    exchange->moves.under_way--;
    for (uint32_t i = 0; i < transfer->count; i++)
        io_thread_post(thread, transfer->messages[i]);
    mem_free(transfer->messages);
    mem_free(transfer);
}

/* Where it was to go may have been given up meanwhile. */
static struct io_thread *choose_home(struct exchange *exchange, struct io_thread *wanted) ON_MAIN
{
    if (!io_pool_is_stopping(exchange->pool) && io_thread_is_placeable(wanted))
        return wanted;
    struct io_thread *home = io_pool_is_stopping(exchange->pool) ? io_pool_thread(exchange->pool, 0)
                                                                 : io_pool_choose(exchange->pool);
    io_pool_count_in(home);
    io_pool_unplace(wanted);
    return home;
}

/* A connection whose handshake is not over, off a thread that retires. */
static void rehome(struct exchange *exchange, struct client *client,
                   struct session *session) ON_MAIN
{
    io_pool_unplace(client->thread);
    client->thread = io_pool_is_stopping(exchange->pool)
                         ? io_pool_thread(exchange->pool, 0)
                         : io_pool_choose_for_handshake(exchange->pool);
    io_pool_count_in(client->thread);
    io_thread_post(client->thread, (struct message){.type = SESSION_ADOPT, .a = session});
}

void exchange_retire(struct exchange *exchange, struct io_thread *thread)
{
    (void)exchange;
    if (io_thread_is_up(thread))
        io_thread_post(thread, (struct message){.type = SESSION_RETIRE});
}

static void take_returned(struct exchange *exchange, const struct message *message) ON_MAIN
{
    struct client *client = message->a;
    struct transfer *transfer = client->transfer;
    if (!client->session) {
        rehome(exchange, client, message->b);
        return;
    }
    assert(transfer && client->session == message->b);
    if (!message->value) {
        exchange->moves.stayed++;
        end_transfer(exchange, client, client->thread);
        return;
    }
    exchange->moves.moved++;
    transfer->to = choose_home(exchange, transfer->to);
    io_thread_post(transfer->to, (struct message){.type = SESSION_ADOPT, .a = client->session});
    end_transfer(exchange, client, transfer->to);
}

void exchange_count_moves(const struct exchange *exchange, struct exchange_moves *moves)
{
    *moves = exchange->moves;
}

/* -- what main has to say -- */

void exchange_send_limits(struct exchange *exchange, struct client *client)
{
    (void)exchange;
    if (client->session)
        post(client, (struct message){.type = SESSION_LIMITS,
                                      .a = client->session,
                                      .value = (client->flags & CLIENT_ADMITTED) != 0});
}

void exchange_close(struct exchange *exchange, struct client *client, enum connection_close_how how)
{
    (void)exchange;
    if (client->flags & CLIENT_INTERNAL)
        return;
    client->flags |= CLIENT_CLOSING;
    if (client->session) /* else when it opens */
        post(client,
             (struct message){.type = SESSION_CLOSE, .a = client->session, .value = (uint32_t)how});
}

static void count_output(struct client *client, size_t size)
{
    client->output_published += size;
}

void exchange_push(struct exchange *exchange, struct client *client)
{
    (void)exchange;
    if (!client->session || client->flags & CLIENT_CLOSING) {
        if (!client->batch) /* else the chain may hold its room, and goes back with it */
            reply_chain_free(&client->reply.chain);
        return;
    }
    struct reply_chain chain = client->reply.chain;
    client->reply.chain = (struct reply_chain){0};
    if (!chain.head)
        return;
    count_output(client, chain.size);
    post(client, (struct message){
                     .type = SESSION_PUSH, .a = client->session, .b = chain.head, .c = chain.tail});
}

static void give_back(struct client *client, struct request_batch *batch)
{
    batch->next = NULL;
    post(client, (struct message){.type = SESSION_BATCH_BACK, .a = batch});
}

uint64_t exchange_output_size(const struct client *client)
{
    uint64_t sent = client_meter_get(client->meters.bytes_out);
    uint64_t unsent = client->output_published > sent ? client->output_published - sent : 0;
    return unsent + client->output_gathered;
}

/* -- taking messages -- */

static void push_arrived(struct exchange *exchange, struct request_batch *batch)
{
    batch->next = NULL;
    if (exchange->arrived.tail)
        exchange->arrived.tail->next = batch;
    else
        exchange->arrived.head = batch;
    exchange->arrived.tail = batch;
}

static void take_requests(struct exchange *exchange, struct request_batch *batch) ON_MAIN
{
    struct client *client = batch->client;
    assert(!client->batch);
    if (client->flags & CLIENT_CLOSING) {
        give_back(client, batch);
        return;
    }
    exchange->batches_total++;
    if (client->reply.chain.head) /* pushes, which come before the replies */
        exchange_push(exchange, client);
    client->batch = batch;
    reply_begin(&client->reply, client->protocol, batch->room);
    batch->room = NULL;
    if (!(client->flags & (CLIENT_BLOCKED | CLIENT_PAUSED)))
        push_arrived(exchange, batch);
    else
        post(client, (struct message){.type = SESSION_HELD, .a = client->session});
}

static void take_opened(struct exchange *exchange, struct client *client, struct session *session,
                        const struct tls_facts *facts) ON_MAIN
{
    client->session = session;
    if (client->flags & CLIENT_CLOSING) {
        exchange_close(exchange, client, CONNECTION_CLOSE_NOW);
    } else {
        client->flags |= CLIENT_OPENED;
        exchange->hooks.on_opened(exchange->hooks.context, client, facts);
    }
    exchange_send_limits(exchange, client);
}

static void unlink_arrived(struct exchange *exchange, const struct request_batch *batch)
{
    struct request_batch *previous = NULL;
    for (struct request_batch *each = exchange->arrived.head; each; each = each->next) {
        if (each == batch) {
            if (previous)
                previous->next = each->next;
            else
                exchange->arrived.head = each->next;
            if (exchange->arrived.tail == each)
                exchange->arrived.tail = previous;
            return;
        }
        previous = each;
    }
}

static void take_closed(struct exchange *exchange, const struct message *message) ON_MAIN
{
    struct client *client = message->a;
    struct session *session = message->b;
    if (client->transfer) /* closed before it left: where it was knows what to do with the rest */
        end_transfer(exchange, client, client->thread);
    if (client->batch) {
        unlink_arrived(exchange, client->batch);
        client->batch->replies = client->reply.chain;
        client->reply.chain = (struct reply_chain){0};
        give_back(client, client->batch);
        client->batch = NULL;
    }
    client->flags |= CLIENT_CLOSING;
    client->session = NULL;
    exchange->hooks.on_closed(exchange->hooks.context, client,
                              (enum connection_outcome)(message->value & 0xff),
                              (enum session_close_reason)(message->value >> 8), message->c);
    post(client, (struct message){.type = SESSION_FORGET, .a = session});
    io_pool_unplace(client->thread);
    client_destroy(exchange->clients, client);
}

void exchange_discard(struct exchange *exchange, struct reply_chain *chain)
{
    reply_chain_append(&exchange->spent, chain);
}

/* A part of what is spent: a connection that goes with a large reply leaves tens of thousands of
 * chunks. A quarter is more than what comes while few are spent, and bounds the rest otherwise. */
static void free_spent(struct exchange *exchange) ON_MAIN
{
    size_t left = exchange->spent.size;
    size_t part = left / 4 > EXCHANGE_FREED_PER_DRAIN ? left / 4 : EXCHANGE_FREED_PER_DRAIN;
    struct reply_chunk *chunk;
    while (left - exchange->spent.size < part && (chunk = reply_chain_pop(&exchange->spent)))
        reply_chunk_free(chunk);
}

static void take_spent(struct exchange *exchange, const struct message *message) ON_MAIN
{
    struct reply_chain chain = {
        .head = message->a, .tail = message->b, .size = (size_t)(uintptr_t)message->c};
    exchange_discard(exchange, &chain);
}

static void take_message(struct exchange *exchange, struct io_thread *thread,
                         const struct message *message) ON_MAIN
{
    switch (message->type) {
    case SESSION_OPENED:
        take_opened(exchange, message->a, message->b, message->c);
        break;
    case SESSION_REQUESTS:
        take_requests(exchange, message->a);
        break;
    case SESSION_SPENT:
        take_spent(exchange, message);
        break;
    case SESSION_CLOSED:
        take_closed(exchange, message);
        break;
    case SESSION_RETURNED:
        take_returned(exchange, message);
        break;
    case IO_MESSAGE_STOPPED:
        io_pool_note_stopped(exchange->pool, thread);
        break;
    default:
        panic("message %u from %s is not for main", message->type, thread->name);
    }
}

size_t exchange_drain(struct exchange *exchange)
{
    size_t total = 0;
    struct io_thread *own = io_pool_thread(exchange->pool, 0);
    mailbox_publish(&own->to_main);
    for (int i = 0; i <= io_pool_count(exchange->pool); i++) {
        struct io_thread *thread = io_pool_thread(exchange->pool, i);
        if (!thread)
            continue;
        struct message message;
        size_t count = 0;
        while (count < EXCHANGE_MESSAGES_PER_DRAIN_MAX &&
               mailbox_receive(&thread->to_main, &message)) {
            take_message(exchange, thread, &message);
            count++;
        }
        if (count)
            mailbox_release(&thread->to_main);
        total += count;
    }
    free_spent(exchange);
    return total;
}

/* -- running -- */

/* All of the batch was answered: its replies go down, and it with them. */
static void seal(struct exchange *exchange, struct client *client,
                 struct request_batch *batch) ON_MAIN
{
    batch->replies = client->reply.chain;
    client->reply.chain = (struct reply_chain){0};
    client->batch = NULL;
    client->request = NULL;
    batch->next = NULL;
    count_output(client, batch->replies.size);
    post(client, (struct message){.type = SESSION_REPLIES, .a = batch});
    if (client->flags & CLIENT_CLOSE_AFTER_REPLY && !(client->flags & CLIENT_CLOSING))
        exchange_close(exchange, client, CONNECTION_CLOSE_AFTER_OUTPUT);
}

/* The client waits: what is answered so far is sent, the rest of the batch stays with the client.
 */
static void hold(struct exchange *exchange, struct client *client) ON_MAIN
{
    post(client, (struct message){.type = SESSION_HELD, .a = client->session});
    if (client->reply.chain.size > 0) {
        exchange_push(exchange, client);
        reply_begin(&client->reply, client->protocol, NULL);
    }
}

static bool must_stop(const struct client *client)
{
    return client->flags &
           (CLIENT_BLOCKED | CLIENT_PAUSED | CLIENT_CLOSING | CLIENT_CLOSE_AFTER_REPLY);
}

static void run_request(struct exchange *exchange, const struct window_entry *entry)
{
    struct request_batch *batch = entry->batch;
    struct client *client = batch->client;
    if (must_stop(client))
        return;
    assert(batch->current == entry->request);
    client->request = entry->request;
    exchange->hooks.execute(exchange->hooks.context, client, entry->request);
    if (!(client->flags & CLIENT_BLOCKED))
        client->request = NULL;
    if (!(client->flags & CLIENT_PAUSED))
        batch->current = entry->request->next;
}

/* After its last request in a window: seals a batch that is done, keeps one that waits. */
static void finish_batch(struct exchange *exchange, struct request_batch *batch) ON_MAIN
{
    struct client *client = batch->client;
    if (client->flags & (CLIENT_BLOCKED | CLIENT_PAUSED) && !(client->flags & CLIENT_CLOSING)) {
        hold(exchange, client);
        return;
    }
    if (!batch->current || must_stop(client))
        seal(exchange, client, batch);
    else
        push_arrived(exchange, batch); /* more of it comes in the next window */
}

static struct request_batch *pop_arrived(struct exchange *exchange)
{
    struct request_batch *batch = exchange->arrived.head;
    if (batch) {
        exchange->arrived.head = batch->next;
        if (!exchange->arrived.head)
            exchange->arrived.tail = NULL;
        batch->next = NULL;
    }
    return batch;
}

static size_t fill_window(struct exchange *exchange, struct window_entry *window)
{
    size_t count = 0;
    struct request_batch *batch;
    while (count < EXCHANGE_WINDOW && (batch = pop_arrived(exchange))) {
        for (struct request *request = batch->current; request && count < EXCHANGE_WINDOW;
             request = request->next)
            window[count++] = (struct window_entry){batch, request};
    }
    return count;
}

static size_t run_window(struct exchange *exchange) ON_MAIN
{
    struct window_entry window[EXCHANGE_WINDOW];
    size_t count = fill_window(exchange, window);
    for (int stage = 0; stage < 2 && count > 1; stage++)
        for (size_t i = 0; i < count; i++)
            exchange->hooks.prefetch(exchange->hooks.context, window[i].batch->client,
                                     window[i].request, stage);
    for (size_t i = 0; i < count; i++) {
        run_request(exchange, &window[i]);
        if (i + 1 == count || window[i + 1].batch != window[i].batch)
            finish_batch(exchange, window[i].batch);
    }
    exchange->requests_total += count;
    return count;
}

size_t exchange_run(struct exchange *exchange)
{
    size_t total = 0;
    size_t count;
    while ((count = run_window(exchange)) > 0) {
        total += count;
        io_pool_publish(exchange->pool);
    }
    return total;
}

void exchange_resume(struct exchange *exchange, struct client *client)
{
    assert(!(client->flags & (CLIENT_BLOCKED | CLIENT_PAUSED)));
    client->request = NULL;
    if (!client->batch || client->flags & CLIENT_CLOSING)
        return;
    if (client->batch->current)
        push_arrived(exchange, client->batch);
    else
        seal(exchange, client, client->batch);
}

void exchange_publish(struct exchange *exchange)
{
    io_pool_publish(exchange->pool);
}

void exchange_turn(struct exchange *exchange)
{
    entering_io(); /* main is the I/O thread of what it serves inline */
    session_host_turn(io_pool_thread(exchange->pool, 0)->owner);
}

bool exchange_is_idle(struct exchange *exchange)
{
    struct mailbox *own = &io_pool_thread(exchange->pool, 0)->to_main;
    return !exchange->arrived.head && !exchange->spent.head && io_pool_is_quiet(exchange->pool) &&
           !io_pool_has_backlog(exchange->pool) && !spsc_has_unpublished(&own->ring) &&
           own->backlog_count == 0;
}

uint64_t exchange_requests_total(const struct exchange *exchange)
{
    return exchange->requests_total;
}

uint64_t exchange_batches_total(const struct exchange *exchange)
{
    return exchange->batches_total;
}
