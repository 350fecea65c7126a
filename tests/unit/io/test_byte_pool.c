/* The byte pool: sizes, reuse, the budget, and that blocks never overlap. */
#include "base/memory.h"
#include "base/random.h"
#include "io/byte_pool.h"
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

Test(byte_pool, capacities)
{
    mem_init();
    struct byte_pool *pool = byte_pool_create(1 << 20);
    static const struct {
        size_t asked;
        size_t given;
    } rows[] = {{1, 4096},        {4096, 4096},      {4097, 18432},   {18432, 18432},
                {18433, 73728},   {73728, 73728},    {73729, 131072}, {131072, 131072},
                {131073, 131073}, {1000000, 1000000}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t capacity = 0;
        char *block = byte_pool_take(pool, rows[i].asked, &capacity);
        cr_assert_eq(capacity, rows[i].given, "%zu", rows[i].asked);
        memset(block, 1, capacity);
        byte_pool_give(pool, block, capacity);
    }
    byte_pool_destroy(pool);
}

Test(byte_pool, last_given_is_first_taken)
{
    mem_init();
    struct byte_pool *pool = byte_pool_create(1 << 20);
    size_t capacity;
    void *first = byte_pool_take(pool, 10, &capacity);
    void *second = byte_pool_take(pool, 10, &capacity);
    byte_pool_give(pool, first, capacity);
    byte_pool_give(pool, second, capacity);
    cr_assert_eq(byte_pool_kept(pool), 8192);
    cr_assert_eq(byte_pool_take(pool, 10, &capacity), second);
    cr_assert_eq(byte_pool_take(pool, 10, &capacity), first);
    cr_assert_eq(byte_pool_kept(pool), 0);
    byte_pool_give(pool, first, capacity);
    byte_pool_give(pool, second, capacity);
    byte_pool_destroy(pool);
}

enum { BLOCKS = 200, BUDGET = 400 * 1024 };

Test(byte_pool, random_operations_keep_the_budget)
{
    mem_init();
    struct byte_pool *pool = byte_pool_create(BUDGET);
    struct random_state random;
    random_state_seed(&random, 1);
    struct {
        unsigned char *block;
        size_t capacity;
        unsigned char mark;
    } blocks[BLOCKS] = {0};
    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = (unsigned)(random_state_next(&random) % BLOCKS);
        if (blocks[i].block == NULL) {
            size_t size = 1 + random_state_next(&random) % 140000;
            blocks[i].block = byte_pool_take(pool, size, &blocks[i].capacity);
            cr_assert_geq(blocks[i].capacity, size);
            blocks[i].mark = (unsigned char)step;
            blocks[i].block[0] = blocks[i].mark;
            blocks[i].block[blocks[i].capacity - 1] = blocks[i].mark;
        } else {
            cr_assert_eq(blocks[i].block[0], blocks[i].mark);
            cr_assert_eq(blocks[i].block[blocks[i].capacity - 1], blocks[i].mark);
            byte_pool_give(pool, blocks[i].block, blocks[i].capacity);
            blocks[i].block = NULL;
        }
        cr_assert_leq(byte_pool_kept(pool), BUDGET);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (blocks[i].block != NULL)
            byte_pool_give(pool, blocks[i].block, blocks[i].capacity);
    }
    cr_assert_gt(byte_pool_kept(pool), 0);
    byte_pool_destroy(pool);
}
