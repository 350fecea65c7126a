/* CONFIG GET SET REWRITE RESETSTAT HELP. */
#include "config/config_table.h"

#include "base/memory.h"
#include "base/server_control.h"
#include "commands/all.h"
#include "config/config_file.h"
#include "dispatch/call.h"
#include "keyspace/keyspace.h"
#include "observability/info.h"
#include "observability/stats.h"

enum { ERROR_SIZE_MAX = 64 * 1024 };

/* -- CONFIG GET -- */

struct listing {
    struct reply *reply;
    int64_t pairs;
};

static void list_option(const char *name, struct bytes value, void *context)
{
    struct listing *listing = context;
    reply_bulk_text(listing->reply, name);
    reply_bulk_bytes(listing->reply, value);
    listing->pairs++;
}

static void config_get_command(struct call *call)
{
    struct listing listing = {.reply = call->reply};
    struct reply_mark mark = reply_defer(call->reply);
    config_get(call->services->config, call->argc - 2, call->argv + 2, list_option, &listing);
    reply_defer_map(call->reply, mark, listing.pairs);
}

/* -- CONFIG SET -- */

/* Inside a transaction nobody can wait: there EXEC has waited before it ran. */
static bool is_deferred(struct call *call, bool may_set_protected)
{
    const struct server_control *control = call->services->control;
    if (call->may_not_block || !call->request || call->client->flags & CLIENT_INTERNAL ||
        !control || !control->defer_config_set)
        return false;
    if (!control->defer_config_set(control->server, call->client, call->argc - 2, call->argv + 2,
                                   may_set_protected))
        return false;
    call->client->flags |= CLIENT_BLOCKED;
    return true;
}

static int set_now(struct call *call, bool may_set_protected, struct buffer *error)
{
    const struct server_control *control = call->services->control;
    if (control && control->set_config)
        return control->set_config(control->server, call->argc - 2, call->argv + 2,
                                   may_set_protected, error);
    return config_set_many(call->services->config, call->argc - 2, call->argv + 2,
                           may_set_protected, error) == CONFIG_SET_DONE
               ? 0
               : -1;
}

static void config_set_command(struct call *call)
{
    struct config *config = call->services->config;
    bool may_set_protected =
        config_allows(config, "enable-protected-configs", client_is_local(call->client));
    for (int i = 2; i + 1 < call->argc && i < 63; i += 2)
        if (config_is_sensitive(config, call->argv[i]))
            call->redacted |= UINT64_C(1) << (i + 1);
    if (call->argc % 2 != 0) {
        call_syntax_error(call);
        return;
    }
    if (is_deferred(call, may_set_protected))
        return;
    struct buffer error;
    buffer_init(&error, ERROR_SIZE_MAX);
    if (set_now(call, may_set_protected, &error) == 0)
        reply_ok(call->reply);
    else
        reply_error(call->reply, error.data);
    buffer_deinit(&error);
}

/* -- the others -- */

static void config_rewrite_command(struct call *call)
{
    struct buffer error;
    buffer_init(&error, ERROR_SIZE_MAX);
    if (config_rewrite(call->services->config, &error) == 0)
        reply_ok(call->reply);
    else
        reply_errorf(call->reply, "%s", error.data);
    buffer_deinit(&error);
}

static void reset_command(struct command *command, void *context)
{
    uint32_t *histogram = command->stats.histogram;
    mem_free(histogram);
    command->stats = (struct command_stats){0};
    for (uint32_t i = 0; i < command->subcommand_count; i++)
        reset_command(&command->subcommands[i], context);
}

/* Counters go back; what is a state and not a count stays. */
static void reset_keyspace(struct keyspace *keyspace)
{
    struct keyspace_stats *stats = &keyspace->stats;
    *stats =
        (struct keyspace_stats){.lazyfree_pending = stats->lazyfree_pending,
                                .eviction_exceeded_since_us = stats->eviction_exceeded_since_us};
}

static void config_resetstat_command(struct call *call)
{
    const struct services *services = call->services;
    stats_reset(services->stats);
    command_table_each(services->commands, reset_command, NULL);
    reset_keyspace(services->keyspace);
    mem_used_peak_reset();
    info_reset(services->info);
    reply_ok(call->reply);
}

static void config_help_command(struct call *call)
{
    static const char *const lines[] = {
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
        NULL,
    };
    reply_help(call->reply, "CONFIG", lines);
}

enum { ADMINISTRATION = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE };

static const struct command_spec subcommands[] = {
    {.name = "get", .handler = config_get_command, .arity = -3, .flags = ADMINISTRATION},
    {.name = "set", .handler = config_set_command, .arity = -4, .flags = ADMINISTRATION},
    {.name = "rewrite", .handler = config_rewrite_command, .arity = 2, .flags = ADMINISTRATION},
    {.name = "resetstat", .handler = config_resetstat_command, .arity = 2, .flags = ADMINISTRATION},
    {.name = "help",
     .handler = config_help_command,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE},
    {0},
};

const struct command_spec config_commands[] = {
    {.name = "config", .arity = -2, .subcommands = subcommands},
    {0},
};
