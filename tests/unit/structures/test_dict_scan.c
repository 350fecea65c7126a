/* Walking a dict: scan, each, random, sample. */
#include "dict_model.h"

static void see(void *context, void *entry)
{
    (void)context;
    ((struct item *)entry)->seen++;
}

/* Keys below `stable` stay for the whole scan; the others come and go and make the table resize. */
static void scan_while_resizing(struct dict *dict, uint32_t stable)
{
    for (uint32_t i = 0; i < stable; i++)
        items[i].seen = 0;
    uint64_t cursor = 0;
    unsigned phase = (unsigned)random_below(2);
    size_t turns = 0;
    do {
        cursor = dict_scan(dict, cursor, see, NULL);
        if (turns++ % 40 == 0)
            phase = !phase;
        for (int i = 0; i < 60; i++)
            toggle(dict, stable + (uint32_t)random_below(KEYS - stable), phase);
        if (turns % 3 == 0)
            dict_rehash(dict, 5);
        cr_assert_lt(turns, 1000000);
    } while (cursor != 0);
    for (uint32_t i = 0; i < stable; i++)
        cr_assert_geq(items[i].seen, 1, "key %u was missed", i);
}

Test(dict_scan, scan_sees_all_across_resizes, .init = setup)
{
    struct dict dict;
    dict_init(&dict, &item_type);
    for (uint32_t i = 0; i < 300; i++)
        toggle(&dict, i, true);
    for (int round = 0; round < 40; round++)
        scan_while_resizing(&dict, 300);
    dict_check(&dict);
    dict_deinit(&dict);
}

Test(dict_scan, scan_with_any_cursor_ends, .init = setup)
{
    struct dict dict;
    dict_init(&dict, &item_type);
    cr_assert_eq(dict_scan(&dict, UINT64_MAX, see, NULL), 0);
    for (uint32_t i = 0; i < 1000; i++)
        toggle(&dict, i, true);
    uint64_t cursors[] = {UINT64_MAX, 1ULL << 63, (1ULL << 63) + 1, 12345678901234567ULL};
    for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
        uint64_t cursor = cursors[i];
        for (int turns = 0; cursor; turns++) {
            cr_assert_lt(turns, 10000);
            cursor = dict_scan(&dict, cursor, see, NULL);
        }
    }
    dict_deinit(&dict);
}

struct each_context {
    struct dict *dict;
    size_t visited;
};

static void remove_odd(void *context, void *entry)
{
    struct each_context *each = context;
    struct item *item = entry;
    each->visited++;
    if (item->id % 2)
        toggle(each->dict, item->id, false);
}

Test(dict_scan, each_may_remove_the_visited, .init = setup)
{
    hash_mask = 0xff0000000000007fULL;
    struct dict dict;
    dict_init(&dict, &item_type);
    for (uint32_t i = 0; i < 3000; i++)
        toggle(&dict, i, true);
    struct each_context each = {&dict, 0};
    dict_each(&dict, remove_odd, &each);
    cr_assert_eq(each.visited, 3000);
    expect_same(&dict);
    random_operations(&dict, 8000);
    dict_deinit(&dict);
}

Test(dict_scan, random_is_fair, .init = setup)
{
    struct dict dict;
    dict_init(&dict, &item_type);
    cr_assert_null(dict_random(&dict));
    enum { COUNT = 100, PICKS = 100000 };
    for (uint32_t i = 0; i < COUNT; i++)
        toggle(&dict, i, true);
    for (int i = 0; i < PICKS; i++)
        ((struct item *)dict_random(&dict))->seen++;
    for (int i = 0; i < COUNT; i++) {
        cr_assert_gt(items[i].seen, PICKS / COUNT * 3 / 4);
        cr_assert_lt(items[i].seen, PICKS / COUNT * 5 / 4);
    }
    dict_deinit(&dict);
}

Test(dict_scan, random_and_sample_when_sparse, .init = setup)
{
    struct dict dict;
    dict_init(&dict, &item_type);
    for (uint32_t i = 0; i < KEYS; i++)
        toggle(&dict, i, true);
    dict_set_resize(&dict, DICT_RESIZE_AVOIDED);
    for (uint32_t i = 1; i < KEYS; i++)
        toggle(&dict, i, false);
    cr_assert_eq(dict_random(&dict), &items[0]);
    void *sample[5];
    cr_assert_eq(dict_sample(&dict, sample, 5), 1);
    cr_assert_eq(sample[0], &items[0]);
    dict_deinit(&dict);
}

Test(dict_scan, sample_is_distinct, .init = setup)
{
    struct dict dict;
    dict_init(&dict, &item_type);
    for (uint32_t i = 0; i < 1000; i++)
        toggle(&dict, i, true);
    for (int round = 0; round < 200; round++) {
        void *sample[16];
        size_t count = dict_sample(&dict, sample, 16);
        cr_assert_gt(count, 0);
        for (size_t i = 0; i < count; i++)
            for (size_t j = i + 1; j < count; j++)
                cr_assert_neq(sample[i], sample[j]);
    }
    dict_deinit(&dict);
}

/* As KEYS does: whatever is added and removed, nothing is seen twice, and what stays is seen. */
static void walk_while_changing(struct dict *dict, uint32_t stable)
{
    for (uint32_t i = 0; i < KEYS; i++)
        items[i].seen = 0;
    unsigned grows = (unsigned)random_below(2);
    dict_pause(dict);
    size_t left = dict_bucket_count(dict);
    while (dict_walk(dict, &left, 1 + random_below(3), see, NULL)) {
        for (int i = 0; i < 60; i++)
            toggle(dict, stable + (uint32_t)random_below(KEYS - stable), grows);
        cr_assert(dict_rehash(dict, 5) == dict_is_rehashing(dict));
    }
    dict_resume(dict);
    for (uint32_t i = 0; i < KEYS; i++) {
        cr_assert_leq(items[i].seen, 1, "key %u was seen twice", i);
        cr_assert(i >= stable || items[i].seen == 1, "key %u was missed", i);
    }
}

Test(dict_scan, walk_sees_what_stays_once, .init = setup)
{
    struct dict dict;
    dict_init(&dict, &item_type);
    for (uint32_t i = 0; i < 300; i++)
        toggle(&dict, i, true);
    for (int round = 0; round < 60; round++) {
        walk_while_changing(&dict, 300);
        for (int i = 0; i < 200; i++) /* now and then it begins within a resize */
            toggle(&dict, 300 + (uint32_t)random_below(KEYS - 300), (unsigned)round & 1);
        dict_rehash(&dict, random_below(2) ? 3 : SIZE_MAX / 16);
        dict_check(&dict);
    }
    dict_deinit(&dict);
}
