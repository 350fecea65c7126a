/* expiry_index against a sorted array. */
#include "base/memory.h"
#include "base/random.h"
#include "structures/expiry_index.h"
#include <criterion/criterion.h>
#include <stdlib.h>

static const int64_t base_ms = 1750000000000;

enum { MODEL_MAX = 20000 };

struct model {
    uint64_t items[MODEL_MAX];
    size_t count;
};

static size_t model_position(const struct model *model, uint64_t item)
{
    size_t low = 0;
    size_t high = model->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (model->items[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint64_t packed(int64_t time, uint64_t hash)
{
    return (uint64_t)expiry_unit(time) << 32 | (uint32_t)hash;
}

static void model_add(struct model *model, uint64_t item)
{
    size_t at = model_position(model, item);
    memmove(model->items + at + 1, model->items + at, (model->count - at) * 8);
    model->items[at] = item;
    model->count++;
}

static bool model_remove(struct model *model, uint64_t item)
{
    size_t at = model_position(model, item);
    if (at == model->count || model->items[at] != item)
        return false;
    model->count--;
    memmove(model->items + at, model->items + at + 1, (model->count - at) * 8);
    return true;
}

static void expect_same(const struct expiry_index *index, const struct model *model)
{
    expiry_index_check(index);
    cr_assert_eq(expiry_index_count(index), model->count);
    struct expiry_item *items = mem_alloc(sizeof(*items) * (model->count + 1));
    cr_assert_eq(expiry_index_first(index, items, model->count + 1), model->count);
    for (size_t i = 0; i < model->count; i++)
        cr_assert_eq((uint64_t)items[i].unit << 32 | items[i].hash, model->items[i]);
    struct expiry_item last;
    cr_assert_eq(expiry_index_last(index, &last), model->count > 0);
    if (model->count)
        cr_assert_eq((uint64_t)last.unit << 32 | last.hash, model->items[model->count - 1]);
    mem_free(items);
}

/* Phases that grow and shrink; few distinct times and hashes, so that equal items are common. */
static void run_model(uint64_t seed, int64_t spread_ms, uint64_t hashes)
{
    static struct model model;
    model.count = 0;
    struct random_state random;
    random_state_seed(&random, seed);
    struct expiry_index index;
    expiry_index_init(&index);
    for (int step = 0; step < 30000; step++) {
        bool grows = (step / 6000) % 2 == 0;
        bool adds = random_state_next(&random) % 10 < (grows ? 8u : 2u);
        int64_t time = base_ms + (int64_t)(random_state_next(&random) % (uint64_t)spread_ms);
        uint64_t hash = random_state_next(&random) % hashes;
        if (adds) {
            expiry_index_add(&index, time, hash);
            model_add(&model, packed(time, hash));
        } else if (model.count && random_state_next(&random) % 4) {
            uint64_t item = model.items[random_state_next(&random) % model.count];
            struct expiry_item victim = {(uint32_t)(item >> 32), (uint32_t)item};
            cr_assert(expiry_index_remove_item(&index, victim));
            cr_assert(model_remove(&model, item));
        } else {
            cr_assert_eq(expiry_index_remove(&index, time, hash),
                         model_remove(&model, packed(time, hash)));
        }
        if (step % 1000 == 0)
            expect_same(&index, &model);
    }
    expect_same(&index, &model);
    expiry_index_deinit(&index);
}

Test(expiry_index, model_spread)
{
    run_model(1, 1000000, UINT32_MAX);
}

Test(expiry_index, model_many_equal_items)
{
    run_model(2, 2000, 3);
}

Test(expiry_index, model_all_equal)
{
    run_model(3, 1, 1);
}

Test(expiry_index, due_gives_only_what_is_over)
{
    struct expiry_index index;
    expiry_index_init(&index);
    for (int i = 0; i < 1000; i++)
        expiry_index_add(&index, base_ms + i * 10, (uint64_t)i);
    struct expiry_item items[1000];
    size_t count = expiry_index_due(&index, base_ms + 5000, items, 1000);
    cr_assert_gt(count, 400);
    cr_assert_leq(count, 500);
    for (size_t i = 0; i < count; i++)
        cr_assert_leq(expiry_unit_start(items[i].unit) + EXPIRY_UNIT_MS, base_ms + 5000);
    cr_assert_eq(expiry_index_due(&index, base_ms - 1000, items, 1000), 0);
    cr_assert_eq(expiry_index_due(&index, base_ms + 50000, items, 7), 7);
    expiry_index_deinit(&index);
}

Test(expiry_index, times_out_of_range_are_limited)
{
    cr_assert_eq(expiry_unit(-5), 0);
    cr_assert_eq(expiry_unit(INT64_MIN), 0);
    cr_assert_eq(expiry_unit(INT64_MAX), UINT32_MAX);
    struct expiry_index index;
    expiry_index_init(&index);
    for (uint64_t i = 0; i < 500; i++)
        expiry_index_add(&index, INT64_MAX, i % 2);
    expiry_index_check(&index);
    for (uint64_t i = 0; i < 500; i++)
        cr_assert(expiry_index_remove(&index, INT64_MAX - 1, i % 2));
    cr_assert_not(expiry_index_remove(&index, INT64_MAX, 0));
    cr_assert_eq(expiry_index_memory(&index), 0);
}

Test(expiry_index, items_cost_few_bytes)
{
    struct expiry_index index;
    expiry_index_init(&index);
    struct random_state random;
    random_state_seed(&random, 7);
    /* A thousand keys a second: within a unit the hashes are not in order. */
    for (int64_t i = 0; i < 100000; i++)
        expiry_index_add(&index, base_ms + i, random_state_next(&random));
    cr_assert_lt(expiry_index_memory(&index), 100000 * 15);
    expiry_index_deinit(&index);
    for (int64_t i = 0; i < 100000; i++)
        expiry_index_add(&index, base_ms + i * EXPIRY_UNIT_MS, random_state_next(&random));
    cr_assert_lt(expiry_index_memory(&index), 100000 * 9);
    struct expiry_item item;
    cr_assert(expiry_index_random(&index, &item));
    expiry_index_deinit(&index);
    cr_assert_not(expiry_index_random(&index, &item));
}
