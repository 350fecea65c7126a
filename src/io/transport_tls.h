/* The TLS transport: an SSL over a custom BIO that reads straight from the loop's receive buffers
 * and writes into the connection's output block. Never an fd. */
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
    bool has_certificate;                   /* verified */
    char certificate_name[TLS_NAME_MAX];    /* CN; empty when none or when it has a NUL */
    char certificate_uris[4][TLS_NAME_MAX]; /* SAN URIs, first ones, empty when unused */
};

struct tls_transport_options {
    struct tls_context *context; /* a reference is taken */
    bool is_server;
    bool requires_certificate; /* server: whatever tls-auth-clients says (cluster bus) */
    const char *server_name;   /* SNI to send; addresses are left out, as the RFC asks */
    const char
        *verify_name; /* what the peer's certificate must name: one address, or host names with
                       * spaces between them, of which one must match. NULL or "": not looked at */
    void *session;    /* what transport_tls_take_session gave, or NULL; a reference is taken */
    struct io_stats *stats; /* the loop's counters; NULL: nothing is counted */
};

/* NULL when the library refuses (memory, a server transport of a context without one). */
struct transport *transport_tls_create(const struct tls_transport_options *options);
/* After the transport has moved to another loop, whose counters serve from now on. */
void transport_tls_set_stats(struct transport *transport, struct io_stats *stats);
/* Bytes held for this connection, OpenSSL's among them. */
size_t transport_tls_memory(const struct transport *transport);
/* After the handshake. */
void transport_tls_describe(const struct transport *transport, struct tls_facts *facts);
/* Client side: a session for a later connection (opaque; tls_session_free), or NULL. With TLS 1.3
 * it arrives behind the handshake, with the first reads. */
void *transport_tls_take_session(struct transport *transport);
void tls_session_free(void *session);

#endif
