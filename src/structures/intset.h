/* A sorted set of integers in one allocation, in the layout that Redis keeps in memory and files:
 *
 *   u32 width: 2, 4 or 8 bytes │ u32 count │ integers, ascending, little endian
 *
 * All have the width that the largest needs. Any change may move the allocation. One owner, any
 * thread.
 */
#ifndef STRUCTURES_INTSET_H
#define STRUCTURES_INTSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intset {
    uint32_t width;
    uint32_t count;
    uint8_t contents[];
};

/* More are never added: ask before. */
enum { INTSET_COUNT_MAX = 1 << 28 };

struct intset *intset_create(void);
struct intset *intset_copy(const struct intset *set);
void intset_free(struct intset *set);
/* Takes bytes of intset_validate()d layout: a copy. */
struct intset *intset_of_bytes(const void *data, size_t size);

static inline uint32_t intset_count(const struct intset *set)
{
    return set->count;
}

/* Bytes in use, which is also its serialized size. */
static inline size_t intset_size(const struct intset *set)
{
    return sizeof(*set) + (size_t)set->width * set->count;
}

/* Bytes of the allocation. */
size_t intset_memory(const struct intset *set);

/* In ascending order, index < count. */
int64_t intset_get(const struct intset *set, uint32_t index);
bool intset_contains(const struct intset *set, int64_t value);
/* False when it was there already. */
bool intset_add(struct intset **set, int64_t value);
/* False when it was not there. */
bool intset_remove(struct intset **set, int64_t value);
void intset_remove_at(struct intset **set, uint32_t index);

/* True when the bytes are an intset: width, size and strict order. */
bool intset_validate(const void *data, size_t size);
/* Aborts when an invariant does not hold. */
void intset_check(const struct intset *set);

#endif
