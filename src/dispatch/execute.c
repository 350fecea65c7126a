/* See execute.h. `check` is the policy: one named condition a line, in the order in which Redis
 * refuses. */
#include "dispatch/execute.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "client/exchange.h"
#include "dispatch/call.h"
#include "dispatch/listening.h"
#include "keyspace/keyspace.h"
#include "observability/latency.h"
#include "observability/latency_histogram.h"
#include "observability/observability_options.h"
#include "observability/slowlog.h"
#include "observability/stats.h"
#include <stdio.h>

enum { UNKNOWN_PREVIEW_MAX = 128 };

struct executor *executor_create(const struct services *services,
                                 const struct observability_settings *settings)
{
    struct executor *executor = mem_calloc(1, sizeof(*executor));
    executor->services = *services;
    executor->services.executor = executor;
    executor->settings = settings;
    return executor;
}

void executor_destroy(struct executor *executor)
{
    mem_free(executor);
}

void executor_begin_run(struct executor *executor)
{
    executor->last_read_ns = clock_read_ns();
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
    reply_errorf(call->reply, "unknown command '%s', with args beginning with: %s", name, args);
    return false;
}

static bool refuse_unknown_subcommand(struct call *call)
{
    char name[UNKNOWN_PREVIEW_MAX + 1];
    char container[64];
    print_preview(name, sizeof(name), call->argv[1]);
    text_copy(container, sizeof(container), call->command->called);
    text_upper(container, strlen(container));
    reply_errorf(call->reply, "unknown subcommand '%s'. Try %s HELP.", name, container);
    return false;
}

static bool arity_is_right(const struct command *command, int argc)
{
    int arity = command->spec->arity;
    return arity >= 0 ? argc == arity : argc >= -arity;
}

static bool refuse_arity(struct call *call)
{
    reply_errorf(call->reply, "wrong number of arguments for '%s' command", call->command->name);
    return false;
}

static bool refuse(struct call *call, const char *text)
{
    call->command->stats.rejected_calls++;
    reply_error(call->reply, text);
    return false;
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
    uint64_t limit = keyspace_maxmemory(keyspace);
    if (limit == 0)
        return true;
    uint64_t used = mem_used();
    if (used <= limit) {
        if (keyspace->stats.eviction_exceeded_since_us)
            (void)keyspace_evict(keyspace, 0, 0); /* closes the time over the limit */
        return true;
    }
    enum evict_result result =
        keyspace_evict(keyspace, used - limit, keyspace_evict_budget(keyspace));
    return result != EVICT_FAIL;
}

static bool is_paused(struct executor *executor, const struct call *call)
{
    if (executor->pause.mode == CLIENT_PAUSE_NONE || call->client->flags & CLIENT_INTERNAL)
        return false;
    enum client_pause_mode mode = client_pause_check(&executor->pause, clock_wall_ms());
    if (mode == CLIENT_PAUSE_NONE)
        keyspace_set_expire_mode(executor->services.keyspace, EXPIRE_DELETE);
    bool may_write = call->command->flags & (COMMAND_WRITE | COMMAND_MAY_REPLICATE);
    return mode == CLIENT_PAUSE_ALL || (mode == CLIENT_PAUSE_WRITE && may_write);
}

/* May this call run? When not, the reply is written (or, paused, the client put aside). */
static bool check(struct executor *executor, struct call *call)
{
    const struct client *client = call->client;
    struct command *command = call->command;
    if (!command)
        return refuse_unknown(call);
    if (lacks_subcommand(command, call->argc)) {
        command->stats.rejected_calls++;
        return call->argc < 2 ? refuse_arity(call) : refuse_unknown_subcommand(call);
    }
    if (!arity_is_right(command, call->argc)) {
        command->stats.rejected_calls++;
        return refuse_arity(call);
    }
    if (!(client->flags & CLIENT_AUTHENTICATED) && !(command->flags & COMMAND_NO_AUTH))
        return refuse(call, "NOAUTH Authentication required.");
    bool needs_memory = command->flags & COMMAND_DENYOOM;
    if (!make_room(executor) && needs_memory)
        return refuse(call, "OOM command not allowed when used memory > 'maxmemory'.");
    if (!listening_may_run(call))
        return false;
    if (executor->is_loading && !(command->flags & COMMAND_LOADING))
        return refuse(call, "LOADING Redis is loading the dataset in memory");
    if (is_paused(executor, call)) {
        call->client->flags |= CLIENT_PAUSED;
        executor->pause.waiting++;
        return false;
    }
    return true;
}

/* -- running -- */

static void count_error(struct executor *executor, struct call *call)
{
    if (call->reply->error_count == 0)
        return;
    stats_error(executor->services.stats, bytes_of_text(call->reply->error_code));
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

static void run(struct executor *executor, struct call *call)
{
    struct command *command = call->command;
    command->spec->handler(call);
    int64_t now_ns = clock_read_ns();
    int64_t spent_ns = now_ns - executor->last_read_ns;
    executor->last_read_ns = now_ns;
    command->stats.calls++;
    command->stats.ns += (uint64_t)spent_ns;
    executor->services.stats->commands_processed++;
    if (call->reply->error_count)
        command->stats.failed_calls++;
    observe(executor, call, spent_ns);
    listening_report(call);
    if (call->dirty && executor->propagate)
        executor->propagate(executor->propagate_context, call);
    if (call->propagated)
        call_propagated_free(call);
}

static void answer_protocol_error(struct executor *executor, struct client *client,
                                  const char *text)
{
    char peer[64];
    text_copy(peer, sizeof(peer), client->peer ? client->peer : "?");
    log_verbose("Protocol error from client %s: %s", peer, text);
    reply_errorf(&client->reply, "%s", text);
    stats_error(executor->services.stats, BYTES_LITERAL("ERR"));
    client->flags |= CLIENT_CLOSE_AFTER_REPLY;
}

/* CLIENT REPLY: OFF and SKIP drop what a command answers; the SKIP of the command before counts
 * here. */
static bool is_muted(const struct client *client)
{
    return client->flags & (CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP);
}

static void update_skip(struct client *client)
{
    client->flags &= ~(uint32_t)CLIENT_REPLY_SKIP;
    if (client->flags & CLIENT_REPLY_SKIP_NEXT) {
        client->flags &= ~(uint32_t)CLIENT_REPLY_SKIP_NEXT;
        client->flags |= CLIENT_REPLY_SKIP;
    }
}

void executor_execute(void *context, struct client *client, struct request *request)
{
    struct executor *executor = context;
    if (request->kind == REQUEST_PROTOCOL_ERROR) {
        answer_protocol_error(executor, client, request->error_text);
        return;
    }
    struct call call = {.services = &executor->services,
                        .client = client,
                        .command = request->command,
                        .db = keyspace_db(executor->services.keyspace, client->db),
                        .reply = &client->reply,
                        .argv = request->argv,
                        .argc = request->argc,
                        .request = request,
                        .is_propagated_as_is = true,
                        .has_listeners = executor->propagate != NULL};
    client->reply.error_count = 0;
    client->reply.is_discarded = is_muted(client);
    client->last_interaction_us = clock_us();
    if (call.command)
        client->last_command = call.command;
    listening_begin(&executor->services, client);
    if (check(executor, &call)) {
        client->commands_count++;
        executor->services.keyspace->no_touch = (client->flags & CLIENT_NO_TOUCH) != 0;
        run(executor, &call);
    }
    listening_end(&executor->services, client, call.command);
    if (client->flags & CLIENT_PAUSED)
        return;
    count_error(executor, &call);
    update_skip(client);
}
