/* INFO memory. */
#include <inttypes.h>

#include "base/number.h"
#include "observability/info_internal.h"
#include "observability/memory_report.h"

static void write_bytes(struct buffer *out, const char *name, uint64_t bytes)
{
    buffer_printf(out, "%s:%" PRIu64 "\r\n", name, bytes);
}

/* The number, and the same for people: "used_memory:1048576", "used_memory_human:1.00M". */
static void write_human(struct buffer *out, const char *name, uint64_t bytes)
{
    char text[64];
    number_format_memory(text, sizeof text, bytes);
    buffer_printf(out, "%s_human:%s\r\n", name, text);
}

static void write_both(struct buffer *out, const char *name, uint64_t bytes)
{
    write_bytes(out, name, bytes);
    write_human(out, name, bytes);
}

static void write_use(struct buffer *out, const struct memory_report *report)
{
    const struct info_memory *modules = &report->modules;
    write_both(out, "used_memory", report->used);
    write_both(out, "used_memory_rss", report->allocator.process_rss);
    write_both(out, "used_memory_peak", report->peak);
    buffer_printf(out, "used_memory_peak_perc:%.2f%%\r\n", report->peak_percent);
    write_bytes(out, "used_memory_overhead", modules->overhead);
    write_bytes(out, "used_memory_startup", modules->startup);
    write_bytes(out, "used_memory_dataset", report->dataset);
    buffer_printf(out, "used_memory_dataset_perc:%.2f%%\r\n", report->dataset_percent);
    write_bytes(out, "allocator_allocated", report->allocator.allocated);
    write_bytes(out, "allocator_active", report->allocator.active);
    write_bytes(out, "allocator_resident", report->allocator.resident);
    write_bytes(out, "allocator_muzzy", report->allocator.muzzy);
    write_both(out, "total_system_memory", modules->system_memory);
}

static void write_scripts(struct buffer *out, const struct info_memory *modules)
{
    uint64_t interpreters = modules->lua_eval + modules->lua_functions;
    uint64_t scripts = modules->scripts_eval + modules->functions;
    write_bytes(out, "used_memory_lua", modules->lua_eval); /* the name before Redis 7 */
    write_bytes(out, "used_memory_vm_eval", modules->lua_eval);
    write_human(out, "used_memory_lua", modules->lua_eval);
    write_bytes(out, "used_memory_scripts_eval", modules->scripts_eval);
    write_bytes(out, "number_of_cached_scripts", modules->cached_scripts);
    write_bytes(out, "number_of_functions", modules->function_count);
    write_bytes(out, "number_of_libraries", modules->library_count);
    write_bytes(out, "used_memory_vm_functions", modules->lua_functions);
    write_both(out, "used_memory_vm_total", interpreters);
    write_bytes(out, "used_memory_functions", modules->functions);
    write_both(out, "used_memory_scripts", scripts);
}

static void write_fragmentation(struct buffer *out, const struct memory_report *report)
{
    buffer_printf(out,
                  "allocator_frag_ratio:%.2f\r\n"
                  "allocator_frag_bytes:%" PRId64 "\r\n"
                  "allocator_rss_ratio:%.2f\r\n"
                  "allocator_rss_bytes:%" PRId64 "\r\n"
                  "rss_overhead_ratio:%.2f\r\n"
                  "rss_overhead_bytes:%" PRId64 "\r\n"
                  "mem_fragmentation_ratio:%.2f\r\n"
                  "mem_fragmentation_bytes:%" PRId64 "\r\n",
                  report->allocator_frag_ratio, report->allocator_frag_bytes,
                  report->allocator_rss_ratio, report->allocator_rss_bytes,
                  report->rss_overhead_ratio, report->rss_overhead_bytes,
                  report->fragmentation_ratio, report->fragmentation_bytes);
}

static void write_shares(struct buffer *out, const struct memory_report *report)
{
    const struct info_memory *modules = &report->modules;
    write_bytes(out, "mem_not_counted_for_evict", modules->not_counted_for_evict);
    write_bytes(out, "mem_replication_backlog", modules->replication_backlog);
    write_bytes(out, "mem_total_replication_buffers", modules->replication_buffers);
    write_bytes(out, "mem_replica_full_sync_buffer", modules->replica_full_sync_buffer);
    write_bytes(out, "mem_clients_slaves", report->clients.memory_replicas);
    write_bytes(out, "mem_clients_normal", report->clients.memory_normal);
    write_bytes(out, "mem_cluster_links", modules->cluster_links);
    write_bytes(out, "mem_aof_buffer", modules->aof_buffer);
    write_bytes(out, "mem_tls", mem_tls_used());
    buffer_printf(out, "mem_allocator:%s\r\n", mem_allocator_name());
    write_bytes(out, "mem_overhead_db_hashtable_rehashing", modules->db_hashtable_rehashing);
    write_bytes(out, "active_defrag_running", modules->is_defrag_running);
    write_bytes(out, "lazyfree_pending_objects", modules->lazyfree_pending);
    write_bytes(out, "lazyfreed_objects", modules->lazyfreed);
}

static void write_memory(struct buffer *out, const void *context)
{
    struct memory_report report;
    memory_report_fill(&report, context);
    const struct info_memory *modules = &report.modules;
    write_use(out, &report);
    write_scripts(out, modules);
    write_both(out, "maxmemory", modules->maxmemory);
    buffer_printf(out, "maxmemory_policy:%s\r\n",
                  modules->maxmemory_policy ? modules->maxmemory_policy : "noeviction");
    write_fragmentation(out, &report);
    write_shares(out, &report);
}

INFO_SECTION(info_memory_section, "memory", "Memory", INFO_EVERYWHERE, 30, write_memory);
