/*
 * TLS connections for bench/tls-throughput: opens them, keeps them, or measures one of them.
 *
 *   tls-clients handshakes -p PORT [-n COUNT | -s SECONDS] [-c IN_FLIGHT] [-r]   connect, PING, close
 *   tls-clients idle       -p PORT  -n COUNT [-c IN_FLIGHT]                      ... keep until EOF on stdin
 *   tls-clients latency    -p PORT  -s SECONDS [-i MICROSECONDS]                 PING on one connection
 *                          [-w SECONDS]                                          ... not measured, before;
 *                          also percentiles and, for each 100 ms, p50 and the worst
 *   common: -a CA_FILE [-t CERT_FILE -k KEY_FILE] [-r resume sessions] [-2 TLS 1.2 only]
 *
 * One thread, non-blocking sockets, epoll. Only 127.0.0.1. Prints one JSON line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    IN_FLIGHT_MAX = 4096,
    COUNT_MAX = 1000000,
    STALL_MS_MAX = 15000,
    SAMPLES_MAX = 1000000,
    SERIES_STEP_MS = 100
};

enum phase { PHASE_CONNECT, PHASE_HANDSHAKE, PHASE_REPLY, PHASE_IDLE };

struct connection {
    SSL *ssl;
    int fd;
    enum phase phase;
    uint32_t events;
};

static struct options {
    const char *mode;
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    int port;
    long count;
    double seconds;
    double warm_up;
    int in_flight_max;
    long interval_us;
    bool resumes;
    bool is_tls12;
} options = {.in_flight_max = 1, .interval_us = 1000};

static struct {
    SSL_CTX *context;
    SSL_SESSION *session; /* the first ticket, when options.resumes */
    int epoll;
    long started;
    long done;
    long failed;
    long resumed;
    int in_flight;
} run;

static void die(const char *what)
{
    fprintf(stderr, "tls-clients: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Keeps the first ticket. Returning 1 takes the reference. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    /* A connection that shares its session with others must not change it: each takes a copy. */
    if (!options.resumes || run.session != NULL)
        return 0;
    run.session = session;
    return 1;
}

static void make_context(void)
{
    run.context = SSL_CTX_new(TLS_client_method());
    if (run.context == NULL)
        die("SSL_CTX_new");
    if (options.is_tls12)
        SSL_CTX_set_max_proto_version(run.context, TLS1_2_VERSION);
    /* The chain is checked once, in main, so that the client costs little. */
    SSL_CTX_set_verify(run.context, SSL_VERIFY_NONE, NULL);
    if (options.cert_file != NULL &&
        (SSL_CTX_use_certificate_chain_file(run.context, options.cert_file) != 1 ||
         SSL_CTX_use_PrivateKey_file(run.context, options.key_file, SSL_FILETYPE_PEM) != 1))
        die("client certificate");
    SSL_CTX_set_session_cache_mode(run.context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(run.context, on_session);
    SSL_CTX_set_mode(run.context, SSL_MODE_RELEASE_BUFFERS);
}

static int open_socket(bool is_blocking)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (is_blocking ? 0 : SOCK_NONBLOCK), 0);
    if (fd < 0)
        die("socket");
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    /* A reset at close keeps thousands of ports out of TIME_WAIT. */
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options.port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)
        die("connect");
    return fd;
}

static void watch(struct connection *c, uint32_t events, int operation)
{
    if (operation == EPOLL_CTL_MOD && c->events == events)
        return;
    c->events = events;
    struct epoll_event event = {.events = events, .data = {.ptr = c}};
    if (epoll_ctl(run.epoll, operation, c->fd, &event) != 0)
        die("epoll_ctl");
}

static void start_connection(struct connection *c)
{
    c->fd = open_socket(false);
    c->ssl = SSL_new(run.context);
    if (c->ssl == NULL)
        die("SSL_new");
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_connect_state(c->ssl);
    if (run.session != NULL) {
        SSL_SESSION *copy = SSL_SESSION_dup(run.session);
        SSL_set_session(c->ssl, copy);
        SSL_SESSION_free(copy);
    }
    c->phase = PHASE_CONNECT;
    watch(c, EPOLLOUT, EPOLL_CTL_ADD);
    run.started++;
    run.in_flight++;
}

static void end_connection(struct connection *c, bool is_well)
{
    if (is_well) {
        run.done++;
        run.resumed += SSL_session_reused(c->ssl);
    } else {
        run.failed++;
    }
    run.in_flight--;
    ERR_clear_error();
    if (is_well && strcmp(options.mode, "idle") == 0) {
        c->phase = PHASE_IDLE;
        watch(c, 0, EPOLL_CTL_MOD);
        return;
    }
    if (is_well)
        SSL_shutdown(c->ssl);
    else
        SSL_set_quiet_shutdown(c->ssl, 1);
    SSL_free(c->ssl);
    close(c->fd);
    c->ssl = NULL;
    c->fd = -1;
}

/* Whether the operation only has to wait; arms the descriptor for it. */
static bool must_wait(struct connection *c, int result)
{
    int error = SSL_get_error(c->ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        return false;
    watch(c, error == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT, EPOLL_CTL_MOD);
    return true;
}

/* Takes the connection as far as it goes now; ends it when it is done or broken. */
static void advance(struct connection *c)
{
    static const char ping[] = "*1\r\n$4\r\nPING\r\n";
    char reply[64];
    if (c->phase == PHASE_CONNECT)
        c->phase = PHASE_HANDSHAKE;
    if (c->phase == PHASE_HANDSHAKE) {
        int result = SSL_do_handshake(c->ssl);
        if (result != 1) {
            if (!must_wait(c, result))
                end_connection(c, false);
            return;
        }
        if (SSL_write(c->ssl, ping, sizeof ping - 1) != (int)sizeof ping - 1) {
            end_connection(c, false);
            return;
        }
        c->phase = PHASE_REPLY;
    }
    int size = SSL_read(c->ssl, reply, sizeof reply);
    if (size > 0)
        end_connection(c, reply[0] == '+');
    else if (!must_wait(c, size))
        end_connection(c, false);
}

static bool may_start(double started_at)
{
    if (options.seconds > 0)
        return now() - started_at < options.seconds;
    return run.started < options.count;
}

static struct connection *slot_for(struct connection *slots, long slot_count)
{
    static long next;
    for (long i = 0; i < slot_count; i++, next = (next + 1) % slot_count) {
        if (slots[next].ssl == NULL)
            return &slots[next];
    }
    return NULL;
}

static void run_connections(void)
{
    bool keeps = strcmp(options.mode, "idle") == 0;
    long slot_count = keeps ? options.count : options.in_flight_max;
    struct connection *slots = calloc((size_t)slot_count, sizeof *slots);
    if (slots == NULL)
        die("calloc");
    double started_at = now();
    double cpu_at = cpu_seconds();
    while (true) {
        /* Until the first ticket is here, one at a time. */
        int in_flight_max = options.resumes && run.session == NULL ? 1 : options.in_flight_max;
        while (run.in_flight < in_flight_max && may_start(started_at))
            start_connection(slot_for(slots, slot_count));
        if (run.in_flight == 0)
            break;
        struct epoll_event events[256];
        int count = epoll_wait(run.epoll, events, 256, STALL_MS_MAX);
        if (count == 0) {
            run.failed += run.in_flight;
            break;
        }
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (c->ssl != NULL && c->phase != PHASE_IDLE)
                advance(c);
        }
    }
    printf("{\"done\": %ld, \"failed\": %ld, \"resumed\": %ld, \"seconds\": %.6f, "
           "\"client_cpu\": %.6f}\n",
           run.done, run.failed, run.resumed, now() - started_at, cpu_seconds() - cpu_at);
    fflush(stdout);
    if (keeps) {
        char byte;
        while (read(STDIN_FILENO, &byte, 1) > 0)
            continue;
    }
    free(slots);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* [[milliseconds since the beginning, p50, worst], ...]; sorts within each step. */
static void print_series(double *samples, const double *times, long count)
{
    printf("\"series\": [");
    for (long first = 0; first < count;) {
        long step = (long)(times[first] * 1e3) / SERIES_STEP_MS;
        long end = first;
        while (end < count && (long)(times[end] * 1e3) / SERIES_STEP_MS == step)
            end++;
        qsort(samples + first, (size_t)(end - first), sizeof samples[0], compare_doubles);
        printf("%s[%ld, %.4f, %.4f]", first ? ", " : "", step * SERIES_STEP_MS,
               samples[first + (end - first) / 2] * 1e3, samples[end - 1] * 1e3);
        first = end;
    }
    printf("], ");
}

static void print_latency(double *samples, const double *times, long count)
{
    static const double levels[] = {50, 75, 90, 95, 99, 99.5, 99.9, 100};
    printf("{\"count\": %ld, ", count);
    print_series(samples, times, count);
    qsort(samples, (size_t)count, sizeof samples[0], compare_doubles);
    printf("\"percentiles\": [");
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        long index = (long)((double)(count - 1) * levels[i] / 100);
        printf("%s[%g, %.4f]", i ? ", " : "", levels[i], samples[index] * 1e3);
    }
    printf("], \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"p999_ms\": %.4f, \"max_ms\": %.4f}\n",
           samples[count / 2] * 1e3, samples[count * 99 / 100] * 1e3,
           samples[count * 999 / 1000] * 1e3, samples[count - 1] * 1e3);
}

static void measure_latency(void)
{
    static const char ping[] = "*1\r\n$4\r\nPING\r\n";
    static double samples[SAMPLES_MAX];
    static double times[SAMPLES_MAX]; /* when each was asked */
    long count = 0;
    int fd = open_socket(true);
    SSL *ssl = SSL_new(run.context);
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1)
        die("SSL_connect");
    double started_at = now() + options.warm_up;
    bool is_ready = false;
    while (now() - started_at < options.seconds && count < SAMPLES_MAX) {
        char reply[64];
        double asked_at = now();
        if (!is_ready && asked_at >= started_at) {
            /* One line when the connection stands, so that the storm starts after it. */
            printf("{\"ready\": true}\n");
            fflush(stdout);
            is_ready = true;
        }
        if (SSL_write(ssl, ping, sizeof ping - 1) <= 0 ||
            SSL_read(ssl, reply, sizeof reply) <= 0)
            die("PING");
        if (is_ready)
            times[count] = asked_at - started_at;
        if (is_ready)
            samples[count++] = now() - asked_at;
        struct timespec pause = {.tv_nsec = options.interval_us * 1000};
        nanosleep(&pause, NULL);
    }
    print_latency(samples, times, count);
}

static void read_options(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: see the head of bench/tls-clients.c\n");
        exit(2);
    }
    options.mode = argv[1];
    optind = 2;
    int letter;
    while ((letter = getopt(argc, argv, "p:n:s:w:c:i:a:t:k:r2")) != -1) {
        switch (letter) {
        case 'p': options.port = (int)strtol(optarg, NULL, 10); break;
        case 'n': options.count = strtol(optarg, NULL, 10); break;
        case 'w': options.warm_up = strtod(optarg, NULL); break;
        case 's': options.seconds = strtod(optarg, NULL); break;
        case 'c': options.in_flight_max = (int)strtol(optarg, NULL, 10); break;
        case 'i': options.interval_us = strtol(optarg, NULL, 10); break;
        case 'a': options.ca_file = optarg; break;
        case 't': options.cert_file = optarg; break;
        case 'k': options.key_file = optarg; break;
        case 'r': options.resumes = true; break;
        case '2': options.is_tls12 = true; break;
        default: exit(2);
        }
    }
    if (options.in_flight_max < 1 || options.in_flight_max > IN_FLIGHT_MAX ||
        options.count > COUNT_MAX || options.interval_us > 999999) {
        fprintf(stderr, "tls-clients: option out of range\n");
        exit(2);
    }
}

/* One verified connection, so that a wrong certificate is not measured silently. */
static void check_server(void)
{
    if (options.ca_file == NULL)
        return;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(context, options.ca_file, NULL) != 1)
        die("CA file");
    if (options.cert_file != NULL &&
        (SSL_CTX_use_certificate_chain_file(context, options.cert_file) != 1 ||
         SSL_CTX_use_PrivateKey_file(context, options.key_file, SSL_FILETYPE_PEM) != 1))
        die("client certificate");
    int fd = open_socket(true);
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1)
        die("handshake with a checked server");
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    make_context();
    check_server();
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (strcmp(options.mode, "latency") == 0)
        measure_latency();
    else if (strcmp(options.mode, "handshakes") == 0 || strcmp(options.mode, "idle") == 0)
        run_connections();
    else
        return 2;
    return 0;
}
