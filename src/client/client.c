/* See client.h. */
#include "client/client.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "client/client_table.h"
#include <string.h>

static struct client *new_client(void)
{
    struct client *client = mem_alloc_aligned(64, (sizeof(*client) + 63) & ~(size_t)63);
    memset(client, 0, sizeof(*client));
    client->protocol = 2;
    client->user = "default";
    client->created_us = client->last_interaction_us = clock_us();
    client->fd_number = -1;
    return client;
}

struct client *client_create(struct client_table *table)
{
    struct client *client = new_client();
    client_table_add(table, client);
    return client;
}

struct client *client_create_internal(void)
{
    struct client *client = new_client();
    client->flags = CLIENT_INTERNAL | CLIENT_AUTHENTICATED;
    return client;
}

void client_destroy(struct client_table *table, struct client *client)
{
    assert(!client->batch);
    assert(!client->transfer);
    if (!(client->flags & CLIENT_INTERNAL))
        client_table_remove(table, client);
    reply_chain_free(&client->reply.chain);
    mem_free(client->name);
    mem_free(client->lib_name);
    mem_free(client->lib_version);
    mem_free(client->peer);
    mem_free(client->local);
    mem_free(client->tls_description);
    mem_free(client->certificate_name);
    mem_free(client);
}

void client_set_text(char **field, struct bytes value)
{
    mem_free(*field);
    *field = NULL;
    if (value.size == 0)
        return;
    *field = mem_alloc(value.size + 1);
    memcpy(*field, value.data, value.size);
    (*field)[value.size] = '\0';
}

bool client_name_is_valid(struct bytes name)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] < '!' || name.data[i] > '~')
            return false;
    return true;
}

bool client_is_local(const struct client *client)
{
    const char *peer = client->peer ? client->peer : "";
    return client->flags & (CLIENT_UNIX_SOCKET | CLIENT_INTERNAL) ||
           strncmp(peer, "127.", 4) == 0 || strncmp(peer, "[::1]", 5) == 0;
}

void client_format_flags(const struct client *client, char text[16])
{
    static const struct {
        uint32_t flag;
        uint8_t tracking;
        char letter;
    } letters[] = {
        {CLIENT_REPLICA, 0, 'S'},
        {CLIENT_PRIMARY, 0, 'M'},
        {CLIENT_MONITOR, 0, 'O'},
        {CLIENT_PUBSUB, 0, 'P'},
        {CLIENT_MULTI, 0, 'x'},
        {CLIENT_BLOCKED | CLIENT_PAUSED, 0, 'b'},
        {CLIENT_TRACKING_ON, 0, 't'},
        {0, TRACKING_BROKEN_REDIRECT, 'R'},
        {0, TRACKING_BCAST, 'B'},
        {CLIENT_DIRTY_CAS, 0, 'd'},
        {CLIENT_CLOSE_AFTER_REPLY, 0, 'c'},
        {CLIENT_CLOSING, 0, 'A'},
        {CLIENT_UNIX_SOCKET, 0, 'U'},
        {CLIENT_READONLY, 0, 'r'},
        {CLIENT_NO_EVICT, 0, 'e'},
        {CLIENT_NO_TOUCH, 0, 'T'},
    };
    size_t size = 0;
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
        if (client->flags & letters[i].flag || client->tracking_flags & letters[i].tracking)
            text[size++] = letters[i].letter;
    if (size == 0)
        text[size++] = 'N';
    text[size] = '\0';
}
