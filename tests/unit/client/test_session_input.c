/* The way in against a model: a stream of random commands, cut anywhere, handed on in batches
 * within their limits by a session whose main answers late; every command arrives once, in order
 * and equal. */
#include "client/session.h"

#include "session_rig.h"

TestSuite(session_input, .init = set_up, .timeout = 60);

/* -- the stream and its model -- */

struct stream {
    char *bytes;
    size_t size;
    size_t capacity;
    size_t sent;
};

static void append(struct stream *stream, const void *data, size_t size)
{
    if (stream->size + size > stream->capacity) {
        stream->capacity = (stream->size + size) * 2;
        stream->bytes = realloc(stream->bytes, stream->capacity);
    }
    if (size)
        memcpy(stream->bytes + stream->size, data, size);
    stream->size += size;
}

__attribute__((format(printf, 2, 3))) static void append_format(struct stream *stream,
                                                                const char *format, ...)
{
    char text[128];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    append(stream, text, (size_t)size);
}

/* Command number n is derived from n alone, so the model needs no memory. */
struct shape {
    uint64_t number;
    int argc;
    size_t large_size; /* 0: none */
};

static struct shape shape_of(uint64_t number, unsigned large_every)
{
    struct random_state random;
    random_state_seed(&random, number * 2654435761u + 17);
    struct shape shape = {.number = number, .argc = 1 + (int)pick(&random, 6)};
    if (large_every && pick(&random, large_every) == 0)
        shape.large_size = RESP_LARGE_BULK_SIZE - 2 + pick(&random, 100000);
    return shape;
}

/* Argument `index` of the command, into `to`; its size is returned. */
static size_t make_argument(const struct shape *shape, int index, char *to)
{
    if (index == 0)
        return (size_t)snprintf(to, 24, "%llu", (unsigned long long)shape->number);
    struct random_state random;
    random_state_seed(&random, shape->number * 31 + (uint64_t)index);
    size_t size = pick(&random, pick(&random, 20) ? 40 : 6000);
    if (index == shape->argc - 1 && shape->large_size)
        size = shape->large_size;
    for (size_t i = 0; i < size; i++)
        to[i] = (char)('\n' + (shape->number * 7 + (uint64_t)index + i * i) % 97);
    return size;
}

static char argument_room[RESP_LARGE_BULK_SIZE + 200000];

static void append_command(struct stream *stream, const struct shape *shape)
{
    append_format(stream, "*%d\r\n", shape->argc);
    for (int i = 0; i < shape->argc; i++) {
        size_t size = make_argument(shape, i, argument_room);
        append_format(stream, "$%zu\r\n", size);
        append(stream, argument_room, size);
        append(stream, "\r\n", 2);
    }
}

static void check_request(const struct request *request, const struct shape *shape)
{
    cr_assert_eq(request->kind, REQUEST_COMMAND);
    cr_assert_eq(request->argc, shape->argc, "command %llu", (unsigned long long)shape->number);
    for (int i = 0; i < shape->argc; i++) {
        size_t size = make_argument(shape, i, argument_room);
        cr_assert_eq(request->argv[i].size, size, "command %llu argument %d",
                     (unsigned long long)shape->number, i);
        cr_assert_eq(memcmp(request->argv[i].data, argument_room, size), 0,
                     "command %llu argument %d", (unsigned long long)shape->number, i);
        bool is_large = request->large && request->large[i];
        cr_assert_eq(is_large, size >= RESP_LARGE_BULK_SIZE);
    }
}

/* -- the fake main -- */

struct flow {
    uint64_t next;     /* command expected next */
    uint64_t answered; /* bytes of replies that came back to the peer */
    unsigned large_every;
    uint64_t taken; /* large arguments that "the keyspace" kept */
    bool takes_large;
};

static void check_batch(struct flow *flow)
{
    struct request_batch *batch = rig.batch;
    uint32_t count = 0;
    uint64_t size = 0;
    for (struct request *request = batch->first; request; request = request->next) {
        struct shape shape = shape_of(flow->next, flow->large_every);
        check_request(request, &shape);
        if (flow->takes_large && request->large && shape.number % 2) {
            struct shared_bytes *value = request_take_large(request, shape.argc - 1);
            cr_assert_not_null(value);
            cr_assert_null(request_take_large(request, shape.argc - 1), "taken once");
            cr_assert_eq(value->data[value->size], '\0');
            shared_bytes_release(value);
            flow->taken++;
        }
        size += request->size;
        flow->next++;
        count++;
    }
    cr_assert_eq(count, batch->count);
    cr_assert_leq(count, REQUEST_BATCH_COUNT_MAX);
    cr_assert_eq(batch->current, batch->first);
    /* The last request may pass the limit, by its own size. */
    cr_assert(count == 1 || size - batch->last->size < REQUEST_BATCH_SIZE_MAX || flow->large_every,
              "%llu bytes in a batch", (unsigned long long)size);
}

static void send_some(struct stream *stream, size_t maximum)
{
    size_t left = stream->size - stream->sent;
    size_t size = left < maximum ? left : maximum;
    if (size == 0)
        return;
    ssize_t count = send(rig.peer, stream->bytes + stream->sent, size, MSG_NOSIGNAL);
    cr_assert(count >= 0 || errno == EAGAIN);
    if (count > 0)
        stream->sent += (size_t)count;
}

static void receive_replies(struct flow *flow)
{
    char got[8192];
    ssize_t count;
    while ((count = rig_receive(&rig, got, sizeof(got))) > 0) {
        for (ssize_t i = 0; i < count; i++)
            cr_assert_eq(got[i], "+OK\r\n"[(flow->answered + (uint64_t)i) % 5]);
        flow->answered += (uint64_t)count;
    }
    cr_assert_neq(count, 0, "closed");
}

/* Drives all of the stream through; `late` is how many turns main may keep a batch. */
static void drive(struct stream *stream, struct flow *flow, struct random_state *random,
                  size_t piece_max, unsigned late)
{
    unsigned patience = 0;
    uint64_t idle_turns = 0;
    uint64_t total = flow->next;
    while (stream->sent < stream->size || rig.batch || idle_turns < 4) {
        size_t sent = stream->sent;
        send_some(stream, 1 + pick(random, piece_max));
        rig_turn(&rig);
        receive_replies(flow);
        if (rig.batch && patience == 0) {
            check_batch(flow);
            rig_answer(&rig);
            patience = late ? (unsigned)pick(random, late) : 0;
        } else if (patience > 0) {
            patience--;
        }
        idle_turns = sent == stream->sent && !rig.batch ? idle_turns + 1 : 0;
    }
    for (int turns = 0; flow->answered < (flow->next - total) * 5; turns++) {
        cr_assert(turns < 20000);
        rig_turn(&rig);
        receive_replies(flow);
    }
}

static void run_model(enum loop_backend backend, uint64_t seed, unsigned commands,
                      unsigned large_every, size_t piece_max, unsigned late)
{
    struct random_state random;
    random_state_seed(&random, seed);
    struct stream stream = {0};
    for (uint64_t i = 0; i < commands; i++) {
        struct shape shape = shape_of(i, large_every);
        append_command(&stream, &shape);
        if (pick(&random, 50) == 0)
            append(&stream, "*0\r\n", 4);
    }
    struct flow flow = {.large_every = large_every, .takes_large = seed % 2};
    rig_open(&rig, backend);
    rig_lend(&rig, LEND_AUTHENTICATED);
    RIG_UNTIL(&rig, rig.opened);
    drive(&stream, &flow, &random, piece_max, late);
    cr_assert_eq(flow.next, commands, "%llu of %u commands arrived", (unsigned long long)flow.next,
                 commands);
    cr_assert_eq(rig.resolved, commands);
    cr_assert_eq(rig.meters.bytes_in, stream.size);
    /* An idle session holds no input. */
    cr_assert_null(rig.session->block);
    cr_assert_null(rig.session->batch);
    cr_assert_not(rig.session->is_reading_paused);
    cr_assert_eq(rig.meters.input_capacity, 0);
    rig_close(&rig, CONNECTION_CLOSE_NOW);
    RIG_UNTIL(&rig, rig.closed);
    rig_forget(&rig);
    rig_shut(&rig);
    free(stream.bytes);
}

Test(session_input, small_commands_in_small_pieces)
{
    for (size_t b = 0; b < 2; b++)
        run_model(backends[b], 1, 300, 0, 30, 0);
}

Test(session_input, pipelines_cut_anywhere)
{
    for (size_t b = 0; b < 2; b++)
        for (uint64_t seed = 0; seed < 4; seed++)
            run_model(backends[b], 10 + seed, 3000, 0, 20000, 5);
}

Test(session_input, large_arguments_cut_anywhere)
{
    for (size_t b = 0; b < 2; b++)
        for (uint64_t seed = 0; seed < 4; seed++)
            run_model(backends[b], 20 + seed, 400, 4, seed % 2 ? 300000 : 5000, 4);
}

Test(session_input, a_pipeline_that_comes_at_once)
{
    for (size_t b = 0; b < 2; b++)
        run_model(backends[b], 30, 20000, 500, 1 << 20, 3);
}

/* Every cut of one command with a large argument, byte by byte around the interesting places. */
Test(session_input, every_cut_around_a_large_argument)
{
    struct stream stream = {0};
    static char value[RESP_LARGE_BULK_SIZE + 5];
    memset(value, 'v', sizeof(value));
    append_format(&stream, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%zu\r\n", sizeof(value));
    size_t header = stream.size;
    append(&stream, value, sizeof(value));
    append_format(&stream, "\r\n*1\r\n$4\r\nPING\r\n");
    rig_open(&rig, LOOP_BACKEND_EPOLL);
    rig_lend(&rig, LEND_AUTHENTICATED);
    RIG_UNTIL(&rig, rig.opened);
    for (size_t cut = 1; cut < stream.size; cut++) {
        if (cut == header + 10)
            cut = header + sizeof(value) - 3;
        rig_send(&rig, stream.bytes, cut);
        rig_turn(&rig);
        rig_send(&rig, stream.bytes + cut, stream.size - cut);
        unsigned requests = 0;
        while (requests < 2) {
            RIG_UNTIL(&rig, rig.batch);
            if (requests == 0) {
                cr_assert_eq(rig.batch->first->argc, 3);
                cr_assert_eq(rig.batch->first->argv[2].size, sizeof(value));
                cr_assert_eq(memcmp(rig.batch->first->argv[2].data, value, sizeof(value)), 0);
                cr_assert_eq(rig.batch->first->size, header + sizeof(value) + 2);
            }
            requests += rig.batch->count;
            rig_answer(&rig);
        }
        rig_expect(&rig, "+OK\r\n+OK\r\n");
    }
    rig_close(&rig, CONNECTION_CLOSE_NOW);
    RIG_UNTIL(&rig, rig.closed);
    rig_forget(&rig);
    rig_shut(&rig);
    free(stream.bytes);
}

/* -- limits -- */

static void open_with(unsigned flags)
{
    rig_open(&rig, LOOP_BACKEND_EPOLL);
    rig_lend(&rig, flags);
    RIG_UNTIL(&rig, rig.opened);
}

static void end_session(void)
{
    if (!rig.closed)
        rig_close(&rig, CONNECTION_CLOSE_NOW);
    RIG_UNTIL(&rig, rig.closed);
    rig_forget(&rig);
    rig_shut(&rig);
}

Test(session_input, reading_pauses_while_main_lags)
{
    open_with(LEND_AUTHENTICATED);
    static char pings[6 * 200000];
    for (size_t i = 0; i < sizeof(pings); i += 6)
        memcpy(pings + i, "PING\r\n", 6);
    struct stream stream = {.bytes = pings, .size = sizeof(pings)};
    for (int i = 0; i < 200; i++) {
        send_some(&stream, SIZE_MAX);
        rig_turn(&rig);
    }
    cr_assert_lt(stream.sent, stream.size, "the kernel's buffers are full: nobody reads");
    cr_assert(rig.session->is_reading_paused);
    cr_assert_eq(rig.batches, 1);
    cr_assert_leq(rig.session->batch->count, REQUEST_BATCH_COUNT_MAX);
    uint64_t requests = 0;
    while (requests < sizeof(pings) / 6) {
        send_some(&stream, SIZE_MAX);
        RIG_UNTIL(&rig, rig.batch);
        requests += rig.batch->count;
        rig_answer(&rig);
        char sink[65536];
        while (rig_receive(&rig, sink, sizeof(sink)) > 0)
            continue;
    }
    cr_assert_eq(requests, sizeof(pings) / 6);
    end_session();
}

/* A batch is bounded by bytes, wherever they lie: its last request may be large, no other. */
Test(session_input, large_arguments_fill_a_batch)
{
    enum { VALUE = 300000, COUNT = 12 };
    static struct stream stream;
    char *value = mem_calloc(1, VALUE);
    open_with(LEND_AUTHENTICATED);
    for (int i = 0; i < COUNT; i++) {
        append_format(&stream, "*2\r\n$4\r\nECHO\r\n$%d\r\n", VALUE);
        append(&stream, value, VALUE);
        append_format(&stream, "\r\n");
    }
    for (int i = 0; i < 200; i++) {
        send_some(&stream, SIZE_MAX);
        rig_turn(&rig);
    }
    cr_assert_eq(rig.batches, 1);
    cr_assert_eq(rig.batch->count, 1);
    cr_assert_eq(rig.session->batch->count, 1);
    cr_assert(rig.session->is_reading_paused);
    uint64_t held = client_meter_get(rig.meters.memory);
    cr_assert(held > VALUE && held < 2 * VALUE + 100000, "%llu", (unsigned long long)held);
    for (unsigned requests = 0; requests < COUNT;) {
        RIG_UNTIL(&rig, (send_some(&stream, SIZE_MAX), rig.batch));
        requests += rig.batch->count;
        rig_answer(&rig);
    }
    end_session();
    free(stream.bytes);
    mem_free(value);
}

Test(session_input, a_protocol_error_is_the_last_request)
{
    open_with(LEND_AUTHENTICATED);
    rig_send_text(&rig, "PING\r\n*1\r\n!4\r\nPING\r\nPING\r\n");
    RIG_UNTIL(&rig, rig.batch);
    cr_assert_eq(rig.batch->count, 2);
    cr_assert_eq(rig.batch->last->kind, REQUEST_PROTOCOL_ERROR);
    cr_assert_str_eq(rig.batch->last->error_text, "Protocol error: expected '$', got '!'");
    rig_answer(&rig);
    rig_expect(&rig, "+OK\r\n-ERR Protocol error: expected '$', got '!'\r\n");
    rig_send_text(&rig, "PING\r\n");
    rig_turns(&rig, 3);
    cr_assert_null(rig.batch);
    end_session();
}

Test(session_input, a_protocol_error_waits_for_the_batch_before_it)
{
    open_with(LEND_AUTHENTICATED);
    rig_send_text(&rig, "PING\r\n");
    RIG_UNTIL(&rig, rig.batch);
    rig_send_text(&rig, "PING\r\n*x\r\n");
    rig_turns(&rig, 3);
    rig_answer(&rig);
    RIG_UNTIL(&rig, rig.batch);
    cr_assert_eq(rig.batch->count, 2);
    cr_assert_eq(rig.batch->last->kind, REQUEST_PROTOCOL_ERROR);
    end_session();
}

Test(session_input, a_large_argument_without_its_line_end_is_an_error)
{
    open_with(LEND_AUTHENTICATED);
    static char value[RESP_LARGE_BULK_SIZE];
    memset(value, 'v', sizeof(value));
    rig_send_text(&rig, "*2\r\n$3\r\nGET\r\n$32768\r\n");
    rig_send(&rig, value, sizeof(value));
    rig_send_text(&rig, "xx*1\r\n");
    RIG_UNTIL(&rig, rig.batch);
    cr_assert_eq(rig.batch->first->kind, REQUEST_PROTOCOL_ERROR);
    end_session();
}

Test(session_input, strangers_are_limited_until_main_says_otherwise)
{
    /* AUTH and what only an authenticated client may send, in one piece. */
    for (int is_admitted = 0; is_admitted < 2; is_admitted++) {
        open_with(0);
        rig_send_text(&rig, "AUTH secret\r\n*11\r\n$4\r\nMGET\r\n");
        for (int i = 0; i < 10; i++)
            rig_send_text(&rig, "$1\r\nk\r\n");
        RIG_UNTIL(&rig, rig.batch);
        cr_assert_eq(rig.batch->count, 1);
        rig_turns(&rig, 5);
        if (is_admitted)
            rig_post(&rig, (struct message){.type = SESSION_LIMITS, .a = rig.session, .value = 1});
        rig_answer(&rig);
        RIG_UNTIL(&rig, rig.batch);
        cr_assert_eq(rig.batch->count, 1);
        if (is_admitted) {
            cr_assert_eq(rig.batch->first->argc, 11);
        } else {
            cr_assert_eq(rig.batch->first->kind, REQUEST_PROTOCOL_ERROR);
            cr_assert_str_eq(rig.batch->first->error_text,
                             "Protocol error: unauthenticated multibulk length");
        }
        rig_answer(&rig);
        end_session();
    }
    open_with(0);
    rig_send_text(&rig, "*1\r\n$16385\r\n");
    RIG_UNTIL(&rig, rig.batch);
    cr_assert_str_eq(rig.batch->first->error_text, "Protocol error: unauthenticated bulk length");
    end_session();
}

Test(session_input, a_request_beyond_the_query_limit_closes)
{
    open_with(LEND_AUTHENTICATED);
    rig_settings(&rig, 1 << 20);
    static char part[50000];
    memset(part, 'x', sizeof(part));
    /* Many small arguments. */
    rig_send_text(&rig, "*100000\r\n");
    for (int i = 0; i < 20000 && !rig.closed; i++) {
        char text[128];
        size_t size = (size_t)snprintf(text, sizeof(text), "$80\r\n%080d\r\n", i);
        if (send(rig.peer, text, size, MSG_NOSIGNAL) != (ssize_t)size)
            rig_turn(&rig);
        rig_turn(&rig);
    }
    cr_assert_eq(rig.closed, 1);
    cr_assert_eq(rig.reason, SESSION_CLOSE_QUERY_LIMIT);
    rig_forget(&rig);

    /* One large argument that is announced; several that add up. */
    rig_lend(&rig, LEND_AUTHENTICATED);
    RIG_UNTIL(&rig, rig.opened);
    rig_send_text(&rig, "*2\r\n$3\r\nGET\r\n$1048576\r\n");
    RIG_UNTIL(&rig, rig.closed);
    rig_forget(&rig);

    rig_lend(&rig, LEND_AUTHENTICATED);
    RIG_UNTIL(&rig, rig.opened);
    rig_send_text(&rig, "*1000\r\n");
    for (int i = 0; i < 30 && !rig.closed; i++) {
        char text[32];
        snprintf(text, sizeof(text), "$%zu\r\n", sizeof(part));
        if (send(rig.peer, text, strlen(text), MSG_NOSIGNAL) < 0 ||
            send(rig.peer, part, sizeof(part), MSG_NOSIGNAL) < 0 ||
            send(rig.peer, "\r\n", 2, MSG_NOSIGNAL) < 0)
            break;
        rig_turns(&rig, 3);
    }
    RIG_UNTIL(&rig, rig.closed);
    rig_forget(&rig);
    rig_shut(&rig);
}

Test(session_input, a_tls_hello_on_a_plain_port_closes)
{
    open_with(LEND_AUTHENTICATED);
    rig_send(&rig, "\x16\x03\x01\x02\x00\x01\x00", 7);
    RIG_UNTIL(&rig, rig.closed);
    cr_assert_eq(rig.reason, SESSION_CLOSE_TLS_ON_PLAIN);
    cr_assert_eq(rig.batches, 0);
    rig_forget(&rig);
    rig_shut(&rig);
}
