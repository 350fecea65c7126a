/* When things expire, in order of time: finds those that are due, and the nearest, without a second
 * table of keys.
 *
 * A B+ tree of 64-bit items: the time in units of 256 ms (upper half) and the lower half of the
 * key's hash. An item does not point at anything: the owner finds the entry by the hash and
 * compares the time. So entries may move freely, and an item costs eleven or twelve bytes. Equal
 * items may exist several times. One owner, any thread.
 */
#ifndef STRUCTURES_EXPIRY_INDEX_H
#define STRUCTURES_EXPIRY_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct expiry_node;

struct expiry_index {
    struct expiry_node *root; /* NULL when empty */
    unsigned height;          /* 0: the root is a leaf */
    size_t count;
    size_t leaves;
    size_t inners;
    uint64_t unit_sum; /* over all items */
};

struct expiry_item {
    uint32_t unit; /* time, see expiry_unit */
    uint32_t hash; /* low 32 bits */
};

enum { EXPIRY_UNIT_MS = 256 };

/* The unit that holds a wall-clock time: counted from 2020, limited to 0..UINT32_MAX (2054). */
uint32_t expiry_unit(int64_t time_ms);
/* Beginning of a unit, wall ms. */
int64_t expiry_unit_start(uint32_t unit);

void expiry_index_init(struct expiry_index *index);
void expiry_index_deinit(struct expiry_index *index);
void expiry_index_add(struct expiry_index *index, int64_t time_ms, uint64_t hash);
/* Removes one item of that time and hash; false when there is none. */
bool expiry_index_remove(struct expiry_index *index, int64_t time_ms, uint64_t hash);
/* Removes exactly this item. */
bool expiry_index_remove_item(struct expiry_index *index, struct expiry_item item);
/* Copies the earliest items, up to `max`, whose unit ends at or before now_ms; returns how many. */
size_t expiry_index_due(const struct expiry_index *index, int64_t now_ms, struct expiry_item *items,
                        size_t max);
/* Copies the earliest items whatever their time. */
size_t expiry_index_first(const struct expiry_index *index, struct expiry_item *items, size_t max);
/* The latest item; false when empty. */
bool expiry_index_last(const struct expiry_index *index, struct expiry_item *item);
/* An item by random descent (about fair); false when empty. */
bool expiry_index_random(const struct expiry_index *index, struct expiry_item *item);
/* Mean of all times, wall ms (to half a unit); 0 when empty. */
int64_t expiry_index_mean(const struct expiry_index *index);
size_t expiry_index_memory(const struct expiry_index *index);
/* Aborts when an invariant does not hold. */
void expiry_index_check(const struct expiry_index *index);

static inline size_t expiry_index_count(const struct expiry_index *index)
{
    return index->count;
}

#endif
