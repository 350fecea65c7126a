/* The composition root: the one place that knows every module. Holds the settings that the option
 * groups point into and the modules' instances; creates them in order, destroys them in reverse.
 * Main thread. Other files of this folder: arguments, main_loop, accept, listeners, cron, signals,
 * shutdown, startup, server_info.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "acl/acl_options.h"
#include "base/server_control.h"
#include "base/services.h"
#include "client/client_options.h"
#include "client/exchange.h"
#include "cluster/cluster_options.h"
#include "io/idle_poll.h"
#include "io/listener.h"
#include "io/timer.h"
#include "io/tls_context.h"
#include "keyspace/defrag_options.h"
#include "keyspace/keyspace.h"
#include "observability/info_sources.h"
#include "observability/observability_options.h"
#include "persistence/persistence_options.h"
#include "pubsub/pubsub.h"
#include "pubsub/pubsub_options.h"
#include "replication/replication_options.h"
#include "scripting/script_options.h"
#include "server/arguments.h"
#include "server/client_eviction.h"
#include "server/server_options.h"
#include "server/tls_change.h"
#include "server/tls_refill.h"
#include "server/tls_reload.h"
#include "types/type_options.h"
#include <time.h>

enum { SERVER_LISTENERS_MAX = 2 * SERVER_BIND_MAX + 1, SERVER_RUN_ID_SIZE = 40 };

enum listener_kind { LISTENER_TCP, LISTENER_TLS, LISTENER_UNIX, LISTENER_KINDS };

struct executor;
struct metrics_http;
struct placement;

/* Where every option's value lives; the groups' rows point into these. */
struct server_all_settings {
    struct server_settings server;
    struct client_settings client;
    struct keyspace_settings keyspace;
    struct acl_settings acl;
    struct tls_settings tls;
    struct type_settings type;
    struct defrag_settings defrag;
    struct pubsub_settings pubsub;
    struct observability_settings observability;
    struct persistence_settings persistence;
    struct replication_settings replication;
    struct cluster_settings cluster;
    struct script_settings script;
};

struct server {
    struct server_all_settings settings;
    struct config *config;
    struct info *info;
    struct stats *stats;
    struct slowlog *slowlog;
    struct latency *latency;
    struct info_sources info_sources;
    struct background *background;
    struct keyspace *keyspace;
    struct pubsub *pubsub;
    struct command_table *commands;
    struct client_table *clients;
    struct exchange *exchange;
    struct io_pool *pool;
    struct placement *placement;
    struct metrics_http *metrics; /* NULL: no metrics-port */
    struct tls_tickets *tickets;
    struct executor *executor;
    struct tls_reload tls_reload;
    struct tls_changes tls_changes;
    struct tls_refill tls_refill;
    struct client_eviction client_eviction;
    struct services services;
    struct server_control control;
    struct session_resolver resolver;

    struct listener *listeners[SERVER_LISTENERS_MAX];
    int listener_count;
    struct old_listeners *old_listeners; /* only while they are re-opened */
    struct loop_watch signal_watch;
    struct timer cron_timer;
    bool is_cron_paused; /* DEBUG PAUSE-CRON */
    struct idle_poll idle_poll;
    bool has_put_off; /* slices of long work, in the last turn */
    int64_t cron_runs;

    char run_id[SERVER_RUN_ID_SIZE + 1];
    char *executable;
    char *program;    /* as it was called */
    timer_t watchdog; /* when has_watchdog */
    bool has_watchdog;
    int64_t hz;         /* runs of cron a second at present */
    int oom_score_base; /* before it was set */
    bool is_oom_score_set;
    const char *supervisor; /* in force: "upstart", "systemd", or NULL */
    int64_t started_us;
    int64_t started_wall_ms;
    size_t startup_memory;
    size_t startup_tls_memory;     /* of that */
    size_t startup_threads_memory; /* of that, the I/O threads beside main */
    struct io_stats io_baseline;   /* at the last CONFIG RESETSTAT: sum, and main's own */
    struct io_stats own_io_baseline;
    int64_t maxclients; /* in force: as configured, or what the limit of files allows */
    int64_t peak_clients;

    /* -- shutting down -- */
    unsigned shutdown_flags;
    bool is_shutdown_requested;
    bool is_stopping; /* threads were told to end */
    bool is_stopped;  /* nothing is left: main_loop returns */
    int64_t stopping_since_ms;
};

/* Everything from argv to a running loop to exit status. */
int server_main(int argc, char **argv);
/* Logs what of the system and of the settings an operator should mend. */
void server_warn_at_start(const struct server *server);
/* Makes the title anew from the settings. */
void server_set_title(const struct server *server);
/* Puts oom-score-adj in force; 0 or -errno, which is logged. */
int server_apply_oom_score(struct server *server);
/* Whether TLS could be started with the settings as they are: 0, or -1 with the reason. Nothing
 * stays. */
int server_check_tls(const struct server *server, struct buffer *error);
/* NULL: none is written. */
const char *server_pidfile(const struct server_settings *settings);
/* A message to systemd, when it supervises this process. */
void server_notify_supervisor(const struct server *server, const char *message);

/* -- server.c -- */
struct server *server_create(void);
void server_destroy(struct server *server);
/* Creates the modules once the configuration is loaded. -1 with a logged reason. */
int server_start(struct server *server);
/* rename-command and the locale, which need everything that is configured. -1 with a reason. */
int server_apply_names(struct server *server, struct buffer *error);
/* Files that clients may not take. */
uint64_t server_reserved_files(const struct server *server);

/* -- listeners.c: all-or-nothing opening; -1 with a reason -- */
int server_open_listeners(struct server *server, struct buffer *error);
void server_close_listeners(struct server *server);
/* Opens what changed settings want, then closes the old ones; on failure the old stay. */
int server_reopen_listeners(struct server *server, struct buffer *error);
/* max-new-connections-per-cycle and its TLS counterpart, to the listeners there are. */
void server_set_accept_budgets(struct server *server);
void server_write_listeners(void *server, struct buffer *out);

/* -- metrics.c -- */
/* Starts the endpoint if there is to be one; -1 with a reason. */
int server_start_metrics(struct server *server, struct buffer *error);
/* Answers scrapes that wait. */
void server_serve_metrics(struct server *server);

/* -- accept.c -- */
void server_on_accept(struct listener *listener, int fd);
void server_on_opened(void *server, struct client *client, const struct tls_facts *facts);
void server_on_closed(void *server, struct client *client, enum connection_outcome outcome,
                      enum session_close_reason reason, const char *text);

/* -- apply.c: CONFIG SET reaches running modules -- */
void server_observe_options(struct server *server);
void server_apply_settings_to_sessions(struct server *server);
/* Puts locale-collate in force; -1 when there is no such locale. */
int server_set_locale(const struct server *server);

/* -- main_loop.c -- */
void server_run(struct server *server);

/* -- cron.c -- */
/* Closes the client when it is over its output limit. */
void server_check_output(void *server, struct client *client);
void server_start_cron(struct server *server);

/* -- signals.c -- */
/* Before any thread starts: the handled signals are blocked everywhere and read from a descriptor.
 */
void server_block_signals(void);
int server_watch_signals(struct server *server);
void server_unwatch_signals(struct server *server);
void server_install_crash_handlers(struct server *server);
/* Begins the period of watchdog-period anew; at its end main's stack is logged. From cron. */
void server_arm_watchdog(struct server *server);

/* -- shutdown.c -- */
void server_request_shutdown(void *server, unsigned flags);
bool server_abort_shutdown(void *server);
/* Each turn: one step further when a shutdown is under way. */
void server_shutdown_step(struct server *server);

/* -- server_info.c -- */
void server_register_info(struct server *server);

#endif
