/* Intersection, union, difference and drawing, for all combinations of encodings, against bits. */
#include "base/hash.h"
#include "base/random.h"
#include "types/set_algebra.h"
#include "types/set_random.h"
#include <criterion/criterion.h>
#include <stdio.h>

static const struct type_settings defaults = {
    .set_max_intset_entries = 512, .set_max_listpack_entries = 128, .set_max_listpack_value = 64};

static void setup(void)
{
    static const uint8_t key[16] = {3};
    hash_init_with(key);
    random_seed(5);
}

TestSuite(set_algebra, .init = setup);

enum { MEMBERS = 64 };

/* Members are the numbers of the bits; ENCODING_HASHTABLE and LISTPACK by settings. */
static struct value set_of_bits(uint64_t bits, enum value_encoding encoding)
{
    struct type_settings settings = defaults;
    if (encoding != ENCODING_INTSET)
        settings.set_max_intset_entries = 0;
    if (encoding == ENCODING_HASHTABLE)
        settings.set_max_listpack_entries = 0;
    struct value set = set_create(&settings, BYTES_LITERAL("1"), 1);
    for (int i = 0; i < MEMBERS; i++)
        if (bits >> i & 1)
            set_add_value(&set, &settings, (struct listpack_value){.integer = i});
    cr_assert_eq(set.encoding, encoding);
    return set;
}

static bool add_bit(void *context, struct listpack_value member)
{
    uint64_t *bits = context;
    int64_t number = member.integer;
    if (member.data)
        cr_assert(number_parse_i64(bytes_of(member.data, member.size), &number));
    cr_assert_eq(*bits >> number & 1, 0, "twice");
    *bits |= 1ULL << number;
    return true;
}

static void add_bit_void(void *context, struct listpack_value member)
{
    add_bit(context, member);
}

static uint64_t bits_of(struct value set)
{
    uint64_t bits = 0;
    struct set_iterator iterator;
    struct listpack_value member;
    set_iterator_init(&iterator, set);
    while (set_iterate(&iterator, &member))
        add_bit(&bits, member);
    return bits;
}

static void check_all(const struct value *sets, const uint64_t *bits, size_t count)
{
    uint64_t both = bits[0];
    uint64_t any = bits[0];
    uint64_t first = bits[0];
    for (size_t i = 1; i < count; i++) {
        both &= bits[i];
        any |= bits[i];
        first &= ~bits[i];
    }
    uint64_t found = 0;
    set_intersect(sets, count, add_bit, &found);
    cr_assert_eq(found, both);
    found = 0;
    set_difference(sets, count, add_bit, &found);
    cr_assert_eq(found, first);
    struct value result = set_create_result();
    set_unite(&result, &defaults, sets, count);
    cr_assert_eq(bits_of(result), any);
    value_free(result);
    result = set_create_for_union(sets, count);
    set_unite(&result, &defaults, sets, count);
    cr_assert_eq(bits_of(result), any);
    value_free(result);
}

Test(set_algebra, all_encodings_against_bits)
{
    static const enum value_encoding encodings[] = {ENCODING_INTSET, ENCODING_LISTPACK,
                                                    ENCODING_HASHTABLE};
    for (int round = 0; round < 300; round++) {
        struct value sets[4];
        uint64_t bits[4] = {0};
        size_t count = 1 + random_below(4);
        for (size_t i = 0; i < count; i++) {
            bits[i] = random_u64() | random_u64();
            if (random_below(3) == 0)
                bits[i] &= random_u64() & random_u64();
            bits[i] |= 1ULL << random_below(MEMBERS);
            sets[i] = set_of_bits(bits[i], encodings[random_below(3)]);
        }
        check_all(sets, bits, count);
        for (size_t i = 0; i < count; i++)
            value_free(sets[i]);
    }
}

Test(set_algebra, absent_sets_and_the_same_set)
{
    struct value some = set_of_bits(0xf0, ENCODING_LISTPACK);
    struct value absent = {VALUE_SET, ENCODING_LISTPACK, NULL};
    uint64_t found = 0;
    set_difference((struct value[]){some, absent}, 2, add_bit, &found);
    cr_assert_eq(found, 0xf0);
    found = 0;
    set_difference((struct value[]){absent, some}, 2, add_bit, &found);
    cr_assert_eq(found, 0);
    set_difference((struct value[]){some, some}, 2, add_bit, &found);
    cr_assert_eq(found, 0);
    set_intersect((struct value[]){some, some}, 2, add_bit, &found);
    cr_assert_eq(found, 0xf0);
    struct value result = set_create_for_union((struct value[]){absent, some}, 2);
    set_unite(&result, &defaults, (struct value[]){absent, some}, 2);
    cr_assert_eq(bits_of(result), 0xf0);
    value_free(result);
    value_free(some);
}

Test(set_algebra, random_members_are_fair_and_distinct)
{
    static const enum value_encoding encodings[] = {ENCODING_INTSET, ENCODING_LISTPACK,
                                                    ENCODING_HASHTABLE};
    for (size_t e = 0; e < 3; e++) {
        struct value set = set_of_bits(0x3ff, encodings[e]);
        unsigned drawn[10] = {0};
        for (int i = 0; i < 10000; i++) {
            char scratch[SET_MEMBER_SCRATCH];
            uint64_t bit = 0;
            add_bit(&bit, set_random(set, scratch));
            drawn[__builtin_ctzll(bit)]++;
        }
        for (int i = 0; i < 10; i++)
            cr_assert(drawn[i] > 800 && drawn[i] < 1200, "%u of member %d", drawn[i], i);
        for (size_t count = 0; count <= 10; count++) {
            uint64_t found = 0;
            set_random_distinct(set, count, add_bit_void, &found);
            cr_assert_eq(__builtin_popcountll(found), count);
            cr_assert_eq(found & ~0x3ffULL, 0);
        }
        uint64_t popped = 0;
        for (size_t count = 0; count <= 4; count++)
            set_pop_random(&set, count, add_bit_void, &popped);
        cr_assert_eq(popped, 0x3ff);
        cr_assert_eq(set_count(set), 0);
        value_free(set);
    }
}
