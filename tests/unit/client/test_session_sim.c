/* Sessions on the simulated backend, between clients that pipeline commands and a main thread that
 * answers when it likes, closes, blocks, pushes, and moves sessions between two hosts: every
 * command is handed on once and in order with the bytes that were sent, every reply arrives once
 * and in order, CLOSED comes once and last, and nothing is kept.
 *
 * sim_seeds.h has the environment's say in which seeds run. Those that failed once are in
 * `old_failures` and run always. */
#ifdef BUILD_TLS
#include "client/session.h"

#include "backend_sim.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/loop_internal.h"
#include "protocol/resp_writer.h"
#include "sim_client.h"
#include "sim_clock.h"
#include "sim_seeds.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    SEEDS_PLAIN = 2000 / SEEDS_DIVISOR,
    SEEDS_TLS = 400 / SEEDS_DIVISOR,
    SEEDS_FAILING = 10 / SEEDS_DIVISOR, /* each as often as it makes calls */
    SIDES_MAX = 4,
    CALM_TURNS = 300, /* then the network gets fair, so that every seed ends */
    LONG_TURNS = 3000,
    TURNS_MAX = 40000,
    COMMANDS_MAX = 300,
    PAYLOAD_MAX = 150000,
    OWED_MAX = 64
};

static const uint64_t old_failures[] = {0};

enum fate {
    FATE_SHUT,        /* the client ends its stream behind the last command: it gets all replies */
    FATE_CLOSE_LAST,  /* main closes behind the reply to the last command */
    FATE_GARBAGE,     /* a protocol error behind the last command */
    FATE_CLOSE_NOW,   /* main closes at some moment */
    FATE_CLOSE_AFTER, /* ... letting output go out */
    FATE_VANISH,      /* the client closes at some moment */
    FATE_RESET,       /* ... or resets */
    FATE_COUNT
};

struct text {
    char *data;
    size_t offset; /* what was dropped */
    size_t size;   /* behind it */
    size_t capacity;
};

/* A client, and what main knows of it. */
struct side {
    struct sim *sim;
    unsigned number;
    enum fate fate;
    unsigned moment;
    bool may_hold;
    /* -- the far end -- */
    struct sim_client *client;
    struct text up; /* all commands */
    size_t up_sent;
    struct text down; /* received, not understood yet */
    unsigned commands;
    unsigned replies_seen;
    unsigned pushes_seen;
    bool saw_error;
    /* -- main -- */
    struct client_meters meters;
    int host; /* where the session is */
    struct session *session;
    struct request_batch *batch;
    unsigned requests;
    unsigned pushes;
    bool is_held;
    bool is_recalled;
    bool was_closed_by_main;
    bool is_broken; /* a protocol error was answered */
    unsigned opened;
    unsigned closed;
    struct message owed[OWED_MAX]; /* to be sent when the session is back */
    unsigned owed_count;
};

static struct {
    uint64_t seed;
    bool is_tls;
    struct io_thread threads[2];
    struct session_resolver resolver;
    struct side sides[SIDES_MAX];
    unsigned side_count;
    uint64_t resolved;
} run;

#define CHECK(side, condition)                                                                     \
    cr_assert((condition),                                                                         \
              "seed %llu%s, client %u, fate %d: %s (commands %u, handed on %u, replies %u, "       \
              "pushes %u/%u, closed %u)",                                                          \
              (unsigned long long)run.seed, run.is_tls ? " (TLS)" : "", (side)->number,            \
              (int)(side)->fate, #condition, (side)->commands, (side)->requests,                   \
              (side)->replies_seen, (side)->pushes_seen, (side)->pushes, (side)->closed)

/* -- what travels -- */

static void text_add(struct text *text, const void *data, size_t size)
{
    if (text->offset + text->size + size > text->capacity) {
        if (text->size > 0)
            memmove(text->data, text->data + text->offset, text->size);
        text->offset = 0;
        text->capacity = (text->size + size) * 2 + 64;
        text->data = mem_realloc(text->data, text->capacity);
    }
    if (size > 0)
        memcpy(text->data + text->offset + text->size, data, size);
    text->size += size;
}

static void text_drop(struct text *text, size_t size)
{
    text->size -= size;
    text->offset += size;
}

static char letter(unsigned client, unsigned command, size_t offset)
{
    uint32_t x = ((uint32_t)offset + 1) * 0x9e3779b9u + (client * 1000 + command) * 0x632be59bu;
    return (char)('a' + (x >> 28)); /* no neighbours, commands or clients look alike */
}

/* Sizes follow from the numbers, so that both ends know them. */
static size_t payload_size(unsigned client, unsigned command, bool is_reply)
{
    struct random_state random;
    random_state_seed(&random, run.seed * 1000003 + client * 1009 + command * 2 + is_reply);
    uint64_t kind = random_state_next(&random) % 100;
    size_t bound = kind < 1    ? PAYLOAD_MAX
                   : kind < 4  ? 20000
                   : kind < 10 ? 2000
                   : kind < 40 ? 100
                               : 10;
    return random_state_next(&random) % bound;
}

static bool is_payload(const char *data, size_t size, unsigned client, unsigned command)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] != letter(client, command, i))
            return false;
    }
    return true;
}

static const char *payload(unsigned client, unsigned command, size_t size)
{
    static char data[PAYLOAD_MAX];
    for (size_t i = 0; i < size; i++)
        data[i] = letter(client, command, i);
    return data;
}

static void add_command(struct side *side, unsigned command)
{
    char head[128];
    char number[16];
    size_t size = payload_size(side->number, command, false);
    int digits = snprintf(number, sizeof(number), "%u", command);
    bool is_inline = size > 0 && size < 200 && sim_chance(side->sim, 60);
    int count = is_inline
                    ? snprintf(head, sizeof(head), "ECHO %s ", number)
                    : snprintf(head, sizeof(head), "*3\r\n$4\r\nECHO\r\n$%d\r\n%s\r\n$%zu\r\n",
                               digits, number, size);
    text_add(&side->up, head, (size_t)count);
    text_add(&side->up, payload(side->number, command, size), size);
    text_add(&side->up, "\r\n", 2);
}

/* -- main: requests and replies -- */

static void check_request(struct side *side, const struct request *request)
{
    unsigned command = side->requests;
    size_t size = payload_size(side->number, command, false);
    char number[16];
    snprintf(number, sizeof(number), "%u", command);
    CHECK(side, command < side->commands);
    CHECK(side, request->argc == 3);
    CHECK(side, bytes_is(request->argv[0], "ECHO"));
    CHECK(side, bytes_is(request->argv[1], number));
    CHECK(side, request->argv[2].size == size);
    CHECK(side, is_payload(request->argv[2].data, size, side->number, command));
    CHECK(side, (request->large != NULL && request->large[2] != NULL) == (size >= 32 * 1024));
}

static void write_reply(struct side *side, struct reply *reply, const struct request *request)
{
    if (request->kind == REQUEST_PROTOCOL_ERROR) {
        CHECK(side, side->fate == FATE_GARBAGE);
        CHECK(side, side->requests == side->commands);
        CHECK(side, !side->is_broken);
        side->is_broken = true;
        reply_errorf(reply, "%s", request->error_text);
        return;
    }
    check_request(side, request);
    size_t size = payload_size(side->number, side->requests, true);
    reply_bulk(reply, payload(side->number, side->requests, size), size);
    side->requests++;
}

/* Sends, or keeps for later while the session is on its way. */
static void say(struct side *side, struct message message)
{
    if (!side->is_recalled) {
        io_thread_post(&run.threads[side->host], message);
        return;
    }
    CHECK(side, side->owed_count < OWED_MAX);
    side->owed[side->owed_count++] = message;
}

static void say_owed(struct side *side)
{
    side->is_recalled = false;
    for (unsigned i = 0; i < side->owed_count; i++)
        say(side, side->owed[i]);
    side->owed_count = 0;
}

static void answer(struct side *side)
{
    struct request_batch *batch = side->batch;
    struct reply reply;
    reply_begin(&reply, 2, batch->room);
    batch->room = NULL;
    for (struct request *request = batch->first; request; request = request->next)
        write_reply(side, &reply, request);
    batch->replies = reply.chain;
    side->batch = NULL;
    side->is_held = false;
    say(side, (struct message){.type = SESSION_REPLIES, .a = batch});
    bool is_last = side->fate == FATE_CLOSE_LAST && side->requests == side->commands;
    if ((is_last || side->is_broken) && !side->was_closed_by_main) {
        side->was_closed_by_main = true;
        say(side, (struct message){.type = SESSION_CLOSE,
                                   .a = side->session,
                                   .value = CONNECTION_CLOSE_AFTER_OUTPUT});
    }
}

static void push(struct side *side)
{
    char line[64];
    struct reply reply;
    reply_begin(&reply, 2, NULL);
    snprintf(line, sizeof(line), "push %u", side->pushes++);
    reply_simple(&reply, line);
    say(side, (struct message){.type = SESSION_PUSH,
                               .a = side->session,
                               .b = reply.chain.head,
                               .c = reply.chain.tail});
}

static void close_by_main(struct side *side, enum connection_close_how how)
{
    side->was_closed_by_main = true;
    say(side, (struct message){.type = SESSION_CLOSE, .a = side->session, .value = how});
}

static void recall(struct side *side)
{
    say(side, (struct message){.type = SESSION_RECALL, .a = side->session});
    side->is_recalled = true;
}

static void main_acts(struct side *side, unsigned turn)
{
    struct sim *sim = side->sim;
    if (side->opened == 0 || side->closed > 0)
        return;
    if (side->batch && side->may_hold && !side->is_held && sim_chance(sim, 40)) {
        side->is_held = true;
        say(side, (struct message){.type = SESSION_HELD, .a = side->session});
    }
    if (side->batch && sim_chance(sim, side->is_held ? 20 : 100))
        answer(side);
    if (side->pushes < 20 && !side->was_closed_by_main && sim_chance(sim, 10) &&
        side->owed_count < OWED_MAX / 2)
        push(side);
    if (!side->is_recalled && sim_chance(sim, 10))
        recall(side);
    if (side->was_closed_by_main || turn < side->moment)
        return;
    if (side->fate == FATE_CLOSE_NOW)
        close_by_main(side, CONNECTION_CLOSE_NOW);
    if (side->fate == FATE_CLOSE_AFTER)
        close_by_main(side, CONNECTION_CLOSE_AFTER_OUTPUT);
}

/* -- main: messages -- */

static void take_closed(struct side *side, const struct message *message)
{
    CHECK(side, side->closed == 0);
    side->closed++;
    side->session = message->b;
    say_owed(side); /* it stays where it was */
    if (side->batch)
        say(side, (struct message){.type = SESSION_BATCH_BACK, .a = side->batch});
    side->batch = NULL;
    say(side, (struct message){.type = SESSION_FORGET, .a = side->session});
    side->session = NULL;
}

static void take_returned(struct side *side, const struct message *message)
{
    CHECK(side, side->is_recalled);
    CHECK(side, side->closed == 0);
    if (message->value) {
        side->host = 1 - side->host;
        io_thread_post(&run.threads[side->host],
                       (struct message){.type = SESSION_ADOPT, .a = side->session});
    }
    say_owed(side);
}

static void take(const struct message *message)
{
    struct side *side = message->a;
    switch (message->type) {
    case SESSION_OPENED:
        CHECK(side, side->opened == 0 && side->closed == 0);
        CHECK(side, (message->c != NULL) == run.is_tls);
        side->opened++;
        side->session = message->b;
        say(side, (struct message){.type = SESSION_LIMITS, .a = side->session, .value = 1});
        break;
    case SESSION_REQUESTS: {
        struct request_batch *batch = message->a;
        side = (struct side *)(void *)batch->client;
        CHECK(side, side->opened == 1 && side->closed == 0);
        CHECK(side, side->batch == NULL);
        CHECK(side, batch->count > 0);
        side->batch = batch;
        break;
    }
    case SESSION_SPENT:
        for (struct reply_chunk *chunk = message->a; chunk;) {
            struct reply_chunk *next = chunk->next;
            reply_chunk_free(chunk);
            chunk = next;
        }
        break;
    case SESSION_CLOSED:
        take_closed(side, message);
        break;
    case SESSION_RETURNED:
        take_returned(side, message);
        break;
    default:
        cr_assert_fail("message %u", message->type);
    }
}

static void take_messages(struct io_thread *thread)
{
    struct message message;
    mailbox_publish(&thread->to_main);
    while (mailbox_receive(&thread->to_main, &message))
        take(&message);
    mailbox_release(&thread->to_main);
}

/* -- the client -- */

/* One reply or push at the beginning of what came; false when it is not whole. */
static bool understand(struct side *side)
{
    struct text *down = &side->down;
    const char *data = down->size > 0 ? down->data + down->offset : NULL;
    const char *end = data ? memchr(data, '\n', down->size) : NULL;
    if (!end)
        return false;
    size_t line = (size_t)(end - data) + 1;
    char head[300];
    snprintf(head, sizeof(head), "%.*s", (int)(line < 290 ? line : 290), data);
    unsigned number = 0;
    if (sscanf(head, "+push %u\r\n", &number) == 1) {
        CHECK(side, number == side->pushes_seen);
        side->pushes_seen++;
        text_drop(down, line);
        return true;
    }
    if (head[0] == '-') {
        CHECK(side, side->fate == FATE_GARBAGE && !side->saw_error);
        CHECK(side, side->replies_seen == side->commands);
        CHECK(side, strncmp(head, "-ERR Protocol error", 19) == 0);
        side->saw_error = true;
        text_drop(down, line);
        return true;
    }
    size_t size = payload_size(side->number, side->replies_seen, true);
    char expected[32];
    snprintf(expected, sizeof(expected), "$%zu\r\n", size);
    CHECK(side, strcmp(head, expected) == 0);
    if (down->size < line + size + 2)
        return false;
    CHECK(side, is_payload(data + line, size, side->number, side->replies_seen));
    CHECK(side, memcmp(data + line + size, "\r\n", 2) == 0);
    text_drop(down, line + size + 2);
    side->replies_seen++;
    CHECK(side, side->replies_seen <= side->requests);
    return true;
}

static void client_reads(struct side *side)
{
    static char data[PAYLOAD_MAX];
    size_t count;
    while ((count = sim_client_read(side->client, data, 1 + sim_pick(side->sim, sizeof(data)))) > 0)
        text_add(&side->down, data, count);
    while (understand(side))
        continue;
}

static void client_acts(struct side *side, unsigned turn)
{
    struct sim *sim = side->sim;
    struct sim_peer *peer = sim_client_peer(side->client);
    if (side->fate == FATE_VANISH && turn == side->moment)
        sim_peer_close(peer);
    if (side->fate == FATE_RESET && turn == side->moment)
        sim_peer_reset(peer);
    sim_client_pump(side->client);
    size_t left = side->up.size - side->up_sent;
    if (left > 0 && sim_chance(sim, 128)) {
        size_t size = 1 + sim_pick(sim, sim_chance(sim, 100) && left > 50 ? 50 : left);
        side->up_sent += sim_client_write(side->client, side->up.data + side->up_sent, size);
    }
    if (!sim_chance(sim, 60))
        client_reads(side);
    if (sim_chance(sim, 3))
        sim_client_update_keys(side->client);
    if (side->fate == FATE_SHUT && side->up_sent == side->up.size &&
        sim_client_is_open(side->client))
        sim_client_shut(side->client, true);
    sim_client_pump(side->client);
}

/* -- hosts -- */

static void resolve(const void *context, struct request *request)
{
    (void)context;
    (void)request;
    run.resolved++;
}

static void on_start(struct io_thread *thread)
{
    run.resolver = (struct session_resolver){resolve, NULL};
    thread->owner = session_host_create(thread, &run.resolver);
}

static void on_message(struct io_thread *thread, const struct message *message)
{
    session_host_message(thread->owner, message);
}

static void on_end(struct io_thread *thread)
{
    session_host_destroy(thread->owner);
}

static const struct io_thread_handler host_handler = {
    .on_start = on_start, .on_message = on_message, .on_end = on_end};

static void open_host(struct io_thread *thread, struct sim *sim, struct tls_context *tls)
{
    const struct loop_options options = {.backend = LOOP_BACKEND_EPOLL};
    cr_assert_eq(io_thread_init(thread, 0, &options, &host_handler, &run), 0);
    loop_watch_stop(thread->loop, &thread->wakeup_watch);
    sim_take_over(sim, thread->loop);
    const struct session_settings settings = {
        .bulk_size_max = 1 << 20, .query_size_max = 1 << 24, .handshake_timeout_ms = 5000};
    io_thread_post(thread, (struct message){.type = SESSION_SETTINGS,
                                            .a = mem_dup(&settings, sizeof(settings))});
    if (tls)
        io_thread_post(thread,
                       (struct message){.type = IO_MESSAGE_TLS, .a = tls_context_acquire(tls)});
}

/* -- a seed -- */

static void open_side(struct side *side, struct sim *sim, unsigned number, SSL_CTX *client_tls)
{
    static const unsigned counts[] = {1, 5, 30, COMMANDS_MAX};
    *side = (struct side){.sim = sim, .number = number, .host = (int)sim_pick(sim, 2)};
    side->fate = (enum fate)sim_pick(sim, FATE_COUNT);
    side->moment = (unsigned)sim_pick(sim, 100);
    /* A blocked client that leaves is not answered: not where all replies must come. */
    side->may_hold = side->fate != FATE_SHUT && sim_chance(sim, 128);
    side->commands = 1 + (unsigned)sim_pick(sim, counts[sim_pick(sim, 4)]);
    for (unsigned i = 0; i < side->commands; i++)
        add_command(side, i);
    if (side->fate == FATE_GARBAGE)
        text_add(&side->up, "*1\r\n$x\r\nPING\r\n", 14);
    struct sim_peer *peer = sim_peer_create(sim);
    side->client = sim_client_create(peer, client_tls);
    uintptr_t flags = (sim_chance(sim, 250) ? LEND_AUTHENTICATED : 0) | (client_tls ? LEND_TLS : 0);
    flags |= LEND_AUTHENTICATED;
    say(side, (struct message){.type = SESSION_LEND,
                               .value = (uint32_t)sim_peer_fd(peer),
                               .a = side,
                               .b = &side->meters,
                               .c = (void *)flags});
}

static void turn_host(struct io_thread *thread, struct sim *sim, unsigned turn)
{
    loop_poll(thread->loop, turn > LONG_TURNS ? 10000000 : (int64_t)sim_pick(sim, 2) * 1000);
    take_messages(thread);
    for (unsigned i = 0; i < run.side_count; i++)
        main_acts(&run.sides[i], turn);
    session_host_turn(thread->owner);
    loop_flush(thread->loop);
    take_messages(thread);
}

static bool is_over(void)
{
    for (unsigned i = 0; i < run.side_count; i++) {
        if (run.sides[i].closed == 0)
            return false;
    }
    return true;
}

/* True when everything arrived that its fate promised. */
static bool is_served(const struct side *side)
{
    if (side->fate != FATE_SHUT && side->fate != FATE_CLOSE_LAST && side->fate != FATE_GARBAGE)
        return true;
    return side->requests == side->commands && side->replies_seen == side->commands &&
           side->down.size == 0 && (side->fate != FATE_GARBAGE || side->saw_error);
}

static bool judge(struct side *side)
{
    for (int i = 0; i < 100; i++) {
        sim_client_pump(side->client);
        client_reads(side);
    }
    CHECK(side, side->closed == 1);
    CHECK(side, side->pushes_seen <= side->pushes);
    CHECK(side, is_served(side) || sim_has_failed(side->sim));
    sim_client_destroy(side->client);
    mem_free(side->up.data);
    mem_free(side->down.data);
    return is_served(side);
}

static void close_host(struct io_thread *thread)
{
    const struct session_host *host = thread->owner;
    cr_assert_eq(host->count, 0, "seed %llu", (unsigned long long)run.seed);
    cr_assert(reply_chain_is_empty(&host->spent), "seed %llu", (unsigned long long)run.seed);
    io_thread_deinit(thread);
}

/* `fail_call` > 0: that call of the backend fails with `error`. Returns whether there was one. */
static bool run_seed(uint64_t seed, const struct sim_tls *tls, uint64_t fail_call, int error)
{
    sim_clock_now_us = 1000000000;
    run.seed = seed;
    run.is_tls = tls != NULL;
    run.resolved = 0;
    struct sim *sim = sim_create(seed, sim_clock_advance);
    for (int i = 0; i < 2; i++)
        open_host(&run.threads[i], sim, tls ? tls->context : NULL);
    sim_fail_call(sim, fail_call, error);
    run.side_count = 1 + (unsigned)sim_pick(sim, SIDES_MAX);
    for (unsigned i = 0; i < run.side_count; i++)
        open_side(&run.sides[i], sim, i,
                  tls ? tls->clients[sim_pick(sim, tls->client_count)] : NULL);
    for (unsigned turn = 0; !is_over(); turn++) {
        CHECK(&run.sides[0], turn < TURNS_MAX);
        if (turn == CALM_TURNS)
            *sim_manner(sim) = (struct sim_manner){.pipe_size = 1 << 20};
        for (unsigned i = 0; i < run.side_count; i++)
            client_acts(&run.sides[i], turn);
        for (int i = 0; i < 2; i++)
            turn_host(&run.threads[i], sim, turn);
    }
    for (int i = 0; i < 2; i++)
        turn_host(&run.threads[i], sim, 0);
    unsigned missed = 0;
    for (unsigned i = 0; i < run.side_count; i++)
        missed += !judge(&run.sides[i]);
    CHECK(&run.sides[0], missed <= 1); /* whose call failed */
    for (int i = 0; i < 2; i++)
        close_host(&run.threads[i]);
    bool has_failed = sim_has_failed(sim);
    sim_destroy(sim);
    return has_failed;
}

/* Ways of the kernel. */
static const int call_errors[] = {ENOMEM, ECONNRESET, EPIPE, ENOBUFS, ETIMEDOUT};

static const struct sim_seeds seeds = SIM_SEEDS(run_seed, old_failures, call_errors);

static void set_up(void)
{
    mem_init();
    log_set_level(LOG_NOTHING_);
    thread_role_enter(THREAD_INDEX_MAIN, "main");
}

TestSuite(session_sim, .init = set_up, .timeout = 100000);

Test(session_sim, plain)
{
    sim_run_plain(&seeds, sim_seed_count(SEEDS_PLAIN));
}

Test(session_sim, every_call_fails_once)
{
    (void)sim_run_failing(&seeds, sim_seed_count(SEEDS_FAILING * 100) / 100, 1);
}

Test(session_sim, tls)
{
    struct sim_tls tls;
    sim_tls_init(&tls, TLS_AUTH_CLIENTS_NO);
    sim_run_tls(&seeds, &tls, sim_seed_count(SEEDS_TLS));
    sim_tls_deinit(&tls);
}

#endif
