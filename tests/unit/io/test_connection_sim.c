/* Connections, plain and TLS, on the simulated backend: whatever the network does, bytes arrive in
 * order and once, ends are told once and for what they are, and nothing is kept.
 *
 * A seed makes a network, some connections with a client each, and a fate for each; sim_seeds.h
 * has the environment's say in which. Seeds that failed once are in `old_failures` and run always.
 */
#ifdef BUILD_TLS
#include "io/connection.h"

#include "backend_sim.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/io_stats.h"
#include "io/loop_internal.h"
#include "sim_client.h"
#include "sim_clock.h"
#include "sim_seeds.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    SEEDS_PLAIN = 3000 / SEEDS_DIVISOR,
    SEEDS_TLS = 400 / SEEDS_DIVISOR,
    SEEDS_FAILING = 50 / SEEDS_DIVISOR, /* each as often as it makes calls */
    SEEDS_FAILING_TLS = 3 / SEEDS_DIVISOR,
    SIDES_MAX = 4,
    CALM_TURNS = 300,  /* then the network gets fair, so that every seed ends */
    LONG_TURNS = 2000, /* ... and who waits for a timer gets it */
    TURNS_MAX = 20000,
    DATA_MAX = 400000 /* several times the output window */
};

static const uint64_t old_failures[] = {0, 102033};

/* How a connection is to end. */
enum fate {
    FATE_SHUT,        /* the client ends its stream, politely */
    FATE_CUT,         /* ... without close_notify */
    FATE_CLOSE_AFTER, /* the server closes when all is written */
    FATE_CLOSE_NOW,   /* the server closes at some moment */
    FATE_CLOSE_ANY,   /* ... with output waiting */
    FATE_VANISH,      /* the client closes both directions at some moment */
    FATE_RESET,       /* ... or resets */
    FATE_STALL,       /* the client reads nothing; the server closes */
    FATE_COUNT
};

struct side {
    struct sim *sim;
    struct connection *connection; /* NULL once closed */
    struct sim_client *client;
    enum fate fate;
    unsigned number;
    unsigned moment; /* turn of the fate */
    size_t up_total; /* to the server */
    size_t up_sent;
    size_t up_received;
    size_t down_total;
    size_t down_written;
    size_t down_received;
    bool defers_end;
    bool never_pauses;
    bool never_moves;
    bool reads_little;   /* a small part per on_readable */
    bool waits_for_room; /* after a short write: until on_writable */
    bool has_no_room;
    bool is_paused;
    bool is_detaching;
    bool was_open;
    bool was_refused; /* connection_accept gave nothing */
    bool was_late;    /* it lived on to LONG_TURNS */
    bool was_closed_by_us;
    struct loop *loop; /* where it is, or was last */
    unsigned opened;
    unsigned closed;
    enum connection_outcome outcome;
    char text[512];
};

static struct {
    uint64_t seed;
    bool is_tls;
    struct loop *loops[2];
    struct side sides[SIDES_MAX];
    unsigned side_count;
} run;

#define CHECK(condition)                                                                           \
    cr_assert((condition), "seed %llu%s: %s", (unsigned long long)run.seed,                        \
              run.is_tls ? " (TLS)" : "", #condition)
#define CHECK_SIDE(side, condition)                                                                \
    cr_assert((condition),                                                                         \
              "seed %llu%s, connection %u, fate %d: %s (up %zu/%zu/%zu down %zu/%zu/%zu, "         \
              "closed %u outcome %d '%s')",                                                        \
              (unsigned long long)run.seed, run.is_tls ? " (TLS)" : "", (side)->number,            \
              (int)(side)->fate, #condition, (side)->up_received, (side)->up_sent,                 \
              (side)->up_total, (side)->down_received, (side)->down_written, (side)->down_total,   \
              (side)->closed, (int)(side)->outcome, (side)->text)

/* The byte at an offset of a stream: no two neighbours, streams or directions look alike. */
static char pattern(unsigned stream, size_t offset)
{
    uint64_t x = (offset + 1) * 0x9e3779b97f4a7c15u + stream * 0x632be59bd9b4e019u;
    return (char)(x >> 56);
}

static void fill(char *data, size_t size, unsigned stream, size_t offset)
{
    for (size_t i = 0; i < size; i++)
        data[i] = pattern(stream, offset + i);
}

static bool is_pattern(const char *data, size_t size, unsigned stream, size_t offset)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] != pattern(stream, offset + i))
            return false;
    }
    return true;
}

static unsigned up_stream(const struct side *side)
{
    return side->number * 2;
}

static unsigned down_stream(const struct side *side)
{
    return side->number * 2 + 1;
}

/* -- the owner's callbacks -- */

static void on_opened(struct connection *connection)
{
    struct side *side = connection_owner(connection);
    CHECK_SIDE(side, side->opened == 0);
    CHECK_SIDE(side, side->closed == 0);
    side->connection = connection;
    side->opened++;
    if (side->defers_end)
        connection_defer_end(connection, side->down_total > 0);
}

static void on_readable(struct connection *connection)
{
    struct side *side = connection_owner(connection);
    static char data[DATA_MAX];
    CHECK_SIDE(side, side->opened == 1 && side->closed == 0);
    CHECK_SIDE(side, !side->is_paused);
    for (uint64_t times = side->reads_little ? 1 : sim_pick(side->sim, 4); times > 0; times--) {
        size_t count = 0;
        bool is_little = side->reads_little || sim_chance(side->sim, 100);
        size_t size = 1 + sim_pick(side->sim, is_little ? 3000 : sizeof(data));
        enum transport_result result = connection_read(connection, data, size, &count);
        CHECK_SIDE(side, (result == TRANSPORT_DONE) == (count > 0));
        CHECK_SIDE(side, count <= size);
        CHECK_SIDE(side, is_pattern(data, count, up_stream(side), side->up_received));
        side->up_received += count;
        CHECK_SIDE(side, side->up_received <= side->up_sent);
        if (result != TRANSPORT_DONE)
            break;
    }
}

static void on_closed(struct connection *connection, enum connection_outcome outcome,
                      const char *text)
{
    struct side *side = connection_owner(connection);
    CHECK_SIDE(side, side->closed == 0);
    side->closed++;
    side->outcome = outcome;
    snprintf(side->text, sizeof(side->text), "%s", text);
    side->connection = NULL;
}

static void on_writable(struct connection *connection)
{
    struct side *side = connection_owner(connection);
    CHECK_SIDE(side, side->closed == 0);
    side->has_no_room = false;
}

static const struct connection_handler handler = {
    .on_opened = on_opened,
    .on_readable = on_readable,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

/* -- the server's part of a turn -- */

static void write_some(struct side *side)
{
    static char data[DATA_MAX];
    size_t left = side->down_total - side->down_written;
    if (left == 0 || side->has_no_room || sim_chance(side->sim, 128))
        return;
    size_t size = side->waits_for_room ? left : 1 + sim_pick(side->sim, left);
    fill(data, size, down_stream(side), side->down_written);
    size_t cut = sim_pick(side->sim, size + 1);
    struct iovec slices[3] = {{data, cut}, {data, 0}, {data + cut, size - cut}};
    size_t taken = connection_write(side->connection, slices, 3);
    CHECK_SIDE(side, taken <= size);
    side->down_written += taken;
    side->has_no_room = side->waits_for_room && taken < size;
}

static void steer_reading(struct side *side)
{
    unsigned changes = side->never_pauses ? 0 : side->is_paused ? 60 : 12;
    if (sim_chance(side->sim, changes)) {
        side->is_paused = !side->is_paused;
        if (side->is_paused)
            connection_pause_reading(side->connection);
        else
            connection_resume_reading(side->connection);
    }
    if (side->defers_end)
        connection_defer_end(side->connection, side->down_written < side->down_total);
}

/* Leaves for the other loop and goes on there, or changes its mind. */
static void move(struct side *side)
{
    if (!side->is_detaching) {
        if (side->never_moves || sim_chance(side->sim, 250))
            return;
        connection_begin_detach(side->connection);
        side->is_detaching = true;
    }
    if (sim_chance(side->sim, 10)) {
        connection_cancel_detach(side->connection);
        side->is_detaching = false;
        return;
    }
    if (!connection_try_detach(side->connection))
        return;
    side->is_detaching = false;
    side->loop = side->loop == run.loops[0] ? run.loops[1] : run.loops[0];
    connection_attach(side->loop, side->connection);
}

static void close_when_due(struct side *side, unsigned turn)
{
    bool is_written = side->opened && side->down_written == side->down_total;
    if (side->was_closed_by_us)
        return;
    if (side->fate == FATE_CLOSE_AFTER && is_written && !side->is_detaching) {
        side->was_closed_by_us = true;
        connection_close(side->connection, CONNECTION_CLOSE_AFTER_OUTPUT);
    } else if (side->fate == FATE_CLOSE_NOW && turn >= side->moment) {
        side->was_closed_by_us = true;
        connection_close(side->connection, CONNECTION_CLOSE_NOW);
    } else if ((side->fate == FATE_CLOSE_ANY || side->fate == FATE_STALL) && turn >= side->moment) {
        side->was_closed_by_us = true;
        connection_close(side->connection, CONNECTION_CLOSE_AFTER_OUTPUT);
    }
}

static void serve(struct side *side, struct loop *loop, unsigned turn)
{
    if (side->connection == NULL || side->loop != loop)
        return;
    if (connection_is_open(side->connection)) {
        CHECK_SIDE(side, side->opened == 1);
        side->was_open = true;
        write_some(side);
        if (connection_is_open(side->connection))
            steer_reading(side);
        if (connection_is_open(side->connection))
            move(side);
    }
    close_when_due(side, turn);
    /* A second close may only hurry. */
    if (side->was_closed_by_us && side->fate == FATE_CLOSE_ANY && sim_chance(side->sim, 8))
        connection_close(side->connection, CONNECTION_CLOSE_NOW);
}

/* -- the client's part -- */

/* Everything that is there. True when something was. */
static bool client_reads(struct side *side)
{
    static char data[DATA_MAX];
    size_t before = side->down_received;
    for (;;) {
        size_t size = 1 + sim_pick(side->sim, sizeof(data));
        size_t count = sim_client_read(side->client, data, size);
        CHECK_SIDE(side, is_pattern(data, count, down_stream(side), side->down_received));
        side->down_received += count;
        if (count == 0)
            return side->down_received > before;
    }
}

static void client_writes(struct side *side)
{
    static char data[DATA_MAX];
    size_t left = side->up_total - side->up_sent;
    if (left == 0 || sim_chance(side->sim, 128))
        return;
    size_t size = 1 + sim_pick(side->sim, left);
    fill(data, size, up_stream(side), side->up_sent);
    /* Counted before it is known: what is sent may arrive at once, what is not taken may not. */
    side->up_sent += sim_client_write(side->client, data, size);
}

static void act(struct side *side, unsigned turn)
{
    struct sim_peer *peer = sim_client_peer(side->client);
    if (side->fate == FATE_VANISH && turn == side->moment)
        sim_peer_close(peer);
    if (side->fate == FATE_RESET && turn == side->moment)
        sim_peer_reset(peer);
    sim_client_pump(side->client);
    client_writes(side);
    if (side->fate != FATE_STALL && !sim_chance(side->sim, 60))
        (void)client_reads(side);
    if (sim_chance(side->sim, 3))
        sim_client_update_keys(side->client);
    if ((side->fate == FATE_SHUT || side->fate == FATE_CUT) && side->up_sent == side->up_total &&
        sim_client_is_open(side->client))
        sim_client_shut(side->client, side->fate == FATE_SHUT);
    sim_client_pump(side->client);
}

/* -- a seed -- */

static size_t pick_total(struct sim *sim)
{
    static const size_t bounds[] = {1, 30, 30, 800, 800, 5000, 5000, 40000, 40000, DATA_MAX};
    return sim_pick(sim, bounds[sim_pick(sim, 10)]);
}

static void open_side(struct side *side, struct sim *sim, unsigned number,
                      const struct sim_tls *tls)
{
    SSL_CTX *client_tls = tls ? tls->clients[sim_pick(sim, tls->client_count)] : NULL;
    *side = (struct side){.sim = sim, .number = number, .loop = run.loops[sim_pick(sim, 2)]};
    side->fate = (enum fate)sim_pick(sim, FATE_COUNT);
    side->moment = (unsigned)sim_pick(sim, 80);
    side->up_total = pick_total(sim);
    side->down_total = pick_total(sim);
    side->defers_end = sim_chance(sim, 128);
    side->never_pauses = sim_chance(sim, 128);
    side->never_moves = sim_chance(sim, 128);
    side->reads_little = sim_chance(sim, 60);
    side->waits_for_room = sim_chance(sim, 128);
    struct sim_peer *peer = sim_peer_create(sim);
    side->client = sim_client_create(peer, client_tls);
    const struct connection_options options = {.handler = &handler,
                                               .owner = side,
                                               .tls = tls ? tls->context : NULL,
                                               .handshake_timeout_ms = 3000};
    struct connection *connection = connection_accept(side->loop, sim_peer_fd(peer), &options);
    side->connection = connection;
    if (connection != NULL)
        return;
    CHECK(sim_has_failed(sim)); /* it could not be registered */
    side->closed = 1;
    side->outcome = OUTCOME_RESET;
    side->was_refused = true;
}

static void calm(struct sim *sim)
{
    struct sim_manner *manner = sim_manner(sim);
    *manner = (struct sim_manner){.pipe_size = 1 << 20};
}

static bool is_over(void)
{
    for (unsigned i = 0; i < run.side_count; i++) {
        if (run.sides[i].closed == 0)
            return false;
    }
    return true;
}

/* What its fate promised a connection and did not come true; NULL. */
static const char *unmet(struct side *side)
{
#define EXPECT(condition)                                                                          \
    if (!(condition))                                                                              \
        return #condition;
    bool is_whole = side->fate == FATE_SHUT || side->fate == FATE_CUT;
    bool is_polite = side->fate == FATE_CLOSE_AFTER || side->fate == FATE_SHUT;
    enum connection_outcome end =
        side->fate == FATE_CUT && run.is_tls ? OUTCOME_CLOSED_TRUNCATED : OUTCOME_CLOSED_CLEAN;
    EXPECT(!side->was_refused);
    EXPECT(!is_whole || side->opened == 1);
    EXPECT(!is_whole || side->up_received == side->up_total);
    EXPECT(!is_whole || side->outcome == end);
    EXPECT(!is_whole || side->text[0] == '\0');
    EXPECT(!is_whole || !side->defers_end || side->down_written == side->down_total);
    EXPECT((!is_whole && side->fate != FATE_CLOSE_AFTER) ||
           side->down_received == side->down_written);
    EXPECT(!is_polite || !run.is_tls || !side->opened || sim_client_saw_goodbye(side->client));
    EXPECT(side->fate != FATE_CLOSE_AFTER || !side->was_closed_by_us ||
           side->outcome == OUTCOME_CLOSED_BY_US);
    EXPECT(side->fate != FATE_RESET || side->outcome == OUTCOME_RESET ||
           (!side->opened && side->outcome == OUTCOME_HANDSHAKE_FAILED));
    EXPECT(side->fate == FATE_STALL || !side->was_late); /* it waited for no timer */
    return NULL;
#undef EXPECT
}

/* What must be true of a connection that has ended. True when it had its fate. */
static bool judge(struct side *side)
{
    do
        sim_client_pump(side->client);
    while (client_reads(side));
    CHECK_SIDE(side, side->closed == 1);
    CHECK_SIDE(side, side->opened <= 1);
    CHECK_SIDE(side, side->up_received <= side->up_sent);
    CHECK_SIDE(side, side->down_received <= side->down_written);
    CHECK_SIDE(side, side->outcome != OUTCOME_PROTOCOL_ERROR);
    CHECK_SIDE(side, side->outcome != OUTCOME_HANDSHAKE_TIMEOUT);
    const char *what = unmet(side);
    cr_assert(!what || sim_has_failed(side->sim),
              "seed %llu%s, connection %u, fate %d: %s (up %zu/%zu/%zu down %zu/%zu/%zu, "
              "outcome %d '%s')",
              (unsigned long long)run.seed, run.is_tls ? " (TLS)" : "", side->number,
              (int)side->fate, what, side->up_received, side->up_sent, side->up_total,
              side->down_received, side->down_written, side->down_total, (int)side->outcome,
              side->text);
    return !what;
}

static void check_stats(void)
{
    uint64_t total = 0;
    for (int i = 0; i < 2; i++) {
        const struct io_stats *stats = loop_stats(run.loops[i]);
        total += stats->connections_total;
        CHECK(stats->handshakes_in_flight == 0);
        CHECK(loop_socket_count(run.loops[i]) == 0);
    }
    CHECK(loop_stats(run.loops[0])->connections + loop_stats(run.loops[1])->connections == 0);
    unsigned refused = 0;
    for (unsigned i = 0; i < run.side_count; i++)
        refused += run.sides[i].was_refused;
    CHECK(total == run.side_count); /* they were counted too */
    CHECK(refused <= 1);
}

/* `fail_call` > 0: that call of the backend fails with `error`. Returns whether there was one. */
static bool run_seed(uint64_t seed, const struct sim_tls *tls, uint64_t fail_call, int error)
{
    sim_clock_now_us = 1000000000;
    run.seed = seed;
    run.is_tls = tls != NULL;
    struct sim *sim = sim_create(seed, sim_clock_advance);
    sim_fail_call(sim, fail_call, error);
    for (int i = 0; i < 2; i++)
        run.loops[i] = sim_loop_create(sim);
    run.side_count = 1 + (unsigned)sim_pick(sim, SIDES_MAX);
    for (unsigned i = 0; i < run.side_count; i++)
        open_side(&run.sides[i], sim, i, tls);
    for (unsigned turn = 0; !is_over(); turn++) {
        CHECK(turn < TURNS_MAX);
        if (turn == CALM_TURNS)
            calm(sim);
        for (unsigned i = 0; i < run.side_count; i++) {
            run.sides[i].was_late |= turn >= LONG_TURNS && run.sides[i].closed == 0;
            act(&run.sides[i], turn);
        }
        for (int i = 0; i < 2; i++) {
            loop_poll(run.loops[i], turn > LONG_TURNS ? -1 : (int64_t)sim_pick(sim, 2) * 1000);
            for (unsigned k = 0; k < run.side_count; k++)
                serve(&run.sides[k], run.loops[i], turn);
            loop_flush(run.loops[i]);
        }
    }
    unsigned missed = 0;
    for (unsigned i = 0; i < run.side_count; i++) {
        missed += !judge(&run.sides[i]);
        sim_client_destroy(run.sides[i].client);
    }
    CHECK(missed <= 1); /* the one whose call failed */
    check_stats();
    for (int i = 0; i < 2; i++)
        loop_destroy(run.loops[i]);
    bool has_failed = sim_has_failed(sim);
    sim_destroy(sim);
    return has_failed;
}

/* The ways of the kernel. */
static const int call_errors[] = {ENOMEM, ECONNRESET, EPIPE, ENOBUFS, ETIMEDOUT, EHOSTUNREACH};

static const struct sim_seeds seeds = SIM_SEEDS(run_seed, old_failures, call_errors);

static void set_up(void)
{
    mem_init();
    log_set_level(LOG_NOTHING_);
}

TestSuite(connection_sim, .init = set_up, .timeout = 100000);

Test(connection_sim, plain)
{
    sim_run_plain(&seeds, sim_seed_count(SEEDS_PLAIN));
}

Test(connection_sim, every_call_fails_once)
{
    uint64_t count = sim_seed_count(SEEDS_FAILING * 100) / 100;
    cr_assert_gt(sim_run_failing(&seeds, count, 0), count * 10);
}

/* -- outgoing -- */

static void open_outgoing(struct side *side, struct sim *sim)
{
    struct address address;
    *side = (struct side){.sim = sim, .loop = run.loops[0]};
    side->fate = sim_chance(sim, 128) ? FATE_SHUT : FATE_CLOSE_AFTER;
    side->up_total = pick_total(sim);
    side->down_total = pick_total(sim);
    cr_assert_eq(address_parse("127.0.0.1", 1, &address), 0);
    const struct connection_options options = {
        .handler = &handler, .owner = side, .handshake_timeout_ms = 3000};
    side->connection = connection_connect(side->loop, &address, &options);
    CHECK_SIDE(side, side->connection != NULL);
}

/* The far end, once there is one. */
static void meet(struct side *side, struct sim *sim)
{
    struct sim_peer *peer = side->client == NULL ? sim_connected(sim) : NULL;
    if (peer != NULL)
        side->client = sim_client_create(peer, NULL);
}

/* Returns whether a call failed. */
static bool run_outgoing(uint64_t seed, const struct sim_tls *tls, uint64_t fail_call, int error)
{
    (void)tls;
    sim_clock_now_us = 1000000000;
    run.seed = seed;
    run.is_tls = false;
    struct sim *sim = sim_create(seed, sim_clock_advance);
    struct side *side = &run.sides[0];
    sim_fail_call(sim, fail_call, error);
    for (int i = 0; i < 2; i++)
        run.loops[i] = sim_loop_create(sim);
    run.side_count = 1;
    open_outgoing(side, sim);
    for (unsigned turn = 0; side->closed == 0; turn++) {
        CHECK(turn < TURNS_MAX);
        if (turn == CALM_TURNS)
            calm(sim);
        meet(side, sim);
        if (side->client != NULL)
            act(side, turn);
        for (int i = 0; i < 2; i++) {
            loop_poll(run.loops[i], (int64_t)sim_pick(sim, 2) * 1000);
            serve(side, run.loops[i], turn);
            loop_flush(run.loops[i]);
        }
    }
    meet(side, sim); /* with nothing to write, it may open and close within one turn */
    CHECK_SIDE(side, side->client != NULL || side->outcome == OUTCOME_RESET);
    CHECK_SIDE(side, side->client != NULL || side->text[0] != '\0');
    if (side->client != NULL) {
        (void)judge(side);
        sim_client_destroy(side->client);
    }
    check_stats();
    for (int i = 0; i < 2; i++)
        loop_destroy(run.loops[i]);
    bool has_failed = sim_has_failed(sim);
    sim_destroy(sim);
    return has_failed;
}

Test(connection_sim, outgoing)
{
    struct sim_seeds outgoing = seeds;
    outgoing.run = run_outgoing;
    (void)run_outgoing(789433587, NULL, 0, 0); /* failed once */
    (void)sim_run_failing(&outgoing, sim_seed_count(SEEDS_FAILING * 100) / 50, 2);
}

Test(connection_sim, tls)
{
    struct sim_tls tls;
    sim_tls_init(&tls, TLS_AUTH_CLIENTS_OPTIONAL);
    sim_run_tls(&seeds, &tls, sim_seed_count(SEEDS_TLS));
    for (uint64_t seed = 1; seed <= SEEDS_FAILING_TLS; seed++)
        (void)sim_sweep_calls(&seeds, seed, &tls);
    sim_tls_deinit(&tls);
}

#endif
