/* Resumption: across contexts, key rotation, epochs, kept sessions, what a session says of its
 * client. */
#ifdef BUILD_TLS
#include "tls_pair.h"

#include "io/tls_internal.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>

static struct tls_tickets *tickets;
static struct tls_settings settings;

static void begin(void)
{
    tls_test_begin();
    tickets = tls_tickets_create();
    settings = settings_for_tests();
}

static void finish(void)
{
    tls_tickets_destroy(tickets);
}

TestSuite(tls_tickets, .init = begin, .fini = finish);

static struct tls_context *client_of(const char *protocols)
{
    return client_for(
        (struct tls_client_settings){WITH_CLIENT_CERTIFICATE, .protocols = protocols});
}

/* Connects, exchanges a few bytes, says goodbye. Returns the session to resume with, or NULL. */
static void *visit(struct tls_context *client, struct tls_context *server, void *session,
                   bool expect_resumed)
{
    struct pair pair;
    pair_open(&pair, client, server, session);
    cr_assert(pair_shake(&pair), "%s",
              pair.server.wire.error ? pair.server.wire.error : pair.client.wire.error);
    check_passes(&pair.client, &pair.server, "PING");
    check_passes(&pair.server, &pair.client, "PONG");
    struct tls_facts facts;
    transport_tls_describe(pair.server.transport, &facts);
    cr_assert_eq(facts.is_resumed, expect_resumed);
    cr_assert_eq(pair.server.stats.handshakes_resumed, expect_resumed);
    cr_assert_eq(pair.server.stats.handshakes_full, !expect_resumed);
    cr_assert_eq(pair.server.stats.ticket_hits + pair.server.stats.cache_hits, expect_resumed);
    cr_assert_eq(pair.server.stats.ticket_misses + pair.server.stats.cache_misses,
                 session && !expect_resumed);
    if (server->auth_clients != TLS_AUTH_CLIENTS_NO) {
        cr_assert(facts.has_certificate);
        cr_assert_str_eq(facts.certificate_name, "Client-only");
    } else {
        cr_assert_not(facts.has_certificate);
    }
    pair.client.transport->ops->shutdown(pair.client.transport, &pair.client.wire);
    void *next = transport_tls_take_session(pair.client.transport);
    pair_close(&pair);
    tls_session_free(session);
    return next;
}

static void resumes_everywhere(const char *protocols)
{
    struct tls_context *one = context_for(&settings, tickets);
    struct tls_context *two = context_for(&settings, tickets);
    struct tls_context *client = client_of(protocols);
    void *session = visit(client, one, NULL, false);
    cr_assert_not_null(session);
    for (int i = 0; i < 4 && session; i++)
        session = visit(client, i % 2 ? one : two, session, true);
    tls_session_free(session);
    tls_context_release(client);
    tls_context_release(one);
    tls_context_release(two);
}

static void with_every_mode(void (*test)(const char *protocols))
{
    static const int modes[] = {TLS_AUTH_CLIENTS_NO, TLS_AUTH_CLIENTS_OPTIONAL,
                                TLS_AUTH_CLIENTS_YES};
    for (size_t i = 0; i < 3; i++) {
        settings.auth_clients = modes[i];
        test("TLSv1.2");
        test("TLSv1.3");
    }
}

Test(tls_tickets, resume_across_contexts)
{
    with_every_mode(resumes_everywhere);
}

Test(tls_tickets, kept_sessions_resume_across_contexts)
{
    settings.session_tickets = false;
    with_every_mode(resumes_everywhere);
    cr_assert_gt(tls_tickets_session_count(tickets), 0);
}

static void never_resumes(const char *protocols)
{
    struct tls_context *on = context_for(&settings, tickets);
    settings.session_caching = false;
    struct tls_context *off = context_for(&settings, tickets);
    settings.session_caching = true;
    struct tls_context *client = client_of(protocols);
    void *session = visit(client, off, NULL, false);
    cr_assert_null(session);
    /* A session from before caching went off: a full handshake, no failure. */
    session = visit(client, on, NULL, false);
    struct pair pair;
    pair_open(&pair, client, off, session);
    cr_assert(pair_shake(&pair));
    cr_assert_eq(pair.server.stats.handshakes_full, 1);
    cr_assert_eq(pair.server.stats.tickets_issued, 0);
    pair_close(&pair);
    tls_session_free(session);
    tls_context_release(client);
    tls_context_release(on);
    tls_context_release(off);
}

Test(tls_tickets, caching_off_means_no_resumption)
{
    with_every_mode(never_resumes);
    settings.session_tickets = false;
    with_every_mode(never_resumes);
}

/* Each of these needs a session for the next step, made under the keys of its time. */
Test(tls_tickets, two_old_keys_still_decrypt)
{
    struct tls_context *server = context_for(&settings, tickets);
    struct tls_context *client = client_of("TLSv1.3");
    void *old[4];
    for (int i = 0; i < 4; i++) {
        old[i] = visit(client, server, NULL, false);
        if (i < 3)
            tls_tickets_rotate(tickets);
    }
    for (int i = 0; i < 4; i++)
        tls_session_free(visit(client, server, old[i], i > 0));
    tls_context_release(client);
    tls_context_release(server);
}

Test(tls_tickets, rotate_when_due)
{
    struct tls_context *server = context_for(&settings, tickets);
    struct tls_context *client = client_of("TLSv1.3");
    void *session = visit(client, server, NULL, false);
    for (int i = 0; i < 5; i++)
        tls_tickets_rotate_if_due(tickets, 3600);
    session = visit(client, server, session, true);
    tls_session_free(session);
    tls_context_release(client);
    tls_context_release(server);
}

static void refused_in_a_new_epoch(const char *protocols)
{
    struct tls_context *client = client_of(protocols);
    struct tls_context *before = context_for(&settings, tickets);
    void *one = visit(client, before, NULL, false);
    uint64_t epoch = tls_tickets_epoch(tickets);
    tls_tickets_new_epoch(tickets);
    cr_assert_eq(tls_tickets_epoch(tickets), epoch + 1);
    struct tls_context *after = context_for(&settings, tickets);
    tls_session_free(visit(client, after, one, false));
    /* What a context of the old epoch issues under the new keys is refused as well. */
    void *late = visit(client, before, NULL, false);
    tls_session_free(visit(client, after, late, false));
    tls_context_release(before);
    tls_context_release(after);
    tls_context_release(client);
}

Test(tls_tickets, a_new_epoch_refuses_all)
{
    with_every_mode(refused_in_a_new_epoch);
    settings.session_tickets = false;
    with_every_mode(refused_in_a_new_epoch);
}

/* tls-auth-clients becomes yes: sessions without a certificate must not slip in. */
Test(tls_tickets, a_session_without_certificate_is_not_enough)
{
    for (int i = 0; i < 4; i++) {
        settings.session_tickets = i % 2 == 0;
        struct tls_context *client = client_of(i / 2 ? "TLSv1.3" : "TLSv1.2");
        settings.auth_clients = TLS_AUTH_CLIENTS_NO;
        struct tls_context *before = context_for(&settings, tickets);
        settings.auth_clients = TLS_AUTH_CLIENTS_YES;
        struct tls_context *after = context_for(&settings, tickets);
        void *session = visit(client, before, NULL, false);
        tls_session_free(visit(client, after, session, false));
        tls_context_release(client);
        tls_context_release(before);
        tls_context_release(after);
    }
}

/* The cluster bus asks for a certificate (and names) whatever the settings say. */
Test(tls_tickets, the_bus_asks_for_more_than_the_port)
{
    settings.auth_clients = TLS_AUTH_CLIENTS_OPTIONAL;
    struct tls_context *server = context_for(&settings, tickets);
    struct tls_context *anonymous = client_for((struct tls_client_settings){0});
    struct tls_context *client = client_of("TLSv1.3");
    struct pair pair;
    pair_open(&pair, anonymous, server, NULL);
    cr_assert(pair_shake(&pair));
    check_passes(&pair.server, &pair.client, "PONG");
    void *session = transport_tls_take_session(pair.client.transport);
    pair_close(&pair);
    memset(&pair, 0, sizeof(pair));
    end_open(&pair.client,
             &(struct tls_transport_options){.context = anonymous, .session = session});
    end_open(&pair.server, &(struct tls_transport_options){
                               .context = server, .is_server = true, .requires_certificate = true});
    cr_assert_not(pair_shake(&pair));
    cr_assert_eq(pair.server.wire.failure, HANDSHAKE_NO_CERTIFICATE);
    pair_close(&pair);
    tls_session_free(session);
    /* A session of a named client says nothing of the names asked for here. */
    session = visit(client, server, NULL, false);
    memset(&pair, 0, sizeof(pair));
    end_open(&pair.client, &(struct tls_transport_options){.context = client, .session = session});
    end_open(&pair.server, &(struct tls_transport_options){.context = server,
                                                           .is_server = true,
                                                           .requires_certificate = true,
                                                           .verify_name = "node-1"});
    cr_assert_not(pair_shake(&pair));
    cr_assert_eq(pair.server.wire.failure, HANDSHAKE_NAME_MISMATCH);
    pair_close(&pair);
    tls_session_free(session);
    tls_context_release(client);
    tls_context_release(anonymous);
    tls_context_release(server);
}

Test(tls_tickets, a_bounded_cache_drops_the_oldest)
{
    settings.session_tickets = false;
    settings.session_cache_size = 2;
    struct tls_context *server = context_for(&settings, tickets);
    struct tls_context *client = client_of("TLSv1.3");
    void *sessions[3];
    for (int i = 0; i < 3; i++)
        sessions[i] = visit(client, server, NULL, false);
    cr_assert_eq(tls_tickets_session_count(tickets), 2);
    tls_session_free(visit(client, server, sessions[2], true));
    tls_session_free(visit(client, server, sessions[0], false));
    tls_session_free(sessions[1]);
    tls_context_release(client);
    tls_context_release(server);
}

/* A client that lost its connection, without a goodbye, may resume. */
Test(tls_tickets, a_cut_connection_may_be_resumed)
{
    settings.session_tickets = false;
    for (int i = 0; i < 2; i++) {
        struct tls_context *server = context_for(&settings, tickets);
        struct tls_context *client = client_of(i ? "TLSv1.3" : "TLSv1.2");
        struct pair pair;
        pair_open(&pair, client, server, NULL);
        cr_assert(pair_shake(&pair));
        check_passes(&pair.server, &pair.client, "PONG");
        void *session = transport_tls_take_session(pair.client.transport);
        cr_assert_not_null(session);
        pair_close(&pair);
        tls_session_free(visit(client, server, session, true));
        tls_context_release(client);
        tls_context_release(server);
    }
}

/* A session offered through another client context than the one it came from. */
Test(tls_tickets, a_session_outlives_its_client_context)
{
    struct tls_context *server = context_for(&settings, tickets);
    struct tls_context *first = client_of("TLSv1.3");
    void *session = visit(first, server, NULL, false);
    tls_context_release(first);
    struct tls_context *second = client_of("TLSv1.3");
    tls_session_free(visit(second, server, session, true));
    tls_context_release(second);
    tls_context_release(server);
}

/* -- openssl s_client -reconnect over a real socket, with every tls-auth-clients value: a client
 * that offers its session again must never be turned away for it (redis#7270) -- */

enum { CONNECTIONS = 6 }; /* one, and five more */

struct service {
    int fd;
    struct tls_context *context;
    int full;
    int resumed;
    char failure[128];
};

static void flush_out(struct end *end, int fd)
{
    size_t sent = 0;
    while (sent < end->wire.out_size) {
        ssize_t part = send(fd, end->wire.out + sent, end->wire.out_size - sent, MSG_NOSIGNAL);
        if (part <= 0)
            break;
        sent += (size_t)part;
    }
    end->wire.out_size = 0;
}

/* Handshake, then reading to the end; blocking. */
static void serve_one(struct service *service, int fd)
{
    struct end end;
    char data[4096];
    size_t count = 0;
    end_open(&end, &(struct tls_transport_options){.context = service->context, .is_server = true});
    bool is_open = false;
    for (;;) {
        enum transport_result result =
            is_open ? end_read(&end, data, sizeof(data), &count) : end_shake(&end);
        is_open |= result == TRANSPORT_DONE;
        flush_out(&end, fd);
        if (result == TRANSPORT_CLOSED || result == TRANSPORT_ERROR) {
            if (result == TRANSPORT_ERROR)
                (void)snprintf(service->failure, sizeof(service->failure), "%s", end.wire.error);
            break;
        }
        if (result == TRANSPORT_DONE)
            continue;
        ssize_t size = recv(fd, data, sizeof(data), 0);
        if (size <= 0)
            end.wire.in_ended = true;
        else
            end_receive(&end, data, (size_t)size);
    }
    service->full += (int)end.stats.handshakes_full;
    service->resumed += (int)end.stats.handshakes_resumed;
    end_close(&end);
}

static void *serve(void *pointer)
{
    struct service *service = pointer;
    mem_thread_start();
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = accept(service->fd, NULL, NULL);
        if (fd < 0)
            break;
        serve_one(service, fd);
        (void)close(fd);
    }
    mem_thread_stop();
    return NULL;
}

static int listen_anywhere(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(fd, 16), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static struct service reconnect(const char *version)
{
    int port = 0;
    struct service service = {.context = context_for(&settings, tickets)};
    service.fd = listen_anywhere(&port);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, serve, &service), 0);
    char command[512];
    (void)snprintf(command, sizeof(command),
                   "timeout 20 openssl s_client -connect 127.0.0.1:%d -reconnect %s "
                   "-CAfile " CERTIFICATES "ca.crt -cert " CERTIFICATES "client.crt "
                   "-key " CERTIFICATES "client.key </dev/null >/dev/null 2>&1",
                   port, version);
    cr_assert_eq(system(command), 0);
    (void)shutdown(service.fd, SHUT_RDWR);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    (void)close(service.fd);
    tls_context_release(service.context);
    return service;
}

Test(tls_tickets, s_client_reconnects)
{
    static const int modes[] = {TLS_AUTH_CLIENTS_NO, TLS_AUTH_CLIENTS_OPTIONAL,
                                TLS_AUTH_CLIENTS_YES};
    for (int i = 0; i < 18; i++) {
        settings.auth_clients = modes[i % 3];
        settings.session_tickets = i / 3 % 3 == 0;
        settings.session_caching = i / 3 % 3 < 2;
        bool is_old = i < 9;
        struct service service = reconnect(is_old ? "-tls1_2" : "-tls1_3");
        cr_assert_str_eq(service.failure, "");
        cr_assert_eq(service.full + service.resumed, CONNECTIONS, "case %d: %d full, %d resumed", i,
                     service.full, service.resumed);
        /* With TLS 1.3 s_client reconnects before it has read a ticket. */
        if (is_old)
            cr_assert_eq(service.resumed, settings.session_caching ? CONNECTIONS - 1 : 0);
    }
}

#endif
