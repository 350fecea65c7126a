/* The wake-up on one thread: a signal costs a system call only when the sleep was announced, once.
 */
#include "io/wakeup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

static bool is_readable(const struct wakeup *wakeup)
{
    struct pollfd slot = {.fd = wakeup->fd, .events = POLLIN};
    return poll(&slot, 1, 0) == 1;
}

Test(wakeup, only_who_announced_is_woken)
{
    struct wakeup wakeup;
    int result = wakeup_init(&wakeup);
    cr_assert_eq(result, 0);
    cr_assert_not(wakeup_signal(&wakeup));
    cr_assert_not(is_readable(&wakeup));
    wakeup_announce_sleep(&wakeup);
    cr_assert(wakeup_signal(&wakeup));
    cr_assert(is_readable(&wakeup));
    wakeup_deinit(&wakeup);
}

Test(wakeup, one_signal_a_sleep)
{
    struct wakeup wakeup;
    int result = wakeup_init(&wakeup);
    cr_assert_eq(result, 0);
    for (int round = 0; round < 3; round++) {
        wakeup_announce_sleep(&wakeup);
        cr_assert(wakeup_signal(&wakeup));
        cr_assert_not(wakeup_signal(&wakeup), "the first has paid");
        wakeup_end_sleep(&wakeup);
        wakeup_drain(&wakeup);
        cr_assert_not(is_readable(&wakeup));
    }
    wakeup_drain(&wakeup); /* nothing to read: no harm, no waiting */
    wakeup_deinit(&wakeup);
}

Test(wakeup, an_announcement_may_be_taken_back)
{
    struct wakeup wakeup;
    int result = wakeup_init(&wakeup);
    cr_assert_eq(result, 0);
    wakeup_announce_sleep(&wakeup);
    wakeup_end_sleep(&wakeup);
    cr_assert_not(wakeup_signal(&wakeup));
    cr_assert_not(is_readable(&wakeup));
    wakeup_deinit(&wakeup);
}

Test(wakeup, deinit_closes_and_may_be_repeated)
{
    struct wakeup wakeup;
    int result = wakeup_init(&wakeup);
    cr_assert_eq(result, 0);
    int fd = wakeup.fd;
    wakeup_deinit(&wakeup);
    cr_assert_eq(close(fd), -1);
    cr_assert_eq(errno, EBADF);
    wakeup_deinit(&wakeup);
}
