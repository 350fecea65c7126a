/* Fails OpenSSL's allocations and the calls that read files, one by one, during handshake, reading,
 * writing and the building of contexts (reload). Nothing may crash, leak, hang, or leave an error
 * behind; a context that was built although something failed is as good as any; the context in
 * force serves as before.
 *
 * An input (libFuzzer's signature) is: what is done, the number of the call that fails first (two
 * bytes), and how many after it fail too (255: all). gcc: the main below goes through all numbers
 * until nothing fails, FAULTS_STEP apart.
 */
#include "base/log.h"
#include "faults.h"
#include "io/io_stats.h"
#include "io/loop_internal.h"
#include "io/tls_internal.h"
#include "io/tls_tickets.h"
#include "io/transport_tls.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is done. The first eight are conversations: the bits are as in fuzz_tls_transport.c. */
enum {
    DO_TLS13 = 1 << 0,
    DO_CERTIFICATE = 1 << 1,
    DO_REQUIRED = 1 << 2,
    DO_CONVERSATIONS = 8,
    DO_RELOAD = DO_CONVERSATIONS, /* allocations fail */
    DO_RELOAD_FILES,              /* calls on files fail */
    DO_COUNT
};

enum { DATA_SIZE = 20000, CALLS_MAX = 1000 };

static struct loop *loop;
static struct tls_tickets *tickets;
static struct tls_context *contexts[2]; /* a certificate is optional, is required */
static struct tls_context *model;       /* what a reload makes when nothing fails */
static SSL_CTX *clients[4];             /* by DO_TLS13 and DO_CERTIFICATE */

static bool fault_is_here(enum fault_kind kind)
{
    return kind != FAULT_THREADS; /* there is one */
}

/* -- a conversation -- */

struct server {
    struct transport *transport;
    struct transport_wire wire;
    struct io_stats stats;
    bool is_open;
    enum transport_result result;
    size_t received;
};

static bool is_finished(const struct server *server)
{
    return server->result == TRANSPORT_CLOSED || server->result == TRANSPORT_ERROR;
}

static void check_end(const struct server *server)
{
    /* What succeeds may leave something behind, which the next call clears. */
    assert(!is_finished(server) || ERR_peek_error() == 0);
    if (server->result != TRANSPORT_ERROR)
        return;
    assert(server->wire.error != NULL && *server->wire.error != '\0');
    assert(strpbrk(server->wire.error, "\r\n") == NULL);
    assert(server->wire.outcome ==
           (server->is_open ? OUTCOME_PROTOCOL_ERROR : OUTCOME_HANDSHAKE_FAILED));
}

static void server_advance(struct server *server)
{
    const struct transport_ops *ops = server->transport->ops;
    for (int calls = 0; !is_finished(server); calls++) {
        static char data[9000];
        size_t count = 0;
        assert(calls < CALLS_MAX);
        faults_switch(true);
        if (!server->is_open)
            server->result = ops->handshake(server->transport, &server->wire);
        else
            server->result =
                ops->read(server->transport, &server->wire, data, sizeof(data), &count);
        faults_switch(false);
        server->is_open |= server->result == TRANSPORT_DONE;
        for (size_t i = 0; i < count; i++)
            assert(data[i] == (char)(server->received + i));
        server->received += count;
        check_end(server);
        if (server->result == TRANSPORT_NEED_INPUT)
            return;
    }
}

/* Both ways, until nothing moves. */
static void converse(struct server *server, SSL *ssl)
{
    for (bool moved = true; moved && !is_finished(server);) {
        int size;
        moved = false;
        if (!SSL_is_init_finished(ssl))
            (void)SSL_do_handshake(ssl);
        ERR_clear_error();
        for (;;) {
            struct io_buffer *buffer = loop_heap_buffer_take(loop);
            size = BIO_read(SSL_get_wbio(ssl), loop_heap_buffer_room(buffer), IO_BUFFER_SIZE);
            buffer->size = size > 0 ? (uint32_t)size : 0;
            if (size > 0)
                wire_append(&server->wire, buffer);
            else
                io_buffer_release(loop, buffer);
            if (size <= 0)
                break;
            moved = true;
        }
        server_advance(server);
        if (server->wire.out_size > 0) {
            (void)BIO_write(SSL_get_rbio(ssl), server->wire.out, (int)server->wire.out_size);
            wire_drop_output(&server->wire);
            moved = true;
        }
    }
}

static void talk(struct server *server, SSL *ssl)
{
    static char data[DATA_SIZE];
    size_t count = 0;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)i;
    if (!SSL_is_init_finished(ssl) || !server->is_open || is_finished(server))
        return;
    (void)SSL_write_ex(ssl, data, sizeof(data), &count);
    if (SSL_version(ssl) == TLS1_3_VERSION)
        (void)SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED);
    (void)SSL_write_ex(ssl, data, 0, &count);
    converse(server, ssl);
    if (is_finished(server))
        return;
    faults_switch(true);
    server->result =
        server->transport->ops->write(server->transport, &server->wire, data, sizeof(data), &count);
    faults_switch(false);
    assert((server->result == TRANSPORT_DONE) == (count > 0));
    check_end(server);
    converse(server, ssl);
}

/* With the faults that are armed. Returns whether both sides were content. */
static bool run_conversation(unsigned what)
{
    struct server server = {.wire = {.loop = loop}, .result = TRANSPORT_NEED_INPUT};
    const struct tls_transport_options options = {
        .context = contexts[(what & DO_REQUIRED) != 0], .is_server = true, .stats = &server.stats};
    faults_switch(true);
    server.transport = transport_tls_create(&options);
    faults_switch(false);
    assert(ERR_peek_error() == 0);
    if (server.transport == NULL)
        return false;
    SSL *ssl = SSL_new(clients[what & 3]);
    assert(ssl != NULL);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl);
    converse(&server, ssl);
    if (server.is_open && !is_finished(&server)) {
        struct tls_facts facts;
        faults_switch(true);
        transport_tls_describe(server.transport, &facts);
        faults_switch(false);
        assert(facts.has_certificate == ((what & DO_CERTIFICATE) != 0));
    }
    talk(&server, ssl);
    bool is_content = server.is_open && !is_finished(&server) && server.received == DATA_SIZE;
    server.wire.in_ended = true;
    server_advance(&server);
    assert(is_finished(&server));
    faults_switch(true);
    if (server.is_open)
        server.transport->ops->shutdown(server.transport, &server.wire);
    server.transport->ops->destroy(server.transport);
    faults_switch(false);
    assert(ERR_peek_error() == 0);
    wire_drop_input(&server.wire);
    wire_drop_output(&server.wire);
    SSL_free(ssl);
    ERR_clear_error();
    return is_content;
}

/* -- a reload -- */

static struct tls_settings settings_for(int auth_clients)
{
    return (struct tls_settings){.cert_file = (char *)CERTIFICATES "ec.crt",
                                 .key_file = (char *)CERTIFICATES "ec.key",
                                 .client_cert_file = (char *)CERTIFICATES "chained.crt",
                                 .client_key_file = (char *)CERTIFICATES "chained.key",
                                 .ca_cert_file = (char *)CERTIFICATES "ca.crt",
                                 .auth_clients = auth_clients,
                                 .session_caching = true,
                                 .session_cache_size = 100,
                                 .session_cache_timeout = 300,
                                 .session_tickets = true};
}

static struct tls_context *build(int auth_clients, bool is_large, char *error, size_t error_size)
{
    struct tls_settings settings = settings_for(auth_clients);
    if (is_large) {
        settings.crl_file = (char *)CERTIFICATES "ca.crl";
        settings.dh_params_file = (char *)CERTIFICATES "redis.dh";
        settings.ciphers = (char *)"HIGH:!aNULL";
        settings.ciphersuites = (char *)"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
        settings.groups = (char *)"X25519:P-256";
        settings.protocols = (char *)"TLSv1.2 TLSv1.3";
    }
    return tls_context_create(&settings, tickets, true, error, error_size);
}

static int chain_size(SSL_CTX *ssl_context)
{
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(ssl_context, &chain);
    return sk_X509_num(chain);
}

static int object_count(SSL_CTX *ssl_context)
{
    return sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(ssl_context)));
}

static unsigned long trust_flags(SSL_CTX *ssl_context)
{
    return X509_VERIFY_PARAM_get_flags(X509_STORE_get0_param(SSL_CTX_get_cert_store(ssl_context)));
}

/* What was asked for is in force, whatever failed on the way: above all nothing of trust and
 * revocation is missing. */
static void check_whole(const struct tls_context *context)
{
    assert(object_count(context->server) == object_count(model->server));
    assert(trust_flags(context->server) == trust_flags(model->server));
    assert(object_count(context->client) == object_count(model->client));
    assert(trust_flags(context->client) == trust_flags(model->client));
    assert(chain_size(context->client) == chain_size(model->client));
    /* The server's is completed from the CA file, as well as memory lasts. */
    assert(faults.kind != FAULT_FILES || chain_size(context->server) == chain_size(model->server));
    assert(SSL_CTX_get_verify_mode(context->server) == SSL_CTX_get_verify_mode(model->server));
    assert(SSL_CTX_get_verify_mode(context->client) == SSL_CTX_get_verify_mode(model->client));
    assert(SSL_CTX_get_options(context->server) == SSL_CTX_get_options(model->server));
    assert(sk_SSL_CIPHER_num(SSL_CTX_get_ciphers(context->server)) ==
           sk_SSL_CIPHER_num(SSL_CTX_get_ciphers(model->server)));
    assert(SSL_CTX_check_private_key(context->server) == 1);
    assert(SSL_CTX_check_private_key(context->client) == 1);
}

static bool run_reload(void)
{
    char error[512] = "";
    leaks_hide(true);
    faults_switch(true);
    struct tls_context *context = build(TLS_AUTH_CLIENTS_YES, true, error, sizeof(error));
    faults_switch(false);
    leaks_hide(false);
    assert(ERR_peek_error() == 0);
    if (context == NULL) {
        assert(error[0] != '\0');
        assert(strpbrk(error, "\r\n") == NULL);
        return false;
    }
    check_whole(context);
    ERR_clear_error();
    tls_context_release(context);
    return true;
}

static bool run_one(unsigned what, uint64_t first, uint64_t count)
{
    faults_prepare(what == DO_RELOAD_FILES ? FAULT_FILES : FAULT_MEMORY, first, count);
    bool is_content = what < DO_CONVERSATIONS ? run_conversation(what) : run_reload();
    faults_switch(false);
    return is_content;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    unsigned what = data[0] % DO_COUNT;
    (void)run_one(what, (uint64_t)data[1] << 8 | data[2], data[3]);
    return 0;
}

/* -- preparing -- */

static SSL_CTX *make_client(unsigned what)
{
    int version = what & DO_TLS13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert(context != NULL);
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    if (what & DO_CERTIFICATE) {
        assert(SSL_CTX_use_certificate_chain_file(context, CERTIFICATES "ec.crt") == 1);
        assert(SSL_CTX_use_PrivateKey_file(context, CERTIFICATES "ec.key", SSL_FILETYPE_PEM) == 1);
    }
    return context;
}

/* A conversation that works when nothing fails. */
static bool is_allowed(unsigned what)
{
    return !(what & DO_REQUIRED) || (what & DO_CERTIFICATE);
}

static void check_all_work(void)
{
    for (unsigned what = 0; what < DO_COUNT; what++)
        assert(run_one(what, 0, 0) == (what >= DO_CONVERSATIONS || is_allowed(what)));
}

static void begin(void)
{
    char error[512];
    mem_init();
    log_set_level(LOG_NOTHING_);
    faults_begin(fault_alloc, fault_realloc);
    tickets = tls_tickets_create();
    contexts[0] = build(TLS_AUTH_CLIENTS_OPTIONAL, false, error, sizeof(error));
    contexts[1] = build(TLS_AUTH_CLIENTS_YES, false, error, sizeof(error));
    model = build(TLS_AUTH_CLIENTS_YES, true, error, sizeof(error));
    if (contexts[0] == NULL || contexts[1] == NULL || model == NULL)
        panic("%s", error);
    loop = loop_create(&(struct loop_options){.backend = LOOP_BACKEND_EPOLL}, error);
    assert(loop != NULL);
    for (unsigned what = 0; what < 4; what++)
        clients[what] = make_client(what);
    check_all_work();
    check_all_work(); /* what is made once is made */
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    begin();
    return 0;
}

#ifndef FUZZ_NO_MAIN
/* Every number (or every step-th), with 1, 2, and all calls failing from there. */
static uint64_t sweep(unsigned what, uint64_t step, uint64_t *calls)
{
    static const uint64_t counts[] = {1, 2, FAULT_ALL};
    uint64_t runs = 0;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        uint64_t n = 1 + i % step;
        do {
            if (getenv("FAULTS_TRACE"))
                fprintf(stderr, "%u %llu %llu\n", what, (unsigned long long)n,
                        (unsigned long long)counts[i]);
            (void)run_one(what, n, counts[i]);
            *calls = faults.calls;
            runs++;
            n += step;
        } while (faults.failed > 0);
    }
    return runs;
}

int main(void)
{
    enum { STEP = 23, KEPT_MAX = 50 };
    const char *wanted = getenv("FAULTS_STEP");
    uint64_t step = wanted != NULL ? strtoull(wanted, NULL, 10) : STEP;
    uint64_t runs = 0;
    begin();
    for (unsigned what = 0; what < DO_COUNT; what++) {
        int64_t before = faults.live;
        uint64_t calls = 0;
        /* A reload makes many more, and takes longer. */
        uint64_t own_step = what == DO_RELOAD_FILES ? 1 : what == DO_RELOAD ? step * 6 : step;
        uint64_t own = sweep(what, own_step, &calls);
        printf("  %u: %llu runs, %llu calls without failures, %lld allocations kept\n", what,
               (unsigned long long)own, (unsigned long long)calls,
               (long long)(faults.live - before));
        (void)fflush(stdout);
        assert(faults.live - before <= KEPT_MAX); /* what is lost each time is more by far */
        runs += own;
        check_all_work(); /* what is in force serves as before */
    }
    for (int i = 0; i < 4; i++)
        SSL_CTX_free(clients[i]);
    for (int i = 0; i < 2; i++)
        tls_context_release(contexts[i]);
    tls_context_release(model);
    tls_tickets_destroy(tickets);
    loop_destroy(loop);
    printf("fuzz_tls_faults: %llu runs\n", (unsigned long long)runs);
    return 0;
}
#endif
