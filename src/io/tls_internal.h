/* What the files of the TLS layer share; nobody else includes it. Built only with BUILD_TLS. */
#ifndef IO_TLS_INTERNAL_H
#define IO_TLS_INTERNAL_H

#include "io/io_stats.h"
#include "io/tls_bio.h"
#include "io/tls_certificate.h"
#include "io/tls_context.h"
#include "io/tls_verify.h"
#include "io/transport_tls.h"
#include <openssl/ssl.h>

struct tls_library;

struct tls_context {
    uint32_t references;
    struct tls_library *library; /* the library context everything below lives in */
    SSL_CTX *server;             /* NULL when only the client side was asked for */
    SSL_CTX *client;
    EVP_CIPHER *ticket_cipher;
    struct tls_tickets *tickets; /* NULL for tools */
    struct tls_verified *verified;
    uint64_t epoch; /* of the tickets when this context was built */
    uint8_t auth_clients;
    size_t session_cache_size;
    int keylog_fd;
    struct tls_certificate_facts server_facts;
    struct tls_certificate_facts client_facts;
    struct tls_certificate_facts ca_facts;
};

/* One connection's TLS. */
struct transport_tls {
    struct transport base;
    struct tls_bio_port port; /* holds the wire during a call */
    SSL *ssl;
    struct tls_context *context;
    struct io_stats *stats; /* may be NULL */
    uint64_t held; /* bytes that OpenSSL holds for it; from all threads it was on, modulo 2^64 */
    struct tls_identity *identity; /* of the verified peer; NULL: none */
    SSL_SESSION *session;          /* client: the newest one received */
    void *offered;                 /* client: what was offered, kept while the SSL may use it */
    char *error;                   /* TRANSPORT_ERROR_TEXT_MAX bytes, once there was one */
    uint8_t deferred;           /* enum transport_result to report by the next read; DONE: none */
    uint8_t outcome;            /* the deferred result's */
    uint8_t key_updates;        /* of the peer's in one second */
    uint16_t key_update_second; /* its low bits */
    bool is_server : 1;
    bool has_seen_input : 1; /* the first byte was looked at */
    bool is_open : 1;        /* the handshake finished */
    bool is_broken : 1;      /* a fatal error happened */
    bool has_said_goodbye : 1;
    bool is_starved : 1;     /* the last read found no whole record */
    bool requires_names : 1; /* the peer's names matter, so verification is not remembered */
    bool has_offered : 1;    /* the client offered a session */
    bool has_named : 1;      /* and it is one of those kept in memory, or was */
};

static inline struct transport_tls *transport_tls_of(const SSL *ssl)
{
    struct tls_bio_port *port = tls_bio_port_of(SSL_get_rbio(ssl));
    return (struct transport_tls *)(void *)((char *)port - offsetof(struct transport_tls, port));
}

/* -- transport_tls.c: an info callback, of every SSL_CTX -- */
void transport_tls_on_info(const SSL *ssl, int where, int value);

/* -- tls_library.c: library contexts are recycled, see there -- */
struct tls_library *tls_library_acquire(void);
void tls_library_give_back(struct tls_library *library);
OSSL_LIB_CTX *tls_library_openssl(const struct tls_library *library);
/* Its other half, which can also read private keys and parameters. */
OSSL_LIB_CTX *tls_library_complete(const struct tls_library *library);
BIO_METHOD *tls_library_bio_method(void);
X509_LOOKUP_METHOD *tls_library_lookup_method(void); /* of tls_ca_folder.h */

/* -- tls_tickets.c: installs the callbacks of resumption into a server SSL_CTX -- */
int tls_tickets_install(struct tls_context *context, const struct tls_settings *settings);

#endif
