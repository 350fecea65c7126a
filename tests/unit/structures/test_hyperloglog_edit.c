/* Changing HyperLogLogs against an array of registers. */
#include "hll_model.h"

static void play(uint64_t seed, uint64_t sparse_max, uint32_t index_max, int steps)
{
    struct random_state random;
    static uint8_t model[HLL_REGISTERS];
    static char string[HLL_SPARSE_SIZE_MAX];
    memset(model, 0, sizeof(model));
    random_state_seed(&random, seed);
    struct bytes now = hll_empty();
    for (int step = 0; step < steps; step++) {
        hll_edit_begin(&edit, now, sparse_max);
        bool changes = false;
        for (uint64_t hits = random_state_next(&random) % 4; hits > 0; hits--) {
            struct hll_hit hit = {
                (uint32_t)(random_state_next(&random) % index_max),
                (uint8_t)(__builtin_ctzll(random_state_next(&random) | 1 << 30) + 1)};
            bool raises = hit.rank > model[hit.index];
            cr_assert_eq(hll_edit_raise(&edit, hit), raises ? HLL_RAISED : HLL_SAME);
            if (raises)
                model[hit.index] = hit.rank;
            changes |= raises;
        }
        cr_assert_eq(edit.is_changed, changes);
        uint64_t cached;
        cr_assert(!changes || !hll_cached(edit.string, &cached));
        memcpy(string, edit.string.data, edit.string.size);
        now = bytes_of(string, edit.string.size);
        cr_assert(hll_encoding(now) == HLL_DENSE || now.size <= sparse_max ||
                  now.size == HLL_EMPTY_SIZE);
        if (step % 16 == 0)
            expect_registers(now, model);
    }
    expect_registers(now, model);
}

Test(hyperloglog_edit, raising_as_an_array_of_registers)
{
    play(1, 3000, HLL_REGISTERS, 3000);
    play(2, 3000, 40, 2000);
    play(3, 100, 300, 2000);
    play(4, HLL_SPARSE_SIZE_MAX, HLL_REGISTERS, 4000);
    play(5, 0, HLL_REGISTERS, 100);
}

/* Raising in order gives the same bytes as raising from the start each time. */
Test(hyperloglog_edit, raising_in_order_gives_the_same_bytes)
{
    static struct hll_edit other;
    static char string[HLL_SPARSE_SIZE_MAX];
    for (uint64_t seed = 1; seed < 60; seed++) {
        struct random_state random;
        random_state_seed(&random, seed);
        hll_edit_begin(&edit, hll_empty(), 3000);
        for (uint64_t i = random_state_next(&random) % 400; i > 0; i--) {
            uint64_t element = random_state_next(&random);
            hll_edit_raise(&edit, hll_hit_of(bytes_of(&element, sizeof(element))));
        }
        memcpy(string, edit.string.data, edit.string.size);
        struct bytes start = bytes_of(string, edit.string.size);
        hll_edit_begin(&edit, start, 3000);
        hll_edit_begin(&other, start, 3000);
        uint32_t every = (uint32_t)(random_state_next(&random) % 60) + 1;
        for (uint32_t i = 0; i < HLL_REGISTERS; i++) {
            if (random_state_next(&random) % every)
                continue;
            struct hll_hit hit = {i, (uint8_t)(random_state_next(&random) % 3 + 1)};
            cr_assert_eq(hll_edit_raise(&edit, hit), hll_edit_raise_next(&other, hit));
            cr_assert(bytes_equal(edit.string, other.string));
        }
    }
}
