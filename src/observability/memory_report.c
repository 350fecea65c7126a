/* Puts the figures of memory together. */
#include "observability/memory_report.h"

static double ratio(uint64_t a, uint64_t b)
{
    return b ? (double)a / (double)b : 0;
}

static int64_t difference(uint64_t a, uint64_t b)
{
    return (int64_t)a - (int64_t)b;
}

void memory_report_fill(struct memory_report *report, const struct info_sources *sources)
{
    *report = (struct memory_report){0};
    if (sources->memory)
        sources->memory(sources->context, &report->modules);
    if (sources->clients)
        sources->clients(sources->context, &report->clients);
    mem_read_stats(&report->allocator);
    report->used = mem_used();
    report->peak = mem_used_peak();
    if (report->peak < report->used)
        report->peak = report->used;
    report->peak_percent = 100 * ratio(report->used, report->peak);

    uint64_t overhead = report->modules.overhead;
    uint64_t beyond_start =
        report->used > report->modules.startup ? report->used - report->modules.startup : 1;
    report->dataset = report->used > overhead ? report->used - overhead : 0;
    report->dataset_percent = 100 * ratio(report->dataset, beyond_start);
    if (report->dataset_percent > 100)
        report->dataset_percent = 100;

    const struct mem_stats *allocator = &report->allocator;
    report->allocator_frag_ratio = ratio(allocator->active, allocator->allocated);
    report->allocator_frag_bytes = difference(allocator->active, allocator->allocated);
    report->allocator_rss_ratio = ratio(allocator->resident, allocator->active);
    report->allocator_rss_bytes = difference(allocator->resident, allocator->active);
    report->rss_overhead_ratio = ratio(allocator->process_rss, allocator->resident);
    report->rss_overhead_bytes = difference(allocator->process_rss, allocator->resident);
    report->fragmentation_ratio = ratio(allocator->process_rss, report->used);
    report->fragmentation_bytes = difference(allocator->process_rss, report->used);
}
