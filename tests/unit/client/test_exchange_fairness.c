/* One connection's work does not hold up another's: counted in commands that run, bytes that are
 * read and turns that pass, not in time. */
#include "client/exchange.h"

#include "exchange_rig.h"

static void set_up(void)
{
    mem_init();
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
}

TestSuite(fairness, .init = set_up, .timeout = 100);

static const enum loop_backend backends[] = {LOOP_BACKEND_EPOLL, LOOP_BACKEND_AUTO};

#define EACH_BACKEND(b) for (size_t b = 0; b < sizeof(backends) / sizeof(backends[0]); b++)

/* Sends what fits, without reading. */
static void push(struct peer *peer)
{
    peer_send(peer, SIZE_MAX);
}

/* Turns until `peer` has its replies; `other` goes on sending and reading. Returns the turns. */
static int serve(struct peer *peer, struct peer *other)
{
    int turns = 0;
    while (!peer_is_served(peer)) {
        cr_assert(++turns < 30000);
        peer_send(peer, SIZE_MAX);
        if (other) {
            push(other);
            peer_receive(other, SIZE_MAX);
        }
        rig_turn();
        peer_receive(peer, SIZE_MAX);
    }
    return turns;
}

/* With a pipeline of 10,000 commands under way, another client's command waits for what was handed
 * on already: at most two batches of the other's. */
Test(fairness, a_long_pipeline)
{
    enum { COMMANDS = 10000, ROUNDS = 20 };
    EACH_BACKEND(b)
    {
        rig_start(1, backends[b]);
        struct peer *greedy = peer_open(0);
        struct peer *modest = peer_open(1);
        peer_say(modest, "ECHO hello", "$5\r\nhello\r\n");
        int alone = serve(modest, NULL);
        for (int i = 0; i < COMMANDS; i++)
            peer_say(greedy, "ECHO x", "$1\r\nx\r\n");
        push(greedy);
        rig_turn();
        for (int i = 0; i < ROUNDS; i++) {
            push(greedy);
            uint64_t before = rig.executed;
            peer_say(modest, "ECHO hello", "$5\r\nhello\r\n");
            int turns = serve(modest, greedy);
            uint64_t others = rig.executed - before - 1;
            cr_assert_leq(others, (uint64_t)turns * REQUEST_BATCH_COUNT_MAX);
            cr_assert_leq(others, 3 * REQUEST_BATCH_COUNT_MAX, "%d: %d commands first", i,
                          (int)others);
            cr_assert_leq(turns, alone + 2, "%d turns instead of %d", turns, alone);
        }
        cr_assert_not(peer_is_served(greedy), "it was over too soon to say anything");
        peer_finish(greedy);
        rig_stop();
    }
}

/* Values of 8 MB read by one: a turn sends a window of them, and the other's reply leaves in its
 * own turn. */
Test(fairness, big_values)
{
    enum { VALUES = 6, SIZE = 8 << 20, ROUNDS = 20 };
    EACH_BACKEND(b)
    {
        rig_start(1, backends[b]);
        struct peer *greedy = peer_open(0);
        struct peer *modest = peer_open(1);
        peer_say(modest, "ECHO hello", "$5\r\nhello\r\n");
        int alone = serve(modest, NULL);
        char *text = malloc(SIZE + 1);
        memset(text, 'b', SIZE);
        text[SIZE] = '\0';
        char head[32];
        for (int i = 0; i < VALUES; i++) {
            snprintf(head, sizeof(head), "$%d\r\n", SIZE);
            peer_say(greedy, "BIG 8388608", head);
            text_add(&greedy->expected, text, SIZE);
            text_add_string(&greedy->expected, "\r\n");
        }
        free(text);
        push(greedy);
        for (int i = 0; i < ROUNDS; i++) {
            struct io_stats *stats = loop_stats(io_pool_main_loop(rig.pool));
            uint64_t before = stats->bytes_out;
            peer_say(modest, "ECHO hello", "$5\r\nhello\r\n");
            int turns = serve(modest, greedy);
            cr_assert_leq(turns, alone + 2, "%d turns instead of %d", turns, alone);
            /* A window in the connection's block and one that is being sent, each turn. */
            cr_assert_leq(stats->bytes_out - before, (uint64_t)turns * 2 * WIRE_OUT_SIZE_MAX + 100);
        }
        cr_assert_not(peer_is_served(greedy), "it was over too soon to say anything");
        peer_finish(greedy);
        rig_stop();
    }
}

/* A large value on its way in: a turn reads a quantum of it. */
Test(fairness, a_big_value_comes_in)
{
    enum { SIZE = 16 << 20, ROUNDS = 20 };
    EACH_BACKEND(b)
    {
        rig_start(1, backends[b]);
        struct peer *greedy = peer_open(0);
        struct peer *modest = peer_open(1);
        peer_say(modest, "ECHO hello", "$5\r\nhello\r\n");
        int alone = serve(modest, NULL);
        char *text = malloc(SIZE);
        memset(text, 'v', SIZE);
        text_add_string(&greedy->commands, "*2\r\n$4\r\nECHO\r\n$16777216\r\n");
        text_add(&greedy->commands, text, SIZE);
        text_add_string(&greedy->commands, "\r\n");
        text_add_string(&greedy->expected, "$16777216\r\n");
        text_add(&greedy->expected, text, SIZE);
        text_add_string(&greedy->expected, "\r\n");
        free(text);
        RIG_UNTIL(greedy->client->session);
        for (int i = 0; i < ROUNDS; i++) {
            uint64_t before = client_meter_get(greedy->client->meters.bytes_in);
            peer_say(modest, "ECHO hello", "$5\r\nhello\r\n");
            int turns = serve(modest, greedy);
            uint64_t others = client_meter_get(greedy->client->meters.bytes_in) - before;
            cr_assert_leq(turns, alone + 2, "%d turns instead of %d", turns, alone);
            /* What one receive brought may exceed the quantum; so may what the turn's offer adds.
             */
            cr_assert_leq(others, (uint64_t)turns * 4 * SESSION_READ_QUANTUM);
        }
        cr_assert_lt(greedy->sent, greedy->commands.size, "it was over too soon to say anything");
        peer_finish(greedy);
        rig_stop();
    }
}

/* With I/O threads, too: what runs before another's command is bounded. */
Test(fairness, a_long_pipeline_on_a_thread)
{
    enum { COMMANDS = 10000, ROUNDS = 20 };
    EACH_BACKEND(b)
    {
        rig_start(2, backends[b]);
        struct peer *greedy = peer_open(0);
        struct peer *modest = peer_open(1);
        RIG_UNTIL(greedy->client->session && modest->client->session);
        for (int i = 0; i < COMMANDS; i++)
            peer_say(greedy, "ECHO x", "$1\r\nx\r\n");
        for (int i = 0; i < ROUNDS; i++) {
            push(greedy);
            peer_say(modest, "ECHO hello", "$5\r\nhello\r\n");
            push(modest);
            while (!modest->client->batch && !peer_is_served(modest)) {
                uint64_t at = rig.executed;
                push(greedy);
                peer_receive(greedy, SIZE_MAX);
                rig_turn();
                peer_receive(modest, SIZE_MAX);
                cr_assert_leq(rig.executed - at, 2 * REQUEST_BATCH_COUNT_MAX + 2,
                              "commands of a turn");
            }
            serve(modest, greedy);
        }
        peer_finish(greedy);
        rig_stop();
    }
}
