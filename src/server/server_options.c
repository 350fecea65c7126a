/* The table of process and listener options. */
#include "server/server_options.h"

#include <inttypes.h>
#include <limits.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/option_rows.h"
#include "base/process.h"
#include "base/server_control.h"
#include "base/text.h"

enum { HZ_MIN = 1, HZ_MAX = 500 };

static const struct option_name log_format_names[] = {
    {"plain", LOG_FORMAT_PLAIN},
    {"logfmt", LOG_FORMAT_LOGFMT},
    {"json", LOG_FORMAT_JSON},
    {NULL, 0},
};

static const struct option_name supervised_names[] = {
    {"upstart", SUPERVISED_UPSTART},
    {"systemd", SUPERVISED_SYSTEMD},
    {"auto", SUPERVISED_AUTO},
    {"no", SUPERVISED_NO},
    {NULL, 0},
};

static const struct option_name facility_names[] = {
    {"user", 0},   {"local0", 1}, {"local1", 2}, {"local2", 3}, {"local3", 4},
    {"local4", 5}, {"local5", 6}, {"local6", 7}, {"local7", 8}, {NULL, 0},
};

static const struct option_name loglevel_names[] = {
    {"debug", LOG_DEBUG_},     {"verbose", LOG_VERBOSE_}, {"notice", LOG_NOTICE_},
    {"warning", LOG_WARNING_}, {"nothing", LOG_NOTHING_}, {NULL, 0},
};

static const struct option_name oom_score_names[] = {
    {"no", OOM_SCORE_NO},
    {"yes", OOM_SCORE_RELATIVE},
    {"relative", OOM_SCORE_RELATIVE},
    {"absolute", OOM_SCORE_ABSOLUTE},
    {NULL, 0},
};

static const struct option_name guard_names[] = {
    {"no", GUARD_NO},
    {"yes", GUARD_YES},
    {"local", GUARD_LOCAL},
    {NULL, 0},
};

static const struct option_name backend_names[] = {
    {"auto", IO_BACKEND_AUTO},
    {"uring", IO_BACKEND_URING},
    {"epoll", IO_BACKEND_EPOLL},
    {NULL, 0},
};

static const struct option_name shutdown_names[] = {
    {"default", 0},        {"save", SHUTDOWN_SAVE},   {"nosave", SHUTDOWN_NOSAVE},
    {"now", SHUTDOWN_NOW}, {"force", SHUTDOWN_FORCE}, {NULL, 0},
};

static const char *name_of(const struct option_name *names, int value)
{
    while (names->name && names->value != value)
        names++;
    return names->name;
}

const char *server_syslog_facility_name(const struct server_settings *settings)
{
    return name_of(facility_names, settings->syslog_facility);
}

const char *server_supervised_name(const struct server_settings *settings)
{
    return name_of(supervised_names, settings->supervised);
}

static int refuse(struct buffer *error, const char *reason)
{
    buffer_append_text(error, reason);
    return -1;
}

static char *copy_bytes(struct bytes bytes)
{
    char *text = mem_calloc(bytes.size + 1, 1);
    memcpy(text, bytes.data, bytes.size);
    return text;
}

/* -- bind <address>... -- */

static int set_bind(void *settings, int argc, const struct bytes *argv, struct buffer *error)
{
    struct server_settings *server = settings;
    if (argc > SERVER_BIND_MAX)
        return refuse(error, "Too many bind addresses specified.");
    for (int i = 0; i < argc; i++)
        if (memchr(argv[i].data, '\0', argv[i].size) || (argc > 1 && argv[i].size == 0))
            return refuse(error, "Invalid bind address.");
    if (argc == 1 && argv[0].size == 0)
        argc = 0;
    for (int i = 0; i < server->bind_count; i++)
        mem_free(server->bind[i]);
    for (int i = 0; i < argc; i++)
        server->bind[i] = copy_bytes(argv[i]);
    server->bind_count = argc;
    return 0;
}

static void get_bind(const void *settings, struct buffer *out)
{
    const struct server_settings *server = settings;
    for (int i = 0; i < server->bind_count; i++)
        buffer_printf(out, "%s%s", i ? " " : "", server->bind[i]);
}

/* -- hz: out of range is brought into it, as Redis does -- */

static int set_hz(void *settings, int argc, const struct bytes *argv, struct buffer *error)
{
    struct server_settings *server = settings;
    int64_t value;
    if (argc != 1)
        return refuse(error, "wrong number of arguments");
    if (!number_parse_i64(argv[0], &value))
        return refuse(error, "argument couldn't be parsed into an integer");
    if (value < 0 || value > INT_MAX) {
        buffer_printf(error, "argument must be between 0 and %d inclusive", INT_MAX);
        return -1;
    }
    server->hz = value < HZ_MIN ? HZ_MIN : value > HZ_MAX ? HZ_MAX : value;
    return 0;
}

static void get_hz(const void *settings, struct buffer *out)
{
    buffer_printf(out, "%" PRId64, ((const struct server_settings *)settings)->hz);
}

static void rewrite_hz(const void *settings, const char *name, struct buffer *out)
{
    buffer_printf(out, "%s %" PRId64 "\n", name, ((const struct server_settings *)settings)->hz);
}

/* -- oom-score-adj-values <primary> <replica> <child> -- */

static int set_oom_values(void *settings, int argc, const struct bytes *argv, struct buffer *error)
{
    struct server_settings *server = settings;
    int64_t values[3];
    if (argc != 3)
        return refuse(error, "wrong number of arguments");
    for (int i = 0; i < 3; i++)
        if (!number_parse_i64(argv[i], &values[i]) || values[i] < -2000 || values[i] > 2000)
            return refuse(error, "Invalid oom-score-adj-values, elements must be between -2000 and "
                                 "2000.");
    if (values[1] < values[0] || values[2] < values[1])
        log_warning("The oom-score-adj-values configuration may not work for non-privileged "
                    "processes! Please consult the documentation.");
    memcpy(server->oom_score_adj_values, values, sizeof values);
    return 0;
}

static void get_oom_values(const void *settings, struct buffer *out)
{
    const int64_t *values = ((const struct server_settings *)settings)->oom_score_adj_values;
    buffer_printf(out, "%" PRId64 " %" PRId64 " %" PRId64, values[0], values[1], values[2]);
}

/* -- rename-command <name> <new name> -- */

static int add_rename(void *settings, int argc, const struct bytes *argv, struct buffer *error)
{
    struct server_settings *server = settings;
    if (argc == 0) {
        for (int i = 0; i < server->rename_count; i++) {
            mem_free(server->renames[i].name);
            mem_free(server->renames[i].new_name);
        }
        mem_free(server->renames);
        server->renames = NULL;
        server->rename_count = 0;
        return 0;
    }
    if (argc != 2)
        return refuse(error, "Bad directive or wrong number of arguments");
    if (server->rename_count == SERVER_RENAMES_MAX)
        return refuse(error, "Too many renamed commands");
    if (!server->renames)
        server->renames = mem_calloc(SERVER_RENAMES_MAX, sizeof *server->renames);
    server->renames[server->rename_count++] =
        (struct command_rename){copy_bytes(argv[0]), copy_bytes(argv[1])};
    return 0;
}

/* -- what is refused on purpose -- */

static int refuse_modules(void *settings, int argc, const struct bytes *argv, struct buffer *error)
{
    (void)settings;
    (void)argv;
    return argc == 0 ? 0 : refuse(error, "Loadable modules are not supported");
}

/* -- checks -- */

/* The variables of proc-title-template, as "{port}". */
static bool is_title_variable(struct bytes text)
{
    static const char *const variables[] = {
        "{title}",    "{listen-addr}", "{server-mode}", "{port}",
        "{tls-port}", "{unixsocket}",  "{config-file}", NULL,
    };
    for (int i = 0; variables[i]; i++)
        if (bytes_equal(text, bytes_of_text(variables[i])))
            return true;
    return false;
}

static int check_title_template(const void *settings, struct buffer *error)
{
    const char *text = ((const struct server_settings *)settings)->proc_title_template;
    const char *reason = "template format is invalid or contains unknown variables";
    if (!text)
        return refuse(error, reason);
    for (const char *open = strchr(text, '{'); open; open = strchr(open + 1, '{')) {
        const char *close = strchr(open, '}');
        if (!close || !is_title_variable(bytes_of(open, (size_t)(close - open + 1))))
            return refuse(error, reason);
    }
    return 0;
}

static int check_cpulist(const char *list, struct buffer *error)
{
    if (list && process_check_cpulist(list) < 0)
        return refuse(error, "argument must be a list of CPUs, as in 0-3,8 or 0-7:2");
    return 0;
}

static int check_server_cpulist(const void *settings, struct buffer *error)
{
    return check_cpulist(((const struct server_settings *)settings)->server_cpulist, error);
}

static int check_bio_cpulist(const void *settings, struct buffer *error)
{
    return check_cpulist(((const struct server_settings *)settings)->bio_cpulist, error);
}

static int check_io_cpulist(const void *settings, struct buffer *error)
{
    return check_cpulist(((const struct server_settings *)settings)->io_cpulist, error);
}

static int check_shutdown_flags(int flags, struct buffer *error)
{
    if ((flags & SHUTDOWN_SAVE) && (flags & SHUTDOWN_NOSAVE))
        return refuse(error, "shutdown options SAVE and NOSAVE can't be used simultaneously");
    return 0;
}

static int check_sigint(const void *settings, struct buffer *error)
{
    return check_shutdown_flags(((const struct server_settings *)settings)->shutdown_on_sigint,
                                error);
}

static int check_sigterm(const void *settings, struct buffer *error)
{
    return check_shutdown_flags(((const struct server_settings *)settings)->shutdown_on_sigterm,
                                error);
}

/* -- the table -- */

#define BOOL(field, name, flags, value)                                                            \
    OPTION_ROW_BOOL(server_settings, field, name, NULL, flags, value)
#define NUMBER(field, name, flags, value, lowest, highest)                                         \
    OPTION_ROW_INT(server_settings, field, name, NULL, flags, value, lowest, highest)
#define STRING(field, name, flags, value, check)                                                   \
    OPTION_ROW_STRING(server_settings, field, name, NULL, flags, value, check)
#define CPULIST(field, name, alias, check)                                                         \
    OPTION_ROW_STRING(server_settings, field, name, alias, OPTION_IMMUTABLE, "", check)
#define ENUM(field, name, flags, value, names)                                                     \
    OPTION_ROW_ENUM(server_settings, field, name, flags, value, names)
#define SHUTDOWN_ROW(field, option_text, checker)                                                  \
    {                                                                                              \
        .name = option_text, .kind = OPTION_FLAGS, .flags = OPTION_MULTI_ARG,                      \
        .offset = offsetof(struct server_settings, field), .default_text = "default",              \
        .names = shutdown_names, .check = checker                                                  \
    }

static const struct option rows[] = {
    /* -- network -- */
    OPTION_ROW_CUSTOM("bind", NULL, OPTION_MULTI_ARG | OPTION_REPEATED, "* -::*", set_bind,
                      get_bind, NULL),
    NUMBER(port, "port", 0, "6379", 0, 65535),
    NUMBER(tcp_backlog, "tcp-backlog", OPTION_IMMUTABLE, "511", 0, INT_MAX),
    NUMBER(tcp_keepalive, "tcp-keepalive", 0, "300", 0, INT_MAX),
    STRING(unixsocket, "unixsocket", OPTION_IMMUTABLE, "", NULL),
    {.name = "unixsocketperm",
     .kind = OPTION_OCTAL,
     .flags = OPTION_IMMUTABLE,
     .offset = offsetof(struct server_settings, unixsocketperm),
     .default_text = "0",
     .maximum = 0777},
    BOOL(protected_mode, "protected-mode", 0, "yes"),
    NUMBER(socket_mark_id, "socket-mark-id", OPTION_IMMUTABLE, "0", 0, UINT_MAX),
    STRING(bind_source_addr, "bind-source-addr", 0, "", NULL),
    NUMBER(max_new_connections_per_cycle, "max-new-connections-per-cycle", 0, "10", 1, 1000),

    /* -- process -- */
    BOOL(daemonize, "daemonize", OPTION_IMMUTABLE, "no"),
    ENUM(supervised, "supervised", OPTION_IMMUTABLE, "no", supervised_names),
    STRING(pidfile, "pidfile", OPTION_IMMUTABLE, "", NULL),
    ENUM(loglevel, "loglevel", 0, "notice", loglevel_names),
    STRING(logfile, "logfile", OPTION_IMMUTABLE, "", NULL),
    ENUM(log_format, "log-format", 0, "plain", log_format_names),
    NUMBER(metrics_port, "metrics-port", OPTION_IMMUTABLE, "0", 0, 65535),
    STRING(metrics_bind, "metrics-bind", OPTION_IMMUTABLE, "127.0.0.1", NULL),
    BOOL(metrics_tls, "metrics-tls", OPTION_IMMUTABLE, "no"),
    BOOL(syslog_enabled, "syslog-enabled", OPTION_IMMUTABLE, "no"),
    STRING(syslog_ident, "syslog-ident", OPTION_IMMUTABLE, "redis", NULL),
    ENUM(syslog_facility, "syslog-facility", OPTION_IMMUTABLE, "local0", facility_names),
    BOOL(always_show_logo, "always-show-logo", OPTION_IMMUTABLE, "no"),
    BOOL(set_proc_title, "set-proc-title", OPTION_IMMUTABLE, "yes"),
    STRING(proc_title_template, "proc-title-template", 0, "\"{title} {listen-addr} {server-mode}\"",
           check_title_template),
    STRING(locale_collate, "locale-collate", 0, "", NULL),
    BOOL(crash_log_enabled, "crash-log-enabled", 0, "yes"),
    BOOL(crash_memcheck_enabled, "crash-memcheck-enabled", 0, "yes"),
    BOOL(use_exit_on_panic, "use-exit-on-panic", OPTION_HIDDEN, "no"),
    BOOL(disable_thp, "disable-thp", OPTION_IMMUTABLE, "yes"),
    ENUM(oom_score_adj, "oom-score-adj", 0, "no", oom_score_names),
    OPTION_ROW_CUSTOM("oom-score-adj-values", NULL, OPTION_MULTI_ARG, "0 200 800", set_oom_values,
                      get_oom_values, NULL),
    CPULIST(server_cpulist, "server-cpulist", "server_cpulist", check_server_cpulist),
    CPULIST(bio_cpulist, "bio-cpulist", "bio_cpulist", check_bio_cpulist),
    CPULIST(io_cpulist, "io-cpulist", NULL, check_io_cpulist),
    STRING(ignore_warnings, "ignore-warnings", 0, "", NULL),
    OPTION_ROW_CUSTOM("hz", NULL, 0, "10", set_hz, get_hz, rewrite_hz),
    BOOL(dynamic_hz, "dynamic-hz", 0, "yes"),
    BOOL(jemalloc_bg_thread, "jemalloc-bg-thread", 0, "yes"),
    NUMBER(watchdog_period, "watchdog-period", OPTION_HIDDEN, "0", 0, INT_MAX),
    NUMBER(shutdown_timeout, "shutdown-timeout", 0, "10", 0, INT_MAX),
    SHUTDOWN_ROW(shutdown_on_sigint, "shutdown-on-sigint", check_sigint),
    SHUTDOWN_ROW(shutdown_on_sigterm, "shutdown-on-sigterm", check_sigterm),

    /* -- I/O threads -- */
    NUMBER(io_threads, "io-threads", 0, "1", 1, 128),
    BOOL(io_threads_do_reads, "io-threads-do-reads", OPTION_IGNORED, "no"),
    BOOL(io_threads_elastic, "io-threads-elastic", 0, "yes"),
    ENUM(io_backend, "io-backend", OPTION_IMMUTABLE, "auto", backend_names),

    /* -- guards -- */
    ENUM(enable_protected_configs, "enable-protected-configs", OPTION_IMMUTABLE, "no", guard_names),
    ENUM(enable_debug_command, "enable-debug-command", OPTION_IMMUTABLE, "no", guard_names),
    ENUM(enable_module_command, "enable-module-command", OPTION_IMMUTABLE, "no", guard_names),
    OPTION_ROW_CUSTOM("rename-command", NULL, OPTION_IMMUTABLE | OPTION_REPEATED, NULL, add_rename,
                      NULL, NULL),
    OPTION_ROW_CUSTOM("loadmodule", NULL, OPTION_IMMUTABLE, NULL, refuse_modules, NULL, NULL),
};

OPTION_GROUP(server_options, "server", rows, NULL);
