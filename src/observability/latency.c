/* See latency.h. */
#include "observability/latency.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

struct latency *latency_create(void)
{
    return mem_calloc(1, sizeof(struct latency));
}

size_t latency_reset_all(struct latency *latency)
{
    size_t count = latency->count;
    for (size_t i = 0; i < count; i++)
        mem_free(latency->events[i]);
    latency->count = 0;
    return count;
}

void latency_destroy(struct latency *latency)
{
    latency_reset_all(latency);
    mem_free(latency);
}

struct latency_event *latency_find(const struct latency *latency, struct bytes name)
{
    for (size_t i = 0; i < latency->count; i++)
        if (bytes_is(name, latency->events[i]->name))
            return latency->events[i];
    return NULL;
}

bool latency_reset(struct latency *latency, struct bytes name)
{
    for (size_t i = 0; i < latency->count; i++) {
        if (!bytes_is(name, latency->events[i]->name))
            continue;
        mem_free(latency->events[i]);
        latency->events[i] = latency->events[--latency->count];
        return true;
    }
    return false;
}

struct latency_sample latency_last(const struct latency_event *event)
{
    return event->samples[(event->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES];
}

static struct latency_event *event_of(struct latency *latency, const char *name)
{
    struct latency_event *event = latency_find(latency, bytes_of_text(name));
    if (event || latency->count == LATENCY_EVENTS_MAX)
        return event;
    event = mem_calloc(1, sizeof(*event));
    text_copy(event->name, sizeof(event->name), name);
    latency->events[latency->count++] = event;
    return event;
}

void latency_add(struct latency *latency, const char *name, uint32_t ms)
{
    struct latency_event *event = event_of(latency, name);
    if (!event)
        return;
    int64_t now_s = clock_wall_ms() / 1000;
    if (ms > event->max_ms)
        event->max_ms = ms;
    struct latency_sample *last =
        &event->samples[(event->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES];
    if (last->wall_s == now_s) {
        if (ms > last->ms)
            last->ms = ms;
        return;
    }
    event->samples[event->next] = (struct latency_sample){now_s, ms};
    event->next = (event->next + 1) % LATENCY_SAMPLES;
}

static void write_event(size_t number, const struct latency_event *event, struct buffer *out)
{
    int64_t now_s = clock_wall_ms() / 1000;
    int64_t oldest_s = now_s;
    uint64_t samples = 0;
    uint64_t sum = 0;
    for (int s = 0; s < LATENCY_SAMPLES; s++) {
        if (event->samples[s].wall_s == 0)
            continue;
        samples++;
        sum += event->samples[s].ms;
        if (event->samples[s].wall_s < oldest_s)
            oldest_s = event->samples[s].wall_s;
    }
    uint64_t count = samples ? samples : 1;
    uint64_t average = sum / count;
    uint64_t deviation = 0;
    for (int s = 0; s < LATENCY_SAMPLES; s++) {
        uint64_t ms = event->samples[s].ms;
        if (event->samples[s].wall_s != 0)
            deviation += ms > average ? ms - average : average - ms;
    }
    double period_s = (double)(now_s > oldest_s ? now_s - oldest_s : 1) / (double)count;
    (void)buffer_printf(out,
                        "%zu. %s: %llu latency spikes (average %llums, mean deviation %llums, "
                        "period %.2f sec). Worst all time event %ums.\n",
                        number, event->name, (unsigned long long)samples,
                        (unsigned long long)average, (unsigned long long)(deviation / count),
                        period_s, event->max_ms);
}

void latency_write_report(const struct latency *latency, int64_t threshold_ms, struct buffer *out)
{
    if (threshold_ms == 0) {
        (void)buffer_append_text(out,
                                 "Latency monitoring is off: CONFIG SET latency-monitor-threshold "
                                 "<milliseconds> turns it on.\n");
        return;
    }
    if (latency->count == 0) {
        (void)buffer_append_text(
            out, "No latency spike was observed since the start, or the last reset.\n");
        return;
    }
    for (size_t i = 0; i < latency->count; i++)
        write_event(i + 1, latency->events[i], out);
}

/* -- the graph: a column a sample, four rows high, each row in three steps, its age below -- */

enum { GRAPH_COLUMNS = 80, GRAPH_ROWS = 4, GRAPH_STEPS_A_ROW = 3, AGE_SIZE_MAX = 24 };

struct graph {
    const struct latency_sample *samples[LATENCY_SAMPLES];
    int count;
    uint32_t low_ms;
    uint32_t high_ms;
    int64_t now_s;
};

static struct graph graph_of(const struct latency_event *event)
{
    struct graph graph = {.low_ms = UINT32_MAX, .now_s = clock_wall_ms() / 1000};
    for (int i = 0; i < LATENCY_SAMPLES; i++) {
        const struct latency_sample *sample = &event->samples[(event->next + i) % LATENCY_SAMPLES];
        if (sample->wall_s == 0)
            continue;
        graph.samples[graph.count++] = sample;
        if (sample->ms < graph.low_ms)
            graph.low_ms = sample->ms;
        if (sample->ms > graph.high_ms)
            graph.high_ms = sample->ms;
    }
    return graph;
}

/* What stands in a row, counted from the lowest. */
static char graph_mark(const struct graph *graph, const struct latency_sample *sample, int row)
{
    static const char steps[GRAPH_STEPS_A_ROW + 1] = "_o#";
    uint64_t range = graph->high_ms - graph->low_ms;
    uint64_t levels = GRAPH_ROWS * GRAPH_STEPS_A_ROW;
    uint64_t level = range ? (sample->ms - graph->low_ms) * levels / range : 0;
    if (level >= levels)
        level = levels - 1;
    int top = (int)(level / GRAPH_STEPS_A_ROW);
    if (row == top)
        return steps[level % GRAPH_STEPS_A_ROW];
    return row < top ? '|' : ' ';
}

static void graph_age(const struct graph *graph, int i, char age[AGE_SIZE_MAX])
{
    int64_t seconds = graph->now_s - graph->samples[i]->wall_s;
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t unit = 0;
    while (unit < 3 && seconds < units[unit].seconds)
        unit++;
    snprintf(age, AGE_SIZE_MAX, "%lld%c", (long long)(seconds / units[unit].seconds),
             units[unit].unit);
}

static void write_ages(const struct graph *graph, int first, int last, struct buffer *out)
{
    char ages[GRAPH_COLUMNS][AGE_SIZE_MAX];
    size_t longest = 0;
    for (int i = first; i < last; i++) {
        graph_age(graph, i, ages[i - first]);
        if (strlen(ages[i - first]) > longest)
            longest = strlen(ages[i - first]);
    }
    for (size_t line = 0; line < longest; line++) {
        for (int i = 0; i < last - first; i++)
            (void)buffer_append(out, line < strlen(ages[i]) ? &ages[i][line] : " ", 1);
        (void)buffer_append_text(out, "\n");
    }
}

void latency_write_graph(const struct latency_event *event, struct buffer *out)
{
    struct graph graph = graph_of(event);
    (void)buffer_printf(out, "%s - high %u ms, low %u ms (all time high %u ms)\n", event->name,
                        graph.high_ms, graph.low_ms, event->max_ms);
    for (int i = 0; i < GRAPH_COLUMNS; i++)
        (void)buffer_append_text(out, "-");
    (void)buffer_append_text(out, "\n");
    for (int first = 0; first < graph.count; first += GRAPH_COLUMNS) {
        int last = first + GRAPH_COLUMNS < graph.count ? first + GRAPH_COLUMNS : graph.count;
        for (int row = GRAPH_ROWS - 1; row >= -1; row--) {
            for (int i = first; i < last; i++) {
                char mark = graph_mark(&graph, graph.samples[i], row);
                (void)buffer_append(out, row < 0 ? " " : &mark, 1);
            }
            (void)buffer_append_text(out, "\n");
        }
        write_ages(&graph, first, last, out);
    }
}
