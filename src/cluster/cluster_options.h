/* Options of cluster mode. Main thread. */
#ifndef CLUSTER_CLUSTER_OPTIONS_H
#define CLUSTER_CLUSTER_OPTIONS_H

#include "base/option.h"
#include <stdbool.h>
#include <stdint.h>

enum cluster_endpoint { CLUSTER_ENDPOINT_IP, CLUSTER_ENDPOINT_HOSTNAME, CLUSTER_ENDPOINT_UNKNOWN };

struct cluster_settings {
    bool cluster_enabled;
    char *cluster_config_file;
    int64_t cluster_node_timeout; /* ms */
    int64_t cluster_ping_interval;
    int64_t cluster_port;
    int64_t cluster_replica_validity_factor;
    int64_t cluster_migration_barrier;
    bool cluster_allow_replica_migration;
    bool cluster_require_full_coverage;
    bool cluster_replica_no_failover;
    bool cluster_allow_reads_when_down;
    bool cluster_allow_pubsubshard_when_down;
    int64_t cluster_link_sendbuf_limit;
    char *cluster_announce_ip;
    int64_t cluster_announce_port;
    int64_t cluster_announce_tls_port;
    int64_t cluster_announce_bus_port;
    char *cluster_announce_hostname;
    char *cluster_announce_human_nodename;
    int cluster_preferred_endpoint_type; /* enum cluster_endpoint */
    int64_t cluster_compatibility_sample_ratio;
};

extern const struct option_group cluster_options;

#endif
