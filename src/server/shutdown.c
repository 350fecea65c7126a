/* Ordered shutdown: listeners close, sessions send what they have and close, I/O threads end, then
 * main returns. Clients that do not read get SHUTDOWN_GRACE_MS. */
#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "server/server.h"
#include <string.h>

enum { SHUTDOWN_GRACE_MS = 2000 };

void server_request_shutdown(void *context, unsigned flags)
{
    struct server *server = context;
    server->shutdown_flags = flags;
    server->is_shutdown_requested = true;
}

bool server_abort_shutdown(void *context)
{
    struct server *server = context;
    if (!server->is_shutdown_requested || server->is_stopping)
        return false;
    server->is_shutdown_requested = false;
    log_notice("Shutdown manually aborted.");
    return true;
}

void server_notify_supervisor(const struct server *server, const char *message)
{
    if (server->supervisor && strcmp(server->supervisor, "systemd") == 0)
        (void)process_notify(message);
}

static void begin(struct server *server) ON_MAIN
{
    server_notify_supervisor(server, "STOPPING=1\n");
    log_notice("User requested shutdown...");
    server_close_listeners(server);
    io_pool_request_stop(server->pool);
    server->is_stopping = true;
    server->stopping_since_ms = clock_ms();
}

/* Connections that will not drain are cut. */
static void hurry(struct server *server) ON_MAIN
{
    if (clock_ms() - server->stopping_since_ms < SHUTDOWN_GRACE_MS)
        return;
    server->stopping_since_ms = clock_ms();
    for (struct client *client = server->clients->first; client; client = client->next)
        exchange_close(server->exchange, client, CONNECTION_CLOSE_NOW);
}

void server_shutdown_step(struct server *server)
{
    entering_main();
    if (!server->is_stopping)
        begin(server);
    hurry(server);
    if (!io_pool_is_stopped(server->pool) || server->clients->count > 0 ||
        !exchange_is_idle(server->exchange) ||
        loop_socket_count(io_pool_main_loop(server->pool)) > 0)
        return;
    server->is_stopped = true;
}
