/* Options of active defragmentation. Main thread. */
#ifndef KEYSPACE_DEFRAG_OPTIONS_H
#define KEYSPACE_DEFRAG_OPTIONS_H

#include "base/option.h"
#include <stdbool.h>
#include <stdint.h>

struct defrag_settings {
    bool activedefrag;
    int64_t ignore_bytes;
    int64_t threshold_lower; /* percent */
    int64_t threshold_upper;
    int64_t cycle_min; /* percent of a CPU */
    int64_t cycle_max;
    int64_t max_scan_fields;
};

extern const struct option_group defrag_options;

#endif
