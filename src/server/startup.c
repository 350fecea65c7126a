/* From argv to the running loop: configuration, process set-up, log lines, and the way out. The log
 * lines are the ones that scripts wait for. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "base/version.h"
#include "config/config_file.h"
#include "server/server.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ERROR_SIZE_MAX = 64 * 1024 };

static const char *const default_pidfile = "/var/run/redis.pid";

static int load_configuration(struct server *server, struct arguments *arguments)
{
    struct buffer error;
    buffer_init(&error, ERROR_SIZE_MAX);
    const struct config_source source = {.path = arguments->config_path,
                                         .reads_stdin = arguments->reads_stdin,
                                         .options = arguments->has_options ? arguments->options.data
                                                                           : NULL};
    int result = config_load(server->config, &source, &error);
    buffer_deinit(&arguments->options);
    if (result == 0)
        result = acl_options_from_environment(&server->settings.acl, &error);
    if (result == 0)
        result = acl_options_check(&server->settings.acl, &error);
    if (result != 0)
        fprintf(stderr, "%s\n", error.data ? error.data : "configuration error");
    buffer_deinit(&error);
    return result;
}

static int open_log(const struct server_settings *settings)
{
    log_set_level((enum log_level)settings->loglevel);
    log_set_format((enum log_format)settings->log_format);
    int result = settings->logfile ? log_set_file(settings->logfile) : 0;
    if (result != 0) {
        fprintf(stderr,
                "\n*** FATAL CONFIG FILE ERROR (Redis %s) ***\nCan't open the log file: %s\n",
                REDIS_VERSION, strerror(-result));
        return -1;
    }
    if (settings->syslog_enabled)
        log_set_syslog(true, settings->syslog_ident, server_syslog_facility_name(settings));
    return 0;
}

static void log_start(const struct arguments *arguments)
{
    log_notice("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
    log_notice("Redis version=%s, bits=%d, commit=%s, modified=%d, pid=%d, just started",
               REDIS_VERSION, (int)sizeof(void *) * 8, BUILD_GIT_SHA1, BUILD_GIT_DIRTY,
               (int)getpid());
    if (!arguments->config_path && !arguments->reads_stdin && !arguments->has_options)
        log_warning(
            "Warning: no config file specified, using the default config. In order to specify a "
            "config file use redis-server /path/to/redis.conf");
    else
        log_notice("Configuration loaded");
}

static void log_banner(const struct server *server)
{
    const struct server_settings *settings = &server->settings.server;
    if (settings->always_show_logo ||
        (isatty(STDOUT_FILENO) && !settings->syslog_enabled && !settings->logfile)) {
        char text[1024];
        snprintf(text, sizeof(text),
                 "\n"
                 "      ______________\n"
                 "     |  |  |  |  |  |     Sluice %s (Redis %s level) 64 bit\n"
                 "     |  |  |  |  |  |\n"
                 "     |==|==|==|==|==|     Running in standalone mode\n"
                 "     |  |  |  |  |  |     Port: %lld, TLS port: %lld\n"
                 "  ~~~|~~|~~|~~|~~|~~|~~   I/O threads: %lld\n"
                 "  ~~~~~~~~~~~~~~~~~~~~~   PID: %d\n\n",
                 SLUICE_VERSION, REDIS_VERSION, (long long)settings->port,
                 (long long)server->settings.tls.port, (long long)settings->io_threads,
                 (int)getpid());
        log_raw(LOG_NOTICE_, text);
    }
    log_notice("Running mode=standalone, port=%lld, tls-port=%lld, PID: %d",
               (long long)settings->port, (long long)server->settings.tls.port, (int)getpid());
}

static void log_ready(const struct server *server)
{
    bool seen[LISTENER_KINDS] = {false};
    for (int i = 0; i < server->listener_count; i++)
        seen[listener_kind(server->listeners[i])] = true;
    if (seen[LISTENER_TCP])
        log_notice("Ready to accept connections tcp");
    if (seen[LISTENER_TLS])
        log_notice("Ready to accept connections tls");
    if (seen[LISTENER_UNIX])
        log_notice("Ready to accept connections unix");
}

const char *server_pidfile(const struct server_settings *settings)
{
    if (settings->pidfile)
        return settings->pidfile;
    return settings->daemonize ? default_pidfile : NULL;
}

static int become_process(struct server *server)
{
    const struct server_settings *settings = &server->settings.server;
    server->supervisor = process_supervisor(server_supervised_name(settings));
    if (settings->daemonize && !server->supervisor) {
        if (process_daemonize() != 0) {
            log_warning("Cannot daemonize");
            return -1;
        }
        log_set_stdout(false);
    }
    server_warn_at_start(server);
    (void)clock_trust_counter();
    if (!process_probe_scheduling())
        log_notice("The system call filter would kill who changes scheduling: time slices and CPU "
                   "lists are left as they are");
    if (settings->server_cpulist && process_set_cpulist(settings->server_cpulist) != 0)
        log_warning("server-cpulist '%s' cannot be applied", settings->server_cpulist);
    return 0;
}

static char *absolute_path_of(const char *program)
{
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (size <= 0)
        return mem_strdup(program);
    path[size] = '\0';
    return mem_strdup(path);
}

static int open_everything(struct server *server)
{
    struct buffer error;
    buffer_init(&error, ERROR_SIZE_MAX);
    int result = server_apply_names(server, &error);
    if (result == 0 && server_start(server) != 0) {
        buffer_deinit(&error);
        return -1;
    }
    if (result == 0)
        result = server_open_listeners(server, &error);
    if (result == 0)
        result = server_start_metrics(server, &error);
    if (result != 0)
        log_warning("%s", error.data);
    buffer_deinit(&error);
    if (result == 0 && server->listener_count == 0) {
        log_warning("Configured to not listen anywhere, exiting.");
        result = -1;
    }
    return result;
}

/* Not before it listens: the file of the server that has the ports already stays as it is. */
static void write_pidfile(const struct server *server)
{
    const char *pidfile = server_pidfile(&server->settings.server);
    if (pidfile && process_write_pidfile(pidfile) != 0)
        log_warning("Failed to write PID file: %s", pidfile);
}

/* Before anything is opened or made, as `su` or a container's entry would have done it; only the
 * limit of files is raised while that is allowed. */
static int drop_privileges(const struct server *server)
{
    const char *name = acl_options_system_user(&server->settings.acl);
    if (!name || geteuid() != 0)
        return 0;
    (void)process_raise_files((uint64_t)server->settings.client.maxclients +
                              server_reserved_files(server));
    int result = process_become_user(name);
    if (result != 0)
        fprintf(stderr, "Cannot become the user '%s': %s\n", name, strerror(-result));
    return result;
}

static void log_user(const struct server *server)
{
    const char *name = acl_options_system_user(&server->settings.acl);
    if (name && !process_is_user(name))
        log_warning("'user %s' has no effect: only root can become another user", name);
    else if (name)
        log_notice("Running as the user '%s'", name);
}

static int run(struct server *server, const struct arguments *arguments) ON_MAIN
{
    if (drop_privileges(server) != 0)
        return 1;
    if (open_log(&server->settings.server) != 0)
        return 1;
    server_block_signals();
    log_start(arguments);
    log_user(server);
    if (become_process(server) != 0)
        return 1;
    server_install_crash_handlers(server);
    (void)mem_set_background_thread(server->settings.server.jemalloc_bg_thread);
    if (open_everything(server) != 0)
        return 1;
    write_pidfile(server);
    server_set_title(server);
    (void)server_apply_oom_score(server);
    log_banner(server);
    if (server_watch_signals(server) != 0) {
        log_warning("Cannot watch for signals");
        return 1;
    }
    server_start_cron(server);
    log_notice("Server initialized");
    log_ready(server);
    server_notify_supervisor(server, "STATUS=Ready to accept connections\n");
    server_notify_supervisor(server, "READY=1\n");
    server->startup_memory = mem_used();
    server->startup_tls_memory = mem_tls_used();
    server->startup_threads_memory = io_pool_memory(server->pool);
    server_run(server);
    server_unwatch_signals(server);
    const char *pidfile = server_pidfile(&server->settings.server);
    if (pidfile)
        process_remove_pidfile(pidfile);
    log_warning("Redis is now ready to exit, bye bye...");
    return 0;
}

/* What --check-config looks at beyond the options themselves: names of commands, the locale,
 * certificates, keys, ciphers. */
static int check(struct server *server)
{
    struct buffer error;
    buffer_init(&error, ERROR_SIZE_MAX);
    bool is_right =
        server_apply_names(server, &error) == 0 && server_check_tls(server, &error) == 0;
    if (is_right)
        printf("configuration OK\n");
    else
        fprintf(stderr, "%s\n", error.data);
    buffer_deinit(&error);
    return is_right ? 0 : 1;
}

int server_main(int argc, char **argv)
{
    process_open_standard_streams();
    mem_init();
    process_title_init(argc, argv);
    log_init();
    clock_update();
    hash_init();
    if (tls_library_init() != 0) {
        fprintf(stderr, "Cannot initialize the TLS library\n");
        return 1;
    }
    struct arguments arguments;
    enum arguments_result parsed = arguments_parse(argc, argv, &arguments);
    if (parsed != ARGUMENTS_RUN) {
        arguments_deinit(&arguments);
        return parsed == ARGUMENTS_DONE ? 0 : 1;
    }
    thread_role_enter(THREAD_INDEX_MAIN, "redis-server");
    struct server *server = server_create();
    server->executable = absolute_path_of(argv[0]);
    server->program = mem_strdup(argv[0]);
    entering_main();
    int status = load_configuration(server, &arguments) == 0 ? 0 : 1;
    bool is_checked = status == 0 && arguments.checks_config;
    if (is_checked)
        status = check(server);
    else if (status == 0)
        status = run(server, &arguments);
    if (status == 0 || is_checked) /* else a start that failed, with whatever it had begun */
        server_destroy(server);
    arguments_deinit(&arguments);
    return status;
}
