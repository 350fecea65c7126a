/* Request batches: requests behind each other, more room than the batch's own, large arguments that
 * are taken or not, everything freed with the batch. */
#include "client/request.h"

#include "base/memory.h"
#include "io/byte_pool.h"
#include "protocol/limits.h"
#include <criterion/criterion.h>

TestSuite(request, .init = mem_init);

Test(request, many_requests_stay_where_they_are)
{
    size_t used = mem_used();
    struct byte_pool *pool = byte_pool_create(1 << 20);
    struct request_batch *batch = request_batch_create(pool);
    struct request *requests[REQUEST_BATCH_COUNT_MAX];
    for (int i = 0; i < REQUEST_BATCH_COUNT_MAX; i++) {
        int32_t argc = i == 100 ? 5000 : i % 7; /* one that needs memory of its own */
        requests[i] = request_batch_add(batch, argc, false);
        cr_assert_eq((uintptr_t)requests[i] % 8, 0);
        for (int32_t k = 0; k < argc; k++)
            requests[i]->argv[k] = bytes_of("x", (size_t)(i * 10000 + k));
    }
    cr_assert_eq(batch->count, REQUEST_BATCH_COUNT_MAX);
    cr_assert_eq(batch->first, requests[0]);
    cr_assert_eq(batch->current, requests[0]);
    cr_assert_eq(batch->last, requests[REQUEST_BATCH_COUNT_MAX - 1]);
    int i = 0;
    for (struct request *request = batch->first; request; request = request->next, i++) {
        cr_assert_eq(request, requests[i]);
        cr_assert_null(request->large);
        cr_assert_null(request->command);
        for (int32_t k = 0; k < request->argc; k++)
            cr_assert_eq(request->argv[k].size, (size_t)(i * 10000 + k));
    }
    cr_assert_eq(i, REQUEST_BATCH_COUNT_MAX);
    request_batch_free(pool, batch);
    byte_pool_destroy(pool);
    cr_assert_eq(mem_used(), used);
}

Test(request, texts_and_blocks_live_as_long_as_the_batch)
{
    size_t used = mem_used();
    struct byte_pool *pool = byte_pool_create(1 << 20);
    struct request_batch *batch = request_batch_create(pool);
    char text[] = "Protocol error: something";
    char *copy = request_batch_text(batch, text);
    text[0] = 'x';
    cr_assert_str_eq(copy, "Protocol error: something");
    for (size_t size = 100; size < 200000; size *= 3) {
        struct input_block *block = input_block_create(pool, size);
        cr_assert_geq(block->size, size);
        cr_assert_eq(block->used, 0);
        memset(block->data, 'd', block->size);
        block->next = batch->blocks;
        batch->blocks = block;
    }
    request_batch_free(pool, batch);
    byte_pool_destroy(pool);
    cr_assert_eq(mem_used(), used);
}

Test(request, room_grows_with_what_was_asked)
{
    struct byte_pool *pool = byte_pool_create(1 << 20);
    uint32_t smallest = 0;
    for (int count = 1; count <= REQUEST_BATCH_COUNT_MAX; count += 127) {
        struct request_batch *batch = request_batch_create(pool);
        for (int i = 0; i < count; i++)
            request_batch_add(batch, 1, false);
        request_batch_add_room(batch);
        cr_assert_eq(batch->room->kind, REPLY_CHUNK_ROOM);
        cr_assert_gt(batch->room->capacity, smallest);
        cr_assert_leq(batch->room->capacity, REPLY_CHUNK_SIZE);
        memset(batch->room->room, 'r', batch->room->capacity);
        smallest = batch->room->capacity;
        request_batch_free(pool, batch); /* with the room nobody used */
    }
    byte_pool_destroy(pool);
}

/* Against what the allocator counts, which rounds up. */
Test(request, knows_what_it_holds)
{
    struct byte_pool *pool = byte_pool_create(1 << 20);
    uint64_t used = mem_used();
    struct request_batch *batch = request_batch_create(pool);
    for (int step = 0; step < 5; step++) {
        if (step == 1) {
            batch->blocks = input_block_create(pool, 100000);
        } else if (step == 2) {
            request_batch_add(batch, 50000, false);
        } else if (step == 3) {
            struct request *request = request_batch_add(batch, 2, true);
            request->large[1] = shared_bytes_try_create(3000000);
        } else if (step == 4) {
            struct shared_bytes *taken = request_take_large(batch->last, 1);
            shared_bytes_release(taken);
        }
        size_t size = request_batch_memory(batch);
        uint64_t held = mem_used() - used;
        cr_assert(size <= held && held < size + size / 4 + 64, "step %d: %zu of %llu", step, size,
                  (unsigned long long)held);
    }
    request_batch_free(pool, batch);
    byte_pool_destroy(pool);
}

Test(request, a_large_argument_is_taken_once)
{
    size_t used = mem_used();
    struct byte_pool *pool = byte_pool_create(1 << 20);
    struct request_batch *batch = request_batch_create(pool);
    struct request *plain = request_batch_add(batch, 2, false);
    struct request *request = request_batch_add(batch, 3, true);
    for (int i = 1; i < 3; i++) {
        request->large[i] = shared_bytes_create("value", 5);
        request->argv[i] = shared_bytes_view(request->large[i]);
    }
    cr_assert_null(request_take_large(NULL, 0));
    cr_assert_null(request_take_large(plain, 1));
    cr_assert_null(request_take_large(request, 0));
    struct shared_bytes *taken = request_take_large(request, 1);
    cr_assert_not_null(taken);
    cr_assert_null(request_take_large(request, 1));
    request_batch_free(pool, batch); /* frees the other */
    cr_assert_eq(taken->size, 5);
    cr_assert_eq(memcmp(taken->data, "value", 5), 0);
    shared_bytes_release(taken);
    byte_pool_destroy(pool);
    cr_assert_eq(mem_used(), used);
}
