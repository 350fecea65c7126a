/* See metrics.h. */
#include "observability/metrics.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "observability/latency_histogram.h"
#include "observability/metrics_types.h"

enum { NAME_SIZE_MAX = 128, LABELS_SIZE_MAX = 512, VALUE_SIZE_MAX = 64, SAMPLES_MAX = 1 << 20 };
/* Upper bounds of the histogram: powers of two from 1 us to some 0.5 s. */
enum { BOUNDS = 20, FIRST_BOUND_NS = 1000 };

struct sample {
    char name[NAME_SIZE_MAX];
    char labels[LABELS_SIZE_MAX]; /* with braces, or empty */
    char value[VALUE_SIZE_MAX];
    enum metric_type type;
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
    bool has_only_gauges;
} families[] = {
    {"cmdstat_", "command", "cmd", false, false},
    {"errorstat_", "error", "code", false, false},
    {"latency_percentiles_usec_", "command_latency_usec", "cmd", false, true},
    {"io_thread_", "io_thread", "thread", true, false},
    {"listener", "listener", "listener", true, false},
    {"slave", "replica", "replica", true, false},
    {"db", "db", "db", true, false},
};

/* -- names and values -- */

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

static void add_text(struct samples *samples, struct bytes key, struct bytes value)
{
    struct sample *sample = add_sample(samples);
    if (!sample)
        return;
    append_name(sample->name, BYTES_LITERAL("redis_text"));
    append_label(sample->labels, "field", key);
    append_label(sample->labels, "value", value);
    memcpy(sample->value, "1", 2);
    sample->type = METRIC_GAUGE;
}

static void add_value(struct samples *samples, const struct family *family, struct bytes field,
                      struct bytes about, struct bytes text)
{
    char value[VALUE_SIZE_MAX];
    if (!read_number(text, value))
        return;
    struct bytes family_name = bytes_of_text(family ? family->name : "");
    struct sample *sample = add_sample(samples);
    if (!sample)
        return;
    memcpy(sample->value, value, sizeof value);
    append_name(sample->name, BYTES_LITERAL("redis_"));
    append_name(sample->name, family_name);
    if (family && field.size)
        append_name(sample->name, BYTES_LITERAL("_"));
    append_name(sample->name, field);
    if (family)
        append_label(sample->labels, family->label, about);
    sample->type =
        family && family->has_only_gauges ? METRIC_GAUGE : metric_type_of(family_name, field);
    if (sample->type == METRIC_COUNTER && !strstr(sample->name, "total"))
        append_name(sample->name, BYTES_LITERAL("_total"));
}

/* Takes the next of "name=value,name=value"; false at the end. */
static bool next_field(struct bytes *fields, struct bytes *name, struct bytes *value)
{
    while (fields->size > 0) {
        const char *comma = memchr(fields->data, ',', fields->size);
        size_t size = comma ? (size_t)(comma - fields->data) : fields->size;
        const char *equals = memchr(fields->data, '=', size);
        if (equals) {
            *name = bytes_of(fields->data, (size_t)(equals - fields->data));
            *value = bytes_of(equals + 1, size - name->size - 1);
        }
        size += comma != NULL;
        *fields = bytes_of(fields->data + size, fields->size - size);
        if (equals)
            return true;
    }
    return false;
}

static void add_fields(struct samples *samples, const struct family *family, struct bytes about,
                       struct bytes fields)
{
    struct bytes name;
    struct bytes value;
    while (next_field(&fields, &name, &value))
        add_value(samples, family, name, about, value);
}

/* "db0_distrib_strings_sizes:1=5,2K=1": how many keys have a size from there on. */
static bool add_distribution(struct samples *samples, struct bytes key, struct bytes fields)
{
    static const char middle[] = "_distrib_";
    const char *found = memmem(key.data, key.size, middle, sizeof middle - 1);
    if (!found || key.size < 3 || memcmp(key.data, "db", 2) != 0)
        return false;
    struct bytes db = bytes_of(key.data + 2, (size_t)(found - key.data) - 2);
    const char *rest = found + sizeof middle - 1;
    struct bytes what = bytes_of(rest, (size_t)(key.data + key.size - rest));
    struct bytes from;
    struct bytes value;
    char number[VALUE_SIZE_MAX];
    while (next_field(&fields, &from, &value)) {
        struct sample *sample = read_number(value, number) ? add_sample(samples) : NULL;
        if (!sample)
            continue;
        append_name(sample->name, BYTES_LITERAL("redis_keysizes"));
        append_label(sample->labels, "db", db);
        append_label(sample->labels, "of", what);
        append_label(sample->labels, "from", from);
        memcpy(sample->value, number, sizeof number);
        sample->type = METRIC_GAUGE;
    }
    return true;
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
    else if (add_distribution(samples, key, value))
        return;
    else if (metric_type_of(BYTES_LITERAL(""), key) != METRIC_TEXT && read_number(value, number))
        add_value(samples, NULL, key, value, value);
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

/* Every number of INFO is in a list of metrics_types.c; one that is not is said to be so. */
static const char *const type_names[] = {
    [METRIC_UNKNOWN] = "untyped", [METRIC_GAUGE] = "gauge", [METRIC_COUNTER] = "counter"};

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
            print_type(out, sample->name, type_names[sample->type]);
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
