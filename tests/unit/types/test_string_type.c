/* Encodings of texts, and shared bytes that grow. */
#include "base/memory.h"
#include "types/string_type.h"
#include <criterion/criterion.h>

Test(string_type, classify)
{
    int64_t integer = 0;
    cr_assert_eq(string_classify(BYTES_LITERAL("123"), &integer), ENCODING_INT);
    cr_assert_eq(integer, 123);
    cr_assert_eq(string_classify(BYTES_LITERAL("-9223372036854775808"), &integer), ENCODING_INT);
    cr_assert_eq(integer, INT64_MIN);
    static const char *const texts[] = {
        "", "-", "007", "+1", "1a", "9223372036854775808", "123456789012345678901", ".5", "/"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        cr_assert_eq(string_classify(bytes_of_text(texts[i]), &integer), ENCODING_EMBSTR);
    char text[46] = {0};
    cr_assert_eq(string_classify(bytes_of(text, 44), &integer), ENCODING_EMBSTR);
    cr_assert_eq(string_classify(bytes_of(text, 45), &integer), ENCODING_RAW);
}

Test(string_type, shared_grows_in_place_when_it_can)
{
    struct shared_bytes *shared = shared_bytes_create("hello", 5);
    shared = string_shared_writable(shared, 1000, true);
    cr_assert_eq(shared->size, 1000);
    cr_assert_eq(memcmp(shared->data, "hello\0\0\0", 8), 0);
    cr_assert_geq(string_shared_capacity(shared), 2000);
    struct shared_bytes *same = string_shared_writable(shared, 2000, true);
    cr_assert_eq(same, shared);
    cr_assert_eq(same->data[1999], 0);
    cr_assert_eq(same->data[2000], 0);
    shared_bytes_release(same);
}

Test(string_type, shared_is_copied_when_referenced)
{
    struct shared_bytes *shared = shared_bytes_create("hello", 5);
    shared_bytes_acquire(shared);
    struct shared_bytes *copy = string_shared_writable(shared, 3, false);
    cr_assert_neq(copy, shared);
    cr_assert_eq(shared->references, 1);
    cr_assert_eq(copy->size, 5);
    copy->data[0] = 'j';
    cr_assert_eq(shared->data[0], 'h');
    shared_bytes_release(shared);
    shared_bytes_release(copy);
}

Test(string_type, memory_short_leaves_it_as_it_was)
{
    struct shared_bytes *shared = shared_bytes_create("hello", 5);
    mem_test_fail_after(1);
    cr_assert_null(string_shared_writable(shared, 100000, false));
    mem_test_fail_after(0);
    cr_assert_eq(shared->size, 5);
    cr_assert_eq(shared->references, 1);
    shared_bytes_release(shared);
}
