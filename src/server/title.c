/* The process's title as `ps` shows it, made of proc-title-template. Main thread. */
#include "base/process.h"
#include "config/config_file.h"
#include "server/server.h"
#include <string.h>

enum { TITLE_SIZE_MAX = 4096 };

/* Where to connect: "*:6379", "127.0.0.1:6379,tls:6380", or "unixsocket:/path" without a
 * port. */
static void append_listen_address(const struct server *server, struct buffer *out)
{
    const struct server_settings *settings = &server->settings.server;
    long long port = settings->port;
    long long tls_port = server->settings.tls.port;
    if (port == 0 && tls_port == 0) {
        (void)buffer_printf(out, "unixsocket:%s", settings->unixsocket ? settings->unixsocket : "");
        return;
    }
    const char *host = settings->bind_count ? settings->bind[0] : "*";
    (void)buffer_printf(out, "%s:%lld", host + (host[0] == '-'), port ? port : tls_port);
    if (port && tls_port)
        (void)buffer_printf(out, ",tls:%lld", tls_port);
}

/* Appends what the variable `name`, without its braces, stands for. */
static void append_variable(const struct server *server, struct bytes name, struct buffer *out)
{
    const struct server_settings *settings = &server->settings.server;
    if (bytes_equal(name, BYTES_LITERAL("title")))
        (void)buffer_append_text(out, server->program ? server->program : "redis-server");
    else if (bytes_equal(name, BYTES_LITERAL("listen-addr")))
        append_listen_address(server, out);
    else if (bytes_equal(name, BYTES_LITERAL("port")))
        (void)buffer_printf(out, "%lld", (long long)settings->port);
    else if (bytes_equal(name, BYTES_LITERAL("tls-port")))
        (void)buffer_printf(out, "%lld", (long long)server->settings.tls.port);
    else if (bytes_equal(name, BYTES_LITERAL("unixsocket")))
        (void)buffer_append_text(out, settings->unixsocket ? settings->unixsocket : "");
    else if (bytes_equal(name, BYTES_LITERAL("config-file")))
        (void)buffer_append_text(out, config_path(server->config));
}

void server_set_title(const struct server *server)
{
    const struct server_settings *settings = &server->settings.server;
    if (!settings->set_proc_title)
        return;
    struct buffer title;
    buffer_init(&title, TITLE_SIZE_MAX);
    const char *at = settings->proc_title_template ? settings->proc_title_template : "";
    while (*at) {
        const char *close = *at == '{' ? strchr(at, '}') : NULL;
        if (close)
            append_variable(server, bytes_of(at + 1, (size_t)(close - at - 1)), &title);
        else
            (void)buffer_append(&title, at, 1);
        at = close ? close + 1 : at + 1;
    }
    while (title.size && title.data[title.size - 1] == ' ')
        title.data[--title.size] = '\0';
    if (title.size)
        process_set_title(title.data);
    buffer_deinit(&title);
}
