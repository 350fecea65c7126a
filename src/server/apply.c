/* CONFIG SET reaching running modules: one function per option group, called after the group's own.
 */
#include "acl/acl_users.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "client/strangers.h"
#include "config/config_table.h"
#include "server/metrics_http.h"
#include "server/placement.h"
#include "server/server.h"
#include "server/tls_material.h"
#include <locale.h>
#include <stdio.h>

static bool any_changed(const struct option_changes *changes, const char *const *names)
{
    for (; *names; names++)
        if (option_changed(changes, *names))
            return true;
    return false;
}

void server_apply_settings_to_sessions(struct server *server)
{
    entering_main();
    struct session_settings settings = {
        .bulk_size_max = server->settings.client.proto_max_bulk_len,
        .query_size_max = server->settings.client.query_buffer_limit,
        .handshake_timeout_ms = server->settings.tls.handshake_timeout,
        .handshakes_max = server->settings.tls.handshakes_max_per_thread,
    };
    exchange_set_settings(server->exchange, &settings);
}

/* Threads that are too many retire: placement.c moves their clients, and then they end. */
static int resize_pool(struct server *server, struct buffer *error) ON_MAIN
{
    char reason[256];
    if (server->is_stopping) /* the threads were told to end */
        return 0;
    (void)process_raise_files((uint64_t)server->maxclients + server_reserved_files(server));
    if (io_pool_resize(server->pool, (int)server->settings.server.io_threads, reason) == 0)
        return 0;
    log_warning("Cannot start the I/O threads: %s", reason);
    (void)buffer_append_text(error, "Cannot start the I/O threads. Check server logs.");
    return -1;
}

/* The order of text in SORT ALPHA: process-wide, main alone compares by it. */
int server_set_locale(const struct server *server)
{
    const char *name = server->settings.server.locale_collate;
    bool is_default = !name || !*name;
    /* An environment that names a locale which is not installed is no reason not to start. */
    return setlocale(LC_COLLATE, is_default ? "" : name) || is_default ? 0 : -1;
}

static int apply_server(void *context, const struct option_changes *changes, struct buffer *error)
{
    entering_main();
    struct server *server = context;
    const struct server_settings *settings = &server->settings.server;
    static const char *const listening[] = {"bind", "port", NULL};
    if (any_changed(changes, listening) && server_reopen_listeners(server, error) != 0) {
        buffer_clear(error);
        (void)buffer_append_text(error, option_changed(changes, "bind")
                                            ? "Failed to bind to specified addresses."
                                            : "Unable to listen on this port. Check server logs.");
        return -1;
    }
    if (option_changed(changes, "locale-collate") && server_set_locale(server) != 0) {
        (void)buffer_append_text(error, "Failed to set locale");
        return -1;
    }
    server_set_accept_budgets(server);
    if (option_changed(changes, "loglevel"))
        log_set_level((enum log_level)settings->loglevel);
    if (option_changed(changes, "log-format"))
        log_set_format((enum log_format)settings->log_format);
    if (option_changed(changes, "hz"))
        server->settings.keyspace.hz = settings->hz;
    if (option_changed(changes, "io-threads-elastic"))
        placement_set_elastic(server->placement, settings->io_threads_elastic);
    if (option_changed(changes, "io-threads") && resize_pool(server, error) != 0)
        return -1;
    if (option_changed(changes, "jemalloc-bg-thread"))
        (void)mem_set_background_thread(settings->jemalloc_bg_thread);
    if ((option_changed(changes, "oom-score-adj") ||
         option_changed(changes, "oom-score-adj-values")) &&
        server_apply_oom_score(server) != 0) {
        (void)buffer_append_text(
            error, "Failed to apply new oom_score_adj configuration, check server logs.");
        return -1;
    }
    server_set_title(server);
    return 0;
}

static int apply_client(void *context, const struct option_changes *changes, struct buffer *error)
{
    struct server *server = context;
    if (option_changed(changes, "maxclients")) {
        uint64_t reserved = server_reserved_files(server);
        uint64_t wanted = (uint64_t)server->settings.client.maxclients + reserved;
        uint64_t files = process_raise_files(wanted);
        if (files < wanted) {
            (void)buffer_printf(
                error,
                "The operating system is not able to handle the specified number of clients, "
                "try with %lld",
                (long long)(files > reserved ? files - reserved : 0));
            return -1;
        }
        server->maxclients = server->settings.client.maxclients;
    }
    server_apply_settings_to_sessions(server);
    return 0;
}

static int apply_keyspace(void *context, const struct option_changes *changes, struct buffer *error)
{
    struct server *server = context;
    (void)changes;
    (void)error;
    keyspace_settings_changed(server->keyspace);
    return 0;
}

/* Who has not authenticated may do without while there is no password, and not afterwards. */
static int apply_acl(void *context, const struct option_changes *changes, struct buffer *error)
{
    entering_main();
    struct server *server = context;
    (void)changes;
    (void)error;
    bool is_waived = !acl_needs_password(&server->settings.acl);
    for (struct client *client = server->clients->first; client; client = client->next) {
        bool was_waived = client->flags & CLIENT_AUTH_WAIVED;
        client->flags &= ~(uint32_t)CLIENT_AUTH_WAIVED;
        if (client->flags & CLIENT_AUTHENTICATED)
            continue;
        if (is_waived)
            client->flags |= CLIENT_AUTH_WAIVED;
        if (is_waived == was_waived)
            continue;
        if (is_waived && client->flags & CLIENT_OPENED)
            strangers_remove(server->clients->strangers, client);
        else if (!is_waived)
            (void)strangers_add(server->clients->strangers, client, 0);
        exchange_send_limits(server->exchange, client);
    }
    return 0;
}

static int apply_pubsub(void *context, const struct option_changes *changes, struct buffer *error)
{
    struct server *server = context;
    (void)changes;
    (void)error;
    pubsub_update_interest(server->pubsub);
    return 0;
}

/* New material for every thread or for none: tls_change.c has prepared it, nothing is built here.
 * It is put in force last: that cannot fail, so it need not be undone. */
static int apply_tls(void *context, const struct option_changes *changes, struct buffer *error)
{
    entering_main();
    struct server *server = context;
    struct tls_material *prepared = server->tls_changes.prepared;
    server->tls_changes.prepared = NULL;
    if (option_changed(changes, "tls-port") && server_reopen_listeners(server, error) != 0) {
        buffer_clear(error);
        (void)buffer_append_text(error, "Unable to listen on this port. Check server logs.");
        return -1;
    }
    if (prepared)
        tls_material_install(prepared);
    if (option_changed(changes, "tls-port"))
        server_set_title(server);
    metrics_http_set_tls(server->metrics, &server->settings.tls);
    server_set_accept_budgets(server);
    server_apply_settings_to_sessions(server);
    return 0;
}

void server_observe_options(struct server *server)
{
    config_observe(server->config, "server", apply_server, server);
    config_observe(server->config, "client", apply_client, server);
    config_observe(server->config, "keyspace", apply_keyspace, server);
    config_observe(server->config, "acl", apply_acl, server);
    config_observe(server->config, "pubsub", apply_pubsub, server);
    config_observe(server->config, "tls", apply_tls, server);
    config_observe_trial(server->config, "server", tls_change_try_threads, server);
    config_observe_trial(server->config, "tls", tls_change_try, server);
}
