/* The last release frees; data is terminated. */
#include "base/shared_bytes.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

Test(shared_bytes, holds_a_terminated_copy)
{
    char source[] = "data";
    struct shared_bytes *bytes = shared_bytes_create(source, 4);
    source[0] = 'X';
    cr_assert_eq(bytes->references, 1);
    cr_assert_str_eq(bytes->data, "data");
    cr_assert(bytes_equal(shared_bytes_view(bytes), BYTES_LITERAL("data")));
    shared_bytes_release(bytes);
    bytes = shared_bytes_create(NULL, 0);
    cr_assert_str_eq(bytes->data, "");
    shared_bytes_release(bytes);
}

Test(shared_bytes, has_room_for_a_line_end)
{
    struct shared_bytes *bytes = shared_bytes_try_create(1000);
    cr_assert_eq(bytes->size, 1000);
    cr_assert_eq(bytes->data[1000], '\0');
    memset(bytes->data, 'x', 1000);
    memcpy(bytes->data + 1000, "\r\n", 3);
    shared_bytes_release(bytes);
}

Test(shared_bytes, last_release_frees)
{
    mem_init();
    enum { SIZE = 1 << 20 };
    size_t before = mem_used();
    struct shared_bytes *bytes = shared_bytes_try_create(SIZE);
    cr_assert_eq(shared_bytes_acquire(bytes), bytes);
    shared_bytes_release(bytes);
    cr_assert_geq(mem_used(), before + SIZE);
    cr_assert_eq(bytes->references, 1);
    shared_bytes_release(bytes);
    cr_assert_lt(mem_used(), before + SIZE / 2);
}

Test(shared_bytes, create_may_refuse)
{
    cr_assert_null(shared_bytes_try_create(SIZE_MAX));
    cr_assert_null(shared_bytes_try_create(PTRDIFF_MAX));
    mem_test_fail_after(1);
    cr_assert_null(shared_bytes_try_create(10));
}
