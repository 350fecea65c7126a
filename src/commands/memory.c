/* MEMORY: what memory goes into. Main thread. */
#include "base/memory.h"
#include "commands/all.h"
#include "commands/command_rows.h"
#include "dispatch/call.h"
#include "keyspace/keyspace.h"
#include "observability/memory_report.h"
#include <stdio.h>

enum { SAMPLES_DEFAULT = 5, STATS_SIZE_MAX = 1 << 20, ADVICE_SIZE_MAX = 64 * 1024 };

/* -- MEMORY USAGE -- */

/* What an entry takes in the table: its slot and tag, at the load in force. */
static size_t table_share(const struct db *db)
{
    return db_count(db) ? dict_memory(&db->keys) / db_count(db) : 0;
}

static void usage_command(struct call *call)
{
    int64_t samples = SAMPLES_DEFAULT;
    for (int i = 3; i < call->argc; i++) {
        if (!call_is(call, i, "samples") || i + 1 >= call->argc) {
            call_syntax_error(call);
            return;
        }
        if (!call_integer(call, ++i, &samples, NULL))
            return;
        if (samples < 0) {
            call_syntax_error(call);
            return;
        }
    }
    const struct entry *entry =
        db_find(call->db, call_key(call, 2), DB_FIND_NO_TOUCH | DB_FIND_NO_NOTIFY);
    if (entry) {
        enum { SHARE_MAX = 64 }; /* a nearly empty table is not the key's fault */
        size_t share = table_share(call->db);
        size_t memory = entry_memory(entry, (size_t)samples);
        reply_integer(call->reply, (int64_t)(memory + (share < SHARE_MAX ? share : SHARE_MAX)));
    } else {
        reply_null(call->reply);
    }
}

/* -- MEMORY STATS -- */

struct stats_reply {
    struct reply *reply;
    int64_t pairs;
};

static void add_integer(struct stats_reply *stats, const char *name, uint64_t value)
{
    reply_bulk_text(stats->reply, name);
    reply_integer(stats->reply, (int64_t)value);
    stats->pairs++;
}

static void add_double(struct stats_reply *stats, const char *name, double value)
{
    reply_bulk_text(stats->reply, name);
    reply_double(stats->reply, value);
    stats->pairs++;
}

static void add_databases(struct stats_reply *stats, const struct keyspace *keyspace)
{
    uint64_t table = 0;
    int rehashing_count;
    uint64_t rehashing = keyspace_rehashing_memory(keyspace, &rehashing_count);
    for (int i = 0; i < keyspace->count; i++) {
        const struct db *db = &keyspace->dbs[i];
        char name[32];
        table += dict_memory(&db->keys);
        if (db_count(db) == 0)
            continue;
        snprintf(name, sizeof(name), "db.%d", i);
        reply_bulk_text(stats->reply, name);
        reply_map(stats->reply, 2);
        reply_bulk_text(stats->reply, "overhead.hashtable.main");
        reply_integer(stats->reply, (int64_t)dict_memory(&db->keys));
        reply_bulk_text(stats->reply, "overhead.hashtable.expires");
        reply_integer(stats->reply, (int64_t)(expiry_index_memory(&db->expiry) +
                                              expiry_index_memory(&db->fields)));
        stats->pairs++;
    }
    add_integer(stats, "overhead.db.hashtable.lut", table);
    add_integer(stats, "overhead.db.hashtable.rehashing", rehashing);
    add_integer(stats, "db.dict.rehashing.count", (uint64_t)rehashing_count);
}

static void add_keys(struct stats_reply *stats, const struct memory_report *report, size_t keys)
{
    uint64_t startup = report->modules.startup;
    uint64_t beyond_start = report->used > startup ? report->used - startup : 0;
    add_integer(stats, "overhead.total", report->modules.overhead);
    add_integer(stats, "keys.count", keys);
    add_integer(stats, "keys.bytes-per-key", keys ? beyond_start / keys : 0);
    add_integer(stats, "dataset.bytes", report->dataset);
    add_double(stats, "dataset.percentage", report->dataset_percent);
    add_double(stats, "peak.percentage", report->peak_percent);
}

static void add_allocator(struct stats_reply *stats, const struct memory_report *report)
{
    add_integer(stats, "allocator.allocated", report->allocator.allocated);
    add_integer(stats, "allocator.active", report->allocator.active);
    add_integer(stats, "allocator.resident", report->allocator.resident);
    add_integer(stats, "allocator.muzzy", report->allocator.muzzy);
    add_double(stats, "allocator-fragmentation.ratio", report->allocator_frag_ratio);
    add_integer(stats, "allocator-fragmentation.bytes", (uint64_t)report->allocator_frag_bytes);
    add_double(stats, "allocator-rss.ratio", report->allocator_rss_ratio);
    add_integer(stats, "allocator-rss.bytes", (uint64_t)report->allocator_rss_bytes);
    add_double(stats, "rss-overhead.ratio", report->rss_overhead_ratio);
    add_integer(stats, "rss-overhead.bytes", (uint64_t)report->rss_overhead_bytes);
    add_double(stats, "fragmentation", report->fragmentation_ratio);
    add_integer(stats, "fragmentation.bytes", (uint64_t)report->fragmentation_bytes);
}

static void stats_command(struct call *call)
{
    const struct keyspace *keyspace = call->services->keyspace;
    struct memory_report report;
    memory_report_fill(&report, call->services->info_sources);
    const struct info_memory *modules = &report.modules;
    struct reply_mark mark = reply_defer(call->reply);
    struct stats_reply stats = {call->reply, 0};
    add_integer(&stats, "peak.allocated", report.peak);
    add_integer(&stats, "total.allocated", report.used);
    add_integer(&stats, "startup.allocated", modules->startup);
    add_integer(&stats, "replication.backlog", modules->replication_backlog);
    add_integer(&stats, "clients.slaves", report.clients.memory_replicas);
    add_integer(&stats, "clients.normal", report.clients.memory_normal);
    add_integer(&stats, "cluster.links", modules->cluster_links);
    add_integer(&stats, "aof.buffer", modules->aof_buffer);
    add_integer(&stats, "tls.allocated", mem_tls_used());
    add_integer(&stats, "lua.caches", modules->scripts_eval);
    add_integer(&stats, "functions.caches", modules->functions);
    add_databases(&stats, keyspace);
    add_keys(&stats, &report, keyspace_count(keyspace));
    add_allocator(&stats, &report);
    reply_defer_map(call->reply, mark, stats.pairs);
}

/* -- MEMORY DOCTOR -- */

struct finding {
    bool applies;
    const char *text;
};

static void doctor_command(struct call *call)
{
    enum { SMALL = 5 * 1024 * 1024, SLACK = 10 * 1024 * 1024, CLIENT_MEMORY_MAX = 200 * 1024 };
    struct memory_report report;
    memory_report_fill(&report, call->services->info_sources);
    uint64_t clients = report.clients.connected ? report.clients.connected : 1;
    const struct finding findings[] = {
        {report.used > 0 && (double)report.peak / (double)report.used > 1.5,
         "Peak memory: the most that was ever in use is over 150 % of what is in use now. The "
         "allocator keeps part of it, so the resident size stays high; it goes down when keys are "
         "added again, or with MEMORY PURGE."},
        {report.fragmentation_ratio > 1.4 && report.fragmentation_bytes > SLACK,
         "High total RSS: the resident size is over 140 % of the memory in use."},
        {report.allocator_frag_ratio > 1.1 && report.allocator_frag_bytes > SLACK,
         "High allocator fragmentation: over 10 % of the allocator's active pages hold nothing."},
        {report.allocator_rss_ratio > 1.1 && report.allocator_rss_bytes > SLACK,
         "High allocator RSS overhead: the allocator holds pages that it does not use. MEMORY "
         "PURGE gives them back."},
        {report.rss_overhead_ratio > 1.1 && report.rss_overhead_bytes > SLACK,
         "High process RSS overhead: over 10 % of the resident size is not the allocator's."},
        {report.clients.memory_normal / clients > CLIENT_MEMORY_MAX,
         "Big client buffers: clients take over 200 KB each on average. Some do not read their "
         "replies as fast as they come; CLIENT LIST shows omem."},
    };
    if (report.used < SMALL) {
        static const char empty[] = "This instance is empty or uses very little memory: there is "
                                    "nothing to examine yet.\n";
        reply_verbatim(call->reply, "txt", empty, sizeof(empty) - 1);
        return;
    }
    struct buffer out;
    buffer_init(&out, ADVICE_SIZE_MAX);
    for (size_t i = 0; i < sizeof(findings) / sizeof(findings[0]); i++)
        if (findings[i].applies)
            buffer_printf(&out, " * %s\n\n", findings[i].text);
    if (out.size == 0)
        buffer_append_text(&out, "No memory issue was found in this instance.\n");
    reply_verbatim(call->reply, "txt", out.data, out.size);
    buffer_deinit(&out);
}

/* -- the allocator -- */

static void append_stats(void *context, const char *text)
{
    (void)buffer_append_text(context, text);
}

static void malloc_stats_command(struct call *call)
{
    struct buffer out;
    buffer_init(&out, STATS_SIZE_MAX);
    mem_write_stats(append_stats, &out);
    reply_verbatim(call->reply, "txt", out.data ? out.data : "", out.size);
    buffer_deinit(&out);
}

static void purge_command(struct call *call)
{
    if (mem_purge() == 0)
        reply_ok(call->reply);
    else
        reply_error(call->reply, "ERR Error purging dirty pages");
}

static void help_command(struct call *call)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Return a report of problems with memory.",
        "MALLOC-STATS",
        "    Return statistics of the memory allocator.",
        "PURGE",
        "    Ask the allocator to give unused pages back.",
        "STATS",
        "    Return what memory is used for.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return the bytes that <key> and its value take. The elements of large values are",
        "    estimated from <count> of them (5 when not given, 0 is all).",
        NULL,
    };
    reply_help(call->reply, "MEMORY", lines);
}

static const struct command_spec subcommands[] = {
    {.name = "doctor", .handler = doctor_command, .arity = 2},
    {.name = "help", .handler = help_command, .arity = 2, .flags = COMMAND_LOADING | COMMAND_STALE},
    {.name = "malloc-stats", .handler = malloc_stats_command, .arity = 2},
    {.name = "purge", .handler = purge_command, .arity = 2},
    {.name = "stats", .handler = stats_command, .arity = 2},
    {.name = "usage",
     .handler = usage_command,
     .arity = -3,
     .flags = COMMAND_READONLY,
     .keys = {KEY_AT(KEY_RO, 2)}},
    {0},
};

const struct command_spec memory_commands[] = {
    {.name = "memory", .arity = -2, .subcommands = subcommands},
    {0},
};
