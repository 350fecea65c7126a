/* See client_output.h. */
#include "client/client_output.h"

#include "base/clock.h"

enum client_class client_class_of(const struct client *client)
{
    if (client->flags & CLIENT_REPLICA)
        return CLIENT_CLASS_REPLICA;
    if (client->flags & CLIENT_PUBSUB)
        return CLIENT_CLASS_PUBSUB;
    return CLIENT_CLASS_NORMAL;
}

bool client_output_is_over(const struct client_settings *settings, struct client *client)
{
    uint64_t size = exchange_output_size(client);
    if (!(client->flags & CLIENT_ADMITTED) && size > CLIENT_UNAUTHENTICATED_OUTPUT_MAX)
        return true;
    const struct client_output_limit *limit = &settings->output_limits[client_class_of(client)];
    if (limit->hard_bytes && size >= (uint64_t)limit->hard_bytes)
        return true;
    if (!limit->soft_bytes || size < (uint64_t)limit->soft_bytes) {
        client->output_soft_since_us = 0;
        return false;
    }
    if (!client->output_soft_since_us)
        client->output_soft_since_us = clock_us();
    return clock_us() - client->output_soft_since_us > limit->soft_seconds * 1000000;
}
