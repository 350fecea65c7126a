/* The io_uring backend under the shared suite. */
#include "backend_suite.h"
#include "base/log.h"
#include "base/memory.h"
#include <criterion/criterion.h>

#define SUITE_TEST(name)                                                                           \
    Test(backend_uring, name)                                                                      \
    {                                                                                              \
        suite_##name(LOOP_BACKEND_URING);                                                          \
    }
BACKEND_SUITE(SUITE_TEST)

Test(backend_uring, is_what_was_asked_for)
{
    mem_init();
    log_init();
    char error[256];
    const struct loop_options options = {.backend = LOOP_BACKEND_URING};
    struct loop *loop = loop_create(&options, error);
    if (loop == NULL)
        cr_skip_test("no such backend here: %s", error);
    cr_assert_eq(loop_backend_kind(loop), LOOP_BACKEND_URING);
    cr_assert_str_eq(loop_backend_name(loop), "io_uring");
    cr_assert_neq(loop_backend_reason(loop)[0], '\0');
    loop_destroy(loop);
}
