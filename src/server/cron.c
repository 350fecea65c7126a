/* Periodic work of main: hz times a second, each job bounded. */
#include "base/background.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "client/client_output.h"
#include "config/config_table.h"
#include "dispatch/execute.h"
#include "io/tls_tickets.h"
#include "observability/stats.h"
#include "server/placement.h"
#include "server/server.h"
#include "server/tls_material.h"

/* With dynamic-hz, more clients than this a run double the rate, up to its most. */
enum { CLIENTS_PER_RUN_MIN = 5, CLIENTS_PER_RUN_MAX = 200, RATE_MAX = 500 };

static void run_client_timeout(struct server *server, struct client *client) ON_MAIN
{
    int64_t timeout = server->settings.client.timeout;
    bool is_exempt = client->flags & (CLIENT_REPLICA | CLIENT_PRIMARY | CLIENT_BLOCKED |
                                      CLIENT_PUBSUB | CLIENT_MONITOR | CLIENT_CLOSING);
    if (timeout == 0 || is_exempt || !(client->flags & CLIENT_OPENED))
        return;
    if (clock_us() - client->last_interaction_us > timeout * 1000000) {
        log_verbose("Closing idle client");
        exchange_close(server->exchange, client, CONNECTION_CLOSE_NOW);
    }
}

static void run_client_output(struct server *server, struct client *client) ON_MAIN
{
    if (client->flags & CLIENT_CLOSING || !client_output_is_over(&server->settings.client, client))
        return;
    log_warning("Client id=%llu addr=%s scheduled to be closed ASAP for overcoming of output "
                "buffer limits.",
                (unsigned long long)client->id, client->peer);
    server->stats->output_buffer_limit_disconnections++;
    exchange_close(server->exchange, client, CONNECTION_CLOSE_NOW);
}

void server_check_output(void *context, struct client *client)
{
    entering_main();
    client_eviction_note(context, client);
    run_client_output(context, client);
}

static void run_clients(struct server *server) ON_MAIN
{
    size_t count = server->clients->count / (size_t)server->hz + CLIENTS_PER_RUN_MIN;
    if (count > server->clients->count)
        count = server->clients->count;
    while (count-- > 0) {
        struct client *client = client_table_step(server->clients);
        if (!client)
            return;
        run_client_timeout(server, client);
        run_client_output(server, client);
    }
}

static void sample_stats(struct server *server)
{
    struct io_stats sum;
    io_pool_sum_stats(server->pool, &sum);
    server->stats->loop_duration_us =
        io_stat_read(loop_stats(io_pool_main_loop(server->pool))->busy_us) -
        server->own_io_baseline.busy_us;
    stats_cron(server->stats, clock_us(), sum.bytes_in, sum.bytes_out);
    (void)mem_used_peak();
}

/* Notices the end of a pause. While clients are paused the data set does not change: keys whose
 * time has come are hidden, not removed. */
static void update_expire_mode(struct server *server)
{
    bool is_paused =
        client_pause_check(&server->executor->pause, clock_wall_ms()) != CLIENT_PAUSE_NONE;
    keyspace_set_expire_mode(server->keyspace, is_paused ? EXPIRE_HIDE : EXPIRE_DELETE);
}

/* hz, or more with dynamic-hz and many clients. */
static int64_t current_rate(const struct server *server)
{
    int64_t rate = server->settings.server.hz;
    if (!server->settings.server.dynamic_hz)
        return rate;
    while ((int64_t)server->clients->count / rate > CLIENTS_PER_RUN_MAX && rate < RATE_MAX)
        rate = rate * 2 < RATE_MAX ? rate * 2 : RATE_MAX;
    return rate;
}

static void on_cron(struct timer *timer)
{
    entering_main();
    struct server *server = (struct server *)((char *)timer - offsetof(struct server, cron_timer));
    server->hz = current_rate(server);
    server_arm_watchdog(server);
    int64_t period_ms = 1000 / server->hz;
    timer_start(loop_timers(io_pool_main_loop(server->pool)), timer, period_ms);
    if (server->is_cron_paused)
        return;
    server->cron_runs++;
    update_expire_mode(server);
    keyspace_cron(server->keyspace, clock_wall_ms());
    run_clients(server);
    client_eviction_cron(server);
    sample_stats(server);
    placement_run(server->placement);
    tls_material_cron(server);
    tls_reload_cron(server);
    tls_refill_cron(server);
    tls_tickets_rotate_if_due(server->tickets, server->settings.tls.ticket_key_rotation);
}

void server_start_cron(struct server *server)
{
    server->hz = current_rate(server);
    timer_init(&server->cron_timer, on_cron);
    timer_start(loop_timers(io_pool_main_loop(server->pool)), &server->cron_timer, 1);
}
