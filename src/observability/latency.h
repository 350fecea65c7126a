/* Latency monitoring: events that took latency-monitor-threshold ms or longer, with a short history
 * of each kind (LATENCY command). Main thread. */
#ifndef OBSERVABILITY_LATENCY_H
#define OBSERVABILITY_LATENCY_H

#include "base/buffer.h"
#include "base/bytes.h"
#include <stddef.h>
#include <stdint.h>

enum { LATENCY_SAMPLES = 160, LATENCY_EVENTS_MAX = 64, LATENCY_NAME_MAX = 32 };

struct latency_sample {
    int64_t wall_s;
    uint32_t ms; /* the worst of that second */
};

struct latency_event {
    char name[LATENCY_NAME_MAX]; /* "command", "fast-command", "tls-handshake", ... */
    uint32_t max_ms;
    int next;
    struct latency_sample samples[LATENCY_SAMPLES]; /* a ring; wall_s 0: unused */
};

struct latency {
    struct latency_event *events[LATENCY_EVENTS_MAX];
    size_t count;
};

struct latency *latency_create(void);
void latency_destroy(struct latency *latency);
/* Takes a sample; the caller has compared with the threshold. */
void latency_add(struct latency *latency, const char *name, uint32_t ms);
struct latency_event *latency_find(const struct latency *latency, struct bytes name);
/* The newest sample of an event. */
struct latency_sample latency_last(const struct latency_event *event);
/* Forgets one event; false when there is none of that name. */
bool latency_reset(struct latency *latency, struct bytes name);
size_t latency_reset_all(struct latency *latency);
/* LATENCY DOCTOR and GRAPH. */
void latency_write_report(const struct latency *latency, int64_t threshold_ms, struct buffer *out);
void latency_write_graph(const struct latency_event *event, struct buffer *out);

#endif
