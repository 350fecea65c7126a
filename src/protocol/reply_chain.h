/* A chain of reply chunks: bytes on their way to one client, in order.
 *
 *   chain.head ─▶ [room of the batch] ─▶ [shared value, referenced] ─▶ [heap chunk] ─▶ NULL
 *
 * Main fills a chain, seals it by moving it to the I/O thread in a message, and never looks at it
 * again until it comes back to be freed: chunks are freed by the thread that allocated them.
 */
#ifndef PROTOCOL_REPLY_CHAIN_H
#define PROTOCOL_REPLY_CHAIN_H

#include "base/shared_bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum reply_chunk_kind {
    REPLY_CHUNK_HEAP, /* mem_alloc'ed by main with room for `capacity` bytes; goes back to main */
    REPLY_CHUNK_ROOM, /* lies inside a request batch, whose I/O thread owns it; never freed alone */
    REPLY_CHUNK_SHARED /* heap header whose bytes are those of `shared`; goes back to main */
};

struct reply_chunk {
    struct reply_chunk *next;
    const char *bytes; /* what to send: own room or the shared value's */
    struct shared_bytes *shared;
    uint32_t capacity; /* of the own room */
    uint8_t kind;
    size_t size; /* bytes to send */
    char room[];
};

struct reply_chain {
    struct reply_chunk *head;
    struct reply_chunk *tail;
    size_t size; /* sum over chunks */
};

static inline bool reply_chain_is_empty(const struct reply_chain *chain)
{
    return chain->head == NULL;
}

/* Makes a chunk in `memory` (aligned, `size` bytes incl. the header): for a batch's room. */
struct reply_chunk *reply_chunk_init_room(void *memory, size_t size);
struct reply_chunk *reply_chunk_create(size_t capacity);
/* Takes over one reference of `shared`; offset and size choose a part. */
struct reply_chunk *reply_chunk_create_shared(struct shared_bytes *shared, size_t offset,
                                              size_t size);
void reply_chain_push(struct reply_chain *chain, struct reply_chunk *chunk);
/* Appends all of `more`, which becomes empty. */
void reply_chain_append(struct reply_chain *chain, struct reply_chain *more);
struct reply_chunk *reply_chain_pop(struct reply_chain *chain);
/* Frees heap and shared chunks (drops the reference); room chunks are only unlinked. Main. */
void reply_chunk_free(struct reply_chunk *chunk);
void reply_chain_free(struct reply_chain *chain);

#endif
