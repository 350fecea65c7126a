/* See metrics_tls.h. */
#include "server/metrics_tls.h"

#ifdef BUILD_TLS
#include "io/tls_context.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

static int give_passphrase(char *out, int size, int is_writing, void *passphrase)
{
    (void)is_writing;
    size_t length = passphrase ? strlen(passphrase) : 0;
    if (length == 0 || length > (size_t)size)
        return -1;
    memcpy(out, passphrase, length);
    return (int)length;
}

static int load_pair(SSL_CTX *context, const struct tls_settings *settings)
{
    SSL_CTX_set_default_passwd_cb(context, give_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(context, settings->key_file_pass);
    int ok = SSL_CTX_use_certificate_chain_file(context, settings->cert_file) == 1 &&
             SSL_CTX_use_PrivateKey_file(context, settings->key_file, SSL_FILETYPE_PEM) == 1 &&
             SSL_CTX_check_private_key(context) == 1;
    SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
    return ok;
}

/* As for the server's clients: `tls-auth-clients`. */
static int set_verification(SSL_CTX *context, const struct tls_settings *settings)
{
    if (settings->auth_clients == TLS_AUTH_CLIENTS_NO)
        return 1;
    int mode = SSL_VERIFY_PEER;
    if (settings->auth_clients == TLS_AUTH_CLIENTS_YES)
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(context, mode, NULL);
    return SSL_CTX_load_verify_locations(context, settings->ca_cert_file, settings->ca_cert_dir);
}

SSL_CTX *metrics_tls_create(const struct tls_settings *settings, struct buffer *error)
{
    if (!settings->cert_file || !settings->key_file) {
        buffer_append_text(error, "metrics-tls needs tls-cert-file and tls-key-file");
        return NULL;
    }
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
        load_pair(context, settings) && set_verification(context, settings) &&
        (!settings->ciphers || SSL_CTX_set_cipher_list(context, settings->ciphers) == 1) &&
        (!settings->ciphersuites ||
         SSL_CTX_set_ciphersuites(context, settings->ciphersuites) == 1)) {
        /* Scrapers keep their connections: nothing to resume. */
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                         SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
        SSL_CTX_set_num_tickets(context, 0);
        return context;
    }
    char reason[256];
    ERR_error_string_n(ERR_peek_last_error(), reason, sizeof reason);
    ERR_clear_error();
    (void)buffer_printf(error, "metrics-tls: %s", reason);
    SSL_CTX_free(context);
    return NULL;
}

void metrics_tls_destroy(SSL_CTX *context)
{
    SSL_CTX_free(context);
}

#else

struct ssl_ctx_st *metrics_tls_create(const struct tls_settings *settings, struct buffer *error)
{
    (void)settings;
    buffer_append_text(error, "metrics-tls needs a build with TLS");
    return NULL;
}

void metrics_tls_destroy(struct ssl_ctx_st *context)
{
    (void)context;
}

#endif
