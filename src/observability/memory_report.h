/* What the memory of the process goes into: figures of the allocator put together with the modules'
 * own. For INFO memory and MEMORY STATS. Main thread; slow (reads /proc). */
#ifndef OBSERVABILITY_MEMORY_REPORT_H
#define OBSERVABILITY_MEMORY_REPORT_H

#include "base/memory.h"
#include "observability/info_sources.h"

struct memory_report {
    struct info_memory modules;
    struct info_clients clients;
    struct mem_stats allocator;
    uint64_t used;
    uint64_t peak;
    double peak_percent;
    uint64_t dataset;       /* used without overhead */
    double dataset_percent; /* of what is used beyond the start */
    double allocator_frag_ratio;
    int64_t allocator_frag_bytes;
    double allocator_rss_ratio;
    int64_t allocator_rss_bytes;
    double rss_overhead_ratio;
    int64_t rss_overhead_bytes;
    double fragmentation_ratio; /* resident against used */
    int64_t fragmentation_bytes;
};

void memory_report_fill(struct memory_report *report, const struct info_sources *sources);

#endif
