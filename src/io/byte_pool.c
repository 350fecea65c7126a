/* Byte blocks of four sizes on free lists, last in first out, so that the block used next is warm.
 *
 * What is kept never exceeds the budget; beyond it, and for odd sizes, blocks go straight back to
 * the allocator. One thread, that of the loop.
 */
#include "io/byte_pool.h"
#include "base/assert.h"
#include "base/memory.h"

enum { CLASS_COUNT = 4 };

static const size_t class_sizes[CLASS_COUNT] = {4 * 1024, 18 * 1024, 72 * 1024, 128 * 1024};

struct free_block {
    struct free_block *next;
};

struct byte_pool {
    struct free_block *free[CLASS_COUNT];
    size_t kept;
    size_t budget;
};

struct byte_pool *byte_pool_create(size_t budget)
{
    struct byte_pool *pool = mem_calloc(1, sizeof(*pool));
    pool->budget = budget;
    return pool;
}

void byte_pool_destroy(struct byte_pool *pool)
{
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        while (pool->free[i] != NULL) {
            struct free_block *block = pool->free[i];
            pool->free[i] = block->next;
            pool->kept -= class_sizes[i];
            mem_free(block);
        }
    }
    assert(pool->kept == 0);
    mem_free(pool);
}

/* CLASS_COUNT for sizes beyond the largest class. */
static unsigned class_of(size_t size)
{
    unsigned class = 0;
    while (class < CLASS_COUNT && class_sizes[class] < size)
        class ++;
    return class;
}

void *byte_pool_take(struct byte_pool *pool, size_t size, size_t *capacity)
{
    assert(size > 0);
    unsigned class = class_of(size);
    if (class == CLASS_COUNT) {
        *capacity = size;
        return mem_alloc(size);
    }
    *capacity = class_sizes[class];
    struct free_block *block = pool->free[class];
    if (block == NULL)
        return mem_alloc(class_sizes[class]);
    pool->free[class] = block->next;
    pool->kept -= class_sizes[class];
    return block;
}

void byte_pool_give(struct byte_pool *pool, void *block, size_t capacity)
{
    assert(block != NULL);
    unsigned class = class_of(capacity);
    if (class == CLASS_COUNT || class_sizes[class] != capacity ||
        pool->kept + capacity > pool->budget) {
        mem_free(block);
        return;
    }
    struct free_block *head = block;
    head->next = pool->free[class];
    pool->free[class] = head;
    pool->kept += capacity;
}

size_t byte_pool_kept(const struct byte_pool *pool)
{
    return pool->kept;
}
