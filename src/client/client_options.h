/* Options about connections: their number, their limits, their timeouts. The group's apply_context
 * is the settings. Main thread. */
#ifndef CLIENT_CLIENT_OPTIONS_H
#define CLIENT_CLIENT_OPTIONS_H

#include "base/option.h"
#include <stdbool.h>
#include <stdint.h>

/* Classes of client-output-buffer-limit. */
enum client_class {
    CLIENT_CLASS_NORMAL,
    CLIENT_CLASS_REPLICA,
    CLIENT_CLASS_PUBSUB,
    CLIENT_CLASS_COUNT
};

struct client_output_limit {
    int64_t hard_bytes; /* 0: none */
    int64_t soft_bytes;
    int64_t soft_seconds;
};

struct client_settings {
    int64_t maxclients;
    int64_t max_unauthenticated_per_address; /* negative: percent of maxclients; 0: no limit */
    int64_t timeout;                         /* seconds of idleness; 0: never */
    struct client_output_limit output_limits[CLIENT_CLASS_COUNT];
    int64_t query_buffer_limit;
    int64_t proto_max_bulk_len;
    int64_t maxmemory_clients; /* bytes; negative: percent of maxmemory */
    bool hide_user_data_from_log;
};

extern const struct option_group client_options;

#endif
