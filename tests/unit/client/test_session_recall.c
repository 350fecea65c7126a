/* Sessions that move between threads while they are served: no byte is dropped, doubled or
 * reordered, whatever else happens to them (closed, killed, vanished, blocked, not reading,
 * shutdown), and the number of threads changes under load. */
#include "client/exchange.h"

#include "exchange_rig.h"

static void set_up(void)
{
    mem_init();
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
}

TestSuite(recall, .init = set_up, .timeout = 120);

/* A ring that is unmapped by one thread and another that is mapped there by the next: the kernel
 * orders that, which ThreadSanitizer cannot see. */
#ifdef __SANITIZE_THREAD__
#define BACKEND_BEST LOOP_BACKEND_EPOLL
#else
#define BACKEND_BEST LOOP_BACKEND_AUTO
#endif

static const enum loop_backend backends[] = {LOOP_BACKEND_EPOLL, BACKEND_BEST};

#define EACH_BACKEND(b) for (size_t b = 0; b < sizeof(backends) / sizeof(backends[0]); b++)

#ifdef __SANITIZE_THREAD__
enum { MOVES = 1000, STORM_TURNS = 2000 };
#else
enum { MOVES = 5000, STORM_TURNS = 8000 };
#endif

static struct exchange_moves moves_so_far(void)
{
    struct exchange_moves moves;
    exchange_count_moves(rig.exchange, &moves);
    return moves;
}

static bool move(struct peer *peer, int index)
{
    return peer->client &&
           exchange_move(rig.exchange, peer->client, io_pool_thread(rig.pool, index));
}

static void settle(void)
{
    RIG_UNTIL(moves_so_far().under_way == 0);
}

/* A reply of `size` bytes that says which request it answers. */
static void say_echo(struct peer *peer, unsigned number, size_t size)
{
    static char line[200 * 1024];
    static char expected[200 * 1024];
    char text[32];
    int digits = snprintf(text, sizeof(text), "%u.", number);
    if (size < (size_t)digits)
        size = (size_t)digits;
    int used = snprintf(line, sizeof(line), "*2\r\n$4\r\nECHO\r\n$%zu\r\n", size);
    int head = snprintf(expected, sizeof(expected), "$%zu\r\n", size);
    for (size_t i = 0; i < size; i++)
        line[(size_t)used + i] = expected[(size_t)head + i] = text[i % (size_t)digits];
    line[(size_t)used + size] = expected[(size_t)head + size] = '\0';
    memcpy(expected + (size_t)head + size, "\r\n", 3);
    peer_say(peer, line, expected);
}

Test(recall, a_quiet_session_moves_round)
{
    EACH_BACKEND(b)
    {
        rig_start(2, backends[b]);
        struct peer *peer = peer_open(0);
        peer_say(peer, "ECHO a", "$1\r\na\r\n");
        peer_finish(peer);
        static const int round[] = {0, 1, 2, 1, 0, 2, 0};
        int at = peer->client->thread->index;
        for (size_t i = 0; i < sizeof(round) / sizeof(round[0]); i++) {
            bool is_moving = move(peer, round[i]);
            cr_assert_eq(is_moving, round[i] != at);
            cr_assert_not(move(peer, 1), "there or moving already");
            settle();
            at = round[i];
            cr_assert_eq(peer->client->thread->index, at);
            for (int k = 0; k <= 2; k++) {
                struct io_thread *thread = io_pool_thread(rig.pool, k);
                cr_assert_eq(thread->clients, k == at);
                RIG_UNTIL(io_stat_read(loop_stats(thread->loop)->connections) == (k == at));
            }
            peer_say(peer, "ECHO b", "$1\r\nb\r\n");
            peer_finish(peer);
        }
        struct io_stats sum;
        memset(&sum, 0, sizeof(sum));
        io_pool_sum_stats(rig.pool, &sum);
        cr_assert_eq(sum.connections_total, 1);
        rig_stop();
    }
}

/* Input that was received and not parsed, half a request, half a large argument: all of it moves.
 */
Test(recall, half_a_request_moves)
{
    EACH_BACKEND(b)
    {
        rig_start(2, backends[b]);
        struct peer *peer = peer_open(0);
        RIG_UNTIL(peer->client->session);
        unsigned number = 0;
        static const size_t sizes[] = {1, 700, 5000, 40000, 150000};
        for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
            for (int piece = 1; piece < 8; piece++) {
                say_echo(peer, number++, sizes[s]);
                size_t target = peer->commands.size - sizes[s] * (size_t)piece / 8 - 1;
                while (peer->sent < target) {
                    peer_send(peer, target - peer->sent);
                    rig_turn();
                }
                move(peer, (int)(number % 3));
                if (piece % 2)
                    settle();
                peer_finish(peer);
                settle();
            }
        }
        cr_assert_gt(moves_so_far().moved, 20);
        rig_stop();
    }
}

static void ask_something(struct random_state *random, struct peer *peer, unsigned *number)
{
    static const size_t sizes[] = {1, 8, 60, 500, 3000, 17000, 35000};
    unsigned count = (unsigned)pick(random, 12) + 1;
    while (count-- > 0)
        say_echo(peer, (*number)++,
                 sizes[pick(random, sizeof(sizes) / sizeof(sizes[0]) - (pick(random, 8) > 0) * 2)]);
}

static void play(struct random_state *random, int peers, unsigned *number)
{
    for (int i = 0; i < peers; i++) {
        struct peer *peer = &rig.peers[i];
        if (peer->fd < 0 || peer->has_ended)
            continue;
        if (peer->commands.size - peer->sent < 4000)
            ask_something(random, peer, number);
        peer_send(peer, pick(random, 4) ? SIZE_MAX : pick(random, 100));
        peer_receive(peer, pick(random, 4) ? SIZE_MAX : pick(random, 3000));
    }
}

/* Forgets what was served, so that the strings stay short. */
static void trim(struct peer *peer)
{
    if (!peer_is_served(peer))
        return;
    peer->commands.size = peer->sent = 0;
    peer->expected.size = peer->seen = 0;
}

static void ping_pong(enum loop_backend backend, int peers, unsigned seed)
{
    struct random_state random;
    random_state_seed(&random, seed);
    rig_start(2, backend);
    for (int i = 0; i < peers; i++)
        peer_open(i);
    unsigned number = 0;
    for (int turns = 0; moves_so_far().moved < MOVES; turns++) {
        cr_assert_lt(turns, 400000);
        play(&random, peers, &number);
        for (int i = 0; i < peers; i++)
            move(&rig.peers[i], (int)pick(&random, 3));
        rig_turn();
        if (turns % 100 == 99) {
            for (int i = 0; i < peers; i++) {
                peer_finish(&rig.peers[i]);
                trim(&rig.peers[i]);
            }
        }
    }
    for (int i = 0; i < peers; i++)
        peer_finish(&rig.peers[i]);
    settle();
    cr_assert_eq(rig.closed, 0);
    uint64_t placed = 0;
    for (int k = 0; k <= 2; k++)
        placed += io_pool_thread(rig.pool, k)->clients;
    cr_assert_eq(placed, peers);
    rig_stop();
    cr_assert_eq(rig.closed, peers);
}

Test(recall, ping_pong_under_load_epoll)
{
    ping_pong(LOOP_BACKEND_EPOLL, 8, 1);
}

Test(recall, ping_pong_under_load)
{
    ping_pong(BACKEND_BEST, 8, 2);
}

Test(recall, ping_pong_of_one)
{
    ping_pong(BACKEND_BEST, 1, 3);
}

/* The settings of all threads change between its leaving the one and its coming to the other. */
Test(recall, new_settings_meet_a_session_that_travels)
{
    rig_start(2, BACKEND_BEST);
    struct peer *peer = peer_open(0);
    peer_say(peer, "ECHO a", "$1\r\na\r\n");
    peer_finish(peer);
    struct io_thread *from = peer->client->thread;
    cr_assert(move(peer, from->index == 1 ? 2 : 1));
    exchange_publish(rig.exchange);
    for (int i = 0; mailbox_is_empty(&from->to_main); i++) {
        cr_assert_lt(i, 30000, "it does not leave");
        loop_poll(io_pool_main_loop(rig.pool), 1000);
    }
    const struct session_settings settings = {.bulk_size_max = 5, .query_size_max = 1 << 30};
    exchange_set_settings(rig.exchange, &settings);
    settle();
    cr_assert_eq(moves_so_far().moved, 1);
    peer_say(peer, "ECHO b", "$1\r\nb\r\n");
    peer_finish(peer);
    cr_assert_eq(peer->client->session->limits.bulk_size_max, 5);
    rig_stop();
}

/* Nobody hears those go that are held and have sent more than is read, but for the looks at them.
 */
Test(recall, who_leaves_while_held_is_noticed_where_it_went)
{
    rig_start(2, BACKEND_BEST);
    struct peer *peer = peer_open(0);
    peer_say(peer, "BLOCK", "");
    for (int i = 0; i < 4000; i++)
        peer_say(peer, "ECHO aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "");
    peer_send(peer, SIZE_MAX);
    RIG_UNTIL(peer->client->session && peer->client->flags & CLIENT_BLOCKED);
    int from = peer->client->thread->index;
    for (int i = 0; i < 50; i++)
        rig_turn();
    cr_assert(move(peer, from == 1 ? 2 : 1));
    settle();
    cr_assert_neq(peer->client->thread->index, from);
    peer_vanish(peer);
    RIG_UNTIL(!peer->client);
    rig_stop();
}

/* A send that the peer does not take is given up, and goes on at the other thread. */
Test(recall, who_does_not_read_moves_too)
{
    EACH_BACKEND(b)
    {
        rig_start(2, backends[b]);
        struct peer *peer = peer_open(0);
        for (unsigned i = 0; i < 40; i++)
            say_echo(peer, i, 30000);
        RIG_UNTIL((peer_send(peer, SIZE_MAX), peer->sent == peer->commands.size) &&
                  exchange_output_size(peer->client) > 0);
        for (int i = 0; i < 50; i++)
            rig_turn();
        for (int i = 0; i < 6; i++) {
            bool is_moving = move(peer, i % 3);
            cr_assert(is_moving || peer->client->thread->index == i % 3);
            settle();
            cr_assert_eq(peer->client->thread->index, i % 3, "backend %zu, move %d: %d, stayed %d",
                         b, i, is_moving, (int)moves_so_far().stayed);
            peer_receive(peer, 5000);
        }
        cr_assert_eq(moves_so_far().stayed, 0);
        cr_assert_gt(exchange_output_size(peer->client), 0);
        peer_finish(peer);
        move(peer, 0);
        settle();
        cr_assert_eq(peer->client->thread->index, 0);
        peer_say(peer, "ECHO x", "$1\r\nx\r\n");
        peer_finish(peer);
        rig_stop();
    }
}

/* What main says while the session is on its way comes behind it. */
Test(recall, blocked_and_pushed_clients_move)
{
    EACH_BACKEND(b)
    {
        rig_start(2, backends[b]);
        struct peer *peer = peer_open(0);
        for (int i = 0; i < 60; i++) {
            peer_say(peer, "BLOCK", "");
            peer_say(peer, "ECHO after", "");
            while (peer->sent < peer->commands.size) {
                peer_send(peer, SIZE_MAX);
                rig_turn();
            }
            RIG_UNTIL(peer->client->flags & CLIENT_BLOCKED);
            move(peer, i % 3);
            for (int k = i % 4; k > 0; k--)
                rig_turn();
            rig_unblock(peer->client);
            text_add_string(&peer->expected, "+OK\r\n$5\r\nafter\r\n");
            peer_finish(peer);
            move(peer, (i + 1) % 3);
            for (int k = i % 3; k > 0; k--)
                rig_turn();
            reply_ok(&peer->client->reply);
            exchange_push(rig.exchange, peer->client);
            text_add_string(&peer->expected, "+OK\r\n");
            peer_finish(peer);
            settle();
        }
        rig_stop();
    }
}

static void misfortune(struct random_state *random, int index)
{
    struct peer *peer = &rig.peers[index];
    switch (pick(random, 12)) {
    case 0:
        if (peer->client) {
            peer->may_be_cut = true;
            exchange_close(rig.exchange, peer->client,
                           pick(random, 2) ? CONNECTION_CLOSE_NOW : CONNECTION_CLOSE_AFTER_OUTPUT);
        }
        break;
    case 1:
        if (peer->fd >= 0)
            peer_vanish(peer);
        break;
    case 2:
        peer->may_be_cut = true; /* what follows is not answered */
        peer_say(peer, "QUIT", "+OK\r\n");
        break;
    default:
        break;
    }
}

static void storm(enum loop_backend backend, unsigned seed)
{
    enum { COUNT = 6 };
    struct random_state random;
    random_state_seed(&random, seed);
    rig_start(2, backend);
    unsigned number = 0;
    for (int turns = 0; turns < STORM_TURNS; turns++) {
        for (int i = 0; i < COUNT; i++) {
            struct peer *peer = &rig.peers[i];
            if (!peer->client) { /* gone: another takes its place */
                if (peer->fd >= 0)
                    close(peer->fd);
                peer_open(i);
            }
            move(peer, (int)pick(&random, 3));
        }
        play(&random, COUNT, &number);
        if (turns % 16 == 0)
            misfortune(&random, (int)pick(&random, COUNT));
        rig_turn();
    }
    cr_assert_gt(rig.closed, 10);
    rig_stop(); /* with sessions on their way */
}

Test(recall, storm_epoll)
{
    storm(LOOP_BACKEND_EPOLL, 4);
}

Test(recall, storm)
{
    storm(BACKEND_BEST, 5);
}

/* -- the number of threads -- */

static bool is_settled(int threads)
{
    io_pool_tend(rig.pool);
    return io_pool_count(rig.pool) == (threads == 1 ? 0 : threads);
}

/* What server/placement.c does with those on retiring threads. */
static void evacuate(void)
{
    for (struct client *client = rig.clients->first; client; client = client->next)
        if (!io_thread_is_placeable(client->thread))
            exchange_move(rig.exchange, client, io_pool_choose(rig.pool));
}

Test(recall, threads_come_and_go_under_load)
{
    enum { COUNT = 8 };
    EACH_BACKEND(b)
    {
        struct random_state random;
        random_state_seed(&random, 7);
        rig_start(2, backends[b]);
        for (int i = 0; i < COUNT; i++)
            peer_open(i);
        static const int numbers[] = {4, 1, 3, 2, 8, 1, 2, 5, 3};
        unsigned number = 0;
        for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
            char error[256];
            int result = io_pool_resize(rig.pool, numbers[n], error);
            cr_assert_eq(result, 0, "%s", error);
            for (int turns = 0; !is_settled(numbers[n]); turns++) {
                cr_assert_lt(turns, 20000, "never %d threads", numbers[n]);
                evacuate();
                play(&random, COUNT, &number);
                rig_turn();
            }
            for (int i = 0; i < COUNT; i++) {
                peer_finish(&rig.peers[i]);
                trim(&rig.peers[i]);
            }
            struct io_stats sum;
            settle();
            RIG_UNTIL((io_pool_sum_stats(rig.pool, &sum), sum.connections == COUNT));
            cr_assert_eq(sum.connections_total, COUNT);
        }
        rig_stop();
    }
}

/* Changed again before the first change is through. */
Test(recall, a_change_of_mind)
{
    rig_start(4, BACKEND_BEST);
    for (int i = 0; i < 8; i++)
        peer_open(i);
    RIG_UNTIL(rig.opened == 8);
    char error[256];
    for (int i = 0; i < 40; i++) {
        int result = io_pool_resize(rig.pool, i % 5 + 1, error);
        cr_assert_eq(result, 0);
        evacuate();
        for (int k = i % 7; k > 0; k--) {
            io_pool_tend(rig.pool);
            rig_turn();
        }
    }
    for (int i = 0; i < 8; i++) {
        peer_say(&rig.peers[i], "ECHO x", "$1\r\nx\r\n");
        peer_finish(&rig.peers[i]);
    }
    RIG_UNTIL((evacuate(), is_settled(5)));
    rig_stop();
}
