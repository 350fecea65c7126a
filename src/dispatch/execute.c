/* See execute.h. `check` is the policy: one named condition a line, in the order in which Redis
 * refuses. */
#include "dispatch/execute.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "client/client_options.h"
#include "client/exchange.h"
#include "dispatch/blocking.h"
#include "dispatch/call.h"
#include "dispatch/flush_wait.h"
#include "dispatch/key_walk.h"
#include "dispatch/listening.h"
#include "dispatch/transaction.h"
#include "dispatch/watch.h"
#include "keyspace/keyspace.h"
#include "observability/latency.h"
#include "observability/latency_histogram.h"
#include "observability/observability_options.h"
#include "observability/slowlog.h"
#include "observability/stats.h"
#include <stdio.h>

enum { UNKNOWN_PREVIEW_MAX = 128, CLOCK_AGE_MAX_NS = 500000 };

struct executor *executor_create(const struct services *services,
                                 const struct observability_settings *settings)
{
    struct executor *executor = mem_calloc(1, sizeof(*executor));
    executor->services = *services;
    executor->services.executor = executor;
    executor->settings = settings;
    executor->watches = watch_table_create(services->keyspace);
    executor->blocking = blocking_table_create(executor);
    executor->walks = key_walks_create(executor);
    executor->flushes = flush_waits_create(executor);
    return executor;
}

void executor_destroy(struct executor *executor)
{
    key_walks_destroy(executor->walks);
    flush_waits_destroy(executor->flushes);
    blocking_table_destroy(executor->blocking);
    watch_table_destroy(executor->watches);
    mem_free(executor);
}

void executor_begin_run(struct executor *executor)
{
    executor->last_read_ns = clock_stopwatch_ns();
    executor->clock_ns = executor->last_read_ns;
}

/* -- I/O threads -- */

void executor_resolve(const void *command_table, struct request *request)
{
    request->command = command_lookup(command_table, request->argv, request->argc);
    if (!request->command || request->command->first_key <= 0 ||
        request->command->first_key >= request->argc)
        return;
    const struct bytes *key = &request->argv[request->command->first_key];
    request->key_hash = hash_bytes(key->data, key->size);
    request->has_key_hash = true;
}

void executor_prefetch(void *context, struct client *client, struct request *request, int stage)
{
    struct executor *executor = context;
    if (!request->has_key_hash)
        return;
    const struct db *db = keyspace_db(executor->services.keyspace, client->db);
    if (stage == 0)
        db_prefetch_bucket(db, request->key_hash);
    else
        db_prefetch_entry(db, request->key_hash);
}

/* -- refusals -- */

static bool is_exec(const struct command *command)
{
    return command && strcmp(command->spec->name, "exec") == 0;
}

/* Answers with the error; a format that begins with '-' brings a code of its own. An EXEC that is
 * refused ends the transaction. */
__attribute__((format(printf, 2, 3))) static bool refuse_text(struct call *call, const char *format,
                                                              ...)
{
    char text[UNKNOWN_PREVIEW_MAX * 4];
    bool has_code = format[0] == '-';
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format + has_code, list);
    va_end(list);
    if (call->command)
        call->command->stats.rejected_calls++;
    if (is_exec(call->command)) {
        transaction_discard(call->services->executor, call->client);
        reply_errorf(call->reply, "-EXECABORT Transaction discarded because of: %s", text);
    } else if (has_code) {
        reply_error(call->reply, text);
    } else {
        reply_errorf(call->reply, "%s", text);
    }
    return false;
}

static size_t print_preview(char *text, size_t capacity, struct bytes bytes)
{
    size_t size = bytes.size < UNKNOWN_PREVIEW_MAX ? bytes.size : UNKNOWN_PREVIEW_MAX;
    if (size >= capacity)
        size = capacity - 1;
    memcpy(text, bytes.data, size);
    text[size] = '\0';
    return size;
}

/* An HTTP request sent here by a browser that was tricked: its headers must not run as commands. */
static bool is_http(const struct call *call)
{
    return bytes_is(call->argv[0], "post") || bytes_is(call->argv[0], "host:");
}

static void refuse_http(struct call *call)
{
    static struct log_rate rate; /* main thread only */
    log_limited(
        &rate, LOG_WARNING_,
        "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: "
        "commands "
        "to Redis. This is likely due to an attacker attempting to use Cross Protocol Scripting to "
        "compromise your Redis instance. Connection from %s aborted.",
        call->client->peer ? call->client->peer : "?");
    call->client->flags |= CLIENT_CLOSE_AFTER_REPLY;
}

/* "unknown command 'x', with args beginning with: 'a' 'b' " */
static bool refuse_unknown(struct call *call)
{
    if (is_http(call)) {
        refuse_http(call);
        return false;
    }
    char name[UNKNOWN_PREVIEW_MAX + 1];
    char args[UNKNOWN_PREVIEW_MAX * 2] = "";
    size_t used = 0;
    print_preview(name, sizeof(name), call->argv[0]);
    for (int i = 1; i < call->argc && used < UNKNOWN_PREVIEW_MAX; i++) {
        char arg[UNKNOWN_PREVIEW_MAX + 1];
        print_preview(arg, sizeof(arg), call->argv[i]);
        int left = (int)(UNKNOWN_PREVIEW_MAX - used);
        int written = snprintf(args + used, sizeof(args) - used, "'%.*s' ", left, arg);
        used += written > 0 ? (size_t)written : 0;
    }
    return refuse_text(call, "unknown command '%s', with args beginning with: %s", name, args);
}

static bool refuse_unknown_subcommand(struct call *call)
{
    char name[UNKNOWN_PREVIEW_MAX + 1];
    char container[64];
    print_preview(name, sizeof(name), call->argv[1]);
    text_copy(container, sizeof(container), call->command->called);
    text_upper(container, strlen(container));
    call->command = NULL; /* nothing that has statistics */
    call->client->last_command = NULL;
    return refuse_text(call, "unknown subcommand '%s'. Try %s HELP.", name, container);
}

static bool arity_is_right(const struct command *command, int argc)
{
    int arity = command->spec->arity;
    return arity >= 0 ? argc == arity : argc >= -arity;
}

static bool refuse_arity(struct call *call)
{
    return refuse_text(call, "wrong number of arguments for '%s' command", call->command->name);
}

/* `command` is a container: a subcommand that exists would have been found. COMMAND alone may run.
 */
static bool lacks_subcommand(const struct command *command, int argc)
{
    return command->subcommand_count > 0 && (argc > 1 || !command->spec->handler);
}

/* Brings use under maxmemory before a command that may need more; true when it could. */
static bool make_room(struct executor *executor)
{
    struct keyspace *keyspace = executor->services.keyspace;
    uint64_t over = keyspace_memory_over(keyspace);
    if (over == 0) {
        if (keyspace->stats.eviction_exceeded_since_us)
            (void)keyspace_evict(keyspace, 0, 0); /* closes the time over the limit */
        return true;
    }
    return keyspace_evict(keyspace, over, keyspace_evict_budget(keyspace)) != EVICT_FAIL;
}

/* What EXEC is going to run counts as its own. */
static uint32_t effective_flags(const struct call *call)
{
    uint32_t flags = call->command->flags;
    return is_exec(call->command) ? flags | transaction_flags(call->client) : flags;
}

/* Queueing takes memory whatever the command is; what ends a transaction may always run. */
static bool needs_memory(const struct call *call)
{
    if (call->client->flags & CLIENT_MULTI) {
        const char *name = call->command->spec->name;
        bool is_control = transaction_runs_now(call->command) && strcmp(name, "multi") != 0 &&
                          strcmp(name, "watch") != 0;
        if (!is_control)
            return true;
    }
    return effective_flags(call) & COMMAND_DENYOOM;
}

static bool is_paused(struct executor *executor, const struct call *call)
{
    if (executor->pause.mode == CLIENT_PAUSE_NONE || call->client->flags & CLIENT_INTERNAL)
        return false;
    enum client_pause_mode mode = client_pause_check(&executor->pause, clock_wall_ms());
    if (mode == CLIENT_PAUSE_NONE)
        keyspace_set_expire_mode(executor->services.keyspace, EXPIRE_DELETE);
    bool may_write = effective_flags(call) & (COMMAND_WRITE | COMMAND_MAY_REPLICATE);
    return mode == CLIENT_PAUSE_ALL || (mode == CLIENT_PAUSE_WRITE && may_write);
}

/* May this call run? When not, the reply is written (or, paused, the client put aside). */
static bool check(struct executor *executor, struct call *call)
{
    const struct client *client = call->client;
    struct command *command = call->command;
    if (!command)
        return refuse_unknown(call);
    if (lacks_subcommand(command, call->argc))
        return call->argc < 2 ? refuse_arity(call) : refuse_unknown_subcommand(call);
    if (!arity_is_right(command, call->argc))
        return refuse_arity(call);
    if (!(client->flags & CLIENT_ADMITTED) && !(command->flags & COMMAND_NO_AUTH))
        return refuse_text(call, "-NOAUTH Authentication required.");
    if (client->flags & CLIENT_MULTI && command->flags & COMMAND_NO_MULTI)
        return refuse_text(call, "Command not allowed inside a transaction");
    if (!make_room(executor) && needs_memory(call))
        return refuse_text(call, "-OOM command not allowed when used memory > 'maxmemory'.");
    if (!listening_may_run(call))
        return false;
    if (executor->is_loading && !(command->flags & COMMAND_LOADING))
        return refuse_text(call, "-LOADING Redis is loading the dataset in memory");
    if (is_paused(executor, call)) {
        call->client->flags |= CLIENT_PAUSED;
        executor->pause.waiting++;
        return false;
    }
    return true;
}

/* -- running -- */

static void count_error(struct executor *executor, const struct reply *reply)
{
    if (reply->error_count == 0)
        return;
    stats_error(executor->services.stats, bytes_of_text(reply->error_code));
}

/* Histogram, slow log, latency events. */
static void observe(struct executor *executor, struct call *call, int64_t spent_ns)
{
    const struct observability_settings *settings = executor->settings;
    struct command *command = call->command;
    if (settings->latency_tracking)
        latency_histogram_record(&command->stats.histogram, (uint64_t)spent_ns);
    bool is_slow = settings->slowlog_log_slower_than >= 0 &&
                   spent_ns / 1000 >= settings->slowlog_log_slower_than;
    if (is_slow && !(command->flags & COMMAND_SKIP_SLOWLOG))
        slowlog_add(executor->services.slowlog, call->argv, call->argc, call->redacted,
                    spent_ns / 1000, call->client->peer, call->client->name,
                    (size_t)settings->slowlog_max_len);
    if (settings->latency_monitor_threshold > 0 &&
        spent_ns / 1000000 >= settings->latency_monitor_threshold)
        latency_add(executor->services.latency,
                    command->flags & COMMAND_FAST ? "fast-command" : "command",
                    (uint32_t)(spent_ns / 1000000));
}

static void count_command(struct executor *executor, struct command *command,
                          const struct reply *reply, int64_t spent_ns)
{
    command->stats.calls++;
    command->stats.ns += (uint64_t)spent_ns;
    executor->services.stats->commands_processed++;
    if (reply->error_count)
        command->stats.failed_calls++;
}

/* What comes after a slow command in the same turn must not live in the time before it. A
 * transaction is one moment. */
static void refresh_clock(struct executor *executor)
{
    if (executor->is_in_transaction)
        return;
    clock_update();
    executor->clock_ns = executor->last_read_ns;
}

/* Passwords do not stay in the input once they are used. Large arguments are shared; no password
 * is. */
static void wipe_redacted(const struct call *call)
{
    for (int i = 0; i < call->argc; i++) {
        bool is_large = call->request && call->request->large && call->request->large[i];
        if ((i >= 64 || call->redacted >> i & 1) && !is_large)
            mem_wipe((void *)(uintptr_t)call->argv[i].data, call->argv[i].size);
    }
}

/* A command that blocks is counted when it ends. */
static void run(struct executor *executor, struct call *call)
{
    struct command *command = call->command;
    struct client *client = call->client;
    struct stats *stats = executor->services.stats;
    uint64_t spent_before_ns = stats->loop_command_ns;
    int64_t start_ns = executor->last_read_ns;
    executor->services.keyspace->no_touch = (client->flags & CLIENT_NO_TOUCH) != 0;
    command->spec->handler(call);
    int64_t now_ns = clock_stopwatch_ns();
    int64_t spent_ns = now_ns - start_ns;
    executor->last_read_ns = now_ns;
    /* With what EXEC ran, but not twice; CONFIG RESETSTAT lets it begin anew. */
    bool was_reset = stats->loop_command_ns < spent_before_ns;
    stats->loop_command_ns = (was_reset ? 0 : spent_before_ns) + (uint64_t)spent_ns;
    if (__builtin_expect(client->blocking != NULL, 0)) {
        blocking_add_time(client, spent_ns);
        spent_ns = blocking_time(client);
    }
    if (!(client->flags & CLIENT_BLOCKED)) {
        count_command(executor, command, call->reply, spent_ns);
        observe(executor, call, spent_ns);
    }
    listening_report(call);
    if (call->dirty && executor->propagate)
        executor->propagate(executor->propagate_context, call);
    if (call->propagated)
        call_propagated_free(call);
    if (__builtin_expect(call->redacted != 0, 0))
        wipe_redacted(call);
    if (__builtin_expect(now_ns - executor->clock_ns >= CLOCK_AGE_MAX_NS, 0))
        refresh_clock(executor);
}

/* CLIENT REPLY: OFF and SKIP drop what a command answers; the SKIP of the command before counts
 * here. */
static bool is_muted(const struct client *client)
{
    return client->flags & (CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP);
}

static void answer_protocol_error(struct executor *executor, struct client *client,
                                  const char *text)
{
    char peer[64];
    text_copy(peer, sizeof(peer), client->peer ? client->peer : "?");
    log_verbose("Protocol error from client %s: %s", peer, text);
    client->reply.is_discarded = is_muted(client);
    reply_errorf(&client->reply, "%s", text);
    stats_error(executor->services.stats, BYTES_LITERAL("ERR"));
    client->flags |= CLIENT_CLOSE_AFTER_REPLY;
}

static void update_skip(struct client *client)
{
    client->flags &= ~(uint32_t)CLIENT_REPLY_SKIP;
    if (client->flags & CLIENT_REPLY_SKIP_NEXT) {
        client->flags &= ~(uint32_t)CLIENT_REPLY_SKIP_NEXT;
        client->flags |= CLIENT_REPLY_SKIP;
    }
}

static struct call new_call(struct executor *executor, struct client *client,
                            struct request *request)
{
    return (struct call){.services = &executor->services,
                         .client = client,
                         .command = request->command,
                         .db = keyspace_db(executor->services.keyspace, client->db),
                         .reply = &client->reply,
                         .argv = request->argv,
                         .argc = request->argc,
                         .request = request,
                         .is_propagated_as_is = true,
                         .has_listeners = executor->propagate != NULL};
}

/* A transaction may become as large as an unfinished request may. */
static void queue(struct executor *executor, struct call *call)
{
    struct client *client = call->client;
    const struct client_settings *settings = executor->services.client_settings;
    uint64_t size = client->queued_memory + call->request->size;
    if (settings && size > (uint64_t)settings->query_buffer_limit) {
        entering_main();
        log_warning("Closing client that reached max query buffer length: id=%llu addr=%s",
                    (unsigned long long)client->id, client->peer ? client->peer : "?");
        executor->services.stats->query_buffer_limit_disconnections++;
        exchange_close(executor->services.exchange, client, CONNECTION_CLOSE_NOW);
        return;
    }
    transaction_queue(client, call->command, call->request);
    reply_simple(call->reply, "QUEUED");
}

static void run_or_queue(struct executor *executor, struct call *call)
{
    struct client *client = call->client;
    client->commands_count++;
    if (__builtin_expect(client->flags & CLIENT_MULTI, 0)) {
        if (!transaction_runs_now(call->command)) {
            queue(executor, call);
            return;
        }
        if (is_exec(call->command) && transaction_is_put_off(call)) {
            client->flags |= CLIENT_BLOCKED;
            return;
        }
    }
    run(executor, call);
}

void executor_begin_answer(struct client *client)
{
    client->reply.error_count = 0;
    client->reply.is_discarded = is_muted(client);
    client->last_interaction_us = clock_us();
}

void executor_execute(void *context, struct client *client, struct request *request)
{
    struct executor *executor = context;
    if (request->kind == REQUEST_PROTOCOL_ERROR) {
        answer_protocol_error(executor, client, request->error_text);
        return;
    }
    struct call call = new_call(executor, client, request);
    executor_begin_answer(client);
    client->last_command = call.command;
    listening_begin(&executor->services, client);
    if (check(executor, &call))
        run_or_queue(executor, &call);
    else if (client->flags & CLIENT_MULTI && !(client->flags & CLIENT_PAUSED))
        client->flags |= CLIENT_DIRTY_EXEC;
    listening_end(&executor->services, client, call.command);
    if (client->flags & (CLIENT_PAUSED | CLIENT_BLOCKED))
        return;
    count_error(executor, &client->reply);
    update_skip(client);
    if (blocking_has_ready(executor->blocking)) {
        entering_main();
        blocking_serve(executor->blocking);
    }
}

void executor_run_inside(struct executor *executor, struct call *call)
{
    if (call->client->flags & CLIENT_REPLY_OFF)
        call->reply->is_discarded = true; /* by CLIENT REPLY, a moment ago */
    call->reply->error_count = 0;
    run(executor, call);
    count_error(executor, call->reply);
    call->reply->error_count = 0;
}

void executor_forget_client(struct executor *executor, struct client *client)
{
    blocking_forget(client);
    key_walks_forget(executor->walks, client);
    if (client->flags & CLIENT_BLOCKED)
        flush_waits_forget(executor->flushes, client);
    transaction_discard(executor, client);
}

/* -- clients that were blocked -- */

static void go_on(struct executor *executor, struct client *client) ON_MAIN
{
    count_error(executor, &client->reply);
    update_skip(client);
    if (executor->services.exchange)
        exchange_resume(executor->services.exchange, client);
}

static void run_from_beginning(struct executor *executor, struct call *call)
{
    struct client *client = call->client;
    client->flags &= ~(uint32_t)CLIENT_BLOCKED;
    executor_begin_answer(client);
    listening_begin(&executor->services, client);
    if (check(executor, call))
        run(executor, call);
    listening_end(&executor->services, client, call->command);
}

/* Behind a request that was run from its beginning and did not block. */
static void go_on_behind(struct executor *executor, struct client *client,
                         struct request *request) ON_MAIN
{
    if (!(client->flags & CLIENT_PAUSED))
        go_on(executor, client);
    else if (client->batch)
        client->batch->current = request; /* when the pause is over, it begins anew */
}

void executor_run_again(struct executor *executor, struct client *client)
{
    struct request *request = blocking_request(client);
    struct call call = new_call(executor, client, request);
    call.is_run_again = true;
    blocking_leave_keys(client);
    run_from_beginning(executor, &call);
    if (client->flags & CLIENT_BLOCKED)
        return;
    blocking_end(client);
    go_on_behind(executor, client, request);
}

void executor_run_put_off(struct executor *executor, struct client *client, struct request *request)
{
    struct call call = new_call(executor, client, request);
    executor_begin_run(executor);
    run_from_beginning(executor, &call);
    go_on_behind(executor, client, request);
    if (blocking_has_ready(executor->blocking))
        blocking_serve(executor->blocking);
}

void executor_end_blocked(struct executor *executor, struct client *client, struct command *command,
                          int64_t spent_ns)
{
    count_command(executor, command, &client->reply, spent_ns);
    if (executor->settings->latency_tracking)
        latency_histogram_record(&command->stats.histogram, (uint64_t)spent_ns);
    go_on(executor, client);
}

void executor_end_request(struct executor *executor, struct client *client, struct request *request,
                          int64_t spent_ns)
{
    struct call call = new_call(executor, client, request);
    count_command(executor, call.command, call.reply, spent_ns);
    observe(executor, &call, spent_ns);
    go_on(executor, client);
}
