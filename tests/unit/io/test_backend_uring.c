/* The io_uring backend under the shared suite. */
#define SUITE_BACKEND LOOP_BACKEND_URING
#include "backend_suite.h"

Test(backend_uring, is_what_was_asked_for)
{
    struct loop *loop = suite_loop(0, 0);
    cr_assert_eq(loop_backend_kind(loop), LOOP_BACKEND_URING);
    cr_assert_str_eq(loop_backend_name(loop), "io_uring");
    cr_assert_neq(loop_backend_reason(loop)[0], '\0');
    loop_destroy(loop);
}
