/* Batches of requests: bump allocation in the batch's own room, then in blocks of the I/O thread's
 * pool. */
#include "client/request.h"

#include "base/assert.h"
#include "base/memory.h"
#include "io/byte_pool.h"
#include "protocol/limits.h"
#include <string.h>

enum { REQUEST_MEMORY_SIZE = 4 * 1024 - 64, ROOM_SIZE_MAX = REPLY_CHUNK_SIZE };

struct request_batch *request_batch_create(struct byte_pool *pool)
{
    (void)pool;
    struct request_batch *batch = mem_alloc(sizeof(*batch) + REQUEST_BATCH_ROOM);
    memset(batch, 0, sizeof(*batch));
    batch->free = batch->own_room;
    batch->end = batch->own_room + REQUEST_BATCH_ROOM;
    return batch;
}

static void free_large(struct request_batch *batch)
{
    for (struct request *request = batch->first; request; request = request->next)
        for (int32_t i = 0; request->large && i < request->argc; i++)
            if (request->large[i])
                shared_bytes_release(request->large[i]);
}

void request_batch_free(struct byte_pool *pool, struct request_batch *batch)
{
    if (batch->has_large)
        free_large(batch);
    for (struct input_block *block = batch->blocks, *next; block; block = next) {
        next = block->next;
        input_block_free(pool, block);
    }
    for (struct request_memory *memory = batch->memory, *next; memory; memory = next) {
        next = memory->next;
        mem_free(memory);
    }
    mem_free(batch->room);
    mem_free(batch);
}

size_t request_batch_memory(const struct request_batch *batch)
{
    size_t size = sizeof(*batch) + REQUEST_BATCH_ROOM;
    for (const struct input_block *block = batch->blocks; block; block = block->next)
        size += block->capacity;
    for (const struct request_memory *memory = batch->memory; memory; memory = memory->next)
        size += sizeof(*memory) + memory->size;
    if (!batch->has_large)
        return size;
    for (const struct request *request = batch->first; request; request = request->next)
        for (int32_t i = 0; request->large && i < request->argc; i++)
            if (request->large[i])
                size += sizeof(*request->large[i]) + request->large[i]->size;
    return size;
}

static void *bump(struct request_batch *batch, size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if ((size_t)(batch->end - batch->free) < size) {
        size_t room = size > REQUEST_MEMORY_SIZE ? size : REQUEST_MEMORY_SIZE;
        struct request_memory *memory = mem_alloc(sizeof(*memory) + room);
        memory->next = batch->memory;
        memory->size = room;
        batch->memory = memory;
        batch->free = memory->data;
        batch->end = memory->data + room;
    }
    char *result = batch->free;
    batch->free += size;
    return result;
}

struct request *request_batch_add(struct request_batch *batch, int32_t argc, bool has_large)
{
    assert(argc >= 0);
    size_t slices = (size_t)argc * sizeof(struct bytes);
    size_t larges = has_large ? (size_t)argc * sizeof(struct shared_bytes *) : 0;
    struct request *request = bump(batch, sizeof(*request) + slices + larges);
    memset(request, 0, sizeof(*request));
    request->argc = argc;
    if (has_large) {
        request->large = (struct shared_bytes **)(void *)((char *)request->argv + slices);
        memset(request->large, 0, larges);
        batch->has_large = true;
    }
    if (batch->last)
        batch->last->next = request;
    else
        batch->first = batch->current = request;
    batch->last = request;
    batch->count++;
    return request;
}

char *request_batch_text(struct request_batch *batch, const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(bump(batch, size), text, size);
}

/* Replies are mostly small: room for a short one per request, at most a TLS record. */
void request_batch_add_room(struct request_batch *batch)
{
    size_t size = batch->count * 96 + 416;
    if (size > ROOM_SIZE_MAX)
        size = ROOM_SIZE_MAX;
    batch->room = reply_chunk_init_room(mem_alloc(size), size);
}

struct input_block *input_block_create(struct byte_pool *pool, size_t size)
{
    size_t capacity;
    struct input_block *block = byte_pool_take(pool, size + sizeof(*block), &capacity);
    assert(capacity - sizeof(*block) <= UINT32_MAX);
    block->next = NULL;
    block->capacity = capacity;
    block->size = (uint32_t)(capacity - sizeof(*block));
    block->used = 0;
    return block;
}

void input_block_free(struct byte_pool *pool, struct input_block *block)
{
    byte_pool_give(pool, block, block->capacity);
}

struct shared_bytes *request_take_large(struct request *request, int index)
{
    if (!request || !request->large || !request->large[index])
        return NULL;
    struct shared_bytes *taken = request->large[index];
    request->large[index] = NULL;
    return taken;
}
