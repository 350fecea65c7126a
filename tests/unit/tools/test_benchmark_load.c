/* redis-benchmark's choice of keys, its composed pipelines and its percentile file. The sources are
 * included because tools are linked into programs only. */
#include "tools/benchmark/compose.c"
#include "tools/benchmark/histogram.c"
#include "tools/benchmark/keys.c"
#include "tools/benchmark/result_files.c"
#include "tools/benchmark/workload.c"

#include <criterion/criterion.h>
#include <stdarg.h>

void fatal(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    abort();
}

static struct options make_options(enum key_pattern pattern, int64_t space)
{
    return (struct options){.key_pattern = pattern,
                            .key_space = space,
                            .has_random_keys = true,
                            .data_size = 3,
                            .pipeline = 1};
}

Test(benchmark_keys, sequential_keys_walk_the_space)
{
    struct options options = make_options(KEYS_SEQUENTIAL, 7);
    struct key_source source;
    key_source_init(&source, &options, 1);
    for (uint64_t i = 0; i < 30; i++)
        cr_assert_eq(key_source_next(&source, i), i % 7);
}

Test(benchmark_keys, random_keys_are_even_and_repeatable)
{
    struct options options = make_options(KEYS_RANDOM, 10);
    struct key_source source;
    struct key_source again;
    int counts[10] = {0};
    key_source_init(&source, &options, 5);
    key_source_init(&again, &options, 5);
    for (uint64_t i = 0; i < 10000; i++) {
        uint64_t key = key_source_next(&source, i);
        cr_assert_eq(key, key_source_next(&again, i));
        counts[key]++;
    }
    for (int i = 0; i < 10; i++)
        cr_assert(counts[i] > 800 && counts[i] < 1200, "%d: %d", i, counts[i]);
}

/* Two thirds of a normal distribution lie within one deviation, here a sixth of the space. */
Test(benchmark_keys, gaussian_keys_are_normal_around_the_middle)
{
    struct options options = make_options(KEYS_GAUSSIAN, 6000);
    struct key_source source;
    key_source_init(&source, &options, 5);
    int within = 0;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t key = key_source_next(&source, i);
        cr_assert_lt(key, 6000);
        within += key >= 2000 && key < 4000;
        sum += key;
    }
    cr_assert(within > 13300 && within < 14100, "%d", within);
    cr_assert(sum / 20000 > 2950 && sum / 20000 < 3050);
}

Test(benchmark_keys, no_space_is_one_key_and_sizes_keep_their_limits)
{
    struct options options = make_options(KEYS_GAUSSIAN, 0);
    struct key_source source;
    key_source_init(&source, &options, 5);
    cr_assert_eq(key_source_next(&source, 99), 0);
    bool has_min = false;
    bool has_max = false;
    for (int i = 0; i < 1000; i++) {
        uint64_t size = key_source_between(&source, 4, 9);
        cr_assert(size >= 4 && size <= 9);
        has_min |= size == 4;
        has_max |= size == 9;
    }
    cr_assert(has_min && has_max);
}

Test(benchmark_compose, a_mix_keeps_its_ratio_and_each_kind_its_own_sequence)
{
    struct options options = make_options(KEYS_SEQUENTIAL, 100);
    options.ratio_sets = 1;
    options.ratio_gets = 2;
    struct workload workload;
    struct key_source keys;
    struct buffer out;
    workload_init_ratio(&workload, &options);
    key_source_init(&keys, &options, 1);
    buffer_init(&out, 1 << 20);
    cr_assert_eq(composition_write(&workload.composition, &keys, 3, 3, &out), 0);
    char *value = workload_make_data(3);
    char expected[512];
    snprintf(expected, sizeof(expected),
             "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$3\r\n%s\r\n"
             "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000002\r\n"
             "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000003\r\n",
             value);
    cr_assert_str_eq(out.data, expected);
    mem_free(value);
    buffer_deinit(&out);
    workload_deinit(&workload);
}

Test(benchmark_compose, sizes_are_announced_as_they_are)
{
    struct options options = make_options(KEYS_RANDOM, 100);
    options.data_size_min = 1;
    options.data_size_max = 1200;
    const char *const args[] = {"SET", "key:__rand_int__", "@data"};
    struct composition composition = {0};
    composition_add(&composition, &options, args, 3, 1);
    struct key_source keys;
    key_source_init(&keys, &options, 1);
    for (int i = 0; i < 200; i++) {
        struct buffer out;
        buffer_init(&out, 1 << 20);
        cr_assert_eq(composition_write(&composition, &keys, (uint64_t)i, 1, &out), 0);
        const char *value = strstr(out.data, "\r\n$16\r\n") + 7 + 18;
        char *text;
        unsigned long size = strtoul(value + 1, &text, 10);
        cr_assert_eq(value[0], '$');
        cr_assert(size >= 1 && size <= 1200);
        cr_assert_eq((size_t)(out.data + out.size - text), size + 4, "%lu", size);
        buffer_deinit(&out);
    }
    composition_deinit(&composition);
}

/* What hdr_percentiles_print gives for the values 1 to 4 ms, 5 ticks per half distance: a bucket is
 * written for each level that it reaches, the last one once. */
Test(benchmark_hdr, rows_are_those_of_hdr_histogram)
{
    static struct histogram histogram;
    histogram_clear(&histogram);
    for (uint64_t value = 1; value <= 4; value++)
        histogram_record(&histogram, value * 250, 1);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    result_files_print_hdr(out, "T", &histogram);
    fclose(out);
    const char *expected = "       Value   Percentile   TotalCount 1/(1-Percentile)\n\n"
                           "       0.250     0.000000            1         1.00\n"
                           "       0.250     0.100000            1         1.11\n"
                           "       0.250     0.200000            1         1.25\n"
                           "       0.500     0.300000            2         1.43\n"
                           "       0.500     0.400000            2         1.67\n"
                           "       0.500     0.500000            2         2.00\n"
                           "       0.750     0.550000            3         2.22\n"
                           "       0.750     0.600000            3         2.50\n"
                           "       0.750     0.650000            3         2.86\n"
                           "       0.750     0.700000            3         3.33\n"
                           "       0.750     0.750000            3         4.00\n"
                           "       1.000     0.775000            4         4.44\n"
                           "       1.000     1.000000            4          inf\n"
                           "#[Mean    =        0.625, StdDeviation   =        0.280]\n"
                           "#[Max     =        1.000, Total count    =            4]\n"
                           "#[Buckets =           26, SubBuckets     =         2048]\n"
                           "#[Test    = T]\n";
    cr_assert_str_eq(text, expected, "%s", text);
    cr_assert(fabs(histogram_deviation(&histogram) - 279.5) < 0.1);
    free(text);
}
