/* Intsets. One owner, any thread. Machines are little endian here. */
#include "structures/intset.h"
#include "base/assert.h"
#include "base/memory.h"
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "integers are stored as they are");

static uint32_t width_of(int64_t value)
{
    if (value >= INT16_MIN && value <= INT16_MAX)
        return 2;
    return value >= INT32_MIN && value <= INT32_MAX ? 4 : 8;
}

static inline int64_t read_integer(const uint8_t *contents, uint32_t width, size_t index)
{
    const uint8_t *at = contents + index * width;
    int16_t narrow;
    int32_t middle;
    int64_t wide;
    switch (width) {
    case 2:
        memcpy(&narrow, at, sizeof(narrow));
        return narrow;
    case 4:
        memcpy(&middle, at, sizeof(middle));
        return middle;
    default:
        memcpy(&wide, at, sizeof(wide));
        return wide;
    }
}

static void write_integer(struct intset *set, size_t index, int64_t value)
{
    memcpy(set->contents + index * set->width, &value, set->width);
}

/* -- life -- */

struct intset *intset_create(void)
{
    struct intset *set = mem_alloc(sizeof(*set));
    *set = (struct intset){.width = 2};
    return set;
}

struct intset *intset_copy(const struct intset *set)
{
    return mem_dup(set, intset_size(set));
}

void intset_free(struct intset *set)
{
    mem_free(set);
}

struct intset *intset_of_bytes(const void *data, size_t size)
{
    return mem_dup(data, size);
}

size_t intset_memory(const struct intset *set)
{
    return mem_usable_size(set);
}

/* -- finding -- */

int64_t intset_get(const struct intset *set, uint32_t index)
{
    assert(index < set->count);
    return read_integer(set->contents, set->width, index);
}

/* Index of the first integer that is not less. */
static uint32_t lower_bound(const struct intset *set, int64_t value)
{
    uint32_t low = 0;
    uint32_t high = set->count;
    if (high && intset_get(set, high - 1) < value)
        return high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (read_integer(set->contents, set->width, middle) < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct intset *set, uint32_t index, int64_t value)
{
    return index < set->count && intset_get(set, index) == value;
}

bool intset_contains(const struct intset *set, int64_t value)
{
    return width_of(value) <= set->width && is_at(set, lower_bound(set, value), value);
}

/* -- changing -- */

static void reserve(struct intset **set, size_t size)
{
    if (size > mem_usable_size(*set))
        *set = mem_realloc(*set, mem_good_size(size));
}

/* Makes all integers wider and adds one that is beyond either end. */
static void widen_and_add(struct intset **set, int64_t value)
{
    uint32_t width = (*set)->width;
    uint32_t new_width = width_of(value);
    uint32_t count = (*set)->count;
    reserve(set, sizeof(**set) + (size_t)new_width * (count + 1));
    struct intset *wide = *set;
    wide->width = new_width;
    size_t shift = value < 0;
    for (size_t i = count; i-- > 0;)
        write_integer(wide, i + shift, read_integer(wide->contents, width, i));
    write_integer(wide, shift ? 0 : count, value);
    wide->count = count + 1;
}

bool intset_add(struct intset **set, int64_t value)
{
    assert((*set)->count < INTSET_COUNT_MAX);
    if (width_of(value) > (*set)->width) {
        widen_and_add(set, value);
        return true;
    }
    uint32_t index = lower_bound(*set, value);
    if (is_at(*set, index, value))
        return false;
    reserve(set, intset_size(*set) + (*set)->width);
    struct intset *grown = *set;
    uint8_t *at = grown->contents + (size_t)index * grown->width;
    memmove(at + grown->width, at, (size_t)(grown->count - index) * grown->width);
    write_integer(grown, index, value);
    grown->count++;
    return true;
}

void intset_remove_at(struct intset **set, uint32_t index)
{
    struct intset *shrunk = *set;
    assert(index < shrunk->count);
    uint8_t *at = shrunk->contents + (size_t)index * shrunk->width;
    memmove(at, at + shrunk->width, (size_t)(shrunk->count - index - 1) * shrunk->width);
    shrunk->count--;
    size_t size = intset_size(shrunk);
    if (mem_usable_size(shrunk) > size * 2 + 32)
        *set = mem_realloc(shrunk, size);
}

bool intset_remove(struct intset **set, int64_t value)
{
    if (width_of(value) > (*set)->width)
        return false;
    uint32_t index = lower_bound(*set, value);
    if (!is_at(*set, index, value))
        return false;
    intset_remove_at(set, index);
    return true;
}

/* -- bytes from outside -- */

bool intset_validate(const void *data, size_t size)
{
    struct intset header;
    if (size < sizeof(header))
        return false;
    memcpy(&header, data, sizeof(header));
    if (header.width != 2 && header.width != 4 && header.width != 8)
        return false;
    if (header.count > INTSET_COUNT_MAX ||
        (uint64_t)header.count * header.width != size - sizeof(header))
        return false;
    const uint8_t *contents = (const uint8_t *)data + sizeof(header);
    for (size_t i = 1; i < header.count; i++)
        if (read_integer(contents, header.width, i - 1) >= read_integer(contents, header.width, i))
            return false;
    return true;
}

void intset_check(const struct intset *set)
{
    assert(intset_validate(set, intset_size(set)));
    assert(mem_usable_size(set) >= intset_size(set));
}
