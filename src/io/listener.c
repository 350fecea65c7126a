/* Listening sockets. The backend accepts as connections come; what exceeds the bound of the turn
 * waits in the listener's own queue and is handed out from the loop's ready list.
 *
 * At QUEUE_STOP waiting descriptors accepting stops, and the kernel's backlog keeps the rest (what
 * was under way still arrives). Errors of accept never end accepting: those of a single connection
 * are skipped, others (no descriptors, no memory) pause it for RETRY_MS. The loop's
 * thread.
 */
#include "io/listener.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/backend.h"
#include "io/timer.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { QUEUE_STOP = 256, QUEUE_FIRST = 64, RETRY_MS = 50, ERROR_MAX = 256 };

struct listener {
    struct socket socket;
    struct loop *loop;
    struct listener_options options;
    struct loop_task task; /* hands out what waits */
    struct timer retry;
    uint64_t turn; /* the turn that handed_out counts */
    uint32_t handed_out;
    /* A ring of accepted descriptors. */
    uint32_t queue_head;
    uint32_t queue_count;
    uint32_t queue_capacity; /* power of two */
    int *queue;
    bool is_accepting;
    bool is_closing;
    char address[ADDRESS_TEXT_MAX];
    char *path; /* unix: removed on close, or NULL */
};

static struct listener *listener_of_socket(struct socket *socket)
{
    return (struct listener *)(void *)((char *)socket - offsetof(struct listener, socket));
}

/* -- handing out -- */

static void hand_out(struct listener *listener, int fd)
{
    listener->handed_out++;
    listener->options.on_accept(listener, fd);
}

/* True while the bound of this turn allows one more. */
static bool may_hand_out(struct listener *listener)
{
    uint64_t turn = loop_stats(listener->loop)->turns;
    if (turn != listener->turn) {
        listener->turn = turn;
        listener->handed_out = 0;
    }
    return listener->handed_out < listener->options.accepts_per_turn;
}

static void enqueue(struct listener *listener, int fd)
{
    if (listener->queue_count == listener->queue_capacity) {
        uint32_t capacity =
            listener->queue_capacity > 0 ? listener->queue_capacity * 2 : QUEUE_FIRST;
        int *queue = mem_alloc(capacity * sizeof(*queue));
        for (uint32_t i = 0; i < listener->queue_count; i++)
            queue[i] = listener->queue[(listener->queue_head + i) & (listener->queue_capacity - 1)];
        mem_free(listener->queue);
        listener->queue = queue;
        listener->queue_capacity = capacity;
        listener->queue_head = 0;
    }
    uint32_t tail = (listener->queue_head + listener->queue_count) & (listener->queue_capacity - 1);
    listener->queue[tail] = fd;
    listener->queue_count++;
}

static int dequeue(struct listener *listener)
{
    assert(listener->queue_count > 0);
    int fd = listener->queue[listener->queue_head];
    listener->queue_head = (listener->queue_head + 1) & (listener->queue_capacity - 1);
    listener->queue_count--;
    return fd;
}

static void accept_more(struct listener *listener)
{
    if (listener->is_accepting || listener->is_closing || listener->retry.is_active)
        return;
    if (listener->queue_count >= QUEUE_STOP)
        return;
    listener->is_accepting = true;
    socket_accept_start(listener->loop, &listener->socket);
}

static void accept_no_more(struct listener *listener)
{
    if (!listener->is_accepting)
        return;
    listener->is_accepting = false;
    socket_accept_stop(listener->loop, &listener->socket);
}

static void run_queue(struct loop_task *task)
{
    struct listener *listener =
        (struct listener *)(void *)((char *)task - offsetof(struct listener, task));
    while (listener->queue_count > 0 && !listener->is_closing && may_hand_out(listener))
        hand_out(listener, dequeue(listener));
    if (listener->is_closing)
        return;
    if (listener->queue_count > 0)
        loop_task_ready(listener->loop, &listener->task);
    accept_more(listener);
}

static void on_retry(struct timer *timer)
{
    accept_more((struct listener *)(void *)((char *)timer - offsetof(struct listener, retry)));
}

/* -- completions -- */

/* Errors of the one connection that was to be accepted; all others may last. */
static bool is_passing(int error)
{
    static const int passing[] = {ECONNABORTED, EPROTO,   ENOPROTOOPT, EHOSTDOWN, ENONET,
                                  EHOSTUNREACH, ENETDOWN, ENETUNREACH, EPERM};
    for (unsigned i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
        if (error == passing[i])
            return true;
    }
    return false;
}

static void on_error(struct listener *listener, int error)
{
    static struct log_rate rate; /* the main thread's */
    log_limited(&rate, LOG_WARNING_, "Accepting client connection: %s (laddr=%s)", strerror(error),
                listener->address);
    if (is_passing(error))
        return;
    accept_no_more(listener);
    timer_start(loop_timers(listener->loop), &listener->retry, RETRY_MS);
}

static void on_accepted(struct socket *socket, int fd)
{
    struct listener *listener = listener_of_socket(socket);
    if (fd < 0) {
        on_error(listener, -fd);
        return;
    }
    if (listener->is_closing) {
        (void)close(fd);
        return;
    }
    if (listener->queue_count == 0 && may_hand_out(listener)) {
        hand_out(listener, fd);
        return;
    }
    enqueue(listener, fd);
    loop_task_ready(listener->loop, &listener->task);
    if (listener->queue_count >= QUEUE_STOP)
        accept_no_more(listener);
}

static void on_closed(struct socket *socket)
{
    struct listener *listener = listener_of_socket(socket);
    assert(listener->is_closing);
    mem_free(listener->queue);
    mem_free(listener->path);
    mem_free(listener);
}

static const struct socket_handler handler = {.on_accepted = on_accepted, .on_closed = on_closed};

/* -- creating -- */

static struct listener *start(struct loop *loop, int fd, const struct listener_options *options,
                              char *error)
{
    assert(options->on_accept != NULL);
    assert(options->accepts_per_turn > 0);
    if (listen(fd, options->backlog) < 0) {
        snprintf(error, ERROR_MAX, "listen: %s", strerror(errno));
        return NULL;
    }
    struct listener *listener = mem_calloc(1, sizeof(*listener));
    listener->loop = loop;
    listener->options = *options;
    loop_task_init(&listener->task, run_queue);
    timer_init(&listener->retry, on_retry);
    int result = socket_open(loop, &listener->socket, fd, &handler);
    if (result < 0) {
        snprintf(error, ERROR_MAX, "watching the listening socket: %s", strerror(-result));
        mem_free(listener);
        return NULL;
    }
    address_of_local(fd, listener->address);
    accept_more(listener);
    return listener;
}

static int set_flag(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value));
}

static int set_option(int fd, int level, int name)
{
    return set_flag(fd, level, name, 1);
}

struct listener *listener_create(struct loop *loop, const struct address *address,
                                 const struct listener_options *options, char *error)
{
    int family = address->storage.ss_family;
    assert(family == AF_INET || family == AF_INET6);
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        snprintf(error, ERROR_MAX, "socket: %s", strerror(errno));
        return NULL;
    }
    struct listener *listener = NULL;
    if (family == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) < 0)
        snprintf(error, ERROR_MAX, "setsockopt: %s", strerror(errno));
    else if (set_option(fd, SOL_SOCKET, SO_REUSEADDR) < 0)
        snprintf(error, ERROR_MAX, "setsockopt SO_REUSEADDR: %s", strerror(errno));
    else if (options->shares_port && set_option(fd, SOL_SOCKET, SO_REUSEPORT) < 0)
        snprintf(error, ERROR_MAX, "setsockopt SO_REUSEPORT: %s", strerror(errno));
    else if (options->mark &&
             setsockopt(fd, SOL_SOCKET, SO_MARK, &options->mark, sizeof(options->mark)) < 0)
        snprintf(error, ERROR_MAX, "setsockopt SO_MARK: %s", strerror(errno));
    else if (bind(fd, (const struct sockaddr *)&address->storage, address->size) < 0)
        snprintf(error, ERROR_MAX, "bind: %s", strerror(errno));
    else if (set_option(fd, IPPROTO_TCP, TCP_NODELAY) < 0) /* accepted sockets inherit it */
        snprintf(error, ERROR_MAX, "setsockopt TCP_NODELAY: %s", strerror(errno));
    else
        listener = start(loop, fd, options, error);
    if (listener == NULL)
        (void)close(fd);
    else if (options->shares_port)
        listener_share_port(listener, false);
    return listener;
}

/* Removes a socket file that nobody listens on. 0, or -errno: -EADDRINUSE when somebody does,
 * -EEXIST when the file is no socket. */
static int remove_stale(const char *path, const struct address *address)
{
    struct stat info;
    if (lstat(path, &info) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (S_ISREG(info.st_mode) && info.st_size == 0)
        return unlink(path) == 0 ? 0 : -errno;
    if (!S_ISSOCK(info.st_mode))
        return -EEXIST;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int result = connect(fd, (const struct sockaddr *)&address->storage, address->size);
    int code = errno;
    (void)close(fd);
    if (result == 0 || code == EAGAIN)
        return -EADDRINUSE;
    return unlink(path) == 0 ? 0 : -errno;
}

/* The mode of the socket's inode is the file's from the moment of bind (CVE-2023-45145), less the
 * umask; what the umask took is added afterwards, so the mode only ever widens to the one asked
 * for. A mode of 0 leaves it to the umask alone. */
static int bind_unix(int fd, const char *path, const struct address *address, unsigned mode)
{
    if (mode != 0 && fchmod(fd, (mode_t)mode) < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&address->storage, address->size) < 0)
        return -errno;
    if (mode != 0 && chmod(path, (mode_t)mode) < 0) {
        int code = errno;
        (void)unlink(path);
        return -code;
    }
    return 0;
}

struct listener *listener_create_unix(struct loop *loop, const char *path, unsigned mode,
                                      const struct listener_options *options, char *error)
{
    struct address address;
    if (address_unix(path, &address) < 0) {
        snprintf(error, ERROR_MAX, "unix socket path is empty or too long");
        return NULL;
    }
    int result = remove_stale(path, &address);
    if (result < 0) {
        snprintf(error, ERROR_MAX, "bind: %s", strerror(-result));
        return NULL;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        snprintf(error, ERROR_MAX, "socket: %s", strerror(errno));
        return NULL;
    }
    result = bind_unix(fd, path, &address, mode);
    if (result < 0) {
        snprintf(error, ERROR_MAX, "bind: %s", strerror(-result));
        (void)close(fd);
        return NULL;
    }
    struct listener *listener = start(loop, fd, options, error);
    if (listener == NULL) {
        (void)unlink(path);
        (void)close(fd);
        return NULL;
    }
    listener->path = mem_strdup(path);
    return listener;
}

/* -- the rest of the interface -- */

void *listener_owner(const struct listener *listener)
{
    return listener->options.owner;
}

int listener_kind(const struct listener *listener)
{
    return listener->options.kind;
}

const char *listener_address(const struct listener *listener)
{
    return listener->address;
}

void listener_share_port(struct listener *listener, bool shares)
{
    (void)set_flag(listener->socket.fd, SOL_SOCKET, SO_REUSEPORT, shares);
}

void listener_set_accepts_per_turn(struct listener *listener, uint32_t count)
{
    assert(count > 0);
    listener->options.accepts_per_turn = count;
}

void listener_close(struct listener *listener)
{
    if (listener->is_closing)
        return;
    listener->is_closing = true;
    if (listener->path != NULL)
        (void)unlink(listener->path);
    timer_stop(loop_timers(listener->loop), &listener->retry);
    loop_task_cancel(listener->loop, &listener->task);
    while (listener->queue_count > 0)
        (void)close(dequeue(listener));
    /* Closing may wait for what is in flight; who connects from now on is to be refused at once. */
    (void)shutdown(listener->socket.fd, SHUT_RDWR);
    socket_close(listener->loop, &listener->socket);
}

int socket_set_keepalive(int fd, int seconds)
{
    int enable = seconds > 0;
    if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &enable, sizeof(enable)) < 0)
        return -errno;
    if (!enable)
        return 0;
    int idle = seconds;
    int interval = seconds / 3 > 0 ? seconds / 3 : 1;
    int probes = 3;
    if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes)) < 0)
        return -errno;
    return 0;
}
