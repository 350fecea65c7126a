/* The TLS layer of a build without OpenSSL (BUILD_TLS=no): the same interface, and every creation
 * fails. */
#include "base/text.h"
#include "io/tls_context.h"
#include "io/tls_tickets.h"
#include "io/transport_tls.h"
#include <string.h>

static const char not_supported[] = "Failed finding TLS support.";

int tls_library_init(void)
{
    return 0;
}

const char *tls_library_version(void)
{
    return "none";
}

bool tls_is_supported(void)
{
    return false;
}

struct tls_context *tls_context_create(const struct tls_settings *settings,
                                       struct tls_tickets *tickets, bool needs_server, char *error,
                                       size_t error_size)
{
    (void)settings;
    (void)tickets;
    (void)needs_server;
    if (error_size)
        text_copy(error, error_size, not_supported);
    return NULL;
}

struct ssl_ctx_st *tls_context_create_foreign(const struct tls_settings *settings, char *error,
                                              size_t error_size)
{
    (void)settings;
    if (error_size)
        text_copy(error, error_size, not_supported);
    return NULL;
}

struct tls_context *tls_context_create_client(const struct tls_client_settings *settings,
                                              char *error, size_t error_size)
{
    (void)settings;
    if (error_size)
        text_copy(error, error_size, not_supported);
    return NULL;
}

struct tls_context *tls_context_acquire(struct tls_context *context)
{
    return context;
}

void tls_context_set_epoch(struct tls_context *context, uint64_t epoch)
{
    (void)epoch;
    panic("a TLS context %p in a build without TLS", (void *)context);
}

void tls_context_release(struct tls_context *context)
{
    assert(!context);
}

void tls_context_describe(const struct tls_context *context, struct tls_certificate_facts *server,
                          struct tls_certificate_facts *client, struct tls_certificate_facts *ca)
{
    (void)context;
    struct tls_certificate_facts none = {.serial = "none"};
    *server = none;
    *client = none;
    *ca = none;
}

/* Rotation and epochs of nothing: the callers need not ask whether TLS is built in. */

struct tls_tickets *tls_tickets_create(void)
{
    return NULL;
}

void tls_tickets_destroy(struct tls_tickets *tickets)
{
    assert(!tickets);
}

void tls_tickets_rotate(struct tls_tickets *tickets)
{
    assert(!tickets);
}

void tls_tickets_rotate_if_due(struct tls_tickets *tickets, int64_t interval_s)
{
    (void)interval_s;
    assert(!tickets);
}

void tls_tickets_new_epoch(struct tls_tickets *tickets)
{
    assert(!tickets);
}

uint64_t tls_tickets_epoch(const struct tls_tickets *tickets)
{
    (void)tickets;
    return 0;
}

size_t tls_tickets_session_count(struct tls_tickets *tickets)
{
    (void)tickets;
    return 0;
}

struct transport *transport_tls_create(const struct tls_transport_options *options)
{
    (void)options;
    return NULL;
}

void transport_tls_set_stats(struct transport *transport, struct io_stats *stats)
{
    (void)stats;
    panic("a TLS transport %p in a build without TLS", (void *)transport);
}

size_t transport_tls_memory(const struct transport *transport)
{
    panic("a TLS transport %p in a build without TLS", (const void *)transport);
}

void transport_tls_describe(const struct transport *transport, struct tls_facts *facts)
{
    (void)facts;
    panic("a TLS transport %p in a build without TLS", (const void *)transport);
}

void *transport_tls_take_session(struct transport *transport)
{
    (void)transport;
    return NULL;
}

void tls_session_free(void *session)
{
    assert(!session);
}
