/* Which backend a loop gets. (Without io_uring: see test_uring_probe.) */
#include "base/log.h"
#include "base/memory.h"
#include "io/loop.h"
#include "io/uring_probe.h"
#include <criterion/criterion.h>
#include <string.h>

Test(backend_select, automatic_follows_the_probe)
{
    mem_init();
    log_init();
    struct uring_probe probe;
    bool is_usable = uring_probe(&probe);
    char error[256];
    const struct loop_options options = {.backend = LOOP_BACKEND_AUTO};
    struct loop *loop = loop_create(&options, error);
    cr_assert_not_null(loop);
    cr_assert_eq(loop_backend_kind(loop), is_usable ? LOOP_BACKEND_URING : LOOP_BACKEND_EPOLL);
    cr_assert_eq(strstr(loop_backend_reason(loop), "not usable") != NULL, !is_usable);
    loop_destroy(loop);
}

Test(backend_select, epoll_by_name)
{
    mem_init();
    log_init();
    char error[256];
    const struct loop_options options = {.backend = LOOP_BACKEND_EPOLL};
    struct loop *loop = loop_create(&options, error);
    cr_assert_not_null(loop);
    cr_assert_eq(loop_backend_kind(loop), LOOP_BACKEND_EPOLL);
    cr_assert_str_eq(loop_backend_name(loop), "epoll");
    loop_destroy(loop);
}
