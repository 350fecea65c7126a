/* Pipelines whose requests differ in kind (--ratio) or size (--data-size-range) are put together
 * one by one from parts: a request's bytes with marks where digits and values go. Parts are made by
 * the main thread and read by all; composing is each worker's.
 */
#ifndef TOOLS_BENCHMARK_COMPOSE_H
#define TOOLS_BENCHMARK_COMPOSE_H

#include "base/assert.h"
#include "base/buffer.h"
#include "tools/benchmark/keys.h"
#include <stdbool.h>

enum { COMPOSE_PARTS_MAX = 2 };

enum mark_kind {
    MARK_DIGITS, /* twelve bytes of the text are replaced */
    MARK_VALUE   /* a bulk string is put in */
};

struct mark {
    enum mark_kind kind;
    size_t offset; /* into the text */
};

struct part {
    struct buffer text;
    struct mark *marks;
    size_t mark_count;
    uint64_t digits_count;
    uint64_t weight; /* of these in a row, then the next part */
};

struct composition {
    struct part parts[COMPOSE_PARTS_MAX];
    size_t part_count; /* 0: nothing to compose */
    char *data;        /* of the largest size */
    uint64_t data_size_min;
    uint64_t data_size_max;
};

/* `weight` of these requests in a row; "@data" among the arguments stands for the value. */
void composition_add(struct composition *composition, const struct options *options,
                     const char *const *args, size_t argc, uint64_t weight);
void composition_deinit(struct composition *composition);
/* Appends `count` requests, of which the first is number `first` of the run. 0, or -1 when they are
 * too large. */
int composition_write(const struct composition *composition, struct key_source *keys,
                      uint64_t first, uint64_t count, struct buffer *to) MUST_CHECK;

#endif
