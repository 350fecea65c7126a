/* See reply_chain.h. */
#include "protocol/reply_chain.h"

#include "base/assert.h"
#include "base/memory.h"

static struct reply_chunk *chunk_init(void *memory, size_t capacity, enum reply_chunk_kind kind)
{
    assert(capacity <= UINT32_MAX);
    struct reply_chunk *chunk = memory;
    chunk->next = NULL;
    chunk->bytes = chunk->room;
    chunk->shared = NULL;
    chunk->capacity = (uint32_t)capacity;
    chunk->kind = (uint8_t)kind;
    chunk->size = 0;
    return chunk;
}

struct reply_chunk *reply_chunk_init_room(void *memory, size_t size)
{
    assert(size > sizeof(struct reply_chunk));
    assert((uintptr_t)memory % _Alignof(struct reply_chunk) == 0);
    return chunk_init(memory, size - sizeof(struct reply_chunk), REPLY_CHUNK_ROOM);
}

struct reply_chunk *reply_chunk_create(size_t capacity)
{
    return chunk_init(mem_alloc(sizeof(struct reply_chunk) + capacity), capacity, REPLY_CHUNK_HEAP);
}

struct reply_chunk *reply_chunk_create_shared(struct shared_bytes *shared, size_t offset,
                                              size_t size)
{
    assert(offset <= shared->size);
    assert(size <= shared->size - offset);
    struct reply_chunk *chunk =
        chunk_init(mem_alloc(sizeof(struct reply_chunk)), 0, REPLY_CHUNK_SHARED);
    chunk->bytes = shared->data + offset;
    chunk->size = size;
    chunk->shared = shared;
    return chunk;
}

void reply_chain_push(struct reply_chain *chain, struct reply_chunk *chunk)
{
    assert(chunk->next == NULL);
    if (chain->tail)
        chain->tail->next = chunk;
    else
        chain->head = chunk;
    chain->tail = chunk;
    chain->size += chunk->size;
}

void reply_chain_append(struct reply_chain *chain, struct reply_chain *more)
{
    if (more->head) {
        if (chain->tail)
            chain->tail->next = more->head;
        else
            chain->head = more->head;
        chain->tail = more->tail;
        chain->size += more->size;
    }
    *more = (struct reply_chain){0};
}

struct reply_chunk *reply_chain_pop(struct reply_chain *chain)
{
    struct reply_chunk *chunk = chain->head;
    if (!chunk)
        return NULL;
    assert(chain->size >= chunk->size);
    chain->head = chunk->next;
    if (!chain->head)
        chain->tail = NULL;
    chain->size -= chunk->size;
    chunk->next = NULL;
    return chunk;
}

void reply_chunk_free(struct reply_chunk *chunk)
{
    chunk->next = NULL;
    if (chunk->kind == REPLY_CHUNK_ROOM)
        return;
    if (chunk->shared)
        shared_bytes_release(chunk->shared);
    mem_free(chunk);
}

void reply_chain_free(struct reply_chain *chain)
{
    struct reply_chunk *chunk = chain->head;
    while (chunk) {
        struct reply_chunk *next = chunk->next;
        reply_chunk_free(chunk);
        chunk = next;
    }
    *chain = (struct reply_chain){0};
}
