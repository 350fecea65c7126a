/* See compose.h. */
#include "tools/benchmark/compose.h"

#include "base/memory.h"
#include "tools/benchmark/load.h"
#include "tools/benchmark/workload.h"
#include <string.h>

static void add_mark(struct part *part, enum mark_kind kind, size_t offset)
{
    part->marks = mem_realloc(part->marks, (part->mark_count + 1) * sizeof(*part->marks));
    part->marks[part->mark_count++] = (struct mark){.kind = kind, .offset = offset};
    part->digits_count += kind == MARK_DIGITS;
}

static void add_text(struct part *part, const struct options *options, const char *text)
{
    if (buffer_printf(&part->text, "$%zu\r\n", strlen(text)) != 0)
        fatal("a request is too large");
    size_t at = part->text.size;
    if (buffer_printf(&part->text, "%s\r\n", text) != 0)
        fatal("a request is too large");
    const char *place = strstr(text, WORKLOAD_PLACEHOLDER);
    if (place && options->has_random_keys)
        add_mark(part, MARK_DIGITS, at + (size_t)(place - text));
}

void composition_add(struct composition *composition, const struct options *options,
                     const char *const *args, size_t argc, uint64_t weight)
{
    if (!composition->data) {
        bool is_range = options->data_size_max > 0;
        int64_t min = is_range ? options->data_size_min : options->data_size;
        int64_t max = is_range ? options->data_size_max : options->data_size;
        composition->data_size_min = (uint64_t)min;
        composition->data_size_max = (uint64_t)max;
        composition->data = workload_make_data((size_t)max);
    }
    assert(composition->part_count < COMPOSE_PARTS_MAX);
    struct part *part = &composition->parts[composition->part_count++];
    *part = (struct part){.weight = weight};
    buffer_init(&part->text, BENCHMARK_DATA_SIZE_MAX);
    if (buffer_printf(&part->text, "*%zu\r\n", argc) != 0)
        fatal("a request is too large");
    for (size_t i = 0; i < argc; i++) {
        bool is_value = strcmp(args[i], "@data") == 0;
        if (is_value && composition->data_size_min < composition->data_size_max)
            add_mark(part, MARK_VALUE, part->text.size);
        else if (is_value)
            add_text(part, options, composition->data);
        else
            add_text(part, options, args[i]);
    }
}

void composition_deinit(struct composition *composition)
{
    for (size_t i = 0; i < composition->part_count; i++) {
        buffer_deinit(&composition->parts[i].text);
        mem_free(composition->parts[i].marks);
    }
    mem_free(composition->data);
    *composition = (struct composition){0};
}

/* The part of request `number`, and how many of its kind came before. */
static const struct part *choose(const struct composition *composition, uint64_t number,
                                 uint64_t *before)
{
    const struct part *first = &composition->parts[0];
    *before = number;
    if (composition->part_count == 1)
        return first;
    const struct part *second = &composition->parts[1];
    uint64_t round = number / (first->weight + second->weight);
    uint64_t place = number % (first->weight + second->weight);
    if (place < first->weight) {
        *before = round * first->weight + place;
        return first;
    }
    *before = round * second->weight + place - first->weight;
    return second;
}

static int write_value(const struct composition *composition, struct key_source *keys,
                       struct buffer *to)
{
    uint64_t size =
        key_source_between(keys, composition->data_size_min, composition->data_size_max);
    char header[24];
    char *start = header + sizeof(header);
    *--start = '\n';
    *--start = '\r';
    for (uint64_t left = size; left > 0; left /= 10)
        *--start = (char)('0' + left % 10);
    *--start = '$';
    if (buffer_append(to, start, (size_t)(header + sizeof(header) - start)) != 0 ||
        buffer_append(to, composition->data, size) != 0)
        return -1;
    return buffer_append(to, "\r\n", 2);
}

static int write_part(const struct composition *composition, const struct part *part,
                      struct key_source *keys, uint64_t position, struct buffer *to)
{
    size_t from = 0;
    for (size_t i = 0; i < part->mark_count; i++) {
        const struct mark *mark = &part->marks[i];
        if (buffer_append(to, part->text.data + from, mark->offset - from) != 0)
            return -1;
        from = mark->offset;
        if (mark->kind == MARK_VALUE) {
            if (write_value(composition, keys, to) != 0)
                return -1;
            continue;
        }
        char digits[PLACEHOLDER_SIZE];
        workload_put_digits(digits, key_source_next(keys, position++));
        if (buffer_append(to, digits, sizeof(digits)) != 0)
            return -1;
        from += PLACEHOLDER_SIZE;
    }
    return buffer_append(to, part->text.data + from, part->text.size - from);
}

int composition_write(const struct composition *composition, struct key_source *keys,
                      uint64_t first, uint64_t count, struct buffer *to)
{
    assert(composition->part_count > 0);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t before;
        const struct part *part = choose(composition, first + i, &before);
        if (write_part(composition, part, keys, before * part->digits_count, to) != 0)
            return -1;
    }
    return 0;
}
