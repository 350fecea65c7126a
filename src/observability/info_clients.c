/* INFO clients. */
#include <inttypes.h>

#include "observability/info_internal.h"

static void write_clients(struct buffer *out, const void *context)
{
    const struct info_sources *sources = context;
    struct info_clients clients = {0};
    if (sources->clients)
        sources->clients(sources->context, &clients);
    buffer_printf(out,
                  "connected_clients:%" PRIu64 "\r\n"
                  "cluster_connections:%" PRIu64 "\r\n"
                  "maxclients:%" PRIu64 "\r\n"
                  "client_recent_max_input_buffer:%" PRIu64 "\r\n"
                  "client_recent_max_output_buffer:%" PRIu64 "\r\n"
                  "blocked_clients:%" PRIu64 "\r\n"
                  "tracking_clients:%" PRIu64 "\r\n"
                  "pubsub_clients:%" PRIu64 "\r\n"
                  "watching_clients:%" PRIu64 "\r\n"
                  "clients_in_timeout_table:%" PRIu64 "\r\n"
                  "total_watched_keys:%" PRIu64 "\r\n"
                  "total_blocking_keys:%" PRIu64 "\r\n"
                  "total_blocking_keys_on_nokey:%" PRIu64 "\r\n",
                  clients.connected, clients.cluster_connections, clients.maxclients,
                  clients.recent_max_input, clients.recent_max_output, clients.blocked,
                  clients.tracking, clients.pubsub, clients.watching, clients.in_timeout_table,
                  clients.watched_keys, clients.blocking_keys, clients.blocking_keys_on_nokey);
}

INFO_SECTION(info_clients_section, "clients", "Clients", INFO_EVERYWHERE, 20, write_clients);
