/* A session's life on its I/O thread: lent, opened, served, closed, forgotten; and the messages
 * that steer it. See session_message.h for the contract. [I] */
#include "client/session.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/tls_context.h"
#include <string.h>
#include <unistd.h>

static void on_opened(struct connection *connection);
static void on_writable(struct connection *connection);
static void on_drained(struct connection *connection);
static void on_closed(struct connection *connection, enum connection_outcome outcome,
                      const char *text);

static const struct connection_handler session_connection_handler = {
    .on_opened = on_opened,
    .on_readable = session_on_readable,
    .on_writable = on_writable,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

struct byte_pool *session_pool(struct session_host *host)
{
    return loop_byte_pool(host->thread->loop);
}

struct session_host *session_host_create(struct io_thread *thread,
                                         const struct session_resolver *resolver)
{
    struct session_host *host = mem_calloc(1, sizeof(*host));
    host->thread = thread;
    host->resolver = resolver;
    session_recall_init(host);
    session_admission_init(host);
    session_deaf_init(host);
    return host;
}

void session_host_destroy(struct session_host *host)
{
    assert(host->count == 0);
    session_recall_deinit(host);
    session_admission_deinit(host);
    session_deaf_deinit(host);
    mem_free(host);
}

void session_link(struct session_host *host, struct session *session)
{
    session->next = host->sessions;
    if (host->sessions)
        host->sessions->previous = session;
    session->previous = NULL;
    host->sessions = session;
    host->count++;
}

void session_unlink(struct session_host *host, struct session *session)
{
    if (session->previous)
        session->previous->next = session->next;
    else
        host->sessions = session->next;
    if (session->next)
        session->next->previous = session->previous;
    host->count--;
}

/* -- lent -- */

void session_report_closed(struct session *session, enum connection_outcome outcome)
{
    struct message closed = {.type = SESSION_CLOSED,
                             .value = (uint32_t)outcome | (uint32_t)session->close_reason << 8,
                             .a = session->client,
                             .b = session,
                             .c = session->closed_text};
    session->is_dead = true;
    session->meters = NULL;
    session_admission_end(session);
    io_thread_report(session->host->thread, closed);
}

void session_connect(struct session *session, int fd, int64_t handshake_timeout_ms)
{
    struct io_thread *thread = session->host->thread;
    struct connection_options options = {.handler = &session_connection_handler,
                                         .owner = session,
                                         .tls = session->is_handshaking ? thread->tls : NULL,
                                         .handshake_timeout_ms = handshake_timeout_ms};
    session->connection = connection_accept(thread->loop, fd, &options);
    if (!session->connection)
        session_report_closed(session, OUTCOME_CLOSED_BY_US);
}

static void lend(struct session_host *host, int fd, struct client *client,
                 struct client_meters *meters, uintptr_t how)
{
    struct session *session = mem_calloc(1, sizeof(*session));
    uintptr_t flags = how & LEND_FLAGS;
    session->fd = -1;
    session->accepted_ms = (int64_t)(how >> LEND_TIME_SHIFT);
    if (session->accepted_ms == 0)
        session->accepted_ms = clock_ms();
    session->host = host;
    session->client = client;
    session->meters = meters;
    session->block_size_hint = INPUT_BLOCK_SIZE_MIN;
    session->limits = (struct resp_limits){.bulk_size_max = host->settings.bulk_size_max,
                                           .query_size_max = host->settings.query_size_max,
                                           .argc_max = RESP_ARGC_MAX,
                                           .is_authenticated = (flags & LEND_AUTHENTICATED) != 0};
    resp_parser_init(&session->parser, &session->limits);
    session_link(host, session);
    bool is_tls = flags & LEND_TLS;
    if ((is_tls && !host->thread->tls) || host->is_stopping) {
        close(fd);
        session_report_closed(session, OUTCOME_CLOSED_BY_US);
        return;
    }
    if (!is_tls) {
        session_connect(session, fd, 0);
        return;
    }
    session->fd = fd;
    session_admit(host, session);
}

static void on_opened(struct connection *connection)
{
    struct session *session = connection_owner(connection);
    session->connection = connection; /* plain connections open before connection_accept returns */
    if (session->recalled_ms != 0) {  /* half open, for another thread: now main gets to know it */
        session_recall_drop(session);
        connection_cancel_detach(connection);
    }
    session_admission_end(session);
    if (connection_is_tls(connection)) {
        session->facts = mem_calloc(1, sizeof(*session->facts));
        transport_tls_describe(connection_transport(connection), session->facts);
    }
    io_thread_report(session->host->thread, (struct message){.type = SESSION_OPENED,
                                                             .a = session->client,
                                                             .b = session,
                                                             .c = session->facts});
}

/* -- closed -- */

static void drop_output(struct session *session)
{
    session_spend_chain(session->host, &session->output);
    session->output_offset = 0;
}

static void on_closed(struct connection *connection, enum connection_outcome outcome,
                      const char *text)
{
    struct session *session = connection_owner(connection);
    assert(!session->is_dead);
    session->connection = NULL;
    session_recall_drop(session);
    session_stall_free(session);
    drop_output(session);
    session_free_input(session);
    if (text && *text)
        session->closed_text = mem_strdup(text);
    session_report_closed(session, outcome);
}

static void forget(struct session *session)
{
    assert(session->is_dead);
    assert(!session->connection);
    session_unlink(session->host, session);
    session_free_input(session);
    mem_free(session->facts);
    mem_free(session->closed_text);
    mem_free(session);
}

/* -- served -- */

static void on_writable(struct connection *connection)
{
    struct session *session = connection_owner(connection);
    session->waits_for_room = false;
    session_write(session);
    session_resume_input(session);
}

/* Else an idle client would count the room of its last reply for ever. */
static void on_drained(struct connection *connection)
{
    session_update_memory(connection_owner(connection));
}

static void add_output(struct session *session, struct reply_chain *chain)
{
    if (!session->connection || session->is_dead) {
        session_spend_chain(session->host, chain);
        return;
    }
    reply_chain_append(&session->output, chain);
    if (!session->waits_for_room)
        session_write(session);
    else
        client_meter_set(session->meters->output_size, session->output.size);
}

static void take_replies(struct session_host *host, struct request_batch *batch)
{
    struct session *session = batch->session;
    struct reply_chain replies = batch->replies;
    batch->replies = (struct reply_chain){0};
    request_batch_free(session_pool(host), batch);
    session->is_in_flight = false;
    session->is_held = false;
    add_output(session, &replies);
    if (session->connection && !session->is_dead)
        session_resume_input(session);
}

static void take_push(struct session *session, struct reply_chunk *first, struct reply_chunk *last)
{
    struct reply_chain chain = {.head = first, .tail = last};
    for (struct reply_chunk *chunk = first; chunk; chunk = chunk->next)
        chain.size += chunk->size;
    add_output(session, &chain);
}

/* A client that waits for others is not waited for: its end of stream counts at once. */
static void take_held(struct session *session)
{
    session->is_held = true;
    if (!session->connection || session->is_dead)
        return;
    session_update_end(session);
    session_deaf_update(session);
}

static void take_limits(struct session *session, bool is_authenticated)
{
    session->limits.is_authenticated = is_authenticated;
    mem_free(session->facts);
    session->facts = NULL;
}

void session_close(struct session *session, enum connection_close_how how)
{
    if (session->is_dead || !session->connection)
        return;
    if (how == CONNECTION_CLOSE_AFTER_OUTPUT && session->output.head) {
        session_close_after_output(session);
        return;
    }
    connection_close(session->connection, how);
}

static void take_settings(struct session_host *host, struct session_settings *settings)
{
    host->settings = *settings;
    mem_free(settings);
    for (struct session *session = host->sessions; session; session = session->next) {
        session->limits.bulk_size_max = host->settings.bulk_size_max;
        session->limits.query_size_max = host->settings.query_size_max;
    }
}

static void give_batch_back(struct session_host *host, struct request_batch *batch)
{
    session_spend_chain(host, &batch->replies);
    request_batch_free(session_pool(host), batch);
}

void session_host_message(struct session_host *host, const struct message *message)
{
    switch ((enum session_message)message->type) {
    case SESSION_SETTINGS:
        take_settings(host, message->a);
        break;
    case SESSION_LEND:
        lend(host, (int)message->value, message->a, message->b, (uintptr_t)message->c);
        break;
    case SESSION_LIMITS:
        take_limits(message->a, message->value != 0);
        break;
    case SESSION_HELD:
        take_held(message->a);
        break;
    case SESSION_REPLIES:
        take_replies(host, message->a);
        break;
    case SESSION_PUSH:
        take_push(message->a, message->b, message->c);
        break;
    case SESSION_CLOSE:
        session_close(message->a, (enum connection_close_how)message->value);
        break;
    case SESSION_FORGET:
        forget(message->a);
        break;
    case SESSION_BATCH_BACK:
        give_batch_back(host, message->a);
        break;
    case SESSION_RECALL:
        session_recall(host, message->a);
        break;
    case SESSION_ADOPT:
        session_adopt(host, message->a);
        break;
    case SESSION_RETIRE:
        session_admission_retire(host);
        break;
    case SESSION_OPENED:
    case SESSION_REQUESTS:
    case SESSION_SPENT:
    case SESSION_CLOSED:
    case SESSION_RETURNED:
        panic("message %u is main's", message->type);
    }
}

void session_host_turn(struct session_host *host)
{
    if (host->recalled)
        session_recall_turn(host);
    session_admission_turn(host);
    if (reply_chain_is_empty(&host->spent))
        return;
    io_thread_report(host->thread, (struct message){.type = SESSION_SPENT,
                                                    .a = host->spent.head,
                                                    .b = host->spent.tail,
                                                    .c = (void *)(uintptr_t)host->spent.size});
    host->spent = (struct reply_chain){0};
}

bool session_host_stop(struct session_host *host)
{
    if (!host->is_stopping) {
        host->is_stopping = true;
        session_admission_stop(host);
        for (struct session *session = host->sessions; session; session = session->next) {
            /* Of one that is recalled main holds the replies until it has left, or stays. */
            bool are_held_back = session->recalled_ms != 0 && session->is_in_flight;
            if (are_held_back && !session->is_held)
                session_close_after_output(session);
            else
                session_close(session, CONNECTION_CLOSE_AFTER_OUTPUT);
        }
    }
    return host->count == 0;
}
