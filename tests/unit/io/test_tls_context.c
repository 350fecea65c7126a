/* Building contexts: what is refused and in which words, and what is in force afterwards. */
#ifdef BUILD_TLS
#include "tls_pair.h"

#include "io/tls_internal.h"
#include <openssl/ssl.h>
#include <sys/stat.h>

TestSuite(tls_context, .init = tls_test_begin);

static void refused_with(const struct tls_settings *settings, const char *expected)
{
    char error[512] = "";
    struct tls_context *context = tls_context_create(settings, NULL, true, error, sizeof(error));
    cr_assert_null(context);
    cr_assert(strncmp(error, expected, strlen(expected)) == 0, "got:      %s\nexpected: %s", error,
              expected);
}

#define REFUSED(field_, value_, text_)                                                             \
    do {                                                                                           \
        struct tls_settings changed_ = settings_for_tests();                                       \
        changed_.field_ = (char *)(value_);                                                        \
        refused_with(&changed_, text_);                                                            \
    } while (0)

Test(tls_context, refusals)
{
    REFUSED(cert_file, NULL, "No tls-cert-file configured!");
    REFUSED(key_file, NULL, "No tls-key-file configured!");
    REFUSED(ca_cert_file, NULL,
            "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, "
            "tls-replication or tls-auth-clients are enabled!");
    REFUSED(ca_cert_file, "/no/such",
            "Failed to configure CA certificate(s) file/directory: /no/such: No such file or "
            "directory");
    REFUSED(
        ca_cert_file, CERTIFICATES "redis.key",
        "Failed to configure CA certificate(s) file/directory: tests/tls/redis.key: no start line");
    REFUSED(ca_cert_dir, "/no/such",
            "Failed to configure CA certificate(s) file/directory: /no/such: No such file or "
            "directory");
    REFUSED(crl_file, "/no/such",
            "Failed to load tls-crl-file: /no/such: No such file or directory");
    REFUSED(crl_file, CERTIFICATES "ca.crt",
            "Failed to load tls-crl-file: tests/tls/ca.crt: no start line");
    REFUSED(protocols, "TLSv1.9", "Invalid tls-protocols configuration string");
    REFUSED(ciphers, "NONSENSE", "Failed to configure ciphers: NONSENSE");
    REFUSED(ciphersuites, "NONSENSE", "Failed to configure ciphersuites: NONSENSE");
    REFUSED(groups, "NONSENSE", "Failed to configure groups: NONSENSE");
    REFUSED(dh_params_file, "/no/such", "Failed to load /no/such: No such file or directory");
    REFUSED(dh_params_file, CERTIFICATES "redis.crt",
            "tests/tls/redis.crt: failed to read DH params.");
    REFUSED(keylog_file, "/no/such/file",
            "Failed to open tls-keylog-file /no/such/file: No such file or directory");
}

Test(tls_context, certificates_and_keys)
{
    struct tls_settings settings = settings_for_tests();
    settings.client_cert_file = settings.client_key_file = NULL;
    settings.cert_file = (char *)"/no/such";
    refused_with(&settings, "Failed to load certificate: /no/such: No such file or directory");
    settings.cert_file = (char *)CERTIFICATES "redis.key";
    refused_with(&settings, "Failed to load certificate: tests/tls/redis.key: no start line");
    settings.cert_file = (char *)CERTIFICATES "redis.crt";
    settings.key_file = (char *)"/no/such";
    refused_with(&settings, "Failed to load private key: /no/such: No such file or directory");
    settings.key_file = (char *)CERTIFICATES "server.key";
    refused_with(&settings,
                 "Failed to load private key: tests/tls/server.key: key values mismatch");
    settings.key_file = (char *)CERTIFICATES "ec.key";
    refused_with(&settings, "Failed to load private key: tests/tls/ec.key: different key types");
    settings.cert_file = (char *)CERTIFICATES "expired.crt";
    settings.key_file = (char *)CERTIFICATES "expired.key";
    refused_with(&settings, "Server TLS certificate is invalid. Aborting TLS configuration. "
                            "(tests/tls/expired.crt has expired on Jan  1 00:00:00 2021 GMT)");
    settings.cert_file = (char *)CERTIFICATES "notyet.crt";
    settings.key_file = (char *)CERTIFICATES "notyet.key";
    refused_with(&settings, "Server TLS certificate is invalid. Aborting TLS configuration. "
                            "(tests/tls/notyet.crt is not valid before Jan  1 00:00:00 2090 GMT)");
    settings = settings_for_tests();
    settings.client_cert_file = (char *)CERTIFICATES "expired.crt";
    settings.client_key_file = (char *)CERTIFICATES "expired.key";
    refused_with(&settings, "Client TLS certificate is invalid. Aborting TLS configuration. (");
}

Test(tls_context, passphrase)
{
    struct tls_settings settings = settings_for_tests();
    settings.key_file = (char *)CERTIFICATES "encrypted.key";
    refused_with(&settings, "Failed to load private key: tests/tls/encrypted.key: ");
    settings.key_file_pass = (char *)"wrong";
    refused_with(&settings, "Failed to load private key: tests/tls/encrypted.key: ");
    settings.key_file_pass = (char *)"the passphrase";
    tls_context_release(context_for(&settings, NULL));
}

Test(tls_context, tools)
{
    static const struct {
        struct tls_client_settings settings;
        const char *expected;
    } rows[] = {
        {{.ca_cert_file = "/no/such"}, "Invalid CA Certificate File/Directory ("},
        {{.cert_file = CERTIFICATES "client.crt"},
         "Client cert and key must both be specified or skipped"},
        {{.cert_file = "/no/such", .key_file = CERTIFICATES "client.key"},
         "Invalid client certificate (Failed to load certificate: /no/such: "},
        {{.cert_file = CERTIFICATES "client.crt", .key_file = CERTIFICATES "redis.key"},
         "Invalid private key (Failed to load private key: tests/tls/redis.key: key values "
         "mismatch)"},
        {{.ciphers = "NONSENSE"}, "Failed to configure ciphers: NONSENSE"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char error[512] = "";
        cr_assert_null(tls_context_create_client(&rows[i].settings, error, sizeof(error)));
        cr_assert(strncmp(error, rows[i].expected, strlen(rows[i].expected)) == 0, "%s", error);
    }
    char error[512] = "";
    struct tls_context *context =
        tls_context_create_client(&(struct tls_client_settings){0}, error, sizeof(error));
    cr_assert_not_null(context, "%s", error); /* the system's store */
    tls_context_release(context);
}

/* Without authority a tool trusts nobody, unless it is told to trust everybody. */
Test(tls_context, insecure)
{
    struct tls_settings settings = settings_for_tests();
    settings.auth_clients = TLS_AUTH_CLIENTS_NO;
    struct tls_context *server = context_for(&settings, NULL);
    for (int is_insecure = 0; is_insecure < 2; is_insecure++) {
        char error[512] = "";
        struct tls_client_settings tool = {.ca_cert_file = CERTIFICATES "wrongca.crt",
                                           .is_insecure = is_insecure};
        struct tls_context *client = tls_context_create_client(&tool, error, sizeof(error));
        struct pair pair;
        pair_open(&pair, client, server, NULL);
        cr_assert_eq(pair_shake(&pair), is_insecure);
        pair_close(&pair);
        tls_context_release(client);
    }
    tls_context_release(server);
}

static struct tls_facts connect_with(const struct tls_settings *settings,
                                     struct tls_client_settings tool)
{
    struct tls_context *server = context_for(settings, NULL);
    struct tls_context *client = client_for(tool);
    struct pair pair;
    struct tls_facts facts;
    pair_open(&pair, client, server, NULL);
    cr_assert(pair_shake(&pair), "%s", pair.server.wire.error);
    check_passes(&pair.client, &pair.server, "PING");
    transport_tls_describe(pair.server.transport, &facts);
    pair_close(&pair);
    tls_context_release(client);
    tls_context_release(server);
    return facts;
}

Test(tls_context, versions_ciphers_and_groups)
{
    struct tls_settings settings = settings_for_tests();
    struct tls_client_settings tool = {WITH_CLIENT_CERTIFICATE};
    cr_assert_str_eq(connect_with(&settings, tool).version, "TLSv1.3");
    settings.protocols = (char *)"TLSv1.2";
    cr_assert_str_eq(connect_with(&settings, tool).version, "TLSv1.2");
    settings.ciphers = (char *)"ECDHE-RSA-AES128-SHA256:DHE-RSA-AES256-GCM-SHA384";
    tool.ciphers = "DHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-SHA256";
    cr_assert_str_eq(connect_with(&settings, tool).cipher, "DHE-RSA-AES256-GCM-SHA384");
    settings.dh_params_file = (char *)CERTIFICATES "redis.dh";
    cr_assert_str_eq(connect_with(&settings, tool).cipher, "DHE-RSA-AES256-GCM-SHA384");
    settings.prefer_server_ciphers = true;
    cr_assert_str_eq(connect_with(&settings, tool).cipher, "ECDHE-RSA-AES128-SHA256");
    settings.protocols = (char *)"tlsv1.3 tlsv1.2";
    settings.ciphersuites = (char *)"TLS_CHACHA20_POLY1305_SHA256";
    settings.groups = (char *)"P-384";
    struct tls_facts facts = connect_with(&settings, tool);
    cr_assert_str_eq(facts.cipher, "TLS_CHACHA20_POLY1305_SHA256");
    cr_assert_str_eq(facts.group, "secp384r1");
}

/* Leaf and intermediates are sent, the root is not: the peer would decode it for nothing. */
Test(tls_context, the_chain_is_completed_once)
{
    struct tls_settings settings = settings_for_tests();
    struct tls_context *context = context_for(&settings, NULL);
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(context->server, &chain);
    cr_assert_leq(sk_X509_num(chain), 0);
    tls_context_release(context);
    settings.cert_file = (char *)CERTIFICATES "chained.crt";
    settings.key_file = (char *)CERTIFICATES "chained.key";
    context = context_for(&settings, NULL);
    SSL_CTX_get0_chain_certs(context->server, &chain);
    cr_assert_eq(sk_X509_num(chain), 1);
    tls_context_release(context);
    (void)connect_with(&settings, (struct tls_client_settings){WITH_CLIENT_CERTIFICATE});
}

Test(tls_context, folders_need_no_hashed_names)
{
    char folder[] = "/tmp/sluice-ca-XXXXXX";
    char command[256];
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(command, sizeof(command),
                   "cp " CERTIFICATES "ca.crt " CERTIFICATES "redis.key %s", folder);
    cr_assert_eq(system(command), 0);
    struct tls_settings settings = settings_for_tests();
    settings.ca_cert_file = NULL;
    settings.ca_cert_dir = folder;
    (void)connect_with(&settings, (struct tls_client_settings){WITH_CLIENT_CERTIFICATE});
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

Test(tls_context, facts_for_info)
{
    struct tls_settings settings = settings_for_tests();
    struct tls_context *context = context_for(&settings, NULL);
    struct tls_certificate_facts server;
    struct tls_certificate_facts client;
    struct tls_certificate_facts ca;
    tls_context_describe(context, &server, &client, &ca);
    cr_assert_str_eq(server.subject, "O=Sluice Test, CN=localhost");
    cr_assert_str_eq(server.serial, "1000");
    cr_assert_gt(server.expires_wall_s, time(NULL) + 300 * 86400);
    cr_assert_lt(server.expires_wall_s, time(NULL) + 366 * 86400);
    cr_assert_str_eq(client.subject, "O=Sluice Test, CN=Client-only");
    cr_assert_str_eq(ca.subject, "O=Sluice Test, CN=Certificate Authority");
    cr_assert_str_neq(ca.serial, "none");
    tls_context_release(context);
    settings.client_cert_file = NULL;
    context = context_for(&settings, NULL);
    tls_context_describe(context, &server, &client, &ca);
    cr_assert_str_eq(client.serial, "none");
    cr_assert_eq(client.expires_wall_s, 0);
    tls_context_release(context);
}

Test(tls_context, keylog)
{
    char path[] = "/tmp/sluice-keylog-XXXXXX";
    int fd = mkstemp(path);
    struct tls_settings settings = settings_for_tests();
    settings.keylog_file = path;
    (void)connect_with(&settings, (struct tls_client_settings){WITH_CLIENT_CERTIFICATE});
    char text[4096] = "";
    cr_assert_gt(read(fd, text, sizeof(text) - 1), 0);
    cr_assert(strstr(text, "CLIENT_HANDSHAKE_TRAFFIC_SECRET "));
    struct stat facts;
    cr_assert_eq(fstat(fd, &facts), 0);
    cr_assert_eq(facts.st_mode & 0777, 0600);
    (void)close(fd);
    (void)unlink(path);
}

/* A reload while connections are open: the old context lives as long as they do. */
Test(tls_context, connections_keep_their_context)
{
    struct tls_settings settings = settings_for_tests();
    struct tls_context *server = context_for(&settings, NULL);
    struct tls_context *client = client_for((struct tls_client_settings){WITH_CLIENT_CERTIFICATE});
    struct pair pair;
    pair_open(&pair, client, server, NULL);
    cr_assert(pair_shake(&pair));
    tls_context_release(server);
    tls_context_release(client);
    for (int i = 0; i < 3; i++)
        tls_context_release(context_for(&settings, NULL));
    check_passes(&pair.client, &pair.server, "PING");
    check_passes(&pair.server, &pair.client, "PONG");
    pair_close(&pair);
}

Test(tls_context, a_foreign_server_has_the_same_settings_and_resumes_nothing)
{
    struct tls_settings settings = settings_for_tests();
    char error[512] = "";
    settings.crl_file = (char *)(uintptr_t)(CERTIFICATES "ca.crl");
    settings.auth_clients = TLS_AUTH_CLIENTS_YES;
    settings.protocols = (char *)(uintptr_t) "TLSv1.3";
    SSL_CTX *foreign = tls_context_create_foreign(&settings, error, sizeof(error));
    cr_assert_not_null(foreign, "%s", error);
    cr_assert_eq(SSL_CTX_get_verify_mode(foreign),
                 SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
    cr_assert_eq(SSL_CTX_get_min_proto_version(foreign), TLS1_3_VERSION);
    const X509_VERIFY_PARAM *checks = X509_STORE_get0_param(SSL_CTX_get_cert_store(foreign));
    cr_assert(X509_VERIFY_PARAM_get_flags(checks) & X509_V_FLAG_CRL_CHECK);
    cr_assert_eq(SSL_CTX_get_session_cache_mode(foreign), SSL_SESS_CACHE_OFF);
    cr_assert_eq(SSL_CTX_get_num_tickets(foreign), 0);
    SSL_CTX_free(foreign);
    settings.crl_file = (char *)(uintptr_t) "/no/such.crl";
    cr_assert_null(tls_context_create_foreign(&settings, error, sizeof(error)));
    cr_assert(strncmp(error, "Failed to load tls-crl-file", 27) == 0, "%s", error);
    settings.cert_file = NULL;
    cr_assert_null(tls_context_create_foreign(&settings, error, sizeof(error)));
    cr_assert_str_eq(error, "No tls-cert-file configured!");
}
#endif
