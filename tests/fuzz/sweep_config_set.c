/* A whole server, and CONFIG SET of TLS material and of io-threads in which, one by one, every
 * allocation of OpenSSL, every call on a file, and every call that makes a thread fails. Whatever
 * fails: the reply is an error that names a directive, no option has changed, and handshakes show
 * the certificate of before; or the change was made all the same, and whole.
 *
 * SWEEP_STEP=1 tries every number; without it steps are chosen for a few seconds. The server runs
 * in a thread of this process; the first thread is its client.
 */
#include "faults.h"
#include "server/server.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#ifdef SLUICE_SANITIZER
enum { SLOWNESS = 3 };
#else
enum { SLOWNESS = 1 };
#endif

enum { CONNECTIONS = 4, TEXT_MAX = 16 * 1024, WAIT_S = 20, TIME_MAX_S = 110 };

static struct {
    int port;
    int tls_port;
    int fd; /* a plain connection */
    SSL_CTX *tls;
} client;

static __thread int is_worker = -1; /* of the worker that prepares; -1: not known yet */
static __thread bool is_client;

/* -- calls that fail -- */

static bool is_on_worker(void)
{
    char name[16] = "";
    if (is_worker < 0)
        is_worker = pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 &&
                    strcmp(name, "bg-prepare") == 0;
    return is_worker == 1;
}

static bool fault_is_here(enum fault_kind kind)
{
    return !is_client && (kind == FAULT_THREADS || is_on_worker());
}

static void *hidden_realloc(void *old, size_t size, const char *file, int line)
{
    bool is_hidden = is_on_worker();
    if (is_hidden)
        leaks_hide(true);
    void *fresh = fault_realloc(old, size, file, line);
    if (is_hidden)
        leaks_hide(false);
    return fresh;
}

static void *hidden_alloc(size_t size, const char *file, int line)
{
    return hidden_realloc(NULL, size, file, line);
}

int eventfd(unsigned value, int flags)
{
    errno = EMFILE;
    return must_fail(FAULT_THREADS) ? -1 : REAL(eventfd)(value, flags);
}

int epoll_create1(int flags)
{
    errno = EMFILE;
    return must_fail(FAULT_THREADS) ? -1 : REAL(epoll_create1)(flags);
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    errno = ENOSPC;
    return operation == EPOLL_CTL_ADD && must_fail(FAULT_THREADS)
               ? -1
               : REAL(epoll_ctl)(epoll, operation, fd, event);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    return must_fail(FAULT_THREADS) ? EAGAIN
                                    : REAL(pthread_create)(thread, attributes, run, argument);
}

/* -- the client -- */

static int connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(fd, (struct sockaddr *)(void *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* All that the server says to `line`; the echo behind it tells where that ends. */
static const char *ask(const char *line)
{
    static char text[TEXT_MAX];
    static const char end[] = "$7\r\nthe-end\r\n";
    size_t size = 0;
    int length = snprintf(text, sizeof(text), "%s\r\necho the-end\r\n", line);
    assert(send(client.fd, text, (size_t)length, 0) == length);
    for (;;) {
        ssize_t got = recv(client.fd, text + size, sizeof(text) - 1 - size, 0);
        if (got <= 0)
            panic("no answer to '%s' (%s)", line, strerror(errno));
        size += (size_t)got;
        text[size] = '\0';
        if (size >= sizeof(end) - 1 && strcmp(text + size - (sizeof(end) - 1), end) == 0)
            break;
    }
    text[size - (sizeof(end) - 1)] = '\0';
    return text;
}

/* Handshakes on all threads: each is answered, under the certificate with this serial number. */
static void check_handshakes(long serial)
{
    SSL *connections[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++) {
        char reply[7];
        int fd = connect_to(client.tls_port);
        assert(fd >= 0);
        connections[i] = SSL_new(client.tls);
        SSL_set_fd(connections[i], fd);
        assert(SSL_connect(connections[i]) == 1);
        X509 *certificate = SSL_get1_peer_certificate(connections[i]);
        assert(ASN1_INTEGER_get(X509_get0_serialNumber(certificate)) == serial);
        X509_free(certificate);
        assert(SSL_write(connections[i], "PING\r\n", 6) == 6);
        assert(SSL_read(connections[i], reply, sizeof(reply)) == 7);
        assert(memcmp(reply, "+PONG\r\n", 7) == 0);
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = SSL_get_fd(connections[i]);
        SSL_free(connections[i]);
        close(fd);
    }
}

/* -- one change -- */

#define OLD_SERIAL 0x1001
#define NEW_SERIAL 0x1008
#define OPTIONS    "config get tls-* timeout io-threads maxclients"

static const char back[] =
    "config set timeout 0 tls-cert-file " CERTIFICATES "server.crt tls-key-file " CERTIFICATES
    "server.key tls-crl-file '' tls-dh-params-file '' tls-protocols '' tls-ca-cert-dir '' "
    "maxclients 10000 io-threads 2";

#define CHANGE                                                                                     \
    "config set timeout 77 tls-cert-file " CERTIFICATES "ec.crt tls-key-file " CERTIFICATES        \
    "ec.key tls-crl-file " CERTIFICATES "ca.crl tls-dh-params-file " CERTIFICATES                  \
    "redis.dh tls-protocols 'TLSv1.2 TLSv1.3' tls-ca-cert-dir " CERTIFICATES " maxclients 9000"

static char before[TEXT_MAX]; /* the options */

static void go_back(void)
{
    const char *reply = ask(back);
    if (strcmp(reply, "+OK\r\n") != 0)
        panic("cannot go back: %s", reply);
}

/* Makes the n-th call fail. False: it was made, and nothing failed. */
static bool try_number(const char *line, enum fault_kind kind, uint64_t n)
{
    faults_prepare(kind, n, 1);
    faults_switch(true);
    bool is_made = strcmp(ask(line), "+OK\r\n") == 0;
    faults_switch(false);
    if (is_made) {
        assert(strstr(ask(OPTIONS), "ec.crt") != NULL);
        check_handshakes(NEW_SERIAL);
        go_back();
        return faults.failed > 0;
    }
    assert(faults.failed > 0);
    if (strcmp(ask(OPTIONS), before) != 0)
        panic("call %llu: options have changed:\n%s", (unsigned long long)n, ask(OPTIONS));
    check_handshakes(OLD_SERIAL);
    return true;
}

/* The same change without faults, and its error text with one: what it is made of. */
static void check_error_text(const char *line, enum fault_kind kind)
{
    faults_prepare(kind, 1, 1);
    faults_switch(true);
    const char *reply = ask(line);
    faults_switch(false);
    static const char start[] = "-ERR CONFIG SET failed (possibly related to argument '";
    if (strncmp(reply, start, sizeof(start) - 1) != 0 && strcmp(reply, "+OK\r\n") != 0)
        panic("not the reply of CONFIG SET: %s", reply);
    if (reply[0] == '+')
        go_back();
}

/* Threads that have ended leave their places a little later. */
static void settle(void)
{
    while (strstr(ask("info threads"), "io_thread_3:") != NULL)
        usleep(2000);
}

static void sweep(const char *name, const char *line, enum fault_kind kind, uint64_t step)
{
    uint64_t tries = 0;
    uint64_t most = 0;
    check_error_text(line, kind);
    for (uint64_t n = 1;;) {
        settle();
        bool goes_on = try_number(line, kind, n);
        if (faults.calls > most)
            most = faults.calls;
        if (!goes_on && faults.calls == 0)
            continue; /* the threads' places were not free yet: nothing was prepared */
        tries++;
        if (!goes_on)
            break;
        n += step;
    }
    assert(most > 0);
    printf("  %s: %llu tries, %llu calls\n", name, (unsigned long long)tries,
           (unsigned long long)most);
    (void)fflush(stdout);
}

/* -- the server -- */

static void *run_server(void *argument)
{
    char *const *argv = argument;
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    int status = server_main(argc, (char **)(uintptr_t)argv);
    assert(status == 0);
    return NULL;
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(bind(fd, (struct sockaddr *)(void *)&address, sizeof(address)) == 0);
    assert(getsockname(fd, (struct sockaddr *)(void *)&address, &size) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void start_server(pthread_t *thread)
{
    static char port[16];
    static char tls_port[16];
    static char *arguments[] = {(char *)"sweep",
                                (char *)"--port",
                                port,
                                (char *)"--tls-port",
                                tls_port,
                                (char *)"--bind",
                                (char *)"127.0.0.1",
                                (char *)"--save",
                                (char *)"",
                                (char *)"--io-threads",
                                (char *)"2",
                                (char *)"--io-backend",
                                (char *)"epoll",
                                (char *)"--loglevel",
                                (char *)"nothing",
                                (char *)"--tls-cert-file",
                                (char *)CERTIFICATES "server.crt",
                                (char *)"--tls-key-file",
                                (char *)CERTIFICATES "server.key",
                                (char *)"--tls-ca-cert-file",
                                (char *)CERTIFICATES "ca.crt",
                                (char *)"--set-proc-title",
                                (char *)"no",
                                (char *)"--tls-session-caching",
                                (char *)"no",
                                NULL};
    client.port = free_port();
    client.tls_port = free_port();
    (void)snprintf(port, sizeof(port), "%d", client.port);
    (void)snprintf(tls_port, sizeof(tls_port), "%d", client.tls_port);
    assert(pthread_create(thread, NULL, run_server, arguments) == 0);
    for (int i = 0; i < WAIT_S * 100; i++) {
        client.fd = connect_to(client.tls_port); /* listens last */
        if (client.fd >= 0)
            break;
        usleep(10000);
    }
    assert(client.fd >= 0);
    close(client.fd);
    client.fd = connect_to(client.port);
    assert(client.fd >= 0);
}

static void start_client(void)
{
    client.tls = SSL_CTX_new(TLS_client_method());
    assert(client.tls != NULL);
    assert(SSL_CTX_use_certificate_chain_file(client.tls, CERTIFICATES "client.crt") == 1);
    assert(SSL_CTX_use_PrivateKey_file(client.tls, CERTIFICATES "client.key", SSL_FILETYPE_PEM) ==
           1);
}

int main(void)
{
    pthread_t server;
    const char *wanted = getenv("SWEEP_STEP");
    uint64_t step = wanted != NULL ? strtoull(wanted, NULL, 10) : 0;
    is_client = true;
    if (step == 0)
        alarm(TIME_MAX_S); /* a server that does not answer */
    mem_init();
    faults_begin(hidden_alloc, hidden_realloc);
    start_server(&server);
    start_client();
    check_handshakes(OLD_SERIAL);
    (void)snprintf(before, sizeof(before), "%s", ask(OPTIONS));
    sweep("memory, new material", CHANGE, FAULT_MEMORY, step ? step : 1999 * SLOWNESS);
    sweep("files, new material", CHANGE, FAULT_FILES, step ? step : 13 * SLOWNESS);
    sweep("memory, more threads", CHANGE " io-threads 4", FAULT_MEMORY,
          step ? step : 20011 * SLOWNESS);
    sweep("files, more threads", CHANGE " io-threads 4", FAULT_FILES, step ? step : 211 * SLOWNESS);
    sweep("threads", CHANGE " io-threads 4", FAULT_THREADS, 1);
    check_handshakes(OLD_SERIAL);
    (void)send(client.fd, "shutdown nosave\r\n", 17, 0);
    pthread_join(server, NULL);
    close(client.fd);
    SSL_CTX_free(client.tls);
    printf("sweep_config_set: done\n");
    return 0;
}
