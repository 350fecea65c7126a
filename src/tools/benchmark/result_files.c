/* See result_files.h. */
#include "tools/benchmark/result_files.h"

#include "base/version.h"
#include <errno.h>
#include <math.h>
#include <string.h>

enum { HDR_TICKS_PER_HALF = 5, HDR_SUB_BUCKETS = 2 << HISTOGRAM_SUB_BITS };

/* -- HdrHistogram -- */

static double next_level(double level)
{
    double halves = floor(log2(100 / (100 - level))) + 1;
    return level + 100 / (HDR_TICKS_PER_HALF * exp2(halves));
}

static void print_hdr_rows(FILE *out, const struct histogram *latencies)
{
    uint64_t seen = 0;
    double level = 0;
    double value_ms = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS && seen < latencies->total; i++) {
        if (latencies->counts[i] == 0)
            continue;
        seen += latencies->counts[i];
        value_ms = (double)histogram_bucket_max(i) / 1000;
        while (level <= 100.0 * (double)seen / (double)latencies->total) {
            fprintf(out, "%12.3f %12f %12llu %12.2f\n", value_ms, level / 100,
                    (unsigned long long)seen, 1 / (1 - level / 100));
            level = next_level(level);
            if (seen == latencies->total)
                break;
        }
    }
    fprintf(out, "%12.3f %12f %12llu          inf\n", value_ms, 1.0, (unsigned long long)seen);
}

void result_files_print_hdr(FILE *out, const char *title, const struct histogram *latencies)
{
    fprintf(out, "%12s %12s %12s %12s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    print_hdr_rows(out, latencies);
    fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", histogram_mean(latencies) / 1000,
            histogram_deviation(latencies) / 1000);
    fprintf(out, "#[Max     = %12.3f, Total count    = %12llu]\n", (double)latencies->max / 1000,
            (unsigned long long)latencies->total);
    fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n",
            HISTOGRAM_VALUE_BITS - HISTOGRAM_SUB_BITS, HDR_SUB_BUCKETS);
    fprintf(out, "#[Test    = %s]\n", title);
}

/* -- JSON -- */

static void print_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\')
            fprintf(out, "\\%c", byte);
        else if (byte < ' ' || byte > '~')
            fprintf(out, "\\u%04x", byte); /* bytes as Latin-1 */
        else
            fputc(byte, out);
    }
    fputc('"', out);
}

static void print_options(FILE *out, const struct options *options)
{
    static const char *const patterns[] = {"random", "sequential", "gaussian"};
    fprintf(out, "\"clients\": %lld, \"threads\": %lld, \"pipeline\": %lld, ",
            (long long)options->clients, (long long)(options->threads ? options->threads : 1),
            (long long)options->pipeline);
    fprintf(out, "\"requests\": %lld, \"duration_s\": %.6g, \"rps\": %lld, ",
            (long long)(options->duration_us ? 0 : options->requests),
            (double)options->duration_us / 1e6, (long long)options->rps);
    fprintf(out, "\"warmup_requests\": %lld, \"warmup_s\": %.6g, ",
            (long long)options->warmup_requests, (double)options->warmup_us / 1e6);
    bool is_range = options->data_size_max > 0;
    fprintf(out, "\"data_size\": [%lld, %lld], ",
            (long long)(is_range ? options->data_size_min : options->data_size),
            (long long)(is_range ? options->data_size_max : options->data_size));
    fprintf(out, "\"key_space\": %lld, \"key_pattern\": \"%s\", ", (long long)options->key_space,
            patterns[options->key_pattern]);
    fprintf(out, "\"keep_alive\": %s, \"tls\": %s", options->is_keep_alive ? "true" : "false",
            options->tls.is_enabled ? "true" : "false");
}

static void print_latencies(FILE *out, const struct histogram *latencies)
{
    static const double levels[] = {50, 75, 90, 95, 99, 99.9, 99.99, 100};
    fprintf(out, "\"latency_ms\": {\"avg\": %.4f, \"min\": %.3f, \"max\": %.3f",
            histogram_mean(latencies) / 1000, latencies->total ? (double)latencies->min / 1000 : 0,
            (double)latencies->max / 1000);
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        fprintf(out, ", \"p%g\": %.3f", levels[i],
                (double)histogram_at_percentile(latencies, levels[i]) / 1000);
    fprintf(out, "},\n   \"histogram_us\": [");
    bool is_first = true;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (latencies->counts[i] == 0)
            continue;
        fprintf(out, "%s[%llu, %llu]", is_first ? "" : ", ",
                (unsigned long long)histogram_bucket_max(i),
                (unsigned long long)latencies->counts[i]);
        is_first = false;
    }
    fprintf(out, "]");
}

static FILE *open_file(const char *flag, const char *path)
{
    if (strcmp(path, "-") == 0)
        return stdout;
    FILE *file = fopen(path, "we");
    if (!file)
        fatal("%s: could not write %s: %s", flag, path, strerror(errno));
    return file;
}

void result_files_open(struct result_files *files, const struct options *options)
{
    *files = (struct result_files){.options = options};
    if (options->hdr_path)
        files->hdr = open_file("--hdr", options->hdr_path);
    if (!options->json_path)
        return;
    files->json = open_file("--json", options->json_path);
    fprintf(files->json, "{\"program\": \"redis-benchmark\", \"version\": \"%s\",\n \"options\": {",
            REDIS_VERSION);
    print_options(files->json, options);
    fprintf(files->json, "},\n \"tests\": [");
}

static void begin_test(struct result_files *files, const char *title)
{
    fprintf(files->json, "%s\n  {\"title\": ", files->tests++ ? "," : "");
    print_text(files->json, title);
}

void result_files_add(struct result_files *files, const char *title, const char *target,
                      const struct load_result *result)
{
    if (files->hdr)
        result_files_print_hdr(files->hdr, title, &result->latencies);
    if (!files->json)
        return;
    FILE *out = files->json;
    begin_test(files, title);
    if (target) {
        fprintf(out, ", \"target\": ");
        print_text(out, target);
    }
    double seconds = (double)result->duration_us / 1e6;
    fprintf(out, ", \"requests\": %llu, \"seconds\": %.6f, \"rps\": %.2f,\n   ",
            (unsigned long long)result->requests, seconds,
            seconds > 0 ? (double)result->requests / seconds : 0);
    if (files->options->handshakes)
        fprintf(out, "\"resumed\": %llu, ", (unsigned long long)result->resumed);
    fprintf(out, "\"client_cpu_us_per_request\": %.3f,\n   ",
            result->requests ? (double)result->cpu_us / (double)result->requests : 0);
    print_latencies(out, &result->latencies);
    fprintf(out, "}");
}

void result_files_add_ratios(struct result_files *files, const char *title,
                             const struct result_ratios *ratios)
{
    if (!files->json)
        return;
    begin_test(files, title);
    fprintf(files->json,
            ", \"slices\": %d, \"ratios\": {\"rps\": %.4f, \"p50\": %.4f, \"p99\": %.4f}}",
            ratios->slices, ratios->requests_per_second, ratios->p50, ratios->p99);
}

static void close_file(const char *path, FILE *file)
{
    bool is_bad = fflush(file) != 0 || ferror(file);
    if (file != stdout)
        is_bad |= fclose(file) != 0;
    if (is_bad)
        fatal("could not write %s: %s", path, strerror(errno));
}

void result_files_close(struct result_files *files)
{
    if (files->json) {
        fprintf(files->json, "\n ]}\n");
        close_file(files->options->json_path, files->json);
    }
    if (files->hdr)
        close_file(files->options->hdr_path, files->hdr);
}
