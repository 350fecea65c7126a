/* Listening sockets as the configuration wants them: TCP and TLS on every bind address, and a unix
 * socket. Opening is all or nothing. */
#include "base/log.h"
#include "base/text.h"
#include "server/server.h"
#include <string.h>

enum { ERROR_SIZE = 256 };

/* While listeners are re-opened: those there were. Taken over ones become NULL in `listeners`. */
struct old_listeners {
    int count;
    struct listener *listeners[SERVER_LISTENERS_MAX];
    struct listener *all[SERVER_LISTENERS_MAX];
};

static bool was_taken_over(const struct old_listeners *old, const struct listener *listener)
{
    for (int i = 0; i < old->count; i++)
        if (old->all[i] == listener)
            return true;
    return false;
}

/* True when an open listener already serves this address in this way; it is kept. */
static bool take_over(struct server *server, enum listener_kind kind, const char *address)
{
    struct old_listeners *old = server->old_listeners;
    for (int i = 0; old && i < old->count; i++) {
        struct listener *listener = old->listeners[i];
        if (!listener || listener_kind(listener) != (int)kind ||
            strcmp(listener_address(listener), address) != 0)
            continue;
        old->listeners[i] = NULL;
        server->listeners[server->listener_count++] = listener;
        return true;
    }
    return false;
}

/* -- an address in the place of one that overlaps: neither may refuse the other meanwhile -- */

static bool is_wanted(const struct server *server, const struct listener *listener)
{
    const struct server_settings *settings = &server->settings.server;
    int64_t port =
        listener_kind(listener) == LISTENER_TLS ? server->settings.tls.port : settings->port;
    for (int i = 0; port && i < settings->bind_count; i++) {
        const char *host = settings->bind[i];
        struct address address;
        char text[ADDRESS_TEXT_MAX];
        if (address_parse(host + (*host == '-'), (int)port, &address) != 0)
            continue;
        address_format(&address, text);
        if (strcmp(text, listener_address(listener)) == 0)
            return true;
    }
    return false;
}

/* True when there are listeners that will go. */
static bool share_ports(struct server *server, bool shares)
{
    struct old_listeners *old = server->old_listeners;
    bool has_any = false;
    for (int i = 0; old && i < old->count; i++) {
        struct listener *listener = old->listeners[i];
        if (!listener || listener_kind(listener) == LISTENER_UNIX || is_wanted(server, listener))
            continue;
        listener_share_port(listener, shares);
        has_any = true;
    }
    return has_any;
}

static bool is_served(const struct server *server, const char *address)
{
    for (int i = 0; i < server->listener_count; i++)
        if (strcmp(listener_address(server->listeners[i]), address) == 0)
            return true;
    return false;
}

static struct listener *create(struct server *server, const struct address *address,
                               struct listener_options *options, const char *text, char *reason)
{
    struct loop *loop = io_pool_main_loop(server->pool);
    struct listener *listener = listener_create(loop, address, options, reason);
    if (listener || is_served(server, text) || !share_ports(server, true))
        return listener;
    options->shares_port = true;
    return listener_create(loop, address, options, reason);
}

static uint32_t accepts_per_turn(const struct server *server, enum listener_kind kind)
{
    return (uint32_t)(kind == LISTENER_TLS ? server->settings.tls.max_new_connections_per_cycle
                                           : server->settings.server.max_new_connections_per_cycle);
}

void server_set_accept_budgets(struct server *server)
{
    for (int i = 0; i < server->listener_count; i++) {
        struct listener *listener = server->listeners[i];
        listener_set_accepts_per_turn(
            listener, accepts_per_turn(server, (enum listener_kind)listener_kind(listener)));
    }
}

static bool add_address(struct server *server, const char *host, int64_t port,
                        enum listener_kind kind, struct buffer *error)
{
    bool is_optional = *host == '-';
    struct address address;
    char reason[ERROR_SIZE] = "not an address";
    host += is_optional;
    struct listener_options options = {.backlog = (int)server->settings.server.tcp_backlog,
                                       .mark = (uint32_t)server->settings.server.socket_mark_id,
                                       .accepts_per_turn = accepts_per_turn(server, kind),
                                       .owner = server,
                                       .kind = (int)kind,
                                       .on_accept = server_on_accept};
    struct listener *listener = NULL;
    if (address_parse(host, (int)port, &address) == 0) {
        char text[ADDRESS_TEXT_MAX];
        address_format(&address, text);
        if (take_over(server, kind, text))
            return true;
        listener = create(server, &address, &options, text, reason);
    }
    if (listener) {
        server->listeners[server->listener_count++] = listener;
        return true;
    }
    log_warning("Warning: Could not create server TCP listening socket %s:%lld: %s", host,
                (long long)port, reason);
    if (is_optional)
        return true;
    (void)buffer_printf(error, "Failed listening on port %lld (%s), aborting.", (long long)port,
                        kind == LISTENER_TLS ? "tls" : "tcp");
    return false;
}

static bool add_port(struct server *server, int64_t port, enum listener_kind kind,
                     struct buffer *error)
{
    const struct server_settings *settings = &server->settings.server;
    if (port == 0)
        return true;
    int before = server->listener_count;
    for (int i = 0; i < settings->bind_count; i++)
        if (!add_address(server, settings->bind[i], port, kind, error))
            return false;
    if (server->listener_count > before || settings->bind_count == 0)
        return true;
    (void)buffer_printf(error, "Failed listening on port %lld (%s), aborting.", (long long)port,
                        kind == LISTENER_TLS ? "tls" : "tcp");
    return false;
}

static const char *unix_address(const char *path, char text[ADDRESS_TEXT_MAX])
{
    struct address address;
    if (address_unix(path, &address) != 0)
        return "";
    address_format(&address, text);
    return text;
}

static bool add_unix(struct server *server, struct buffer *error)
{
    const struct server_settings *settings = &server->settings.server;
    if (!settings->unixsocket)
        return true;
    char reason[ERROR_SIZE];
    char text[ADDRESS_TEXT_MAX];
    struct listener_options options = {.backlog = (int)settings->tcp_backlog,
                                       .accepts_per_turn = accepts_per_turn(server, LISTENER_UNIX),
                                       .owner = server,
                                       .kind = LISTENER_UNIX,
                                       .on_accept = server_on_accept};
    if (server->old_listeners &&
        take_over(server, LISTENER_UNIX, unix_address(settings->unixsocket, text)))
        return true;
    unsigned mode = settings->unixsocketperm ? (unsigned)settings->unixsocketperm : 0700;
    struct listener *listener = listener_create_unix(io_pool_main_loop(server->pool),
                                                     settings->unixsocket, mode, &options, reason);
    if (!listener) {
        (void)buffer_printf(error, "Failed opening Unix socket: %s", reason);
        return false;
    }
    server->listeners[server->listener_count++] = listener;
    return true;
}

static bool open_all(struct server *server, struct buffer *error)
{
    return add_port(server, server->settings.server.port, LISTENER_TCP, error) &&
           add_port(server, server->settings.tls.port, LISTENER_TLS, error) &&
           add_unix(server, error);
}

int server_open_listeners(struct server *server, struct buffer *error)
{
    bool is_open = open_all(server, error);
    if (!is_open)
        server_close_listeners(server);
    return is_open ? 0 : -1;
}

void server_close_listeners(struct server *server)
{
    for (int i = 0; i < server->listener_count; i++)
        listener_close(server->listeners[i]);
    server->listener_count = 0;
}

/* Sockets that stay as they are move over; new ones are opened; only then the others are closed. */
int server_reopen_listeners(struct server *server, struct buffer *error)
{
    struct old_listeners old = {.count = server->listener_count};
    memcpy(old.listeners, server->listeners, sizeof(old.listeners));
    memcpy(old.all, server->listeners, sizeof(old.all));
    server->listener_count = 0;
    server->old_listeners = &old;
    int result = open_all(server, error) ? 0 : -1;
    if (result != 0)
        (void)share_ports(server, false);
    server->old_listeners = NULL;
    if (result == 0) {
        for (int i = 0; i < old.count; i++)
            if (old.listeners[i])
                listener_close(old.listeners[i]);
        return 0;
    }
    for (int i = 0; i < server->listener_count; i++)
        if (!was_taken_over(&old, server->listeners[i]))
            listener_close(server->listeners[i]);
    memcpy(server->listeners, old.all, sizeof(old.all));
    server->listener_count = old.count;
    return -1;
}

static const char *const kind_names[LISTENER_KINDS] = {"tcp", "tls", "unix"};

/* "listener0:name=tcp,bind=127.0.0.1,bind=::1,port=6379" per kind, as Redis. */
void server_write_listeners(void *context, struct buffer *out)
{
    struct server *server = context;
    int number = 0;
    for (int kind = 0; kind < LISTENER_KINDS; kind++) {
        int count = 0;
        for (int i = 0; i < server->listener_count; i++)
            count += listener_kind(server->listeners[i]) == kind;
        if (!count)
            continue;
        (void)buffer_printf(out, "listener%d:name=%s", number++, kind_names[kind]);
        if (kind == LISTENER_UNIX) {
            (void)buffer_printf(out, ",bind=%s\r\n", server->settings.server.unixsocket);
            continue;
        }
        for (int i = 0; i < server->settings.server.bind_count; i++)
            (void)buffer_printf(out, ",bind=%s", server->settings.server.bind[i]);
        (void)buffer_printf(out, ",port=%lld\r\n",
                            (long long)(kind == LISTENER_TLS ? server->settings.tls.port
                                                             : server->settings.server.port));
    }
}
