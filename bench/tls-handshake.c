/* What a TLS handshake costs the server, and what an idle TLS connection holds: this TLS layer
 * beside a bare OpenSSL server with its defaults, in one process and one thread, through memory.
 * Prints only.
 *
 * The client sends its certificate and, as redis-cli does, the CA's. Figures are CPU microseconds
 * of creation, handshake and destruction on the server's side; the median, and the least in
 * brackets. Run by bench/tls-handshake.
 */
#define TLS_PAIR_WITHOUT_CRITERION
#include "base/assert.h"
#define cr_assert(condition, ...)      assert(condition)
#define cr_assert_not_null(value, ...) assert((value) != NULL)
#define cr_assert_eq(a, b, ...)        assert((a) == (b))
#define cr_assert_arr_eq(a, b, n)      assert(memcmp(a, b, n) == 0)
#include "../tests/unit/io/tls_pair.h"

#include "base/clock.h"
#include "io/tls_internal.h"
#include <openssl/err.h>
#include <openssl/ssl.h>

enum { RUNS_MAX = 2000, CONNECTIONS = 200, CASES_MAX = 16 };

struct bench_case {
    const char *name;
    bool is_bare;
    bool has_certificate;
    bool resumes;
    struct tls_settings settings;
    /* -- prepared -- */
    SSL_CTX *bare_server;
    SSL_CTX *bare_client;
    struct tls_tickets *tickets;
    struct tls_context *server;
    struct tls_context *client;
    void *session;
    double samples[RUNS_MAX];
};

static int runs = 300;
static struct bench_case cases[CASES_MAX];
static int case_count;

static double now_us(void)
{
    return (double)clock_thread_cpu_ns() / 1000;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* -- the bare library -- */

static void bare_prepare(struct bench_case *bench)
{
    SSL_CTX *server = bench->bare_server = SSL_CTX_new(TLS_method());
    SSL_CTX *client = bench->bare_client = SSL_CTX_new(TLS_method());
    SSL_CTX_use_certificate_chain_file(server, CERTIFICATES "redis.crt");
    SSL_CTX_use_PrivateKey_file(server, CERTIFICATES "redis.key", SSL_FILETYPE_PEM);
    SSL_CTX_load_verify_locations(server, CERTIFICATES "ca.crt", NULL);
    SSL_CTX_load_verify_locations(client, CERTIFICATES "ca.crt", NULL);
    SSL_CTX_set_session_id_context(server, (const unsigned char *)"redis", 5);
    if (!bench->has_certificate)
        return;
    SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_use_certificate_chain_file(client, CERTIFICATES "client.crt");
    SSL_CTX_use_PrivateKey_file(client, CERTIFICATES "client.key", SSL_FILETYPE_PEM);
}

static double bare_shake(const struct bench_case *bench, SSL **kept_server, SSL **kept_client)
{
    double spent = -now_us();
    BIO *up = BIO_new(BIO_s_mem());
    BIO *down = BIO_new(BIO_s_mem());
    SSL *server = SSL_new(bench->bare_server);
    SSL_set_bio(server, up, down);
    SSL_set_accept_state(server);
    spent += now_us();
    SSL *client = SSL_new(bench->bare_client);
    BIO_up_ref(up);
    BIO_up_ref(down);
    SSL_set_bio(client, down, up);
    SSL_set_connect_state(client);
    bool server_open = false;
    bool client_open = false;
    while (!server_open || !client_open) {
        client_open = SSL_do_handshake(client) == 1;
        spent -= now_us();
        server_open = SSL_do_handshake(server) == 1;
        spent += now_us();
        ERR_clear_error();
    }
    if (kept_server) {
        *kept_server = server;
        *kept_client = client;
        return spent;
    }
    SSL_free(client);
    spent -= now_us();
    SSL_free(server);
    return spent + now_us();
}

static void bare_measure_memory(const struct bench_case *bench)
{
    SSL *servers[CONNECTIONS];
    SSL *clients[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++)
        bare_shake(bench, &servers[i], &clients[i]);
    for (int i = 0; i < CONNECTIONS; i++)
        SSL_free(clients[i]);
    size_t before = mem_tls_used();
    for (int i = 0; i < CONNECTIONS; i++)
        SSL_free(servers[i]);
    printf("%7zu bytes", (before - mem_tls_used()) / CONNECTIONS);
}

/* -- this layer -- */

static double layer_shake(struct tls_context *client, struct tls_context *server, void **session,
                          struct pair *pair)
{
    memset(pair, 0, sizeof(*pair));
    end_open(&pair->client, &(struct tls_transport_options){.context = client,
                                                            .session = session ? *session : NULL});
    double spent = -now_us();
    end_open(&pair->server, &(struct tls_transport_options){.context = server, .is_server = true});
    spent += now_us();
    enum transport_result c = TRANSPORT_NEED_INPUT;
    enum transport_result s = TRANSPORT_NEED_INPUT;
    while (c != TRANSPORT_DONE || s != TRANSPORT_DONE) {
        c = end_shake(&pair->client);
        end_pass(&pair->client, &pair->server, WIRE_OUT_SIZE_MAX);
        spent -= now_us();
        s = end_shake(&pair->server);
        spent += now_us();
        end_pass(&pair->server, &pair->client, WIRE_OUT_SIZE_MAX);
        assert(c != TRANSPORT_ERROR && s != TRANSPORT_ERROR);
    }
    char data[64];
    size_t count = 0;
    (void)end_read(&pair->client, data, sizeof(data), &count); /* the ticket */
    if (session) {
        tls_session_free(*session);
        *session = transport_tls_take_session(pair->client.transport);
    }
    return spent;
}

static double layer_finish(struct pair *pair)
{
    end_close(&pair->client);
    double spent = -now_us();
    end_close(&pair->server);
    return spent + now_us();
}

static void layer_prepare(struct bench_case *bench)
{
    bench->tickets = tls_tickets_create();
    bench->server = context_for(&bench->settings, bench->tickets);
    struct tls_client_settings tool = {.ca_cert_file = CERTIFICATES "ca.crt"};
    if (bench->has_certificate)
        tool = (struct tls_client_settings){WITH_CLIENT_CERTIFICATE};
    bench->client = client_for(tool);
    SSL_CTX_clear_mode(bench->client->client, SSL_MODE_NO_AUTO_CHAIN);
}

static void layer_measure_memory(struct bench_case *bench)
{
    static struct pair pairs[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++)
        layer_shake(bench->client, bench->server, NULL, &pairs[i]);
    for (int i = 0; i < CONNECTIONS; i++) {
        end_close(&pairs[i].client);
        mem_free(pairs[i].server.in); /* stands for pooled blocks of the loop */
        mem_free(pairs[i].server.wire.out);
        pairs[i].server.in = pairs[i].server.wire.out = NULL;
    }
    size_t before = mem_tls_used();
    size_t before_all = mem_used();
    for (int i = 0; i < CONNECTIONS; i++)
        end_close(&pairs[i].server);
    size_t library = before - mem_tls_used();
    printf("%7zu bytes, %zu outside OpenSSL", library / CONNECTIONS,
           (before_all - mem_used() - library) / CONNECTIONS);
}

/* -- the run: one handshake of each case in turn, so that all meet the same noise -- */

static void add(const char *name, bool is_bare, bool has_certificate, bool resumes,
                struct tls_settings settings)
{
    struct bench_case *bench = &cases[case_count++];
    bench->name = name;
    bench->is_bare = is_bare;
    bench->has_certificate = has_certificate;
    bench->resumes = resumes;
    bench->settings = settings;
    if (is_bare)
        bare_prepare(bench);
    else
        layer_prepare(bench);
}

static double measure(struct bench_case *bench)
{
    if (bench->is_bare)
        return bare_shake(bench, NULL, NULL);
    struct pair pair;
    double spent =
        layer_shake(bench->client, bench->server, bench->resumes ? &bench->session : NULL, &pair);
    return spent + layer_finish(&pair);
}

static void report(struct bench_case *bench)
{
    qsort(bench->samples, (size_t)runs, sizeof(bench->samples[0]), compare);
    printf("%-46s %6.0f us (%5.0f)  ", bench->name, bench->samples[runs / 2], bench->samples[0]);
    if (bench->is_bare)
        bare_measure_memory(bench);
    else if (!bench->resumes)
        layer_measure_memory(bench);
    putchar('\n');
}

static void release(struct bench_case *bench)
{
    SSL_CTX_free(bench->bare_server);
    SSL_CTX_free(bench->bare_client);
    tls_session_free(bench->session);
    tls_context_release(bench->client);
    tls_context_release(bench->server);
    tls_tickets_destroy(bench->tickets);
}

int main(int argc, char **argv)
{
    tls_test_begin();
    if (argc > 1)
        runs = (int)strtol(argv[1], NULL, 10);
    if (runs < 1 || runs > RUNS_MAX)
        runs = RUNS_MAX;
    struct tls_settings tickets = settings_for_tests();
    struct tls_settings memory = tickets;
    memory.session_tickets = false;
    struct tls_settings never = tickets;
    never.session_caching = false;
    struct tls_settings open = tickets;
    open.auth_clients = TLS_AUTH_CLIENTS_NO;
    add("client certificate: bare OpenSSL", true, true, false, tickets);
    add("client certificate", false, true, false, tickets);
    add("client certificate, resumed", false, true, true, tickets);
    add("client certificate, kept sessions", false, true, false, memory);
    add("client certificate, kept sessions, resumed", false, true, true, memory);
    add("client certificate, no resumption", false, true, false, never);
    add("no client certificate: bare OpenSSL", true, false, false, open);
    add("no client certificate", false, false, false, open);
    add("no client certificate, resumed", false, false, true, open);
    int only = argc > 2 ? (int)strtol(argv[2], NULL, 10) : -1; /* for a profiler */
    for (int i = 0; i < runs; i++)
        for (int j = 0; j < case_count; j++)
            if (only < 0 || only == j)
                cases[j].samples[i] = measure(&cases[j]);
    printf("%s, %d handshakes each\n", tls_library_version(), runs);
    for (int j = 0; j < case_count; j++)
        report(&cases[j]);
    for (int j = 0; j < case_count; j++)
        release(&cases[j]);
    return 0;
}
