/* Client certificates on a server: names, revocation, chains, and what is remembered. */
#ifdef BUILD_TLS
#include "tls_pair.h"

#include "io/tls_internal.h"
#include <openssl/ssl.h>

TestSuite(tls_verify, .init = tls_test_begin);

static struct tls_context *client_with(const char *name)
{
    char certificate[128];
    char key[128];
    (void)snprintf(certificate, sizeof(certificate), CERTIFICATES "%s.crt", name);
    (void)snprintf(key, sizeof(key), CERTIFICATES "%s.key", name);
    return client_for((struct tls_client_settings){.cert_file = certificate, .key_file = key});
}

static struct tls_facts facts_of(const char *name, struct tls_context *server)
{
    struct tls_facts facts;
    struct tls_context *client = client_with(name);
    struct pair pair;
    pair_open(&pair, client, server, NULL);
    cr_assert(pair_shake(&pair), "%s: %s", name, pair.server.wire.error);
    transport_tls_describe(pair.server.transport, &facts);
    pair_close(&pair);
    tls_context_release(client);
    return facts;
}

Test(tls_verify, names)
{
    struct tls_settings settings = settings_for_tests();
    struct tls_context *server = context_for(&settings, NULL);
    for (int i = 0; i < 2; i++) { /* verified, then remembered */
        struct tls_facts facts = facts_of("client", server);
        cr_assert_str_eq(facts.certificate_name, "Client-only");
        cr_assert_str_eq(facts.certificate_uris[0], "");
        facts = facts_of("uri", server);
        cr_assert_str_eq(facts.certificate_name, "uri-holder");
        cr_assert_str_eq(facts.certificate_uris[0], "urn:sluice:alice");
        cr_assert_str_eq(facts.certificate_uris[1], "spiffe://example.org/service/bob");
        cr_assert_str_eq(facts.certificate_uris[2], "");
        facts = facts_of("nul", server);
        cr_assert(facts.has_certificate);
        cr_assert_str_eq(facts.certificate_name, "", "a NUL inside: the name matches nobody");
        facts = facts_of("ec", server);
        cr_assert_str_eq(facts.certificate_name, "localhost");
        facts = facts_of("chained", server);
        cr_assert_str_eq(facts.certificate_name, "chained");
    }
    tls_context_release(server);
}

Test(tls_verify, revoked)
{
    struct tls_settings settings = settings_for_tests();
    struct tls_context *lax = context_for(&settings, NULL);
    settings.crl_file = (char *)CERTIFICATES "ca.crl";
    struct tls_context *strict = context_for(&settings, NULL);
    (void)facts_of("revoked", lax);
    (void)facts_of("client", strict);
    struct tls_context *client = client_with("revoked");
    struct pair pair;
    pair_open(&pair, client, strict, NULL);
    cr_assert_not(pair_shake(&pair));
    cr_assert_eq(pair.server.wire.failure, HANDSHAKE_REVOKED);
    cr_assert_str_eq(pair.server.wire.error, "certificate verify failed: certificate revoked");
    cr_assert_eq(pair.server.stats.failed_revoked, 1);
    pair_close(&pair);
    tls_context_release(client);
    tls_context_release(strict);
    tls_context_release(lax);
}

/* Without its key a remembered certificate is worth nothing. */
Test(tls_verify, remembered_certificates_still_need_their_key)
{
    struct tls_settings settings = settings_for_tests();
    struct tls_context *server = context_for(&settings, NULL);
    (void)facts_of("client", server);
    for (int i = 0; i < 2; i++) {
        struct tls_context *client = client_for((struct tls_client_settings){
            WITH_CLIENT_CERTIFICATE, .protocols = i ? "TLSv1.3" : "TLSv1.2"});
        struct pair pair;
        pair_open(&pair, client, server, NULL);
        /* The signature of the client's last flight is damaged on the way by a client that signs
         * with another key of the same kind. */
        EVP_PKEY *other =
            EVP_PKEY_Q_keygen(tls_library_openssl(client->library), NULL, "RSA", (size_t)2048);
        cr_assert_not_null(other);
        X509 *certificate =
            SSL_get_certificate(((struct transport_tls *)pair.client.transport)->ssl);
        cr_assert_not_null(certificate);
        X509 *forged = X509_dup(certificate);
        SSL *ssl = ((struct transport_tls *)pair.client.transport)->ssl;
        cr_assert_eq(X509_set_pubkey(forged, other), 1);
        SSL_certs_clear(ssl);
        cr_assert_eq(SSL_use_certificate(ssl, forged), 1);
        cr_assert_eq(SSL_use_PrivateKey(ssl, other), 1);
        cr_assert_not(pair_shake(&pair));
        cr_assert_eq(pair.server_result, TRANSPORT_ERROR);
        X509_free(forged);
        EVP_PKEY_free(other);
        pair_close(&pair);
        tls_context_release(client);
    }
    tls_context_release(server);
}

/* optional: none is fine, a bad one is not. no: not even looked at. */
Test(tls_verify, modes)
{
    struct tls_settings settings = settings_for_tests();
    struct tls_context *none = client_for((struct tls_client_settings){0});
    struct tls_context *wrong = client_with("wrongclient");
    struct tls_context *good = client_with("client");
    static const struct {
        int mode;
        bool none, wrong, good, has_certificate;
    } rows[] = {
        {TLS_AUTH_CLIENTS_NO, true, true, true, false},
        {TLS_AUTH_CLIENTS_OPTIONAL, true, false, true, true},
        {TLS_AUTH_CLIENTS_YES, false, false, true, true},
    };
    for (size_t i = 0; i < 3; i++) {
        settings.auth_clients = rows[i].mode;
        struct tls_context *server = context_for(&settings, NULL);
        struct tls_context *clients[] = {none, wrong, good};
        bool expected[] = {rows[i].none, rows[i].wrong, rows[i].good};
        for (size_t j = 0; j < 3; j++) {
            struct pair pair;
            pair_open(&pair, clients[j], server, NULL);
            cr_assert_eq(pair_shake(&pair), expected[j], "mode %zu client %zu", i, j);
            if (expected[j]) {
                struct tls_facts facts;
                transport_tls_describe(pair.server.transport, &facts);
                cr_assert_eq(facts.has_certificate, j == 2 && rows[i].has_certificate);
            }
            pair_close(&pair);
        }
        tls_context_release(server);
    }
    tls_context_release(none);
    tls_context_release(wrong);
    tls_context_release(good);
}

Test(tls_verify, incoming_names)
{
    struct tls_settings settings = settings_for_tests();
    struct tls_context *server = context_for(&settings, NULL);
    struct tls_context *client = client_with("redis");
    static const struct {
        const char *names;
        bool is_accepted;
    } rows[] = {{"localhost", true}, {"node-1 localhost", true}, {"node-1", false}};
    for (size_t i = 0; i < 3; i++) {
        struct pair pair;
        memset(&pair, 0, sizeof(pair));
        end_open(&pair.client, &(struct tls_transport_options){.context = client});
        end_open(&pair.server, &(struct tls_transport_options){.context = server,
                                                               .is_server = true,
                                                               .verify_name = rows[i].names});
        cr_assert_eq(pair_shake(&pair), rows[i].is_accepted, "%s", rows[i].names);
        pair_close(&pair);
    }
    tls_context_release(client);
    tls_context_release(server);
}

#endif
