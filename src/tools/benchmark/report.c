/* See report.h. */
#include "tools/benchmark/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void report_begin(const struct reporter *reporter)
{
    if (reporter->options->is_csv && !reporter->is_silent)
        puts("\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\","
             "\"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"");
}

/* What is counted. */
static const char *unit_of(const struct options *options)
{
    return options->handshakes ? "connections" : "requests";
}

/* -- the progress line -- */

static void erase_line(struct reporter *reporter)
{
    printf("%*s\r", reporter->line_size, " ");
    reporter->line_size = 0;
}

static double rate(uint64_t count, int64_t us)
{
    return us > 0 ? (double)count * 1e6 / (double)us : 0;
}

static double mean_ms(uint64_t sum_us, uint64_t count)
{
    return count > 0 ? (double)sum_us / (double)count / 1000 : 0;
}

static void report_restart(struct reporter *reporter)
{
    reporter->last_finished = 0;
    reporter->last_latency_sum_us = 0;
    reporter->last_elapsed_us = 0;
}

/* What part of the run is over, of one. */
static double share_done(const struct options *options, const struct load_progress *progress)
{
    double share = options->duration_us > 0
                       ? (double)progress->elapsed_us / (double)options->duration_us
                       : (double)progress->finished / (double)options->requests;
    return share < 1 ? share : 1;
}

/* On a terminal a bar is in front of the figures. */
static int print_bar(const struct reporter *reporter, const struct load_progress *progress)
{
    enum { BAR_SIZE = 24 };
    if (!reporter->is_terminal)
        return printf("%s: ", reporter->title);
    double share = share_done(reporter->options, progress);
    char bar[BAR_SIZE + 1];
    int full = (int)(share * BAR_SIZE);
    memset(bar, '.', BAR_SIZE);
    memset(bar, '#', (size_t)full);
    bar[BAR_SIZE] = '\0';
    return printf("%.24s: [%s] %3.0f%% ", reporter->title, bar, share * 100);
}

void report_progress(void *context, const struct load_progress *progress)
{
    struct reporter *reporter = context;
    if (reporter->options->is_csv || reporter->is_silent || progress->elapsed_us == 0)
        return;
    if (progress->finished < reporter->last_finished) /* the warm-up is over */
        report_restart(reporter);
    uint64_t finished = progress->finished - reporter->last_finished;
    uint64_t latency_sum_us = progress->latency_sum_us - reporter->last_latency_sum_us;
    erase_line(reporter);
    double now = rate(finished, progress->elapsed_us - reporter->last_elapsed_us);
    double overall = rate(progress->finished, progress->elapsed_us);
    double now_ms = mean_ms(latency_sum_us, finished);
    double overall_ms = mean_ms(progress->latency_sum_us, progress->finished);
    reporter->line_size = print_bar(reporter, progress);
    if (reporter->is_terminal)
        reporter->line_size += printf("rps=%.0f avg_msec=%.3f\r", overall, overall_ms);
    else
        reporter->line_size += printf("rps=%.1f (overall: %.1f) avg_msec=%.3f (overall: %.3f)\r",
                                      now, overall, now_ms, overall_ms);
    fflush(stdout);
    reporter->last_finished = progress->finished;
    reporter->last_latency_sum_us = progress->latency_sum_us;
    reporter->last_elapsed_us = progress->elapsed_us;
}

void report_idle(void *context, const struct load_progress *progress)
{
    (void)context;
    printf("clients: %lld\r", (long long)progress->connected);
    fflush(stdout);
}

void report_erase_progress(struct reporter *reporter)
{
    if (reporter->line_size > 0)
        erase_line(reporter);
    report_restart(reporter);
    fflush(stdout);
}

/* -- the result -- */

static double percentile_ms(const struct histogram *latencies, double percentile)
{
    return (double)histogram_at_percentile(latencies, percentile) / 1000;
}

struct summary report_summarize(const struct load_result *result)
{
    const struct histogram *latencies = &result->latencies;
    return (struct summary){.requests_per_second = rate(result->requests, result->duration_us),
                            .average = histogram_mean(latencies) / 1000,
                            .min = latencies->total ? (double)latencies->min / 1000 : 0,
                            .p50 = percentile_ms(latencies, 50),
                            .p95 = percentile_ms(latencies, 95),
                            .p99 = percentile_ms(latencies, 99),
                            .max = (double)latencies->max / 1000};
}

static void print_conditions(const struct reporter *reporter, const struct load_result *result)
{
    const struct options *options = reporter->options;
    printf("====== %s ======\n", reporter->title);
    printf("  %llu %s completed in %.2f seconds\n", (unsigned long long)result->requests,
           unit_of(options), (double)result->duration_us / 1e6);
    printf("  %lld parallel clients\n", (long long)options->clients);
    if (options->data_size_max > 0)
        printf("  %lld to %lld bytes payload\n", (long long)options->data_size_min,
               (long long)options->data_size_max);
    else
        printf("  %lld bytes payload\n",
               (long long)(reporter->command_size ? reporter->command_size : options->data_size));
    printf("  keep alive: %d\n", options->is_keep_alive);
    if (reporter->save)
        printf("  host configuration \"save\": %s\n", reporter->save);
    if (reporter->appendonly)
        printf("  host configuration \"appendonly\": %s\n", reporter->appendonly);
    printf("  multi-thread: %s\n", options->threads ? "yes" : "no");
    if (options->threads)
        printf("  threads: %lld\n", (long long)options->threads);
    if (options->rps)
        printf("  open loop: %lld %s per second, latency from the intended start\n",
               (long long)options->rps, unit_of(options));
    if (options->handshakes && options->tls.is_enabled)
        printf("  TLS sessions resumed: %llu\n", (unsigned long long)result->resumed);
    printf("\n");
}

static void print_row(const struct options *options, double percent, uint64_t latency_us,
                      uint64_t count)
{
    printf("%3.3f%% <= %.*f milliseconds (cumulative count %llu)\n", percent,
           (int)options->precision, (double)latency_us / 1000, (unsigned long long)count);
}

/* 0 %, then half of what is left to 100 % each time, until a row has everything. */
static void print_percentiles(const struct options *options, const struct histogram *latencies)
{
    printf("Latency by percentile distribution:\n");
    uint64_t count = 0;
    uint64_t shown = 0;
    double left = 100;
    uint64_t value_us = 0;
    while (latencies->total > 0 && count < latencies->total) {
        value_us = histogram_at_percentile(latencies, 100 - left);
        count = histogram_count_up_to(latencies, value_us);
        if (count != shown)
            print_row(options, 100 - left, value_us, count);
        shown = count;
        left /= 2;
    }
    print_row(options, 100, value_us, count);
    printf("\n");
}

/* Rows of a tenth of a millisecond, whole ones above two. */
static void print_distribution(const struct options *options, const struct histogram *latencies)
{
    printf("Cumulative distribution of latencies:\n");
    uint64_t shown = 0;
    uint64_t level_us = 100;
    while (shown < latencies->total) {
        uint64_t value_us = histogram_equivalent_max(level_us);
        uint64_t count = histogram_count_up_to(latencies, value_us);
        if (count != shown)
            print_row(options, 100.0 * (double)count / (double)latencies->total, value_us, count);
        shown = count;
        level_us += level_us < 2000 ? 100 : 1000;
    }
    printf("\n");
}

static void print_summary(const struct options *options, const struct summary *summary)
{
    int decimals = (int)options->precision;
    printf("Summary:\n");
    printf("  throughput summary: %.2f %s per second\n", summary->requests_per_second,
           unit_of(options));
    printf("  latency summary (msec):\n");
    printf("    %9s %9s %9s %9s %9s %9s\n", "avg", "min", "p50", "p95", "p99", "max");
    printf("    %9.*f %9.*f %9.*f %9.*f %9.*f %9.*f\n", decimals, summary->average, decimals,
           summary->min, decimals, summary->p50, decimals, summary->p95, decimals, summary->p99,
           decimals, summary->max);
}

void report_result(struct reporter *reporter, const struct load_result *result)
{
    const struct options *options = reporter->options;
    struct summary summary = report_summarize(result);
    int decimals = (int)options->precision;
    if (reporter->is_silent) {
        /* The file has it all. */
    } else if (options->is_csv) {
        printf("\"%s\",\"%.2f\",\"%.*f\",\"%.*f\",\"%.*f\",\"%.*f\",\"%.*f\",\"%.*f\"\n",
               reporter->title, summary.requests_per_second, decimals, summary.average, decimals,
               summary.min, decimals, summary.p50, decimals, summary.p95, decimals, summary.p99,
               decimals, summary.max);
    } else if (options->is_quiet) {
        erase_line(reporter);
        printf("%s: %.2f %s per second, p50=%.*f msec\n", reporter->title,
               summary.requests_per_second, unit_of(options), decimals, summary.p50);
    } else {
        erase_line(reporter);
        print_conditions(reporter, result);
        print_percentiles(options, &result->latencies);
        print_distribution(options, &result->latencies);
        print_summary(options, &summary);
    }
    fflush(stdout);
    report_restart(reporter);
}
