/* See metrics.h. */
#include "observability/metrics.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "observability/latency_histogram.h"

enum { NAME_SIZE_MAX = 128, LABELS_SIZE_MAX = 512, VALUE_SIZE_MAX = 64, SAMPLES_MAX = 1 << 20 };
/* Upper bounds of the histogram: powers of two from 1 us to some 0.5 s. */
enum { BOUNDS = 20, FIRST_BOUND_NS = 1000 };

struct sample {
    char name[NAME_SIZE_MAX];
    char labels[LABELS_SIZE_MAX]; /* with braces, or empty */
    char value[VALUE_SIZE_MAX];
    size_t order;
};

struct samples {
    struct sample *items;
    size_t count;
    size_t capacity;
};

/* Lines that hold fields of their own: "<prefix><what>:name=value,...". */
static const struct family {
    const char *prefix;
    const char *name;  /* of the samples: <name>_<field> */
    const char *label; /* its value is what follows the prefix */
    bool is_numbered;  /* only digits may follow */
} families[] = {
    {"cmdstat_", "command", "cmd", false},
    {"errorstat_", "error", "code", false},
    {"latency_percentiles_usec_", "command_latency_usec", "cmd", false},
    {"io_thread_", "io_thread", "thread", true},
    {"listener", "listener", "listener", true},
    {"slave", "replica", "replica", true},
    {"db", "db", "db", true},
};

/* -- names and values -- */

/* Counters are told by their names; everything else is a gauge. */
static bool is_counter(const char *name)
{
    static const char *const words[] = {
        "total_",    "_total",    "_hits",         "_misses",       "expired_", "evicted_",
        "rejected_", "_received", "_sent",         "_calls",        "_usec",    "_count",
        "_reads",    "_writes",   "_bytes_in",     "_bytes_out",    "_turns",   "_waits",
        "_busy_us",  "_idle_us",  "_records_",     "_processed",    "_shrinks", "_expands",
        "_cycles",   "_closed_",  "_handshakes_f", "_handshakes_r", "_failed_", "_issued"};
    static const char *const not_these[] = {
        "instantaneous", "latency_usec",   "per_call",       "redis_current", "redis_mem_",
        "_total_mem",    "_system_memory", "total_blocking", "total_watched", "tracking_total",
        "server_time",   "latest_fork",    "_perc"};
    for (size_t i = 0; i < sizeof not_these / sizeof not_these[0]; i++)
        if (strstr(name, not_these[i]))
            return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strstr(name, words[i]))
            return true;
    return false;
}

static void append_name(char *name, struct bytes part)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < part.size && size + 1 < NAME_SIZE_MAX; i++) {
        unsigned char c = (unsigned char)part.data[i];
        name[size++] = isalnum(c) ? (char)tolower(c) : '_';
    }
    name[size] = '\0';
}

/* Appends name="value" with the format's escapes; what does not fit is cut off at a whole byte. */
static void append_label(char *labels, const char *name, struct bytes value)
{
    size_t size = strlen(labels);
    size_t needed = strlen(name) + sizeof "{=\"\"}";
    if (size + needed >= LABELS_SIZE_MAX)
        return;
    if (size > 0)
        labels[size - 1] = ',';
    else
        labels[size++] = '{';
    size += (size_t)snprintf(labels + size, LABELS_SIZE_MAX - size, "%s=\"", name);
    for (size_t i = 0; i < value.size && size + sizeof "xx\"}" < LABELS_SIZE_MAX; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if (c == '"' || c == '\\')
            labels[size++] = '\\';
        labels[size++] = c < ' ' || c > '~' ? '?' : (char)c; /* a label has to be UTF-8 */
    }
    memcpy(labels + size, "\"}", sizeof "\"}");
}

/* Copies a number, without the sign of percent; false when it is none. */
static bool read_number(struct bytes text, char value[VALUE_SIZE_MAX])
{
    if (text.size > 0 && text.data[text.size - 1] == '%')
        text.size--;
    if (text.size == 0 || text.size >= VALUE_SIZE_MAX || isspace((unsigned char)text.data[0]))
        return false;
    memcpy(value, text.data, text.size);
    value[text.size] = '\0';
    char *end;
    (void)strtod(value, &end);
    return *end == '\0' && strspn(value, "+-.0123456789eE") == text.size;
}

static struct sample *add_sample(struct samples *samples)
{
    if (samples->count == SAMPLES_MAX)
        return NULL;
    if (samples->count == samples->capacity) {
        samples->capacity = samples->capacity ? samples->capacity * 2 : 512;
        samples->items = mem_realloc(samples->items, samples->capacity * sizeof *samples->items);
    }
    struct sample *sample = &samples->items[samples->count];
    *sample = (struct sample){.order = samples->count};
    samples->count++;
    return sample;
}

/* -- lines -- */

static void add_value(struct samples *samples, struct bytes family, struct bytes field,
                      const char *label, struct bytes about, struct bytes text)
{
    char value[VALUE_SIZE_MAX];
    if (!read_number(text, value))
        return;
    struct sample *sample = add_sample(samples);
    if (!sample)
        return;
    memcpy(sample->value, value, sizeof value);
    append_name(sample->name, BYTES_LITERAL("redis_"));
    append_name(sample->name, family);
    if (family.size && field.size)
        append_name(sample->name, BYTES_LITERAL("_"));
    append_name(sample->name, field);
    if (label)
        append_label(sample->labels, label, about);
    if (is_counter(sample->name) && !strstr(sample->name, "total"))
        append_name(sample->name, BYTES_LITERAL("_total"));
}

/* "name=value,name=value". In latency percentiles the name is the label ("p99.9"). */
static void add_fields(struct samples *samples, const struct family *family, struct bytes about,
                       struct bytes fields)
{
    while (fields.size > 0) {
        const char *comma = memchr(fields.data, ',', fields.size);
        size_t size = comma ? (size_t)(comma - fields.data) : fields.size;
        const char *equals = memchr(fields.data, '=', size);
        if (equals) {
            struct bytes name = bytes_of(fields.data, (size_t)(equals - fields.data));
            struct bytes value = bytes_of(equals + 1, size - name.size - 1);
            add_value(samples, bytes_of_text(family->name), name, family->label, about, value);
        }
        size += comma != NULL;
        fields = bytes_of(fields.data + size, fields.size - size);
    }
}

static const struct family *family_of(struct bytes key, struct bytes *about)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        size_t size = strlen(families[i].prefix);
        if (key.size <= size || memcmp(key.data, families[i].prefix, size) != 0)
            continue;
        *about = bytes_of(key.data + size, key.size - size);
        size_t digits = 0;
        while (digits < about->size && isdigit((unsigned char)about->data[digits]))
            digits++;
        if (!families[i].is_numbered || digits == about->size)
            return &families[i];
    }
    return NULL;
}

static void add_text(struct samples *samples, struct bytes key, struct bytes value)
{
    struct sample *sample = add_sample(samples);
    if (!sample)
        return;
    append_name(sample->name, BYTES_LITERAL("redis_text"));
    append_label(sample->labels, "field", key);
    append_label(sample->labels, "value", value);
    memcpy(sample->value, "1", 2);
}

static bool ends_with(struct bytes text, const char *end)
{
    size_t size = strlen(end);
    return text.size >= size && memcmp(text.data + text.size - size, end, size) == 0;
}

static void add_line(struct samples *samples, struct bytes line)
{
    const char *colon = memchr(line.data, ':', line.size);
    if (line.size == 0 || line.data[0] == '#' || !colon)
        return;
    struct bytes key = bytes_of(line.data, (size_t)(colon - line.data));
    struct bytes value = bytes_of(colon + 1, line.size - key.size - 1);
    struct bytes about;
    char number[VALUE_SIZE_MAX];
    const struct family *family = family_of(key, &about);
    if (family && memchr(value.data, '=', value.size))
        add_fields(samples, family, about, value);
    else if (read_number(value, number))
        add_value(samples, BYTES_LITERAL(""), key, NULL, value, value);
    else if (value.size > 0 && !ends_with(key, "_human"))
        add_text(samples, key, value);
}

static int compare_samples(const void *a, const void *b)
{
    const struct sample *x = a;
    const struct sample *y = b;
    int order = strcmp(x->name, y->name);
    if (order != 0)
        return order;
    return (x->order > y->order) - (x->order < y->order);
}

static void print_type(struct buffer *out, const char *name, const char *type)
{
    (void)buffer_printf(out, "# TYPE %s %s\n", name, type);
}

void metrics_write_info(struct bytes info, struct buffer *out)
{
    struct samples samples = {0};
    while (info.size > 0) {
        const char *end = memchr(info.data, '\n', info.size);
        size_t size = end ? (size_t)(end - info.data) : info.size;
        size_t text = size > 0 && info.data[size - 1] == '\r' ? size - 1 : size;
        add_line(&samples, bytes_of(info.data, text));
        size += end != NULL;
        info = bytes_of(info.data + size, info.size - size);
    }
    if (samples.count > 0)
        qsort(samples.items, samples.count, sizeof *samples.items, compare_samples);
    for (size_t i = 0; i < samples.count; i++) {
        const struct sample *sample = &samples.items[i];
        if (i == 0 || strcmp(sample->name, samples.items[i - 1].name) != 0)
            print_type(out, sample->name, is_counter(sample->name) ? "counter" : "gauge");
        (void)buffer_printf(out, "%s%s %s\n", sample->name, sample->labels, sample->value);
    }
    mem_free(samples.items);
}

/* -- latency -- */

static void print_histogram(void *out_pointer, const struct info_command *command)
{
    static const char name[] = "redis_command_duration_seconds";
    struct buffer *out = out_pointer;
    if (!command->histogram)
        return;
    char labels[LABELS_SIZE_MAX] = "";
    append_label(labels, "cmd", bytes_of_text(command->name));
    int open = (int)strlen(labels) - 1; /* without the brace */
    uint64_t bound_ns = FIRST_BOUND_NS;
    for (int i = 0; i < BOUNDS; i++, bound_ns *= 2)
        (void)buffer_printf(out, "%s_bucket%.*s,le=\"%.9g\"} %" PRIu64 "\n", name, open, labels,
                            (double)bound_ns / 1e9,
                            latency_histogram_count_up_to(command->histogram, bound_ns));
    uint64_t total = latency_histogram_total(command->histogram);
    (void)buffer_printf(out, "%s_bucket%.*s,le=\"+Inf\"} %" PRIu64 "\n", name, open, labels, total);
    (void)buffer_printf(out, "%s_sum%s %.6f\n", name, labels, (double)command->usec / 1e6);
    (void)buffer_printf(out, "%s_count%s %" PRIu64 "\n", name, labels, total);
}

void metrics_write_latency(const struct info_sources *sources, struct buffer *out)
{
    if (!sources->each_command)
        return;
    print_type(out, "redis_command_duration_seconds", "histogram");
    sources->each_command(sources->context, print_histogram, out);
}
