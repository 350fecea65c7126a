/* One thread of a run: connects its clients, waits for the other threads, sends and counts until no
 * work is left, closes. Closed loop: a client that has its replies takes the next pipeline. Open
 * loop
 * (--rps): pipelines have times of their own; a client is taken from those that wait for work when
 * one is due, and what finds none goes to the next that is free, its clock running. The path of a
 * request is short: the prepared bytes get new random digits, one connection_write per pipeline;
 * replies are skipped over, not built; the clock is read once per arrival. Everything here belongs
 * to the worker's thread; what is shared is in struct run.
 */
#include "tools/benchmark/worker.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "io/connection.h"
#include "io/loop.h"
#include "io/transport_tls.h"
#include "protocol/resp_reply_reader.h"
#include "tools/benchmark/keys.h"
#include "tools/common/tls_advice.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    /* Connections of one worker being opened at the same time: below every listen backlog. */
    CONNECTING_MAX = 128,
    READ_SIZE = 16 * 1024,
    READS_MAX = 8,
    /* Pipelines a worker takes at a time from what is left to do. */
    BATCHES_TAKEN_MAX = 64,
    /* Time after which a worker tells how far it is: a part of what progress is shown in. */
    REPORT_INTERVAL_US = 50 * 1000,
    CONNECT_TIMEOUT_MS = 15 * 1000
};

/* Of one pipeline. */
static const size_t COMPOSED_SIZE_MAX = (size_t)8 * 1024 * 1024 * 1024;

enum phase { PHASE_CONNECTING, PHASE_RUNNING, PHASE_ENDING };

struct client {
    struct crew *crew;
    struct connection *connection; /* NULL while closed */
    struct reply_reader *reader;
    char *request; /* own copy when it has placeholders, else the workload's */
    size_t request_size;
    struct buffer composed; /* request points into it when there are parts */
    size_t unsent;          /* bytes at the request's end still to be written */
    int64_t pending;        /* replies to come for the pipeline under way */
    int64_t batch;          /* number of the pipeline under way */
    uint32_t greeting_left;
    bool is_busy; /* has a pipeline under way, or will once connected */
    int64_t sent_us;
};

/* A worker's state while it runs. */
struct crew {
    struct worker *worker;
    struct run *run;
    const struct options *options;
    const struct workload *workload;
    struct loop *loop;
    struct tls_context *tls;
    struct connection_options connection_options;
    enum phase phase;
    struct client *clients;
    int64_t count;
    int64_t started;    /* connections begun */
    int64_t ready;      /* greeted */
    int64_t busy;       /* clients with work under way */
    int64_t open;       /* connections that exist */
    int64_t batches;    /* taken, not yet sent */
    int64_t next_batch; /* the first of these */
    struct section section;
    int64_t reported_us; /* when it last told how far it is */
    int64_t section_us;  /* when it began */
    int64_t *idle;       /* open loop: a ring of clients that wait for work, by index */
    int64_t idle_first;
    int64_t idle_count;
    void *tls_session; /* to resume, or NULL */
    uint64_t resumed;  /* since the last report to the run */
    uint64_t finished; /* since the last report to the run */
    uint64_t latency_sum_us;
    int64_t error_shown_us;
    struct key_source keys;
};

__attribute__((noreturn)) void fatal(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fflush(stdout);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    fflush(stderr);
    /* Other threads are at work: nothing may be torn down under them. */
    _exit(1);
}

void fatal_connection(const struct options *options, bool was_open, const char *reason)
{
    const char *advice = tls_advice(reason);
    const char *before = advice ? " (" : "";
    const char *after = advice ? ")" : "";
    if (was_open)
        fatal("Error: %s%s%s%s", reason[0] ? reason : "Server closed the connection", before,
              advice ? advice : "", after);
    char target[256];
    options_format_target(options, target, sizeof(target));
    const char *peer = strstr(reason, " (peer "); /* that is the target again */
    fatal("Could not connect to Redis at %s: %.*s%s%s%s", target,
          peer ? (int)(peer - reason) : INT_MAX,
          reason[0] ? reason : "the server closed the connection", before, advice ? advice : "",
          after);
}

/* -- what the threads share -- */

/* Under the lock. */
static void report(struct crew *crew)
{
    struct run *run = crew->run;
    run->progress.finished += crew->finished;
    run->progress.latency_sum_us += crew->latency_sum_us;
    run->resumed += crew->resumed;
    crew->finished = 0;
    crew->latency_sum_us = 0;
    crew->resumed = 0;
}

static int64_t fair_share(const struct run *run)
{
    int64_t share = run->batches_left / (run->workers * 4);
    if (share > BATCHES_TAKEN_MAX)
        share = BATCHES_TAKEN_MAX;
    return share < 1 ? 1 : share;
}

static void take_share(struct crew *crew)
{
    struct run *run = crew->run;
    pthread_mutex_lock(&run->lock);
    int64_t share = fair_share(run);
    crew->batches = share < run->batches_left ? share : run->batches_left;
    crew->next_batch = run->batches_taken;
    run->batches_left -= crew->batches;
    run->batches_taken += crew->batches;
    report(crew);
    pthread_mutex_unlock(&run->lock);
}

/* Closed loop: true when the client may send one more pipeline, *batch. */
static bool take_batch(struct crew *crew, int64_t now_us, int64_t *batch)
{
    int64_t limit_us = crew->section.duration_us;
    if (limit_us > 0 && now_us - crew->section_us >= limit_us)
        return false;
    if (crew->batches == 0)
        take_share(crew);
    if (crew->batches == 0)
        return false;
    crew->batches--;
    *batch = crew->next_batch++;
    return true;
}

/* Open loop: each worker has every pipeline whose number leaves its index when divided. */
static bool has_scheduled(const struct crew *crew)
{
    return crew->next_batch < crew->section.batches;
}

static int64_t intended_us(const struct crew *crew, int64_t batch)
{
    double requests = (double)batch * (double)crew->options->pipeline;
    return crew->section_us + (int64_t)(requests * 1e6 / (double)crew->options->rps);
}

static void report_sometimes(struct crew *crew, int64_t now_us)
{
    if (now_us - crew->reported_us < REPORT_INTERVAL_US)
        return;
    crew->reported_us = now_us;
    pthread_mutex_lock(&crew->run->lock);
    report(crew);
    pthread_mutex_unlock(&crew->run->lock);
}

static void report_connected(struct crew *crew)
{
    pthread_mutex_lock(&crew->run->lock);
    crew->run->progress.connected++;
    pthread_mutex_unlock(&crew->run->lock);
}

/* -- sending -- */

static void randomize(struct client *client)
{
    struct crew *crew = client->crew;
    const struct workload *workload = crew->workload;
    uint64_t position = (uint64_t)client->batch * workload->placeholder_count;
    for (size_t i = 0; i < workload->placeholder_count; i++) {
        uint64_t number = key_source_next(&crew->keys, position + i);
        workload_put_digits(client->request + workload->placeholders[i], number);
    }
}

static void compose(struct client *client)
{
    struct crew *crew = client->crew;
    uint64_t count = (uint64_t)crew->options->pipeline;
    buffer_clear(&client->composed);
    if (composition_write(&crew->workload->composition, &crew->keys,
                          (uint64_t)client->batch * count, count, &client->composed) != 0)
        fatal("The requests of one pipeline are too large");
    client->request = client->composed.data;
    client->request_size = client->composed.size;
}

static void write_unsent(struct client *client)
{
    struct iovec slice = {.iov_base = client->request + client->request_size - client->unsent,
                          .iov_len = client->unsent};
    client->unsent -= connection_write(client->connection, &slice, 1);
}

static void send_batch(struct client *client, int64_t start_us)
{
    assert(client->pending == 0);
    assert(client->unsent == 0);
    if (client->crew->workload->composition.part_count > 0)
        compose(client);
    else
        randomize(client);
    client->unsent = client->request_size;
    client->pending = client->crew->options->pipeline;
    client->sent_us = start_us;
    write_unsent(client);
}

static void connect_client(struct client *client);

/* The latency of the pipeline begins at start_us. */
static void begin_batch(struct client *client, int64_t batch, int64_t start_us)
{
    struct crew *crew = client->crew;
    if (!client->is_busy)
        crew->busy++;
    client->is_busy = true;
    client->batch = batch;
    if (client->connection) {
        send_batch(client, start_us);
        return;
    }
    client->sent_us = start_us;
    connect_client(client);
}

static void rest(struct client *client)
{
    struct crew *crew = client->crew;
    if (client->is_busy)
        crew->busy--;
    client->is_busy = false;
    if (crew->options->rps == 0)
        return;
    assert(crew->idle_count < crew->count);
    crew->idle[(crew->idle_first + crew->idle_count++) % crew->count] = client - crew->clients;
}

/* The client has nothing under way: gives it the next pipeline if there is one. */
static void give_work(struct client *client, int64_t now_us)
{
    int64_t batch;
    report_sometimes(client->crew, now_us);
    if (client->crew->options->rps == 0 && take_batch(client->crew, now_us, &batch))
        begin_batch(client, batch, now_us);
    else
        rest(client);
}

/* Open loop: sends what is due, as far as clients are free. */
static void send_due(struct crew *crew, int64_t now_us)
{
    while (has_scheduled(crew) && crew->idle_count > 0) {
        int64_t start_us = intended_us(crew, crew->next_batch);
        if (start_us > now_us)
            return;
        struct client *client = &crew->clients[crew->idle[crew->idle_first]];
        crew->idle_first = (crew->idle_first + 1) % crew->count;
        crew->idle_count--;
        begin_batch(client, crew->next_batch, start_us);
        crew->next_batch += crew->run->workers;
    }
}

/* -- receiving -- */

static void check_reply(struct client *client, enum reply_type type)
{
    struct crew *crew = client->crew;
    if (type != REPLY_ERROR)
        return;
    struct bytes text = reply_reader_skipped_line(client->reader);
    if (!crew->options->shows_errors || client->greeting_left > 0)
        fatal("Error from server: %.*s", (int)text.size, text.data);
    int64_t now_us = clock_read_us();
    if (now_us - crew->error_shown_us > 1000000) {
        crew->error_shown_us = now_us;
        printf("Error from server: %.*s\n", (int)text.size, text.data);
    }
}

static void connect_more(struct crew *crew);
static void start_connected(struct client *client);

static void on_greeted(struct client *client)
{
    struct crew *crew = client->crew;
    if (crew->phase == PHASE_RUNNING) {
        if (crew->options->keeps_handshake_out && crew->workload->greeting_count > 0)
            start_connected(client);
        return;
    }
    if (crew->phase != PHASE_CONNECTING || crew->workload->is_handshakes)
        return;
    crew->ready++;
    report_connected(crew);
    connect_more(crew);
}

/* Counts the replies that have arrived; how many of the pipeline are among them. */
static int64_t skip_replies(struct client *client)
{
    int64_t count = 0;
    enum reply_type type;
    int result;
    while ((result = reply_reader_skip(client->reader, &type)) == 1) {
        if (type == REPLY_PUSH || type == REPLY_ATTRIBUTE)
            continue;
        if (__builtin_expect(type == REPLY_ERROR, 0))
            check_reply(client, type);
        if (__builtin_expect(client->greeting_left > 0, 0)) {
            if (--client->greeting_left == 0)
                on_greeted(client);
            continue;
        }
        count++;
    }
    if (result < 0)
        fatal("Error: %s", reply_reader_error(client->reader));
    if (count > client->pending)
        fatal("Error: more replies than requests");
    return count;
}

static void finish_batch(struct client *client, int64_t now_us)
{
    if (!client->crew->options->is_keep_alive) {
        connection_close(client->connection, CONNECTION_CLOSE_NOW);
        return; /* on_closed gives it work again */
    }
    give_work(client, now_us);
}

/* TLS 1.3 gives sessions behind the handshake. */
static void keep_session(struct client *client)
{
    void *session = transport_tls_take_session(connection_transport(client->connection));
    if (!session)
        return;
    tls_session_free(client->crew->tls_session);
    client->crew->tls_session = session;
}

static bool resumes(const struct crew *crew)
{
    return crew->options->handshakes == HANDSHAKES_RESUMED && crew->tls;
}

/* Takes what has arrived, but for no more than READS_MAX reads: the rest is offered again next
 * turn. */
static void receive(struct client *client)
{
    for (int i = 0; i < READS_MAX; i++) {
        size_t size;
        char *room = reply_reader_reserve(client->reader, READ_SIZE);
        if (!room)
            fatal("Error: a reply is too long");
        if (connection_read(client->connection, room, READ_SIZE, &size) != TRANSPORT_DONE)
            return;
        reply_reader_commit(client->reader, size);
    }
}

static void on_readable(struct connection *connection)
{
    struct client *client = connection_owner(connection);
    struct crew *crew = client->crew;
    int64_t now_us = clock_read_us();
    receive(client);
    int64_t count = skip_replies(client);
    if (count == 0)
        return;
    if (resumes(crew))
        keep_session(client);
    uint64_t latency_us = (uint64_t)(now_us - client->sent_us);
    histogram_record(crew->worker->latencies, latency_us, (uint64_t)count);
    crew->finished += (uint64_t)count;
    crew->latency_sum_us += latency_us * (uint64_t)count;
    client->pending -= count;
    if (client->pending == 0)
        finish_batch(client, now_us);
}

static void on_writable(struct connection *connection)
{
    struct client *client = connection_owner(connection);
    if (client->unsent > 0)
        write_unsent(client);
}

/* -- connections -- */

static void count_resumed(struct client *client)
{
    struct tls_facts facts;
    transport_tls_describe(connection_transport(client->connection), &facts);
    client->crew->resumed += facts.is_resumed;
}

/* The latency includes connecting, unless that is to be left out. */
static void start_connected(struct client *client)
{
    bool is_left_out = client->crew->options->keeps_handshake_out;
    send_batch(client, is_left_out ? clock_read_us() : client->sent_us);
}

static void on_opened(struct connection *connection)
{
    struct client *client = connection_owner(connection);
    struct crew *crew = client->crew;
    const struct workload *workload = crew->workload;
    client->greeting_left = workload->greeting_count;
    if (workload->greeting_count > 0) {
        struct iovec slice = {.iov_base = workload->greeting.data,
                              .iov_len = workload->greeting.size};
        if (connection_write(connection, &slice, 1) != workload->greeting.size)
            fatal("Error: the greeting does not fit a connection's output");
    } else {
        on_greeted(client);
    }
    if (workload->is_handshakes && connection_is_tls(connection))
        count_resumed(client);
    /* Connected while the clock runs. */
    bool waits = crew->options->keeps_handshake_out && client->greeting_left > 0;
    if (crew->phase == PHASE_RUNNING && !waits)
        start_connected(client);
    else if (workload->is_handshakes)
        send_batch(client, client->sent_us); /* for its session */
}

/* The first connection of --handshakes resumed has done its part. */
static void end_priming(struct crew *crew)
{
    if (!crew->tls_session)
        fatal("Error: the server gave no TLS session that could be resumed");
    crew->ready = crew->count;
}

static void on_closed(struct connection *connection, enum connection_outcome outcome,
                      const char *text)
{
    struct client *client = connection_owner(connection);
    struct crew *crew = client->crew;
    client->connection = NULL;
    crew->open--;
    if (crew->phase == PHASE_ENDING)
        return;
    if (outcome != OUTCOME_CLOSED_BY_US)
        fatal_connection(crew->options, crew->phase == PHASE_RUNNING && client->greeting_left == 0,
                         text);
    if (crew->phase == PHASE_CONNECTING)
        end_priming(crew);
    else
        give_work(client, clock_read_us());
}

static const struct connection_handler handler = {
    .on_opened = on_opened,
    .on_readable = on_readable,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

static void connect_client(struct client *client)
{
    struct crew *crew = client->crew;
    struct connection_options options = crew->connection_options;
    options.owner = client;
    options.tls_session = crew->tls_session;
    client->connection = connection_connect(crew->loop, crew->run->load->address, &options);
    if (!client->connection)
        fatal("Could not open a connection: out of memory or descriptors");
    crew->open++;
}

static void connect_more(struct crew *crew)
{
    if (crew->workload->is_handshakes) {
        if (resumes(crew))
            connect_client(&crew->clients[0]);
        else
            crew->ready = crew->count;
        return;
    }
    while (crew->started < crew->count && crew->started - crew->ready < CONNECTING_MAX)
        connect_client(&crew->clients[crew->started++]);
}

/* -- the thread -- */

static void turn(struct crew *crew)
{
    loop_poll(crew->loop, -1);
    loop_flush(crew->loop);
}

static void turn_open_loop(struct crew *crew)
{
    int64_t wait_us = -1;
    if (has_scheduled(crew) && crew->idle_count > 0) {
        wait_us = intended_us(crew, crew->next_batch) - clock_read_us();
        wait_us = wait_us < 0 ? 0 : wait_us;
    }
    loop_poll(crew->loop, wait_us);
    send_due(crew, clock_read_us());
    loop_flush(crew->loop);
}

static void init_client(struct crew *crew, struct client *client)
{
    const struct workload *workload = crew->workload;
    *client = (struct client){.crew = crew, .reader = reply_reader_create()};
    client->request = workload->placeholder_count > 0
                          ? mem_dup(workload->request.data, workload->request.size)
                          : workload->request.data;
    client->request_size = workload->request.size;
    buffer_init(&client->composed, COMPOSED_SIZE_MAX);
}

static void start_crew(struct crew *crew, struct worker *worker)
{
    struct run *run = worker->run;
    const struct options *options = run->load->options;
    *crew = (struct crew){.worker = worker,
                          .run = run,
                          .options = options,
                          .workload = run->load->workload,
                          .count = worker->clients};
    char error[256] = "";
    crew->loop = loop_create(&(struct loop_options){0}, error);
    if (!crew->loop)
        fatal("Could not create an event loop: %s", error);
    if (options->tls.is_enabled) {
        crew->tls = tls_flags_create_context(&options->tls, error, sizeof(error));
        if (!crew->tls)
            fatal("Could not create a TLS context: %s", error);
    }
    crew->connection_options = (struct connection_options){
        .handler = &handler,
        .tls = crew->tls,
        .handshake_timeout_ms = CONNECT_TIMEOUT_MS,
        .server_name = tls_flags_server_name(&options->tls, options->host)};
    key_source_init(&crew->keys, options, (uint64_t)options->seed + (uint64_t)worker->index);
    crew->idle = mem_calloc((size_t)crew->count, sizeof(*crew->idle));
    crew->clients = mem_calloc((size_t)crew->count, sizeof(*crew->clients));
    for (int64_t i = 0; i < crew->count; i++)
        init_client(crew, &crew->clients[i]);
}

static void run_section(struct crew *crew, struct section section)
{
    struct run *run = crew->run;
    int64_t now_us = clock_read_us();
    pthread_mutex_lock(&run->lock);
    if (run->started_us == 0) {
        run->started_us = now_us;
        run->cpu_us = -load_cpu_us();
    }
    pthread_mutex_unlock(&run->lock);
    crew->section = section;
    crew->section_us = now_us;
    crew->batches = 0;
    crew->next_batch = crew->worker->index;
    crew->idle_count = 0;
    for (int64_t i = 0; i < crew->count; i++)
        give_work(&crew->clients[i], now_us);
    loop_flush(crew->loop);
    bool is_open_loop = crew->options->rps > 0;
    while (crew->busy > 0 || (is_open_loop && has_scheduled(crew))) {
        if (is_open_loop)
            turn_open_loop(crew);
        else
            turn(crew);
    }
}

/* All workers have warmed up: counting begins anew. */
static void forget_warmup(struct crew *crew)
{
    struct run *run = crew->run;
    pthread_barrier_wait(&run->start);
    histogram_clear(crew->worker->latencies);
    crew->finished = 0;
    crew->latency_sum_us = 0;
    crew->resumed = 0;
    if (crew->worker->index == 0) {
        pthread_mutex_lock(&run->lock);
        run->batches_left = run->measured.batches;
        run->batches_taken = 0;
        run->resumed = 0;
        run->started_us = 0;
        run->progress = (struct load_progress){.connected = run->progress.connected};
        pthread_mutex_unlock(&run->lock);
    }
    pthread_barrier_wait(&run->start);
}

static void run_crew(struct crew *crew)
{
    connect_more(crew);
    while (crew->ready < crew->count || crew->run->is_idle)
        turn(crew);
    pthread_barrier_wait(&crew->run->start);
    crew->phase = PHASE_RUNNING;
    /* What gave the session to resume is not counted. */
    histogram_clear(crew->worker->latencies);
    crew->finished = 0;
    crew->latency_sum_us = 0;
    crew->resumed = 0;
    if (crew->run->warmup.batches > 0) {
        run_section(crew, crew->run->warmup);
        forget_warmup(crew);
    }
    run_section(crew, crew->run->measured);
}

static void end_crew(struct crew *crew)
{
    struct run *run = crew->run;
    int64_t now_us = clock_read_us();
    pthread_mutex_lock(&run->lock);
    report(crew);
    if (now_us > run->ended_us)
        run->ended_us = now_us;
    if (++run->ended == run->workers)
        run->cpu_us += load_cpu_us();
    pthread_cond_signal(&run->changed);
    pthread_mutex_unlock(&run->lock);
    crew->phase = PHASE_ENDING;
    for (int64_t i = 0; i < crew->count; i++) {
        if (crew->clients[i].connection)
            connection_close(crew->clients[i].connection, CONNECTION_CLOSE_NOW);
    }
    while (crew->open > 0)
        turn(crew);
    for (int64_t i = 0; i < crew->count; i++) {
        reply_reader_destroy(crew->clients[i].reader);
        if (crew->workload->placeholder_count > 0)
            mem_free(crew->clients[i].request);
        buffer_deinit(&crew->clients[i].composed);
    }
    mem_free(crew->clients);
    mem_free(crew->idle);
    tls_session_free(crew->tls_session);
    if (crew->tls)
        tls_context_release(crew->tls);
    loop_destroy(crew->loop);
}

void *worker_main(void *argument)
{
    struct crew crew;
    mem_thread_start();
    start_crew(&crew, argument);
    run_crew(&crew);
    end_crew(&crew);
    mem_thread_stop();
    return NULL;
}
