/* Hashes of all encodings, with and without fields that expire, against an array. */
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "types/hash_field_expiry.h"
#include <criterion/criterion.h>
#include <stdio.h>

enum { FIELDS = 300 };

static const int64_t base_ms = 1750000000000;

struct model {
    int values[FIELDS]; /* -1: absent */
    int64_t expiry[FIELDS];
    size_t count;
};

static struct type_settings settings;

static void setup(void)
{
    static const uint8_t key[16] = {5};
    hash_init_with(key);
    settings.hash_max_listpack_entries = 60;
    settings.hash_max_listpack_value = 64;
}

TestSuite(hash_type, .init = setup);

static struct bytes name_of(int i, char text[32])
{
    int size = snprintf(text, 32, i % 3 ? "field-%d" : "%d", i);
    return bytes_of(text, (size_t)size);
}

static struct bytes value_of(int value, char text[64])
{
    int size = snprintf(text, 64, value % 2 ? "%d" : "value-%0*d", value % 30, value);
    return value % 2 ? bytes_of_text(text) : bytes_of(text, (size_t)size);
}

static bool is_live(const struct model *model, int i, int64_t now_ms)
{
    return model->values[i] >= 0 &&
           (model->expiry[i] == HASH_NO_EXPIRY || model->expiry[i] >= now_ms);
}

static void expect_same(struct value hash, const struct model *model, int64_t now_ms)
{
    hash_check(hash);
    cr_assert_eq(hash_count(hash), model->count);
    for (int i = 0; i < FIELDS; i++) {
        char name[32];
        char value[64];
        struct hash_item item;
        bool found = hash_get(hash, name_of(i, name), now_ms, &item);
        cr_assert_eq(found, is_live(model, i, now_ms));
        if (!found)
            continue;
        cr_assert(bytes_equal(item.value, value_of(model->values[i], value)));
        cr_assert_eq(item.expiry, model->expiry[i]);
    }
}

struct due {
    struct model *model;
    int64_t now_ms;
};

static void on_due(void *context, struct bytes name)
{
    struct due *due = context;
    for (int i = 0; i < FIELDS; i++) {
        char text[32];
        if (!bytes_equal(name, name_of(i, text)))
            continue;
        cr_assert(due->model->values[i] >= 0 && !is_live(due->model, i, due->now_ms));
        due->model->values[i] = -1;
        due->model->expiry[i] = HASH_NO_EXPIRY;
        due->model->count--;
    }
}

static void step(struct value *hash, struct model *model, int i, uint64_t dice, int64_t now_ms)
{
    char name[32];
    char value[64];
    bool was_there = model->values[i] >= 0;
    if (dice < 50) {
        bool keeps = dice % 2;
        int number = (int)(random_u64() % 100);
        bool is_new = hash_set(hash, &settings, name_of(i, name), value_of(number, value), keeps);
        cr_assert_eq(is_new, !was_there);
        model->values[i] = number;
        model->count += !was_there;
        if (!keeps)
            model->expiry[i] = HASH_NO_EXPIRY;
    } else if (dice < 70) {
        cr_assert_eq(hash_delete(hash, name_of(i, name)), was_there);
        model->values[i] = -1;
        model->expiry[i] = HASH_NO_EXPIRY;
        model->count -= was_there;
    } else if (was_there) {
        int64_t expiry = dice < 80 ? HASH_NO_EXPIRY : now_ms + (int64_t)(random_u64() % 20000);
        hash_set_expiry(hash, name_of(i, name), expiry);
        model->expiry[i] = expiry;
    }
}

static void run_model(uint64_t seed, int fields, bool expires)
{
    struct model model = {.count = 0};
    for (int i = 0; i < FIELDS; i++)
        model.values[i] = -1;
    random_seed(seed);
    struct value hash = hash_create();
    int64_t now_ms = base_ms;
    for (int n = 0; n < 12000; n++) {
        step(&hash, &model, (int)(random_u64() % (uint64_t)fields),
             random_u64() % (expires ? 100 : 70), now_ms);
        now_ms += 10;
        if (n % 50 == 0) {
            struct due due = {&model, now_ms};
            int64_t next = hash_next_expiry(hash);
            size_t removed = hash_expire_due(&hash, now_ms, 5, on_due, &due);
            cr_assert(removed == 0 || (next != HASH_NO_EXPIRY && next <= now_ms));
        }
        if (n % 200 == 0)
            expect_same(hash, &model, now_ms);
    }
    struct value copy = value_copy(hash);
    expect_same(copy, &model, now_ms);
    value_free(hash);
    struct due due = {&model, now_ms + 100000};
    hash_expire_due(&copy, due.now_ms, SIZE_MAX, on_due, &due);
    cr_assert_not(hash_has_expiry(copy));
    expect_same(copy, &model, due.now_ms);
    cr_assert_eq(copy.encoding, fields > 100 ? ENCODING_HASHTABLE
                                : expires    ? ENCODING_LISTPACK_EX
                                             : ENCODING_LISTPACK);
    value_free(copy);
}

Test(hash_type, small)
{
    run_model(1, 50, false);
}

Test(hash_type, small_with_expiry)
{
    run_model(2, 50, true);
}

Test(hash_type, large)
{
    run_model(3, FIELDS, false);
}

Test(hash_type, large_with_expiry)
{
    run_model(4, FIELDS, true);
}

Test(hash_type, thresholds)
{
    char big[65];
    memset(big, 'x', sizeof(big));
    struct value hash = hash_create();
    hash_set(&hash, &settings, bytes_of(big, 64), bytes_of(big, 64), false);
    cr_assert_eq(hash.encoding, ENCODING_LISTPACK);
    struct bytes pair[] = {bytes_of(big, 1), bytes_of(big, 65)};
    hash_expect(&hash, &settings, pair, 2);
    cr_assert_eq(hash.encoding, ENCODING_HASHTABLE);
    hash_check(hash);
    value_free(hash);
}

Test(hash_type, empty_names_and_values)
{
    for (int pass = 0; pass < 2; pass++) {
        struct value hash = hash_create();
        if (pass)
            hash_to_table(&hash, 0);
        cr_assert(hash_set(&hash, &settings, bytes_of("", 0), bytes_of("", 0), false));
        hash_set_expiry(&hash, bytes_of("", 0), base_ms);
        struct hash_item item;
        cr_assert(hash_get(hash, bytes_of("", 0), base_ms, &item));
        cr_assert(item.name.size == 0 && item.value.size == 0 && item.expiry == base_ms);
        cr_assert_not(hash_get(hash, bytes_of("", 0), base_ms + 1, &item));
        hash_check(hash);
        value_free(hash);
    }
}

/* The memory of a field with sixteen bytes of name and of value, in a large hash. */
Test(hash_type, bytes_of_a_field)
{
    enum { COUNT = 100000 };
    struct value hash = hash_create();
    char text[20];
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof(text), "field:%010d", i);
        hash_set(&hash, &settings, bytes_of(text, 16), BYTES_LITERAL("sixteen bytes..."), false);
    }
    size_t each = value_memory(hash, 0) / hash_count(hash);
    cr_assert_leq(each, 74, "%zu", each);
    value_free(hash);
}
