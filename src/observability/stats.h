/* The server's counters that belong to no other module, and metrics sampled over time. Plain
 * numbers that main increments; I/O threads count in io/io_stats.h. Main thread only.
 */
#ifndef OBSERVABILITY_STATS_H
#define OBSERVABILITY_STATS_H

#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    STATS_ERRORS_MAX = 128, /* distinct error codes; one more switches errorstats off */
    STATS_ERROR_CODE_MAX = 32,
    STATS_SAMPLES = 16,          /* of an instantaneous metric */
    STATS_SAMPLE_PERIOD_MS = 100 /* how often stats_cron wants to be called */
};

enum stats_metric {
    STATS_METRIC_COMMANDS,
    STATS_METRIC_NET_INPUT,
    STATS_METRIC_NET_OUTPUT,
    STATS_METRIC_REPL_INPUT,
    STATS_METRIC_REPL_OUTPUT,
    STATS_METRIC_LOOP_CYCLES,
    STATS_METRIC_LOOP_DURATION, /* microseconds per cycle */
    STATS_METRIC_COUNT
};

struct stats_samples {
    int64_t last_us;
    uint64_t last_value;
    uint64_t last_base;
    int64_t samples[STATS_SAMPLES]; /* per second (or per cycle) */
    int next;
};

struct stats_error_count {
    char code[STATS_ERROR_CODE_MAX];
    uint64_t count;
};

struct stats {
    /* -- connections -- */
    uint64_t connections_received;
    uint64_t connections_rejected; /* maxclients, or protected mode */
    uint64_t clients_evicted;      /* maxmemory-clients */
    uint64_t query_buffer_limit_disconnections;
    uint64_t output_buffer_limit_disconnections;
    /* -- commands -- */
    uint64_t commands_processed;
    uint64_t error_replies;            /* stats_error counts it */
    uint64_t unexpected_error_replies; /* to a primary or from the AOF */
    uint64_t slowlog_logged;
    /* -- access denied -- */
    uint64_t acl_denied_auth;
    uint64_t acl_denied_command;
    uint64_t acl_denied_key;
    uint64_t acl_denied_channel;
    /* -- replication and persistence -- */
    uint64_t sync_full;
    uint64_t sync_partial_ok;
    uint64_t sync_partial_err;
    uint64_t repl_input_bytes;
    uint64_t repl_output_bytes;
    uint64_t forks;
    uint64_t latest_fork_us;
    uint64_t dump_payload_sanitizations;
    /* -- reply memory -- */
    uint64_t reply_buffer_shrinks;
    uint64_t reply_buffer_expands;
    /* -- main's turns -- */
    uint64_t loop_cycles;
    uint64_t loop_duration_us; /* working, not waiting; as of the last cron */
    uint64_t loop_command_ns;  /* of it executing commands */

    /* What the counters elsewhere (I/O threads, keyspace) said at the last CONFIG RESETSTAT is kept
     * by whoever owns them. */
    struct stats_error_count *errors; /* sorted by code */
    uint32_t error_count;
    bool errors_are_disabled;
    struct stats_samples metrics[STATS_METRIC_COUNT];
};

void stats_init(struct stats *stats);
void stats_deinit(struct stats *stats);
/* CONFIG RESETSTAT. */
void stats_reset(struct stats *stats);
/* An error reply with this code ("WRONGTYPE") went out. Bounded: past STATS_ERRORS_MAX distinct
 * codes all counts are dropped for one ERRORSTATS_DISABLED until the next reset. */
void stats_error(struct stats *stats, struct bytes code);
/* Samples the instantaneous metrics; every STATS_SAMPLE_PERIOD_MS. The byte counts are sums over
 * all I/O threads since start. */
void stats_cron(struct stats *stats, int64_t now_us, uint64_t net_input_bytes,
                uint64_t net_output_bytes);
/* Average of the samples. */
int64_t stats_instantaneous(const struct stats *stats, enum stats_metric metric);

#endif
