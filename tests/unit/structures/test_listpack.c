/* listpack against an array of texts; encodings byte by byte; hostile bytes. */
#include "base/memory.h"
#include "base/random.h"
#include "structures/listpack.h"
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>

enum { MODEL_MAX = 2000, TEXT_MAX = 20000 };

struct model {
    char *texts[MODEL_MAX];
    size_t sizes[MODEL_MAX];
    size_t count;
};

static void model_insert(struct model *model, size_t at, struct bytes text)
{
    memmove(model->texts + at + 1, model->texts + at, (model->count - at) * sizeof(char *));
    memmove(model->sizes + at + 1, model->sizes + at, (model->count - at) * sizeof(size_t));
    model->texts[at] = mem_dup(text.size ? text.data : "", text.size + !text.size);
    model->sizes[at] = text.size;
    model->count++;
}

static void model_delete(struct model *model, size_t at)
{
    mem_free(model->texts[at]);
    model->count--;
    memmove(model->texts + at, model->texts + at + 1, (model->count - at) * sizeof(char *));
    memmove(model->sizes + at, model->sizes + at + 1, (model->count - at) * sizeof(size_t));
}

static struct bytes model_text(const struct model *model, size_t at)
{
    return bytes_of(model->texts[at], model->sizes[at]);
}

static void expect_same(const struct listpack *pack, const struct model *model)
{
    char scratch[NUMBER_I64_TEXT_MAX];
    listpack_check(pack);
    cr_assert_eq(listpack_count(pack), model->count);
    size_t i = 0;
    for (uint32_t at = listpack_first(pack); at; at = listpack_next(pack, at), i++) {
        cr_assert(i < model->count);
        cr_assert(bytes_equal(listpack_text(pack, at, scratch), model_text(model, i)));
        cr_assert(listpack_equals(pack, at, model_text(model, i)));
    }
    cr_assert_eq(i, model->count);
    for (uint32_t at = listpack_last(pack); at; at = listpack_previous(pack, at)) {
        i--;
        cr_assert(bytes_equal(listpack_text(pack, at, scratch), model_text(model, i)));
    }
    cr_assert_eq(i, 0);
}

/* Texts of all encodings, many of them small. */
static struct bytes random_text(struct random_state *random, char *room)
{
    uint64_t r = random_state_next(random);
    if (r % 3 == 0) {
        int64_t value = (int64_t)random_state_next(random) >> (random_state_next(random) % 64);
        return bytes_of(room, number_format_i64(room, value));
    }
    static const size_t sizes[] = {4, 20, 70, 130, 300, 5000, TEXT_MAX};
    size_t size = random_state_next(random) % sizes[r / 3 % (r % 50 == 0 ? 7 : 4)];
    for (size_t i = 0; i < size; i++)
        room[i] = (char)random_state_next(random);
    return bytes_of(room, size);
}

static void random_change(struct listpack **pack, struct model *model, struct random_state *random,
                          char *room)
{
    uint64_t action = random_state_next(random) % 10;
    if (model->count == 0 || (action < 5 && model->count < MODEL_MAX)) {
        size_t at = random_state_next(random) % (model->count + 1);
        struct bytes text = random_text(random, room);
        uint32_t position =
            at == model->count ? listpack_end(*pack) : listpack_seek(*pack, (int64_t)at);
        if (at == 0 && action == 0)
            listpack_prepend(pack, text);
        else
            listpack_insert(pack, position, text);
        model_insert(model, at, text);
        return;
    }
    size_t at = random_state_next(random) % model->count;
    uint32_t position =
        listpack_seek(*pack, action % 2 ? (int64_t)at : (int64_t)at - (int64_t)model->count);
    if (action < 7) {
        struct bytes text = random_text(random, room);
        listpack_replace(pack, position, text);
        model_delete(model, at);
        model_insert(model, at, text);
    } else if (action < 9) {
        cr_assert_eq(listpack_delete(pack, position), at + 1 < model->count);
        model_delete(model, at);
    } else {
        uint32_t count = (uint32_t)(random_state_next(random) % 5);
        uint32_t removed = listpack_delete_range(pack, position, count);
        cr_assert_eq(removed, count < model->count - at ? count : model->count - at);
        for (uint32_t i = 0; i < removed; i++)
            model_delete(model, at);
    }
}

Test(listpack, random_changes)
{
    struct random_state random;
    random_state_seed(&random, 7);
    char *room = mem_alloc(TEXT_MAX + 1);
    for (int round = 0; round < 20; round++) {
        struct listpack *pack = listpack_create(round * 10);
        struct model model = {.count = 0};
        for (int step = 0; step < 400; step++) {
            random_change(&pack, &model, &random, room);
            if (step % 16 == 0)
                expect_same(pack, &model);
        }
        expect_same(pack, &model);
        struct listpack *copy = listpack_copy(pack);
        expect_same(copy, &model);
        listpack_free(copy);
        while (model.count)
            model_delete(&model, model.count - 1);
        listpack_clear(&pack);
        expect_same(pack, &model);
        listpack_free(pack);
    }
    mem_free(room);
}

static void expect_bytes(const char *text, const char *bytes, size_t size)
{
    struct listpack *pack = listpack_create(0);
    listpack_append(&pack, bytes_of_text(text));
    cr_assert_eq(listpack_size(pack), size + LISTPACK_EMPTY_SIZE, "%s: %u", text,
                 listpack_size(pack));
    cr_assert_arr_eq(pack->body, bytes, size, "%s", text);
    cr_assert_eq(listpack_element_size(bytes_of_text(text)), size);
    listpack_free(pack);
}

Test(listpack, encodings_are_the_format)
{
    expect_bytes("0", "\x00\x01", 2);
    expect_bytes("127", "\x7f\x01", 2);
    expect_bytes("128", "\xc0\x80\x02", 3);
    expect_bytes("-1", "\xdf\xff\x02", 3);
    expect_bytes("4095", "\xcf\xff\x02", 3);
    expect_bytes("-4096", "\xd0\x00\x02", 3);
    expect_bytes("4096", "\xf1\x00\x10\x03", 4);
    expect_bytes("-32768", "\xf1\x00\x80\x03", 4);
    expect_bytes("32768", "\xf2\x00\x80\x00\x04", 5);
    expect_bytes("-8388608", "\xf2\x00\x00\x80\x04", 5);
    expect_bytes("8388608", "\xf3\x00\x00\x80\x00\x05", 6);
    expect_bytes("2147483648", "\xf4\x00\x00\x00\x80\x00\x00\x00\x00\x09", 10);
    expect_bytes("-9223372036854775808", "\xf4\x00\x00\x00\x00\x00\x00\x00\x80\x09", 10);
    expect_bytes("", "\x80\x01", 2);
    expect_bytes("abc",
                 "\x83"
                 "abc\x04",
                 5);
    expect_bytes("007",
                 "\x83"
                 "007\x04",
                 5);
    expect_bytes("-0", "\x82-0\x03", 4);
    expect_bytes("9223372036854775808",
                 "\x93"
                 "9223372036854775808\x14",
                 21);
}

/* The size field's sizes, at the places where they change. */
Test(listpack, sizes_at_the_ends_of_ranges)
{
    static const size_t sizes[] = {63,    64,    125,   126,     127,     4095,    4096,
                                   16377, 16378, 16379, 2097145, 2097146, 2097147, 3000000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *text = mem_calloc(1, sizes[i]);
        struct listpack *pack = listpack_create(0);
        listpack_append(&pack, BYTES_LITERAL("first"));
        listpack_append(&pack, bytes_of(text, sizes[i]));
        listpack_append(&pack, BYTES_LITERAL("last"));
        listpack_check(pack);
        uint32_t middle = listpack_seek(pack, 1);
        cr_assert_eq(listpack_previous(pack, listpack_last(pack)), middle);
        cr_assert_eq(listpack_previous(pack, middle), listpack_first(pack));
        cr_assert_eq(listpack_get(pack, middle).size, sizes[i]);
        listpack_free(pack);
        mem_free(text);
    }
}

Test(listpack, find_skips)
{
    struct listpack *pack = listpack_create(0);
    const char *texts[] = {"a", "b", "b", "12", "12", "x", "c", "a"};
    for (int i = 0; i < 8; i++)
        listpack_append(&pack, bytes_of_text(texts[i]));
    uint32_t first = listpack_first(pack);
    cr_assert_eq(listpack_find(pack, first, BYTES_LITERAL("b"), 0), listpack_seek(pack, 1));
    cr_assert_eq(listpack_find(pack, first, BYTES_LITERAL("b"), 1), listpack_seek(pack, 2));
    cr_assert_eq(listpack_find(pack, first, BYTES_LITERAL("12"), 1), listpack_seek(pack, 4));
    cr_assert_eq(listpack_find(pack, first, BYTES_LITERAL("x"), 1), 0);
    cr_assert_eq(listpack_find(pack, 0, BYTES_LITERAL("x"), 1), 0);
    cr_assert_eq(listpack_find(pack, listpack_seek(pack, 1), BYTES_LITERAL("a"), 0),
                 listpack_seek(pack, 7));
    listpack_free(pack);
}

Test(listpack, more_elements_than_the_header_counts)
{
    struct listpack *pack = listpack_create(0);
    for (int i = 0; i < 70000; i++)
        listpack_append_integer(&pack, i % 100);
    cr_assert_eq(listpack_count(pack), 70000);
    listpack_check(pack);
    cr_assert_eq(listpack_get(pack, listpack_seek(pack, 69999)).integer, 99);
    cr_assert_eq(listpack_seek(pack, 70000), 0);
    cr_assert_eq(listpack_seek(pack, -70001), 0);
    cr_assert_eq(listpack_seek(pack, -70000), listpack_first(pack));
    cr_assert_eq(listpack_delete_range(&pack, listpack_first(pack), 69000), 69000);
    cr_assert_eq(listpack_count(pack), 1000);
    listpack_check(pack);
    listpack_free(pack);
}

Test(listpack, split_and_join)
{
    for (int64_t at = 0; at <= 10; at++) {
        struct listpack *pack = listpack_create(0);
        for (int i = 0; i < 10; i++)
            listpack_append_integer(&pack, i * 1000);
        struct listpack *tail = listpack_split(&pack, listpack_seek(pack, at), (uint32_t)(10 - at));
        listpack_check(pack);
        listpack_check(tail);
        cr_assert_eq(listpack_count(pack), at);
        cr_assert_eq(listpack_count(tail), 10 - at);
        listpack_append_pack(&pack, tail);
        listpack_check(pack);
        for (int i = 0; i < 10; i++)
            cr_assert_eq(listpack_get(pack, listpack_seek(pack, i)).integer, i * 1000);
        listpack_free(pack);
        listpack_free(tail);
    }
}

/* Walks over everything that a validated listpack offers. */
static void touch_all(const struct listpack *pack)
{
    char scratch[NUMBER_I64_TEXT_MAX];
    size_t sum = 0;
    for (uint32_t at = listpack_first(pack); at; at = listpack_next(pack, at)) {
        struct bytes text = listpack_text(pack, at, scratch);
        for (size_t i = 0; i < text.size; i++)
            sum += (unsigned char)text.data[i];
    }
    for (uint32_t at = listpack_last(pack); at; at = listpack_previous(pack, at))
        sum++;
    listpack_find(pack, listpack_first(pack), BYTES_LITERAL("nothing"), sum % 2);
}

/* Advisory redis#15151 and CVE-2026-25243: validator and iterator must agree. */
Test(listpack, damaged_bytes_are_refused_or_harmless)
{
    struct random_state random;
    random_state_seed(&random, 11);
    char room[300] = {0};
    unsigned accepted = 0;
    for (int round = 0; round < 30000; round++) {
        struct listpack *pack = listpack_create(0);
        for (int i = 0; i < 4; i++) {
            uint64_t r = random_state_next(&random);
            if (r % 2)
                listpack_append_integer(&pack, (int64_t)random_state_next(&random) >> (r % 64));
            else
                listpack_append(&pack, bytes_of(room, r / 2 % (r % 16 == 0 ? 300 : 10)));
        }
        uint32_t size = listpack_size(pack);
        unsigned changes = 1 + random_state_next(&random) % 3;
        for (unsigned i = 0; i < changes; i++)
            ((uint8_t *)pack)[random_state_next(&random) % size] =
                (uint8_t)random_state_next(&random);
        /* An exact allocation: the sanitizer sees each byte beyond. */
        void *bytes = mem_dup(pack, size);
        if (listpack_validate(bytes, size)) {
            touch_all(bytes);
            accepted++;
        }
        mem_free(bytes);
        listpack_free(pack);
    }
    cr_assert_gt(accepted, 0);
}

Test(listpack, every_truncation_is_refused)
{
    struct listpack *pack = listpack_create(0);
    listpack_append(&pack, BYTES_LITERAL("one"));
    listpack_append_integer(&pack, 123456);
    listpack_append(&pack, BYTES_LITERAL("three"));
    uint32_t size = listpack_size(pack);
    cr_assert(listpack_validate(pack, size));
    for (uint32_t i = 0; i < size; i++) {
        uint8_t *bytes = mem_dup(pack, i + !i);
        cr_assert_not(listpack_validate(bytes, i));
        if (i >= LISTPACK_EMPTY_SIZE) {
            memcpy(bytes, &i, 4);
            bytes[i - 1] = 0xff;
            cr_assert_not(listpack_validate(bytes, i));
        }
        mem_free(bytes);
    }
    listpack_free(pack);
}
