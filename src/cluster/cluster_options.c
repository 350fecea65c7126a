/* The table of cluster options. */
#include "cluster/cluster_options.h"

#include <ctype.h>
#include <limits.h>

#include "base/option_rows.h"

enum { HOSTNAME_SIZE_MAX = 256 };

static const struct option_name endpoint_names[] = {
    {"ip", CLUSTER_ENDPOINT_IP},
    {"hostname", CLUSTER_ENDPOINT_HOSTNAME},
    {"unknown-endpoint", CLUSTER_ENDPOINT_UNKNOWN},
    {NULL, 0},
};

static bool has_only_name_characters(const char *text)
{
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && *text != '-' && *text != '.')
            return false;
    return true;
}

static int check_hostname(const void *settings, struct buffer *error)
{
    const struct cluster_settings *cluster = settings;
    const char *name = cluster->cluster_announce_hostname;
    if (!name)
        return 0;
    if (strlen(name) >= HOSTNAME_SIZE_MAX) {
        buffer_append_text(error, "Hostnames must be less than 256 characters");
        return -1;
    }
    if (!has_only_name_characters(name)) {
        buffer_append_text(error,
                           "Hostnames may only contain alphanumeric characters, hyphens or dots");
        return -1;
    }
    return 0;
}

/* The name stands in nodes.conf and in replies, between spaces. */
static int check_nodename(const void *settings, struct buffer *error)
{
    const struct cluster_settings *cluster = settings;
    const char *name = cluster->cluster_announce_human_nodename;
    if (!name)
        return 0;
    if (strlen(name) >= HOSTNAME_SIZE_MAX || !has_only_name_characters(name)) {
        buffer_append_text(error, "Announced human node name contained invalid character");
        return -1;
    }
    return 0;
}

static int check_announce_ip(const void *settings, struct buffer *error)
{
    const struct cluster_settings *cluster = settings;
    const char *address = cluster->cluster_announce_ip;
    if (address && strpbrk(address, " \t\r\n,")) {
        buffer_append_text(error, "cluster-announce-ip contains an invalid character");
        return -1;
    }
    return 0;
}

#define BOOL(field, name, alias, flags, value)                                                     \
    OPTION_ROW_BOOL(cluster_settings, field, name, alias, flags, value)
#define NUMBER(field, name, alias, flags, value, highest)                                          \
    OPTION_ROW_INT(cluster_settings, field, name, alias, flags, value, 0, highest)
#define STRING(field, name, flags, value, check)                                                   \
    OPTION_ROW_STRING(cluster_settings, field, name, NULL, flags, value, check)

static const struct option rows[] = {
    BOOL(cluster_enabled, "cluster-enabled", NULL, OPTION_IMMUTABLE, "no"),
    STRING(cluster_config_file, "cluster-config-file", OPTION_IMMUTABLE, "nodes.conf", NULL),
    NUMBER(cluster_node_timeout, "cluster-node-timeout", NULL, 0, "15000", LLONG_MAX),
    NUMBER(cluster_ping_interval, "cluster-ping-interval", NULL, OPTION_HIDDEN, "1000", LLONG_MAX),
    NUMBER(cluster_port, "cluster-port", NULL, OPTION_IMMUTABLE, "0", 65535),
    NUMBER(cluster_replica_validity_factor, "cluster-replica-validity-factor",
           "cluster-slave-validity-factor", 0, "10", INT_MAX),
    NUMBER(cluster_migration_barrier, "cluster-migration-barrier", NULL, 0, "1", INT_MAX),
    BOOL(cluster_allow_replica_migration, "cluster-allow-replica-migration", NULL, 0, "yes"),
    BOOL(cluster_require_full_coverage, "cluster-require-full-coverage", NULL, 0, "yes"),
    BOOL(cluster_replica_no_failover, "cluster-replica-no-failover", "cluster-slave-no-failover", 0,
         "no"),
    BOOL(cluster_allow_reads_when_down, "cluster-allow-reads-when-down", NULL, 0, "no"),
    BOOL(cluster_allow_pubsubshard_when_down, "cluster-allow-pubsubshard-when-down", NULL, 0,
         "yes"),
    OPTION_ROW_MEMORY(cluster_settings, cluster_link_sendbuf_limit, "cluster-link-sendbuf-limit",
                      NULL, 0, "0", 0, LLONG_MAX),
    STRING(cluster_announce_ip, "cluster-announce-ip", 0, "", check_announce_ip),
    NUMBER(cluster_announce_port, "cluster-announce-port", NULL, 0, "0", 65535),
    NUMBER(cluster_announce_tls_port, "cluster-announce-tls-port", NULL, 0, "0", 65535),
    NUMBER(cluster_announce_bus_port, "cluster-announce-bus-port", NULL, 0, "0", 65535),
    STRING(cluster_announce_hostname, "cluster-announce-hostname", 0, "", check_hostname),
    STRING(cluster_announce_human_nodename, "cluster-announce-human-nodename", 0, "",
           check_nodename),
    OPTION_ROW_ENUM(cluster_settings, cluster_preferred_endpoint_type,
                    "cluster-preferred-endpoint-type", 0, "ip", endpoint_names),
    NUMBER(cluster_compatibility_sample_ratio, "cluster-compatibility-sample-ratio", NULL, 0, "0",
           100),
};

OPTION_GROUP(cluster_options, "cluster", rows, NULL);
