/* The table of replication options. */
#include "replication/replication_options.h"

#include <inttypes.h>
#include <limits.h>

#include "base/memory.h"
#include "base/number.h"
#include "base/option_rows.h"

enum { BACKLOG_SIZE_MIN = 16 * 1024 };

static const struct option_name diskless_load_names[] = {
    {"disabled", DISKLESS_LOAD_DISABLED},
    {"on-empty-db", DISKLESS_LOAD_ON_EMPTY_DB},
    {"swapdb", DISKLESS_LOAD_SWAPDB},
    {NULL, 0},
};

static const struct option_name propagation_error_names[] = {
    {"ignore", PROPAGATION_IGNORE},
    {"panic", PROPAGATION_PANIC},
    {"panic-on-replicas", PROPAGATION_PANIC_ON_REPLICAS},
    {NULL, 0},
};

/* -- replicaof <host> <port>, or "no one" -- */

static int set_replicaof(void *settings, int argc, const struct bytes *argv, struct buffer *error)
{
    struct replication_settings *replication = settings;
    int64_t port = 0;
    char *host = NULL;
    if (argc == 1 || argc > 2) {
        buffer_append_text(error, "wrong number of arguments");
        return -1;
    }
    if (argc == 2 && !(bytes_is(argv[0], "no") && bytes_is(argv[1], "one"))) {
        if (!number_parse_i64(argv[1], &port) || port < 0 || port > 65535) {
            buffer_append_text(error, "Invalid master port");
            return -1;
        }
        if (argv[0].size == 0 || memchr(argv[0].data, '\0', argv[0].size)) {
            buffer_append_text(error, "Invalid master host");
            return -1;
        }
        host = mem_calloc(argv[0].size + 1, 1);
        memcpy(host, argv[0].data, argv[0].size);
    }
    mem_free(replication->master_host);
    replication->master_host = host;
    replication->master_port = port;
    return 0;
}

static void get_replicaof(const void *settings, struct buffer *out)
{
    const struct replication_settings *replication = settings;
    if (replication->master_host)
        buffer_printf(out, "%s %" PRId64, replication->master_host, replication->master_port);
}

static void rewrite_replicaof(const void *settings, const char *name, struct buffer *out)
{
    const struct replication_settings *replication = settings;
    if (replication->master_host)
        buffer_printf(out, "%s %s %" PRId64 "\n", name, replication->master_host,
                      replication->master_port);
}

/* -- repl-backlog-size: at least 16 KB, silently -- */

static int set_backlog_size(void *settings, int argc, const struct bytes *argv,
                            struct buffer *error)
{
    struct replication_settings *replication = settings;
    uint64_t bytes;
    if (argc != 1) {
        buffer_append_text(error, "wrong number of arguments");
        return -1;
    }
    if (!number_parse_memory(argv[0], &bytes)) {
        buffer_append_text(error, "argument must be a memory value");
        return -1;
    }
    if (bytes < 1 || bytes > INT64_MAX) {
        buffer_printf(error, "argument must be between 1 and %lld inclusive", LLONG_MAX);
        return -1;
    }
    replication->repl_backlog_size = bytes < BACKLOG_SIZE_MIN ? BACKLOG_SIZE_MIN : (int64_t)bytes;
    return 0;
}

static void get_backlog_size(const void *settings, struct buffer *out)
{
    const struct replication_settings *replication = settings;
    buffer_printf(out, "%" PRId64, replication->repl_backlog_size);
}

static void rewrite_backlog_size(const void *settings, const char *name, struct buffer *out)
{
    const struct replication_settings *replication = settings;
    int64_t size = replication->repl_backlog_size;
    if (size % (1024 * 1024) == 0)
        buffer_printf(out, "%s %" PRId64 "mb\n", name, size / (1024 * 1024));
    else
        buffer_printf(out, "%s %" PRId64 "\n", name, size);
}

#define BOOL(field, name, alias, flags, value)                                                     \
    OPTION_ROW_BOOL(replication_settings, field, name, alias, flags, value)
#define NUMBER(field, name, alias, value, lowest, highest)                                         \
    OPTION_ROW_INT(replication_settings, field, name, alias, 0, value, lowest, highest)
#define STRING(field, name, alias, flags)                                                          \
    OPTION_ROW_STRING(replication_settings, field, name, alias, flags, "", NULL)

static const struct option rows[] = {
    OPTION_ROW_CUSTOM("replicaof", "slaveof", OPTION_IMMUTABLE | OPTION_MULTI_ARG | OPTION_REPEATED,
                      NULL, set_replicaof, get_replicaof, rewrite_replicaof),
    STRING(masteruser, "masteruser", NULL, OPTION_SENSITIVE),
    OPTION_ROW_SECRET(replication_settings, masterauth, "masterauth", NULL, 0, NULL),
    BOOL(replica_serve_stale_data, "replica-serve-stale-data", "slave-serve-stale-data", 0, "yes"),
    BOOL(replica_read_only, "replica-read-only", "slave-read-only", 0, "yes"),
    BOOL(replica_ignore_maxmemory, "replica-ignore-maxmemory", "slave-ignore-maxmemory", 0, "yes"),
    BOOL(replica_announced, "replica-announced", NULL, 0, "yes"),
    BOOL(replica_ignore_disk_write_errors, "replica-ignore-disk-write-errors", NULL, 0, "no"),
    NUMBER(replica_priority, "replica-priority", "slave-priority", "100", 0, INT_MAX),
    STRING(replica_announce_ip, "replica-announce-ip", "slave-announce-ip", 0),
    NUMBER(replica_announce_port, "replica-announce-port", "slave-announce-port", "0", 0, 65535),
    OPTION_ROW_ENUM(replication_settings, repl_diskless_load, "repl-diskless-load", 0, "disabled",
                    diskless_load_names),
    BOOL(repl_rdb_channel, "repl-rdb-channel", NULL, 0, "no"),
    OPTION_ROW_MEMORY(replication_settings, replica_full_sync_buffer_limit,
                      "replica-full-sync-buffer-limit", NULL, 0, "0", 0, LLONG_MAX),
    BOOL(close_on_replica_write, "close-on-replica-write", NULL, OPTION_HIDDEN, "yes"),
    OPTION_ROW_ENUM(replication_settings, propagation_error_behavior, "propagation-error-behavior",
                    0, "ignore", propagation_error_names),
    NUMBER(repl_ping_replica_period, "repl-ping-replica-period", "repl-ping-slave-period", "10", 1,
           INT_MAX),
    NUMBER(repl_timeout, "repl-timeout", NULL, "60", 1, INT_MAX),
    BOOL(repl_disable_tcp_nodelay, "repl-disable-tcp-nodelay", NULL, 0, "no"),
    OPTION_ROW_CUSTOM("repl-backlog-size", NULL, 0, "1mb", set_backlog_size, get_backlog_size,
                      rewrite_backlog_size),
    NUMBER(repl_backlog_ttl, "repl-backlog-ttl", NULL, "3600", 0, LONG_MAX),
    BOOL(repl_diskless_sync, "repl-diskless-sync", NULL, 0, "yes"),
    NUMBER(repl_diskless_sync_delay, "repl-diskless-sync-delay", NULL, "5", 0, INT_MAX),
    NUMBER(repl_diskless_sync_max_replicas, "repl-diskless-sync-max-replicas", NULL, "0", 0,
           INT_MAX),
    NUMBER(min_replicas_to_write, "min-replicas-to-write", "min-slaves-to-write", "0", 0, INT_MAX),
    NUMBER(min_replicas_max_lag, "min-replicas-max-lag", "min-slaves-max-lag", "10", 0, INT_MAX),
};

OPTION_GROUP(replication_options, "replication", rows, NULL);
