/* What redis-benchmark prints, in the forms of Redis's: the long report, one line (-q), CSV. */
#ifndef TOOLS_BENCHMARK_REPORT_H
#define TOOLS_BENCHMARK_REPORT_H

#include "tools/benchmark/load.h"

struct reporter {
    const struct options *options;
    const char *title;
    int64_t command_size; /* of a request of the user's command, 0 otherwise */
    char *save;           /* the server's configuration, NULL when unknown */
    char *appendonly;
    bool is_silent;   /* standard output is for --json or --hdr */
    bool is_terminal; /* standard output is one */
    int line_size;    /* of the progress line on the screen */
    uint64_t last_finished;
    uint64_t last_latency_sum_us;
    int64_t last_elapsed_us;
};

/* Latencies in milliseconds. */
struct summary {
    double requests_per_second;
    double average;
    double min;
    double p50;
    double p95;
    double p99;
    double max;
};

struct summary report_summarize(const struct load_result *result);
/* The header of CSV. */
void report_begin(const struct reporter *reporter);
/* A load's on_progress; the context is the reporter. */
void report_progress(void *context, const struct load_progress *progress);
void report_idle(void *context, const struct load_progress *progress);
/* Nothing of the progress line is left. */
void report_erase_progress(struct reporter *reporter);
void report_result(struct reporter *reporter, const struct load_result *result);

#endif
