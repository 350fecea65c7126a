/* The tests of a backend: the shared suite, and that a loop has what was asked for. Included by one
 * file a backend, which defines BACKEND_SUITE_NAME, BACKEND (enum loop_backend) and BACKEND_NAME.
 */
#ifndef TEST_BACKEND_TESTS_H
#define TEST_BACKEND_TESTS_H

#include "backend_suite.h"
#include <criterion/criterion.h>

/* So that the suite's name is expanded first. */
#define TEST_OF(suite, name) Test(suite, name)

static void run(void (*test)(enum loop_backend backend))
{
    if (!suite_has_backend(BACKEND))
        cr_skip_test("no %s here", BACKEND_NAME);
    test(BACKEND);
}

#define SUITE_TEST(name)                                                                           \
    TEST_OF(BACKEND_SUITE_NAME, name)                                                              \
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
    cr_assert_str_eq(loop_backend_name(loop), BACKEND_NAME);
    cr_assert_neq(loop_backend_reason(loop)[0], '\0');
    loop_destroy(loop);
}

TEST_OF(BACKEND_SUITE_NAME, is_what_was_asked_for)
{
    run(is_what_was_asked_for);
}

#endif
