/* Listeners: bounds, unix sockets, shortage of descriptors, closing. On both backends. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/listener.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ACCEPTED_MAX = 1024 };

static struct loop *loop;
static int accepted[ACCEPTED_MAX];
static unsigned accepted_count;
static unsigned accepted_in_turn;
static unsigned accepted_in_turn_max;
static struct listener *closes_itself;

/* A test of each backend. */
#define ON_BOTH_BACKENDS(name, function)                                                           \
    Test(listener, name##_with_epoll)                                                              \
    {                                                                                              \
        function(LOOP_BACKEND_EPOLL);                                                              \
    }                                                                                              \
    Test(listener, name##_with_uring)                                                              \
    {                                                                                              \
        function(LOOP_BACKEND_URING);                                                              \
    }

static bool make_loop(enum loop_backend backend)
{
    char error[256];
    const struct loop_options options = {.backend = backend};
    mem_init();
    log_init();
    log_set_level(LOG_NOTHING_);
    loop = loop_create(&options, error);
    accepted_count = 0;
    accepted_in_turn_max = 0;
    return loop != NULL;
}

static void turn(int64_t wait_us)
{
    accepted_in_turn = 0;
    loop_poll(loop, wait_us);
    loop_flush(loop);
    if (accepted_in_turn > accepted_in_turn_max)
        accepted_in_turn_max = accepted_in_turn;
}

#define TURN_UNTIL(condition)                                                                      \
    do {                                                                                           \
        int64_t limit_us_ = clock_read_us() + 10000000;                                            \
        while (!(condition)) {                                                                     \
            cr_assert_lt(clock_read_us(), limit_us_, "never happened: %s", #condition);            \
            turn(10000);                                                                           \
        }                                                                                          \
    } while (0)

static void on_accept(struct listener *listener, int fd)
{
    cr_assert_lt(accepted_count, (unsigned)ACCEPTED_MAX);
    accepted[accepted_count++] = fd;
    accepted_in_turn++;
    if (closes_itself != NULL) {
        closes_itself = NULL;
        listener_close(listener);
    }
}

static int owner_mark;
static const struct listener_options plain_options = {.backlog = 511,
                                                      .accepts_per_turn = 1000,
                                                      .owner = &owner_mark,
                                                      .kind = 7,
                                                      .on_accept = on_accept};

static struct listener *listen_tcp(const char *host, const struct listener_options *options)
{
    struct address address;
    char error[256];
    cr_assert_eq(address_parse(host, 0, &address), 0);
    struct listener *listener = listener_create(loop, &address, options, error);
    cr_assert_not_null(listener, "%s", error);
    return listener;
}

static int connect_to(const struct listener *listener)
{
    struct address address;
    const char *port = strrchr(listener_address(listener), ':') + 1;
    bool is_v6 = listener_address(listener)[0] == '[';
    cr_assert_eq(address_parse(is_v6 ? "::1" : "127.0.0.1", (int)strtol(port, NULL, 10), &address),
                 0);
    int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    int result = connect(fd, (struct sockaddr *)&address.storage, address.size);
    if (result == 0)
        return fd;
    close(fd);
    return -1;
}

static void close_accepted(void)
{
    for (unsigned i = 0; i < accepted_count; i++)
        close(accepted[i]);
    accepted_count = 0;
}

static void finish(struct listener *listener)
{
    if (listener != NULL)
        listener_close(listener);
    for (unsigned i = 0; i < 5; i++)
        turn(0);
    close_accepted();
    loop_destroy(loop);
}

static void accepts(enum loop_backend backend)
{
    if (!make_loop(backend))
        return;
    struct listener *listener = listen_tcp("127.0.0.1", &plain_options);
    cr_assert_eq(listener_owner(listener), &owner_mark);
    cr_assert_eq(listener_kind(listener), 7);
    cr_assert_eq(strncmp(listener_address(listener), "127.0.0.1:", 10), 0);
    int fd = connect_to(listener);
    TURN_UNTIL(accepted_count == 1);
    int value = 0;
    socklen_t size = sizeof(value);
    cr_assert_eq(getsockopt(accepted[0], IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
    cr_assert_neq(value, 0);
    cr_assert(fcntl(accepted[0], F_GETFL) & O_NONBLOCK);
    cr_assert_eq(socket_set_keepalive(accepted[0], 300), 0);
    cr_assert_eq(getsockopt(accepted[0], IPPROTO_TCP, TCP_KEEPINTVL, &value, &size), 0);
    cr_assert_eq(value, 100);
    cr_assert_eq(getsockopt(accepted[0], IPPROTO_TCP, TCP_KEEPCNT, &value, &size), 0);
    cr_assert_eq(value, 3);
    cr_assert_eq(socket_set_keepalive(accepted[0], 0), 0);
    cr_assert_eq(getsockopt(accepted[0], SOL_SOCKET, SO_KEEPALIVE, &value, &size), 0);
    cr_assert_eq(value, 0);
    close(fd);
    finish(listener);
}

ON_BOTH_BACKENDS(accepts, accepts)

static void is_bounded(enum loop_backend backend)
{
    if (!make_loop(backend))
        return;
    struct listener_options options = plain_options;
    options.accepts_per_turn = 3;
    struct listener *listener = listen_tcp("127.0.0.1", &options);
    int fds[100];
    for (unsigned i = 0; i < 100; i++)
        fds[i] = connect_to(listener);
    TURN_UNTIL(accepted_count >= 30);
    cr_assert_eq(accepted_in_turn_max, 3);
    listener_set_accepts_per_turn(listener, 20);
    TURN_UNTIL(accepted_count == 100);
    cr_assert_leq(accepted_in_turn_max, 20);
    cr_assert_gt(accepted_in_turn_max, 3);
    for (unsigned i = 0; i < 100; i++)
        close(fds[i]);
    finish(listener);
}

ON_BOTH_BACKENDS(is_bounded_per_turn, is_bounded)

/* More than the queue holds: accepting stops and goes on. */
static void overflows(enum loop_backend backend)
{
    if (!make_loop(backend))
        return;
    struct listener_options options = plain_options;
    options.accepts_per_turn = 1;
    struct listener *listener = listen_tcp("127.0.0.1", &options);
    enum { COUNT = 500, QUEUE_MAX = 256, TURNS = 20 };
    static int fds[COUNT];
    for (unsigned i = 0; i < COUNT; i++)
        fds[i] = connect_to(listener);
    int first = dup(fds[0]); /* accepted ones are numbered from here on */
    close(first);
    for (unsigned i = 0; i < TURNS; i++)
        turn(0);
    int next = dup(fds[0]);
    close(next);
    if (backend == LOOP_BACKEND_EPOLL) /* io_uring has accepted all at once */
        cr_assert_leq(next - first, QUEUE_MAX + TURNS);
    cr_assert_leq(accepted_count, (unsigned)TURNS);
    TURN_UNTIL(accepted_count == COUNT);
    cr_assert_eq(accepted_in_turn_max, 1);
    for (unsigned i = 0; i < COUNT; i++)
        close(fds[i]);
    finish(listener);
}

ON_BOTH_BACKENDS(overflow_waits, overflows)

/* With connections in its queue and while accepting. */
static void closes(enum loop_backend backend)
{
    if (!make_loop(backend))
        return;
    struct listener_options options = plain_options;
    options.accepts_per_turn = 1;
    struct listener *listener = listen_tcp("127.0.0.1", &options);
    int fds[10];
    for (unsigned i = 0; i < 10; i++)
        fds[i] = connect_to(listener);
    closes_itself = listener;
    TURN_UNTIL(accepted_count == 1);
    for (unsigned i = 0; i < 10; i++) {
        turn(0);
        close(fds[i]);
    }
    cr_assert_eq(accepted_count, 1);
    finish(NULL);
}

ON_BOTH_BACKENDS(closes_in_its_callback, closes)

static void shortage(enum loop_backend backend)
{
    if (!make_loop(backend))
        return;
    struct listener *listener = listen_tcp("127.0.0.1", &plain_options);
    int fd =
        connect_to(listener); /* before the first turn: io_uring takes the limit with the request */
    int lowest = dup(fd);
    close(lowest);
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t soft = limit.rlim_cur;
    limit.rlim_cur = (rlim_t)lowest;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    uint64_t turns = loop_stats(loop)->turns;
    int64_t end_us = clock_read_us() + 120000;
    while (clock_read_us() < end_us)
        turn(20000);
    cr_assert_eq(accepted_count, 0);
    cr_assert_lt(loop_stats(loop)->turns - turns, 40, "it spins");
    limit.rlim_cur = soft;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    TURN_UNTIL(accepted_count == 1);
    close(fd);
    finish(listener);
}

ON_BOTH_BACKENDS(shortage_of_descriptors_passes, shortage)

Test(listener, v6_is_v6_only)
{
    cr_assert(make_loop(LOOP_BACKEND_EPOLL));
    struct address address;
    char error[256];
    cr_assert_eq(address_parse("::*", 0, &address), 0);
    struct listener *v6 = listener_create(loop, &address, &plain_options, error);
    if (v6 == NULL) {
        loop_destroy(loop);
        cr_skip_test("no IPv6 here: %s", error);
    }
    int port = (int)strtol(strrchr(listener_address(v6), ':') + 1, NULL, 10);
    cr_assert_eq(address_parse("127.0.0.1", port, &address), 0);
    struct listener *v4 = listener_create(loop, &address, &plain_options, error);
    cr_assert_not_null(v4, "%s", error);
    listener_close(v4);
    finish(v6);
}

Test(listener, a_taken_port_is_an_error)
{
    cr_assert(make_loop(LOOP_BACKEND_EPOLL));
    struct listener *listener = listen_tcp("127.0.0.1", &plain_options);
    struct address address;
    char error[256];
    int port = (int)strtol(strrchr(listener_address(listener), ':') + 1, NULL, 10);
    cr_assert_eq(address_parse("127.0.0.1", port, &address), 0);
    cr_assert_null(listener_create(loop, &address, &plain_options, error));
    cr_assert_str_eq(error, "bind: Address already in use");
    finish(listener);
}

Test(listener, a_port_is_shared_with_what_takes_its_place)
{
    cr_assert(make_loop(LOOP_BACKEND_EPOLL));
    struct listener *old = listen_tcp("0.0.0.0", &plain_options);
    struct listener_options options = plain_options;
    struct address address;
    char error[256];
    int port = (int)strtol(strrchr(listener_address(old), ':') + 1, NULL, 10);
    cr_assert_eq(address_parse("127.0.0.1", port, &address), 0);
    options.shares_port = true;
    cr_assert_null(listener_create(loop, &address, &options, error));
    cr_assert_str_eq(error, "bind: Address already in use");
    listener_share_port(old, true);
    cr_assert_null(listener_create(loop, &address, &plain_options, error));
    struct listener *new = listener_create(loop, &address, &options, error);
    cr_assert_not_null(new, "%s", error);
    listener_close(old);
    turn(0);
    turn(0);
    cr_assert_null(listener_create(loop, &address, &plain_options, error), "others are refused");
    finish(new);
}

/* The mark of the one socket that listens, 0 when there is none. */
static uint32_t mark_of_listening(void)
{
    for (int fd = 3; fd < 100; fd++) {
        int is_listening = 0;
        uint32_t mark = 0;
        socklen_t size = sizeof(is_listening);
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) == 0 && is_listening &&
            getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &size) == 0 && mark)
            return mark;
    }
    return 0;
}

Test(listener, tcp_sockets_have_their_mark)
{
    cr_assert(make_loop(LOOP_BACKEND_EPOLL));
    struct listener_options options = plain_options;
    options.mark = 0x1234;
    struct address address;
    char error[256];
    cr_assert_eq(address_parse("127.0.0.1", 0, &address), 0);
    struct listener *listener = listener_create(loop, &address, &options, error);
    if (listener == NULL) { /* without CAP_NET_ADMIN it is refused, in words */
        cr_assert_str_eq(error, "setsockopt SO_MARK: Operation not permitted");
        loop_destroy(loop);
        return;
    }
    cr_assert_eq(mark_of_listening(), 0x1234);
    finish(listener);
}

/* -- unix sockets -- */

static char path[64];

static const char *unix_path(void)
{
    snprintf(path, sizeof(path), "/tmp/sluice-listener-%d.sock", (int)getpid());
    unlink(path);
    return path;
}

static unsigned mode_of(const char *file)
{
    struct stat info;
    cr_assert_eq(stat(file, &info), 0);
    return info.st_mode & 0777;
}

Test(listener, unix_socket_has_its_mode)
{
    static const struct {
        unsigned asked;
        unsigned umask;
        unsigned found;
    } rows[] = {
        {0700, 022, 0700}, {0777, 077, 0777}, {0, 022, 0755}, {0600, 0, 0600}, {0660, 0, 0660}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char error[256];
        cr_assert(make_loop(LOOP_BACKEND_EPOLL));
        umask(rows[i].umask);
        struct listener *listener =
            listener_create_unix(loop, unix_path(), rows[i].asked, &plain_options, error);
        cr_assert_not_null(listener, "%s", error);
        cr_assert_eq(mode_of(path), rows[i].found, "%o is %o", rows[i].asked, mode_of(path));
        char expected[ADDRESS_TEXT_MAX];
        snprintf(expected, sizeof(expected), "%s:0", path);
        cr_assert_str_eq(listener_address(listener), expected);
        finish(listener);
        cr_assert_neq(access(path, F_OK), 0, "the file is left over");
    }
}

Test(listener, stale_unix_files_are_replaced_and_live_ones_are_not)
{
    char error[256];
    cr_assert(make_loop(LOOP_BACKEND_EPOLL));
    struct address address;
    cr_assert_eq(address_unix(unix_path(), &address), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address.storage, address.size), 0);
    close(fd);
    struct listener *listener = listener_create_unix(loop, path, 0700, &plain_options, error);
    cr_assert_not_null(listener, "%s", error);
    cr_assert_null(listener_create_unix(loop, path, 0700, &plain_options, error));
    cr_assert_str_eq(error, "bind: Address already in use");
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address.storage, address.size), 0,
                 "the live listener was disturbed");
    TURN_UNTIL(accepted_count >= 1);
    close(fd);
    finish(listener);
}

Test(listener, an_ordinary_file_is_not_removed)
{
    char error[256];
    cr_assert(make_loop(LOOP_BACKEND_EPOLL));
    int fd = open(unix_path(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert_eq(write(fd, "x", 1), 1);
    close(fd);
    cr_assert_null(listener_create_unix(loop, path, 0700, &plain_options, error));
    cr_assert_eq(access(path, F_OK), 0);
    unlink(path);
    cr_assert_null(
        listener_create_unix(loop, "/nonexistent/directory/s", 0, &plain_options, error));
    cr_assert_str_eq(error, "bind: No such file or directory");
    finish(NULL);
}
