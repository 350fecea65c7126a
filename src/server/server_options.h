/* Options of the process and its listeners. Read by the composition root; no I/O thread sees this
 * struct. Main thread. */
#ifndef SERVER_SERVER_OPTIONS_H
#define SERVER_SERVER_OPTIONS_H

#include "base/option.h"
#include <stdbool.h>
#include <stdint.h>

enum { SERVER_BIND_MAX = 16, SERVER_RENAMES_MAX = 1024 };

/* enable-protected-configs, enable-debug-command, enable-module-command */
enum action_guard { GUARD_NO, GUARD_YES, GUARD_LOCAL };

enum oom_score_mode { OOM_SCORE_NO, OOM_SCORE_RELATIVE, OOM_SCORE_ABSOLUTE };

enum io_backend_choice { IO_BACKEND_AUTO, IO_BACKEND_URING, IO_BACKEND_EPOLL };

enum { SUPERVISED_NO, SUPERVISED_AUTO, SUPERVISED_SYSTEMD, SUPERVISED_UPSTART };

/* Bits of shutdown-on-sigint and shutdown-on-sigterm are enum shutdown_flag; 0 is "default". */

struct command_rename {
    char *name;
    char *new_name; /* "" removes the command */
};

struct server_settings {
    /* -- network -- */
    char *bind[SERVER_BIND_MAX]; /* as written: "127.0.0.1", "-::1" (optional), "*", "-::*" */
    int bind_count;
    int64_t port; /* 0: none */
    int64_t tcp_backlog;
    int64_t tcp_keepalive; /* seconds */
    char *unixsocket;      /* NULL: none */
    int64_t unixsocketperm;
    bool protected_mode;
    int64_t socket_mark_id;
    char *bind_source_addr;
    int64_t max_new_connections_per_cycle;

    /* -- process -- */
    bool daemonize;
    int supervised; /* SUPERVISED_ */
    char *pidfile;  /* NULL: /var/run/redis.pid when daemonized */
    int loglevel;   /* enum log_level */
    char *logfile;  /* NULL: standard output */
    bool syslog_enabled;
    char *syslog_ident;
    int syslog_facility; /* index into server_syslog_facilities, by server_syslog_facility_name */
    bool always_show_logo;
    bool set_proc_title;
    char *proc_title_template;
    char *locale_collate;
    bool crash_log_enabled;
    bool crash_memcheck_enabled;
    bool use_exit_on_panic;
    bool disable_thp;
    int oom_score_adj; /* enum oom_score_mode */
    int64_t oom_score_adj_values[3];
    char *server_cpulist;
    char *bio_cpulist;
    char *io_cpulist;
    char *ignore_warnings;
    int64_t hz;
    bool dynamic_hz;
    bool jemalloc_bg_thread;
    int64_t watchdog_period;
    int64_t shutdown_timeout; /* seconds to wait for replicas */
    int shutdown_on_sigint;
    int shutdown_on_sigterm;

    /* -- I/O threads -- */
    int64_t io_threads;
    bool io_threads_do_reads; /* ignored */
    bool io_threads_elastic;
    int io_backend; /* enum io_backend_choice */

    /* -- what outsiders watch -- */
    int64_t metrics_port; /* 0: none */
    char *metrics_bind;
    bool metrics_tls;
    int log_format; /* enum log_format */

    /* -- guards -- */
    int enable_protected_configs; /* enum action_guard */
    int enable_debug_command;
    int enable_module_command;
    struct command_rename *renames;
    int rename_count;
};

extern const struct option_group server_options;

/* "local0" of syslog-facility; what log_set_syslog takes. */
const char *server_syslog_facility_name(const struct server_settings *settings);
/* "no", "auto", "systemd", "upstart": what process_supervisor takes. */
const char *server_supervised_name(const struct server_settings *settings);

#endif
