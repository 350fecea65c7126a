/* The way out: reply chains into the connection, spent chunks back to where they came from. [I] */
#include "client/session.h"

#include "base/memory.h"

enum { SLICES_PER_WRITE = 32 };

void session_spend_chunk(struct session_host *host, struct reply_chunk *chunk)
{
    chunk->next = NULL;
    if (chunk->kind == REPLY_CHUNK_ROOM)
        mem_free(chunk);
    else
        reply_chain_push(&host->spent, chunk);
}

void session_spend_chain(struct session_host *host, struct reply_chain *chain)
{
    struct reply_chunk *chunk;
    while ((chunk = reply_chain_pop(chain)))
        session_spend_chunk(host, chunk);
}

static int gather(const struct session *session, struct iovec *slices, size_t *total)
{
    int count = 0;
    size_t skip = session->output_offset;
    *total = 0;
    for (struct reply_chunk *chunk = session->output.head; chunk && count < SLICES_PER_WRITE;
         chunk = chunk->next) {
        slices[count].iov_base = (char *)(uintptr_t)chunk->bytes + skip;
        slices[count].iov_len = chunk->size - skip;
        *total += slices[count].iov_len;
        count += slices[count].iov_len > 0;
        skip = 0;
    }
    return count;
}

/* Drops `count` bytes from the front of the output. */
static void advance(struct session *session, size_t count)
{
    while (session->output.head) {
        struct reply_chunk *head = session->output.head;
        size_t left = head->size - session->output_offset;
        if (count < left) {
            session->output_offset += count;
            return;
        }
        count -= left;
        session->output_offset = 0;
        session_spend_chunk(session->host, reply_chain_pop(&session->output));
    }
    assert(count == 0);
}

void session_update_memory(struct session *session)
{
    const struct input_block *block = session->block;
    size_t size = sizeof(*session) + session->large_total;
    if (block)
        size += block->capacity;
    if (session->batch)
        size += request_batch_memory(session->batch);
    if (session->connection) {
        size += connection_memory(session->connection);
        if (connection_is_tls(session->connection)) {
            size_t tls_size = transport_tls_memory(connection_transport(session->connection));
            client_meter_set(session->meters->tls_memory, tls_size);
            size += tls_size;
        }
    }
    client_meter_set(session->meters->memory, size);
}

void session_write(struct session *session)
{
    size_t written = 0;
    while (session->output.head) {
        struct iovec slices[SLICES_PER_WRITE];
        size_t total;
        int count = gather(session, slices, &total);
        size_t taken = count ? connection_write(session->connection, slices, count) : 0;
        advance(session, taken);
        written += taken;
        if (taken < total) {
            session->waits_for_room = true;
            break;
        }
    }
    client_meter_set(session->meters->bytes_out, session->meters->bytes_out + written);
    client_meter_set(session->meters->output_size, session->output.size);
    session_update_memory(session);
    if (session->closes_after_output && !session->output.head)
        connection_close(session->connection, CONNECTION_CLOSE_AFTER_OUTPUT);
    else
        session_update_end(session);
}

/* -- closing after the output -- */

struct session_stall {
    struct timer timer;
    struct session *session;
    size_t left; /* to send, when it was last looked */
};

static size_t bytes_left(const struct session *session)
{
    return session->output.size + connection_output_size(session->connection);
}

static void watch_stall(struct session_stall *stall)
{
    stall->left = bytes_left(stall->session);
    timer_start(loop_timers(stall->session->host->thread->loop), &stall->timer, SESSION_STALL_MS);
}

static void on_stall(struct timer *timer)
{
    struct session_stall *stall = (struct session_stall *)(void *)timer;
    if (bytes_left(stall->session) < stall->left)
        watch_stall(stall);
    else
        connection_close(stall->session->connection, CONNECTION_CLOSE_NOW);
}

_Static_assert(offsetof(struct session_stall, timer) == 0, "the cast above");

void session_close_after_output(struct session *session)
{
    session->closes_after_output = true;
    connection_pause_reading(session->connection);
    session->is_reading_paused = true;
    if (session->stall)
        return;
    session->stall = mem_calloc(1, sizeof(*session->stall));
    session->stall->session = session;
    timer_init(&session->stall->timer, on_stall);
    watch_stall(session->stall);
}

void session_stall_leave(struct session *session)
{
    if (session->stall)
        timer_stop(loop_timers(session->host->thread->loop), &session->stall->timer);
}

void session_stall_adopt(struct session *session)
{
    if (session->stall)
        watch_stall(session->stall);
}

void session_stall_free(struct session *session)
{
    session_stall_leave(session);
    mem_free(session->stall);
    session->stall = NULL;
}
