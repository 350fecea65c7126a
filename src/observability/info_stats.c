/* INFO stats. */
#include <inttypes.h>

#include "observability/info_internal.h"

static double kilobytes(const struct stats *stats, enum stats_metric metric)
{
    return (double)stats_instantaneous(stats, metric) / 1024;
}

static void write_traffic(struct buffer *out, const struct stats *stats, const struct info_io *io)
{
    buffer_printf(
        out,
        "total_connections_received:%" PRIu64 "\r\n"
        "total_commands_processed:%" PRIu64 "\r\n"
        "instantaneous_ops_per_sec:%" PRId64 "\r\n"
        "total_net_input_bytes:%" PRIu64 "\r\n"
        "total_net_output_bytes:%" PRIu64 "\r\n"
        "total_net_repl_input_bytes:%" PRIu64 "\r\n"
        "total_net_repl_output_bytes:%" PRIu64 "\r\n"
        "instantaneous_input_kbps:%.2f\r\n"
        "instantaneous_output_kbps:%.2f\r\n"
        "instantaneous_input_repl_kbps:%.2f\r\n"
        "instantaneous_output_repl_kbps:%.2f\r\n"
        "rejected_connections:%" PRIu64 "\r\n"
        "sync_full:%" PRIu64 "\r\n"
        "sync_partial_ok:%" PRIu64 "\r\n"
        "sync_partial_err:%" PRIu64 "\r\n",
        stats->connections_received, stats->commands_processed,
        stats_instantaneous(stats, STATS_METRIC_COMMANDS), io->bytes_in, io->bytes_out,
        stats->repl_input_bytes, stats->repl_output_bytes, kilobytes(stats, STATS_METRIC_NET_INPUT),
        kilobytes(stats, STATS_METRIC_NET_OUTPUT), kilobytes(stats, STATS_METRIC_REPL_INPUT),
        kilobytes(stats, STATS_METRIC_REPL_OUTPUT), stats->connections_rejected, stats->sync_full,
        stats->sync_partial_ok, stats->sync_partial_err);
}

static void write_keyspace(struct buffer *out, const struct stats *stats,
                           const struct info_keyspace *keyspace)
{
    buffer_printf(out,
                  "expired_subkeys:%" PRIu64 "\r\n"
                  "expired_keys:%" PRIu64 "\r\n"
                  "expired_stale_perc:%.2f\r\n"
                  "expired_time_cap_reached_count:%" PRIu64 "\r\n"
                  "expire_cycle_cpu_milliseconds:%" PRIu64 "\r\n"
                  "evicted_keys:%" PRIu64 "\r\n"
                  "evicted_clients:%" PRIu64 "\r\n"
                  "evicted_scripts:%" PRIu64 "\r\n"
                  "total_eviction_exceeded_time:%" PRIu64 "\r\n"
                  "current_eviction_exceeded_time:%" PRIu64 "\r\n"
                  "keyspace_hits:%" PRIu64 "\r\n"
                  "keyspace_misses:%" PRIu64 "\r\n",
                  keyspace->expired_subkeys, keyspace->expired_keys,
                  keyspace->expired_stale_percent, keyspace->expired_time_cap_reached,
                  keyspace->expire_cycle_cpu_ms, keyspace->evicted_keys, stats->clients_evicted,
                  keyspace->evicted_scripts, keyspace->total_eviction_exceeded_ms,
                  keyspace->current_eviction_exceeded_ms, keyspace->hits, keyspace->misses);
}

static void write_pubsub(struct buffer *out, const struct stats *stats,
                         const struct info_pubsub *pubsub, const struct info_keyspace *keyspace)
{
    buffer_printf(out,
                  "pubsub_channels:%" PRIu64 "\r\n"
                  "pubsub_patterns:%" PRIu64 "\r\n"
                  "pubsubshard_channels:%" PRIu64 "\r\n"
                  "latest_fork_usec:%" PRIu64 "\r\n"
                  "total_forks:%" PRIu64 "\r\n"
                  "migrate_cached_sockets:0\r\n"
                  "slave_expires_tracked_keys:%" PRIu64 "\r\n"
                  "active_defrag_hits:%" PRIu64 "\r\n"
                  "active_defrag_misses:%" PRIu64 "\r\n"
                  "active_defrag_key_hits:%" PRIu64 "\r\n"
                  "active_defrag_key_misses:%" PRIu64 "\r\n"
                  "total_active_defrag_time:%" PRIu64 "\r\n"
                  "current_active_defrag_time:%" PRIu64 "\r\n"
                  "tracking_total_keys:%" PRIu64 "\r\n"
                  "tracking_total_items:%" PRIu64 "\r\n"
                  "tracking_total_prefixes:%" PRIu64 "\r\n",
                  pubsub->channels, pubsub->patterns, pubsub->shard_channels, stats->latest_fork_us,
                  stats->forks, keyspace->replica_expires_tracked_keys, keyspace->defrag_hits,
                  keyspace->defrag_misses, keyspace->defrag_key_hits, keyspace->defrag_key_misses,
                  keyspace->total_defrag_ms, keyspace->current_defrag_ms, pubsub->tracking_keys,
                  pubsub->tracking_items, pubsub->tracking_prefixes);
}

static void write_replies(struct buffer *out, const struct stats *stats, const struct info_io *io)
{
    buffer_printf(out,
                  "unexpected_error_replies:%" PRIu64 "\r\n"
                  "total_error_replies:%" PRIu64 "\r\n"
                  "dump_payload_sanitizations:%" PRIu64 "\r\n"
                  "total_reads_processed:%" PRIu64 "\r\n"
                  "total_writes_processed:%" PRIu64 "\r\n"
                  "io_threaded_reads_processed:%" PRIu64 "\r\n"
                  "io_threaded_writes_processed:%" PRIu64 "\r\n"
                  "client_query_buffer_limit_disconnections:%" PRIu64 "\r\n"
                  "client_output_buffer_limit_disconnections:%" PRIu64 "\r\n"
                  "reply_buffer_shrinks:%" PRIu64 "\r\n"
                  "reply_buffer_expands:%" PRIu64 "\r\n",
                  stats->unexpected_error_replies, stats->error_replies,
                  stats->dump_payload_sanitizations, io->reads, io->writes, io->threaded_reads,
                  io->threaded_writes, stats->query_buffer_limit_disconnections,
                  stats->output_buffer_limit_disconnections, stats->reply_buffer_shrinks,
                  stats->reply_buffer_expands);
}

static void write_loop(struct buffer *out, const struct stats *stats)
{
    buffer_printf(out,
                  "eventloop_cycles:%" PRIu64 "\r\n"
                  "eventloop_duration_sum:%" PRIu64 "\r\n"
                  "eventloop_duration_cmd_sum:%" PRIu64 "\r\n"
                  "instantaneous_eventloop_cycles_per_sec:%" PRId64 "\r\n"
                  "instantaneous_eventloop_duration_usec:%" PRId64 "\r\n"
                  "acl_access_denied_auth:%" PRIu64 "\r\n"
                  "acl_access_denied_cmd:%" PRIu64 "\r\n"
                  "acl_access_denied_key:%" PRIu64 "\r\n"
                  "acl_access_denied_channel:%" PRIu64 "\r\n",
                  stats->loop_cycles, stats->loop_duration_us, stats->loop_command_ns / 1000,
                  stats_instantaneous(stats, STATS_METRIC_LOOP_CYCLES),
                  stats_instantaneous(stats, STATS_METRIC_LOOP_DURATION), stats->acl_denied_auth,
                  stats->acl_denied_command, stats->acl_denied_key, stats->acl_denied_channel);
}

static void write_stats(struct buffer *out, const void *context)
{
    const struct info_sources *sources = context;
    struct info_io io = {0};
    struct info_keyspace keyspace = {0};
    struct info_pubsub pubsub = {0};
    if (sources->io)
        sources->io(sources->context, &io);
    if (sources->keyspace)
        sources->keyspace(sources->context, &keyspace);
    if (sources->pubsub)
        sources->pubsub(sources->context, &pubsub);
    write_traffic(out, sources->stats, &io);
    write_keyspace(out, sources->stats, &keyspace);
    write_pubsub(out, sources->stats, &pubsub, &keyspace);
    write_replies(out, sources->stats, &io);
    write_loop(out, sources->stats);
}

INFO_SECTION(info_stats_section, "stats", "Stats", INFO_EVERYWHERE, 50, write_stats);
