/* --json and --hdr: results for other programs. Main thread. Both files are opened at the
 * beginning, so that a bad name ends the process before anything is measured.
 */
#ifndef TOOLS_BENCHMARK_RESULT_FILES_H
#define TOOLS_BENCHMARK_RESULT_FILES_H

#include "tools/benchmark/report.h"
#include <stdio.h>

struct result_files {
    const struct options *options;
    FILE *json; /* NULL when not asked for */
    FILE *hdr;
    int tests; /* written so far */
};

/* A ratio of --compare. */
struct result_ratios {
    int slices;
    double requests_per_second;
    double p50;
    double p99;
};

void result_files_open(struct result_files *files, const struct options *options);
/* `target` is NULL but for --compare. */
void result_files_add(struct result_files *files, const char *title, const char *target,
                      const struct load_result *result);
void result_files_add_ratios(struct result_files *files, const char *title,
                             const struct result_ratios *ratios);
void result_files_close(struct result_files *files);
/* HdrHistogram's percentile text format with 5 ticks per half distance, values in milliseconds. */
void result_files_print_hdr(FILE *out, const char *title, const struct histogram *latencies);

#endif
