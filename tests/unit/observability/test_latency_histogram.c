/* The latency histogram against a sorted list of all values. */
#include "observability/latency_histogram.h"

#include "base/memory.h"
#include "base/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static uint32_t *histogram;

static void stop(void)
{
    latency_histogram_free(&histogram);
    cr_assert_null(histogram);
}

TestSuite(latency_histogram, .fini = stop);

Test(latency_histogram, empty)
{
    cr_assert_eq(latency_histogram_total(NULL), 0);
    cr_assert_eq(latency_histogram_percentile(NULL, 50), 0);
    cr_assert_eq(latency_histogram_highest(NULL), 0);
    cr_assert_eq(latency_histogram_count_up_to(NULL, 100), 0);
}

/* Redis prints 218.111 for a call of 218 microseconds. */
Test(latency_histogram, steps_are_those_of_redis)
{
    latency_histogram_record(&histogram, 218000);
    cr_assert_eq(latency_histogram_percentile(histogram, 50), 218111);
    cr_assert_eq(latency_histogram_percentile(histogram, 100), 218111);
    cr_assert_eq(latency_histogram_highest(histogram), 218111);
}

Test(latency_histogram, extremes_are_brought_into_range)
{
    latency_histogram_record(&histogram, 0);
    cr_assert_eq(latency_histogram_percentile(histogram, 100), 1);
    latency_histogram_record(&histogram, UINT64_MAX);
    cr_assert_geq(latency_histogram_highest(histogram), LATENCY_HISTOGRAM_NS_MAX);
    cr_assert_eq(latency_histogram_total(histogram), 2);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

Test(latency_histogram, percentiles_are_right_within_a_percent)
{
    enum { COUNT = 20000 };
    uint64_t *values = malloc(COUNT * sizeof *values);
    struct random_state random;
    random_state_seed(&random, 3);
    for (int i = 0; i < COUNT; i++) {
        values[i] =
            1 + random_state_next(&random) % (1ull << (random_state_next(&random) % 29 + 1));
        latency_histogram_record(&histogram, values[i]);
    }
    qsort(values, COUNT, sizeof *values, compare);
    cr_assert_eq(latency_histogram_total(histogram), COUNT);
    for (int percentile = 1; percentile <= 100; percentile++) {
        uint64_t exact = values[COUNT * percentile / 100 - 1];
        uint64_t found = latency_histogram_percentile(histogram, percentile);
        cr_assert_geq(found, exact);
        cr_assert_leq(found, exact + exact / 127 + 1, "p%d: %lu for %lu", percentile, found, exact);
    }
    for (int i = 0; i < COUNT; i += 777)
        cr_assert_geq(latency_histogram_count_up_to(histogram, values[i]), (uint64_t)i + 1);
    cr_assert_eq(latency_histogram_count_up_to(histogram, UINT64_MAX), COUNT);
    free(values);
}
