/* dict: adding, removing, resizing, against a trivial model. */
#include "dict_model.h"

Test(dict, model, .init = setup)
{
    struct dict dict;
    dict_init(&dict, &item_type);
    random_operations(&dict, 60000);
    size_t count = dict_count(&dict);
    dict_deinit(&dict);
    cr_assert_eq(frees, count);
    cr_assert_eq(dict_memory(&dict), 0);
}

Test(dict, model_with_long_chains, .init = setup)
{
    /* 64 buckets and two tags at most. */
    hash_mask = 0x010000000000003fULL;
    struct dict dict;
    dict_init(&dict, &item_type);
    random_operations(&dict, 20000);
    dict_deinit(&dict);
}

Test(dict, model_with_resize_avoided, .init = setup)
{
    struct dict dict;
    dict_init(&dict, &item_type);
    dict_set_resize(&dict, DICT_RESIZE_AVOIDED);
    random_operations(&dict, 20000);
    dict_set_resize(&dict, DICT_RESIZE_ALLOWED);
    random_operations(&dict, 20000);
    dict_deinit(&dict);
}

Test(dict, shrinks_and_frees_chains, .init = setup)
{
    struct dict dict;
    dict_init(&dict, &item_type);
    for (uint32_t i = 0; i < KEYS; i++)
        toggle(&dict, i, true);
    size_t full = dict_memory(&dict);
    for (uint32_t i = 20; i < KEYS; i++)
        toggle(&dict, i, false);
    while (dict_rehash(&dict, 100))
        ;
    dict_resize_if_needed(&dict);
    while (dict_rehash(&dict, 100))
        ;
    cr_assert_lt(dict_memory(&dict), full / 20);
    dict_check(&dict);
    dict_reserve(&dict, 4000);
    while (dict_rehash(&dict, 100))
        ;
    cr_assert_geq(dict_capacity(&dict), 4000);
    expect_same(&dict);
    dict_clear(&dict);
    cr_assert_eq(dict_count(&dict), 0);
    dict_deinit(&dict);
}

/* No write moves more than a few buckets, however large the table is. */
Test(dict, resizes_in_steps, .init = setup)
{
    enum { BUCKETS = 512, WRITES_MIN = BUCKETS / 4 };
    struct dict dict;
    dict_init(&dict, &item_type);
    dict_reserve(&dict, BUCKETS * DICT_BUCKET_SLOTS);
    uint32_t next = 0;
    while (!dict_is_rehashing(&dict))
        toggle(&dict, next++, true);
    cr_assert_gt(next, BUCKETS * DICT_BUCKET_SLOTS);
    for (uint32_t i = 0; i < WRITES_MIN; i++) {
        toggle(&dict, i, false);
        cr_assert(dict_is_rehashing(&dict), "after %u writes", i);
    }
    cr_assert(dict_rehash(&dict, 1));
    dict_deinit(&dict);
}
