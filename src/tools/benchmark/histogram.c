/* See histogram.h. */
#include "tools/benchmark/histogram.h"

#include "base/assert.h"
#include <math.h>
#include <string.h>

void histogram_clear(struct histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
    histogram->min = UINT64_MAX;
}

void histogram_add(struct histogram *histogram, const struct histogram *more)
{
    histogram->total += more->total;
    histogram->sum += more->sum;
    if (more->min < histogram->min)
        histogram->min = more->min;
    if (more->max > histogram->max)
        histogram->max = more->max;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        histogram->counts[i] += more->counts[i];
}

uint64_t histogram_bucket_max(size_t index)
{
    assert(index < HISTOGRAM_BUCKETS);
    if (index < (size_t)2 << HISTOGRAM_SUB_BITS)
        return index;
    unsigned shift = (unsigned)(index >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t sub = index - ((size_t)shift << HISTOGRAM_SUB_BITS);
    return ((sub + 1) << shift) - 1;
}

uint64_t histogram_equivalent_max(uint64_t value)
{
    return histogram_bucket_max(histogram_index(value));
}

uint64_t histogram_at_percentile(const struct histogram *histogram, double percentile)
{
    /* The small number undoes rounding: 34 % of 20000 are 6800, not 6801. */
    double exact = percentile / 100.0 * (double)histogram->total - 1e-6;
    uint64_t wanted = exact > 1 ? (uint64_t)ceil(exact) : 1;
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS && histogram->total > 0; i++) {
        seen += histogram->counts[i];
        if (seen >= wanted) {
            uint64_t value = histogram_bucket_max(i);
            return value < histogram->max ? value : histogram->max;
        }
    }
    return histogram->total > 0 ? histogram->max : 0;
}

uint64_t histogram_count_up_to(const struct histogram *histogram, uint64_t value)
{
    uint64_t seen = 0;
    size_t last = histogram_index(value);
    for (size_t i = 0; i <= last; i++)
        seen += histogram->counts[i];
    return seen;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->total > 0 ? (double)histogram->sum / (double)histogram->total : 0;
}

double histogram_deviation(const struct histogram *histogram)
{
    double mean = histogram_mean(histogram);
    double squares = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (histogram->counts[i] == 0)
            continue;
        double distance = (double)histogram_bucket_max(i) - mean;
        squares += distance * distance * (double)histogram->counts[i];
    }
    return histogram->total > 0 ? sqrt(squares / (double)histogram->total) : 0;
}
