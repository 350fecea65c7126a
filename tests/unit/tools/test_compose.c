/* redis-benchmark's composed pipelines. The sources are included because tools are linked
 * into programs only. */
#include "tools/benchmark/compose.c"
#include "tools/benchmark/keys.c"
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
