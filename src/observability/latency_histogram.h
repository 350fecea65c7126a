/* Latency distribution of one command: log-linear buckets with two significant digits, over 1 ns to
 * 1 s, in the layout of the HDR histogram (as Redis shows percentiles, so do we). A histogram is a
 * plain vector of counts, allocated when the first value is recorded. Main thread.
 */
#ifndef OBSERVABILITY_LATENCY_HISTOGRAM_H
#define OBSERVABILITY_LATENCY_HISTOGRAM_H

#include <stdint.h>

enum {
    LATENCY_HISTOGRAM_BUCKETS = 24 * 128, /* 23 powers of two, 128 steps each, and the first 256 */
    LATENCY_HISTOGRAM_NS_MAX = 1000000000
};

/* Adds one value; *histogram is allocated when NULL. */
void latency_histogram_record(uint32_t **histogram, uint64_t ns);
/* 0 when empty. */
uint64_t latency_histogram_total(const uint32_t *histogram);
/* The highest value (in ns) that the bucket at this percentile (0..100) can stand for. */
uint64_t latency_histogram_percentile(const uint32_t *histogram, double percentile);
/* Number of recorded values at or below `ns`, by bucket: for cumulative listings (LATENCY
 * HISTOGRAM). */
uint64_t latency_histogram_count_up_to(const uint32_t *histogram, uint64_t ns);
/* Largest value any recorded one can be, 0 when empty. */
uint64_t latency_histogram_highest(const uint32_t *histogram);
void latency_histogram_free(uint32_t **histogram);

#endif
