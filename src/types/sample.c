/* Sampling by Floyd's method (Bentley and Floyd 1987): one draw for each number, however many of
 * them are wanted. Main thread. */
#include "types/sample.h"
#include "base/assert.h"
#include "base/memory.h"
#include "base/random.h"
#include <stdlib.h>

void distinct_init(struct distinct *distinct, size_t capacity)
{
    size_t size = 8;
    while (size / 2 < capacity)
        size *= 2;
    *distinct = (struct distinct){
        .slots = mem_calloc(size, sizeof(uint64_t)), .mask = size - 1, .capacity = capacity};
}

void distinct_deinit(struct distinct *distinct)
{
    mem_free(distinct->slots);
    *distinct = (struct distinct){0};
}

bool distinct_add(struct distinct *distinct, uint64_t value)
{
    assert(value != UINT64_MAX);
    uint64_t mixed = value * 0x9e3779b97f4a7c15ULL;
    size_t index = (size_t)(mixed >> 20) & distinct->mask;
    while (distinct->slots[index]) {
        if (distinct->slots[index] == value + 1)
            return false;
        index = (index + 1) & distinct->mask;
    }
    assert(distinct->count < distinct->capacity);
    distinct->slots[index] = value + 1;
    distinct->count++;
    return true;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

uint64_t *sample_indexes(uint64_t bound, size_t count)
{
    assert(count <= bound);
    uint64_t *indexes = mem_alloc((count + 1) * sizeof(*indexes));
    struct distinct distinct;
    distinct_init(&distinct, count);
    for (size_t i = 0; i < count; i++) {
        uint64_t top = bound - count + i;
        uint64_t drawn = random_below(top + 1);
        if (!distinct_add(&distinct, drawn)) {
            distinct_add(&distinct, top);
            drawn = top;
        }
        indexes[i] = drawn;
    }
    distinct_deinit(&distinct);
    qsort(indexes, count, sizeof(*indexes), compare);
    return indexes;
}
