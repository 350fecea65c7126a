/* Handshakes take turns: a cap on those under way, a queue in the order of acceptance, deadlines
 * from acceptance on, peers that went away, a cap that changes, a thread that retires. Real TLS on
 * both sides; the peers are OpenSSL over socket pairs. */
#ifdef BUILD_TLS
#include "client/session.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "client/session_admission.h"
#include "io/io_thread.h"
#include "io/tls_context.h"
#include "io/tls_tickets.h"
#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEERS_MAX = 200, CAP = 2 };

struct peer {
    int fd; /* -1: closed */
    SSL *ssl;
    struct client_meters meters;
    struct session *session; /* known from OPENED or CLOSED on */
    unsigned opened;
    unsigned closed;
    unsigned number; /* when it opened or closed, among all */
    enum connection_outcome outcome;
    char text[200];
};

struct host {
    struct io_thread thread;
    struct session_resolver resolver;
};

static struct host hosts[2];
static struct peer peers[PEERS_MAX];
static unsigned events;
static unsigned moved;
static SSL_CTX *client_context;
static struct tls_tickets *tickets;
static char certificate[] = "tests/tls/ec.crt";
static char key[] = "tests/tls/ec.key";
static char authority[] = "tests/tls/ca.crt";
static struct tls_settings tls_settings = {.port = 1,
                                           .cert_file = certificate,
                                           .key_file = key,
                                           .ca_cert_file = authority,
                                           .session_tickets = true,
                                           .ticket_key_rotation = 3600,
                                           .session_cache_timeout = 300};

static void resolve(const void *context, struct request *request)
{
    (void)context;
    (void)request;
}

static void on_start(struct io_thread *thread)
{
    struct host *host = thread->context;
    host->resolver = (struct session_resolver){resolve, NULL};
    thread->owner = session_host_create(thread, &host->resolver);
}

static void on_message(struct io_thread *thread, const struct message *message)
{
    session_host_message(thread->owner, message);
}

static void on_end(struct io_thread *thread)
{
    session_host_destroy(thread->owner);
}

static const struct io_thread_handler handler = {
    .on_start = on_start, .on_message = on_message, .on_end = on_end};

static void set_up(void)
{
    mem_init();
    int result = tls_library_init();
    cr_assert_eq(result, 0);
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
}

TestSuite(admission, .init = set_up, .timeout = 60);

static struct session_host *host_of(int index)
{
    return hosts[index].thread.owner;
}

static struct io_stats *stats_of(int index)
{
    return loop_stats(hosts[index].thread.loop);
}

static void settings(int index, int64_t cap, int64_t timeout_ms)
{
    struct session_settings values = {.bulk_size_max = 1 << 20,
                                      .query_size_max = 1 << 20,
                                      .handshake_timeout_ms = timeout_ms,
                                      .handshakes_max = cap};
    io_thread_post(&hosts[index].thread, (struct message){.type = SESSION_SETTINGS,
                                                          .a = mem_dup(&values, sizeof(values))});
}

static void start(enum loop_backend backend)
{
    char error[256] = "";
    tickets = tls_tickets_create();
    client_context = SSL_CTX_new(TLS_client_method());
    for (int i = 0; i < 2; i++) {
        struct loop_options options = {.backend = backend};
        int result = io_thread_init(&hosts[i].thread, 0, &options, &handler, &hosts[i]);
        cr_assert_eq(result, 0);
        hosts[i].thread.tls =
            tls_context_create(&tls_settings, tickets, true, error, sizeof(error));
        cr_assert_not_null(hosts[i].thread.tls, "%s", error);
        settings(i, CAP, 0);
    }
    for (int i = 0; i < PEERS_MAX; i++)
        peers[i] = (struct peer){.fd = -1};
    events = moved = 0;
}

static void lend_at(int index, int number, int64_t accepted_ms)
{
    int ends[2];
    int result = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
    cr_assert_eq(result, 0);
    struct peer *peer = &peers[number];
    *peer = (struct peer){.fd = ends[0]};
    uintptr_t how = LEND_TLS | LEND_AUTHENTICATED | (uintptr_t)accepted_ms << LEND_TIME_SHIFT;
    io_thread_post(&hosts[index].thread, (struct message){.type = SESSION_LEND,
                                                          .value = (uint32_t)ends[1],
                                                          .a = (struct client *)(void *)peer,
                                                          .b = &peer->meters,
                                                          .c = (void *)how});
}

static void lend(int number)
{
    lend_at(0, number, clock_ms());
}

static void leave(int number)
{
    SSL_free(peers[number].ssl);
    peers[number].ssl = NULL;
    if (peers[number].fd >= 0)
        close(peers[number].fd);
    peers[number].fd = -1;
}

/* The peer says something, as far as it can now. */
static void shake(int number)
{
    struct peer *peer = &peers[number];
    if (!peer->ssl) {
        peer->ssl = SSL_new(client_context);
        SSL_set_fd(peer->ssl, peer->fd);
        SSL_set_connect_state(peer->ssl);
    }
    (void)SSL_do_handshake(peer->ssl);
}

static void take(struct io_thread *thread, const struct message *message)
{
    struct peer *peer = message->a;
    switch (message->type) {
    case SESSION_OPENED:
        peer->session = message->b;
        peer->opened++;
        peer->number = events++;
        io_thread_post(thread,
                       (struct message){.type = SESSION_LIMITS, .a = message->b, .value = true});
        break;
    case SESSION_CLOSED:
        cr_assert_eq(peer->closed, 0, "closed twice");
        peer->closed++;
        peer->number = events++;
        peer->outcome = (enum connection_outcome)(message->value & 0xff);
        snprintf(peer->text, sizeof(peer->text), "%s", message->c ? (char *)message->c : "");
        io_thread_post(thread, (struct message){.type = SESSION_FORGET, .a = message->b});
        break;
    case SESSION_RETURNED: /* main has not asked for it */
        cr_assert_eq(peer->opened, 0);
        cr_assert(message->value);
        moved++;
        io_thread_post(&hosts[1].thread, (struct message){.type = SESSION_ADOPT, .a = message->b});
        break;
    default:
        cr_assert_fail("message %u", message->type);
    }
}

static void turn(void)
{
    for (int i = 0; i < 2; i++) {
        struct io_thread *thread = &hosts[i].thread;
        loop_poll(thread->loop, 200);
        session_host_turn(thread->owner);
        loop_flush(thread->loop);
        mailbox_publish(&thread->to_main);
        struct message message;
        while (mailbox_receive(&thread->to_main, &message))
            take(thread, &message);
        mailbox_release(&thread->to_main);
        cr_assert_eq(stats_of(i)->handshakes_waiting, host_of(i)->admission.waiting);
        /* A connection that closes counts until it is closed. */
        cr_assert_leq(stats_of(i)->handshakes_in_flight, host_of(i)->admission.in_flight);
    }
}

#define TURN_UNTIL(condition)                                                                      \
    do {                                                                                           \
        int turns_ = 0;                                                                            \
        while (!(condition)) {                                                                     \
            turn();                                                                                \
            cr_assert(++turns_ < 20000, "never: %s", #condition);                                  \
        }                                                                                          \
    } while (0)

static void stop(void)
{
    for (int i = 0; i < PEERS_MAX; i++)
        leave(i);
    for (int i = 0; i < 2; i++)
        while (!session_host_stop(host_of(i)) || loop_socket_count(hosts[i].thread.loop) > 0)
            turn();
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(stats_of(i)->connections, 0);
        io_thread_deinit(&hosts[i].thread);
    }
    SSL_CTX_free(client_context);
    tls_tickets_destroy(tickets);
}

#define IN_FLIGHT(index) (host_of(index)->admission.in_flight)
#define WAITING(index)   (host_of(index)->admission.waiting)

static const enum loop_backend backends[] = {LOOP_BACKEND_EPOLL, LOOP_BACKEND_AUTO};

#define EACH_BACKEND(b) for (size_t b = 0; b < sizeof(backends) / sizeof(backends[0]); b++)

/* No more than the cap are ever under way, and turns are taken in the order of acceptance: a step
 * of each peer that is connected, the younger ones first, does not change that. */
Test(admission, handshakes_begin_in_the_order_of_acceptance)
{
    enum { COUNT = 20 };
    EACH_BACKEND(b)
    {
        start(backends[b]);
        for (int i = 0; i < COUNT; i++)
            lend(i);
        cr_assert_eq(IN_FLIGHT(0), CAP);
        cr_assert_eq(WAITING(0), COUNT - CAP);
        for (int turns = 0; peers[COUNT - 1].opened == 0; turns++) {
            cr_assert_lt(turns, 20000);
            for (int i = COUNT - 1; i >= 0; i--)
                shake(i);
            turn();
            cr_assert_leq(IN_FLIGHT(0), CAP);
        }
        for (int i = 0; i < COUNT; i++) {
            cr_assert_eq(peers[i].opened, 1);
            cr_assert_leq(peers[i].number, (unsigned)i + CAP, "%d opened as number %u", i,
                          peers[i].number);
        }
        cr_assert_eq(stats_of(0)->handshakes_full, COUNT);
        cr_assert_eq(IN_FLIGHT(0) + WAITING(0), 0);
        stop();
    }
}

/* Time passes while one waits: what is left when its turn comes is all it gets. */
Test(admission, the_deadline_counts_from_acceptance)
{
    enum { LIMIT_MS = 60000 };
    EACH_BACKEND(b)
    {
        start(backends[b]);
        settings(0, CAP, LIMIT_MS);
        int64_t now = clock_ms();
        lend(0);
        lend(1);
        lend_at(0, 2, now - LIMIT_MS);      /* due already */
        lend_at(0, 3, now - LIMIT_MS + 20); /* due soon */
        lend(4);
        cr_assert_eq(IN_FLIGHT(0), CAP);
        TURN_UNTIL(peers[3].closed);
        cr_assert_eq(peers[2].closed, 1);
        for (int i = 2; i <= 3; i++) {
            cr_assert_eq(peers[i].outcome, OUTCOME_HANDSHAKE_TIMEOUT);
            cr_assert_not_null(strstr(peers[i].text, "timed out"), "%s", peers[i].text);
        }
        cr_assert_eq(peers[0].closed + peers[1].closed + peers[4].closed, 0);
        cr_assert_eq(WAITING(0), 1);
        cr_assert_eq(stats_of(0)->handshakes_timed_out, 2);

        /* One that is let in with little time left. */
        settings(0, 10, LIMIT_MS);
        lend_at(0, 5, clock_ms() - LIMIT_MS + 20);
        TURN_UNTIL(peers[5].closed);
        cr_assert_eq(peers[5].outcome, OUTCOME_HANDSHAKE_TIMEOUT);
        cr_assert_eq(stats_of(0)->handshakes_timed_out, 3);
        stop();
    }
}

Test(admission, those_that_went_away_do_not_take_a_turn)
{
    EACH_BACKEND(b)
    {
        start(backends[b]);
        for (int i = 0; i < 6; i++)
            lend(i);
        turn();   /* with a sweep, so that none is due below */
        shake(2); /* it said something and left */
        leave(2);
        leave(3);
        shutdown(peers[4].fd, SHUT_WR);
        leave(0);
        TURN_UNTIL(peers[0].closed && peers[2].closed && peers[3].closed && peers[4].closed);
        turn();
        cr_assert_eq(IN_FLIGHT(0), CAP, "1, and 5 in the place of 0");
        cr_assert_eq(WAITING(0), 0);
        for (int i = 2; i <= 4; i++) {
            cr_assert_eq(peers[i].outcome, OUTCOME_HANDSHAKE_FAILED);
            cr_assert_not_null(strstr(peers[i].text, "before its turn"), "%s", peers[i].text);
        }
        cr_assert_eq(stats_of(0)->failed_reset, 4);
        cr_assert_eq(stats_of(0)->handshakes_failed, 4);
        stop();
    }
}

/* Also when no turn comes: the sweep finds them. */
Test(admission, those_that_went_away_are_dropped_while_they_wait)
{
    EACH_BACKEND(b)
    {
        start(backends[b]);
        for (int i = 0; i < 150; i++)
            lend(i);
        for (int i = 10; i < 150; i += 2)
            leave(i);
        TURN_UNTIL(WAITING(0) == 150 - CAP - 70);
        for (int i = 0; i < 150; i++)
            cr_assert_eq(peers[i].closed, i >= 10 && i % 2 == 0);
        cr_assert_eq(IN_FLIGHT(0), CAP);
        stop();
    }
}

Test(admission, the_cap_can_change)
{
    EACH_BACKEND(b)
    {
        start(backends[b]);
        for (int i = 0; i < 10; i++)
            lend(i);
        settings(0, 5, 0);
        turn();
        cr_assert_eq(IN_FLIGHT(0), 5);
        settings(0, 1, 0); /* those that have begun go on */
        turn();
        cr_assert_eq(IN_FLIGHT(0), 5);
        leave(0);
        TURN_UNTIL(peers[0].closed);
        turn();
        cr_assert_eq(IN_FLIGHT(0), 4);
        cr_assert_eq(WAITING(0), 5);
        settings(0, 0, 0); /* none */
        turn();
        cr_assert_eq(IN_FLIGHT(0), 9);
        stop();
    }
}

/* A plain connection is no handshake, and is open while others wait. */
Test(admission, plain_connections_do_not_wait)
{
    start(LOOP_BACKEND_AUTO);
    for (int i = 0; i < 5; i++)
        lend(i);
    int ends[2];
    int result = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
    cr_assert_eq(result, 0);
    peers[9] = (struct peer){.fd = ends[0]};
    io_thread_post(&hosts[0].thread, (struct message){.type = SESSION_LEND,
                                                      .value = (uint32_t)ends[1],
                                                      .a = (struct client *)(void *)&peers[9],
                                                      .b = &peers[9].meters,
                                                      .c = (void *)(uintptr_t)LEND_AUTHENTICATED});
    TURN_UNTIL(peers[9].opened);
    cr_assert_eq(IN_FLIGHT(0), CAP);
    stop();
}

/* Those under way and those that wait go to the other host, and finish there. */
Test(admission, half_open_ones_leave_a_thread_that_retires)
{
    EACH_BACKEND(b)
    {
        start(backends[b]);
        settings(1, 3, 60000);
        for (int i = 0; i < 8; i++)
            lend(i);
        shake(0); /* one is in the middle */
        for (int i = 0; i < 5; i++)
            turn();
        io_thread_post(&hosts[0].thread, (struct message){.type = SESSION_RETIRE});
        io_thread_post(&hosts[0].thread, (struct message){.type = SESSION_RETIRE});
        TURN_UNTIL(moved == 8);
        turn();
        cr_assert_eq(IN_FLIGHT(0) + WAITING(0), 0);
        cr_assert_eq(host_of(0)->count, 0);
        cr_assert_eq(stats_of(0)->connections, 0);
        cr_assert_eq(IN_FLIGHT(1) + WAITING(1), 8);
        unsigned opened = 0;
        for (int turns = 0; opened < 8; turns++) {
            cr_assert_lt(turns, 20000);
            opened = 0;
            for (int i = 0; i < 8; i++) {
                shake(i);
                opened += peers[i].opened;
            }
            turn();
        }
        cr_assert_eq(stats_of(1)->handshakes_full, 8);
        stop();
    }
}

/* Its time goes on elsewhere. */
Test(admission, a_handshake_that_moves_keeps_its_deadline)
{
    /* Enough to move in on a slow machine. */
    enum { LIMIT_MS = 60000, LEFT_MS = 2000 };
    EACH_BACKEND(b)
    {
        start(backends[b]);
        settings(0, CAP, LIMIT_MS);
        settings(1, CAP, LIMIT_MS);
        for (int i = 0; i < 4; i++) /* two of them wait */
            lend_at(0, i, clock_ms() - LIMIT_MS + LEFT_MS);
        io_thread_post(&hosts[0].thread, (struct message){.type = SESSION_RETIRE});
        TURN_UNTIL(moved == 4);
        TURN_UNTIL(peers[0].closed && peers[1].closed && peers[2].closed && peers[3].closed);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(peers[i].outcome, OUTCOME_HANDSHAKE_TIMEOUT);
        cr_assert_eq(stats_of(1)->handshakes_timed_out, 4);
        stop();
    }
}

/* A descriptor each, but of one socket: they say nothing, and nobody listens. */
static void lend_silent(struct peer *peer, int end)
{
    int fd = dup(end);
    cr_assert_geq(fd, 0);
    *peer = (struct peer){.fd = -1};
    uintptr_t how = LEND_TLS | LEND_AUTHENTICATED | (uintptr_t)clock_ms() << LEND_TIME_SHIFT;
    io_thread_post(&hosts[0].thread, (struct message){.type = SESSION_LEND,
                                                      .value = (uint32_t)fd,
                                                      .a = (struct client *)(void *)peer,
                                                      .b = &peer->meters,
                                                      .c = (void *)how});
}

static bool may_open(rlim_t wanted)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted;
}

/* The queue has a maximum. Who comes then is refused at once and counted, as none of the other
 * failures; who has waited keeps the place, and when there is room again new ones get in. */
Test(admission, those_beyond_the_maximum_are_refused_and_counted)
{
    enum { COUNT = CAP + ADMISSION_WAITING_MAX, BEYOND = 5 };
    static struct peer crowd[COUNT + BEYOND + 1];
    if (!may_open(COUNT + 500))
        cr_skip_test("too few descriptors may be open");
    EACH_BACKEND(b)
    {
        int ends[2];
        int result = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
        cr_assert_eq(result, 0);
        start(backends[b]);
        for (int i = 0; i < CAP; i++)
            lend(i);
        for (int i = CAP; i < COUNT; i++)
            lend_silent(&crowd[i], ends[1]);
        turn();
        cr_assert_eq(IN_FLIGHT(0), CAP);
        cr_assert_eq(WAITING(0), ADMISSION_WAITING_MAX);
        cr_assert_eq(stats_of(0)->handshakes_refused, 0, "one that fits is not refused");

        for (int i = 0; i < BEYOND; i++)
            lend_silent(&crowd[COUNT + i], ends[1]);
        turn();
        for (int i = 0; i < BEYOND; i++) {
            const struct peer *peer = &crowd[COUNT + i];
            cr_assert_eq(peer->closed, 1);
            cr_assert_eq(peer->outcome, OUTCOME_HANDSHAKE_FAILED);
            cr_assert_not_null(strstr(peer->text, "too many connections wait"), "%s", peer->text);
        }
        cr_assert_eq(stats_of(0)->handshakes_refused, BEYOND);
        cr_assert_eq(stats_of(0)->handshakes_failed + stats_of(0)->handshakes_timed_out, 0);
        cr_assert_eq(WAITING(0), ADMISSION_WAITING_MAX);
        for (int i = CAP; i < COUNT; i++)
            cr_assert_eq(crowd[i].closed, 0);

        leave(0); /* the first of those that wait begins, and leaves a place */
        TURN_UNTIL(WAITING(0) == ADMISSION_WAITING_MAX - 1);
        lend_silent(&crowd[COUNT + BEYOND], ends[1]);
        turn();
        cr_assert_eq(crowd[COUNT + BEYOND].closed, 0);
        cr_assert_eq(WAITING(0), ADMISSION_WAITING_MAX);
        cr_assert_eq(stats_of(0)->handshakes_refused, BEYOND);
        close(ends[0]);
        stop();
        close(ends[1]);
        for (int i = CAP; i <= COUNT + BEYOND; i++)
            cr_assert_eq(crowd[i].closed, 1);
    }
}

/* Everything at once, at random: each lent connection opens or closes once, and the counts fit. */
Test(admission, storm)
{
    EACH_BACKEND(b)
    {
        struct random_state random;
        random_state_seed(&random, 11);
        start(backends[b]);
        settings(1, 3, 0);
        int lent = 0;
        for (int turns = 0; turns < 3000 && lent < PEERS_MAX; turns++) {
            uint64_t dice = random_state_next(&random) % 16;
            int number = lent ? (int)(random_state_next(&random) % (uint64_t)lent) : 0;
            if (dice < 3)
                lend_at((int)(dice % 2), lent++, clock_ms());
            else if (dice < 12 && peers[number].fd >= 0)
                shake(number);
            else if (dice == 12)
                leave(number);
            else if (dice == 13)
                settings(0, (int64_t)(random_state_next(&random) % 6) + 1, 0);
            else if (dice == 14 && turns % 3 == 0)
                io_thread_post(&hosts[0].thread, (struct message){.type = SESSION_RETIRE});
            turn();
        }
        settings(0, 0, 0);
        settings(1, 0, 0);
        for (int i = 0; i < lent; i++) {
            for (int turns = 0; !peers[i].opened && !peers[i].closed; turns++) {
                cr_assert_lt(turns, 20000);
                if (peers[i].fd >= 0)
                    shake(i);
                turn();
            }
        }
        cr_assert_eq(IN_FLIGHT(0) + WAITING(0) + IN_FLIGHT(1) + WAITING(1), 0);
        stop();
    }
}

#endif
