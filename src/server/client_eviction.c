/* See client_eviction.h. */
#include "server/client_eviction.h"

#include "base/log.h"
#include "base/memory.h"
#include "client/client_describe.h"
#include "client/client_memory.h"
#include "dispatch/command.h"
#include "observability/stats.h"
#include "server/server.h"
#include <stdlib.h>

enum { LINE_SIZE_MAX = 16 * 1024 };

uint64_t client_eviction_limit(const struct server *server)
{
    int64_t option = server->settings.client.maxmemory_clients;
    uint64_t maxmemory = keyspace_maxmemory(server->keyspace);
    uint64_t limit;
    if (option < 0 && maxmemory > 0)
        limit = (uint64_t)((double)maxmemory * (double)-option / 100);
    else if (option > 0)
        limit = (uint64_t)option;
    else
        return 0;
    return limit < CLIENT_EVICTION_LIMIT_MIN ? CLIENT_EVICTION_LIMIT_MIN : limit;
}

static bool counts(const struct client *client)
{
    return !(client->flags & (CLIENT_REPLICA | CLIENT_PRIMARY | CLIENT_INTERNAL | CLIENT_CLOSING));
}

void client_eviction_note(struct server *server, struct client *client)
{
    if (server->settings.client.maxmemory_clients == 0 || !counts(client))
        return;
    uint64_t size = client_memory(client);
    server->client_eviction.total += size - client->memory_counted;
    client->memory_counted = size;
}

void client_eviction_forget(struct server *server, struct client *client)
{
    server->client_eviction.total -= client->memory_counted;
    client->memory_counted = 0;
}

/* -- closing the largest -- */

struct candidate {
    struct client *client;
    uint64_t size;
};

static int compare_sizes(const void *a_pointer, const void *b_pointer)
{
    const struct candidate *a = a_pointer;
    const struct candidate *b = b_pointer;
    if (a->size != b->size)
        return a->size > b->size ? -1 : 1;
    return a->client->id < b->client->id ? -1 : a->client->id > b->client->id;
}

static size_t find_candidates(const struct server *server, struct candidate *candidates)
{
    size_t count = 0;
    for (struct client *client = server->clients->first; client; client = client->next)
        if (counts(client) && client->memory_counted && !(client->flags & CLIENT_NO_EVICT))
            candidates[count++] = (struct candidate){client, client->memory_counted};
    qsort(candidates, count, sizeof(*candidates), compare_sizes);
    return count;
}

static void evict(struct server *server, struct client *client) ON_MAIN
{
    const struct command *command = client->last_command;
    struct buffer line;
    buffer_init(&line, LINE_SIZE_MAX);
    client_describe(client, command ? command->name : "NULL", &line);
    log_notice("Evicting client: %s", line.data ? line.data : "");
    buffer_deinit(&line);
    client_eviction_forget(server, client);
    server->stats->clients_evicted++;
    exchange_close(server->exchange, client, CONNECTION_CLOSE_NOW);
}

void client_eviction_run(struct server *server)
{
    entering_main();
    struct client_eviction *eviction = &server->client_eviction;
    uint64_t limit = client_eviction_limit(server);
    if (limit == 0 || eviction->total < limit || eviction->is_hopeless || server->is_stopping)
        return;
    struct candidate *candidates = mem_calloc(server->clients->count + 1, sizeof(*candidates));
    size_t count = find_candidates(server, candidates);
    for (size_t i = 0; i < count && eviction->total >= limit; i++)
        evict(server, candidates[i].client);
    mem_free(candidates);
    eviction->is_hopeless = eviction->total >= limit;
}

void client_eviction_cron(struct server *server)
{
    struct client_eviction *eviction = &server->client_eviction;
    eviction->is_hopeless = false;
    bool is_counting = server->settings.client.maxmemory_clients != 0;
    if (!is_counting && !eviction->was_counting)
        return;
    eviction->was_counting = is_counting;
    eviction->total = 0;
    for (struct client *client = server->clients->first; client; client = client->next) {
        client->memory_counted = 0;
        client_eviction_note(server, client);
    }
}
