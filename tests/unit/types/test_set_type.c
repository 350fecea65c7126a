/* Sets against a model, in every encoding; when encodings change; what a member costs. */
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "types/set_type.h"
#include <criterion/criterion.h>
#include <stdio.h>

static const struct type_settings defaults = {
    .set_max_intset_entries = 512, .set_max_listpack_entries = 128, .set_max_listpack_value = 64};

static void setup(void)
{
    static const uint8_t key[16] = {3};
    hash_init_with(key);
}

TestSuite(set_type, .init = setup);

enum { NAMES = 700, NAME_SIZE_MAX = 70000 };

/* Name number i: integers, inline ones, short, long, very long. */
static struct bytes name_of(int i, char *room)
{
    if (i < 200)
        return bytes_of(room, number_format_i64(room, (i - 100) * (i % 7 ? 1 : 100000000000)));
    size_t size = i < 650   ? (size_t)(i % 23)
                  : i < 680 ? (size_t)i
                  : i < 690 ? 65279 + (size_t)i % 3
                            : NAME_SIZE_MAX;
    memset(room, 'n', size + 16);
    int used = snprintf(room, 16, "%d.", i);
    size_t end = size > (size_t)used ? size : (size_t)used;
    room[used] = 'n';
    return bytes_of(room, end);
}

static void expect_same(struct value set, const bool *present, char *room)
{
    size_t count = 0;
    for (int i = 0; i < NAMES; i++) {
        count += present[i];
        cr_assert_eq(set_contains(set, name_of(i, room)), present[i], "name %d", i);
    }
    cr_assert_eq(set_count(set), count);
    set_check(set);
    struct set_iterator iterator;
    struct listpack_value member;
    size_t seen = 0;
    set_iterator_init(&iterator, set);
    for (; set_iterate(&iterator, &member); seen++)
        cr_assert(set_contains_value(set, member));
    cr_assert_eq(seen, count);
}

static void play(const struct type_settings *settings, int names, uint64_t seed)
{
    struct random_state random;
    random_state_seed(&random, seed);
    char *room = mem_alloc(NAME_SIZE_MAX + 32);
    bool present[NAMES] = {false};
    struct value set = set_create(settings, BYTES_LITERAL("1"), 1);
    for (int step = 0; step < 3000; step++) {
        int i = (int)(random_state_next(&random) % (unsigned)names);
        struct bytes name = name_of(i, room);
        if (random_state_next(&random) % 3) {
            cr_assert_eq(set_add(&set, settings, name), !present[i]);
            present[i] = true;
        } else {
            cr_assert_eq(set_remove(&set, name), present[i]);
            present[i] = false;
        }
        if (step % 300 == 0)
            expect_same(set, present, room);
    }
    expect_same(set, present, room);
    struct value copy = value_copy(set);
    value_free(set);
    expect_same(copy, present, room);
    cr_assert_gt(value_memory(copy, 5), 0);
    value_free(copy);
    mem_free(room);
}

Test(set_type, random_changes_in_every_encoding)
{
    struct type_settings wide = {1000, 1000, 1000, 1000, 100000, 0, 0, 0, 0, 0, 0, 0};
    play(&defaults, 200, 1);
    play(&defaults, NAMES, 2);
    wide.set_max_intset_entries = 1000;
    wide.set_max_listpack_entries = 1000;
    wide.set_max_listpack_value = 100000;
    play(&wide, NAMES, 3);
    play(&(struct type_settings){0}, NAMES, 4);
}

static enum value_encoding encoding_after(const struct type_settings *settings, int integers,
                                          const char *text)
{
    struct value set = set_create(settings, BYTES_LITERAL("1"), 1);
    for (int i = 0; i < integers; i++) {
        char digits[NUMBER_I64_TEXT_MAX];
        set_add(&set, settings, bytes_of(digits, number_format_i64(digits, i)));
    }
    if (text)
        set_add(&set, settings, bytes_of_text(text));
    enum value_encoding encoding = (enum value_encoding)set.encoding;
    cr_assert_eq(set_count(set), (size_t)integers + (text != NULL));
    value_free(set);
    return encoding;
}

Test(set_type, thresholds)
{
    cr_assert_eq(encoding_after(&defaults, 512, NULL), ENCODING_INTSET);
    cr_assert_eq(encoding_after(&defaults, 513, NULL), ENCODING_HASHTABLE);
    cr_assert_eq(encoding_after(&defaults, 127, "a"), ENCODING_LISTPACK);
    cr_assert_eq(encoding_after(&defaults, 128, "a"), ENCODING_HASHTABLE);
    char text[66] = "";
    memset(text, 'x', 64);
    cr_assert_eq(encoding_after(&defaults, 5, text), ENCODING_LISTPACK);
    text[64] = 'x';
    cr_assert_eq(encoding_after(&defaults, 5, text), ENCODING_HASHTABLE);
    struct value set = set_create(&defaults, BYTES_LITERAL("a"), 129);
    cr_assert_eq(set.encoding, ENCODING_HASHTABLE);
    value_free(set);
    set = set_create(&defaults, BYTES_LITERAL("a"), 128);
    cr_assert_eq(set.encoding, ENCODING_LISTPACK);
    set_expect(&set, &defaults, 129);
    cr_assert_eq(set.encoding, ENCODING_HASHTABLE);
    value_free(set);
}

/* The goal: at most 38 bytes for a member of 16 among a million. */
Test(set_type, memory_of_a_member)
{
    struct value set = set_create(&defaults, BYTES_LITERAL("a"), 1);
    for (int i = 0; i < 1000000; i++) {
        char name[24];
        snprintf(name, sizeof(name), "member:%09d", i);
        set_add(&set, &defaults, bytes_of(name, 16));
    }
    while (dict_rehash(set_table(set), 1000))
        continue;
    cr_assert_eq(set_count(set), 1000000);
#ifndef SLUICE_SANITIZER
    cr_assert_leq(value_memory(set, 0) / 1000000, 38, "%zu", value_memory(set, 0) / 1000000);
#endif
    value_free(set);
}

/* Bits above an address are the size: every size around the borders. */
Test(set_type, members_of_all_sizes)
{
    static const size_t sizes[] = {0, 1, 5, 6, 7, 8, 15, 16, 17, 65278, 65279, 65280, 65281, 70000};
    char scratch[SET_MEMBER_SCRATCH];
    char *text = mem_alloc(NAME_SIZE_MAX);
    memset(text, 0xff, NAME_SIZE_MAX);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct bytes given = bytes_of(text, sizes[i]);
        void *entry = set_member_create(given);
        cr_assert_not_null(entry);
        cr_assert(bytes_equal(set_member_text(entry, scratch), given));
        cr_assert(set_member_equals(entry, given));
        cr_assert_not(set_member_equals(entry, bytes_of(text, sizes[i] + 1)));
        if (sizes[i])
            cr_assert_not(set_member_equals(entry, bytes_of(text, sizes[i] - 1)));
        cr_assert(set_member_memory(entry) >= (sizes[i] > SET_MEMBER_INLINE_MAX ? sizes[i] : 0));
        set_member_free(entry);
    }
    mem_free(text);
}
