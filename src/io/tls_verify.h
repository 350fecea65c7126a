/* Verification of client certificates on a server, done once per certificate and minute.
 *
 * A full handshake with a client certificate spends most of its time on the certificate. The same
 * few certificates come again and again (a fleet of clients, a storm of reconnections), so a
 * context remembers those that it verified lately, by the hash of the whole certificate: trust and
 * revocation material never change within a context, dates are compared each time. Proof of
 * possession of the key is asked in every handshake, of course.
 *
 * After verification the connection keeps a shared stub instead of the certificate: the
 * same key, no other content. That saves 4 KB a connection, and makes session tickets small and
 * cheap (OpenSSL encodes and decodes the peer's certificate for each). The names a server wants to
 * know are in the identity (tls_certificate.h).
 *
 * A mutex guards the table, since a session may travel in the middle of its handshake.
 */
#ifndef IO_TLS_VERIFY_H
#define IO_TLS_VERIFY_H

#include <openssl/ssl.h>

struct tls_context;
struct tls_verified;

enum { TLS_VERIFIED_MAX = 256, TLS_VERIFIED_TTL_S = 60 };

struct tls_verified *tls_verified_create(void);
void tls_verified_destroy(struct tls_verified *verified);
/* Installs the callback; `context->verified` is the table. */
void tls_verify_install(struct tls_context *context);

#endif
