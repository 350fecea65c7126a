/* The TLS transport: an SSL over a custom BIO that reads straight from the loop's receive buffers and
 * writes into the connection's output block. Never an fd. */
#ifndef IO_TRANSPORT_TLS_H
#define IO_TRANSPORT_TLS_H

#include "io/io_stats.h"
#include "io/transport.h"

struct tls_context;

enum { TLS_NAME_MAX = 256 };

/* What main wants to know of a finished handshake. */
struct tls_facts {
    char version[16]; /* "TLSv1.3" */
    char cipher[64];
    char group[32];
    bool is_resumed;
    bool has_certificate;               /* verified */
    char certificate_name[TLS_NAME_MAX]; /* CN; empty when none or when it has a NUL */
    char certificate_uris[4][TLS_NAME_MAX]; /* SAN URIs, first ones, empty when unused */
};

struct tls_transport_options {
    struct tls_context *context; /* a reference is taken */
    bool is_server;
    const char *server_name; /* SNI to send */
    const char *verify_name; /* peer name to require */
    void *session;           /* SSL_SESSION to offer, or NULL; a reference is taken */
    struct io_stats *stats;  /* the loop's counters */
};

/* NULL when the library refuses (memory). */
struct transport *transport_tls_create(const struct tls_transport_options *options);
void transport_tls_describe(const struct transport *transport, struct tls_facts *facts);
/* Client side: a session for the next connection (SSL_SESSION, tls_session_free), or NULL. */
void *transport_tls_take_session(struct transport *transport);
void tls_session_free(void *session);

#endif
