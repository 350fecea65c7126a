/* What INFO shows of the modules: fills the structs that the standard sections print from. */
#include "base/clock.h"
#include "base/info_section.h"
#include "base/memory.h"
#include "base/process.h"
#include "client/client_memory.h"
#include "config/config_file.h"
#include "dispatch/blocking.h"
#include "dispatch/execute.h"
#include "dispatch/watch.h"
#include "keyspace/keyspace_options.h"
#include "server/server.h"
#include "server/threads_info.h"
#include <string.h>

static void fill_server(void *context, struct info_server *out)
{
    struct server *server = context;
    const struct server_settings *settings = &server->settings.server;
    out->mode = "standalone";
    out->run_id = server->run_id;
    out->supervised = server->supervisor;
    out->multiplexing_api = loop_backend_name(io_pool_main_loop(server->pool));
    out->executable = server->executable;
    out->config_file = config_path(server->config);
    out->port = settings->port ? settings->port : server->settings.tls.port;
    out->started_us = server->started_us;
    out->hz = server->hz;
    out->configured_hz = settings->hz;
    out->lru_clock = server->keyspace->access_clock;
    out->io_threads_active = io_pool_count(server->pool) > 0;
    out->write_listeners = server_write_listeners;
}

static void fill_clients(void *context, struct info_clients *out)
{
    struct server *server = context;
    out->maxclients = (uint64_t)server->maxclients;
    out->tracking = server->pubsub->tracking.count;
    struct watch_counts watched = watch_count(server->executor->watches);
    out->watching = watched.clients;
    out->watched_keys = watched.keys;
    struct blocking_counts blocking = blocking_count(server->executor->blocking);
    out->in_timeout_table = blocking.with_timeout;
    out->blocking_keys = blocking.keys;
    out->blocking_keys_on_nokey = blocking.keys_on_nokey;
    for (struct client *client = server->clients->first; client; client = client->next) {
        uint64_t input = client_meter_get(client->meters.input_size);
        uint64_t output = exchange_output_size(client);
        out->connected += (client->flags & CLIENT_OPENED) != 0;
        out->pubsub += (client->flags & CLIENT_PUBSUB) != 0;
        out->blocked += (client->flags & (CLIENT_BLOCKED | CLIENT_PAUSED)) != 0;
        *(client->flags & CLIENT_REPLICA ? &out->memory_replicas : &out->memory_normal) +=
            client_memory(client);
        if (input > out->recent_max_input)
            out->recent_max_input = input;
        if (output > out->recent_max_output)
            out->recent_max_output = output;
    }
}

static const char *policy_name(int policy)
{
    static const char *const names[] = {
        [POLICY_VOLATILE_LRU] = "volatile-lru",       [POLICY_ALLKEYS_LRU] = "allkeys-lru",
        [POLICY_VOLATILE_LFU] = "volatile-lfu",       [POLICY_ALLKEYS_LFU] = "allkeys-lfu",
        [POLICY_VOLATILE_RANDOM] = "volatile-random", [POLICY_ALLKEYS_RANDOM] = "allkeys-random",
        [POLICY_VOLATILE_TTL] = "volatile-ttl",       [POLICY_NOEVICTION] = "noeviction",
    };
    return names[policy];
}

/* Of all clients, without what TLS holds for them, which is counted for itself. */
static uint64_t clients_memory(const struct server *server)
{
    uint64_t size = 0;
    for (const struct client *client = server->clients->first; client; client = client->next) {
        uint64_t tls_size = client_meter_get(client->meters.tls_memory);
        uint64_t client_size = client_memory(client);
        size += client_size > tls_size ? client_size - tls_size : 0;
    }
    return size;
}

static void fill_memory(void *context, struct info_memory *out)
{
    entering_main();
    struct server *server = context;
    /* Threads and TLS are counted as they are now: they may go as well as come. */
    out->startup =
        server->startup_memory - server->startup_threads_memory + io_pool_memory(server->pool);
    out->overhead = out->startup - server->startup_tls_memory + mem_tls_used() +
                    keyspace_overhead(server->keyspace) + clients_memory(server);
    out->system_memory = process_memory_limit();
    out->maxmemory = keyspace_maxmemory(server->keyspace);
    out->maxmemory_policy = policy_name(server->settings.keyspace.maxmemory_policy);
    out->db_hashtable_rehashing = keyspace_rehashing_memory(server->keyspace, NULL);
    out->lazyfree_pending = server->keyspace->stats.lazyfree_pending;
    out->lazyfreed = server->keyspace->stats.lazyfreed_objects;
}

static void fill_persistence(void *context, struct info_persistence *out)
{
    struct server *server = context;
    out->is_loading = server->executor->is_loading;
}

static void fill_keyspace(void *context, struct info_keyspace *out)
{
    const struct keyspace_stats *stats = &((struct server *)context)->keyspace->stats;
    out->hits = stats->hits;
    out->misses = stats->misses;
    out->expired_keys = stats->expired_keys;
    out->expired_subkeys = stats->expired_fields;
    out->expired_time_cap_reached = stats->expired_time_cap_reached;
    out->expire_cycle_cpu_ms = stats->expire_cycle_us / 1000;
    out->evicted_keys = stats->evicted_keys;
    out->total_eviction_exceeded_ms = stats->eviction_exceeded_us / 1000;
    if (stats->eviction_exceeded_since_us)
        out->current_eviction_exceeded_ms =
            (uint64_t)(clock_us() - stats->eviction_exceeded_since_us) / 1000;
    out->total_eviction_exceeded_ms += out->current_eviction_exceeded_ms;
}

static void fill_pubsub(void *context, struct info_pubsub *out)
{
    const struct pubsub *pubsub = ((struct server *)context)->pubsub;
    out->channels = channels_count(&pubsub->channels, CHANNEL_PLAIN);
    out->patterns = channels_count(&pubsub->channels, CHANNEL_PATTERN);
    out->shard_channels = channels_count(&pubsub->channels, CHANNEL_SHARD);
    out->tracking_keys = dict_count(&pubsub->tracking.keys);
    out->tracking_items = pubsub->tracking.items;
    out->tracking_prefixes = pubsub->tracking.prefix_count;
}

static void fill_replication(void *context, struct info_replication *out)
{
    struct server *server = context;
    out->replid = server->run_id;
    out->backlog_size = (uint64_t)server->settings.replication.repl_backlog_size;
}

/* CONFIG RESETSTAT: the I/O threads' counters go on; what they were now is subtracted from now on.
 */
static void reset_io(void *context)
{
    struct server *server = context;
    io_pool_sum_stats(server->pool, &server->io_baseline);
    server->own_io_baseline = *loop_stats(io_pool_main_loop(server->pool));
}

static void write_thread_times(void *context, struct buffer *out)
{
    const struct server *server = context;
    for (int i = 1; i <= io_pool_count(server->pool); i++) {
        const struct io_thread *thread = io_pool_thread(server->pool, i);
        if (!thread || !io_thread_is_up(thread))
            continue;
        uint64_t us = io_stat_read(loop_stats(thread->loop)->busy_us);
        (void)buffer_printf(out, "used_active_time_io_thread_%d:%llu.%06llu\r\n", i,
                            (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000));
    }
}

static void fill_io(void *context, struct info_io *out)
{
    struct server *server = context;
    struct io_stats sum;
    io_pool_sum_stats(server->pool, &sum);
    const struct io_stats *own = loop_stats(io_pool_main_loop(server->pool));
    const struct io_stats *base = &server->io_baseline;
    out->bytes_in = sum.bytes_in - base->bytes_in;
    out->bytes_out = sum.bytes_out - base->bytes_out;
    out->reads = sum.reads - base->reads;
    out->writes = sum.writes - base->writes;
    out->threaded_reads = out->reads - (io_stat_read(own->reads) - server->own_io_baseline.reads);
    out->threaded_writes =
        out->writes - (io_stat_read(own->writes) - server->own_io_baseline.writes);
    out->main_busy_us = io_stat_read(own->busy_us);
    out->write_thread_times = write_thread_times;
}

struct command_visitor {
    void (*visit)(void *visitor, const struct info_command *command);
    void *visitor;
};

static void visit_command(struct command *command, void *context)
{
    struct command_visitor *visitor = context;
    struct info_command row = {.name = command->name,
                               .calls = command->stats.calls,
                               .usec = command->stats.ns / 1000,
                               .rejected_calls = command->stats.rejected_calls,
                               .failed_calls = command->stats.failed_calls,
                               .histogram = command->stats.histogram};
    visitor->visit(visitor->visitor, &row);
    for (uint32_t i = 0; i < command->subcommand_count; i++)
        visit_command(&command->subcommands[i], context);
}

static void each_command(void *context,
                         void (*visit)(void *visitor, const struct info_command *command),
                         void *visitor)
{
    struct command_visitor all = {visit, visitor};
    command_table_each(((struct server *)context)->commands, visit_command, &all);
}

void server_register_info(struct server *server)
{
    server->info_sources = (struct info_sources){.stats = server->stats,
                                                 .settings = &server->settings.observability,
                                                 .context = server,
                                                 .server = fill_server,
                                                 .clients = fill_clients,
                                                 .memory = fill_memory,
                                                 .persistence = fill_persistence,
                                                 .keyspace = fill_keyspace,
                                                 .pubsub = fill_pubsub,
                                                 .io = fill_io,
                                                 .replication = fill_replication,
                                                 .each_command = each_command};
    info_on_reset(server->info, reset_io, server);
    info_register_standard(server->info, &server->info_sources);
    info_register(server->info, &keyspace_info, server->keyspace);
    info_register(server->info, &keysizes_info, server->keyspace);
    info_register(server->info, &threads_info_section, server);
    info_register(server->info, &tls_info_section, server);
}
