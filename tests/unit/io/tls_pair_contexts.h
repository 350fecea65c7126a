/* The contexts of a suite in which a client with a certificate talks to a server. */
#ifndef TEST_TLS_PAIR_CONTEXTS_H
#define TEST_TLS_PAIR_CONTEXTS_H

#include "tls_pair.h"

static struct tls_tickets *tickets;
static struct tls_context *server;
static struct tls_context *client;

static inline void begin(void)
{
    tls_test_begin();
    struct tls_settings settings = settings_for_tests();
    tickets = tls_tickets_create();
    server = context_for(&settings, tickets);
    client = client_for((struct tls_client_settings){WITH_CLIENT_CERTIFICATE});
}

static inline void finish(void)
{
    tls_context_release(client);
    tls_context_release(server);
    tls_tickets_destroy(tickets);
}

#endif
