/* New connections: accepted by main, lent to a thread, admitted once they are open. */
#include "acl/acl_users.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "dispatch/execute.h"
#include "observability/latency.h"
#include "observability/stats.h"
#include "server/placement.h"
#include "server/server.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char protected_mode_text[] =
    "DENIED Redis is running in protected mode because protected mode is enabled and no password "
    "is "
    "set for the default user. In this mode connections are only accepted from the loopback "
    "interface. "
    "If you want to connect from external computers to Redis you may adopt one of the following "
    "solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' "
    "from "
    "the loopback interface by connecting to Redis from the same host the server is running, "
    "however "
    "MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to "
    "make "
    "this change permanent. 2) Alternatively you can just disable the protected mode by editing "
    "the "
    "Redis configuration file, and setting the protected mode option to 'no', and then restarting "
    "the "
    "server. 3) If you started the server manually just for testing, restart it with the "
    "'--protected-mode no' option. 4) Setup an authentication password for the default user. NOTE: "
    "You "
    "only need to do one of the above things in order for the server to start accepting "
    "connections "
    "from the outside.";

static void set_addresses(struct server *server, struct client *client, int fd, int kind)
{
    char text[ADDRESS_TEXT_MAX];
    if (kind == LISTENER_UNIX) {
        snprintf(text, sizeof(text), "%.*s:0", ADDRESS_TEXT_MAX - 3,
                 server->settings.server.unixsocket ? server->settings.server.unixsocket : "");
        client->peer = mem_strdup(text);
        client->local = mem_strdup(text);
        return;
    }
    address_of_peer(fd, text);
    client->peer = mem_strdup(text);
    address_of_local(fd, text);
    client->local = mem_strdup(text);
}

/* One that has to show yet who it is: by a handshake, or a password. */
static bool is_stranger(const struct client *client)
{
    if (client->flags & CLIENT_UNIX_SOCKET)
        return false;
    return client->flags & CLIENT_TLS || !(client->flags & CLIENT_AUTHENTICATED);
}

/* False: its address has too many of them already, and it is not let in. */
static bool let_in(struct server *server, struct client *client, int fd) ON_MAIN
{
    static struct log_rate rate = {.per_second = 1}; /* main thread only */
    int64_t max = server->settings.client.max_unauthenticated_per_address;
    if (max < 0)
        max = server->maxclients * -max / 100 + 1;
    if (!is_stranger(client) || strangers_add(server->clients->strangers, client, max))
        return true;
    server->stats->connections_rejected++;
    log_limited(&rate, LOG_WARNING_,
                "Connection from %s refused: max-unauthenticated-per-address (%lld) reached",
                client->peer, (long long)max);
    client_destroy(server->clients, client);
    close(fd);
    return false;
}

void server_on_accept(struct listener *listener, int fd)
{
    entering_main();
    struct server *server = listener_owner(listener);
    int kind = listener_kind(listener);
    if (server->is_stopping || (int64_t)server->clients->count >= server->maxclients + 1024) {
        server->stats->connections_rejected++;
        close(fd); /* beyond what may even wait for a polite refusal */
        return;
    }
    struct client *client = client_create(server->clients);
    set_addresses(server, client, fd, kind);
    unsigned lend = 0;
    if (kind == LISTENER_UNIX)
        client->flags |= CLIENT_UNIX_SOCKET;
    else if (server->settings.server.tcp_keepalive)
        socket_set_keepalive(fd, (int)server->settings.server.tcp_keepalive);
    if (kind == LISTENER_TLS) {
        client->flags |= CLIENT_TLS;
        lend |= LEND_TLS;
    }
    if (!acl_needs_password(&server->settings.acl)) {
        client->flags |= CLIENT_AUTHENTICATED;
        lend |= LEND_AUTHENTICATED;
    }
    if (let_in(server, client, fd))
        exchange_lend(server->exchange, client, fd, lend);
}

static void refuse(struct server *server, struct client *client, const char *text) ON_MAIN
{
    server->stats->connections_rejected++;
    reply_begin(&client->reply, 2, NULL);
    reply_error(&client->reply, text);
    exchange_push(server->exchange, client);
    exchange_close(server->exchange, client, CONNECTION_CLOSE_AFTER_OUTPUT);
}

static bool is_from_loopback(const struct client *client)
{
    return client->flags & CLIENT_UNIX_SOCKET || strncmp(client->peer, "127.", 4) == 0 ||
           strncmp(client->peer, "[::1]", 5) == 0;
}

/* Whoever proved its identity with a certificate is no stranger. */
static bool protected_mode_refuses(const struct server *server, const struct client *client)
{
    bool has_proved_identity =
        client->flags & CLIENT_TLS && server->settings.tls.auth_clients == TLS_AUTH_CLIENTS_YES;
    return server->settings.server.protected_mode && !acl_needs_password(&server->settings.acl) &&
           !is_from_loopback(client) && !has_proved_identity;
}

/* The common name, or the first URI where there is none. Readers of CLIENT LIST want one equals
 * sign in each token: what is not a plain character is shown as in a URL. */
static void describe_certificate(struct client *client, const struct tls_facts *facts)
{
    static const char digits[] = "0123456789ABCDEF";
    char shown[3 * TLS_NAME_MAX];
    size_t size = 0;
    const char *name =
        *facts->certificate_name ? facts->certificate_name : facts->certificate_uris[0];
    for (; *name; name++) {
        unsigned char byte = (unsigned char)*name;
        bool is_plain = byte > ' ' && byte < 0x7f && byte != '=' && byte != '%';
        shown[size++] = is_plain ? *name : '%';
        if (!is_plain) {
            shown[size++] = digits[byte >> 4];
            shown[size++] = digits[byte & 15];
        }
    }
    client_set_text(&client->certificate_name, bytes_of(shown, size));
}

static void describe_tls(struct client *client, const struct tls_facts *facts)
{
    char text[160];
    snprintf(text, sizeof(text), "%s,%s,%s", facts->version, facts->cipher,
             facts->is_resumed ? "resumed" : "full");
    client_set_text(&client->tls_description, bytes_of_text(text));
    if (facts->has_certificate)
        describe_certificate(client, facts);
}

/* LATENCY tls-handshake: from the accept to the end of the handshake, the peer's part included. */
static void note_handshake_time(struct server *server, const struct client *client)
{
    int64_t threshold_ms = server->settings.observability.latency_monitor_threshold;
    int64_t spent_ms = (clock_us() - client->created_us) / 1000;
    if (threshold_ms > 0 && spent_ms >= threshold_ms)
        latency_add(server->latency, "tls-handshake", (uint32_t)spent_ms);
}

void server_on_opened(void *context, struct client *client, const struct tls_facts *facts)
{
    entering_main();
    struct server *server = context;
    if (facts) {
        describe_tls(client, facts);
        note_handshake_time(server, client);
    }
    if (client->flags & CLIENT_ADMITTED)
        strangers_remove(server->clients->strangers, client);
    if ((int64_t)server->clients->count > server->maxclients) {
        refuse(server, client, "ERR max number of clients reached");
        return;
    }
    if (protected_mode_refuses(server, client)) {
        refuse(server, client, protected_mode_text);
        return;
    }
    server->stats->connections_received++;
    log_verbose("Accepted %s", client->peer);
    placement_on_opened(server->placement, client);
}

void server_on_closed(void *context, struct client *client, enum connection_outcome outcome,
                      enum session_close_reason reason, const char *text)
{
    struct server *server = context;
    client_eviction_forget(server, client);
    static struct log_rate rate = {.per_second = 100}; /* main thread only */
    static struct log_rate plain_rate = {.per_second = 4};
    pubsub_forget_client(server->pubsub, client);
    executor_forget_client(server->executor, client);
    if (reason == SESSION_CLOSE_QUERY_LIMIT) {
        server->stats->query_buffer_limit_disconnections++;
        log_warning("Closing client that reached max query buffer length: id=%llu addr=%s",
                    (unsigned long long)client->id, client->peer);
    } else if (reason == SESSION_CLOSE_TLS_ON_PLAIN) {
        log_limited(&plain_rate, LOG_WARNING_, "A TLS client connected to a plain port (peer %s)",
                    client->peer);
    } else if (outcome == OUTCOME_HANDSHAKE_FAILED || outcome == OUTCOME_HANDSHAKE_TIMEOUT)
        log_limited(&rate, LOG_WARNING_, "Error accepting a client connection: %s",
                    text && *text ? text : "handshake timed out");
    else if (text && *text)
        log_verbose("Client %s: %s", client->peer, text);
}
