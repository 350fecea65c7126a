/* The io_uring backend under the shared suite. */
#include "backend_suite.h"
#include <criterion/criterion.h>

static void run(void (*test)(enum loop_backend backend))
{
    if (!suite_has_backend(LOOP_BACKEND_URING))
        cr_skip_test("no io_uring here");
    test(LOOP_BACKEND_URING);
}

#define SUITE_TEST(name)                                                                           \
    Test(backend_uring, name)                                                                      \
    {                                                                                              \
        run(suite_##name);                                                                         \
    }
BACKEND_SUITE(SUITE_TEST)

static void is_what_was_asked_for(enum loop_backend backend)
{
    char error[256];
    const struct loop_options options = {.backend = backend};
    struct loop *loop = loop_create(&options, error);
    cr_assert_not_null(loop);
    cr_assert_eq(loop_backend_kind(loop), backend);
    cr_assert_str_eq(loop_backend_name(loop), "io_uring");
    cr_assert_neq(loop_backend_reason(loop)[0], '\0');
    loop_destroy(loop);
}

Test(backend_uring, is_what_was_asked_for)
{
    run(is_what_was_asked_for);
}
