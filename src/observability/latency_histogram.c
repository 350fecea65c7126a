/* Log-linear histogram. Values below 256 have a bucket each; above, every power of two is divided
 * into 128 buckets, so that a bucket's width is below one percent of its values:
 *
 *     value        0..255     256..511   512..1023  ...
 *     width        1          2          4
 *     buckets      0..255     256..383   384..511
 */
#include "observability/latency_histogram.h"

#include <limits.h>

#include "base/assert.h"
#include "base/memory.h"

enum { HALF = 128, HALF_BITS = 7 };

static unsigned shift_of(uint64_t ns)
{
    return (unsigned)(63 - __builtin_clzll(ns | 255)) - HALF_BITS;
}

static uint32_t bucket_of(uint64_t ns)
{
    unsigned shift = shift_of(ns);
    uint32_t bucket = shift * HALF + (uint32_t)(ns >> shift);
    assert(bucket < LATENCY_HISTOGRAM_BUCKETS);
    return bucket;
}

/* The highest value that belongs to the bucket. */
static uint64_t highest_of(uint32_t bucket)
{
    if (bucket < 2 * HALF)
        return bucket;
    unsigned shift = bucket / HALF - 1;
    uint64_t step = bucket % HALF + HALF;
    return ((step + 1) << shift) - 1;
}

void latency_histogram_record(uint32_t **histogram, uint64_t ns)
{
    if (!*histogram)
        *histogram = mem_calloc(LATENCY_HISTOGRAM_BUCKETS, sizeof **histogram);
    if (ns < 1)
        ns = 1;
    if (ns > LATENCY_HISTOGRAM_NS_MAX)
        ns = LATENCY_HISTOGRAM_NS_MAX;
    uint32_t *count = &(*histogram)[bucket_of(ns)];
    if (*count < UINT32_MAX)
        (*count)++;
}

uint64_t latency_histogram_total(const uint32_t *histogram)
{
    uint64_t total = 0;
    for (uint32_t i = 0; histogram && i < LATENCY_HISTOGRAM_BUCKETS; i++)
        total += histogram[i];
    return total;
}

uint64_t latency_histogram_percentile(const uint32_t *histogram, double percentile)
{
    uint64_t total = latency_histogram_total(histogram);
    if (total == 0)
        return 0;
    if (percentile > 100)
        percentile = 100;
    uint64_t wanted = (uint64_t)(percentile / 100 * (double)total + 0.5);
    uint64_t seen = 0;
    if (wanted < 1)
        wanted = 1;
    for (uint32_t i = 0; i < LATENCY_HISTOGRAM_BUCKETS; i++) {
        seen += histogram[i];
        if (seen >= wanted)
            return highest_of(i);
    }
    return highest_of(LATENCY_HISTOGRAM_BUCKETS - 1);
}

uint64_t latency_histogram_count_up_to(const uint32_t *histogram, uint64_t ns)
{
    uint64_t count = 0;
    uint32_t last = bucket_of(ns < LATENCY_HISTOGRAM_NS_MAX ? ns : LATENCY_HISTOGRAM_NS_MAX);
    for (uint32_t i = 0; histogram && i <= last; i++)
        count += histogram[i];
    return count;
}

uint64_t latency_histogram_highest(const uint32_t *histogram)
{
    for (uint32_t i = LATENCY_HISTOGRAM_BUCKETS; histogram && i > 0; i--)
        if (histogram[i - 1])
            return highest_of(i - 1);
    return 0;
}

void latency_histogram_free(uint32_t **histogram)
{
    mem_free(*histogram);
    *histogram = NULL;
}
