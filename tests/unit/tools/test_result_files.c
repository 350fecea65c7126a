/* redis-benchmark's percentile file. The sources are included because tools are linked
 * into programs only. */
#include "tools/benchmark/histogram.c"
#include "tools/benchmark/result_files.c"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdlib.h>

void fatal(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    abort();
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
