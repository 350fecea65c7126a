/* intset against a sorted array; hostile bytes. */
#include "base/memory.h"
#include "base/random.h"
#include "structures/intset.h"
#include <criterion/criterion.h>
#include <string.h>

enum { MODEL_MAX = 1000 };

struct model {
    int64_t values[MODEL_MAX];
    uint32_t count;
};

static uint32_t model_find(const struct model *model, int64_t value)
{
    uint32_t at = 0;
    while (at < model->count && model->values[at] < value)
        at++;
    return at;
}

static bool model_has(const struct model *model, int64_t value)
{
    uint32_t at = model_find(model, value);
    return at < model->count && model->values[at] == value;
}

static void expect_same(const struct intset *set, const struct model *model)
{
    intset_check(set);
    cr_assert_eq(intset_count(set), model->count);
    for (uint32_t i = 0; i < model->count; i++)
        cr_assert_eq(intset_get(set, i), model->values[i]);
}

static void play(uint64_t seed, unsigned bits)
{
    struct random_state random;
    random_state_seed(&random, seed);
    struct intset *set = intset_create();
    struct model model = {.count = 0};
    for (int step = 0; step < 2000; step++) {
        unsigned shift = 64 - (step < 500 ? 8 : bits);
        int64_t value = (int64_t)random_state_next(&random) >> shift;
        uint32_t at = model_find(&model, value);
        bool present = model_has(&model, value);
        cr_assert_eq(intset_contains(set, value), present);
        if (random_state_next(&random) % 2 && model.count < MODEL_MAX) {
            cr_assert_eq(intset_add(&set, value), !present);
            if (!present) {
                memmove(model.values + at + 1, model.values + at, (model.count - at) * 8);
                model.values[at] = value;
                model.count++;
            }
        } else {
            cr_assert_eq(intset_remove(&set, value), present);
            if (present) {
                model.count--;
                memmove(model.values + at, model.values + at + 1, (model.count - at) * 8);
            }
        }
        if (step % 32 == 0)
            expect_same(set, &model);
    }
    expect_same(set, &model);
    struct intset *copy = intset_copy(set);
    expect_same(copy, &model);
    intset_free(copy);
    while (intset_count(set))
        intset_remove_at(&set, (uint32_t)(random_state_next(&random) % intset_count(set)));
    intset_check(set);
    cr_assert_leq(intset_memory(set), 64);
    intset_free(set);
}

Test(intset, random_changes)
{
    unsigned bits[] = {8, 9, 16, 17, 32, 33, 64};
    for (unsigned i = 0; i < 7; i++)
        play(i, bits[i]);
}

Test(intset, widths_are_the_format)
{
    struct intset *set = intset_create();
    intset_add(&set, 5);
    intset_add(&set, -32768);
    cr_assert_eq(intset_size(set), 8 + 2 * 2);
    intset_add(&set, 32768);
    cr_assert_eq(intset_size(set), 8 + 3 * 4);
    intset_add(&set, INT64_MIN);
    cr_assert_eq(intset_size(set), 8 + 4 * 8);
    static const int64_t expected[] = {INT64_MIN, -32768, 5, 32768};
    cr_assert_arr_eq(set->contents, expected, sizeof(expected));
    cr_assert_not(intset_add(&set, INT64_MIN));
    cr_assert(intset_add(&set, INT64_MAX));
    intset_free(set);
}

/* CVE-2021-29478, CVE-2021-32687: sizes that overflow. */
Test(intset, damaged_bytes_are_refused)
{
    struct {
        struct intset header;
        int16_t values[4];
    } bytes = {{.width = 2, .count = 4}, {1, 2, 3, 4}};
    cr_assert(intset_validate(&bytes, 16));
    for (size_t size = 0; size < 16; size++)
        cr_assert_not(intset_validate(&bytes, size));
    bytes.values[2] = 2;
    cr_assert_not(intset_validate(&bytes, 16));
    bytes.values[2] = 3;
    static const uint32_t counts[] = {0, 3, 5, 0x80000000, 0x40000004, 0xffffffff};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        bytes.header.count = counts[i];
        cr_assert_not(intset_validate(&bytes, 16));
    }
    bytes.header.count = 4;
    static const uint32_t widths[] = {0, 1, 3, 4, 8, 16, 0xffffffff};
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        bytes.header.width = widths[i];
        cr_assert_not(intset_validate(&bytes, 16));
    }
}
