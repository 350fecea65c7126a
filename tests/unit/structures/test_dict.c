/* dict against a trivial model: an array of all possible keys. */
#include "structures/dict.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include <criterion/criterion.h>

enum { KEYS = 5000 };

struct item {
    uint32_t id;
    uint32_t seen;
};

static struct item items[KEYS];
static bool present[KEYS];
static size_t frees;
/* Few distinct hashes make long chains. */
static uint64_t hash_mask;

static uint64_t hash_of_id(uint32_t id)
{
    uint64_t hash = hash_bytes(&id, sizeof(id));
    return hash & hash_mask;
}

static uint64_t item_hash(const void *entry)
{
    return hash_of_id(((const struct item *)entry)->id);
}

static bool item_matches(const void *entry, struct bytes key)
{
    return memcmp(&((const struct item *)entry)->id, key.data, sizeof(uint32_t)) == 0;
}

static void item_free(void *entry)
{
    (void)entry;
    frees++;
}

static const struct dict_type item_type = {item_hash, item_matches, item_free};

static void setup(void)
{
    mem_init();
    hash_init_with((const uint8_t[16]){1, 2, 3});
    random_seed(42);
    hash_mask = UINT64_MAX;
    frees = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        items[i] = (struct item){.id = i};
        present[i] = false;
    }
}

static struct bytes key_of_id(const uint32_t *id)
{
    return bytes_of(id, sizeof(*id));
}

static size_t present_count(void)
{
    size_t count = 0;
    for (int i = 0; i < KEYS; i++)
        count += present[i];
    return count;
}

static void toggle(struct dict *dict, uint32_t id, bool wanted)
{
    uint64_t hash = hash_of_id(id);
    if (wanted && !present[id]) {
        cr_assert_null(dict_find(dict, hash, key_of_id(&id)));
        dict_add(dict, hash, &items[id]);
    } else if (!wanted) {
        void *removed = dict_remove(dict, hash, key_of_id(&id));
        cr_assert_eq(removed, present[id] ? &items[id] : NULL);
    }
    present[id] = wanted;
}

static void expect_same(const struct dict *dict)
{
    dict_check(dict);
    cr_assert_eq(dict_count(dict), present_count());
    for (uint32_t i = 0; i < KEYS; i++)
        cr_assert_eq(dict_find(dict, hash_of_id(i), key_of_id(&i)), present[i] ? &items[i] : NULL);
}

static void random_operations(struct dict *dict, int steps)
{
    for (int step = 0; step < steps; step++) {
        /* The share of additions changes, so that the table grows and shrinks several times. */
        unsigned share = (step / (steps / 8)) % 2 == 0 ? 90 : 10;
        toggle(dict, (uint32_t)random_below(KEYS), random_below(100) < share);
        if (step % 997 == 0)
            expect_same(dict);
        if (step % 1500 == 0) {
            dict_pause(dict);
            for (int i = 0; i < 50; i++)
                toggle(dict, (uint32_t)random_below(KEYS), random_below(100) < share);
            dict_resume(dict);
        }
    }
    expect_same(dict);
}

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

Test(dict, scan_sees_all_across_resizes, .init = setup)
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

Test(dict, scan_with_any_cursor_ends, .init = setup)
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

Test(dict, each_may_remove_the_visited, .init = setup)
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

Test(dict, random_is_fair, .init = setup)
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

Test(dict, random_and_sample_when_sparse, .init = setup)
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

Test(dict, sample_is_distinct, .init = setup)
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
