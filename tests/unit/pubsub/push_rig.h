/* Clients that are pushed to, without a server; what they were sent is their reply. */
#ifndef TEST_PUSH_RIG_H
#define TEST_PUSH_RIG_H

#include "base/clock.h"
#include "base/hash.h"
#include "base/thread_role.h"
#include "client/client_table.h"
#include "pubsub/push.h"
#include "reply_text.h"
#include <criterion/criterion.h>

enum { CLIENTS_MAX = 16 };

static struct client_table *table;
static struct push_queue push;
static struct client *clients[CLIENTS_MAX];

static inline void create_clients(int count)
{
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    hash_init_with((const uint8_t[16]){3});
    clock_update();
    table = client_table_create();
    push_queue_init(&push, NULL);
    for (int i = 0; i < count; i++)
        clients[i] = client_create(table);
}

static inline void destroy_clients(int count)
{
    for (int i = 0; i < count; i++) {
        push_forget(&push, clients[i]);
        client_destroy(table, clients[i]);
    }
    push_queue_deinit(&push);
    client_table_destroy(table);
}

/* What the client was sent, as text to be freed; its reply becomes empty. */
static inline char *take(struct client *client)
{
    return reply_take(&client->reply.chain);
}

static inline void expect_sent(struct client *client, const char *expected)
{
    char *text = take(client);
    cr_assert_str_eq(text, expected);
    mem_free(text);
}

#endif
