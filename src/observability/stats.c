/* Counters of the server, errors by code, and metrics sampled over time. */
#include "observability/stats.h"

#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"

#define DISABLED_CODE "ERRORSTATS_DISABLED"

void stats_init(struct stats *stats)
{
    *stats = (struct stats){0};
    stats->errors = mem_calloc(STATS_ERRORS_MAX, sizeof *stats->errors);
}

void stats_deinit(struct stats *stats)
{
    mem_free(stats->errors);
    stats->errors = NULL;
}

void stats_reset(struct stats *stats)
{
    struct stats_error_count *errors = stats->errors;
    struct stats_samples metrics[STATS_METRIC_COUNT];
    memcpy(metrics, stats->metrics, sizeof metrics);
    *stats = (struct stats){.errors = errors};
    /* The samplers go on from the counters' new start: byte sums of the I/O threads keep counting.
     */
    for (int i = 0; i < STATS_METRIC_COUNT; i++) {
        stats->metrics[i].last_us = metrics[i].last_us;
        if (i == STATS_METRIC_NET_INPUT || i == STATS_METRIC_NET_OUTPUT)
            stats->metrics[i].last_value = metrics[i].last_value;
    }
}

/* -- errors by code -- */

/* Where the code stands or would stand. */
static uint32_t find_error(const struct stats *stats, const char *code, bool *exists)
{
    uint32_t low = 0;
    uint32_t high = stats->error_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(stats->errors[middle].code, code);
        if (order == 0) {
            *exists = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *exists = false;
    return low;
}

static void add_error(struct stats *stats, const char *code, uint32_t index)
{
    assert(stats->error_count < STATS_ERRORS_MAX && index <= stats->error_count);
    memmove(&stats->errors[index + 1], &stats->errors[index],
            (stats->error_count - index) * sizeof *stats->errors);
    stats->errors[index] = (struct stats_error_count){.count = 1};
    memcpy(stats->errors[index].code, code, strlen(code) + 1);
    stats->error_count++;
}

/* Scripts can invent codes without end: then nothing is counted by code any more, and one entry
 * says so. */
static void disable_errors(struct stats *stats)
{
    char list[STATS_ERRORS_MAX * (STATS_ERROR_CODE_MAX + 1) + 1];
    size_t size = 0;
    for (uint32_t i = 0; i < stats->error_count; i++) {
        size_t code_size = strlen(stats->errors[i].code);
        memcpy(list + size, stats->errors[i].code, code_size);
        size += code_size;
        list[size++] = ' ';
    }
    list[size] = '\0';
    log_warning("Errorstats stopped adding new errors because the number of errors reached the "
                "limit (%d)",
                STATS_ERRORS_MAX);
    log_warning("Current errors code list: %s", list);
    stats->error_count = 0;
    stats->errors_are_disabled = true;
    add_error(stats, DISABLED_CODE, 0);
}

void stats_error(struct stats *stats, struct bytes code)
{
    stats->error_replies++;
    if (stats->errors_are_disabled)
        return;
    char text[STATS_ERROR_CODE_MAX];
    size_t size = code.size < sizeof text - 1 ? code.size : sizeof text - 1;
    memcpy(text, code.data, size);
    text[size] = '\0';
    bool exists;
    uint32_t index = find_error(stats, text, &exists);
    if (exists)
        stats->errors[index].count++;
    else if (stats->error_count < STATS_ERRORS_MAX)
        add_error(stats, text, index);
    else
        disable_errors(stats);
}

/* -- metrics over time -- */

static void sample(struct stats_samples *metric, uint64_t delta, uint64_t base, uint64_t factor)
{
    metric->samples[metric->next] = base ? (int64_t)(delta * factor / base) : 0;
    metric->next = (metric->next + 1) % STATS_SAMPLES;
}

static void sample_per_second(struct stats_samples *metric, int64_t now_us, uint64_t value)
{
    int64_t elapsed_us = now_us - metric->last_us;
    /* A counter that was reset starts anew. */
    uint64_t delta = value >= metric->last_value ? value - metric->last_value : value;
    if (metric->last_us > 0 && elapsed_us > 0)
        sample(metric, delta, (uint64_t)elapsed_us, 1000000);
    metric->last_us = now_us;
    metric->last_value = value;
}

/* Microseconds per turn. */
static void sample_duration(struct stats_samples *metric, uint64_t duration_us, uint64_t cycles)
{
    bool was_reset = duration_us < metric->last_value || cycles < metric->last_base;
    uint64_t delta = was_reset ? duration_us : duration_us - metric->last_value;
    uint64_t base = was_reset ? cycles : cycles - metric->last_base;
    sample(metric, delta, base, 1);
    metric->last_value = duration_us;
    metric->last_base = cycles;
}

void stats_cron(struct stats *stats, int64_t now_us, uint64_t net_input_bytes,
                uint64_t net_output_bytes)
{
    struct stats_samples *metrics = stats->metrics;
    sample_per_second(&metrics[STATS_METRIC_COMMANDS], now_us, stats->commands_processed);
    sample_per_second(&metrics[STATS_METRIC_NET_INPUT], now_us, net_input_bytes);
    sample_per_second(&metrics[STATS_METRIC_NET_OUTPUT], now_us, net_output_bytes);
    sample_per_second(&metrics[STATS_METRIC_REPL_INPUT], now_us, stats->repl_input_bytes);
    sample_per_second(&metrics[STATS_METRIC_REPL_OUTPUT], now_us, stats->repl_output_bytes);
    sample_per_second(&metrics[STATS_METRIC_LOOP_CYCLES], now_us, stats->loop_cycles);
    sample_duration(&metrics[STATS_METRIC_LOOP_DURATION], stats->loop_duration_us,
                    stats->loop_cycles);
}

int64_t stats_instantaneous(const struct stats *stats, enum stats_metric metric)
{
    assert(metric < STATS_METRIC_COUNT);
    int64_t sum = 0;
    for (int i = 0; i < STATS_SAMPLES; i++)
        sum += stats->metrics[metric].samples[i];
    return sum / STATS_SAMPLES;
}
