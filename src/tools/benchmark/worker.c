/* One thread of a run: connects its clients, waits for the other threads, sends and counts until no
 * work is left, closes. The path of a request is short: the prepared bytes get new random digits,
 * one connection_write per pipeline; replies are skipped over, not built; the clock is read once
 * per arrival. Everything here belongs to the worker's thread; what is shared is in struct run.
 */
#include "tools/benchmark/worker.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "io/connection.h"
#include "io/loop.h"
#include "protocol/resp_reply_reader.h"
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
    CONNECT_TIMEOUT_MS = 15 * 1000
};

enum phase { PHASE_CONNECTING, PHASE_RUNNING, PHASE_ENDING };

struct client {
    struct crew *crew;
    struct connection *connection; /* NULL while closed */
    struct reply_reader *reader;
    char *request;   /* own copy when it has placeholders, else the workload's */
    size_t unsent;   /* bytes at the request's end still to be written */
    int64_t pending; /* replies to come for the pipeline under way */
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
    int64_t started;   /* connections begun */
    int64_t ready;     /* greeted */
    int64_t busy;      /* clients with work under way */
    int64_t open;      /* connections that exist */
    int64_t batches;   /* taken, not yet sent */
    uint64_t finished; /* since the last report to the run */
    uint64_t latency_sum_us;
    int64_t error_shown_us;
    struct random_state random;
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

/* -- what the threads share -- */

static void report(struct crew *crew, struct load_progress *progress)
{
    progress->finished += crew->finished;
    progress->latency_sum_us += crew->latency_sum_us;
    crew->finished = 0;
    crew->latency_sum_us = 0;
}

static int64_t fair_share(const struct run *run)
{
    int64_t share = run->batches_left / (run->workers * 4);
    if (share > BATCHES_TAKEN_MAX)
        share = BATCHES_TAKEN_MAX;
    return share < 1 ? 1 : share;
}

/* True when the caller may send one more pipeline. */
static bool take_batch(struct crew *crew)
{
    struct run *run = crew->run;
    if (crew->batches == 0) {
        pthread_mutex_lock(&run->lock);
        int64_t share = fair_share(run);
        crew->batches = share < run->batches_left ? share : run->batches_left;
        run->batches_left -= crew->batches;
        report(crew, &run->progress);
        pthread_mutex_unlock(&run->lock);
    }
    if (crew->batches == 0)
        return false;
    crew->batches--;
    return true;
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
    uint64_t space = (uint64_t)crew->options->key_space;
    for (size_t i = 0; i < workload->placeholder_count; i++) {
        uint64_t number = space ? random_state_next(&crew->random) % space : 0;
        workload_put_digits(client->request + workload->placeholders[i], number);
    }
}

static void write_unsent(struct client *client)
{
    const struct buffer *request = &client->crew->workload->request;
    struct iovec slice = {.iov_base = client->request + request->size - client->unsent,
                          .iov_len = client->unsent};
    client->unsent -= connection_write(client->connection, &slice, 1);
}

static void send_batch(struct client *client, int64_t now_us)
{
    assert(client->pending == 0);
    assert(client->unsent == 0);
    randomize(client);
    client->unsent = client->crew->workload->request.size;
    client->pending = client->crew->options->pipeline;
    client->sent_us = now_us;
    write_unsent(client);
}

static void connect_client(struct client *client);

/* The client has nothing under way: gives it the next pipeline if there is one. */
static void give_work(struct client *client, int64_t now_us)
{
    struct crew *crew = client->crew;
    if (!take_batch(crew)) {
        if (client->is_busy)
            crew->busy--;
        client->is_busy = false;
        return;
    }
    if (!client->is_busy)
        crew->busy++;
    client->is_busy = true;
    if (client->connection)
        send_batch(client, now_us);
    else
        connect_client(client);
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

static void on_greeted(struct client *client)
{
    struct crew *crew = client->crew;
    if (crew->phase != PHASE_CONNECTING)
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
    if (!client->crew->options->is_keep_alive && client->crew->phase == PHASE_RUNNING) {
        connection_close(client->connection, CONNECTION_CLOSE_NOW);
        return; /* on_closed gives it work again */
    }
    give_work(client, now_us);
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
    /* Reconnected while the clock runs: the latency includes connecting. */
    if (crew->phase == PHASE_RUNNING)
        send_batch(client, client->sent_us);
}

static void on_closed(struct connection *connection, enum connection_outcome outcome,
                      const char *text)
{
    struct client *client = connection_owner(connection);
    struct crew *crew = client->crew;
    bool was_expected = outcome == OUTCOME_CLOSED_BY_US;
    client->connection = NULL;
    crew->open--;
    if (crew->phase == PHASE_ENDING)
        return;
    if (!was_expected && (crew->phase == PHASE_CONNECTING || client->greeting_left > 0)) {
        char target[256];
        options_format_target(crew->options, target, sizeof(target));
        fatal("Could not connect to Redis at %s: %s", target,
              text[0] ? text : "the server closed the connection");
    }
    if (!was_expected)
        fatal("Error: %s", text[0] ? text : "Server closed the connection");
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
    client->sent_us = clock_read_us();
    client->connection = connection_connect(crew->loop, crew->run->load->address, &options);
    if (!client->connection)
        fatal("Could not open a connection: out of memory or descriptors");
    crew->open++;
}

static void connect_more(struct crew *crew)
{
    while (crew->started < crew->count && crew->started - crew->ready < CONNECTING_MAX)
        connect_client(&crew->clients[crew->started++]);
}

/* -- the thread -- */

static void turn(struct crew *crew)
{
    loop_poll(crew->loop, -1);
    loop_flush(crew->loop);
}

static void init_client(struct crew *crew, struct client *client)
{
    const struct workload *workload = crew->workload;
    *client = (struct client){.crew = crew, .reader = reply_reader_create()};
    client->request = workload->placeholder_count > 0
                          ? mem_dup(workload->request.data, workload->request.size)
                          : workload->request.data;
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
    random_state_seed(&crew->random, (uint64_t)options->seed + (uint64_t)worker->index);
    crew->clients = mem_calloc((size_t)crew->count, sizeof(*crew->clients));
    for (int64_t i = 0; i < crew->count; i++)
        init_client(crew, &crew->clients[i]);
}

static void run_crew(struct crew *crew)
{
    connect_more(crew);
    while (crew->ready < crew->count || crew->run->is_idle)
        turn(crew);
    pthread_barrier_wait(&crew->run->start);
    crew->phase = PHASE_RUNNING;
    int64_t now_us = clock_read_us();
    pthread_mutex_lock(&crew->run->lock);
    if (crew->run->started_us == 0 || now_us < crew->run->started_us)
        crew->run->started_us = now_us;
    pthread_mutex_unlock(&crew->run->lock);
    for (int64_t i = 0; i < crew->count; i++)
        give_work(&crew->clients[i], now_us);
    loop_flush(crew->loop);
    while (crew->busy > 0)
        turn(crew);
}

static void end_crew(struct crew *crew)
{
    struct run *run = crew->run;
    int64_t now_us = clock_read_us();
    pthread_mutex_lock(&run->lock);
    report(crew, &run->progress);
    if (now_us > run->ended_us)
        run->ended_us = now_us;
    run->ended++;
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
    }
    mem_free(crew->clients);
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
