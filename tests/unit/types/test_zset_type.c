/* Sorted sets of both encodings against an unordered array. */
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "types/zset_ranges.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

enum { MEMBERS = 400 };

/* scores[i] of the member named i; NaN: absent. */
struct model {
    double scores[MEMBERS];
    size_t count;
};

static struct type_settings settings;

static void setup(void)
{
    static const uint8_t key[16] = {3};
    hash_init_with(key);
    settings.zset_max_listpack_entries = 60;
    settings.zset_max_listpack_value = 64;
}

TestSuite(zset_type, .init = setup);

static struct bytes member_of(int i, char text[32])
{
    /* Some look like integers, some do not. */
    int size = snprintf(text, 32, i % 3 ? "m%d" : "%d", i);
    return bytes_of(text, (size_t)size);
}

static double expected_sum(double a, double b)
{
    return a + b;
}

static void step_add(struct value *zset, struct model *model, int i, double score, unsigned flags)
{
    char text[32];
    double current = model->scores[i];
    bool is_there = !isnan(current);
    double given = score;
    enum zset_add_result result = zset_add(zset, &settings, member_of(i, text), &given, flags);
    if (!is_there) {
        cr_assert_eq(result, flags & ZSET_ONLY_PRESENT ? ZSET_REFUSED : ZSET_ADDED);
        if (result == ZSET_ADDED) {
            model->scores[i] = score;
            model->count++;
        }
        return;
    }
    double wanted = flags & ZSET_INCREMENT ? expected_sum(current, score) : score;
    if (flags & ZSET_ONLY_ABSENT) {
        cr_assert_eq(result, ZSET_REFUSED);
    } else if (isnan(wanted)) {
        cr_assert_eq(result, ZSET_NAN);
    } else if ((flags & ZSET_ONLY_GREATER && wanted <= current) ||
               (flags & ZSET_ONLY_LESS && wanted >= current)) {
        cr_assert_eq(result, ZSET_REFUSED);
    } else {
        cr_assert_eq(result, wanted == current ? ZSET_SAME : ZSET_UPDATED);
        cr_assert_eq(given, wanted);
        model->scores[i] = wanted;
    }
}

static void step_remove(struct value *zset, struct model *model, int i)
{
    char text[32];
    bool is_there = !isnan(model->scores[i]);
    cr_assert_eq(zset_remove(zset, member_of(i, text)), is_there);
    if (is_there)
        model->count--;
    model->scores[i] = NAN;
}

static size_t model_count(const struct model *model, const struct zset_score_range *range)
{
    size_t count = 0;
    for (int i = 0; i < MEMBERS; i++) {
        double score = model->scores[i];
        count += range->excludes_minimum ? score > range->minimum : score >= range->minimum;
        count -= range->excludes_maximum ? score >= range->maximum : score > range->maximum;
    }
    return count;
}

static void expect_range(struct value zset, const struct model *model, struct random_state *random)
{
    struct zset_score_range range = {
        .minimum = (double)(random_state_next(random) % 50),
        .excludes_minimum = random_state_next(random) % 2,
        .excludes_maximum = random_state_next(random) % 2,
    };
    range.maximum = range.minimum + 1 + (double)(random_state_next(random) % 10);
    struct zset_slice slice = zset_slice_by_score(zset, &range);
    cr_assert_eq(slice.count, model_count(model, &range));
    bool is_reverse = random_state_next(random) % 2;
    struct zset_walk walk;
    struct zset_item item;
    zset_walk_slice(&walk, zset, slice, is_reverse);
    for (size_t i = 0; i < slice.count; i++) {
        cr_assert(zset_walk_next(&walk, &item));
        size_t rank;
        double score;
        cr_assert(zset_rank(zset, item.member, &rank, &score));
        cr_assert_eq(rank, is_reverse ? slice.first + slice.count - 1 - i : slice.first + i);
    }
}

static void expect_same(struct value zset, const struct model *model)
{
    zset_check(zset);
    cr_assert_eq(zset_count(zset), model->count);
    for (int i = 0; i < MEMBERS; i++) {
        char text[32];
        double score;
        bool is_there = zset_score(zset, member_of(i, text), &score);
        cr_assert_eq(is_there, !isnan(model->scores[i]));
        cr_assert(!is_there || score == model->scores[i]);
    }
}

static void copy_is_equal(struct value zset, const struct model *model)
{
    struct value copy = value_copy(zset);
    expect_same(copy, model);
    value_free(copy);
}

static void run_model(uint64_t seed, int members)
{
    struct random_state random;
    random_state_seed(&random, seed);
    struct model model;
    for (int i = 0; i < MEMBERS; i++)
        model.scores[i] = NAN;
    model.count = 0;
    struct value zset = zset_create(&settings, 1, 1);
    cr_assert_eq(zset.encoding, ENCODING_LISTPACK);
    for (int step = 0; step < 6000; step++) {
        int i = (int)(random_state_next(&random) % (uint64_t)members);
        uint64_t dice = random_state_next(&random) % 100;
        double score = dice % 20 == 0   ? INFINITY
                       : dice % 20 == 1 ? -INFINITY
                                        : (double)(random_state_next(&random) % 500) / 10;
        unsigned flags = dice < 50 ? 0 : (unsigned)(random_state_next(&random) % 32);
        if ((flags & ZSET_ONLY_ABSENT) && (flags & ZSET_ONLY_PRESENT))
            flags = 0;
        if (random_state_next(&random) % 3 == 0)
            step_remove(&zset, &model, i);
        else
            step_add(&zset, &model, i, score, flags);
        expect_range(zset, &model, &random);
        if (step % 100 == 0)
            expect_same(zset, &model);
    }
    copy_is_equal(zset, &model);
    cr_assert_gt(value_memory(zset, 5), model.count * 5);
    cr_assert_eq(zset.encoding, members > 100 ? ENCODING_SKIPLIST : ENCODING_LISTPACK);
    zset_remove_slice(&zset, zset_slice_by_rank(zset, 5, -3));
    zset_check(zset);
    cr_assert_eq(zset_count(zset), 7);
    zset_compact(&zset, &settings);
    cr_assert_eq(zset.encoding, ENCODING_LISTPACK);
    zset_check(zset);
    cr_assert_eq(zset_count(zset), 7);
    value_free(zset);
}

Test(zset_type, small)
{
    run_model(1, 50);
}

Test(zset_type, large)
{
    run_model(2, MEMBERS);
}

Test(zset_type, a_large_member_leaves_the_listpack)
{
    char member[65];
    memset(member, 'x', sizeof(member));
    struct value zset = zset_create(&settings, 1, 64);
    double score = 1;
    zset_add(&zset, &settings, bytes_of(member, 64), &score, 0);
    cr_assert_eq(zset.encoding, ENCODING_LISTPACK);
    zset_add(&zset, &settings, bytes_of(member, 65), &score, 0);
    cr_assert_eq(zset.encoding, ENCODING_SKIPLIST);
    zset_check(zset);
    zset_compact(&zset, &settings);
    cr_assert_eq(zset.encoding, ENCODING_SKIPLIST);
    value_free(zset);
    zset = zset_create(&settings, 1, 65);
    cr_assert_eq(zset.encoding, ENCODING_SKIPLIST);
    value_free(zset);
}

Test(zset_type, ends_of_ranges)
{
    struct zset_score_range range;
    cr_assert(zset_parse_score_range(BYTES_LITERAL("(1.5"), BYTES_LITERAL("+inf"), &range));
    cr_assert(range.excludes_minimum && !range.excludes_maximum);
    cr_assert_eq(range.minimum, 1.5);
    cr_assert(isinf(range.maximum));
    cr_assert(zset_parse_score_range(BYTES_LITERAL(""), BYTES_LITERAL("("), &range));
    cr_assert_not(zset_parse_score_range(BYTES_LITERAL("nan"), BYTES_LITERAL("1"), &range));
    cr_assert_not(zset_parse_score_range(BYTES_LITERAL("1"), BYTES_LITERAL("((2"), &range));
    struct zset_lex_range lex;
    cr_assert(zset_parse_lex_range(BYTES_LITERAL("-"), BYTES_LITERAL("[a"), &lex));
    cr_assert(zset_parse_lex_range(BYTES_LITERAL("("), BYTES_LITERAL("+"), &lex));
    cr_assert_not(zset_parse_lex_range(BYTES_LITERAL("a"), BYTES_LITERAL("+"), &lex));
    cr_assert_not(zset_parse_lex_range(BYTES_LITERAL("--"), BYTES_LITERAL("+"), &lex));
    cr_assert_not(zset_parse_lex_range(BYTES_LITERAL(""), BYTES_LITERAL("+"), &lex));
}

Test(zset_type, limits)
{
    struct zset_slice slice = {10, 5};
    cr_assert_eq(zset_slice_limit(slice, false, -1, 5).count, 0);
    cr_assert_eq(zset_slice_limit(slice, false, 5, -1).count, 0);
    cr_assert_eq(zset_slice_limit(slice, false, 0, 0).count, 0);
    cr_assert_eq(zset_slice_limit(slice, false, INT64_MAX, INT64_MAX).count, 0);
    struct zset_slice some = zset_slice_limit(slice, false, 1, 2);
    cr_assert(some.first == 11 && some.count == 2);
    some = zset_slice_limit(slice, true, 1, 2);
    cr_assert(some.first == 12 && some.count == 2);
}

/* The memory of a member of sixteen bytes, in a large set. */
Test(zset_type, bytes_of_a_member)
{
    enum { COUNT = 100000 };
    struct value zset = zset_create(&settings, 1, 16);
    char text[20];
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof(text), "member:%09d", (int)((unsigned)i * 2654435761u % 1000000007u));
        double score = (double)((unsigned)i * 40503u % 65536u);
        zset_add(&zset, &settings, bytes_of(text, 16), &score, 0);
    }
    size_t each = value_memory(zset, 0) / zset_count(zset);
    cr_assert_leq(each, 80, "%zu", each);
    value_free(zset);
}
