/* Creation and destruction of the server's modules, in order; see server.h. */
#include "server/server.h"
#include "server/metrics_http.h"

#include "server/placement.h"

#include "acl/acl_users.h"
#include "base/background.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/random.h"
#include "base/text.h"
#include "commands/all.h"
#include "commands/not_served.h"
#include "config/config_table.h"
#include "dispatch/execute.h"
#include "io/tls_options.h"
#include "io/tls_tickets.h"
#include "keyspace/defrag_options.h"
#include "keyspace/keyspace_options.h"
#include "observability/latency.h"
#include "observability/slowlog.h"
#include "observability/stats.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { RESERVED_FILES = 32, FILES_OF_THREAD = 2, ERROR_SIZE = 512, PREPARE_GRACE_MS = 2000 };

static void register_options(struct server *server)
{
    struct server_all_settings *settings = &server->settings;
    config_register(server->config, &server_options, &settings->server, server);
    config_register(server->config, &client_options, &settings->client, server);
    config_register(server->config, &acl_options, &settings->acl, server);
    config_register(server->config, &keyspace_options, &settings->keyspace, server);
    config_register(server->config, &defrag_options, &settings->defrag, server);
    config_register(server->config, &pubsub_options, &settings->pubsub, server);
    config_register(server->config, &type_options, &settings->type, server);
    config_register(server->config, &observability_options, &settings->observability, server);
    config_register(server->config, &persistence_options, &settings->persistence, server);
    config_register(server->config, &replication_options, &settings->replication, server);
    config_register(server->config, &cluster_options, &settings->cluster, server);
    config_register(server->config, &script_options, &settings->script, server);
    /* The last to be applied: new contexts, once in force, need not be taken back. */
    config_register(server->config, &tls_option_group, &settings->tls, server);
}

struct server *server_create(void)
{
    struct server *server = mem_alloc_aligned(64, sizeof(*server));
    memset(server, 0, sizeof(*server));
    server->config = config_create();
    register_options(server);
    server->stats = mem_calloc(1, sizeof(*server->stats));
    stats_init(server->stats);
    server->info = info_create();
    server->slowlog = slowlog_create();
    server->latency = latency_create();
    server->clients = client_table_create();
    server->commands = command_table_create();
    for (const struct command_spec *const *family = all_commands; *family; family++)
        command_table_add(server->commands, *family);
    random_hex(server->run_id, SERVER_RUN_ID_SIZE);
    server->started_us = clock_us();
    server->started_wall_ms = clock_wall_ms();
    return server;
}

/* A background job has finished: main has something to reap. */
static void on_background_done(void *context)
{
    struct server *server = context;
    wakeup_signal(io_pool_main_wakeup(server->pool));
}

uint64_t server_reserved_files(const struct server *server)
{
    int64_t threads = server->settings.server.io_threads;
    return RESERVED_FILES + (threads > 1 ? (uint64_t)threads * FILES_OF_THREAD : 0);
}

/* With a limit of files that is too low, maxclients is what fits: CONFIG GET tells it, too. */
static int raise_files(struct server *server)
{
    int64_t wanted = server->settings.client.maxclients;
    uint64_t reserved = server_reserved_files(server);
    uint64_t files = process_raise_files((uint64_t)wanted + reserved);
    int code = errno;
    server->maxclients = wanted;
    if (files >= (uint64_t)wanted + reserved)
        return 0;
    if (files <= reserved) {
        log_warning("Your current 'ulimit -n' of %llu is not enough for the server to start. "
                    "Please increase your open file limit to at least %llu. Exiting.",
                    (unsigned long long)files, (unsigned long long)reserved + 1);
        return -1;
    }
    server->maxclients = (int64_t)(files - reserved);
    server->settings.client.maxclients = server->maxclients;
    log_warning("You requested maxclients of %lld requiring at least %llu max file descriptors.",
                (long long)wanted, (unsigned long long)wanted + reserved);
    log_warning("Server can't set maximum open files to %llu because of OS error: %s.",
                (unsigned long long)wanted + reserved, strerror(code));
    log_warning(
        "Current maximum open files is %llu. maxclients has been reduced to %lld to compensate for "
        "low ulimit. If you need higher maxclients increase 'ulimit -n'.",
        (unsigned long long)files, (long long)server->maxclients);
    return 0;
}

static int apply_renames(struct server *server, struct buffer *error)
{
    const struct server_settings *settings = &server->settings.server;
    for (int i = 0; i < settings->rename_count; i++) {
        const struct command_rename *rename = &settings->renames[i];
        if (command_table_rename(server->commands, rename->name, rename->new_name) == 0)
            continue;
        if (command_is_not_served(bytes_of_text(rename->name))) {
            log_notice("rename-command %s: this version does not serve it", rename->name);
            continue;
        }
        bool is_known = command_lookup_name(server->commands, bytes_of_text(rename->name)) != NULL;
        (void)buffer_printf(error, "rename-command %s: %s", rename->name,
                            is_known ? "Target command name already exists"
                                     : "No such command in rename-command");
        return -1;
    }
    return 0;
}

int server_apply_names(struct server *server, struct buffer *error)
{
    if (apply_renames(server, error) != 0)
        return -1;
    if (server_set_locale(server) == 0)
        return 0;
    (void)buffer_append_text(error, "Failed to configure LOCALE for invalid locale name.");
    return -1;
}

/* LATENCY io-queue: from the making of a batch on its I/O thread to the run of its first request.
 */
static void note_queue_time(struct server *server, const struct client *client,
                            const struct request *request)
{
    if (!client->batch || client->batch->first != request)
        return;
    int64_t waited_ms = (clock_us() - client->batch->created_us) / 1000;
    if (waited_ms >= server->settings.observability.latency_monitor_threshold)
        latency_add(server->latency, "io-queue", (uint32_t)waited_ms);
}

/* The exchange calls back with the server; the executor is created after the pool. */
static void execute(void *context, struct client *client, struct request *request)
{
    struct server *server = context;
    if (server->settings.observability.latency_monitor_threshold > 0)
        note_queue_time(server, client, request);
    executor_execute(server->executor, client, request);
    if (server->settings.client.maxmemory_clients)
        client_eviction_note(server, client);
}

static void prefetch(void *context, struct client *client, struct request *request, int stage)
{
    executor_prefetch(((struct server *)context)->executor, client, request, stage);
}

static void create_exchange(struct server *server)
{
    const struct exchange_hooks hooks = {.context = server,
                                         .execute = execute,
                                         .prefetch = prefetch,
                                         .on_opened = server_on_opened,
                                         .on_closed = server_on_closed};
    server->resolver = (struct session_resolver){executor_resolve, server->commands};
    server->exchange = exchange_create(server->clients, &hooks, &server->resolver);
}

/* Those of the I/O threads: of their list, or all but one for main. */
static int io_processors(const struct server_settings *settings)
{
    int listed = settings->io_cpulist ? process_cpulist_processors(settings->io_cpulist) : 0;
    return listed > 0 ? listed : process_processors() - 1;
}

static int start_pool(struct server *server) ON_MAIN
{
    static const enum loop_backend backends[] = {[IO_BACKEND_AUTO] = LOOP_BACKEND_AUTO,
                                                 [IO_BACKEND_URING] = LOOP_BACKEND_URING,
                                                 [IO_BACKEND_EPOLL] = LOOP_BACKEND_EPOLL};
    const struct server_settings *settings = &server->settings.server;
    struct io_pool_options options = {.threads = (int)settings->io_threads,
                                      .loop = {.backend = backends[settings->io_backend]},
                                      .handler = exchange_thread_handler(),
                                      .context = server->exchange,
                                      .cpulist = settings->io_cpulist};
    char error[ERROR_SIZE];
    server->pool = io_pool_create(&options, error);
    if (!server->pool) {
        log_warning("Cannot start the I/O threads: %s", error);
        return -1;
    }
    exchange_set_pool(server->exchange, server->pool);
    server->placement = placement_create(server->exchange, server->pool, server->clients);
    placement_set_processors(server->placement, io_processors(settings));
    placement_set_elastic(server->placement, settings->io_threads_elastic);
    log_notice("I/O: %s, %s", loop_backend_name(io_pool_main_loop(server->pool)),
               loop_backend_reason(io_pool_main_loop(server->pool)));
    return 0;
}

static const char *const no_tls_text =
    "Failed finding TLS support. (This server was built with BUILD_TLS=no.)";

static bool needs_tls(const struct tls_settings *tls)
{
    return tls->port || tls->replication || tls->cluster;
}

int server_check_tls(const struct server *server, struct buffer *error)
{
    const struct tls_settings *tls = &server->settings.tls;
    if (!needs_tls(tls))
        return 0;
    if (!tls_is_supported()) {
        (void)buffer_append_text(error, no_tls_text);
        return -1;
    }
    char reason[ERROR_SIZE];
    struct tls_tickets *tickets = tls_tickets_create();
    struct tls_context *context = tls_context_create(tls, tickets, true, reason, sizeof(reason));
    if (context)
        tls_context_release(context);
    else
        (void)buffer_append_text(error, reason);
    tls_tickets_destroy(tickets);
    return context ? 0 : -1;
}

static int start_tls(struct server *server) ON_MAIN
{
    const struct tls_settings *tls = &server->settings.tls;
    server->tickets = tls_tickets_create();
    if (!needs_tls(tls))
        return 0;
    if (!tls_is_supported()) {
        log_warning("%s", no_tls_text);
        return -1;
    }
    char error[ERROR_SIZE];
    if (io_pool_set_tls(server->pool, tls, server->tickets, error, sizeof(error)) != 0) {
        log_warning("%s", error);
        log_warning("Failed to configure TLS. Check logs for more info.");
        return -1;
    }
    tls_reload_note_loaded(server);
    if (tls->keylog_file)
        log_warning("WARNING: tls-keylog-file is set: whoever reads it can decrypt the traffic.");
    return 0;
}

static void pause_cron(void *context, bool paused)
{
    struct server *server = context;
    server->is_cron_paused = paused;
}

static void set_active_expire(void *context, bool enabled)
{
    ((struct server *)context)->keyspace->active_expire_is_off = !enabled;
}

static void fill_services(struct server *server)
{
    server->control = (struct server_control){.server = server,
                                              .request_shutdown = server_request_shutdown,
                                              .abort_shutdown = server_abort_shutdown,
                                              .set_active_expire = set_active_expire,
                                              .pause_cron = pause_cron,
                                              .defer_config_set = tls_change_defer,
                                              .defer_exec = tls_change_defer_exec,
                                              .set_config = tls_change_set};
    server->services = (struct services){.keyspace = server->keyspace,
                                         .clients = server->clients,
                                         .exchange = server->exchange,
                                         .commands = server->commands,
                                         .config = server->config,
                                         .info = server->info,
                                         .stats = server->stats,
                                         .slowlog = server->slowlog,
                                         .latency = server->latency,
                                         .pubsub = server->pubsub,
                                         .background = server->background,
                                         .acl = &server->settings.acl,
                                         .client_settings = &server->settings.client,
                                         .types = &server->settings.type,
                                         .persistence = &server->settings.persistence,
                                         .info_sources = &server->info_sources,
                                         .control = &server->control};
    server->executor = executor_create(&server->services, &server->settings.observability);
    server->executor->timers = loop_timers(io_pool_main_loop(server->pool));
}

int server_start(struct server *server)
{
    entering_main();
    if (raise_files(server) != 0)
        return -1;
    server->settings.keyspace.hz = server->settings.server.hz;
    create_exchange(server);
    if (start_pool(server) != 0 || start_tls(server) != 0)
        return -1;
    server->background = background_create(on_background_done, server);
    if (server->settings.server.bio_cpulist)
        background_set_cpulist(server->background, server->settings.server.bio_cpulist);
    server->keyspace = keyspace_create(&server->settings.keyspace, server->background);
    server->pubsub = pubsub_create(&server->settings.pubsub, server->keyspace, server->clients,
                                   server->exchange);
    fill_services(server);
    server_register_info(server);
    server_observe_options(server);
    server_apply_settings_to_sessions(server);
    return 0;
}

/* While everything is there that finished jobs report to. What is freed later is freed at once.
 * False: a file system that hangs keeps the worker that reads certificates. It is not waited for,
 * and what it uses is left to the end of the process. */
static bool end_workers(struct server *server)
{
    if (server->background &&
        (background_abandoned(server->background, BACKGROUND_PREPARE) > 0 ||
         !background_drain(server->background, BACKGROUND_PREPARE, PREPARE_GRACE_MS))) {
        log_warning("Files of a TLS change are still being read: they are not waited for.");
        return false;
    }
    if (server->keyspace)
        server->keyspace->background = NULL;
    if (server->pubsub)
        server->pubsub->tracking.background = NULL;
    if (server->background)
        background_destroy(server->background);
    server->background = NULL;
    return true;
}

void server_destroy(struct server *server)
{
    entering_main();
    metrics_http_stop(server->metrics);
    if (!end_workers(server))
        return;
    if (server->executor)
        executor_destroy(server->executor);
    if (server->pubsub)
        pubsub_destroy(server->pubsub);
    if (server->keyspace)
        keyspace_destroy(server->keyspace);
    if (server->placement)
        placement_destroy(server->placement);
    if (server->pool)
        io_pool_destroy(server->pool);
    if (server->tickets)
        tls_tickets_destroy(server->tickets);
    if (server->exchange)
        exchange_destroy(server->exchange);
    command_table_destroy(server->commands);
    client_table_destroy(server->clients);
    info_destroy(server->info);
    slowlog_destroy(server->slowlog);
    latency_destroy(server->latency);
    stats_deinit(server->stats);
    mem_free(server->stats);
    config_destroy(server->config);
    mem_free(server->executable);
    mem_free(server->program);
    mem_free(server);
}
