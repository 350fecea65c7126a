/* See latency.h. */
#include "observability/latency.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

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
    for (size_t i = 0; i < latency->count; i++) {
        const struct latency_event *event = latency->events[i];
        int samples = 0;
        uint64_t sum = 0;
        for (int s = 0; s < LATENCY_SAMPLES; s++) {
            samples += event->samples[s].wall_s != 0;
            sum += event->samples[s].ms;
        }
        (void)buffer_printf(
            out, "%zu. %s: %d latency spikes (average %.1f ms). Worst all time event %u ms.\n",
            i + 1, event->name, samples, samples ? (double)sum / samples : 0.0, event->max_ms);
    }
}

void latency_write_graph(const struct latency_event *event, struct buffer *out)
{
    static const char levels[] = "_.-o#";
    (void)buffer_printf(out, "%s - high %u ms, all time high %u ms\n", event->name,
                        latency_last(event).ms, event->max_ms);
    for (int i = 0; i < LATENCY_SAMPLES; i++) {
        const struct latency_sample *sample = &event->samples[(event->next + i) % LATENCY_SAMPLES];
        if (sample->wall_s == 0)
            continue;
        size_t level =
            event->max_ms ? (size_t)sample->ms * (sizeof(levels) - 2) / event->max_ms : 0;
        (void)buffer_append(out, &levels[level], 1);
    }
    (void)buffer_append_text(out, "\n");
}
