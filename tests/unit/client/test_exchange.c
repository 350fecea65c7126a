/* The exchange with a pool of one (inline) and of two threads: order, blocking, pausing, closing
 * and killing with work in flight, pushes, and a storm of all of them; nothing is leaked. */
#include "client/exchange.h"

#include "exchange_rig.h"

static void set_up(void)
{
    mem_init();
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
}

TestSuite(exchange, .init = set_up, .timeout = 100);

static const struct {
    int threads;
    enum loop_backend backend;
} pools[] = {{1, LOOP_BACKEND_EPOLL},
             {1, LOOP_BACKEND_AUTO},
             {2, LOOP_BACKEND_EPOLL},
             {2, LOOP_BACKEND_AUTO}};

#define EACH_POOL(p) for (size_t p = 0; p < sizeof(pools) / sizeof(pools[0]); p++)
#define START(p)     rig_start(pools[p].threads, pools[p].backend)

Test(exchange, serves_pipelines_in_order)
{
    EACH_POOL(p)
    {
        START(p);
        for (int i = 0; i < 8; i++) {
            struct peer *peer = peer_open(i);
            for (int k = 0; k < 500; k++) {
                char line[64];
                char expected[64];
                snprintf(line, sizeof(line), "ECHO %d", k);
                snprintf(expected, sizeof(expected), "$%d\r\n%d\r\n",
                         k < 10    ? 1
                         : k < 100 ? 2
                                   : 3,
                         k);
                peer_say(peer, line, expected);
            }
        }
        for (int i = 0; i < 8; i++)
            peer_finish(&rig.peers[i]);
        cr_assert_eq(rig.executed, 8 * 500);
        cr_assert_eq(exchange_requests_total(rig.exchange), 8 * 500);
        cr_assert_gt(rig.prefetched[0], 0);
        cr_assert_eq(rig.prefetched[0], rig.prefetched[1]);
        cr_assert_eq(rig.opened, 8);
        RIG_UNTIL(exchange_output_size(rig.peers[0].client) == 0);
        rig_stop();
        cr_assert_eq(rig.closed, 8);
    }
}

Test(exchange, blocked_client_keeps_its_place)
{
    EACH_POOL(p)
    {
        START(p);
        struct peer *peer = peer_open(0);
        peer_say(peer, "ECHO a", "$1\r\na\r\n");
        peer_say(peer, "BLOCK", "");
        size_t before = peer->expected.size;
        peer_send(peer, SIZE_MAX);
        RIG_UNTIL(peer->client->flags & CLIENT_BLOCKED);
        /* What was answered before is sent while it waits. */
        for (int turns = 0; peer->seen < before; turns++) {
            cr_assert(turns < 30000);
            rig_turn();
            peer_receive(peer, SIZE_MAX);
        }
        /* What it sends meanwhile waits, more than one batch of it too. */
        text_add_string(&peer->expected, "+OK\r\n");
        for (int i = 0; i < 300; i++)
            peer_say(peer, "ECHO b", "$1\r\nb\r\n");
        peer_send(peer, SIZE_MAX);
        for (int i = 0; i < 20; i++)
            rig_turn();
        peer_receive(peer, SIZE_MAX);
        cr_assert_eq(peer->seen, before);
        cr_assert_eq(rig.executed, 2);
        rig_unblock(peer->client);
        peer_finish(peer);

        /* Blocked by the first of several of one batch, and by the last. */
        peer_say(peer, "BLOCK", "+OK\r\n");
        peer_say(peer, "ECHO c", "$1\r\nc\r\n");
        peer_say(peer, "BLOCK", "+OK\r\n");
        peer_send(peer, SIZE_MAX);
        for (int i = 0; i < 2; i++) {
            RIG_UNTIL(peer->client->flags & CLIENT_BLOCKED);
            rig_unblock(peer->client);
        }
        peer_finish(peer);
        rig_stop();
    }
}

Test(exchange, paused_request_runs_later)
{
    EACH_POOL(p)
    {
        START(p);
        rig.is_paused = true;
        for (int i = 0; i < 3; i++) {
            struct peer *peer = peer_open(i);
            peer_say(peer, "ECHO a", "$1\r\na\r\n");
            for (int k = 0; k < 200; k++)
                peer_say(peer, "PAUSE", "+OK\r\n");
            peer_say(peer, "ECHO z", "$1\r\nz\r\n");
            peer_send(peer, SIZE_MAX);
        }
        for (int i = 0; i < 3; i++) {
            struct peer *peer = &rig.peers[i];
            RIG_UNTIL(peer->client->flags & CLIENT_PAUSED);
            for (int turns = 0; peer->seen < 7; turns++) {
                cr_assert(turns < 30000);
                rig_turn();
                peer_receive(peer, SIZE_MAX);
            }
            cr_assert_eq(peer->seen, 7);
        }
        rig_resume_paused();
        for (int i = 0; i < 3; i++)
            peer_finish(&rig.peers[i]);
        rig_stop();
    }
}

Test(exchange, closes_after_the_reply)
{
    EACH_POOL(p)
    {
        START(p);
        struct peer *quits = peer_open(0);
        peer_say(quits, "ECHO a", "$1\r\na\r\n");
        peer_say(quits, "QUIT", "+OK\r\n");
        peer_say(quits, "ECHO never", "");
        struct peer *errs = peer_open(1);
        peer_say(errs, "BIG 2000000", "$2000000\r\n");
        char *big = calloc(2000001, 1);
        memset(big, 'b', 2000000);
        text_add_string(&errs->expected, big);
        free(big);
        text_add_string(&errs->expected, "\r\n");
        peer_say(errs, "*1\r\n!", "-ERR Protocol error: expected '$', got '!'\r\n");
        for (int i = 0; i < 2; i++) {
            struct peer *peer = &rig.peers[i];
            for (int turns = 0; !peer->has_ended; turns++) {
                cr_assert(turns < 30000, "got %zu of %zu", peer->seen, peer->expected.size);
                peer_send(peer, SIZE_MAX);
                rig_turn();
                peer_receive(peer, SIZE_MAX);
            }
            cr_assert_eq(peer->seen, peer->expected.size);
        }
        RIG_UNTIL(rig.closed == 2);
        cr_assert_eq(rig.clients->count, 0);
        rig_stop();
    }
}

Test(exchange, kills_in_every_state)
{
    EACH_POOL(p)
    {
        START(p);
        size_t used = 0;
        for (int round = 0; round < 3; round++) {
            if (round == 2)
                used = mem_used();
            /* Not opened yet; idle; blocked with more in hand; paused; output waits; just sent. */
            rig.is_paused = true;
            static const char *const lines[] = {"", "", "BLOCK", "PAUSE", "BIG 3000000", "ECHO x"};
            enum { COUNT = sizeof(lines) / sizeof(lines[0]) };
            for (int i = 0; i < COUNT; i++) {
                struct peer *peer = peer_open(i);
                peer->may_be_cut = true;
                if (i == 0)
                    continue;
                RIG_UNTIL(peer->client->session);
                for (int k = 0; k < (i == 4 ? 3 : 150) && *lines[i]; k++)
                    peer_say(peer, lines[i], "");
                peer_send(peer, SIZE_MAX);
                if (i < COUNT - 1)
                    for (int turns = 0; turns < 5; turns++)
                        rig_turn();
            }
            for (int i = 0; i < COUNT; i++) {
                enum connection_close_how how =
                    round % 2 ? CONNECTION_CLOSE_AFTER_OUTPUT : CONNECTION_CLOSE_NOW;
                exchange_close(rig.exchange, rig.peers[i].client, how);
                exchange_push(rig.exchange, rig.peers[i].client); /* harmless */
            }
            for (int turns = 0; rig.clients->count > 0; turns++) {
                cr_assert(turns < 30000, "%zu clients are left", rig.clients->count);
                rig_turn();
                char sink[65536];
                for (int i = 0; i < COUNT; i++)
                    while (read(rig.peers[i].fd, sink, sizeof(sink)) > 0)
                        continue;
            }
            for (int i = 0; i < COUNT; i++)
                peer_vanish(&rig.peers[i]);
            for (int turns = 0; turns < 20; turns++)
                rig_turn();
            rig.is_paused = false;
        }
        /* Threads keep blocks in their pools and backlog arrays; what a round leaves is bounded. */
        cr_assert_leq(mem_used(), used + 200000, "%zu bytes more", mem_used() - used);
        rig_stop();
    }
}

Test(exchange, pushes_reach_clients_that_wait)
{
    EACH_POOL(p)
    {
        START(p);
        struct peer *idle = peer_open(0);
        struct peer *blocked = peer_open(1);
        peer_say(blocked, "ECHO a", "$1\r\na\r\n");
        peer_say(blocked, "BLOCK", "");
        peer_send(blocked, SIZE_MAX);
        RIG_UNTIL(idle->client->session && blocked->client->flags & CLIENT_BLOCKED);
        for (int i = 0; i < 50; i++) {
            for (int k = 0; k < 2; k++) {
                struct client *client = rig.peers[k].client;
                if (k == 0)
                    reply_begin(&client->reply, 2, NULL);
                reply_simple(&client->reply, "news");
                exchange_push(rig.exchange, client);
                text_add_string(&rig.peers[k].expected, "+news\r\n");
            }
        }
        peer_finish(idle);
        peer_finish(blocked);
        text_add_string(&blocked->expected, "+OK\r\n");
        rig_unblock(blocked->client);
        peer_finish(blocked);
        /* Written and not pushed yet when a request arrives: it comes first. */
        reply_begin(&idle->client->reply, 2, NULL);
        reply_simple(&idle->client->reply, "before");
        peer_say(idle, "ECHO a", "+before\r\n$1\r\na\r\n");
        peer_finish(idle);
        /* To one that is not open yet, or closes: dropped. */
        struct peer *early = peer_open(2);
        reply_begin(&early->client->reply, 2, NULL);
        reply_simple(&early->client->reply, "news");
        exchange_push(rig.exchange, early->client);
        cr_assert_null(early->client->reply.chain.head);
        rig_stop();
    }
}

Test(exchange, output_beyond_the_window_is_counted)
{
    EACH_POOL(p)
    {
        START(p);
        struct peer *peer = peer_open(0);
        char *big = calloc(1000001, 1);
        memset(big, 'b', 1000000);
        for (int i = 0; i < 10; i++) {
            peer_say(peer, "BIG 1000000", "$1000000\r\n");
            text_add_string(&peer->expected, big);
            text_add_string(&peer->expected, "\r\n");
        }
        free(big);
        peer_send(peer, SIZE_MAX);
        RIG_UNTIL(exchange_output_size(peer->client) > 5000000);
        cr_assert_leq(exchange_output_size(peer->client), 10 * 1000012);
        peer_finish(peer);
        RIG_UNTIL(exchange_output_size(peer->client) == 0);
        rig_stop();
    }
}

/* -- the storm -- */

static void say_something(struct peer *peer, struct random_state *random)
{
    static char line[70000];
    static char expected[70000];
    switch (pick(random, 12)) {
    case 0:
        peer_say(peer, "BLOCK", "+OK\r\n");
        return;
    case 1:
        peer_say(peer, "PAUSE", "+OK\r\n");
        return;
    case 2: {
        unsigned size = (unsigned)pick(random, 60000);
        snprintf(line, sizeof(line), "BIG %u", size);
        int header = snprintf(expected, sizeof(expected), "$%u\r\n", size);
        memset(expected + header, 'b', size);
        memcpy(expected + header + size, "\r\n", 3);
        peer_say(peer, line, expected);
        return;
    }
    case 3: { /* a large argument */
        unsigned size = 32700 + (unsigned)pick(random, 30000);
        int header = snprintf(line, sizeof(line), "*2\r\n$4\r\nECHO\r\n$%u\r\n", size);
        memset(line + header, 'l', size);
        line[header + (int)size] = '\0';
        header = snprintf(expected, sizeof(expected), "$%u\r\n", size);
        memset(expected + header, 'l', size);
        memcpy(expected + header + size, "\r\n", 3);
        peer_say(peer, line, expected);
        return;
    }
    case 4:
        peer_say(peer, "NONSENSE", "-ERR unknown\r\n");
        return;
    default:
        peer_say(peer, "ECHO hello", "$5\r\nhello\r\n");
    }
}

static void unblock_some(struct random_state *random, unsigned one_in)
{
    for (struct client *client = rig.clients->first; client; client = client->next)
        if (client->flags & CLIENT_BLOCKED && pick(random, one_in) == 0)
            rig_unblock(client);
}

static void disturb(struct peer *peer, int index, struct random_state *random)
{
    if (!peer->client) {
        if (peer->fd >= 0)
            close(peer->fd);
        peer_open(index);
        return;
    }
    switch (pick(random, 3)) {
    case 0:
        exchange_close(rig.exchange, peer->client,
                       pick(random, 2) ? CONNECTION_CLOSE_NOW : CONNECTION_CLOSE_AFTER_OUTPUT);
        peer->may_be_cut = true;
        break;
    case 1:
        if (peer->fd >= 0)
            peer_vanish(peer);
        break;
    case 2:
        rig.is_paused = !rig.is_paused;
        if (!rig.is_paused)
            rig_resume_paused();
        break;
    }
}

static void step(struct random_state *random)
{
    int index = (int)pick(random, PEERS_MAX);
    struct peer *peer = &rig.peers[index];
    if (peer->fd < 0 || !peer->client || pick(random, 40) == 0) {
        disturb(peer, index, random);
        return;
    }
    for (uint64_t count = pick(random, pick(random, 10) ? 4 : 300); count > 0; count--)
        say_something(peer, random);
    peer_send(peer, 1 + pick(random, pick(random, 2) ? 100 : 100000));
    peer_receive(peer, pick(random, 200000));
    if (pick(random, 3) == 0)
        rig_turn();
    if (pick(random, 5) == 0)
        unblock_some(random, 3);
}

static void settle_all(struct random_state *random)
{
    rig_resume_paused();
    int waiting = 1;
    for (int turns = 0; waiting; turns++) {
        waiting = 0;
        unblock_some(random, 1);
        for (int i = 0; i < PEERS_MAX; i++) {
            struct peer *peer = &rig.peers[i];
            if (peer->fd < 0 || peer->may_be_cut)
                continue;
            peer_send(peer, SIZE_MAX);
            peer_receive(peer, SIZE_MAX);
            cr_assert_not(peer->has_ended, "peer %d was cut", i);
            waiting += !peer_is_served(peer);
        }
        rig_turn();
        cr_assert(turns < 30000, "%d peers are not served", waiting);
    }
}

static void storm(int threads, enum loop_backend backend, uint64_t seed)
{
    struct random_state random;
    random_state_seed(&random, seed);
    rig_start(threads, backend);
    enum { STEPS = 2500, STEPS_MAX = 10 * STEPS, CLOSED_MIN = 20 };
    /* Threads that get little of the processor have closed few connections by then. */
    for (int i = 0; i < STEPS || (rig.closed <= CLOSED_MIN && i < STEPS_MAX); i++)
        step(&random);
    settle_all(&random);
    cr_assert_gt(rig.executed, 500);
    cr_assert_gt(rig.closed, CLOSED_MIN);
    /* Some leave in the middle of the stop. */
    for (int i = 0; i < PEERS_MAX; i += 2)
        if (rig.peers[i].fd >= 0)
            peer_vanish(&rig.peers[i]);
    rig_stop();
}

Test(exchange, a_storm_inline)
{
    size_t used = 0;
    for (uint64_t round = 0; round < 3; round++) {
        if (round == 1)
            used = mem_used();
        storm(1, round % 2 ? LOOP_BACKEND_AUTO : LOOP_BACKEND_EPOLL, round);
    }
    cr_assert_leq(mem_used(), used, "%zu bytes were left", mem_used() - used);
}

Test(exchange, a_storm_with_threads)
{
    size_t used = 0;
    for (uint64_t round = 0; round < 3; round++) {
        if (round == 1)
            used = mem_used();
        storm(2, round % 2 ? LOOP_BACKEND_AUTO : LOOP_BACKEND_EPOLL, round + 10);
    }
    cr_assert_leq(mem_used(), used, "%zu bytes were left", mem_used() - used);
}

/* What a connection leaves that goes with a large reply. */
Test(exchange, frees_a_part_of_what_is_spent_a_turn)
{
    enum { CHUNK = 16384, CHUNKS = 4000 };
    rig_start(1, LOOP_BACKEND_EPOLL);
    rig_turn();
    cr_assert(exchange_is_idle(rig.exchange));
    size_t floor = mem_used();
    struct reply_chain chain = {0};
    for (int i = 0; i < CHUNKS; i++) {
        struct reply_chunk *chunk = reply_chunk_create(CHUNK);
        chunk->size = CHUNK;
        reply_chain_push(&chain, chunk);
    }
    exchange_discard(rig.exchange, &chain);
    cr_assert(reply_chain_is_empty(&chain));
    int turns = 0;
    for (; !exchange_is_idle(rig.exchange); turns++) {
        size_t before = mem_used();
        rig_turn();
        size_t half = (before - floor) / 2;
        size_t least = (size_t)EXCHANGE_FREED_PER_DRAIN * 2;
        cr_assert_leq(before - mem_used(), half > least ? half : least);
    }
    cr_assert_geq(turns, 8);
    cr_assert_lt(mem_used(), floor + CHUNKS * 1024);
    rig_stop();
}
