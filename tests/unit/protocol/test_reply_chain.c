/* Chains of reply chunks. */
#include "base/memory.h"
#include "protocol/reply_chain.h"
#include <criterion/criterion.h>

static struct reply_chunk *chunk_of(const char *text)
{
    struct reply_chunk *chunk = reply_chunk_create(100);
    chunk->size = strlen(text);
    memcpy(chunk->room, text, chunk->size);
    return chunk;
}

Test(reply_chain, keeps_order_and_size)
{
    struct reply_chain chain = {0};
    cr_assert(reply_chain_is_empty(&chain));
    cr_assert_null(reply_chain_pop(&chain));
    reply_chain_push(&chain, chunk_of("one"));
    reply_chain_push(&chain, chunk_of("three"));
    cr_assert_eq(chain.size, 8);
    struct reply_chunk *first = reply_chain_pop(&chain);
    cr_assert_eq(memcmp(first->bytes, "one", 3), 0);
    cr_assert_null(first->next);
    cr_assert_eq(chain.size, 5);
    reply_chunk_free(first);
    reply_chunk_free(reply_chain_pop(&chain));
    cr_assert(reply_chain_is_empty(&chain));
    cr_assert_null(chain.tail);
}

Test(reply_chain, append_moves_everything)
{
    struct reply_chain chain = {0};
    struct reply_chain more = {0};
    reply_chain_append(&chain, &more);
    cr_assert(reply_chain_is_empty(&chain));
    reply_chain_push(&more, chunk_of("a"));
    reply_chain_append(&chain, &more);
    cr_assert(reply_chain_is_empty(&more));
    reply_chain_push(&more, chunk_of("bc"));
    reply_chain_append(&chain, &more);
    cr_assert_eq(chain.size, 3);
    cr_assert_eq(chain.tail->size, 2);
    cr_assert_eq(chain.head->next, chain.tail);
    reply_chain_free(&chain);
    cr_assert_eq(chain.size, 0);
}

Test(reply_chain, shared_chunks_hold_a_reference)
{
    struct shared_bytes *value = shared_bytes_create("0123456789", 10);
    struct reply_chain chain = {0};
    reply_chain_push(&chain, reply_chunk_create_shared(shared_bytes_acquire(value), 2, 5));
    cr_assert_eq(value->references, 2);
    cr_assert_eq(chain.size, 5);
    cr_assert_eq(memcmp(chain.head->bytes, "23456", 5), 0);
    reply_chain_free(&chain);
    cr_assert_eq(value->references, 1);
    shared_bytes_release(value);
}

Test(reply_chain, rooms_are_only_unlinked)
{
    _Alignas(16) char memory[256];
    struct reply_chunk *room = reply_chunk_init_room(memory, sizeof(memory));
    cr_assert_eq(room->kind, REPLY_CHUNK_ROOM);
    cr_assert_eq(room->capacity, sizeof(memory) - sizeof(struct reply_chunk));
    struct reply_chain chain = {0};
    reply_chain_push(&chain, room);
    reply_chain_push(&chain, chunk_of("x"));
    reply_chain_free(&chain);
    cr_assert_null(room->next);
}
