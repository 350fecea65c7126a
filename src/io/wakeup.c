/* See wakeup.h for the protocol. [X] */
#include "io/wakeup.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int wakeup_init(struct wakeup *wakeup)
{
    wakeup->is_sleeping = 0;
    wakeup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return wakeup->fd < 0 ? -errno : 0;
}

void wakeup_deinit(struct wakeup *wakeup)
{
    if (wakeup->fd >= 0)
        close(wakeup->fd);
    wakeup->fd = -1;
}

void wakeup_announce_sleep(struct wakeup *wakeup)
{
    /* W1: sequentially consistent exchange, a full fence; pairs with W2 in wakeup_signal */
    (void)__atomic_exchange_n(&wakeup->is_sleeping, 1, __ATOMIC_SEQ_CST);
}

void wakeup_end_sleep(struct wakeup *wakeup)
{
    __atomic_store_n(&wakeup->is_sleeping, 0, __ATOMIC_RELAXED);
}

void wakeup_drain(struct wakeup *wakeup)
{
    uint64_t count;
    while (read(wakeup->fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
}

/* ThreadSanitizer does not model fences; a sequentially consistent read-modify-write of the flag
 * has the same effect (it orders the publication before the look) and it understands that. */
static uint32_t load_after_publication(struct wakeup *wakeup)
{
#ifdef __SANITIZE_THREAD__
    return __atomic_fetch_add(&wakeup->is_sleeping, 0, __ATOMIC_SEQ_CST);
#else
    /* W2: pairs with W1 in wakeup_announce_sleep */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&wakeup->is_sleeping, __ATOMIC_RELAXED);
#endif
}

bool wakeup_signal(struct wakeup *wakeup)
{
    if (!load_after_publication(wakeup))
        return false;
    if (!__atomic_exchange_n(&wakeup->is_sleeping, 0, __ATOMIC_ACQ_REL))
        return false; /* another producer was faster */
    uint64_t one = 1;
    while (write(wakeup->fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
    return true;
}
