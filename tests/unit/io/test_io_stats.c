/* Counters: every one is summed, none twice. */
#include "io/io_stats.h"
#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>

Test(io_stats, sums_every_counter)
{
    struct io_stats total;
    struct io_stats one;
    memset(&total, 0, sizeof(total));
    memset(&one, 0, sizeof(one));
    enum { COUNT = offsetof(struct io_stats, handshake_cpu_us) / sizeof(uint64_t) + 1 };
    uint64_t values[COUNT];
    for (unsigned i = 0; i < COUNT; i++)
        values[i] = i + 1;
    memcpy(&one, values, sizeof(values));
    io_stats_sum(&total, &one);
    io_stats_sum(&total, &one);
    memcpy(values, &total, sizeof(values));
    for (unsigned i = 0; i < COUNT; i++)
        cr_assert_eq(values[i], 2 * (i + 1));
}

Test(io_stats, adds_and_subtracts)
{
    struct io_stats stats;
    memset(&stats, 0, sizeof(stats));
    io_stat_add(stats.bytes_in, 5);
    io_stat_add(stats.bytes_in, (int)7);
    io_stat_subtract(stats.bytes_in, 2);
    cr_assert_eq(io_stat_read(stats.bytes_in), 10);
    cr_assert_eq(stats.bytes_out, 0);
}
