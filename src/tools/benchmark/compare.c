/* See compare.h. Slices alternate who goes first, so that what disturbs the machine for a while
 * touches both alike; a ratio is of two neighbours, and the median of these is shown. */
#include "tools/benchmark/compare.h"

#include <stdlib.h>
#include <string.h>

static void init_target(struct compare_target *target, const struct options *options,
                        const char *uri)
{
    target->options = *options;
    target->options.uri = (struct uri){.db = -1};
    target->options.tls.is_enabled = false; /* the scheme decides, whatever --tls says */
    options_apply_uri(&target->options, uri);
    int64_t requests = options->requests / COMPARE_SLICES;
    target->options.requests = requests > 0 ? requests : 1;
    target->options.duration_us = (options->duration_us + COMPARE_SLICES - 1) / COMPARE_SLICES;
    if (options->handshakes == HANDSHAKES_RESUMED && !target->options.tls.is_enabled)
        fatal("--handshakes resumed needs TLS: %s is no rediss:// URI", uri);
    options_format_target(&target->options, target->name, sizeof(target->name));
    size_t size = strlen(target->name);
    if (target->options.tls.is_enabled)
        snprintf(target->name + size, sizeof(target->name) - size, " (TLS)");
}

void compare_init(struct compare *compare, const struct options *options)
{
    for (int i = 0; i < 2; i++)
        init_target(&compare->targets[i], options, options->compare[i]);
}

void compare_deinit(struct compare *compare)
{
    for (int i = 0; i < 2; i++)
        options_deinit(&compare->targets[i].options);
}

/* -- running -- */

static void run_slice(struct compare *compare, int which, int slice,
                      const struct workload *workload)
{
    struct compare_target *target = &compare->targets[which];
    struct load_options load = {.options = &target->options,
                                .address = &target->address,
                                .workload = workload,
                                .on_progress = report_progress,
                                .context = compare->reporter};
    load_run(&load, &compare->slice);
    report_erase_progress(compare->reporter);
    target->slices[slice] = report_summarize(&compare->slice);
    target->sum.requests += compare->slice.requests;
    target->sum.duration_us += compare->slice.duration_us;
    target->sum.cpu_us += compare->slice.cpu_us;
    target->sum.resumed += compare->slice.resumed;
    histogram_add(&target->sum.latencies, &compare->slice.latencies);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of A's by B's; `offset` is of a double in struct summary. */
static double median_ratio(const struct compare *compare, size_t offset)
{
    double ratios[COMPARE_SLICES];
    for (int i = 0; i < COMPARE_SLICES; i++) {
        double values[2];
        for (int which = 0; which < 2; which++)
            memcpy(&values[which], (const char *)&compare->targets[which].slices[i] + offset,
                   sizeof(double));
        ratios[i] = values[1] > 0 ? values[0] / values[1] : 1;
    }
    qsort(ratios, COMPARE_SLICES, sizeof(ratios[0]), compare_doubles);
    return (ratios[(COMPARE_SLICES - 1) / 2] + ratios[COMPARE_SLICES / 2]) / 2;
}

#define MEDIAN(compare, field) median_ratio(compare, offsetof(struct summary, field))

static struct summary ratios_of(const struct compare *compare)
{
    return (struct summary){.requests_per_second = MEDIAN(compare, requests_per_second),
                            .average = MEDIAN(compare, average),
                            .min = MEDIAN(compare, min),
                            .p50 = MEDIAN(compare, p50),
                            .p95 = MEDIAN(compare, p95),
                            .p99 = MEDIAN(compare, p99),
                            .max = MEDIAN(compare, max)};
}

/* -- reporting -- */

void compare_begin_report(const struct compare *compare)
{
    if (compare->reporter->options->is_csv && !compare->reporter->is_silent)
        puts("\"test\",\"target\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\","
             "\"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"");
}

static void print_csv(const struct compare *compare, const char *target,
                      const struct summary *summary, int decimals)
{
    printf("\"%s\",\"%s\",\"%.*f\",\"%.*f\",\"%.*f\",\"%.*f\",\"%.*f\",\"%.*f\",\"%.*f\"\n",
           compare->reporter->title, target, decimals, summary->requests_per_second, decimals,
           summary->average, decimals, summary->min, decimals, summary->p50, decimals, summary->p95,
           decimals, summary->p99, decimals, summary->max);
}

static void print_row(const char *name, const struct summary *summary)
{
    printf("  %-4s %12.2f %9.3f %9.3f %9.3f %9.3f %9.3f %9.3f\n", name,
           summary->requests_per_second, summary->average, summary->min, summary->p50, summary->p95,
           summary->p99, summary->max);
}

static void print_long(const struct compare *compare, const struct summary *a,
                       const struct summary *b, const struct summary *ratios)
{
    printf("====== %s ======\n", compare->reporter->title);
    printf("  A: %s, %llu completed\n", compare->targets[0].name,
           (unsigned long long)compare->targets[0].sum.requests);
    printf("  B: %s, %llu completed\n", compare->targets[1].name,
           (unsigned long long)compare->targets[1].sum.requests);
    printf("  in turns, %d slices each; A/B are medians over slices\n\n", COMPARE_SLICES);
    printf("  %-4s %12s %9s %9s %9s %9s %9s %9s\n", "", "per second", "avg ms", "min", "p50", "p95",
           "p99", "max");
    print_row("A", a);
    print_row("B", b);
    print_row("A/B", ratios);
    printf("\n");
}

static void report(struct compare *compare)
{
    enum { RATIO_DECIMALS = 3 };
    const struct options *options = compare->reporter->options;
    struct summary a = report_summarize(&compare->targets[0].sum);
    struct summary b = report_summarize(&compare->targets[1].sum);
    struct summary ratios = ratios_of(compare);
    if (compare->reporter->is_silent) {
        /* The file has it all. */
    } else if (options->is_csv) {
        print_csv(compare, compare->targets[0].name, &a, (int)options->precision);
        print_csv(compare, compare->targets[1].name, &b, (int)options->precision);
        print_csv(compare, "A/B", &ratios, RATIO_DECIMALS);
    } else if (options->is_quiet) {
        printf(
            "%s: A %.2f, B %.2f per second; A/B %.3f, p50 %.3f, p99 %.3f (medians of %d slices)\n",
            compare->reporter->title, a.requests_per_second, b.requests_per_second,
            ratios.requests_per_second, ratios.p50, ratios.p99, COMPARE_SLICES);
    } else {
        print_long(compare, &a, &b, &ratios);
    }
    fflush(stdout);
    const char *title = compare->reporter->title;
    for (int i = 0; i < 2; i++)
        result_files_add(compare->files, title, compare->targets[i].name, &compare->targets[i].sum);
    struct result_ratios few = {COMPARE_SLICES, ratios.requests_per_second, ratios.p50, ratios.p99};
    result_files_add_ratios(compare->files, title, &few);
}

void compare_run(struct compare *compare, const struct workload *workloads)
{
    for (int i = 0; i < 2; i++) {
        compare->targets[i].sum = (struct load_result){0};
        histogram_clear(&compare->targets[i].sum.latencies);
    }
    for (int slice = 0; slice < COMPARE_SLICES; slice++) {
        int first = slice % 2;
        run_slice(compare, first, slice, &workloads[first]);
        run_slice(compare, !first, slice, &workloads[!first]);
    }
    report(compare);
}
