/* INFO server and INFO cluster: what runs here. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/version.h"
#include "observability/info_internal.h"

static const char *or_else(const char *text, const char *other)
{
    return text ? text : other;
}

/* What commands are timed by, in Redis's words. */
static void name_clock(char *name, size_t size)
{
    unsigned rate = clock_counter_rate();
    if (rate)
        snprintf(name, size, "X86 TSC @ %u ticks/us", rate);
    else
        snprintf(name, size, "POSIX clock_gettime");
}

static void write_build(struct buffer *out, const struct info_server *server)
{
    struct utsname name;
    if (uname(&name) != 0)
        name = (struct utsname){.sysname = "unknown"};
    char clock_name[40];
    name_clock(clock_name, sizeof clock_name);
    buffer_printf(out,
                  "redis_version:" REDIS_VERSION "\r\n"
                  "server_name:" SLUICE_NAME "\r\n"
                  "sluice_version:" SLUICE_VERSION "\r\n"
                  "redis_git_sha1:" BUILD_GIT_SHA1 "\r\n"
                  "redis_git_dirty:%d\r\n"
                  "redis_build_id:%016" PRIx64 "\r\n"
                  "redis_mode:%s\r\n"
                  "os:%s %s %s\r\n"
                  "arch_bits:%d\r\n"
                  "monotonic_clock:%s\r\n"
                  "multiplexing_api:%s\r\n"
                  "atomicvar_api:c11-builtin\r\n",
                  BUILD_GIT_DIRTY, version_build_id(), or_else(server->mode, "standalone"),
                  name.sysname, name.release, name.machine, (int)sizeof(void *) * 8, clock_name,
                  or_else(server->multiplexing_api, "epoll"));
#if defined(__GNUC__) && !defined(__clang__)
    buffer_printf(out, "gcc_version:%d.%d.%d\r\n", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#else
    buffer_append_text(out, "gcc_version:0.0.0\r\n");
#endif
}

static void write_process(struct buffer *out, const struct info_server *server)
{
    int64_t uptime_seconds = (clock_us() - server->started_us) / 1000000;
    buffer_printf(out,
                  "process_id:%d\r\n"
                  "process_supervised:%s\r\n"
                  "run_id:%s\r\n"
                  "tcp_port:%" PRId64 "\r\n"
                  "server_time_usec:%" PRId64 "\r\n"
                  "uptime_in_seconds:%" PRId64 "\r\n"
                  "uptime_in_days:%" PRId64 "\r\n"
                  "hz:%" PRId64 "\r\n"
                  "configured_hz:%" PRId64 "\r\n"
                  "lru_clock:%" PRIu32 "\r\n"
                  "executable:%s\r\n"
                  "config_file:%s\r\n"
                  "io_threads_active:%d\r\n",
                  (int)getpid(), or_else(server->supervised, "no"), or_else(server->run_id, ""),
                  server->port, clock_wall_us(), uptime_seconds, uptime_seconds / (3600 * 24),
                  server->hz, server->configured_hz, server->lru_clock,
                  or_else(server->executable, ""), or_else(server->config_file, ""),
                  server->io_threads_active);
    if (server->shutdown_in_milliseconds >= 0)
        buffer_printf(out, "shutdown_in_milliseconds:%" PRId64 "\r\n",
                      server->shutdown_in_milliseconds);
}

static void write_server(struct buffer *out, const void *context)
{
    const struct info_sources *sources = context;
    struct info_server server = {.shutdown_in_milliseconds = -1};
    if (sources->server)
        sources->server(sources->context, &server);
    write_build(out, &server);
    write_process(out, &server);
    if (server.write_listeners)
        server.write_listeners(sources->context, out);
}

static void write_cluster(struct buffer *out, const void *context)
{
    const struct info_sources *sources = context;
    bool is_enabled = sources->is_cluster_enabled && sources->is_cluster_enabled(sources->context);
    buffer_printf(out, "cluster_enabled:%d\r\n", is_enabled);
}

/* There are no loadable modules, and so no lines. */
static void write_modules(struct buffer *out, const void *context)
{
    (void)out;
    (void)context;
}

INFO_SECTION(info_server_section, "server", "Server", INFO_EVERYWHERE, 10, write_server);
INFO_SECTION(info_modules_section, "modules", "Modules", INFO_EVERYWHERE, 80, write_modules);
INFO_SECTION(info_cluster_section, "cluster", "Cluster", INFO_EVERYWHERE, 120, write_cluster);
