/* Reproducible where seeded, spread out, and different where it must be. */
#include "base/random.h"

#include <criterion/criterion.h>
#include <string.h>

Test(random, known_sequence)
{
    /* xoshiro256** from the state 1, 2, 3, 4: the first results follow from its definition. */
    struct random_state state = {{1, 2, 3, 4}};
    cr_assert_eq(random_state_next(&state), 11520);
    cr_assert_eq(random_state_next(&state), 0);
    cr_assert_eq(random_state_next(&state), 1509978240);
    cr_assert_eq(random_state_next(&state), 1215971899390074240);
    /* splitmix64 of 0 begins with this word. */
    random_state_seed(&state, 0);
    cr_assert_eq(state.s[0], 0xe220a8397b1dcdaf);
}

Test(random, seeds_reproduce)
{
    random_seed(42);
    uint64_t first = random_u64();
    uint64_t second = random_u64();
    cr_assert_neq(first, second);
    random_seed(42);
    cr_assert_eq(random_u64(), first);
    cr_assert_eq(random_u64(), second);
    random_seed(43);
    cr_assert_neq(random_u64(), first);
}

Test(random, below_is_bounded_and_even)
{
    random_seed(1);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(random_below(1), 0);
    int counts[10] = {0};
    for (int i = 0; i < 100000; i++) {
        uint64_t value = random_below(10);
        cr_assert_lt(value, 10);
        counts[value]++;
    }
    for (int i = 0; i < 10; i++)
        cr_assert(counts[i] > 9400 && counts[i] < 10600, "%d: %d", i, counts[i]);
    /* Three quarters of the range: a plain product would favour some values by half. */
    uint64_t bound = 0xc000000000000000;
    int in_first_third = 0;
    for (int i = 0; i < 30000; i++) {
        uint64_t value = random_below(bound);
        cr_assert_lt(value, bound);
        in_first_third += value < bound / 3;
    }
    cr_assert(in_first_third > 9500 && in_first_third < 10500, "%d", in_first_third);
}

Test(random, unit_is_in_range)
{
    random_seed(2);
    double sum = 0;
    for (int i = 0; i < 100000; i++) {
        double value = random_unit();
        cr_assert(value >= 0 && value < 1);
        sum += value;
    }
    cr_assert(sum > 49500 && sum < 50500, "%f", sum);
}

Test(random, secure_fills_all)
{
    unsigned char a[1000] = {0};
    unsigned char b[1000] = {0};
    random_secure(a, sizeof a);
    random_secure(b, sizeof b);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
    for (size_t at = 0; at < sizeof a; at += 20) {
        unsigned any = 0;
        for (size_t i = 0; i < 20; i++)
            any |= a[at + i];
        cr_assert_neq(any, 0);
    }
    random_secure(a, 0);
}

Test(random, hex_digits)
{
    char a[41];
    char b[41];
    memset(a, 'z', sizeof a);
    random_hex(a, 40);
    random_hex(b, 40);
    cr_assert_eq(strlen(a), 40);
    cr_assert_eq(strspn(a, "0123456789abcdef"), 40);
    cr_assert_str_neq(a, b);
}
