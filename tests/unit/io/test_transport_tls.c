/* The TLS transport between two ends in memory: data, ends of streams, key updates, small windows,
 * hostile bytes. Handshake failures and resumption have files of their own. */
#ifdef BUILD_TLS
#include "tls_pair_contexts.h"

#include "base/random.h"
#include "io/tls_internal.h"
#include <openssl/ssl.h>

TestSuite(transport_tls, .init = begin, .fini = finish);

static SSL *ssl_of(struct end *end)
{
    return ((struct transport_tls *)end->transport)->ssl;
}

static void open_pair(struct pair *pair)
{
    pair_open(pair, client, server, NULL);
    cr_assert(pair_shake(pair));
}

Test(transport_tls, passes_data_both_ways)
{
    struct pair pair;
    open_pair(&pair);
    check_passes(&pair.client, &pair.server, "PING\r\n");
    check_passes(&pair.server, &pair.client, "+PONG\r\n");
    cr_assert_eq(pair.server.stats.handshakes_full, 1);
    cr_assert_eq(pair.server.stats.sessions_tls13, 1);
    cr_assert_eq(pair.server.stats.handshakes_failed, 0);
    cr_assert_eq(pair.server.stats.plaintext_in, 6);
    cr_assert_eq(pair.server.stats.plaintext_out, 7);
    cr_assert_eq(pair.server.stats.tickets_issued, 1);
    cr_assert_gt(pair.server.stats.handshake_cpu_us, 0);
    pair_close(&pair);
}

Test(transport_tls, tells_the_facts)
{
    struct pair pair;
    open_pair(&pair);
    struct tls_facts facts;
    transport_tls_describe(pair.server.transport, &facts);
    cr_assert_str_eq(facts.version, "TLSv1.3");
    cr_assert_str_eq(facts.cipher, "TLS_AES_256_GCM_SHA384");
    cr_assert(strcasecmp(facts.group, "x25519") == 0, "%s", facts.group);
    cr_assert(facts.has_certificate);
    cr_assert_str_eq(facts.certificate_name, "Client-only");
    cr_assert_str_eq(facts.certificate_uris[0], "");
    cr_assert_not(facts.is_resumed);
    transport_tls_describe(pair.client.transport, &facts);
    cr_assert(facts.has_certificate);
    cr_assert_str_eq(facts.certificate_name, "localhost");
    pair_close(&pair);
}

/* The second connection of the same client takes the remembered verification. */
Test(transport_tls, remembers_a_verified_certificate)
{
    for (int i = 0; i < 3; i++) {
        struct pair pair;
        open_pair(&pair);
        struct tls_facts facts;
        transport_tls_describe(pair.server.transport, &facts);
        cr_assert_str_eq(facts.certificate_name, "Client-only");
        /* The connection keeps a stub, not the certificate. */
        X509 *kept = SSL_get0_peer_certificate(ssl_of(&pair.server));
        cr_assert_not_null(kept);
        cr_assert_eq(X509_get_ext_count(kept), 0);
        cr_assert_not_null(X509_get0_pubkey(kept));
        check_passes(&pair.client, &pair.server, "PING\r\n");
        pair_close(&pair);
    }
}

Test(transport_tls, shakes_hands_a_byte_at_a_time)
{
    struct pair pair;
    pair_open(&pair, client, server, NULL);
    cr_assert(pair_shake_in_steps(&pair, 1));
    check_passes(&pair.client, &pair.server, "PING\r\n");
    pair_close(&pair);
}

static void move_bulk(struct pair *pair, struct end *from, struct end *to, size_t step)
{
    enum { SIZE = 300000 };
    char *sent = mem_alloc(SIZE);
    char *received = mem_alloc(SIZE + 1);
    for (size_t i = 0; i < SIZE; i++)
        sent[i] = (char)random_u64();
    size_t offered = 0;
    size_t arrived = 0;
    while (arrived < SIZE) {
        size_t count = 0;
        enum transport_result result = TRANSPORT_NEED_OUTPUT;
        if (offered < SIZE)
            result = end_write(from, sent + offered, SIZE - offered, &count);
        cr_assert(result == TRANSPORT_DONE || result == TRANSPORT_NEED_OUTPUT);
        cr_assert_eq(result == TRANSPORT_DONE, count > 0);
        offered += count;
        cr_assert_leq(from->wire.out_size, from->out_max);
        end_pass(from, to, step);
        result = end_read(to, received + arrived, SIZE + 1 - arrived, &count);
        cr_assert(result == TRANSPORT_DONE || result == TRANSPORT_NEED_INPUT);
        cr_assert_eq(result == TRANSPORT_DONE, count > 0);
        cr_assert(!to->transport->ops->has_pending(to->transport));
        arrived += count;
    }
    cr_assert_eq(memcmp(sent, received, SIZE), 0);
    mem_free(sent);
    mem_free(received);
    (void)pair;
}

Test(transport_tls, large_writes_fit_small_windows)
{
    static const size_t windows[] = {WIRE_OUT_SIZE_MAX, 40000, 17000};
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        struct pair pair;
        open_pair(&pair);
        pair.server.out_max = windows[i];
        pair.client.out_max = windows[i];
        move_bulk(&pair, &pair.server, &pair.client, 7001);
        move_bulk(&pair, &pair.client, &pair.server, WIRE_OUT_SIZE_MAX);
        pair_close(&pair);
    }
}

/* Bytes that a full window did not take are not bound to be offered again. */
Test(transport_tls, refused_bytes_may_change)
{
    struct pair pair;
    open_pair(&pair);
    pair.server.out_max = 400;
    size_t count = 1;
    cr_assert_eq(end_write(&pair.server, "aaaaaaaaaa", 10, &count), TRANSPORT_NEED_OUTPUT);
    cr_assert_eq(count, 0);
    pair.server.out_max = WIRE_OUT_SIZE_MAX;
    check_passes(&pair.server, &pair.client, "bb");
    pair_close(&pair);
}

Test(transport_tls, tells_what_is_pending)
{
    struct pair pair;
    open_pair(&pair);
    size_t count = 0;
    char data[8];
    cr_assert_eq(end_read(&pair.server, data, 4, &count), TRANSPORT_NEED_INPUT);
    cr_assert_eq(end_write(&pair.client, "0123456789", 10, &count), TRANSPORT_DONE);
    end_pass(&pair.client, &pair.server, WIRE_OUT_SIZE_MAX);
    cr_assert_eq(end_read(&pair.server, data, 4, &count), TRANSPORT_DONE);
    cr_assert_eq(count, 4);
    cr_assert_eq(pair.server.wire.in_size, 0);
    cr_assert(pair.server.transport->ops->has_pending(pair.server.transport));
    cr_assert_eq(end_read(&pair.server, data, 8, &count), TRANSPORT_DONE);
    cr_assert_eq(count, 6);
    cr_assert_not(pair.server.transport->ops->has_pending(pair.server.transport));
    /* Half a record is nothing that could be read. */
    cr_assert_eq(end_write(&pair.client, "0123456789", 10, &count), TRANSPORT_DONE);
    end_pass(&pair.client, &pair.server, 20);
    cr_assert_eq(end_read(&pair.server, data, 8, &count), TRANSPORT_NEED_INPUT);
    cr_assert_not(pair.server.transport->ops->has_pending(pair.server.transport));
    pair_close(&pair);
}

Test(transport_tls, clean_close_is_said_once)
{
    struct pair pair;
    open_pair(&pair);
    size_t count = 0;
    char data[64];
    const struct transport_ops *ops = pair.client.transport->ops;
    while (end_read(&pair.client, data, sizeof(data), &count) == TRANSPORT_DONE) /* the ticket */
        continue;
    ops->shutdown(pair.client.transport, &pair.client.wire);
    size_t said = pair.client.wire.out_size;
    cr_assert_gt(said, 0);
    ops->shutdown(pair.client.transport, &pair.client.wire);
    cr_assert_eq(pair.client.wire.out_size, said);
    end_pass(&pair.client, &pair.server, said);
    for (int i = 0; i < 2; i++) { /* it stays closed */
        cr_assert_eq(end_read(&pair.server, data, sizeof(data), &count), TRANSPORT_CLOSED);
        cr_assert_eq(pair.server.wire.outcome, OUTCOME_CLOSED_CLEAN);
    }
    /* The other half is still open. */
    cr_assert_eq(end_write(&pair.server, "late", 4, &count), TRANSPORT_DONE);
    end_pass(&pair.server, &pair.client, WIRE_OUT_SIZE_MAX);
    cr_assert_eq(end_read(&pair.client, data, sizeof(data), &count), TRANSPORT_DONE);
    cr_assert_eq(count, 4);
    pair_close(&pair);
}

Test(transport_tls, truncation_differs_from_a_close)
{
    struct pair pair;
    open_pair(&pair);
    size_t count = 0;
    char data[64];
    cr_assert_eq(end_write(&pair.client, "tail", 4, &count), TRANSPORT_DONE);
    end_pass(&pair.client, &pair.server, WIRE_OUT_SIZE_MAX);
    pair.server.wire.in_ended = true;
    cr_assert_eq(end_read(&pair.server, data, sizeof(data), &count), TRANSPORT_DONE);
    cr_assert_eq(count, 4);
    cr_assert_eq(end_read(&pair.server, data, sizeof(data), &count), TRANSPORT_CLOSED);
    cr_assert_eq(pair.server.wire.outcome, OUTCOME_CLOSED_TRUNCATED);
    cr_assert_eq(end_write(&pair.server, "late", 4, &count), TRANSPORT_DONE);
    pair_close(&pair);
}

Test(transport_tls, truncation_inside_a_record)
{
    struct pair pair;
    open_pair(&pair);
    size_t count = 0;
    char data[64];
    cr_assert_eq(end_write(&pair.client, "tail", 4, &count), TRANSPORT_DONE);
    end_pass(&pair.client, &pair.server, 11);
    pair.server.wire.in_ended = true;
    cr_assert_eq(end_read(&pair.server, data, sizeof(data), &count), TRANSPORT_CLOSED);
    cr_assert_eq(pair.server.wire.outcome, OUTCOME_CLOSED_TRUNCATED);
    pair_close(&pair);
}

Test(transport_tls, no_goodbye_before_the_handshake)
{
    struct pair pair;
    pair_open(&pair, client, server, NULL);
    cr_assert_eq(end_shake(&pair.client), TRANSPORT_NEED_INPUT);
    size_t hello = pair.client.wire.out_size;
    pair.client.transport->ops->shutdown(pair.client.transport, &pair.client.wire);
    cr_assert_eq(pair.client.wire.out_size, hello);
    pair_close(&pair);
}

Test(transport_tls, key_updates_in_both_directions)
{
    struct pair pair;
    open_pair(&pair);
    for (int i = 0; i < 5; i++) {
        cr_assert(SSL_key_update(ssl_of(&pair.client), SSL_KEY_UPDATE_REQUESTED));
        check_passes(&pair.client, &pair.server, "after an update");
        check_passes(&pair.server, &pair.client, "the answer updates too");
        cr_assert(SSL_key_update(ssl_of(&pair.server), SSL_KEY_UPDATE_NOT_REQUESTED));
        check_passes(&pair.server, &pair.client, "server's own");
        check_passes(&pair.client, &pair.server, "and back");
    }
    pair_close(&pair);
}

/* Alone, or with data between them. What came before is delivered. */
Test(transport_tls, too_many_key_updates_are_an_error)
{
    enum { MAX = 32 };
    for (int kind = SSL_KEY_UPDATE_NOT_REQUESTED; kind <= SSL_KEY_UPDATE_REQUESTED; kind++) {
        struct pair pair;
        size_t count = 0;
        char data[100];
        open_pair(&pair);
        for (int i = 0; i < MAX + 2; i++) {
            cr_assert(SSL_key_update(ssl_of(&pair.client), kind));
            cr_assert_eq(end_write(&pair.client, "x", 1, &count), TRANSPORT_DONE);
        }
        end_pass(&pair.client, &pair.server, WIRE_OUT_SIZE_MAX);
        cr_assert_eq(end_read(&pair.server, data, sizeof(data), &count), TRANSPORT_DONE);
        cr_assert_eq(count, MAX);
        cr_assert_gt(pair.server.wire.in_size, 0, "the flood was read to its end");
        cr_assert_eq(end_read(&pair.server, data, 1, &count), TRANSPORT_ERROR);
        cr_assert_eq(pair.server.wire.outcome, OUTCOME_PROTOCOL_ERROR);
        cr_assert_str_eq(pair.server.wire.error, "too many key updates");
        size_t said = pair.server.wire.out_size;
        pair.server.transport->ops->shutdown(pair.server.transport, &pair.server.wire);
        cr_assert_eq(pair.server.wire.out_size, said, "a goodbye after an error");
        cr_assert_eq(end_write(&pair.server, "x", 1, &count), TRANSPORT_ERROR);
        pair_close(&pair);
    }
}

/* One a quarter of a second, and more. */
Test(transport_tls, key_updates_are_counted_by_the_second)
{
    struct pair pair;
    open_pair(&pair);
    for (int i = 0; i < 100; i++) {
        struct transport_tls *self = (struct transport_tls *)pair.server.transport;
        if (i % 4 == 0)
            self->key_update_second--; /* a second is over */
        cr_assert(SSL_key_update(ssl_of(&pair.client), SSL_KEY_UPDATE_REQUESTED));
        check_passes(&pair.client, &pair.server, "slowly");
    }
    pair_close(&pair);
}

/* A peer that asks for key updates and takes none of the answers meets backpressure, not an error.
 */
Test(transport_tls, key_update_with_a_full_window)
{
    struct pair pair;
    open_pair(&pair);
    end_pass(&pair.server, &pair.client, WIRE_OUT_SIZE_MAX);
    size_t count = 0;
    char data[64];
    cr_assert(SSL_key_update(ssl_of(&pair.client), SSL_KEY_UPDATE_REQUESTED));
    cr_assert_eq(end_write(&pair.client, "x", 1, &count), TRANSPORT_DONE);
    end_pass(&pair.client, &pair.server, WIRE_OUT_SIZE_MAX);
    pair.server.out_max = 3;
    enum transport_result result = end_read(&pair.server, data, sizeof(data), &count);
    cr_assert(result == TRANSPORT_NEED_OUTPUT || result == TRANSPORT_DONE);
    pair.server.out_max = WIRE_OUT_SIZE_MAX;
    if (result == TRANSPORT_NEED_OUTPUT) {
        cr_assert_eq(end_read(&pair.server, data, sizeof(data), &count), TRANSPORT_DONE);
        cr_assert_eq(count, 1);
    }
    check_passes(&pair.server, &pair.client, "still in step");
    check_passes(&pair.client, &pair.server, "on both sides");
    pair_close(&pair);
}

Test(transport_tls, renegotiation_is_refused)
{
    struct tls_context *old =
        client_for((struct tls_client_settings){WITH_CLIENT_CERTIFICATE, .protocols = "TLSv1.2"});
    SSL_CTX_clear_options(old->client, SSL_OP_NO_RENEGOTIATION);
    struct pair pair;
    pair_open(&pair, old, server, NULL);
    cr_assert(pair_shake(&pair));
    cr_assert_eq(pair.server.stats.sessions_tls12, 1);
    check_passes(&pair.client, &pair.server, "before");
    cr_assert_eq(SSL_renegotiate(ssl_of(&pair.client)), 1);
    struct transport_tls *self = (struct transport_tls *)pair.client.transport;
    self->port.wire = &pair.client.wire;
    (void)SSL_do_handshake(self->ssl); /* writes a second ClientHello */
    self->port.wire = NULL;
    end_pass(&pair.client, &pair.server, WIRE_OUT_SIZE_MAX);
    size_t count = 0;
    char data[64];
    cr_assert_eq(end_read(&pair.server, data, sizeof(data), &count), TRANSPORT_NEED_INPUT);
    cr_assert_gt(pair.server.wire.out_size, 0); /* the alert no_renegotiation */
    cr_assert_lt(pair.server.wire.out_size, 100);
    pair_close(&pair);
    tls_context_release(old);
}

Test(transport_tls, a_damaged_record_is_a_protocol_error)
{
    struct pair pair;
    open_pair(&pair);
    size_t count = 0;
    char data[64];
    cr_assert_eq(end_write(&pair.client, "tail", 4, &count), TRANSPORT_DONE);
    pair.client.wire.out[9] ^= 1;
    end_pass(&pair.client, &pair.server, WIRE_OUT_SIZE_MAX);
    cr_assert_eq(end_read(&pair.server, data, sizeof(data), &count), TRANSPORT_ERROR);
    cr_assert_eq(pair.server.wire.outcome, OUTCOME_PROTOCOL_ERROR);
    cr_assert_str_eq(pair.server.wire.error, "decryption failed or bad record mac");
    size_t said = pair.server.wire.out_size;
    pair.server.transport->ops->shutdown(pair.server.transport, &pair.server.wire);
    cr_assert_eq(pair.server.wire.out_size, said, "no close_notify after a fatal error");
    cr_assert_eq(end_write(&pair.server, "x", 1, &count), TRANSPORT_ERROR);
    cr_assert_eq(end_read(&pair.server, data, sizeof(data), &count), TRANSPORT_ERROR);
    cr_assert(pair.server.transport->ops->has_pending(pair.server.transport));
    pair_close(&pair);
}

/* What was whole before the damage is delivered first. */
Test(transport_tls, data_before_an_error_is_not_lost)
{
    struct pair pair;
    open_pair(&pair);
    size_t count = 0;
    char data[64];
    cr_assert_eq(end_write(&pair.client, "good", 4, &count), TRANSPORT_DONE);
    end_pass(&pair.client, &pair.server, WIRE_OUT_SIZE_MAX);
    cr_assert_eq(end_write(&pair.client, "bad", 3, &count), TRANSPORT_DONE);
    pair.client.wire.out[7] ^= 0x40;
    end_pass(&pair.client, &pair.server, WIRE_OUT_SIZE_MAX);
    cr_assert_eq(end_read(&pair.server, data, sizeof(data), &count), TRANSPORT_DONE);
    cr_assert_eq(count, 4);
    cr_assert_eq(end_read(&pair.server, data, sizeof(data), &count), TRANSPORT_ERROR);
    pair_close(&pair);
}

static void mutate(struct random_state *random, struct end *end)
{
    if (end->wire.out_size == 0)
        return;
    for (uint64_t n = random_state_next(random) % 4 + 1; n > 0; n--)
        end->wire.out[random_state_next(random) % end->wire.out_size] ^=
            (char)(1 << random_state_next(random) % 8);
    if (random_state_next(random) % 4 == 0)
        end->wire.out_size -= random_state_next(random) % end->wire.out_size;
}

/* Anything may come out but a crash, a hang, or data that was not sent. */
static void run_mutated(struct random_state *random, struct tls_context *from)
{
    struct pair pair;
    pair_open(&pair, from, server, NULL);
    uint64_t when = random_state_next(random) % 4;
    enum transport_result c = TRANSPORT_NEED_INPUT;
    enum transport_result s = TRANSPORT_NEED_INPUT;
    for (uint64_t round = 0; round < 6; round++) {
        if (c != TRANSPORT_DONE && c != TRANSPORT_ERROR)
            c = end_shake(&pair.client);
        if (round == when && random_state_next(random) % 2)
            mutate(random, &pair.client);
        end_pass(&pair.client, &pair.server, WIRE_OUT_SIZE_MAX);
        if (round == 5)
            pair.server.wire.in_ended = pair.client.wire.in_ended = true;
        if (s != TRANSPORT_DONE && s != TRANSPORT_ERROR)
            s = end_shake(&pair.server);
        if (round == when)
            mutate(random, &pair.server);
        end_pass(&pair.server, &pair.client, WIRE_OUT_SIZE_MAX);
    }
    char data[32];
    size_t count = 0;
    if (s == TRANSPORT_DONE && c == TRANSPORT_DONE) {
        (void)end_write(&pair.client, "hello", 5, &count);
        mutate(random, &pair.client);
        end_pass(&pair.client, &pair.server, WIRE_OUT_SIZE_MAX);
        if (end_read(&pair.server, data, sizeof(data), &count) == TRANSPORT_DONE)
            cr_assert(count == 5 && memcmp(data, "hello", 5) == 0);
    }
    pair_close(&pair);
}

Test(transport_tls, mutated_records_do_no_harm)
{
    struct random_state random;
    random_state_seed(&random, 20240607);
    struct tls_context *old =
        client_for((struct tls_client_settings){WITH_CLIENT_CERTIFICATE, .protocols = "TLSv1.2"});
    for (int i = 0; i < 400; i++)
        run_mutated(&random, i % 3 ? client : old);
    tls_context_release(old);
}

/* Established connections are cheaper to attack: thousands of records on few handshakes. */
Test(transport_tls, mutated_data_records_do_no_harm)
{
    struct random_state random;
    random_state_seed(&random, 77);
    enum transport_result result = TRANSPORT_ERROR;
    struct pair pair = {0};
    for (int i = 0; i < 3000; i++) {
        if (result == TRANSPORT_ERROR || result == TRANSPORT_CLOSED) {
            pair_close(&pair);
            open_pair(&pair);
        }
        char data[512];
        size_t count = 0;
        (void)end_write(&pair.client, "0123456789abcdef", 16, &count);
        if (random_state_next(&random) % 16 == 0)
            mutate(&random, &pair.client);
        end_pass(&pair.client, &pair.server, WIRE_OUT_SIZE_MAX);
        result = end_read(&pair.server, data, sizeof(data), &count);
        if (result == TRANSPORT_DONE)
            cr_assert(count % 16 == 0 && memcmp(data, "0123456789abcdef", 16) == 0);
    }
    pair_close(&pair);
}

#endif
