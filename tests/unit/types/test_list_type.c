/* Lists: encodings and when they change; the same answers from both. */
#include "base/memory.h"
#include "types/list_type.h"
#include <criterion/criterion.h>
#include <stdio.h>

static struct type_settings settings_of(int64_t size)
{
    return (struct type_settings){.list_max_listpack_size = size};
}

static void push(struct value *list, const struct type_settings *settings, const char *text,
                 bool at_head)
{
    struct bytes item = bytes_of_text(text);
    list_expect(list, settings, &item, 1);
    list_push(list, item, at_head);
    list_check(*list);
}

/* "a b c" */
static const char *shown(struct value list, bool is_backward)
{
    static char text[1000];
    char scratch[NUMBER_I64_TEXT_MAX];
    struct quicklist_iterator iterator;
    struct listpack_value value;
    size_t used = 0;
    text[0] = '\0';
    list_iterator_init(&iterator, list, is_backward ? -1 : 0, is_backward);
    while (quicklist_iterate(&iterator, &value)) {
        struct bytes item = listpack_value_text(value, scratch);
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s", used ? " " : "",
                                 (int)item.size, item.data);
    }
    quicklist_iterator_deinit(&iterator);
    return text;
}

static void play(int64_t size, enum value_encoding expected)
{
    struct type_settings settings = settings_of(size);
    struct value list = list_create(NULL, 0);
    const char *items[] = {"a", "12", "b", "a", "c", "a"};
    for (int i = 0; i < 6; i++)
        push(&list, &settings, items[i], false);
    push(&list, &settings, "z", true);
    cr_assert_eq(list.encoding, expected);
    cr_assert_str_eq(shown(list, false), "z a 12 b a c a");
    cr_assert_str_eq(shown(list, true), "a c a b 12 a z");
    cr_assert(list_insert(&list, BYTES_LITERAL("12"), BYTES_LITERAL("x"), true));
    cr_assert(list_insert(&list, BYTES_LITERAL("12"), BYTES_LITERAL("y"), false));
    cr_assert(list_insert(&list, BYTES_LITERAL("z"), BYTES_LITERAL("first"), false));
    cr_assert_not(list_insert(&list, BYTES_LITERAL("none"), BYTES_LITERAL("y"), false));
    cr_assert_str_eq(shown(list, false), "first z a y 12 x b a c a");
    cr_assert(list_replace(&list, -1, BYTES_LITERAL("last")));
    cr_assert(list_replace(&list, 1, BYTES_LITERAL("7")));
    cr_assert_not(list_replace(&list, 10, BYTES_LITERAL("7")));
    cr_assert_not(list_replace(&list, -11, BYTES_LITERAL("7")));
    cr_assert_str_eq(shown(list, false), "first 7 a y 12 x b a c last");
    cr_assert_eq(list_remove(&list, BYTES_LITERAL("a"), 1, true), 1);
    cr_assert_str_eq(shown(list, false), "first 7 a y 12 x b c last");
    cr_assert_eq(list_delete_range(&list, 2, 3), 3);
    cr_assert_eq(list_delete_range(&list, 5, SIZE_MAX), 1);
    cr_assert_eq(list_delete_range(&list, 5, 1), 0);
    cr_assert_str_eq(shown(list, false), "first 7 x b c");
    struct value copy = value_copy(list);
    value_free(list);
    list_check(copy);
    cr_assert_str_eq(shown(copy, false), "first 7 x b c");
    cr_assert_eq(value_count(copy), 5);
    cr_assert_gt(value_memory(copy, 5), 0);
    value_free(copy);
}

Test(list_type, same_answers_from_both_encodings)
{
    play(-2, ENCODING_LISTPACK);
    play(3, ENCODING_QUICKLIST);
    play(1, ENCODING_QUICKLIST);
    play(0, ENCODING_QUICKLIST);
}

Test(list_type, grows_out_of_a_listpack_and_shrinks_back)
{
    struct type_settings settings = settings_of(-1);
    struct value list = list_create(NULL, 0);
    char text[101] = "";
    memset(text, 'x', 100);
    int count = 0;
    while (list.encoding == ENCODING_LISTPACK) {
        push(&list, &settings, text, false);
        cr_assert_lt(++count, 50);
    }
    cr_assert_gt(count, 38);
    while (list.encoding == ENCODING_QUICKLIST) {
        list_delete_range(&list, list_count(list) - 1, 1);
        list_compact(&list, &settings);
        count--;
    }
    cr_assert_eq(count, 19); /* half of 4 KB */
    cr_assert_eq(list_count(list), 19);
    value_free(list);
}

Test(list_type, a_large_element_makes_a_quicklist)
{
    struct type_settings settings = settings_of(-2);
    char *text = mem_calloc(1, 10000);
    struct bytes item = bytes_of(text, 10000);
    struct value list = list_create(&item, 1);
    list_expect(&list, &settings, &item, 1);
    list_push(&list, item, true);
    cr_assert_eq(list.encoding, ENCODING_QUICKLIST);
    cr_assert(list_quick(list)->head->is_plain);
    list_compact(&list, &settings);
    cr_assert_eq(list.encoding, ENCODING_QUICKLIST);
    cr_assert(list_replace(&list, 0, BYTES_LITERAL("small")));
    list_compact(&list, &settings);
    cr_assert_eq(list.encoding, ENCODING_LISTPACK);
    value_free(list);
    mem_free(text);
}

Test(list_type, small_lists_are_small)
{
    struct bytes items[5];
    for (int i = 0; i < 5; i++)
        items[i] = BYTES_LITERAL("abc");
    struct value list = list_create(items, 5);
    for (int i = 0; i < 5; i++)
        list_push(&list, items[i], false);
    cr_assert_leq(value_memory(list, 0), 32);
    value_free(list);
}
