/* KEYS in slices, against a model: keys come and go, tables grow and shrink, databases are flushed
 * and swapped, clients leave, while several walks go on. */
#include "dispatch/key_walk.h"

#include "client/exchange.h"
#include "dispatch/blocking.h"
#include "executor_rig.h"
#include <stdlib.h>

enum { CLIENTS = 4, NAMES = 40000, DATABASES = 2, STEPS = 12000 };

static void keys_command(struct call *call)
{
    cr_assert(key_walk_is_worth_it(call));
    key_walk_begin(call, 1);
}

static const struct command_spec specs[] = {
    {.name = "keys", .handler = keys_command, .arity = 2},
    {0},
};

struct peer {
    struct client *client;
    struct request_batch *batch;
    bool walks;
    bool half;   /* only the names that end in an even digit */
    int content; /* that it walks over: the model's databases swap contents */
    bool must[NAMES];
    bool may[NAMES];
};

static struct peer peers[CLIENTS];
static bool exists[DATABASES][NAMES]; /* by content */
static int content_of[DATABASES];

static void set_up(void)
{
    create_executor(specs);
    key_walks_set_slice(executor->walks, 1);
    for (int i = 0; i < CLIENTS; i++) {
        peers[i].client = client_create_internal();
        peers[i].client->flags &= ~(uint32_t)CLIENT_INTERNAL;
    }
    for (int i = 0; i < DATABASES; i++)
        content_of[i] = i;
}

static void tear_down(void)
{
    for (int i = 0; i < CLIENTS; i++) {
        executor_forget_client(executor, peers[i].client);
        reply_chain_free(&peers[i].client->reply.chain);
        peers[i].client->flags |= CLIENT_INTERNAL;
        client_destroy(NULL, peers[i].client);
        drop_batch(&peers[i].batch);
    }
    cr_assert_eq(key_walks_count(executor->walks), 0);
    for (int i = 0; i < DATABASES; i++)
        cr_assert_eq(keyspace_db(services.keyspace, i)->keys.pauses, 0);
    destroy_executor();
}

TestSuite(key_walk, .init = set_up, .fini = tear_down);

static struct key name_key(char text[16], int name)
{
    int size = snprintf(text, 16, "k%07d", name);
    return key_of(bytes_of(text, (size_t)size));
}

static void put(int db, int name)
{
    char text[16];
    db_set_string(keyspace_db(services.keyspace, db), name_key(text, name), BYTES_LITERAL("v"), 0);
    exists[content_of[db]][name] = true;
    for (int i = 0; i < CLIENTS; i++)
        if (peers[i].walks && peers[i].content == content_of[db])
            peers[i].may[name] = true;
}

static void drop(int db, int name)
{
    char text[16];
    bool was_there = db_delete(keyspace_db(services.keyspace, db), name_key(text, name));
    cr_assert_eq(was_there, exists[content_of[db]][name]);
    exists[content_of[db]][name] = false;
    for (int i = 0; i < CLIENTS; i++)
        if (peers[i].walks && peers[i].content == content_of[db])
            peers[i].must[name] = false;
}

static void flush(int db)
{
    keyspace_flush(services.keyspace, db, false);
    memset(exists[content_of[db]], 0, sizeof(exists[0]));
    for (int i = 0; i < CLIENTS; i++)
        if (peers[i].walks && peers[i].content == content_of[db])
            memset(peers[i].must, 0, sizeof(peers[i].must));
}

static void begin(struct peer *peer, int db)
{
    peer->half = rand() % 2;
    peer->client->db = db;
    const struct bytes argv[] = {BYTES_LITERAL("keys"),
                                 bytes_of_text(peer->half ? "k*[02468]" : "*")};
    execute_words(peer->client, &peer->batch, 2, argv);
    cr_assert(peer->client->flags & CLIENT_BLOCKED);
    peer->walks = true;
    peer->content = content_of[db];
    memcpy(peer->may, exists[peer->content], sizeof(peer->may));
    memcpy(peer->must, exists[peer->content], sizeof(peer->must));
}

static bool is_wanted(const struct peer *peer, int name)
{
    return !peer->half || name % 2 == 0;
}

/* What was answered: each name at most once, those that may be there, and those that must. */
static void check_answer(struct peer *peer)
{
    char *text = reply_take(&peer->client->reply.chain);
    cr_assert_eq(text[0], '*');
    char *at;
    long count = strtol(text + 1, &at, 10);
    for (long i = 0; i < count; i++) {
        cr_assert_eq(strncmp(at, "\r\n$8\r\nk", 7), 0);
        long name = strtol(at + 7, &at, 10);
        cr_assert(peer->may[name] && is_wanted(peer, (int)name), "%ld", name);
        peer->may[name] = false;
        peer->must[name] = false;
    }
    cr_assert_str_eq(at, "\r\n");
    for (int name = 0; name < NAMES; name++)
        cr_assert_not(peer->must[name] && is_wanted(peer, name), "%d is missing", name);
    mem_free(text);
    reply_begin(&peer->client->reply, 2, NULL);
    peer->walks = false;
}

static void step(void)
{
    entering_main();
    key_walks_step(executor->walks, NULL, NULL);
    size_t walking = 0;
    for (int i = 0; i < CLIENTS; i++) {
        if (peers[i].walks && !(peers[i].client->flags & CLIENT_BLOCKED))
            check_answer(&peers[i]);
        walking += peers[i].walks;
    }
    cr_assert_eq(key_walks_count(executor->walks), walking);
}

static void fill(int db, int count)
{
    for (int i = 0; i < count; i++)
        put(db, i);
}

static bool is_large(int db)
{
    struct call call = {.client = peers[0].client,
                        .db = keyspace_db(services.keyspace, db),
                        .request = (void *)&call};
    return key_walk_is_worth_it(&call);
}

static void change_some(bool grows)
{
    int db = rand() % DATABASES;
    for (int i = 0; i < 60; i++) {
        int name = rand() % NAMES;
        if (!exists[content_of[db]][name] && (grows || rand() % 4 == 0))
            put(db, name);
        else if (exists[content_of[db]][name] && (!grows || rand() % 4 == 0))
            drop(db, name);
    }
}

Test(key_walk, agrees_with_a_model)
{
    srand(5);
    bool grows = true;
    unsigned answered = 0;
    for (int db = 0; db < DATABASES; db++)
        fill(db, 12000);
    for (int i = 0; i < STEPS; i++) {
        struct peer *peer = &peers[rand() % CLIENTS];
        int db = rand() % DATABASES;
        int what = rand() % 1000;
        if (what == 0)
            flush(db);
        else if (what == 1 && (fill(db, 20000), true))
            grows = false;
        else if (what < 4)
            grows = !grows;
        if (what >= 4 && what < 8) {
            keyspace_swap(services.keyspace, 0, 1);
            int content = content_of[0];
            content_of[0] = content_of[1];
            content_of[1] = content;
        } else if (what < 12) {
            executor_forget_client(executor, peer->client);
            peer->client->flags &= ~(uint32_t)CLIENT_BLOCKED;
            peer->walks = false;
        } else if (what < 60 && !peer->walks && is_large(db)) {
            begin(peer, db);
            answered++;
        }
        change_some(grows);
        step();
    }
    cr_assert_gt(answered, 20);
    for (int i = 0; i < 100000 && key_walks_count(executor->walks); i++)
        step();
    cr_assert_eq(key_walks_count(executor->walks), 0);
}

Test(key_walk, is_counted_once_when_it_ends)
{
    fill(0, 11000);
    begin(&peers[0], 0);
    struct command *command = peers[0].batch->current->command;
    step();
    cr_assert_eq(command->stats.calls, 0);
    cr_assert_gt(peers[0].client->output_gathered, 0);
    cr_assert_eq(exchange_output_size(peers[0].client), peers[0].client->output_gathered);
    while (peers[0].walks)
        step();
    cr_assert_eq(command->stats.calls, 1);
    cr_assert_gt(command->stats.ns, 0);
    cr_assert_eq(peers[0].client->output_gathered, 0);
}

Test(key_walk, walks_take_turns)
{
    fill(0, 12000);
    for (int i = 0; i < CLIENTS; i++)
        begin(&peers[i], 0);
    for (int i = 0; i < 2 * CLIENTS; i++)
        step();
    for (int i = 0; i < CLIENTS; i++) {
        cr_assert(peers[i].walks);
        cr_assert_gt(peers[i].client->output_gathered, 0);
    }
}

Test(key_walk, cannot_be_unblocked_and_ends_with_the_client)
{
    fill(0, 11000);
    begin(&peers[0], 0);
    entering_main();
    cr_assert_not(blocking_unblock(peers[0].client, true));
    peers[0].client->flags |= CLIENT_CLOSING;
    key_walks_step(executor->walks, NULL, NULL);
    cr_assert_eq(key_walks_count(executor->walks), 0);
    cr_assert_eq(peers[0].client->reply.chain.size, 0);
}

Test(key_walk, small_databases_are_not_worth_it)
{
    fill(0, 100);
    cr_assert_not(is_large(0));
    fill(0, 10001);
    cr_assert(is_large(0));
    for (int name = 0; name < 10001; name++)
        drop(0, name);
    cr_assert_not(is_large(0));
}
