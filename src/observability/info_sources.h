/* Where the standard INFO sections take their figures from. What belongs to modules above or beside
 * this folder comes through function pointers that fill a struct of plain numbers, once per
 * section. Every pointer but `stats` may be NULL: then the section shows what Redis shows for "none
 * of it". The composition root fills one info_sources and calls info_register_standard. Main
 * thread.
 */
#ifndef OBSERVABILITY_INFO_SOURCES_H
#define OBSERVABILITY_INFO_SOURCES_H

#include "observability/info.h"
#include "observability/stats.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INFO_LISTENERS_MAX = 40 };

struct info_server {
    const char *mode;             /* "standalone", "cluster" */
    const char *run_id;           /* 40 hexadecimal digits */
    const char *supervised;       /* "systemd", "upstart", NULL: "no" */
    const char *multiplexing_api; /* "io_uring", "epoll" */
    const char *executable;       /* absolute path */
    const char *config_file;      /* absolute path or "" */
    int64_t port;                 /* the TCP port; the TLS port when that is the only one */
    int64_t started_us;           /* clock_us() at start */
    int64_t hz;
    int64_t configured_hz;
    uint32_t lru_clock;
    bool io_threads_active;
    int64_t shutdown_in_milliseconds; /* -1: no shutdown under way (the value it comes with) */
    /* Appends whole "listener0:name=tcp,bind=...,port=6379\r\n" lines; may be NULL. */
    void (*write_listeners)(void *context, struct buffer *out);
};

struct info_clients {
    uint64_t connected; /* without replicas */
    uint64_t cluster_connections;
    uint64_t maxclients;
    uint64_t recent_max_input;
    uint64_t recent_max_output;
    uint64_t blocked;
    uint64_t tracking;
    uint64_t pubsub;
    uint64_t watching;
    uint64_t in_timeout_table;
    uint64_t watched_keys;
    uint64_t blocking_keys;
    uint64_t blocking_keys_on_nokey;
    /* bytes */
    uint64_t memory_normal;
    uint64_t memory_replicas;
};

struct info_memory {
    uint64_t startup;  /* mem_used() when the server was ready and empty; with the threads of now */
    uint64_t overhead; /* all that is not data: startup, clients, tables, backlog, AOF buffer */
    uint64_t system_memory;  /* process_memory_limit() */
    uint64_t lua_eval;       /* interpreter of EVAL */
    uint64_t lua_functions;  /* interpreter of FUNCTION */
    uint64_t scripts_eval;   /* cached script bodies */
    uint64_t functions;      /* function bodies */
    uint64_t cached_scripts; /* numbers of */
    uint64_t function_count;
    uint64_t library_count;
    uint64_t maxmemory;
    const char *maxmemory_policy;
    uint64_t not_counted_for_evict;
    uint64_t replication_backlog;
    uint64_t replication_buffers;
    uint64_t replica_full_sync_buffer;
    uint64_t cluster_links;
    uint64_t aof_buffer;
    uint64_t db_hashtable_rehashing;
    bool is_defrag_running;
    uint64_t lazyfree_pending;
    uint64_t lazyfreed;
};

struct info_persistence {
    bool is_loading;
    bool is_async_loading;
    int64_t loading_start_time; /* these six only while loading */
    uint64_t loading_total_bytes;
    uint64_t loading_loaded_bytes;
    uint64_t loading_rdb_used_mem;
    double loading_loaded_percent;
    int64_t loading_eta_seconds;

    uint64_t current_cow_peak;
    uint64_t current_cow_size;
    uint64_t current_cow_size_age;
    double current_fork_percent;
    uint64_t current_save_keys_processed;
    uint64_t current_save_keys_total;

    uint64_t changes_since_last_save;
    bool is_bgsave_in_progress;
    int64_t last_save_time; /* 0: shown as the start of the server */
    bool did_last_bgsave_fail;
    int64_t last_bgsave_seconds_plus_1; /* 0: never (shown as -1) */
    int64_t current_bgsave_seconds_plus_1;
    uint64_t rdb_saves;
    uint64_t rdb_last_cow_size;
    uint64_t rdb_last_load_keys_expired;
    uint64_t rdb_last_load_keys_loaded;

    bool is_aof_enabled;
    bool is_aof_rewrite_in_progress;
    bool is_aof_rewrite_scheduled;
    int64_t last_aof_rewrite_seconds_plus_1;
    int64_t current_aof_rewrite_seconds_plus_1;
    bool did_last_aof_rewrite_fail;
    uint64_t aof_rewrites;
    uint64_t aof_rewrites_consecutive_failures;
    bool did_last_aof_write_fail;
    uint64_t aof_last_cow_size;
    uint64_t aof_current_size; /* these six only with the AOF on */
    uint64_t aof_base_size;
    bool is_aof_rewrite_pending;
    uint64_t aof_buffer_length;
    uint64_t aof_pending_bio_fsync;
    uint64_t aof_delayed_fsync;
};

struct info_keyspace {
    uint64_t hits;
    uint64_t misses;
    uint64_t expired_keys;
    uint64_t expired_subkeys;
    double expired_stale_percent;
    uint64_t expired_time_cap_reached;
    uint64_t expire_cycle_cpu_ms;
    uint64_t evicted_keys;
    uint64_t evicted_scripts;
    uint64_t total_eviction_exceeded_ms;
    uint64_t current_eviction_exceeded_ms;
    uint64_t replica_expires_tracked_keys;
    uint64_t defrag_hits;
    uint64_t defrag_misses;
    uint64_t defrag_key_hits;
    uint64_t defrag_key_misses;
    uint64_t total_defrag_ms;
    uint64_t current_defrag_ms;
};

struct info_pubsub {
    uint64_t channels;
    uint64_t patterns;
    uint64_t shard_channels;
    uint64_t tracking_keys;
    uint64_t tracking_items;
    uint64_t tracking_prefixes;
};

/* Sums over all threads that serve connections since the last CONFIG RESETSTAT. */
struct info_io {
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t reads;
    uint64_t writes;
    uint64_t threaded_reads; /* of them not done by main */
    uint64_t threaded_writes;
    uint64_t main_busy_us;
    /* Appends "used_active_time_io_thread_1:..." for each thread but main; may be NULL. */
    void (*write_thread_times)(void *context, struct buffer *out);
};

struct info_replication {
    const char *replid;         /* 40 digits; NULL: a fixed one made at start */
    const char *replid2;        /* NULL: zeroes */
    const char *failover_state; /* NULL: "no-failover" */
    int64_t offset;
    int64_t second_offset_plus_1; /* 0: none (shown as -1) */
    bool is_backlog_active;
    uint64_t backlog_size;
    int64_t backlog_first_byte_offset;
    uint64_t backlog_length;
    uint64_t replica_count;
    bool is_replica;
    /* Appends the "master_host:..." lines of a replica, or the "slave0:..." lines of a primary. */
    void (*write_primary_lines)(void *context, struct buffer *out);
    void (*write_replica_lines)(void *context, struct buffer *out);
};

struct info_command {
    const char *name; /* "config|get" */
    uint64_t calls;
    uint64_t usec;
    uint64_t rejected_calls;
    uint64_t failed_calls;
    const uint32_t *histogram; /* observability/latency_histogram.h; NULL: none */
};

struct observability_settings;

struct info_sources {
    const struct stats *stats;
    const struct observability_settings *settings;
    void *context; /* of all functions here */
    void (*server)(void *context, struct info_server *server);
    void (*clients)(void *context, struct info_clients *clients);
    void (*memory)(void *context, struct info_memory *memory);
    void (*persistence)(void *context, struct info_persistence *persistence);
    void (*keyspace)(void *context, struct info_keyspace *keyspace);
    void (*pubsub)(void *context, struct info_pubsub *pubsub);
    void (*io)(void *context, struct info_io *io);
    void (*replication)(void *context, struct info_replication *replication);
    bool (*is_cluster_enabled)(void *context);
    /* Calls visit for every command, subcommands too. */
    void (*each_command)(void *context,
                         void (*visit)(void *visitor, const struct info_command *command),
                         void *visitor);
};

/* Registers Server, Clients, Memory, Persistence, Stats, Replication, CPU, Modules, Commandstats,
 * Errorstats, Latencystats and Cluster. `sources` outlives the info. */
void info_register_standard(struct info *info, const struct info_sources *sources);

#endif
