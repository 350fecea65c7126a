/* Clients that wait, against a model: random blocking on random keys, keys that come, swaps,
 * clients that close or are unblocked; and timeouts in arguments. */
#include "dispatch/blocking.h"

#include "executor_rig.h"
#include <stdlib.h>

enum { CLIENTS = 8, KEYS = 5, STEPS = 30000, KEYS_OF_ONE_MAX = 4 };

static void answer_timeout(struct reply *reply)
{
    reply_simple(reply, "TIMEOUT");
}

/* TAKE key... : the name of the first that is there, which goes; or waits for one. */
static void take_command(struct call *call)
{
    for (int i = 1; i < call->argc; i++)
        if (db_delete(call->db, call_key(call, i))) {
            reply_bulk_bytes(call->reply, call->argv[i]);
            return;
        }
    call_block(call, &(struct block_options){.first_key = 1,
                                             .key_count = call->argc - 1,
                                             .type = VALUE_STRING,
                                             .answer_timeout = answer_timeout});
}

static void put_command(struct call *call)
{
    db_set_string(call->db, call_key(call, 1), BYTES_LITERAL("v"), 0);
    reply_ok(call->reply);
}

/* SECONDS t, MS t: what the timeout means. */
static void seconds_command(struct call *call)
{
    int64_t ms;
    if (call_timeout_seconds(call, 1, &ms))
        reply_integer(call->reply, ms);
}

static void ms_command(struct call *call)
{
    int64_t ms;
    if (call_timeout_ms(call, 1, &ms))
        reply_integer(call->reply, ms);
}

static const struct command_spec specs[] = {
    {.name = "take", .handler = take_command, .arity = -2},
    {.name = "put", .handler = put_command, .arity = 2},
    {.name = "seconds", .handler = seconds_command, .arity = 2},
    {.name = "ms", .handler = ms_command, .arity = 2},
    {0},
};

static const char *const names[KEYS] = {"a", "b", "c", "d", "e"};

struct peer {
    struct client *client;
    struct request_batch *batch;
    char text[128];
    /* The model. */
    bool waits;
    int keys[KEYS_OF_ONE_MAX];
    int key_count;
    uint64_t since;
};

static struct peer peers[CLIENTS];
static bool exists[KEYS];
static uint64_t moment;

static void set_up(void)
{
    create_executor(specs);
    for (int i = 0; i < CLIENTS; i++)
        peers[i].client = client_create_internal();
}

static void tear_down(void)
{
    for (int i = 0; i < CLIENTS; i++) {
        executor_forget_client(executor, peers[i].client);
        reply_chain_free(&peers[i].client->reply.chain);
        client_destroy(NULL, peers[i].client);
        drop_batch(&peers[i].batch);
    }
    struct blocking_counts counts = blocking_count(executor->blocking);
    cr_assert_eq(counts.clients + counts.keys + counts.with_timeout, 0);
    destroy_executor();
}

TestSuite(blocking, .init = set_up, .fini = tear_down);

/* What was written to the client since the last look, without the last CR LF. */
static const char *look(struct peer *peer)
{
    take_line(peer->client, peer->text, sizeof(peer->text));
    reply_begin(&peer->client->reply, 2, NULL);
    return peer->text;
}

static void run(struct peer *peer, int argc, const char *const *words)
{
    struct bytes argv[1 + KEYS_OF_ONE_MAX];
    for (int i = 0; i < argc; i++)
        argv[i] = bytes_of_text(words[i]);
    execute_words(peer->client, &peer->batch, argc, argv);
}

/* The answer to a TAKE of key `key` stands in the client's reply. */
static void expect_taken(struct peer *peer, int key)
{
    char expected[16];
    snprintf(expected, sizeof(expected), "$1\r\n%s", names[key]);
    cr_assert_str_eq(look(peer), expected);
    cr_assert_not(peer->client->flags & CLIENT_BLOCKED);
    peer->waits = false;
}

static bool waits_for(const struct peer *peer, int key)
{
    for (int i = 0; peer->waits && i < peer->key_count; i++)
        if (peer->keys[i] == key)
            return true;
    return false;
}

/* A key is there: the one that waits longest gets it. */
static void settle(int key)
{
    struct peer *first = NULL;
    for (int i = 0; i < CLIENTS; i++)
        if (waits_for(&peers[i], key) && (!first || peers[i].since < first->since))
            first = &peers[i];
    exists[key] = first == NULL;
    if (first)
        expect_taken(first, key);
}

static void take(struct peer *peer)
{
    const char *words[1 + KEYS_OF_ONE_MAX] = {"take"};
    peer->key_count = 1 + rand() % KEYS_OF_ONE_MAX;
    int found = -1;
    for (int i = 0; i < peer->key_count; i++) {
        peer->keys[i] = rand() % KEYS;
        words[1 + i] = names[peer->keys[i]];
        if (found < 0 && exists[peer->keys[i]])
            found = peer->keys[i];
    }
    run(peer, 1 + peer->key_count, words);
    peer->since = moment++;
    peer->waits = found < 0;
    if (found >= 0) {
        exists[found] = false;
        expect_taken(peer, found);
    }
}

static void compare(void)
{
    uint64_t waiting = 0;
    uint64_t keys = 0;
    for (int i = 0; i < CLIENTS; i++) {
        cr_assert_eq((peers[i].client->flags & CLIENT_BLOCKED) != 0, peers[i].waits);
        cr_assert_eq(peers[i].client->blocking != NULL, peers[i].waits);
        waiting += peers[i].waits;
    }
    for (int key = 0; key < KEYS; key++) {
        bool is_wanted = false;
        for (int i = 0; i < CLIENTS; i++)
            is_wanted |= waits_for(&peers[i], key);
        keys += is_wanted;
    }
    struct blocking_counts counts = blocking_count(executor->blocking);
    cr_assert_eq(counts.clients, waiting);
    cr_assert_eq(counts.keys, keys);
    cr_assert_not(blocking_has_ready(executor->blocking));
}

Test(blocking, agrees_with_a_model)
{
    struct peer writer = {.client = client_create_internal()};
    srand(11);
    for (int step = 0; step < STEPS; step++) {
        struct peer *peer = &peers[rand() % CLIENTS];
        int key = rand() % KEYS;
        int what = rand() % 20;
        if (what < 10) {
            if (!peer->waits)
                take(peer);
        } else if (what < 16) {
            if (!exists[key]) {
                run(&writer, 2, (const char *const[]){"put", names[key]});
                cr_assert_str_eq(look(&writer), "+OK");
                settle(key);
            }
        } else if (what < 18) {
            cr_assert_eq(blocking_unblock(peer->client, what == 16), peer->waits);
            if (peer->waits)
                cr_assert_str_eq(look(peer), what == 16
                                                 ? "-UNBLOCKED client unblocked via CLIENT UNBLOCK"
                                                 : "+TIMEOUT");
            peer->waits = false;
        } else {
            blocking_forget(peer->client); /* the connection is gone, and another comes */
            peer->waits = false;
        }
        compare();
    }
    client_destroy(NULL, writer.client);
    drop_batch(&writer.batch);
}

Test(blocking, clients_that_are_closing_are_passed_over)
{
    struct peer writer = {.client = client_create_internal()};
    for (int i = 0; i < 3; i++)
        run(&peers[i], 2, (const char *const[]){"take", "a"});
    peers[0].client->flags |= CLIENT_CLOSING;
    run(&writer, 2, (const char *const[]){"put", "a"});
    cr_assert_str_eq(look(&peers[1]), "$1\r\na");
    cr_assert(peers[0].client->flags & CLIENT_BLOCKED);
    cr_assert(peers[2].client->flags & CLIENT_BLOCKED);
    cr_assert_not(blocking_unblock(peers[0].client, false));
    reply_chain_free(&writer.client->reply.chain);
    client_destroy(NULL, writer.client);
    drop_batch(&writer.batch);
}

Test(blocking, keys_that_come_by_swapping)
{
    run(&peers[0], 2, (const char *const[]){"take", "a"});
    db_set_string(keyspace_db(services.keyspace, 1), key_of(BYTES_LITERAL("a")), BYTES_LITERAL("v"),
                  0);
    cr_assert_not(blocking_has_ready(executor->blocking));
    keyspace_swap(services.keyspace, 0, 1);
    cr_assert(blocking_has_ready(executor->blocking));
    blocking_serve(executor->blocking);
    cr_assert_str_eq(look(&peers[0]), "$1\r\na");
}

Test(blocking, timeouts_in_arguments)
{
    static const char *const cases[][3] = {
        {"seconds", "1", ":1000"},
        {"seconds", "0", ":0"},
        {"seconds", "0.0001", ":1"},
        {"seconds", "1e3", ":1000000"},
        {"seconds", "-1", "-ERR timeout is negative"},
        {"seconds", "x", "-ERR timeout is not a float or out of range"},
        {"seconds", "nan", "-ERR timeout is not a float or out of range"},
        {"seconds", "inf", "-ERR timeout is out of range"},
        {"seconds", "9223372036854775.807", "-ERR timeout is out of range"},
        {"seconds", "1e300", "-ERR timeout is out of range"},
        {"ms", "1", ":1"},
        {"ms", "-1", "-ERR timeout is negative"},
        {"ms", "1.5", "-ERR timeout is not an integer or out of range"},
        {"ms", "9223372036854775807", "-ERR timeout is out of range"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run(&peers[0], 2, cases[i]);
        cr_assert_str_eq(look(&peers[0]), cases[i][2], "%s %s", cases[i][0], cases[i][1]);
    }
}
