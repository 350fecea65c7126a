/* redis-benchmark's choice of keys. The sources are included because tools are linked
 * into programs only. */
#include "tools/benchmark/keys.c"

#include <criterion/criterion.h>

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
