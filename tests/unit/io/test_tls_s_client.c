/* openssl s_client -reconnect against the transport, over a real socket, with every tls-auth-clients value: a
 * client that offers its session again must never be turned away for it (redis#7270). */
#include "tls_pair.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

TestSuite(tls_s_client, .init = tls_test_begin);

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
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(fd, 16), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static struct service reconnect(const struct tls_settings *settings, struct tls_tickets *tickets,
                                const char *version)
{
    int port = 0;
    struct service service = {.context = context_for(settings, tickets)};
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

Test(tls_s_client, reconnects)
{
    static const int modes[] = {TLS_AUTH_CLIENTS_NO, TLS_AUTH_CLIENTS_OPTIONAL, TLS_AUTH_CLIENTS_YES};
    struct tls_tickets *tickets = tls_tickets_create();
    for (int i = 0; i < 18; i++) {
        struct tls_settings settings = settings_for_tests();
        settings.auth_clients = modes[i % 3];
        settings.session_tickets = i / 3 % 3 == 0;
        settings.session_caching = i / 3 % 3 < 2;
        bool is_old = i < 9;
        struct service service = reconnect(&settings, tickets, is_old ? "-tls1_2" : "-tls1_3");
        cr_assert_str_eq(service.failure, "");
        cr_assert_eq(service.full + service.resumed, CONNECTIONS, "case %d: %d full, %d resumed", i,
                     service.full, service.resumed);
        /* With TLS 1.3 s_client reconnects before it has read a ticket. */
        if (is_old)
            cr_assert_eq(service.resumed, settings.session_caching ? CONNECTIONS - 1 : 0);
    }
    tls_tickets_destroy(tickets);
}
