/* Options of the slow log, of latency monitoring and of statistics. Main thread. */
#ifndef OBSERVABILITY_OBSERVABILITY_OPTIONS_H
#define OBSERVABILITY_OBSERVABILITY_OPTIONS_H

#include "base/option.h"
#include <stdbool.h>
#include <stdint.h>

enum { LATENCY_PERCENTILES_MAX = 64 };

struct observability_settings {
    int64_t slowlog_log_slower_than; /* microseconds; negative: off, 0: everything */
    int64_t slowlog_max_len;
    int64_t latency_monitor_threshold; /* ms; 0: off */
    bool latency_tracking;
    double latency_percentiles[LATENCY_PERCENTILES_MAX];
    int latency_percentile_count;
};

extern const struct option_group observability_options;

#endif
