/* Bounded single-producer single-consumer ring of fixed-size slots: the only lock-free queue in the
 * tree. [X]
 *
 *   producer thread:  tail (private copy) ── publishes ──▶ tail ──▶ consumer reads
 *   consumer thread:  head (private copy) ── publishes ──▶ head ──▶ producer reads
 *
 * Indices run freely and are masked on access; wrapping is safe because they are unsigned and the
 * capacity is a power of two. Each side works on its private copy and publishes once per turn, so
 * the shared lines move between the cores once per batch, not once per message.
 */
#ifndef IO_SPSC_H
#define IO_SPSC_H

#include "base/assert.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spsc {
    void *slots;
    uint32_t slot_size;
    uint32_t mask;
    /* -- producer's line -- */
    uint32_t tail __attribute__((aligned(64))); /* next slot to fill, private */
    uint32_t head_seen;                         /* last head the producer read */
    uint32_t tail_published __attribute__((aligned(64)));
    /* -- consumer's line -- */
    uint32_t head __attribute__((aligned(64))); /* next slot to take, private */
    uint32_t tail_seen;
    uint32_t head_published __attribute__((aligned(64)));
};

/* capacity: a power of two. */
void spsc_init(struct spsc *ring, uint32_t capacity, uint32_t slot_size);
void spsc_deinit(struct spsc *ring);

/* Producer: the next slot to fill, or NULL when full. Then spsc_push. */
static inline void *spsc_reserve(struct spsc *ring)
{
    if (ring->tail - ring->head_seen > ring->mask) {
        /* acquire: pairs with the release in spsc_free; the slot is no longer read */
        ring->head_seen = __atomic_load_n(&ring->head_published, __ATOMIC_ACQUIRE);
        if (ring->tail - ring->head_seen > ring->mask)
            return NULL;
    }
    return (char *)ring->slots + (size_t)(ring->tail & ring->mask) * ring->slot_size;
}

/* Producer: the reserved slot is filled; not visible until spsc_publish. */
static inline void spsc_push(struct spsc *ring)
{
    ring->tail++;
}

/* Producer: true when something was pushed since the last publish. */
static inline bool spsc_has_unpublished(const struct spsc *ring)
{
    return ring->tail != ring->tail_published;
}

static inline void spsc_publish(struct spsc *ring)
{
    /* release: pairs with the acquire in spsc_peek; the slots' content comes first */
    __atomic_store_n(&ring->tail_published, ring->tail, __ATOMIC_RELEASE);
}

/* Consumer: the next filled slot, or NULL when empty. Valid until spsc_free. */
static inline void *spsc_peek(struct spsc *ring)
{
    if (ring->head == ring->tail_seen) {
        /* acquire: pairs with the release in spsc_publish */
        ring->tail_seen = __atomic_load_n(&ring->tail_published, __ATOMIC_ACQUIRE);
        if (ring->head == ring->tail_seen)
            return NULL;
    }
    return (char *)ring->slots + (size_t)(ring->head & ring->mask) * ring->slot_size;
}

static inline void spsc_pop(struct spsc *ring)
{
    assert(ring->head != ring->tail_seen);
    ring->head++;
}

/* Consumer: gives the popped slots back to the producer, once per batch. */
static inline void spsc_free(struct spsc *ring)
{
    /* release: pairs with the acquire in spsc_reserve; our reads of the slots come first */
    __atomic_store_n(&ring->head_published, ring->head, __ATOMIC_RELEASE);
}

/* Consumer: true when nothing is published beyond what was taken. */
static inline bool spsc_is_empty(struct spsc *ring)
{
    /* acquire: pairs with the release in spsc_publish */
    return ring->head == __atomic_load_n(&ring->tail_published, __ATOMIC_ACQUIRE);
}

#endif
