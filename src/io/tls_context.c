/* Building of TLS contexts from settings, and their life.
 *
 * A context is built whole by one thread and not changed afterwards, except for what OpenSSL and
 * tls_verify.c guard themselves. [X] The reference count is atomic, because a session that travels
 * releases its context on another thread.
 *
 * Sequence: protocols, ciphers, groups; DH parameters; trust and revocation (one X509_STORE for
 * both sides); certificate and key, chain completed once; resumption; verification.
 */
#include "io/tls_context.h"

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/tls_errors.h"
#include "io/tls_file.h"
#include "io/tls_internal.h"
#include "io/tls_progress.h"
#include "io/tls_tickets.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

static int fail_openssl(const struct tls_failure *failure, const char *what)
{
    char reason[160];
    tls_errors_take(reason, sizeof(reason));
    return tls_fail(failure, "%s: %s", what, reason);
}

/* Without a library of its own (see tls_context_create_foreign) the process's. */
static OSSL_LIB_CTX *openssl_of(const struct tls_context *context)
{
    return context->library ? tls_library_openssl(context->library) : NULL;
}

static OSSL_LIB_CTX *complete_of(const struct tls_context *context)
{
    return context->library ? tls_library_complete(context->library) : NULL;
}

/* -- settings common to both sides -- */

static const struct {
    const char *name;
    int version;
    uint64_t refuse;
} protocols[] = {
    {"TLSv1", TLS1_VERSION, SSL_OP_NO_TLSv1},
    {"TLSv1.1", TLS1_1_VERSION, SSL_OP_NO_TLSv1_1},
    {"TLSv1.2", TLS1_2_VERSION, SSL_OP_NO_TLSv1_2},
    {"TLSv1.3", TLS1_3_VERSION, SSL_OP_NO_TLSv1_3},
};
enum { PROTOCOL_COUNT = sizeof(protocols) / sizeof(protocols[0]) };

/* Bits of the table above; -1 for an unknown word. */
static int parse_protocols(const char *text)
{
    int bits = 0;
    while (*text) {
        size_t size = strcspn(text, " ");
        size_t i = 0;
        while (i < PROTOCOL_COUNT && !bytes_is(bytes_of(text, size), protocols[i].name))
            i++;
        if (size > 0 && i == PROTOCOL_COUNT)
            return -1;
        if (size > 0)
            bits |= 1 << i;
        text += size + strspn(text + size, " ");
    }
    return bits;
}

static int set_protocols(SSL_CTX *ssl_context, const char *text, const struct tls_failure *failure)
{
    int bits = text ? parse_protocols(text) : 0;
    if (bits < 0)
        return tls_fail(failure, "Invalid tls-protocols configuration string: %s", text);
    if (bits == 0)
        bits = 4 | 8;
    int lowest = 0;
    int highest = 0;
    for (int i = 0; i < PROTOCOL_COUNT; i++) {
        if ((bits >> i & 1) == 0) {
            SSL_CTX_set_options(ssl_context, protocols[i].refuse);
            continue;
        }
        SSL_CTX_clear_options(ssl_context, protocols[i].refuse);
        if (lowest == 0)
            lowest = protocols[i].version;
        highest = protocols[i].version;
    }
    if (!SSL_CTX_set_min_proto_version(ssl_context, lowest) ||
        !SSL_CTX_set_max_proto_version(ssl_context, highest))
        return fail_openssl(failure, "Invalid tls-protocols configuration string");
    return 0;
}

static int set_ciphers(SSL_CTX *ssl_context, const struct tls_settings *settings,
                       const struct tls_failure *failure)
{
    if (settings->ciphers && !SSL_CTX_set_cipher_list(ssl_context, settings->ciphers))
        return tls_fail(failure, "Failed to configure ciphers: %s", settings->ciphers);
    if (settings->ciphersuites && !SSL_CTX_set_ciphersuites(ssl_context, settings->ciphersuites))
        return tls_fail(failure, "Failed to configure ciphersuites: %s", settings->ciphersuites);
    if (settings->groups && !SSL_CTX_set1_groups_list(ssl_context, settings->groups))
        return tls_fail(failure, "Failed to configure groups: %s", settings->groups);
    return 0;
}

static bool is_strong(const SSL_CIPHER *cipher)
{
    int exchange = SSL_CIPHER_get_kx_nid(cipher);
    bool is_forward_secret = exchange == NID_kx_ecdhe || exchange == NID_kx_dhe;
    return SSL_CIPHER_is_aead(cipher) && is_forward_secret;
}

/* Without tls-ciphers, of what OpenSSL (or openssl.cnf) offers with TLS 1.2 only what has forward
 * secrecy and no padding to get wrong. Whoever allows older protocols gets their ciphers as well.
 */
static int set_default_ciphers(SSL_CTX *ssl_context, const struct tls_failure *failure)
{
    if (SSL_CTX_get_min_proto_version(ssl_context) < TLS1_2_VERSION)
        return 0;
    struct buffer names;
    buffer_init(&names, 16 * 1024);
    STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ssl_context);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);
        if (is_strong(cipher))
            (void)buffer_printf(&names, "%s%s", names.size ? ":" : "", SSL_CIPHER_get_name(cipher));
    }
    int result = 0;
    if (names.size > 0 && !SSL_CTX_set_cipher_list(ssl_context, names.data))
        result = fail_openssl(failure, "Failed to configure the default ciphers");
    buffer_deinit(&names);
    return result;
}

static SSL_CTX *new_ssl_context(struct tls_context *context, const struct tls_settings *settings,
                                const struct tls_failure *failure)
{
    SSL_CTX *ssl_context = SSL_CTX_new_ex(openssl_of(context), NULL, TLS_method());
    if (!ssl_context) {
        fail_openssl(failure, "Failed to create a TLS context");
        return NULL;
    }
    SSL_CTX_set_app_data(ssl_context, context);
    SSL_CTX_set_info_callback(ssl_context, transport_tls_on_info);
    SSL_CTX_set_options(ssl_context, SSL_OP_NO_SSLv2 | SSL_OP_NO_SSLv3 | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS |
                                         SSL_OP_NO_RENEGOTIATION | SSL_OP_SINGLE_DH_USE);
    /* Buffers live only while a record is in them: 34 KB less for an idle connection. The chain to
     * send is completed when the context is built, not (with signature checks) in each handshake.
     */
    SSL_CTX_set_mode(ssl_context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    if (set_protocols(ssl_context, settings->protocols, failure) == 0 &&
        set_ciphers(ssl_context, settings, failure) == 0)
        return ssl_context;
    SSL_CTX_free(ssl_context);
    return NULL;
}

/* Intermediates that the CA file knows and the certificate's file lacks are sent too; the root is
 * not. */
static void complete_chain(SSL_CTX *ssl_context)
{
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(ssl_context, &chain);
    if (sk_X509_num(chain) <= 0)
        (void)SSL_CTX_build_cert_chain(ssl_context, SSL_BUILD_CHAIN_FLAG_NO_ROOT |
                                                        SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR |
                                                        SSL_BUILD_CHAIN_FLAG_CLEAR_ERROR);
    ERR_clear_error();
}

static struct tls_pair_files server_files(const struct tls_context *context,
                                          const struct tls_settings *settings)
{
    return (struct tls_pair_files){.certificate = settings->cert_file,
                                   .key = settings->key_file,
                                   .passphrase = settings->key_file_pass,
                                   .owner = "Server",
                                   .library = openssl_of(context),
                                   .key_library = complete_of(context)};
}

/* -- the server's side -- */

static int set_dh_parameters(struct tls_context *context, const char *path,
                             const struct tls_failure *failure)
{
    if (!path) {
        SSL_CTX_set_dh_auto(context->server, 1);
        return 0;
    }
    char reason[160];
    struct tls_file file;
    if (tls_file_open(&file, path, false) < 0) {
        tls_errors_take(reason, sizeof(reason));
        return tls_fail(failure, "Failed to load %s: %s", path, reason);
    }
    EVP_PKEY *parameters = PEM_read_bio_Parameters_ex(file.bio, NULL, complete_of(context), NULL);
    tls_file_close(&file);
    if (!parameters || !EVP_PKEY_is_a(parameters, "DH")) {
        EVP_PKEY_free(parameters);
        ERR_clear_error();
        return tls_fail(failure, "%s: failed to read DH params.", path);
    }
    if (SSL_CTX_set0_tmp_dh_pkey(context->server, parameters))
        return 0;
    EVP_PKEY_free(parameters);
    tls_errors_take(reason, sizeof(reason));
    return tls_fail(failure, "Failed to load DH params file: %s: %s", path, reason);
}

static void write_keylog(const SSL *ssl, const char *line)
{
    const struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    char text[512];
    int size = snprintf(text, sizeof(text), "%s\n", line);
    if (size > 0 && size < (int)sizeof(text) && write(context->keylog_fd, text, (size_t)size) < 0)
        return; /* a debugging aid: a full disk must not hurt connections */
}

static int open_keylog(struct tls_context *context, const char *path,
                       const struct tls_failure *failure)
{
    static struct log_rate rate;
    if (!path)
        return 0;
    tls_progress_note(path);
    /* Whoever reads a pipe, or looks at a terminal, does not stop the handshakes. */
    context->keylog_fd =
        open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    tls_progress_note(NULL);
    if (context->keylog_fd < 0)
        return tls_fail(failure, "Failed to open tls-keylog-file %s: %s", path,
                        strerrordesc_np(errno));
    log_limited(
        &rate, LOG_WARNING_,
        "WARNING: tls-keylog-file is set: the secrets of all TLS connections are written to %s",
        path);
    SSL_CTX_set_keylog_callback(context->client, write_keylog);
    if (context->server)
        SSL_CTX_set_keylog_callback(context->server, write_keylog);
    return 0;
}

static void set_session_id_context(struct tls_context *context)
{
    unsigned char id[5 + sizeof(context->epoch)];
    memcpy(id, "redis", 5);
    memcpy(id + 5, &context->epoch, sizeof(context->epoch));
    SSL_CTX_set_session_id_context(context->server, id, sizeof(id));
}

static int verify_mode(int auth_clients)
{
    switch ((enum tls_auth_clients)auth_clients) {
    case TLS_AUTH_CLIENTS_NO:
        return SSL_VERIFY_NONE;
    case TLS_AUTH_CLIENTS_OPTIONAL:
        return SSL_VERIFY_PEER;
    case TLS_AUTH_CLIENTS_YES:
        return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    panic("auth_clients is %d", auth_clients);
}

/* What handshakes are made of. */
static int build_server_basis(struct tls_context *context, const struct tls_settings *settings,
                              const struct tls_failure *failure)
{
    context->server = new_ssl_context(context, settings, failure);
    if (!context->server)
        return -1;
    if (!settings->ciphers && set_default_ciphers(context->server, failure) < 0)
        return -1;
    if (settings->prefer_server_ciphers)
        SSL_CTX_set_options(context->server, SSL_OP_CIPHER_SERVER_PREFERENCE);
    struct tls_pair_files files = server_files(context, settings);
    if (tls_certificate_use(context->server, &files, failure) < 0 ||
        set_dh_parameters(context, settings->dh_params_file, failure) < 0)
        return -1;
    SSL_CTX_set_verify(context->server, verify_mode(settings->auth_clients), NULL);
    return 0;
}

static int build_server(struct tls_context *context, const struct tls_settings *settings,
                        const struct tls_failure *failure)
{
    if (build_server_basis(context, settings, failure) < 0)
        return -1;
    tls_certificate_describe(SSL_CTX_get0_certificate(context->server), &context->server_facts);
    context->auth_clients = (uint8_t)settings->auth_clients;
    set_session_id_context(context);
    tls_verify_install(context);
    if (tls_tickets_install(context, settings) < 0)
        return fail_openssl(failure, "Failed to configure session resumption");
    return 0;
}

/* -- the client's side -- */

static int on_client_session(SSL *ssl, SSL_SESSION *session)
{
    struct transport_tls *transport = transport_tls_of(ssl);
    SSL_SESSION_free(transport->session);
    transport->session = session;
    return 1; /* the reference is ours */
}

static int build_client(struct tls_context *context, const struct tls_settings *settings,
                        const struct tls_failure *failure)
{
    context->client = new_ssl_context(context, settings, failure);
    if (!context->client)
        return -1;
    bool has_own = settings->client_cert_file && settings->client_key_file;
    struct tls_pair_files files = server_files(context, settings);
    if (has_own) {
        files.certificate = settings->client_cert_file;
        files.key = settings->client_key_file;
        files.passphrase = settings->client_key_file_pass;
        files.owner = "Client";
    }
    if (files.certificate && files.key && tls_certificate_use(context->client, &files, failure) < 0)
        return -1;
    tls_certificate_describe(has_own ? SSL_CTX_get0_certificate(context->client) : NULL,
                             &context->client_facts);
    SSL_CTX_set_verify(context->client, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context->client, SSL_SESS_CACHE_CLIENT |
                                                        SSL_SESS_CACHE_NO_INTERNAL |
                                                        SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_sess_set_new_cb(context->client, on_client_session);
    return 0;
}

/* -- whole -- */

static int check_settings(const struct tls_settings *settings, const struct tls_failure *failure)
{
    if (!settings->cert_file)
        return tls_fail(failure, "No tls-cert-file configured!");
    if (!settings->key_file)
        return tls_fail(failure, "No tls-key-file configured!");
    bool needs_ca =
        settings->auth_clients != TLS_AUTH_CLIENTS_NO || settings->cluster || settings->replication;
    if (needs_ca && !settings->ca_cert_file && !settings->ca_cert_dir)
        return tls_fail(failure,
                        "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when "
                        "tls-cluster, tls-replication or tls-auth-clients are enabled!");
    return 0;
}

static int set_trust(struct tls_context *context, const struct tls_settings *settings,
                     const struct tls_failure *failure)
{
    OSSL_LIB_CTX *library = openssl_of(context);
    SSL_CTX *first = context->client ? context->client : context->server;
    X509_STORE *store = SSL_CTX_get_cert_store(first);
    if (tls_certificate_trust(store, library, settings->ca_cert_file, settings->ca_cert_dir, false,
                              &context->ca_facts, failure) < 0)
        return -1;
    if (!context->ca_facts.serial[0])
        tls_certificate_describe(NULL, &context->ca_facts);
    if (settings->crl_file &&
        tls_certificate_revoke(store, library, settings->crl_file, failure) < 0)
        return -1;
    if (context->server && context->client)
        SSL_CTX_set1_cert_store(context->server, store);
    return 0;
}

static struct tls_context *context_new(const struct tls_failure *failure)
{
    struct tls_library *library = tls_library_acquire();
    if (!library) {
        fail_openssl(failure, "Failed to load the default provider of OpenSSL");
        return NULL;
    }
    struct tls_context *context = mem_calloc(1, sizeof(*context));
    context->references = 1;
    context->library = library;
    context->keylog_fd = -1;
    context->verified = tls_verified_create();
    return context;
}

struct tls_context *tls_context_create(const struct tls_settings *settings,
                                       struct tls_tickets *tickets, bool needs_server, char *error,
                                       size_t error_size)
{
    struct tls_failure failure = {error, error_size};
    ERR_clear_error();
    bool is_wanted = needs_server || settings->replication || settings->cluster;
    if (is_wanted && check_settings(settings, &failure) < 0)
        return NULL;
    struct tls_context *context = context_new(&failure);
    if (!context)
        return NULL;
    context->tickets = tickets;
    context->epoch = tickets ? tls_tickets_epoch(tickets) : 0;
    tls_certificate_describe(NULL, &context->server_facts);
    if (build_client(context, settings, &failure) < 0 ||
        (needs_server && build_server(context, settings, &failure) < 0) ||
        set_trust(context, settings, &failure) < 0 ||
        open_keylog(context, settings->keylog_file, &failure) < 0) {
        tls_context_release(context);
        ERR_clear_error(); /* not every text above took it */
        return NULL;
    }
    complete_chain(context->client);
    if (context->server)
        complete_chain(context->server);
    /* The building thread may be a passing one: it leaves nothing of its own in the library
     * context. */
    OPENSSL_thread_stop_ex(tls_library_openssl(context->library));
    ERR_clear_error();
    return context;
}

void tls_context_set_epoch(struct tls_context *context, uint64_t epoch)
{
    assert(__atomic_load_n(&context->references, __ATOMIC_RELAXED) == 1);
    context->epoch = epoch;
    if (context->server)
        set_session_id_context(context);
}

struct tls_context *tls_context_acquire(struct tls_context *context)
{
    __atomic_add_fetch(&context->references, 1, __ATOMIC_RELAXED);
    return context;
}

void tls_context_release(struct tls_context *context)
{
    /* acquire and release: the last holder's frees come after every other holder's use */
    if (!context || __atomic_sub_fetch(&context->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    tls_verified_destroy(context->verified);
    SSL_CTX_free(context->server);
    SSL_CTX_free(context->client);
    EVP_CIPHER_free(context->ticket_cipher);
    if (context->keylog_fd >= 0)
        close(context->keylog_fd);
    tls_library_give_back(context->library);
    mem_free(context);
}

void tls_context_describe(const struct tls_context *context, struct tls_certificate_facts *server,
                          struct tls_certificate_facts *client, struct tls_certificate_facts *ca)
{
    *server = context->server_facts;
    *client = context->client_facts;
    *ca = context->ca_facts;
}

/* -- for other users of OpenSSL -- */

struct ssl_ctx_st *tls_context_create_foreign(const struct tls_settings *settings, char *error,
                                              size_t error_size)
{
    struct tls_failure failure = {error, error_size};
    struct tls_context parts = {.keylog_fd = -1}; /* no library: the result may outlive anything */
    ERR_clear_error();
    if (check_settings(settings, &failure) < 0 ||
        build_server_basis(&parts, settings, &failure) < 0 ||
        set_trust(&parts, settings, &failure) < 0) {
        SSL_CTX_free(parts.server);
        ERR_clear_error();
        return NULL;
    }
    complete_chain(parts.server);
    SSL_CTX_set_app_data(parts.server, NULL);
    SSL_CTX_set_session_cache_mode(parts.server, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(parts.server, SSL_OP_NO_TICKET);
    (void)SSL_CTX_set_num_tickets(parts.server, 0);
    ERR_clear_error();
    return parts.server;
}

/* -- for tools -- */

/* The same failure, in the words of redis-cli. */
static int rename_failure(const struct tls_failure *failure, const char *text)
{
    char reason[256];
    text_copy(reason, sizeof(reason), failure->text);
    return tls_fail(failure, "%s (%s)", text, reason);
}

static int build_tool(struct tls_context *context, const struct tls_client_settings *client,
                      const struct tls_failure *failure)
{
    struct tls_settings settings = {0};
    char *words[] = {client->protocols ? mem_strdup(client->protocols) : NULL,
                     client->ciphers ? mem_strdup(client->ciphers) : NULL,
                     client->ciphersuites ? mem_strdup(client->ciphersuites) : NULL,
                     client->groups ? mem_strdup(client->groups) : NULL};
    settings.protocols = words[0];
    settings.ciphers = words[1];
    settings.ciphersuites = words[2];
    settings.groups = words[3];
    int result = build_client(context, &settings, failure);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        mem_free(words[i]);
    if (result < 0)
        return -1;
    OSSL_LIB_CTX *library = tls_library_openssl(context->library);
    X509_STORE *store = SSL_CTX_get_cert_store(context->client);
    if (client->is_insecure)
        SSL_CTX_set_verify(context->client, SSL_VERIFY_NONE, NULL);
    if (!client->ca_cert_file && !client->ca_cert_dir) {
        if (!SSL_CTX_set_default_verify_paths(context->client))
            return fail_openssl(failure, "Failed to use default CA paths");
    } else if (tls_certificate_trust(store, library, client->ca_cert_file, client->ca_cert_dir,
                                     true, &context->ca_facts, failure) < 0) {
        return rename_failure(failure, "Invalid CA Certificate File/Directory");
    }
    if (!client->cert_file != !client->key_file)
        return tls_fail(failure, "Client cert and key must both be specified or skipped");
    struct tls_pair_files files = {.certificate = client->cert_file,
                                   .key = client->key_file,
                                   .passphrase = client->key_file_pass,
                                   .owner = "Client",
                                   .library = library,
                                   .key_library = tls_library_complete(context->library),
                                   .takes_pipes = true};
    if (client->cert_file && tls_certificate_use(context->client, &files, failure) < 0)
        return rename_failure(failure, strncmp(failure->text, "Failed to load private", 22) == 0
                                           ? "Invalid private key"
                                           : "Invalid client certificate");
    complete_chain(context->client);
    return 0;
}

struct tls_context *tls_context_create_client(const struct tls_client_settings *settings,
                                              char *error, size_t error_size)
{
    struct tls_failure failure = {error, error_size};
    ERR_clear_error();
    struct tls_context *context = context_new(&failure);
    if (context && build_tool(context, settings, &failure) < 0) {
        tls_context_release(context);
        context = NULL;
    }
    ERR_clear_error();
    return context;
}
