/* Byte blocks for I/O in a few sizes, kept on free lists within a fixed budget. One thread. */
#ifndef IO_BYTE_POOL_H
#define IO_BYTE_POOL_H

#include <stddef.h>

struct byte_pool;

struct byte_pool *byte_pool_create(size_t budget);
void byte_pool_destroy(struct byte_pool *pool);
/* A block of at least `size` bytes; *capacity receives its real size (4 KB, 18 KB, 72 KB, or as
 * asked). */
void *byte_pool_take(struct byte_pool *pool, size_t size, size_t *capacity);
/* `capacity` as it was given. */
void byte_pool_give(struct byte_pool *pool, void *block, size_t capacity);
size_t byte_pool_kept(const struct byte_pool *pool);

#endif
