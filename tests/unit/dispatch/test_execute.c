/* The policy function: what is refused, with which words, in which order; what is counted; pauses;
 * muted replies. */
#include "dispatch/execute.h"

#include "base/server_control.h"
#include "client/exchange.h"
#include "dispatch/call.h"
#include "dispatch/transaction.h"
#include "executor_rig.h"
#include "observability/latency.h"
#include "observability/slowlog.h"
#include <stdlib.h>

static int ran;

static void ok_command(struct call *call)
{
    ran++;
    reply_ok(call->reply);
}

static void fail_command(struct call *call)
{
    ran++;
    reply_error(call->reply, "WRONGTYPE no");
}

static void write_command(struct call *call)
{
    ran++;
    call->dirty++;
    reply_ok(call->reply);
}

static void multi_command(struct call *call)
{
    transaction_begin(call->client);
    reply_ok(call->reply);
}

static void exec_command(struct call *call)
{
    transaction_run(call);
}

static const struct command_spec subcommands[] = {
    {.name = "list", .handler = ok_command, .arity = 2},
    {0},
};

static const struct command_spec specs[] = {
    {.name = "ok", .handler = ok_command, .arity = -1, .flags = COMMAND_READONLY | COMMAND_LOADING},
    {.name = "get",
     .handler = ok_command,
     .arity = 2,
     .flags = COMMAND_READONLY,
     .keys = KEY_FIRST(KEY_RO)},
    {.name = "auth",
     .handler = ok_command,
     .arity = -2,
     .flags = COMMAND_NO_AUTH | COMMAND_LOADING},
    {.name = "fail", .handler = fail_command, .arity = 1},
    {.name = "set",
     .handler = write_command,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = KEY_FIRST(KEY_OW)},
    {.name = "del",
     .handler = write_command,
     .arity = -2,
     .flags = COMMAND_WRITE,
     .keys = KEY_FIRST(KEY_RM)},
    {.name = "client", .arity = -2, .subcommands = subcommands},
    {.name = "change", .handler = ok_command, .arity = 1, .flags = COMMAND_ADMIN},
    {.name = "multi", .handler = multi_command, .arity = 1},
    {.name = "exec", .handler = exec_command, .arity = 1},
    {0},
};

static struct client *client;
static char text[512];
static int propagated;

static void on_propagate(void *context, const struct call *call)
{
    cr_assert_eq(context, (void *)&propagated);
    cr_assert_gt(call->dirty, 0);
    propagated++;
}

static void set_up(void)
{
    create_executor(specs);
    executor->propagate = on_propagate;
    executor->propagate_context = &propagated;
    client = client_create_internal();
    client->flags = CLIENT_AUTHENTICATED;
    ran = 0;
}

TestSuite(execute, .init = set_up);

/* Runs a line of words; returns the reply without the last CR LF. */
static const char *execute(const char *line)
{
    char *words = strdup(line);
    struct bytes argv[32];
    int argc = 0;
    char *rest = words;
    for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " "))
        argv[argc++] = bytes_of_text(word);
    struct request_batch *batch = make_batch(argc, argv);
    struct request *request = batch->first;
    for (int stage = 0; stage < 2; stage++)
        executor_prefetch(executor, client, request, stage);
    reply_begin(&client->reply, 2, NULL);
    executor_begin_run(executor);
    executor_execute(executor, client, request);
    take_line(client, text, sizeof(text));
    request_batch_free(pool, batch);
    free(words);
    return text;
}

Test(execute, resolves_command_and_key)
{
    const struct bytes argv[] = {BYTES_LITERAL("GET"), BYTES_LITERAL("key")};
    struct request_batch *batch = make_batch(2, argv);
    struct request *request = batch->first;
    cr_assert_str_eq(request->command->name, "get");
    cr_assert(request->has_key_hash);
    cr_assert_eq(request->key_hash, hash_bytes("key", 3));
    struct request *short_one = request_batch_add(batch, 1, false);
    short_one->argv[0] = BYTES_LITERAL("get");
    executor_resolve(services.commands, short_one);
    cr_assert_not(short_one->has_key_hash);
    request_batch_free(pool, batch);
}

Test(execute, unknown_commands)
{
    cr_assert_str_eq(execute("nonsense"),
                     "-ERR unknown command 'nonsense', with args beginning with: ");
    cr_assert_str_eq(execute("nonsense a b"),
                     "-ERR unknown command 'nonsense', with args beginning with: 'a' 'b' ");
    char line[400] = "long ";
    memset(line + 5, 'x', 300);
    const char *reply = execute(line);
    cr_assert_lt(strlen(reply), 250);
    memset(line, 'n', 300);
    cr_assert_lt(strlen(execute(line)), 250);
    cr_assert_eq(ran, 0);
}

Test(execute, http_is_shut_out)
{
    execute("POST / HTTP/1.1");
    cr_assert(client->flags & CLIENT_CLOSE_AFTER_REPLY);
    client->flags &= ~(uint32_t)CLIENT_CLOSE_AFTER_REPLY;
    execute("host: localhost");
    cr_assert(client->flags & CLIENT_CLOSE_AFTER_REPLY);
}

Test(execute, arity)
{
    cr_assert_str_eq(execute("get"), "-ERR wrong number of arguments for 'get' command");
    cr_assert_str_eq(execute("get a b"), "-ERR wrong number of arguments for 'get' command");
    cr_assert_str_eq(execute("del"), "-ERR wrong number of arguments for 'del' command");
    cr_assert_str_eq(execute("client"), "-ERR wrong number of arguments for 'client' command");
    cr_assert_str_eq(execute("client list x"),
                     "-ERR wrong number of arguments for 'client|list' command");
    cr_assert_str_eq(execute("client what"), "-ERR unknown subcommand 'what'. Try CLIENT HELP.");
    cr_assert_eq(ran, 0);
    cr_assert_str_eq(execute("client list"), "+OK");
    struct bytes argv = BYTES_LITERAL("get");
    cr_assert_eq(command_lookup(services.commands, &argv, 1)->stats.rejected_calls, 2);
}

Test(execute, strangers_may_authenticate_only)
{
    client->flags &= ~(uint32_t)CLIENT_AUTHENTICATED;
    cr_assert_str_eq(execute("get k"), "-NOAUTH Authentication required.");
    cr_assert_str_eq(execute("get"), "-ERR wrong number of arguments for 'get' command",
                     "arity comes first");
    cr_assert_str_eq(execute("nonsense"),
                     "-ERR unknown command 'nonsense', with args beginning with: ");
    cr_assert_str_eq(execute("auth x"), "+OK");
    cr_assert_eq(ran, 1);
}

Test(execute, while_loading)
{
    executor->is_loading = true;
    cr_assert_str_eq(execute("get k"), "-LOADING Redis is loading the dataset in memory");
    cr_assert_str_eq(execute("ok"), "+OK");
    client->flags &= ~(uint32_t)CLIENT_AUTHENTICATED;
    cr_assert_str_eq(execute("get k"), "-NOAUTH Authentication required.");
}

Test(execute, out_of_memory_refuses_what_needs_more)
{
    keyspace_settings.maxmemory = 1;
    keyspace_settings_changed(services.keyspace);
    cr_assert_str_eq(execute("set a b"),
                     "-OOM command not allowed when used memory > 'maxmemory'.");
    cr_assert_str_eq(execute("del a"), "+OK");
    cr_assert_str_eq(execute("get a"), "+OK");
}

Test(execute, paused_requests_are_put_aside)
{
    client_pause_start(&executor->pause, CLIENT_PAUSE_WRITE, clock_wall_ms() + 100000);
    cr_assert_str_eq(execute("get k"), "+OK");
    cr_assert_not(client->flags & CLIENT_PAUSED);
    cr_assert_str_eq(execute("set a b"), "");
    cr_assert(client->flags & CLIENT_PAUSED);
    cr_assert_eq(executor->pause.waiting, 1);
    client->flags &= ~(uint32_t)CLIENT_PAUSED;
    client_pause_start(&executor->pause, CLIENT_PAUSE_ALL, 0);
    cr_assert_str_eq(execute("get k"), "");
    cr_assert(client->flags & CLIENT_PAUSED);
    client->flags &= ~(uint32_t)CLIENT_PAUSED;
    client_pause_end(&executor->pause);
    cr_assert_str_eq(execute("set a b"), "+OK");
}

Test(execute, counts)
{
    struct bytes name = BYTES_LITERAL("fail");
    struct command *fail = command_lookup(services.commands, &name, 1);
    execute("fail");
    execute("fail x");
    cr_assert_eq(fail->stats.calls, 1);
    cr_assert_eq(fail->stats.failed_calls, 1);
    cr_assert_eq(fail->stats.rejected_calls, 1);
    cr_assert_eq(stats.commands_processed, 1);
    cr_assert_eq(stats.error_replies, 2);
    cr_assert_eq(client->commands_count, 1);
    cr_assert_eq(client->last_command, fail);
}

Test(execute, only_what_changed_something_is_propagated)
{
    execute("get k");
    cr_assert_eq(propagated, 0);
    execute("set a b");
    cr_assert_eq(propagated, 1);
    execute("set a");
    cr_assert_eq(propagated, 1);
}

Test(execute, muted_replies)
{
    client->flags |= CLIENT_REPLY_OFF;
    cr_assert_str_eq(execute("ok"), "");
    cr_assert_str_eq(execute("nonsense"), "");
    client->flags &= ~(uint32_t)CLIENT_REPLY_OFF;
    client->flags |= CLIENT_REPLY_SKIP_NEXT; /* as CLIENT REPLY SKIP leaves it */
    execute("ok");
    cr_assert_str_eq(execute("ok"), "", "the one behind SKIP");
    cr_assert_str_eq(execute("ok"), "+OK");
}

/* -- EXEC that waits -- */

static struct {
    struct server_control control;
    struct request *request; /* of the EXEC that was asked for */
    int asked;
    bool puts_off;
} preparing;

static bool defer_exec(void *context, struct client *of, struct request *request)
{
    cr_assert_eq(context, &preparing);
    cr_assert_eq(of, client);
    preparing.request = request;
    preparing.asked++;
    return preparing.puts_off;
}

static void begin_transaction(bool puts_off, const char *command)
{
    preparing.control = (struct server_control){.server = &preparing, .defer_exec = defer_exec};
    preparing.asked = 0;
    preparing.puts_off = puts_off;
    executor->services.control = &preparing.control;
    cr_assert_str_eq(execute("multi"), "+OK");
    cr_assert_str_eq(execute(command), "+QUEUED");
    cr_assert_str_eq(execute("ok"), "+QUEUED");
}

Test(execute, an_exec_is_put_off_and_run_later)
{
    static const struct bytes words[] = {BYTES_LITERAL("exec")};
    struct request_batch *batch = NULL;
    begin_transaction(true, "change");
    execute_words(client, &batch, 1, words);
    cr_assert_str_eq(take_line(client, text, sizeof(text)), "");
    cr_assert_eq(preparing.request, batch->first);
    cr_assert(client->flags & CLIENT_BLOCKED);
    cr_assert_eq(ran, 0);
    cr_assert_eq(batch->first->command->stats.calls, 0);
    reply_begin(&client->reply, 2, NULL);
    executor_run_put_off(executor, client, batch->first);
    cr_assert_str_eq(take_line(client, text, sizeof(text)), "*2\r\n+OK\r\n+OK");
    cr_assert_not(client->flags & (CLIENT_BLOCKED | CLIENT_MULTI));
    cr_assert_eq(ran, 2);
    cr_assert_eq(preparing.asked, 1);
    cr_assert_eq(batch->first->command->stats.calls, 1);
    drop_batch(&batch);
}

Test(execute, a_put_off_exec_obeys_a_pause_that_began_meanwhile)
{
    static const struct bytes words[] = {BYTES_LITERAL("exec")};
    struct request_batch *batch = NULL;
    begin_transaction(true, "change");
    execute_words(client, &batch, 1, words);
    client_pause_start(&executor->pause, CLIENT_PAUSE_ALL, clock_wall_ms() + 100000);
    executor_run_put_off(executor, client, batch->first);
    cr_assert(client->flags & CLIENT_PAUSED);
    cr_assert(client->flags & CLIENT_MULTI);
    cr_assert_eq(ran, 0);
    drop_batch(&batch);
}

Test(execute, an_exec_that_needs_nothing_or_will_not_run_is_not_put_off)
{
    begin_transaction(false, "change");
    cr_assert_str_eq(execute("exec"), "*2\r\n+OK\r\n+OK");
    cr_assert_eq(preparing.asked, 1);
    begin_transaction(true, "ok");
    cr_assert_str_eq(execute("exec"), "*2\r\n+OK\r\n+OK");
    cr_assert_eq(preparing.asked, 0);
    begin_transaction(true, "change");
    client->flags |= CLIENT_DIRTY_CAS; /* the real command answers nil */
    (void)execute("exec");
    cr_assert_eq(preparing.asked, 0);
    cr_assert_not(client->flags & CLIENT_BLOCKED);
}
