/* Queued commands are copies that outlive their request; large arguments are taken over; nothing
 * is left behind. */
#include "dispatch/transaction.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "io/byte_pool.h"
#include <criterion/criterion.h>

static const struct command_spec specs[] = {
    {.name = "set", .arity = 3, .flags = COMMAND_WRITE | COMMAND_DENYOOM},
    {.name = "get", .arity = 2, .flags = COMMAND_READONLY},
    {.name = "exec", .arity = 1},
    {0},
};

static struct command_table *commands;
static struct client *client;
static struct byte_pool *pool;
static size_t used_before;

static struct command *command_named(const char *name)
{
    return command_lookup_name(commands, bytes_of_text(name));
}

static void set_up(void)
{
    mem_init();
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    hash_init_with((const uint8_t[16]){5});
    clock_update();
    commands = command_table_create();
    command_table_add(commands, specs);
    client = client_create_internal();
    pool = byte_pool_create(1 << 16);
    used_before = mem_used();
}

static void tear_down(void)
{
    client_destroy(NULL, client);
    byte_pool_destroy(pool);
    command_table_destroy(commands);
}

TestSuite(transaction, .init = set_up, .fini = tear_down);

static void queue_words(const char *name, const char *first, const char *second, bool is_large)
{
    struct request_batch *batch = request_batch_create(pool);
    struct request *request = request_batch_add(batch, second ? 3 : 2, is_large);
    request->argv[0] = bytes_of_text(name);
    request->argv[1] = bytes_of_text(first);
    if (second)
        request->argv[2] = bytes_of_text(second);
    if (is_large) {
        request->large[2] = shared_bytes_create(second, strlen(second));
        request->argv[2] = shared_bytes_view(request->large[2]);
    }
    transaction_queue(client, command_named(name), request);
    request_batch_free(pool, batch);
}

Test(transaction, copies_outlive_the_request)
{
    transaction_begin(client);
    cr_assert(client->flags & CLIENT_MULTI);
    queue_words("set", "key", "value", false);
    queue_words("get", "", NULL, false);
    cr_assert_eq(client->queued_count, 2);
    cr_assert_gt(client->queued_memory, 2 * sizeof(struct queued_command));
    cr_assert_eq(transaction_flags(client), COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_READONLY);
    const struct queued_command *set = client->transaction->first;
    cr_assert(bytes_equal(set->request.argv[1], BYTES_LITERAL("key")));
    cr_assert(bytes_equal(set->request.argv[2], BYTES_LITERAL("value")));
    cr_assert_str_eq(set->request.command->name, "set");
    const struct queued_command *get = set->next;
    cr_assert_eq(get->request.argv[1].size, 0);
    cr_assert_eq(get, client->transaction->last);
    transaction_clear(client);
    cr_assert_eq(client->queued_count, 0);
    cr_assert_eq(client->queued_memory, 0);
}

Test(transaction, takes_large_arguments_over)
{
    transaction_begin(client);
    queue_words("set", "key", "a large value", true);
    struct queued_command *set = client->transaction->first;
    cr_assert(bytes_equal(set->request.argv[2], BYTES_LITERAL("a large value")));
    struct shared_bytes *taken = request_take_large(&set->request, 2);
    cr_assert_not_null(taken);
    shared_bytes_release(taken);
    queue_words("set", "key", "another that nobody takes", true);
    transaction_clear(client);
}

Test(transaction, a_failed_one_takes_no_more)
{
    transaction_begin(client);
    client->flags |= CLIENT_DIRTY_EXEC;
    queue_words("set", "key", "value", true);
    cr_assert_eq(client->queued_count, 0);
    cr_assert_null(client->transaction->first);
    transaction_clear(client);
}

Test(transaction, what_runs_at_once)
{
    cr_assert(transaction_runs_now(command_named("exec")));
    cr_assert_not(transaction_runs_now(command_named("get")));
}

Test(transaction, leaves_nothing_behind)
{
    for (int i = 0; i < 100; i++) {
        transaction_begin(client);
        queue_words("set", "key", "value", i % 2);
        queue_words("get", "key", NULL, false);
        transaction_clear(client);
        client->flags &= ~(uint32_t)CLIENT_MULTI;
        if (i == 0)
            used_before = mem_used(); /* the pool has its chunks now */
    }
    cr_assert_eq(mem_used(), used_before);
}
