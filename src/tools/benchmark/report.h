/* What redis-benchmark prints, in the forms of Redis's: the long report, one line (-q), CSV. */
#ifndef TOOLS_BENCHMARK_REPORT_H
#define TOOLS_BENCHMARK_REPORT_H

#include "tools/benchmark/load.h"

struct reporter {
    const struct options *options;
    const char *title;
    char *save; /* the server's configuration, NULL when unknown */
    char *appendonly;
    int line_size; /* of the progress line on the screen */
    uint64_t last_finished;
    uint64_t last_latency_sum_us;
    int64_t last_elapsed_us;
};

/* The header of CSV. */
void report_begin(const struct reporter *reporter);
/* A load's on_progress; the context is the reporter. */
void report_progress(void *context, const struct load_progress *progress);
void report_idle(void *context, const struct load_progress *progress);
void report_result(struct reporter *reporter, const struct load_result *result);

#endif
