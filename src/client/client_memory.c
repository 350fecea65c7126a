/* See client_memory.h. */
#include "client/client_memory.h"

#include "client/exchange.h"
#include "client/request.h"

uint64_t client_memory(const struct client *client)
{
    uint64_t size = sizeof(*client) + exchange_output_size(client) + client->reply.chain.size +
                    client_meter_get(client->meters.memory);
    size += client->queued_memory;
    return size + (client->batch ? request_batch_memory(client->batch) : 0);
}
