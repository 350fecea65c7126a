/* redis-benchmark's histogram against a sorted vector of the same values. It stands in this folder,
 * and includes the source, because tools are linked into programs only. */
#include "tools/benchmark/histogram.c"

#include "base/random.h"
#include <criterion/criterion.h>
#include <stdlib.h>

static struct histogram histogram;
static struct histogram other;

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

Test(histogram, buckets_are_contiguous_and_keep_three_digits)
{
    size_t last = 0;
    for (uint64_t value = 0; value < 200000; value++) {
        size_t index = histogram_index(value);
        cr_assert(index == last || index == last + 1);
        last = index;
        uint64_t top = histogram_equivalent_max(value);
        cr_assert(top >= value);
        cr_assert(top - value <= value / 1000, "%lu %lu", (unsigned long)value, (unsigned long)top);
        cr_assert_eq(histogram_index(top), index);
        cr_assert_eq(histogram_index(top + 1), index + 1);
    }
    cr_assert_eq(histogram_index(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
    cr_assert_eq(histogram_index(((uint64_t)1 << HISTOGRAM_VALUE_BITS) - 1), HISTOGRAM_BUCKETS - 1);
}

Test(histogram, an_empty_one_is_zero)
{
    histogram_clear(&histogram);
    cr_assert_eq(histogram_at_percentile(&histogram, 50), 0);
    cr_assert_eq(histogram_mean(&histogram), 0);
    cr_assert_eq(histogram_count_up_to(&histogram, UINT64_MAX), 0);
}

Test(histogram, agrees_with_a_sorted_vector)
{
    enum { COUNT = 20000 };
    struct random_state random;
    random_state_seed(&random, 42);
    uint64_t *values = malloc(COUNT * sizeof(*values));
    histogram_clear(&histogram);
    histogram_clear(&other);
    uint64_t sum = 0;
    for (int i = 0; i < COUNT; i++) {
        values[i] = random_state_next(&random) >> (34 + random_state_next(&random) % 28);
        histogram_record(i % 3 ? &histogram : &other, values[i], 1);
        sum += values[i];
    }
    histogram_add(&histogram, &other);
    qsort(values, COUNT, sizeof(*values), compare);
    cr_assert_eq(histogram.total, COUNT);
    cr_assert_eq(histogram.min, values[0]);
    cr_assert_eq(histogram.max, values[COUNT - 1]);
    cr_assert_float_eq(histogram_mean(&histogram), (double)sum / COUNT, 1e-6 * (double)sum / COUNT);
    for (int percent = 1; percent <= 100; percent++) {
        uint64_t exact = values[COUNT / 100 * percent - 1];
        uint64_t found = histogram_at_percentile(&histogram, percent);
        cr_assert(found >= exact, "%d", percent);
        cr_assert(found - exact <= exact / 1000, "%d", percent);
        uint64_t below = 0;
        while (below < COUNT && values[below] <= histogram_equivalent_max(exact))
            below++;
        cr_assert_eq(histogram_count_up_to(&histogram, exact), below);
    }
    free(values);
}

Test(histogram, counts_may_be_recorded_together)
{
    histogram_clear(&histogram);
    histogram_record(&histogram, 100, 16);
    histogram_record(&histogram, 300, 48);
    cr_assert_eq(histogram.total, 64);
    cr_assert_eq(histogram_mean(&histogram), 250);
    cr_assert_eq(histogram_at_percentile(&histogram, 25), 100);
    cr_assert_eq(histogram_at_percentile(&histogram, 26), 300);
}
