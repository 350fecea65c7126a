/* The metrics endpoint's place in the server: when it runs, and what it shows. Main thread. */
#include "observability/metrics.h"
#include "base/bytes.h"
#include "observability/info.h"
#include "server/metrics_http.h"
#include "server/server.h"

int server_start_metrics(struct server *server, struct buffer *error)
{
    const struct server_settings *settings = &server->settings.server;
    if (settings->metrics_port == 0)
        return 0;
    struct metrics_http_options options = {
        .address = settings->metrics_bind ? settings->metrics_bind : "127.0.0.1",
        .port = (uint16_t)settings->metrics_port,
        .tls = settings->metrics_tls ? &server->settings.tls : NULL,
        .main_wakeup = io_pool_main_wakeup(server->pool)};
    server->metrics = metrics_http_start(&options, error);
    return server->metrics ? 0 : -1;
}

static void render(void *context, struct buffer *out)
{
    struct server *server = context;
    struct buffer info;
    buffer_init(&info, INFO_SIZE_MAX);
    info_write(server->info, 1, &BYTES_LITERAL("everything"), &info);
    metrics_write_info(buffer_bytes(&info), out);
    metrics_write_latency(&server->info_sources, out);
    buffer_deinit(&info);
}

void server_serve_metrics(struct server *server)
{
    if (metrics_http_is_wanted(server->metrics))
        metrics_http_publish(server->metrics, render, server);
}
