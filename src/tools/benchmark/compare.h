/* --compare: one test on two servers in turns. Main thread. */
#ifndef TOOLS_BENCHMARK_COMPARE_H
#define TOOLS_BENCHMARK_COMPARE_H

#include "tools/benchmark/report.h"
#include "tools/benchmark/result_files.h"

enum { COMPARE_SLICES = 10 };

struct compare_target {
    struct options options;
    struct address address;
    char name[256];
    struct load_result sum; /* of all slices */
    struct summary slices[COMPARE_SLICES];
};

struct compare {
    struct compare_target targets[2];
    struct reporter *reporter;
    struct result_files *files;
    struct load_result slice; /* large */
};

/* The targets' options, from the two URIs. */
void compare_init(struct compare *compare, const struct options *options);
void compare_begin_report(const struct compare *compare);
/* workloads[i] was made with the options of target i. */
void compare_run(struct compare *compare, const struct workload *workloads);
void compare_deinit(struct compare *compare);

#endif
