/* Iterators of quicklist over compressed and plain nodes, and of single listpacks. The random work
 * is in test_quicklist.c. */
#include "base/memory.h"
#include "structures/quicklist.h"
#include <criterion/criterion.h>

enum { ITEMS = 500, LARGE = 5000 };

static struct quicklist *numbered(int64_t depth)
{
    struct quicklist *list = quicklist_create(10, depth);
    for (int i = 0; i < ITEMS; i++) {
        char digits[NUMBER_I64_TEXT_MAX];
        quicklist_push_tail(list, bytes_of(digits, number_format_i64(digits, i * 1000)));
    }
    return list;
}

Test(quicklist_read, begins_anywhere)
{
    struct quicklist *list = numbered(2);
    struct quicklist_iterator iterator;
    struct listpack_value value;
    for (int64_t start = -ITEMS; start < ITEMS; start += 7) {
        int64_t expected = start < 0 ? start + ITEMS : start;
        quicklist_iterator_init(&iterator, list, start, false);
        for (; quicklist_iterate(&iterator, &value); expected++)
            cr_assert_eq(value.integer, expected * 1000);
        cr_assert_eq(expected, ITEMS);
        quicklist_iterator_deinit(&iterator);
    }
    quicklist_free(list);
}

Test(quicklist_read, out_of_range_is_the_end)
{
    struct quicklist *list = numbered(0);
    static const int64_t starts[] = {ITEMS, -ITEMS - 1, INT64_MAX, INT64_MIN};
    struct quicklist_iterator iterator;
    struct listpack_value value;
    for (int i = 0; i < 8; i++) {
        quicklist_iterator_init(&iterator, list, starts[i / 2], i % 2);
        cr_assert_not(quicklist_iterate(&iterator, &value));
        quicklist_iterator_deinit(&iterator);
    }
    quicklist_free(list);
}

Test(quicklist_read, plain_nodes)
{
    char *text = mem_calloc(1, LARGE);
    struct quicklist *list = quicklist_create(-1, 1);
    for (int i = 0; i < 6; i++) {
        text[0] = (char)i;
        quicklist_push_tail(list, bytes_of(text, LARGE));
    }
    struct quicklist_iterator iterator;
    struct listpack_value value;
    quicklist_iterator_init(&iterator, list, -1, true);
    for (int i = 5; i >= 0; i--) {
        cr_assert(quicklist_iterate(&iterator, &value));
        cr_assert_eq(value.size, LARGE);
        cr_assert_eq(value.data[0], i);
    }
    cr_assert_not(quicklist_iterate(&iterator, &value));
    quicklist_iterator_deinit(&iterator);
    cr_assert_gt(quicklist_memory(list, 0), 2 * LARGE);
    cr_assert_lt(quicklist_memory(list, 0), 3 * LARGE); /* four are compressed */
    quicklist_free(list);
    mem_free(text);
}
