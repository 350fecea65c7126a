/* Options of replication, both sides. Main thread. */
#ifndef REPLICATION_REPLICATION_OPTIONS_H
#define REPLICATION_REPLICATION_OPTIONS_H

#include "base/option.h"
#include "base/secret.h"
#include <stdbool.h>
#include <stdint.h>

enum repl_diskless_load { DISKLESS_LOAD_DISABLED, DISKLESS_LOAD_ON_EMPTY_DB, DISKLESS_LOAD_SWAPDB };
enum propagation_error { PROPAGATION_IGNORE, PROPAGATION_PANIC, PROPAGATION_PANIC_ON_REPLICAS };

struct replication_settings {
    /* -- replica -- */
    char *master_host; /* NULL: a primary */
    int64_t master_port;
    char *masteruser;
    struct secret *masterauth;
    bool replica_serve_stale_data;
    bool replica_read_only;
    bool replica_ignore_maxmemory;
    bool replica_announced;
    bool replica_ignore_disk_write_errors;
    int64_t replica_priority;
    char *replica_announce_ip;
    int64_t replica_announce_port;
    int repl_diskless_load; /* enum repl_diskless_load */
    bool repl_rdb_channel;
    int64_t replica_full_sync_buffer_limit;
    bool close_on_replica_write;
    int propagation_error_behavior; /* enum propagation_error */

    /* -- primary -- */
    int64_t repl_ping_replica_period;
    int64_t repl_timeout;
    bool repl_disable_tcp_nodelay;
    int64_t repl_backlog_size;
    int64_t repl_backlog_ttl;
    bool repl_diskless_sync;
    int64_t repl_diskless_sync_delay;
    int64_t repl_diskless_sync_max_replicas;
    int64_t min_replicas_to_write;
    int64_t min_replicas_max_lag;
};

extern const struct option_group replication_options;

#endif
