/* Certificates and keys from PEM files into a given library context, what INFO shows of them, and
 * the names that a peer's certificate claims. Any thread. Not here: verification (tls_verify.h). */
#ifndef IO_TLS_CERTIFICATE_H
#define IO_TLS_CERTIFICATE_H

#include "base/assert.h"
#include "io/tls_context.h"
#include <openssl/ssl.h>

struct tls_facts;

/* Where a failure's one-line text goes. */
struct tls_failure {
    char *text;
    size_t size;
};
/* Formats into `failure`; returns -1. */
int tls_fail(const struct tls_failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct tls_pair_files {
    const char *certificate;
    const char *key;
    const char *passphrase;    /* NULL: none; nobody is ever asked on a terminal */
    const char *owner;         /* "Server" or "Client": for messages */
    OSSL_LIB_CTX *library;     /* of the certificates */
    OSSL_LIB_CTX *key_library; /* of the key */
    bool takes_pipes;          /* see tls_file.h */
};

/* Loads leaf, chain and key, checks the dates and that they belong together, and puts them into
 * `ssl_context`. 0 or -1. */
int tls_certificate_use(SSL_CTX *ssl_context, const struct tls_pair_files *files,
                        const struct tls_failure *failure) MUST_CHECK;
/* Trusts the certificates of `file` and of the folder (hashed names, and every other PEM file in
 * it). Either may be NULL. `facts` receives the one that expires first. */
int tls_certificate_trust(X509_STORE *store, OSSL_LIB_CTX *library, const char *file,
                          const char *folder, bool takes_pipes, struct tls_certificate_facts *facts,
                          const struct tls_failure *failure) MUST_CHECK;
/* Adds the revocation lists of `file` and switches checking on: for the whole chain when lists of
 * several issuers are there, for the leaf otherwise. */
int tls_certificate_revoke(X509_STORE *store, OSSL_LIB_CTX *library, const char *file,
                           const struct tls_failure *failure) MUST_CHECK;
void tls_certificate_describe(const X509 *certificate, struct tls_certificate_facts *facts);
/* Seconds since the epoch; INT64_MAX when it cannot be read. */
int64_t tls_certificate_expires(const X509 *certificate);

/* The names of a verified peer, and when they end. Immutable and reference counted: connections of
 * the same client share it. Names follow each other, each with its NUL: the common name ("" when
 * absent, too long or with a NUL inside), then URIs. */
struct tls_identity {
    uint32_t references;
    uint32_t names_size;
    int64_t expires_wall_s;
    char names[];
};

struct tls_identity *tls_identity_read(X509 *certificate);
struct tls_identity *tls_identity_acquire(struct tls_identity *identity);
/* NULL is allowed. */
void tls_identity_release(struct tls_identity *identity);
/* As carried in sessions. encode returns the size (<= TLS_IDENTITY_ENCODED_MAX); decode NULL when
 * malformed. */
enum { TLS_IDENTITY_ENCODED_MAX = 5 * 256 + 16 };
size_t tls_identity_encode(const struct tls_identity *identity, char *destination);
struct tls_identity *tls_identity_decode(const void *data, size_t size);
/* Fills the certificate fields of `facts`. */
void tls_identity_describe(const struct tls_identity *identity, struct tls_facts *facts);

#endif
