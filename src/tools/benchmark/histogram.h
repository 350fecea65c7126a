/* Latencies, counted in log-linear buckets that keep three significant digits (as HDR histograms
 * do): values below 2048 exactly, above that 1024 buckets per power of two. One thread; merge them
 * at the end.
 */
#ifndef TOOLS_BENCHMARK_HISTOGRAM_H
#define TOOLS_BENCHMARK_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HISTOGRAM_VALUE_BITS = 36, /* larger values count as the largest: 19 hours in microseconds */
    HISTOGRAM_SUB_BITS = 10,
    HISTOGRAM_BUCKETS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS
};

struct histogram {
    uint64_t total;
    uint64_t sum;
    uint64_t min; /* meaningless while total is 0 */
    uint64_t max;
    uint64_t counts[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *histogram);
void histogram_add(struct histogram *histogram, const struct histogram *more);
/* The largest value that is counted together with `value`. */
uint64_t histogram_equivalent_max(uint64_t value);
/* The smallest recorded value (to three digits, rounded up to its bucket) that `percentile` (0 to
 * 100) of all values do not exceed; 0 when empty. */
uint64_t histogram_at_percentile(const struct histogram *histogram, double percentile);
/* Values counted in buckets up to the one of `value`. */
uint64_t histogram_count_up_to(const struct histogram *histogram, uint64_t value);
double histogram_mean(const struct histogram *histogram);
double histogram_deviation(const struct histogram *histogram);
/* The largest value of a bucket. */
uint64_t histogram_bucket_max(size_t index);

static inline size_t histogram_index(uint64_t value)
{
    uint64_t largest = ((uint64_t)1 << HISTOGRAM_VALUE_BITS) - 1;
    if (value > largest)
        value = largest;
    if (value < (uint64_t)2 << HISTOGRAM_SUB_BITS)
        return (size_t)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    return ((size_t)shift << HISTOGRAM_SUB_BITS) + (size_t)(value >> shift);
}

static inline void histogram_record(struct histogram *histogram, uint64_t value, uint64_t count)
{
    histogram->counts[histogram_index(value)] += count;
    histogram->total += count;
    histogram->sum += value * count;
    if (value < histogram->min)
        histogram->min = value;
    if (value > histogram->max)
        histogram->max = value;
}

#endif
