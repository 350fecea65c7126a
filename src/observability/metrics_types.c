/* See metrics_types.h. A field that begins in one of these lists is found by bisection: keep them
 * sorted. tests/integration/observability/metrics.tcl finds a number of INFO that is in none. */
#include "observability/metrics_types.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// clang-format off
/* Only grow, but for CONFIG RESETSTAT and a restart. */
static const char *const counters[] = {
    "acl_access_denied_auth", "acl_access_denied_channel", "acl_access_denied_cmd",
    "acl_access_denied_key", "active_defrag_hits", "active_defrag_key_hits",
    "active_defrag_key_misses", "active_defrag_misses", "aof_delayed_fsync", "aof_rewrites",
    "client_output_buffer_limit_disconnections", "client_query_buffer_limit_disconnections",
    "command.calls", "command.failed_calls", "command.rejected_calls", "command.usec",
    "dump_payload_sanitizations", "error.count", "eventloop_cycles", "eventloop_duration_cmd_sum",
    "eventloop_duration_sum", "evicted_clients", "evicted_keys", "evicted_scripts",
    "expire_cycle_cpu_milliseconds", "expired_keys", "expired_subkeys",
    "expired_time_cap_reached_count", "io_placement_evened", "io_placement_lent",
    "io_placement_moved", "io_placement_stayed", "io_placement_taken_back", "io_thread.busy_us",
    "io_thread.bytes_in", "io_thread.bytes_out", "io_thread.idle_us", "io_thread.reads",
    "io_thread.turns", "io_thread.waits", "io_thread.wakeups_received", "io_thread.wakeups_sent",
    "io_thread.writes", "io_threaded_reads_processed", "io_threaded_writes_processed",
    "keyspace_hits", "keyspace_misses", "lazyfreed_objects", "rdb_saves", "rejected_connections",
    "reply_buffer_expands", "reply_buffer_shrinks", "sync_full", "sync_partial_err",
    "sync_partial_ok", "tls_cache_hits", "tls_cache_misses", "tls_closed_clean",
    "tls_closed_protocol_error", "tls_closed_reset", "tls_closed_truncated", "tls_failed_expired",
    "tls_failed_name_mismatch", "tls_failed_no_certificate", "tls_failed_no_shared_cipher",
    "tls_failed_no_shared_protocol", "tls_failed_other", "tls_failed_plaintext", "tls_failed_reset",
    "tls_failed_revoked", "tls_failed_unknown_ca", "tls_handshake_cpu_us", "tls_handshakes_failed",
    "tls_handshakes_full", "tls_handshakes_refused", "tls_handshakes_resumed",
    "tls_handshakes_timed_out", "tls_plaintext_bytes_in", "tls_plaintext_bytes_out",
    "tls_records_in", "tls_records_out", "tls_reloads_done", "tls_reloads_failed",
    "tls_sessions_aes128_gcm", "tls_sessions_aes256_gcm", "tls_sessions_chacha20",
    "tls_sessions_other_cipher", "tls_sessions_tls12", "tls_sessions_tls13", "tls_ticket_hits",
    "tls_ticket_misses", "tls_tickets_issued", "total_active_defrag_time",
    "total_commands_processed", "total_connections_received", "total_error_replies",
    "total_eviction_exceeded_time", "total_forks", "total_net_input_bytes",
    "total_net_output_bytes", "total_net_repl_input_bytes", "total_net_repl_output_bytes",
    "total_reads_processed", "total_writes_processed", "unexpected_error_replies",
    "used_active_time_io_thread_", "used_active_time_main_thread", "used_cpu_sys", "used_cpu_sys_children",
    "used_cpu_sys_main_thread", "used_cpu_user", "used_cpu_user_children",
    "used_cpu_user_main_thread",
};

/* Rise and fall. */
static const char *const gauges[] = {
    "active_defrag_running", "allocator_active", "allocator_allocated", "allocator_frag_bytes",
    "allocator_frag_ratio", "allocator_muzzy", "allocator_resident", "allocator_rss_bytes",
    "allocator_rss_ratio", "aof_base_size", "aof_buffer_length", "aof_current_rewrite_time_sec",
    "aof_current_size", "aof_enabled", "aof_last_cow_size", "aof_last_rewrite_time_sec",
    "aof_pending_bio_fsync", "aof_pending_rewrite", "aof_rewrite_in_progress",
    "aof_rewrite_scheduled", "aof_rewrites_consecutive_failures", "arch_bits", "async_loading",
    "blocked_clients", "client_recent_max_input_buffer", "client_recent_max_output_buffer",
    "clients_in_timeout_table", "cluster_connections", "cluster_enabled", "command.usec_per_call",
    "configured_hz", "connected_clients", "connected_slaves", "current_active_defrag_time",
    "current_cow_peak", "current_cow_size", "current_cow_size_age",
    "current_eviction_exceeded_time", "current_fork_perc", "current_save_keys_processed",
    "current_save_keys_total", "db.avg_ttl", "db.expires", "db.keys", "db.subexpiry",
    "expired_stale_perc", "hz", "instantaneous_eventloop_cycles_per_sec",
    "instantaneous_eventloop_duration_usec", "instantaneous_input_kbps",
    "instantaneous_input_repl_kbps", "instantaneous_ops_per_sec", "instantaneous_output_kbps",
    "instantaneous_output_repl_kbps", "io_placement_busy_percent", "io_placement_main_busy_percent",
    "io_placement_moving", "io_placement_spread", "io_placement_taking_turns", "io_thread.clients",
    "io_thread.connections", "io_thread.handshakes", "io_thread.handshakes_waiting", "io_threads",
    "io_threads_active",
    "latest_fork_usec", "lazyfree_pending_objects", "listener.port", "loading",
    "loading_eta_seconds", "loading_loaded_bytes", "loading_loaded_perc", "loading_rdb_used_mem",
    "loading_start_time", "loading_total_bytes", "lru_clock", "main_thread_busy_percent",
    "master_repl_offset", "maxclients", "maxmemory", "mem_aof_buffer", "mem_clients_normal",
    "mem_clients_slaves", "mem_cluster_links", "mem_fragmentation_bytes", "mem_fragmentation_ratio",
    "mem_not_counted_for_evict", "mem_overhead_db_hashtable_rehashing",
    "mem_replica_full_sync_buffer", "mem_replication_backlog", "mem_tls",
    "mem_total_replication_buffers", "migrate_cached_sockets", "module_fork_in_progress",
    "module_fork_last_cow_size", "number_of_cached_scripts", "number_of_functions",
    "number_of_libraries", "process_id", "pubsub_channels", "pubsub_clients", "pubsub_patterns",
    "pubsubshard_channels", "rdb_bgsave_in_progress", "rdb_changes_since_last_save",
    "rdb_current_bgsave_time_sec", "rdb_last_bgsave_time_sec", "rdb_last_cow_size",
    "rdb_last_load_keys_expired", "rdb_last_load_keys_loaded", "rdb_last_save_time",
    "redis_git_dirty", "repl_backlog_active", "repl_backlog_first_byte_offset",
    "repl_backlog_histlen", "repl_backlog_size", "replica.lag", "replica.offset", "replica.port",
    "rss_overhead_bytes", "rss_overhead_ratio", "second_repl_offset", "server_time_usec",
    "shutdown_in_milliseconds", "slave_expires_tracked_keys", "tcp_port",
    "tls_ca_cert_expires_in_seconds", "tls_client_cert_expires_in_seconds",
    "tls_handshakes_in_flight", "tls_handshakes_waiting", "tls_memory",
    "tls_server_cert_expires_in_seconds", "total_blocking_keys", "total_blocking_keys_on_nokey",
    "total_system_memory", "total_watched_keys", "tracking_clients", "tracking_total_items",
    "tracking_total_keys", "tracking_total_prefixes", "uptime_in_days", "uptime_in_seconds",
    "used_memory", "used_memory_dataset", "used_memory_dataset_perc", "used_memory_functions",
    "used_memory_lua", "used_memory_overhead", "used_memory_peak", "used_memory_peak_perc",
    "used_memory_rss", "used_memory_scripts", "used_memory_scripts_eval", "used_memory_startup",
    "used_memory_vm_eval", "used_memory_vm_functions", "used_memory_vm_total", "watching_clients",
};

/* Names and codes, also when they happen to be digits. */
static const char *const texts[] = {
    "config_file", "executable", "gcc_version", "master_replid", "master_replid2", "redis_build_id",
    "redis_git_sha1", "redis_version", "run_id", "sluice_version", "tls_ca_cert_serial",
    "tls_client_cert_serial", "tls_reload_last_error", "tls_server_cert_serial",
};
// clang-format on

static const struct {
    const char *const *names;
    size_t count;
    enum metric_type type;
} lists[] = {
    {counters, sizeof counters / sizeof counters[0], METRIC_COUNTER},
    {gauges, sizeof gauges / sizeof gauges[0], METRIC_GAUGE},
    {texts, sizeof texts / sizeof texts[0], METRIC_TEXT},
};

static int compare_names(const void *key, const void *item)
{
    return strcmp(key, *(const char *const *)item);
}

/* Fields that are there once for each thread end in its number: without it. */
static struct bytes without_number(struct bytes field)
{
    size_t size = field.size;
    while (size > 0 && isdigit((unsigned char)field.data[size - 1]))
        size--;
    return size > 0 && field.data[size - 1] == '_' ? (struct bytes){field.data, size} : field;
}

enum metric_type metric_type_of(struct bytes family, struct bytes field)
{
    field = without_number(field);
    char name[128];
    int size = snprintf(name, sizeof name, "%.*s%s%.*s", (int)family.size, family.data,
                        family.size ? "." : "", (int)field.size, field.data);
    if (size < 0 || (size_t)size >= sizeof name)
        return METRIC_UNKNOWN;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (bsearch(name, lists[i].names, lists[i].count, sizeof lists[i].names[0], compare_names))
            return lists[i].type;
    return METRIC_UNKNOWN;
}

bool metric_types_check(void)
{
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        for (size_t j = 1; j < lists[i].count; j++)
            if (strcmp(lists[i].names[j - 1], lists[i].names[j]) >= 0)
                return false;
    return true;
}
