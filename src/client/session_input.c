/* The way in: plaintext into blocks, requests out of blocks, batches to main. [I]
 *
 * The unfinished request always lies contiguous at block->data[request_start]. When a block is
 * full, or goes away with a batch that points into it, only that tail is copied into the next
 * block, and wiped where it was: it may be half a password, of which main wipes the rest. At most
 * one batch per session is with main; meanwhile the next one is filled, up to its maxima, and then
 * reading pauses.
 */
#include "client/session.h"

#include "base/clock.h"
#include "base/memory.h"
#include "io/byte_pool.h"
#include <string.h>

enum { READ_SIZE_MIN = 1024 };

static bool batch_is_full(const struct session *session)
{
    const struct request_batch *batch = session->batch;
    return batch &&
           (batch->count >= REQUEST_BATCH_COUNT_MAX || batch->size >= REQUEST_BATCH_SIZE_MAX);
}

static bool may_submit(const struct session *session)
{
    return !session->is_in_flight && session->output.size <= SESSION_OUTPUT_PAUSE_SIZE;
}

static void pause_reading(struct session *session)
{
    if (session->is_reading_paused)
        return;
    session->is_reading_paused = true;
    connection_pause_reading(session->connection);
    session_deaf_update(session);
}

static void resume_reading(struct session *session)
{
    if (!session->is_reading_paused || session->is_broken || session->closes_after_output)
        return;
    session->is_reading_paused = false;
    connection_resume_reading(session->connection);
}

void session_update_end(struct session *session)
{
    bool is_deferred =
        session->batch || (session->is_in_flight && !session->is_held) || session->output.head;
    if (is_deferred == session->is_end_deferred)
        return;
    session->is_end_deferred = is_deferred;
    connection_defer_end(session->connection, is_deferred);
}

static void drop_block(struct session *session)
{
    if (session->block)
        input_block_free(session_pool(session->host), session->block);
    session->block = NULL;
    session->request_start = 0;
}

void session_free_input(struct session *session)
{
    for (int32_t i = 0; i < session->parser.argc; i++)
        if (session->parser.args[i].large)
            shared_bytes_release(session->parser.args[i].large);
    resp_parser_deinit(&session->parser);
    if (session->large)
        shared_bytes_release(session->large);
    session->large = NULL;
    if (session->batch)
        request_batch_free(session_pool(session->host), session->batch);
    session->batch = NULL;
    drop_block(session);
}

static void move_bytes(char *to, char *from, size_t size)
{
    memcpy(to, from, size);
    mem_wipe(from, size);
}

/* The block goes to the batch, whose requests point into it; the unfinished tail moves to a new
 * one. */
static void give_block_to_batch(struct session *session)
{
    struct input_block *block = session->block;
    uint32_t tail = block->used - session->request_start;
    struct input_block *fresh = NULL;
    if (tail) {
        size_t size =
            tail * 2 > session->block_size_hint ? (size_t)tail * 2 : session->block_size_hint;
        fresh = input_block_create(session_pool(session->host), size);
        move_bytes(fresh->data, block->data + session->request_start, tail);
        fresh->used = tail;
    }
    block->next = session->batch->blocks;
    session->batch->blocks = block;
    session->batch_uses_block = false;
    session->block = fresh;
    session->request_start = 0;
}

/* Makes sure that the block has room for a read. */
static void ensure_room(struct session *session)
{
    struct input_block *block = session->block;
    if (!block) {
        session->block = input_block_create(session_pool(session->host), session->block_size_hint);
        session->request_start = 0;
        return;
    }
    if (block->size - block->used >= READ_SIZE_MIN)
        return;
    if (session->batch_uses_block) {
        give_block_to_batch(session);
        if (session->block && session->block->size - session->block->used < READ_SIZE_MIN)
            ensure_room(session); /* once: no batch uses the new block */
        else if (!session->block)
            ensure_room(session);
        return;
    }
    uint32_t tail = block->used - session->request_start;
    if (session->request_start >= READ_SIZE_MIN) {
        memmove(block->data, block->data + session->request_start, tail);
    } else {
        struct input_block *larger =
            input_block_create(session_pool(session->host), (size_t)block->size * 2);
        move_bytes(larger->data, block->data + session->request_start, tail);
        input_block_free(session_pool(session->host), block);
        session->block = block = larger;
    }
    block->used = tail;
    session->request_start = 0;
}

static struct request_batch *batch_of(struct session *session)
{
    if (!session->batch) {
        session->batch = request_batch_create(session_pool(session->host));
        session->batch->client = session->client;
        session->batch->session = session;
        session->batch->created_us = clock_us();
        session_update_end(session);
    }
    return session->batch;
}

static void add_protocol_error(struct session *session, const char *text)
{
    struct request_batch *batch = batch_of(session);
    char *copy = request_batch_text(batch, text);
    struct request *request = request_batch_add(batch, 0, false);
    request->kind = REQUEST_PROTOCOL_ERROR;
    request->error_text = copy;
    session->is_broken = true;
    session->has_unparsed = false;
    pause_reading(session);
}

static void add_request(struct session *session, char *data)
{
    struct resp_parser *parser = &session->parser;
    struct request_batch *batch = batch_of(session);
    bool has_large = session->large_total > 0;
    struct request *request = request_batch_add(batch, parser->argc, has_large);
    for (int32_t i = 0; i < parser->argc; i++) {
        const struct resp_arg *arg = &parser->args[i];
        if (arg->large) {
            request->large[i] = arg->large;
            request->argv[i] = shared_bytes_view(request->large[i]);
        } else {
            request->argv[i] = bytes_of(data + arg->offset, arg->size);
        }
    }
    size_t size = parser->consumed + session->large_total;
    request->size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
    if (has_large && size < REQUEST_BATCH_SIZE_MAX / 4)
        size = REQUEST_BATCH_SIZE_MAX / 4; /* a few large values fill a batch */
    batch->size += size > REQUEST_BATCH_SIZE_MAX ? REQUEST_BATCH_SIZE_MAX : (uint32_t)size;
    session->large_total = 0;
    session->batch_uses_block = true;
    session->host->resolver->resolve(session->host->resolver->context, request);
}

static void close_for(struct session *session, enum session_close_reason reason)
{
    session->close_reason = (uint8_t)reason;
    connection_close(session->connection, CONNECTION_CLOSE_NOW);
}

/* Closes, without a word as Redis does, when `more` bytes make the unfinished request too large. */
static bool check_query_size(struct session *session, size_t more)
{
    size_t tail = session->block ? session->block->used - session->request_start : 0;
    if (tail <= SESSION_REQUEST_SIZE_MAX &&
        (int64_t)(tail + session->large_total + more) <= session->limits.query_size_max)
        return true;
    close_for(session, SESSION_CLOSE_QUERY_LIMIT);
    return false;
}

/* Starts receiving a large argument apart; what is already in the block moves there. False when
 * that cannot be: the session is broken or closed. */
static bool begin_large(struct session *session)
{
    struct resp_parser *parser = &session->parser;
    struct input_block *block = session->block;
    size_t size = parser->large_size;
    if (!check_query_size(session, size))
        return false;
    session->large = shared_bytes_try_create(size);
    if (!session->large) {
        add_protocol_error(session, "Protocol error: no memory for a bulk of this length");
        return false;
    }
    session->large_total += size + 2;
    uint32_t at = session->request_start + (uint32_t)parser->position;
    size_t here = block->used - at;
    if (here > size + 2)
        here = size + 2;
    memcpy(session->large->data, block->data + at, here);
    memmove(block->data + at, block->data + at + here, block->used - at - here);
    block->used -= (uint32_t)here;
    session->large_filled = here;
    return true;
}

/* True when the argument is complete and parsing may go on. */
static bool end_large(struct session *session)
{
    struct shared_bytes *large = session->large;
    if (session->large_filled < large->size + 2)
        return false;
    if (memcmp(large->data + large->size, "\r\n", 2) != 0) {
        add_protocol_error(session, "Protocol error: expected CRLF after bulk");
        return false;
    }
    large->data[large->size] = '\0';
    session->large = NULL;
    resp_parser_large_done(&session->parser, large);
    return true;
}

/* A request that a stranger may not send: perhaps the requests before it say who this is. */
static void handle_error(struct session *session)
{
    if (session->parser.is_limit_of_stranger && (session->is_in_flight || session->batch)) {
        session->has_unparsed = true;
        return;
    }
    add_protocol_error(session, session->parser.error_text);
}

/* A handshake record where a request should begin: no request starts with byte 22. */
static bool is_tls_hello(const struct session *session, const char *data, size_t size)
{
    return size >= 2 && data[0] == 0x16 && data[1] == 0x03 && resp_parser_is_idle(&session->parser);
}

/* Parses what the block holds into the batch, until input or room ends. */
static void parse_input(struct session *session)
{
    session->has_unparsed = false;
    if (session->large && !end_large(session))
        return;
    while (!session->is_broken) {
        if (!session->block)
            return;
        if (batch_is_full(session)) {
            session->has_unparsed = session->block->used > session->request_start;
            return;
        }
        char *data = session->block->data + session->request_start;
        size_t size = session->block->used - session->request_start;
        if (is_tls_hello(session, data, size)) {
            close_for(session, SESSION_CLOSE_TLS_ON_PLAIN);
            return;
        }
        switch (resp_parse(&session->parser, data, size)) {
        case RESP_REQUEST:
            add_request(session, data);
            session->request_start += (uint32_t)session->parser.consumed;
            resp_parser_next(&session->parser);
            break;
        case RESP_EMPTY:
            session->request_start += (uint32_t)session->parser.consumed;
            resp_parser_next(&session->parser);
            break;
        case RESP_LARGE_BULK:
            if (!begin_large(session) || !end_large(session))
                return;
            break;
        case RESP_ERROR:
            handle_error(session);
            return;
        case RESP_NEED_INPUT:
            (void)check_query_size(session, 0);
            return;
        }
    }
}

static void submit(struct session *session)
{
    struct request_batch *batch = session->batch;
    if (session->batch_uses_block)
        give_block_to_batch(session);
    else if (session->block && session->block->used == session->request_start && !session->large)
        drop_block(session);
    request_batch_add_room(batch);
    session->batch = NULL;
    session->is_in_flight = true;
    io_thread_report(session->host->thread, (struct message){.type = SESSION_REQUESTS, .a = batch});
}

static void update_meters(struct session *session)
{
    struct input_block *block = session->block;
    session_update_memory(session);
    size_t missing =
        session->large ? session->large->size + 2 - session->large_filled : 0; /* of it */
    client_meter_set(session->meters->input_size,
                     (block ? block->used - session->request_start : 0) + session->large_total -
                         missing);
    client_meter_set(session->meters->input_capacity,
                     (block ? block->capacity : 0) + session->large_total);
}

/* Hands on what may be handed on, and decides whether to go on reading. */
static void settle(struct session *session)
{
    if (session->batch && may_submit(session)) {
        submit(session);
        if (session->has_unparsed) /* the next batch is ready when this one comes back */
            parse_input(session);
    }
    bool must_wait = session->has_unparsed || batch_is_full(session) || session->is_broken;
    if (must_wait)
        pause_reading(session);
    else
        resume_reading(session);
    if (session->block && session->block->used == session->request_start &&
        !session->batch_uses_block && !session->large && resp_parser_is_idle(&session->parser))
        drop_block(session);
    session_update_end(session);
    update_meters(session);
}

void session_resume_input(struct session *session)
{
    if (session->is_dead || !session->connection || session->is_broken) {
        if (!session->is_dead && session->batch && may_submit(session))
            submit(session);
        return;
    }
    if (session->batch && may_submit(session))
        submit(session);
    if (session->has_unparsed)
        parse_input(session);
    settle(session);
}

static enum transport_result read_some(struct session *session, size_t *count)
{
    if (session->large) {
        size_t wanted = session->large->size + 2 - session->large_filled;
        enum transport_result result = connection_read(
            session->connection, session->large->data + session->large_filled, wanted, count);
        if (result == TRANSPORT_DONE)
            session->large_filled += *count;
        return result;
    }
    ensure_room(session);
    struct input_block *block = session->block;
    enum transport_result result = connection_read(session->connection, block->data + block->used,
                                                   block->size - block->used, count);
    if (result == TRANSPORT_DONE) {
        block->used += (uint32_t)*count;
        if (block->used == block->size)
            session->block_size_hint = INPUT_BLOCK_SIZE;
    }
    return result;
}

void session_on_readable(struct connection *connection)
{
    struct session *session = connection_owner(connection);
    assert(session->host->thread->index == thread_index_current());
    size_t budget = SESSION_READ_QUANTUM;
    size_t total = 0;
    while (budget > 0 && !session->is_broken && !session->has_unparsed && !batch_is_full(session)) {
        size_t count = 0;
        if (read_some(session, &count) != TRANSPORT_DONE)
            break;
        total += count;
        budget -= count < budget ? count : budget;
        parse_input(session);
        if (session->is_dead || !connection_is_open(connection))
            break;
    }
    client_meter_set(session->meters->bytes_in, session->meters->bytes_in + total);
    if (connection_is_open(connection))
        settle(session);
}
