/* TLS material in force: one OSSL_LIB_CTX with a server and a client SSL_CTX, private to one
 * thread.
 *
 * Built from an immutable snapshot of the settings. Connections hold a reference to the context
 * they were born in, so a reload changes new connections only. Reference counts are atomic because
 * a session may travel. Building is slow (files, keys) and may be done on any thread; using is for
 * the owning thread.
 */
#ifndef IO_TLS_CONTEXT_H
#define IO_TLS_CONTEXT_H

#include "base/assert.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TLS_FILE_SIZE_MAX = 16 * 1024 * 1024 }; /* of each file that is read */

struct ssl_ctx_st;
struct tls_tickets;
struct tls_context;

enum tls_auth_clients { TLS_AUTH_CLIENTS_NO, TLS_AUTH_CLIENTS_YES, TLS_AUTH_CLIENTS_OPTIONAL };
enum tls_auth_user { TLS_AUTH_USER_OFF, TLS_AUTH_USER_CN, TLS_AUTH_USER_URI };

/* The directives of TLS; strings are mem_ allocated or NULL. This is the settings struct of the
 * option group (io/tls_options.h): plain data, main's. */
struct tls_settings {
    int64_t port;
    char *cert_file;
    char *key_file;
    char *key_file_pass;
    char *client_cert_file;
    char *client_key_file;
    char *client_key_file_pass;
    char *dh_params_file;
    char *ca_cert_file;
    char *ca_cert_dir;
    char *crl_file;
    int auth_clients;
    int auth_clients_user;
    bool replication;
    bool cluster;
    char *protocols;
    char *ciphers;
    char *ciphersuites;
    char *groups;
    bool prefer_server_ciphers;
    bool session_caching;
    int64_t session_cache_size;
    int64_t session_cache_timeout;
    bool session_tickets;
    int64_t ticket_key_rotation;
    char *keylog_file;
    char *expected_peer_name;
    int64_t auto_reload_interval;
    int64_t file_timeout;
    int64_t handshake_timeout;
    int64_t handshakes_max_per_thread;
    int64_t max_new_connections_per_cycle;
};

/* Once per process, before any other use of OpenSSL: allocation functions, no atexit. 0 or -1. */
int tls_library_init(void);
const char *tls_library_version(void); /* "OpenSSL 3.0.19 ..." or "none" */
bool tls_is_supported(void);           /* false when built with BUILD_TLS=no */

/* Deep copy for another thread to build from. */
struct tls_settings *tls_settings_clone(const struct tls_settings *settings);
void tls_settings_free(struct tls_settings *settings);
/* What the named files hold at present, whole, as one number: differs after any change of content.
 * The second covers CA and CRL only: when it changes, tls_tickets_new_epoch. Reads files; any
 * thread. */
uint64_t tls_settings_fingerprint(const struct tls_settings *settings);
uint64_t tls_settings_trust_fingerprint(const struct tls_settings *settings);

/* Reads files, checks everything (validity dates, key match, CA presence), and builds. NULL and one
 * readable line in `error` (TLS.md texts: "Failed to load certificate: <path>: <reason>").
 * `tickets` must outlive the context. `needs_server` false builds only the client side. */
struct tls_context *tls_context_create(const struct tls_settings *settings,
                                       struct tls_tickets *tickets, bool needs_server, char *error,
                                       size_t error_size);
/* Before it is used by anyone: its sessions belong to this epoch of the tickets, at first to that
 * in which it was built. */
void tls_context_set_epoch(struct tls_context *context, uint64_t epoch);
struct tls_context *tls_context_acquire(struct tls_context *context);
void tls_context_release(struct tls_context *context);

/* For a server that OpenSSL serves by itself, such as an HTTP library's: same settings, checks and
 * texts, in the process's library context, without resumption and key log. Any thread; whoever gets
 * it frees it with SSL_CTX_free, connections keep it alive. */
struct ssl_ctx_st *tls_context_create_foreign(const struct tls_settings *settings, char *error,
                                              size_t error_size);

/* For tools: how a client verifies. */
struct tls_client_settings {
    const char *ca_cert_file;
    const char *ca_cert_dir; /* neither: the system's store */
    const char *cert_file;
    const char *key_file;
    const char *key_file_pass;
    const char *ciphers;
    const char *ciphersuites;
    const char *groups;
    const char *protocols;
    bool is_insecure; /* no verification */
};
struct tls_context *tls_context_create_client(const struct tls_client_settings *settings,
                                              char *error, size_t error_size);

/* What INFO tls shows of the certificates in force. */
struct tls_certificate_facts {
    char subject[256];
    char serial[64];        /* hexadecimal, "none" when absent */
    int64_t expires_wall_s; /* 0 when absent */
};
void tls_context_describe(const struct tls_context *context, struct tls_certificate_facts *server,
                          struct tls_certificate_facts *client, struct tls_certificate_facts *ca);

#endif
