/* A doubly linked list with a hash of ids beside it. The cursor is moved by removal, so a walk over
 * several turns survives whatever happens to the clients between them. */
#include "client/client_table.h"

#include "base/assert.h"
#include "base/memory.h"

enum { BY_ID_SIZE_MIN = 64 };

struct client_table *client_table_create(void)
{
    struct client_table *table = mem_calloc(1, sizeof(*table));
    table->next_id = 1;
    table->strangers = strangers_create();
    table->by_id_size = BY_ID_SIZE_MIN;
    table->by_id = mem_calloc(table->by_id_size, sizeof(*table->by_id));
    return table;
}

void client_table_destroy(struct client_table *table)
{
    assert(table->count == 0);
    strangers_destroy(table->strangers);
    mem_free(table->by_id);
    mem_free(table);
}

/* Ids are given out by us in sequence: no hash is needed to spread them. */
static struct client **chain_of(const struct client_table *table, uint64_t id)
{
    return &table->by_id[id & (table->by_id_size - 1)];
}

static void grow(struct client_table *table)
{
    mem_free(table->by_id);
    table->by_id_size *= 2;
    table->by_id = mem_calloc(table->by_id_size, sizeof(*table->by_id));
    for (struct client *client = table->first; client; client = client->next) {
        struct client **chain = chain_of(table, client->id);
        client->next_with_id = *chain;
        *chain = client;
    }
}

struct client *client_table_find(const struct client_table *table, uint64_t id)
{
    struct client *client = *chain_of(table, id);
    while (client && client->id != id)
        client = client->next_with_id;
    return client;
}

void client_table_add(struct client_table *table, struct client *client)
{
    client->id = table->next_id++;
    client->next = NULL;
    client->previous = table->last;
    if (table->last)
        table->last->next = client;
    else
        table->first = client;
    table->last = client;
    table->count++;
    if (table->count > table->by_id_size) {
        grow(table);
        return;
    }
    struct client **chain = chain_of(table, client->id);
    client->next_with_id = *chain;
    *chain = client;
}

void client_table_remove(struct client_table *table, struct client *client)
{
    assert(table->count > 0);
    strangers_remove(table->strangers, client);
    if (table->cursor == client)
        table->cursor = client->next;
    struct client **link = chain_of(table, client->id);
    while (*link != client)
        link = &(*link)->next_with_id;
    *link = client->next_with_id;
    if (client->previous)
        client->previous->next = client->next;
    else
        table->first = client->next;
    if (client->next)
        client->next->previous = client->previous;
    else
        table->last = client->previous;
    table->count--;
}

struct client *client_table_step(struct client_table *table)
{
    struct client *client = table->cursor ? table->cursor : table->first;
    table->cursor = client ? client->next : NULL;
    return client;
}
