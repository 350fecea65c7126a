/* The probe: it leaves nothing open, and its answer is the one the backend gives. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "forbid_uring.h"
#include "io/loop.h"
#include "io/uring_probe.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

Test(uring_probe, leaves_nothing_open)
{
    struct uring_probe probe;
    unsigned before = open_descriptors();
    bool is_usable = uring_probe(&probe);
    cr_assert_eq(open_descriptors(), before);
    cr_assert_eq(is_usable, probe.is_usable);
    cr_assert_neq(probe.reason[0], '\0');
}

Test(uring_probe, says_why_not)
{
    forbid_io_uring(0, EPERM);
    struct uring_probe probe;
    cr_assert_not(uring_probe(&probe));
    cr_assert_str_eq(probe.reason, "io_uring is refused by the kernel: Operation not permitted");
}

Test(uring_probe, a_loop_falls_back_and_says_so)
{
    mem_init();
    log_init();
    forbid_io_uring(0, ENOSYS);
    char error[256];
    struct loop_options options = {.backend = LOOP_BACKEND_AUTO};
    struct loop *loop = loop_create(&options, error);
    cr_assert_not_null(loop);
    cr_assert_eq(loop_backend_kind(loop), LOOP_BACKEND_EPOLL);
    cr_assert_str_eq(loop_backend_reason(loop), "io_uring is not usable: io_uring is refused by "
                                                "the kernel: Function not implemented");
    loop_destroy(loop);
    options.backend = LOOP_BACKEND_URING;
    cr_assert_null(loop_create(&options, error));
    cr_assert_neq(strstr(error, "Function not implemented"), NULL);
}

/* The probe's small ring is granted, the loop's is not. */
Test(uring_probe, a_loop_falls_back_when_its_ring_is_too_large)
{
    mem_init();
    log_init();
    struct uring_probe probe;
    if (!uring_probe(&probe))
        cr_skip_test("no io_uring here");
    forbid_io_uring(1024, ENOMEM);
    unsigned before = open_descriptors();
    char error[256];
    struct loop_options options = {.backend = LOOP_BACKEND_AUTO};
    struct loop *loop = loop_create(&options, error);
    cr_assert_not_null(loop);
    cr_assert_eq(loop_backend_kind(loop), LOOP_BACKEND_EPOLL);
    cr_assert_str_eq(loop_backend_reason(loop),
                     "io_uring is not usable: io_uring_setup: Cannot allocate memory");
    loop_destroy(loop);
    options.backend = LOOP_BACKEND_URING;
    cr_assert_null(loop_create(&options, error));
    cr_assert_str_eq(error, "io_uring_setup: Cannot allocate memory");
    cr_assert_eq(open_descriptors(), before);
}
