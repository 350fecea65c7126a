/* The buffer against a plain array, at and past its maximum. */
#include "base/buffer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

Test(buffer, appends_and_terminates)
{
    struct buffer buffer;
    buffer_init(&buffer, 100);
    cr_assert_null(buffer.data);
    cr_assert_eq(buffer_bytes(&buffer).size, 0);
    cr_assert_eq(buffer_append(&buffer, "", 0), 0);
    cr_assert_str_eq(buffer.data, "");
    cr_assert_eq(buffer_append_text(&buffer, "abc"), 0);
    cr_assert_eq(buffer_append_bytes(&buffer, BYTES_LITERAL("d\0e")), 0);
    cr_assert_eq(buffer.size, 6);
    cr_assert_arr_eq(buffer.data, "abcd\0e", 7);
    buffer_clear(&buffer);
    cr_assert_str_eq(buffer.data, "");
    buffer_deinit(&buffer);
    cr_assert_null(buffer.data);
}

Test(buffer, refuses_past_its_maximum_and_stays_as_it_was)
{
    struct buffer buffer;
    buffer_init(&buffer, 5);
    cr_assert_eq(buffer_append_text(&buffer, "123"), 0);
    cr_assert_eq(buffer_append_text(&buffer, "456"), -1);
    cr_assert_eq(buffer_printf(&buffer, "%d", 456), -1);
    cr_assert_null(buffer_reserve(&buffer, 3));
    cr_assert_null(buffer_reserve(&buffer, (size_t)-1));
    cr_assert_str_eq(buffer.data, "123");
    cr_assert_eq(buffer_printf(&buffer, "%d", 45), 0);
    cr_assert_str_eq(buffer.data, "12345");
    cr_assert_eq(buffer_append(&buffer, "", 0), 0);
    cr_assert_leq(buffer.capacity, 6);
    buffer_deinit(&buffer);
}

Test(buffer, prints_longer_than_its_room)
{
    struct buffer buffer;
    buffer_init(&buffer, 10000);
    char expected[6001];
    memset(expected, 'x', 6000);
    expected[6000] = '\0';
    cr_assert_eq(buffer_printf(&buffer, "%s", expected), 0);
    cr_assert_str_eq(buffer.data, expected);
    cr_assert_eq(buffer_printf(&buffer, "%s", expected), -1);
    cr_assert_eq(buffer.size, 6000);
    cr_assert_eq(strlen(buffer.data), 6000);
    buffer_deinit(&buffer);
}

Test(buffer, take_hands_over)
{
    struct buffer buffer;
    buffer_init(&buffer, 100);
    char *empty = buffer_take(&buffer);
    cr_assert_str_eq(empty, "");
    mem_free(empty);
    buffer_append_text(&buffer, "kept");
    char *text = buffer_take(&buffer);
    cr_assert_str_eq(text, "kept");
    cr_assert_null(buffer.data);
    cr_assert_eq(buffer.size, 0);
    mem_free(text);
    cr_assert_eq(buffer_append_text(&buffer, "again"), 0);
    buffer_deinit(&buffer);
}

Test(buffer, a_secret_one_keeps_its_contents)
{
    struct buffer buffer;
    buffer_init_secret(&buffer, 10000);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(buffer_printf(&buffer, "%04d", i), 0);
    cr_assert_eq(buffer.size, 4000);
    for (int i = 0; i < 1000; i++) {
        char text[8];
        snprintf(text, sizeof text, "%04d", i);
        cr_assert_eq(memcmp(buffer.data + i * 4, text, 4), 0);
    }
    buffer_deinit(&buffer);
    cr_assert(buffer.is_secret);
    cr_assert_null(buffer.data);
}

Test(buffer, follows_a_model)
{
    enum { MAX = 3000 };
    struct random_state random;
    random_state_seed(&random, 7);
    struct buffer buffer;
    buffer_init(&buffer, MAX);
    char model[MAX];
    size_t size = 0;
    for (int step = 0; step < 50000; step++) {
        char data[200];
        size_t count = random_state_next(&random) % sizeof data;
        memset(data, (int)(random_state_next(&random) & 0xff), sizeof data);
        switch (random_state_next(&random) % 5) {
        case 0:
        case 1: {
            int expected = size + count <= MAX ? 0 : -1;
            cr_assert_eq(buffer_append(&buffer, data, count), expected);
            if (expected == 0) {
                memcpy(model + size, data, count);
                size += count;
            }
            break;
        }
        case 2: {
            char *place = buffer_reserve(&buffer, count);
            cr_assert_eq(place != NULL, size + count <= MAX);
            if (place) {
                memcpy(place, data, count / 2);
                buffer_commit(&buffer, count / 2);
                memcpy(model + size, data, count / 2);
                size += count / 2;
            }
            break;
        }
        case 3:
            count = count > size ? size : count;
            buffer_consume(&buffer, count);
            size -= count;
            memmove(model, model + count, size);
            break;
        default:
            if (step % 50 == 0) {
                buffer_clear(&buffer);
                size = 0;
            }
        }
        cr_assert_eq(buffer.size, size);
        cr_assert(size == 0 || memcmp(buffer.data, model, size) == 0);
        cr_assert(!buffer.data || buffer.data[size] == '\0');
        cr_assert_leq(buffer.capacity, MAX + 1);
    }
    buffer_deinit(&buffer);
}
