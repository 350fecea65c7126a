/*
 * The least that a TLS server can do: epoll, one read and one write for each connection that has
 * something to say, and OpenSSL. Nothing is parsed or looked up; a `*` is a request, and each gets
 * the same reply. What this costs, no server avoids that asks the kernel for TCP and OpenSSL for
 * TLS. Run by bench/floor.
 *
 *   floor --reply-size BYTES --tls-port PORT --tls-cert-file F --tls-key-file F --tls-ca-cert-file F
 *
 * Other pairs of arguments are taken and ignored, so that it starts as a redis-server does. One
 * thread, 127.0.0.1, ended by a signal. A socket that takes no whole reply is closed: the client
 * then fails, and the measurement with it.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4096, EVENTS_MAX = 256, REPLIES_MAX = 64, INPUT_SIZE = 65536 };

static const char *cert_file;
static const char *key_file;
static const char *ca_file;
static int port;
static size_t reply_size;

static SSL *connections[CONNECTIONS_MAX]; /* by descriptor */
static char *replies;                     /* REPLIES_MAX times the same */
static size_t encoded_size;               /* of one */

static void die(const char *what)
{
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void read_arguments(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--tls-port") == 0)
            port = atoi(value);
        else if (strcmp(argv[i], "--reply-size") == 0)
            reply_size = (size_t)atol(value);
        else if (strcmp(argv[i], "--tls-cert-file") == 0)
            cert_file = value;
        else if (strcmp(argv[i], "--tls-key-file") == 0)
            key_file = value;
        else if (strcmp(argv[i], "--tls-ca-cert-file") == 0)
            ca_file = value;
    }
    if (port == 0 || reply_size == 0 || !cert_file || !key_file || !ca_file) {
        fprintf(stderr, "see the head of bench/floor.c\n");
        exit(2);
    }
}

static void make_replies(void)
{
    char head[32];
    int head_size = snprintf(head, sizeof(head), "$%zu\r\n", reply_size);
    encoded_size = (size_t)head_size + reply_size + 2;
    replies = malloc(encoded_size * REPLIES_MAX);
    if (!replies)
        die("malloc");
    for (char *to = replies; to < replies + encoded_size * REPLIES_MAX; to += encoded_size) {
        memcpy(to, head, (size_t)head_size);
        memset(to + head_size, 'x', reply_size);
        memcpy(to + encoded_size - 2, "\r\n", 2);
    }
}

static SSL_CTX *make_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context || SSL_CTX_use_certificate_chain_file(context, cert_file) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(context, ca_file, NULL) != 1)
        die("TLS");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"floor", 5);
    SSL_CTX_set_read_ahead(context, 1); /* one read for a record, not two */
    return context;
}

static int listen_on_loopback(void)
{
    int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 511) < 0)
        die("listen");
    return fd;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

static void take_in(int epoll, int listener, SSL_CTX *context)
{
    int yes = 1;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (fd >= CONNECTIONS_MAX)
        die("too many connections");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    connections[fd] = SSL_new(context);
    BIO *in = BIO_new_socket(fd, BIO_NOCLOSE);
    BIO *out = BIO_new(BIO_s_mem());
    if (!connections[fd] || !in || !out)
        die("TLS");
    SSL_set_bio(connections[fd], in, out);
    SSL_set_accept_state(connections[fd]);
    watch(epoll, fd);
}

static void drop(int fd)
{
    ERR_clear_error();
    SSL_free(connections[fd]);
    connections[fd] = NULL;
    (void)close(fd);
}

/* Whatever records there are, by one call. */
static bool send_output(int fd)
{
    char *output = NULL;
    BIO *out = SSL_get_wbio(connections[fd]);
    long size = BIO_get_mem_data(out, &output);
    bool is_sent = size <= 0 || send(fd, output, (size_t)size, MSG_NOSIGNAL) == size;
    (void)BIO_reset(out);
    return is_sent;
}

static bool answer(SSL *ssl, const char *input, int size)
{
    if (size >= 4 && memcmp(input, "PING", 4) == 0)
        return SSL_write(ssl, "+PONG\r\n", 7) == 7;
    size_t count = 0;
    for (int i = 0; i < size; i++)
        count += input[i] == '*';
    if (count > REPLIES_MAX)
        return false;
    int total = (int)(count * encoded_size);
    return count == 0 || SSL_write(ssl, replies, total) == total;
}

static void serve(int fd)
{
    static char input[INPUT_SIZE];
    SSL *ssl = connections[fd];
    do {
        int size = SSL_read(ssl, input, sizeof(input)); /* handshakes too */
        bool goes_on = size > 0 ? answer(ssl, input, size)
                                : SSL_get_error(ssl, size) == SSL_ERROR_WANT_READ;
        if (!send_output(fd) || !goes_on) {
            drop(fd);
            return;
        }
        if (size <= 0)
            return;
    } while (SSL_has_pending(ssl));
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return puts("floor v=0") < 0;
    read_arguments(argc, argv);
    make_replies();
    SSL_CTX *context = make_context();
    int listener = listen_on_loopback();
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        die("epoll");
    watch(epoll, listener);
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                take_in(epoll, listener, context);
            else
                serve(events[i].data.fd);
        }
    }
}
