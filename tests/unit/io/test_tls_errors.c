/* Every way in which a handshake can fail, with its class, text and counter, on the side that
 * notices. */
#ifdef BUILD_TLS
#include "tls_pair.h"

#include "io/tls_errors.h"
#include "io/tls_internal.h"
#include <openssl/err.h>
#include <openssl/ssl.h>

TestSuite(tls_errors, .init = tls_test_begin);

/* Shakes hands and expects the server to fail so. */
static void expect_server(struct tls_context *client, struct tls_context *server,
                          enum handshake_failure failure, const char *text)
{
    struct pair pair;
    pair_open(&pair, client, server, NULL);
    cr_assert_not(pair_shake(&pair));
    cr_assert_eq(pair.server_result, TRANSPORT_ERROR);
    cr_assert_eq(pair.server.wire.outcome, OUTCOME_HANDSHAKE_FAILED);
    cr_assert_str_eq(pair.server.wire.error, text);
    cr_assert_eq(pair.server.wire.failure, failure);
    cr_assert_eq(pair.server.stats.handshakes_failed, 1);
    cr_assert_eq(pair.server.stats.handshakes_full, 0);
    cr_assert_eq(ERR_peek_error(), 0, "the queue was drained");
    pair_close(&pair);
}

static void expect_client(struct tls_context *client, struct tls_context *server,
                          const char *verify_name, enum handshake_failure failure, const char *text)
{
    struct pair pair;
    memset(&pair, 0, sizeof(pair));
    end_open(&pair.client,
             &(struct tls_transport_options){.context = client, .verify_name = verify_name});
    end_open(&pair.server, &(struct tls_transport_options){.context = server, .is_server = true});
    cr_assert_not(pair_shake(&pair));
    cr_assert_eq(pair.client_result, TRANSPORT_ERROR);
    cr_assert_str_eq(pair.client.wire.error, text);
    cr_assert_eq(pair.client.wire.failure, failure);
    cr_assert_eq(pair.client.stats.handshakes_failed, 1);
    cr_assert_eq(ERR_peek_error(), 0);
    pair_close(&pair);
}

static struct tls_context *plain_server(void)
{
    struct tls_settings settings = settings_for_tests();
    return context_for(&settings, NULL);
}

static struct tls_context *client_with(const char *name)
{
    char certificate[128];
    char key[128];
    (void)snprintf(certificate, sizeof(certificate), CERTIFICATES "%s.crt", name);
    (void)snprintf(key, sizeof(key), CERTIFICATES "%s.key", name);
    return client_for((struct tls_client_settings){.cert_file = certificate, .key_file = key});
}

/* A client whose certificate tls_certificate_use would refuse to load. */
static struct tls_context *client_with_unusable(const char *name)
{
    char path[128];
    struct tls_context *client = client_for((struct tls_client_settings){0});
    (void)snprintf(path, sizeof(path), CERTIFICATES "%s.crt", name);
    cr_assert_eq(SSL_CTX_use_certificate_chain_file(client->client, path), 1);
    (void)snprintf(path, sizeof(path), CERTIFICATES "%s.key", name);
    cr_assert_eq(SSL_CTX_use_PrivateKey_file(client->client, path, SSL_FILETYPE_PEM), 1);
    return client;
}

static void refused_client(struct tls_context *client, enum handshake_failure failure,
                           const char *text, size_t counter)
{
    struct tls_context *server = plain_server();
    expect_server(client, server, failure, text);
    struct pair pair;
    pair_open(&pair, client, server, NULL);
    pair_shake(&pair);
    cr_assert_eq(*(uint64_t *)((char *)&pair.server.stats + counter), 1);
    pair_close(&pair);
    tls_context_release(client);
    tls_context_release(server);
}

#define COUNTER(field) offsetof(struct io_stats, field)

Test(tls_errors, no_client_certificate)
{
    refused_client(client_for((struct tls_client_settings){0}), HANDSHAKE_NO_CERTIFICATE,
                   "peer did not return a certificate", COUNTER(failed_no_certificate));
}

Test(tls_errors, unknown_authority)
{
    refused_client(client_with("wrongclient"), HANDSHAKE_UNKNOWN_CA,
                   "certificate verify failed: unable to get local issuer certificate",
                   COUNTER(failed_unknown_ca));
}

Test(tls_errors, expired_client)
{
    refused_client(client_with_unusable("expired"), HANDSHAKE_EXPIRED,
                   "certificate verify failed: certificate has expired", COUNTER(failed_expired));
}

Test(tls_errors, client_not_yet_valid)
{
    refused_client(client_with_unusable("notyet"), HANDSHAKE_EXPIRED,
                   "certificate verify failed: certificate is not yet valid",
                   COUNTER(failed_expired));
}

Test(tls_errors, server_certificate_as_a_client)
{
    refused_client(client_with("server"), HANDSHAKE_OTHER,
                   "certificate verify failed: unsuitable certificate purpose",
                   COUNTER(failed_other));
}

Test(tls_errors, no_shared_protocol)
{
    struct tls_settings settings = settings_for_tests();
    settings.protocols = (char *)"TLSv1.3";
    struct tls_context *server = context_for(&settings, NULL);
    struct tls_context *client =
        client_for((struct tls_client_settings){WITH_CLIENT_CERTIFICATE, .protocols = "tlsv1.2"});
    expect_server(client, server, HANDSHAKE_NO_SHARED_PROTOCOL, "unsupported protocol");
    expect_client(client, server, NULL, HANDSHAKE_NO_SHARED_PROTOCOL, "protocol version");
    tls_context_release(client);
    tls_context_release(server);
}

Test(tls_errors, no_shared_cipher)
{
    struct tls_settings settings = settings_for_tests();
    settings.ciphers = (char *)"ECDHE-RSA-AES256-GCM-SHA384";
    settings.protocols = (char *)"TLSv1.2";
    struct tls_context *server = context_for(&settings, NULL);
    struct tls_context *client = client_for(
        (struct tls_client_settings){WITH_CLIENT_CERTIFICATE, .ciphers = "ECDHE-RSA-AES128-SHA"});
    expect_server(client, server, HANDSHAKE_NO_SHARED_CIPHER, "no shared cipher");
    expect_client(client, server, NULL, HANDSHAKE_NO_SHARED_CIPHER, "handshake failure");
    tls_context_release(client);
    tls_context_release(server);
}

Test(tls_errors, no_shared_group)
{
    struct tls_settings settings = settings_for_tests();
    settings.groups = (char *)"P-384";
    struct tls_context *server = context_for(&settings, NULL);
    struct tls_context *client =
        client_for((struct tls_client_settings){WITH_CLIENT_CERTIFICATE, .groups = "X25519"});
    expect_server(client, server, HANDSHAKE_NO_SHARED_CIPHER, "no suitable key share");
    tls_context_release(client);
    tls_context_release(server);
}

Test(tls_errors, the_client_does_not_know_our_authority)
{
    struct tls_context *server = plain_server();
    struct tls_context *client = client_for((struct tls_client_settings){
        WITH_CLIENT_CERTIFICATE, .ca_cert_file = CERTIFICATES "wrongca.crt"});
    expect_server(client, server, HANDSHAKE_UNKNOWN_CA, "unknown ca");
    expect_client(client, server, NULL, HANDSHAKE_UNKNOWN_CA,
                  "certificate verify failed: unable to get local issuer certificate");
    tls_context_release(client);
    tls_context_release(server);
}

Test(tls_errors, names)
{
    struct tls_context *server = plain_server();
    struct tls_context *client = client_for((struct tls_client_settings){WITH_CLIENT_CERTIFICATE});
    expect_client(client, server, "example.org", HANDSHAKE_NAME_MISMATCH,
                  "certificate verify failed: hostname mismatch");
    expect_client(client, server, "10.0.0.1", HANDSHAKE_NAME_MISMATCH,
                  "certificate verify failed: IP address mismatch");
    static const char *const right[] = {"localhost", "127.0.0.1", "::1", "example.org localhost",
                                        ""};
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        struct pair pair;
        memset(&pair, 0, sizeof(pair));
        end_open(&pair.client,
                 &(struct tls_transport_options){.context = client, .verify_name = right[i]});
        end_open(&pair.server,
                 &(struct tls_transport_options){.context = server, .is_server = true});
        cr_assert(pair_shake(&pair), "%s", right[i]);
        pair_close(&pair);
    }
    tls_context_release(client);
    tls_context_release(server);
}

/* With TLS 1.3 a client learns behind its own handshake that it should have sent a certificate. */
Test(tls_errors, a_refused_client_reads_why)
{
    struct tls_context *server = plain_server();
    struct tls_context *client = client_for((struct tls_client_settings){0});
    struct pair pair;
    pair_open(&pair, client, server, NULL);
    cr_assert_not(pair_shake(&pair));
    cr_assert_eq(pair.client_result, TRANSPORT_DONE);
    end_pass(&pair.server, &pair.client, WIRE_OUT_SIZE_MAX);
    char data[64];
    size_t count = 0;
    cr_assert_eq(end_read(&pair.client, data, sizeof(data), &count), TRANSPORT_ERROR);
    cr_assert_eq(pair.client.wire.outcome, OUTCOME_PROTOCOL_ERROR);
    cr_assert_str_eq(pair.client.wire.error, "certificate required");
    pair_close(&pair);
    tls_context_release(client);
    tls_context_release(server);
}

Test(tls_errors, plaintext_on_the_tls_port)
{
    struct tls_context *server = plain_server();
    struct end end;
    end_open(&end, &(struct tls_transport_options){.context = server, .is_server = true});
    cr_assert_eq(end_shake(&end), TRANSPORT_NEED_INPUT);
    end_receive(&end, "PING\r\n", 6);
    cr_assert_eq(end_shake(&end), TRANSPORT_ERROR);
    cr_assert_eq(end.wire.failure, HANDSHAKE_PLAINTEXT);
    cr_assert_eq(end.wire.outcome, OUTCOME_HANDSHAKE_FAILED);
    cr_assert_eq(end.stats.failed_plaintext, 1);
    static const char answer[] = "-ERR this port speaks TLS; connect with --tls\r\n";
    cr_assert_eq(end.wire.out_size, sizeof(answer) - 1);
    cr_assert_arr_eq(end.wire.out, answer, sizeof(answer) - 1);
    end_close(&end);
    tls_context_release(server);
}

Test(tls_errors, tls_on_a_plaintext_port)
{
    struct tls_context *client = client_for((struct tls_client_settings){0});
    struct end end;
    end_open(&end, &(struct tls_transport_options){.context = client});
    cr_assert_eq(end_shake(&end), TRANSPORT_NEED_INPUT);
    cr_assert_gt(end.wire.out_size, 0);
    end_receive(&end, "-ERR unknown\r\n", 14);
    cr_assert_eq(end_shake(&end), TRANSPORT_ERROR);
    cr_assert_eq(end.wire.failure, HANDSHAKE_PLAINTEXT);
    cr_assert_str_eq(end.wire.error, "wrong version number (the peer does not speak TLS)");
    end_close(&end);
    tls_context_release(client);
}

Test(tls_errors, the_peer_goes_away)
{
    struct tls_context *server = plain_server();
    struct tls_context *client = client_for((struct tls_client_settings){WITH_CLIENT_CERTIFICATE});
    for (int before = 0; before < 2; before++) {
        struct pair pair;
        pair_open(&pair, client, server, NULL);
        cr_assert_eq(end_shake(&pair.client), TRANSPORT_NEED_INPUT);
        if (before)
            end_pass(&pair.client, &pair.server, 50);
        pair.server.wire.in_ended = true;
        cr_assert_eq(end_shake(&pair.server), TRANSPORT_ERROR);
        cr_assert_eq(pair.server.wire.failure, HANDSHAKE_RESET);
        cr_assert_str_eq(pair.server.wire.error, "the peer closed the connection");
        cr_assert_eq(pair.server.stats.failed_reset, 1);
        pair_close(&pair);
    }
    struct end end;
    end_open(&end, &(struct tls_transport_options){.context = server, .is_server = true});
    end.wire.in_ended = true;
    end.wire.in_was_reset = true;
    end.wire.error = "Connection reset by peer";
    cr_assert_eq(end_shake(&end), TRANSPORT_ERROR);
    cr_assert_str_eq(end.wire.error, "Connection reset by peer");
    end_close(&end);
    tls_context_release(client);
    tls_context_release(server);
}

/* A stale error of somebody else is not taken for this connection's. */
Test(tls_errors, a_stale_queue_does_not_matter)
{
    struct tls_context *server = plain_server();
    struct tls_context *client = client_for((struct tls_client_settings){WITH_CLIENT_CERTIFICATE});
    struct pair pair;
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    pair_open(&pair, client, server, NULL);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    cr_assert(pair_shake(&pair));
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    check_passes(&pair.client, &pair.server, "PING");
    /* Half a record, and the other half. */
    size_t count = 0;
    char data[4];
    cr_assert_eq(end_write(&pair.client, "PING", 4, &count), TRANSPORT_DONE);
    end_pass(&pair.client, &pair.server, 10);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    cr_assert_eq(end_read(&pair.server, data, 4, &count), TRANSPORT_NEED_INPUT);
    end_pass(&pair.client, &pair.server, 1000);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    cr_assert_eq(end_read(&pair.server, data, 4, &count), TRANSPORT_DONE);
    pair_close(&pair);
    tls_context_release(client);
    tls_context_release(server);
}

Test(tls_errors, texts)
{
    char text[128];
    ERR_raise(ERR_LIB_SYS, ENOENT);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    tls_errors_take(text, sizeof(text));
    cr_assert_str_eq(text, "No such file or directory");
    cr_assert_eq(ERR_peek_error(), 0);
    tls_errors_take(text, sizeof(text));
    cr_assert_str_eq(text, "unknown reason");
    ERR_raise(ERR_LIB_SSL, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED);
    cr_assert_eq(tls_errors_classify(0, text, sizeof(text)), HANDSHAKE_REVOKED);
    cr_assert_str_eq(text, "certificate revoked");
    cr_assert_eq(tls_errors_classify(0, text, 8), HANDSHAKE_OTHER);
    cr_assert_str_eq(text, "unknown");
}

#endif
