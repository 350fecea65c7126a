/* INFO: choice and order of sections, and the standard ones. */
#include "base/clock.h"
#include "base/memory.h"
#include "observability/info_sources.h"
#include "observability/latency_histogram.h"
#include "observability/memory_report.h"
#include "observability/observability_options.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct info *info;
static struct stats stats;
static struct observability_settings settings;
static struct info_sources sources;
static struct buffer out;

static void start(void)
{
    mem_init();
    clock_update();
    info = info_create();
    stats_init(&stats);
    settings = (struct observability_settings){
        .latency_tracking = true, .latency_percentiles = {50, 99.9}, .latency_percentile_count = 2};
    sources = (struct info_sources){.stats = &stats, .settings = &settings};
    buffer_init(&out, INFO_SIZE_MAX);
}

static void stop(void)
{
    info_destroy(info);
    stats_deinit(&stats);
    buffer_deinit(&out);
}

TestSuite(info, .init = start, .fini = stop);

static const char *run(int argc, const char *const *words)
{
    struct bytes argv[8];
    for (int i = 0; i < argc; i++)
        argv[i] = bytes_of_text(words[i]);
    buffer_clear(&out);
    buffer_append(&out, "", 0);
    info_write(info, argc, argv, &out);
    return out.data;
}

static const char *run_one(const char *word)
{
    return run(1, &word);
}

/* -- sections of our own -- */

static void write_number(struct buffer *to, const void *context)
{
    buffer_printf(to, "%d", *(const int *)context);
}

static void write_lines(struct buffer *to, const void *context)
{
    buffer_printf(to, "x:1\r\ny:%d\r\n", *(const int *)context);
}

static const struct info_field number_field[] = {{"number", write_number}};
static const struct info_field line_field[] = {{NULL, write_lines}};

#define SECTION(name_, title_, flags_, position_, fields_)                                         \
    {                                                                                              \
        .name = name_, .title = title_, .flags = flags_, .position = position_, .fields = fields_, \
        .count = 1                                                                                 \
    }

static const struct info_section always =
    SECTION("always", "Always", INFO_DEFAULT | INFO_ALL | INFO_EVERYTHING, 20, number_field);
static const struct info_section all_only =
    SECTION("allonly", "AllOnly", INFO_ALL | INFO_EVERYTHING, 10, line_field);
static const struct info_section everything_only =
    SECTION("eonly", "EOnly", INFO_EVERYTHING, 30, number_field);
static const struct info_section never = SECTION("never", "Never", 0, 5, number_field);
static const struct info_section more =
    SECTION("always", "Always", INFO_DEFAULT | INFO_ALL | INFO_EVERYTHING, 20, line_field);

#define ALWAYS "# Always\r\nnumber:3\r\n"
#define ALL    "# AllOnly\r\nx:1\r\ny:4\r\n"
#define EVERY  "# EOnly\r\nnumber:3\r\n"
#define NEVER  "# Never\r\nnumber:3\r\n"

static void register_ours(void)
{
    static const int three = 3;
    static const int four = 4;
    info_register(info, &always, &three);
    info_register(info, &all_only, &four);
    info_register(info, &never, &three);
    info_register(info, &everything_only, &three);
}

Test(info, groups_and_names)
{
    register_ours();
    cr_assert_str_eq(run(0, NULL), ALWAYS);
    cr_assert_str_eq(run_one("default"), ALWAYS);
    cr_assert_str_eq(run_one("all"), ALL "\r\n" ALWAYS);
    cr_assert_str_eq(run_one("EVERYTHING"), ALL "\r\n" ALWAYS "\r\n" EVERY);
    cr_assert_str_eq(run_one("NEVER"), NEVER);
    cr_assert_str_eq(run_one("nothing"), "");
    cr_assert_str_eq(run(3, (const char *[]){"eonly", "always", "EOnly"}), ALWAYS "\r\n" EVERY);
    cr_assert_str_eq(run(2, (const char *[]){"default", "never"}), NEVER "\r\n" ALWAYS);
    cr_assert_str_eq(run(2, (const char *[]){"nothing", "eonly"}), EVERY);
}

Test(info, sections_of_one_title_are_joined)
{
    static const int five = 5;
    register_ours();
    info_register(info, &more, &five);
    cr_assert_str_eq(run(0, NULL), ALWAYS "x:1\r\ny:5\r\n");
}

static int resets;

static void on_reset(void *context)
{
    cr_assert_eq(resets, *(int *)context);
    resets++;
}

Test(info, resets_run_in_order)
{
    static int numbers[] = {0, 1, 2};
    for (int i = 0; i < 3; i++)
        info_on_reset(info, on_reset, &numbers[i]);
    info_reset(info);
    cr_assert_eq(resets, 3);
}

/* -- the standard sections -- */

static void expect_line(const char *line)
{
    char wanted[256];
    snprintf(wanted, sizeof wanted, "\n%s\r\n", line);
    cr_assert_not_null(strstr(out.data, wanted), "no '%s' in\n%s", line, out.data);
}

static void expect_field(const char *name)
{
    char wanted[128];
    snprintf(wanted, sizeof wanted, "\n%s:", name);
    cr_assert_not_null(strstr(out.data, wanted), "no field '%s'", name);
}

static void expect_well_formed(void)
{
    for (const char *line = out.data; *line;) {
        const char *end = strstr(line, "\r\n");
        cr_assert_not_null(end, "a line without its end");
        size_t size = (size_t)(end - line);
        bool is_blank = size == 0;
        bool is_title = size > 2 && line[0] == '#' && line[1] == ' ';
        const char *colon = memchr(line, ':', size);
        cr_assert(is_blank || is_title || (colon && colon > line), "bad line '%.*s'", (int)size,
                  line);
        cr_assert_null(memchr(line, '\n', size));
        line = end + 2;
    }
}

Test(info, every_field_that_exporters_read)
{
    // clang-format off
    static const char *const fields[] = {
        "redis_version", "server_name", "sluice_version", "redis_build_id", "redis_mode", "os",
        "tcp_port", "run_id", "process_id", "uptime_in_seconds", "uptime_in_days", "executable",
        "config_file", "hz", "configured_hz", "lru_clock", "io_threads_active", "redis_git_sha1",
        "arch_bits", "gcc_version", "multiplexing_api", "process_supervised", "server_time_usec",
        "connected_clients", "blocked_clients", "maxclients", "tracking_clients", "pubsub_clients",
        "watching_clients", "clients_in_timeout_table", "cluster_connections",
        "client_recent_max_input_buffer", "client_recent_max_output_buffer",
        "total_watched_keys", "total_blocking_keys", "total_blocking_keys_on_nokey",
        "used_memory", "used_memory_human", "used_memory_rss", "used_memory_peak",
        "used_memory_peak_perc", "used_memory_overhead", "used_memory_startup",
        "used_memory_dataset", "used_memory_dataset_perc", "maxmemory", "maxmemory_policy",
        "mem_fragmentation_ratio", "mem_fragmentation_bytes", "allocator_active",
        "allocator_allocated", "allocator_resident", "allocator_muzzy", "allocator_frag_ratio",
        "allocator_rss_ratio", "rss_overhead_ratio", "mem_clients_normal", "mem_clients_slaves",
        "mem_cluster_links", "mem_aof_buffer", "mem_replication_backlog", "mem_allocator",
        "mem_not_counted_for_evict", "mem_total_replication_buffers", "total_system_memory",
        "used_memory_lua", "used_memory_vm_total", "used_memory_scripts", "number_of_functions",
        "number_of_libraries", "number_of_cached_scripts", "lazyfree_pending_objects",
        "lazyfreed_objects", "active_defrag_running", "mem_overhead_db_hashtable_rehashing",
        "loading", "async_loading", "rdb_changes_since_last_save", "rdb_bgsave_in_progress",
        "rdb_last_save_time", "rdb_last_bgsave_status", "rdb_last_bgsave_time_sec",
        "rdb_current_bgsave_time_sec", "rdb_saves", "rdb_last_cow_size",
        "rdb_last_load_keys_expired", "rdb_last_load_keys_loaded", "aof_enabled",
        "aof_rewrite_in_progress", "aof_rewrite_scheduled", "aof_last_rewrite_time_sec",
        "aof_current_rewrite_time_sec", "aof_last_bgrewrite_status", "aof_last_write_status",
        "aof_last_cow_size", "aof_rewrites", "aof_rewrites_consecutive_failures",
        "module_fork_in_progress", "module_fork_last_cow_size",
        "total_connections_received", "total_commands_processed", "instantaneous_ops_per_sec",
        "rejected_connections", "total_net_input_bytes", "total_net_output_bytes",
        "total_net_repl_input_bytes", "total_net_repl_output_bytes", "instantaneous_input_kbps",
        "instantaneous_output_kbps", "sync_full", "sync_partial_ok", "sync_partial_err",
        "expired_keys", "expired_subkeys", "expired_stale_perc", "expired_time_cap_reached_count",
        "expire_cycle_cpu_milliseconds", "evicted_keys", "evicted_clients", "evicted_scripts",
        "total_eviction_exceeded_time", "current_eviction_exceeded_time", "keyspace_hits",
        "keyspace_misses", "pubsub_channels", "pubsub_patterns", "pubsubshard_channels",
        "latest_fork_usec", "total_forks", "migrate_cached_sockets", "slave_expires_tracked_keys",
        "active_defrag_hits", "active_defrag_misses", "tracking_total_keys",
        "tracking_total_items", "tracking_total_prefixes", "unexpected_error_replies",
        "total_error_replies", "dump_payload_sanitizations", "total_reads_processed",
        "total_writes_processed", "io_threaded_reads_processed", "io_threaded_writes_processed",
        "client_query_buffer_limit_disconnections", "client_output_buffer_limit_disconnections",
        "reply_buffer_shrinks", "reply_buffer_expands", "eventloop_cycles",
        "eventloop_duration_sum", "eventloop_duration_cmd_sum",
        "instantaneous_eventloop_cycles_per_sec", "instantaneous_eventloop_duration_usec",
        "acl_access_denied_auth", "acl_access_denied_cmd", "acl_access_denied_key",
        "acl_access_denied_channel",
        "role", "connected_slaves", "master_failover_state", "master_replid", "master_replid2",
        "master_repl_offset", "second_repl_offset", "repl_backlog_active", "repl_backlog_size",
        "repl_backlog_first_byte_offset", "repl_backlog_histlen",
        "used_cpu_sys", "used_cpu_user", "used_cpu_sys_children", "used_cpu_user_children",
        "used_cpu_sys_main_thread", "used_cpu_user_main_thread", "used_active_time_main_thread",
        "cluster_enabled", NULL,
    };
    // clang-format on
    info_register_standard(info, &sources);
    run(0, NULL);
    for (int i = 0; fields[i]; i++)
        expect_field(fields[i]);
    expect_well_formed();
    run_one("everything");
    expect_well_formed();
}

Test(info, without_sources_it_shows_an_empty_server)
{
    info_register_standard(info, &sources);
    run(0, NULL);
    expect_line("redis_version:8.0.0");
    expect_line("server_name:sluice");
    expect_line("redis_mode:standalone");
    expect_line("loading:0");
    expect_line("rdb_last_bgsave_status:ok");
    expect_line("rdb_last_bgsave_time_sec:-1");
    expect_line("role:master");
    expect_line("connected_slaves:0");
    expect_line("second_repl_offset:-1");
    expect_line("maxmemory_policy:noeviction");
    expect_line("cluster_enabled:0");
    cr_assert_null(strstr(out.data, "aof_current_size"));
    cr_assert_null(strstr(out.data, "loading_eta_seconds"));
    cr_assert_null(strstr(out.data, "shutdown_in_milliseconds"));
    cr_assert_null(strstr(out.data, "# Commandstats"), "not in the default sections");
}

static void fill_server(void *context, struct info_server *server)
{
    server->run_id = context;
    server->port = 6390;
    server->started_us = clock_us() - 90061000000; /* a day, an hour, a minute and a second */
}

static void fill_persistence(void *context, struct info_persistence *persistence)
{
    (void)context;
    persistence->is_loading = true;
    persistence->loading_eta_seconds = 17;
    persistence->is_aof_enabled = true;
    persistence->did_last_bgsave_fail = true;
    persistence->last_bgsave_seconds_plus_1 = 6;
    persistence->last_save_time = 1234567;
}

static void fill_io(void *context, struct info_io *io)
{
    (void)context;
    *io = (struct info_io){.bytes_in = 11, .bytes_out = 12, .reads = 13, .main_busy_us = 2000003};
}

static void fill_memory(void *context, struct info_memory *memory)
{
    (void)context;
    memory->maxmemory = 1 << 20;
    memory->maxmemory_policy = "allkeys-lru";
    memory->overhead = 1;
}

Test(info, figures_come_from_the_sources)
{
    char run_id[] = "0123456789012345678901234567890123456789";
    sources.context = run_id;
    sources.server = fill_server;
    sources.persistence = fill_persistence;
    sources.io = fill_io;
    sources.memory = fill_memory;
    stats.connections_received = 21;
    stats.commands_processed = 22;
    info_register_standard(info, &sources);
    run(0, NULL);
    expect_line("tcp_port:6390");
    expect_line("uptime_in_seconds:90061");
    expect_line("uptime_in_days:1");
    expect_line("master_replid:0123456789012345678901234567890123456789");
    expect_line("loading:1");
    expect_line("loading_eta_seconds:17");
    expect_line("rdb_last_bgsave_status:err");
    expect_line("rdb_last_bgsave_time_sec:5");
    expect_line("rdb_last_save_time:1234567");
    expect_line("aof_current_size:0");
    expect_line("total_net_input_bytes:11");
    expect_line("total_net_output_bytes:12");
    expect_line("total_reads_processed:13");
    expect_line("total_connections_received:21");
    expect_line("total_commands_processed:22");
    expect_line("used_active_time_main_thread:2.000003");
    expect_line("maxmemory:1048576");
    expect_line("maxmemory_human:1.00M");
    expect_line("maxmemory_policy:allkeys-lru");
}

static void each_command(void *context,
                         void (*visit)(void *visitor, const struct info_command *command),
                         void *visitor)
{
    uint32_t *histogram = context;
    struct info_command commands[] = {
        {.name = "get", .calls = 4, .usec = 10, .failed_calls = 1, .histogram = histogram},
        {.name = "never"},
        {.name = "config|get", .rejected_calls = 2},
        {.name = "odd:name#", .calls = 1, .usec = 1},
    };
    for (int i = 0; i < 4; i++)
        visit(visitor, &commands[i]);
}

Test(info, commands_errors_and_latencies)
{
    uint32_t *histogram = NULL;
    latency_histogram_record(&histogram, 218000);
    sources.context = histogram;
    sources.each_command = each_command;
    stats_error(&stats, BYTES_LITERAL("WRONGTYPE"));
    stats_error(&stats, BYTES_LITERAL("ERR"));
    stats_error(&stats, BYTES_LITERAL("A:B"));
    info_register_standard(info, &sources);
    cr_assert_str_eq(
        run_one("commandstats"),
        "# Commandstats\r\n"
        "cmdstat_get:calls=4,usec=10,usec_per_call=2.50,rejected_calls=0,failed_calls=1\r\n"
        "cmdstat_config|get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=2,failed_calls=0\r\n"
        "cmdstat_odd_name_:calls=1,usec=1,usec_per_call=1.00,rejected_calls=0,failed_calls=0\r\n");
    cr_assert_str_eq(run_one("errorstats"), "# Errorstats\r\nerrorstat_A_B:count=1\r\n"
                                            "errorstat_ERR:count=1\r\n"
                                            "errorstat_WRONGTYPE:count=1\r\n");
    cr_assert_str_eq(run_one("latencystats"),
                     "# Latencystats\r\n"
                     "latency_percentiles_usec_get:p50=218.111,p99.9=218.111\r\n");
    settings.latency_tracking = false;
    cr_assert_str_eq(run_one("latencystats"), "# Latencystats\r\n");
    latency_histogram_free(&histogram);
}

Test(info, memory_adds_up)
{
    struct memory_report report;
    sources.memory = fill_memory;
    memory_report_fill(&report, &sources);
    cr_assert_gt(report.used, 0);
    cr_assert_geq(report.peak, report.used);
    cr_assert_eq(report.dataset, report.used - 1);
    cr_assert_leq(report.dataset_percent, 100);
    cr_assert_gt(report.allocator.process_rss, 0);
}
